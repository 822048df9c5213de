//! Decisions on reserve plans: what a line asks for, which line counts, who may do what when.

use crate::kernel::id::UserId;
use crate::kernel::{Code, ItemCode, Quantity, Ratio, Refusal, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::reserve_plan::plan::{
    LineScope, NotComputable, PlanLine, PlanStatus, PlanVersion, StorePlace,
};
use std::collections::{BTreeMap, HashMap};

/// A target and each step on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Base units the store should hold.
    pub quantity: Quantity,
    /// The exact amount of each basis, in the order of the line.
    pub bases: Vec<Ratio>,
    /// The largest of them.
    pub largest: Ratio,
    /// The percentage of the response level.
    pub percent: i64,
    /// `largest × percent / 100`, not rounded yet.
    pub at_level: Ratio,
    /// The same, rounded up.
    pub rounded: Quantity,
    /// The target is at least this: the highest floor of that level and all lesser ones.
    pub floor: Option<Quantity>,
    /// The ceiling.
    pub ceiling: Option<Quantity>,
}

/// The target of a line: `ceil(max over its bases × level percent / 100)`, then held between
/// its floor and its ceiling.
///
/// There is one rounding, at the end, so that no basis is rounded twice. Where a level raises the
/// floor above the ceiling, the floor holds: it is reserve. A graver level never lowers a target:
/// requests refuse percents that fall, and a floor that falls leaves the target where it was.
///
/// # Errors
/// `ConsumptionUnknown` when any of the bases rests on a consumption that is not known, even where
/// another one is larger: a guess would look like a fact. `TooLarge` when it does not fit.
pub fn target(
    line: &PlanLine,
    level: ResponseLevel,
    adc: Option<Ratio>,
) -> Result<Target, NotComputable> {
    let bases =
        line.bases.iter().map(|basis| basis.amount(adc)).collect::<Result<Vec<Ratio>, _>>()?;
    let largest = bases.iter().copied().max().unwrap_or(Ratio::ZERO);
    let percent = line.level_percent.rising_to(level);
    let at_level = Ratio::new(percent.into(), 100)
        .and_then(|share| largest.times(share))
        .ok_or(NotComputable::TooLarge)?;
    let rounded = at_level.ceil_quantity().ok_or(NotComputable::TooLarge)?;
    let floor = line.least_target_at(level);
    let below_ceiling = line.ceiling.map_or(rounded, |ceiling| rounded.min(ceiling));
    let quantity = floor.map_or(below_ceiling, |floor| below_ceiling.max(floor));
    Ok(Target {
        quantity,
        bases,
        largest,
        percent,
        at_level,
        rounded,
        floor,
        ceiling: line.ceiling,
    })
}

/// The line that counts for each store and item: the one that describes the store most closely.
///
/// Lines are found by what they speak of, so that a store costs as many steps as scopes speak of it.
pub fn governing_lines<'a, L>(
    lines: &'a [L],
    stores: &'a [StorePlace],
) -> BTreeMap<(&'a StoreCode, &'a ItemCode), &'a L>
where
    L: AsRef<PlanLine>,
{
    let mut by_scope: HashMap<&LineScope, Vec<&L>> = HashMap::new();
    for line in lines {
        by_scope.entry(&line.as_ref().scope).or_default().push(line);
    }
    let mut governing: BTreeMap<(&StoreCode, &ItemCode), &L> = BTreeMap::new();
    for store in stores {
        let mut of_store: BTreeMap<&ItemCode, &L> = BTreeMap::new();
        for scope in store.scopes() {
            for line in by_scope.get(&scope).into_iter().flatten().copied() {
                of_store.entry(&line.as_ref().item).or_insert(line);
            }
        }
        governing.extend(of_store.into_iter().map(|(item, line)| ((&store.code, item), line)));
    }
    governing
}

impl AsRef<PlanLine> for PlanLine {
    fn as_ref(&self) -> &PlanLine {
        self
    }
}

/// Lines that say the same thing twice: each index that repeats an earlier scope and item.
pub fn repeated_lines<L: AsRef<PlanLine>>(lines: &[L]) -> Vec<usize> {
    let mut seen = std::collections::BTreeSet::new();
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| (at, line.as_ref()))
        .filter(|(_, line)| !seen.insert((&line.scope, &line.item)))
        .map(|(at, _)| at)
        .collect()
}

/// How the lines of two versions differ, in the order of scope and item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineDiff<'a, L> {
    /// Lines that only the new version has.
    pub added: Vec<&'a L>,
    /// Lines that only the old version has.
    pub removed: Vec<&'a L>,
    /// Lines that say something else now: before and after.
    pub changed: Vec<(&'a L, &'a L)>,
}

/// Compares two versions: lines are the same when they speak of the same scope and item.
pub fn diff<'a, L: AsRef<PlanLine>>(before: &'a [L], after: &'a [L]) -> LineDiff<'a, L> {
    fn by_subject<L: AsRef<PlanLine>>(lines: &[L]) -> BTreeMap<(&LineScope, &ItemCode), &L> {
        lines.iter().map(|line| ((&line.as_ref().scope, &line.as_ref().item), line)).collect()
    }
    let (old, new) = (by_subject(before), by_subject(after));
    let only_in = |these: &BTreeMap<(&'a LineScope, &'a ItemCode), &'a L>,
                   those: &BTreeMap<(&'a LineScope, &'a ItemCode), &'a L>| {
        let lines = these.iter().filter(|(subject, _)| !those.contains_key(*subject));
        lines.map(|(_, line)| *line).collect()
    };
    LineDiff {
        added: only_in(&new, &old),
        removed: only_in(&old, &new),
        changed: old
            .iter()
            .filter_map(|(subject, line)| Some((*line, *new.get(subject)?)))
            .filter(|(before, after)| before.as_ref() != after.as_ref())
            .collect(),
    }
}

/// Whether a version may be edited.
///
/// # Errors
/// `wrong_status` unless it is a draft.
pub fn edit(status: PlanStatus) -> Result<(), Refusal> {
    match status {
        PlanStatus::Draft => Ok(()),
        PlanStatus::Submitted | PlanStatus::Approved => Err(wrong_status(
            status,
            "只有草稿可以修改；已提交或已批准的方案请另立新版本",
            "Only a draft can be edited; make a new version of what was submitted or approved",
        )),
    }
}

/// Hands a draft in for approval.
///
/// # Errors
/// `wrong_status` when it is no draft or has no line.
pub fn submit(status: PlanStatus, lines: usize) -> Result<PlanStatus, Refusal> {
    match status {
        PlanStatus::Draft if lines == 0 => Err(wrong_status(
            status,
            "方案没有任何明细，不能提交",
            "A plan without lines cannot be submitted",
        )),
        PlanStatus::Draft => Ok(PlanStatus::Submitted),
        PlanStatus::Submitted | PlanStatus::Approved => {
            Err(wrong_status(status, "只有草稿可以提交", "Only a draft can be submitted"))
        }
    }
}

/// Takes a submitted version back to go on writing it.
///
/// # Errors
/// `wrong_status` unless it is submitted; then `forbidden` for anybody but its `authors`, who send
/// it back instead.
pub fn withdraw(
    status: PlanStatus,
    authors: &[UserId],
    user: &UserId,
) -> Result<PlanStatus, Refusal> {
    match status {
        PlanStatus::Submitted if authors.contains(user) => Ok(PlanStatus::Draft),
        PlanStatus::Submitted => Err(Refusal::new(
            Code::Forbidden,
            "只有编制人可以撤回；审批人请退回",
            "Only its authors withdraw a plan; others send it back",
        )),
        PlanStatus::Draft | PlanStatus::Approved => Err(wrong_status(
            status,
            "只有已提交的方案可以撤回",
            "Only a submitted plan can be withdrawn",
        )),
    }
}

/// Sends a submitted version back to its authors.
///
/// # Errors
/// `wrong_status` unless it is submitted; then `own_document` for one of its `authors`.
pub fn send_back(
    status: PlanStatus,
    authors: &[UserId],
    user: &UserId,
) -> Result<PlanStatus, Refusal> {
    match status {
        PlanStatus::Submitted if authors.contains(user) => Err(Refusal::plain(Code::OwnDocument)),
        PlanStatus::Submitted => Ok(PlanStatus::Draft),
        PlanStatus::Draft | PlanStatus::Approved => Err(wrong_status(
            status,
            "只有已提交的方案可以退回",
            "Only a submitted plan can be sent back",
        )),
    }
}

/// Refuses a version that would begin when another approved one of its region does.
///
/// # Errors
/// `scope_taken`, naming the other.
pub fn begins_alone(other: Option<&PlanVersion>) -> Result<(), Refusal> {
    let Some(other) = other else { return Ok(()) };
    let (number, version, region) = (&other.number, other.version, &other.region);
    Err(Refusal::new(
        Code::ScopeTaken,
        format!(
            "地区 {region} 在同一时间已有已批准的方案 {number} 第 {version} 版，请另定生效时间"
        ),
        format!("Version {version} of {number} begins then for {region}: choose another time"),
    )
    .with("plan_id", other.id.as_str())
    .with("plan_number", number.as_str())
    .with("plan_version", version))
}

/// Approves a submitted version.
///
/// # Errors
/// `wrong_status` unless it is submitted; then `own_document` when the approver is one of the
/// `authors`: those who made, edited or submitted it.
pub fn approve(
    status: PlanStatus,
    authors: &[UserId],
    approver: &UserId,
) -> Result<PlanStatus, Refusal> {
    match status {
        PlanStatus::Submitted if authors.contains(approver) => {
            Err(Refusal::plain(Code::OwnDocument))
        }
        PlanStatus::Submitted => Ok(PlanStatus::Approved),
        PlanStatus::Draft | PlanStatus::Approved => Err(wrong_status(
            status,
            "只有已提交的方案可以批准",
            "Only a submitted plan can be approved",
        )),
    }
}

fn wrong_status(status: PlanStatus, zh: &str, en: &str) -> Refusal {
    Refusal::new(Code::WrongStatus, zh, en).with("document_status", status.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::RegionCode;
    use crate::reserve_plan::plan::{Basis, LevelPercents};
    use crate::reserve_plan::rate::Rate;
    use proptest::prelude::*;

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn fixed(n: i64) -> Basis {
        Basis::Fixed { quantity: units(n) }
    }

    fn norm(heads: i64, rate: i64, per: i64) -> Basis {
        Basis::Norm { heads, rate, per, days: 1, norm_code: None, norm_units: Rate::ONE }
    }

    fn line(bases: Vec<Basis>) -> PlanLine {
        PlanLine {
            scope: LineScope::StoreKind("hospital".to_owned()),
            item: ItemCode::new("M03").unwrap(),
            bases,
            floor: None,
            ceiling: None,
            level_percent: LevelPercents::default(),
            floor_percent: LevelPercents::default(),
        }
    }

    fn percents(of: &[(ResponseLevel, i64)]) -> LevelPercents {
        LevelPercents::new(of.iter().copied().collect())
    }

    #[test]
    fn the_largest_basis_counts_and_is_rounded_once() {
        let mut line = line(vec![fixed(100), Basis::DaysOfCover { days: 30 }]);
        line.level_percent = percents(&[(ResponseLevel::III, 130)]);
        // 1830/49 × 30 × 1.3 = 1456.53: rounding the basis first would give 1458.
        let at = target(&line, ResponseLevel::III, Ratio::new(1830, 49)).unwrap();
        assert_eq!((at.quantity.units(), at.percent), (1_457, 130));
        assert_eq!(at.bases, [Ratio::whole(100), Ratio::new(54_900, 49).unwrap()]);
    }

    #[test]
    fn the_target_is_held_between_floor_and_ceiling() {
        let mut line = line(vec![fixed(500)]);
        line.ceiling = Some(units(400));
        assert_eq!(target(&line, ResponseLevel::Normal, None).unwrap().quantity, units(400));
        line.ceiling = None;
        line.floor = Some(units(600));
        assert_eq!(target(&line, ResponseLevel::Normal, None).unwrap().quantity, units(600));
        line.ceiling = Some(units(700));
        line.floor_percent = percents(&[(ResponseLevel::I, 150)]);
        let gravest = target(&line, ResponseLevel::I, None).unwrap();
        assert_eq!((gravest.floor, gravest.quantity), (Some(units(900)), units(900)));
    }

    #[test]
    fn a_basis_without_its_data_makes_the_line_not_computable() {
        let line = line(vec![fixed(1_000_000), Basis::DaysOfCover { days: 30 }]);
        assert_eq!(
            target(&line, ResponseLevel::Normal, None),
            Err(NotComputable::ConsumptionUnknown)
        );
        assert_eq!(
            target(&line, ResponseLevel::Normal, Some(Ratio::ZERO)).unwrap().quantity,
            units(1_000_000)
        );
        let vast = norm(i64::MAX, i64::MAX, 1);
        assert_eq!(
            target(&super::tests::line(vec![vast]), ResponseLevel::Normal, None),
            Err(NotComputable::TooLarge)
        );
    }

    #[test]
    fn a_store_line_beats_its_kind_and_a_kind_beats_a_region() {
        let store = |code: &str, kind: &str, region: &str| StorePlace {
            code: StoreCode::new(code).unwrap(),
            kind: kind.to_owned(),
            region: RegionCode::new(region).unwrap(),
        };
        let stores = [
            store("H1", "hospital", "360729100"),
            store("H2", "hospital", "360729101"),
            store("T1", "township", "360729101"),
            store("T2", "township", "360730100"),
        ];
        let scoped = |scope, quota| PlanLine { scope, ..line(vec![fixed(quota)]) };
        let region = |code| LineScope::Region(RegionCode::new(code).unwrap());
        let lines = [
            scoped(region("36"), 1),
            scoped(region("360729"), 2),
            scoped(LineScope::StoreKind("hospital".to_owned()), 3),
            scoped(LineScope::Store(StoreCode::new("H1").unwrap()), 4),
            scoped(region("3607"), 5),
        ];
        let governing = governing_lines(&lines, &stores);
        let quotas: Vec<(&str, Vec<Basis>)> = governing
            .iter()
            .map(|((store, _), line)| (store.as_str(), line.bases.clone()))
            .collect();
        assert_eq!(
            quotas,
            [
                ("H1", vec![fixed(4)]),
                ("H2", vec![fixed(3)]),
                ("T1", vec![fixed(2)]),
                ("T2", vec![fixed(5)]),
            ]
        );
    }

    #[test]
    fn a_line_that_repeats_another_is_found() {
        let other = PlanLine { item: ItemCode::new("M04").unwrap(), ..line(vec![fixed(1)]) };
        assert_eq!(repeated_lines(&[line(vec![fixed(1)]), other, line(vec![fixed(2)])]), [2]);
    }

    #[test]
    fn two_versions_differ_in_lines_added_removed_and_changed() {
        let of = |item: &str, quota| PlanLine {
            item: ItemCode::new(item).unwrap(),
            ..line(vec![fixed(quota)])
        };
        let (old, new) =
            ([of("A", 1), of("B", 1), of("C", 1)], [of("D", 1), of("C", 1), of("B", 2)]);
        let found = diff(&old, &new);
        assert_eq!(found.added, [&new[0]]);
        assert_eq!(found.removed, [&old[0]]);
        assert_eq!(found.changed, [(&old[1], &new[2])]);
        assert_eq!(diff(&old, &old), LineDiff { added: vec![], removed: vec![], changed: vec![] });
    }

    /// Facts, action, and what is refused: every way in which a version can be held up.
    #[test]
    fn a_version_goes_from_draft_to_submitted_to_approved_by_another() {
        let (author, other) = (UserId::generate(), UserId::generate());
        let by = [author.clone()];
        let code = |refusal: Refusal| refusal.code;
        assert_eq!(submit(PlanStatus::Draft, 1), Ok(PlanStatus::Submitted));
        assert_eq!(approve(PlanStatus::Submitted, &by, &other), Ok(PlanStatus::Approved));
        assert_eq!(edit(PlanStatus::Draft), Ok(()));
        assert_eq!(withdraw(PlanStatus::Submitted, &by, &author), Ok(PlanStatus::Draft));
        assert_eq!(send_back(PlanStatus::Submitted, &by, &other), Ok(PlanStatus::Draft));

        assert_eq!(
            withdraw(PlanStatus::Submitted, &by, &other).map_err(code),
            Err(Code::Forbidden)
        );
        assert_eq!(
            send_back(PlanStatus::Submitted, &by, &author).map_err(code),
            Err(Code::OwnDocument)
        );
        assert_eq!(submit(PlanStatus::Draft, 0).map_err(code), Err(Code::WrongStatus));
        assert_eq!(
            approve(PlanStatus::Submitted, &by, &author).map_err(code),
            Err(Code::OwnDocument)
        );
        for later in [PlanStatus::Submitted, PlanStatus::Approved] {
            assert_eq!(edit(later).map_err(code), Err(Code::WrongStatus));
            assert_eq!(submit(later, 1).map_err(code), Err(Code::WrongStatus));
        }
        for wrong in [PlanStatus::Draft, PlanStatus::Approved] {
            assert_eq!(approve(wrong, &by, &other).map_err(code), Err(Code::WrongStatus));
            assert_eq!(withdraw(wrong, &by, &author).map_err(code), Err(Code::WrongStatus));
            assert_eq!(send_back(wrong, &by, &other).map_err(code), Err(Code::WrongStatus));
        }
    }

    #[test]
    fn bases_and_percents_read_back_from_json() {
        let bases = vec![fixed(5), Basis::DaysOfCover { days: 30 }, norm(3, 2, 1)];
        let json = serde_json::to_string(&bases).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Basis>>(&json).unwrap(), bases);
        let levels = percents(&[(ResponseLevel::Normal, 90), (ResponseLevel::I, 200)]);
        let json = serde_json::to_string(&levels).unwrap();
        assert_eq!(json, r#"{"normal":90,"I":200}"#);
        assert_eq!(serde_json::from_str::<LevelPercents>(&json).unwrap(), levels);
    }

    fn any_basis() -> impl Strategy<Value = Basis> {
        prop_oneof![
            (0_i64..100_000).prop_map(fixed),
            (1_i64..400).prop_map(|days| Basis::DaysOfCover { days }),
            (0_i64..100_000, 0_i64..1_000, 1_i64..10_000)
                .prop_map(|(heads, rate, per)| norm(heads, rate, per)),
        ]
    }

    proptest! {
        #[test]
        fn a_graver_level_never_lowers_a_target_whose_percents_do_not_fall(
            bases in proptest::collection::vec(any_basis(), 1..4),
            steps in proptest::collection::vec(0_i64..120, 5),
            floor in proptest::option::of(0_i64..50_000),
            ceiling in proptest::option::of(50_000_i64..90_000),
            used in 0_i128..10_000,
        ) {
            let mut line = line(bases);
            line.floor = floor.map(units);
            line.ceiling = ceiling.map(units);
            let mut percent = 0;
            line.level_percent = LevelPercents::new(ResponseLevel::ALL.iter().zip(steps).map(|(level, step)| {
                percent += step;
                (*level, percent)
            }).collect());
            let adc = Ratio::new(used, 60);
            let targets: Vec<Quantity> =
                ResponseLevel::ALL.iter().map(|level| target(&line, *level, adc).unwrap().quantity).collect();
            prop_assert!(targets.is_sorted());
        }

        #[test]
        fn of_all_lines_that_cover_a_store_the_closest_counts(
            lines in proptest::collection::vec((0_usize..3, 0_usize..9), 0..20),
        ) {
            let place = |code: &str, kind: &str, region: &str| StorePlace {
                code: StoreCode::new(code).unwrap(),
                kind: kind.to_owned(),
                region: RegionCode::new(region).unwrap(),
            };
            let stores = [
                place("A", "hospital", "360729100"),
                place("B", "township", "360729100"),
                place("C", "township", "3608"),
            ];
            let region = |code| LineScope::Region(RegionCode::new(code).unwrap());
            let store = |code| LineScope::Store(StoreCode::new(code).unwrap());
            let kind = |kind: &str| LineScope::StoreKind(kind.to_owned());
            let scopes = [
                store("A"), store("C"), kind("hospital"), kind("township"), region("36"),
                region("3607"), region("360729"), region("360729100"), region("3608"),
            ];
            let mut lines: Vec<PlanLine> = lines.into_iter().map(|(item, scope)| PlanLine {
                item: ItemCode::new(["M1", "M2", "M3"][item]).unwrap(),
                scope: scopes[scope].clone(),
                ..line(vec![fixed(1)])
            }).collect();
            let repeated = repeated_lines(&lines);
            let mut at = 0;
            lines.retain(|_| { at += 1; !repeated.contains(&(at - 1)) });
            let mut by_definition: BTreeMap<(&StoreCode, &ItemCode), &PlanLine> = BTreeMap::new();
            for store in &stores {
                for line in lines.iter().filter(|line| line.scope.covers(store)) {
                    let best = by_definition.entry((&store.code, &line.item)).or_insert(line);
                    if line.scope.closeness() > best.scope.closeness() {
                        *best = line;
                    }
                }
            }
            prop_assert_eq!(governing_lines(&lines, &stores), by_definition);
        }

        #[test]
        fn a_difference_applied_to_the_one_version_gives_the_other(
            old in proptest::collection::btree_map(0_usize..12, 0_i64..4, 0..8),
            new in proptest::collection::btree_map(0_usize..12, 0_i64..4, 0..8),
        ) {
            let lines_of = |quotas: BTreeMap<usize, i64>| -> Vec<PlanLine> {
                let of = |(at, quota): (usize, i64)| PlanLine {
                    item: ItemCode::new(&format!("M{at:02}")).unwrap(),
                    ..line(vec![fixed(quota)])
                };
                quotas.into_iter().map(of).collect()
            };
            let (old, new) = (lines_of(old), lines_of(new));
            let found = diff(&old, &new);
            let mut applied: Vec<&PlanLine> = old
                .iter()
                .filter(|line| !found.removed.contains(line))
                .map(|line| {
                    let change = found.changed.iter().find(|(before, _)| *before == line);
                    change.map_or(line, |(_, after)| *after)
                })
                .chain(found.added.iter().copied())
                .collect();
            applied.sort_by_key(|line| &line.item);
            prop_assert_eq!(applied, new.iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_falling_floor_and_gaps_between_levels_never_lower_a_target(
            quota in 0_i64..10_000, floor in 0_i64..10_000,
            floors in proptest::collection::btree_map(0_usize..5, 0_i64..300, 0..5),
            steps in proptest::collection::vec((any::<bool>(), 0_i64..60), 5),
        ) {
            let by_level = |percents: BTreeMap<usize, i64>| {
                let at = |(at, percent): (usize, i64)| (ResponseLevel::ALL[at], percent);
                LevelPercents::new(percents.into_iter().map(at).collect())
            };
            let mut line = line(vec![fixed(quota)]);
            line.floor = Some(units(floor));
            line.floor_percent = by_level(floors);
            let mut percent = 100;
            let mut named = BTreeMap::new();
            for (at, (is_named, step)) in steps.into_iter().enumerate() {
                percent += step;
                if is_named {
                    named.insert(at, percent);
                }
            }
            line.level_percent = by_level(named);
            prop_assert!(line.level_percent.falling().is_empty());
            let at = |level: &ResponseLevel| target(&line, *level, None).unwrap().quantity;
            let targets: Vec<Quantity> = ResponseLevel::ALL.iter().map(at).collect();
            prop_assert!(targets.is_sorted(), "{targets:?}");
        }

        #[test]
        fn a_target_covers_every_basis_by_less_than_one_unit_and_never_passes_its_bounds(
            bases in proptest::collection::vec(any_basis(), 1..4),
            floor in proptest::option::of(0_i64..50_000),
            ceiling in proptest::option::of(50_000_i64..90_000),
            used in 0_i128..10_000,
        ) {
            let mut line = line(bases);
            line.floor = floor.map(units);
            line.ceiling = ceiling.map(units);
            let found = target(&line, ResponseLevel::Normal, Ratio::new(used, 60)).unwrap();
            let rounded = Ratio::whole(found.rounded.units().into());
            prop_assert!(found.bases.iter().all(|amount| *amount <= rounded));
            prop_assert!(found.largest.plus(Ratio::whole(1)).unwrap() > rounded);
            prop_assert!(line.floor.is_none_or(|floor| floor <= found.quantity));
            prop_assert!(line.ceiling.is_none_or(|ceiling| found.quantity <= ceiling));
        }
    }
}
