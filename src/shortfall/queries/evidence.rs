//! One line with everything that it was worked out from.

use super::facts::verdict_of;
use super::held::lots_at;
use super::transit::lots_on_the_way;
use super::{Line, Question, shortfalls};
use crate::config::Settings;
use crate::consumption::daily_use::DailyUse;
use crate::consumption::queries::Cells;
use crate::consumption::records::holding;
use crate::db::schema::item;
use crate::db::{DbConnection, DbError};
use crate::expected::queries::{OpenLine, open_lines};
use crate::kernel::time::plus_days;
use crate::kernel::{Instant, ItemCode, Moment, RegionCode};
use crate::reserve_plan::plan::{PlanVersion, StorePlace, StoredLine};
use crate::reserve_plan::queries as plans;
use crate::reserve_plan::records::scoped::lines_of_scopes;
use crate::shortfall::holding::{LotAtStore, LotOnTheWay};
use crate::shortfall::rules::{self, ArrivalVerdict};
use chrono::NaiveDate;
use diesel::prelude::*;

/// A line with the lots that it was worked out from.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The plan in force.
    pub plan: PlanVersion,
    /// The line.
    pub line: Line,
    /// The lines of the plan that speak of the item at the store too, the closest first.
    pub passed_over: Vec<StoredLine>,
    /// Days that the item lasts when new, and days before expiry from which it is near it; `None`
    /// for what does not expire.
    pub shelf_life: Option<(i64, i64)>,
    /// The region whose declaration holds at the store, if any declared one.
    pub level_from: Option<RegionCode>,
    /// The day of the figures.
    pub today: NaiveDate,
    /// The time of the figures.
    pub as_of: Instant,
    /// The time of the newest record that they rest on.
    pub as_known_at: Instant,
    /// Goods must arrive on or before this day to count.
    pub horizon_end: NaiveDate,
    /// The daily use that somebody set by hand, where one counts.
    pub by_hand: Option<DailyUse>,
    /// The lots at the store.
    pub lots: Vec<LotAtStore>,
    /// The lots on the way, each with whether it counts.
    pub on_the_way: Vec<(LotOnTheWay, ArrivalVerdict)>,
    /// What is expected from outside, each with whether it counts; `None` for what never does.
    pub expected: Vec<(OpenLine, Option<ArrivalVerdict>)>,
}

/// How long an item lasts from `today` on, and when it is near its expiry, in days.
fn shelf_life(
    conn: &mut DbConnection,
    code: &ItemCode,
    today: NaiveDate,
) -> Result<Option<(i64, i64)>, DbError> {
    let found: Option<(Option<i64>, i64)> = item::table
        .filter(item::code.eq(code))
        .select((item::shelf_life_months, item::near_expiry_days))
        .first(conn)
        .optional()?;
    Ok(found.and_then(|(months, near)| {
        let months = chrono::Months::new(u32::try_from(months?).ok()?);
        let last = today.checked_add_months(months)?;
        Some(((last - today).num_days(), near))
    }))
}

/// What the figures of one item at one store rest on; `None` when the plan in force does not speak
/// of it, or the store is not in scope.
///
/// # Errors
/// When the database fails.
pub fn evidence(
    conn: &mut DbConnection,
    question: &Question,
    settings: &Settings,
    now: Instant,
) -> Result<Option<Evidence>, DbError> {
    let moment = question.moment.unwrap_or_else(|| Moment::now(now, now));
    let now = moment.as_of;
    let answer = shortfalls(conn, question, settings, now)?;
    let Some(line) = answer.lines.into_iter().next() else { return Ok(None) };
    let plan = answer.plans.into_iter().find(|plan| plan.id == line.plan_line.plan_id);
    let Some(plan) = plan else { return Ok(None) };
    let place = plans::place_of(conn, &line.store)?;
    let scopes = place.as_ref().map(StorePlace::scopes).unwrap_or_default();
    let mut passed_over =
        lines_of_scopes(conn, &plan.id, &scopes, Some(std::slice::from_ref(&line.item)))?;
    passed_over.retain(|other| other.id != line.plan_line.id);
    passed_over.sort_by_key(|other| std::cmp::Reverse(other.line.scope.closeness()));
    let levels = plans::levels_as_known(conn, now, moment.known())?;
    let level_from = place.and_then(|place| levels.nearest(&place.region)).map(|(from, _)| from);
    let cell = (line.store.clone(), line.item.clone());
    let cells = Cells { stores: Some(vec![cell.0.clone()]), items: Some(vec![cell.1.clone()]) };
    let today = settings.zone.day_of(now);
    let horizon_end = plus_days(today, question.horizon_days.unwrap_or(settings.horizon_days));
    let judge = |goods: LotOnTheWay| {
        let arrival = goods.arrival(settings.zone);
        let verdict = rules::judge_arrival(&arrival, today, horizon_end);
        (goods, verdict)
    };
    let lots = lots_at(conn, settings.zone, &moment, &cells)?.remove(&cell).unwrap_or_default();
    let on_the_way = lots_on_the_way(conn, &moment, &cells)?.remove(&cell).unwrap_or_default();
    let set_by = if moment.is_now { Instant::LAST } else { moment.horizon() };
    let by_hand =
        holding(conn, cells.stores.as_deref(), cells.items.as_deref(), today, set_by)?.pop();
    let stores = cells.stores.as_deref();
    let open = open_lines(conn, &moment, stores, cells.items.as_deref())?.remove(&cell);
    let expected = open.unwrap_or_default().into_iter().map(|line| {
        let verdict = verdict_of(&line, settings.zone, today, horizon_end);
        (line, verdict)
    });
    Ok(Some(Evidence {
        expected: expected.collect(),
        plan,
        by_hand,
        shelf_life: shelf_life(conn, &line.item, today)?,
        line,
        passed_over,
        level_from,
        today,
        as_of: now,
        as_known_at: moment.as_known_at,
        horizon_end,
        lots,
        on_the_way: on_the_way.into_iter().map(judge).collect(),
    }))
}
