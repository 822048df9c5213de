//! What the service tidies by itself while it runs.

use crate::alert::commands::tidying::forget_old_events;
use crate::app::App;
use crate::db::DbError;
use crate::idempotency::records::forget;
use crate::kernel::Instant;
use actix_web::{rt, web};
use std::time::Duration;

/// How often it looks for what can go.
const EVERY: Duration = Duration::from_secs(3_600);

/// Answers forgotten in one transaction: few, so that nobody waits behind the broom.
const AT_ONCE: i64 = 500;

/// Forgets the kept answers of idempotency keys, and the single changes of alerts long cleared, once
/// they are old enough, for as long as the service runs.
pub async fn keep_tidy(app: App) {
    let mut ticks = rt::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let answers = app.clone();
        match web::block(move || forget_old_answers(&answers)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(forgotten)) => tracing::info!(forgotten, "old idempotency keys forgotten"),
            Ok(Err(error)) => tracing::warn!(%error, "old idempotency keys could not be forgotten"),
            // The service is ending.
            Err(_pool_gone) => return,
        }
        let app = app.clone();
        match web::block(move || forget_alerts(&app)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(forgotten)) => tracing::info!(forgotten, "old alert events forgotten"),
            Ok(Err(error)) => tracing::warn!(%error, "old alert events could not be forgotten"),
            Err(_pool_gone) => return,
        }
    }
}

fn forget_alerts(app: &App) -> Result<usize, DbError> {
    if app.clock_watch.fault(&*app.clock).is_some() {
        return Ok(0);
    }
    forget_old_events(app)
}

/// Forgets every answer that was kept longer than the setting says; how many it were.
///
/// # Errors
/// When the database fails.
pub fn forget_old_answers(app: &App) -> Result<usize, DbError> {
    // By a clock that has jumped ahead, everything is old.
    if app.clock_watch.fault(&*app.clock).is_some() {
        return Ok(0);
    }
    let days = app.settings.idempotency_days;
    let before: Instant = app.clock.now().plus_minutes(-days * 24 * 60);
    let mut forgotten = 0;
    loop {
        let gone = app.db.write(move |conn| forget(conn, before, AT_ONCE))?;
        forgotten += gone;
        if gone == 0 {
            return Ok(forgotten);
        }
    }
}
