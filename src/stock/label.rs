//! What the label of a maker's lot says, and what was corrected of it.

use crate::authority::Authority;
use crate::kernel::id::{LotId, MakersLotEventId, MakersLotId, StockDocumentId};
use crate::kernel::{Instant, ItemCode, LotNumber, Money};
use crate::stock::lot::MakersLot;
use crate::stock::reason::ReasonCode;
use crate::word_enum;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the label of a maker's lot says, as the book has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Label {
    /// The item.
    pub item_code: ItemCode,
    /// The number on the label, or a house number.
    pub lot_number: LotNumber,
    /// Who made it; empty where nobody says.
    pub maker: String,
    /// When it was made.
    pub manufactured_on: Option<NaiveDate>,
    /// `dated`, `none` or `unknown`.
    pub expiry: String,
    /// The last day of use.
    pub expires_on: Option<NaiveDate>,
}

impl From<&MakersLot> for Label {
    fn from(lot: &MakersLot) -> Self {
        Self {
            item_code: lot.item_code.clone(),
            lot_number: lot.lot_number.clone(),
            maker: lot.maker.clone(),
            manufactured_on: lot.manufactured_on,
            expiry: lot.expiry.kind().to_owned(),
            expires_on: lot.expiry.date(),
        }
    }
}

impl Label {
    /// The label as the JSON that is kept with a correction.
    pub fn to_json(&self) -> String {
        // A struct of strings and dates always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the JSON back; `None` where it is not one of ours.
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

word_enum! {
    /// What was corrected of a maker's lot.
    pub enum LabelChange {
        /// Item, number or maker: everything went to another maker's lot.
        Correction = "correction",
        /// The expiry or the date of making was mistyped.
        ExpiryCorrected = "expiry_corrected",
        /// The maker or an authority extended the expiry.
        ExpiryExtended = "expiry_extended",
    }
}

/// A correction of a maker's lot: never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelEvent {
    /// Its id; that of its document where stock was reclassified.
    pub id: MakersLotEventId,
    /// The maker's lot as it was booked.
    pub makers_lot_id: MakersLotId,
    /// Counts the corrections of the maker's lot, from 1.
    pub seq: i64,
    /// What was corrected.
    pub kind: LabelChange,
    /// Its human number.
    pub number: String,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who corrected it.
    pub actor: String,
    /// Why, from the list of reasons.
    pub reason: ReasonCode,
    /// Why, in words.
    pub note: Option<String>,
    /// By whose word the expiry was extended.
    pub authority: Option<Authority>,
    /// What the book said before.
    pub before: Label,
    /// What it says now.
    pub after: Label,
    /// The maker's lot to which everything went.
    pub corrected_to: Option<MakersLotId>,
}

/// A cost of a lot that was settled: never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostEvent {
    /// The lot.
    pub lot_id: LotId,
    /// What it was said to cost before.
    pub old_cost: Option<Money>,
    /// Whether that was an estimate.
    pub was_estimated: bool,
    /// What it costs.
    pub new_cost: Money,
    /// The receipt whose line it settles.
    pub document_id: StockDocumentId,
    /// The line, from 1.
    pub line_no: i64,
    /// Why, where a cost was settled before.
    pub reason: Option<ReasonCode>,
    /// Why, in words.
    pub note: Option<String>,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who settled it.
    pub actor: String,
}
