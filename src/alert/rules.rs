//! What the watch makes of what it finds: states into alerts, and alerts into changes of them.

use crate::alert::state::{AlertStatus, State};
use crate::alert::stored::{Acknowledgement, Alert, Transition};
use crate::kernel::Instant;
use crate::kernel::id::AlertId;
use crate::shortfall::rules::Status;
use std::collections::BTreeMap;

/// The alert status of a line of the plan; `None` where all is well.
pub const fn shortage(status: Status) -> Option<AlertStatus> {
    match status {
        Status::NotComputable => Some(AlertStatus::NotComputable),
        Status::Out => Some(AlertStatus::Out),
        Status::BelowFloor => Some(AlertStatus::BelowFloor),
        Status::Short => Some(AlertStatus::Short),
        Status::Met => None,
    }
}

/// The occurrence of a matter that is over, where there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its alert.
    pub id: AlertId,
    /// How often the matter had been seen.
    pub occurrence: i64,
}

/// A change to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub transition: Transition,
    /// How the alert stood before; `None` when it is new.
    pub before: Option<AlertStatus>,
    /// The alert as it stands then.
    pub alert: Alert,
}

/// What is to be recorded when the open alerts were `open` and what is wrong now is `found`.
///
/// After it, the open alerts are exactly the states found, each with the status found: that is all
/// the watch promises, and it holds however often and with whatever gaps it looks.
///
/// `past` gives the newest occurrence that is over of a subject's key.
pub fn changes(
    open: Vec<Alert>,
    found: Vec<State>,
    past: impl Fn(&str) -> Option<Past>,
    now: Instant,
) -> Vec<Change> {
    let mut open: BTreeMap<String, Alert> =
        open.into_iter().map(|alert| (alert.subject.key(), alert)).collect();
    let found: BTreeMap<String, State> =
        found.into_iter().map(|state| (state.subject.key(), state)).collect();
    let mut changes = Vec::new();
    for (key, state) in found {
        match open.remove(&key) {
            None => changes.push(opened(state, past(&key), now)),
            Some(alert) if alert.status != state.status => changes.push(moved(alert, state, now)),
            Some(_as_it_was) => {}
        }
    }
    changes.extend(open.into_values().map(|alert| cleared(alert, now)));
    changes
}

fn opened(state: State, past: Option<Past>, now: Instant) -> Change {
    let occurrence = past.as_ref().map_or(1, |past| past.occurrence + 1);
    let alert = Alert {
        id: AlertId::generate(),
        subject: state.subject,
        status: state.status,
        occurrence,
        previous: past.map(|past| past.id),
        first_seen_at: now,
        last_changed_at: now,
        cleared_at: None,
        acknowledgement: None,
        facts: state.facts,
        version: 1,
    };
    Change { transition: Transition::Opened, before: None, alert }
}

fn moved(mut alert: Alert, state: State, now: Instant) -> Change {
    let before = alert.status;
    let transition = match state.status.severity().cmp(&before.severity()) {
        std::cmp::Ordering::Greater => Transition::Escalated,
        std::cmp::Ordering::Less => Transition::Eased,
        std::cmp::Ordering::Equal => Transition::Changed,
    };
    if transition == Transition::Escalated {
        alert.acknowledgement = None;
    }
    alert.status = state.status;
    alert.facts = state.facts;
    alert.last_changed_at = now;
    alert.version += 1;
    Change { transition, before: Some(before), alert }
}

fn cleared(mut alert: Alert, now: Instant) -> Change {
    alert.last_changed_at = now;
    alert.cleared_at = Some(now);
    alert.version += 1;
    Change { transition: Transition::Cleared, before: Some(alert.status), alert }
}

/// The alert when somebody has taken note of it.
pub fn acknowledged(mut alert: Alert, by: Acknowledgement) -> Change {
    alert.acknowledgement = Some(by);
    alert.version += 1;
    Change { transition: Transition::Acknowledged, before: Some(alert.status), alert }
}

#[cfg(test)]
mod tests;
