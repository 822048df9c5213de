//! What may happen to a dispatch next, decided from what it says and nothing else.
//!
//! Every decision answers the order as it is afterwards; what it does to stock follows from that.

use crate::access::Role;
use crate::authority::Authority;
use crate::authority::rules::{Ground, Standing, ground_of};
use crate::catalogue::substitution::{Substitutes, UseScene};
use crate::dispatch::order::{DispatchStatus as Status, Fate, Line, Load, LotQuantity, Order};
use crate::kernel::id::{LotId, ShipmentId};
use crate::kernel::{
    Bilingual, Code, FaultCode, Faults, Instant, ItemCode, Quantity, Refusal, StoreCode,
};
use std::collections::{BTreeMap, BTreeSet};

/// Requires a status that allows the action.
///
/// # Errors
/// `wrong_status`, with the status and those that would allow it.
fn allow(order: &Order, action: (&str, &str), allowed: &[Status]) -> Result<(), Refusal> {
    if allowed.contains(&order.status) {
        return Ok(());
    }
    let words: Vec<&str> = allowed.iter().map(|status| status.as_str()).collect();
    let (zh, en) = action;
    Err(Refusal::new(
        Code::WrongStatus,
        format!("单据 {} 状态为 {}，不能{zh}", order.number, order.status),
        format!("{} is {} and cannot be {en}", order.number, order.status),
    )
    .with("document_status", order.status.as_str())
    .with("allowed", words))
}

/// Records a fault for every line number that the order lacks or the request repeats.
fn check_lines(order: &Order, numbers: impl Iterator<Item = i64>, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for (at, number) in numbers.enumerate() {
        if order.line(number).is_none() {
            faults.add(format!("/lines/{at}/line"), FaultCode::Unknown);
        } else if !seen.insert(number) {
            faults.add(format!("/lines/{at}/line"), FaultCode::Duplicate);
        }
    }
}

/// How a dispatch begins: as a request where the receiver asks, else as a draft.
///
/// `None` where neither end is the maker's to speak for.
pub fn begins_as(
    maker: Role,
    speaks_for_sender: bool,
    speaks_for_receiver: bool,
) -> Option<Status> {
    match maker {
        Role::Commander => (speaks_for_sender || speaks_for_receiver).then_some(Status::Draft),
        Role::Keeper if speaks_for_sender => Some(Status::Draft),
        Role::Keeper | Role::Procurement => speaks_for_receiver.then_some(Status::Requested),
        Role::Auditor | Role::Admin => None,
    }
}

/// How much of a line is granted.
#[derive(Debug, Clone)]
pub struct ApprovedLine {
    /// The line.
    pub line: i64,
    /// Base units granted.
    pub approved: Quantity,
    /// Why less than asked.
    pub reason_code: Option<String>,
}

/// A decision to grant a dispatch.
#[derive(Debug, Clone, Default)]
pub struct Approve {
    /// The sender, where it is decided only now.
    pub from_store: Option<StoreCode>,
    /// Lines granted otherwise than asked; the others are granted whole.
    pub lines: Vec<ApprovedLine>,
    /// By whose word, where the dispatch does not name it or names another.
    pub authority: Option<Authority>,
}

/// Grants a dispatch, line by line.
///
/// The order answered has its sender, its authority and what is granted; lots are reserved by the
/// ledger, which alone knows what is there.
///
/// # Errors
/// `wrong_status`; `own_document`, `authority_required` or `emergency_limit` as
/// [`ground_of`] says; `validation_failed` for unknown or repeated lines, more than was asked for,
/// a cut without a reason, no sender, or nothing granted at all.
pub fn approve(
    order: &Order,
    command: &Approve,
    standing: Standing,
    by: &str,
    at: Instant,
) -> Result<(Order, Ground), Refusal> {
    allow(order, ("批准", "approved"), &[Status::Requested, Status::Draft])?;
    let mut faults = Faults::new();
    check_lines(order, command.lines.iter().map(|line| line.line), &mut faults);
    for (index, given) in command.lines.iter().enumerate() {
        let Some(line) = order.line(given.line) else { continue };
        if given.approved > line.requested {
            faults.add(format!("/lines/{index}/approved"), FaultCode::OutOfRange);
        } else if given.approved < line.requested && given.reason_code.is_none() {
            faults.add(format!("/lines/{index}/reason_code"), FaultCode::Required);
        }
    }
    let from_store = command.from_store.clone().or_else(|| order.from_store.clone());
    match &from_store {
        None => faults.add("/from_store", FaultCode::Required),
        Some(from) if *from == order.to_store => {
            faults.add("/from_store", FaultCode::Contradicts);
        }
        Some(_) => {}
    }
    let granted = |line: &Line| {
        command
            .lines
            .iter()
            .find(|given| given.line == line.line)
            .map_or(line.requested, |given| given.approved)
    };
    let lines: Vec<Line> = order
        .lines
        .iter()
        .map(|line| Line { approved: Some(granted(line)), ..line.clone() })
        .collect();
    if lines.iter().all(|line| line.approved == Some(Quantity::ZERO)) {
        faults.add_saying(
            "/lines",
            FaultCode::OutOfRange,
            Bilingual::new("全部核减为零：请改用取消", "nothing is left: cancel it instead"),
        );
    }
    faults.check()?;
    let authority = command.authority.clone().or_else(|| order.authority.clone());
    let amounts: Vec<(i64, Quantity)> =
        lines.iter().map(|line| (line.line, line.approved.unwrap_or(Quantity::ZERO))).collect();
    let ground = ground_of(standing, authority.as_ref(), &amounts)?;
    let order = Order {
        status: Status::Approved,
        from_store,
        authority,
        approved_by: Some(by.to_owned()),
        approved_at: Some(at),
        lines,
        ..order.clone()
    };
    Ok((order, ground))
}

/// The lots that are set aside for a line.
#[derive(Debug, Clone)]
pub struct PickedLine {
    /// The line.
    pub line: i64,
    /// The lots, which replace those promised.
    pub lots: Vec<(LotId, Quantity)>,
    /// Why other lots, or less.
    pub reason_code: Option<String>,
    /// The use for which the goods are meant: what may stand in depends on it.
    pub scene: UseScene,
}

/// What may be picked for the lines of an order.
#[derive(Debug, Clone, Default)]
pub struct Pickable {
    /// The item of every lot that the request names and the sender's book knows.
    pub lots: BTreeMap<LotId, ItemCode>,
    /// What may stand in for an item, by use.
    pub substitutes: BTreeMap<UseScene, Substitutes>,
}

/// Sets lots aside: those promised, others, less, or a substitute.
///
/// Lines that are not named are picked as promised. Picking may be done again for what has not
/// been shipped.
///
/// # Errors
/// `wrong_status`; `validation_failed` for unknown or repeated lines and lots, a lot of an item
/// that is no substitute, more than was granted, or a difference without a reason;
/// `insufficient_stock` where nothing is left of what was promised.
pub fn pick(order: &Order, lines: &[PickedLine], pickable: &Pickable) -> Result<Order, Refusal> {
    allow(order, ("拣货", "picked"), &[Status::Approved, Status::Picked, Status::Shipped])?;
    let mut faults = Faults::new();
    check_lines(order, lines.iter().map(|line| line.line), &mut faults);
    let mut picked = order.clone();
    for (index, given) in lines.iter().enumerate() {
        let Some(line) = picked.lines.iter_mut().find(|line| line.line == given.line) else {
            continue;
        };
        pick_line(line, given, pickable, &format!("/lines/{index}"), &mut faults);
    }
    faults.check()?;
    for line in &mut picked.lines {
        line.picked = line.shipped().plus(line.reserved());
    }
    if picked.reserved().is_zero() {
        return Err(match lines {
            [] => nothing_set_aside(),
            _ => Refusal::fault("/lines", FaultCode::TooShort),
        });
    }
    if picked.status == Status::Approved {
        picked.status = Status::Picked;
    }
    Ok(picked)
}

/// What was promised has been taken by facts that were told later, or has been shipped.
fn nothing_set_aside() -> Refusal {
    Refusal::new(
        Code::InsufficientStock,
        "本单已没有预留的物资：请另行拣货，或取消本单",
        "Nothing is set aside for the dispatch any more: pick other lots, or cancel it",
    )
    .at("/lines", FaultCode::TooShort)
}

fn pick_line(
    line: &mut Line,
    given: &PickedLine,
    pickable: &Pickable,
    pointer: &str,
    faults: &mut Faults,
) {
    let mut lots: Vec<LotQuantity> = Vec::new();
    for (at, (lot_id, quantity)) in given.lots.iter().enumerate() {
        let lot_pointer = format!("{pointer}/lots/{at}");
        if quantity.is_zero() {
            faults.add(format!("{lot_pointer}/quantity"), FaultCode::OutOfRange);
        }
        if lots.iter().any(|lot| lot.lot_id == *lot_id) {
            faults.add(format!("{lot_pointer}/lot_id"), FaultCode::Duplicate);
        }
        match pickable.lots.get(lot_id) {
            None => faults.add(format!("{lot_pointer}/lot_id"), FaultCode::Unknown),
            Some(item) if !stands_for(item, line, given.scene, pickable) => faults.add_saying(
                format!("{lot_pointer}/lot_id"),
                FaultCode::Contradicts,
                Bilingual::new(
                    format!("该批次属于 {item}，不是 {} 的替代品", line.item_code),
                    format!("is of {item}, which is no substitute for {}", line.item_code),
                ),
            ),
            Some(item) => lots.push(LotQuantity {
                lot_id: lot_id.clone(),
                item_code: item.clone(),
                quantity: *quantity,
            }),
        }
    }
    let total = Quantity::total(given.lots.iter().map(|(_, quantity)| *quantity));
    if total > line.to_ship() {
        faults.add(format!("{pointer}/lots"), FaultCode::OutOfRange);
    }
    let differs = total < line.to_ship() || !same_lots(&lots, &line.reserved);
    if differs && given.reason_code.is_none() {
        faults.add(format!("{pointer}/reason_code"), FaultCode::Required);
    }
    line.reserved = lots;
}

fn stands_for(item: &ItemCode, line: &Line, scene: UseScene, pickable: &Pickable) -> bool {
    let substitutes = pickable.substitutes.get(&scene);
    let others = substitutes.and_then(|substitutes| substitutes.get(&line.item_code));
    *item == line.item_code || others.into_iter().flatten().any(|other| other.item == *item)
}

fn same_lots(one: &[LotQuantity], other: &[LotQuantity]) -> bool {
    let as_map = |lots: &[LotQuantity]| -> BTreeMap<LotId, Quantity> {
        lots.iter().map(|lot| (lot.lot_id.clone(), lot.quantity)).collect()
    };
    as_map(one) == as_map(other)
}

/// How much of a line goes on the lorry.
#[derive(Debug, Clone)]
pub struct ShippedLine {
    /// The line.
    pub line: i64,
    /// Base units, of the lots that expire first; everything set aside without it and `lots`.
    pub quantity: Option<Quantity>,
    /// The very lots.
    pub lots: Vec<(LotId, Quantity)>,
}

/// One lorry.
#[derive(Debug, Clone)]
pub struct Ship {
    /// The lorry's id.
    pub shipment_id: ShipmentId,
    /// When it left.
    pub occurred_at: Instant,
    /// When it is expected.
    pub expected_at: Instant,
    /// What it carries; everything that is set aside without it.
    pub lines: Option<Vec<ShippedLine>>,
    /// Whether no other lorry follows, so that the rest is released.
    pub last: bool,
}

/// What a lorry carries, and what stays behind for good.
#[derive(Debug, Clone)]
pub struct Shipped {
    /// The order afterwards.
    pub order: Order,
    /// What left, by line.
    pub loads: Vec<(i64, LotQuantity)>,
    /// What is given back, by line.
    pub released: Vec<(i64, LotQuantity)>,
}

/// Puts goods that are set aside on a lorry.
///
/// # Errors
/// `wrong_status`; `validation_failed` for unknown or repeated lines and lots, more than is set
/// aside, an arrival before the departure, or an empty lorry; `insufficient_stock` where nothing is
/// set aside.
pub fn ship(order: &Order, command: &Ship) -> Result<Shipped, Refusal> {
    allow(order, ("发货", "shipped"), &[Status::Picked, Status::Shipped])?;
    let mut faults = Faults::new();
    if command.expected_at < command.occurred_at {
        faults.add("/expected_at", FaultCode::Contradicts);
    }
    let mut loads: Vec<(i64, LotQuantity)> = Vec::new();
    match &command.lines {
        None => {
            for line in &order.lines {
                loads.extend(line.reserved.iter().map(|lot| (line.line, lot.clone())));
            }
        }
        Some(lines) => {
            check_lines(order, lines.iter().map(|line| line.line), &mut faults);
            for (index, given) in lines.iter().enumerate() {
                let Some(line) = order.line(given.line) else { continue };
                let lots = ship_line(line, given, &format!("/lines/{index}"), &mut faults);
                loads.extend(lots.into_iter().map(|lot| (line.line, lot)));
            }
        }
    }
    loads.retain(|(_, lot)| !lot.quantity.is_zero());
    if loads.is_empty() && faults.is_empty() {
        return Err(match &command.lines {
            None => nothing_set_aside(),
            Some(_) => Refusal::fault("/lines", FaultCode::TooShort),
        });
    }
    faults.check()?;
    let mut shipped = order.clone();
    shipped.status = Status::Shipped;
    shipped.expected_at = shipped.expected_at.max(Some(command.expected_at));
    for (number, lot) in &loads {
        if let Some(line) = shipped.lines.iter_mut().find(|line| line.line == *number) {
            load(line, lot, &command.shipment_id);
        }
    }
    let released = if command.last { release_rest(&mut shipped) } else { Vec::new() };
    Ok(Shipped { order: shipped, loads, released })
}

fn ship_line(
    line: &Line,
    given: &ShippedLine,
    pointer: &str,
    faults: &mut Faults,
) -> Vec<LotQuantity> {
    if given.lots.is_empty() {
        let mut left = given.quantity.unwrap_or_else(|| line.reserved());
        if left > line.reserved() {
            faults.add(format!("{pointer}/quantity"), FaultCode::OutOfRange);
        }
        return line
            .reserved
            .iter()
            .map(|lot| {
                let quantity = lot.quantity.min(left);
                left = left.minus_or_zero(quantity);
                LotQuantity { quantity, ..lot.clone() }
            })
            .collect();
    }
    if given.quantity.is_some() {
        faults.add(format!("{pointer}/quantity"), FaultCode::Contradicts);
    }
    let mut lots: Vec<LotQuantity> = Vec::new();
    for (at, (lot_id, quantity)) in given.lots.iter().enumerate() {
        let lot_pointer = format!("{pointer}/lots/{at}");
        if lots.iter().any(|lot| lot.lot_id == *lot_id) {
            faults.add(format!("{lot_pointer}/lot_id"), FaultCode::Duplicate);
        }
        match line.reserved.iter().find(|lot| lot.lot_id == *lot_id) {
            None => faults.add(format!("{lot_pointer}/lot_id"), FaultCode::Unknown),
            Some(lot) if *quantity > lot.quantity || quantity.is_zero() => {
                faults.add(format!("{lot_pointer}/quantity"), FaultCode::OutOfRange);
            }
            Some(lot) => lots.push(LotQuantity { quantity: *quantity, ..lot.clone() }),
        }
    }
    lots
}

fn load(line: &mut Line, lot: &LotQuantity, shipment: &ShipmentId) {
    for promised in &mut line.reserved {
        if promised.lot_id == lot.lot_id {
            promised.quantity = promised.quantity.minus_or_zero(lot.quantity);
        }
    }
    line.reserved.retain(|promised| !promised.quantity.is_zero());
    line.loads.push(Load {
        shipment_id: shipment.clone(),
        lot_id: lot.lot_id.clone(),
        item_code: lot.item_code.clone(),
        shipped: lot.quantity,
        received: Quantity::ZERO,
        damaged: Quantity::ZERO,
        lost: Quantity::ZERO,
        returned: Quantity::ZERO,
        over: Quantity::ZERO,
    });
}

/// Gives back everything that is promised and not shipped.
fn release_rest(order: &mut Order) -> Vec<(i64, LotQuantity)> {
    let mut released = Vec::new();
    for line in &mut order.lines {
        let number = line.line;
        released.extend(line.reserved.drain(..).map(|lot| (number, lot)));
    }
    released
}

/// How the pieces of a lot on a line ended.
#[derive(Debug, Clone)]
pub struct ReceivedLine {
    /// The line.
    pub line: i64,
    /// The lot; needed where several of the line are on the way.
    pub lot_id: Option<LotId>,
    /// How many ended how, in the order of [`Fate::ALL`].
    pub counts: Vec<(Fate, Quantity)>,
}

/// A signing for goods.
#[derive(Debug, Clone, Default)]
pub struct Receive {
    /// The lorry, where it matters which one came.
    pub shipment_id: Option<ShipmentId>,
    /// What came; everything on the way, in good order, without it.
    pub lines: Option<Vec<ReceivedLine>>,
    /// How many lots came that are not on the papers.
    pub unexpected: usize,
}

/// Some pieces of one lot off one lorry, and how they ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The line.
    pub line: i64,
    /// Where the request said so, from 0; for reasons and notes.
    pub entry: usize,
    /// The lorry.
    pub shipment_id: ShipmentId,
    /// The lot.
    pub lot_id: LotId,
    /// Its item.
    pub item_code: ItemCode,
    /// How they ended.
    pub fate: Fate,
    /// Base units.
    pub quantity: Quantity,
}

/// Signs for goods: every piece ends in good order, damaged, lost or returned; what is over the
/// papers is counted besides.
///
/// The first lorry is emptied first, unless the request names one.
///
/// # Errors
/// `wrong_status`; `validation_failed` for an unknown line, lot or lorry, a lot that must be named,
/// more than is on the way (what is over belongs in `over`), or an empty request.
pub fn receive(order: &Order, command: &Receive) -> Result<(Order, Vec<Piece>), Refusal> {
    allow(order, ("收货", "received"), &[Status::Shipped, Status::Received])?;
    let mut faults = Faults::new();
    if let Some(shipment) = &command.shipment_id {
        let known = order.lines.iter().flat_map(|line| &line.loads);
        if !known.into_iter().any(|load| load.shipment_id == *shipment) {
            faults.add("/shipment_id", FaultCode::Unknown);
        }
    }
    let mut after = order.clone();
    let mut pieces = Vec::new();
    match &command.lines {
        None => {
            for line in &mut after.lines {
                let wanted = command.shipment_id.as_ref();
                let number = line.line;
                for load in line.loads.iter_mut().filter(|load| of_shipment(load, wanted)) {
                    let quantity = load.in_transit();
                    pieces.extend(end(load, number, 0, Fate::Received, quantity));
                }
            }
        }
        Some(lines) => {
            for (index, given) in lines.iter().enumerate() {
                let pointer = format!("/lines/{index}");
                let Some(line) = after.lines.iter_mut().find(|line| line.line == given.line) else {
                    faults.add(format!("{pointer}/line"), FaultCode::Unknown);
                    continue;
                };
                pieces.extend(receive_line(
                    line,
                    given,
                    index,
                    command.shipment_id.as_ref(),
                    &mut faults,
                ));
            }
        }
    }
    if pieces.is_empty() && command.unexpected == 0 && faults.is_empty() {
        faults.add("/lines", FaultCode::TooShort);
    }
    faults.check()?;
    after.status = status_on_the_way(&after);
    Ok((after, pieces))
}

fn of_shipment(load: &Load, wanted: Option<&ShipmentId>) -> bool {
    wanted.is_none_or(|shipment| load.shipment_id == *shipment)
}

fn status_on_the_way(order: &Order) -> Status {
    if order.in_transit().is_zero() && order.reserved().is_zero() {
        Status::Received
    } else {
        Status::Shipped
    }
}

fn receive_line(
    line: &mut Line,
    given: &ReceivedLine,
    entry: usize,
    shipment: Option<&ShipmentId>,
    faults: &mut Faults,
) -> Vec<Piece> {
    let pointer = format!("/lines/{entry}");
    let number = line.line;
    let Some(lot_id) = lot_meant(line, given, shipment, &pointer, faults) else {
        return Vec::new();
    };
    let mut loads: Vec<&mut Load> = line
        .loads
        .iter_mut()
        .filter(|load| load.lot_id == lot_id && of_shipment(load, shipment))
        .collect();
    let on_the_way = Quantity::total(loads.iter().map(|load| load.in_transit()));
    let ended = Quantity::total(
        given.counts.iter().filter(|(fate, _)| *fate != Fate::Over).map(|(_, quantity)| *quantity),
    );
    if ended > on_the_way {
        faults.add_saying(
            format!("{pointer}/received"),
            FaultCode::OutOfRange,
            Bilingual::new(
                format!("该批次在途 {on_the_way}，少于本次合计 {ended}；多出部分请记入 over"),
                format!("{ended} in all, but {on_the_way} are on the way: put the rest in `over`"),
            ),
        );
        return Vec::new();
    }
    let mut pieces = Vec::new();
    for (fate, quantity) in &given.counts {
        let mut left = *quantity;
        if *fate == Fate::Over {
            if let Some(last) = loads.last_mut() {
                pieces.extend(end(last, number, entry, Fate::Over, left));
            }
            continue;
        }
        for load in &mut loads {
            let taken = left.min(load.in_transit());
            left = left.minus_or_zero(taken);
            pieces.extend(end(load, number, entry, *fate, taken));
        }
    }
    if pieces.is_empty() {
        faults.add(format!("{pointer}/received"), FaultCode::Required);
    }
    pieces
}

/// The lot that a line of a receipt speaks of: the one named, or the only one there is.
fn lot_meant(
    line: &Line,
    given: &ReceivedLine,
    shipment: Option<&ShipmentId>,
    pointer: &str,
    faults: &mut Faults,
) -> Option<LotId> {
    let loaded: BTreeSet<&LotId> = line
        .loads
        .iter()
        .filter(|load| of_shipment(load, shipment))
        .map(|load| &load.lot_id)
        .collect();
    let fault = match (&given.lot_id, loaded.len()) {
        (Some(lot), _) if loaded.contains(lot) => return Some(lot.clone()),
        (Some(_), _) => FaultCode::Unknown,
        (None, 1) => return loaded.first().map(|lot| (*lot).clone()),
        (None, _) => FaultCode::Required,
    };
    faults.add(format!("{pointer}/lot_id"), fault);
    None
}

/// Counts the end of some pieces of a load; nothing for none.
fn end(load: &mut Load, line: i64, entry: usize, fate: Fate, quantity: Quantity) -> Option<Piece> {
    if quantity.is_zero() {
        return None;
    }
    let count = load.count_mut(fate);
    *count = count.plus_capped(quantity);
    Some(Piece {
        line,
        entry,
        shipment_id: load.shipment_id.clone(),
        lot_id: load.lot_id.clone(),
        item_code: load.item_code.clone(),
        fate,
        quantity,
    })
}

/// Takes back a whole signing: its pieces are on the way again.
///
/// # Errors
/// `wrong_status` when the dispatch never got so far.
pub fn reverse_receipt(order: &Order, pieces: &[Piece]) -> Result<Order, Refusal> {
    allow(order, ("红冲收货", "unreceived"), &[Status::Shipped, Status::Received, Status::Closed])?;
    let mut after = order.clone();
    for piece in pieces {
        let load = after
            .lines
            .iter_mut()
            .filter(|line| line.line == piece.line)
            .flat_map(|line| &mut line.loads)
            .find(|load| load.shipment_id == piece.shipment_id && load.lot_id == piece.lot_id);
        if let Some(load) = load {
            let count = load.count_mut(piece.fate);
            *count = count.minus_or_zero(piece.quantity);
        }
    }
    after.status = status_on_the_way(&after);
    Ok(after)
}

/// Sends a dispatch, and what of it is on the way, to another store.
///
/// # Errors
/// `wrong_status` once everything has arrived; `validation_failed` for the sender itself or the
/// store that it goes to already.
pub fn redirect(order: &Order, to_store: &StoreCode) -> Result<Order, Refusal> {
    allow(
        order,
        ("改道", "redirected"),
        &[Status::Requested, Status::Draft, Status::Approved, Status::Picked, Status::Shipped],
    )?;
    if order.from_store.as_ref() == Some(to_store) || order.to_store == *to_store {
        return Err(Refusal::fault("/to_store", FaultCode::Contradicts));
    }
    Ok(Order { to_store: to_store.clone(), ..order.clone() })
}

/// Closes a dispatch of which nothing is on the way; what was never shipped is released.
///
/// # Errors
/// `wrong_status` before anything was shipped; `transit_not_empty` with what is on the way.
pub fn close(order: &Order) -> Result<(Order, Vec<(i64, LotQuantity)>), Refusal> {
    allow(order, ("关闭", "closed"), &[Status::Shipped, Status::Received])?;
    let on_the_way = order.in_transit();
    if !on_the_way.is_zero() {
        return Err(Refusal::new(
            Code::TransitNotEmpty,
            format!("单据 {} 尚有在途 {on_the_way}，签收清楚后才能关闭", order.number),
            format!("{on_the_way} of {} are still on the way: sign for them first", order.number),
        )
        .with("in_transit", on_the_way.units()));
    }
    let mut after = Order { status: Status::Closed, ..order.clone() };
    let released = release_rest(&mut after);
    Ok((after, released))
}

/// Cancels a dispatch of which nothing has been shipped, and releases what it was promised.
///
/// # Errors
/// `wrong_status` once something was shipped.
pub fn cancel(order: &Order) -> Result<(Order, Vec<(i64, LotQuantity)>), Refusal> {
    allow(
        order,
        ("取消", "cancelled"),
        &[Status::Requested, Status::Draft, Status::Approved, Status::Picked],
    )?;
    let mut after = Order { status: Status::Cancelled, ..order.clone() };
    let released = release_rest(&mut after);
    Ok((after, released))
}

/// What is asked for again: the line it comes from, the item and base units.
pub type Wanted = (i64, ItemCode, Quantity);

/// Marks the open remainder of an order as asked for again, and answers what that is by line.
///
/// # Errors
/// `wrong_status` before the approval, after a cancellation, or when nothing is open.
pub fn carry_over(order: &Order) -> Result<(Order, Vec<Wanted>), Refusal> {
    allow(
        order,
        ("续领", "asked for again"),
        &[Status::Approved, Status::Picked, Status::Shipped, Status::Received, Status::Closed],
    )?;
    let mut after = order.clone();
    let mut wanted = Vec::new();
    for line in &mut after.lines {
        let open = line.open_remainder();
        if !open.is_zero() {
            line.carried_over = line.carried_over.plus_capped(open);
            wanted.push((line.line, line.item_code.clone(), open));
        }
    }
    if wanted.is_empty() {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("单据 {} 没有未满足的余量", order.number),
            format!("Nothing of {} is left open", order.number),
        ));
    }
    Ok((after, wanted))
}

#[cfg(test)]
mod tests;
