//! Accepting a clock that has jumped.

use crate::chain::records::{Acceptance, insert_acceptance, newest_record};
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::ClockAcceptanceId;
use crate::kernel::{Faults, Instant, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why the clock is right as it is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "机房停电后已按电话报时核对"}))]
pub struct AcceptClockRequest {
    /// Why, in words.
    pub reason: String,
}

/// A clock that someone accepted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AcceptanceView {
    /// The acceptance's id.
    pub id: ClockAcceptanceId,
    /// What the clock showed.
    pub shown: Instant,
    /// The newest record there was.
    pub newest_record: Instant,
    /// Why it was accepted.
    pub reason: String,
    /// By whom.
    pub accepted_by: String,
}

impl From<Acceptance> for AcceptanceView {
    fn from(acceptance: Acceptance) -> Self {
        Self {
            id: acceptance.id,
            shown: acceptance.shown,
            newest_record: acceptance.recorded_head,
            reason: acceptance.reason,
            accepted_by: acceptance.accepted_by,
        }
    }
}

/// Accepts the clock as it is: what was refused because of it is recorded from now on.
///
/// # Errors
/// `validation_failed` without a reason.
pub fn accept_clock(tx: &mut Tx<'_>, request: &AcceptClockRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let reason = faults.keep("/reason", Text::<200>::new(&request.reason));
    let reason = faults.finish(reason)?;
    let acceptance = Acceptance {
        id: ClockAcceptanceId::generate(),
        recorded_head: newest_record(tx.conn)?,
        shown: tx.now,
        reason: reason.into(),
        accepted_by: tx.actor.name.clone(),
    };
    insert_acceptance(tx.conn, &acceptance)?;
    let subject = Subject { kind: "clock", id: acceptance.id.to_string(), store: None };
    Ok(Done::created(subject, &AcceptanceView::from(acceptance)).located("/clock".to_owned()))
}
