//! Routes: closed roads are forbidden, and cold goods stay cold.

use super::{Proposal, recipient, scarce};
use crate::planning::{fixed, in_force};
use crate::support::TestApp;
use crate::support::stock::put;
use serde_json::{Value, json};

fn routes(app: &TestApp, user: &str, tag: &str, rows: Value) -> crate::support::Answer {
    let request = app.storing("PUT", user, "/routes").if_match(tag);
    request.json(json!({"routes": rows})).send()
}

#[test]
fn nothing_goes_over_a_closed_road_and_the_reason_is_told() {
    TestApp::each(|app| {
        scarce(app);
        let tag = app.get("commander", "/routes").etag();
        let closed = json!({"from_store": "QN-DEPOT", "to_store": "QN-TOWN", "closed": true,
            "reason": "山体滑坡"});
        let open = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "distance_m": 2_300,
            "travel_minutes": 15, "cold_chain": true});
        routes(app, "commander", &tag, json!([closed, open])).expect(200);
        routes(app, "commander", &tag, json!([])).refused(412, "stale_version");
        for (user, seen) in [("auditor", 1), ("keeper.town", 1), ("keeper.hospital", 0)] {
            let listed = app.get(user, "/routes?closed=true").expect(200);
            assert_eq!(listed["rows"].as_array().unwrap().len(), seen, "{user}");
        }

        let mut proposal = Proposal::of_respirators(app);
        let town = recipient(&proposal.view, "QN-TOWN");
        assert_eq!((&town["quantity"], &town["limited_by"]), (&json!(0), &json!("route")));
        let why = town["why"]["zh"].as_str().unwrap();
        assert!(why.contains("山体滑坡"), "{why}");
        let add = json!({"reason": "x", "lines": [{"item_code": "M03", "from_store": "QN-DEPOT",
            "to_store": "QN-TOWN", "quantity": 20}]});
        proposal.tries_to_edit("deputy", add).refused(422, "validation_failed");

        // A road that is closed after the proposal stands in the way of its lines.
        let tag = app.get("commander", "/routes").etag();
        let hospital = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "closed": true,
            "reason": "桥梁检修"});
        routes(app, "deputy", &tag, json!([hospital])).expect(200);
        let accept = json!({"accept_changes": true});
        let problem = proposal.tries("deputy", "approve", accept).refused(409, "allocation_stale");
        let road = problem["changes"].as_array().unwrap().iter().find(|one| one["blocks"] == true);
        assert_eq!(
            (&road.unwrap()["what"], &road.unwrap()["of"], &road.unwrap()["after"]),
            (&json!("route"), &json!("QN-HOSP"), &json!("closed"))
        );
        proposal.does("deputy", "discard", json!({"reason": "道路中断"}));
    });
}

#[test]
fn cold_goods_go_only_where_a_cold_chain_is_recorded() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "T01", "K1", "2026-12-31", 960);
        in_force(app, json!([fixed("QN-HOSP", "T01", 480), fixed("QN-CDC", "T01", 480)]));
        let tag = app.get("commander", "/routes").etag();
        let cold = json!([{"from_store": "QN-DEPOT", "to_store": "QN-CDC", "cold_chain": true,
            "cost": 35}]);
        routes(app, "commander", &tag, cold).expect(200);
        let proposal = Proposal::made(
            app,
            json!({"item_code": "T01", "policy": "leximin", "measure": "coverage"}),
        );
        let sends = proposal.sends();
        assert_eq!(sends, [("QN-DEPOT".to_owned(), "QN-CDC".to_owned(), 480)]);
        let hospital = recipient(&proposal.view, "QN-HOSP");
        assert_eq!(hospital["limited_by"], "route");
        assert_eq!(hospital["packs_with_all_routes"], 5);
        assert_eq!(proposal.view["parts"][0]["cost"], "175");
    });
}

#[test]
fn every_fault_of_a_table_of_routes_is_told_at_once() {
    TestApp::each(|app| {
        let rows = json!([
            {"from_store": "QN-DEPOT", "to_store": "QN-DEPOT"},
            {"from_store": "QN-DEPOT", "to_store": "NOWHERE", "cost": -1},
            {"from_store": "QN-DEPOT", "to_store": "QN-TOWN", "closed": true},
            {"from_store": "QN-DEPOT", "to_store": "QN-TOWN"},
        ]);
        let answer = routes(app, "commander", "*", rows);
        let mut pointers = answer.pointers();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/routes/0/to_store",
                "/routes/1/cost",
                "/routes/1/to_store",
                "/routes/2/reason",
                "/routes/3/to_store"
            ]
        );
        let foreign = json!([{"from_store": "QN-DEPOT", "to_store": "XF-DEPOT"}]);
        routes(app, "commander", "*", foreign).refused(403, "store_out_of_scope");
        routes(app, "keeper.depot", "*", json!([])).refused(403, "forbidden");
    });
}
