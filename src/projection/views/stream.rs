//! Projections as a stream of lines: what they rest on, the rows, and the end.

use super::{ProjectionRow, ProjectionTotals};
use crate::kernel::Instant;
use crate::stock::views::freshness::FreshnessView;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// What an answer rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProjectionHead)]
pub struct Head {
    /// The business time that the figures are of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for them.
    pub as_known_at: Instant,
    /// The first day, which counts in full.
    #[schema(value_type = String, format = Date)]
    pub today: NaiveDate,
    /// The last day looked at.
    #[schema(value_type = String, format = Date)]
    pub last_day: NaiveDate,
    /// How many of the stores asked about were heard of lately.
    pub freshness: FreshnessView,
}

/// The end of a stream, by which it is known to be whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProjectionStreamEnd)]
pub struct End {
    /// The rows between head and end.
    pub rows: i64,
    /// What they come to.
    pub totals: ProjectionTotals,
}

/// A line of a stream.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ProjectionStreamLine {
    /// The first line.
    Head {
        /// What the rows rest on.
        head: Box<Head>,
    },
    /// Every line between.
    Row(Box<ProjectionRow>),
    /// The last line.
    End {
        /// What the rows were.
        end: Box<End>,
    },
}
