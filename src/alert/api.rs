//! The REST face of alerts.

pub mod feed;
pub mod stream;
pub mod webhooks;

use crate::access::Permission;
use crate::alert::commands;
use crate::alert::records::{self, Filter};
use crate::alert::requests::AcknowledgeRequest;
use crate::alert::state::{AlertKind, AlertStatus, Severity};
use crate::alert::views::{AlertEventView, AlertView, AlertWithHistory};
use crate::http::{ApiError, Caller, Filters, Versioned, page_after};
use crate::kernel::id::AlertId;
use crate::kernel::page::Page;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, Refusal, RegionCode, StoreCode};
use actix_web::{HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

page_of! {
    /// A page of alerts, the newest first.
    AlertPage, AlertView
}

/// Which alerts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlertQuery {
    /// At this store.
    #[param(example = "QN-HOSP")]
    store: Option<String>,
    /// At stores in this region.
    #[param(example = "360729")]
    region: Option<String>,
    /// About this item.
    item: Option<String>,
    /// `shortage`, `expiry`, `silence`, `transit`, `paperwork` or `reservation_cut`.
    kind: Option<String>,
    /// `not_computable`, `short`, `below_floor`, `out`, `near_expiry`, `expired`, `silent`,
    /// `overdue` or `cut`.
    status: Option<String>,
    /// At least so grave: `notice`, `warning` or `critical`.
    severity: Option<String>,
    /// `open`, or `cleared`: over.
    state: Option<String>,
    /// Whether somebody has taken note of it.
    acknowledged: Option<bool>,
    /// First seen at or after this instant.
    from: Option<String>,
    /// First seen before this instant.
    to: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl AlertQuery {
    fn filter(&self, faults: &mut Faults) -> Filter {
        let store = self.store.as_deref();
        let region = self.region.as_deref();
        let item = self.item.as_deref();
        Filter {
            store: store.and_then(|text| faults.keep("/store", StoreCode::new(text))),
            region: region.and_then(|text| faults.keep("/region", RegionCode::new(text))),
            item: item.and_then(|text| faults.keep("/item", ItemCode::new(text))),
            kind: word("/kind", self.kind.as_deref(), AlertKind::from_word, faults),
            status: word("/status", self.status.as_deref(), AlertStatus::from_word, faults),
            severity: word("/severity", self.severity.as_deref(), Severity::from_word, faults),
            open: word("/state", self.state.as_deref(), is_open, faults),
            acknowledged: self.acknowledged,
            from: instant("/from", self.from.as_deref(), faults),
            to: instant("/to", self.to.as_deref(), faults),
        }
    }
}

fn is_open(word: &str) -> Option<bool> {
    match word {
        "open" => Some(true),
        "cleared" => Some(false),
        _ => None,
    }
}

fn word<T>(
    pointer: &str,
    given: Option<&str>,
    from_word: impl Fn(&str) -> Option<T>,
    faults: &mut Faults,
) -> Option<T> {
    given.and_then(|word| faults.keep(pointer, from_word(word).ok_or(FaultCode::NotInList)))
}

fn instant(pointer: &str, given: Option<&str>, faults: &mut Faults) -> Option<Instant> {
    let text = given?;
    faults.keep(pointer, Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant))
}

/// List alerts
///
/// What is or was not as it should be at the stores in scope: shortages, expiries, silent stores,
/// late goods and papers, cut promises. An alert is open as long as its state holds.
#[utoipa::path(tag = "alerts", operation_id = "list_alerts", params(AlertQuery),
    responses((status = 200, description = "A page of alerts", body = AlertPage)),
    extensions(("x-permission" = json!("alerts.read"))))]
#[get("/alerts")]
pub async fn list_alerts(
    caller: Caller,
    Filters(query): Filters<AlertQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let (size, after) = page_after(query.limit, query.cursor.as_deref(), &mut faults);
    let filter = query.filter(&mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadAlerts, move |conn, _, actor| {
            let found = records::list(conn, &actor.scope, &filter, after, size)?;
            let page = Page::from_probe(found, size, |one| (one.first_seen_at, one.id.clone()));
            Ok(AlertPage::from(page.map(|one| AlertView::from(&one))))
        })
        .await
}

/// Read an alert
///
/// The alert of an id, with all that happened to it.
#[utoipa::path(tag = "alerts", operation_id = "get_alert",
    params(("id" = AlertId, Path, description = "The alert's id")),
    responses((status = 200, description = "The alert", body = AlertWithHistory)),
    extensions(("x-permission" = json!("alerts.read"))))]
#[get("/alerts/{id}")]
pub async fn get_alert(caller: Caller, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller
        .read_versioned(Permission::ReadAlerts, move |conn, _, actor| {
            let alert = records::find(conn, &alert_id(&id)?)?
                .filter(|alert| actor.scope.contains(&alert.subject.store))
                .ok_or_else(|| commands::not_found(&id))?;
            let events = records::events_of(conn, &alert.id)?;
            let view = AlertWithHistory {
                alert: AlertView::from(&alert),
                events: events.iter().map(AlertEventView::from).collect(),
            };
            Ok(Versioned(view, alert.version))
        })
        .await
}

/// Acknowledge an alert
///
/// Says that somebody knows and what is being done. It stays open until its state is over; when it
/// becomes graver, somebody must take note of it anew.
#[utoipa::path(tag = "alerts", operation_id = "acknowledge_alert",
    request_body = AcknowledgeRequest,
    params(("id" = AlertId, Path, description = "The alert's id")),
    responses((status = 200, description = "The alert", body = AlertView)),
    extensions(("x-permission" = json!("alerts.acknowledge"))))]
#[post("/alerts/{id}/acknowledge")]
pub async fn acknowledge_alert(
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller
        .command(Permission::AcknowledgeAlerts, AcknowledgeRequest::parse, move |tx, note| {
            commands::acknowledge(tx, &alert_id(&id)?, note)
        })
        .await
}

fn alert_id(text: &str) -> Result<AlertId, Refusal> {
    AlertId::try_from(text.to_owned()).map_err(|_shape| commands::not_found(text))
}

/// The operations on alerts.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_alerts)
        .service(stream::stream_alerts)
        .service(get_alert)
        .service(acknowledge_alert)
        .configure(webhooks::routes);
}
