//! Safety stock, minimum and maximum, and what routine use can rotate: exact, by integers alone.

use crate::kernel::{Quantity, Ratio};
use crate::reserve_plan::rate::Rate;

/// The smallest whole number whose square is not below `square`; `None` when negative.
///
/// A whole number's square is at least a fraction exactly when it is at least the fraction rounded
/// up, so the root of a fraction rounds up without ever being worked out.
pub fn root_up(square: Ratio) -> Option<i128> {
    let least = square.ceil();
    if least < 0 {
        return None;
    }
    let root = least.isqrt();
    // The root is at most 2^64, so its square fits.
    Some(if root * root < least { root + 1 } else { root })
}

/// Demand and delivery while an order is on its way, and how both vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeadTime {
    /// Demand of a day, `d`.
    pub daily: Ratio,
    /// Its standard deviation, `σd`.
    pub daily_sigma: Rate,
    /// Days from order to delivery, `L`.
    pub days: Rate,
    /// Their standard deviation, `σL`.
    pub days_sigma: Rate,
}

impl LeadTime {
    /// `L·σd² + d²·σL²`: the variance of demand while an order is on its way.
    pub fn variance(&self) -> Option<Ratio> {
        let squared = |ratio: Ratio| ratio.times(ratio);
        let of_demand = self.days.ratio().times(squared(self.daily_sigma.ratio())?)?;
        let of_delivery = squared(self.daily)?.times(squared(self.days_sigma.ratio())?)?;
        of_demand.plus(of_delivery)
    }

    /// Safety stock `ceil(z × sqrt(L·σd² + d²·σL²))` for the quantile `z`.
    ///
    /// `None` when it does not fit.
    pub fn safety_stock(&self, z: Rate) -> Option<i128> {
        root_up(z.ratio().times(z.ratio())?.times(self.variance()?)?)
    }

    /// Reorder point `ceil(d × L) + safety stock`; `None` when it does not fit.
    pub fn reorder_point(&self, z: Rate) -> Option<i128> {
        self.daily.times(self.days.ratio())?.ceil().checked_add(self.safety_stock(z)?)
    }
}

/// When to order and up to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinMax {
    /// Order when the position is at or below this: `ceil(ADC × (lead + safety))`.
    pub min: Quantity,
    /// Order up to this: `ceil(ADC × (lead + safety + review))`.
    pub max: Quantity,
}

impl MinMax {
    /// Both bounds from the average daily consumption; `None` when they do not fit.
    pub fn from_days(adc: Ratio, lead: i64, safety: i64, review: i64) -> Option<Self> {
        let days = i128::from(lead).checked_add(safety.into())?;
        let bound = |days: i128| adc.times(Ratio::whole(days))?.ceil_quantity();
        Some(Self { min: bound(days)?, max: bound(days.checked_add(review.into())?)? })
    }

    /// What to order at a position: up to the maximum when it is at or below the minimum.
    pub fn order_at(&self, position: Quantity) -> Quantity {
        if position <= self.min { self.max.minus_or_zero(position) } else { Quantity::ZERO }
    }
}

/// The largest reserve that routine use can rotate: `floor(ADC × (shelf life − remaining life))`.
///
/// What is more expires here, and belongs where more is used. Zero when the shelf life is not
/// longer than the life that must remain.
pub fn largest_rotatable(adc: Ratio, shelf_days: i64, remaining_days: i64) -> Option<Quantity> {
    let usable = shelf_days.saturating_sub(remaining_days).max(0);
    let units = adc.times(Ratio::whole(usable.into()))?.floor();
    Quantity::new(i64::try_from(units).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap()
    }

    #[test]
    fn safety_stock_rounds_an_irrational_root_up_without_a_float() {
        // d 30.5, σd 8, L 7, σL 2, z 1.645: variance 448 + 3721 = 4169, 1.645 × 64.568 = 106.21.
        let lead = LeadTime {
            daily: Ratio::new(61, 2).unwrap(),
            daily_sigma: rate("8"),
            days: rate("7"),
            days_sigma: rate("2"),
        };
        assert_eq!(lead.variance(), Some(Ratio::whole(4_169)));
        assert_eq!(lead.safety_stock(rate("1.645")), Some(107));
        assert_eq!(lead.reorder_point(rate("1.645")), Some(214 + 107));
        // A root that comes out even is not rounded: 2 × sqrt(9 × 4² + 0) = 24.
        let even =
            LeadTime { daily_sigma: rate("4"), days: rate("9"), days_sigma: rate("0"), ..lead };
        assert_eq!(even.safety_stock(rate("2")), Some(24));
        assert_eq!(even.safety_stock(rate("0")), Some(0));
    }

    proptest! {
        #[test]
        fn the_root_is_the_smallest_whole_number_that_reaches(above in 0_i128..1_000_000_000_000, below in 1_i128..1_000_000) {
            let square = Ratio::new(above, below).unwrap();
            let root = root_up(square).unwrap();
            prop_assert!(Ratio::whole(root * root) >= square);
            prop_assert!(root == 0 || Ratio::whole((root - 1) * (root - 1)) < square);
        }

        #[test]
        fn an_order_lifts_the_position_to_the_maximum_or_is_nothing(
            used in 0_i128..100_000, lead in 0_i64..60, safety in 0_i64..60, review in 0_i64..60, position in 0_i64..100_000,
        ) {
            let bounds = MinMax::from_days(Ratio::new(used, 60).unwrap(), lead, safety, review).unwrap();
            let position = Quantity::new(position).unwrap();
            prop_assert!(bounds.min <= bounds.max);
            let after = position.plus(bounds.order_at(position)).unwrap();
            if position <= bounds.min { prop_assert_eq!(after, bounds.max) } else { prop_assert_eq!(after, position) }
        }
    }
}
