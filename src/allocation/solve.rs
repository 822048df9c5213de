//! From a problem to its solution: who gets what, then from whom.

use crate::allocation::cells::Cells;
use crate::allocation::faults::{self, Ends, common_denominator};
use crate::allocation::network::Network;
use crate::allocation::policies::{self, Division, Prepared};
use crate::allocation::problem::{Problem, Route, Routes};
use crate::allocation::solution::{Award, DonorAfter, Flow, LimitedBy, Solution};
use crate::allocation::transport::{self, Delivery, Tariff};
use crate::kernel::{Fault, Quantity, Ratio};

/// One thing that makes no sense in a problem: a JSON pointer into it, and what is wrong there.
pub type ProblemFault = Fault;

/// Divides what is scarce: who gets what by the policy, then the cheapest way to bring it there.
///
/// The same problem gives the same solution always and everywhere: all arithmetic is exact, and
/// ties go to the current level, then the level after the pack, then the order of the input.
///
/// # Errors
/// Every fault of the problem, in the order of its fields.
pub fn solve(problem: &Problem) -> Result<Solution, Vec<ProblemFault>> {
    let decision = decide(problem)?;
    Ok(decision.deliver())
}

/// Who gets what; the donors are not chosen yet.
pub struct Decision<'a> {
    prepared: Prepared<'a>,
    ways: Ways,
    network: Network,
    division: Division,
    /// What each would get with every route open.
    unhindered: Vec<i64>,
}

/// Decides who gets what by the policy.
///
/// # Errors
/// As [`solve`].
pub fn decide(problem: &Problem) -> Result<Decision<'_>, Vec<ProblemFault>> {
    let ends = faults::check(problem)?;
    let prepared = Prepared::of(problem);
    let capacity: Vec<i128> = prepared.exportable.iter().copied().map(i128::from).collect();
    let open = Network::open(capacity.clone(), problem.recipients.len());
    let ways = Ways::of(problem, &ends);
    let network = match &ways {
        Ways::All => open.clone(),
        Ways::Some { donors_of, .. } => Network::new(capacity, donors_of),
    };
    let division = policies::divide(&prepared, &network);
    let unhindered = if network.is_open() {
        division.packs.clone()
    } else {
        policies::divide(&prepared, &open).packs
    };
    Ok(Decision { prepared, ways, network, division, unhindered })
}

/// The routes by number.
enum Ways {
    All,
    Some { donors_of: Vec<Vec<usize>>, tariff: Tariff, unit: i128 },
}

impl Ways {
    fn of(problem: &Problem, ends: &Ends) -> Self {
        let Routes::Only(routes) = &problem.routes else { return Self::All };
        let unit = routes
            .iter()
            .try_fold(1, |unit, route| common_denominator(unit, route.cost.denominator()))
            .unwrap_or(1);
        let mut tariff = Tariff::closed(problem.donors.len(), problem.recipients.len());
        let mut donors_of = vec![Vec::new(); problem.recipients.len()];
        for (Route { cost, .. }, (donor, recipient)) in routes.iter().zip(ends) {
            tariff.open(*donor, *recipient, cost.numerator() * (unit / cost.denominator()));
            if let Some(list) = donors_of.get_mut(*recipient) {
                list.push(*donor);
            }
        }
        donors_of.iter_mut().for_each(|list: &mut Vec<usize>| list.sort_unstable());
        Self::Some { donors_of, tariff, unit }
    }

    /// The cheapest delivery, and what one unit of its cost is a fraction of.
    fn deliver(&self, exportable: &[i64], packs: &[i64]) -> (Delivery, i128) {
        match self {
            Self::All => (transport::in_order(exportable, packs), 1),
            Self::Some { tariff, unit, .. } => {
                (transport::cheapest(exportable, packs, tariff), *unit)
            }
        }
    }

    fn cost(&self, donor: usize, recipient: usize) -> i128 {
        match self {
            Self::All => 0,
            Self::Some { tariff, .. } => tariff.cost(donor, recipient).unwrap_or(0),
        }
    }
}

impl Decision<'_> {
    /// The packs of each recipient, in the order of the problem.
    pub fn packs(&self) -> &[i64] {
        &self.division.packs
    }

    /// Chooses the donors so that transport costs least, and explains.
    pub fn deliver(&self) -> Solution {
        let problem = self.prepared.problem;
        let (delivery, unit) = self.ways.deliver(&self.prepared.exportable, self.packs());
        debug_assert!(delivery.not_served.iter().all(|packs| *packs == 0));
        let mut given = vec![0_i64; problem.donors.len()];
        let mut flows = Vec::with_capacity(delivery.flows.len());
        for (donor, recipient, packs) in delivery.flows {
            given.add(donor, packs);
            let ends = problem.donors.get(donor).zip(problem.recipients.get(recipient));
            let cost = self.ways.cost(donor, recipient) * i128::from(packs);
            flows.extend(ends.map(|(from, to)| Flow {
                donor: from.id.clone(),
                recipient: to.id.clone(),
                packs,
                cost: Ratio::new(cost, unit).unwrap_or(Ratio::ZERO),
            }));
        }
        let recipients = self.awards();
        let measured = recipients.iter().filter(|award| award.measured_by == problem.measure);
        Solution {
            lowest_level: measured.filter_map(|award| award.level_after).min(),
            recipients,
            donors: self.donors(&given),
            flows,
            cost: Ratio::new(delivery.cost, unit).unwrap_or(Ratio::ZERO),
            left_over_packs: self.left_over(),
        }
    }

    fn left_over(&self) -> i64 {
        self.prepared.exportable.iter().sum::<i64>() - self.packs().iter().sum::<i64>()
    }

    fn donors(&self, given: &[i64]) -> Vec<DonorAfter> {
        let problem = self.prepared.problem;
        let lines = problem.donors.iter().zip(&self.prepared.exportable).zip(given);
        lines
            .map(|((donor, exportable), packs)| DonorAfter {
                id: donor.id.clone(),
                exportable_packs: *exportable,
                packs: *packs,
                available_after: donor.available.minus_or_zero(units(problem.pack, *packs)),
            })
            .collect()
    }

    fn awards(&self) -> Vec<Award> {
        let problem = self.prepared.problem;
        let reached = self.reached_by_what_is_left();
        let line = |(who, recipient): (usize, &crate::allocation::Recipient)| {
            let packs = self.packs().at(who);
            let ladder = self.prepared.ladders.at(who);
            Award {
                id: recipient.id.clone(),
                packs,
                quantity: units(problem.pack, packs),
                measured_by: self.prepared.measured_by.get(who).copied().unwrap_or(problem.measure),
                level_before: ladder.map(|ladder| ladder.level(0).ratio()),
                level_after: ladder.map(|ladder| ladder.level(packs).ratio()),
                limited_by: self.limited_by(who, reached.as_deref()),
                max_packs: self.prepared.caps.at(who),
                share: self.division.shares.at(who),
                packs_with_all_routes: self.unhindered.at(who),
                stage: self.division.stages.at(who),
            }
        };
        problem.recipients.iter().enumerate().map(line).collect()
    }

    /// For each recipient whether packs that nobody gets could reach it; `None` without any.
    fn reached_by_what_is_left(&self) -> Option<Vec<bool>> {
        if self.left_over() == 0 {
            return None;
        }
        let wanted: Vec<i128> = self.packs().iter().copied().map(i128::from).collect();
        self.network.delivery(&wanted).map(|delivery| delivery.reached_from_left_over())
    }

    fn limited_by(&self, who: usize, reached: Option<&[bool]>) -> Option<LimitedBy> {
        let packs = self.packs().at(who);
        if self.prepared.caps.at(who).is_some_and(|cap| packs >= cap) {
            Some(LimitedBy::Target)
        } else if !self.network.reaches(who) && self.network.supply() > 0
            || self.unhindered.at(who) > packs
        {
            Some(LimitedBy::Route)
        } else if reached.is_some_and(|reached| reached.at(who)) {
            None
        } else {
            Some(LimitedBy::Supply)
        }
    }
}

fn units(pack: Quantity, packs: i64) -> Quantity {
    pack.times(packs).unwrap_or(Quantity::MAX)
}
