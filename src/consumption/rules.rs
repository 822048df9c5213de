//! Average daily consumption, worked out from what was used and from when there was nothing to use.

use crate::kernel::time::plus_days;
use crate::kernel::{Quantity, Ratio};
use crate::word_enum;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// The whole days over which consumption is averaged: those just before today.
///
/// Today is left out, because it is not over yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    today: NaiveDate,
    days: i64,
}

impl Window {
    /// Days of a window where nothing else is said.
    pub const DEFAULT_DAYS: i64 = 60;
    /// The longest window: ten years.
    const MAX_DAYS: i64 = 3_650;

    /// The `days` days before `today`, at least one and at most ten years.
    pub fn before(today: NaiveDate, days: i64) -> Self {
        Self { today, days: days.clamp(1, Self::MAX_DAYS) }
    }

    /// The day after the window.
    pub const fn today(self) -> NaiveDate {
        self.today
    }

    /// The number of days in it.
    pub const fn days(self) -> i64 {
        self.days
    }

    /// Its first day.
    pub fn first(self) -> NaiveDate {
        plus_days(self.today, -self.days)
    }

    /// Its last day, yesterday.
    pub fn last(self) -> NaiveDate {
        plus_days(self.today, -1)
    }

    fn all_days(self) -> impl Iterator<Item = NaiveDate> {
        self.first().iter_days().take_while(move |day| *day < self.today)
    }
}

/// Days on which a lot was there to be used at a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The day at whose end it was there first.
    pub first: NaiveDate,
    /// The last day that began or ended with it, and on which it might be used.
    pub last: NaiveDate,
}

/// The stretches of a lot that might be used through `usable_until`, or for ever, from what a store
/// held of it at the end of each day on which that changed, in order.
pub fn stretches(
    held: impl IntoIterator<Item = (NaiveDate, i64)>,
    usable_until: Option<NaiveDate>,
) -> Vec<Stretch> {
    let for_ever = NaiveDate::MAX;
    let mut stretches = Vec::new();
    let mut since: Option<NaiveDate> = None;
    let mut end = |first: NaiveDate, day: NaiveDate| {
        let last = day.min(usable_until.unwrap_or(for_ever));
        if first < day && first <= last {
            stretches.push(Stretch { first, last });
        }
    };
    for (day, units) in held {
        match (since, units > 0) {
            (None, true) => since = Some(day),
            (Some(first), false) => {
                end(first, day);
                since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    if let Some(first) = since {
        end(first, for_ever);
    }
    stretches
}

/// What the ledger knows of an item's use at a store.
#[derive(Debug, Clone, Default)]
pub struct UseHistory {
    /// The first day on which the store ever held the item.
    pub first_seen: Option<NaiveDate>,
    /// Base units used on each day, less what wards gave back or was reversed.
    ///
    /// Consumption only: transfers, aid, loans, write-offs, drills and corrections are none.
    pub used: BTreeMap<NaiveDate, i64>,
    /// Of all that was used in the window, what is estimated from stock reports.
    pub estimated: i64,
    /// When there was something to use, lot by lot, in any order.
    pub stocked: Vec<Stretch>,
}

word_enum! {
    /// How a daily use came to be known.
    pub enum Method {
        /// Nothing tells it.
        Unknown = "unknown",
        /// From issues that were booked one by one.
        Issues = "issues",
        /// From the decrease of stock reports.
        Estimated = "estimated",
        /// Partly from issues, partly from the decrease of stock reports.
        Mixed = "mixed",
        /// Set by hand, for a while.
        Manual = "manual",
    }
}

/// A daily use set by hand, while it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByHand {
    /// Base units per day.
    pub per_day: Ratio,
    /// The last day on which it holds.
    pub through_day: NaiveDate,
}

/// The average daily consumption (ADC 日均消耗) and the figures that it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AverageUse {
    /// The days looked at.
    pub window: Window,
    /// Days of the window since the item was first seen at the store.
    pub observed_days: i64,
    /// Observed days on which nothing was there and nothing was used.
    pub stockout_days: i64,
    /// Base units used on the observed days.
    pub used: Quantity,
    /// Of these, how many are estimated from stock reports.
    pub estimated: Quantity,
    /// Base units per day as the ledger shows it; `None` when there is no day to judge by, which is
    /// not the same as 0.
    pub computed: Option<Ratio>,
    /// What somebody set by hand; it beats what the ledger shows.
    pub by_hand: Option<ByHand>,
    /// Base units per day that count: set by hand, or as the ledger shows them.
    pub adc: Option<Ratio>,
}

impl AverageUse {
    /// The days by which the use is divided.
    pub const fn exposure_days(&self) -> i64 {
        self.observed_days - self.stockout_days
    }

    /// How it came to be known.
    pub fn method(&self) -> Method {
        match (self.by_hand, self.computed) {
            (Some(_), _) => Method::Manual,
            (None, None) => Method::Unknown,
            (None, Some(_)) if self.estimated.is_zero() => Method::Issues,
            (None, Some(_)) if self.estimated >= self.used => Method::Estimated,
            (None, Some(_)) => Method::Mixed,
        }
    }

    /// The same while a daily use set by hand holds.
    #[must_use]
    pub const fn set_by_hand(self, by_hand: ByHand) -> Self {
        Self { by_hand: Some(by_hand), adc: Some(by_hand.per_day), ..self }
    }
}

/// The average daily consumption of an item at a store.
///
/// `ADC = used / (min(window, days since first seen) − stock-out days)`. A day on which more came
/// back than was used counts as no use. A stock-out day opens and closes with nothing usable and
/// sees no use; a store that had nothing all the time has an unknown average, not one of zero.
pub fn average_use(window: Window, history: &UseHistory) -> AverageUse {
    let observed_days = history
        .first_seen
        .map_or(0, |first| window.today.signed_duration_since(first).num_days())
        .clamp(0, window.days);
    let observed_from = plus_days(window.today, -observed_days);
    let observed = history.used.range(observed_from..window.today);
    let used = observed.fold(0_i64, |sum, (_, units)| sum.saturating_add((*units).max(0)));
    let idle = |day: NaiveDate| history.used.get(&day).is_none_or(|units| *units <= 0);
    let stockout_days = days_without_stock(window, &history.stocked)
        .skip_while(|day| *day < observed_from)
        .filter(|day| idle(*day))
        .fold(0_i64, |days, _| days + 1);
    let exposure = observed_days - stockout_days;
    let adc = if exposure > 0 { Ratio::new(used.into(), exposure.into()) } else { None };
    AverageUse {
        window,
        observed_days,
        stockout_days,
        used: Quantity::new(used).unwrap_or(Quantity::MAX),
        estimated: Quantity::new(history.estimated).unwrap_or(Quantity::ZERO),
        computed: adc,
        by_hand: None,
        adc,
    }
}

/// The days of a window that open and close with nothing usable.
fn days_without_stock(window: Window, stocked: &[Stretch]) -> impl Iterator<Item = NaiveDate> {
    let mut stocked = stocked.to_vec();
    stocked.sort_unstable_by_key(|stretch| stretch.first);
    let mut stocked = stocked.into_iter().peekable();
    let mut stocked_until = None;
    window.all_days().filter(move |day| {
        while let Some(stretch) = stocked.next_if(|stretch| stretch.first <= *day) {
            stocked_until = stocked_until.max(Some(stretch.last));
        }
        stocked_until < Some(*day)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::parse_date;
    use proptest::prelude::*;

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn today() -> NaiveDate {
        date("2026-03-01")
    }

    fn days_ago(days: i64) -> NaiveDate {
        plus_days(today(), -days)
    }

    /// Something was there from so many days ago on.
    fn since(days: i64) -> Stretch {
        Stretch { first: days_ago(days), last: NaiveDate::MAX }
    }

    /// Something was there from so many days ago on, and was used up on a later one.
    fn between(first: i64, last: i64) -> Stretch {
        Stretch { first: days_ago(first), last: days_ago(last) }
    }

    fn window() -> Window {
        Window::before(today(), Window::DEFAULT_DAYS)
    }

    #[test]
    fn r02_issues_over_the_window_give_an_exact_average() {
        let history = UseHistory {
            estimated: 0,
            first_seen: Some(days_ago(400)),
            used: BTreeMap::from([(days_ago(60), 1_000), (days_ago(1), 830)]),
            stocked: vec![since(400)],
        };
        let average = average_use(window(), &history);
        assert_eq!(average.adc.unwrap().to_string(), "61/2");
        assert_eq!((average.exposure_days(), average.stockout_days), (60, 0));
    }

    #[test]
    fn days_without_stock_are_taken_out_of_the_window() {
        // Nothing from day 20 back to day 10, both included: eleven days.
        let history = UseHistory {
            estimated: 0,
            first_seen: Some(days_ago(100)),
            used: BTreeMap::from([(days_ago(21), 1_000), (days_ago(9), 830)]),
            stocked: vec![since(9), between(100, 21)],
        };
        let average = average_use(window(), &history);
        assert_eq!(average.stockout_days, 11);
        assert_eq!(average.adc.unwrap().to_string(), "1830/49");
    }

    #[test]
    fn stock_that_has_expired_is_a_stockout() {
        let history = UseHistory {
            estimated: 0,
            first_seen: Some(days_ago(100)),
            used: BTreeMap::from([(days_ago(50), 40)]),
            stocked: stretches([(days_ago(100), 500)], Some(days_ago(21))),
        };
        // Days 60 to 21 had stock, on the last of them for the last time.
        let average = average_use(window(), &history);
        assert_eq!((average.exposure_days(), average.stockout_days), (40, 20));
        assert_eq!(average.adc, Some(Ratio::whole(1)));
    }

    #[test]
    fn a_new_item_is_averaged_over_the_days_since_it_came() {
        let history = UseHistory {
            estimated: 0,
            first_seen: Some(days_ago(4)),
            used: BTreeMap::from([(days_ago(2), 10)]),
            stocked: vec![since(4)],
        };
        assert_eq!(average_use(window(), &history).adc.unwrap().to_string(), "5/2");
    }

    #[test]
    fn the_method_says_where_the_figure_comes_from() {
        let history = |used: i64, estimated: i64| UseHistory {
            first_seen: Some(days_ago(10)),
            used: BTreeMap::from([(days_ago(1), used)]),
            estimated,
            stocked: vec![since(10)],
        };
        let of = |used, estimated| average_use(window(), &history(used, estimated));
        assert_eq!(of(20, 0).method(), Method::Issues);
        assert_eq!(of(20, 20).method(), Method::Estimated);
        assert_eq!(of(20, 5).method(), Method::Mixed);
        assert_eq!(average_use(window(), &UseHistory::default()).method(), Method::Unknown);
        let by_hand = ByHand { per_day: Ratio::whole(7), through_day: days_ago(-3) };
        let set = of(20, 20).set_by_hand(by_hand);
        assert_eq!((set.method(), set.adc), (Method::Manual, Some(Ratio::whole(7))));
        assert_eq!(set.computed, Some(Ratio::whole(2)));
    }

    #[test]
    fn unknown_is_not_zero() {
        let never_seen = average_use(window(), &UseHistory::default());
        assert_eq!(never_seen.adc, None);
        let came_today = UseHistory { first_seen: Some(today()), ..UseHistory::default() };
        assert_eq!(average_use(window(), &came_today).adc, None);
        let always_out = UseHistory { first_seen: Some(days_ago(90)), ..UseHistory::default() };
        assert_eq!(average_use(window(), &always_out).adc, None);
        let unused = UseHistory {
            estimated: 0,
            first_seen: Some(days_ago(90)),
            stocked: vec![since(90)],
            ..UseHistory::default()
        };
        assert_eq!(average_use(window(), &unused).adc, Some(Ratio::ZERO));
    }

    #[test]
    fn a_day_on_which_more_came_back_than_was_used_counts_as_no_use() {
        let history = UseHistory {
            estimated: 0,
            first_seen: Some(days_ago(2)),
            used: BTreeMap::from([(days_ago(2), 10), (days_ago(1), -4)]),
            stocked: vec![since(2)],
        };
        assert_eq!(average_use(window(), &history).adc, Some(Ratio::whole(5)));
    }

    #[test]
    fn what_is_used_today_waits_for_tomorrow() {
        let history = UseHistory {
            estimated: 0,
            first_seen: Some(days_ago(10)),
            used: BTreeMap::from([(days_ago(1), 10), (today(), 500)]),
            stocked: vec![since(10)],
        };
        assert_eq!(average_use(window(), &history).adc, Some(Ratio::whole(1)));
    }

    /// What was held of a lot at the end of each day on which that changed, and its last day of use.
    type Lot = (BTreeMap<NaiveDate, i64>, Option<NaiveDate>);

    fn lots() -> impl Strategy<Value = Vec<Lot>> {
        use proptest::collection::{btree_map, vec};
        let day = |days: std::ops::Range<i64>| days.prop_map(days_ago);
        let held = btree_map(day(1..80), 0_i64..3, 0..8);
        vec((held, proptest::option::of(day(-20..70))), 0..4)
    }

    fn stocked(lots: &[Lot]) -> Vec<Stretch> {
        lots.iter().flat_map(|(held, until)| stretches(held.clone(), *until)).collect()
    }

    proptest! {
        #[test]
        fn the_average_times_the_exposure_is_what_was_used(
            first in 0_i64..120,
            uses in proptest::collection::btree_map(1_i64..90, -5_i64..50, 0..30),
            lots in lots(),
        ) {
            let history = UseHistory {
                estimated: 0,
                first_seen: Some(days_ago(first)),
                used: uses.iter().map(|(day, units)| (days_ago(*day), *units)).collect(),
                stocked: stocked(&lots),
            };
            let average = average_use(window(), &history);
            prop_assert!(0 <= average.stockout_days && average.stockout_days <= average.observed_days);
            prop_assert!(average.observed_days <= 60.min(first));
            match average.adc {
                None => prop_assert!(average.exposure_days() <= 0),
                Some(adc) => prop_assert_eq!(
                    adc.times(Ratio::whole(average.exposure_days().into())).unwrap(),
                    Ratio::whole(average.used.units().into())
                ),
            }
        }

        #[test]
        fn stockout_days_are_those_that_a_look_at_each_day_finds(
            lots in lots(),
            uses in proptest::collection::btree_map(1_i64..70, -5_i64..50, 0..20),
            first in 0_i64..90,
        ) {
            let history = UseHistory {
                estimated: 0,
                first_seen: Some(days_ago(first)),
                used: uses.iter().map(|(day, units)| (days_ago(*day), *units)).collect(),
                stocked: stocked(&lots),
            };
            // What was there at the end of one day and could be used on another.
            let there = |end: NaiveDate, on: NaiveDate| {
                lots.iter().any(|(held, until)| {
                    let newest = held.range(..=end).next_back();
                    newest.is_some_and(|(_, units)| *units > 0) && until.is_none_or(|until| until >= on)
                })
            };
            let expected = (1..=first.min(60)).filter(|ago| {
                let (day, before) = (days_ago(*ago), days_ago(*ago + 1));
                uses.get(ago).is_none_or(|units| *units <= 0) && !there(before, day) && !there(day, day)
            }).count();
            prop_assert_eq!(average_use(window(), &history).stockout_days, i64::try_from(expected).unwrap());
        }

        #[test]
        fn more_use_never_lowers_the_average(day in 1_i64..=60, less in 0_i64..50, more in 0_i64..50) {
            let with = |units: i64| average_use(window(), &UseHistory {
                estimated: 0,
                first_seen: Some(days_ago(60)),
                used: BTreeMap::from([(days_ago(day), units)]),
                stocked: vec![since(60)],
            }).adc;
            prop_assert!(with(less) <= with(less + more));
        }
    }
}
