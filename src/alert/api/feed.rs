//! What all listeners of a process share: one reader of the events, and the newest of them.

use crate::alert::records;
use crate::alert::stored::AlertEvent;
use crate::app::App;
use crate::db::DbError;
use actix_web::{rt, web};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// How often the reader looks, where nobody in this process tells it to.
const EVERY: Duration = Duration::from_secs(1);

/// Events that are kept for the listeners; one who is further behind reads for itself.
const KEPT: usize = 1_000;

/// Events read at once.
const AT_ONCE: i64 = 200;

/// The most who listen to one process at once.
const MOST_LISTENERS: usize = 200;

/// Where the events stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tide {
    /// The number of the newest event that the reader has seen.
    pub newest: i64,
    /// Whether the service is stopping: every stream ends.
    pub closing: bool,
}

/// The feed of one process; cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    tide: watch::Sender<Tide>,
    recent: Mutex<VecDeque<Arc<AlertEvent>>>,
    nudge: Notify,
    places: Arc<Semaphore>,
}

impl Default for Feed {
    fn default() -> Self {
        Self(Arc::new(Inner {
            tide: watch::Sender::new(Tide { newest: 0, closing: false }),
            recent: Mutex::default(),
            nudge: Notify::new(),
            places: Arc::new(Semaphore::new(MOST_LISTENERS)),
        }))
    }
}

impl Feed {
    /// Lets the reader look at once: something was recorded in this process.
    pub fn nudge(&self) {
        self.0.nudge.notify_one();
    }

    /// Ends every stream, and whatever begins later: the service is stopping.
    pub fn close(&self) {
        self.0.tide.send_modify(|tide| tide.closing = true);
        self.nudge();
    }

    /// Listens to where the events stand.
    pub fn listen(&self) -> watch::Receiver<Tide> {
        self.0.tide.subscribe()
    }

    /// A place among the listeners, given back when it is dropped; `None` when all are taken.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.0.places.clone().try_acquire_owned().ok()
    }

    /// Rests for a while; whether the service still runs then.
    pub async fn rest(&self, time: Duration) -> bool {
        let mut tide = self.listen();
        let ends = tide.wait_for(|tide| tide.closing);
        rt::time::timeout(time, ends).await.is_err()
    }

    /// Reads what is new, for as long as the service runs and somebody listens.
    pub async fn read_on(self, app: App) {
        loop {
            let nudged = rt::time::timeout(EVERY, self.0.nudge.notified()).await;
            // Whether it was told or has waited long enough, it looks.
            drop(nudged);
            if self.0.tide.borrow().closing {
                return;
            }
            if self.0.places.available_permits() == MOST_LISTENERS {
                continue;
            }
            let (feed, app) = (self.clone(), app.clone());
            match web::block(move || feed.read(&app)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "alert events could not be read"),
                // The service is ending.
                Err(_pool_gone) => return,
            }
        }
    }

    /// Reads what is new since it last looked.
    fn read(&self, app: &App) -> Result<(), DbError> {
        self.catch_up_with(app.db.glance(records::watch)?.event_seq);
        loop {
            let seen = self.0.tide.borrow().newest;
            let events = app.db.glance(|conn| records::events_after(conn, seen, AT_ONCE))?;
            let Some(newest) = events.last().map(|event| event.seq) else { return Ok(()) };
            let mut recent = self.recent();
            recent.extend(events.into_iter().map(Arc::new));
            let too_many = recent.len().saturating_sub(KEPT);
            recent.drain(..too_many);
            drop(recent);
            self.0.tide.send_modify(|tide| tide.newest = newest);
        }
    }

    /// Leaves out what has long happened when nobody listened: who wants it reads it alone.
    fn catch_up_with(&self, newest: i64) {
        let oldest = newest - i64::try_from(KEPT).unwrap_or(i64::MAX);
        if self.0.tide.borrow().newest < oldest {
            self.recent().clear();
            self.0.tide.send_modify(|tide| tide.newest = oldest);
        }
    }

    /// Some events after a number, in their order: from those kept, or from the database where they
    /// do not reach back so far.
    ///
    /// # Errors
    /// When the database fails.
    pub fn after(&self, app: &App, seq: i64) -> Result<Vec<Arc<AlertEvent>>, DbError> {
        let kept: Option<Vec<Arc<AlertEvent>>> = {
            let recent = self.recent();
            let reaches_back = recent.front().is_some_and(|oldest| oldest.seq <= seq + 1);
            let most = usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
            let later = || recent.iter().filter(|event| event.seq > seq).take(most).cloned();
            reaches_back.then(|| later().collect())
        };
        match kept {
            Some(events) => Ok(events),
            None => {
                let read = app.db.glance(|conn| records::events_after(conn, seq, AT_ONCE))?;
                Ok(read.into_iter().map(Arc::new).collect())
            }
        }
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<Arc<AlertEvent>>> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
