//! What is open of what stores expect, now or at a moment of the past.

use crate::db::schema::{expected_event, expected_line, expected_receipt};
use crate::db::{DbConnection, DbError};
use crate::expected::rules::{ExpectedKind, ExpectedReceipt, ReceivedOfLines};
use crate::kernel::id::ExpectedReceiptId;
use crate::kernel::{Instant, ItemCode, Moment, Money, Quantity, StoreCode};
use crate::stock::queries::fulfilment::{Expecting, received};
use diesel::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// What has come of each line of some expected receipts, now.
///
/// # Errors
/// When the database fails.
pub fn received_of(
    conn: &mut DbConnection,
    of: &[ExpectedReceipt],
) -> Result<BTreeMap<ExpectedReceiptId, ReceivedOfLines>, DbError> {
    let ids: Vec<ExpectedReceiptId> = of.iter().map(|one| one.id.clone()).collect();
    let mut by_id: BTreeMap<ExpectedReceiptId, ReceivedOfLines> = BTreeMap::new();
    for ((id, line), quantity) in received(conn, Expecting::These(&ids), None)? {
        by_id.entry(id).or_default().insert(line, quantity);
    }
    Ok(by_id)
}

/// A line of which something is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLine {
    /// The expected receipt.
    pub id: ExpectedReceiptId,
    /// Its number.
    pub number: String,
    /// How firmly it is expected.
    pub kind: ExpectedKind,
    /// Its line.
    pub line: i64,
    /// From whom.
    pub supplier: String,
    /// When it is due.
    pub expected_at: Option<Instant>,
    /// Days from the call to the delivery.
    pub lead_days: Option<i64>,
    /// Base units that can be made in a day.
    pub per_day: Option<Quantity>,
    /// The price of a base unit.
    pub unit_price: Option<Money>,
    /// Base units that are still to come.
    pub open: Quantity,
}

/// Open lines by store and item, the first due first.
pub type OpenLines = HashMap<(StoreCode, ItemCode), Vec<OpenLine>>;

type HeadColumns =
    (ExpectedReceiptId, String, ExpectedKind, StoreCode, String, Option<Instant>, Option<i64>);
type LineColumns = (i64, ItemCode, Quantity, Option<Money>, Option<Quantity>);

/// What is open at some stores, or all, of some items, or all, at a moment.
///
/// What was entered, put off or cancelled is so from the time of its record on: as of an earlier
/// time nobody expected it, had put it off or had cancelled it.
///
/// # Errors
/// When the database fails.
pub fn open_lines(
    conn: &mut DbConnection,
    moment: &Moment,
    stores: Option<&[StoreCode]>,
    items: Option<&[ItemCode]>,
) -> Result<OpenLines, DbError> {
    let then = if moment.is_now { Instant::LAST } else { moment.horizon() };
    let mut query = expected_line::table
        .inner_join(expected_receipt::table)
        .filter(expected_receipt::created_at.le(then))
        .filter(
            expected_receipt::cancelled_at.is_null().or(expected_receipt::cancelled_at.gt(then)),
        )
        .select((
            (
                expected_receipt::id,
                expected_receipt::number,
                expected_receipt::kind,
                expected_receipt::store_code,
                expected_receipt::supplier,
                expected_receipt::expected_at,
                expected_receipt::lead_days,
            ),
            (
                expected_line::line_no,
                expected_line::item_code,
                expected_line::quantity,
                expected_line::unit_price,
                expected_line::per_day,
            ),
        ))
        .into_boxed();
    if let Some(stores) = stores {
        query = among!(query, expected_receipt::store_code, stores);
    }
    if let Some(items) = items {
        query = among!(query, expected_line::item_code, items);
    }
    let rows: Vec<(HeadColumns, LineColumns)> = query.load(conn)?;
    if rows.is_empty() {
        return Ok(OpenLines::new());
    }
    let came = received(conn, Expecting::Stores(stores, items), Some(moment))?;
    let due_then = if moment.is_now { HashMap::new() } else { due_at(conn, then, stores)? };
    let mut open: OpenLines = OpenLines::new();
    for ((id, number, kind, store, supplier, due, lead_days), line) in rows {
        let (line, item, ordered, unit_price, per_day) = line;
        let key = (id, line);
        let left = ordered.minus_or_zero(came.get(&key).copied().unwrap_or(Quantity::ZERO));
        if left.is_zero() {
            continue;
        }
        let (id, line) = key;
        let expected_at = due_then.get(&id).copied().unwrap_or(due);
        open.entry((store, item)).or_default().push(OpenLine {
            id,
            number,
            kind,
            line,
            supplier,
            expected_at,
            lead_days,
            per_day,
            unit_price,
            open: left,
        });
    }
    for lines in open.values_mut() {
        lines.sort_by(|a, b| {
            let key = |line: &OpenLine| (line.expected_at.is_none(), line.expected_at);
            (key(a), &a.id, a.line).cmp(&(key(b), &b.id, b.line))
        });
    }
    Ok(open)
}

/// When goods were due, as was said last by a time.
fn due_at(
    conn: &mut DbConnection,
    then: Instant,
    stores: Option<&[StoreCode]>,
) -> Result<HashMap<ExpectedReceiptId, Option<Instant>>, DbError> {
    let mut query = expected_event::table
        .inner_join(expected_receipt::table)
        .filter(expected_event::at.le(then))
        .order((expected_event::expected_id, expected_event::seq))
        .select((expected_event::expected_id, expected_event::expected_at))
        .into_boxed();
    if let Some(stores) = stores {
        query = among!(query, expected_receipt::store_code, stores);
    }
    let rows: Vec<(ExpectedReceiptId, Option<Instant>)> = query.load(conn)?;
    // The last said wins.
    Ok(rows.into_iter().collect())
}
