//! `changbei verify`: the proof of the book.

use crate::cli::checkpoint::{KeyArgs, no_key};
use crate::cli::configuration::Configuration;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::kernel::language::Bilingual;
use crate::proof::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::proof::{key, queries};
use crate::stock::verify::{Report, verify_telling};
use ed25519_dalek::VerifyingKey;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};

/// Proves the book 核对账簿
///
/// Rebuilds every balance from the movements and walks every hash chain of the ledger and the audit
/// trail, on one snapshot, beside a running service too. Every difference is printed, one a line, as
/// place, expected and found; nothing is repaired. With --against it also holds the book against a
/// signed checkpoint, which finds a history that was rewritten whole, a tail that was cut off, and a
/// checkpoint that was forged. Exit code 1 where anything differs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  changbei verify --data-dir /var/lib/changbei\n  changbei verify \
                  --against /media/usb/2026-03-31.json --public-key /media/usb/changbei.pub --json"
)]
pub struct VerifyArgs {
    /// A checkpoint that was signed before
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// The public key that is trusted, in hexadecimal or as a file [default: that of the signing key]
    #[arg(long, value_name = "KEY", requires = "against")]
    public_key: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the database, the checkpoint or the key cannot be read.
pub fn run(
    args: &VerifyArgs,
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    let mut report = Report::default();
    let checkpoint = match &args.against {
        Some(path) => proven(args, path, configuration, &mut report)?,
        None => None,
    };
    let app = configuration.open()?;
    let bar = progress();
    let found_before = std::mem::take(&mut report.differences);
    let mut report = app.read(|conn| {
        let mut report = verify_telling(conn, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })?;
        if let Some(checkpoint) = &checkpoint {
            queries::compare(conn, checkpoint, &mut report)?;
        }
        Ok::<_, crate::db::DbError>(report)
    })?;
    bar.finish_and_clear();
    report.differences.splice(0..0, found_before);
    print(args, &report, terminal)?;
    Ok(Outcome::when(report.is_clean()))
}

/// What the checkpoint says, where the trusted key signed it; what is wrong with it is a difference.
fn proven(
    args: &VerifyArgs,
    path: &Path,
    configuration: &Configuration,
    report: &mut Report,
) -> Result<Option<Checkpoint>, CliError> {
    let trusted = trusted_key(args, configuration)?;
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::Unable(Bilingual::new(
            format!("无法读取检查点 {}：{error}", path.display()),
            format!("The checkpoint {} cannot be read: {error}", path.display()),
        ))
    })?;
    let signed = SignedCheckpoint::read(&text);
    match signed.as_ref().map_err(Clone::clone).and_then(|signed| signed.proven_by(&trusted)) {
        Ok(checkpoint) => Ok(Some(checkpoint.clone())),
        Err(why) => {
            let place = format!("checkpoint {}", path.display());
            report.differ(place, "signed by the trusted key", why);
            Ok(None)
        }
    }
}

fn trusted_key(args: &VerifyArgs, configuration: &Configuration) -> Result<VerifyingKey, CliError> {
    let Some(given) = &args.public_key else {
        let path = args.key.path(configuration);
        return key::read(&path).map(|key| key.verifying_key()).map_err(|e| no_key(&path, &e));
    };
    let text = std::fs::read_to_string(given).unwrap_or_else(|_no_file| given.clone());
    key::public(&text).ok_or_else(|| {
        CliError::Usage(Bilingual::new(
            format!("不是公钥，也不是公钥文件：{given}"),
            format!("Neither a public key of 64 hexadecimal digits nor a file with one: {given}"),
        ))
    })
}

fn print(args: &VerifyArgs, report: &Report, terminal: &Terminal) -> Result<(), CliError> {
    if args.json {
        let json = serde_json::to_string_pretty(report).map_err(|error| {
            CliError::Unable(Bilingual::new(error.to_string(), error.to_string()))
        })?;
        terminal.line(json);
        return Ok(());
    }
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
    Ok(())
}

/// A bar on standard error, which indicatif hides where that is no terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_broken| ProgressStyle::default_bar()))
}
