//! Alerts as they change, as server-sent events.

use crate::access::{Actor, Permission, records::actor_by_token};
use crate::alert::api::feed::{Feed, Tide};
use crate::alert::api::word;
use crate::alert::records::{self, Watch};
use crate::alert::state::{AlertKind, Severity};
use crate::alert::stored::AlertEvent;
use crate::alert::views::AlertEventView;
use crate::app::App;
use crate::db::DbError;
use crate::http::caller::blocking;
use crate::http::{ApiError, Caller, Filters, Problem};
use crate::kernel::{Code, FaultCode, Faults, ItemCode, Refusal, RegionCode, StoreCode};
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, rt, web};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use utoipa::IntoParams;

/// A stream on which nothing happens says so this often, so that both ends know that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Pieces that wait for a slow client; then its stream waits, and nothing is read for it.
const WAITING: usize = 4;

/// Which changes to stream.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// At this store.
    #[param(example = "QN-HOSP")]
    store: Option<String>,
    /// About this item.
    item: Option<String>,
    /// At stores in this region.
    #[param(example = "360729")]
    region: Option<String>,
    /// `shortage`, `expiry`, `silence`, `transit`, `paperwork` or `reservation_cut`.
    kind: Option<String>,
    /// At least so grave: `notice`, `warning` or `critical`.
    severity: Option<String>,
    /// What happened after the event of this number, as `Last-Event-ID` says, which goes before;
    /// what happens from now on unless said.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// `false` ends the stream once everything recorded has been sent.
    follow: Option<bool>,
}

/// Which events a client wants to hear of.
struct Wanted {
    store: Option<StoreCode>,
    item: Option<ItemCode>,
    region: Option<RegionCode>,
    kind: Option<AlertKind>,
    severity: Option<Severity>,
}

impl Wanted {
    fn of(query: &StreamQuery, faults: &mut Faults) -> Self {
        let (store, item) = (query.store.as_deref(), query.item.as_deref());
        let region = query.region.as_deref();
        Self {
            store: store.and_then(|text| faults.keep("/store", StoreCode::new(text))),
            item: item.and_then(|text| faults.keep("/item", ItemCode::new(text))),
            region: region.and_then(|text| faults.keep("/region", RegionCode::new(text))),
            kind: word("/kind", query.kind.as_deref(), AlertKind::from_word, faults),
            severity: word("/severity", query.severity.as_deref(), Severity::from_word, faults),
        }
    }

    fn takes(&self, event: &AlertEvent) -> bool {
        let subject = &event.subject;
        self.store.as_ref().is_none_or(|store| *store == subject.store)
            && self.item.as_ref().is_none_or(|item| Some(item) == subject.item.as_ref())
            && self.kind.is_none_or(|kind| kind == subject.kind)
            && self.severity.is_none_or(|least| event.severity >= least)
    }
}

/// Stream alerts
///
/// Every change of an alert at a store in scope, as server-sent events: `id` is the event's number,
/// `event` what happened, `data` the event as JSON. With `Last-Event-ID` it goes on after that event
/// and leaves none out; where some of what followed is no longer kept, it answers 410 instead of leaving
/// it out silently. A line `: heartbeat` comes every 15 seconds. The stream ends when the token
/// no longer holds.
#[utoipa::path(tag = "alerts", operation_id = "stream_alerts",
    params(StreamQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The number of the last event seen")),
    responses((status = 200, description = "The changes, one after the other", body = AlertEventView,
        content_type = "text/event-stream"),
        (status = 410, description = "Some of what followed that event is no longer kept",
            body = Problem, content_type = "application/problem+json")),
    extensions(("x-permission" = json!("alerts.read"))))]
#[get("/alerts/stream")]
pub async fn stream_alerts(
    caller: Caller,
    feed: web::Data<Feed>,
    request: HttpRequest,
    Filters(query): Filters<StreamQuery>,
) -> Result<HttpResponse, ApiError> {
    caller.actor().require(Permission::ReadAlerts)?;
    let mut faults = Faults::new();
    let wanted = Wanted::of(&query, &mut faults);
    let after = last_event(&request, query.after, &mut faults);
    faults.check()?;
    let place = feed.place().ok_or_else(|| Refusal::plain(Code::Busy))?;
    let (app, token) = (caller.app().clone(), caller.token_hash().to_owned());
    let begun = app.clone();
    let region = wanted.region.clone();
    let (watch, in_region) = blocking(move || {
        begun.db.glance(|conn| {
            let newest = records::watch(conn)?;
            let inside = region.as_ref().map(|region| records::stores_in(conn, region));
            let stores = inside.transpose()?;
            Ok::<_, DbError>((newest, stores))
        })
    })
    .await?;
    if let Some(after) = after.filter(|after| *after < watch.forgotten_seq) {
        return Err(forgotten(after, &watch).into());
    }
    let (send, receive) = mpsc::channel(WAITING);
    let tide = feed.listen();
    let listener = Listener {
        app,
        feed: feed.get_ref().clone(),
        token,
        wanted,
        in_region,
        seen: after.unwrap_or(watch.event_seq),
        follow: query.follow.unwrap_or(true),
        send,
        _place: place,
    };
    rt::spawn(listener.run(tide));
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies must not gather what is meant to arrive piece by piece.
        .insert_header(("X-Accel-Buffering", "no"))
        .body(Pieces(receive)))
}

/// The number after which the stream begins: what the browser remembers goes before the query.
fn last_event(request: &HttpRequest, query: Option<i64>, faults: &mut Faults) -> Option<i64> {
    let valid =
        |number: i64| Some(number).filter(|number| *number >= 0).ok_or(FaultCode::OutOfRange);
    match request.headers().get("last-event-id") {
        None => query.and_then(|number| faults.keep("/after", valid(number))),
        Some(text) => {
            let number = text.to_str().ok().and_then(|text| text.trim().parse().ok());
            let number = number.ok_or(FaultCode::InvalidFormat).and_then(valid);
            faults.keep("/Last-Event-ID", number)
        }
    }
}

/// What follows an event is no longer known in full.
fn forgotten(after: i64, watch: &Watch) -> Refusal {
    let Watch { forgotten_seq, event_seq, .. } = watch;
    Refusal::new(
        Code::EventsForgotten,
        format!(
            "第 {after} 号之后、至第 {forgotten_seq} 号为止的部分提醒变动已清理；请重新读取 /alerts，再从第 {event_seq} 号起接收"
        ),
        format!(
            "Some changes after number {after} and up to number {forgotten_seq} are no longer kept: \
             read /alerts anew, and go on after number {event_seq}"
        ),
    )
    .with("forgotten_through", *forgotten_seq)
    .with("resume_after", *event_seq)
}

/// One who listens.
struct Listener {
    app: App,
    feed: Feed,
    token: String,
    wanted: Wanted,
    in_region: Option<BTreeSet<StoreCode>>,
    seen: i64,
    follow: bool,
    send: mpsc::Sender<web::Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// Tells until the client has gone, its token no longer holds or the service stops.
    async fn run(mut self, mut tide: watch::Receiver<Tide>) {
        // Told at once that the stream is open.
        let mut piece = Some("retry: 3000\n\n".to_owned());
        loop {
            if let Some(text) = piece.take()
                && self.send.send(web::Bytes::from(text)).await.is_err()
            {
                return;
            }
            if tide.borrow_and_update().closing {
                return;
            }
            match self.next().await {
                Err(Gone) => return,
                Ok(Some(text)) => piece = Some(text),
                Ok(None) if !self.follow => return,
                Ok(None) => {
                    let waited = rt::time::timeout(HEARTBEAT, tide.changed()).await;
                    if waited.is_err() {
                        // The number keeps what the client resumes from young, even where nothing
                        // that it may see has happened.
                        piece = Some(format!(": heartbeat\nid: {}\n\n", self.seen));
                    }
                }
            }
        }
    }

    /// What comes next: some text, or nothing as yet.
    async fn next(&mut self) -> Result<Option<String>, Gone> {
        let (app, feed, token, seen) =
            (self.app.clone(), self.feed.clone(), self.token.clone(), self.seen);
        let read = web::block(move || {
            let now = app.clock.now();
            let actor = app.db.glance(|conn| actor_by_token(conn, &token, now))?;
            let events = feed.after(&app, seen)?;
            Ok::<_, DbError>((actor, events))
        });
        let (actor, events) = match read.await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                // The client comes back with the last number that it saw.
                tracing::warn!(%error, "a stream of alerts broke off");
                return Err(Gone);
            }
            Err(_pool_gone) => return Err(Gone),
        };
        let actor = actor.filter(|actor| actor.may(Permission::ReadAlerts)).ok_or(Gone)?;
        let Some(last) = events.last().map(|event| event.seq) else { return Ok(None) };
        self.seen = last;
        Ok(Some(self.told(&events, &actor, last)))
    }

    fn told(&self, events: &[Arc<AlertEvent>], actor: &Actor, last: i64) -> String {
        let mut text = String::new();
        for event in events {
            let store = &event.subject.store;
            let in_region = self.in_region.as_ref().is_none_or(|stores| stores.contains(store));
            if in_region && actor.scope.contains(store) && self.wanted.takes(event) {
                let data = serde_json::to_string(&AlertEventView::from(&**event));
                let (seq, what) = (event.seq, event.transition);
                // Writing to a string cannot fail, and JSON has no line breaks.
                let data = data.unwrap_or_default();
                let _ = write!(text, "id: {seq}\nevent: {what}\ndata: {data}\n\n");
            }
        }
        if text.is_empty() {
            // Nothing to see, but to resume from.
            text = format!("id: {last}\n\n");
        }
        text
    }
}

/// The stream is over.
struct Gone;

/// The pieces of a stream, as they come.
struct Pieces(mpsc::Receiver<web::Bytes>);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}
