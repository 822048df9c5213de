//! The model behind the ninety days: what is used where, and when. Pure, seeded, whole numbers.
//!
//! A store's use of an item on a day is its quiet daily use times the weekday's percentage, times
//! the outbreak's, times a chance between 85 % and 115 % from ChaCha8, whose stream is the same on
//! every machine. The outbreak begins on day [`OUTBREAK`] and adds [`RAMP`] percent of the quiet use
//! every day until [`PEAK`] percent.

use chrono::{Datelike, NaiveDate, Weekday};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Days of history, the last of them yesterday.
pub(super) const DAYS: i64 = 90;
/// The day of history on which the outbreak begins, counted from 0.
pub(super) const OUTBREAK: i64 = 64;
/// Percent of the quiet use that the outbreak adds each day.
const RAMP: i64 = 6;
/// The most that the use grows to, in percent of the quiet use.
const PEAK: i64 = 200;

/// The source of chance.
#[derive(Debug, Clone)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of a seed.
    pub(super) fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number between both, these included. The bias of the remainder is below 2⁻⁴⁰ for the
    /// ranges used here.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = u64::try_from(most - least + 1).unwrap_or(1).max(1);
        least + i64::try_from(self.0.next_u64() % span).unwrap_or(0)
    }
}

/// Percent of the quiet use on a day of history.
pub(super) fn outbreak_percent(day: i64) -> i64 {
    (100 + RAMP * (day - OUTBREAK).max(0)).min(PEAK)
}

/// Percent of the average day on which hospitals and the CDC use stock.
pub(super) fn weekday_percent(date: NaiveDate) -> i64 {
    match date.weekday() {
        Weekday::Mon => 112,
        Weekday::Tue => 106,
        Weekday::Wed | Weekday::Thu => 100,
        Weekday::Fri => 104,
        Weekday::Sat => 92,
        Weekday::Sun => 86,
    }
}

/// Days of use that a township hands out of an item on a day: every second item on Mondays and
/// Fridays, the others on Wednesdays and Sundays, for three or four days.
pub(super) fn township_days(date: NaiveDate, turn: i64) -> i64 {
    match (date.weekday(), turn % 2) {
        (Weekday::Mon, 0) | (Weekday::Sun, 1) => 3,
        (Weekday::Fri, 0) | (Weekday::Wed, 1) => 4,
        (
            Weekday::Mon
            | Weekday::Tue
            | Weekday::Wed
            | Weekday::Thu
            | Weekday::Fri
            | Weekday::Sat
            | Weekday::Sun,
            _,
        ) => 0,
    }
}

/// The use of some days, in base units, rounded to the nearest.
pub(super) fn usage(
    chance: &mut Chance,
    daily: i64,
    days: i64,
    weekday_percent: i64,
    outbreak_percent: i64,
) -> i64 {
    let by_chance = chance.between(85, 115);
    let exact = daily * days * weekday_percent * outbreak_percent * by_chance;
    (exact + 500_000) / 1_000_000
}

/// The quantity in whole packs, rounded up.
pub(super) const fn up_to_packs(units: i64, pack: i64) -> i64 {
    if units <= 0 { 0 } else { (units + pack - 1) / pack * pack }
}

/// The quantity in whole packs, rounded down.
pub(super) const fn down_to_packs(units: i64, pack: i64) -> i64 {
    if units <= 0 { 0 } else { units / pack * pack }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::{parse_date, plus_days};

    #[test]
    fn the_same_seed_gives_the_same_use_and_another_seed_another() {
        let uses = |seed| {
            let mut chance = Chance::seeded(seed);
            (0..50).map(|_| usage(&mut chance, 620, 1, 100, 100)).collect::<Vec<_>>()
        };
        assert_eq!(uses(7), uses(7));
        assert_ne!(uses(7), uses(8));
        assert!(uses(7).iter().all(|units| (527..=713).contains(units)));
    }

    #[test]
    fn the_stream_of_a_seed_is_the_same_on_every_machine() {
        let mut chance = Chance::seeded(1);
        let drawn: Vec<i64> = (0..6).map(|_| chance.between(0, 999)).collect();
        assert_eq!(drawn, FIRST_OF_SEED_1);
    }

    const FIRST_OF_SEED_1: [i64; 6] = [201, 795, 285, 466, 733, 64];

    #[test]
    fn a_week_of_use_is_seven_days_of_it() {
        let monday = parse_date("2026-03-02").unwrap();
        let week = || (0..7).map(|day| plus_days(monday, day));
        assert_eq!(week().map(weekday_percent).sum::<i64>(), 700);
        for turn in 0..2 {
            assert_eq!(week().map(|day| township_days(day, turn)).sum::<i64>(), 7);
        }
    }

    #[test]
    fn the_outbreak_grows_to_its_peak_and_stays() {
        assert_eq!(outbreak_percent(0), 100);
        assert_eq!(outbreak_percent(OUTBREAK), 100);
        assert_eq!(outbreak_percent(OUTBREAK + 1), 106);
        assert_eq!(outbreak_percent(DAYS), PEAK);
    }

    #[test]
    fn packs_are_whole() {
        assert_eq!((up_to_packs(101, 50), up_to_packs(0, 50)), (150, 0));
        assert_eq!((down_to_packs(149, 50), down_to_packs(-3, 50)), (100, 0));
    }
}
