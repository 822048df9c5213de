//! Leximin: the lowest level as high as it goes, then the next lowest; in stages where asked.
//!
//! Exact in whole packs, see [`crate::allocation::pool`] for one pool and
//! [`crate::allocation::network`] for routes. A stage keeps what the stages before it gave and
//! caps the level; feasible vectors between two bounds are again such a polymatroid, so each stage
//! is exact as well.

use crate::allocation::cells::Cells;
use crate::allocation::ladder;
use crate::allocation::network::Network;
use crate::allocation::policies::{Division, Prepared, raise};
use crate::allocation::problem::{Recipient, Stage};

/// Leximin over all whose level is measured as the problem asks, then over the others.
pub fn leximin(prepared: &Prepared<'_>, network: &Network) -> Division {
    let mut division = Division::empty(prepared.most.len());
    for measured in [true, false] {
        let members = prepared.members(&division.packs, |number| {
            (is_measured(prepared, number) == measured)
                .then(|| prepared.ladders.at(number))
                .flatten()
                .map(|ladder| (ladder, prepared.most.at(number)))
        });
        raise(network, &members, &mut division);
    }
    division
}

/// Leximin stage by stage; the usual stages where none are given.
pub fn staged(prepared: &Prepared<'_>, network: &Network, stages: &[Stage]) -> Division {
    let usual;
    let stages = if stages.is_empty() {
        usual = Stage::usual();
        &usual
    } else {
        stages
    };
    let mut division = Division::empty(prepared.most.len());
    for (number, stage) in stages.iter().enumerate() {
        run(prepared, network, &mut division, number, |recipient, who| {
            (is_measured(prepared, who) && includes(stage, recipient))
                .then(|| ceiling(prepared, stage, recipient, who))
                .flatten()
        });
    }
    // Those without days of cover cannot be raised to so many; they follow where a stage would
    // have taken them to their target.
    run(prepared, network, &mut division, stages.len(), |recipient, who| {
        let mut to_target = stages.iter().filter(|stage| stage.to_days.is_none());
        (!is_measured(prepared, who) && to_target.any(|stage| includes(stage, recipient)))
            .then(|| prepared.most.at(who))
    });
    division
}

/// One stage, in which `ceiling` tells the most packs of those who take part.
fn run(
    prepared: &Prepared<'_>,
    network: &Network,
    division: &mut Division,
    stage: usize,
    ceiling: impl Fn(&Recipient, usize) -> Option<i64>,
) {
    let before = division.packs.clone();
    let members = prepared.members(&before, |who| {
        let recipient = prepared.problem.recipients.get(who)?;
        prepared.ladders.at(who).zip(ceiling(recipient, who))
    });
    raise(network, &members, division);
    for (who, packs) in before.into_iter().enumerate() {
        if division.packs.at(who) > packs {
            division.stages.put(who, Some(stage));
        }
    }
}

fn is_measured(prepared: &Prepared<'_>, who: usize) -> bool {
    prepared.measured_by.get(who) == Some(&prepared.problem.measure)
}

fn includes(stage: &Stage, recipient: &Recipient) -> bool {
    stage.priority_at_most.is_none_or(|most| recipient.priority.is_some_and(|own| own <= most))
}

/// The packs that bring a recipient to the end of a stage, rounded up; `None` where the stage
/// counts days and the recipient has none.
fn ceiling(
    prepared: &Prepared<'_>,
    stage: &Stage,
    recipient: &Recipient,
    who: usize,
) -> Option<i64> {
    let most = prepared.most.at(who);
    let Some(days) = stage.to_days else { return Some(most) };
    let ladder = ladder::days_ladder(recipient, prepared.pack)?;
    Some(ladder.reached_below(days.numerator(), days.denominator(), 0, most))
}
