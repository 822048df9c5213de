//! What an outflow of the past can still take.
//!
//! What happened before a count and is entered after it changes nothing from the count on: it only
//! explains the count's difference. So it may take what the book held then, whatever is there now,
//! and no promise stands in its way.

use crate::command::{CommandError, Tx};
use crate::kernel::id::LotId;
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::stock::CountMark;
use crate::stock::account::StockState;
use crate::stock::balance::LotBalance;
use crate::stock::facts::{Holding, LaterChange, takeable_then};
use crate::stock::queries::usage;
use crate::stock::records;
use std::collections::{BTreeMap, BTreeSet};

/// What a store holds of some items, told for a business time that may lie in the past.
#[derive(Debug, Clone)]
pub struct Past {
    /// The balances as they are now, locked.
    pub balances: Vec<LotBalance>,
    changes: BTreeMap<(LotId, StockState), Vec<LaterChange>>,
    counted_at: BTreeMap<(LotId, StockState), Instant>,
}

impl Past {
    /// Locks everything that a store holds of some items, and what it held of them since a business
    /// time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lock(
        tx: &mut Tx<'_>,
        store: &StoreCode,
        items: &[ItemCode],
        occurred_at: Instant,
    ) -> Result<Self, CommandError> {
        if occurred_at >= tx.now {
            let balances = records::lock_item_balances(tx.conn, store, items)?;
            return Ok(Self { balances, changes: BTreeMap::new(), counted_at: BTreeMap::new() });
        }
        let balances = records::lock_item_balances_since(tx.conn, store, items, occurred_at)?;
        let lots: BTreeSet<LotId> = balances.iter().map(|balance| balance.lot.id.clone()).collect();
        let lots: Vec<LotId> = lots.into_iter().collect();
        let marks = records::count_marks(tx.conn, store, &lots)?;
        let mut counted_at = BTreeMap::new();
        // In the order of time: the first count after it is the one that answers.
        for CountMark { lot_id, state, counted_at: at, .. } in marks {
            if at >= occurred_at {
                counted_at.entry((lot_id, state)).or_insert(at);
            }
        }
        let moved: BTreeSet<LotId> = balances
            .iter()
            .filter(|balance| balance.last_occurred_at > occurred_at)
            .map(|balance| balance.lot.id.clone())
            .collect();
        let moved: Vec<LotId> = moved.into_iter().collect();
        let changes = usage::changes_after(tx.conn, store, &moved, occurred_at)?;
        Ok(Self { balances, changes, counted_at })
    }

    /// The most of a balance that can have left at that time.
    fn takeable(&self, balance: &LotBalance) -> Quantity {
        let place = (balance.lot.id.clone(), balance.state);
        let since = self.changes.get(&place).map_or(&[][..], Vec::as_slice);
        takeable_then(balance.on_hand, since, self.counted_at.get(&place).copied())
    }

    /// Whether what leaves a balance then leaves what is there now as it is, because it was counted
    /// in between.
    pub fn is_absorbed(&self, lot: &LotId, state: StockState) -> bool {
        !self.counted_at.is_empty() && self.counted_at.contains_key(&(lot.clone(), state))
    }

    /// The balances as an outflow of that time finds them: what was counted since as it was then,
    /// all else as it is.
    pub fn as_found(&self) -> Vec<LotBalance> {
        let found = self.balances.iter().map(|balance| {
            if self.is_absorbed(&balance.lot.id, balance.state) {
                let on_hand = self.takeable(balance);
                LotBalance { on_hand, reserved: Quantity::ZERO, ..balance.clone() }
            } else {
                balance.clone()
            }
        });
        found.filter(|balance| !balance.on_hand.is_zero()).collect()
    }

    /// The same with the most that a fact of that time can have taken of each.
    pub fn holdings(&self) -> Vec<Holding> {
        let holding = |balance: LotBalance| Holding {
            takeable: if self.is_absorbed(&balance.lot.id, balance.state) {
                balance.on_hand
            } else {
                self.takeable(&balance)
            },
            balance,
        };
        self.as_found().into_iter().map(holding).collect()
    }
}
