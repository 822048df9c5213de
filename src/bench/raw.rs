//! The raw limit of SQLite: the rows of a receipt of one line, as the service left them, again and
//! again into the same tables by prepared statements in one thread.

use crate::app::App;
use crate::bench::BenchError;
use crate::bench::scene::RAW_STORE;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A connection of its own, set up as the service's writer is.
pub(super) struct Raw {
    conn: Connection,
    templates: Vec<Template>,
    lots: Vec<String>,
    count: i64,
}

/// A table with a row as the service writes it, and the columns that differ from posting to posting.
struct Template {
    statement: String,
    row: Vec<Value>,
    varying: Vec<(usize, Varying)>,
}

/// What differs from posting to posting.
#[derive(Clone, Copy)]
enum Varying {
    /// A new id, ascending as the service's are.
    Id,
    /// The posting's number.
    Count,
    /// A lot.
    Lot,
    /// The store of the raw limit.
    Store,
    /// The chain of the audit trail.
    AuditChain,
}

/// A table, the column that tells its newest row, and what differs from row to row.
type NewRow = (&'static str, &'static str, &'static [(&'static str, Varying)]);

/// The tables in which a posting leaves a new row, and what of the row differs.
const TABLES: [NewRow; 4] = [
    ("idempotency_key", "recorded_at", &[("key", Varying::Id)]),
    (
        "stock_movement",
        "recorded_at",
        &[
            ("id", Varying::Id),
            ("store_code", Varying::Store),
            ("chain_seq", Varying::Count),
            ("lot_id", Varying::Lot),
            ("document_id", Varying::Id),
            ("document_number", Varying::Id),
        ],
    ),
    (
        "stock_document",
        "recorded_at",
        &[("id", Varying::Id), ("number", Varying::Id), ("store_code", Varying::Store)],
    ),
    (
        "audit_entry",
        "recorded_at",
        &[
            ("id", Varying::Id),
            ("chain", Varying::AuditChain),
            ("chain_seq", Varying::Count),
            ("object_id", Varying::Id),
            ("store_code", Varying::Store),
        ],
    ),
];

impl Raw {
    /// Opens the service's file and makes what the postings update.
    pub(super) fn open(app: &App) -> Result<Self, BenchError> {
        let path = app.db.file().map(PathBuf::from).unwrap_or_default();
        let conn = Connection::open(path)?;
        conn.execute_batch(
            "PRAGMA busy_timeout = 10000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA recursive_triggers = ON; PRAGMA trusted_schema = OFF; \
             PRAGMA cell_size_check = ON; PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY",
        )?;
        let columns = columns(&conn, "stock_balance")?.join(", ");
        let values = columns.replace("store_code", "?1");
        conn.execute(
            &format!("INSERT INTO stock_balance ({columns}) SELECT {values} FROM stock_balance"),
            [RAW_STORE],
        )?;
        conn.execute("INSERT INTO number_counter VALUES (?1, 'RK', 2026, 0)", [RAW_STORE])?;
        for chain in [format!("stock/{RAW_STORE}"), audit_chain()] {
            conn.execute(
                "INSERT INTO chain_head VALUES (?1, 0, '', 0) ON CONFLICT DO NOTHING",
                [chain],
            )?;
        }
        let lots: Result<Vec<String>, rusqlite::Error> = conn
            .prepare("SELECT id FROM lot ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect();
        let mut templates = Vec::with_capacity(TABLES.len());
        for (table, newest, varying) in TABLES {
            templates.push(Template::of(&conn, table, newest, varying)?);
        }
        // Well above what the scene has left in the chains of the store.
        Ok(Self { lots: lots?, conn, templates, count: 1_000_000 })
    }

    /// Postings in a second, in groups of `group` to a commit.
    pub(super) fn measure(&mut self, group: usize, time: Duration) -> Result<u64, BenchError> {
        let begin = Instant::now();
        let before = self.count;
        while begin.elapsed() < time {
            self.conn.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..group {
                self.post()?;
            }
            self.conn.execute_batch("COMMIT")?;
        }
        let posted = u128::try_from(self.count - before).unwrap_or_default() * 1_000_000;
        let rate = posted.checked_div(begin.elapsed().as_micros()).unwrap_or_default();
        Ok(u64::try_from(rate).unwrap_or(u64::MAX))
    }

    fn post(&mut self) -> Result<(), rusqlite::Error> {
        self.count += 1;
        let id = format!("019b0f5d-ac96-774b-{:016x}", self.count);
        let spread = usize::try_from(self.count).unwrap_or_default().wrapping_mul(7_919);
        let lot = self.lots.get(spread % self.lots.len().max(1)).map_or("", String::as_str);
        let audit_chain = audit_chain();
        for template in &mut self.templates {
            for (at, varying) in &template.varying {
                let value = match varying {
                    Varying::Id => Value::Text(id.clone()),
                    Varying::Count => Value::Integer(self.count),
                    Varying::Lot => Value::Text(lot.to_owned()),
                    Varying::Store => Value::Text(RAW_STORE.to_owned()),
                    Varying::AuditChain => Value::Text(audit_chain.clone()),
                };
                if let Some(column) = template.row.get_mut(*at) {
                    *column = value;
                }
            }
            let mut statement = self.conn.prepare_cached(&template.statement)?;
            statement.execute(rusqlite::params_from_iter(&template.row))?;
        }
        let mut balance = self.conn.prepare_cached(
            "UPDATE stock_balance SET on_hand = on_hand + 1, last_occurred_at = ?1 \
             WHERE store_code = ?2 AND lot_id = ?3 AND state = 'available'",
        )?;
        balance.execute(params![self.count, RAW_STORE, lot])?;
        let mut closing = self.conn.prepare_cached(
            "INSERT INTO stock_closing \
             (store_code, lot_id, state, business_day, item_code, on_hand, reserved) \
             VALUES (?1, ?2, 'available', '2026-03-02', 'B00', ?3, 0) \
             ON CONFLICT (store_code, lot_id, state, business_day) \
             DO UPDATE SET on_hand = excluded.on_hand, reserved = excluded.reserved",
        )?;
        closing.execute(params![RAW_STORE, lot, self.count])?;
        let mut counter = self.conn.prepare_cached(
            "UPDATE number_counter SET last = last + 1 \
             WHERE store_code = ?1 AND kind = 'RK' AND year = 2026",
        )?;
        counter.execute([RAW_STORE])?;
        let mut head = self.conn.prepare_cached(
            "UPDATE chain_head SET seq = ?1, hash = ?2, recorded_at = ?1 WHERE chain = ?3",
        )?;
        let hash = format!("{:064x}", self.count);
        head.execute(params![self.count, hash, format!("stock/{RAW_STORE}")])?;
        head.execute(params![self.count, hash, audit_chain])?;
        Ok(())
    }
}

fn audit_chain() -> String {
    format!("audit/store/{RAW_STORE}")
}

fn columns(conn: &Connection, table: &str) -> Result<Vec<String>, rusqlite::Error> {
    let statement = conn.prepare(&format!("SELECT * FROM {table}"))?;
    Ok(statement.column_names().into_iter().map(str::to_owned).collect())
}

impl Template {
    fn of(
        conn: &Connection,
        table: &str,
        newest: &str,
        varying: &[(&str, Varying)],
    ) -> Result<Self, rusqlite::Error> {
        let columns = columns(conn, table)?;
        let mut statement =
            conn.prepare(&format!("SELECT * FROM {table} ORDER BY {newest} DESC LIMIT 1"))?;
        let row = statement.query_row([], |row| {
            (0..columns.len()).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>()
        })?;
        let places = vec!["?"; columns.len()].join(", ");
        let varying = varying.iter().filter_map(|(name, varying)| {
            Some((columns.iter().position(|column| column == name)?, *varying))
        });
        Ok(Self {
            varying: varying.collect(),
            statement: format!("INSERT INTO {table} ({}) VALUES ({places})", columns.join(", ")),
            row,
        })
    }
}
