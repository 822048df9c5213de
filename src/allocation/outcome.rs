//! What a proposal comes to: who gets what from whom, out of which lots.

use crate::allocation::inputs::{RecipientInput, exact};
use crate::allocation::problem::Measure;
use crate::allocation::solution::LimitedBy;
use crate::kernel::id::LotId;
use crate::kernel::{ItemCode, LotNumber, Quantity, Ratio, StoreCode};
use crate::word_enum;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

word_enum! {
    /// Why a recipient of a proposal got no more.
    pub enum Limit {
        /// It has all that it may get.
        Target = "target",
        /// There was no more, or others stood lower.
        Supply = "supply",
        /// With every route open it would have got more.
        Route = "route",
        /// Its share was less than is worth shipping, so it gets none.
        Minimum = "minimum",
    }
}

impl From<LimitedBy> for Limit {
    fn from(limited: LimitedBy) -> Self {
        match limited {
            LimitedBy::Target => Self::Target,
            LimitedBy::Supply => Self::Supply,
            LimitedBy::Route => Self::Route,
        }
    }
}

/// A quantity of one lot that is to move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AllocationLot)]
pub struct LotShare {
    /// The lot; none in a rehearsal on stock that somebody made up.
    pub lot_id: Option<LotId>,
    /// The number on its label.
    pub lot_number: LotNumber,
    /// The last day of use, where it has one.
    pub expires_on: Option<NaiveDate>,
    /// Base units.
    pub quantity: Quantity,
}

/// What one recipient gets of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardOutcome {
    /// The recipient.
    pub store: StoreCode,
    /// Packs.
    pub packs: i64,
    /// The same in base units.
    pub quantity: Quantity,
    /// What its level is measured in: coverage where its daily use is unknown.
    pub measured_by: Measure,
    /// The level before.
    #[serde(with = "exact")]
    pub level_before: Option<Ratio>,
    /// The level with what it gets.
    #[serde(with = "exact")]
    pub level_after: Option<Ratio>,
    /// Why no more; none where packs were left and the stages ended before.
    pub limited_by: Option<Limit>,
    /// The most packs it could have got.
    pub max_packs: Option<i64>,
    /// Its exact share in packs before rounding, where the rule has one.
    #[serde(with = "exact")]
    pub share: Option<Ratio>,
    /// The packs that it would have got with every route open.
    pub packs_with_all_routes: i64,
    /// The stage that gave it its last pack, from 0.
    pub stage: Option<i64>,
    /// Whether it was served in the urgent lane.
    pub urgent: bool,
}

/// What one donor gives of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftOutcome {
    /// The donor.
    pub store: StoreCode,
    /// Whole packs above what it keeps.
    pub exportable_packs: i64,
    /// Of these, kept back for later needs.
    pub kept_back_packs: i64,
    /// Packs given.
    pub packs: i64,
    /// Base units that remain available there.
    pub available_after: Quantity,
}

/// What one store gets of one item from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineOutcome {
    /// The item, which may stand in for the part's.
    pub item_code: ItemCode,
    /// The donor.
    pub from: StoreCode,
    /// The recipient.
    pub to: StoreCode,
    /// Base units.
    pub quantity: Quantity,
    /// The lots, in the order in which they are taken.
    pub lots: Vec<LotShare>,
}

/// What one part comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartOutcome {
    /// What each recipient gets.
    pub awards: Vec<AwardOutcome>,
    /// What each donor gives.
    pub gifts: Vec<GiftOutcome>,
    /// What goes which way.
    pub lines: Vec<LineOutcome>,
    /// What the transport costs, as an exact fraction.
    #[serde(with = "exact")]
    pub cost: Option<Ratio>,
    /// Packs above what donors keep that nobody gets, those kept back included.
    pub left_over_packs: i64,
    /// The lowest level afterwards of those measured as was asked.
    #[serde(with = "exact")]
    pub lowest_level: Option<Ratio>,
}

/// What a proposal comes to, part by part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The parts, in the order of the inputs.
    pub parts: Vec<PartOutcome>,
}

impl Outcome {
    /// The outcome as the JSON that is kept.
    pub fn to_json(&self) -> String {
        // Structs of strings and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the JSON back; `None` where it is not one of ours.
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// The level of a recipient that has so much more; `None` where it cannot be measured so.
pub fn level_with(recipient: &RecipientInput, more: Quantity, measure: Measure) -> Option<Ratio> {
    let stock = recipient.stock();
    let total = stock.plus_capped(more);
    let over = |part: Quantity, whole: Quantity| {
        Ratio::new(part.min(whole).units().into(), whole.units().into())
    };
    match measure {
        Measure::DaysOfCover => {
            let daily = recipient.daily_use.filter(|daily| !daily.is_zero())?;
            let inverse = Ratio::new(daily.denominator(), daily.numerator())?;
            Ratio::whole(total.units().into()).times(inverse)
        }
        Measure::Coverage => over(total, recipient.target?),
        Measure::Need => over(more, recipient.target?.minus_or_zero(stock)),
    }
}
