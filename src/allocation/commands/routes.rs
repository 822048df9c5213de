//! Keeping the table of routes.

use crate::allocation::records;
use crate::allocation::requests::routes::RoutesRequest;
use crate::allocation::route::Route;
use crate::allocation::views::RouteTableView;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::{FaultCode, Faults, StoreCode};
use crate::stores::records as stores;

/// Puts a table of routes in the place of all between the stores of the caller's region.
///
/// # Errors
/// `stale_version`; `validation_failed` with every fault, unknown stores among them;
/// `store_out_of_scope` for a store that is not in the caller's region.
pub fn put(tx: &mut Tx<'_>, request: &RoutesRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let given = request.parse(&mut faults);
    let codes: Vec<StoreCode> =
        given.iter().flat_map(|(_, route)| [route.from.clone(), route.to.clone()]).collect();
    let known = stores::find_all(tx.conn, &codes)?;
    for (at, route) in &given {
        for (name, code) in [("from_store", &route.from), ("to_store", &route.to)] {
            if !known.contains_key(code) {
                faults.add(format!("/routes/{at}/{name}"), FaultCode::Unknown);
            }
        }
    }
    faults.check()?;
    for code in &codes {
        tx.actor.require_store(code)?;
    }
    let version = records::lock_routes(tx.conn)?;
    tx.expect_version(version)?;
    let routes: Vec<Route> = given.into_iter().map(|(_, route)| route).collect();
    let next = version + 1;
    let (scope, by, now) = (&tx.actor.scope, &tx.actor.name, tx.now);
    records::replace_routes(tx.conn, scope, &routes, next, by, now)?;
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let view = RouteTableView {
        routes: count(routes.len()),
        closed: count(routes.iter().filter(|route| route.closed).count()),
        version: next,
    };
    let subject = Subject { kind: "route_table", id: "routes".to_owned(), store: None };
    Ok(Done::ok(subject, &view).version(next))
}
