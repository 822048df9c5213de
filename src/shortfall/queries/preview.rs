//! The lines at another response level than the one that holds, in as many queries as a list.

use super::{
    Facts, Governed, Line, Question, cells_asked, governing_plans, plan_to_name, stores_asked,
};
use crate::config::Settings;
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, RegionCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::reserve_plan::plan::PlanVersion;
use crate::reserve_plan::{queries as plans, records as plan_records};
use crate::shortfall::preview::{Change, PreviewTotals, Side, preview_totals};

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
    let levels = plans::levels_in_force(conn, now)?;
    let declared = levels.clone().with(region.clone(), level);
    let stores = stores_asked(conn, &question)?;
    let in_force = plan_records::plans_in_force(conn, now, None)?;
    let governing = governing_plans(&in_force, &stores);
    let plan = plan_to_name(&question, &in_force, &governing);
    let mut cells = cells_asked(conn, &question, &in_force, &governing, &stores)?;
    let is_after = |cell: &Governed| {
        let place = (&cell.place.code, &cell.line.line.item);
        question.after.as_ref().is_none_or(|(store, item)| (store, item) < place)
    };
    let limit = question.limit.unwrap_or(usize::MAX);
    if !question.totals {
        cells.retain(is_after);
        cells.truncate(limit.saturating_add(1));
    }
    let facts = Facts::load(conn, &cells, &question, settings, now)?;
    let both = |cell: Governed| (facts.line(cell.clone(), &levels), facts.line(cell, &declared));
    let mut lines = Vec::new();
    let mut changes = Vec::new();
    for cell in cells {
        let on_page = is_after(&cell) && lines.len() <= limit;
        let (before, after) = both(cell);
        if question.totals {
            changes.push(change(&before, &after));
        }
        if on_page {
            lines.push((before, after));
        }
    }
    let more = lines.len() > limit;
    lines.truncate(limit);
    let totals = question.totals.then(|| preview_totals(&changes));
    Ok(Preview { plan, level_now: levels.of(region), as_of: now, lines, more, totals })
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
