//! The figures of many stores and items at once: a fixed number of queries, however many lines.

pub mod preview;

use crate::access::Scope;
use crate::catalogue::Category;
use crate::config::Settings;
use crate::consumption::queries::averages::{averages, averages_as_known};
use crate::consumption::queries::{Cell, Cells};
use crate::consumption::rules::{AverageUse, UseHistory, Window, average_use};
use crate::db::schema::{item, lot, makers_lot, stock_balance, store, transit_balance};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{DispatchId, LotId, ReservePlanId};
use crate::kernel::time::{BusinessZone, plus_days};
use crate::kernel::{Instant, ItemCode, Moment, Money, Quantity, RegionCode, StoreCode};
use crate::reserve_plan::level::{LevelsInForce, ResponseLevel};
use crate::reserve_plan::plan::{NotComputable, PlanVersion, PlansInForce, StorePlace, StoredLine};
use crate::reserve_plan::rules::{Target, governing_lines, target};
use crate::reserve_plan::{queries as plans, records as plan_records};
use crate::shortfall::holding::{Held, LotAtStore, LotOnTheWay, hold};
use crate::shortfall::projection::{Projection, project};
use crate::shortfall::rules::{
    self, ArrivalVerdict, Figures, Holding, Reason, Status, TotalLine, Totals, figures,
};
use crate::stock::account::StockState;
use crate::stock::lot::Expiry;
use crate::stock::queries::at::{Places, in_transit_at, last_movements_at, stock_at};
use crate::stock::queries::unmatched::cells_with_open_facts;
use crate::stock::records::find_lots;
use chrono::{NaiveDate, TimeDelta};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    /// The times that it is about; the present unless said.
    pub moment: Option<Moment>,
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
    pub plan_line: StoredLine,
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
    /// Business time of the store's newest movement.
    pub last_report_at: Option<Instant>,
}

impl Line {
    fn total_line(&self) -> TotalLine {
        TotalLine {
            store: self.store.clone(),
            item: self.item.clone(),
            target: self.target.as_ref().ok().map(|target| target.quantity),
            available: self.available,
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
    /// The lines in the order of store and item.
    pub lines: Vec<Line>,
    /// Whether more lines follow.
    pub more: bool,
    /// The totals over all lines that match.
    pub totals: Option<Totals>,
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
    let moment = question.moment.unwrap_or_else(|| Moment::now(now, now));
    let (now, known) = (moment.as_of, moment.known());
    let levels = plans::levels_as_known(conn, now, known)?;
    let stores = stores_asked(conn, question)?;
    let asked_level = question.region.as_ref().map(|region| levels.of(region));
    let gravest = stores.iter().map(|store| levels.of(&store.region)).max();
    let level = gravest.max(asked_level).unwrap_or(ResponseLevel::Normal);
    let in_force = plan_records::plans_in_force(conn, now, known)?;
    let plans = governing_plans(&in_force, &stores);
    let mut answer = Answer {
        plan: plan_to_name(question, &in_force, &plans),
        plans,
        level,
        as_of: now,
        as_known_at: moment.as_known_at,
        lines: Vec::new(),
        more: false,
        totals: None,
    };
    let all = cells_asked(conn, question, &in_force, &answer.plans, &stores)?;
    // Which line stands how is only known after its figures; without that question, only the
    // lines of the page need be worked out.
    let page_only = question.status.is_none() && !question.totals;
    let is_after = |store: &StoreCode, item: &ItemCode| {
        question.after.as_ref().is_none_or(|(s, i)| (s, i) < (store, item))
    };
    let limit = question.limit.unwrap_or(usize::MAX);
    let needed: Vec<Governed> = if page_only {
        all.into_iter()
            .filter(|cell| is_after(&cell.place.code, &cell.line.line.item))
            .take(limit.saturating_add(1))
            .collect()
    } else {
        all
    };
    let facts = Facts::load(conn, &needed, question, settings, &moment)?;
    let mut lines: Vec<Line> = needed
        .into_iter()
        .map(|cell| facts.line(cell, &levels))
        .filter(|line| question.status.is_none_or(|status| line.figures.status == status))
        .collect();
    if question.totals {
        let all: Vec<TotalLine> = lines.iter().map(Line::total_line).collect();
        answer.totals = Some(rules::totals(&all));
    }
    lines.retain(|line| is_after(&line.store, &line.item));
    answer.more = lines.len() > limit;
    lines.truncate(limit);
    answer.lines = lines;
    Ok(answer)
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

/// A line of the plan at one of the stores that it governs.
#[derive(Debug, Clone)]
struct Governed {
    place: StorePlace,
    line: StoredLine,
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

/// The plans that govern any of these stores, by region.
fn governing_plans(in_force: &PlansInForce, stores: &[StorePlace]) -> Vec<PlanVersion> {
    let governing: BTreeSet<&RegionCode> =
        stores.iter().filter_map(|store| in_force.of(&store.region)).map(|p| &p.region).collect();
    in_force.iter().filter(|plan| governing.contains(&plan.region)).cloned().collect()
}

/// The plan that stands at the head of an answer.
fn plan_to_name(
    question: &Question,
    in_force: &PlansInForce,
    plans: &[PlanVersion],
) -> Option<PlanVersion> {
    match plans {
        [only] => Some(only.clone()),
        _ => question.region.as_ref().and_then(|region| in_force.of(region)).cloned(),
    }
}

/// The line that counts for each store and item asked about, in their order: of the plan that is in
/// force where the store is, the closest to it.
fn cells_asked(
    conn: &mut DbConnection,
    question: &Question,
    in_force: &PlansInForce,
    plans: &[PlanVersion],
    stores: &[StorePlace],
) -> Result<Vec<Governed>, DbError> {
    let ids: Vec<ReservePlanId> = plans.iter().map(|plan| plan.id.clone()).collect();
    let mut lines = plan_records::lines_of_plans(conn, &ids, question.item.as_ref())?;
    if let Some(category) = &question.category {
        let of_category: Vec<ItemCode> =
            item::table.filter(item::category.eq(category)).select(item::code).load(conn)?;
        let of_category: BTreeSet<ItemCode> = of_category.into_iter().collect();
        lines.retain(|line| of_category.contains(&line.line.item));
    }
    let mut cells: BTreeMap<Cell, Governed> = BTreeMap::new();
    for lines in lines.chunk_by(|one, next| one.plan_id == next.plan_id) {
        let Some(plan) = lines.first().map(|line| &line.plan_id) else { continue };
        let governed: Vec<StorePlace> = stores
            .iter()
            .filter(|store| in_force.of(&store.region).is_some_and(|own| own.id == *plan))
            .cloned()
            .collect();
        let places: HashMap<&StoreCode, &StorePlace> =
            governed.iter().map(|place| (&place.code, place)).collect();
        for ((store, item), line) in governing_lines(lines, &governed) {
            let Some(place) = places.get(store) else { continue };
            let cell = Governed { place: (*place).clone(), line: line.clone() };
            cells.insert((store.clone(), item.clone()), cell);
        }
    }
    Ok(cells.into_values().collect())
}

/// Everything that the figures of some lines rest on.
struct Facts {
    today: NaiveDate,
    zone: BusinessZone,
    horizon_end: NaiveDate,
    stale_before: Instant,
    window: Window,
    lots: BTreeMap<Cell, Vec<LotAtStore>>,
    on_the_way: BTreeMap<Cell, Vec<LotOnTheWay>>,
    averages: BTreeMap<Cell, AverageUse>,
    last_reports: HashMap<StoreCode, Instant>,
    prices: HashMap<ItemCode, Money>,
    unmatched: BTreeSet<Cell>,
}

impl Facts {
    fn load(
        conn: &mut DbConnection,
        governed: &[Governed],
        question: &Question,
        settings: &Settings,
        moment: &Moment,
    ) -> Result<Self, DbError> {
        let (zone, now) = (settings.zone, moment.as_of);
        let today = zone.day_of(now);
        let horizon_days = question.horizon_days.unwrap_or(settings.horizon_days);
        let stores: BTreeSet<StoreCode> =
            governed.iter().map(|cell| cell.place.code.clone()).collect();
        let cells =
            Cells { stores: Some(stores.into_iter().collect()), item: question.item.clone() };
        let window = Window::before(today, settings.consumption_window_days);
        let stale = TimeDelta::try_hours(settings.stale_hours).unwrap_or_default();
        Ok(Self {
            today,
            zone,
            horizon_end: plus_days(today, horizon_days),
            stale_before: now.plus(-stale),
            window,
            lots: lots_at(conn, zone, moment, &cells)?,
            on_the_way: lots_on_the_way(conn, moment, &cells)?,
            averages: if moment.is_now {
                averages(conn, window, zone, &cells)?
            } else {
                averages_as_known(conn, window, zone, &cells, moment.known())?
            },
            last_reports: last_reports(conn, moment, &cells)?,
            prices: prices(conn, moment, question.item.as_ref())?,
            unmatched: cells_with_open_facts(
                conn,
                cells.stores.as_deref(),
                question.item.as_ref(),
            )?,
        })
    }

    fn line(&self, governed: Governed, levels: &LevelsInForce) -> Line {
        let Governed { place, line: plan_line } = governed;
        let cell = (place.code, plan_line.line.item.clone());
        let level = levels.of(&place.region);
        let consumption = match self.averages.get(&cell) {
            Some(average) => *average,
            // The store never held the item.
            None => average_use(self.window, &UseHistory::default()),
        };
        let adc = consumption.adc;
        let target = target(&plan_line.line, level, adc);
        let wanted = target.as_ref().ok().map(|target| target.quantity);
        let held = hold(self.lots.get(&cell).map_or(&[][..], Vec::as_slice), self.today);
        let (in_transit_in, arriving) = self.coming(&cell);
        let holding = Holding { available: held.available, arriving };
        let figures = figures(wanted, plan_line.line.floor_at(level), holding, adc);
        let last_report_at = self.last_reports.get(&cell.0).copied();
        let cost = figures.net_shortfall.and_then(|short| {
            self.prices.get(&cell.1).and_then(|price| price.times(short.units()))
        });
        let mut reasons = self.reasons(&target, &held, in_transit_in > arriving, last_report_at);
        if self.unmatched.contains(&cell) {
            reasons.push(Reason::UnmatchedFacts);
        }
        Line {
            store: cell.0,
            item: cell.1,
            level,
            plan_line,
            target,
            on_hand: held.on_hand,
            reserved: held.reserved,
            blocked: held.blocked,
            available: held.available,
            in_transit_in,
            arriving,
            consumption,
            figures,
            projection: project(self.today, &held.usable, adc),
            cost,
            reasons,
            last_report_at,
        }
    }
}

impl Facts {
    /// What is on the way to a store, and what of it counts.
    fn coming(&self, cell: &Cell) -> (Quantity, Quantity) {
        let coming = self.on_the_way.get(cell).map_or(&[][..], Vec::as_slice);
        let counted = coming.iter().filter(|goods| {
            rules::judge_arrival(&goods.arrival(self.zone), self.today, self.horizon_end)
                == ArrivalVerdict::Counted
        });
        (
            Quantity::total(coming.iter().map(|goods| goods.quantity)),
            Quantity::total(counted.map(|goods| goods.quantity)),
        )
    }

    fn reasons(
        &self,
        target: &Result<Target, NotComputable>,
        held: &Held,
        some_not_counted: bool,
        last_report_at: Option<Instant>,
    ) -> Vec<Reason> {
        let of_target = match target {
            Err(NotComputable::ConsumptionUnknown) => Some(Reason::ConsumptionUnknown),
            Err(NotComputable::TooLarge) => Some(Reason::TooLarge),
            Ok(target) if target.quantity.is_zero() => Some(Reason::TargetZero),
            Ok(_) => None,
        };
        // A store without any movement has nothing to be fresh about.
        let stale = last_report_at.is_none_or(|at| at < self.stale_before);
        of_target
            .into_iter()
            .chain(stale.then_some(Reason::StaleFigures))
            .chain(some_not_counted.then_some(Reason::TransitNotCounted))
            .chain((!held.blocked.is_zero()).then_some(Reason::BlockedStock))
            .collect()
    }
}

type LotRow = (
    StoreCode,
    ItemCode,
    LotId,
    String,
    StockState,
    String,
    Option<NaiveDate>,
    Option<Instant>,
    Option<String>,
    Quantity,
    Quantity,
);

/// The lots at stores, first-expired first, without those of which nothing is left.
///
/// # Errors
/// When the database fails.
pub fn lots_at(
    conn: &mut DbConnection,
    zone: BusinessZone,
    moment: &Moment,
    cells: &Cells,
) -> Result<BTreeMap<Cell, Vec<LotAtStore>>, DbError> {
    if moment.is_now { lots_now(conn, cells) } else { lots_then(conn, zone, moment, cells) }
}

/// The same at a moment of the past.
fn lots_then(
    conn: &mut DbConnection,
    zone: BusinessZone,
    moment: &Moment,
    cells: &Cells,
) -> Result<BTreeMap<Cell, Vec<LotAtStore>>, DbError> {
    let places = Places {
        stores: cells.stores.clone(),
        items: cells.item.clone().map(|item| vec![item]),
        ..Places::default()
    };
    let mut balances = stock_at(conn, zone, moment, &places, None, i64::MAX)?;
    balances.sort_by_cached_key(|balance| {
        let expires = balance.lot.makers_lot.expiry.date();
        (expires.is_none(), expires, balance.lot.id.clone(), balance.state.as_str())
    });
    let mut lots: BTreeMap<Cell, Vec<LotAtStore>> = BTreeMap::new();
    for balance in balances {
        let makers = balance.lot.makers_lot;
        lots.entry((balance.store_code, makers.item_code)).or_default().push(LotAtStore {
            lot: balance.lot.id,
            lot_number: makers.lot_number.as_str().to_owned(),
            state: balance.state,
            expiry: makers.expiry,
            recalled: makers.recalled_at.is_some(),
            earmarked_for: balance.lot.provenance.earmarked_for,
            on_hand: balance.on_hand,
            reserved: balance.reserved,
        });
    }
    Ok(lots)
}

fn lots_now(
    conn: &mut DbConnection,
    cells: &Cells,
) -> Result<BTreeMap<Cell, Vec<LotAtStore>>, DbError> {
    let mut query = stock_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(stock_balance::live_until.ge(Instant::LAST))
        .select((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            makers_lot::lot_number,
            stock_balance::state,
            makers_lot::expiry,
            makers_lot::expires_on,
            makers_lot::recalled_at,
            lot::earmarked_for,
            stock_balance::on_hand,
            stock_balance::reserved,
        ))
        .into_boxed();
    if let Some(stores) = &cells.stores {
        query = query.filter(stock_balance::store_code.eq_any(stores));
    }
    if let Some(item) = &cells.item {
        query = query.filter(stock_balance::item_code.eq(item));
    }
    let rows: Vec<LotRow> = query
        .order((
            makers_lot::expires_on.is_null(),
            makers_lot::expires_on,
            stock_balance::lot_id,
            stock_balance::state,
        ))
        .load(conn)?;
    let mut lots: BTreeMap<Cell, Vec<LotAtStore>> = BTreeMap::new();
    for (
        store,
        item,
        id,
        lot_number,
        state,
        kind,
        date,
        recalled_at,
        earmarked_for,
        there,
        promised,
    ) in rows
    {
        lots.entry((store, item)).or_default().push(LotAtStore {
            lot: id,
            lot_number,
            state,
            // What cannot be read is not known, and so not used.
            expiry: Expiry::from_columns(&kind, date).unwrap_or(Expiry::Unknown),
            recalled: recalled_at.is_some(),
            earmarked_for,
            on_hand: there,
            reserved: promised,
        });
    }
    Ok(lots)
}

type WayRow = (
    StoreCode,
    ItemCode,
    LotId,
    String,
    DispatchId,
    Instant,
    Option<NaiveDate>,
    Option<Instant>,
    Quantity,
);

/// What is on lorries to stores, the first expected first.
///
/// # Errors
/// When the database fails.
pub fn lots_on_the_way(
    conn: &mut DbConnection,
    moment: &Moment,
    cells: &Cells,
) -> Result<BTreeMap<Cell, Vec<LotOnTheWay>>, DbError> {
    if moment.is_now { on_the_way_now(conn, cells) } else { on_the_way_then(conn, moment, cells) }
}

/// The same at a moment of the past.
fn on_the_way_then(
    conn: &mut DbConnection,
    moment: &Moment,
    cells: &Cells,
) -> Result<BTreeMap<Cell, Vec<LotOnTheWay>>, DbError> {
    let rows = in_transit_at(conn, moment, &Scope::All, None, cells.item.as_ref())?;
    let ids: BTreeSet<LotId> = rows.iter().map(|row| row.lot_id.clone()).collect();
    let ids: Vec<LotId> = ids.into_iter().collect();
    let known = find_lots(conn, &ids)?;
    let mut lots: BTreeMap<Cell, Vec<LotOnTheWay>> = BTreeMap::new();
    for row in rows {
        let Some(mut lot) = known.get(&row.lot_id).cloned() else { continue };
        if cells.stores.as_ref().is_some_and(|stores| !stores.contains(&row.to_store)) {
            continue;
        }
        lot.forget_after(moment);
        lots.entry((row.to_store, row.item_code)).or_default().push(LotOnTheWay {
            lot: row.lot_id,
            lot_number: lot.makers_lot.lot_number.as_str().to_owned(),
            dispatch: row.dispatch_id,
            expected_at: row.expected_at,
            expires_on: lot.makers_lot.expiry.date(),
            recalled: lot.makers_lot.recalled_at.is_some(),
            quantity: row.quantity,
        });
    }
    Ok(lots)
}

fn on_the_way_now(
    conn: &mut DbConnection,
    cells: &Cells,
) -> Result<BTreeMap<Cell, Vec<LotOnTheWay>>, DbError> {
    let mut query = transit_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(transit_balance::live_until.eq(Instant::LAST))
        .select((
            transit_balance::to_store,
            transit_balance::item_code,
            transit_balance::lot_id,
            makers_lot::lot_number,
            transit_balance::dispatch_id,
            transit_balance::expected_at,
            makers_lot::expires_on,
            makers_lot::recalled_at,
            transit_balance::on_hand,
        ))
        .into_boxed();
    if let Some(stores) = &cells.stores {
        query = query.filter(transit_balance::to_store.eq_any(stores));
    }
    if let Some(item) = &cells.item {
        query = query.filter(transit_balance::item_code.eq(item));
    }
    let rows: Vec<WayRow> = query
        .order((
            transit_balance::expected_at,
            transit_balance::dispatch_id,
            transit_balance::shipment_id,
            transit_balance::lot_id,
        ))
        .load(conn)?;
    let mut lots: BTreeMap<Cell, Vec<LotOnTheWay>> = BTreeMap::new();
    for (store, item, id, lot_number, dispatch, expected_at, expires_on, recalled_at, quantity) in
        rows
    {
        lots.entry((store, item)).or_default().push(LotOnTheWay {
            lot: id,
            lot_number,
            dispatch,
            expected_at,
            expires_on,
            recalled: recalled_at.is_some(),
            quantity,
        });
    }
    Ok(lots)
}

/// The business time of each store's newest movement, of whatever item.
///
/// # Errors
/// When the database fails.
pub fn last_reports(
    conn: &mut DbConnection,
    moment: &Moment,
    cells: &Cells,
) -> Result<HashMap<StoreCode, Instant>, DbError> {
    if !moment.is_now {
        let then = last_movements_at(conn, moment, cells.stores.as_deref())?;
        return Ok(then.into_iter().collect());
    }
    let mut query = stock_balance::table
        .group_by(stock_balance::store_code)
        .select((stock_balance::store_code, diesel::dsl::max(stock_balance::last_occurred_at)))
        .into_boxed();
    if let Some(stores) = &cells.stores {
        query = query.filter(stock_balance::store_code.eq_any(stores));
    }
    let rows: Vec<(StoreCode, Option<Instant>)> = query.load(conn)?;
    Ok(rows.into_iter().filter_map(|(store, at)| Some((store, at?))).collect())
}

/// The price of each item: the unit cost of the newest lot that has one.
fn prices(
    conn: &mut DbConnection,
    moment: &Moment,
    item: Option<&ItemCode>,
) -> Result<HashMap<ItemCode, Money>, DbError> {
    let mut query = lot::table
        .filter(lot::unit_cost.is_not_null())
        .select((lot::item_code, lot::unit_cost.assume_not_null()))
        .into_boxed();
    if let Some(item) = item {
        query = query.filter(lot::item_code.eq(item));
    }
    if !moment.is_now {
        query = query.filter(lot::created_at.le(moment.horizon()));
    }
    // In the order of their making, so that the newest has the last word.
    let rows: Vec<(ItemCode, Money)> = query.order((lot::created_at, lot::id)).load(conn)?;
    Ok(rows.into_iter().collect())
}

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
    /// The lots at the store.
    pub lots: Vec<LotAtStore>,
    /// The lots on the way, each with whether it counts.
    pub on_the_way: Vec<(LotOnTheWay, ArrivalVerdict)>,
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
    let mut passed_over = plan_records::lines_of(conn, &plan.id, Some(&line.item))?;
    passed_over.retain(|other| {
        other.id != line.plan_line.id
            && place.as_ref().is_some_and(|place| other.line.scope.covers(place))
    });
    passed_over.sort_by_key(|other| std::cmp::Reverse(other.line.scope.closeness()));
    let levels = plans::levels_as_known(conn, now, moment.known())?;
    let level_from = place.and_then(|place| levels.nearest(&place.region)).map(|(from, _)| from);
    let cell = (line.store.clone(), line.item.clone());
    let cells = Cells { stores: Some(vec![cell.0.clone()]), item: Some(cell.1.clone()) };
    let today = settings.zone.day_of(now);
    let horizon_end = plus_days(today, question.horizon_days.unwrap_or(settings.horizon_days));
    let judge = |goods: LotOnTheWay| {
        let arrival = goods.arrival(settings.zone);
        let verdict = rules::judge_arrival(&arrival, today, horizon_end);
        (goods, verdict)
    };
    let lots = lots_at(conn, settings.zone, &moment, &cells)?.remove(&cell).unwrap_or_default();
    let on_the_way = lots_on_the_way(conn, &moment, &cells)?.remove(&cell).unwrap_or_default();
    Ok(Some(Evidence {
        plan,
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
