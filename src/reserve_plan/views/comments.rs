//! What is said of plans, as the service shows it.

use crate::kernel::Instant;
use crate::kernel::id::{ReservePlanCommentId, ReservePlanId};
use crate::reserve_plan::plan::{Comment, CommentAct};
use serde::Serialize;
use utoipa::ToSchema;

/// What somebody said of a version, or did with it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PlanCommentView)]
pub struct CommentView {
    /// Its id.
    pub id: ReservePlanCommentId,
    /// The version.
    pub plan_id: ReservePlanId,
    /// What was done with it.
    pub act: CommentAct,
    /// What was said.
    pub text: Option<String>,
    /// The comment that it answers.
    pub reply_to: Option<ReservePlanCommentId>,
    /// The line that it is about, by its number at that time.
    pub line: Option<i64>,
    /// Who said it.
    pub author: String,
    /// When.
    pub created_at: Instant,
}

impl From<Comment> for CommentView {
    fn from(comment: Comment) -> Self {
        Self {
            id: comment.id,
            plan_id: comment.plan_id,
            act: comment.act,
            text: comment.text,
            reply_to: comment.reply_to,
            line: comment.line_no,
            author: comment.author,
            created_at: comment.created_at,
        }
    }
}
