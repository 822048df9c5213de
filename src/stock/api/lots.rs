//! Lots and maker's lots over REST.

use crate::access::Permission;
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::{LotId, MakersLotId, MovementId};
use crate::kernel::page::{Page, PageSize};
use crate::kernel::time::plus_days;
use crate::kernel::{FaultCode, Faults, Refusal};
use crate::stock::api::{instant_filter, item_filter};
use crate::stock::queries::{self, LotFilter, MovementFilter, corrections};
use crate::stock::requests::RecallRequest;
use crate::stock::views::{
    CostEventView, InTransitView, LabelEventView, LotTraceView, LotView, MakersLotStoryView,
    MakersLotView, MovementView, ReasonList, ReasonView, RecallView, WhereView,
};
use crate::stock::{ReasonCode, commands, records};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of lots, first expired first.
    LotPage, LotView
}

/// Which lots to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LotQuery {
    /// Of this item.
    item: Option<String>,
    /// With this number on the label.
    lot_number: Option<String>,
    /// That expire within this many days, or have expired.
    #[param(minimum = 0)]
    expiring_within_days: Option<i64>,
    /// Recalled ones only, or the others.
    recalled: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List lots
///
/// Lots of which stores in scope hold or held stock, first expired first.
#[utoipa::path(tag = "stock", operation_id = "list_lots", params(LotQuery),
    responses((status = 200, description = "A page of lots", body = LotPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/lots")]
pub async fn list_lots(
    caller: Caller,
    Filters(query): Filters<LotQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let item = item_filter(query.item.as_deref(), &mut faults);
    let days = query.expiring_within_days.and_then(|days| {
        let valid = (0..=36_500).contains(&days).then_some(days).ok_or(FaultCode::OutOfRange);
        faults.keep("/expiring_within_days", valid)
    });
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, app, actor| {
            let today = app.settings.zone.day_of(app.clock.now());
            let filter = LotFilter {
                item,
                expires_by: days.map(|days| plus_days(today, days)),
                lot_number: query.lot_number,
                recalled: query.recalled,
            };
            let lots = queries::lots(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(lots, size, |lot| {
                let date = lot.makers_lot.expiry.date();
                (date.is_none(), date, lot.id.clone())
            });
            Ok(LotPage::from(page.map(|lot| LotView::from(&lot))))
        })
        .await
}

/// Trace a lot
///
/// Where it came from, where it went, where it lies and what is on the way, as far as stores in
/// scope are concerned; what was corrected of its label, and what it was said to cost.
#[utoipa::path(tag = "stock", operation_id = "trace_lot",
    params(("id" = LotId, Path, description = "The lot's id")),
    responses((status = 200, description = "The lot's way", body = LotTraceView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/lots/{id}/trace")]
pub async fn trace_lot(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let unknown = || Refusal::not_found("批次", "lot", &id);
            let lot_id = LotId::try_from(id.clone()).map_err(|_shape| unknown())?;
            let lot = records::find_lots(conn, std::slice::from_ref(&lot_id))?
                .remove(&lot_id)
                .ok_or_else(unknown)?;
            let filter = MovementFilter { lot: Some(lot_id.clone()), ..MovementFilter::default() };
            let size = PageSize::new(PageSize::MAX).unwrap_or(PageSize::DEFAULT);
            let movements = queries::movements(conn, &actor.scope, &filter, None, size)?;
            if movements.is_empty() {
                // A lot that never touched a store in scope is not to be known.
                return Err(unknown().into());
            }
            let ids: Vec<MovementId> = movements.iter().map(|row| row.id.clone()).collect();
            let mut reversals = queries::reversals_of(conn, &ids)?;
            let balances = records::balances_of_makers_lot(conn, &actor.scope, &lot.makers_lot.id)?;
            let item = &lot.makers_lot.item_code;
            let on_way = queries::in_transit(conn, &actor.scope, None, Some(item), None)?;
            let story = corrections::story_of(conn, &lot.makers_lot.id)?;
            let costs = corrections::costs_of(conn, &lot_id)?;
            Ok(LotTraceView {
                corrections: story.into_iter().map(LabelEventView::from).collect(),
                went_to: corrections::went_to(conn, &lot_id)?,
                cost_history: costs.into_iter().map(CostEventView::from).collect(),
                stock: balances
                    .iter()
                    .filter(|balance| balance.lot.id == lot_id)
                    .map(WhereView::from)
                    .collect(),
                in_transit: on_way
                    .into_iter()
                    .filter(|row| row.lot_id == lot_id)
                    .map(InTransitView::from)
                    .collect(),
                movements: movements
                    .into_iter()
                    .map(|movement| {
                        let taken_back = reversals.remove(&movement.id).unwrap_or_default();
                        MovementView::new(movement, taken_back)
                    })
                    .collect(),
                lot: LotView::from(&lot),
            })
        })
        .await
}

/// When the label of a maker's lot is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MakersLotQuery {
    /// The label as the book had it at this instant of recording; now unless said.
    as_known_at: Option<String>,
}

/// Read a maker's lot
///
/// With the `ETag` that a recall or a correction needs, and everything that was corrected of it.
/// `as_known_at` asks what the book said of its label at an instant.
#[utoipa::path(tag = "stock", operation_id = "get_makers_lot",
    params(("id" = MakersLotId, Path, description = "The maker's lot's id"), MakersLotQuery),
    responses((status = 200, description = "The maker's lot", body = MakersLotStoryView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/makers-lots/{id}")]
pub async fn get_makers_lot(
    caller: Caller,
    id: web::Path<String>,
    Filters(query): Filters<MakersLotQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let known_at = instant_filter("/as_known_at", query.as_known_at.as_deref(), &mut faults);
    faults.check()?;
    caller
        .read_versioned(Permission::ReadStock, move |conn, app, _| {
            let found = queries::makers_lot(conn, &makers_lot_id(&id)?)?;
            let lot = found.ok_or_else(|| Refusal::not_found("批号", "maker's lot", &id))?;
            let at = known_at.unwrap_or_else(|| app.clock.now());
            let view = MakersLotStoryView {
                label: corrections::label_known_at(conn, &lot, at)?,
                corrections: corrections::story_of(conn, &lot.id)?
                    .into_iter()
                    .map(LabelEventView::from)
                    .collect(),
                makers_lot: MakersLotView::from(&lot),
            };
            Ok(Versioned(view, lot.version))
        })
        .await
}

/// Recall a maker's lot
///
/// Blocks it in all stores at once (召回). What is promised stays promised, but shipping it is
/// refused. The answer tells where to look for it.
#[utoipa::path(tag = "stock", operation_id = "recall_makers_lot", request_body = RecallRequest,
    params(("id" = MakersLotId, Path, description = "The maker's lot's id")),
    responses((status = 200, description = "Where it lies", body = RecallView)),
    extensions(("x-permission" = json!("lots.recall"))))]
#[post("/makers-lots/{id}/recall")]
pub async fn recall_makers_lot(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::RecallLots, Ok::<RecallRequest, _>, move |tx, request| {
            commands::recall(tx, &makers_lot_id(&id)?, request)
        })
        .await
}

fn makers_lot_id(text: &str) -> Result<MakersLotId, Refusal> {
    MakersLotId::try_from(text.to_owned())
        .map_err(|_shape| Refusal::not_found("批号", "maker's lot", text))
}

/// List reasons
///
/// The reasons from which documents choose.
#[utoipa::path(tag = "stock", operation_id = "list_reason_codes",
    responses((status = 200, description = "All reasons", body = ReasonList)),
    extensions(("x-permission" = json!("items.read"))))]
#[get("/reason-codes")]
pub async fn list_reason_codes(caller: Caller) -> Result<HttpResponse, ApiError> {
    caller
        .read(Permission::ReadItems, |_, _, _| {
            let view = |reason: &ReasonCode| {
                let (zh, en) = reason.names();
                ReasonView {
                    code: reason.as_str().to_owned(),
                    name_zh: zh.to_owned(),
                    name_en: en.to_owned(),
                }
            };
            Ok(ReasonList { rows: ReasonCode::ALL.iter().map(view).collect() })
        })
        .await
}

/// The operations on lots.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_lots)
        .service(trace_lot)
        .service(get_makers_lot)
        .service(recall_makers_lot)
        .service(list_reason_codes);
}
