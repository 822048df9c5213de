//! Lots as they come into the county: their numbers, dates and costs.

use crate::demo::items::DemoItem;
use crate::kernel::time::plus_days;
use chrono::{Months, NaiveDate};
use serde_json::{Value, json};

/// When a lot was made, and so when it expires.
#[derive(Debug, Clone, Copy)]
pub(super) enum Made {
    /// It does not expire.
    Lasting,
    /// So many days before the day on which it is booked; it lasts as long as the item does.
    DaysAgo(i64),
    /// So that it expires so many days after the day on which it is booked.
    ExpiringIn(i64),
}

/// A line of a receipt: one lot of an item.
pub(super) fn line(day: NaiveDate, item: &DemoItem, units: i64, made: Made) -> Value {
    let shelf = item.shelf_life_months.and_then(|months| u32::try_from(months).ok()).unwrap_or(0);
    let shelf = Months::new(shelf);
    // Counted back from its expiry, a lot may share its day with another and still expire on another
    // day, because months differ in length: a letter of its own keeps their numbers apart.
    let ending = if matches!(made, Made::ExpiringIn(_)) { "N" } else { "" };
    let (made_on, expires_on) = match made {
        Made::Lasting => (plus_days(day, -200), None),
        Made::DaysAgo(days) => {
            let made_on = plus_days(day, -days);
            (made_on, made_on.checked_add_months(shelf))
        }
        Made::ExpiringIn(days) => {
            let expires_on = plus_days(day, days);
            (expires_on.checked_sub_months(shelf).unwrap_or(day), Some(expires_on))
        }
    };
    let mut line = json!({
        "item_code": item.code,
        "lot_number": format!("{}{}{ending}", made_on.format("%Y%m%d"), item.code),
        "maker": maker(item),
        "manufactured_on": made_on.to_string(),
        "quantity": units,
        "pack_units": item.pack_units(),
        "unit_cost": item.unit_cost,
    });
    match expires_on {
        Some(day) => set(&mut line, "expires_on", day.to_string()),
        None => set(&mut line, "no_expiry", true),
    }
    line
}

/// Says one thing more of a line.
pub(super) fn set(line: &mut Value, field: &str, value: impl Into<Value>) {
    if let Some(fields) = line.as_object_mut() {
        fields.insert(field.to_owned(), value.into());
    }
}

/// Makers of the demonstration; none of them exists.
fn maker(item: &DemoItem) -> &'static str {
    match item.code.chars().next() {
        Some('M' | 'P') => "赣南防护用品有限公司",
        Some('D') => "章江消毒制品有限公司",
        Some('T') => "贡水生物试剂有限公司",
        Some('R') => "梅岭药业有限公司",
        Some(_) | None => "桃江医疗器械有限公司",
    }
}
