//! What somebody makes up for a rehearsal 演练: another level, other stock, other use.

use crate::allocation::inputs::exact;
use crate::kernel::{ItemCode, Quantity, Ratio, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use serde::{Deserialize, Serialize};

/// Other stock of an item at a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherStock {
    /// The store.
    pub store: StoreCode,
    /// The item.
    pub item: ItemCode,
    /// Base units that are supposed to be available there.
    pub available: Quantity,
}

/// Another daily use of an item at a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherUse {
    /// The store.
    pub store: StoreCode,
    /// The item.
    pub item: ItemCode,
    /// Base units that are supposed to be used a day.
    #[serde(with = "exact")]
    pub daily_use: Option<Ratio>,
}

/// What is supposed for a rehearsal; what it does not speak of is as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIf {
    /// This response level everywhere.
    pub level: Option<ResponseLevel>,
    /// Every known daily use times so many percent.
    pub use_percent: Option<i64>,
    /// Other stock.
    pub stock: Vec<OtherStock>,
    /// Other daily use, to which the percentage does not apply.
    pub uses: Vec<OtherUse>,
}

impl WhatIf {
    /// The stock that is supposed to be there, if anything is supposed.
    pub fn stock_of(&self, store: &StoreCode, item: &ItemCode) -> Option<Quantity> {
        self.stock
            .iter()
            .find(|other| other.store == *store && other.item == *item)
            .map(|other| other.available)
    }

    /// The daily use that is supposed, in place of what is known.
    pub fn use_of(
        &self,
        store: &StoreCode,
        item: &ItemCode,
        known: Option<Ratio>,
    ) -> Option<Ratio> {
        let other = self.uses.iter().find(|other| other.store == *store && other.item == *item);
        if let Some(other) = other {
            return other.daily_use;
        }
        let percent = Ratio::new(self.use_percent.unwrap_or(100).into(), 100)?;
        // Where the product does not fit, the use is as good as unknown.
        known?.times(percent)
    }
}
