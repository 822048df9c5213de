//! The commands of the ledger, one file for each verb.

mod change_state;
mod correct;
pub mod fact;
mod fulfil;
pub mod past;
mod period;
mod recall;
mod receive;
mod reverse;
mod settle_cost;
pub mod unmatched;
mod write_off;

pub use change_state::change_state;
pub use correct::post_adjustment;
pub use period::{close_period, reopen_period};
pub use recall::recall;
pub use receive::post_receipt;
pub use reverse::{Why, naming_users, reverse_document, reverse_movement, take_back_estimates};
pub use settle_cost::{SettledView, settle_cost};
pub use write_off::{approve_write_off, cancel_write_off, post_write_off};

use crate::command::{CommandError, Subject, Tx};
use crate::kernel::id::{LotId, MovementId, StockDocumentId};
use crate::kernel::{
    Bilingual, FaultCode, Faults, Instant, ItemCode, LotNumber, Quantity, StoreCode,
};
use crate::stock::document::{DocumentKind, DocumentStatus, StockDocument};
use crate::stock::lot::Lot;
use crate::stock::movement::{Movement, NewMovement};
use crate::stock::records::{self, Numbering, Posted, Posting};
use crate::stock::requests::{LotName, NamedLot};
use crate::stock::rules;
use crate::stock::views::MovementView;
use serde::Serialize;

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
    let Posted { number, movements } = post(tx, posting)?;
    let (occurred_at, recorded_at) = movements
        .last()
        .map_or((paper.occurred_at, tx.now), |last| (last.occurred_at, last.recorded_at));
    let document = StockDocument {
        id: paper.id,
        kind: paper.kind,
        number,
        store_code: paper.store,
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
pub fn fresh_views(movements: Vec<Movement>) -> Vec<MovementView> {
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

/// The lots that some lines name, in their order, with a fault for each that the book does not know
/// or cannot tell from others.
///
/// A number that several lots bear means the one that the store holds; where it holds several, or
/// none of several, the line must name an id, and the refusal lists them as `candidates`.
pub(super) fn lots_named<'a>(
    tx: &mut Tx<'_>,
    store: &str,
    names: impl Iterator<Item = LotName<'a>>,
    faults: &mut Faults,
) -> Result<Vec<Option<Lot>>, CommandError> {
    let names: Vec<Option<NamedLot>> =
        names.enumerate().map(|(at, name)| name.parse(&format!("/lines/{at}"), faults)).collect();
    let ids: Vec<LotId> = names
        .iter()
        .flatten()
        .filter_map(|name| match name {
            NamedLot::Id(id, _) => Some(id.clone()),
            NamedLot::Number(..) => None,
        })
        .collect();
    let by_id = records::find_lots(tx.conn, &ids)?;
    let store = StoreCode::new(store).ok();
    let mut lots = Vec::with_capacity(names.len());
    for (at, name) in names.into_iter().enumerate() {
        let pointer = format!("/lines/{at}");
        lots.push(match name {
            None => None,
            Some(NamedLot::Id(id, item)) => {
                let lot = by_id.get(&id).cloned().ok_or(FaultCode::Unknown);
                let lot = faults.keep(format!("{pointer}/lot_id"), lot);
                if item
                    .zip(lot.as_ref())
                    .is_some_and(|(said, lot)| said != lot.makers_lot.item_code)
                {
                    faults.add(format!("{pointer}/item_code"), FaultCode::Contradicts);
                }
                lot
            }
            Some(NamedLot::Number(item, number)) => {
                lot_numbered(tx, Among::HeldBy(store.as_ref()), &item, &number, &pointer, faults)?
            }
        });
    }
    Ok(lots)
}

/// Where a lot that a number means is looked for.
#[derive(Debug, Clone, Copy)]
pub enum Among<'a> {
    /// Anywhere in the book; where several bear the number, those that the store holds.
    HeldBy(Option<&'a StoreCode>),
    /// These lots alone.
    These(&'a [LotId]),
}

/// The lot of an item that a number on a label means; a fault where the book does not know it or
/// cannot tell it from others, which the refusal then lists as `candidates`.
///
/// # Errors
/// When the database fails.
pub fn lot_numbered(
    tx: &mut Tx<'_>,
    among: Among<'_>,
    item: &ItemCode,
    number: &LotNumber,
    pointer: &str,
    faults: &mut Faults,
) -> Result<Option<Lot>, CommandError> {
    let at = format!("{pointer}/lot_number");
    let mut known = records::lots_numbered(tx.conn, item, number)?;
    match among {
        Among::These(lots) => known.retain(|lot| lots.contains(&lot.id)),
        Among::HeldBy(Some(store)) if known.len() > 1 => {
            let ids: Vec<LotId> = known.iter().map(|lot| lot.id.clone()).collect();
            let held = records::lots_held(tx.conn, store, &ids)?;
            known.retain(|lot| held.is_empty() || held.contains(&lot.id));
        }
        Among::HeldBy(_) => {}
    }
    match known.len() {
        0 => Ok(faults.keep(at, Err(FaultCode::Unknown))),
        1 => Ok(known.pop()),
        _ => {
            faults.add_saying(at.clone(), FaultCode::Ambiguous, candidates_in_words(&known));
            for lot in &known {
                faults.tell("candidates", candidate(&at, lot));
            }
            Ok(None)
        }
    }
}

/// What tells a lot from others of its number.
fn candidate(pointer: &str, lot: &Lot) -> serde_json::Value {
    serde_json::json!({
        "pointer": pointer,
        "lot_id": lot.id,
        "lot_number": lot.makers_lot.lot_number,
        "maker": lot.makers_lot.maker,
        "expires_on": lot.makers_lot.expiry.date(),
        "source_kind": lot.provenance.source_kind,
        "source_name": lot.provenance.source_name,
        "owner_code": lot.provenance.owner_code,
        "earmarked_for": lot.provenance.earmarked_for,
        "unit_cost": lot.provenance.unit_cost,
    })
}

fn candidates_in_words(lots: &[Lot]) -> Bilingual {
    let ids: Vec<&str> = lots.iter().map(|lot| lot.id.as_str()).collect();
    let ids = ids.join(", ");
    Bilingual::new(
        format!("所指不唯一，请用 lot_id 指明其一：{ids}"),
        format!("names more than one lot; say by lot_id which of {ids}"),
    )
}

/// What is left of a movement after its reversals.
pub(super) fn left_of(movement: &Movement, reversals: &[(MovementId, Quantity)]) -> Quantity {
    let reversed = Quantity::total(reversals.iter().map(|(_, quantity)| *quantity));
    movement.line.quantity.minus_or_zero(reversed)
}
