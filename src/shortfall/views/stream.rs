//! Shortfalls as a stream of lines: what they rest on, the rows, and the end.

use super::{PlanOfRegion, ShortfallRow, TotalFigures};
use crate::catalogue::substitution::UseScene;
use crate::kernel::Instant;
use crate::reserve_plan::level::ResponseLevel;
use crate::shortfall::queries::ground::Ground;
use crate::stock::freshness::Freshness;
use crate::stock::views::freshness::FreshnessView;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// What an answer rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ShortfallHead)]
pub struct Head {
    /// Every version of a plan that figures rest on, by region; each row names its own.
    pub plans: Vec<PlanOfRegion>,
    /// The gravest response level that holds at any store asked about; each row has its own.
    pub level: ResponseLevel,
    /// The business time that the figures are of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for them.
    pub as_known_at: Instant,
    /// The last day on which what is on the way or on order must arrive to count.
    #[schema(value_type = String, format = Date)]
    pub horizon_end: NaiveDate,
    /// The use for which substitutes are looked for.
    pub scene: UseScene,
    /// How many of the stores asked about were heard of lately.
    pub freshness: FreshnessView,
}

impl Head {
    /// What the answers to a question rest on.
    pub fn new(ground: &Ground, freshness: Freshness) -> Self {
        Self {
            plans: ground.plans.iter().map(PlanOfRegion::from).collect(),
            level: ground.level,
            as_of: ground.moment.as_of,
            as_known_at: ground.moment.as_known_at,
            horizon_end: ground.horizon_end(),
            scene: ground.scene(),
            freshness: freshness.into(),
        }
    }
}

/// The end of a stream, by which it is known to be whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ShortfallStreamEnd)]
pub struct End {
    /// The rows between head and end.
    pub rows: i64,
    /// What they add up to.
    pub totals: TotalFigures,
}

/// A line of a stream.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ShortfallStreamLine {
    /// The first line.
    Head {
        /// What the rows rest on.
        head: Box<Head>,
    },
    /// Every line between.
    Row(Box<ShortfallRow>),
    /// The last line.
    End {
        /// What the rows were.
        end: Box<End>,
    },
}
