//! Users, their stores and their tokens.

use crate::access::roles::{Actor, Role, Scope};
use crate::db::schema::{api_token, app_user, app_user_store, store};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{TokenId, UserId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, Quantity, RegionCode, StoreCode};
use crate::{on_each_backend, steady};
use diesel::prelude::*;
use std::collections::BTreeSet;

/// A user as stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = app_user)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// Unique name, shown in the ledger and the audit trail.
    pub name: String,
    /// The name that people know.
    pub display_name: String,
    /// The user's role.
    pub role: Role,
    /// A commander's region.
    pub region_code: Option<RegionCode>,
    /// Base units per line that may move on a spoken authority.
    pub emergency_release_limit: Option<Quantity>,
    /// Whether the user may still act.
    pub active: bool,
    /// Counts the changes.
    pub version: i64,
    /// When the user was created.
    pub created_at: Instant,
}

/// A token as stored; the token itself is not.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_token)]
pub struct TokenRow {
    /// The token's id.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// SHA-256 of the token.
    pub hash: String,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created_at: Instant,
    /// When it stops working.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

/// The user to whom a token's hash belongs, if both may still act at `now`.
///
/// # Errors
/// When the database fails.
pub fn actor_by_token(
    conn: &mut DbConnection,
    hash: &str,
    now: Instant,
) -> Result<Option<Actor>, DbError> {
    // The user with each of their stores: one question for all but commanders.
    let rows: Vec<(User, Option<StoreCode>)> = on_each_backend!(conn, |c| steady!(
        api_token::table
            .inner_join(app_user::table.left_join(app_user_store::table))
            .filter(api_token::hash.eq(hash))
            .filter(api_token::revoked_at.is_null())
            .filter(api_token::expires_at.is_null().or(api_token::expires_at.gt(now)))
            .filter(app_user::active.eq(true))
            .select((User::as_select(), app_user_store::store_code.nullable()))
            .order(app_user_store::store_code)
    )
    .load(c))?;
    let Some(user) = rows.first().map(|(user, _)| user.clone()) else { return Ok(None) };
    let stores = rows.into_iter().filter_map(|(_, store)| store).collect();
    to_actor(conn, user, stores).map(Some)
}

/// The active user of a name, as an actor: for the command line, which acts for its operator.
///
/// # Errors
/// When the database fails.
pub fn actor_by_name(conn: &mut DbConnection, name: &str) -> Result<Option<Actor>, DbError> {
    match user_by_name(conn, name)? {
        Some(user) if user.active => {
            let stores = stores_of(conn, &user.id)?.into_iter().collect();
            to_actor(conn, user, stores).map(Some)
        }
        Some(_) | None => Ok(None),
    }
}

fn to_actor(
    conn: &mut DbConnection,
    user: User,
    own_stores: BTreeSet<StoreCode>,
) -> Result<Actor, DbError> {
    let scope = match user.role {
        Role::Auditor | Role::Admin => Scope::All,
        Role::Keeper | Role::Procurement => Scope::Stores(own_stores),
        Role::Commander => {
            let region = user.region_code.as_ref().map_or("-", RegionCode::as_str);
            let stores: Vec<StoreCode> = store::table
                .filter(store::region_code.like(format!("{region}%")))
                .select(store::code)
                .order(store::code)
                .load(conn)?;
            Scope::Stores(stores.into_iter().collect())
        }
    };
    Ok(Actor {
        user_id: user.id,
        name: user.name,
        role: user.role,
        scope,
        region: user.region_code,
        emergency_release_limit: user.emergency_release_limit,
    })
}

/// The user of a name.
///
/// # Errors
/// When the database fails.
pub fn user_by_name(conn: &mut DbConnection, name: &str) -> Result<Option<User>, DbError> {
    Ok(app_user::table
        .filter(app_user::name.eq(name))
        .select(User::as_select())
        .first(conn)
        .optional()?)
}

/// The own stores of a user, in the order of their codes.
///
/// # Errors
/// When the database fails.
pub fn stores_of(conn: &mut DbConnection, user: &UserId) -> Result<Vec<StoreCode>, DbError> {
    Ok(app_user_store::table
        .filter(app_user_store::user_id.eq(user))
        .select(app_user_store::store_code)
        .order(app_user_store::store_code)
        .load(conn)?)
}

/// Users in the order of their names, after one.
///
/// # Errors
/// When the database fails.
pub fn list_users(
    conn: &mut DbConnection,
    role: Option<Role>,
    after: Option<String>,
    size: PageSize,
) -> Result<Vec<User>, DbError> {
    let mut query = app_user::table.select(User::as_select()).into_boxed();
    if let Some(role) = role {
        query = query.filter(app_user::role.eq(role));
    }
    if let Some(after) = after {
        query = query.filter(app_user::name.gt(after));
    }
    Ok(query.order(app_user::name).limit(size.probe()).load(conn)?)
}

/// Stores a new user and their stores.
///
/// # Errors
/// When the database fails.
pub fn insert_user(
    conn: &mut DbConnection,
    user: &User,
    stores: &[StoreCode],
) -> Result<(), DbError> {
    diesel::insert_into(app_user::table).values(user.clone()).execute(conn)?;
    insert_stores(conn, &user.id, stores)
}

/// Stores the changed user under the next version.
///
/// # Errors
/// When the database fails.
pub fn update_user(
    conn: &mut DbConnection,
    user: &User,
    stores: &[StoreCode],
) -> Result<(), DbError> {
    diesel::update(app_user::table.find(&user.id))
        .set((
            app_user::display_name.eq(&user.display_name),
            app_user::role.eq(user.role),
            app_user::region_code.eq(&user.region_code),
            app_user::emergency_release_limit.eq(user.emergency_release_limit),
            app_user::active.eq(user.active),
            app_user::version.eq(user.version),
        ))
        .execute(conn)?;
    diesel::delete(app_user_store::table.filter(app_user_store::user_id.eq(&user.id)))
        .execute(conn)?;
    insert_stores(conn, &user.id, stores)
}

fn insert_stores(
    conn: &mut DbConnection,
    user: &UserId,
    stores: &[StoreCode],
) -> Result<(), DbError> {
    for code in stores {
        diesel::insert_into(app_user_store::table)
            .values((app_user_store::user_id.eq(user), app_user_store::store_code.eq(code)))
            .execute(conn)?;
    }
    Ok(())
}

/// Stores the hash of a new token.
///
/// # Errors
/// When the database fails.
pub fn insert_token(conn: &mut DbConnection, token: &TokenRow) -> Result<(), DbError> {
    diesel::insert_into(api_token::table).values(token.clone()).execute(conn)?;
    Ok(())
}

/// The newest thousand tokens of a user.
///
/// # Errors
/// When the database fails.
pub fn tokens_of(conn: &mut DbConnection, user: &UserId) -> Result<Vec<TokenRow>, DbError> {
    Ok(api_token::table
        .filter(api_token::user_id.eq(user))
        .select(TokenRow::as_select())
        .order(api_token::id.desc())
        .limit(PageSize::MAX)
        .load(conn)?)
}

/// Revokes a token of a user; whether there was one that still worked.
///
/// # Errors
/// When the database fails.
pub fn revoke_token(
    conn: &mut DbConnection,
    user: &UserId,
    token: &TokenId,
    at: Instant,
) -> Result<bool, DbError> {
    let changed = diesel::update(
        api_token::table
            .find(token)
            .filter(api_token::user_id.eq(user))
            .filter(api_token::revoked_at.is_null()),
    )
    .set(api_token::revoked_at.eq(Some(at)))
    .execute(conn)?;
    Ok(changed > 0)
}

/// Which of these stores exist.
///
/// # Errors
/// When the database fails.
pub fn known_stores(
    conn: &mut DbConnection,
    codes: &[StoreCode],
) -> Result<Vec<StoreCode>, DbError> {
    Ok(store::table
        .filter(store::code.eq_any(codes))
        .select(store::code)
        .order(store::code)
        .load(conn)?)
}
