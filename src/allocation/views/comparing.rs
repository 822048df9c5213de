//! Policies side by side.

use crate::allocation::changes::Change;
use crate::allocation::making::Figures;
use crate::allocation::outcome::PartOutcome;
use crate::allocation::problem::Measure;
use crate::kernel::{ItemCode, Quantity, Ratio, StoreCode};
use serde::Serialize;
use utoipa::ToSchema;

/// What one recipient would get.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComparedAward {
    /// The store.
    pub store_code: StoreCode,
    /// Packs.
    pub packs: i64,
    /// Base units.
    pub quantity: Quantity,
    /// Its level afterwards.
    pub level_after: Option<Ratio>,
}

/// One item under one policy.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComparedPart {
    /// The item.
    pub item_code: ItemCode,
    /// The lowest level afterwards, of those measured as was asked.
    pub lowest_level: Option<Ratio>,
    /// Recipients that have nothing afterwards although they lack something.
    pub stores_left_at_zero: i64,
    /// Recipients that stand below their target afterwards.
    pub stores_below_target: i64,
    /// What both spreads are of.
    pub spread_of: Measure,
    /// Gini coefficient of the levels: 0 where all are equal, towards 1 where one has all.
    pub gini: Option<Ratio>,
    /// The same to four decimals, for people.
    pub gini_decimal: Option<String>,
    /// The highest level less the lowest.
    pub range: Option<Ratio>,
    /// Base units that recipients still lack up to their targets.
    pub units_short: Quantity,
    /// Base units that remain available with the donors.
    pub reserve_left: Quantity,
    /// What the transport costs.
    pub transport_cost: Ratio,
    /// Packs given.
    pub packs_given: i64,
    /// Base units of what is sent that would expire before they are used.
    pub would_expire: Quantity,
    /// Who would get what.
    pub recipients: Vec<ComparedAward>,
}

impl ComparedPart {
    /// The figures of a part.
    pub fn of(item: &ItemCode, figures: &Figures, outcome: &PartOutcome) -> Self {
        let compared = &figures.compared;
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            item_code: item.clone(),
            lowest_level: compared.lowest_level,
            stores_left_at_zero: count(compared.left_at_zero),
            stores_below_target: count(figures.left_below_target),
            spread_of: compared.spread_of,
            gini: compared.gini,
            gini_decimal: compared.gini.map(|gini| gini.to_decimal(4)),
            range: compared.range,
            units_short: compared.units_short,
            reserve_left: compared.reserve_left,
            transport_cost: compared.transport_cost,
            packs_given: compared.packs_given,
            would_expire: figures.would_expire,
            recipients: outcome
                .awards
                .iter()
                .map(|award| ComparedAward {
                    store_code: award.store.clone(),
                    packs: award.packs,
                    quantity: award.quantity,
                    level_after: award.level_after,
                })
                .collect(),
        }
    }
}

/// One policy.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ComparedPolicy {
    /// Its word.
    #[schema(example = "leximin")]
    pub policy: String,
    /// The items.
    pub parts: Vec<ComparedPart>,
}

/// Policies side by side on the same inputs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AllocationComparison {
    /// The SHA-256 of the inputs, the same for all.
    pub input_hash: String,
    /// What levels are measured in.
    pub measure: Measure,
    /// Whether the figures are made up.
    pub rehearsal: bool,
    /// What has changed since, where the frozen inputs of a proposal were compared.
    pub changes: Vec<Change>,
    /// The policies, in the order in which they were asked for.
    pub policies: Vec<ComparedPolicy>,
}
