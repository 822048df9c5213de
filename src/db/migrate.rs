//! Migrations, embedded in the binary, one directory for each database.

use crate::db::connection::DbConnection;
use crate::db::error::DbError;
use crate::db::transaction::Db;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

impl Db {
    /// Brings the schema up to date and names the migrations that were run.
    ///
    /// # Errors
    /// [`DbError::Unreachable`] with the migration's name when one fails; it then left no trace.
    pub fn migrate(&self) -> Result<Vec<String>, DbError> {
        let run = match self.connect()? {
            DbConnection::Sqlite(mut conn) => names(conn.run_pending_migrations(SQLITE)),
            DbConnection::Postgres(mut conn) => names(conn.run_pending_migrations(POSTGRES)),
        };
        run.map_err(|error| DbError::Unreachable(format!("migration failed: {error}")))
    }

    /// Takes back every migration, newest first: for the test that up, down, up leaves no trace.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub fn unmigrate(&self) -> Result<Vec<String>, DbError> {
        let run = match self.connect()? {
            DbConnection::Sqlite(mut conn) => names(conn.revert_all_migrations(SQLITE)),
            DbConnection::Postgres(mut conn) => names(conn.revert_all_migrations(POSTGRES)),
        };
        run.map_err(|error| DbError::Unreachable(format!("migration failed: {error}")))
    }

    /// Whether the database holds no table of anybody.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn is_empty(&self) -> Result<bool, DbError> {
        use diesel::RunQueryDsl;
        let tables = match self.connect()? {
            DbConnection::Sqlite(mut conn) => {
                diesel::select(count_of("sqlite_schema")).get_result::<i64>(&mut conn)
            }
            DbConnection::Postgres(mut conn) => diesel::select(count_of(
                "information_schema.tables \
                 WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
            ))
            .get_result::<i64>(&mut conn),
        };
        Ok(tables? == 0)
    }

    /// Whether every migration that this binary knows has been run.
    ///
    /// # Errors
    /// [`DbError::Unreachable`] when the database does not answer.
    pub fn is_current(&self) -> Result<bool, DbError> {
        let pending = match self.connect()? {
            DbConnection::Sqlite(mut conn) => conn.has_pending_migration(SQLITE),
            DbConnection::Postgres(mut conn) => conn.has_pending_migration(POSTGRES),
        };
        pending.map(|pending| !pending).map_err(|error| DbError::Unreachable(error.to_string()))
    }
}

fn names<E>(
    run: Result<Vec<diesel::migration::MigrationVersion<'_>>, E>,
) -> Result<Vec<String>, E> {
    run.map(|versions| versions.iter().map(ToString::to_string).collect())
}

fn count_of(table: &str) -> diesel::expression::SqlLiteral<diesel::sql_types::BigInt> {
    diesel::dsl::sql(&format!("(SELECT COUNT(*) FROM {table})"))
}
