//! The outbox emptied: each delivery is tried until the receiver says that it has it.
//!
//! Before a delivery is sent it is stored as tried, with the time of the next attempt; a process that
//! dies in between has only used one attempt up. So what is recorded is told at least once, and the
//! receiver knows by the delivery's id what it has been told before.

use crate::alert::commands::sending::{NotSent, Sender, Signed};
use crate::alert::records::webhooks as records;
use crate::alert::webhook::{Delivery, DeliveryStatus, Webhook, signature, wait_after};
use crate::app::App;
use crate::db::DbError;
use crate::kernel::id::WebhookId;
use std::collections::BTreeSet;

/// The most deliveries of one round.
const AT_ONCE: i64 = 32;

/// How a round went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Deliveries that arrived.
    pub delivered: usize,
    /// Deliveries that did not, and are tried again.
    pub failed: usize,
    /// Deliveries given up.
    pub dead: usize,
}

/// Tries what is due, each webhook's in order and up to the first that it does not take, as long as
/// `go_on` says so.
///
/// # Errors
/// When the database fails.
pub fn deliver(app: &App, sender: &Sender, go_on: &dyn Fn() -> bool) -> Result<Round, DbError> {
    let mut round = Round { dead: give_up(app)?, ..Round::default() };
    let now = app.clock.now();
    let due = app.read(|conn| records::due(conn, now, AT_ONCE))?;
    let mut resting: BTreeSet<WebhookId> = BTreeSet::new();
    for (delivery, webhook) in due {
        if resting.contains(&webhook.id) {
            continue;
        }
        if !go_on() {
            break;
        }
        match attempt(app, sender, &delivery, &webhook)? {
            Attempt::Delivered => round.delivered += 1,
            Attempt::Failed => {
                round.failed += 1;
                resting.insert(webhook.id);
            }
            Attempt::TakenByAnother => {}
        }
    }
    Ok(round)
}

/// Gives up what has been in the outbox for longer than the setting says.
fn give_up(app: &App) -> Result<usize, DbError> {
    let before = app.clock.now().plus_days(-app.settings.webhook_days);
    if !app.read(|conn| records::has_old(conn, before))? {
        return Ok(0);
    }
    app.db.write(move |conn| records::give_up(conn, before))
}

enum Attempt {
    Delivered,
    Failed,
    TakenByAnother,
}

fn attempt(
    app: &App,
    sender: &Sender,
    read: &Delivery,
    webhook: &Webhook,
) -> Result<Attempt, DbError> {
    let now = app.clock.now();
    let attempts = read.attempts + 1;
    let tried = Delivery {
        attempts,
        next_attempt_at: now.plus_seconds(wait_after(&read.id, attempts)),
        last_attempt_at: Some(now),
        last_status: None,
        last_error: Some("no answer was recorded".to_owned()),
        ..read.clone()
    };
    if !swap(app, read, &tried)? {
        return Ok(Attempt::TakenByAnother);
    }
    let outcome = sign_and_send(app, sender, &tried, webhook);
    let told = match &outcome {
        Ok(status) => Delivery {
            status: DeliveryStatus::Delivered,
            last_status: Some(i64::from(*status)),
            last_error: None,
            delivered_at: Some(app.clock.now()),
            ..tried.clone()
        },
        Err(why) => Delivery {
            last_status: why.status.map(i64::from),
            last_error: Some(why.reason.chars().take(500).collect()),
            ..tried.clone()
        },
    };
    // Who redelivers by hand meanwhile has the last word.
    swap(app, &tried, &told)?;
    let failing = outcome.is_err();
    let (rests, since) = if failing {
        (Some(told.next_attempt_at), webhook.failing_since.or(Some(now)))
    } else {
        (None, None)
    };
    if failing || webhook.failing_since.is_some() {
        let id = webhook.id.clone();
        app.db.write(move |conn| records::store_rest(conn, &id, rests, since))?;
    }
    Ok(if failing { Attempt::Failed } else { Attempt::Delivered })
}

fn sign_and_send(
    app: &App,
    sender: &Sender,
    delivery: &Delivery,
    webhook: &Webhook,
) -> Result<u16, NotSent> {
    let secret = app.settings.webhook_key.as_ref().and_then(|key| webhook.secret(key));
    let Some(secret) = secret else {
        let reason = "the server's key is not the one that made the secret".to_owned();
        return Err(NotSent { status: None, reason });
    };
    let signature = signature(&secret, app.clock.now(), &delivery.body);
    let signed =
        Signed { delivery: delivery.id.as_str(), signature: &signature, body: &delivery.body };
    sender.send(&webhook.url, &signed)
}

fn swap(app: &App, read: &Delivery, changed: &Delivery) -> Result<bool, DbError> {
    let (read, changed) = (read.clone(), changed.clone());
    app.db.write(move |conn| records::update_delivery(conn, &read, &changed))
}
