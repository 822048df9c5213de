//! What makes no sense is refused with every fault by name.

use crate::build::*;
use changbei::allocation::{Measure, Policy, Routes, Stage, solve};
use changbei::kernel::{Quantity, Ratio};

fn faults(problem: &changbei::allocation::Problem) -> Vec<String> {
    let found = solve(problem).unwrap_err();
    found.iter().map(|fault| format!("{} {}", fault.pointer, fault.code.as_str())).collect()
}

#[test]
fn every_fault_of_a_problem_is_named_at_once() {
    let mut bad = uses("store", 5, 1, 10);
    bad.daily_use = Some(Ratio::whole(-1));
    bad.weight = Some(Ratio::ZERO);
    bad.max_packs = Some(-1);
    let mut fine = uses("too fine", 5, 1, 10);
    fine.target = Ratio::new(1, 1_000_001);
    fine.need = Some(Ratio::whole(1 << 54));
    let nothing = changbei::allocation::Recipient::new("says nothing", units(0));
    let mut problem = pool(
        Policy::StagedLeximin {
            stages: vec![Stage { priority_at_most: None, to_days: Some(Ratio::whole(-3)) }],
        },
        Measure::DaysOfCover,
        0,
        0,
        vec![bad, fine, nothing, uses("depot", 0, 1, 1), uses("store", 0, 1, 1), uses("", 0, 1, 1)],
    );
    problem.donors.push(donor("depot", 1, 0));
    problem.donors.push(donor("huge", Quantity::MAX.units(), 0));
    let mut dear = route("depot", "store", -1);
    dear.cost = Ratio::new(-1, 2).unwrap();
    problem.routes =
        Routes::Only(vec![route("nobody", "nowhere", 1), route("depot", "store", 1), dear]);
    assert_eq!(
        faults(&problem),
        [
            "/pack out_of_range",
            "/donors/1/id duplicate",
            "/donors out_of_range",
            "/recipients/0/daily_use out_of_range",
            "/recipients/0/weight out_of_range",
            "/recipients/0/max_packs out_of_range",
            "/recipients/1/target out_of_range",
            "/recipients/1/need out_of_range",
            "/recipients/2/target required",
            "/recipients/3/id contradicts",
            "/recipients/4/id duplicate",
            "/recipients/5/id required",
            "/routes/0/donor unknown",
            "/routes/0/recipient unknown",
            "/routes/2 duplicate",
            "/routes/2/cost out_of_range",
            "/stages/0/to_days out_of_range",
        ]
    );
}

#[test]
fn weights_are_asked_for_where_they_are_the_rule() {
    let problem = pool(Policy::Weighted, Measure::Need, 1, 3, vec![needs("a", 3)]);
    assert_eq!(faults(&problem), ["/policy contradicts"]);
}

#[test]
fn costs_without_a_common_measure_are_refused() {
    let mut problem =
        pool(Policy::Leximin, Measure::Need, 1, 3, vec![needs("a", 3), needs("b", 3)]);
    let mut one = route("depot", "a", 0);
    one.cost = Ratio::new(1, 999_983).unwrap();
    let mut other = route("depot", "b", 0);
    other.cost = Ratio::new(1, 999_979).unwrap();
    problem.routes = Routes::Only(vec![one, other]);
    assert_eq!(faults(&problem), ["/routes out_of_range"]);
}

#[test]
fn the_largest_numbers_that_are_allowed_are_computed_with_exactly() {
    let most = Quantity::MAX.units();
    let mut fast = uses("fast", most, most, most);
    fast.weight = Ratio::new(most.into(), 999_999);
    fast.max_packs = Some(most);
    let mut slow = uses("slow", 0, 1, 0);
    slow.daily_use = Ratio::new(1, 1_000_000);
    slow.weight = Ratio::new(1, 1_000_000);
    slow.max_packs = Some(most);
    for policy in Policy::all() {
        let problem = pool(policy, Measure::DaysOfCover, 1, most, vec![fast.clone(), slow.clone()]);
        let solution = solve(&problem).unwrap();
        let given: i64 = packs(&solution).iter().sum();
        assert_eq!(given + solution.left_over_packs, most);
    }
}

#[test]
fn nobody_to_give_or_to_get_is_no_fault() {
    let nobody = pool(Policy::Leximin, Measure::Need, 1, 3, Vec::new());
    let solution = solve(&nobody).unwrap();
    assert_eq!((solution.left_over_packs, solution.lowest_level), (3, None));
    let mut empty = pool(staged(), Measure::Coverage, 1, 0, vec![lacks("a", 0, 3)]);
    empty.donors.clear();
    assert_eq!(packs_of(&empty), [0]);
    empty.routes = Routes::Only(Vec::new());
    assert_eq!(packs_of(&empty), [0]);
}
