//! Saying what may stand in for what.

use crate::catalogue::records;
use crate::catalogue::records::substitution::{self, is_region};
use crate::catalogue::requests::substitution::SubstitutionListRequest;
use crate::catalogue::substitution::{Entry, ListsInForce, Rate, SubstitutionList, UseScene};
use crate::catalogue::views::SubstituteBody;
use crate::catalogue::views::substitution::SubstitutionListView;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::SubstitutionListId;
use crate::kernel::{FaultCode, Faults, ItemCode, Refusal};

/// Records a list of what may stand in for an item.
///
/// # Errors
/// `validation_failed` with every fault; `forbidden` where the region lies outside the caller's.
pub fn create_list(
    tx: &mut Tx<'_>,
    request: &SubstitutionListRequest,
) -> Result<Done, CommandError> {
    let asked = request.parse()?;
    let mut faults = Faults::new();
    if let Some(region) = &asked.region
        && !is_region(tx.conn, region)?
    {
        faults.add("/region_code", FaultCode::Unknown);
    }
    // Its versions are counted under this lock.
    if records::lock(tx.conn, &asked.item_code)?.is_none() {
        faults.add("/item_code", FaultCode::Unknown);
    }
    check_entries(tx, request, &mut faults)?;
    let valid_from = asked.valid_from.instant(tx.now, tx.settings.zone);
    let valid_to = asked.valid_to.map(|end| end.instant(tx.now, tx.settings.zone));
    if valid_to.is_some_and(|end| end <= valid_from) {
        faults.add("/valid_to", FaultCode::Contradicts);
    }
    faults.check()?;
    let region = asked.region.or_else(|| tx.actor.region.clone());
    if let Some(region) = &region {
        tx.actor.require_region(region)?;
    }
    let list = SubstitutionList {
        id: SubstitutionListId::generate(),
        version: substitution::next_version(tx.conn, &asked.item_code)?,
        item_code: asked.item_code,
        scene: asked.scene,
        region,
        valid_from,
        valid_to,
        reason: asked.reason,
        source: asked.source,
        entries: asked.entries,
        recorded_at: tx.now,
        recorded_by: tx.actor.name.clone(),
    };
    substitution::insert(tx.conn, &list)?;
    let located = format!("/substitution-lists/{}", list.id);
    let subject = Subject { kind: "substitution_list", id: list.id.to_string(), store: None };
    Ok(Done::created(subject, &SubstitutionListView::from(list)).located(located))
}

fn check_entries(
    tx: &mut Tx<'_>,
    request: &SubstitutionListRequest,
    faults: &mut Faults,
) -> Result<(), CommandError> {
    let codes: Vec<ItemCode> =
        request.entries.iter().filter_map(|entry| ItemCode::new(&entry.item_code).ok()).collect();
    let known = records::find_all(tx.conn, &codes)?;
    for (at, entry) in request.entries.iter().enumerate() {
        if !known.keys().any(|code| code.as_str() == entry.item_code) {
            faults.add(format!("/entries/{at}/item_code"), FaultCode::Unknown);
        }
    }
    Ok(())
}

/// What stands in for an item everywhere and for any use, as its catalogue entry says.
///
/// # Errors
/// When the database fails.
pub fn of_catalogue(tx: &mut Tx<'_>, item: &ItemCode) -> Result<Vec<SubstituteBody>, CommandError> {
    let lists = substitution::in_force(tx.conn, Some(std::slice::from_ref(item)), tx.now, None)?;
    Ok(shown_with(&lists, item))
}

/// The substitutes of an item as its catalogue entry shows them: those for any use and everywhere.
pub fn shown_with(lists: &ListsInForce, item: &ItemCode) -> Vec<SubstituteBody> {
    let list = lists.list_of(item, None, UseScene::General);
    let entries = list.into_iter().flat_map(|list| &list.entries);
    entries
        .map(|entry| SubstituteBody { item_code: entry.item_code.to_string(), rank: entry.rank })
        .collect()
}

/// Records what an item's catalogue entry says of its substitutes, as a list for any use and
/// everywhere, one for one.
///
/// # Errors
/// When the database fails.
pub(super) fn say_with_item(
    tx: &mut Tx<'_>,
    item: &ItemCode,
    substitutes: Vec<(i64, ItemCode)>,
) -> Result<(), CommandError> {
    let entries = substitutes.into_iter().map(|(rank, item_code)| Entry {
        rank,
        item_code,
        rate: Rate::ONE,
        note: None,
    });
    let list = SubstitutionList {
        id: SubstitutionListId::generate(),
        item_code: item.clone(),
        version: substitution::next_version(tx.conn, item)?,
        scene: UseScene::General,
        region: None,
        valid_from: tx.now,
        valid_to: None,
        reason: "随物资目录登记".to_owned(),
        source: "物资目录".to_owned(),
        entries: entries.collect(),
        recorded_at: tx.now,
        recorded_by: tx.actor.name.clone(),
    };
    Ok(substitution::insert(tx.conn, &list)?)
}

/// The list of an id.
///
/// # Errors
/// `not_found`.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("替代清单", "list of substitutes", id)
}
