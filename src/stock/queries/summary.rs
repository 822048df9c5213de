//! The figures of a stock summary: two openings and what moved between them, grouped by lot.

use crate::catalogue::Category;
use crate::db::schema::{item, stock_movement, store};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::LotId;
use crate::kernel::{BusinessZone, Instant, ItemCode, Moment, Money, StoreCode};
use crate::stock::account::{Account, StockState};
use crate::stock::movement::MovementKind;
use crate::stock::queries::at::{Places, balances_at};
use crate::stock::records::find_lots;
use crate::stock::summary::{Amount, SummaryLine, side_of};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// By what a summary is grouped, besides the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// By store.
    Store,
    /// By region of the store.
    Region,
    /// By category of the item.
    Category,
    /// By owner; the county's own stock has none.
    Owner,
}

/// A period: from an instant until another, which no longer belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first instant.
    pub from: Instant,
    /// The instant after it.
    pub to: Instant,
}

/// The lines of a summary, by group and item.
pub type Summary = BTreeMap<(String, ItemCode), SummaryLine>;

/// The summary of a period, as far as it was on record by `known`.
///
/// # Errors
/// When the database fails.
pub fn summary(
    conn: &mut DbConnection,
    zone: BusinessZone,
    places: &Places,
    period: Period,
    known: Option<Instant>,
    grouping: Grouping,
) -> Result<Summary, DbError> {
    let before = |instant: Instant| {
        let at = instant.previous();
        match known {
            Some(known) => Moment::as_known_at(at, known),
            None => Moment::as_of(at, Instant::LAST),
        }
    };
    let opening = balances_at(conn, zone, &before(period.from), places)?;
    let closing = balances_at(conn, zone, &before(period.to), places)?;
    let moved = moved(conn, places, period, known)?;
    let lots: BTreeSet<LotId> = opening
        .keys()
        .chain(closing.keys())
        .map(|(_, _, lot, _)| lot.clone())
        .chain(moved.iter().map(|row| row.lot.clone()))
        .collect();
    let lots: Vec<LotId> = lots.into_iter().collect();
    let groups = Groups::load(conn, grouping, &lots)?;
    let mut summary = Summary::new();
    for ((store, item, lot, _), held) in opening {
        let amount = groups.worth(&lot, held.on_hand);
        summary.entry(groups.key(&store, item, &lot)).or_default().opening.add(amount);
    }
    for ((store, item, lot, _), held) in closing {
        let amount = groups.worth(&lot, held.on_hand);
        let has_cost = groups.cost(&lot).is_some();
        let line = summary.entry(groups.key(&store, item, &lot)).or_default();
        line.closing.add(amount);
        line.without_cost += if has_cost { 0 } else { held.on_hand };
    }
    for row in moved {
        let Some((side, sign)) = side_of(row.kind, &row.from, &row.to) else { continue };
        let amount = groups.worth(&row.lot, row.units * sign);
        summary.entry(groups.key(&row.store, row.item, &row.lot)).or_default().book(side, amount);
    }
    summary.retain(|_, line| !line.is_empty());
    Ok(summary)
}

/// Movements of one lot between the same accounts, added up.
struct Moved {
    store: StoreCode,
    item: ItemCode,
    lot: LotId,
    kind: MovementKind,
    from: Account,
    to: Account,
    units: i64,
}

fn moved(
    conn: &mut DbConnection,
    places: &Places,
    period: Period,
    known: Option<Instant>,
) -> Result<Vec<Moved>, DbError> {
    use stock_movement::{
        from_kind, from_name, from_state, item_code, kind, lot_id, occurred_at, quantity,
        recorded_at, store_code, to_kind, to_name, to_state,
    };
    // Named one by one, each store and item is a stretch of the card's index.
    let items: Vec<ItemCode> = match &places.items {
        Some(items) => items.clone(),
        None => item::table.select(item::code).order(item::code).load(conn)?,
    };
    let mut query = stock_movement::table
        .filter(item_code.eq_any(items))
        .filter(occurred_at.ge(period.from))
        .filter(occurred_at.lt(period.to))
        .filter(from_kind.eq("store").or(to_kind.eq("store")))
        .group_by((
            store_code, item_code, lot_id, kind, from_kind, from_name, from_state, to_kind,
            to_name, to_state,
        ))
        .select((
            store_code,
            item_code,
            lot_id,
            kind,
            (from_kind, from_name, from_state),
            (to_kind, to_name, to_state),
            sum_of!(quantity),
        ))
        .into_boxed();
    query = match &places.stores {
        Some(stores) => query.filter(store_code.eq_any(stores)),
        None => query.filter(store_code.eq_any(store::table.select(store::code))),
    };
    if let Some(known) = known {
        query = query.filter(recorded_at.le(known));
    }
    type End = (String, String, Option<StockState>);
    type Row = (StoreCode, ItemCode, LotId, MovementKind, End, End, Option<i64>);
    let rows: Vec<Row> = query.load(conn)?;
    let account = |(sort, name, state): End| Account::from_columns(&sort, &name, state);
    let moved = |(store, item, lot, what, from, to, units): Row| {
        Some(Moved {
            store,
            item,
            lot,
            kind: what,
            from: account(from)?,
            to: account(to)?,
            units: units.unwrap_or(0),
        })
    };
    Ok(rows.into_iter().filter_map(moved).collect())
}

/// What a group is told by, and what lots cost.
struct Groups {
    grouping: Grouping,
    regions: BTreeMap<StoreCode, String>,
    categories: BTreeMap<ItemCode, Category>,
    owners: BTreeMap<LotId, (Option<String>, Option<Money>)>,
}

impl Groups {
    fn load(conn: &mut DbConnection, grouping: Grouping, lots: &[LotId]) -> Result<Self, DbError> {
        let regions: Vec<(StoreCode, String)> =
            store::table.select((store::code, store::region_code)).order(store::code).load(conn)?;
        let categories: Vec<(ItemCode, Category)> =
            item::table.select((item::code, item::category)).order(item::code).load(conn)?;
        let owners = find_lots(conn, lots)?
            .into_iter()
            .map(|(id, lot)| (id, (lot.provenance.owner_code, lot.provenance.unit_cost)));
        Ok(Self {
            grouping,
            regions: regions.into_iter().collect(),
            categories: categories.into_iter().collect(),
            owners: owners.collect(),
        })
    }

    fn key(&self, store: &StoreCode, item: ItemCode, lot: &LotId) -> (String, ItemCode) {
        let group = match self.grouping {
            Grouping::Store => store.to_string(),
            Grouping::Region => self.regions.get(store).cloned().unwrap_or_default(),
            Grouping::Category => {
                self.categories.get(&item).map_or("", |word| word.as_str()).to_owned()
            }
            Grouping::Owner => {
                self.owners.get(lot).and_then(|(owner, _)| owner.clone()).unwrap_or_default()
            }
        };
        (group, item)
    }

    fn cost(&self, lot: &LotId) -> Option<Money> {
        self.owners.get(lot).and_then(|(_, cost)| *cost)
    }

    fn worth(&self, lot: &LotId, units: i64) -> Amount {
        Amount::at(units, self.cost(lot))
    }
}
