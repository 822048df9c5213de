//! What clients see of daily uses that somebody set by hand.

use crate::consumption::daily_use::DailyUse;
use crate::kernel::id::DailyUseId;
use crate::kernel::{Instant, ItemCode, Ratio, StoreCode};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// A daily use that somebody set by hand.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DailyUseView {
    /// Its id.
    pub id: DailyUseId,
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// Base units per day, exact.
    pub per_day: Ratio,
    /// The last day on which it holds.
    pub through_day: NaiveDate,
    /// Why it was set.
    pub reason: String,
    /// What it rests on, in words.
    pub sample: Option<String>,
    /// Who set it.
    pub author: String,
    /// When it was set, and from when on it holds.
    pub recorded_at: Instant,
    /// Who ended it before its last day, or set another in its place.
    pub ended_by: Option<String>,
    /// When.
    pub ended_at: Option<Instant>,
    /// Why; null where another took its place.
    pub end_reason: Option<String>,
}

impl From<&DailyUse> for DailyUseView {
    fn from(of: &DailyUse) -> Self {
        let ended = of.ended.as_ref();
        Self {
            id: of.id.clone(),
            store_code: of.store_code.clone(),
            item_code: of.item_code.clone(),
            per_day: of.per_day,
            through_day: of.through_day,
            reason: of.reason.clone(),
            sample: of.sample.clone(),
            author: of.author.clone(),
            recorded_at: of.recorded_at,
            ended_by: ended.map(|ended| ended.by.clone()),
            ended_at: ended.map(|ended| ended.at),
            end_reason: ended.and_then(|ended| ended.reason.clone()),
        }
    }
}
