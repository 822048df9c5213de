//! Stock reports over REST.

pub mod board;

use crate::access::Permission;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::page::Page;
use crate::kernel::time::parse_date;
use crate::kernel::{FaultCode, Faults, Refusal, RegionCode, StoreCode};
use crate::report::commands::{self, not_found};
use crate::report::queries::loaded;
use crate::report::records::{self, ReportFilter};
use crate::report::requests::{ScheduleRequest, StockReportRequest};
use crate::report::views::{ScheduleView, StockReportHead, StockReportView};
use crate::stores;
use actix_web::{HttpResponse, get, post, put, web};
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of stock reports, the newest business day first.
    StockReportPage, StockReportHead
}

/// Send a stock report
///
/// What a store holds on a business day (库存日报), or that there is nothing to tell (零报告). Sent
/// again for the same day with a `reason` it makes a new version. Where the store tells its
/// consumption by reports, what the book holds beyond what is told is posted as estimated
/// consumption at `as_of`, first expired first, once however often the report is corrected. What is
/// told beyond the book is shown and never posted: enter the receipt that is missing, or count.
#[utoipa::path(tag = "reports", operation_id = "send_stock_report",
    request_body = StockReportRequest,
    responses((status = 201, description = "The report beside the book", body = StockReportView)),
    extensions(("x-permission" = json!("stock_reports.send"))))]
#[post("/stock-reports")]
pub async fn send_stock_report(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::SendReports, Ok::<StockReportRequest, _>, commands::send).await
}

/// Which stock reports to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StockReportQuery {
    /// Of this store.
    #[param(example = "QN-TOWN")]
    store: Option<String>,
    /// Of stores in this region.
    region: Option<String>,
    /// From this business day on.
    #[param(example = "2026-03-01")]
    from: Option<String>,
    /// Up to this business day.
    #[param(example = "2026-03-31")]
    to: Option<String>,
    /// Nil reports only, or the others.
    nil: Option<bool>,
    /// Those that came late only, or the others.
    late: Option<bool>,
    /// Those that told something else than the book only, or the others.
    differs: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List stock reports
///
/// The newest version of each report of stores in scope, the newest day first. The current report
/// of a store and day is found with `store`, `from` and `to`.
#[utoipa::path(tag = "reports", operation_id = "list_stock_reports", params(StockReportQuery),
    responses((status = 200, description = "A page of stock reports", body = StockReportPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stock-reports")]
pub async fn list_stock_reports(
    caller: Caller,
    Filters(query): Filters<StockReportQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = ReportFilter {
        store: query.store.and_then(|code| faults.keep("/store", StoreCode::new(&code))),
        region: query.region.and_then(|code| faults.keep("/region", RegionCode::new(&code))),
        from: day_filter("/from", query.from.as_deref(), &mut faults),
        to: day_filter("/to", query.to.as_deref(), &mut faults),
        nil: query.nil,
        late: query.late,
        differs: query.differs,
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let rows = records::list(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.business_day, row.id.clone()));
            Ok(StockReportPage::from(page.map(|row| StockReportHead::from(&row))))
        })
        .await
}

/// Which version to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// The lines of this version; of the newest unless said.
    #[param(minimum = 1)]
    version: Option<i64>,
}

/// Read a stock report
///
/// By its id or its number: its lines beside the book as it is on record now, all versions with what
/// each changed, and the movements of its estimates.
#[utoipa::path(tag = "reports", operation_id = "get_stock_report",
    params(("id" = String, Path, description = "Id or number"), VersionQuery),
    responses((status = 200, description = "The report beside the book", body = StockReportView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stock-reports/{id}")]
pub async fn get_stock_report(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<VersionQuery>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStock, move |conn, app, actor| {
            let report = records::find(conn, &actor.scope, &id)?.ok_or_else(|| not_found(&id))?;
            if query.version.is_some_and(|version| !(1..=report.version).contains(&version)) {
                return Err(Refusal::fault("/version", FaultCode::Unknown).into());
            }
            let version = report.version;
            let of = loaded(conn, app.settings.zone, report, query.version)?;
            Ok(Versioned(StockReportView::new(of), version))
        })
        .await
}

/// Read when a store's reports are due
///
/// The hour of the business day by which a report counts as on time.
#[utoipa::path(tag = "reports", operation_id = "get_report_schedule",
    params(("code" = StoreCode, Path, description = "The store's code")),
    responses((status = 200, description = "The hour", body = ScheduleView)),
    extensions(("x-permission" = json!("stores.read"))))]
#[get("/stores/{code}/report-schedule")]
pub async fn get_report_schedule(
    caller: Caller,
    code: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStores, move |conn, app, _| {
            let code = store_of_path(&code)?;
            stores::records::find(conn, &code)?.ok_or_else(|| no_store(code.as_str()))?;
            let found = records::schedule(conn, &code)?;
            let version = found.version;
            Ok(Versioned(ScheduleView::new(&found, app.settings.report_due_hour), version))
        })
        .await
}

/// Say when a store's reports are due
///
/// Reports that came keep the hour at which they were due.
#[utoipa::path(tag = "reports", operation_id = "set_report_schedule",
    request_body = ScheduleRequest,
    params(("code" = StoreCode, Path, description = "The store's code")),
    responses((status = 200, description = "The hour", body = ScheduleView)),
    extensions(("x-permission" = json!("stock_reports.schedule"))))]
#[put("/stores/{code}/report-schedule")]
pub async fn set_report_schedule(
    caller: Caller,
    code: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ScheduleReports, Ok::<ScheduleRequest, _>, move |tx, request| {
            commands::schedule(tx, &store_of_path(&code)?, request)
        })
        .await
}

fn store_of_path(text: &str) -> Result<StoreCode, Refusal> {
    StoreCode::new(text).map_err(|_shape| no_store(text))
}

fn no_store(text: &str) -> Refusal {
    Refusal::not_found("储备点", "store", text)
}

fn day_filter(pointer: &str, given: Option<&str>, faults: &mut Faults) -> Option<NaiveDate> {
    given.and_then(|text| faults.keep(pointer, parse_date(text).ok_or(FaultCode::NotADate)))
}

/// The operations on stock reports.
pub fn routes(config: &mut ServiceConfig<'_>) {
    // The words of the board come before the ids of reports.
    board::routes(config);
    config
        .service(send_stock_report)
        .service(list_stock_reports)
        .service(get_stock_report)
        .service(get_report_schedule)
        .service(set_report_schedule);
}
