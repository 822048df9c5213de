//! Stock reports, their versions and lines, and when they are due, as rows.

use crate::access::Scope;
use crate::db::schema::{
    stock_report, stock_report_line, stock_report_schedule, stock_report_version, store,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::StockReportId;
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, Quantity, RegionCode, StoreCode};
use crate::report::statement::{Line, Nil, StockReport, Version};
use crate::stores::store::ConsumptionBy;
use crate::{load_locked, on_each_backend};
use chrono::NaiveDate;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// Both databases.
type Backend = <DbConnection as diesel::Connection>::Backend;

/// Lines of one multi-row insert: 7 columns each, far below SQLite's limit.
const INSERT_CHUNK: usize = 500;

// ---- when reports are due -------------------------------------------------------------------

/// By what hour a store's reports are due.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_report_schedule, treat_none_as_default_value = false)]
pub struct Schedule {
    /// The store.
    pub store_code: StoreCode,
    /// Hours after the beginning of the business day; the county's where it is `None`.
    pub due_hour: Option<i64>,
    /// Who set it.
    pub set_by: Option<String>,
    /// When it was set.
    pub set_at: Option<Instant>,
    /// Grows with every change.
    pub version: i64,
}

impl Schedule {
    /// The schedule of a store for which nobody set one.
    pub const fn usual(store: StoreCode) -> Self {
        Self { store_code: store, due_hour: None, set_by: None, set_at: None, version: 1 }
    }
}

/// The schedule of a store, locked until the transaction ends: two reports of one store are never
/// settled at the same time.
///
/// # Errors
/// When the database fails.
pub fn lock_schedule(conn: &mut DbConnection, code: &StoreCode) -> Result<Schedule, DbError> {
    let usual = Schedule::usual(code.clone());
    on_each_backend!(conn, |c| diesel::insert_into(stock_report_schedule::table)
        .values(usual.clone())
        .on_conflict_do_nothing()
        .execute(c))?;
    let rows = load_locked!(
        conn,
        stock_report_schedule::table.find(code).select(Schedule::as_select()),
        Schedule
    )?;
    Ok(rows.into_iter().next().unwrap_or(usual))
}

/// Stores when a store's reports are due.
///
/// # Errors
/// When the database fails.
pub fn store_schedule(conn: &mut DbConnection, changed: &Schedule) -> Result<(), DbError> {
    diesel::update(stock_report_schedule::table.find(&changed.store_code))
        .set((
            stock_report_schedule::due_hour.eq(changed.due_hour),
            stock_report_schedule::set_by.eq(&changed.set_by),
            stock_report_schedule::set_at.eq(changed.set_at),
            stock_report_schedule::version.eq(changed.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// The schedule of a store; the usual one where nobody set one.
///
/// # Errors
/// When the database fails.
pub fn schedule(conn: &mut DbConnection, code: &StoreCode) -> Result<Schedule, DbError> {
    let found = stock_report_schedule::table
        .find(code)
        .select(Schedule::as_select())
        .first(conn)
        .optional()?;
    Ok(found.unwrap_or_else(|| Schedule::usual(code.clone())))
}

// ---- reports --------------------------------------------------------------------------------

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_report, treat_none_as_default_value = false)]
struct ReportRow {
    id: StockReportId,
    number: String,
    store_code: StoreCode,
    business_day: NaiveDate,
    due_at: Instant,
    first_recorded_at: Instant,
    version: i64,
    as_of: Instant,
    nil: Option<Nil>,
    recorded_at: Instant,
    differences: i64,
}

impl From<ReportRow> for StockReport {
    fn from(row: ReportRow) -> Self {
        Self {
            id: row.id,
            number: row.number,
            store_code: row.store_code,
            business_day: row.business_day,
            due_at: row.due_at,
            first_recorded_at: row.first_recorded_at,
            version: row.version,
            as_of: row.as_of,
            nil: row.nil,
            recorded_at: row.recorded_at,
            differences: row.differences,
        }
    }
}

impl From<&StockReport> for ReportRow {
    fn from(of: &StockReport) -> Self {
        Self {
            id: of.id.clone(),
            number: of.number.clone(),
            store_code: of.store_code.clone(),
            business_day: of.business_day,
            due_at: of.due_at,
            first_recorded_at: of.first_recorded_at,
            version: of.version,
            as_of: of.as_of,
            nil: of.nil,
            recorded_at: of.recorded_at,
            differences: of.differences,
        }
    }
}

/// Stores a report: a new one, or the newest version of one that stands there.
///
/// # Errors
/// When the database fails.
pub fn store(conn: &mut DbConnection, report: &StockReport) -> Result<(), DbError> {
    let row = ReportRow::from(report);
    if report.version == 1 {
        diesel::insert_into(stock_report::table).values(row).execute(conn)?;
        return Ok(());
    }
    diesel::update(stock_report::table.find(&row.id))
        .set((
            stock_report::version.eq(row.version),
            stock_report::as_of.eq(row.as_of),
            stock_report::nil.eq(row.nil),
            stock_report::recorded_at.eq(row.recorded_at),
            stock_report::differences.eq(row.differences),
        ))
        .execute(conn)?;
    Ok(())
}

/// The report of a store for a day.
///
/// # Errors
/// When the database fails.
pub fn of_day(
    conn: &mut DbConnection,
    code: &StoreCode,
    day: NaiveDate,
) -> Result<Option<StockReport>, DbError> {
    let row = stock_report::table
        .filter(stock_report::store_code.eq(code))
        .filter(stock_report::business_day.eq(day))
        .select(ReportRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(StockReport::from))
}

/// The report with this id or number, in scope.
///
/// # Errors
/// When the database fails.
pub fn find(
    conn: &mut DbConnection,
    scope: &Scope,
    id_or_number: &str,
) -> Result<Option<StockReport>, DbError> {
    let id = StockReportId::try_from(id_or_number.to_owned()).ok();
    let mut query = stock_report::table
        .filter(stock_report::number.eq(id_or_number).or(stock_report::id.eq_any(id)))
        .select(ReportRow::as_select())
        .into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stock_report::store_code.eq_any(stores));
    }
    let row = query.order(stock_report::id).first(conn).optional()?;
    Ok(row.map(StockReport::from))
}

/// Which reports of a store are looked for, by the time of what they tell.
#[derive(Debug, Clone, Copy)]
pub enum Beside {
    /// The newest ones of before, so many at the most, the newest first.
    Before(Instant, i64),
    /// All of after, the earliest first.
    After(Instant),
}

/// Reports of a store beside a time.
///
/// # Errors
/// When the database fails.
pub fn beside(
    conn: &mut DbConnection,
    code: &StoreCode,
    which: Beside,
) -> Result<Vec<StockReport>, DbError> {
    let query = stock_report::table
        .filter(stock_report::store_code.eq(code))
        .select(ReportRow::as_select())
        .into_boxed();
    let query = match which {
        Beside::Before(at, most) => query
            .filter(stock_report::as_of.lt(at))
            .order((stock_report::as_of.desc(), stock_report::id.desc()))
            .limit(most),
        Beside::After(at) => {
            query.filter(stock_report::as_of.gt(at)).order((stock_report::as_of, stock_report::id))
        }
    };
    Ok(query.load(conn)?.into_iter().map(StockReport::from).collect())
}

/// Which reports to list.
#[derive(Debug, Clone, Default)]
pub struct ReportFilter {
    /// Of this store.
    pub store: Option<StoreCode>,
    /// Of stores in this region.
    pub region: Option<RegionCode>,
    /// From this business day on.
    pub from: Option<NaiveDate>,
    /// Up to this business day.
    pub to: Option<NaiveDate>,
    /// Nil reports only, or the others.
    pub nil: Option<bool>,
    /// Those that came late only, or the others.
    pub late: Option<bool>,
    /// Those that told something else than the book only, or the others.
    pub differs: Option<bool>,
}

/// All reports of the days that a filter names, in no order.
///
/// # Errors
/// When the database fails.
pub fn all_of_days(
    conn: &mut DbConnection,
    filter: &ReportFilter,
) -> Result<Vec<StockReport>, DbError> {
    let rows: Vec<ReportRow> = filtered(filter).load(conn)?;
    Ok(rows.into_iter().map(StockReport::from).collect())
}

/// The reports that a filter names, of whatever store.
fn filtered(
    filter: &ReportFilter,
) -> stock_report::BoxedQuery<'_, Backend, SqlTypeOf<AsSelect<ReportRow, Backend>>> {
    let mut query = stock_report::table.select(ReportRow::as_select()).into_boxed();
    if let Some(code) = &filter.store {
        query = query.filter(stock_report::store_code.eq(code));
    }
    if let Some(region) = &filter.region {
        // A region code has only digits, so nothing in it needs escaping.
        let within =
            store::table.filter(store::region_code.like(format!("{region}%"))).select(store::code);
        query = query.filter(stock_report::store_code.eq_any(within));
    }
    if let Some(from) = filter.from {
        query = query.filter(stock_report::business_day.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(stock_report::business_day.le(to));
    }
    query = match filter.nil {
        None => query,
        Some(true) => query.filter(stock_report::nil.is_not_null()),
        Some(false) => query.filter(stock_report::nil.is_null()),
    };
    query = match filter.late {
        None => query,
        Some(true) => query.filter(stock_report::first_recorded_at.gt(stock_report::due_at)),
        Some(false) => query.filter(stock_report::first_recorded_at.le(stock_report::due_at)),
    };
    query = match filter.differs {
        None => query,
        Some(true) => query.filter(stock_report::differences.gt(0)),
        Some(false) => query.filter(stock_report::differences.eq(0)),
    };
    query
}

/// Reports, the newest day first, after a place.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &ReportFilter,
    after: Option<(NaiveDate, StockReportId)>,
    size: PageSize,
) -> Result<Vec<StockReport>, DbError> {
    let mut query = filtered(filter);
    if let Some(stores) = scope.stores() {
        query = query.filter(stock_report::store_code.eq_any(stores));
    }
    if let Some((day, id)) = after {
        query = query.filter(
            stock_report::business_day
                .lt(day)
                .or(stock_report::business_day.eq(day).and(stock_report::id.lt(id))),
        );
    }
    let rows: Vec<ReportRow> = query
        .order((stock_report::business_day.desc(), stock_report::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    Ok(rows.into_iter().map(StockReport::from).collect())
}

// ---- versions and lines ---------------------------------------------------------------------

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_report_version, treat_none_as_default_value = false)]
struct VersionRow {
    report_id: StockReportId,
    version: i64,
    as_of: Instant,
    nil: Option<Nil>,
    reason: Option<String>,
    note: Option<String>,
    consumption_by: ConsumptionBy,
    reported_by: String,
    recorded_at: Instant,
    differences: i64,
}

#[derive(Queryable, Selectable, Insertable, Clone)]
#[diesel(table_name = stock_report_line, treat_none_as_default_value = false)]
struct LineRow {
    report_id: StockReportId,
    version: i64,
    line_no: i64,
    item_code: ItemCode,
    on_hand: Quantity,
    used: Option<Quantity>,
    book: Quantity,
}

/// Stores a new version with its lines.
///
/// # Errors
/// When the database fails.
pub fn insert_version(
    conn: &mut DbConnection,
    report: &StockReportId,
    version: &Version,
    lines: &[Line],
) -> Result<(), DbError> {
    let of = version.clone();
    let row = VersionRow {
        report_id: report.clone(),
        version: of.version,
        as_of: of.as_of,
        nil: of.nil,
        reason: of.reason,
        note: of.note,
        consumption_by: of.consumption_by,
        reported_by: of.reported_by,
        recorded_at: of.recorded_at,
        differences: of.differences,
    };
    diesel::insert_into(stock_report_version::table).values(row).execute(conn)?;
    let rows: Vec<LineRow> = lines
        .iter()
        .map(|line| LineRow {
            report_id: report.clone(),
            version: version.version,
            line_no: line.line_no,
            item_code: line.item_code.clone(),
            on_hand: line.on_hand,
            used: line.used,
            book: line.book,
        })
        .collect();
    for rows in rows.chunks(INSERT_CHUNK) {
        let rows = rows.to_vec();
        on_each_backend!(conn, |c| diesel::insert_into(stock_report_line::table)
            .values(rows)
            .execute(c))?;
    }
    Ok(())
}

/// The versions of a report, the first first.
///
/// # Errors
/// When the database fails.
pub fn versions(conn: &mut DbConnection, report: &StockReportId) -> Result<Vec<Version>, DbError> {
    let rows: Vec<VersionRow> = stock_report_version::table
        .filter(stock_report_version::report_id.eq(report))
        .order(stock_report_version::version)
        .select(VersionRow::as_select())
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Version {
            version: row.version,
            as_of: row.as_of,
            nil: row.nil,
            reason: row.reason,
            note: row.note,
            consumption_by: row.consumption_by,
            reported_by: row.reported_by,
            recorded_at: row.recorded_at,
            differences: row.differences,
        })
        .collect())
}

/// The lines of a version of a report, in their order.
///
/// # Errors
/// When the database fails.
pub fn lines(
    conn: &mut DbConnection,
    report: &StockReportId,
    version: i64,
) -> Result<Vec<Line>, DbError> {
    let rows: Vec<LineRow> = stock_report_line::table
        .filter(stock_report_line::report_id.eq(report))
        .filter(stock_report_line::version.eq(version))
        .order(stock_report_line::line_no)
        .select(LineRow::as_select())
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Line {
            line_no: row.line_no,
            item_code: row.item_code,
            on_hand: row.on_hand,
            used: row.used,
            book: row.book,
        })
        .collect())
}

/// What a store told last of each item before a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastTold {
    /// The business day.
    pub day: NaiveDate,
    /// Business time.
    pub as_of: Instant,
    /// Base units on hand.
    pub on_hand: Quantity,
}

/// What a store told last of each item before a time, in any of its newest `most` reports.
///
/// # Errors
/// When the database fails.
pub fn last_told(
    conn: &mut DbConnection,
    code: &StoreCode,
    before: Instant,
    most: i64,
) -> Result<BTreeMap<ItemCode, LastTold>, DbError> {
    let reports = beside(conn, code, Beside::Before(before, most))?;
    let ids: Vec<StockReportId> = reports.iter().map(|report| report.id.clone()).collect();
    let rows: Vec<LineRow> = stock_report_line::table
        .filter(stock_report_line::report_id.eq_any(&ids))
        .order((stock_report_line::report_id, stock_report_line::line_no))
        .select(LineRow::as_select())
        .load(conn)?;
    let mut told: BTreeMap<ItemCode, LastTold> = BTreeMap::new();
    for report in reports {
        let current = |row: &&LineRow| row.report_id == report.id && row.version == report.version;
        for row in rows.iter().filter(current) {
            told.entry(row.item_code.clone()).or_insert(LastTold {
                day: report.business_day,
                as_of: report.as_of,
                on_hand: row.on_hand,
            });
        }
    }
    Ok(told)
}
