//! Maker's lots and lots: what a recall acts on, and the grain of the ledger.

use crate::kernel::hash::FieldHasher;
use crate::kernel::id::{LotId, MakersLotId};
use crate::kernel::{Instant, ItemCode, LotNumber, Moment, Money, Quantity, StoreCode};
use crate::stock::account::Outside;
use chrono::NaiveDate;

/// What is known of the last day on which a lot may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// May be used through this day.
    Dated(NaiveDate),
    /// Does not expire.
    None,
    /// The label does not say; the lot waits in `pending_inspection`.
    Unknown,
}

impl Expiry {
    /// The last day of use.
    pub const fn date(self) -> Option<NaiveDate> {
        match self {
            Self::Dated(day) => Some(day),
            Self::None | Self::Unknown => None,
        }
    }

    /// The kind, as stored.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Dated(_) => "dated",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// Reads an expiry as stored.
    pub fn from_columns(kind: &str, date: Option<NaiveDate>) -> Option<Self> {
        match (kind, date) {
            ("dated", Some(day)) => Some(Self::Dated(day)),
            ("none", None) => Some(Self::None),
            ("unknown", None) => Some(Self::Unknown),
            _ => None,
        }
    }

    /// Whether the lot may no longer be used on `day`. It may through its expiry date.
    pub fn is_past(self, day: NaiveDate) -> bool {
        self.date().is_some_and(|last| last < day)
    }
}

/// A maker's lot (批号): item, lot number, maker and expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakersLot {
    /// The maker's lot's id.
    pub id: MakersLotId,
    /// What it is a lot of.
    pub item_code: ItemCode,
    /// The number on the label, or a house number.
    pub lot_number: LotNumber,
    /// Who made it; empty where the label does not say.
    pub maker: String,
    /// Whether the number was given by the store, because the label had none.
    pub is_house_number: bool,
    /// When it was made.
    pub manufactured_on: Option<NaiveDate>,
    /// The last day of use.
    pub expiry: Expiry,
    /// When it was recalled.
    pub recalled_at: Option<Instant>,
    /// Why it was recalled.
    pub recall_reason: Option<String>,
    /// Counts the changes.
    pub version: i64,
    /// When the book first knew it.
    pub created_at: Instant,
}

/// Where a lot comes from, whose it is and what it cost: what tells it from other lots of the
/// same maker's lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Who owns it, where that is not the county.
    pub owner_code: Option<String>,
    /// Where it came from.
    pub source_kind: Outside,
    /// The supplier's or giver's name.
    pub source_name: Option<String>,
    /// The fund that paid for it.
    pub fund_source: Option<String>,
    /// Who donated it.
    pub donor: Option<String>,
    /// The purpose for which alone it may be used.
    pub earmarked_for: Option<String>,
    /// The price of one base unit.
    pub unit_cost: Option<Money>,
    /// Whether the price is an estimate still to be settled.
    pub cost_is_estimated: bool,
    /// Base units in the pack in which it came.
    pub pack_units: Quantity,
}

impl Provenance {
    /// The hash under which the lot is found again.
    ///
    /// `document` separates lots whose estimated cost will be settled, one receipt at a time.
    pub fn key(&self, document: &str) -> String {
        FieldHasher::new()
            .optional(self.owner_code.as_ref())
            .field(self.source_kind.as_str())
            .optional(self.source_name.as_ref())
            .optional(self.fund_source.as_ref())
            .optional(self.donor.as_ref())
            .optional(self.earmarked_for.as_ref())
            .optional(self.unit_cost.map(|cost| cost.ten_thousandths().to_string()))
            .optional(self.cost_is_estimated.then_some(document))
            .number(self.pack_units.units())
            .finish()
    }
}

/// A maker's lot with its provenance (批次): the grain of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The lot's id.
    pub id: LotId,
    /// Its maker's lot.
    pub makers_lot: MakersLot,
    /// Where it comes from and whose it is.
    pub provenance: Provenance,
}

impl Lot {
    /// Forgets what became known of the lot only after a moment: the one place where the lot of
    /// the past is told from that of today.
    pub fn forget_after(&mut self, moment: &Moment) {
        let recalled_at = self.makers_lot.recalled_at;
        if recalled_at.is_some_and(|at| at > moment.horizon()) {
            self.makers_lot.recalled_at = None;
            self.makers_lot.recall_reason = None;
        }
    }
}

/// A lot that a receipt will name, and the store that will have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LotWanted {
    /// The store.
    pub store: StoreCode,
    /// The item.
    pub item: ItemCode,
    /// The number on the label.
    pub number: LotNumber,
}
