//! What each would get if packs could be divided: the share before rounding, for explanations.
//!
//! Water-filling: the level to which the budget raises everyone, `x = clamp(level * scale - start,
//! from, to)`. It is told beside the whole packs, which do not come from it by rounding.

use crate::allocation::ladder::Level;
use crate::allocation::pool::Member;
use crate::kernel::Ratio;

/// The divisible shares in packs that use up `budget`, in the order of the members; `None` where
/// the fractions are too long to be written down.
pub fn divisible(members: &[Member], budget: i128) -> Vec<Option<Ratio>> {
    let most: i128 = members.iter().map(|member| i128::from(member.to)).sum();
    if most <= budget {
        return members.iter().map(|member| Some(Ratio::whole(i128::from(member.to)))).collect();
    }
    water_level(members, budget).map_or_else(
        || vec![None; members.len()],
        |level| members.iter().map(|member| at_level(member, level)).collect(),
    )
}

fn at_level(member: &Member, level: Ratio) -> Option<Ratio> {
    let (from, to) = (i128::from(member.from), i128::from(member.to));
    if from == to {
        return Some(Ratio::whole(from));
    }
    let (start, step, scale) = member.ladder.parts();
    let packs = level
        .times(Ratio::whole(scale))?
        .plus(Ratio::whole(-start))?
        .times(Ratio::new(1, step)?)?;
    Some(packs.clamp(Ratio::whole(from), Ratio::whole(to)))
}

/// The level at which the members together have `budget` packs.
fn water_level(members: &[Member], budget: i128) -> Option<Ratio> {
    let open: Vec<&Member> = members.iter().filter(|member| member.from < member.to).collect();
    let still: i128 = members
        .iter()
        .filter(|member| member.from == member.to)
        .map(|member| i128::from(member.from))
        .sum();
    let common = open.iter().try_fold(1_i128, |common, member| {
        let (_, step, _) = member.ladder.parts();
        if common % step == 0 {
            return Some(common);
        }
        Ratio::new(common, step)?.numerator().checked_mul(step)
    })?;
    let bottom = |member: &Member| straight(member, member.from);
    let top = |member: &Member| straight(member, member.to);
    let mut bends: Vec<Level> =
        open.iter().flat_map(|member| [bottom(member), top(member)]).collect();
    bends.sort_unstable();
    let budget = budget - still;
    let (mut low, mut high) = (0, bends.len());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let line = Line::at(&open, *bends.get(middle)?, common)?;
        if line.holds_at_most(budget)? { low = middle } else { high = middle }
    }
    let line = Line::at(&open, *bends.get(low)?, common)?;
    line.level_of(budget)
}

/// The level after `packs`, without the top at which levels end.
fn straight(member: &Member, packs: i64) -> Level {
    let (start, step, scale) = member.ladder.parts();
    Level::new(start + step * i128::from(packs), scale)
}

/// The packs held together as a function of the level, from a bend up to the next: `(slope * level
/// + rest) / common`.
struct Line {
    bend: Level,
    slope: i128,
    rest: i128,
    common: i128,
}

impl Line {
    fn at(open: &[&Member], bend: Level, common: i128) -> Option<Self> {
        let (mut slope, mut rest) = (0_i128, 0_i128);
        for member in open {
            let (start, step, scale) = member.ladder.parts();
            let held = if straight(member, member.from) > bend {
                member.from
            } else if straight(member, member.to) <= bend {
                member.to
            } else {
                let times = common / step;
                slope = slope.checked_add(scale.checked_mul(times)?)?;
                rest = rest.checked_sub(start.checked_mul(times)?)?;
                continue;
            };
            rest = rest.checked_add(i128::from(held).checked_mul(common)?)?;
        }
        Some(Self { bend, slope, rest, common })
    }

    fn holds_at_most(&self, budget: i128) -> Option<bool> {
        let (above, below) = self.bend.parts();
        let held = self.slope.checked_mul(above)?.checked_add(self.rest.checked_mul(below)?)?;
        Some(held <= budget.checked_mul(self.common)?.checked_mul(below)?)
    }

    fn level_of(&self, budget: i128) -> Option<Ratio> {
        if self.slope == 0 {
            return Some(self.bend.ratio());
        }
        Ratio::new(budget.checked_mul(self.common)?.checked_sub(self.rest)?, self.slope)
    }
}
