//! What is expected, how much of it is open, and what may become of it.

use crate::kernel::id::ExpectedReceiptId;
use crate::kernel::time::BusinessZone;
use crate::kernel::{Code, Instant, ItemCode, Money, Quantity, Refusal, StoreCode};
use crate::word_enum;
use chrono::NaiveDate;
use std::collections::BTreeMap;

word_enum! {
    /// How firmly goods are expected.
    pub enum ExpectedKind {
        /// 订单: ordered, and due on a day; alone counts in a net shortfall.
        Order = "order",
        /// 协议储备: a supplier keeps them ready by contract; never counted as stock.
        Agreement = "agreement",
        /// 产能储备: a maker can produce so many a day; never counted as stock.
        Capacity = "capacity",
    }
}

word_enum! {
    /// How far an expected receipt has come; follows from its lines and the ledger.
    pub enum ExpectedStatus {
        /// Nothing has come.
        Open = "open",
        /// Something has come, and something is open.
        PartlyReceived = "partly_received",
        /// Nothing is open.
        Fulfilled = "fulfilled",
        /// Nobody waits for it any more.
        Cancelled = "cancelled",
    }
}

word_enum! {
    /// What became of an expected receipt.
    pub enum EventKind {
        /// It was entered.
        Created = "created",
        /// It is due at another time.
        Rescheduled = "rescheduled",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

/// An item that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedLine {
    /// The line, from 1.
    pub line: i64,
    /// The item.
    pub item: ItemCode,
    /// Base units.
    pub quantity: Quantity,
    /// The price of a base unit.
    pub unit_price: Option<Money>,
    /// Base units that can be made in a day.
    pub per_day: Option<Quantity>,
}

/// What a store expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedReceipt {
    /// Its id.
    pub id: ExpectedReceiptId,
    /// Its number.
    pub number: String,
    /// How firmly.
    pub kind: ExpectedKind,
    /// Which store.
    pub store: StoreCode,
    /// When it is due; an order always says.
    pub expected_at: Option<Instant>,
    /// From whom.
    pub supplier: String,
    /// By which contract.
    pub contract_number: Option<String>,
    /// Anything else.
    pub note: Option<String>,
    /// Days from the call to the delivery.
    pub lead_days: Option<i64>,
    /// What is expected.
    pub lines: Vec<ExpectedLine>,
    /// Who entered it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// When it was cancelled.
    pub cancelled_at: Option<Instant>,
    /// Counts the changes.
    pub version: i64,
}

/// What became of it, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Counts the events of an expected receipt, from 1.
    pub seq: i64,
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

/// What has come of each line.
pub type ReceivedOfLines = BTreeMap<i64, Quantity>;

/// What of a line is still to come; more may have come than was ordered.
pub fn open(line: &ExpectedLine, received: &ReceivedOfLines) -> Quantity {
    line.quantity.minus_or_zero(received_of(line, received))
}

/// What came beyond what was ordered.
pub fn over(line: &ExpectedLine, received: &ReceivedOfLines) -> Quantity {
    received_of(line, received).minus_or_zero(line.quantity)
}

/// What has come of a line.
pub fn received_of(line: &ExpectedLine, received: &ReceivedOfLines) -> Quantity {
    received.get(&line.line).copied().unwrap_or(Quantity::ZERO)
}

/// How far it has come.
pub fn status(of: &ExpectedReceipt, received: &ReceivedOfLines) -> ExpectedStatus {
    if of.cancelled_at.is_some() {
        ExpectedStatus::Cancelled
    } else if of.lines.iter().all(|line| open(line, received).is_zero()) {
        ExpectedStatus::Fulfilled
    } else if of.lines.iter().any(|line| !received_of(line, received).is_zero()) {
        ExpectedStatus::PartlyReceived
    } else {
        ExpectedStatus::Open
    }
}

/// Whether it is still awaited after the day on which it was due.
pub fn is_overdue(
    of: &ExpectedReceipt,
    status: ExpectedStatus,
    today: NaiveDate,
    zone: BusinessZone,
) -> bool {
    let awaited = matches!(status, ExpectedStatus::Open | ExpectedStatus::PartlyReceived);
    awaited && of.expected_at.is_some_and(|at| zone.day_of(at) < today)
}

/// It is due at another time.
///
/// # Errors
/// `wrong_status` once it is fulfilled or cancelled.
pub fn reschedule(
    of: &ExpectedReceipt,
    received: &ReceivedOfLines,
    expected_at: Instant,
) -> Result<ExpectedReceipt, Refusal> {
    require_awaited(of, received)?;
    Ok(ExpectedReceipt { expected_at: Some(expected_at), version: of.version + 1, ..of.clone() })
}

/// Nobody waits for it, or for its rest, any more.
///
/// # Errors
/// `wrong_status` once it is fulfilled or cancelled.
pub fn cancel(
    of: &ExpectedReceipt,
    received: &ReceivedOfLines,
    at: Instant,
) -> Result<ExpectedReceipt, Refusal> {
    require_awaited(of, received)?;
    Ok(ExpectedReceipt { cancelled_at: Some(at), version: of.version + 1, ..of.clone() })
}

fn require_awaited(of: &ExpectedReceipt, received: &ReceivedOfLines) -> Result<(), Refusal> {
    let status = status(of, received);
    if matches!(status, ExpectedStatus::Open | ExpectedStatus::PartlyReceived) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::WrongStatus,
        format!("预期到货 {} 的状态为 {status}", of.number),
        format!("The expected receipt {} is {status} already", of.number),
    )
    .with("document_status", status.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(quantities: &[i64]) -> ExpectedReceipt {
        let now = Instant::parse("2026-01-15T04:00:00Z").unwrap();
        let lines = (1..).zip(quantities).map(|(line, units)| ExpectedLine {
            line,
            item: ItemCode::new("M03").unwrap(),
            quantity: Quantity::new(*units).unwrap(),
            unit_price: None,
            per_day: None,
        });
        ExpectedReceipt {
            id: ExpectedReceiptId::generate(),
            number: "YQ-QN-DEPOT-2026-000001".to_owned(),
            kind: ExpectedKind::Order,
            store: StoreCode::new("QN-DEPOT").unwrap(),
            expected_at: Some(now),
            supplier: "赣州医药公司".to_owned(),
            contract_number: None,
            note: None,
            lead_days: None,
            lines: lines.collect(),
            created_by: "buyer".to_owned(),
            created_at: now,
            cancelled_at: None,
            version: 1,
        }
    }

    fn came(units: &[i64]) -> ReceivedOfLines {
        (1..).zip(units.iter().map(|n| Quantity::new(*n).unwrap())).collect()
    }

    #[test]
    fn the_status_follows_from_what_came() {
        let of = order(&[100, 50]);
        assert_eq!(status(&of, &came(&[])), ExpectedStatus::Open);
        assert_eq!(status(&of, &came(&[100, 0])), ExpectedStatus::PartlyReceived);
        assert_eq!(status(&of, &came(&[120, 50])), ExpectedStatus::Fulfilled);
        let cancelled = cancel(&of, &came(&[100, 0]), of.created_at).unwrap();
        assert_eq!(status(&cancelled, &came(&[100, 50])), ExpectedStatus::Cancelled);
        assert_eq!(
            cancel(&cancelled, &came(&[]), of.created_at).unwrap_err().code,
            Code::WrongStatus
        );
    }

    proptest! {
        #[test]
        fn what_is_open_and_what_came_make_what_was_ordered_and_what_is_over(
            ordered in 1_i64..1_000, arrived in 0_i64..2_000,
        ) {
            let (of, received) = (order(&[ordered]), came(&[arrived]));
            let line = &of.lines[0];
            prop_assert_eq!(open(line, &received).units() + arrived, ordered + over(line, &received).units());
            prop_assert!(open(line, &received).is_zero() || over(line, &received).is_zero());
        }
    }
}
