//! The lines at another response level than the one that holds, in as many queries as a list.

use super::ground::Ground;
use super::{Line, Question, freshness};
use crate::config::Settings;
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, RegionCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::reserve_plan::plan::PlanVersion;
use crate::reserve_plan::queries as plans;
use crate::shortfall::preview::{Change, PreviewTotals, Side};
use crate::stock::freshness::Freshness;

/// The lines of a region now and at another level.
#[derive(Debug)]
pub struct Preview {
    /// The plan in force there.
    pub plan: Option<PlanVersion>,
    /// The level that holds in the region now.
    pub level_now: ResponseLevel,
    /// The time that the figures are of.
    pub as_of: Instant,
    /// Each line now and then, in the order of store and item.
    pub lines: Vec<(Line, Line)>,
    /// Whether more lines follow.
    pub more: bool,
    /// The totals over all lines that match.
    pub totals: Option<PreviewTotals>,
    /// How many of the stores of these lines were heard of lately, or with totals of all.
    pub fresh: Freshness,
}

/// What would be asked for if `region` declared `level` now.
///
/// Smaller regions that have declared a level of their own keep it, as they would.
///
/// # Errors
/// When the database fails.
pub fn preview(
    conn: &mut DbConnection,
    question: &Question,
    region: &RegionCode,
    level: ResponseLevel,
    settings: &Settings,
    now: Instant,
) -> Result<Preview, DbError> {
    let question = Question { region: Some(region.clone()), ..question.clone() };
    let ground = Ground::of(conn, &question, settings, now)?;
    let levels = plans::levels_in_force(conn, now)?;
    let declared = levels.clone().with(region.clone(), level);
    let is_after = |line: &Line| {
        question.after.as_ref().is_none_or(|(s, i)| (s, i) < (&line.store, &line.item))
    };
    let limit = question.limit.unwrap_or(usize::MAX);
    let mut totals = question.totals.then(PreviewTotals::nothing);
    let after = question.after.as_ref().filter(|_| totals.is_none());
    let most = totals.is_none().then(|| limit.saturating_add(1));
    let mut lines = Vec::new();
    let mut walk = ground.walk(&question, after, most);
    while let Some(chunk) = walk.next(conn)? {
        for (before, then) in chunk.lines(&levels).zip(chunk.lines(&declared)) {
            if let Some(totals) = &mut totals {
                totals.add(&change(&before, &then));
            }
            if lines.len() <= limit && is_after(&before) {
                lines.push((before, then));
            }
        }
    }
    let more = lines.len() > limit;
    lines.truncate(limit);
    let fresh = match totals {
        Some(_) => freshness(conn, &question, settings, now)?,
        None => {
            let stores = lines.chunk_by(|(one, _), (next, _)| one.store == next.store);
            let heard = stores.filter_map(|lines| lines.first().map(|(now, _)| now.last_report_at));
            Freshness::of(heard, ground.frame.stale_before)
        }
    };
    let level_now = levels.of(region);
    Ok(Preview { plan: ground.plan, level_now, as_of: now, lines, more, totals, fresh })
}

/// A line now and then, as the rules see it.
pub fn change(now: &Line, then: &Line) -> Change {
    Change { item: now.item.clone(), now: side(now), then: side(then) }
}

fn side(line: &Line) -> Side {
    Side {
        target: line.target.as_ref().ok().map(|target| target.quantity),
        on_hand_shortfall: line.figures.on_hand_shortfall,
        net_shortfall: line.figures.net_shortfall,
        cost: line.cost,
        status: line.figures.status,
    }
}
