//! The solver's answer as clients see it.

use crate::allocation::comparison::Comparison;
use crate::allocation::problem::Measure;
use crate::allocation::solution::{Award, DonorAfter, Flow, LimitedBy, Solution};
use crate::kernel::{Quantity, Ratio};
use serde::Serialize;
use utoipa::ToSchema;

/// Who gets what, from whom, and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllocationSolution)]
pub struct SolutionView {
    /// What each recipient gets, in the order of the request.
    pub recipients: Vec<AwardView>,
    /// What each donor gives, in the order of the request.
    pub donors: Vec<DonorAfterView>,
    /// Which packs go which way.
    pub flows: Vec<FlowView>,
    /// What the transport costs.
    pub cost: Ratio,
    /// Packs above the floors that nobody gets.
    pub left_over_packs: i64,
    /// The lowest level after, among those measured as asked; null without any.
    pub lowest_level: Option<Ratio>,
    /// Figures to set beside those of another policy.
    pub figures: FiguresView,
}

/// What one recipient gets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllocationAward)]
pub struct AwardView {
    /// The recipient.
    pub id: String,
    /// Packs given.
    pub packs: i64,
    /// The same in base units.
    pub quantity: Quantity,
    /// What its level is measured in: `coverage` where days were asked for and daily use is not
    /// known.
    pub measured_by: Measure,
    /// The level before, divided by its weight; null where nothing is wanted.
    pub level_before: Option<Ratio>,
    /// The level with what is given.
    pub level_after: Option<Ratio>,
    /// Why no more: `target`, all that it may get; `supply`, there was no more or others stood
    /// lower; `route`, with every route open it would have got more; null: the stages ended.
    pub limited_by: Option<LimitedBy>,
    /// The most packs it could have got; null without a limit.
    pub max_packs: Option<i64>,
    /// Its exact share in packs before rounding; null where the policy has none, or the fraction
    /// is too long.
    pub share: Option<Ratio>,
    /// The packs it would have got with every route open.
    pub packs_with_all_routes: i64,
    /// The stage that gave the last pack, from 0; null without stages or packs.
    pub stage: Option<usize>,
}

/// What one donor gives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllocationDonorAfter)]
pub struct DonorAfterView {
    /// The donor.
    pub id: String,
    /// Whole packs that lay above its floor.
    pub exportable_packs: i64,
    /// Packs given.
    pub packs: i64,
    /// Base units that remain.
    pub available_after: Quantity,
}

/// Packs from one donor to one recipient.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllocationFlow)]
pub struct FlowView {
    /// The donor.
    pub donor: String,
    /// The recipient.
    pub recipient: String,
    /// How many.
    pub packs: i64,
    /// What they cost.
    pub cost: Ratio,
}

/// Figures of a division.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllocationFigures)]
pub struct FiguresView {
    /// The lowest level after.
    pub lowest_level: Option<Ratio>,
    /// Recipients that want something and have nothing afterwards.
    pub left_at_zero: usize,
    /// What `gini` and `range` are of.
    pub spread_of: Measure,
    /// Gini coefficient of the levels after, without weights: 0 where all are equal; null where
    /// nobody has a level above zero.
    pub gini: Option<Ratio>,
    /// The highest level after less the lowest.
    pub range: Option<Ratio>,
    /// Base units that are still lacking.
    pub units_short: Quantity,
    /// Base units that remain with the donors.
    pub reserve_left: Quantity,
    /// What the transport costs.
    pub transport_cost: Ratio,
    /// Packs given.
    pub packs_given: i64,
}

impl SolutionView {
    /// The view of a solution and its figures.
    pub fn of(solution: Solution, figures: Comparison) -> Self {
        Self {
            recipients: solution.recipients.into_iter().map(AwardView::from).collect(),
            donors: solution.donors.into_iter().map(DonorAfterView::from).collect(),
            flows: solution.flows.into_iter().map(FlowView::from).collect(),
            cost: solution.cost,
            left_over_packs: solution.left_over_packs,
            lowest_level: solution.lowest_level,
            figures: FiguresView::from(figures),
        }
    }
}

impl From<Award> for AwardView {
    fn from(award: Award) -> Self {
        Self {
            id: award.id,
            packs: award.packs,
            quantity: award.quantity,
            measured_by: award.measured_by,
            level_before: award.level_before,
            level_after: award.level_after,
            limited_by: award.limited_by,
            max_packs: award.max_packs,
            share: award.share,
            packs_with_all_routes: award.packs_with_all_routes,
            stage: award.stage,
        }
    }
}

impl From<DonorAfter> for DonorAfterView {
    fn from(donor: DonorAfter) -> Self {
        Self {
            id: donor.id,
            exportable_packs: donor.exportable_packs,
            packs: donor.packs,
            available_after: donor.available_after,
        }
    }
}

impl From<Flow> for FlowView {
    fn from(flow: Flow) -> Self {
        Self { donor: flow.donor, recipient: flow.recipient, packs: flow.packs, cost: flow.cost }
    }
}

impl From<Comparison> for FiguresView {
    fn from(figures: Comparison) -> Self {
        Self {
            lowest_level: figures.lowest_level,
            left_at_zero: figures.left_at_zero,
            spread_of: figures.spread_of,
            gini: figures.gini,
            range: figures.range,
            units_short: figures.units_short,
            reserve_left: figures.reserve_left,
            transport_cost: figures.transport_cost,
            packs_given: figures.packs_given,
        }
    }
}
