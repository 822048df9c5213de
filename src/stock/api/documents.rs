//! Receipts, write-offs, adjustments and changes of state over REST.

use crate::access::{Actor, Permission};
use crate::command::CommandError;
use crate::db::DbConnection;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::{MovementId, StockDocumentId};
use crate::kernel::page::Page;
use crate::kernel::{Code, Faults, Refusal};
use crate::stock::api::{instant_filter, store_filter, word_filter};
use crate::stock::commands;
use crate::stock::commands::SettledView;
use crate::stock::document::{DocumentKind, DocumentStatus, StockDocument};
use crate::stock::queries::{self, DocumentFilter};
use crate::stock::requests::{
    AdjustmentRequest, CostRequest, DecisionRequest, ReceiptRequest, ReversalRequest,
    StateChangeRequest, WriteOffRequest,
};
use crate::stock::views::{
    CorrectionDetail, CorrectionView, DocumentHead, MovementView, ReceiptDetail, ReceiptView,
    ReversalView,
};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of stock documents without their lines, newest first.
    DocumentPage, DocumentHead
}

/// Which documents to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DocumentQuery {
    /// Of this store.
    store: Option<String>,
    /// `draft`, `posted` or `cancelled`.
    status: Option<String>,
    /// With this number.
    number: Option<String>,
    /// That happened at or after this instant.
    from: Option<String>,
    /// That happened before this instant.
    to: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Answers a page of documents of a kind.
///
/// # Errors
/// Faults of the query; `forbidden`; failures of the database.
pub async fn list(
    caller: Caller,
    kind: DocumentKind,
    query: DocumentQuery,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = DocumentFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        status: word_filter(
            "/status",
            query.status.as_deref(),
            DocumentStatus::from_word,
            &mut faults,
        ),
        number: query.number,
        from: instant_filter("/from", query.from.as_deref(), &mut faults),
        to: instant_filter("/to", query.to.as_deref(), &mut faults),
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let rows = queries::documents(conn, &actor.scope, kind, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.recorded_at, row.id.clone()));
            Ok(DocumentPage::from(page.map(|document| DocumentHead::from(&document))))
        })
        .await
}

/// A document of a kind by its id or number, with what it says and its movements.
///
/// # Errors
/// `not_found` outside the caller's scope; failures of the database.
pub fn found<D: DeserializeOwned>(
    conn: &mut DbConnection,
    actor: &Actor,
    kind: DocumentKind,
    id_or_number: &str,
) -> Result<(StockDocument, D, Vec<MovementView>), CommandError> {
    let (zh, en) = kind.names();
    let document = queries::document(conn, &actor.scope, kind, id_or_number)?
        .ok_or_else(|| Refusal::not_found(zh, en, id_or_number))?;
    let detail = serde_json::from_str(&document.detail)
        .map_err(|_damaged| Refusal::plain(Code::Internal))?;
    let movements = queries::movements_of(conn, kind.as_str(), document.id.as_str())?;
    let ids: Vec<MovementId> = movements.iter().map(|movement| movement.id.clone()).collect();
    let mut reversals = queries::reversals_of(conn, &ids)?;
    let views = movements
        .into_iter()
        .map(|movement| {
            let taken_back = reversals.remove(&movement.id).unwrap_or_default();
            MovementView::new(movement, taken_back)
        })
        .collect();
    Ok((document, detail, views))
}

async fn read_correction(
    caller: Caller,
    kind: DocumentKind,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStock, move |conn, _, actor| {
            let (document, detail, movements) = found::<CorrectionDetail>(conn, actor, kind, &id)?;
            let head = DocumentHead::from(&document);
            Ok(Versioned(CorrectionView { head, detail, movements }, document.version))
        })
        .await
}

/// Answers the reversal of a document of a kind.
///
/// # Errors
/// Those of [`commands::reverse_document`].
pub async fn reverse(
    caller: Caller,
    kind: DocumentKind,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::PostReversals, Ok::<ReversalRequest, _>, move |tx, request| {
            commands::reverse_document(tx, kind, &document_id(kind, &id)?, request)
        })
        .await
}

/// Reads a document's id of a path; what is no id names no document.
fn document_id(kind: DocumentKind, text: &str) -> Result<StockDocumentId, Refusal> {
    let (zh, en) = kind.names();
    StockDocumentId::try_from(text.to_owned()).map_err(|_shape| Refusal::not_found(zh, en, text))
}

/// Post a receipt
///
/// Takes stock into a store (入库). Quantities come in base units or in packs and loose pieces. A
/// lot whose expiry nobody knows waits in `pending_inspection`; a label without a lot number gets
/// a house number. `lot_conflict` tells what the book holds of a lot number.
#[utoipa::path(tag = "stock", operation_id = "post_receipt", request_body = ReceiptRequest,
    responses((status = 201, description = "The receipt with its lots and movements", body = ReceiptView)),
    extensions(("x-permission" = json!("receipts.post"))))]
#[post("/receipts")]
pub async fn post_receipt(caller: Caller) -> Result<HttpResponse, ApiError> {
    let parse = Ok::<ReceiptRequest, _>;
    caller.together().command(Permission::PostReceipts, parse, commands::post_receipt).await
}

/// List receipts
///
/// Receipts of stores in scope, newest first.
#[utoipa::path(tag = "stock", operation_id = "list_receipts", params(DocumentQuery),
    responses((status = 200, description = "A page of receipts", body = DocumentPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/receipts")]
pub async fn list_receipts(
    caller: Caller,
    Filters(query): Filters<DocumentQuery>,
) -> Result<HttpResponse, ApiError> {
    list(caller, DocumentKind::Receipt, query).await
}

/// Read a receipt
///
/// By its id or its number, with its movements and their reversals.
#[utoipa::path(tag = "stock", operation_id = "get_receipt",
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The receipt", body = ReceiptView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/receipts/{id}")]
pub async fn get_receipt(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStock, move |conn, _, actor| {
            let kind = DocumentKind::Receipt;
            let (document, detail, movements) = found::<ReceiptDetail>(conn, actor, kind, &id)?;
            let head = DocumentHead::from(&document);
            Ok(Versioned(ReceiptView { head, detail, movements }, document.version))
        })
        .await
}

/// Settle an estimated cost
///
/// Gives lots that came with an estimate their cost.
#[utoipa::path(tag = "stock", operation_id = "settle_receipt_cost", request_body = CostRequest,
    params(("id" = StockDocumentId, Path, description = "The receipt's id")),
    responses((status = 200, description = "The lots with their cost", body = SettledView)),
    extensions(("x-permission" = json!("receipts.post"))))]
#[post("/receipts/{id}/cost")]
pub async fn settle_receipt_cost(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::PostReceipts, Ok::<CostRequest, _>, move |tx, request| {
            commands::settle_cost(tx, &document_id(DocumentKind::Receipt, &id)?, request)
        })
        .await
}

/// Reverse a receipt
///
/// Takes back every line as far as it has not been (红冲); refused when what came has gone on.
#[utoipa::path(tag = "stock", operation_id = "reverse_receipt", request_body = ReversalRequest,
    params(("id" = StockDocumentId, Path, description = "The receipt's id")),
    responses((status = 201, description = "The movements that took it back", body = ReversalView)),
    extensions(("x-permission" = json!("reversals.post"))))]
#[post("/receipts/{id}/reversal")]
pub async fn reverse_receipt(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    reverse(caller, DocumentKind::Receipt, id).await
}

/// Post a write-off
///
/// Writes stock off (报损报废), blocked stock too. A small one is posted at once; a larger one
/// waits as a draft for someone else's approval.
#[utoipa::path(tag = "stock", operation_id = "post_write_off", request_body = WriteOffRequest,
    responses((status = 201, description = "The write-off, posted or drafted", body = CorrectionView)),
    extensions(("x-permission" = json!("write_offs.post"))))]
#[post("/write-offs")]
pub async fn post_write_off(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::PostWriteOffs, Ok::<WriteOffRequest, _>, commands::post_write_off)
        .await
}

/// List write-offs
///
/// Write-offs of stores in scope, newest first.
#[utoipa::path(tag = "stock", operation_id = "list_write_offs", params(DocumentQuery),
    responses((status = 200, description = "A page of write-offs", body = DocumentPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/write-offs")]
pub async fn list_write_offs(
    caller: Caller,
    Filters(query): Filters<DocumentQuery>,
) -> Result<HttpResponse, ApiError> {
    list(caller, DocumentKind::WriteOff, query).await
}

/// Read a write-off
///
/// By its id or its number.
#[utoipa::path(tag = "stock", operation_id = "get_write_off",
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The write-off", body = CorrectionView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/write-offs/{id}")]
pub async fn get_write_off(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    read_correction(caller, DocumentKind::WriteOff, id).await
}

/// Approve a write-off
///
/// Posts a drafted write-off at the time of the approval. Nobody approves their own.
#[utoipa::path(tag = "stock", operation_id = "approve_write_off", request_body = DecisionRequest,
    params(("id" = StockDocumentId, Path, description = "The write-off's id")),
    responses((status = 200, description = "The posted write-off", body = CorrectionView)),
    extensions(("x-permission" = json!("write_offs.approve"))))]
#[post("/write-offs/{id}/approve")]
pub async fn approve_write_off(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ApproveWriteOffs, Ok::<DecisionRequest, _>, move |tx, request| {
            commands::approve_write_off(tx, &document_id(DocumentKind::WriteOff, &id)?, request)
        })
        .await
}

/// Give a write-off up
///
/// Cancels a drafted write-off, which has moved nothing.
#[utoipa::path(tag = "stock", operation_id = "cancel_write_off", request_body = DecisionRequest,
    params(("id" = StockDocumentId, Path, description = "The write-off's id")),
    responses((status = 200, description = "The cancelled write-off", body = CorrectionView)),
    extensions(("x-permission" = json!("write_offs.approve"))))]
#[post("/write-offs/{id}/cancel")]
pub async fn cancel_write_off(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ApproveWriteOffs, Ok::<DecisionRequest, _>, move |tx, request| {
            commands::cancel_write_off(tx, &document_id(DocumentKind::WriteOff, &id)?, request)
        })
        .await
}

/// Reverse a write-off
///
/// Brings written-off stock back, as far as it has not been.
#[utoipa::path(tag = "stock", operation_id = "reverse_write_off", request_body = ReversalRequest,
    params(("id" = StockDocumentId, Path, description = "The write-off's id")),
    responses((status = 201, description = "The movements that took it back", body = ReversalView)),
    extensions(("x-permission" = json!("reversals.post"))))]
#[post("/write-offs/{id}/reversal")]
pub async fn reverse_write_off(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    reverse(caller, DocumentKind::WriteOff, id).await
}

/// Post an adjustment
///
/// Corrects the book to what is there (更正): more or fewer base units of lots, with reasons.
#[utoipa::path(tag = "stock", operation_id = "post_adjustment", request_body = AdjustmentRequest,
    responses((status = 201, description = "The adjustment", body = CorrectionView)),
    extensions(("x-permission" = json!("adjustments.post"))))]
#[post("/adjustments")]
pub async fn post_adjustment(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::PostAdjustments, Ok::<AdjustmentRequest, _>, commands::post_adjustment)
        .await
}

/// List adjustments
///
/// Adjustments of stores in scope, newest first.
#[utoipa::path(tag = "stock", operation_id = "list_adjustments", params(DocumentQuery),
    responses((status = 200, description = "A page of adjustments", body = DocumentPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/adjustments")]
pub async fn list_adjustments(
    caller: Caller,
    Filters(query): Filters<DocumentQuery>,
) -> Result<HttpResponse, ApiError> {
    list(caller, DocumentKind::Adjustment, query).await
}

/// Read an adjustment
///
/// By its id or its number.
#[utoipa::path(tag = "stock", operation_id = "get_adjustment",
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The adjustment", body = CorrectionView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/adjustments/{id}")]
pub async fn get_adjustment(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    read_correction(caller, DocumentKind::Adjustment, id).await
}

/// Reverse an adjustment
///
/// Takes it back, as far as it has not been.
#[utoipa::path(tag = "stock", operation_id = "reverse_adjustment", request_body = ReversalRequest,
    params(("id" = StockDocumentId, Path, description = "The adjustment's id")),
    responses((status = 201, description = "The movements that took it back", body = ReversalView)),
    extensions(("x-permission" = json!("reversals.post"))))]
#[post("/adjustments/{id}/reversal")]
pub async fn reverse_adjustment(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    reverse(caller, DocumentKind::Adjustment, id).await
}

/// Change the state of stock
///
/// Holds, releases, sets apart or passes stock (冻结/解冻/隔离). Promised stock cannot be moved.
#[utoipa::path(tag = "stock", operation_id = "post_state_change", request_body = StateChangeRequest,
    responses((status = 201, description = "The change of state", body = CorrectionView)),
    extensions(("x-permission" = json!("state_changes.post"))))]
#[post("/state-changes")]
pub async fn post_state_change(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::PostStateChanges, Ok::<StateChangeRequest, _>, commands::change_state)
        .await
}

/// List changes of state
///
/// Changes of state in stores in scope, newest first.
#[utoipa::path(tag = "stock", operation_id = "list_state_changes", params(DocumentQuery),
    responses((status = 200, description = "A page of changes", body = DocumentPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/state-changes")]
pub async fn list_state_changes(
    caller: Caller,
    Filters(query): Filters<DocumentQuery>,
) -> Result<HttpResponse, ApiError> {
    list(caller, DocumentKind::StateChange, query).await
}

/// Read a change of state
///
/// By its id or its number.
#[utoipa::path(tag = "stock", operation_id = "get_state_change",
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The change", body = CorrectionView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/state-changes/{id}")]
pub async fn get_state_change(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    read_correction(caller, DocumentKind::StateChange, id).await
}

/// Reverse a change of state
///
/// Moves the stock back, as far as it has not been.
#[utoipa::path(tag = "stock", operation_id = "reverse_state_change", request_body = ReversalRequest,
    params(("id" = StockDocumentId, Path, description = "The change's id")),
    responses((status = 201, description = "The movements that took it back", body = ReversalView)),
    extensions(("x-permission" = json!("reversals.post"))))]
#[post("/state-changes/{id}/reversal")]
pub async fn reverse_state_change(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    reverse(caller, DocumentKind::StateChange, id).await
}

/// The operations on stock documents.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(post_receipt)
        .service(list_receipts)
        .service(get_receipt)
        .service(settle_receipt_cost)
        .service(reverse_receipt)
        .service(post_write_off)
        .service(list_write_offs)
        .service(get_write_off)
        .service(approve_write_off)
        .service(cancel_write_off)
        .service(reverse_write_off)
        .service(post_adjustment)
        .service(list_adjustments)
        .service(get_adjustment)
        .service(reverse_adjustment)
        .service(post_state_change)
        .service(list_state_changes)
        .service(get_state_change)
        .service(reverse_state_change);
}
