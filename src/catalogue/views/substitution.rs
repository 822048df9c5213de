//! What clients see of lists of substitutes.

use crate::catalogue::substitution::{SubstitutionList, UseScene};
use crate::kernel::id::SubstitutionListId;
use crate::kernel::{Instant, ItemCode, Quantity, RegionCode};
use serde::Serialize;
use utoipa::ToSchema;

/// A list of what may stand in for an item, one way only.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubstitutionListView {
    /// Its id.
    pub id: SubstitutionListId,
    /// The item that is wanted.
    pub item_code: ItemCode,
    /// The how-manyth list of the item.
    pub version: i64,
    /// The use that it is for.
    pub scene: UseScene,
    /// The region for which it holds, and what lies in it; null for everywhere.
    pub region_code: Option<RegionCode>,
    /// From when it holds.
    pub valid_from: Instant,
    /// Until when, exclusive; null until another takes its place.
    pub valid_to: Option<Instant>,
    /// Why.
    pub reason: String,
    /// The paper or standard that permits it.
    pub source: String,
    /// What stands in, in order of rank; empty where nothing may.
    pub entries: Vec<SubstitutionEntryView>,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// Who recorded it.
    pub recorded_by: String,
}

/// A substitute on a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubstitutionEntryView {
    /// 1 is taken first.
    pub rank: i64,
    /// The item that stands in.
    pub item_code: ItemCode,
    /// So many of its base units …
    pub substitute_units: Quantity,
    /// … stand in for so many of the item's.
    pub item_units: Quantity,
    /// What to mind when it is used.
    pub note: Option<String>,
}

impl From<SubstitutionList> for SubstitutionListView {
    fn from(list: SubstitutionList) -> Self {
        let entries = list.entries.into_iter().map(|entry| SubstitutionEntryView {
            rank: entry.rank,
            item_code: entry.item_code,
            substitute_units: entry.rate.substitute_units(),
            item_units: entry.rate.item_units(),
            note: entry.note,
        });
        Self {
            id: list.id,
            item_code: list.item_code,
            version: list.version,
            scene: list.scene,
            region_code: list.region,
            valid_from: list.valid_from,
            valid_to: list.valid_to,
            reason: list.reason,
            source: list.source,
            entries: entries.collect(),
            recorded_at: list.recorded_at,
            recorded_by: list.recorded_by,
        }
    }
}
