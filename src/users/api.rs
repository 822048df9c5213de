//! The REST face of users, tokens and the audit trail.

use crate::access::records::{list_users as users_after, stores_of, tokens_of, user_by_name};
use crate::access::token::Token;
use crate::access::{Permission, Role};
use crate::audit::Outcome;
use crate::audit::records::{Filter, list as entries};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::TokenId;
use crate::kernel::page::Page;
use crate::kernel::{Code, FaultCode, Faults, Instant, Refusal, StoreCode};
use crate::users::commands;
use crate::users::requests::{TokenRequest, UserPatch, UserRequest};
use crate::users::views::{AuditEntryView, MeView, NewTokenView, TokenList, TokenView, UserView};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of users, in the order of their names.
    UserPage, UserView
}
page_of! {
    /// A page of the audit trail, in the order in which it was recorded.
    AuditPage, AuditEntryView
}

/// Who am I
///
/// The caller's role, scope and permissions.
#[utoipa::path(tag = "users", operation_id = "get_me",
    responses((status = 200, description = "The caller", body = MeView)),
    extensions(("x-permission" = json!("self.read"))))]
#[get("/me")]
pub async fn get_me(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.read(Permission::ReadSelf, |_, _, actor| Ok(MeView::from(actor))).await
}

/// Which users to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Of this role.
    role: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List users
///
/// Pages through the users in the order of their names.
#[utoipa::path(tag = "users", operation_id = "list_users", params(UserQuery),
    responses((status = 200, description = "A page of users", body = UserPage)),
    extensions(("x-permission" = json!("users.manage"))))]
#[get("/users")]
pub async fn list_users(
    caller: Caller,
    Filters(query): Filters<UserQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let role = query
        .role
        .as_deref()
        .and_then(|word| faults.keep("/role", Role::from_word(word).ok_or(FaultCode::NotInList)));
    faults.check()?;
    caller
        .read(Permission::ManageUsers, move |conn, _, _| {
            let users = users_after(conn, role, after, size)?;
            let page = Page::from_probe(users, size, |user| user.name.clone());
            let mut rows = Vec::with_capacity(page.rows.len());
            for user in &page.rows {
                rows.push(UserView::new(user, stores_of(conn, &user.id)?));
            }
            Ok(UserPage { rows, next_cursor: page.next_cursor })
        })
        .await
}

/// Read a user
///
/// The user of a name, with the own stores.
#[utoipa::path(tag = "users", operation_id = "get_user",
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, description = "The user", body = UserView)),
    extensions(("x-permission" = json!("users.manage"))))]
#[get("/users/{name}")]
pub async fn get_user(caller: Caller, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ManageUsers, move |conn, _, _| {
            let user = user_by_name(conn, &name)?
                .ok_or_else(|| Refusal::not_found("用户", "user", &name))?;
            let stores = stores_of(conn, &user.id)?;
            Ok(Versioned(UserView::new(&user, stores), user.version))
        })
        .await
}

/// Create a user
///
/// The user can act as soon as a token is made.
#[utoipa::path(tag = "users", operation_id = "create_user", request_body = UserRequest,
    responses((status = 201, description = "The user", body = UserView)),
    extensions(("x-permission" = json!("users.manage"))))]
#[post("/users")]
pub async fn create_user(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::ManageUsers, Ok::<UserRequest, _>, commands::create_user).await
}

/// Change a user
///
/// The role never changes: another role is another user. One who is no longer active can do
/// nothing from this moment.
#[utoipa::path(tag = "users", operation_id = "change_user", request_body = UserPatch,
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, description = "The changed user", body = UserView)),
    extensions(("x-permission" = json!("users.manage"))))]
#[patch("/users/{name}")]
pub async fn change_user(
    caller: Caller,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ManageUsers, Ok::<UserPatch, _>, move |tx, patch| {
            commands::change_user(tx, &name, patch)
        })
        .await
}

/// List a user's tokens
///
/// All tokens, newest first, without their secrets.
#[utoipa::path(tag = "users", operation_id = "list_tokens",
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, description = "The tokens", body = TokenList)),
    extensions(("x-permission" = json!("users.manage"))))]
#[get("/users/{name}/tokens")]
pub async fn list_tokens(
    caller: Caller,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read(Permission::ManageUsers, move |conn, _, _| {
            let user = user_by_name(conn, &name)?
                .ok_or_else(|| Refusal::not_found("用户", "user", &name))?;
            let rows = tokens_of(conn, &user.id)?;
            Ok(TokenList { rows: rows.into_iter().map(TokenView::from).collect() })
        })
        .await
}

/// Make a token
///
/// The answer shows the secret once; the service keeps only its hash, and a repeated request
/// shows it no more.
#[utoipa::path(tag = "users", operation_id = "create_token", request_body = TokenRequest,
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 201, description = "The token with its secret", body = NewTokenView)),
    extensions(("x-permission" = json!("users.manage"))))]
#[post("/users/{name}/tokens")]
pub async fn create_token(
    caller: Caller,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let secret = Token::generate().map_err(|_none| Refusal::plain(Code::Internal))?;
    caller
        .command(Permission::ManageUsers, Ok::<TokenRequest, _>, move |tx, request| {
            commands::create_token(tx, &name, request, &secret)
        })
        .await
}

/// Nothing needs to be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Revoke a token
///
/// It stops working at once and for ever.
#[utoipa::path(tag = "users", operation_id = "revoke_token",
    params(("name" = String, Path, description = "The user's name"),
           ("token_id" = TokenId, Path, description = "The token's id")),
    responses((status = 200, description = "The revoked token", body = TokenView)),
    extensions(("x-permission" = json!("users.manage"))))]
#[delete("/users/{name}/tokens/{token_id}")]
pub async fn revoke_token(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ManageUsers, Ok::<Nothing, _>, move |tx, _| {
            let (name, token) = &*path;
            let id = TokenId::try_from(token.clone())
                .map_err(|_shape| Refusal::not_found("令牌", "token", token))?;
            commands::revoke_token(tx, name, &id)
        })
        .await
}

/// Which entries of the audit trail to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Of this user.
    actor: Option<String>,
    /// About this store.
    store: Option<String>,
    /// About objects of this kind, e.g. `dispatch`.
    object_kind: Option<String>,
    /// About this object.
    object_id: Option<String>,
    /// `done` or `refused`.
    outcome: Option<String>,
    /// Recorded at or after this instant.
    from: Option<String>,
    /// Recorded before this instant.
    to: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl AuditQuery {
    fn filter(&self, faults: &mut Faults) -> Filter {
        let mut instant = |pointer, text: &Option<String>| {
            let text = text.as_deref()?;
            faults.keep(pointer, Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant))
        };
        let (from, to) = (instant("/from", &self.from), instant("/to", &self.to));
        let store = self.store.as_deref().and_then(|s| faults.keep("/store", StoreCode::new(s)));
        let outcome = self.outcome.as_deref().and_then(|word| {
            faults.keep("/outcome", Outcome::from_word(word).ok_or(FaultCode::NotInList))
        });
        Filter {
            actor: self.actor.clone(),
            store,
            object_kind: self.object_kind.clone(),
            object_id: self.object_id.clone(),
            outcome,
            from,
            to,
        }
    }
}

/// Read the audit trail
///
/// Every command that was done or refused, in the order in which it was recorded.
#[utoipa::path(tag = "users", operation_id = "list_audit_entries", params(AuditQuery),
    responses((status = 200, description = "A page of entries", body = AuditPage)),
    extensions(("x-permission" = json!("audit.read"))))]
#[get("/audit")]
pub async fn list_audit_entries(
    caller: Caller,
    Filters(query): Filters<AuditQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = query.filter(&mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadAudit, move |conn, _, actor| {
            let rows = entries(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.recorded_at, row.id.clone()));
            Ok(AuditPage::from(page.map(AuditEntryView::from)))
        })
        .await
}

/// The operations on users, tokens and the audit trail.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_me)
        .service(list_users)
        .service(get_user)
        .service(create_user)
        .service(change_user)
        .service(list_tokens)
        .service(create_token)
        .service(revoke_token)
        .service(list_audit_entries);
}
