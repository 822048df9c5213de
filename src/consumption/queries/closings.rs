//! Histories from the daily closings: what was there at the end of each day of a window.

use super::{Cell, Cells};
use crate::consumption::rules::{UseHistory, Window, stretches};
use crate::db::schema::{lot, makers_lot, stock_balance, stock_closing};
use crate::db::{Condition, DbConnection, DbError};
use crate::kernel::time::{BusinessZone, plus_days};
use crate::kernel::{Instant, ItemCode, StoreCode};
use crate::stock::account::StockState;
use crate::stock::lot::Expiry;
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::HashMap;

/// An available balance that came to nothing, in the words of the indexes `stock_closing_empty` and
/// `stock_closing_empty_item`, by which alone both databases know that they serve.
const EMPTY: &str = "(stock_closing.on_hand = 0 AND stock_closing.state = 'available')";

/// First days, and when there was something to use; what was used is left to the caller.
///
/// A first day before the window is told as some day before it, which is all that matters. What was
/// there on each day is not asked, only since when, and the days on which it came to nothing, which
/// are few: most closings are never looked at.
pub(super) fn histories(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
) -> Result<HashMap<Cell, UseHistory>, DbError> {
    let mut histories: HashMap<Cell, UseHistory> = HashMap::new();
    let before = plus_days(window.first(), -1);
    for cell in gone_before(conn, window, zone, cells)? {
        histories.entry(cell).or_default().first_seen = Some(before);
    }
    let emptied = emptied(conn, window, cells)?;
    for row in held(conn, window, zone, cells)? {
        let Held { store, item, lot, state, at_first, changed, expiry, expires_on, recalled_at } =
            row;
        let changed = changed.filter(|day| *day < window.today());
        let known = at_first.map(|units| (before, units)).into_iter();
        let known = known.chain(changed.map(|day| (day, 1)));
        let Some((seen, _)) = known.clone().next() else { continue };
        let place = (store, lot);
        let emptied = emptied.get(&place);
        let history = histories.entry((place.0, item)).or_default();
        history.first_seen = Some(history.first_seen.map_or(seen, |first| first.min(seen)));
        // What cannot be dated was never usable; a recalled lot was, through the day before.
        if state != StockState::Available || expiry == Expiry::Unknown.kind() {
            continue;
        }
        let before_recall = recalled_at.map(|at| plus_days(zone.day_of(at), -1));
        let usable_until = expires_on.into_iter().chain(before_recall).min();
        let days = known.chain(emptied.into_iter().flatten().copied());
        history.stocked.extend(stretches(days, usable_until));
    }
    Ok(histories)
}

/// Items of which a store had something, and has had nothing since before the window.
fn gone_before(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
) -> Result<Vec<Cell>, DbError> {
    use stock_balance::{item_code, live_until, store_code};
    let mut query = stock_balance::table
        .filter(live_until.lt(zone.start_of(window.first())))
        .select((store_code, item_code))
        .distinct()
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, store_code, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, item_code, items);
    }
    Ok(query.load(conn)?)
}

#[derive(Queryable)]
struct Held {
    store: StoreCode,
    item: ItemCode,
    lot: String,
    state: StockState,
    at_first: Option<i64>,
    changed: Option<NaiveDate>,
    expiry: String,
    expires_on: Option<NaiveDate>,
    recalled_at: Option<Instant>,
}

/// The balances that were not empty for good when the window began, with what they had been until then,
/// and the first day on which they changed since.
fn held(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
) -> Result<Vec<Held>, DbError> {
    let (earlier, later) = diesel::alias!(stock_closing as earlier, stock_closing as later);
    let at_first = earlier
        .filter(earlier.field(stock_closing::store_code).eq(stock_balance::store_code))
        .filter(earlier.field(stock_closing::lot_id).eq(stock_balance::lot_id))
        .filter(earlier.field(stock_closing::state).eq(stock_balance::state))
        .filter(earlier.field(stock_closing::business_day).lt(window.first()))
        .order(earlier.field(stock_closing::business_day).desc())
        .select(earlier.field(stock_closing::on_hand))
        .limit(1)
        .single_value();
    let changed = later
        .filter(later.field(stock_closing::store_code).eq(stock_balance::store_code))
        .filter(later.field(stock_closing::lot_id).eq(stock_balance::lot_id))
        .filter(later.field(stock_closing::state).eq(stock_balance::state))
        .filter(later.field(stock_closing::business_day).ge(window.first()))
        .order(later.field(stock_closing::business_day))
        .select(later.field(stock_closing::business_day))
        .limit(1)
        .single_value();
    let mut query = stock_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(stock_balance::live_until.ge(zone.start_of(window.first())))
        .select((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            stock_balance::state,
            at_first,
            changed,
            makers_lot::expiry,
            makers_lot::expires_on,
            makers_lot::recalled_at,
        ))
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, stock_balance::store_code, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, stock_balance::item_code, items);
    }
    Ok(query.load(conn)?)
}

/// On which days an available balance came to nothing (0), and was something again (1); in order.
type Emptied = HashMap<(StoreCode, String), Vec<(NaiveDate, i64)>>;

/// When balances came to nothing within the window.
fn emptied(conn: &mut DbConnection, window: Window, cells: &Cells) -> Result<Emptied, DbError> {
    use stock_closing::{business_day, item_code, lot_id, state, store_code};
    let later = diesel::alias!(stock_closing as later);
    let filled_again = later
        .filter(later.field(store_code).eq(store_code))
        .filter(later.field(lot_id).eq(lot_id))
        .filter(later.field(state).eq(state))
        .filter(later.field(business_day).gt(business_day))
        .filter(later.field(stock_closing::on_hand).gt(0))
        .order(later.field(business_day))
        .select(later.field(business_day))
        .limit(1)
        .single_value();
    let mut query = stock_closing::table
        .filter(Condition(EMPTY))
        .filter(business_day.lt(window.today()))
        .filter(business_day.ge(window.first()))
        .select((store_code, lot_id, business_day, filled_again))
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, store_code, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, item_code, items);
    }
    let mut rows: Vec<(StoreCode, String, NaiveDate, Option<NaiveDate>)> = query.load(conn)?;
    rows.sort_unstable_by_key(|(_, _, day, _)| *day);
    let mut emptied = Emptied::new();
    for (store, lot, day, filled_again) in rows {
        let days = emptied.entry((store, lot)).or_default();
        days.push((day, 0));
        days.extend(filled_again.filter(|again| *again < window.today()).map(|again| (again, 1)));
    }
    Ok(emptied)
}
