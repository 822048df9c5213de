//! Facts that the book could not cover, how they are cleared, and promises that facts cut.

use crate::kernel::id::{LotId, MovementId, ReservationCutId, UnmatchedId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::stock::account::Outside;
use crate::stock::movement::DocumentRef;
use crate::word_enum;
use chrono::NaiveDate;

/// A fact that the book could not cover, wholly or in part.
///
/// In the ledger it stands as a movement from *unmatched* to its purpose. What clears it goes to
/// *unmatched*, so that the account of a store and item always holds minus what is open there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedFact {
    /// Its id.
    pub id: UnmatchedId,
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// The lot that carries it in the ledger: the one named, else the house lot of the item.
    pub lot_id: LotId,
    /// The number that the slip names, where the book does not know it.
    pub named_lot: Option<String>,
    /// What the book did not hold.
    pub quantity: Quantity,
    /// What of it neither came to light nor was taken back so far.
    pub open: Quantity,
    /// Where it went.
    pub purpose: Outside,
    /// The movement from *unmatched* to the purpose.
    pub movement_id: MovementId,
    /// The document of the fact.
    pub document: DocumentRef,
    /// Its line, from 1.
    pub line_no: i64,
    /// The paper slip.
    pub slip_number: String,
    /// When it happened.
    pub occurred_at: Instant,
    /// The business day on which it happened.
    pub business_day: NaiveDate,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who posted it.
    pub actor: String,
    /// Counts the changes.
    pub version: i64,
}

word_enum! {
    /// How a fact was cleared; a reversal of the fact itself is seen at its movement.
    pub enum HowCleared {
        /// A receipt or a signing for a dispatch, booked late, brought the goods to light.
        Receipt = "receipt",
        /// A count took the difference upon itself.
        Count = "count",
        /// A keeper set it against stock that a receipt had brought before.
        Match = "match",
    }
}

/// A movement that cleared a fact, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearing {
    /// The movement into *unmatched*.
    pub movement_id: MovementId,
    /// The fact.
    pub unmatched_id: UnmatchedId,
    /// How.
    pub how: HowCleared,
    /// The document that brought it to light.
    pub by: DocumentRef,
    /// How much.
    pub quantity: Quantity,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who did it.
    pub actor: String,
}

/// A promise that a fact cut: the document that lost it is short by as much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationCut {
    /// Its id.
    pub id: ReservationCutId,
    /// The kind of the document that lost the promise, e.g. `dispatch`.
    pub document_kind: String,
    /// Its id.
    pub document_id: String,
    /// Its line, from 1.
    pub line_no: i64,
    /// The store that held the lot.
    pub store_code: StoreCode,
    /// The lot.
    pub lot_id: LotId,
    /// The item.
    pub item_code: ItemCode,
    /// How much was lost.
    pub quantity: Quantity,
    /// The fact that cut it.
    pub by: DocumentRef,
    /// The fact's slip.
    pub slip_number: String,
    /// When.
    pub cut_at: Instant,
    /// Who posted the fact.
    pub actor: String,
    /// When somebody went on with the document that lost it.
    pub acknowledged_at: Option<Instant>,
    /// Who.
    pub acknowledged_by: Option<String>,
}
