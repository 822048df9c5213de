//! The REST face of webhooks.

use crate::access::Permission;
use crate::alert::commands::webhooks::{self as commands, may_see, not_found};
use crate::alert::records::webhooks as records;
use crate::alert::requests::webhooks::{WebhookPatch, WebhookRequest};
use crate::alert::views::webhooks::{DeliveryView, NewWebhookView, WebhookView};
use crate::alert::webhook::DeliveryStatus;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::{WebhookDeliveryId, WebhookId};
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, Refusal};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of webhooks, in the order in which they were made.
    WebhookPage, WebhookView
}

page_of! {
    /// A page of deliveries, the newest first.
    DeliveryPage, DeliveryView
}

/// Which webhooks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WebhookQuery {
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List webhooks
///
/// The programs elsewhere that are told of alerts of the caller's region. Secrets are not shown.
#[utoipa::path(tag = "alerts", operation_id = "list_webhooks", params(WebhookQuery),
    responses((status = 200, description = "A page of webhooks", body = WebhookPage)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[get("/webhooks")]
pub async fn list_webhooks(
    caller: Caller,
    Filters(query): Filters<WebhookQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    faults.check()?;
    caller
        .read(Permission::ManageWebhooks, move |conn, _, actor| {
            let found = records::list(conn, &actor.scope, actor.region.as_ref(), after, size)?;
            let page = Page::from_probe(found, size, |one| one.id.clone());
            Ok(WebhookPage::from(page.map(|one| WebhookView::from(&one))))
        })
        .await
}

/// Read a webhook
///
/// The webhook of an id, without its secret.
#[utoipa::path(tag = "alerts", operation_id = "get_webhook",
    params(("id" = WebhookId, Path, description = "The webhook's id")),
    responses((status = 200, description = "The webhook", body = WebhookView)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[get("/webhooks/{id}")]
pub async fn get_webhook(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ManageWebhooks, move |conn, _, actor| {
            let found = records::find(conn, &webhook_id(&id)?)?
                .filter(|webhook| may_see(actor, webhook))
                .ok_or_else(|| not_found(&id))?;
            Ok(Versioned(WebhookView::from(&found), found.version))
        })
        .await
}

/// Create a webhook
///
/// Every change of an alert that it wants is sent to it by POST as JSON, signed in
/// `Changbei-Signature: t=<seconds>,v1=<hex of HMAC-SHA256(secret, t.body)>`, until it answers 2xx.
/// The secret is shown in this answer alone.
#[utoipa::path(tag = "alerts", operation_id = "create_webhook", request_body = WebhookRequest,
    responses((status = 201, description = "The webhook and its secret", body = NewWebhookView)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[post("/webhooks")]
pub async fn create_webhook(caller: Caller) -> Result<HttpResponse, ApiError> {
    let trusted = caller.app().settings.webhook_hosts.clone();
    let parse = move |request: WebhookRequest| request.parse(&trusted);
    caller.command(Permission::ManageWebhooks, parse, commands::create).await
}

/// Change a webhook
///
/// Absent fields stay as they are.
#[utoipa::path(tag = "alerts", operation_id = "change_webhook", request_body = WebhookPatch,
    params(("id" = WebhookId, Path, description = "The webhook's id")),
    responses((status = 200, description = "The changed webhook", body = WebhookView)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[patch("/webhooks/{id}")]
pub async fn change_webhook(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let trusted = caller.app().settings.webhook_hosts.clone();
    let parse = move |request: WebhookPatch| request.parse(&trusted);
    caller
        .command(Permission::ManageWebhooks, parse, move |tx, change| {
            commands::change(tx, &webhook_id(&id)?, change)
        })
        .await
}

/// What operations without a body take.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Remove a webhook
///
/// It is told nothing more; what waited for it stays in the outbox unsent. It can still be read.
#[utoipa::path(tag = "alerts", operation_id = "remove_webhook",
    params(("id" = WebhookId, Path, description = "The webhook's id")),
    responses((status = 200, description = "The removed webhook", body = WebhookView)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[delete("/webhooks/{id}")]
pub async fn remove_webhook(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ManageWebhooks, Ok::<Nothing, _>, move |tx, _| {
            commands::remove(tx, &webhook_id(&id)?)
        })
        .await
}

/// Rotate a webhook's secret
///
/// From now on another secret signs; it is shown in this answer alone.
#[utoipa::path(tag = "alerts", operation_id = "rotate_webhook_secret",
    params(("id" = WebhookId, Path, description = "The webhook's id")),
    responses((status = 200, description = "The webhook and its secret", body = NewWebhookView)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[post("/webhooks/{id}/rotate-secret")]
pub async fn rotate_webhook_secret(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ManageWebhooks, Ok::<Nothing, _>, move |tx, _| {
            commands::rotate(tx, &webhook_id(&id)?)
        })
        .await
}

/// Test a webhook
///
/// Puts a body of type `test` into the outbox, signed and tried like any other.
#[utoipa::path(tag = "alerts", operation_id = "test_webhook",
    params(("id" = WebhookId, Path, description = "The webhook's id")),
    responses((status = 201, description = "The delivery", body = DeliveryView)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[post("/webhooks/{id}/test")]
pub async fn try_webhook(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ManageWebhooks, Ok::<Nothing, _>, move |tx, _| {
            commands::test(tx, &webhook_id(&id)?)
        })
        .await
}

/// Which deliveries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// `pending`, `delivered` or `dead`: given up.
    status: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List deliveries
///
/// What a webhook was or is to be told, how often it was tried, and why it failed.
#[utoipa::path(tag = "alerts", operation_id = "list_webhook_deliveries",
    params(("id" = WebhookId, Path, description = "The webhook's id"), DeliveryQuery),
    responses((status = 200, description = "A page of deliveries", body = DeliveryPage)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[get("/webhooks/{id}/deliveries")]
pub async fn list_webhook_deliveries(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<DeliveryQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let status = query.status.as_deref().and_then(|word| {
        faults.keep("/status", DeliveryStatus::from_word(word).ok_or(FaultCode::NotInList))
    });
    faults.check()?;
    caller
        .read(Permission::ManageWebhooks, move |conn, _, actor| {
            let webhook = records::find(conn, &webhook_id(&id)?)?
                .filter(|webhook| may_see(actor, webhook))
                .ok_or_else(|| not_found(&id))?;
            let found = records::deliveries(conn, &webhook.id, status, after, size)?;
            let page = Page::from_probe(found, size, |one| (one.queued_at, one.id.clone()));
            Ok(DeliveryPage::from(page.map(|one| DeliveryView::from(&one))))
        })
        .await
}

/// Deliver again
///
/// Puts a delivery that arrived or was given up into the outbox once more, under the same id.
#[utoipa::path(tag = "alerts", operation_id = "redeliver_webhook_delivery",
    params(("id" = WebhookId, Path, description = "The webhook's id"),
           ("delivery_id" = WebhookDeliveryId, Path, description = "The delivery's id")),
    responses((status = 201, description = "The delivery", body = DeliveryView)),
    extensions(("x-permission" = json!("webhooks.manage"))))]
#[post("/webhooks/{id}/deliveries/{delivery_id}/redeliver")]
pub async fn redeliver_webhook_delivery(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ManageWebhooks, Ok::<Nothing, _>, move |tx, _| {
            let (id, delivery) = &*path;
            let found = WebhookDeliveryId::try_from(delivery.clone())
                .map_err(|_shape| Refusal::not_found("投递", "delivery", delivery))?;
            commands::redeliver(tx, &webhook_id(id)?, &found)
        })
        .await
}

fn webhook_id(text: &str) -> Result<WebhookId, Refusal> {
    WebhookId::try_from(text.to_owned()).map_err(|_shape| not_found(text))
}

/// The operations on webhooks.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_webhooks)
        .service(create_webhook)
        .service(list_webhook_deliveries)
        .service(redeliver_webhook_delivery)
        .service(try_webhook)
        .service(rotate_webhook_secret)
        .service(get_webhook)
        .service(change_webhook)
        .service(remove_webhook);
}
