//! Posting a stocktake: the book of each count's moment becomes what was counted.

use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::{LotId, ReservationCutId, StocktakeId};
use crate::kernel::{Instant, ItemCode, Quantity};
use crate::stock::commands::unmatched::{clear_by_count, lock_open};
use crate::stock::facts::{Cut, Promise};
use crate::stock::posting::When;
use crate::stock::records::{
    Numbering, Posting, Reservation, count_marks, cuts, lock_chain, lock_for, mark_counted, release,
};
use crate::stock::unmatched::{ReservationCut, UnmatchedFact};
use crate::stock::{Account, CountMark, DocumentRef, MovementKind, NewMovement, Outside};
use crate::stocktake::accuracy::Figures;
use crate::stocktake::commands::found::found_lot;
use crate::stocktake::commands::{finish, locked, step};
use crate::stocktake::counting::CountEntry;
use crate::stocktake::outcome::{Evaluated, Known, wholly_counted_at};
use crate::stocktake::queries::held;
use crate::stocktake::queries::loaded::{Loaded, load};
use crate::stocktake::records::{self, LineFilter, StocktakeResult};
use crate::stocktake::requests::Finish;
use crate::stocktake::rules::{self, Action};
use crate::stocktake::sheet::{DOCUMENT_KIND, Goods, Stocktake, StocktakeStatus};
use crate::stocktake::variance::{Books, Place};
use std::collections::{BTreeMap, BTreeSet};

/// Posts a stocktake: movements at the business time of each count, marks, figures; one
/// transaction.
///
/// A count is a fact: promises of what is not there are cut, and what had left unmatched before it
/// is cleared.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status`, `count_incomplete`, `approval_required`,
/// `absorbed_by_count` where a later count of a lot is posted already, `late_entry` where a later
/// balance would fall below zero, `too_far_back` where the caller's role may not post so late.
pub fn post(tx: &mut Tx<'_>, id: &StocktakeId, asked: &Finish) -> Result<Done, CommandError> {
    let mut stocktake = locked(tx, id, Action::Post)?;
    stocktake.not_counted = asked.not_counted.unwrap_or(stocktake.not_counted);
    let all = LineFilter::default();
    let before = load(tx.conn, &stocktake, &all)?;
    rules::complete(&stocktake, stocktake.not_counted, &before.lines)?;
    // Open facts are locked before lots and balances, as everywhere.
    let items = before.lines.iter().map(|line| line.line.item_code.clone());
    let open = lock_open(tx, &stocktake.store_code, items)?;
    take_up_found(tx, &stocktake, &before.lines)?;
    let known = load(tx.conn, &stocktake, &all)?;
    lock_counted(tx, &stocktake, &known.lines)?;
    // What is read from here on holds until the commit.
    let loaded = load(tx.conn, &stocktake, &all)?;
    let Loaded { lines, books, .. } = &loaded;
    rules::complete(&stocktake, stocktake.not_counted, lines)?;
    let figures = Figures::of(lines);
    rules::approved_or_small(&stocktake, &figures, lines, tx.settings)?;
    check_places(tx, &stocktake, lines, books)?;
    cut_promises(tx, &stocktake, lines, books)?;
    post_movements(tx, &stocktake, lines)?;
    clear_facts(tx, &stocktake, &loaded, &open)?;
    mark(tx, &stocktake, lines)?;
    records::store_outcomes(tx.conn, &stocktake.id, lines)?;
    let entries = records::counts(tx.conn, &stocktake.id, None)?;
    let result = StocktakeResult {
        stocktake_id: stocktake.id.clone(),
        store_code: stocktake.store_code.clone(),
        number: stocktake.number.clone(),
        posted_at: tx.now,
        figures,
        counters: counters(&entries),
    };
    records::insert_result(tx.conn, &result)?;
    stocktake.status = StocktakeStatus::Posted;
    stocktake.ended = step(tx);
    stocktake.posted_seq = Some(lock_chain(tx.conn, &stocktake.store_code)?);
    if asked.note.is_some() {
        stocktake.decision_note.clone_from(&asked.note);
    }
    finish(tx, stocktake, lines)
}

/// Locks the balances of every counted line, those that do not seem to differ too.
fn lock_counted(
    tx: &mut Tx<'_>,
    stocktake: &Stocktake,
    lines: &[Evaluated],
) -> Result<(), CommandError> {
    let earliest = lines.iter().filter_map(|line| Some(line.counted()?.1)).min();
    let when = When::at(earliest.unwrap_or(tx.now), tx.now, tx.settings.zone);
    lock_for(tx.conn, &movements(stocktake, lines, true), &when)
}

fn counters(entries: &[CountEntry]) -> Vec<String> {
    let names: BTreeSet<&String> = entries.iter().map(|entry| &entry.counted_by).collect();
    names.into_iter().cloned().collect()
}

/// Takes goods up of which the book knows no lot: nobody knows where they come from.
fn take_up_found(
    tx: &mut Tx<'_>,
    stocktake: &Stocktake,
    lines: &[Evaluated],
) -> Result<(), CommandError> {
    for line in lines {
        let counted = line.counted().map_or(Quantity::ZERO, |(quantity, _)| quantity);
        let lot = match (&line.known, &line.line.goods) {
            (Known::Lot(lot, _), Goods::Unknown(_)) => lot.clone(),
            (Known::Nowhere, Goods::Unknown(label)) if !counted.is_zero() => {
                found_lot(tx, stocktake, line, label)?
            }
            _ => continue,
        };
        records::store_lot(tx.conn, &stocktake.id, line.line.line_no, &lot)?;
    }
    Ok(())
}

/// The movements of the differences, in the order of the sheet; with `every`, those of counted
/// lines that do not differ too, to lock what they touch.
fn movements(stocktake: &Stocktake, lines: &[Evaluated], every: bool) -> Vec<NewMovement> {
    let movement = |line: &Evaluated| {
        let difference = line.difference()?;
        let (lot, state) = line.place()?;
        if difference == 0 && !every {
            return None;
        }
        let here = Account::Store(stocktake.store_code.clone(), state);
        let outside = Account::Outside(Outside::CountDifference);
        let (from, to) = if difference < 0 { (here, outside) } else { (outside, here) };
        Some(NewMovement {
            reason_code: line.line.reason.map(|reason| reason.as_str().to_owned()),
            note: line.line.reason_note.clone(),
            ..NewMovement::new(
                MovementKind::Count,
                &stocktake.store_code,
                &line.line.item_code,
                &lot,
                Quantity::new(difference.saturating_abs()).ok()?,
                from,
                to,
                line.line.line_no,
            )
        })
    };
    lines.iter().filter_map(movement).collect()
}

/// Holds every counted line against later counts and later movements.
fn check_places(
    tx: &mut Tx<'_>,
    stocktake: &Stocktake,
    lines: &[Evaluated],
    books: &Books,
) -> Result<(), CommandError> {
    let lots: BTreeSet<LotId> = lines.iter().filter_map(|line| Some(line.place()?.0)).collect();
    let lots: Vec<LotId> = lots.into_iter().collect();
    let marks = count_marks(tx.conn, &stocktake.store_code, &lots)?;
    for line in lines {
        rules::fits(line, books, &marks)?;
    }
    Ok(())
}

/// Cuts promises of lots of which less was counted than is promised, the latest first: what is not
/// there cannot be kept for anybody.
fn cut_promises(
    tx: &mut Tx<'_>,
    stocktake: &Stocktake,
    lines: &[Evaluated],
    books: &Books,
) -> Result<(), CommandError> {
    let fewer = |line: &&Evaluated| line.difference().is_some_and(|difference| difference < 0);
    let items: BTreeSet<&ItemCode> =
        lines.iter().filter(fewer).map(|line| &line.line.item_code).collect();
    let items: Vec<ItemCode> = items.into_iter().cloned().collect();
    let promises = cuts::promises_of(tx.conn, &stocktake.store_code, &items)?;
    let promises: Vec<Promise> = promises.into_iter().map(|(_, promise)| promise).collect();
    let by = document(stocktake);
    for line in lines.iter().filter(fewer) {
        let Some((_, counted_at)) = line.counted() else { continue };
        let lost: Vec<Reservation> = line
            .cuts(books, &promises)
            .into_iter()
            .map(|Cut { promise, quantity }| Reservation {
                document_kind: promise.document_kind,
                document_id: promise.document_id,
                line_no: promise.line_no,
                store_code: stocktake.store_code.clone(),
                lot_id: promise.lot_id,
                item_code: line.line.item_code.clone(),
                quantity,
            })
            .collect();
        release(tx.conn, &When::at(counted_at, tx.now, tx.settings.zone), &lost)?;
        for promise in lost {
            cuts::insert_cut(tx.conn, &cut_of(tx, promise, &by))?;
        }
    }
    Ok(())
}

/// What a document lost by a count. The count has no slip but its own sheet.
fn cut_of(tx: &Tx<'_>, lost: Reservation, by: &DocumentRef) -> ReservationCut {
    ReservationCut {
        id: ReservationCutId::generate(),
        document_kind: lost.document_kind,
        document_id: lost.document_id,
        line_no: lost.line_no,
        store_code: lost.store_code,
        lot_id: lost.lot_id,
        item_code: lost.item_code,
        quantity: lost.quantity,
        by: by.clone(),
        slip_number: by.number.clone(),
        cut_at: tx.now,
        actor: tx.actor.name.clone(),
        acknowledged_at: None,
        acknowledged_by: None,
    }
}

fn document(stocktake: &Stocktake) -> DocumentRef {
    DocumentRef {
        kind: DOCUMENT_KIND.to_owned(),
        id: stocktake.id.to_string(),
        number: stocktake.number.clone(),
    }
}

/// Clears the open facts of items that were counted wholly: whatever had left *unmatched* until
/// then is in what was counted.
fn clear_facts(
    tx: &mut Tx<'_>,
    stocktake: &Stocktake,
    loaded: &Loaded,
    open: &[UnmatchedFact],
) -> Result<(), CommandError> {
    let items: BTreeSet<&ItemCode> = open.iter().map(|fact| &fact.item_code).collect();
    let items: Vec<ItemCode> = items.into_iter().cloned().collect();
    if items.is_empty() {
        return Ok(());
    }
    let held = held(tx.conn, &stocktake.store_code, Some(&items), true)?;
    let by = document(stocktake);
    for item in &items {
        let places: Vec<Place> = held
            .iter()
            .filter(|held| held.item_code == *item)
            .map(|held| (held.lot_id.clone(), held.state))
            .collect();
        if let Some(moment) = wholly_counted_at(item, &loaded.lines, &places, &loaded.books) {
            let of_item = open.iter().filter(|fact| fact.item_code == *item);
            clear_by_count(tx, &stocktake.store_code, of_item, moment, &by)?;
        }
    }
    Ok(())
}

/// Posts the differences, those of one moment together, the earliest first.
fn post_movements(
    tx: &mut Tx<'_>,
    stocktake: &Stocktake,
    lines: &[Evaluated],
) -> Result<(), CommandError> {
    let moments: BTreeMap<i64, Instant> =
        lines.iter().filter_map(|line| Some((line.line.line_no, line.counted()?.1))).collect();
    let mut by_moment: BTreeMap<Instant, Vec<NewMovement>> = BTreeMap::new();
    for movement in movements(stocktake, lines, false) {
        if let Some(moment) = moments.get(&movement.line_no) {
            by_moment.entry(*moment).or_default().push(movement);
        }
    }
    for (occurred_at, lines) in by_moment {
        let posting = Posting {
            document_kind: DOCUMENT_KIND.to_owned(),
            document_id: stocktake.id.to_string(),
            numbering: Numbering::Given(stocktake.number.clone()),
            occurred_at,
            slip_number: None,
            after_the_fact: false,
            actor: tx.actor.name.clone(),
            bound: None,
            lines,
        };
        crate::stock::commands::post(tx, posting)?;
    }
    Ok(())
}

/// Marks every counted lot, those that did not differ too.
fn mark(tx: &mut Tx<'_>, stocktake: &Stocktake, lines: &[Evaluated]) -> Result<(), CommandError> {
    let marks = lines.iter().filter_map(|line| {
        let (lot_id, state) = line.place()?;
        let (counted, counted_at) = line.counted()?;
        Some(CountMark {
            store_code: stocktake.store_code.clone(),
            lot_id,
            state,
            document_id: stocktake.id.to_string(),
            document_number: stocktake.number.clone(),
            counted,
            counted_at,
            recorded_at: tx.now,
        })
    });
    mark_counted(tx.conn, marks.collect())?;
    Ok(())
}
