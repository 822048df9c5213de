//! The REST face of draw-downs.

use crate::access::Permission;
use crate::draw_down::requests::CloseRequest;
use crate::draw_down::rules::DrawDownStatus;
use crate::draw_down::views::DrawDownView;
use crate::draw_down::{commands, records};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::DrawDownId;
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, ItemCode, Refusal, StoreCode};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of draw-downs, those to be replenished first in front.
    DrawDownPage, DrawDownView
}

/// Which draw-downs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DrawDownQuery {
    /// From this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// `open`, `released`, `replenished` or `closed`.
    status: Option<String>,
    /// Only open ones whose day to replenish has passed.
    overdue: Option<bool>,
    /// Taken by the document of this id.
    document: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List draw-downs
///
/// Stock that was taken from below its floor, with the day by which it is to be replenished.
#[utoipa::path(tag = "dispatches", operation_id = "list_draw_downs", params(DrawDownQuery),
    responses((status = 200, description = "A page of draw-downs", body = DrawDownPage)),
    extensions(("x-permission" = json!("paperwork.read"))))]
#[get("/draw-downs")]
pub async fn list_draw_downs(
    caller: Caller,
    Filters(query): Filters<DrawDownQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = filter_of(&query, &mut faults);
    faults.check()?;
    let overdue = query.overdue == Some(true);
    caller
        .read(Permission::ReadPaperwork, move |conn, app, actor| {
            let today = app.settings.zone.day_of(app.clock.now());
            let mut filter = filter;
            if overdue {
                filter.status = Some(DrawDownStatus::Open);
                filter.replenish_before = Some(today);
            }
            let taken = records::list(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(taken, size, |one| (one.replenish_by, one.id.clone()));
            Ok(DrawDownPage::from(page.map(|one| DrawDownView::of(&one, today))))
        })
        .await
}

fn filter_of(query: &DrawDownQuery, faults: &mut Faults) -> records::Filter {
    let store = query.store.as_deref().and_then(|s| faults.keep("/store", StoreCode::new(s)));
    let item = query.item.as_deref().and_then(|i| faults.keep("/item", ItemCode::new(i)));
    let status = query.status.as_deref().and_then(|word| {
        faults.keep("/status", DrawDownStatus::from_word(word).ok_or(FaultCode::NotInList))
    });
    let document_id = query.document.clone();
    records::Filter { store, item, status, replenish_before: None, document_id }
}

/// Read a draw-down
///
/// What was taken, from below which floor, on whose word, and whether it has been made good.
#[utoipa::path(tag = "dispatches", operation_id = "get_draw_down",
    params(("id" = DrawDownId, Path, description = "The draw-down's id")),
    responses((status = 200, description = "The draw-down", body = DrawDownView)),
    extensions(("x-permission" = json!("paperwork.read"))))]
#[get("/draw-downs/{id}")]
pub async fn get_draw_down(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadPaperwork, move |conn, app, actor| {
            let taken = records::find(conn, &draw_down_id(&id)?)?
                .filter(|taken| actor.scope.contains(&taken.store_code))
                .ok_or_else(|| commands::not_found(&id))?;
            let today = app.settings.zone.day_of(app.clock.now());
            Ok(Versioned(DrawDownView::of(&taken, today), taken.version))
        })
        .await
}

/// Close a draw-down
///
/// As replenished where the stock is at its floor again, else with a note that says why.
#[utoipa::path(tag = "dispatches", operation_id = "close_draw_down", request_body = CloseRequest,
    params(("id" = DrawDownId, Path, description = "The draw-down's id")),
    responses((status = 200, description = "The closed draw-down", body = DrawDownView)),
    extensions(("x-permission" = json!("paperwork.confirm"))))]
#[post("/draw-downs/{id}/close")]
pub async fn close_draw_down(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ConfirmPaperwork, Ok::<CloseRequest, _>, move |tx, request| {
            commands::close(tx, &draw_down_id(&id)?, request)
        })
        .await
}

fn draw_down_id(text: &str) -> Result<DrawDownId, Refusal> {
    DrawDownId::try_from(text.to_owned()).map_err(|_shape| commands::not_found(text))
}

/// The operations on draw-downs.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_draw_downs).service(get_draw_down).service(close_draw_down);
}
