//! Problems in few words.

use changbei::allocation::{
    Donor, Measure, Policy, Problem, Recipient, Route, Routes, Solution, solve,
};
use changbei::kernel::{Quantity, Ratio};

pub fn units(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

/// `"61/2"`, `"7"`.
pub fn fraction(text: &str) -> Ratio {
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    Ratio::new(above.parse().unwrap(), below.parse().unwrap()).unwrap()
}

pub fn whole(number: i64) -> Ratio {
    Ratio::whole(number.into())
}

pub fn donor(id: &str, available: i64, floor: i64) -> Donor {
    Donor { id: id.to_owned(), available: units(available), floor: units(floor) }
}

pub fn route(donor: &str, recipient: &str, cost: i64) -> Route {
    Route { donor: donor.to_owned(), recipient: recipient.to_owned(), cost: whole(cost) }
}

/// A recipient that needs so much and has nothing.
pub fn needs(id: &str, need: i64) -> Recipient {
    Recipient { need: Some(whole(need)), ..Recipient::new(id, units(0)) }
}

/// A recipient with stock and a target.
pub fn lacks(id: &str, available: i64, target: i64) -> Recipient {
    Recipient { target: Some(whole(target)), ..Recipient::new(id, units(available)) }
}

/// A recipient with stock, daily use and a target.
pub fn uses(id: &str, available: i64, daily_use: i64, target: i64) -> Recipient {
    Recipient { daily_use: Some(whole(daily_use)), ..lacks(id, available, target) }
}

/// One donor, every route open.
pub fn pool(
    policy: Policy,
    measure: Measure,
    pack: i64,
    packs: i64,
    recipients: Vec<Recipient>,
) -> Problem {
    Problem {
        policy,
        measure,
        pack: units(pack),
        donors: vec![donor("depot", pack * packs, 0)],
        recipients,
        routes: Routes::All,
    }
}

pub fn staged() -> Policy {
    Policy::StagedLeximin { stages: Vec::new() }
}

pub fn packs(solution: &Solution) -> Vec<i64> {
    solution.recipients.iter().map(|award| award.packs).collect()
}

pub fn packs_of(problem: &Problem) -> Vec<i64> {
    packs(&solve(problem).unwrap())
}

pub fn shares(solution: &Solution) -> Vec<String> {
    solution.recipients.iter().map(|award| award.share.unwrap().to_string()).collect()
}

pub fn levels(solution: &Solution) -> Vec<String> {
    solution.recipients.iter().map(|award| award.level_after.unwrap().to_string()).collect()
}

/// Problems small enough to be solved by trying everything, of every policy and measure.
pub mod random {
    use super::*;
    use changbei::allocation::Stage;
    use proptest::prelude::*;

    pub fn policies() -> impl Strategy<Value = Policy> {
        let stage = (prop::option::of(1i64..3), prop::option::of(0i128..12)).prop_map(
            |(priority_at_most, days)| Stage { priority_at_most, to_days: days.map(Ratio::whole) },
        );
        let stages = prop::collection::vec(stage, 0..4);
        prop_oneof![
            3 => Just(Policy::Leximin),
            3 => stages.prop_map(|stages| Policy::StagedLeximin { stages }),
            1 => Just(Policy::Weighted),
            2 => Just(Policy::Proportional),
            1 => Just(Policy::StrictPriority),
            1 => Just(Policy::EqualAwards),
            2 => Just(Policy::EqualLosses),
        ]
    }

    pub fn measures() -> impl Strategy<Value = Measure> {
        prop_oneof![
            2 => Just(Measure::DaysOfCover),
            1 => Just(Measure::Coverage),
            1 => Just(Measure::Need)
        ]
    }

    fn recipient(number: usize) -> impl Strategy<Value = Recipient> {
        let daily_use = prop_oneof![
            1 => Just(None),
            1 => Just(Some(Ratio::ZERO)),
            6 => (1i128..12, 1i128..4).prop_map(|(a, b)| Ratio::new(a, b)),
        ];
        let weight = prop_oneof![
            3 => Just(None),
            1 => (1i128..4, 1i128..3).prop_map(|(a, b)| Ratio::new(a, b)),
        ];
        let most = prop_oneof![3 => Just(None), 1 => (0i64..5).prop_map(Some)];
        (0i64..12, daily_use, 0i64..30, weight, prop::option::of(1i64..3), most).prop_map(
            move |(stock, daily_use, target, weight, priority, max_packs)| Recipient {
                daily_use,
                weight,
                priority,
                max_packs,
                ..lacks(&format!("r{number}"), stock, target)
            },
        )
    }

    /// Up to `recipients` recipients and three donors, with routes of any kind.
    pub fn problems(recipients: usize) -> impl Strategy<Value = Problem> {
        let many: Vec<_> = (0..recipients).map(recipient).collect();
        let donors = prop::collection::vec((0i64..20, 0i64..8), 1..=3);
        let arcs = prop::collection::vec(prop::option::of(0i64..9), 3 * recipients);
        (policies(), measures(), 1i64..5, donors, many, 1..=recipients, any::<bool>(), arcs)
            .prop_map(|(policy, measure, pack, donors, mut recipients, count, open, arcs)| {
                recipients.truncate(count);
                if policy == Policy::Weighted {
                    recipients[0].weight = Some(Ratio::whole(2));
                }
                let donors: Vec<Donor> = donors
                    .into_iter()
                    .enumerate()
                    .map(|(number, (stock, floor))| donor(&format!("d{number}"), stock, floor))
                    .collect();
                let ends = (0..donors.len()).flat_map(|d| (0..count).map(move |r| (d, r)));
                let listed = ends.zip(arcs).filter_map(|((d, r), cost)| {
                    Some(route(&format!("d{d}"), &format!("r{r}"), cost?))
                });
                let routes = if open { Routes::All } else { Routes::Only(listed.collect()) };
                Problem { policy, measure, pack: units(pack), donors, recipients, routes }
            })
    }
}
