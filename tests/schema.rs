//! `src/db/schema.rs` says what both migrated databases have, column by column.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test asks the catalogues of both databases in their own words"
)]

mod catalogue_of_databases;
mod source;
mod support;

use catalogue_of_databases::lines;
use changbei::db::Backend;
use std::collections::BTreeSet;
use support::databases;

/// One column, in words that mean the same for both databases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    table: String,
    name: String,
    kind: String,
    nullable: bool,
}

impl Column {
    fn read(line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [table, name, kind, null] = words.as_slice() else { panic!("{line}") };
        Self {
            table: (*table).to_owned(),
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            nullable: *null == "null",
        }
    }
}

/// The type by which a database stores a type of `schema.rs`.
fn stored_as(kind: &str, backend: Backend) -> &'static str {
    match (kind, backend) {
        ("Text", Backend::Sqlite) => "TEXT",
        ("Text", Backend::Postgres) => "text",
        ("BigInt", Backend::Sqlite) => "INTEGER",
        ("BigInt", Backend::Postgres) => "bigint",
        ("Bool", Backend::Sqlite) => "INTEGER",
        ("Bool", Backend::Postgres) => "boolean",
        ("Date", Backend::Sqlite) => "TEXT",
        ("Date", Backend::Postgres) => "date",
        _ => panic!("{kind} is no type that both databases keep alike"),
    }
}

/// The tables of `schema.rs`: columns as one database should have them, and primary keys as
/// `table (a, b)`.
fn declared(backend: Backend) -> (BTreeSet<Column>, BTreeSet<String>) {
    let (mut columns, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let text = &source::files("src/db", &["schema.rs"])[0].text;
    for block in text.split("table! {").skip(1) {
        let mut table = String::new();
        for line in block.lines().map(str::trim).take_while(|line| *line != "}") {
            if let Some((name, key)) = line.strip_suffix(") {").and_then(|l| l.split_once(" (")) {
                name.clone_into(&mut table);
                keys.insert(format!("{name} ({key})"));
            } else if let Some((name, kind)) = line.trim_end_matches(',').split_once(" -> ") {
                let inner = kind.strip_prefix("Nullable<").and_then(|k| k.strip_suffix('>'));
                columns.insert(Column {
                    table: table.clone(),
                    name: name.to_owned(),
                    kind: stored_as(inner.unwrap_or(kind), backend).to_owned(),
                    nullable: inner.is_some(),
                });
            }
        }
    }
    (columns, keys)
}

const SQLITE_COLUMNS: &str = "\
    SELECT m.name || ' ' || p.name || ' ' || p.type || ' ' \
        || CASE WHEN p.\"notnull\" THEN 'not_null' ELSE 'null' END AS line \
    FROM sqlite_schema m JOIN pragma_table_info(m.name) p \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'";

const POSTGRES_COLUMNS: &str = "\
    SELECT (table_name || ' ' || column_name || ' ' || data_type || ' ' \
        || CASE is_nullable WHEN 'YES' THEN 'null' ELSE 'not_null' END)::text AS line \
    FROM information_schema.columns \
    WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'";

const SQLITE_KEYS: &str = "\
    SELECT name || ' (' || group_concat(column_name, ', ') || ')' AS line FROM ( \
        SELECT m.name AS name, p.name AS column_name \
        FROM sqlite_schema m JOIN pragma_table_info(m.name) p \
        WHERE m.type = 'table' AND p.pk > 0 AND m.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' \
        ORDER BY m.name, p.pk) \
    GROUP BY name";

const POSTGRES_KEYS: &str = "\
    SELECT (c.conrelid::regclass || ' (' || string_agg(a.attname, ', ' ORDER BY k.place) || ')')::text AS line \
    FROM pg_constraint c \
    CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (number, place) \
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number \
    WHERE c.contype = 'p' AND c.connamespace = 'public'::regnamespace \
        AND c.conrelid::regclass::text NOT LIKE '\\_\\_diesel%' \
    GROUP BY c.conrelid";

#[test]
fn both_databases_have_the_columns_of_the_schema() {
    for database in databases() {
        let backend = database.db.backend();
        let sql = match backend {
            Backend::Sqlite => SQLITE_COLUMNS,
            Backend::Postgres => POSTGRES_COLUMNS,
        };
        let stored: BTreeSet<Column> =
            lines(&database.db, sql).iter().map(|line| Column::read(line)).collect();
        let (declared, _) = declared(backend);
        let missing: Vec<&Column> = declared.difference(&stored).collect();
        let undeclared: Vec<&Column> = stored.difference(&declared).collect();
        assert!(
            missing.is_empty() && undeclared.is_empty(),
            "{backend:?} lacks {missing:#?}\nschema.rs lacks {undeclared:#?}"
        );
    }
}

#[test]
fn both_databases_have_the_primary_keys_of_the_schema() {
    for database in databases() {
        let backend = database.db.backend();
        let sql = match backend {
            Backend::Sqlite => SQLITE_KEYS,
            Backend::Postgres => POSTGRES_KEYS,
        };
        let stored: BTreeSet<String> = lines(&database.db, sql).into_iter().collect();
        assert_eq!(stored, declared(backend).1, "{backend:?}");
    }
}
