//! Counts in the ledger: the marks that they leave, and what they forbid from then on.

use super::{INSERT_CHUNK, Numbering, Posting, ensure_rows, lock_balances};
use crate::chain::records::lock_head;
use crate::command::CommandError;
use crate::db::schema::{stock_balance, stock_count_mark};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::LotId;
use crate::kernel::{Instant, Quantity, StoreCode};
use crate::on_each_backend;
use crate::stock::account::StockState;
use crate::stock::count_mark::{CountAnswer, CountMark, absorbed, answers};
use crate::stock::movement::{Movement, MovementKind, NewMovement, chain_of};
use crate::stock::posting::{When, keys_of};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_count_mark, treat_none_as_default_value = false)]
struct CountMarkRow {
    store_code: StoreCode,
    lot_id: LotId,
    state: StockState,
    document_id: String,
    document_number: String,
    counted: Quantity,
    counted_at: Instant,
    recorded_at: Instant,
}

impl From<CountMarkRow> for CountMark {
    fn from(row: CountMarkRow) -> Self {
        Self {
            store_code: row.store_code,
            lot_id: row.lot_id,
            state: row.state,
            document_id: row.document_id,
            document_number: row.document_number,
            counted: row.counted,
            counted_at: row.counted_at,
            recorded_at: row.recorded_at,
        }
    }
}

/// Locks the balances that some movements will touch, before several postings of one document:
/// all of them at once and in order, so that no other writer waits for one while we hold another.
///
/// # Errors
/// Failures of the database.
pub fn lock_for(
    conn: &mut DbConnection,
    lines: &[NewMovement],
    when: &When,
) -> Result<(), CommandError> {
    let (keys, transit_keys) = keys_of(lines)?;
    ensure_rows(conn, &keys, lines, when)?;
    lock_balances(conn, &keys, &transit_keys)?;
    Ok(())
}

/// The last movement of a store's chain, locked until the transaction ends; nothing but the audit
/// trail may be locked after it.
///
/// # Errors
/// When the database fails.
pub fn lock_chain(conn: &mut DbConnection, store: &StoreCode) -> Result<i64, DbError> {
    Ok(lock_head(conn, &chain_of(store))?.seq)
}

/// Marks lots as counted. Whatever happens from now on happens after the count: a posting that
/// waits for the locks of its balances, which the caller holds, finds the count's moment on them.
///
/// # Errors
/// When the database fails.
pub fn mark_counted(conn: &mut DbConnection, marks: Vec<CountMark>) -> Result<(), DbError> {
    for mark in &marks {
        let counted = (&mark.store_code, &mark.lot_id, mark.state);
        let after = mark.counted_at.next();
        diesel::update(
            stock_balance::table.find(counted).filter(stock_balance::last_occurred_at.lt(after)),
        )
        .set(stock_balance::last_occurred_at.eq(after))
        .execute(conn)?;
    }
    let mut rows = marks
        .into_iter()
        .map(|mark| CountMarkRow {
            store_code: mark.store_code,
            lot_id: mark.lot_id,
            state: mark.state,
            document_id: mark.document_id,
            document_number: mark.document_number,
            counted: mark.counted,
            counted_at: mark.counted_at,
            recorded_at: mark.recorded_at,
        })
        .peekable();
    while rows.peek().is_some() {
        let chunk: Vec<CountMarkRow> = rows.by_ref().take(INSERT_CHUNK).collect();
        on_each_backend!(conn, |c| diesel::insert_into(stock_count_mark::table)
            .values(chunk)
            .execute(c))?;
    }
    Ok(())
}

/// The marks that counts left on some lots at a store, in the order of time.
///
/// # Errors
/// When the database fails.
pub fn count_marks(
    conn: &mut DbConnection,
    store: &StoreCode,
    lots: &[LotId],
) -> Result<Vec<CountMark>, DbError> {
    let mut marks: Vec<CountMark> = Vec::new();
    for lots in lots.chunks(INSERT_CHUNK) {
        let rows: Vec<CountMarkRow> = stock_count_mark::table
            .filter(stock_count_mark::store_code.eq(store))
            .filter(stock_count_mark::lot_id.eq_any(lots))
            .select(CountMarkRow::as_select())
            .order((
                stock_count_mark::counted_at,
                stock_count_mark::document_id,
                stock_count_mark::lot_id,
                stock_count_mark::state,
            ))
            .load(conn)?;
        marks.extend(rows.into_iter().map(CountMark::from));
    }
    marks.sort_by(|a, b| (a.counted_at, &a.document_id).cmp(&(b.counted_at, &b.document_id)));
    Ok(marks)
}

/// What counts answer to a posting that is entered late; see [`answers`].
///
/// Its balances are locked first, so that no count can come between.
///
/// # Errors
/// Failures of the database.
pub(super) fn answers_of_counts(
    conn: &mut DbConnection,
    posting: &Posting,
    when: &When,
) -> Result<Vec<CountAnswer>, CommandError> {
    let is_count = posting.lines.iter().all(|line| line.kind == MovementKind::Count);
    if when.occurred_at >= when.now || is_count {
        return Ok(Vec::new());
    }
    if matches!(conn, DbConnection::Postgres(_)) {
        lock_for(conn, &posting.lines, when)?;
    }
    let stores: BTreeSet<&StoreCode> = posting.lines.iter().map(|line| &line.store_code).collect();
    let lots: BTreeSet<&LotId> = posting.lines.iter().map(|line| &line.lot_id).collect();
    let lots: Vec<LotId> = lots.into_iter().cloned().collect();
    let mut marks = Vec::new();
    for store in stores {
        marks.extend(count_marks(conn, store, &lots)?);
    }
    Ok(answers(&posting.lines, when.occurred_at, &marks))
}

/// The posting by which a count answers to another one.
pub(super) fn answer_as_posting(
    mark: &CountMark,
    lines: Vec<NewMovement>,
    to: &Posting,
) -> Option<Posting> {
    (!lines.is_empty()).then(|| Posting {
        document_kind: "stocktake".to_owned(),
        document_id: mark.document_id.clone(),
        numbering: Numbering::Given(mark.document_number.clone()),
        occurred_at: mark.counted_at,
        slip_number: None,
        after_the_fact: false,
        actor: to.actor.clone(),
        bound: None,
        lines,
    })
}

/// Refuses to take movements back that a later count has absorbed. Their balances must be locked,
/// or the count could still come between.
///
/// # Errors
/// `absorbed_by_count` with the count's number; failures of the database.
pub fn refuse_absorbed(
    conn: &mut DbConnection,
    movements: &[Movement],
) -> Result<(), CommandError> {
    let mut by_store: BTreeMap<&StoreCode, Vec<&Movement>> = BTreeMap::new();
    for movement in movements {
        by_store.entry(&movement.line.store_code).or_default().push(movement);
    }
    for (store, movements) in by_store {
        let mut lots: Vec<LotId> = movements.iter().map(|m| m.line.lot_id.clone()).collect();
        lots.sort_unstable();
        lots.dedup();
        let marks = count_marks(conn, store, &lots)?;
        for movement in movements {
            if let Some(mark) = marks.iter().find(|mark| mark.absorbs(movement)) {
                return Err(absorbed(movement, mark).into());
            }
        }
    }
    Ok(())
}
