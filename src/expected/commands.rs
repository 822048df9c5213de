//! Entering, putting off and cancelling what is expected.

use crate::command::{CommandError, Done, Subject, Tx};
use crate::db::{DbConnection, DbError};
use crate::expected::queries::received_of;
use crate::expected::records;
use crate::expected::requests::{CancelRequest, ExpectedRequest, RescheduleRequest};
use crate::expected::rules::{self, Event, EventKind, ExpectedReceipt, ReceivedOfLines};
use crate::expected::views::ExpectedReceiptView;
use crate::kernel::id::ExpectedReceiptId;
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, Refusal, StoreCode};
use crate::stock::document::format_number;
use crate::stock::records::next_number;
use chrono::Datelike;

/// The letters with which numbers begin: 预期到货.
const PREFIX: &str = "YQ";

/// Enters what a store expects.
///
/// # Errors
/// `validation_failed` with every fault, `store_out_of_scope`.
pub fn create(tx: &mut Tx<'_>, request: &ExpectedRequest) -> Result<Done, CommandError> {
    let asked = request.parse(tx)?;
    let new = ExpectedReceipt {
        id: ExpectedReceiptId::generate(),
        number: number(tx, &asked.store)?,
        kind: asked.kind,
        store: asked.store,
        expected_at: asked.expected_at,
        supplier: asked.supplier,
        contract_number: asked.contract_number,
        note: asked.note,
        lead_days: asked.lead_days,
        lines: asked.lines,
        created_by: tx.actor.name.clone(),
        created_at: tx.now,
        cancelled_at: None,
        version: 1,
    };
    records::insert(tx.conn, &new)?;
    record(tx, &new, EventKind::Created, None)?;
    let view = shown(tx.conn, &new, tx.settings.zone, tx.now)?;
    Ok(Done::created(subject(&new), &view)
        .version(new.version)
        .located(format!("/expected-receipts/{}", new.id)))
}

/// Says that it is due at another time.
///
/// # Errors
/// `not_found` outside the caller's scope, `stale_version`, `validation_failed`, `wrong_status`
/// once it is fulfilled or cancelled.
pub fn reschedule(
    tx: &mut Tx<'_>,
    id: &str,
    request: &RescheduleRequest,
) -> Result<Done, CommandError> {
    change(tx, id, EventKind::Rescheduled, |before, received, _| {
        let (at, reason) = request.parse()?;
        Ok((rules::reschedule(before, received, at)?, reason))
    })
}

/// Cancels it, or what is still open of it.
///
/// # Errors
/// As [`reschedule`].
pub fn cancel(tx: &mut Tx<'_>, id: &str, request: &CancelRequest) -> Result<Done, CommandError> {
    change(tx, id, EventKind::Cancelled, |before, received, now| {
        let reason = request.parse()?;
        Ok((rules::cancel(before, received, now)?, reason))
    })
}

fn change(
    tx: &mut Tx<'_>,
    id: &str,
    kind: EventKind,
    rule: impl FnOnce(
        &ExpectedReceipt,
        &ReceivedOfLines,
        Instant,
    ) -> Result<(ExpectedReceipt, String), Refusal>,
) -> Result<Done, CommandError> {
    let before = records::lock(tx.conn, &tx.actor.scope, id)?.ok_or_else(|| not_found(id))?;
    tx.expect_version(before.version)?;
    let received = received_of(tx.conn, std::slice::from_ref(&before))?;
    let received = received.into_values().next().unwrap_or_default();
    let (after, reason) = rule(&before, &received, tx.now)?;
    let shown_before = shown(tx.conn, &before, tx.settings.zone, tx.now)?;
    records::update(tx.conn, &after)?;
    record(tx, &after, kind, Some(reason))?;
    let view = shown(tx.conn, &after, tx.settings.zone, tx.now)?;
    Ok(Done::ok(subject(&after), &view).version(after.version).replacing(&shown_before))
}

/// Some expected receipts as clients see them.
///
/// # Errors
/// When the database fails.
pub fn show(
    conn: &mut DbConnection,
    all: &[ExpectedReceipt],
    zone: BusinessZone,
    now: Instant,
) -> Result<Vec<ExpectedReceiptView>, DbError> {
    let ids: Vec<ExpectedReceiptId> = all.iter().map(|of| of.id.clone()).collect();
    let received = received_of(conn, all)?;
    let events = records::events(conn, &ids)?;
    let nothing = ReceivedOfLines::new();
    Ok(all
        .iter()
        .map(|of| {
            let received = received.get(&of.id).unwrap_or(&nothing);
            let events = events.get(&of.id).map_or(&[][..], Vec::as_slice);
            ExpectedReceiptView::of(of, received, events, zone.day_of(now), zone)
        })
        .collect())
}

fn shown(
    conn: &mut DbConnection,
    of: &ExpectedReceipt,
    zone: BusinessZone,
    now: Instant,
) -> Result<Option<ExpectedReceiptView>, DbError> {
    Ok(show(conn, std::slice::from_ref(of), zone, now)?.pop())
}

/// Every change is one version and one event, so the event counts like the version.
fn record(
    tx: &mut Tx<'_>,
    of: &ExpectedReceipt,
    kind: EventKind,
    reason: Option<String>,
) -> Result<(), DbError> {
    let event = Event {
        seq: of.version,
        kind,
        expected_at: of.expected_at,
        reason,
        actor: tx.actor.name.clone(),
        at: tx.now,
    };
    records::insert_event(tx.conn, &of.id, &event)
}

fn number(tx: &mut Tx<'_>, store: &StoreCode) -> Result<String, DbError> {
    let year = i64::from(tx.settings.zone.day_of(tx.now).year());
    let running = next_number(tx.conn, store, PREFIX, year)?;
    Ok(format_number(PREFIX, store, year, running))
}

/// That there is no such expected receipt, or none that the caller may know of.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("预期到货", "expected receipt", id)
}

fn subject(of: &ExpectedReceipt) -> Subject {
    Subject { kind: "expected_receipt", id: of.id.to_string(), store: Some(of.store.clone()) }
}
