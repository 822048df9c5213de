//! What is done with dispatches, one transaction each: lock, load, decide, post, tell.

pub mod allotted;
mod ledger;
mod naming;
pub mod showing;
mod unexpected;

use crate::access::{Permission, Role};
use crate::authority::commands as authority;
use crate::authority::paperwork::{DocumentRef, PaperworkStatus};
use crate::authority::records as papers;
use crate::authority::rules::{self as word, Decision, Standing};
use crate::catalogue::records::{self as catalogue, substitution};
use crate::command::{CommandError, Done, Subject, Tx};
use crate::dispatch::order::{DispatchStatus, Line, LotQuantity, Order, Step};
use crate::dispatch::papers::{Event, LineStep, Shipment, Signing};
use crate::dispatch::records;
use crate::dispatch::records::DOCUMENT_KIND;
use crate::dispatch::requests::{
    ApproveRequest, Asked, CancelRequest, Clockwork, CloseRequest, DispatchRequest,
    FollowUpRequest, PickRequest, ReceiptRequest, RedirectRequest, ShipRequest,
    SigningReversalRequest, Why, Whys,
};
use crate::dispatch::rules::{self, Pickable, Piece};
use crate::kernel::id::{DispatchId, DispatchReceiptId, LotId};
use crate::kernel::{Code, FaultCode, Faults, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::document::format_number;
use crate::stock::records as stock;
use crate::stores::records as stores;
use chrono::Datelike;
use std::collections::{BTreeMap, BTreeSet};

/// The letters with which the numbers of dispatches begin: 调拨.
const PREFIX: &str = "DB";

/// Makes a dispatch: a request where the receiver makes it, else a draft.
///
/// # Errors
/// `validation_failed` with every fault, unknown stores, items, packs and lots among them;
/// `store_out_of_scope` where neither end is the caller's.
pub fn create(tx: &mut Tx<'_>, request: &DispatchRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let request = naming::asked(tx, request, &mut faults)?;
    let asked = request.parse(clockwork(tx), &mut faults);
    let lines = lines_of(tx, &asked, &mut faults)?;
    check_store(tx, "/from_store", asked.from_store.as_ref(), &mut faults)?;
    check_store(tx, "/to_store", asked.to_store.as_ref(), &mut faults)?;
    let to_store = faults.finish(asked.to_store.clone())?;
    let status = status_of(tx, asked.from_store.as_ref(), &to_store)?;
    let order = Order {
        id: DispatchId::generate(),
        number: next_number(tx, asked.from_store.as_ref().unwrap_or(&to_store))?,
        status,
        from_store: asked.from_store,
        to_store,
        needed_by: asked.needed_by,
        urgency: asked.urgency,
        reason: asked.reason,
        order_number: asked.order_number,
        authority: asked.authority,
        note: asked.note,
        follows: None,
        created_by: tx.actor.name.clone(),
        created_at: tx.now,
        approved_by: None,
        approved_at: None,
        expected_at: None,
        version: 1,
        lines,
    };
    begin(tx, &order)
}

fn begin(tx: &mut Tx<'_>, order: &Order) -> Result<Done, CommandError> {
    records::insert(tx.conn, order)?;
    if let Some(word) = &order.authority {
        authority::act_on(tx, document_of(order), word)?;
    }
    let steps = steps(tx, order, |line| {
        Some((
            Step::Requested,
            line.requested,
            Why { reason_code: None, note: order.reason.clone() },
        ))
    });
    let event = event(tx, order.status.as_str(), order.note.clone());
    records::tell(tx.conn, &order.id, &steps, &event)?;
    let subject = subject(order, order.from_store.as_ref().unwrap_or(&order.to_store));
    let view = showing::view(tx.conn, order, tx.now)?;
    Ok(Done::created(subject, &view)
        .version(order.version)
        .located(format!("/dispatches/{}", order.id)))
}

/// Grants a dispatch, cut or whole, and promises its lots, first expired first.
///
/// # Errors
/// Those of [`rules::approve`]; `store_out_of_scope` for a sender that is not the caller's;
/// `insufficient_stock`, `lot_blocked`, `floor_crossed`.
pub fn approve(
    tx: &mut Tx<'_>,
    id: &DispatchId,
    request: &ApproveRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let (command, whys, note) = request.parse(clockwork(tx))?;
    if let Some(from) = &command.from_store {
        let mut faults = Faults::new();
        check_store(tx, "/from_store", Some(from), &mut faults)?;
        faults.check()?;
    }
    if let Some(from) = command.from_store.as_ref().or(before.from_store.as_ref()) {
        tx.actor.require_store(from)?;
    }
    let standing = Standing {
        by_office: tx.actor.role.has(Permission::ApproveDispatches),
        is_own: before.created_by == tx.actor.name,
        emergency_limit: tx.actor.emergency_release_limit,
    };
    let (mut after, _) = rules::approve(&before, &command, standing, &tx.actor.name, tx.now)?;
    ledger::promise_granted(tx, &mut after)?;
    if let Some(word) = after.authority.clone() {
        authority::act_on(tx, document_of(&after), &word)?;
    }
    let steps =
        steps(tx, &after, |line| Some((Step::Approved, line.approved?, why_of(&whys, line.line))));
    let from = ledger::sender(&after)?.clone();
    finish(tx, &before, after, &from, steps, event(tx, "approved", note))
}

/// Sets lots aside: those promised, others, less, or a substitute.
///
/// # Errors
/// Those of [`rules::pick`]; `lot_blocked`, `insufficient_stock`, and `floor_crossed` for a
/// substitute; `store_out_of_scope` unless the sender is the caller's.
pub fn pick(tx: &mut Tx<'_>, id: &DispatchId, request: &PickRequest) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let from = own_sender(tx, &before)?;
    let (lines, whys, note) = naming::picked(tx, &before, request)?.parse()?;
    let pickable = pickable(tx, &before, &lines)?;
    let after = rules::pick(&before, &lines, &pickable)?;
    ledger::promise_picked(tx, &before, &after)?;
    let steps = steps(tx, &after, |line| {
        let old = before.line(line.line)?;
        let changed = old.picked != line.picked || old.reserved != line.reserved;
        changed.then_some(())?;
        Some((Step::Picked, line.picked?, why_of(&whys, line.line)))
    });
    finish(tx, &before, after, &from, steps, event(tx, "picked", note))
}

/// Puts goods that are set aside on a lorry, and releases the rest when it is the last.
///
/// # Errors
/// Those of [`rules::ship`]; `lot_blocked` for a lot that has expired or was recalled since;
/// `late_entry`; `store_out_of_scope` unless the sender is the caller's.
pub fn ship(tx: &mut Tx<'_>, id: &DispatchId, request: &ShipRequest) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let from = own_sender(tx, &before)?;
    let (command, lorry, note) = naming::shipped(tx, &before, request)?.parse(clockwork(tx))?;
    let shipped = rules::ship(&before, &command)?;
    ledger::load(tx, &before, &command, &shipped.loads, lorry.slip)?;
    ledger::give_up(tx, &before, &shipped.released)?;
    let earlier = records::shipments_of(tx.conn, id)?;
    let shipment = Shipment {
        id: command.shipment_id.clone(),
        seq: earlier.last().map_or(0, |one| one.seq) + 1,
        occurred_at: command.occurred_at,
        recorded_at: tx.now,
        shipped_by: tx.actor.name.clone(),
        carrier: lorry.carrier,
        vehicle: lorry.vehicle,
        driver: lorry.driver,
        phone: lorry.phone,
        expected_at: command.expected_at,
    };
    records::insert_shipment(tx.conn, id, &shipment)?;
    let mut steps = lot_steps(tx, Step::Shipped, &shipped.loads);
    steps.extend(lot_steps(tx, Step::Released, &shipped.released));
    finish(tx, &before, shipped.order, &from, steps, event(tx, "shipped", note))
}

/// Signs for goods: received, damaged, lost, returned, over and unexpected.
///
/// # Errors
/// Those of [`rules::receive`]; `validation_failed` for an arrival before the departure;
/// `lot_conflict`; `store_out_of_scope` unless the receiver is the caller's.
pub fn receive(
    tx: &mut Tx<'_>,
    id: &DispatchId,
    request: &ReceiptRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    tx.actor.require_store(&before.to_store)?;
    let signed = naming::signed(tx, &before, request)?.parse(clockwork(tx))?;
    let (after, pieces) = rules::receive(&before, &signed.receive)?;
    let lorries = records::shipments_of(tx.conn, id)?;
    let too_early = pieces.iter().any(|piece| {
        let lorry = lorries.iter().find(|lorry| lorry.id == piece.shipment_id);
        lorry.is_some_and(|lorry| signed.occurred_at < lorry.occurred_at)
    });
    if too_early {
        return Err(Refusal::fault("/occurred_at", FaultCode::Contradicts).into());
    }
    let booked = ledger::sign(tx, &before, &signed, &pieces)?;
    let earlier = records::signings_of(tx.conn, id)?;
    let signing = Signing {
        id: DispatchReceiptId::generate(),
        seq: earlier.last().map_or(0, |one| one.seq) + 1,
        store_code: before.to_store.clone(),
        occurred_at: signed.occurred_at,
        recorded_at: tx.now,
        received_by: signed.received_by,
        signed_by: tx.actor.name.clone(),
        note: signed.note.clone(),
        reversed_at: None,
        reversed_by: None,
        reversal_reason: None,
        pieces: booked,
    };
    records::insert_signing(tx.conn, id, &signing)?;
    let steps =
        piece_steps(tx, &pieces, |piece| signed.whys.get(piece.entry).cloned().unwrap_or_default());
    let to = before.to_store.clone();
    finish(tx, &before, after, &to, steps, event(tx, "received", signed.note))
}

/// Takes back a whole signing: its goods are on the way again.
///
/// # Errors
/// `not_found` for a signing of another dispatch, `already_reversed`, `store_out_of_scope` unless
/// the goods arrived at the caller's store, `insufficient_stock` when they are no longer there.
pub fn reverse_receipt(
    tx: &mut Tx<'_>,
    id: &DispatchId,
    signing_id: &str,
    request: &SigningReversalRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let why = request.parse()?;
    let signing = records::signings_of(tx.conn, id)?
        .into_iter()
        .find(|signing| signing.id.as_str() == signing_id)
        .ok_or_else(|| Refusal::not_found("收货记录", "receipt", signing_id))?;
    tx.actor.require_store(&signing.store_code)?;
    if signing.reversed_at.is_some() {
        return Err(Refusal::plain(Code::AlreadyReversed).into());
    }
    let pieces: Vec<Piece> = signing.pieces.iter().filter_map(|piece| piece.on_papers()).collect();
    let after = rules::reverse_receipt(&before, &pieces)?;
    ledger::unsign(tx, &before, &signing.pieces, &why)?;
    let store = signing.store_code.clone();
    let reversed = Signing {
        reversed_at: Some(tx.now),
        reversed_by: Some(tx.actor.name.clone()),
        reversal_reason: why.reason_code.clone(),
        ..signing
    };
    records::reverse_signing(tx.conn, &reversed)?;
    let mut steps = piece_steps(tx, &pieces, |_| why.clone());
    for step in &mut steps {
        step.quantity = -step.quantity;
    }
    finish(tx, &before, after, &store, steps, event(tx, "receipt_reversed", why.note))
}

/// Sends a dispatch, and what of it is on the way, to another store.
///
/// # Errors
/// Those of [`rules::redirect`]; `validation_failed` for an unknown store, `store_out_of_scope`
/// for one that is not in the caller's region.
pub fn redirect(
    tx: &mut Tx<'_>,
    id: &DispatchId,
    request: &RedirectRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let (to_store, reason) = request.parse()?;
    let mut faults = Faults::new();
    check_store(tx, "/to_store", Some(&to_store), &mut faults)?;
    faults.check()?;
    tx.actor.require_store(&to_store)?;
    let after = rules::redirect(&before, &to_store)?;
    stock::redirect_transit(tx.conn, tx.now, id, &to_store)?;
    finish(tx, &before, after, &to_store, Vec::new(), event(tx, "redirected", reason))
}

/// Closes a dispatch of which nothing is on the way; what was never shipped is released.
///
/// # Errors
/// Those of [`rules::close`]; `store_out_of_scope` for a keeper who is not the receiver's.
pub fn close(
    tx: &mut Tx<'_>,
    id: &DispatchId,
    request: &CloseRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let note = request.parse()?;
    if tx.actor.role != Role::Commander {
        tx.actor.require_store(&before.to_store)?;
    }
    let (after, released) = rules::close(&before)?;
    ledger::give_up(tx, &before, &released)?;
    let steps = lot_steps(tx, Step::Released, &released);
    let to = before.to_store.clone();
    finish(tx, &before, after, &to, steps, event(tx, "closed", note))
}

/// Cancels a dispatch of which nothing was shipped: releases what it was promised.
///
/// # Errors
/// Those of [`rules::cancel`].
pub fn cancel(
    tx: &mut Tx<'_>,
    id: &DispatchId,
    request: &CancelRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let reason = request.parse()?;
    let after = cancel_locked(tx, &before, reason)?;
    let store = before.from_store.clone().unwrap_or_else(|| before.to_store.clone());
    shown(tx, &before, after, &store)
}

/// Cancels a dispatch that is locked, and stores it.
fn cancel_locked(tx: &mut Tx<'_>, before: &Order, reason: String) -> Result<Order, CommandError> {
    let (after, released) = rules::cancel(before)?;
    ledger::give_up(tx, before, &released)?;
    authority::void(tx, DOCUMENT_KIND, before.id.as_str())?;
    let steps = lot_steps(tx, Step::Released, &released);
    let told = event(tx, "cancelled", Some(reason));
    store_change(tx, before, after, &steps, &told)
}

/// Confirms or objects to what was done with a dispatch on a spoken word.
///
/// # Errors
/// `wrong_status` where no paper is due or it is decided so already; `own_document` for anyone
/// who made or approved the dispatch on that word.
pub fn vouch(tx: &mut Tx<'_>, id: &DispatchId, decision: &Decision) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let all = papers::of_document(tx.conn, DOCUMENT_KIND, id.as_str())?;
    let is_open = |paper: &&crate::authority::Paperwork| paper.status == PaperworkStatus::Open;
    let mut due: Vec<_> = all.iter().filter(is_open).collect();
    if due.is_empty() {
        due.extend(all.last());
    }
    if due.is_empty() {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("单据 {} 没有待补办的手续", before.number),
            format!("No paperwork is due on {}", before.number),
        )
        .into());
    }
    for paper in due {
        let decided = word::decide(paper, &tx.actor.name, tx.now, decision.clone())?;
        papers::update(tx.conn, &decided)?;
    }
    let what = if decision.confirmed { "paperwork_confirmed" } else { "paperwork_objected" };
    let note = decision.note.clone().or_else(|| decision.paper_number.clone());
    let store = before.from_store.clone().unwrap_or_else(|| before.to_store.clone());
    let after = before.clone();
    finish(tx, &before, after, &store, Vec::new(), event(tx, what, note))
}

/// Asks again for what of a dispatch stayed open, in a new one that follows it.
///
/// # Errors
/// Those of [`rules::carry_over`]; `store_out_of_scope` where neither end is the caller's.
pub fn follow_up(
    tx: &mut Tx<'_>,
    id: &DispatchId,
    request: &FollowUpRequest,
) -> Result<Done, CommandError> {
    let before = lock_without_version(tx, id)?;
    let wish = request.parse()?;
    let mut faults = Faults::new();
    check_store(tx, "/from_store", wish.from_store.as_ref(), &mut faults)?;
    if wish.from_store.as_ref() == Some(&before.to_store) {
        faults.add("/from_store", FaultCode::Contradicts);
    }
    faults.check()?;
    let status = status_of(tx, wish.from_store.as_ref(), &before.to_store)?;
    let (after, wanted) = rules::carry_over(&before)?;
    let open = |line: &Line| wanted.iter().find(|(no, ..)| *no == line.line).map(|(.., n)| *n);
    let carried = steps(tx, &before, |line| Some((Step::CarriedOver, open(line)?, Why::default())));
    let order = Order {
        id: DispatchId::generate(),
        number: next_number(tx, wish.from_store.as_ref().unwrap_or(&before.to_store))?,
        status,
        from_store: wish.from_store,
        to_store: before.to_store.clone(),
        needed_by: wish.needed_by.or_else(|| before.needed_by.clone()),
        urgency: wish.urgency.unwrap_or(before.urgency),
        reason: wish.reason.or_else(|| before.reason.clone()),
        order_number: before.order_number.clone(),
        authority: None,
        note: None,
        follows: Some(before.id.clone()),
        created_by: tx.actor.name.clone(),
        created_at: tx.now,
        approved_by: None,
        approved_at: None,
        expected_at: None,
        version: 1,
        lines: wanted
            .iter()
            .zip(1..)
            .map(|((_, item, open), line)| new_line(line, item.clone(), None, *open))
            .collect(),
    };
    let to = before.to_store.clone();
    let told = event(tx, "carried_over", Some(order.number.clone()));
    finish(tx, &before, after, &to, carried, told)?;
    begin(tx, &order)
}

// ---- what the commands share ----------------------------------------------------------------

fn clockwork<'a>(tx: &Tx<'a>) -> Clockwork<'a> {
    Clockwork { now: tx.now, settings: tx.settings }
}

/// Locks a dispatch of which the caller has seen the current version.
fn lock(tx: &mut Tx<'_>, id: &DispatchId) -> Result<Order, CommandError> {
    let order = lock_without_version(tx, id)?;
    tx.expect_version(order.version)?;
    Ok(order)
}

fn lock_without_version(tx: &mut Tx<'_>, id: &DispatchId) -> Result<Order, CommandError> {
    let order = records::lock(tx.conn, id)?.ok_or_else(|| not_found(id.as_str()))?;
    if !showing::is_visible(tx.conn, tx.actor, &order)? {
        return Err(not_found(id.as_str()).into());
    }
    Ok(order)
}

/// The id of the dispatch that an id or a number names.
///
/// # Errors
/// `not_found` where there is none.
pub fn id_of(tx: &mut Tx<'_>, id_or_number: &str) -> Result<DispatchId, CommandError> {
    let found = records::id_of(tx.conn, id_or_number)?;
    Ok(found.ok_or_else(|| not_found(id_or_number))?)
}

/// That there is no such dispatch, or none that the caller may know of.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("调拨单", "dispatch", id)
}

fn own_sender(tx: &Tx<'_>, order: &Order) -> Result<StoreCode, Refusal> {
    let from = ledger::sender(order)?;
    tx.actor.require_store(from)?;
    Ok(from.clone())
}

fn status_of(
    tx: &Tx<'_>,
    from: Option<&StoreCode>,
    to: &StoreCode,
) -> Result<DispatchStatus, CommandError> {
    let scope = &tx.actor.scope;
    let speaks_for_sender = from.is_some_and(|from| scope.contains(from));
    match rules::begins_as(tx.actor.role, speaks_for_sender, scope.contains(to)) {
        Some(status) => Ok(status),
        None => {
            tx.actor.require_store(to)?;
            Err(Refusal::plain(Code::Forbidden).into())
        }
    }
}

fn next_number(tx: &mut Tx<'_>, store: &StoreCode) -> Result<String, CommandError> {
    let year = i64::from(tx.settings.zone.day_of(tx.now).year());
    let running = stock::next_number(tx.conn, store, PREFIX, year)?;
    Ok(format_number(PREFIX, store, year, running))
}

fn check_store(
    tx: &mut Tx<'_>,
    pointer: &str,
    code: Option<&StoreCode>,
    faults: &mut Faults,
) -> Result<(), CommandError> {
    let Some(code) = code else { return Ok(()) };
    match stores::find(tx.conn, code)? {
        None => faults.add(pointer, FaultCode::Unknown),
        Some(store) if !store.active => faults.add(pointer, FaultCode::Inactive),
        Some(_) => {}
    }
    Ok(())
}

/// The lines that are asked for, once their items and lots are known.
fn lines_of(
    tx: &mut Tx<'_>,
    asked: &Asked,
    faults: &mut Faults,
) -> Result<Vec<Line>, CommandError> {
    let codes: Vec<ItemCode> = asked.lines.iter().filter_map(|l| l.item_code.clone()).collect();
    let items = catalogue::find_all(tx.conn, &codes)?;
    let lots: Vec<LotId> = asked.lines.iter().filter_map(|l| l.lot_id.clone()).collect();
    let labels = records::labels_of(tx.conn, &lots)?;
    let mut lines = Vec::new();
    for ((at, asked), number) in asked.lines.iter().enumerate().zip(1..) {
        let pointer = format!("/lines/{at}");
        let Some(code) = &asked.item_code else { continue };
        let Some(item) = items.get(code) else {
            faults.add(format!("{pointer}/item_code"), FaultCode::Unknown);
            continue;
        };
        match asked.lot_id.as_ref().map(|lot| labels.get(lot)) {
            Some(None) => faults.add(format!("{pointer}/lot_id"), FaultCode::Unknown),
            Some(Some(label)) if label.item_code != *code => {
                faults.add(format!("{pointer}/lot_id"), FaultCode::Contradicts);
            }
            Some(Some(_)) | None => {}
        }
        if let Some(requested) = asked.entered.to_units(item, &pointer, faults) {
            lines.push(new_line(number, code.clone(), asked.lot_id.clone(), requested));
        }
    }
    Ok(lines)
}

fn new_line(line: i64, item_code: ItemCode, lot_id: Option<LotId>, requested: Quantity) -> Line {
    Line {
        line,
        item_code,
        lot_id,
        requested,
        approved: None,
        picked: None,
        carried_over: Quantity::ZERO,
        reserved: Vec::new(),
        loads: Vec::new(),
    }
}

fn pickable(
    tx: &mut Tx<'_>,
    order: &Order,
    lines: &[rules::PickedLine],
) -> Result<Pickable, CommandError> {
    let named: Vec<LotId> =
        lines.iter().flat_map(|line| line.lots.iter().map(|(lot, _)| lot.clone())).collect();
    let codes: Vec<ItemCode> = order.lines.iter().map(|line| line.item_code.clone()).collect();
    let labels = records::labels_of(tx.conn, &named)?;
    let region = stores::find(tx.conn, &order.to_store)?.map(|store| store.region_code);
    let lists = substitution::in_force(tx.conn, Some(&codes), tx.now, None)?;
    // What stands in is judged by the use for which the line is picked, where the goods will be used.
    let substitutes = lines.iter().map(|line| line.scene).collect::<BTreeSet<_>>().into_iter();
    Ok(Pickable {
        lots: labels.into_iter().map(|(lot, label)| (lot, label.item_code)).collect(),
        substitutes: substitutes.map(|scene| (scene, lists.of(region.as_ref(), scene))).collect(),
    })
}

/// Stores what an action changed, tells the story, and answers the dispatch as it stands now.
fn finish(
    tx: &mut Tx<'_>,
    before: &Order,
    after: Order,
    chain: &StoreCode,
    steps: Vec<LineStep>,
    event: Event,
) -> Result<Done, CommandError> {
    let after = store_change(tx, before, after, &steps, &event)?;
    shown(tx, before, after, chain)
}

/// Stores what an action changed and tells the story.
fn store_change(
    tx: &mut Tx<'_>,
    before: &Order,
    after: Order,
    steps: &[LineStep],
    event: &Event,
) -> Result<Order, CommandError> {
    let after = Order { version: before.version + 1, ..after };
    ledger::take_notice(tx, before)?;
    records::update(tx.conn, before, &after)?;
    records::tell(tx.conn, &after.id, steps, event)?;
    Ok(records::find(tx.conn, after.id.as_str())?.unwrap_or(after))
}

/// The answer of an action that is stored.
fn shown(
    tx: &mut Tx<'_>,
    before: &Order,
    stored: Order,
    chain: &StoreCode,
) -> Result<Done, CommandError> {
    let view = showing::view(tx.conn, &stored, tx.now)?;
    let was = serde_json::json!({ "status": before.status.as_str(), "version": before.version });
    Ok(Done::ok(subject(&stored, chain), &view).version(stored.version).replacing(&was))
}

fn subject(order: &Order, store: &StoreCode) -> Subject {
    Subject { kind: DOCUMENT_KIND, id: order.id.to_string(), store: Some(store.clone()) }
}

fn document_of(order: &Order) -> DocumentRef {
    DocumentRef {
        kind: DOCUMENT_KIND.to_owned(),
        id: order.id.to_string(),
        number: Some(order.number.clone()),
        store: order.from_store.clone(),
        other_store: Some(order.to_store.clone()),
    }
}

fn event(tx: &Tx<'_>, what: &str, note: Option<String>) -> Event {
    Event { at: tx.now, actor: tx.actor.name.clone(), what: what.to_owned(), note }
}

fn why_of(whys: &Whys, line: i64) -> Why {
    whys.iter().find(|(of, _)| *of == line).map(|(_, why)| why.clone()).unwrap_or_default()
}

/// A step for every line for which `what` has one.
fn steps(
    tx: &Tx<'_>,
    order: &Order,
    what: impl Fn(&Line) -> Option<(Step, Quantity, Why)>,
) -> Vec<LineStep> {
    order
        .lines
        .iter()
        .filter_map(|line| {
            let (kind, quantity, why) = what(line)?;
            Some(step(tx, line.line, kind, quantity, why))
        })
        .collect()
}

fn lot_steps(tx: &Tx<'_>, kind: Step, lots: &[(i64, LotQuantity)]) -> Vec<LineStep> {
    let mut sums: BTreeMap<i64, Quantity> = BTreeMap::new();
    for (line, lot) in lots {
        let sum = sums.entry(*line).or_insert(Quantity::ZERO);
        *sum = sum.plus_capped(lot.quantity);
    }
    sums.into_iter().map(|(line, sum)| step(tx, line, kind, sum, Why::default())).collect()
}

fn piece_steps(tx: &Tx<'_>, pieces: &[Piece], why: impl Fn(&Piece) -> Why) -> Vec<LineStep> {
    pieces
        .iter()
        .map(|piece| step(tx, piece.line, piece.fate.into(), piece.quantity, why(piece)))
        .collect()
}

fn step(tx: &Tx<'_>, line: i64, kind: Step, quantity: Quantity, why: Why) -> LineStep {
    LineStep {
        line,
        step: kind,
        quantity: quantity.units(),
        actor: tx.actor.name.clone(),
        at: tx.now,
        reason_code: why.reason_code,
        note: why.note,
    }
}
