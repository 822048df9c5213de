//! What clients see of webhooks, and what webhooks are told.

use crate::alert::state::{AlertKind, Severity};
use crate::alert::stored::AlertEvent;
use crate::alert::views::AlertEventView;
use crate::alert::webhook::{Delivery, DeliveryStatus, Webhook};
use crate::kernel::id::{WebhookDeliveryId, WebhookId};
use crate::kernel::{Instant, RegionCode};
use serde::Serialize;
use utoipa::ToSchema;

/// A program elsewhere that is told of alerts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: WebhookId,
    /// Where it is told.
    pub url: String,
    /// What people call it.
    pub name: String,
    /// Only of stores in this region; null for all.
    pub region_code: Option<RegionCode>,
    /// Only of these kinds; none for all.
    pub kinds: Vec<AlertKind>,
    /// Only of what is at least so grave.
    pub severity: Severity,
    /// Whether it is told at present.
    pub active: bool,
    /// Since when it has not answered; null while it does.
    pub failing_since: Option<Instant>,
    /// Not tried before this instant.
    pub rests_until: Option<Instant>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// When it was taken away.
    pub removed_at: Option<Instant>,
    /// Counts the changes.
    pub version: i64,
}

impl From<&Webhook> for WebhookView {
    fn from(of: &Webhook) -> Self {
        let of = of.clone();
        Self {
            id: of.id,
            url: of.url,
            name: of.name,
            region_code: of.region,
            kinds: of.kinds,
            severity: of.severity,
            active: of.active,
            failing_since: of.failing_since,
            rests_until: of.rests_until,
            created_by: of.created_by,
            created_at: of.created_at,
            removed_at: of.removed_at,
            version: of.version,
        }
    }
}

/// A webhook with its secret, which is shown this once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewWebhookView {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// The key of the HMAC-SHA256 in `Changbei-Signature`; empty when the request was repeated.
    pub secret: String,
}

/// One telling of one event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryView {
    /// Its id, sent as `Changbei-Delivery` at each attempt.
    pub id: WebhookDeliveryId,
    /// Of which event; null for a test.
    pub event_seq: Option<i64>,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was put into the outbox, or back into it by hand.
    pub queued_at: Instant,
    /// When it is tried next; null when it is not.
    pub next_attempt_at: Option<Instant>,
    /// When it was last tried.
    pub last_attempt_at: Option<Instant>,
    /// The HTTP status of the last answer.
    pub last_status: Option<i64>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When the receiver had it.
    pub delivered_at: Option<Instant>,
    /// What is sent, byte for byte.
    pub body: String,
}

impl From<&Delivery> for DeliveryView {
    fn from(of: &Delivery) -> Self {
        let of = of.clone();
        let pending = of.status == DeliveryStatus::Pending;
        Self {
            id: of.id,
            event_seq: of.event_seq,
            status: of.status,
            attempts: of.attempts,
            queued_at: of.queued_at,
            next_attempt_at: pending.then_some(of.next_attempt_at),
            last_attempt_at: of.last_attempt_at,
            last_status: of.last_status,
            last_error: of.last_error,
            delivered_at: of.delivered_at,
            body: of.body,
        }
    }
}

/// What a webhook is told.
#[derive(Debug, Serialize)]
struct Told<'a> {
    delivery: &'a str,
    #[serde(rename = "type")]
    kind: String,
    event: AlertEventView,
}

/// The body of a delivery of an event.
pub fn body_of(delivery: &WebhookDeliveryId, event: &AlertEvent) -> String {
    let told = Told {
        delivery: delivery.as_str(),
        kind: format!("alert.{}", event.transition),
        event: AlertEventView::from(event),
    };
    // Numbers and strings always have a JSON form.
    serde_json::to_string(&told).unwrap_or_default()
}

/// The body of a test.
#[derive(Debug, Serialize)]
pub struct TestBody<'a> {
    delivery: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    sent_at: Instant,
}

impl TestBody<'_> {
    /// The body of a test under a delivery's id.
    pub fn text(delivery: &WebhookDeliveryId, sent_at: Instant) -> String {
        let body = TestBody { delivery: delivery.as_str(), kind: "test", sent_at };
        serde_json::to_string(&body).unwrap_or_default()
    }
}
