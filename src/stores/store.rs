//! A store, its kind and its region.

use crate::catalogue::StorageCondition;
use crate::kernel::text::fold_for_search;
use crate::kernel::{Instant, RegionCode, StoreCode};
use crate::word_enum;

word_enum! {
    /// How a store tells what it consumed.
    pub enum ConsumptionBy {
        /// By issues, one by one.
        Issue = "issue",
        /// By stock reports, from whose decrease it is estimated.
        Report = "report",
    }
}

/// A division of GB/T 2260 or a statistical sub-division.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its code.
    pub code: RegionCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// The division above it, where that is known to the service.
    pub parent_code: Option<RegionCode>,
    /// When it was created.
    pub created_at: Instant,
}

/// A kind of store, e.g. `hospital`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreKind {
    /// Its code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// When it was created.
    pub created_at: Instant,
}

/// A place that holds stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Chosen by people, never changed.
    pub code: StoreCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// The code of its kind.
    pub kind: String,
    /// Where it lies.
    pub region_code: RegionCode,
    /// The store that usually supplies it.
    pub supplied_by: Option<StoreCode>,
    /// 1 is served first.
    pub priority_class: i64,
    /// The storage conditions that it can keep.
    pub storage: Vec<StorageCondition>,
    /// How it tells what it consumed.
    pub consumption_by: ConsumptionBy,
    /// Where someone answers at night.
    pub duty_phone: Option<String>,
    /// Degrees north, in millionths.
    pub latitude_microdegrees: Option<i64>,
    /// Degrees east, in millionths.
    pub longitude_microdegrees: Option<i64>,
    /// Whether it may still receive.
    pub active: bool,
    /// Counts the changes.
    pub version: i64,
    /// When it was created.
    pub created_at: Instant,
}

impl Store {
    /// The text in which a search looks.
    pub fn search_text(&self) -> String {
        fold_for_search(&format!("{}|{}|{}", self.code, self.name_zh, self.name_en))
    }
}

/// Millionths of a degree as a decimal.
pub fn show_degrees(micro: i64) -> String {
    let sign = if micro < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", micro.abs() / 1_000_000, micro.abs() % 1_000_000)
}
