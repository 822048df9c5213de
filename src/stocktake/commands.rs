//! The commands of a stocktake: begin, count, explain, hand in, send back, approve, post, give up.

mod begin;
mod count;
mod found;
mod post;

pub use begin::begin;
pub use count::enter_counts;
pub use post::post;

use crate::access::records::user_by_name;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::StocktakeId;
use crate::kernel::{FaultCode, Faults, Refusal};
use crate::stock::requests::{optional_text, reason};
use crate::stocktake::outcome::Evaluated;
use crate::stocktake::queries::consequences;
use crate::stocktake::queries::loaded::load;
use crate::stocktake::records::{self, LineFilter};
use crate::stocktake::requests::{Finish, LINES_MAX, NoteRequest, ReasonsRequest, WhyRequest};
use crate::stocktake::rules::{self, Action};
use crate::stocktake::sheet::{Step, Stocktake, StocktakeStatus};
use crate::stocktake::views::StocktakeView;

/// That there is no such stocktake in the caller's scope.
pub fn no_stocktake(id: &str) -> Refusal {
    Refusal::not_found("盘点单", "stocktake", id)
}

/// The id of the stocktake with an id or number, in scope.
///
/// # Errors
/// `not_found`; failures of the database.
pub fn id_of(tx: &mut Tx<'_>, id_or_number: &str) -> Result<StocktakeId, CommandError> {
    let found = records::find(tx.conn, &tx.actor.scope, id_or_number)?;
    Ok(found.ok_or_else(|| no_stocktake(id_or_number))?.id)
}

/// The stocktake of an id, in scope, locked, in a status in which an action may be done.
fn locked(tx: &mut Tx<'_>, id: &StocktakeId, action: Action) -> Result<Stocktake, CommandError> {
    let stocktake = records::lock(tx.conn, id)?
        .filter(|stocktake| tx.actor.scope.contains(&stocktake.store_code))
        .ok_or_else(|| no_stocktake(id.as_str()))?;
    // Counting goes on from many hands at once; everything else builds on what was read.
    if action != Action::Count {
        tx.expect_version(stocktake.version)?;
    }
    rules::allow(&stocktake, action)?;
    Ok(stocktake)
}

fn subject(stocktake: &Stocktake) -> Subject {
    Subject {
        kind: "stocktake",
        id: stocktake.id.to_string(),
        store: Some(stocktake.store_code.clone()),
    }
}

fn step(tx: &Tx<'_>) -> Option<Step> {
    Some(Step { by: tx.actor.name.clone(), at: tx.now })
}

fn all_lines(tx: &mut Tx<'_>, stocktake: &Stocktake) -> Result<Vec<Evaluated>, CommandError> {
    Ok(load(tx.conn, stocktake, &LineFilter::default())?.lines)
}

/// Stores a changed stocktake and answers with it.
fn finish(
    tx: &mut Tx<'_>,
    mut changed: Stocktake,
    lines: &[Evaluated],
) -> Result<Done, CommandError> {
    changed.version = changed.version.saturating_add(1);
    records::update(tx.conn, &changed)?;
    let (subject, version) = (subject(&changed), changed.version);
    let consequences = consequences(tx.conn, &changed)?;
    let view = StocktakeView::new(changed, lines, tx.settings).with(&consequences);
    Ok(Done::ok(subject, &view).version(version))
}

/// Says why lines differ.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status`; `validation_failed` for unknown or repeated lines
/// and reasons.
pub fn explain(
    tx: &mut Tx<'_>,
    id: &StocktakeId,
    request: &ReasonsRequest,
) -> Result<Done, CommandError> {
    let stocktake = locked(tx, id, Action::Explain)?;
    let mut faults = Faults::new();
    if request.lines.is_empty() {
        faults.add("/lines", FaultCode::TooShort);
    } else if request.lines.len() > LINES_MAX {
        faults.add("/lines", FaultCode::TooLong);
    }
    let mut told = Vec::with_capacity(request.lines.len());
    for (at, line) in request.lines.iter().enumerate() {
        let pointer = format!("/lines/{at}");
        if request.lines.iter().take(at).any(|earlier| earlier.line == line.line) {
            faults.add(format!("{pointer}/line"), FaultCode::Duplicate);
        }
        let code = line
            .reason_code
            .as_ref()
            .map(|code| reason(code, format!("{pointer}/reason_code"), &mut faults));
        let note = optional_text::<200>(line.note.as_ref(), format!("{pointer}/note"), &mut faults);
        told.push((pointer, line.line, code.flatten(), note));
    }
    for (pointer, line, code, note) in told {
        if records::store_reason(tx.conn, &stocktake.id, line, code, note.as_deref())? == 0 {
            faults.add(format!("{pointer}/line"), FaultCode::Unknown);
        }
    }
    faults.check()?;
    let lines = all_lines(tx, &stocktake)?;
    finish(tx, stocktake, &lines)
}

/// Hands the counts in: nothing more is counted until it is sent back.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status`, `count_incomplete`.
pub fn submit(tx: &mut Tx<'_>, id: &StocktakeId, asked: &Finish) -> Result<Done, CommandError> {
    let mut stocktake = locked(tx, id, Action::Submit)?;
    let lines = all_lines(tx, &stocktake)?;
    stocktake.not_counted = asked.not_counted.unwrap_or(stocktake.not_counted);
    rules::complete(&stocktake, stocktake.not_counted, &lines)?;
    stocktake.status = StocktakeStatus::Submitted;
    stocktake.submitted = step(tx);
    stocktake.decision_note.clone_from(&asked.note);
    finish(tx, stocktake, &lines)
}

/// Sends a stocktake back for counting; an approval falls with it.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status`, `validation_failed` without a reason.
pub fn reopen(
    tx: &mut Tx<'_>,
    id: &StocktakeId,
    request: &WhyRequest,
) -> Result<Done, CommandError> {
    let mut stocktake = locked(tx, id, Action::Reopen)?;
    stocktake.decision_note = Some(why(request)?);
    stocktake.status = StocktakeStatus::Open;
    stocktake.submitted = None;
    stocktake.approved = None;
    let lines = all_lines(tx, &stocktake)?;
    finish(tx, stocktake, &lines)
}

/// Approves the differences as they stand.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status`, `own_document` for who took part in it,
/// `count_incomplete`.
pub fn approve(
    tx: &mut Tx<'_>,
    id: &StocktakeId,
    request: &NoteRequest,
) -> Result<Done, CommandError> {
    let mut stocktake = locked(tx, id, Action::Approve)?;
    let mut faults = Faults::new();
    let note = optional_text::<200>(request.note.as_ref(), "/note", &mut faults);
    faults.check()?;
    let name = tx.actor.name.clone();
    let shown = user_by_name(tx.conn, &name)?.map(|user| user.display_name);
    let names: Vec<&str> = [Some(name.as_str()), shown.as_deref()].into_iter().flatten().collect();
    let entries = records::counts(tx.conn, &stocktake.id, None)?;
    rules::approve_as_another(&stocktake, &entries, &names)?;
    let lines = all_lines(tx, &stocktake)?;
    rules::complete(&stocktake, stocktake.not_counted, &lines)?;
    records::store_approved(tx.conn, &stocktake.id, &lines)?;
    stocktake.status = StocktakeStatus::Approved;
    stocktake.approved = step(tx);
    stocktake.decision_note = note;
    finish(tx, stocktake, &lines)
}

/// Gives a stocktake up, which has moved nothing; its counts are kept.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status`, `validation_failed` without a reason.
pub fn cancel(
    tx: &mut Tx<'_>,
    id: &StocktakeId,
    request: &WhyRequest,
) -> Result<Done, CommandError> {
    let mut stocktake = locked(tx, id, Action::Cancel)?;
    stocktake.decision_note = Some(why(request)?);
    stocktake.status = StocktakeStatus::Cancelled;
    stocktake.ended = step(tx);
    let lines = all_lines(tx, &stocktake)?;
    finish(tx, stocktake, &lines)
}

fn why(request: &WhyRequest) -> Result<String, Refusal> {
    let mut faults = Faults::new();
    let reason = optional_text::<200>(Some(&request.reason), "/reason", &mut faults);
    faults.finish(reason)
}
