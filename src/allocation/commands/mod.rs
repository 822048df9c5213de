//! What is done with allocations, one transaction each.

pub mod deciding;
pub mod proposing;
pub mod routes;
pub mod showing;

use crate::allocation::proposal::{Allocation, Event};
use crate::allocation::records::{self, DOCUMENT_KIND};
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::AllocationId;
use crate::kernel::{Instant, Refusal, StoreCode};

/// That there is no such allocation, or none that the caller may know of.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("分配方案", "allocation", id)
}

/// The latest business time that is not in the future.
fn latest(tx: &Tx<'_>) -> Instant {
    tx.now.plus_minutes(tx.settings.future_minutes)
}

/// Locks an allocation of which the caller has seen the current version.
fn lock(tx: &mut Tx<'_>, id: &AllocationId) -> Result<Allocation, CommandError> {
    let found = records::lock(tx.conn, id)?.ok_or_else(|| not_found(id.as_str()))?;
    if !records::is_visible(tx.conn, &tx.actor.scope, id)? {
        return Err(not_found(id.as_str()).into());
    }
    tx.expect_version(found.version)?;
    Ok(found)
}

/// The store in whose chain the audit entries of an allocation stand.
fn chain_of(one: &Allocation) -> Option<StoreCode> {
    let of_line = one.lines.first().map(|line| line.from.clone());
    of_line.or_else(|| one.cells().into_iter().next().map(|(store, _)| store))
}

fn subject(one: &Allocation) -> Subject {
    Subject { kind: DOCUMENT_KIND, id: one.id.to_string(), store: chain_of(one) }
}

fn event(tx: &Tx<'_>, what: &str, note: Option<String>) -> Event {
    Event { at: tx.now, actor: tx.actor.name.clone(), what: what.to_owned(), note }
}

/// Stores what an action changed, tells the story, and answers the allocation as it stands now.
fn finish(
    tx: &mut Tx<'_>,
    before: &Allocation,
    after: Allocation,
    told: &Event,
) -> Result<Done, CommandError> {
    let after = Allocation { version: before.version + 1, ..after };
    records::update(tx.conn, before, &after)?;
    records::tell(tx.conn, &after.id, told)?;
    let stored = records::find(tx.conn, after.id.as_str())?.unwrap_or(after);
    let view = showing::view(tx.conn, &stored, tx.settings, tx.now)?;
    let was = serde_json::json!({ "status": before.status.as_str(), "version": before.version });
    Ok(Done::ok(subject(&stored), &view).version(stored.version).replacing(&was))
}
