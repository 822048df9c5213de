//! The REST face of the catalogue.

pub mod substitution;

use crate::access::Permission;
use crate::app::App;
use crate::catalogue::commands::substitution::shown_with;
use crate::catalogue::item::{Category, Item};
use crate::catalogue::requests::{ItemPatch, ItemRequest};
use crate::catalogue::substitution::ListsInForce;
use crate::catalogue::views::ItemView;
use crate::catalogue::{commands, records};
use crate::db::{DbConnection, DbError};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, ItemCode, Refusal};
use actix_web::{HttpResponse, get, patch, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of items, in the order of their codes.
    ItemPage, ItemView
}

/// Which items to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ItemQuery {
    /// Code or name contains this; case, width and spaces do not matter.
    q: Option<String>,
    /// Of this category: `ppe`, `disinfectant`, `drug`, `reagent` or `equipment`.
    category: Option<String>,
    /// Active ones only, or the others.
    active: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List items
///
/// Pages through the catalogue in the order of item codes.
#[utoipa::path(tag = "catalogue", operation_id = "list_items", params(ItemQuery),
    responses((status = 200, description = "A page of items", body = ItemPage)),
    extensions(("x-permission" = json!("items.read"))))]
#[get("/items")]
pub async fn list_items(
    caller: Caller,
    Filters(query): Filters<ItemQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let category = query.category.as_deref().and_then(|word| {
        faults.keep("/category", Category::from_word(word).ok_or(FaultCode::NotInList))
    });
    faults.check()?;
    let filter = records::Filter { search: query.q, category, active: query.active };
    caller
        .read(Permission::ReadItems, move |conn, app, _| {
            let items = records::list(conn, &filter, after, size)?;
            let page = Page::from_probe(items, size, |item| item.code.clone());
            let codes: Vec<ItemCode> = page.rows.iter().map(|item| item.code.clone()).collect();
            let lists = substitutes_of(conn, app, &codes)?;
            let view = |item: Item| ItemView::new(&item, shown_with(&lists, &item.code));
            Ok(ItemPage::from(page.map(view)))
        })
        .await
}

/// Read an item
///
/// The item of a code, with its packs, trade item numbers and substitutes.
#[utoipa::path(tag = "catalogue", operation_id = "get_item",
    params(("code" = ItemCode, Path, description = "The item's code")),
    responses((status = 200, description = "The item", body = ItemView)),
    extensions(("x-permission" = json!("items.read"))))]
#[get("/items/{code}")]
pub async fn get_item(caller: Caller, code: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadItems, move |conn, app, _| {
            let code = item_code(&code)?;
            let item = records::find(conn, &code)?
                .ok_or_else(|| Refusal::not_found("物资", "item", code.as_str()))?;
            let lists = substitutes_of(conn, app, std::slice::from_ref(&code))?;
            Ok(Versioned(ItemView::new(&item, shown_with(&lists, &code)), item.version))
        })
        .await
}

/// Create an item
///
/// Adds an item to the catalogue. Its base unit can never change; packs can be added later.
#[utoipa::path(tag = "catalogue", operation_id = "create_item", request_body = ItemRequest,
    responses((status = 201, description = "The item", body = ItemView)),
    extensions(("x-permission" = json!("items.write"))))]
#[post("/items")]
pub async fn create_item(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::WriteItems, Ok::<ItemRequest, _>, commands::create_item).await
}

/// Change an item
///
/// Absent fields stay as they are. Packs may be added or renamed, never removed or resized.
#[utoipa::path(tag = "catalogue", operation_id = "change_item", request_body = ItemPatch,
    params(("code" = ItemCode, Path, description = "The item's code")),
    responses((status = 200, description = "The changed item", body = ItemView)),
    extensions(("x-permission" = json!("items.write"))))]
#[patch("/items/{code}")]
pub async fn change_item(
    caller: Caller,
    code: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WriteItems, Ok::<ItemPatch, _>, move |tx, patch| {
            commands::change_item(tx, &item_code(&code)?, patch)
        })
        .await
}

/// The lists of substitutes that hold now, of some items.
fn substitutes_of(
    conn: &mut DbConnection,
    app: &App,
    items: &[ItemCode],
) -> Result<ListsInForce, DbError> {
    records::substitution::in_force(conn, Some(items), app.clock.now(), None)
}

/// Reads an item code of a path; what is no code names no item.
fn item_code(text: &str) -> Result<ItemCode, Refusal> {
    ItemCode::new(text).map_err(|_shape| Refusal::not_found("物资", "item", text))
}

/// The catalogue's operations.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_items)
        .service(get_item)
        .service(create_item)
        .service(change_item)
        .service(substitution::list_substitution_lists)
        .service(substitution::get_substitution_list)
        .service(substitution::create_substitution_list);
}
