//! Who told what they hold, and who did not: the days of a store, and figures of compliance.

use crate::kernel::{BusinessZone, Instant, Quantity, Ratio, StoreCode};
use crate::report::rules::due_at;
use crate::report::statement::{StockReport, Timeliness};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// The most days that a board looks at.
pub const DAYS_MAX: i64 = 366;

/// A store as far as its duty to report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporter {
    /// The store.
    pub store: StoreCode,
    /// The first day on which it is due: that of its creation.
    pub since: NaiveDate,
    /// By what hour of the business day its reports are due.
    pub due_hour: i64,
}

/// The days that a board is about, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
}

impl Days {
    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = NaiveDate> {
        self.from.iter_days().take_while(move |day| *day <= self.to)
    }
}

/// How well reports came: units are a store and a day on which it is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compliance {
    /// Days on which a report is due, those not over yet included.
    pub due: i64,
    /// Of these, whose report came in time.
    pub on_time: i64,
    /// Whose report came late.
    pub late: i64,
    /// Whose report never came, though its hour is past.
    pub missing: i64,
    /// Whose hour is not past, and whose report has not come.
    pub open: i64,
    /// Of those that came, how many were nil reports.
    pub nil: i64,
}

impl Compliance {
    /// Adds one day.
    fn count(&mut self, timeliness: Timeliness, is_nil: bool) {
        self.due += 1;
        match timeliness {
            Timeliness::OnTime => self.on_time += 1,
            Timeliness::Late => self.late += 1,
            Timeliness::Missing => self.missing += 1,
            Timeliness::Due => self.open += 1,
        }
        self.nil += i64::from(is_nil);
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            due: self.due + other.due,
            on_time: self.on_time + other.on_time,
            late: self.late + other.late,
            missing: self.missing + other.missing,
            open: self.open + other.open,
            nil: self.nil + other.nil,
        }
    }

    /// A count over the days whose hour is past; `None` where there is none.
    pub fn rate(&self, count: i64) -> Option<Ratio> {
        Ratio::new(count.into(), (self.due - self.open).into())
    }
}

/// How a day of a store stands.
///
/// A report that came says so itself; otherwise it is missing once its hour is past.
pub fn timeliness(
    zone: BusinessZone,
    reporter: &Reporter,
    day: NaiveDate,
    report: Option<&StockReport>,
    now: Instant,
) -> Timeliness {
    match report {
        Some(report) => report.timeliness(),
        None if now <= due_at(zone, day, reporter.due_hour) => Timeliness::Due,
        None => Timeliness::Missing,
    }
}

/// How the days of a store stand, with its reports by day.
pub fn compliance(
    zone: BusinessZone,
    reporter: &Reporter,
    days: Days,
    reports: &BTreeMap<NaiveDate, StockReport>,
    now: Instant,
) -> Compliance {
    let mut sum = Compliance::default();
    for day in days.each().filter(|day| *day >= reporter.since) {
        let report = reports.get(&day);
        let is_nil = report.is_some_and(|report| report.nil.is_some());
        sum.count(timeliness(zone, reporter, day, report, now), is_nil);
    }
    sum
}

/// What a silent store holds by estimate: what it held when last heard of, less what it uses a day,
/// rounded down and never below nothing. `None` where its use is not known.
pub fn estimated_stock(
    last_known: Quantity,
    per_day: Option<Ratio>,
    last_heard: NaiveDate,
    today: NaiveDate,
) -> Option<Quantity> {
    let days = today.signed_duration_since(last_heard).num_days().max(0);
    let used = per_day?.times(Ratio::whole(days.into()))?;
    let left = i128::from(last_known.units()) - used.ceil();
    Quantity::new(i64::try_from(left.max(0)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::StockReportId;
    use crate::kernel::time::{parse_date, plus_days};
    use crate::report::statement::Nil;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    fn reporter() -> Reporter {
        let store = StoreCode::new("QN-TOWN").unwrap();
        Reporter { store, since: day("2026-03-01"), due_hour: 20 }
    }

    fn report(of: NaiveDate, hours_after_due: i64, nil: Option<Nil>) -> StockReport {
        let due = due_at(BusinessZone::default(), of, 20);
        let came = due.plus_hours(hours_after_due);
        StockReport {
            id: StockReportId::generate(),
            number: String::new(),
            store_code: StoreCode::new("QN-TOWN").unwrap(),
            business_day: of,
            due_at: due,
            first_recorded_at: came,
            version: 1,
            as_of: came,
            nil,
            recorded_at: came,
            differences: 0,
        }
    }

    #[test]
    fn every_day_since_its_creation_counts_once() {
        let zone = BusinessZone::default();
        let reports = BTreeMap::from([
            (day("2026-03-01"), report(day("2026-03-01"), 0, None)),
            (day("2026-03-02"), report(day("2026-03-02"), 1, Some(Nil::Unchanged))),
        ]);
        let days = Days { from: day("2026-02-20"), to: day("2026-03-04") };
        // The evening of the fourth has not come.
        let now = zone.start_of(day("2026-03-04")).plus_hours(12);
        let sum = compliance(zone, &reporter(), days, &reports, now);
        let expected = Compliance { due: 4, on_time: 1, late: 1, missing: 1, open: 1, nil: 1 };
        assert_eq!(sum, expected);
        assert_eq!(sum.rate(sum.on_time).unwrap().to_string(), "1/3");
        assert_eq!(Compliance::default().rate(0), None);
    }

    #[test]
    fn a_silent_store_is_estimated_by_its_daily_use() {
        let held = Quantity::new(100).unwrap();
        let stock = |rate, heard, today| {
            estimated_stock(held, rate, day(heard), day(today)).map(Quantity::units)
        };
        let half = Ratio::new(61, 2);
        assert_eq!(stock(half, "2026-03-01", "2026-03-02"), Some(69));
        assert_eq!(stock(half, "2026-03-01", "2026-03-03"), Some(39));
        assert_eq!(stock(half, "2026-03-01", "2026-03-31"), Some(0));
        assert_eq!(stock(half, "2026-03-02", "2026-03-01"), Some(100));
        assert_eq!(stock(None, "2026-03-01", "2026-03-02"), None);
    }

    proptest! {
        #[test]
        fn longer_silence_never_raises_the_estimate(
            held in 0_i64..10_000, used in 0_i64..500, of in 1_i64..60, days in 0_i64..400,
        ) {
            let rate = Ratio::new(used.into(), of.into());
            let first = day("2026-01-01");
            let at = |days| {
                let held = Quantity::new(held).unwrap();
                estimated_stock(held, rate, first, plus_days(first, days)).unwrap()
            };
            prop_assert!(at(days + 1) <= at(days));
            prop_assert_eq!(at(0).units(), held);
        }

        #[test]
        fn the_parts_of_compliance_make_up_what_is_due(
            came in proptest::collection::btree_map(0_i64..40, (-30_i64..30, proptest::bool::ANY), 0..20),
            hours in 0_i64..1_200,
        ) {
            let zone = BusinessZone::default();
            let first = day("2026-03-01");
            let reports = came.iter().map(|(at, (hours, nil))| {
                let of = plus_days(first, *at);
                (of, report(of, *hours, nil.then_some(Nil::Unchanged)))
            }).collect();
            let days = Days { from: first, to: plus_days(first, 39) };
            let now = zone.start_of(first).plus_hours(hours);
            let sum = compliance(zone, &reporter(), days, &reports, now);
            prop_assert_eq!(sum.due, 40);
            prop_assert_eq!(sum.on_time + sum.late + sum.missing + sum.open, sum.due);
            prop_assert_eq!(sum.on_time + sum.late, i64::try_from(came.len()).unwrap());
            prop_assert!(sum.nil <= sum.on_time + sum.late);
        }
    }
}
