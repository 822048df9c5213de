//! The REST face of decisions about allocations.

use crate::access::Permission;
use crate::allocation::commands::{deciding, not_found};
use crate::allocation::requests::deciding::{ApproveRequest, EditRequest, ReasonRequest};
use crate::allocation::views::AllocationView;
use crate::http::{ApiError, Caller};
use crate::kernel::Refusal;
use crate::kernel::id::AllocationId;
use actix_web::{HttpResponse, patch, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

/// Edit lines
///
/// Changes what lines send, strikes them, or adds some between stores of the proposal, with a
/// reason; proposal and decision are both kept. The lots of the donors that are touched are taken
/// anew, first expired first; what they have and their floors are checked again. Whoever edits may
/// not approve.
#[utoipa::path(tag = "allocations", operation_id = "edit_allocation",
    request_body(content = EditRequest, example = json!({
        "reason": "大吉山镇封控，三日内无法自行领取",
        "lines": [{"line": 1, "quantity": 400}]})),
    params(("id" = AllocationId, Path, description = "The allocation's id")),
    responses((status = 200, description = "The edited allocation", body = AllocationView)),
    extensions(("x-permission" = json!("allocations.decide"))))]
#[patch("/allocations/{id}/lines")]
pub async fn edit_allocation(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::DecideAllocations, Ok::<EditRequest, _>, move |tx, request| {
            deciding::edit(tx, &allocation_id(&id)?, request)
        })
        .await
}

/// Approve an allocation
///
/// Creates its dispatches, approved already, one for each sender and receiver, and promises the
/// lots exactly as proposed or edited, all in one transaction; or refuses it whole. When figures
/// under its lines have changed the answer is `allocation_stale` with every change; with
/// `accept_changes` it is approved all the same, unless a lot is gone or a road is closed. Taking
/// stock below a floor needs an authority and is recorded as a draw-down. Whoever made or edited it
/// may not approve it, except on a spoken authority with `emergency_release`, within its limit.
#[utoipa::path(tag = "allocations", operation_id = "approve_allocation",
    request_body = ApproveRequest,
    params(("id" = AllocationId, Path, description = "The allocation's id")),
    responses((status = 200, description = "The approved allocation", body = AllocationView)),
    extensions(("x-permission" = json!("allocations.decide"))))]
#[post("/allocations/{id}/approve")]
pub async fn approve_allocation(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::DecideAllocations, Ok::<ApproveRequest, _>, move |tx, request| {
            deciding::approve(tx, &allocation_id(&id)?, request)
        })
        .await
}

/// Discard an allocation
///
/// Gives a proposal or a rehearsal up, with a reason; it stays readable.
#[utoipa::path(tag = "allocations", operation_id = "discard_allocation",
    request_body = ReasonRequest,
    params(("id" = AllocationId, Path, description = "The allocation's id")),
    responses((status = 200, description = "The discarded allocation", body = AllocationView)),
    extensions(("x-permission" = json!("allocations.decide"))))]
#[post("/allocations/{id}/discard")]
pub async fn discard_allocation(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::DecideAllocations, Ok::<ReasonRequest, _>, move |tx, request| {
            deciding::discard(tx, &allocation_id(&id)?, request)
        })
        .await
}

/// Cancel the dispatches of an allocation
///
/// Takes an approved allocation back before anything left: cancels all its dispatches, releases
/// their lots and gives draw-downs back. Refused whole when one of them has left; cancel the others
/// one by one then.
#[utoipa::path(tag = "allocations", operation_id = "cancel_allocation_dispatches",
    request_body = ReasonRequest,
    params(("id" = AllocationId, Path, description = "The allocation's id")),
    responses((status = 200, description = "The allocation with its dispatches cancelled",
        body = AllocationView)),
    extensions(("x-permission" = json!("allocations.decide"))))]
#[post("/allocations/{id}/cancel-dispatches")]
pub async fn cancel_allocation_dispatches(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::DecideAllocations, Ok::<ReasonRequest, _>, move |tx, request| {
            deciding::cancel_dispatches(tx, &allocation_id(&id)?, request)
        })
        .await
}

fn allocation_id(text: &str) -> Result<AllocationId, Refusal> {
    AllocationId::try_from(text.to_owned()).map_err(|_shape| not_found(text))
}

/// The operations that decide.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(edit_allocation)
        .service(approve_allocation)
        .service(discard_allocation)
        .service(cancel_allocation_dispatches);
}
