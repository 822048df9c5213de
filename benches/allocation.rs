//! How long an allocation takes: who gets what, and from whom.
//!
//! `cargo bench --bench allocation` prints a table. `… -- --cases FOLDER` writes the same cases as
//! files, each in the shape of `POST /allocations/solve` with the answer and the best of some
//! timings, for `tests/scripts/allocation_highs.py` to set another solver beside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a measurement that stumbles says so with its line number"
)]

use changbei::allocation::{
    Donor, Measure, Policy, Problem, Recipient, Route, Routes, decide, pool, solve,
};
use changbei::kernel::{Quantity, Ratio};
use divan::{Bencher, black_box};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Numbers that are the same on every machine (xorshift; Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound) as i64
    }
}

/// Which routes a case has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// All, at no cost.
    Open,
    /// All, each at its own cost.
    Priced,
    /// Three of ten, each at its own cost.
    Forbidden,
}

/// The size of a case.
#[derive(Debug, Clone, Copy)]
struct Size {
    recipients: usize,
    donors: usize,
    packs: i64,
}

const COUNTY: Size = Size { recipients: 30, donors: 3, packs: 10_000 };
const PROVINCE: Size = Size { recipients: 3_000, donors: 50, packs: 1_000_000 };

fn units(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

/// Stores on a square, with daily uses in sevenths and targets of a month and more.
fn case(size: Size, ways: Ways, seed: u64) -> Problem {
    let mut chance = Chance(seed * 7_919 + 13);
    let share = size.packs / size.donors as i64 * 20;
    let donors: Vec<Donor> = (0..size.donors)
        .map(|number| Donor {
            id: format!("d{number}"),
            available: units(share + 500 + chance.below(19)),
            floor: units(500),
        })
        .collect();
    let recipients: Vec<Recipient> = (0..size.recipients)
        .map(|number| {
            let daily_use = 1 + chance.below(400);
            let target = daily_use * 30 + size.packs * 40 / size.recipients as i64;
            Recipient {
                daily_use: Ratio::new(i128::from(daily_use * 7 + chance.below(7)), 7),
                target: Some(Ratio::whole(target.into())),
                priority: Some(1 + chance.below(3)),
                ..Recipient::new(format!("r{number}"), units(chance.below(3_000)))
            }
        })
        .collect();
    let mut place = || (chance.below(1_000), chance.below(1_000));
    let from: Vec<(i64, i64)> = donors.iter().map(|_| place()).collect();
    let to: Vec<(i64, i64)> = recipients.iter().map(|_| place()).collect();
    let mut routes = Vec::new();
    for (recipient, there) in recipients.iter().zip(&to) {
        for (donor, here) in donors.iter().zip(&from) {
            if ways == Ways::Forbidden && chance.below(10) < 7 {
                continue;
            }
            let distance = (here.0 - there.0).abs() + (here.1 - there.1).abs();
            routes.push(Route {
                donor: donor.id.clone(),
                recipient: recipient.id.clone(),
                cost: Ratio::whole(distance.into()),
            });
        }
    }
    Problem {
        policy: Policy::Leximin,
        measure: Measure::DaysOfCover,
        pack: units(20),
        donors,
        recipients,
        routes: if ways == Ways::Open { Routes::All } else { Routes::Only(routes) },
    }
}

const ALL_WAYS: [Ways; 3] = [Ways::Open, Ways::Priced, Ways::Forbidden];

#[divan::bench(args = Policy::all())]
fn county_item_by_policy(bencher: Bencher<'_, '_>, policy: &Policy) {
    let mut problem = case(COUNTY, Ways::Priced, 1);
    problem.policy = policy.clone();
    problem.recipients[0].weight = Some(Ratio::whole(2));
    bencher.bench(|| solve(black_box(&problem)));
}

#[divan::bench(args = ALL_WAYS)]
fn county_item(bencher: Bencher<'_, '_>, ways: Ways) {
    let problem = case(COUNTY, ways, 1);
    bencher.bench(|| solve(black_box(&problem)));
}

#[divan::bench]
fn county_300_items(bencher: Bencher<'_, '_>) {
    let problems: Vec<Problem> = (1..=300).map(|seed| case(COUNTY, Ways::Priced, seed)).collect();
    bencher.bench(|| {
        problems.iter().map(|problem| solve(problem).unwrap().flows.len()).sum::<usize>()
    });
}

#[divan::bench(args = ALL_WAYS, sample_count = 20)]
fn province_who_gets_what(bencher: Bencher<'_, '_>, ways: Ways) {
    let problem = case(PROVINCE, ways, 1);
    bencher.bench(|| decide(black_box(&problem)).unwrap().packs().len());
}

#[divan::bench(args = ALL_WAYS, sample_count = 20)]
fn province_with_transport(bencher: Bencher<'_, '_>, ways: Ways) {
    let problem = case(PROVINCE, ways, 1);
    bencher.bench(|| solve(black_box(&problem)));
}

#[divan::bench(args = [false, true], sample_count = 5)]
fn a_million_packs_to_a_province(bencher: Bencher<'_, '_>, one_by_one: bool) {
    let members = members(&case(PROVINCE, Ways::Open, 1));
    bencher.bench(|| {
        let fill = if one_by_one { pool::fill_plainly } else { pool::fill };
        fill(black_box(&members), PROVINCE.packs)
    });
}

fn members(problem: &Problem) -> Vec<pool::Member> {
    use changbei::allocation::ladder;
    let pack = Ratio::whole(problem.pack.units().into());
    let member = |(rank, recipient)| pool::Member {
        ladder: ladder::ladder(recipient, problem.measure, pack).unwrap(),
        from: 0,
        to: ladder::cap(recipient, problem.measure, pack).unwrap(),
        rank,
    };
    problem.recipients.iter().enumerate().map(member).collect()
}

/// The best of several timings: what the machine can do when nobody disturbs it.
fn best_of<T>(times: usize, work: impl Fn() -> T) -> Duration {
    (0..times)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .min()
        .unwrap()
}

/// A case in the shape of the API, with its answer and how long it took.
fn told(name: &str, problem: &Problem) -> Value {
    let solution = solve(problem).unwrap();
    let donors: Vec<Value> = problem
        .donors
        .iter()
        .map(|d| json!({"id": d.id, "available": d.available, "floor": d.floor}))
        .collect();
    let recipients: Vec<Value> = problem
        .recipients
        .iter()
        .map(|r| {
            json!({"id": r.id, "available": r.available, "daily_use": r.daily_use,
                   "target": r.target, "priority": r.priority})
        })
        .collect();
    let routes = match &problem.routes {
        Routes::All => Value::Null,
        Routes::Only(routes) => routes
            .iter()
            .map(|r| json!({"donor": r.donor, "recipient": r.recipient, "cost": r.cost}))
            .collect(),
    };
    let packs: Vec<i64> = solution.recipients.iter().map(|award| award.packs).collect();
    let times = if problem.recipients.len() > 100 { 5 } else { 20 };
    json!({
        "name": name,
        "problem": {"policy": problem.policy.as_str(), "measure": problem.measure,
                    "pack": problem.pack, "donors": donors, "recipients": recipients,
                    "routes": routes},
        "packs": packs,
        "lowest_level": solution.lowest_level,
        "cost": solution.cost,
        "who_nanoseconds": best_of(times, || decide(problem).unwrap().packs().len()).as_nanos() as u64,
        "whole_nanoseconds": best_of(times, || solve(problem).unwrap()).as_nanos() as u64,
    })
}

fn write_cases(folder: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let write = |name: &str, cases: Vec<Value>| {
        let path = format!("{folder}/{name}.json");
        std::fs::write(&path, Value::from(cases).to_string()).unwrap();
        println!("{path}");
    };
    let county = |seed| told(&format!("item {seed}"), &case(COUNTY, Ways::Priced, seed));
    write("county", (1..=300).map(county).collect());
    write("province", vec![told("priced", &case(PROVINCE, Ways::Priced, 1))]);
    write("province_forbidden", vec![told("forbidden", &case(PROVINCE, Ways::Forbidden, 1))]);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--cases") {
        Some(place) => write_cases(arguments.get(place + 1).expect("--cases FOLDER")),
        None => divan::main(),
    }
}
