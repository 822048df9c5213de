//! The solver alone, over HTTP.

use crate::support::TestApp;
use serde_json::{Value, json};

/// Five stores of a county and 120 packs of twenty.
fn county() -> Value {
    json!({
        "policy": "leximin", "measure": "days_of_cover", "pack": 20,
        "donors": [{"id": "reserve", "available": 3400, "floor": 1000}],
        "recipients": [
            {"id": "county_hospital", "available": 1200, "daily_use": 240, "target": 7200},
            {"id": "cdc", "available": 90, "daily_use": "30", "target": 900},
            {"id": "chengxiang", "available": 400, "daily_use": 8, "target": 240},
            {"id": "dajishan", "available": 0, "daily_use": 5, "target": 150},
            {"id": "zhongzhai", "available": 7, "daily_use": "6/2", "target": 60},
        ],
    })
}

fn column(answer: &Value, name: &str) -> Vec<Value> {
    answer["recipients"].as_array().unwrap().iter().map(|row| row[name].clone()).collect()
}

#[test]
fn scarce_stock_is_divided_exactly_and_nothing_is_stored() {
    TestApp::each(|app| {
        let answer = app.ask("commander", "/allocations/solve", county()).expect(200);
        assert_eq!(column(&answer, "packs"), [98, 16, 0, 4, 2]);
        assert_eq!(column(&answer, "quantity"), [1960, 320, 0, 80, 40]);
        assert_eq!(column(&answer, "level_before"), ["5", "3", "50", "0", "7/3"]);
        assert_eq!(column(&answer, "level_after"), ["79/6", "41/3", "50", "16", "47/3"]);
        assert_eq!(
            column(&answer, "limited_by"),
            ["supply", "supply", "target", "supply", "supply"]
        );
        assert_eq!(answer["lowest_level"], "79/6");
        assert_eq!(answer["left_over_packs"], 0);
        assert_eq!(answer["cost"], "0");
        assert_eq!(answer["donors"][0]["available_after"], 1000);
        assert_eq!(
            answer["flows"][0],
            json!({"donor": "reserve", "recipient": "county_hospital",
                                              "packs": 98, "cost": "0"})
        );
        assert_eq!(answer["figures"]["units_short"], 7200 - 3160 + 900 - 410 + 150 - 80 + 60 - 47);
        // Auditors may ask too; the audit trail does not hear of a question.
        app.ask("auditor", "/allocations/solve", county()).expect(200);
        let trail = app.get("auditor", "/audit?limit=1000").expect(200);
        let trail = trail["rows"].as_array().unwrap();
        assert!(trail.iter().all(|entry| !entry["path"].as_str().unwrap_or("").contains("solve")));
    });
}

#[test]
fn a_closed_route_is_named_and_the_open_ones_are_used_at_the_least_cost() {
    TestApp::each(|app| {
        let mut body = county();
        body["donors"] = json!([{"id": "near", "available": 400}, {"id": "far", "available": 400}]);
        body["routes"] = json!([
            {"donor": "near", "recipient": "county_hospital", "cost": "1/2"},
            {"donor": "far", "recipient": "county_hospital", "cost": 7},
            {"donor": "far", "recipient": "cdc", "cost": 3},
        ]);
        let answer = app.ask("commander", "/allocations/solve", body).expect(200);
        assert_eq!(column(&answer, "packs"), [32, 8, 0, 0, 0]);
        assert_eq!(column(&answer, "limited_by")[3], "route");
        assert_eq!(column(&answer, "packs_with_all_routes")[3], 2);
        // 20 packs at a half, 12 at seven, 8 at three.
        assert_eq!(answer["cost"], "118");
    });
}

#[test]
fn every_fault_is_named_at_once_and_in_both_ways_of_being_wrong() {
    TestApp::each(|app| {
        let body = json!({
            "policy": "fair", "measure": "weight", "pack": 0,
            "donors": [{"id": "a", "available": -1, "floor": 9_007_199_254_740_992_i64},
                       {"id": "a", "available": 1.5}],
            "recipients": [{"id": "r", "available": "1/2", "daily_use": "1.5", "target": true},
                           {"id": "a", "target": 10}],
            "routes": [{"donor": "nobody", "recipient": "r", "cost": -1}],
        });
        let refused = app.ask("commander", "/allocations/solve", body).expect(422);
        let mut told: Vec<String> = refused["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| {
                let text = |name: &str| fault[name].as_str().unwrap().to_owned();
                format!("{} {}", text("pointer"), text("code"))
            })
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "/donors/0/available out_of_range",
                "/donors/0/floor out_of_range",
                "/donors/1/available invalid_format",
                "/donors/1/id duplicate",
                "/measure not_in_list",
                "/pack out_of_range",
                "/policy not_in_list",
                "/recipients/0/available invalid_format",
                "/recipients/0/daily_use invalid_format",
                "/recipients/0/target wrong_type",
                "/recipients/1/id contradicts",
                "/routes/0/cost out_of_range",
                "/routes/0/donor unknown",
            ]
        );
    });
}

#[test]
fn every_policy_divides_what_there_is_and_staged_leximin_is_the_usual_one() {
    TestApp::each(|app| {
        let mut by_policy = Vec::new();
        for policy in [
            "leximin",
            "staged_leximin",
            "weighted",
            "proportional",
            "strict_priority",
            "equal_awards",
            "equal_losses",
        ] {
            let mut body = county();
            body["policy"] = json!(policy);
            body["recipients"][0]["weight"] = json!(1);
            let answer = app.ask("commander", "/allocations/solve", body).expect(200);
            let given: i64 =
                column(&answer, "packs").iter().map(|packs| packs.as_i64().unwrap()).sum();
            assert_eq!(given, 120, "{policy}");
            by_policy.push(answer);
        }
        let mut body = county();
        body.as_object_mut().unwrap().remove("policy");
        body.as_object_mut().unwrap().remove("measure");
        body["recipients"][0]["weight"] = json!(1);
        assert_eq!(app.ask("commander", "/allocations/solve", body).expect(200), by_policy[1]);
    });
}
