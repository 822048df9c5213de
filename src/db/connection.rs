//! Connections to either database, set up the same way every time.
#![allow(missing_docs, reason = "the derive and table! generate items that no text can be put on")]

use crate::db::error::DbError;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A connection to PostgreSQL or to SQLite; queries on it compile for both.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// A PostgreSQL session.
    Postgres(PgConnection),
    /// An open SQLite file. Last, because it would accept any text as a path.
    Sqlite(SqliteConnection),
}

/// Compiles one query text for each database, for the statements that the common subset lacks:
/// `ON CONFLICT`, multi-row inserts and the like.
#[macro_export]
macro_rules! on_each_backend {
    ($conn:expr, |$inner:ident| $query:expr) => {
        match $conn {
            $crate::db::DbConnection::Postgres($inner) => $query,
            $crate::db::DbConnection::Sqlite($inner) => $query,
        }
    };
}

/// Adds `FOR NO KEY UPDATE` on PostgreSQL; on SQLite the writer has the only write lock already.
///
/// The stronger `FOR UPDATE` would also hold up every insert of a row that refers to the locked one,
/// because a foreign key locks what it points at. A movement points at its lot, so a receipt, which
/// locks lots before balances, and an issue, which locks balances, would wait for each other.
#[macro_export]
macro_rules! load_locked {
    ($conn:expr, $query:expr, $row:ty) => {
        match $conn {
            $crate::db::DbConnection::Postgres(inner) => diesel::RunQueryDsl::load::<$row>(
                diesel::QueryDsl::for_no_key_update($query),
                inner,
            ),
            $crate::db::DbConnection::Sqlite(inner) => {
                diesel::RunQueryDsl::load::<$row>($query, inner)
            }
        }
    };
}

impl DbConnection {
    /// Whether `count` rows are better asked for one by one. On SQLite a list of values is a
    /// statement that must be prepared anew, and one that is prepared costs next to nothing; on
    /// PostgreSQL every statement is a journey.
    pub fn asks_one_by_one(&self, count: usize) -> bool {
        const FEW: usize = 16;
        match self {
            Self::Postgres(_) => count <= 1,
            Self::Sqlite(_) => count <= FEW,
        }
    }

    /// Rows that the session has written since it was opened; PostgreSQL does not tell.
    pub(super) fn rows_written(&mut self) -> Result<Option<i64>, DbError> {
        match self {
            Self::Postgres(_) => Ok(None),
            Self::Sqlite(conn) => {
                let rows = crate::steady!(diesel::select(total_changes()));
                Ok(Some(diesel::RunQueryDsl::get_result(rows, conn)?))
            }
        }
    }
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Rows that the connection has written since it was opened, those of triggers included.
    fn total_changes() -> diesel::sql_types::BigInt;
}

/// Where the data lies and how long to wait for it.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Sqlite { path: PathBuf, busy_timeout: Duration },
    Postgres { url: String, statement_timeout: Duration },
}

impl Target {
    /// Opens a connection that may write.
    pub(super) fn connect(&self) -> Result<DbConnection, DbError> {
        match self {
            Self::Sqlite { path, busy_timeout } => {
                open_sqlite(path, *busy_timeout, false).map(DbConnection::Sqlite)
            }
            Self::Postgres { url, statement_timeout } => {
                open_postgres(url, *statement_timeout).map(DbConnection::Postgres)
            }
        }
    }

    /// Opens a connection for reading; SQLite then refuses every write on it.
    pub(super) fn connect_to_read(&self) -> Result<DbConnection, DbError> {
        match self {
            Self::Sqlite { path, busy_timeout } => {
                open_sqlite(path, *busy_timeout, true).map(DbConnection::Sqlite)
            }
            Self::Postgres { .. } => self.connect(),
        }
    }
}

/// Pragmas hold per connection, so every connection gets them, `busy_timeout` first because the
/// others may already have to wait.
fn open_sqlite(
    path: &Path,
    busy_timeout: Duration,
    read_only: bool,
) -> Result<SqliteConnection, DbError> {
    let path = path.to_string_lossy();
    let mut conn = SqliteConnection::establish(&path).map_err(DbError::connect)?;
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", busy_timeout.as_millis()))?;
    for pragma in [
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        // Without it a REPLACE deletes rows behind the back of the append-only triggers.
        "PRAGMA recursive_triggers = ON",
        "PRAGMA trusted_schema = OFF",
        "PRAGMA cell_size_check = ON",
        "PRAGMA journal_size_limit = 67108864",
        // The checkpointer is faster as a rule.
        "PRAGMA wal_autocheckpoint = 8000",
        "PRAGMA cache_size = -16000",
        "PRAGMA temp_store = MEMORY",
    ] {
        conn.batch_execute(pragma)?;
    }
    if read_only {
        conn.batch_execute("PRAGMA query_only = ON")?;
    }
    Ok(conn)
}

fn open_postgres(url: &str, statement_timeout: Duration) -> Result<PgConnection, DbError> {
    let mut conn = PgConnection::establish(url).map_err(DbError::connect)?;
    conn.batch_execute(&format!(
        "SET TIME ZONE 'UTC'; SET synchronous_commit = on; SET statement_timeout = {ms}; \
         SET lock_timeout = {ms}; SET application_name = 'changbei'",
        ms = statement_timeout.as_millis()
    ))?;
    Ok(conn)
}
