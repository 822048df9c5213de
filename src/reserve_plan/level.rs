//! The response level 应急响应级别 of a region.

use crate::authority::Authority;
use crate::kernel::id::ResponseLevelId;
use crate::kernel::{Instant, RegionCode};
use crate::word_enum;
use std::collections::BTreeMap;

word_enum! {
    /// How grave the emergency is, the least grave first.
    ///
    /// Public emergencies are graded IV to I, I being the gravest; a county starts IV itself.
    pub enum ResponseLevel {
        /// No emergency.
        Normal = "normal",
        /// 一般.
        IV = "IV",
        /// 较大.
        III = "III",
        /// 重大.
        II = "II",
        /// 特别重大.
        I = "I",
    }
}

/// A region's declaration of a response level; the next one takes its place, none is amended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Its identifier.
    pub id: ResponseLevelId,
    /// The region that declared it, for itself and what lies in it.
    pub region: RegionCode,
    /// The level.
    pub level: ResponseLevel,
    /// Why.
    pub reason: String,
    /// By whose word.
    pub authority: Authority,
    /// From when it holds.
    pub effective_at: Instant,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// The name of the user who recorded it.
    pub declared_by: String,
}

/// The levels that regions have declared for themselves, as they stand at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LevelsInForce(BTreeMap<RegionCode, ResponseLevel>);

impl LevelsInForce {
    /// The level that holds in a region: its own, or that of the nearest region above it.
    ///
    /// Where nobody has declared any, it is normal.
    pub fn of(&self, region: &RegionCode) -> ResponseLevel {
        self.nearest(region).map_or(ResponseLevel::Normal, |(_, level)| level)
    }

    /// The region whose declaration holds in `region`, and the level it declared.
    pub fn nearest(&self, region: &RegionCode) -> Option<(RegionCode, ResponseLevel)> {
        region
            .with_ancestors()
            .into_iter()
            .find_map(|above| self.0.get(&above).copied().map(|level| (above, level)))
    }
}

impl FromIterator<(RegionCode, ResponseLevel)> for LevelsInForce {
    fn from_iter<I: IntoIterator<Item = (RegionCode, ResponseLevel)>>(declared: I) -> Self {
        Self(declared.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(code: &str) -> RegionCode {
        RegionCode::new(code).unwrap()
    }

    #[test]
    fn the_nearest_region_above_decides() {
        let levels: LevelsInForce = [
            (region("36"), ResponseLevel::IV),
            (region("360729"), ResponseLevel::II),
            (region("360729102"), ResponseLevel::Normal),
        ]
        .into_iter()
        .collect();
        assert_eq!(levels.of(&region("360729101")), ResponseLevel::II);
        assert_eq!(levels.of(&region("360729102")), ResponseLevel::Normal);
        assert_eq!(levels.of(&region("360730")), ResponseLevel::IV);
        assert_eq!(levels.of(&region("44")), ResponseLevel::Normal);
    }

    #[test]
    fn the_first_level_is_the_gravest() {
        assert!(ResponseLevel::I > ResponseLevel::II && ResponseLevel::IV > ResponseLevel::Normal);
    }
}
