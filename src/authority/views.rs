//! What clients see of paperwork.

use crate::authority::paperwork::{Paperwork, PaperworkState};
use crate::authority::word::Authority;
use crate::kernel::id::PaperworkId;
use crate::kernel::{Instant, StoreCode};
use serde::Serialize;
use utoipa::ToSchema;

/// The document that something was done on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DocumentView {
    /// E.g. `dispatch`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its number, where it has one.
    pub number: Option<String>,
    /// The stores it concerns.
    pub stores: Vec<StoreCode>,
}

/// The paper that is due after something was done on a spoken word.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PaperworkView {
    /// Its id.
    pub id: PaperworkId,
    /// What was acted on.
    pub document: DocumentView,
    /// The spoken word.
    pub authority: Authority,
    /// The user who acted on it first.
    pub acted_by: String,
    /// Every user who acted on it; none of them may confirm it.
    pub involved: Vec<String>,
    /// When it was first acted on.
    pub acted_at: Instant,
    /// When the paper is due.
    pub due_at: Instant,
    /// How it stands now.
    pub state: PaperworkState,
    /// The user who confirmed or objected.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Instant>,
    /// The number of the paper that followed.
    pub paper_number: Option<String>,
    /// What that user said.
    pub note: Option<String>,
}

impl PaperworkView {
    /// The paperwork as it stands at `now`.
    pub fn of(paperwork: &Paperwork, now: Instant) -> Self {
        let document = paperwork.document.clone();
        Self {
            id: paperwork.id.clone(),
            document: DocumentView {
                kind: document.kind,
                id: document.id,
                number: document.number,
                stores: document.store.into_iter().chain(document.other_store).collect(),
            },
            authority: paperwork.authority.clone(),
            acted_by: paperwork.acted_by.clone(),
            involved: paperwork.involved.clone(),
            acted_at: paperwork.acted_at,
            due_at: paperwork.due_at,
            state: paperwork.state_at(now),
            decided_by: paperwork.decided_by.clone(),
            decided_at: paperwork.decided_at,
            paper_number: paperwork.paper_number.clone(),
            note: paperwork.note.clone(),
        }
    }
}
