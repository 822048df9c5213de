//! How the engine of shortfalls grows: county (30 stores × 300 items), city (600 × 300), province
//! (3 000 × 300 = 900 000 lines), beside one statement written by hand that computes the same numbers
//! on the same database in the same run.
//!
//! `cargo bench --bench shortfall -- [--sizes county,city,province] [--folder DIR]
//! [--postgres postgres://USER@HOST:PORT] [--without-sqlite] [--repeat N] [--keep]` prints JSON, and on
//! the other stream how far it is. Scenes are SQLite files in the folder and databases
//! `changbei_bench_*` on PostgreSQL. They are removed at the end; with `--keep` they stay, and a run on
//! the same day finds them. It fails where the two ways do not tell the same of every line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a measurement that stumbles says so with its line number"
)]

mod http;
mod meter;
mod rows;
mod scene;
mod statement;

use changbei::config::Settings;
use changbei::db::DbError;
use changbei::kernel::{Money, Quantity};
use changbei::shortfall::queries::ground::Ground;
use changbei::shortfall::queries::{Line, Question, each_line};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use http::Service;
use meter::Spent;
use scene::{CITY, COUNTY, PROVINCE, Scene, Size};
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Arguments {
    sizes: Vec<Size>,
    folder: PathBuf,
    postgres: Option<String>,
    sqlite: bool,
    repeat: usize,
    keep: bool,
}

impl Arguments {
    fn read() -> Option<Self> {
        let mut found = Self {
            sizes: vec![COUNTY, CITY, PROVINCE],
            folder: std::env::temp_dir(),
            postgres: None,
            sqlite: true,
            repeat: 3,
            keep: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--sizes" => {
                    let names = words.next()?;
                    let all = [COUNTY, CITY, PROVINCE].into_iter();
                    found.sizes =
                        all.filter(|size| names.split(',').any(|n| n == size.name)).collect();
                }
                "--folder" => found.folder = words.next()?.into(),
                "--postgres" => found.postgres = words.next(),
                "--without-sqlite" => found.sqlite = false,
                "--repeat" => found.repeat = words.next()?.parse().ok()?,
                "--keep" => found.keep = true,
                // Cargo's own.
                "--bench" => {}
                _ => return None,
            }
        }
        Some(found)
    }
}

fn main() {
    let Some(arguments) = Arguments::read() else {
        eprintln!("see the head of benches/shortfall/main.rs");
        std::process::exit(2);
    };
    let (codes, real) = scene::townships();
    let mut report = json!({"township_codes_are_real": real, "items": scene::ITEMS});
    if arguments.sqlite {
        let scenes = arguments.sizes.iter().map(|size| {
            let file = arguments.folder.join(format!("changbei_bench_{}.db", size.name));
            eprintln!("SQLite, {}: {}", size.name, file.display());
            Scene::at(&format!("sqlite:{}", file.display()), *size, &codes, || remove(&file))
        });
        report["SQLite"] = measure(scenes.collect(), &arguments);
    }
    if let Some(server) = &arguments.postgres {
        let scenes = arguments.sizes.iter().map(|size| {
            eprintln!("PostgreSQL, {}", size.name);
            let url = format!("{server}/{}", database(size));
            Scene::at(&url, *size, &codes, || create(server, size))
        });
        report["PostgreSQL"] = measure(scenes.collect(), &arguments);
    }
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    if !arguments.keep {
        for size in &arguments.sizes {
            remove(&arguments.folder.join(format!("changbei_bench_{}.db", size.name)));
            if let Some(server) = &arguments.postgres {
                drop_database(server, size);
            }
        }
    }
}

/// Removes an SQLite file and what lies beside it.
fn remove(file: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
}

fn database(size: &Size) -> String {
    format!("changbei_bench_{}", size.name)
}

fn admin(server: &str, sql: &str) {
    let mut conn = PgConnection::establish(&format!("{server}/postgres")).unwrap();
    conn.batch_execute(sql).unwrap();
}

fn drop_database(server: &str, size: &Size) {
    admin(server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database(size)));
}

fn create(server: &str, size: &Size) {
    drop_database(server, size);
    let name = database(size);
    admin(
        server,
        &format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        ),
    );
}

/// How many times a figure of one size is that of another.
fn ratio(
    sizes: &serde_json::Map<String, Value>,
    (over, under): (&str, &str),
    path: &str,
) -> Option<f64> {
    let of = |name: &str| sizes.get(name).and_then(|size| size.pointer(path)?.as_f64());
    Some(rounded(of(over)? / of(under)?))
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}

fn measure(scenes: Vec<Scene>, arguments: &Arguments) -> Value {
    let mut sizes = serde_json::Map::new();
    for scene in &scenes {
        eprintln!("measuring {}", scene.size.name);
        sizes.insert(scene.size.name.to_owned(), measure_one(scene, arguments));
    }
    let mut ratios = serde_json::Map::new();
    let pairs = [("city", "county"), ("province", "city"), ("province", "county")];
    for (what, path) in [
        ("one_store", "/http/one_store/p50_micros"),
        ("one_store_processor", "/http/one_store/processor_micros"),
        ("time_per_line", "/report/micros_per_line"),
        ("processor_per_line", "/report/processor_micros_per_line"),
    ] {
        for (over, under) in pairs {
            if let Some(ratio) = ratio(&sizes, (over, under), path) {
                ratios.insert(format!("{what}_{over}_to_{under}"), json!(ratio));
            }
        }
    }
    json!({"ratios": ratios, "sizes": sizes})
}

fn measure_one(scene: &Scene, arguments: &Arguments) -> Value {
    let (mut by_hand, mut report) = (Vec::new(), Vec::new());
    // In turn, so that what else the machine does falls on both.
    for _ in 0..arguments.repeat {
        let (hand, hand_sums) = meter::timed(scene, || statement::read(scene));
        let (ours, our_sums) = meter::timed(scene, || whole_report(scene));
        eprintln!("  by hand {hand:?}, report {ours:?}");
        assert_eq!(hand_sums, our_sums, "both ways must tell the same of every line");
        by_hand.push((hand, hand_sums));
        report.push((ours, our_sums));
    }
    let (hand, ours) = (Spent::least(&by_hand), Spent::least(&report));
    let sums = &report[0].1;
    let (http, ndjson) = Service::start(scene, &arguments.folder).measure(scene);
    let per_line = |time: Duration| rounded(time.as_micros() as f64 / sums.lines as f64);
    json!({
        "stores": scene.size.stores,
        "sums": sums.json(),
        "load_average": std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
        "statement_by_hand": hand.json(),
        "report": {
            "seconds": ours.seconds.as_secs_f64(),
            "processor_seconds": ours.processor.as_secs_f64(),
            "micros_per_line": per_line(ours.seconds),
            "processor_micros_per_line": per_line(ours.processor),
        },
        "report_to_statement": rounded(ours.seconds.as_secs_f64() / hand.seconds.as_secs_f64()),
        "report_to_statement_processor":
            rounded(ours.processor.as_secs_f64() / hand.processor.as_secs_f64()),
        "ndjson_over_http_to_statement": rounded(ndjson.as_secs_f64() / hand.seconds.as_secs_f64()),
        "http": http,
    })
}

/// The report in this process: every line worked out and handed over, and the totals.
fn whole_report(scene: &Scene) -> Sums {
    let settings = Settings::default();
    let question = Question::default();
    let mut sums = Sums::default();
    let totals = scene.db.read::<_, DbError>(|conn| {
        let ground = Ground::of(conn, &question, &settings, scene.now)?;
        each_line(conn, &ground, &question, |line: &Line| -> Result<(), DbError> {
            sums.add(&Row::from(line));
            Ok(())
        })
    });
    assert_eq!(totals.unwrap().met, sums.met);
    sums
}

/// A line as both ways tell it: store, item, level and status; and the numbers of [`NUMBERS`].
#[derive(Hash)]
struct Row<'a> {
    texts: [&'a str; 4],
    numbers: [Option<i64>; NUMBERS],
}

/// Target, floor, on hand, reserved, blocked, available, coming, arriving, ordered, on-hand
/// shortfall, net shortfall, what is missing after substitution, and cost.
const NUMBERS: usize = 13;

impl<'a> From<&'a Line> for Row<'a> {
    fn from(line: &'a Line) -> Self {
        let units = |quantity: Quantity| Some(quantity.units());
        let figures = &line.figures;
        Self {
            texts: [
                line.store.as_str(),
                line.item.as_str(),
                line.level.as_str(),
                figures.status.as_str(),
            ],
            numbers: [
                line.target.as_ref().ok().map(|target| target.quantity.units()),
                line.plan_line.line.floor_at(line.level).and_then(units),
                units(line.on_hand),
                units(line.reserved),
                units(line.blocked),
                units(line.available),
                units(line.in_transit_in),
                units(line.arriving),
                units(line.expected.arriving),
                figures.on_hand_shortfall.and_then(units),
                figures.net_shortfall.and_then(units),
                line.substitution.as_ref().and_then(|of| units(of.still_missing)),
                line.cost.map(Money::ten_thousandths),
            ],
        }
    }
}

/// What a report adds up to, by which two ways of making it are held to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    lines: i64,
    met: i64,
    net_shortfall: i64,
    still_missing: i64,
    cost: i64,
    /// Every column of every row.
    fingerprint: u64,
}

impl Sums {
    fn add(&mut self, row: &Row<'_>) {
        let number = |at: usize| row.numbers[at].unwrap_or(0);
        self.lines += 1;
        self.met += i64::from(row.texts[3] == "met");
        self.net_shortfall += number(10);
        self.still_missing += number(11);
        self.cost += number(12);
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.fingerprint = self.fingerprint.wrapping_add(hasher.finish());
    }

    fn json(&self) -> Value {
        json!({"lines": self.lines, "met": self.met, "net_shortfall": self.net_shortfall,
            "still_missing": self.still_missing,
            "cost": Money::from_ten_thousandths(self.cost).to_string(),
            "fingerprint": format!("{:016x}", self.fingerprint)})
    }
}
