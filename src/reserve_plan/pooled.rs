//! Pooled nucleic-acid testing 混采检测: what a campaign of so many people takes.

use crate::word_enum;
use serde::{Deserialize, Serialize};

word_enum! {
    /// What the item of the line is: which of a campaign's needs it meets.
    pub enum PooledOutput {
        /// 拭子: one for each person and round.
        Swabs = "swabs",
        /// 采样管: one for each pool and round.
        Tubes = "tubes",
        /// 提取反应: every tube and every control is extracted once; for items counted in tests.
        Extractions = "extractions",
        /// 提取试剂盒: extractions in kits of `tests_per_kit`.
        ExtractionKits = "extraction_kits",
        /// 扩增反应 (人份): every tube and every control is amplified once.
        Reactions = "reactions",
        /// 扩增试剂盒: reactions in kits of `tests_per_kit`.
        Kits = "kits",
        /// 质控品: positive and negative controls, `controls` for each run.
        Controls = "controls",
        /// Plates 96孔板: one for each run.
        Plates = "plates",
    }
}

impl PooledOutput {
    /// Whether it is counted in kits, so that `tests_per_kit` must be known.
    pub const fn is_in_kits(self) -> bool {
        match self {
            Self::ExtractionKits | Self::Kits => true,
            Self::Swabs
            | Self::Tubes
            | Self::Extractions
            | Self::Reactions
            | Self::Controls
            | Self::Plates => false,
        }
    }
}

/// A campaign of pooled testing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PooledTesting {
    /// People to be tested in each round.
    pub people: i64,
    /// People whose swabs go into one tube: 1, 5, 10 or 20.
    pub pool: i64,
    /// Wells of a plate.
    pub wells: i64,
    /// Wells of each run that hold controls, below `wells`.
    pub controls: i64,
    /// How often everybody is tested.
    pub rounds: i64,
    /// Of what is drawn so much is lost, in whole percents below 100.
    pub waste_percent: i64,
    /// Tests in one kit.
    pub tests_per_kit: i64,
    /// What the item of the line is.
    pub output: PooledOutput,
}

/// Each step from people to kits, in whole pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PooledNeed {
    /// Tubes of one round: `ceil(people / pool)`.
    pub tubes_per_round: i128,
    /// Runs of one round: `ceil(tubes / (wells − controls))`.
    pub runs_per_round: i128,
    /// What the line's item is needed for, before waste and kits.
    pub net: i128,
    /// With waste: `ceil(net × 100 / (100 − waste))`.
    pub with_waste: i128,
    /// In the unit of the output: kits, rounded up, or the same.
    pub quantity: i128,
}

impl PooledTesting {
    /// What it takes; `None` when it does not fit or the plan is not possible (no pool, no free
    /// well, no kit, all wasted), which requests refuse.
    pub fn need(&self) -> Option<PooledNeed> {
        let tubes_per_round = divide_up(self.people.into(), self.pool.into())?;
        let free_wells = i128::from(self.wells).checked_sub(self.controls.into())?;
        let runs_per_round = divide_up(tubes_per_round, free_wells)?;
        let controls = runs_per_round.checked_mul(self.controls.into())?;
        let in_one_round = match self.output {
            PooledOutput::Swabs => self.people.into(),
            PooledOutput::Tubes => tubes_per_round,
            PooledOutput::Extractions
            | PooledOutput::ExtractionKits
            | PooledOutput::Reactions
            | PooledOutput::Kits => tubes_per_round.checked_add(controls)?,
            PooledOutput::Controls => controls,
            PooledOutput::Plates => runs_per_round,
        };
        let net = in_one_round.checked_mul(self.rounds.into())?;
        let kept = 100_i128.checked_sub(self.waste_percent.into())?;
        let with_waste = divide_up(net.checked_mul(100)?, kept)?;
        let quantity = if self.output.is_in_kits() {
            divide_up(with_waste, self.tests_per_kit.into())?
        } else {
            with_waste
        };
        Some(PooledNeed { tubes_per_round, runs_per_round, net, with_waste, quantity })
    }
}

fn divide_up(amount: i128, by: i128) -> Option<i128> {
    if amount < 0 || by <= 0 {
        return None;
    }
    Some(amount / by + i128::from(amount % by != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn county(output: PooledOutput) -> PooledTesting {
        PooledTesting {
            people: 182_345,
            pool: 10,
            wells: 96,
            controls: 2,
            rounds: 3,
            waste_percent: 5,
            tests_per_kit: 96,
            output,
        }
    }

    fn quantity(output: PooledOutput) -> i128 {
        county(output).need().unwrap().quantity
    }

    #[test]
    fn a_county_tested_three_times_takes_so_many_tubes_reactions_and_kits() {
        let need = county(PooledOutput::Kits).need().unwrap();
        // 182 345 / 10 → 18 235 tubes; / 94 → 194 runs; (18 235 + 388) × 3 = 55 869;
        // × 100/95 → 58 810; / 96 → 613 kits.
        assert_eq!(
            need,
            PooledNeed {
                tubes_per_round: 18_235,
                runs_per_round: 194,
                net: 55_869,
                with_waste: 58_810,
                quantity: 613,
            }
        );
        assert_eq!(quantity(PooledOutput::ExtractionKits), 613);
        assert_eq!(quantity(PooledOutput::Reactions), 58_810);
        assert_eq!(quantity(PooledOutput::Extractions), 58_810);
        // ceil(547 035 / 0.95), ceil(54 705 / 0.95), ceil(1 164 / 0.95), ceil(582 / 0.95).
        assert_eq!(quantity(PooledOutput::Swabs), 575_827);
        assert_eq!(quantity(PooledOutput::Tubes), 57_585);
        assert_eq!(quantity(PooledOutput::Controls), 1_226);
        assert_eq!(quantity(PooledOutput::Plates), 613);
    }

    #[test]
    fn a_campaign_that_cannot_be_has_no_need() {
        let all = county(PooledOutput::Kits);
        for broken in [
            PooledTesting { pool: 0, ..all },
            PooledTesting { controls: 96, ..all },
            PooledTesting { waste_percent: 100, ..all },
            PooledTesting { tests_per_kit: 0, ..all },
            PooledTesting { people: -1, ..all },
            PooledTesting { people: i64::MAX, rounds: i64::MAX, pool: 1, controls: 95, ..all },
        ] {
            assert_eq!(broken.need(), None, "{broken:?}");
        }
        assert_eq!(PooledTesting { people: 0, ..all }.need().unwrap().quantity, 0);
    }

    proptest! {
        #[test]
        fn more_people_never_take_less_and_larger_pools_never_more(
            people in 0_i64..1_000_000, more in 0_i64..1_000, pool in 1_i64..20, controls in 0_i64..8,
            waste_percent in 0_i64..60, at in 0_usize..8,
        ) {
            let output = *PooledOutput::ALL.get(at).unwrap();
            let few = PooledTesting { people, pool, controls, waste_percent, ..county(output) };
            let need = |plan: PooledTesting| plan.need().unwrap().quantity;
            let crowded = PooledTesting { people: people + more, ..few };
            let pooled = PooledTesting { pool: pool + 1, ..few };
            prop_assert!(need(few) <= need(crowded));
            prop_assert!(need(few) >= need(pooled));
        }
    }
}
