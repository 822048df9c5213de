//! Issues over REST.

use crate::access::Permission;
use crate::draw_down::records::of_document;
use crate::draw_down::views::DrawDownView;
use crate::http::{ApiError, Caller, Filters, Versioned};
use crate::issue::commands;
use crate::issue::requests::IssueRequest;
use crate::issue::views::{IssueDetail, IssueView};
use crate::kernel::id::StockDocumentId;
use crate::stock::api::documents::{DocumentPage, DocumentQuery, found, list, reverse};
use crate::stock::document::DocumentKind;
use crate::stock::requests::ReversalRequest;
use crate::stock::views::{DocumentHead, ReversalView};
use actix_web::{HttpResponse, get, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

/// Post an issue
///
/// Takes stock out of a store (出库), first expired first unless a lot is named, and names the lots
/// passed over with the reason. Taking stock below its floor needs an `authority` and is recorded
/// as a draw-down; so does a large issue. On a spoken authority the paperwork becomes due.
#[utoipa::path(tag = "stock", operation_id = "post_issue", request_body = IssueRequest,
    responses((status = 201, description = "The issue with its lots and movements", body = IssueView)),
    extensions(("x-permission" = json!("issues.post"))))]
#[post("/issues")]
pub async fn post_issue(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::PostIssues, Ok::<IssueRequest, _>, commands::post_issue).await
}

/// List issues
///
/// Issues of stores in scope, newest first.
#[utoipa::path(tag = "stock", operation_id = "list_issues", params(DocumentQuery),
    responses((status = 200, description = "A page of issues", body = DocumentPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/issues")]
pub async fn list_issues(
    caller: Caller,
    Filters(query): Filters<DocumentQuery>,
) -> Result<HttpResponse, ApiError> {
    list(caller, DocumentKind::Issue, query).await
}

/// Read an issue
///
/// By its id or its number, with its draw-downs, its movements and their reversals.
#[utoipa::path(tag = "stock", operation_id = "get_issue",
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The issue", body = IssueView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/issues/{id}")]
pub async fn get_issue(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStock, move |conn, app, actor| {
            let kind = DocumentKind::Issue;
            let (document, detail, movements) = found::<IssueDetail>(conn, actor, kind, &id)?;
            let today = app.settings.zone.day_of(app.clock.now());
            let taken = of_document(conn, kind.as_str(), document.id.as_str())?;
            let draw_downs = taken.iter().map(|taken| DrawDownView::of(taken, today)).collect();
            let head = DocumentHead::from(&document);
            Ok(Versioned(IssueView { head, detail, draw_downs, movements }, document.version))
        })
        .await
}

/// Reverse an issue
///
/// Brings issued stock back, as far as it has not been (红冲).
#[utoipa::path(tag = "stock", operation_id = "reverse_issue", request_body = ReversalRequest,
    params(("id" = StockDocumentId, Path, description = "The issue's id")),
    responses((status = 201, description = "The movements that took it back", body = ReversalView)),
    extensions(("x-permission" = json!("reversals.post"))))]
#[post("/issues/{id}/reversal")]
pub async fn reverse_issue(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    reverse(caller, DocumentKind::Issue, id).await
}

/// The operations on issues.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(post_issue).service(list_issues).service(get_issue).service(reverse_issue);
}
