//! Projections as the service shows them, and how it explains them.

pub mod stream;

use crate::kernel::id::{DispatchId, LotId};
use crate::kernel::{Instant, ItemCode, Money, Quantity, Ratio, StoreCode};
use crate::projection::demand::DemandSource;
use crate::projection::line::{
    Candidate, DaysFrom, Incoming, Lead, LotFate, Projected, Rotation, Totals,
};
use crate::projection::rules::LastDay;
use crate::projection::simulation::Day;
use crate::reserve_plan::level::ResponseLevel;
use crate::shortfall::projection::{DatedStock, project};
use crate::shortfall::rules::ArrivalVerdict;
use crate::shortfall::views::{BothLanguages, ConsumptionView, LotLeftOut, sort_lots};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// What becomes of one item at one store.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProjectionRow {
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// Where the demand comes from; `unknown` leaves all that rests on it null.
    pub demand_from: DemandSource,
    /// 日均消耗, exact; null when unknown, which is not 0.
    #[schema(value_type = Option<String>, example = "61/2")]
    pub adc: Option<Ratio>,
    /// The response level at the store; null where no plan speaks of the item.
    pub level: Option<ResponseLevel>,
    /// 储备定额 at that level.
    pub target: Option<Quantity>,
    /// 下限 at that level.
    pub floor: Option<Quantity>,
    /// What may be used now and is promised to nobody.
    pub available: Quantity,
    /// What arrives within the days, in date, and is counted on.
    pub arriving: Quantity,
    /// What is used within the days.
    pub served: Option<Quantity>,
    /// What is asked for within the days and cannot be given.
    pub unmet: Option<Quantity>,
    /// What is left after them.
    pub closing: Option<Quantity>,
    /// 断货日: the first day that is not fully served; null when none is within the days.
    #[schema(value_type = Option<String>, format = Date)]
    pub stockout_on: Option<NaiveDate>,
    /// The first day in whose evening less than the floor is there.
    #[schema(value_type = Option<String>, format = Date)]
    pub below_floor_on: Option<NaiveDate>,
    /// The first day in whose evening less than the target is there.
    #[schema(value_type = Option<String>, format = Date)]
    pub below_target_on: Option<NaiveDate>,
    /// Until when a dispatch from the supplying store still prevents the stock-out.
    pub last_dispatch: LastDayView,
    /// Until when an order still does.
    pub last_order: LastDayView,
    /// What expires unused within the days.
    pub waste: Option<Quantity>,
    /// What that cost, of the lots whose cost is known; null when none is.
    #[schema(value_type = Option<String>, example = "1466.40")]
    pub waste_cost: Option<Money>,
    /// The largest reserve that use here rotates: `floor(adc × (shelf life − days of near
    /// expiry))`; null for what does not expire, or when the use is unknown.
    pub largest_rotatable: Option<Quantity>,
    /// Whether the target is no larger; what is larger belongs where more is used.
    pub within_rotation: Option<bool>,
    /// Each lot that counts, in the order of use, and what becomes of it.
    pub lots: Vec<LotFateView>,
    /// When the store was last heard of, by a movement or a stock report; null when it never was.
    pub last_report_at: Option<Instant>,
    /// Where else what will expire could be used in time; null unless asked for.
    pub rotation: Option<Vec<RotationView>>,
    /// Each day; null unless asked for.
    pub series: Option<Vec<DayView>>,
}

impl ProjectionRow {
    /// The row of a line.
    pub fn new(line: &Projected) -> Self {
        let sum = |arriving: bool| {
            let lots = line.lots.iter().map(|lot| lot.batch);
            let these = lots.filter(|batch| batch.arrives_on.is_some() == arriving);
            Quantity::total(these.map(|batch| batch.quantity))
        };
        let sums = line.sums;
        let target = line.planned.and_then(|plan| plan.target);
        let largest_rotatable = line.rotatable.map(|(largest, _, _)| largest);
        Self {
            store_code: line.store.clone(),
            item_code: line.item.clone(),
            demand_from: line.source,
            adc: line.consumption.adc,
            level: line.planned.map(|plan| plan.level),
            target,
            floor: line.planned.and_then(|plan| plan.floor),
            available: sum(false),
            arriving: sum(true),
            served: sums.map(|sums| sums.served),
            unmet: sums.map(|sums| sums.unmet),
            closing: sums.map(|sums| sums.closing),
            stockout_on: line.turning.stockout_on,
            below_floor_on: line.turning.below_floor_on,
            below_target_on: line.turning.below_target_on,
            last_dispatch: LastDayView::from(line.by_dispatch),
            last_order: LastDayView::from(line.by_order),
            waste: line.waste(),
            waste_cost: line.waste_cost(),
            largest_rotatable,
            within_rotation: target.zip(largest_rotatable).map(|(target, most)| target <= most),
            lots: line.lots.iter().map(LotFateView::from).collect(),
            last_report_at: line.last_report_at,
            rotation: line
                .rotations
                .as_ref()
                .map(|found| found.iter().map(RotationView::from).collect()),
            series: (!line.days.is_empty()).then(|| line.days.iter().map(DayView::from).collect()),
        }
    }
}

/// Until when something still helps.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LastUsefulDayView)]
pub struct LastDayView {
    /// The last day on which it still helps; null when no stock-out is in sight.
    #[schema(value_type = Option<String>, format = Date)]
    pub on: Option<NaiveDate>,
    /// Whether that day is past; null when no stock-out is in sight.
    pub too_late: Option<bool>,
    /// Days that it takes.
    pub lead_days: i64,
    /// Where those days come from.
    pub lead_from: DaysFrom,
}

impl From<(Lead, Option<LastDay>)> for LastDayView {
    fn from((lead, last): (Lead, Option<LastDay>)) -> Self {
        Self {
            on: last.map(|last| last.on),
            too_late: last.map(|last| last.too_late),
            lead_days: lead.days,
            lead_from: lead.from,
        }
    }
}

/// A lot that counts and what becomes of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LotFateView {
    /// The lot.
    pub lot_id: LotId,
    /// The maker's number.
    pub lot_number: String,
    /// The last day on which it may be used, included.
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<NaiveDate>,
    /// The day on which it arrives; null for what is there.
    #[schema(value_type = Option<String>, format = Date)]
    pub arrives_on: Option<NaiveDate>,
    /// Base units that count.
    pub quantity: Quantity,
    /// What is used of it.
    pub used: Option<Quantity>,
    /// What expires of it unused.
    pub waste: Option<Quantity>,
    /// The day on whose evening that is written off.
    #[schema(value_type = Option<String>, format = Date)]
    pub wasted_on: Option<NaiveDate>,
    /// What that cost; null when nothing is wasted or its cost is not known.
    #[schema(value_type = Option<String>, example = "67.50")]
    pub waste_cost: Option<Money>,
}

impl From<&LotFate> for LotFateView {
    fn from(lot: &LotFate) -> Self {
        Self {
            lot_id: lot.lot.clone(),
            lot_number: lot.lot_number.clone(),
            expires_on: lot.batch.usable_until,
            arrives_on: lot.batch.arrives_on,
            quantity: lot.batch.quantity,
            used: lot.fate.map(|fate| fate.used),
            waste: lot.fate.map(|fate| fate.waste),
            wasted_on: lot.fate.and_then(|fate| fate.wasted_on),
            waste_cost: lot.waste_cost,
        }
    }
}

/// One day; `opening + arrivals = served + expired + closing`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DayView {
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub day: NaiveDate,
    /// What is there in the morning.
    pub opening: Quantity,
    /// What arrives before anything is used.
    pub arrivals: Quantity,
    /// What is asked for.
    pub demand: Quantity,
    /// What of that can be given.
    pub served: Quantity,
    /// What of it cannot.
    pub unmet: Quantity,
    /// What is written off in the evening.
    pub expired: Quantity,
    /// What remains.
    pub closing: Quantity,
}

impl From<&Day> for DayView {
    fn from(day: &Day) -> Self {
        Self {
            day: day.day,
            opening: day.opening,
            arrivals: day.arrivals,
            demand: day.demand,
            served: day.served,
            unmet: day.unmet,
            expired: day.expired,
            closing: day.closing,
        }
    }
}

/// What will expire of a lot, and where it could be used.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RotationView {
    /// The lot.
    pub lot_id: LotId,
    /// The maker's number.
    pub lot_number: String,
    /// The last day on which it may be used.
    #[schema(value_type = String, format = Date)]
    pub expires_on: NaiveDate,
    /// What will expire of it here.
    pub waste: Quantity,
    /// The stores that could use some of it, the one that can use most first, then the nearest;
    /// each as if all of it were sent there today.
    pub candidates: Vec<CandidateView>,
}

impl From<&Rotation> for RotationView {
    fn from(rotation: &Rotation) -> Self {
        Self {
            lot_id: rotation.lot.clone(),
            lot_number: rotation.lot_number.clone(),
            expires_on: rotation.usable_until,
            waste: rotation.waste,
            candidates: rotation.candidates.iter().map(CandidateView::from).collect(),
        }
    }
}

/// A store that could use what will expire elsewhere.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CandidateView {
    /// The store.
    pub store_code: StoreCode,
    /// What it can use in time without letting its own stock expire instead.
    pub could_use: Quantity,
    /// How much of its own unmet demand that serves.
    pub covers_unmet: Quantity,
    /// The day of arrival when it is sent today.
    #[schema(value_type = String, format = Date)]
    pub arrives_on: NaiveDate,
    /// Days on the road.
    pub transfer_days: i64,
    /// Where those come from.
    pub transfer_from: DaysFrom,
    /// Days that it may still be used after the day of its arrival.
    pub days_left_on_arrival: i64,
    /// Metres between the stores; null when nobody knows.
    pub distance_m: Option<i64>,
    /// Whether they are those of the table of routes, not of the map.
    pub distance_by_road: bool,
}

impl From<&Candidate> for CandidateView {
    fn from(candidate: &Candidate) -> Self {
        Self {
            store_code: candidate.store.clone(),
            could_use: candidate.gain.could_use,
            covers_unmet: candidate.gain.covers_unmet,
            arrives_on: candidate.arrives_on,
            transfer_days: candidate.lead.days,
            transfer_from: candidate.lead.from,
            days_left_on_arrival: candidate.days_left,
            distance_m: candidate.distance_m,
            distance_by_road: candidate.by_road,
        }
    }
}

/// What all lines that match come to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProjectionTotals {
    /// Lines that match.
    pub lines: i64,
    /// Of these, lines whose demand is unknown.
    pub demand_unknown: i64,
    /// Lines that run out within the days.
    pub stockouts: i64,
    /// The first of those days.
    #[schema(value_type = Option<String>, format = Date)]
    pub first_stockout_on: Option<NaiveDate>,
    /// Lines that run out and for which even a dispatch comes too late.
    pub too_late: i64,
    /// Lines of which something expires unused.
    pub wasting: i64,
    /// What that cost, of the lots whose cost is known.
    #[schema(value_type = String, example = "1466.40")]
    pub waste_cost: Money,
    /// Lines of which something expires whose cost is not known.
    pub wasting_unpriced: i64,
}

impl From<&Totals> for ProjectionTotals {
    fn from(totals: &Totals) -> Self {
        Self {
            lines: totals.lines,
            demand_unknown: totals.unknown,
            stockouts: totals.stockouts,
            first_stockout_on: totals.first_stockout_on,
            too_late: totals.too_late,
            wasting: totals.wasting,
            waste_cost: totals.waste_cost,
            wasting_unpriced: totals.unpriced,
        }
    }
}

/// Goods on the way and whether the projection counts on them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IncomingView {
    /// The dispatch that brings them.
    pub dispatch_id: DispatchId,
    /// Their lot.
    pub lot_id: LotId,
    /// The maker's number.
    pub lot_number: String,
    /// The last day on which they may be used.
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<NaiveDate>,
    /// The day on which they are expected; what is overdue, today.
    #[schema(value_type = String, format = Date)]
    pub arrives_on: NaiveDate,
    /// Base units.
    pub quantity: Quantity,
    /// Whether they count, or why not.
    pub verdict: ArrivalVerdict,
}

impl From<&Incoming> for IncomingView {
    fn from(incoming: &Incoming) -> Self {
        Self {
            dispatch_id: incoming.dispatch.clone(),
            lot_id: incoming.lot.clone(),
            lot_number: incoming.lot_number.clone(),
            expires_on: incoming.usable_until,
            arrives_on: incoming.arrives_on,
            quantity: incoming.quantity,
            verdict: incoming.verdict,
        }
    }
}

/// How a projection came about.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProjectionExplanation {
    /// The business time that the figures are of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for them.
    pub as_known_at: Instant,
    /// The first day, which counts in full.
    #[schema(value_type = String, format = Date)]
    pub today: NaiveDate,
    /// The last day looked at.
    #[schema(value_type = String, format = Date)]
    pub last_day: NaiveDate,
    /// What happens on a day, in its order.
    pub formula: BothLanguages,
    /// How it is rounded.
    pub rounding: BothLanguages,
    /// The average daily consumption and what it rests on.
    pub consumption: ConsumptionView,
    /// What would expire at that average of what is there, exact and without an end of the days:
    /// what shortfalls show, rounded up. Null when the average is unknown.
    #[schema(value_type = Option<String>, example = "91/2")]
    pub exact_waste: Option<Ratio>,
    /// The stock-out by the same formula, of what is there alone: what shortfalls show. Where a
    /// fraction of a unit would expire it may come earlier than that of the days, which use the
    /// unit whole.
    #[schema(value_type = Option<String>, format = Date)]
    pub exact_stockout_on: Option<NaiveDate>,
    /// The lots, and the part of each, that do not count.
    pub lots_left_out: Vec<LotLeftOut>,
    /// What is on the way, and whether it counts.
    pub incoming: Vec<IncomingView>,
    /// Days that the item lasts when new; null for what does not expire.
    pub shelf_days: Option<i64>,
    /// Days before its expiry from which it counts as near expiry.
    pub near_expiry_days: Option<i64>,
    /// The figures, with each day.
    pub result: ProjectionRow,
}

impl ProjectionExplanation {
    /// Explains a line.
    pub fn new(
        line: &Projected,
        today: NaiveDate,
        last_day: NaiveDate,
        (as_of, as_known_at): (Instant, Instant),
    ) -> Self {
        let (counted, lots_left_out) = sort_lots(&line.held, today);
        let stock: Vec<DatedStock> = counted
            .iter()
            .map(|lot| DatedStock { usable_until: lot.expires_on, quantity: lot.quantity })
            .collect();
        let formula = project(today, &stock, line.consumption.adc);
        let exact_waste = formula.as_ref().and_then(|formula| {
            formula.waste.iter().try_fold(Ratio::ZERO, |sum, part| sum.plus(*part))
        });
        Self {
            as_of,
            as_known_at,
            today,
            last_day,
            formula: BothLanguages::new(
                "每日：先收在途，再按近效期先出供应当日需求，当日到期未用者当晚报废；期初 + 到货 = 供应 + 报废 + 期末。批次到期日当天仍可用；未满足的需求不顺延。断货日 = 首个未能足量供应之日；最迟调拨日 = 断货日 − 在途天数",
                "Each day: arrivals first, then the day's demand first-expired-first-out, then the write-off of what was usable through that day; opening + arrivals = served + expired + closing. A lot may be used on its last day; demand not met is lost. Stock-out = the first day not fully served; last dispatch = stock-out − days on the road",
            ),
            rounding: BothLanguages::new(
                "累计需求以分数精确累加、向上取整，当日需求为其增量，故天数再多也不失真；报废因此为精确值向下取整",
                "The exact sum of the demand is rounded up, and a day's demand is what it adds to that, so that no fraction is lost over the days; waste is therefore the exact one rounded down",
            ),
            consumption: ConsumptionView::from(&line.consumption),
            exact_waste,
            exact_stockout_on: formula.and_then(|formula| formula.stockout_on),
            lots_left_out,
            incoming: line.incoming.iter().map(IncomingView::from).collect(),
            shelf_days: line.rotatable.map(|(_, shelf, _)| shelf),
            near_expiry_days: line.rotatable.map(|(_, _, near)| near),
            result: ProjectionRow::new(line),
        }
    }
}
