//! Stock day by day: first what arrives, then demand first-expired-first-out, then the write-off of
//! what was usable through that day for the last time.

use crate::kernel::Quantity;
use crate::kernel::time::plus_days;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// Stock with one last day of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Base units.
    pub quantity: Quantity,
    /// The last day on which it may be used, included; `None` when it never expires.
    pub usable_until: Option<NaiveDate>,
    /// The day on which it comes; `None` when it is there.
    pub arrives_on: Option<NaiveDate>,
}

/// What one day does; `opening + arrivals = served + expired + closing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub day: NaiveDate,
    /// What is there in the morning.
    pub opening: Quantity,
    /// What arrives before anything is used.
    pub arrivals: Quantity,
    /// What is asked for.
    pub demand: Quantity,
    /// What of that can be given.
    pub served: Quantity,
    /// What of it cannot; it is lost, and not asked for again on the next day.
    pub unmet: Quantity,
    /// What is written off in the evening, unused.
    pub expired: Quantity,
    /// What remains.
    pub closing: Quantity,
}

/// What becomes of one batch within the days looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// What is used of it.
    pub used: Quantity,
    /// What expires unused.
    pub waste: Quantity,
    /// The day on whose evening that is written off; `None` while nothing is.
    pub wasted_on: Option<NaiveDate>,
}

/// The days, and what becomes of each batch, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// Each day from the first on.
    pub days: Vec<Day>,
    /// Each batch.
    pub fates: Vec<Fate>,
}

/// What the days come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// What is used.
    pub served: Quantity,
    /// What is asked for and cannot be given.
    pub unmet: Quantity,
    /// What expires unused.
    pub waste: Quantity,
    /// What is left after the last day.
    pub closing: Quantity,
}

impl Simulation {
    /// What the days come to.
    pub fn sums(&self) -> Sums {
        Sums {
            served: self.served(),
            unmet: self.unmet(),
            waste: self.waste(),
            closing: self.days.last().map_or(Quantity::ZERO, |day| day.closing),
        }
    }

    /// All that expires unused.
    pub fn waste(&self) -> Quantity {
        Quantity::total(self.fates.iter().map(|fate| fate.waste))
    }

    /// All that is asked for and cannot be given.
    pub fn unmet(&self) -> Quantity {
        Quantity::total(self.days.iter().map(|day| day.unmet))
    }

    /// All that is used.
    pub fn served(&self) -> Quantity {
        Quantity::total(self.days.iter().map(|day| day.served))
    }
}

/// Goes through the days from `today` on, one for each entry of `demand`.
///
/// What was overdue comes today. A batch that comes after its last day of use is written off on
/// the day of its coming.
pub fn simulate(today: NaiveDate, batches: &[Batch], demand: &[Quantity]) -> Simulation {
    let mut coming: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
    let mut shelf = Shelf { fates: vec![Fate::default(); batches.len()], held: BTreeMap::new() };
    for (at, batch) in batches.iter().enumerate() {
        match batch.arrives_on {
            None => shelf.put(at, batch),
            Some(day) => coming.entry(day.max(today)).or_default().push(at),
        }
    }
    let mut opening = shelf.total();
    let mut days = Vec::with_capacity(demand.len());
    for (after, demand) in (0_i64..).zip(demand) {
        let day = plus_days(today, after);
        let mut arrivals = Quantity::ZERO;
        for at in coming.remove(&day).unwrap_or_default() {
            if let Some(batch) = batches.get(at) {
                arrivals = arrivals.plus_capped(batch.quantity);
                shelf.put(at, batch);
            }
        }
        let served = shelf.take(*demand, day);
        let expired = shelf.write_off(day);
        let there = opening.plus_capped(arrivals);
        let closing = there.minus_or_zero(served).minus_or_zero(expired);
        let unmet = demand.minus_or_zero(served);
        days.push(Day { day, opening, arrivals, demand: *demand, served, unmet, expired, closing });
        opening = closing;
    }
    Simulation { days, fates: shelf.fates }
}

/// Sorts what never expires last, and equals in the order in which they were given.
type Turn = (bool, Option<NaiveDate>, usize);

struct Shelf {
    fates: Vec<Fate>,
    held: BTreeMap<Turn, Quantity>,
}

impl Shelf {
    fn put(&mut self, at: usize, batch: &Batch) {
        if !batch.quantity.is_zero() {
            let turn = (batch.usable_until.is_none(), batch.usable_until, at);
            self.held.insert(turn, batch.quantity);
        }
    }

    fn total(&self) -> Quantity {
        Quantity::total(self.held.values().copied())
    }

    fn take(&mut self, wanted: Quantity, day: NaiveDate) -> Quantity {
        let mut left = wanted;
        // What is past its day is only passed by: this evening it goes.
        let expired = |until: Option<NaiveDate>| until.is_some_and(|until| until < day);
        for ((_, until, at), held) in &mut self.held {
            if left.is_zero() {
                break;
            }
            if expired(*until) {
                continue;
            }
            let taken = left.min(*held);
            *held = held.minus_or_zero(taken);
            left = left.minus_or_zero(taken);
            if let Some(fate) = self.fates.get_mut(*at) {
                fate.used = fate.used.plus_capped(taken);
            }
        }
        self.held.retain(|_, held| !held.is_zero());
        wanted.minus_or_zero(left)
    }

    fn write_off(&mut self, day: NaiveDate) -> Quantity {
        let mut expired = Quantity::ZERO;
        while let Some(first) = self.held.first_entry() {
            let (_, until, at) = *first.key();
            if until.is_none_or(|until| until > day) {
                break;
            }
            let waste = first.remove();
            expired = expired.plus_capped(waste);
            if let Some(fate) = self.fates.get_mut(at) {
                fate.waste = waste;
                fate.wasted_on = Some(day);
            }
        }
        expired
    }
}

#[cfg(test)]
mod tests;
