//! What clients send about stores, and how it becomes a store: every fault gathered.

use crate::catalogue::StorageCondition;
use crate::kernel::patch::nullable;
use crate::kernel::{FaultCode, Faults, Instant, Refusal, RegionCode, StoreCode, Text};
use crate::stores::store::{ConsumptionBy, Region, Store, StoreKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new region.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionRequest {
    /// Code of GB/T 2260: 2, 4, 6, 9 or 12 digits.
    #[schema(example = "360729")]
    pub code: String,
    /// Chinese name.
    #[schema(example = "全南县")]
    pub name_zh: String,
    /// English name.
    #[schema(example = "Quannan County")]
    pub name_en: String,
}

/// A new kind of store.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreKindRequest {
    /// Short code: lower-case letters, digits and `_`.
    #[schema(example = "isolation_site")]
    pub code: String,
    /// Chinese name.
    #[schema(example = "隔离点")]
    pub name_zh: String,
    /// English name.
    #[schema(example = "Isolation site")]
    pub name_en: String,
}

/// A new store.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreRequest {
    /// Chosen by people, unique, never changed.
    #[schema(example = "QN-DEPOT")]
    pub code: String,
    /// Chinese name.
    #[schema(example = "全南县应急物资储备库")]
    pub name_zh: String,
    /// English name.
    #[schema(example = "Quannan County Reserve Depot")]
    pub name_en: String,
    /// Code of a kind of store.
    #[schema(example = "county_reserve")]
    pub kind: String,
    /// Code of the region in which it lies.
    #[schema(example = "360729")]
    pub region_code: String,
    /// The store that usually supplies it.
    #[serde(default)]
    pub supplied_by: Option<String>,
    /// 1 (served first) to 9; 5 unless said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 9)]
    pub priority_class: Option<i64>,
    /// Storage conditions that it can keep; `ambient` unless said.
    #[serde(default)]
    pub storage: Option<Vec<String>>,
    /// `issue` (the default) or `report`.
    #[serde(default)]
    #[schema(example = "issue")]
    pub consumption_by: Option<String>,
    /// Where someone answers at night.
    #[serde(default)]
    pub duty_phone: Option<String>,
    /// Degrees north with at most six decimals.
    #[serde(default)]
    #[schema(example = "24.742400", pattern = r"^-?\d{1,3}(\.\d{1,6})?$")]
    pub latitude: Option<String>,
    /// Degrees east with at most six decimals.
    #[serde(default)]
    #[schema(example = "114.530100", pattern = r"^-?\d{1,3}(\.\d{1,6})?$")]
    pub longitude: Option<String>,
}

/// Changes to a store; absent fields stay as they are, `null` clears what may be empty.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StorePatch {
    /// Chinese name.
    #[serde(default)]
    pub name_zh: Option<String>,
    /// English name.
    #[serde(default)]
    pub name_en: Option<String>,
    /// The store that usually supplies it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub supplied_by: Option<Option<String>>,
    /// 1 (served first) to 9.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 9)]
    pub priority_class: Option<i64>,
    /// All storage conditions that it can keep.
    #[serde(default)]
    pub storage: Option<Vec<String>>,
    /// `issue` or `report`.
    #[serde(default)]
    pub consumption_by: Option<String>,
    /// Where someone answers at night.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub duty_phone: Option<Option<String>>,
    /// Degrees north.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub latitude: Option<Option<String>>,
    /// Degrees east.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub longitude: Option<Option<String>>,
    /// Whether it may still receive.
    #[serde(default)]
    pub active: Option<bool>,
}

impl RegionRequest {
    /// The region, as of its creation at `now`.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, now: Instant) -> Result<Region, Refusal> {
        let mut faults = Faults::new();
        let code = faults.keep("/code", RegionCode::new(&self.code));
        let name_zh = name(&mut faults, "/name_zh", &self.name_zh);
        let name_en = name(&mut faults, "/name_en", &self.name_en);
        let region = (|| {
            let code = code?;
            Some(Region {
                parent_code: code.parent(),
                code,
                name_zh: name_zh?,
                name_en: name_en?,
                created_at: now,
            })
        })();
        faults.finish(region)
    }
}

impl StoreKindRequest {
    /// The kind, as of its creation at `now`.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, now: Instant) -> Result<StoreKind, Refusal> {
        let mut faults = Faults::new();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let valid = (1..=32).contains(&self.code.len()) && self.code.bytes().all(plain);
        let code =
            faults.keep("/code", valid.then(|| self.code.clone()).ok_or(FaultCode::InvalidFormat));
        let name_zh = name(&mut faults, "/name_zh", &self.name_zh);
        let name_en = name(&mut faults, "/name_en", &self.name_en);
        let kind = (|| {
            Some(StoreKind { code: code?, name_zh: name_zh?, name_en: name_en?, created_at: now })
        })();
        faults.finish(kind)
    }
}

impl StoreRequest {
    /// The store, as of its creation at `now`.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, now: Instant) -> Result<Store, Refusal> {
        let mut faults = Faults::new();
        let code = faults.keep("/code", StoreCode::new(&self.code));
        let name_zh = name(&mut faults, "/name_zh", &self.name_zh);
        let name_en = name(&mut faults, "/name_en", &self.name_en);
        let kind = faults.keep("/kind", Text::<32>::new(&self.kind));
        let region_code = faults.keep("/region_code", RegionCode::new(&self.region_code));
        let supplied_by = supplier(&mut faults, self.supplied_by.as_deref());
        let priority_class = priority(&mut faults, self.priority_class.unwrap_or(5));
        let storage = match &self.storage {
            None => vec![StorageCondition::Ambient],
            Some(given) => conditions(&mut faults, given),
        };
        let consumption_by = match &self.consumption_by {
            None => Some(ConsumptionBy::Issue),
            Some(word) => consumption(&mut faults, word),
        };
        let duty_phone = phone(&mut faults, self.duty_phone.as_deref());
        let latitude = degrees(&mut faults, "/latitude", self.latitude.as_deref(), 90);
        let longitude = degrees(&mut faults, "/longitude", self.longitude.as_deref(), 180);
        let store = (|| {
            Some(Store {
                code: code?,
                name_zh: name_zh?,
                name_en: name_en?,
                kind: kind?.into(),
                region_code: region_code?,
                supplied_by,
                priority_class: priority_class?,
                storage,
                consumption_by: consumption_by?,
                duty_phone,
                latitude_microdegrees: latitude,
                longitude_microdegrees: longitude,
                active: true,
                version: 1,
                created_at: now,
            })
        })();
        faults.finish(store)
    }
}

impl StorePatch {
    /// The store with these changes, under its next version.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn apply(&self, store: &Store) -> Result<Store, Refusal> {
        let mut faults = Faults::new();
        let mut changed = Store { version: store.version + 1, ..store.clone() };
        if let Some(given) = &self.name_zh {
            changed.name_zh = name(&mut faults, "/name_zh", given).unwrap_or_default();
        }
        if let Some(given) = &self.name_en {
            changed.name_en = name(&mut faults, "/name_en", given).unwrap_or_default();
        }
        if let Some(given) = &self.supplied_by {
            changed.supplied_by = supplier(&mut faults, given.as_deref());
        }
        if let Some(given) = self.priority_class {
            changed.priority_class = priority(&mut faults, given).unwrap_or_default();
        }
        if let Some(given) = &self.storage {
            changed.storage = conditions(&mut faults, given);
        }
        if let Some(given) = &self.consumption_by {
            changed.consumption_by =
                consumption(&mut faults, given).unwrap_or(store.consumption_by);
        }
        if let Some(given) = &self.duty_phone {
            changed.duty_phone = phone(&mut faults, given.as_deref());
        }
        if let Some(given) = &self.latitude {
            changed.latitude_microdegrees = degrees(&mut faults, "/latitude", given.as_deref(), 90);
        }
        if let Some(given) = &self.longitude {
            changed.longitude_microdegrees =
                degrees(&mut faults, "/longitude", given.as_deref(), 180);
        }
        if let Some(active) = self.active {
            changed.active = active;
        }
        faults.finish(Some(changed))
    }
}

fn name(faults: &mut Faults, pointer: &str, given: &str) -> Option<String> {
    faults.keep(pointer, Text::<120>::new(given)).map(String::from)
}

fn supplier(faults: &mut Faults, given: Option<&str>) -> Option<StoreCode> {
    given.and_then(|code| faults.keep("/supplied_by", StoreCode::new(code)))
}

fn priority(faults: &mut Faults, given: i64) -> Option<i64> {
    let valid = (1..=9).contains(&given).then_some(given).ok_or(FaultCode::OutOfRange);
    faults.keep("/priority_class", valid)
}

fn conditions(faults: &mut Faults, given: &[String]) -> Vec<StorageCondition> {
    let mut conditions: Vec<StorageCondition> = given
        .iter()
        .enumerate()
        .filter_map(|(at, word)| {
            let found = StorageCondition::from_word(word).ok_or(FaultCode::NotInList);
            faults.keep(format!("/storage/{at}"), found)
        })
        .collect();
    conditions.sort_unstable();
    conditions.dedup();
    conditions
}

fn consumption(faults: &mut Faults, word: &str) -> Option<ConsumptionBy> {
    faults.keep("/consumption_by", ConsumptionBy::from_word(word).ok_or(FaultCode::NotInList))
}

fn phone(faults: &mut Faults, given: Option<&str>) -> Option<String> {
    given.and_then(|text| faults.keep("/duty_phone", Text::<32>::new(text))).map(String::from)
}

/// Reads degrees written as a decimal into millionths, exactly.
fn degrees(faults: &mut Faults, pointer: &str, given: Option<&str>, most: i64) -> Option<i64> {
    let text = given?;
    let read = || {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || fraction.len() > 6 {
            return None;
        }
        if !plain(whole) || !plain(fraction) {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
        Some(sign * (whole * 1_000_000 + fraction))
    };
    let value = read().ok_or(FaultCode::InvalidFormat).and_then(|micro| {
        if micro.abs() <= most * 1_000_000 { Ok(micro) } else { Err(FaultCode::OutOfRange) }
    });
    faults.keep(pointer, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::store::show_degrees;

    #[test]
    fn degrees_are_exact_to_the_millionth() {
        let mut faults = Faults::new();
        for (text, micro) in [("24.7424", 24_742_400), ("-0.000001", -1), ("114", 114_000_000)] {
            assert_eq!(degrees(&mut faults, "/x", Some(text), 180), Some(micro));
        }
        assert_eq!(show_degrees(-1), "-0.000001");
        assert!(faults.is_empty());
        for text in ["", "1.2345678", "181", "1e2", "a", "-"] {
            assert_eq!(degrees(&mut faults, "/x", Some(text), 180), None, "{text}");
        }
    }
}
