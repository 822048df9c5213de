//! Creating and changing capabilities.

use crate::capability::definition::Capability;
use crate::capability::records;
use crate::capability::requests::{CapabilityPatch, CapabilityRequest};
use crate::capability::views::CapabilityView;
use crate::catalogue;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::{CapabilityCode, Code, FaultCode, Faults, ItemCode, Refusal};

/// Creates a capability.
///
/// # Errors
/// `validation_failed` with every fault, `already_exists` when the code is taken.
pub fn create(tx: &mut Tx<'_>, request: &CapabilityRequest) -> Result<Done, CommandError> {
    let new = request.parse(tx.now)?;
    if records::find(tx.conn, &new.code)?.is_some() {
        return Err(Refusal::new(
            Code::AlreadyExists,
            format!("能力 {} 已存在", new.code),
            format!("The capability {} exists already", new.code),
        )
        .into());
    }
    check_items(tx, &new)?;
    records::insert(tx.conn, &new)?;
    let located = format!("/capabilities/{}", new.code);
    Ok(Done::created(subject(&new), &CapabilityView::from(&new))
        .version(new.version)
        .located(located))
}

/// Changes a capability.
///
/// # Errors
/// `not_found`, `stale_version`, `validation_failed` with every fault.
pub fn change(
    tx: &mut Tx<'_>,
    code: &CapabilityCode,
    patch: &CapabilityPatch,
) -> Result<Done, CommandError> {
    let before = records::lock(tx.conn, code)?.ok_or_else(|| not_found(code.as_str()))?;
    tx.expect_version(before.version)?;
    let after = patch.apply(&before)?;
    check_items(tx, &after)?;
    records::update(tx.conn, &after)?;
    Ok(Done::ok(subject(&after), &CapabilityView::from(&after))
        .version(after.version)
        .replacing(&CapabilityView::from(&before)))
}

/// That there is no such capability.
pub fn not_found(code: &str) -> Refusal {
    Refusal::not_found("能力", "capability", code)
}

/// Every part rests on items that the catalogue knows.
fn check_items(tx: &mut Tx<'_>, of: &Capability) -> Result<(), CommandError> {
    let codes: Vec<ItemCode> = of.items().cloned().collect();
    let known = catalogue::records::find_all(tx.conn, &codes)?;
    let mut faults = Faults::new();
    for (at, component) in of.components.iter().enumerate() {
        if component.items.iter().any(|item| !known.contains_key(item)) {
            faults.add(format!("/components/{at}/item_codes"), FaultCode::Unknown);
        }
    }
    Ok(faults.check()?)
}

fn subject(of: &Capability) -> Subject {
    Subject { kind: "capability", id: of.code.to_string(), store: None }
}
