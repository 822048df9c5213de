//! The REST face of response levels.

use super::region_asked;
use crate::access::Permission;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::ResponseLevelId;
use crate::kernel::page::Page;
use crate::kernel::starting::moment;
use crate::kernel::{Faults, Instant, RegionCode};
use crate::reserve_plan::level::{Declaration, timeline};
use crate::reserve_plan::records::LevelFilter;
use crate::reserve_plan::requests::LevelRequest;
use crate::reserve_plan::views::{DeclarationView, LevelHeldView, LevelInForceView};
use crate::reserve_plan::{commands, queries, records, views};
use actix_web::{HttpResponse, get, put};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of declarations, the latest effect first.
    DeclarationPage, DeclarationView
}

page_of! {
    /// A page of the levels that held in a region, the latest first.
    LevelHistoryPage, LevelHeldView
}

/// Where a response level is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LevelQuery {
    /// The region; a commander's own unless said.
    #[param(example = "360729")]
    region: Option<String>,
    /// The time: an instant with an offset, or a date for the end of that day; now unless said.
    at: Option<String>,
    /// By what had been recorded at this time; by what is known today unless said.
    known_at: Option<String>,
}

/// Read the response level
///
/// The level that holds in a region: its own declaration, or that of the nearest region above it;
/// `normal` where nobody declared any. The `ETag` counts the region's own declarations and is what
/// the next one names in `If-Match`.
#[utoipa::path(tag = "planning", operation_id = "get_response_level", params(LevelQuery),
    responses((status = 200, description = "The level that holds", body = LevelInForceView)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/response-level")]
pub async fn get_response_level(
    caller: Caller,
    Filters(query): Filters<LevelQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let region = region_asked(query.region.as_deref(), &caller, &mut faults);
    let region = faults.finish(region)?;
    caller
        .read_versioned(Permission::ReadPlans, move |conn, app, _| {
            let mut faults = Faults::new();
            let zone = app.settings.zone;
            let at = moment(query.at.as_deref(), "/at", zone, &mut faults);
            let at = at.unwrap_or_else(|| app.clock.now());
            let known_at = moment(query.known_at.as_deref(), "/known_at", zone, &mut faults);
            faults.check()?;
            let (view, count) = views::level_in_force(conn, &region, at, known_at)?;
            Ok(Versioned(view, count))
        })
        .await
}

/// Declare a response level
///
/// Sets the level of a region for itself and what lies in it, by a named authority. It switches
/// the percentages of the reserve plan in force. `If-Match` is the `ETag` that the region's level
/// was read with; `*` overrules whatever stands there.
#[utoipa::path(tag = "planning", operation_id = "declare_response_level", request_body = LevelRequest,
    responses((status = 200, description = "The declaration", body = DeclarationView)),
    extensions(("x-permission" = json!("response_level.declare"))))]
#[put("/response-level")]
pub async fn declare_response_level(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller.command(Permission::DeclareLevel, Ok::<LevelRequest, _>, commands::declare_level).await
}

/// Which declarations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LevelsQuery {
    /// Declarations of this region itself.
    region: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List declared response levels
///
/// Every level that was ever declared, the latest effect first; what holds from a future time
/// stands at the top.
#[utoipa::path(tag = "planning", operation_id = "list_response_levels", params(LevelsQuery),
    responses((status = 200, description = "A page of declarations", body = DeclarationPage)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/response-levels")]
pub async fn list_response_levels(
    caller: Caller,
    Filters(query): Filters<LevelsQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<(Instant, Instant, ResponseLevelId)>(
        query.limit,
        query.cursor.as_deref(),
        &mut faults,
    );
    let region =
        query.region.as_deref().and_then(|text| faults.keep("/region", RegionCode::new(text)));
    faults.check()?;
    let regions = region.map(|region| vec![region]);
    let filter = LevelFilter { regions, after, ..LevelFilter::default() };
    caller
        .read(Permission::ReadPlans, move |conn, _, _| {
            let declared = records::list_levels(conn, &filter, size.probe())?;
            let key = |one: &Declaration| (one.effective_at, one.recorded_at, one.id.clone());
            let page = Page::from_probe(declared, size, key);
            Ok(DeclarationPage::from(page.map(DeclarationView::from)))
        })
        .await
}

/// Whose levels to tell.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LevelHistoryQuery {
    /// The region; a commander's own unless said.
    #[param(example = "360729101")]
    region: Option<String>,
    /// By what had been recorded at this time; by what is known today unless said.
    known_at: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Read the history of a region's level
///
/// The levels that held in a region one after the other, the latest first, each with the declaration
/// that it came from: at any time that of the nearest region, itself or above it. What is declared
/// for a future time stands at the top; the last row is the time before any declaration.
#[utoipa::path(tag = "planning", operation_id = "get_response_level_history",
    params(LevelHistoryQuery),
    responses((status = 200, description = "A page of levels", body = LevelHistoryPage)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/response-level/history")]
pub async fn get_response_level_history(
    caller: Caller,
    Filters(query): Filters<LevelHistoryQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) =
        page_after::<Option<Instant>>(query.limit, query.cursor.as_deref(), &mut faults);
    let region = region_asked(query.region.as_deref(), &caller, &mut faults);
    let region = faults.finish(region)?;
    caller
        .read(Permission::ReadPlans, move |conn, app, _| {
            let mut faults = Faults::new();
            let zone = app.settings.zone;
            let known_at = moment(query.known_at.as_deref(), "/known_at", zone, &mut faults);
            faults.check()?;
            let declared = queries::declarations_over(conn, &region, known_at)?;
            let most = usize::try_from(size.probe()).unwrap_or(usize::MAX);
            let rows: Vec<LevelHeldView> = timeline(&region, &declared)
                .iter()
                .rev()
                .filter(|held| after.is_none_or(|after| held.from < after))
                .take(most)
                .map(LevelHeldView::from)
                .collect();
            Ok(LevelHistoryPage::from(Page::from_probe(rows, size, |held| held.from)))
        })
        .await
}

/// The operations on response levels.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_response_level)
        .service(declare_response_level)
        .service(list_response_levels)
        .service(get_response_level_history);
}
