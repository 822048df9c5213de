//! Documents that post to the ledger, and their human numbers.

use crate::kernel::id::StockDocumentId;
use crate::kernel::{Instant, StoreCode};
use crate::stock::movement::DocumentRef;
use crate::word_enum;

word_enum! {
    /// A kind of document that posts to the ledger.
    pub enum DocumentKind {
        /// 入库单.
        Receipt = "receipt",
        /// 出库单.
        Issue = "issue",
        /// 报损单.
        WriteOff = "write_off",
        /// 更正单.
        Adjustment = "adjustment",
        /// 状态变更单.
        StateChange = "state_change",
    }
}

impl DocumentKind {
    /// The letters with which its numbers begin: the initials of its Chinese name.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Receipt => "RK",
            Self::Issue => "CK",
            Self::WriteOff => "BS",
            Self::Adjustment => "GZ",
            Self::StateChange => "ZT",
        }
    }

    /// Its name in both languages.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Receipt => ("入库单", "receipt"),
            Self::Issue => ("出库单", "issue"),
            Self::WriteOff => ("报损单", "write-off"),
            Self::Adjustment => ("更正单", "adjustment"),
            Self::StateChange => ("状态变更单", "state change"),
        }
    }
}

word_enum! {
    /// How far a document has come.
    pub enum DocumentStatus {
        /// It waits for approval and has moved nothing.
        Draft = "draft",
        /// Its movements stand in the ledger.
        Posted = "posted",
        /// It was given up before it moved anything.
        Cancelled = "cancelled",
    }
}

/// A document that posts to the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockDocument {
    /// The document's id.
    pub id: StockDocumentId,
    /// Its kind.
    pub kind: DocumentKind,
    /// Its human number, never reused.
    pub number: String,
    /// The store it belongs to.
    pub store_code: StoreCode,
    /// How far it has come.
    pub status: DocumentStatus,
    /// Business time.
    pub occurred_at: Instant,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who made it.
    pub created_by: String,
    /// Who approved it, where that is needed.
    pub approved_by: Option<String>,
    /// When it was approved.
    pub approved_at: Option<Instant>,
    /// What it says beyond its movements, as JSON.
    pub detail: String,
    /// Counts the changes.
    pub version: i64,
}

impl StockDocument {
    /// How movements refer to it.
    pub fn reference(&self) -> DocumentRef {
        DocumentRef {
            kind: self.kind.as_str().to_owned(),
            id: self.id.to_string(),
            number: self.number.clone(),
        }
    }
}

/// A human number: kind, store, year and a running number, e.g. `DB-QN-DEPOT-2026-000123`.
pub fn format_number(prefix: &str, store: &StoreCode, year: i64, running: i64) -> String {
    format!("{prefix}-{store}-{year}-{running:06}")
}
