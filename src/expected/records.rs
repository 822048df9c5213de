//! Expected receipts with their lines and events, as rows.

use crate::access::Scope;
use crate::db::schema::{expected_event, expected_line, expected_receipt};
use crate::db::{DbConnection, DbError};
use crate::expected::rules::{Event, EventKind, ExpectedKind, ExpectedLine, ExpectedReceipt};
use crate::kernel::id::ExpectedReceiptId;
use crate::kernel::{Instant, ItemCode, Money, Quantity, StoreCode};
use crate::load_locked;
use diesel::prelude::*;
use std::collections::BTreeMap;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = expected_receipt, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: ExpectedReceiptId,
    number: String,
    kind: ExpectedKind,
    store_code: StoreCode,
    expected_at: Option<Instant>,
    supplier: String,
    contract_number: Option<String>,
    note: Option<String>,
    lead_days: Option<i64>,
    created_by: String,
    created_at: Instant,
    cancelled_at: Option<Instant>,
    version: i64,
}

impl From<&ExpectedReceipt> for Row {
    fn from(of: &ExpectedReceipt) -> Self {
        let of = of.clone();
        Self {
            id: of.id,
            number: of.number,
            kind: of.kind,
            store_code: of.store,
            expected_at: of.expected_at,
            supplier: of.supplier,
            contract_number: of.contract_number,
            note: of.note,
            lead_days: of.lead_days,
            created_by: of.created_by,
            created_at: of.created_at,
            cancelled_at: of.cancelled_at,
            version: of.version,
        }
    }
}

impl Row {
    fn with(self, lines: Vec<ExpectedLine>) -> ExpectedReceipt {
        ExpectedReceipt {
            id: self.id,
            number: self.number,
            kind: self.kind,
            store: self.store_code,
            expected_at: self.expected_at,
            supplier: self.supplier,
            contract_number: self.contract_number,
            note: self.note,
            lead_days: self.lead_days,
            lines,
            created_by: self.created_by,
            created_at: self.created_at,
            cancelled_at: self.cancelled_at,
            version: self.version,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = expected_line, treat_none_as_default_value = false)]
struct LineRow {
    expected_id: ExpectedReceiptId,
    line_no: i64,
    item_code: ItemCode,
    quantity: Quantity,
    unit_price: Option<Money>,
    per_day: Option<Quantity>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = expected_event, treat_none_as_default_value = false)]
struct EventRow {
    expected_id: ExpectedReceiptId,
    seq: i64,
    kind: EventKind,
    expected_at: Option<Instant>,
    reason: Option<String>,
    actor: String,
    at: Instant,
}

/// Stores a new expected receipt.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, new: &ExpectedReceipt) -> Result<(), DbError> {
    diesel::insert_into(expected_receipt::table).values(Row::from(new)).execute(conn)?;
    for line in &new.lines {
        let row = LineRow {
            expected_id: new.id.clone(),
            line_no: line.line,
            item_code: line.item.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            per_day: line.per_day,
        };
        diesel::insert_into(expected_line::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Stores a changed one; its lines never change.
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, changed: &ExpectedReceipt) -> Result<(), DbError> {
    diesel::update(expected_receipt::table.find(&changed.id))
        .set(Row::from(changed))
        .execute(conn)?;
    Ok(())
}

/// Stores what became of it.
///
/// # Errors
/// When the database fails.
pub fn insert_event(
    conn: &mut DbConnection,
    of: &ExpectedReceiptId,
    event: &Event,
) -> Result<(), DbError> {
    let row = EventRow {
        expected_id: of.clone(),
        seq: event.seq,
        kind: event.kind,
        expected_at: event.expected_at,
        reason: event.reason.clone(),
        actor: event.actor.clone(),
        at: event.at,
    };
    diesel::insert_into(expected_event::table).values(row).execute(conn)?;
    Ok(())
}

/// What became of some expected receipts, the first event first.
///
/// # Errors
/// When the database fails.
pub fn events(
    conn: &mut DbConnection,
    ids: &[ExpectedReceiptId],
) -> Result<BTreeMap<ExpectedReceiptId, Vec<Event>>, DbError> {
    let rows: Vec<EventRow> = expected_event::table
        .filter(expected_event::expected_id.eq_any(ids))
        .order((expected_event::expected_id, expected_event::seq))
        .select(EventRow::as_select())
        .load(conn)?;
    let mut events: BTreeMap<ExpectedReceiptId, Vec<Event>> = BTreeMap::new();
    for row in rows {
        events.entry(row.expected_id).or_default().push(Event {
            seq: row.seq,
            kind: row.kind,
            expected_at: row.expected_at,
            reason: row.reason,
            actor: row.actor,
            at: row.at,
        });
    }
    Ok(events)
}

/// The expected receipt of an id or a number, in scope.
///
/// # Errors
/// When the database fails.
pub fn find(
    conn: &mut DbConnection,
    scope: &Scope,
    id_or_number: &str,
) -> Result<Option<ExpectedReceipt>, DbError> {
    let id = ExpectedReceiptId::try_from(id_or_number.to_owned()).ok();
    let rows: Vec<Row> = expected_receipt::table
        .filter(expected_receipt::number.eq(id_or_number).or(expected_receipt::id.eq_any(id)))
        .order(expected_receipt::id)
        .select(Row::as_select())
        .load(conn)?;
    Ok(complete(conn, rows)?.into_iter().find(|of| scope.contains(&of.store)))
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(
    conn: &mut DbConnection,
    scope: &Scope,
    id_or_number: &str,
) -> Result<Option<ExpectedReceipt>, DbError> {
    let id = ExpectedReceiptId::try_from(id_or_number.to_owned()).ok();
    let rows: Vec<Row> = load_locked!(
        conn,
        expected_receipt::table
            .filter(expected_receipt::number.eq(id_or_number).or(expected_receipt::id.eq_any(id)))
            .order(expected_receipt::id)
            .select(Row::as_select()),
        Row
    )?;
    Ok(complete(conn, rows)?.into_iter().find(|of| scope.contains(&of.store)))
}

/// Which expected receipts to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<ExpectedKind>,
    /// Of this store.
    pub store: Option<StoreCode>,
    /// With a line of this item.
    pub item: Option<ItemCode>,
    /// Cancelled, or not.
    pub cancelled: Option<bool>,
    /// Due before this time.
    pub due_before: Option<Instant>,
}

/// Expected receipts, the newest first, after one; at most so many.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<&(Instant, ExpectedReceiptId)>,
    most: i64,
) -> Result<Vec<ExpectedReceipt>, DbError> {
    let mut query = expected_receipt::table.select(Row::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(expected_receipt::store_code.eq_any(stores));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(expected_receipt::kind.eq(kind));
    }
    if let Some(store) = &filter.store {
        query = query.filter(expected_receipt::store_code.eq(store));
    }
    if let Some(item) = &filter.item {
        let with_item = expected_line::table
            .filter(expected_line::item_code.eq(item))
            .select(expected_line::expected_id);
        query = query.filter(expected_receipt::id.eq_any(with_item));
    }
    match filter.cancelled {
        Some(true) => query = query.filter(expected_receipt::cancelled_at.is_not_null()),
        Some(false) => query = query.filter(expected_receipt::cancelled_at.is_null()),
        None => {}
    }
    if let Some(before) = filter.due_before {
        query = query.filter(expected_receipt::expected_at.lt(before));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            expected_receipt::created_at
                .lt(at)
                .or(expected_receipt::created_at.eq(at).and(expected_receipt::id.lt(id))),
        );
    }
    let order = (expected_receipt::created_at.desc(), expected_receipt::id.desc());
    let rows = query.order(order).limit(most).load(conn)?;
    complete(conn, rows)
}

/// Adds the lines to some rows.
fn complete(conn: &mut DbConnection, rows: Vec<Row>) -> Result<Vec<ExpectedReceipt>, DbError> {
    let ids: Vec<&ExpectedReceiptId> = rows.iter().map(|row| &row.id).collect();
    let lines: Vec<LineRow> = expected_line::table
        .filter(expected_line::expected_id.eq_any(&ids))
        .order((expected_line::expected_id, expected_line::line_no))
        .select(LineRow::as_select())
        .load(conn)?;
    let mut of: BTreeMap<ExpectedReceiptId, Vec<ExpectedLine>> = BTreeMap::new();
    for row in lines {
        of.entry(row.expected_id).or_default().push(ExpectedLine {
            line: row.line_no,
            item: row.item_code,
            quantity: row.quantity,
            unit_price: row.unit_price,
            per_day: row.per_day,
        });
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let lines = of.remove(&row.id).unwrap_or_default();
            row.with(lines)
        })
        .collect())
}
