//! First expired, first out: which lots serve a request, and why others were passed over.

use crate::kernel::id::LotId;
use crate::kernel::{LotNumber, Quantity};
use crate::stock::balance::{Blocked, LotBalance};
use crate::word_enum;
use chrono::NaiveDate;
use std::cmp::Ordering;

word_enum! {
    /// Why a lot was not taken although it lies there.
    pub enum PassedOverBecause {
        /// Its last day of use is past.
        Expired = "expired",
        /// Its maker's lot was recalled.
        Recalled = "recalled",
        /// It waits for inspection.
        PendingInspection = "pending_inspection",
        /// It is set apart on a suspicion.
        Quarantined = "quarantined",
        /// It is held back by an order.
        Held = "held",
        /// It is damaged.
        Damaged = "damaged",
        /// Nobody knows when it expires.
        ExpiryUnknown = "expiry_unknown",
        /// It is owned by others.
        OwnedByOthers = "owned_by_others",
        /// It is earmarked for another purpose.
        Earmarked = "earmarked",
        /// All of it is promised to documents.
        Reserved = "reserved",
        /// It would expire too soon after its arrival.
        TooShortLife = "too_short_life",
    }
}

impl From<Blocked> for PassedOverBecause {
    fn from(blocked: Blocked) -> Self {
        match blocked {
            Blocked::Expired => Self::Expired,
            Blocked::Recalled => Self::Recalled,
            Blocked::PendingInspection => Self::PendingInspection,
            Blocked::Quarantined => Self::Quarantined,
            Blocked::Held => Self::Held,
            Blocked::Damaged => Self::Damaged,
            Blocked::ExpiryUnknown => Self::ExpiryUnknown,
        }
    }
}

/// What a request may be served from.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// The day on which the stock must be usable.
    pub day: NaiveDate,
    /// The day through which it must be usable, e.g. arrival plus the least remaining life.
    pub usable_through: Option<NaiveDate>,
    /// The purpose of the request: stock earmarked for it may be taken.
    pub purpose: Option<&'a str>,
    /// The owner for whom the request is: that owner's stock may be taken.
    pub owner: Option<&'a str>,
}

impl Wish<'_> {
    /// A request for ordinary use on `day`.
    pub const fn on(day: NaiveDate) -> Self {
        Self { day, usable_through: None, purpose: None, owner: None }
    }

    /// Why a balance does not serve the request; `None` where it does.
    pub fn why_not(&self, balance: &LotBalance) -> Option<PassedOverBecause> {
        if let Some(blocked) = balance.why_blocked(self.day) {
            return Some(blocked.into());
        }
        let provenance = &balance.lot.provenance;
        if provenance.owner_code.is_some() && provenance.owner_code.as_deref() != self.owner {
            return Some(PassedOverBecause::OwnedByOthers);
        }
        if provenance.earmarked_for.is_some() && provenance.earmarked_for.as_deref() != self.purpose
        {
            return Some(PassedOverBecause::Earmarked);
        }
        if self.usable_through.is_some_and(|last| balance.lot.makers_lot.expiry.is_past(last)) {
            return Some(PassedOverBecause::TooShortLife);
        }
        balance.unreserved().is_zero().then_some(PassedOverBecause::Reserved)
    }
}

/// A quantity of one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The lot.
    pub lot_id: LotId,
    /// How much of it.
    pub quantity: Quantity,
}

/// A lot that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The lot.
    pub lot_id: LotId,
    /// Its number.
    pub lot_number: LotNumber,
    /// How much lies there.
    pub quantity: Quantity,
    /// Why it was not taken.
    pub reason: PassedOverBecause,
}

/// How a request is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// What is taken, first expired first.
    pub taken: Vec<Taken>,
    /// What lies there and is not taken although it would come earlier or would be needed.
    pub passed_over: Vec<PassedOver>,
    /// What the usable lots lack.
    pub short: Quantity,
}

/// Serves `wanted` from `balances` of one item in one store, first expired first.
///
/// Dated lots come before those without expiry; ties go to the lot that the book knew first, so
/// the answer never depends on the order of the input. Taking the earliest eligible lots serves
/// the largest total that any choice can serve (ALLOCATION §7).
pub fn pick(balances: &[LotBalance], wanted: Quantity, wish: &Wish<'_>) -> Pick {
    let mut ordered: Vec<&LotBalance> = balances.iter().filter(|b| !b.on_hand.is_zero()).collect();
    ordered.sort_by(|a, b| first_expired(a, b));
    let mut pick = Pick { taken: Vec::new(), passed_over: Vec::new(), short: wanted };
    for balance in ordered {
        if let Some(reason) = wish.why_not(balance) {
            pick.passed_over.push(PassedOver {
                lot_id: balance.lot.id.clone(),
                lot_number: balance.lot.makers_lot.lot_number.clone(),
                quantity: balance.on_hand,
                reason,
            });
            continue;
        }
        if pick.short.is_zero() {
            continue;
        }
        let quantity = balance.unreserved().min(pick.short);
        pick.short = pick.short.minus_or_zero(quantity);
        pick.taken.push(Taken { lot_id: balance.lot.id.clone(), quantity });
    }
    pick
}

/// The order in which lots are taken: dated ones before those without expiry, then the lot that the
/// book knew first.
pub fn first_expired(a: &LotBalance, b: &LotBalance) -> Ordering {
    let key = |balance: &LotBalance| {
        let date = balance.lot.makers_lot.expiry.date();
        (date.is_none(), date)
    };
    key(a)
        .cmp(&key(b))
        .then_with(|| a.lot.makers_lot.created_at.cmp(&b.lot.makers_lot.created_at))
        .then_with(|| a.lot.makers_lot.lot_number.cmp(&b.lot.makers_lot.lot_number))
        .then_with(|| a.lot.id.cmp(&b.lot.id))
        .then_with(|| a.state.cmp(&b.state))
}
