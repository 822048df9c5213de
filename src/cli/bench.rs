//! `changbei bench`: how fast the service is on this machine.

use crate::app::App;
use crate::bench::{self, BenchError, Launch, Plan};
use crate::cli::configuration::Configuration;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::db::Db;
use crate::kernel::language::Bilingual;
use crate::kernel::time::SystemClock;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The most connections that are tried.
const CONNECTIONS_MAX: u64 = 1_024;

/// Measures the service on this machine 测量本机性能
///
/// Fills a throw-away database with 20 000 lots, starts the service on it at a free port of
/// 127.0.0.1, posts receipts of one line over HTTP at several numbers of connections and in batches
/// of 500, and prints what it measured as JSON: receipts in a second, the times that half and all but
/// one in a hundred of the answers did not exceed, and beside each what the database could take
/// without the service, measured in the same run. On SQLite that is the same rows by prepared
/// statements in one thread, in groups of the same size; on PostgreSQL `pgbench` with the same
/// statements, the best of 4 to 32 clients. Commits are durable. Nothing is left behind on SQLite;
/// on PostgreSQL the database must be empty, and is yours to drop.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  changbei bench\n  changbei bench --seconds 20 --folder /srv/disk\n  \
                        DATABASE_URL=postgres://…/empty changbei bench --pgbench pgbench"
)]
pub struct BenchArgs {
    /// How long each measurement takes
    #[arg(long, default_value_t = 5, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=120))]
    pub seconds: u64,
    /// Connections that post at once, one measurement for each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256], value_name = "N,…",
          value_parser = clap::value_parser!(u64).range(1..=CONNECTIONS_MAX))]
    pub connections: Vec<u64>,
    /// Connections that send batches at once
    #[arg(long, default_value_t = 2, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=64))]
    pub batch_connections: u64,
    /// Where the throw-away SQLite file lies for a while [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The program `pgbench`; without it PostgreSQL is measured with nothing beside it
    #[arg(long, value_name = "PROGRAM")]
    pub pgbench: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the database is not empty, or it, the service or `pgbench` fails.
pub fn run(
    args: &BenchArgs,
    configuration: &Configuration,
    config: Option<&Path>,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    let folder = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = Scratch::make(&folder)?;
    let url = match &configuration.database_url {
        Some(url) => url.clone(),
        None => format!("sqlite:{}", folder.0.join("changbei.db").display()),
    };
    let db = Db::open(&url, &configuration.db)?;
    if !db.is_empty()? {
        return Err(CliError::Unable(Bilingual::new(
            "数据库不是空的；性能测量只在可丢弃的空数据库上进行",
            "The database is not empty: measurements need one that can be thrown away",
        )));
    }
    db.migrate()?;
    let app = App::new(db, Arc::new(SystemClock), configuration.settings.clone());
    let launch = Launch {
        program: std::env::current_exe().map_err(|error| unable(&error))?,
        data_dir: folder.0.clone(),
        database_url: url,
        config: config.map(Path::to_path_buf),
    };
    let plan = Plan {
        connections: args.connections.iter().filter_map(|n| usize::try_from(*n).ok()).collect(),
        batch_connections: usize::try_from(args.batch_connections).unwrap_or(1),
        time: Duration::from_secs(args.seconds),
        pgbench: args.pgbench.clone(),
    };
    let told = |step: &str| terminal.say(&Bilingual::new(step, step));
    let report = bench::run(&app, &launch, &plan, &told).map_err(|error| failed(&error))?;
    let json = serde_json::to_string_pretty(&report).map_err(|error| unable(&error))?;
    terminal.line(json);
    Ok(Outcome::Done)
}

fn failed(error: &BenchError) -> CliError {
    CliError::Unable(Bilingual::new(format!("测量未能完成：{error}"), error.to_string()))
}

fn unable(error: &impl ToString) -> CliError {
    let reason = error.to_string();
    CliError::Unable(Bilingual::new(format!("无法测量：{reason}"), reason))
}

/// A folder that goes away with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn make(parent: &Path) -> Result<Self, CliError> {
        let path = parent.join(format!("changbei-bench-{}", std::process::id()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        // A folder that is there already is someone else's.
        builder.create(&path).map_err(|error| unable(&error))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be taken away is the system's temporary folder's to clear.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
