//! What clients see of corrections.

use crate::stock::views::{InTransitView, LabelEventView, MakersLotView, WhereView};
use serde::Serialize;
use utoipa::ToSchema;

/// A correction of a maker's lot, and where its stock lies now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LabelCorrectionView {
    /// What was corrected.
    pub event: LabelEventView,
    /// The maker's lot under which the stock stands now.
    pub makers_lot: MakersLotView,
    /// Movements by which it went there, in all stores; none where only dates changed.
    pub movements: i64,
    /// Where it lies, in scope.
    pub stock: Vec<WhereView>,
    /// What is on the way, in scope.
    pub in_transit: Vec<InTransitView>,
}
