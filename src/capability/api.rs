//! The REST face of capabilities.

use crate::access::Permission;
use crate::capability::commands::{self, not_found};
use crate::capability::requests::{CapabilityPatch, CapabilityRequest};
use crate::capability::views::{CapabilityFigure, CapabilityView};
use crate::capability::{queries, records};
use crate::http::{ApiError, Caller, Filters, Problem, Versioned, page_after};
use crate::kernel::page::Page;
use crate::kernel::{CapabilityCode, Faults, Refusal, RegionCode, StoreCode};
use crate::shortfall::queries::Question;
use actix_web::{HttpResponse, get, patch, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of capabilities, in the order of their codes.
    CapabilityPage, CapabilityView
}

/// Which capabilities to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CapabilityQuery {
    /// Active ones only, or the others.
    active: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List capabilities
///
/// Pages through what the county may ask itself: how many tests, swabs, shifts it can do. Each says
/// which parts it takes and how far a base unit of each part goes.
#[utoipa::path(tag = "planning", operation_id = "list_capabilities", params(CapabilityQuery),
    responses((status = 200, description = "A page of capabilities", body = CapabilityPage)),
    extensions(("x-permission" = json!("items.read"))))]
#[get("/capabilities")]
pub async fn list_capabilities(
    caller: Caller,
    Filters(query): Filters<CapabilityQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadItems, move |conn, _, _| {
            let found = records::list(conn, query.active, after, size)?;
            let page = Page::from_probe(found, size, |one| one.code.clone());
            Ok(CapabilityPage::from(page.map(|one| CapabilityView::from(&one))))
        })
        .await
}

/// Read a capability
///
/// The capability of a code, with its parts.
#[utoipa::path(tag = "planning", operation_id = "get_capability",
    params(("code" = CapabilityCode, Path, description = "The capability's code")),
    responses((status = 200, description = "The capability", body = CapabilityView)),
    extensions(("x-permission" = json!("items.read"))))]
#[get("/capabilities/{code}")]
pub async fn get_capability(
    caller: Caller,
    code: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadItems, move |conn, _, _| {
            let code = capability_code(&code)?;
            let found = records::find(conn, &code)?.ok_or_else(|| not_found(code.as_str()))?;
            Ok(Versioned(CapabilityView::from(&found), found.version))
        })
        .await
}

/// Create a capability
///
/// Says which parts it takes to do something once. The items of a part stand in for one another, and
/// `uses` base units of them serve `serves` times: a tube for ten pooled samples uses 1 and serves 10.
#[utoipa::path(tag = "planning", operation_id = "create_capability",
    request_body = CapabilityRequest,
    responses((status = 201, description = "The capability", body = CapabilityView)),
    extensions(("x-permission" = json!("capabilities.write"))))]
#[post("/capabilities")]
pub async fn create_capability(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WriteCapabilities, Ok::<CapabilityRequest, _>, commands::create)
        .await
}

/// Change a capability
///
/// Absent fields stay as they are; `components` takes the place of all parts there are.
#[utoipa::path(tag = "planning", operation_id = "change_capability",
    request_body = CapabilityPatch,
    params(("code" = CapabilityCode, Path, description = "The capability's code")),
    responses((status = 200, description = "The changed capability", body = CapabilityView)),
    extensions(("x-permission" = json!("capabilities.write"))))]
#[patch("/capabilities/{code}")]
pub async fn change_capability(
    caller: Caller,
    code: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WriteCapabilities, Ok::<CapabilityPatch, _>, move |tx, patch| {
            commands::change(tx, &capability_code(&code)?, patch)
        })
        .await
}

/// Which stores to count.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FigureQuery {
    /// This store.
    #[param(example = "QN-CDC")]
    store: Option<String>,
    /// Stores in this region.
    #[param(example = "360729")]
    region: Option<String>,
    /// Stores of this kind.
    kind: Option<String>,
    /// Stores of a page: 50 unless said, 1000 at most. The figures together are of all stores.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Say how often it can be done
///
/// How often the stores in the caller's scope can do it with what they hold, each alone and all
/// together, and which part binds. Only stock that may be used and is promised to nobody counts.
#[utoipa::path(tag = "planning", operation_id = "get_capability_figure",
    params(("code" = CapabilityCode, Path, description = "The capability's code"), FigureQuery),
    responses((status = 200, description = "How often", body = CapabilityFigure),
        (status = 404, description = "No such capability", body = Problem,
            content_type = "application/problem+json")),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/capabilities/{code}/figure")]
pub async fn get_capability_figure(
    caller: Caller,
    code: web::Path<String>,
    Filters(query): Filters<FigureQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<StoreCode>(query.limit, query.cursor.as_deref(), &mut faults);
    let question = Question {
        store: query.store.and_then(|text| faults.keep("/store", StoreCode::new(&text))),
        region: query.region.and_then(|text| faults.keep("/region", RegionCode::new(&text))),
        kind: query.kind,
        ..Question::default()
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, app, actor| {
            let code = capability_code(&code)?;
            let of = records::find(conn, &code)?.ok_or_else(|| not_found(code.as_str()))?;
            let question = Question { scope: actor.scope.stores(), ..question };
            let answer = queries::figure(conn, &of, &question, &app.settings, app.clock.now())?;
            let rest = answer.stores.iter().filter(|row| after.as_ref() < Some(&row.store));
            let page = Page::from_probe(rest.cloned().collect(), size, |row| row.store.clone());
            Ok(CapabilityFigure::new(&of, &answer, &page.rows, page.next_cursor))
        })
        .await
}

/// Reads a code of a path; what is no code names no capability.
fn capability_code(text: &str) -> Result<CapabilityCode, Refusal> {
    CapabilityCode::new(text).map_err(|_shape| not_found(text))
}

/// The operations on capabilities.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_capabilities)
        .service(create_capability)
        .service(get_capability_figure)
        .service(get_capability)
        .service(change_capability);
}
