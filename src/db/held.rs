//! Rows that wait in the transaction's memory and are written together: many rows by one statement cost
//! SQLite far less than a statement for each, and PostgreSQL one journey.
//!
//! Only a command that asks for nothing that waits may let its rows wait; it says so by
//! [`Rows::Together`](crate::command::Rows), or begins by [`memory::hold`]. Before any other command of
//! the same transaction, everything is written.

use crate::db::connection::DbConnection;
use crate::db::error::DbError;
use crate::db::memory::{self, Remembered};
use std::collections::BTreeMap;

/// The most rows of a kind that wait.
const MOST: usize = 4_096;

/// A row that can wait.
pub trait HeldRow: Sized + Send + 'static {
    /// What tells it from others; a later row of the same key stands for both.
    type Key: Ord + Send;

    /// Its key.
    fn key(&self) -> Self::Key;

    /// Writes rows, in the order of their keys.
    ///
    /// # Errors
    /// When the database fails.
    fn write(conn: &mut DbConnection, rows: Vec<Self>) -> Result<(), DbError>;
}

struct Held<R: HeldRow>(BTreeMap<R::Key, R>);

impl<R: HeldRow> Default for Held<R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<R: HeldRow> Remembered for Held<R> {
    fn write_out(&mut self, conn: &mut DbConnection) -> Result<(), DbError> {
        if self.0.is_empty() {
            return Ok(());
        }
        R::write(conn, std::mem::take(&mut self.0).into_values().collect())
    }

    fn settle(&mut self, conn: &mut DbConnection) -> Result<(), DbError> {
        self.write_out(conn)
    }
}

/// Writes rows now, or with others before the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn write<R: HeldRow>(conn: &mut DbConnection, rows: Vec<R>) -> Result<(), DbError> {
    if !memory::holds() {
        return R::write(conn, rows);
    }
    let waiting = memory::change(|held: &mut Held<R>| {
        held.0.extend(rows.into_iter().map(|row| (row.key(), row)));
        held.0.len()
    });
    if waiting.is_some_and(|waiting| waiting >= MOST) {
        return memory::write_out(conn);
    }
    Ok(())
}

/// Looks at a row that waits.
pub fn find<R: HeldRow, T>(key: &R::Key, look: impl FnOnce(&R) -> T) -> Option<T> {
    memory::recall(|held: &mut Held<R>| held.0.get(key).map(look)).flatten()
}
