//! The runner of every command: permission, idempotency, the body, the audit entry, one
//! transaction.
//!
//! A refused command leaves no trace but its audit entry, written in a transaction of its own;
//! its answer is not kept under the idempotency key, because the facts may change.

use crate::access::{Actor, Permission};
use crate::app::App;
use crate::audit::entry::NewEntry;
use crate::audit::{self, Outcome};
use crate::config::Settings;
use crate::db::memory;
use crate::db::{DbConnection, DbError, MayConflict, Panicked};
use crate::idempotency::records::{Claim, claim, keep};
use crate::idempotency::{KeptAnswer, KeyedRequest};
use crate::kernel::{Code, Instant, Refusal, StoreCode};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Why a command has no effect: the world says no, or we failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The service says no, for a reason that the caller is told.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] DbError),
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<diesel::result::Error> for CommandError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(DbError::from(error))
    }
}

impl MayConflict for CommandError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Failed(error) => error.is_conflict(),
        }
    }
}

/// The version that a client believes to be current (`If-Match`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever stands there.
    Any,
    /// This version.
    Version(i64),
    /// A tag that no version of ours has.
    Never,
}

impl IfMatch {
    /// Reads `If-Match`: `*`, or one strong tag of ours such as `"v3"`.
    pub fn parse(value: &str) -> Self {
        if value.trim() == "*" {
            return Self::Any;
        }
        value
            .trim()
            .strip_prefix("\"v")
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|digits| digits.parse().ok())
            .map_or(Self::Never, Self::Version)
    }
}

/// Who calls, with what right, and how the call can be recognised when it is repeated.
#[derive(Debug, Clone)]
pub struct Call {
    /// The user.
    pub actor: Actor,
    /// The right that the command needs.
    pub permission: Permission,
    /// The idempotency key; `None` only for callers inside the service, which repeat nothing.
    pub keyed: Option<KeyedRequest>,
    /// The version that the client believes to be current.
    pub if_match: Option<IfMatch>,
    /// The request, as the log knows it.
    pub request_id: String,
    /// What was asked, as the client wrote it, for the audit trail.
    pub asked: Box<RawValue>,
    /// When the command's rows are written.
    pub rows: Rows,
}

/// When the rows that a command makes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rows {
    /// As they are made, after those of the commands before it.
    #[default]
    AtOnce,
    /// Together with those of other commands of the transaction: for a command that asks for none of
    /// them, or [settles](memory::settle) before it does.
    Together,
}

/// What was asked by somebody inside the service, as a [`Call`] tells it.
pub fn asking(asked: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(asked).unwrap_or_else(|_never| RawValue::NULL.to_owned())
}

impl Call {
    /// A call by the service's own command line or demonstration, which is never repeated.
    pub fn internal(actor: Actor, permission: Permission, request_id: impl Into<String>) -> Self {
        Self {
            actor,
            permission,
            keyed: None,
            if_match: Some(IfMatch::Any),
            request_id: request_id.into(),
            asked: RawValue::NULL.to_owned(),
            rows: Rows::AtOnce,
        }
    }
}

/// What a command works with: its transaction, its caller, the time and the settings.
pub struct Tx<'a> {
    /// The transaction.
    pub conn: &'a mut DbConnection,
    /// The caller.
    pub actor: &'a Actor,
    /// The service's time when the transaction began.
    pub now: Instant,
    /// What the county decided.
    pub settings: &'a Settings,
    if_match: Option<IfMatch>,
    is_internal: bool,
}

impl Tx<'_> {
    /// Whether the call comes from inside the service: its command line or its demonstration.
    pub const fn is_internal(&self) -> bool {
        self.is_internal
    }

    /// Requires the client to have seen the current version of what it changes.
    ///
    /// # Errors
    /// `precondition_required` without `If-Match`, `stale_version` when it names another.
    pub fn expect_version(&self, current: i64) -> Result<(), Refusal> {
        match self.if_match {
            None => Err(Refusal::plain(Code::PreconditionRequired)),
            Some(IfMatch::Any) => Ok(()),
            Some(IfMatch::Version(version)) if version == current => Ok(()),
            Some(IfMatch::Version(_) | IfMatch::Never) => Err(Refusal::new(
                Code::StaleVersion,
                format!("当前版本为 v{current}，请重新读取后再操作"),
                format!("The current version is v{current}: read it again before you act"),
            )
            .with("current", entity_tag(current))),
        }
    }
}

/// The strong entity tag of a version.
pub fn entity_tag(version: i64) -> String {
    format!("\"v{version}\"")
}

/// What a command acted on, for its audit entry.
#[derive(Debug, Clone)]
pub struct Subject {
    /// E.g. `dispatch`.
    pub kind: &'static str,
    /// Its id or code.
    pub id: String,
    /// The store whose chain the audit entry stands in.
    pub store: Option<StoreCode>,
}

/// What a command answers when it took effect.
#[derive(Debug, Clone)]
pub struct Done {
    /// The answer, as it is given and kept.
    pub answer: KeptAnswer,
    /// Whether it is an earlier answer given again.
    pub replayed: bool,
    kept_body: Option<String>,
    subject: Option<Subject>,
    before: Option<serde_json::Value>,
}

impl Done {
    /// 201: something new stands there.
    pub fn created(subject: Subject, view: &impl Serialize) -> Self {
        Self::with_status(201, subject, view)
    }

    /// 200: it is done.
    pub fn ok(subject: Subject, view: &impl Serialize) -> Self {
        Self::with_status(200, subject, view)
    }

    fn with_status(status: u16, subject: Subject, view: &impl Serialize) -> Self {
        // Views are plain structs of strings and numbers, which always have a JSON form.
        let body = serde_json::to_string(view).unwrap_or_else(|_never| "null".to_owned());
        Self {
            answer: KeptAnswer { status, body, etag: None, location: None },
            replayed: false,
            kept_body: None,
            subject: Some(subject),
            before: None,
        }
    }

    /// What the command acted on; `None` for an earlier answer given again.
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// The same, but a repeated request is given another body: for secrets, shown only once.
    #[must_use]
    pub fn keeping(mut self, view: &impl Serialize) -> Self {
        self.kept_body = serde_json::to_string(view).ok();
        self
    }

    /// The same with the version of what stands there now.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.answer.etag = Some(entity_tag(version));
        self
    }

    /// The same with the address of what was made, below `/api/v1`.
    #[must_use]
    pub fn located(mut self, path: String) -> Self {
        self.answer.location = Some(format!("/api/v1{path}"));
        self
    }

    /// The same with what stood there before, for the audit trail.
    #[must_use]
    pub fn replacing(mut self, before: &impl Serialize) -> Self {
        self.before = serde_json::to_value(before).ok();
        self
    }
}

/// Runs a command: permission, then idempotency, the body and the audit entry in one transaction.
///
/// # Errors
/// [`CommandError::Refused`] when the caller may not, the key was used otherwise, or the body
/// refuses; [`CommandError::Failed`] when the database fails. Nothing is stored then but the audit
/// entry of a refusal.
pub fn run(
    app: &App,
    call: Call,
    body: impl Fn(&mut Tx<'_>) -> Result<Done, CommandError> + Send + 'static,
) -> Result<Done, CommandError> {
    let call = Arc::new(call);
    let outcome = app.db.write(in_transaction(app, &call, body));
    if let Err(CommandError::Refused(refusal)) = &outcome {
        record_refusal(app, &call, refusal)?;
    }
    outcome
}

/// [`run`] for a caller whose thread serves others meanwhile.
///
/// # Errors
/// [`Panicked`] where `body` did; those of [`run`].
pub async fn run_soon(
    app: &App,
    call: Call,
    body: impl Fn(&mut Tx<'_>) -> Result<Done, CommandError> + Send + 'static,
) -> Result<Result<Done, CommandError>, Panicked> {
    let call = Arc::new(call);
    let outcome = app.db.write_soon(in_transaction(app, &call, body)).await?;
    if let Err(CommandError::Refused(refusal)) = &outcome
        && let Err(failed) = record_refusal_soon(app, &call, refusal).await?
    {
        return Ok(Err(failed.into()));
    }
    Ok(outcome)
}

/// What a command does between the beginning of its transaction and the commit.
fn in_transaction(
    app: &App,
    call: &Arc<Call>,
    body: impl Fn(&mut Tx<'_>) -> Result<Done, CommandError> + Send + 'static,
) -> impl Fn(&mut DbConnection) -> Result<Done, CommandError> + Send + 'static {
    let (app, call) = (app.clone(), call.clone());
    move |conn| {
        let begun = app.clock.now();
        if call.permission != Permission::AcceptClock {
            app.clock_watch.check(&*app.clock)?;
        }
        let done = within(conn, &app.settings, begun, &call, &body)?;
        // What was known at a time is told a while later; nothing may add to it after that.
        let latest = begun.plus_seconds(app.settings.command_seconds);
        if app.clock.now() > latest && call.keyed.is_some() {
            return Err(DbError::Busy("the command took too long".to_owned()).into());
        }
        Ok(done)
    }
}

/// Runs a command inside a transaction that is already open, as imports do for many rows.
///
/// # Errors
/// As [`run`]; the caller must then give its transaction up, or roll it back to where it stood.
pub fn within(
    conn: &mut DbConnection,
    settings: &Settings,
    now: Instant,
    call: &Call,
    body: impl Fn(&mut Tx<'_>) -> Result<Done, CommandError>,
) -> Result<Done, CommandError> {
    call.actor.require(call.permission)?;
    match call.rows {
        Rows::AtOnce => memory::settle(conn)?,
        Rows::Together => memory::hold(true),
    }
    if let Some(request) = &call.keyed {
        match claim(conn, &call.actor.user_id, request) {
            Ok(Claim::Fresh) => {}
            Ok(Claim::Answered(answer)) => {
                return Ok(Done {
                    answer,
                    replayed: true,
                    kept_body: None,
                    subject: None,
                    before: None,
                });
            }
            Ok(Claim::Reused) => return Err(Refusal::plain(Code::IdempotencyKeyReused).into()),
            Err(DbError::Busy(_)) => return Err(Refusal::plain(Code::IdempotencyInProgress).into()),
            Err(error) => return Err(error.into()),
        }
    }
    let mut tx = Tx {
        conn: &mut *conn,
        actor: &call.actor,
        now,
        settings,
        if_match: call.if_match,
        is_internal: call.keyed.is_none(),
    };
    let done = body(&mut tx)?;
    let detail = match &done.before {
        Some(before) => format!(r#"{{"asked":{},"before":{before}}}"#, call.asked),
        None => format!(r#"{{"asked":{}}}"#, call.asked),
    };
    let entry = entry_of(call, done.subject.clone(), Outcome::Done, None, detail);
    audit::records::append(conn, now, entry)?;
    if let Some(request) = &call.keyed {
        let mut kept = done.answer.clone();
        if let Some(body) = &done.kept_body {
            kept.body.clone_from(body);
        }
        keep(conn, &call.actor.user_id, request, &kept, now)?;
    }
    Ok(done)
}

/// Records a refusal in the audit trail, in a transaction of its own.
///
/// # Errors
/// When the database fails.
pub fn record_refusal(app: &App, call: &Call, refusal: &Refusal) -> Result<(), DbError> {
    refusal_entry_to_write(app, call, refusal).map_or(Ok(()), |write| app.db.write(write))
}

/// [`record_refusal`] for a caller whose thread serves others meanwhile.
///
/// # Errors
/// [`Panicked`] where writing did; when the database fails.
pub async fn record_refusal_soon(
    app: &App,
    call: &Call,
    refusal: &Refusal,
) -> Result<Result<(), DbError>, Panicked> {
    match refusal_entry_to_write(app, call, refusal) {
        Some(write) => app.db.write_soon(write).await,
        None => Ok(Ok(())),
    }
}

/// A clock that is not believed dates nothing: the log alone knows of what it made us refuse.
fn refusal_entry_to_write(
    app: &App,
    call: &Call,
    refusal: &Refusal,
) -> Option<impl Fn(&mut DbConnection) -> Result<(), DbError> + Send + 'static> {
    if app.clock_watch.fault(&*app.clock).is_some() {
        return None;
    }
    let (entry, clock) = (refused_entry(call, refusal), app.clock.clone());
    Some(move |conn: &mut DbConnection| audit::records::append(conn, clock.now(), entry.clone()))
}

/// Records a refusal inside a transaction in which nothing else of the command is left.
///
/// # Errors
/// When the database fails.
pub fn note_refusal(
    conn: &mut DbConnection,
    now: Instant,
    call: &Call,
    refusal: &Refusal,
) -> Result<(), DbError> {
    audit::records::append(conn, now, refused_entry(call, refusal))
}

fn refused_entry(call: &Call, refusal: &Refusal) -> NewEntry {
    let why = serde_json::Value::from(refusal.detail.en.as_str());
    let detail = format!(r#"{{"asked":{},"detail":{why}}}"#, call.asked);
    let code = Some(refusal.code.as_str().to_owned());
    entry_of(call, None, Outcome::Refused, code, detail)
}

fn entry_of(
    call: &Call,
    subject: Option<Subject>,
    outcome: Outcome,
    code: Option<String>,
    detail: String,
) -> NewEntry {
    let (object_kind, object_id, store_code) = match subject {
        Some(subject) => (Some(subject.kind.to_owned()), Some(subject.id), subject.store),
        None => (None, None, None),
    };
    NewEntry {
        actor: call.actor.name.clone(),
        role: call.actor.role.as_str().to_owned(),
        action: call.permission.as_str().to_owned(),
        object_kind,
        object_id,
        store_code,
        outcome,
        code,
        request_id: call.request_id.clone(),
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_knows_our_tags_and_never_matches_others() {
        assert_eq!(IfMatch::parse("\"v3\""), IfMatch::Version(3));
        assert_eq!(IfMatch::parse("*"), IfMatch::Any);
        for other in ["W/\"v3\"", "v3", "\"3\"", ""] {
            assert_eq!(IfMatch::parse(other), IfMatch::Never);
        }
    }
}
