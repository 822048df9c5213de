//! Floor 1: the only place that knows which database it speaks to.
//!
//! [`Db::read`] and [`Db::write`] are the two doors; what passes through them is a
//! [`DbConnection`], on which one query text serves both databases.

mod checkpointer;
pub mod connection;
mod disk;
pub mod error;
pub mod fixed;
pub mod held;
pub mod insert;
pub mod memory;
pub mod migrate;
pub mod named_lock;
pub mod savepoint;
pub mod schema;
mod sessions;
pub mod steady;
pub mod transaction;
mod writer;

pub use connection::DbConnection;
pub use error::{DbError, MayConflict};
pub use fixed::Condition;
pub use steady::{Steady, SteadyWrite};
pub use transaction::{Backend, Db, DbOptions};
pub use writer::Panicked;

/// A whole-number sum, typed as BIGINT: PostgreSQL's `SUM(BIGINT)` is NUMERIC, which Diesel would
/// turn into a float on SQLite.
#[macro_export]
macro_rules! sum_of {
    ($column:expr) => {
        $crate::db::fixed::WholeSum($column)
    };
}

/// Narrows a boxed query to some values of a column. One value is asked for by `=`, whose statement
/// stays prepared on SQLite, where a list is prepared anew each time.
#[macro_export]
macro_rules! among {
    ($query:expr, $column:expr, $values:expr) => {
        match $values {
            [one] => $query.filter($column.eq(one)),
            several => $query.filter($column.eq_any(several)),
        }
    };
}
