//! What moved on balances after a time, and which documents took what a receipt had brought.

use crate::db::schema::stock_movement;
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{LotId, MovementId};
use crate::kernel::{Instant, Quantity, StoreCode};
use crate::stock::account::StockState;
use crate::stock::facts::LaterChange;
use crate::stock::movement::DocumentRef;
use diesel::prelude::*;
use std::collections::BTreeMap;

/// What moved on the balances of some lots at a store after a business time, the latest first.
///
/// # Errors
/// When the database fails.
pub fn changes_after(
    conn: &mut DbConnection,
    store: &StoreCode,
    lots: &[LotId],
    after: Instant,
) -> Result<BTreeMap<(LotId, StockState), Vec<LaterChange>>, DbError> {
    type Row = (LotId, Quantity, String, Option<StockState>, String, Option<StockState>, Instant);
    let rows: Vec<Row> = stock_movement::table
        .filter(stock_movement::store_code.eq(store))
        .filter(stock_movement::lot_id.eq_any(lots))
        .filter(stock_movement::occurred_at.gt(after))
        .select((
            stock_movement::lot_id,
            stock_movement::quantity,
            stock_movement::from_kind,
            stock_movement::from_state,
            stock_movement::to_kind,
            stock_movement::to_state,
            stock_movement::occurred_at,
        ))
        .order((
            stock_movement::occurred_at.desc(),
            stock_movement::recorded_at.desc(),
            stock_movement::id.desc(),
        ))
        .load(conn)?;
    let mut changes: BTreeMap<(LotId, StockState), Vec<LaterChange>> = BTreeMap::new();
    for (lot, quantity, from_kind, from_state, to_kind, to_state, at) in rows {
        let units = quantity.units();
        let ends = [(to_kind, to_state, units), (from_kind, from_state, -units)];
        for (kind, state, change) in ends {
            if let Some(state) = state.filter(|_| kind == "store") {
                changes.entry((lot.clone(), state)).or_default().push((at, change));
            }
        }
    }
    Ok(changes)
}

/// Which documents took stock of a lot out of a state at a store after an instant of recording,
/// the latest first, and how much; what was taken back since is left out.
///
/// # Errors
/// When the database fails.
pub fn taken_since(
    conn: &mut DbConnection,
    store: &StoreCode,
    lot: &LotId,
    state: StockState,
    since: Instant,
) -> Result<Vec<(DocumentRef, Quantity)>, DbError> {
    type Row = (MovementId, String, String, String, Quantity);
    let rows: Vec<Row> = stock_movement::table
        .filter(stock_movement::store_code.eq(store))
        .filter(stock_movement::lot_id.eq(lot))
        .filter(stock_movement::from_kind.eq("store"))
        .filter(stock_movement::from_state.eq(state))
        .filter(stock_movement::recorded_at.gt(since))
        .filter(stock_movement::reverses.is_null())
        .select((
            stock_movement::id,
            stock_movement::document_kind,
            stock_movement::document_id,
            stock_movement::document_number,
            stock_movement::quantity,
        ))
        .order((stock_movement::recorded_at.desc(), stock_movement::id.desc()))
        .limit(1_000)
        .load(conn)?;
    let ids: Vec<MovementId> = rows.iter().map(|row| row.0.clone()).collect();
    let reversals = super::reversals_of(conn, &ids)?;
    let mut taken: Vec<(DocumentRef, Quantity)> = Vec::new();
    for (id, kind, document_id, number, quantity) in rows {
        let back = reversals.get(&id).map_or(&[][..], Vec::as_slice);
        let left = quantity.minus_or_zero(Quantity::total(back.iter().map(|(_, q)| *q)));
        if left.is_zero() {
            continue;
        }
        match taken.iter_mut().find(|(document, _)| document.id == document_id) {
            Some((_, sum)) => *sum = sum.plus_capped(left),
            None => taken.push((DocumentRef { kind, id: document_id, number }, left)),
        }
    }
    Ok(taken)
}
