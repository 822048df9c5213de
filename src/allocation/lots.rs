//! Which lots serve which order: first expired, first out, with a least remaining life at arrival.
//!
//! A lot may serve an order if and only if it is usable through the day that the order asks for:
//! its arrival and the least remaining life together. So the lots that may serve the stricter of
//! two orders may serve the other as well: the sets are nested. Orders by strictness, each taking
//! its earliest lots, therefore serve the most that can be served at all, and use the earliest
//! lots that do: an exchange argument, since swapping an earlier lot in for a later one never
//! takes a lot away from a later, less strict order that could not use the other. Any order of
//! the orders would serve as much in total; the order only decides who is short.

use crate::allocation::cells::Cells;
use crate::kernel::Quantity;
use chrono::{Days, NaiveDate};
use std::cmp::Reverse;

/// Stock with one last day of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// Which lot, in the words of the caller.
    pub id: String,
    /// Its last day of use; `None` where it never expires.
    pub expires_on: Option<NaiveDate>,
    /// How much there is, in base units.
    pub quantity: Quantity,
}

/// What is to be sent to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which order, in the words of the caller.
    pub id: String,
    /// How much, in base units.
    pub quantity: Quantity,
    /// The day through which a lot must be usable.
    pub usable_through: NaiveDate,
}

impl Order {
    /// An order that arrives on a day and must then last at least `days` more; the end of the
    /// calendar where that lies beyond it.
    pub fn arriving(id: String, quantity: Quantity, arrives_on: NaiveDate, days: u64) -> Self {
        let through = arrives_on.checked_add_days(Days::new(days));
        Self { id, quantity, usable_through: through.unwrap_or(NaiveDate::MAX) }
    }
}

/// A quantity of one lot for one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// The lot.
    pub lot: String,
    /// The order.
    pub order: String,
    /// How much, above zero.
    pub quantity: Quantity,
}

/// An order that could not be served whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The order.
    pub order: String,
    /// What is lacking.
    pub quantity: Quantity,
    /// Lots with something left that would expire too soon for it.
    pub too_short_life: Vec<String>,
}

/// Which lots serve which orders, and what they cannot serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picks {
    /// By order in the sequence of their strictness, then by lot from the earliest.
    pub picks: Vec<Pick>,
    /// The orders that are short, in the same sequence.
    pub unmet: Vec<Unmet>,
}

/// Picks lots for orders. Equal days go by the order of the input; lots without an expiry last.
pub fn pick(lots: &[Lot], orders: &[Order]) -> Picks {
    let mut shelf: Vec<&Lot> = lots.iter().collect();
    shelf.sort_by_key(|lot| (lot.expires_on.is_none(), lot.expires_on));
    let mut left: Vec<i64> = shelf.iter().map(|lot| lot.quantity.units()).collect();
    let mut queue: Vec<&Order> = orders.iter().collect();
    queue.sort_by_key(|order| Reverse(order.usable_through));
    let mut done = Picks { picks: Vec::new(), unmet: Vec::new() };
    for order in queue {
        let serves = |lot: &&Lot| lot.expires_on.is_none_or(|day| day >= order.usable_through);
        let first = shelf.partition_point(|lot| !serves(lot));
        let mut lacking = order.quantity.units();
        for (place, lot) in shelf.iter().enumerate().skip(first) {
            let taken = lacking.min(left.at(place));
            if taken > 0 {
                left.add(place, -taken);
                lacking -= taken;
                done.picks.push(Pick {
                    lot: lot.id.clone(),
                    order: order.id.clone(),
                    quantity: Quantity::new(taken).unwrap_or(Quantity::ZERO),
                });
            }
        }
        if lacking > 0 {
            let passed = shelf.iter().zip(&left).take(first).filter(|(_, left)| **left > 0);
            done.unmet.push(Unmet {
                order: order.id.clone(),
                quantity: Quantity::new(lacking).unwrap_or(Quantity::ZERO),
                too_short_life: passed.map(|(lot, _)| lot.id.clone()).collect(),
            });
        }
    }
    done
}
