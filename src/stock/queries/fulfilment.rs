//! How much of what was expected has come: read from the ledger, so that a reversal counts by
//! itself, and the past is told as it was.

use crate::db::schema::{expected_fulfilment, expected_line, stock_movement};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::ExpectedReceiptId;
use crate::kernel::{Instant, ItemCode, Moment, Quantity, StoreCode};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// What has come of each line of expected receipts, less what was reversed.
pub type Received = BTreeMap<(ExpectedReceiptId, i64), Quantity>;

/// Of which expected receipts the fulfilment is asked.
#[derive(Debug, Clone, Copy)]
pub enum Expecting<'a> {
    /// These.
    These(&'a [ExpectedReceiptId]),
    /// Those of these stores, or of all; and of these items, or of all.
    Stores(Option<&'a [StoreCode]>, Option<&'a [ItemCode]>),
}

/// What has come, as it stood and was known at a moment, or stands now.
///
/// # Errors
/// When the database fails.
pub fn received(
    conn: &mut DbConnection,
    of: Expecting<'_>,
    moment: Option<&Moment>,
) -> Result<Received, DbError> {
    let past = moment.filter(|moment| !moment.is_now);
    let occurred = past.map_or(Instant::LAST, |moment| moment.as_of);
    let recorded = past.and_then(Moment::known).unwrap_or(Instant::LAST);
    let mut received = Received::new();
    // What came, and what of it was taken back: the same question over two columns. Only receipts
    // fulfil. Of movements nothing is asked by which a database without statistics would begin with
    // their whole history; reversals, which are few, are found by their stores.
    macro_rules! sum {
        ($on:expr, $add:expr) => {{
            let mut query = expected_fulfilment::table
                .inner_join(
                    expected_line::table.on(expected_line::expected_id
                        .eq(expected_fulfilment::expected_id)
                        .and(expected_line::line_no.eq(expected_fulfilment::line_no))),
                )
                .inner_join(stock_movement::table.on($on))
                .filter(stock_movement::occurred_at.le(occurred))
                .filter(stock_movement::recorded_at.le(recorded))
                .select((
                    expected_fulfilment::expected_id,
                    expected_fulfilment::line_no,
                    stock_movement::quantity,
                ))
                .into_boxed();
            match of {
                Expecting::These(ids) => {
                    query = query.filter(expected_fulfilment::expected_id.eq_any(ids));
                }
                Expecting::Stores(stores, items) => {
                    if let Some(stores) = stores {
                        query = among!(query, expected_fulfilment::store_code, stores);
                    }
                    if let Some(items) = items {
                        query = among!(query, expected_line::item_code, items);
                    }
                }
            }
            let rows: Vec<(ExpectedReceiptId, i64, Quantity)> = query.load(conn)?;
            for (id, line, quantity) in rows {
                let so_far = received.entry((id, line)).or_insert(Quantity::ZERO);
                *so_far = $add(*so_far, quantity);
            }
        }};
    }
    sum!(stock_movement::id.eq(expected_fulfilment::movement_id), Quantity::plus_capped);
    sum!(
        stock_movement::reverses
            .eq(expected_fulfilment::movement_id.nullable())
            .and(stock_movement::reverses.is_not_null())
            .and(stock_movement::store_code.eq(expected_fulfilment::store_code)),
        Quantity::minus_or_zero
    );
    Ok(received)
}
