//! Proposals: what they look at, what they freeze, and how they explain themselves.

use super::{Proposal, donor, facts, issue, recipient, scarce, sends};
use crate::planning::{fixed, in_force};
use crate::support::TestApp;
use crate::support::stock::{put, put_for};
use serde_json::{Value, json};

#[test]
fn what_is_above_the_floor_is_divided_so_that_the_lowest_coverage_is_highest() {
    TestApp::each(|app| {
        scarce(app);
        put(app, "QN-CDC", "M03", "C1", "2027-06-30", 150);
        let proposal = Proposal::of_respirators(app);
        let view = &proposal.view;
        assert_eq!(view["number"], "FP-QN-DEPOT-2026-000001");
        assert_eq!((&view["status"], &view["rehearsal"]), (&json!("proposed"), &json!(false)));
        // 800 above the floor in boxes of 20: everyone to 100 % takes 600 + 150 + 100 = 850.
        assert_eq!(donor(view, "QN-DEPOT")["exportable_packs"], 40);
        let sent: i64 = proposal.sends().iter().map(|(_, _, quantity)| quantity).sum();
        assert_eq!(sent, 800);
        for store in ["QN-HOSP", "QN-CDC", "QN-TOWN"] {
            let level = recipient(view, store)["coverage_after"].as_str().unwrap().to_owned();
            assert!(
                ["1", "14/15", "9/10", "29/30", "4/5", "13/15"].contains(&level.as_str()),
                "{store} {level}"
            );
        }
        assert_eq!(recipient(view, "QN-CDC")["coverage_before"], "1/2");
        assert_eq!(recipient(view, "QN-HOSP")["daily_use"], Value::Null);
        assert_eq!(donor(view, "QN-DEPOT")["available_after"], 200);
        let why = recipient(view, "QN-HOSP")["why"]["zh"].as_str().unwrap();
        assert!(why.contains("现有水平"), "{why}");
        let lots = view["lines"].as_array().unwrap().iter().flat_map(|line| {
            line["lots"].as_array().unwrap().iter().map(|lot| lot["lot_number"].clone())
        });
        let lots: Vec<Value> = lots.collect();
        assert!(lots.contains(&json!("A1")) && lots.contains(&json!("A2")), "{lots:?}");
        let by_number = app.get("commander", "/allocations/FP-QN-DEPOT-2026-000001").expect(200);
        assert_eq!(by_number["id"], view["id"]);
    });
}

#[test]
fn inputs_are_frozen_and_work_out_to_the_same_answer_after_the_ledger_has_moved() {
    TestApp::each(|app| {
        scarce(app);
        let proposal = Proposal::of_respirators(app);
        let compact = serde_json::to_string(&proposal.view["inputs"]).unwrap();
        let path = format!("/allocations/{}/recompute", proposal.id);
        let recompute = || {
            let path = format!("/api/v1{path}");
            app.request("POST", &path).by("auditor").send().expect(200)
        };
        let again = recompute();
        let told = ["hash_holds", "same", "stale"].map(|name| again[name].clone());
        assert_eq!(told, [json!(true), json!(true), json!(false)]);

        issue(app, "keeper.depot", "QN-DEPOT", 50);
        put(app, "QN-HOSP", "M03", "H1", "2027-01-31", 10);
        let again = recompute();
        let told = ["hash_holds", "same", "stale"].map(|name| again[name].clone());
        assert_eq!(told, [json!(true), json!(true), json!(true)]);
        let changed = facts(&again["changes"]);
        let at = |store: &str, what: &str, before: &str, after: &str| {
            (store.to_owned(), what.to_owned(), before.to_owned(), after.to_owned())
        };
        assert!(changed.contains(&at("QN-DEPOT", "available", "1000", "950")), "{changed:?}");
        assert!(changed.contains(&at("QN-HOSP", "available", "0", "10")), "{changed:?}");
        assert_eq!(sends(&again), proposal.sends());

        let read = proposal.read();
        assert_eq!(read["status"], "stale");
        assert_eq!(read["changes"], again["changes"]);
        assert_eq!(serde_json::to_string(&read["inputs"]).unwrap(), compact);
        let listed = app.get("auditor", "/allocations?status=proposed&item=M03").expect(200);
        assert_eq!(listed["rows"][0]["status"], "stale");
    });
}

#[test]
fn stock_of_others_and_for_a_purpose_is_passed_over_and_named() {
    TestApp::each(|app| {
        scarce(app);
        put_for(app, "QN-DEPOT", "M03", "GIFT", "2026-06-30", 500, Some("发热门诊"));
        let body = json!({"item_code": "M03", "policy": "leximin", "measure": "coverage",
            "min_life_days": 400});
        let proposal = Proposal::made(app, body);
        let depot = donor(&proposal.view, "QN-DEPOT");
        let passed: Vec<(&Value, &Value)> = depot["passed_over"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lot| (&lot["lot_number"], &lot["reason"]))
            .collect();
        assert!(passed.contains(&(&json!("GIFT"), &json!("earmarked"))), "{passed:?}");
        assert!(passed.contains(&(&json!("A1"), &json!("too_short_life"))), "{passed:?}");
        // The floor holds over everything that is available; what may be given is less.
        assert_eq!((&depot["available"], &depot["usable"]), (&json!(1_500), &json!(700)));
        assert_eq!(depot["exportable_packs"], 35);
    });
}

#[test]
fn donors_and_recipients_may_be_named_and_what_stays_back_is_said() {
    TestApp::each(|app| {
        scarce(app);
        let body = json!({"item_code": "M03", "policy": "equal_awards", "measure": "need",
            "donors": ["QN-DEPOT"], "recipients": ["QN-HOSP", "QN-CDC"],
            "keep_back_percent": 60, "min_packs": 3, "urgent": ["QN-CDC"], "urgency": "urgent"});
        let proposal = Proposal::made(app, body);
        let depot = donor(&proposal.view, "QN-DEPOT");
        // 40 packs, of which 16 may go.
        assert_eq!(
            (&depot["kept_back_packs"], &depot["exportable_packs"]),
            (&json!(24), &json!(40))
        );
        let hub = |to: &str, quantity: i64| ("QN-DEPOT".to_owned(), to.to_owned(), quantity);
        // The urgent lane first: the CDC lacks 15 packs; one is left, which is not worth shipping.
        assert_eq!(proposal.sends(), [hub("QN-CDC", 300)]);
        assert_eq!(recipient(&proposal.view, "QN-HOSP")["limited_by"], "minimum");
        assert_eq!(recipient(&proposal.view, "QN-CDC")["urgent"], true);
        assert_eq!(recipient(&proposal.view, "QN-TOWN"), &Value::Null);
    });
}

#[test]
fn several_items_are_divided_at_once_and_substitutes_as_one_good() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M02", "S1", "2027-12-31", 600);
        put(app, "QN-DEPOT", "M03", "R1", "2027-12-31", 400);
        put(app, "QN-DEPOT", "E02", "E1", "2030-12-31", 12);
        in_force(app, json!([fixed("QN-HOSP", "M02", 900), fixed("QN-HOSP", "E02", 5)]));
        let body = json!({"item_codes": ["M02", "E02"], "with_substitutes": true,
            "policy": "leximin", "measure": "coverage"});
        let proposal = Proposal::made(app, body);
        let parts = proposal.view["parts"].as_array().unwrap();
        assert_eq!(parts[0]["group"], json!(["M02", "M03"]));
        // Boxes of 50 and of 20 have a greatest common divisor of 10.
        assert_eq!((&parts[0]["pack"], &parts[1]["pack"]), (&json!(10), &json!(1)));
        let lines: Vec<(&Value, &Value, &Value)> = proposal.view["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| (&line["part"], &line["item_code"], &line["quantity"]))
            .collect();
        assert_eq!(
            lines,
            [
                (&json!(1), &json!("M02"), &json!(600)),
                (&json!(1), &json!("M03"), &json!(300)),
                (&json!(2), &json!("E02"), &json!(5))
            ]
        );
        let listed = app.get("commander", "/allocations?item=E02&to=QN-HOSP&limit=1").expect(200);
        assert_eq!(listed["rows"][0]["items"], json!(["M02", "E02"]));
        let other = app.get("commander", "/allocations?item=T01").expect(200);
        assert_eq!(other["rows"], json!([]));
    });
}

#[test]
fn who_has_no_known_use_is_served_after_the_others_and_says_so() {
    TestApp::each(|app| {
        scarce(app);
        put(app, "QN-HOSP", "M03", "H1", "2027-06-30", 300);
        for day in ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"] {
            app.set_time(&format!("{day}T02:00:00Z"));
            issue(app, "keeper.hospital", "QN-HOSP", 40);
        }
        app.set_time("2026-03-07T02:00:00Z");
        let body = json!({"item_code": "M03", "policy": "leximin", "keep_back_percent": 50});
        let proposal = Proposal::made(app, body);
        let hospital = recipient(&proposal.view, "QN-HOSP");
        assert_eq!(
            (&hospital["daily_use"], &hospital["days_before"]),
            (&json!("40"), &json!("5/2"))
        );
        assert_eq!(hospital["measured_by"], "days_of_cover");
        let town = recipient(&proposal.view, "QN-TOWN");
        assert_eq!((&town["daily_use"], &town["measured_by"]), (&Value::Null, &json!("coverage")));
        let why = town["why"]["en"].as_str().unwrap();
        assert!(why.contains("daily use is unknown"), "{why}");
        // 20 packs; the hospital lacks 25, and nobody else is served before it.
        assert_eq!(hospital["quantity"], 400);
        assert_eq!(town["quantity"], 0);
    });
}

#[test]
fn policies_are_compared_side_by_side_and_nothing_is_stored() {
    TestApp::each(|app| {
        scarce(app);
        let ask = |body: Value| {
            let request = app.request("POST", "/api/v1/allocations/compare").by("commander");
            request.json(body).send()
        };
        let body = json!({"item_code": "M03", "measure": "coverage",
            "policies": ["leximin", "strict_priority", "proportional"]});
        let compared = ask(body).expect(200);
        let policies: Vec<&Value> =
            compared["policies"].as_array().unwrap().iter().map(|one| &one["policy"]).collect();
        assert_eq!(policies, ["leximin", "strict_priority", "proportional"]);
        for one in compared["policies"].as_array().unwrap() {
            let part = &one["parts"][0];
            assert_eq!((&part["packs_given"], &part["reserve_left"]), (&json!(40), &json!(200)));
            assert_eq!(part["units_short"], 200);
        }
        let fair = &compared["policies"][0]["parts"][0];
        let strict = &compared["policies"][1]["parts"][0];
        assert_eq!(fair["stores_left_at_zero"], 0);
        assert!(strict["stores_left_at_zero"].as_i64().unwrap() > 0, "{strict}");
        assert_eq!(app.get("commander", "/allocations").expect(200)["rows"], json!([]));

        let proposal = Proposal::of_respirators(app);
        let stored = ask(json!({"allocation": proposal.id, "policies": ["leximin"]})).expect(200);
        assert_eq!(stored["input_hash"], proposal.view["input_hash"]);
        ask(json!({"item_code": "M03", "policies": ["lottery"]})).refused(422, "validation_failed");
        ask(json!({"item_code": "M03", "color": 1})).refused(400, "malformed_request");
    });
}

#[test]
fn every_fault_of_a_question_is_told_at_once() {
    TestApp::each(|app| {
        let body = json!({"item_code": "NONE", "policy": "lottery", "measure": "luck",
            "keep_back_percent": 101, "min_packs": 0, "donors": ["QN-DEPOT", "QN-DEPOT"],
            "recipients": ["NOWHERE", "QN-DEPOT"], "needed_by": "soon", "urgency": "now",
            "stages": [{"to_days": 0}], "what_if": {"response_level": "I"}, "target_days": 0});
        let answer = app.post("commander", "/allocations", body);
        let mut pointers = answer.pointers();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/donors/1",
                "/item_code",
                "/keep_back_percent",
                "/measure",
                "/min_packs",
                "/needed_by",
                "/policy",
                "/recipients/0",
                "/recipients/1",
                "/stages/0/to_days",
                "/target_days",
                "/urgency",
                "/what_if"
            ]
        );
        answer.refused(422, "validation_failed");
        app.post("commander", "/allocations", json!({})).refused(422, "validation_failed");
        let foreign = json!({"item_code": "M03", "donors": ["XF-DEPOT"]});
        app.post("commander", "/allocations", foreign).refused(403, "store_out_of_scope");
        let body = json!({"item_code": "M03"});
        app.post("keeper.depot", "/allocations", body).refused(403, "forbidden");
    });
}

#[test]
fn a_commander_of_another_county_sees_nothing_and_keepers_see_what_touches_them() {
    TestApp::each(|app| {
        scarce(app);
        let body = json!({"item_code": "M03", "policy": "leximin", "measure": "coverage",
            "recipients": ["QN-HOSP"]});
        let proposal = Proposal::made(app, body);
        let path = format!("/allocations/{}", proposal.id);
        app.get("foreign.commander", &path).refused(404, "not_found");
        app.get("keeper.town", &path).refused(404, "not_found");
        app.get("keeper.hospital", &path).expect(200);
        let rows = |user: &str| app.get(user, "/allocations").expect(200)["rows"].clone();
        assert_eq!(rows("foreign.commander"), json!([]));
        assert_eq!(rows("keeper.town"), json!([]));
        assert_eq!(rows("keeper.depot").as_array().unwrap().len(), 1);
        proposal.tries("foreign.commander", "approve", json!({})).refused(404, "not_found");
        let again = json!({"follows": proposal.id});
        let unknown = app.post("foreign.commander", "/allocations", again.clone());
        assert!(unknown.pointers().contains(&"/follows".to_owned()));
        unknown.refused(422, "validation_failed");
        for body in [again, json!({"follows": ""}), json!({"allocation": proposal.id})] {
            let pointer = if body["follows"].is_null() { "/allocation" } else { "/follows" };
            let path = "/api/v1/allocations/compare";
            let unknown = app.request("POST", path).by("foreign.commander").json(body).send();
            assert!(unknown.pointers().contains(&pointer.to_owned()));
            unknown.refused(422, "validation_failed");
        }
    });
}

#[test]
fn lots_in_packs_that_the_inner_pack_does_not_divide_move_in_their_common_divisor() {
    TestApp::each(|app| {
        let receive = |lot: &str, quantity: i64, pack_units: i64| {
            let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"},
                "lines": [{"item_code": "M03", "lot_number": lot, "expires_on": "2028-01-01",
                           "quantity": quantity, "pack_units": pack_units}]});
            app.post("keeper.depot", "/receipts", body).expect(201);
        };
        in_force(app, json!([fixed("QN-HOSP", "M03", 95)]));
        let ask = json!({"item_code": "M03", "policy": "leximin", "measure": "coverage"});
        // A carton of 400 is opened for the box of 20.
        receive("CARTON", 400, 400);
        let proposal = Proposal::made(app, ask.clone());
        assert_eq!(
            (&proposal.view["parts"][0]["pack"], &proposal.view["quantity"]),
            (&json!(20), &json!(100))
        );
        receive("BAG", 90, 30);
        let proposal = Proposal::made(app, ask);
        assert_eq!(
            (&proposal.view["parts"][0]["pack"], &proposal.view["quantity"]),
            (&json!(10), &json!(100))
        );
        let named = json!({"item_code": "M03", "policy": "leximin", "measure": "coverage",
            "pack_code": "box"});
        assert_eq!(Proposal::made(app, named).view["parts"][0]["pack"], 20);
        let unknown = json!({"item_code": "M03", "pack_code": "barrel"});
        let answer = app.post("commander", "/allocations", unknown);
        assert_eq!(answer.pointers(), ["/pack_code"]);
    });
}

#[test]
fn a_donor_that_was_found_and_supplies_nobody_gives_only_what_is_above_its_target() {
    TestApp::each(|app| {
        put(app, "QN-CDC", "M03", "C1", "2027-12-31", 500);
        put(app, "QN-HOSP", "M03", "H1", "2027-12-31", 40);
        let mut cdc = fixed("QN-CDC", "M03", 300);
        cdc["floor"] = json!(100);
        in_force(app, json!([cdc, fixed("QN-HOSP", "M03", 600)]));
        let ask = |donors: Value| {
            let mut body = json!({"item_code": "M03", "policy": "leximin", "measure": "coverage"});
            if !donors.is_null() {
                body["donors"] = donors;
            }
            Proposal::made(app, body)
        };
        let found = ask(Value::Null);
        let cdc = donor(&found.view, "QN-CDC");
        assert_eq!(
            (&cdc["keeps"], &cdc["kept"], &cdc["quantity"]),
            (&json!("target"), &json!(300), &json!(200))
        );
        // Named, it gives down to its floor.
        let named = ask(json!(["QN-CDC"]));
        let cdc = donor(&named.view, "QN-CDC");
        assert_eq!(
            (&cdc["keeps"], &cdc["kept"], &cdc["quantity"]),
            (&json!("floor"), &json!(100), &json!(400))
        );
    });
}

#[test]
fn pages_of_allocations_follow_one_another() {
    TestApp::each(|app| {
        scarce(app);
        let ids: Vec<String> = (0..3).map(|_| Proposal::of_respirators(app).id).collect();
        let mut seen = Vec::new();
        let mut path =
            "/allocations?limit=2&created_by=commander&created_from=2026-03-01T00:00:00Z"
                .to_owned();
        loop {
            let page = app.get("auditor", &path).expect(200);
            seen.extend(
                page["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| row["id"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(cursor) => {
                    path = format!(
                        "/allocations?limit=2&created_by=commander&created_from=2026-03-01T00:00:00Z&cursor={cursor}"
                    )
                }
                None => break,
            }
        }
        seen.reverse();
        assert_eq!(seen, ids);
        let later =
            app.get("auditor", "/allocations?created_from=2026-03-03T00:00:00Z").expect(200);
        assert_eq!(later["rows"], json!([]));
        let bad = app.get("auditor", "/allocations?status=stale&created_to=tomorrow");
        assert_eq!(bad.pointers(), ["/created_to", "/status"]);
    });
}
