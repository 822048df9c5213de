//! A part of a transaction that can be given up while the rest goes on.

use crate::db::connection::DbConnection;
use crate::db::error::DbError;
use crate::db::memory;
use crate::db::steady::Words;
use crate::on_each_backend;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;

/// Runs `body` so that what it wrote is gone when it answers `Err`, and only that.
///
/// # Errors
/// Those of `body`; [`DbError`] when the database fails, or when the whole transaction must be run
/// again because this part can only be given up with it.
pub fn in_savepoint<T, E: From<DbError>>(
    conn: &mut DbConnection,
    body: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    if memory::is_trusting() {
        let before = Written::so_far(conn)?;
        return match body(conn) {
            Ok(value) => Ok(value),
            Err(refused) if before.still_holds(conn)? => Err(refused),
            Err(_undone_with_the_rest) => {
                memory::need_care();
                Err(DbError::Conflict("a part must be undone".to_owned()).into())
            }
        };
    }
    memory::write_out(conn)?;
    say(conn, "SAVEPOINT part")?;
    let outcome = body(conn).and_then(|value| {
        memory::write_out(conn)?;
        Ok(value)
    });
    match outcome {
        Ok(value) => {
            say(conn, "RELEASE SAVEPOINT part")?;
            Ok(value)
        }
        Err(refused) => {
            conn.batch_execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
                .map_err(DbError::from)?;
            memory::lose();
            Err(refused)
        }
    }
}

/// What a transaction has written up to a place, as far as can be told cheaply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// Rows by SQLite's count, without those that had waited; PostgreSQL does not tell.
    rows: Option<i64>,
    remembered: u64,
}

impl Written {
    pub(super) fn so_far(conn: &mut DbConnection) -> Result<Self, DbError> {
        let rows = conn.rows_written()?.map(|rows| rows - memory::written());
        Ok(Self { rows, remembered: memory::changes() })
    }

    /// Whether a body that failed since then has written nothing, in a transaction that still stands.
    ///
    /// SQLite rolls a transaction back by itself when a disk is full or fails; what came after would
    /// be no part of any transaction.
    pub(super) fn still_holds(self, conn: &mut DbConnection) -> Result<bool, DbError> {
        if self.rows.is_none() {
            return Ok(false);
        }
        if conn.batch_execute("BEGIN").is_ok() {
            let _ = conn.batch_execute("ROLLBACK");
            return Ok(false);
        }
        Ok(Self::so_far(conn)? == self)
    }
}

/// Runs a statement of fixed words that each connection prepares once.
pub(super) fn say(conn: &mut DbConnection, words: &'static str) -> Result<(), DbError> {
    on_each_backend!(conn, |c| Words(words).execute(c))?;
    Ok(())
}
