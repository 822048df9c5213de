//! The demonstration county: the same for a date and a seed, true to the book, and found again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that stumbles says so with its line number"
)]

mod support;

use changbei::access::Scope;
use changbei::app::App;
use changbei::cli::config_file::ConfigFile;
use changbei::db::{Db, DbOptions};
use changbei::demo;
use changbei::dispatch::DispatchStatus;
use changbei::kernel::time::{SystemClock, parse_date};
use changbei::stock::queries::{StockFilter, stock};
use changbei::stock::verify::verify;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use support::postgres;

const TODAY: &str = "2026-03-02";

/// The county on an empty database.
fn county_on(url: &str) -> App {
    let db = Db::open(url, &DbOptions::default()).unwrap();
    db.migrate().unwrap();
    let settings = ConfigFile::default().county.settings().unwrap();
    let app = App::new(db, Arc::new(SystemClock), settings);
    demo::seed(&app, parse_date(TODAY).unwrap(), 7).expect("the county is written");
    app
}

/// Every balance and every dispatch, without ids.
fn figures(app: &App) -> Vec<String> {
    app.read(|conn| {
        let balances = stock(conn, &Scope::All, &StockFilter::default(), None, 100_000)?;
        let mut figures: Vec<String> = balances
            .iter()
            .map(|balance| {
                format!(
                    "{} {} {:?} {} {} {}",
                    balance.store_code,
                    balance.lot.makers_lot.item_code,
                    balance.lot.makers_lot.lot_number,
                    balance.state,
                    balance.on_hand,
                    balance.reserved,
                )
            })
            .collect();
        figures.extend(
            dispatches(conn).into_iter().map(|(number, status)| format!("{number} {status}")),
        );
        figures.sort();
        Ok::<_, changbei::db::DbError>(figures)
    })
    .unwrap()
}

fn dispatches(conn: &mut changbei::db::DbConnection) -> BTreeMap<String, DispatchStatus> {
    use changbei::db::schema::dispatch;
    use diesel::prelude::*;
    let rows: Vec<(String, DispatchStatus)> = dispatch::table
        .select((dispatch::number, dispatch::status))
        .order(dispatch::number)
        .load(conn)
        .unwrap();
    rows.into_iter().collect()
}

/// How many dispatches an approved allocation was turned into.
fn allocated(county: &App) -> i64 {
    use changbei::db::schema::{allocation, allocation_dispatch};
    use diesel::prelude::*;
    county
        .read(|conn| {
            let approved = allocation_dispatch::table
                .inner_join(allocation::table)
                .filter(allocation::status.eq("approved"));
            Ok::<i64, changbei::db::DbError>(approved.count().get_result(conn)?)
        })
        .unwrap()
}

#[test]
fn one_date_and_seed_give_the_same_true_book_on_both_databases() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = county_on(&folder.path().join("changbei.db").to_string_lossy());
    let first = figures(&sqlite);
    assert!(first.len() > 600, "{}", first.len());
    let mut counties = vec![sqlite];
    if let Some(url) = postgres::empty() {
        let postgres = county_on(&url);
        let second = figures(&postgres);
        for (one, other) in first.iter().zip(&second) {
            assert_eq!(one, other);
        }
        assert_eq!(first.len(), second.len());
        counties.push(postgres);
    }
    for county in &counties {
        let report = county.read(verify).unwrap();
        assert!(report.is_clean(), "{:?}", report.differences);
        assert!(report.movements > 3_000, "{}", report.movements);
        let states: BTreeSet<DispatchStatus> = county
            .read(|conn| Ok::<_, changbei::db::DbError>(dispatches(conn)))
            .unwrap()
            .into_values()
            .collect();
        assert_eq!(states.len(), DispatchStatus::ALL.len(), "{states:?}");
        assert!(allocated(county) > 0, "the command center has divided something");
    }
}

/// The binary's demonstration; killed when a test gives it up.
struct Shown {
    child: Child,
    said: Vec<String>,
}

impl Shown {
    fn start(folder: &Path) -> Self {
        let mut child = demonstration(folder, "7")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let is_last = line.contains("/docs/");
            said.push(line);
            if is_last {
                break;
            }
        }
        Self { child, said }
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn demonstration(folder: &Path, seed: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changbei"));
    command
        .env_remove("DATABASE_URL")
        .args([
            "demo",
            "--date",
            TODAY,
            "--seed",
            seed,
            "--listen",
            "127.0.0.1:0",
            "--language",
            "en",
        ])
        .arg("--data-dir")
        .arg(folder);
    command
}

/// Reads with a token and requires success.
fn get(base: &str, path: &str, token: &str) -> Value {
    let answer = ureq::get(format!("{base}/api/v1{path}"))
        .header("authorization", format!("Bearer {token}"))
        .call();
    answer.unwrap().body_mut().read_json().unwrap()
}

#[test]
fn the_demonstration_is_there_with_its_tokens_and_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let shown = Shown::start(folder.path());
    let path = folder.path().join("tokens.json");
    let tokens: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let base = tokens["base_url"].as_str().unwrap().to_owned();
    assert_eq!(shown.said[0], base);
    let token = |name: &str| {
        let users = tokens["users"].as_array().unwrap();
        let user = users.iter().find(|user| user["name"] == name).expect(name);
        user["token"].as_str().unwrap().to_owned()
    };
    let (commander, auditor) = (token("cmd.zhong"), token("auditor"));

    let me = get(&base, "/me", &commander);
    assert_eq!((&me["name"], &me["region_code"]), (&"cmd.zhong".into(), &"360729".into()));
    assert_eq!(get(&base, "/items?limit=1000", &commander)["rows"].as_array().unwrap().len(), 40);
    assert_eq!(get(&base, "/stores?limit=1000", &commander)["rows"].as_array().unwrap().len(), 14);
    let shortfalls = get(&base, "/shortfalls?limit=1000&totals=true", &commander);
    assert!(shortfalls["rows"].as_array().unwrap().len() > 150);
    assert_eq!(shortfalls["totals"]["stale_stores"], serde_json::json!(["QN-LONGXIA"]));
    let open = get(&base, "/dispatches?paperwork=open", &auditor);
    assert_eq!(open["rows"].as_array().unwrap().len(), 1);
    assert_eq!(open["rows"][0]["to_store"], "QN-NANJING");

    // The watch looks as soon as the service runs, at all stores at once.
    let begun = std::time::Instant::now();
    let silent = || get(&base, "/alerts?state=open&kind=silence", &commander)["rows"].clone();
    while silent().as_array().unwrap().is_empty() {
        assert!(begun.elapsed().as_secs() < 60, "the watch has seen nothing");
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    assert_eq!(silent()[0]["store_code"], "QN-LONGXIA");
    let open = get(&base, "/alerts?state=open&kind=shortage&limit=1000", &commander);
    let below = get(&base, "/shortfalls?status=below_floor&limit=1000", &commander);
    let alerts = open["rows"].as_array().unwrap().iter();
    let alerts = alerts.filter(|alert| alert["status"] == "below_floor").count();
    assert_eq!(alerts, below["rows"].as_array().unwrap().len());
    assert!(alerts > 0, "the county has something to worry about");

    let curls: Vec<&String> = shown.said.iter().filter(|line| line.contains("curl -s ")).collect();
    assert_eq!(curls.len(), 6);
    for curl in curls {
        let answer =
            Command::new("sh").args(["-c", &format!("{curl} -w '%{{http_code}}'")]).output();
        let said = String::from_utf8(answer.unwrap().stdout).unwrap();
        assert!(said.ends_with("200") || said.ends_with("201"), "{curl}\n{said}");
    }
    shown.stop();

    let verified = Command::new(env!("CARGO_BIN_EXE_changbei"))
        .env_remove("DATABASE_URL")
        .args(["verify", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));

    let again = Shown::start(folder.path());
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found.contains(&commander), "the tokens still hold");
    assert!(found.contains(&again.said[0]), "the address is the new one");
    get(&again.said[0], "/me", &commander);
    again.stop();

    let other = demonstration(folder.path(), "8").output().unwrap();
    assert_eq!(other.status.code(), Some(1), "another seed is another county");
}

#[test]
fn a_database_with_other_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let changbei = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_changbei"));
        command.env_remove("DATABASE_URL").args(arguments).arg("--data-dir").arg(folder.path());
        command.output().unwrap()
    };
    assert!(changbei(&["migrate"]).status.success());
    assert!(changbei(&["user", "add", "someone", "--role", "admin"]).status.success());
    let refused = demonstration(folder.path(), "7").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("other data"), "{said}");
}
