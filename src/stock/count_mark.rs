//! Marks that counts leave in the ledger: the book of that moment is what was counted, for good.
//!
//! What happened before a count and is entered after it does not change what was there. The book
//! of the count's moment stays, and the entry only explains the difference otherwise: what a late
//! issue takes was no loss. So the count gives back what the entry takes, and takes what it brings.

use crate::kernel::id::LotId;
use crate::kernel::{Code, Instant, Quantity, Refusal, StoreCode};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::movement::{Movement, MovementKind, NewMovement};
use std::collections::BTreeMap;

/// A lot in one state at one store was counted; also where the count agreed with the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountMark {
    /// The store.
    pub store_code: StoreCode,
    /// The lot.
    pub lot_id: LotId,
    /// The state.
    pub state: StockState,
    /// The stocktake.
    pub document_id: String,
    /// Its human number.
    pub document_number: String,
    /// What was there.
    pub counted: Quantity,
    /// Business time of the count.
    pub counted_at: Instant,
    /// When it was posted.
    pub recorded_at: Instant,
}

impl CountMark {
    /// Whether the count has made up for a movement: it came after it.
    ///
    /// Who takes such a movement back would correct the same mistake a second time.
    pub fn absorbs(&self, movement: &Movement) -> bool {
        let touched = [&movement.line.from, &movement.line.to].into_iter().any(|account| {
            matches!(account, Account::Store(store, state)
                if *store == self.store_code && *state == self.state)
        });
        touched
            && movement.line.lot_id == self.lot_id
            && movement.document.id != self.document_id
            && movement.occurred_at <= self.counted_at
    }
}

/// What one count answers to movements that are entered late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountAnswer {
    /// The count.
    pub mark: CountMark,
    /// What it gives back for what the entry takes; posted before the entry.
    pub given: Vec<NewMovement>,
    /// What it takes of what the entry brings; posted after the entry.
    pub taken: Vec<NewMovement>,
}

/// What counts answer to movements of a business time before them, so that the book of their
/// moment stays what was counted: for each place the first count after it, told their marks in the
/// order of time.
pub fn answers(
    lines: &[NewMovement],
    occurred_at: Instant,
    marks: &[CountMark],
) -> Vec<CountAnswer> {
    let mut answers: BTreeMap<(Instant, String), CountAnswer> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.kind != MovementKind::Count) {
        for (account, brings) in [(&line.from, false), (&line.to, true)] {
            let Account::Store(store, state) = account else { continue };
            let first = marks.iter().find(|mark| {
                mark.store_code == *store
                    && mark.lot_id == line.lot_id
                    && mark.state == *state
                    && mark.counted_at >= occurred_at
            });
            let Some(mark) = first else { continue };
            let difference = Account::Outside(Outside::CountDifference);
            let (from, to) =
                if brings { (account.clone(), difference) } else { (difference, account.clone()) };
            let answer = NewMovement {
                kind: MovementKind::Count,
                from,
                to,
                shipment_id: None,
                reverses: None,
                ..line.clone()
            };
            let of_count =
                answers.entry((mark.counted_at, mark.document_id.clone())).or_insert_with(|| {
                    CountAnswer { mark: mark.clone(), given: Vec::new(), taken: Vec::new() }
                });
            if brings { of_count.taken.push(answer) } else { of_count.given.push(answer) }
        }
    }
    answers.into_values().collect()
}

/// That a count has absorbed a movement, with the count's number.
pub fn absorbed(movement: &Movement, mark: &CountMark) -> Refusal {
    Refusal::new(
        Code::AbsorbedByCount,
        format!(
            "批次 {} 已由盘点单 {} 于 {} 盘点，此前的流水不能再红冲；账实不符请重新盘点或更正",
            movement.line.lot_id, mark.document_number, mark.counted_at
        ),
        format!(
            "Stocktake {} counted lot {} at {}, after this movement: if the book is wrong, count \
             again or adjust it",
            mark.document_number, movement.line.lot_id, mark.counted_at
        ),
    )
    .with("movement_id", movement.id.as_str())
    .with("lot_id", movement.line.lot_id.as_str())
    .with("stocktake_id", mark.document_id.as_str())
    .with("stocktake_number", mark.document_number.as_str())
    .with("counted_at", mark.counted_at.to_string())
}
