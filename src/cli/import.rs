//! `changbei import`: a file of items, stores, opening stock, receipts or dispatches.

use crate::access::records::actor_by_name;
use crate::cli::configuration::Configuration;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::terminal::Terminal;
use crate::exchange::commands::{Import, Progress, file_hash, import};
use crate::exchange::kind::ImportKind;
use crate::exchange::mapping::Mapping;
use crate::exchange::{rejects, table};
use crate::kernel::language::Bilingual;
use crate::kernel::{Code, Refusal};
use crate::server::start::watch_clock;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Imports a file of items, stores, stock or dispatches 导入文件
///
/// The file is CSV in UTF-8 or GB18030 with commas, semicolons or tabs, or a workbook (XLSX), of which
/// the first visible sheet is read. Each row becomes the request that a client of the API would send,
/// on behalf of the user and with that user's rights. Every bad row is named with its line, column and
/// reason. A row that was imported before changes nothing, so the same file may be imported again.
///
/// Without --rejects a file goes in whole or not at all. Exit code: 0 when every row is in, 1 when
/// any row was refused, 2 when the command line or the mapping is wrong.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  changbei import receipts shipments.csv --as keeper.depot --map \
                        shipments.toml --rejects refused.csv\n\nWithout a mapping the headings are \
                        the field names of the API, or their Chinese names."
)]
pub struct ImportArgs {
    /// items, stores, opening-stock, receipts or dispatches
    #[arg(value_name = "KIND", value_parser = parse_kind)]
    kind: ImportKind,
    /// The file
    file: PathBuf,
    /// The user on whose behalf the rows go in
    #[arg(long = "as", value_name = "USER")]
    user: String,
    /// Try everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Let the good rows go in, and write the refused ones with their reasons to this file
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// How the file's columns become our fields
    #[arg(long, value_name = "FILE.toml")]
    map: Option<PathBuf>,
}

fn parse_kind(word: &str) -> Result<ImportKind, String> {
    ImportKind::from_word(word).ok_or_else(|| {
        let known: Vec<&str> = ImportKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// When a file of the command line cannot be used, the user may not, or the database fails.
pub fn run(
    args: &ImportArgs,
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    let language = configuration.settings.language;
    let bytes = fs::read(&args.file).map_err(|error| unusable(&args.file, &error))?;
    let mapping = mapping(args)?;
    let table = Arc::new(table::read(&bytes, mapping.reading)?);
    let file_hash = file_hash(&bytes);
    drop(bytes);
    // Opened before anything is stored: what is refused must have somewhere to go.
    let rejects_file = args.rejects.as_deref().map(|path| create(path, &args.file)).transpose()?;
    let app = configuration.open()?;
    watch_clock(&app)?;
    let actor = app
        .read(|conn| actor_by_name(conn, &args.user))?
        .ok_or_else(|| unknown_user(&args.user))?;
    let work = Import {
        kind: args.kind,
        file_hash,
        mapping,
        good_rows_go_in: args.rejects.is_some(),
        dry_run: args.dry_run,
    };
    let (bar, progress) = progress();
    // Only what is refused is written from the table again.
    let kept = rejects_file.as_ref().map(|_| table.clone());
    let report = import(&app, &actor, &work, table, &progress);
    bar.finish_and_clear();
    let report = report?;
    if let (Some(file), Some(path), Some(table)) = (rejects_file, &args.rejects, kept) {
        rejects::write(io::BufWriter::new(file), &table, &report.faults, language)
            .map_err(|error| unusable(path, &error))?;
    }
    terminal.text(report.in_words(language));
    Ok(Outcome::when(report.faults.is_empty()))
}

fn unusable(path: &Path, error: &io::Error) -> CliError {
    let path = path.display();
    CliError::Usage(Bilingual::new(
        format!("无法使用文件 {path}：{error}"),
        format!("The file {path} cannot be used: {error}"),
    ))
}

fn unknown_user(name: &str) -> Refusal {
    Refusal::new(
        Code::NotFound,
        format!("没有启用的用户 {name}"),
        format!("There is no active user {name}"),
    )
}

fn mapping(args: &ImportArgs) -> Result<Mapping, CliError> {
    let Some(path) = &args.map else { return Ok(Mapping::none()) };
    let text = fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
    Mapping::parse(&text, args.kind).map_err(|refusal| {
        let path = path.display();
        CliError::Usage(Bilingual::new(
            format!("{path}：{}", refusal.detail.zh),
            format!("{path}: {}", refusal.detail.en),
        ))
    })
}

fn create(path: &Path, input: &Path) -> Result<fs::File, CliError> {
    let same = fs::canonicalize(path)
        .is_ok_and(|path| fs::canonicalize(input).is_ok_and(|input| input == path));
    if same {
        return Err(CliError::Usage(Bilingual::new(
            "--rejects 不能是被导入的文件本身",
            "--rejects must not name the imported file itself",
        )));
    }
    fs::File::create(path).map_err(|error| unusable(path, &error))
}

/// A bar on standard error, which indicatif hides where that is no terminal.
fn progress() -> (ProgressBar, Progress) {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_broken| ProgressStyle::default_bar()));
    let shown = bar.clone();
    let progress: Progress = Arc::new(move |done, all| {
        shown.set_length(u64::try_from(all).unwrap_or(u64::MAX));
        shown.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    });
    (bar, progress)
}
