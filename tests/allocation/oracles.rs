//! The solver beside slower or foreign ways to the same answer, over thousands of random cases.

use crate::build::*;
use ac_library::{MfGraph, MinCostFlowGraph};
use changbei::allocation::certificate::{Improvement, improvement};
use changbei::allocation::ladder::{self, Ladder};
use changbei::allocation::lots::{self, Lot, Order};
use changbei::allocation::network::Network;
use changbei::allocation::pool::{self, Member};
use changbei::allocation::transport::{Tariff, cheapest};
use changbei::allocation::{Measure, Policy, Problem, Routes, solve};
use changbei::kernel::Ratio;
use chrono::{Days, NaiveDate};
use proptest::prelude::*;

fn exportable(problem: &Problem) -> Vec<i64> {
    let above = |d: &changbei::allocation::Donor| d.available.minus_or_zero(d.floor).units();
    problem.donors.iter().map(|donor| above(donor) / problem.pack.units()).collect()
}

fn donors_of(problem: &Problem) -> Vec<Vec<usize>> {
    let number = |id: &str| id[1..].parse::<usize>().unwrap();
    problem
        .recipients
        .iter()
        .map(|recipient| match &problem.routes {
            Routes::All => (0..problem.donors.len()).collect(),
            Routes::Only(routes) => {
                let own = routes.iter().filter(|route| route.recipient == recipient.id);
                let mut donors: Vec<usize> = own.map(|route| number(&route.donor)).collect();
                donors.sort_unstable();
                donors
            }
        })
        .collect()
}

/// Whether packs can be delivered, by Hall's condition over every set of recipients.
fn can_be_delivered(packs: &[i64], supply: &[i64], donors_of: &[Vec<usize>]) -> bool {
    (0u32..1 << packs.len()).all(|set| {
        let inside = |who: usize| set >> who & 1 == 1;
        let wanted: i64 = (0..packs.len()).filter(|who| inside(*who)).map(|who| packs[who]).sum();
        let reaching = (0..supply.len()).filter(|donor| {
            (0..packs.len()).any(|who| inside(who) && donors_of[who].contains(donor))
        });
        wanted <= reaching.map(|donor| supply[donor]).sum::<i64>()
    })
}

/// Every vector between the bounds that can be delivered, and to which nothing can be added.
fn full_vectors(members: &[Member], supply: &[i64], donors_of: &[Vec<usize>]) -> Vec<Vec<i64>> {
    let mut all = vec![Vec::new()];
    for member in members {
        all = all
            .into_iter()
            .flat_map(|vector: Vec<i64>| {
                (member.from..=member.to).map(move |packs| {
                    let mut longer = vector.clone();
                    longer.push(packs);
                    longer
                })
            })
            .collect();
    }
    all.retain(|packs| can_be_delivered(packs, supply, donors_of));
    let most = all.iter().map(|packs| packs.iter().sum::<i64>()).max().unwrap_or(0);
    all.retain(|packs| packs.iter().sum::<i64>() == most);
    all
}

fn sorted_levels(members: &[Member], packs: &[i64]) -> Vec<Ratio> {
    let levels =
        members.iter().zip(packs).map(|(member, packs)| member.ladder.level(*packs).ratio());
    let mut levels: Vec<Ratio> = levels.collect();
    levels.sort();
    levels
}

/// The members of plain leximin, when every level is measured alike.
fn members(problem: &Problem) -> Option<Vec<Member>> {
    let pack = Ratio::whole(problem.pack.units().into());
    let supply: i64 = exportable(problem).iter().sum();
    let alike =
        |who: &changbei::allocation::Recipient| ladder::measure_of(problem, who) == problem.measure;
    problem
        .recipients
        .iter()
        .enumerate()
        .map(|(rank, recipient)| {
            if !alike(recipient) {
                return None;
            }
            let to = ladder::cap(recipient, problem.measure, pack).unwrap_or(supply).min(supply);
            // Who wants nothing has no level and gets nothing.
            let ladder = ladder::ladder(recipient, problem.measure, pack);
            let to = if ladder.is_some() { to } else { 0 };
            Some(Member { ladder: ladder.unwrap_or(Ladder::FLAT), from: 0, to, rank })
        })
        .collect()
}

/// One pack at a time to the first in the order of packs to whom one more can be delivered.
fn greedy(members: &[Member], supply: &[i64], donors_of: &[Vec<usize>]) -> Vec<i64> {
    let mut packs: Vec<i64> = members.iter().map(|member| member.from).collect();
    loop {
        let mut queue: Vec<&Member> =
            members.iter().filter(|member| packs[member.rank] < member.to).collect();
        queue.sort_by(|a, b| {
            let level = |m: &Member, more| m.ladder.level(packs[m.rank] + more);
            let now = level(a, 0).cmp(&level(b, 0));
            now.then(level(b, 1).cmp(&level(a, 1))).then(a.rank.cmp(&b.rank))
        });
        let next = queue.into_iter().find(|member| {
            packs[member.rank] += 1;
            let fits = can_be_delivered(&packs, supply, donors_of);
            packs[member.rank] -= 1;
            fits
        });
        match next {
            Some(member) => packs[member.rank] += 1,
            None => return packs,
        }
    }
}

fn with_policy(mut problem: Problem, policy: Policy) -> Problem {
    problem.policy = policy;
    problem
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn leximin_is_the_best_of_all_vectors_over_any_routes(problem in random::problems(4)) {
        let problem = with_policy(problem, Policy::Leximin);
        let Some(members) = members(&problem) else { return Ok(()) };
        let (supply, donors_of) = (exportable(&problem), donors_of(&problem));
        let best = full_vectors(&members, &supply, &donors_of)
            .iter()
            .map(|packs| sorted_levels(&members, packs))
            .max()
            .unwrap();
        let packs = packs_of(&problem);
        prop_assert!(can_be_delivered(&packs, &supply, &donors_of));
        prop_assert_eq!(sorted_levels(&members, &packs), best);
    }

    #[test]
    fn leximin_over_routes_is_the_plain_greedy_ties_included(problem in random::problems(5)) {
        let problem = with_policy(problem, Policy::Leximin);
        let Some(members) = members(&problem) else { return Ok(()) };
        let greedy = greedy(&members, &exportable(&problem), &donors_of(&problem));
        prop_assert_eq!(packs_of(&problem), greedy);
    }

    #[test]
    fn the_certificate_holds_for_the_best_vectors_and_for_no_other(problem in random::problems(3)) {
        let problem = with_policy(problem, Policy::Leximin);
        let Some(members) = members(&problem) else { return Ok(()) };
        let (supply, donors_of) = (exportable(&problem), donors_of(&problem));
        let network = Network::new(supply.iter().copied().map(i128::from).collect(), &donors_of);
        let all = full_vectors(&members, &supply, &donors_of);
        let best = all.iter().map(|packs| sorted_levels(&members, packs)).max().unwrap();
        for packs in &all {
            let is_best = sorted_levels(&members, packs) == best;
            prop_assert_eq!(improvement(&network, &members, packs).is_none(), is_best, "{:?}", packs);
            // One pack less for somebody is never full.
            if let Some(who) = members.iter().find(|member| packs[member.rank] > member.from) {
                let mut fewer = packs.clone();
                fewer[who.rank] -= 1;
                let found = improvement(&network, &members, &fewer);
                prop_assert!(matches!(found, Some(Improvement::More(_))), "{:?}", found);
            }
        }
    }

    #[test]
    fn equal_losses_and_awards_are_the_plain_greedy_over_routes(problem in random::problems(4)) {
        let (supply, donors_of) = (exportable(&problem), donors_of(&problem));
        let pack = Ratio::whole(problem.pack.units().into());
        let total: i64 = supply.iter().sum();
        let one = Ratio::whole(1);
        for policy in [Policy::EqualAwards, Policy::EqualLosses] {
            let members: Vec<Member> = problem.recipients.iter().enumerate().map(|(rank, recipient)| {
                let own = ladder::measure_of(&problem, recipient);
                let to = ladder::cap(recipient, own, pack).unwrap_or(total).min(total);
                let weight = recipient.weight.unwrap_or(one);
                let need = ladder::need(recipient).unwrap();
                let losing = Ladder::new(
                    Ratio::ZERO.plus(need.times(Ratio::whole(-1)).unwrap()).unwrap(),
                    pack,
                    Ratio::new(weight.denominator(), weight.numerator()).unwrap(),
                    Some(Ratio::ZERO),
                );
                let (ladder, to) = if policy == Policy::EqualAwards {
                    (Ladder::new(Ratio::ZERO, one, weight, None).unwrap(), to)
                } else {
                    let packs = need.times(Ratio::new(1, pack.numerator()).unwrap()).unwrap().ceil();
                    (losing.unwrap(), to.min(packs as i64))
                };
                Member { ladder, from: 0, to, rank }
            }).collect();
            let greedy = greedy(&members, &supply, &donors_of);
            prop_assert_eq!(packs_of(&with_policy(problem.clone(), policy)), greedy);
        }
    }

    #[test]
    fn proportional_differs_least_from_its_quotas_in_one_pool(problem in random::problems(4)) {
        let mut problem = with_policy(problem, Policy::Proportional);
        problem.routes = Routes::All;
        let solution = solve(&problem).unwrap();
        let quotas: Vec<Ratio> =
            solution.recipients.iter().map(|award| award.share.unwrap()).collect();
        let distance = |packs: &[i64]| {
            packs.iter().zip(&quotas).fold(Ratio::ZERO, |sum, (packs, quota)| {
                let apart = quota.plus(whole(-packs)).unwrap();
                sum.plus(apart.times(apart).unwrap()).unwrap()
            })
        };
        let given = packs(&solution);
        let total: i64 = given.iter().sum();
        let mut all = vec![Vec::new()];
        for quota in &quotas {
            all = all.into_iter().flat_map(|v: Vec<i64>| {
                (0..=quota.ceil() as i64).map(move |packs| [v.clone(), vec![packs]].concat())
            }).collect();
        }
        let least = all.iter().filter(|v| v.iter().sum::<i64>() == total).map(|v| distance(v)).min();
        prop_assert_eq!(Some(distance(&given)), least);
        // Shares are in proportion to needs, unless a cap holds one of them.
        let supply: i64 = exportable(&problem).iter().sum();
        let quota_sum = quotas.iter().fold(Ratio::ZERO, |sum, quota| sum.plus(*quota).unwrap());
        prop_assert!(quota_sum <= whole(supply));
        let mut lines = given.iter().zip(&quotas);
        let all_served = lines.all(|(packs, quota)| i128::from(*packs) == quota.ceil());
        prop_assert!(total == supply || all_served);
    }

    #[test]
    fn transport_costs_what_another_implementation_finds(
        supply in prop::collection::vec(0i64..30, 1..5),
        wanted in prop::collection::vec(0i64..20, 1..9),
        costs in prop::collection::vec(prop::option::weighted(0.8, 0i64..20), 40),
    ) {
        let (donors, recipients) = (supply.len(), wanted.len());
        let mut tariff = Tariff::closed(donors, recipients);
        let (source, sink) = (donors + recipients, donors + recipients + 1);
        let mut graph = MinCostFlowGraph::<i64>::new(donors + recipients + 2);
        for (donor, packs) in supply.iter().enumerate() {
            graph.add_edge(source, donor, *packs, 0);
        }
        for (recipient, packs) in wanted.iter().enumerate() {
            graph.add_edge(donors + recipient, sink, *packs, 0);
        }
        for donor in 0..donors {
            for recipient in 0..recipients {
                if let Some(cost) = costs[donor * 9 + recipient] {
                    tariff.open(donor, recipient, cost.into());
                    graph.add_edge(donor, donors + recipient, 1_000, cost);
                }
            }
        }
        let (served, cost) = graph.flow(source, sink, 1_000_000);
        let delivery = cheapest(&supply, &wanted, &tariff);
        let not_served: i64 = delivery.not_served.iter().sum();
        prop_assert_eq!(wanted.iter().sum::<i64>() - not_served, served);
        prop_assert_eq!(delivery.cost, i128::from(cost));
        let mut given = vec![0; donors];
        let mut got = delivery.not_served.clone();
        let mut paid = 0;
        for (donor, recipient, packs) in delivery.flows {
            prop_assert!(packs > 0);
            given[donor] += packs;
            got[recipient] += packs;
            paid += tariff.cost(donor, recipient).unwrap() * i128::from(packs);
        }
        prop_assert!(given.iter().zip(&supply).all(|(given, there)| given <= there));
        prop_assert_eq!(got, wanted);
        prop_assert_eq!(paid, delivery.cost);
    }

    #[test]
    fn first_expired_first_out_serves_as_much_as_can_be_served(
        shelf in prop::collection::vec((prop::option::weighted(0.9, 0u64..10), 0i64..20), 0..6),
        wishes in prop::collection::vec((0u64..10, 0i64..20), 0..6),
    ) {
        let start = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let shelf: Vec<Lot> = shelf.into_iter().enumerate().map(|(number, (day, quantity))| Lot {
            id: format!("L{number}"),
            expires_on: day.map(|day| start + Days::new(day)),
            quantity: units(quantity),
        }).collect();
        let orders: Vec<Order> = wishes.into_iter().enumerate().map(|(number, (day, quantity))| {
            Order::arriving(format!("O{number}"), units(quantity), start, day)
        }).collect();
        let most = |shelf: &[Lot]| {
            let (source, sink) = (shelf.len() + orders.len(), shelf.len() + orders.len() + 1);
            let mut graph = MfGraph::<i64>::new(shelf.len() + orders.len() + 2);
            for (lot, stock) in shelf.iter().enumerate() {
                graph.add_edge(source, lot, stock.quantity.units());
                for (order, wish) in orders.iter().enumerate() {
                    if stock.expires_on.is_none_or(|day| day >= wish.usable_through) {
                        graph.add_edge(lot, shelf.len() + order, 1_000);
                    }
                }
            }
            for (order, wish) in orders.iter().enumerate() {
                graph.add_edge(shelf.len() + order, sink, wish.quantity.units());
            }
            graph.flow(source, sink)
        };
        let done = lots::pick(&shelf, &orders);
        let picked: i64 = done.picks.iter().map(|pick| pick.quantity.units()).sum();
        prop_assert_eq!(picked, most(&shelf));
        // The earliest lots are used: those up to any day serve as much as they alone could.
        let mut by_day = shelf.clone();
        by_day.sort_by_key(|lot| (lot.expires_on.is_none(), lot.expires_on));
        for early in 0..by_day.len() {
            let ids: Vec<&str> = by_day[..=early].iter().map(|lot| lot.id.as_str()).collect();
            let from_early = done.picks.iter().filter(|pick| ids.contains(&pick.lot.as_str()));
            let from_early: i64 = from_early.map(|pick| pick.quantity.units()).sum();
            prop_assert_eq!(from_early, most(&by_day[..=early]));
        }
        for pick in &done.picks {
            let lot = shelf.iter().find(|lot| lot.id == pick.lot).unwrap();
            let order = orders.iter().find(|order| order.id == pick.order).unwrap();
            prop_assert!(lot.expires_on.is_none_or(|day| day >= order.usable_through));
        }
    }

    #[test]
    fn raising_by_bisection_is_giving_one_pack_at_a_time(
        climbers in prop::collection::vec((0i64..5_000, 1i64..400, 1i64..60, 1i64..50, 0i64..3, 0i64..900), 1..40),
        budget in 0i64..20_000,
    ) {
        let members: Vec<Member> = climbers.into_iter().enumerate().map(
            |(rank, (start, above, below, step, from, room))| Member {
                ladder: Ladder::new(whole(start), whole(step), Ratio::new(above.into(), below.into()).unwrap(), None).unwrap(),
                from,
                to: from + room,
                rank,
            },
        ).collect();
        let least: i64 = members.iter().map(|member| member.from).sum();
        let budget = budget.max(least);
        prop_assert_eq!(pool::fill(&members, budget), pool::fill_plainly(&members, budget));
    }
}

#[test]
fn bisection_and_one_by_one_agree_where_products_do_not_fit() {
    let huge = 1_i128 << 53;
    let fine = Ladder::new(
        Ratio::whole(huge - 7),
        Ratio::whole(1),
        Ratio::new(huge * 999_983, 1_000_000).unwrap(),
        None,
    );
    let coarse =
        Ladder::new(Ratio::ZERO, Ratio::whole(huge), Ratio::new(1, 999_979_000_000).unwrap(), None);
    let even = Ladder::new(Ratio::ZERO, Ratio::whole(1), Ratio::whole(3), None);
    let members: Vec<Member> = [fine, coarse, even]
        .into_iter()
        .enumerate()
        .map(|(rank, ladder)| Member { ladder: ladder.unwrap(), from: 0, to: 300, rank })
        .collect();
    for budget in [0, 1, 5, 299, 300, 301, 600, 601, 899] {
        assert_eq!(pool::fill(&members, budget), pool::fill_plainly(&members, budget));
    }
}

#[test]
fn measures_other_than_the_one_asked_are_named() {
    let problem = pool(
        Policy::Leximin,
        Measure::DaysOfCover,
        1,
        5,
        vec![lacks("unknown", 0, 4), uses("known", 0, 1, 4)],
    );
    let solution = solve(&problem).unwrap();
    let measured: Vec<Measure> = solution.recipients.iter().map(|one| one.measured_by).collect();
    assert_eq!(measured, [Measure::Coverage, Measure::DaysOfCover]);
    assert_eq!(packs(&solution), [1, 4]);
    assert_eq!(levels(&solution), ["1/4", "4"]);
}
