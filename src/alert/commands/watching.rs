//! The watch at work: one look at a few stores on a snapshot, then one short transaction.
//!
//! A look costs as much as their shortfalls, so it is made on a read, where nobody waits for it. What
//! it found is recorded together with how far the watch has come, so each change is recorded exactly
//! once, whatever breaks in between. When another process has looked meanwhile, nothing is recorded.

use crate::alert::queries::{self, Due, Found};
use crate::alert::records::{self, Watch, WatchedStore, webhooks as outbox};
use crate::alert::rules::changes;
use crate::alert::stored::{Alert, AlertEvent};
use crate::alert::views::webhooks::body_of;
use crate::app::App;
use crate::config::Settings;
use crate::db::{DbConnection, DbError};
use crate::kernel::time::plus_days;
use crate::kernel::{Instant, StoreCode};
use std::collections::BTreeMap;

/// The most stores of one look: what it found is one short transaction.
pub const STORES_AT_ONCE: usize = 16;

/// Nobody else watches within this many seconds of a look.
const HELD_SECONDS: i64 = 60;

/// How a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// Nothing may have changed.
    Nothing,
    /// Another process watches, or came first.
    Another,
    /// So many stores were looked at, and so many events recorded.
    Stores {
        /// Stores.
        stores: usize,
        /// Events.
        events: usize,
    },
}

/// What a look saw, still to be recorded.
struct Sight {
    now: Instant,
    read: Watch,
    watch: Watch,
    due: Vec<Due>,
    watched: BTreeMap<StoreCode, WatchedStore>,
    found: Found,
}

/// Looks at a few stores that may have changed, and records what is new there.
///
/// # Errors
/// When the database fails; nothing is recorded then.
pub fn look(app: &App, holder: &str) -> Result<Looked, DbError> {
    let now = app.clock.now();
    let seen = app.read(|conn| {
        let read = records::watch(conn)?;
        if read.is_held_by_another(holder, now) {
            return Ok::<_, DbError>(Err(Looked::Another));
        }
        let mut watch = notice(conn, read.clone(), &app.settings, now)?;
        let due = queries::due_stores(conn, watch.generation, now, STORES_AT_ONCE)?;
        // How far the county's trail was read is stored when there is something else to store.
        let unmoved = Watch { county_seq: read.county_seq, ..watch.clone() } == read;
        if due.is_empty() && unmoved {
            return Ok(Err(Looked::Nothing));
        }
        watch.holder = holder.to_owned();
        watch.held_until = now.plus_seconds(HELD_SECONDS);
        let stores: Vec<StoreCode> = due.iter().map(|due| due.store.clone()).collect();
        let watched = records::watched(conn, &stores)?;
        let found = queries::look(conn, &stores, &app.settings, now)?;
        Ok(Ok(Sight { now, read, watch, due, watched, found }))
    })?;
    let sight = match seen {
        Ok(sight) => sight,
        Err(nothing) => return Ok(nothing),
    };
    let stores = sight.due.len();
    let settings = app.settings.clone();
    let sight = std::sync::Arc::new(sight);
    let recorded = app.db.write(move |conn| record(conn, &sight, &settings))?;
    Ok(recorded.map_or(Looked::Another, |events| Looked::Stores { stores, events: events.len() }))
}

/// Looks until nothing is left that may have changed; the number of events recorded.
///
/// # Errors
/// When the database fails; what was recorded stays.
pub fn catch_up(app: &App, holder: &str) -> Result<usize, DbError> {
    let mut recorded = 0;
    loop {
        match look(app, holder)? {
            Looked::Stores { events, .. } => recorded += events,
            Looked::Nothing | Looked::Another => return Ok(recorded),
        }
    }
}

/// Lets another process watch at once: this one is ending.
///
/// # Errors
/// When the database fails; the others then wait for a minute.
pub fn release(app: &App, holder: String) -> Result<(), DbError> {
    let now = app.clock.now();
    app.db.write(move |conn| {
        let watch = records::lock_watch(conn)?;
        if watch.holder != holder {
            return Ok(());
        }
        records::store_watch(conn, &Watch { held_until: now, ..watch })
    })
}

/// The watch, with a new generation where something has changed that concerns every store.
fn notice(
    conn: &mut DbConnection,
    mut watch: Watch,
    settings: &Settings,
    now: Instant,
) -> Result<Watch, DbError> {
    let world = queries::world(conn, settings, now)?;
    let (county_seq, concerns_all) = queries::county_since(conn, watch.county_seq)?;
    watch.county_seq = county_seq;
    if world != watch.world || concerns_all {
        watch.generation += 1;
        watch.world = world;
    }
    Ok(watch)
}

/// Records what a look saw; `None` when another came first.
fn record(
    conn: &mut DbConnection,
    sight: &Sight,
    settings: &Settings,
) -> Result<Option<Vec<AlertEvent>>, DbError> {
    let stores: Vec<StoreCode> = sight.due.iter().map(|due| due.store.clone()).collect();
    let held = records::lock_watch(conn)?;
    // Others add events without watching, who take note of an alert, or forget old ones.
    let (event_seq, forgotten_seq) = (held.event_seq, held.forgotten_seq);
    let unmoved = Watch { event_seq, forgotten_seq, ..sight.read.clone() };
    if held != unmoved || records::watched(conn, &stores)? != sight.watched {
        return Ok(None);
    }
    let mut watch = Watch { event_seq, forgotten_seq, ..sight.watch.clone() };
    let open = records::open_at(conn, &stores)?;
    let past = records::past_of(conn, &new_keys(&open, &sight.found))?;
    let found = sight.found.states.clone();
    let changes = changes(open, found, |key| past.get(key).cloned(), sight.now);
    let events = records::record(conn, &mut watch, &changes, sight.now)?;
    outbox::enqueue(conn, &events, body_of, sight.now)?;
    records::store_watched(conn, looked(sight, settings))?;
    records::store_watch(conn, &watch)?;
    Ok(Some(events))
}

/// The keys of what was found and is not open.
fn new_keys(open: &[Alert], found: &Found) -> Vec<String> {
    let open: std::collections::BTreeSet<String> =
        open.iter().map(|alert| alert.subject.key()).collect();
    found.states.iter().map(|state| state.subject.key()).filter(|key| !open.contains(key)).collect()
}

/// How far the watch has come with the stores of a look.
fn looked(sight: &Sight, settings: &Settings) -> Vec<WatchedStore> {
    let now = sight.now;
    let tomorrow = settings.zone.start_of(plus_days(settings.zone.day_of(now), 1));
    let sweep = now.plus_minutes(settings.watch_minutes);
    let row = |due: &Due| {
        let next = sight.found.next.get(&due.store).copied().unwrap_or(sweep);
        let due_at = next.min(tomorrow).min(sweep);
        records::looked(due, sight.watch.generation, now, due_at)
    };
    sight.due.iter().map(row).collect()
}
