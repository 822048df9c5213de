//! Starting the HTTP server, and stopping it without losing what it has begun.

use crate::alert::api::feed::Feed;
use crate::alert::commands::watching::release;
use crate::app::App;
use crate::chain::records::{acceptances, newest_record};
use crate::db::{Db, DbError};
use crate::http::{metrics, problem};
use crate::server::health;
use crate::server::housekeeping::keep_tidy;
use crate::server::openapi::openapi;
use crate::server::routes::routes;
use crate::server::unmatched::{KnownPaths, unmatched};
use crate::server::watchman::{keep_telling, keep_watch};
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{HttpServer, web};
use std::future::Future as _;
use std::net::TcpListener;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tracing_actix_web::TracingLogger;
use utoipa_actix_web::{AppExt, scope};
use utoipa_swagger_ui::SwaggerUi;

/// How the server listens.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Threads that talk to clients; 0 means one for each processor.
    pub workers: usize,
    /// How long a client may take to send its request.
    pub request_timeout: Duration,
    /// How long work that has begun may take to end when the service stops.
    pub shutdown_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            workers: 0,
            request_timeout: Duration::from_secs(15),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// Starts to serve on a listener. SIGTERM and SIGINT end it when what has begun is done.
///
/// # Errors
/// When the listener cannot be used.
pub fn start(app: App, listener: TcpListener, options: &ServerOptions) -> std::io::Result<Server> {
    start_telling(app, listener, options, Feed::default())
}

/// The same, with a feed of alerts that the caller nudges.
fn start_telling(
    app: App,
    listener: TcpListener,
    options: &ServerOptions,
    feed: Feed,
) -> std::io::Result<Server> {
    let _ = metrics::recorder();
    watch_clock(&app).map_err(std::io::Error::other)?;
    let document = openapi();
    let known = web::Data::new(KnownPaths::of(&document));
    let body_limit = app.settings.body_limit;
    let db = app.db.clone();
    actix_web::rt::spawn(feed.clone().read_on(app.clone()));
    let ending = feed.clone();
    let server = HttpServer::new(move || {
        let (service, _) = actix_web::App::new()
            .into_utoipa_app()
            .app_data(web::Data::new(app.clone()))
            .app_data(known.clone())
            .app_data(web::Data::new(feed.clone()))
            .app_data(web::PayloadConfig::new(body_limit))
            .service(health::healthz)
            .service(health::readyz)
            .service(health::metrics)
            .service(health::problem_kind)
            .service(scope("/api/v1").configure(routes))
            .split_for_parts();
        service
            .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document.clone()))
            .service(web::redirect("/docs", "/docs/"))
            .service(web::redirect("/", "/docs/"))
            .default_service(web::to(unmatched))
            .wrap(from_fn(problem::render))
            .wrap(from_fn(metrics::measure))
            .wrap(TracingLogger::default())
    })
    .client_request_timeout(options.request_timeout)
    .shutdown_signal(async move {
        time_to_stop(db).await;
        // A stream has no end of its own for which the stop could wait.
        ending.close();
    })
    .shutdown_timeout(options.shutdown_timeout.as_secs());
    let server = if options.workers > 0 { server.workers(options.workers) } else { server };
    Ok(server.listen(listener)?.run())
}

/// Compares the clock with what is on record, before anything is dated by it.
///
/// # Errors
/// When the database fails.
pub fn watch_clock(app: &App) -> Result<(), DbError> {
    let (newest, accepted) =
        app.read(|conn| Ok::<_, DbError>((newest_record(conn)?, acceptances(conn, 1)?)))?;
    let accepted = accepted.first().map(|acceptance| acceptance.recorded_head);
    app.clock_watch.begin(&*app.clock, newest, accepted);
    Ok(())
}

/// Serves on a listener until it is asked to stop and has finished what it had begun.
///
/// # Errors
/// When the listener cannot be used, the server fails, or the disk has failed under a commit.
pub fn run(app: App, listener: TcpListener, options: &ServerOptions) -> std::io::Result<()> {
    let db = app.db.clone();
    actix_web::rt::System::new().block_on(async move {
        let feed = Feed::default();
        let holder = format!("{}-{}", std::process::id(), app.clock.now().micros());
        let duties = [
            actix_web::rt::spawn(keep_tidy(app.clone())),
            actix_web::rt::spawn(keep_watch(app.clone(), feed.clone(), holder.clone())),
            actix_web::rt::spawn(keep_telling(app.clone(), feed.clone())),
        ];
        let ending = app.clone();
        let served = start_telling(app, listener, options, feed)?.await;
        for duty in duties {
            duty.abort();
        }
        if let Ok(Err(error)) = web::block(move || release(&ending, holder)).await {
            tracing::warn!(%error, "the watch could not be handed over");
        }
        served
    })?;
    if db.is_fenced() {
        let text = "the disk failed under a commit; start again to see what was stored";
        return Err(std::io::Error::other(text));
    }
    Ok(())
}

/// Waits for the first reason to stop: someone asks for it, or the disk cannot be trusted.
async fn time_to_stop(db: Db) {
    let mut asked = pin!(asked_to_stop());
    let mut fenced = pin!(db.fenced());
    std::future::poll_fn(|context| {
        if asked.as_mut().poll(context).is_ready() || fenced.as_mut().poll(context).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Waits for SIGTERM or SIGINT. By itself the framework would break off at a SIGINT, and Ctrl-C is
/// how people stop a demonstration.
#[cfg(unix)]
async fn asked_to_stop() {
    use actix_web::rt::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    std::future::poll_fn(|context| {
        if signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn asked_to_stop() {
    let _ = actix_web::rt::signal::ctrl_c().await;
}
