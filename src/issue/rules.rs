//! Which lots serve the lines of an issue: pure, told what lies in the store.

use crate::kernel::id::LotId;
use crate::kernel::{Code, FaultCode, ItemCode, Quantity, Refusal};
use crate::stock::account::StockState;
use crate::stock::balance::LotBalance;
use crate::stock::fefo::{PassedOver, PassedOverBecause, Pick, Wish, pick};
use chrono::NaiveDate;

/// What one line of an issue asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The line, from 1.
    pub line_no: i64,
    /// The item.
    pub item_code: ItemCode,
    /// Base units.
    pub quantity: Quantity,
    /// Only from one of these lots, where the request names one.
    pub only: Option<Vec<LotId>>,
    /// The number that it names, where the book does not know it; only of a fact.
    pub named_lot: Option<String>,
    /// The purpose: stock earmarked for it may be taken.
    pub purpose: Option<String>,
    /// The owner for whom it is: that owner's stock may be taken.
    pub owner: Option<String>,
}

/// How one line is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The line.
    pub wanted: Wanted,
    /// The lots taken and those passed over.
    pub pick: Pick,
}

/// Serves the lines in their order from what lies in the store; a later line sees what earlier
/// ones left.
///
/// # Errors
/// `lot_blocked` when a named lot may not be used on `day`; `insufficient_stock` with the true
/// remainder and the lots passed over.
pub fn serve(
    mut balances: Vec<LotBalance>,
    lines: Vec<Wanted>,
    day: NaiveDate,
) -> Result<Vec<Served>, Refusal> {
    let mut served = Vec::with_capacity(lines.len());
    for wanted in lines {
        let candidates: Vec<LotBalance> = balances
            .iter()
            .filter(|balance| balance.lot.makers_lot.item_code == wanted.item_code)
            .filter(|balance| {
                wanted.only.as_ref().is_none_or(|only| only.contains(&balance.lot.id))
            })
            .cloned()
            .collect();
        let wish = Wish {
            day,
            usable_through: None,
            purpose: wanted.purpose.as_deref(),
            owner: wanted.owner.as_deref(),
        };
        let pick = pick(&candidates, wanted.quantity, &wish);
        if !pick.short.is_zero() {
            return Err(refuse(&wanted, &pick));
        }
        for taken in &pick.taken {
            for balance in &mut balances {
                if balance.lot.id == taken.lot_id && balance.state == StockState::Available {
                    balance.on_hand = balance.on_hand.minus_or_zero(taken.quantity);
                }
            }
        }
        served.push(Served { wanted, pick });
    }
    Ok(served)
}

/// A named lot that may not be used is blocked; anything else is simply not enough.
fn refuse(wanted: &Wanted, pick: &Pick) -> Refusal {
    let index = wanted.line_no.saturating_sub(1);
    let blocked = pick.passed_over.iter().find(|lot| lot.reason != PassedOverBecause::Reserved);
    if let (Some(_), Some(lot), true) = (&wanted.only, blocked, pick.taken.is_empty()) {
        return Refusal::new(
            Code::LotBlocked,
            format!("批号 {} 不可用：{}", lot.lot_number, lot.reason),
            format!("Lot {} cannot be used: {}", lot.lot_number, lot.reason),
        )
        .at(format!("/lines/{index}"), FaultCode::Contradicts)
        .with("lot_id", lot.lot_id.as_str())
        .with("reason", lot.reason.as_str());
    }
    let available = wanted.quantity.minus_or_zero(pick.short);
    Refusal::new(
        Code::InsufficientStock,
        format!("物资 {} 可用 {available}，不足 {}", wanted.item_code, wanted.quantity),
        format!(
            "Only {available} of item {} are available, not {}",
            wanted.item_code, wanted.quantity
        ),
    )
    .at(format!("/lines/{index}/quantity"), FaultCode::OutOfRange)
    .with("item_code", wanted.item_code.as_str())
    .with("requested", wanted.quantity.units())
    .with("available", available.units())
    .with("passed_over", pick.passed_over.iter().map(told).collect::<Vec<_>>())
}

fn told(lot: &PassedOver) -> serde_json::Value {
    serde_json::json!({
        "lot_id": lot.lot_id,
        "lot_number": lot.lot_number,
        "quantity": lot.quantity,
        "reason": lot.reason,
    })
}

/// Requires an authority for a line that is large.
///
/// # Errors
/// `authority_required` for the first line above `large`, where none is named.
pub fn require_authority_if_large(
    lines: &[Wanted],
    large: Quantity,
    has_authority: bool,
) -> Result<(), Refusal> {
    match lines.iter().find(|line| line.quantity > large) {
        Some(line) if !has_authority => Err(Refusal::new(
            Code::AuthorityRequired,
            format!("第 {} 行数量 {} 超过 {large}，须注明依据", line.line_no, line.quantity),
            format!(
                "Line {}: {} is above {large} and needs an authority",
                line.line_no, line.quantity
            ),
        )
        .at("/authority", FaultCode::Required)
        .with("limit", large.units())),
        Some(_) | None => Ok(()),
    }
}
