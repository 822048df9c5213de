//! On hand, reserved, blocked and available: one definition each, used everywhere.

use crate::kernel::{Instant, Quantity, StoreCode};
use crate::stock::account::StockState;
use crate::stock::lot::{Expiry, Lot};
use crate::word_enum;
use chrono::NaiveDate;

word_enum! {
    /// Why stock of a lot may not be used.
    pub enum Blocked {
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
    }
}

impl Blocked {
    /// Why stock in a state is not available; `None` where it is.
    const fn by_state(state: StockState) -> Option<Self> {
        match state {
            StockState::Available => None,
            StockState::PendingInspection => Some(Self::PendingInspection),
            StockState::Quarantined => Some(Self::Quarantined),
            StockState::Held => Some(Self::Held),
            StockState::Damaged => Some(Self::Damaged),
        }
    }
}

/// What one store holds of one lot in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotBalance {
    /// The store.
    pub store_code: StoreCode,
    /// The lot.
    pub lot: Lot,
    /// The state.
    pub state: StockState,
    /// Everything that is there (账面).
    pub on_hand: Quantity,
    /// What is promised to documents (占用).
    pub reserved: Quantity,
    /// Business time of the latest movement, or the instant after the latest count.
    pub last_occurred_at: Instant,
}

impl LotBalance {
    /// Why this stock may not be used on `day`; `None` where it may.
    pub fn why_blocked(&self, day: NaiveDate) -> Option<Blocked> {
        why_blocked(&self.lot, self.state, day)
    }

    /// What nobody was promised.
    pub fn unreserved(&self) -> Quantity {
        self.on_hand.minus_or_zero(self.reserved)
    }

    /// The unreserved part of stock that may not be used on `day` (不可用).
    pub fn blocked(&self, day: NaiveDate) -> Quantity {
        if self.why_blocked(day).is_some() { self.unreserved() } else { Quantity::ZERO }
    }

    /// On hand − reserved − blocked (可用); never negative.
    pub fn available(&self, day: NaiveDate) -> Quantity {
        if self.why_blocked(day).is_some() { Quantity::ZERO } else { self.unreserved() }
    }
}

/// Why stock of a lot in a state may not be used on `day`; `None` where it may.
pub fn why_blocked(lot: &Lot, state: StockState, day: NaiveDate) -> Option<Blocked> {
    why_unusable(lot.makers_lot.recalled_at.is_some(), lot.makers_lot.expiry, state, day)
}

/// The same from the facts alone, for those who load no whole lot.
///
/// A recalled or expired lot is never available, whatever its state.
pub fn why_unusable(
    recalled: bool,
    expiry: Expiry,
    state: StockState,
    day: NaiveDate,
) -> Option<Blocked> {
    if recalled {
        return Some(Blocked::Recalled);
    }
    if expiry.is_past(day) {
        return Some(Blocked::Expired);
    }
    Blocked::by_state(state)
        .or_else(|| (expiry == Expiry::Unknown).then_some(Blocked::ExpiryUnknown))
}
