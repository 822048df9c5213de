//! Allocations as they are shown, with what has changed under them.

use crate::access::{Actor, Scope};
use crate::allocation::changes::{Change, changes};
use crate::allocation::commands::not_found;
use crate::allocation::facts::Facts;
use crate::allocation::freezing::freeze_again;
use crate::allocation::inputs::Inputs;
use crate::allocation::making::make;
use crate::allocation::proposal::{Allocation, AllocationStatus};
use crate::allocation::queries;
use crate::allocation::records::{self, DOCUMENT_KIND};
use crate::allocation::rules::obstacles;
use crate::allocation::views::{
    AllocationRecomputation, AllocationRow, AllocationView, Context, RecomputedLine,
};
use crate::authority::records as authority;
use crate::command::CommandError;
use crate::config::Settings;
use crate::db::{DbConnection, DbError};
use crate::dispatch::records as dispatches;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode};
use std::collections::BTreeMap;

/// Every item that frozen inputs speak of.
pub fn items_of(inputs: &Inputs) -> Vec<ItemCode> {
    let mut items: Vec<ItemCode> =
        inputs.parts.iter().flat_map(|part| part.group.iter().cloned()).collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// The facts under an allocation as they are now, and what has changed.
///
/// # Errors
/// When the database fails.
pub fn moved(
    conn: &mut DbConnection,
    one: &Allocation,
    settings: &Settings,
    now: Instant,
) -> Result<(Inputs, Vec<Change>), DbError> {
    let items = items_of(&one.inputs);
    let facts = queries::facts(conn, &Scope::All, &items, None, settings, now)?;
    let again = freeze_again(&facts, &one.inputs);
    let changed = changes_under(one, &again);
    Ok((again, changed))
}

/// What has changed, with what stands in the way of the lines marked as such.
fn changes_under(one: &Allocation, again: &Inputs) -> Vec<Change> {
    let mut changed = changes(&one.inputs, again);
    for obstacle in obstacles(one, again) {
        let same = |change: &Change| {
            change.what == obstacle.what
                && change.store_code == obstacle.store_code
                && change.of == obstacle.of
        };
        changed.retain(|change| !same(change));
        changed.push(obstacle);
    }
    changed
}

/// Only an undecided proposal of the real world can become stale.
fn can_be_stale(one: &Allocation) -> bool {
    one.status == AllocationStatus::Proposed && !one.rehearsal
}

/// Rows of a list; the facts of each item are loaded once for all that are undecided.
///
/// # Errors
/// When the database fails.
pub fn rows(
    conn: &mut DbConnection,
    allocations: &[Allocation],
    settings: &Settings,
    now: Instant,
) -> Result<Vec<AllocationRow>, DbError> {
    let ids: Vec<String> = allocations.iter().map(|one| one.id.to_string()).collect();
    let papers = authority::of_documents(conn, DOCUMENT_KIND, &ids)?;
    let mut known: BTreeMap<Vec<ItemCode>, Facts> = BTreeMap::new();
    let mut rows = Vec::new();
    for one in allocations {
        let mut context = Context {
            paperwork: papers
                .iter()
                .filter(|paper| paper.document.id == one.id.as_str())
                .cloned()
                .collect(),
            ..Context::default()
        };
        if can_be_stale(one) {
            let items = items_of(&one.inputs);
            if !known.contains_key(&items) {
                let facts = queries::facts(conn, &Scope::All, &items, None, settings, now)?;
                known.insert(items.clone(), facts);
            }
            if let Some(facts) = known.get(&items) {
                context.changes = changes_under(one, &freeze_again(facts, &one.inputs));
            }
        }
        rows.push(AllocationRow::of(one, &context, now));
    }
    Ok(rows)
}

/// An allocation with what has changed under it, its paper, dispatches and story.
///
/// # Errors
/// When the database fails.
pub fn view(
    conn: &mut DbConnection,
    one: &Allocation,
    settings: &Settings,
    now: Instant,
) -> Result<AllocationView, DbError> {
    let mut context = Context {
        paperwork: authority::of_document(conn, DOCUMENT_KIND, one.id.as_str())?,
        ..Context::default()
    };
    if can_be_stale(one) {
        context.changes = moved(conn, one, settings, now)?.1;
    }
    for id in &one.dispatches {
        context.dispatches.extend(dispatches::find(conn, id.as_str())?);
    }
    let events = records::events_of(conn, &one.id)?;
    Ok(AllocationView::of(one, &context, events, now))
}

/// The allocation of an id or number, when the caller may know of it.
///
/// # Errors
/// `not_found`; failures of the database.
pub fn find_visible(
    conn: &mut DbConnection,
    actor: &Actor,
    id: &str,
) -> Result<Allocation, CommandError> {
    let found = records::find(conn, id)?.ok_or_else(|| not_found(id))?;
    if !records::is_visible(conn, &actor.scope, &found.id)? {
        return Err(not_found(id).into());
    }
    Ok(found)
}

/// The allocation that a request names in its body; one that the caller may not know of is a fault
/// of the field, like any other name that is unknown.
///
/// # Errors
/// Failures of the database.
pub fn named(
    conn: &mut DbConnection,
    actor: &Actor,
    id: Option<&str>,
    pointer: &str,
    faults: &mut Faults,
) -> Result<Option<Allocation>, CommandError> {
    let Some(id) = id else { return Ok(None) };
    let Some(found) = records::find(conn, id)? else {
        faults.add(pointer, FaultCode::Unknown);
        return Ok(None);
    };
    let visible = records::is_visible(conn, &actor.scope, &found.id)?;
    Ok(faults.keep(pointer, if visible { Ok(found) } else { Err(FaultCode::Unknown) }))
}

/// Works frozen inputs out again, and compares with what was kept.
///
/// # Errors
/// Those of the solver, which cannot come up for what it solved before; failures of the database.
pub fn recompute(
    conn: &mut DbConnection,
    one: &Allocation,
    settings: &Settings,
    now: Instant,
) -> Result<AllocationRecomputation, CommandError> {
    let outcome = make(&one.inputs)?;
    let changes = if one.rehearsal { Vec::new() } else { moved(conn, one, settings, now)?.1 };
    let lines = outcome.parts.iter().zip(1..).flat_map(|(part, number)| {
        part.lines.iter().map(move |line| RecomputedLine {
            part: number,
            item_code: line.item_code.clone(),
            from_store: line.from.clone(),
            to_store: line.to.clone(),
            quantity: line.quantity,
            lots: line.lots.clone(),
        })
    });
    Ok(AllocationRecomputation {
        id: one.id.clone(),
        number: one.number.clone(),
        rehearsal: one.rehearsal,
        input_hash: one.input_hash.clone(),
        hash_holds: Inputs::hash_of(&one.inputs.to_json()) == one.input_hash,
        same: outcome == one.outcome,
        stale: !changes.is_empty(),
        changes,
        lines: lines.collect(),
    })
}
