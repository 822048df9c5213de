//! How fast the service is here, beside what the machine could do at best.
//!
//! Load comes over HTTP from the same machine, on a throw-away database, to a service in a process of
//! its own. Beside each figure stands a limit measured in the same run: on SQLite the same rows into
//! the same tables, indexes and triggers by prepared statements in one thread, in groups of the same
//! size; on PostgreSQL `pgbench` with the same statements, one transaction for each posting.

mod load;
mod pgbench;
mod raw;
mod report;
mod scene;
mod service;

pub use report::Report;
pub use service::Launch;

use crate::app::App;
use crate::command::CommandError;
use crate::db::{Backend, DbError};
use crate::kernel::Refusal;
use report::{Batches, Limit, Singles, ratio};
use scene::Scene;
use std::path::PathBuf;
use std::time::Duration;

/// The size of the batches that are measured.
const BATCH: usize = 500;

/// What is measured, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Connections that post at once, one measurement for each.
    pub connections: Vec<usize>,
    /// Connections that send batches.
    pub batch_connections: usize,
    /// How long each measurement takes.
    pub time: Duration,
    /// `pgbench`, where the limit of PostgreSQL shall be measured.
    pub pgbench: Option<PathBuf>,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The scene could not be set.
    #[error("the scene could not be set: {0}")]
    Refused(Box<Refusal>),
    /// The raw limit could not be measured.
    #[error("the raw limit could not be measured: {0}")]
    Raw(#[from] rusqlite::Error),
    /// A process or a connection failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The service did not answer as it must.
    #[error("the service answered: {0}")]
    Answer(String),
}

impl From<CommandError> for BenchError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => Self::Refused(refusal),
            CommandError::Failed(error) => Self::Database(error),
        }
    }
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> BenchError {
    move |source| BenchError::Io { what, source }
}

/// Sets the scene on an empty, migrated database and measures.
///
/// # Errors
/// When the database, the service or `pgbench` fails.
pub fn run(
    app: &App,
    launch: &Launch,
    plan: &Plan,
    told: &dyn Fn(&str),
) -> Result<Report, BenchError> {
    told(&format!("{} lots", scene::LOTS));
    let scene = Scene::set(app)?;
    let service = launch.start()?;
    let mut report = Report::begin(app.db.backend());
    // One posting first, so that the rows it leaves are there to be copied.
    load::post(service.address(), &scene, 1, Duration::from_millis(200))?;
    let mut limit = match app.db.backend() {
        Backend::Sqlite => Some(raw::Raw::open(app)?),
        Backend::Postgres => None,
    };
    let pgbench = match (&plan.pgbench, app.db.backend()) {
        (Some(program), Backend::Postgres) => {
            told("pgbench");
            let best = pgbench::best(app, launch, program, plan.time)?;
            report.pgbench = Some(best.clone());
            Some(best.per_second)
        }
        (Some(_) | None, _) => None,
    };
    for connections in &plan.connections {
        told(&format!("{connections} connections"));
        let before = raw_limit(limit.as_mut(), *connections, plan.time)?;
        let cpu = service.cpu();
        let measured = load::post(service.address(), &scene, *connections, plan.time)?;
        let cpu = service.cpu().saturating_sub(cpu);
        let after = raw_limit(limit.as_mut(), *connections, plan.time)?;
        let per_second = before.max(after).or(pgbench);
        report.receipts.push(Singles {
            connections: *connections,
            per_second: measured.per_second(),
            p50_micros: measured.percentile(50),
            p99_micros: measured.percentile(99),
            service_cpu_micros: measured.share(cpu),
            limit: per_second.map(|limit| Limit {
                per_second: limit,
                ratio: ratio(measured.per_second(), limit),
            }),
        });
    }
    told(&format!("batches of {BATCH}"));
    let before = raw_limit(limit.as_mut(), BATCH, plan.time)?;
    let cpu = service.cpu();
    let measured =
        load::batches(service.address(), &scene, plan.batch_connections, BATCH, plan.time)?;
    let cpu = service.cpu().saturating_sub(cpu);
    let after = raw_limit(limit.as_mut(), BATCH, plan.time)?;
    let lines = measured.lines_per_second(BATCH);
    report.batches = Some(Batches {
        size: BATCH,
        connections: plan.batch_connections,
        lines_per_second: lines,
        p50_micros: measured.percentile(50),
        p99_micros: measured.percentile(99),
        service_cpu_micros: measured
            .share(cpu)
            .checked_div(u64::try_from(BATCH).unwrap_or(1))
            .unwrap_or_default(),
        limit: before
            .max(after)
            .or(pgbench)
            .map(|limit| Limit { per_second: limit, ratio: ratio(lines, limit) }),
    });
    report.service_peak_kilobytes = service.peak_kilobytes();
    report.load_average = report::load_average();
    Ok(report)
}

fn raw_limit(
    raw: Option<&mut raw::Raw>,
    group: usize,
    time: Duration,
) -> Result<Option<u64>, BenchError> {
    raw.map(|raw| raw.measure(group, time / 2)).transpose()
}
