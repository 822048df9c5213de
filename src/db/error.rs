//! Failures of the database, told apart only as far as callers must act differently.

use diesel::result::{ConnectionError, DatabaseErrorKind, Error};

/// The database failed us, which is never an answer about the world.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Two writers crossed; the same work may succeed when run again at once.
    #[error("a conflict with another writer: {0}")]
    Conflict(String),
    /// Others held what we need for longer than we wait.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The disk is full or a limit of the storage is reached.
    #[error("the storage is full: {0}")]
    Full(String),
    /// The disk failed to read or write.
    #[error("the disk failed: {0}")]
    DiskFailed(String),
    /// The commit was sent and its answer never came: the work is done or not, and only the
    /// database knows. Repeating the command under its idempotency key tells.
    #[error("nobody knows whether the commit took effect: {0}")]
    OutcomeUnknown(String),
    /// The database cannot be reached.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// Any other failure: a bug, a broken file, a lost table.
    #[error("the database failed: {0}")]
    Query(#[source] Error),
    /// The writer is gone, because the service is stopping.
    #[error("the service is stopping")]
    Stopping,
}

impl DbError {
    pub(super) fn connect(error: ConnectionError) -> Self {
        Self::Unreachable(error.to_string())
    }

    /// The failure of a COMMIT, which may have taken effect where its answer was lost.
    pub(super) fn of_commit(error: Error) -> Self {
        match Self::from(error) {
            Self::Unreachable(text) | Self::DiskFailed(text) => Self::OutcomeUnknown(text),
            definite @ (Self::Conflict(_)
            | Self::Busy(_)
            | Self::Full(_)
            | Self::OutcomeUnknown(_)
            | Self::Query(_)
            | Self::Stopping) => definite,
        }
    }

    /// The same failure for another who shared the work; Diesel's errors cannot be cloned.
    pub(super) fn repeat(&self) -> Self {
        match self {
            Self::Conflict(text) => Self::Conflict(text.clone()),
            Self::Busy(text) => Self::Busy(text.clone()),
            Self::Full(text) => Self::Full(text.clone()),
            Self::DiskFailed(text) => Self::DiskFailed(text.clone()),
            Self::OutcomeUnknown(text) => Self::OutcomeUnknown(text.clone()),
            Self::Unreachable(text) => Self::Unreachable(text.clone()),
            Self::Query(error) => Self::Unreachable(error.to_string()),
            Self::Stopping => Self::Stopping,
        }
    }
}

impl From<Error> for DbError {
    /// Recognises lock conflicts and a full disk by message, which is done nowhere else: neither
    /// driver gives them a kind of their own.
    fn from(error: Error) -> Self {
        let Error::DatabaseError(kind, info) = &error else {
            return Self::Query(error);
        };
        let message = info.message();
        let says = |hints: &[&str]| hints.iter().any(|hint| message.contains(hint));
        if matches!(kind, DatabaseErrorKind::SerializationFailure) || says(&["deadlock detected"]) {
            Self::Conflict(message.to_owned())
        } else if says(&["database is locked", "lock timeout", "statement timeout"]) {
            Self::Busy(message.to_owned())
        } else if says(&["is full", "No space left"]) {
            Self::Full(message.to_owned())
        } else if says(&["disk I/O error"]) {
            Self::DiskFailed(message.to_owned())
        } else if matches!(
            kind,
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand
        ) || says(&[
            "server closed the connection",
            "terminating connection",
            "could not connect",
            "no connection to the server",
        ]) {
            Self::Unreachable(message.to_owned())
        } else {
            Self::Query(error)
        }
    }
}

/// An error that can tell whether the same work should be run again at once.
pub trait MayConflict {
    /// Whether two writers crossed.
    fn is_conflict(&self) -> bool;
}

impl MayConflict for DbError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}
