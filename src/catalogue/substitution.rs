//! What may stand in for an item: governed lists, one way only and in order.

use crate::kernel::id::SubstitutionListId;
use crate::kernel::{Instant, ItemCode, Quantity, RegionCode};
use crate::word_enum;
use std::collections::BTreeMap;

word_enum! {
    /// What an item is used for: a substitute may be good enough for one use and not for another.
    pub enum UseScene {
        /// 通用: any use that has no list of its own.
        General = "general",
        /// 隔离病区、重症、发热门诊: isolation wards, intensive care, fever clinics.
        Isolation = "isolation",
        /// 一般诊疗: other clinical work.
        Clinical = "clinical",
        /// 实验室: laboratories.
        Laboratory = "laboratory",
        /// 采样: sampling.
        Sampling = "sampling",
        /// 社区、学校等公共场所: communities, schools and other public places.
        Public = "public",
    }
}

/// So many base units of a substitute for so many of the item; both above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    substitute_units: Quantity,
    item_units: Quantity,
}

#[allow(clippy::derivable_impls, reason = "`word_enum!` writes the enum")]
impl Default for UseScene {
    fn default() -> Self {
        Self::General
    }
}

impl Rate {
    /// One for one.
    pub const ONE: Self = Self { substitute_units: Quantity::ONE, item_units: Quantity::ONE };

    /// `substitute_units` for `item_units`; `None` where either is zero.
    pub fn new(substitute_units: Quantity, item_units: Quantity) -> Option<Self> {
        (!substitute_units.is_zero() && !item_units.is_zero())
            .then_some(Self { substitute_units, item_units })
    }

    /// Base units of the substitute.
    pub const fn substitute_units(self) -> Quantity {
        self.substitute_units
    }

    /// Base units of the item that they stand in for.
    pub const fn item_units(self) -> Quantity {
        self.item_units
    }

    /// Whether one unit stands in for one.
    pub fn is_one_for_one(self) -> bool {
        self.substitute_units == self.item_units
    }

    /// How many whole units of the item so much of the substitute stands in for, rounded down.
    pub fn covers(self, substitute: Quantity) -> Quantity {
        let units = wide(substitute) * wide(self.item_units) / wide(self.substitute_units);
        capped(units)
    }

    /// How much of the substitute so much of the item takes, rounded up.
    pub fn takes(self, item: Quantity) -> Quantity {
        let (units, per) = (wide(item) * wide(self.substitute_units), wide(self.item_units));
        capped((units + per - 1) / per)
    }
}

/// Two quantities are below 2^53, so their product fits.
fn wide(quantity: Quantity) -> i128 {
    i128::from(quantity.units())
}

fn capped(units: i128) -> Quantity {
    let units = i64::try_from(units).ok().and_then(|units| Quantity::new(units).ok());
    units.unwrap_or(Quantity::MAX)
}

/// A substitute on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1 is taken first.
    pub rank: i64,
    /// The item that stands in.
    pub item_code: ItemCode,
    /// How much of it for how much.
    pub rate: Rate,
    /// What to mind when it is used.
    pub note: Option<String>,
}

/// A list of what may stand in for an item; the next one takes its place, none is amended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubstitutionList {
    /// Its identifier.
    pub id: SubstitutionListId,
    /// The item that is wanted.
    pub item_code: ItemCode,
    /// The how-manyth list of the item.
    pub version: i64,
    /// The use that it is for.
    pub scene: UseScene,
    /// The region for which it holds, and what lies in it; everywhere where there is none.
    pub region: Option<RegionCode>,
    /// From when it holds.
    pub valid_from: Instant,
    /// Until when, exclusive; until another takes its place where there is none.
    pub valid_to: Option<Instant>,
    /// Why.
    pub reason: String,
    /// The paper or standard that permits it.
    pub source: String,
    /// What stands in, in order of rank; nothing where a list is taken back.
    pub entries: Vec<Entry>,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// The name of the user who recorded it.
    pub recorded_by: String,
}

impl SubstitutionList {
    /// Whether it holds at a time, if no other takes its place.
    pub fn is_valid_at(&self, at: Instant) -> bool {
        self.valid_from <= at && self.valid_to.is_none_or(|end| at < end)
    }
}

/// A substitute as it may be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    /// The item that stands in.
    pub item: ItemCode,
    /// How much of it for how much.
    pub rate: Rate,
    /// The list that permits it.
    pub list: SubstitutionListId,
}

/// What may stand in for each item, in order and one way only.
pub type Substitutes = BTreeMap<ItemCode, Vec<Standby>>;

/// The lists that hold at one time, by item, use and region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListsInForce(
    BTreeMap<ItemCode, BTreeMap<(UseScene, Option<RegionCode>), SubstitutionList>>,
);

impl ListsInForce {
    /// Of some lists those that hold at a time: of those for the same item, use and region the one
    /// that began last, so that an older one without an end holds again when a later one has ended.
    pub fn at(at: Instant, lists: impl IntoIterator<Item = SubstitutionList>) -> Self {
        let mut lists: Vec<SubstitutionList> =
            lists.into_iter().filter(|list| list.is_valid_at(at)).collect();
        lists.sort_by_key(|list| (list.valid_from, list.version));
        let mut in_force = Self::default();
        for list in lists {
            let place = (list.scene, list.region.clone());
            in_force.0.entry(list.item_code.clone()).or_default().insert(place, list);
        }
        in_force
    }

    /// Every list that holds somewhere for some use.
    pub fn iter(&self) -> impl Iterator<Item = &SubstitutionList> {
        self.0.values().flat_map(BTreeMap::values)
    }

    /// The list that counts for an item in a region and a use: one for the use itself before one
    /// for any use, and of these that of the nearest region, itself or above it.
    ///
    /// Without a region those that hold everywhere count.
    pub fn list_of(
        &self,
        item: &ItemCode,
        region: Option<&RegionCode>,
        scene: UseScene,
    ) -> Option<&SubstitutionList> {
        let lists = self.0.get(item)?;
        let above = region.map(RegionCode::with_ancestors).unwrap_or_default();
        let regions: Vec<Option<RegionCode>> = above.into_iter().map(Some).chain([None]).collect();
        let nearest =
            |scene: UseScene| regions.iter().find_map(|region| lists.get(&(scene, region.clone())));
        nearest(scene).or_else(|| nearest(UseScene::General))
    }

    /// What may stand in for each item in a region and a use.
    pub fn of(&self, region: Option<&RegionCode>, scene: UseScene) -> Substitutes {
        let lists = self.0.keys().filter_map(|item| self.list_of(item, region, scene));
        lists
            .filter(|list| !list.entries.is_empty())
            .map(|list| (list.item_code.clone(), list.standbys().collect()))
            .collect()
    }

    /// What may stand in for each item anywhere for some use: nothing that ever counts is missing.
    pub fn everything(&self) -> BTreeMap<ItemCode, Vec<ItemCode>> {
        let mut all: BTreeMap<ItemCode, Vec<ItemCode>> = BTreeMap::new();
        for list in self.iter().filter(|list| !list.entries.is_empty()) {
            let others = all.entry(list.item_code.clone()).or_default();
            others.extend(list.entries.iter().map(|entry| entry.item_code.clone()));
            others.sort_unstable();
            others.dedup();
        }
        all
    }
}

impl SubstitutionList {
    fn standbys(&self) -> impl Iterator<Item = Standby> {
        self.entries.iter().map(|entry| Standby {
            item: entry.item_code.clone(),
            rate: entry.rate,
            list: self.id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn rate(substitute: i64, item: i64) -> Rate {
        Rate::new(units(substitute), units(item)).unwrap()
    }

    fn code(text: &str) -> ItemCode {
        ItemCode::new(text).unwrap()
    }

    fn region(text: &str) -> RegionCode {
        RegionCode::new(text).unwrap()
    }

    fn day(text: &str) -> Instant {
        Instant::parse(&format!("2026-03-{text}T00:00:00Z")).unwrap()
    }

    fn list(
        version: i64,
        (scene, of): (UseScene, Option<&str>),
        (from, to): (&str, Option<&str>),
        others: &[&str],
    ) -> SubstitutionList {
        let entries = others.iter().zip(1..).map(|(other, rank)| Entry {
            rank,
            item_code: code(other),
            rate: Rate::ONE,
            note: None,
        });
        SubstitutionList {
            id: SubstitutionListId::generate(),
            item_code: code("M02"),
            version,
            scene,
            region: of.map(region),
            valid_from: day(from),
            valid_to: to.map(day),
            reason: "紧缺".to_owned(),
            source: "工信明电〔2020〕10号".to_owned(),
            entries: entries.collect(),
            recorded_at: day(from),
            recorded_by: "commander".to_owned(),
        }
    }

    fn first(in_force: &ListsInForce, of: &str, scene: UseScene) -> Option<String> {
        let found = in_force.of(Some(&region(of)), scene);
        Some(found.get(&code("M02"))?.first()?.item.to_string())
    }

    #[test]
    fn two_for_one_covers_half_and_takes_twice_as_much() {
        let two_for_one = rate(2, 1);
        assert_eq!(two_for_one.covers(units(7)), units(3));
        assert_eq!(two_for_one.takes(units(3)), units(6));
        assert_eq!(rate(3, 2).covers(units(4)), units(2));
        assert_eq!(rate(1, 3).takes(units(1)), units(1));
        assert_eq!(Rate::new(Quantity::ZERO, Quantity::ONE), None);
        assert_eq!(rate(1, 2).covers(Quantity::MAX), Quantity::MAX);
    }

    #[test]
    fn what_is_for_the_use_itself_comes_before_what_is_for_any_use_and_the_nearest_region_decides()
    {
        let lists = [
            list(1, (UseScene::General, None), ("01", None), &["A"]),
            list(2, (UseScene::General, Some("360729")), ("01", None), &["B"]),
            list(3, (UseScene::Isolation, Some("36")), ("01", None), &["C"]),
            list(4, (UseScene::Sampling, Some("360729101")), ("01", None), &[]),
        ];
        let in_force = ListsInForce::at(day("02"), lists);
        let at = |of: &str, scene| first(&in_force, of, scene);
        assert_eq!(at("44", UseScene::General).as_deref(), Some("A"));
        assert_eq!(at("360729101", UseScene::General).as_deref(), Some("B"));
        assert_eq!(at("360729101", UseScene::Isolation).as_deref(), Some("C"));
        assert_eq!(at("360729101", UseScene::Public).as_deref(), Some("B"));
        // An empty list takes back what would hold otherwise.
        assert_eq!(at("360729101", UseScene::Sampling), None);
        assert_eq!(in_force.everything()[&code("M02")], [code("A"), code("B"), code("C")]);
    }

    #[test]
    fn what_ended_gives_way_to_what_held_before_and_of_two_the_later_counts() {
        let lists = [
            list(1, (UseScene::General, None), ("01", None), &["A"]),
            list(2, (UseScene::General, None), ("03", Some("05")), &["B"]),
            list(3, (UseScene::General, None), ("03", Some("04")), &["C"]),
        ];
        let on = |at: &str| {
            first(&ListsInForce::at(day(at), lists.clone()), "36", UseScene::General).unwrap()
        };
        assert_eq!(["01", "02", "03", "04", "05"].map(on), ["A", "A", "C", "B", "A"]);
        let before = Instant::parse("2026-02-28T00:00:00Z").unwrap();
        assert_eq!(ListsInForce::at(before, lists.clone()), ListsInForce::default());
    }

    proptest! {
        #[test]
        fn what_is_covered_never_takes_more_than_there_is(
            of in 1_i64..1_000, per in 1_i64..1_000, there in 0_i64..1_000_000_000,
        ) {
            let rate = rate(of, per);
            let covered = rate.covers(units(there));
            prop_assert!(rate.takes(covered) <= units(there));
            // And one unit more could not be covered.
            let more = Quantity::new(covered.units() + 1).unwrap();
            prop_assert!(rate.takes(more) > units(there));
        }
    }
}
