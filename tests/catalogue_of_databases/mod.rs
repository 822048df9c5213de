//! What a database says of itself.
#![allow(dead_code, reason = "each test binary that includes this uses a part of it")]

use changbei::db::{Backend, Db, DbError};
use diesel::prelude::*;
use diesel::sql_types::Text;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The answers to a query of one text column called `line`, sorted.
pub fn lines(db: &Db, sql: &'static str) -> Vec<String> {
    let rows: Result<Vec<Line>, DbError> = db.read(|conn| Ok(diesel::sql_query(sql).load(conn)?));
    let mut lines: Vec<String> = rows.unwrap().into_iter().map(|row| row.line).collect();
    lines.sort();
    lines
}

const SQLITE: &str = "\
    SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_schema \
    WHERE name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' AND tbl_name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'";

const POSTGRES: &str = "\
    SELECT ('column ' || table_name || ' ' || ordinal_position || ' ' || column_name || ' ' \
        || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, ''))::text AS line \
    FROM information_schema.columns \
    WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%' \
    UNION ALL \
    SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) \
    FROM pg_constraint \
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '\\_\\_diesel%' \
    UNION ALL \
    SELECT 'index ' || indexdef FROM pg_indexes \
    WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_diesel%' \
    UNION ALL \
    SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal \
    UNION ALL \
    SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc \
    WHERE pronamespace = 'public'::regnamespace \
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')";

/// Everything that migrations made: tables, columns, constraints, indexes, triggers, functions.
pub fn everything(db: &Db) -> Vec<String> {
    match db.backend() {
        Backend::Sqlite => lines(db, SQLITE),
        Backend::Postgres => lines(db, POSTGRES),
    }
}
