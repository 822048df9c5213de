//! Problem documents (RFC 9457), rendered in one place for our refusals and the framework's.

use crate::command::CommandError;
use crate::db::DbError;
use crate::kernel::{Code, Language, Refusal};
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, ResponseError};
use serde::Serialize;
use tracing_actix_web::RequestId;
use utoipa::ToSchema;

/// Why a request failed: a public half for the caller and a private half for the log.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
pub struct ApiError {
    refusal: Refusal,
    #[source]
    cause: Option<Box<DbError>>,
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, cause: None }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        let code = match &error {
            DbError::Conflict(_)
            | DbError::Busy(_)
            | DbError::Unreachable(_)
            | DbError::Stopping => Code::Busy,
            DbError::OutcomeUnknown(_) => Code::OutcomeUnknown,
            DbError::Full(_) => Code::StorageFull,
            DbError::DiskFailed(_) => Code::StorageFailed,
            DbError::Query(_) => Code::Internal,
        };
        Self { refusal: Refusal::plain(code), cause: Some(Box::new(error)) }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => (*refusal).into(),
            CommandError::Failed(error) => error.into(),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.refusal.code.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// An empty answer that carries the refusal to [`render`], which knows the caller's language.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        if let Some(cause) = &self.cause {
            tracing::error!(code = self.refusal.code.as_str(), %cause, "request failed");
        }
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.refusal.clone());
        response
    }
}

/// A problem document (RFC 9457), in Chinese or English by `Accept-Language`.
///
/// Facts such as `available` stand beside these members.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Address of the kind of problem, served by this service.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short title of the kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong this time, for people.
    pub detail: String,
    /// Path of the request.
    pub instance: String,
    /// Stable code of the kind, for programs.
    pub code: String,
    /// Every field that is wrong.
    pub errors: Vec<ProblemField>,
    /// The request, as the service's log knows it.
    pub request_id: String,
    /// The facts it rests on.
    #[serde(flatten)]
    #[schema(additional_properties, value_type = Object)]
    pub facts: serde_json::Map<String, serde_json::Value>,
}

/// One field that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// JSON pointer (RFC 6901) into the request, or `/parameter` of the query.
    pub pointer: String,
    /// Stable code, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
}

impl Problem {
    /// The document of a refusal, in one language.
    pub fn new(refusal: &Refusal, language: Language, instance: &str, request_id: &str) -> Self {
        Self {
            kind: format!("/problems/{}", refusal.code.as_str()),
            title: refusal.code.title(language).to_owned(),
            status: refusal.code.status(),
            detail: refusal.detail.in_language(language).to_owned(),
            instance: instance.to_owned(),
            code: refusal.code.as_str().to_owned(),
            errors: refusal
                .faults
                .iter()
                .map(|fault| ProblemField {
                    pointer: fault.pointer.clone(),
                    code: fault.code.as_str().to_owned(),
                    message: fault.message.in_language(language).to_owned(),
                })
                .collect(),
            request_id: request_id.to_owned(),
            facts: refusal.facts.clone(),
        }
    }
}

/// The language in which a request wants its answer.
pub fn language_of(headers: &header::HeaderMap, otherwise: Language) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::from_accept_language(accepted, otherwise)
}

/// The id under which the log knows a request.
pub fn request_id_of(request: &impl HttpMessage) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, ToString::to_string)
}

/// Middleware, outermost but for the logger: gives every answer its request id and its safety
/// headers, and turns every failure, the framework's too, into a problem document.
///
/// # Errors
/// None of its own: handlers and extractors answer with responses.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody, BoxBody>>, actix_web::Error> {
    let otherwise = request
        .app_data::<actix_web::web::Data<crate::app::App>>()
        .map_or(Language::Zh, |app| app.settings.language);
    let language = language_of(request.headers(), otherwise);
    let request_id = request_id_of(&request);
    let method = request.method().clone();
    let response = next.call(request).await?.map_into_left_body();
    let problem = problem_of(&response, &method);
    let mut response = match problem {
        None => response,
        Some(refusal) => {
            let problem = Problem::new(&refusal, language, response.request().path(), &request_id);
            replace_body(response, &problem, language)
        }
    };
    add_headers(response.headers_mut(), &request_id);
    Ok(response)
}

/// The refusal that an answer carries, or the one that its bare status stands for.
fn problem_of<B>(response: &ServiceResponse<B>, method: &Method) -> Option<Refusal> {
    if let Some(refusal) = response.response().extensions().get::<Refusal>() {
        return Some(refusal.clone());
    }
    let is_ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    if is_ours || !(response.status().is_client_error() || response.status().is_server_error()) {
        return None;
    }
    let code = match response.status().as_u16() {
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        408 => Code::RequestTimeout,
        413 => Code::PayloadTooLarge,
        415 => Code::UnsupportedMediaType,
        status if status < 500 => Code::MalformedRequest,
        _ => Code::Internal,
    };
    let mut refusal = Refusal::plain(code);
    if code == Code::MethodNotAllowed {
        refusal = refusal.with("method", method.as_str());
    }
    Some(refusal)
}

fn replace_body<B>(
    response: ServiceResponse<EitherBody<B, BoxBody>>,
    problem: &Problem,
    language: Language,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let (request, old) = response.into_parts();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    if let Some(allowed) = old.headers().get(header::ALLOW) {
        answer.insert_header((header::ALLOW, allowed.clone()));
    }
    answer
        .insert_header((header::CONTENT_TYPE, "application/problem+json"))
        .insert_header((header::CONTENT_LANGUAGE, language.tag()));
    match status {
        StatusCode::UNAUTHORIZED => {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"changbei\""));
        }
        _ if is_worth_repeating(problem) => {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        _ => {}
    }
    let body = serde_json::to_string(problem).unwrap_or_default();
    ServiceResponse::new(request, answer.body(body).map_into_right_body())
}

/// Whether the same request may be answered otherwise a second later.
fn is_worth_repeating(problem: &Problem) -> bool {
    problem.status == StatusCode::SERVICE_UNAVAILABLE.as_u16()
        || problem.code == Code::IdempotencyInProgress.as_str()
}

fn add_headers(headers: &mut header::HeaderMap, request_id: &str) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
