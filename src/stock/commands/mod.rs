//! The commands of the ledger, one file for each verb.

mod change_state;
mod correct;
pub mod fact;
mod recall;
mod receive;
mod reverse;
mod settle_cost;
pub mod unmatched;
mod write_off;

pub use change_state::change_state;
pub use correct::post_adjustment;
pub use recall::recall;
pub use receive::post_receipt;
pub use reverse::{naming_users, reverse_document, reverse_movement};
pub use settle_cost::{SettledView, settle_cost};
pub use write_off::{approve_write_off, cancel_write_off, post_write_off};

use crate::command::{CommandError, Subject, Tx};
use crate::kernel::id::{LotId, MovementId, StockDocumentId};
use crate::kernel::{FaultCode, Faults, Instant, Quantity, StoreCode};
use crate::stock::document::{DocumentKind, DocumentStatus, StockDocument};
use crate::stock::lot::Lot;
use crate::stock::movement::{Movement, NewMovement};
use crate::stock::records::{self, Numbering, Posted, Posting};
use crate::stock::views::MovementView;
use serde::Serialize;
use std::collections::BTreeMap;

/// Posts the movements of a new document and stores the document.
///
/// # Errors
/// Those of [`records::post`].
pub fn post_document(
    tx: &mut Tx<'_>,
    kind: DocumentKind,
    id: StockDocumentId,
    store: &StoreCode,
    occurred_at: Instant,
    lines: Vec<NewMovement>,
    detail: &impl Serialize,
) -> Result<(StockDocument, Vec<MovementView>), CommandError> {
    let paper = Paper { kind, id, store: store.clone(), occurred_at, slip: None };
    post_on_paper(tx, paper, lines, detail)
}

/// The head of a document that is about to be posted.
#[derive(Debug, Clone)]
pub struct Paper {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its id.
    pub id: StockDocumentId,
    /// The store.
    pub store: StoreCode,
    /// Business time.
    pub occurred_at: Instant,
    /// The slip of a fact that had happened before it was booked; `None` for anything else.
    pub slip: Option<String>,
}

/// Posts the movements of a new document, of a fact or not, and stores the document.
///
/// # Errors
/// Those of [`records::post`].
pub fn post_on_paper(
    tx: &mut Tx<'_>,
    paper: Paper,
    lines: Vec<NewMovement>,
    detail: &impl Serialize,
) -> Result<(StockDocument, Vec<MovementView>), CommandError> {
    let posting = Posting {
        document_kind: paper.kind.as_str().to_owned(),
        document_id: paper.id.to_string(),
        numbering: Numbering::Next { store: paper.store.clone(), prefix: paper.kind.prefix() },
        occurred_at: paper.occurred_at,
        after_the_fact: paper.slip.is_some(),
        slip_number: paper.slip,
        actor: tx.actor.name.clone(),
        bound: None,
        lines,
    };
    let Posted { number, movements } = records::post(tx.conn, tx.settings.zone, tx.now, posting)?;
    let recorded_at = movements.last().map_or(tx.now, |movement| movement.recorded_at);
    let document = StockDocument {
        id: paper.id,
        kind: paper.kind,
        number,
        store_code: paper.store,
        status: DocumentStatus::Posted,
        occurred_at: paper.occurred_at,
        recorded_at,
        created_by: tx.actor.name.clone(),
        approved_by: None,
        approved_at: None,
        detail: to_json(detail),
        version: 1,
    };
    records::insert_document(tx.conn, &document)?;
    Ok((document, fresh_views(movements)))
}

/// The views of movements that nothing has taken back yet.
pub(super) fn fresh_views(movements: Vec<Movement>) -> Vec<MovementView> {
    movements.into_iter().map(|movement| MovementView::new(movement, Vec::new())).collect()
}

pub(super) fn to_json(detail: &impl Serialize) -> String {
    // Details are plain structs of strings and numbers, which always have a JSON form.
    serde_json::to_string(detail).unwrap_or_else(|_never| "{}".to_owned())
}

pub(super) fn subject(document: &StockDocument) -> Subject {
    Subject {
        kind: document.kind.as_str(),
        id: document.id.to_string(),
        store: Some(document.store_code.clone()),
    }
}

/// The lots that some lines name, with a fault for each that the book does not know.
pub(super) fn lots_named(
    tx: &mut Tx<'_>,
    given: &[Option<LotId>],
    faults: &mut Faults,
) -> Result<BTreeMap<LotId, Lot>, CommandError> {
    let ids: Vec<LotId> = given.iter().flatten().cloned().collect();
    let lots = records::find_lots(tx.conn, &ids)?;
    for (at, id) in given.iter().enumerate() {
        if id.as_ref().is_some_and(|id| !lots.contains_key(id)) {
            faults.add(format!("/lines/{at}/lot_id"), FaultCode::Unknown);
        }
    }
    Ok(lots)
}

/// What is left of a movement after its reversals.
pub(super) fn left_of(movement: &Movement, reversals: &[(MovementId, Quantity)]) -> Quantity {
    let reversed = Quantity::total(reversals.iter().map(|(_, quantity)| *quantity));
    movement.line.quantity.minus_or_zero(reversed)
}
