//! The REST face of reserve plans and response levels.

pub mod comments;
pub mod levels;
pub mod norms;

use crate::access::Permission;
use crate::command::CommandError;
use crate::db::DbConnection;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::ReservePlanId;
use crate::kernel::page::Page;
use crate::kernel::starting::moment;
use crate::kernel::{FaultCode, Faults, Refusal, RegionCode};
use crate::reserve_plan::plan::{PlanStatus, PlanVersion};
use crate::reserve_plan::records::PlanFilter;
use crate::reserve_plan::requests::{
    ApprovalRequest, PlanPatch, PlanRequest, ReturnRequest, SubmissionRequest,
};
use crate::reserve_plan::views::{PlanDiffView, PlanHead, PlanInForceView, PlanLineView, PlanView};
use crate::reserve_plan::{commands, records, views};
use actix_web::{HttpResponse, get, patch, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of plan versions, the newest first.
    PlanPage, PlanHead
}

page_of! {
    /// A page of the lines of a version, in their order.
    PlanLinePage, PlanLineView
}

/// Which plan versions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlanQuery {
    /// In this status: `draft`, `submitted` or `approved`.
    status: Option<String>,
    /// Versions of the plan with this number.
    number: Option<String>,
    /// Versions for this region itself.
    #[param(example = "360729")]
    region: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List reserve plans
///
/// Pages through the versions of all plans, the newest first. `in_force` marks those that
/// hold now, one for each region at most.
#[utoipa::path(tag = "planning", operation_id = "list_reserve_plans", params(PlanQuery),
    responses((status = 200, description = "A page of plan versions", body = PlanPage)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/reserve-plans")]
pub async fn list_reserve_plans(
    caller: Caller,
    Filters(query): Filters<PlanQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let status = query.status.as_deref().and_then(|word| {
        faults.keep("/status", PlanStatus::from_word(word).ok_or(FaultCode::NotInList))
    });
    let region =
        query.region.as_deref().and_then(|text| faults.keep("/region", RegionCode::new(text)));
    faults.check()?;
    let filter = PlanFilter { status, number: query.number, region, after };
    caller
        .read(Permission::ReadPlans, move |conn, app, _| {
            let in_force = records::plans_in_force(conn, app.clock.now(), None)?;
            let plans = records::list_plans(conn, &filter, size.probe())?;
            let page = Page::from_probe(plans, size, |plan| (plan.created_at, plan.id.clone()));
            Ok(PlanPage::from(page.map(|plan| PlanHead::new(plan, &in_force))))
        })
        .await
}

/// Draft a reserve plan
///
/// Makes a version of a plan, from given lines or from those of another version (`copy_from`).
/// Nothing follows from it before another user has approved it.
#[utoipa::path(tag = "planning", operation_id = "draft_reserve_plan", request_body = PlanRequest,
    responses((status = 201, description = "The draft", body = PlanView)),
    extensions(("x-permission" = json!("reserve_plans.write"))))]
#[post("/reserve-plans")]
pub async fn draft_reserve_plan(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::WritePlans, PlanRequest::parse, commands::draft).await
}

/// Read a reserve plan
///
/// A version of a plan with its lines.
#[utoipa::path(tag = "planning", operation_id = "get_reserve_plan",
    params(("id" = ReservePlanId, Path, description = "The version's id")),
    responses((status = 200, description = "The version", body = PlanView)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/reserve-plans/{id}")]
pub async fn get_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadPlans, move |conn, app, _| {
            let plan = expect_plan(conn, &id)?;
            let revision = plan.revision;
            Ok(Versioned(views::plan_view(conn, plan, app.clock.now())?, revision))
        })
        .await
}

/// Edit a draft
///
/// Changes the name of a draft, or puts other lines in place of its own. What was submitted or
/// approved cannot be edited; copy it instead.
#[utoipa::path(tag = "planning", operation_id = "edit_reserve_plan", request_body = PlanPatch,
    params(("id" = ReservePlanId, Path, description = "The version's id")),
    responses((status = 200, description = "The changed draft", body = PlanView)),
    extensions(("x-permission" = json!("reserve_plans.write"))))]
#[patch("/reserve-plans/{id}")]
pub async fn edit_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WritePlans, PlanPatch::parse, move |tx, patch| {
            commands::edit(tx, &plan_id(&id)?, patch)
        })
        .await
}

/// Submit a draft
///
/// Hands a draft with at least one line in for approval; it can no longer be edited, until it is
/// withdrawn or sent back.
#[utoipa::path(tag = "planning", operation_id = "submit_reserve_plan",
    request_body = SubmissionRequest,
    params(("id" = ReservePlanId, Path, description = "The version's id")),
    responses((status = 200, description = "The submitted version", body = PlanView)),
    extensions(("x-permission" = json!("reserve_plans.write"))))]
#[post("/reserve-plans/{id}/submit")]
pub async fn submit_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WritePlans, SubmissionRequest::parse, move |tx, comment| {
            commands::submit(tx, &plan_id(&id)?, comment.as_deref())
        })
        .await
}

/// Withdraw a submitted plan
///
/// One of its authors takes a submitted version back to a draft, and says why.
#[utoipa::path(tag = "planning", operation_id = "withdraw_reserve_plan",
    request_body = ReturnRequest,
    params(("id" = ReservePlanId, Path, description = "The version's id")),
    responses((status = 200, description = "The draft", body = PlanView)),
    extensions(("x-permission" = json!("reserve_plans.write"))))]
#[post("/reserve-plans/{id}/withdraw")]
pub async fn withdraw_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WritePlans, ReturnRequest::parse, move |tx, why| {
            commands::withdraw(tx, &plan_id(&id)?, why)
        })
        .await
}

/// Send a submitted plan back
///
/// Another user than its authors returns a submitted version to them as a draft, and says why.
#[utoipa::path(tag = "planning", operation_id = "send_back_reserve_plan",
    request_body = ReturnRequest,
    params(("id" = ReservePlanId, Path, description = "The version's id")),
    responses((status = 200, description = "The draft", body = PlanView)),
    extensions(("x-permission" = json!("reserve_plans.approve"))))]
#[post("/reserve-plans/{id}/send-back")]
pub async fn send_back_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ApprovePlans, ReturnRequest::parse, move |tx, why| {
            commands::send_back(tx, &plan_id(&id)?, why)
        })
        .await
}

/// Approve a submitted plan
///
/// Another user than its authors approves a version. From `effective_from` on it is in force for its
/// region, until a version of that region with a later `effective_from` is. Two that begin at the
/// same time are refused (`scope_taken`), so that one alone is in force at any time.
#[utoipa::path(tag = "planning", operation_id = "approve_reserve_plan", request_body = ApprovalRequest,
    params(("id" = ReservePlanId, Path, description = "The version's id")),
    responses((status = 200, description = "The approved version", body = PlanView)),
    extensions(("x-permission" = json!("reserve_plans.approve"))))]
#[post("/reserve-plans/{id}/approve")]
pub async fn approve_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ApprovePlans, ApprovalRequest::parse, move |tx, approval| {
            commands::approve(tx, &plan_id(&id)?, approval)
        })
        .await
}

/// Which page of a version's lines to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinesQuery {
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the lines of a plan
///
/// Pages through the lines of a version in their order.
#[utoipa::path(tag = "planning", operation_id = "list_reserve_plan_lines",
    params(("id" = ReservePlanId, Path, description = "The version's id"), LinesQuery),
    responses((status = 200, description = "A page of lines", body = PlanLinePage)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/reserve-plans/{id}/lines")]
pub async fn list_reserve_plan_lines(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<LinesQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<i64>(query.limit, query.cursor.as_deref(), &mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadPlans, move |conn, _, _| {
            let plan = expect_plan(conn, &id)?;
            let lines = records::page_of_lines(conn, &plan.id, after, size.probe())?;
            let page = Page::from_probe(lines, size, |line| line.line_no);
            Ok(PlanLinePage::from(page.map(PlanLineView::from)))
        })
        .await
}

/// Where and when a plan is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InForceQuery {
    /// The region; a commander's own unless said.
    #[param(example = "360729")]
    region: Option<String>,
    /// The time: an instant with an offset, or a date for the end of that day; now unless said.
    #[param(example = "2026-01-31")]
    at: Option<String>,
    /// By what had been approved at this time; by what is known today unless said.
    known_at: Option<String>,
}

/// Read the plan in force
///
/// The version that is, was or will be in force in a region at a time: the region's own, or that of
/// the nearest region above it that has one. `until` tells when another takes its place.
#[utoipa::path(tag = "planning", operation_id = "get_reserve_plan_in_force", params(InForceQuery),
    responses((status = 200, description = "The plan in force", body = PlanInForceView)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/reserve-plans/in-force")]
pub async fn get_reserve_plan_in_force(
    caller: Caller,
    Filters(query): Filters<InForceQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let region = region_asked(query.region.as_deref(), &caller, &mut faults);
    let region = faults.finish(region)?;
    caller
        .read(Permission::ReadPlans, move |conn, app, _| {
            let now = app.clock.now();
            let mut faults = Faults::new();
            let zone = app.settings.zone;
            let at = moment(query.at.as_deref(), "/at", zone, &mut faults).unwrap_or(now);
            let known_at = moment(query.known_at.as_deref(), "/known_at", zone, &mut faults);
            faults.check()?;
            Ok(views::plan_in_force_view(conn, region, at, known_at, now)?)
        })
        .await
}

/// The region that a query names, or the caller's own.
fn region_asked(text: Option<&str>, caller: &Caller, faults: &mut Faults) -> Option<RegionCode> {
    match (text, &caller.actor().region) {
        (Some(text), _) => faults.keep("/region", RegionCode::new(text)),
        (None, Some(own)) => Some(own.clone()),
        (None, None) => faults.keep("/region", Err(FaultCode::Required)),
    }
}

/// What a version is compared with.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The id of the other version; the one in force for its region unless said.
    against: Option<String>,
}

/// Compare two versions
///
/// The lines that a version adds, drops and changes against another one, or against the one in
/// force, field by field.
#[utoipa::path(tag = "planning", operation_id = "diff_reserve_plan",
    params(("id" = ReservePlanId, Path, description = "The version's id"), DiffQuery),
    responses((status = 200, description = "The differences", body = PlanDiffView)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/reserve-plans/{id}/diff")]
pub async fn diff_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<DiffQuery>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read(Permission::ReadPlans, move |conn, app, _| {
            let now = app.clock.now();
            let after = expect_plan(conn, &id)?;
            let before = match &query.against {
                Some(other) => expect_plan(conn, other)?,
                None => records::plans_in_force(conn, now, None)?
                    .of(&after.region)
                    .cloned()
                    .ok_or_else(|| Refusal::fault("/against", FaultCode::Required))?,
            };
            Ok(views::diff_view(conn, before, after, now)?)
        })
        .await
}

/// Reads a version's id of a path; what is no id names no plan.
fn plan_id(text: &str) -> Result<ReservePlanId, Refusal> {
    ReservePlanId::try_from(text.to_owned()).map_err(|_shape| no_plan(text))
}

fn expect_plan(conn: &mut DbConnection, id: &str) -> Result<PlanVersion, CommandError> {
    Ok(records::find_plan(conn, &plan_id(id)?)?.ok_or_else(|| no_plan(id))?)
}

fn no_plan(id: &str) -> Refusal {
    Refusal::not_found("储备方案", "reserve plan", id)
}

/// The operations on plans and levels.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_reserve_plans)
        .service(draft_reserve_plan)
        // Before the versions by id: an id is no word.
        .service(get_reserve_plan_in_force)
        .service(get_reserve_plan)
        .service(list_reserve_plan_lines)
        .service(edit_reserve_plan)
        .service(submit_reserve_plan)
        .service(withdraw_reserve_plan)
        .service(send_back_reserve_plan)
        .service(approve_reserve_plan)
        .service(diff_reserve_plan);
    comments::routes(config);
    norms::routes(config);
    levels::routes(config);
}
