//! Movements over REST.

use crate::access::Permission;
use crate::http::{ApiError, Caller, Filters, page_after};
use crate::kernel::id::{LotId, MovementId};
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, Refusal};
use crate::stock::api::{instant_filter, item_filter, store_filter, word_filter};
use crate::stock::commands;
use crate::stock::movement::MovementKind;
use crate::stock::queries::{self, MovementFilter};
use crate::stock::requests::ReversalRequest;
use crate::stock::views::{MovementView, ReversalView};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of movements, in the order in which they were recorded.
    MovementPage, MovementView
}

/// Which movements to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MovementQuery {
    /// In the chain of this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// Of this lot.
    lot: Option<String>,
    /// Of this kind.
    kind: Option<String>,
    /// Behind the document of this id.
    document: Option<String>,
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

/// List movements
///
/// The ledger of stores in scope, in the order in which it was recorded.
#[utoipa::path(tag = "stock", operation_id = "list_movements", params(MovementQuery),
    responses((status = 200, description = "A page of movements", body = MovementPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/movements")]
pub async fn list_movements(
    caller: Caller,
    Filters(query): Filters<MovementQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = MovementFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        item: item_filter(query.item.as_deref(), &mut faults),
        lot: query.lot.and_then(|id| {
            faults.keep("/lot", LotId::try_from(id).map_err(|_shape| FaultCode::InvalidFormat))
        }),
        kind: word_filter("/kind", query.kind.as_deref(), MovementKind::from_word, &mut faults),
        document_id: query.document,
        from: instant_filter("/from", query.from.as_deref(), &mut faults),
        to: instant_filter("/to", query.to.as_deref(), &mut faults),
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let rows = queries::movements(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.recorded_at, row.id.clone()));
            let ids: Vec<MovementId> = page.rows.iter().map(|row| row.id.clone()).collect();
            let mut reversals = queries::reversals_of(conn, &ids)?;
            Ok(MovementPage::from(page.map(|movement| {
                let taken_back = reversals.remove(&movement.id).unwrap_or_default();
                MovementView::new(movement, taken_back)
            })))
        })
        .await
}

/// Reverse a movement
///
/// Takes a movement back, wholly or in part (红冲). What is taken back can never exceed what was
/// posted; movements of a dispatch are reversed through the dispatch.
#[utoipa::path(tag = "stock", operation_id = "reverse_movement", request_body = ReversalRequest,
    params(("id" = MovementId, Path, description = "The movement's id")),
    responses((status = 201, description = "The movement that took it back", body = ReversalView)),
    extensions(("x-permission" = json!("reversals.post"))))]
#[post("/movements/{id}/reversals")]
pub async fn reverse_movement(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::PostReversals, Ok::<ReversalRequest, _>, move |tx, request| {
            let id = MovementId::try_from(id.clone())
                .map_err(|_shape| Refusal::not_found("流水", "movement", &id))?;
            commands::reverse_movement(tx, &id, request)
        })
        .await
}

/// The operations on movements.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_movements).service(reverse_movement);
}
