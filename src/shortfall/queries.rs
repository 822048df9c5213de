//! The figures of many stores and items at once: a fixed number of queries for each chunk of stores,
//! however many lines, and no more in memory than a chunk.

mod chunk;
pub mod evidence;
mod facts;
mod fresh;
pub mod ground;
pub mod held;
pub mod preview;
pub mod totals;
pub mod transit;

use crate::catalogue::Category;
use crate::catalogue::substitution::UseScene;
use crate::config::Settings;
use crate::consumption::queries::Cell;
use crate::consumption::rules::AverageUse;
use crate::db::schema::store;
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, ItemCode, Moment, Money, Quantity, RegionCode, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::reserve_plan::plan::{NotComputable, PlanVersion, SharedLine, StorePlace};
use crate::reserve_plan::rules::Target;
use crate::shortfall::holding::LeftOut;
use crate::shortfall::ordering::{Band, Order};
use crate::shortfall::projection::Projection;
use crate::shortfall::queries::ground::Ground;
use crate::shortfall::rules::{Figures, Reason, Status, TotalLine, Totals, TotalsSoFar};
use crate::shortfall::substitution::Substitution;
use diesel::prelude::*;

pub use evidence::{Evidence, evidence};
pub use fresh::freshness;

/// Which lines are asked for.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Only stores in the caller's scope, or all.
    pub scope: Option<Vec<StoreCode>>,
    /// Only this store.
    pub store: Option<StoreCode>,
    /// Only stores in this region.
    pub region: Option<RegionCode>,
    /// Only stores of this kind.
    pub kind: Option<String>,
    /// Only this item.
    pub item: Option<ItemCode>,
    /// Only items of this category.
    pub category: Option<Category>,
    /// Only lines that stand so.
    pub status: Option<Status>,
    /// Days within which goods on the way must arrive to count; the setting unless said.
    pub horizon_days: Option<i64>,
    /// Only lines after this store and item.
    pub after: Option<Cell>,
    /// The most lines, of the page alone; `None` for all.
    pub limit: Option<usize>,
    /// Whether the totals over all lines, not only those of the page, are wanted.
    pub totals: bool,
    /// Whether the stock of silent stores is wanted by estimate, apart from everything else.
    pub estimate: bool,
    /// The times that it is about; the present unless said.
    pub moment: Option<Moment>,
    /// The use for which substitutes are wanted.
    pub scene: UseScene,
}

impl Question {
    /// Whether a line of the stores and items asked about stands as asked.
    fn matches(&self, line: &Line) -> bool {
        self.status.is_none_or(|status| line.figures.status == status)
    }
}

/// What is expected from outside of an item at a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpectedIn {
    /// Base units on order that are still to come.
    pub on_order: Quantity,
    /// Of these, what counts in the net shortfall.
    pub arriving: Quantity,
    /// Base units that suppliers keep ready by agreements; never netted.
    pub agreed: Quantity,
    /// Base units that can be produced by agreement; never netted.
    pub capacity: Quantity,
    /// Whether some of what counts is overdue.
    pub some_overdue: bool,
}

/// The figures of one item at one store.
#[derive(Debug, Clone)]
pub struct Line {
    /// The store.
    pub store: StoreCode,
    /// The item.
    pub item: ItemCode,
    /// The response level that holds at the store.
    pub level: ResponseLevel,
    /// The line of the plan that counts here.
    pub plan_line: SharedLine,
    /// The target with every step to it, or why there is none.
    pub target: Result<Target, NotComputable>,
    /// Base units in the store, usable or not.
    pub on_hand: Quantity,
    /// Base units promised to documents.
    pub reserved: Quantity,
    /// Base units that must not be used and are promised to nobody.
    pub blocked: Quantity,
    /// Base units that may be used and are promised to nobody.
    pub available: Quantity,
    /// Base units on the way to the store.
    pub in_transit_in: Quantity,
    /// Of these, what counts in the net shortfall.
    pub arriving: Quantity,
    /// What is expected from outside.
    pub expected: ExpectedIn,
    /// What not everybody, or nobody, may use, by reason.
    pub set_apart: Vec<(LeftOut, Quantity)>,
    /// Where the stock lies between least and most; `None` without a target.
    pub band: Option<Band>,
    /// Available, and all that is coming, however late.
    pub position: Quantity,
    /// What to order, if anything.
    pub order: Option<Order>,
    /// The pack in which it is ordered; `None` for single base units.
    pub pack_code: Option<String>,
    /// What would stand in for what is missing; `None` where nothing may.
    pub substitution: Option<Substitution>,
    /// The average daily consumption and what it rests on.
    pub consumption: AverageUse,
    /// The figures.
    pub figures: Figures,
    /// What becomes of the available stock.
    pub projection: Option<Projection>,
    /// What the net shortfall costs at the newest known price.
    pub cost: Option<Money>,
    /// What a reader should know.
    pub reasons: Vec<Reason>,
    /// What a silent store could use by estimate; in no sum.
    pub estimated_available: Option<Quantity>,
    /// Business time of the store's newest movement or stock report.
    pub last_report_at: Option<Instant>,
}

impl Line {
    /// The line as totals see it.
    pub fn total_line(&self) -> TotalLine<'_> {
        TotalLine {
            store: &self.store,
            item: &self.item,
            target: self.target.as_ref().ok().map(|target| target.quantity),
            available: self.available,
            net_shortfall: self.figures.net_shortfall,
            cost: self.cost,
            status: self.figures.status,
            stale: self.reasons.contains(&Reason::StaleFigures),
        }
    }
}

/// The lines asked for and what they rest on.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The plan in force, when one alone governs the stores asked about, or that of the region asked.
    pub plan: Option<PlanVersion>,
    /// Every plan in force that governs any of those stores, by region.
    pub plans: Vec<PlanVersion>,
    /// The gravest level that holds at any of the stores asked about.
    pub level: ResponseLevel,
    /// The time that the figures are of.
    pub as_of: Instant,
    /// The time of the newest record that they rest on.
    pub as_known_at: Instant,
    /// A store that was last heard of earlier is silent.
    pub stale_before: Instant,
    /// The lines in the order of store and item.
    pub lines: Vec<Line>,
    /// Whether more lines follow.
    pub more: bool,
    /// The totals over all lines that match.
    pub totals: Option<Totals>,
    /// With the totals, the stores whose figures are stale, by code.
    pub stale_stores: Vec<StoreCode>,
}

/// The lines of the plan in force with their figures, as they stand at the moment asked about.
///
/// # Errors
/// When the database fails.
pub fn shortfalls(
    conn: &mut DbConnection,
    question: &Question,
    settings: &Settings,
    now: Instant,
) -> Result<Answer, DbError> {
    let ground = Ground::of(conn, question, settings, now)?;
    let mut answer = Answer {
        plan: ground.plan.clone(),
        plans: ground.plans.clone(),
        level: ground.level,
        as_of: ground.moment.as_of,
        as_known_at: ground.moment.as_known_at,
        stale_before: ground.frame.stale_before,
        lines: Vec::new(),
        more: false,
        totals: None,
        stale_stores: Vec::new(),
    };
    let is_after = |line: &Line| {
        question.after.as_ref().is_none_or(|(s, i)| (s, i) < (&line.store, &line.item))
    };
    let limit = question.limit.unwrap_or(usize::MAX);
    let mut totals = question.totals.then(TotalsSoFar::default);
    // Totals are of all lines; without them nothing before the page is looked at.
    let after = question.after.as_ref().filter(|_| totals.is_none());
    // Which line stands how is only known after its figures.
    let most = (question.status.is_none() && totals.is_none()).then(|| limit.saturating_add(1));
    let mut walk = ground.walk(question, after, most);
    'walk: while let Some(chunk) = walk.next(conn)? {
        for line in chunk.lines(&ground.levels).filter(|line| question.matches(line)) {
            if let Some(totals) = &mut totals {
                let total_line = line.total_line();
                totals.add(&total_line);
                if total_line.stale && answer.stale_stores.last() != Some(&line.store) {
                    answer.stale_stores.push(line.store.clone());
                }
            }
            if answer.lines.len() <= limit && is_after(&line) {
                answer.lines.push(line);
            }
            if totals.is_none() && answer.lines.len() > limit {
                break 'walk;
            }
        }
    }
    answer.more = answer.lines.len() > limit;
    answer.lines.truncate(limit);
    answer.totals = totals.map(TotalsSoFar::finish);
    Ok(answer)
}

/// Hands over every line that matches, after the place asked about, in the order of store and item,
/// and keeps none; gives their totals.
///
/// # Errors
/// When the database fails; those of `each`, which end the walk.
pub fn each_line<E: From<DbError>>(
    conn: &mut DbConnection,
    ground: &Ground,
    question: &Question,
    mut each: impl FnMut(&Line) -> Result<(), E>,
) -> Result<Totals, E> {
    let mut totals = TotalsSoFar::default();
    let mut walk = ground.walk(question, question.after.as_ref(), None);
    while let Some(chunk) = walk.next(conn)? {
        for line in chunk.lines(&ground.levels).filter(|line| question.matches(line)) {
            totals.add(&line.total_line());
            each(&line)?;
        }
    }
    Ok(totals.finish())
}

/// The figures of one item at one store; `None` when the plan in force does not speak of it.
///
/// # Errors
/// When the database fails.
pub fn for_store_item(
    conn: &mut DbConnection,
    store: &StoreCode,
    item: &ItemCode,
    settings: &Settings,
    now: Instant,
) -> Result<Option<Line>, DbError> {
    let question =
        Question { store: Some(store.clone()), item: Some(item.clone()), ..Question::default() };
    Ok(shortfalls(conn, &question, settings, now)?.lines.into_iter().next())
}

/// The active stores asked about, in the order of their codes.
///
/// # Errors
/// When the database fails.
pub fn stores_asked(
    conn: &mut DbConnection,
    question: &Question,
) -> Result<Vec<StorePlace>, DbError> {
    let mut query = store::table
        .filter(store::active.eq(true))
        .select((store::code, store::kind, store::region_code))
        .into_boxed();
    if let Some(scope) = &question.scope {
        query = query.filter(store::code.eq_any(scope));
    }
    if let Some(code) = &question.store {
        query = query.filter(store::code.eq(code));
    }
    if let Some(kind) = &question.kind {
        query = query.filter(store::kind.eq(kind));
    }
    if let Some(region) = &question.region {
        // A region code has only digits, so nothing in it needs escaping.
        query = query.filter(store::region_code.like(format!("{region}%")));
    }
    let rows: Vec<(StoreCode, String, RegionCode)> = query.order(store::code).load(conn)?;
    Ok(rows.into_iter().map(|(code, kind, region)| StorePlace { code, kind, region }).collect())
}
