//! The projection of one item at one store, and what many come to.

use crate::consumption::rules::AverageUse;
use crate::kernel::id::{DispatchId, LotId};
use crate::kernel::{BusinessZone, Instant, ItemCode, Money, Quantity, StoreCode};
use crate::projection::demand::DemandSource;
use crate::projection::rules::{Gain, LastDay, TurningDays};
use crate::projection::simulation::{Batch, Day, Fate, Sums};
use crate::reserve_plan::level::ResponseLevel;
use crate::shortfall::holding::{LotAtStore, LotOnTheWay};
use crate::shortfall::rules::{ArrivalVerdict, judge_arrival};
use crate::word_enum;
use chrono::NaiveDate;

word_enum! {
    /// Which lines alone to show.
    pub enum Only {
        /// Those that run out within the days.
        Stockout = "stockout",
        /// Those of which something expires unused within the days.
        Waste = "waste",
    }
}

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
    /// Goods on a lorry; they count when they come by `last`, in date and not recalled.
    pub fn of(goods: &LotOnTheWay, zone: BusinessZone, today: NaiveDate, last: NaiveDate) -> Self {
        let arrival = goods.arrival(zone);
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

    /// Whether the projection may count on them.
    pub const fn counts(&self) -> bool {
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
    /// Everything that lies in the store.
    pub held: Vec<LotAtStore>,
    /// Everything that is on the way.
    pub incoming: Vec<Incoming>,
    /// What counts, with what becomes of it, in the order of use.
    pub lots: Vec<LotFate>,
    /// What the days come to; `None` where the demand is unknown.
    pub sums: Option<Sums>,
    /// The days, where they are asked for.
    pub days: Vec<Day>,
    /// The first days on which it stands worse.
    pub turning: TurningDays,
    /// Until when a dispatch would help.
    pub by_dispatch: (Lead, Option<LastDay>),
    /// Until when an order would help.
    pub by_order: (Lead, Option<LastDay>),
    /// The largest reserve that use here can rotate, with the shelf days and remaining days it
    /// rests on.
    pub rotatable: Option<(Quantity, i64, i64)>,
    /// When the store was last heard of.
    pub last_report_at: Option<Instant>,
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
        self.sums.map(|sums| sums.waste)
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

    /// Whether a question that wants some lines alone wants it.
    pub fn passes(&self, only: Option<Only>) -> bool {
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
    /// Counts a line.
    pub fn add(&mut self, line: &Projected) {
        let one_if = |it: bool| i64::from(it);
        self.lines += 1;
        self.unknown += one_if(line.sums.is_none());
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

/// What will expire of one lot, and where it could be used.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The lot.
    pub lot: LotId,
    /// The maker's number of it.
    pub lot_number: String,
    /// The last day on which it may be used.
    pub usable_until: NaiveDate,
    /// What will expire here unused.
    pub waste: Quantity,
    /// The stores that could use some of it, the one that can use most first; each as if all of
    /// it were sent there.
    pub candidates: Vec<Candidate>,
}

/// A store that could use what will expire elsewhere.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The store.
    pub store: StoreCode,
    /// What it would do there.
    pub gain: Gain,
    /// The day of its arrival when it is sent today.
    pub arrives_on: NaiveDate,
    /// Days on the road.
    pub lead: Lead,
    /// Days that it may still be used after the day of its arrival.
    pub days_left: i64,
    /// Metres between the stores: by road where the table of routes has them, else by the map.
    pub distance_m: Option<i64>,
    /// Whether the distance is that of the table of routes.
    pub by_road: bool,
}
