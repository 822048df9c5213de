//! What may be decided about a proposal, from what it says and the facts of the moment.

use crate::allocation::changes::{Change, ChangedFact};
use crate::allocation::inputs::{Inputs, LotInput, PartInput};
use crate::allocation::making::take_lots;
use crate::allocation::proposal::{Allocation, AllocationStatus, Edit, Line};
use crate::authority::Authority;
use crate::draw_down::rules::draw_down;
use crate::kernel::id::LotId;
use crate::kernel::{
    Bilingual, Code, FaultCode, Faults, Instant, ItemCode, LotNumber, Quantity, Refusal, StoreCode,
};
use std::collections::{BTreeMap, BTreeSet};

/// Which line is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one of this number.
    Numbered(i64),
    /// The one of this item from one store to another, which need not be there yet.
    Between(ItemCode, StoreCode, StoreCode),
}

/// What one line is to be instead.
#[derive(Debug, Clone)]
pub struct LineEdit {
    /// Which.
    pub which: Which,
    /// Base units.
    pub quantity: Quantity,
}

/// Lines to be changed, and why.
#[derive(Debug, Clone)]
pub struct LineEdits {
    /// Why.
    pub reason: String,
    /// The lines, in the order of the request.
    pub lines: Vec<LineEdit>,
    /// By whose word.
    pub authority: Option<Authority>,
}

/// Requires a proposal that nobody has decided, and that is none of a rehearsal.
///
/// # Errors
/// `rehearsal_only`; `wrong_status`.
pub fn undecided(allocation: &Allocation, action: (&str, &str)) -> Result<(), Refusal> {
    if allocation.rehearsal {
        return Err(Refusal::new(
            Code::RehearsalOnly,
            format!("{} 是演练方案，不能{}", allocation.number, action.0),
            format!("{} is a rehearsal and cannot be {}", allocation.number, action.1),
        ));
    }
    still_proposed(allocation, action)
}

/// Requires a proposal that nobody has decided, or a rehearsal that nobody has given up.
///
/// # Errors
/// `wrong_status`.
pub fn still_proposed(allocation: &Allocation, action: (&str, &str)) -> Result<(), Refusal> {
    if allocation.status == AllocationStatus::Proposed {
        return Ok(());
    }
    Err(Refusal::new(
        Code::WrongStatus,
        format!("方案 {} 状态为 {}，不能{}", allocation.number, allocation.status, action.0),
        format!("{} is {} and cannot be {}", allocation.number, allocation.status, action.1),
    )
    .with("document_status", allocation.status.as_str())
    .with("allowed", vec![AllocationStatus::Proposed.as_str()]))
}

/// Why the lines of a proposal cannot be carried out as they are: lots that are gone or of which
/// less is free, and roads that are closed by now.
pub fn obstacles(allocation: &Allocation, now: &Inputs) -> Vec<Change> {
    let mut found = Vec::new();
    for (part, number) in now.parts.iter().zip(1..) {
        let lines: Vec<&Line> = allocation
            .lines
            .iter()
            .filter(|line| line.part == number && !line.decided.is_zero())
            .collect();
        let mut wanted: BTreeMap<(&StoreCode, &Option<LotId>), (&ItemCode, &LotNumber, Quantity)> =
            BTreeMap::new();
        for line in &lines {
            for share in &line.decided_lots {
                let entry = wanted.entry((&line.from, &share.lot_id));
                let (.., sum) =
                    entry.or_insert((&line.item_code, &share.lot_number, Quantity::ZERO));
                *sum = sum.plus_capped(share.quantity);
            }
        }
        for ((store, lot), (item, number, wanted)) in wanted {
            let free = free_of(part, store, lot.as_ref());
            if free < wanted {
                found.push(Change {
                    store_code: store.clone(),
                    item_code: item.clone(),
                    what: ChangedFact::Lot,
                    of: Some(number.to_string()),
                    before: Some(wanted.to_string()),
                    after: Some(free.to_string()),
                    blocks: true,
                });
            }
        }
        found.extend(lines.iter().filter_map(|line| closed_road(part, line)));
    }
    found
}

fn free_of(part: &PartInput, store: &StoreCode, lot: Option<&LotId>) -> Quantity {
    let donor = part.donors.iter().find(|donor| donor.store == *store);
    let free = donor.and_then(|donor| {
        donor.lots.iter().find(|one| one.lot_id.as_ref() == lot).map(|one| one.free)
    });
    free.unwrap_or(Quantity::ZERO)
}

fn closed_road(part: &PartInput, line: &Line) -> Option<Change> {
    let route = part.routes.iter().find(|route| route.from == line.from && route.to == line.to)?;
    let shut = route.shut?;
    Some(Change {
        store_code: line.from.clone(),
        item_code: line.item_code.clone(),
        what: ChangedFact::Route,
        of: Some(line.to.to_string()),
        before: Some("open".to_owned()),
        after: Some(shut.to_string()),
        blocks: true,
    })
}

/// The changes that concern the lines: those of their stores and of their roads.
pub fn concerning(allocation: &Allocation, changes: &[Change]) -> Vec<Change> {
    let lines = || allocation.lines.iter().filter(|line| !line.decided.is_zero());
    let stores: BTreeSet<&StoreCode> = lines().flat_map(|line| [&line.from, &line.to]).collect();
    let concerns = |change: &&Change| match (change.what, &change.of) {
        (ChangedFact::Route, Some(to)) => {
            lines().any(|line| line.from == change.store_code && line.to.as_str() == to)
        }
        _ => stores.contains(&change.store_code),
    };
    changes.iter().filter(concerns).cloned().collect()
}

/// Refuses an approval whose facts have changed, with every change.
pub fn stale(allocation: &Allocation, changes: &[Change]) -> Refusal {
    let told = serde_json::to_value(changes).unwrap_or_default();
    let count = changes.len();
    Refusal::new(
        Code::AllocationStale,
        format!("方案 {} 的依据已有 {count} 处变动，未作任何处理", allocation.number),
        format!("{count} fact(s) under {} have changed; nothing was done", allocation.number),
    )
    .with("changes", told)
}

/// Changes lines by hand: donors' lots are taken anew, first expired first, for all lines of the
/// donors that are touched, and totals are checked again.
///
/// # Errors
/// `validation_failed` for lines or stores that the proposal does not know, a line named twice, or
/// a closed road; `insufficient_stock` where a donor has less that may be given; `floor_crossed`
/// where its floor does not hold and no authority is named.
pub fn edit(
    allocation: &Allocation,
    edits: &LineEdits,
    now: &Inputs,
    by: &str,
    at: Instant,
) -> Result<Allocation, Refusal> {
    let mut after = allocation.clone();
    let mut faults = Faults::new();
    let mut touched: BTreeSet<(i64, StoreCode)> = BTreeSet::new();
    let mut seen: BTreeSet<i64> = BTreeSet::new();
    for (index, change) in edits.lines.iter().enumerate() {
        let pointer = format!("/lines/{index}");
        let Some(line) = line_meant(&mut after, now, &change.which, &pointer, &mut faults) else {
            continue;
        };
        if !seen.insert(line.line) {
            faults.add(format!("{pointer}/line"), FaultCode::Duplicate);
        }
        let part = part_of(now, line.part);
        let shut = part.and_then(|part| closed_road(part, line)).is_some();
        if shut && !change.quantity.is_zero() {
            faults.add_saying(
                format!("{pointer}/to_store"),
                FaultCode::Contradicts,
                Bilingual::new("该路线不通", "nothing may go that way"),
            );
        }
        line.decided = change.quantity;
        line.edit = Some(Edit { reason: edits.reason.clone(), by: by.to_owned(), at });
        touched.insert((line.part, line.from.clone()));
    }
    faults.check()?;
    if edits.authority.is_some() {
        after.authority.clone_from(&edits.authority);
    }
    for (part, donor) in touched {
        take_anew(&mut after, now, part, &donor)?;
    }
    after.add_author(by);
    Ok(after)
}

fn part_of(now: &Inputs, number: i64) -> Option<&PartInput> {
    now.parts.iter().zip(1..).find(|(_, at)| *at == number).map(|(part, _)| part)
}

/// The line that an edit means, made where it is not there yet.
fn line_meant<'a>(
    allocation: &'a mut Allocation,
    now: &Inputs,
    which: &Which,
    pointer: &str,
    faults: &mut Faults,
) -> Option<&'a mut Line> {
    let at = match which {
        Which::Numbered(number) => {
            let at = allocation.lines.iter().position(|line| line.line == *number);
            if at.is_none() {
                faults.add(format!("{pointer}/line"), FaultCode::Unknown);
            }
            at?
        }
        Which::Between(item, from, to) => {
            let same =
                |line: &Line| line.item_code == *item && line.from == *from && line.to == *to;
            match allocation.lines.iter().position(same) {
                Some(at) => at,
                None => {
                    let part = new_line_part(now, item, from, to, pointer, faults)?;
                    let last = allocation.lines.iter().map(|line| line.line).max();
                    allocation.lines.push(Line {
                        line: last.unwrap_or(0) + 1,
                        part,
                        item_code: item.clone(),
                        from: from.clone(),
                        to: to.clone(),
                        proposed: Quantity::ZERO,
                        proposed_lots: Vec::new(),
                        decided: Quantity::ZERO,
                        decided_lots: Vec::new(),
                        edit: None,
                    });
                    allocation.lines.len() - 1
                }
            }
        }
    };
    allocation.lines.get_mut(at)
}

/// The part of a new line: its donor and recipient must be among those that it looked at.
fn new_line_part(
    now: &Inputs,
    item: &ItemCode,
    from: &StoreCode,
    to: &StoreCode,
    pointer: &str,
    faults: &mut Faults,
) -> Option<i64> {
    let mut parts = now.parts.iter().zip(1..).filter(|(part, _)| part.group.contains(item));
    let Some((part, number)) = parts.next() else {
        faults.add(format!("{pointer}/item_code"), FaultCode::Unknown);
        return None;
    };
    let knows_donor = part.donors.iter().any(|donor| donor.store == *from);
    let knows_recipient = part.recipients.iter().any(|one| one.store == *to);
    if !knows_donor {
        faults.add(format!("{pointer}/from_store"), FaultCode::Unknown);
    }
    if !knows_recipient {
        faults.add(format!("{pointer}/to_store"), FaultCode::Unknown);
    }
    (knows_donor && knows_recipient).then_some(number)
}

/// Takes the lots of all lines of a donor in a part anew, and checks what remains there.
fn take_anew(
    allocation: &mut Allocation,
    now: &Inputs,
    part_no: i64,
    store: &StoreCode,
) -> Result<(), Refusal> {
    let donor = part_of(now, part_no)
        .and_then(|part| part.donors.iter().find(|donor| donor.store == *store));
    let mut lots: Vec<LotInput> = donor.map(|donor| donor.lots.clone()).unwrap_or_default();
    let of_donor = |line: &Line| line.part == part_no && line.from == *store;
    for line in allocation.lines.iter_mut().filter(|line| of_donor(line)) {
        line.decided_lots = take_lots(&mut lots, &line.item_code, line.decided);
        let taken = Quantity::total(line.decided_lots.iter().map(|lot| lot.quantity));
        if taken < line.decided {
            return Err(Refusal::new(
                Code::InsufficientStock,
                format!("{store} 的 {} 可调出不足：第 {} 行", line.item_code, line.line),
                format!("{store} has too little of {} to give: line {}", line.item_code, line.line),
            )
            .with("line", line.line)
            .with("store_code", store.as_str())
            .with("item_code", line.item_code.as_str())
            .with("requested", line.decided.units())
            .with("available", taken.units()));
        }
    }
    for item in donor.iter().flat_map(|donor| &donor.items) {
        let lines = allocation.lines.iter().filter(|line| of_donor(line));
        let of_item = lines.filter(|line| line.item_code == item.item_code);
        let taken = Quantity::total(of_item.map(|line| line.decided));
        let left = item.available.minus_or_zero(taken);
        draw_down(&item.item_code, left, taken, item.floor, allocation.authority.as_ref())
            .map_err(|refusal| refusal.with("store_code", store.as_str()))?;
    }
    Ok(())
}
