//! Histories from the daily closings: what was there at the end of each day of a window.

use super::{Cell, Cells};
use crate::consumption::rules::{UsableChange, UseHistory, Window};
use crate::db::schema::{lot, makers_lot, stock_balance, stock_closing};
use crate::db::{DbConnection, DbError};
use crate::kernel::time::{BusinessZone, plus_days};
use crate::kernel::{Instant, ItemCode, StoreCode};
use crate::stock::account::StockState;
use crate::stock::lot::Expiry;
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Date, Nullable};
use std::collections::HashMap;

diesel::define_sql_function! {
    /// The first that is there.
    fn coalesce(day: Nullable<Date>, otherwise: Date) -> Date;
}

/// First days and changes of the usable stock; what was used is left to the caller.
///
/// A first day before the window is told as some day before it, which is all that matters.
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
    let mut balance: Option<(StoreCode, String)> = None;
    let mut held = 0;
    for row in closings(conn, window, zone, cells)? {
        let Closing { store, item, lot, state, day, on_hand, expiry, expires_on, recalled_at } =
            row;
        let history = histories.entry((store.clone(), item)).or_default();
        let day = day.max(before);
        history.first_seen = Some(history.first_seen.map_or(day, |first| first.min(day)));
        if state != StockState::Available {
            continue;
        }
        let this = (store, lot);
        if balance.as_ref() != Some(&this) {
            balance = Some(this);
            held = 0;
        }
        let units = on_hand - held;
        held = on_hand;
        // What cannot be dated was never usable; a recalled lot was, through the day before.
        if units == 0 || expiry == Expiry::Unknown.kind() {
            continue;
        }
        let before_recall = recalled_at.map(|at| plus_days(zone.day_of(at), -1));
        let usable_until = expires_on.into_iter().chain(before_recall).min();
        history.changes.push(UsableChange { day, usable_until, units });
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
struct Closing {
    store: StoreCode,
    item: ItemCode,
    lot: String,
    state: StockState,
    day: NaiveDate,
    on_hand: i64,
    expiry: String,
    expires_on: Option<NaiveDate>,
    recalled_at: Option<Instant>,
}

/// The closings of the window, and of each balance the newest before it, by balance and day; of the
/// balances that were not empty for good when the window began.
fn closings(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
) -> Result<Vec<Closing>, DbError> {
    let earlier = diesel::alias!(stock_closing as earlier);
    let newest_before = earlier
        .filter(earlier.field(stock_closing::store_code).eq(stock_balance::store_code))
        .filter(earlier.field(stock_closing::lot_id).eq(stock_balance::lot_id))
        .filter(earlier.field(stock_closing::state).eq(stock_balance::state))
        .filter(earlier.field(stock_closing::business_day).lt(window.first()))
        .order(earlier.field(stock_closing::business_day).desc())
        .select(earlier.field(stock_closing::business_day))
        .limit(1)
        .single_value();
    let mut query = stock_balance::table
        .inner_join(
            stock_closing::table.on(stock_closing::store_code
                .eq(stock_balance::store_code)
                .and(stock_closing::lot_id.eq(stock_balance::lot_id))
                .and(stock_closing::state.eq(stock_balance::state))),
        )
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(stock_balance::live_until.ge(zone.start_of(window.first())))
        .filter(stock_closing::business_day.lt(window.today()))
        .filter(stock_closing::business_day.ge(coalesce(newest_before, window.first())))
        .select((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            stock_balance::state,
            stock_closing::business_day,
            stock_closing::on_hand,
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
    Ok(query
        .order((
            stock_balance::store_code,
            stock_balance::lot_id,
            stock_balance::state,
            stock_closing::business_day,
        ))
        .load(conn)?)
}
