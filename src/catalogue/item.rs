//! An item and what belongs to it.

use crate::kernel::text::fold_for_search;
use crate::kernel::{Gtin, Instant, ItemCode, Quantity};
use crate::word_enum;

word_enum! {
    /// The main categories of epidemic supplies.
    pub enum Category {
        /// 防护用品: masks, gowns, gloves, goggles.
        Ppe = "ppe",
        /// 消杀产品: disinfectants.
        Disinfectant = "disinfectant",
        /// 药品: drugs.
        Drug = "drug",
        /// 检测试剂: test reagents and sampling material.
        Reagent = "reagent",
        /// 医疗设备: equipment.
        Equipment = "equipment",
    }
}

word_enum! {
    /// How an item must be stored, or what a store can keep (Chinese Pharmacopoeia, general notices).
    pub enum StorageCondition {
        /// 常温: 10 to 30 °C.
        Ambient = "ambient",
        /// 阴凉: not above 20 °C.
        Cool = "cool",
        /// 冷藏: 2 to 8 °C.
        Refrigerated = "refrigerated",
        /// 冷冻: −20 °C or below.
        Frozen = "frozen",
        /// 防火: flammable goods.
        Flammable = "flammable",
    }
}

/// A pack in which an item is handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Short code, unique for the item, e.g. `box`.
    pub code: String,
    /// Chinese name, e.g. 盒.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Base units in one pack.
    pub units: Quantity,
}

/// An item with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Chosen by people, never changed.
    pub code: ItemCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Main category.
    pub category: Category,
    /// The smallest unit in which it is handled, e.g. 只.
    pub base_unit: String,
    /// Packs, smallest first.
    pub packs: Vec<Pack>,
    /// How it must be stored.
    pub storage: StorageCondition,
    /// Usual shelf life in months.
    pub shelf_life_months: Option<i64>,
    /// A lot within this many days of its expiry counts as near expiry.
    pub near_expiry_days: i64,
    /// Registration number of a medical device or drug.
    pub registration_number: Option<String>,
    /// The product standard, e.g. `GB 19083`.
    pub standard: Option<String>,
    /// Trade item numbers found on its packs.
    pub gtins: Vec<Gtin>,
    /// Whether it may still be received.
    pub active: bool,
    /// Counts the changes.
    pub version: i64,
    /// When it was created.
    pub created_at: Instant,
}

impl Item {
    /// The text in which a search looks.
    pub fn search_text(&self) -> String {
        fold_for_search(&format!("{}|{}|{}", self.code, self.name_zh, self.name_en))
    }

    /// The pack of a code.
    pub fn pack(&self, code: &str) -> Option<&Pack> {
        self.packs.iter().find(|pack| pack.code == code)
    }

    /// The largest pack, or `None` where the item has only its base unit.
    pub fn largest_pack(&self) -> Option<&Pack> {
        self.packs.iter().max_by_key(|pack| pack.units)
    }
}
