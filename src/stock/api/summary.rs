//! The stock summary 收发存 over REST.

use crate::access::Permission;
use crate::catalogue::Category;
use crate::http::{ApiError, AskedMoment, Caller, Cell, Filters, Shown, Table, page_after};
use crate::kernel::page::{Page, PageSize};
use crate::kernel::{Bilingual, Faults, Instant, ItemCode, Money, Refusal};
use crate::stock::account::Outside;
use crate::stock::api::{AskedPeriod, item_filter, region_filter, store_filter, word_filter};
use crate::stock::freshness::Freshness;
use crate::stock::queries::StockFilter;
use crate::stock::queries::at::places;
use crate::stock::queries::fresh::freshness;
use crate::stock::queries::summary::{Grouping, Summary, summary};
use crate::stock::summary::{Amount, SummaryLine, TRANSFER_IN, TRANSFER_OUT};
use crate::stock::views::freshness::FreshnessView;
use crate::word_enum;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

word_enum! {
    /// By what a summary is grouped, besides the item.
    pub enum SummaryGroup {
        /// By store.
        Store = "store",
        /// By region of the store.
        Region = "region",
        /// By category of the item.
        Category = "category",
        /// By owner; the county's own stock stands under an empty name.
        Owner = "owner",
    }
}

impl SummaryGroup {
    const fn grouping(self) -> Grouping {
        match self {
            Self::Store => Grouping::Store,
            Self::Region => Grouping::Region,
            Self::Category => Grouping::Category,
            Self::Owner => Grouping::Owner,
        }
    }
}

/// Base units and their value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AmountView {
    /// Base units; below zero where more was reversed than came.
    pub quantity: i64,
    /// Yuan, at the unit costs of the lots as far as they are known.
    pub value: Money,
}

impl From<Amount> for AmountView {
    fn from(amount: Amount) -> Self {
        Self { quantity: amount.units, value: amount.money() }
    }
}

/// What came from or went to one account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountAmount {
    /// The source or purpose; `transfer_in` and `transfer_out` are lorries.
    #[schema(example = "supplier")]
    pub account: String,
    /// How much.
    #[serde(flatten)]
    pub amount: AmountView,
}

/// One line of a summary: one item of one group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SummaryRow {
    /// The store, region, category or owner, as grouped.
    #[schema(example = "QN-DEPOT")]
    pub group: String,
    /// The item.
    pub item_code: ItemCode,
    /// What was there when the period began.
    pub opening: AmountView,
    /// What came, by source. What was reversed is taken off.
    #[serde(rename = "in")]
    pub came: Vec<AccountAmount>,
    /// What went, by purpose. What was reversed is taken off.
    #[serde(rename = "out")]
    pub went: Vec<AccountAmount>,
    /// All that came.
    pub total_in: AmountView,
    /// All that went.
    pub total_out: AmountView,
    /// What was there when the period ended: opening + in − out.
    pub closing: AmountView,
    /// Base units of the closing whose cost is not known; they are worth nothing here.
    pub without_cost: i64,
}

impl SummaryRow {
    fn new(group: String, item_code: ItemCode, line: &SummaryLine) -> Self {
        let by_account = |amounts: &BTreeMap<String, Amount>| {
            let view = |(account, amount): (&String, &Amount)| AccountAmount {
                account: account.clone(),
                amount: (*amount).into(),
            };
            amounts.iter().map(view).collect()
        };
        Self {
            group,
            item_code,
            opening: line.opening.into(),
            came: by_account(&line.came),
            went: by_account(&line.went),
            total_in: line.total_in().into(),
            total_out: line.total_out().into(),
            closing: line.closing.into(),
            without_cost: line.without_cost,
        }
    }
}

/// A page of a stock summary.
#[derive(Debug, Serialize, ToSchema)]
pub struct SummaryPage {
    /// The first instant of the period.
    pub from: Instant,
    /// The instant after it.
    pub to: Instant,
    /// The business time that the summary is of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for it.
    pub as_known_at: Instant,
    /// The rows, by group and item.
    pub rows: Vec<SummaryRow>,
    /// How many of the stores that the figures cover were heard of lately, at the end of the period.
    pub freshness: FreshnessView,
    /// Give this as `cursor` to get the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// Which summary to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SummaryQuery {
    /// The first day or instant of the period; 30 days before its end unless said.
    #[param(example = "2026-01-01")]
    from: Option<String>,
    /// The last day of the period, or the instant at which it ends; now unless said.
    #[param(example = "2026-01-31")]
    to: Option<String>,
    /// `store` (the default), `region`, `category` or `owner`.
    group_by: Option<String>,
    /// Of this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// Of stores in this region.
    region: Option<String>,
    /// Of items of this category.
    category: Option<String>,
    /// What happened later does not count; now unless said.
    as_of: Option<String>,
    /// Only what was on record then counts: a minute back at least.
    as_known_at: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Show a stock summary
///
/// 收发存: opening, in by source, out by purpose, closing and their value, for each item and store,
/// region, category or owner in scope. It adds up for any period. As CSV or workbook it is whole.
#[utoipa::path(tag = "stock", operation_id = "get_stock_summary", params(SummaryQuery),
    responses((status = 200, description = "A page of the summary; the whole as CSV or workbook", content(
        (SummaryPage = "application/json"),
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stock/summary")]
pub async fn stock_summary(
    caller: Caller,
    Filters(query): Filters<SummaryQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let group = query.group_by.as_deref();
    let group = word_filter("/group_by", group, SummaryGroup::from_word, &mut faults);
    let filter = StockFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        item: item_filter(query.item.as_deref(), &mut faults),
        region: region_filter(query.region.as_deref(), &mut faults),
        category: word_filter(
            "/category",
            query.category.as_deref(),
            Category::from_word,
            &mut faults,
        ),
        state: None,
    };
    let (as_of, as_known_at) = (query.as_of.as_deref(), query.as_known_at.as_deref());
    let asked = AskedMoment::parse(caller.app(), as_of, as_known_at, &mut faults);
    let zone = caller.app().settings.zone;
    let period = AskedPeriod::parse(zone, query.from.as_deref(), query.to.as_deref(), &mut faults);
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    faults.check()?;
    let grouping = group.unwrap_or(SummaryGroup::Store).grouping();
    caller
        .read_shown(Permission::ReadStock, move |conn, app, actor, form| {
            let moment = asked.settle(conn, app)?;
            let period = period.settle(&moment);
            let places = places(conn, &actor.scope, &filter)?;
            let lines = summary(conn, zone, &places, period, moment.known(), grouping)?;
            let stores = places.stores.as_deref().unwrap_or_default();
            let fresh = freshness(conn, stores, &app.settings, &moment)?;
            if form.is_whole() {
                return Ok(Shown::Whole(whole(lines, fresh)?));
            }
            let page = page(lines, after.as_ref(), size);
            Ok(Shown::Page(SummaryPage {
                from: period.from,
                to: period.to,
                as_of: moment.as_of,
                as_known_at: moment.as_known_at,
                rows: page.rows,
                freshness: fresh.into(),
                next_cursor: page.next_cursor,
            }))
        })
        .await
}

fn page(lines: Summary, after: Option<&(String, ItemCode)>, size: PageSize) -> Page<SummaryRow> {
    let most = usize::try_from(size.probe()).unwrap_or(usize::MAX);
    let rows = lines
        .into_iter()
        .filter(|(key, _)| after.is_none_or(|after| key > after))
        .take(most)
        .map(|((group, item), line)| SummaryRow::new(group, item, &line))
        .collect();
    Page::from_probe(rows, size, |row: &SummaryRow| (row.group.clone(), row.item_code.clone()))
}

/// The whole with a column for every account, so that the same columns always mean the same.
fn whole(lines: Summary, fresh: Freshness) -> Result<Table, Refusal> {
    let accounts = |transfer: &'static str| {
        let outside = Outside::ALL.iter().map(|word| word.as_str());
        outside.chain(std::iter::once(transfer)).collect::<Vec<&'static str>>()
    };
    let (sources, purposes) = (accounts(TRANSFER_IN), accounts(TRANSFER_OUT));
    let mut columns = vec![
        Bilingual::new("分组", "group"),
        Bilingual::new("物资", "item_code"),
        Bilingual::new("期初数量", "opening"),
        Bilingual::new("期初金额", "opening_value"),
    ];
    for (zh, en, accounts) in [("入", "in", &sources), ("出", "out", &purposes)] {
        columns.extend(
            accounts
                .iter()
                .map(|name| Bilingual::new(format!("{zh} {name}"), format!("{en}_{name}"))),
        );
        columns.push(Bilingual::new(format!("{zh}库合计"), format!("total_{en}")));
        columns.push(Bilingual::new(format!("{zh}库金额"), format!("total_{en}_value")));
    }
    columns.push(Bilingual::new("期末数量", "closing"));
    columns.push(Bilingual::new("期末金额", "closing_value"));
    columns.push(Bilingual::new("无成本数量", "without_cost"));
    columns.push(Bilingual::new("储备点数", "stores"));
    columns.push(Bilingual::new("按时有流水或报告的储备点数", "stores_heard"));
    columns.push(Bilingual::new("最久未报告者的最近时间", "oldest_report_at"));
    let mut table = Table::new("stock-summary", columns);
    for ((group, item), line) in lines {
        let mut row = vec![
            Cell::Text(group),
            Cell::text(item),
            Cell::Number(line.opening.units),
            Cell::Money(line.opening.money()),
        ];
        let sides =
            [(&sources, &line.came, line.total_in()), (&purposes, &line.went, line.total_out())];
        for (accounts, amounts, total) in sides {
            let units = |name: &&str| amounts.get(*name).map_or(0, |amount| amount.units);
            row.extend(accounts.iter().map(|name| Cell::Number(units(name))));
            row.extend([Cell::Number(total.units), Cell::Money(total.money())]);
        }
        row.extend([
            Cell::Number(line.closing.units),
            Cell::Money(line.closing.money()),
            Cell::Number(line.without_cost),
            Cell::Number(fresh.stores),
            Cell::Number(fresh.heard),
            Cell::of(fresh.oldest.map(|at| at.to_string())),
        ]);
        table.push(row)?;
    }
    Ok(table)
}

/// The operations on stock summaries.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(stock_summary);
}
