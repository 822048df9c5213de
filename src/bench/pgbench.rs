//! The limit of PostgreSQL: `pgbench` with the statements of a receipt of one line, as one
//! transaction for each posting, on the same cluster and the same tables.

use crate::app::App;
use crate::bench::report::Pgbench;
use crate::bench::scene::STORES;
use crate::bench::service::Launch;
use crate::bench::{BenchError, io};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Clients that are tried; the best counts.
const CLIENTS: [usize; 4] = [4, 8, 16, 32];

/// What the postings update: lots, balances, counters and chains of stores that the service never
/// posts to.
const SETUP: &str = "
CREATE TABLE bench_lot AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, id, item_code FROM lot;
ALTER TABLE bench_lot ADD PRIMARY KEY (n);
INSERT INTO stock_balance (store_code, lot_id, state, item_code, on_hand, reserved, last_occurred_at)
  SELECT 'R' || lpad((n % STORES)::text, 2, '0'), id, 'available', item_code, 100, 0, 0 FROM bench_lot;
INSERT INTO number_counter (store_code, kind, year, last)
  SELECT 'R' || lpad(s::text, 2, '0'), 'RK', 2026, 0 FROM generate_series(0, STORES - 1) s;
INSERT INTO chain_head (chain, seq, hash, recorded_at)
  SELECT kind || 'R' || lpad(s::text, 2, '0'), 0, '', 0
  FROM generate_series(0, STORES - 1) s, (VALUES ('stock/'), ('audit/store/')) AS k (kind)
  ON CONFLICT DO NOTHING;
ANALYZE;
";

/// One posting. Texts are as long as those that the service writes.
const POSTING: &str = r#"
\set n random(0, LOTS - 1)
\set s :n % STORES
\set r random(1, 1000000000000000000)
BEGIN;
INSERT INTO idempotency_key (user_id, key, fingerprint, status, body, etag, location, recorded_at)
  VALUES ('pgbench', :client_id || '-' || :r, repeat('a', 64), 201, repeat('b', 1900), '"v1"',
          '/api/v1/receipts/019b0f5d-ac96-774b-bcce-b302099a8057', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
  ON CONFLICT DO NOTHING;
UPDATE stock_balance SET on_hand = on_hand + 1, last_occurred_at = last_occurred_at + 1
  WHERE store_code = 'R' || lpad(:s::text, 2, '0') AND lot_id = (SELECT id FROM bench_lot WHERE n = :n)
    AND state = 'available' RETURNING lot_id, item_code \gset
UPDATE number_counter SET last = last + 1
  WHERE store_code = 'R' || lpad(:s::text, 2, '0') AND kind = 'RK' AND year = 2026 RETURNING last \gset
UPDATE chain_head SET seq = seq + 1, hash = repeat('c', 64), recorded_at = recorded_at + 1
  WHERE chain = 'stock/R' || lpad(:s::text, 2, '0') RETURNING seq AS m_seq \gset
INSERT INTO stock_movement (id, kind, store_code, chain_seq, item_code, lot_id, quantity, from_kind,
    from_name, from_state, to_kind, to_name, to_state, shipment_id, document_kind, document_id,
    document_number, line_no, reason_code, note, reverses, after_the_fact, slip_number, occurred_at,
    business_day, recorded_at, actor, previous_hash, hash)
  VALUES (to_char(clock_timestamp(), 'YYYYMMDDHH24MISSUS') || '-' || :r, 'receipt',
    'R' || lpad(:s::text, 2, '0'), :m_seq, :item_code, :lot_id, 1, 'outside', 'supplier', NULL, 'store',
    'R' || lpad(:s::text, 2, '0'), 'available', NULL, 'receipt', :client_id || '-d-' || :r,
    'RK-R' || lpad(:s::text, 2, '0') || '-2026-' || :last, 1, NULL, NULL, NULL, false, NULL,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, current_date,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 'keeper.00', repeat('d', 64), repeat('e', 64));
INSERT INTO stock_document (id, kind, number, store_code, status, occurred_at, recorded_at,
    created_by, approved_by, approved_at, detail, version)
  VALUES (to_char(clock_timestamp(), 'YYYYMMDDHH24MISSUS') || '-' || :r, 'receipt',
    'RK-R' || lpad(:s::text, 2, '0') || '-2026-' || :last, 'R' || lpad(:s::text, 2, '0'), 'posted',
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 'keeper.00', NULL, NULL,
    repeat('f', 620), 1);
UPDATE chain_head SET seq = seq + 1, hash = repeat('g', 64), recorded_at = recorded_at + 1
  WHERE chain = 'audit/store/R' || lpad(:s::text, 2, '0') RETURNING seq AS a_seq \gset
INSERT INTO audit_entry (id, chain, chain_seq, recorded_at, actor, role, action, object_kind,
    object_id, store_code, outcome, code, request_id, detail, previous_hash, hash)
  VALUES (to_char(clock_timestamp(), 'YYYYMMDDHH24MISSUS') || '-' || :r,
    'audit/store/R' || lpad(:s::text, 2, '0'), :a_seq,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 'keeper.00', 'keeper', 'receipts.post',
    'receipt', :client_id || '-d-' || :r, 'R' || lpad(:s::text, 2, '0'), 'done', NULL, repeat('h', 36),
    repeat('i', 200), repeat('j', 64), repeat('k', 64));
COMMIT;
"#;

/// The best of several numbers of clients.
pub(super) fn best(
    app: &App,
    launch: &Launch,
    program: &Path,
    time: Duration,
) -> Result<Pgbench, BenchError> {
    debug_assert!(app.db.file().is_none(), "pgbench speaks to PostgreSQL only");
    let write = |name: &str, text: &str| {
        let path = launch.data_dir.join(name);
        let text = text
            .replace("LOTS", &super::scene::LOTS.to_string())
            .replace("STORES", &STORES.to_string());
        std::fs::write(&path, text).map_err(io("writing a script for pgbench"))?;
        Ok::<_, BenchError>(path)
    };
    let setup = write("setup.sql", SETUP)?;
    let posting = write("posting.sql", POSTING)?;
    pgbench(program, launch, &["-t", "1", "-c", "1", "-M", "simple"], &setup)?;
    let seconds = time.as_secs().max(1).to_string();
    let mut best: Option<Pgbench> = None;
    let mut runs = Vec::new();
    for clients in CLIENTS {
        let count = clients.to_string();
        let arguments = ["-T", &seconds, "-c", &count, "-j", "2", "-M", "prepared"];
        let said = pgbench(program, launch, &arguments, &posting)?;
        let per_second = said
            .lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .and_then(|rest| rest.split(['.', ' ']).next()?.parse().ok())
            .ok_or_else(|| BenchError::Answer(said.clone()))?;
        runs.push((clients, per_second));
        if best.as_ref().is_none_or(|best| per_second > best.per_second) {
            best = Some(Pgbench { clients, per_second, runs: Vec::new() });
        }
    }
    let best = best.ok_or_else(|| BenchError::Answer("no clients".to_owned()))?;
    Ok(Pgbench { runs, ..best })
}

fn pgbench(
    program: &Path,
    launch: &Launch,
    arguments: &[&str],
    script: &Path,
) -> Result<String, BenchError> {
    let output = Command::new(program)
        .arg("-n")
        .args(arguments)
        .arg("-f")
        .arg(script)
        .arg(&launch.database_url)
        .output()
        .map_err(io("running pgbench"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(BenchError::Answer(String::from_utf8_lossy(&output.stderr).into_owned()))
}
