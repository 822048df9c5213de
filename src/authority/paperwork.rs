//! The paper that is due after something was done on a spoken word.

use crate::authority::word::Authority;
use crate::kernel::id::PaperworkId;
use crate::kernel::{Instant, StoreCode};
use crate::word_enum;

word_enum! {
    /// What has become of the paper.
    pub enum PaperworkStatus {
        /// Nobody has confirmed or objected yet.
        Open = "open",
        /// Another user confirmed that the word was given.
        Confirmed = "confirmed",
        /// Another user denied it.
        Objected = "objected",
        /// The document was cancelled before anything moved.
        Void = "void",
    }
}

word_enum! {
    /// How the paper stands at a given time: its status, or that it is late.
    pub enum PaperworkState {
        /// Not due yet.
        Open = "open",
        /// Due, and still neither confirmed nor objected to.
        Overdue = "overdue",
        /// Confirmed.
        Confirmed = "confirmed",
        /// Objected to.
        Objected = "objected",
        /// No longer needed.
        Void = "void",
    }
}

/// A document on which something was done on a spoken word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRef {
    /// E.g. `dispatch`, `issue`, `response_level`.
    pub kind: String,
    /// The document's id.
    pub id: String,
    /// Its number, where it has one.
    pub number: Option<String>,
    /// The stores that it concerns, the acting one first; they bound who sees the paperwork.
    pub store: Option<StoreCode>,
    /// The store at the other end.
    pub other_store: Option<StoreCode>,
}

/// The paper that is due after an act on a spoken word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paperwork {
    /// Its id.
    pub id: PaperworkId,
    /// What was acted on.
    pub document: DocumentRef,
    /// The spoken word.
    pub authority: Authority,
    /// The user who acted on it.
    pub acted_by: String,
    /// Every user who made, approved or carried out the document: none of them may vouch for it.
    pub involved: Vec<String>,
    /// When.
    pub acted_at: Instant,
    /// When the paper is due.
    pub due_at: Instant,
    /// What has become of it.
    pub status: PaperworkStatus,
    /// The user who confirmed or objected.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Instant>,
    /// The number of the paper that followed.
    pub paper_number: Option<String>,
    /// What that user said.
    pub note: Option<String>,
    /// Counts the changes.
    pub version: i64,
}

impl Paperwork {
    /// How it stands at `now`: due at its very instant, late after it.
    pub fn state_at(&self, now: Instant) -> PaperworkState {
        match self.status {
            PaperworkStatus::Open if now > self.due_at => PaperworkState::Overdue,
            PaperworkStatus::Open => PaperworkState::Open,
            PaperworkStatus::Confirmed => PaperworkState::Confirmed,
            PaperworkStatus::Objected => PaperworkState::Objected,
            PaperworkStatus::Void => PaperworkState::Void,
        }
    }
}
