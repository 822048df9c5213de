//! Write-offs (报损报废): small ones are posted at once, larger ones wait for approval.

use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::StockDocumentId;
use crate::kernel::{Code, Faults, Instant, Money, Quantity, Refusal, StoreCode};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::commands::fact::{self, FactLine};
use crate::stock::commands::{
    Paper, fresh_views, lots_named, post, post_on_paper, subject, to_json,
};
use crate::stock::document::{DocumentKind, DocumentStatus, StockDocument, format_number};
use crate::stock::lot::Lot;
use crate::stock::movement::{MovementKind, NewMovement};
use crate::stock::records::{self, Numbering, Posting};
use crate::stock::requests::{
    DecisionRequest, WriteOffRequest, check_line_count, head, optional_text, quantity, reason,
    slip, state,
};
use crate::stock::rules;
use crate::stock::views::{
    CorrectionDetail, CorrectionLineView, CorrectionView, CutView, DocumentHead, MovementView,
};
use chrono::Datelike;

/// Drafts a write-off, and posts it at once when it is small. May take blocked stock.
///
/// What has happened already takes what the book holds of the lot, the state named first.
///
/// # Errors
/// `validation_failed` with every fault, `store_out_of_scope`, `insufficient_stock`, `late_entry`.
pub fn post_write_off(tx: &mut Tx<'_>, request: &WriteOffRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let head = head(tx, &request.store_code, request.occurred_at.as_deref(), &mut faults)?;
    check_line_count(request.lines.len(), &mut faults);
    let witnessed_by =
        optional_text::<120>(request.witnessed_by.as_ref(), "/witnessed_by", &mut faults);
    let names = request.lines.iter().map(|line| line.lot_name());
    let lots = lots_named(tx, &request.store_code, names, &mut faults)?;
    let mut lines = Vec::with_capacity(request.lines.len());
    for (at, (line, lot)) in request.lines.iter().zip(&lots).enumerate() {
        let pointer = format!("/lines/{at}");
        let state = match &line.state {
            None => Some(StockState::Available),
            Some(word) => state(word, format!("{pointer}/state"), &mut faults),
        };
        let units = quantity(line.quantity, format!("{pointer}/quantity"), &mut faults);
        let reason = reason(&line.reason_code, format!("{pointer}/reason_code"), &mut faults);
        let note = optional_text::<200>(line.note.as_ref(), format!("{pointer}/note"), &mut faults);
        if let (Some(lot), Some(state), Some(units), Some(reason)) = (lot, state, units, reason) {
            lines.push(CorrectionLineView {
                line: i64::try_from(at + 1).unwrap_or(i64::MAX),
                item_code: lot.makers_lot.item_code.clone(),
                lot_id: lot.id.clone(),
                state,
                to_state: None,
                quantity_change: -units.units(),
                reason_code: reason.as_str().to_owned(),
                note,
            });
        }
    }
    let slip = slip(request.after_the_fact, request.slip_number.as_ref(), &mut faults);
    let head = faults.finish(head)?;
    let store = head.store.code;
    let value = value_of(&lines, &lots);
    let units = Quantity::total(lines.iter().filter_map(|line| size(line).ok()));
    let mut detail = CorrectionDetail {
        witnessed_by,
        decision_note: None,
        value: Some(value),
        slip_number: slip,
        cuts: Vec::new(),
        lines,
    };
    if rules::write_off_needs_approval(units, value, tx.settings) {
        return draft(tx, &store, head.occurred_at, &detail);
    }
    let paper = Paper {
        kind: DocumentKind::WriteOff,
        id: StockDocumentId::generate(),
        store: store.clone(),
        occurred_at: head.occurred_at,
        slip: detail.slip_number.clone(),
    };
    let (document, movements) = if paper.slip.is_some() {
        let decided = fact::decide(tx, &store, head.occurred_at, fact_lines(&detail)?)?;
        detail.cuts = decided.cuts().map(|(_, cut)| CutView::from(cut)).collect();
        let lines = decided.movements(MovementKind::WriteOff, &store, Outside::WriteOff);
        fact::post_fact(tx, paper, &decided, lines, &detail)?
    } else {
        let lines = movements(&store, &detail)?;
        post_on_paper(tx, paper, lines, &detail)?
    };
    let view = CorrectionView { head: DocumentHead::from(&document), detail, movements };
    Ok(Done::created(subject(&document), &view)
        .version(document.version)
        .located(format!("/write-offs/{}", document.id)))
}

fn draft(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    occurred_at: Instant,
    detail: &CorrectionDetail,
) -> Result<Done, CommandError> {
    let kind = DocumentKind::WriteOff;
    let year = i64::from(tx.settings.zone.day_of(tx.now).year());
    let running = records::next_number(tx.conn, store, kind.prefix(), year)?;
    let document = StockDocument {
        id: StockDocumentId::generate(),
        kind,
        number: format_number(kind.prefix(), store, year, running),
        store_code: store.clone(),
        status: DocumentStatus::Draft,
        occurred_at,
        recorded_at: tx.now,
        created_by: tx.actor.name.clone(),
        approved_by: None,
        approved_at: None,
        detail: to_json(detail),
        version: 1,
    };
    records::insert_document(tx.conn, &document)?;
    let view = CorrectionView {
        head: DocumentHead::from(&document),
        detail: detail.clone(),
        movements: Vec::new(),
    };
    Ok(Done::created(subject(&document), &view)
        .version(document.version)
        .located(format!("/write-offs/{}", document.id)))
}

/// Approves a drafted write-off, which posts it at the time of the approval; one of a fact at the
/// time of the fact.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status`, `own_document`, `insufficient_stock`.
pub fn approve_write_off(
    tx: &mut Tx<'_>,
    id: &StockDocumentId,
    request: &DecisionRequest,
) -> Result<Done, CommandError> {
    let (mut document, mut detail) = decide(tx, id, request, DocumentStatus::Posted)?;
    if let Some(slip) = detail.slip_number.clone() {
        let (store, at) = (document.store_code.clone(), document.occurred_at);
        let decided = fact::decide(tx, &store, at, fact_lines(&detail)?)?;
        detail.cuts = decided.cuts().map(|(_, cut)| CutView::from(cut)).collect();
        document.detail = to_json(&detail);
        let released = fact::release(tx, &store, at, &decided)?;
        let lines = decided.movements(MovementKind::WriteOff, &store, Outside::WriteOff);
        let posted = post_approved(tx, &document, at, Some(&slip), lines)?;
        fact::keep(tx, &document.reference(), &slip, &decided, released, &posted)?;
        return finish(tx, document, detail, posted);
    }
    let (lines, now) = (movements(&document.store_code, &detail)?, tx.now);
    let posted = post_approved(tx, &document, now, None, lines)?;
    finish(tx, document, detail, posted)
}

fn post_approved(
    tx: &mut Tx<'_>,
    document: &StockDocument,
    occurred_at: Instant,
    slip: Option<&String>,
    lines: Vec<NewMovement>,
) -> Result<Vec<MovementView>, CommandError> {
    let posting = Posting {
        document_kind: document.kind.as_str().to_owned(),
        document_id: document.id.to_string(),
        numbering: Numbering::Given(document.number.clone()),
        occurred_at,
        slip_number: slip.cloned(),
        after_the_fact: slip.is_some(),
        actor: tx.actor.name.clone(),
        bound: None,
        lines,
    };
    let posted = post(tx, posting)?;
    Ok(fresh_views(posted.movements))
}

/// Gives a drafted write-off up.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status`.
pub fn cancel_write_off(
    tx: &mut Tx<'_>,
    id: &StockDocumentId,
    request: &DecisionRequest,
) -> Result<Done, CommandError> {
    let (document, detail) = decide(tx, id, request, DocumentStatus::Cancelled)?;
    finish(tx, document, detail, Vec::new())
}

fn decide(
    tx: &mut Tx<'_>,
    id: &StockDocumentId,
    request: &DecisionRequest,
    status: DocumentStatus,
) -> Result<(StockDocument, CorrectionDetail), CommandError> {
    let mut faults = Faults::new();
    let note = optional_text::<200>(request.note.as_ref(), "/note", &mut faults);
    faults.check()?;
    let found = records::lock_document(tx.conn, id)?;
    let document = found
        .filter(|document| document.kind == DocumentKind::WriteOff)
        .filter(|document| tx.actor.scope.contains(&document.store_code))
        .ok_or_else(|| Refusal::not_found("报损单", "write-off", id.as_str()))?;
    tx.expect_version(document.version)?;
    rules::decide_draft(&document, &tx.actor.name, status)?;
    let mut detail: CorrectionDetail = serde_json::from_str(&document.detail)
        .map_err(|_damaged| Refusal::plain(Code::Internal))?;
    detail.decision_note = note;
    let decided = StockDocument {
        status,
        approved_by: Some(tx.actor.name.clone()),
        approved_at: Some(tx.now),
        detail: to_json(&detail),
        version: document.version + 1,
        ..document
    };
    Ok((decided, detail))
}

fn finish(
    tx: &mut Tx<'_>,
    document: StockDocument,
    detail: CorrectionDetail,
    movements: Vec<MovementView>,
) -> Result<Done, CommandError> {
    records::update_document(tx.conn, &document)?;
    let view = CorrectionView { head: DocumentHead::from(&document), detail, movements };
    Ok(Done::ok(subject(&document), &view).version(document.version))
}

fn movements(store: &StoreCode, detail: &CorrectionDetail) -> Result<Vec<NewMovement>, Refusal> {
    let movement = |line: &CorrectionLineView| {
        Ok(NewMovement {
            reason_code: Some(line.reason_code.clone()),
            note: line.note.clone(),
            ..NewMovement::new(
                MovementKind::WriteOff,
                store,
                &line.item_code,
                &line.lot_id,
                size(line)?,
                Account::Store(store.clone(), line.state),
                Account::Outside(Outside::WriteOff),
                line.line,
            )
        })
    };
    detail.lines.iter().map(movement).collect()
}

/// The lines of a write-off that has happened already.
fn fact_lines(detail: &CorrectionDetail) -> Result<Vec<FactLine>, Refusal> {
    detail.lines.iter().map(|line| Ok(FactLine::of_lot(line, size(line)?))).collect()
}

fn size(line: &CorrectionLineView) -> Result<Quantity, Refusal> {
    Quantity::new(line.quantity_change.saturating_abs())
        .map_err(|_range| Refusal::plain(Code::Internal))
}

/// The value of some lines, as far as the costs of their lots are known.
fn value_of(lines: &[CorrectionLineView], lots: &[Option<Lot>]) -> Money {
    lines.iter().zip(lots.iter().flatten()).fold(Money::ZERO, |sum, (line, lot)| {
        let cost = lot.provenance.unit_cost;
        let value = cost.and_then(|cost| cost.times(line.quantity_change.saturating_abs()));
        value.and_then(|value| sum.plus(value)).unwrap_or(sum)
    })
}
