//! Shortfalls all at once, as lines and tables, and their totals by group.

use super::{declare, fixed, in_force};
use crate::support::{Answer, TestApp};
use changbei::kernel::Money;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NDJSON: &str = "application/x-ndjson";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Stock here and there against lines of stores, kinds and the region.
fn stand(app: &TestApp) {
    let region = |item: &str, quota: i64| {
        json!({"region_code": "360729", "item_code": item, "bases": [{"kind": "fixed", "quantity": quota}],
            "level_percent": {"II": 300}, "floor": 20})
    };
    let days = json!({"store_kind": "hospital", "item_code": "D03",
        "bases": [{"kind": "days_of_cover", "days": 30}]});
    let lines = json!([
        region("M02", 500),
        region("M03", 60),
        fixed("QN-HOSP", "M03", 1121),
        fixed("QN-DEPOT", "D03", 10),
        days
    ]);
    in_force(app, lines);
    for (user, store, item, units, cost) in [
        ("keeper.depot", "QN-DEPOT", "M03", 700, json!("1.50")),
        ("keeper.hospital", "QN-HOSP", "M03", 310, json!("1.55")),
        ("keeper.hospital", "QN-HOSP", "M02", 10, json!("0.20")),
    ] {
        let body = json!({"store_code": store, "occurred_at": "2026-02-20T09:00:00+08:00",
            "source": {"kind": "supplier"}, "lines": [{"item_code": item, "lot_number": "A1",
                "maker": "某厂", "expires_on": "2027-06-30", "quantity": units, "unit_cost": cost}]});
        app.post(user, "/receipts", body).expect(201);
    }
}

fn whole(app: &TestApp, user: &str, query: &str, accept: &str) -> Answer {
    let path = format!("/api/v1/shortfalls{query}");
    let asking = app.request("GET", &path).by(user).header("accept-language", "en");
    asking.header("accept", accept).send()
}

/// Every page of a list.
fn pages(app: &TestApp, user: &str, path: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(user, &format!("{path}{cursor}")).expect(200);
        rows.extend(page["rows"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_stream_holds_the_rows_of_all_pages_between_its_head_and_its_end() {
    TestApp::each(|app| {
        stand(app);
        for (user, query) in [
            ("commander", "?"),
            ("keeper.hospital", "?"),
            ("commander", "?status=out&region=360729"),
        ] {
            let answer = whole(app, user, query, NDJSON);
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.header("content-type"), Some(NDJSON));
            let stream = lines(&answer);
            let (head, end) = (&stream[0]["head"], &stream[stream.len() - 1]["end"]);
            let rows = &stream[1..stream.len() - 1];
            assert_eq!(rows, pages(app, user, &format!("/shortfalls{query}&limit=2")));
            let page = app.get(user, &format!("/shortfalls{query}&totals=true")).expect(200);
            for field in ["plans", "level", "as_of", "as_known_at"] {
                assert_eq!(head[field], page[field], "{field}");
            }
            assert_eq!(end["rows"], rows.len());
            let mut totals = page["totals"].clone();
            totals.as_object_mut().unwrap().remove("stale_stores");
            assert_eq!(end["totals"], totals);
        }
        // After a place, as a page that follows.
        let page = app.get("commander", "/shortfalls?limit=3").expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = lines(&whole(app, "commander", &format!("?cursor={cursor}"), NDJSON));
        let all = pages(app, "commander", "/shortfalls?limit=1000");
        assert_eq!(rest[1..rest.len() - 1], all[3..]);
        whole(app, "commander", "?status=odd", NDJSON).refused(422, "validation_failed");
        // Who has no store sees none.
        assert_eq!(lines(&whole(app, "buyer.nowhere", "?", NDJSON))[1]["end"]["rows"], 0);
    });
}

#[test]
fn tables_name_plan_level_and_time() {
    TestApp::each(|app| {
        stand(app);
        let rows = pages(app, "commander", "/shortfalls?limit=1000");
        let csv = whole(app, "commander", "?", "text/csv");
        assert_eq!(
            csv.header("content-disposition"),
            Some("attachment; filename=\"shortfalls.csv\"")
        );
        let mut table =
            csv::Reader::from_reader(csv.text.trim_start_matches('\u{feff}').as_bytes());
        let headings = table.headers().unwrap().clone();
        let records: Vec<BTreeMap<String, String>> = table
            .records()
            .map(|record| {
                let record = record.unwrap();
                headings.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect()
            })
            .collect();
        assert_eq!(records.len(), rows.len());
        for (record, row) in records.iter().zip(&rows) {
            for (heading, field) in [
                ("store", "store_code"),
                ("item", "item_code"),
                ("level", "level"),
                ("target", "target"),
                ("available", "available"),
                ("net shortfall", "net_shortfall"),
                ("cost", "cost"),
                ("status", "status"),
            ] {
                let told = match &row[field] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                assert_eq!(record[heading], told, "{heading}");
            }
            assert_eq!((record["plan"].as_str(), record["plan version"].as_str()), ("RP-QN", "1"));
            assert!(!record["as of"].is_empty());
        }
        let workbook = whole(app, "commander", "?", XLSX);
        assert_eq!((workbook.status, workbook.header("content-type")), (200, Some(XLSX)));
        assert!(workbook.text.starts_with("PK"));
    });
}

/// What rows add up to, by a field of theirs or by what is known of them.
fn added_up(rows: &[Value], group: impl Fn(&Value) -> Vec<String>) -> BTreeMap<String, Value> {
    let mut groups: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for row in rows {
        for group in group(row) {
            groups.entry(group).or_default().push(row);
        }
    }
    let number = |row: &Value, field: &str| row[field].as_i64().unwrap_or(0);
    groups
        .into_iter()
        .map(|(group, rows)| {
            let count = |status: &str| rows.iter().filter(|row| row["status"] == status).count();
            let cost: i64 = rows
                .iter()
                .filter_map(|row| row["cost"].as_str())
                .map(|cost| Money::parse(cost).unwrap().ten_thousandths())
                .sum();
            let weight: i64 = rows.iter().map(|row| number(row, "target")).sum();
            let covered: i64 = rows
                .iter()
                .filter(|row| !row["target"].is_null())
                .map(|row| number(row, "target").min(number(row, "available")))
                .sum();
            let ratio = |over: i64, under: i64| {
                changbei::kernel::Ratio::new(over.into(), under.into()).map(|r| r.to_string())
            };
            let met = i64::try_from(count("met")).unwrap();
            let lines = i64::try_from(rows.len()).unwrap();
            let without_price = rows
                .iter()
                .filter(|row| row["cost"].is_null() && number(row, "net_shortfall") > 0)
                .count();
            let sums = json!({
                "lines": lines, "met": met, "met_rate": ratio(met, lines),
                "by_status": {"not_computable": count("not_computable"), "out": count("out"),
                    "below_floor": count("below_floor"), "short": count("short"), "met": met},
                "weighted_coverage": ratio(covered, weight),
                "cost": Money::from_ten_thousandths(cost).to_string(),
                "without_price": without_price,
            });
            (group, sums)
        })
        .collect()
}

fn with_ancestors(region: &str) -> Vec<String> {
    [2, 4, 6, 9].iter().filter_map(|digits| region.get(..*digits)).map(str::to_owned).collect()
}

#[test]
fn totals_of_every_grouping_are_what_its_rows_add_up_to() {
    TestApp::each(|app| {
        stand(app);
        let stores = pages(app, "commander", "/stores?limit=1000");
        let items = pages(app, "commander", "/items?limit=1000");
        let of = |rows: &[Value], code: &Value, field: &str| -> String {
            let found = rows.iter().find(|row| row["code"] == *code).unwrap();
            found[field].as_str().unwrap().to_owned()
        };
        let word = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        for query in ["", "&region=360729101", "&category=ppe", "&kind=hospital", "&item=M03"] {
            let rows = pages(app, "commander", &format!("/shortfalls?limit=1000{query}"));
            for by in ["store", "item", "kind", "category", "region"] {
                let expected = added_up(&rows, |row| match by {
                    "store" => vec![word(row, "store_code")],
                    "item" => vec![word(row, "item_code")],
                    "kind" => vec![of(&stores, &row["store_code"], "kind")],
                    "category" => vec![of(&items, &row["item_code"], "category")],
                    _ => with_ancestors(&of(&stores, &row["store_code"], "region_code"))
                        .into_iter()
                        .filter(|region| query != "&region=360729101" || region.len() >= 9)
                        .collect(),
                });
                let path = format!("/shortfalls/totals?by={by}&limit=2{query}");
                let groups = pages(app, "commander", &path);
                let names: Vec<&str> =
                    groups.iter().map(|row| row["group"].as_str().unwrap()).collect();
                assert_eq!(
                    names,
                    expected.keys().map(String::as_str).collect::<Vec<_>>(),
                    "{path}"
                );
                for group in &groups {
                    let expected = &expected[group["group"].as_str().unwrap()];
                    for (field, value) in expected.as_object().unwrap() {
                        assert_eq!(group[field], *value, "{path} {field}");
                    }
                    // The index never stands alone.
                    assert!(group["weighted_coverage"].is_null() || !group["worst"].is_null());
                }
                let all = &added_up(&rows, |_| vec!["all".to_owned()]);
                let page = app.get("commander", &path).expect(200);
                match all.get("all") {
                    Some(all) => {
                        for (field, value) in all.as_object().unwrap() {
                            assert_eq!(page["totals"][field], *value, "{path} {field}");
                        }
                    }
                    None => assert_eq!(page["totals"]["lines"], 0),
                }
            }
        }
        let only = app.get("commander", "/shortfalls/totals?by=region&digits=6").expect(200);
        assert_eq!(only["rows"].as_array().unwrap().len(), 1);
        app.get("commander", "/shortfalls/totals?by=colour&digits=5")
            .refused(422, "validation_failed");
    });
}

#[test]
fn a_level_takes_effect_for_the_next_answer_and_rewrites_no_line() {
    use changbei::db::schema::reserve_plan_line as line;
    type Row = (String, String, Option<i64>, String, String);
    let written = |app: &TestApp| -> Vec<Row> {
        app.app
            .read::<_, changbei::db::DbError>(|conn| {
                let columns =
                    (line::id, line::bases, line::floor, line::level_percent, line::floor_percent);
                Ok(line::table.order(line::id).select(columns).load(conn)?)
            })
            .unwrap()
    };
    TestApp::each(|app| {
        stand(app);
        let before = written(app);
        let targets = |app: &TestApp| -> BTreeMap<String, Value> {
            let stream = lines(&whole(app, "commander", "?item=M02", NDJSON));
            let rows = stream[1..stream.len() - 1].iter();
            rows.map(|row| (row["store_code"].to_string(), row["target"].clone())).collect()
        };
        assert!(targets(app).values().all(|target| *target == 500));
        declare(app, "360729", "II");
        let raised = targets(app);
        assert!(!raised.is_empty() && raised.values().all(|target| *target == 1500), "{raised:?}");
        assert_eq!(written(app), before);
    });
}
