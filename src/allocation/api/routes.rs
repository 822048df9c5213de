//! The REST face of the table of routes.

use crate::access::Permission;
use crate::allocation::commands::routes as commands;
use crate::allocation::records;
use crate::allocation::requests::routes::RoutesRequest;
use crate::allocation::views::{RouteTableView, RouteView};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::page::Page;
use crate::kernel::{Faults, StoreCode};
use actix_web::{HttpResponse, get, put};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of routes, by sender and receiver.
    RoutePage, RouteView
}

/// Which routes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RouteQuery {
    /// From this store.
    from: Option<String>,
    /// To this store.
    to: Option<String>,
    /// `true`: closed ones alone; `false`: open ones alone.
    closed: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List routes
///
/// What is known of the roads from and to stores in scope. The `ETag` is that of the whole table.
#[utoipa::path(tag = "allocations", operation_id = "list_routes", params(RouteQuery),
    responses((status = 200, description = "A page of routes", body = RoutePage)),
    extensions(("x-permission" = json!("allocations.read"))))]
#[get("/routes")]
pub async fn list_routes(
    caller: Caller,
    Filters(query): Filters<RouteQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let mut store = |pointer: &str, value: &Option<String>| {
        value.as_deref().and_then(|code| faults.keep(pointer, StoreCode::new(code)))
    };
    let (from, to) = (store("/from", &query.from), store("/to", &query.to));
    let filter = records::RouteFilter { from, to, closed: query.closed };
    faults.check()?;
    caller
        .read_versioned(Permission::ReadAllocations, move |conn, _app, actor| {
            let found = records::list_routes(conn, &actor.scope, &filter, after, size.probe())?;
            let page = Page::from_probe(found, size, |one| (one.from.clone(), one.to.clone()));
            let version = records::routes_version(conn)?;
            Ok(Versioned(RoutePage::from(page.map(RouteView::from)), version))
        })
        .await
}

/// Put the table of routes
///
/// Takes the place of all routes between stores of the caller's region; the ways there and back are
/// rows of their own. Cold goods go only over cold-chain routes, and nothing goes over a closed
/// one; where nothing is recorded, the distance between coordinates counts.
#[utoipa::path(tag = "allocations", operation_id = "put_routes",
    request_body(content = RoutesRequest, example = json!({"routes": [
        {"from_store": "QN-DEPOT", "to_store": "QN-PH", "distance_m": 2_300, "cold_chain": true},
        {"from_store": "QN-DEPOT", "to_store": "QN-T01", "distance_m": 31_400,
         "travel_minutes": 55, "closed": true, "reason": "山体滑坡"}]})),
    responses((status = 200, description = "What stands there now", body = RouteTableView)),
    extensions(("x-permission" = json!("routes.write"))))]
#[put("/routes")]
pub async fn put_routes(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::WriteRoutes, Ok::<RoutesRequest, _>, commands::put).await
}

/// The operations on routes.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_routes).service(put_routes);
}
