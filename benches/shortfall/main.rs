//! How the engine of shortfalls grows: county (30 stores × 300 items), city (600 × 300), province
//! (3 000 × 300 = 900 000 lines), beside one statement written by hand that computes the same numbers
//! on the same database in the same run.
//!
//! `cargo bench --bench shortfall -- [--sizes county,city,province] [--folder DIR]
//! [--postgres postgres://USER@HOST:PORT] [--repeat N]` prints JSON. SQLite files lie in the folder for
//! a while; on PostgreSQL databases `changbei_bench_*` are made anew and dropped.
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
mod scene;
mod statement;

use changbei::config::Settings;
use changbei::db::{Backend, DbError};
use changbei::kernel::Money;
use changbei::shortfall::queries::ground::Ground;
use changbei::shortfall::queries::{Line, Question, each_line};
use diesel::connection::{Connection, LoadConnection};
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use http::Service;
use scene::{CITY, COUNTY, PROVINCE, Scene, Size};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

struct Arguments {
    sizes: Vec<Size>,
    folder: PathBuf,
    postgres: Option<String>,
    sqlite: bool,
    repeat: usize,
}

impl Arguments {
    fn read() -> Option<Self> {
        let mut found = Self {
            sizes: vec![COUNTY, CITY, PROVINCE],
            folder: std::env::temp_dir(),
            postgres: None,
            sqlite: true,
            repeat: 3,
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
    let folder = tempfile::tempdir_in(&arguments.folder).unwrap();
    let mut databases = Vec::new();
    if arguments.sqlite {
        let scenes = arguments.sizes.iter().map(|size| {
            eprintln!("SQLite, {}", size.name);
            Scene::fill(&scene::sqlite_url(folder.path(), *size), *size, &codes)
        });
        databases.push(("SQLite", scenes.collect::<Vec<Scene>>()));
    }
    if let Some(server) = &arguments.postgres {
        let scenes = arguments.sizes.iter().map(|size| {
            eprintln!("PostgreSQL, {}", size.name);
            Scene::fill(&fresh_postgres(server, size.name), *size, &codes)
        });
        databases.push(("PostgreSQL", scenes.collect::<Vec<Scene>>()));
    }
    let mut report = json!({"township_codes_are_real": real, "items": scene::ITEMS});
    for (name, scenes) in &databases {
        report[*name] = measure(scenes, folder.path(), arguments.repeat);
    }
    report["load_average"] =
        json!(std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    drop(databases);
    if let Some(server) = &arguments.postgres {
        for size in &arguments.sizes {
            let drop = format!("DROP DATABASE IF EXISTS changbei_bench_{} WITH (FORCE)", size.name);
            PgConnection::establish(&format!("{server}/postgres")).unwrap().batch(&drop);
        }
    }
}

trait Batch {
    fn batch(&mut self, sql: &str);
}

impl Batch for PgConnection {
    fn batch(&mut self, sql: &str) {
        diesel::connection::SimpleConnection::batch_execute(self, sql).unwrap();
    }
}

fn fresh_postgres(server: &str, size: &str) -> String {
    let mut admin = PgConnection::establish(&format!("{server}/postgres")).unwrap();
    admin.batch(&format!("DROP DATABASE IF EXISTS changbei_bench_{size} WITH (FORCE)"));
    admin.batch(&format!(
        "CREATE DATABASE changbei_bench_{size} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    format!("{server}/changbei_bench_{size}")
}

/// What a report adds up to, by which two ways of making it are held to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    lines: i64,
    met: i64,
    target: i64,
    available: i64,
    net_shortfall: i64,
    cost: i64,
}

impl Sums {
    fn json(&self) -> Value {
        json!({"lines": self.lines, "met": self.met, "net_shortfall": self.net_shortfall,
            "cost": Money::from_ten_thousandths(self.cost).to_string()})
    }
}

fn measure(scenes: &[Scene], folder: &std::path::Path, repeat: usize) -> Value {
    let mut sizes = serde_json::Map::new();
    for scene in scenes {
        eprintln!("measuring {}", scene.size.name);
        sizes.insert(scene.size.name.to_owned(), measure_one(scene, folder, repeat));
    }
    let of = |name: &str, path: &str| {
        sizes.get(name).and_then(|size| size.pointer(path)).and_then(Value::as_f64)
    };
    let ratio = |over: (&str, &str), under: (&str, &str)| {
        of(over.0, over.1)
            .zip(of(under.0, under.1))
            .map(|(over, under)| (over / under * 100.0).round() / 100.0)
    };
    let summary = json!({
        "one_store_province_to_county": ratio(("province", "/one_store/p50_micros"), ("county", "/one_store/p50_micros")),
        "seconds_per_line_city_to_county": ratio(("city", "/report/micros_per_line"), ("county", "/report/micros_per_line")),
        "seconds_per_line_province_to_city": ratio(("province", "/report/micros_per_line"), ("city", "/report/micros_per_line")),
    });
    json!({"ratios": summary, "sizes": sizes})
}

fn measure_one(scene: &Scene, folder: &std::path::Path, repeat: usize) -> Value {
    let mut by_hand = Vec::new();
    let mut report = Vec::new();
    let (mut hand_sums, mut our_sums) = (Sums::default(), Sums::default());
    // In turn, so that what else the machine does falls on both.
    for _ in 0..repeat {
        let (time, sums) = statement_by_hand(scene);
        by_hand.push(time);
        hand_sums = sums;
        let (time, sums) = whole_report(scene);
        report.push(time);
        our_sums = sums;
        eprintln!("  by hand {:?}, report {:?}", by_hand.last().unwrap(), report.last().unwrap());
    }
    assert_eq!(hand_sums, our_sums, "both ways must give the same numbers");
    let (hand, ours) = (*by_hand.iter().min().unwrap(), *report.iter().min().unwrap());
    let service = Service::start(scene, folder);
    let http = service.measure(scene);
    json!({
        "stores": scene.size.stores,
        "lines": our_sums.lines,
        "sums": our_sums.json(),
        "statement_by_hand": {"seconds": by_hand.iter().map(Duration::as_secs_f64).collect::<Vec<_>>()},
        "report": {
            "seconds": report.iter().map(Duration::as_secs_f64).collect::<Vec<_>>(),
            "micros_per_line": ours.as_micros() as f64 / our_sums.lines as f64,
        },
        "report_to_statement": (ours.as_secs_f64() / hand.as_secs_f64() * 100.0).round() / 100.0,
        "one_store": http["one_store"],
        "http": http,
    })
}

/// The report in this process: every line worked out and handed over, and the totals.
fn whole_report(scene: &Scene) -> (Duration, Sums) {
    let settings = Settings::default();
    let question = Question::default();
    let mut sums = Sums::default();
    let begin = Instant::now();
    let totals = scene.db.read::<_, DbError>(|conn| {
        let ground = Ground::of(conn, &question, &settings, scene.now)?;
        each_line(conn, &ground, &question, |line: &Line| -> Result<(), DbError> {
            sums.lines += 1;
            sums.target += line.target.as_ref().map_or(0, |target| target.quantity.units());
            sums.available += line.available.units();
            sums.net_shortfall += line.figures.net_shortfall.map_or(0, |short| short.units());
            sums.cost += line.cost.map_or(0, Money::ten_thousandths);
            Ok(())
        })
    });
    let time = begin.elapsed();
    sums.met = totals.unwrap().met;
    (time, sums)
}

/// The statement by hand: all its rows and columns are read, and added up.
fn statement_by_hand(scene: &Scene) -> (Duration, Sums) {
    let text = statement::text(scene.db.backend(), scene.today, scene.now.micros());
    let begin = Instant::now();
    let sums = match scene.db.backend() {
        Backend::Sqlite => by_hand_on_sqlite(scene, &text),
        Backend::Postgres => by_hand_on_postgres(scene, &text),
    };
    (begin.elapsed(), sums)
}

fn by_hand_on_sqlite(scene: &Scene, text: &str) -> Sums {
    let conn = rusqlite::Connection::open(scene.db.file().unwrap()).unwrap();
    conn.execute_batch("PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY").unwrap();
    let mut statement = conn.prepare(text).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut sums = Sums::default();
    while let Some(row) = rows.next().unwrap() {
        let texts = [0, 1, 2, 14].map(|at| row.get::<_, String>(at).unwrap());
        let number = |at: usize| row.get::<_, Option<i64>>(at).unwrap();
        let numbers: Vec<Option<i64>> = (3..14).map(number).collect();
        sums.add(&texts, &numbers);
    }
    sums
}

fn by_hand_on_postgres(scene: &Scene, text: &str) -> Sums {
    use diesel::row::{Field, Row};
    let mut conn = PgConnection::establish(&scene.url).unwrap();
    conn.batch("SET work_mem = '256MB'");
    let mut sums = Sums::default();
    let rows =
        LoadConnection::<PgRowByRowLoadingMode>::load(&mut conn, diesel::sql_query(text)).unwrap();
    for row in rows {
        let row = row.unwrap();
        let text = |at: usize| {
            let field = row.get(at).unwrap();
            String::from_utf8(field.value().unwrap().as_bytes().to_vec()).unwrap()
        };
        let texts = [0, 1, 2, 14].map(text);
        let numbers: Vec<Option<i64>> = (3..14)
            .map(|at| {
                let field = row.get(at).unwrap();
                field.value().map(|value| i64::from_be_bytes(value.as_bytes().try_into().unwrap()))
            })
            .collect();
        sums.add(&texts, &numbers);
    }
    sums
}

impl Sums {
    /// Adds a row: store, item, level and status; and the numbers between.
    fn add(&mut self, texts: &[String; 4], numbers: &[Option<i64>]) {
        let number = |at: usize| numbers[at].unwrap_or(0);
        self.lines += 1;
        self.met += i64::from(texts[3] == "met");
        self.target += number(0);
        self.available += number(5);
        self.net_shortfall += number(9);
        self.cost += number(10);
        std::hint::black_box((texts, numbers));
    }
}
