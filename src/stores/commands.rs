//! Creating and changing regions, kinds of store and stores.

use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::{Code, FaultCode, Faults, Refusal, StoreCode};
use crate::stores::records;
use crate::stores::requests::{RegionRequest, StoreKindRequest, StorePatch, StoreRequest};
use crate::stores::store::Store;
use crate::stores::views::{RegionView, StoreKindView, StoreView};

/// Creates a region.
///
/// # Errors
/// `validation_failed`, also when the division above it is unknown; `already_exists`; `forbidden`
/// outside the caller's region.
pub fn create_region(tx: &mut Tx<'_>, request: &RegionRequest) -> Result<Done, CommandError> {
    let mut region = request.parse(tx.now)?;
    tx.actor.require_region(&region.code)?;
    if records::find_region(tx.conn, &region.code)?.is_some() {
        return Err(already_exists("地区", "region", region.code.as_str()).into());
    }
    // A county may be the topmost division that the service knows.
    if let Some(parent) = &region.parent_code
        && records::find_region(tx.conn, parent)?.is_none()
    {
        region.parent_code = None;
    }
    records::insert_region(tx.conn, &region)?;
    let subject = Subject { kind: "region", id: region.code.to_string(), store: None };
    Ok(Done::created(subject, &RegionView::from(region)))
}

/// Creates a kind of store, as commanders do in an emergency.
///
/// # Errors
/// `validation_failed`, `already_exists`.
pub fn create_kind(tx: &mut Tx<'_>, request: &StoreKindRequest) -> Result<Done, CommandError> {
    let kind = request.parse(tx.now)?;
    if records::find_kind(tx.conn, &kind.code)?.is_some() {
        return Err(already_exists("储备点类别", "kind of store", &kind.code).into());
    }
    records::insert_kind(tx.conn, &kind)?;
    let subject = Subject { kind: "store_kind", id: kind.code.clone(), store: None };
    Ok(Done::created(subject, &StoreKindView::from(kind)))
}

/// Creates a store; a commander may, inside the own region.
///
/// # Errors
/// `validation_failed` with every fault, `already_exists`, `forbidden` outside the own region.
pub fn create_store(tx: &mut Tx<'_>, request: &StoreRequest) -> Result<Done, CommandError> {
    let store = request.parse(tx.now)?;
    tx.actor.require_region(&store.region_code)?;
    if records::find(tx.conn, &store.code)?.is_some() {
        return Err(already_exists("储备点", "store", store.code.as_str()).into());
    }
    check_references(tx, &store)?;
    records::insert(tx.conn, &store)?;
    let located = format!("/stores/{}", store.code);
    Ok(Done::created(subject(&store), &StoreView::from(&store))
        .version(store.version)
        .located(located))
}

/// Changes a store.
///
/// # Errors
/// `not_found`, `stale_version`, `validation_failed` with every fault, `forbidden` outside the
/// own region.
pub fn change_store(
    tx: &mut Tx<'_>,
    code: &StoreCode,
    patch: &StorePatch,
) -> Result<Done, CommandError> {
    let store = records::lock(tx.conn, code)?
        .ok_or_else(|| Refusal::not_found("储备点", "store", code.as_str()))?;
    tx.actor.require_region(&store.region_code)?;
    tx.expect_version(store.version)?;
    let changed = patch.apply(&store)?;
    check_references(tx, &changed)?;
    records::update(tx.conn, &changed)?;
    Ok(Done::ok(subject(&changed), &StoreView::from(&changed))
        .version(changed.version)
        .replacing(&StoreView::from(&store)))
}

fn check_references(tx: &mut Tx<'_>, store: &Store) -> Result<(), CommandError> {
    let mut faults = Faults::new();
    if records::find_kind(tx.conn, &store.kind)?.is_none() {
        faults.add("/kind", FaultCode::Unknown);
    }
    if records::find_region(tx.conn, &store.region_code)?.is_none() {
        faults.add("/region_code", FaultCode::Unknown);
    }
    if let Some(supplier) = &store.supplied_by {
        if *supplier == store.code {
            faults.add("/supplied_by", FaultCode::Contradicts);
        } else if records::find(tx.conn, supplier)?.is_none() {
            faults.add("/supplied_by", FaultCode::Unknown);
        }
    }
    Ok(faults.check()?)
}

fn already_exists(kind_zh: &str, kind_en: &str, code: &str) -> Refusal {
    Refusal::new(
        Code::AlreadyExists,
        format!("{kind_zh} {code} 已存在"),
        format!("The {kind_en} {code} exists already"),
    )
}

fn subject(store: &Store) -> Subject {
    Subject { kind: "store", id: store.code.to_string(), store: Some(store.code.clone()) }
}
