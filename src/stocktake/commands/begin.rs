//! Beginning a stocktake: the sheet is made from the book of one moment.

use crate::catalogue::records as catalogue;
use crate::command::{CommandError, Done, Tx};
use crate::kernel::id::{LotId, StocktakeId};
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, Quantity, Refusal};
use crate::stock::Lot;
use crate::stock::document::format_number;
use crate::stock::records::{find_lots, lock_chain, next_number};
use crate::stock::requests::{head, optional_text};
use crate::stock::rules::check_how_far_back;
use crate::stocktake::commands::{all_lines, subject};
use crate::stocktake::queries::{Held, changes, held, left_unmatched};
use crate::stocktake::records;
use crate::stocktake::requests::StocktakeRequest;
use crate::stocktake::sheet::{
    Coverage, Goods, NotCounted, PREFIX, SheetLine, Step, Stocktake, StocktakeStatus,
};
use crate::stocktake::variance::Books;
use crate::stocktake::views::StocktakeView;
use chrono::Datelike;
use std::collections::{BTreeMap, BTreeSet};

/// The most lines that a sheet may have; a larger store is counted by category.
const SHEET_MAX: usize = 20_000;

/// Begins a stocktake of a store, and makes its sheet.
///
/// # Errors
/// `store_out_of_scope`; `validation_failed` with every fault, and where the sheet would be too
/// long; `too_far_back` where the moment of the sheet lies further back than the caller's role may
/// post.
pub fn begin(tx: &mut Tx<'_>, request: &StocktakeRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let head = head(tx, &request.store_code, None, &mut faults)?;
    let coverage = request.coverage(&mut faults);
    let rounds = request.rounds.unwrap_or(1);
    if !(1..=2).contains(&rounds) {
        faults.add("/rounds", FaultCode::OutOfRange);
    }
    let frozen_at = frozen_at(tx, request, &mut faults);
    let note = optional_text::<1000>(request.note.as_ref(), "/note", &mut faults);
    if let Some(Coverage::Items(items)) = &coverage {
        let known = catalogue::find_all(tx.conn, items)?;
        for (at, _) in items.iter().enumerate().filter(|(_, item)| !known.contains_key(item)) {
            faults.add(format!("/items/{at}"), FaultCode::Unknown);
        }
    }
    let ((head, coverage), frozen_at) = faults.finish(head.zip(coverage).zip(frozen_at))?;
    // Its differences will be posted by somebody of this role at that time: what could never be
    // posted need not be counted.
    let days = (tx.settings.zone.day_of(frozen_at), tx.settings.zone.day_of(tx.now));
    check_how_far_back(tx.actor.role, days, tx.settings)?;
    let store = head.store.code;
    let year = i64::from(tx.settings.zone.day_of(tx.now).year());
    let running = next_number(tx.conn, &store, PREFIX, year)?;
    // From here on nothing is posted in this store until the sheet stands, so that the sheet is of
    // one moment.
    let frozen_seq = lock_chain(tx.conn, &store)?;
    let stocktake = Stocktake {
        id: StocktakeId::generate(),
        number: format_number(PREFIX, &store, year, running),
        store_code: store,
        status: StocktakeStatus::Open,
        coverage,
        blind: request.blind.unwrap_or(true),
        rounds,
        not_counted: NotCounted::Refuse,
        note,
        frozen_at,
        frozen_seq,
        created: Step { by: tx.actor.name.clone(), at: tx.now },
        submitted: None,
        approved: None,
        ended: None,
        posted_seq: None,
        decision_note: None,
        version: 1,
    };
    let lines = sheet(tx, &stocktake)?;
    records::insert(tx.conn, &stocktake)?;
    records::insert_lines(tx.conn, &stocktake.id, &lines)?;
    let lines = all_lines(tx, &stocktake)?;
    let (subject, place) = (subject(&stocktake), format!("/stocktakes/{}", stocktake.id));
    let version = stocktake.version;
    let view = StocktakeView::new(stocktake, &lines, tx.settings);
    Ok(Done::created(subject, &view).version(version).located(place))
}

fn frozen_at(tx: &Tx<'_>, request: &StocktakeRequest, faults: &mut Faults) -> Option<Instant> {
    let Some(text) = &request.frozen_at else { return Some(tx.now) };
    let read = Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant);
    let at = faults.keep("/frozen_at", read)?;
    if at > tx.now {
        faults.add("/frozen_at", FaultCode::InFuture);
        return None;
    }
    Some(at)
}

/// The lots that the book knew at the moment of the sheet, by item and first expired first; and
/// those under which it keeps what left unmatched of items that it holds no more.
fn sheet(tx: &mut Tx<'_>, stocktake: &Stocktake) -> Result<Vec<SheetLine>, CommandError> {
    let items = match &stocktake.coverage {
        Coverage::Items(items) => Some(items.as_slice()),
        Coverage::Whole | Coverage::Category(_) => None,
    };
    let store = &stocktake.store_code;
    let frozen = stocktake.frozen();
    let balances = held(tx.conn, store, items, frozen.in_the_past)?;
    let changes = changes(tx.conn, store, items, frozen)?;
    let on_hand = balances
        .iter()
        .map(|held| ((held.lot_id.clone(), held.state), held.on_hand.units()))
        .collect();
    let books = Books { on_hand, changes };
    let mut rows: Vec<(Held, Quantity)> = balances
        .into_iter()
        .filter(|held| stocktake.coverage.includes(&held.item_code, held.category))
        .filter_map(|held| {
            let book = books.at(&(held.lot_id.clone(), held.state), stocktake.frozen_at);
            let book = Quantity::new(book).ok().filter(|book| !book.is_zero())?;
            Some((held, book))
        })
        .collect();
    // An item of which facts took everything still has a line, so that its emptiness can be counted
    // and the facts be cleared.
    let on_the_sheet: BTreeSet<ItemCode> =
        rows.iter().map(|(held, _)| held.item_code.clone()).collect();
    let emptied = left_unmatched(tx.conn, store, items, stocktake.frozen_at)?
        .into_iter()
        .filter(|held| stocktake.coverage.includes(&held.item_code, held.category))
        .filter(|held| !on_the_sheet.contains(&held.item_code));
    rows.extend(emptied.map(|held| (held, Quantity::ZERO)));
    if rows.len() > SHEET_MAX {
        return Err(Refusal::fault("/category", FaultCode::Required).into());
    }
    let ids: Vec<LotId> = rows.iter().map(|(held, _)| held.lot_id.clone()).collect();
    let lots = find_lots(tx.conn, &ids)?;
    rows.sort_by_cached_key(|(held, _)| sheet_order(held, &lots));
    let line = |(line_no, (held, frozen)): (i64, (Held, Quantity))| SheetLine {
        line_no,
        item_code: held.item_code,
        goods: Goods::Lot(held.lot_id),
        state: held.state,
        frozen,
        added: false,
        reason: None,
        reason_note: None,
        approved_difference: None,
        outcome: None,
    };
    Ok((1..).zip(rows).map(line).collect())
}

/// Item, expiry (none last), number on the label, lot, state.
fn sheet_order(held: &Held, lots: &BTreeMap<LotId, Lot>) -> impl Ord + use<> {
    let lot = lots.get(&held.lot_id).map(|lot| &lot.makers_lot);
    let expires_on = lot.and_then(|lot| lot.expiry.date());
    (
        held.item_code.clone(),
        expires_on.is_none(),
        expires_on,
        lot.map(|lot| lot.lot_number.clone()),
        held.lot_id.clone(),
        held.state,
    )
}
