//! What the transaction that is open on this thread has learned under locks that it still holds, and
//! what it will write before it ends.
//!
//! Many commands share a transaction: a group of SQLite's writer, a batch, an import. What one of
//! them has locked and read need not be asked for by the next, and a row that each of them changes,
//! such as the head of a store's chain, need be written only once. Without a transaction every
//! question goes to the database. SQLite's writer takes what it knows to its next transaction, unless
//! another process has written in between, which SQLite tells it under the lock.
//!
//! A savepoint costs SQLite more than most of what is done in it, and is nearly never needed: commands
//! that are refused have seldom written anything. So a transaction is first run *trusting*, without
//! savepoints; where a part must then be undone that has written, the whole is rolled back and run
//! again *careful*.

use crate::db::connection::DbConnection;
use crate::db::error::DbError;
use crate::db::insert::{self, FewRows};
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// One kind of thing that a transaction remembers.
pub trait Remembered: Any + Default + Send {
    /// Writes what has changed and is not in the database yet.
    ///
    /// # Errors
    /// When the database fails.
    fn write_out(&mut self, _conn: &mut DbConnection) -> Result<(), DbError> {
        Ok(())
    }

    /// Writes what statements that are not its own would miss, and forgets what they may make untrue.
    ///
    /// # Errors
    /// When the database fails.
    fn settle(&mut self, _conn: &mut DbConnection) -> Result<(), DbError> {
        Ok(())
    }
}

/// The same with its type erased.
trait Kept: Any + Send {
    fn write_out(&mut self, conn: &mut DbConnection) -> Result<(), DbError>;
    fn settle(&mut self, conn: &mut DbConnection) -> Result<(), DbError>;
}

impl<M: Remembered> Kept for M {
    fn write_out(&mut self, conn: &mut DbConnection) -> Result<(), DbError> {
        Remembered::write_out(self, conn)
    }

    fn settle(&mut self, conn: &mut DbConnection) -> Result<(), DbError> {
        Remembered::settle(self, conn)
    }
}

/// How the parts of a transaction are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Without savepoints, in the hope that none is needed.
    Trusting,
    /// Each in a savepoint of its own.
    Careful,
}

struct Memory {
    care: Care,
    care_is_needed: bool,
    /// Whether new rows wait to be written with others.
    holds: bool,
    /// In one order, so that PostgreSQL is sent the same texts each time.
    kept: BTreeMap<TypeId, Box<dyn Kept>>,
    changes: u64,
    /// Rows that were written from here, by SQLite's count.
    written: i64,
    /// Small inserts that PostgreSQL will be sent in one journey, while everything is written out.
    gathered: Option<Vec<FewRows>>,
}

thread_local! {
    /// A transaction begins, runs and ends on one thread, so this is the memory of that transaction.
    static OPEN: RefCell<Option<Memory>> = const { RefCell::new(None) };
}

/// What a transaction knew when it was committed: still true for the next one, if nobody else has
/// written in between.
#[derive(Default)]
pub(super) struct Known(BTreeMap<TypeId, Box<dyn Kept>>);

/// The memory of a transaction; it is lost with this value.
#[derive(Debug)]
pub(super) struct Remembering;

impl Remembering {
    /// Begins with what is known already.
    pub(super) fn begin(care: Care, known: Known) -> Self {
        let memory = Memory {
            care,
            care_is_needed: false,
            holds: false,
            kept: known.0,
            changes: 0,
            written: 0,
            gathered: None,
        };
        OPEN.with_borrow_mut(|open| *open = Some(memory));
        Self
    }

    /// What is known now that everything has been written and committed.
    pub(super) fn committed(self) -> Known {
        let kept = OPEN.with_borrow_mut(|open| open.take().map(|memory| memory.kept));
        Known(kept.unwrap_or_default())
    }
}

impl Drop for Remembering {
    fn drop(&mut self) {
        OPEN.with_borrow_mut(|open| *open = None);
    }
}

/// Looks into what the transaction knows; `None` outside one.
pub fn recall<M: Remembered, T>(look: impl FnOnce(&mut M) -> T) -> Option<T> {
    OPEN.with_borrow_mut(|open| {
        let kept = open.as_mut()?.kept.entry(TypeId::of::<M>());
        let kept: &mut dyn Any = &mut **kept.or_insert_with(|| Box::<M>::default());
        kept.downcast_mut().map(look)
    })
}

/// Changes what the transaction will write before it ends; `None` outside one, where the caller must
/// write it.
pub fn change<M: Remembered, T>(alter: impl FnOnce(&mut M) -> T) -> Option<T> {
    let altered = recall(alter)?;
    OPEN.with_borrow_mut(|open| {
        if let Some(memory) = open.as_mut() {
            memory.changes += 1;
        }
    });
    Some(altered)
}

/// Forgets what is known of one kind, because the rows behind it have been written to.
pub fn forget<M: Remembered>() {
    OPEN.with_borrow_mut(|open| {
        if let Some(memory) = open.as_mut() {
            memory.kept.remove(&TypeId::of::<M>());
        }
    });
}

/// Says whether the rows that are made from now on may wait to be written with others: only where
/// nothing asks for them by a statement before they are written.
pub fn hold(holds: bool) {
    OPEN.with_borrow_mut(|open| {
        if let Some(memory) = open.as_mut() {
            memory.holds = holds;
        }
    });
}

/// Whether new rows wait; never outside a transaction.
pub(super) fn holds() -> bool {
    OPEN.with_borrow(|open| open.as_ref().is_some_and(|memory| memory.holds))
}

/// Writes all rows that wait, and lets nothing wait from here on: what follows asks for rows by
/// statements. What each command changes again, such as the head of a chain, is still written once.
///
/// # Errors
/// When the database fails.
pub fn settle(conn: &mut DbConnection) -> Result<(), DbError> {
    hold(false);
    write_each(conn, |kept, conn| kept.settle(conn))
}

/// Whether savepoints are dispensed with.
pub(super) fn is_trusting() -> bool {
    OPEN.with_borrow(|open| open.as_ref().is_some_and(|memory| memory.care == Care::Trusting))
}

/// Whether a part could not be undone alone, so that the whole must be, and run with care.
pub(super) fn care_is_needed() -> bool {
    OPEN.with_borrow(|open| open.as_ref().is_some_and(|memory| memory.care_is_needed))
}

/// Says that the transaction must be rolled back and run with care.
pub(super) fn need_care() {
    OPEN.with_borrow_mut(|open| {
        if let Some(memory) = open.as_mut() {
            memory.care_is_needed = true;
        }
    });
}

/// How often something was changed that is still to be written.
pub(super) fn changes() -> u64 {
    OPEN.with_borrow(|open| open.as_ref().map_or(0, |memory| memory.changes))
}

/// Begins or ends to gather; what was gathered until now.
fn gather(gathers: bool) -> Vec<FewRows> {
    let gathered = OPEN.with_borrow_mut(|open| {
        let memory = open.as_mut()?;
        std::mem::replace(&mut memory.gathered, gathers.then(Vec::new))
    });
    gathered.unwrap_or_default()
}

/// Gathers a small insert, or gives it back where nothing is gathered.
pub(super) fn gather_or_return(few: FewRows) -> Option<FewRows> {
    OPEN.with_borrow_mut(|open| match open.as_mut().and_then(|memory| memory.gathered.as_mut()) {
        Some(gathered) => {
            gathered.push(few);
            None
        }
        None => Some(few),
    })
}

/// How many rows were written from here, which were changed before and are counted there.
pub(super) fn written() -> i64 {
    OPEN.with_borrow(|open| open.as_ref().map_or(0, |memory| memory.written))
}

/// Writes everything that is still to be written, before the transaction ends or asks for it by a
/// statement.
///
/// # Errors
/// When the database fails.
pub fn write_out(conn: &mut DbConnection) -> Result<(), DbError> {
    write_each(conn, |kept, conn| kept.write_out(conn))
}

/// Lets each kind write, in few journeys.
fn write_each(
    conn: &mut DbConnection,
    write: impl Fn(&mut dyn Kept, &mut DbConnection) -> Result<(), DbError>,
) -> Result<(), DbError> {
    // Taken out meanwhile, because writing may look into the memory.
    let mut kept = OPEN
        .with_borrow_mut(|open| open.as_mut().map(|memory| std::mem::take(&mut memory.kept)))
        .unwrap_or_default();
    let before = conn.rows_written()?;
    gather(matches!(conn, DbConnection::Postgres(_)));
    let outcome = kept.values_mut().try_for_each(|kept| write(kept.as_mut(), conn));
    let gathered = gather(false);
    let outcome = outcome.and_then(|()| insert::run_gathered(conn, gathered));
    let after = conn.rows_written()?;
    OPEN.with_borrow_mut(|open| {
        if let Some(memory) = open.as_mut() {
            memory.kept = kept;
            memory.written += after.unwrap_or_default() - before.unwrap_or_default();
        }
    });
    outcome
}

/// Forgets everything, written or not: what it stood on is rolled back.
pub(super) fn lose() {
    OPEN.with_borrow_mut(|open| {
        if let Some(memory) = open.as_mut() {
            memory.kept.clear();
        }
    });
}
