//! Lines that lie together, with what is known of them, and their figures.

use super::Line;
use super::facts::{Facts, Supply};
use super::ground::{Frame, Ground};
use crate::catalogue::substitution::Substitutes;
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, RegionCode};
use crate::report::board::estimated_stock;
use crate::reserve_plan::level::LevelsInForce;
use crate::reserve_plan::plan::{NotComputable, StorePlace};
use crate::reserve_plan::queries::governing::Governed;
use crate::reserve_plan::rules::{Target, target};
use crate::shortfall::ordering::{self, Wanted};
use crate::shortfall::projection::project;
use crate::shortfall::rules::{Reason, figures};
use crate::shortfall::substitution::{Substitution, stand_in};
use std::collections::{BTreeMap, HashMap};

/// A line of the plan at a store.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) governed: Governed,
    /// Whether it is asked for. Others only decide what stands in for those that are.
    pub(super) is_asked: bool,
}

/// Lines that lie together, whole stores except at the end of a page, with what is known of them.
#[derive(Debug)]
pub struct Chunk<'a> {
    pub(super) ground: &'a Ground,
    /// In the order of store and item.
    pub(super) places: Vec<Place>,
    pub(super) facts: Facts,
}

impl Chunk<'_> {
    /// The lines that are asked for at some levels, in the order of store and item.
    pub fn lines(&self, levels: &LevelsInForce) -> impl Iterator<Item = Line> {
        let mut by_region: HashMap<&RegionCode, Substitutes> = HashMap::new();
        self.stores().flat_map(move |places| {
            let lines: Vec<Line> =
                places.iter().map(|place| self.line(&place.governed, levels)).collect();
            let region = places.first().map(|place| &place.governed.place.region);
            let mut standing_in = region.map_or_else(BTreeMap::new, |region| {
                let lists = || self.ground.lists.of(Some(region), self.ground.scene);
                self.standing_in(by_region.entry(region).or_insert_with(lists), &lines)
            });
            let asked = lines.into_iter().zip(places).filter(|(_, place)| place.is_asked);
            asked.map(move |(line, _)| {
                let substitution = standing_in.remove(&line.item);
                Line { substitution, ..line }
            })
        })
    }

    /// The same store by store, without what stands in for them.
    pub(super) fn plain_lines(
        &self,
        levels: &LevelsInForce,
    ) -> impl Iterator<Item = (&StorePlace, impl Iterator<Item = Line>)> {
        self.stores().filter_map(move |places| {
            let store = &*places.first()?.governed.place;
            let asked = places.iter().filter(|place| place.is_asked);
            Some((store, asked.map(move |place| self.line(&place.governed, levels))))
        })
    }

    fn stores(&self) -> impl Iterator<Item = &[Place]> {
        self.places.chunk_by(|one, next| one.governed.place.code == next.governed.place.code)
    }

    /// What stands in for what is short among the lines of one store.
    fn standing_in(
        &self,
        substitutes: &Substitutes,
        lines: &[Line],
    ) -> BTreeMap<ItemCode, Substitution> {
        let short: BTreeMap<ItemCode, Quantity> = lines
            .iter()
            .filter(|line| substitutes.contains_key(&line.item))
            .filter_map(|line| Some((line.item.clone(), line.figures.net_shortfall?)))
            .collect();
        let mut surplus = BTreeMap::new();
        let standbys = short.keys().filter_map(|item| substitutes.get(item)).flatten();
        for item in standbys.map(|standby| &standby.item) {
            let spoken_of = lines.binary_search_by(|line| line.item.cmp(item));
            let there = match (spoken_of.ok().and_then(|at| lines.get(at)), lines.first()) {
                (Some(line), _) => line.figures.surplus.unwrap_or(Quantity::ZERO),
                // Of what the plan does not speak of nothing must stay.
                (None, Some(first)) => {
                    let cell = (first.store.clone(), item.clone());
                    self.facts.held(&self.ground.frame, &cell).available
                }
                (None, None) => Quantity::ZERO,
            };
            surplus.insert(item.clone(), there);
        }
        stand_in(&short, surplus, substitutes)
    }

    /// The figures of one line, without what stands in for it.
    fn line(&self, governed: &Governed, levels: &LevelsInForce) -> Line {
        let (frame, facts) = (&self.ground.frame, &self.facts);
        let Governed { place, line: plan_line } = governed;
        let cell = (place.code.clone(), plan_line.line.item.clone());
        let level = levels.of(&place.region);
        let consumption = facts.consumption(frame, &cell);
        let adc = consumption.adc;
        let target = target(&plan_line.line, level, adc);
        let supply = facts.supply(frame, &cell);
        let wanted = target.as_ref().ok().map(|target| Wanted {
            target: target.quantity,
            ceiling: plan_line.line.ceiling,
            bounds: plan_line.line.bases.iter().find_map(|basis| basis.bounds(adc)),
        });
        let floor = plan_line.line.floor_at(level);
        let figures = figures(wanted.map(|wanted| wanted.target), floor, supply.holding(), adc);
        let last_report_at = facts.last_report_at(&cell.0);
        let doubtful = facts.is_doubtful(&cell);
        let reasons = reasons(frame, &target, &supply, last_report_at, doubtful);
        let price = facts.price(&cell.1);
        let cost_of = |short: Quantity| price.and_then(|price| price.times(short.units()));
        let position = supply.position();
        let pack = facts.pack(&cell.1);
        let pack_units = pack.map_or(Quantity::ONE, |pack| pack.units);
        let Supply { held, coming, expected } = supply;
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
            order: wanted.and_then(|wanted| ordering::order(&wanted, position, pack_units, price)),
            pack_code: pack.map(|pack| pack.code.clone()),
            position,
            substitution: None,
            consumption,
            cost: figures.net_shortfall.and_then(cost_of),
            figures,
            projection: project(frame.today, &held.usable, adc),
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
    supply: &Supply,
    last_report_at: Option<Instant>,
    doubtful: bool,
) -> Vec<Reason> {
    let of_target = match target {
        Err(NotComputable::ConsumptionUnknown) => Some(Reason::ConsumptionUnknown),
        Err(NotComputable::TooLarge) => Some(Reason::TooLarge),
        Ok(target) if target.quantity.is_zero() => Some(Reason::TargetZero),
        Ok(_) => None,
    };
    let Supply { held, coming, expected } = supply;
    // A store without any movement has nothing to be fresh about.
    let stale = last_report_at.is_none_or(|at| at < frame.stale_before);
    [
        of_target,
        stale.then_some(Reason::StaleFigures),
        (coming.in_transit > coming.arriving).then_some(Reason::TransitNotCounted),
        (!held.blocked.is_zero()).then_some(Reason::BlockedStock),
        (expected.on_order > expected.arriving).then_some(Reason::OrderNotCounted),
        expected.some_overdue.then_some(Reason::OrderOverdue),
        doubtful.then_some(Reason::UnmatchedFacts),
    ]
    .into_iter()
    .flatten()
    .collect()
}
