//! Periods of the book: closed through a business day, for a store or for a region.

use crate::kernel::id::PeriodId;
use crate::kernel::{Code, Refusal, RegionCode, StoreCode};
use crate::word_enum;
use chrono::NaiveDate;

word_enum! {
    /// Whether a period is closed.
    pub enum PeriodStatus {
        /// 已结账: nothing is posted into it.
        Closed = "closed",
        /// 已反结账: open again, with a reason.
        Reopened = "reopened",
    }
}

/// For whom a period is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeriodScope {
    /// One store.
    Store(StoreCode),
    /// Every store of a region, later ones too.
    Region(RegionCode),
}

impl PeriodScope {
    /// Reads a scope as stored; `None` for what the service never wrote.
    pub fn from_columns(store: Option<StoreCode>, region: Option<RegionCode>) -> Option<Self> {
        match (store, region) {
            (Some(store), None) => Some(Self::Store(store)),
            (None, Some(region)) => Some(Self::Region(region)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// Whether a store in a region is meant.
    pub fn covers(&self, store: &StoreCode, region: &RegionCode) -> bool {
        match self {
            Self::Store(code) => code == store,
            Self::Region(code) => code.contains(region),
        }
    }
}

/// That a period is closed, with what and until when.
pub fn closed_for(
    store: &StoreCode,
    day: NaiveDate,
    period: &PeriodId,
    through: NaiveDate,
) -> Refusal {
    Refusal::new(
        Code::PeriodClosed,
        format!("储备点 {store} 已结账至 {through}，不能再记 {day} 的业务"),
        format!("The book of {store} is closed through {through}: nothing is posted on {day}"),
    )
    .with("store_code", store.as_str())
    .with("day", day.to_string())
    .with("closed_through", through.to_string())
    .with("period_id", period.as_str())
}
