//! Decisions about stock documents: pure, told the facts.

use crate::access::Role;
use crate::config::Settings;
use crate::kernel::time::plus_days;
use crate::kernel::{Bilingual, Code, FaultCode, Faults, Money, Quantity, Refusal};
use crate::stock::document::{DocumentStatus, StockDocument};
use crate::stock::facts::Promise;
use crate::stock::movement::{DocumentRef, ESTIMATED_BY, Movement, MovementKind};
use chrono::NaiveDate;
use std::collections::BTreeSet;

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

/// Requires a business day to lie no further back than a role may post.
///
/// # Errors
/// `too_far_back` with the earliest day.
pub fn check_how_far_back(
    role: Role,
    (day, today): (NaiveDate, NaiveDate),
    settings: &Settings,
) -> Result<(), Refusal> {
    let days = match role {
        Role::Keeper | Role::Procurement => settings.keeper_days_back,
        Role::Commander | Role::Auditor | Role::Admin => settings.commander_days_back,
    };
    let earliest = plus_days(today, -days);
    if day >= earliest {
        return Ok(());
    }
    Err(Refusal::new(
        Code::TooFarBack,
        format!("您的角色（{role}）最早可补录 {earliest} 的业务"),
        format!("Your role ({role}) may post back to {earliest} at the most"),
    )
    .with("day", day.to_string())
    .with("earliest", earliest.to_string()))
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
    if movement.document.kind == ESTIMATED_BY {
        let number = &movement.document.number;
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("估算消耗由库存日报 {number} 得出，请更正日报"),
            format!("This was estimated from stock report {number}: correct the report instead"),
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

/// How much of which movements is taken back when some lines of a document are.
///
/// Within a line the movement that was posted last goes back first: what was not in the book, then
/// the lots that expire last.
///
/// # Errors
/// `validation_failed` for a line that is unknown or named twice, or a quantity that is none;
/// `already_reversed` when more would be taken back than is left.
pub fn of_lines(
    originals: Vec<Movement>,
    lines: impl Iterator<Item = (i64, Option<i64>)>,
    left: impl Fn(&Movement) -> Quantity,
) -> Result<Vec<(Movement, Quantity)>, Refusal> {
    let mut faults = Faults::new();
    let mut seen = BTreeSet::new();
    let mut asked = Vec::new();
    for (at, (line, quantity)) in lines.enumerate() {
        let pointer = format!("/lines/{at}/line");
        if !originals.iter().any(|movement| movement.line.line_no == line) {
            faults.add(pointer, FaultCode::Unknown);
        } else if !seen.insert(line) {
            faults.add(pointer, FaultCode::Duplicate);
        }
        let units = quantity.map(|units| {
            let valid = Quantity::new(units).ok().filter(|units| !units.is_zero());
            faults.keep(format!("/lines/{at}/quantity"), valid.ok_or(FaultCode::OutOfRange))
        });
        asked.push((line, units.flatten()));
    }
    if asked.is_empty() {
        faults.add("/lines", FaultCode::TooShort);
    }
    faults.check()?;
    let mut targets = Vec::new();
    for (line, units) in asked {
        let of_line = || originals.iter().rev().filter(|movement| movement.line.line_no == line);
        let all = Quantity::total(of_line().map(&left));
        let mut rest = units.unwrap_or(all);
        if rest > all {
            return Err(Refusal::new(
                Code::AlreadyReversed,
                format!("第 {line} 行可红冲数量仅剩 {all}"),
                format!("Only {all} of line {line} are left to reverse"),
            )
            .with("line", line)
            .with("left", all.units()));
        }
        for movement in of_line() {
            let quantity = left(movement).min(rest);
            rest = rest.minus_or_zero(quantity);
            if !quantity.is_zero() {
                targets.push((movement.clone(), quantity));
            }
        }
    }
    Ok(targets)
}

/// The refusal of a reversal whose goods have gone on, naming who has them.
pub fn used_since(
    refusal: Refusal,
    users: &[(DocumentRef, Quantity)],
    promises: &[Promise],
) -> Refusal {
    let used_by: Vec<serde_json::Value> = users
        .iter()
        .map(|(document, quantity)| {
            serde_json::json!({
                "kind": document.kind,
                "id": document.id,
                "number": document.number,
                "quantity": quantity,
            })
        })
        .collect();
    let promised_to: Vec<serde_json::Value> = promises
        .iter()
        .map(|promise| {
            serde_json::json!({
                "kind": promise.document_kind,
                "id": promise.document_id,
                "line": promise.line_no,
                "quantity": promise.quantity,
            })
        })
        .collect();
    let numbers: Vec<&str> = users.iter().map(|(document, _)| document.number.as_str()).collect();
    let named = if numbers.is_empty() {
        refusal
    } else {
        let numbers = numbers.join(", ");
        let (zh, en) = (&refusal.detail.zh, &refusal.detail.en);
        Refusal {
            detail: Bilingual::new(
                format!("{zh}；其后已由 {numbers} 使用"),
                format!("{en}; it has been used since by {numbers}"),
            ),
            ..refusal
        }
    };
    named.with("used_by", used_by).with("promised_to", promised_to)
}
