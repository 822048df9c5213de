//! Settling the estimated cost of a receipt.

use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::StockDocumentId;
use crate::kernel::{Code, FaultCode, Faults, Money, Refusal};
use crate::stock::commands::subject;
use crate::stock::document::DocumentKind;
use crate::stock::records;
use crate::stock::requests::CostRequest;
use crate::stock::views::{LotView, ReceiptDetail};
use serde::Serialize;
use utoipa::ToSchema;

/// The lots whose cost was settled.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettledView {
    /// The lots, with their cost.
    pub lots: Vec<LotView>,
}

/// Settles the cost of lots that came with an estimate.
///
/// # Errors
/// `not_found`, `validation_failed` for unknown lines, `wrong_status` when a cost is no estimate.
pub fn settle_cost(
    tx: &mut Tx<'_>,
    id: &StockDocumentId,
    request: &CostRequest,
) -> Result<Done, CommandError> {
    let document = records::lock_document(tx.conn, id)?
        .filter(|document| document.kind == DocumentKind::Receipt)
        .filter(|document| tx.actor.scope.contains(&document.store_code))
        .ok_or_else(|| Refusal::not_found("入库单", "receipt", id.as_str()))?;
    tx.expect_version(document.version)?;
    let detail: ReceiptDetail = serde_json::from_str(&document.detail)
        .map_err(|_damaged| Refusal::plain(Code::Internal))?;
    let mut faults = Faults::new();
    if request.lines.is_empty() {
        faults.add("/lines", FaultCode::TooShort);
    }
    let mut settled = Vec::with_capacity(request.lines.len());
    for (at, line) in request.lines.iter().enumerate() {
        let found = detail.lines.iter().find(|recorded| recorded.line == line.line);
        let found = faults.keep(format!("/lines/{at}/line"), found.ok_or(FaultCode::Unknown));
        let cost = Money::parse(&line.unit_cost).ok().filter(|cost| *cost >= Money::ZERO);
        let cost =
            faults.keep(format!("/lines/{at}/unit_cost"), cost.ok_or(FaultCode::InvalidFormat));
        if let (Some(found), Some(cost)) = (found, cost) {
            settled.push((found.lot_id.clone(), cost));
        }
    }
    faults.check()?;
    let ids: Vec<_> = settled.iter().map(|(id, _)| id.clone()).collect();
    let lots = records::find_lots(tx.conn, &ids)?;
    for (lot_id, cost) in &settled {
        if !lots.get(lot_id).is_some_and(|lot| lot.provenance.cost_is_estimated) {
            let text = ("该批次成本不是暂估", "The cost of this lot is no estimate");
            return Err(Refusal::new(Code::WrongStatus, text.0, text.1)
                .with("lot_id", lot_id.as_str())
                .into());
        }
        records::settle_cost(tx.conn, lot_id, *cost)?;
    }
    let lots = records::find_lots(tx.conn, &ids)?;
    let view = SettledView { lots: lots.values().map(LotView::from).collect() };
    Ok(Done::ok(subject(&document), &view).version(document.version))
}
