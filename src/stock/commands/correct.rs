//! Adjustments (更正): the book follows what is there.

use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::StockDocumentId;
use crate::kernel::{FaultCode, Faults, QuantityChange};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::commands::{lots_named, post_document, subject};
use crate::stock::document::DocumentKind;
use crate::stock::movement::{MovementKind, NewMovement};
use crate::stock::requests::{
    AdjustmentRequest, check_line_count, head, optional_text, reason, state,
};
use crate::stock::views::{CorrectionDetail, CorrectionLineView, CorrectionView, DocumentHead};

/// Corrects the book: what is found comes from *count difference*, what is missing goes there.
///
/// # Errors
/// `validation_failed` with every fault, `store_out_of_scope`, `insufficient_stock`, `late_entry`.
pub fn post_adjustment(tx: &mut Tx<'_>, request: &AdjustmentRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let head = head(tx, &request.store_code, request.occurred_at.as_deref(), &mut faults)?;
    check_line_count(request.lines.len(), &mut faults);
    let names = request.lines.iter().map(|line| line.lot_name());
    let lots = lots_named(tx, &request.store_code, names, &mut faults)?;
    let mut parsed = Vec::with_capacity(request.lines.len());
    for (at, (line, lot)) in request.lines.iter().zip(&lots).enumerate() {
        let pointer = format!("/lines/{at}");
        let state = match &line.state {
            None => Some(StockState::Available),
            Some(word) => state(word, format!("{pointer}/state"), &mut faults),
        };
        let change = QuantityChange::new(line.quantity_change)
            .ok()
            .filter(|change| change.units() != 0)
            .ok_or(FaultCode::OutOfRange);
        let change = faults.keep(format!("{pointer}/quantity_change"), change);
        let reason = reason(&line.reason_code, format!("{pointer}/reason_code"), &mut faults);
        let note = optional_text::<200>(line.note.as_ref(), format!("{pointer}/note"), &mut faults);
        if let (Some(lot), Some(state), Some(change), Some(reason)) = (lot, state, change, reason) {
            let view = CorrectionLineView {
                line: i64::try_from(at + 1).unwrap_or(i64::MAX),
                item_code: lot.makers_lot.item_code.clone(),
                lot_id: lot.id.clone(),
                state,
                to_state: None,
                quantity_change: change.units(),
                reason_code: reason.as_str().to_owned(),
                note,
            };
            parsed.push((view, change));
        }
    }
    let head = faults.finish(head)?;
    let store = head.store.code;
    let movements = parsed
        .iter()
        .map(|(line, change)| {
            let (inside, outside) = (
                Account::Store(store.clone(), line.state),
                Account::Outside(Outside::CountDifference),
            );
            let (from, to) =
                if change.is_decrease() { (inside, outside) } else { (outside, inside) };
            NewMovement {
                reason_code: Some(line.reason_code.clone()),
                note: line.note.clone(),
                ..NewMovement::new(
                    MovementKind::Adjustment,
                    &store,
                    &line.item_code,
                    &line.lot_id,
                    change.size(),
                    from,
                    to,
                    line.line,
                )
            }
        })
        .collect();
    let detail = CorrectionDetail {
        witnessed_by: None,
        decision_note: None,
        value: None,
        lines: parsed.into_iter().map(|(line, _)| line).collect(),
    };
    let (document, movements) = post_document(
        tx,
        DocumentKind::Adjustment,
        StockDocumentId::generate(),
        &store,
        head.occurred_at,
        movements,
        &detail,
    )?;
    let view = CorrectionView { head: DocumentHead::from(&document), detail, movements };
    Ok(Done::created(subject(&document), &view)
        .version(document.version)
        .located(format!("/adjustments/{}", document.id)))
}
