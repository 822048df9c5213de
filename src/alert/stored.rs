//! Alerts and their changes, as they are on record.

use crate::alert::state::{AlertFacts, AlertStatus, Severity, Subject};
use crate::kernel::Instant;
use crate::kernel::id::AlertId;
use crate::word_enum;

word_enum! {
    /// What happened to an alert.
    pub enum Transition {
        /// It was seen for the first time.
        Opened = "opened",
        /// It became graver.
        Escalated = "escalated",
        /// It became less grave.
        Eased = "eased",
        /// It changed without becoming more or less grave.
        Changed = "changed",
        /// It is over.
        Cleared = "cleared",
        /// Somebody took note of it.
        Acknowledged = "acknowledged",
    }
}

/// That somebody took note of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// When.
    pub at: Instant,
    /// The user's name.
    pub by: String,
    /// What they said.
    pub note: String,
}

/// An alert: one occurrence of one matter.
///
/// When a matter that was over comes back, that is a new alert: what somebody took note of then says
/// nothing about now. It counts the occurrences and names the one before, so that what comes and
/// goes shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// What it is about.
    pub subject: Subject,
    /// How it stands, or stood before it was over.
    pub status: AlertStatus,
    /// How often the matter has been seen, this time included.
    pub occurrence: i64,
    /// The alert of the time before.
    pub previous: Option<AlertId>,
    /// When it was first seen.
    pub first_seen_at: Instant,
    /// When its status last changed.
    pub last_changed_at: Instant,
    /// When it was over.
    pub cleared_at: Option<Instant>,
    /// Who took note of it as it stands; taken back when it becomes graver.
    pub acknowledgement: Option<Acknowledgement>,
    /// The figures behind its status when that last changed.
    pub facts: AlertFacts,
    /// Counts the changes, from 1.
    pub version: i64,
}

/// A change of an alert, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertEvent {
    /// Its number, in the order in which all are told; never used twice.
    pub seq: i64,
    /// What happened.
    pub transition: Transition,
    /// How the alert stood before.
    pub status_before: Option<AlertStatus>,
    /// How it stands.
    pub status: AlertStatus,
    /// How grave that is.
    pub severity: Severity,
    /// The figures behind it.
    pub facts: AlertFacts,
    /// When.
    pub happened_at: Instant,
    /// Who did it, where it was not the watch.
    pub actor: Option<String>,
    /// What they said.
    pub note: Option<String>,
    /// The alert that it happened to.
    pub alert: AlertId,
    /// What the alert is about.
    pub subject: Subject,
}
