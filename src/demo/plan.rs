//! The reserve plan of the demonstration: thirty full-load days for hospitals, quotas for others.
//!
//! A hospital's norm is heads × rate / per: the staff on duty at full load, times what each uses in
//! thirty days. The figures are the demonstration's own, of the order that such plans have.

use crate::demo::county::{CDC, DEPOT, DemoStore, HOSPITAL, Kind, MCH, STORES, TCM};
use crate::demo::items::DemoItem;
use serde_json::{Value, json};

/// Staff on duty at full load.
const STAFF: &[(&str, i64)] = &[(HOSPITAL, 200), (TCM, 110), (MCH, 90)];

/// Base units that `per` heads use in thirty full-load days: item, rate, per.
const NORMS: &[(&str, i64, i64)] = &[
    ("M03", 15, 1),
    ("M02", 120, 1),
    ("M01", 60, 1),
    ("P01", 6, 1),
    ("P02", 12, 1),
    ("P03", 3, 2),
    ("P04", 5, 2),
    ("P05", 300, 1),
    ("P06", 18, 1),
    ("P07", 60, 1),
    ("P08", 45, 1),
    ("D01", 3, 1),
    ("D02", 1, 1),
    ("D03", 3, 1),
    ("D04", 4, 1),
    ("D07", 15, 1),
    ("T03", 8, 1),
    ("T05", 24, 1),
    ("T06", 12, 1),
];

/// Drugs of which hospitals keep cover for thirty days of their average use.
const COVERED_DRUGS: &[&str] = &["R01", "R03", "R04", "R06", "R07"];

/// Days of average use that hospitals keep of those drugs.
const DRUG_DAYS: i64 = 30;

/// Fixed quotas of the People's Hospital's equipment.
const HOSPITAL_EQUIPMENT: &[(&str, i64)] =
    &[("E01", 40), ("E02", 40), ("E03", 15), ("E04", 8), ("E05", 6), ("E06", 12)];

/// Fixed quotas of every township.
const TOWNSHIP: &[(&str, i64)] = &[
    ("M01", 6_000),
    ("M02", 4_000),
    ("M03", 400),
    ("P01", 80),
    ("P02", 200),
    ("P05", 6_000),
    ("D01", 300),
    ("D03", 210),
    ("D04", 144),
    ("T05", 2_000),
    ("T06", 1_500),
    ("R03", 1_200),
    ("E01", 6),
    ("E02", 8),
];

/// The town around the county seat keeps this many times the quota of a township.
const SEAT_TIMES: i64 = 3;
/// The town around the county seat.
const SEAT: &str = "QN-CHENGXIANG";

/// Fixed quotas of the CDC.
const CDC_QUOTAS: &[(&str, i64)] = &[
    ("T01", 4_800),
    ("T02", 4_800),
    ("T03", 2_000),
    ("T04", 1_000),
    ("T05", 4_000),
    ("T07", 12),
    ("M03", 500),
    ("P01", 400),
    ("P05", 5_000),
    ("D02", 144),
    ("E07", 6),
];

/// Fixed quotas of the county reserve depot.
const DEPOT_QUOTAS: &[(&str, i64)] = &[
    ("M01", 60_000),
    ("M02", 80_000),
    ("M03", 9_000),
    ("M04", 4_000),
    ("P01", 3_000),
    ("P02", 5_000),
    ("P03", 1_200),
    ("P04", 1_600),
    ("P05", 90_000),
    ("P06", 4_000),
    ("P07", 14_000),
    ("P08", 9_000),
    ("D01", 1_800),
    ("D02", 720),
    ("D03", 1_500),
    ("D04", 1_200),
    ("D07", 6_000),
    ("T01", 3_840),
    ("T02", 3_840),
    ("T03", 3_000),
    ("T04", 2_000),
    ("T05", 12_000),
    ("T06", 9_000),
    ("E01", 60),
    ("E02", 80),
    ("E03", 10),
    ("E07", 8),
];

/// A floor is this part of the quiet target: one fifth.
const FLOOR_PART: i64 = 5;

fn quota(quotas: &[(&str, i64)], item: &str) -> Option<i64> {
    quotas.iter().find(|(code, _)| *code == item).map(|(_, units)| *units)
}

fn norm(store: &str, item: &str) -> Option<(i64, i64, i64)> {
    let heads = quota(STAFF, store)?;
    NORMS.iter().find(|(code, ..)| *code == item).map(|(_, rate, per)| (heads, *rate, *per))
}

/// What the plan wants of an item in a store on quiet days, in base units.
pub(super) fn target(store: &DemoStore, item: &DemoItem) -> Option<i64> {
    match store.kind {
        Kind::Depot => quota(DEPOT_QUOTAS, item.code),
        Kind::Cdc => quota(CDC_QUOTAS, item.code),
        Kind::Township if store.code == SEAT => {
            quota(TOWNSHIP, item.code).map(|units| units * SEAT_TIMES)
        }
        Kind::Township => quota(TOWNSHIP, item.code),
        Kind::Hospital => {
            let by_norm = norm(store.code, item.code)
                .map(|(heads, rate, per)| (heads * rate + per - 1) / per);
            let drug =
                COVERED_DRUGS.contains(&item.code).then(|| DRUG_DAYS * store.daily_use(item));
            let equipment = || quota(HOSPITAL_EQUIPMENT, item.code);
            by_norm.or(drug).or_else(|| equipment().filter(|_| store.code == HOSPITAL))
        }
    }
}

/// Below this the stock is reserve, in base units; nought where the plan has no floor.
pub(super) fn floor(store: &DemoStore, item: &DemoItem) -> i64 {
    if store.kind == Kind::Hospital && COVERED_DRUGS.contains(&item.code) {
        return 0;
    }
    target(store, item).unwrap_or(0) / FLOOR_PART
}

/// How the targets grow with the response level, in percent.
fn level_percent() -> Value {
    json!({"IV": 105, "III": 115, "II": 140, "I": 180})
}

fn fixed(scope: (&str, &str), item: &str, units: i64) -> Value {
    let (field, code) = scope;
    // An outbreak wears masks out, not thermometers.
    let percent = if item.starts_with('E') { json!({}) } else { level_percent() };
    json!({
        field: code,
        "item_code": item,
        "bases": [{"kind": "fixed", "quantity": units}],
        "floor": units / FLOOR_PART,
        "level_percent": percent,
    })
}

/// The lines of the plan, as a commander would send them.
pub(super) fn lines() -> Vec<Value> {
    let mut lines = Vec::new();
    for store in STORES.iter().filter(|store| store.kind == Kind::Hospital) {
        for (item, _, _) in NORMS {
            let Some((heads, rate, per)) = norm(store.code, item) else { continue };
            lines.push(json!({
                "store_code": store.code,
                "item_code": item,
                "bases": [{"kind": "norm", "heads": heads, "rate": rate, "per": per}],
                "floor": (heads * rate + per - 1) / per / FLOOR_PART,
                "level_percent": level_percent(),
            }));
        }
    }
    for item in COVERED_DRUGS {
        lines.push(json!({
            "store_kind": "hospital",
            "item_code": item,
            "bases": [{"kind": "days_of_cover", "days": DRUG_DAYS}],
            "level_percent": level_percent(),
        }));
    }
    let by_store = |code, quotas: &'static [(&'static str, i64)]| {
        quotas.iter().map(move |(item, units)| fixed(("store_code", code), item, *units))
    };
    lines.extend(by_store(HOSPITAL, HOSPITAL_EQUIPMENT));
    lines.extend(by_store(CDC, CDC_QUOTAS));
    lines.extend(by_store(DEPOT, DEPOT_QUOTAS));
    for (item, units) in TOWNSHIP {
        lines.push(fixed(("store_kind", "township"), item, *units));
        lines.push(fixed(("store_code", SEAT), item, units * SEAT_TIMES));
    }
    lines
}
