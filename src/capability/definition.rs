//! Something that takes several items at once, and its parts.

use crate::kernel::{CapabilityCode, Instant, ItemCode, Quantity};

/// Something that takes several items at once, e.g. a nucleic-acid test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Chosen by people, never changed.
    pub code: CapabilityCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// What one time is called, e.g. 人份.
    pub unit: String,
    /// The parts, all of which it takes; at least one.
    pub components: Vec<Component>,
    /// Whether it is still asked for.
    pub active: bool,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Instant,
}

impl Capability {
    /// The items of all parts.
    pub fn items(&self) -> impl Iterator<Item = &ItemCode> {
        self.components.iter().flat_map(|component| &component.items)
    }
}

/// A part without which it cannot be done, e.g. the extraction kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Items that stand in for one another, in the order of their codes.
    pub items: Vec<ItemCode>,
    /// So many base units …
    pub uses: Quantity,
    /// … serve so many times: a tube for ten pooled samples uses 1 and serves 10.
    pub serves: Quantity,
}
