//! Adjustments (更正): the book follows what is there.

use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::StockDocumentId;
use crate::kernel::{FaultCode, Faults, QuantityChange, StoreCode};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::commands::fact::{self, FactLine};
use crate::stock::commands::{Paper, lots_named, post_on_paper, subject};
use crate::stock::document::DocumentKind;
use crate::stock::movement::{MovementKind, NewMovement};
use crate::stock::requests::{
    AdjustmentRequest, check_line_count, head, optional_text, reason, slip, state,
};
use crate::stock::views::{
    CorrectionDetail, CorrectionLineView, CorrectionView, CutView, DocumentHead,
};

/// Corrects the book: what is found comes from *count difference*, what is missing goes there.
///
/// What has happened already takes what the book holds of the lot, the state named first.
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
    let slip = slip(request.after_the_fact, request.slip_number.as_ref(), &mut faults);
    let head = faults.finish(head)?;
    let store = head.store.code;
    let mut detail = CorrectionDetail {
        witnessed_by: None,
        decision_note: None,
        value: None,
        slip_number: slip.clone(),
        cuts: Vec::new(),
        lines: parsed.iter().map(|(line, _)| line.clone()).collect(),
    };
    let paper = Paper {
        kind: DocumentKind::Adjustment,
        id: StockDocumentId::generate(),
        store: store.clone(),
        occurred_at: head.occurred_at,
        slip,
    };
    let (document, movements) = if paper.slip.is_some() {
        let missing = parsed.iter().filter(|(_, change)| change.is_decrease());
        let missing = missing.map(|(line, change)| FactLine::of_lot(line, change.size())).collect();
        let decided = fact::decide(tx, &store, head.occurred_at, missing)?;
        detail.cuts = decided.cuts().map(|(_, cut)| CutView::from(cut)).collect();
        let found = parsed.iter().filter(|(_, change)| !change.is_decrease());
        let mut lines: Vec<NewMovement> =
            found.map(|(line, change)| movement(&store, line, *change)).collect();
        let to = Outside::CountDifference;
        lines.extend(decided.movements(MovementKind::Adjustment, &store, to));
        fact::post_fact(tx, paper, &decided, lines, &detail)?
    } else {
        let lines = parsed.iter().map(|(line, change)| movement(&store, line, *change)).collect();
        post_on_paper(tx, paper, lines, &detail)?
    };
    let view = CorrectionView { head: DocumentHead::from(&document), detail, movements };
    Ok(Done::created(subject(&document), &view)
        .version(document.version)
        .located(format!("/adjustments/{}", document.id)))
}

fn movement(store: &StoreCode, line: &CorrectionLineView, change: QuantityChange) -> NewMovement {
    let inside = Account::Store(store.clone(), line.state);
    let outside = Account::Outside(Outside::CountDifference);
    let (from, to) = if change.is_decrease() { (inside, outside) } else { (outside, inside) };
    NewMovement {
        reason_code: Some(line.reason_code.clone()),
        note: line.note.clone(),
        ..NewMovement::new(
            MovementKind::Adjustment,
            store,
            &line.item_code,
            &line.lot_id,
            change.size(),
            from,
            to,
            line.line,
        )
    }
}
