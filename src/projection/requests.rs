//! What a projection is asked about, and the demand that a caller foresees.

use crate::exchange::table::Table;
use crate::kernel::time::{parse_date, plus_days};
use crate::kernel::{Bilingual, FaultCode, Faults, ItemCode, Ratio, Refusal, StoreCode};
use crate::projection::demand::{GivenDemand, Then, Vector};
use crate::reserve_plan::rate::{Rate, RateText};
use chrono::NaiveDate;
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The furthest that is looked ahead: ten years.
pub const MAX_DAYS: i64 = 3_650;
/// The most demands in one question: a county's stores and items, and then some.
const MAX_DEMANDS: usize = 20_000;

/// A demand as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectionRequest {
    /// What will be used of which item where.
    #[serde(default)]
    demand: Vec<DemandBody>,
}

/// What will be used of one item.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DemandBody {
    /// At this store; at each store alike where absent.
    #[schema(example = "QN-HOSP")]
    store_code: Option<String>,
    /// The item.
    #[schema(example = "M03")]
    item_code: String,
    /// Base units of each day from today on: integers, or decimals and fractions as text.
    #[schema(value_type = Vec<Rate>, example = json!([120, 135, "150.5", "301/2"]))]
    daily: Vec<RateText>,
    /// How it goes on after the last day: `repeat_last`, `zero` or `adc`. Needed where fewer days
    /// are given than are looked ahead.
    #[schema(example = "repeat_last")]
    then: Option<String>,
}

/// A demand with the place where it was given, still without the day on which it begins.
#[derive(Debug, Clone)]
pub struct Foreseen {
    /// Where it was given: a JSON pointer, or the row of a table.
    pub pointer: String,
    /// At this store, or at each.
    pub store: Option<StoreCode>,
    /// The item.
    pub item: ItemCode,
    daily: Daily,
    then: Option<Then>,
}

#[derive(Debug, Clone)]
enum Daily {
    /// From the first day on.
    FromToday(Vec<Ratio>),
    /// By day.
    Dated(BTreeMap<NaiveDate, Ratio>),
}

impl ProjectionRequest {
    /// Reads the demands, with every fault.
    pub fn parse(&self, faults: &mut Faults) -> Vec<Foreseen> {
        if self.demand.is_empty() {
            faults.add("/demand", FaultCode::Required);
        }
        if self.demand.len() > MAX_DEMANDS {
            faults.add("/demand", FaultCode::TooLong);
        }
        let bodies = self.demand.iter().take(MAX_DEMANDS).enumerate();
        bodies.filter_map(|(at, body)| body.parse(&format!("/demand/{at}"), faults)).collect()
    }
}

impl DemandBody {
    fn parse(&self, pointer: &str, faults: &mut Faults) -> Option<Foreseen> {
        let item = faults.keep(format!("{pointer}/item_code"), ItemCode::new(&self.item_code));
        let store = self
            .store_code
            .as_ref()
            .map(|text| faults.keep(format!("{pointer}/store_code"), StoreCode::new(text)));
        if !i64::try_from(self.daily.len()).is_ok_and(|days| days <= MAX_DAYS) {
            faults.add(format!("{pointer}/daily"), FaultCode::TooLong);
            return None;
        }
        let daily = self.daily.iter().enumerate().filter_map(|(day, rate)| {
            faults.keep(format!("{pointer}/daily/{day}"), rate.read()).map(Rate::ratio)
        });
        let daily = Daily::FromToday(daily.collect());
        let then = self.then.as_deref().and_then(|word| {
            let known = Then::from_word(word).ok_or(FaultCode::NotInList);
            faults.keep(format!("{pointer}/then"), known)
        });
        let store = match store {
            None => None,
            Some(read) => Some(read?),
        };
        Some(Foreseen { pointer: pointer.to_owned(), store, item: item?, daily, then })
    }
}

/// The columns of a demand as a table, by the headings that we know.
struct Columns {
    store: Option<usize>,
    item: usize,
    day: usize,
    quantity: usize,
}

impl Columns {
    fn find(table: &Table, faults: &mut Faults) -> Option<Self> {
        let place = |names: [&str; 3]| {
            table.headings.iter().position(|heading| names.contains(&heading.as_str()))
        };
        let mut needed = |names: [&str; 3]| {
            let [name, ..] = names;
            faults.keep(format!("/rows/1/{name}"), place(names).ok_or(FaultCode::Required))
        };
        let (item, day, quantity) = (
            needed(["item_code", "item", "物资编码"]),
            needed(["day", "date", "日期"]),
            needed(["quantity", "demand", "数量"]),
        );
        let store = place(["store_code", "store", "储备点编码"]);
        Some(Self { store, item: item?, day: day?, quantity: quantity? })
    }
}

/// Reads demands from a table with a row for each day: `item_code`, `day`, `quantity`, and
/// `store_code` where a demand is that of one store; every fault names the row by its line.
pub fn demands_of_table(table: &Table, then: Option<Then>, faults: &mut Faults) -> Vec<Foreseen> {
    let Some(columns) = Columns::find(table, faults) else { return Vec::new() };
    let mut found: BTreeMap<(ItemCode, Option<StoreCode>), Foreseen> = BTreeMap::new();
    if table.rows.is_empty() {
        faults.add("/rows", FaultCode::Required);
    }
    for row in &table.rows {
        let cell = |at: usize| row.cells.get(at).map_or("", String::as_str);
        let pointer = |name: &str| format!("/rows/{}/{name}", row.line);
        let item = faults.keep(pointer("item_code"), ItemCode::new(cell(columns.item)));
        let store = columns.store.map(cell).filter(|text| !text.is_empty());
        let store = store.map(|text| faults.keep(pointer("store_code"), StoreCode::new(text)));
        let day = parse_date(cell(columns.day)).ok_or(FaultCode::NotADate);
        let day = faults.keep(pointer("day"), day);
        let units = faults.keep(pointer("quantity"), Rate::parse(cell(columns.quantity)));
        let (Some(item), Some(day), Some(units)) = (item, day, units) else { continue };
        let store = match store {
            Some(None) => continue,
            read => read.flatten(),
        };
        let foreseen = found.entry((item.clone(), store.clone())).or_insert_with(|| Foreseen {
            pointer: format!("/rows/{}", row.line),
            store,
            item,
            daily: Daily::Dated(BTreeMap::new()),
            then,
        });
        if let Daily::Dated(dated) = &mut foreseen.daily
            && dated.insert(day, units.ratio()).is_some()
        {
            faults.add(pointer("day"), FaultCode::Duplicate);
        }
    }
    if found.len() > MAX_DEMANDS {
        faults.add("/rows", FaultCode::TooLong);
    }
    found.into_values().collect()
}

/// Lets demands begin today: what a forecast says of days that are past is passed over.
///
/// # Errors
/// `validation_failed` with every fault: no day from today on, days missing between others, too few
/// days without a word how it goes on, two demands for the same item and store.
pub fn begin(foreseen: &[Foreseen], today: NaiveDate, days: i64) -> Result<GivenDemand, Refusal> {
    let mut faults = Faults::new();
    let mut given = BTreeMap::new();
    for one in foreseen {
        let daily = match &one.daily {
            Daily::FromToday(daily) => daily.clone(),
            Daily::Dated(dated) => in_a_row(dated, today, &one.pointer, &mut faults),
        };
        if daily.is_empty() {
            faults.add(format!("{}/daily", one.pointer), FaultCode::TooShort);
        }
        let short = i64::try_from(daily.len()).is_ok_and(|given| given < days);
        if short && one.then.is_none() {
            let message = Bilingual::new(
                format!("只给了 {} 天，预测 {days} 天：须说明其后如何延续", daily.len()),
                format!("gives {} of {days} days: say how it goes on", daily.len()),
            );
            faults.add_saying(format!("{}/then", one.pointer), FaultCode::Required, message);
        }
        let vector = Vector { daily, then: one.then };
        if given.insert((one.item.clone(), one.store.clone()), vector).is_some() {
            faults.add(format!("{}/item_code", one.pointer), FaultCode::Duplicate);
        }
    }
    faults.check()?;
    Ok(GivenDemand::new(given))
}

/// The days from today on, without a gap.
fn in_a_row(
    dated: &BTreeMap<NaiveDate, Ratio>,
    today: NaiveDate,
    pointer: &str,
    faults: &mut Faults,
) -> Vec<Ratio> {
    let mut daily = Vec::new();
    for ((day, units), after) in dated.range(today..).zip(0_i64..) {
        let expected = plus_days(today, after);
        if *day != expected {
            let message = Bilingual::new(
                format!("缺少 {expected} 的需求"),
                format!("there is no demand for {expected}"),
            );
            faults.add_saying(format!("{pointer}/day"), FaultCode::Required, message);
            break;
        }
        daily.push(*units);
    }
    daily
}
