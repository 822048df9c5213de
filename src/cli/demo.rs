//! `changbei demo`: the demonstration county, and the service on it.

use crate::app::App;
use crate::cli::configuration::Configuration;
use crate::cli::outcome::{CliError, Outcome};
use crate::cli::serve::{ListenArgs, address_of, serve};
use crate::cli::terminal::Terminal;
use crate::demo::{self, Found, Mark, ShiftedClock, TokenFile, UserToken};
use crate::kernel::Instant;
use crate::kernel::language::Bilingual;
use crate::kernel::time::parse_date;
use chrono::NaiveDate;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Shows Changbei with a county in it 演示县
///
/// Fills an empty database with Quannan County: its towns and townships, a catalogue of forty items,
/// a reserve plan, and ninety days of history up to yesterday; then serves it. A second start opens
/// the same county again; other data is refused. The same date and seed give the same stock, numbers
/// and figures. With a --date that is not today, the service's clock is the machine's shifted by
/// whole days, so that --date is today when the demonstration is made, and time goes on from there.
///
/// The tokens of all users are written to tokens.json in the data folder, readable by its owner only
/// and complete before the port answers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  changbei demo\n  changbei demo --date 2026-03-02 --seed 7 \
                        --data-dir ./county --listen 127.0.0.1:0")]
pub struct DemoArgs {
    /// Where to listen.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// The day that shall be today; history ends on the day before [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub date: Option<NaiveDate>,
    /// The seed of everything that is left to chance [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// The first day on which history may end, and the first on which it may not: what the service
/// records lies between 2000 and 2199, and lots expire years later.
const YEARS: std::ops::Range<i32> = 2001..2190;

fn day(text: &str) -> Result<NaiveDate, String> {
    use chrono::Datelike;
    parse_date(text)
        .filter(|day| YEARS.contains(&day.year()))
        .ok_or_else(|| "expected a date from 2001-01-01 to 2189-12-31".to_owned())
}

/// Runs the command; it ends when the service has been told to stop.
///
/// # Errors
/// When the port is not to be had, the database holds other data, or fails.
pub fn run(
    args: &DemoArgs,
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<Outcome, CliError> {
    let listener = args.listen.bind(&configuration.file)?;
    let base_url = format!("http://{}", address_of(&listener)?);
    let configuration = &configuration.clone().with_webhook_key()?.with_webhook_roots()?;
    let app = configuration.open_or_create()?;
    app.db.migrate()?;
    let mark = match demo::find(&app)? {
        Found::Nothing => make(&app, args, terminal)?,
        Found::Demonstration(mark) => open_again(args, mark)?,
        Found::OtherData => return Err(other_data()),
    };
    let clock = Arc::new(ShiftedClock::by_days(mark.days_ahead));
    let app = App { clock, ..app };
    let path = configuration.data_dir.join("tokens.json");
    let users = match read_tokens(&path) {
        Some(users) if all_work(&app, &users)? => users,
        Some(_) | None => demo::make_tokens(&app, mark)?,
    };
    let file = TokenFile { base_url, users };
    configuration.make_data_dir()?;
    write_tokens(&path, &file)?;
    welcome(&file, &path, mark, terminal);
    serve(app, listener, &args.listen.server_options(&configuration.file), terminal)
}

/// Writes the history and its mark.
fn make(app: &App, args: &DemoArgs, terminal: &Terminal) -> Result<Mark, CliError> {
    let real = app.settings.zone.day_of(app.clock.now());
    let today = args.date.unwrap_or(real);
    let days_ahead = (today - real).num_days();
    let mark = Mark { today, seed: args.seed.unwrap_or(1), days_ahead };
    terminal.say(&Bilingual::new(
        format!("正在生成演示县：截至 {today} 前一日的 90 天历史，种子 {} …", mark.seed),
        format!("Making the county: ninety days up to {today}, seed {} …", mark.seed),
    ));
    demo::seed(app, today, mark.seed)?;
    let clock = Arc::new(ShiftedClock::by_days(days_ahead));
    demo::make_tokens(&App { clock, ..app.clone() }, mark)?;
    Ok(mark)
}

fn open_again(args: &DemoArgs, mark: Mark) -> Result<Mark, CliError> {
    let same = args.date.is_none_or(|date| date == mark.today)
        && args.seed.is_none_or(|seed| seed == mark.seed);
    if same {
        return Ok(mark);
    }
    let (today, seed) = (mark.today, mark.seed);
    Err(CliError::Unable(Bilingual::new(
        format!("这里已有日期 {today}、种子 {seed} 的演示县；请换一个 --data-dir"),
        format!("The county here is that of {today} and seed {seed}: take another --data-dir"),
    )))
}

fn other_data() -> CliError {
    CliError::Unable(Bilingual::new(
        "数据库中已有其他数据，或有未完成的演示县；请换一个 --data-dir",
        "The database holds other data, or a demonstration that was never finished: take another \
         --data-dir",
    ))
}

fn read_tokens(path: &Path) -> Option<Vec<UserToken>> {
    let text = fs::read_to_string(path).ok()?;
    let file: TokenFile = serde_json::from_str(&text).ok()?;
    Some(file.users)
}

/// Whether every token of the file still works on this database.
fn all_work(app: &App, users: &[UserToken]) -> Result<bool, CliError> {
    let now: Instant = app.clock.now();
    let works = app.read(|conn| {
        let mut works = !users.is_empty();
        for user in users {
            let hash = crate::access::token::hash(&user.token);
            works &= crate::access::records::actor_by_token(conn, &hash, now)?.is_some();
        }
        Ok::<_, crate::db::DbError>(works)
    })?;
    Ok(works)
}

/// Writes the file beside its place and moves it there, so that no reader sees half of it.
fn write_tokens(path: &Path, tokens: &TokenFile) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(tokens).unwrap_or_default() + "\n";
    let beside = PathBuf::from(format!("{}.new", path.display()));
    let write = || {
        // A file left over by a run that was broken off keeps its mode; a new one gets ours.
        let _ = fs::remove_file(&beside);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(json.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| {
        CliError::Unable(Bilingual::new(
            format!("无法写入 {}：{error}", path.display()),
            format!("{} cannot be written: {error}", path.display()),
        ))
    })
}

/// Tells where it is, who is there, and what to try.
fn welcome(file: &TokenFile, path: &Path, mark: Mark, terminal: &Terminal) {
    let base = &file.base_url;
    terminal.line(base);
    let (today, seed) = (mark.today, mark.seed);
    terminal.line(terminal.choose(&Bilingual::new(
        format!("\n全南县演示，今天是 {today}，种子 {seed}。用户（令牌见 {}）：", path.display()),
        format!(
            "\nQuannan County; made for {today} with seed {seed}. Users (tokens in {}):",
            path.display()
        ),
    )));
    for user in &file.users {
        terminal.line(format!("  {:<20} {:<12} {}", user.name, user.role, user.stores.join(" ")));
    }
    terminal.line(terminal.choose(&Bilingual::new("\n试一试：", "\nTry:")));
    for line in tries(file) {
        terminal.line(format!("  {line}"));
    }
    terminal.line(terminal.choose(&Bilingual::new(
        format!("\n接口文档：{base}/docs/　按 Ctrl-C 停止。"),
        format!("\nDocumentation: {base}/docs/. Ctrl-C stops it."),
    )));
}

/// Six requests that show the main job.
fn tries(file: &TokenFile) -> Vec<String> {
    let base = &file.base_url;
    let token = |name: &str| {
        let user = file.users.iter().find(|user| user.name == name);
        user.map_or("", |user| user.token.as_str())
    };
    let get = |user: &str, path: &str| {
        format!("curl -s -H 'Authorization: Bearer {}' '{base}/api/v1{path}'", token(user))
    };
    vec![
        get("cmd.zhong", "/shortfalls?status=below_floor&totals=true"),
        get("cmd.zhong", "/shortfalls/explain?store=QN-PH&item=M03"),
        get("keeper.depot", "/stock?store=QN-DEPOT&item=M02"),
        get("auditor", "/dispatches?paperwork=open"),
        get("cmd.zhong", "/alerts?state=open&severity=warning"),
        format!(
            "curl -s -X POST -H 'Authorization: Bearer {}' -H 'Idempotency-Key: try-1' -H \
             'Content-Type: application/json' -d '{}' '{base}/api/v1/dispatches'",
            token("buyer.ph"),
            r#"{"to_store":"QN-PH","reason":"发热门诊用量上升","lines":[{"item_code":"M02","quantity":500}]}"#
        ),
    ]
}
