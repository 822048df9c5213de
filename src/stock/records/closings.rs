//! Writing what balances have become, and what they were at the end of each business day.

use super::{BalanceRow, foresight};
use crate::command::CommandError;
use crate::db::held::{self, HeldRow};
use crate::db::memory;
use crate::db::schema::{stock_balance, stock_closing};
use crate::db::{DbConnection, DbError};
use crate::insert_rows;
use crate::kernel::id::LotId;
use crate::kernel::{Code, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::stock::account::StockState;
use crate::stock::posting::{BalanceFacts, BalanceKey, Balances, When};
use chrono::NaiveDate;
use diesel::prelude::*;

#[derive(Insertable)]
#[diesel(table_name = stock_closing, treat_none_as_default_value = false)]
struct ClosingRow {
    store_code: StoreCode,
    lot_id: LotId,
    state: StockState,
    business_day: NaiveDate,
    item_code: ItemCode,
    on_hand: Quantity,
    reserved: Quantity,
}

impl ClosingRow {
    fn of(key: &BalanceKey, facts: &BalanceFacts, day: NaiveDate) -> Self {
        Self {
            store_code: key.store_code.clone(),
            lot_id: key.lot_id.clone(),
            state: key.state,
            business_day: day,
            item_code: facts.item_code.clone(),
            on_hand: facts.on_hand,
            reserved: facts.reserved,
        }
    }
}

/// Writes the balances that have changed from `before` to `after`, and their closings.
///
/// Where one has changed on a later day already, its later closings follow.
pub(super) fn store_changed(
    conn: &mut DbConnection,
    before: &Balances,
    after: &Balances,
    when: &When,
    recorded_at: Instant,
) -> Result<(), CommandError> {
    let day = when.day();
    let changed = after.stores.iter().filter(|(key, facts)| before.stores.get(key) != Some(facts));
    let (mut rows, mut closings, mut late) = (Vec::new(), Vec::new(), Vec::new());
    for (key, facts) in changed {
        rows.push(BalanceRow::of(key, facts, recorded_at));
        if facts.last_day > day {
            late.push((key, before.stores.get(key), facts));
        } else {
            closings.push(ClosingRow::of(key, facts, day));
        }
    }
    if !late.is_empty() {
        memory::settle(conn)?;
    }
    foresight::balances_became(&rows);
    held::write(conn, rows)?;
    held::write(conn, closings)?;
    for (key, was, facts) in late {
        change_closings(conn, key, was, facts, day)?;
    }
    Ok(())
}

impl HeldRow for BalanceRow {
    type Key = BalanceKey;

    fn key(&self) -> BalanceKey {
        BalanceRow::key(self)
    }

    fn write(conn: &mut DbConnection, rows: Vec<Self>) -> Result<(), DbError> {
        insert_rows!(conn, stock_balance, rows, on (store_code, lot_id, state)
            set (on_hand, reserved, last_occurred_at, last_day, live_until));
        Ok(())
    }
}

impl HeldRow for ClosingRow {
    type Key = (BalanceKey, NaiveDate);

    fn key(&self) -> (BalanceKey, NaiveDate) {
        let key = BalanceKey {
            store_code: self.store_code.clone(),
            lot_id: self.lot_id.clone(),
            state: self.state,
        };
        (key, self.business_day)
    }

    fn write(conn: &mut DbConnection, rows: Vec<Self>) -> Result<(), DbError> {
        insert_rows!(conn, stock_closing, rows, on (store_code, lot_id, state, business_day)
            set (on_hand, reserved));
        Ok(())
    }
}

/// Changes the closings of a balance from `day` on by what `after` differs from `before`.
fn change_closings(
    conn: &mut DbConnection,
    key: &BalanceKey,
    before: Option<&BalanceFacts>,
    after: &BalanceFacts,
    day: NaiveDate,
) -> Result<(), CommandError> {
    use stock_closing::{business_day, lot_id, on_hand, reserved, state, store_code};
    let was =
        |amount: fn(&BalanceFacts) -> Quantity| before.map_or(0, |facts| amount(facts).units());
    let more = after.on_hand.units() - was(|facts| facts.on_hand);
    let promised = after.reserved.units() - was(|facts| facts.reserved);
    let of_key = || {
        stock_closing::table
            .filter(store_code.eq(&key.store_code))
            .filter(lot_id.eq(&key.lot_id))
            .filter(state.eq(key.state))
    };
    let at_day: Option<(NaiveDate, Quantity, Quantity)> = of_key()
        .filter(business_day.le(day))
        .select((business_day, on_hand, reserved))
        .order(business_day.desc())
        .first(conn)
        .optional()?;
    let has_row = at_day.is_some_and(|(newest, ..)| newest == day);
    let from = if has_row { day } else { day.succ_opt().unwrap_or(day) };
    diesel::update(
        stock_closing::table
            .filter(store_code.eq(&key.store_code))
            .filter(lot_id.eq(&key.lot_id))
            .filter(state.eq(key.state))
            .filter(business_day.ge(from)),
    )
    .set((on_hand.eq(on_hand + more), reserved.eq(reserved + promised)))
    .execute(conn)?;
    if !has_row {
        let (had, owed) = at_day.map_or((0, 0), |(_, had, owed)| (had.units(), owed.units()));
        // The walk over later movements has found that nothing falls below zero.
        let sum =
            |units: i64| Quantity::new(units).map_err(|_below_zero| Refusal::plain(Code::Internal));
        let facts = BalanceFacts {
            on_hand: sum(had + more)?,
            reserved: sum(owed + promised)?,
            ..after.clone()
        };
        ClosingRow::write(conn, vec![ClosingRow::of(key, &facts, day)])?;
    }
    Ok(())
}
