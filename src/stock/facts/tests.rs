//! Unit tests and laws of what a fact takes.

use super::*;
use crate::kernel::id::MakersLotId;
use crate::kernel::time::parse_date;
use crate::kernel::{ItemCode, LotNumber, StoreCode};
use crate::stock::account::Outside;
use crate::stock::lot::{Expiry, Lot, MakersLot, Provenance};
use proptest::prelude::*;

fn units(n: i64) -> Quantity {
    Quantity::new(n).unwrap()
}

fn today() -> chrono::NaiveDate {
    parse_date("2026-03-02").unwrap()
}

/// A lot whose id sorts by its number, so that tests do not depend on chance.
fn lot_id(number: usize) -> LotId {
    LotId::try_from(format!("019b0f5d-0000-7000-8000-{number:012}")).unwrap()
}

fn holding(number: usize, state: StockState, expires: &str, on_hand: i64, kept: i64) -> Holding {
    let now = Instant::parse("2026-03-02T02:00:00Z").unwrap();
    let balance = LotBalance {
        store_code: StoreCode::new("QN-DEPOT").unwrap(),
        lot: Lot {
            id: lot_id(number),
            makers_lot: MakersLot {
                id: MakersLotId::generate(),
                item_code: ItemCode::new("M02").unwrap(),
                lot_number: LotNumber::new(&format!("L{number}")).unwrap(),
                maker: String::new(),
                is_house_number: false,
                manufactured_on: None,
                expiry: Expiry::Dated(parse_date(expires).unwrap()),
                recalled_at: None,
                recall_reason: None,
                version: 1,
                created_at: now,
            },
            provenance: Provenance {
                owner_code: None,
                source_kind: Outside::Supplier,
                source_name: None,
                fund_source: None,
                donor: None,
                earmarked_for: None,
                unit_cost: None,
                cost_is_estimated: false,
                pack_units: units(1),
            },
        },
        state,
        on_hand: units(on_hand),
        reserved: units(kept),
        last_occurred_at: now,
    };
    Holding { takeable: balance.on_hand, balance }
}

fn promise(lot: usize, document: &str, quantity: i64, seq: i64) -> Promise {
    Promise {
        document_kind: "dispatch".to_owned(),
        document_id: document.to_owned(),
        line_no: 1,
        lot_id: lot_id(lot),
        quantity: units(quantity),
        promised_at: Instant::parse("2026-03-02T02:00:00Z").unwrap().plus_minutes(seq),
    }
}

const FREE: StockState = StockState::Available;

#[test]
fn promises_are_cut_to_what_is_left_the_latest_first() {
    let promises = [promise(1, "a", 30, 1), promise(1, "b", 20, 3), promise(1, "c", 10, 2)];
    let cut_to = |left: i64| -> Vec<(String, i64)> {
        let cuts = cut_down_to(&promises, units(left));
        cuts.into_iter().map(|cut| (cut.promise.document_id, cut.quantity.units())).collect()
    };
    let lost = |document: &str, units: i64| (document.to_owned(), units);
    assert_eq!(cut_to(60), []);
    assert_eq!(cut_to(55), [lost("b", 5)]);
    assert_eq!(cut_to(25), [lost("b", 20), lost("c", 10), lost("a", 5)]);
    assert_eq!(cut_to(0), [lost("b", 20), lost("c", 10), lost("a", 30)]);
}

#[test]
fn a_fact_takes_usable_stock_first_then_blocked_then_promised_and_the_rest_is_unmatched() {
    let holdings = [
        holding(1, FREE, "2027-01-01", 50, 30),
        holding(2, StockState::Held, "2026-12-01", 10, 0),
        holding(3, FREE, "2026-03-01", 5, 0),
    ];
    let taking = take(&holdings, &[promise(1, "a", 30, 1)], units(100), &Wish::on(today()));
    let drawn: Vec<(LotId, i64, Option<PassedOverBecause>)> = taking
        .drawn
        .iter()
        .map(|drawn| (drawn.lot_id.clone(), drawn.quantity.units(), drawn.although))
        .collect();
    assert_eq!(
        drawn,
        [
            (lot_id(1), 20, None),
            (lot_id(3), 5, Some(PassedOverBecause::Expired)),
            (lot_id(2), 10, Some(PassedOverBecause::Held)),
            (lot_id(1), 30, Some(PassedOverBecause::Reserved)),
        ]
    );
    assert_eq!((taking.cuts.len(), taking.unmatched), (1, units(35)));
    let usable = taking.drawn.iter().filter(|drawn| drawn.although.is_none());
    assert_eq!(Quantity::total(usable.map(|drawn| drawn.quantity)), units(20));
}

#[test]
fn the_latest_promise_is_cut_first() {
    let holdings = [holding(1, FREE, "2027-01-01", 60, 60)];
    let promises = [promise(1, "early", 40, 1), promise(1, "late", 20, 2)];
    let taking = take(&holdings, &promises, units(25), &Wish::on(today()));
    let cuts: Vec<(&str, i64)> = taking
        .cuts
        .iter()
        .map(|cut| (cut.promise.document_id.as_str(), cut.quantity.units()))
        .collect();
    assert_eq!(cuts, [("late", 20), ("early", 5)]);
    assert!(taking.unmatched.is_zero());
}

#[test]
fn what_left_later_was_there_and_what_came_later_was_not() {
    let at = |minute| Instant::parse("2026-03-02T02:00:00Z").unwrap().plus_minutes(minute);
    let then = |now, later: &[(Instant, i64)]| takeable_then(units(now), later, None);
    assert_eq!(then(100, &[]), units(100));
    // 30 came later: only 70 were there.
    assert_eq!(then(100, &[(at(1), 30)]), units(70));
    // 60 left later, then 40 came: 120 were there, but never more than 60 could be spared.
    assert_eq!(then(100, &[(at(2), 40), (at(1), -60)]), units(60));
    assert_eq!(then(0, &[(at(1), -60)]), units(0));
}

#[test]
fn what_left_after_a_count_does_not_bind_what_left_before_it() {
    let at = |minute| Instant::parse("2026-03-02T02:00:00Z").unwrap().plus_minutes(minute);
    // 100 were there; a count at 5 found 90, and 85 have left since.
    let later = [(at(9), -85), (at(5), -10)];
    assert_eq!(takeable_then(units(5), &later, Some(at(5))), units(90));
    assert_eq!(takeable_then(units(5), &later, None), units(5));
    // 95 left before the count as well: only 5 of what was there can have gone besides.
    let with_more = [(at(9), -85), (at(5), 85), (at(3), -95)];
    assert_eq!(takeable_then(units(5), &with_more, Some(at(5))), units(5));
}

#[test]
fn a_receipt_clears_only_facts_that_happened_after_it_came() {
    let (morning, noon) = (
        Instant::parse("2026-03-02T00:00:00Z").unwrap(),
        Instant::parse("2026-03-02T04:00:00Z").unwrap(),
    );
    assert!(clears_by_itself(morning, noon));
    assert!(clears_by_itself(noon, noon));
    assert!(!clears_by_itself(noon, morning));
}

/// Holdings of up to five lots, each with what of it is promised and to whom.
fn stock() -> impl Strategy<Value = (Vec<Holding>, Vec<Promise>)> {
    let lot = (0i64..60, 0i64..60, 0i64..60, 0usize..3, 1i64..4, any::<bool>());
    proptest::collection::vec(lot, 0..5).prop_map(|lots| {
        let (mut holdings, mut promises) = (Vec::new(), Vec::new());
        for (number, (on_hand, kept, takeable, state, seq, past)) in lots.into_iter().enumerate() {
            let state = [FREE, StockState::Held, StockState::Damaged][state];
            let kept = if state == FREE { kept.min(on_hand) } else { 0 };
            let expires = if past { "2026-01-01" } else { "2027-01-01" };
            let mut one = holding(number, state, expires, on_hand, kept);
            one.takeable = units(takeable.min(on_hand));
            holdings.push(one);
            if kept > 0 {
                promises.push(promise(number, &format!("d{}", number % 2), kept, seq));
            }
        }
        (holdings, promises)
    })
}

proptest! {
    #[test]
    fn what_a_fact_takes_and_what_stays_unmatched_are_what_was_asked(
        (holdings, promises) in stock(), asked in 1i64..300,
    ) {
        let wish = Wish::on(today());
        let taking = take(&holdings, &promises, units(asked), &wish);
        let drawn = Quantity::total(taking.drawn.iter().map(|drawn| drawn.quantity));
        prop_assert_eq!(drawn.units() + taking.unmatched.units(), asked);
        for holding in &holdings {
            let of_it = taking.drawn_of(&holding.balance.lot.id, holding.balance.state);
            prop_assert!(of_it <= holding.takeable);
        }
        // Nothing is unmatched while the book holds anything.
        let all = Quantity::total(holdings.iter().map(|holding| holding.takeable));
        prop_assert_eq!(taking.unmatched, units(asked).minus_or_zero(all));
    }

    #[test]
    fn a_promise_is_cut_only_when_nothing_unreserved_is_left(
        (holdings, promises) in stock(), asked in 1i64..300,
    ) {
        let taking = take(&holdings, &promises, units(asked), &Wish::on(today()));
        let cut = Quantity::total(taking.cuts.iter().map(|cut| cut.quantity));
        let free = Quantity::total(
            holdings.iter().map(|h| h.balance.unreserved().min(h.takeable)),
        );
        let drawn = Quantity::total(taking.drawn.iter().map(|drawn| drawn.quantity));
        if !cut.is_zero() {
            prop_assert_eq!(drawn.minus_or_zero(cut), free);
        }
        for cut in &taking.cuts {
            prop_assert!(cut.quantity <= cut.promise.quantity);
        }
        // An earlier promise loses nothing while a later one of the same lot keeps something.
        for cut in &taking.cuts {
            for other in promises.iter().filter(|p| p.lot_id == cut.promise.lot_id) {
                let lost = taking.cuts.iter().filter(|c| c.promise == *other);
                let lost = Quantity::total(lost.map(|c| c.quantity));
                prop_assert!(other.promised_at <= cut.promise.promised_at || lost == other.quantity);
            }
        }
    }

    #[test]
    fn the_order_of_what_lies_there_does_not_matter(
        (holdings, promises) in stock(), asked in 1i64..300,
    ) {
        let wish = Wish::on(today());
        let one = take(&holdings, &promises, units(asked), &wish);
        let (mut others, mut same) = (holdings, promises);
        others.reverse();
        same.reverse();
        prop_assert_eq!(one, take(&others, &same, units(asked), &wish));
    }

    #[test]
    fn two_lines_take_together_what_one_would(
        (holdings, promises) in stock(), first in 1i64..150, second in 1i64..150,
    ) {
        let wish = Wish::on(today());
        let whole = take(&holdings, &promises, units(first + second), &wish);
        let (mut rest, mut kept) = (holdings.clone(), promises.clone());
        let one = take(&rest, &kept, units(first), &wish);
        after(&mut rest, &mut kept, &one);
        let two = take(&rest, &kept, units(second), &wish);
        prop_assert_eq!(
            whole.unmatched.units(),
            one.unmatched.units() + two.unmatched.units()
        );
        for holding in &rest {
            prop_assert!(holding.balance.reserved <= holding.balance.on_hand);
        }
    }

    #[test]
    fn no_fact_is_cleared_beyond_what_is_open_and_no_piece_is_used_twice(
        pieces in proptest::collection::vec(0i64..50, 0..5),
        open in proptest::collection::vec(0i64..50, 0..5),
    ) {
        let brought: Vec<Brought> = pieces
            .iter()
            .enumerate()
            .map(|(n, q)| Brought { lot_id: lot_id(n), state: FREE, quantity: units(*q) })
            .collect();
        let facts: Vec<(usize, Quantity)> =
            open.iter().enumerate().map(|(n, q)| (n, units(*q))).collect();
        let matches = match_up(&brought, &facts);
        for (fact, open) in &facts {
            let of_it = matches.iter().filter(|m| m.fact == *fact).map(|m| m.piece.quantity);
            prop_assert!(Quantity::total(of_it) <= *open);
        }
        for piece in &brought {
            let of_it = matches.iter().filter(|m| m.piece.lot_id == piece.lot_id);
            prop_assert!(Quantity::total(of_it.map(|m| m.piece.quantity)) <= piece.quantity);
        }
        let cleared = matches.iter().map(|m| m.piece.quantity.units()).sum::<i64>();
        prop_assert_eq!(cleared, pieces.iter().sum::<i64>().min(open.iter().sum::<i64>()));
    }
}
