//! The heads of the chains: locked last in every command, never cached.

use crate::chain::Head;
use crate::db::schema::chain_head;
use crate::db::{DbConnection, DbError, SteadyWrite};
use crate::kernel::Instant;
use crate::{load_locked, on_each_backend};
use diesel::prelude::*;

/// Locks a chain's head, made first where the chain is new.
///
/// # Errors
/// When the database fails.
pub fn lock_head(conn: &mut DbConnection, chain: &str) -> Result<Head, DbError> {
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

/// Stores a chain's new head.
///
/// # Errors
/// When the database fails.
pub fn store_head(conn: &mut DbConnection, head: &Head) -> Result<(), DbError> {
    let update = diesel::update(chain_head::table.find(&head.chain)).set((
        chain_head::seq.eq(head.seq),
        chain_head::hash.eq(&head.hash),
        chain_head::recorded_at.eq(head.recorded_at),
    ));
    on_each_backend!(conn, |c| SteadyWrite(update).run(c))?;
    Ok(())
}

/// Every head, for the walk along the chains.
///
/// # Errors
/// When the database fails.
pub fn all_heads(conn: &mut DbConnection) -> Result<Vec<Head>, DbError> {
    let rows: Vec<(String, i64, String, Instant)> = chain_head::table
        .select((chain_head::chain, chain_head::seq, chain_head::hash, chain_head::recorded_at))
        .order(chain_head::chain)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(chain, seq, hash, recorded_at)| Head { chain, seq, hash, recorded_at })
        .collect())
}
