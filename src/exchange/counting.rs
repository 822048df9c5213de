//! How many base units a line means, from its number, its unit and its pack text.

use crate::exchange::pack_text::{self, PackText};
use crate::kernel::{Bilingual, Quantity};

/// Rules of a mapping about units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitRules {
    /// Units that say nothing of their content, e.g. `箱` and `件` in notices of others, whose
    /// cartons are not the catalogue's: such a line needs a pack text.
    pub bare: Vec<String>,
    /// Groups of words that stand for the same unit, e.g. `个` and `只`.
    pub same: Vec<Vec<String>>,
}

impl UnitRules {
    fn is_bare(&self, unit: &str) -> bool {
        self.bare.iter().any(|bare| bare == unit)
    }

    /// Whether two words stand for the same unit.
    pub fn are_same(&self, one: &str, other: &str) -> bool {
        one == other
            || self.same.iter().any(|group| {
                group.iter().any(|word| word == one) && group.iter().any(|word| word == other)
            })
    }
}

/// What a row says of its quantity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said<'a> {
    /// A number of units.
    pub quantity: Option<i64>,
    /// The unit of that number; none means the base unit.
    pub unit: Option<&'a str>,
    /// A pack text such as `200个/箱`.
    pub pack_text: Option<&'a str>,
    /// A number of packs.
    pub packs: Option<i64>,
    /// Base units in one pack.
    pub pack_units: Option<i64>,
}

/// A number of some unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub number: Quantity,
    /// Of what; none means the base unit of the item.
    pub unit: Option<String>,
}

/// What is wrong with a quantity: the field and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountFault {
    /// Our field.
    pub field: &'static str,
    /// Why.
    pub reason: Bilingual,
}

fn fault(field: &'static str, zh: impl Into<String>, en: impl Into<String>) -> CountFault {
    CountFault { field, reason: Bilingual::new(zh, en) }
}

/// The number that a row means and its unit, as far as the row alone can say.
///
/// # Errors
/// When the row names no number, two that disagree, or a container whose content is not certain.
pub fn count(said: Said<'_>, rules: &UnitRules) -> Result<Counted, CountFault> {
    match (said.quantity, said.packs) {
        (None, None) => Err(fault("quantity", "缺少数量", "has no quantity")),
        (Some(quantity), None) => in_units(quantity, said, rules),
        (quantity, Some(packs)) => {
            let Some(units) = said.pack_units else {
                return Err(fault(
                    "pack_units",
                    "有件数而没有每件数量",
                    "packs are given, but not the units in one",
                ));
            };
            let number = checked("packs", packs.checked_mul(units))?;
            if quantity.is_some_and(|quantity| quantity != number.units()) {
                return Err(fault(
                    "quantity",
                    format!("数量与 {packs} 件 × {units} 不符"),
                    format!("is not {packs} packs of {units}"),
                ));
            }
            Ok(Counted { number, unit: None })
        }
    }
}

fn in_units(quantity: i64, said: Said<'_>, rules: &UnitRules) -> Result<Counted, CountFault> {
    let content = match said.pack_text.map(pack_text::parse) {
        None | Some(Ok(PackText::NoContent)) => None,
        Some(Ok(PackText::Content(content))) => Some(content),
        // A line counted in pieces does not need its pack text.
        Some(Err(_)) if said.unit.is_some_and(|unit| !rules.is_bare(unit)) => None,
        Some(Err(ambiguous)) => {
            let text = said.pack_text.unwrap_or_default();
            let reason = ambiguous.reason();
            return Err(fault(
                "pack_text",
                format!("“{text}”：{}", reason.zh),
                format!("\"{text}\": {}", reason.en),
            ));
        }
    };
    let unit = said.unit;
    let Some(content) = content else {
        return match unit {
            Some(unit) if rules.is_bare(unit) => Err(fault(
                "unit",
                format!("单位“{unit}”没有说明装多少，无法折算"),
                format!("the unit \"{unit}\" does not say how much it holds"),
            )),
            _ => Ok(Counted {
                number: checked("quantity", Some(quantity))?,
                unit: unit.map(str::to_owned),
            }),
        };
    };
    let in_pieces = unit.is_some_and(|unit| rules.are_same(unit, &content.unit));
    if in_pieces && content.container.is_some() {
        // `400个` of goods packed `200个/箱` are 400个.
        return Ok(Counted {
            number: checked("quantity", Some(quantity))?,
            unit: Some(content.unit),
        });
    }
    let fits = match (&content.container, unit) {
        (Some(container), Some(unit)) => rules.are_same(unit, container),
        // `500ml*30瓶` names no container: it is the unit of the line, which must be one.
        (None, Some(unit)) => rules.is_bare(unit) && !in_pieces,
        (_, None) => false,
    };
    if !fits {
        let unit = unit.unwrap_or("");
        let text = said.pack_text.unwrap_or_default();
        return Err(fault(
            "unit",
            format!("单位“{unit}”与包装说明“{text}”对不上"),
            format!("the unit \"{unit}\" does not fit the pack text \"{text}\""),
        ));
    }
    let number = checked("quantity", quantity.checked_mul(content.units))?;
    Ok(Counted { number, unit: Some(content.unit) })
}

fn checked(field: &'static str, number: Option<i64>) -> Result<Quantity, CountFault> {
    match number.and_then(|number| Quantity::new(number).ok()) {
        Some(number) if !number.is_zero() => Ok(number),
        _ => Err(fault(
            field,
            "数量须为正整数，且不能过大",
            "must be a whole number above zero and not too large",
        )),
    }
}

/// What the catalogue says of an item's units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemUnits {
    /// The base unit.
    pub base_unit: String,
    /// Each pack's words (code and names) and the base units in it.
    pub packs: Vec<(Vec<String>, i64)>,
}

impl ItemUnits {
    /// The number in base units.
    ///
    /// # Errors
    /// When the unit is neither the item's base unit nor one of its packs.
    pub fn in_base_units(
        &self,
        counted: &Counted,
        rules: &UnitRules,
    ) -> Result<Quantity, CountFault> {
        let Some(unit) = &counted.unit else { return Ok(counted.number) };
        if rules.are_same(unit, &self.base_unit) {
            return Ok(counted.number);
        }
        let pack = self.packs.iter().find(|(words, _)| words.contains(unit));
        let Some((_, units)) = pack else {
            return Err(fault(
                "unit",
                format!("单位“{unit}”既不是物资的基本单位“{}”，也不是其包装", self.base_unit),
                format!(
                    "\"{unit}\" is neither the item's base unit \"{}\" nor one of its packs",
                    self.base_unit
                ),
            ));
        };
        checked("quantity", counted.number.times(*units).map(Quantity::units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> UnitRules {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        UnitRules {
            bare: words(&["箱", "件"]),
            same: vec![words(&["箱", "件"]), words(&["个", "只"])],
        }
    }

    fn line(quantity: i64, unit: &str, pack_text: &str) -> Result<(i64, String), &'static str> {
        let said = Said {
            quantity: Some(quantity),
            unit: Some(unit),
            pack_text: (!pack_text.is_empty()).then_some(pack_text),
            ..Said::default()
        };
        count(said, &rules())
            .map(|counted| (counted.number.units(), counted.unit.unwrap_or_default()))
            .map_err(|fault| fault.field)
    }

    #[test]
    fn lines_of_real_notices_are_counted_or_refused() {
        let pieces = |n: i64, unit: &str| Ok((n, unit.to_owned()));
        for (quantity, unit, pack_text, expected) in [
            (5, "箱", "200个/箱", pieces(1000, "个")),
            (7, "件", "200个/箱", pieces(1400, "个")),
            (20, "件", "500ml*30瓶", pieces(600, "瓶")),
            (400, "个", "200个/箱", pieces(400, "个")),
            (400, "只", "200个/箱", pieces(400, "个")),
            (2, "台", "55*28*56", pieces(2, "台")),
            (2, "瓶", "500ML", pieces(2, "瓶")),
            (15, "箱", "", Err("unit")),
            (5, "件", "S小号", Err("unit")),
            (1, "件", "50箱（*1000）", Err("pack_text")),
            (4, "件", "80箱*100", Err("pack_text")),
            (3, "箱", "200ML*12", Err("pack_text")),
            (4, "件", "33*27*28", Err("pack_text")),
            (20, "瓶", "500ml*30瓶", Err("unit")),
            (20, "桶", "200个/箱", Err("unit")),
            (0, "个", "", Err("quantity")),
            (i64::MAX, "箱", "200个/箱", Err("quantity")),
        ] {
            assert_eq!(line(quantity, unit, pack_text), expected, "{quantity}{unit} {pack_text}");
        }
    }

    #[test]
    fn packs_times_units_agree_with_the_quantity_or_the_row_is_refused() {
        let said = Said { packs: Some(19), pack_units: Some(30), ..Said::default() };
        let counted = count(said, &rules()).unwrap();
        assert_eq!(counted.number.units(), 570);
        let wrong = Said { quantity: Some(571), ..said };
        assert_eq!(count(wrong, &rules()).unwrap_err().field, "quantity");
        let missing = Said { pack_units: None, ..said };
        assert_eq!(count(missing, &rules()).unwrap_err().field, "pack_units");
        assert_eq!(count(Said::default(), &rules()).unwrap_err().field, "quantity");
    }

    #[test]
    fn a_unit_is_the_base_unit_or_a_pack_of_the_item() {
        let units = ItemUnits {
            base_unit: "只".to_owned(),
            packs: vec![(vec!["box".to_owned(), "盒".to_owned()], 50)],
        };
        let of = |unit: &str| {
            let counted =
                Counted { number: Quantity::new(3).unwrap(), unit: Some(unit.to_owned()) };
            units.in_base_units(&counted, &rules()).map(Quantity::units)
        };
        assert_eq!(of("只"), Ok(3));
        assert_eq!(of("个"), Ok(3));
        assert_eq!(of("盒"), Ok(150));
        assert!(of("箱").is_err());
    }
}
