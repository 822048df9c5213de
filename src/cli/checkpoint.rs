//! `changbei checkpoint`: signed heads of all hash chains, to be kept elsewhere.

use crate::cli::configuration::Configuration;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::kernel::language::Bilingual;
use crate::proof::checkpoint::{hex, key_id};
use crate::proof::key::{NoKey, read_or_make};
use crate::proof::queries::checkpoint;
use ed25519_dalek::SigningKey;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The signing key's file in the data folder.
const KEY_FILE: &str = "checkpoint.key";

/// Signs what the book says now 签发检查点
///
/// Writes the newest hash of every chain of the ledger and the audit trail, with the time and the
/// counts, signed with Ed25519. Keep the file where whoever can write the database cannot: `changbei
/// verify --against FILE` then shows even a history that was rewritten whole. The key is made at its
/// first use, in the data folder, readable by its owner only.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  changbei checkpoint --out /media/usb/2026-03-31.json\n  \
                  changbei checkpoint key > /media/usb/changbei.pub"
)]
pub struct CheckpointArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// A new file for the checkpoint [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Prints the public key by which checkpoints are proven 输出公钥
    #[command(after_help = "Example:\n  changbei checkpoint key")]
    Key(KeyArgs),
}

/// Where the signing key lies.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// The file of the signing key [default: checkpoint.key in the data folder]
    #[arg(long = "key-file", env = "CHANGBEI_CHECKPOINT_KEY", value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl KeyArgs {
    /// The file of the signing key.
    pub fn path(&self, configuration: &Configuration) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| configuration.data_dir.join(KEY_FILE))
    }

    fn key(&self, configuration: &Configuration) -> Result<SigningKey, CliError> {
        if self.key_file.is_none() {
            configuration.make_data_dir()?;
        }
        let path = self.path(configuration);
        read_or_make(&path).map_err(|error| no_key(&path, &error))
    }
}

/// Runs the command.
///
/// # Errors
/// When the database, the key or the file cannot be used.
pub fn run(
    args: &CheckpointArgs,
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    if let Some(Action::Key(key)) = &args.action {
        terminal.line(hex(key.key(configuration)?.verifying_key().as_bytes()));
        return Ok(Outcome::Done);
    }
    let app = configuration.open()?;
    let key = args.key.key(configuration)?;
    let now = app.clock.now();
    let signed = app.read(|conn| checkpoint(conn, now))?.sign(&key);
    let json = serde_json::to_string_pretty(&signed).map_err(|error| unwritable(None, &error))?;
    match &args.out {
        None => terminal.line(json),
        Some(path) => write_new(path, &json).map_err(|error| unwritable(Some(path), &error))?,
    }
    let (movements, entries) = (signed.checkpoint.movements, signed.checkpoint.audit_entries);
    let (chains, id) = (signed.checkpoint.chains.len(), key_id(&key.verifying_key()));
    terminal.say(&Bilingual::new(
        format!("流水 {movements} 条，审计 {entries} 条，链 {chains} 条，密钥 {id}"),
        format!("{movements} movements, {entries} audit entries, {chains} chains, key {id}"),
    ));
    Ok(Outcome::Done)
}

/// Writes a file that is not there yet: an older checkpoint is evidence and is not written over.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

fn unwritable(path: Option<&PathBuf>, error: &impl ToString) -> CliError {
    let place = path.map_or_else(String::new, |path| path.display().to_string());
    let reason = error.to_string();
    CliError::Unable(Bilingual::new(
        format!("无法写入检查点 {place}：{reason}"),
        format!("The checkpoint {place} cannot be written: {reason}"),
    ))
}

/// That a key's file cannot be used.
pub fn no_key(path: &Path, error: &NoKey) -> CliError {
    let place = path.display();
    CliError::Unable(Bilingual::new(
        format!("无法使用密钥 {place}：{error}"),
        format!("The key {place} cannot be used: {error}"),
    ))
}
