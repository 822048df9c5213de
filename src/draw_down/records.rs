//! Draw-downs, as rows.

use crate::access::Scope;
use crate::authority::records::read_authority;
use crate::db::schema::draw_down;
use crate::db::{DbConnection, DbError};
use crate::draw_down::rules::{DrawDown, DrawDownStatus, Floor};
use crate::kernel::id::{DrawDownId, ReservePlanId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::load_locked;
use chrono::NaiveDate;
use diesel::prelude::*;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = draw_down, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: DrawDownId,
    store_code: StoreCode,
    item_code: ItemCode,
    quantity: Quantity,
    available_after: Quantity,
    floor: Quantity,
    plan_id: ReservePlanId,
    plan_version: i64,
    authority: String,
    document_kind: String,
    document_id: String,
    document_number: String,
    taken_by: String,
    taken_at: Instant,
    replenish_by: NaiveDate,
    status: DrawDownStatus,
    closed_by: Option<String>,
    closed_at: Option<Instant>,
    note: Option<String>,
    version: i64,
}

impl From<&DrawDown> for Row {
    fn from(taken: &DrawDown) -> Self {
        let taken = taken.clone();
        Self {
            id: taken.id,
            store_code: taken.store_code,
            item_code: taken.item_code,
            quantity: taken.quantity,
            available_after: taken.available_after,
            floor: taken.floor.quantity,
            plan_id: taken.floor.plan_id,
            plan_version: taken.floor.plan_version,
            authority: taken.authority.to_json(),
            document_kind: taken.document_kind,
            document_id: taken.document_id,
            document_number: taken.document_number,
            taken_by: taken.taken_by,
            taken_at: taken.taken_at,
            replenish_by: taken.replenish_by,
            status: taken.status,
            closed_by: taken.closed_by,
            closed_at: taken.closed_at,
            note: taken.note,
            version: taken.version,
        }
    }
}

impl TryFrom<Row> for DrawDown {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            authority: read_authority(&row.authority)?,
            id: row.id,
            store_code: row.store_code,
            item_code: row.item_code,
            quantity: row.quantity,
            available_after: row.available_after,
            floor: Floor {
                quantity: row.floor,
                plan_id: row.plan_id,
                plan_version: row.plan_version,
            },
            document_kind: row.document_kind,
            document_id: row.document_id,
            document_number: row.document_number,
            taken_by: row.taken_by,
            taken_at: row.taken_at,
            replenish_by: row.replenish_by,
            status: row.status,
            closed_by: row.closed_by,
            closed_at: row.closed_at,
            note: row.note,
            version: row.version,
        })
    }
}

/// Stores a new draw-down.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, taken: &DrawDown) -> Result<(), DbError> {
    diesel::insert_into(draw_down::table).values(Row::from(taken)).execute(conn)?;
    Ok(())
}

/// Stores a changed draw-down.
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, taken: &DrawDown) -> Result<(), DbError> {
    diesel::update(draw_down::table.find(&taken.id)).set(Row::from(taken)).execute(conn)?;
    Ok(())
}

/// The draw-down of an id.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, id: &DrawDownId) -> Result<Option<DrawDown>, DbError> {
    let row: Option<Row> =
        draw_down::table.find(id).select(Row::as_select()).first(conn).optional()?;
    row.map(DrawDown::try_from).transpose()
}

/// The draw-down of an id, locked for a change.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, id: &DrawDownId) -> Result<Option<DrawDown>, DbError> {
    let mut rows: Vec<Row> =
        load_locked!(conn, draw_down::table.find(id).select(Row::as_select()), Row)?;
    rows.pop().map(DrawDown::try_from).transpose()
}

/// The draw-downs of a document, newest first.
///
/// # Errors
/// When the database fails.
pub fn of_document(
    conn: &mut DbConnection,
    kind: &str,
    document_id: &str,
) -> Result<Vec<DrawDown>, DbError> {
    let rows: Vec<Row> = draw_down::table
        .filter(draw_down::document_kind.eq(kind))
        .filter(draw_down::document_id.eq(document_id))
        .select(Row::as_select())
        .order((draw_down::taken_at.desc(), draw_down::id.desc()))
        .limit(PageSize::MAX)
        .load(conn)?;
    rows.into_iter().map(DrawDown::try_from).collect()
}

/// Which draw-downs to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// From this store.
    pub store: Option<StoreCode>,
    /// Of this item.
    pub item: Option<ItemCode>,
    /// Of this status.
    pub status: Option<DrawDownStatus>,
    /// To be replenished before this day.
    pub replenish_before: Option<NaiveDate>,
    /// Taken by this document.
    pub document_id: Option<String>,
}

/// Draw-downs in scope, those to be replenished first in front, after one.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<(NaiveDate, DrawDownId)>,
    size: PageSize,
) -> Result<Vec<DrawDown>, DbError> {
    let mut query = draw_down::table.select(Row::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(draw_down::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(draw_down::store_code.eq(store));
    }
    if let Some(item) = &filter.item {
        query = query.filter(draw_down::item_code.eq(item));
    }
    if let Some(status) = filter.status {
        query = query.filter(draw_down::status.eq(status));
    }
    if let Some(day) = filter.replenish_before {
        query = query.filter(draw_down::replenish_by.lt(day));
    }
    if let Some(document) = &filter.document_id {
        query = query.filter(draw_down::document_id.eq(document));
    }
    if let Some((day, id)) = after {
        query = query.filter(
            draw_down::replenish_by
                .gt(day)
                .or(draw_down::replenish_by.eq(day).and(draw_down::id.gt(id))),
        );
    }
    let rows: Vec<Row> =
        query.order((draw_down::replenish_by, draw_down::id)).limit(size.probe()).load(conn)?;
    rows.into_iter().map(DrawDown::try_from).collect()
}
