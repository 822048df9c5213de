//! Lines of a sheet with what was counted, what the book said of that moment, and the difference.

use crate::kernel::id::LotId;
use crate::kernel::{Instant, ItemCode, Money, Quantity};
use crate::stock::StockState;
use crate::stock::facts::{Cut, Promise, cut_down_to};
use crate::stocktake::counting::{CountEntry, Decision, decide, rounds_counted};
use crate::stocktake::sheet::SheetLine;
use crate::stocktake::variance::{Books, Place};
use std::collections::BTreeMap;

/// The lot under which the book knows the goods of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// This lot, and the price of one base unit.
    Lot(LotId, Option<Money>),
    /// No lot at this store.
    Nowhere,
    /// Several lots under the same label, none of which is on a line of its own.
    Several,
}

/// A line with what it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// The line.
    pub line: SheetLine,
    /// Its lot in the book.
    pub known: Known,
    /// Where its counting has come.
    pub decision: Decision,
    /// In how many rounds it was counted.
    pub rounds_counted: i64,
    /// What the book says of the moment of the deciding count.
    pub book: Option<i64>,
}

impl Evaluated {
    /// Holds a line against its counts and the book; a posted line is what it was when posted.
    pub fn of(
        line: SheetLine,
        known: Known,
        entries: &[CountEntry],
        rounds: i64,
        books: &Books,
    ) -> Self {
        if let Some(outcome) = &line.outcome {
            let known = match known {
                Known::Lot(lot, _) => Known::Lot(lot, outcome.unit_cost),
                other @ (Known::Nowhere | Known::Several) => other,
            };
            return Self {
                known,
                decision: Decision::Decided {
                    quantity: outcome.counted,
                    counted_at: outcome.counted_at,
                    round: outcome.round,
                },
                rounds_counted: outcome.rounds,
                book: Some(outcome.book),
                line,
            };
        }
        let place = place_of(&known, &line);
        let book = |moment| place.as_ref().map_or(0, |place| books.at(place, moment));
        let decision = decide(entries, line.line_no, rounds, book);
        let at_count = match decision {
            Decision::Decided { counted_at, .. } => Some(book(counted_at)),
            Decision::NotCounted | Decision::Waits(_) => None,
        };
        Self {
            rounds_counted: rounds_counted(entries, line.line_no),
            decision,
            book: at_count,
            known,
            line,
        }
    }

    /// What was counted and when, once it is decided.
    pub const fn counted(&self) -> Option<(Quantity, Instant)> {
        match self.decision {
            Decision::Decided { quantity, counted_at, .. } => Some((quantity, counted_at)),
            Decision::NotCounted | Decision::Waits(_) => None,
        }
    }

    /// Counted less book; `None` while it is not decided.
    pub fn difference(&self) -> Option<i64> {
        let (quantity, _) = self.counted()?;
        Some(quantity.units().saturating_sub(self.book?))
    }

    /// The price of one base unit.
    pub const fn unit_cost(&self) -> Option<Money> {
        match &self.known {
            Known::Lot(_, cost) => *cost,
            Known::Nowhere | Known::Several => None,
        }
    }

    /// The value of the difference, where the lot has a cost.
    pub fn value(&self) -> Option<Money> {
        self.unit_cost()?.times(self.difference()?)
    }

    /// Whether the line was only found by a slip: added while counting, and its count withdrawn.
    pub fn is_void(&self) -> bool {
        self.line.added && self.decision == Decision::NotCounted
    }

    /// Its place in the book.
    pub fn place(&self) -> Option<Place> {
        place_of(&self.known, &self.line)
    }
}

fn place_of(known: &Known, line: &SheetLine) -> Option<Place> {
    match known {
        Known::Lot(lot, _) => Some((lot.clone(), line.state)),
        Known::Nowhere | Known::Several => None,
    }
}

/// Every line with what it comes to, in the order of the sheet.
pub fn evaluate(
    lines: Vec<SheetLine>,
    entries: Vec<CountEntry>,
    known: &BTreeMap<i64, Known>,
    rounds: i64,
    books: &Books,
) -> Vec<Evaluated> {
    let mut by_line: BTreeMap<i64, Vec<CountEntry>> = BTreeMap::new();
    for entry in entries {
        by_line.entry(entry.line_no).or_default().push(entry);
    }
    lines
        .into_iter()
        .map(|line| {
            let known = known.get(&line.line_no).cloned().unwrap_or(Known::Nowhere);
            let entries = by_line.get(&line.line_no).map_or(&[][..], Vec::as_slice);
            Evaluated::of(line, known, entries, rounds, books)
        })
        .collect()
}

impl Evaluated {
    /// The promises that posting the line cuts, the latest made first: what is not there cannot be
    /// kept for anybody. `promises` are those of the store.
    pub fn cuts(&self, books: &Books, promises: &[Promise]) -> Vec<Cut> {
        let (Some(place), Some(difference @ ..0)) = (self.place(), self.difference()) else {
            return Vec::new();
        };
        if place.1 != StockState::Available {
            return Vec::new();
        }
        let now = books.on_hand.get(&place).copied().unwrap_or(0);
        let left = Quantity::new(now.saturating_add(difference)).unwrap_or(Quantity::ZERO);
        let of_lot: Vec<Promise> =
            promises.iter().filter(|promise| promise.lot_id == place.0).cloned().collect();
        cut_down_to(&of_lot, left)
    }
}

/// The moment as of which an item was counted wholly, which is that of the first of its counts;
/// `None` unless all its lines are counted and, of its `places` at the store, none without a line
/// held anything at that moment.
pub fn wholly_counted_at(
    item: &ItemCode,
    lines: &[Evaluated],
    places: &[Place],
    books: &Books,
) -> Option<Instant> {
    let of_item: Vec<&Evaluated> =
        lines.iter().filter(|line| line.line.item_code == *item && !line.is_void()).collect();
    let moments: Option<Vec<Instant>> =
        of_item.iter().map(|line| line.counted().map(|(_, moment)| moment)).collect();
    let first = moments?.into_iter().min()?;
    let on_a_line = |place: &Place| of_item.iter().any(|line| line.place().as_ref() == Some(place));
    let missed = places.iter().any(|place| !on_a_line(place) && books.at(place, first) > 0);
    (!missed).then_some(first)
}

/// How far the counting has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Lines of the sheet, those found while counting too.
    pub lines: i64,
    /// Lines whose count is decided.
    pub decided: i64,
    /// Lines that wait for another round.
    pub waiting: i64,
    /// Lines that nobody has counted.
    pub not_counted: i64,
}

impl Progress {
    /// The progress of some lines.
    pub fn of(lines: &[Evaluated]) -> Self {
        let count = |wanted: fn(&Decision) -> bool| {
            let lines = lines.iter().filter(|line| !line.is_void());
            let found = lines.filter(|line| wanted(&line.decision)).count();
            i64::try_from(found).unwrap_or(i64::MAX)
        };
        Self {
            lines: count(|_| true),
            decided: count(|decision| matches!(decision, Decision::Decided { .. })),
            waiting: count(|decision| matches!(decision, Decision::Waits(_))),
            not_counted: count(|decision| matches!(decision, Decision::NotCounted)),
        }
    }
}
