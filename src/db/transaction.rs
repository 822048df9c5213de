//! The two doors to the data: a read that sees one moment, and a write that happens whole or not.

use crate::db::checkpointer::Checkpointer;
use crate::db::connection::{DbConnection, Target};
use crate::db::disk::Disk;
use crate::db::error::{DbError, MayConflict};
use crate::db::memory::{self, Care, Known, Remembering};
use crate::db::sessions::Sessions;
use crate::db::writer::{Panicked, Writer};
use diesel::connection::SimpleConnection;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Which of the two databases holds the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file on this machine.
    Sqlite,
    /// A server.
    Postgres,
}

/// How to reach the database and how patient to be.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// Connections that may read at once on SQLite, or work at once on PostgreSQL.
    pub connections: u32,
    /// How long a request waits for a connection or a lock before it is told to come back.
    pub patience: Duration,
    /// Bytes that writes leave free on the disk of an SQLite file; 0 lets them fill it.
    pub keep_free: u64,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self { connections: 8, patience: Duration::from_secs(5), keep_free: 64 << 20 }
    }
}

/// The database of the service; cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    target: Target,
    sessions: Sessions,
    /// SQLite's one writer; PostgreSQL writes through the sessions.
    writer: Option<Writer>,
    disk: Option<Disk>,
}

/// How a write begins on PostgreSQL. Its statements are prepared and find rows by their keys, so that
/// planning them anew for each value would cost more than running them.
const BEGIN_WRITE: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL plan_cache_mode = force_generic_plan";

/// How often a write is run again after a conflict with other writers.
const WRITE_ATTEMPTS: u32 = 20;

impl Db {
    /// Opens the database that `url` names: `postgres://…`, or the path of an SQLite file,
    /// optionally written `sqlite:PATH`. The file is created when it is not there.
    ///
    /// # Errors
    /// [`DbError::Unreachable`] when it cannot be opened.
    pub fn open(url: &str, options: &DbOptions) -> Result<Self, DbError> {
        let target = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Target::Postgres { url: with_limits(url), statement_timeout: options.patience * 6 }
        } else {
            let path = PathBuf::from(url.strip_prefix("sqlite:").unwrap_or(url));
            Target::Sqlite { path, busy_timeout: options.patience }
        };
        let disk = match &target {
            Target::Sqlite { path, .. } => Some(Disk::under(path, options.keep_free)),
            Target::Postgres { .. } => None,
        };
        let writer = match &disk {
            // The writer opens first, so that the file and its WAL exist before any reader.
            Some(disk) => {
                let conn = target.connect()?;
                let checkpointer = Checkpointer::start(target.connect()?)?;
                Some(Writer::start(conn, disk.clone(), checkpointer)?)
            }
            None => None,
        };
        let sessions = Sessions::open(target.clone(), options.connections, options.patience)?;
        Ok(Self(Arc::new(Inner { target, sessions, writer, disk })))
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        match self.0.target {
            Target::Sqlite { .. } => Backend::Sqlite,
            Target::Postgres { .. } => Backend::Postgres,
        }
    }

    /// The SQLite file, or `None` on PostgreSQL.
    pub fn file(&self) -> Option<&Path> {
        match &self.0.target {
            Target::Sqlite { path, .. } => Some(path),
            Target::Postgres { .. } => None,
        }
    }

    /// Checks that a transaction can be begun and committed.
    ///
    /// # Errors
    /// When it cannot: the disk is full, or the database is gone or read-only.
    pub fn check_writable(&self) -> Result<(), DbError> {
        if let Some(disk) = &self.0.disk {
            disk.require_some_room()?;
        }
        self.write(|conn| {
            Ok(conn.batch_execute(match conn {
                // Both reach the disk when they are committed, and change nothing.
                DbConnection::Postgres(_) => "SELECT pg_current_xact_id()",
                DbConnection::Sqlite(_) => "PRAGMA user_version = 0",
            })?)
        })
    }

    /// Whether the disk has failed under a commit: nothing is written any more, and only a restart
    /// can tell what was.
    pub fn is_fenced(&self) -> bool {
        self.0.writer.as_ref().is_some_and(|writer| writer.fence.is_down())
    }

    /// Waits until the disk fails under a commit, which may be for ever.
    pub async fn fenced(&self) {
        match &self.0.writer {
            Some(writer) => writer.fence.fallen().await,
            None => std::future::pending().await,
        }
    }

    /// A connection outside both doors, for migrations only.
    pub(super) fn connect(&self) -> Result<DbConnection, DbError> {
        self.0.target.connect()
    }

    /// Runs `body` on one snapshot of the data, so that sums over several queries add up.
    ///
    /// # Errors
    /// Those of `body`; [`DbError::Busy`] when no connection becomes free in time.
    pub fn read<T, E: From<DbError>>(
        &self,
        body: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut session = self.0.sessions.lend()?;
        session.begin(match self.backend() {
            Backend::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Backend::Sqlite => "BEGIN DEFERRED",
        })?;
        session.trusting(|conn| read_once(conn, body))
    }

    /// Runs `body` outside any transaction, for a question that is one statement and need not
    /// agree with another. It is asked again where the database was restarted since the last.
    ///
    /// # Errors
    /// Those of `body`; [`DbError::Busy`] when no connection becomes free in time.
    pub fn glance<T, E: From<DbError>>(
        &self,
        body: impl Fn(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut session = self.0.sessions.lend()?;
        let outcome = session.trusting(&body);
        if outcome.is_err() && session.has_died() {
            return session.trusting(body);
        }
        outcome
    }

    /// The same where it takes no longer than handing it to another thread would: on an embedded
    /// database with a connection that is free. `None` elsewhere.
    pub fn glance_at_once<T, E: From<DbError>>(
        &self,
        body: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        match self.backend() {
            Backend::Sqlite => Some(self.0.sessions.lend_at_once()?.trusting(body)),
            Backend::Postgres => None,
        }
    }

    /// Runs `body` in one durable transaction: when it answers `Ok`, everything it wrote has
    /// survived a loss of power; when it answers `Err`, it wrote nothing.
    ///
    /// `body` may run more than once, after a conflict with other writers, so it touches nothing
    /// but the connection it is given. On SQLite many bodies may share one commit.
    ///
    /// # Errors
    /// Those of `body`; [`DbError`] when the transaction cannot be begun or committed.
    pub fn write<T, E>(
        &self,
        body: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + MayConflict + Send + 'static,
    {
        match &self.0.writer {
            Some(writer) => writer.write(body),
            None => self.write_pooled(body),
        }
    }

    /// [`Db::write`] for a caller whose thread serves others meanwhile.
    ///
    /// # Errors
    /// [`Panicked`] where `body` did; those of [`Db::write`].
    pub async fn write_soon<T, E>(
        &self,
        body: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, Panicked>
    where
        T: Send + 'static,
        E: From<DbError> + MayConflict + Send + 'static,
    {
        if let Some(writer) = &self.0.writer {
            return writer.write_soon(body).await;
        }
        let db = self.clone();
        match tokio::task::spawn_blocking(move || db.write_pooled(body)).await {
            Ok(outcome) => Ok(outcome),
            Err(error) if error.is_panic() => Err(Panicked),
            Err(_stopping) => Ok(Err(DbError::Stopping.into())),
        }
    }

    fn write_pooled<T, E>(&self, body: impl Fn(&mut DbConnection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<DbError> + MayConflict,
    {
        let mut session = self.0.sessions.lend()?;
        let (mut attempt, mut care) = (1, Care::Trusting);
        loop {
            session.begin(BEGIN_WRITE)?;
            let (error, is_gone) = match session.trusting(|conn| write_once(conn, care, &body)) {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => {
                    care = Care::Careful;
                    continue;
                }
                Err(Undone { error, is_gone }) => (error, is_gone),
            };
            let again = error.is_conflict() || (is_gone && session.has_died());
            if !again || attempt >= WRITE_ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
        }
    }
}

/// Runs a body in a transaction that has begun.
fn read_once<T, E: From<DbError>>(
    conn: &mut DbConnection,
    body: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    let outcome = catch_unwind(AssertUnwindSafe(|| body(conn)));
    // A read has nothing to lose, so its end is the same whatever the outcome was.
    let ended = conn.batch_execute("ROLLBACK");
    match outcome {
        Ok(result) => {
            ended.map_err(DbError::from)?;
            result
        }
        Err(panic) => resume_unwind(panic),
    }
}

/// A write that left nothing behind, or of which only the database knows whether it did.
struct Undone<E> {
    error: E,
    /// Whether it certainly left nothing, because the session was lost before the COMMIT was sent.
    is_gone: bool,
}

impl<E: From<DbError>> From<DbError> for Undone<E> {
    fn from(error: DbError) -> Self {
        Self { error: error.into(), is_gone: false }
    }
}

/// Runs a body in a transaction that has begun, and commits it; `None` where nothing was committed,
/// and more care is needed.
fn write_once<T, E: From<DbError>>(
    conn: &mut DbConnection,
    care: Care,
    body: impl Fn(&mut DbConnection) -> Result<T, E>,
) -> Result<Option<T>, Undone<E>> {
    let _memory = Remembering::begin(care, Known::default());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let value = body(conn)?;
        if let Err(error) = memory::write_out(conn) {
            if care == Care::Trusting && matches!(error, DbError::Query(_)) {
                memory::need_care();
            }
            return Err(error.into());
        }
        Ok(value)
    }));
    if memory::care_is_needed() {
        let _ = conn.batch_execute("ROLLBACK");
        return Ok(None);
    }
    match outcome {
        Ok(Ok(value)) => {
            conn.batch_execute("COMMIT").map_err(DbError::of_commit)?;
            Ok(Some(value))
        }
        Ok(Err(error)) => {
            // When the rollback fails the session is gone, and its work with it.
            let is_gone = conn.batch_execute("ROLLBACK").is_err();
            Err(Undone { error, is_gone })
        }
        Err(panic) => {
            let _ = conn.batch_execute("ROLLBACK");
            resume_unwind(panic)
        }
    }
}

/// Adds to a server's URL what it leaves open about one that falls silent: without limits, a machine
/// that lost its power would keep whoever asks it waiting for hours.
fn with_limits(url: &str) -> String {
    const LIMITS: [(&str, &str); 5] = [
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "15000"),
        ("keepalives_idle", "15"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
    ];
    let mut url = url.to_owned();
    for (name, limit) in LIMITS {
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{name}={limit}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_has_limits_unless_its_url_sets_them() {
        let plain = with_limits("postgres://a@b/c");
        assert!(plain.starts_with("postgres://a@b/c?connect_timeout=5&tcp_user_timeout=15000&"));
        let own = with_limits("postgres://a@b/c?connect_timeout=60");
        assert!(own.starts_with("postgres://a@b/c?connect_timeout=60&tcp_user_timeout=15000&"));
        assert_eq!(own.matches("connect_timeout").count(), 1);
    }
}
