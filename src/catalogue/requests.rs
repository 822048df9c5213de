//! What clients send about items, and how it becomes an item: every fault gathered.

pub mod substitution;

use crate::catalogue::item::{Category, Item, Pack, StorageCondition};
use crate::catalogue::requests::substitution::Seen;
use crate::catalogue::views::{PackBody, SubstituteBody};
use crate::kernel::patch::nullable;
use crate::kernel::{FaultCode, Faults, Gtin, Instant, ItemCode, Quantity, Refusal, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A new item.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemRequest {
    /// Chosen by people, unique, never changed.
    #[schema(example = "M02")]
    pub code: String,
    /// Chinese name.
    #[schema(example = "医用外科口罩")]
    pub name_zh: String,
    /// English name.
    #[schema(example = "Surgical mask")]
    pub name_en: String,
    /// Main category: `ppe`, `disinfectant`, `drug`, `reagent` or `equipment`.
    #[schema(example = "ppe")]
    pub category: String,
    /// The smallest unit in which it is handled.
    #[schema(example = "只")]
    pub base_unit: String,
    /// Packs in which it is handled.
    #[serde(default)]
    pub packs: Vec<PackBody>,
    /// `ambient` (the default), `cool`, `refrigerated`, `frozen` or `flammable`.
    #[serde(default)]
    #[schema(example = "ambient")]
    pub storage: Option<String>,
    /// Usual shelf life in months.
    #[serde(default)]
    #[schema(example = 24, minimum = 1)]
    pub shelf_life_months: Option<i64>,
    /// Days before expiry at which a lot counts as near expiry; 90 unless said.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub near_expiry_days: Option<i64>,
    /// Registration number of a medical device or drug.
    #[serde(default)]
    pub registration_number: Option<String>,
    /// The product standard.
    #[serde(default)]
    #[schema(example = "YY 0469")]
    pub standard: Option<String>,
    /// GS1 trade item numbers, with their check digits.
    #[serde(default)]
    pub gtins: Vec<String>,
    /// What may stand in for it for any use and everywhere, one way only; recorded as a list of
    /// substitutes that holds from now on.
    #[serde(default)]
    pub substitutes: Vec<SubstituteBody>,
}

/// Changes to an item; absent fields stay as they are, `null` clears what may be empty.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemPatch {
    /// Chinese name.
    #[serde(default)]
    pub name_zh: Option<String>,
    /// English name.
    #[serde(default)]
    pub name_en: Option<String>,
    /// All packs; a pack may be added or renamed, never removed or resized.
    #[serde(default)]
    pub packs: Option<Vec<PackBody>>,
    /// How it must be stored.
    #[serde(default)]
    pub storage: Option<String>,
    /// Usual shelf life in months.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub shelf_life_months: Option<Option<i64>>,
    /// Days before expiry at which a lot counts as near expiry.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub near_expiry_days: Option<i64>,
    /// Registration number.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub registration_number: Option<Option<String>>,
    /// The product standard.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub standard: Option<Option<String>>,
    /// All trade item numbers.
    #[serde(default)]
    pub gtins: Option<Vec<String>>,
    /// All substitutes for any use and everywhere; another list takes the place of the one that held.
    #[serde(default)]
    pub substitutes: Option<Vec<SubstituteBody>>,
    /// Whether it may still be received.
    #[serde(default)]
    pub active: Option<bool>,
}

/// A substitute with its rank: 1 is taken first.
pub type Ranked = (i64, ItemCode);

impl ItemRequest {
    /// The item, as of its creation at `now`, and its substitutes by rank.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self, now: Instant) -> Result<(Item, Vec<Ranked>), Refusal> {
        let mut faults = Faults::new();
        let code = faults.keep("/code", ItemCode::new(&self.code));
        let name_zh = text(&mut faults, "/name_zh", &self.name_zh);
        let name_en = text(&mut faults, "/name_en", &self.name_en);
        let base_unit = faults.keep("/base_unit", Text::<16>::new(&self.base_unit));
        let category = word(&mut faults, "/category", Category::from_word(&self.category));
        let storage = match &self.storage {
            None => Some(StorageCondition::Ambient),
            Some(storage) => word(&mut faults, "/storage", StorageCondition::from_word(storage)),
        };
        let shelf_life_months = shelf_life(&mut faults, self.shelf_life_months);
        let near_expiry_days = near_expiry(&mut faults, self.near_expiry_days.unwrap_or(90));
        let registration_number =
            optional_text(&mut faults, "/registration_number", self.registration_number.as_deref());
        let standard = optional_text(&mut faults, "/standard", self.standard.as_deref());
        let packs = packs(&mut faults, &self.packs);
        let gtins = gtins(&mut faults, &self.gtins);
        let substitutes = substitutes(&mut faults, &self.substitutes, code.as_ref());
        let item = (|| {
            Some(Item {
                code: code?,
                name_zh: name_zh?,
                name_en: name_en?,
                category: category?,
                base_unit: base_unit?.into(),
                packs,
                storage: storage?,
                shelf_life_months,
                near_expiry_days: near_expiry_days?,
                registration_number,
                standard,
                gtins,
                active: true,
                version: 1,
                created_at: now,
            })
        })();
        faults.finish(item.map(|item| (item, substitutes)))
    }
}

impl ItemPatch {
    /// The item with these changes, under its next version, and its substitutes where they are given.
    ///
    /// # Errors
    /// `validation_failed` with every fault; also when a pack would vanish or change its size,
    /// because documents count in it.
    pub fn apply(&self, item: &Item) -> Result<(Item, Option<Vec<Ranked>>), Refusal> {
        let mut faults = Faults::new();
        let mut changed = Item { version: item.version + 1, ..item.clone() };
        if let Some(name) = &self.name_zh {
            changed.name_zh = text(&mut faults, "/name_zh", name).unwrap_or_default();
        }
        if let Some(name) = &self.name_en {
            changed.name_en = text(&mut faults, "/name_en", name).unwrap_or_default();
        }
        if let Some(given) = &self.packs {
            changed.packs = packs(&mut faults, given);
            for pack in &item.packs {
                if changed.pack(&pack.code).is_none_or(|other| other.units != pack.units) {
                    faults.add("/packs", FaultCode::Contradicts);
                }
            }
        }
        if let Some(given) = &self.storage {
            let storage = word(&mut faults, "/storage", StorageCondition::from_word(given));
            changed.storage = storage.unwrap_or(item.storage);
        }
        if let Some(months) = self.shelf_life_months {
            changed.shelf_life_months = shelf_life(&mut faults, months);
        }
        if let Some(days) = self.near_expiry_days {
            changed.near_expiry_days = near_expiry(&mut faults, days).unwrap_or_default();
        }
        if let Some(number) = &self.registration_number {
            changed.registration_number =
                optional_text(&mut faults, "/registration_number", number.as_deref());
        }
        if let Some(standard) = &self.standard {
            changed.standard = optional_text(&mut faults, "/standard", standard.as_deref());
        }
        if let Some(given) = &self.gtins {
            changed.gtins = gtins(&mut faults, given);
        }
        let substitutes = self
            .substitutes
            .as_deref()
            .map(|given| substitutes(&mut faults, given, Some(&item.code)));
        if let Some(active) = self.active {
            changed.active = active;
        }
        faults.finish(Some((changed, substitutes)))
    }
}

fn text(faults: &mut Faults, pointer: &str, given: &str) -> Option<String> {
    faults.keep(pointer, Text::<120>::new(given)).map(String::from)
}

fn optional_text(faults: &mut Faults, pointer: &str, given: Option<&str>) -> Option<String> {
    given.and_then(|given| text(faults, pointer, given))
}

fn word<T>(faults: &mut Faults, pointer: &str, found: Option<T>) -> Option<T> {
    faults.keep(pointer, found.ok_or(FaultCode::NotInList))
}

fn shelf_life(faults: &mut Faults, months: Option<i64>) -> Option<i64> {
    let months = months?;
    let valid = (1..=600).contains(&months).then_some(months).ok_or(FaultCode::OutOfRange);
    faults.keep("/shelf_life_months", valid)
}

fn near_expiry(faults: &mut Faults, days: i64) -> Option<i64> {
    let valid = (0..=3_650).contains(&days).then_some(days).ok_or(FaultCode::OutOfRange);
    faults.keep("/near_expiry_days", valid)
}

fn packs(faults: &mut Faults, given: &[PackBody]) -> Vec<Pack> {
    let mut seen = BTreeSet::new();
    let mut packs: Vec<Pack> = given
        .iter()
        .enumerate()
        .filter_map(|(at, pack)| {
            let pointer = format!("/packs/{at}");
            let code = faults.keep(format!("{pointer}/code"), Text::<16>::new(&pack.code));
            let name_zh = faults.keep(format!("{pointer}/name_zh"), Text::<16>::new(&pack.name_zh));
            let name_en = faults.keep(format!("{pointer}/name_en"), Text::<32>::new(&pack.name_en));
            let units = Quantity::new(pack.units).ok().filter(|units| !units.is_zero());
            let units = faults.keep(format!("{pointer}/units"), units.ok_or(FaultCode::OutOfRange));
            if !seen.insert(pack.code.clone()) {
                faults.add(format!("{pointer}/code"), FaultCode::Duplicate);
            }
            Some(Pack {
                code: code?.into(),
                name_zh: name_zh?.into(),
                name_en: name_en?.into(),
                units: units?,
            })
        })
        .collect();
    packs.sort_by(|a, b| a.units.cmp(&b.units).then_with(|| a.code.cmp(&b.code)));
    packs
}

fn gtins(faults: &mut Faults, given: &[String]) -> Vec<Gtin> {
    let mut seen = BTreeSet::new();
    given
        .iter()
        .enumerate()
        .filter_map(|(at, text)| {
            let pointer = format!("/gtins/{at}");
            let gtin = faults.keep(&*pointer, Gtin::new(text))?;
            if !seen.insert(gtin.to_fourteen()) {
                faults.add(pointer, FaultCode::Duplicate);
            }
            Some(gtin)
        })
        .collect()
}

fn substitutes(
    faults: &mut Faults,
    given: &[SubstituteBody],
    own: Option<&ItemCode>,
) -> Vec<Ranked> {
    let mut seen = Seen::default();
    let mut substitutes: Vec<Ranked> = given
        .iter()
        .enumerate()
        .filter_map(|(at, one)| {
            let pointer = format!("/substitutes/{at}");
            let code = seen.substitute(&one.item_code, one.rank, own, &pointer, faults)?;
            Some((one.rank, code))
        })
        .collect();
    substitutes.sort_unstable();
    substitutes
}
