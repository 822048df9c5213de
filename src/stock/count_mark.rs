//! Marks that counts leave in the ledger: from then on the book is what was counted.

use crate::kernel::id::LotId;
use crate::kernel::{Code, Instant, Quantity, Refusal, StoreCode};
use crate::stock::account::{Account, StockState};
use crate::stock::movement::Movement;

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
    /// The last movement of the store's chain that the count was held against.
    pub chain_seq: i64,
    /// When it was posted.
    pub recorded_at: Instant,
}

impl CountMark {
    /// Whether the difference that this count posted has made up for a movement.
    ///
    /// It has where the count came after the movement and was held against a book that had it: who
    /// takes the movement back now would correct the same mistake a second time.
    pub fn absorbs(&self, movement: &Movement) -> bool {
        let touched = [&movement.line.from, &movement.line.to].into_iter().any(|account| {
            matches!(account, Account::Store(store, state)
                if *store == self.store_code && *state == self.state)
        });
        touched
            && movement.line.lot_id == self.lot_id
            && movement.document.id != self.document_id
            && movement.occurred_at <= self.counted_at
            && movement.chain_seq <= self.chain_seq
    }
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
