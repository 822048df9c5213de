//! What clients send about alerts.

pub mod webhooks;

use crate::kernel::{Faults, Refusal, Text};
use serde::Deserialize;
use utoipa::ToSchema;

/// That somebody has taken note of an alert.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "已联系县医院，下午补货"}))]
pub struct AcknowledgeRequest {
    /// What is being done about it, or why nothing need be: at most 500 characters.
    pub note: String,
}

impl AcknowledgeRequest {
    /// The note.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(self) -> Result<String, Refusal> {
        let mut faults = Faults::new();
        let note = faults.keep("/note", Text::<500>::new(&self.note));
        faults.finish(note).map(String::from)
    }
}
