//! Daily uses set by hand, over REST.

use crate::access::Permission;
use crate::consumption::commands::{self, not_found};
use crate::consumption::records::{self, DailyUseFilter};
use crate::consumption::requests::{DailyUseRequest, EndDailyUseRequest};
use crate::consumption::views::DailyUseView;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::DailyUseId;
use crate::kernel::page::Page;
use crate::kernel::{Faults, ItemCode, Refusal, StoreCode};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of daily uses set by hand, the newest first.
    DailyUsePage, DailyUseView
}

/// Set a daily use by hand
///
/// Says how much of an item a store uses in a day, for a reason and through a last day. Until then it
/// beats the average of the ledger everywhere, with the method `manual`; questions about the past use
/// what was in force then, as known then. It takes the place of the one that stood there.
#[utoipa::path(tag = "reports", operation_id = "set_daily_use", request_body = DailyUseRequest,
    responses((status = 201, description = "The daily use", body = DailyUseView)),
    extensions(("x-permission" = json!("daily_use.set"))))]
#[post("/daily-uses")]
pub async fn set_daily_use(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::SetDailyUse, Ok::<DailyUseRequest, _>, commands::set).await
}

/// Which daily uses to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DailyUseQuery {
    /// At this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// Only those that hold today.
    #[serde(default)]
    in_force: bool,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List daily uses set by hand
///
/// Those of stores in scope, ended and expired ones too, the newest first.
#[utoipa::path(tag = "reports", operation_id = "list_daily_uses", params(DailyUseQuery),
    responses((status = 200, description = "A page of daily uses", body = DailyUsePage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/daily-uses")]
pub async fn list_daily_uses(
    caller: Caller,
    Filters(query): Filters<DailyUseQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let (store, item) = (query.store.as_deref(), query.item.as_deref());
    let app = caller.app();
    let today = app.settings.zone.day_of(app.clock.now());
    let filter = DailyUseFilter {
        store: store.and_then(|code| faults.keep("/store", StoreCode::new(code))),
        item: item.and_then(|code| faults.keep("/item", ItemCode::new(code))),
        holding_on: query.in_force.then_some(today),
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let rows = records::list(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.recorded_at, row.id.clone()));
            Ok(DailyUsePage::from(page.map(|row| DailyUseView::from(&row))))
        })
        .await
}

/// Read a daily use set by hand
///
/// By its id.
#[utoipa::path(tag = "reports", operation_id = "get_daily_use",
    params(("id" = DailyUseId, Path, description = "The daily use's id")),
    responses((status = 200, description = "The daily use", body = DailyUseView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/daily-uses/{id}")]
pub async fn get_daily_use(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStock, move |conn, _, actor| {
            let found = records::find(conn, &actor.scope, &id_of(&id)?)?;
            let found = found.ok_or_else(|| not_found(&id))?;
            Ok(Versioned(DailyUseView::from(&found), found.version))
        })
        .await
}

/// End a daily use set by hand
///
/// Before its last day: what the ledger shows counts again.
#[utoipa::path(tag = "reports", operation_id = "end_daily_use", request_body = EndDailyUseRequest,
    params(("id" = DailyUseId, Path, description = "The daily use's id")),
    responses((status = 200, description = "The ended daily use", body = DailyUseView)),
    extensions(("x-permission" = json!("daily_use.set"))))]
#[post("/daily-uses/{id}/end")]
pub async fn end_daily_use(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::SetDailyUse, Ok::<EndDailyUseRequest, _>, move |tx, request| {
            commands::end(tx, &id_of(&id)?, request)
        })
        .await
}

/// Reads an id of a path; what is no id names nothing.
fn id_of(text: &str) -> Result<DailyUseId, Refusal> {
    DailyUseId::try_from(text.to_owned()).map_err(|_shape| not_found(text))
}

/// The operations on daily uses.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(set_daily_use)
        .service(list_daily_uses)
        .service(get_daily_use)
        .service(end_daily_use);
}
