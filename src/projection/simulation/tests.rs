//! Worked cases and laws of going day by day.

use super::*;
use crate::kernel::Ratio;
use crate::kernel::time::parse_date;
use crate::projection::demand::Demand;
use crate::projection::rules::turning_days;
use crate::shortfall::projection::{DatedStock, project};
use proptest::prelude::*;

fn today() -> NaiveDate {
    parse_date("2025-03-01").unwrap()
}

fn units(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

fn there(quantity: i64, until: Option<&str>) -> Batch {
    Batch {
        quantity: units(quantity),
        usable_until: until.map(|text| parse_date(text).unwrap()),
        arrives_on: None,
    }
}

fn steady(daily: i64, days: usize) -> Vec<Quantity> {
    vec![units(daily); days]
}

fn stockout(simulation: &Simulation) -> Option<NaiveDate> {
    turning_days(simulation, None, None).stockout_on
}

#[test]
fn p03_ten_full_days_and_the_eleventh_is_short() {
    let simulation = simulate(today(), &[there(310, None)], &steady(31, 61));
    assert_eq!(stockout(&simulation), parse_date("2025-03-11"));
    assert_eq!(simulation.waste(), Quantity::ZERO);
}

#[test]
fn p05_what_expires_before_its_turn_is_wasted_on_its_last_day() {
    let lots = [
        there(200, Some("2025-03-05")),
        there(300, Some("2025-03-10")),
        there(400, Some("2025-04-30")),
    ];
    let simulation = simulate(today(), &lots, &steady(31, 61));
    let wastes: Vec<i64> = simulation.fates.iter().map(|fate| fate.waste.units()).collect();
    assert_eq!(wastes, [45, 145, 0]);
    assert_eq!(simulation.waste().units(), 190);
    assert_eq!(stockout(&simulation), parse_date("2025-03-23"));
    assert_eq!(simulation.fates[0].wasted_on, parse_date("2025-03-05"));
    assert_eq!(simulation.days[4].expired.units(), 45);
}

#[test]
fn p11_what_is_promised_is_neither_used_nor_wasted() {
    let simulation = simulate(today(), &[there(50, Some("2025-03-11"))], &steady(2, 61));
    assert_eq!(simulation.waste().units(), 28);
}

#[test]
fn arrivals_come_before_demand_and_what_is_overdue_comes_today() {
    let comes = |quantity, until, day: &str| Batch {
        arrives_on: parse_date(day),
        ..there(quantity, until)
    };
    let batches = [comes(5, None, "2025-02-20"), comes(10, Some("2025-03-04"), "2025-03-03")];
    let simulation = simulate(today(), &batches, &steady(4, 5));
    let closings: Vec<i64> = simulation.days.iter().map(|day| day.closing.units()).collect();
    // 5−4; 1−1 (3 unmet); 10−4; 6−4 and two written off that evening; nothing.
    assert_eq!(closings, [1, 0, 6, 0, 0]);
    assert_eq!(simulation.days[1].unmet.units(), 3);
    assert_eq!(simulation.days[3].expired.units(), 2);
    // What comes after its last day was never of use.
    let late = [comes(9, Some("2025-03-01"), "2025-03-02")];
    let simulation = simulate(today(), &late, &steady(1, 3));
    assert_eq!((simulation.served().units(), simulation.waste().units()), (0, 9));
}

/// Quantity, last day after today or never, day of arrival or there already.
type Lot = (i64, Option<i64>, Option<i64>);

fn batches(lots: &[Lot]) -> Vec<Batch> {
    lots.iter()
        .map(|(quantity, until, arrives)| Batch {
            quantity: units(*quantity),
            usable_until: until.map(|days| plus_days(today(), days)),
            arrives_on: arrives.map(|days| plus_days(today(), days)),
        })
        .collect()
}

fn some_lots() -> impl Strategy<Value = Vec<Lot>> {
    let lot = (
        0_i64..200,
        proptest::option::weighted(0.9, 0_i64..50),
        proptest::option::weighted(0.4, 0_i64..45),
    );
    proptest::collection::vec(lot, 0..6)
}

/// The most that any order of use could serve in time, by trying every order of small stocks.
fn least_waste(lots: &mut Vec<(i64, i64)>, demand: &[i64], day: i64) -> i64 {
    let Some((wanted, rest)) = demand.split_first() else { return 0 };
    let mut best = i64::MAX;
    spend(lots, *wanted, 0, &mut |lots| {
        let kept = lots.clone();
        let gone: i64 = lots.iter().filter(|lot| lot.1 == day).map(|lot| lot.0).sum();
        lots.retain(|lot| lot.1 > day);
        best = best.min(gone + least_waste(lots, rest, day + 1));
        *lots = kept;
    });
    best
}

/// Lots by what is left of each and its last day.
type Lots = Vec<(i64, i64)>;

/// Every way to take up to `wanted` from the lots, as much as there is.
fn spend(lots: &mut Lots, wanted: i64, at: usize, then: &mut dyn FnMut(&mut Lots)) {
    if at == lots.len() || wanted == 0 {
        if wanted == 0 || lots.iter().all(|lot| lot.0 == 0) {
            then(lots);
        }
        return;
    }
    let here = lots[at].0;
    for taken in 0..=wanted.min(here) {
        lots[at].0 = here - taken;
        spend(lots, wanted - taken, at + 1, then);
    }
    lots[at].0 = here;
}

proptest! {
    #[test]
    fn every_day_and_every_lot_adds_up(
        lots in some_lots(),
        demand in proptest::collection::vec(0_i64..40, 1..60),
    ) {
        let demand: Vec<Quantity> = demand.into_iter().map(units).collect();
        let simulation = simulate(today(), &batches(&lots), &demand);
        let mut before = None;
        for day in &simulation.days {
            prop_assert_eq!(
                day.opening.units() + day.arrivals.units(),
                day.served.units() + day.expired.units() + day.closing.units()
            );
            prop_assert_eq!(day.demand.units(), day.served.units() + day.unmet.units());
            prop_assert!(before.is_none_or(|closing| closing == day.opening));
            before = Some(day.closing);
        }
        let used: i64 = simulation.fates.iter().map(|fate| fate.used.units()).sum();
        prop_assert_eq!(used, simulation.served().units());
        let expired: i64 = simulation.days.iter().map(|day| day.expired.units()).sum();
        prop_assert_eq!(expired, simulation.waste().units());
        for (lot, fate) in lots.iter().zip(&simulation.fates) {
            prop_assert!(fate.used.units() + fate.waste.units() <= lot.0);
            prop_assert_eq!(fate.wasted_on.is_some(), !fate.waste.is_zero());
        }
    }

    #[test]
    fn the_formula_and_the_days_tell_the_same_story(
        lots in proptest::collection::vec((0_i64..300, proptest::option::weighted(0.9, 0_i64..60)), 0..6),
        above in 1_i128..900,
        below in 1_i128..31,
    ) {
        let adc = Ratio::new(above, below).unwrap();
        let stock: Vec<Lot> = lots.iter().map(|(quantity, until)| (*quantity, *until, None)).collect();
        let dated: Vec<DatedStock> = batches(&stock)
            .iter()
            .map(|batch| DatedStock { usable_until: batch.usable_until, quantity: batch.quantity })
            .collect();
        let formula = project(today(), &dated, Some(adc)).unwrap();
        let demand = Demand::steady(adc).in_units(3_650).unwrap();
        let simulation = simulate(today(), &batches(&stock), &demand);
        // The days count whole units: the exact waste rounded down, and the part of a unit that
        // the formula lets expire is used here.
        let exact = formula.waste.iter().try_fold(Ratio::ZERO, |sum, part| sum.plus(*part)).unwrap();
        prop_assert_eq!(i128::from(simulation.waste().units()), exact.floor());
        let all: i128 = stock.iter().map(|lot| i128::from(lot.0)).sum();
        let lasts = (Ratio::whole(all - exact.floor()).times(Ratio::new(below, above).unwrap())).unwrap();
        let lasts = i64::try_from(lasts.floor()).unwrap();
        prop_assert_eq!(stockout(&simulation), (lasts < 3_650).then(|| plus_days(today(), lasts)));
        if exact.denominator() == 1 {
            let same = formula.stockout_on.filter(|day| *day < plus_days(today(), 3_650));
            prop_assert_eq!(stockout(&simulation), same);
        }
    }

    #[test]
    fn more_stock_never_runs_out_earlier_and_never_serves_less(
        lots in some_lots(),
        more in (0_i64..200, proptest::option::of(0_i64..50), proptest::option::of(0_i64..45)),
        demand in proptest::collection::vec(0_i64..40, 60),
    ) {
        let demand: Vec<Quantity> = demand.into_iter().map(units).collect();
        let before = simulate(today(), &batches(&lots), &demand);
        let with: Vec<Lot> = lots.iter().copied().chain([more]).collect();
        let after = simulate(today(), &batches(&with), &demand);
        let never = plus_days(today(), 9_999);
        prop_assert!(stockout(&after).unwrap_or(never) >= stockout(&before).unwrap_or(never));
        prop_assert!(after.served() >= before.served());
        prop_assert!(after.waste() >= before.waste());
    }

    #[test]
    fn no_other_order_of_use_wastes_less(
        lots in proptest::collection::vec((0_i64..5, 0_i64..4), 1..4),
        demand in proptest::collection::vec(0_i64..4, 4),
    ) {
        let stock: Vec<Lot> = lots.iter().map(|(quantity, until)| (*quantity, Some(*until), None)).collect();
        let wanted: Vec<Quantity> = demand.iter().copied().map(units).collect();
        let first_expired_first = simulate(today(), &batches(&stock), &wanted).waste().units();
        prop_assert_eq!(first_expired_first, least_waste(&mut lots.clone(), &demand, 0));
    }
}
