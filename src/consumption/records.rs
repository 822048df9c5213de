//! Daily uses that somebody set by hand, as rows.

use crate::access::Scope;
use crate::consumption::daily_use::{DailyUse, Ended};
use crate::db::schema::daily_use;
use crate::db::{DbConnection, DbError};
use crate::kernel::id::DailyUseId;
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, Ratio, StoreCode};
use crate::load_locked;
use chrono::NaiveDate;
use diesel::prelude::*;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = daily_use, treat_none_as_default_value = false)]
struct Row {
    id: DailyUseId,
    store_code: StoreCode,
    item_code: ItemCode,
    numerator: i64,
    denominator: i64,
    through_day: NaiveDate,
    reason: String,
    sample: Option<String>,
    author: String,
    recorded_at: Instant,
    ended_by: Option<String>,
    ended_at: Option<Instant>,
    end_reason: Option<String>,
    version: i64,
}

impl From<Row> for DailyUse {
    fn from(row: Row) -> Self {
        let reason = row.end_reason;
        Self {
            id: row.id,
            store_code: row.store_code,
            item_code: row.item_code,
            per_day: Ratio::new(row.numerator.into(), row.denominator.into())
                .unwrap_or(Ratio::ZERO),
            through_day: row.through_day,
            reason: row.reason,
            sample: row.sample,
            author: row.author,
            recorded_at: row.recorded_at,
            ended: row.ended_by.zip(row.ended_at).map(|(by, at)| Ended { by, at, reason }),
            version: row.version,
        }
    }
}

/// Stores a new daily use.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, new: &DailyUse) -> Result<(), DbError> {
    let of = new.clone();
    let part = |part: i128| i64::try_from(part).unwrap_or(i64::MAX);
    let row = Row {
        id: of.id,
        store_code: of.store_code,
        item_code: of.item_code,
        numerator: part(of.per_day.numerator()),
        denominator: part(of.per_day.denominator()),
        through_day: of.through_day,
        reason: of.reason,
        sample: of.sample,
        author: of.author,
        recorded_at: of.recorded_at,
        ended_by: None,
        ended_at: None,
        end_reason: None,
        version: of.version,
    };
    diesel::insert_into(daily_use::table).values(row).execute(conn)?;
    Ok(())
}

/// Stores that a daily use ended.
///
/// # Errors
/// When the database fails.
pub fn store_end(conn: &mut DbConnection, of: &DailyUse) -> Result<(), DbError> {
    let ended = of.ended.as_ref();
    diesel::update(daily_use::table.find(&of.id))
        .set((
            daily_use::ended_by.eq(ended.map(|ended| ended.by.clone())),
            daily_use::ended_at.eq(ended.map(|ended| ended.at)),
            daily_use::end_reason.eq(ended.and_then(|ended| ended.reason.clone())),
            daily_use::version.eq(of.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// The daily use of an id, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, id: &DailyUseId) -> Result<Option<DailyUse>, DbError> {
    let rows = load_locked!(conn, daily_use::table.find(id).select(Row::as_select()), Row)?;
    Ok(rows.into_iter().next().map(DailyUse::from))
}

/// Those of an item at a store that nobody ended, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock_standing(
    conn: &mut DbConnection,
    store: &StoreCode,
    item: &ItemCode,
) -> Result<Vec<DailyUse>, DbError> {
    let rows = load_locked!(
        conn,
        daily_use::table
            .filter(daily_use::store_code.eq(store))
            .filter(daily_use::item_code.eq(item))
            .filter(daily_use::ended_at.is_null())
            .select(Row::as_select())
            .order((daily_use::recorded_at, daily_use::id)),
        Row
    )?;
    Ok(rows.into_iter().map(DailyUse::from).collect())
}

/// The daily use of an id, in scope.
///
/// # Errors
/// When the database fails.
pub fn find(
    conn: &mut DbConnection,
    scope: &Scope,
    id: &DailyUseId,
) -> Result<Option<DailyUse>, DbError> {
    let row: Option<Row> =
        daily_use::table.find(id).select(Row::as_select()).first(conn).optional()?;
    Ok(row.map(DailyUse::from).filter(|of| scope.contains(&of.store_code)))
}

/// Which daily uses to list.
#[derive(Debug, Clone, Default)]
pub struct DailyUseFilter {
    /// At this store.
    pub store: Option<StoreCode>,
    /// Of this item.
    pub item: Option<ItemCode>,
    /// Only those that hold on this day.
    pub holding_on: Option<NaiveDate>,
}

/// Daily uses, the newest first, after a place.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &DailyUseFilter,
    after: Option<(Instant, DailyUseId)>,
    size: PageSize,
) -> Result<Vec<DailyUse>, DbError> {
    let mut query = daily_use::table.select(Row::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(daily_use::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(daily_use::store_code.eq(store));
    }
    if let Some(item) = &filter.item {
        query = query.filter(daily_use::item_code.eq(item));
    }
    if let Some(day) = filter.holding_on {
        query = query.filter(daily_use::ended_at.is_null()).filter(daily_use::through_day.ge(day));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            daily_use::recorded_at
                .lt(at)
                .or(daily_use::recorded_at.eq(at).and(daily_use::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((daily_use::recorded_at.desc(), daily_use::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    Ok(rows.into_iter().map(DailyUse::from).collect())
}

/// Those that held on a day at some stores, as was known at a time, of some items or of all; the
/// newest last.
///
/// # Errors
/// When the database fails.
pub fn holding(
    conn: &mut DbConnection,
    stores: Option<&[StoreCode]>,
    items: Option<&[ItemCode]>,
    day: NaiveDate,
    known: Instant,
) -> Result<Vec<DailyUse>, DbError> {
    let mut query = daily_use::table
        .filter(daily_use::recorded_at.le(known))
        .filter(daily_use::through_day.ge(day))
        .select(Row::as_select())
        .into_boxed();
    if let Some(stores) = stores {
        query = among!(query, daily_use::store_code, stores);
    }
    if let Some(items) = items {
        query = among!(query, daily_use::item_code, items);
    }
    let rows: Vec<Row> = query.order((daily_use::recorded_at, daily_use::id)).load(conn)?;
    Ok(rows.into_iter().map(DailyUse::from).filter(|of| of.holds(day, known)).collect())
}
