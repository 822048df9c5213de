//! What administrators send about users: every fault gathered.

use crate::access::Role;
use crate::access::records::User;
use crate::kernel::id::UserId;
use crate::kernel::patch::nullable;
use crate::kernel::{FaultCode, Faults, Instant, Quantity, Refusal, RegionCode, StoreCode, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new user.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserRequest {
    /// Unique name: lower-case letters, digits, `.`, `_` and `-`.
    #[schema(example = "keeper.depot")]
    pub name: String,
    /// The name that people know.
    #[schema(example = "李库管")]
    pub display_name: String,
    /// `keeper`, `procurement`, `commander`, `auditor` or `admin`.
    #[schema(example = "keeper")]
    pub role: String,
    /// Own stores of a keeper or procurement officer.
    #[serde(default)]
    pub stores: Vec<String>,
    /// Region of a commander.
    #[serde(default)]
    pub region_code: Option<String>,
    /// Base units per line that may move on a spoken authority (`emergency_release`).
    #[serde(default)]
    #[schema(minimum = 1)]
    pub emergency_release_limit: Option<i64>,
}

/// Changes to a user; absent fields stay as they are, `null` clears what may be empty.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// The name that people know.
    #[serde(default)]
    pub display_name: Option<String>,
    /// All own stores.
    #[serde(default)]
    pub stores: Option<Vec<String>>,
    /// Region of a commander.
    #[serde(default)]
    pub region_code: Option<String>,
    /// Base units per line that may move on a spoken authority.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub emergency_release_limit: Option<Option<i64>>,
    /// Whether the user may still act; a user who may not has no working token.
    #[serde(default)]
    pub active: Option<bool>,
}

/// A new token.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// What its owner calls it, e.g. the device that holds it.
    #[schema(example = "depot phone")]
    pub label: String,
    /// Days until it stops working; without it, until it is revoked.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub valid_days: Option<i64>,
}

impl UserRequest {
    /// The user and the own stores, as of the creation at `now`.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, now: Instant) -> Result<(User, Vec<StoreCode>), Refusal> {
        let mut faults = Faults::new();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        let valid = (1..=64).contains(&self.name.len()) && self.name.bytes().all(plain);
        let name =
            faults.keep("/name", valid.then(|| self.name.clone()).ok_or(FaultCode::InvalidFormat));
        let display_name = faults.keep("/display_name", Text::<64>::new(&self.display_name));
        let role = faults.keep("/role", Role::from_word(&self.role).ok_or(FaultCode::NotInList));
        let stores = stores(&mut faults, &self.stores);
        let region_code = region(&mut faults, self.region_code.as_deref());
        let limit = limit(&mut faults, self.emergency_release_limit);
        if let Some(role) = role {
            check_scope(&mut faults, role, &stores, region_code.as_ref());
        }
        let user = (|| {
            Some(User {
                id: UserId::generate(),
                name: name?,
                display_name: display_name?.into(),
                role: role?,
                region_code,
                emergency_release_limit: limit,
                active: true,
                version: 1,
                created_at: now,
            })
        })();
        faults.finish(user).map(|user| (user, stores))
    }
}

impl UserPatch {
    /// The user with these changes, under the next version.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn apply(
        &self,
        user: &User,
        own: Vec<StoreCode>,
    ) -> Result<(User, Vec<StoreCode>), Refusal> {
        let mut faults = Faults::new();
        let mut changed = User { version: user.version + 1, ..user.clone() };
        if let Some(name) = &self.display_name {
            let name = faults.keep("/display_name", Text::<64>::new(name));
            changed.display_name = name.map(String::from).unwrap_or_default();
        }
        let stores = match &self.stores {
            None => own,
            Some(given) => stores(&mut faults, given),
        };
        if self.region_code.is_some() {
            changed.region_code = region(&mut faults, self.region_code.as_deref());
        }
        if let Some(given) = self.emergency_release_limit {
            changed.emergency_release_limit = limit(&mut faults, given);
        }
        if let Some(active) = self.active {
            changed.active = active;
        }
        check_scope(&mut faults, changed.role, &stores, changed.region_code.as_ref());
        faults.finish(Some((changed, stores)))
    }
}

/// A scope goes with its role: stores with keepers and procurement, a region with commanders.
fn check_scope(faults: &mut Faults, role: Role, stores: &[StoreCode], region: Option<&RegionCode>) {
    let has_stores = matches!(role, Role::Keeper | Role::Procurement);
    if !has_stores && !stores.is_empty() {
        faults.add("/stores", FaultCode::Contradicts);
    }
    if role == Role::Commander && region.is_none() {
        faults.add("/region_code", FaultCode::Required);
    }
    if role != Role::Commander && region.is_some() {
        faults.add("/region_code", FaultCode::Contradicts);
    }
}

fn stores(faults: &mut Faults, given: &[String]) -> Vec<StoreCode> {
    let mut stores: Vec<StoreCode> = given
        .iter()
        .enumerate()
        .filter_map(|(at, code)| faults.keep(format!("/stores/{at}"), StoreCode::new(code)))
        .collect();
    stores.sort_unstable();
    stores.dedup();
    stores
}

fn region(faults: &mut Faults, given: Option<&str>) -> Option<RegionCode> {
    given.and_then(|code| faults.keep("/region_code", RegionCode::new(code)))
}

fn limit(faults: &mut Faults, given: Option<i64>) -> Option<Quantity> {
    let limit = Quantity::new(given?).ok().filter(|limit| !limit.is_zero());
    faults.keep("/emergency_release_limit", limit.ok_or(FaultCode::OutOfRange))
}
