//! What stands beside a dispatch: lorries, signings, steps and events.

use crate::dispatch::order::Step;
use crate::dispatch::rules::Piece;
use crate::kernel::id::{DispatchReceiptId, LotId, MovementId, ShipmentId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::stock::unmatched::ReservationCut;

/// One lorry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// Its id.
    pub id: ShipmentId,
    /// Its number within the dispatch, from 1.
    pub seq: i64,
    /// When it left.
    pub occurred_at: Instant,
    /// When that was recorded.
    pub recorded_at: Instant,
    /// The user who sent it.
    pub shipped_by: String,
    /// The carrier.
    pub carrier: Option<String>,
    /// The number plate.
    pub vehicle: Option<String>,
    /// The driver.
    pub driver: Option<String>,
    /// The driver's telephone.
    pub phone: Option<String>,
    /// When it is expected.
    pub expected_at: Instant,
}

/// A signing for goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// Its id.
    pub id: DispatchReceiptId,
    /// Its number within the dispatch, from 1.
    pub seq: i64,
    /// Where the goods arrived.
    pub store_code: StoreCode,
    /// When.
    pub occurred_at: Instant,
    /// When that was recorded.
    pub recorded_at: Instant,
    /// The person who took the goods over.
    pub received_by: Option<String>,
    /// The user who signed.
    pub signed_by: String,
    /// What else there is to say.
    pub note: Option<String>,
    /// When it was reversed.
    pub reversed_at: Option<Instant>,
    /// By whom.
    pub reversed_by: Option<String>,
    /// Why.
    pub reversal_reason: Option<String>,
    /// What was signed for.
    pub pieces: Vec<SignedPiece>,
}

/// Some pieces of one lot that were signed for, and the movement that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPiece {
    /// Line and lorry; `None` where the goods were not on the papers.
    pub papers: Option<(i64, ShipmentId)>,
    /// The lot.
    pub lot_id: LotId,
    /// Its item.
    pub item_code: ItemCode,
    /// How they ended.
    pub fate: crate::dispatch::order::Fate,
    /// Base units.
    pub quantity: Quantity,
    /// The movement of the ledger.
    pub movement_id: MovementId,
    /// Why they ended so.
    pub reason_code: Option<String>,
    /// What else there is to say.
    pub note: Option<String>,
}

impl SignedPiece {
    /// The piece as the rules know it; `None` where the goods were not on the papers.
    pub fn on_papers(&self) -> Option<Piece> {
        self.papers.clone().map(|(line, shipment_id)| Piece {
            line,
            entry: 0,
            shipment_id,
            lot_id: self.lot_id.clone(),
            item_code: self.item_code.clone(),
            fate: self.fate,
            quantity: self.quantity,
        })
    }
}

/// Somebody set or added to a number of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineStep {
    /// The line.
    pub line: i64,
    /// Which number.
    pub step: Step,
    /// Base units; below zero where a signing was reversed.
    pub quantity: i64,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Instant,
    /// Why.
    pub reason_code: Option<String>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// Something happened to a dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// Who did it.
    pub actor: String,
    /// What, as one word, e.g. `shipped`.
    pub what: String,
    /// What else there is to say.
    pub note: Option<String>,
}

impl Event {
    /// What happened to a dispatch when a fact took what it was promised.
    pub fn of_cut(cut: &ReservationCut) -> Self {
        let ReservationCut { line_no, item_code, quantity, by, slip_number, .. } = cut;
        let note =
            format!("line {line_no}: −{quantity} {item_code}, {} ({slip_number})", by.number);
        Self {
            at: cut.cut_at,
            actor: cut.actor.clone(),
            what: "promise_cut".to_owned(),
            note: Some(note),
        }
    }
}
