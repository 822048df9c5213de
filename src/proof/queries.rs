//! What the book holds of the chains of a checkpoint.

use crate::chain::records::all_heads;
use crate::db::schema::{audit_entry, stock_movement};
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, StoreCode};
use crate::proof::checkpoint::{ChainHead, Checkpoint};
use crate::stock::verify::Report;
use diesel::prelude::*;
use std::collections::BTreeMap;

/// The checkpoint of the book as it stands.
///
/// # Errors
/// When the database fails.
pub fn checkpoint(conn: &mut DbConnection, made_at: Instant) -> Result<Checkpoint, DbError> {
    Ok(Checkpoint::of(all_heads(conn)?, made_at))
}

/// Holds the book against a checkpoint: every chain has at least the links of then, and the last of
/// them has the hash that it had. Where the chains hold together too, which the walk along them
/// shows, the history up to the checkpoint is the one of then.
///
/// # Errors
/// When the database fails.
pub fn compare(
    conn: &mut DbConnection,
    checkpoint: &Checkpoint,
    report: &mut Report,
) -> Result<(), DbError> {
    let heads: BTreeMap<String, i64> =
        all_heads(conn)?.into_iter().map(|head| (head.chain, head.seq)).collect();
    for then in checkpoint.chains.iter().filter(|head| head.seq > 0) {
        let place = format!("{} against the checkpoint", then.chain);
        let links = heads.get(&then.chain).copied().unwrap_or_default();
        if links < then.seq {
            report.differ(&place, format!("at least {} links", then.seq), format!("{links} links"));
        }
        match hash_at(conn, then)? {
            Some(hash) if hash == then.hash => {}
            Some(hash) => {
                let place = format!("{place}, up to link {}", then.seq);
                report.differ(place, format!("hash {}", then.hash), format!("hash {hash}"));
            }
            None => {
                let place = format!("{place}, link {}", then.seq);
                report.differ(place, format!("hash {}", then.hash), "no link");
            }
        }
    }
    Ok(())
}

fn hash_at(conn: &mut DbConnection, then: &ChainHead) -> Result<Option<String>, DbError> {
    // The name of a store's chain holds its code; every other chain is one of the audit trail.
    if let Some(store) = then.chain.strip_prefix("stock/") {
        let Ok(store) = StoreCode::new(store) else { return Ok(None) };
        return Ok(stock_movement::table
            .filter(stock_movement::store_code.eq(store))
            .filter(stock_movement::chain_seq.eq(then.seq))
            .select(stock_movement::hash)
            .first(conn)
            .optional()?);
    }
    Ok(audit_entry::table
        .filter(audit_entry::chain.eq(&then.chain))
        .filter(audit_entry::chain_seq.eq(then.seq))
        .select(audit_entry::hash)
        .first(conn)
        .optional()?)
}
