//! Batches over REST.

use crate::access::Permission;
use crate::batch::commands::{self, Answered, Ended};
use crate::batch::requests::BatchRequest;
use crate::command::CommandError;
use crate::http::{ApiError, Caller, Problem};
use crate::kernel::Language;
use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

/// The largest batch, in bytes: larger than single requests, because it holds a thousand of them.
const BODY_LIMIT: usize = 8 << 20;

/// The answers to a batch, in the order of its commands.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchView {
    /// One answer for each command.
    pub results: Vec<BatchResult>,
}

/// The answer to one command.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResult {
    /// The client's name for it; null where it could not be read.
    #[schema(example = "a-1")]
    pub client_id: Option<String>,
    /// `applied`, `duplicate` (it had taken effect before) or `refused`.
    #[schema(example = "applied")]
    pub outcome: &'static str,
    /// The HTTP status that the command would have had alone.
    #[schema(example = 201)]
    pub status: u16,
    /// The `ETag` of what stands there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The address of what was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What the operation answers alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub document: Option<Box<RawValue>>,
    /// Why it was refused; pointers begin in the command's `body`, or name its own members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl BatchResult {
    fn new(answered: Answered, language: Language, request_id: &str) -> Self {
        let (outcome, answer) = match answered.ended {
            Ended::Applied(answer) => ("applied", answer),
            Ended::Duplicate(answer) => ("duplicate", answer),
            Ended::Refused(refusal) => {
                let problem = Problem::new(&refusal, language, &answered.path, request_id);
                return Self {
                    client_id: answered.client_id,
                    outcome: "refused",
                    status: problem.status,
                    etag: None,
                    location: None,
                    document: None,
                    problem: Some(problem),
                };
            }
        };
        Self {
            client_id: answered.client_id,
            outcome,
            status: answer.status,
            etag: answer.etag,
            location: answer.location,
            document: RawValue::from_string(answer.body).ok(),
            problem: None,
        }
    }
}

/// Send many commands
///
/// Runs up to 1000 commands in their order, each under its own `idempotency_key` and permission,
/// whole or not at all, and answers each: a refused one does not stop the others, and a command of
/// the wrong shape is refused alone. `command` is the `operationId` of the operation that takes
/// the same body. Lots may be named by number, targets by id, by number, or by the `client_id` of
/// the command that made them. The whole may be sent again: what took effect is a `duplicate`.
/// The keys are those of the commands, so the request itself needs no `Idempotency-Key` header.
#[utoipa::path(tag = "stock", operation_id = "send_batch", request_body = BatchRequest,
    responses((status = 200, description = "One answer for each command", body = BatchView)),
    extensions(("x-permission" = json!("batches.send")), ("x-keys-inside" = json!(true))))]
#[post("")]
pub async fn send_batch(caller: Caller) -> Result<HttpResponse, ApiError> {
    let (language, request_id) = (caller.language(), caller.request_id().to_owned());
    let view = caller
        .many(Permission::SendBatches, BatchRequest::check_count, |app, actor, id, request| {
            Ok::<_, CommandError>(commands::run(app, actor, id, &request)?)
        })
        .await?;
    let results =
        view.into_iter().map(|one| BatchResult::new(one, language, &request_id)).collect();
    Ok(HttpResponse::Ok().json(BatchView { results }))
}

/// The operations on batches.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(
        scope("/batches").app_data(web::PayloadConfig::new(BODY_LIMIT)).service(send_batch),
    );
}
