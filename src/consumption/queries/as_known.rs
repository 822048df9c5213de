//! Histories as they were known at a time of the past: from the movements that were on record then.

use super::{Cell, Cells};
use crate::consumption::rules::{UseHistory, Window, stretches};
use crate::db::schema::{lot, makers_lot, stock_movement};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::LotId;
use crate::kernel::time::{BusinessZone, plus_days};
use crate::kernel::{Instant, ItemCode, Moment, StoreCode};
use crate::stock::account::StockState;
use crate::stock::lot::Expiry;
use crate::stock::queries::at::{Places, balances_at};
use chrono::NaiveDate;
use diesel::dsl::case_when;
use diesel::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// First days, and when there was something to use; what was used is left to the caller.
pub(super) fn histories(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Instant,
) -> Result<HashMap<Cell, UseHistory>, DbError> {
    let mut histories: HashMap<Cell, UseHistory> = HashMap::new();
    for (store, item, day) in first_seen(conn, cells, known)? {
        histories.entry((store, item)).or_default().first_seen = day;
    }
    let lives = lot_lives(conn, zone, cells, known)?;
    for ((store, item, lot), changes) in available_changes(conn, window, zone, cells, known)? {
        let Some(life) = lives.get(&lot).filter(|life| life.usable) else { continue };
        let held = changes.into_iter().scan(0_i64, |held, (day, units)| {
            *held = held.saturating_add(units);
            Some((day, *held))
        });
        let stocked = stretches(held, life.usable_until);
        histories.entry((store, item)).or_default().stocked.extend(stocked);
    }
    Ok(histories)
}

/// The first day on which an item came into a store.
fn first_seen(
    conn: &mut DbConnection,
    cells: &Cells,
    known: Instant,
) -> Result<Vec<(StoreCode, ItemCode, Option<NaiveDate>)>, DbError> {
    use stock_movement::{business_day, item_code, store_code, to_kind};
    let mut query = stock_movement::table
        .filter(to_kind.eq("store"))
        .filter(stock_movement::recorded_at.le(known))
        .group_by((store_code, item_code))
        .select((store_code, item_code, diesel::dsl::min(business_day)))
        .into_boxed();
    if let Some(stores) = &cells.stores {
        query = query.filter(store_code.eq_any(stores));
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, item_code, items);
    }
    Ok(query.load(conn)?)
}

/// A lot as far as it decides how long its stock was usable.
struct LotLife {
    usable_until: Option<NaiveDate>,
    usable: bool,
}

/// How long each lot was usable.
///
/// A recalled lot was usable through the day before its recall, one whose expiry is unknown never.
fn lot_lives(
    conn: &mut DbConnection,
    zone: BusinessZone,
    cells: &Cells,
    known: Instant,
) -> Result<HashMap<LotId, LotLife>, DbError> {
    let mut query = lot::table
        .inner_join(makers_lot::table)
        .select((lot::id, makers_lot::expiry, makers_lot::expires_on, makers_lot::recalled_at))
        .into_boxed();
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, lot::item_code, items);
    }
    let rows: Vec<(LotId, String, Option<NaiveDate>, Option<Instant>)> = query.load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, expiry, expires_on, recalled_at)| {
            let recalled_at = recalled_at.filter(|at| *at <= known);
            let before_recall = recalled_at.map(|at| plus_days(zone.day_of(at), -1));
            let usable_until = expires_on.into_iter().chain(before_recall).min();
            (id, LotLife { usable_until, usable: expiry != Expiry::Unknown.kind() })
        })
        .collect())
}

/// A lot of an item at a store.
type Held = (StoreCode, ItemCode, LotId);

/// Changes of the stock in state `available`: each day of the window, and before it in one sum.
///
/// Promises of the past are not known, so stock that was promised counts as usable.
fn available_changes(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Instant,
) -> Result<BTreeMap<Held, BTreeMap<NaiveDate, i64>>, DbError> {
    let mut changes: BTreeMap<Held, BTreeMap<NaiveDate, i64>> = BTreeMap::new();
    let start = zone.start_of(window.first());
    let moment = Moment::as_known_at(start.previous(), known);
    let places = Places {
        stores: cells.stores.clone(),
        items: cells.items.clone(),
        state: Some(StockState::Available),
        ..Places::default()
    };
    let before = plus_days(window.first(), -1);
    for ((store, item, lot, _), held) in balances_at(conn, zone, &moment, &places)? {
        changes.entry((store, item, lot)).or_default().insert(before, held.on_hand);
    }
    for (store, item, lot, day, units) in changes_within(conn, window, cells, known)? {
        changes.entry((store, item, lot)).or_default().insert(day, units.unwrap_or(0));
    }
    Ok(changes)
}

type LotChange = (StoreCode, ItemCode, LotId, NaiveDate, Option<i64>);

fn changes_within(
    conn: &mut DbConnection,
    window: Window,
    cells: &Cells,
    known: Instant,
) -> Result<Vec<LotChange>, DbError> {
    use stock_movement::{
        business_day, from_kind, from_state, item_code, lot_id, quantity, store_code, to_kind,
        to_state,
    };
    let came = to_kind.eq("store").and(to_state.eq(StockState::Available));
    let went = from_kind.eq("store").and(from_state.eq(StockState::Available));
    let mut query = stock_movement::table
        .filter(business_day.ge(window.first()))
        .filter(business_day.lt(window.today()))
        .filter(stock_movement::recorded_at.le(known))
        .filter(came.or(went))
        .group_by((store_code, item_code, lot_id, business_day))
        .select((
            store_code,
            item_code,
            lot_id,
            business_day,
            sum_of!(
                case_when(came.and(went), quantity * 0_i64)
                    .when(came, quantity)
                    .otherwise(quantity * -1_i64)
            ),
        ))
        .into_boxed();
    if let Some(stores) = &cells.stores {
        query = query.filter(store_code.eq_any(stores));
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, item_code, items);
    }
    Ok(query.load(conn)?)
}
