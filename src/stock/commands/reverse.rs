//! Reversals (红冲): a mistake is taken back by a linked movement, never edited.

use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::{MovementId, StockDocumentId, UnmatchedId};
use crate::kernel::{Code, FaultCode, Faults, Instant, Quantity, Refusal};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::commands::unmatched::Reopened;
use crate::stock::commands::{fresh_views, left_of, post, subject};
use crate::stock::document::DocumentKind;
use crate::stock::movement::{Movement, MovementKind, NewMovement};
use crate::stock::posting::When;
use crate::stock::queries::unmatched::clearings_of;
use crate::stock::queries::usage;
use crate::stock::reason::ReasonCode;
use crate::stock::records::{self, Numbering, Posting, cuts};
use crate::stock::requests::{ReversalLine, ReversalRequest, optional_text, quantity, reason};
use crate::stock::unmatched::{Clearing, HowCleared, UnmatchedFact};
use crate::stock::views::ReversalView;
use crate::stock::{queries, rules};
use std::collections::BTreeMap;

/// Takes a movement back, wholly or in part.
///
/// # Errors
/// `not_found`, `wrong_status` for movements of a dispatch, `already_reversed` when more would be
/// taken back than is left, `absorbed_by_count` when the lot was counted since,
/// `insufficient_stock`, naming the documents that used it, when what came has gone on; `in_use`,
/// naming the count, when a count has taken a cleared fact upon itself.
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
    if request.lines.is_some() {
        return Err(Refusal::fault("/lines", FaultCode::Contradicts).into());
    }
    let subject = Subject {
        kind: "movement",
        id: id.to_string(),
        store: Some(movement.line.store_code.clone()),
    };
    let reversals = reversals_of(tx, std::slice::from_ref(&movement))?;
    let quantity = rules::reverse(&movement, left(&movement, &reversals), asked.quantity)?;
    let view = reverse(tx, vec![(movement, quantity)], &asked.why)?;
    Ok(Done::created(subject, &view))
}

/// Takes a document back as far as it has not been: whole, or the quantities of some of its lines.
///
/// # Errors
/// As [`reverse_movement`]; `validation_failed` when a quantity is given for the whole document or
/// a line is unknown; `already_reversed` when nothing is left.
pub fn reverse_document(
    tx: &mut Tx<'_>,
    kind: DocumentKind,
    id: &StockDocumentId,
    request: &ReversalRequest,
) -> Result<Done, CommandError> {
    let asked = parse(request)?;
    if request.quantity.is_some() {
        return Err(Refusal::fault("/quantity", FaultCode::Contradicts).into());
    }
    let (zh, en) = kind.names();
    let document = records::lock_document(tx.conn, id)?
        .filter(|document| document.kind == kind)
        .filter(|document| tx.actor.scope.contains(&document.store_code))
        .ok_or_else(|| Refusal::not_found(zh, en, id.as_str()))?;
    let posted = queries::movements_of(tx.conn, kind.as_str(), id.as_str())?;
    // What cleared a fact goes back with the fact, not by itself.
    let into_unmatched = Account::Outside(Outside::Unmatched);
    let originals: Vec<Movement> = posted
        .into_iter()
        .filter(|m| m.line.kind != MovementKind::Reversal && m.line.to != into_unmatched)
        .collect();
    let reversals = reversals_of(tx, &originals)?;
    let left = |movement: &Movement| left(movement, &reversals);
    let targets = match &request.lines {
        None => originals.into_iter().map(|m| (left(&m), m)).map(|(q, m)| (m, q)).collect(),
        Some(lines) => rules::of_lines(originals, lines.iter().map(ReversalLine::asked), left)?,
    };
    let subject = subject(&document);
    let view = reverse(tx, targets, &asked.why)?;
    Ok(Done::created(subject, &view))
}

struct Asked {
    quantity: Option<Quantity>,
    why: Why,
}

/// Why something is taken back.
#[derive(Debug, Clone)]
pub struct Why {
    /// From the list of reasons.
    pub reason: ReasonCode,
    /// In words.
    pub note: Option<String>,
}

fn parse(request: &ReversalRequest) -> Result<Asked, Refusal> {
    let mut faults = Faults::new();
    let units = request.quantity.map(|units| quantity(units, "/quantity", &mut faults));
    let reason = reason(&request.reason_code, "/reason_code", &mut faults);
    let note = optional_text::<200>(request.note.as_ref(), "/note", &mut faults);
    faults
        .finish(reason.map(|reason| Asked { quantity: units.flatten(), why: Why { reason, note } }))
}

type Reversals = BTreeMap<MovementId, Vec<(MovementId, Quantity)>>;

fn reversals_of(tx: &mut Tx<'_>, movements: &[Movement]) -> Result<Reversals, CommandError> {
    let ids: Vec<MovementId> = movements.iter().map(|movement| movement.id.clone()).collect();
    Ok(queries::reversals_of(tx.conn, &ids)?)
}

fn left(movement: &Movement, reversals: &Reversals) -> Quantity {
    left_of(movement, reversals.get(&movement.id).map_or(&[], Vec::as_slice))
}

/// Takes some quantities of movements back; those of nothing are left out.
fn reverse(
    tx: &mut Tx<'_>,
    targets: Vec<(Movement, Quantity)>,
    why: &Why,
) -> Result<ReversalView, CommandError> {
    let Some(document) = targets.first().map(|(movement, _)| movement.document.clone()) else {
        return Err(Refusal::plain(Code::AlreadyReversed).into());
    };
    let mut targets: Vec<(Movement, Quantity)> =
        targets.into_iter().filter(|(_, quantity)| !quantity.is_zero()).collect();
    if targets.is_empty() {
        return Err(Refusal::plain(Code::AlreadyReversed).into());
    }
    for (movement, quantity) in &targets {
        rules::reverse(movement, *quantity, Some(*quantity))?;
    }
    let reopened = with_clearings(tx, &mut targets)?;
    let lines = lines_back(&targets, why);
    let taken_back: Vec<Movement> = targets.iter().map(|(movement, _)| movement.clone()).collect();
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
    let posted = match post(tx, posting) {
        Ok(posted) => posted,
        Err(error) => return Err(naming_users(tx, error, targets.iter().map(|(m, _)| m))?),
    };
    reopened.store(tx)?;
    Ok(ReversalView { movements: fresh_views(posted.movements) })
}

fn lines_back(targets: &[(Movement, Quantity)], why: &Why) -> Vec<NewMovement> {
    let back = |(movement, quantity): &(Movement, Quantity)| NewMovement {
        kind: MovementKind::Reversal,
        quantity: *quantity,
        from: movement.line.to.clone(),
        to: movement.line.from.clone(),
        reason_code: Some(why.reason.as_str().to_owned()),
        note: why.note.clone(),
        reverses: Some(movement.id.clone()),
        ..movement.line.clone()
    };
    targets.iter().map(back).collect()
}

/// Takes estimates of one document back at their own business time: what never happened leaves no
/// trace in the stock of any day, and a later count answers as to any late entry.
///
/// They are taken back just before they were posted, so that the card never runs below what was
/// there, and what is estimated anew for an earlier time finds the stock.
///
/// # Errors
/// As for late entries: `period_closed`, `late_entry`; failures of the database.
pub fn take_back_estimates(
    tx: &mut Tx<'_>,
    targets: &[(Movement, Quantity)],
    why: &Why,
) -> Result<(), CommandError> {
    let mut by_time: BTreeMap<Instant, Vec<(Movement, Quantity)>> = BTreeMap::new();
    for (movement, quantity) in targets.iter().filter(|(_, quantity)| !quantity.is_zero()) {
        let (zone, at) = (tx.settings.zone, movement.occurred_at);
        let before = at.previous();
        let at = if zone.day_of(before) == zone.day_of(at) { before } else { at };
        by_time.entry(at).or_default().push((movement.clone(), *quantity));
    }
    for (occurred_at, targets) in by_time {
        let Some((first, _)) = targets.first() else { continue };
        let posting = Posting {
            document_kind: first.document.kind.clone(),
            document_id: first.document.id.clone(),
            numbering: Numbering::Given(first.document.number.clone()),
            occurred_at,
            slip_number: None,
            after_the_fact: false,
            actor: tx.actor.name.clone(),
            bound: None,
            lines: lines_back(&targets, why),
        };
        post(tx, posting)?;
    }
    Ok(())
}

/// Adds what must go back with a fact: as much of its clearings as is taken back of it beyond what
/// is open, the latest first; and counts what becomes of the facts.
///
/// # Errors
/// `in_use`, naming the count, where a count took the difference upon itself.
fn with_clearings(
    tx: &mut Tx<'_>,
    targets: &mut Vec<(Movement, Quantity)>,
) -> Result<Reopened, CommandError> {
    let ids: Vec<MovementId> = targets.iter().map(|(movement, _)| movement.id.clone()).collect();
    let mut reopened = Reopened::lock(tx, &ids)?;
    let facts: Vec<UnmatchedFact> = reopened.facts().cloned().collect();
    if facts.is_empty() {
        return Ok(reopened);
    }
    let fact_ids: Vec<UnmatchedId> = facts.iter().map(|fact| fact.id.clone()).collect();
    let mut clearings = clearings_of(tx.conn, &fact_ids)?;
    for fact in &facts {
        let mut of_fact = clearings.remove(&fact.id).unwrap_or_default();
        let taken_back = |id: &MovementId, targets: &[(Movement, Quantity)]| {
            let of_it = targets.iter().filter(|(movement, _)| movement.id == *id);
            Quantity::total(of_it.map(|(_, quantity)| *quantity))
        };
        for clearing in &of_fact {
            let directly = taken_back(&clearing.movement_id, targets);
            if !directly.is_zero() {
                refuse_counted(clearing)?;
                reopened.count(&fact.id, directly, false);
            }
        }
        let of_itself = taken_back(&fact.movement_id, targets);
        reopened.count(&fact.id, of_itself, true);
        let mut more = of_itself.minus_or_zero(fact.open);
        of_fact.reverse();
        for clearing in of_fact {
            if more.is_zero() {
                break;
            }
            let Some(movement) = queries::movement(tx.conn, &clearing.movement_id)? else {
                continue;
            };
            let known = queries::reversals_of(tx.conn, std::slice::from_ref(&movement.id))?;
            let quantity = left(&movement, &known).min(more);
            if quantity.is_zero() {
                continue;
            }
            refuse_counted(&clearing)?;
            more = more.minus_or_zero(quantity);
            reopened.count(&fact.id, quantity, false);
            targets.push((movement, quantity));
        }
    }
    Ok(reopened)
}

/// A count has absorbed the fact: the count is reversed, not what it cleared.
fn refuse_counted(clearing: &Clearing) -> Result<(), Refusal> {
    if clearing.how != HowCleared::Count {
        return Ok(());
    }
    let number = &clearing.by.number;
    Err(Refusal::new(
        Code::InUse,
        format!("盘点 {number} 已将其计入差异，请先处理盘点"),
        format!("The count {number} has taken it upon itself: reverse the count first"),
    )
    .with("document_kind", clearing.by.kind.as_str())
    .with("document_id", clearing.by.id.as_str())
    .with("document_number", number.as_str()))
}

/// The same failure, naming the documents that used what is to be taken back, and those to which it
/// is promised.
///
/// # Errors
/// When the database fails.
pub fn naming_users<'a>(
    tx: &mut Tx<'_>,
    error: CommandError,
    originals: impl Iterator<Item = &'a Movement>,
) -> Result<CommandError, CommandError> {
    let refusal = match error {
        CommandError::Refused(refusal) if refusal.code == Code::InsufficientStock => refusal,
        CommandError::Refused(_) | CommandError::Failed(_) => return Ok(error),
    };
    let lot = refusal.facts.get("lot_id").and_then(serde_json::Value::as_str).map(str::to_owned);
    let missing = originals
        .filter(|movement| lot.as_deref() == Some(movement.line.lot_id.as_str()))
        .find_map(|movement| match &movement.line.to {
            Account::Store(store, state) => Some((movement, store, *state)),
            Account::Transit(_) | Account::Outside(_) => None,
        });
    let Some((movement, store, state)) = missing else {
        return Ok(CommandError::Refused(refusal));
    };
    let lot = &movement.line.lot_id;
    let users = usage::taken_since(tx.conn, store, lot, state, movement.recorded_at)?;
    let promises: Vec<_> =
        cuts::promises_of(tx.conn, store, std::slice::from_ref(&movement.line.item_code))?
            .into_iter()
            .filter(|(_, promise)| promise.lot_id == *lot && state == StockState::Available)
            .map(|(_, promise)| promise)
            .collect();
    Ok(CommandError::Refused(Box::new(rules::used_since(*refusal, &users, &promises))))
}
