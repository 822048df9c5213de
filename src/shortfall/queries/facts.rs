//! Everything that the figures of a chunk of lines rest on, and the figures.
//!
//! A new fact of a line has its place here: a field of [`Facts`], read in `Facts::load` for all
//! stores of the chunk by one query, and looked up in `Chunk::line`. What is the same for all lines
//! of an answer, however many chunks it has, belongs to [`Ground`].

use super::ground::{Frame, Ground};
use super::held::{HeldPortions, last_reports, portions_at};
use super::transit::{LotsOnTheWay, on_the_way_now};
use super::{ExpectedIn, Line};
use crate::catalogue::substitution::Substitutes;
use crate::consumption::queries::averages::averages_as_known;
use crate::consumption::queries::{Cell, Cells};
use crate::consumption::rules::{AverageUse, UseHistory, average_use};
use crate::db::{DbConnection, DbError};
use crate::expected::queries::{OpenLine, OpenLines, open_lines};
use crate::expected::rules::ExpectedKind;
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, RegionCode, StoreCode};
use crate::report::board::estimated_stock;
use crate::reserve_plan::level::LevelsInForce;
use crate::reserve_plan::plan::NotComputable;
use crate::reserve_plan::queries::governing::Governed;
use crate::reserve_plan::rules::{Target, target};
use crate::shortfall::holding::{Held, hold};
use crate::shortfall::ordering::{self, Wanted};
use crate::shortfall::projection::project;
use crate::shortfall::rules::{self, Arrival, ArrivalVerdict, Holding, Reason, figures};
use crate::shortfall::substitution::{Substitution, stand_in};
use crate::stock::queries::unmatched::cells_with_open_facts;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is known of the stores of a chunk, by store and item.
#[derive(Debug)]
pub struct Facts {
    portions: HeldPortions,
    on_the_way: LotsOnTheWay,
    averages: HashMap<Cell, AverageUse>,
    last_reports: HashMap<StoreCode, Instant>,
    unmatched: BTreeSet<Cell>,
    expected: OpenLines,
}

impl Facts {
    /// Reads them; a fixed number of queries.
    pub(super) fn load(
        conn: &mut DbConnection,
        ground: &Ground,
        stores: Vec<StoreCode>,
        item: Option<&ItemCode>,
    ) -> Result<Self, DbError> {
        let frame = &ground.frame;
        let moment = &frame.moment;
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
            expected: open_lines(conn, moment, stores, item)?,
        })
    }

    /// What is on the way to a store, and what of it counts.
    fn coming(&self, frame: &Frame, cell: &Cell) -> Coming {
        let mut coming = Coming::default();
        for goods in self.on_the_way.get(cell).map_or(&[][..], Vec::as_slice) {
            let arrival = goods.arrival(frame.zone);
            coming.in_transit = coming.in_transit.plus_capped(goods.quantity);
            match rules::judge_arrival(&arrival, frame.today, frame.horizon_end) {
                ArrivalVerdict::Counted => {
                    coming.arriving = coming.arriving.plus_capped(goods.quantity);
                }
                ArrivalVerdict::TooLate | ArrivalVerdict::ArrivalUnknown => {
                    coming.later = coming.later.plus_capped(goods.quantity);
                }
                ArrivalVerdict::ExpiredOnArrival | ArrivalVerdict::Recalled => {}
            }
        }
        coming
    }

    /// What is expected from outside, and what of it counts.
    fn expected(&self, frame: &Frame, cell: &Cell) -> ExpectedIn {
        let mut expected = ExpectedIn::default();
        for line in self.expected.get(cell).map_or(&[][..], Vec::as_slice) {
            let sum = match line.kind {
                ExpectedKind::Order => &mut expected.on_order,
                ExpectedKind::Agreement => &mut expected.agreed,
                ExpectedKind::Capacity => &mut expected.capacity,
            };
            *sum = sum.plus_capped(line.open);
            let verdict = verdict_of(line, frame.zone, frame.today, frame.horizon_end);
            if verdict == Some(ArrivalVerdict::Counted) {
                expected.arriving = expected.arriving.plus_capped(line.open);
                expected.some_overdue |=
                    line.expected_at.is_some_and(|at| frame.zone.day_of(at) < frame.today);
            }
        }
        expected
    }
}

/// Whether what is open of a line counts in a net shortfall; `None` for what is never netted.
pub fn verdict_of(
    line: &OpenLine,
    zone: BusinessZone,
    today: NaiveDate,
    horizon_end: NaiveDate,
) -> Option<ArrivalVerdict> {
    let arrival = Arrival {
        quantity: line.open,
        expected_on: line.expected_at.map(|at| zone.day_of(at)),
        // Nobody knows the lots of what is not delivered yet.
        usable_until: None,
        recalled: false,
    };
    let counts = line.kind == ExpectedKind::Order;
    counts.then(|| rules::judge_arrival(&arrival, today, horizon_end))
}

/// What is on the way to a store.
#[derive(Debug, Default)]
struct Coming {
    /// All of it.
    in_transit: Quantity,
    /// What arrives in time.
    arriving: Quantity,
    /// What arrives too late, or nobody knows when.
    later: Quantity,
}

/// What decides what stands in for the items of a chunk: the lines of all items that have to do with
/// their substitutes, by store.
#[derive(Debug, Default)]
pub struct Kin {
    pub(super) items: BTreeSet<ItemCode>,
    pub(super) governed: BTreeMap<StoreCode, Vec<Governed>>,
    /// Their facts, where those of the chunk are of one item only.
    pub(super) facts: BTreeMap<ItemCode, Facts>,
}

/// Lines that lie together, with what is known of them.
#[derive(Debug)]
pub struct Chunk<'a> {
    pub(super) ground: &'a Ground,
    pub(super) cells: Vec<Governed>,
    pub(super) facts: Facts,
    pub(super) kin: Kin,
}

impl Chunk<'_> {
    /// The lines at the levels that hold, in the order of store and item.
    pub fn lines(&self, levels: &LevelsInForce) -> impl Iterator<Item = Line> {
        let mut standing_in = self.standing_in(levels);
        self.cells.iter().map(move |cell| {
            let mut line = self.plain_line(cell, levels);
            let key = (line.store.clone(), line.item.clone());
            line.substitution = standing_in.remove(&key);
            line
        })
    }

    /// What stands in for what is short, store by store.
    fn standing_in(&self, levels: &LevelsInForce) -> HashMap<Cell, Substitution> {
        let mut found = HashMap::new();
        let mut by_region: HashMap<&RegionCode, Substitutes> = HashMap::new();
        for (store, governed) in &self.kin.governed {
            let Some(region) = governed.first().map(|cell| &cell.place.region) else { continue };
            let substitutes = by_region
                .entry(region)
                .or_insert_with(|| self.ground.lists.of(Some(region), self.ground.scene));
            let (mut short, mut surplus) = (BTreeMap::new(), BTreeMap::new());
            let mut spoken_of = BTreeSet::new();
            for cell in governed {
                let facts = self.facts_of(&cell.line.line.item);
                let line = self.line(facts, cell, levels);
                spoken_of.insert(line.item.clone());
                if let Some(missing) = line.figures.net_shortfall {
                    short.insert(line.item.clone(), missing);
                }
                surplus.insert(line.item, line.figures.surplus.unwrap_or(Quantity::ZERO));
            }
            // Of what the plan does not speak of nothing must stay.
            for item in self.kin.items.difference(&spoken_of) {
                let cell = (store.clone(), item.clone());
                let portions = self.facts_of(item).portions.get(&cell);
                let held = hold(portions.into_iter().flatten(), self.ground.frame.today);
                surplus.insert(item.clone(), held.available);
            }
            let substituted = stand_in(&short, surplus, substitutes);
            found.extend(substituted.into_iter().map(|(item, of)| ((store.clone(), item), of)));
        }
        found
    }

    fn facts_of(&self, item: &ItemCode) -> &Facts {
        self.kin.facts.get(item).unwrap_or(&self.facts)
    }

    /// The lines of the plan, store by store.
    pub(super) fn stores(&self) -> impl Iterator<Item = &[Governed]> {
        self.cells.chunk_by(|one, next| one.place.code == next.place.code)
    }

    /// The figures of a line of the chunk, without what stands in for it.
    pub(super) fn plain_line(&self, governed: &Governed, levels: &LevelsInForce) -> Line {
        self.line(&self.facts, governed, levels)
    }

    /// The figures of one line.
    fn line(&self, facts: &Facts, governed: &Governed, levels: &LevelsInForce) -> Line {
        let frame = &self.ground.frame;
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
        let coming = facts.coming(frame, &cell);
        let expected = facts.expected(frame, &cell);
        let holding = Holding {
            available: held.available,
            arriving: coming.arriving,
            ordered: expected.arriving,
        };
        let figures = figures(wanted, plan_line.line.floor_at(level), holding, adc);
        let last_report_at = facts.last_reports.get(&cell.0).copied();
        let price = self.ground.prices.get(&cell.1).copied();
        let cost = figures
            .net_shortfall
            .and_then(|short| price.and_then(|price| price.times(short.units())));
        let some_late = coming.in_transit > coming.arriving;
        let mut reasons = reasons(frame, &target, &held, some_late, last_report_at);
        reasons.extend((expected.on_order > expected.arriving).then_some(Reason::OrderNotCounted));
        reasons.extend(expected.some_overdue.then_some(Reason::OrderOverdue));
        let wanted = wanted.map(|target| Wanted {
            target,
            ceiling: plan_line.line.ceiling,
            bounds: plan_line.line.bases.iter().find_map(|basis| basis.bounds(adc)),
        });
        let position =
            Quantity::total([held.available, coming.arriving, coming.later, expected.on_order]);
        let pack = self.ground.packs.get(&cell.1);
        let units = pack.map_or(Quantity::ONE, |(_, units)| *units);
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
            in_transit_in: coming.in_transit,
            arriving: coming.arriving,
            expected,
            set_apart: held.set_apart,
            band: wanted.map(|wanted| ordering::band(&wanted, held.available, position)),
            order: wanted.and_then(|wanted| ordering::order(&wanted, position, units, price)),
            pack_code: pack.map(|(code, _)| code.clone()),
            position,
            substitution: None,
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
