//! What clients send about the daily use of items: every fault gathered.

use crate::catalogue;
use crate::command::{CommandError, Tx};
use crate::consumption::daily_use::DailyUse;
use crate::kernel::id::DailyUseId;
use crate::kernel::time::parse_date;
use crate::kernel::{FaultCode, Faults, ItemCode, Quantity, Ratio, Refusal, StoreCode, Text};
use crate::stores;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A daily use set by hand.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "store_code": "QN-TOWN", "item_code": "M02", "units": 61, "days": 2,
    "through_day": "2026-04-30", "reason": "新开发热门诊", "sample": "3月1日至2日实际领用"
}))]
pub struct DailyUseRequest {
    /// The store.
    pub store_code: String,
    /// The item.
    pub item_code: String,
    /// Base units …
    #[schema(minimum = 0)]
    pub units: i64,
    /// … in so many days: 61 in 2 are exactly 61/2 a day. 1 unless said.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 3650)]
    pub days: i64,
    /// The last day on which it holds, `YYYY-MM-DD`; then what the ledger shows counts again.
    pub through_day: String,
    /// Why it is set.
    pub reason: String,
    /// What it rests on, in words.
    #[serde(default)]
    pub sample: Option<String>,
}

fn one() -> i64 {
    1
}

impl DailyUseRequest {
    /// The daily use, set by the caller now.
    ///
    /// # Errors
    /// `validation_failed` with every fault, `store_out_of_scope`; failures of the database.
    pub fn parse(&self, tx: &mut Tx<'_>) -> Result<DailyUse, CommandError> {
        let mut faults = Faults::new();
        let store_code = faults.keep("/store_code", StoreCode::new(&self.store_code));
        if let Some(code) = &store_code {
            tx.actor.require_store(code)?;
            if stores::records::find(tx.conn, code)?.is_none() {
                faults.add("/store_code", FaultCode::Unknown);
            }
        }
        let item_code = faults.keep("/item_code", ItemCode::new(&self.item_code));
        if let Some(code) = &item_code
            && catalogue::records::find(tx.conn, code)?.is_none()
        {
            faults.add("/item_code", FaultCode::Unknown);
        }
        let units = Quantity::new(self.units).map_err(|_range| FaultCode::OutOfRange);
        let units = faults.keep("/units", units);
        let days = (1..=3_650).contains(&self.days).then_some(self.days);
        let days = faults.keep("/days", days.ok_or(FaultCode::OutOfRange));
        let through = parse_date(&self.through_day).ok_or(FaultCode::NotADate);
        let through_day = faults.keep("/through_day", through);
        if through_day.is_some_and(|day| day < tx.settings.zone.day_of(tx.now)) {
            faults.add("/through_day", FaultCode::OutOfRange);
        }
        let reason = faults.keep("/reason", Text::<200>::new(&self.reason));
        let sample = self.sample.as_deref().map(Text::<1000>::new);
        let sample = sample.and_then(|text| faults.keep("/sample", text)).map(String::from);
        let per_day =
            units.zip(days).and_then(|(units, days)| Ratio::new(units.units().into(), days.into()));
        Ok(faults.finish((|| {
            Some(DailyUse {
                id: DailyUseId::generate(),
                store_code: store_code?,
                item_code: item_code?,
                per_day: per_day?,
                through_day: through_day?,
                reason: String::from(reason?),
                sample,
                author: tx.actor.name.clone(),
                recorded_at: tx.now,
                ended: None,
                version: 1,
            })
        })())?)
    }
}

/// That a daily use set by hand ends.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndDailyUseRequest {
    /// Why it ends before its last day.
    #[schema(example = "门诊已关闭")]
    pub reason: String,
}

impl EndDailyUseRequest {
    /// The reason.
    ///
    /// # Errors
    /// `validation_failed` where there is none.
    pub fn parse(&self) -> Result<String, Refusal> {
        let text = Text::<200>::new(&self.reason);
        text.map(String::from).map_err(|fault| Refusal::fault("/reason", fault))
    }
}
