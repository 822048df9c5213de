//! Whether the service lives, can work, and what it measures.

use crate::app::App;
use crate::http::caller::blocking;
use crate::http::metrics::recorder;
use crate::http::{ApiError, Problem};
use crate::kernel::{Code, Language, Refusal};
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    status: &'static str,
    /// The version that runs.
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Is the process alive
///
/// Answers as long as the process can answer at all; asks nothing of the database.
#[utoipa::path(tag = "system", operation_id = "get_health", security(()),
    responses((status = 200, description = "Alive", body = Health)))]
#[get("/healthz")]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(OK)
}

/// Can the service work
///
/// The database answers, its schema is current, and it can still be written.
#[utoipa::path(tag = "system", operation_id = "get_readiness", security(()),
    responses((status = 200, description = "Ready", body = Health),
              (status = 503, description = "Not ready", body = Problem,
               content_type = "application/problem+json"),
              (status = 507, description = "Not ready: the storage is full", body = Problem,
               content_type = "application/problem+json")))]
#[get("/readyz")]
pub async fn readyz(app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let db = app.db.clone();
    let current = blocking(move || {
        let current = db.is_current()?;
        db.check_writable()?;
        Ok::<_, crate::db::DbError>(current)
    })
    .await?;
    if current {
        return Ok(HttpResponse::Ok().json(OK));
    }
    let refusal = Refusal::new(Code::Busy, "数据库结构不是当前版本", "The schema is not current");
    Err(refusal.into())
}

/// Measurements
///
/// Counters and durations of requests, as Prometheus text.
#[utoipa::path(tag = "system", operation_id = "get_metrics", security(()),
    responses((status = 200, description = "Prometheus text", body = String,
               content_type = "text/plain")))]
#[get("/metrics")]
pub async fn metrics() -> HttpResponse {
    let text = recorder().map_or_else(String::new, |recorder| recorder.render());
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}

/// What a problem code means
///
/// The page that the `type` of a problem document points to.
#[utoipa::path(tag = "system", operation_id = "get_problem_kind", security(()),
    params(("code" = String, Path, description = "A problem's code")),
    responses((status = 200, description = "Its status and titles", body = Object),
              (status = 404, description = "No such code", body = Problem,
               content_type = "application/problem+json")))]
#[get("/problems/{code}")]
pub async fn problem_kind(code: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let known = Code::ALL
        .iter()
        .find(|known| known.as_str() == *code)
        .ok_or_else(|| Refusal::not_found("错误代码", "problem code", &code))?;
    Ok(HttpResponse::Ok().json(json!({
        "code": known.as_str(),
        "status": known.status(),
        "title_zh": known.title(Language::Zh),
        "title_en": known.title(Language::En),
    })))
}
