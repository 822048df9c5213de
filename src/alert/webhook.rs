//! Webhooks and their deliveries: who is told of which events, and how far the telling came.

use crate::alert::state::{AlertKind, Severity, Subject};
use crate::kernel::hash::sha256_hex;
use crate::kernel::id::{WebhookDeliveryId, WebhookId};
use crate::kernel::server_key::{ServerKey, hmac_sha256_hex};
use crate::kernel::{Instant, RegionCode};
use crate::word_enum;

word_enum! {
    /// How far the telling of an event has come.
    pub enum DeliveryStatus {
        /// It is tried, or tried again.
        Pending = "pending",
        /// The receiver answered that it has it.
        Delivered = "delivered",
        /// It was given up; it can be sent again by hand.
        Dead = "dead",
    }
}

/// A program elsewhere that is told of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where it is told.
    pub url: String,
    /// What people call it.
    pub name: String,
    /// Only of stores in this region.
    pub region: Option<RegionCode>,
    /// Only of these kinds; of all when there are none.
    pub kinds: Vec<AlertKind>,
    /// Only of what is at least so grave.
    pub severity: Severity,
    /// Whether it is told at present.
    pub active: bool,
    /// Which secret signs: counts from 1.
    pub secret_no: i64,
    /// SHA-256 of the secret, by which a server with another key knows that it cannot sign.
    pub secret_hash: String,
    /// Not tried before this instant, because it did not answer.
    pub rests_until: Option<Instant>,
    /// Since when it has not answered.
    pub failing_since: Option<Instant>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// When it was taken away.
    pub removed_at: Option<Instant>,
    /// Counts the changes, from 1.
    pub version: i64,
}

impl Webhook {
    /// Whether it is to be told of an event at a store in `region`.
    pub fn wants(&self, subject: &Subject, severity: Severity, region: &RegionCode) -> bool {
        self.active
            && self.removed_at.is_none()
            && severity >= self.severity
            && (self.kinds.is_empty() || self.kinds.contains(&subject.kind))
            && self.region.as_ref().is_none_or(|own| own.contains(region))
    }

    /// The secret that signs, derived from the server's key; `None` when the key is another than
    /// that with which it was made.
    pub fn secret(&self, key: &ServerKey) -> Option<String> {
        let secret = secret_of(key, &self.id, self.secret_no);
        (sha256_hex(&secret) == self.secret_hash).then_some(secret)
    }
}

/// The secret of a webhook under a key.
pub fn secret_of(key: &ServerKey, id: &WebhookId, number: i64) -> String {
    format!("whsec_{}", key.derive("changbei webhook", id.as_str(), number))
}

/// What stands in `Changbei-Signature`: the time of sending and the HMAC-SHA256 of time and body.
pub fn signature(secret: &str, sent_at: Instant, body: &str) -> String {
    let seconds = sent_at.micros().div_euclid(1_000_000);
    let mac = hmac_sha256_hex(secret.as_bytes(), format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={mac}")
}

/// One telling of one event to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, the same however often it is tried.
    pub id: WebhookDeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Of which event; `None` for a test.
    pub event_seq: Option<i64>,
    /// What is sent, byte for byte.
    pub body: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was put into the outbox, or back into it by hand.
    pub queued_at: Instant,
    /// Not tried before this instant.
    pub next_attempt_at: Instant,
    /// When it was last tried.
    pub last_attempt_at: Option<Instant>,
    /// The HTTP status of the last answer.
    pub last_status: Option<i64>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When the receiver had it.
    pub delivered_at: Option<Instant>,
}

/// Seconds before the second attempt.
const FIRST_WAIT: i64 = 30;
/// Seconds that no wait exceeds.
const LONGEST_WAIT: i64 = 6 * 3_600;

/// Seconds to wait after attempt `attempts`: twice as long each time, up to six hours, and up to half
/// as much again, so that what failed together is not tried again together.
///
/// The extra comes from a hash of the delivery and the attempt: it differs from one delivery to the
/// next, and is the same whenever it is worked out.
pub fn wait_after(id: &WebhookDeliveryId, attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 30) - 1).unwrap_or(0);
    let wait = FIRST_WAIT.saturating_mul(1_i64 << doublings).min(LONGEST_WAIT);
    let chance = sha256_hex(format!("{id} {attempts}"));
    let chance = chance.get(..8).and_then(|hex| i64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    wait + chance % (wait / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_six_hours_with_up_to_half_as_much_again() {
        let id = WebhookDeliveryId::generate();
        for (attempts, least) in
            [(1, 30), (2, 60), (3, 120), (9, 7_680), (10, 15_360), (40, 21_600)]
        {
            let wait = wait_after(&id, attempts);
            assert!((least..=least + least / 2).contains(&wait), "{attempts}: {wait}");
            assert_eq!(wait, wait_after(&id, attempts), "the same whenever it is worked out");
        }
        let waits: std::collections::BTreeSet<i64> =
            (0..50).map(|_| wait_after(&WebhookDeliveryId::generate(), 8)).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }

    #[test]
    fn a_signature_is_of_the_time_and_the_body() {
        let at = Instant::parse("2026-03-02T02:00:00Z").unwrap();
        let signed = signature("secret", at, "{}");
        let mac = hmac_sha256_hex(b"secret", b"1772416800.{}");
        assert_eq!(signed, format!("t=1772416800,v1={mac}"));
        assert_ne!(signature("secret", at, "{ }"), signed);
    }
}
