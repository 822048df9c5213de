//! Moves what was committed from SQLite's log into its file, beside the writer.
//!
//! Left to itself SQLite does so within a commit, once the log has a thousand pages: under load every
//! few groups, for which everybody then waits. A page that is written again and again is moved only
//! once when it is done less often, and another thread can do it while the writer goes on.

use crate::db::connection::DbConnection;
use crate::db::error::DbError;
use diesel::connection::SimpleConnection;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Commits within this time are moved together.
const TOGETHER: Duration = Duration::from_millis(100);

/// The thread that moves pages; it ends with this value.
pub(super) struct Checkpointer {
    due: SyncSender<()>,
}

impl Checkpointer {
    /// Starts the thread on a connection of its own.
    pub(super) fn start(mut conn: DbConnection) -> Result<Self, DbError> {
        let (due, committed) = sync_channel(1);
        std::thread::Builder::new()
            .name("sqlite-checkpointer".to_owned())
            .spawn(move || {
                while wait(&committed) {
                    // What could not be moved stays in the log, where it is as safe.
                    if let Err(error) = conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)") {
                        tracing::warn!(cause = %error, "the log could not be moved into the file");
                    }
                }
            })
            .map_err(|error| DbError::Unreachable(error.to_string()))?;
        Ok(Self { due })
    }

    /// Says that something was committed.
    pub(super) fn committed(&self) {
        // When it has been told already, or has ended, there is nothing to add.
        let _ = self.due.try_send(());
    }
}

/// Waits for a commit and for those that follow soon; `false` when there will be none.
fn wait(committed: &Receiver<()>) -> bool {
    if committed.recv().is_err() {
        return false;
    }
    let until = Instant::now() + TOGETHER;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match committed.recv_timeout(left) {
            Ok(()) if left.is_zero() => return true,
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}
