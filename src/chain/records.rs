//! The heads of the chains: locked last in every command, remembered only under the lock, and written
//! once before the transaction ends.

use crate::chain::Head;
use crate::db::memory::{self, Remembered};
use crate::db::schema::{chain_head, clock_acceptance, long_write};
use crate::db::{DbConnection, DbError};
use crate::kernel::Instant;
use crate::kernel::id::{ClockAcceptanceId, LongWriteId};
use crate::{insert_rows, load_locked, on_each_backend};
use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// The heads that a transaction holds locked, and which of them have still to be written.
#[derive(Debug, Default)]
struct Heads {
    held: HashMap<String, Head>,
    new: BTreeSet<String>,
}

impl Remembered for Heads {
    fn write_out(&mut self, conn: &mut DbConnection) -> Result<(), DbError> {
        let new = std::mem::take(&mut self.new);
        write_heads(conn, new.iter().filter_map(|chain| self.held.get(chain)))
    }
}

/// Locks a chain's head, made first where the chain is new.
///
/// # Errors
/// When the database fails.
pub fn lock_head(conn: &mut DbConnection, chain: &str) -> Result<Head, DbError> {
    let held = memory::recall(|heads: &mut Heads| heads.held.get(chain).cloned());
    if let Some(head) = held.flatten() {
        return Ok(head);
    }
    let head = read_head(conn, chain)?;
    memory::recall(|heads: &mut Heads| heads.held.insert(chain.to_owned(), head.clone()));
    Ok(head)
}

fn read_head(conn: &mut DbConnection, chain: &str) -> Result<Head, DbError> {
    let query = || {
        chain_head::table.find(chain).select((
            chain_head::chain,
            chain_head::seq,
            chain_head::hash,
            chain_head::recorded_at,
        ))
    };
    let mut rows: Vec<(String, i64, String, Instant)> =
        load_locked!(conn, query(), (String, i64, String, Instant))?;
    if rows.is_empty() {
        let first = (
            chain_head::chain.eq(chain),
            chain_head::seq.eq(0),
            chain_head::hash.eq(""),
            chain_head::recorded_at.eq(Instant::FIRST),
        );
        on_each_backend!(conn, |c| diesel::insert_into(chain_head::table)
            .values(first)
            .on_conflict_do_nothing()
            .execute(c))?;
        rows = load_locked!(conn, query(), (String, i64, String, Instant))?;
    }
    let Some((chain, seq, hash, recorded_at)) = rows.pop() else {
        return Err(DbError::Query(diesel::result::Error::NotFound));
    };
    Ok(Head { chain, seq, hash, recorded_at })
}

/// Stores a chain's new head: before the transaction ends, once for all links that it adds.
///
/// # Errors
/// When the database fails.
pub fn store_head(conn: &mut DbConnection, head: Head) -> Result<(), DbError> {
    let mut head = Some(head);
    memory::change(|heads: &mut Heads| {
        if let Some(head) = head.take() {
            heads.new.insert(head.chain.clone());
            heads.held.insert(head.chain.clone(), head);
        }
    });
    write_heads(conn, head.iter())
}

#[derive(Insertable)]
#[diesel(table_name = chain_head, treat_none_as_default_value = false)]
struct HeadRow {
    chain: String,
    seq: i64,
    hash: String,
    recorded_at: Instant,
}

impl From<&Head> for HeadRow {
    fn from(head: &Head) -> Self {
        Self {
            chain: head.chain.clone(),
            seq: head.seq,
            hash: head.hash.clone(),
            recorded_at: head.recorded_at,
        }
    }
}

fn write_heads<'a>(
    conn: &mut DbConnection,
    heads: impl Iterator<Item = &'a Head>,
) -> Result<(), DbError> {
    let rows: Vec<HeadRow> = heads.map(HeadRow::from).collect();
    insert_rows!(conn, chain_head, rows, on (chain) set (seq, hash, recorded_at));
    Ok(())
}

/// Every head, for the walk along the chains.
///
/// # Errors
/// When the database fails.
pub fn all_heads(conn: &mut DbConnection) -> Result<Vec<Head>, DbError> {
    memory::write_out(conn)?;
    let rows: Vec<(String, i64, String, Instant)> = chain_head::table
        .select((chain_head::chain, chain_head::seq, chain_head::hash, chain_head::recorded_at))
        .order(chain_head::chain)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(chain, seq, hash, recorded_at)| Head { chain, seq, hash, recorded_at })
        .collect())
}

/// The newest recorded time of any chain.
///
/// # Errors
/// When the database fails.
pub fn newest_record(conn: &mut DbConnection) -> Result<Instant, DbError> {
    memory::write_out(conn)?;
    let newest: Option<Instant> =
        chain_head::table.select(diesel::dsl::max(chain_head::recorded_at)).first(conn)?;
    Ok(newest.unwrap_or(Instant::FIRST))
}

/// A clock that someone accepted.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = clock_acceptance, treat_none_as_default_value = false)]
pub struct Acceptance {
    /// Its id.
    pub id: ClockAcceptanceId,
    /// The newest recorded time there was.
    pub recorded_head: Instant,
    /// What the clock showed.
    pub shown: Instant,
    /// Why it was accepted.
    pub reason: String,
    /// By whom.
    pub accepted_by: String,
}

/// Stores that a clock was accepted.
///
/// # Errors
/// When the database fails.
pub fn insert_acceptance(conn: &mut DbConnection, new: &Acceptance) -> Result<(), DbError> {
    diesel::insert_into(clock_acceptance::table).values(new.clone()).execute(conn)?;
    Ok(())
}

/// When clocks were accepted, the newest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn acceptances(conn: &mut DbConnection, limit: i64) -> Result<Vec<Acceptance>, DbError> {
    Ok(clock_acceptance::table
        .select(Acceptance::as_select())
        .order(clock_acceptance::id.desc())
        .limit(limit)
        .load(conn)?)
}

/// A write that may take longer than a command, as a whole file does: everything that it records bears
/// the time at which it began, and nobody sees any of it before it ends.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = long_write, treat_none_as_default_value = false)]
pub struct LongWrite {
    /// Its id.
    pub id: LongWriteId,
    /// What it records is no older than this.
    pub begun_at: Instant,
    /// It is given up by then.
    pub ends_by: Instant,
}

/// Tells everyone that a long write begins: in a transaction of its own, before that of the write.
///
/// # Errors
/// When the database fails.
pub fn announce(conn: &mut DbConnection, new: &LongWrite) -> Result<(), DbError> {
    // Those of processes that died.
    diesel::delete(long_write::table.filter(long_write::ends_by.lt(new.begun_at))).execute(conn)?;
    diesel::insert_into(long_write::table).values(new.clone()).execute(conn)?;
    Ok(())
}

/// Tells everyone that a long write has ended: in its own transaction, so that whoever sees it ended
/// sees what it wrote, or after that was given up.
///
/// # Errors
/// When the database fails.
pub fn withdraw(conn: &mut DbConnection, id: &LongWriteId) -> Result<(), DbError> {
    diesel::delete(long_write::table.find(id)).execute(conn)?;
    Ok(())
}

/// Since when something under way may still add to what was known; `None` where nothing is.
///
/// # Errors
/// When the database fails.
pub fn unsettled_since(conn: &mut DbConnection, now: Instant) -> Result<Option<Instant>, DbError> {
    Ok(long_write::table
        .filter(long_write::ends_by.ge(now))
        .select(diesel::dsl::min(long_write::begun_at))
        .first(conn)?)
}
