//! The solver alone, over REST.

use crate::access::Permission;
use crate::allocation::comparison;
use crate::allocation::requests::solving::SolveRequest;
use crate::allocation::solve;
use crate::allocation::views::solving::SolutionView;
use crate::http::{ApiError, Caller};
use crate::kernel::Refusal;
use actix_web::{HttpResponse, post};

/// Divide scarce stock
///
/// The solver alone: what is given in the body is divided by the policy, and nothing is stored or
/// looked up. All arithmetic is exact, and the same body gets the same answer always: ties go to
/// the current level, then the level after the pack, then the order of the input. Numbers are
/// integers, or exact fractions written as strings (`"61/2"`). Who gets what comes first, then the
/// cheapest transport of those packs. A recipient whose daily use is unknown has no days of cover:
/// it is served after the others, by coverage, and `measured_by` says so. `weight` counts under
/// the policies that compare levels, awards or losses; `stages` under `staged_leximin` alone.
#[utoipa::path(tag = "allocations", operation_id = "solve_allocation",
    request_body = SolveRequest,
    responses((status = 200, description = "Who gets what, from whom, and why", body = SolutionView)),
    extensions(("x-permission" = json!("allocations.solve")), ("x-stores" = json!(false))))]
#[post("/allocations/solve")]
pub async fn solve_allocation(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .ask(
            Permission::SolveAllocations,
            |request: SolveRequest| request.understand(),
            |_conn, _app, _actor, problem| {
                let solution = solve(problem).map_err(Refusal::invalid)?;
                let figures = comparison::compare(problem, &solution);
                Ok(SolutionView::of(solution, figures))
            },
        )
        .await
}
