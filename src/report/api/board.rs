//! The board of reports over REST, and what silent stores hold by estimate.

use crate::access::Permission;
use crate::app::App;
use crate::consumption::queries::Cell as StoreItem;
use crate::consumption::rules::Window;
use crate::http::table::{Cell, Table};
use crate::http::{ApiError, Caller, Filters, Shown, page_after};
use crate::kernel::page::Page;
use crate::kernel::time::plus_days;
use crate::kernel::{Bilingual, FaultCode, Faults, Instant, Refusal, RegionCode, StoreCode};
use crate::report::api::day_filter;
use crate::report::board::{DAYS_MAX, Days};
use crate::report::queries::board::{BoardFilter, BoardStore, board};
use crate::report::queries::silent::silent_stock;
use crate::report::views::board::{BoardRow, BoardView, SilentStockRow, is_silent};
use actix_web::{HttpResponse, get};
use chrono::{NaiveDate, TimeDelta};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of what silent stores hold by estimate, by store and item.
    SilentStockPage, SilentStockRow
}

/// Which stores and days to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BoardQuery {
    /// This business day; today unless said. Not with `from` or `to`.
    #[param(example = "2026-03-02")]
    day: Option<String>,
    /// From this business day on; 366 days at most.
    from: Option<String>,
    /// Up to this business day.
    to: Option<String>,
    /// This store.
    store: Option<String>,
    /// Stores in this region.
    #[param(example = "360729")]
    region: Option<String>,
    /// Stores of this kind.
    kind: Option<String>,
    /// Stores that book their issues one by one too; only those that tell their consumption by
    /// reports unless said.
    #[serde(default)]
    all: bool,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl BoardQuery {
    fn filter(&self, faults: &mut Faults) -> BoardFilter {
        let store = self.store.as_deref();
        let region = self.region.as_deref();
        BoardFilter {
            scope: None,
            store: store.and_then(|code| faults.keep("/store", StoreCode::new(code))),
            region: region.and_then(|code| faults.keep("/region", RegionCode::new(code))),
            kind: self.kind.clone(),
            all: self.all,
        }
    }

    /// The days asked about; the last is today at the latest.
    fn days(&self, today: NaiveDate, faults: &mut Faults) -> Days {
        let day = day_filter("/day", self.day.as_deref(), faults);
        let from = day_filter("/from", self.from.as_deref(), faults);
        let to = day_filter("/to", self.to.as_deref(), faults);
        if day.is_some() && (from.is_some() || to.is_some()) {
            faults.add("/day", FaultCode::Contradicts);
        }
        let last = day.or(to).unwrap_or(today);
        let first = day.or(from).unwrap_or(last);
        for (pointer, day) in [("/day", day), ("/to", to)] {
            if day.is_some_and(|day| day > today) {
                faults.add(pointer, FaultCode::InFuture);
            }
        }
        if first > last {
            faults.add("/to", FaultCode::Contradicts);
        } else if first < plus_days(last, 1 - DAYS_MAX) {
            faults.add("/from", FaultCode::OutOfRange);
        }
        Days { from: first, to: last }
    }
}

/// Show the board of reports
///
/// For each store that tells its consumption by reports, who told on the last day in time, late or
/// nil, and who not at all, with figures of compliance over the days asked about (units due are
/// stores × days), and who is silent today. As CSV or workbook it is whole.
#[utoipa::path(tag = "reports", operation_id = "get_report_board", params(BoardQuery),
    responses((status = 200, description = "A page of the board; the whole as CSV or workbook", content(
        (BoardView = "application/json"),
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stock-reports/board")]
pub async fn report_board(
    caller: Caller,
    Filters(query): Filters<BoardQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<StoreCode>(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = query.filter(&mut faults);
    let now = caller.app().clock.now();
    let zone = caller.app().settings.zone;
    let days = query.days(zone.day_of(now), &mut faults);
    faults.check()?;
    caller
        .read_shown(Permission::ReadStock, move |conn, app, actor, form| {
            let filter = BoardFilter { scope: actor.scope.stores(), ..filter };
            let stores = board(conn, zone, app.settings.report_due_hour, &filter, days, now)?;
            let stale_before = stale_before(app, now);
            let row = |store: &BoardStore| BoardRow::new(store, zone, days, now, stale_before);
            if form.is_whole() {
                return Ok(Shown::Whole(whole(stores.iter().map(row))?));
            }
            let rest = stores.iter().filter(|one| after.as_ref() < Some(&one.reporter.store));
            let page = Page::from_probe(rest.map(row).collect(), size, |row: &BoardRow| {
                row.store_code.clone()
            });
            Ok(Shown::Page(BoardView {
                rows: page.rows,
                next_cursor: page.next_cursor,
                ..BoardView::without_rows(&stores, days, now, stale_before)
            }))
        })
        .await
}

/// A store that was last heard of before this is silent.
fn stale_before(app: &App, now: Instant) -> Instant {
    now.plus(-TimeDelta::try_hours(app.settings.stale_hours).unwrap_or_default())
}

fn whole(rows: impl Iterator<Item = BoardRow>) -> Result<Table, Refusal> {
    let columns = [
        ("储备点", "store_code"),
        ("地区", "region_code"),
        ("类型", "kind"),
        ("业务日", "business_day"),
        ("状态", "timeliness"),
        ("零报告", "nil"),
        ("报告编号", "report_number"),
        ("版本", "version"),
        ("应报", "due"),
        ("按时", "on_time"),
        ("迟报", "late"),
        ("缺报", "missing"),
        ("未到时限", "open"),
        ("零报告数", "nil_reports"),
        ("最近报告", "last_told_at"),
        ("最近流水", "last_moved_at"),
        ("失联", "silent"),
    ];
    let columns = columns.iter().map(|(zh, en)| Bilingual::new(*zh, *en)).collect();
    let mut table = Table::new("report-board", columns);
    for row in rows {
        let day = row.last_day.as_ref();
        let of_day = |text: Option<String>| Cell::of(text);
        table.push(vec![
            Cell::text(&row.store_code),
            Cell::text(&row.region_code),
            Cell::text(&row.kind),
            of_day(day.map(|day| day.business_day.to_string())),
            of_day(day.map(|day| day.timeliness.to_string())),
            of_day(day.and_then(|day| day.nil).map(|nil| nil.to_string())),
            of_day(day.and_then(|day| day.report_number.clone())),
            Cell::of(day.and_then(|day| day.version)),
            Cell::Number(row.compliance.due),
            Cell::Number(row.compliance.on_time),
            Cell::Number(row.compliance.late),
            Cell::Number(row.compliance.missing),
            Cell::Number(row.compliance.open),
            Cell::Number(row.compliance.nil),
            Cell::of(row.last_told_at.map(|at| at.to_string())),
            Cell::of(row.last_moved_at.map(|at| at.to_string())),
            Cell::text(row.silent),
        ])?;
    }
    Ok(table)
}

/// The longest silence that can be asked about: a year.
const MAX_HOURS: i64 = 8_784;

/// Which silent stores to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SilentQuery {
    /// This store.
    store: Option<String>,
    /// Stores in this region.
    region: Option<String>,
    /// Stores of this kind.
    kind: Option<String>,
    /// Stores of which nothing was heard for at least this many hours; for longer than the setting
    /// unless said.
    #[param(minimum = 0, maximum = 8784)]
    hours: Option<i64>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Estimate the stock of silent stores
///
/// What stores in scope, of which neither a report nor a movement is as new as the setting asks for,
/// could use when they were last heard of, and what of it is left by estimate. The estimate is drawn
/// apart and is in no sum.
#[utoipa::path(tag = "reports", operation_id = "list_silent_stock", params(SilentQuery),
    responses((status = 200, description = "A page of estimates", body = SilentStockPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stock-reports/silent")]
pub async fn list_silent_stock(
    caller: Caller,
    Filters(query): Filters<SilentQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<StoreItem>(query.limit, query.cursor.as_deref(), &mut faults);
    let store = query.store.as_deref();
    let region = query.region.as_deref();
    let filter = BoardFilter {
        store: store.and_then(|code| faults.keep("/store", StoreCode::new(code))),
        region: region.and_then(|code| faults.keep("/region", RegionCode::new(code))),
        kind: query.kind,
        all: true,
        ..BoardFilter::default()
    };
    if query.hours.is_some_and(|hours| !(0..=MAX_HOURS).contains(&hours)) {
        faults.add("/hours", FaultCode::OutOfRange);
    }
    faults.check()?;
    let now = caller.app().clock.now();
    let before = match query.hours {
        None => stale_before(caller.app(), now),
        Some(hours) => now.plus_hours(-hours).next(),
    };
    caller
        .read(Permission::ReadStock, move |conn, app, actor| {
            let zone = app.settings.zone;
            let today = zone.day_of(now);
            let filter = BoardFilter { scope: actor.scope.stores(), ..filter };
            let days = Days { from: today, to: today };
            let mut silent = board(conn, zone, app.settings.report_due_hour, &filter, days, now)?;
            silent.retain(|store| is_silent(store, before));
            let window = Window::before(today, app.settings.consumption_window_days);
            let most = usize::try_from(size.probe()).unwrap_or(usize::MAX);
            let rows = silent_stock(conn, zone, window, &silent, after.as_ref(), most)?;
            let rows = rows.into_iter().take(most).collect();
            let page = Page::from_probe(rows, size, |row| (row.store.clone(), row.item.clone()));
            Ok(SilentStockPage::from(page.map(SilentStockRow::from)))
        })
        .await
}

/// The operations on the board.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(report_board).service(list_silent_stock);
}
