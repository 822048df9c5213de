//! What clients see of the board of reports, and of stores that are silent.

use crate::kernel::id::StockReportId;
use crate::kernel::{BusinessZone, Instant, ItemCode, Quantity, Ratio, RegionCode, StoreCode};
use crate::report::board::{Compliance, Days, timeliness};
use crate::report::queries::board::BoardStore;
use crate::report::queries::silent::SilentStock;
use crate::report::statement::{Nil, Timeliness};
use crate::stores::store::ConsumptionBy;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// How well reports came; a unit is a store and a day on which it is due.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComplianceView {
    /// Units that are due, those whose hour is not past included.
    pub due: i64,
    /// Whose report came in time.
    pub on_time: i64,
    /// Whose report came late.
    pub late: i64,
    /// Whose report never came, though its hour is past.
    pub missing: i64,
    /// Whose hour is not past, and whose report has not come.
    pub open: i64,
    /// Of the reports that came, how many were nil reports.
    pub nil: i64,
    /// `on_time / (due − open)`, exact; null where no hour is past.
    pub on_time_rate: Option<Ratio>,
    /// `late / (due − open)`.
    pub late_rate: Option<Ratio>,
    /// `missing / (due − open)`.
    pub missing_rate: Option<Ratio>,
    /// `nil / (due − open)`.
    pub nil_rate: Option<Ratio>,
}

impl From<Compliance> for ComplianceView {
    fn from(of: Compliance) -> Self {
        Self {
            due: of.due,
            on_time: of.on_time,
            late: of.late,
            missing: of.missing,
            open: of.open,
            nil: of.nil,
            on_time_rate: of.rate(of.on_time),
            late_rate: of.rate(of.late),
            missing_rate: of.rate(of.missing),
            nil_rate: of.rate(of.nil),
        }
    }
}

/// How a day of a store stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BoardDayView {
    /// The business day.
    pub business_day: NaiveDate,
    /// `on_time`, `late`, `due` (its hour is not past) or `missing`.
    pub timeliness: Timeliness,
    /// What a nil report says.
    pub nil: Option<Nil>,
    /// The report that came.
    pub report_id: Option<StockReportId>,
    /// Its number.
    pub report_number: Option<String>,
    /// Its newest version.
    pub version: Option<i64>,
    /// When its first version was recorded.
    pub first_recorded_at: Option<Instant>,
}

/// A store on the board.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BoardRow {
    /// The store.
    pub store_code: StoreCode,
    /// Where it lies.
    pub region_code: RegionCode,
    /// Its kind.
    pub kind: String,
    /// How it tells its consumption.
    pub consumption_by: ConsumptionBy,
    /// How its days stand.
    pub compliance: ComplianceView,
    /// The last of the days on which it is due; null where it is due on none.
    pub last_day: Option<BoardDayView>,
    /// Business time of what it told last, on whatever day.
    pub last_told_at: Option<Instant>,
    /// Business time of its newest movement.
    pub last_moved_at: Option<Instant>,
    /// Whether neither a report nor a movement is as new as the setting asks for, today.
    pub silent: bool,
}

impl BoardRow {
    /// The row of a store; it is silent when it was last heard of before `stale_before`.
    pub fn new(
        of: &BoardStore,
        zone: BusinessZone,
        days: Days,
        now: Instant,
        stale_before: Instant,
    ) -> Self {
        let reporter = &of.reporter;
        let last_day = (days.to >= reporter.since).then(|| {
            let report = of.reports.get(&days.to);
            BoardDayView {
                business_day: days.to,
                timeliness: timeliness(zone, reporter, days.to, report, now),
                nil: report.and_then(|report| report.nil),
                report_id: report.map(|report| report.id.clone()),
                report_number: report.map(|report| report.number.clone()),
                version: report.map(|report| report.version),
                first_recorded_at: report.map(|report| report.first_recorded_at),
            }
        });
        Self {
            store_code: reporter.store.clone(),
            region_code: of.region.clone(),
            kind: of.kind.clone(),
            consumption_by: of.consumption_by,
            compliance: of.compliance.into(),
            last_day,
            last_told_at: of.last_told_at,
            last_moved_at: of.last_moved_at,
            silent: is_silent(of, stale_before),
        }
    }
}

/// Whether a store was last heard of before a time, or never.
pub fn is_silent(of: &BoardStore, stale_before: Instant) -> bool {
    of.last_heard_at().is_none_or(|at| at < stale_before)
}

/// The board of reports.
#[derive(Debug, Serialize, ToSchema)]
pub struct BoardView {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// The time at which it is drawn up.
    pub as_of: Instant,
    /// Stores on it.
    pub stores: i64,
    /// Of these, how many are silent.
    pub silent_stores: i64,
    /// When the store that was silent longest was last heard of; null where one never was.
    pub oldest_heard_at: Option<Instant>,
    /// All stores together.
    pub compliance: ComplianceView,
    /// A page of stores, by code.
    pub rows: Vec<BoardRow>,
    /// Give this as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl BoardView {
    /// The board of some stores, without its rows.
    pub fn without_rows(
        of: &[BoardStore],
        days: Days,
        now: Instant,
        stale_before: Instant,
    ) -> Self {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let sum =
            of.iter().map(|store| store.compliance).fold(Compliance::default(), Compliance::plus);
        Self {
            from: days.from,
            to: days.to,
            as_of: now,
            stores: count(of.len()),
            silent_stores: count(of.iter().filter(|store| is_silent(store, stale_before)).count()),
            oldest_heard_at: of.iter().map(BoardStore::last_heard_at).min().flatten(),
            compliance: sum.into(),
            rows: Vec::new(),
            next_cursor: None,
        }
    }
}

/// An item at a silent store, with what is there by estimate.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SilentStockRow {
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// When the store was last heard of, by a report or a movement.
    pub last_heard_at: Option<Instant>,
    /// What it could use then, as the book has it.
    pub last_known: Quantity,
    /// What it uses a day, exact; null where that is not known.
    pub adc: Option<Ratio>,
    /// `max(0, floor(last_known − adc × days since))`: an estimate that is in no sum. Null where the
    /// use is not known.
    pub estimated: Option<Quantity>,
}

impl From<SilentStock> for SilentStockRow {
    fn from(of: SilentStock) -> Self {
        Self {
            store_code: of.store,
            item_code: of.item,
            last_heard_at: of.last_heard_at,
            last_known: of.last_known,
            adc: of.consumption.and_then(|consumption| consumption.adc),
            estimated: of.estimated,
        }
    }
}
