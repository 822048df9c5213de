//! The caller of an operation: who, in which language, with which body and preconditions.

use crate::access::{Actor, Permission, records, token};
use crate::app::App;
use crate::command::{self, Call, CommandError, Done, IfMatch, Rows, Tx, asking, entity_tag};
use crate::db::{DbConnection, DbError, Panicked};
use crate::http::problem::{ApiError, language_of, request_id_of};
use crate::http::stream::{self, Flow};
use crate::http::table::{Form, Table};
use crate::idempotency::{KeyedRequest, parse_key};
use crate::kernel::hash::sha256_hex;
use crate::kernel::{Code, Language, Refusal, json};
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::future::Future;
use std::pin::Pin;

/// An authenticated request, before its permission and its body have been looked at.
pub struct Caller {
    app: App,
    actor: Actor,
    token_hash: String,
    request_id: String,
    method: String,
    path: String,
    keyed: Option<String>,
    if_match: Option<IfMatch>,
    is_json: bool,
    form: Form,
    language: Language,
    rows: Rows,
    body: web::Bytes,
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().map(|app| app.get_ref().clone());
        let body = web::Bytes::from_request(request, payload);
        let presented = bearer(request.headers());
        let headers = request.headers();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let keyed = text("idempotency-key").and_then(parse_key);
        let if_match = text("if-match").map(IfMatch::parse);
        // An empty body has no type to tell.
        let is_json = text("content-type").is_none_or(is_json_type);
        let form = Form::accepted(headers);
        let otherwise = app.as_ref().map_or(Language::Zh, |app: &App| app.settings.language);
        let language = language_of(headers, otherwise);
        let (request_id, method, path) = (
            request_id_of(request),
            request.method().to_string(),
            request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
        );
        Box::pin(async move {
            let Some(app) = app else { return Err(Refusal::plain(Code::Internal).into()) };
            let body = body.await.map_err(body_refusal)?;
            let Some(hash) = presented else {
                return Err(Refusal::plain(Code::Unauthenticated).into());
            };
            let token_hash = hash.clone();
            let now = app.clock.now();
            let at_once = app.db.glance_at_once(|conn| records::actor_by_token(conn, &hash, now));
            let actor = match at_once {
                Some(actor) => actor?,
                None => {
                    let looking = app.clone();
                    blocking(move || {
                        looking.db.glance(|conn| records::actor_by_token(conn, &hash, now))
                    })
                    .await?
                }
            };
            let actor = actor.ok_or_else(|| Refusal::plain(Code::Unauthenticated))?;
            refuse_nul_in_address(&path)?;
            Ok(Self {
                app,
                actor,
                token_hash,
                request_id,
                method,
                path,
                keyed,
                if_match,
                is_json,
                form,
                language,
                rows: Rows::AtOnce,
                body,
            })
        })
    }
}

/// What a read answers in the form that is wanted.
pub enum Shown<T> {
    /// A page, as JSON.
    Page(T),
    /// The whole, as a table.
    Whole(Table),
}

/// The body of a question.
#[derive(Debug, Clone, Copy)]
pub enum Sent<'a> {
    /// JSON.
    Json(&'a [u8]),
    /// Anything else.
    File(&'a [u8]),
}

/// What a read answers, with the version that its `ETag` names.
pub struct Versioned<T>(pub T, pub i64);

impl Caller {
    /// Who calls.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The hash of the token, by which an answer that goes on and on asks whether it still holds.
    pub fn token_hash(&self) -> &str {
        &self.token_hash
    }

    /// The service that is called.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The language in which the caller wants to be told.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The form in which the caller wants the answer.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The request, as the log knows it.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Lets the rows of the command be written with those of others.
    #[must_use]
    pub fn together(self) -> Self {
        Self { rows: Rows::Together, ..self }
    }

    /// Answers a read on one snapshot.
    ///
    /// # Errors
    /// `forbidden` without the permission; those of `body`.
    pub async fn read<T, F>(self, permission: Permission, body: F) -> Result<HttpResponse, ApiError>
    where
        T: Serialize + Send + 'static,
        F: FnOnce(&mut DbConnection, &App, &Actor) -> Result<T, CommandError> + Send + 'static,
    {
        let view = self.load(permission, body).await?;
        Ok(HttpResponse::Ok().json(view))
    }

    /// Answers a read on one snapshot as JSON, as CSV or as a workbook.
    ///
    /// # Errors
    /// As [`Caller::read`].
    pub async fn read_shown<T, F>(
        self,
        permission: Permission,
        body: F,
    ) -> Result<HttpResponse, ApiError>
    where
        T: Serialize + Send + 'static,
        F: FnOnce(&mut DbConnection, &App, &Actor, Form) -> Result<Shown<T>, CommandError>
            + Send
            + 'static,
    {
        let (form, language) = (self.form.without_lines(), self.language);
        let shown =
            self.load(permission, move |conn, app, actor| body(conn, app, actor, form)).await?;
        match shown {
            Shown::Page(view) => Ok(HttpResponse::Ok().json(view)),
            Shown::Whole(table) => table.answer(form, language),
        }
    }

    /// Answers a read that is written while it is read, on one snapshot, as a file in the form that
    /// is wanted.
    ///
    /// # Errors
    /// As [`Caller::read`], and `busy` when as many streams are under way as may be.
    pub async fn stream<F>(
        self,
        permission: Permission,
        name: &str,
        body: F,
    ) -> Result<HttpResponse, ApiError>
    where
        F: FnOnce(&mut DbConnection, &App, &Actor, &mut Flow) -> Result<(), CommandError>
            + Send
            + 'static,
    {
        self.actor.require(permission)?;
        let (form, app, actor) = (self.form, self.app, self.actor);
        let streams = app.streams.clone();
        let body = stream::begin(&streams, move |flow| {
            app.read(|conn| body(conn, &app, &actor, flow)).map_err(ApiError::from)
        })
        .await?;
        let disposition = format!("attachment; filename=\"{name}.{}\"", form.ending());
        Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, form.media_type()))
            .insert_header((header::CONTENT_DISPOSITION, disposition))
            .insert_header((header::VARY, "Accept, Accept-Language"))
            .body(body))
    }

    /// Answers a read of one versioned thing, with its `ETag`.
    ///
    /// # Errors
    /// As [`Caller::read`].
    pub async fn read_versioned<T, F>(
        self,
        permission: Permission,
        body: F,
    ) -> Result<HttpResponse, ApiError>
    where
        T: Serialize + Send + 'static,
        F: FnOnce(&mut DbConnection, &App, &Actor) -> Result<Versioned<T>, CommandError>
            + Send
            + 'static,
    {
        let Versioned(view, version) = self.load(permission, body).await?;
        Ok(HttpResponse::Ok().insert_header((header::ETAG, entity_tag(version))).json(view))
    }

    /// Answers a read with text of another kind than JSON, on one snapshot.
    ///
    /// # Errors
    /// As [`Caller::read`].
    pub async fn read_text<F>(
        self,
        permission: Permission,
        kind: &'static str,
        body: F,
    ) -> Result<HttpResponse, ApiError>
    where
        F: FnOnce(&mut DbConnection, &App, &Actor) -> Result<String, CommandError> + Send + 'static,
    {
        let text = self.load(permission, body).await?;
        Ok(HttpResponse::Ok().content_type(kind).body(text))
    }

    /// Answers a question that comes in a body and stores nothing: permission, shape of the body,
    /// its meaning, then `body` on one snapshot. It takes no idempotency key, because asking twice
    /// has no effect.
    ///
    /// # Errors
    /// The refusals of each step in this order; those of `body`.
    pub async fn ask<B, C, T, P, F>(
        self,
        permission: Permission,
        parse: P,
        body: F,
    ) -> Result<HttpResponse, ApiError>
    where
        B: DeserializeOwned,
        C: Send + 'static,
        T: Serialize + Send + 'static,
        P: FnOnce(B) -> Result<C, Refusal>,
        F: FnOnce(&mut DbConnection, &App, &Actor, &C) -> Result<T, CommandError> + Send + 'static,
    {
        self.actor.require(permission)?;
        let question = self.json().and_then(parse)?;
        self.read(permission, move |conn, app, actor| body(conn, app, actor, &question)).await
    }

    /// Reads a question that may come as JSON or as a file and stores nothing: permission, then shape
    /// and meaning of the body.
    ///
    /// # Errors
    /// `forbidden` without the permission; those of `parse`.
    pub fn question<C, P>(&self, permission: Permission, parse: P) -> Result<C, Refusal>
    where
        P: FnOnce(Sent<'_>) -> Result<C, Refusal>,
    {
        self.actor.require(permission)?;
        parse(if self.is_json { Sent::Json(&self.body) } else { Sent::File(&self.body) })
    }

    /// Reads on one snapshot, for an answer that is not JSON.
    ///
    /// # Errors
    /// As [`Caller::read`].
    pub async fn load<T, F>(self, permission: Permission, body: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection, &App, &Actor) -> Result<T, CommandError> + Send + 'static,
    {
        self.actor.require(permission)?;
        let (app, actor) = (self.app, self.actor);
        blocking(move || app.read(|conn| body(conn, &app, &actor))).await
    }

    /// Runs a command: permission, idempotency key, shape of the body, its meaning (`parse`, which
    /// gathers every fault), then `body` in one transaction. A refusal is put on the audit trail.
    ///
    /// # Errors
    /// The refusals of each step in this order; failures of the database.
    pub async fn command<B, C, P, F>(
        self,
        permission: Permission,
        parse: P,
        body: F,
    ) -> Result<HttpResponse, ApiError>
    where
        B: DeserializeOwned,
        C: Send + 'static,
        P: FnOnce(B) -> Result<C, Refusal>,
        F: Fn(&mut Tx<'_>, &C) -> Result<Done, CommandError> + Send + 'static,
    {
        let null = || RawValue::NULL.to_owned();
        let asked = serde_json::from_slice(&self.body).unwrap_or_else(|_not_json| null());
        self.run(permission, asked, |caller| caller.json().and_then(parse), body).await
    }

    /// Runs a command whose body is a file: like [`Caller::command`], but `parse` is given the bytes,
    /// and the audit trail keeps their hash.
    ///
    /// # Errors
    /// As [`Caller::command`]; `unsupported_media_type` when the body says that it is JSON.
    pub async fn upload<C, P, F>(
        self,
        permission: Permission,
        parse: P,
        body: F,
    ) -> Result<HttpResponse, ApiError>
    where
        C: Send + 'static,
        P: FnOnce(&[u8]) -> Result<C, Refusal>,
        F: Fn(&mut Tx<'_>, &C) -> Result<Done, CommandError> + Send + 'static,
    {
        let hash = sha256_hex(&self.body);
        let asked = asking(&serde_json::json!({ "bytes": self.body.len(), "sha256": hash }));
        let read = |caller: &Self| {
            if caller.is_json {
                return Err(Refusal::plain(Code::UnsupportedMediaType));
            }
            parse(&caller.body)
        };
        self.run(permission, asked, read, body).await
    }

    async fn run<C, P, F>(
        self,
        permission: Permission,
        asked: Box<RawValue>,
        read: P,
        body: F,
    ) -> Result<HttpResponse, ApiError>
    where
        C: Send + 'static,
        P: FnOnce(&Self) -> Result<C, Refusal>,
        F: Fn(&mut Tx<'_>, &C) -> Result<Done, CommandError> + Send + 'static,
    {
        let app = self.app.clone();
        let call = Call {
            actor: self.actor.clone(),
            permission,
            keyed: self
                .keyed
                .clone()
                .map(|key| KeyedRequest::new(key, &self.method, &self.path, &self.body)),
            if_match: self.if_match,
            request_id: self.request_id.clone(),
            asked,
            rows: self.rows,
        };
        let parsed = self
            .actor
            .require(permission)
            .and_then(|()| self.require_key())
            .and_then(|()| read(&self));
        match parsed {
            Ok(command) => {
                let ended = command::run_soon(&app, call, move |tx| body(tx, &command)).await;
                Ok(answer(ended.map_err(broken)??))
            }
            Err(refusal) => {
                command::record_refusal_soon(&app, &call, &refusal).await.map_err(broken)??;
                Err(refusal.into())
            }
        }
    }

    /// Runs many commands of one request, each of which has a key and an answer of its own:
    /// permission, shape of the whole, then `body` off the reactor's threads. A refusal of the whole
    /// is put on the audit trail.
    ///
    /// # Errors
    /// The refusals of each step in this order; failures of `body`.
    pub async fn many<B, T, F>(
        self,
        permission: Permission,
        check: fn(&B) -> Result<(), Refusal>,
        body: F,
    ) -> Result<T, ApiError>
    where
        B: DeserializeOwned + Send + 'static,
        T: Send + 'static,
        F: FnOnce(&App, &Actor, &str, B) -> Result<T, CommandError> + Send + 'static,
    {
        let parsed = self
            .actor
            .require(permission)
            .and_then(|()| self.json())
            .and_then(|request| check(&request).map(|()| request));
        let (app, actor, request_id) = (self.app, self.actor, self.request_id);
        match parsed {
            Ok(request) => blocking(move || body(&app, &actor, &request_id, request)).await,
            Err(refusal) => {
                let call = Call::internal(actor, permission, request_id);
                let told = refusal.clone();
                blocking(move || command::record_refusal(&app, &call, &refusal)).await?;
                Err(told.into())
            }
        }
    }

    fn require_key(&self) -> Result<(), Refusal> {
        if self.keyed.is_some() {
            return Ok(());
        }
        Err(Refusal::plain(Code::IdempotencyKeyMissing))
    }

    /// Reads the body; an empty one counts as `{}`, which many actions allow.
    fn json<B: DeserializeOwned>(&self) -> Result<B, Refusal> {
        if !self.is_json {
            return Err(Refusal::plain(Code::UnsupportedMediaType));
        }
        json::read(&self.body)
    }
}

/// A NUL is refused at the door: PostgreSQL keeps none in a text, and SQLite would.
fn refuse_nul_in_address(path_and_query: &str) -> Result<(), Refusal> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    if path.contains("%00") {
        return Err(Refusal::plain(Code::NotFound));
    }
    if query.contains("%00") {
        return Err(Refusal::plain(Code::MalformedQuery));
    }
    Ok(())
}

fn answer(done: Done) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(done.answer.status)
        .unwrap_or(actix_web::http::StatusCode::OK);
    let mut response = HttpResponse::build(status);
    response.insert_header(header::ContentType::json());
    if let Some(etag) = done.answer.etag {
        response.insert_header((header::ETAG, etag));
    }
    if let Some(location) = done.answer.location {
        response.insert_header((header::LOCATION, location));
    }
    if done.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.body(done.answer.body)
}

/// A panic, which is logged and breaks nothing else.
fn broken(_panic: Panicked) -> ApiError {
    Refusal::plain(Code::Internal).into()
}

/// Runs work that waits for the database off the reactor's threads.
///
/// # Errors
/// Those of `work`; `internal_error` when it panics, which is logged and breaks nothing else.
pub async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
{
    let outcome =
        web::block(move || std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))).await;
    match outcome {
        Ok(Ok(result)) => result.map_err(Into::into),
        Ok(Err(_panic)) => Err(Refusal::plain(Code::Internal).into()),
        Err(_pool_gone) => Err(DbError::Stopping.into()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, presented) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token::hash(presented.trim()))
}

fn is_json_type(kind: &str) -> bool {
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn body_refusal(error: actix_web::Error) -> ApiError {
    let status = error.as_response_error().status_code();
    let code = if status == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE {
        Code::PayloadTooLarge
    } else {
        Code::MalformedRequest
    };
    Refusal::plain(code).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_counts_as_json() {
        assert!(is_json_type("application/json; charset=utf-8"));
        assert!(!is_json_type("text/json"));
    }
}
