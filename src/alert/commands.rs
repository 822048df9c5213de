//! Taking note of alerts.

pub mod delivering;
pub mod sending;
pub mod tidying;
pub mod watching;
pub mod webhooks;

use crate::alert::records::{self, lock_watch, store_watch, webhooks as outbox};
use crate::alert::rules::acknowledged;
use crate::alert::stored::{Acknowledgement, Alert};
use crate::alert::views::AlertView;
use crate::alert::views::webhooks::body_of;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::AlertId;
use crate::kernel::{Code, Refusal};

/// Takes note of an open alert.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status` when it is over or somebody has taken note of it.
pub fn acknowledge(tx: &mut Tx<'_>, id: &AlertId, note: &str) -> Result<Done, CommandError> {
    // The watch first, so that no alert is looked at while it changes.
    let mut watch = lock_watch(tx.conn)?;
    let alert = records::find(tx.conn, id)?
        .filter(|alert| tx.actor.scope.contains(&alert.subject.store))
        .ok_or_else(|| not_found(id.as_str()))?;
    tx.expect_version(alert.version)?;
    require_open(&alert)?;
    let by = Acknowledgement { at: tx.now, by: tx.actor.name.clone(), note: note.to_owned() };
    let before = AlertView::from(&alert);
    let change = acknowledged(alert, by);
    let events = records::record(tx.conn, &mut watch, std::slice::from_ref(&change), tx.now)?;
    outbox::enqueue(tx.conn, &events, body_of, tx.now)?;
    store_watch(tx.conn, &watch)?;
    let view = AlertView::from(&change.alert);
    let subject = Subject {
        kind: "alert",
        id: id.to_string(),
        store: Some(change.alert.subject.store.clone()),
    };
    Ok(Done::ok(subject, &view).version(change.alert.version).replacing(&before))
}

fn require_open(alert: &Alert) -> Result<(), Refusal> {
    if alert.cleared_at.is_some() {
        return Err(Refusal::new(
            Code::WrongStatus,
            "预警已解除，无须确认",
            "The alert is over: there is nothing to take note of",
        ));
    }
    if let Some(by) = &alert.acknowledgement {
        return Err(Refusal::new(
            Code::WrongStatus,
            format!("{} 已确认此预警", by.by),
            format!("{} has taken note of it", by.by),
        ));
    }
    Ok(())
}

/// That there is no such alert.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("预警", "alert", id)
}
