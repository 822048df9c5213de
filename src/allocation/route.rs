//! What a county knows of the roads between its stores.

use crate::kernel::StoreCode;

/// What is known of the road from one store to another; the way back is a row of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// From where.
    pub from: StoreCode,
    /// To where.
    pub to: StoreCode,
    /// What moving one pack costs, in whatever the county counts; the distance where absent.
    pub cost: Option<i64>,
    /// Metres by road.
    pub distance_m: Option<i64>,
    /// Minutes on the road.
    pub travel_minutes: Option<i64>,
    /// Whether goods stay cold on it.
    pub cold_chain: bool,
    /// Whether nothing may go.
    pub closed: bool,
    /// Why it is closed, or what else there is to say.
    pub reason: Option<String>,
}
