//! What clients see of draw-downs.

use crate::authority::Authority;
use crate::draw_down::rules::{DrawDown, DrawDownStatus};
use crate::kernel::id::{DrawDownId, ReservePlanId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// The plan version that gave the floor.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FloorPlanView {
    /// Its id.
    pub id: ReservePlanId,
    /// Its version number.
    pub version: i64,
}

/// The document that took the stock.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TakingView {
    /// E.g. `dispatch`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: String,
}

/// Stock taken from below its floor.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DrawDownView {
    /// Its id.
    pub id: DrawDownId,
    /// Whose reserve.
    pub store_code: StoreCode,
    /// Of what.
    pub item_code: ItemCode,
    /// Base units that the document took from below the floor.
    pub quantity: Quantity,
    /// Base units that were available after it.
    pub available_after: Quantity,
    /// The floor.
    pub floor: Quantity,
    /// The plan version that gave it.
    pub plan: FloorPlanView,
    /// By whose word.
    pub authority: Authority,
    /// The document that took it.
    pub document: TakingView,
    /// Who took it.
    pub taken_by: String,
    /// When.
    pub taken_at: Instant,
    /// The day by which the reserve is to be made good.
    #[schema(value_type = String, format = Date)]
    pub replenish_by: NaiveDate,
    /// Whether that day has passed while it is still open.
    pub overdue: bool,
    /// What has become of it.
    pub status: DrawDownStatus,
    /// Who closed it.
    pub closed_by: Option<String>,
    /// When.
    pub closed_at: Option<Instant>,
    /// Why it was closed below the floor.
    pub note: Option<String>,
}

impl DrawDownView {
    /// The draw-down as it stands on the day `today`.
    pub fn of(taken: &DrawDown, today: NaiveDate) -> Self {
        let taken = taken.clone();
        Self {
            overdue: taken.status == DrawDownStatus::Open && taken.replenish_by < today,
            id: taken.id,
            store_code: taken.store_code,
            item_code: taken.item_code,
            quantity: taken.quantity,
            available_after: taken.available_after,
            floor: taken.floor.quantity,
            plan: FloorPlanView { id: taken.floor.plan_id, version: taken.floor.plan_version },
            authority: taken.authority,
            document: TakingView {
                kind: taken.document_kind,
                id: taken.document_id,
                number: taken.document_number,
            },
            taken_by: taken.taken_by,
            taken_at: taken.taken_at,
            replenish_by: taken.replenish_by,
            status: taken.status,
            closed_by: taken.closed_by,
            closed_at: taken.closed_at,
            note: taken.note,
        }
    }
}
