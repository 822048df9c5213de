//! The disk under an SQLite file: how much room it has, and whether it can still be trusted.

use crate::db::error::DbError;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

/// Less room than this is a full disk: not even the pages of one command are sure to fit.
const NO_ROOM: u64 = 1 << 20;

/// The disk on which a file lies.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    folder: PathBuf,
    keep_free: u64,
}

impl Disk {
    /// The disk of `file`, on which writes leave `keep_free` bytes free.
    pub(super) fn under(file: &Path, keep_free: u64) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self { folder: folder.unwrap_or_else(|| Path::new(".")).to_owned(), keep_free }
    }

    /// Requires the room that writes leave free.
    ///
    /// The last bytes of a disk are worth more than one more receipt: with them its files can be
    /// copied, its log be written, and SQLite can fold its WAL back into the file.
    pub(super) fn require_room(&self) -> Result<(), DbError> {
        self.require(self.keep_free)
    }

    /// The same, but never less than the room that makes a disk full.
    pub(super) fn require_some_room(&self) -> Result<(), DbError> {
        self.require(self.keep_free.max(NO_ROOM))
    }

    fn require(&self, bytes: u64) -> Result<(), DbError> {
        match self.free() {
            Some(free) if free < bytes => Err(DbError::Full(format!(
                "{free} bytes are free on the disk of the database, {bytes} must stay free"
            ))),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the disk is full, which SQLite reports as a failing disk when it cannot make its
    /// shared memory longer.
    pub(super) fn is_full(&self) -> bool {
        self.free().is_some_and(|free| free < NO_ROOM)
    }

    /// Bytes that are free; `None` where the system does not tell.
    #[cfg(unix)]
    fn free(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    #[cfg(not(unix))]
    fn free(&self) -> Option<u64> {
        None
    }
}

/// Falls when the disk has failed under a commit, and never rises again in this process.
///
/// After a failed flush the system may have dropped what it could not write and report success the
/// next time, so nothing that is in memory may be believed: only a restart, which reads the disk,
/// knows what is there.
#[derive(Debug, Default)]
pub(super) struct Fence {
    down: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Fence {
    pub(super) fn fall(&self) {
        self.down.store(true, Ordering::SeqCst);
        if let Ok(mut waiting) = self.waiting.lock() {
            waiting.drain(..).for_each(Waker::wake);
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }

    /// Waits until it falls.
    pub(super) async fn fallen(&self) {
        poll_fn(|context| {
            // Registered first, so that a fall between the two is not missed.
            if let Ok(mut waiting) = self.waiting.lock() {
                waiting.retain(|waker| !waker.will_wake(context.waker()));
                waiting.push(context.waker().clone());
            }
            if self.is_down() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
