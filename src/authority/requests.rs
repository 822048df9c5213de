//! What clients send about paperwork.

use crate::authority::rules::Decision;
use crate::kernel::{FaultCode, Faults, Refusal, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What another user says of a spoken word afterwards.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PaperworkDecisionRequest)]
pub struct DecisionRequest {
    /// The number of the paper that followed.
    #[serde(default)]
    #[schema(example = "全指补〔2026〕5号")]
    pub number: Option<String>,
    /// What else there is to say; an objection needs it.
    #[serde(default)]
    #[schema(example = "已与值班长核实")]
    pub note: Option<String>,
}

impl DecisionRequest {
    /// The decision.
    ///
    /// # Errors
    /// `validation_failed` with every fault; an objection without a note is one.
    pub fn parse(&self, confirmed: bool) -> Result<Decision, Refusal> {
        let mut faults = Faults::new();
        let number = self
            .number
            .as_deref()
            .map(|text| faults.keep("/number", Text::<64>::new(text)))
            .map_or(Some(None), |kept| kept.map(Some));
        let note = match self.note.as_deref() {
            Some(text) => faults.keep("/note", Text::<500>::new(text)).map(Some),
            None if confirmed => Some(None),
            None => {
                faults.add("/note", FaultCode::Required);
                None
            }
        };
        let decision = number.zip(note).map(|(number, note)| Decision {
            confirmed,
            paper_number: number.map(String::from),
            note: note.map(String::from),
        });
        faults.finish(decision)
    }
}
