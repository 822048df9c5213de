//! What a posting does to the balances: pure, so that the same rule serves the service, its
//! verification and its tests.

use crate::kernel::id::{DispatchId, LotId, ShipmentId};
use crate::kernel::{Code, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::account::{Account, StockState};
use crate::stock::movement::NewMovement;
use std::collections::BTreeMap;

/// Which balance: one lot in one state at one store. Balances are locked in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BalanceKey {
    /// The store.
    pub store_code: StoreCode,
    /// The lot.
    pub lot_id: LotId,
    /// The state.
    pub state: StockState,
}

/// What a balance says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceFacts {
    /// The item.
    pub item_code: ItemCode,
    /// Everything that is there.
    pub on_hand: Quantity,
    /// What is promised.
    pub reserved: Quantity,
    /// Business time of the latest movement.
    pub last_occurred_at: Instant,
}

/// Which transit balance: one lot on one lorry of one dispatch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransitKey {
    /// The dispatch.
    pub dispatch_id: DispatchId,
    /// The lorry.
    pub shipment_id: ShipmentId,
    /// The lot.
    pub lot_id: LotId,
}

/// The balances that a posting touches, as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balances {
    /// Stock in stores.
    pub stores: BTreeMap<BalanceKey, BalanceFacts>,
    /// Stock on lorries.
    pub transit: BTreeMap<TransitKey, Quantity>,
}

impl Balances {
    /// Applies a movement.
    ///
    /// # Errors
    /// `insufficient_stock` when more would leave than nobody was promised, `late_entry` when an
    /// outflow lies before a later movement on its balance. The balances are then in disorder and
    /// must be thrown away.
    pub fn apply(&mut self, line: &NewMovement, occurred_at: Instant) -> Result<(), Refusal> {
        self.take(line, occurred_at)?;
        self.give(line, occurred_at)
    }

    fn take(&mut self, line: &NewMovement, occurred_at: Instant) -> Result<(), Refusal> {
        match &line.from {
            Account::Outside(_) => Ok(()),
            Account::Store(store, state) => {
                let key = BalanceKey {
                    store_code: store.clone(),
                    lot_id: line.lot_id.clone(),
                    state: *state,
                };
                let facts = self.stores.get_mut(&key);
                let free =
                    facts.as_ref().map_or(Quantity::ZERO, |f| f.on_hand.minus_or_zero(f.reserved));
                let Some(facts) = facts.filter(|_| free >= line.quantity) else {
                    return Err(insufficient(line, free));
                };
                if occurred_at < facts.last_occurred_at {
                    return Err(late_entry(line, facts.last_occurred_at));
                }
                facts.on_hand = facts.on_hand.minus_or_zero(line.quantity);
                facts.last_occurred_at = occurred_at;
                Ok(())
            }
            Account::Transit(dispatch) => {
                let on_way = self.transit.get_mut(&transit_key(line, dispatch)?);
                match on_way.map(|left| (left.minus(line.quantity), left)) {
                    Some((Some(rest), left)) => {
                        *left = rest;
                        Ok(())
                    }
                    Some((None, left)) => Err(insufficient(line, *left)),
                    None => Err(insufficient(line, Quantity::ZERO)),
                }
            }
        }
    }

    fn give(&mut self, line: &NewMovement, occurred_at: Instant) -> Result<(), Refusal> {
        match &line.to {
            Account::Outside(_) => Ok(()),
            Account::Store(store, state) => {
                let key = BalanceKey {
                    store_code: store.clone(),
                    lot_id: line.lot_id.clone(),
                    state: *state,
                };
                let facts = self.stores.entry(key).or_insert_with(|| BalanceFacts {
                    item_code: line.item_code.clone(),
                    on_hand: Quantity::ZERO,
                    reserved: Quantity::ZERO,
                    last_occurred_at: occurred_at,
                });
                facts.on_hand = facts.on_hand.plus(line.quantity).ok_or_else(|| too_much(line))?;
                facts.last_occurred_at = facts.last_occurred_at.max(occurred_at);
                Ok(())
            }
            Account::Transit(dispatch) => {
                let on_way =
                    self.transit.entry(transit_key(line, dispatch)?).or_insert(Quantity::ZERO);
                *on_way = on_way.plus(line.quantity).ok_or_else(|| too_much(line))?;
                Ok(())
            }
        }
    }
}

/// The keys of the balances that some movements touch.
///
/// # Errors
/// When a movement in transit names no lorry.
pub fn keys_of(lines: &[NewMovement]) -> Result<(Vec<BalanceKey>, Vec<TransitKey>), Refusal> {
    let mut stores = Vec::new();
    let mut transit = Vec::new();
    for line in lines {
        for account in [&line.from, &line.to] {
            match account {
                Account::Store(store, state) => stores.push(BalanceKey {
                    store_code: store.clone(),
                    lot_id: line.lot_id.clone(),
                    state: *state,
                }),
                Account::Transit(dispatch) => transit.push(transit_key(line, dispatch)?),
                Account::Outside(_) => {}
            }
        }
    }
    stores.sort_unstable();
    stores.dedup();
    transit.sort_unstable();
    transit.dedup();
    Ok((stores, transit))
}

fn transit_key(line: &NewMovement, dispatch: &DispatchId) -> Result<TransitKey, Refusal> {
    // Only a caller inside the service can forget the lorry; it is told, not crashed.
    let shipment_id = line.shipment_id.clone().ok_or_else(|| Refusal::plain(Code::Internal))?;
    Ok(TransitKey { dispatch_id: dispatch.clone(), shipment_id, lot_id: line.lot_id.clone() })
}

/// That less is there than was asked for, with the true remainder.
pub fn insufficient(line: &NewMovement, available: Quantity) -> Refusal {
    Refusal::new(
        Code::InsufficientStock,
        format!(
            "物资 {} 批次 {} 仅剩 {available}，不足 {}",
            line.item_code, line.lot_id, line.quantity
        ),
        format!(
            "Only {available} of item {} lot {} are there, not {}",
            line.item_code, line.lot_id, line.quantity
        ),
    )
    .with("item_code", line.item_code.as_str())
    .with("lot_id", line.lot_id.as_str())
    .with("requested", line.quantity.units())
    .with("available", available.units())
}

fn late_entry(line: &NewMovement, latest: Instant) -> Refusal {
    Refusal::new(
        Code::LateEntry,
        format!("批次 {} 在 {latest} 已有流水，不能补录更早的出库", line.lot_id),
        format!("Lot {} has a movement at {latest}: nothing may leave before it", line.lot_id),
    )
    .with("lot_id", line.lot_id.as_str())
    .with("latest", latest.to_string())
}

fn too_much(line: &NewMovement) -> Refusal {
    Refusal::new(
        Code::ValidationFailed,
        format!("批次 {} 的数量超出上限", line.lot_id),
        format!("Lot {} would hold more than can be counted", line.lot_id),
    )
}
