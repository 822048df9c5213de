//! What is on the way to stores.

use crate::access::Scope;
use crate::consumption::queries::{Cell, Cells};
use crate::db::schema::{lot, makers_lot, transit_balance};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{DispatchId, LotId};
use crate::kernel::{Instant, ItemCode, Moment, Quantity, StoreCode};
use crate::shortfall::holding::LotOnTheWay;
use crate::stock::queries::at::in_transit_at;
use crate::stock::queries::corrections::lots_known_at;
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// The lots on the way to stores, by store and item, the first expected first.
pub type LotsOnTheWay = HashMap<Cell, Vec<LotOnTheWay>>;

type WayRow = (
    StoreCode,
    ItemCode,
    LotId,
    String,
    DispatchId,
    Instant,
    Option<NaiveDate>,
    Option<Instant>,
    Quantity,
);

/// What is on lorries to stores, the first expected first.
///
/// # Errors
/// When the database fails.
pub fn lots_on_the_way(
    conn: &mut DbConnection,
    moment: &Moment,
    cells: &Cells,
) -> Result<LotsOnTheWay, DbError> {
    if moment.is_now { on_the_way_now(conn, cells) } else { on_the_way_then(conn, moment, cells) }
}

/// The same at a moment of the past.
pub(super) fn on_the_way_then(
    conn: &mut DbConnection,
    moment: &Moment,
    cells: &Cells,
) -> Result<LotsOnTheWay, DbError> {
    let rows = in_transit_at(conn, moment, &Scope::All, None, cells.items.as_deref())?;
    let ids: BTreeSet<LotId> = rows.iter().map(|row| row.lot_id.clone()).collect();
    let ids: Vec<LotId> = ids.into_iter().collect();
    let known = lots_known_at(conn, &ids, moment)?;
    let mut lots: LotsOnTheWay = LotsOnTheWay::new();
    for row in rows {
        let Some(lot) = known.get(&row.lot_id) else { continue };
        if cells.stores.as_ref().is_some_and(|stores| !stores.contains(&row.to_store)) {
            continue;
        }
        lots.entry((row.to_store, row.item_code)).or_default().push(LotOnTheWay {
            lot: row.lot_id,
            lot_number: lot.makers_lot.lot_number.as_str().to_owned(),
            dispatch: row.dispatch_id,
            expected_at: row.expected_at,
            expires_on: lot.makers_lot.expiry.date(),
            recalled: lot.makers_lot.recalled_at.is_some(),
            quantity: row.quantity,
        });
    }
    Ok(lots)
}

pub(super) fn on_the_way_now(
    conn: &mut DbConnection,
    cells: &Cells,
) -> Result<LotsOnTheWay, DbError> {
    let mut query = transit_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(transit_balance::live_until.eq(Instant::LAST))
        .select((
            transit_balance::to_store,
            transit_balance::item_code,
            transit_balance::lot_id,
            makers_lot::lot_number,
            transit_balance::dispatch_id,
            transit_balance::expected_at,
            makers_lot::expires_on,
            makers_lot::recalled_at,
            transit_balance::on_hand,
        ))
        .into_boxed();
    if let Some(stores) = cells.stores.as_deref() {
        query = among!(query, transit_balance::to_store, stores);
    }
    if let Some(items) = cells.items.as_deref() {
        query = among!(query, transit_balance::item_code, items);
    }
    let rows: Vec<WayRow> = query
        .order((
            transit_balance::expected_at,
            transit_balance::dispatch_id,
            transit_balance::shipment_id,
            transit_balance::lot_id,
        ))
        .load(conn)?;
    let mut lots: LotsOnTheWay = LotsOnTheWay::new();
    for (store, item, id, lot_number, dispatch, expected_at, expires_on, recalled_at, quantity) in
        rows
    {
        lots.entry((store, item)).or_default().push(LotOnTheWay {
            lot: id,
            lot_number,
            dispatch,
            expected_at,
            expires_on,
            recalled: recalled_at.is_some(),
            quantity,
        });
    }
    Ok(lots)
}
