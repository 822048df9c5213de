//! The use of items as the ledger shows it, for many stores and items at once.

pub mod averages;

use crate::consumption::rules::{UsableChange, UseHistory, Window};
use crate::db::schema::{lot, makers_lot, stock_movement, store};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::LotId;
use crate::kernel::time::{BusinessZone, plus_days};
use crate::kernel::{Instant, ItemCode, Moment, StoreCode};
use crate::stock::account::{Outside, StockState};
use crate::stock::lot::Expiry;
use crate::stock::queries::at::{Places, balances_at};
use chrono::NaiveDate;
use diesel::dsl::case_when;
use diesel::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// The outside account into which consumption goes.
const CONSUMPTION: &str = Outside::Consumption.as_str();
/// The outside account from which wards give back what they did not use.
const WARD_RETURN: &str = Outside::WardReturn.as_str();

/// One item at one store.
pub type Cell = (StoreCode, ItemCode);

/// Which stores and items are looked at.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    /// Only these stores, or all.
    pub stores: Option<Vec<StoreCode>>,
    /// Only this item, or all.
    pub item: Option<ItemCode>,
}

/// What the ledger knows of the use of items at stores over a window.
///
/// A fixed number of queries, however many stores and items there are. The stock before the window
/// is that of the closings, so that movements before it need not be read. Only what was on record
/// by `known` counts, where it is given.
///
/// # Errors
/// When the database fails.
pub fn histories(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Option<Instant>,
) -> Result<BTreeMap<Cell, UseHistory>, DbError> {
    let mut histories: BTreeMap<Cell, UseHistory> = BTreeMap::new();
    // What is on record lies before the year 2200.
    let on_record = known.unwrap_or(Instant::LAST);
    for (store, item, day) in first_seen(conn, cells, on_record)? {
        histories.entry((store, item)).or_default().first_seen = day;
    }
    for (store, item, day, units) in used(conn, window, cells, on_record)? {
        add_use(&mut histories, (store, item), day, units);
    }
    for (store, item, day, units) in taken_back(conn, window, cells, on_record)? {
        add_use(&mut histories, (store, item), day, units);
    }
    for (cell, change) in usable_changes(conn, window, zone, cells, known)? {
        histories.entry(cell).or_default().changes.push(change);
    }
    Ok(histories)
}

fn add_use(
    histories: &mut BTreeMap<Cell, UseHistory>,
    cell: Cell,
    day: NaiveDate,
    units: Option<i64>,
) {
    let total = histories.entry(cell).or_default().used.entry(day).or_default();
    *total = total.saturating_add(units.unwrap_or(0));
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
    if let Some(item) = &cells.item {
        query = query.filter(item_code.eq(item));
    }
    Ok(query.load(conn)?)
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
        .filter(into_use.or(given_back))
        .group_by((store_code, item_code, business_day))
        .select((
            store_code,
            item_code,
            business_day,
            sum_of!(case_when(into_use, quantity).otherwise(quantity * -1_i64)),
        ))
        .into_boxed();
    if let Some(stores) = &cells.stores {
        query = query.filter(store_code.eq_any(stores));
    }
    if let Some(item) = &cells.item {
        query = query.filter(item_code.eq(item));
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
    if let Some(stores) = &cells.stores {
        query = query.filter(stock_movement::store_code.eq_any(stores));
    }
    if let Some(item) = &cells.item {
        query = query.filter(stock_movement::item_code.eq(item));
    }
    Ok(query.load(conn)?)
}

/// A lot as far as it decides how long its stock was usable.
struct LotLife {
    usable_until: Option<NaiveDate>,
    usable: bool,
}

/// Changes of the stock in state `available`: each day of the window, and before it in one sum.
///
/// A recalled lot was usable through the day before its recall, one whose expiry is unknown never.
/// Promises of the past are not known, so stock that was promised counts as usable.
fn usable_changes(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Option<Instant>,
) -> Result<Vec<(Cell, UsableChange)>, DbError> {
    let lives = lot_lives(conn, zone, cells, known)?;
    let mut changes = Vec::new();
    let mut push = |cell: Cell, lot: &LotId, day: NaiveDate, units: i64| {
        if let Some(life) = lives.get(lot).filter(|life| life.usable && units != 0) {
            changes.push((cell, UsableChange { day, usable_until: life.usable_until, units }));
        }
    };
    let start = zone.start_of(window.first());
    let before = start.previous();
    let moment = match known {
        Some(known) => Moment::as_known_at(before, known),
        None => Moment::as_of(before, Instant::LAST),
    };
    let places = Places {
        stores: cells.stores.clone(),
        items: cells.item.clone().map(|item| vec![item]),
        state: Some(StockState::Available),
        ..Places::default()
    };
    for ((store, item, lot, _), held) in balances_at(conn, zone, &moment, &places)? {
        push((store, item), &lot, plus_days(window.first(), -1), held.on_hand);
    }
    let on_record = known.unwrap_or(Instant::LAST);
    for (store, item, lot, day, units) in available_changes(conn, window, cells, on_record)? {
        push((store, item), &lot, day, units.unwrap_or(0));
    }
    Ok(changes)
}

fn lot_lives(
    conn: &mut DbConnection,
    zone: BusinessZone,
    cells: &Cells,
    known: Option<Instant>,
) -> Result<HashMap<LotId, LotLife>, DbError> {
    let mut query = lot::table
        .inner_join(makers_lot::table)
        .select((lot::id, makers_lot::expiry, makers_lot::expires_on, makers_lot::recalled_at))
        .into_boxed();
    if let Some(item) = &cells.item {
        query = query.filter(lot::item_code.eq(item));
    }
    let rows: Vec<(LotId, String, Option<NaiveDate>, Option<Instant>)> = query.load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, expiry, expires_on, recalled_at)| {
            let recalled_at = recalled_at.filter(|at| known.is_none_or(|known| *at <= known));
            let before_recall = recalled_at.map(|at| plus_days(zone.day_of(at), -1));
            let usable_until = expires_on.into_iter().chain(before_recall).min();
            (id, LotLife { usable_until, usable: expiry != Expiry::Unknown.kind() })
        })
        .collect())
}

type LotChange = (StoreCode, ItemCode, LotId, NaiveDate, Option<i64>);

fn available_changes(
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
    if let Some(item) = &cells.item {
        query = query.filter(item_code.eq(item));
    }
    Ok(query.load(conn)?)
}

/// The hash of the newest movement of each store: it stands for all that came before it.
///
/// # Errors
/// When the database fails.
pub fn newest_movements(
    conn: &mut DbConnection,
    cells: &Cells,
) -> Result<Vec<(StoreCode, Option<String>)>, DbError> {
    let newest = stock_movement::table
        .filter(stock_movement::store_code.eq(store::code))
        .order(stock_movement::chain_seq.desc())
        .select(stock_movement::hash)
        .limit(1)
        .single_value();
    let mut query = store::table.select((store::code, newest)).into_boxed();
    if let Some(stores) = &cells.stores {
        query = query.filter(store::code.eq_any(stores));
    }
    Ok(query.load(conn)?)
}

/// How often any maker's lot was changed after it was made, and how many are recalled.
///
/// # Errors
/// When the database fails.
pub fn lot_changes(conn: &mut DbConnection) -> Result<(i64, i64), DbError> {
    let (changes, recalled): (Option<i64>, i64) = makers_lot::table
        .select((sum_of!(makers_lot::version - 1_i64), diesel::dsl::count(makers_lot::recalled_at)))
        .first(conn)?;
    Ok((changes.unwrap_or(0), recalled))
}
