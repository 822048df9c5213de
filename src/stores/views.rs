//! What clients see of regions, kinds and stores.

use crate::catalogue::StorageCondition;
use crate::kernel::{Instant, RegionCode, StoreCode};
use crate::stores::store::{ConsumptionBy, Region, Store, StoreKind, show_degrees};
use serde::Serialize;
use utoipa::ToSchema;

/// A division of GB/T 2260 or a statistical sub-division.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegionView {
    /// Its code; begins with the code of the division above it.
    pub code: RegionCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// The division above it, where that is known to the service.
    pub parent_code: Option<RegionCode>,
}

impl From<Region> for RegionView {
    fn from(region: Region) -> Self {
        Self {
            code: region.code,
            name_zh: region.name_zh,
            name_en: region.name_en,
            parent_code: region.parent_code,
        }
    }
}

/// A kind of store.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StoreKindView {
    /// Its code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

impl From<StoreKind> for StoreKindView {
    fn from(kind: StoreKind) -> Self {
        Self { code: kind.code, name_zh: kind.name_zh, name_en: kind.name_en }
    }
}

/// A place that holds stock.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StoreView {
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
    /// Degrees north.
    pub latitude: Option<String>,
    /// Degrees east.
    pub longitude: Option<String>,
    /// Whether it may still receive.
    pub active: bool,
    /// When it was created.
    pub created_at: Instant,
}

impl From<&Store> for StoreView {
    fn from(store: &Store) -> Self {
        Self {
            code: store.code.clone(),
            name_zh: store.name_zh.clone(),
            name_en: store.name_en.clone(),
            kind: store.kind.clone(),
            region_code: store.region_code.clone(),
            supplied_by: store.supplied_by.clone(),
            priority_class: store.priority_class,
            storage: store.storage.clone(),
            consumption_by: store.consumption_by,
            duty_phone: store.duty_phone.clone(),
            latitude: store.latitude_microdegrees.map(show_degrees),
            longitude: store.longitude_microdegrees.map(show_degrees),
            active: store.active,
            created_at: store.created_at,
        }
    }
}
