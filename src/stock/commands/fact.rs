//! Facts: what has happened already is booked as far as the book can follow, and never refused.
//!
//! A fact is split into movements first: what the book holds leaves the store, promises that stand
//! in the way are cut, and the rest goes from *unmatched* to its purpose. Then it is posted like
//! any other document.

use crate::command::{CommandError, Tx};
use crate::kernel::id::{LotId, ReservationCutId, UnmatchedId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::commands::past::Past;
use crate::stock::commands::{Paper, post_on_paper};
use crate::stock::document::StockDocument;
use crate::stock::facts::{Cut, FactTaking, Holding, Promise, after, take};
use crate::stock::fefo::Wish;
use crate::stock::movement::{DocumentRef, MovementKind, NewMovement};
use crate::stock::posting::When;
use crate::stock::records::{self, Reservation, cuts, unmatched};
use crate::stock::unmatched::{ReservationCut, UnmatchedFact};
use crate::stock::views::{CorrectionLineView, MovementView};
use serde::Serialize;
use std::collections::BTreeSet;

/// What one line of a fact says left the store.
#[derive(Debug, Clone)]
pub struct FactLine {
    /// The line, from 1.
    pub line_no: i64,
    /// The item.
    pub item_code: ItemCode,
    /// Base units.
    pub quantity: Quantity,
    /// Only from these lots, where the slip names one that the book knows.
    pub only: Option<Vec<LotId>>,
    /// From stock in this state first, where the slip says so.
    pub state: Option<StockState>,
    /// The number on the slip, where the book does not know it.
    pub named_lot: Option<String>,
    /// The purpose: stock earmarked for it is taken like any other.
    pub purpose: Option<String>,
    /// The owner for whom it was.
    pub owner: Option<String>,
    /// Why, from the list of reasons.
    pub reason_code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
}

impl FactLine {
    /// A line of a document that names its lot and state.
    pub fn of_lot(line: &CorrectionLineView, quantity: Quantity) -> Self {
        Self {
            line_no: line.line,
            item_code: line.item_code.clone(),
            quantity,
            only: Some(vec![line.lot_id.clone()]),
            state: Some(line.state),
            named_lot: None,
            purpose: None,
            owner: None,
            reason_code: Some(line.reason_code.clone()),
            note: line.note.clone(),
        }
    }
}

/// A line of a fact, what it takes, and which lot carries what the book does not hold.
#[derive(Debug, Clone)]
pub struct DecidedLine {
    /// The line.
    pub line: FactLine,
    /// What it takes.
    pub taking: FactTaking,
    /// The lot that carries what is unmatched.
    pub carrier: Option<LotId>,
}

/// What a fact takes, line by line.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What lay in the store before it.
    pub past: Past,
    /// The lines.
    pub lines: Vec<DecidedLine>,
}

impl Decided {
    /// What a line takes of stock that a request would get now: what floors look at.
    pub fn from_available(&self, line: &DecidedLine) -> Quantity {
        let drawn = line.taking.drawn.iter().filter(|drawn| {
            drawn.although.is_none() && !self.past.is_absorbed(&drawn.lot_id, drawn.state)
        });
        Quantity::total(drawn.map(|drawn| drawn.quantity))
    }

    /// The promises that it cuts, with the line that cuts them.
    pub fn cuts(&self) -> impl Iterator<Item = (&DecidedLine, &Cut)> {
        self.lines.iter().flat_map(|line| line.taking.cuts.iter().map(move |cut| (line, cut)))
    }

    /// The movements of the fact: out of the store, and out of *unmatched* for the rest.
    pub fn movements(
        &self,
        kind: MovementKind,
        store: &StoreCode,
        to: Outside,
    ) -> Vec<NewMovement> {
        let mut movements = Vec::new();
        for DecidedLine { line, taking, carrier } in &self.lines {
            let mut push = |lot: &LotId, quantity: Quantity, from: Account| {
                movements.push(NewMovement {
                    reason_code: line.reason_code.clone(),
                    note: line.note.clone(),
                    ..NewMovement::new(
                        kind,
                        store,
                        &line.item_code,
                        lot,
                        quantity,
                        from,
                        Account::Outside(to),
                        line.line_no,
                    )
                });
            };
            let mut drawn: Vec<(&LotId, StockState, Quantity)> = Vec::new();
            for one in &taking.drawn {
                let known = drawn.iter_mut().find(|(l, s, _)| *l == &one.lot_id && *s == one.state);
                match known {
                    Some((_, _, sum)) => *sum = sum.plus_capped(one.quantity),
                    None => drawn.push((&one.lot_id, one.state, one.quantity)),
                }
            }
            for (lot, state, quantity) in drawn {
                push(lot, quantity, Account::Store(store.clone(), state));
            }
            if let Some(carrier) = carrier.as_ref().filter(|_| !taking.unmatched.is_zero()) {
                push(carrier, taking.unmatched, Account::Outside(Outside::Unmatched));
            }
        }
        movements
    }
}

/// Decides what a fact at a store takes; locks the balances of its items.
///
/// # Errors
/// When the database fails: a fact is not refused.
pub fn decide(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    occurred_at: Instant,
    lines: Vec<FactLine>,
) -> Result<Decided, CommandError> {
    let mut decided = decide_within_book(tx, store, occurred_at, lines)?;
    for DecidedLine { line, taking, carrier } in &mut decided.lines {
        if taking.unmatched.is_zero() {
            continue;
        }
        *carrier = Some(match line.only.as_ref().and_then(|lots| lots.first()) {
            Some(named) => named.clone(),
            None => unmatched::house_lot(tx.conn, &line.item_code, tx.now)?,
        });
    }
    Ok(decided)
}

/// The same for what is only estimated: what the book does not hold stays unmatched on the lines,
/// no lot carries it, and none of it becomes a movement.
///
/// # Errors
/// When the database fails.
pub fn decide_within_book(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    occurred_at: Instant,
    lines: Vec<FactLine>,
) -> Result<Decided, CommandError> {
    let items: BTreeSet<ItemCode> = lines.iter().map(|line| line.item_code.clone()).collect();
    let items: Vec<ItemCode> = items.into_iter().collect();
    let past = Past::lock(tx, store, &items, occurred_at)?;
    let mut promises = cuts::promises_of(tx.conn, store, &items)?;
    promises.retain(|(_, promise)| !past.is_absorbed(&promise.lot_id, StockState::Available));
    let mut holdings = past.holdings();
    let day = tx.settings.zone.day_of(occurred_at);
    let decide = |line: FactLine| {
        let taking = take_line(&line, day, &mut holdings, &mut promises);
        DecidedLine { line, taking, carrier: None }
    };
    let lines = lines.into_iter().map(decide).collect();
    Ok(Decided { past, lines })
}

/// Takes one line: from the state named first, then wherever the rules go.
fn take_line(
    line: &FactLine,
    day: chrono::NaiveDate,
    holdings: &mut [Holding],
    promises: &mut Vec<(ItemCode, Promise)>,
) -> FactTaking {
    let wish =
        Wish { purpose: line.purpose.as_deref(), owner: line.owner.as_deref(), ..Wish::on(day) };
    let serves = |lot: &LotId| line.only.as_ref().is_none_or(|only| only.contains(lot));
    let mut of_line: Vec<Holding> = holdings
        .iter()
        .filter(|held| held.balance.lot.makers_lot.item_code == line.item_code)
        .filter(|held| serves(&held.balance.lot.id))
        .cloned()
        .collect();
    let (mut kept, others): (Vec<_>, Vec<_>) = promises
        .drain(..)
        .partition(|(item, promise)| *item == line.item_code && serves(&promise.lot_id));
    let mut of_line_promises: Vec<Promise> = kept.drain(..).map(|(_, promise)| promise).collect();
    let mut taking = FactTaking::nothing_of(line.quantity);
    if let Some(state) = line.state {
        let first: Vec<Holding> =
            of_line.iter().filter(|held| held.balance.state == state).cloned().collect();
        taking = take(&first, &[], line.quantity, &wish);
        after(&mut of_line, &mut of_line_promises, &taking);
    }
    let rest = take(&of_line, &of_line_promises, taking.unmatched, &wish);
    after(&mut of_line, &mut of_line_promises, &rest);
    taking.drawn.extend(rest.drawn);
    taking.cuts.extend(rest.cuts);
    taking.unmatched = rest.unmatched;
    for held in holdings.iter_mut() {
        let same = of_line.iter().find(|other| {
            other.balance.lot.id == held.balance.lot.id && other.balance.state == held.balance.state
        });
        if let Some(same) = same {
            *held = same.clone();
        }
    }
    promises.extend(others);
    promises.extend(of_line_promises.into_iter().map(|p| (line.item_code.clone(), p)));
    taking
}

/// Posts a fact on a new document: releases the promises that it cuts, posts its movements, and
/// keeps what was cut and what stayed unmatched.
///
/// # Errors
/// Those of [`records::post`].
pub fn post_fact(
    tx: &mut Tx<'_>,
    paper: Paper,
    decided: &Decided,
    lines: Vec<NewMovement>,
    detail: &impl Serialize,
) -> Result<(StockDocument, Vec<MovementView>), CommandError> {
    let slip = paper.slip.clone().unwrap_or_default();
    let released = release(tx, &paper.store, paper.occurred_at, decided)?;
    let (document, movements) = post_on_paper(tx, paper, lines, detail)?;
    keep(tx, &document.reference(), &slip, decided, released, &movements)?;
    Ok((document, movements))
}

/// Releases the promises that a fact cuts, before its movements are posted.
///
/// # Errors
/// When the database fails.
pub fn release(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    occurred_at: Instant,
    decided: &Decided,
) -> Result<Vec<Reservation>, CommandError> {
    let released: Vec<Reservation> = decided
        .cuts()
        .map(|(line, cut)| Reservation {
            document_kind: cut.promise.document_kind.clone(),
            document_id: cut.promise.document_id.clone(),
            line_no: cut.promise.line_no,
            store_code: store.clone(),
            lot_id: cut.promise.lot_id.clone(),
            item_code: line.line.item_code.clone(),
            quantity: cut.quantity,
        })
        .collect();
    let when = When::at(occurred_at, tx.now, tx.settings.zone);
    records::release(tx.conn, &when, &released)?;
    Ok(released)
}

/// Keeps what a posted fact cut, and what of it stayed unmatched.
///
/// # Errors
/// When the database fails.
pub fn keep(
    tx: &mut Tx<'_>,
    by: &DocumentRef,
    slip: &str,
    decided: &Decided,
    released: Vec<Reservation>,
    movements: &[MovementView],
) -> Result<(), CommandError> {
    for cut in released {
        let cut = ReservationCut {
            id: ReservationCutId::generate(),
            document_kind: cut.document_kind,
            document_id: cut.document_id,
            line_no: cut.line_no,
            store_code: cut.store_code,
            lot_id: cut.lot_id,
            item_code: cut.item_code,
            quantity: cut.quantity,
            by: by.clone(),
            slip_number: slip.to_owned(),
            cut_at: tx.now,
            actor: tx.actor.name.clone(),
            acknowledged_at: None,
            acknowledged_by: None,
        };
        cuts::insert_cut(tx.conn, &cut)?;
    }
    let unmatched_account = Account::Outside(Outside::Unmatched).to_string();
    for movement in movements.iter().filter(|one| one.from_account == unmatched_account) {
        let line = decided.lines.iter().find(|line| line.line.line_no == movement.line);
        let fact = UnmatchedFact {
            id: UnmatchedId::generate(),
            store_code: movement.store_code.clone(),
            item_code: movement.item_code.clone(),
            lot_id: movement.lot_id.clone(),
            named_lot: line.and_then(|line| line.line.named_lot.clone()),
            quantity: movement.quantity,
            open: movement.quantity,
            purpose: purpose_of(&movement.to_account),
            movement_id: movement.id.clone(),
            document: by.clone(),
            line_no: movement.line,
            slip_number: slip.to_owned(),
            occurred_at: movement.occurred_at,
            business_day: tx.settings.zone.day_of(movement.occurred_at),
            recorded_at: movement.recorded_at,
            actor: tx.actor.name.clone(),
            version: 1,
        };
        unmatched::insert_fact(tx.conn, &fact)?;
    }
    Ok(())
}

/// The purpose behind an account as clients see it; facts always go outside.
fn purpose_of(account: &str) -> Outside {
    account.strip_prefix("outside/").and_then(Outside::from_word).unwrap_or(Outside::Unmatched)
}
