//! The stock card over REST.

use crate::access::Permission;
use crate::http::{ApiError, AskedMoment, Caller, Cell, Filters, Shown, Table, page_after};
use crate::kernel::id::{LotId, MovementId};
use crate::kernel::page::{Cursor, PageSize};
use crate::kernel::{Bilingual, FaultCode, Faults, Instant, ItemCode, Refusal, StoreCode};
use crate::stock::account::Account;
use crate::stock::api::{AskedPeriod, item_filter, store_filter};
use crate::stock::movement::Movement;
use crate::stock::queries;
use crate::stock::queries::card::{Card, CardKey, balance_before, card_movements};
use crate::stock::views::MovementView;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// A movement on a card.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardRow {
    /// The movement.
    #[serde(flatten)]
    pub movement: MovementView,
    /// What it added to the store's stock, below zero where it took; zero where only the state
    /// changed.
    pub change: i64,
    /// What the store held after it.
    pub balance: i64,
}

/// A page of a stock card.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardPage {
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// The lot, where one was asked for.
    pub lot_id: Option<LotId>,
    /// The first instant of the period.
    pub from: Instant,
    /// The instant after it.
    pub to: Instant,
    /// The business time that the card is of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for it.
    pub as_known_at: Instant,
    /// What was there when the period began.
    pub opening: i64,
    /// The movements, by business time, recorded time and id.
    pub rows: Vec<CardRow>,
    /// What was there when the period ended.
    pub closing: i64,
    /// Give this as `cursor` to get the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// Which card to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CardQuery {
    /// The store.
    #[param(example = "QN-DEPOT")]
    store: String,
    /// The item.
    #[param(example = "M02")]
    item: String,
    /// Of this lot alone.
    lot: Option<String>,
    /// The first day or instant of the period; 30 days before its end unless said.
    #[param(example = "2026-01-01")]
    from: Option<String>,
    /// The last day of the period, or the instant at which it ends; now unless said.
    #[param(example = "2026-01-31")]
    to: Option<String>,
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

/// A place on a card and the balance there.
type PageKey = (CardKey, i64);

/// Show a stock card
///
/// Opening, every movement of an item at a store with the balance after it, closing. The order is
/// that of business time, then of recording. As CSV or workbook the whole period is given.
#[utoipa::path(tag = "stock", operation_id = "get_stock_card", params(CardQuery),
    responses((status = 200, description = "A page of the card; the whole as CSV or workbook", content(
        (CardPage = "application/json"),
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/stock/card")]
pub async fn stock_card(
    caller: Caller,
    Filters(query): Filters<CardQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let store = store_filter(Some(&query.store), &mut faults);
    let item = item_filter(Some(&query.item), &mut faults);
    let lot = query.lot.and_then(|id| {
        faults.keep("/lot", LotId::try_from(id).map_err(|_shape| FaultCode::InvalidFormat))
    });
    let (as_of, as_known_at) = (query.as_of.as_deref(), query.as_known_at.as_deref());
    let asked = AskedMoment::parse(caller.app(), as_of, as_known_at, &mut faults);
    let zone = caller.app().settings.zone;
    let period = AskedPeriod::parse(zone, query.from.as_deref(), query.to.as_deref(), &mut faults);
    let (size, after) = page_after::<PageKey>(query.limit, query.cursor.as_deref(), &mut faults);
    let (store, item) = faults.finish(store.zip(item))?;
    caller
        .read_shown(Permission::ReadStock, move |conn, app, actor, form| {
            // A store that the caller may not see is no other than one that is not there.
            if !actor.scope.contains(&store) {
                return Err(Refusal::not_found("储备点", "store", store.as_str()).into());
            }
            let moment = asked.settle(conn, app)?;
            let (known, period) = (moment.known(), period.settle(&moment));
            let card = Card { store, item, lot, from: period.from, to: period.to };
            let opening = balance_before(conn, zone, &card, card.from, known)?;
            let closing = balance_before(conn, zone, &card, card.to, known)?;
            if form.is_whole() {
                return whole(conn, &card, known, opening).map(Shown::Whole);
            }
            let (place, running) = match after {
                Some((place, running)) => (Some(place), running),
                None => (None, opening),
            };
            let movements = card_movements(conn, &card, known, place.as_ref(), size.probe())?;
            let (rows, next_cursor) = page(conn, movements, running, known, size)?;
            Ok(Shown::Page(CardPage {
                store_code: card.store,
                item_code: card.item,
                lot_id: card.lot,
                from: card.from,
                to: card.to,
                as_of: moment.as_of,
                as_known_at: moment.as_known_at,
                opening,
                rows,
                closing,
                next_cursor,
            }))
        })
        .await
}

/// The rows of a page, each with the balance after it, and the cursor of the next.
fn page(
    conn: &mut crate::db::DbConnection,
    mut movements: Vec<Movement>,
    running: i64,
    known: Option<Instant>,
    size: PageSize,
) -> Result<(Vec<CardRow>, Option<String>), crate::command::CommandError> {
    let most = usize::try_from(size.rows()).unwrap_or(usize::MAX);
    let more = movements.len() > most;
    movements.truncate(most);
    let ids: Vec<MovementId> = movements.iter().map(|movement| movement.id.clone()).collect();
    let mut reversals = queries::reversals_as_known(conn, &ids, known)?;
    let mut balance = running;
    let rows: Vec<CardRow> = movements
        .into_iter()
        .map(|movement| {
            let change = change_of(&movement);
            balance += change;
            let taken_back = reversals.remove(&movement.id).unwrap_or_default();
            CardRow { movement: MovementView::new(movement, taken_back), change, balance }
        })
        .collect();
    let place = |row: &CardRow| {
        let view = &row.movement;
        ((view.occurred_at, view.recorded_at, view.id.clone()), row.balance)
    };
    let next = rows.last().filter(|_| more).map(|row| Cursor::after(&place(row)).into());
    Ok((rows, next))
}

/// What a movement added to the stock of its store.
fn change_of(movement: &Movement) -> i64 {
    let units = movement.line.quantity.units();
    let in_store = |account: &Account| matches!(account, Account::Store(..));
    i64::from(in_store(&movement.line.to)) * units
        - i64::from(in_store(&movement.line.from)) * units
}

fn whole(
    conn: &mut crate::db::DbConnection,
    card: &Card,
    known: Option<Instant>,
    opening: i64,
) -> Result<Table, crate::command::CommandError> {
    let columns = [
        ("发生时间", "occurred_at"),
        ("记录时间", "recorded_at"),
        ("类型", "kind"),
        ("单号", "document_number"),
        ("批次", "lot_id"),
        ("来", "from_account"),
        ("去", "to_account"),
        ("增减", "change"),
        ("结存", "balance"),
        ("经手人", "actor"),
        ("原因", "reason_code"),
        ("备注", "note"),
    ];
    let mut table =
        Table::new("stock-card", columns.map(|(zh, en)| Bilingual::new(zh, en)).to_vec());
    let (mut balance, mut after): (i64, Option<CardKey>) = (opening, None);
    loop {
        let movements = card_movements(conn, card, known, after.as_ref(), PageSize::MAX)?;
        let Some(last) = movements.last() else { break };
        after = Some((last.occurred_at, last.recorded_at, last.id.clone()));
        for movement in movements {
            let change = change_of(&movement);
            balance += change;
            let line = movement.line;
            table.push(vec![
                Cell::text(movement.occurred_at),
                Cell::text(movement.recorded_at),
                Cell::text(line.kind),
                Cell::Text(movement.document.number),
                Cell::text(line.lot_id),
                Cell::text(line.from),
                Cell::text(line.to),
                Cell::Number(change),
                Cell::Number(balance),
                Cell::Text(movement.actor),
                Cell::of(line.reason_code),
                Cell::of(line.note),
            ])?;
        }
    }
    Ok(table)
}

/// The operations on stock cards.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(stock_card);
}
