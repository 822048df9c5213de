//! A county, a city or a province in bulk: plan lines, stock, a hundred days of history.
//!
//! Everything is made by the database itself from two short tables of stores and items, so that even
//! nine hundred thousand lines are there in a minute or two. Numbers are spread by multiplication, the
//! same on every machine. Movements lie in the order of their time, as they would in life, and not by
//! store.

use crate::rows::Dialect;
use changbei::access::records::{TokenRow, User, insert_token, insert_user};
use changbei::access::{Role, token};
use changbei::db::{Db, DbError, DbOptions};
use changbei::kernel::id::{TokenId, UserId};
use changbei::kernel::time::SystemClock;
use changbei::kernel::{Clock, Instant};
use chrono::NaiveDate;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Items of every plan.
pub const ITEMS: usize = 300;
/// The token by which the measurements ask.
pub const TOKEN: &str = "cb_bench_auditor";

/// How many stores.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub name: &'static str,
    pub stores: usize,
}

pub const COUNTY: Size = Size { name: "county", stores: 30 };
pub const CITY: Size = Size { name: "city", stores: 600 };
pub const PROVINCE: Size = Size { name: "province", stores: 3_000 };

/// A database that is filled.
pub struct Scene {
    pub db: Db,
    pub url: String,
    pub size: Size,
    pub now: Instant,
    pub today: NaiveDate,
    /// A store in the middle.
    pub store: String,
    /// The region of the whole.
    pub region: String,
}

/// Codes of townships of the province that has the most; made up where the file is not there.
pub fn townships() -> (Vec<String>, bool) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/cn_divisions/streets.csv");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut by_province: std::collections::BTreeMap<&str, Vec<String>> = Default::default();
    for code in text.lines().skip(1).filter_map(|line| line.split(',').next()) {
        if code.len() == 9 {
            by_province.entry(&code[..2]).or_default().push(code.to_owned());
        }
    }
    let most = by_province.into_values().max_by_key(Vec::len).unwrap_or_default();
    if most.len() >= PROVINCE.stores {
        return (most, true);
    }
    let made_up =
        |n: usize| format!("36{:02}{:02}{:03}", 1 + n / 300, 1 + n / 30 % 10, 100 + n % 30);
    ((0..PROVINCE.stores).map(made_up).collect(), false)
}

impl Scene {
    /// The scene of a database: as an earlier run of the same day left it, or filled anew.
    pub fn at(url: &str, size: Size, codes: &[String], fresh: impl FnOnce()) -> Self {
        let zone = changbei::config::Settings::default().zone;
        let now = SystemClock.now();
        let kept = kept_at(url).filter(|kept| zone.day_of(*kept) == zone.day_of(now));
        if kept.is_none() {
            fresh();
        }
        let now = kept.unwrap_or(now);
        let codes = &codes[..size.stores];
        let mut scene = Self {
            db: open(url),
            store: store_code(&codes[size.stores / 2], size.stores / 2),
            region: codes[0][..2].to_owned(),
            url: url.to_owned(),
            size,
            now,
            today: zone.day_of(now),
        };
        if kept.is_none() {
            scene.fill(codes);
        }
        scene
    }

    fn fill(&mut self, codes: &[String]) {
        self.db.migrate().unwrap();
        self.user();
        let mut steps = vec![("stores", self.places(codes))];
        steps.extend(self.rows());
        let now = self.now.micros();
        let kept = format!(
            "CREATE TABLE bench_scene (stamp TEXT NOT NULL, made_at BIGINT NOT NULL); \
             INSERT INTO bench_scene VALUES ('{}', {now})",
            stamp()
        );
        let all = steps.len();
        let mut raw = Raw::open(&self.url);
        for (at, (what, sql)) in steps.into_iter().enumerate() {
            let begin = std::time::Instant::now();
            let sql = Dialect(self.db.backend()).text(&sql);
            raw.batch(&format!("BEGIN; {sql}; COMMIT"));
            eprintln!("  {}/{all} {what}: {:.1} s", at + 1, begin.elapsed().as_secs_f64());
        }
        raw.finish();
        // Only a scene that is whole is found by the next run.
        raw.batch(&kept);
        drop(raw);
        // What was known of the file before it was filled is forgotten.
        self.db = open(&self.url);
    }

    fn places(&self, codes: &[String]) -> String {
        let mut regions: std::collections::BTreeSet<&str> = Default::default();
        for code in codes {
            regions.extend([&code[..2], &code[..4], &code[..6], code]);
        }
        let mut sql = String::from(
            "CREATE TABLE bench_store (n BIGINT NOT NULL, code TEXT NOT NULL);
             CREATE TABLE bench_item (n BIGINT NOT NULL, code TEXT NOT NULL);\n",
        );
        for region in regions {
            let parent = match region.len() {
                2 => "NULL".to_owned(),
                4 => format!("'{}'", &region[..2]),
                6 => format!("'{}'", &region[..4]),
                _ => format!("'{}'", &region[..6]),
            };
            let _ = writeln!(
                sql,
                "INSERT INTO region (code, name_zh, name_en, parent_code, created_at) \
                 VALUES ('{region}', '{region}', '{region}', {parent}, 946684800000000);"
            );
        }
        for (n, region) in codes.iter().enumerate() {
            let code = store_code(region, n);
            let kind = ["township", "community", "hospital", "cdc"][usize::from(n % 20 == 0) * 2
                + usize::from(n % 20 == 1) * 3
                + usize::from(n % 20 == 2)];
            let _ = writeln!(
                sql,
                "INSERT INTO store (code, name_zh, name_en, search_text, kind, region_code, \
                     priority_class, consumption_by, active, version, created_at) \
                 VALUES ('{code}', '{code}', '{code}', '{code}', '{kind}', '{region}', 3, 'issue', \
                     {{true}}, 1, 946684800000000);
                 INSERT INTO bench_store VALUES ({n}, '{code}');"
            );
        }
        for n in 0..ITEMS {
            let category = ["ppe", "disinfectant", "drug", "reagent", "equipment"][n % 5];
            let _ = writeln!(
                sql,
                "INSERT INTO item (code, name_zh, name_en, search_text, category, base_unit, storage, \
                     near_expiry_days, active, version, created_at) \
                 VALUES ('I{n:03}', 'I{n}', 'I{n}', 'i{n}', '{category}', 'piece', 'ambient', 90, \
                     {{true}}, 1, 946684800000000);
                 INSERT INTO bench_item VALUES ({n}, 'I{n:03}');"
            );
        }
        // The next may stand in for every tenth item, and the one after it for every thirtieth.
        for n in (0..ITEMS).step_by(10) {
            let list = format!("00000000-0000-7000-8000-{n:012}");
            let _ = writeln!(
                sql,
                "INSERT INTO substitution_list (id, item_code, version, scene, valid_from, reason, \
                     source, recorded_at, recorded_by) \
                 VALUES ('{list}', 'I{n:03}', 1, 'general', 946684800000000, 'bench', 'bench', \
                     946684800000000, 'bench');"
            );
            for rank in 1..=1 + usize::from(n % 30 == 0) {
                let _ = writeln!(
                    sql,
                    "INSERT INTO substitution_entry (list_id, rank, substitute_code, \
                         substitute_units, item_units) \
                     VALUES ('{list}', {rank}, 'I{:03}', 1, 1);",
                    n + rank
                );
            }
        }
        sql
    }

    /// Declares a level for the region of the whole.
    pub fn declare(&self, level: &str) {
        let (region, now) = (&self.region, self.now.micros());
        let id = Dialect(self.db.backend()).id("0004", "2");
        let sql = format!(
            "INSERT INTO response_level (id, region_code, level, reason, authority, effective_at, \
                 recorded_at, declared_by)
             VALUES ({id}, '{region}', '{level}', 'bench', \
                 '{{\"kind\":\"order\",\"number\":\"2\",\"issued_by\":\"bench\"}}', {now}, {now}, 'bench')",
        );
        self.write(sql);
    }

    /// Leaves the scene as it was before the declaration, for the next run.
    pub fn forget_declaration(&self) {
        let id = Dialect(self.db.backend()).id("0004", "2");
        self.write(format!("DELETE FROM response_level WHERE id = {id}"));
    }

    fn write(&self, sql: String) {
        self.db.write::<_, DbError>(move |conn| Ok(conn.batch_execute(&sql)?)).unwrap();
    }

    fn user(&self) {
        let now = self.now;
        let user = User {
            id: UserId::generate(),
            name: "auditor".to_owned(),
            display_name: "auditor".to_owned(),
            role: Role::Auditor,
            region_code: None,
            emergency_release_limit: None,
            active: true,
            version: 1,
            created_at: now,
        };
        let row = TokenRow {
            id: TokenId::generate(),
            user_id: user.id.clone(),
            hash: token::hash(TOKEN),
            label: "bench".to_owned(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        let written = self.db.write::<_, DbError>(move |conn| {
            insert_user(conn, &user, &[])?;
            insert_token(conn, &row)
        });
        written.unwrap();
    }
}

fn open(url: &str) -> Db {
    let options = DbOptions { patience: Duration::from_secs(600), ..DbOptions::default() };
    Db::open(url, &options).unwrap()
}

/// By what rule a scene was made.
fn stamp() -> String {
    let mut hasher = DefaultHasher::new();
    (include_str!("scene.rs"), include_str!("rows.rs")).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// When the scene of a database was made, if it was made whole and by these rules.
fn kept_at(url: &str) -> Option<Instant> {
    let found = format!("SELECT made_at FROM bench_scene WHERE stamp = '{}'", stamp());
    let micros = match url.strip_prefix("sqlite:") {
        Some(path) => {
            let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
            let conn = rusqlite::Connection::open_with_flags(path, flags).ok()?;
            conn.query_row(&found, [], |row| row.get(0)).ok()?
        }
        None => {
            let mut conn = PgConnection::establish(url).ok()?;
            let found = format!("({})", found);
            diesel::select(sql::<BigInt>(&found)).get_result(&mut conn).ok()?
        }
    };
    Instant::from_micros(micros).ok()
}

/// A connection that writes fast and keeps no promise.
enum Raw {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
}

impl Raw {
    fn open(url: &str) -> Self {
        let mut raw = match url.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(rusqlite::Connection::open(path).unwrap()),
            None => Self::Postgres(PgConnection::establish(url).unwrap()),
        };
        // Rows that are made by rule need no foreign key to be checked.
        raw.batch(match raw {
            Self::Sqlite(_) => {
                "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -1000000; \
                 PRAGMA temp_store = MEMORY"
            }
            Self::Postgres(_) => {
                "SET session_replication_role = replica; SET synchronous_commit = off"
            }
        });
        raw
    }

    fn batch(&mut self, sql: &str) {
        match self {
            Self::Sqlite(conn) => conn.execute_batch(sql).unwrap(),
            Self::Postgres(conn) => conn.batch_execute(sql).unwrap(),
        }
    }

    /// Leaves the database as it is found in use: PostgreSQL looks after its statistics, and SQLite
    /// has none.
    fn finish(&mut self) {
        self.batch(match self {
            Self::Sqlite(_) => "PRAGMA wal_checkpoint(TRUNCATE)",
            Self::Postgres(_) => "VACUUM ANALYZE",
        });
    }
}

fn store_code(region: &str, n: usize) -> String {
    format!("S{region}-{n}")
}
