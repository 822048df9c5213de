//! What becomes of stock day by day, from real postings.

use crate::planning::{fixed, in_force};
use crate::support::stock::put;
use crate::support::workbook::{XLSX, as_cell, records, sheets};
use crate::support::{Answer, TestApp};
use serde_json::{Value, json};

const NDJSON: &str = "application/x-ndjson";

/// The day of the service's clock, and those after it.
fn day(after: i64) -> String {
    let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
    (today + chrono::TimeDelta::days(after)).to_string()
}

/// Uses stock of the hospital on a day of the past.
fn use_up(app: &TestApp, item: &str, units: i64, on: &str) {
    let body = json!({"store_code": "QN-HOSP", "occurred_at": format!("{on}T10:00:00+08:00"),
        "purpose": "consumption", "consumer": {"kind": "department", "name": "发热门诊"},
        "lines": [{"item_code": item, "quantity": units}]});
    app.post("keeper.hospital", "/issues", body).expect(201);
}

/// Receives a lot at the hospital on a day of the past.
fn receive(app: &TestApp, item: &str, lot: &str, units: i64, on: &str, expires_on: &str) {
    let body = json!({"store_code": "QN-HOSP", "occurred_at": format!("{on}T09:00:00+08:00"),
        "source": {"kind": "supplier", "name": "江西某医疗器械公司"},
        "lines": [{"item_code": item, "lot_number": lot, "maker": "某厂",
            "expires_on": expires_on, "quantity": units, "unit_cost": "1.50"}]});
    app.post("keeper.hospital", "/receipts", body).expect(201);
}

/// The demand of one store and item.
fn demand(store: &str, daily: Value, then: &str) -> Value {
    json!({"demand": [{"store_code": store, "item_code": "M03", "daily": daily, "then": then}]})
}

/// The one row of a question about the hospital's M03 with a demand.
fn project(app: &TestApp, query: &str, daily: Value, then: &str) -> Value {
    let body = demand("QN-HOSP", daily, then);
    let page = app.ask("commander", &format!("/projections{query}"), body).expect(200);
    assert_eq!(page["rows"].as_array().unwrap().len(), 1, "{page}");
    page["rows"][0].clone()
}

fn units(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no quantity"))
}

/// Each day adds up and begins with what the day before left.
fn adds_up(row: &Value) {
    let mut before: Option<i64> = None;
    for day in row["series"].as_array().expect("the days") {
        let of = |name: &str| units(&day[name]);
        assert_eq!(
            of("opening") + of("arrivals"),
            of("served") + of("expired") + of("closing"),
            "{day}"
        );
        assert_eq!(of("demand"), of("served") + of("unmet"), "{day}");
        assert!(before.is_none_or(|closing| closing == of("opening")), "{day}");
        before = Some(of("closing"));
    }
}

#[test]
fn p01_only_stock_that_may_be_used_and_is_promised_to_nobody_is_projected() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "PAST", &day(-1), 100);
        put(app, "QN-DEPOT", "M03", "TODAY", &day(0), 80);
        put(app, "QN-DEPOT", "M03", "GOOD", &day(40), 200);
        let apart = put(app, "QN-DEPOT", "M03", "APART", &day(200), 500);
        let change = json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": apart,
            "from_state": "available", "to_state": "quarantined", "quantity": 500,
            "reason_code": "quality"}]});
        app.post("keeper.depot", "/state-changes", change).expect(201);
        let promise = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "reason": "补货",
            "urgency": "routine", "lines": [{"item_code": "M03", "quantity": 30}]});
        let made = app.post("keeper.depot", "/dispatches", promise).expect(201);
        let path = format!("/dispatches/{}/approve", made["id"].as_str().unwrap());
        app.act("commander", &path, "\"v1\"", json!({})).expect(200);
        let body = demand("QN-DEPOT", json!([0]), "zero");
        let page = app.ask("commander", "/projections?days=60&series=true", body).expect(200);
        let row = &page["rows"][0];
        assert_eq!(units(&row["available"]), 250);
        assert_eq!(units(&row["waste"]), 250);
        adds_up(row);
        let explained = app.get("commander", "/projections/explain?store=QN-DEPOT&item=M03");
        let explained = explained.expect(200);
        let left: Vec<(&str, i64)> = explained["lots_left_out"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lot| (lot["reason"].as_str().unwrap(), units(&lot["quantity"])))
            .collect();
        assert_eq!(left.iter().map(|(_, units)| units).sum::<i64>(), 630);
        for reason in ["expired", "reserved", "quarantined"] {
            assert!(left.iter().any(|(word, _)| *word == reason), "{left:?}");
        }
    });
}

#[test]
fn p03_stock_that_lasts_is_short_on_the_day_after_the_last_full_one() {
    TestApp::each(|app| {
        put(app, "QN-HOSP", "M03", "L1", "2039-12-31", 310);
        let row = project(app, "", json!([31]), "repeat_last");
        assert_eq!(row["stockout_on"], day(10));
        assert_eq!((&row["demand_from"], units(&row["waste"])), (&json!("given"), 0));
    });
}

#[test]
fn p05_lots_that_expire_before_their_turn_are_wasted_on_their_day() {
    TestApp::each(|app| {
        put(app, "QN-HOSP", "M03", "L1", &day(4), 200);
        put(app, "QN-HOSP", "M03", "L2", &day(9), 300);
        put(app, "QN-HOSP", "M03", "L3", &day(60), 400);
        let row = project(app, "?days=61&series=true", json!([31]), "repeat_last");
        let lots = row["lots"].as_array().unwrap();
        let wastes: Vec<i64> = lots.iter().map(|lot| units(&lot["waste"])).collect();
        assert_eq!(wastes, [45, 145, 0]);
        assert_eq!((units(&row["waste"]), &row["stockout_on"]), (190, &json!(day(22))));
        assert_eq!((&lots[0]["wasted_on"], &lots[2]["wasted_on"]), (&json!(day(4)), &json!(null)));
        adds_up(&row);
        assert_eq!(row["series"].as_array().unwrap().len(), 61);
    });
}

#[test]
fn p11_what_is_promised_is_neither_used_nor_wasted_twice() {
    TestApp::each(|app| {
        put(app, "QN-HOSP", "M03", "L1", &day(10), 100);
        let promise = json!({"from_store": "QN-HOSP", "to_store": "QN-TOWN", "reason": "支援",
            "urgency": "routine", "lines": [{"item_code": "M03", "quantity": 50}]});
        let made = app.post("keeper.hospital", "/dispatches", promise).expect(201);
        let path = format!("/dispatches/{}/approve", made["id"].as_str().unwrap());
        app.act("commander", &path, "\"v1\"", json!({})).expect(200);
        let row = project(app, "", json!([2]), "repeat_last");
        assert_eq!((units(&row["available"]), units(&row["waste"])), (50, 28));
    });
}

#[test]
fn the_average_drives_the_days_and_tells_until_when_help_helps() {
    TestApp::each(|app| {
        let mut line = fixed("QN-HOSP", "M03", 200);
        line["floor"] = json!(100);
        in_force(app, json!([line]));
        receive(app, "M03", "A1", 2130, "2025-12-01", "2027-06-30");
        use_up(app, "M03", 1830, "2026-02-10");
        let path = "/projections?store=QN-HOSP&item=M03&lead_days=3&order_lead_days=15";
        let page = app.get("keeper.hospital", path).expect(200);
        let row = &page["rows"][0];
        // 300 at 30.5 a day: nine full days.
        assert_eq!((&row["adc"], &row["demand_from"]), (&json!("61/2"), &json!("adc")));
        assert_eq!(row["stockout_on"], day(9));
        // 300 − ceil(30.5 × 4) = 178 < 200; 300 − ceil(30.5 × 7) = 86 < 100.
        assert_eq!(
            (&row["below_target_on"], &row["below_floor_on"]),
            (&json!(day(3)), &json!(day(6)))
        );
        assert_eq!(
            row["last_dispatch"],
            json!({"on": day(6), "too_late": false, "lead_days": 3, "lead_from": "request"})
        );
        assert_eq!(
            row["last_order"],
            json!({"on": day(-6), "too_late": true, "lead_days": 15, "lead_from": "request"})
        );
        let shortfall = app.get("keeper.hospital", "/shortfalls?store=QN-HOSP").expect(200);
        assert_eq!(shortfall["rows"][0]["stockout_on"], row["stockout_on"]);

        // By the road from the store's supplier, where the county knows it.
        let routes = json!({"routes": [{"from_store": "QN-DEPOT", "to_store": "QN-HOSP",
            "distance_m": 61_000, "travel_minutes": 2_880}]});
        app.storing("PUT", "commander", "/routes").if_match("*").json(routes).send().expect(200);
        let page = app.get("keeper.hospital", "/projections?item=M03").expect(200);
        assert_eq!(
            page["rows"][0]["last_dispatch"],
            json!({"on": day(7), "too_late": false, "lead_days": 2, "lead_from": "route"})
        );
    });
}

#[test]
fn explained_parts_recompute_to_the_figures_shown() {
    TestApp::each(|app| {
        receive(app, "M03", "A1", 2100, "2025-12-01", "2026-03-06");
        receive(app, "M03", "A2", 500, "2025-12-01", "2026-08-01");
        use_up(app, "M03", 1830, "2026-02-10");
        let path = "/projections/explain?store=QN-HOSP&item=M03&days=90";
        let explained = app.get("commander", path).expect(200);
        let row = &explained["result"];
        adds_up(row);
        // 270 last five days: 152.5 used, 117.5 wasted, of which 117 whole ones.
        assert_eq!((&explained["exact_waste"], units(&row["waste"])), (&json!("235/2"), 117));
        assert_eq!(row["waste_cost"], "175.50");
        let use_of = &explained["consumption"];
        assert_eq!((units(&use_of["used"]), use_of["exposure_days"].as_i64()), (1830, Some(60)));
        let series = row["series"].as_array().unwrap();
        let sum = |name: &str| series.iter().map(|day| units(&day[name])).sum::<i64>();
        assert_eq!(sum("served"), units(&row["served"]));
        assert_eq!(sum("unmet"), units(&row["unmet"]));
        assert_eq!(sum("expired"), units(&row["waste"]));
        assert_eq!(sum("demand"), 90 * 61 / 2);
        let lots = row["lots"].as_array().unwrap();
        let of_lots = |name: &str| lots.iter().map(|lot| units(&lot[name])).sum::<i64>();
        assert_eq!(of_lots("quantity"), units(&row["available"]) + units(&row["arriving"]));
        assert_eq!((of_lots("used"), of_lots("waste")), (sum("served"), sum("expired")));
        let first_unmet = series.iter().find(|day| units(&day["unmet"]) > 0).unwrap();
        assert_eq!(first_unmet["day"], row["stockout_on"]);
        let missing = app.get("commander", "/projections/explain?store=QN-HOSP&item=T01");
        missing.refused(404, "not_found");
    });
}

#[test]
fn a_forecast_may_come_as_json_as_csv_or_as_a_workbook_and_goes_on_as_it_says() {
    TestApp::each(|app| {
        put(app, "QN-HOSP", "M03", "L1", "2039-12-31", 100);
        let row = project(app, "?days=30", json!([10, "12.5", "15/2"]), "repeat_last");
        // 10, 22.5, 30, then 7.5 a day: 30 + 9 × 7.5 = 97.5 by day 12.
        assert_eq!((&row["stockout_on"], units(&row["served"])), (&json!(day(12)), 100));
        let row = project(app, "?days=30", json!([10, 20]), "zero");
        assert_eq!((&row["stockout_on"], units(&row["closing"])), (&json!(null), 70));
        // The average is unknown here, so it cannot go on with it.
        let row = project(app, "?days=30", json!([10, 20]), "adc");
        assert_eq!((&row["demand_from"], &row["waste"]), (&json!("unknown"), &json!(null)));

        let csv = format!(
            "物资编码,日期,数量\r\nM03,{},999\r\nM03,{},10\r\nM03,{},20\r\n",
            day(-1),
            day(0),
            day(1)
        );
        let send = |path: &str, csv: &str| {
            let path = format!("/api/v1/projections{path}");
            let request = app.request("POST", &path).by("keeper.hospital").text(csv, "text/csv");
            request.header("accept-language", "en").send()
        };
        let page = send("?days=5&then=repeat_last", &csv).expect(200);
        assert_eq!(page["rows"].as_array().unwrap().len(), 1);
        assert_eq!(units(&page["rows"][0]["served"]), 90);

        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        for (column, heading) in (0_u16..).zip(["item_code", "day", "quantity"]) {
            sheet.write_string(0, column, heading).unwrap();
        }
        let date = rust_xlsxwriter::Format::new().set_num_format("yyyy/m/d");
        for (row, of_day, wanted) in [(1, 2, 10.0), (2, 3, 12.5)] {
            let of_day = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 3, of_day).unwrap();
            sheet.write_string(row, 0, "M03").unwrap();
            sheet.write_datetime_with_format(row, 1, of_day, &date).unwrap();
            sheet.write_number(row, 2, wanted).unwrap();
        }
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        let path = "/api/v1/projections?days=3&then=zero";
        let sent = app.request("POST", path).by("commander");
        let page = sent.bytes(&book.save_to_buffer().unwrap(), kind).send().expect(200);
        assert_eq!(units(&page["rows"][0]["served"]), 23);

        // A vector that does not last needs a word; a gap and a row that cannot be read are named.
        assert_eq!(send("?days=5", &csv).pointers(), ["/rows/2/then"]);
        let gap = format!("item_code,day,quantity\nM03,{},1\nM03,{},1\n", day(0), day(2));
        assert_eq!(send("?days=5&then=zero", &gap).pointers(), ["/rows/2/day"]);
        let bad = "item_code,day,quantity\nM03,2026-3-2,1\nM03,2026-03-02,-1\n";
        assert_eq!(send("?then=zero", bad).pointers(), ["/rows/2/day", "/rows/3/quantity"]);
        assert_eq!(send("?then=zero", "item_code,quantity\nM03,1\n").pointers(), ["/rows/1/day"]);
    });
}

#[test]
fn a_question_that_makes_no_sense_is_refused_with_every_fault() {
    TestApp::each(|app| {
        let bad = app.get("commander", "/projections?days=3651&only=luck&lead_days=-1&category=x");
        assert_eq!(bad.pointers(), ["/days", "/lead_days", "/category", "/only"]);
        let body = json!({"demand": [
            {"item_code": "M03", "daily": [1, "x", "-2"], "then": "never"},
            {"item_code": "", "daily": []}]});
        assert_eq!(
            app.ask("commander", "/projections", body).pointers(),
            ["/demand/0/daily/1", "/demand/0/daily/2", "/demand/0/then", "/demand/1/item_code"]
        );
        assert_eq!(app.ask("commander", "/projections", json!({})).pointers(), ["/demand"]);
        let unknown = json!({"demand": [{"item_code": "X99", "daily": [1], "then": "zero"}]});
        let refused = app.ask("commander", "/projections", unknown);
        assert_eq!(refused.pointers(), ["/demand/0/item_code"]);
        let nothing = json!({"demand": [{"item_code": "M03", "daily": [], "then": "zero"}]});
        let refused = app.ask("commander", "/projections", nothing);
        assert_eq!(refused.pointers(), ["/demand/0/daily"]);
        let elsewhere = demand("QN-HOSP", json!([1]), "zero");
        app.ask("keeper.town", "/projections", elsewhere).refused(403, "store_out_of_scope");
        let twice = json!({"demand": [{"item_code": "M03", "daily": [1], "then": "zero"},
            {"item_code": "M03", "daily": [2], "then": "zero"}]});
        assert_eq!(app.ask("commander", "/projections", twice).pointers(), ["/demand/1/item_code"]);
    });
}

#[test]
fn pages_follow_each_other_and_totals_are_of_all_lines() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-CDC", "T01", 10)]));
        put(app, "QN-HOSP", "M03", "L1", &day(5), 100);
        put(app, "QN-HOSP", "D03", "L2", &day(5), 7);
        put(app, "QN-TOWN", "M03", "L3", &day(50), 9);
        put(app, "XF-DEPOT", "M03", "L4", &day(50), 9);
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/projections?limit=1&totals=true{cursor}");
            let page = app.get("commander", &path).expect(200);
            assert_eq!(page["totals"]["lines"], 4, "{page}");
            let row = &page["rows"][0];
            seen.push(format!("{}/{}", row["store_code"], row["item_code"]).replace('"', ""));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, ["QN-CDC/T01", "QN-HOSP/D03", "QN-HOSP/M03", "QN-TOWN/M03"]);
        let count = |query: &str| {
            let page = app.get("commander", &format!("/projections{query}")).expect(200);
            page["rows"].as_array().unwrap().len()
        };
        for (query, lines) in [
            ("?store=QN-HOSP", 2),
            ("?item=M03", 2),
            ("?category=disinfectant", 1),
            ("?kind=township", 1),
            ("?region=360729101", 1),
            ("?only=waste", 0),
        ] {
            assert_eq!(count(query), lines, "{query}");
        }
        // A demand of an item is that of each store; with one, what wastes can be asked for.
        let none = json!({"demand": [{"item_code": "M03", "daily": [0], "then": "zero"}]});
        let page = app.ask("commander", "/projections?only=waste&days=10&totals=true", none);
        let page = page.expect(200);
        assert_eq!(page["rows"].as_array().unwrap().len(), 1);
        assert_eq!(
            page["totals"],
            json!({"lines": 1, "demand_unknown": 0, "stockouts": 0, "first_stockout_on": null,
                "too_late": 0, "wasting": 1, "waste_cost": "0.00", "wasting_unpriced": 1})
        );
        let own = app.get("keeper.town", "/projections").expect(200);
        assert_eq!(own["rows"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn the_whole_is_a_table_of_lines_or_of_days() {
    TestApp::each(|app| {
        put(app, "QN-HOSP", "M03", "L1", &day(4), 200);
        let table = |query: &str, kind: &str| {
            let path = format!("/api/v1/projections{query}");
            let request = app.request("POST", &path).by("commander").header("accept", kind);
            request
                .header("accept-language", "en")
                .json(demand("QN-HOSP", json!([31]), "zero"))
                .send()
        };
        let lines = table("?days=6", "text/csv");
        assert_eq!(lines.status, 200, "{}", lines.text);
        assert!(
            lines.text.contains("\r\nQN-HOSP,M03,given,,,,200,0,31,0,0,,,,,,,,169,,"),
            "{}",
            lines.text
        );
        let days = table("?days=6&series=true", "text/csv").text;
        assert_eq!(days.lines().count(), 7, "{days}");
        assert!(days.contains(&format!("QN-HOSP,M03,{},169,0,0,0,0,169,0", day(4))), "{days}");
    });
}

#[test]
fn what_will_expire_here_is_offered_where_it_can_be_used_in_time() {
    TestApp::each(|app| {
        for (store, latitude) in [("QN-HOSP", "24.74"), ("QN-TOWN", "24.58"), ("QN-CDC", "24.75")] {
            let path = format!("/stores/{store}");
            let tag = app.get("admin", &path).etag();
            let place = json!({"latitude": latitude, "longitude": "114.53"});
            app.storing("PATCH", "admin", &path).if_match(&tag).json(place).send().expect(200);
        }
        put(app, "QN-HOSP", "M03", "OLD", &day(9), 300);
        put(app, "QN-TOWN", "M03", "NEW", &day(300), 50);
        let body = json!({"demand": [
            {"store_code": "QN-HOSP", "item_code": "M03", "daily": [10], "then": "repeat_last"},
            {"store_code": "QN-TOWN", "item_code": "M03", "daily": [5], "then": "repeat_last"},
            {"store_code": "QN-CDC", "item_code": "M03", "daily": [20], "then": "repeat_last"}]});
        let ask = |query: &str| {
            let path = format!("/projections?store=QN-HOSP&days=60&rotation=true{query}");
            let page = app.ask("commander", &path, body.clone()).expect(200);
            page["rows"][0]["rotation"][0].clone()
        };
        // Of 300 the hospital uses 100 in ten days; nine days from tomorrow on the CDC can use 180
        // and the health centre 45, whose own stock can wait.
        let rotation = ask("");
        assert_eq!((units(&rotation["waste"]), &rotation["expires_on"]), (200, &json!(day(9))));
        let offers = |rotation: &Value| -> Vec<(String, i64, i64)> {
            let candidates = rotation["candidates"].as_array().unwrap().iter();
            candidates
                .map(|one| {
                    let store = one["store_code"].as_str().unwrap().to_owned();
                    (store, units(&one["could_use"]), units(&one["covers_unmet"]))
                })
                .collect()
        };
        assert_eq!(
            offers(&rotation),
            [("QN-CDC".to_owned(), 180, 180), ("QN-TOWN".to_owned(), 45, 45)]
        );
        let nearest = &rotation["candidates"][0];
        assert_eq!(
            (&nearest["arrives_on"], &nearest["days_left_on_arrival"], &nearest["transfer_from"]),
            (&json!(day(1)), &json!(8), &json!("usual"))
        );
        let metres = nearest["distance_m"].as_i64().unwrap();
        assert!((1_000..1_300).contains(&metres) && nearest["distance_by_road"] == false);
        // Four days on the road leave six days of use, and five days of life.
        assert_eq!(offers(&ask("&transfer_days=4"))[0].1, 120);
        assert_eq!(offers(&ask("&transfer_days=4&min_life_days=6")), []);
        // A closed road is none, and a keeper is shown no stores of others.
        let routes = json!({"routes": [{"from_store": "QN-HOSP", "to_store": "QN-CDC",
            "closed": true, "reason": "山体滑坡"}]});
        app.storing("PUT", "commander", "/routes").if_match("*").json(routes).send().expect(200);
        assert_eq!(offers(&ask(""))[0].0, "QN-TOWN");
        let own = demand("QN-HOSP", json!([10]), "repeat_last");
        let page = app.ask("keeper.hospital", "/projections?rotation=true", own).expect(200);
        assert_eq!(page["rows"][0]["rotation"][0]["candidates"], json!([]));
    });
}

#[test]
fn goods_on_the_way_count_from_the_day_on_which_they_come_and_the_past_does_not_change() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "L1", &day(100), 500);
        put(app, "QN-HOSP", "M03", "L0", &day(100), 20);
        let before = "2026-03-02T02:00:00Z";
        app.set_time("2026-03-02T03:00:00Z");
        let body = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "reason": "补货",
            "urgency": "routine", "lines": [{"item_code": "M03", "quantity": 100}]});
        let made = app.post("keeper.depot", "/dispatches", body).expect(201);
        let path = format!("/dispatches/{}", made["id"].as_str().unwrap());
        app.act("commander", &format!("{path}/approve"), "\"v1\"", json!({})).expect(200);
        let tag = app.get("keeper.depot", &path).etag();
        app.act("keeper.depot", &format!("{path}/pick"), &tag, json!({})).expect(200);
        let tag = app.get("keeper.depot", &path).etag();
        let ship = json!({"occurred_at": "2026-03-02T11:00:00+08:00", "carrier": "县物流",
            "vehicle": "赣B12345", "driver": "李师傅", "phone": "13800000000",
            "expected_at": format!("{}T08:00:00+08:00", day(4)), "last": true});
        app.act("keeper.depot", &format!("{path}/ship"), &tag, ship).expect(200);
        let row = project(app, "?days=30&series=true", json!([10]), "repeat_last");
        adds_up(&row);
        assert_eq!((units(&row["available"]), units(&row["arriving"])), (20, 100));
        // Two days served, two not, and ten more from the day of the arrival on.
        assert_eq!(row["stockout_on"], day(2));
        assert_eq!(units(&row["series"][4]["arrivals"]), 100);
        assert_eq!(units(&row["served"]), 120);
        let row = project(app, "?days=30&arrivals=false", json!([10]), "repeat_last");
        assert_eq!((units(&row["arriving"]), units(&row["served"])), (0, 20));
        // Beyond the days looked at it does not count, and the explanation says so.
        let path = "/projections/explain?store=QN-HOSP&item=M03&days=3";
        let explained = app.get("commander", path).expect(200);
        assert_eq!(explained["incoming"][0]["verdict"], "too_late");
        let then = project(app, &format!("?as_of={before}"), json!([10]), "repeat_last");
        assert_eq!((units(&then["available"]), units(&then["arriving"])), (20, 0));
        assert_eq!(then["stockout_on"], day(2));
    });
}

fn whole(app: &TestApp, query: &str, accept: &str) -> Answer {
    let path = format!("/api/v1/projections{query}");
    let asking = app.request("GET", &path).by("commander").header("accept-language", "en");
    asking.header("accept", accept).send()
}

fn stream_of(answer: &Answer) -> Vec<Value> {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(NDJSON)),
        "{}",
        answer.text
    );
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Stock of which some will expire at the hospital and could be used in the town, and stock that
/// nobody uses.
fn waste(app: &TestApp) {
    in_force(app, json!([fixed("QN-CDC", "T01", 10)]));
    receive(app, "M03", "A1", 700, "2026-01-05", "2026-03-31");
    use_up(app, "M03", 60, "2026-02-10");
    let came = json!({"store_code": "QN-TOWN", "occurred_at": "2026-01-05T01:00:00Z",
        "source": {"kind": "supplier"}, "lines": [{"item_code": "M03", "lot_number": "B1",
            "expires_on": day(200), "quantity": 600}]});
    app.post("keeper.town", "/receipts", came).expect(201);
    let used = json!({"store_code": "QN-TOWN", "occurred_at": "2026-02-10T02:00:00Z",
        "purpose": "consumption", "consumer": {"kind": "department", "name": "门诊"},
        "lines": [{"item_code": "M03", "quantity": 590}]});
    app.post("keeper.town", "/issues", used).expect(201);
    put(app, "QN-HOSP", "D03", "L2", &day(5), 7);
}

#[test]
fn a_stream_holds_the_rows_of_all_pages_between_its_head_and_its_end() {
    TestApp::each(|app| {
        waste(app);
        for query in ["?", "?series=true&days=5", "?category=ppe&only=waste"] {
            let stream = stream_of(&whole(app, query, NDJSON));
            let page =
                app.get("commander", &format!("/projections{query}&totals=true")).expect(200);
            assert_eq!(page["next_cursor"], Value::Null);
            let (head, end) = (&stream[0]["head"], &stream[stream.len() - 1]["end"]);
            for field in ["as_of", "as_known_at", "today", "last_day", "freshness"] {
                assert_eq!(head[field], page[field], "{query} {field}");
            }
            assert_eq!(json!(stream[1..stream.len() - 1]), page["rows"], "{query}");
            assert_eq!((&end["rows"], &end["totals"]), (&page["totals"]["lines"], &page["totals"]));
        }
        // A foreseen demand is answered so too.
        let path = "/api/v1/projections?days=10";
        let asking = app.request("POST", path).by("commander").header("accept", NDJSON);
        let stream = stream_of(&asking.json(demand("QN-HOSP", json!([5]), "repeat_last")).send());
        assert_eq!((stream.len(), &stream[1]["served"]), (3, &json!(50)));
        whole(app, "?days=0", NDJSON).refused(422, "validation_failed");
        let stranger = app.request("GET", "/api/v1/projections").header("accept", NDJSON).send();
        stranger.refused(401, "unauthenticated");
    });
}

#[test]
fn rotation_is_told_for_all_lines_at_once_item_by_item() {
    TestApp::each(|app| {
        waste(app);
        let page = app.get("commander", "/projections?rotation=true").expect(200);
        let stream = stream_of(&whole(app, "?rotation=true", NDJSON));
        let mut rows = page["rows"].as_array().unwrap().clone();
        rows.sort_by_key(|row| (row["item_code"].to_string(), row["store_code"].to_string()));
        assert_eq!(stream[1..stream.len() - 1], rows);
        let wasting =
            rows.iter().find(|row| row["store_code"] == "QN-HOSP" && row["item_code"] == "M03");
        let lot = &wasting.unwrap()["rotation"][0];
        let there = &lot["candidates"][0];
        assert_eq!(there["store_code"], "QN-TOWN");
        // As a table: a row for each lot and store that could use it, and one for what nobody could.
        let book = sheets(&whole(app, "?rotation=true", XLSX));
        let told = records(&book[0].1);
        let of = |item: &str| told.iter().find(|row| row["item_code"] == item).unwrap();
        let masks = of("M03");
        assert_eq!(masks["to_store_code"], "QN-TOWN");
        for (heading, value) in [
            ("lot_number", &lot["lot_number"]),
            ("expires_on", &lot["expires_on"]),
            ("waste", &lot["waste"]),
            ("could_use", &there["could_use"]),
            ("arrives_on", &there["arrives_on"]),
        ] {
            assert_eq!(masks[heading], value.to_string().replace('"', ""), "{heading}");
        }
        let all: usize = rows.iter().flat_map(|row| row["rotation"].as_array().unwrap()).count();
        assert!(told.len() >= all && all > 0);
    });
}

#[test]
fn a_workbook_of_projections_reads_back_as_the_rows_it_was_made_of() {
    TestApp::each(|app| {
        waste(app);
        let page = app.get("commander", "/projections?series=true&days=9").expect(200);
        let rows = page["rows"].as_array().unwrap();
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let told = records(&sheets(&whole(app, "?days=9", XLSX))[0].1);
        assert_eq!(told.len(), rows.len());
        for (told, row) in told.iter().zip(rows) {
            for heading in told.keys() {
                let value = match heading.as_str() {
                    "last_dispatch_on" => &row["last_dispatch"]["on"],
                    "dispatch_too_late" => &row["last_dispatch"]["too_late"],
                    "last_order_on" => &row["last_order"]["on"],
                    "order_too_late" => &row["last_order"]["too_late"],
                    other => &row[other],
                };
                assert_eq!(as_cell(&told[heading]), as_cell(&text(value)), "{heading}");
            }
        }
        let told = records(&sheets(&whole(app, "?days=9&series=true", XLSX))[0].1);
        let days = rows.iter().flat_map(|row| {
            let days = row["series"].as_array().into_iter().flatten();
            days.map(move |day| (&row["store_code"], &row["item_code"], day))
        });
        let days: Vec<_> = days.collect();
        assert_eq!(told.len(), days.len());
        for (told, (store, item, day)) in told.iter().zip(days) {
            assert_eq!((&told["store_code"], &told["item_code"]), (&text(store), &text(item)));
            for (heading, value) in day.as_object().unwrap() {
                assert_eq!(told[heading], text(value), "{heading}");
            }
        }
    });
}

#[test]
fn projections_say_how_many_of_their_stores_were_heard_of() {
    TestApp::each(|app| {
        waste(app);
        let fresh = |query: &str| {
            app.get("commander", &format!("/projections?{query}")).expect(200)["freshness"].clone()
        };
        // Those on the page, and with totals all that are asked about.
        let of = |query: &str| ["stores", "heard", "never"].map(|name| fresh(query)[name].clone());
        assert_eq!(of("store=QN-HOSP"), [1, 1, 0].map(|n| json!(n)));
        assert_eq!(of("totals=true"), [4, 1, 2].map(|n| json!(n)));
        app.set_time("2026-03-09T02:00:00Z");
        assert_eq!(fresh("store=QN-HOSP")["silent"], json!(1));
        let row = app.get("commander", "/projections?store=QN-HOSP&item=M03").expect(200);
        assert_eq!(row["rows"][0]["last_report_at"], row["freshness"]["oldest_report_at"]);
    });
}
