//! The book as of the moment of a count, and the movements that explain it.

use crate::kernel::Instant;
use crate::kernel::id::{LotId, MovementId};
use crate::stock::{DocumentRef, MovementKind, StockState};
use crate::word_enum;
use std::collections::BTreeMap;

/// One lot in one state, at the store that is counted.
pub type Place = (LotId, StockState);

/// What a movement did to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The movement.
    pub movement_id: MovementId,
    /// What it was.
    pub kind: MovementKind,
    /// The document behind it.
    pub document: DocumentRef,
    /// Its place in the store's chain.
    pub chain_seq: i64,
    /// Business time.
    pub occurred_at: Instant,
    /// The service's time.
    pub recorded_at: Instant,
    /// Base units more (above zero) or fewer (below zero).
    pub units: i64,
}

word_enum! {
    /// How a movement that the sheet did not know stands to the count.
    pub enum Timing {
        /// It happened before the sheet was made and was entered later.
        EnteredLate = "entered_late",
        /// It happened between the sheet and the count: the count must show it.
        BeforeCount = "before_count",
        /// It happened after the count, which cannot show it.
        AfterCount = "after_count",
    }
}

/// What the book says of the places of a stocktake, now and at every moment since its sheet.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// What is on hand now.
    pub on_hand: BTreeMap<Place, i64>,
    /// Every change since the sheet: that happened after it, or was recorded after it.
    pub changes: BTreeMap<Place, Vec<Change>>,
}

impl Books {
    /// What the book says of a moment not before the sheet: what is on hand now, without what
    /// happened later. The cost does not grow with the ledger's history.
    pub fn at(&self, place: &Place, moment: Instant) -> i64 {
        let now = self.on_hand.get(place).copied().unwrap_or(0);
        let later = self.changes_of(place).filter(|change| change.occurred_at > moment);
        later.fold(now, |book, change| book.saturating_sub(change.units))
    }

    /// The lowest that the book says of any moment from `moment` on.
    pub fn lowest_since(&self, place: &Place, moment: Instant) -> i64 {
        let later = self.changes_of(place).map(|change| change.occurred_at);
        later
            .filter(|at| *at > moment)
            .map(|at| self.at(place, at))
            .fold(self.at(place, moment), i64::min)
    }

    /// The changes of a place that the sheet did not know, and how each stands to a count.
    pub fn explain(
        &self,
        place: &Place,
        frozen_at: Instant,
        counted_at: Option<Instant>,
    ) -> Vec<(Timing, &Change)> {
        let timing = |change: &Change| {
            if change.occurred_at <= frozen_at {
                Timing::EnteredLate
            } else if counted_at.is_none_or(|at| change.occurred_at <= at) {
                Timing::BeforeCount
            } else {
                Timing::AfterCount
            }
        };
        let mut told: Vec<(Timing, &Change)> =
            self.changes_of(place).map(|change| (timing(change), change)).collect();
        told.sort_by(|(_, one), (_, other)| {
            (one.occurred_at, one.chain_seq).cmp(&(other.occurred_at, other.chain_seq))
        });
        told
    }

    fn changes_of(&self, place: &Place) -> impl Iterator<Item = &Change> {
        self.changes.get(place).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Instant {
        Instant::parse("2026-03-02T00:00:00Z").unwrap().plus_minutes(minute)
    }

    fn change(chain_seq: i64, minute: i64, units: i64) -> Change {
        Change {
            movement_id: MovementId::generate(),
            kind: MovementKind::Adjustment,
            document: DocumentRef { kind: String::new(), id: String::new(), number: String::new() },
            chain_seq,
            occurred_at: at(minute),
            recorded_at: at(minute),
            units,
        }
    }

    proptest! {
        #[test]
        fn the_sheet_and_what_is_told_add_up_to_the_book_of_the_count(
            frozen in 0_i64..1_000,
            moves in proptest::collection::vec((-30_i64..60, -20_i64..20), 0..12),
            counted in 0_i64..40,
        ) {
            let place = (LotId::generate(), StockState::Available);
            let changes: Vec<Change> =
                (1..).zip(&moves).map(|(seq, (minute, units))| change(seq, *minute, *units)).collect();
            let now = changes.iter().fold(frozen, |sum, change| sum + change.units);
            let books = Books {
                on_hand: [(place.clone(), now)].into(),
                changes: [(place.clone(), changes)].into(),
            };
            let told = books.explain(&place, at(0), Some(at(counted)));
            prop_assert_eq!(told.len(), moves.len());
            let before = told.iter().filter(|(timing, _)| *timing != Timing::AfterCount);
            let book = before.fold(frozen, |sum, (_, change)| sum + change.units);
            prop_assert_eq!(books.at(&place, at(counted)), book);
            prop_assert!(books.lowest_since(&place, at(counted)) <= book.min(now));
        }
    }
}
