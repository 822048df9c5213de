//! The stock summary 收发存: opening, in by source, out by purpose, closing; pure.

use crate::kernel::Money;
use crate::stock::account::Account;
use crate::stock::movement::MovementKind;
use std::collections::BTreeMap;

/// The name under which goods from lorries come in.
pub const TRANSFER_IN: &str = "transfer_in";
/// The name under which goods leave on lorries.
pub const TRANSFER_OUT: &str = "transfer_out";

/// Base units and what they are worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Base units; below zero where more was reversed than came.
    pub units: i64,
    /// Ten-thousandths of a yuan; lots without a cost are worth nothing here.
    pub value: i128,
}

impl Amount {
    /// Units at a cost each.
    pub fn at(units: i64, cost: Option<Money>) -> Self {
        let cost = cost.map_or(0, |cost| i128::from(cost.ten_thousandths()));
        Self { units, value: i128::from(units) * cost }
    }

    /// Adds another amount.
    pub fn add(&mut self, other: Self) {
        self.units = self.units.saturating_add(other.units);
        self.value = self.value.saturating_add(other.value);
    }

    /// The value as money, held where it does not fit.
    pub fn money(&self) -> Money {
        let most = if self.value < 0 { i64::MIN } else { i64::MAX };
        Money::from_ten_thousandths(i64::try_from(self.value).unwrap_or(most))
    }
}

/// Whether something came or went, and from or to which account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// It came in.
    In(String),
    /// It went out.
    Out(String),
}

/// The line of the summary on which a movement stands, and its sign; `None` where it leaves the
/// store's stock as it is.
///
/// A reversal is taken off the line of what it takes back (红字), so that no mistake swells both
/// sides.
pub fn side_of(kind: MovementKind, from: &Account, to: &Account) -> Option<(Side, i64)> {
    let came = |account: &Account| match account {
        Account::Outside(word) => Some(Side::In(word.as_str().to_owned())),
        Account::Transit(_) => Some(Side::In(TRANSFER_IN.to_owned())),
        Account::Store(..) => None,
    };
    let went = |account: &Account| match account {
        Account::Outside(word) => Some(Side::Out(word.as_str().to_owned())),
        Account::Transit(_) => Some(Side::Out(TRANSFER_OUT.to_owned())),
        Account::Store(..) => None,
    };
    let reversed = kind == MovementKind::Reversal;
    let side = match (from, to) {
        (other, Account::Store(..)) if reversed => went(other),
        (Account::Store(..), other) if reversed => came(other),
        (other, Account::Store(..)) => came(other),
        (Account::Store(..), other) => went(other),
        (_, _) => None,
    };
    side.map(|side| (side, if reversed { -1 } else { 1 }))
}

/// One line of a summary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SummaryLine {
    /// What was there when the period began.
    pub opening: Amount,
    /// What came, by account.
    pub came: BTreeMap<String, Amount>,
    /// What went, by account.
    pub went: BTreeMap<String, Amount>,
    /// What was there when it ended.
    pub closing: Amount,
    /// Base units of the closing that have no cost.
    pub without_cost: i64,
}

impl SummaryLine {
    /// Books an amount on its side.
    pub fn book(&mut self, side: Side, amount: Amount) {
        match side {
            Side::In(account) => self.came.entry(account).or_default().add(amount),
            Side::Out(account) => self.went.entry(account).or_default().add(amount),
        }
    }

    /// All that came.
    pub fn total_in(&self) -> Amount {
        total(&self.came)
    }

    /// All that went.
    pub fn total_out(&self) -> Amount {
        total(&self.went)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn total(amounts: &BTreeMap<String, Amount>) -> Amount {
    amounts.values().fold(Amount::default(), |mut sum, amount| {
        sum.add(*amount);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::StoreCode;
    use crate::stock::account::{Outside, StockState};

    #[test]
    fn a_reversal_is_taken_off_what_it_takes_back() {
        let store = Account::Store(StoreCode::new("QN-DEPOT").unwrap(), StockState::Available);
        let used = Account::Outside(Outside::Consumption);
        assert_eq!(
            side_of(MovementKind::Issue, &store, &used),
            Some((Side::Out("consumption".to_owned()), 1))
        );
        assert_eq!(
            side_of(MovementKind::Reversal, &used, &store),
            Some((Side::Out("consumption".to_owned()), -1))
        );
        assert_eq!(side_of(MovementKind::StateChange, &store, &store), None);
    }
}
