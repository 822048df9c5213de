//! Stocktakes over REST.

mod reads;

pub use reads::*;

use crate::access::Permission;
use crate::command::{CommandError, Done, Tx};
use crate::http::{ApiError, Caller};
use crate::kernel::Refusal;
use crate::kernel::id::StocktakeId;
use crate::stocktake::commands::{self, no_stocktake};
use crate::stocktake::requests::{
    CountsRequest, FinishRequest, NoteRequest, ReasonsRequest, StocktakeRequest, WhyRequest,
};
use crate::stocktake::views::{CountsView, StocktakeView};
use actix_web::{HttpResponse, post, web};
use serde::de::DeserializeOwned;
use utoipa_actix_web::service_config::ServiceConfig;

/// Begin a stocktake
///
/// Makes the sheet of a store (盘点): of everything, of one category or of some items, from the
/// book of one moment. Stock goes on moving while it is counted. A blind sheet does not show what
/// the book says.
#[utoipa::path(tag = "stocktakes", operation_id = "begin_stocktake", request_body = StocktakeRequest,
    responses((status = 201, description = "The stocktake", body = StocktakeView)),
    extensions(("x-permission" = json!("stocktakes.run"))))]
#[post("/stocktakes")]
pub async fn begin_stocktake(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::RunStocktakes, Ok::<StocktakeRequest, _>, commands::begin).await
}

/// Enter counts
///
/// Keeps what one pair of people counted in one round, by line, by lot, or by item and label where
/// the book does not know the lot. Nothing is overwritten: a slip is superseded, with a reason,
/// and both entries are kept. A line that is not sent is not counted, which is not zero. The same
/// count sent again is a `duplicate` and changes nothing. Where rounds 1 and 2 differ, a third
/// count by somebody else decides.
#[utoipa::path(tag = "stocktakes", operation_id = "enter_stocktake_counts", request_body = CountsRequest,
    params(("id" = StocktakeId, Path, description = "The stocktake's id")),
    responses((status = 201, description = "What became of each count", body = CountsView)),
    extensions(("x-permission" = json!("stocktakes.run"))))]
#[post("/stocktakes/{id}/counts")]
pub async fn enter_stocktake_counts(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    act(caller, Permission::RunStocktakes, id, Ok::<CountsRequest, _>, commands::enter_counts).await
}

/// Say why lines differ
///
/// Gives lines their reasons, from the list of reasons. Every difference needs one before the
/// stocktake is handed in.
#[utoipa::path(tag = "stocktakes", operation_id = "explain_stocktake", request_body = ReasonsRequest,
    params(("id" = StocktakeId, Path, description = "The stocktake's id")),
    responses((status = 200, description = "The stocktake", body = StocktakeView)),
    extensions(("x-permission" = json!("stocktakes.run"))))]
#[post("/stocktakes/{id}/reasons")]
pub async fn explain_stocktake(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    act(caller, Permission::RunStocktakes, id, Ok::<ReasonsRequest, _>, commands::explain).await
}

/// Hand a stocktake in
///
/// Ends the counting. Refused while lines are not counted (unless `not_counted` is `keep`), wait
/// for another round, or differ without a reason; the answer names them.
#[utoipa::path(tag = "stocktakes", operation_id = "submit_stocktake", request_body = FinishRequest,
    params(("id" = StocktakeId, Path, description = "The stocktake's id")),
    responses((status = 200, description = "The stocktake", body = StocktakeView)),
    extensions(("x-permission" = json!("stocktakes.run"))))]
#[post("/stocktakes/{id}/submit")]
pub async fn submit_stocktake(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    act(caller, Permission::RunStocktakes, id, |body: FinishRequest| body.parse(), commands::submit)
        .await
}

/// Send a stocktake back
///
/// Opens a submitted or approved stocktake for counting again; its approval falls.
#[utoipa::path(tag = "stocktakes", operation_id = "reopen_stocktake", request_body = WhyRequest,
    params(("id" = StocktakeId, Path, description = "The stocktake's id")),
    responses((status = 200, description = "The stocktake", body = StocktakeView)),
    extensions(("x-permission" = json!("stocktakes.reopen"))))]
#[post("/stocktakes/{id}/reopen")]
pub async fn reopen_stocktake(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    act(caller, Permission::ReopenStocktakes, id, Ok::<WhyRequest, _>, commands::reopen).await
}

/// Approve a stocktake
///
/// Approves the differences as they stand, by someone who took no part in the stocktake. Needed
/// above the limits; where a difference changes afterwards, it is approved again.
#[utoipa::path(tag = "stocktakes", operation_id = "approve_stocktake", request_body = NoteRequest,
    params(("id" = StocktakeId, Path, description = "The stocktake's id")),
    responses((status = 200, description = "The stocktake", body = StocktakeView)),
    extensions(("x-permission" = json!("stocktakes.approve"))))]
#[post("/stocktakes/{id}/approve")]
pub async fn approve_stocktake(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    act(caller, Permission::ApproveStocktakes, id, Ok::<NoteRequest, _>, commands::approve).await
}

/// Post a stocktake
///
/// Makes the book of each count's business time what was counted, with a movement of kind `count`
/// for every difference and a mark on every counted lot. What was issued or received afterwards
/// stays as it was booked. From then on, movements from before the count are not reversed any
/// more. A count is a fact: where less is there than dispatches were promised, their promises are
/// cut, the latest first, and where every line of an item was counted, what had left *unmatched* up
/// to then is cleared. Small differences are posted by the keeper alone, also straight from `open`.
#[utoipa::path(tag = "stocktakes", operation_id = "post_stocktake", request_body = FinishRequest,
    params(("id" = StocktakeId, Path, description = "The stocktake's id")),
    responses((status = 200, description = "The posted stocktake", body = StocktakeView)),
    extensions(("x-permission" = json!("stocktakes.run"))))]
#[post("/stocktakes/{id}/post")]
pub async fn post_stocktake(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    act(caller, Permission::RunStocktakes, id, |body: FinishRequest| body.parse(), commands::post)
        .await
}

/// Give a stocktake up
///
/// Cancels a stocktake that has not been posted. It has moved nothing, and its counts are kept.
#[utoipa::path(tag = "stocktakes", operation_id = "cancel_stocktake", request_body = WhyRequest,
    params(("id" = StocktakeId, Path, description = "The stocktake's id")),
    responses((status = 200, description = "The cancelled stocktake", body = StocktakeView)),
    extensions(("x-permission" = json!("stocktakes.run"))))]
#[post("/stocktakes/{id}/cancel")]
pub async fn cancel_stocktake(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    act(caller, Permission::RunStocktakes, id, Ok::<WhyRequest, _>, commands::cancel).await
}

/// Runs a command on the stocktake of a path.
async fn act<B, C>(
    caller: Caller,
    permission: Permission,
    id: web::Path<String>,
    parse: impl FnOnce(B) -> Result<C, Refusal>,
    command: fn(&mut Tx<'_>, &StocktakeId, &C) -> Result<Done, CommandError>,
) -> Result<HttpResponse, ApiError>
where
    B: DeserializeOwned,
    C: Send + 'static,
{
    caller
        .command(permission, parse, move |tx, request| {
            // What is no id names no stocktake.
            let id =
                StocktakeId::try_from(id.clone()).map_err(|_shape| no_stocktake(id.as_str()))?;
            command(tx, &id, request)
        })
        .await
}

/// The operations on stocktakes.
pub fn routes(config: &mut ServiceConfig<'_>) {
    // The fixed paths come first, or they would be taken for the id of a stocktake.
    config
        .service(list_stocktake_accuracy)
        .service(list_due_counts)
        .service(begin_stocktake)
        .service(list_stocktakes)
        .service(get_stocktake)
        .service(get_stocktake_sheet)
        .service(enter_stocktake_counts)
        .service(list_stocktake_counts)
        .service(list_stocktake_variances)
        .service(explain_stocktake)
        .service(submit_stocktake)
        .service(reopen_stocktake)
        .service(approve_stocktake)
        .service(post_stocktake)
        .service(cancel_stocktake);
}
