//! A proof of optimality that is checked without solving anything: no move of one pack helps.
//!
//! Packs that use up what the network carries are leximin if and only if no single pack can move,
//! over the routes, from one recipient to another so that the two levels become better: for
//! separable concave functions over a polymatroid the local optimum is the global one (M-convexity;
//! Frank and Murota). The solver asserts this of its own answers in debug builds.

use crate::allocation::cells::Cells;
use crate::allocation::network::Network;
use crate::allocation::pool::Member;

/// Above this many members the solver does not check itself: the check is quadratic.
const SMALL: usize = 40;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Improvement {
    /// The routes do not carry these packs.
    NotCarried,
    /// A member has less or more than it may.
    OutOfBounds(usize),
    /// A member could get one more pack, and nobody one less.
    More(usize),
    /// One pack less for the first and one more for the second would be better.
    Move {
        /// Who would give.
        from: usize,
        /// Who would get.
        to: usize,
    },
}

/// Whether no improvement is found; not looked for among many.
pub fn holds(network: &Network, members: &[Member], packs: &[i64]) -> bool {
    members.len() > SMALL || improvement(network, members, packs).is_none()
}

/// The first improvement of an answer; `None` proves that it is leximin.
pub fn improvement(network: &Network, members: &[Member], packs: &[i64]) -> Option<Improvement> {
    let outside = |member: &&Member| {
        let held = packs.at(member.rank);
        held < member.from || held > member.to
    };
    if let Some(member) = members.iter().find(outside) {
        return Some(Improvement::OutOfBounds(member.rank));
    }
    let wanted: Vec<i128> = packs.iter().map(|packs| i128::from(*packs)).collect();
    let Some(delivery) = network.delivery(&wanted) else { return Some(Improvement::NotCarried) };
    let takers = || members.iter().filter(|member| packs.at(member.rank) < member.to);
    let left_over = delivery.reached_from_left_over();
    if let Some(taker) = takers().find(|taker| left_over.at(taker.rank)) {
        return Some(Improvement::More(taker.rank));
    }
    for giver in members.iter().filter(|member| packs.at(member.rank) > member.from) {
        let reached = delivery.reached_from(giver.rank);
        for taker in takers().filter(|taker| reached.at(taker.rank)) {
            if giver.rank != taker.rank && is_better(giver, taker, packs) {
                return Some(Improvement::Move { from: giver.rank, to: taker.rank });
            }
        }
    }
    None
}

/// Whether the two levels, sorted, are better after the move.
fn is_better(giver: &Member, taker: &Member, packs: &[i64]) -> bool {
    let sorted = |one, other| if one <= other { (one, other) } else { (other, one) };
    let (gives, takes) = (packs.at(giver.rank), packs.at(taker.rank));
    let before = sorted(giver.ladder.level(gives), taker.ladder.level(takes));
    let after = sorted(giver.ladder.level(gives - 1), taker.ladder.level(takes + 1));
    after > before
}
