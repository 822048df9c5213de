//! The REST face of paperwork: the list that auditors start their day with.

use crate::access::Permission;
use crate::authority::paperwork::{PaperworkState, PaperworkStatus};
use crate::authority::requests::DecisionRequest;
use crate::authority::views::PaperworkView;
use crate::authority::{commands, records};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::PaperworkId;
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, Refusal, StoreCode};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of paperwork, that which is due first in front.
    PaperworkPage, PaperworkView
}

/// Which paperwork to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PaperworkQuery {
    /// `open` (overdue ones included), `overdue`, `confirmed`, `objected` or `void`.
    state: Option<String>,
    /// Of this kind of document, e.g. `dispatch`.
    document_kind: Option<String>,
    /// Concerning this store.
    store: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List paperwork
///
/// What was done on a spoken authority and is still to be confirmed or objected to by another
/// user, with that which is decided: what is due first in front.
#[utoipa::path(tag = "dispatches", operation_id = "list_paperwork", params(PaperworkQuery),
    responses((status = 200, description = "A page of paperwork", body = PaperworkPage)),
    extensions(("x-permission" = json!("paperwork.read"))))]
#[get("/paperwork")]
pub async fn list_paperwork(
    caller: Caller,
    Filters(query): Filters<PaperworkQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let store = query.store.as_deref().and_then(|s| faults.keep("/store", StoreCode::new(s)));
    let state = query.state.as_deref().and_then(|word| {
        faults.keep("/state", PaperworkState::from_word(word).ok_or(FaultCode::NotInList))
    });
    faults.check()?;
    let status = state.map(status_of);
    caller
        .read(Permission::ReadPaperwork, move |conn, app, actor| {
            let now = app.clock.now();
            let due_before = (state == Some(PaperworkState::Overdue)).then_some(now);
            let filter =
                records::Filter { status, due_before, document_kind: query.document_kind, store };
            let papers = records::list(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(papers, size, |one| (one.due_at, one.id.clone()));
            Ok(PaperworkPage::from(page.map(|one| PaperworkView::of(&one, now))))
        })
        .await
}

fn status_of(state: PaperworkState) -> PaperworkStatus {
    match state {
        PaperworkState::Open | PaperworkState::Overdue => PaperworkStatus::Open,
        PaperworkState::Confirmed => PaperworkStatus::Confirmed,
        PaperworkState::Objected => PaperworkStatus::Objected,
        PaperworkState::Void => PaperworkStatus::Void,
    }
}

/// Read paperwork
///
/// What was done, on whose word, and what has become of its paper.
#[utoipa::path(tag = "dispatches", operation_id = "get_paperwork",
    params(("id" = PaperworkId, Path, description = "The paperwork's id")),
    responses((status = 200, description = "The paperwork", body = PaperworkView)),
    extensions(("x-permission" = json!("paperwork.read"))))]
#[get("/paperwork/{id}")]
pub async fn get_paperwork(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadPaperwork, move |conn, app, actor| {
            let paper = records::find(conn, &paperwork_id(&id)?)?
                .filter(|paper| commands::is_visible(actor, &paper.document))
                .ok_or_else(|| commands::not_found(&id))?;
            Ok(Versioned(PaperworkView::of(&paper, app.clock.now()), paper.version))
        })
        .await
}

/// Confirm paperwork
///
/// Says that the spoken word was given. Nobody vouches for what they did themselves.
#[utoipa::path(tag = "dispatches", operation_id = "confirm_paperwork",
    request_body = DecisionRequest,
    params(("id" = PaperworkId, Path, description = "The paperwork's id")),
    responses((status = 200, description = "The confirmed paperwork", body = PaperworkView)),
    extensions(("x-permission" = json!("paperwork.confirm"))))]
#[post("/paperwork/{id}/confirm")]
pub async fn confirm_paperwork(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ConfirmPaperwork, Ok::<DecisionRequest, _>, move |tx, request| {
            commands::decide(tx, &paperwork_id(&id)?, &request.parse(true)?)
        })
        .await
}

/// Object to paperwork
///
/// Says that the spoken word was not given, or not so; the note says why.
#[utoipa::path(tag = "dispatches", operation_id = "object_to_paperwork",
    request_body = DecisionRequest,
    params(("id" = PaperworkId, Path, description = "The paperwork's id")),
    responses((status = 200, description = "The disputed paperwork", body = PaperworkView)),
    extensions(("x-permission" = json!("paperwork.confirm"))))]
#[post("/paperwork/{id}/object")]
pub async fn object_to_paperwork(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::ConfirmPaperwork, Ok::<DecisionRequest, _>, move |tx, request| {
            commands::decide(tx, &paperwork_id(&id)?, &request.parse(false)?)
        })
        .await
}

fn paperwork_id(text: &str) -> Result<PaperworkId, Refusal> {
    PaperworkId::try_from(text.to_owned()).map_err(|_shape| commands::not_found(text))
}

/// The operations on paperwork.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_paperwork)
        .service(get_paperwork)
        .service(confirm_paperwork)
        .service(object_to_paperwork);
}
