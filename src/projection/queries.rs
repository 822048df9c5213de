//! Projections of many stores and items: a fixed number of queries for every few stores.

pub mod rotation;

use crate::allocation::records::{RouteFilter, list_routes};
use crate::allocation::route::Route;
use crate::catalogue::Category;
use crate::catalogue::item::StorageCondition;
use crate::config::Settings;
use crate::consumption::queries::averages::averages_as_known;
use crate::consumption::queries::{Cell, Cells};
use crate::consumption::rules::{AverageUse, UseHistory, Window, average_use};
use crate::db::schema::{item, lot};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{DispatchId, LotId};
use crate::kernel::time::plus_days;
use crate::kernel::{ItemCode, Moment, Money, Quantity, StoreCode};
use crate::projection::demand::{Demand, DemandSource};
use crate::projection::requests::{Asked, Only};
use crate::projection::rules::{LastDay, TurningDays, last_day, turning_days};
use crate::projection::simulation::{Batch, Fate, Simulation, simulate};
use crate::reserve_plan::level::{LevelsInForce, ResponseLevel};
use crate::reserve_plan::plan::{PlansInForce, StorePlace};
use crate::reserve_plan::queries::governing::{Governed, Governor};
use crate::reserve_plan::rules::target;
use crate::reserve_plan::safety::largest_rotatable;
use crate::reserve_plan::{queries as plans, records as plan_records};
use crate::shortfall::holding::{LotAtStore, LotOnTheWay};
use crate::shortfall::queries::held::lots_at;
use crate::shortfall::queries::stores_asked;
use crate::shortfall::queries::transit::lots_on_the_way;
use crate::shortfall::rules::{ArrivalVerdict, judge_arrival};
use crate::stores::records as stores;
use crate::stores::store::Store;
use crate::word_enum;
use chrono::NaiveDate;
use diesel::prelude::*;
use rotation::{Rotation, rotations};
use std::collections::{BTreeMap, BTreeSet};

/// So many stores are looked at together, so that memory does not grow with the county.
const STORES_AT_ONCE: usize = 128;
/// A dispatch without a known road is taken to arrive on the next day.
const USUAL_DAYS: i64 = 1;
/// Lots whose cost is asked for in one query; SQLite takes no more than 32 766 values.
const LOTS_AT_ONCE: usize = 1_000;

word_enum! {
    /// Where a number of days comes from.
    pub enum DaysFrom {
        /// The request names it.
        Request = "request",
        /// The table of routes has the time on the road from the store's supplier.
        Route = "route",
        /// The county's setting for replenishing what was drawn.
        Setting = "setting",
        /// Nothing is known, and the usual time stands for it.
        Usual = "usual",
    }
}

/// Days from a decision to the arrival of the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// The days.
    pub days: i64,
    /// Where they come from.
    pub from: DaysFrom,
}

/// Goods that are to come, and whether the projection counts on them.
///
/// Everything that will arrive passes here, whoever promised it: what is on lorries now, and any
/// other source with a day, a quantity and a last day of use.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The dispatch that brings them.
    pub dispatch: DispatchId,
    /// Their lot.
    pub lot: LotId,
    /// The maker's number of it.
    pub lot_number: String,
    /// The last day on which they may be used.
    pub usable_until: Option<NaiveDate>,
    /// The day on which they are expected; what is overdue, today.
    pub arrives_on: NaiveDate,
    /// Base units.
    pub quantity: Quantity,
    /// Whether they count, or why not.
    pub verdict: ArrivalVerdict,
}

impl Incoming {
    fn of(goods: &LotOnTheWay, settings: &Settings, today: NaiveDate, last: NaiveDate) -> Self {
        let arrival = goods.arrival(settings.zone);
        Self {
            dispatch: goods.dispatch.clone(),
            lot: goods.lot.clone(),
            lot_number: goods.lot_number.clone(),
            usable_until: goods.expires_on,
            arrives_on: arrival.expected_on.unwrap_or(today).max(today),
            quantity: goods.quantity,
            verdict: judge_arrival(&arrival, today, last),
        }
    }

    const fn counts(&self) -> bool {
        matches!(self.verdict, ArrivalVerdict::Counted)
    }
}

/// A lot that counts and what becomes of it.
#[derive(Debug, Clone)]
pub struct LotFate {
    /// The lot.
    pub lot: LotId,
    /// The maker's number of it.
    pub lot_number: String,
    /// As the days see it.
    pub batch: Batch,
    /// What becomes of it; `None` where the demand is unknown.
    pub fate: Option<Fate>,
    /// What is wasted of it, at its own cost; `None` without one.
    pub waste_cost: Option<Money>,
}

/// What an item is, as far as a projection asks.
#[derive(Debug, Clone)]
pub struct ItemFacts {
    /// Its category.
    pub category: Category,
    /// How it must be stored.
    pub storage: StorageCondition,
    /// Usual shelf life in months.
    pub shelf_life_months: Option<i64>,
    /// Days before expiry from which it is near it.
    pub near_expiry_days: i64,
}

/// The projection of one item at one store.
#[derive(Debug, Clone)]
pub struct Projected {
    /// The store.
    pub store: StoreCode,
    /// The item.
    pub item: ItemCode,
    /// The response level, target and floor, where the plan in force speaks of the item.
    pub planned: Option<Planned>,
    /// The average daily consumption and what it rests on.
    pub consumption: AverageUse,
    /// Where the demand comes from.
    pub source: DemandSource,
    /// The demand of each day; `None` where it is unknown.
    pub demand: Option<Vec<Quantity>>,
    /// Everything that lies in the store.
    pub held: Vec<LotAtStore>,
    /// Everything that is on the way.
    pub incoming: Vec<Incoming>,
    /// What counts, with what becomes of it, in the order of use.
    pub lots: Vec<LotFate>,
    /// The days; `None` where the demand is unknown.
    pub simulation: Option<Simulation>,
    /// The first days on which it stands worse.
    pub turning: TurningDays,
    /// Until when a dispatch would help.
    pub by_dispatch: (Lead, Option<LastDay>),
    /// Until when an order would help.
    pub by_order: (Lead, Option<LastDay>),
    /// The largest reserve that use here can rotate, with the shelf days and remaining days it
    /// rests on.
    pub rotatable: Option<(Quantity, i64, i64)>,
    /// Where else what will expire could be used; `None` unless asked for.
    pub rotations: Option<Vec<Rotation>>,
}

/// What the plan in force says.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// The response level that holds at the store.
    pub level: ResponseLevel,
    /// The target; `None` when it cannot be worked out.
    pub target: Option<Quantity>,
    /// The floor at that level.
    pub floor: Option<Quantity>,
}

impl Projected {
    /// All that expires unused; `None` where the demand is unknown.
    pub fn waste(&self) -> Option<Quantity> {
        self.simulation.as_ref().map(Simulation::waste)
    }

    /// What the waste cost, of the lots whose cost is known.
    pub fn waste_cost(&self) -> Option<Money> {
        let mut costs = self.lots.iter().filter_map(|lot| lot.waste_cost);
        let first = costs.next()?;
        costs.try_fold(first, Money::plus)
    }

    /// Whether something is wasted whose cost nobody knows.
    pub fn has_unpriced_waste(&self) -> bool {
        self.lots.iter().any(|lot| {
            lot.waste_cost.is_none() && lot.fate.is_some_and(|fate| !fate.waste.is_zero())
        })
    }

    fn passes(&self, only: Option<Only>) -> bool {
        match only {
            None => true,
            Some(Only::Stockout) => self.turning.stockout_on.is_some(),
            Some(Only::Waste) => self.waste().is_some_and(|waste| !waste.is_zero()),
        }
    }
}

/// What all lines that match come to.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Lines that match.
    pub lines: i64,
    /// Of these, lines whose demand is unknown.
    pub unknown: i64,
    /// Lines that run out within the days.
    pub stockouts: i64,
    /// The first of those days.
    pub first_stockout_on: Option<NaiveDate>,
    /// Lines that run out and for which it is too late even for a dispatch.
    pub too_late: i64,
    /// Lines of which something will expire unused.
    pub wasting: i64,
    /// What that cost, as far as the cost is known.
    pub waste_cost: Money,
    /// Lines of which something will expire whose cost is not known.
    pub unpriced: i64,
}

impl Totals {
    fn add(&mut self, line: &Projected) {
        let one_if = |it: bool| i64::from(it);
        self.lines += 1;
        self.unknown += one_if(line.simulation.is_none());
        let out = line.turning.stockout_on;
        self.stockouts += one_if(out.is_some());
        self.first_stockout_on = self.first_stockout_on.into_iter().chain(out).min();
        self.too_late += one_if(line.by_dispatch.1.is_some_and(|day| day.too_late));
        self.wasting += one_if(line.waste().is_some_and(|waste| !waste.is_zero()));
        let cost = line.waste_cost().unwrap_or(Money::ZERO);
        self.waste_cost = self.waste_cost.plus(cost).unwrap_or(self.waste_cost);
        self.unpriced += one_if(line.has_unpriced_waste());
    }
}

/// The lines asked for.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The times that the figures are of.
    pub moment: Moment,
    /// The first day.
    pub today: NaiveDate,
    /// The lines in the order of store and item.
    pub lines: Vec<Projected>,
    /// Whether more lines follow.
    pub more: bool,
    /// What all lines that match come to, where it was asked for.
    pub totals: Option<Totals>,
}

/// The projections that match, in the order of store and item: of everything that the plan in
/// force asks for, that is there, is on the way, or has a demand given for it.
///
/// # Errors
/// When the database fails.
pub fn projections(
    conn: &mut DbConnection,
    asked: &Asked,
    settings: &Settings,
    moment: Moment,
) -> Result<Answer, DbError> {
    let today = settings.zone.day_of(moment.as_of);
    let county = County::load(conn, asked, &moment)?;
    let mut governor = Governor::default();
    let mut places = stores_asked(conn, &asked.question)?;
    if let Some(named) = asked.demand.stores_alone() {
        places.retain(|place| named.contains(&place.code));
    }
    let mut answer = Answer { moment, today, lines: Vec::new(), more: false, totals: None };
    let mut totals = Totals::default();
    let limit = asked.question.limit.unwrap_or(usize::MAX);
    let is_after = |line: &Projected| {
        asked.question.after.as_ref().is_none_or(|(s, i)| (s, i) < (&line.store, &line.item))
    };
    if let (false, Some((store, _))) = (asked.totals, &asked.question.after) {
        places.retain(|place| place.code >= *store);
    }
    for group in places.chunks(STORES_AT_ONCE) {
        let item = asked.question.item.as_ref();
        let mut facts = Facts::load(conn, &codes_of(group), asked, settings, &moment)?;
        facts.govern(governor.govern(conn, &county.in_force, group, item)?, &county);
        for cell in facts.cells(asked, &county) {
            let line = facts.line(&cell, asked, &county);
            if !line.passes(asked.only) {
                continue;
            }
            totals.add(&line);
            if is_after(&line) {
                answer.more = answer.lines.len() >= limit;
                if !answer.more {
                    answer.lines.push(line);
                }
            }
            if answer.more && !asked.totals {
                break;
            }
        }
        if answer.more && !asked.totals {
            break;
        }
    }
    answer.totals = asked.totals.then_some(totals);
    if asked.rotation {
        rotations(conn, &mut answer, asked, settings, &county)?;
    }
    Ok(answer)
}

fn codes_of(places: &[StorePlace]) -> Vec<StoreCode> {
    places.iter().map(|place| place.code.clone()).collect()
}

/// What holds for the whole question.
pub(crate) struct County {
    items: BTreeMap<ItemCode, ItemFacts>,
    routes: BTreeMap<(StoreCode, StoreCode), Route>,
    in_force: PlansInForce,
    levels: LevelsInForce,
}

impl County {
    fn load(conn: &mut DbConnection, asked: &Asked, moment: &Moment) -> Result<Self, DbError> {
        let (now, known) = (moment.as_of, moment.known());
        let rows: Vec<(ItemCode, Category, StorageCondition, Option<i64>, i64)> = item::table
            .select((
                item::code,
                item::category,
                item::storage,
                item::shelf_life_months,
                item::near_expiry_days,
            ))
            .load(conn)?;
        let items = rows
            .into_iter()
            .map(|(code, category, storage, shelf_life_months, near_expiry_days)| {
                let facts = ItemFacts { category, storage, shelf_life_months, near_expiry_days };
                (code, facts)
            })
            .collect();
        let routes = list_routes(conn, &asked.scope, &RouteFilter::default(), None, i64::MAX)?
            .into_iter()
            .map(|route| ((route.from.clone(), route.to.clone()), route))
            .collect();
        let in_force = plan_records::plans_in_force(conn, now, known)?;
        let levels = plans::levels_as_known(conn, now, known)?;
        Ok(Self { items, routes, in_force, levels })
    }

    /// Days that the item lasts from `today` on when it is new, and days before expiry from which
    /// it is near it.
    fn shelf_life(&self, code: &ItemCode, today: NaiveDate) -> Option<(i64, i64)> {
        let facts = self.items.get(code)?;
        let months = chrono::Months::new(u32::try_from(facts.shelf_life_months?).ok()?);
        let last = today.checked_add_months(months)?;
        Some(((last - today).num_days(), facts.near_expiry_days))
    }
}

/// What the projections of some stores rest on.
struct Facts {
    today: NaiveDate,
    zone: crate::kernel::BusinessZone,
    now: crate::kernel::Instant,
    order_days: i64,
    window: Window,
    stores: BTreeMap<StoreCode, Store>,
    planned: BTreeMap<Cell, Planned>,
    held: BTreeMap<Cell, Vec<LotAtStore>>,
    incoming: BTreeMap<Cell, Vec<Incoming>>,
    averages: BTreeMap<Cell, AverageUse>,
    costs: BTreeMap<LotId, Money>,
}

impl Facts {
    fn load(
        conn: &mut DbConnection,
        group: &[StoreCode],
        asked: &Asked,
        settings: &Settings,
        moment: &Moment,
    ) -> Result<Self, DbError> {
        let today = settings.zone.day_of(moment.as_of);
        let last = plus_days(today, asked.days - 1);
        let cells = Cells { stores: Some(group.to_vec()), item: asked.question.item.clone() };
        let window = Window::before(today, settings.consumption_window_days);
        let held = lots_at(conn, settings.zone, moment, &cells)?;
        let lots: BTreeSet<&LotId> = held.values().flatten().map(|lot| &lot.lot).collect();
        let costs = lot_costs(conn, lots.into_iter().cloned().collect())?;
        let incoming = lots_on_the_way(conn, moment, &cells)?
            .into_iter()
            .map(|(cell, goods)| {
                let of = |goods| Incoming::of(goods, settings, today, last);
                (cell, goods.iter().map(of).collect())
            })
            .collect();
        Ok(Self {
            today,
            zone: settings.zone,
            now: moment.as_of,
            order_days: settings.replenish_days,
            window,
            stores: stores::find_all(conn, group)?,
            planned: BTreeMap::new(),
            held: held.into_iter().collect(),
            incoming,
            averages: averages_as_known(conn, window, settings.zone, &cells, moment)?
                .into_iter()
                .collect(),
            costs,
        })
    }

    /// Takes what the plans in force say of the stores.
    fn govern(&mut self, governed: Vec<Governed>, county: &County) {
        for Governed { place, line } in governed {
            let cell = (place.code.clone(), line.line.item.clone());
            let level = county.levels.of(&place.region);
            let target = target(&line.line, level, self.average(&cell).adc).ok();
            let planned = Planned {
                level,
                target: target.map(|target| target.quantity),
                floor: line.line.floor_at(level),
            };
            self.planned.insert(cell, planned);
        }
    }

    /// The items and stores to project, in their order.
    fn cells(&self, asked: &Asked, county: &County) -> BTreeSet<Cell> {
        let mut cells: BTreeSet<Cell> = self.planned.keys().cloned().collect();
        cells.extend(self.held.keys().cloned());
        cells.extend(self.incoming.keys().cloned());
        cells.extend(asked.demand.cells().filter(|(store, _)| self.stores.contains_key(store)));
        cells.retain(|(store, item)| {
            let category = county.items.get(item).map(|facts| facts.category);
            let question = &asked.question;
            question.category.is_none_or(|wanted| category == Some(wanted))
                && question.item.as_ref().is_none_or(|wanted| wanted == item)
                && asked.demand.speaks_of(store, item)
        });
        cells
    }

    fn average(&self, cell: &Cell) -> AverageUse {
        match self.averages.get(cell) {
            Some(average) => *average,
            // The store never held the item.
            None => average_use(self.window, &UseHistory::default()),
        }
    }

    /// What counts, in the order of use: lots that may be used, and what arrives in time.
    fn lots(&self, cell: &Cell, arrivals: bool) -> Vec<LotFate> {
        let held = self.held.get(cell).map_or(&[][..], Vec::as_slice).iter();
        let usable = held.filter(|lot| lot.portion.why_blocked(self.today).is_none()).map(|lot| {
            let batch = Batch {
                quantity: lot.portion.unreserved(),
                usable_until: lot.portion.expiry.date(),
                arrives_on: None,
            };
            (&lot.lot, &lot.lot_number, batch)
        });
        let coming = self.incoming.get(cell).map_or(&[][..], Vec::as_slice).iter();
        let counted = coming.filter(|goods| arrivals && goods.counts()).map(|goods| {
            let batch = Batch {
                quantity: goods.quantity,
                usable_until: goods.usable_until,
                arrives_on: Some(goods.arrives_on),
            };
            (&goods.lot, &goods.lot_number, batch)
        });
        let mut lots: Vec<LotFate> = usable
            .chain(counted)
            .filter(|(_, _, batch)| !batch.quantity.is_zero())
            .map(|(lot, lot_number, batch)| LotFate {
                lot: lot.clone(),
                lot_number: lot_number.clone(),
                batch,
                fate: None,
                waste_cost: None,
            })
            .collect();
        lots.sort_by_key(|lot| (lot.batch.usable_until.is_none(), lot.batch.usable_until));
        lots
    }

    fn line(&self, cell: &Cell, asked: &Asked, county: &County) -> Projected {
        let (store, item) = cell;
        let consumption = self.average(cell);
        let adc = consumption.adc;
        let (source, demand) = asked.demand.of(store, item, adc);
        let days = usize::try_from(asked.days).unwrap_or(0);
        let demand = demand.as_ref().and_then(|demand| demand.in_units(days));
        let source = if demand.is_some() { source } else { DemandSource::Unknown };
        let mut lots = self.lots(cell, asked.arrivals);
        let batches: Vec<Batch> = lots.iter().map(|lot| lot.batch).collect();
        let simulation = demand.as_ref().map(|demand| simulate(self.today, &batches, demand));
        let planned = self.planned.get(cell).copied();
        let (floor, target) = planned.map_or((None, None), |plan| (plan.floor, plan.target));
        let turning = simulation
            .as_ref()
            .map(|simulation| turning_days(simulation, floor, target))
            .unwrap_or_default();
        if let Some(simulation) = &simulation {
            for (lot, fate) in lots.iter_mut().zip(&simulation.fates) {
                lot.fate = Some(*fate);
                if !fate.waste.is_zero() {
                    let cost = self.costs.get(&lot.lot);
                    lot.waste_cost = cost.and_then(|cost| cost.times(fate.waste.units()));
                }
            }
        }
        let until = |lead: Lead| {
            (lead, turning.stockout_on.map(|day| last_day(day, lead.days, self.today)))
        };
        let rotatable = adc.and_then(|adc| {
            let (shelf, remaining) = county.shelf_life(item, self.today)?;
            Some((largest_rotatable(adc, shelf, remaining)?, shelf, remaining))
        });
        Projected {
            store: store.clone(),
            item: item.clone(),
            planned,
            consumption,
            source,
            demand,
            held: self.held.get(cell).cloned().unwrap_or_default(),
            incoming: self.incoming.get(cell).cloned().unwrap_or_default(),
            lots,
            simulation,
            turning,
            by_dispatch: until(self.dispatch_lead(store, asked, county)),
            by_order: until(match asked.order_lead_days {
                Some(days) => Lead { days, from: DaysFrom::Request },
                None => Lead { days: self.order_days, from: DaysFrom::Setting },
            }),
            rotatable,
            rotations: None,
        }
    }

    /// Days of a dispatch to a store from the one that usually supplies it.
    fn dispatch_lead(&self, store: &StoreCode, asked: &Asked, county: &County) -> Lead {
        if let Some(days) = asked.lead_days {
            return Lead { days, from: DaysFrom::Request };
        }
        let supplier = self.stores.get(store).and_then(|store| store.supplied_by.clone());
        let route = supplier.and_then(|from| county.routes.get(&(from, store.clone())));
        match route.filter(|route| !route.closed).and_then(|route| route.travel_minutes) {
            Some(minutes) => {
                let arrives = self.zone.day_of(self.now.plus_minutes(minutes));
                Lead { days: (arrives - self.today).num_days(), from: DaysFrom::Route }
            }
            None => Lead { days: USUAL_DAYS, from: DaysFrom::Usual },
        }
    }
}

/// What a base unit of each lot cost, where it is known.
fn lot_costs(conn: &mut DbConnection, ids: Vec<LotId>) -> Result<BTreeMap<LotId, Money>, DbError> {
    let mut costs = BTreeMap::new();
    for ids in ids.chunks(LOTS_AT_ONCE) {
        let rows: Vec<(LotId, Money)> = lot::table
            .filter(lot::id.eq_any(ids))
            .filter(lot::unit_cost.is_not_null())
            .select((lot::id, lot::unit_cost.assume_not_null()))
            .load(conn)?;
        costs.extend(rows);
    }
    Ok(costs)
}

/// The demand of a store and item, as a question means it.
pub(crate) fn demand_of(asked: &Asked, cell: &Cell, average: &AverageUse) -> Option<Vec<Quantity>> {
    let days = usize::try_from(asked.days).unwrap_or(0);
    let (_, demand): (DemandSource, Option<Demand>) =
        asked.demand.of(&cell.0, &cell.1, average.adc);
    demand?.in_units(days)
}
