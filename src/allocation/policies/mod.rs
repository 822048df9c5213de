//! The policies: how many packs each recipient gets. Which donor sends them is not decided here.

pub mod equal;
pub mod levels;
pub mod proportional;
pub mod strict_priority;

use crate::allocation::cells::Cells;
use crate::allocation::certificate;
use crate::allocation::ladder::{self, Ladder};
use crate::allocation::network::{Filled, Network};
use crate::allocation::pool::{self, Member};
use crate::allocation::problem::{Measure, Policy, Problem};
use crate::allocation::share;
use crate::kernel::Ratio;

/// A problem without faults, by number.
pub struct Prepared<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Base units in a pack.
    pub pack: Ratio,
    /// Whole packs above each donor's floor.
    pub exportable: Vec<i64>,
    /// The most packs each recipient may get; `None` without a limit.
    pub caps: Vec<Option<i64>>,
    /// The same, with what there is in place of no limit.
    pub most: Vec<i64>,
    /// What each recipient's level is measured in.
    pub measured_by: Vec<Measure>,
    /// How each recipient's level rises, where it has one.
    pub ladders: Vec<Option<Ladder>>,
}

/// Packs for each recipient, and how they came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// Whole packs.
    pub packs: Vec<i64>,
    /// Before rounding to whole packs.
    pub shares: Vec<Option<Ratio>>,
    /// The stage that gave the last pack.
    pub stages: Vec<Option<usize>>,
}

impl Division {
    /// Nothing to anyone.
    pub fn empty(recipients: usize) -> Self {
        Self {
            packs: vec![0; recipients],
            shares: vec![None; recipients],
            stages: vec![None; recipients],
        }
    }
}

impl<'a> Prepared<'a> {
    /// Numbers a problem that has no faults.
    pub fn of(problem: &'a Problem) -> Self {
        let pack = Ratio::whole(i128::from(problem.pack.units()));
        let exportable: Vec<i64> = problem
            .donors
            .iter()
            .map(|donor| donor.available.minus_or_zero(donor.floor).units() / problem.pack.units())
            .collect();
        let supply: i64 = exportable.iter().sum();
        let measured_by: Vec<Measure> =
            problem.recipients.iter().map(|one| ladder::measure_of(problem, one)).collect();
        let caps: Vec<Option<i64>> = problem
            .recipients
            .iter()
            .zip(&measured_by)
            .map(|(recipient, measure)| ladder::cap(recipient, *measure, pack))
            .collect();
        let ladders = problem
            .recipients
            .iter()
            .zip(&measured_by)
            .map(|(recipient, measure)| ladder::ladder(recipient, *measure, pack))
            .collect();
        let most = caps.iter().map(|cap| cap.unwrap_or(supply).min(supply)).collect();
        Self { problem, pack, exportable, caps, most, measured_by, ladders }
    }

    /// The members for a rule: those chosen may get from what they have up to `most`, on the
    /// ladder that `choose` gives them; the others keep what they have.
    pub fn members(
        &self,
        given: &[i64],
        choose: impl Fn(usize) -> Option<(Ladder, i64)>,
    ) -> Vec<Member> {
        given
            .iter()
            .enumerate()
            .map(|(rank, packs)| match choose(rank) {
                Some((ladder, to)) => Member { ladder, from: *packs, to: to.max(*packs), rank },
                None => Member { ladder: Ladder::FLAT, from: *packs, to: *packs, rank },
            })
            .collect()
    }
}

/// Divides by the problem's policy over a network.
pub fn divide(prepared: &Prepared<'_>, network: &Network) -> Division {
    match &prepared.problem.policy {
        Policy::Leximin | Policy::Weighted => levels::leximin(prepared, network),
        Policy::StagedLeximin { stages } => levels::staged(prepared, network, stages),
        Policy::Proportional => proportional::divide(prepared, network),
        Policy::StrictPriority => strict_priority::divide(prepared, network),
        Policy::EqualAwards => equal::awards(prepared, network),
        Policy::EqualLosses => equal::losses(prepared, network),
    }
}

/// Raises the lowest ladders of the members as far as the network goes, in whole packs, and notes
/// the shares of those that could move.
pub fn raise(network: &Network, members: &[Member], division: &mut Division) {
    let wanted: Vec<i128> = members.iter().map(|member| i128::from(member.to)).collect();
    let budget = network.most(&wanted);
    let pick = |numbers: &[usize]| -> Vec<Member> {
        numbers.iter().filter_map(|number| members.get(*number).copied()).collect()
    };
    let parts = network.divide(budget, &|numbers, budget| {
        let packs = pool::fill(&pick(numbers), i64::try_from(budget).unwrap_or(i64::MAX));
        Filled { amounts: packs.into_iter().map(i128::from).collect(), scale: 1 }
    });
    for (part, filled) in parts {
        let those = pick(&part.members);
        let shares = share::divisible(&those, part.budget);
        for ((member, packs), share) in those.iter().zip(filled.amounts).zip(shares) {
            let packs = i64::try_from(packs).unwrap_or(member.from);
            // Of several raises the last one that gave something tells the share.
            if packs > member.from || division.shares.at(member.rank).is_none() {
                division.shares.put(member.rank, share);
            }
            division.packs.put(member.rank, packs);
        }
    }
    debug_assert!(certificate::holds(network, members, &division.packs));
}
