//! Recording what is taken from the reserve, giving it back, and closing it.

use crate::access::Scope;
use crate::authority::Authority;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::db::{DbConnection, DbError};
use crate::draw_down::requests::CloseRequest;
use crate::draw_down::rules::{self, DrawDown, DrawDownStatus, Floor};
use crate::draw_down::{records, views::DrawDownView};
use crate::kernel::id::DrawDownId;
use crate::kernel::page::PageSize;
use crate::kernel::time::plus_days;
use crate::kernel::{Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::reserve_plan::queries::floor_of;
use crate::stock::queries::{StockFilter, stock};
use chrono::NaiveDate;

/// Stock that a document takes from what is available.
#[derive(Debug, Clone)]
pub struct Taking<'a> {
    /// From which store.
    pub store: &'a StoreCode,
    /// Of what.
    pub item: &'a ItemCode,
    /// Base units.
    pub taken: Quantity,
    /// Base units that remain available.
    pub after: Quantity,
    /// By whose word.
    pub authority: Option<&'a Authority>,
    /// E.g. `dispatch`.
    pub document_kind: &'a str,
    /// The document's id.
    pub document_id: &'a str,
    /// Its number.
    pub document_number: &'a str,
}

/// Holds a taking against the floor of the plan in force, and records what of it is reserve.
///
/// # Errors
/// `floor_crossed` where the floor does not hold and no authority is named.
pub fn take(tx: &mut Tx<'_>, taking: &Taking<'_>) -> Result<Option<DrawDown>, CommandError> {
    let Some(floor) = floor(tx.conn, taking.store, taking.item, tx.now)? else { return Ok(None) };
    let below = rules::draw_down(
        taking.item,
        taking.after,
        taking.taken,
        floor.quantity,
        taking.authority,
    )?;
    let Some((quantity, authority)) = below.zip(taking.authority) else { return Ok(None) };
    let today = tx.settings.zone.day_of(tx.now);
    let taken = DrawDown {
        id: DrawDownId::generate(),
        store_code: taking.store.clone(),
        item_code: taking.item.clone(),
        quantity,
        available_after: taking.after,
        floor,
        authority: authority.clone(),
        document_kind: taking.document_kind.to_owned(),
        document_id: taking.document_id.to_owned(),
        document_number: taking.document_number.to_owned(),
        taken_by: tx.actor.name.clone(),
        taken_at: tx.now,
        replenish_by: plus_days(today, tx.settings.replenish_days),
        status: DrawDownStatus::Open,
        closed_by: None,
        closed_at: None,
        note: None,
        version: 1,
    };
    records::insert(tx.conn, &taken)?;
    Ok(Some(taken))
}

fn floor(
    conn: &mut DbConnection,
    store: &StoreCode,
    item: &ItemCode,
    at: Instant,
) -> Result<Option<Floor>, DbError> {
    let floor = floor_of(conn, store, item, at)?;
    Ok(floor.map(|floor| Floor {
        quantity: floor.quantity,
        plan_id: floor.plan_id,
        plan_version: floor.plan_version,
    }))
}

/// Gives back what a document was promised of an item and did not take out of the store, the
/// newest draw-down first.
///
/// # Errors
/// When the database fails.
pub fn give_back(
    conn: &mut DbConnection,
    document_kind: &str,
    document_id: &str,
    item: &ItemCode,
    released: Quantity,
) -> Result<(), DbError> {
    let mut left = released;
    for taken in records::of_document(conn, document_kind, document_id)? {
        if taken.item_code != *item || taken.status != DrawDownStatus::Open || left.is_zero() {
            continue;
        }
        let smaller = rules::give_back(&taken, left);
        left = left.minus_or_zero(taken.quantity);
        records::update(conn, &smaller)?;
    }
    Ok(())
}

/// Closes a draw-down: as replenished where the stock is at its floor again, else with a reason.
///
/// # Errors
/// `not_found` outside the caller's scope, `stale_version`, `wrong_status` unless it is open,
/// `floor_crossed` while the stock is below the floor and no note says why it is closed.
pub fn close(
    tx: &mut Tx<'_>,
    id: &DrawDownId,
    request: &CloseRequest,
) -> Result<Done, CommandError> {
    let taken = records::lock(tx.conn, id)?
        .filter(|taken| tx.actor.scope.contains(&taken.store_code))
        .ok_or_else(|| not_found(id.as_str()))?;
    tx.expect_version(taken.version)?;
    let note = request.parse()?;
    let today = tx.settings.zone.day_of(tx.now);
    let available = available(tx.conn, &taken.store_code, &taken.item_code, today)?;
    let closed = rules::close(&taken, available, note, &tx.actor.name, tx.now)?;
    records::update(tx.conn, &closed)?;
    let subject = Subject {
        kind: "draw_down",
        id: closed.id.to_string(),
        store: Some(closed.store_code.clone()),
    };
    Ok(Done::ok(subject, &DrawDownView::of(&closed, today))
        .version(closed.version)
        .replacing(&DrawDownView::of(&taken, today)))
}

fn available(
    conn: &mut DbConnection,
    store: &StoreCode,
    item: &ItemCode,
    day: NaiveDate,
) -> Result<Quantity, DbError> {
    let filter = StockFilter {
        store: Some(store.clone()),
        item: Some(item.clone()),
        ..StockFilter::default()
    };
    let balances = stock(conn, &Scope::All, &filter, None, PageSize::MAX)?;
    Ok(Quantity::total(balances.iter().map(|balance| balance.available(day))))
}

/// That there is no such draw-down, or none that the caller may know of.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("动用记录", "draw-down", id)
}
