//! Reading stocktakes: lists, sheets, counts, variances, accuracy, what is due.

use crate::access::{Actor, Permission};
use crate::catalogue::{Category, Item, records as catalogue};
use crate::command::CommandError;
use crate::db::{DbConnection, DbError};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::{CountId, LotId, StocktakeId};
use crate::kernel::page::Page;
use crate::kernel::{Code, FaultCode, Faults, Instant, ItemCode, Refusal, StoreCode};
use crate::stock::StockState;
use crate::stock::facts::Promise;
use crate::stock::records::cuts::promises_of;
use crate::stock::records::find_lots;
use crate::stocktake::accuracy::Figures;
use crate::stocktake::commands::no_stocktake;
use crate::stocktake::outcome::Evaluated;
use crate::stocktake::queries::loaded::{Loaded, load};
use crate::stocktake::queries::{DueFilter, consequences, due};
use crate::stocktake::records::{self, LineFilter, ResultFilter, StocktakeFilter, StocktakeResult};
use crate::stocktake::sheet::{Stocktake, StocktakeStatus};
use crate::stocktake::views::sheet_csv::sheet_csv;
use crate::stocktake::views::{
    AccuracyPage, AccuracyRow, CountView, DueRow, SheetRow, StocktakeHead, StocktakeView,
    StoreAccuracyView, VarianceRow, is_hidden,
};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::IntoParams;

page_of! {
    /// A page of stocktakes, newest first.
    StocktakePage, StocktakeHead
}

page_of! {
    /// A page of a sheet, by item and first expired first; what was found while counting at its end.
    SheetPage, SheetRow
}

page_of! {
    /// A page of counts, superseded ones too, in the order of entering.
    CountPage, CountView
}

page_of! {
    /// A page of lines against the book, in the order of the sheet.
    VariancePage, VarianceRow
}

page_of! {
    /// A page of stock that has not been counted for a while, by store, item, lot and state.
    DuePage, DueRow
}

/// Which stocktakes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StocktakeQuery {
    /// Of this store.
    store: Option<String>,
    /// `open`, `submitted`, `approved`, `posted` or `cancelled`.
    status: Option<String>,
    /// With this number.
    number: Option<String>,
    /// Begun at or after this instant.
    from: Option<String>,
    /// Begun before this instant.
    to: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List stocktakes
///
/// Stocktakes of stores in scope, newest first.
#[utoipa::path(tag = "stocktakes", operation_id = "list_stocktakes", params(StocktakeQuery),
    responses((status = 200, description = "A page of stocktakes", body = StocktakePage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stocktakes")]
pub async fn list_stocktakes(
    caller: Caller,
    Filters(query): Filters<StocktakeQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let status = query.status.as_deref().and_then(|word| {
        faults.keep("/status", StocktakeStatus::from_word(word).ok_or(FaultCode::NotInList))
    });
    let filter = StocktakeFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        status,
        number: query.number,
        from: instant_filter("/from", query.from.as_deref(), &mut faults),
        to: instant_filter("/to", query.to.as_deref(), &mut faults),
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let rows = records::list(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.created.at, row.id.clone()));
            Ok(StocktakePage::from(page.map(StocktakeHead::from)))
        })
        .await
}

/// Read a stocktake
///
/// By its id or its number, with its progress and, unless a blind count is open, its figures; once
/// it is posted, with the promises that it cut and the facts that it cleared.
#[utoipa::path(tag = "stocktakes", operation_id = "get_stocktake",
    params(("id" = String, Path, description = "Id or number")),
    responses((status = 200, description = "The stocktake", body = StocktakeView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stocktakes/{id}")]
pub async fn get_stocktake(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadStock, move |conn, app, actor| {
            let stocktake = found(conn, actor, &id)?;
            let lines = load(conn, &stocktake, &LineFilter::default())?.lines;
            let version = stocktake.version;
            let consequences = consequences(conn, &stocktake)?;
            let view = StocktakeView::new(stocktake, &lines, &app.settings);
            Ok(Versioned(view.with(&consequences), version))
        })
        .await
}

/// Which lines to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SheetQuery {
    /// Of this item.
    item: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Read a sheet
///
/// What is to be counted: lots by item, first expired first, with their state. A blind sheet does
/// not show the book while it is open. With `Accept: text/csv` the whole sheet is answered at
/// once, for printing, with columns to be filled in.
#[utoipa::path(tag = "stocktakes", operation_id = "get_stocktake_sheet",
    params(("id" = String, Path, description = "Id or number"), SheetQuery),
    responses((status = 200, description = "A page of the sheet, or all of it as CSV",
        content((SheetPage = "application/json"), (String = "text/csv")))),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stocktakes/{id}/sheet")]
pub async fn get_stocktake_sheet(
    caller: Caller,
    request: HttpRequest,
    id: web::Path<String>,
    Filters(query): Filters<SheetQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let items = item_filter(query.item.as_deref(), &mut faults).map(|item| vec![item]);
    faults.check()?;
    if wants_csv(&request) {
        let filter = LineFilter { items, ..LineFilter::default() };
        return caller
            .read_text(Permission::ReadStock, "text/csv; charset=utf-8", move |conn, _, actor| {
                let stocktake = found(conn, actor, &id)?;
                let (lines, row) = sheet_rows(conn, &stocktake, &filter)?;
                let rows: Vec<SheetRow> = lines.into_iter().map(row).collect();
                Ok(sheet_csv(&stocktake, &rows)
                    .map_err(|_memory| Refusal::plain(Code::Internal))?)
            })
            .await;
    }
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let stocktake = found(conn, actor, &id)?;
            let filter = LineFilter { items, after, limit: Some(size.probe()) };
            let (lines, row) = sheet_rows(conn, &stocktake, &filter)?;
            let page = Page::from_probe(lines, size, |line| line.line.line_no);
            Ok(SheetPage::from(page.map(row)))
        })
        .await
}

fn wants_csv(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.split(',').any(|kind| kind.trim().starts_with("text/csv")))
}

/// Lines of a sheet, and what makes rows of them.
fn sheet_rows<'a>(
    conn: &mut DbConnection,
    stocktake: &'a Stocktake,
    filter: &LineFilter,
) -> Result<(Vec<Evaluated>, impl FnMut(Evaluated) -> SheetRow + use<'a>), DbError> {
    let Loaded { lines, lots, .. } = load(conn, stocktake, filter)?;
    let items = items_of(conn, &lines)?;
    Ok((lines, move |line: Evaluated| SheetRow::new(stocktake, &line, &lots, &items)))
}

fn items_of(
    conn: &mut DbConnection,
    lines: &[Evaluated],
) -> Result<BTreeMap<ItemCode, Item>, DbError> {
    let codes: BTreeSet<ItemCode> = lines.iter().map(|line| line.line.item_code.clone()).collect();
    catalogue::find_all(conn, &codes.into_iter().collect::<Vec<_>>())
}

/// Which counts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CountQuery {
    /// Of this line.
    line: Option<i64>,
    /// Of this round.
    round: Option<i64>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List counts
///
/// Every count that was entered, superseded ones too, in the order of entering. While a blind
/// stocktake is open, the quantities of lines that are not decided are hidden, so that a second
/// count is independent.
#[utoipa::path(tag = "stocktakes", operation_id = "list_stocktake_counts",
    params(("id" = String, Path, description = "Id or number"), CountQuery),
    responses((status = 200, description = "A page of counts", body = CountPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stocktakes/{id}/counts")]
pub async fn list_stocktake_counts(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<CountQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) =
        page_after::<(Instant, CountId)>(query.limit, query.cursor.as_deref(), &mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let stocktake = found(conn, actor, &id)?;
            let rows =
                records::list_counts(conn, &stocktake.id, query.line, query.round, after, size)?;
            let mut undecided = BTreeSet::new();
            if is_hidden(&stocktake) {
                let lines = load(conn, &stocktake, &LineFilter::default())?.lines;
                let open = lines.iter().filter(|line| line.counted().is_none());
                undecided.extend(open.map(|line| line.line.line_no));
            }
            let page = Page::from_probe(rows, size, |row| (row.recorded_at, row.id.clone()));
            Ok(CountPage::from(page.map(|entry| {
                let hidden = undecided.contains(&entry.line_no);
                CountView::new(entry, hidden)
            })))
        })
        .await
}

/// Which lines to hold against the book.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VarianceQuery {
    /// Of this item.
    item: Option<String>,
    /// `different`: only lines that differ; `not_counted`, `waiting` or `decided`: only those.
    only: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List variances
///
/// Each line with what was counted and what the book says of that very moment, their difference
/// with its value and reason, and the movements made meanwhile: `frozen` and every movement but
/// those `after_count` add up to `book`; and the promises that posting it would cut. While a blind stocktake is open, lines that are not
/// decided tell nothing.
#[utoipa::path(tag = "stocktakes", operation_id = "list_stocktake_variances",
    params(("id" = String, Path, description = "Id or number"), VarianceQuery),
    responses((status = 200, description = "A page of variances", body = VariancePage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stocktakes/{id}/variances")]
pub async fn list_stocktake_variances(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<VarianceQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let items = item_filter(query.item.as_deref(), &mut faults).map(|item| vec![item]);
    let only = query.only.as_deref().map(|word| match word {
        "different" | "not_counted" | "waiting" | "decided" => Ok(word.to_owned()),
        _ => Err(FaultCode::NotInList),
    });
    let only = only.and_then(|only| faults.keep("/only", only));
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let stocktake = found(conn, actor, &id)?;
            // Which lines differ is known only once they are held against the book.
            let limit = only.is_none().then(|| size.probe());
            let Loaded { lines, books, lots } =
                load(conn, &stocktake, &LineFilter { items, after, limit })?;
            let most = usize::try_from(size.probe()).unwrap_or(usize::MAX);
            let rows = lines
                .into_iter()
                .filter(|line| match only.as_deref() {
                    None => true,
                    Some("different") => line.difference().is_some_and(|units| units != 0),
                    Some("not_counted") => {
                        line.counted().is_none() && line.decision.waits_for() == Some(1)
                    }
                    Some("waiting") => line.decision.waits_for().is_some_and(|round| round > 1),
                    Some(_) => line.counted().is_some(),
                })
                .take(most)
                .collect();
            let page = Page::from_probe(rows, size, |line: &Evaluated| line.line.line_no);
            let promises = still_to_cut(conn, &stocktake, &page.rows)?;
            let row =
                |line: Evaluated| VarianceRow::new(&stocktake, &line, &books, &lots, &promises);
            Ok(VariancePage::from(page.map(row)))
        })
        .await
}

/// The promises of what some lines lack, while posting may still cut them.
fn still_to_cut(
    conn: &mut DbConnection,
    stocktake: &Stocktake,
    lines: &[Evaluated],
) -> Result<Vec<Promise>, DbError> {
    let lacks = |line: &&Evaluated| line.difference().is_some_and(|units| units < 0);
    let items: BTreeSet<&ItemCode> =
        lines.iter().filter(lacks).map(|line| &line.line.item_code).collect();
    if items.is_empty() || stocktake.ended.is_some() {
        return Ok(Vec::new());
    }
    let items: Vec<ItemCode> = items.into_iter().cloned().collect();
    let promises = promises_of(conn, &stocktake.store_code, &items)?;
    Ok(promises.into_iter().map(|(_, promise)| promise).collect())
}

/// Of which stocktakes to show the accuracy.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccuracyQuery {
    /// Of this store.
    store: Option<String>,
    /// Posted at or after this instant.
    from: Option<String>,
    /// Posted before this instant.
    to: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Show how true the book was
///
/// The figures of every posted stocktake, newest first, with their totals over all pages and by
/// store: lines and units that agreed as exact fractions, differences in units and value.
#[utoipa::path(tag = "stocktakes", operation_id = "list_stocktake_accuracy", params(AccuracyQuery),
    responses((status = 200, description = "A page of figures, and their totals", body = AccuracyPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stocktakes/accuracy")]
pub async fn list_stocktake_accuracy(
    caller: Caller,
    Filters(query): Filters<AccuracyQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) =
        page_after::<(Instant, StocktakeId)>(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = ResultFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        from: instant_filter("/from", query.from.as_deref(), &mut faults),
        to: instant_filter("/to", query.to.as_deref(), &mut faults),
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let all = records::results(conn, &actor.scope, &filter, None, None)?;
            let rows = records::results(conn, &actor.scope, &filter, after, Some(size.probe()))?;
            let page =
                Page::from_probe(rows, size, |row| (row.posted_at, row.stocktake_id.clone()));
            let totals = all.iter().fold(Figures::default(), |sum, one| sum.plus(&one.figures));
            Ok(AccuracyPage {
                rows: page.rows.into_iter().map(AccuracyRow::from).collect(),
                stocktakes: i64::try_from(all.len()).unwrap_or(i64::MAX),
                totals: totals.into(),
                by_store: by_store(&all),
                next_cursor: page.next_cursor,
            })
        })
        .await
}

fn by_store(all: &[StocktakeResult]) -> Vec<StoreAccuracyView> {
    let mut stores: BTreeMap<&StoreCode, (i64, Instant, Figures)> = BTreeMap::new();
    for one in all {
        let sum = stores.entry(&one.store_code).or_insert((0, one.posted_at, Figures::default()));
        *sum = (sum.0.saturating_add(1), sum.1.max(one.posted_at), sum.2.plus(&one.figures));
    }
    let view = |(store, (stocktakes, last_posted_at, figures)): (&StoreCode, _)| {
        let figures: Figures = figures;
        StoreAccuracyView {
            store_code: store.clone(),
            stocktakes,
            last_posted_at,
            figures: figures.into(),
        }
    };
    stores.into_iter().map(view).collect()
}

/// Which stock is due to be counted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DueQuery {
    /// In this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// Of items of this category.
    category: Option<String>,
    /// Not counted for this many days; 90 unless said.
    #[param(minimum = 0)]
    days: Option<i64>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List what is due to be counted
///
/// Stock that is there and was not counted for some days, or never: what a cycle count takes next.
#[utoipa::path(tag = "stocktakes", operation_id = "list_due_counts", params(DueQuery),
    responses((status = 200, description = "A page of stock to be counted", body = DuePage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stocktakes/due")]
pub async fn list_due_counts(
    caller: Caller,
    Filters(query): Filters<DueQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<(StoreCode, ItemCode, LotId, StockState)>(
        query.limit,
        query.cursor.as_deref(),
        &mut faults,
    );
    let days = query.days.unwrap_or(90);
    if !(0..=36_500).contains(&days) {
        faults.add("/days", FaultCode::OutOfRange);
    }
    let store = store_filter(query.store.as_deref(), &mut faults);
    let item = item_filter(query.item.as_deref(), &mut faults);
    let category = query.category.as_deref().and_then(|word| {
        faults.keep("/category", Category::from_word(word).ok_or(FaultCode::NotInList))
    });
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, app, actor| {
            let now = app.clock.now();
            let filter = DueFilter { store, item, category, since: now.plus_days(-days) };
            let rows = due(conn, &actor.scope, &filter, after, size.probe())?;
            let ids: Vec<LotId> = rows.iter().map(|row| row.lot_id.clone()).collect();
            let lots = find_lots(conn, &ids)?;
            let page = Page::from_probe(rows, size, |row| {
                (row.store_code.clone(), row.item_code.clone(), row.lot_id.clone(), row.state)
            });
            Ok(DuePage::from(page.map(|row| DueRow::new(row, &lots, now))))
        })
        .await
}

/// The stocktake with an id or number, in scope.
fn found(conn: &mut DbConnection, actor: &Actor, id: &str) -> Result<Stocktake, CommandError> {
    Ok(records::find(conn, &actor.scope, id)?.ok_or_else(|| no_stocktake(id))?)
}

fn store_filter(given: Option<&str>, faults: &mut Faults) -> Option<StoreCode> {
    given.and_then(|code| faults.keep("/store", StoreCode::new(code)))
}

fn item_filter(given: Option<&str>, faults: &mut Faults) -> Option<ItemCode> {
    given.and_then(|code| faults.keep("/item", ItemCode::new(code)))
}

fn instant_filter(pointer: &str, given: Option<&str>, faults: &mut Faults) -> Option<Instant> {
    let text = given?;
    faults.keep(pointer, Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant))
}
