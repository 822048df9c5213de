//! A daily use that somebody set by hand, for a while and for a reason.

use crate::kernel::id::DailyUseId;
use crate::kernel::{Instant, ItemCode, Ratio, StoreCode};
use chrono::NaiveDate;

/// A daily use that somebody set by hand in place of what the ledger shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyUse {
    /// Its id.
    pub id: DailyUseId,
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// Base units per day.
    pub per_day: Ratio,
    /// The last day on which it holds.
    pub through_day: NaiveDate,
    /// Why it was set.
    pub reason: String,
    /// What it rests on, in words.
    pub sample: Option<String>,
    /// Who set it.
    pub author: String,
    /// When it was set, and from when on it holds.
    pub recorded_at: Instant,
    /// How it ended before its last day.
    pub ended: Option<Ended>,
    /// Grows with every change.
    pub version: i64,
}

/// How a daily use ended before its last day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Who ended it.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Why; none where another took its place.
    pub reason: Option<String>,
}

impl DailyUse {
    /// Whether it holds on a day, as was known at a time of which the day is not the future.
    pub fn holds(&self, day: NaiveDate, known: Instant) -> bool {
        self.recorded_at <= known
            && day <= self.through_day
            && self.ended.as_ref().is_none_or(|ended| ended.at > known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::{BusinessZone, parse_date};

    #[test]
    fn it_holds_from_its_setting_to_its_last_day_or_its_end() {
        let at = |text: &str| Instant::parse(text).unwrap();
        let mut set = DailyUse {
            id: DailyUseId::generate(),
            store_code: StoreCode::new("QN-TOWN").unwrap(),
            item_code: ItemCode::new("M02").unwrap(),
            per_day: Ratio::whole(5),
            through_day: parse_date("2026-03-10").unwrap(),
            reason: "新开发热门诊".to_owned(),
            sample: None,
            author: "commander".to_owned(),
            recorded_at: at("2026-03-02T02:00:00Z"),
            ended: None,
            version: 1,
        };
        let holds = |of: &DailyUse, text: &str| {
            of.holds(BusinessZone::default().day_of(at(text)), at(text))
        };
        assert!(!holds(&set, "2026-03-02T01:59:59Z"));
        assert!(holds(&set, "2026-03-02T02:00:00Z"));
        assert!(holds(&set, "2026-03-10T15:59:59Z"));
        assert!(!holds(&set, "2026-03-10T16:00:00Z"));
        let ended = at("2026-03-05T00:00:00Z");
        set.ended = Some(Ended { by: "deputy".to_owned(), at: ended, reason: None });
        assert!(holds(&set, "2026-03-04T23:59:59Z"));
        assert!(!holds(&set, "2026-03-05T00:00:00Z"));
    }
}
