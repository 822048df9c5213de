//! Receipts (入库).

use crate::catalogue::packs::InPacks;
use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::{LotId, MakersLotId, StockDocumentId, UnmatchedId};
use crate::kernel::{Code, FaultCode, Faults, LotNumber, Refusal, StoreCode};
use crate::stock::account::Account;
use crate::stock::commands::fulfil::fulfilling;
use crate::stock::commands::unmatched::{self, CameToLight};
use crate::stock::commands::{Paper, post_on_paper, subject, to_json};
use crate::stock::document::{DocumentKind, StockDocument};
use crate::stock::facts::Brought;
use crate::stock::lot::MakersLot;
use crate::stock::movement::{DocumentRef, MovementKind, NewMovement};
use crate::stock::records;
use crate::stock::requests::{
    LotFacts, ReceiptLine, ReceiptRequest, facts_named, head, optional_text, slip,
};
use crate::stock::unmatched::HowCleared;
use crate::stock::views::{DocumentHead, ReceiptDetail, ReceiptLineView, ReceiptView};
use chrono::Datelike;
use std::collections::BTreeMap;

/// Takes stock into a store.
///
/// # Errors
/// `validation_failed` with every fault, `store_out_of_scope`, `lot_conflict` when the book holds
/// a lot number with another expiry or production date; `wrong_status` when what it fulfils was
/// cancelled.
pub fn post_receipt(tx: &mut Tx<'_>, request: &ReceiptRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let head = head(tx, &request.store_code, request.occurred_at.as_deref(), &mut faults)?;
    let day = tx.settings.zone.day_of(head.as_ref().map_or(tx.now, |head| head.occurred_at));
    let lines = request.lines(tx, day, &mut faults)?;
    let mut text = |pointer, given: &Option<String>| {
        optional_text::<120>(given.as_ref(), pointer, &mut faults)
    };
    let inspected_by = text("/inspected_by", &request.inspected_by);
    let witnessed_by = text("/witnessed_by", &request.witnessed_by);
    let source_document_number = text("/source/document_number", &request.source.document_number);
    let note = optional_text::<1000>(request.note.as_ref(), "/note", &mut faults);
    let slip = slip(request.after_the_fact, request.slip_number.as_ref(), &mut faults);
    let named = facts_named(&request.clears, &mut faults);
    let head = faults.finish(head)?;
    let store = head.store.code;
    let fulfilling = fulfilling(tx, &store, &lines, request)?;
    let items = lines.iter().map(|line| line.item.code.clone());
    let open = unmatched::lock_open(tx, &store, items)?;
    unmatched::check_named(&named, &open)?;
    let id = StockDocumentId::generate();
    let lots = lots_of(tx, &store, &lines, id.as_str())?;
    let mut movements = Vec::with_capacity(lines.len());
    let mut views = Vec::with_capacity(lines.len());
    for (line_no, ((line, asked), (makers, lot_id))) in
        (1..).zip(lines.iter().zip(&request.lines).zip(lots))
    {
        movements.push(NewMovement::new(
            MovementKind::Receipt,
            &store,
            &line.item.code,
            &lot_id,
            line.quantity,
            Account::Outside(line.provenance.source_kind),
            Account::Store(store.clone(), line.state),
            line_no,
        ));
        views.push(ReceiptLineView {
            line: line_no,
            item_code: line.item.code.clone(),
            lot_id,
            makers_lot_id: makers.id,
            lot_number: makers.lot_number,
            expires_on: makers.expiry.date(),
            state: line.state,
            quantity: line.quantity,
            in_packs: line.item.largest_pack().map(|pack| InPacks::of(line.quantity, pack)),
            delivered: asked.delivered,
            rejected: asked.rejected,
            reject_reason: asked.reject_reason.clone(),
            quantity_basis: asked.quantity_basis.clone().unwrap_or_else(|| "labelled".to_owned()),
        });
    }
    let Some(first) = lines.first() else {
        return Err(Refusal::fault("/lines", FaultCode::TooShort).into());
    };
    let mut detail = ReceiptDetail {
        slip_number: slip.clone(),
        cleared: Vec::new(),
        source_kind: first.provenance.source_kind,
        source_name: first.provenance.source_name.clone(),
        source_document_number,
        inspected_by,
        witnessed_by,
        note,
        fulfils: fulfilling.as_ref().map(|of| of.view.clone()),
        lines: views,
    };
    let paper = Paper {
        kind: DocumentKind::Receipt,
        id,
        store: store.clone(),
        occurred_at: head.occurred_at,
        slip,
    };
    let (document, movements) = post_on_paper(tx, paper, movements, &detail)?;
    if let Some(fulfilling) = &fulfilling {
        fulfilling.store(tx, &store, &movements)?;
    }
    if !open.is_empty() {
        let came = came_to_light(&document, named, &lines, &detail);
        detail.cleared = unmatched::clear(tx, &open, &came)?;
        let told = StockDocument { detail: to_json(&detail), ..document.clone() };
        records::update_document(tx.conn, &told)?;
    }
    let view = ReceiptView { head: DocumentHead::from(&document), detail, movements };
    Ok(Done::created(subject(&document), &view)
        .version(document.version)
        .located(format!("/receipts/{}", document.id)))
}

fn came_to_light(
    document: &StockDocument,
    named: Vec<UnmatchedId>,
    lines: &[ReceiptLine],
    detail: &ReceiptDetail,
) -> CameToLight {
    let pieces = lines.iter().zip(&detail.lines).map(|(line, view)| {
        let piece =
            Brought { lot_id: view.lot_id.clone(), state: line.state, quantity: line.quantity };
        (line.item.code.clone(), piece)
    });
    CameToLight {
        store: document.store_code.clone(),
        occurred_at: document.occurred_at,
        by: DocumentRef {
            kind: document.kind.as_str().to_owned(),
            id: document.id.to_string(),
            number: document.number.clone(),
        },
        how: HowCleared::Receipt,
        named,
        pieces: pieces.collect(),
    }
}

/// The lot of each line with its maker's lot.
///
/// They are locked in one order, whatever the order of the lines, so that two receipts of the same
/// lots never wait for each other.
fn lots_of(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    lines: &[ReceiptLine],
    document: &str,
) -> Result<Vec<(MakersLot, LotId)>, CommandError> {
    let mut ordered: Vec<(usize, &ReceiptLine)> = lines.iter().enumerate().collect();
    ordered.sort_by_key(|(_, line)| {
        line.lot.lot_number.as_ref().map(|number| (&line.item.code, number, &line.lot.maker))
    });
    let mut found = BTreeMap::new();
    for (at, line) in ordered {
        found.insert(at, lot_of(tx, store, line, at, document)?);
    }
    Ok(found.into_values().collect())
}

/// The lot of a line with its maker's lot: those that the book knows, or new ones.
fn lot_of(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    line: &ReceiptLine,
    at: usize,
    document: &str,
) -> Result<(MakersLot, LotId), CommandError> {
    if let Some(number) = &line.lot.lot_number {
        let key = line.provenance.key(document);
        let (item, maker) = (&line.item.code, &line.lot.maker);
        if let Some((known, lot)) = records::lock_known_lot(tx.conn, item, number, maker, &key)? {
            return Ok((same_or_conflict(known, &line.lot, at)?, lot));
        }
    }
    let makers = makers_lot(tx, store, line, at)?;
    let lot = records::find_or_insert_lot(tx.conn, &makers, &line.provenance, document, tx.now)?;
    Ok((makers, lot))
}

/// The maker's lot of a line: the one that the book knows, or a new one.
fn makers_lot(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    line: &ReceiptLine,
    at: usize,
) -> Result<MakersLot, CommandError> {
    let (lot_number, is_house_number) = match &line.lot.lot_number {
        Some(number) => (number.clone(), false),
        None => (house_number(tx, store)?, true),
    };
    let new = MakersLot {
        id: MakersLotId::generate(),
        item_code: line.item.code.clone(),
        lot_number,
        maker: line.lot.maker.clone(),
        is_house_number,
        manufactured_on: line.lot.manufactured_on,
        expiry: line.lot.expiry,
        recalled_at: None,
        recall_reason: None,
        version: 1,
        created_at: tx.now,
    };
    let lock = |tx: &mut Tx<'_>| {
        records::lock_makers_lot_named(tx.conn, &new.item_code, &new.lot_number, &new.maker)
    };
    if let Some(known) = lock(tx)? {
        return same_or_conflict(known, &line.lot, at);
    }
    records::insert_makers_lot(tx.conn, &new)?;
    match lock(tx)? {
        Some(known) => same_or_conflict(known, &line.lot, at),
        None => Ok(new),
    }
}

/// A number for goods whose label has none, unique in the county: store, year, running number.
fn house_number(tx: &mut Tx<'_>, store: &StoreCode) -> Result<LotNumber, CommandError> {
    let year = i64::from(tx.settings.zone.day_of(tx.now).year());
    let running = records::next_number(tx.conn, store, "PH", year)?;
    let text = format!("{store}-{:02}{running:05}", year % 100);
    Ok(LotNumber::new(&text).map_err(|code| Refusal::fault("/lines", code))?)
}

fn same_or_conflict(
    known: MakersLot,
    new: &LotFacts,
    at: usize,
) -> Result<MakersLot, CommandError> {
    let made_otherwise = new.manufactured_on.is_some()
        && known.manufactured_on.is_some()
        && new.manufactured_on != known.manufactured_on;
    if known.expiry == new.expiry && !made_otherwise {
        return Ok(known);
    }
    let shown =
        known.expiry.date().map_or_else(|| known.expiry.kind().to_owned(), |d| d.to_string());
    let refusal = Refusal::new(
        Code::LotConflict,
        format!("物资 {} 批号 {} 账面效期为 {shown}", known.item_code, known.lot_number),
        format!(
            "The book holds item {} lot {} with expiry {shown}",
            known.item_code, known.lot_number
        ),
    );
    Err(refusal
        .at(format!("/lines/{at}/lot_number"), FaultCode::Contradicts)
        .with("makers_lot_id", known.id.as_str())
        .with("expiry", known.expiry.kind())
        .with("expires_on", known.expiry.date().map(|day| day.to_string()))
        .with("manufactured_on", known.manufactured_on.map(|day| day.to_string()))
        .into())
}
