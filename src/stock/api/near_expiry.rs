//! How long stock may still be used, over REST.

use crate::access::Permission;
use crate::catalogue::Category;
use crate::http::{ApiError, AskedMoment, Caller, Cell, Filters, Shown, Table, page_after};
use crate::kernel::page::Page;
use crate::kernel::{Bilingual, Faults, Instant, ItemCode, Quantity, Refusal};
use crate::stock::api::{item_filter, region_filter, store_filter, word_filter};
use crate::stock::near_expiry::ByDaysLeft;
use crate::stock::queries::fresh::freshness;
use crate::stock::queries::{self, StockFilter, at};
use crate::stock::views::freshness::FreshnessView;
use crate::word_enum;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

word_enum! {
    /// What one row of stock by days left stands for.
    pub enum ExpiryGroup {
        /// One item over all stores that are looked at.
        Item = "item",
        /// One item at one store.
        Store = "store",
    }
}

/// How long the stock of an item may still be used.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExpiryRow {
    /// The store; null where the row is of all that are looked at.
    pub store_code: Option<String>,
    /// The item.
    pub item_code: ItemCode,
    /// Base units whose last day is past.
    pub expired: Quantity,
    /// Base units with 0 to 30 days left; the last day of a lot is a day of use.
    pub up_to_30_days: Quantity,
    /// With 31 to 90.
    pub up_to_90_days: Quantity,
    /// With 91 to 180.
    pub up_to_180_days: Quantity,
    /// With more than 180.
    pub beyond_180_days: Quantity,
    /// That do not expire.
    pub no_expiry: Quantity,
    /// Whose label does not say.
    pub unknown: Quantity,
    /// All of it: what is on hand, usable or not.
    pub on_hand: Quantity,
}

impl ExpiryRow {
    fn new((store, item_code): (String, ItemCode), of: &ByDaysLeft) -> Self {
        Self {
            store_code: Some(store).filter(|store| !store.is_empty()),
            item_code,
            expired: of.expired,
            up_to_30_days: of.up_to_30,
            up_to_90_days: of.up_to_90,
            up_to_180_days: of.up_to_180,
            beyond_180_days: of.beyond_180,
            no_expiry: of.no_expiry,
            unknown: of.unknown,
            on_hand: of.total(),
        }
    }
}

/// A page of stock by the days for which it may still be used.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExpiryPage {
    /// The business time that the stock is of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for it.
    pub as_known_at: Instant,
    /// How many of the stores that the figures cover were heard of lately.
    pub freshness: FreshnessView,
    /// The rows, by store and item.
    pub rows: Vec<ExpiryRow>,
    /// Give this as `cursor` to get the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// Which stock to look at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExpiryQuery {
    /// In this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// In stores of this region.
    region: Option<String>,
    /// Of items of this category.
    category: Option<String>,
    /// `item` (the default) or `store`.
    group_by: Option<String>,
    /// The business time that the question is about; now unless said.
    #[param(example = "2026-01-15T10:00:00Z")]
    as_of: Option<String>,
    /// Only what was on record then counts: a minute back at least. Without `as_of` the question
    /// is about that time too.
    as_known_at: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Show stock by days left
///
/// How long what stores in scope hold may still be used: what is on hand of each item by the days
/// that are left of its lots, in bands of 30, 90 and 180 days. As CSV or workbook it is whole.
#[utoipa::path(tag = "stock", operation_id = "get_stock_by_days_left", params(ExpiryQuery),
    responses((status = 200, description = "A page of the bands; the whole as CSV or workbook", content(
        (ExpiryPage = "application/json"),
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stock/days-left")]
pub async fn stock_by_days_left(
    caller: Caller,
    Filters(query): Filters<ExpiryQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let group =
        word_filter("/group_by", query.group_by.as_deref(), ExpiryGroup::from_word, &mut faults);
    let by_store = group == Some(ExpiryGroup::Store);
    let category = query.category.as_deref();
    let filter = StockFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        item: item_filter(query.item.as_deref(), &mut faults),
        region: region_filter(query.region.as_deref(), &mut faults),
        category: word_filter("/category", category, Category::from_word, &mut faults),
        state: None,
    };
    let (as_of, as_known_at) = (query.as_of.as_deref(), query.as_known_at.as_deref());
    let asked = AskedMoment::parse(caller.app(), as_of, as_known_at, &mut faults);
    let (size, after) =
        page_after::<(String, ItemCode)>(query.limit, query.cursor.as_deref(), &mut faults);
    faults.check()?;
    caller
        .read_shown(Permission::ReadStock, move |conn, app, actor, form| {
            let moment = asked.settle(conn, app)?;
            let zone = app.settings.zone;
            let today = zone.day_of(moment.as_of);
            let places = at::places(conn, &actor.scope, &filter)?;
            let balances = if moment.is_now {
                queries::stock(conn, &actor.scope, &filter, None, i64::MAX)?
            } else {
                at::stock_at(conn, zone, &moment, &places, None, i64::MAX)?
            };
            let mut groups: BTreeMap<(String, ItemCode), ByDaysLeft> = BTreeMap::new();
            for balance in &balances {
                let makers = &balance.lot.makers_lot;
                let store = if by_store { balance.store_code.to_string() } else { String::new() };
                let group = groups.entry((store, makers.item_code.clone())).or_default();
                group.add(makers.expiry, today, balance.on_hand);
            }
            let rows = groups.into_iter().map(|(key, of)| ExpiryRow::new(key, &of));
            if form.is_whole() {
                return Ok(Shown::Whole(whole(rows)?));
            }
            let key = |row: &ExpiryRow| {
                (row.store_code.clone().unwrap_or_default(), row.item_code.clone())
            };
            let rest = rows.filter(|row| after.as_ref().is_none_or(|after| key(row) > *after));
            let page = Page::from_probe(rest.collect(), size, key);
            let stores = places.stores.unwrap_or_default();
            Ok(Shown::Page(ExpiryPage {
                as_of: moment.as_of,
                as_known_at: moment.as_known_at,
                freshness: freshness(conn, &stores, &app.settings, &moment)?.into(),
                rows: page.rows,
                next_cursor: page.next_cursor,
            }))
        })
        .await
}

fn whole(rows: impl Iterator<Item = ExpiryRow>) -> Result<Table, Refusal> {
    let columns = [
        ("储备点", "store_code"),
        ("物资", "item_code"),
        ("已过期", "expired"),
        ("30天内", "up_to_30_days"),
        ("31至90天", "up_to_90_days"),
        ("91至180天", "up_to_180_days"),
        ("180天以上", "beyond_180_days"),
        ("无效期", "no_expiry"),
        ("效期不明", "unknown"),
        ("账面", "on_hand"),
    ];
    let columns = columns.map(|(zh, en)| Bilingual::new(zh, en)).to_vec();
    let mut table = Table::new("stock-days-left", columns);
    for row in rows {
        table.push(vec![
            Cell::of(row.store_code),
            Cell::text(row.item_code),
            row.expired.into(),
            row.up_to_30_days.into(),
            row.up_to_90_days.into(),
            row.up_to_180_days.into(),
            row.beyond_180_days.into(),
            row.no_expiry.into(),
            row.unknown.into(),
            row.on_hand.into(),
        ])?;
    }
    Ok(table)
}

/// The operations that tell how long stock may be used.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(stock_by_days_left);
}
