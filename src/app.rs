//! What every face of the service is given: the data, the time and the settings.

use crate::config::Settings;
use crate::db::{Db, DbConnection, DbError};
use crate::kernel::{Clock, ClockWatch};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// The running service; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The data.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether the time is believed.
    pub clock_watch: Arc<ClockWatch>,
    /// What the county decided.
    pub settings: Arc<Settings>,
    /// Long answers that are being written while they are read.
    pub streams: Arc<AtomicUsize>,
}

impl App {
    /// A service on a database, told the time by `clock`.
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self {
            db,
            clock,
            clock_watch: Arc::default(),
            settings: Arc::new(settings),
            streams: Arc::default(),
        }
    }

    /// Reads on one snapshot; see [`Db::read`].
    ///
    /// # Errors
    /// Those of `body`.
    pub fn read<T, E: From<DbError>>(
        &self,
        body: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.db.read(body)
    }
}
