//! SQLite's one writer: a queue of bodies, many of which share one durable commit.
//!
//! SQLite has one write lock, and a commit costs a flush to disk. So one thread owns the writing
//! connection, takes what waits (up to [`GROUP`] bodies or [`GROUP_TIME`]), runs the bodies one after
//! another, commits once, and only then answers every caller. A body that fails has written nothing
//! as a rule; where it has, the group is rolled back and each body run in a savepoint of its own.

use crate::db::checkpointer::Checkpointer;
use crate::db::connection::DbConnection;
use crate::db::disk::{Disk, Fence};
use crate::db::error::{DbError, MayConflict};
use crate::db::memory::{self, Care, Known, Remembering};
use crate::db::savepoint::{Written, say};
use crate::steady;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The most bodies that share one commit: enough to hide the flush, few enough to keep the wait
/// of the first below some tens of milliseconds.
const GROUP: usize = 256;

/// How long bodies of one group run: those that wait for it have waited for the one before too.
const GROUP_TIME: Duration = Duration::from_millis(20);

type Answer<T, E> = Result<Result<T, E>, Box<dyn Any + Send>>;

/// A body panicked, which the log tells; what it wrote is gone.
#[derive(Debug)]
pub struct Panicked;

pub(super) struct Writer {
    queue: Sender<Box<dyn Job>>,
    /// Down once the disk has failed; the thread then ends, and nothing is written any more.
    pub(super) fence: Arc<Fence>,
}

impl Writer {
    /// Starts the thread that owns `conn`; it ends when the writer is dropped and the queue empty.
    pub(super) fn start(
        conn: DbConnection,
        disk: Disk,
        checkpointer: Checkpointer,
    ) -> Result<Self, DbError> {
        let (queue, jobs) = channel();
        let fence = Arc::new(Fence::default());
        let falls = Arc::clone(&fence);
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_all(conn, &jobs, &disk, &falls, &checkpointer))
            .map_err(|error| DbError::Unreachable(error.to_string()))?;
        Ok(Self { queue, fence })
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
        // A caller that no longer waits has nothing to be told.
        self.enqueue(body, move |answer| drop(reply.send(answer)))?;
        match answer.recv() {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_gone) => Err(DbError::Stopping.into()),
        }
    }

    /// The same without holding the thread.
    pub(super) async fn write_soon<T, E>(
        &self,
        body: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, Panicked>
    where
        T: Send + 'static,
        E: From<DbError> + MayConflict + Send + 'static,
    {
        let (reply, answer) = oneshot::channel::<Answer<T, E>>();
        if let Err(error) = self.enqueue(body, move |answer| drop(reply.send(answer))) {
            return Ok(Err(error.into()));
        }
        match answer.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_panic)) => Err(Panicked),
            Err(_gone) => Ok(Err(DbError::Stopping.into())),
        }
    }

    fn enqueue<T, E>(
        &self,
        body: impl Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
        reply: impl FnOnce(Answer<T, E>) + Send + 'static,
    ) -> Result<(), DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let job = Box::new(Queued { body, reply, outcome: None });
        self.queue.send(job).map_err(|_gone| DbError::Stopping)
    }
}

/// A queued body with its types erased.
trait Job: Send {
    /// Runs the body; whether what it wrote shall be kept.
    fn run(&mut self, conn: &mut DbConnection) -> bool;
    /// Replaces the outcome by a failure to write what it left waiting.
    fn fail(&mut self, error: DbError);
    /// Tells the caller: its own outcome, or the failure of the group's commit.
    fn answer(self: Box<Self>, group: Result<(), DbError>);
}

struct Queued<B, R, T, E> {
    body: B,
    reply: R,
    outcome: Option<Answer<T, E>>,
}

impl<B, R, T, E> Job for Queued<B, R, T, E>
where
    B: Fn(&mut DbConnection) -> Result<T, E> + Send,
    R: FnOnce(Answer<T, E>) + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, conn: &mut DbConnection) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.body)(conn)));
        let keep = matches!(outcome, Ok(Ok(_)));
        self.outcome = Some(outcome);
        keep
    }

    fn fail(&mut self, error: DbError) {
        self.outcome = Some(Ok(Err(error.into())));
    }

    fn answer(self: Box<Self>, group: Result<(), DbError>) {
        let answer = match (group, self.outcome) {
            // A refusal wrote nothing, so a failed commit does not change it.
            (Ok(()) | Err(_), Some(own @ (Ok(Err(_)) | Err(_)))) | (Ok(()), Some(own)) => own,
            (Err(error), _) => Ok(Err(error.into())),
            (Ok(()), None) => Ok(Err(DbError::Stopping.into())),
        };
        (self.reply)(answer);
    }
}

fn write_all(
    mut conn: DbConnection,
    jobs: &Receiver<Box<dyn Job>>,
    disk: &Disk,
    fence: &Fence,
    checkpointer: &Checkpointer,
) {
    let mut waiting: VecDeque<Box<dyn Job>> = VecDeque::new();
    let mut book = Book { version: 0, known: Known::default() };
    loop {
        if waiting.is_empty() {
            match jobs.recv() {
                Ok(job) => waiting.push_back(job),
                Err(_writer_dropped) => return,
            }
        }
        waiting.extend(jobs.try_iter().take(GROUP.saturating_sub(waiting.len())));
        let mut run = 0;
        let committed = disk
            .require_room()
            .and_then(|()| book.write_group(&mut conn, waiting.make_contiguous(), &mut run));
        let (failure, disk_failed) = match committed {
            Ok(()) => (None, false),
            Err(error) => judged(error, disk),
        };
        // Of a group that never began, all are told.
        let told = if run == 0 { waiting.len() } else { run };
        for job in waiting.drain(..told) {
            job.answer(match &failure {
                None => Ok(()),
                Some(error) => Err(error.repeat()),
            });
        }
        checkpointer.committed();
        if disk_failed {
            tracing::error!("the disk failed under a commit: nothing is written any more");
            return fence.fall();
        }
    }
}

/// What a group's failure means, and whether it is the end of writing.
///
/// SQLite calls a disk failing where it is only full and its shared memory cannot grow; and where
/// it has rolled back a full disk's transaction by itself, the savepoints are not there any more.
fn judged(error: DbError, disk: &Disk) -> (Option<DbError>, bool) {
    match error {
        DbError::DiskFailed(text) | DbError::OutcomeUnknown(text) if disk.is_full() => {
            (Some(DbError::Full(text)), false)
        }
        DbError::Query(error) if disk.is_full() => (Some(DbError::Full(error.to_string())), false),
        DbError::DiskFailed(_) | DbError::OutcomeUnknown(_) => (Some(error), true),
        DbError::Conflict(_)
        | DbError::Busy(_)
        | DbError::Full(_)
        | DbError::Unreachable(_)
        | DbError::Query(_)
        | DbError::Stopping => (Some(error), false),
    }
}

/// What the writer knows of the database, and which version of it that was.
struct Book {
    version: i64,
    known: Known,
}

impl Book {
    /// Runs the first of some jobs in one transaction, as many as fit the time, and counts them in
    /// `run`.
    ///
    /// A full disk or an I/O error fails the whole group, because SQLite may have rolled it back.
    fn write_group(
        &mut self,
        conn: &mut DbConnection,
        jobs: &mut [Box<dyn Job>],
        run: &mut usize,
    ) -> Result<(), DbError> {
        if self.write(Care::Trusting, conn, jobs, run)? {
            return Ok(());
        }
        self.write(Care::Careful, conn, jobs, run).map(drop)
    }

    /// Whether the group was committed; `false` asks for more care.
    fn write(
        &mut self,
        care: Care,
        conn: &mut DbConnection,
        jobs: &mut [Box<dyn Job>],
        run: &mut usize,
    ) -> Result<bool, DbError> {
        *run = 0;
        conn.batch_execute("BEGIN IMMEDIATE")?;
        let memory = Remembering::begin(care, self.still_known(conn));
        let outcome = run_jobs(care, conn, jobs, run).and_then(|()| {
            if memory::care_is_needed() {
                return Ok(false);
            }
            if let Err(error) = memory::write_out(conn) {
                let is_ours = care == Care::Trusting && matches!(error, DbError::Query(_));
                // With care the body whose rows were refused fails alone.
                return if is_ours { Ok(false) } else { Err(error) };
            }
            conn.batch_execute("COMMIT").map_err(DbError::of_commit)?;
            Ok(true)
        });
        match outcome {
            Ok(true) => self.known = memory.committed(),
            // When SQLite has rolled back by itself there is nothing left to roll back.
            Ok(false) | Err(_) => drop(conn.batch_execute("ROLLBACK")),
        }
        outcome
    }

    /// What is known from before, unless another connection has written since; asked under the lock.
    fn still_known(&mut self, conn: &mut DbConnection) -> Known {
        let known = std::mem::take(&mut self.known);
        let asked = sql::<BigInt>("PRAGMA data_version");
        let version = match conn {
            DbConnection::Sqlite(conn) => steady!(asked).get_result(conn).ok(),
            DbConnection::Postgres(_) => None,
        };
        let is_same = version == Some(self.version);
        self.version = version.unwrap_or_default();
        if is_same { known } else { Known::default() }
    }
}

fn run_jobs(
    care: Care,
    conn: &mut DbConnection,
    jobs: &mut [Box<dyn Job>],
    run: &mut usize,
) -> Result<(), DbError> {
    let begun = Instant::now();
    for job in jobs {
        *run += 1;
        match care {
            Care::Trusting => {
                let before = Written::so_far(conn)?;
                if !job.run(conn) && !before.still_holds(conn)? {
                    memory::need_care();
                }
                if memory::care_is_needed() {
                    return Ok(());
                }
            }
            Care::Careful => run_with_care(conn, job.as_mut())?,
        }
        if begun.elapsed() > GROUP_TIME {
            break;
        }
    }
    Ok(())
}

fn run_with_care(conn: &mut DbConnection, job: &mut dyn Job) -> Result<(), DbError> {
    say(conn, "SAVEPOINT job")?;
    if job.run(conn) {
        match memory::write_out(conn) {
            Ok(()) => return say(conn, "RELEASE job"),
            Err(error @ DbError::Query(_)) => job.fail(error),
            Err(error) => return Err(error),
        }
    }
    conn.batch_execute("ROLLBACK TO job; RELEASE job")?;
    memory::lose();
    Ok(())
}
