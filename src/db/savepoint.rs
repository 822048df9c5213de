//! A part of a transaction that can be given up while the rest goes on.

use crate::db::connection::DbConnection;
use crate::db::error::DbError;
use crate::db::steady::Words;
use crate::on_each_backend;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;

/// Runs `body` so that what it wrote is gone when it answers `Err`, and only that.
///
/// # Errors
/// Those of `body`; [`DbError`] when the database fails.
pub fn in_savepoint<T, E: From<DbError>>(
    conn: &mut DbConnection,
    body: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    say(conn, "SAVEPOINT part")?;
    match body(conn) {
        Ok(value) => {
            say(conn, "RELEASE SAVEPOINT part")?;
            Ok(value)
        }
        Err(refused) => {
            conn.batch_execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
                .map_err(DbError::from)?;
            Err(refused)
        }
    }
}

/// Runs a statement of fixed words that each connection prepares once.
pub(super) fn say(conn: &mut DbConnection, words: &'static str) -> Result<(), DbError> {
    on_each_backend!(conn, |c| Words(words).execute(c))?;
    Ok(())
}
