//! Keeping webhooks.

use crate::alert::records::webhooks as records;
use crate::alert::requests::webhooks::{WebhookChange, WebhookNew};
use crate::alert::views::webhooks::{DeliveryView, NewWebhookView, TestBody, WebhookView};
use crate::alert::webhook::{Delivery, DeliveryStatus, Webhook, secret_of};
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::hash::sha256_hex;
use crate::kernel::id::{WebhookDeliveryId, WebhookId};
use crate::kernel::server_key::ServerKey;
use crate::kernel::{Code, FaultCode, Faults, Refusal, RegionCode};
use crate::stores;

/// The most webhooks: each event is put into the outbox for each of them.
const MOST: i64 = 50;

/// Makes a webhook. Its secret is shown in this answer alone; a repeated request is given it blank.
///
/// # Errors
/// `validation_failed`, `forbidden` outside the caller's region, `webhooks_off` without a key.
pub fn create(tx: &mut Tx<'_>, new: &WebhookNew) -> Result<Done, CommandError> {
    check_region(tx, new.region.as_ref())?;
    if records::count(tx.conn)? >= MOST {
        return Err(Refusal::new(
            Code::WebhooksOff,
            format!("最多 {MOST} 个回调"),
            format!("There are {MOST} webhooks, which is the most"),
        )
        .into());
    }
    let id = WebhookId::generate();
    let secret = secret_of(key(tx)?, &id, 1);
    let webhook = Webhook {
        id,
        url: new.url.clone(),
        name: new.name.clone(),
        region: new.region.clone(),
        kinds: new.kinds.clone(),
        severity: new.severity,
        active: true,
        secret_no: 1,
        secret_hash: sha256_hex(&secret),
        rests_until: None,
        failing_since: None,
        created_by: tx.actor.name.clone(),
        created_at: tx.now,
        removed_at: None,
        version: 1,
    };
    records::insert(tx.conn, &webhook)?;
    let (view, kept) = shown(&webhook, secret);
    let located = format!("/webhooks/{}", webhook.id);
    Ok(Done::created(subject(&webhook), &view).keeping(&kept).version(1).located(located))
}

/// Changes a webhook.
///
/// # Errors
/// `not_found`, `stale_version`, `validation_failed`, `forbidden` outside the caller's region.
pub fn change(
    tx: &mut Tx<'_>,
    id: &WebhookId,
    change: &WebhookChange,
) -> Result<Done, CommandError> {
    let before = own(tx, id)?;
    let after = change.apply(before.clone());
    check_region(tx, after.region.as_ref())?;
    store(tx, &before, after)
}

/// Takes a webhook away: it is told nothing more, and what waits for it is given up.
///
/// # Errors
/// `not_found`.
pub fn remove(tx: &mut Tx<'_>, id: &WebhookId) -> Result<Done, CommandError> {
    let before = records::lock(tx.conn, id)?
        .filter(|webhook| may_see(tx.actor, webhook))
        .ok_or_else(|| not_found(id.as_str()))?;
    if before.removed_at.is_some() {
        return Ok(Done::ok(subject(&before), &WebhookView::from(&before)).version(before.version));
    }
    let removed = Webhook { removed_at: Some(tx.now), active: false, ..before.clone() };
    store(tx, &before, removed)
}

/// Gives a webhook another secret, shown in this answer alone; the old one signs nothing more.
///
/// # Errors
/// `not_found`, `stale_version`, `webhooks_off` without a key.
pub fn rotate(tx: &mut Tx<'_>, id: &WebhookId) -> Result<Done, CommandError> {
    let before = own(tx, id)?;
    let secret_no = before.secret_no + 1;
    let secret = secret_of(key(tx)?, id, secret_no);
    let version = before.version + 1;
    let after = Webhook { secret_no, secret_hash: sha256_hex(&secret), version, ..before };
    records::update(tx.conn, &after)?;
    let (view, kept) = shown(&after, secret);
    Ok(Done::ok(subject(&after), &view).keeping(&kept).version(version))
}

/// Puts a test into the outbox.
///
/// # Errors
/// `not_found`.
pub fn test(tx: &mut Tx<'_>, id: &WebhookId) -> Result<Done, CommandError> {
    let webhook = own_unchanged(tx, id)?;
    let delivery_id = WebhookDeliveryId::generate();
    let body = TestBody::text(&delivery_id, tx.now);
    let delivery = records::fresh(delivery_id, &webhook, None, body, tx.now);
    records::insert_delivery(tx.conn, &delivery)?;
    // Who tests wants to know now.
    records::store_rest(tx.conn, id, None, webhook.failing_since)?;
    Ok(Done::created(subject(&webhook), &DeliveryView::from(&delivery)))
}

/// Puts a delivery into the outbox again.
///
/// # Errors
/// `not_found`, `wrong_status` while it is pending.
pub fn redeliver(
    tx: &mut Tx<'_>,
    id: &WebhookId,
    delivery: &WebhookDeliveryId,
) -> Result<Done, CommandError> {
    let webhook = own_unchanged(tx, id)?;
    let read = records::find_delivery(tx.conn, delivery)?
        .filter(|delivery| delivery.webhook == *id)
        .ok_or_else(|| Refusal::not_found("投递", "delivery", delivery.as_str()))?;
    if read.status == DeliveryStatus::Pending {
        return Err(Refusal::plain(Code::WrongStatus).into());
    }
    let again = Delivery {
        status: DeliveryStatus::Pending,
        attempts: 0,
        queued_at: tx.now,
        next_attempt_at: tx.now,
        delivered_at: None,
        ..read.clone()
    };
    if !records::update_delivery(tx.conn, &read, &again)? {
        return Err(Refusal::plain(Code::WrongStatus).into());
    }
    records::store_rest(tx.conn, id, None, webhook.failing_since)?;
    Ok(Done::created(subject(&webhook), &DeliveryView::from(&again)))
}

/// Whether a caller may know of a webhook: it lies in their region, or they see everything.
pub fn may_see(actor: &crate::access::Actor, webhook: &Webhook) -> bool {
    match (&actor.scope, &actor.region, &webhook.region) {
        (crate::access::Scope::All, _, _) => true,
        (crate::access::Scope::Stores(_), Some(own), Some(region)) => own.contains(region),
        (crate::access::Scope::Stores(_), _, _) => false,
    }
}

/// That there is no such webhook.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("回调", "webhook", id)
}

fn own(tx: &mut Tx<'_>, id: &WebhookId) -> Result<Webhook, CommandError> {
    let webhook = own_unchanged(tx, id)?;
    tx.expect_version(webhook.version)?;
    Ok(webhook)
}

fn own_unchanged(tx: &mut Tx<'_>, id: &WebhookId) -> Result<Webhook, CommandError> {
    let webhook = records::lock(tx.conn, id)?
        .filter(|webhook| webhook.removed_at.is_none() && may_see(tx.actor, webhook));
    Ok(webhook.ok_or_else(|| not_found(id.as_str()))?)
}

fn store(tx: &mut Tx<'_>, before: &Webhook, after: Webhook) -> Result<Done, CommandError> {
    let after = Webhook { version: before.version + 1, ..after };
    records::update(tx.conn, &after)?;
    Ok(Done::ok(subject(&after), &WebhookView::from(&after))
        .version(after.version)
        .replacing(&WebhookView::from(before)))
}

/// A commander's webhook tells of the own region; only who sees everything may be told of all.
fn check_region(tx: &mut Tx<'_>, region: Option<&RegionCode>) -> Result<(), CommandError> {
    let mut faults = Faults::new();
    match region {
        Some(code) => {
            if stores::records::find_region(tx.conn, code)?.is_none() {
                faults.add("/region_code", FaultCode::Unknown);
            }
            faults.check()?;
            Ok(tx.actor.require_region(code)?)
        }
        None => {
            if tx.actor.scope.stores().is_some() {
                faults.add("/region_code", FaultCode::Required);
            }
            Ok(faults.check()?)
        }
    }
}

fn key<'a>(tx: &Tx<'a>) -> Result<&'a ServerKey, Refusal> {
    tx.settings.webhook_key.as_ref().ok_or_else(|| Refusal::plain(Code::WebhooksOff))
}

fn shown(webhook: &Webhook, secret: String) -> (NewWebhookView, NewWebhookView) {
    let webhook = WebhookView::from(webhook);
    let kept = NewWebhookView { webhook: webhook.clone(), secret: String::new() };
    (NewWebhookView { webhook, secret }, kept)
}

fn subject(webhook: &Webhook) -> Subject {
    Subject { kind: "webhook", id: webhook.id.to_string(), store: None }
}
