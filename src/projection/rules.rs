//! What days of a projection mean for those who act: when it is short, and until when help helps.

use crate::kernel::Quantity;
use crate::kernel::time::plus_days;
use crate::projection::simulation::{Batch, Simulation, simulate};
use chrono::NaiveDate;

/// The first days on which a store stands worse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TurningDays {
    /// The first day that is not fully served.
    pub stockout_on: Option<NaiveDate>,
    /// The first day in whose evening less than the floor is there.
    pub below_floor_on: Option<NaiveDate>,
    /// The first day in whose evening less than the target is there.
    pub below_target_on: Option<NaiveDate>,
}

/// Finds the turning days of a projection; `None` for what does not come within its days.
pub fn turning_days(
    simulation: &Simulation,
    floor: Option<Quantity>,
    target: Option<Quantity>,
) -> TurningDays {
    let below = |level: Option<Quantity>| {
        let level = level?;
        simulation.days.iter().find(|day| day.closing < level).map(|day| day.day)
    };
    TurningDays {
        stockout_on: simulation.days.iter().find(|day| !day.unmet.is_zero()).map(|day| day.day),
        below_floor_on: below(floor),
        below_target_on: below(target),
    }
}

/// Until when something that takes some days still comes in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastDay {
    /// The last day on which it may be set going.
    pub on: NaiveDate,
    /// Whether that day is past.
    pub too_late: bool,
}

/// The last day on which help that takes `lead_days` still helps: what arrives in the morning of
/// the day of the stock-out is in time, because receipts come before demand.
pub fn last_day(stockout_on: NaiveDate, lead_days: i64, today: NaiveDate) -> LastDay {
    let on = plus_days(stockout_on, -lead_days);
    LastDay { on, too_late: on < today }
}

/// What goods would do at another store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    /// How much less is wasted with them than without them, of what they are: what can be used
    /// there in time without letting the store's own stock expire instead.
    pub could_use: Quantity,
    /// How much more of the demand there is served.
    pub covers_unmet: Quantity,
}

/// What `extra` would do at a store that holds `own` and uses `demand`.
pub fn gain(
    today: NaiveDate,
    own: &[Batch],
    without: &Simulation,
    demand: &[Quantity],
    extra: Batch,
) -> Gain {
    let batches: Vec<Batch> = own.iter().copied().chain([extra]).collect();
    let with = simulate(today, &batches, demand);
    let more_waste = with.waste().minus_or_zero(without.waste());
    Gain {
        could_use: extra.quantity.minus_or_zero(more_waste),
        covers_unmet: without.unmet().minus_or_zero(with.unmet()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::parse_date;

    fn today() -> NaiveDate {
        parse_date("2025-03-01").unwrap()
    }

    fn units(units: i64) -> Quantity {
        Quantity::new(units).unwrap()
    }

    fn batch(quantity: i64, days: i64) -> Batch {
        Batch {
            quantity: units(quantity),
            usable_until: Some(plus_days(today(), days)),
            arrives_on: None,
        }
    }

    #[test]
    fn turning_days_are_the_first_evenings_below_and_the_first_day_unserved() {
        let simulation = simulate(today(), &[batch(50, 100)], &[units(10); 20]);
        let days = turning_days(&simulation, Some(units(20)), Some(units(50)));
        assert_eq!(days.below_target_on, Some(today()));
        assert_eq!(days.below_floor_on, Some(plus_days(today(), 3)));
        assert_eq!(days.stockout_on, Some(plus_days(today(), 5)));
        assert_eq!(turning_days(&simulation, None, None).below_floor_on, None);
    }

    #[test]
    fn help_that_arrives_on_the_day_of_the_stockout_is_in_time() {
        let out = plus_days(today(), 3);
        assert_eq!(last_day(out, 3, today()), LastDay { on: today(), too_late: false });
        assert!(last_day(out, 4, today()).too_late);
    }

    #[test]
    fn goods_that_only_make_the_others_expire_are_no_gain() {
        // Ten days of ten: the store uses its own hundred in time, and not one more.
        let own = [batch(100, 9)];
        let demand = [units(10); 30];
        let without = simulate(today(), &own, &demand);
        let found = gain(today(), &own, &without, &demand, batch(40, 9));
        assert_eq!((found.could_use, found.covers_unmet), (Quantity::ZERO, Quantity::ZERO));
        // With a longer life they are used after its own.
        let found = gain(today(), &own, &without, &demand, batch(40, 12));
        assert_eq!((found.could_use, found.covers_unmet), (units(30), units(30)));
        // Own stock that lasts longer can wait.
        let own = [batch(100, 300)];
        let without = simulate(today(), &own, &demand);
        let found = gain(today(), &own, &without, &demand, batch(40, 2));
        assert_eq!((found.could_use, found.covers_unmet), (units(30), units(30)));
    }
}
