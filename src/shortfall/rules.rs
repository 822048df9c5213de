//! What a store lacks, and how a county stands: pure figures from target, stock and consumption.

use crate::kernel::{ItemCode, Money, Quantity, Ratio, StoreCode};
use crate::shortfall::projection::quotient;
use crate::word_enum;
use chrono::NaiveDate;
use std::cmp::Reverse;
use std::collections::BTreeMap;

word_enum! {
    /// How a store stands with an item: the first that holds.
    pub enum Status {
        /// The target cannot be worked out; never counted as covered.
        NotComputable = "not_computable",
        /// Something should be there and nothing is available.
        Out = "out",
        /// Less is available than the floor.
        BelowFloor = "below_floor",
        /// Less is available than the target.
        Short = "short",
        /// At least the target is available.
        Met = "met",
    }
}

word_enum! {
    /// Something that a reader of a line should know before acting on it.
    pub enum Reason {
        /// A basis rests on consumption, and the average daily consumption is unknown.
        ConsumptionUnknown = "consumption_unknown",
        /// The target does not fit a quantity.
        TooLarge = "too_large",
        /// The target is zero, so there is no coverage to speak of.
        TargetZero = "target_zero",
        /// The store's newest movement is older than the setting allows.
        StaleFigures = "stale_figures",
        /// Goods on the way are not counted: they come too late or will have expired.
        TransitNotCounted = "transit_not_counted",
        /// Stock is there that must not be used: expired, recalled or not released.
        BlockedStock = "blocked_stock",
        /// Orders are not counted: they are due after the horizon.
        OrderNotCounted = "order_not_counted",
        /// An order is still awaited after its day, and counts as if it came today.
        OrderOverdue = "order_overdue",
        /// Facts that the book could not cover are still open: what it says is there is doubtful.
        UnmatchedFacts = "unmatched_facts",
    }
}

impl Reason {
    /// The reason in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::ConsumptionUnknown => "缺少消耗数据",
            Self::TooLarge => "计算结果过大",
            Self::TargetZero => "定额为零",
            Self::StaleFigures => "该储备点多日没有流水",
            Self::TransitNotCounted => "部分在途不计：到货过晚或届时已过期",
            Self::BlockedStock => "有不可用库存：过期、召回或未放行",
            Self::OrderNotCounted => "部分订单不计：到货过晚",
            Self::OrderOverdue => "有逾期未到的订单，按今日到货计",
            Self::UnmatchedFacts => "有未匹配的事后补录，账面数存疑",
        }
    }

    /// The reason in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::ConsumptionUnknown => "the average daily consumption is unknown",
            Self::TooLarge => "the result is too large",
            Self::TargetZero => "the target is zero",
            Self::StaleFigures => "the store has had no movement for some days",
            Self::TransitNotCounted => "goods on the way come too late or will have expired",
            Self::BlockedStock => "there is stock that must not be used",
            Self::OrderNotCounted => "orders are due after the horizon",
            Self::OrderOverdue => "an order is overdue and counts as if it came today",
            Self::UnmatchedFacts => "unmatched facts are open: what the book says is doubtful",
        }
    }
}

/// Goods on the way to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Base units.
    pub quantity: Quantity,
    /// The business day on which they are expected, if anybody said so.
    pub expected_on: Option<NaiveDate>,
    /// The last day on which they may be used; `None` when there is none.
    pub usable_until: Option<NaiveDate>,
    /// Whether their lot has been recalled.
    pub recalled: bool,
}

word_enum! {
    /// Whether goods on the way count in the net shortfall.
    pub enum ArrivalVerdict {
        /// They arrive in time and may still be used then.
        Counted = "counted",
        /// Nobody said when they will arrive.
        ArrivalUnknown = "arrival_unknown",
        /// They arrive after the horizon.
        TooLate = "too_late",
        /// They will have expired when they arrive.
        ExpiredOnArrival = "expired_on_arrival",
        /// Their lot has been recalled.
        Recalled = "recalled",
    }
}

/// Whether goods on the way count: not recalled, due within the horizon, and in date on arrival.
///
/// What is overdue may come any minute, so it is judged as arriving today.
pub fn judge_arrival(
    arrival: &Arrival,
    today: NaiveDate,
    horizon_end: NaiveDate,
) -> ArrivalVerdict {
    if arrival.recalled {
        return ArrivalVerdict::Recalled;
    }
    let Some(expected) = arrival.expected_on else { return ArrivalVerdict::ArrivalUnknown };
    let arrives = expected.max(today);
    if arrives > horizon_end {
        ArrivalVerdict::TooLate
    } else if arrival.usable_until.is_some_and(|last| last < arrives) {
        ArrivalVerdict::ExpiredOnArrival
    } else {
        ArrivalVerdict::Counted
    }
}

/// What a store holds of an item and what will reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Base units that may be used and are promised to nobody.
    pub available: Quantity,
    /// Base units on the way that count: see [`judge_arrival`].
    pub arriving: Quantity,
    /// Base units on order that count by the same rule.
    pub ordered: Quantity,
}

/// The figures of one store and item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// On-hand shortfall 现货缺口: `max(0, target − available)`.
    pub on_hand_shortfall: Option<Quantity>,
    /// Net shortfall 净缺口: what arrives in time, on the way or on order, is taken off too.
    pub net_shortfall: Option<Quantity>,
    /// What could be given away: `max(0, available − max(target, floor))`.
    pub surplus: Option<Quantity>,
    /// `min(1, available / target)`; `None` when there is no target or it is zero.
    pub coverage: Option<Ratio>,
    /// `available / ADC`; `None` when the consumption is unknown or zero.
    pub days_of_cover: Option<Ratio>,
    /// How the store stands.
    pub status: Status,
}

/// The figures of one store and item; a `target` of `None` is one that cannot be worked out.
pub fn figures(
    target: Option<Quantity>,
    floor: Option<Quantity>,
    holding: Holding,
    adc: Option<Ratio>,
) -> Figures {
    let Holding { available, arriving, ordered } = holding;
    let position = available.plus_capped(arriving).plus_capped(ordered);
    let keep = |target: Quantity| floor.map_or(target, |floor| target.max(floor));
    Figures {
        on_hand_shortfall: target.map(|target| target.minus_or_zero(available)),
        net_shortfall: target.map(|target| target.minus_or_zero(position)),
        surplus: target.map(|target| available.minus_or_zero(keep(target))),
        coverage: target.and_then(|target| coverage(available, target)),
        days_of_cover: adc.and_then(|adc| quotient(Ratio::whole(available.units().into()), adc)),
        status: status(target, floor, available),
    }
}

/// `min(1, available / target)`, exact; `None` when the target is zero.
pub fn coverage(available: Quantity, target: Quantity) -> Option<Ratio> {
    Ratio::new(available.min(target).units().into(), target.units().into())
}

/// A share in whole percents, rounded down so that only what is full shows as 100.
pub fn percent(share: Ratio) -> i64 {
    let percent = share.times(Ratio::whole(100)).map_or(0, Ratio::floor);
    i64::try_from(percent).unwrap_or(i64::MAX)
}

/// How a store stands; the first that holds of [`Status`].
///
/// A target of zero is met by nothing at all: nobody is out of what nobody needs.
pub fn status(target: Option<Quantity>, floor: Option<Quantity>, available: Quantity) -> Status {
    match target {
        None => Status::NotComputable,
        Some(target) if available.is_zero() && !target.is_zero() => Status::Out,
        Some(_) if floor.is_some_and(|floor| available < floor) => Status::BelowFloor,
        Some(target) if available < target => Status::Short,
        Some(_) => Status::Met,
    }
}

/// What totals need to know of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalLine<'a> {
    /// The store.
    pub store: &'a StoreCode,
    /// The item.
    pub item: &'a ItemCode,
    /// The target, `None` when it cannot be worked out.
    pub target: Option<Quantity>,
    /// What is available.
    pub available: Quantity,
    /// 净缺口.
    pub net_shortfall: Option<Quantity>,
    /// What the net shortfall costs; `None` when no price is known.
    pub cost: Option<Money>,
    /// How the store stands.
    pub status: Status,
    /// Whether the store's figures are stale.
    pub stale: bool,
}

/// How many lines stand how, and the one that stands worst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Lines of the plan.
    pub lines: i64,
    /// Lines by how they stand; every status is named.
    pub by_status: BTreeMap<Status, i64>,
    /// Lines whose target is met.
    pub met: i64,
    /// 达标率: `met / lines`, lines that cannot be computed included; `None` without lines.
    pub met_rate: Option<Ratio>,
    /// `Σ min(available, target) / Σ target`: a surplus of one item hides no gap in another.
    ///
    /// Lines without a target, or with a target of zero, have no weight.
    pub weighted_coverage: Option<Ratio>,
    /// The line with the lowest coverage; of equals the one that lacks most, then by code.
    pub worst: Option<(StoreCode, ItemCode)>,
    /// The coverage of that line.
    pub worst_coverage: Option<Ratio>,
    /// What the net shortfalls cost, of the lines whose price is known; `None` when it does not fit.
    pub cost: Option<Money>,
    /// Lines that lack something and whose price nobody knows: not part of the cost.
    pub without_price: i64,
    /// Lines whose figures are stale.
    pub stale_lines: i64,
}

/// Totals of the lines that have been added so far, in whatever order; memory does not grow with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TotalsSoFar {
    lines: i64,
    by_status: BTreeMap<Status, i64>,
    covered: i128,
    wanted: i128,
    worst: Option<Worst>,
    cost: i128,
    without_price: i64,
    stale_lines: i64,
}

/// By coverage, then by what is lacking, the most first, then by code.
type Worst = (Ratio, Reverse<Quantity>, StoreCode, ItemCode);

impl TotalsSoFar {
    /// Adds a line.
    pub fn add(&mut self, line: &TotalLine<'_>) {
        self.lines += 1;
        *self.by_status.entry(line.status).or_default() += 1;
        self.stale_lines += i64::from(line.stale);
        match line.cost {
            Some(cost) => self.cost += i128::from(cost.ten_thousandths()),
            None => {
                let lacks = line.net_shortfall.is_some_and(|short| !short.is_zero());
                self.without_price += i64::from(lacks);
            }
        }
        let Some(target) = line.target else { return };
        self.covered += i128::from(line.available.min(target).units());
        self.wanted += i128::from(target.units());
        let Some(coverage) = coverage(line.available, target) else { return };
        let lack = Reverse(target.minus_or_zero(line.available));
        let is_worst = self.worst.as_ref().is_none_or(|(least, most, store, item)| {
            (coverage, lack, line.store, line.item) < (*least, *most, store, item)
        });
        if is_worst {
            self.worst = Some((coverage, lack, line.store.clone(), line.item.clone()));
        }
    }

    /// Adds what other lines add up to.
    pub fn merge(&mut self, other: &Self) {
        self.lines += other.lines;
        for (status, lines) in &other.by_status {
            *self.by_status.entry(*status).or_default() += lines;
        }
        self.covered += other.covered;
        self.wanted += other.wanted;
        self.cost += other.cost;
        self.without_price += other.without_price;
        self.stale_lines += other.stale_lines;
        if other.worst.is_some() && (self.worst.is_none() || other.worst < self.worst) {
            self.worst.clone_from(&other.worst);
        }
    }

    /// The totals.
    pub fn finish(self) -> Totals {
        let count = |status| self.by_status.get(&status).copied().unwrap_or(0);
        let met = count(Status::Met);
        let (worst, worst_coverage) = match self.worst {
            Some((coverage, _, store, item)) => (Some((store, item)), Some(coverage)),
            None => (None, None),
        };
        Totals {
            lines: self.lines,
            by_status: Status::ALL.iter().map(|status| (*status, count(*status))).collect(),
            met,
            met_rate: Ratio::new(met.into(), self.lines.into()),
            weighted_coverage: Ratio::new(self.covered, self.wanted),
            worst,
            worst_coverage,
            cost: i64::try_from(self.cost).ok().map(Money::from_ten_thousandths),
            without_price: self.without_price,
            stale_lines: self.stale_lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::{parse_date, plus_days};
    use proptest::prelude::*;

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn holding(available: i64, arriving: i64) -> Holding {
        Holding { available: units(available), arriving: units(arriving), ordered: Quantity::ZERO }
    }

    fn today() -> NaiveDate {
        parse_date("2025-03-01").unwrap()
    }

    /// A line of some respirators.
    #[derive(Debug, Clone)]
    struct Respirators {
        store: StoreCode,
        item: ItemCode,
        target: Option<Quantity>,
        available: Quantity,
        stale: bool,
    }

    impl Respirators {
        fn total_line(&self) -> TotalLine<'_> {
            let short = self.target.map(|target| target.minus_or_zero(self.available));
            TotalLine {
                store: &self.store,
                item: &self.item,
                target: self.target,
                available: self.available,
                net_shortfall: short,
                // Those of store C have no price.
                cost: short
                    .filter(|_| !self.store.as_str().starts_with('C'))
                    .and_then(|short| Money::from_ten_thousandths(15_000).times(short.units())),
                status: status(self.target, None, self.available),
                stale: self.stale,
            }
        }
    }

    fn so_far(lines: &[Respirators]) -> TotalsSoFar {
        let mut totals = TotalsSoFar::default();
        lines.iter().for_each(|line| totals.add(&line.total_line()));
        totals
    }

    fn totals(lines: &[Respirators]) -> Totals {
        so_far(lines).finish()
    }

    fn line(store: &str, target: Option<i64>, available: i64) -> Respirators {
        Respirators {
            store: StoreCode::new(store).unwrap(),
            item: ItemCode::new("M03").unwrap(),
            target: target.map(units),
            available: units(available),
            stale: false,
        }
    }

    #[test]
    fn p07_goods_that_arrive_in_time_lessen_the_net_shortfall_only() {
        let horizon_end = plus_days(today(), 7);
        let on_the_way = |quantity, days| Arrival {
            quantity: units(quantity),
            expected_on: Some(plus_days(today(), days)),
            usable_until: None,
            recalled: false,
        };
        let arriving = Quantity::total(
            [on_the_way(200, 7), on_the_way(300, 8)]
                .iter()
                .filter(|arrival| {
                    judge_arrival(arrival, today(), horizon_end) == ArrivalVerdict::Counted
                })
                .map(|arrival| arrival.quantity),
        );
        let held = Holding { available: units(310), arriving, ordered: Quantity::ZERO };
        let found = figures(Some(units(1_121)), None, held, None);
        assert_eq!(found.on_hand_shortfall, Some(units(811)));
        assert_eq!(found.net_shortfall, Some(units(611)));
        assert_eq!(found.coverage.unwrap().to_string(), "310/1121");
        assert_eq!(percent(found.coverage.unwrap()), 27);
        assert_eq!(found.status, Status::Short);
    }

    #[test]
    fn goods_that_will_have_expired_on_arrival_do_not_count() {
        let end = plus_days(today(), 7);
        let judge = |expected: Option<i64>, until: Option<i64>| {
            let arrival = Arrival {
                quantity: units(1),
                expected_on: expected.map(|days| plus_days(today(), days)),
                usable_until: until.map(|days| plus_days(today(), days)),
                recalled: false,
            };
            judge_arrival(&arrival, today(), end)
        };
        assert_eq!(judge(Some(3), Some(3)), ArrivalVerdict::Counted);
        assert_eq!(judge(Some(3), Some(2)), ArrivalVerdict::ExpiredOnArrival);
        assert_eq!(judge(Some(8), None), ArrivalVerdict::TooLate);
        assert_eq!(judge(None, None), ArrivalVerdict::ArrivalUnknown);
        // Overdue goods are judged as if they came today.
        assert_eq!(judge(Some(-2), Some(0)), ArrivalVerdict::Counted);
        assert_eq!(judge(Some(-2), Some(-1)), ArrivalVerdict::ExpiredOnArrival);
        let recalled = Arrival {
            quantity: units(1),
            expected_on: Some(today()),
            usable_until: None,
            recalled: true,
        };
        assert_eq!(judge_arrival(&recalled, today(), end), ArrivalVerdict::Recalled);
    }

    #[test]
    fn the_first_status_that_holds_is_told() {
        let of = |target: Option<i64>, floor: Option<i64>, available| {
            status(target.map(units), floor.map(units), units(available))
        };
        assert_eq!(of(None, Some(5), 0), Status::NotComputable);
        assert_eq!(of(Some(10), Some(5), 0), Status::Out);
        assert_eq!(of(Some(10), Some(5), 4), Status::BelowFloor);
        assert_eq!(of(Some(10), Some(5), 5), Status::Short);
        assert_eq!(of(Some(10), Some(5), 10), Status::Met);
        assert_eq!(of(Some(0), None, 0), Status::Met);
    }

    #[test]
    fn days_of_cover_are_undefined_without_use() {
        let days = |adc| figures(Some(units(10)), None, holding(310, 0), adc).days_of_cover;
        assert_eq!(days(None), None);
        assert_eq!(days(Some(Ratio::ZERO)), None);
        assert_eq!(days(Ratio::new(61, 2)).unwrap().to_string(), "620/61");
    }

    #[test]
    fn what_may_be_given_away_lies_above_target_and_floor() {
        let surplus = |target, floor: Option<i64>| {
            figures(Some(units(target)), floor.map(units), holding(100, 50), None).surplus
        };
        assert_eq!(surplus(60, None), Some(units(40)));
        assert_eq!(surplus(60, Some(90)), Some(units(10)));
        assert_eq!(surplus(160, None), Some(units(0)));
        assert_eq!(figures(None, None, holding(100, 0), None).surplus, None);
    }

    #[test]
    fn a_surplus_of_one_store_hides_no_gap_of_another() {
        let mut stale = line("C", None, 9);
        stale.stale = true;
        let lines =
            [line("A", Some(100), 1_000), line("B", Some(100), 50), stale, line("D", Some(0), 3)];
        let totals = totals(&lines);
        assert_eq!((totals.lines, totals.met), (4, 2));
        assert_eq!(totals.met_rate.unwrap().to_string(), "1/2");
        assert_eq!(totals.weighted_coverage.unwrap().to_string(), "3/4");
        assert_eq!(totals.worst.unwrap().0.as_str(), "B");
        assert_eq!(totals.worst_coverage.unwrap().to_string(), "1/2");
        assert_eq!(totals.stale_lines, 1);
    }

    #[test]
    fn of_two_lines_with_nothing_the_one_that_lacks_more_is_worse() {
        let lines = [line("A", Some(10), 0), line("B", Some(20), 0), line("C", Some(20), 0)];
        assert_eq!(totals(&lines).worst.unwrap().0.as_str(), "B");
    }

    #[test]
    fn what_is_lacking_is_priced_where_a_price_is_known() {
        let lines = [line("A", Some(100), 40), line("C", Some(9), 8), line("C-2", Some(1), 1)];
        let totals = totals(&lines);
        assert_eq!(totals.cost.unwrap().to_string(), "90.00");
        assert_eq!(totals.without_price, 1);
        let by_status: Vec<(&str, i64)> =
            totals.by_status.iter().map(|(status, lines)| (status.as_str(), *lines)).collect();
        assert_eq!(
            by_status,
            [("not_computable", 0), ("out", 0), ("below_floor", 0), ("short", 2), ("met", 1)]
        );
    }

    #[test]
    fn without_lines_there_is_no_rate() {
        let none = totals(&[]);
        assert_eq!((none.lines, none.met_rate, none.weighted_coverage), (0, None, None));
        assert_eq!(none.worst, None);
    }

    proptest! {
        #[test]
        fn more_stock_never_raises_a_shortfall_nor_worsens_the_status(
            target in proptest::option::of(0_i64..1_000),
            floor in proptest::option::of(0_i64..1_000),
            available in 0_i64..1_500, more in 0_i64..500,
            arriving in 0_i64..500,
        ) {
            let at = |available| figures(target.map(units), floor.map(units), holding(available, arriving), None);
            let (before, after) = (at(available), at(available + more));
            prop_assert!(after.on_hand_shortfall <= before.on_hand_shortfall);
            prop_assert!(after.net_shortfall <= before.net_shortfall);
            prop_assert!(after.surplus >= before.surplus);
            prop_assert!(after.coverage >= before.coverage);
            prop_assert!(after.status >= before.status);
        }

        #[test]
        fn status_and_figures_never_contradict_each_other(
            target in 0_i64..1_000, floor in proptest::option::of(0_i64..1_000),
            available in 0_i64..1_500, arriving in 0_i64..500,
        ) {
            // A floor above the target does not happen: targets are held above their floor.
            let floor = floor.map(|floor| floor.min(target));
            let found = figures(Some(units(target)), floor.map(units), holding(available, arriving), None);
            let lacking = found.on_hand_shortfall.unwrap();
            prop_assert_eq!(found.status == Status::Met, lacking.is_zero());
            prop_assert!(found.net_shortfall.unwrap() <= lacking);
            prop_assert!(lacking.is_zero() || found.surplus.unwrap().is_zero());
            prop_assert_eq!(found.coverage.is_none(), target == 0);
            prop_assert!(found.coverage.is_none_or(|share| Ratio::ZERO <= share && share <= Ratio::whole(1)));
            prop_assert_eq!(found.coverage.is_some_and(|share| share == Ratio::whole(1)), lacking.is_zero() && target > 0);
        }

        #[test]
        fn totals_do_not_depend_on_the_order_of_the_lines(
            lines in proptest::collection::vec((0_usize..6, proptest::option::of(0_i64..50), 0_i64..60), 0..12),
        ) {
            let mut lines: Vec<Respirators> = lines.iter().enumerate()
                .map(|(at, (store, target, available))| line(&format!("S{store}-{at}"), *target, *available)).collect();
            let forward = totals(&lines);
            lines.reverse();
            prop_assert_eq!(totals(&lines), forward.clone());
            let (some, others) = lines.split_at(lines.len() / 2);
            let mut together = so_far(others);
            together.merge(&so_far(some));
            prop_assert_eq!(together.finish(), forward.clone());
            prop_assert_eq!(forward.by_status.values().sum::<i64>(), forward.lines);
            prop_assert!(forward.met <= forward.lines);
            prop_assert!(forward.weighted_coverage.is_none_or(|share| share <= Ratio::whole(1)));
        }
    }
}
