//! What a dispatch asks of the ledger: promises, lorries and signatures as movements.

use crate::command::{CommandError, Tx};
use crate::dispatch::commands::unexpected;
use crate::dispatch::order::{Fate, LotQuantity, Order};
use crate::dispatch::papers::SignedPiece;
use crate::dispatch::records::DOCUMENT_KIND;
use crate::dispatch::requests::{Unexpected, Why};
use crate::dispatch::rules::{Piece, Ship};
use crate::draw_down::commands::{Taking, give_back, take};
use crate::kernel::id::{LotId, MovementId};
use crate::kernel::{Code, FaultCode, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::balance::why_blocked;
use crate::stock::fefo::{PassedOver, PassedOverBecause, Wish, pick};
use crate::stock::posting::When;
use crate::stock::records::{self as stock, Bound, Numbering, Posting, Reservation};
use crate::stock::{Account, LotBalance, MovementKind, NewMovement, Outside, StockState};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// The sender of an order that has one.
///
/// # Errors
/// `wrong_status` where nobody has decided on a sender yet.
pub fn sender(order: &Order) -> Result<&StoreCode, Refusal> {
    order.from_store.as_ref().ok_or_else(|| {
        Refusal::new(
            Code::WrongStatus,
            format!("单据 {} 尚未确定发货方", order.number),
            format!("{} has no sender yet", order.number),
        )
    })
}

/// Promises every granted line its lots, first expired first, and holds the sender's floors.
///
/// # Errors
/// `insufficient_stock` with what there is, `lot_blocked` where a line asks for a lot that may not
/// be used, `floor_crossed` without an authority.
pub fn promise_granted(tx: &mut Tx<'_>, order: &mut Order) -> Result<(), CommandError> {
    let from = sender(order)?.clone();
    let day = tx.settings.zone.day_of(tx.now);
    let items: BTreeSet<ItemCode> = order.lines.iter().map(|l| l.item_code.clone()).collect();
    let items: Vec<ItemCode> = items.into_iter().collect();
    let mut balances = stock::lock_item_balances(tx.conn, &from, &items)?;
    choose_lots(order, &balances, day)?;
    promise_chosen(tx, order, &mut balances)
}

/// Chooses the lots of every granted line, first expired first; none is chosen twice.
fn choose_lots(
    order: &mut Order,
    balances: &[LotBalance],
    day: NaiveDate,
) -> Result<(), CommandError> {
    let mut balances = balances.to_vec();
    let to = order.to_store.clone();
    for (at, line) in order.lines.iter_mut().enumerate() {
        let granted = line.approved.unwrap_or(Quantity::ZERO);
        if granted.is_zero() {
            continue;
        }
        let wish = wish_of(&to, day);
        let of_line: Vec<LotBalance> = balances
            .iter()
            .filter(|balance| balance.lot.makers_lot.item_code == line.item_code)
            .filter(|balance| line.lot_id.as_ref().is_none_or(|lot| balance.lot.id == *lot))
            .cloned()
            .collect();
        let picked = pick(&of_line, granted, &wish);
        if !picked.short.is_zero() {
            let left = granted.minus_or_zero(picked.short);
            return Err(
                short(at, line.line, &line.item_code, granted, left, &picked.passed_over).into()
            );
        }
        line.reserved = picked
            .taken
            .into_iter()
            .map(|taken| LotQuantity {
                lot_id: taken.lot_id,
                item_code: line.item_code.clone(),
                quantity: taken.quantity,
            })
            .collect();
        for lot in &line.reserved {
            count_promise(&mut balances, lot);
        }
    }
    Ok(())
}

/// Promises the lots that an order names, exactly these, and holds the sender's floors.
///
/// `balances` are those of the sender and the order's items, locked; they are left as they are
/// after the promise, so that the next order of the same sender sees what is left for it.
///
/// # Errors
/// `lot_blocked` for a lot that may not be used or of which less is free; `floor_crossed` without
/// an authority.
pub fn promise_chosen(
    tx: &mut Tx<'_>,
    order: &Order,
    balances: &mut [LotBalance],
) -> Result<(), CommandError> {
    let from = sender(order)?.clone();
    let day = tx.settings.zone.day_of(tx.now);
    let before = available_by_item(balances, day);
    let wish = wish_of(&order.to_store, day);
    for line in &order.lines {
        for lot in &line.reserved {
            let balance = balances
                .iter()
                .find(|b| b.lot.id == lot.lot_id && b.state == StockState::Available);
            let why = match balance {
                None => Some(PassedOverBecause::Reserved),
                Some(balance) => wish.why_not(balance).or_else(|| {
                    let enough = balance.unreserved() >= lot.quantity;
                    (!enough).then_some(PassedOverBecause::Reserved)
                }),
            };
            if let Some(why) = why {
                return Err(blocked(&lot.lot_id, line.line, why.as_str()).into());
            }
            count_promise(balances, lot);
        }
    }
    stock::reserve(tx.conn, &now_of(tx), &promises(order, &from))?;
    let after = available_by_item(balances, day);
    hold_floors(tx, order, &from, &before, &after)
}

fn count_promise(balances: &mut [LotBalance], lot: &LotQuantity) {
    let promised =
        balances.iter_mut().find(|b| b.lot.id == lot.lot_id && b.state == StockState::Available);
    if let Some(balance) = promised {
        balance.reserved = balance.reserved.plus_capped(lot.quantity);
    }
}

/// Changes the promises of an order from `before` to `after`, after other lots were picked.
///
/// # Errors
/// `lot_blocked` for a lot that may not be used, `insufficient_stock` with what there is,
/// `floor_crossed` without an authority where a substitute's floor does not hold.
pub fn promise_picked(tx: &mut Tx<'_>, before: &Order, after: &Order) -> Result<(), CommandError> {
    let from = sender(after)?.clone();
    let day = tx.settings.zone.day_of(tx.now);
    let changed = |order: &Order, other: &Order| -> Vec<Reservation> {
        let known = promises(other, &from);
        promises(order, &from).into_iter().filter(|one| !known.contains(one)).collect()
    };
    let (old, new) = (changed(before, after), changed(after, before));
    let items: BTreeSet<ItemCode> =
        old.iter().chain(&new).map(|one| one.item_code.clone()).collect();
    let items: Vec<ItemCode> = items.into_iter().collect();
    let balances = stock::lock_item_balances(tx.conn, &from, &items)?;
    let wish = wish_of(&after.to_store, day);
    for promise in &new {
        let balance = balances
            .iter()
            .find(|b| b.lot.id == promise.lot_id && b.state == StockState::Available);
        if let Some(balance) = balance {
            // What this order gives back just now is free for it again.
            let free = LotBalance { reserved: Quantity::ZERO, ..balance.clone() };
            let reason = wish.why_not(&free);
            if let Some(reason) = reason.filter(|reason| *reason != PassedOverBecause::Reserved) {
                return Err(blocked(&promise.lot_id, promise.line_no, reason.as_str()).into());
            }
        }
    }
    stock::release(tx.conn, &now_of(tx), &old)?;
    stock::reserve(tx.conn, &now_of(tx), &new)?;
    let (taken, returned) = (by_item(&new), by_item(&old));
    let free = available_by_item(&balances, day);
    for item in &items {
        let count =
            |sums: &BTreeMap<ItemCode, Quantity>| sums.get(item).copied().unwrap_or(Quantity::ZERO);
        let (more, less) = (count(&taken), count(&returned));
        let available = count(&free);
        if less > more {
            let fewer = less.minus_or_zero(more);
            give_back(tx.conn, DOCUMENT_KIND, after.id.as_str(), item, fewer)?;
        } else if more > less {
            let extra = more.minus_or_zero(less);
            take_from(tx, after, &from, item, extra, available.minus_or_zero(extra))?;
        }
    }
    Ok(())
}

/// Gives promises back to the sender's stock, and with them what was below the floor.
///
/// # Errors
/// When the database fails.
pub fn give_up(
    tx: &mut Tx<'_>,
    order: &Order,
    released: &[(i64, LotQuantity)],
) -> Result<(), CommandError> {
    if released.is_empty() {
        return Ok(());
    }
    let from = sender(order)?;
    let promises: Vec<Reservation> =
        released.iter().map(|(line, lot)| promise(order, from, *line, lot)).collect();
    stock::release(tx.conn, &now_of(tx), &promises)?;
    for (item, quantity) in by_item(&promises) {
        give_back(tx.conn, DOCUMENT_KIND, order.id.as_str(), &item, quantity)?;
    }
    Ok(())
}

/// Puts loads on a lorry: their promises are kept, and the transit account holds them.
///
/// # Errors
/// `lot_blocked` for a lot that has expired or was recalled since it was promised; `late_entry`
/// as the ledger says.
pub fn load(
    tx: &mut Tx<'_>,
    order: &Order,
    ship: &Ship,
    loads: &[(i64, LotQuantity)],
) -> Result<(), CommandError> {
    let from = sender(order)?.clone();
    let day = tx.settings.zone.day_of(ship.occurred_at);
    let ids: Vec<LotId> = loads.iter().map(|(_, lot)| lot.lot_id.clone()).collect();
    let lots = stock::find_lots(tx.conn, &ids)?;
    let promises: Vec<Reservation> =
        loads.iter().map(|(line, lot)| promise(order, &from, *line, lot)).collect();
    for promise in &promises {
        let why =
            lots.get(&promise.lot_id).and_then(|lot| why_blocked(lot, StockState::Available, day));
        if let Some(why) = why {
            return Err(blocked(&promise.lot_id, promise.line_no, why.as_str()).into());
        }
    }
    // A promise is kept when the lorry leaves, not when that is entered.
    let when = When::at(ship.occurred_at, tx.now, tx.settings.zone);
    stock::release(tx.conn, &when, &promises)?;
    let lines = loads
        .iter()
        .map(|(line, lot)| NewMovement {
            shipment_id: Some(ship.shipment_id.clone()),
            ..NewMovement::new(
                MovementKind::DispatchOut,
                &from,
                &lot.item_code,
                &lot.lot_id,
                lot.quantity,
                Account::Store(from.clone(), StockState::Available),
                Account::Transit(order.id.clone()),
                *line,
            )
        })
        .collect();
    let bound = Bound {
        from_store: from.clone(),
        to_store: order.to_store.clone(),
        expected_at: ship.expected_at,
    };
    post(tx, order, ship.occurred_at, Some(bound), lines)?;
    Ok(())
}

/// Books what was signed for: each piece leaves the lorry for where its end puts it.
///
/// # Errors
/// `lot_conflict` where the book knows an unexpected lot with another expiry; failures of the
/// database.
pub fn sign(
    tx: &mut Tx<'_>,
    order: &Order,
    occurred_at: Instant,
    pieces: &[Piece],
    whys: &[Why],
    unexpected: &[Unexpected],
) -> Result<Vec<SignedPiece>, CommandError> {
    let mut signed = Vec::new();
    let mut lines = Vec::new();
    for piece in pieces {
        let why = whys.get(piece.entry).cloned().unwrap_or_default();
        let line = movement_of(order, piece, &why)?;
        signed.push(SignedPiece {
            papers: Some((piece.line, piece.shipment_id.clone())),
            lot_id: piece.lot_id.clone(),
            item_code: piece.item_code.clone(),
            fate: piece.fate,
            quantity: piece.quantity,
            movement_id: MovementId::generate(),
            reason_code: line.reason_code.clone(),
            note: line.note.clone(),
        });
        lines.push(line);
    }
    for (at, extra) in unexpected.iter().enumerate() {
        let (line, piece) = unexpected_movement(tx, order, at, extra)?;
        signed.push(piece);
        lines.push(line);
    }
    let movements = post(tx, order, occurred_at, None, lines)?;
    for (piece, id) in signed.iter_mut().zip(movements) {
        piece.movement_id = id;
    }
    Ok(signed)
}

/// Where each end puts a piece, and why.
fn movement_of(order: &Order, piece: &Piece, why: &Why) -> Result<NewMovement, Refusal> {
    let on_the_way = Account::Transit(order.id.clone());
    let at_receiver = |state| Account::Store(order.to_store.clone(), state);
    let from = sender(order)?;
    let receiver = &order.to_store;
    let (kind, chain, source, target, usual_reason) = match piece.fate {
        Fate::Received => (
            MovementKind::DispatchIn,
            receiver,
            on_the_way,
            at_receiver(StockState::Available),
            None,
        ),
        Fate::Damaged => (
            MovementKind::DispatchIn,
            receiver,
            on_the_way,
            at_receiver(StockState::Damaged),
            Some("damaged_in_transit"),
        ),
        // A loss on the way belongs to the receiver's chain.
        Fate::Lost => (
            MovementKind::TransitLoss,
            receiver,
            on_the_way,
            Account::Outside(Outside::WriteOff),
            Some("lost_in_transit"),
        ),
        Fate::Returned => (
            MovementKind::DispatchIn,
            from,
            on_the_way,
            Account::Store(from.clone(), StockState::PendingInspection),
            None,
        ),
        Fate::Over => (
            MovementKind::DispatchIn,
            receiver,
            Account::Outside(Outside::CountDifference),
            at_receiver(StockState::Available),
            None,
        ),
    };
    let usual = usual_reason.map(str::to_owned);
    let reason_code =
        if piece.fate == Fate::Received { None } else { why.reason_code.clone().or(usual) };
    Ok(NewMovement {
        shipment_id: Some(piece.shipment_id.clone()),
        reason_code,
        note: why.note.clone(),
        ..NewMovement::new(
            kind,
            chain,
            &piece.item_code,
            &piece.lot_id,
            piece.quantity,
            source,
            target,
            piece.line,
        )
    })
}

/// A lot that nobody sent comes from a count difference; without a known expiry it waits.
fn unexpected_movement(
    tx: &mut Tx<'_>,
    order: &Order,
    at: usize,
    extra: &Unexpected,
) -> Result<(NewMovement, SignedPiece), CommandError> {
    let lot_id = unexpected::lot_of(tx, order, at, extra)?;
    let state = if extra.expiry == crate::stock::Expiry::Unknown {
        StockState::PendingInspection
    } else {
        StockState::Available
    };
    let line = NewMovement {
        note: extra.note.clone(),
        ..NewMovement::new(
            MovementKind::DispatchIn,
            &order.to_store,
            &extra.item_code,
            &lot_id,
            extra.quantity,
            Account::Outside(Outside::CountDifference),
            Account::Store(order.to_store.clone(), state),
            // Goods off the papers stand on no line.
            0,
        )
    };
    let piece = SignedPiece {
        papers: None,
        lot_id,
        item_code: extra.item_code.clone(),
        fate: Fate::Over,
        quantity: extra.quantity,
        movement_id: MovementId::generate(),
        reason_code: None,
        note: extra.note.clone(),
    };
    Ok((line, piece))
}

/// Takes the movements of a signing back: on the way again, or outside again.
///
/// # Errors
/// `insufficient_stock` when what was received is no longer there, `absorbed_by_count` when it was
/// counted since.
pub fn unsign(
    tx: &mut Tx<'_>,
    order: &Order,
    pieces: &[SignedPiece],
    why: &Why,
) -> Result<(), CommandError> {
    let mut lines = Vec::new();
    let mut originals = Vec::new();
    for piece in pieces {
        let movement = crate::stock::queries::movement(tx.conn, &piece.movement_id)?
            // The row of the piece points at it, so only a damaged book can lack it.
            .ok_or_else(|| Refusal::plain(Code::Internal))?;
        let booked = movement.line.clone();
        originals.push(movement);
        lines.push(NewMovement {
            kind: MovementKind::Reversal,
            from: booked.to.clone(),
            to: booked.from.clone(),
            reason_code: why.reason_code.clone(),
            note: why.note.clone(),
            reverses: Some(piece.movement_id.clone()),
            ..booked
        });
    }
    stock::lock_for(tx.conn, &lines, &now_of(tx))?;
    stock::refuse_absorbed(tx.conn, &originals)?;
    post(tx, order, tx.now, None, lines)?;
    // What was redirected since then goes to the new destination.
    stock::redirect_transit(tx.conn, tx.now, &order.id, &order.to_store)?;
    Ok(())
}

fn post(
    tx: &mut Tx<'_>,
    order: &Order,
    occurred_at: Instant,
    bound: Option<Bound>,
    lines: Vec<NewMovement>,
) -> Result<Vec<MovementId>, CommandError> {
    let posting = Posting {
        document_kind: DOCUMENT_KIND.to_owned(),
        document_id: order.id.to_string(),
        numbering: Numbering::Given(order.number.clone()),
        occurred_at,
        slip_number: None,
        after_the_fact: false,
        actor: tx.actor.name.clone(),
        bound,
        lines,
    };
    let posted = stock::post(tx.conn, tx.settings.zone, tx.now, posting)?;
    Ok(posted.movements.into_iter().map(|movement| movement.id).collect())
}

fn now_of(tx: &Tx<'_>) -> When {
    When::now(tx.now, tx.settings.zone)
}

/// Stock that others own or that is earmarked serves the store that owns it or is meant by it.
fn wish_of(to: &StoreCode, day: NaiveDate) -> Wish<'_> {
    Wish { purpose: Some(to.as_str()), owner: Some(to.as_str()), ..Wish::on(day) }
}

fn promise(order: &Order, from: &StoreCode, line_no: i64, lot: &LotQuantity) -> Reservation {
    Reservation {
        document_kind: DOCUMENT_KIND.to_owned(),
        document_id: order.id.to_string(),
        line_no,
        store_code: from.clone(),
        lot_id: lot.lot_id.clone(),
        item_code: lot.item_code.clone(),
        quantity: lot.quantity,
    }
}

fn promises(order: &Order, from: &StoreCode) -> Vec<Reservation> {
    order
        .lines
        .iter()
        .flat_map(|line| line.reserved.iter().map(|lot| promise(order, from, line.line, lot)))
        .collect()
}

fn by_item(promises: &[Reservation]) -> BTreeMap<ItemCode, Quantity> {
    let mut sums: BTreeMap<ItemCode, Quantity> = BTreeMap::new();
    for promise in promises {
        let sum = sums.entry(promise.item_code.clone()).or_insert(Quantity::ZERO);
        *sum = sum.plus_capped(promise.quantity);
    }
    sums
}

fn available_by_item(balances: &[LotBalance], day: NaiveDate) -> BTreeMap<ItemCode, Quantity> {
    let mut sums: BTreeMap<ItemCode, Quantity> = BTreeMap::new();
    for balance in balances {
        let item = balance.lot.makers_lot.item_code.clone();
        let sum = sums.entry(item).or_insert(Quantity::ZERO);
        *sum = sum.plus_capped(balance.available(day));
    }
    sums
}

fn hold_floors(
    tx: &mut Tx<'_>,
    order: &Order,
    from: &StoreCode,
    before: &BTreeMap<ItemCode, Quantity>,
    after: &BTreeMap<ItemCode, Quantity>,
) -> Result<(), CommandError> {
    for (item, left) in after {
        let taken = before.get(item).map_or(Quantity::ZERO, |had| had.minus_or_zero(*left));
        if !taken.is_zero() {
            take_from(tx, order, from, item, taken, *left)?;
        }
    }
    Ok(())
}

fn take_from(
    tx: &mut Tx<'_>,
    order: &Order,
    store: &StoreCode,
    item: &ItemCode,
    taken: Quantity,
    after: Quantity,
) -> Result<(), CommandError> {
    let taking = Taking {
        store,
        item,
        taken,
        after,
        authority: order.authority.as_ref(),
        document_kind: DOCUMENT_KIND,
        document_id: order.id.as_str(),
        document_number: &order.number,
    };
    take(tx, &taking)?;
    Ok(())
}

/// That the usable lots do not serve a line, with what they hold and why others were passed over.
fn short(
    at: usize,
    line: i64,
    item: &ItemCode,
    asked: Quantity,
    available: Quantity,
    passed_over: &[PassedOver],
) -> Refusal {
    let passed: Vec<serde_json::Value> = passed_over
        .iter()
        .map(|lot| {
            serde_json::json!({
                "lot_id": lot.lot_id,
                "lot_number": lot.lot_number,
                "quantity": lot.quantity,
                "reason": lot.reason.as_str(),
            })
        })
        .collect();
    Refusal::new(
        Code::InsufficientStock,
        format!("第 {line} 行 {item}：可用仅 {available}，不足 {asked}"),
        format!("Line {line}: only {available} of {item} are available, not {asked}"),
    )
    .with("line", line)
    .with("item_code", item.as_str())
    .with("requested", asked.units())
    .with("available", available.units())
    .with("passed_over", passed)
    .at(format!("/lines/{at}"), FaultCode::OutOfRange)
}

fn blocked(lot: &LotId, line: i64, reason: &str) -> Refusal {
    Refusal::new(
        Code::LotBlocked,
        format!("第 {line} 行批次 {lot} 不可用（{reason}），请重新拣货"),
        format!("Line {line}: lot {lot} cannot be used ({reason}); pick again"),
    )
    .with("line", line)
    .with("lot_id", lot.as_str())
    .with("reason", reason)
}
