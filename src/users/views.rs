//! What clients see of users, tokens and the audit trail.

use crate::access::records::{TokenRow, User};
use crate::access::{Actor, Permission, Role};
use crate::audit::{AuditEntry, Outcome};
use crate::kernel::id::{AuditId, TokenId};
use crate::kernel::{Instant, Quantity, RegionCode, StoreCode};
use serde::Serialize;
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserView {
    /// Unique name.
    pub name: String,
    /// The name that people know.
    pub display_name: String,
    /// The user's role.
    pub role: Role,
    /// Own stores of a keeper or procurement officer.
    pub stores: Vec<StoreCode>,
    /// Region of a commander.
    pub region_code: Option<RegionCode>,
    /// Base units per line that may move on a spoken authority.
    pub emergency_release_limit: Option<Quantity>,
    /// Whether the user may still act.
    pub active: bool,
    /// When the user was created.
    pub created_at: Instant,
}

impl UserView {
    /// The view of a user with the own stores.
    pub fn new(user: &User, stores: Vec<StoreCode>) -> Self {
        Self {
            name: user.name.clone(),
            display_name: user.display_name.clone(),
            role: user.role,
            stores,
            region_code: user.region_code.clone(),
            emergency_release_limit: user.emergency_release_limit,
            active: user.active,
            created_at: user.created_at,
        }
    }
}

/// Who calls, and what that user may do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MeView {
    /// Unique name.
    pub name: String,
    /// The user's role.
    pub role: Role,
    /// The stores in scope; `null` where every store is.
    pub stores: Option<Vec<StoreCode>>,
    /// Region of a commander.
    pub region_code: Option<RegionCode>,
    /// What the user may do in scope.
    pub permissions: Vec<Permission>,
    /// Base units per line that may move on a spoken authority.
    pub emergency_release_limit: Option<Quantity>,
}

impl From<&Actor> for MeView {
    fn from(actor: &Actor) -> Self {
        Self {
            name: actor.name.clone(),
            role: actor.role,
            stores: actor.scope.stores(),
            region_code: actor.region.clone(),
            permissions: Permission::ALL.iter().copied().filter(|p| actor.may(*p)).collect(),
            emergency_release_limit: actor.emergency_release_limit,
        }
    }
}

/// A token, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenView {
    /// The token's id.
    pub id: TokenId,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created_at: Instant,
    /// When it stops working.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

impl From<TokenRow> for TokenView {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// All tokens of a user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenList {
    /// The tokens, newest first.
    pub rows: Vec<TokenView>,
}

/// A new token with its secret, which is shown this once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewTokenView {
    /// The token's id.
    pub id: TokenId,
    /// What its owner calls it.
    pub label: String,
    /// The secret, for the `Authorization: Bearer` header.
    pub token: String,
    /// When it stops working.
    pub expires_at: Option<Instant>,
}

/// An entry of the audit trail.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditEntryView {
    /// The entry's id.
    pub id: AuditId,
    /// Its chain.
    pub chain: String,
    /// Its place in the chain, from 1.
    pub chain_seq: i64,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// The user's name.
    pub actor: String,
    /// The user's role.
    pub role: String,
    /// The permission that the command needed.
    pub action: String,
    /// What it acted on.
    pub object_kind: Option<String>,
    /// The object's id or code.
    pub object_id: Option<String>,
    /// The store it concerns.
    pub store_code: Option<StoreCode>,
    /// How it ended.
    pub outcome: Outcome,
    /// The code of the refusal.
    pub code: Option<String>,
    /// The request, as the service's log knows it.
    pub request_id: String,
    /// What was asked, and what stood before.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// The entry's link in its chain.
    pub hash: String,
}

impl From<AuditEntry> for AuditEntryView {
    fn from(recorded: AuditEntry) -> Self {
        let entry = recorded.entry;
        Self {
            id: recorded.id,
            chain: recorded.chain,
            chain_seq: recorded.chain_seq,
            recorded_at: recorded.recorded_at,
            actor: entry.actor,
            role: entry.role,
            action: entry.action,
            object_kind: entry.object_kind,
            object_id: entry.object_id,
            store_code: entry.store_code,
            outcome: entry.outcome,
            code: entry.code,
            request_id: entry.request_id,
            detail: serde_json::from_str(&entry.detail).unwrap_or(serde_json::Value::Null),
            hash: recorded.hash,
        }
    }
}
