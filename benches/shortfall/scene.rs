//! A county, a city or a province in bulk: plan lines, stock, a hundred days of history.
//!
//! Everything is made by the database itself from two short tables of stores and items, so that even
//! nine hundred thousand lines are there in a minute or two. Numbers are spread by multiplication, the
//! same on every machine. Movements lie in the order of their time, as they would in life, and not by
//! store.

use changbei::access::records::{TokenRow, User, insert_token, insert_user};
use changbei::access::{Role, token};
use changbei::db::{Backend, Db, DbError, DbOptions};
use changbei::kernel::id::{TokenId, UserId};
use changbei::kernel::time::SystemClock;
use changbei::kernel::{Clock, Instant};
use chrono::NaiveDate;
use diesel::connection::SimpleConnection;
use std::fmt::Write as _;
use std::path::Path;
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

/// Words that the two databases spell differently.
struct Dialect(Backend);

impl Dialect {
    fn text(&self, sql: &str) -> String {
        let pairs: &[(&str, &str, &str)] = &[
            ("{true}", "1", "TRUE"),
            ("{false}", "0", "FALSE"),
            ("{no_day}", "NULL", "NULL::date"),
        ];
        let mut sql = sql.to_owned();
        for (word, lite, post) in pairs {
            sql = sql.replace(word, if self.0 == Backend::Sqlite { lite } else { post });
        }
        sql
    }

    /// An id of a table's own from a number.
    fn id(&self, table: &str, number: &str) -> String {
        let digits = match self.0 {
            Backend::Sqlite => format!("printf('%012d', {number})"),
            Backend::Postgres => format!("lpad(CAST({number} AS TEXT), 12, '0')"),
        };
        format!("('019b0f5d-{table}-7000-8000-' || {digits})")
    }

    /// The day so many days from today.
    fn day(&self, today: NaiveDate, days: &str) -> String {
        match self.0 {
            Backend::Sqlite => format!("date('{today}', ({days}) || ' days')"),
            Backend::Postgres => format!("(DATE '{today}' + CAST({days} AS INTEGER))"),
        }
    }
}

/// How the rows of a store and an item are spread: `s.n` and `i.n` number them.
const SPREAD: &str = "((s.n * 7919 + i.n * 104729) % 1000)";

impl Scene {
    /// Fills a migrated, empty database.
    pub fn fill(url: &str, size: Size, codes: &[String]) -> Self {
        let options = DbOptions { patience: Duration::from_secs(600), ..DbOptions::default() };
        let db = Db::open(url, &options).unwrap();
        db.migrate().unwrap();
        let now = SystemClock.now();
        let zone = changbei::config::Settings::default().zone;
        let today = zone.day_of(now);
        let codes = &codes[..size.stores];
        let scene = Self {
            store: store_code(&codes[size.stores / 2], size.stores / 2),
            region: codes[0][..2].to_owned(),
            url: url.to_owned(),
            db,
            size,
            now,
            today,
        };
        scene.run("stores", scene.places(codes));
        for (what, sql) in scene.rows() {
            scene.run(what, sql);
        }
        if scene.db.backend() == Backend::Postgres {
            use diesel::Connection;
            let mut conn = diesel::PgConnection::establish(url).unwrap();
            conn.batch_execute("VACUUM ANALYZE").unwrap();
        } else {
            scene.run("analyze", "ANALYZE".to_owned());
        }
        scene.user();
        scene
    }

    fn run(&self, what: &str, sql: String) {
        let sql = Dialect(self.db.backend()).text(&sql);
        let begin = std::time::Instant::now();
        let relaxed = match self.db.backend() {
            // Rows that are made by rule need no foreign key to be checked.
            Backend::Postgres => "SET LOCAL session_replication_role = replica; ",
            Backend::Sqlite => "",
        };
        let sql = format!("{relaxed}{sql}");
        let done = self.db.write::<_, DbError>(move |conn| Ok(conn.batch_execute(&sql)?));
        done.unwrap_or_else(|error| panic!("{what}: {error}"));
        eprintln!("  {what}: {:.1} s", begin.elapsed().as_secs_f64());
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
        sql
    }

    /// The rows of every table, in the order in which they refer to one another.
    fn rows(&self) -> Vec<(&'static str, String)> {
        let now = self.now.micros();
        let day = |days: &str| Dialect(self.db.backend()).day(self.today, days);
        let id = |table: &str, number: &str| Dialect(self.db.backend()).id(table, number);
        let ago = |days: &str| format!("({now} - ({days}) * 86400000000)");
        let lots = "(SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 \
                     UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7) l";
        let makers = format!(
            "INSERT INTO makers_lot (id, item_code, lot_number, maker, is_house_number, expiry, \
                 expires_on, recalled_at, version, created_at)
             SELECT {maker}, i.code, 'L' || l.k, 'maker', {{false}}, \
                 CASE l.k WHEN 1 THEN 'none' ELSE 'dated' END, \
                 CASE l.k WHEN 0 THEN {} WHEN 2 THEN {} WHEN 3 THEN {} WHEN 4 THEN {} WHEN 5 THEN {} \
                     WHEN 6 THEN {} WHEN 7 THEN {} END, \
                 CASE l.k WHEN 6 THEN {} END, 1, 946684800000000
             FROM bench_item i CROSS JOIN {lots};
             INSERT INTO lot (id, makers_lot_id, item_code, provenance_key, source_kind, unit_cost, \
                 cost_is_estimated, pack_units, created_at)
             SELECT {lot}, {maker}, i.code, 'p', 'supplier', \
                 1000 * (i.n % 50 + 1) + l.k, {{false}}, 1, 946684800000000 + l.k
             FROM bench_item i CROSS JOIN {lots};",
            day("-10"), day("20"), day("90"), day("200"), day("365"), day("300"), day("500"), ago("30"),
            maker = id("0002", "i.n * 8 + l.k"),
            lot = id("0001", "i.n * 8 + l.k"),
        );
        let plan = format!(
            "INSERT INTO reserve_plan (id, number, version, name, status, authors, created_by, \
                 created_at, submitted_by, submitted_at, approved_by, approved_at, effective_from, \
                 revision, region_code)
             VALUES ({plan}, 'RP', 1, 'plan', 'approved', '[]', 'bench', {at}, 'bench', {at}, \
                 'other', {at}, {at}, 3, '{region}');
             INSERT INTO response_level (id, region_code, level, reason, authority, effective_at, \
                 recorded_at, declared_by)
             SELECT {level}, substr(region_code, 1, 6), 'III', 'bench', \
                 '{{\"kind\":\"order\",\"number\":\"1\",\"issued_by\":\"bench\"}}', {at}, {at}, 'bench'
             FROM store ORDER BY code LIMIT 1;",
            plan = id("0003", "1"),
            level = id("0004", "1"),
            at = ago("200"), region = self.region
        );
        let lines = format!(
            "INSERT INTO reserve_plan_line (id, plan_id, line_no, item_code, store_code, bases, floor, \
                 level_percent, floor_percent)
             SELECT {line}, {plan}, s.n * {ITEMS} + i.n + 1, i.code, s.code, \
                 CASE WHEN {SPREAD} % 10 < 6 THEN '[{fixed}]' \
                      WHEN {SPREAD} % 10 < 9 THEN '[{days}]' \
                      ELSE '[{fixed},{days}]' END, \
                 CASE WHEN {SPREAD} % 3 = 0 THEN (50 + {SPREAD} * 13 % 500) / 4 END, \
                 '{{\"III\":120,\"II\":150,\"I\":200}}', '{{}}'
             FROM bench_store s CROSS JOIN bench_item i ORDER BY s.n, i.n;",
            fixed = format_args!("{{\"kind\":\"fixed\",\"quantity\":' || (50 + {SPREAD} * 13 % 500) || '}}"),
            days = "{\"kind\":\"days_of_cover\",\"days\":30}",
            line = id("0005", &format!("s.n * {ITEMS} + i.n")),
            plan = id("0003", "1"),
        );
        let mut rows = vec![("lots", makers), ("plan", plan), ("plan lines", lines)];
        rows.extend(self.movements());
        rows.push(("closings", self.closings()));
        rows.push(("balances", self.balances()));
        rows.push((
            "lorries",
            format!(
                "INSERT INTO transit_balance (dispatch_id, shipment_id, lot_id, item_code, from_store, \
                     to_store, expected_at, on_hand, loaded_at)
                 SELECT {dispatch}, {shipment}, {lot}, i.code, \
                     (SELECT code FROM bench_store WHERE n = 0), s.code, \
                     {now} + CASE WHEN i.n % 2 = 0 THEN 3 ELSE 12 END * 86400000000, 40, {now}
                 FROM bench_store s CROSS JOIN bench_item i WHERE {SPREAD} % 97 = 5;",
                dispatch = id("0006", &format!("s.n * {ITEMS} + i.n")),
                shipment = id("0007", &format!("s.n * {ITEMS} + i.n")),
                lot = id("0001", "i.n * 8 + 5"),
            ),
        ));
        rows
    }

    fn movements(&self) -> Vec<(&'static str, String)> {
        Event::ALL
            .iter()
            .map(|event| {
                let day = Dialect(self.db.backend()).day(self.today, &format!("-({})", event.ago()));
                let at = format!("({} - ({}) * 86400000000)", self.now.micros(), event.ago());
                let (kind, from, to) = if event.comes() {
                    ("receipt", "'outside', 'supplier', NULL", "'store', s.code, 'available'")
                } else {
                    ("issue", "'store', s.code, 'available'", "'outside', 'consumption', NULL")
                };
                let sql = format!(
                    "INSERT INTO stock_movement (id, kind, store_code, chain_seq, item_code, lot_id, \
                         quantity, from_kind, from_name, from_state, to_kind, to_name, to_state, \
                         document_kind, document_id, document_number, line_no, after_the_fact, \
                         occurred_at, business_day, recorded_at, actor, previous_hash, hash)
                     SELECT 'M-{no}-' || s.n || '-' || i.n, '{kind}', s.code, i.n * 4 + {no}, i.code, \
                         {lot}, {units}, {from}, {to}, '{kind}', 'doc-' || s.n || '-{no}', \
                         'RK-' || s.n || '-{no}', i.n + 1, {{false}}, {at}, {day}, {at}, 'bench', \
                         '{hash}', '{hash}'
                     FROM bench_store s CROSS JOIN bench_item i WHERE {when} ORDER BY s.n, i.n;",
                    no = event.no(), lot = event.lot(self.db.backend()), units = event.units(), when = event.when(),
                    hash = "0123456789abcdef".repeat(4),
                );
                ("movements", sql)
            })
            .collect()
    }

    /// What was there at the end of each day on which something moved.
    fn closings(&self) -> String {
        Event::ALL
            .iter()
            .map(|event| {
                let day = Dialect(self.db.backend()).day(self.today, &format!("-({})", event.ago()));
                format!(
                    "INSERT INTO stock_closing (store_code, lot_id, state, business_day, item_code, \
                         on_hand, reserved)
                     SELECT s.code, {lot}, 'available', {day}, i.code, {left}, 0
                     FROM bench_store s CROSS JOIN bench_item i WHERE {when} ORDER BY s.n, i.n;",
                    lot = event.lot(self.db.backend()), left = event.left(), when = event.when(),
                )
            })
            .collect()
    }

    fn balances(&self) -> String {
        let now = self.now.micros();
        [Event::First, Event::Second]
            .iter()
            .map(|event| {
                let last = |later: Event, otherwise: &str| {
                    format!("CASE WHEN {} THEN {} ELSE {otherwise} END", later.when(), later.ago())
                };
                let (left, ago) = match event {
                    Event::Second => (event.left(), event.ago().to_owned()),
                    _ => (
                        format!(
                            "CASE WHEN {} THEN {} ELSE {} END",
                            Event::Use2.when(),
                            Event::Use2.left(),
                            event.left()
                        ),
                        last(Event::Use2, event.ago()),
                    ),
                };
                let day = Dialect(self.db.backend()).day(self.today, &format!("-({ago})"));
                let at = format!("({now} - ({ago}) * 86400000000)");
                format!(
                    "INSERT INTO stock_balance (store_code, lot_id, state, item_code, on_hand, \
                         reserved, last_occurred_at, last_day, live_until)
                     SELECT s.code, {lot}, 'available', i.code, {left}, 0, {at}, {day}, \
                         CASE WHEN {left} > 0 THEN 7258118399999999 ELSE {at} END
                     FROM bench_store s CROSS JOIN bench_item i WHERE {when} ORDER BY s.n, i.n;",
                    lot = event.lot(self.db.backend()),
                    when = event.when(),
                )
            })
            .collect()
    }

    /// Declares a level for the region of the whole.
    pub fn declare(&self, level: &str) {
        let (region, now) = (&self.region, self.now.micros());
        let sql = format!(
            "INSERT INTO response_level (id, region_code, level, reason, authority, effective_at, \
                 recorded_at, declared_by)
             VALUES ({id}, '{region}', '{level}', 'bench', \
                 '{{\"kind\":\"order\",\"number\":\"2\",\"issued_by\":\"bench\"}}', {now}, {now}, 'bench')",
            id = Dialect(self.db.backend()).id("0004", "2"),
        );
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

/// What happens to the stock of an item at a store, in the order of time.
#[derive(Debug, Clone, Copy)]
enum Event {
    First,
    Second,
    Use1,
    Use2,
}

impl Event {
    const ALL: [Self; 4] = [Self::First, Self::Second, Self::Use1, Self::Use2];

    fn no(self) -> i64 {
        match self {
            Self::First => 0,
            Self::Second => 1,
            Self::Use1 => 2,
            Self::Use2 => 3,
        }
    }

    fn comes(self) -> bool {
        matches!(self, Self::First | Self::Second)
    }

    /// How many days ago.
    fn ago(self) -> &'static str {
        match self {
            Self::First => "100",
            Self::Second => "80",
            Self::Use1 => "(40 - (s.n * 7919 + i.n * 104729) % 1000 % 20)",
            Self::Use2 => "(15 - (s.n * 7919 + i.n * 104729) % 1000 % 10)",
        }
    }

    /// At which stores and of which items: nineteen of twenty were supplied, half of them twice, half
    /// were used.
    fn when(self) -> String {
        match self {
            Self::First => format!("{SPREAD} >= 50"),
            Self::Second => format!("{SPREAD} >= 50 AND {SPREAD} % 2 = 0"),
            Self::Use1 | Self::Use2 => format!("{SPREAD} >= 50 AND {SPREAD} % 4 < 2"),
        }
    }

    fn lot(self, backend: Backend) -> String {
        let number = match self {
            Self::Second => "i.n * 8 + (s.n + i.n + 3) % 8",
            Self::First | Self::Use1 | Self::Use2 => "i.n * 8 + (s.n + i.n) % 8",
        };
        Dialect(backend).id("0001", number)
    }

    fn units(self) -> String {
        let came = format!("(100 + {SPREAD} * 37 % 400)");
        match self {
            Self::First => came,
            Self::Second => format!("(60 + {SPREAD} * 11 % 300)"),
            Self::Use1 => format!("({came} / 4)"),
            // One in eight is used up, and stays out of stock.
            Self::Use2 => {
                format!("CASE WHEN {SPREAD} % 8 = 1 THEN {came} - {came} / 4 ELSE {came} / 8 END")
            }
        }
    }

    /// What is left of its lot after it.
    fn left(self) -> String {
        let came = Self::First.units();
        match self {
            Self::First | Self::Second => self.units(),
            Self::Use1 => format!("({came} - {came} / 4)"),
            Self::Use2 => format!("({came} - {came} / 4 - ({}))", self.units()),
        }
    }
}

fn store_code(region: &str, n: usize) -> String {
    format!("S{region}-{n}")
}

/// An SQLite file in a folder.
pub fn sqlite_url(folder: &Path, size: Size) -> String {
    format!("sqlite:{}", folder.join(format!("{}.db", size.name)).display())
}
