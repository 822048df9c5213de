//! In the model: labels put right in all stores and on all lorries, and facts matched by hand.

use crate::command::{ITEMS, USERS};
use crate::dispatches::Load;
use crate::world::{
    Cleared, Expected, Expiry, INVALID, Lot, Makers, NOT_ENOUGH, NOT_FOUND, No, Old, WRONG_STATUS,
    Wish, World, created, done, expiry_on,
};
use std::collections::BTreeMap;

const CONFLICT: No = (409, "lot_conflict");
const IN_USE: No = (409, "in_use");

/// What is right of a label; the expiry is said by the number whose lots bear it.
#[derive(Debug, Clone, Copy)]
pub struct Right {
    pub item: Option<usize>,
    pub number: Option<usize>,
    pub expires: Option<usize>,
}

impl World {
    pub fn correct(&mut self, lot: usize, right: Right) -> Result<Expected, No> {
        let Some(of) = self.lots.get(lot) else { return Err(NOT_FOUND) };
        let key = (of.item, of.number);
        let booked = self.makers[&key].clone();
        let target = (right.item.unwrap_or(key.0), right.number.unwrap_or(key.1));
        let expiry = right.expires.map_or(booked.expiry, expiry_on);
        if target == key {
            if expiry == booked.expiry {
                return Err(INVALID);
            }
            self.old.push(Old::Makers(key, Some(booked.clone())));
            self.makers.insert(key, Makers { expiry, ..booked });
            return Ok(done());
        }
        let lots: Vec<usize> =
            (0..self.lots.len()).filter(|at| self.maker_of(*at) == key).collect();
        if target.0 != key.0 {
            // Ethanol comes in bottles, oximeters and masks in pieces of their own.
            if UNITS[target.0] != UNITS[key.0] {
                return Err(INVALID);
            }
            if self.facts.iter().any(|fact| fact.open > 0 && lots.contains(&fact.lot)) {
                return Err(IN_USE);
            }
        }
        match self.makers.get(&target) {
            Some(known) => {
                if expiry != known.expiry && expiry != Expiry::Unknown {
                    return Err(CONFLICT);
                }
                if booked.recalled && !known.recalled {
                    return Err(WRONG_STATUS);
                }
            }
            None => {
                self.old.push(Old::Makers(target, None));
                let first_seen = self.now;
                self.makers.insert(target, Makers { expiry, first_seen, ..booked });
            }
        }
        let went_to: BTreeMap<usize, usize> = lots
            .iter()
            .map(|old| {
                let variant = self.lots[*old].variant;
                let (item, number) = target;
                (*old, self.lot_named(Lot { item, number, variant }))
            })
            .collect();
        self.reclassify(&went_to);
        Ok(done())
    }

    /// Brings every piece of some lots to others, and the promises with them.
    fn reclassify(&mut self, went_to: &BTreeMap<usize, usize>) {
        let balances: Vec<_> = self
            .balances
            .iter()
            .filter(|((_, lot, _), _)| went_to.contains_key(lot))
            .map(|(place, balance)| (*place, *balance))
            .collect();
        for ((store, lot, state), (on_hand, reserved)) in balances {
            self.give(store, lot, state, -on_hand, -reserved);
            self.give(store, went_to[&lot], state, on_hand, reserved);
        }
        for at in 0..self.dispatches.len() {
            let concerned = self.dispatches[at].lines.iter().any(|line| {
                line.reserved.iter().any(|(lot, _)| went_to.contains_key(lot))
                    || line.loads.iter().any(|load| went_to.contains_key(&load.lot))
            });
            if concerned {
                self.relabel(at, went_to);
            }
        }
    }

    fn relabel(&mut self, at: usize, went_to: &BTreeMap<usize, usize>) {
        let now = self.now;
        let mut promised = Vec::new();
        let order = self.dispatch_mut(at);
        for (number, line) in order.lines.iter_mut().enumerate() {
            for (lot, units) in std::mem::take(&mut line.reserved) {
                let new = went_to.get(&lot).copied().unwrap_or(lot);
                if new != lot {
                    promised.push((at, number, new));
                }
                match line.reserved.iter_mut().find(|promise| promise.0 == new) {
                    Some(promise) => promise.1 += units,
                    None => line.reserved.push((new, units)),
                }
            }
            for load in std::mem::take(&mut line.loads) {
                Self::load_anew(&mut line.loads, load, went_to);
            }
            line.loads.retain(|load| load.shipped > 0 || load.fates != [0; 5]);
            line.loads.sort_by_key(|load| (load.lorry, load.lot));
        }
        for key in promised {
            self.promised.insert(key, now);
        }
    }

    /// What is still on the way goes under its new lot; what has ended stays as it was signed for.
    fn load_anew(loads: &mut Vec<Load>, load: Load, went_to: &BTreeMap<usize, usize>) {
        let mut put = |new: Load| {
            let same = |known: &&mut Load| (known.lorry, known.lot) == (new.lorry, new.lot);
            match loads.iter_mut().find(same) {
                Some(known) => {
                    known.shipped += new.shipped;
                    for (sum, units) in known.fates.iter_mut().zip(new.fates) {
                        *sum += units;
                    }
                }
                None => loads.push(new),
            }
        };
        let on_the_way = load.on_the_way();
        let Some(to) = went_to.get(&load.lot).filter(|_| on_the_way > 0) else {
            return put(load);
        };
        let ended = load.shipped - on_the_way;
        let over = if ended == 0 { load.fates[4] } else { 0 };
        let mut fates = load.fates;
        fates[4] -= over;
        let moved =
            Load { lot: *to, shipped: on_the_way, fates: [0, 0, 0, 0, over], ..load.clone() };
        put(Load { shipped: ended, fates, ..load });
        put(moved);
    }

    pub fn match_fact(
        &mut self,
        by: usize,
        fact: usize,
        lot: Option<usize>,
        units: Option<i64>,
    ) -> Result<Expected, No> {
        let found = self.facts.get(fact).filter(|fact| USERS[by].1 == Some(fact.store));
        let Some(found) = found.cloned() else { return Err(NOT_FOUND) };
        if units.is_some_and(|units| units < 1 || units > found.open) {
            return Err(INVALID);
        }
        if found.open == 0 {
            return Err(WRONG_STATUS);
        }
        let units = units.unwrap_or(found.open);
        let wish = Wish { owner: false, earmarked: false };
        let mut held: Vec<(usize, usize, i64)> = self
            .balances
            .range((found.store, 0, 0)..(found.store + 1, 0, 0))
            .filter(|((_, of, _), _)| self.lots[*of].item == found.item)
            .filter(|((_, of, _), _)| lot.is_none_or(|only| only == *of))
            .map(|((_, of, state), (on_hand, reserved))| (*of, *state, on_hand - reserved))
            .collect();
        held.sort_by_key(|(of, state, free)| {
            (*free == 0 || self.why_not(*of, *state, wish), self.first_expired(*of, *state))
        });
        let mut left = units;
        let mut pieces = Vec::new();
        for (of, state, free) in held {
            let taken = free.min(left);
            if taken > 0 {
                left -= taken;
                pieces.push((of, state, taken));
            }
        }
        if left > 0 {
            return Err(NOT_ENOUGH);
        }
        for (of, state, units) in pieces {
            self.give(found.store, of, state, -units, 0);
            let at = self.now;
            let fact = self.fact_mut(fact);
            fact.open -= units;
            fact.cleared.push(Cleared::ByStock { lot: of, state, units, at });
        }
        Ok(created())
    }
}

/// The base units of the items.
const UNITS: [&str; ITEMS.len()] = ["瓶", "台", "只"];
