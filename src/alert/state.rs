//! What may be wrong at a store: the state that the watch finds, before anything is recorded.

use crate::kernel::id::LotId;
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::word_enum;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

word_enum! {
    /// What an alert is about.
    pub enum AlertKind {
        /// Less of an item is available at a store than there should be.
        Shortage = "shortage",
        /// A lot expires soon, or has expired and is still there.
        Expiry = "expiry",
        /// A store has told nothing for longer than agreed.
        Silence = "silence",
        /// Goods are on the way for longer than expected.
        Transit = "transit",
        /// The paper after a spoken word is overdue.
        Paperwork = "paperwork",
        /// A promise was cut by a fact, and nobody has taken note of it.
        ReservationCut = "reservation_cut",
    }
}

word_enum! {
    /// How things stand with what an alert is about.
    pub enum AlertStatus {
        /// The target cannot be worked out: nobody knows whether enough is there.
        NotComputable = "not_computable",
        /// Less is available than the target.
        Short = "short",
        /// Less is available than the floor.
        BelowFloor = "below_floor",
        /// Nothing is available.
        Out = "out",
        /// The lot's last day lies within the days that the setting gives.
        NearExpiry = "near_expiry",
        /// The lot's last day has passed.
        Expired = "expired",
        /// The store's newest movement is older than the setting allows.
        Silent = "silent",
        /// The day or hour named has passed.
        Overdue = "overdue",
        /// A promise was cut.
        Cut = "cut",
    }
}

word_enum! {
    /// How grave it is, the least first.
    pub enum Severity {
        /// To be known.
        Notice = "notice",
        /// To be acted on.
        Warning = "warning",
        /// To be acted on at once.
        Critical = "critical",
    }
}

impl AlertStatus {
    /// How grave a status is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::NotComputable | Self::Short | Self::NearExpiry => Severity::Notice,
            Self::BelowFloor | Self::Expired | Self::Silent | Self::Overdue | Self::Cut => {
                Severity::Warning
            }
            Self::Out => Severity::Critical,
        }
    }
}

/// A document that an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct AlertDocument {
    /// E.g. `dispatch`.
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// What an alert is about: two states with the same subject are one matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The kind of matter.
    pub kind: AlertKind,
    /// Where.
    pub store: StoreCode,
    /// Of which item, where it is about one.
    pub item: Option<ItemCode>,
    /// Of which lot, where it is about one.
    pub lot: Option<LotId>,
    /// On which document, where it is about one.
    pub document: Option<AlertDocument>,
}

impl Subject {
    /// A matter of a whole store.
    pub const fn of_store(kind: AlertKind, store: StoreCode) -> Self {
        Self { kind, store, item: None, lot: None, document: None }
    }

    /// The subject as one text, the same for the same matter. None of its parts has a `/`.
    pub fn key(&self) -> String {
        let item = self.item.as_ref().map_or("", ItemCode::as_str);
        let lot = self.lot.as_ref().map_or("", LotId::as_str);
        let document = self.document.as_ref();
        let (kind, id) = document.map_or(("", ""), |it| (it.kind.as_str(), it.id.as_str()));
        format!("{}/{}/{item}/{lot}/{kind}/{id}", self.kind, self.store)
    }
}

/// The plan that a target comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertPlan {
    /// The plan's id.
    pub id: String,
    /// Which line of it.
    pub line_no: i64,
}

/// The figures behind a status; which of them there are depends on the kind of alert.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertFacts {
    /// Base units that should be available.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<Quantity>,
    /// Base units below which stock is reserve.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub floor: Option<Quantity>,
    /// Base units that are available.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub available: Option<Quantity>,
    /// Base units on the way that arrive in time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arriving: Option<Quantity>,
    /// The response level that held.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<ResponseLevel>,
    /// The plan that the target comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan: Option<AlertPlan>,
    /// The maker's lot number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lot_number: Option<String>,
    /// The last day on which the lot may be used.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<NaiveDate>,
    /// Base units of the lot, on the lorry or cut from the promise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<Quantity>,
    /// The store's newest movement.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_report_at: Option<Instant>,
    /// When it was due or expected, or when the promise was cut.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<Instant>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What it is about.
    pub subject: Subject,
    /// How it stands.
    pub status: AlertStatus,
    /// The figures behind that.
    pub facts: AlertFacts,
}
