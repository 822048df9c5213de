//! Settling the estimated cost of a receipt.

use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::{LotId, StockDocumentId};
use crate::kernel::{Code, FaultCode, Faults, Money, Refusal};
use crate::stock::commands::subject;
use crate::stock::document::DocumentKind;
use crate::stock::label::CostEvent;
use crate::stock::queries::corrections::went_to;
use crate::stock::reason::ReasonCode;
use crate::stock::records;
use crate::stock::records::corrections::insert_cost_event;
use crate::stock::requests::{CostRequest, optional_text, reason as reason_of};
use crate::stock::views::{LotView, ReceiptDetail};
use serde::Serialize;
use utoipa::ToSchema;

/// The lots whose cost was settled.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettledView {
    /// The lots, with their cost.
    pub lots: Vec<LotView>,
}

/// Settles the cost of lots that came with an estimate; of the lots to which they were corrected
/// since, too.
///
/// # Errors
/// `not_found`, `stale_version`, `validation_failed` for unknown or repeated lines and for two
/// costs of one lot, `wrong_status` when a cost is no estimate and no reason says why it changes.
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
    let (costs, why) = parse(request, &detail)?;
    let mut before = Vec::new();
    let mut settled = Vec::new();
    for Settling { lot_id, line_no, cost } in costs {
        let mut lots = vec![lot_id.clone()];
        lots.extend(went_to(tx.conn, &lot_id)?);
        for lot in records::find_lots(tx.conn, &lots)?.into_values() {
            let was_estimated = lot.provenance.cost_is_estimated;
            if !was_estimated && why.reason.is_none() {
                return Err(no_estimate(&lot.id).into());
            }
            let event = CostEvent {
                lot_id: lot.id.clone(),
                old_cost: lot.provenance.unit_cost,
                was_estimated,
                new_cost: cost,
                document_id: document.id.clone(),
                line_no,
                reason: why.reason,
                note: why.note.clone(),
                recorded_at: tx.now,
                actor: tx.actor.name.clone(),
            };
            insert_cost_event(tx.conn, &event)?;
            records::settle_cost(tx.conn, &lot.id, cost)?;
            before.push(LotView::from(&lot));
            settled.push(lot.id);
        }
    }
    let lots = records::find_lots(tx.conn, &settled)?;
    let view = SettledView { lots: lots.values().map(LotView::from).collect() };
    Ok(Done::ok(subject(&document), &view).version(document.version).replacing(&before))
}

struct Settling {
    lot_id: LotId,
    line_no: i64,
    cost: Money,
}

struct Why {
    reason: Option<ReasonCode>,
    note: Option<String>,
}

fn parse(request: &CostRequest, detail: &ReceiptDetail) -> Result<(Vec<Settling>, Why), Refusal> {
    let mut faults = Faults::new();
    if request.lines.is_empty() {
        faults.add("/lines", FaultCode::TooShort);
    }
    let reason = request.reason_code.as_ref();
    let reason = reason.and_then(|word| reason_of(word, "/reason_code", &mut faults));
    let note = optional_text::<200>(request.note.as_ref(), "/note", &mut faults);
    let mut costs: Vec<Settling> = Vec::with_capacity(request.lines.len());
    for (at, line) in request.lines.iter().enumerate() {
        let pointer = format!("/lines/{at}");
        let found = detail.lines.iter().find(|recorded| recorded.line == line.line);
        let found = faults.keep(format!("{pointer}/line"), found.ok_or(FaultCode::Unknown));
        let cost = Money::parse(&line.unit_cost).ok().filter(|cost| *cost >= Money::ZERO);
        let cost =
            faults.keep(format!("{pointer}/unit_cost"), cost.ok_or(FaultCode::InvalidFormat));
        let (Some(found), Some(cost)) = (found, cost) else { continue };
        if request.lines.iter().take(at).any(|other| other.line == line.line) {
            faults.add(format!("{pointer}/line"), FaultCode::Duplicate);
            continue;
        }
        match costs.iter().find(|known| known.lot_id == found.lot_id) {
            // Two lines of a receipt may have gone to one lot.
            Some(known) if known.cost != cost => {
                faults.add(format!("{pointer}/unit_cost"), FaultCode::Contradicts);
            }
            Some(_) => {}
            None => {
                let lot_id = found.lot_id.clone();
                costs.push(Settling { lot_id, line_no: line.line, cost });
            }
        }
    }
    faults.check()?;
    Ok((costs, Why { reason, note }))
}

fn no_estimate(lot: &LotId) -> Refusal {
    Refusal::new(
        Code::WrongStatus,
        "该批次成本不是暂估；如需更改请说明原因（reason_code）",
        "The cost of this lot is no estimate: say why it changes (reason_code)",
    )
    .with("lot_id", lot.as_str())
}
