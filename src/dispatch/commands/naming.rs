//! Lots named by the number on their label, where nobody knows their ids: each is looked up among
//! the lots that the step can be about, and its id is filled in before the request is read.

use crate::command::{CommandError, Tx};
use crate::dispatch::order::{Line, Order};
use crate::dispatch::requests::{
    DispatchRequest, LotRequest, PickRequest, ReceiptRequest, ShipRequest,
};
use crate::kernel::id::LotId;
use crate::kernel::{FaultCode, Faults, ItemCode, LotNumber, StoreCode};
use crate::stock::commands::{Among, lot_numbered};

/// A new dispatch: among the lots of the sender.
pub fn asked(
    tx: &mut Tx<'_>,
    request: &DispatchRequest,
    faults: &mut Faults,
) -> Result<DispatchRequest, CommandError> {
    let mut request = request.clone();
    let from = request.from_store.as_ref().and_then(|code| StoreCode::new(code).ok());
    for (at, line) in request.lines.iter_mut().enumerate() {
        // A code that is none is named by the line's own faults.
        let Ok(item) = ItemCode::new(&line.item_code) else { continue };
        let pointer = format!("/lines/{at}");
        let (id, number) = (&mut line.lot_id, line.lot_number.take());
        fill(tx, Among::HeldBy(from.as_ref()), &item, id, number, &pointer, faults)?;
    }
    Ok(request)
}

/// A picking: among the lots of the sender.
pub fn picked(
    tx: &mut Tx<'_>,
    order: &Order,
    request: &PickRequest,
) -> Result<PickRequest, CommandError> {
    let mut request = request.clone();
    let mut faults = Faults::new();
    let from = order.from_store.clone();
    for (at, line) in request.lines.iter_mut().flatten().enumerate() {
        let pointer = format!("/lines/{at}");
        let of = order.line(line.line);
        fill_all(tx, Among::HeldBy(from.as_ref()), of, &mut line.lots, &pointer, &mut faults)?;
    }
    faults.check()?;
    Ok(request)
}

/// A lorry: among the lots that are set aside for the line.
pub fn shipped(
    tx: &mut Tx<'_>,
    order: &Order,
    request: &ShipRequest,
) -> Result<ShipRequest, CommandError> {
    let mut request = request.clone();
    let mut faults = Faults::new();
    for (at, line) in request.lines.iter_mut().flatten().enumerate() {
        let pointer = format!("/lines/{at}");
        let Some(lots) = &mut line.lots else { continue };
        let of = order.line(line.line);
        let aside: Vec<LotId> =
            of.iter().flat_map(|line| &line.reserved).map(|lot| lot.lot_id.clone()).collect();
        fill_all(tx, Among::These(&aside), of, lots, &pointer, &mut faults)?;
    }
    faults.check()?;
    Ok(request)
}

/// A signing: among the lots of the line that left the sender.
pub fn signed(
    tx: &mut Tx<'_>,
    order: &Order,
    request: &ReceiptRequest,
) -> Result<ReceiptRequest, CommandError> {
    let mut request = request.clone();
    let mut faults = Faults::new();
    for (at, line) in request.lines.iter_mut().flatten().enumerate() {
        let pointer = format!("/lines/{at}");
        let Some(of) = order.line(line.line) else { continue };
        let number = line.lot_number.take();
        // A substitute went under its own item.
        let on_way: Vec<LotId> = of.loads.iter().map(|load| load.lot_id.clone()).collect();
        let mut items: Vec<ItemCode> = of.loads.iter().map(|load| load.item_code.clone()).collect();
        items.sort_unstable();
        items.dedup();
        let item = match items.as_slice() {
            [only] => only,
            _ => &of.item_code,
        };
        let id = &mut line.lot_id;
        fill(tx, Among::These(&on_way), item, id, number, &pointer, &mut faults)?;
    }
    faults.check()?;
    Ok(request)
}

fn fill_all(
    tx: &mut Tx<'_>,
    among: Among<'_>,
    line: Option<&Line>,
    lots: &mut [LotRequest],
    pointer: &str,
    faults: &mut Faults,
) -> Result<(), CommandError> {
    for (at, lot) in lots.iter_mut().enumerate() {
        let pointer = format!("{pointer}/lots/{at}");
        let number = lot.lot_number.take();
        let item = match lot.item_code.take() {
            Some(code) => faults.keep(format!("{pointer}/item_code"), ItemCode::new(&code)),
            // A line that is none is refused by its own name.
            None => line.map(|line| line.item_code.clone()),
        };
        let Some(item) = item else { continue };
        fill(tx, among, &item, &mut lot.lot_id, number, &pointer, faults)?;
    }
    Ok(())
}

fn fill(
    tx: &mut Tx<'_>,
    among: Among<'_>,
    item: &ItemCode,
    id: &mut Option<String>,
    number: Option<String>,
    pointer: &str,
    faults: &mut Faults,
) -> Result<(), CommandError> {
    let Some(number) = number else { return Ok(()) };
    let at = format!("{pointer}/lot_number");
    if id.is_some() {
        faults.add(at, FaultCode::Contradicts);
        return Ok(());
    }
    let Some(number) = faults.keep(at, LotNumber::new(&number)) else { return Ok(()) };
    *id = lot_numbered(tx, among, item, &number, pointer, faults)?.map(|lot| lot.id.to_string());
    Ok(())
}
