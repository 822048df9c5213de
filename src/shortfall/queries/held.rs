//! What stores hold, when they last moved anything, and what items cost.

use crate::consumption::queries::{Cell, Cells};
use crate::db::schema::{item, lot, makers_lot, stock_balance};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::LotId;
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, ItemCode, Moment, Money, Quantity, StoreCode};
use crate::shortfall::holding::{LotAtStore, Portion};
use crate::stock::account::StockState;
use crate::stock::lot::Expiry;
use crate::stock::queries::at::{Places, stock_at};
use crate::stock::queries::fresh::last_heard_of;
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::HashMap;

/// What stores hold of items, without telling one lot from another.
pub type HeldPortions = HashMap<Cell, Vec<Portion>>;

/// What stores hold, without those lots of which nothing is left.
///
/// # Errors
/// When the database fails.
pub fn portions_at(
    conn: &mut DbConnection,
    zone: BusinessZone,
    moment: &Moment,
    cells: &Cells,
) -> Result<HeldPortions, DbError> {
    if moment.is_now {
        return portions_now(conn, cells);
    }
    let lots = lots_then(conn, zone, moment, cells)?.into_iter();
    Ok(lots.map(|(cell, lots)| (cell, lots.iter().map(|lot| lot.portion).collect())).collect())
}

type PortionRow = (
    StoreCode,
    ItemCode,
    StockState,
    String,
    Option<NaiveDate>,
    Option<Instant>,
    (Quantity, Quantity),
    (Option<String>, Option<String>),
);

fn portions_now(conn: &mut DbConnection, cells: &Cells) -> Result<HeldPortions, DbError> {
    let mut query = stock_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(stock_balance::live_until.ge(Instant::LAST))
        .select((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::state,
            makers_lot::expiry,
            makers_lot::expires_on,
            makers_lot::recalled_at,
            (stock_balance::on_hand, stock_balance::reserved),
            (lot::owner_code, lot::earmarked_for),
        ))
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, stock_balance::store_code, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, stock_balance::item_code, items);
    }
    let rows: Vec<PortionRow> = query.load(conn)?;
    let mut held = HeldPortions::with_capacity(rows.len());
    for (store, item, state, kind, date, recalled_at, (there, promised), (owner, purpose)) in rows {
        let portion = Portion {
            owned_by_others: owner.is_some(),
            earmarked: purpose.is_some(),
            ..portion(state, &kind, date, recalled_at, there, promised)
        };
        held.entry((store, item)).or_default().push(portion);
    }
    Ok(held)
}

fn portion(
    state: StockState,
    kind: &str,
    date: Option<NaiveDate>,
    recalled_at: Option<Instant>,
    on_hand: Quantity,
    reserved: Quantity,
) -> Portion {
    Portion {
        state,
        // What cannot be read is not known, and so not used.
        expiry: Expiry::from_columns(kind, date).unwrap_or(Expiry::Unknown),
        recalled: recalled_at.is_some(),
        on_hand,
        reserved,
        owned_by_others: false,
        earmarked: false,
    }
}

type LotRow = (
    StoreCode,
    ItemCode,
    LotId,
    String,
    StockState,
    String,
    Option<NaiveDate>,
    Option<Instant>,
    (Option<String>, Option<String>),
    Quantity,
    Quantity,
);

/// The lots at stores, first-expired first, without those of which nothing is left.
///
/// # Errors
/// When the database fails.
pub fn lots_at(
    conn: &mut DbConnection,
    zone: BusinessZone,
    moment: &Moment,
    cells: &Cells,
) -> Result<HashMap<Cell, Vec<LotAtStore>>, DbError> {
    if moment.is_now { lots_now(conn, cells) } else { lots_then(conn, zone, moment, cells) }
}

/// The same at a moment of the past.
fn lots_then(
    conn: &mut DbConnection,
    zone: BusinessZone,
    moment: &Moment,
    cells: &Cells,
) -> Result<HashMap<Cell, Vec<LotAtStore>>, DbError> {
    let places =
        Places { stores: cells.stores.clone(), items: cells.items.clone(), ..Places::default() };
    let mut balances = stock_at(conn, zone, moment, &places, None, i64::MAX)?;
    balances.sort_by_cached_key(|balance| {
        let expires = balance.lot.makers_lot.expiry.date();
        (expires.is_none(), expires, balance.lot.id.clone(), balance.state.as_str())
    });
    let mut lots: HashMap<Cell, Vec<LotAtStore>> = HashMap::new();
    for balance in balances {
        let makers = balance.lot.makers_lot;
        lots.entry((balance.store_code, makers.item_code)).or_default().push(LotAtStore {
            lot: balance.lot.id,
            lot_number: makers.lot_number.as_str().to_owned(),
            portion: Portion {
                owned_by_others: balance.lot.provenance.owner_code.is_some(),
                earmarked: balance.lot.provenance.earmarked_for.is_some(),
                state: balance.state,
                expiry: makers.expiry,
                recalled: makers.recalled_at.is_some(),
                on_hand: balance.on_hand,
                reserved: balance.reserved,
            },
            owner_code: balance.lot.provenance.owner_code,
            earmarked_for: balance.lot.provenance.earmarked_for,
        });
    }
    Ok(lots)
}

fn lots_now(
    conn: &mut DbConnection,
    cells: &Cells,
) -> Result<HashMap<Cell, Vec<LotAtStore>>, DbError> {
    let mut query = stock_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(stock_balance::live_until.ge(Instant::LAST))
        .select((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            makers_lot::lot_number,
            stock_balance::state,
            makers_lot::expiry,
            makers_lot::expires_on,
            makers_lot::recalled_at,
            (lot::owner_code, lot::earmarked_for),
            stock_balance::on_hand,
            stock_balance::reserved,
        ))
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, stock_balance::store_code, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, stock_balance::item_code, items);
    }
    let rows: Vec<LotRow> = query
        .order((
            makers_lot::expires_on.is_null(),
            makers_lot::expires_on,
            stock_balance::lot_id,
            stock_balance::state,
        ))
        .load(conn)?;
    let mut lots: HashMap<Cell, Vec<LotAtStore>> = HashMap::new();
    for (
        store,
        item,
        id,
        lot_number,
        state,
        kind,
        date,
        recalled_at,
        (owner_code, earmarked_for),
        there,
        promised,
    ) in rows
    {
        lots.entry((store, item)).or_default().push(LotAtStore {
            lot: id,
            lot_number,
            portion: Portion {
                owned_by_others: owner_code.is_some(),
                earmarked: earmarked_for.is_some(),
                ..portion(state, &kind, date, recalled_at, there, promised)
            },
            owner_code,
            earmarked_for,
        });
    }
    Ok(lots)
}

/// When each store was last heard of: the business time of its newest movement, of whatever item, or
/// of its newest stock report.
///
/// # Errors
/// When the database fails.
pub fn last_reports(
    conn: &mut DbConnection,
    moment: &Moment,
    cells: &Cells,
) -> Result<HashMap<StoreCode, Instant>, DbError> {
    last_heard_of(conn, moment, cells.stores.as_deref())
}

/// The price of each item, or of some: the unit cost of the newest lot that has one.
pub(super) fn prices(
    conn: &mut DbConnection,
    moment: &Moment,
    only: Option<&[ItemCode]>,
) -> Result<HashMap<ItemCode, Money>, DbError> {
    // For each item one step of an index, whatever was received over the years.
    let newest = lot::table
        .filter(lot::item_code.eq(item::code))
        .filter(lot::unit_cost.is_not_null())
        .order((lot::created_at.desc(), lot::id.desc()))
        .select(lot::unit_cost)
        .limit(1);
    let known = if moment.is_now { Instant::LAST } else { moment.horizon() };
    let newest = newest.filter(lot::created_at.le(known)).single_value();
    let mut query = item::table.select((item::code, newest)).into_boxed();
    if let Some(only) = only {
        query = among!(query, item::code, only);
    }
    let rows: Vec<(ItemCode, Option<Money>)> = query.load(conn)?;
    Ok(rows.into_iter().filter_map(|(item, price)| Some((item, price?))).collect())
}
