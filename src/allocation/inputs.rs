//! Everything that a proposal is worked out from, frozen: written whole, hashed, read back whole.

use crate::allocation::problem::{Measure, Policy, Stage};
use crate::dispatch::order::Urgency;
use crate::kernel::hash::sha256_hex;
use crate::kernel::id::{LotId, ReservePlanId};
use crate::kernel::{Instant, ItemCode, LotNumber, Quantity, Ratio, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::stock::fefo::PassedOverBecause;
use crate::word_enum;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Fractions as they are written everywhere: `61/2`, whole ones bare.
pub mod exact {
    use crate::kernel::Ratio;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// The fraction of a text; `None` where it is none.
    pub fn read(text: &str) -> Option<Ratio> {
        match text.split_once('/') {
            None => text.parse().ok().map(Ratio::whole),
            Some((above, below)) => Ratio::new(above.parse().ok()?, below.parse().ok()?),
        }
    }

    /// Writes a fraction that may be unknown.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn serialize<S: Serializer>(ratio: &Option<Ratio>, to: S) -> Result<S::Ok, S::Error> {
        ratio.serialize(to)
    }

    /// Reads it back.
    ///
    /// # Errors
    /// Where the text is no fraction.
    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Ratio>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        text.map(|text| read(&text).ok_or_else(|| serde::de::Error::custom(text))).transpose()
    }
}

/// One step of a staged proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTerm {
    /// Recipients of this class or a more urgent one; everyone without it.
    pub priority_at_most: Option<i64>,
    /// Up to so many days of cover; to the target without it.
    #[serde(with = "exact")]
    pub to_days: Option<Ratio>,
}

/// What the commander asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The rule, by its word.
    pub policy: String,
    /// What levels are measured in.
    pub measure: Measure,
    /// The steps of the staged rule; the usual ones without any.
    pub stages: Vec<StageTerm>,
    /// Whole percents of what each donor could give that stay back for later needs.
    pub keep_back_percent: i64,
    /// A recipient that would be sent fewer packs is sent none.
    pub min_packs: i64,
    /// Days that a lot must still be usable after the day of its arrival.
    pub min_life_days: i64,
    /// Days of use that are every recipient's target, instead of the plan's.
    pub target_days: Option<i64>,
    /// The pack in which the item moves, where it is not the smallest.
    pub pack_code: Option<String>,
    /// Whether what may stand in for the item is divided with it.
    pub with_substitutes: bool,
    /// How pressing it is.
    pub urgency: Urgency,
    /// The day or instant by which it is needed, as it was given.
    pub needed_by: Option<String>,
    /// Recipients in the urgent lane: served to their targets before the others.
    pub urgent_stores: Vec<StoreCode>,
    /// Weights of recipients for the weighted rule; others weigh 1.
    pub weights: Vec<WeightTerm>,
    /// Whether donors were found, not named.
    pub donors_found: bool,
    /// Whether recipients were found, not named.
    pub recipients_found: bool,
}

/// What a recipient weighs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightTerm {
    /// The recipient.
    pub store: StoreCode,
    /// A recipient of weight 2 is brought to twice the level of one of weight 1.
    pub weight: i64,
}

impl Terms {
    /// What a recipient weighs.
    pub fn weight_of(&self, store: &StoreCode) -> i64 {
        self.weights.iter().find(|term| term.store == *store).map_or(1, |term| term.weight)
    }

    /// The rule as the solver knows it.
    pub fn policy(&self) -> Policy {
        policy_of(&self.policy, &self.stages)
    }
}

/// The rule of a word, the staged one with these steps.
pub fn policy_of(word: &str, stages: &[StageTerm]) -> Policy {
    match Policy::from_word(word) {
        Some(Policy::StagedLeximin { .. }) => Policy::StagedLeximin {
            stages: stages
                .iter()
                .map(|stage| Stage {
                    priority_at_most: stage.priority_at_most,
                    to_days: stage.to_days,
                })
                .collect(),
        },
        Some(policy) => policy,
        // A request with another word is refused before it gets here.
        None => Policy::Leximin,
    }
}

/// The version of the reserve plan from which floors and targets come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AllocationPlan)]
pub struct PlanInForce {
    /// The version's id.
    pub id: ReservePlanId,
    /// What people call it.
    pub name: String,
    /// Which version.
    pub version: i64,
}

word_enum! {
    /// What a donor keeps, and why no less.
    pub enum Keeps {
        /// Its floor: it supplies other stores, or was named as a donor.
        Floor = "floor",
        /// Its target: it was found, and supplies nobody.
        Target = "target",
    }
}

/// A lot that may be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotInput {
    /// The lot; none in a rehearsal on stock that somebody made up.
    pub lot_id: Option<LotId>,
    /// The number on its label.
    pub lot_number: LotNumber,
    /// Its item.
    pub item_code: ItemCode,
    /// The last day of use, where it has one.
    pub expires_on: Option<NaiveDate>,
    /// Base units that nobody was promised.
    pub free: Quantity,
}

/// A lot that lies there and may not be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AllocationLotPassedOver)]
pub struct LotPassedOver {
    /// The lot.
    pub lot_id: LotId,
    /// The number on its label.
    pub lot_number: LotNumber,
    /// Its item.
    pub item_code: ItemCode,
    /// Base units that lie there.
    pub quantity: Quantity,
    /// Why it is passed over.
    pub reason: PassedOverBecause,
}

/// What a donor has of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DonorItem {
    /// The item.
    pub item_code: ItemCode,
    /// Base units that may be used and are promised to nobody.
    pub available: Quantity,
    /// What must remain of them: its floor in the plan, zero where the plan gives none.
    pub floor: Quantity,
    /// What it keeps: the floor, or more.
    pub keeps: Quantity,
    /// Base units in lots that may be given.
    pub usable: Quantity,
}

impl DonorItem {
    /// Base units that may be given, as whole packs: what is usable, above what it keeps.
    pub fn exportable(&self, pack: Quantity) -> Quantity {
        let above = self.available.minus_or_zero(self.keeps).min(self.usable);
        let whole = above.units() / pack.units().max(1);
        pack.times(whole).unwrap_or(above)
    }
}

/// Someone who may give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DonorInput {
    /// The store.
    pub store: StoreCode,
    /// What it keeps.
    pub keeps: Keeps,
    /// What it has, the item asked for first.
    pub items: Vec<DonorItem>,
    /// Its lots that may be given, in the order in which they are.
    pub lots: Vec<LotInput>,
    /// Its other lots.
    pub passed_over: Vec<LotPassedOver>,
}

/// Someone who may receive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientInput {
    /// The store.
    pub store: StoreCode,
    /// Its class; 1 is served first where the policy looks at classes.
    pub priority: i64,
    /// The response level that holds there.
    pub level: ResponseLevel,
    /// Base units that may be used and are promised to nobody.
    pub available: Quantity,
    /// Base units on the way to it, in time and in date.
    pub arriving: Quantity,
    /// Base units that other stores were told to send to it and have not yet.
    pub promised: Quantity,
    /// The average daily use; unknown without it.
    #[serde(with = "exact")]
    pub daily_use: Option<Ratio>,
    /// What should be there; unknown without it.
    pub target: Option<Quantity>,
}

impl RecipientInput {
    /// What counts as there already: in the store, on the way, and promised to it.
    pub fn stock(&self) -> Quantity {
        Quantity::total([self.available, self.arriving, self.promised])
    }
}

word_enum! {
    /// Why goods may not go from one store to another.
    pub enum Shut {
        /// The table of routes says that the road is closed.
        Closed = "closed",
        /// The item must stay cold, and no cold-chain route is recorded.
        NoColdChain = "no_cold_chain",
    }
}

word_enum! {
    /// Where the cost of a route comes from.
    pub enum CostFrom {
        /// The table of routes.
        Table = "table",
        /// The distance between the coordinates of the stores, in metres.
        Coordinates = "coordinates",
        /// Nobody knows: it counts as nothing.
        Unknown = "unknown",
    }
}

/// A way from a donor to a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteInput {
    /// The donor.
    pub from: StoreCode,
    /// The recipient.
    pub to: StoreCode,
    /// The cost of one pack.
    pub cost: i64,
    /// Where that comes from.
    pub cost_from: CostFrom,
    /// The day on which goods that leave now arrive.
    pub arrives_on: NaiveDate,
    /// Why nothing may go this way; open without it.
    pub shut: Option<Shut>,
    /// What the table says about it.
    pub reason: Option<String>,
}

word_enum! {
    /// Why a store was left out.
    pub enum LeftOutBecause {
        /// Nothing says how much it should have: no target, and no need to work one out from.
        NoTarget = "no_target",
        /// It has not the room in which the item must be kept.
        CannotStore = "cannot_store",
        /// It has nothing above what it keeps.
        NothingToGive = "nothing_to_give",
        /// It lacks nothing.
        NothingLacking = "nothing_lacking",
    }
}

/// A store that was named and takes no part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AllocationStoreLeftOut)]
pub struct StoreLeftOut {
    /// The store.
    pub store_code: StoreCode,
    /// Why.
    pub reason: LeftOutBecause,
}

/// One item to divide, alone or with what may stand in for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartInput {
    /// The item.
    pub item: ItemCode,
    /// The item and what may stand in for it, in the order in which they are given.
    pub group: Vec<ItemCode>,
    /// Base units that move together.
    pub pack: Quantity,
    /// Those who may give.
    pub donors: Vec<DonorInput>,
    /// Those who may receive, in the order in which ties are broken.
    pub recipients: Vec<RecipientInput>,
    /// The ways between them.
    pub routes: Vec<RouteInput>,
    /// Stores that take no part.
    pub left_out: Vec<StoreLeftOut>,
}

/// Everything that a proposal is worked out from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// When the figures were taken.
    pub taken_at: Instant,
    /// The business day of that.
    pub day: NaiveDate,
    /// The plan in force then.
    pub plan: Option<PlanInForce>,
    /// What was asked for.
    pub terms: Terms,
    /// What somebody made up for a rehearsal, in words that [`crate::allocation::what_if`] reads.
    pub what_if: Option<crate::allocation::what_if::WhatIf>,
    /// The items.
    pub parts: Vec<PartInput>,
}

impl Inputs {
    /// The inputs as the JSON that is kept.
    pub fn to_json(&self) -> String {
        // Structs of strings and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the JSON back; `None` where it is not one of ours.
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// The SHA-256 of the JSON that is kept.
    pub fn hash_of(json: &str) -> String {
        sha256_hex(json)
    }
}
