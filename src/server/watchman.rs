//! The watch and the outbox, for as long as the service runs.

use crate::alert::api::feed::Feed;
use crate::alert::commands::delivering::{Round, deliver};
use crate::alert::commands::sending::Sender;
use crate::alert::commands::watching::{Looked, STORES_AT_ONCE, look};
use crate::app::App;
use crate::db::DbError;
use actix_web::web;
use std::time::Duration;

/// How long the watch rests when there is nothing to look at.
const REST: Duration = Duration::from_secs(2);

/// The longest rest after failures.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Looks at what may have changed. A failure is logged and tried again after a rest that doubles; a
/// posting never waits for it.
pub async fn keep_watch(app: App, feed: Feed, holder: String) {
    let mut rest = REST;
    loop {
        let begun = std::time::Instant::now();
        let (looking, holder) = (app.clone(), holder.clone());
        match web::block(move || look_once(&looking, &holder)).await {
            Ok(Ok(Looked::Stores { stores, events })) => {
                metrics::counter!("alert_looks_total").increment(count(stores));
                metrics::counter!("alert_events_total").increment(count(events));
                if events > 0 {
                    feed.nudge();
                }
                // Where there is more to look at, it takes half of one processor at the most.
                rest = if stores < STORES_AT_ONCE { REST } else { begun.elapsed() };
            }
            Ok(Ok(Looked::Nothing | Looked::Another)) => rest = REST,
            Ok(Err(error)) => {
                metrics::counter!("alert_look_failures_total").increment(1);
                tracing::warn!(%error, "the watch could not look");
                rest = rest.saturating_mul(2).clamp(REST, LONGEST_REST);
            }
            // The service is ending.
            Err(_pool_gone) => return,
        }
        if !feed.rest(rest).await {
            return;
        }
    }
}

fn look_once(app: &App, holder: &str) -> Result<Looked, DbError> {
    // By a clock that has jumped ahead, everything is late and everybody silent.
    if app.clock_watch.fault(&*app.clock).is_some() {
        return Ok(Looked::Nothing);
    }
    look(app, holder)
}

/// Empties the outbox.
pub async fn keep_telling(app: App, feed: Feed) {
    let sender = Sender::new(app.settings.webhook_hosts.clone(), &app.settings.webhook_roots);
    let mut rest = REST;
    loop {
        let (telling, sender, tide) = (app.clone(), sender.clone(), feed.listen());
        // A stop waits for the attempt that is under way, and for no other.
        let go_on = move || !tide.borrow().closing;
        match web::block(move || tell_once(&telling, &sender, &go_on)).await {
            Ok(Ok(round)) => {
                let told = |outcome: &'static str, many: usize| {
                    metrics::counter!("webhook_deliveries_total", "outcome" => outcome)
                        .increment(count(many));
                };
                told("delivered", round.delivered);
                told("failed", round.failed);
                told("dead", round.dead);
                rest = REST;
                if round.delivered > 0 {
                    continue;
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the outbox could not be emptied");
                rest = rest.saturating_mul(2).min(LONGEST_REST);
            }
            Err(_pool_gone) => return,
        }
        if !feed.rest(rest).await {
            return;
        }
    }
}

fn tell_once(app: &App, sender: &Sender, go_on: &dyn Fn() -> bool) -> Result<Round, DbError> {
    if app.clock_watch.fault(&*app.clock).is_some() {
        return Ok(Round::default());
    }
    deliver(app, sender, go_on)
}

fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}
