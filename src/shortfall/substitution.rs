//! What stands in for what is missing: surplus of substitutes at the same store, counted one way and
//! once, beside the shortfall and never in it.

use crate::catalogue::substitution::{Rate, Substitutes};
use crate::kernel::id::SubstitutionListId;
use crate::kernel::{ItemCode, Quantity};
use std::collections::{BTreeMap, BTreeSet};

/// A substitute and what it would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// The substitute.
    pub item: ItemCode,
    /// What it has above its own target and floor, less what stands in for items before this one.
    pub surplus_available: Quantity,
    /// How much of what is missing it would cover, in units of the item.
    pub would_cover: Quantity,
    /// How much of it that takes, in its own units.
    pub would_take: Quantity,
    /// How much of it stands in for how much.
    pub rate: Rate,
    /// The list that permits it.
    pub list: SubstitutionListId,
}

/// What substitutes would do for a shortfall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substitution {
    /// The substitutes in their order.
    pub stand_ins: Vec<StandIn>,
    /// What would still be missing.
    pub still_missing: Quantity,
}

/// Lets the surplus of one store stand in for what it is short of.
///
/// Items are served in the order of their codes, each from its substitutes in the order of its list;
/// a unit that stands in once is gone for whoever comes later.
pub fn stand_in(
    short: &BTreeMap<ItemCode, Quantity>,
    mut surplus: BTreeMap<ItemCode, Quantity>,
    substitutes: &Substitutes,
) -> BTreeMap<ItemCode, Substitution> {
    let mut found = BTreeMap::new();
    for (item, missing) in short {
        let Some(list) = substitutes.get(item) else { continue };
        let mut still_missing = *missing;
        let mut stand_ins = Vec::with_capacity(list.len());
        for substitute in list {
            let left = surplus.entry(substitute.item.clone()).or_insert(Quantity::ZERO);
            let would_cover = still_missing.min(substitute.rate.covers(*left));
            let would_take = substitute.rate.takes(would_cover);
            stand_ins.push(StandIn {
                item: substitute.item.clone(),
                surplus_available: *left,
                would_cover,
                would_take,
                rate: substitute.rate,
                list: substitute.list.clone(),
            });
            *left = left.minus_or_zero(would_take);
            still_missing = still_missing.minus_or_zero(would_cover);
        }
        found.insert(item.clone(), Substitution { stand_ins, still_missing });
    }
    found
}

/// The items whose figures decide what stands in for some items: all that want the same substitutes,
/// or such as these want, and the substitutes.
pub fn related<'a>(
    items: impl IntoIterator<Item = &'a ItemCode>,
    substitutes: &BTreeMap<ItemCode, Vec<ItemCode>>,
) -> BTreeSet<ItemCode> {
    let mut wanting: BTreeSet<&ItemCode> =
        items.into_iter().filter(|item| substitutes.contains_key(*item)).collect();
    loop {
        let lent: BTreeSet<&ItemCode> =
            wanting.iter().filter_map(|item| substitutes.get(*item)).flatten().collect();
        let more: BTreeSet<&ItemCode> = substitutes
            .iter()
            .filter(|(_, list)| list.iter().any(|substitute| lent.contains(substitute)))
            .map(|(item, _)| item)
            .collect();
        if more.is_subset(&wanting) {
            return wanting.into_iter().chain(lent).cloned().collect();
        }
        wanting.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::substitution::Standby;
    use proptest::prelude::*;

    fn code(number: usize) -> ItemCode {
        ItemCode::new(&format!("M{number:02}")).unwrap()
    }

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn quantities(of: &[(usize, i64)]) -> BTreeMap<ItemCode, Quantity> {
        of.iter().map(|(item, n)| (code(*item), units(*n))).collect()
    }

    fn standby(item: usize, (of, per): (i64, i64)) -> Standby {
        let rate = Rate::new(units(of), units(per)).unwrap();
        Standby { item: code(item), rate, list: SubstitutionListId::generate() }
    }

    fn lists(of: &[(usize, &[usize])]) -> Substitutes {
        of.iter()
            .map(|(item, list)| (code(*item), list.iter().map(|n| standby(*n, (1, 1))).collect()))
            .collect()
    }

    fn names(of: &Substitutes) -> BTreeMap<ItemCode, Vec<ItemCode>> {
        let name = |list: &Vec<Standby>| list.iter().map(|one| one.item.clone()).collect();
        of.iter().map(|(item, list)| (item.clone(), name(list))).collect()
    }

    fn covers(found: &BTreeMap<ItemCode, Substitution>, item: usize) -> Vec<i64> {
        found[&code(item)].stand_ins.iter().map(|one| one.would_cover.units()).collect()
    }

    #[test]
    fn substitutes_stand_in_in_the_order_of_the_list_and_one_way_only() {
        let may = lists(&[(1, &[3, 2])]);
        let found =
            stand_in(&quantities(&[(1, 100), (2, 50)]), quantities(&[(2, 80), (3, 30)]), &may);
        assert_eq!(covers(&found, 1), [30, 70]);
        assert_eq!(found[&code(1)].still_missing, Quantity::ZERO);
        assert!(!found.contains_key(&code(2)));
    }

    #[test]
    fn of_two_items_that_want_the_same_substitute_the_first_by_code_is_served_first() {
        let may = lists(&[(1, &[9]), (2, &[9])]);
        let found = stand_in(&quantities(&[(2, 50), (1, 60)]), quantities(&[(9, 80)]), &may);
        assert_eq!((covers(&found, 1), covers(&found, 2)), (vec![60], vec![20]));
        assert_eq!(found[&code(2)].stand_ins[0].surplus_available, units(20));
        assert_eq!(found[&code(2)].still_missing, units(30));
    }

    #[test]
    fn whoever_wants_what_another_wants_is_related() {
        let may = lists(&[(1, &[8]), (2, &[8, 9]), (3, &[9]), (4, &[7])]);
        let of_one: Vec<ItemCode> = related([&code(1)], &names(&may)).into_iter().collect();
        assert_eq!(of_one, [1, 2, 3, 8, 9].map(code));
        assert!(related([&code(8)], &names(&may)).is_empty());
    }

    #[test]
    fn what_stands_in_two_for_one_covers_half_and_leaves_the_odd_one() {
        let may = Substitutes::from([(code(1), vec![standby(8, (2, 1)), standby(9, (1, 3))])]);
        let found = stand_in(&quantities(&[(1, 100)]), quantities(&[(8, 151), (9, 80)]), &may);
        assert_eq!(covers(&found, 1), [75, 25]);
        let takes: Vec<i64> =
            found[&code(1)].stand_ins.iter().map(|one| one.would_take.units()).collect();
        assert_eq!(takes, [150, 9]);
        assert_eq!(found[&code(1)].still_missing, Quantity::ZERO);
    }

    /// What is short, what is left over, who may stand in, and the rate of each substitute.
    type Case = (Vec<i64>, Vec<i64>, Vec<Vec<usize>>, Vec<(i64, i64)>);

    fn cases() -> impl Strategy<Value = Case> {
        let amounts = || proptest::collection::vec(0_i64..100, 6);
        let lists = proptest::collection::vec(
            proptest::sample::subsequence((0..6).collect::<Vec<_>>(), 0..4),
            6,
        );
        let rates = proptest::collection::vec((1_i64..4, 1_i64..4), 6);
        (amounts(), amounts(), lists, rates)
    }

    fn may_of((_, _, lists, rates): &Case) -> Substitutes {
        lists
            .iter()
            .enumerate()
            .map(|(item, list)| {
                let others = list.iter().filter(|n| **n != item);
                (code(item), others.map(|n| standby(*n, rates[*n])).collect())
            })
            .collect()
    }

    fn run(case: &Case) -> BTreeMap<ItemCode, Substitution> {
        let of = |amounts: &[i64]| {
            amounts.iter().enumerate().map(|(at, n)| (code(at), units(*n))).collect()
        };
        stand_in(&of(&case.0), of(&case.1), &may_of(case))
    }

    proptest! {
        #[test]
        fn no_unit_stands_in_twice_and_no_shortfall_grows(case in cases()) {
            let found = run(&case);
            let mut lent = [0_i64; 6];
            for (item, of) in &found {
                let at: usize = item.as_str()[1..].parse().unwrap();
                let covered: i64 = of.stand_ins.iter().map(|one| one.would_cover.units()).sum();
                prop_assert_eq!(of.still_missing.units() + covered, case.0[at]);
                for one in &of.stand_ins {
                    lent[one.item.as_str()[1..].parse::<usize>().unwrap()] += one.would_take.units();
                    prop_assert!(one.would_take <= one.surplus_available);
                }
            }
            for (lent, had) in lent.iter().zip(&case.1) {
                prop_assert!(lent <= had);
            }
        }

        #[test]
        fn more_surplus_leaves_no_more_missing_in_all(case in cases(), of in 0_usize..6, more in 0_i64..50) {
            let missing = |case: &Case| -> i64 { run(case).values().map(|of| of.still_missing.units()).sum() };
            // One for one: at other rates whoever is served first may use a unit up at a worse one.
            let mut richer = (case.0, case.1, case.2, vec![(1, 1); 6]);
            let before = missing(&richer);
            richer.1[of] += more;
            prop_assert!(missing(&richer) <= before);
        }

        #[test]
        fn what_is_related_decides_alone(case in cases(), asked in 0_usize..6) {
            let may = may_of(&case);
            let of = |amounts: &[i64]| -> BTreeMap<ItemCode, Quantity> {
                amounts.iter().enumerate().map(|(at, n)| (code(at), units(*n))).collect()
            };
            let near = related([&code(asked)], &names(&may));
            let keep = |all: BTreeMap<ItemCode, Quantity>| -> BTreeMap<ItemCode, Quantity> {
                all.into_iter().filter(|(item, _)| near.contains(item)).collect()
            };
            let whole = stand_in(&of(&case.0), of(&case.1), &may);
            let part = stand_in(&keep(of(&case.0)), keep(of(&case.1)), &may);
            prop_assert_eq!(whole.get(&code(asked)), part.get(&code(asked)));
        }
    }
}
