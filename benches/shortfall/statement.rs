//! The same numbers by one statement, written by hand for what the scene holds: every line speaks of a
//! store, nothing is taken back, no floor follows the level, no substitute is wanted by two items. So
//! it may leave out what the service must look at; the service also works out waste and the day of the
//! stock-out, which this does not.

use crate::scene::Scene;
use crate::{NUMBERS, Row, Sums};
use changbei::db::Backend;
use chrono::{Days, NaiveDate};
use diesel::connection::{LoadConnection, SimpleConnection};
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::row::{Field, Row as _};

/// The columns with texts; all others hold the numbers, in their order.
const TEXTS: [usize; 4] = [0, 1, 2, 3 + NUMBERS];

/// Reads all its rows and columns, and adds them up.
pub fn read(scene: &Scene) -> Sums {
    let text = text(scene.db.backend(), scene.today, scene.now.micros());
    match scene.db.backend() {
        Backend::Sqlite => on_sqlite(scene, &text),
        Backend::Postgres => on_postgres(scene, &text),
    }
}

fn on_sqlite(scene: &Scene, text: &str) -> Sums {
    let conn = rusqlite::Connection::open(scene.db.file().unwrap()).unwrap();
    conn.execute_batch("PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY").unwrap();
    let mut statement = conn.prepare(text).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut sums = Sums::default();
    while let Some(row) = rows.next().unwrap() {
        sums.add(&Row {
            texts: TEXTS.map(|at| row.get_ref(at).unwrap().as_str().unwrap()),
            numbers: std::array::from_fn(|at| row.get(3 + at).unwrap()),
        });
    }
    sums
}

fn on_postgres(scene: &Scene, text: &str) -> Sums {
    let mut conn = PgConnection::establish(&scene.url).unwrap();
    conn.batch_execute("SET work_mem = '256MB'").unwrap();
    let rows =
        LoadConnection::<PgRowByRowLoadingMode>::load(&mut conn, diesel::sql_query(text)).unwrap();
    let mut sums = Sums::default();
    for row in rows {
        let row = row.unwrap();
        let texts = TEXTS.map(|at| {
            let field = row.get(at).unwrap();
            String::from_utf8(field.value().unwrap().as_bytes().to_vec()).unwrap()
        });
        sums.add(&Row {
            texts: [0, 1, 2, 3].map(|at| texts[at].as_str()),
            numbers: std::array::from_fn(|at| {
                let field = row.get(3 + at).unwrap();
                field.value().map(|value| i64::from_be_bytes(value.as_bytes().try_into().unwrap()))
            }),
        });
    }
    sums
}

fn text(backend: Backend, today: NaiveDate, now: i64) -> String {
    let first = today.checked_sub_days(Days::new(60)).unwrap();
    let horizon = today.checked_add_days(Days::new(7)).unwrap();
    let sqlite = backend == Backend::Sqlite;
    let day = |day: NaiveDate| {
        if sqlite { format!("'{day}'") } else { format!("DATE '{day}'") }
    };
    let between = |last: &str, first: &str| {
        if sqlite {
            format!("CAST(julianday({last}) - julianday({first}) AS INTEGER)")
        } else {
            format!("({last} - {first})")
        }
    };
    let (least, greatest) = if sqlite { ("min", "max") } else { ("LEAST", "GREATEST") };
    let json = |column: &str, path: &str| {
        if sqlite {
            format!("json_extract({column}, '${path}')")
        } else {
            let steps = path.trim_start_matches(['[', '.']).replace("].", ",").replace(']', "");
            format!("CAST({column}::json #>> '{{{steps}}}' AS BIGINT)")
        }
    };
    // A recalled lot was usable through the day before, in the zone of the county.
    let recall_day = if sqlite {
        "date(m.recalled_at / 1000000 + 28800 - 86400, 'unixepoch')"
    } else {
        "CAST(to_timestamp((m.recalled_at / 1000000 + 28800 - 86400)::double precision) AT TIME ZONE 'UTC' AS date)"
    };
    let arrives = if sqlite {
        "date(t.expected_at / 1000000 + 28800, 'unixepoch')"
    } else {
        "CAST(to_timestamp((t.expected_at / 1000000 + 28800)::double precision) AT TIME ZONE 'UTC' AS date)"
    };
    let due = arrives.replace("t.expected_at", "r.expected_at");
    let (today, first, horizon) = (day(today), day(first), day(horizon));
    let never = "'9999-12-31'";
    let never = if sqlite { never.to_owned() } else { format!("DATE {never}") };
    format!(
        "WITH place AS (
    SELECT s.code AS store_code, COALESCE((
        SELECT r.level FROM response_level r
        WHERE r.effective_at <= {now} AND r.region_code IN (s.region_code, substr(s.region_code, 1, 6), substr(s.region_code, 1, 4), substr(s.region_code, 1, 2))
        ORDER BY length(r.region_code) DESC, r.effective_at DESC LIMIT 1), 'normal') AS level
    FROM store s WHERE s.active
), held AS (
    SELECT b.store_code, b.item_code, CAST(SUM(b.on_hand) AS BIGINT) AS on_hand, CAST(SUM(b.reserved) AS BIGINT) AS reserved,
        CAST(SUM(CASE WHEN b.state = 'available' AND m.recalled_at IS NULL AND (m.expiry = 'none' OR m.expires_on >= {today})
            THEN b.on_hand - b.reserved ELSE 0 END) AS BIGINT) AS available
    FROM stock_balance b JOIN lot l ON l.id = b.lot_id JOIN makers_lot m ON m.id = l.makers_lot_id
    WHERE b.live_until >= 7258118399999999
    GROUP BY b.store_code, b.item_code
), lorry AS (
    SELECT t.to_store AS store_code, t.item_code, CAST(SUM(t.on_hand) AS BIGINT) AS coming,
        CAST(SUM(CASE WHEN m.recalled_at IS NULL AND {arrives} <= {horizon} AND (m.expires_on IS NULL OR m.expires_on >= {greatest}({arrives}, {today}))
            THEN t.on_hand ELSE 0 END) AS BIGINT) AS arriving
    FROM transit_balance t JOIN lot l ON l.id = t.lot_id JOIN makers_lot m ON m.id = l.makers_lot_id
    WHERE t.live_until = 7258118399999999
    GROUP BY t.to_store, t.item_code
), came AS (
    SELECT f.expected_id, f.line_no, CAST(SUM(v.quantity) AS BIGINT) AS units
    FROM expected_fulfilment f JOIN stock_movement v ON v.id = f.movement_id
    GROUP BY f.expected_id, f.line_no
), ordered AS (
    SELECT r.store_code, x.item_code,
        CAST(SUM(CASE WHEN {due} <= {horizon} THEN {greatest}(x.quantity - COALESCE(came.units, 0), 0) ELSE 0 END) AS BIGINT) AS arriving
    FROM expected_receipt r JOIN expected_line x ON x.expected_id = r.id
    LEFT JOIN came ON came.expected_id = x.expected_id AND came.line_no = x.line_no
    WHERE r.kind = 'order' AND r.cancelled_at IS NULL
    GROUP BY r.store_code, x.item_code
), used AS (
    SELECT store_code, item_code, CAST(SUM(quantity) AS BIGINT) AS units
    FROM stock_movement
    WHERE ((to_kind = 'outside' AND to_name IN ('consumption', 'ward_return')) OR (from_kind = 'outside' AND from_name IN ('consumption', 'ward_return')))
        AND business_day >= {first} AND business_day < {today} AND reverses IS NULL
    GROUP BY store_code, item_code
), closing AS (
    SELECT c.store_code, c.item_code, c.business_day, c.on_hand, c.state, m.expiry,
        LEAD(c.business_day) OVER (PARTITION BY c.store_code, c.lot_id, c.state ORDER BY c.business_day) AS next_day,
        {least}(COALESCE(m.expires_on, {never}), COALESCE({recall_day}, {never})) AS usable_until
    FROM stock_closing c JOIN lot l ON l.id = c.lot_id JOIN makers_lot m ON m.id = l.makers_lot_id
    WHERE c.business_day < {today}
), stretch AS (
    SELECT store_code, item_code, {greatest}(business_day, {first}) AS begins,
        {least}(COALESCE(next_day, {today}), usable_until, {today}) AS ends
    FROM closing WHERE on_hand > 0 AND state = 'available' AND expiry <> 'unknown'
), behind AS (
    SELECT store_code, item_code, begins, ends,
        MAX(ends) OVER (PARTITION BY store_code, item_code ORDER BY begins, ends ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
    FROM stretch WHERE begins <= ends
), stocked AS (
    SELECT store_code, item_code, CAST(SUM(CASE
        WHEN ends < {today} AND (reached IS NULL OR reached < begins) THEN {ends_begins} + 1
        WHEN reached IS NULL OR reached < begins THEN {today_begins}
        WHEN ends = {today} AND reached < {today} THEN {today_reached} - 1
        WHEN ends > reached THEN {ends_reached} ELSE 0 END) AS BIGINT) AS days
    FROM behind GROUP BY store_code, item_code
), price AS (
    SELECT i.code AS item_code, (SELECT l.unit_cost FROM lot l WHERE l.item_code = i.code AND l.unit_cost IS NOT NULL
        ORDER BY l.created_at DESC, l.id DESC LIMIT 1) AS unit_cost
    FROM item i
), plan AS (
    SELECT id FROM reserve_plan WHERE status = 'approved' AND effective_from <= {now} ORDER BY effective_from DESC LIMIT 1
), line AS (
    SELECT n.store_code, n.item_code, place.level, n.floor, {quantity} AS quantity, COALESCE({days_first}, {days_second}) AS days,
        CASE place.level WHEN 'III' THEN {iii} WHEN 'II' THEN {ii} WHEN 'I' THEN {i} ELSE 100 END AS percent,
        COALESCE(held.on_hand, 0) AS on_hand, COALESCE(held.reserved, 0) AS reserved, COALESCE(held.available, 0) AS available,
        COALESCE(lorry.coming, 0) AS coming, COALESCE(lorry.arriving, 0) AS arriving, COALESCE(ordered.arriving, 0) AS ordered, COALESCE(used.units, 0) AS used,
        COALESCE(stocked.days, 0) AS exposure,
        price.unit_cost
    FROM plan JOIN reserve_plan_line n ON n.plan_id = plan.id JOIN place ON place.store_code = n.store_code
    JOIN price ON price.item_code = n.item_code
    LEFT JOIN held ON held.store_code = n.store_code AND held.item_code = n.item_code
    LEFT JOIN lorry ON lorry.store_code = n.store_code AND lorry.item_code = n.item_code
    LEFT JOIN ordered ON ordered.store_code = n.store_code AND ordered.item_code = n.item_code
    LEFT JOIN used ON used.store_code = n.store_code AND used.item_code = n.item_code
    LEFT JOIN stocked ON stocked.store_code = n.store_code AND stocked.item_code = n.item_code
    WHERE n.store_code IS NOT NULL
), wanted AS (
    SELECT line.*, CASE WHEN days IS NOT NULL AND exposure <= 0 THEN NULL ELSE {greatest}(
        COALESCE((quantity * percent + 99) / 100, 0),
        CASE WHEN days IS NULL THEN 0 ELSE (used * days * percent + exposure * 100 - 1) / (exposure * 100) END,
        COALESCE(floor, 0)) END AS target
    FROM line
), figure AS MATERIALIZED (
    SELECT wanted.*, CASE WHEN target IS NOT NULL THEN {greatest}(target - available - arriving - ordered, 0) END AS net_shortfall,
        CASE WHEN target IS NULL THEN 0 ELSE {greatest}(available - {greatest}(target, COALESCE(floor, 0)), 0) END AS surplus
    FROM wanted
), spare AS (
    SELECT figure.store_code, l.item_code, CAST(SUM(figure.surplus) AS BIGINT) AS units
    FROM substitution_list l JOIN substitution_entry s ON s.list_id = l.id JOIN figure ON figure.item_code = s.substitute_code
    WHERE l.scene = 'general' AND l.region_code IS NULL AND l.valid_from <= {now} AND COALESCE(l.valid_to > {now}, TRUE)
    GROUP BY figure.store_code, l.item_code
)
SELECT f.store_code, f.item_code, level, target, floor, on_hand, reserved, on_hand - reserved - available AS blocked, available,
    coming, arriving, ordered, CASE WHEN target IS NOT NULL THEN {greatest}(target - available, 0) END AS on_hand_shortfall, net_shortfall,
    CASE WHEN spare.units IS NOT NULL AND net_shortfall IS NOT NULL THEN {greatest}(net_shortfall - spare.units, 0) END AS still_missing,
    net_shortfall * unit_cost AS cost,
    CASE WHEN target IS NULL THEN 'not_computable' WHEN available = 0 AND target > 0 THEN 'out'
        WHEN available < floor THEN 'below_floor' WHEN available < target THEN 'short' ELSE 'met' END AS status
FROM figure f LEFT JOIN spare ON spare.store_code = f.store_code AND spare.item_code = f.item_code
ORDER BY f.store_code, f.item_code",
        ends_begins = between("ends", "begins"),
        today_begins = between(&today, "begins"),
        today_reached = between(&today, "reached"),
        ends_reached = between("ends", "reached"),
        quantity = json("n.bases", "[0].quantity"),
        days_first = json("n.bases", "[0].days"),
        days_second = json("n.bases", "[1].days"),
        iii = json("n.level_percent", ".III"),
        ii = json("n.level_percent", ".II"),
        i = json("n.level_percent", ".I"),
    )
}
