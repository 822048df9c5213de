//! A part of a transaction that can be given up while the rest goes on.

use crate::db::connection::DbConnection;
use crate::db::error::DbError;
use diesel::connection::SimpleConnection;

/// Runs `body` so that what it wrote is gone when it answers `Err`, and only that.
///
/// # Errors
/// Those of `body`; [`DbError`] when the database fails.
pub fn in_savepoint<T, E: From<DbError>>(
    conn: &mut DbConnection,
    body: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    conn.batch_execute("SAVEPOINT part").map_err(DbError::from)?;
    match body(conn) {
        Ok(value) => {
            conn.batch_execute("RELEASE SAVEPOINT part").map_err(DbError::from)?;
            Ok(value)
        }
        Err(refused) => {
            conn.batch_execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
                .map_err(DbError::from)?;
            Err(refused)
        }
    }
}
