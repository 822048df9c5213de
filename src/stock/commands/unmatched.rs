//! Clearing facts that the book could not cover: by what came to light, by a count, by hand.
//!
//! A clearing is itself a movement into *unmatched*. It stands under the document of the fact, as
//! the stock that the fact had taken all along, so that whoever asks what became of a receipt's
//! goods is told the issue that used them.

use crate::command::{CommandError, Done, Subject, Tx};
use crate::db::memory;
use crate::kernel::id::{LotId, UnmatchedId};
use crate::kernel::{Code, FaultCode, Faults, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::CountMark;
use crate::stock::account::{Account, Outside};
use crate::stock::balance::LotBalance;
use crate::stock::document::DocumentKind;
use crate::stock::facts::{Brought, clears_by_itself, match_up};
use crate::stock::fefo::{Wish, first_expired};
use crate::stock::movement::{DocumentRef, MovementKind, NewMovement};
use crate::stock::queries::unmatched::clearings_of;
use crate::stock::records::{self, Numbering, Posting, unmatched};
use crate::stock::requests::{MatchRequest, lot_id, optional_text, quantity, state};
use crate::stock::unmatched::{Clearing, HowCleared, UnmatchedFact};
use crate::stock::views::{ClearedView, UnmatchedView};
use std::collections::{BTreeMap, BTreeSet};

/// What brought goods to light.
#[derive(Debug, Clone)]
pub struct CameToLight {
    /// The store.
    pub store: StoreCode,
    /// When they came.
    pub occurred_at: Instant,
    /// The document that says so.
    pub by: DocumentRef,
    /// How it clears.
    pub how: HowCleared,
    /// Facts that it names, which it clears first and whenever they happened.
    pub named: Vec<UnmatchedId>,
    /// The goods.
    pub pieces: Vec<(ItemCode, Brought)>,
}

/// Locks the open facts of some items at a store, before the balances are locked.
///
/// # Errors
/// When the database fails.
pub fn lock_open(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    items: impl Iterator<Item = ItemCode>,
) -> Result<Vec<UnmatchedFact>, CommandError> {
    let items: BTreeSet<ItemCode> = items.collect();
    let items: Vec<ItemCode> = items.into_iter().collect();
    Ok(unmatched::lock_open(tx.conn, store, &items)?)
}

/// A fact that is named must be open, at the store, and of an item that came.
///
/// # Errors
/// `validation_failed` where it is not.
pub fn check_named(named: &[UnmatchedId], open: &[UnmatchedFact]) -> Result<(), Refusal> {
    let mut faults = Faults::new();
    for (at, id) in named.iter().enumerate() {
        if !open.iter().any(|fact| fact.id == *id) {
            faults.add(format!("/clears/{at}"), FaultCode::Unknown);
        }
    }
    faults.check()
}

/// Clears open facts by goods that came to light and are booked: those named in their order, then
/// those that happened after the goods came, the oldest first.
///
/// `open` is what [`lock_open`] gave before the goods were booked. A fact that happened before they
/// came is cleared by them only when it is named: it cannot have handed them out.
///
/// # Errors
/// Those of [`records::post`].
pub fn clear(
    tx: &mut Tx<'_>,
    open: &[UnmatchedFact],
    came: &CameToLight,
) -> Result<Vec<ClearedView>, CommandError> {
    memory::settle(tx.conn)?;
    let mut cleared = Vec::new();
    let marks = marks_since(tx, open, came)?;
    let items: BTreeSet<&ItemCode> = came.pieces.iter().map(|(item, _)| item).collect();
    for item in items {
        let mut pieces: Vec<Brought> = came
            .pieces
            .iter()
            .filter(|(of, _)| of == item)
            .map(|(_, piece)| piece.clone())
            .collect();
        let of_item = || open.iter().filter(|fact| fact.item_code == *item);
        let named = came.named.iter().filter_map(|id| of_item().find(|fact| fact.id == *id));
        let late = of_item()
            .filter(|fact| !came.named.contains(&fact.id))
            .filter(|fact| clears_by_itself(came.occurred_at, fact.occurred_at));
        let order: Vec<&UnmatchedFact> = named.chain(late).collect();
        for fact in order {
            let is_named = came.named.contains(&fact.id);
            let usable: Vec<Brought> = pieces
                .iter()
                .filter(|piece| is_named || !is_counted_before(piece, fact, &marks))
                .cloned()
                .collect();
            let matches = match_up(&usable, &[((), fact.open)]);
            let used: Vec<Brought> = matches.into_iter().map(|one| one.piece).collect();
            if used.is_empty() {
                continue;
            }
            use_up(&mut pieces, &used);
            cleared.push(settle(tx, fact, &used, came)?);
        }
    }
    Ok(cleared)
}

/// The counts of what came that may stand between its coming and a fact.
fn marks_since(
    tx: &mut Tx<'_>,
    open: &[UnmatchedFact],
    came: &CameToLight,
) -> Result<Vec<CountMark>, CommandError> {
    if open.is_empty() || came.occurred_at >= tx.now {
        return Ok(Vec::new());
    }
    let lots: BTreeSet<LotId> = came.pieces.iter().map(|(_, piece)| piece.lot_id.clone()).collect();
    let lots: Vec<LotId> = lots.into_iter().collect();
    let mut marks = records::count_marks(tx.conn, &came.store, &lots)?;
    marks.retain(|mark| mark.counted_at >= came.occurred_at);
    Ok(marks)
}

/// Whether goods were counted after they came and before a fact: then the book has held them since
/// the count, and their receipt brings nothing that could clear what happened later.
fn is_counted_before(piece: &Brought, fact: &UnmatchedFact, marks: &[CountMark]) -> bool {
    marks.iter().any(|mark| {
        mark.lot_id == piece.lot_id
            && mark.state == piece.state
            && mark.counted_at < fact.occurred_at
    })
}

/// Takes what was used off the pieces that came.
fn use_up(pieces: &mut [Brought], used: &[Brought]) {
    for one in used {
        let mut gone = one.quantity;
        for piece in pieces.iter_mut() {
            if piece.lot_id == one.lot_id && piece.state == one.state {
                let quantity = piece.quantity.min(gone);
                piece.quantity = piece.quantity.minus_or_zero(quantity);
                gone = gone.minus_or_zero(quantity);
            }
        }
    }
}

/// Books some pieces against one fact.
fn settle(
    tx: &mut Tx<'_>,
    fact: &UnmatchedFact,
    pieces: &[Brought],
    came: &CameToLight,
) -> Result<ClearedView, CommandError> {
    let lines = pieces
        .iter()
        .map(|piece| NewMovement {
            note: Some(came.by.number.clone()),
            ..NewMovement::new(
                kind_of(fact),
                &fact.store_code,
                &fact.item_code,
                &piece.lot_id,
                piece.quantity,
                Account::Store(fact.store_code.clone(), piece.state),
                Account::Outside(Outside::Unmatched),
                fact.line_no,
            )
        })
        .collect();
    // They cannot have left before they came, nor before the fact.
    let occurred_at = fact.occurred_at.max(came.occurred_at);
    post_clearing(tx, fact, occurred_at, lines, came.how, &came.by)
}

fn post_clearing(
    tx: &mut Tx<'_>,
    fact: &UnmatchedFact,
    occurred_at: Instant,
    lines: Vec<NewMovement>,
    how: HowCleared,
    by: &DocumentRef,
) -> Result<ClearedView, CommandError> {
    let quantity = Quantity::total(lines.iter().map(|line| line.quantity));
    let posting = Posting {
        document_kind: fact.document.kind.clone(),
        document_id: fact.document.id.clone(),
        numbering: Numbering::Given(fact.document.number.clone()),
        occurred_at,
        slip_number: Some(fact.slip_number.clone()),
        after_the_fact: true,
        actor: tx.actor.name.clone(),
        bound: None,
        lines,
    };
    let posted = records::post(tx.conn, tx.settings.zone, tx.now, posting)?;
    for movement in posted.movements {
        let clearing = Clearing {
            movement_id: movement.id,
            unmatched_id: fact.id.clone(),
            how,
            by: by.clone(),
            quantity: movement.line.quantity,
            recorded_at: movement.recorded_at,
            actor: tx.actor.name.clone(),
        };
        unmatched::insert_clearing(tx.conn, &clearing)?;
    }
    let less = UnmatchedFact { open: fact.open.minus_or_zero(quantity), ..fact.clone() };
    unmatched::store_open(tx.conn, &less)?;
    Ok(ClearedView {
        unmatched_id: fact.id.clone(),
        document_number: fact.document.number.clone(),
        quantity,
    })
}

/// What a clearing is in the ledger: the same as the movement that it completes.
fn kind_of(fact: &UnmatchedFact) -> MovementKind {
    match DocumentKind::from_word(&fact.document.kind) {
        Some(DocumentKind::Issue) => MovementKind::Issue,
        Some(DocumentKind::WriteOff) => MovementKind::WriteOff,
        Some(DocumentKind::Receipt | DocumentKind::Adjustment | DocumentKind::StateChange)
        | None => MovementKind::Adjustment,
    }
}

/// Clears open facts at a store that happened up to a count, which takes the difference upon
/// itself: it goes from *count difference* to *unmatched*.
///
/// For whoever posts a count, after the count's own differences; what is cleared is answered.
/// `open` is what [`lock_open`] gave before the balances were locked, as far as its items were
/// counted.
///
/// # Errors
/// When the database fails.
pub fn clear_by_count<'a>(
    tx: &mut Tx<'_>,
    store: &StoreCode,
    open: impl Iterator<Item = &'a UnmatchedFact>,
    counted_at: Instant,
    by: &DocumentRef,
) -> Result<Vec<ClearedView>, CommandError> {
    let mut cleared = Vec::new();
    for fact in open {
        if fact.occurred_at > counted_at {
            continue;
        }
        let line = NewMovement {
            note: Some(by.number.clone()),
            ..NewMovement::new(
                MovementKind::Count,
                store,
                &fact.item_code,
                &fact.lot_id,
                fact.open,
                Account::Outside(Outside::CountDifference),
                Account::Outside(Outside::Unmatched),
                fact.line_no,
            )
        };
        cleared.push(post_clearing(tx, fact, counted_at, vec![line], HowCleared::Count, by)?);
    }
    Ok(cleared)
}

/// Sets a fact against stock that a receipt had brought before it was booked, or that a later one
/// brought without naming it: wholly or in part.
///
/// Without a lot, usable stock goes first, first expired first; nothing that is promised is taken.
///
/// # Errors
/// `not_found` outside the caller's scope, `validation_failed` for a lot of another item or more
/// than is open, `wrong_status` when nothing is open, `insufficient_stock` with what there is.
pub fn match_fact(
    tx: &mut Tx<'_>,
    id: &UnmatchedId,
    request: &MatchRequest,
) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let lot = request.lot_id.as_ref().map(|lot| lot_id(lot, "/lot_id", &mut faults));
    let of_state = request.state.as_ref().map(|word| state(word, "/state", &mut faults));
    let asked = request.quantity.map(|units| quantity(units, "/quantity", &mut faults));
    let note = optional_text::<200>(request.note.as_ref(), "/note", &mut faults);
    let fact = unmatched::lock_fact(tx.conn, id)?
        .filter(|fact| tx.actor.scope.contains(&fact.store_code))
        .ok_or_else(|| not_found(id.as_str()))?;
    let asked = asked.flatten().unwrap_or(fact.open);
    if asked > fact.open {
        faults.add("/quantity", FaultCode::OutOfRange);
    }
    faults.check()?;
    if fact.open.is_zero() {
        let text = ("该笔未匹配已清", "Nothing of it is open any more");
        return Err(Refusal::new(Code::WrongStatus, text.0, text.1).into());
    }
    let items = [fact.item_code.clone()];
    let mut balances = records::lock_item_balances(tx.conn, &fact.store_code, &items)?;
    balances.retain(|balance| {
        lot.as_ref().is_none_or(|lot| lot.as_ref() == Some(&balance.lot.id))
            && of_state.as_ref().is_none_or(|state| state.as_ref() == Some(&balance.state))
    });
    let pieces = unpromised(tx, &fact, balances, asked)?;
    let by = note.unwrap_or_else(|| fact.document.number.clone());
    let came = CameToLight {
        store: fact.store_code.clone(),
        // Nobody says when the stock that is taken came, but it is there now.
        occurred_at: tx.now,
        by: DocumentRef { number: by, ..fact.document.clone() },
        how: HowCleared::Match,
        named: Vec::new(),
        pieces: Vec::new(),
    };
    settle(tx, &fact, &pieces, &came)?;
    let view = view(tx, &fact.id)?;
    let subject = Subject {
        kind: "unmatched",
        id: fact.id.to_string(),
        store: Some(fact.store_code.clone()),
    };
    Ok(Done::created(subject, &view))
}

/// Pieces of some balances that nobody was promised, usable ones first.
fn unpromised(
    tx: &Tx<'_>,
    fact: &UnmatchedFact,
    mut balances: Vec<LotBalance>,
    asked: Quantity,
) -> Result<Vec<Brought>, Refusal> {
    let wish = Wish::on(tx.settings.zone.day_of(tx.now));
    balances.sort_by(|a, b| {
        let passed = |balance: &LotBalance| wish.why_not(balance).is_some();
        passed(a).cmp(&passed(b)).then_with(|| first_expired(a, b))
    });
    let mut left = asked;
    let mut pieces = Vec::new();
    for balance in balances {
        let quantity = balance.unreserved().min(left);
        left = left.minus_or_zero(quantity);
        if !quantity.is_zero() {
            pieces.push(Brought { lot_id: balance.lot.id, state: balance.state, quantity });
        }
    }
    if left.is_zero() {
        return Ok(pieces);
    }
    let there = asked.minus_or_zero(left);
    Err(Refusal::new(
        Code::InsufficientStock,
        format!("物资 {} 未占用库存仅 {there}，不足 {asked}", fact.item_code),
        format!("Only {there} of item {} lie there unpromised, not {asked}", fact.item_code),
    )
    .with("item_code", fact.item_code.as_str())
    .with("requested", asked.units())
    .with("available", there.units()))
}

/// A fact as it stands, with what cleared it.
///
/// # Errors
/// When the database fails.
fn view(tx: &mut Tx<'_>, id: &UnmatchedId) -> Result<UnmatchedView, CommandError> {
    let fact = unmatched::lock_fact(tx.conn, id)?.ok_or_else(|| not_found(id.as_str()))?;
    let mut clearings = clearings_of(tx.conn, std::slice::from_ref(id))?;
    let clearings = clearings.remove(id).unwrap_or_default();
    let mut ids: Vec<_> = clearings.iter().map(|one| one.movement_id.clone()).collect();
    ids.push(fact.movement_id.clone());
    let reversals = crate::stock::queries::reversals_of(tx.conn, &ids)?;
    Ok(UnmatchedView::new(fact, clearings, |movement| {
        let back = reversals.get(movement).map_or(&[][..], Vec::as_slice);
        Quantity::total(back.iter().map(|(_, quantity)| *quantity))
    }))
}

/// That there is no such fact, or none that the caller may know of.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("未匹配记录", "unmatched fact", id)
}

/// The facts that some reversals change, as they are afterwards: what takes the fact itself back
/// is no longer open, and what takes a clearing back is open again.
#[derive(Debug, Default)]
pub struct Reopened {
    facts: BTreeMap<UnmatchedId, (UnmatchedFact, i64)>,
}

impl Reopened {
    /// Locks the facts that the reversed movements made or cleared.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lock(
        tx: &mut Tx<'_>,
        movements: &[crate::kernel::id::MovementId],
    ) -> Result<Self, CommandError> {
        let facts = unmatched::lock_touched(tx.conn, movements)?;
        Ok(Self { facts: facts.into_iter().map(|fact| (fact.id.clone(), (fact, 0))).collect() })
    }

    /// The facts.
    pub fn facts(&self) -> impl Iterator<Item = &UnmatchedFact> {
        self.facts.values().map(|(fact, _)| fact)
    }

    /// Counts a reversal of `units` of a fact's own movement (`is_fact`) or of a clearing of it.
    pub fn count(&mut self, id: &UnmatchedId, units: Quantity, is_fact: bool) {
        if let Some((_, change)) = self.facts.get_mut(id) {
            let units = units.units();
            *change = change.saturating_add(if is_fact { -units } else { units });
        }
    }

    /// Stores what is open now.
    ///
    /// # Errors
    /// `already_reversed` when more of a fact would be taken back than is left of it.
    pub fn store(self, tx: &mut Tx<'_>) -> Result<(), CommandError> {
        for (fact, change) in self.facts.into_values().filter(|(_, change)| *change != 0) {
            let open = Quantity::new(fact.open.units().saturating_add(change))
                .ok()
                .filter(|open| *open <= fact.quantity)
                .ok_or_else(|| Refusal::plain(Code::AlreadyReversed))?;
            unmatched::store_open(tx.conn, &UnmatchedFact { open, ..fact })?;
        }
        Ok(())
    }
}
