//! The commands of the ledger, one file for each verb.

mod change_state;
mod correct;
mod period;
mod recall;
mod receive;
mod reverse;
mod settle_cost;
mod write_off;

pub use change_state::change_state;
pub use correct::post_adjustment;
pub use period::{close_period, reopen_period};
pub use recall::recall;
pub use receive::post_receipt;
pub use reverse::{reverse_document, reverse_movement};
pub use settle_cost::{SettledView, settle_cost};
pub use write_off::{approve_write_off, cancel_write_off, post_write_off};

use crate::command::{CommandError, Subject, Tx};
use crate::kernel::id::{LotId, MovementId, StockDocumentId};
use crate::kernel::{FaultCode, Faults, Instant, Quantity, StoreCode};
use crate::stock::document::{DocumentKind, DocumentStatus, StockDocument};
use crate::stock::lot::Lot;
use crate::stock::movement::{Movement, NewMovement};
use crate::stock::records::{self, Numbering, Posted, Posting};
use crate::stock::rules;
use crate::stock::views::MovementView;
use serde::Serialize;
use std::collections::BTreeMap;

/// Posts the movements of a new document and stores the document.
///
/// # Errors
/// Those of [`post`].
pub fn post_document(
    tx: &mut Tx<'_>,
    kind: DocumentKind,
    id: StockDocumentId,
    store: &StoreCode,
    occurred_at: Instant,
    lines: Vec<NewMovement>,
    detail: &impl Serialize,
) -> Result<(StockDocument, Vec<MovementView>), CommandError> {
    let posting = Posting {
        document_kind: kind.as_str().to_owned(),
        document_id: id.to_string(),
        numbering: Numbering::Next { store: store.clone(), prefix: kind.prefix() },
        occurred_at,
        slip_number: None,
        after_the_fact: false,
        actor: tx.actor.name.clone(),
        bound: None,
        lines,
    };
    let Posted { number, movements } = post(tx, posting)?;
    let recorded_at = movements.last().map_or(tx.now, |movement| movement.recorded_at);
    let document = StockDocument {
        id,
        kind,
        number,
        store_code: store.clone(),
        status: DocumentStatus::Posted,
        occurred_at,
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

/// Posts movements on behalf of the caller.
///
/// # Errors
/// `too_far_back` where the caller's role may not post so late; those of [`records::post`].
pub fn post(tx: &mut Tx<'_>, posting: Posting) -> Result<Posted, CommandError> {
    // Files that are brought in at the command line hold history.
    if !tx.is_internal() {
        let (zone, role) = (tx.settings.zone, tx.actor.role);
        let days = (zone.day_of(posting.occurred_at), zone.day_of(tx.now));
        rules::check_how_far_back(role, days, tx.settings)?;
    }
    records::post(tx.conn, tx.settings.zone, tx.now, posting)
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
