//! What must be true of any answer.

use crate::build::*;
use changbei::allocation::comparison::compare;
use changbei::allocation::{LimitedBy, Policy, Problem, Routes, Solution, solve};
use changbei::kernel::{Quantity, Ratio};
use proptest::prelude::*;

fn is_by_level(policy: &Policy) -> bool {
    !matches!(policy, Policy::Proportional)
}

/// Sums agree, floors hold, caps hold, only open routes are used.
fn adds_up(problem: &Problem, solution: &Solution) -> Result<(), TestCaseError> {
    for (donor, after) in problem.donors.iter().zip(&solution.donors) {
        let sent: i64 =
            solution.flows.iter().filter(|f| f.donor == donor.id).map(|flow| flow.packs).sum();
        prop_assert_eq!(sent, after.packs);
        prop_assert!(after.packs <= after.exportable_packs);
        let given = problem.pack.times(after.packs).unwrap();
        prop_assert_eq!(donor.available.minus(given), Some(after.available_after));
        prop_assert!(after.packs == 0 || after.available_after >= donor.floor);
    }
    for award in &solution.recipients {
        let got: i64 =
            solution.flows.iter().filter(|f| f.recipient == award.id).map(|flow| flow.packs).sum();
        prop_assert_eq!(got, award.packs);
        prop_assert_eq!(award.quantity, problem.pack.times(award.packs).unwrap());
        prop_assert!(award.max_packs.is_none_or(|most| award.packs <= most));
        let at_cap = award.max_packs == Some(award.packs);
        prop_assert_eq!(award.limited_by == Some(LimitedBy::Target), at_cap);
    }
    let mut cost = Ratio::ZERO;
    for flow in &solution.flows {
        cost = cost.plus(flow.cost).unwrap();
        if let Routes::Only(routes) = &problem.routes {
            let way =
                routes.iter().find(|r| r.donor == flow.donor && r.recipient == flow.recipient);
            prop_assert_eq!(flow.cost, way.unwrap().cost.times(whole(flow.packs)).unwrap());
        }
    }
    prop_assert_eq!(cost, solution.cost);
    let exportable: i64 = solution.donors.iter().map(|donor| donor.exportable_packs).sum();
    let given: i64 = packs(solution).iter().sum();
    prop_assert_eq!(exportable - given, solution.left_over_packs);
    Ok(())
}

fn donate(problem: &mut Problem, donor: usize, packs: i64) {
    let more = problem.pack.times(packs).unwrap();
    // A donor below its floor would first have to reach it.
    let there = problem.donors[donor].available.max(problem.donors[donor].floor);
    problem.donors[donor].available = there.plus(more).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn sums_floors_caps_and_routes_hold_under_every_policy(problem in random::problems(6)) {
        let solution = solve(&problem).unwrap();
        adds_up(&problem, &solution)?;
        prop_assert_eq!(&solve(&problem).unwrap(), &solution);
    }

    #[test]
    fn more_supply_never_takes_from_anyone(problem in random::problems(5), packs in 1i64..4) {
        prop_assume!(is_by_level(&problem.policy));
        let before = packs_of(&problem);
        for donor in 0..problem.donors.len() {
            let mut richer = problem.clone();
            donate(&mut richer, donor, packs);
            let after = packs_of(&richer);
            prop_assert!(before.iter().zip(&after).all(|(b, a)| a >= b), "{:?} {:?}", before, after);
        }
    }

    #[test]
    fn the_order_of_the_input_settles_ties_and_nothing_else(problem in random::problems(5), turn in 1usize..5) {
        prop_assume!(!matches!(problem.policy, Policy::StrictPriority));
        let levels_of = |solution: &Solution| {
            let mut levels: Vec<_> = solution.recipients.iter().map(|award| {
                (award.measured_by, award.level_after)
            }).collect();
            levels.sort();
            levels
        };
        let before = solve(&problem).unwrap();
        let mut turned = problem.clone();
        let places = turned.recipients.len();
        turned.recipients.rotate_left(turn % places);
        let after = solve(&turned).unwrap();
        if matches!(problem.policy, Policy::Leximin | Policy::Weighted) {
            prop_assert_eq!(levels_of(&before), levels_of(&after));
        }
        prop_assert_eq!(packs(&before).iter().sum::<i64>(), packs(&after).iter().sum::<i64>());
        prop_assert_eq!(before.left_over_packs, after.left_over_packs);
    }

    #[test]
    fn donors_in_another_order_give_everyone_the_same(problem in random::problems(5)) {
        let mut turned = problem.clone();
        turned.donors.reverse();
        if let Routes::Only(routes) = &mut turned.routes {
            routes.reverse();
        }
        let (before, after) = (solve(&problem).unwrap(), solve(&turned).unwrap());
        prop_assert_eq!(packs(&before), packs(&after));
        prop_assert_eq!(before.cost, after.cost);
    }

    #[test]
    fn a_donor_split_in_two_changes_nothing(problem in random::problems(5), kept in 0i64..6) {
        let first = &problem.donors[0];
        let above = first.available.minus_or_zero(first.floor).units() / problem.pack.units();
        let kept = kept.min(above);
        let mut split = problem.clone();
        split.donors[0].floor = Quantity::ZERO;
        split.donors[0].available = problem.pack.times(kept).unwrap();
        split.donors.push(donor("twin", problem.pack.units() * (above - kept), 0));
        if let Routes::Only(routes) = &mut split.routes {
            let own = routes.iter().filter(|route| route.donor == "d0").cloned();
            let twins: Vec<_> = own.map(|mut route| {
                route.donor = "twin".to_owned();
                route
            }).collect();
            routes.extend(twins);
        }
        let (before, after) = (solve(&problem).unwrap(), solve(&split).unwrap());
        prop_assert_eq!(packs(&before), packs(&after));
        prop_assert_eq!(before.cost, after.cost);
    }

    #[test]
    fn nobody_has_a_pack_while_one_who_stands_lower_without_it_could_have_it(problem in random::problems(6)) {
        let mut problem = problem;
        problem.policy = Policy::Leximin;
        problem.routes = Routes::All;
        for recipient in &mut problem.recipients {
            recipient.weight = None;
        }
        let solution = solve(&problem).unwrap();
        for giver in solution.recipients.iter().filter(|award| award.packs > 0) {
            for taker in solution.recipients.iter().filter(|award| Some(award.packs) < award.max_packs) {
                if giver.measured_by != taker.measured_by {
                    continue;
                }
                let per_pack = giver.level_after.unwrap();
                let before = giver.level_before.unwrap();
                let packs = whole(giver.packs);
                let step = per_pack.plus(before.times(whole(-1)).unwrap()).unwrap()
                    .times(Ratio::new(1, packs.numerator()).unwrap()).unwrap();
                // Levels that end at a top rise by less with the last pack, never by more.
                let without = before.plus(step.times(whole(giver.packs - 1)).unwrap()).unwrap();
                if giver.limited_by != Some(LimitedBy::Target) {
                    prop_assert!(taker.level_after.unwrap() >= without, "{:?}", solution);
                }
            }
        }
    }

    #[test]
    fn routes_never_raise_the_lowest_level(problem in random::problems(5)) {
        let mut problem = problem;
        problem.policy = Policy::Leximin;
        let closed = solve(&problem).unwrap();
        let mut open = problem.clone();
        open.routes = Routes::All;
        let open = solve(&open).unwrap();
        prop_assert!(open.lowest_level >= closed.lowest_level);
        let without: Vec<i64> = closed.recipients.iter().map(|a| a.packs_with_all_routes).collect();
        prop_assert_eq!(without, packs(&open));
    }

    #[test]
    fn the_share_before_rounding_uses_up_what_is_given_in_a_pool(problem in random::problems(5)) {
        prop_assume!(!matches!(problem.policy, Policy::StrictPriority | Policy::StagedLeximin { .. }));
        let mut problem = problem;
        problem.routes = Routes::All;
        for recipient in &mut problem.recipients {
            recipient.daily_use = recipient.daily_use.filter(|daily_use| !daily_use.is_zero());
            recipient.daily_use = recipient.daily_use.or(Some(whole(1)));
        }
        let solution = solve(&problem).unwrap();
        let shares = solution.recipients.iter().map(|award| award.share.unwrap());
        let sum = shares.fold(Ratio::ZERO, |sum, share| sum.plus(share).unwrap());
        let given: i64 = packs(&solution).iter().sum();
        prop_assert!(sum <= whole(given));
        if problem.policy != Policy::Proportional {
            prop_assert_eq!(sum, whole(given));
        }
    }

    #[test]
    fn the_figures_of_a_comparison_stay_in_their_bounds(problem in random::problems(6)) {
        let solution = solve(&problem).unwrap();
        let figures = compare(&problem, &solution);
        if let Some(gini) = figures.gini {
            prop_assert!(gini >= Ratio::ZERO && gini < whole(1));
        }
        prop_assert!(figures.range.is_none_or(|range| range >= Ratio::ZERO));
        prop_assert_eq!(figures.packs_given, packs(&solution).iter().sum::<i64>());
        let there = Quantity::total(problem.donors.iter().map(|donor| donor.available));
        let given = problem.pack.times(figures.packs_given).unwrap();
        prop_assert_eq!(there.minus(given), Some(figures.reserve_left));
    }
}
