//! What a stocktake reads of the ledger: what lies in the store, and what has moved since.

pub mod loaded;

use crate::access::Scope;
use crate::catalogue::Category;
use crate::db::schema::{
    item, lot, makers_lot, stock_balance, stock_count_mark, stock_movement, unmatched_fact,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{LotId, MakersLotId, MovementId};
use crate::kernel::{Instant, ItemCode, LotNumber, Quantity, StoreCode};
use crate::stock::queries::unmatched::cleared_by;
use crate::stock::records::cuts::cuts_by;
use crate::stock::unmatched::{ReservationCut, UnmatchedFact};
use crate::stock::{DocumentRef, Expiry, MovementKind, StockState};
use crate::stocktake::sheet::{DOCUMENT_KIND, Frozen, Stocktake};
use crate::stocktake::variance::{Books, Change, Place};
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::BTreeMap;

/// What a posted stocktake did besides moving stock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consequences {
    /// The promises that it cut.
    pub cuts: Vec<ReservationCut>,
    /// The facts that it cleared, and how much of each.
    pub cleared: Vec<(UnmatchedFact, Quantity)>,
}

/// What a store holds of one lot in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The item.
    pub item_code: ItemCode,
    /// The item's category.
    pub category: Category,
    /// The lot.
    pub lot_id: LotId,
    /// The state.
    pub state: StockState,
    /// Base units.
    pub on_hand: Quantity,
}

/// What a store holds by item, lot and state, with `empty` what it held once too; of some items, or
/// of all.
///
/// # Errors
/// When the database fails.
pub fn held(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: Option<&[ItemCode]>,
    empty: bool,
) -> Result<Vec<Held>, DbError> {
    let mut query = stock_balance::table
        .inner_join(item::table)
        .filter(stock_balance::store_code.eq(store))
        .select((
            stock_balance::item_code,
            item::category,
            stock_balance::lot_id,
            stock_balance::state,
            stock_balance::on_hand,
        ))
        .into_boxed();
    if !empty {
        query = query.filter(stock_balance::on_hand.gt(Quantity::ZERO));
    }
    if let Some(items) = items {
        query = query.filter(stock_balance::item_code.eq_any(items));
    }
    let rows: Vec<(ItemCode, Category, LotId, StockState, Quantity)> = query
        .order((stock_balance::item_code, stock_balance::lot_id, stock_balance::state))
        .load(conn)?;
    let to = |(item_code, category, lot_id, state, on_hand)| Held {
        item_code,
        category,
        lot_id,
        state,
        on_hand,
    };
    Ok(rows.into_iter().map(to).collect())
}

/// Where facts are open at a store that had happened by an instant: item and the lot under which the
/// book keeps each, of some items or of all. Nothing need lie there any more.
///
/// # Errors
/// When the database fails.
pub fn left_unmatched(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: Option<&[ItemCode]>,
    by: Instant,
) -> Result<Vec<Held>, DbError> {
    let mut query = unmatched_fact::table
        .inner_join(item::table.on(item::code.eq(unmatched_fact::item_code)))
        .inner_join(
            lot::table
                .on(lot::id.eq(unmatched_fact::lot_id))
                .inner_join(makers_lot::table.on(makers_lot::id.eq(lot::makers_lot_id))),
        )
        .filter(unmatched_fact::store_code.eq(store))
        .filter(unmatched_fact::still_open.gt(Quantity::ZERO))
        .filter(unmatched_fact::occurred_at.le(by))
        .select((
            unmatched_fact::item_code,
            item::category,
            unmatched_fact::lot_id,
            makers_lot::expiry,
            makers_lot::expires_on,
        ))
        .into_boxed();
    if let Some(items) = items {
        query = query.filter(unmatched_fact::item_code.eq_any(items));
    }
    type Row = (ItemCode, Category, LotId, String, Option<NaiveDate>);
    let rows: Vec<Row> = query.order(unmatched_fact::id).load(conn)?;
    let to = |(item_code, category, lot_id, expiry, expires_on): Row| Held {
        item_code,
        category,
        lot_id,
        // What lies under a number that says nothing of its expiry cannot be used unseen.
        state: match Expiry::from_columns(&expiry, expires_on) {
            Some(Expiry::Dated(_) | Expiry::None) => StockState::Available,
            Some(Expiry::Unknown) | None => StockState::PendingInspection,
        },
        on_hand: Quantity::ZERO,
    };
    let held: BTreeMap<LotId, Held> =
        rows.into_iter().map(to).map(|held| (held.lot_id.clone(), held)).collect();
    Ok(held.into_values().collect())
}

type MovementColumns = (
    (MovementId, MovementKind, LotId, Quantity),
    (String, String, Option<StockState>),
    (String, String, Option<StockState>),
    (String, String, String),
    (i64, Instant, Instant),
);

/// What has changed at a store since a sheet was made: what happened after its moment, and what was
/// recorded after it; of some items, or of all.
///
/// # Errors
/// When the database fails.
pub fn changes(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: Option<&[ItemCode]>,
    frozen: Frozen,
) -> Result<BTreeMap<Place, Vec<Change>>, DbError> {
    let mut query = stock_movement::table
        .filter(stock_movement::store_code.eq(store))
        .select((
            (
                stock_movement::id,
                stock_movement::kind,
                stock_movement::lot_id,
                stock_movement::quantity,
            ),
            (stock_movement::from_kind, stock_movement::from_name, stock_movement::from_state),
            (stock_movement::to_kind, stock_movement::to_name, stock_movement::to_state),
            (
                stock_movement::document_kind,
                stock_movement::document_id,
                stock_movement::document_number,
            ),
            (stock_movement::chain_seq, stock_movement::occurred_at, stock_movement::recorded_at),
        ))
        .into_boxed();
    let since = stock_movement::chain_seq.gt(frozen.seq);
    // Nothing happens later than it is recorded, so only a sheet of the past can have missed what
    // stood in the chain; the other kind reads the end of the chain alone.
    query = if frozen.in_the_past {
        query.filter(since.or(stock_movement::occurred_at.gt(frozen.at)))
    } else {
        query.filter(since)
    };
    if let Some(items) = items {
        query = query.filter(stock_movement::item_code.eq_any(items));
    }
    let rows: Vec<MovementColumns> = query.order(stock_movement::chain_seq).load(conn)?;
    let mut changes: BTreeMap<Place, Vec<Change>> = BTreeMap::new();
    for ((id, kind, lot, quantity), from, to, document, (chain_seq, occurred_at, recorded_at)) in
        rows
    {
        for ((account, name, state), units) in [(from, -quantity.units()), (to, quantity.units())] {
            let Some(state) = state.filter(|_| account == "store" && name == store.as_str()) else {
                continue;
            };
            changes.entry((lot.clone(), state)).or_default().push(Change {
                movement_id: id.clone(),
                kind,
                document: DocumentRef {
                    kind: document.0.clone(),
                    id: document.1.clone(),
                    number: document.2.clone(),
                },
                chain_seq,
                occurred_at,
                recorded_at,
                units,
            });
        }
    }
    Ok(changes)
}

/// The books of a store since a sheet was made; of some items, or of all.
///
/// # Errors
/// When the database fails.
pub fn books(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: Option<&[ItemCode]>,
    frozen: Frozen,
) -> Result<Books, DbError> {
    let on_hand = held(conn, store, items, false)?
        .into_iter()
        .map(|held| ((held.lot_id, held.state), held.on_hand.units()))
        .collect();
    let changes = changes(conn, store, items, frozen)?;
    Ok(Books { on_hand, changes })
}

/// Lots with their makers, by item and number on the label.
pub type LotsByNumber = BTreeMap<(ItemCode, LotNumber), Vec<(LotId, String)>>;

/// The lots of items that a store has or had, by item and number on the label.
///
/// # Errors
/// When the database fails.
pub fn lots_at(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: &[ItemCode],
) -> Result<LotsByNumber, DbError> {
    let rows: Vec<(ItemCode, LotNumber, LotId, String)> = stock_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(stock_balance::store_code.eq(store))
        .filter(stock_balance::item_code.eq_any(items))
        .select((makers_lot::item_code, makers_lot::lot_number, lot::id, makers_lot::maker))
        .distinct()
        .order((makers_lot::item_code, makers_lot::lot_number, lot::id))
        .load(conn)?;
    let mut found = LotsByNumber::new();
    for (item, number, id, maker) in rows {
        found.entry((item, number)).or_default().push((id, maker));
    }
    Ok(found)
}

/// A maker's lot as far as a label tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLabel {
    /// The maker's lot.
    pub id: MakersLotId,
    /// Who made it.
    pub maker: String,
    /// When it was made.
    pub manufactured_on: Option<NaiveDate>,
    /// The kind of expiry.
    pub expiry: String,
    /// The last day of use.
    pub expires_on: Option<NaiveDate>,
}

/// The maker's lots of an item under a number, wherever in the county they are.
///
/// # Errors
/// When the database fails.
pub fn labels(
    conn: &mut DbConnection,
    item_code: &ItemCode,
    lot_number: &LotNumber,
) -> Result<Vec<KnownLabel>, DbError> {
    type Row = (MakersLotId, String, Option<NaiveDate>, String, Option<NaiveDate>);
    let rows: Vec<Row> = makers_lot::table
        .filter(makers_lot::item_code.eq(item_code))
        .filter(makers_lot::lot_number.eq(lot_number))
        .select((
            makers_lot::id,
            makers_lot::maker,
            makers_lot::manufactured_on,
            makers_lot::expiry,
            makers_lot::expires_on,
        ))
        .order(makers_lot::id)
        .limit(1_000)
        .load(conn)?;
    let to = |(id, maker, manufactured_on, expiry, expires_on)| KnownLabel {
        id,
        maker,
        manufactured_on,
        expiry,
        expires_on,
    };
    Ok(rows.into_iter().map(to).collect())
}

/// What a posted stocktake did besides moving stock: the promises that it cut, and the facts that
/// it cleared.
///
/// # Errors
/// When the database fails.
pub fn consequences(
    conn: &mut DbConnection,
    stocktake: &Stocktake,
) -> Result<Consequences, DbError> {
    let Some(ended) = stocktake.ended.as_ref().filter(|_| stocktake.posted_seq.is_some()) else {
        return Ok(Consequences::default());
    };
    let (store, id) = (&stocktake.store_code, stocktake.id.as_str());
    Ok(Consequences {
        cuts: cuts_by(conn, DOCUMENT_KIND, id, ended.at)?,
        cleared: cleared_by(conn, store, DOCUMENT_KIND, id)?,
    })
}

/// Which stock is due to be counted.
#[derive(Debug, Clone)]
pub struct DueFilter {
    /// In this store.
    pub store: Option<StoreCode>,
    /// Of this item.
    pub item: Option<ItemCode>,
    /// Of items of this category.
    pub category: Option<Category>,
    /// Not counted since.
    pub since: Instant,
}

/// Stock that has not been counted for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// The lot.
    pub lot_id: LotId,
    /// The state.
    pub state: StockState,
    /// The last count: when, and the stocktake's number.
    pub last: Option<(Instant, String)>,
}

type DueKey = (StoreCode, ItemCode, LotId, StockState);

/// Stock that is there and was not counted since a moment, by store, item, lot and state.
///
/// # Errors
/// When the database fails.
pub fn due(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &DueFilter,
    after: Option<DueKey>,
    limit: i64,
) -> Result<Vec<Due>, DbError> {
    let counted = stock_count_mark::table
        .filter(stock_count_mark::store_code.eq(stock_balance::store_code))
        .filter(stock_count_mark::lot_id.eq(stock_balance::lot_id))
        .filter(stock_count_mark::state.eq(stock_balance::state))
        .filter(stock_count_mark::counted_at.ge(filter.since));
    let mut query = stock_balance::table
        .inner_join(item::table)
        .filter(stock_balance::on_hand.gt(Quantity::ZERO))
        .filter(diesel::dsl::not(diesel::dsl::exists(counted)))
        .select((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            stock_balance::state,
        ))
        .into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stock_balance::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(stock_balance::store_code.eq(store));
    }
    if let Some(code) = &filter.item {
        query = query.filter(stock_balance::item_code.eq(code));
    }
    if let Some(category) = filter.category {
        query = query.filter(item::category.eq(category));
    }
    if let Some((store, item, lot, state)) = after {
        let beyond =
            stock_balance::store_code.gt(store.clone()).or(stock_balance::store_code
                .eq(store)
                .and(
                    stock_balance::item_code.gt(item.clone()).or(stock_balance::item_code
                        .eq(item)
                        .and(stock_balance::lot_id.gt(lot.clone()).or(
                            stock_balance::lot_id.eq(lot).and(stock_balance::state.gt(state)),
                        ))),
                ));
        query = query.filter(beyond);
    }
    let rows: Vec<DueKey> = query
        .order((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            stock_balance::state,
        ))
        .limit(limit)
        .load(conn)?;
    let last = last_counts(conn, &rows)?;
    let to = |(store_code, item_code, lot_id, state): DueKey| {
        let last = last.get(&(store_code.clone(), lot_id.clone(), state)).cloned();
        Due { store_code, item_code, lot_id, state, last }
    };
    Ok(rows.into_iter().map(to).collect())
}

type LastCounts = BTreeMap<(StoreCode, LotId, StockState), (Instant, String)>;

fn last_counts(conn: &mut DbConnection, rows: &[DueKey]) -> Result<LastCounts, DbError> {
    let mut last = LastCounts::new();
    for rows in rows.chunks(500) {
        let stores: Vec<&StoreCode> = rows.iter().map(|row| &row.0).collect();
        let lots: Vec<&LotId> = rows.iter().map(|row| &row.2).collect();
        let marks: Vec<(StoreCode, LotId, StockState, Instant, String)> = stock_count_mark::table
            .filter(stock_count_mark::store_code.eq_any(stores))
            .filter(stock_count_mark::lot_id.eq_any(lots))
            .select((
                stock_count_mark::store_code,
                stock_count_mark::lot_id,
                stock_count_mark::state,
                stock_count_mark::counted_at,
                stock_count_mark::document_number,
            ))
            .order((stock_count_mark::counted_at, stock_count_mark::document_id))
            .load(conn)?;
        last.extend(
            marks
                .into_iter()
                .map(|(store, lot, state, at, number)| ((store, lot, state), (at, number))),
        );
    }
    Ok(last)
}
