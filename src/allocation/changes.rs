//! What has changed since the figures of a proposal were taken, fact by fact.

use crate::allocation::inputs::{DonorInput, Inputs, PartInput, RecipientInput, RouteInput};
use crate::kernel::{ItemCode, StoreCode};
use crate::word_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

word_enum! {
    /// Which fact has changed.
    pub enum ChangedFact {
        /// What may be used and is promised to nobody.
        Available = "available",
        /// What must remain.
        Floor = "floor",
        /// What is free of one lot.
        Lot = "lot",
        /// What is on the way to the store, in time and in date.
        Arriving = "arriving",
        /// What others were told to send to it and have not yet.
        Promised = "promised",
        /// The average daily use.
        DailyUse = "daily_use",
        /// What should be there.
        Target = "target",
        /// The response level.
        ResponseLevel = "response_level",
        /// Whether goods may go that way.
        Route = "route",
        /// The store takes no part any more: it was closed.
        Store = "store",
    }
}

/// One fact that has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AllocationChange)]
pub struct Change {
    /// The store that it is about.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// Which fact.
    pub what: ChangedFact,
    /// The lot, or the store at the other end of the route.
    pub of: Option<String>,
    /// As it was; none where it was unknown.
    pub before: Option<String>,
    /// As it is; none where it is unknown.
    pub after: Option<String>,
    /// Whether the lines cannot be carried out as they are: nobody can accept such a change.
    pub blocks: bool,
}

/// Every fact that differs, in the order of items and stores.
pub fn changes(frozen: &Inputs, now: &Inputs) -> Vec<Change> {
    let mut found = Vec::new();
    for (old, new) in frozen.parts.iter().zip(&now.parts) {
        part_changes(old, new, &mut found);
    }
    found
}

fn shown(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

/// Notes a fact of a store when it differs.
struct Notes<'a> {
    store: &'a StoreCode,
    item: &'a ItemCode,
    found: &'a mut Vec<Change>,
}

impl Notes<'_> {
    fn note(
        &mut self,
        what: ChangedFact,
        of: Option<String>,
        before: Option<String>,
        after: Option<String>,
    ) {
        if before != after {
            self.found.push(Change {
                store_code: self.store.clone(),
                item_code: self.item.clone(),
                what,
                of,
                before,
                after,
                blocks: false,
            });
        }
    }
}

fn part_changes(old: &PartInput, new: &PartInput, found: &mut Vec<Change>) {
    for donor in &old.donors {
        let now = new.donors.iter().find(|one| one.store == donor.store);
        donor_changes(donor, now, &old.item, found);
    }
    for recipient in &old.recipients {
        let mut notes = Notes { store: &recipient.store, item: &old.item, found };
        match new.recipients.iter().find(|one| one.store == recipient.store) {
            None => notes.note(ChangedFact::Store, None, shown("active"), shown("inactive")),
            Some(now) => recipient_changes(recipient, now, &mut notes),
        }
    }
    for route in &old.routes {
        let now = new.routes.iter().find(|one| one.from == route.from && one.to == route.to);
        let words = |route: &RouteInput| match route.shut {
            Some(shut) => shut.as_str().to_owned(),
            None => "open".to_owned(),
        };
        let to = route.to.to_string();
        let mut notes = Notes { store: &route.from, item: &old.item, found };
        if let Some(now) = now {
            notes.note(ChangedFact::Route, Some(to), shown(words(route)), shown(words(now)));
        }
    }
}

fn donor_changes(
    old: &DonorInput,
    new: Option<&DonorInput>,
    item: &ItemCode,
    found: &mut Vec<Change>,
) {
    let Some(new) = new else {
        let mut notes = Notes { store: &old.store, item, found };
        notes.note(ChangedFact::Store, None, shown("active"), shown("inactive"));
        return;
    };
    for before in &old.items {
        let mut notes = Notes { store: &old.store, item: &before.item_code, found };
        let Some(after) = new.items.iter().find(|one| one.item_code == before.item_code) else {
            continue;
        };
        let available = (shown(before.available), shown(after.available));
        notes.note(ChangedFact::Available, None, available.0, available.1);
        notes.note(ChangedFact::Floor, None, shown(before.floor), shown(after.floor));
    }
    let free = |donor: &DonorInput| -> BTreeMap<(ItemCode, String, String), i64> {
        donor
            .lots
            .iter()
            .filter_map(|lot| {
                let id = lot.lot_id.as_ref()?.to_string();
                let key = (lot.item_code.clone(), lot.lot_number.to_string(), id);
                Some((key, lot.free.units()))
            })
            .collect()
    };
    let (before, after) = (free(old), free(new));
    let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let mut notes = Notes { store: &old.store, item: &key.0, found };
        let of = |lots: &BTreeMap<_, i64>| shown(lots.get(key).copied().unwrap_or(0));
        notes.note(ChangedFact::Lot, Some(key.1.clone()), of(&before), of(&after));
    }
}

fn recipient_changes(old: &RecipientInput, new: &RecipientInput, notes: &mut Notes<'_>) {
    notes.note(ChangedFact::Available, None, shown(old.available), shown(new.available));
    notes.note(ChangedFact::Arriving, None, shown(old.arriving), shown(new.arriving));
    notes.note(ChangedFact::Promised, None, shown(old.promised), shown(new.promised));
    let text = |value: &dyn Fn(&RecipientInput) -> Option<String>| (value(old), value(new));
    let daily = text(&|one| one.daily_use.map(|ratio| ratio.to_string()));
    notes.note(ChangedFact::DailyUse, None, daily.0, daily.1);
    let target = text(&|one| one.target.map(|target| target.to_string()));
    notes.note(ChangedFact::Target, None, target.0, target.1);
    notes.note(ChangedFact::ResponseLevel, None, shown(old.level), shown(new.level));
}
