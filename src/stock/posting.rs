//! What a posting does to the balances: pure, so that the same rule serves the service, its
//! verification and its tests.

use crate::kernel::id::{DispatchId, LotId, ShipmentId};
use crate::kernel::{BusinessZone, Code, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::account::{Account, StockState};
use crate::stock::movement::{MovementKind, NewMovement};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// When something happens to the ledger: in business, and in its records.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// Business time; never later than `now`, but where `now` lies behind what is on record.
    pub occurred_at: Instant,
    /// The service's time.
    pub now: Instant,
    /// The zone in which calendar days are counted.
    pub zone: BusinessZone,
}

impl When {
    /// Something that happens as it is recorded.
    pub const fn now(now: Instant, zone: BusinessZone) -> Self {
        Self { occurred_at: now, now, zone }
    }

    /// Something that happened at a business time. What is said to lie ahead of the service's
    /// clock (by a device whose clock runs fast) happens now.
    pub fn at(occurred_at: Instant, now: Instant, zone: BusinessZone) -> Self {
        Self { occurred_at: occurred_at.min(now), now, zone }
    }

    /// The business day.
    pub fn day(&self) -> NaiveDate {
        self.zone.day_of(self.occurred_at)
    }
}

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
    /// Business time of the latest movement, or the instant after the latest count.
    pub last_occurred_at: Instant,
    /// The latest business day on which stock or promises changed.
    pub last_day: NaiveDate,
}

/// A movement on a balance, later than one that is to be entered before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterMovement {
    /// Its business day.
    pub day: NaiveDate,
    /// What it added to the balance, below zero where it took.
    pub change: i64,
}

/// How far a balance can follow an outflow that is entered late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// What was there at the time of the entry.
    at_entry: i64,
    /// The balance after later movements, each lower than all before it, with its day.
    lows: Vec<(i64, NaiveDate)>,
    /// What the posting has added since, below zero where it took.
    entered: i64,
}

impl Room {
    /// The room of a balance that holds `on_hand` after these `later` movements, which stand in
    /// the order of the card.
    pub fn of(on_hand: Quantity, later: &[LaterMovement]) -> Self {
        let sum = later.iter().fold(0_i64, |sum, one| sum.saturating_add(one.change));
        let at_entry = on_hand.units().saturating_sub(sum);
        let mut lows: Vec<(i64, NaiveDate)> = Vec::new();
        let mut running = at_entry;
        for one in later {
            running = running.saturating_add(one.change);
            if lows.last().is_none_or(|(low, _)| running < *low) {
                lows.push((running, one.day));
            }
        }
        Self { at_entry, lows, entered: 0 }
    }

    /// The first balance that the entry would bring below zero, and its day, which is `day` for
    /// that of the entry itself.
    fn first_below_zero(&self, day: NaiveDate) -> Option<(i64, NaiveDate)> {
        let lows = self.lows.iter().map(|(low, day)| (low.saturating_add(self.entered), *day));
        std::iter::once((self.at_entry.saturating_add(self.entered), day))
            .chain(lows)
            .find(|(balance, _)| *balance < 0)
    }

    /// The most that could have left at the time of the entry.
    fn most(&self) -> i64 {
        let lowest = self.lows.last().map_or(self.at_entry, |(low, _)| self.at_entry.min(*low));
        lowest.max(0)
    }
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
    /// How far balances with later movements can follow outflows that are entered late.
    pub room: BTreeMap<BalanceKey, Room>,
}

impl Balances {
    /// The balances that some movements take from although later movements stand on them, with
    /// their item. Nearly always none; what stands on them must be walked.
    pub fn entered_late(
        &self,
        lines: &[NewMovement],
        occurred_at: Instant,
    ) -> BTreeSet<(BalanceKey, ItemCode)> {
        let late = |line: &NewMovement| {
            let key = store_key(&line.from, line)?;
            let facts = self.stores.get(&key)?;
            (occurred_at < facts.last_occurred_at).then(|| (key, line.item_code.clone()))
        };
        lines.iter().filter_map(late).collect()
    }

    /// When a posting takes place. One whose time was said, and a count, then; one that happens as it
    /// is recorded, after everything that stands on its balances, counts that moved nothing
    /// included: others may have been recorded while it waited for their locks, and a clock may
    /// have been set back.
    #[must_use]
    pub fn turn_of(&self, when: When, lines: &[NewMovement]) -> When {
        let is_count = lines.iter().all(|line| line.kind == MovementKind::Count);
        if when.occurred_at < when.now || is_count {
            return when;
        }
        let latest = self.stores.values().map(|facts| facts.last_occurred_at).max();
        When { occurred_at: latest.map_or(when.now, |latest| latest.max(when.now)), ..when }
    }

    /// Applies the movements of a posting.
    ///
    /// # Errors
    /// `insufficient_stock` when more would leave than nobody was promised, `late_entry` when an
    /// outflow that is entered late would bring the balance of its own or a later time below
    /// zero. The balances are then in disorder and must be thrown away.
    pub fn apply(&mut self, lines: &[NewMovement], when: &When) -> Result<(), Refusal> {
        for line in lines {
            self.take(line, when)?;
            self.give(line, when)?;
        }
        for line in lines {
            let Some(key) = store_key(&line.from, line) else { continue };
            if let Some(room) = self.room.get(&key)
                && let Some(below) = room.first_below_zero(when.day())
            {
                return Err(late_entry(line, room, below));
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &NewMovement, when: &When) -> Result<(), Refusal> {
        match &line.from {
            Account::Outside(_) => Ok(()),
            Account::Store(store, state) => {
                let key = balance_key(store, *state, line);
                let facts = self.stores.get_mut(&key);
                let free =
                    facts.as_ref().map_or(Quantity::ZERO, |f| f.on_hand.minus_or_zero(f.reserved));
                let Some(facts) = facts.filter(|_| free >= line.quantity) else {
                    return Err(insufficient(line, free));
                };
                facts.on_hand = facts.on_hand.minus_or_zero(line.quantity);
                facts.last_occurred_at = facts.last_occurred_at.max(when.occurred_at);
                facts.last_day = facts.last_day.max(when.day());
                if let Some(room) = self.room.get_mut(&key) {
                    room.entered = room.entered.saturating_sub(line.quantity.units());
                    // The lines of a posting follow one another at its one time.
                    let then = room.at_entry.saturating_add(room.entered);
                    if then < 0 {
                        return Err(late_entry(line, room, (then, when.day())));
                    }
                }
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

    fn give(&mut self, line: &NewMovement, when: &When) -> Result<(), Refusal> {
        match &line.to {
            Account::Outside(_) => Ok(()),
            Account::Store(store, state) => {
                let key = balance_key(store, *state, line);
                if let Some(room) = self.room.get_mut(&key) {
                    room.entered = room.entered.saturating_add(line.quantity.units());
                }
                let facts = self.stores.entry(key).or_insert_with(|| BalanceFacts {
                    item_code: line.item_code.clone(),
                    on_hand: Quantity::ZERO,
                    reserved: Quantity::ZERO,
                    last_occurred_at: when.occurred_at,
                    last_day: when.day(),
                });
                facts.on_hand = facts.on_hand.plus(line.quantity).ok_or_else(|| too_much(line))?;
                facts.last_occurred_at = facts.last_occurred_at.max(when.occurred_at);
                facts.last_day = facts.last_day.max(when.day());
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

fn balance_key(store: &StoreCode, state: StockState, line: &NewMovement) -> BalanceKey {
    BalanceKey { store_code: store.clone(), lot_id: line.lot_id.clone(), state }
}

/// The balance of an account of a line; `None` where the account is no store's.
fn store_key(account: &Account, line: &NewMovement) -> Option<BalanceKey> {
    match account {
        Account::Store(store, state) => Some(balance_key(store, *state, line)),
        Account::Transit(_) | Account::Outside(_) => None,
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
                Account::Store(store, state) => stores.push(balance_key(store, *state, line)),
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

/// That an outflow entered late would bring a balance below zero, with lot, day and amounts.
fn late_entry(line: &NewMovement, room: &Room, (balance, day): (i64, NaiveDate)) -> Refusal {
    let (lot, missing, most) = (&line.lot_id, balance.saturating_neg(), room.most());
    Refusal::new(
        Code::LateEntry,
        format!(
            "补录后物资 {} 批次 {lot} 在 {day} 将缺 {missing}；最多可补录 {most}",
            line.item_code
        ),
        format!(
            "Item {} lot {lot} would lack {missing} on {day}; at most {most} could have left",
            line.item_code
        ),
    )
    .with("item_code", line.item_code.as_str())
    .with("lot_id", lot.as_str())
    .with("day", day.to_string())
    .with("missing", missing)
    .with("most", most)
}

fn too_much(line: &NewMovement) -> Refusal {
    Refusal::new(
        Code::ValidationFailed,
        format!("批次 {} 的数量超出上限", line.lot_id),
        format!("Lot {} would hold more than can be counted", line.lot_id),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::parse_date;
    use proptest::prelude::*;

    #[test]
    fn the_first_day_below_zero_is_named_with_what_is_missing() {
        let day = |text| parse_date(text).unwrap();
        let later = [
            LaterMovement { day: day("2026-03-02"), change: -5 },
            LaterMovement { day: day("2026-03-03"), change: 20 },
            LaterMovement { day: day("2026-03-04"), change: -18 },
        ];
        // 10 at the entry, then 5, 25, 7.
        let mut room = Room::of(Quantity::new(7).unwrap(), &later);
        assert_eq!((room.at_entry, room.most()), (10, 5));
        room.entered = -5;
        assert_eq!(room.first_below_zero(day("2026-03-01")), None);
        room.entered = -6;
        assert_eq!(room.first_below_zero(day("2026-03-01")), Some((-1, day("2026-03-02"))));
        room.entered = -11;
        assert_eq!(room.first_below_zero(day("2026-03-01")), Some((-1, day("2026-03-01"))));
    }

    proptest! {
        #[test]
        fn a_late_outflow_fits_exactly_when_every_later_balance_stays(
            at_entry in 0_i64..50,
            changes in proptest::collection::vec(-20_i64..20, 0..12),
            taken in 1_i64..40,
        ) {
            let day = parse_date("2026-03-01").unwrap();
            let mut running = at_entry;
            let mut kept = Vec::new();
            for change in changes {
                if running + change >= 0 {
                    running += change;
                    kept.push(LaterMovement { day, change });
                }
            }
            let mut balances = vec![at_entry];
            for one in &kept {
                balances.push(balances[balances.len() - 1] + one.change);
            }
            let mut room = Room::of(Quantity::new(running).unwrap(), &kept);
            room.entered = -taken;
            let fits = balances.iter().all(|balance| balance - taken >= 0);
            prop_assert_eq!(room.first_below_zero(day).is_none(), fits);
            prop_assert_eq!(taken <= room.most(), fits);
        }
    }
}
