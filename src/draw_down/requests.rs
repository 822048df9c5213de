//! What clients send about draw-downs.

use crate::kernel::{Faults, Refusal, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The end of a draw-down.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CloseDrawDownRequest)]
pub struct CloseRequest {
    /// Why it is closed although the stock is below its floor; not needed at the floor.
    #[serde(default)]
    #[schema(example = "该物资停产，储备改列新品")]
    pub note: Option<String>,
}

impl CloseRequest {
    /// The note.
    ///
    /// # Errors
    /// `validation_failed` when it is empty or too long.
    pub fn parse(&self) -> Result<Option<String>, Refusal> {
        let Some(text) = &self.note else { return Ok(None) };
        let mut faults = Faults::new();
        let note = faults.keep("/note", Text::<500>::new(text)).map(String::from);
        faults.finish(note).map(Some)
    }
}
