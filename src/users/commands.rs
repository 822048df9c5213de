//! Creating and changing users and their tokens.

use crate::access::records::{self, TokenRow, User};
use crate::access::token::Token;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::TokenId;
use crate::kernel::{Code, FaultCode, Faults, Refusal, StoreCode, Text};
use crate::users::requests::{TokenRequest, UserPatch, UserRequest};
use crate::users::views::{NewTokenView, TokenView, UserView};

/// Creates a user, who has no token yet.
///
/// # Errors
/// `validation_failed` with every fault, `already_exists` when the name is taken.
pub fn create_user(tx: &mut Tx<'_>, request: &UserRequest) -> Result<Done, CommandError> {
    let (user, stores) = request.parse(tx.now)?;
    if records::user_by_name(tx.conn, &user.name)?.is_some() {
        return Err(Refusal::new(
            Code::AlreadyExists,
            format!("用户 {} 已存在", user.name),
            format!("The user {} exists already", user.name),
        )
        .into());
    }
    check_stores(tx, &stores)?;
    records::insert_user(tx.conn, &user, &stores)?;
    let located = format!("/users/{}", user.name);
    Ok(Done::created(subject(&user), &UserView::new(&user, stores))
        .version(user.version)
        .located(located))
}

/// Changes a user; one who is no longer active can do nothing from this moment.
///
/// # Errors
/// `not_found`, `stale_version`, `validation_failed` with every fault.
pub fn change_user(tx: &mut Tx<'_>, name: &str, patch: &UserPatch) -> Result<Done, CommandError> {
    let user = named(tx, name)?;
    tx.expect_version(user.version)?;
    let own = records::stores_of(tx.conn, &user.id)?;
    let (changed, stores) = patch.apply(&user, own.clone())?;
    check_stores(tx, &stores)?;
    records::update_user(tx.conn, &changed, &stores)?;
    Ok(Done::ok(subject(&changed), &UserView::new(&changed, stores))
        .version(changed.version)
        .replacing(&UserView::new(&user, own)))
}

/// Makes a token for a user and shows it this once.
///
/// The answer is kept under the idempotency key without the secret, so a repeated request shows
/// the token's id but not the token.
///
/// # Errors
/// `not_found`, `validation_failed`.
pub fn create_token(
    tx: &mut Tx<'_>,
    name: &str,
    request: &TokenRequest,
    secret: &Token,
) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let label = faults.keep("/label", Text::<64>::new(&request.label));
    if request.valid_days.is_some_and(|days| !(1..=3_650).contains(&days)) {
        faults.add("/valid_days", FaultCode::OutOfRange);
    }
    let label: String = faults.finish(label)?.into();
    let user = named(tx, name)?;
    let row = TokenRow {
        id: TokenId::generate(),
        user_id: user.id.clone(),
        hash: secret.hash(),
        label,
        created_at: tx.now,
        expires_at: request.valid_days.map(|days| tx.now.plus_days(days)),
        revoked_at: None,
    };
    records::insert_token(tx.conn, &row)?;
    let view = NewTokenView {
        id: row.id,
        label: row.label,
        token: secret.reveal().to_owned(),
        expires_at: row.expires_at,
    };
    let kept = NewTokenView { token: String::new(), ..view.clone() };
    Ok(Done::created(subject(&user), &view).keeping(&kept))
}

/// Revokes a token.
///
/// # Errors
/// `not_found` when the user has no such working token.
pub fn revoke_token(tx: &mut Tx<'_>, name: &str, token: &TokenId) -> Result<Done, CommandError> {
    let user = named(tx, name)?;
    if !records::revoke_token(tx.conn, &user.id, token, tx.now)? {
        return Err(Refusal::not_found("令牌", "token", token.as_str()).into());
    }
    let rows = records::tokens_of(tx.conn, &user.id)?;
    let revoked = rows
        .into_iter()
        .find(|row| row.id == *token)
        .ok_or_else(|| Refusal::not_found("令牌", "token", token.as_str()))?;
    Ok(Done::ok(subject(&user), &TokenView::from(revoked)))
}

fn named(tx: &mut Tx<'_>, name: &str) -> Result<User, CommandError> {
    Ok(records::user_by_name(tx.conn, name)?
        .ok_or_else(|| Refusal::not_found("用户", "user", name))?)
}

fn check_stores(tx: &mut Tx<'_>, stores: &[StoreCode]) -> Result<(), CommandError> {
    let known = records::known_stores(tx.conn, stores)?;
    let mut faults = Faults::new();
    for (at, code) in stores.iter().enumerate() {
        if !known.contains(code) {
            faults.add(format!("/stores/{at}"), FaultCode::Unknown);
        }
    }
    Ok(faults.check()?)
}

fn subject(user: &User) -> Subject {
    Subject { kind: "user", id: user.name.clone(), store: None }
}
