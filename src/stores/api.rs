//! The REST face of regions, kinds of store and stores.

use crate::access::Permission;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::page::Page;
use crate::kernel::{Faults, Refusal, RegionCode, StoreCode};
use crate::stores::requests::{RegionRequest, StoreKindRequest, StorePatch, StoreRequest};
use crate::stores::views::{RegionView, StoreKindView, StoreView};
use crate::stores::{commands, records};
use actix_web::{HttpResponse, get, patch, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of regions, in the order of their codes.
    RegionPage, RegionView
}
page_of! {
    /// A page of kinds of store, in the order of their codes.
    StoreKindPage, StoreKindView
}
page_of! {
    /// A page of stores, in the order of their codes.
    StorePage, StoreView
}

/// Which regions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RegionQuery {
    /// Directly below this region.
    parent: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List regions
///
/// Pages through the divisions that the service knows.
#[utoipa::path(tag = "stores", operation_id = "list_regions", params(RegionQuery),
    responses((status = 200, description = "A page of regions", body = RegionPage)),
    extensions(("x-permission" = json!("stores.read"))))]
#[get("/regions")]
pub async fn list_regions(
    caller: Caller,
    Filters(query): Filters<RegionQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let parent = query.parent.as_deref().and_then(|p| faults.keep("/parent", RegionCode::new(p)));
    faults.check()?;
    caller
        .read(Permission::ReadStores, move |conn, _, _| {
            let regions = records::list_regions(conn, parent.as_ref(), after, size)?;
            let page = Page::from_probe(regions, size, |region| region.code.clone());
            Ok(RegionPage::from(page.map(RegionView::from)))
        })
        .await
}

/// Create a region
///
/// Adds a division; its place follows from its code.
#[utoipa::path(tag = "stores", operation_id = "create_region", request_body = RegionRequest,
    responses((status = 201, description = "The region", body = RegionView)),
    extensions(("x-permission" = json!("stores.write"))))]
#[post("/regions")]
pub async fn create_region(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::WriteStores, Ok::<RegionRequest, _>, commands::create_region).await
}

/// Which kinds to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StoreKindQuery {
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List kinds of store
///
/// The kinds that stores may have, with those that were added in an emergency.
#[utoipa::path(tag = "stores", operation_id = "list_store_kinds", params(StoreKindQuery),
    responses((status = 200, description = "A page of kinds", body = StoreKindPage)),
    extensions(("x-permission" = json!("stores.read"))))]
#[get("/store-kinds")]
pub async fn list_store_kinds(
    caller: Caller,
    Filters(query): Filters<StoreKindQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadStores, move |conn, _, _| {
            let kinds = records::list_kinds(conn, after, size)?;
            let page = Page::from_probe(kinds, size, |kind| kind.code.clone());
            Ok(StoreKindPage::from(page.map(StoreKindView::from)))
        })
        .await
}

/// Create a kind of store
///
/// Adds a kind such as isolation sites or checkpoints, which an emergency may need.
#[utoipa::path(tag = "stores", operation_id = "create_store_kind", request_body = StoreKindRequest,
    responses((status = 201, description = "The kind", body = StoreKindView)),
    extensions(("x-permission" = json!("stores.write"))))]
#[post("/store-kinds")]
pub async fn create_store_kind(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::WriteStores, Ok::<StoreKindRequest, _>, commands::create_kind).await
}

/// Which stores to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StoreQuery {
    /// Code or name contains this.
    q: Option<String>,
    /// Of this kind.
    kind: Option<String>,
    /// In this region or below it.
    region: Option<String>,
    /// Active ones only, or the others.
    active: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List stores
///
/// Pages through all stores in the order of their codes; everybody may know where stock is held.
#[utoipa::path(tag = "stores", operation_id = "list_stores", params(StoreQuery),
    responses((status = 200, description = "A page of stores", body = StorePage)),
    extensions(("x-permission" = json!("stores.read"))))]
#[get("/stores")]
pub async fn list_stores(
    caller: Caller,
    Filters(query): Filters<StoreQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let region = query.region.as_deref().and_then(|r| faults.keep("/region", RegionCode::new(r)));
    faults.check()?;
    let filter =
        records::Filter { search: query.q, kind: query.kind, region, active: query.active };
    caller
        .read(Permission::ReadStores, move |conn, _, _| {
            let stores = records::list(conn, &filter, after, size)?;
            let page = Page::from_probe(stores, size, |store| store.code.clone());
            Ok(StorePage::from(page.map(|store| StoreView::from(&store))))
        })
        .await
}

/// Read a store
///
/// The store of a code.
#[utoipa::path(tag = "stores", operation_id = "get_store",
    params(("code" = StoreCode, Path, description = "The store's code")),
    responses((status = 200, description = "The store", body = StoreView)),
    extensions(("x-permission" = json!("stores.read"))))]
#[get("/stores/{code}")]
pub async fn get_store(caller: Caller, code: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStores, move |conn, _, _| {
            let code = store_code(&code)?;
            let store = records::find(conn, &code)?
                .ok_or_else(|| Refusal::not_found("储备点", "store", code.as_str()))?;
            Ok(Versioned(StoreView::from(&store), store.version))
        })
        .await
}

/// Create a store
///
/// Adds a store; commanders may add temporary ones in their region.
#[utoipa::path(tag = "stores", operation_id = "create_store", request_body = StoreRequest,
    responses((status = 201, description = "The store", body = StoreView)),
    extensions(("x-permission" = json!("stores.write"))))]
#[post("/stores")]
pub async fn create_store(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::WriteStores, Ok::<StoreRequest, _>, commands::create_store).await
}

/// Change a store
///
/// Absent fields stay as they are; the kind and the region never change.
#[utoipa::path(tag = "stores", operation_id = "change_store", request_body = StorePatch,
    params(("code" = StoreCode, Path, description = "The store's code")),
    responses((status = 200, description = "The changed store", body = StoreView)),
    extensions(("x-permission" = json!("stores.write"))))]
#[patch("/stores/{code}")]
pub async fn change_store(
    caller: Caller,
    code: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WriteStores, Ok::<StorePatch, _>, move |tx, patch| {
            commands::change_store(tx, &store_code(&code)?, patch)
        })
        .await
}

/// Reads a store code of a path; what is no code names no store.
fn store_code(text: &str) -> Result<StoreCode, Refusal> {
    StoreCode::new(text).map_err(|_shape| Refusal::not_found("储备点", "store", text))
}

/// The operations on regions, kinds and stores.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_regions)
        .service(create_region)
        .service(list_store_kinds)
        .service(create_store_kind)
        .service(list_stores)
        .service(get_store)
        .service(create_store)
        .service(change_store);
}
