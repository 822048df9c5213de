//! What clients see of expected receipts.

use crate::expected::rules::{
    self, Event, EventKind, ExpectedKind, ExpectedReceipt, ExpectedStatus, ReceivedOfLines,
};
use crate::kernel::id::ExpectedReceiptId;
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, ItemCode, Money, Quantity, StoreCode};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// What a store expects from outside.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExpectedReceiptView {
    /// Its id.
    pub id: ExpectedReceiptId,
    /// Its number.
    #[schema(example = "YQ-QN-DEPOT-2026-000001")]
    pub number: String,
    /// How firmly it is expected.
    pub kind: ExpectedKind,
    /// Which store.
    pub store_code: StoreCode,
    /// How far it has come.
    pub status: ExpectedStatus,
    /// Whether it is still awaited after the day on which it was due.
    pub overdue: bool,
    /// When it is due.
    pub expected_at: Option<Instant>,
    /// From whom.
    pub supplier: String,
    /// By which contract.
    pub contract_number: Option<String>,
    /// Days from the call to the delivery.
    pub lead_days: Option<i64>,
    /// Anything else.
    pub note: Option<String>,
    /// What is expected, and what has come of it.
    pub lines: Vec<ExpectedLineView>,
    /// What became of it, the first event first.
    pub events: Vec<ExpectedEventView>,
    /// Who entered it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
}

/// An item that is expected.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExpectedLineView {
    /// The line, from 1.
    pub line: i64,
    /// The item.
    pub item_code: ItemCode,
    /// Base units ordered.
    pub quantity: Quantity,
    /// Base units that came, less what was reversed.
    pub received: Quantity,
    /// Base units that are still to come.
    pub open: Quantity,
    /// Base units that came beyond what was ordered.
    pub over: Quantity,
    /// The price of a base unit.
    #[schema(value_type = Option<String>, example = "0.35")]
    pub unit_price: Option<Money>,
    /// Base units that can be made in a day, of capacity.
    pub per_day: Option<Quantity>,
}

/// What became of an expected receipt.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExpectedEventView {
    /// What happened.
    pub kind: EventKind,
    /// When it is due from then on.
    pub expected_at: Option<Instant>,
    /// Why.
    pub reason: Option<String>,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Instant,
}

impl ExpectedReceiptView {
    /// An expected receipt as it stands on the day `today`.
    pub fn of(
        of: &ExpectedReceipt,
        received: &ReceivedOfLines,
        events: &[Event],
        today: NaiveDate,
        zone: BusinessZone,
    ) -> Self {
        let status = rules::status(of, received);
        Self {
            overdue: rules::is_overdue(of, status, today, zone),
            status,
            lines: of
                .lines
                .iter()
                .map(|line| ExpectedLineView {
                    line: line.line,
                    item_code: line.item.clone(),
                    quantity: line.quantity,
                    received: rules::received_of(line, received),
                    open: rules::open(line, received),
                    over: rules::over(line, received),
                    unit_price: line.unit_price,
                    per_day: line.per_day,
                })
                .collect(),
            events: events
                .iter()
                .map(|event| ExpectedEventView {
                    kind: event.kind,
                    expected_at: event.expected_at,
                    reason: event.reason.clone(),
                    actor: event.actor.clone(),
                    at: event.at,
                })
                .collect(),
            id: of.id.clone(),
            number: of.number.clone(),
            kind: of.kind,
            store_code: of.store.clone(),
            expected_at: of.expected_at,
            supplier: of.supplier.clone(),
            contract_number: of.contract_number.clone(),
            lead_days: of.lead_days,
            note: of.note.clone(),
            created_by: of.created_by.clone(),
            created_at: of.created_at,
        }
    }
}
