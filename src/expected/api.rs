//! The REST face of expected receipts.

use crate::access::{Permission, Scope};
use crate::db::{DbConnection, DbError};
use crate::expected::commands::{self, not_found};
use crate::expected::records::{self, Filter};
use crate::expected::requests::{CancelRequest, ExpectedRequest, RescheduleRequest};
use crate::expected::rules::{ExpectedKind, ExpectedStatus};
use crate::expected::views::ExpectedReceiptView;
use crate::http::{ApiError, Caller, Filters, Problem, Versioned, page_after};
use crate::kernel::id::ExpectedReceiptId;
use crate::kernel::page::{Page, PageSize};
use crate::kernel::time::BusinessZone;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, StoreCode};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of expected receipts, the newest first.
    ExpectedReceiptPage, ExpectedReceiptView
}

/// Which expected receipts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExpectedQuery {
    /// `order`, `agreement` or `capacity`.
    kind: Option<String>,
    /// Of this store.
    #[param(example = "QN-DEPOT")]
    store: Option<String>,
    /// With a line of this item.
    item: Option<String>,
    /// `open`, `partly_received`, `fulfilled` or `cancelled`.
    status: Option<String>,
    /// Only those still awaited after the day on which they were due, or only the others.
    overdue: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List expected receipts
///
/// What the stores in the caller's scope expect from outside: orders, agreements and capacity, with
/// what has come of each line.
#[utoipa::path(tag = "planning", operation_id = "list_expected_receipts", params(ExpectedQuery),
    responses((status = 200, description = "A page of expected receipts",
        body = ExpectedReceiptPage)),
    extensions(("x-permission" = json!("expected_receipts.read"))))]
#[get("/expected-receipts")]
pub async fn list_expected_receipts(
    caller: Caller,
    Filters(query): Filters<ExpectedQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let wanted = Wanted::parse(&query, &mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadExpected, move |conn, app, actor| {
            let (zone, now) = (app.settings.zone, app.clock.now());
            let found = wanted.page(conn, &actor.scope, after, size, (zone, now))?;
            let page = Page::from_probe(found, size, |one| (one.created_at, one.id.clone()));
            Ok(ExpectedReceiptPage::from(page))
        })
        .await
}

/// What is filtered by the database, and what only the ledger tells.
struct Wanted {
    filter: Filter,
    status: Option<ExpectedStatus>,
    overdue: Option<bool>,
}

impl Wanted {
    fn parse(query: &ExpectedQuery, faults: &mut Faults) -> Self {
        let status = query.status.as_deref().and_then(|word| {
            faults.keep("/status", ExpectedStatus::from_word(word).ok_or(FaultCode::NotInList))
        });
        Self {
            filter: Filter {
                kind: query.kind.as_deref().and_then(|word| {
                    let kind = ExpectedKind::from_word(word).ok_or(FaultCode::NotInList);
                    faults.keep("/kind", kind)
                }),
                store: query
                    .store
                    .as_deref()
                    .and_then(|code| faults.keep("/store", StoreCode::new(code))),
                item: query
                    .item
                    .as_deref()
                    .and_then(|code| faults.keep("/item", ItemCode::new(code))),
                cancelled: status.map(|status| status == ExpectedStatus::Cancelled),
                due_before: None,
            },
            status,
            overdue: query.overdue,
        }
    }

    /// Enough rows for a page, and one more: those that match are looked for page by page.
    fn page(
        &self,
        conn: &mut DbConnection,
        scope: &Scope,
        mut after: Option<(Instant, ExpectedReceiptId)>,
        size: PageSize,
        (zone, now): (BusinessZone, Instant),
    ) -> Result<Vec<ExpectedReceiptView>, DbError> {
        let mut filter = self.filter.clone();
        if self.overdue == Some(true) {
            filter.due_before = Some(zone.start_of(zone.day_of(now)));
        }
        let most = usize::try_from(size.probe()).unwrap_or(usize::MAX);
        let mut rows = Vec::new();
        loop {
            let found = records::list(conn, scope, &filter, after.as_ref(), size.probe())?;
            let was_last = found.len() < most;
            after = found.last().map(|one| (one.created_at, one.id.clone()));
            let shown = commands::show(conn, &found, zone, now)?;
            rows.extend(shown.into_iter().filter(|one| {
                self.status.is_none_or(|status| one.status == status)
                    && self.overdue.is_none_or(|overdue| one.overdue == overdue)
            }));
            if was_last || rows.len() >= most {
                rows.truncate(most);
                return Ok(rows);
            }
        }
    }
}

/// Read an expected receipt
///
/// By its id or its number: its lines with what has come of each, and what became of it.
#[utoipa::path(tag = "planning", operation_id = "get_expected_receipt",
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The expected receipt", body = ExpectedReceiptView)),
    extensions(("x-permission" = json!("expected_receipts.read"))))]
#[get("/expected-receipts/{id}")]
pub async fn get_expected_receipt(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadExpected, move |conn, app, actor| {
            let found = records::find(conn, &actor.scope, &id)?.ok_or_else(|| not_found(&id))?;
            let version = found.version;
            let shown = commands::show(conn, &[found], app.settings.zone, app.clock.now())?.pop();
            Ok(Versioned(shown, version))
        })
        .await
}

/// Enter an expected receipt
///
/// An order that is due within the horizon lessens the net shortfall of its store, as goods on the
/// way do; agreements and capacity are shown beside it and never counted. A receipt that names it
/// in `expected_receipt` fulfils it.
#[utoipa::path(tag = "planning", operation_id = "create_expected_receipt",
    request_body = ExpectedRequest,
    responses((status = 201, description = "The expected receipt", body = ExpectedReceiptView)),
    extensions(("x-permission" = json!("expected_receipts.write"))))]
#[post("/expected-receipts")]
pub async fn create_expected_receipt(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::WriteExpected, Ok::<ExpectedRequest, _>, commands::create).await
}

/// Put an expected receipt off
///
/// Says that the goods are due at another time, and why. What was said before stays in its events,
/// and answers about the past go by it.
#[utoipa::path(tag = "planning", operation_id = "reschedule_expected_receipt",
    request_body = RescheduleRequest,
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The expected receipt", body = ExpectedReceiptView),
        (status = 409, description = "It is fulfilled or cancelled", body = Problem,
            content_type = "application/problem+json")),
    extensions(("x-permission" = json!("expected_receipts.write"))))]
#[post("/expected-receipts/{id}/reschedule")]
pub async fn reschedule_expected_receipt(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WriteExpected, Ok::<RescheduleRequest, _>, move |tx, request| {
            commands::reschedule(tx, &id, request)
        })
        .await
}

/// Cancel an expected receipt
///
/// Nobody waits for it, or for what is still open of it, any more.
#[utoipa::path(tag = "planning", operation_id = "cancel_expected_receipt",
    request_body = CancelRequest,
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The expected receipt", body = ExpectedReceiptView),
        (status = 409, description = "It is fulfilled or cancelled", body = Problem,
            content_type = "application/problem+json")),
    extensions(("x-permission" = json!("expected_receipts.write"))))]
#[post("/expected-receipts/{id}/cancel")]
pub async fn cancel_expected_receipt(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::WriteExpected, Ok::<CancelRequest, _>, move |tx, request| {
            commands::cancel(tx, &id, request)
        })
        .await
}

/// The operations on expected receipts.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_expected_receipts)
        .service(get_expected_receipt)
        .service(create_expected_receipt)
        .service(reschedule_expected_receipt)
        .service(cancel_expected_receipt);
}
