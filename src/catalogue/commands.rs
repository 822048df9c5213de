//! Creating and changing items.

pub mod substitution;

use crate::catalogue::commands::substitution::{of_catalogue, say_with_item};
use crate::catalogue::item::Item;
use crate::catalogue::records;
use crate::catalogue::requests::{ItemPatch, ItemRequest};
use crate::catalogue::views::{ItemView, SubstituteBody};
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::{Code, FaultCode, Faults, ItemCode, Refusal};

/// Creates an item.
///
/// # Errors
/// `validation_failed` with every fault, `already_exists` when the code is taken.
pub fn create_item(tx: &mut Tx<'_>, request: &ItemRequest) -> Result<Done, CommandError> {
    let (item, substitutes) = request.clone().parse(tx.now)?;
    if records::find(tx.conn, &item.code)?.is_some() {
        return Err(Refusal::new(
            Code::AlreadyExists,
            format!("物资 {} 已存在", item.code),
            format!("The item {} exists already", item.code),
        )
        .into());
    }
    check_references(tx, &item, &request.substitutes)?;
    records::insert(tx.conn, &item)?;
    if !substitutes.is_empty() {
        say_with_item(tx, &item.code, substitutes)?;
    }
    let located = format!("/items/{}", item.code);
    let view = ItemView::new(&item, of_catalogue(tx, &item.code)?);
    Ok(Done::created(subject(&item), &view).version(item.version).located(located))
}

/// Changes an item.
///
/// # Errors
/// `not_found`, `stale_version`, `validation_failed` with every fault.
pub fn change_item(
    tx: &mut Tx<'_>,
    code: &ItemCode,
    patch: &ItemPatch,
) -> Result<Done, CommandError> {
    let item = records::lock(tx.conn, code)?
        .ok_or_else(|| Refusal::not_found("物资", "item", code.as_str()))?;
    tx.expect_version(item.version)?;
    let (changed, substitutes) = patch.apply(&item)?;
    check_references(tx, &changed, patch.substitutes.as_deref().unwrap_or_default())?;
    records::update(tx.conn, &changed)?;
    let before = ItemView::new(&item, of_catalogue(tx, code)?);
    if let Some(substitutes) = substitutes
        && !before.stands_in_as(&substitutes)
    {
        say_with_item(tx, code, substitutes)?;
    }
    let after = ItemView::new(&changed, of_catalogue(tx, code)?);
    Ok(Done::ok(subject(&changed), &after).version(changed.version).replacing(&before))
}

/// Substitutes must exist, and a trade item number belongs to one item only.
fn check_references(
    tx: &mut Tx<'_>,
    item: &Item,
    substitutes: &[SubstituteBody],
) -> Result<(), CommandError> {
    let mut faults = Faults::new();
    let codes: Vec<ItemCode> =
        substitutes.iter().filter_map(|one| ItemCode::new(&one.item_code).ok()).collect();
    let known = records::find_all(tx.conn, &codes)?;
    for (at, one) in substitutes.iter().enumerate() {
        if !known.keys().any(|code| code.as_str() == one.item_code) {
            faults.add(format!("/substitutes/{at}/item_code"), FaultCode::Unknown);
        }
    }
    for (at, gtin) in item.gtins.iter().enumerate() {
        let holder = records::code_by_gtin(tx.conn, gtin)?;
        if holder.is_some_and(|holder| holder != item.code) {
            faults.add(format!("/gtins/{at}"), FaultCode::Duplicate);
        }
    }
    Ok(faults.check()?)
}

fn subject(item: &Item) -> Subject {
    Subject { kind: "item", id: item.code.to_string(), store: None }
}
