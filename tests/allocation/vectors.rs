//! The worked cases. Those of divisible goods are references for the exact shares before rounding.

use crate::build::*;
use changbei::allocation::comparison::{compare, would_expire};
use changbei::allocation::lots::{self, Lot, Order};
use changbei::allocation::transport::{Tariff, cheapest};
use changbei::allocation::{LimitedBy, Measure, Policy, Routes, solve};
use changbei::shortfall::projection::DatedStock;
use chrono::NaiveDate;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn a01_strict_priority_serves_class_by_class_and_in_a_class_in_order() {
    let mut recipients = vec![
        needs("county_hospital", 400),
        needs("cdc", 300),
        needs("tcm_hospital", 500),
        needs("chengxiang", 200),
    ];
    for (recipient, class) in recipients.iter_mut().zip([1, 1, 2, 3]) {
        recipient.priority = Some(class);
    }
    let problem = pool(Policy::StrictPriority, Measure::Need, 1, 1000, recipients);
    let solution = solve(&problem).unwrap();
    assert_eq!(packs(&solution), [400, 300, 300, 0]);
    assert_eq!(levels(&solution), ["1", "1", "3/5", "0"]);
    assert_eq!(solution.left_over_packs, 0);
    let why: Vec<_> = solution.recipients.iter().map(|award| award.limited_by.unwrap()).collect();
    assert_eq!(why, [LimitedBy::Target, LimitedBy::Target, LimitedBy::Supply, LimitedBy::Supply]);
}

#[test]
fn a02_proportional_rounds_by_largest_remainder() {
    let recipients = vec![
        needs("county_hospital", 57),
        needs("cdc", 83),
        needs("tcm_hospital", 24),
        needs("chengxiang", 36),
    ];
    let problem = pool(Policy::Proportional, Measure::Need, 1, 101, recipients);
    let solution = solve(&problem).unwrap();
    assert_eq!(shares(&solution), ["5757/200", "8383/200", "303/25", "909/50"]);
    assert_eq!(packs(&solution), [29, 42, 12, 18]);
    assert_eq!(levels(&solution), ["29/57", "42/83", "1/2", "1/2"]);
}

#[test]
fn a03_equal_remainders_go_to_the_larger_need_and_then_to_the_first() {
    let recipients = vec![
        needs("county_hospital", 3),
        needs("cdc", 3),
        needs("tcm_hospital", 3),
        needs("chengxiang", 1),
    ];
    let problem = pool(Policy::Proportional, Measure::Need, 1, 5, recipients);
    let solution = solve(&problem).unwrap();
    assert_eq!(shares(&solution), ["3/2", "3/2", "3/2", "1/2"]);
    assert_eq!(packs(&solution), [2, 2, 1, 0]);
}

#[test]
fn a04_largest_remainder_takes_from_a_small_store_when_supply_grows_and_leximin_does_not() {
    let recipients = vec![needs("county_hospital", 6), needs("cdc", 6), needs("tcm_hospital", 2)];
    let at = |policy: Policy, supply| {
        packs_of(&pool(policy, Measure::Need, 1, supply, recipients.clone()))
    };
    assert_eq!(at(Policy::Proportional, 10), [4, 4, 2]);
    assert_eq!(at(Policy::Proportional, 11), [5, 5, 1]);
    assert!(at(Policy::Leximin, 11)[2] >= at(Policy::Leximin, 10)[2]);
}

#[test]
fn a06_the_shares_before_rounding_are_the_water_level_of_divisible_goods() {
    let recipients = vec![
        lacks("county_hospital", 900, 3000),
        lacks("cdc", 150, 500),
        lacks("tcm_hospital", 700, 1000),
        lacks("chengxiang", 20, 200),
        lacks("dajishan", 200, 200),
    ];
    let problem = pool(Policy::Leximin, Measure::Coverage, 1, 1500, recipients);
    let solution = solve(&problem).unwrap();
    assert_eq!(shares(&solution), ["43800/37", "7300/37", "0", "4400/37", "0"]);
    // In whole units the level is next to 257/370.
    assert_eq!(packs(&solution), [1183, 198, 0, 119, 0]);
    let lowest = solution.lowest_level.unwrap();
    assert!(lowest <= fraction("257/370") && lowest > fraction("256/370"));
    let why: Vec<_> = solution.recipients.iter().map(|award| award.limited_by.unwrap()).collect();
    assert_eq!(why[4], LimitedBy::Target);
    assert_eq!(why[2], LimitedBy::Supply);
}

#[test]
fn a09_leximin_on_days_of_cover_in_packs_of_twenty() {
    let recipients = vec![
        uses("county_hospital", 1200, 240, 7200),
        uses("cdc", 90, 30, 900),
        uses("chengxiang", 400, 8, 240),
        uses("dajishan", 0, 5, 150),
        uses("zhongzhai", 7, 3, 60),
    ];
    let problem = pool(Policy::Leximin, Measure::DaysOfCover, 20, 120, recipients);
    let solution = solve(&problem).unwrap();
    assert_eq!(packs(&solution), [98, 16, 0, 4, 2]);
    let quantities: Vec<i64> = solution.recipients.iter().map(|a| a.quantity.units()).collect();
    assert_eq!(quantities, [1960, 320, 0, 80, 40]);
    assert_eq!(levels(&solution), ["79/6", "41/3", "50", "16", "47/3"]);
    assert_eq!(solution.lowest_level.unwrap(), fraction("79/6"));
}

#[test]
fn a11_a_donor_gives_whole_packs_above_its_floor_and_none_below_it() {
    let mut problem = pool(Policy::Leximin, Measure::Need, 100, 0, vec![needs("township", 10_000)]);
    problem.donors = vec![
        donor("county_reserve", 5200, 4000),
        donor("tcm_hospital", 930, 500),
        donor("longyuanba", 180, 200),
    ];
    let solution = solve(&problem).unwrap();
    let exportable: Vec<i64> = solution.donors.iter().map(|one| one.exportable_packs).collect();
    assert_eq!(exportable, [12, 4, 0]);
    let after: Vec<i64> = solution.donors.iter().map(|one| one.available_after.units()).collect();
    assert_eq!(after, [4000, 530, 180]);
}

#[test]
fn a12_transport_of_decided_packs_costs_least() {
    let costs = [[8, 6, 10, 9], [9, 12, 13, 7], [14, 9, 16, 5]];
    let mut tariff = Tariff::closed(3, 4);
    for (donor, row) in costs.iter().enumerate() {
        for (recipient, cost) in row.iter().enumerate() {
            tariff.open(donor, recipient, *cost);
        }
    }
    let delivery = cheapest(&[12, 4, 6], &[5, 4, 3, 6], &tariff);
    assert_eq!(delivery.cost, 124);
    assert_eq!(delivery.not_served, [0, 0, 0, 0]);

    // The same through the solver: everyone gets what is needed, then transport is cheapest.
    let ids = ["a", "b", "c", "d"];
    let recipients = ids.iter().zip([5, 4, 3, 6]).map(|(id, need)| needs(id, need)).collect();
    let mut problem = pool(Policy::Leximin, Measure::Need, 1, 0, recipients);
    problem.donors = vec![donor("x", 12, 0), donor("y", 4, 0), donor("z", 6, 0)];
    let rows = ["x", "y", "z"].into_iter().zip(costs);
    let routes = rows.flat_map(|(from, row)| {
        ids.iter().zip(row).map(move |(to, cost)| route(from, to, cost as i64))
    });
    problem.routes = Routes::Only(routes.collect());
    assert_eq!(solve(&problem).unwrap().cost, whole(124));
}

#[test]
fn a14_the_strictest_order_is_served_first_from_the_earliest_lots_that_last() {
    let lot = |id: &str, expiry: &str, quantity| Lot {
        id: id.to_owned(),
        expires_on: Some(day(expiry)),
        quantity: units(quantity),
    };
    let order = |id: &str, quantity, least: &str| Order {
        id: id.to_owned(),
        quantity: units(quantity),
        usable_through: day(least),
    };
    let shelf =
        [lot("L1", "2025-06-01", 40), lot("L2", "2025-09-01", 60), lot("L3", "2026-03-01", 100)];
    let orders = [
        order("hospital", 80, "2025-08-28"),
        order("township", 50, "2025-05-30"),
        order("cdc", 90, "2026-02-26"),
    ];
    let done = lots::pick(&shelf, &orders);
    let picks: Vec<String> =
        done.picks.iter().map(|p| format!("{}->{} {}", p.lot, p.order, p.quantity)).collect();
    assert_eq!(picks, ["L3->cdc 90", "L2->hospital 60", "L3->hospital 10", "L1->township 40"]);
    let unmet: Vec<String> =
        done.unmet.iter().map(|unmet| format!("{} {}", unmet.order, unmet.quantity)).collect();
    assert_eq!(unmet, ["hospital 10", "township 10"]);
    assert_eq!(done.unmet[0].too_short_life, ["L1"]);
}

#[test]
fn a15_a_lenient_order_does_not_take_the_lot_that_a_strict_one_needs() {
    let lot = |id: &str, expiry: &str| Lot {
        id: id.to_owned(),
        expires_on: Some(day(expiry)),
        quantity: units(50),
    };
    let orders = [
        Order::arriving("x".to_owned(), units(50), day("2024-12-31"), 1),
        Order::arriving("y".to_owned(), units(50), day("2025-12-02"), 30),
    ];
    let done = lots::pick(&[lot("B", "2026-06-01"), lot("A", "2025-06-01")], &orders);
    let picks: Vec<String> = done.picks.iter().map(|p| format!("{}->{}", p.lot, p.order)).collect();
    assert_eq!(picks, ["B->y", "A->x"]);
    assert!(done.unmet.is_empty());
}

#[test]
fn a16_a_need_of_120_takes_three_packs_of_50_unless_fewer_are_allowed() {
    let mut problem = pool(Policy::Leximin, Measure::Need, 50, 10, vec![needs("ward", 120)]);
    let solution = solve(&problem).unwrap();
    assert_eq!((packs(&solution)[0], solution.recipients[0].quantity.units()), (3, 150));
    // Rounding down or to the nearest is the caller's word.
    problem.recipients[0].max_packs = Some(2);
    let solution = solve(&problem).unwrap();
    assert_eq!((packs(&solution)[0], solution.recipients[0].quantity.units()), (2, 100));
}

#[test]
fn a17_enough_for_all_nothing_at_all_no_need_and_no_daily_use() {
    let three = |needs_of: [i64; 3]| {
        ["a", "b", "c"].iter().zip(needs_of).map(|(id, need)| needs(id, need)).collect::<Vec<_>>()
    };
    for policy in Policy::all().into_iter().filter(|policy| *policy != Policy::Weighted) {
        let at = |supply, needs_of| {
            let problem = pool(policy.clone(), Measure::Need, 1, supply, three(needs_of));
            let solution = solve(&problem).unwrap();
            (packs(&solution), solution.left_over_packs)
        };
        assert_eq!(at(100, [10, 20, 0]), (vec![10, 20, 0], 70), "{policy:?}");
        assert_eq!(at(0, [10, 20, 0]), (vec![0, 0, 0], 0), "{policy:?}");
        assert_eq!(at(50, [0, 0, 0]), (vec![0, 0, 0], 50), "{policy:?}");
    }
    for policy in [Policy::Leximin, staged()] {
        let recipients = vec![uses("unknown", 0, 0, 50), uses("known", 0, 5, 50)];
        let solution = solve(&pool(policy, Measure::DaysOfCover, 10, 3, recipients)).unwrap();
        assert_eq!(packs(&solution), [0, 3]);
        assert_eq!(solution.recipients[0].measured_by, Measure::Coverage);
    }
}

#[test]
fn a19_one_way_substitution_is_transport_at_a_penalty() {
    // Medical N95 serves both; KN95 the general need only.
    let mut tariff = Tariff::closed(2, 2);
    tariff.open(0, 0, 0);
    tariff.open(0, 1, 1);
    tariff.open(1, 1, 0);
    let delivery = cheapest(&[350, 250], &[300, 500], &tariff);
    assert_eq!(delivery.flows, [(0, 0, 300), (0, 1, 50), (1, 1, 250)]);
    assert_eq!(delivery.not_served, [0, 200]);
    assert_eq!(delivery.cost, 50);
}

#[test]
fn the_figures_of_a09_are_exact() {
    let recipients = vec![
        uses("county_hospital", 1200, 240, 7200),
        uses("cdc", 90, 30, 900),
        uses("chengxiang", 400, 8, 240),
        uses("dajishan", 0, 5, 150),
        uses("zhongzhai", 7, 3, 60),
    ];
    let problem = pool(Policy::Leximin, Measure::DaysOfCover, 20, 120, recipients);
    let figures = compare(&problem, &solve(&problem).unwrap());
    assert_eq!(figures.lowest_level, Some(fraction("79/6")));
    assert_eq!(figures.gini, Some(fraction("304/1085")));
    assert_eq!(figures.range, Some(fraction("221/6")));
    assert_eq!(figures.units_short, units(4040 + 490 + 70 + 13));
    assert_eq!((figures.left_at_zero, figures.reserve_left), (0, units(0)));
}

#[test]
fn what_is_not_used_before_its_last_day_would_expire() {
    let until = |day_text: &str, quantity| DatedStock {
        usable_until: Some(day(day_text)),
        quantity: units(quantity),
    };
    let stores = [
        // Ten days at five a day use fifty.
        (vec![until("2026-03-10", 100)], Some(whole(5))),
        (vec![until("2026-03-10", 10), until("2026-03-20", 10)], Some(whole(5))),
        // Nobody knows what this one uses.
        (vec![until("2026-03-10", 70)], None),
    ];
    assert_eq!(would_expire(day("2026-03-01"), &stores), units(50));
}
