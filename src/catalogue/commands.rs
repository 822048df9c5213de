//! Creating and changing items.

use crate::catalogue::item::Item;
use crate::catalogue::records;
use crate::catalogue::requests::{ItemPatch, ItemRequest};
use crate::catalogue::views::ItemView;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::{Code, FaultCode, Faults, ItemCode, Refusal};

/// Creates an item.
///
/// # Errors
/// `validation_failed` with every fault, `already_exists` when the code is taken.
pub fn create_item(tx: &mut Tx<'_>, request: &ItemRequest) -> Result<Done, CommandError> {
    let item = request.clone().parse(tx.now)?;
    if records::find(tx.conn, &item.code)?.is_some() {
        return Err(Refusal::new(
            Code::AlreadyExists,
            format!("物资 {} 已存在", item.code),
            format!("The item {} exists already", item.code),
        )
        .into());
    }
    check_references(tx, &item)?;
    records::insert(tx.conn, &item)?;
    let located = format!("/items/{}", item.code);
    Ok(Done::created(subject(&item), &ItemView::from(&item)).version(item.version).located(located))
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
    let changed = patch.apply(&item)?;
    check_references(tx, &changed)?;
    records::update(tx.conn, &changed)?;
    Ok(Done::ok(subject(&changed), &ItemView::from(&changed))
        .version(changed.version)
        .replacing(&ItemView::from(&item)))
}

/// Substitutes must exist, and a trade item number belongs to one item only.
fn check_references(tx: &mut Tx<'_>, item: &Item) -> Result<(), CommandError> {
    let mut faults = Faults::new();
    let codes: Vec<ItemCode> = item.substitutes.iter().map(|s| s.item_code.clone()).collect();
    let known = records::find_all(tx.conn, &codes)?;
    for (at, substitute) in item.substitutes.iter().enumerate() {
        if !known.contains_key(&substitute.item_code) {
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
