//! The REST face of the library of norms.

use crate::access::Permission;
use crate::catalogue::Category;
use crate::http::{ApiError, Caller, Filters, page_after};
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, ItemCode, Refusal};
use crate::reserve_plan::norm::{NormFilter, Thing};
use crate::reserve_plan::queries;
use crate::reserve_plan::views::norms::PlanningNormView;
use actix_web::{HttpResponse, get};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of norms of use, by code.
    PlanningNormPage, PlanningNormView
}

/// Which norms to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NormQuery {
    /// That fit this item of the catalogue, by the words of its name.
    #[param(example = "M03")]
    item: Option<String>,
    /// About this thing, e.g. `respirator`.
    thing: Option<String>,
    /// About things of this category.
    category: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List norms of use
///
/// Published figures that a plan can pick from, each with what it counts, its exact amount, its unit
/// and its source: WHO's forecasting tool, hospital stockpile studies, notices to schools. A basis
/// that names one (`norm_code`) has its rate filled in and frozen.
#[utoipa::path(tag = "planning", operation_id = "list_planning_norms", params(NormQuery),
    responses((status = 200, description = "A page of norms", body = PlanningNormPage)),
    extensions(("x-permission" = json!("reserve_plans.read"))))]
#[get("/planning-norms")]
pub async fn list_planning_norms(
    caller: Caller,
    Filters(query): Filters<NormQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after::<String>(query.limit, query.cursor.as_deref(), &mut faults);
    let thing = query
        .thing
        .as_deref()
        .and_then(|word| faults.keep("/thing", Thing::from_word(word).ok_or(FaultCode::NotInList)));
    let category = query.category.as_deref().and_then(|word| {
        faults.keep("/category", Category::from_word(word).ok_or(FaultCode::NotInList))
    });
    let item = query.item.as_deref().and_then(|text| faults.keep("/item", ItemCode::new(text)));
    faults.check()?;
    caller
        .read(Permission::ReadPlans, move |conn, _, _| {
            let item_name = match &item {
                None => None,
                Some(item) => {
                    let unknown = || Refusal::fault("/item", FaultCode::Unknown);
                    Some(queries::name_of_item(conn, item)?.ok_or_else(unknown)?)
                }
            };
            let filter = NormFilter { thing, item_name, category, after };
            let most = usize::try_from(size.probe()).unwrap_or(usize::MAX);
            let rows: Vec<PlanningNormView> =
                filter.matching().take(most).map(PlanningNormView::from).collect();
            Ok(PlanningNormPage::from(Page::from_probe(rows, size, |norm| norm.code)))
        })
        .await
}

/// The operations on norms.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_planning_norms);
}
