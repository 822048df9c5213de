//! Inserting many rows by few statements that stay prepared.

use crate::db::connection::DbConnection;
use crate::db::error::DbError;
use crate::db::memory;
use diesel::associations::HasTable;
use diesel::backend::Backend;
use diesel::insertable::InsertValues;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// `INSERT INTO table (…) VALUES (…), (…), …`, and what happens to a row whose key is there already;
/// made by [`insert_rows!`](crate::insert_rows).
///
/// Diesel's own insert of many rows has no form that SQLite keeps prepared.
#[derive(Debug, Clone)]
pub struct InsertMany<Tab: QuerySource, V> {
    into: Tab::FromClause,
    rows: Vec<V>,
    key: &'static [&'static str],
    replaced: &'static [&'static str],
}

impl<Tab: QuerySource + HasTable<Table = Tab>, V> InsertMany<Tab, V> {
    /// Inserts `rows`; where one with the same `key` is there, its `replaced` columns become the new
    /// row's. An empty key lets the statement fail instead.
    pub fn new(
        rows: Vec<V>,
        key: &'static [&'static str],
        replaced: &'static [&'static str],
    ) -> Self {
        Self { into: Tab::table().from_clause(), rows, key, replaced }
    }
}

impl<Tab: QuerySource, V> QueryId for InsertMany<Tab, V> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Tab, V, DB> QueryFragment<DB> for InsertMany<Tab, V>
where
    Tab: Table,
    Tab::FromClause: QueryFragment<DB>,
    V: InsertValues<DB, Tab>,
    DB: Backend,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.rows.len() > FEW {
            // As a rule, there are too many such texts to keep them all prepared.
            out.unsafe_to_cache_prepared();
        }
        out.push_sql("INSERT INTO ");
        self.into.walk_ast(out.reborrow())?;
        for (at, row) in self.rows.iter().enumerate() {
            if at == 0 {
                out.push_sql(" (");
                row.column_names(out.reborrow())?;
                out.push_sql(") VALUES (");
            } else {
                out.push_sql(", (");
            }
            row.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        if self.key.is_empty() {
            return Ok(());
        }
        out.push_sql(" ON CONFLICT (");
        for (at, column) in self.key.iter().enumerate() {
            out.push_sql(if at == 0 { "" } else { ", " });
            out.push_identifier(column)?;
        }
        out.push_sql(") DO UPDATE SET ");
        for (at, column) in self.replaced.iter().enumerate() {
            out.push_sql(if at == 0 { "" } else { ", " });
            out.push_identifier(column)?;
            out.push_sql(" = excluded.");
            out.push_identifier(column)?;
        }
        Ok(())
    }
}

impl<Tab: QuerySource, V, Conn> RunQueryDsl<Conn> for InsertMany<Tab, V> {}

/// Rows so few that a statement of theirs stays prepared.
const FEW: usize = 2;

/// An insert of few rows into some table.
pub(super) type FewRows = Box<dyn QueryFragment<Pg> + Send>;

/// Runs what is left of an insert on PostgreSQL, alone or with others of few rows.
///
/// # Errors
/// When the database fails.
pub fn run_rest<Tab, V>(conn: &mut PgConnection, rest: InsertMany<Tab, V>) -> QueryResult<()>
where
    Tab: Table + 'static,
    Tab::FromClause: QueryFragment<Pg> + Send + 'static,
    V: InsertValues<Pg, Tab> + Send + 'static,
{
    if rest.rows.is_empty() {
        return Ok(());
    }
    if rest.rows.len() > FEW {
        return rest.execute(conn).map(drop);
    }
    match memory::gather_or_return(Box::new(rest)) {
        None => Ok(()),
        Some(few) => InOneJourney(vec![few]).execute(conn).map(drop),
    }
}

/// Runs inserts that were gathered in one journey.
///
/// # Errors
/// When the database fails.
pub(super) fn run_gathered(conn: &mut DbConnection, gathered: Vec<FewRows>) -> Result<(), DbError> {
    match conn {
        DbConnection::Postgres(conn) if !gathered.is_empty() => {
            InOneJourney(gathered).execute(conn)?;
            Ok(())
        }
        DbConnection::Postgres(_) | DbConnection::Sqlite(_) => Ok(()),
    }
}

/// Inserts that PostgreSQL runs as one statement: all but the last in its `WITH`.
struct InOneJourney(Vec<FewRows>);

impl QueryId for InOneJourney {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for InOneJourney {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Some((last, others)) = self.0.split_last() else { return Ok(()) };
        for (at, other) in others.iter().enumerate() {
            out.push_sql(if at == 0 { "WITH " } else { ", " });
            out.push_identifier(&format!("part_{at}"))?;
            out.push_sql(" AS (");
            other.walk_ast(out.reborrow())?;
            out.push_sql(") ");
        }
        last.walk_ast(out)
    }
}

impl<Conn> RunQueryDsl<Conn> for InOneJourney {}

/// Inserts rows into a table by statements of many, whose texts are always the same and stay
/// prepared. What is left over goes row by row on SQLite, where a prepared statement costs less than
/// a new one of many rows, and together on PostgreSQL, where each statement is a journey; few rows of
/// several tables then share one.
///
/// With `on (key) set (columns)`, the columns of a row that is there already become the new row's.
#[macro_export]
macro_rules! insert_rows {
    ($conn:expr, $table:ident, $rows:expr) => {
        $crate::insert_rows!($conn, $table, $rows, on () set ())
    };
    ($conn:expr, $table:ident, $rows:expr, on ($($key:ident),*) set ($($replaced:ident),*)) => {{
        use diesel::Insertable;
        const KEY: &[&str] = &[$(<$table::$key as diesel::Column>::NAME),*];
        const REPLACED: &[&str] = &[$(<$table::$replaced as diesel::Column>::NAME),*];
        let rows: Vec<_> =
            $rows.into_iter().map(|row| Insertable::<$table::table>::values(row).values).collect();
        let mut rows = rows.into_iter();
        match $conn {
            $crate::db::DbConnection::Postgres(inner) => {
                $crate::insert_rows!(@many 50, $table, inner, rows);
                let rest = $crate::db::insert::InsertMany::<$table::table, _>::new(
                    rows.collect(),
                    KEY,
                    REPLACED,
                );
                $crate::db::insert::run_rest(inner, rest)?;
            }
            $crate::db::DbConnection::Sqlite(inner) => {
                $crate::insert_rows!(@many 32, $table, inner, rows);
                $crate::insert_rows!(@many 6, $table, inner, rows);
                $crate::insert_rows!(@many 1, $table, inner, rows);
            }
        }
    }};
    (@many $size:literal, $table:ident, $inner:ident, $rows:ident) => {
        while $rows.len() >= $size {
            let many = $crate::db::insert::InsertMany::<$table::table, _>::new(
                $rows.by_ref().take($size).collect(),
                KEY,
                REPLACED,
            );
            $crate::steady_write!(many).run($inner)?;
        }
    };
}
