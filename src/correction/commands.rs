//! Putting the label of a maker's lot right, in all stores at once.
//!
//! Locks in the order of the house: the dispatches that hold its lots, the maker's lots, the
//! balances, the number counter, the chain heads.

use crate::authority::Authority;
use crate::authority::commands::act_on;
use crate::authority::paperwork::DocumentRef as PaperRef;
use crate::catalogue::records as items;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::correction::requests::{CorrectionRequest, ExpiryRequest, Why};
use crate::correction::rules::{ExpiryBecause, PutRight, change_expiry, merge, put_right};
use crate::correction::views::LabelCorrectionView;
use crate::db::DbError;
use crate::dispatch::order::Order;
use crate::dispatch::papers::Event;
use crate::dispatch::records::{self as dispatches, DOCUMENT_KIND};
use crate::kernel::id::{DispatchId, LotId, MakersLotEventId, MakersLotId, MovementId};
use crate::kernel::{Code, FaultCode, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::document::format_number;
use crate::stock::label::{Label, LabelChange, LabelEvent};
use crate::stock::posting::When;
use crate::stock::queries::{self, corrections as history};
use crate::stock::records::corrections::{self, OnLorry};
use crate::stock::records::{self as stock, Bound, Numbering, Posting, unmatched};
use crate::stock::views::{InTransitView, LabelEventView, MakersLotView, WhereView};
use crate::stock::{Account, LotBalance, MakersLot, MovementKind, NewMovement, Outside};
use chrono::Datelike;
use std::collections::{BTreeMap, BTreeSet};

/// The letters with which the numbers of corrections begin: 批更.
const PREFIX: &str = "PG";
/// Corrections are the county's: their numbers name no store.
const COUNTY: &str = "COUNTY";
/// What movements and the trail call a correction.
const CORRECTION: &str = "correction";

/// Puts right what was booked wrong of a maker's lot, in all stores at once.
///
/// # Errors
/// `not_found`, `stale_version`; `validation_failed` for an unknown item, one of another base unit,
/// or when nothing would change; `lot_conflict` when the right maker's lot is known with other
/// dates; `wrong_status` when a recall would be lifted; `in_use` when facts that the book could not
/// cover are open on it and the item would change.
pub fn correct(
    tx: &mut Tx<'_>,
    id: &MakersLotId,
    request: &CorrectionRequest,
) -> Result<Done, CommandError> {
    let (right, why) = request.parse()?;
    let orders = lock_orders(tx, id)?;
    let booked = lock(tx, id)?;
    match put_right(&booked, &right)? {
        PutRight::InPlace(label) => {
            let event = in_place(tx, &booked, &label, LabelChange::ExpiryCorrected, why, None)?;
            answer(tx, &booked, &event, id, 0)
        }
        PutRight::Into(label) => {
            check_item(tx, &booked, &label.item_code)?;
            let target = target(tx, &booked, &label)?;
            let event = event(tx, &booked, LabelChange::Correction, why, None)?;
            let event = LabelEvent {
                after: Label::from(&target),
                corrected_to: Some(target.id.clone()),
                ..event
            };
            corrections::insert_event(tx.conn, &event)?;
            let moved = reclassify(tx, &booked, &target, &event, &orders)?;
            let version = booked.version + 1;
            corrections::store_label(tx.conn, &MakersLot { version, ..booked.clone() })?;
            answer(tx, &booked, &event, &target.id, moved)
        }
    }
}

/// Changes the expiry of a maker's lot, in all stores at once; what the book said before stays
/// answerable.
///
/// # Errors
/// `not_found`, `stale_version`, `validation_failed`; `authority_required` for an extension that
/// names none.
pub fn set_expiry(
    tx: &mut Tx<'_>,
    id: &MakersLotId,
    request: &ExpiryRequest,
) -> Result<Done, CommandError> {
    let latest = tx.now.plus_minutes(tx.settings.future_minutes);
    let (to, because, authority, why) = request.parse(latest)?;
    let booked = lock(tx, id)?;
    let label = change_expiry(&booked, to, because, authority.is_some())?;
    let kind = match because {
        ExpiryBecause::Extended => LabelChange::ExpiryExtended,
        ExpiryBecause::TypingError => LabelChange::ExpiryCorrected,
    };
    let event = in_place(tx, &booked, &label, kind, why, authority)?;
    if let Some(word) = &event.authority {
        let paper = PaperRef {
            kind: CORRECTION.to_owned(),
            id: event.id.to_string(),
            number: Some(event.number.clone()),
            store: None,
            other_store: None,
        };
        act_on(tx, paper, word)?;
    }
    answer(tx, &booked, &event, id, 0)
}

fn lock(tx: &mut Tx<'_>, id: &MakersLotId) -> Result<MakersLot, CommandError> {
    let booked = stock::lock_makers_lot(tx.conn, id)?
        .ok_or_else(|| Refusal::not_found("批号", "maker's lot", id.as_str()))?;
    tx.expect_version(booked.version)?;
    Ok(booked)
}

/// Locks the dispatches that were promised lots of it, carry them, or ask for them.
fn lock_orders(tx: &mut Tx<'_>, id: &MakersLotId) -> Result<Vec<Order>, CommandError> {
    let mut orders = Vec::new();
    for id in holding(tx, id)? {
        if let Some(order) = dispatches::lock(tx.conn, &id)? {
            orders.push(order);
        }
    }
    Ok(orders)
}

fn holding(tx: &mut Tx<'_>, id: &MakersLotId) -> Result<BTreeSet<DispatchId>, CommandError> {
    let lots = queries::lots_of_makers_lot(tx.conn, id)?;
    let documents = history::documents_holding(tx.conn, DOCUMENT_KIND, &lots)?;
    let mut holding: BTreeSet<DispatchId> =
        documents.into_iter().filter_map(|id| DispatchId::try_from(id).ok()).collect();
    holding.extend(dispatches::asking_for(tx.conn, &lots)?);
    Ok(holding)
}

fn check_item(tx: &mut Tx<'_>, booked: &MakersLot, right: &ItemCode) -> Result<(), CommandError> {
    if *right == booked.item_code {
        return Ok(());
    }
    let Some(item) = items::find(tx.conn, right)? else {
        return Err(Refusal::fault("/item_code", FaultCode::Unknown).into());
    };
    let old = items::find(tx.conn, &booked.item_code)?;
    if old.is_some_and(|old| old.base_unit != item.base_unit) {
        return Err(Refusal::fault("/item_code", FaultCode::Contradicts).into());
    }
    let lots = queries::lots_of_makers_lot(tx.conn, &booked.id)?;
    let open = unmatched::open_on(tx.conn, &lots)?;
    if open.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = open.into_iter().map(|fact| fact.document.number).collect();
    Err(Refusal::new(
        Code::InUse,
        format!("该批号尚有未匹配的事后补录（{}），请先清理", numbers.join("，")),
        format!("Unmatched facts are open on it ({}): clear them first", numbers.join(", ")),
    )
    .with("documents", numbers)
    .into())
}

/// The maker's lot to which everything goes: the one that the book knows, or a new one.
fn target(
    tx: &mut Tx<'_>,
    booked: &MakersLot,
    label: &MakersLot,
) -> Result<MakersLot, CommandError> {
    let named = |tx: &mut Tx<'_>| {
        stock::lock_makers_lot_named(tx.conn, &label.item_code, &label.lot_number, &label.maker)
    };
    if let Some(known) = named(tx)? {
        merge(booked, label, &known)?;
        return Ok(known);
    }
    let new =
        MakersLot { id: MakersLotId::generate(), version: 1, created_at: tx.now, ..label.clone() };
    stock::insert_makers_lot(tx.conn, &new)?;
    match named(tx)? {
        Some(known) => {
            merge(booked, label, &known)?;
            Ok(known)
        }
        None => Ok(new),
    }
}

fn event(
    tx: &mut Tx<'_>,
    booked: &MakersLot,
    kind: LabelChange,
    why: Why,
    authority: Option<Authority>,
) -> Result<LabelEvent, CommandError> {
    let county = StoreCode::new(COUNTY).map_err(|_never| Refusal::plain(Code::Internal))?;
    let year = i64::from(tx.settings.zone.day_of(tx.now).year());
    let running = stock::next_number(tx.conn, &county, PREFIX, year)?;
    Ok(LabelEvent {
        id: MakersLotEventId::generate(),
        makers_lot_id: booked.id.clone(),
        seq: corrections::next_event_seq(tx.conn, &booked.id)?,
        kind,
        number: format_number(PREFIX, &county, year, running),
        recorded_at: tx.now,
        actor: tx.actor.name.clone(),
        reason: why.reason,
        note: why.note,
        authority,
        before: Label::from(booked),
        after: Label::from(booked),
        corrected_to: None,
    })
}

fn in_place(
    tx: &mut Tx<'_>,
    booked: &MakersLot,
    label: &MakersLot,
    kind: LabelChange,
    why: Why,
    authority: Option<Authority>,
) -> Result<LabelEvent, CommandError> {
    let event = event(tx, booked, kind, why, authority)?;
    let event = LabelEvent { after: Label::from(label), ..event };
    corrections::insert_event(tx.conn, &event)?;
    let version = booked.version + 1;
    corrections::store_label(tx.conn, &MakersLot { version, ..label.clone() })?;
    Ok(event)
}

/// Brings every piece of the lots as booked to lots of the right label, and the promises with them.
/// How many movements that took.
fn reclassify(
    tx: &mut Tx<'_>,
    booked: &MakersLot,
    target: &MakersLot,
    event: &LabelEvent,
    orders: &[Order],
) -> Result<i64, CommandError> {
    let lots = queries::lots_of_makers_lot(tx.conn, &booked.id)?;
    let known = stock::find_lots(tx.conn, &lots)?;
    let mut went_to: BTreeMap<LotId, (LotId, ItemCode)> = BTreeMap::new();
    for lot in known.values() {
        let to = corrections::successor(tx.conn, lot, target, tx.now)?;
        went_to.insert(lot.id.clone(), (to, target.item_code.clone()));
    }
    let balances = corrections::lock_lots(tx.conn, &lots)?;
    let lorries = corrections::lock_on_lorries(tx.conn, &lots)?;
    // A dispatch that was promised a lot only now would be left with the wrong one.
    let locked: BTreeSet<&DispatchId> = orders.iter().map(|order| &order.id).collect();
    if holding(tx, &booked.id)?.iter().any(|id| !locked.contains(id)) {
        let text = "a dispatch took up a lot that is being corrected".to_owned();
        return Err(DbError::Conflict(text).into());
    }
    let when = When::now(tx.now, tx.settings.zone);
    let lifted = corrections::lift_promises(tx.conn, &when, &lots)?;
    let mut moved = 0;
    let in_stores = balances.iter().flat_map(|balance| in_store(balance, &went_to, event));
    moved += post(tx, event, None, in_stores.collect())?;
    for lorry in &lorries {
        let bound = Bound {
            from_store: lorry.from_store.clone(),
            to_store: lorry.to_store.clone(),
            expected_at: lorry.expected_at,
        };
        moved += post(tx, event, Some(bound), on_lorry(lorry, &went_to, event))?;
    }
    corrections::lay_promises(tx.conn, &when, lifted, &went_to)?;
    for order in orders {
        dispatches::relabel(tx.conn, order, &went_to)?;
        let told = Event {
            at: tx.now,
            actor: tx.actor.name.clone(),
            what: "lots_corrected".to_owned(),
            note: Some(event.number.clone()),
        };
        dispatches::tell(tx.conn, &order.id, &[], &told)?;
    }
    Ok(moved)
}

fn in_store(
    balance: &LotBalance,
    went_to: &BTreeMap<LotId, (LotId, ItemCode)>,
    event: &LabelEvent,
) -> Vec<NewMovement> {
    let here = Account::Store(balance.store_code.clone(), balance.state);
    let old = (&balance.lot.id, &balance.lot.makers_lot.item_code);
    pair(&balance.store_code, old, balance.on_hand, &here, went_to, event)
}

fn on_lorry(
    lorry: &OnLorry,
    went_to: &BTreeMap<LotId, (LotId, ItemCode)>,
    event: &LabelEvent,
) -> Vec<NewMovement> {
    let here = Account::Transit(lorry.dispatch_id.clone());
    let old = (&lorry.lot_id, &lorry.item_code);
    // What is on the way stands in the receiver's chain, like what is lost there.
    let mut pair = pair(&lorry.to_store, old, lorry.on_hand, &here, went_to, event);
    for movement in &mut pair {
        movement.shipment_id = Some(lorry.shipment_id.clone());
    }
    pair
}

/// Out of the lot as it was booked, and into the lot as it is.
fn pair(
    chain: &StoreCode,
    (lot, item): (&LotId, &ItemCode),
    quantity: Quantity,
    here: &Account,
    went_to: &BTreeMap<LotId, (LotId, ItemCode)>,
    event: &LabelEvent,
) -> Vec<NewMovement> {
    let Some((new_lot, new_item)) = went_to.get(lot) else { return Vec::new() };
    let between = || Account::Outside(Outside::Reclassification);
    let movement = |item, lot, from, to| NewMovement {
        reason_code: Some(event.reason.as_str().to_owned()),
        note: event.note.as_ref().map(|note| note.chars().take(200).collect()),
        ..NewMovement::new(MovementKind::Reclassification, chain, item, lot, quantity, from, to, 1)
    };
    vec![
        movement(item, lot, here.clone(), between()),
        movement(new_item, new_lot, between(), here.clone()),
    ]
}

fn post(
    tx: &mut Tx<'_>,
    event: &LabelEvent,
    bound: Option<Bound>,
    lines: Vec<NewMovement>,
) -> Result<i64, CommandError> {
    if lines.is_empty() {
        return Ok(0);
    }
    let posting = Posting {
        document_kind: CORRECTION.to_owned(),
        document_id: event.id.to_string(),
        numbering: Numbering::Given(event.number.clone()),
        occurred_at: tx.now,
        slip_number: None,
        after_the_fact: false,
        actor: tx.actor.name.clone(),
        bound,
        lines,
    };
    let posted = stock::post(tx.conn, tx.settings.zone, tx.now, posting)?;
    let ids: Vec<MovementId> = posted.movements.into_iter().map(|one| one.id).collect();
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

fn answer(
    tx: &mut Tx<'_>,
    booked: &MakersLot,
    event: &LabelEvent,
    now_under: &MakersLotId,
    movements: i64,
) -> Result<Done, CommandError> {
    let found = queries::makers_lot(tx.conn, now_under)?;
    let lot = found.ok_or_else(|| Refusal::not_found("批号", "maker's lot", now_under.as_str()))?;
    let scope = &tx.actor.scope;
    let balances = stock::balances_of_makers_lot(tx.conn, scope, now_under)?;
    let lots = queries::lots_of_makers_lot(tx.conn, now_under)?;
    let on_way = queries::in_transit(tx.conn, scope, None, Some(&lot.item_code), None)?;
    let view = LabelCorrectionView {
        event: LabelEventView::from(event.clone()),
        makers_lot: MakersLotView::from(&lot),
        movements,
        stock: balances.iter().map(WhereView::from).collect(),
        in_transit: on_way
            .into_iter()
            .filter(|row| lots.contains(&row.lot_id))
            .map(InTransitView::from)
            .collect(),
    };
    let subject = Subject { kind: "makers_lot", id: booked.id.to_string(), store: None };
    Ok(Done::ok(subject, &view).version(booked.version + 1).replacing(&MakersLotView::from(booked)))
}
