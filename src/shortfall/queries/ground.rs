//! What all lines of an answer rest on, read once; and the walk through them, chunk after chunk.

use super::chunk::{Chunk, Place};
use super::facts::Facts;
use super::transit::{LotsOnTheWay, on_the_way_then};
use super::{Question, stores_asked};
use crate::catalogue::records::substitution;
use crate::catalogue::substitution::{ListsInForce, UseScene};
use crate::config::Settings;
use crate::consumption::queries::{Cell, Cells};
use crate::consumption::rules::Window;
use crate::db::schema::item;
use crate::db::{DbConnection, DbError};
use crate::kernel::time::{BusinessZone, plus_days};
use crate::kernel::{Instant, ItemCode, Moment, RegionCode, StoreCode};
use crate::reserve_plan::level::{LevelsInForce, ResponseLevel};
use crate::reserve_plan::plan::{PlanVersion, PlansInForce, StorePlace};
use crate::reserve_plan::queries::governing::{Governed, Governor};
use crate::reserve_plan::{queries as plans, records as plan_records};
use crate::shortfall::substitution::related;
use chrono::{NaiveDate, TimeDelta};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// About so many lines are worked out at a time: fewer than a county has, so that a province takes no
/// more memory than it, and enough that what a chunk costs is not seen.
const LINES_AT_ONCE: usize = 4_096;
/// At most so many stores at a time, however little is asked of each.
const STORES_AT_ONCE: usize = 512;
/// Lines that a store is taken to have until the first are known.
const LINES_OF_A_STORE: usize = 250;
/// Up to so many regions are asked for by name; beyond it all are read.
const FEW_REGIONS: usize = 64;

/// The days and times by which facts are judged.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The times that the question is about.
    pub moment: Moment,
    /// The day of the figures.
    pub today: NaiveDate,
    /// Where days begin.
    pub zone: BusinessZone,
    /// Goods must arrive on or before this day to count.
    pub horizon_end: NaiveDate,
    /// A store whose newest movement is older is stale.
    pub stale_before: Instant,
    /// The days over which consumption is averaged.
    pub window: Window,
    /// Whether the stock of silent stores is estimated, apart from everything else.
    pub estimate: bool,
}

impl Frame {
    /// The frame of a question.
    pub fn new(question: &Question, settings: &Settings, moment: Moment) -> Self {
        let (zone, now) = (settings.zone, moment.as_of);
        let today = zone.day_of(now);
        let stale = TimeDelta::try_hours(settings.stale_hours).unwrap_or_default();
        Self {
            moment,
            today,
            zone,
            horizon_end: plus_days(today, question.horizon_days.unwrap_or(settings.horizon_days)),
            stale_before: now.plus(-stale),
            window: Window::before(today, settings.consumption_window_days),
            estimate: question.estimate,
        }
    }
}

/// What all lines of an answer rest on.
#[derive(Debug)]
pub struct Ground {
    /// The times that the question is about.
    pub moment: Moment,
    /// The plan in force, when one alone governs the stores, or that of the region asked.
    pub plan: Option<PlanVersion>,
    /// Every plan in force that governs any of the stores, by region.
    pub plans: Vec<PlanVersion>,
    /// The level that each region has declared.
    pub levels: LevelsInForce,
    /// The gravest level that holds at any of the stores.
    pub level: ResponseLevel,
    /// The stores asked about, by code.
    pub stores: Vec<StorePlace>,
    pub(super) frame: Frame,
    /// What may stand in for each item, by use and region.
    pub(super) lists: ListsInForce,
    /// The use that is asked about.
    pub(super) scene: UseScene,
    /// What may stand in for each item somewhere: what has a say in what stands in.
    substitutes: BTreeMap<ItemCode, Vec<ItemCode>>,
    /// What was on the way in the past, which is read at once; the present is read chunk by chunk.
    pub(super) on_the_way_then: Option<LotsOnTheWay>,
    in_force: PlansInForce,
    /// The item asked about, and those that have to do with its substitutes; `None` for all.
    items: Option<Vec<ItemCode>>,
    of_category: Option<BTreeSet<ItemCode>>,
}

impl Ground {
    /// Reads what a question rests on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of(
        conn: &mut DbConnection,
        question: &Question,
        settings: &Settings,
        now: Instant,
    ) -> Result<Self, DbError> {
        let moment = question.moment.unwrap_or_else(|| Moment::now(now, now));
        let (now, known) = (moment.as_of, moment.known());
        let stores = stores_asked(conn, question)?;
        let regions = regions_over(&stores, question.region.as_ref());
        let in_force = plan_records::plans_in_force_over(conn, regions.as_deref(), now, known)?;
        let levels = plans::levels_over(conn, regions, now, known)?;
        let asked_level = question.region.as_ref().map(|region| levels.of(region));
        let own: BTreeSet<&RegionCode> = stores.iter().map(|store| &store.region).collect();
        let gravest = own.iter().map(|region| levels.of(region)).max();
        let governing: BTreeSet<&RegionCode> =
            own.iter().filter_map(|region| in_force.of(region)).map(|plan| &plan.region).collect();
        let plans: Vec<PlanVersion> =
            in_force.iter().filter(|plan| governing.contains(&plan.region)).cloned().collect();
        let lists = substitution::in_force(conn, None, now, known)?;
        let substitutes = lists.everything();
        let items = question.item.as_ref().map(|item| with_related([item], &substitutes));
        let plan = match plans.as_slice() {
            [only] => Some(only.clone()),
            _ => question.region.as_ref().and_then(|region| in_force.of(region)).cloned(),
        };
        Ok(Self {
            moment,
            plan,
            plans,
            level: gravest.max(asked_level).unwrap_or(ResponseLevel::Normal),
            levels,
            frame: Frame::new(question, settings, moment),
            on_the_way_then: match moment.is_now {
                true => None,
                false => {
                    let cells = Cells { stores: None, items: items.clone() };
                    Some(on_the_way_then(conn, &moment, &cells)?)
                }
            },
            items,
            of_category: items_of_category(conn, question)?,
            scene: question.scene,
            lists,
            substitutes,
            stores,
            in_force,
        })
    }

    /// The last day on which what is coming must arrive to count.
    pub fn horizon_end(&self) -> NaiveDate {
        self.frame.horizon_end
    }

    /// The use for which substitutes are looked for.
    pub fn scene(&self) -> UseScene {
        self.scene
    }

    /// Walks through the lines of a question in the order of store and item: those after a place,
    /// and at most so many.
    pub fn walk<'a>(
        &'a self,
        question: &'a Question,
        after: Option<&'a Cell>,
        most: Option<usize>,
    ) -> Walk<'a> {
        let begin = after.map_or(0, |(store, _)| self.stores.partition_point(|p| p.code < *store));
        let lines = if question.item.is_some() { 1 } else { LINES_OF_A_STORE };
        let first = most.unwrap_or(LINES_AT_ONCE).div_ceil(lines);
        Walk {
            ground: self,
            item: question.item.as_ref(),
            after,
            left: most.unwrap_or(usize::MAX),
            rest: self.stores.get(begin..).unwrap_or_default(),
            size: first.clamp(1, STORES_AT_ONCE),
            governor: Governor::default(),
        }
    }
}

/// Some items, and all whose figures decide what stands in for them, by code.
fn with_related<'a>(
    items: impl IntoIterator<Item = &'a ItemCode>,
    substitutes: &BTreeMap<ItemCode, Vec<ItemCode>>,
) -> Vec<ItemCode> {
    let items: BTreeSet<&ItemCode> = items.into_iter().collect();
    let mut all = related(items.iter().copied(), substitutes);
    all.extend(items.into_iter().cloned());
    all.into_iter().collect()
}

/// Every region that has a say in what holds at some stores; `None` when they are many.
fn regions_over(stores: &[StorePlace], asked: Option<&RegionCode>) -> Option<Vec<RegionCode>> {
    let mut regions: BTreeSet<RegionCode> = BTreeSet::new();
    for region in stores.iter().map(|store| &store.region).chain(asked) {
        if !regions.contains(region) {
            regions.extend(region.with_ancestors());
        }
        if regions.len() > FEW_REGIONS {
            return None;
        }
    }
    Some(regions.into_iter().collect())
}

fn items_of_category(
    conn: &mut DbConnection,
    question: &Question,
) -> Result<Option<BTreeSet<ItemCode>>, DbError> {
    let Some(category) = &question.category else { return Ok(None) };
    let items: Vec<ItemCode> =
        item::table.filter(item::category.eq(category)).select(item::code).load(conn)?;
    Ok(Some(items.into_iter().collect()))
}

/// A walk through the lines of a question.
#[derive(Debug)]
pub struct Walk<'a> {
    ground: &'a Ground,
    item: Option<&'a ItemCode>,
    after: Option<&'a Cell>,
    left: usize,
    rest: &'a [StorePlace],
    size: usize,
    governor: Governor,
}

impl<'a> Walk<'a> {
    /// The next lines with all facts; `None` at the end. A chunk ends where a store ends, except the
    /// last.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next(&mut self, conn: &mut DbConnection) -> Result<Option<Chunk<'a>>, DbError> {
        let ground = self.ground;
        while self.left > 0 && !self.rest.is_empty() {
            let (stores, rest) = self.rest.split_at(self.size.min(self.rest.len()));
            self.rest = rest;
            let items = ground.items.as_deref();
            let governed = self.governor.govern(conn, &ground.in_force, stores, items)?;
            let all = governed.len();
            self.size = next_size(self.size, all);
            let mut places: Vec<Place> = governed
                .into_iter()
                .map(|governed| Place { is_asked: self.takes(&governed), governed })
                .collect();
            if let Some(cells) = ground.cells_of(&mut places, all) {
                let facts = Facts::load(conn, ground, &cells)?;
                return Ok(Some(Chunk { ground, places, facts }));
            }
        }
        Ok(None)
    }

    /// Whether a line is asked for; counts those that are.
    fn takes(&mut self, governed: &Governed) -> bool {
        let (store, item) = (&governed.place.code, &governed.line.line.item);
        let takes = self.left > 0
            && self.item.is_none_or(|asked| asked == item)
            && self.after.is_none_or(|(s, i)| (s, i) < (store, item))
            && self.ground.of_category.as_ref().is_none_or(|items| items.contains(item));
        self.left -= usize::from(takes);
        takes
    }
}

impl Ground {
    /// Leaves of some lines those that are asked for or decide what stands in for them, and tells of
    /// which stores and items facts are wanted; `None` when nothing is asked for. Where that is most
    /// of what there is, the facts of all items are read, which takes no list of them.
    fn cells_of(&self, places: &mut Vec<Place>, all: usize) -> Option<Cells> {
        let asked = places.iter().filter(|place| place.is_asked);
        let (stores, items): (BTreeSet<&StoreCode>, BTreeSet<&ItemCode>) = asked
            .map(|Place { governed: Governed { place, line }, .. }| (&place.code, &line.line.item))
            .unzip();
        let stores: Vec<StoreCode> = stores.into_iter().cloned().collect();
        let items = with_related(items, &self.substitutes);
        places.retain(|Place { governed: Governed { place, line }, is_asked }| {
            *is_asked
                || (stores.binary_search(&place.code).is_ok()
                    && items.binary_search(&line.line.item).is_ok())
        });
        let few = self.items.is_some() || places.len() < all / 2;
        (!stores.is_empty()).then(|| Cells { stores: Some(stores), items: few.then_some(items) })
    }
}

/// How many stores make a chunk of the right size, after so many had so many lines.
fn next_size(stores: usize, lines: usize) -> usize {
    let fitting = stores.saturating_mul(LINES_AT_ONCE).checked_div(lines).unwrap_or(STORES_AT_ONCE);
    fitting.min(stores.saturating_mul(4)).clamp(1, STORES_AT_ONCE)
}
