//! A recipient's level after each pack, as an exact fraction.

use crate::allocation::problem::{Measure, Problem, Recipient};
use crate::kernel::Ratio;
use std::cmp::Ordering;

/// The level after `k` packs: `min(top, start + k * step) / scale`, strictly rising up to its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder {
    start: i128,
    step: i128,
    scale: i128,
    top: i128,
}

/// A level, not reduced: comparing is all that is done with most of them.
#[derive(Debug, Clone, Copy)]
pub struct Level {
    above: i128,
    below: i128,
}

impl Level {
    /// `above / below`, with `below` above zero.
    pub const fn new(above: i128, below: i128) -> Self {
        Self { above, below }
    }

    /// What stands above and below the line.
    pub const fn parts(self) -> (i128, i128) {
        (self.above, self.below)
    }

    /// The fraction in lowest terms.
    pub fn ratio(self) -> Ratio {
        Ratio::new(self.above, self.below).unwrap_or(Ratio::ZERO)
    }

    /// The whole number at or below it.
    pub const fn floor(self) -> i128 {
        self.above.div_euclid(self.below)
    }
}

impl PartialEq for Level {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Level {}

impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Level {
    /// By cross-multiplication in 128 bits; where that does not fit, as reduced fractions.
    fn cmp(&self, other: &Self) -> Ordering {
        let products = self.above.checked_mul(other.below).zip(other.above.checked_mul(self.below));
        match products {
            Some((left, right)) => left.cmp(&right),
            None => self.ratio().cmp(&other.ratio()),
        }
    }
}

impl Ladder {
    /// A ladder for those who do not climb.
    pub const FLAT: Self = Self { start: 0, step: 1, scale: 1, top: i128::MAX / 4 };

    /// `(start + k * step) / divisor`, at most `top / divisor`; `None` unless step and divisor are
    /// above zero and all of it fits.
    ///
    /// The fractions are brought to one denominator once, so that steps are whole additions.
    pub fn new(start: Ratio, step: Ratio, divisor: Ratio, top: Option<Ratio>) -> Option<Self> {
        if step <= Ratio::ZERO || divisor <= Ratio::ZERO {
            return None;
        }
        let mut common = start.denominator();
        for part in [Some(step), Some(divisor), top].into_iter().flatten() {
            common = Ratio::new(common, part.denominator())?
                .numerator()
                .checked_mul(part.denominator())?;
        }
        let whole = |part: Ratio| part.numerator().checked_mul(common / part.denominator());
        Some(Self {
            start: whole(start)?,
            step: whole(step)?,
            scale: whole(divisor)?,
            // Far above every level and far below what overflows.
            top: top.map_or(Some(i128::MAX / 4), whole)?,
        })
    }

    /// The level after `packs`.
    pub fn level(&self, packs: i64) -> Level {
        let raised = self.step.saturating_mul(i128::from(packs)).saturating_add(self.start);
        Level::new(raised.min(self.top), self.scale)
    }

    /// How many of the packs from `from` up to `to` are begun below the level `above / below`:
    /// `from` and those of them.
    pub fn reached_below(&self, above: i128, below: i128, from: i64, to: i64) -> i64 {
        match self.steps_below(above, below) {
            Some(steps) => clamp(steps, from, to),
            None => self.search_below(Level::new(above, below), from, to),
        }
    }

    /// The packs that bring the level up to `above / below`; `None` where it does not fit.
    fn steps_below(&self, above: i128, below: i128) -> Option<i128> {
        let wanted = self.scale.checked_mul(above)?;
        let have = self.start.checked_mul(below)?;
        let missing = wanted.checked_sub(have)?;
        let step = self.step.checked_mul(below)?;
        Some(divide_up(missing, step))
    }

    /// The same by halving, for numbers whose products do not fit.
    fn search_below(&self, level: Level, from: i64, to: i64) -> i64 {
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.level(middle) < level {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where it starts, how far a step goes, and the scale of both.
    pub const fn parts(&self) -> (i128, i128, i128) {
        (self.start, self.step, self.scale)
    }
}

fn clamp(value: i128, from: i64, to: i64) -> i64 {
    let held = value.clamp(i128::from(from), i128::from(to));
    i64::try_from(held).unwrap_or(to)
}

/// The smallest whole number not below `above / below`, for `below` above zero.
///
/// Numbers that fit 64 bits are divided as such, which is several times as fast.
pub fn divide_up(above: i128, below: i128) -> i128 {
    if let (Ok(a), Ok(b)) = (u64::try_from(above), u64::try_from(below)) {
        return i128::from(a.div_ceil(b.max(1)));
    }
    let floor = above.div_euclid(below);
    if floor * below == above { floor } else { floor + 1 }
}

/// What a recipient lacks up to its target, in base units: never below zero; `None` where nothing
/// says what it wants.
pub fn claim(recipient: &Recipient) -> Option<Ratio> {
    let stock = Ratio::whole(i128::from(recipient.available.units()));
    let lacking = |target: Ratio| {
        let missing = Ratio::whole(-stock.numerator()).plus(target);
        missing.map(|missing| missing.max(Ratio::ZERO))
    };
    recipient.target.and_then(lacking).or(recipient.need)
}

/// What should be there, in base units; `None` where nothing says so.
pub fn target(recipient: &Recipient) -> Option<Ratio> {
    let stock = Ratio::whole(i128::from(recipient.available.units()));
    recipient.target.or_else(|| recipient.need.and_then(|need| need.plus(stock)))
}

/// What is needed, for shares of it: the stated need, else what lacks up to the target.
pub fn need(recipient: &Recipient) -> Option<Ratio> {
    recipient.need.or_else(|| claim(recipient))
}

/// Days of cover of what a recipient has with `packs`, before weights; `None` without daily use.
pub fn days_ladder(recipient: &Recipient, pack: Ratio) -> Option<Ladder> {
    let stock = Ratio::whole(i128::from(recipient.available.units()));
    Ladder::new(stock, pack, recipient.daily_use?, None)
}

/// The most packs a recipient may get; `None` without a limit.
///
/// The caller's word, else what brings stock to the target or meets the need, rounded up. Beyond
/// the top of its ladder a level no longer rises, so it ends there in any case.
pub fn cap(recipient: &Recipient, measure: Measure, pack: Ratio) -> Option<i64> {
    let packs = |units: Ratio| {
        let each = Ratio::new(1, pack.numerator())?;
        Some(i64::try_from(units.times(each)?.ceil()).unwrap_or(i64::MAX))
    };
    let wanted = recipient.max_packs.or_else(|| claim(recipient).and_then(packs));
    let top = match measure {
        Measure::DaysOfCover => None,
        Measure::Coverage => claim(recipient).and_then(packs),
        Measure::Need => need(recipient).and_then(packs),
    };
    [wanted, top].into_iter().flatten().min()
}

/// The measure that a recipient's level is told in: coverage where the problem asks for days of
/// cover and daily use is not known.
pub fn measure_of(problem: &Problem, recipient: &Recipient) -> Measure {
    let unknown = recipient.daily_use.is_none_or(Ratio::is_zero);
    if problem.measure == Measure::DaysOfCover && unknown {
        return Measure::Coverage;
    }
    problem.measure
}

/// A recipient's level in a measure, divided by its weight; `None` where it has none: nothing is
/// wanted, or nothing says how much.
pub fn ladder(recipient: &Recipient, measure: Measure, pack: Ratio) -> Option<Ladder> {
    let weight = recipient.weight.unwrap_or(Ratio::whole(1));
    let stock = Ratio::whole(i128::from(recipient.available.units()));
    match measure {
        Measure::DaysOfCover => Ladder::new(stock, pack, recipient.daily_use?.times(weight)?, None),
        Measure::Coverage => {
            let target = target(recipient)?;
            // Stock above the target covers the whole of it and no more.
            Ladder::new(stock, pack, target.times(weight)?, Some(target))
        }
        Measure::Need => {
            let need = need(recipient)?;
            Ladder::new(Ratio::ZERO, pack, need.times(weight)?, Some(need))
        }
    }
}
