//! Periods over REST.

use crate::access::Permission;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::PeriodId;
use crate::kernel::page::Page;
use crate::kernel::{Faults, Refusal};
use crate::stock::api::{store_filter, word_filter};
use crate::stock::commands;
use crate::stock::period::PeriodStatus;
use crate::stock::records::periods::{PeriodFilter, find_period, list_periods};
use crate::stock::requests::{ClosePeriodRequest, ReopenPeriodRequest};
use crate::stock::views::PeriodView;
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of periods, the newest first.
    PeriodPage, PeriodView
}

/// Which periods to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PeriodQuery {
    /// That bind this store, by itself or through its region.
    store: Option<String>,
    /// `closed` or `reopened`.
    status: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List periods
///
/// Which periods were closed, for whom and through which day, and which were reopened and why.
/// They bind everyone, so everyone sees them.
#[utoipa::path(tag = "stock", operation_id = "list_periods", params(PeriodQuery),
    responses((status = 200, description = "A page of periods", body = PeriodPage)),
    extensions(("x-permission" = json!("stores.read"))))]
#[get("/periods")]
pub async fn list(
    caller: Caller,
    Filters(query): Filters<PeriodQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let status = query.status.as_deref();
    let filter = PeriodFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        status: word_filter("/status", status, PeriodStatus::from_word, &mut faults),
    };
    faults.check()?;
    caller
        .read(Permission::ReadStores, move |conn, _, _| {
            let rows = list_periods(conn, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.closed_at, row.id.clone()));
            Ok(PeriodPage::from(page.map(|row| PeriodView::from(&row))))
        })
        .await
}

fn id_of(text: &str) -> Result<PeriodId, Refusal> {
    PeriodId::try_from(text.to_owned()).map_err(|_shape| Refusal::not_found("期间", "period", text))
}

/// Show a period
///
/// For whom it was closed, by whom, and how it was reopened.
#[utoipa::path(tag = "stock", operation_id = "get_period",
    params(("id" = PeriodId, Path, description = "The period's id")),
    responses((status = 200, description = "The period", body = PeriodView)),
    extensions(("x-permission" = json!("stores.read"))))]
#[get("/periods/{id}")]
pub async fn show(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStores, move |conn, _, _| {
            let id = id_of(&id)?;
            let period = find_period(conn, &id)?
                .ok_or_else(|| Refusal::not_found("期间", "period", id.as_str()))?;
            Ok(Versioned(PeriodView::from(&period), period.version))
        })
        .await
}

/// Close a period
///
/// 结账: from then on nothing is posted on a business day through the one named, at that store or
/// anywhere in that region. The day must be over, and no fact that happened through it may be
/// *unmatched* still.
#[utoipa::path(tag = "stock", operation_id = "close_period", request_body = ClosePeriodRequest,
    responses((status = 201, description = "The period, closed", body = PeriodView)),
    extensions(("x-permission" = json!("periods.close"))))]
#[post("/periods/close")]
pub async fn close(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ClosePeriods, Ok::<ClosePeriodRequest, _>, commands::close_period)
        .await
}

/// Reopen a period
///
/// 反结账: with a reason, and by a higher role than the one that closed it. What was closed stays on
/// record.
#[utoipa::path(tag = "stock", operation_id = "reopen_period", request_body = ReopenPeriodRequest,
    params(("id" = PeriodId, Path, description = "The period's id")),
    responses((status = 200, description = "The period, open again", body = PeriodView)),
    extensions(("x-permission" = json!("periods.reopen"))))]
#[post("/periods/{id}/reopen")]
pub async fn reopen(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ReopenPeriods, Ok::<ReopenPeriodRequest, _>, move |tx, request| {
            commands::reopen_period(tx, &id_of(&id)?, request)
        })
        .await
}

/// The operations on periods.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(close).service(show).service(reopen);
}
