//! Deciding about a proposal: edit, approve into dispatches, discard, and undo.

use crate::access::{Permission, Role};
use crate::allocation::changes::Change;
use crate::allocation::commands::{event, finish, latest, lock, showing};
use crate::allocation::proposal::{Allocation, AllocationStatus, Line};
use crate::allocation::records::{self, DOCUMENT_KIND};
use crate::allocation::requests::deciding::{ApproveRequest, EditRequest, ReasonRequest};
use crate::allocation::rules;
use crate::authority::commands as authority;
use crate::authority::paperwork::DocumentRef;
use crate::authority::rules::{Standing, ground_of};
use crate::command::{CommandError, Done, Tx};
use crate::dispatch::commands::allotted::{self, Allotted};
use crate::kernel::id::{AllocationId, DispatchId, LotId};
use crate::kernel::{Code, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::LotBalance;
use crate::stock::records as stock;
use std::collections::{BTreeMap, BTreeSet};

/// Changes lines by hand, with a reason; what was proposed is kept beside it.
///
/// # Errors
/// `rehearsal_only`, `wrong_status`; those of [`rules::edit`].
pub fn edit(
    tx: &mut Tx<'_>,
    id: &AllocationId,
    request: &EditRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let edits = request.parse(latest(tx))?;
    require_office(tx)?;
    require_senders(tx, &before)?;
    rules::undecided(&before, ("修改", "edited"))?;
    let (now, _) = showing::moved(tx.conn, &before, tx.settings, tx.now)?;
    let after = rules::edit(&before, &edits, &now, &tx.actor.name, tx.now)?;
    let told = event(tx, "edited", Some(edits.reason));
    finish(tx, &before, after, &told)
}

/// Turns a proposal into dispatches that are approved already and whose lots are promised, all in
/// this transaction, or refuses it whole.
///
/// # Errors
/// `rehearsal_only`, `wrong_status`; `own_document`, `emergency_limit`; `allocation_stale` with
/// every change under the lines, unless the request accepts changes and none of them stands in the
/// way; `floor_crossed` without an authority; `store_out_of_scope` for a sender that is not the
/// caller's.
pub fn approve(
    tx: &mut Tx<'_>,
    id: &AllocationId,
    request: &ApproveRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let approval = request.parse(latest(tx))?;
    rules::undecided(&before, ("批准", "approved"))?;
    require_senders(tx, &before)?;
    let word = approval.authority.clone().or_else(|| before.authority.clone());
    let lines: Vec<&Line> = before.lines.iter().filter(|line| !line.decided.is_zero()).collect();
    if lines.is_empty() {
        return Err(nothing_to_send(&before).into());
    }
    let amounts: Vec<(i64, Quantity)> =
        lines.iter().map(|line| (line.line, line.decided)).collect();
    let standing = Standing {
        by_office: tx.actor.role.has(Permission::DecideAllocations),
        is_own: before.authors.contains(&tx.actor.name),
        emergency_limit: tx.actor.emergency_release_limit,
    };
    ground_of(standing, word.as_ref(), &amounts)?;
    // The balances are locked before the facts are looked at, so that what is looked at is what
    // will be promised; store by store in the order of their codes, as everywhere.
    let mut balances = lock_balances(tx, &lines)?;
    let (_, changed) = showing::moved(tx.conn, &before, tx.settings, tx.now)?;
    let accepted = judge(&before, &changed, approval.accepts)?;
    let mut dispatches: Vec<DispatchId> = Vec::new();
    for allotted in allot(&before, &lines, word.as_ref()) {
        let of_sender = balances.entry(allotted.from.clone()).or_default();
        let order = allotted::make(tx, &allotted, of_sender)
            .map_err(|error| as_stale(&before, &allotted, error))?;
        dispatches.push(order.id);
    }
    records::link(tx.conn, id, &dispatches)?;
    let after = Allocation {
        status: AllocationStatus::Approved,
        decided_by: Some(tx.actor.name.clone()),
        decided_at: Some(tx.now),
        authority: word.clone(),
        accepted,
        note: approval.note.clone(),
        ..before.clone()
    };
    if let Some(word) = &word {
        authority::act_on(tx, document_of(&before), word)?;
    }
    let told = event(tx, "approved", approval.note);
    finish(tx, &before, after, &told)
}

/// Gives a proposal up, with a reason.
///
/// # Errors
/// `wrong_status`.
pub fn discard(
    tx: &mut Tx<'_>,
    id: &AllocationId,
    request: &ReasonRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let reason = request.parse()?;
    require_office(tx)?;
    rules::still_proposed(&before, ("放弃", "discarded"))?;
    require_senders(tx, &before)?;
    let after = Allocation {
        status: AllocationStatus::Discarded,
        decided_by: Some(tx.actor.name.clone()),
        decided_at: Some(tx.now),
        note: Some(reason.clone()),
        ..before.clone()
    };
    let told = event(tx, "discarded", Some(reason));
    finish(tx, &before, after, &told)
}

/// Takes an approved allocation back before anything left: cancels its dispatches together.
///
/// # Errors
/// `wrong_status` unless it is approved, or when any of its dispatches has left.
pub fn cancel_dispatches(
    tx: &mut Tx<'_>,
    id: &AllocationId,
    request: &ReasonRequest,
) -> Result<Done, CommandError> {
    let before = lock(tx, id)?;
    let reason = request.parse()?;
    require_office(tx)?;
    require_senders(tx, &before)?;
    if before.status != AllocationStatus::Approved {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("方案 {} 状态为 {}，没有可撤回的调拨单", before.number, before.status),
            format!("{} is {}: there are no dispatches to cancel", before.number, before.status),
        )
        .with("document_status", before.status.as_str())
        .with("allowed", vec![AllocationStatus::Approved.as_str()])
        .into());
    }
    allotted::cancel_all(tx, &before.dispatches, &reason)?;
    authority::void(tx, DOCUMENT_KIND, before.id.as_str())?;
    let after = before.clone();
    let told = event(tx, "dispatches_cancelled", Some(reason));
    finish(tx, &before, after, &told)
}

// ---- what the decisions share ---------------------------------------------------------------

/// A duty keeper with `emergency_release` approves what others proposed, and decides nothing else.
fn require_office(tx: &Tx<'_>) -> Result<(), Refusal> {
    if tx.actor.role.has(Permission::DecideAllocations) {
        return Ok(());
    }
    Err(Refusal::plain(Code::Forbidden).with("permission", Permission::DecideAllocations.as_str()))
}

/// Requires every sender to be in the caller's scope; a commander's must hold the receivers too.
fn require_senders(tx: &Tx<'_>, one: &Allocation) -> Result<(), Refusal> {
    for line in &one.lines {
        tx.actor.require_store(&line.from)?;
        if tx.actor.role == Role::Commander {
            tx.actor.require_store(&line.to)?;
        }
    }
    Ok(())
}

fn nothing_to_send(one: &Allocation) -> Refusal {
    Refusal::new(
        Code::WrongStatus,
        format!("方案 {} 没有可发的明细", one.number),
        format!("{} sends nothing: discard it instead", one.number),
    )
}

fn lock_balances(
    tx: &mut Tx<'_>,
    lines: &[&Line],
) -> Result<BTreeMap<StoreCode, Vec<LotBalance>>, CommandError> {
    let mut items: BTreeMap<StoreCode, BTreeSet<ItemCode>> = BTreeMap::new();
    for line in lines {
        items.entry(line.from.clone()).or_default().insert(line.item_code.clone());
    }
    let mut balances = BTreeMap::new();
    for (store, items) in items {
        let items: Vec<ItemCode> = items.into_iter().collect();
        let of_store = stock::lock_item_balances(tx.conn, &store, &items)?;
        balances.insert(store, of_store);
    }
    Ok(balances)
}

/// The changes that an approval accepts.
fn judge(one: &Allocation, changed: &[Change], accepts: bool) -> Result<Vec<Change>, Refusal> {
    let concerning = rules::concerning(one, changed);
    let blocked = concerning.iter().any(|change| change.blocks);
    if blocked || (!accepts && !concerning.is_empty()) {
        return Err(rules::stale(one, &concerning));
    }
    Ok(concerning)
}

/// What goes from each store to each other, in the order of their codes.
fn allot(
    one: &Allocation,
    lines: &[&Line],
    word: Option<&crate::authority::Authority>,
) -> Vec<Allotted> {
    type Lots = Vec<(LotId, Quantity)>;
    let mut pairs: BTreeMap<(StoreCode, StoreCode), BTreeMap<ItemCode, Lots>> = BTreeMap::new();
    for line in lines {
        let pair = pairs.entry((line.from.clone(), line.to.clone())).or_default();
        let lots = pair.entry(line.item_code.clone()).or_default();
        let known = line.decided_lots.iter();
        lots.extend(known.filter_map(|lot| Some((lot.lot_id.clone()?, lot.quantity))));
    }
    pairs
        .into_iter()
        .map(|((from, to), lines)| Allotted {
            from,
            to,
            lines: lines.into_iter().collect(),
            urgency: one.inputs.terms.urgency,
            needed_by: one.inputs.terms.needed_by.clone(),
            reason: one.reason.clone(),
            authority: word.cloned(),
            proposed_by: one.created_by.clone(),
            allocation: one.number.clone(),
        })
        .collect()
}

/// A lot that cannot be promised any more is a change like the others.
fn as_stale(one: &Allocation, allotted: &Allotted, error: CommandError) -> CommandError {
    match error {
        CommandError::Refused(refusal) if refusal.code == Code::LotBlocked => {
            let told = rules::stale(one, &[]);
            told.with("from_store", allotted.from.as_str())
                .with("lot_id", refusal.facts.get("lot_id").cloned().unwrap_or_default())
                .with("reason", refusal.facts.get("reason").cloned().unwrap_or_default())
                .into()
        }
        CommandError::Refused(refusal) => {
            refusal.as_ref().clone().with("from_store", allotted.from.as_str()).into()
        }
        CommandError::Failed(error) => CommandError::Failed(error),
    }
}

fn document_of(one: &Allocation) -> DocumentRef {
    let first = one.lines.iter().find(|line| !line.decided.is_zero());
    DocumentRef {
        kind: DOCUMENT_KIND.to_owned(),
        id: one.id.to_string(),
        number: Some(one.number.clone()),
        store: first.map(|line| line.from.clone()),
        other_store: first.map(|line| line.to.clone()),
    }
}
