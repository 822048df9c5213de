//! Promises: stock of one lot set aside for a line of a document, and their history.

use super::closings::store_changed;
use super::{INSERT_CHUNK, lock_balances};
use crate::command::CommandError;
use crate::db::schema::{reservation, reservation_event};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{LotId, ReservationEventId};
use crate::kernel::{Code, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::on_each_backend;
use crate::stock::account::StockState;
use crate::stock::posting::{BalanceKey, Balances, When};
use chrono::NaiveDate;
use diesel::prelude::*;

/// Stock of one lot promised to a line of a document.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = reservation, treat_none_as_default_value = false)]
pub struct Reservation {
    /// E.g. `dispatch`.
    pub document_kind: String,
    /// The document's id.
    pub document_id: String,
    /// Its line, from 1.
    pub line_no: i64,
    /// The store that holds the lot.
    pub store_code: StoreCode,
    /// The lot.
    pub lot_id: LotId,
    /// The item.
    pub item_code: ItemCode,
    /// How much, above zero.
    pub quantity: Quantity,
}

impl Reservation {
    fn balance(&self) -> BalanceKey {
        BalanceKey {
            store_code: self.store_code.clone(),
            lot_id: self.lot_id.clone(),
            state: StockState::Available,
        }
    }

    /// The event by which the promise grew or shrank.
    fn event(&self, change: i64, when: &When) -> EventRow {
        EventRow {
            id: ReservationEventId::generate(),
            document_kind: self.document_kind.clone(),
            document_id: self.document_id.clone(),
            line_no: self.line_no,
            store_code: self.store_code.clone(),
            lot_id: self.lot_id.clone(),
            item_code: self.item_code.clone(),
            change,
            occurred_at: when.occurred_at,
            business_day: when.day(),
            recorded_at: when.now,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = reservation_event, treat_none_as_default_value = false)]
struct EventRow {
    id: ReservationEventId,
    document_kind: String,
    document_id: String,
    line_no: i64,
    store_code: StoreCode,
    lot_id: LotId,
    item_code: ItemCode,
    change: i64,
    occurred_at: Instant,
    business_day: NaiveDate,
    recorded_at: Instant,
}

/// The promises to a document, in the order of lines and lots.
///
/// # Errors
/// When the database fails.
pub fn reservations_of(
    conn: &mut DbConnection,
    document_kind: &str,
    document_id: &str,
) -> Result<Vec<Reservation>, DbError> {
    Ok(reservation::table
        .filter(reservation::document_kind.eq(document_kind))
        .filter(reservation::document_id.eq(document_id))
        .select(Reservation::as_select())
        .order((reservation::line_no, reservation::store_code, reservation::lot_id))
        .load(conn)?)
}

/// Promises stock: nothing is promised twice.
///
/// A promise is made as it is recorded. A second one of the same lot to the same line adds to the
/// first.
///
/// # Errors
/// `insufficient_stock` when less is unreserved; failures of the database.
pub fn reserve(
    conn: &mut DbConnection,
    when: &When,
    promises: &[Reservation],
) -> Result<(), CommandError> {
    let when = When::now(when.now, when.zone);
    let before = lock_promised(conn, promises)?;
    let mut after = before.clone();
    let mut events = Vec::with_capacity(promises.len());
    for promise in promises {
        let facts = after.stores.get_mut(&promise.balance());
        let free = facts.as_ref().map_or(Quantity::ZERO, |f| f.on_hand.minus_or_zero(f.reserved));
        let Some(facts) = facts.filter(|_| free >= promise.quantity) else {
            return Err(too_little(promise, free).into());
        };
        facts.reserved = facts.reserved.plus_capped(promise.quantity);
        facts.last_day = facts.last_day.max(when.day());
        let id = (
            &promise.document_kind,
            &promise.document_id,
            promise.line_no,
            &promise.store_code,
            &promise.lot_id,
        );
        let added = diesel::update(reservation::table.find(id))
            .set((
                reservation::quantity.eq(reservation::quantity + promise.quantity.units()),
                reservation::promised_at.eq(when.now),
            ))
            .execute(conn)?;
        if added == 0 {
            diesel::insert_into(reservation::table)
                .values((promise.clone(), reservation::promised_at.eq(when.now)))
                .execute(conn)?;
        }
        events.push(promise.event(promise.quantity.units(), &when));
    }
    store_changed(conn, &before, &after, &when, when.now)?;
    append_events(conn, events)
}

/// Takes promises back, wholly or in part: cancelled, cut, or kept by shipping.
///
/// # Errors
/// [`DbError::Conflict`] when less is promised than is to be released, because somebody took it since
/// the caller looked; failures of the database.
pub fn release(
    conn: &mut DbConnection,
    when: &When,
    promises: &[Reservation],
) -> Result<(), CommandError> {
    let mut before = lock_promised(conn, promises)?;
    let mut events = Vec::with_capacity(promises.len());
    for promise in promises {
        let id = (
            &promise.document_kind,
            &promise.document_id,
            promise.line_no,
            &promise.store_code,
            &promise.lot_id,
        );
        let held: Option<(Quantity, Instant)> = reservation::table
            .find(id)
            .select((reservation::quantity, reservation::promised_at))
            .first(conn)
            .optional()?;
        let (held, promised_at) = held.unwrap_or((Quantity::ZERO, when.now));
        let Some(rest) = held.minus(promise.quantity) else {
            let text = format!("a promise to {} was cut meanwhile", promise.document_id);
            return Err(DbError::Conflict(text).into());
        };
        if rest.is_zero() {
            diesel::delete(reservation::table.find(id)).execute(conn)?;
        } else {
            diesel::update(reservation::table.find(id))
                .set(reservation::quantity.eq(rest))
                .execute(conn)?;
        }
        // No promise is kept before it was made, whatever time the lorry is said to have left.
        let when = When { occurred_at: when.occurred_at.max(promised_at), ..*when };
        let mut after = before.clone();
        if let Some(facts) = after.stores.get_mut(&promise.balance()) {
            facts.reserved = facts.reserved.minus_or_zero(promise.quantity);
            facts.last_day = facts.last_day.max(when.day());
        }
        store_changed(conn, &before, &after, &when, when.now)?;
        before = after;
        if !promise.quantity.is_zero() {
            events.push(promise.event(-promise.quantity.units(), &when));
        }
    }
    append_events(conn, events)
}

/// Takes back everything that a document was promised.
///
/// # Errors
/// Failures of the database.
pub fn release_all(
    conn: &mut DbConnection,
    when: &When,
    document_kind: &str,
    document_id: &str,
) -> Result<Vec<Reservation>, CommandError> {
    let promises = reservations_of(conn, document_kind, document_id)?;
    release(conn, when, &promises)?;
    Ok(promises)
}

fn lock_promised(conn: &mut DbConnection, promises: &[Reservation]) -> Result<Balances, DbError> {
    let mut keys: Vec<BalanceKey> = promises.iter().map(Reservation::balance).collect();
    keys.sort_unstable();
    keys.dedup();
    lock_balances(conn, &keys, &[])
}

fn append_events(conn: &mut DbConnection, events: Vec<EventRow>) -> Result<(), CommandError> {
    let mut events = events.into_iter().peekable();
    while events.peek().is_some() {
        let chunk: Vec<EventRow> = events.by_ref().take(INSERT_CHUNK).collect();
        on_each_backend!(conn, |c| diesel::insert_into(reservation_event::table)
            .values(chunk)
            .execute(c))?;
    }
    Ok(())
}

fn too_little(promise: &Reservation, available: Quantity) -> Refusal {
    Refusal::new(
        Code::InsufficientStock,
        format!(
            "物资 {} 批次 {} 仅剩 {available}，不足 {}",
            promise.item_code, promise.lot_id, promise.quantity
        ),
        format!(
            "Only {available} of item {} lot {} are there, not {}",
            promise.item_code, promise.lot_id, promise.quantity
        ),
    )
    .with("item_code", promise.item_code.as_str())
    .with("lot_id", promise.lot_id.as_str())
    .with("requested", promise.quantity.units())
    .with("available", available.units())
}
