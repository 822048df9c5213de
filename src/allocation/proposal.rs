//! A proposal of who gets what, and the decision about it, kept side by side.

use crate::allocation::changes::Change;
use crate::allocation::inputs::Inputs;
use crate::allocation::outcome::{LotShare, Outcome};
use crate::authority::Authority;
use crate::kernel::id::{AllocationId, DispatchId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::word_enum;

word_enum! {
    /// What has become of a proposal. That it is *stale* is no status: it follows from the facts.
    pub enum AllocationStatus {
        /// Worked out, and nobody has decided.
        Proposed = "proposed",
        /// Turned into dispatches.
        Approved = "approved",
        /// Given up, with a reason.
        Discarded = "discarded",
    }
}

/// What one store is to get of one item from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub line: i64,
    /// The part of the proposal, from 1.
    pub part: i64,
    /// The item.
    pub item_code: ItemCode,
    /// The donor.
    pub from: StoreCode,
    /// The recipient.
    pub to: StoreCode,
    /// Base units as proposed; none for a line that was added by hand.
    pub proposed: Quantity,
    /// The lots as proposed.
    pub proposed_lots: Vec<LotShare>,
    /// Base units as decided.
    pub decided: Quantity,
    /// The lots as decided.
    pub decided_lots: Vec<LotShare>,
    /// Why it was edited.
    pub edit: Option<Edit>,
}

/// Who changed a line, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
}

/// A proposal and what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Its id.
    pub id: AllocationId,
    /// Its number, e.g. `FP-QN-DEPOT-2026-000001`; `YL-…` for a rehearsal.
    pub number: String,
    /// What has become of it.
    pub status: AllocationStatus,
    /// Whether it is a rehearsal on figures that somebody made up.
    pub rehearsal: bool,
    /// Why it was asked for.
    pub reason: Option<String>,
    /// What it was worked out from.
    pub inputs: Inputs,
    /// The SHA-256 of the JSON in which the inputs are kept.
    pub input_hash: String,
    /// What it came to.
    pub outcome: Outcome,
    /// The allocation that it repeats.
    pub follows: Option<AllocationId>,
    /// The number of its round, from 1.
    pub round: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// Who made or edited it: none of them may approve it.
    pub authors: Vec<String>,
    /// Who approved or discarded it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Instant>,
    /// By whose word.
    pub authority: Option<Authority>,
    /// What had changed and was accepted.
    pub accepted: Vec<Change>,
    /// What was said with the decision.
    pub note: Option<String>,
    /// Counts the changes.
    pub version: i64,
    /// Its lines.
    pub lines: Vec<Line>,
    /// The dispatches that it was turned into.
    pub dispatches: Vec<DispatchId>,
}

impl Allocation {
    /// Every store that it looked at, with each item.
    pub fn cells(&self) -> std::collections::BTreeSet<(StoreCode, ItemCode)> {
        let of_part = self.inputs.parts.iter().flat_map(|part| {
            let donors = part.donors.iter().map(|donor| &donor.store);
            let recipients = part.recipients.iter().map(|recipient| &recipient.store);
            let left_out = part.left_out.iter().map(|out| &out.store_code);
            donors.chain(recipients).chain(left_out).map(|store| (store.clone(), part.item.clone()))
        });
        let of_lines = self.lines.iter().flat_map(|line| {
            [&line.from, &line.to].map(|store| (store.clone(), line.item_code.clone()))
        });
        of_part.chain(of_lines).collect()
    }

    /// Remembers that a user had a hand in it.
    pub fn add_author(&mut self, user: &str) {
        if !self.authors.iter().any(|author| author == user) {
            self.authors.push(user.to_owned());
        }
    }
}

/// Something happened to an allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// Who did it.
    pub actor: String,
    /// What, as one word.
    pub what: String,
    /// What else there is to say.
    pub note: Option<String>,
}
