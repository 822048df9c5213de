//! What clients see of stock reports.

pub mod board;

use crate::kernel::id::StockReportId;
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, StoreCode};
use crate::report::queries::{KnownLine, Loaded};
use crate::report::records::Schedule;
use crate::report::rules::{Told, UseUnknown, used_between};
use crate::report::statement::{Line, Nil, StockReport, Timeliness, Version};
use crate::stock::views::MovementView;
use crate::stores::store::ConsumptionBy;
use crate::word_enum;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// The head of a stock report: its newest version without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StockReportHead {
    /// The report's id, the same for all versions.
    pub id: StockReportId,
    /// Its human number, the same for all versions.
    #[schema(example = "KB-QN-TOWN-2026-000001")]
    pub number: String,
    /// The store.
    pub store_code: StoreCode,
    /// The day that it is for.
    pub business_day: NaiveDate,
    /// When it was due.
    pub due_at: Instant,
    /// When its first version was recorded.
    pub first_recorded_at: Instant,
    /// `on_time` or `late`: whether the first version came by when it was due.
    pub timeliness: Timeliness,
    /// Its newest version, from 1.
    pub version: i64,
    /// Business time of what is told.
    pub as_of: Instant,
    /// What a nil report says; null for a report with lines.
    pub nil: Option<Nil>,
    /// When the newest version was recorded.
    pub recorded_at: Instant,
    /// Lines that told something else than the book, when they were told.
    pub differences: i64,
}

impl From<&StockReport> for StockReportHead {
    fn from(of: &StockReport) -> Self {
        Self {
            id: of.id.clone(),
            number: of.number.clone(),
            store_code: of.store_code.clone(),
            business_day: of.business_day,
            due_at: of.due_at,
            first_recorded_at: of.first_recorded_at,
            timeliness: of.timeliness(),
            version: of.version,
            as_of: of.as_of,
            nil: of.nil,
            recorded_at: of.recorded_at,
            differences: of.differences,
        }
    }
}

word_enum! {
    /// What is to be looked into about a line.
    pub enum Remark {
        /// More is told than the book holds: enter the receipt that is missing, or count.
        UnexplainedIncrease = "unexplained_increase",
        /// Less is told than the book holds, and nothing was posted for it.
        UnexplainedDecrease = "unexplained_decrease",
        /// Between this report and the one before more would have come back than was used: a receipt
        /// is missing in the book, or a figure is wrong.
        NegativeUse = "negative_use",
        /// The use that is told is not the one that follows from the balances.
        UsedDiffers = "used_differs",
    }
}

/// What was told before.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PreviousView {
    /// The business day.
    pub business_day: NaiveDate,
    /// Base units on hand.
    pub on_hand: Quantity,
    /// What documents other than of consumption have brought since, less what they took.
    pub came: i64,
}

/// A line of a stock report beside the book.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StockReportLineView {
    /// Its place, from 1.
    pub line: i64,
    /// The item.
    pub item_code: ItemCode,
    /// Base units that the store told it holds.
    pub on_hand: Quantity,
    /// Base units that it told it used; null where it did not.
    pub used: Option<Quantity>,
    /// What the book holds for that time without this report's own estimates, as on record now.
    pub book: Quantity,
    /// The same when the report was told.
    pub book_when_told: Quantity,
    /// `book − on_hand`, where the book holds more.
    pub decrease: Quantity,
    /// `on_hand − book`, where more is told. Never posted: nothing says that it was received.
    pub increase: Quantity,
    /// What of the decrease stands in the ledger as estimated consumption.
    pub estimated: Quantity,
    /// What was told before; null where there is no report of an earlier day.
    pub previous: Option<PreviousView>,
    /// `previous.on_hand + previous.came − on_hand`; null without a report of an earlier day, and
    /// where it would be negative.
    pub derived_use: Option<Quantity>,
    /// `derived_use` over the days between the two, exact.
    pub derived_per_day: Option<Ratio>,
    /// `used − derived_use`, where both are known.
    pub used_difference: Option<i64>,
    /// What is to be looked into.
    pub remarks: Vec<Remark>,
}

impl StockReportLineView {
    fn new(known: KnownLine, day: NaiveDate) -> Self {
        let KnownLine { line, book, estimated, previous, came } = known;
        let decrease = book.minus_or_zero(line.on_hand);
        let increase = line.on_hand.minus_or_zero(book);
        let derived = previous.as_ref().map(|last| {
            let first = Told { day: last.day, on_hand: last.on_hand };
            used_between(first, came, Told { day, on_hand: line.on_hand })
        });
        let negative = matches!(derived, Some(Err(UseUnknown::Negative { .. })));
        let derived = derived.and_then(Result::ok);
        let used_difference = line
            .used
            .zip(derived)
            .map(|(told, derived)| told.units().saturating_sub(derived.units.units()));
        let remarks = [
            (!increase.is_zero(), Remark::UnexplainedIncrease),
            (decrease > estimated, Remark::UnexplainedDecrease),
            (negative, Remark::NegativeUse),
            (used_difference.is_some_and(|units| units != 0), Remark::UsedDiffers),
        ];
        Self {
            line: line.line_no,
            item_code: line.item_code,
            on_hand: line.on_hand,
            used: line.used,
            book,
            book_when_told: line.book,
            decrease,
            increase,
            estimated,
            previous: previous.map(|last| PreviousView {
                business_day: last.day,
                on_hand: last.on_hand,
                came,
            }),
            derived_use: derived.map(|derived| derived.units),
            derived_per_day: derived.map(|derived| derived.per_day),
            used_difference,
            remarks: remarks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, r)| r).collect(),
        }
    }
}

/// What a version told otherwise than the one before it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportChangeView {
    /// The item.
    pub item_code: ItemCode,
    /// Base units on hand before; null where the item was not named.
    pub on_hand_before: Option<Quantity>,
    /// Base units on hand now; null where the item is not named any more.
    pub on_hand: Option<Quantity>,
    /// Base units used, as told before.
    pub used_before: Option<Quantity>,
    /// Base units used, as told now.
    pub used: Option<Quantity>,
}

/// A version of a stock report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportVersionView {
    /// Its number, from 1.
    pub version: i64,
    /// Business time of what is told.
    pub as_of: Instant,
    /// What a nil report says.
    pub nil: Option<Nil>,
    /// Why the version before was wrong; null for the first.
    pub reason: Option<String>,
    /// Whatever else was said.
    pub note: Option<String>,
    /// How the store told its consumption then: estimates are posted for `report` alone.
    pub consumption_by: ConsumptionBy,
    /// Who told it.
    pub reported_by: String,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// What it tells otherwise than the version before, by item.
    pub changes: Vec<ReportChangeView>,
}

/// What the lines of a version say otherwise than those before, by item.
fn changes(before: &[Line], after: &[Line]) -> Vec<ReportChangeView> {
    let by_item = |lines: &[Line]| -> BTreeMap<ItemCode, Line> {
        lines.iter().map(|line| (line.item_code.clone(), line.clone())).collect()
    };
    let (before, after) = (by_item(before), by_item(after));
    let items: BTreeSet<&ItemCode> = before.keys().chain(after.keys()).collect();
    let change = |item: &ItemCode| {
        let (old, new) = (before.get(item), after.get(item));
        let told = |line: Option<&Line>| line.map(|line| (line.on_hand, line.used));
        (told(old) != told(new)).then(|| ReportChangeView {
            item_code: item.clone(),
            on_hand_before: old.map(|line| line.on_hand),
            on_hand: new.map(|line| line.on_hand),
            used_before: old.and_then(|line| line.used),
            used: new.and_then(|line| line.used),
        })
    };
    items.into_iter().filter_map(change).collect()
}

/// A stock report with its lines beside the book, its versions, and what was posted for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockReportView {
    /// Its head.
    #[serde(flatten)]
    pub head: StockReportHead,
    /// The version whose lines are shown.
    pub shown_version: i64,
    /// The lines.
    pub lines: Vec<StockReportLineView>,
    /// All versions, the first first, each with what it changed.
    pub versions: Vec<ReportVersionView>,
    /// The movements of its estimates, those that take others back too.
    pub movements: Vec<MovementView>,
}

impl StockReportView {
    /// The view of a report with what the ledger says of it.
    pub fn new(of: Loaded) -> Self {
        let Loaded { report, shown, versions, lines, movements } = of;
        let mut before: Vec<Line> = Vec::new();
        let version_view = |(version, lines): (Version, Vec<Line>)| {
            let changed = if version.version == 1 { Vec::new() } else { changes(&before, &lines) };
            before = lines;
            ReportVersionView {
                version: version.version,
                as_of: version.as_of,
                nil: version.nil,
                reason: version.reason,
                note: version.note,
                consumption_by: version.consumption_by,
                reported_by: version.reported_by,
                recorded_at: version.recorded_at,
                changes: changed,
            }
        };
        let day = report.business_day;
        Self {
            head: StockReportHead::from(&report),
            shown_version: shown,
            versions: versions.into_iter().map(version_view).collect(),
            lines: lines.into_iter().map(|line| StockReportLineView::new(line, day)).collect(),
            movements: movements
                .into_iter()
                .map(|(movement, reversals)| MovementView::new(movement, reversals))
                .collect(),
        }
    }
}

/// By what hour a store's reports are due.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScheduleView {
    /// The store.
    pub store_code: StoreCode,
    /// Hours after the beginning of the business day; null for the county's hour.
    pub due_hour: Option<i64>,
    /// The hour that holds: the store's own, or the county's.
    pub holds: i64,
    /// Who set it; null where nobody did.
    pub set_by: Option<String>,
    /// When it was set.
    pub set_at: Option<Instant>,
}

impl ScheduleView {
    /// The view of a schedule in a county whose own hour is `usual`.
    pub fn new(of: &Schedule, usual: i64) -> Self {
        Self {
            store_code: of.store_code.clone(),
            due_hour: of.due_hour,
            holds: of.due_hour.unwrap_or(usual),
            set_by: of.set_by.clone(),
            set_at: of.set_at,
        }
    }
}
