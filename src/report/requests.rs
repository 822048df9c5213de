//! What clients send as stock reports, and how it becomes a statement: every fault gathered.

use crate::command::{CommandError, Tx};
use crate::kernel::time::parse_date;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, Quantity, Refusal, StoreCode};
use crate::report::rules::end_of;
use crate::report::statement::Nil;
use crate::stock::requests::{check_line_count, head, item_of, items_named, optional_text};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What a store holds of an item.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockReportLineBody {
    /// The item.
    #[schema(example = "M02")]
    pub item_code: String,
    /// Base units that lie in the store, in whatever state. Blank is not zero: it must be said.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub on_hand: Option<i64>,
    /// Base units used since the last report, where the store knows; it is compared, never posted.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub used: Option<i64>,
}

/// A stock report.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "store_code": "QN-TOWN", "business_day": "2026-03-02", "as_of": "2026-03-02T09:00:00Z",
    "lines": [{"item_code": "M02", "on_hand": 340, "used": 60}]
}))]
pub struct StockReportRequest {
    /// The store.
    pub store_code: String,
    /// The day that it is for, `YYYY-MM-DD`.
    #[schema(example = "2026-03-02")]
    pub business_day: String,
    /// When the store held this; a time of the business day. Now, or the end of a day that is over,
    /// unless said.
    #[serde(default)]
    pub as_of: Option<String>,
    /// A nil report: there is nothing to tell, and that is said.
    #[serde(default)]
    pub nil: bool,
    /// What a nil report says: `unchanged` (the default), nothing was used since the last report;
    /// `nothing_held`, nothing at all is there.
    #[serde(default)]
    #[schema(example = "unchanged")]
    pub nil_as: Option<String>,
    /// What is held; none in a nil report. Of items that are not named nothing is said.
    #[serde(default)]
    pub lines: Vec<StockReportLineBody>,
    /// Why the report of this day is told again; required then, and only then.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whatever else is to be said.
    #[serde(default)]
    pub note: Option<String>,
}

/// A line that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldLine {
    /// The item.
    pub item_code: ItemCode,
    /// Base units that are held.
    pub on_hand: Quantity,
    /// Base units used since the last report.
    pub used: Option<Quantity>,
}

/// A report that makes sense.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The store.
    pub store: StoreCode,
    /// The day.
    pub day: NaiveDate,
    /// Business time.
    pub as_of: Instant,
    /// What a report without lines says.
    pub nil: Option<Nil>,
    /// What is held.
    pub lines: Vec<ToldLine>,
    /// Why it is told again.
    pub reason: Option<String>,
    /// Whatever else is to be said.
    pub note: Option<String>,
}

impl StockReportRequest {
    /// Reads the report.
    ///
    /// # Errors
    /// `validation_failed` with every fault, `store_out_of_scope`; failures of the database.
    pub fn parse(
        &self,
        tx: &mut Tx<'_>,
        faults: &mut Faults,
    ) -> Result<Option<Asked>, CommandError> {
        let head = head(tx, &self.store_code, None, faults)?;
        let day = self.day(tx, faults);
        let as_of = day.and_then(|day| self.as_of(tx, day, faults));
        let nil = self.nil(faults);
        let reason = optional_text::<200>(self.reason.as_ref(), "/reason", faults);
        let note = optional_text::<1000>(self.note.as_ref(), "/note", faults);
        let lines = self.lines(tx, faults)?;
        Ok((|| {
            let store = head?.store.code;
            Some(Asked { store, day: day?, as_of: as_of?, nil, lines, reason, note })
        })())
    }

    fn day(&self, tx: &Tx<'_>, faults: &mut Faults) -> Option<NaiveDate> {
        let day = parse_date(&self.business_day).ok_or(FaultCode::NotADate);
        let day = faults.keep("/business_day", day)?;
        if day > tx.settings.zone.day_of(tx.now) {
            faults.add("/business_day", FaultCode::InFuture);
            return None;
        }
        Some(day)
    }

    fn as_of(&self, tx: &Tx<'_>, day: NaiveDate, faults: &mut Faults) -> Option<Instant> {
        let zone = tx.settings.zone;
        let Some(text) = &self.as_of else { return Some(end_of(zone, day).min(tx.now)) };
        let read = Instant::parse(text).map_err(|_shape| FaultCode::NotAnInstant);
        let at = faults.keep("/as_of", read)?;
        if at > tx.now.plus_minutes(tx.settings.future_minutes) {
            faults.add("/as_of", FaultCode::InFuture);
            return None;
        }
        // Devices' clocks run fast: some minutes ahead count as now.
        let at = at.min(tx.now);
        if zone.day_of(at) != day {
            faults.add("/as_of", FaultCode::Contradicts);
            return None;
        }
        Some(at)
    }

    fn nil(&self, faults: &mut Faults) -> Option<Nil> {
        let said =
            self.nil_as.as_deref().map(|word| Nil::from_word(word).ok_or(FaultCode::NotInList));
        let said = said.and_then(|word| faults.keep("/nil_as", word));
        if !self.nil {
            if self.nil_as.is_some() {
                faults.add("/nil_as", FaultCode::Contradicts);
            }
            check_line_count(self.lines.len(), faults);
            return None;
        }
        if !self.lines.is_empty() {
            faults.add("/lines", FaultCode::Contradicts);
        }
        Some(said.unwrap_or(Nil::Unchanged))
    }

    fn lines(&self, tx: &mut Tx<'_>, faults: &mut Faults) -> Result<Vec<ToldLine>, CommandError> {
        let codes = self.lines.iter().map(|line| line.item_code.as_str());
        let items = items_named(tx, codes)?;
        let mut seen = BTreeSet::new();
        let mut lines = Vec::with_capacity(self.lines.len());
        for (at, line) in self.lines.iter().enumerate() {
            let pointer = format!("/lines/{at}");
            let item = item_of(&items, &line.item_code, &pointer, faults);
            let on_hand = line.on_hand.ok_or(FaultCode::Required).and_then(units);
            let on_hand = faults.keep(format!("{pointer}/on_hand"), on_hand);
            let used = line.used.map(units);
            let used = used.and_then(|used| faults.keep(format!("{pointer}/used"), used));
            let (Some(item), Some(on_hand)) = (item, on_hand) else { continue };
            if !seen.insert(item.code.clone()) {
                faults.add(format!("{pointer}/item_code"), FaultCode::Duplicate);
                continue;
            }
            lines.push(ToldLine { item_code: item.code.clone(), on_hand, used });
        }
        Ok(lines)
    }
}

/// Base units of nothing or more; a negative figure is a fault of the data.
fn units(given: i64) -> Result<Quantity, FaultCode> {
    Quantity::new(given).map_err(|_range| FaultCode::OutOfRange)
}

/// By what hour a store's reports are due.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// Hours after the beginning of the business day, 0 to 72; `null` for the county's hour.
    #[schema(example = 17, minimum = 0, maximum = 72)]
    pub due_hour: Option<i64>,
}

impl ScheduleRequest {
    /// The hour.
    ///
    /// # Errors
    /// `validation_failed` where it is out of range.
    pub fn parse(&self) -> Result<Option<i64>, Refusal> {
        match self.due_hour {
            Some(hour) if !(0..=72).contains(&hour) => {
                Err(Refusal::fault("/due_hour", FaultCode::OutOfRange))
            }
            hour => Ok(hour),
        }
    }
}
