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

impl LevelsInForce {
    /// The same, if `region` declared `level` for itself: what lies in it and has declared a level
    /// of its own keeps that.
    #[must_use]
    pub fn with(mut self, region: RegionCode, level: ResponseLevel) -> Self {
        self.0.insert(region, level);
        self
    }
}

/// A stretch of time in which one level held in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelHeld<'a> {
    /// The level.
    pub level: ResponseLevel,
    /// From when; `None` for the time before any declaration.
    pub from: Option<Instant>,
    /// Until when, exclusive; `None` while nothing later is declared.
    pub until: Option<Instant>,
    /// The declaration that it comes from.
    pub declaration: Option<&'a Declaration>,
}

/// The levels that held in a region one after the other, the first first: at any time that of the
/// nearest region, itself or above it, that had declared one.
pub fn timeline<'a>(region: &RegionCode, declared: &'a [Declaration]) -> Vec<LevelHeld<'a>> {
    let above = region.with_ancestors();
    let mut declared: Vec<&Declaration> =
        declared.iter().filter(|one| above.contains(&one.region)).collect();
    declared.sort_by_key(|one| (one.effective_at, one.recorded_at, one.id.clone()));
    let mut standing: BTreeMap<&RegionCode, &Declaration> = BTreeMap::new();
    let mut held = vec![LevelHeld {
        level: ResponseLevel::Normal,
        from: None,
        until: None,
        declaration: None,
    }];
    for at_once in declared.chunk_by(|one, next| one.effective_at == next.effective_at) {
        standing.extend(at_once.iter().map(|one| (&one.region, *one)));
        let holds = above.iter().find_map(|region| standing.get(region).copied());
        let (Some(holds), Some(last)) = (holds, held.last_mut()) else { continue };
        // A region further up declared something, which changes nothing here.
        if last.declaration == Some(holds) {
            continue;
        }
        let at = at_once.first().map(|one| one.effective_at);
        last.until = at;
        held.push(LevelHeld {
            level: holds.level,
            from: at,
            until: None,
            declaration: Some(holds),
        });
    }
    held
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

    fn declared(code: &str, level: ResponseLevel, effective: &str, recorded: &str) -> Declaration {
        let at = |time: &str| Instant::parse(&format!("2026-03-{time}:00:00Z")).unwrap();
        Declaration {
            id: ResponseLevelId::generate(),
            region: region(code),
            level,
            reason: "疫情".to_owned(),
            authority: Authority {
                kind: crate::authority::AuthorityKind::Order,
                number: Some("3号".to_owned()),
                issued_by: "王主任".to_owned(),
                post: None,
                phone: None,
                issued_at: None,
                heard_by: None,
            },
            effective_at: at(effective),
            recorded_at: at(recorded),
            declared_by: "commander".to_owned(),
        }
    }

    #[test]
    fn what_held_in_a_region_follows_from_its_own_and_the_declarations_above() {
        let declarations = [
            declared("36", ResponseLevel::IV, "01T00", "01T00"),
            declared("360729", ResponseLevel::II, "02T00", "02T01"),
            // Above a region that has a level of its own, and elsewhere: nothing changes.
            declared("36", ResponseLevel::I, "03T00", "03T00"),
            declared("360730", ResponseLevel::I, "03T00", "03T00"),
            // Two for the same time: the one recorded last holds.
            declared("360729", ResponseLevel::III, "04T00", "03T00"),
            declared("360729", ResponseLevel::Normal, "04T00", "03T01"),
        ];
        let held = timeline(&region("360729101"), &declarations);
        let levels: Vec<(ResponseLevel, Option<String>)> =
            held.iter().map(|held| (held.level, held.from.map(|at| at.to_string()))).collect();
        let from = |day: &str| Some(format!("2026-03-{day}T00:00:00Z"));
        assert_eq!(
            levels,
            [
                (ResponseLevel::Normal, None),
                (ResponseLevel::IV, from("01")),
                (ResponseLevel::II, from("02")),
                (ResponseLevel::Normal, from("04")),
            ]
        );
        assert!(held.windows(2).all(|pair| pair[0].until == pair[1].from));
    }

    #[test]
    fn the_first_level_is_the_gravest() {
        assert!(ResponseLevel::I > ResponseLevel::II && ResponseLevel::IV > ResponseLevel::Normal);
    }
}
