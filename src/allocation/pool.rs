//! One pool of packs, given to whoever stands lowest, pack by pack in effect but not in time.
//!
//! The rule: a pack goes to the lowest current level; among equals to the one that the pack raises
//! most; among those to the first of the input. This order of all packs of all recipients is a
//! total one in which the packs of one recipient come in their own order, because its levels rise
//! strictly. So giving the first `n` packs of the order is what the greedy does, and it is leximin:
//! maximising the sum of a function that falls steeply enough with the rank of the level is
//! separable concave, feasible vectors are the integer points of a polymatroid, and there the
//! greedy by largest marginal is optimal (Federgruen and Groenevelt, "The greedy procedure for
//! resource allocation problems", Operations Research 34, 1986; decreasingly minimal elements of
//! M-convex sets: Frank and Murota 2018–2022). Rounding the divisible optimum is not.
//!
//! [`fill`] finds the first `n` of the order without walking through it: it bisects the level up
//! to which every pack is given, until no more packs than recipients are in doubt, and gives those
//! one by one. [`fill_plainly`] walks.

use crate::allocation::ladder::{Ladder, Level};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// The line numbers beyond which levels are not told apart more finely.
const MOST_LINES: i128 = 1 << 60;

/// Someone who may get from `from` up to `to` packs, `from` of which are given already.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// How the level rises.
    pub ladder: Ladder,
    /// The least.
    pub from: i64,
    /// The most.
    pub to: i64,
    /// The place in the input, which settles ties.
    pub rank: usize,
}

/// The next pack of a member, in the order in which packs are given.
#[derive(Debug, Clone, Copy)]
struct Next {
    now: Level,
    then: Level,
    rank: usize,
    /// Where the member stands among those asked about.
    place: usize,
    packs: i64,
}

impl Next {
    fn of(member: &Member, place: usize, packs: i64) -> Self {
        Self {
            now: member.ladder.level(packs),
            then: member.ladder.level(packs + 1),
            rank: member.rank,
            place,
            packs,
        }
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Next {}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        self.now
            .cmp(&other.now)
            .then_with(|| other.then.cmp(&self.then))
            .then_with(|| self.rank.cmp(&other.rank))
    }
}

/// Gives `budget` packs in all, those of `from` counted in; all that may be had where the budget
/// is larger. The answer is in the order of the members.
pub fn fill(members: &[Member], budget: i64) -> Vec<i64> {
    let most: i128 = members.iter().map(|member| i128::from(member.to)).sum();
    if most <= i128::from(budget) {
        return members.iter().map(|member| member.to).collect();
    }
    finish(members, threshold(members, budget), budget)
}

/// The same, one pack at a time from the start: the reference.
pub fn fill_plainly(members: &[Member], budget: i64) -> Vec<i64> {
    finish(members, members.iter().map(|member| member.from).collect(), budget)
}

/// Gives pack after pack, beginning with `given`.
fn finish(members: &[Member], mut given: Vec<i64>, budget: i64) -> Vec<i64> {
    let mut left = i128::from(budget) - given.iter().copied().map(i128::from).sum::<i128>();
    let mut waiting: BinaryHeap<Reverse<Next>> = members
        .iter()
        .zip(&given)
        .enumerate()
        .filter(|(_, (member, packs))| **packs < member.to)
        .map(|(place, (member, packs))| Reverse(Next::of(member, place, *packs)))
        .collect();
    while left > 0 {
        let Some(Reverse(next)) = waiting.pop() else { break };
        let packs = next.packs + 1;
        if let Some(cell) = given.get_mut(next.place) {
            *cell = packs;
        }
        if let Some(member) = members.get(next.place).filter(|member| packs < member.to) {
            waiting.push(Reverse(Next::of(member, next.place, packs)));
        }
        left -= 1;
    }
    given
}

/// The packs that begin below a level so high that the budget gives all of them, and so near the
/// highest such level that no more begin between the two than there are members.
fn threshold(members: &[Member], budget: i64) -> Vec<i64> {
    let open = || members.iter().filter(|member| member.from < member.to);
    let bottom = open().map(|member| member.ladder.level(member.from)).min();
    let top = open().map(|member| member.ladder.level(member.to)).max();
    let Some((bottom, top)) = bottom.zip(top) else {
        return members.iter().map(|member| member.from).collect();
    };
    let (budget, few) = (i128::from(budget), i128::try_from(members.len()).unwrap_or(0));
    // No pack begins below the line of the bottom; all begin below the one above the top.
    let (mut low, mut high, mut grid) = (bottom.floor(), top.floor() + 1, 1_i128);
    let mut below = total_below(members, low, grid);
    let mut above = total_below(members, high, grid);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let begun = total_below(members, middle, grid);
        if begun <= budget {
            (low, below) = (middle, begun);
        } else {
            (high, above) = (middle, begun);
        }
    }
    // Half the distance between lines, until few packs lie between the two. A level times the
    // packs to a whole one is at most all stock in packs, so the lines never outgrow the bound.
    while above - below > few && low.abs() < MOST_LINES {
        (low, grid) = (low * 2, grid * 2);
        let begun = total_below(members, low + 1, grid);
        if begun <= budget {
            (low, below) = (low + 1, begun);
        } else {
            above = begun;
        }
    }
    members
        .iter()
        .map(|member| member.ladder.reached_below(low, grid, member.from, member.to))
        .collect()
}

fn total_below(members: &[Member], line: i128, grid: i128) -> i128 {
    members
        .iter()
        .map(|member| i128::from(member.ladder.reached_below(line, grid, member.from, member.to)))
        .sum()
}
