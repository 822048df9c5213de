//! How fresh figures are: when the stores that they cover were last heard of.

use crate::kernel::{Instant, Moment};
use chrono::TimeDelta;

/// How many of some stores were heard of lately, by a movement or a stock report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The stores that the figures cover.
    pub stores: i64,
    /// Of these, how many were heard of within the hours that the setting allows.
    pub heard: i64,
    /// Of the others, how many were never heard of.
    pub never: i64,
    /// When that was last heard of which was silent longest, of those that ever were.
    pub oldest: Option<Instant>,
}

impl Freshness {
    /// The freshness of stores by when each was last heard of.
    pub fn of(last: impl IntoIterator<Item = Option<Instant>>, stale_before: Instant) -> Self {
        let mut sum = Self::default();
        for last in last {
            sum.stores += 1;
            sum.heard += i64::from(last.is_some_and(|at| at >= stale_before));
            sum.never += i64::from(last.is_none());
            sum.oldest = match (sum.oldest, last) {
                (Some(oldest), Some(last)) => Some(oldest.min(last)),
                (oldest, last) => oldest.or(last),
            };
        }
        sum
    }
}

/// A store that was last heard of before this is silent at the moment asked about.
pub fn stale_before(moment: &Moment, stale_hours: i64) -> Instant {
    moment.as_of.plus(-TimeDelta::try_hours(stale_hours).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_never_heard_of_is_silent_and_has_no_time() {
        let at = |hour: i64| Instant::parse("2026-03-01T00:00:00Z").unwrap().plus_hours(hour);
        let found = Freshness::of([Some(at(9)), None, Some(at(2)), Some(at(8))], at(8));
        assert_eq!(
            found,
            Freshness { stores: 4, heard: 2, never: 1, oldest: Some(at(2)) },
            "heard at the very limit counts as heard"
        );
        assert_eq!(Freshness::of([], at(8)), Freshness::default());
    }
}
