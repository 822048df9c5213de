//! How long stock lasts at a steady use, and how much of it will expire unused.

use crate::kernel::time::plus_days;
use crate::kernel::{Quantity, Ratio};
use chrono::NaiveDate;

/// Stock that may be used through one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatedStock {
    /// The last day on which it may be used, included; `None` when it never expires.
    pub usable_until: Option<NaiveDate>,
    /// Base units.
    pub quantity: Quantity,
}

/// What becomes of the stock at hand when nothing more comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// The first day that is not fully served; `None` when there is none within ten years.
    pub stockout_on: Option<NaiveDate>,
    /// What expires unused of each stock, in the order of use, exact.
    pub waste: Vec<Ratio>,
    /// All that expires unused, rounded up.
    pub total_waste: Quantity,
}

/// A stock-out further away than this many days is none.
const HORIZON_DAYS: i128 = 3_650;

/// Projects stock that is used first-expired-first-out at `adc` base units a day, from today on.
///
/// A lot may be used through its last day, and is written off at the end of it. With the stocks
/// `k` in the order of their last days `e_k`, a daily use `a`, and `used_0 = 0`:
/// `used_k = max(used_{k−1}, min(used_{k−1} + q_k, a·(e_k − today + 1)))`,
/// `waste_k = used_{k−1} + q_k − used_k`, and the stock lasts `used / a` days. `None` when the use
/// is unknown or the numbers do not fit.
pub fn project(today: NaiveDate, stock: &[DatedStock], adc: Option<Ratio>) -> Option<Projection> {
    let adc = adc?;
    let mut stock = stock.to_vec();
    stock.sort_by_key(|dated| (dated.usable_until.is_none(), dated.usable_until));
    let mut used = Ratio::ZERO;
    let mut waste = Vec::with_capacity(stock.len());
    for dated in &stock {
        let reachable = used.plus(Ratio::whole(dated.quantity.units().into()))?;
        let usable = match dated.usable_until {
            None => reachable,
            Some(last) => {
                let days = (last.signed_duration_since(today).num_days() + 1).max(0);
                used.max(reachable.min(adc.times(Ratio::whole(days.into()))?))
            }
        };
        // What never expires is not wasted, even where nobody uses it.
        waste.push(minus(reachable, usable)?);
        used = usable;
    }
    let total = waste.iter().try_fold(Ratio::ZERO, |sum, part| sum.plus(*part))?;
    Some(Projection {
        stockout_on: days_served(used, adc).map(|days| plus_days(today, days)),
        waste,
        total_waste: total.ceil_quantity()?,
    })
}

/// The whole days that `used` base units serve; `None` when nothing is used or beyond the horizon.
fn days_served(used: Ratio, adc: Ratio) -> Option<i64> {
    let days = quotient(used, adc)?.floor();
    if days > HORIZON_DAYS { None } else { i64::try_from(days).ok() }
}

/// `left / right`, or `None` when `right` is zero or the result does not fit.
pub(crate) fn quotient(left: Ratio, right: Ratio) -> Option<Ratio> {
    left.times(Ratio::new(right.denominator(), right.numerator())?)
}

fn minus(left: Ratio, right: Ratio) -> Option<Ratio> {
    left.plus(Ratio::new(-right.numerator(), right.denominator())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::parse_date;
    use proptest::prelude::*;

    fn today() -> NaiveDate {
        parse_date("2025-03-01").unwrap()
    }

    fn stock(quantity: i64, until: Option<&str>) -> DatedStock {
        DatedStock {
            usable_until: until.map(|text| parse_date(text).unwrap()),
            quantity: Quantity::new(quantity).unwrap(),
        }
    }

    #[test]
    fn p03_steady_use_of_what_never_expires() {
        let projection = project(today(), &[stock(310, None)], Some(Ratio::whole(31))).unwrap();
        assert_eq!(projection.stockout_on, parse_date("2025-03-11"));
        assert_eq!(projection.total_waste, Quantity::ZERO);
    }

    #[test]
    fn p05_lots_that_expire_before_their_turn_is_over_are_wasted() {
        // In any order: the projection sorts them.
        let lots = [
            stock(400, Some("2025-04-30")),
            stock(200, Some("2025-03-05")),
            stock(300, Some("2025-03-10")),
        ];
        let projection = project(today(), &lots, Some(Ratio::whole(31))).unwrap();
        assert_eq!(projection.waste, [Ratio::whole(45), Ratio::whole(145), Ratio::ZERO]);
        assert_eq!(projection.total_waste.units(), 190);
        assert_eq!(projection.stockout_on, parse_date("2025-03-23"));
    }

    #[test]
    fn p11_reserved_stock_is_not_wasted_twice() {
        // The caller leaves out what is promised to others, so only fifty are projected.
        let projection =
            project(today(), &[stock(50, Some("2025-03-11"))], Some(Ratio::whole(2))).unwrap();
        assert_eq!(projection.total_waste.units(), 28);
    }

    #[test]
    fn without_use_nothing_runs_out_and_all_that_expires_is_wasted() {
        let lots = [stock(5, Some("2025-06-30")), stock(7, None)];
        let projection = project(today(), &lots, Some(Ratio::ZERO)).unwrap();
        assert_eq!((projection.stockout_on, projection.total_waste.units()), (None, 5));
        assert_eq!(project(today(), &lots, None), None);
    }

    #[test]
    fn an_empty_store_runs_out_today_and_a_century_of_stock_never() {
        let one_a_day = Some(Ratio::whole(1));
        assert_eq!(project(today(), &[], one_a_day).unwrap().stockout_on, Some(today()));
        assert_eq!(project(today(), &[stock(36_500, None)], one_a_day).unwrap().stockout_on, None);
    }

    /// The day-by-day story that the closed formula shortens: demand first, then the write-off.
    fn simulate(lots: &[(i64, i64)], daily: i64) -> (i64, i64) {
        let mut lots: Vec<(i64, i64)> = lots.to_vec();
        lots.sort_unstable();
        let (mut waste, mut first_short) = (0, None);
        for day in 0..400 {
            let mut wanted = daily;
            for (_, left) in &mut lots {
                let taken = wanted.min(*left);
                *left -= taken;
                wanted -= taken;
            }
            if wanted > 0 && first_short.is_none() {
                first_short = Some(day);
            }
            for (last, left) in &mut lots {
                if *last == day {
                    waste += *left;
                    *left = 0;
                }
            }
        }
        (waste, first_short.unwrap())
    }

    proptest! {
        #[test]
        fn the_formula_tells_the_same_story_as_going_day_by_day(
            lots in proptest::collection::vec((0_i64..60, 0_i64..300), 0..6),
            daily in 1_i64..40,
        ) {
            let dated: Vec<DatedStock> = lots.iter().map(|(last, quantity)| DatedStock {
                usable_until: Some(plus_days(today(), *last)),
                quantity: Quantity::new(*quantity).unwrap(),
            }).collect();
            let projection = project(today(), &dated, Some(Ratio::whole(daily.into()))).unwrap();
            let (waste, short) = simulate(&lots, daily);
            prop_assert_eq!(projection.total_waste.units(), waste);
            prop_assert_eq!(projection.stockout_on, Some(plus_days(today(), short)));
        }
    }
}
