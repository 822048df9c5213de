//! Editing, approving, discarding and undoing.

use crate::allocation::requests::{text, units};
use crate::allocation::rules::{LineEdit, LineEdits, Which};
use crate::authority::{Authority, AuthorityRequest};
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, Refusal, StoreCode, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most lines of an edit.
const MANY_LINES: usize = 1_000;

/// What one line is to be instead.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationLineEdit)]
pub struct LineEditRequest {
    /// The line; or say `item_code`, `from_store` and `to_store`, for one that is there or a new
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pub line: Option<i64>,
    /// The item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_code: Option<String>,
    /// The donor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_store: Option<String>,
    /// The recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_store: Option<String>,
    /// Base units, none to strike the line.
    #[schema(example = 400, minimum = 0)]
    pub quantity: i64,
}

/// Lines to be changed, and why.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationEdit)]
pub struct EditRequest {
    /// Why.
    #[schema(example = "大吉山镇封控，三日内无法自行领取")]
    pub reason: String,
    /// The lines; the others stay as they are.
    pub lines: Vec<LineEditRequest>,
    /// By whose word stock below a floor may be taken; the approval keeps it unless it names
    /// another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<AuthorityRequest>,
}

impl EditRequest {
    /// The change.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, latest: Instant) -> Result<LineEdits, Refusal> {
        let mut faults = Faults::new();
        let reason = faults.keep("/reason", Text::<200>::new(&self.reason));
        if self.lines.is_empty() {
            faults.add("/lines", FaultCode::TooShort);
        }
        if self.lines.len() > MANY_LINES {
            faults.add("/lines", FaultCode::TooLong);
        }
        let lines = self.lines.iter().take(MANY_LINES).enumerate();
        let lines: Vec<LineEdit> = lines
            .filter_map(|(at, line)| line.parse(&format!("/lines/{at}"), &mut faults))
            .collect();
        let authority = self
            .authority
            .as_ref()
            .and_then(|authority| authority.parse("/authority", latest, &mut faults));
        faults.finish(reason.map(|reason| LineEdits { reason: reason.into(), lines, authority }))
    }
}

impl LineEditRequest {
    fn parse(&self, pointer: &str, faults: &mut Faults) -> Option<LineEdit> {
        let quantity = units(faults, &format!("{pointer}/quantity"), self.quantity);
        let which = match self.line {
            Some(line) => {
                for (name, value) in [
                    ("item_code", &self.item_code),
                    ("from_store", &self.from_store),
                    ("to_store", &self.to_store),
                ] {
                    if value.is_some() {
                        faults.add(format!("{pointer}/{name}"), FaultCode::Contradicts);
                    }
                }
                Which::Numbered(line)
            }
            None => {
                let of = |value: &Option<String>| value.clone().unwrap_or_default();
                let item = faults
                    .keep(format!("{pointer}/item_code"), ItemCode::new(&of(&self.item_code)));
                let from = faults
                    .keep(format!("{pointer}/from_store"), StoreCode::new(&of(&self.from_store)));
                let to =
                    faults.keep(format!("{pointer}/to_store"), StoreCode::new(&of(&self.to_store)));
                let (item, from, to) = (item?, from?, to?);
                if from == to {
                    faults.add(format!("{pointer}/to_store"), FaultCode::Contradicts);
                }
                Which::Between(item, from, to)
            }
        };
        Some(LineEdit { which, quantity })
    }
}

/// An approval; an empty one approves what nothing has changed under.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationApproval)]
pub struct ApproveRequest {
    /// By whose word: needed to take stock below a floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<AuthorityRequest>,
    /// Whether it is approved although figures have changed since; what makes the lines impossible
    /// (a lot that is gone, a closed road) is refused all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_changes: Option<bool>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An approval.
#[derive(Debug, Clone)]
pub struct Approval {
    /// By whose word.
    pub authority: Option<Authority>,
    /// Whether changes are accepted.
    pub accepts: bool,
    /// What else there is to say.
    pub note: Option<String>,
}

impl ApproveRequest {
    /// The approval.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self, latest: Instant) -> Result<Approval, Refusal> {
        let mut faults = Faults::new();
        let authority = self
            .authority
            .as_ref()
            .and_then(|authority| authority.parse("/authority", latest, &mut faults));
        let note = text::<500>(&mut faults, "/note", self.note.as_deref());
        let accepts = self.accept_changes == Some(true);
        faults.finish(Some(Approval { authority, accepts, note }))
    }
}

/// Why an allocation is given up, or its dispatches are taken back.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationReason)]
pub struct ReasonRequest {
    /// Why.
    #[schema(example = "市级增援已到")]
    pub reason: String,
}

impl ReasonRequest {
    /// Why.
    ///
    /// # Errors
    /// `validation_failed` when it is empty or too long.
    pub fn parse(&self) -> Result<String, Refusal> {
        let mut faults = Faults::new();
        let reason = faults.keep("/reason", Text::<200>::new(&self.reason));
        faults.finish(reason.map(String::from))
    }
}
