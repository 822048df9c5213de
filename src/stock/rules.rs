//! Decisions about stock documents: pure, told the facts.

use crate::config::Settings;
use crate::kernel::{Code, Money, Quantity, Refusal};
use crate::stock::document::{DocumentStatus, StockDocument};
use crate::stock::movement::{Movement, MovementKind};

/// Whether a write-off waits for someone else's approval: above either limit.
pub fn write_off_needs_approval(units: Quantity, value: Money, settings: &Settings) -> bool {
    units > settings.write_off_units || value > settings.write_off_value
}

/// Whether a user may give a draft this status. The author may give it up, but not approve it.
///
/// # Errors
/// `wrong_status` when it is no draft any more; `own_document` when the author would approve it.
pub fn decide_draft(
    document: &StockDocument,
    decided_by: &str,
    status: DocumentStatus,
) -> Result<(), Refusal> {
    if document.status != DocumentStatus::Draft {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("{} 已是 {} 状态", document.number, document.status),
            format!("{} is {} already", document.number, document.status),
        )
        .with("document_status", document.status.as_str()));
    }
    if status == DocumentStatus::Posted && document.created_by == decided_by {
        return Err(Refusal::plain(Code::OwnDocument));
    }
    Ok(())
}

/// How much of a movement is taken back: all that is left unless said.
///
/// # Errors
/// `wrong_status` for movements of a dispatch, which are reversed through it, and for reversals;
/// `already_reversed` when more would be taken back than is left.
pub fn reverse(
    movement: &Movement,
    left: Quantity,
    asked: Option<Quantity>,
) -> Result<Quantity, Refusal> {
    let through_dispatch = matches!(
        movement.line.kind,
        MovementKind::DispatchOut | MovementKind::DispatchIn | MovementKind::TransitLoss
    ) || movement.document.kind == "dispatch";
    if through_dispatch {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("调拨流水请通过调拨单 {} 红冲", movement.document.number),
            format!("Reverse this through its dispatch {}", movement.document.number),
        ));
    }
    if movement.line.kind == MovementKind::Count {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("盘点差异不能红冲（{}）：账实不符请重新盘点", movement.document.number),
            format!(
                "What stocktake {} found is a fact and not reversed: count again instead",
                movement.document.number
            ),
        ));
    }
    if movement.line.kind == MovementKind::Reversal {
        let text = ("红冲流水不能再红冲", "A reversal cannot be reversed: post it anew");
        return Err(Refusal::new(Code::WrongStatus, text.0, text.1));
    }
    let quantity = asked.unwrap_or(left);
    if quantity.is_zero() || quantity > left {
        return Err(Refusal::new(
            Code::AlreadyReversed,
            format!("可红冲数量仅剩 {left}"),
            format!("Only {left} are left to reverse"),
        )
        .with("left", left.units()));
    }
    Ok(quantity)
}
