//! Who gets what from whom, and why.

use crate::allocation::problem::Measure;
use crate::kernel::{Quantity, Ratio};
use crate::word_enum;

word_enum! {
    /// Why a recipient got no more.
    pub enum LimitedBy {
        /// It has all that it may get: up to its target, its need or its `max_packs`.
        Target = "target",
        /// There was no more, or others stood lower.
        Supply = "supply",
        /// With every route open it would have got more.
        Route = "route",
    }
}

/// What one recipient gets, and how that came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Award {
    /// The recipient.
    pub id: String,
    /// Packs given.
    pub packs: i64,
    /// The same in base units.
    pub quantity: Quantity,
    /// What its level is measured in: that of the problem, or coverage where daily use is unknown.
    pub measured_by: Measure,
    /// The level before; `None` where nothing is known to measure it by.
    pub level_before: Option<Ratio>,
    /// The level with what is given.
    pub level_after: Option<Ratio>,
    /// Why no more; `None` where the stages ended before its target, though packs were left.
    pub limited_by: Option<LimitedBy>,
    /// The most packs it could have got: what brings it to its target, or what the caller said.
    /// `None` where it has no limit.
    pub max_packs: Option<i64>,
    /// Its exact share in packs before rounding to whole ones; `None` where the rule has none, or
    /// where the fraction is too long to write down.
    pub share: Option<Ratio>,
    /// The packs that it would have got with every route open.
    pub packs_with_all_routes: i64,
    /// The stage that gave it its last pack, from 0; `None` without stages or without packs.
    pub stage: Option<usize>,
}

/// Packs from one donor to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The donor.
    pub donor: String,
    /// The recipient.
    pub recipient: String,
    /// How many, above zero.
    pub packs: i64,
    /// What they cost.
    pub cost: Ratio,
}

/// What one donor gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DonorAfter {
    /// The donor.
    pub id: String,
    /// Whole packs that lay above its floor.
    pub exportable_packs: i64,
    /// Packs given.
    pub packs: i64,
    /// What remains there, in base units; never below the floor of a donor that gave.
    pub available_after: Quantity,
}

/// The answer to a [`crate::allocation::Problem`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// What each recipient gets, in the order of the problem.
    pub recipients: Vec<Award>,
    /// What each donor gives, in the order of the problem.
    pub donors: Vec<DonorAfter>,
    /// Which packs go which way, in the order of recipients and donors.
    pub flows: Vec<Flow>,
    /// What the transport costs.
    pub cost: Ratio,
    /// Packs above the floors that nobody gets.
    pub left_over_packs: i64,
    /// The lowest level after, among those measured as the problem asks; `None` without any.
    pub lowest_level: Option<Ratio>,
}
