//! Reversals (红冲): a mistake is taken back by a linked movement, never edited.

use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::{MovementId, StockDocumentId};
use crate::kernel::{Faults, Quantity, Refusal};
use crate::stock::commands::{fresh_views, left_of, subject};
use crate::stock::document::DocumentKind;
use crate::stock::movement::{Movement, MovementKind, NewMovement};
use crate::stock::posting::When;
use crate::stock::reason::ReasonCode;
use crate::stock::records::{self, Numbering, Posting};
use crate::stock::requests::{ReversalRequest, optional_text, quantity, reason};
use crate::stock::views::ReversalView;
use crate::stock::{queries, rules};

/// Takes a movement back, wholly or in part.
///
/// # Errors
/// `not_found`, `wrong_status` for movements of a dispatch, `already_reversed` when more would be
/// taken back than is left, `absorbed_by_count` when the lot was counted since,
/// `insufficient_stock` when what came has gone on.
pub fn reverse_movement(
    tx: &mut Tx<'_>,
    id: &MovementId,
    request: &ReversalRequest,
) -> Result<Done, CommandError> {
    let asked = parse(request)?;
    let movement = queries::movement(tx.conn, id)?
        .filter(|movement| tx.actor.scope.contains(&movement.line.store_code))
        .ok_or_else(|| Refusal::not_found("流水", "movement", id.as_str()))?;
    // The document's lock keeps two reversals of one movement apart.
    if let Ok(document) = StockDocumentId::try_from(movement.document.id.clone()) {
        records::lock_document(tx.conn, &document)?;
    }
    let subject = Subject {
        kind: "movement",
        id: id.to_string(),
        store: Some(movement.line.store_code.clone()),
    };
    let view = reverse(tx, vec![movement], &asked)?;
    Ok(Done::created(subject, &view))
}

/// Takes every movement of a document back, as far as it has not been.
///
/// # Errors
/// As [`reverse_movement`]; `validation_failed` when a quantity is given, which is for single
/// movements; `already_reversed` when nothing is left.
pub fn reverse_document(
    tx: &mut Tx<'_>,
    kind: DocumentKind,
    id: &StockDocumentId,
    request: &ReversalRequest,
) -> Result<Done, CommandError> {
    let asked = parse(request)?;
    if request.quantity.is_some() {
        let code = crate::kernel::FaultCode::Contradicts;
        return Err(Refusal::fault("/quantity", code).into());
    }
    let (zh, en) = kind.names();
    let document = records::lock_document(tx.conn, id)?
        .filter(|document| document.kind == kind)
        .filter(|document| tx.actor.scope.contains(&document.store_code))
        .ok_or_else(|| Refusal::not_found(zh, en, id.as_str()))?;
    let posted = queries::movements_of(tx.conn, kind.as_str(), id.as_str())?;
    let originals: Vec<Movement> =
        posted.into_iter().filter(|m| m.line.kind != MovementKind::Reversal).collect();
    let subject = subject(&document);
    let view = reverse(tx, originals, &asked)?;
    Ok(Done::created(subject, &view))
}

struct Asked {
    quantity: Option<Quantity>,
    reason: ReasonCode,
    note: Option<String>,
}

fn parse(request: &ReversalRequest) -> Result<Asked, Refusal> {
    let mut faults = Faults::new();
    let units = request.quantity.map(|units| quantity(units, "/quantity", &mut faults));
    let reason = reason(&request.reason_code, "/reason_code", &mut faults);
    let note = optional_text::<200>(request.note.as_ref(), "/note", &mut faults);
    faults.finish(reason.map(|reason| Asked { quantity: units.flatten(), reason, note }))
}

fn reverse(
    tx: &mut Tx<'_>,
    originals: Vec<Movement>,
    asked: &Asked,
) -> Result<ReversalView, CommandError> {
    let ids: Vec<MovementId> = originals.iter().map(|movement| movement.id.clone()).collect();
    let reversals = queries::reversals_of(tx.conn, &ids)?;
    let whole_document = originals.len() > 1;
    let mut lines = Vec::with_capacity(originals.len());
    let mut taken_back = Vec::with_capacity(originals.len());
    for movement in &originals {
        let left = left_of(movement, reversals.get(&movement.id).map_or(&[], Vec::as_slice));
        if whole_document && left.is_zero() {
            continue;
        }
        let quantity = rules::reverse(movement, left, asked.quantity)?;
        let line = &movement.line;
        taken_back.push(movement.clone());
        lines.push(NewMovement {
            kind: MovementKind::Reversal,
            quantity,
            from: line.to.clone(),
            to: line.from.clone(),
            reason_code: Some(asked.reason.as_str().to_owned()),
            note: asked.note.clone(),
            reverses: Some(movement.id.clone()),
            ..line.clone()
        });
    }
    let Some(document) = originals.first().map(|movement| movement.document.clone()) else {
        return Err(Refusal::plain(crate::kernel::Code::AlreadyReversed).into());
    };
    if lines.is_empty() {
        return Err(Refusal::plain(crate::kernel::Code::AlreadyReversed).into());
    }
    records::lock_for(tx.conn, &lines, &When::now(tx.now, tx.settings.zone))?;
    records::refuse_absorbed(tx.conn, &taken_back)?;
    let posting = Posting {
        document_kind: document.kind,
        document_id: document.id,
        numbering: Numbering::Given(document.number),
        occurred_at: tx.now,
        slip_number: None,
        after_the_fact: false,
        actor: tx.actor.name.clone(),
        bound: None,
        lines,
    };
    let posted = records::post(tx.conn, tx.settings.zone, tx.now, posting)?;
    Ok(ReversalView { movements: fresh_views(posted.movements) })
}
