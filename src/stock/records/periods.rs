//! Periods that were closed, and perhaps reopened.

use super::lock_chains;
use crate::access::Role;
use crate::command::CommandError;
use crate::db::schema::{stock_period, store};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::PeriodId;
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, RegionCode, StoreCode};
use crate::load_locked;
use crate::stock::period::{Period, PeriodScope, PeriodStatus, Reopened, closed_for};
use chrono::NaiveDate;
use diesel::prelude::*;

/// Requires that no closed period of some stores holds a business day.
///
/// # Errors
/// `period_closed` with the period; failures of the database.
pub(super) fn require_open<'a>(
    conn: &mut DbConnection,
    stores: impl Iterator<Item = &'a StoreCode>,
    day: NaiveDate,
) -> Result<(), CommandError> {
    let closed: Vec<(PeriodId, Option<StoreCode>, Option<RegionCode>, NaiveDate)> =
        stock_period::table
            .filter(stock_period::status.eq(PeriodStatus::Closed))
            .filter(stock_period::through_day.ge(day))
            .select((
                stock_period::id,
                stock_period::store_code,
                stock_period::region_code,
                stock_period::through_day,
            ))
            .order((stock_period::through_day, stock_period::id))
            .load(conn)?;
    if closed.is_empty() {
        return Ok(());
    }
    let stores: Vec<&StoreCode> = stores.collect();
    let places: Vec<(StoreCode, RegionCode)> = store::table
        .filter(store::code.eq_any(stores))
        .select((store::code, store::region_code))
        .order(store::code)
        .load(conn)?;
    for (id, store, region, through) in closed {
        let Some(scope) = PeriodScope::from_columns(store, region) else { continue };
        if let Some((store, _)) = places.iter().find(|(code, at)| scope.covers(code, at)) {
            return Err(closed_for(store, day, &id, through).into());
        }
    }
    Ok(())
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_period, treat_none_as_default_value = false)]
struct PeriodRow {
    id: PeriodId,
    store_code: Option<StoreCode>,
    region_code: Option<RegionCode>,
    through_day: NaiveDate,
    status: PeriodStatus,
    closed_by: String,
    closed_by_role: Role,
    closed_at: Instant,
    note: Option<String>,
    reopened_by: Option<String>,
    reopened_at: Option<Instant>,
    reopen_reason: Option<String>,
    version: i64,
}

impl From<&Period> for PeriodRow {
    fn from(period: &Period) -> Self {
        let (store_code, region_code) = match &period.scope {
            PeriodScope::Store(code) => (Some(code.clone()), None),
            PeriodScope::Region(code) => (None, Some(code.clone())),
        };
        let reopened = period.reopened.as_ref();
        Self {
            id: period.id.clone(),
            store_code,
            region_code,
            through_day: period.through_day,
            status: period.status,
            closed_by: period.closed_by.clone(),
            closed_by_role: period.closed_by_role,
            closed_at: period.closed_at,
            note: period.note.clone(),
            reopened_by: reopened.map(|one| one.by.clone()),
            reopened_at: reopened.map(|one| one.at),
            reopen_reason: reopened.map(|one| one.reason.clone()),
            version: period.version,
        }
    }
}

impl TryFrom<PeriodRow> for Period {
    type Error = DbError;

    /// # Errors
    /// When the row was written by someone else than this service.
    fn try_from(row: PeriodRow) -> Result<Self, DbError> {
        let scope = PeriodScope::from_columns(row.store_code, row.region_code);
        let scope = scope.ok_or(DbError::Query(diesel::result::Error::NotFound))?;
        let reopened = row.reopened_by.zip(row.reopened_at).zip(row.reopen_reason);
        Ok(Self {
            id: row.id,
            scope,
            through_day: row.through_day,
            status: row.status,
            closed_by: row.closed_by,
            closed_by_role: row.closed_by_role,
            closed_at: row.closed_at,
            note: row.note,
            reopened: reopened.map(|((by, at), reason)| Reopened { by, at, reason }),
            version: row.version,
        })
    }
}

/// The stores that a period is closed for, locked against postings until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock_stores_of(
    conn: &mut DbConnection,
    scope: &PeriodScope,
) -> Result<Vec<StoreCode>, DbError> {
    let mut query = store::table.select(store::code).into_boxed();
    query = match scope {
        PeriodScope::Store(code) => query.filter(store::code.eq(code)),
        // A region code has only digits, so nothing in it needs escaping.
        PeriodScope::Region(code) => query.filter(store::region_code.like(format!("{code}%"))),
    };
    let stores: Vec<StoreCode> = query.order(store::code).load(conn)?;
    lock_chains(conn, &stores)?;
    Ok(stores)
}

/// Stores a new period.
///
/// # Errors
/// When the database fails.
pub fn insert_period(conn: &mut DbConnection, period: &Period) -> Result<(), DbError> {
    diesel::insert_into(stock_period::table).values(PeriodRow::from(period)).execute(conn)?;
    Ok(())
}

/// Stores that a period was reopened.
///
/// # Errors
/// When the database fails.
pub fn store_reopened(conn: &mut DbConnection, period: &Period) -> Result<(), DbError> {
    let row = PeriodRow::from(period);
    diesel::update(stock_period::table.find(&row.id))
        .set((
            stock_period::status.eq(row.status),
            stock_period::reopened_by.eq(row.reopened_by),
            stock_period::reopened_at.eq(row.reopened_at),
            stock_period::reopen_reason.eq(row.reopen_reason),
            stock_period::version.eq(row.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// The period of an id, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock_period(conn: &mut DbConnection, id: &PeriodId) -> Result<Option<Period>, DbError> {
    let rows =
        load_locked!(conn, stock_period::table.find(id).select(PeriodRow::as_select()), PeriodRow)?;
    rows.into_iter().next().map(Period::try_from).transpose()
}

/// The period of an id.
///
/// # Errors
/// When the database fails.
pub fn find_period(conn: &mut DbConnection, id: &PeriodId) -> Result<Option<Period>, DbError> {
    let row: Option<PeriodRow> =
        stock_period::table.find(id).select(PeriodRow::as_select()).first(conn).optional()?;
    row.map(Period::try_from).transpose()
}

/// Which periods to list.
#[derive(Debug, Clone, Default)]
pub struct PeriodFilter {
    /// Of this store, by itself or through its region.
    pub store: Option<StoreCode>,
    /// With this status.
    pub status: Option<PeriodStatus>,
}

/// Periods, the newest first, after a place. They bind everyone, so everyone sees them.
///
/// # Errors
/// When the database fails.
pub fn list_periods(
    conn: &mut DbConnection,
    filter: &PeriodFilter,
    after: Option<(Instant, PeriodId)>,
    size: PageSize,
) -> Result<Vec<Period>, DbError> {
    use stock_period::{closed_at, id, region_code, status, store_code};
    let mut query = stock_period::table.select(PeriodRow::as_select()).into_boxed();
    if let Some(code) = &filter.store {
        let region: Option<RegionCode> =
            store::table.find(code).select(store::region_code).first(conn).optional()?;
        let regions = region.map_or_else(Vec::new, |region| region.with_ancestors());
        query = query.filter(store_code.eq(code).or(region_code.eq_any(regions)));
    }
    if let Some(word) = filter.status {
        query = query.filter(status.eq(word));
    }
    if let Some((at, last)) = after {
        query = query.filter(closed_at.lt(at).or(closed_at.eq(at).and(id.lt(last))));
    }
    let rows: Vec<PeriodRow> =
        query.order((closed_at.desc(), id.desc())).limit(size.probe()).load(conn)?;
    rows.into_iter().map(Period::try_from).collect()
}
