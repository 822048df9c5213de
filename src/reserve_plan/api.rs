//! The REST face of reserve plans and response levels.

use crate::access::Permission;
use crate::command::CommandError;
use crate::db::DbConnection;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::{ReservePlanId, ResponseLevelId};
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, Instant, Refusal, RegionCode};
use crate::reserve_plan::plan::{PlanStatus, PlanVersion};
use crate::reserve_plan::records::{LevelFilter, PlanFilter};
use crate::reserve_plan::requests::{ApprovalRequest, LevelRequest, PlanPatch, PlanRequest};
use crate::reserve_plan::views::{
    DeclarationView, LevelInForceView, PlanDiffView, PlanHead, PlanView,
};
use crate::reserve_plan::{commands, records, views};
use actix_web::{HttpResponse, get, patch, post, put, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of plan versions, the newest first.
    PlanPage, PlanHead
}

page_of! {
    /// A page of declarations, the latest effect first.
    DeclarationPage, DeclarationView
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
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List reserve plans
///
/// Pages through the versions of all plans, the newest first. `in_force` marks the one that holds
/// now.
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
    faults.check()?;
    let filter = PlanFilter { status, number: query.number, after };
    caller
        .read(Permission::ReadPlans, move |conn, app, _| {
            let in_force = records::plan_in_force(conn, app.clock.now())?.map(|plan| plan.id);
            let plans = records::list_plans(conn, &filter, size.probe())?;
            let page = Page::from_probe(plans, size, |plan| (plan.created_at, plan.id.clone()));
            Ok(PlanPage::from(page.map(|plan| PlanHead::new(plan, in_force.as_ref()))))
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

/// Nothing needs to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NothingToSay {}

/// Submit a draft
///
/// Hands a draft with at least one line in for approval; it can no longer be edited.
#[utoipa::path(tag = "planning", operation_id = "submit_reserve_plan", request_body = NothingToSay,
    params(("id" = ReservePlanId, Path, description = "The version's id")),
    responses((status = 200, description = "The submitted version", body = PlanView)),
    extensions(("x-permission" = json!("reserve_plans.write"))))]
#[post("/reserve-plans/{id}/submit")]
pub async fn submit_reserve_plan(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WritePlans, Ok::<NothingToSay, _>, move |tx, _| {
            commands::submit(tx, &plan_id(&id)?)
        })
        .await
}

/// Approve a submitted plan
///
/// Another user than its authors approves a version. From `effective_from` on it is in force, for
/// the whole county, until a version with a later `effective_from` is.
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

/// What a version is compared with.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The id of the other version; the one in force unless said.
    against: Option<String>,
}

/// Compare two versions
///
/// The lines that a version adds, drops and changes against another one, or against the one in
/// force.
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
                None => records::plan_in_force(conn, now)?
                    .ok_or_else(|| Refusal::fault("/against", FaultCode::Required))?,
            };
            Ok(views::diff_view(conn, before, after, now)?)
        })
        .await
}

/// Where a response level is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LevelQuery {
    /// The region; a commander's own unless said.
    #[param(example = "360729")]
    region: Option<String>,
}

/// Read the response level
///
/// The level that holds in a region: its own declaration, or that of the nearest region above it;
/// `normal` where nobody declared any. The `ETag` counts the region's own declarations and is what
/// the next one names in `If-Match`.
#[utoipa::path(tag = "planning", operation_id = "get_response_level", params(LevelQuery),
    responses((status = 200, description = "The level that holds", body = LevelInForceView)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/response-level")]
pub async fn get_response_level(
    caller: Caller,
    Filters(query): Filters<LevelQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let region = match (&query.region, &caller.actor().region) {
        (Some(text), _) => faults.keep("/region", RegionCode::new(text)),
        (None, Some(own)) => Some(own.clone()),
        (None, None) => faults.keep("/region", Err(FaultCode::Required)),
    };
    let region = faults.finish(region)?;
    caller
        .read_versioned(Permission::ReadPlans, move |conn, app, _| {
            let (view, count) = views::level_in_force(conn, &region, app.clock.now())?;
            Ok(Versioned(view, count))
        })
        .await
}

/// Declare a response level
///
/// Sets the level of a region for itself and what lies in it, by a named authority. It switches
/// the percentages of the reserve plan in force. `If-Match` is the `ETag` that the region's level
/// was read with; `*` overrules whatever stands there.
#[utoipa::path(tag = "planning", operation_id = "declare_response_level", request_body = LevelRequest,
    responses((status = 200, description = "The declaration", body = DeclarationView)),
    extensions(("x-permission" = json!("response_level.declare"))))]
#[put("/response-level")]
pub async fn declare_response_level(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::DeclareLevel, Ok::<LevelRequest, _>, commands::declare_level).await
}

/// Which declarations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LevelsQuery {
    /// Declarations of this region itself.
    region: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List declared response levels
///
/// Every level that was ever declared, the latest effect first; what holds from a future time
/// stands at the top.
#[utoipa::path(tag = "planning", operation_id = "list_response_levels", params(LevelsQuery),
    responses((status = 200, description = "A page of declarations", body = DeclarationPage)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/response-levels")]
pub async fn list_response_levels(
    caller: Caller,
    Filters(query): Filters<LevelsQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<(Instant, Instant, ResponseLevelId)>(
        query.limit,
        query.cursor.as_deref(),
        &mut faults,
    );
    let region =
        query.region.as_deref().and_then(|text| faults.keep("/region", RegionCode::new(text)));
    faults.check()?;
    let filter = LevelFilter { region, after, ..LevelFilter::default() };
    caller
        .read(Permission::ReadPlans, move |conn, _, _| {
            let declared = records::list_levels(conn, &filter, size.probe())?;
            let key = |one: &crate::reserve_plan::level::Declaration| {
                (one.effective_at, one.recorded_at, one.id.clone())
            };
            let page = Page::from_probe(declared, size, key);
            Ok(DeclarationPage::from(page.map(DeclarationView::from)))
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
        .service(get_reserve_plan)
        .service(edit_reserve_plan)
        .service(submit_reserve_plan)
        .service(approve_reserve_plan)
        .service(diff_reserve_plan)
        .service(get_response_level)
        .service(declare_response_level)
        .service(list_response_levels);
}
