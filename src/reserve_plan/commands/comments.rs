//! What people say of a version of a plan.

use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::{ReservePlanCommentId, ReservePlanId};
use crate::kernel::{FaultCode, Refusal};
use crate::reserve_plan::plan::{Comment, CommentAct};
use crate::reserve_plan::records;
use crate::reserve_plan::requests::SayOfPlan;
use crate::reserve_plan::views::comments::CommentView;

/// Says something of a version, in whatever status: on its own, in answer to another comment, or of
/// a line.
///
/// # Errors
/// `not_found`; `forbidden` when the plan is for a region outside the caller's;
/// `validation_failed` when the comment that is answered or the line is not the version's.
pub fn comment(
    tx: &mut Tx<'_>,
    id: &ReservePlanId,
    asked: &SayOfPlan,
) -> Result<Done, CommandError> {
    let plan = records::find_plan(tx.conn, id)?
        .ok_or_else(|| Refusal::not_found("储备方案", "reserve plan", id.as_str()))?;
    tx.actor.require_region(&plan.region)?;
    if let Some(other) = &asked.reply_to
        && records::find_comment(tx.conn, id, other)?.is_none()
    {
        return Err(Refusal::fault("/reply_to", FaultCode::Unknown).into());
    }
    if let Some(line) = asked.line {
        let found = records::page_of_lines(tx.conn, id, Some(line - 1), 1)?;
        if found.first().is_none_or(|stored| stored.line_no != line) {
            return Err(Refusal::fault("/line", FaultCode::Unknown).into());
        }
    }
    let said = Comment {
        reply_to: asked.reply_to.clone(),
        line_no: asked.line,
        ..new(tx, id, CommentAct::Comment, Some(&asked.text))
    };
    records::insert_comment(tx.conn, &said)?;
    let path = format!("/reserve-plans/{id}/comments/{}", said.id);
    let subject = Subject { kind: "reserve_plan", id: id.to_string(), store: None };
    Ok(Done::created(subject, &CommentView::from(said)).located(path))
}

/// Keeps what was said when something was done with a version, and that it was done.
///
/// # Errors
/// When the database fails.
pub(super) fn remember(
    tx: &mut Tx<'_>,
    id: &ReservePlanId,
    act: CommentAct,
    text: Option<&str>,
) -> Result<(), CommandError> {
    let said = new(tx, id, act, text);
    Ok(records::insert_comment(tx.conn, &said)?)
}

fn new(tx: &Tx<'_>, id: &ReservePlanId, act: CommentAct, text: Option<&str>) -> Comment {
    Comment {
        id: ReservePlanCommentId::generate(),
        plan_id: id.clone(),
        reply_to: None,
        line_no: None,
        act,
        text: text.map(str::to_owned),
        author: tx.actor.name.clone(),
        created_at: tx.now,
    }
}
