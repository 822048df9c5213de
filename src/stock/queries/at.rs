//! What was where at a time of the past, as far as it was known at another.
//!
//! The closing of the day is one step of an index away; what of the day came later, and what was
//! recorded later, is taken off it. So the cost grows with that day and with what is not yet
//! known, and not with the length of the history.

use crate::access::Scope;
use crate::db::schema::{
    item, lot, makers_lot, reservation_event, stock_balance, stock_closing, stock_movement, store,
    transit_balance, transit_redirect,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{DispatchId, LotId, ShipmentId};
use crate::kernel::{BusinessZone, Instant, ItemCode, Moment, Quantity, StoreCode};
use crate::stock::account::StockState;
use crate::stock::balance::LotBalance;
use crate::stock::queries::corrections::lots_known_at;
use crate::stock::queries::{InTransit, StockFilter};
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Which balances are asked for.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// In these stores, or in all.
    pub stores: Option<Vec<StoreCode>>,
    /// Of these items, or of all.
    pub items: Option<Vec<ItemCode>>,
    /// Of this lot.
    pub lot: Option<LotId>,
    /// In this state.
    pub state: Option<StockState>,
}

/// A balance: by store, item, lot and state, in the order of lists.
pub type PlaceKey = (StoreCode, ItemCode, LotId, StockState);

/// What a balance held, and how much of it was promised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Base units.
    pub on_hand: i64,
    /// Base units promised.
    pub reserved: i64,
}

/// The balances that were not empty at a moment.
///
/// # Errors
/// When the database fails.
pub fn balances_at(
    conn: &mut DbConnection,
    zone: BusinessZone,
    moment: &Moment,
    places: &Places,
) -> Result<BTreeMap<PlaceKey, Held>, DbError> {
    let day = zone.day_of(moment.as_of);
    let mut found: BTreeMap<PlaceKey, Held> = BTreeMap::new();
    let mut that_day = Moved::default();
    for (key, closed_on, held) in closings(conn, day, moment.horizon(), places)? {
        if closed_on == day {
            that_day.stores.insert(key.0.clone());
            that_day.items.insert(key.1.clone());
        }
        found.insert(key, held);
    }
    let mut take_off = |key: PlaceKey, on_hand: i64, reserved: i64| {
        if let Some(held) = found.get_mut(&key) {
            held.on_hand -= on_hand;
            held.reserved -= reserved;
        }
    };
    if !that_day.stores.is_empty() {
        for (key, units) in moved_later_that_day(conn, zone, moment.as_of, &that_day)? {
            take_off(key, units, 0);
        }
        for (key, units) in promised_later_that_day(conn, zone, moment.as_of, &that_day)? {
            take_off(key, 0, units);
        }
    }
    if let Some(known) = moment.known() {
        for (key, units) in moved_unknown(conn, moment.as_of, known, places)? {
            take_off(key, units, 0);
        }
        for (key, units) in promised_unknown(conn, moment.as_of, known, places)? {
            take_off(key, 0, units);
        }
    }
    found.retain(|_, held| held.on_hand > 0);
    // A promise is never shown beyond what was there, so that available is what is left.
    for held in found.values_mut() {
        held.reserved = held.reserved.clamp(0, held.on_hand);
    }
    Ok(found)
}

/// The newest closings up to a day, of balances that may not have been empty by `horizon`.
fn closings(
    conn: &mut DbConnection,
    day: NaiveDate,
    horizon: Instant,
    places: &Places,
) -> Result<Vec<(PlaceKey, NaiveDate, Held)>, DbError> {
    let newest = diesel::alias!(stock_closing as newest);
    let newest_day = newest
        .filter(newest.field(stock_closing::store_code).eq(stock_balance::store_code))
        .filter(newest.field(stock_closing::lot_id).eq(stock_balance::lot_id))
        .filter(newest.field(stock_closing::state).eq(stock_balance::state))
        .filter(newest.field(stock_closing::business_day).le(day))
        .order(newest.field(stock_closing::business_day).desc())
        .select(newest.field(stock_closing::business_day))
        .limit(1)
        .single_value();
    let mut query = stock_balance::table
        .inner_join(
            stock_closing::table.on(stock_closing::store_code
                .eq(stock_balance::store_code)
                .and(stock_closing::lot_id.eq(stock_balance::lot_id))
                .and(stock_closing::state.eq(stock_balance::state))
                .and(stock_closing::business_day.nullable().eq(newest_day))),
        )
        .filter(stock_balance::live_until.ge(horizon))
        .select((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            stock_balance::state,
            stock_closing::business_day,
            stock_closing::on_hand,
            stock_closing::reserved,
        ))
        .into_boxed();
    query = match &places.stores {
        Some(stores) => query.filter(stock_balance::store_code.eq_any(stores)),
        None => query.filter(stock_balance::store_code.eq_any(store::table.select(store::code))),
    };
    if let Some(items) = &places.items {
        query = query.filter(stock_balance::item_code.eq_any(items));
    }
    if let Some(lot) = &places.lot {
        query = query.filter(stock_balance::lot_id.eq(lot));
    }
    if let Some(state) = places.state {
        query = query.filter(stock_balance::state.eq(state));
    }
    type Row = (StoreCode, ItemCode, LotId, StockState, NaiveDate, i64, i64);
    let rows: Vec<Row> = query.load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(store, item, lot, state, day, on_hand, reserved)| {
            ((store, item, lot, state), day, Held { on_hand, reserved })
        })
        .collect())
}

/// The stores and items whose balances moved on the day asked about.
#[derive(Debug, Default)]
struct Moved {
    stores: BTreeSet<StoreCode>,
    items: BTreeSet<ItemCode>,
}

type MovementRow =
    (StoreCode, ItemCode, LotId, Quantity, String, Option<StockState>, String, Option<StockState>);

/// What a movement added to the balances of its store.
fn legs(row: MovementRow) -> impl Iterator<Item = (PlaceKey, i64)> {
    let (store, item, lot, quantity, from, from_state, to, to_state) = row;
    let units = quantity.units();
    let taken = from_state.filter(|_| from == "store").map(|state| (state, -units));
    let given = to_state.filter(|_| to == "store").map(|state| (state, units));
    taken
        .into_iter()
        .chain(given)
        .map(move |(state, units)| ((store.clone(), item.clone(), lot.clone(), state), units))
}

fn moved_later_that_day(
    conn: &mut DbConnection,
    zone: BusinessZone,
    as_of: Instant,
    moved: &Moved,
) -> Result<Vec<(PlaceKey, i64)>, DbError> {
    use stock_movement::{
        business_day, from_kind, from_state, item_code, lot_id, occurred_at, quantity, store_code,
        to_kind, to_state,
    };
    let day = zone.day_of(as_of);
    let next = zone.start_of(day.succ_opt().unwrap_or(day));
    let rows: Vec<MovementRow> = stock_movement::table
        .filter(store_code.eq_any(&moved.stores))
        .filter(item_code.eq_any(&moved.items))
        .filter(occurred_at.gt(as_of))
        .filter(occurred_at.lt(next))
        .filter(business_day.eq(day))
        .select((store_code, item_code, lot_id, quantity, from_kind, from_state, to_kind, to_state))
        .load(conn)?;
    Ok(rows.into_iter().flat_map(legs).collect())
}

fn moved_unknown(
    conn: &mut DbConnection,
    as_of: Instant,
    known: Instant,
    places: &Places,
) -> Result<Vec<(PlaceKey, i64)>, DbError> {
    use stock_movement::{
        from_kind, from_state, item_code, lot_id, occurred_at, quantity, recorded_at, store_code,
        to_kind, to_state,
    };
    let mut query = stock_movement::table
        .filter(recorded_at.gt(known))
        .filter(occurred_at.le(as_of))
        .select((store_code, item_code, lot_id, quantity, from_kind, from_state, to_kind, to_state))
        .into_boxed();
    if let Some(stores) = &places.stores {
        query = query.filter(store_code.eq_any(stores));
    }
    if let Some(items) = &places.items {
        query = query.filter(item_code.eq_any(items));
    }
    let rows: Vec<MovementRow> = query.load(conn)?;
    Ok(rows.into_iter().flat_map(legs).collect())
}

type EventRow = (StoreCode, ItemCode, LotId, i64);

fn promise((store, item, lot, change): EventRow) -> (PlaceKey, i64) {
    ((store, item, lot, StockState::Available), change)
}

fn promised_later_that_day(
    conn: &mut DbConnection,
    zone: BusinessZone,
    as_of: Instant,
    moved: &Moved,
) -> Result<Vec<(PlaceKey, i64)>, DbError> {
    use reservation_event::{business_day, change, item_code, lot_id, occurred_at, store_code};
    let day = zone.day_of(as_of);
    let next = zone.start_of(day.succ_opt().unwrap_or(day));
    let rows: Vec<EventRow> = reservation_event::table
        .filter(store_code.eq_any(&moved.stores))
        .filter(item_code.eq_any(&moved.items))
        .filter(occurred_at.gt(as_of))
        .filter(occurred_at.lt(next))
        .filter(business_day.eq(day))
        .select((store_code, item_code, lot_id, change))
        .load(conn)?;
    Ok(rows.into_iter().map(promise).collect())
}

fn promised_unknown(
    conn: &mut DbConnection,
    as_of: Instant,
    known: Instant,
    places: &Places,
) -> Result<Vec<(PlaceKey, i64)>, DbError> {
    use reservation_event::{change, item_code, lot_id, occurred_at, recorded_at, store_code};
    let mut query = reservation_event::table
        .filter(recorded_at.gt(known))
        .filter(occurred_at.le(as_of))
        .select((store_code, item_code, lot_id, change))
        .into_boxed();
    if let Some(stores) = &places.stores {
        query = query.filter(store_code.eq_any(stores));
    }
    if let Some(items) = &places.items {
        query = query.filter(item_code.eq_any(items));
    }
    let rows: Vec<EventRow> = query.load(conn)?;
    Ok(rows.into_iter().map(promise).collect())
}

/// The stores in scope and the items that a filter names.
///
/// # Errors
/// When the database fails.
pub fn places(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &StockFilter,
) -> Result<Places, DbError> {
    let mut stores = store::table.select(store::code).into_boxed();
    if let Some(codes) = scope.stores() {
        stores = stores.filter(store::code.eq_any(codes));
    }
    if let Some(code) = &filter.store {
        stores = stores.filter(store::code.eq(code));
    }
    if let Some(region) = &filter.region {
        // A region code has only digits, so nothing in it needs escaping.
        stores = stores.filter(store::region_code.like(format!("{region}%")));
    }
    let items = match (&filter.item, filter.category) {
        (None, None) => None,
        (code, category) => {
            let mut items = item::table.select(item::code).into_boxed();
            if let Some(code) = code {
                items = items.filter(item::code.eq(code));
            }
            if let Some(category) = category {
                items = items.filter(item::category.eq(category));
            }
            Some(items.order(item::code).load(conn)?)
        }
    };
    Ok(Places {
        stores: Some(stores.order(store::code).load(conn)?),
        items,
        lot: None,
        state: filter.state,
    })
}

/// Balances that were not empty at a moment, by store, item, lot and state, after a place.
///
/// # Errors
/// When the database fails.
pub fn stock_at(
    conn: &mut DbConnection,
    zone: BusinessZone,
    moment: &Moment,
    places: &Places,
    after: Option<&PlaceKey>,
    limit: i64,
) -> Result<Vec<LotBalance>, DbError> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    // States in the order of their words, as the database lists them.
    fn place((store, item, lot, state): &PlaceKey) -> (&StoreCode, &ItemCode, &LotId, &str) {
        (store, item, lot, state.as_str())
    }
    let mut rows: Vec<(PlaceKey, Held)> = balances_at(conn, zone, moment, places)?
        .into_iter()
        .filter(|(key, _)| after.is_none_or(|after| place(key) > place(after)))
        .collect();
    rows.sort_by(|(one, _), (other, _)| place(one).cmp(&place(other)));
    rows.truncate(most);
    let ids: BTreeSet<LotId> = rows.iter().map(|((_, _, lot, _), _)| lot.clone()).collect();
    let ids: Vec<LotId> = ids.into_iter().collect();
    let lots = lots_known_at(conn, &ids, moment)?;
    let balance = |((store_code, _, lot, state), held): (PlaceKey, Held)| {
        Some(LotBalance {
            store_code,
            lot: lots.get(&lot)?.clone(),
            state,
            on_hand: Quantity::new(held.on_hand).ok()?,
            reserved: Quantity::new(held.reserved).ok()?,
            last_occurred_at: moment.as_of,
        })
    };
    Ok(rows.into_iter().filter_map(balance).collect())
}

type LorryRow =
    (DispatchId, ShipmentId, LotId, ItemCode, StoreCode, StoreCode, Instant, Option<NaiveDate>);

/// Everything that was on the way at a moment and of which an end lay in scope, by expected
/// arrival, dispatch, lorry and lot.
///
/// # Errors
/// When the database fails.
pub fn in_transit_at(
    conn: &mut DbConnection,
    moment: &Moment,
    scope: &Scope,
    store: Option<&StoreCode>,
    items: Option<&[ItemCode]>,
) -> Result<Vec<InTransit>, DbError> {
    let mut query = transit_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(transit_balance::live_until.ge(moment.horizon()))
        .filter(transit_balance::loaded_at.le(moment.as_of))
        .select((
            transit_balance::dispatch_id,
            transit_balance::shipment_id,
            transit_balance::lot_id,
            transit_balance::item_code,
            transit_balance::from_store,
            transit_balance::to_store,
            transit_balance::expected_at,
            makers_lot::expires_on,
        ))
        .into_boxed();
    if let Some(items) = items {
        query = among!(query, transit_balance::item_code, items);
    }
    let lorries: Vec<LorryRow> = query
        .order((
            transit_balance::expected_at,
            transit_balance::dispatch_id,
            transit_balance::shipment_id,
            transit_balance::lot_id,
        ))
        .load(conn)?;
    let dispatches: BTreeSet<&DispatchId> = lorries.iter().map(|row| &row.0).collect();
    let dispatches: Vec<&DispatchId> = dispatches.into_iter().collect();
    let loads = loads_at(conn, moment, &dispatches)?;
    let bound = bound_at(conn, moment, &dispatches)?;
    let goods = lorries.into_iter().filter_map(|row| {
        let (dispatch_id, shipment_id, lot_id, item_code, from_store, to_store, at, expires) = row;
        let key = (shipment_id.clone(), lot_id.clone());
        Some(InTransit {
            quantity: Quantity::new(*loads.get(&key)?).ok().filter(|units| !units.is_zero())?,
            to_store: bound.get(&key).cloned().unwrap_or(to_store),
            dispatch_id,
            shipment_id,
            lot_id,
            item_code,
            from_store,
            expected_at: at,
            expires_on: expires,
        })
    });
    let is_seen = |row: &InTransit| {
        (scope.contains(&row.from_store) || scope.contains(&row.to_store))
            && store.is_none_or(|code| *code == row.from_store || *code == row.to_store)
    };
    Ok(goods.filter(is_seen).collect())
}

type Load = (ShipmentId, LotId);

/// What lay on lorries, as their movements tell.
fn loads_at(
    conn: &mut DbConnection,
    moment: &Moment,
    dispatches: &[&DispatchId],
) -> Result<BTreeMap<Load, i64>, DbError> {
    use stock_movement::{
        document_id, document_kind, from_kind, lot_id, occurred_at, quantity, recorded_at,
        shipment_id, to_kind,
    };
    let ids: Vec<&str> = dispatches.iter().map(|id| id.as_str()).collect();
    let mut query = stock_movement::table
        .filter(document_kind.eq("dispatch"))
        .filter(document_id.eq_any(ids))
        .filter(shipment_id.is_not_null())
        .filter(occurred_at.le(moment.as_of))
        .select((shipment_id.assume_not_null(), lot_id, quantity, from_kind, to_kind))
        .into_boxed();
    if let Some(known) = moment.known() {
        query = query.filter(recorded_at.le(known));
    }
    let rows: Vec<(ShipmentId, LotId, Quantity, String, String)> = query.load(conn)?;
    let mut loads: BTreeMap<Load, i64> = BTreeMap::new();
    for (shipment, lot, units, from, to) in rows {
        let load = loads.entry((shipment, lot)).or_default();
        *load += if to == "transit" { units.units() } else { 0 };
        *load -= if from == "transit" { units.units() } else { 0 };
    }
    Ok(loads)
}

/// Where goods that were redirected later were bound then.
fn bound_at(
    conn: &mut DbConnection,
    moment: &Moment,
    dispatches: &[&DispatchId],
) -> Result<BTreeMap<Load, StoreCode>, DbError> {
    use transit_redirect::{dispatch_id, lot_id, previous_to_store, redirected_at, shipment_id};
    let rows: Vec<(ShipmentId, LotId, StoreCode)> = transit_redirect::table
        .filter(dispatch_id.eq_any(dispatches))
        .filter(redirected_at.gt(moment.horizon()))
        .select((shipment_id, lot_id, previous_to_store))
        // Backwards, so that the first of the later ones has the last word.
        .order((redirected_at.desc(), shipment_id, lot_id))
        .load(conn)?;
    Ok(rows.into_iter().map(|(shipment, lot, store)| ((shipment, lot), store)).collect())
}

/// The business time of each store's newest movement up to a moment.
///
/// # Errors
/// When the database fails.
pub fn last_movements_at(
    conn: &mut DbConnection,
    moment: &Moment,
    stores: Option<&[StoreCode]>,
) -> Result<BTreeMap<StoreCode, Instant>, DbError> {
    use stock_movement::{from_kind, id, item_code, occurred_at, recorded_at, store_code, to_kind};
    let known = moment.known().unwrap_or(Instant::LAST);
    let newest = stock_movement::table
        .filter(store_code.eq(store::code))
        .filter(item_code.eq(item::code))
        .filter(occurred_at.le(moment.as_of))
        .filter(recorded_at.le(known))
        .filter(from_kind.eq("store").or(to_kind.eq("store")))
        .order((occurred_at.desc(), recorded_at.desc(), id.desc()))
        .select(occurred_at)
        .limit(1)
        .single_value();
    let mut query = store::table
        .inner_join(item::table.on(item::code.eq(item::code)))
        .select((store::code, newest))
        .into_boxed();
    if let Some(stores) = stores {
        query = among!(query, store::code, stores);
    }
    let rows: Vec<(StoreCode, Option<Instant>)> = query.load(conn)?;
    let mut latest = BTreeMap::new();
    for (store, at) in rows.into_iter().filter_map(|(store, at)| Some((store, at?))) {
        let newest = latest.entry(store).or_insert(at);
        *newest = at.max(*newest);
    }
    Ok(latest)
}
