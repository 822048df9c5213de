//! Projections of many stores and items: a fixed number of queries for every few stores.

pub mod asked;
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
use crate::kernel::id::LotId;
use crate::kernel::time::plus_days;
use crate::kernel::{BusinessZone, Instant, ItemCode, Moment, Money, Quantity, StoreCode};
use crate::projection::demand::{Demand, DemandSource};
use crate::projection::line::{DaysFrom, Incoming, Lead, LotFate, Planned, Projected, Totals};
use crate::projection::rules::{last_day, turning_days};
use crate::projection::simulation::{Batch, Simulation, simulate};
use crate::reserve_plan::level::LevelsInForce;
use crate::reserve_plan::plan::{PlansInForce, StorePlace};
use crate::reserve_plan::queries::governing::{Governed, Governor};
use crate::reserve_plan::rules::target;
use crate::reserve_plan::safety::largest_rotatable;
use crate::reserve_plan::{queries as plans, records as plan_records};
use crate::shortfall::holding::LotAtStore;
use crate::shortfall::queries::held::lots_at;
use crate::shortfall::queries::transit::lots_on_the_way;
use crate::shortfall::queries::{Question, stores_asked};
use crate::stock::queries::fresh::last_heard_of;
use crate::stores::records as stores;
use crate::stores::store::Store;
use asked::Asked;
use chrono::NaiveDate;
use diesel::prelude::*;
use rotation::rotations;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// So many stores are looked at together, so that memory does not grow with the county.
const STORES_AT_ONCE: usize = 128;
/// A dispatch without a known road is taken to arrive on the next day.
const USUAL_DAYS: i64 = 1;
/// Lots whose cost is asked for in one query; SQLite takes no more than 32 766 values.
const LOTS_AT_ONCE: usize = 1_000;

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

/// A page of the projections that match, in the order of store and item.
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
    let mut answer = Answer { moment, today, lines: Vec::new(), more: false, totals: None };
    let mut totals = Totals::default();
    let limit = asked.rows_of_a_page();
    let is_after = |line: &Projected| {
        asked.question.after.as_ref().is_none_or(|(s, i)| (s, i) < (&line.store, &line.item))
    };
    each_line(conn, asked, settings, &moment, &county, |line| -> Result<Walk, DbError> {
        totals.add(&line);
        if is_after(&line) {
            answer.more = answer.lines.len() >= limit;
            if !answer.more {
                answer.lines.push(line);
            }
        }
        Ok(if answer.more && !asked.totals { Walk::Stop } else { Walk::On })
    })?;
    answer.totals = asked.totals.then_some(totals);
    if asked.rotation {
        rotations(conn, &mut answer, asked, settings, &county)?;
    }
    Ok(answer)
}

/// Shows every projection that matches, one after the other, so that none need be kept.
///
/// # Errors
/// When the database fails; those of `show`.
pub fn show_all<E: From<DbError>>(
    conn: &mut DbConnection,
    asked: &Asked,
    settings: &Settings,
    moment: Moment,
    mut show: impl FnMut(&Projected) -> Result<(), E>,
) -> Result<(), E> {
    let county = County::load(conn, asked, &moment)?;
    if asked.rotation {
        return show_with_rotation(conn, asked, settings, moment, &county, show);
    }
    each_line(conn, asked, settings, &moment, &county, |line| {
        show(&line)?;
        Ok(Walk::On)
    })
}

/// The same item by item, with the stores that could use what will expire: those of one item at a
/// time are in memory, however many stores there are.
fn show_with_rotation<E: From<DbError>>(
    conn: &mut DbConnection,
    asked: &Asked,
    settings: &Settings,
    moment: Moment,
    county: &County,
    mut show: impl FnMut(&Projected) -> Result<(), E>,
) -> Result<(), E> {
    let today = settings.zone.day_of(moment.as_of);
    let wanted = |item: &ItemCode, facts: &ItemFacts| {
        asked.question.item.as_ref().is_none_or(|only| only == item)
            && asked.question.category.is_none_or(|only| only == facts.category)
    };
    for (item, _) in county.items.iter().filter(|(item, facts)| wanted(item, facts)) {
        let question = Question { item: Some(item.clone()), ..asked.question.clone() };
        let of_item = Asked { question, ..asked.clone() };
        let mut answer = Answer { moment, today, lines: Vec::new(), more: false, totals: None };
        each_line(conn, &of_item, settings, &moment, county, |line| -> Result<Walk, DbError> {
            answer.lines.push(line);
            Ok(Walk::On)
        })?;
        rotations(conn, &mut answer, &of_item, settings, county)?;
        answer.lines.iter().try_for_each(&mut show)?;
    }
    Ok(())
}

/// Whether to go on to the next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    On,
    Stop,
}

/// Goes through the projections that match in the order of store and item: of everything that the
/// plan in force asks for, that is there, is on the way, or has a demand given for it. A fixed
/// number of queries for some stores at a time, and no more of them in memory.
fn each_line<E: From<DbError>>(
    conn: &mut DbConnection,
    asked: &Asked,
    settings: &Settings,
    moment: &Moment,
    county: &County,
    mut visit: impl FnMut(Projected) -> Result<Walk, E>,
) -> Result<(), E> {
    let mut governor = Governor::default();
    let mut places = stores_asked(conn, &asked.question)?;
    if let Some(named) = asked.demand.stores_alone() {
        places.retain(|place| named.contains(&place.code));
    }
    // Totals are of all lines; without them nothing before the page is looked at.
    if let (false, Some((store, _))) = (asked.totals, &asked.question.after) {
        places.retain(|place| place.code >= *store);
    }
    for group in places.chunks(STORES_AT_ONCE) {
        let items = asked.question.item.as_ref().map(std::slice::from_ref);
        let mut facts = Facts::load(conn, &codes_of(group), asked, settings, moment)?;
        facts.govern(governor.govern(conn, &county.in_force, group, items)?, county);
        for cell in facts.cells(asked, county) {
            let line = facts.line(&cell, asked, county);
            if line.passes(asked.only) && visit(line)? == Walk::Stop {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn codes_of(places: &[StorePlace]) -> Vec<StoreCode> {
    places.iter().map(|place| place.code.clone()).collect()
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

/// What holds for the whole question.
struct County {
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
    zone: BusinessZone,
    now: Instant,
    order_days: i64,
    window: Window,
    stores: BTreeMap<StoreCode, Store>,
    planned: BTreeMap<Cell, Planned>,
    held: BTreeMap<Cell, Vec<LotAtStore>>,
    incoming: BTreeMap<Cell, Vec<Incoming>>,
    averages: BTreeMap<Cell, AverageUse>,
    costs: BTreeMap<LotId, Money>,
    last_heard: HashMap<StoreCode, Instant>,
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
        let cells = Cells {
            stores: Some(group.to_vec()),
            items: asked.question.item.clone().map(|item| vec![item]),
        };
        let window = Window::before(today, settings.consumption_window_days);
        let held = lots_at(conn, settings.zone, moment, &cells)?;
        let lots: BTreeSet<&LotId> = held.values().flatten().map(|lot| &lot.lot).collect();
        let costs = lot_costs(conn, lots.into_iter().cloned().collect())?;
        // Whatever else is promised for a day joins what is on the way here.
        let incoming = lots_on_the_way(conn, moment, &cells)?
            .into_iter()
            .map(|(cell, goods)| {
                let of = |goods| Incoming::of(goods, settings.zone, today, last);
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
            last_heard: last_heard_of(conn, moment, Some(group))?,
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
            held: self.held.get(cell).cloned().unwrap_or_default(),
            incoming: self.incoming.get(cell).cloned().unwrap_or_default(),
            lots,
            sums: simulation.as_ref().map(Simulation::sums),
            days: simulation.filter(|_| asked.series).map(|it| it.days).unwrap_or_default(),
            turning,
            by_dispatch: until(self.dispatch_lead(store, asked, county)),
            by_order: until(match asked.order_lead_days {
                Some(days) => Lead { days, from: DaysFrom::Request },
                None => Lead { days: self.order_days, from: DaysFrom::Setting },
            }),
            rotatable,
            last_report_at: self.last_heard.get(store).copied(),
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
fn demand_of(asked: &Asked, cell: &Cell, average: &AverageUse) -> Option<Vec<Quantity>> {
    let days = usize::try_from(asked.days).unwrap_or(0);
    let (_, demand): (DemandSource, Option<Demand>) =
        asked.demand.of(&cell.0, &cell.1, average.adc);
    demand?.in_units(days)
}
