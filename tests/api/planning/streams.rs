//! Shortfalls all at once, as lines and tables, and their totals by group.

use super::{declare, fixed, in_force};
use crate::support::workbook::{XLSX, as_cell, records, sheets};
use crate::support::{Answer, TestApp};
use changbei::kernel::Money;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NDJSON: &str = "application/x-ndjson";

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
        let told = records_of_csv(&csv);
        assert_eq!(told.len(), rows.len());
        for (record, row) in told.iter().zip(&rows) {
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
        let book = sheets(&whole(app, "commander", "?", XLSX));
        let names: Vec<&str> = book.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["About", "Shortfalls"]);
        let about: BTreeMap<&str, &str> =
            book[0].1.iter().map(|line| (line[0].as_str(), line[1].as_str())).collect();
        assert!(about["plan of 360729"].starts_with("RP-QN v1 "), "{about:?}");
        assert_eq!((about["gravest level"], about["use for substitutes"]), ("normal", "general"));
        assert_eq!((about["stores"], about["of these heard of in time"]), ("4", "0"));
        assert_eq!(about["oldest report"], "2026-02-20T01:00:00Z");
        assert!(about.contains_key("as of") && about.contains_key("net of what arrives by"));
        // The same table, told twice.
        let cells = |row: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            row.iter().map(|(heading, text)| (heading.clone(), as_cell(text))).collect()
        };
        let told: Vec<_> = told.iter().map(cells).collect();
        assert_eq!(records(&book[1].1).iter().map(cells).collect::<Vec<_>>(), told);
    });
}

fn records_of_csv(answer: &Answer) -> Vec<BTreeMap<String, String>> {
    let mut table = csv::Reader::from_reader(answer.text.trim_start_matches('\u{feff}').as_bytes());
    let headings = table.headers().unwrap().clone();
    let record = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.unwrap();
        headings.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect()
    };
    table.records().map(record).collect()
}

#[test]
fn a_table_tells_all_that_a_line_of_json_tells() {
    TestApp::each(|app| {
        stand(app);
        for (kind, more) in [
            ("order", json!({"expected_at": "2026-03-04T02:00:00Z"})),
            ("agreement", json!({"lead_days": 3, "contract_number": "X-1"})),
            ("capacity", json!({"lead_days": 3, "contract_number": "X-2"})),
        ] {
            let mut body = json!({"kind": kind, "store_code": "QN-HOSP", "supplier": "赣州医药公司",
                "lines": [{"item_code": "M02", "quantity": 90}]});
            if kind == "capacity" {
                body["lines"][0]["per_day"] = json!(10);
            }
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            app.post("buyer.hospital", "/expected-receipts", body).expect(201);
        }
        let apart = json!({"store_code": "QN-HOSP", "source": {"kind": "donor"},
            "lines": [{"item_code": "M02", "lot_number": "Q1", "expires_on": "2027-06-30",
                "quantity": 5, "state": "quarantined"}]});
        app.post("keeper.hospital", "/receipts", apart).expect(201);
        let query = "?store=QN-HOSP&item=M02&estimate=true";
        let path = format!("/shortfalls{query}");
        let row = app.get("commander", &path).expect(200)["rows"][0].clone();
        let record = records_of_csv(&whole(app, "commander", query, "text/csv"))[0].clone();
        let order = &row["suggested_order"];
        // Each field of the line with the columns that tell it. A field that is new has no place here
        // yet, and so this test fails until the table tells it too.
        let told: BTreeMap<&str, Vec<(&str, &Value)>> = [
            ("store_code", "store"),
            ("item_code", "item"),
            ("level", "level"),
            ("target", "target"),
            ("floor", "floor"),
            ("ceiling", "ceiling"),
            ("on_hand", "on hand"),
            ("reserved", "reserved"),
            ("blocked", "blocked"),
            ("available", "available"),
            ("in_transit_in", "in transit"),
            ("arriving", "arriving"),
            ("on_order", "on order"),
            ("orders_arriving", "orders arriving"),
            ("agreed", "agreements"),
            ("capacity", "capacity"),
            ("on_hand_shortfall", "on-hand shortfall"),
            ("net_shortfall", "net shortfall"),
            ("shortfall_after_substitution", "shortfall after substitution"),
            ("surplus", "surplus"),
            ("coverage_percent", "coverage %"),
            ("adc", "daily use, exact"),
            ("adc_method", "daily use from"),
            ("adc_through", "daily use set through"),
            ("stockout_on", "stock-out on"),
            ("projected_expiry_waste", "expiry waste"),
            ("cost", "cost"),
            ("status", "status"),
            ("band", "band"),
            ("last_report_at", "last report"),
            ("estimated_available", "estimated available"),
        ]
        .into_iter()
        .map(|(field, heading)| (field, vec![(heading, &row[field])]))
        .chain([(
            "suggested_order",
            vec![
                ("order position", &order["position"]),
                ("order up to", &order["up_to"]),
                ("lacking", &order["lacking"]),
                ("suggested order", &order["quantity"]),
                ("order pack", &order["pack_code"]),
                ("order packs", &order["packs"]),
                ("order cost", &order["cost"]),
            ],
        )])
        .collect();
        // Told in other words: the plan by number and version, fractions by decimals, lists as text.
        let otherwise =
            ["plan_id", "coverage", "days_of_cover", "set_apart", "substitutes", "reasons"];
        for field in row.as_object().unwrap().keys() {
            let known = told.contains_key(field.as_str()) || otherwise.contains(&field.as_str());
            assert!(known, "no column tells {field}");
        }
        for (heading, value) in told.values().flatten() {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(record[*heading], text, "{heading}");
        }
        assert_eq!(
            (&row["on_order"], &row["agreed"], &row["capacity"]),
            (&json!(90), &json!(90), &json!(90))
        );
        assert_eq!((record["plan"].as_str(), record["plan version"].as_str()), ("RP-QN", "1"));
        assert_eq!(
            (record["set apart"].as_str(), record["substitutes"].as_str()),
            ("quarantined 5", "M03 0")
        );
        let reasons: Vec<&str> =
            row["reasons"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        assert_eq!(record["reasons"], reasons.join(" "));
        assert!(reasons.contains(&"blocked_stock") && !order.is_null());
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
