//! What a store says it holds at the end of a business day, and its versions.

use crate::kernel::id::StockReportId;
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::stores::store::ConsumptionBy;
use crate::word_enum;
use chrono::NaiveDate;

/// The letters with which the numbers of stock reports begin: 库存报告, apart from CK, an issue.
pub const PREFIX: &str = "KB";

word_enum! {
    /// What a nil report 零报告 says. It is a statement; a report that never came is a hole.
    pub enum Nil {
        /// Nothing was used since the last report.
        Unchanged = "unchanged",
        /// Nothing at all is held.
        NothingHeld = "nothing_held",
    }
}

word_enum! {
    /// Whether the report of a day came, and when.
    pub enum Timeliness {
        /// By the hour at which it was due.
        OnTime = "on_time",
        /// Later than that.
        Late = "late",
        /// It is due still.
        Due = "due",
        /// It never came.
        Missing = "missing",
    }
}

/// The report of a store for a business day, as its newest version says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockReport {
    /// The report's id, the same for all versions.
    pub id: StockReportId,
    /// Its human number, the same for all versions.
    pub number: String,
    /// The store.
    pub store_code: StoreCode,
    /// The day.
    pub business_day: NaiveDate,
    /// When it was due, as that stood when it first came.
    pub due_at: Instant,
    /// When its first version was recorded.
    pub first_recorded_at: Instant,
    /// Its newest version, from 1.
    pub version: i64,
    /// Business time of what is told.
    pub as_of: Instant,
    /// What a report without lines says.
    pub nil: Option<Nil>,
    /// When the newest version was recorded.
    pub recorded_at: Instant,
    /// Lines that told something else than the book, when they were told.
    pub differences: i64,
}

impl StockReport {
    /// Whether the day's first version came in time.
    pub fn timeliness(&self) -> Timeliness {
        if self.first_recorded_at <= self.due_at { Timeliness::OnTime } else { Timeliness::Late }
    }
}

/// One version of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub version: i64,
    /// Business time of what is told.
    pub as_of: Instant,
    /// What a report without lines says.
    pub nil: Option<Nil>,
    /// Why the version before was wrong; the first has none.
    pub reason: Option<String>,
    /// Whatever else is to be said.
    pub note: Option<String>,
    /// How the store told its consumption then.
    pub consumption_by: ConsumptionBy,
    /// Who told it.
    pub reported_by: String,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// Lines that told something else than the book, when they were told.
    pub differences: i64,
}

/// What a version says of an item: everything that lies in the store, in whatever state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place, from 1.
    pub line_no: i64,
    /// The item.
    pub item_code: ItemCode,
    /// Base units that the store says it holds.
    pub on_hand: Quantity,
    /// Base units that it says it used since its last report.
    pub used: Option<Quantity>,
    /// What the book held then without what this report itself had posted, when it was told.
    pub book: Quantity,
}
