//! What is where, over REST.

use crate::access::{Permission, Scope};
use crate::catalogue::packs::InPacks;
use crate::catalogue::{Category, Item, records as items};
use crate::command::CommandError;
use crate::db::DbConnection;
use crate::http::{ApiError, AskedMoment, Caller, Cell, Filters, Shown, Table, page_after};
use crate::kernel::id::LotId;
use crate::kernel::page::{Cursor, Page, PageSize};
use crate::kernel::time::plus_days;
use crate::kernel::{Bilingual, Faults, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::account::StockState;
use crate::stock::api::{item_filter, region_filter, store_filter, word_filter};
use crate::stock::balance::LotBalance;
use crate::stock::queries::fresh::freshness;
use crate::stock::queries::{self, InTransit, StockFilter, at};
use crate::stock::views::StockRow;
use crate::stock::views::freshness::FreshnessView;
use crate::word_enum;
use actix_web::{HttpResponse, get};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

word_enum! {
    /// What one row of stock stands for.
    pub enum GroupBy {
        /// One lot in one state at one store.
        Lot = "lot",
        /// One item over all stores that are looked at.
        Item = "item",
        /// One item at one store.
        Store = "store",
    }
}

/// A page of stock, and the times for which it holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockPage {
    /// The business time that the stock is of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for it.
    pub as_known_at: Instant,
    /// The rows, by store, item, lot and state.
    pub rows: Vec<StockRow>,
    /// How many of the stores that the sums cover were heard of lately; null where a row is of one
    /// store.
    pub freshness: Option<FreshnessView>,
    /// Give this as `cursor` to get the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// Which stock to look at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StockQuery {
    /// In this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// In stores of this region.
    region: Option<String>,
    /// Of items of this category.
    category: Option<String>,
    /// In this state.
    state: Option<String>,
    /// `lot` (the default), `item` or `store`.
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

type LotKey = (StoreCode, ItemCode, LotId, StockState);
type GroupKey = (String, ItemCode);

/// Look at stock
///
/// What stores in scope hold, or held at a time of the past: on hand, reserved, blocked, available
/// and in transit, by lot, by item or by store.
#[utoipa::path(tag = "stock", operation_id = "list_stock", params(StockQuery),
    responses((status = 200, description = "A page of stock; the whole as CSV or workbook", content(
        (StockPage = "application/json"),
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stock")]
pub async fn list_stock(
    caller: Caller,
    Filters(query): Filters<StockQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let group =
        word_filter("/group_by", query.group_by.as_deref(), GroupBy::from_word, &mut faults)
            .unwrap_or(GroupBy::Lot);
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
        state: word_filter("/state", query.state.as_deref(), StockState::from_word, &mut faults),
    };
    let (as_of, as_known_at) = (query.as_of.as_deref(), query.as_known_at.as_deref());
    let asked = AskedMoment::parse(caller.app(), as_of, as_known_at, &mut faults);
    let cursor = query.cursor.as_deref();
    let (size, lot_after, group_after) = match group {
        GroupBy::Lot => {
            let (size, after) = page_after::<LotKey>(query.limit, cursor, &mut faults);
            (size, after, None)
        }
        GroupBy::Item | GroupBy::Store => {
            let (size, after) = page_after::<GroupKey>(query.limit, cursor, &mut faults);
            (size, None, after)
        }
    };
    faults.check()?;
    caller
        .read_shown(Permission::ReadStock, move |conn, app, actor, form| {
            let (size, lot_after, group_after) = if form.is_whole() {
                (PageSize::WHOLE, None, None)
            } else {
                (size, lot_after, group_after)
            };
            let moment = asked.settle(conn, app)?;
            let zone = app.settings.zone;
            let day = zone.day_of(moment.as_of);
            let limit = if group == GroupBy::Lot { size.probe() } else { i64::MAX };
            let (store, item) = (filter.store.as_ref(), filter.item.as_ref());
            let (balances, on_way) = if moment.is_now {
                let balances = queries::stock(conn, &actor.scope, &filter, lot_after, limit)?;
                (balances, queries::in_transit(conn, &actor.scope, store, item, None)?)
            } else {
                let places = at::places(conn, &actor.scope, &filter)?;
                let after = lot_after.as_ref();
                let balances = at::stock_at(conn, zone, &moment, &places, after, limit)?;
                (
                    balances,
                    at::in_transit_at(
                        conn,
                        &moment,
                        &actor.scope,
                        store,
                        item.map(std::slice::from_ref),
                    )?,
                )
            };
            let scope = &actor.scope;
            let filter = &filter;
            let page = match group {
                GroupBy::Lot => by_lot(conn, balances, &on_way, day, size)?,
                GroupBy::Item | GroupBy::Store => {
                    let groups = Groups { by_store: group == GroupBy::Store, filter, scope };
                    grouped(conn, balances, &on_way, day, size, group_after, &groups)?
                }
            };
            if form.is_whole() {
                return Ok(Shown::Whole(whole(page)?));
            }
            let freshness = match group {
                GroupBy::Item => {
                    let stores = at::places(conn, scope, filter)?.stores.unwrap_or_default();
                    Some(freshness(conn, &stores, &app.settings, &moment)?.into())
                }
                GroupBy::Lot | GroupBy::Store => None,
            };
            Ok(Shown::Page(StockPage {
                as_of: moment.as_of,
                as_known_at: moment.as_known_at,
                rows: page.rows,
                freshness,
                next_cursor: page.next_cursor,
            }))
        })
        .await
}

/// All rows as a table; one that would be cut off is refused.
fn whole(page: Page<StockRow>) -> Result<Table, Refusal> {
    let columns = [
        ("储备点", "store_code"),
        ("物资", "item_code"),
        ("批次", "lot_id"),
        ("批号", "lot_number"),
        ("有效期至", "expires_on"),
        ("状态", "state"),
        ("不可用原因", "blocked_because"),
        ("账面", "on_hand"),
        ("占用", "reserved"),
        ("不可用", "blocked"),
        ("可用", "available"),
        ("调入在途", "in_transit_in"),
        ("调出在途", "in_transit_out"),
    ];
    let mut table = Table::new("stock", columns.map(|(zh, en)| Bilingual::new(zh, en)).to_vec());
    for row in page.rows {
        table.push(vec![
            Cell::of(row.store_code.map(String::from)),
            Cell::of(row.item_code.map(String::from)),
            Cell::of(row.lot_id.map(String::from)),
            Cell::of(row.lot_number.map(String::from)),
            Cell::of(row.expires_on.map(|day| day.to_string())),
            Cell::of(row.state.map(|state| state.to_string())),
            Cell::of(row.blocked_because.map(|why| why.to_string())),
            Cell::Number(row.on_hand),
            Cell::Number(row.reserved),
            Cell::Number(row.blocked),
            Cell::Number(row.available),
            Cell::Number(row.in_transit_in),
            Cell::Number(row.in_transit_out),
        ])?;
    }
    Ok(table)
}

fn by_lot(
    conn: &mut DbConnection,
    balances: Vec<LotBalance>,
    on_way: &[InTransit],
    day: NaiveDate,
    size: PageSize,
) -> Result<Page<StockRow>, CommandError> {
    let page = Page::from_probe(balances, size, |balance| {
        let item = balance.lot.makers_lot.item_code.clone();
        (balance.store_code.clone(), item, balance.lot.id.clone(), balance.state)
    });
    let catalogue =
        items_of(conn, page.rows.iter().map(|balance| &balance.lot.makers_lot.item_code))?;
    Ok(page.map(|balance| {
        let makers = &balance.lot.makers_lot;
        let item = catalogue.get(&makers.item_code);
        let of_lot = |store: fn(&InTransit) -> &StoreCode| {
            let rows = on_way.iter().filter(|row| row.lot_id == balance.lot.id);
            units(rows.filter(|row| *store(row) == balance.store_code))
        };
        let near = |item: &Item, last| last <= plus_days(day, item.near_expiry_days);
        StockRow {
            in_transit_in: of_lot(|row| &row.to_store),
            in_transit_out: of_lot(|row| &row.from_store),
            lot_number: Some(makers.lot_number.clone()),
            expires_on: makers.expiry.date(),
            state: Some(balance.state),
            blocked_because: balance.why_blocked(day),
            near_expiry: item.map(|item| makers.expiry.date().is_some_and(|last| near(item, last))),
            lot_id: Some(balance.lot.id.clone()),
            ..sums(&balance, day, item)
        }
    }))
}

/// The row of one balance, without what only its lot tells.
fn sums(balance: &LotBalance, day: NaiveDate, item: Option<&Item>) -> StockRow {
    let available = balance.available(day);
    StockRow {
        store_code: Some(balance.store_code.clone()),
        item_code: Some(balance.lot.makers_lot.item_code.clone()),
        on_hand: balance.on_hand.units(),
        reserved: balance.reserved.units(),
        blocked: balance.blocked(day).units(),
        available: available.units(),
        available_in_packs: item
            .and_then(Item::largest_pack)
            .map(|pack| InPacks::of(available, pack)),
        ..StockRow::default()
    }
}

/// Which groups of stock are asked for.
struct Groups<'a> {
    by_store: bool,
    filter: &'a StockFilter,
    scope: &'a Scope,
}

impl Groups<'_> {
    /// Whether a store that holds nothing of an item has a row for what is on the way.
    ///
    /// Not where a filter looks at what only stock in a store can tell.
    fn shows(&self, store: &StoreCode) -> bool {
        let by_stock_alone = self.filter.region.is_none()
            && self.filter.category.is_none()
            && self.filter.state.is_none();
        by_stock_alone
            && self.scope.contains(store)
            && self.filter.store.as_ref().is_none_or(|wanted| wanted == store)
    }
}

fn grouped(
    conn: &mut DbConnection,
    balances: Vec<LotBalance>,
    on_way: &[InTransit],
    day: NaiveDate,
    size: PageSize,
    after: Option<GroupKey>,
    wanted: &Groups<'_>,
) -> Result<Page<StockRow>, CommandError> {
    let key = |store: &StoreCode, item: &ItemCode| {
        (if wanted.by_store { store.to_string() } else { String::new() }, item.clone())
    };
    let mut groups: BTreeMap<GroupKey, StockRow> = BTreeMap::new();
    for balance in &balances {
        let item = &balance.lot.makers_lot.item_code;
        let row = groups.entry(key(&balance.store_code, item)).or_default();
        row.on_hand += balance.on_hand.units();
        row.reserved += balance.reserved.units();
        row.blocked += balance.blocked(day).units();
        row.available += balance.available(day).units();
    }
    for row in on_way {
        let units = row.quantity.units();
        for (store, incoming) in [(&row.to_store, units), (&row.from_store, 0)] {
            let key = key(store, &row.item_code);
            // A store that has nothing yet shows what is on its way to it all the same.
            if groups.contains_key(&key) || wanted.shows(store) {
                let group = groups.entry(key).or_default();
                group.in_transit_in += incoming;
                group.in_transit_out += units - incoming;
            }
        }
    }
    let most = usize::try_from(size.probe()).unwrap_or(usize::MAX);
    let rows: Vec<(GroupKey, StockRow)> = groups
        .into_iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
        .take(most)
        .collect();
    let catalogue = items_of(conn, rows.iter().map(|((_, item), _)| item))?;
    let last = rows.get(most.saturating_sub(2)).filter(|_| rows.len() == most);
    let next_cursor = last.map(|(key, _)| String::from(Cursor::after(key)));
    let rows = rows.into_iter().take(most - 1).map(|((store, code), row)| StockRow {
        available_in_packs: catalogue
            .get(&code)
            .and_then(Item::largest_pack)
            .zip(Quantity::new(row.available).ok())
            .map(|(pack, available)| InPacks::of(available, pack)),
        store_code: StoreCode::new(&store).ok(),
        item_code: Some(code),
        ..row
    });
    Ok(Page { rows: rows.collect(), next_cursor })
}

fn items_of<'a>(
    conn: &mut DbConnection,
    codes: impl Iterator<Item = &'a ItemCode>,
) -> Result<BTreeMap<ItemCode, Item>, CommandError> {
    let mut codes: Vec<ItemCode> = codes.cloned().collect();
    codes.sort_unstable();
    codes.dedup();
    Ok(items::find_all(conn, &codes)?)
}

fn units<'a>(rows: impl Iterator<Item = &'a InTransit>) -> i64 {
    Quantity::total(rows.map(|row| row.quantity)).units()
}

/// The operations that look at stock.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_stock);
}
