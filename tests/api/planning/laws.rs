//! Laws of shortfalls over chance plans, through the API: what is explained adds up to what is shown,
//! and a graver level never asks for less.

use super::{declare, in_force};
use crate::support::TestApp;
use crate::support::chance::Chance;
use crate::support::stock::put;
use changbei::kernel::Ratio;
use changbei::shortfall::rules::percent;
use serde_json::{Value, json};

const STORES: [&str; 4] = ["QN-DEPOT", "QN-HOSP", "QN-CDC", "QN-TOWN"];
const ITEMS: [&str; 4] = ["M02", "M03", "D03", "T01"];

/// An exact fraction as the service writes it.
fn ratio(value: &Value) -> Ratio {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no fraction"));
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    Ratio::new(above.parse().unwrap(), below.parse().unwrap()).unwrap()
}

fn units(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no quantity"))
}

fn sum<'a>(rows: &'a Value, which: impl Fn(&&'a Value) -> bool) -> i64 {
    rows.as_array().unwrap().iter().filter(which).map(|row| units(&row["quantity"])).sum()
}

/// A line of a plan by chance: one or two bases, perhaps a floor, a ceiling and percents.
fn line(chance: &mut Chance, store: &str, item: &str) -> Value {
    let fraction = format!("{}/{}", chance.between(1, 20), chance.between(1, 7));
    let full_load = json!({"kind": "full_load", "days": chance.between(1, 9),
        "posts": [{"count": chance.between(1, 9), "per_day": fraction}]});
    let fixed = json!({"kind": "fixed", "quantity": chance.between(1, 900)});
    let days = json!({"kind": "days_of_cover", "days": chance.between(1, 60)});
    let bases =
        [json!([fixed]), json!([fixed, days]), json!([full_load, fixed]), json!([full_load])];
    let least = chance.between(100, 160);
    let mut line = json!({"store_code": store, "item_code": item, "bases": chance.of(&bases),
        "level_percent": {"III": least, "I": least + chance.between(0, 100)}});
    let floor = chance.between(0, 300);
    if chance.one_in(2) {
        line["floor"] = json!(floor);
        line["floor_percent"] = json!({"II": 50, "I": chance.between(0, 50)});
    }
    if chance.one_in(2) {
        line["ceiling"] = json!(floor + chance.between(1, 900));
    }
    line
}

/// Everything that an explanation names comes to the figures of its row.
fn adds_up(explained: &Value) {
    let row = &explained["result"];
    let counted = sum(&explained["lots_counted"], |_| true);
    assert_eq!(counted, units(&row["available"]), "{explained}");
    let left = &explained["lots_left_out"];
    let reserved = sum(left, |lot| lot["reason"] == "reserved");
    assert_eq!(reserved, units(&row["reserved"]));
    assert_eq!(sum(left, |_| true) - reserved, units(&row["blocked"]));
    assert_eq!(counted + sum(left, |_| true), units(&row["on_hand"]));
    let arriving = sum(&explained["in_transit"], |goods| goods["verdict"] == "counted");
    assert_eq!(arriving, units(&row["arriving"]));

    let used = &explained["consumption"];
    if let Some(days) = used["exposure_days"].as_i64().filter(|days| *days > 0) {
        assert_eq!(Ratio::new(units(&used["used"]).into(), days.into()), Some(ratio(&row["adc"])));
    }
    if explained["target"].is_null() {
        assert_eq!(row["status"], "not_computable");
        return;
    }
    let steps = &explained["target"];
    let amounts =
        explained["bases"].as_array().unwrap().iter().map(|basis| ratio(&basis["amount"]));
    let largest = amounts.max().unwrap();
    assert_eq!(ratio(&steps["largest"]), largest);
    let share = Ratio::new(units(&steps["level_percent"]).into(), 100).unwrap();
    let at_level = largest.times(share).unwrap();
    assert_eq!(ratio(&steps["at_level"]), at_level);
    assert_eq!(i128::from(units(&steps["rounded"])), at_level.ceil());
    let ceiling = steps["ceiling"].as_i64().unwrap_or(i64::MAX);
    let floor = steps["floor"].as_i64().unwrap_or(0);
    let target = units(&steps["rounded"]).min(ceiling).max(floor);
    assert_eq!([&steps["target"], &row["target"]], [&json!(target), &json!(target)]);

    let available = units(&row["available"]);
    let short = (target - available).max(0);
    assert_eq!(units(&row["on_hand_shortfall"]), short);
    assert_eq!(units(&row["net_shortfall"]), (target - available - arriving).max(0));
    let kept = target.max(row["floor"].as_i64().unwrap_or(0));
    assert_eq!(units(&row["surplus"]), (available - kept).max(0));
    if target > 0 {
        let coverage = Ratio::new(available.min(target).into(), target.into()).unwrap();
        assert_eq!(ratio(&row["coverage"]), coverage);
        assert_eq!(units(&row["coverage_percent"]), percent(coverage));
    }
    let status = match () {
        () if available == 0 && target > 0 => "out",
        () if available < row["floor"].as_i64().unwrap_or(0) => "below_floor",
        () if available < target => "short",
        () => "met",
    };
    assert_eq!(row["status"], status);
}

#[test]
fn what_is_explained_adds_up_and_a_graver_level_never_asks_for_less() {
    TestApp::each(|app| {
        let mut chance = Chance::from_seed(20_260_302);
        let mut lines = Vec::new();
        for store in STORES {
            for item in ITEMS {
                lines.push(line(&mut chance, store, item));
                for lot in 0..chance.below(4) {
                    let days = ["2026-03-01", "2026-03-02", "2026-08-31", "2027-08-31"];
                    let (expires, units) = (chance.of(&days), chance.between(1, 400));
                    put(app, store, item, &format!("{store}-{item}-{lot}"), expires, units);
                }
            }
        }
        in_force(app, json!(lines));
        let mut before: Vec<Option<i64>> = vec![None; STORES.len() * ITEMS.len()];
        for (hour, level) in (2..).zip(["IV", "III", "II", "I"]) {
            app.set_time(&format!("2026-03-03T0{hour}:00:00Z"));
            declare(app, "360729", level);
            let cells = STORES.iter().flat_map(|store| ITEMS.iter().map(move |item| (store, item)));
            for ((store, item), before) in cells.zip(&mut before) {
                let path = format!("/shortfalls/explain?store={store}&item={item}");
                let explained = app.get("commander", &path).expect(200);
                assert_eq!(explained["level"], level);
                adds_up(&explained);
                let target = explained["result"]["target"].as_i64();
                assert!(target >= *before, "{store}/{item} at {level}: {before:?} to {target:?}");
                *before = target;
            }
        }
    });
}
