//! The REST face of allocations.

pub mod deciding;
pub mod routes;
pub mod solving;

use crate::access::Permission;
use crate::allocation::commands::{proposing, showing};
use crate::allocation::proposal::AllocationStatus;
use crate::allocation::records;
use crate::allocation::requests::proposing::{AllocationRequest, CompareRequest};
use crate::allocation::views::comparing::AllocationComparison;
use crate::allocation::views::{AllocationRecomputation, AllocationRow, AllocationView};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::AllocationId;
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, StoreCode};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of allocations, the newest in front.
    AllocationPage, AllocationRow
}

/// Which allocations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AllocationQuery {
    /// That looked at this item.
    item: Option<String>,
    /// That looked at this store.
    store: Option<String>,
    /// With a line from this store.
    from: Option<String>,
    /// With a line to this store.
    to: Option<String>,
    /// `proposed` (stale ones included), `approved` or `discarded`, or several separated by commas.
    status: Option<String>,
    /// Made by this user.
    created_by: Option<String>,
    /// Made at or after this instant.
    created_from: Option<String>,
    /// Made before this instant.
    created_to: Option<String>,
    /// `true`: rehearsals alone; `false`: none of them.
    rehearsal: Option<bool>,
    /// Of this number.
    number: Option<String>,
    /// Rounds that repeat the allocation of this id.
    follows: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl AllocationQuery {
    fn filter(&self, faults: &mut Faults) -> records::Filter {
        let mut store = |pointer: &str, value: &Option<String>| {
            value.as_deref().and_then(|code| faults.keep(pointer, StoreCode::new(code)))
        };
        let (of, from, to) =
            (store("/store", &self.store), store("/from", &self.from), store("/to", &self.to));
        let mut instant = |pointer: &str, value: &Option<String>| {
            let at = value.as_deref().map(Instant::parse)?;
            faults.keep(pointer, at.map_err(|_shape| FaultCode::NotAnInstant))
        };
        let created_from = instant("/created_from", &self.created_from);
        let created_to = instant("/created_to", &self.created_to);
        let words = self.status.iter().flat_map(|words| words.split(','));
        let statuses: Vec<AllocationStatus> = words
            .filter_map(|word| {
                let status = AllocationStatus::from_word(word.trim());
                faults.keep("/status", status.ok_or(FaultCode::NotInList))
            })
            .collect();
        let follows = self.follows.as_ref().and_then(|id| {
            let id = AllocationId::try_from(id.clone());
            faults.keep("/follows", id.map_err(|_shape| FaultCode::InvalidFormat))
        });
        records::Filter {
            item: self.item.as_deref().and_then(|i| faults.keep("/item", ItemCode::new(i))),
            store: of,
            from,
            to,
            statuses,
            created_by: self.created_by.clone(),
            created_from,
            created_to,
            rehearsal: self.rehearsal,
            number: self.number.clone(),
            follows,
        }
    }
}

/// List allocations
///
/// Those that looked at a store in scope, the newest in front; an undecided one under which
/// figures have changed is `stale`.
#[utoipa::path(tag = "allocations", operation_id = "list_allocations", params(AllocationQuery),
    responses((status = 200, description = "A page of allocations", body = AllocationPage)),
    extensions(("x-permission" = json!("allocations.read"))))]
#[get("/allocations")]
pub async fn list_allocations(
    caller: Caller,
    Filters(query): Filters<AllocationQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = query.filter(&mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadAllocations, move |conn, app, actor| {
            let found = records::list(conn, &actor.scope, &filter, after, size)?;
            let page: Page<_> = Page::from_probe(found, size, |a| (a.created_at, a.id.clone()));
            let rows = showing::rows(conn, &page.rows, &app.settings, app.clock.now())?;
            Ok(AllocationPage { rows, next_cursor: page.next_cursor })
        })
        .await
}

/// Read an allocation
///
/// By its id or its number: proposal and decision side by side, every line with its lots and why,
/// every recipient with its level before and after and why no more, what has changed since, and
/// the dispatches that came of it.
#[utoipa::path(tag = "allocations", operation_id = "get_allocation",
    params(("id" = String, Path, description = "The allocation's id or number")),
    responses((status = 200, description = "The allocation", body = AllocationView)),
    extensions(("x-permission" = json!("allocations.read"))))]
#[get("/allocations/{id}")]
pub async fn get_allocation(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadAllocations, move |conn, app, actor| {
            let one = showing::find_visible(conn, actor, &id)?;
            let view = showing::view(conn, &one, &app.settings, app.clock.now())?;
            Ok(Versioned(view, one.version))
        })
        .await
}

/// Propose an allocation
///
/// Divides one item or several among those who lack it: who gives and who receives is named, or
/// found by surplus and by shortfall against the plan in force. The figures are frozen with their
/// hash, and nothing is promised before the approval. Stock that others own or that is earmarked is
/// passed over and named; recipients whose daily use is unknown are served after the others, by
/// coverage; what is on the way or promised to a recipient counts as its stock. With `follows` it
/// is the next round of an earlier one; with `rehearsal` it is worked out on suppositions and can
/// never be carried out. Goods move in whole packs of the item's smallest pack (the greatest common
/// divisor where lots came in packs that it does not divide); larger packs are opened for it.
#[utoipa::path(tag = "allocations", operation_id = "propose_allocation",
    request_body(content = AllocationRequest, example = json!({
        "item_code": "M03", "policy": "staged_leximin", "measure": "days_of_cover",
        "keep_back_percent": 10, "min_life_days": 30, "needed_by": "2026-01-18",
        "urgency": "urgent", "reason": "发热门诊用量上升"})),
    responses((status = 201, description = "The proposal", body = AllocationView)),
    extensions(("x-permission" = json!("allocations.propose"))))]
#[post("/allocations")]
pub async fn propose_allocation(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ProposeAllocations, Ok::<AllocationRequest, _>, proposing::propose)
        .await
}

/// Compare policies
///
/// The same question, or the frozen inputs of a proposal, answered by several policies side by
/// side: lowest level, stores left at zero, spread, units short, reserve left, transport, and what
/// of it would expire. Nothing is stored.
#[utoipa::path(tag = "allocations", operation_id = "compare_allocations",
    request_body(content = CompareRequest, example = json!({
        "item_code": "M03", "policies": ["staged_leximin", "proportional", "strict_priority"]})),
    responses((status = 200, description = "The policies", body = AllocationComparison)),
    extensions(("x-permission" = json!("allocations.propose")), ("x-stores" = json!(false))))]
#[post("/allocations/compare")]
pub async fn compare_allocations(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .ask(
            Permission::ProposeAllocations,
            Ok::<CompareRequest, _>,
            |conn, app, actor, request| {
                let now = app.clock.now();
                proposing::compare(conn, actor, &app.settings, now, request)
            },
        )
        .await
}

/// Recompute an allocation
///
/// Works the frozen inputs out again: says whether the answer is the same, whether the inputs
/// still have their hash, and what has changed since the figures were taken. Nothing is stored.
#[utoipa::path(tag = "allocations", operation_id = "recompute_allocation",
    params(("id" = String, Path, description = "The allocation's id or number")),
    responses((status = 200, description = "The answer again", body = AllocationRecomputation)),
    extensions(("x-permission" = json!("allocations.read")), ("x-stores" = json!(false))))]
#[post("/allocations/{id}/recompute")]
pub async fn recompute_allocation(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read(Permission::ReadAllocations, move |conn, app, actor| {
            let one = showing::find_visible(conn, actor, &id)?;
            showing::recompute(conn, &one, &app.settings, app.clock.now())
        })
        .await
}

/// The operations on allocations and routes.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_allocations)
        .service(propose_allocation)
        .service(compare_allocations)
        .service(get_allocation)
        .service(recompute_allocation)
        .service(solving::solve_allocation)
        .configure(deciding::routes)
        .configure(routes::routes);
}
