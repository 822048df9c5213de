//! The rows of a scene: plan lines, stock, a hundred days of history, lorries and orders.

use crate::scene::{ITEMS, Scene};
use changbei::db::Backend;
use chrono::NaiveDate;

/// Words that the two databases spell differently.
pub struct Dialect(pub Backend);

impl Dialect {
    pub fn text(&self, sql: &str) -> String {
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
    pub fn id(&self, table: &str, number: &str) -> String {
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
    /// The rows of every table, in the order in which they refer to one another.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
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
        rows.extend([("lorries", self.lorries()), ("orders", self.orders())]);
        rows
    }

    fn lorries(&self) -> String {
        let id = |table: &str, number: &str| Dialect(self.db.backend()).id(table, number);
        let now = self.now.micros();
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
        )
    }

    /// Orders of one line: due soon, due late, overdue and partly delivered, delivered, cancelled.
    fn orders(&self) -> String {
        let now = self.now.micros();
        let order = Dialect(self.db.backend()).id("0008", &format!("s.n * {ITEMS} + i.n"));
        let from = "FROM bench_store s CROSS JOIN bench_item i";
        let ordered = format!("{SPREAD} >= 50 AND {SPREAD} % 53 < 5");
        let came = Event::First.units();
        format!(
            "INSERT INTO expected_receipt (id, number, kind, store_code, expected_at, supplier, \
                 created_by, created_at, cancelled_at, version)
             SELECT {order}, 'PO-' || s.n || '-' || i.n, 'order', s.code, \
                 {now} + CASE {SPREAD} % 53 WHEN 0 THEN 3 WHEN 1 THEN 12 WHEN 4 THEN 2 ELSE -2 END \
                     * 86400000000, \
                 'supplier', 'bench', {now} - 110 * 86400000000, \
                 CASE WHEN {SPREAD} % 53 = 4 THEN {now} - 86400000000 END, 1
             {from} WHERE {ordered};
             INSERT INTO expected_line (expected_id, line_no, item_code, quantity)
             SELECT {order}, 1, i.code, \
                 CASE {SPREAD} % 53 WHEN 2 THEN {came} + 25 WHEN 3 THEN {came} ELSE 35 END
             {from} WHERE {ordered};
             INSERT INTO expected_fulfilment (movement_id, expected_id, line_no, store_code)
             SELECT 'M-0-' || s.n || '-' || i.n, {order}, 1, s.code
             {from} WHERE {ordered} AND {SPREAD} % 53 IN (2, 3);"
        )
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
