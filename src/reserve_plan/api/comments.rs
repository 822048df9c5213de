//! The REST face of what is said of plans.

use super::{LinesQuery, expect_plan, plan_id};
use crate::access::Permission;
use crate::http::{ApiError, Caller, Filters, page_after};
use crate::kernel::id::{ReservePlanCommentId, ReservePlanId};
use crate::kernel::page::Page;
use crate::kernel::{Faults, Instant, Refusal};
use crate::reserve_plan::plan::Comment;
use crate::reserve_plan::requests::CommentRequest;
use crate::reserve_plan::views::comments::CommentView;
use crate::reserve_plan::{commands, records};
use actix_web::{HttpResponse, get, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of what was said of a version, the oldest first.
    PlanCommentPage, CommentView
}

/// List comments on a plan
///
/// What people said of a version and what was done with it, the oldest first: comments, answers
/// (`reply_to`), submissions, withdrawals, returns and approval.
#[utoipa::path(tag = "planning", operation_id = "list_reserve_plan_comments",
    params(("id" = ReservePlanId, Path, description = "The version's id"), LinesQuery),
    responses((status = 200, description = "A page of comments", body = PlanCommentPage)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/reserve-plans/{id}/comments")]
pub async fn list_reserve_plan_comments(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<LinesQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<(Instant, ReservePlanCommentId)>(
        query.limit,
        query.cursor.as_deref(),
        &mut faults,
    );
    faults.check()?;
    caller
        .read(Permission::ReadPlans, move |conn, _, _| {
            let plan = expect_plan(conn, &id)?;
            let said = records::list_comments(conn, &plan.id, after.as_ref(), size.probe())?;
            let key = |comment: &Comment| (comment.created_at, comment.id.clone());
            let page = Page::from_probe(said, size, key);
            Ok(PlanCommentPage::from(page.map(CommentView::from)))
        })
        .await
}

/// Comment on a plan
///
/// Says something of a version, on its own, of a line, or in answer to another comment. It changes
/// nothing in the version, and whoever says it may still approve it.
#[utoipa::path(tag = "planning", operation_id = "comment_on_reserve_plan",
    request_body = CommentRequest,
    params(("id" = ReservePlanId, Path, description = "The version's id")),
    responses((status = 201, description = "The comment", body = CommentView)),
    extensions(("x-permission" = json!("reserve_plans.write"))))]
#[post("/reserve-plans/{id}/comments")]
pub async fn comment_on_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WritePlans, CommentRequest::parse, move |tx, said| {
            commands::comments::comment(tx, &plan_id(&id)?, said)
        })
        .await
}

/// Read a comment on a plan
///
/// One thing that was said of a version.
#[utoipa::path(tag = "planning", operation_id = "get_reserve_plan_comment",
    params(("id" = ReservePlanId, Path, description = "The version's id"),
        ("comment" = ReservePlanCommentId, Path, description = "The comment's id")),
    responses((status = 200, description = "The comment", body = CommentView)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/reserve-plans/{id}/comments/{comment}")]
pub async fn get_reserve_plan_comment(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (id, comment) = path.into_inner();
    caller
        .read(Permission::ReadPlans, move |conn, _, _| {
            let missing = || Refusal::not_found("意见", "comment", &comment);
            let named = ReservePlanCommentId::try_from(comment.clone());
            let named = named.map_err(|_shape| missing())?;
            let found = records::find_comment(conn, &plan_id(&id)?, &named)?;
            Ok(CommentView::from(found.ok_or_else(missing)?))
        })
        .await
}

/// The operations on comments.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_reserve_plan_comments)
        .service(comment_on_reserve_plan)
        .service(get_reserve_plan_comment);
}
