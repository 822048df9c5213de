//! Webhooks and the outbox, as rows.

use crate::access::Scope;
use crate::alert::state::{AlertKind, Severity};
use crate::alert::stored::AlertEvent;
use crate::alert::webhook::{Delivery, DeliveryStatus, Webhook};
use crate::db::schema::{alert, alert_event, store, webhook, webhook_delivery};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{WebhookDeliveryId, WebhookId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, RegionCode, StoreCode};
use crate::{insert_rows, load_locked};
use diesel::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: WebhookId,
    url: String,
    name: String,
    region_code: Option<RegionCode>,
    kinds: String,
    severity: Severity,
    active: bool,
    secret_no: i64,
    secret_hash: String,
    rests_until: Option<Instant>,
    failing_since: Option<Instant>,
    created_by: String,
    created_at: Instant,
    removed_at: Option<Instant>,
    version: i64,
}

impl From<&Webhook> for Row {
    fn from(of: &Webhook) -> Self {
        let of = of.clone();
        let kinds: Vec<&str> = of.kinds.iter().map(|kind| kind.as_str()).collect();
        Self {
            id: of.id,
            url: of.url,
            name: of.name,
            region_code: of.region,
            kinds: kinds.join(","),
            severity: of.severity,
            active: of.active,
            secret_no: of.secret_no,
            secret_hash: of.secret_hash,
            rests_until: of.rests_until,
            failing_since: of.failing_since,
            created_by: of.created_by,
            created_at: of.created_at,
            removed_at: of.removed_at,
            version: of.version,
        }
    }
}

impl From<Row> for Webhook {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            url: row.url,
            name: row.name,
            region: row.region_code,
            kinds: row.kinds.split(',').filter_map(AlertKind::from_word).collect(),
            severity: row.severity,
            active: row.active,
            secret_no: row.secret_no,
            secret_hash: row.secret_hash,
            rests_until: row.rests_until,
            failing_since: row.failing_since,
            created_by: row.created_by,
            created_at: row.created_at,
            removed_at: row.removed_at,
            version: row.version,
        }
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_delivery, treat_none_as_default_value = false, treat_none_as_null = true)]
struct DeliveryRow {
    id: WebhookDeliveryId,
    webhook_id: WebhookId,
    event_seq: Option<i64>,
    body: String,
    status: DeliveryStatus,
    attempts: i64,
    queued_at: Instant,
    next_attempt_at: Instant,
    last_attempt_at: Option<Instant>,
    last_status: Option<i64>,
    last_error: Option<String>,
    delivered_at: Option<Instant>,
}

impl From<&Delivery> for DeliveryRow {
    fn from(of: &Delivery) -> Self {
        let of = of.clone();
        Self {
            id: of.id,
            webhook_id: of.webhook,
            event_seq: of.event_seq,
            body: of.body,
            status: of.status,
            attempts: of.attempts,
            queued_at: of.queued_at,
            next_attempt_at: of.next_attempt_at,
            last_attempt_at: of.last_attempt_at,
            last_status: of.last_status,
            last_error: of.last_error,
            delivered_at: of.delivered_at,
        }
    }
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            webhook: row.webhook_id,
            event_seq: row.event_seq,
            body: row.body,
            status: row.status,
            attempts: row.attempts,
            queued_at: row.queued_at,
            next_attempt_at: row.next_attempt_at,
            last_attempt_at: row.last_attempt_at,
            last_status: row.last_status,
            last_error: row.last_error,
            delivered_at: row.delivered_at,
        }
    }
}

/// Stores a new webhook.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, new: &Webhook) -> Result<(), DbError> {
    diesel::insert_into(webhook::table).values(Row::from(new)).execute(conn)?;
    Ok(())
}

/// Stores a changed webhook.
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, changed: &Webhook) -> Result<(), DbError> {
    diesel::update(webhook::table.find(&changed.id)).set(Row::from(changed)).execute(conn)?;
    Ok(())
}

/// The webhook of an id.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, id: &WebhookId) -> Result<Option<Webhook>, DbError> {
    let row: Option<Row> =
        webhook::table.find(id).select(Row::as_select()).first(conn).optional()?;
    Ok(row.map(Webhook::from))
}

/// The webhook of an id, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, id: &WebhookId) -> Result<Option<Webhook>, DbError> {
    let mut rows: Vec<Row> =
        load_locked!(conn, webhook::table.find(id).select(Row::as_select()), Row)?;
    Ok(rows.pop().map(Webhook::from))
}

/// How many webhooks there are.
///
/// # Errors
/// When the database fails.
pub fn count(conn: &mut DbConnection) -> Result<i64, DbError> {
    Ok(webhook::table.filter(webhook::removed_at.is_null()).count().first(conn)?)
}

/// Webhooks of regions inside `region`, or all, after one; those taken away are left out.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    region: Option<&RegionCode>,
    after: Option<WebhookId>,
    size: PageSize,
) -> Result<Vec<Webhook>, DbError> {
    let mut query =
        webhook::table.filter(webhook::removed_at.is_null()).select(Row::as_select()).into_boxed();
    match (scope, region) {
        (Scope::All, None) => {}
        // A region code has only digits, so nothing in it needs escaping.
        (Scope::All | Scope::Stores(_), Some(own)) => {
            query = query.filter(webhook::region_code.like(format!("{own}%")));
        }
        (Scope::Stores(_), None) => return Ok(Vec::new()),
    }
    if let Some(after) = after {
        query = query.filter(webhook::id.gt(after));
    }
    let rows: Vec<Row> = query.order(webhook::id).limit(size.probe()).load(conn)?;
    Ok(rows.into_iter().map(Webhook::from).collect())
}

/// Puts events into the outbox, for every webhook that wants them; how many deliveries that makes.
///
/// `body` gives what is sent of an event under a delivery's id.
///
/// # Errors
/// When the database fails.
pub fn enqueue(
    conn: &mut DbConnection,
    events: &[AlertEvent],
    body: impl Fn(&WebhookDeliveryId, &AlertEvent) -> String,
    now: Instant,
) -> Result<usize, DbError> {
    if events.is_empty() {
        return Ok(0);
    }
    let rows: Vec<Row> = webhook::table
        .filter(webhook::active.eq(true))
        .filter(webhook::removed_at.is_null())
        .select(Row::as_select())
        .order(webhook::id)
        .load(conn)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let webhooks: Vec<Webhook> = rows.into_iter().map(Webhook::from).collect();
    let mut stores: Vec<&StoreCode> = events.iter().map(|event| &event.subject.store).collect();
    stores.dedup();
    let regions: Vec<(StoreCode, RegionCode)> = store::table
        .filter(store::code.eq_any(stores))
        .select((store::code, store::region_code))
        .load(conn)?;
    let regions: BTreeMap<StoreCode, RegionCode> = regions.into_iter().collect();
    let mut new = Vec::new();
    for event in events {
        let Some(region) = regions.get(&event.subject.store) else { continue };
        for webhook in &webhooks {
            if webhook.wants(&event.subject, event.severity, region) {
                let id = WebhookDeliveryId::generate();
                let body = body(&id, event);
                new.push(DeliveryRow::from(&fresh(id, webhook, Some(event.seq), body, now)));
            }
        }
    }
    let made = new.len();
    insert_rows!(conn, webhook_delivery, new);
    Ok(made)
}

/// A delivery that nobody has tried yet.
pub fn fresh(
    id: WebhookDeliveryId,
    webhook: &Webhook,
    event_seq: Option<i64>,
    body: String,
    now: Instant,
) -> Delivery {
    Delivery {
        id,
        webhook: webhook.id.clone(),
        event_seq,
        body,
        status: DeliveryStatus::Pending,
        attempts: 0,
        queued_at: now,
        next_attempt_at: now,
        last_attempt_at: None,
        last_status: None,
        last_error: None,
        delivered_at: None,
    }
}

/// Puts one delivery into the outbox.
///
/// # Errors
/// When the database fails.
pub fn insert_delivery(conn: &mut DbConnection, new: &Delivery) -> Result<(), DbError> {
    diesel::insert_into(webhook_delivery::table).values(DeliveryRow::from(new)).execute(conn)?;
    Ok(())
}

/// Stores a changed delivery if it is still as it was read: the same attempts and status.
///
/// # Errors
/// When the database fails.
pub fn update_delivery(
    conn: &mut DbConnection,
    read: &Delivery,
    changed: &Delivery,
) -> Result<bool, DbError> {
    let rows = diesel::update(
        webhook_delivery::table
            .find(&read.id)
            .filter(webhook_delivery::attempts.eq(read.attempts))
            .filter(webhook_delivery::status.eq(read.status))
            .filter(webhook_delivery::queued_at.eq(read.queued_at)),
    )
    .set(DeliveryRow::from(changed))
    .execute(conn)?;
    Ok(rows == 1)
}

/// The delivery of an id.
///
/// # Errors
/// When the database fails.
pub fn find_delivery(
    conn: &mut DbConnection,
    id: &WebhookDeliveryId,
) -> Result<Option<Delivery>, DbError> {
    let row: Option<DeliveryRow> =
        webhook_delivery::table.find(id).select(DeliveryRow::as_select()).first(conn).optional()?;
    Ok(row.map(Delivery::from))
}

/// What is to be tried now, the longest due first, with its webhook; at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn due(
    conn: &mut DbConnection,
    now: Instant,
    limit: i64,
) -> Result<Vec<(Delivery, Webhook)>, DbError> {
    let rows: Vec<(DeliveryRow, Row)> = webhook_delivery::table
        .inner_join(webhook::table)
        .filter(webhook_delivery::status.eq(DeliveryStatus::Pending))
        .filter(webhook_delivery::next_attempt_at.le(now))
        .filter(webhook::active.eq(true))
        .filter(webhook::removed_at.is_null())
        .filter(webhook::rests_until.is_null().or(webhook::rests_until.le(now)))
        .select((DeliveryRow::as_select(), Row::as_select()))
        .order((webhook_delivery::next_attempt_at, webhook_delivery::id))
        .limit(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(|(one, of)| (one.into(), of.into())).collect())
}

/// Gives up what was put into the outbox before an instant; how many deliveries.
///
/// # Errors
/// When the database fails.
pub fn give_up(conn: &mut DbConnection, before: Instant) -> Result<usize, DbError> {
    Ok(diesel::update(
        webhook_delivery::table
            .filter(webhook_delivery::status.eq(DeliveryStatus::Pending))
            .filter(webhook_delivery::queued_at.lt(before)),
    )
    .set(webhook_delivery::status.eq(DeliveryStatus::Dead))
    .execute(conn)?)
}

/// Whether something put into the outbox before an instant is still pending.
///
/// # Errors
/// When the database fails.
pub fn has_old(conn: &mut DbConnection, before: Instant) -> Result<bool, DbError> {
    let one: Option<WebhookDeliveryId> = webhook_delivery::table
        .filter(webhook_delivery::status.eq(DeliveryStatus::Pending))
        .filter(webhook_delivery::queued_at.lt(before))
        .select(webhook_delivery::id)
        .first(conn)
        .optional()?;
    Ok(one.is_some())
}

/// Remembers that a webhook did not answer, or that it does again.
///
/// # Errors
/// When the database fails.
pub fn store_rest(
    conn: &mut DbConnection,
    id: &WebhookId,
    rests_until: Option<Instant>,
    failing_since: Option<Instant>,
) -> Result<(), DbError> {
    diesel::update(webhook::table.find(id))
        .set((webhook::rests_until.eq(rests_until), webhook::failing_since.eq(failing_since)))
        .execute(conn)?;
    Ok(())
}

/// Deliveries of a webhook, the newest first, after one.
///
/// # Errors
/// When the database fails.
pub fn deliveries(
    conn: &mut DbConnection,
    id: &WebhookId,
    status: Option<DeliveryStatus>,
    after: Option<(Instant, WebhookDeliveryId)>,
    size: PageSize,
) -> Result<Vec<Delivery>, DbError> {
    let mut query = webhook_delivery::table
        .filter(webhook_delivery::webhook_id.eq(id))
        .select(DeliveryRow::as_select())
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(webhook_delivery::status.eq(status));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            webhook_delivery::queued_at
                .lt(at)
                .or(webhook_delivery::queued_at.eq(at).and(webhook_delivery::id.lt(id))),
        );
    }
    let rows: Vec<DeliveryRow> = query
        .order((webhook_delivery::queued_at.desc(), webhook_delivery::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// Deletes the oldest tellings that arrived or were given up and were put there before a time, where
/// the alert that they tell of has been cleared since before it too; at most `limit`. How many.
///
/// # Errors
/// When the database fails.
pub fn forget(conn: &mut DbConnection, before: Instant, limit: i64) -> Result<usize, DbError> {
    use webhook_delivery::{event_seq, id, queued_at, status};
    let of_open_alerts = alert_event::table
        .inner_join(alert::table)
        .filter(event_seq.eq(alert_event::seq.nullable()))
        .filter(alert::cleared_at.is_null().or(alert::cleared_at.ge(before)));
    let old: Vec<WebhookDeliveryId> = webhook_delivery::table
        .filter(queued_at.lt(before))
        .filter(status.ne(DeliveryStatus::Pending))
        .filter(diesel::dsl::not(diesel::dsl::exists(of_open_alerts)))
        .order((queued_at, id))
        .select(id)
        .limit(limit)
        .load(conn)?;
    Ok(diesel::delete(webhook_delivery::table.filter(id.eq_any(old))).execute(conn)?)
}
