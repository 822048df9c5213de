//! Movements over REST.

use crate::access::{Permission, Scope};
use crate::command::CommandError;
use crate::db::DbConnection;
use crate::http::{ApiError, Caller, Cell, Filters, Shown, Table, page_after};
use crate::kernel::id::{LotId, MovementId};
use crate::kernel::page::{Page, PageSize};
use crate::kernel::{Bilingual, FaultCode, Faults, Refusal};
use crate::stock::api::{instant_filter, item_filter, store_filter, word_filter};
use crate::stock::commands;
use crate::stock::movement::MovementKind;
use crate::stock::queries::{self, MovementFilter};
use crate::stock::requests::ReversalRequest;
use crate::stock::views::{MovementView, ReversalView};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of movements, in the order in which they were recorded.
    MovementPage, MovementView
}

/// Which movements to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MovementQuery {
    /// In the chain of this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// Of this lot.
    lot: Option<String>,
    /// Of this kind.
    kind: Option<String>,
    /// Behind the document of this id.
    document: Option<String>,
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

/// List movements
///
/// The ledger of stores in scope, in the order in which it was recorded. As CSV or workbook it is
/// whole.
#[utoipa::path(tag = "stock", operation_id = "list_movements", params(MovementQuery),
    responses((status = 200, description = "A page of movements; the whole as CSV or workbook", content(
        (MovementPage = "application/json"),
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("stock.read"))))]
#[get("/movements")]
pub async fn list_movements(
    caller: Caller,
    Filters(query): Filters<MovementQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = MovementFilter {
        store: store_filter(query.store.as_deref(), &mut faults),
        item: item_filter(query.item.as_deref(), &mut faults),
        lot: query.lot.and_then(|id| {
            faults.keep("/lot", LotId::try_from(id).map_err(|_shape| FaultCode::InvalidFormat))
        }),
        kind: word_filter("/kind", query.kind.as_deref(), MovementKind::from_word, &mut faults),
        document_id: query.document,
        from: instant_filter("/from", query.from.as_deref(), &mut faults),
        to: instant_filter("/to", query.to.as_deref(), &mut faults),
    };
    faults.check()?;
    caller
        .read_shown(Permission::ReadStock, move |conn, _, actor, form| {
            if form.is_whole() {
                return Ok(Shown::Whole(whole(conn, &actor.scope, &filter)?));
            }
            let rows = queries::movements(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(rows, size, |row| (row.recorded_at, row.id.clone()));
            let ids: Vec<MovementId> = page.rows.iter().map(|row| row.id.clone()).collect();
            let mut reversals = queries::reversals_of(conn, &ids)?;
            Ok(Shown::Page(MovementPage::from(page.map(|movement| {
                let taken_back = reversals.remove(&movement.id).unwrap_or_default();
                MovementView::new(movement, taken_back)
            }))))
        })
        .await
}

/// All movements that match, read a thousand at a time.
fn whole(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &MovementFilter,
) -> Result<Table, CommandError> {
    let columns = [
        ("流水号", "id"),
        ("类型", "kind"),
        ("储备点", "store_code"),
        ("物资", "item_code"),
        ("批次", "lot_id"),
        ("数量", "quantity"),
        ("来", "from_account"),
        ("去", "to_account"),
        ("发生时间", "occurred_at"),
        ("记录时间", "recorded_at"),
        ("单号", "document_number"),
        ("经手人", "actor"),
        ("原因", "reason_code"),
        ("备注", "note"),
        ("红冲", "reverses"),
    ];
    let mut table =
        Table::new("movements", columns.map(|(zh, en)| Bilingual::new(zh, en)).to_vec());
    let (mut after, size) = (None, PageSize::LARGEST);
    loop {
        let mut movements = queries::movements(conn, scope, filter, after, size)?;
        // One more than a page was asked for; it comes again with the next.
        let more = movements.len() > PageSize::MAX_ROWS;
        movements.truncate(PageSize::MAX_ROWS);
        after = movements.last().map(|last| (last.recorded_at, last.id.clone()));
        for movement in movements {
            let line = movement.line;
            table.push(vec![
                Cell::text(movement.id),
                Cell::text(line.kind),
                Cell::text(line.store_code),
                Cell::text(line.item_code),
                Cell::text(line.lot_id),
                Cell::from(line.quantity),
                Cell::text(line.from),
                Cell::text(line.to),
                Cell::text(movement.occurred_at),
                Cell::text(movement.recorded_at),
                Cell::Text(movement.document.number),
                Cell::Text(movement.actor),
                Cell::of(line.reason_code),
                Cell::of(line.note),
                Cell::of(line.reverses.map(String::from)),
            ])?;
        }
        if !more {
            return Ok(table);
        }
    }
}

/// Reverse a movement
///
/// Takes a movement back, wholly or in part (红冲). What is taken back can never exceed what was
/// posted; movements of a dispatch are reversed through the dispatch.
#[utoipa::path(tag = "stock", operation_id = "reverse_movement", request_body = ReversalRequest,
    params(("id" = MovementId, Path, description = "The movement's id")),
    responses((status = 201, description = "The movement that took it back", body = ReversalView)),
    extensions(("x-permission" = json!("reversals.post"))))]
#[post("/movements/{id}/reversals")]
pub async fn reverse_movement(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::PostReversals, Ok::<ReversalRequest, _>, move |tx, request| {
            let id = MovementId::try_from(id.clone())
                .map_err(|_shape| Refusal::not_found("流水", "movement", &id))?;
            commands::reverse_movement(tx, &id, request)
        })
        .await
}

/// The operations on movements.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_movements).service(reverse_movement);
}
