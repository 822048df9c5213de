//! The clock over REST.

use crate::access::Permission;
use crate::chain::records::{acceptances, newest_record};
use crate::clock::commands::{AcceptClockRequest, AcceptanceView, accept_clock};
use crate::http::{ApiError, Caller};
use crate::kernel::{Bilingual, Instant};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Acceptances that are shown.
const SHOWN: i64 = 50;

/// The service's clock.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockView {
    /// What it shows.
    pub shown: Instant,
    /// The newest time on record.
    pub newest_record: Instant,
    /// Whether it is believed; where not, nothing is recorded.
    pub believed: bool,
    /// Why it is not, in Chinese.
    pub why_zh: Option<String>,
    /// Why it is not, in English.
    pub why_en: Option<String>,
    /// When clocks were accepted before, the latest 50, the newest first.
    pub acceptances: Vec<AcceptanceView>,
}

/// Show the clock
///
/// What the service's clock shows, whether it is believed, and who accepted it when it was not.
#[utoipa::path(tag = "system", operation_id = "get_clock",
    responses((status = 200, description = "The clock", body = ClockView)),
    extensions(("x-permission" = json!("self.read"))))]
#[get("/clock")]
pub async fn show_clock(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .read(Permission::ReadSelf, |conn, app, _| {
            let shown = app.clock.now();
            let fault = app.clock_watch.fault(&*app.clock);
            let why: Option<Bilingual> = fault.map(|fault| fault.refusal(shown).detail);
            Ok(ClockView {
                shown,
                newest_record: newest_record(conn)?,
                believed: why.is_none(),
                why_zh: why.as_ref().map(|why| why.zh.clone()),
                why_en: why.map(|why| why.en),
                acceptances: acceptances(conn, SHOWN)?.into_iter().map(Into::into).collect(),
            })
        })
        .await
}

/// Accept the clock
///
/// A clock that jumped ahead by more than an hour, or that lies more than an hour behind the
/// records when the service starts, is not believed, and nothing is recorded. Who has compared it
/// with another accepts it here, with the reason.
#[utoipa::path(tag = "system", operation_id = "accept_clock", request_body = AcceptClockRequest,
    responses((status = 201, description = "The clock is accepted", body = AcceptanceView)),
    extensions(("x-permission" = json!("clock.accept"))))]
#[post("/clock/accept")]
pub async fn accept(caller: Caller) -> Result<HttpResponse, ApiError> {
    let app = caller.app().clone();
    let answer =
        caller.command(Permission::AcceptClock, Ok::<AcceptClockRequest, _>, accept_clock).await?;
    app.clock_watch.accept(&*app.clock);
    Ok(answer)
}

/// The operations on the clock.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show_clock).service(accept);
}
