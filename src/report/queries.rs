//! What the ledger says beside a stock report.

pub mod board;
pub mod silent;

use crate::db::schema::stock_movement;
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{MovementId, StockReportId};
use crate::kernel::{BusinessZone, Instant, ItemCode, Moment, Quantity, StoreCode};
use crate::report::records::{self, LastTold};
use crate::report::statement::{Line, StockReport, Version};
use crate::stock::account::Outside;
use crate::stock::movement::{ESTIMATED_BY, Movement, MovementKind};
use crate::stock::queries::at::{Places, balances_at};
use crate::stock::queries::{movements_of, reversals_of};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// What lay in a store at a business time, by item, all lots and states together; of `items`, or of
/// all.
///
/// # Errors
/// When the database fails.
pub fn on_hand_at(
    conn: &mut DbConnection,
    zone: BusinessZone,
    store: &StoreCode,
    items: Option<&[ItemCode]>,
    at: Instant,
) -> Result<BTreeMap<ItemCode, Quantity>, DbError> {
    let places = Places {
        stores: Some(vec![store.clone()]),
        items: items.map(<[ItemCode]>::to_vec),
        ..Places::default()
    };
    let moment = Moment::as_of(at, Instant::LAST);
    let mut sums: BTreeMap<ItemCode, Quantity> = BTreeMap::new();
    for ((_, item, _, _), held) in balances_at(conn, zone, &moment, &places)? {
        let units = Quantity::new(held.on_hand).unwrap_or(Quantity::ZERO);
        let sum = sums.entry(item).or_insert(Quantity::ZERO);
        *sum = sum.plus_capped(units);
    }
    Ok(sums)
}

/// The estimates that a report posted, each with what of it has not been taken back; the last first.
///
/// # Errors
/// When the database fails.
pub fn estimates(
    conn: &mut DbConnection,
    report: &StockReportId,
) -> Result<Vec<(Movement, Quantity)>, DbError> {
    let mut posted = movements_of(conn, ESTIMATED_BY, report.as_str())?;
    posted.retain(|movement| movement.line.kind != MovementKind::Reversal);
    let ids: Vec<MovementId> = posted.iter().map(|movement| movement.id.clone()).collect();
    let reversals = reversals_of(conn, &ids)?;
    posted.reverse();
    let left = |movement: Movement| {
        let back = reversals.get(&movement.id).map_or(&[][..], Vec::as_slice);
        let back = Quantity::total(back.iter().map(|(_, quantity)| *quantity));
        let left = movement.line.quantity.minus_or_zero(back);
        (movement, left)
    };
    Ok(posted.into_iter().map(left).collect())
}

/// What of a report's estimates stands, by item.
pub fn in_force(estimates: &[(Movement, Quantity)]) -> BTreeMap<ItemCode, Quantity> {
    let mut sums: BTreeMap<ItemCode, Quantity> = BTreeMap::new();
    for (movement, left) in estimates {
        let sum = sums.entry(movement.line.item_code.clone()).or_insert(Quantity::ZERO);
        *sum = sum.plus_capped(*left);
    }
    sums
}

/// What documents other than of consumption brought to a store (above zero) or took, by item and in
/// the order of time, after a time and up to another.
///
/// # Errors
/// When the database fails.
pub fn came_between(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: &[ItemCode],
    after: Instant,
    until: Instant,
) -> Result<BTreeMap<ItemCode, Vec<(Instant, i64)>>, DbError> {
    use stock_movement::{
        from_kind, from_name, item_code, occurred_at, quantity, store_code, to_kind, to_name,
    };
    type Row = (ItemCode, Instant, Quantity, String, String, String, String);
    let rows: Vec<Row> = stock_movement::table
        .filter(store_code.eq(store))
        .filter(item_code.eq_any(items))
        .filter(occurred_at.gt(after))
        .filter(occurred_at.le(until))
        .select((item_code, occurred_at, quantity, from_kind, from_name, to_kind, to_name))
        .order((occurred_at, stock_movement::id))
        .load(conn)?;
    let mut came: BTreeMap<ItemCode, Vec<(Instant, i64)>> = BTreeMap::new();
    for (item, at, moved, from, source, to, purpose) in rows {
        let is_use = |kind: &str, name: &str| {
            let used = [Outside::Consumption.as_str(), Outside::WardReturn.as_str()];
            kind == "outside" && used.contains(&name)
        };
        if is_use(&from, &source) || is_use(&to, &purpose) {
            continue;
        }
        let units = moved.units();
        let change =
            if to == "store" { units } else { 0 } - if from == "store" { units } else { 0 };
        if change != 0 {
            came.entry(item).or_default().push((at, change));
        }
    }
    Ok(came)
}

/// A line of a report with what the ledger says beside it now.
#[derive(Debug, Clone)]
pub struct KnownLine {
    /// The line.
    pub line: Line,
    /// What the book held then without this report's own estimates, as is on record now.
    pub book: Quantity,
    /// Estimated consumption of this report that stands.
    pub estimated: Quantity,
    /// What the store told of the item before.
    pub previous: Option<LastTold>,
    /// What documents other than of consumption brought since that, less what they took.
    pub came: i64,
}

/// A report with everything that is to be seen of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The report.
    pub report: StockReport,
    /// The version whose lines are shown.
    pub shown: i64,
    /// Its versions with their lines, the first first.
    pub versions: Vec<(Version, Vec<Line>)>,
    /// The lines of the version shown.
    pub lines: Vec<KnownLine>,
    /// The movements of its estimates, those that take others back too, each with those that take it
    /// back.
    pub movements: Vec<(Movement, Vec<(MovementId, Quantity)>)>,
}

/// How many earlier reports are looked through for what a store told last of an item.
const LOOK_BACK: i64 = 62;

/// A report with the lines of a version, the newest unless said, and what the ledger says of them.
///
/// # Errors
/// When the database fails.
pub fn loaded(
    conn: &mut DbConnection,
    zone: BusinessZone,
    report: StockReport,
    version: Option<i64>,
) -> Result<Loaded, DbError> {
    let shown = version.unwrap_or(report.version);
    let mut versions = Vec::new();
    for version in records::versions(conn, &report.id)? {
        let lines = records::lines(conn, &report.id, version.version)?;
        versions.push((version, lines));
    }
    let of_shown = versions.iter().find(|(version, _)| version.version == shown);
    let (as_of, lines) = of_shown
        .map_or((report.as_of, Vec::new()), |(version, lines)| (version.as_of, lines.clone()));
    let items: Vec<ItemCode> = lines.iter().map(|line| line.item_code.clone()).collect();
    let standing = estimates(conn, &report.id)?;
    let own = in_force(&standing);
    // What it posted lowers the book from the time on at which it was posted.
    let before = in_force(
        &standing
            .into_iter()
            .filter(|(movement, _)| movement.occurred_at <= as_of)
            .collect::<Vec<_>>(),
    );
    let book = on_hand_at(conn, zone, &report.store_code, Some(&items), as_of)?;
    let mut told = records::last_told(conn, &report.store_code, as_of, LOOK_BACK)?;
    told.retain(|item, last| items.contains(item) && last.day < report.business_day);
    let since = told.values().map(|last| last.as_of).min().unwrap_or(as_of);
    let came = came_between(conn, &report.store_code, &items, since, as_of)?;
    let of = |map: &BTreeMap<ItemCode, Quantity>, item: &ItemCode| {
        map.get(item).copied().unwrap_or(Quantity::ZERO)
    };
    let known = |line: Line| {
        let item = line.item_code.clone();
        let previous = told.get(&item).cloned();
        let changes = came.get(&item).map_or(&[][..], Vec::as_slice);
        let later =
            changes.iter().filter(|(at, _)| previous.as_ref().is_some_and(|last| *at > last.as_of));
        KnownLine {
            book: of(&book, &item).plus_capped(of(&before, &item)),
            estimated: of(&own, &item),
            came: later.map(|(_, units)| *units).fold(0_i64, i64::saturating_add),
            previous,
            line,
        }
    };
    let movements = movements_of(conn, ESTIMATED_BY, report.id.as_str())?;
    let ids: Vec<MovementId> = movements.iter().map(|movement| movement.id.clone()).collect();
    let mut reversals = reversals_of(conn, &ids)?;
    let movements = movements
        .into_iter()
        .map(|movement| {
            let back = reversals.remove(&movement.id).unwrap_or_default();
            (movement, back)
        })
        .collect();
    Ok(Loaded { lines: lines.into_iter().map(known).collect(), shown, versions, movements, report })
}
