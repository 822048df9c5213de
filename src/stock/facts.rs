//! What a fact takes: a request may be refused, a fact may not.
//!
//! What was handed out was there, whatever the book says of it. So a fact takes first what may be
//! used and nobody was promised, then what lies there and may not be used, then what others were
//! promised, and what the book does not hold at all stays *unmatched*. Pure, told what lies there.

use crate::kernel::id::LotId;
use crate::kernel::{Instant, Quantity};
use crate::stock::account::StockState;
use crate::stock::balance::LotBalance;
use crate::stock::fefo::{PassedOverBecause, Wish, first_expired};

/// What lies in a store of one lot in one state, as far as a fact may take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The balance as it stands now.
    pub balance: LotBalance,
    /// The most that can have left at the time of the fact without any later balance falling
    /// below zero; at most what is on hand now.
    pub takeable: Quantity,
}

/// A promise that a fact may have to cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// E.g. `dispatch`.
    pub document_kind: String,
    /// The document's id.
    pub document_id: String,
    /// Its line, from 1.
    pub line_no: i64,
    /// The lot.
    pub lot_id: LotId,
    /// How much of it.
    pub quantity: Quantity,
    /// When it was made, or last added to.
    pub promised_at: Instant,
}

/// What a fact takes of one lot in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// The lot.
    pub lot_id: LotId,
    /// The state.
    pub state: StockState,
    /// How much.
    pub quantity: Quantity,
    /// Why a request would have passed it over; `None` for stock that a request would get.
    pub although: Option<PassedOverBecause>,
}

/// A promise that a fact cuts, and by how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The promise as it stood.
    pub promise: Promise,
    /// How much of it is lost.
    pub quantity: Quantity,
}

/// What one line of a fact takes. `drawn` and `unmatched` together are what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactTaking {
    /// What leaves the store, in the order of taking; what was cut is among it.
    pub drawn: Vec<Drawn>,
    /// The promises that are cut for it, the latest first.
    pub cuts: Vec<Cut>,
    /// What the book does not hold.
    pub unmatched: Quantity,
}

impl FactTaking {
    /// Nothing taken yet of what was asked.
    pub const fn nothing_of(asked: Quantity) -> Self {
        Self { drawn: Vec::new(), cuts: Vec::new(), unmatched: asked }
    }
}

/// Decides what one line of a fact takes.
///
/// The order: stock that a request would get, first expired first; stock that is owned by others,
/// earmarked or blocked, first expired first; then promised stock, cutting the promise that was
/// made last first (ties: the later document, the higher line, the later lot). Nothing is cut
/// while anything unreserved can be taken, and the answer never depends on the order of the input.
pub fn take(
    holdings: &[Holding],
    promises: &[Promise],
    asked: Quantity,
    wish: &Wish<'_>,
) -> FactTaking {
    let mut left = asked;
    let mut taking = FactTaking::nothing_of(asked);
    let mut ordered: Vec<(&Holding, Option<PassedOverBecause>)> = holdings
        .iter()
        .filter(|holding| !holding.takeable.is_zero())
        .map(|holding| (holding, wish.why_not(&holding.balance)))
        .collect();
    ordered.sort_by(|(a, why_a), (b, why_b)| {
        why_a.is_some().cmp(&why_b.is_some()).then_with(|| first_expired(&a.balance, &b.balance))
    });
    for (holding, although) in &ordered {
        let free = holding.balance.unreserved().min(holding.takeable).min(left);
        draw(&mut taking, holding, free, *although);
        left = left.minus_or_zero(free);
    }
    for promise in latest_first(promises) {
        let of_lot = ordered.iter().find(|(holding, _)| {
            holding.balance.lot.id == promise.lot_id
                && holding.balance.state == StockState::Available
        });
        let Some((holding, _)) = of_lot else { continue };
        let drawn = taking.drawn_of(&promise.lot_id, StockState::Available);
        let quantity = holding.takeable.minus_or_zero(drawn).min(promise.quantity).min(left);
        if quantity.is_zero() {
            continue;
        }
        draw(&mut taking, holding, quantity, Some(PassedOverBecause::Reserved));
        taking.cuts.push(Cut { promise: promise.clone(), quantity });
        left = left.minus_or_zero(quantity);
    }
    taking.unmatched = left;
    taking
}

/// Promises in the order in which they are cut: the one made last first (ties: the later document,
/// the higher line, the later lot).
fn latest_first(promises: &[Promise]) -> Vec<&Promise> {
    let key = |promise: &Promise| {
        (promise.promised_at, promise.document_id.clone(), promise.line_no, promise.lot_id.clone())
    };
    let mut ordered: Vec<&Promise> = promises.iter().collect();
    ordered.sort_by_key(|promise| std::cmp::Reverse(key(promise)));
    ordered
}

/// Cuts promises until `left` at most is promised of what they are made of, the latest first.
pub fn cut_down_to(promises: &[Promise], left: Quantity) -> Vec<Cut> {
    let promised = Quantity::total(promises.iter().map(|promise| promise.quantity));
    let mut excess = promised.minus_or_zero(left);
    let mut cuts = Vec::new();
    for promise in latest_first(promises) {
        let quantity = promise.quantity.min(excess);
        if quantity.is_zero() {
            continue;
        }
        excess = excess.minus_or_zero(quantity);
        cuts.push(Cut { promise: promise.clone(), quantity });
    }
    cuts
}

impl FactTaking {
    fn drawn_of(&self, lot: &LotId, state: StockState) -> Quantity {
        let same = self.drawn.iter().filter(|drawn| drawn.lot_id == *lot && drawn.state == state);
        Quantity::total(same.map(|drawn| drawn.quantity))
    }
}

fn draw(
    taking: &mut FactTaking,
    holding: &Holding,
    quantity: Quantity,
    although: Option<PassedOverBecause>,
) {
    if quantity.is_zero() {
        return;
    }
    let (lot_id, state) = (holding.balance.lot.id.clone(), holding.balance.state);
    let same = taking
        .drawn
        .iter_mut()
        .find(|drawn| drawn.lot_id == lot_id && drawn.state == state && drawn.although == although);
    match same {
        Some(drawn) => drawn.quantity = drawn.quantity.plus_capped(quantity),
        None => taking.drawn.push(Drawn { lot_id, state, quantity, although }),
    }
}

/// What is left after a line of a fact, for the lines after it.
pub fn after(holdings: &mut [Holding], promises: &mut Vec<Promise>, taking: &FactTaking) {
    for cut in &taking.cuts {
        for promise in promises.iter_mut() {
            let is_it = promise.lot_id == cut.promise.lot_id
                && promise.line_no == cut.promise.line_no
                && promise.document_id == cut.promise.document_id
                && promise.document_kind == cut.promise.document_kind;
            if is_it {
                promise.quantity = promise.quantity.minus_or_zero(cut.quantity);
            }
        }
    }
    promises.retain(|promise| !promise.quantity.is_zero());
    for holding in holdings.iter_mut() {
        let balance = &mut holding.balance;
        let taken = taking.drawn_of(&balance.lot.id, balance.state);
        balance.on_hand = balance.on_hand.minus_or_zero(taken);
        holding.takeable = holding.takeable.minus_or_zero(taken);
        if balance.state == StockState::Available {
            let lost = taking.cuts.iter().filter(|cut| cut.promise.lot_id == balance.lot.id);
            let lost = Quantity::total(lost.map(|cut| cut.quantity));
            balance.reserved = balance.reserved.minus_or_zero(lost);
        }
    }
}

/// A movement on a balance that is later than a fact: when, and more (above zero) or less.
pub type LaterChange = (Instant, i64);

/// The most that can have left a balance at a time in the past, told what is on hand now, what
/// moved since, the latest change first, and when it was counted since, if it was.
///
/// Everything that left later was there then: only what is there at the lowest point since can
/// have gone besides. From a count on the book is what was counted, whatever left before it: then
/// only the points up to the count matter, and neither does it what is there now.
pub fn takeable_then(
    on_hand: Quantity,
    later_latest_first: &[LaterChange],
    counted_at: Option<Instant>,
) -> Quantity {
    let after_count = |change: &&LaterChange| counted_at.is_some_and(|count| change.0 > count);
    let (since, before): (Vec<&LaterChange>, Vec<&LaterChange>) =
        later_latest_first.iter().partition(after_count);
    let mut running = i128::from(on_hand.units());
    for (_, change) in since {
        running -= i128::from(*change);
    }
    let mut lowest = running;
    for (_, change) in before {
        running -= i128::from(*change);
        lowest = lowest.min(running);
    }
    i64::try_from(lowest.max(0)).ok().and_then(|units| Quantity::new(units).ok()).unwrap_or(on_hand)
}

/// Some pieces that came to light: a late receipt, or stock that one brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The lot.
    pub lot_id: LotId,
    /// The state in which they lie.
    pub state: StockState,
    /// How many.
    pub quantity: Quantity,
}

/// Which piece clears which fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match<F> {
    /// The fact.
    pub fact: F,
    /// What clears it.
    pub piece: Brought,
}

/// Sets what came to light against open facts of the same item, each in its order.
///
/// Nothing is used twice and no fact is cleared beyond what is open of it.
pub fn match_up<F: Clone>(brought: &[Brought], open: &[(F, Quantity)]) -> Vec<Match<F>> {
    let mut pieces: Vec<Brought> = brought.to_vec();
    let mut matches = Vec::new();
    for (fact, open) in open {
        let mut left = *open;
        for piece in &mut pieces {
            let quantity = piece.quantity.min(left);
            if quantity.is_zero() {
                continue;
            }
            left = left.minus_or_zero(quantity);
            piece.quantity = piece.quantity.minus_or_zero(quantity);
            matches
                .push(Match { fact: fact.clone(), piece: Brought { quantity, ..piece.clone() } });
        }
    }
    matches
}

/// Whether a receipt clears a fact without naming it: what it brought was there when the fact
/// happened. What comes after a fact cannot have been handed out by it.
pub fn clears_by_itself(receipt_at: Instant, fact_at: Instant) -> bool {
    receipt_at <= fact_at
}

#[cfg(test)]
mod tests;
