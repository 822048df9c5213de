//! `changbei verify`: the proof of the book.

use crate::cli::configuration::Configuration;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::kernel::language::Bilingual;
use crate::stock::verify::verify;

/// Proves the book 核对账簿
///
/// Rebuilds every balance from the movements and walks every hash chain of the ledger and the audit
/// trail, on one snapshot, beside a running service too. Every difference is printed, one a line, as
/// place, expected and found; nothing is repaired. Exit code 1 where anything differs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  changbei verify --data-dir /var/lib/changbei")]
pub struct VerifyArgs {}

/// Runs the command.
///
/// # Errors
/// When the database cannot be read.
pub fn run(
    _args: &VerifyArgs,
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    let report = configuration.open()?.read(verify)?;
    for difference in &report.differences {
        terminal
            .line(format!("{}\t{}\t{}", difference.place, difference.expected, difference.found));
    }
    let (movements, entries) = (report.movements, report.audit_entries);
    let (balances, wrong) = (report.balances, report.differences.len());
    terminal.say(&Bilingual::new(
        format!("流水 {movements} 条，审计 {entries} 条，余额 {balances} 项，差异 {wrong} 处"),
        format!(
            "{movements} movements, {entries} audit entries, {balances} balances: \
             {wrong} differences"
        ),
    ));
    Ok(Outcome::when(report.is_clean()))
}
