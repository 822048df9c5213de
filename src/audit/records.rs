//! Writing and reading the audit trail; nothing updates or deletes it.

use crate::access::Scope;
use crate::audit::entry::{AuditEntry, NewEntry, Outcome, chain_of, hash_of};
use crate::chain::records::{lock_head, store_head};
use crate::db::held::{self, HeldRow};
use crate::db::schema::audit_entry;
use crate::db::{DbConnection, DbError};
use crate::insert_rows;
use crate::kernel::id::AuditId;
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, StoreCode};
use diesel::prelude::*;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entry, treat_none_as_default_value = false)]
struct Row {
    id: AuditId,
    chain: String,
    chain_seq: i64,
    recorded_at: Instant,
    actor: String,
    role: String,
    action: String,
    object_kind: Option<String>,
    object_id: Option<String>,
    store_code: Option<StoreCode>,
    outcome: Outcome,
    code: Option<String>,
    request_id: String,
    detail: String,
    previous_hash: String,
    hash: String,
}

impl From<Row> for AuditEntry {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            chain: row.chain,
            chain_seq: row.chain_seq,
            recorded_at: row.recorded_at,
            entry: NewEntry {
                actor: row.actor,
                role: row.role,
                action: row.action,
                object_kind: row.object_kind,
                object_id: row.object_id,
                store_code: row.store_code,
                outcome: row.outcome,
                code: row.code,
                request_id: row.request_id,
                detail: row.detail,
            },
            previous_hash: row.previous_hash,
            hash: row.hash,
        }
    }
}

impl HeldRow for Row {
    type Key = (String, i64);

    fn key(&self) -> (String, i64) {
        (self.chain.clone(), self.chain_seq)
    }

    fn write(conn: &mut DbConnection, rows: Vec<Self>) -> Result<(), DbError> {
        insert_rows!(conn, audit_entry, rows);
        Ok(())
    }
}

/// Appends an entry to its chain, whose head is locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn append(conn: &mut DbConnection, now: Instant, entry: NewEntry) -> Result<(), DbError> {
    let chain = chain_of(entry.store_code.as_ref());
    let head = lock_head(conn, &chain)?;
    let id = AuditId::generate();
    let chain_seq = head.seq + 1;
    let recorded_at = head.next_recorded_at(now);
    let hash = hash_of(&id, &chain, chain_seq, recorded_at, &entry, &head.hash);
    let row = Row {
        id,
        chain,
        chain_seq,
        recorded_at,
        actor: entry.actor,
        role: entry.role,
        action: entry.action,
        object_kind: entry.object_kind,
        object_id: entry.object_id,
        store_code: entry.store_code,
        outcome: entry.outcome,
        code: entry.code,
        request_id: entry.request_id,
        detail: entry.detail,
        previous_hash: head.hash.clone(),
        hash: hash.clone(),
    };
    held::write(conn, vec![row])?;
    store_head(conn, head.extended(hash, recorded_at))
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this user.
    pub actor: Option<String>,
    /// About this store.
    pub store: Option<StoreCode>,
    /// About objects of this kind.
    pub object_kind: Option<String>,
    /// About this object.
    pub object_id: Option<String>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// Recorded at or after.
    pub from: Option<Instant>,
    /// Recorded before.
    pub to: Option<Instant>,
}

/// Entries in the order in which they were recorded, after a place.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<(Instant, AuditId)>,
    size: PageSize,
) -> Result<Vec<AuditEntry>, DbError> {
    let mut query = audit_entry::table.select(Row::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(audit_entry::store_code.eq_any(stores));
    }
    if let Some(actor) = &filter.actor {
        query = query.filter(audit_entry::actor.eq(actor));
    }
    if let Some(store) = &filter.store {
        query = query.filter(audit_entry::store_code.eq(store));
    }
    if let Some(kind) = &filter.object_kind {
        query = query.filter(audit_entry::object_kind.eq(kind));
    }
    if let Some(id) = &filter.object_id {
        query = query.filter(audit_entry::object_id.eq(id));
    }
    if let Some(outcome) = filter.outcome {
        query = query.filter(audit_entry::outcome.eq(outcome));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_entry::recorded_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_entry::recorded_at.lt(to));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            audit_entry::recorded_at
                .gt(at)
                .or(audit_entry::recorded_at.eq(at).and(audit_entry::id.gt(id))),
        );
    }
    let rows: Vec<Row> =
        query.order((audit_entry::recorded_at, audit_entry::id)).limit(size.probe()).load(conn)?;
    Ok(rows.into_iter().map(AuditEntry::from).collect())
}

/// A run of one chain in its order, after a place: for the walk that checks it.
///
/// # Errors
/// When the database fails.
pub fn links(
    conn: &mut DbConnection,
    chain: &str,
    after_seq: i64,
    limit: i64,
) -> Result<Vec<AuditEntry>, DbError> {
    let rows: Vec<Row> = audit_entry::table
        .filter(audit_entry::chain.eq(chain))
        .filter(audit_entry::chain_seq.gt(after_seq))
        .select(Row::as_select())
        .order(audit_entry::chain_seq)
        .limit(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(AuditEntry::from).collect())
}

/// The names of all chains that have entries.
///
/// # Errors
/// When the database fails.
pub fn chains(conn: &mut DbConnection) -> Result<Vec<String>, DbError> {
    Ok(audit_entry::table
        .select(audit_entry::chain)
        .distinct()
        .order(audit_entry::chain)
        .load(conn)?)
}
