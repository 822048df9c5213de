//! What clients see of alerts.

pub mod webhooks;

use crate::alert::state::{AlertDocument, AlertFacts, AlertKind, AlertStatus, Severity, Subject};
use crate::alert::stored::{Acknowledgement, Alert, AlertEvent, Transition};
use crate::kernel::id::{AlertId, LotId};
use crate::kernel::{Instant, ItemCode, StoreCode};
use serde::Serialize;
use utoipa::ToSchema;

/// Who took note of an alert.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AcknowledgementView {
    /// When.
    pub at: Instant,
    /// The user's name.
    pub by: String,
    /// What they said.
    pub note: String,
}

impl From<&Acknowledgement> for AcknowledgementView {
    fn from(of: &Acknowledgement) -> Self {
        Self { at: of.at, by: of.by.clone(), note: of.note.clone() }
    }
}

/// Something that somebody should know of.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertView {
    /// Its id.
    pub id: AlertId,
    /// What it is about.
    pub kind: AlertKind,
    /// How it stands, or stood before it was over.
    pub status: AlertStatus,
    /// How grave that is.
    pub severity: Severity,
    /// Where.
    pub store_code: StoreCode,
    /// Of which item.
    pub item_code: Option<ItemCode>,
    /// Of which lot.
    pub lot_id: Option<LotId>,
    /// On which document.
    pub document: Option<AlertDocument>,
    /// How often this matter has been seen, this time included.
    pub occurrence: i64,
    /// The alert of the time before.
    pub previous_id: Option<AlertId>,
    /// When it was first seen.
    pub first_seen_at: Instant,
    /// When its status last changed.
    pub last_changed_at: Instant,
    /// When it was over; null while it is open.
    pub cleared_at: Option<Instant>,
    /// Who took note of it; null while nobody has, and again once it has become graver.
    pub acknowledgement: Option<AcknowledgementView>,
    /// The figures behind its status when that last changed.
    pub facts: AlertFacts,
    /// Counts the changes.
    pub version: i64,
}

impl From<&Alert> for AlertView {
    fn from(of: &Alert) -> Self {
        let Subject { kind, store, item, lot, document } = of.subject.clone();
        Self {
            id: of.id.clone(),
            kind,
            status: of.status,
            severity: of.status.severity(),
            store_code: store,
            item_code: item,
            lot_id: lot,
            document,
            occurrence: of.occurrence,
            previous_id: of.previous.clone(),
            first_seen_at: of.first_seen_at,
            last_changed_at: of.last_changed_at,
            cleared_at: of.cleared_at,
            acknowledgement: of.acknowledgement.as_ref().map(AcknowledgementView::from),
            facts: of.facts.clone(),
            version: of.version,
        }
    }
}

/// A change of an alert, as it is listed, streamed and sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertEventView {
    /// Its number, in the order in which all are told; the same whenever it is told again.
    pub seq: i64,
    /// What happened.
    pub transition: Transition,
    /// How the alert stood before; null when it was opened.
    pub status_before: Option<AlertStatus>,
    /// How it stands; when it is cleared, how it stood last.
    pub status: AlertStatus,
    /// How grave that is.
    pub severity: Severity,
    /// When.
    pub happened_at: Instant,
    /// The alert.
    pub alert_id: AlertId,
    /// What it is about.
    pub kind: AlertKind,
    /// Where.
    pub store_code: StoreCode,
    /// Of which item.
    pub item_code: Option<ItemCode>,
    /// Of which lot.
    pub lot_id: Option<LotId>,
    /// On which document.
    pub document: Option<AlertDocument>,
    /// The figures behind it.
    pub facts: AlertFacts,
    /// Who did it, where it was not the watch.
    pub actor: Option<String>,
    /// What they said.
    pub note: Option<String>,
}

impl From<&AlertEvent> for AlertEventView {
    fn from(of: &AlertEvent) -> Self {
        let Subject { kind, store, item, lot, document } = of.subject.clone();
        Self {
            seq: of.seq,
            transition: of.transition,
            status_before: of.status_before,
            status: of.status,
            severity: of.severity,
            happened_at: of.happened_at,
            alert_id: of.alert.clone(),
            kind,
            store_code: store,
            item_code: item,
            lot_id: lot,
            document,
            facts: of.facts.clone(),
            actor: of.actor.clone(),
            note: of.note.clone(),
        }
    }
}

/// An alert with all that happened to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertWithHistory {
    /// The alert.
    #[serde(flatten)]
    pub alert: AlertView,
    /// What happened to it, in order; without those that were forgotten, once the
    /// alert had been cleared for as long as the setting `alert_days` says.
    pub events: Vec<AlertEventView>,
}
