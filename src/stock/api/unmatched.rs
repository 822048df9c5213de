//! Facts that the book could not cover, and promises that facts cut, over REST.

use crate::access::Permission;
use crate::command::CommandError;
use crate::db::DbConnection;
use crate::http::{ApiError, Caller, Filters, page_after};
use crate::kernel::id::{MovementId, UnmatchedId};
use crate::kernel::page::Page;
use crate::kernel::{Faults, Quantity};
use crate::stock::api::{instant_filter, item_filter, region_filter, store_filter};
use crate::stock::commands::unmatched::{match_fact, not_found};
use crate::stock::queries::reversals_of;
use crate::stock::queries::unmatched::{self, UnmatchedFilter};
use crate::stock::records::cuts::{self, CutFilter};
use crate::stock::requests::MatchRequest;
use crate::stock::unmatched::UnmatchedFact;
use crate::stock::views::{ReservationCutView, UnmatchedView};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of facts that the book could not cover, the oldest first.
    UnmatchedPage, UnmatchedView
}

page_of! {
    /// A page of promises that facts cut, newest first.
    ReservationCutPage, ReservationCutView
}

/// Which facts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UnmatchedQuery {
    /// At this store.
    store: Option<String>,
    /// At stores of this region.
    region: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// On this slip.
    slip_number: Option<String>,
    /// Still open (the default), or cleared.
    open: Option<bool>,
    /// That happened at or after this instant.
    from: Option<String>,
    /// That happened before this instant.
    to: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List unmatched facts
///
/// What was handed out before the book knew of it (未匹配), with what is still open of each and what
/// cleared it. A receipt that came before the fact clears it by itself when it is booked; a later
/// one where it names the fact in `clears`; so do a count and a reversal.
#[utoipa::path(tag = "stock", operation_id = "list_unmatched", params(UnmatchedQuery),
    responses((status = 200, description = "A page of facts", body = UnmatchedPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/unmatched")]
pub async fn list_unmatched(
    caller: Caller,
    Filters(query): Filters<UnmatchedQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = UnmatchedFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        region: region_filter(query.region.as_deref(), &mut faults),
        item: item_filter(query.item.as_deref(), &mut faults),
        slip_number: query.slip_number,
        open: Some(query.open.unwrap_or(true)),
        from: instant_filter("/from", query.from.as_deref(), &mut faults),
        to: instant_filter("/to", query.to.as_deref(), &mut faults),
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let rows = unmatched::facts(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.occurred_at, row.id.clone()));
            let next_cursor = page.next_cursor;
            Ok(UnmatchedPage { rows: shown(conn, page.rows)?, next_cursor })
        })
        .await
}

/// Read an unmatched fact
///
/// Open or cleared, with every movement that cleared it.
#[utoipa::path(tag = "stock", operation_id = "get_unmatched",
    params(("id" = UnmatchedId, Path, description = "The fact's id")),
    responses((status = 200, description = "The fact", body = UnmatchedView)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/unmatched/{id}")]
pub async fn get_unmatched(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let unknown = || not_found(&id);
            let fact_id = UnmatchedId::try_from(id.clone()).map_err(|_shape| unknown())?;
            let fact = unmatched::fact(conn, &actor.scope, &fact_id)?.ok_or_else(unknown)?;
            shown(conn, vec![fact])?.pop().ok_or_else(|| unknown().into())
        })
        .await
}

/// Facts with what cleared them, in a few queries for all.
fn shown(
    conn: &mut DbConnection,
    facts: Vec<UnmatchedFact>,
) -> Result<Vec<UnmatchedView>, CommandError> {
    let ids: Vec<UnmatchedId> = facts.iter().map(|fact| fact.id.clone()).collect();
    let mut clearings = unmatched::clearings_of(conn, &ids)?;
    let of_facts = facts.iter().map(|fact| fact.movement_id.clone());
    let of_clearings = clearings.values().flatten().map(|one| one.movement_id.clone());
    let movements: Vec<MovementId> = of_facts.chain(of_clearings).collect();
    let reversals = reversals_of(conn, &movements)?;
    let reversed = |movement: &MovementId| {
        let back = reversals.get(movement).map_or(&[][..], Vec::as_slice);
        Quantity::total(back.iter().map(|(_, quantity)| *quantity))
    };
    let views = facts.into_iter().map(|fact| {
        let of_fact = clearings.remove(&fact.id).unwrap_or_default();
        UnmatchedView::new(fact, of_fact, reversed)
    });
    Ok(views.collect())
}

/// Match an unmatched fact
///
/// Sets a fact, wholly or in part, against stock that lies in the store: what a receipt had brought
/// without naming the fact. Nothing that is promised is taken.
#[utoipa::path(tag = "stock", operation_id = "match_unmatched", request_body = MatchRequest,
    params(("id" = UnmatchedId, Path, description = "The fact's id")),
    responses((status = 201, description = "The fact as it stands", body = UnmatchedView)),
    extensions(("x-permission" = json!("adjustments.post"))))]
#[post("/unmatched/{id}/matches")]
pub async fn match_unmatched(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::PostAdjustments, Ok::<MatchRequest, _>, move |tx, request| {
            let fact = UnmatchedId::try_from(id.clone()).map_err(|_shape| not_found(&id))?;
            match_fact(tx, &fact, request)
        })
        .await
}

/// Which cuts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReservationCutQuery {
    /// At this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// Lost by the document of this id.
    document: Option<String>,
    /// Whether somebody went on with the document since.
    acknowledged: Option<bool>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List promises that facts cut
///
/// Which documents are short because a fact took what they were promised, newest first. A cut is
/// acknowledged when somebody goes on with the document knowing of it.
#[utoipa::path(tag = "stock", operation_id = "list_reservation_cuts", params(ReservationCutQuery),
    responses((status = 200, description = "A page of cuts", body = ReservationCutPage)),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/reservation-cuts")]
pub async fn list_reservation_cuts(
    caller: Caller,
    Filters(query): Filters<ReservationCutQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = CutFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        item: item_filter(query.item.as_deref(), &mut faults),
        document_id: query.document,
        acknowledged: query.acknowledged,
    };
    faults.check()?;
    caller
        .read(Permission::ReadStock, move |conn, _, actor| {
            let rows = cuts::cuts(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.cut_at, row.id.clone()));
            Ok(ReservationCutPage::from(page.map(ReservationCutView::from)))
        })
        .await
}

/// The operations on facts that the book could not cover.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_unmatched)
        .service(get_unmatched)
        .service(match_unmatched)
        .service(list_reservation_cuts);
}
