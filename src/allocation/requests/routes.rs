//! The table of routes as clients send it.

use crate::allocation::requests::{MANY, text, within};
use crate::allocation::route::Route;
use crate::kernel::{FaultCode, Faults, StoreCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// More than any road or price: a number that JSON clients keep exactly.
const MUCH: i64 = 9_007_199_254_740_991;
/// Four weeks on the road.
const MANY_MINUTES: i64 = 40_320;

/// What is known of the road from one store to another; the way back is a row of its own.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RouteEntry)]
pub struct RouteRequest {
    /// From where.
    #[schema(example = "QN-DEPOT")]
    pub from_store: String,
    /// To where.
    #[schema(example = "QN-T01")]
    pub to_store: String,
    /// What moving one pack costs, in whatever the county counts; the distance unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 35, minimum = 0)]
    pub cost: Option<i64>,
    /// Metres by road; those between the coordinates of the stores unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 31_400, minimum = 0)]
    pub distance_m: Option<i64>,
    /// Minutes on the road; a day unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 55, minimum = 0)]
    pub travel_minutes: Option<i64>,
    /// Whether goods stay cold on it; not unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_chain: Option<bool>,
    /// Whether nothing may go; open unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
    /// Why it is closed, which must be said, or what else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "山体滑坡")]
    pub reason: Option<String>,
}

/// All routes between the stores of the caller's region.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RouteTable)]
pub struct RoutesRequest {
    /// The routes; those that are left out are forgotten.
    pub routes: Vec<RouteRequest>,
}

impl RoutesRequest {
    /// The routes, each with its place in the request; faults go to `faults`.
    pub fn parse(&self, faults: &mut Faults) -> Vec<(usize, Route)> {
        let mut seen = BTreeSet::new();
        let mut routes = Vec::new();
        if self.routes.len() > MANY {
            faults.add("/routes", FaultCode::TooLong);
        }
        for (at, one) in self.routes.iter().take(MANY).enumerate() {
            let pointer = format!("/routes/{at}");
            let Some(route) = one.parse(&pointer, faults) else { continue };
            if !seen.insert((route.from.clone(), route.to.clone())) {
                faults.add(format!("{pointer}/to_store"), FaultCode::Duplicate);
            }
            routes.push((at, route));
        }
        routes
    }
}

impl RouteRequest {
    fn parse(&self, pointer: &str, faults: &mut Faults) -> Option<Route> {
        let from = faults.keep(format!("{pointer}/from_store"), StoreCode::new(&self.from_store));
        let to = faults.keep(format!("{pointer}/to_store"), StoreCode::new(&self.to_store));
        let mut number = |name: &str, value: Option<i64>, most: i64| {
            value.map(|value| within(faults, &format!("{pointer}/{name}"), value, 0, most))
        };
        let cost = number("cost", self.cost, MUCH);
        let distance_m = number("distance_m", self.distance_m, MUCH);
        let travel_minutes = number("travel_minutes", self.travel_minutes, MANY_MINUTES);
        let reason = text::<200>(faults, &format!("{pointer}/reason"), self.reason.as_deref());
        let closed = self.closed == Some(true);
        if closed && self.reason.is_none() {
            faults.add(format!("{pointer}/reason"), FaultCode::Required);
        }
        let (from, to) = (from?, to?);
        if from == to {
            faults.add(format!("{pointer}/to_store"), FaultCode::Contradicts);
        }
        Some(Route {
            from,
            to,
            cost,
            distance_m,
            travel_minutes,
            cold_chain: self.cold_chain == Some(true),
            closed,
            reason,
        })
    }
}
