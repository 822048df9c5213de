//! Which receipts fulfil what was expected, as rows.

use crate::db::schema::{expected_fulfilment, expected_line, expected_receipt};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{ExpectedReceiptId, MovementId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::load_locked;
use diesel::prelude::*;

/// What a receipt needs to know of what it fulfils.
#[derive(Debug, Clone)]
pub struct Awaited {
    /// The expected receipt.
    pub id: ExpectedReceiptId,
    /// Its number.
    pub number: String,
    /// The store that expects.
    pub store: StoreCode,
    /// Whether it was cancelled.
    pub is_cancelled: bool,
    /// Its lines.
    pub lines: Vec<AwaitedLine>,
}

/// An item that is awaited.
#[derive(Debug, Clone)]
pub struct AwaitedLine {
    /// The line.
    pub line: i64,
    /// The item.
    pub item: ItemCode,
    /// Base units that were ordered.
    pub ordered: Quantity,
}

/// The expected receipt of an id or a number, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock_awaited(
    conn: &mut DbConnection,
    id_or_number: &str,
) -> Result<Option<Awaited>, DbError> {
    type Head = (ExpectedReceiptId, String, StoreCode, Option<Instant>);
    let id = ExpectedReceiptId::try_from(id_or_number.to_owned()).ok();
    let query = expected_receipt::table
        .filter(expected_receipt::number.eq(id_or_number).or(expected_receipt::id.eq_any(id)))
        .order(expected_receipt::id)
        .select((
            expected_receipt::id,
            expected_receipt::number,
            expected_receipt::store_code,
            expected_receipt::cancelled_at,
        ));
    let heads: Vec<Head> = load_locked!(conn, query, Head)?;
    let Some((id, number, store, cancelled_at)) = heads.into_iter().next() else {
        return Ok(None);
    };
    let lines: Vec<(i64, ItemCode, Quantity)> = expected_line::table
        .filter(expected_line::expected_id.eq(&id))
        .order(expected_line::line_no)
        .select((expected_line::line_no, expected_line::item_code, expected_line::quantity))
        .load(conn)?;
    let lines = lines.into_iter().map(|(line, item, ordered)| AwaitedLine { line, item, ordered });
    Ok(Some(Awaited {
        id,
        number,
        store,
        is_cancelled: cancelled_at.is_some(),
        lines: lines.collect(),
    }))
}

/// Says which line a movement of a receipt fulfils.
///
/// # Errors
/// When the database fails.
pub fn insert(
    conn: &mut DbConnection,
    movement: &MovementId,
    expected: &ExpectedReceiptId,
    line_no: i64,
    store: &StoreCode,
) -> Result<(), DbError> {
    diesel::insert_into(expected_fulfilment::table)
        .values((
            expected_fulfilment::movement_id.eq(movement),
            expected_fulfilment::expected_id.eq(expected),
            expected_fulfilment::line_no.eq(line_no),
            expected_fulfilment::store_code.eq(store),
        ))
        .execute(conn)?;
    Ok(())
}
