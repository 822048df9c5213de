//! Quantities in packs and loose pieces: how people count.

use crate::catalogue::item::{Item, Pack};
use crate::kernel::{FaultCode, Faults, Quantity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A quantity as a line of a request gives it: in base units, or in packs and loose pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnteredQuantity {
    /// Base units.
    pub quantity: Option<i64>,
    /// The pack that `packs` counts.
    pub pack_code: Option<String>,
    /// Whole packs.
    pub packs: Option<i64>,
    /// Base units beside the packs.
    pub loose: Option<i64>,
}

impl EnteredQuantity {
    /// The number of base units, above zero.
    ///
    /// Faults: nothing given, both ways given, an unknown pack, a number out of range, nothing in
    /// all. `pointer` is that of the line.
    pub fn to_units(&self, item: &Item, pointer: &str, faults: &mut Faults) -> Option<Quantity> {
        let units = self.to_units_or_zero(item, pointer, faults)?;
        if units.is_zero() {
            faults.add(format!("{pointer}/quantity"), FaultCode::OutOfRange);
            return None;
        }
        Some(units)
    }

    /// The number of base units, which may be zero, as in a count.
    ///
    /// Faults: as [`Self::to_units`], but for nothing in all.
    pub fn to_units_or_zero(
        &self,
        item: &Item,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<Quantity> {
        let units = match (self.quantity, &self.pack_code) {
            (Some(_), Some(_)) => Err(("quantity", FaultCode::Contradicts)),
            (None, None) => Err(("quantity", FaultCode::Required)),
            (Some(_), None) if self.packs.is_some() || self.loose.is_some() => {
                Err(("pack_code", FaultCode::Required))
            }
            (Some(quantity), None) => {
                Quantity::new(quantity).map_err(|_range| ("quantity", FaultCode::OutOfRange))
            }
            (None, Some(code)) => self.in_packs(item, code),
        };
        match units {
            Ok(units) => Some(units),
            Err((field, code)) => {
                faults.add(format!("{pointer}/{field}"), code);
                None
            }
        }
    }

    fn in_packs(&self, item: &Item, code: &str) -> Result<Quantity, (&'static str, FaultCode)> {
        let pack = item.pack(code).ok_or(("pack_code", FaultCode::Unknown))?;
        let packs = Quantity::new(self.packs.unwrap_or(0))
            .map_err(|_range| ("packs", FaultCode::OutOfRange))?;
        let loose = Quantity::new(self.loose.unwrap_or(0))
            .map_err(|_range| ("loose", FaultCode::OutOfRange))?;
        pack.units
            .times(packs.units())
            .and_then(|units| units.plus(loose))
            .ok_or(("packs", FaultCode::OutOfRange))
    }
}

/// A quantity as people read it: whole packs of the largest pack and the loose rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InPacks {
    /// The pack.
    #[schema(example = "box")]
    pub pack_code: String,
    /// Whole packs.
    pub packs: i64,
    /// Base units beside the packs.
    pub loose: i64,
}

impl InPacks {
    /// `quantity` in packs of `pack` and loose pieces.
    pub fn of(quantity: Quantity, pack: &Pack) -> Self {
        let units = pack.units.units().max(1);
        Self {
            pack_code: pack.code.clone(),
            packs: quantity.units() / units,
            loose: quantity.units() % units,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::item::{Category, StorageCondition};
    use crate::kernel::{Instant, ItemCode};

    fn mask() -> Item {
        Item {
            code: ItemCode::new("M02").unwrap(),
            name_zh: "医用外科口罩".to_owned(),
            name_en: "Surgical mask".to_owned(),
            category: Category::Ppe,
            base_unit: "只".to_owned(),
            packs: vec![
                Pack {
                    code: "box".to_owned(),
                    name_zh: "盒".to_owned(),
                    name_en: "box".to_owned(),
                    units: Quantity::new(50).unwrap(),
                },
                Pack {
                    code: "carton".to_owned(),
                    name_zh: "箱".to_owned(),
                    name_en: "carton".to_owned(),
                    units: Quantity::new(2_000).unwrap(),
                },
            ],
            storage: StorageCondition::Ambient,
            shelf_life_months: Some(24),
            near_expiry_days: 90,
            registration_number: None,
            standard: None,
            gtins: vec![],
            active: true,
            version: 1,
            created_at: Instant::parse("2026-01-01T00:00:00Z").unwrap(),
        }
    }

    fn units(entered: &EnteredQuantity) -> Result<i64, String> {
        let mut faults = Faults::new();
        let quantity = entered.to_units(&mask(), "/lines/0", &mut faults);
        faults
            .finish(quantity)
            .map(Quantity::units)
            .map_err(|refusal| refusal.faults.first().unwrap().pointer.clone())
    }

    #[test]
    fn boxes_and_pieces_add_up_to_base_units() {
        let entered = EnteredQuantity {
            pack_code: Some("box".to_owned()),
            packs: Some(12),
            loose: Some(3),
            ..EnteredQuantity::default()
        };
        assert_eq!(units(&entered), Ok(603));
        let shown = InPacks::of(Quantity::new(603).unwrap(), mask().pack("box").unwrap());
        assert_eq!((shown.packs, shown.loose), (12, 3));
    }

    #[test]
    fn contradictions_unknown_packs_and_nothing_at_all_are_named() {
        let both = EnteredQuantity {
            quantity: Some(1),
            pack_code: Some("box".to_owned()),
            ..Default::default()
        };
        assert_eq!(units(&both), Err("/lines/0/quantity".to_owned()));
        let unknown = EnteredQuantity {
            pack_code: Some("crate".to_owned()),
            packs: Some(1),
            ..Default::default()
        };
        assert_eq!(units(&unknown), Err("/lines/0/pack_code".to_owned()));
        let huge = EnteredQuantity {
            pack_code: Some("box".to_owned()),
            packs: Some(i64::MAX),
            ..Default::default()
        };
        assert_eq!(units(&huge), Err("/lines/0/packs".to_owned()));
        for entered in [
            EnteredQuantity::default(),
            EnteredQuantity { quantity: Some(0), ..Default::default() },
        ] {
            assert_eq!(units(&entered), Err("/lines/0/quantity".to_owned()));
        }
    }
}
