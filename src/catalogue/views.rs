//! What clients see of items.

pub mod substitution;

use crate::catalogue::item::{Category, Item, StorageCondition};
use crate::kernel::{Gtin, Instant, ItemCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A pack of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackBody {
    /// Short code, unique for the item.
    #[schema(example = "box")]
    pub code: String,
    /// Chinese name.
    #[schema(example = "盒")]
    pub name_zh: String,
    /// English name.
    #[schema(example = "box")]
    pub name_en: String,
    /// Base units in one pack.
    #[schema(example = 50, minimum = 1)]
    pub units: i64,
}

/// What may stand in for an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubstituteBody {
    /// The item that stands in.
    #[schema(example = "M03")]
    pub item_code: String,
    /// 1 is taken first.
    #[schema(minimum = 1)]
    pub rank: i64,
}

/// An item of the catalogue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ItemView {
    /// Chosen by people, never changed.
    pub code: ItemCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Main category.
    pub category: Category,
    /// The smallest unit in which it is handled.
    pub base_unit: String,
    /// Packs, smallest first.
    pub packs: Vec<PackBody>,
    /// How it must be stored.
    pub storage: StorageCondition,
    /// Usual shelf life in months.
    pub shelf_life_months: Option<i64>,
    /// Days before expiry at which a lot counts as near expiry.
    pub near_expiry_days: i64,
    /// Registration number of a medical device or drug.
    pub registration_number: Option<String>,
    /// The product standard.
    pub standard: Option<String>,
    /// Trade item numbers, padded to fourteen digits.
    pub gtins: Vec<String>,
    /// What may stand in for it today for any use and everywhere, by rank; what holds for one use or
    /// region, with its reason, is told by `GET /substitution-lists`.
    pub substitutes: Vec<SubstituteBody>,
    /// Whether it may still be received.
    pub active: bool,
    /// When it was created.
    pub created_at: Instant,
}

impl ItemView {
    /// Whether it shows exactly these substitutes, in their order.
    pub fn stands_in_as(&self, ranked: &[(i64, ItemCode)]) -> bool {
        self.substitutes.len() == ranked.len()
            && self.substitutes.iter().zip(ranked).all(|(shown, (rank, code))| {
                shown.rank == *rank && shown.item_code == code.as_str()
            })
    }

    /// An item with what may stand in for it.
    pub fn new(item: &Item, substitutes: Vec<SubstituteBody>) -> Self {
        Self {
            code: item.code.clone(),
            name_zh: item.name_zh.clone(),
            name_en: item.name_en.clone(),
            category: item.category,
            base_unit: item.base_unit.clone(),
            packs: item
                .packs
                .iter()
                .map(|pack| PackBody {
                    code: pack.code.clone(),
                    name_zh: pack.name_zh.clone(),
                    name_en: pack.name_en.clone(),
                    units: pack.units.units(),
                })
                .collect(),
            storage: item.storage,
            shelf_life_months: item.shelf_life_months,
            near_expiry_days: item.near_expiry_days,
            registration_number: item.registration_number.clone(),
            standard: item.standard.clone(),
            gtins: item.gtins.iter().map(Gtin::to_fourteen).collect(),
            substitutes,
            active: item.active,
            created_at: item.created_at,
        }
    }
}
