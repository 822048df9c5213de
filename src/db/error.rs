//! Failures of the database, told apart only as far as callers must act differently.

use diesel::result::{ConnectionError, DatabaseErrorKind, Error};

/// The database failed us, which is never an answer about the world.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Others hold what we need; the same work may succeed when repeated.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The disk is full or a limit of the storage is reached.
    #[error("the storage is full: {0}")]
    Full(String),
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
        let conflict = matches!(kind, DatabaseErrorKind::SerializationFailure);
        let closed = matches!(kind, DatabaseErrorKind::ClosedConnection);
        if conflict
            || says(&[
                "database is locked",
                "deadlock detected",
                "lock timeout",
                "statement timeout",
            ])
        {
            Self::Busy(message.to_owned())
        } else if says(&["is full", "No space left", "disk I/O error"]) {
            Self::Full(message.to_owned())
        } else if closed
            || says(&[
                "server closed the connection",
                "terminating connection",
                "could not connect",
            ])
        {
            Self::Unreachable(message.to_owned())
        } else {
            Self::Query(error)
        }
    }
}

/// An error that can tell whether repeating the same work may succeed.
pub trait MayBeBusy {
    /// Whether it came from a conflict with other writers.
    fn is_busy(&self) -> bool;
}

impl MayBeBusy for DbError {
    fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}
