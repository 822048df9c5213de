//! An entry of the audit trail and the hash that ties it to the one before.

use crate::kernel::hash::FieldHasher;
use crate::kernel::id::AuditId;
use crate::kernel::{Instant, StoreCode};
use crate::word_enum;

word_enum! {
    /// How a command ended.
    pub enum Outcome {
        /// It took effect, in the same transaction as its entry.
        Done = "done",
        /// It was refused and left no trace but its entry.
        Refused = "refused",
    }
}

/// What is to be recorded of a command.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The user's name.
    pub actor: String,
    /// The user's role.
    pub role: String,
    /// The permission that the command needed.
    pub action: String,
    /// What it acted on, e.g. `dispatch`.
    pub object_kind: Option<String>,
    /// The object's id or code.
    pub object_id: Option<String>,
    /// The store it concerns, whose chain the entry stands in; the county's chain without one.
    pub store_code: Option<StoreCode>,
    /// How it ended.
    pub outcome: Outcome,
    /// The code of the refusal.
    pub code: Option<String>,
    /// The request, as the log knows it.
    pub request_id: String,
    /// What was asked, and what stood before, as JSON.
    pub detail: String,
}

/// An entry as recorded.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// The entry's id.
    pub id: AuditId,
    /// Its chain.
    pub chain: String,
    /// Its place in the chain, from 1.
    pub chain_seq: i64,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// What was recorded.
    pub entry: NewEntry,
    /// The hash of the entry before it.
    pub previous_hash: String,
    /// Its own hash.
    pub hash: String,
}

/// The chain in which an entry stands.
pub fn chain_of(store: Option<&StoreCode>) -> String {
    store.map_or_else(|| "audit/county".to_owned(), |code| format!("audit/store/{code}"))
}

/// The hash of an entry: every field and the hash before it.
pub fn hash_of(
    id: &AuditId,
    chain: &str,
    chain_seq: i64,
    recorded_at: Instant,
    entry: &NewEntry,
    previous_hash: &str,
) -> String {
    FieldHasher::new()
        .field(previous_hash)
        .field(id.as_str())
        .field(chain)
        .number(chain_seq)
        .number(recorded_at.micros())
        .field(&entry.actor)
        .field(&entry.role)
        .field(&entry.action)
        .optional(entry.object_kind.as_ref())
        .optional(entry.object_id.as_ref())
        .optional(entry.store_code.as_ref().map(StoreCode::as_str))
        .field(entry.outcome.as_str())
        .optional(entry.code.as_ref())
        .field(&entry.request_id)
        .field(&entry.detail)
        .finish()
}
