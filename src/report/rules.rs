//! What follows from a stock report: pure, told what the book says.

use crate::kernel::time::{BusinessZone, plus_days};
use crate::kernel::{Instant, Quantity, Ratio};
use chrono::NaiveDate;

/// When the report of a business day is due: so many hours after the day's beginning.
pub fn due_at(zone: BusinessZone, day: NaiveDate, due_hour: i64) -> Instant {
    zone.start_of(day).plus_hours(due_hour)
}

/// The last instant of a business day.
pub fn end_of(zone: BusinessZone, day: NaiveDate) -> Instant {
    zone.start_of(plus_days(day, 1)).previous()
}

/// What must be posted so that the book says what a store told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Base units that the book holds beyond what was told, with no document to explain them.
    pub decrease: Quantity,
    /// Base units that were told beyond the book. Never posted: nothing says that they were received.
    pub increase: Quantity,
    /// Estimated consumption to be posted.
    pub post: Quantity,
    /// Estimates of earlier versions to be taken back.
    pub take_back: Quantity,
}

/// Settles what a store told of an item against the book.
///
/// `book` is what the book held then without this report's own estimates, `in_force` what of them
/// stands. After the settlement `in_force + post − take_back = decrease` stands, so however often a
/// report is told again or corrected, it counts once.
pub fn settle(book: Quantity, told: Quantity, in_force: Quantity) -> Settlement {
    let decrease = book.minus_or_zero(told);
    Settlement {
        decrease,
        increase: told.minus_or_zero(book),
        post: decrease.minus_or_zero(in_force),
        take_back: in_force.minus_or_zero(decrease),
    }
}

/// What was used between two reports of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Base units.
    pub units: Quantity,
    /// Whole days between the two.
    pub days: i64,
    /// Base units a day.
    pub per_day: Ratio,
}

/// Why no use can be told from some reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseUnknown {
    /// There is no report of an earlier day to compare with: two days are needed at least.
    TooFewDays,
    /// More is there than can be: a receipt is missing in the book, or a figure is wrong.
    Negative {
        /// Base units that nothing explains.
        surplus: Quantity,
    },
}

/// What a store told on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The business day.
    pub day: NaiveDate,
    /// Base units on hand.
    pub on_hand: Quantity,
}

/// What was used between two reports: what was there, and came since, and is there no more.
///
/// `came` are the base units that documents other than of consumption brought since the first report,
/// less those that they took; so receipts are added back and dispatches are no use. Source: the burn
/// rate calculator of the US CDC, which asks for two days at least and takes the average decrease.
///
/// # Errors
/// [`UseUnknown::TooFewDays`] unless the second is of a later day; [`UseUnknown::Negative`] where
/// more is there than can be.
pub fn used_between(first: Told, came: i64, second: Told) -> Result<Used, UseUnknown> {
    let days = second.day.signed_duration_since(first.day).num_days();
    if days < 1 {
        return Err(UseUnknown::TooFewDays);
    }
    let there = first.on_hand.units().saturating_add(came);
    let used = there.saturating_sub(second.on_hand.units());
    match Quantity::new(used) {
        Ok(units) => {
            let per_day = Ratio::new(used.into(), days.into()).unwrap_or(Ratio::ZERO);
            Ok(Used { units, days, per_day })
        }
        Err(_negative) => {
            let surplus = Quantity::new(used.saturating_neg()).unwrap_or(Quantity::MAX);
            Err(UseUnknown::Negative { surplus })
        }
    }
}

/// The average daily decrease over reports of several days, the earliest first, each with what came
/// since the one before it.
///
/// # Errors
/// As [`used_between`], for any two that follow one another.
pub fn burn_rate(reports: &[(Told, i64)]) -> Result<Ratio, UseUnknown> {
    let mut total = 0_i64;
    let mut days = 0_i64;
    for pair in reports.windows(2) {
        let [(first, _), (second, came)] = pair else { continue };
        let used = used_between(*first, *came, *second)?;
        total = total.saturating_add(used.units.units());
        days += used.days;
    }
    Ratio::new(total.into(), days.into()).ok_or(UseUnknown::TooFewDays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::parse_date;
    use proptest::prelude::*;

    fn units(units: i64) -> Quantity {
        Quantity::new(units).unwrap()
    }

    fn told(day: &str, on_hand: i64) -> Told {
        Told { day: parse_date(day).unwrap(), on_hand: units(on_hand) }
    }

    #[test]
    fn r05_the_burn_rate_adds_receipts_back_and_needs_two_days() {
        // 100 boxes, then 85, then 500 came and 570 are there: 15 and 15 a day.
        let days = [
            (told("2026-03-01", 100), 0),
            (told("2026-03-02", 85), 0),
            (told("2026-03-03", 570), 500),
        ];
        assert_eq!(burn_rate(&days), Ok(Ratio::whole(15)));
        assert_eq!(burn_rate(&days[..1]), Err(UseUnknown::TooFewDays));
        assert_eq!(burn_rate(&[]), Err(UseUnknown::TooFewDays));
        // Without the receipt the use would be negative: a fault of the data, not a use of zero.
        let without = [(told("2026-03-02", 85), 0), (told("2026-03-03", 570), 0)];
        assert_eq!(burn_rate(&without), Err(UseUnknown::Negative { surplus: units(485) }));
        // The same day told twice is one day.
        let same_day = [(told("2026-03-02", 85), 0), (told("2026-03-02", 80), 0)];
        assert_eq!(burn_rate(&same_day), Err(UseUnknown::TooFewDays));
    }

    #[test]
    fn days_between_reports_share_what_was_used() {
        let used = used_between(told("2026-03-01", 100), -10, told("2026-03-04", 50)).unwrap();
        assert_eq!((used.units, used.days), (units(40), 3));
        assert_eq!(used.per_day.to_string(), "40/3");
    }

    #[test]
    fn a_report_is_due_on_its_day_or_the_next_morning() {
        let zone = BusinessZone::default();
        let day = parse_date("2026-03-02").unwrap();
        assert_eq!(due_at(zone, day, 20).to_string(), "2026-03-02T12:00:00Z");
        assert_eq!(due_at(zone, day, 32).to_string(), "2026-03-03T00:00:00Z");
        assert_eq!(zone.day_of(end_of(zone, day)), day);
        assert_eq!(zone.day_of(end_of(zone, day).plus_seconds(1)), plus_days(day, 1));
    }

    proptest! {
        #[test]
        fn however_often_a_report_is_told_it_counts_once(
            book in 0_i64..1_000,
            told in proptest::collection::vec(0_i64..1_000, 1..8),
        ) {
            let mut in_force = 0_i64;
            for told in told {
                let settled = settle(units(book), units(told), units(in_force));
                prop_assert!(settled.post.is_zero() || settled.take_back.is_zero());
                in_force += settled.post.units() - settled.take_back.units();
                prop_assert_eq!(in_force, settled.decrease.units());
                prop_assert_eq!(book - in_force + settled.increase.units(), told);
            }
        }

        #[test]
        fn estimates_of_consecutive_reports_add_up_to_the_whole_decrease(
            start in 0_i64..10_000,
            days in proptest::collection::vec((0_i64..500, 0_i64..500), 1..12),
        ) {
            // Each day something comes and something, at most all, is used; the store tells the rest.
            let mut book = start;
            let (mut estimated, mut came) = (0_i64, 0_i64);
            for (receipt, use_of_day) in days {
                book += receipt;
                came += receipt;
                let told = book - use_of_day.min(book);
                let settled = settle(units(book), units(told), Quantity::ZERO);
                estimated += settled.post.units();
                book -= settled.post.units();
                prop_assert_eq!(book, told);
            }
            prop_assert_eq!(estimated, start + came - book);
        }

        #[test]
        fn the_burn_rate_times_the_days_is_the_decrease_with_receipts_added_back(
            start in 1_000_i64..10_000,
            days in proptest::collection::vec((0_i64..500, 0_i64..100), 1..12),
        ) {
            let first = parse_date("2026-01-01").unwrap();
            let mut reports = vec![(Told { day: first, on_hand: units(start) }, 0)];
            let (mut there, mut used) = (start, 0);
            for (at, (came, gone)) in (1..).zip(&days) {
                let gone = (*gone).min(there + came);
                there += came - gone;
                used += gone;
                reports.push((Told { day: plus_days(first, at), on_hand: units(there) }, *came));
            }
            let length = i128::try_from(days.len()).unwrap();
            prop_assert_eq!(burn_rate(&reports), Ok(Ratio::new(used.into(), length).unwrap()));
        }
    }
}
