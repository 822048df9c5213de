//! How fresh figures are, as clients see it.

use crate::kernel::Instant;
use crate::stock::freshness::Freshness;
use serde::Serialize;
use utoipa::ToSchema;

/// How many of the stores that figures cover were heard of lately, by a movement or a stock report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FreshnessView {
    /// The stores that the figures cover.
    pub stores: i64,
    /// Of these, how many were heard of within the hours that the setting `stale_hours` allows.
    pub heard: i64,
    /// The others: silent for longer, or never heard of.
    pub silent: i64,
    /// Of the silent ones, how many were never heard of.
    pub never: i64,
    /// When that store was last heard of which was silent longest, of those that ever were.
    pub oldest_report_at: Option<Instant>,
}

impl From<Freshness> for FreshnessView {
    fn from(of: Freshness) -> Self {
        Self {
            stores: of.stores,
            heard: of.heard,
            silent: of.stores - of.heard,
            never: of.never,
            oldest_report_at: of.oldest,
        }
    }
}
