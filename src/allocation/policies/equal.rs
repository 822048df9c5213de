//! Equal awards and equal losses, the two constrained equal rules for claims problems.
//!
//! Both are leximin on another ladder: of the packs given, or of the units still short, taken as
//! negative numbers. So they are exact in whole packs and over routes for the same reasons
//! (see [`crate::allocation::pool`]).

use crate::allocation::cells::Cells;
use crate::allocation::ladder::{Ladder, need};
use crate::allocation::network::Network;
use crate::allocation::policies::{Division, Prepared, raise};
use crate::kernel::Ratio;

/// The same packs to each, up to what each may get; a weight of 2 gets twice as many.
pub fn awards(prepared: &Prepared<'_>, network: &Network) -> Division {
    divide(prepared, network, |who, most| {
        let weight = prepared.problem.recipients.get(who)?.weight.unwrap_or(Ratio::whole(1));
        Some((Ladder::new(Ratio::ZERO, Ratio::whole(1), weight, None)?, most))
    })
}

/// The same units short at each, nobody below none; a weight of 2 is short of half as many.
pub fn losses(prepared: &Prepared<'_>, network: &Network) -> Division {
    divide(prepared, network, |who, most| {
        let recipient = prepared.problem.recipients.get(who)?;
        let need = need(recipient)?;
        let lacking = Ratio::whole(-need.numerator()).times(Ratio::new(1, need.denominator())?)?;
        let weight = recipient.weight.unwrap_or(Ratio::whole(1));
        let divisor = Ratio::new(weight.denominator(), weight.numerator())?;
        let ladder = Ladder::new(lacking, prepared.pack, divisor, Some(Ratio::ZERO))?;
        // Who is no longer short loses nothing, however many packs it may have.
        Some((ladder, ladder.reached_below(0, 1, 0, most)))
    })
}

fn divide(
    prepared: &Prepared<'_>,
    network: &Network,
    climb: impl Fn(usize, i64) -> Option<(Ladder, i64)>,
) -> Division {
    let mut division = Division::empty(prepared.most.len());
    let members = prepared.members(&division.packs, |who| climb(who, prepared.most.at(who)));
    raise(network, &members, &mut division);
    division
}
