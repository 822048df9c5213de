//! Whether to order, and how many whole packs.

use crate::kernel::{Money, Quantity};
use crate::reserve_plan::safety::MinMax;
use crate::word_enum;

word_enum! {
    /// Where stock lies between what should be there at least and at most: the first that holds.
    pub enum Band {
        /// Something should be there and nothing is available.
        StockOut = "stock_out",
        /// With all that is coming there would be no more than the minimum, or less than the target.
        Reorder = "reorder",
        /// More is available than the maximum.
        OverStock = "over_stock",
        /// It lies between.
        InStock = "in_stock",
    }
}

/// What should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The target.
    pub target: Quantity,
    /// The ceiling of the plan line.
    pub ceiling: Option<Quantity>,
    /// The minimum and maximum of a basis that has them.
    pub bounds: Option<MinMax>,
}

impl Wanted {
    /// What to order up to: the target, or the maximum where that is more.
    pub fn order_up_to(&self) -> Quantity {
        self.bounds.map_or(self.target, |bounds| bounds.max.max(self.target))
    }

    fn calls_for_an_order(&self, position: Quantity) -> bool {
        position < self.target || self.bounds.is_some_and(|bounds| position <= bounds.min)
    }

    /// The most that should be there: the ceiling, or else the maximum; `None` where nobody says.
    fn most(&self) -> Option<Quantity> {
        let bounds = self.bounds.map(|bounds| bounds.max);
        self.ceiling.or(bounds).map(|most| most.max(self.target))
    }
}

/// The band in which stock lies.
///
/// `position` is what is available and all that is coming, however late: what is ordered need not
/// be ordered again.
pub fn band(wanted: &Wanted, available: Quantity, position: Quantity) -> Band {
    if available.is_zero() && !wanted.order_up_to().is_zero() {
        Band::StockOut
    } else if wanted.calls_for_an_order(position) {
        Band::Reorder
    } else if wanted.most().is_some_and(|most| available > most) {
        Band::OverStock
    } else {
        Band::InStock
    }
}

/// What to order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Available, and all that is coming.
    pub position: Quantity,
    /// Up to what.
    pub up_to: Quantity,
    /// What lacks: `max(0, up_to − position)`.
    pub lacking: Quantity,
    /// Whole packs: `ceil(lacking / pack)`.
    pub packs: i64,
    /// Base units in them.
    pub quantity: Quantity,
    /// What they cost; `None` where no price is known, or it does not fit.
    pub cost: Option<Money>,
}

/// What to order in whole packs of `pack` base units; `None` when nothing need be ordered.
pub fn order(
    wanted: &Wanted,
    position: Quantity,
    pack: Quantity,
    unit_price: Option<Money>,
) -> Option<Order> {
    if !wanted.calls_for_an_order(position) {
        return None;
    }
    let up_to = wanted.order_up_to();
    let lacking = up_to.minus_or_zero(position);
    let size = pack.units().max(1);
    let packs = lacking.units() / size + i64::from(lacking.units() % size > 0);
    let quantity = pack.times(packs)?;
    if quantity.is_zero() {
        return None;
    }
    let cost = unit_price.and_then(|price| price.times(quantity.units()));
    Some(Order { position, up_to, lacking, packs, quantity, cost })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Ratio;
    use proptest::prelude::*;

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn wanted(target: i64, ceiling: Option<i64>, bounds: Option<(i64, i64)>) -> Wanted {
        Wanted {
            target: units(target),
            ceiling: ceiling.map(units),
            bounds: bounds.map(|(min, max)| MinMax { min: units(min), max: units(max) }),
        }
    }

    #[test]
    fn r11_between_minimum_and_maximum_orders_fill_up_to_the_maximum() {
        let adc = Ratio::new(61, 2).unwrap();
        let bounds = MinMax::from_days(adc, 7, 14, 30);
        let wanted = Wanted { target: units(641), ceiling: None, bounds };
        let lacking = |position| {
            order(&wanted, units(position), units(1), None)
                .map_or(0, |order| order.quantity.units())
        };
        assert_eq!([500, 641, 642].map(lacking), [1_056, 915, 0]);
    }

    #[test]
    fn the_first_band_that_holds_is_told() {
        let of = wanted(100, Some(500), None);
        let lies = |available, position| band(&of, units(available), units(position));
        assert_eq!(lies(0, 400), Band::StockOut);
        assert_eq!(lies(60, 99), Band::Reorder);
        assert_eq!(lies(60, 100), Band::InStock);
        assert_eq!(lies(500, 500), Band::InStock);
        assert_eq!(lies(501, 501), Band::OverStock);
        assert_eq!(band(&wanted(0, None, None), units(0), units(0)), Band::InStock);
        assert_eq!(
            band(&wanted(641, None, Some((641, 1_556))), units(641), units(641)),
            Band::Reorder
        );
        assert_eq!(
            band(&wanted(641, None, Some((641, 1_556))), units(1_557), units(1_557)),
            Band::OverStock
        );
    }

    #[test]
    fn packs_are_whole_and_priced_whole() {
        let price = Some(Money::parse("0.35").unwrap());
        let found = order(&wanted(1_000, None, None), units(310), units(50), price).unwrap();
        assert_eq!((found.lacking.units(), found.packs, found.quantity.units()), (690, 14, 700));
        assert_eq!(found.cost, Some(Money::parse("245").unwrap()));
    }

    proptest! {
        #[test]
        fn an_order_fills_up_with_less_than_a_pack_too_much(
            target in 0_i64..1_000, bounds in proptest::option::of((0_i64..500, 0_i64..500)),
            position in 0_i64..1_500, pack in 1_i64..200,
        ) {
            let of = wanted(target, None, bounds.map(|(min, more)| (min, min + more)));
            match order(&of, units(position), units(pack), None) {
                Some(order) => {
                    let filled = position + order.quantity.units();
                    prop_assert!(filled >= of.order_up_to().units());
                    prop_assert!(filled - of.order_up_to().units() < pack);
                    prop_assert_eq!(order.quantity.units(), order.packs * pack);
                }
                None => prop_assert!(position >= target),
            }
        }

        #[test]
        fn more_stock_never_asks_for_a_larger_order(
            target in 0_i64..1_000, position in 0_i64..1_500, more in 0_i64..500, pack in 1_i64..200,
        ) {
            let of = wanted(target, None, Some((target / 2, target * 2)));
            let asks = |position| order(&of, units(position), units(pack), None).map_or(0, |o| o.packs);
            prop_assert!(asks(position + more) <= asks(position));
        }
    }
}
