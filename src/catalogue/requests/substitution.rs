//! What clients send about substitutes, and how it becomes a list: every fault gathered.

use crate::catalogue::substitution::{Entry, Rate, UseScene};
use crate::kernel::starting::{Starting, starting};
use crate::kernel::{FaultCode, Faults, ItemCode, Quantity, Refusal, RegionCode, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The most substitutes of a list.
const MAX_ENTRIES: usize = 50;
/// The last rank.
pub const MAX_RANK: i64 = 1_000;
/// The largest side of a rate.
const MAX_UNITS: i64 = 1_000_000;

/// A new list of what may stand in for an item.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "item_code": "M02", "scene": "public", "region_code": "360729", "valid_from": "2026-03-01",
    "valid_to": "2026-06-01", "reason": "外科口罩紧缺，公共场所改用其他口罩",
    "source": "全防指〔2026〕12号",
    "entries": [{"item_code": "M03", "rank": 1, "note": "发放前说明"}]
}))]
pub struct SubstitutionListRequest {
    /// The item that is wanted.
    pub item_code: String,
    /// The use that the list is for: `isolation`, `clinical`, `laboratory`, `sampling`, `public`, or
    /// `general` (the default) for every use that has no list of its own.
    #[serde(default)]
    pub scene: Option<String>,
    /// The region for which it holds, and what lies in it; a commander's own unless said, everywhere
    /// for an administrator.
    #[serde(default)]
    pub region_code: Option<String>,
    /// From when it holds: an instant with an offset, or a date; now unless said.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// Until when, exclusive: an instant with an offset, or a date for its beginning; until another
    /// takes its place unless said.
    #[serde(default)]
    pub valid_to: Option<String>,
    /// Why.
    pub reason: String,
    /// The paper or standard that permits it.
    pub source: String,
    /// What stands in, 50 at most; none to take back what held.
    pub entries: Vec<SubstitutionEntryBody>,
}

/// A substitute on a list.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubstitutionEntryBody {
    /// The item that stands in.
    #[schema(example = "M03")]
    pub item_code: String,
    /// 1 is taken first.
    #[schema(minimum = 1, maximum = 1_000)]
    pub rank: i64,
    /// So many of its base units stand in for `item_units` of the item's; 1 unless said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub substitute_units: Option<i64>,
    /// 1 unless said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub item_units: Option<i64>,
    /// What to mind when it is used.
    #[serde(default)]
    pub note: Option<String>,
}

/// A list that is asked for.
#[derive(Debug, Clone)]
pub struct NewList {
    /// The item that is wanted.
    pub item_code: ItemCode,
    /// The use.
    pub scene: UseScene,
    /// The region that was named.
    pub region: Option<RegionCode>,
    /// From when.
    pub valid_from: Starting,
    /// Until when.
    pub valid_to: Option<Starting>,
    /// Why.
    pub reason: String,
    /// By what right.
    pub source: String,
    /// The substitutes, by rank.
    pub entries: Vec<Entry>,
}

impl SubstitutionListRequest {
    /// The list.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    pub fn parse(&self) -> Result<NewList, Refusal> {
        let mut faults = Faults::new();
        let item_code = faults.keep("/item_code", ItemCode::new(&self.item_code));
        let scene = match &self.scene {
            None => Some(UseScene::General),
            Some(word) => {
                faults.keep("/scene", UseScene::from_word(word).ok_or(FaultCode::NotInList))
            }
        };
        let region = self
            .region_code
            .as_deref()
            .and_then(|text| faults.keep("/region_code", RegionCode::new(text)));
        let valid_from = starting(self.valid_from.as_deref(), "/valid_from", &mut faults);
        let valid_to = starting(self.valid_to.as_deref(), "/valid_to", &mut faults);
        let reason = faults.keep("/reason", Text::<500>::new(&self.reason));
        let source = faults.keep("/source", Text::<200>::new(&self.source));
        let entries = entries(&self.entries, item_code.as_ref(), &mut faults);
        let list = (|| {
            Some(NewList {
                item_code: item_code?,
                scene: scene?,
                region,
                valid_from: valid_from.unwrap_or(Starting::Now),
                valid_to,
                reason: reason?.into(),
                source: source?.into(),
                entries,
            })
        })();
        faults.finish(list)
    }
}

fn entries(
    given: &[SubstitutionEntryBody],
    own: Option<&ItemCode>,
    faults: &mut Faults,
) -> Vec<Entry> {
    if given.len() > MAX_ENTRIES {
        faults.add("/entries", FaultCode::TooLong);
        return Vec::new();
    }
    let mut seen = Seen::default();
    let mut entries: Vec<Entry> = given
        .iter()
        .enumerate()
        .filter_map(|(at, entry)| {
            let pointer = format!("/entries/{at}");
            let item_code = seen.substitute(&entry.item_code, entry.rank, own, &pointer, faults);
            let mut units = |field: &str, units: Option<i64>| {
                let units = Quantity::new(units.unwrap_or(1)).ok();
                let units = units.filter(|n| !n.is_zero() && n.units() <= MAX_UNITS);
                faults.keep(format!("{pointer}/{field}"), units.ok_or(FaultCode::OutOfRange))
            };
            let substitute_units = units("substitute_units", entry.substitute_units);
            let item_units = units("item_units", entry.item_units);
            let note = entry.note.as_deref().and_then(|note| {
                faults.keep(format!("{pointer}/note"), Text::<200>::new(note)).map(String::from)
            });
            Some(Entry {
                rank: entry.rank,
                item_code: item_code?,
                rate: Rate::new(substitute_units?, item_units?)?,
                note,
            })
        })
        .collect();
    entries.sort_by_key(|entry| entry.rank);
    entries
}

/// The substitutes and ranks of a list that were met already.
#[derive(Debug, Default)]
pub(super) struct Seen {
    codes: BTreeSet<ItemCode>,
    ranks: BTreeSet<i64>,
}

impl Seen {
    /// The code of a substitute; `None` where it is none. Faults: it is the item itself, comes twice,
    /// or has a rank that another has or that is none.
    pub(super) fn substitute(
        &mut self,
        code: &str,
        rank: i64,
        own: Option<&ItemCode>,
        pointer: &str,
        faults: &mut Faults,
    ) -> Option<ItemCode> {
        let code = faults.keep(format!("{pointer}/item_code"), ItemCode::new(code));
        if let Some(code) = &code {
            if own == Some(code) {
                faults.add(format!("{pointer}/item_code"), FaultCode::Contradicts);
            }
            if !self.codes.insert(code.clone()) {
                faults.add(format!("{pointer}/item_code"), FaultCode::Duplicate);
            }
        }
        if !(1..=MAX_RANK).contains(&rank) {
            faults.add(format!("{pointer}/rank"), FaultCode::OutOfRange);
        } else if !self.ranks.insert(rank) {
            faults.add(format!("{pointer}/rank"), FaultCode::Duplicate);
        }
        code
    }
}
