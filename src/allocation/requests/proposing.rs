//! Asking for a proposal, for a rehearsal, and for a comparison of policies.

use crate::allocation::inputs::{Inputs, StageTerm, Terms, WeightTerm};
use crate::allocation::problem::{Measure, Policy};
use crate::allocation::requests::{MANY, store_codes, text, units, within};
use crate::allocation::what_if::{OtherStock, OtherUse, WhatIf};
use crate::dispatch::order::Urgency;
use crate::kernel::time::parse_date;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, Ratio, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Ten years.
const MANY_DAYS: i64 = 3_650;
/// The most items of one proposal.
const MANY_ITEMS: usize = 500;

/// One step of the staged policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationStage)]
pub struct StageRequest {
    /// Recipients of this class or a more urgent one; everyone without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1, minimum = 1)]
    pub priority_at_most: Option<i64>,
    /// Up to so many days of cover; to the target without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 7, minimum = 1)]
    pub to_days: Option<i64>,
}

/// What a recipient weighs in the weighted policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationWeight)]
pub struct WeightRequest {
    /// The recipient.
    #[schema(example = "QN-PH")]
    pub store_code: String,
    /// A recipient of weight 2 is brought to twice the level of one of weight 1.
    #[schema(example = 2, minimum = 1)]
    pub weight: i64,
}

/// Stock that is supposed for a rehearsal.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RehearsalStock)]
pub struct OtherStockRequest {
    /// The store.
    #[schema(example = "QN-DEPOT")]
    pub store_code: String,
    /// The item.
    #[schema(example = "M03")]
    pub item_code: String,
    /// Base units that are supposed to be available there.
    #[schema(example = 20_000, minimum = 0)]
    pub available: i64,
}

/// Use that is supposed for a rehearsal.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RehearsalUse)]
pub struct OtherUseRequest {
    /// The store.
    #[schema(example = "QN-PH")]
    pub store_code: String,
    /// The item.
    #[schema(example = "M03")]
    pub item_code: String,
    /// Base units that are supposed to be used a day.
    #[schema(example = 450, minimum = 0)]
    pub daily_use: i64,
}

/// What is supposed for a rehearsal; what it does not speak of is as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RehearsalSuppositions)]
pub struct WhatIfRequest {
    /// This response level everywhere: `normal`, `IV`, `III`, `II` or `I`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "I")]
    pub response_level: Option<String>,
    /// Every known daily use times so many percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 150, minimum = 0)]
    pub use_percent: Option<i64>,
    /// Other stock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stock: Vec<OtherStockRequest>,
    /// Other daily use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub daily_use: Vec<OtherUseRequest>,
}

/// A question: who should get what of an item, from whom?
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocationRequest {
    /// The item; or say `item_codes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "M03")]
    pub item_code: Option<String>,
    /// Several items, each divided by itself, decided together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_codes: Option<Vec<String>>,
    /// Whether what may stand in for an item is divided with it as one good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_substitutes: Option<bool>,
    /// `staged_leximin` (unless said), `leximin`, `weighted`, `proportional`, `strict_priority`,
    /// `equal_awards` or `equal_losses`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "staged_leximin")]
    pub policy: Option<String>,
    /// `days_of_cover` (unless said), `coverage` or `need`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "days_of_cover")]
    pub measure: Option<String>,
    /// The steps of the staged policy; the usual ones unless said: everyone to 3 days, class 1 to
    /// 7, everyone to 7, class 1 to its target, then the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<StageRequest>>,
    /// Weights for the weighted policy; recipients that are not named weigh 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<WeightRequest>>,
    /// Whole percents of what each donor could give that stay back for later needs; 0 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 20, minimum = 0, maximum = 100)]
    pub keep_back_percent: Option<i64>,
    /// The fewest packs that are worth shipping to a recipient; 1 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 2, minimum = 1)]
    pub min_packs: Option<i64>,
    /// Days that a lot must still be usable after the day on which it arrives; 0 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 30, minimum = 0)]
    pub min_life_days: Option<i64>,
    /// Days of its average use that are every recipient's target, in place of the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 14, minimum = 1)]
    pub target_days: Option<i64>,
    /// The pack in which the item moves; its smallest unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "box")]
    pub pack_code: Option<String>,
    /// Who gives; found by their surplus unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub donors: Option<Vec<String>>,
    /// Who receives; found by their shortfall against the plan in force unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<Vec<String>>,
    /// Recipients in the urgent lane, served up to their targets before all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent: Option<Vec<String>>,
    /// `routine` (unless said), `urgent` or `emergency`; the dispatches carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "urgent")]
    pub urgency: Option<String>,
    /// The day, or the instant with an offset, by which it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-18")]
    pub needed_by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "发热门诊用量上升")]
    pub reason: Option<String>,
    /// The allocation that this one repeats, as its next round: what it does not say is taken from
    /// there, and what earlier rounds gave counts as stock of the recipients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// Whether it is only a rehearsal: it touches nothing and can never be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<bool>,
    /// What is supposed for a rehearsal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIfRequest>,
}

/// The same question, answered by several policies side by side; nothing is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllocationComparisonRequest)]
pub struct CompareRequest {
    /// The question.
    #[serde(flatten)]
    pub ask: AllocationRequest,
    /// A proposal, by id or number, whose frozen inputs are compared in place of today's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<String>,
    /// The policies; all unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<String>>,
}

impl CompareRequest {
    /// The words of the policies that are compared, in the order in which they were asked for.
    pub fn policies(&self, faults: &mut Faults) -> Vec<String> {
        match &self.policies {
            None => Policy::all().iter().map(|policy| policy.as_str().to_owned()).collect(),
            Some(words) => {
                if words.is_empty() {
                    faults.add("/policies", FaultCode::TooShort);
                }
                for (at, word) in words.iter().enumerate() {
                    if Policy::from_word(word).is_none() {
                        faults.add(format!("/policies/{at}"), FaultCode::NotInList);
                    } else if words.iter().take(at).any(|other| other == word) {
                        faults.add(format!("/policies/{at}"), FaultCode::Duplicate);
                    }
                }
                words.clone()
            }
        }
    }
}

/// A question, before its stores and items are known.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The items.
    pub items: Vec<ItemCode>,
    /// Who gives; found where `None`.
    pub donors: Option<Vec<StoreCode>>,
    /// Who receives; found where `None`.
    pub recipients: Option<Vec<StoreCode>>,
    /// How.
    pub terms: Terms,
    /// Why.
    pub reason: Option<String>,
    /// What is supposed; only for a rehearsal.
    pub what_if: Option<WhatIf>,
}

impl AllocationRequest {
    /// Whether it is only a rehearsal.
    pub fn is_rehearsal(&self) -> bool {
        self.rehearsal == Some(true)
    }

    /// Reads everything that can be judged without the book; faults go to `faults`.
    ///
    /// What is not said comes from the round before, where there is one.
    pub fn parse(&self, before: Option<&Inputs>, faults: &mut Faults) -> Asked {
        let items = self.items(before, faults);
        let donors = self.stores("/donors", self.donors.as_ref(), faults).or_else(|| {
            before.filter(|inputs| !inputs.terms.donors_found).map(|inputs| {
                distinct(inputs.parts.iter().flat_map(|part| &part.donors).map(|one| &one.store))
            })
        });
        let recipients =
            self.stores("/recipients", self.recipients.as_ref(), faults).or_else(|| {
                before.filter(|inputs| !inputs.terms.recipients_found).map(|inputs| {
                    let all = inputs.parts.iter().flat_map(|part| &part.recipients);
                    distinct(all.map(|one| &one.store))
                })
            });
        for (at, store) in recipients.iter().flatten().enumerate() {
            if donors.as_ref().is_some_and(|donors| donors.contains(store)) {
                faults.add(format!("/recipients/{at}"), FaultCode::Contradicts);
            }
        }
        let mut terms = self.terms(before.map(|inputs| &inputs.terms), faults);
        terms.donors_found = donors.is_none();
        terms.recipients_found = recipients.is_none();
        if terms.pack_code.is_some() && items.len() > 1 {
            faults.add("/pack_code", FaultCode::Contradicts);
        }
        let what_if = match &self.what_if {
            Some(what_if) if self.is_rehearsal() => Some(what_if.parse(faults)),
            Some(_) => {
                faults.add("/what_if", FaultCode::Contradicts);
                None
            }
            None => self.is_rehearsal().then(WhatIf::default),
        };
        let reason = text::<200>(faults, "/reason", self.reason.as_deref());
        Asked { items, donors, recipients, terms, reason, what_if }
    }

    fn items(&self, before: Option<&Inputs>, faults: &mut Faults) -> Vec<ItemCode> {
        let mut items: Vec<ItemCode> = Vec::new();
        match (&self.item_code, &self.item_codes) {
            (Some(_), Some(_)) => faults.add("/item_codes", FaultCode::Contradicts),
            (Some(code), None) => items.extend(faults.keep("/item_code", ItemCode::new(code))),
            (None, Some(codes)) => {
                if codes.is_empty() {
                    faults.add("/item_codes", FaultCode::TooShort);
                }
                if codes.len() > MANY_ITEMS {
                    faults.add("/item_codes", FaultCode::TooLong);
                }
                for (at, code) in codes.iter().take(MANY_ITEMS).enumerate() {
                    let pointer = format!("/item_codes/{at}");
                    match faults.keep(pointer.clone(), ItemCode::new(code)) {
                        Some(code) if items.contains(&code) => {
                            faults.add(pointer, FaultCode::Duplicate);
                        }
                        Some(code) => items.push(code),
                        None => {}
                    }
                }
            }
            (None, None) => match before {
                Some(inputs) => items.extend(inputs.parts.iter().map(|part| part.item.clone())),
                None => faults.add("/item_code", FaultCode::Required),
            },
        }
        items
    }

    fn stores(
        &self,
        pointer: &str,
        codes: Option<&Vec<String>>,
        faults: &mut Faults,
    ) -> Option<Vec<StoreCode>> {
        let codes = codes?;
        if codes.is_empty() {
            faults.add(pointer, FaultCode::TooShort);
        }
        Some(store_codes(faults, pointer, codes))
    }

    fn terms(&self, before: Option<&Terms>, faults: &mut Faults) -> Terms {
        let usual = Terms {
            policy: "staged_leximin".to_owned(),
            measure: Measure::DaysOfCover,
            stages: Vec::new(),
            keep_back_percent: 0,
            min_packs: 1,
            min_life_days: 0,
            target_days: None,
            pack_code: None,
            with_substitutes: false,
            urgency: Urgency::Routine,
            needed_by: None,
            urgent_stores: Vec::new(),
            weights: Vec::new(),
            donors_found: true,
            recipients_found: true,
        };
        let mut terms = before.cloned().unwrap_or(usual);
        // The day by which an earlier round was needed says nothing about this one.
        terms.needed_by = self.needed_by.as_deref().and_then(|text| needed_by(faults, text));
        if let Some(word) = &self.policy {
            let known = Policy::from_word(word).map(|policy| policy.as_str().to_owned());
            if let Some(word) = faults.keep("/policy", known.ok_or(FaultCode::NotInList)) {
                terms.policy = word;
            }
        }
        if let Some(word) = &self.measure {
            let known = Measure::from_word(word).ok_or(FaultCode::NotInList);
            terms.measure = faults.keep("/measure", known).unwrap_or(terms.measure);
        }
        if let Some(word) = &self.urgency {
            let known = Urgency::from_word(word).ok_or(FaultCode::NotInList);
            terms.urgency = faults.keep("/urgency", known).unwrap_or(terms.urgency);
        }
        self.numbers(&mut terms, faults);
        if let Some(stages) = &self.stages {
            terms.stages = stages_of(stages, faults);
        }
        if terms.policy != "staged_leximin" && !terms.stages.is_empty() {
            if self.stages.is_some() {
                faults.add("/stages", FaultCode::Contradicts);
            }
            terms.stages = Vec::new();
        }
        if let Some(urgent) = &self.urgent {
            terms.urgent_stores = store_codes(faults, "/urgent", urgent);
        }
        if let Some(weights) = &self.weights {
            terms.weights = weights_of(weights, faults);
            if terms.policy != "weighted" {
                faults.add("/weights", FaultCode::Contradicts);
            }
        }
        terms
    }

    fn numbers(&self, terms: &mut Terms, faults: &mut Faults) {
        if let Some(percent) = self.keep_back_percent {
            terms.keep_back_percent = within(faults, "/keep_back_percent", percent, 0, 100);
        }
        if let Some(packs) = self.min_packs {
            terms.min_packs = within(faults, "/min_packs", packs, 1, 1_000_000_000);
        }
        if let Some(days) = self.min_life_days {
            terms.min_life_days = within(faults, "/min_life_days", days, 0, MANY_DAYS);
        }
        if let Some(days) = self.target_days {
            terms.target_days = Some(within(faults, "/target_days", days, 1, MANY_DAYS));
        }
        if let Some(code) = text::<32>(faults, "/pack_code", self.pack_code.as_deref()) {
            terms.pack_code = Some(code);
        }
        if let Some(with) = self.with_substitutes {
            terms.with_substitutes = with;
        }
    }
}

fn distinct<'a>(stores: impl Iterator<Item = &'a StoreCode>) -> Vec<StoreCode> {
    let all: std::collections::BTreeSet<&StoreCode> = stores.collect();
    all.into_iter().cloned().collect()
}

fn stages_of(stages: &[StageRequest], faults: &mut Faults) -> Vec<StageTerm> {
    if stages.is_empty() || stages.len() > 100 {
        faults.add("/stages", FaultCode::OutOfRange);
    }
    let mut terms = Vec::new();
    for (at, stage) in stages.iter().take(100).enumerate() {
        if let Some(days) = stage.to_days {
            within(faults, &format!("/stages/{at}/to_days"), days, 1, MANY_DAYS);
        }
        if let Some(class) = stage.priority_at_most {
            within(faults, &format!("/stages/{at}/priority_at_most"), class, 1, 1_000_000);
        }
        terms.push(StageTerm {
            priority_at_most: stage.priority_at_most,
            to_days: stage.to_days.map(|days| Ratio::whole(days.into())),
        });
    }
    terms
}

fn weights_of(weights: &[WeightRequest], faults: &mut Faults) -> Vec<WeightTerm> {
    let mut terms: Vec<WeightTerm> = Vec::new();
    if weights.len() > MANY {
        faults.add("/weights", FaultCode::TooLong);
    }
    for (at, one) in weights.iter().take(MANY).enumerate() {
        let pointer = format!("/weights/{at}/store_code");
        let weight = within(faults, &format!("/weights/{at}/weight"), one.weight, 1, 1_000_000);
        if let Some(store) = faults.keep(pointer.clone(), StoreCode::new(&one.store_code)) {
            if terms.iter().any(|term| term.store == store) {
                faults.add(pointer, FaultCode::Duplicate);
            }
            terms.push(WeightTerm { store, weight });
        }
    }
    terms
}

/// A civil date, or an instant with an offset, kept as it was meant.
fn needed_by(faults: &mut Faults, value: &str) -> Option<String> {
    let meant = parse_date(value)
        .map(|day| day.to_string())
        .or_else(|| Instant::parse(value).ok().map(|at| at.to_string()));
    faults.keep("/needed_by", meant.ok_or(FaultCode::NotADate))
}

impl WhatIfRequest {
    fn parse(&self, faults: &mut Faults) -> WhatIf {
        let level = self.response_level.as_deref().and_then(|word| {
            let known = ResponseLevel::from_word(word).ok_or(FaultCode::NotInList);
            faults.keep("/what_if/response_level", known)
        });
        if let Some(percent) = self.use_percent {
            within(faults, "/what_if/use_percent", percent, 0, 100_000);
        }
        let mut what_if =
            WhatIf { level, use_percent: self.use_percent, stock: Vec::new(), uses: Vec::new() };
        for (at, other) in self.stock.iter().enumerate() {
            let pointer = format!("/what_if/stock/{at}");
            let available = units(faults, &format!("{pointer}/available"), other.available);
            let cell = cell(faults, &pointer, &other.store_code, &other.item_code);
            let Some((store, item)) = cell else { continue };
            if what_if.stock_of(&store, &item).is_some() {
                faults.add(format!("{pointer}/store_code"), FaultCode::Duplicate);
            }
            what_if.stock.push(OtherStock { store, item, available });
        }
        for (at, other) in self.daily_use.iter().enumerate() {
            let pointer = format!("/what_if/daily_use/{at}");
            let daily = units(faults, &format!("{pointer}/daily_use"), other.daily_use);
            let cell = cell(faults, &pointer, &other.store_code, &other.item_code);
            let Some((store, item)) = cell else { continue };
            let daily_use = Some(Ratio::whole(daily.units().into()));
            if what_if.uses.iter().any(|known| known.store == store && known.item == item) {
                faults.add(format!("{pointer}/store_code"), FaultCode::Duplicate);
            }
            what_if.uses.push(OtherUse { store, item, daily_use });
        }
        what_if
    }
}

fn cell(
    faults: &mut Faults,
    pointer: &str,
    store: &str,
    item: &str,
) -> Option<(StoreCode, ItemCode)> {
    let store = faults.keep(format!("{pointer}/store_code"), StoreCode::new(store));
    let item = faults.keep(format!("{pointer}/item_code"), ItemCode::new(item));
    store.zip(item)
}
