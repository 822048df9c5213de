//! A receipt of what was expected: which line it fulfils, what stays open, and what is over.

use crate::command::{CommandError, Tx};
use crate::db::memory;
use crate::kernel::id::ExpectedReceiptId;
use crate::kernel::{Code, FaultCode, Faults, Quantity, Refusal, StoreCode};
use crate::stock::movement::MovementKind;
use crate::stock::queries::fulfilment::{Expecting, received};
use crate::stock::records::fulfilment::{self, Awaited, AwaitedLine};
use crate::stock::requests::{ReceiptLine, ReceiptRequest};
use crate::stock::views::{FulfilledLineView, FulfilmentView, MovementView};

/// What a receipt fulfils.
#[derive(Debug)]
pub struct Fulfilling {
    id: ExpectedReceiptId,
    /// For each line of the receipt the line that it fulfils; extras fulfil none.
    lines: Vec<Option<i64>>,
    /// What the receipt says of it.
    pub view: FulfilmentView,
}

/// Finds what a receipt fulfils, if it names anything, and locks it.
///
/// # Errors
/// `validation_failed` where it is unknown, of another store, or has no line for any item that
/// came; `wrong_status` when it was cancelled.
pub fn fulfilling(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    lines: &[ReceiptLine],
    request: &ReceiptRequest,
) -> Result<Option<Fulfilling>, CommandError> {
    let mut faults = Faults::new();
    let Some(name) = &request.expected_receipt else {
        for (at, line) in request.lines.iter().enumerate() {
            if line.expected_line.is_some() {
                faults.add(format!("/lines/{at}/expected_line"), FaultCode::Contradicts);
            }
        }
        faults.check()?;
        return Ok(None);
    };
    memory::settle(tx.conn)?;
    let awaited = fulfilment::lock_awaited(tx.conn, name)?
        .filter(|awaited| tx.actor.scope.contains(&awaited.store));
    let Some(awaited) = faults.keep("/expected_receipt", awaited.ok_or(FaultCode::Unknown)) else {
        return faults.finish(None).map_err(CommandError::from);
    };
    if awaited.store != *store {
        faults.add("/expected_receipt", FaultCode::Contradicts);
    }
    let fulfilled: Vec<Option<&AwaitedLine>> = lines
        .iter()
        .zip(&request.lines)
        .enumerate()
        .map(|(at, (line, asked))| line_of(&awaited, line, asked.expected_line, at, &mut faults))
        .collect();
    if faults.is_empty() && fulfilled.iter().all(Option::is_none) {
        faults.add("/expected_receipt", FaultCode::Contradicts);
    }
    faults.check()?;
    if awaited.is_cancelled {
        return Err(cancelled(&awaited).into());
    }
    let before = received(tx.conn, Expecting::These(std::slice::from_ref(&awaited.id)), None)?;
    let mut so_far = before;
    let mut views = Vec::new();
    for ((line_no, line), of) in (1..).zip(lines).zip(&fulfilled) {
        let Some(of) = of else { continue };
        let came = so_far.entry((awaited.id.clone(), of.line)).or_insert(Quantity::ZERO);
        *came = came.plus_capped(line.quantity);
        views.push(FulfilledLineView {
            line: line_no,
            expected_line: of.line,
            ordered: of.ordered,
            received: *came,
            open: of.ordered.minus_or_zero(*came),
            over: came.minus_or_zero(of.ordered),
        });
    }
    Ok(Some(Fulfilling {
        lines: fulfilled.iter().map(|of| of.map(|of| of.line)).collect(),
        view: FulfilmentView {
            expected_receipt_id: awaited.id.clone(),
            number: awaited.number,
            lines: views,
        },
        id: awaited.id,
    }))
}

impl Fulfilling {
    /// Says of each movement of the receipt which line it fulfils.
    ///
    /// # Errors
    /// When the database fails.
    pub fn store(
        &self,
        tx: &mut Tx<'_>,
        store: &StoreCode,
        movements: &[MovementView],
    ) -> Result<(), CommandError> {
        let receipts = movements.iter().filter(|one| one.kind == MovementKind::Receipt);
        for (movement, line) in receipts.zip(&self.lines) {
            if let Some(line) = line {
                fulfilment::insert(tx.conn, &movement.id, &self.id, *line, store)?;
            }
        }
        Ok(())
    }
}

/// The line that is named, or the first of the item; what nobody ordered fulfils nothing.
fn line_of<'a>(
    awaited: &'a Awaited,
    line: &ReceiptLine,
    named: Option<i64>,
    at: usize,
    faults: &mut Faults,
) -> Option<&'a AwaitedLine> {
    let Some(named) = named else {
        return awaited.lines.iter().find(|of| of.item == line.item.code);
    };
    let pointer = format!("/lines/{at}/expected_line");
    let of = awaited.lines.iter().find(|of| of.line == named).ok_or(FaultCode::Unknown);
    let of = faults.keep(&*pointer, of)?;
    if of.item != line.item.code {
        faults.add(pointer, FaultCode::Contradicts);
    }
    Some(of)
}

fn cancelled(awaited: &Awaited) -> Refusal {
    Refusal::new(
        Code::WrongStatus,
        format!("预期到货 {} 已取消", awaited.number),
        format!("The expected receipt {} was cancelled", awaited.number),
    )
    .with("document_status", "cancelled")
}
