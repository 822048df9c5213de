//! Everything that the figures of a chunk of lines rest on, and the figures.
//!
//! A new fact of a line has its place here: a field of [`Facts`], read in [`Facts::load`] for all
//! stores of the chunk by one query, and looked up in [`Chunk::line`]. What is the same for all lines
//! of an answer, however many chunks it has, belongs to [`Ground`].

use super::Line;
use super::ground::{Frame, Ground};
use super::held::{HeldPortions, last_reports, portions_at};
use super::transit::{LotsOnTheWay, on_the_way_now};
use crate::consumption::queries::averages::averages_as_known;
use crate::consumption::queries::{Cell, Cells};
use crate::consumption::rules::{AverageUse, UseHistory, average_use};
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, StoreCode};
use crate::report::board::estimated_stock;
use crate::reserve_plan::level::LevelsInForce;
use crate::reserve_plan::plan::NotComputable;
use crate::reserve_plan::queries::governing::Governed;
use crate::reserve_plan::rules::{Target, target};
use crate::shortfall::holding::{Held, hold};
use crate::shortfall::projection::project;
use crate::shortfall::rules::{self, ArrivalVerdict, Holding, Reason, figures};
use crate::stock::queries::unmatched::cells_with_open_facts;
use std::collections::{BTreeSet, HashMap};

/// What is known of the stores of a chunk, by store and item.
#[derive(Debug)]
pub struct Facts {
    portions: HeldPortions,
    on_the_way: LotsOnTheWay,
    averages: HashMap<Cell, AverageUse>,
    last_reports: HashMap<StoreCode, Instant>,
    unmatched: BTreeSet<Cell>,
}

impl Facts {
    /// Reads them; a fixed number of queries.
    pub(super) fn load(
        conn: &mut DbConnection,
        ground: &Ground,
        governed: &[Governed],
        item: Option<&ItemCode>,
    ) -> Result<Self, DbError> {
        let frame = &ground.frame;
        let moment = &frame.moment;
        let mut stores: Vec<StoreCode> =
            governed.iter().map(|cell| cell.place.code.clone()).collect();
        // They come in the order of their stores.
        stores.dedup();
        let cells = Cells { stores: Some(stores), item: item.cloned() };
        let stores = cells.stores.as_deref();
        Ok(Self {
            portions: portions_at(conn, frame.zone, moment, &cells)?,
            on_the_way: match &ground.on_the_way_then {
                None => on_the_way_now(conn, &cells)?,
                Some(then) => then
                    .iter()
                    .filter(|((to, _), _)| {
                        stores.is_none_or(|stores| stores.binary_search(to).is_ok())
                    })
                    .map(|(cell, lots)| (cell.clone(), lots.clone()))
                    .collect(),
            },
            averages: averages_as_known(conn, frame.window, frame.zone, &cells, moment)?,
            last_reports: last_reports(conn, moment, &cells)?,
            unmatched: cells_with_open_facts(conn, moment, stores, item)?,
        })
    }

    /// What is on the way to a store, and what of it counts.
    fn coming(&self, frame: &Frame, cell: &Cell) -> (Quantity, Quantity) {
        let coming = self.on_the_way.get(cell).map_or(&[][..], Vec::as_slice);
        let counted = coming.iter().filter(|goods| {
            rules::judge_arrival(&goods.arrival(frame.zone), frame.today, frame.horizon_end)
                == ArrivalVerdict::Counted
        });
        (
            Quantity::total(coming.iter().map(|goods| goods.quantity)),
            Quantity::total(counted.map(|goods| goods.quantity)),
        )
    }
}

/// Lines that lie together, with what is known of them.
#[derive(Debug)]
pub struct Chunk<'a> {
    pub(super) ground: &'a Ground,
    pub(super) cells: Vec<Governed>,
    pub(super) facts: Facts,
}

impl Chunk<'_> {
    /// The lines at the levels that hold, in the order of store and item.
    pub fn lines(&self, levels: &LevelsInForce) -> impl Iterator<Item = Line> {
        self.cells.iter().map(|cell| self.line(cell, levels))
    }

    /// The lines of the plan, store by store.
    pub(super) fn stores(&self) -> impl Iterator<Item = &[Governed]> {
        self.cells.chunk_by(|one, next| one.place.code == next.place.code)
    }

    /// The figures of one line.
    pub(super) fn line(&self, governed: &Governed, levels: &LevelsInForce) -> Line {
        let (facts, frame) = (&self.facts, &self.ground.frame);
        let Governed { place, line: plan_line } = governed;
        let cell = (place.code.clone(), plan_line.line.item.clone());
        let level = levels.of(&place.region);
        let consumption = match facts.averages.get(&cell) {
            Some(average) => *average,
            // The store never held the item.
            None => average_use(frame.window, &UseHistory::default()),
        };
        let adc = consumption.adc;
        let target = target(&plan_line.line, level, adc);
        let wanted = target.as_ref().ok().map(|target| target.quantity);
        let held = hold(facts.portions.get(&cell).into_iter().flatten(), frame.today);
        let (in_transit_in, arriving) = facts.coming(frame, &cell);
        let holding = Holding { available: held.available, arriving };
        let figures = figures(wanted, plan_line.line.floor_at(level), holding, adc);
        let last_report_at = facts.last_reports.get(&cell.0).copied();
        let cost = figures.net_shortfall.and_then(|short| {
            self.ground.prices.get(&cell.1).and_then(|price| price.times(short.units()))
        });
        let mut reasons = reasons(frame, &target, &held, in_transit_in > arriving, last_report_at);
        if facts.unmatched.contains(&cell) {
            reasons.push(Reason::UnmatchedFacts);
        }
        Line {
            store: cell.0,
            item: cell.1,
            level,
            plan_line: plan_line.clone(),
            target,
            on_hand: held.on_hand,
            reserved: held.reserved,
            blocked: held.blocked,
            available: held.available,
            in_transit_in,
            arriving,
            consumption,
            figures,
            projection: project(frame.today, &held.usable, adc),
            cost,
            estimated_available: estimated(frame, held.available, adc, last_report_at),
            reasons,
            last_report_at,
        }
    }
}

/// What a silent store could use by estimate; `None` where nobody asks, where it was heard of lately,
/// and where nothing tells what it uses.
fn estimated(
    frame: &Frame,
    available: Quantity,
    adc: Option<Ratio>,
    last_report_at: Option<Instant>,
) -> Option<Quantity> {
    let heard = last_report_at.filter(|at| frame.estimate && *at < frame.stale_before)?;
    estimated_stock(available, adc, frame.zone.day_of(heard), frame.today)
}

fn reasons(
    frame: &Frame,
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
    let stale = last_report_at.is_none_or(|at| at < frame.stale_before);
    of_target
        .into_iter()
        .chain(stale.then_some(Reason::StaleFigures))
        .chain(some_not_counted.then_some(Reason::TransitNotCounted))
        .chain((!held.blocked.is_zero()).then_some(Reason::BlockedStock))
        .collect()
}
