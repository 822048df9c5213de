//! What one division looks like beside another of the same problem: a few figures, exact.

use crate::allocation::ladder;
use crate::allocation::problem::{Measure, Problem};
use crate::allocation::solution::Solution;
use crate::kernel::{Quantity, Ratio};
use crate::shortfall::projection::{DatedStock, project};
use chrono::NaiveDate;

/// Levels that are too long to be added up as fractions are cut to this many parts of one.
const PARTS: i128 = 1_000_000_000_000;

/// The figures of one solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The lowest level after.
    pub lowest_level: Option<Ratio>,
    /// Recipients that have nothing afterwards although they want something.
    pub left_at_zero: usize,
    /// What the two spreads are of: days of cover where the problem knows daily use, else its
    /// measure; without weights.
    pub spread_of: Measure,
    /// Gini coefficient of the levels after: 0 where all are equal, towards 1 where one has all.
    /// `None` where nobody has a level, or all are at zero.
    pub gini: Option<Ratio>,
    /// The highest level after less the lowest.
    pub range: Option<Ratio>,
    /// Base units that recipients still lack up to their targets or needs, rounded up for each.
    pub units_short: Quantity,
    /// Base units that remain with the donors.
    pub reserve_left: Quantity,
    /// What the transport costs.
    pub transport_cost: Ratio,
    /// Packs given.
    pub packs_given: i64,
}

/// Works out the figures of a problem's solution.
pub fn compare(problem: &Problem, solution: &Solution) -> Comparison {
    let spread_of = spread_measure(problem);
    let pack = Ratio::whole(i128::from(problem.pack.units()));
    let mut levels = Vec::new();
    let (mut left_at_zero, mut short) = (0, Vec::new());
    for (recipient, award) in problem.recipients.iter().zip(&solution.recipients) {
        let mut plain = recipient.clone();
        plain.weight = None;
        let ladder = ladder::ladder(&plain, spread_of, pack);
        levels.extend(ladder.map(|ladder| ladder.level(award.packs).ratio()));
        let wanted = if problem.measure == Measure::Need {
            ladder::need(recipient)
        } else {
            ladder::claim(recipient).or(recipient.need)
        };
        let wants = wanted.is_some_and(|wanted| !wanted.is_zero());
        if wants && recipient.available.is_zero() && award.packs == 0 {
            left_at_zero += 1;
        }
        let got = Ratio::whole(-i128::from(award.quantity.units()));
        let lacking = wanted.and_then(|wanted| wanted.plus(got)).unwrap_or(Ratio::ZERO);
        short.push(lacking.max(Ratio::ZERO).ceil_quantity().unwrap_or(Quantity::ZERO));
    }
    levels.sort_unstable();
    Comparison {
        lowest_level: solution.lowest_level,
        left_at_zero,
        spread_of,
        gini: gini(&levels),
        range: range(&levels),
        units_short: Quantity::total(short),
        reserve_left: Quantity::total(solution.donors.iter().map(|donor| donor.available_after)),
        transport_cost: solution.cost,
        packs_given: solution.recipients.iter().map(|award| award.packs).sum(),
    }
}

fn spread_measure(problem: &Problem) -> Measure {
    let mut uses = problem.recipients.iter().filter_map(|recipient| recipient.daily_use);
    if uses.any(|daily_use| !daily_use.is_zero()) { Measure::DaysOfCover } else { problem.measure }
}

/// `sum of (2i - n - 1) * x_i / (n * sum of x_i)` over sorted levels.
fn gini(sorted: &[Ratio]) -> Option<Ratio> {
    let count = i128::try_from(sorted.len()).ok()?;
    let exact = added_up(sorted.iter().copied(), count);
    let (weighted, sum) = match exact {
        Some(sums) => sums,
        None => added_up(sorted.iter().filter_map(|level| cut(*level)), count)?,
    };
    let below = sum.times(Ratio::whole(count))?;
    let above = weighted;
    let flipped = Ratio::new(below.denominator(), below.numerator())?;
    above.times(flipped)
}

/// The sum of the levels, weighted by their ranks, and their plain sum.
fn added_up(sorted: impl Iterator<Item = Ratio>, count: i128) -> Option<(Ratio, Ratio)> {
    let (mut weighted, mut sum) = (Ratio::ZERO, Ratio::ZERO);
    let mut place = 1 - count;
    for level in sorted {
        weighted = weighted.plus(level.times(Ratio::whole(place))?)?;
        sum = sum.plus(level)?;
        place += 2;
    }
    Some((weighted, sum))
}

fn cut(level: Ratio) -> Option<Ratio> {
    Ratio::new(level.times(Ratio::whole(PARTS))?.floor(), PARTS)
}

fn range(sorted: &[Ratio]) -> Option<Ratio> {
    let (lowest, highest) = sorted.first().zip(sorted.last())?;
    Ratio::whole(-1).times(*lowest)?.plus(*highest)
}

/// What would expire before it is used, over all stores, when nothing more comes: for each its
/// stock after the division and its daily use. Stores without daily use are left out.
pub fn would_expire(today: NaiveDate, stores: &[(Vec<DatedStock>, Option<Ratio>)]) -> Quantity {
    let projections =
        stores.iter().filter_map(|(stock, daily_use)| project(today, stock, *daily_use));
    Quantity::total(projections.map(|projection| projection.total_waste))
}
