//! The REST face of dispatches.

use crate::access::Permission;
use crate::authority::requests::DecisionRequest;
use crate::dispatch::commands::showing;
use crate::dispatch::order::{DispatchStatus, Urgency};
use crate::dispatch::requests::{
    ApproveRequest, CancelRequest, CloseRequest, DispatchRequest, FollowUpRequest, PickRequest,
    ReceiptRequest, RedirectRequest, ShipRequest, SigningReversalRequest,
};
use crate::dispatch::views::{DispatchRow, DispatchView};
use crate::dispatch::{commands, records};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::{AllocationId, DispatchId, DispatchReceiptId};
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, ItemCode, Refusal, StoreCode};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of dispatches, the newest in front.
    DispatchPage, DispatchRow
}

/// Which dispatches to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DispatchQuery {
    /// From this store.
    from: Option<String>,
    /// To this store.
    to: Option<String>,
    /// From or to this store.
    store: Option<String>,
    /// Of this status, or of several separated by commas.
    status: Option<String>,
    /// With a line of this item.
    item: Option<String>,
    /// Of this number.
    number: Option<String>,
    /// `routine`, `urgent` or `emergency`.
    urgency: Option<String>,
    /// Whether something asked for is still open.
    open_remainder: Option<bool>,
    /// Decided by the allocation of this id.
    allocation: Option<String>,
    /// `open`: a spoken authority still to be confirmed or objected to; `overdue`: and too late.
    paperwork: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which paperwork a list asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Open,
    Overdue,
}

impl DispatchQuery {
    fn filter(&self, faults: &mut Faults) -> (records::Filter, Option<Due>) {
        let mut store = |pointer: &str, value: &Option<String>| {
            value.as_deref().and_then(|code| faults.keep(pointer, StoreCode::new(code)))
        };
        let (from, to) = (store("/from", &self.from), store("/to", &self.to));
        let store = store("/store", &self.store);
        let words = self.status.iter().flat_map(|words| words.split(','));
        let statuses = words.filter_map(|word| {
            let status = DispatchStatus::from_word(word.trim());
            faults.keep("/status", status.ok_or(FaultCode::NotInList))
        });
        let statuses: Vec<DispatchStatus> = statuses.collect();
        let item = self.item.as_deref().and_then(|i| faults.keep("/item", ItemCode::new(i)));
        let urgency = self.urgency.as_deref().and_then(|word| {
            faults.keep("/urgency", Urgency::from_word(word).ok_or(FaultCode::NotInList))
        });
        let due = self.paperwork.as_deref().and_then(|word| {
            let due = match word {
                "open" => Ok(Due::Open),
                "overdue" => Ok(Due::Overdue),
                _ => Err(FaultCode::NotInList),
            };
            faults.keep("/paperwork", due)
        });
        let filter = records::Filter {
            from,
            to,
            store,
            statuses,
            item,
            number: self.number.clone(),
            urgency,
            open_remainder: self.open_remainder,
            paperwork_due_before: None,
            allocation: self.allocation.as_ref().and_then(|id| {
                let id = AllocationId::try_from(id.clone());
                faults.keep("/allocation", id.map_err(|_shape| FaultCode::InvalidFormat))
            }),
        };
        (filter, due)
    }
}

/// List dispatches
///
/// Those from or to stores in scope, the newest in front.
#[utoipa::path(tag = "dispatches", operation_id = "list_dispatches", params(DispatchQuery),
    responses((status = 200, description = "A page of dispatches", body = DispatchPage)),
    extensions(("x-permission" = json!("dispatches.read"))))]
#[get("/dispatches")]
pub async fn list_dispatches(
    caller: Caller,
    Filters(query): Filters<DispatchQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let (mut filter, due) = query.filter(&mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadDispatches, move |conn, app, actor| {
            let now = app.clock.now();
            filter.paperwork_due_before = due.map(|due| match due {
                // Whatever is open is due before the end of days.
                Due::Open => now.plus_days(36_500),
                Due::Overdue => now,
            });
            let orders = records::list(conn, &actor.scope, &filter, after, size)?;
            let page: Page<_> = Page::from_probe(orders, size, |o| (o.created_at, o.id.clone()));
            let rows = showing::rows(conn, &page.rows, now)?;
            Ok(DispatchPage { rows, next_cursor: page.next_cursor })
        })
        .await
}

/// Read a dispatch
///
/// By its id or its number: every line's five numbers with who, when and why, its lorries, what
/// was signed for, and what happened.
#[utoipa::path(tag = "dispatches", operation_id = "get_dispatch",
    params(("id" = String, Path, description = "The dispatch's id or number")),
    responses((status = 200, description = "The dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.read"))))]
#[get("/dispatches/{id}")]
pub async fn get_dispatch(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadDispatches, move |conn, app, actor| {
            let order = records::find(conn, &id)?.ok_or_else(|| commands::not_found(&id))?;
            if !showing::is_visible(conn, actor, &order)? {
                return Err(commands::not_found(&id).into());
            }
            Ok(Versioned(showing::view(conn, &order, app.clock.now())?, order.version))
        })
        .await
}

/// Make a dispatch
///
/// A request (`requested`) where the receiver makes it, else a draft of the sender or the command
/// center. A spoken authority makes its paperwork due.
#[utoipa::path(tag = "dispatches", operation_id = "create_dispatch",
    request_body = DispatchRequest,
    responses((status = 201, description = "The dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.create"))))]
#[post("/dispatches")]
pub async fn create_dispatch(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::CreateDispatches, Ok::<DispatchRequest, _>, commands::create).await
}

/// Approve a dispatch
///
/// Grants it line by line and reserves its lots, first expired first; a cut needs a reason and
/// stays open as a request. Crossing a floor needs an authority and is recorded as a draw-down.
/// Nobody approves a document of their own making, except on a spoken authority with
/// `emergency_release`, within its limit.
#[utoipa::path(tag = "dispatches", operation_id = "approve_dispatch",
    request_body = ApproveRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The approved dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.approve"))))]
#[post("/dispatches/{id}/approve")]
pub async fn approve_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ApproveDispatches, Ok::<ApproveRequest, _>, move |tx, request| {
            commands::approve(tx, &dispatch_id(&id)?, request)
        })
        .await
}

/// Pick a dispatch
///
/// Sets aside the lots that are promised, or others, less, or a substitute, with a reason. May be
/// repeated for what has not been shipped.
#[utoipa::path(tag = "dispatches", operation_id = "pick_dispatch", request_body = PickRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The picked dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.ship"))))]
#[post("/dispatches/{id}/pick")]
pub async fn pick_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ShipDispatches, Ok::<PickRequest, _>, move |tx, request| {
            commands::pick(tx, &dispatch_id(&id)?, request)
        })
        .await
}

/// Ship a dispatch
///
/// Moves what is set aside to the transit account, wholly or a lorry at a time; with `last` the
/// rest is released. A lot that has expired or was recalled since it was promised is refused.
#[utoipa::path(tag = "dispatches", operation_id = "ship_dispatch", request_body = ShipRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The shipped dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.ship"))))]
#[post("/dispatches/{id}/ship")]
pub async fn ship_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ShipDispatches, Ok::<ShipRequest, _>, move |tx, request| {
            commands::ship(tx, &dispatch_id(&id)?, request)
        })
        .await
}

/// Sign for goods
///
/// Each piece ends as received, damaged, lost or returned; what is over or not on the papers is
/// taken up from a count difference. An empty body receives everything on the way.
#[utoipa::path(tag = "dispatches", operation_id = "receive_dispatch",
    request_body = ReceiptRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The dispatch with the receipt", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.receive"))))]
#[post("/dispatches/{id}/receipts")]
pub async fn receive_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ReceiveDispatches, Ok::<ReceiptRequest, _>, move |tx, request| {
            commands::receive(tx, &dispatch_id(&id)?, request)
        })
        .await
}

/// Reverse a receipt
///
/// Takes a whole signing back: its goods are on the way again.
#[utoipa::path(tag = "dispatches", operation_id = "reverse_dispatch_receipt",
    request_body = SigningReversalRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id"),
        ("receipt_id" = DispatchReceiptId, Path, description = "The receipt's id")),
    responses((status = 200, description = "The dispatch without the receipt",
        body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.receive"))))]
#[post("/dispatches/{id}/receipts/{receipt_id}/reversal")]
pub async fn reverse_dispatch_receipt(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (id, receipt) = path.into_inner();
    caller
        .command(
            Permission::ReceiveDispatches,
            Ok::<SigningReversalRequest, _>,
            move |tx, request| commands::reverse_receipt(tx, &dispatch_id(&id)?, &receipt, request),
        )
        .await
}

/// Redirect a dispatch
///
/// Sends it, and what of it is on the way, to another store.
#[utoipa::path(tag = "dispatches", operation_id = "redirect_dispatch",
    request_body = RedirectRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The redirected dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.redirect"))))]
#[post("/dispatches/{id}/redirect")]
pub async fn redirect_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::RedirectDispatches, Ok::<RedirectRequest, _>, move |tx, request| {
            commands::redirect(tx, &dispatch_id(&id)?, request)
        })
        .await
}

/// Close a dispatch
///
/// Only when nothing of it is on the way; what was never shipped is released.
#[utoipa::path(tag = "dispatches", operation_id = "close_dispatch", request_body = CloseRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The closed dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.close"))))]
#[post("/dispatches/{id}/close")]
pub async fn close_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::CloseDispatches, Ok::<CloseRequest, _>, move |tx, request| {
            commands::close(tx, &dispatch_id(&id)?, request)
        })
        .await
}

/// Cancel a dispatch
///
/// Before anything of it is shipped; releases what it was promised.
#[utoipa::path(tag = "dispatches", operation_id = "cancel_dispatch",
    request_body = CancelRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The cancelled dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.cancel"))))]
#[post("/dispatches/{id}/cancel")]
pub async fn cancel_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::CancelDispatches, Ok::<CancelRequest, _>, move |tx, request| {
            commands::cancel(tx, &dispatch_id(&id)?, request)
        })
        .await
}

/// Confirm what was done on a spoken authority
///
/// Says that the word was given. Nobody vouches for what they made or approved themselves.
#[utoipa::path(tag = "dispatches", operation_id = "confirm_dispatch",
    request_body = DecisionRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The confirmed dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("paperwork.confirm"))))]
#[post("/dispatches/{id}/confirm")]
pub async fn confirm_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ConfirmPaperwork, Ok::<DecisionRequest, _>, move |tx, request| {
            commands::vouch(tx, &dispatch_id(&id)?, &request.parse(true)?)
        })
        .await
}

/// Object to what was done on a spoken authority
///
/// Says that the word was not given, or not so; the note says why.
#[utoipa::path(tag = "dispatches", operation_id = "object_to_dispatch",
    request_body = DecisionRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 200, description = "The disputed dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("paperwork.confirm"))))]
#[post("/dispatches/{id}/object")]
pub async fn object_to_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ConfirmPaperwork, Ok::<DecisionRequest, _>, move |tx, request| {
            commands::vouch(tx, &dispatch_id(&id)?, &request.parse(false)?)
        })
        .await
}

/// Ask again for the open remainder
///
/// Makes a new dispatch for everything of this one that stayed open: cut, picked short, lost,
/// damaged or sent back.
#[utoipa::path(tag = "dispatches", operation_id = "follow_up_dispatch",
    request_body = FollowUpRequest,
    params(("id" = DispatchId, Path, description = "The dispatch's id")),
    responses((status = 201, description = "The new dispatch", body = DispatchView)),
    extensions(("x-permission" = json!("dispatches.create"))))]
#[post("/dispatches/{id}/follow-up")]
pub async fn follow_up_dispatch(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::CreateDispatches, Ok::<FollowUpRequest, _>, move |tx, request| {
            commands::follow_up(tx, &dispatch_id(&id)?, request)
        })
        .await
}

fn dispatch_id(text: &str) -> Result<DispatchId, Refusal> {
    DispatchId::try_from(text.to_owned()).map_err(|_shape| commands::not_found(text))
}

/// The operations on dispatches.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_dispatches)
        .service(get_dispatch)
        .service(create_dispatch)
        .service(approve_dispatch)
        .service(pick_dispatch)
        .service(ship_dispatch)
        .service(receive_dispatch)
        .service(reverse_dispatch_receipt)
        .service(redirect_dispatch)
        .service(close_dispatch)
        .service(cancel_dispatch)
        .service(confirm_dispatch)
        .service(object_to_dispatch)
        .service(follow_up_dispatch);
}
