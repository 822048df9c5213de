//! Dispatches that an allocation decided: made approved, with their lots promised exactly as it
//! says, and taken back together.

use crate::authority::Authority;
use crate::command::{CommandError, Tx};
use crate::dispatch::commands::{cancel_locked, ledger, new_line, next_number};
use crate::dispatch::order::{DispatchStatus, Line, LotQuantity, Order, Step, Urgency};
use crate::dispatch::papers::{Event, LineStep};
use crate::dispatch::records;
use crate::kernel::id::{DispatchId, LotId};
use crate::kernel::{Code, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::LotBalance;

/// What an allocation sends from one store to another.
#[derive(Debug, Clone)]
pub struct Allotted {
    /// The sender.
    pub from: StoreCode,
    /// The receiver.
    pub to: StoreCode,
    /// Each item with the very lots.
    pub lines: Vec<(ItemCode, Vec<(LotId, Quantity)>)>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// The day or instant by which it is needed.
    pub needed_by: Option<String>,
    /// Why it is sent.
    pub reason: Option<String>,
    /// By whose word.
    pub authority: Option<Authority>,
    /// Who proposed it; the caller approves it.
    pub proposed_by: String,
    /// The number of the allocation.
    pub allocation: String,
}

/// Makes a dispatch that is approved already, and promises its lots.
///
/// `balances` are those of the sender and the items, locked by the caller before any number is
/// taken; they are left as they are after the promise.
///
/// # Errors
/// `lot_blocked` for a lot that may not be used or of which less is free; `floor_crossed` without
/// an authority.
pub fn make(
    tx: &mut Tx<'_>,
    allotted: &Allotted,
    balances: &mut [LotBalance],
) -> Result<Order, CommandError> {
    let order = Order {
        id: DispatchId::generate(),
        number: next_number(tx, &allotted.from)?,
        status: DispatchStatus::Approved,
        from_store: Some(allotted.from.clone()),
        to_store: allotted.to.clone(),
        needed_by: allotted.needed_by.clone(),
        urgency: allotted.urgency,
        reason: allotted.reason.clone(),
        order_number: allotted.authority.as_ref().and_then(|word| word.number.clone()),
        authority: allotted.authority.clone(),
        note: None,
        follows: None,
        created_by: allotted.proposed_by.clone(),
        created_at: tx.now,
        approved_by: Some(tx.actor.name.clone()),
        approved_at: Some(tx.now),
        expected_at: None,
        version: 1,
        lines: allotted.lines.iter().zip(1..).map(|(line, no)| line_of(no, line)).collect(),
    };
    records::insert(tx.conn, &order)?;
    ledger::promise_chosen(tx, &order, balances)?;
    let steps: Vec<LineStep> = order
        .lines
        .iter()
        .flat_map(|line| {
            let by = [(Step::Requested, &allotted.proposed_by), (Step::Approved, &tx.actor.name)];
            by.map(|(step, actor)| LineStep {
                line: line.line,
                step,
                quantity: line.requested.units(),
                actor: actor.clone(),
                at: tx.now,
                reason_code: None,
                note: Some(allotted.allocation.clone()),
            })
        })
        .collect();
    let event = Event {
        at: tx.now,
        actor: tx.actor.name.clone(),
        what: DispatchStatus::Approved.as_str().to_owned(),
        note: Some(allotted.allocation.clone()),
    };
    records::tell(tx.conn, &order.id, &steps, &event)?;
    Ok(order)
}

fn line_of(number: i64, (item, lots): &(ItemCode, Vec<(LotId, Quantity)>)) -> Line {
    let granted = Quantity::total(lots.iter().map(|(_, quantity)| *quantity));
    Line {
        approved: Some(granted),
        reserved: lots
            .iter()
            .map(|(lot, quantity)| LotQuantity {
                lot_id: lot.clone(),
                item_code: item.clone(),
                quantity: *quantity,
            })
            .collect(),
        ..new_line(number, item.clone(), None, granted)
    }
}

/// Cancels dispatches together, those that are cancelled already left out.
///
/// # Errors
/// `wrong_status` when any of them has left, naming it: none is cancelled then.
pub fn cancel_all(
    tx: &mut Tx<'_>,
    ids: &[DispatchId],
    reason: &str,
) -> Result<Vec<Order>, CommandError> {
    let mut ids: Vec<&DispatchId> = ids.iter().collect();
    ids.sort_unstable();
    let mut cancelled = Vec::new();
    for id in ids {
        let order = records::lock(tx.conn, id)?.ok_or_else(|| Refusal::plain(Code::Internal))?;
        if order.status != DispatchStatus::Cancelled {
            cancelled.push(cancel_locked(tx, &order, reason.to_owned())?);
        }
    }
    Ok(cancelled)
}
