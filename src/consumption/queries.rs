//! The use of items as the ledger shows it, for many stores and items at once.

mod as_known;
pub mod averages;
mod closings;

use crate::consumption::rules::{UseHistory, Window};
use crate::db::schema::stock_movement;
use crate::db::{Condition, DbConnection, DbError};
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, ItemCode, StoreCode};
use crate::stock::account::Outside;
use chrono::NaiveDate;
use diesel::dsl::case_when;
use diesel::prelude::*;
use std::collections::HashMap;

/// The outside account into which consumption goes.
const CONSUMPTION: &str = Outside::Consumption.as_str();
/// The outside account from which wards give back what they did not use.
const WARD_RETURN: &str = Outside::WardReturn.as_str();

/// What tells the movements of use from all others, in the words of the index `stock_movement_use`,
/// by which alone both databases know that it serves.
const OF_USE: &str = "((to_kind = 'outside' AND to_name IN ('consumption', 'ward_return')) \
                      OR (from_kind = 'outside' AND from_name IN ('consumption', 'ward_return')))";

/// What tells the movements of stock reports, likewise for `stock_movement_estimated`.
const OF_REPORTS: &str = "document_kind = 'stock_report'";

/// One item at one store.
pub type Cell = (StoreCode, ItemCode);

/// Which stores and items are looked at.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    /// Only these stores, or all.
    pub stores: Option<Vec<StoreCode>>,
    /// Only these items, or all.
    pub items: Option<Vec<ItemCode>>,
}

/// What the ledger knows of the use of items at stores over a window.
///
/// A fixed number of queries, however many stores and items there are, which look at the days of the
/// window and one closing before it, and not at the history. Only what was on record by `known`
/// counts, where it is given; then movements are read, because closings know everything.
///
/// # Errors
/// When the database fails.
pub fn histories(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Option<Instant>,
) -> Result<HashMap<Cell, UseHistory>, DbError> {
    let mut histories = match known {
        None => closings::histories(conn, window, zone, cells)?,
        Some(known) => as_known::histories(conn, window, zone, cells, known)?,
    };
    // What is on record lies before the year 2200.
    let on_record = known.unwrap_or(Instant::LAST);
    for (store, item, day, units) in used(conn, window, cells, on_record)? {
        add_use(&mut histories, (store, item), day, units);
    }
    for (store, item, day, units) in taken_back(conn, window, cells, on_record)? {
        add_use(&mut histories, (store, item), day, units);
    }
    for (store, item, units) in estimated(conn, window, cells, on_record)? {
        histories.entry((store, item)).or_default().estimated = units.unwrap_or(0);
    }
    Ok(histories)
}

/// Base units of the window's use that are estimated from stock reports. What is taken back of an
/// estimate is taken back at its own time.
fn estimated(
    conn: &mut DbConnection,
    window: Window,
    cells: &Cells,
    known: Instant,
) -> Result<Vec<(StoreCode, ItemCode, Option<i64>)>, DbError> {
    use stock_movement::{business_day, item_code, quantity, reverses, store_code};
    let mut query = stock_movement::table
        .filter(business_day.ge(window.first()))
        .filter(business_day.lt(window.today()))
        .filter(stock_movement::recorded_at.le(known))
        .filter(Condition(OF_USE))
        .filter(Condition(OF_REPORTS))
        .group_by((store_code, item_code))
        .select((
            store_code,
            item_code,
            sum_of!(case_when(reverses.is_null(), quantity).otherwise(quantity * -1_i64)),
        ))
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, store_code, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, item_code, items);
    }
    Ok(query.load(conn)?)
}

fn add_use(
    histories: &mut HashMap<Cell, UseHistory>,
    cell: Cell,
    day: NaiveDate,
    units: Option<i64>,
) {
    let total = histories.entry(cell).or_default().used.entry(day).or_default();
    *total = total.saturating_add(units.unwrap_or(0));
}

type DailyUnits = (StoreCode, ItemCode, NaiveDate, Option<i64>);

/// Base units used on each day of the window, less what wards gave back on it.
fn used(
    conn: &mut DbConnection,
    window: Window,
    cells: &Cells,
    known: Instant,
) -> Result<Vec<DailyUnits>, DbError> {
    use stock_movement::{
        business_day, from_kind, from_name, item_code, quantity, reverses, store_code, to_kind,
        to_name,
    };
    let into_use = to_kind.eq("outside").and(to_name.eq(CONSUMPTION));
    let given_back = from_kind.eq("outside").and(from_name.eq(WARD_RETURN));
    let mut query = stock_movement::table
        .filter(business_day.ge(window.first()))
        .filter(business_day.lt(window.today()))
        .filter(reverses.is_null())
        .filter(stock_movement::recorded_at.le(known))
        .filter(Condition(OF_USE))
        .filter(into_use.or(given_back))
        .group_by((store_code, business_day, item_code))
        .select((
            store_code,
            item_code,
            business_day,
            sum_of!(case_when(into_use, quantity).otherwise(quantity * -1_i64)),
        ))
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, store_code, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, item_code, items);
    }
    Ok(query.load(conn)?)
}

/// What reversals took back, on the day of the movement that was wrong, not on that of its
/// discovery.
fn taken_back(
    conn: &mut DbConnection,
    window: Window,
    cells: &Cells,
    known: Instant,
) -> Result<Vec<DailyUnits>, DbError> {
    let reversed = diesel::alias!(stock_movement as reversed);
    let day = reversed.field(stock_movement::business_day);
    let from_use =
        stock_movement::from_kind.eq("outside").and(stock_movement::from_name.eq(CONSUMPTION));
    let not_given_back =
        stock_movement::to_kind.eq("outside").and(stock_movement::to_name.eq(WARD_RETURN));
    let mut query = stock_movement::table
        .inner_join(
            reversed.on(stock_movement::reverses.eq(reversed.field(stock_movement::id).nullable())),
        )
        .filter(stock_movement::reverses.is_not_null())
        .filter(stock_movement::recorded_at.le(known))
        .filter(day.ge(window.first()))
        .filter(day.lt(window.today()))
        .filter(from_use.or(not_given_back))
        .select((
            stock_movement::store_code,
            stock_movement::item_code,
            day,
            case_when(from_use, (stock_movement::quantity * -1_i64).nullable())
                .otherwise(stock_movement::quantity.nullable()),
        ))
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, stock_movement::store_code, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, stock_movement::item_code, items);
    }
    Ok(query.load(conn)?)
}

#[cfg(test)]
mod tests {
    use super::{CONSUMPTION, OF_REPORTS, OF_USE, WARD_RETURN};
    use crate::stock::movement::ESTIMATED_BY;

    #[test]
    fn indexes_are_asked_for_in_the_ledger_s_own_words() {
        assert!(OF_USE.contains(CONSUMPTION) && OF_USE.contains(WARD_RETURN));
        assert!(OF_REPORTS.ends_with(&format!("'{ESTIMATED_BY}'")));
    }
}
