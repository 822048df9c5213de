//! Every basis of a target through the API, from the worked cases of reserve planning.

use super::{declare, in_force};
use crate::support::TestApp;
use serde_json::{Value, json};

fn explained(app: &TestApp, item: &str) -> Value {
    app.get("auditor", &format!("/shortfalls/explain?store=QN-HOSP&item={item}")).expect(200)
}

fn line(item: &str, bases: Value) -> Value {
    json!({"store_code": "QN-HOSP", "item_code": item, "bases": bases})
}

#[test]
fn full_load_norms_and_pooled_testing_reach_the_target_with_every_step() {
    TestApp::each(|app| {
        let posts = json!([{"count": 12, "per_day": 4}, {"count": 18, "per_day": 2},
            {"count": 30, "per_day": 2}, {"count": 60, "per_day": 1}]);
        let beds = |count, staff| json!({"count": count, "staff": staff, "norm_code": "who-esft4-surgical-mask-inpatient-hcw"});
        in_force(
            app,
            json!([
                // R06, and R01 beside it: the largest counts.
                line(
                    "M03",
                    json!([{"kind": "fixed", "quantity": 5000},
                    {"kind": "full_load", "days": 30, "posts": posts}])
                ),
                // R07.
                line(
                    "M02",
                    json!([{"kind": "full_load", "days": 7,
                    "posts": [beds(12, "2.278023"), beds(3, "4.086172")]}])
                ),
                // R08.
                line("D03", json!([{"kind": "norm", "heads": 182_345, "rate": 15, "per": 10_000}])),
                line(
                    "T01",
                    json!([{"kind": "pooled_testing", "people": 182_345, "pool": 10,
                    "wells": 96, "controls": 2, "rounds": 3, "waste_percent": 5,
                    "tests_per_kit": 96, "output": "reactions"}])
                ),
                line(
                    "E02",
                    json!([{"kind": "safety_stock", "z": "1.645", "lead_days": 7,
                    "lead_days_sigma": 2, "daily": "61/2", "daily_sigma": 8}])
                ),
            ]),
        );
        let full = explained(app, "M03");
        assert_eq!(full["result"]["target"], 6120);
        let counts: Vec<bool> = full["bases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|b| b["counts"].as_bool().unwrap())
            .collect();
        assert_eq!(counts, [false, true]);
        assert_eq!(full["bases"][1]["formula"], "30 × (12 × 4 + 18 × 2 + 30 × 2 + 60 × 1)");
        assert_eq!(full["bases"][1]["steps"], json!([{"name": "daily", "value": "204"}]));
        assert_eq!(explained(app, "M02")["result"]["target"], 1109);
        assert_eq!(explained(app, "D03")["result"]["target"], 274);
        let pooled = explained(app, "T01");
        assert_eq!(pooled["result"]["target"], 58_810);
        assert_eq!(
            pooled["bases"][0]["steps"][1],
            json!({"name": "runs_per_round", "value": "194"})
        );
        assert_eq!(explained(app, "E02")["result"]["target"], 107);
        assert!(full["why_this_line"]["en"].as_str().unwrap().contains("QN-HOSP"));
    });
}

#[test]
fn the_closest_line_wins_and_the_others_are_named() {
    TestApp::each(|app| {
        let fixed = |quota: i64| json!([{"kind": "fixed", "quantity": quota}]);
        in_force(
            app,
            json!([
                {"region_code": "360729", "item_code": "M03", "bases": fixed(1)},
                {"store_kind": "hospital", "item_code": "M03", "bases": fixed(2)},
                {"store_code": "QN-HOSP", "item_code": "M03", "bases": fixed(3)},
            ]),
        );
        let explained = explained(app, "M03");
        assert_eq!(explained["plan_line"]["line"], 3);
        let passed: Vec<i64> = explained["lines_passed_over"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["line"].as_i64().unwrap())
            .collect();
        assert_eq!(passed, [2, 1]);
    });
}

#[test]
fn a_floor_may_open_at_the_gravest_level_and_the_target_stays() {
    TestApp::each(|app| {
        let mut reserve = line("M03", json!([{"kind": "fixed", "quantity": 100}]));
        reserve["floor"] = json!(600);
        reserve["floor_percent"] = json!({"I": 0});
        in_force(app, json!([reserve]));
        declare(app, "360729", "I");
        let found = explained(app, "M03");
        assert_eq!(
            (&found["result"]["floor"], &found["result"]["target"]),
            (&json!(0), &json!(600))
        );
        let mut falling = line("M03", json!([{"kind": "fixed", "quantity": 100}]));
        falling["level_percent"] = json!({"III": 150, "I": 120});
        let body = json!({"name": "方案", "lines": [falling]});
        let answer = app.post("commander", "/reserve-plans", body);
        assert_eq!(answer.pointers(), ["/lines/0/level_percent/I"]);
    });
}

#[test]
fn norms_are_listed_with_their_sources_and_frozen_into_lines_that_name_them() {
    TestApp::each(|app| {
        let found = app.get("keeper.town", "/planning-norms?item=M03&limit=1000").expect(200);
        let rows = found["rows"].as_array().unwrap();
        assert!(rows.iter().all(|norm| norm["thing"] == "respirator"), "{rows:?}");
        let who = rows.iter().find(|norm| norm["code"] == "who-esft4-respirator-inpatient-hcw");
        assert_eq!(who.unwrap()["amount"], "1");
        assert!(who.unwrap()["source"].as_str().unwrap().starts_with("WHO"));
        app.get("auditor", "/planning-norms?item=M99").refused(422, "validation_failed");
        let page = app.get("auditor", "/planning-norms?category=ppe&limit=3").expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let next = app.get("auditor", &format!("/planning-norms?category=ppe&cursor={cursor}"));
        assert!(next.expect(200)["rows"][0]["code"].as_str() > page["rows"][2]["code"].as_str());

        let basis = json!({"kind": "norm", "heads": 40, "days": 30, "norm_units": 2,
            "norm_code": "who-esft4-exam-gloves-inpatient-hcw"});
        let body = json!({"name": "方案", "lines": [line("M03", json!([basis]))]});
        let plan = app.post("commander", "/reserve-plans", body).expect(201);
        let shown = &plan["lines"][0]["bases"][0];
        assert_eq!((&shown["rate"], &shown["per"]), (&json!(48), &json!(1)));
        let guess = json!({"kind": "norm", "heads": 1, "norm_code": "guess"});
        let body = json!({"name": "方案", "lines": [line("M03", json!([guess]))]});
        let answer = app.post("commander", "/reserve-plans", body);
        assert_eq!(answer.pointers(), ["/lines/0/bases/0/norm_code"]);
    });
}

#[test]
fn a_level_is_tried_before_it_is_declared_and_its_history_is_told() {
    TestApp::each(|app| {
        let mut masks = line("M03", json!([{"kind": "fixed", "quantity": 1121}]));
        masks["level_percent"] = json!({"IV": 100, "III": 130, "II": 160, "I": 200});
        let mut town = masks.clone();
        town["store_code"] = json!("QN-TOWN");
        in_force(app, json!([masks, town]));
        let body = json!({"store_code": "QN-HOSP", "occurred_at": "2026-03-01T09:00:00+08:00",
            "source": {"kind": "supplier", "name": "某公司"},
            "lines": [{"item_code": "M03", "lot_number": "A", "expires_on": "2027-06-30",
                "quantity": 1000, "unit_cost": "1.50"}]});
        app.post("keeper.hospital", "/receipts", body).expect(201);
        // The town keeps the level that it declared itself.
        declare(app, "360729101", "normal");
        let tried = app
            .get("commander", "/response-level/preview?level=II&totals=true&limit=1")
            .expect(200);
        assert_eq!((&tried["level_now"], &tried["level_then"]), (&json!("normal"), &json!("II")));
        let row = &tried["rows"][0];
        assert_eq!((&row["target_now"], &row["target_then"]), (&json!(1121), &json!(1794)));
        assert_eq!(
            (&row["net_shortfall_now"], &row["net_shortfall_then"]),
            (&json!(121), &json!(794))
        );
        assert_eq!(row["added_cost"], "1009.50");
        let totals = &tried["totals"];
        assert_eq!((&totals["lines"], &totals["changed"]), (&json!(2), &json!(1)));
        assert_eq!(totals["items"][0]["target_then"], 1794 + 1121);
        let cursor = tried["next_cursor"].as_str().unwrap();
        let next = app
            .get("commander", &format!("/response-level/preview?level=II&cursor={cursor}"))
            .expect(200);
        assert_eq!(next["rows"][0]["level_then"], "normal");
        let odd = app.get("auditor", "/response-level/preview?level=V");
        assert_eq!(odd.pointers(), ["/region", "/level"]);

        // What was promised is what comes.
        declare(app, "360729", "II");
        let after = app.get("commander", "/shortfalls?store=QN-HOSP").expect(200);
        assert_eq!(after["rows"][0]["net_shortfall"], row["net_shortfall_then"]);

        app.clock.set(app.app.clock.now().plus_minutes(1));
        declare(app, "360729", "I");
        let told = |region: &str| -> Vec<(String, bool)> {
            let path = format!("/response-level/history?region={region}");
            let page = app.get("auditor", &path).expect(200);
            page["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| (row["level"].as_str().unwrap().to_owned(), row["until"].is_null()))
                .collect()
        };
        let levels = |words: &[(&str, bool)]| -> Vec<(String, bool)> {
            words.iter().map(|(word, open)| ((*word).to_owned(), *open)).collect()
        };
        assert_eq!(told("360729"), levels(&[("I", true), ("II", false), ("normal", false)]));
        assert_eq!(told("360729101"), levels(&[("normal", true), ("normal", false)]));
        let page = app.get("auditor", "/response-level/history?region=360729&limit=2").expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let last = app
            .get("auditor", &format!("/response-level/history?region=360729&cursor={cursor}"))
            .expect(200);
        assert_eq!(last["rows"][0]["from"], json!(null));
        let before = app.get("auditor", "/response-level?region=360729&at=2026-03-01").expect(200);
        assert_eq!(before["level"], "normal");
    });
}
