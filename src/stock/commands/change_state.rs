//! Changes of state (冻结/解冻/隔离): stock stays where it is and becomes usable or not.

use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::{LotId, StockDocumentId};
use crate::kernel::{Code, FaultCode, Faults, Refusal};
use crate::stock::account::{Account, StockState};
use crate::stock::commands::{lots_named, post_document, subject};
use crate::stock::document::DocumentKind;
use crate::stock::lot::Expiry;
use crate::stock::movement::{MovementKind, NewMovement};
use crate::stock::requests::{
    StateChangeRequest, check_line_count, head, optional_text, quantity, reason, state,
};
use crate::stock::views::{CorrectionDetail, CorrectionLineView, CorrectionView, DocumentHead};

/// Moves stock of a store between states. Promised stock cannot be moved.
///
/// # Errors
/// `validation_failed` with every fault, `store_out_of_scope`, `insufficient_stock`, `late_entry`;
/// `lot_blocked` when a lot whose expiry nobody knows would become available.
pub fn change_state(tx: &mut Tx<'_>, request: &StateChangeRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let head = head(tx, &request.store_code, request.occurred_at.as_deref(), &mut faults)?;
    check_line_count(request.lines.len(), &mut faults);
    let names = request.lines.iter().map(|line| line.lot_name());
    let lots = lots_named(tx, &request.store_code, names, &mut faults)?;
    let mut parsed = Vec::with_capacity(request.lines.len());
    for (at, (line, lot)) in request.lines.iter().zip(&lots).enumerate() {
        let pointer = format!("/lines/{at}");
        let from = state(&line.from_state, format!("{pointer}/from_state"), &mut faults);
        let to = state(&line.to_state, format!("{pointer}/to_state"), &mut faults);
        if from.is_some() && from == to {
            faults.add(format!("{pointer}/to_state"), FaultCode::Contradicts);
        }
        let units = quantity(line.quantity, format!("{pointer}/quantity"), &mut faults);
        let reason = reason(&line.reason_code, format!("{pointer}/reason_code"), &mut faults);
        let note = optional_text::<200>(line.note.as_ref(), format!("{pointer}/note"), &mut faults);
        if let (Some(lot), Some(from), Some(to), Some(units), Some(reason)) =
            (lot, from, to, units, reason)
        {
            if to == StockState::Available && lot.makers_lot.expiry == Expiry::Unknown {
                return Err(expiry_unknown(&lot.id).into());
            }
            let view = CorrectionLineView {
                line: i64::try_from(at + 1).unwrap_or(i64::MAX),
                item_code: lot.makers_lot.item_code.clone(),
                lot_id: lot.id.clone(),
                state: from,
                to_state: Some(to),
                quantity_change: units.units(),
                reason_code: reason.as_str().to_owned(),
                note,
            };
            parsed.push((view, to, units));
        }
    }
    let head = faults.finish(head)?;
    let store = head.store.code;
    let movements = parsed
        .iter()
        .map(|(line, to, units)| NewMovement {
            reason_code: Some(line.reason_code.clone()),
            note: line.note.clone(),
            ..NewMovement::new(
                MovementKind::StateChange,
                &store,
                &line.item_code,
                &line.lot_id,
                *units,
                Account::Store(store.clone(), line.state),
                Account::Store(store.clone(), *to),
                line.line,
            )
        })
        .collect();
    let detail = CorrectionDetail {
        witnessed_by: None,
        decision_note: None,
        value: None,
        lines: parsed.into_iter().map(|(line, ..)| line).collect(),
    };
    let (document, movements) = post_document(
        tx,
        DocumentKind::StateChange,
        StockDocumentId::generate(),
        &store,
        head.occurred_at,
        movements,
        &detail,
    )?;
    let view = CorrectionView { head: DocumentHead::from(&document), detail, movements };
    Ok(Done::created(subject(&document), &view)
        .version(document.version)
        .located(format!("/state-changes/{}", document.id)))
}

fn expiry_unknown(lot: &LotId) -> Refusal {
    Refusal::new(
        Code::LotBlocked,
        format!("批次 {lot} 效期不明，不能转为可用"),
        format!("Nobody knows when lot {lot} expires: it cannot become available"),
    )
    .with("lot_id", lot.as_str())
}
