//! What the commands of a batch will ask for, read and locked at once: on PostgreSQL each question is a
//! journey, and a batch of receipts asks the same two for each of its lines.

use super::{BalanceRow, LotRow, MakersLotRow};
use crate::db::memory::{self, Remembered};
use crate::db::schema::{lot, makers_lot, stock_balance};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::LotId;
use crate::kernel::{ItemCode, LotNumber, StoreCode};
use crate::stock::lot::{LotWanted, MakersLot};
use crate::stock::posting::BalanceKey;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};
use std::collections::{BTreeMap, BTreeSet};

/// Item, number, maker and provenance: what tells a lot from others.
type LotKey = (ItemCode, LotNumber, String, String);

/// What was foreseen, and is locked until the transaction ends.
#[derive(Default)]
struct Foreseen {
    lots: BTreeMap<LotKey, (MakersLot, LotId)>,
    balances: BTreeMap<BalanceKey, BalanceRow>,
}

impl Remembered for Foreseen {
    /// Other commands may recall, correct, promise and move.
    fn settle(&mut self, _conn: &mut DbConnection) -> Result<(), DbError> {
        *self = Self::default();
        Ok(())
    }
}

/// Locks the lots that some receipts will name and what their stores hold of them; on SQLite, which is
/// asked for next to nothing, it changes nothing.
///
/// # Errors
/// When the database fails.
pub fn foresee(conn: &mut DbConnection, wanted: &BTreeSet<LotWanted>) -> Result<(), DbError> {
    let DbConnection::Postgres(conn) = conn else { return Ok(()) };
    if wanted.is_empty() {
        return Ok(());
    }
    let items: Vec<&str> = wanted.iter().map(|one| one.item.as_str()).collect();
    let numbers: Vec<&str> = wanted.iter().map(|one| one.number.as_str()).collect();
    let is_wanted =
        sql::<Bool>("(makers_lot.item_code, makers_lot.lot_number) IN (SELECT * FROM unnest(")
            .bind::<Array<Text>, _>(items)
            .sql(", ")
            .bind::<Array<Text>, _>(numbers)
            .sql("))");
    let rows: Vec<(MakersLotRow, LotRow)> = makers_lot::table
        .inner_join(lot::table)
        .filter(is_wanted)
        .select((MakersLotRow::as_select(), LotRow::as_select()))
        .order((makers_lot::item_code, makers_lot::lot_number, makers_lot::maker, lot::id))
        .for_no_key_update()
        .load(conn)?;
    let stores: BTreeSet<&StoreCode> = wanted.iter().map(|one| &one.store).collect();
    let lots: Vec<&LotId> = rows.iter().map(|(_, lot)| &lot.id).collect();
    let balances: Vec<BalanceRow> = stock_balance::table
        .filter(stock_balance::store_code.eq_any(stores))
        .filter(stock_balance::lot_id.eq_any(lots))
        .select(BalanceRow::as_select())
        .order((stock_balance::store_code, stock_balance::lot_id, stock_balance::state))
        .for_no_key_update()
        .load(conn)?;
    memory::recall(|foreseen: &mut Foreseen| {
        foreseen.balances.extend(balances.into_iter().map(|row| (row.key(), row)));
        foreseen.lots.extend(rows.into_iter().map(|(makers, lot)| {
            let key = (
                makers.item_code.clone(),
                makers.lot_number.clone(),
                makers.maker.clone(),
                lot.provenance_key,
            );
            (key, (MakersLot::from(makers), lot.id))
        }));
    });
    Ok(())
}

/// A lot that was foreseen.
pub(super) fn lot_foreseen(
    item: &ItemCode,
    number: &LotNumber,
    maker: &str,
    provenance: &str,
) -> Option<(MakersLot, LotId)> {
    memory::recall(|foreseen: &mut Foreseen| {
        if foreseen.lots.is_empty() {
            return None;
        }
        let key = (item.clone(), number.clone(), maker.to_owned(), provenance.to_owned());
        foreseen.lots.get(&key).cloned()
    })
    .flatten()
}

/// A balance that was foreseen.
pub(super) fn balance_foreseen(key: &BalanceKey) -> Option<BalanceRow> {
    memory::recall(|foreseen: &mut Foreseen| foreseen.balances.get(key).cloned()).flatten()
}

/// Remembers what foreseen balances have become.
pub(super) fn balances_became(rows: &[BalanceRow]) {
    memory::recall(|foreseen: &mut Foreseen| {
        for row in rows {
            if let Some(known) = foreseen.balances.get_mut(&row.key()) {
                *known = row.clone();
            }
        }
    });
}
