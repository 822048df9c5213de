//! What makes no sense in a problem, every bit of it, by JSON pointer.

use crate::allocation::cells::Cells;
use crate::allocation::ladder;
use crate::allocation::problem::{
    Donor, Measure, Policy, Problem, Recipient, Route, Routes, Stage,
};
use crate::kernel::{Bilingual, Fault, FaultCode, Quantity, Ratio};
use std::collections::{BTreeSet, HashMap};

/// The most donors of a problem.
pub const MAX_DONORS: usize = 200;
/// The most recipients of a problem.
pub const MAX_RECIPIENTS: usize = 5_000;
/// The most routes of a problem.
pub const MAX_ROUTES: usize = MAX_DONORS * MAX_RECIPIENTS;
/// The most stages of a problem.
pub const MAX_STAGES: usize = 50;
/// The largest number below the line of a fraction; of all costs together, the largest common
/// one.
pub const MAX_DENOMINATOR: i128 = 1_000_000;
/// The most characters of an id.
pub const MAX_ID: usize = 100;

/// The faults found so far.
struct Found(Vec<Fault>);

impl Found {
    fn add(&mut self, pointer: impl Into<String>, code: FaultCode) {
        self.0.push(Fault { pointer: pointer.into(), code, message: code.message() });
    }

    fn say(&mut self, pointer: impl Into<String>, code: FaultCode, zh: &str, en: &str) {
        self.0.push(Fault { pointer: pointer.into(), code, message: Bilingual::new(zh, en) });
    }

    /// A fraction that may be computed with: not negative, not beyond 2^53, not too fine.
    fn number(&mut self, value: Option<Ratio>, pointer: impl FnOnce() -> String) {
        let Some(value) = value else { return };
        if value.numerator() < 0
            || value.numerator() > i128::from(Quantity::MAX.units())
            || value.denominator() > MAX_DENOMINATOR
        {
            self.add(pointer(), FaultCode::OutOfRange);
        }
    }
}

/// The donor and the recipient of each listed route, by number; none where all are open.
pub type Ends = Vec<(usize, usize)>;

/// Looks a problem through, and finds the ends of its routes.
///
/// # Errors
/// Every fault, in the order of the fields.
pub fn check(problem: &Problem) -> Result<Ends, Vec<Fault>> {
    let mut found = Found(Vec::new());
    if problem.pack.is_zero() {
        found.add("/pack", FaultCode::OutOfRange);
    }
    sizes(problem, &mut found);
    let mut seen = BTreeSet::new();
    donors(problem, &mut seen, &mut found);
    recipients(problem, &mut seen, &mut found);
    let ends = match &problem.routes {
        Routes::All => Ends::new(),
        Routes::Only(routes) => check_routes(problem, routes, &mut found),
    };
    if let Policy::StagedLeximin { stages } = &problem.policy {
        check_stages(stages, &mut found);
    }
    if found.0.is_empty() { Ok(ends) } else { Err(found.0) }
}

fn sizes(problem: &Problem, found: &mut Found) {
    if problem.donors.len() > MAX_DONORS {
        found.add("/donors", FaultCode::TooLong);
    }
    if problem.recipients.len() > MAX_RECIPIENTS {
        found.add("/recipients", FaultCode::TooLong);
    }
    let weighted = problem.recipients.iter().any(|recipient| recipient.weight.is_some());
    if problem.policy == Policy::Weighted && !weighted && !problem.recipients.is_empty() {
        found.say(
            "/policy",
            FaultCode::Contradicts,
            "按权重分配时，至少一个接收点须有 weight",
            "needs the weight of at least one recipient",
        );
    }
}

fn check_id<'a>(id: &'a str, pointer: String, seen: &mut BTreeSet<&'a str>, found: &mut Found) {
    if id.is_empty() {
        found.add(pointer, FaultCode::Required);
    } else if id.chars().count() > MAX_ID {
        found.add(pointer, FaultCode::TooLong);
    } else if !seen.insert(id) {
        found.add(pointer, FaultCode::Duplicate);
    }
}

fn donors<'a>(problem: &'a Problem, seen: &mut BTreeSet<&'a str>, found: &mut Found) {
    for (number, donor) in problem.donors.iter().enumerate() {
        check_id(&donor.id, format!("/donors/{number}/id"), seen, found);
    }
    let total: i128 = problem.donors.iter().map(|d| i128::from(d.available.units())).sum();
    if total > i128::from(Quantity::MAX.units()) {
        found.say(
            "/donors",
            FaultCode::OutOfRange,
            "合计数量超出 9007199254740991",
            "together have more than 9007199254740991",
        );
    }
}

fn recipients<'a>(problem: &'a Problem, seen: &mut BTreeSet<&'a str>, found: &mut Found) {
    let givers: BTreeSet<&str> = problem.donors.iter().map(|donor| donor.id.as_str()).collect();
    for (number, recipient) in problem.recipients.iter().enumerate() {
        let at = |field: &str| format!("/recipients/{number}/{field}");
        if givers.contains(recipient.id.as_str()) {
            found.say(
                at("id"),
                FaultCode::Contradicts,
                "同一次分配中不能既调出又调入",
                "gives as a donor and cannot receive in the same allocation",
            );
        } else {
            check_id(&recipient.id, at("id"), seen, found);
        }
        found.number(recipient.daily_use, || at("daily_use"));
        found.number(recipient.target, || at("target"));
        found.number(recipient.need, || at("need"));
        found.number(recipient.weight, || at("weight"));
        if recipient.weight.is_some_and(Ratio::is_zero) {
            found.add(at("weight"), FaultCode::OutOfRange);
        }
        let most = 0..=Quantity::MAX.units();
        if recipient.max_packs.is_some_and(|packs| !most.contains(&packs)) {
            found.add(at("max_packs"), FaultCode::OutOfRange);
        }
        wants_something(problem, recipient, &at("target"), found);
    }
}

/// A level in coverage or need, and a share of needs, take a target or a need to speak of.
fn wants_something(problem: &Problem, recipient: &Recipient, pointer: &str, found: &mut Found) {
    let by_days = ladder::measure_of(problem, recipient) == Measure::DaysOfCover;
    let by_claim = matches!(problem.policy, Policy::Proportional | Policy::EqualLosses);
    if ladder::need(recipient).is_none() && (by_claim || !by_days) {
        found.say(
            pointer,
            FaultCode::Required,
            "须给出 target 或 need：没有它就没有可比的水平",
            "or need must be given: without it there is no level to compare",
        );
    }
}

fn check_routes(problem: &Problem, routes: &[Route], found: &mut Found) -> Ends {
    let mut ends = Ends::with_capacity(routes.len());
    if routes.len() > MAX_ROUTES {
        found.add("/routes", FaultCode::TooLong);
        return ends;
    }
    let donors = numbers(problem.donors.iter().map(|donor: &Donor| donor.id.as_str()));
    let recipients = numbers(problem.recipients.iter().map(|one: &Recipient| one.id.as_str()));
    let mut seen = vec![false; problem.donors.len() * problem.recipients.len()];
    let mut common = Some(1_i128);
    for (number, route) in routes.iter().enumerate() {
        let at = |field: &str| format!("/routes/{number}/{field}");
        let donor = donors.get(route.donor.as_str()).copied();
        let recipient = recipients.get(route.recipient.as_str()).copied();
        if donor.is_none() {
            found.add(at("donor"), FaultCode::Unknown);
        }
        if recipient.is_none() {
            found.add(at("recipient"), FaultCode::Unknown);
        }
        if let Some((donor, recipient)) = donor.zip(recipient) {
            let place = donor * problem.recipients.len() + recipient;
            if seen.at(place) {
                found.add(format!("/routes/{number}"), FaultCode::Duplicate);
            }
            seen.put(place, true);
            ends.push((donor, recipient));
        }
        found.number(Some(route.cost), || at("cost"));
        common = common
            .filter(|common| *common <= MAX_DENOMINATOR)
            .and_then(|common| common_denominator(common, route.cost.denominator()));
    }
    if common.is_none_or(|common| common > MAX_DENOMINATOR) {
        found.say(
            "/routes",
            FaultCode::OutOfRange,
            "各路线费用的公分母不得超过 1000000",
            "have costs whose common denominator is above 1000000",
        );
    }
    ends
}

/// The least common multiple of two denominators.
pub fn common_denominator(one: i128, other: i128) -> Option<i128> {
    if one % other == 0 {
        return Some(one);
    }
    Ratio::new(one, other)?.numerator().checked_mul(other)
}

/// The number of each id, the first where it appears twice; only ever asked for one id.
fn numbers<'a>(ids: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    let mut numbers = HashMap::new();
    for (number, id) in ids.enumerate() {
        numbers.entry(id).or_insert(number);
    }
    numbers
}

fn check_stages(stages: &[Stage], found: &mut Found) {
    if stages.len() > MAX_STAGES {
        found.add("/stages", FaultCode::TooLong);
    }
    for (number, stage) in stages.iter().enumerate() {
        found.number(stage.to_days, || format!("/stages/{number}/to_days"));
    }
}
