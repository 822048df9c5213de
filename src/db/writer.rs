//! SQLite's one writer: a queue of bodies, many of which share one durable commit.
//!
//! SQLite has one write lock, and a commit costs a flush to disk. So one thread owns the writing
//! connection, takes all that waits (up to [`GROUP`]), runs each body in a savepoint of its own,
//! commits once, and only then answers every caller.

use crate::db::connection::DbConnection;
use crate::db::error::{DbError, MayConflict};
use diesel::connection::SimpleConnection;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// The most bodies that share one commit: enough to hide the flush, few enough to keep the wait
/// of the first below some tens of milliseconds.
const GROUP: usize = 256;

type Answer<T, E> = Result<Result<T, E>, Box<dyn Any + Send>>;

pub(super) struct Writer {
    queue: Sender<Box<dyn Job>>,
}

impl Writer {
    /// Starts the thread that owns `conn`; it ends when the writer is dropped and the queue empty.
    pub(super) fn start(conn: DbConnection) -> Result<Self, DbError> {
        let (queue, jobs) = channel();
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_all(conn, &jobs))
            .map_err(|error| DbError::Unreachable(error.to_string()))?;
        Ok(Self { queue })
    }

    /// Queues `body` and waits for the commit that holds its work.
    pub(super) fn write<T, E>(
        &self,
        body: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + MayConflict + Send + 'static,
    {
        let (reply, answer) = sync_channel::<Answer<T, E>>(1);
        let job = Box::new(Queued { body, reply, outcome: None });
        self.queue.send(job).map_err(|_gone| DbError::Stopping)?;
        match answer.recv() {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_gone) => Err(DbError::Stopping.into()),
        }
    }
}

/// A queued body with its types erased.
trait Job: Send {
    /// Runs the body; whether what it wrote shall be kept.
    fn run(&mut self, conn: &mut DbConnection) -> bool;
    /// Tells the caller: its own outcome, or the failure of the group's commit.
    fn answer(self: Box<Self>, group: Result<(), DbError>);
}

struct Queued<B, T, E> {
    body: B,
    reply: SyncSender<Answer<T, E>>,
    outcome: Option<Answer<T, E>>,
}

impl<B, T, E> Job for Queued<B, T, E>
where
    B: Fn(&mut DbConnection) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, conn: &mut DbConnection) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.body)(conn)));
        let keep = matches!(outcome, Ok(Ok(_)));
        self.outcome = Some(outcome);
        keep
    }

    fn answer(self: Box<Self>, group: Result<(), DbError>) {
        let answer = match (group, self.outcome) {
            // A refusal wrote nothing, so a failed commit does not change it.
            (Ok(()) | Err(_), Some(own @ (Ok(Err(_)) | Err(_)))) | (Ok(()), Some(own)) => own,
            (Err(error), _) => Ok(Err(error.into())),
            (Ok(()), None) => Ok(Err(DbError::Stopping.into())),
        };
        // A caller that no longer waits has nothing to be told.
        let _ = self.reply.send(answer);
    }
}

fn write_all(mut conn: DbConnection, jobs: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            match jobs.try_recv() {
                Ok(job) => group.push(job),
                Err(_none_waiting) => break,
            }
        }
        let committed = write_group(&mut conn, &mut group);
        let failure = committed.err();
        for job in group {
            job.answer(match &failure {
                None => Ok(()),
                Some(error) => Err(repeat(error)),
            });
        }
    }
}

/// Runs a group in one transaction, each body in its savepoint.
///
/// A full disk or an I/O error fails the whole group, because SQLite may have rolled it back.
fn write_group(conn: &mut DbConnection, group: &mut [Box<dyn Job>]) -> Result<(), DbError> {
    conn.batch_execute("BEGIN IMMEDIATE")?;
    let outcome = run_group(conn, group);
    if outcome.is_err() {
        // When SQLite has rolled back by itself there is nothing left to roll back.
        let _ = conn.batch_execute("ROLLBACK");
    }
    outcome
}

fn run_group(conn: &mut DbConnection, group: &mut [Box<dyn Job>]) -> Result<(), DbError> {
    for job in group {
        conn.batch_execute("SAVEPOINT job")?;
        if job.run(conn) {
            conn.batch_execute("RELEASE job")?;
        } else {
            conn.batch_execute("ROLLBACK TO job; RELEASE job")?;
        }
    }
    Ok(conn.batch_execute("COMMIT")?)
}

/// The same failure for another member of the group; Diesel's errors cannot be cloned.
fn repeat(error: &DbError) -> DbError {
    match error {
        DbError::Conflict(text) => DbError::Conflict(text.clone()),
        DbError::Busy(text) => DbError::Busy(text.clone()),
        DbError::Full(text) => DbError::Full(text.clone()),
        DbError::Unreachable(text) => DbError::Unreachable(text.clone()),
        DbError::Query(error) => DbError::Unreachable(error.to_string()),
        DbError::Stopping => DbError::Stopping,
    }
}
