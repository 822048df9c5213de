//! `changbei migrate`: the schema of this binary.

use crate::cli::configuration::Configuration;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::kernel::language::Bilingual;

/// Brings the schema up to date 升级数据库结构
///
/// Makes the database where it is not there, runs every migration that has not been run, and names
/// those it ran. A migration that fails leaves no trace.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  changbei migrate --data-dir /var/lib/changbei")]
pub struct MigrateArgs {}

/// Runs the command.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub fn run(
    _args: &MigrateArgs,
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    let run = configuration.open_or_create()?.db.migrate()?;
    for name in &run {
        terminal.line(name);
    }
    terminal.say(&Bilingual::new(
        format!("已执行 {} 个迁移，数据库结构为当前版本", run.len()),
        format!("{} migrations run; the schema is current", run.len()),
    ));
    Ok(Outcome::Done)
}
