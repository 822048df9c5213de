//! What a store holds of an item, lot by lot, and what is on the way to it.

use crate::kernel::id::{DispatchId, LotId};
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, Quantity};
use crate::shortfall::projection::DatedStock;
use crate::shortfall::rules::Arrival;
use crate::stock::account::StockState;
use crate::stock::balance::{Blocked, why_unusable};
use crate::stock::lot::Expiry;
use crate::word_enum;
use chrono::NaiveDate;

/// Stock of one lot in one state at a store, as far as it decides how much is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Its quality state.
    pub state: StockState,
    /// The last day on which it may be used.
    pub expiry: Expiry,
    /// Whether its maker's lot was recalled.
    pub recalled: bool,
    /// Base units there.
    pub on_hand: Quantity,
    /// Base units promised.
    pub reserved: Quantity,
    /// Whether it belongs to others.
    pub owned_by_others: bool,
    /// Whether it is kept for a purpose.
    pub earmarked: bool,
}

impl Portion {
    /// Base units that nobody was promised.
    pub fn unreserved(&self) -> Quantity {
        self.on_hand.minus_or_zero(self.reserved)
    }

    /// Why none of it is available on a day, as the ledger defines it; `None` when it is.
    pub fn why_blocked(&self, today: NaiveDate) -> Option<Blocked> {
        why_unusable(self.recalled, self.expiry, self.state, today)
    }
}

/// A lot at a store, in one state.
#[derive(Debug, Clone)]
pub struct LotAtStore {
    /// The lot.
    pub lot: LotId,
    /// The maker's lot number.
    pub lot_number: String,
    /// Whose it is, where it belongs to others.
    pub owner_code: Option<String>,
    /// The purpose for which it is kept.
    pub earmarked_for: Option<String>,
    /// What is there of it.
    pub portion: Portion,
}

word_enum! {
    /// Why stock of a lot does not count as available.
    pub enum LeftOut {
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
        /// It is promised to documents.
        Reserved = "reserved",
        /// It belongs to others: available, and taken for their purposes alone.
        OwnedByOthers = "owned_by_others",
        /// It is kept for a purpose: available, and taken for it alone.
        Earmarked = "earmarked",
    }
}

impl LeftOut {
    /// Whether it counts as available all the same, though not for everybody.
    pub const fn is_available(self) -> bool {
        matches!(self, Self::OwnedByOthers | Self::Earmarked)
    }
}

impl From<Blocked> for LeftOut {
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

/// What a store holds of an item.
#[derive(Debug, Default)]
pub struct Held {
    /// Everything that is there.
    pub on_hand: Quantity,
    /// What is promised to documents.
    pub reserved: Quantity,
    /// What may not be used, of that which nobody was promised.
    pub blocked: Quantity,
    /// On hand − reserved − blocked.
    pub available: Quantity,
    /// The available part, dated.
    pub usable: Vec<DatedStock>,
    /// What not everybody, or nobody, may use, by reason, in the order of the reasons.
    pub set_apart: Vec<(LeftOut, Quantity)>,
}

impl Held {
    fn set_apart(&mut self, reason: LeftOut, quantity: Quantity) {
        if quantity.is_zero() {
            return;
        }
        match self.set_apart.binary_search_by_key(&reason, |(reason, _)| *reason) {
            Ok(at) => {
                if let Some((_, sum)) = self.set_apart.get_mut(at) {
                    *sum = sum.plus_capped(quantity);
                }
            }
            Err(at) => self.set_apart.insert(at, (reason, quantity)),
        }
    }
}

/// Adds what a store holds of an item up.
pub fn hold<'a>(portions: impl IntoIterator<Item = &'a Portion>, today: NaiveDate) -> Held {
    let mut held = Held::default();
    for portion in portions {
        let free = portion.unreserved();
        held.on_hand = held.on_hand.plus_capped(portion.on_hand);
        held.reserved = held.reserved.plus_capped(portion.reserved);
        held.set_apart(LeftOut::Reserved, portion.reserved);
        if let Some(blocked) = portion.why_blocked(today) {
            held.blocked = held.blocked.plus_capped(free);
            held.set_apart(blocked.into(), free);
        } else {
            if portion.owned_by_others {
                held.set_apart(LeftOut::OwnedByOthers, free);
            } else if portion.earmarked {
                held.set_apart(LeftOut::Earmarked, free);
            }
            held.available = held.available.plus_capped(free);
            held.usable.push(DatedStock { usable_until: portion.expiry.date(), quantity: free });
        }
    }
    held
}

/// Goods of one lot on one lorry to a store.
#[derive(Debug, Clone)]
pub struct LotOnTheWay {
    /// The lot.
    pub lot: LotId,
    /// The maker's lot number.
    pub lot_number: String,
    /// The dispatch.
    pub dispatch: DispatchId,
    /// When they are expected.
    pub expected_at: Instant,
    /// The last day on which they may be used.
    pub expires_on: Option<NaiveDate>,
    /// Whether the maker's lot was recalled.
    pub recalled: bool,
    /// Base units on the way.
    pub quantity: Quantity,
}

impl LotOnTheWay {
    /// As the rules see it.
    pub fn arrival(&self, zone: BusinessZone) -> Arrival {
        Arrival {
            quantity: self.quantity,
            expected_on: Some(zone.day_of(self.expected_at)),
            usable_until: self.expires_on,
            recalled: self.recalled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::parse_date;

    fn lot(on_hand: i64, expires_on: Option<&str>, state: StockState, reserved: i64) -> Portion {
        let day = expires_on.map(|text| parse_date(text).unwrap());
        Portion {
            state,
            expiry: day.map_or(Expiry::None, Expiry::Dated),
            recalled: false,
            on_hand: Quantity::new(on_hand).unwrap(),
            reserved: Quantity::new(reserved).unwrap(),
            owned_by_others: false,
            earmarked: false,
        }
    }

    #[test]
    fn p01_expired_quarantined_held_damaged_and_promised_stock_is_not_available() {
        let today = parse_date("2025-03-01").unwrap();
        let lots = [
            lot(100, Some("2025-02-28"), StockState::Available, 0),
            lot(80, Some("2025-03-01"), StockState::Available, 0),
            lot(200, Some("2025-04-10"), StockState::Available, 30),
            lot(500, Some("2025-09-17"), StockState::Quarantined, 0),
            lot(60, None, StockState::Available, 0),
            lot(40, Some("2025-05-30"), StockState::Held, 0),
            lot(25, Some("2025-12-26"), StockState::Damaged, 0),
        ];
        let held = hold(&lots, today);
        assert_eq!(
            [held.on_hand, held.reserved, held.blocked, held.available].map(Quantity::units),
            [1_005, 30, 100 + 565, 310]
        );
        let apart: Vec<(LeftOut, i64)> =
            held.set_apart.iter().map(|(reason, quantity)| (*reason, quantity.units())).collect();
        let expected = [
            (LeftOut::Expired, 100),
            (LeftOut::Quarantined, 500),
            (LeftOut::Held, 40),
            (LeftOut::Damaged, 25),
            (LeftOut::Reserved, 30),
        ];
        assert_eq!(apart, expected);
    }

    #[test]
    fn p11_promised_stock_is_neither_available_nor_projected() {
        let today = parse_date("2025-03-01").unwrap();
        let lots = [
            lot(50, Some("2025-03-11"), StockState::Available, 0),
            lot(50, Some("2025-03-11"), StockState::Available, 50),
        ];
        let held = hold(&lots, today);
        assert_eq!(held.available.units(), 50);
        let two_a_day = Some(crate::kernel::Ratio::whole(2));
        let projection = crate::shortfall::projection::project(today, &held.usable, two_a_day);
        assert_eq!(projection.unwrap().total_waste.units(), 28);
    }
}
