//! How often something can be done, and which part binds: pure, exact, rounded down.

use crate::capability::definition::{Capability, Component};
use crate::kernel::{ItemCode, Quantity};

/// How often it can be done with what is available of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentFigure {
    /// Base units of the part's items that may be used and are promised to nobody.
    pub available: Quantity,
    /// How often these suffice.
    pub possible: Quantity,
}

/// How often it can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Possible {
    /// How often.
    pub possible: Quantity,
    /// The part that binds: the first of those that suffice least, by its place from 0.
    pub binding: usize,
    /// Every part, in the order of the capability's.
    pub components: Vec<ComponentFigure>,
}

/// How often a capability can be used with what is available of each item.
///
/// A test that lacks one part cannot be run, so the part that suffices least binds.
pub fn possible(capability: &Capability, available: impl Fn(&ItemCode) -> Quantity) -> Possible {
    let components: Vec<ComponentFigure> = capability
        .components
        .iter()
        .map(|component| {
            let there = Quantity::total(component.items.iter().map(&available));
            ComponentFigure { available: there, possible: times(there, component) }
        })
        .collect();
    let least = components.iter().enumerate().min_by_key(|(at, figure)| (figure.possible, *at));
    let (binding, possible) =
        least.map_or((0, Quantity::ZERO), |(at, figure)| (at, figure.possible));
    Possible { possible, binding, components }
}

/// `floor(available × serves / uses)`, held at the largest quantity.
fn times(available: Quantity, component: &Component) -> Quantity {
    let served = i128::from(available.units()) * i128::from(component.serves.units());
    let times = served.checked_div(i128::from(component.uses.units())).unwrap_or(0);
    i64::try_from(times).ok().and_then(|times| Quantity::new(times).ok()).unwrap_or(Quantity::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{CapabilityCode, Instant};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn component(items: &[&str], uses: i64, serves: i64) -> Component {
        Component {
            name_zh: "部件".to_owned(),
            name_en: "part".to_owned(),
            items: items.iter().map(|code| ItemCode::new(code).unwrap()).collect(),
            uses: units(uses),
            serves: units(serves),
        }
    }

    fn pcr_of(components: Vec<Component>) -> Capability {
        Capability {
            code: CapabilityCode::new("PCR").unwrap(),
            name_zh: "核酸检测".to_owned(),
            name_en: "PCR test".to_owned(),
            unit: "人份".to_owned(),
            components,
            active: true,
            version: 1,
            created_at: Instant::parse("2026-01-01T00:00:00Z").unwrap(),
        }
    }

    fn stock<'a>(held: &'a [(&'a str, i64)]) -> impl Fn(&ItemCode) -> Quantity + 'a {
        move |item| {
            let of_item = held.iter().filter(|(code, _)| *code == item.as_str());
            Quantity::total(of_item.map(|(_, n)| units(*n)))
        }
    }

    #[test]
    fn the_part_that_suffices_least_binds() {
        // Ten samples share a tube, two brands of kit stand in for each other, and a set of gear
        // lasts its wearer fifty tests.
        let pcr = pcr_of(vec![
            component(&["TUBE"], 1, 10),
            component(&["KIT-A", "KIT-B"], 1, 1),
            component(&["GEAR"], 1, 50),
        ]);
        let held =
            possible(&pcr, stock(&[("TUBE", 30), ("KIT-A", 96), ("KIT-B", 150), ("GEAR", 4)]));
        assert_eq!(
            held.components.iter().map(|c| c.possible.units()).collect::<Vec<_>>(),
            [300, 246, 200]
        );
        assert_eq!((held.possible.units(), held.binding), (200, 2));
    }

    #[test]
    fn a_missing_part_means_not_once_and_the_first_of_equals_is_named() {
        let pcr = pcr_of(vec![component(&["A"], 1, 1), component(&["B"], 1, 1)]);
        let none = possible(&pcr, stock(&[]));
        assert_eq!((none.possible, none.binding), (Quantity::ZERO, 0));
        assert_eq!(possible(&pcr, stock(&[("A", 5)])).binding, 1);
    }

    #[test]
    fn what_does_not_suffice_for_one_more_is_left() {
        let swab = pcr_of(vec![component(&["A"], 3, 2)]);
        assert_eq!(possible(&swab, stock(&[("A", 4)])).possible.units(), 2);
        assert_eq!(possible(&swab, stock(&[("A", 5)])).possible.units(), 3);
    }

    proptest! {
        #[test]
        fn together_the_stores_can_do_at_least_what_they_can_do_alone(
            stores in prop::collection::vec((0_i64..500, 0_i64..500, 0_i64..500), 0..8),
            rates in prop::collection::vec((1_i64..9, 1_i64..60), 3),
        ) {
            let parts = ["A", "B", "C"].iter().zip(&rates);
            let pcr = pcr_of(parts.map(|(item, (uses, serves))| component(&[item], *uses, *serves)).collect());
            let of = |a: i64, b: i64, c: i64| {
                let held: BTreeMap<&str, i64> = [("A", a), ("B", b), ("C", c)].into();
                possible(&pcr, |item| units(held[item.as_str()])).possible.units()
            };
            let alone: i64 = stores.iter().map(|(a, b, c)| of(*a, *b, *c)).sum();
            let sum = stores.iter().fold((0, 0, 0), |s, o| (s.0 + o.0, s.1 + o.1, s.2 + o.2));
            prop_assert!(alone <= of(sum.0, sum.1, sum.2));
        }

        #[test]
        fn more_of_a_part_never_lessens_what_can_be_done(a in 0_i64..500, b in 0_i64..500, more in 0_i64..500) {
            let pcr = pcr_of(vec![component(&["A"], 2, 3), component(&["B"], 1, 5)]);
            let before = possible(&pcr, stock(&[("A", a), ("B", b)])).possible;
            let after = possible(&pcr, stock(&[("A", a), ("B", b), ("A", more)])).possible;
            prop_assert!(before <= after);
        }
    }
}
