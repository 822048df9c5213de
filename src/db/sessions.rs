//! The sessions that the service keeps with its database, each lent to one user at a time.
//!
//! A database that was restarted takes all of them with it. So nothing is opened behind the scenes,
//! at intervals that grow while the database is away: whoever was lent a place opens its session,
//! and whoever finds a dead one opens another, before it costs anybody an answer.

use crate::db::connection::{DbConnection, Target};
use crate::db::error::DbError;
use diesel::connection::SimpleConnection;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A session that worked within this time is not asked whether it still does: under load that
/// would be one journey more for every request.
const TRUSTED: Duration = Duration::from_secs(1);

/// How soon a database that could not be reached is asked again.
const AGAIN: Duration = Duration::from_millis(50);

/// A server's side of a session grows with all that it remembers, so none is kept for ever.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// So many sessions with one database, and no more.
pub(super) struct Sessions {
    target: Target,
    most: u32,
    patience: Duration,
    shelf: Mutex<Shelf>,
    given_back: Condvar,
}

#[derive(Default)]
struct Shelf {
    idle: Vec<Session>,
    lent: u32,
}

struct Session {
    conn: DbConnection,
    opened_at: Instant,
    /// When it last did what it was asked.
    worked_at: Option<Instant>,
}

impl Sessions {
    /// Keeps up to `most` sessions, and opens the first.
    ///
    /// # Errors
    /// [`DbError::Unreachable`] when that fails for as long as `patience` lasts.
    pub(super) fn open(target: Target, most: u32, patience: Duration) -> Result<Self, DbError> {
        let (shelf, given_back) = (Mutex::default(), Condvar::new());
        let sessions = Self { target, most: most.max(1), patience, shelf, given_back };
        sessions.lend().map(drop)?;
        Ok(sessions)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing panics while it is held, and if it did, the counts would still be true.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends a session that works.
    ///
    /// # Errors
    /// When patience ends: [`DbError::Busy`] if none came back until then,
    /// [`DbError::Unreachable`] if none could be opened.
    pub(super) fn lend(&self) -> Result<Lent<'_>, DbError> {
        let until = Instant::now() + self.patience;
        let mut lent = self.place(until)?;
        lent.discard_dead();
        lent.session()?;
        Ok(lent)
    }

    /// Lends a session that is there and idle.
    pub(super) fn lend_at_once(&self) -> Option<Lent<'_>> {
        let mut shelf = self.shelf();
        let session = shelf.idle.pop()?;
        shelf.lent += 1;
        Some(Lent { of: self, session: Some(session), until: Instant::now() + self.patience })
    }

    /// Waits for a place, with or without a session in it.
    fn place(&self, until: Instant) -> Result<Lent<'_>, DbError> {
        let mut shelf = self.shelf();
        while shelf.lent >= self.most {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = format!("all {} sessions are in use", self.most);
                return Err(DbError::Busy(text));
            }
            shelf = match self.given_back.wait_timeout(shelf, left) {
                Ok((shelf, _)) => shelf,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        shelf.lent += 1;
        Ok(Lent { of: self, session: shelf.idle.pop(), until })
    }

    /// Opens a session, asking again and again until `until`.
    fn connect(&self, until: Instant) -> Result<Session, DbError> {
        loop {
            match self.target.connect_to_read() {
                Ok(conn) => {
                    return Ok(Session { conn, opened_at: Instant::now(), worked_at: None });
                }
                Err(error) if Instant::now() + AGAIN > until => return Err(error),
                Err(_not_yet) => std::thread::park_timeout(AGAIN),
            }
        }
    }
}

/// A place among the sessions, given back when it is dropped.
pub(super) struct Lent<'a> {
    of: &'a Sessions,
    session: Option<Session>,
    until: Instant,
}

impl Lent<'_> {
    /// The session, opened where there is none, for as long as it is used.
    fn take(&mut self) -> Result<Session, DbError> {
        match self.session.take() {
            Some(session) => Ok(session),
            None => self.of.connect(self.until),
        }
    }

    fn session(&mut self) -> Result<&mut Session, DbError> {
        let session = self.take()?;
        Ok(self.session.insert(session))
    }

    /// Gives up a session that is old, or was idle for a while and does not answer any more.
    fn discard_dead(&mut self) {
        let may_die = matches!(self.of.target, Target::Postgres { .. });
        let Some(session) = self.session.as_mut().filter(|_| may_die) else { return };
        let is_trusted = session.worked_at.is_some_and(|at| at.elapsed() < TRUSTED);
        if session.opened_at.elapsed() > LIFETIME || !(is_trusted || session.answers()) {
            self.session = None;
        }
    }

    /// Begins a transaction. Where the session turns out to have died, nothing has been lost yet,
    /// so another takes its place.
    ///
    /// # Errors
    /// When the database fails or cannot be reached.
    pub(super) fn begin(&mut self, words: &str) -> Result<(), DbError> {
        let session = self.session()?;
        let Err(error) = session.conn.batch_execute(words) else { return Ok(()) };
        if session.answers() {
            return Err(error.into());
        }
        self.session = None;
        Ok(self.session()?.conn.batch_execute(words)?)
    }

    /// Uses the session, and remembers whether that went well. A panic takes the session with it.
    ///
    /// # Errors
    /// Those of `work`; [`DbError::Unreachable`] when there was no session and none can be opened.
    pub(super) fn trusting<T, E: From<DbError>>(
        &mut self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut session = self.take()?;
        session.worked_at = None;
        let outcome = work(&mut session.conn);
        session.worked_at = outcome.is_ok().then(Instant::now);
        self.session = Some(session);
        outcome
    }

    /// Whether the session is gone; it is asked.
    pub(super) fn has_died(&mut self) -> bool {
        if self.session.as_mut().is_some_and(Session::answers) {
            return false;
        }
        self.session = None;
        true
    }
}

impl Session {
    fn answers(&mut self) -> bool {
        self.conn.batch_execute("SELECT 1").is_ok()
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut shelf = self.of.shelf();
        shelf.lent = shelf.lent.saturating_sub(1);
        shelf.idle.extend(self.session.take());
        drop(shelf);
        self.of.given_back.notify_one();
    }
}
