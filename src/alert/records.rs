//! Alerts, their events and the watch, as rows.

pub mod webhooks;

use crate::access::Scope;
use crate::alert::queries::Due;
use crate::alert::rules::{Change, Past};
use crate::alert::state::{AlertDocument, AlertFacts, AlertKind, AlertStatus, Severity, Subject};
use crate::alert::stored::{Acknowledgement, Alert, AlertEvent, Transition};
use crate::db::schema::{
    alert, alert_event, alert_watch, alert_watched_store, store, webhook_delivery,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{AlertId, LotId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, RegionCode, StoreCode};
use crate::{insert_rows, load_locked, on_each_backend};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The id of the only row of the watch.
const WATCH: &str = "watch";

/// The watch, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = alert_watch)]
pub struct Watch {
    /// Always `watch`.
    pub id: String,
    /// A fingerprint of what holds for all stores at once.
    pub world: String,
    /// Counts its changes.
    pub generation: i64,
    /// The county's audit trail is read up to here.
    pub county_seq: i64,
    /// The number of the newest event.
    pub event_seq: i64,
    /// Who watches.
    pub holder: String,
    /// Until when nobody else does.
    pub held_until: Instant,
    /// The number of the newest event that was forgotten.
    pub forgotten_seq: i64,
}

impl Watch {
    /// The watch before anybody has watched.
    fn new() -> Self {
        Self {
            id: WATCH.to_owned(),
            world: String::new(),
            generation: 0,
            county_seq: 0,
            event_seq: 0,
            holder: String::new(),
            held_until: Instant::FIRST,
            forgotten_seq: 0,
        }
    }

    /// Whether another than `holder` watches at `now`.
    pub fn is_held_by_another(&self, holder: &str, now: Instant) -> bool {
        self.holder != holder && self.held_until > now
    }
}

/// The watch as it stands.
///
/// # Errors
/// When the database fails.
pub fn watch(conn: &mut DbConnection) -> Result<Watch, DbError> {
    let row: Option<Watch> =
        alert_watch::table.find(WATCH).select(Watch::as_select()).first(conn).optional()?;
    Ok(row.unwrap_or_else(Watch::new))
}

/// The watch, locked until the transaction ends: whoever holds it numbers the next events.
///
/// # Errors
/// When the database fails.
pub fn lock_watch(conn: &mut DbConnection) -> Result<Watch, DbError> {
    let mut rows = locked(conn)?;
    if rows.is_empty() {
        on_each_backend!(conn, |c| diesel::insert_into(alert_watch::table)
            .values(Watch::new())
            .on_conflict_do_nothing()
            .execute(c))?;
        rows = locked(conn)?;
    }
    rows.pop().ok_or(DbError::Query(diesel::result::Error::NotFound))
}

fn locked(conn: &mut DbConnection) -> Result<Vec<Watch>, DbError> {
    let query =
        load_locked!(conn, alert_watch::table.find(WATCH).select(Watch::as_select()), Watch);
    Ok(query?)
}

/// Stores the watch.
///
/// # Errors
/// When the database fails.
pub fn store_watch(conn: &mut DbConnection, watch: &Watch) -> Result<(), DbError> {
    diesel::update(alert_watch::table.find(WATCH)).set(watch.clone()).execute(conn)?;
    Ok(())
}

/// How far the watch has come with a store.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = alert_watched_store, primary_key(store_code))]
pub struct WatchedStore {
    /// The store.
    pub store_code: StoreCode,
    /// Links of its two chains when it was looked at.
    pub links: i64,
    /// The watch's generation then.
    pub generation: i64,
    /// When it was looked at.
    pub looked_at: Instant,
    /// When time alone may have changed something.
    pub due_at: Instant,
}

/// How far the watch has come with some stores.
///
/// # Errors
/// When the database fails.
pub fn watched(
    conn: &mut DbConnection,
    stores: &[StoreCode],
) -> Result<BTreeMap<StoreCode, WatchedStore>, DbError> {
    let rows: Vec<WatchedStore> = alert_watched_store::table
        .filter(alert_watched_store::store_code.eq_any(stores))
        .select(WatchedStore::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.store_code.clone(), row)).collect())
}

/// Remembers how far the watch has come with a store.
///
/// # Errors
/// When the database fails.
pub fn store_watched(conn: &mut DbConnection, rows: Vec<WatchedStore>) -> Result<(), DbError> {
    for row in rows {
        on_each_backend!(conn, |c| diesel::insert_into(alert_watched_store::table)
            .values(row.clone())
            .on_conflict(alert_watched_store::store_code)
            .do_update()
            .set(row)
            .execute(c))?;
    }
    Ok(())
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = alert, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: AlertId,
    subject: String,
    kind: AlertKind,
    status: AlertStatus,
    severity: Severity,
    store_code: StoreCode,
    item_code: Option<ItemCode>,
    lot_id: Option<LotId>,
    document_kind: Option<String>,
    document_id: Option<String>,
    occurrence: i64,
    previous_id: Option<AlertId>,
    first_seen_at: Instant,
    last_changed_at: Instant,
    cleared_at: Option<Instant>,
    acknowledged_at: Option<Instant>,
    acknowledged_by: Option<String>,
    acknowledged_note: Option<String>,
    facts: String,
    version: i64,
}

impl From<&Alert> for Row {
    fn from(of: &Alert) -> Self {
        let subject = of.subject.clone();
        let (document_kind, document_id) = subject.document.map(|it| (it.kind, it.id)).unzip();
        let acknowledged = of.acknowledgement.clone();
        Self {
            id: of.id.clone(),
            subject: of.subject.key(),
            kind: subject.kind,
            status: of.status,
            severity: of.status.severity(),
            store_code: subject.store,
            item_code: subject.item,
            lot_id: subject.lot,
            document_kind,
            document_id,
            occurrence: of.occurrence,
            previous_id: of.previous.clone(),
            first_seen_at: of.first_seen_at,
            last_changed_at: of.last_changed_at,
            cleared_at: of.cleared_at,
            acknowledged_at: acknowledged.as_ref().map(|it| it.at),
            acknowledged_by: acknowledged.as_ref().map(|it| it.by.clone()),
            acknowledged_note: acknowledged.map(|it| it.note),
            facts: facts_text(&of.facts),
            version: of.version,
        }
    }
}

impl From<Row> for Alert {
    fn from(row: Row) -> Self {
        let document = row.document_kind.zip(row.document_id);
        let acknowledged = row.acknowledged_at.zip(row.acknowledged_by);
        Self {
            id: row.id,
            subject: Subject {
                kind: row.kind,
                store: row.store_code,
                item: row.item_code,
                lot: row.lot_id,
                document: document.map(|(kind, id)| AlertDocument { kind, id }),
            },
            status: row.status,
            occurrence: row.occurrence,
            previous: row.previous_id,
            first_seen_at: row.first_seen_at,
            last_changed_at: row.last_changed_at,
            cleared_at: row.cleared_at,
            acknowledgement: acknowledged.map(|(at, by)| Acknowledgement {
                at,
                by,
                note: row.acknowledged_note.unwrap_or_default(),
            }),
            facts: facts_of(&row.facts),
            version: row.version,
        }
    }
}

fn facts_text(facts: &AlertFacts) -> String {
    // Numbers and strings always have a JSON form.
    serde_json::to_string(facts).unwrap_or_else(|_never| "{}".to_owned())
}

fn facts_of(text: &str) -> AlertFacts {
    serde_json::from_str(text).unwrap_or_default()
}

/// The open alerts of some stores.
///
/// # Errors
/// When the database fails.
pub fn open_at(conn: &mut DbConnection, stores: &[StoreCode]) -> Result<Vec<Alert>, DbError> {
    let rows: Vec<Row> = alert::table
        .filter(alert::store_code.eq_any(stores))
        .filter(alert::cleared_at.is_null())
        .select(Row::as_select())
        .order(alert::id)
        .load(conn)?;
    Ok(rows.into_iter().map(Alert::from).collect())
}

/// The newest occurrence of each of these matters.
///
/// # Errors
/// When the database fails.
pub fn past_of(
    conn: &mut DbConnection,
    keys: &[String],
) -> Result<BTreeMap<String, Past>, DbError> {
    let mut newest = BTreeMap::new();
    for keys in keys.chunks(PageSize::MAX_ROWS) {
        let rows: Vec<(String, AlertId, i64)> = alert::table
            .filter(alert::subject.eq_any(keys))
            .select((alert::subject, alert::id, alert::occurrence))
            .order((alert::subject, alert::occurrence))
            .load(conn)?;
        newest.extend(rows.into_iter().map(|(key, id, occurrence)| (key, Past { id, occurrence })));
    }
    Ok(newest)
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = alert_event, treat_none_as_default_value = false)]
struct EventRow {
    seq: i64,
    alert_id: AlertId,
    transition: Transition,
    store_code: StoreCode,
    status_before: Option<AlertStatus>,
    status: AlertStatus,
    severity: Severity,
    facts: String,
    happened_at: Instant,
    actor: Option<String>,
    note: Option<String>,
}

/// Records changes under the numbers after `watch`'s newest, which must be locked; the events.
///
/// # Errors
/// When the database fails.
pub fn record(
    conn: &mut DbConnection,
    watch: &mut Watch,
    changes: &[Change],
    now: Instant,
) -> Result<Vec<AlertEvent>, DbError> {
    let mut events = Vec::new();
    let (mut opened, mut event_rows) = (Vec::new(), Vec::new());
    for change in changes {
        let row = Row::from(&change.alert);
        if change.transition == Transition::Opened {
            opened.push(row);
        } else {
            diesel::update(alert::table.find(&change.alert.id)).set(row).execute(conn)?;
        }
        watch.event_seq += 1;
        let event = event_of(change, watch.event_seq, now);
        event_rows.push(row_of(&event));
        events.push(event);
    }
    insert_rows!(conn, alert, opened);
    insert_rows!(conn, alert_event, event_rows);
    Ok(events)
}

fn event_of(change: &Change, seq: i64, now: Instant) -> AlertEvent {
    let by = change.alert.acknowledgement.as_ref();
    let by = by.filter(|_| change.transition == Transition::Acknowledged);
    AlertEvent {
        seq,
        transition: change.transition,
        status_before: change.before,
        status: change.alert.status,
        severity: change.alert.status.severity(),
        facts: change.alert.facts.clone(),
        happened_at: now,
        actor: by.map(|it| it.by.clone()),
        note: by.map(|it| it.note.clone()),
        alert: change.alert.id.clone(),
        subject: change.alert.subject.clone(),
    }
}

fn row_of(event: &AlertEvent) -> EventRow {
    EventRow {
        seq: event.seq,
        alert_id: event.alert.clone(),
        transition: event.transition,
        store_code: event.subject.store.clone(),
        status_before: event.status_before,
        status: event.status,
        severity: event.severity,
        facts: facts_text(&event.facts),
        happened_at: event.happened_at,
        actor: event.actor.clone(),
        note: event.note.clone(),
    }
}

fn told((event, of): (EventRow, Row)) -> AlertEvent {
    let of = Alert::from(of);
    AlertEvent {
        seq: event.seq,
        transition: event.transition,
        status_before: event.status_before,
        status: event.status,
        severity: event.severity,
        facts: facts_of(&event.facts),
        happened_at: event.happened_at,
        actor: event.actor,
        note: event.note,
        alert: of.id,
        subject: of.subject,
    }
}

/// The events of an alert, in their order.
///
/// # Errors
/// When the database fails.
pub fn events_of(conn: &mut DbConnection, id: &AlertId) -> Result<Vec<AlertEvent>, DbError> {
    let rows: Vec<(EventRow, Row)> = alert_event::table
        .inner_join(alert::table)
        .filter(alert_event::alert_id.eq(id))
        .select((EventRow::as_select(), Row::as_select()))
        .order(alert_event::seq)
        .limit(PageSize::MAX)
        .load(conn)?;
    Ok(rows.into_iter().map(told).collect())
}

/// The events after a number, in their order; at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn events_after(
    conn: &mut DbConnection,
    seq: i64,
    limit: i64,
) -> Result<Vec<AlertEvent>, DbError> {
    let rows: Vec<(EventRow, Row)> = alert_event::table
        .inner_join(alert::table)
        .filter(alert_event::seq.gt(seq))
        .select((EventRow::as_select(), Row::as_select()))
        .order(alert_event::seq)
        .limit(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(told).collect())
}

/// The alert of an id.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, id: &AlertId) -> Result<Option<Alert>, DbError> {
    let row: Option<Row> = alert::table.find(id).select(Row::as_select()).first(conn).optional()?;
    Ok(row.map(Alert::from))
}

/// Which alerts to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// At this store.
    pub store: Option<StoreCode>,
    /// At stores in this region.
    pub region: Option<RegionCode>,
    /// About this item.
    pub item: Option<ItemCode>,
    /// Of this kind.
    pub kind: Option<AlertKind>,
    /// Of this status.
    pub status: Option<AlertStatus>,
    /// At least so grave.
    pub severity: Option<Severity>,
    /// Still open, or over.
    pub open: Option<bool>,
    /// Taken note of, or not.
    pub acknowledged: Option<bool>,
    /// First seen at or after this instant.
    pub from: Option<Instant>,
    /// First seen before this instant.
    pub to: Option<Instant>,
}

/// Alerts in scope, the newest first, after one.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<(Instant, AlertId)>,
    size: PageSize,
) -> Result<Vec<Alert>, DbError> {
    let mut query = alert::table.inner_join(store::table).select(Row::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(alert::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(alert::store_code.eq(store));
    }
    if let Some(region) = &filter.region {
        // A region code has only digits, so nothing in it needs escaping.
        query = query.filter(store::region_code.like(format!("{region}%")));
    }
    if let Some(item) = &filter.item {
        query = query.filter(alert::item_code.eq(item));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(alert::kind.eq(kind));
    }
    if let Some(status) = filter.status {
        query = query.filter(alert::status.eq(status));
    }
    if let Some(least) = filter.severity {
        let grave: Vec<Severity> =
            Severity::ALL.iter().copied().filter(|severity| *severity >= least).collect();
        query = query.filter(alert::severity.eq_any(grave));
    }
    match filter.open {
        Some(true) => query = query.filter(alert::cleared_at.is_null()),
        Some(false) => query = query.filter(alert::cleared_at.is_not_null()),
        None => {}
    }
    match filter.acknowledged {
        Some(true) => query = query.filter(alert::acknowledged_at.is_not_null()),
        Some(false) => query = query.filter(alert::acknowledged_at.is_null()),
        None => {}
    }
    if let Some(from) = filter.from {
        query = query.filter(alert::first_seen_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(alert::first_seen_at.lt(to));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            alert::first_seen_at.lt(at).or(alert::first_seen_at.eq(at).and(alert::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((alert::first_seen_at.desc(), alert::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    Ok(rows.into_iter().map(Alert::from).collect())
}

/// The row that remembers a look at a store.
pub fn looked(due: &Due, generation: i64, looked_at: Instant, due_at: Instant) -> WatchedStore {
    WatchedStore { store_code: due.store.clone(), links: due.links, generation, looked_at, due_at }
}

/// The stores in a region.
///
/// # Errors
/// When the database fails.
pub fn stores_in(
    conn: &mut DbConnection,
    region: &RegionCode,
) -> Result<BTreeSet<StoreCode>, DbError> {
    // A region code has only digits, so nothing in it needs escaping.
    let inside = store::table.filter(store::region_code.like(format!("{region}%")));
    let codes: Vec<StoreCode> = inside.select(store::code).order(store::code).load(conn)?;
    Ok(codes.into_iter().collect())
}

/// The numbers of the oldest events whose alerts have been cleared since before a time and of which
/// nobody must still be told; at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn events_to_forget(
    conn: &mut DbConnection,
    before: Instant,
    limit: i64,
) -> Result<Vec<i64>, DbError> {
    let told_of =
        webhook_delivery::table.filter(webhook_delivery::event_seq.eq(alert_event::seq.nullable()));
    Ok(alert_event::table
        .inner_join(alert::table)
        .filter(alert::cleared_at.lt(before))
        .filter(diesel::dsl::not(diesel::dsl::exists(told_of)))
        .order(alert_event::seq)
        .select(alert_event::seq)
        .limit(limit)
        .load(conn)?)
}

/// Deletes some events.
///
/// # Errors
/// When the database fails; when an alert of theirs is open.
pub fn delete_events(conn: &mut DbConnection, seqs: &[i64]) -> Result<(), DbError> {
    diesel::delete(alert_event::table.filter(alert_event::seq.eq_any(seqs))).execute(conn)?;
    Ok(())
}
