//! What happens to the goods: numbers, balances and movements agree to the piece.

use super::{Dispatch, lorry};
use crate::support::TestApp;
use crate::support::stock::{held, on_the_way, put, put_for};
use serde_json::json;

const FIVE: &[&str] = &["requested", "approved", "picked", "shipped", "received"];

#[test]
fn a_cut_request_is_picked_shipped_and_received_with_losses() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 200);
        put(app, "QN-DEPOT", "M03", "A2", "2027-12-31", 800);
        let mut dispatch = Dispatch::requested(app, "M03", 500);
        assert_eq!(dispatch.view["status"], "requested");
        assert_eq!(dispatch.view["number"], "DB-QN-DEPOT-2026-000001");

        let cut = json!({"lines": [{"line": 1, "approved": 300, "reason_code": "other", "note": "其他医院也急需"}]});
        dispatch.does("commander", "approve", cut);
        let lots: Vec<_> = dispatch.line()["lots"].as_array().unwrap().clone();
        let taken: Vec<_> = lots.iter().map(|l| (&l["lot_number"], &l["quantity"])).collect();
        assert_eq!(taken, [(&json!("A1"), &json!(200)), (&json!("A2"), &json!(100))]);
        assert_eq!(dispatch.numbers(&["open_remainder", "reserved"]), [200, 300]);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1000, 300));

        dispatch.does("keeper.depot", "pick", json!({}));
        dispatch.does("keeper.depot", "ship", lorry());
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (700, 0));
        assert_eq!(on_the_way(app, "M03"), 300);
        assert_eq!(dispatch.view["in_transit"], 300);
        assert_eq!(dispatch.view["expected_at"], "2026-03-02T05:00:00Z");

        let lot_a1 = lots[0]["lot_id"].clone();
        let lot_a2 = lots[1]["lot_id"].clone();
        let receipt = json!({"received_by": "陈玉梅", "lines": [
            {"line": 1, "lot_id": lot_a1, "received": 160, "lost": 40},
            {"line": 1, "lot_id": lot_a2, "received": 60, "damaged": 10, "returned": 30}]});
        dispatch.does("keeper.hospital", "receipts", receipt);
        assert_eq!(dispatch.view["status"], "received");
        assert_eq!(dispatch.numbers(FIVE), [500, 300, 300, 300, 220]);
        assert_eq!(dispatch.numbers(&["damaged", "lost", "returned", "over"]), [10, 40, 30, 0]);
        assert_eq!(dispatch.numbers(&["open_remainder"]), [280]);
        assert_eq!(on_the_way(app, "M03"), 0);
        assert_eq!(held(app, "QN-HOSP", "M03", "available"), (220, 0));
        assert_eq!(held(app, "QN-HOSP", "M03", "damaged"), (10, 0));
        assert_eq!(held(app, "QN-DEPOT", "M03", "pending_inspection"), (30, 0));

        dispatch.does("keeper.hospital", "close", json!({}));
        let read = app.get("auditor", "/dispatches/DB-QN-DEPOT-2026-000001").expect(200);
        let told: Vec<_> =
            read["events"].as_array().unwrap().iter().map(|e| e["what"].clone()).collect();
        assert_eq!(told, ["requested", "approved", "picked", "shipped", "received", "closed"]);
        let history = read["lines"][0]["history"].as_array().unwrap();
        let approved = history.iter().find(|step| step["step"] == "approved").unwrap();
        assert_eq!(
            (&approved["by"], &approved["quantity"], &approved["reason_code"]),
            (&json!("commander"), &json!(300), &json!("other"))
        );
        assert_eq!(read["receipts"][0]["received_by"], "陈玉梅");
    });
}

#[test]
fn several_lorries_and_several_receipts_empty_the_transit_account() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 1000);
        let mut dispatch = Dispatch::requested(app, "M03", 300);
        dispatch.does("commander", "approve", json!({}));
        dispatch.does("keeper.depot", "pick", json!({}));
        let mut first = lorry();
        first["lines"] = json!([{"line": 1, "quantity": 100}]);
        dispatch.does("keeper.depot", "ship", first);
        let mut second = lorry();
        second["lines"] = json!([{"line": 1, "quantity": 150}]);
        second["last"] = json!(true);
        dispatch.does("keeper.depot", "ship", second);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (750, 0));
        assert_eq!(dispatch.numbers(&["shipped", "reserved", "open_remainder"]), [250, 0, 50]);

        let lorries = dispatch.view["shipments"].as_array().unwrap().clone();
        assert_eq!(lorries.len(), 2);
        let arrived = json!({"shipment_id": lorries[1]["id"]});
        dispatch.does("keeper.hospital", "receipts", arrived);
        assert_eq!((&dispatch.view["status"], on_the_way(app, "M03")), (&json!("shipped"), 100));
        dispatch.tries("keeper.hospital", "close", json!({})).refused(409, "transit_not_empty");
        dispatch.does("keeper.hospital", "receipts", json!({}));
        dispatch.does("keeper.hospital", "close", json!({}));
        assert_eq!(held(app, "QN-HOSP", "M03", "available"), (250, 0));
    });
}

#[test]
fn what_is_over_or_unexpected_comes_from_a_count_difference() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let mut dispatch = Dispatch::shipped(app, "M03", 100);
        let too_many = json!({"lines": [{"line": 1, "received": 105}]});
        let refused = dispatch.tries("keeper.hospital", "receipts", too_many);
        assert_eq!(refused.pointers(), ["/lines/0/received"]);
        let extra = json!({"item_code": "M02", "lot_number": "X9", "quantity": 50,
            "expires_on": "2027-01-31"});
        let unknown = json!({"item_code": "D03", "lot_number": "E1", "quantity": 6,
            "expiry_unknown": true});
        let receipt = json!({"lines": [{"line": 1, "received": 100, "over": 5}],
            "unexpected": [extra, unknown]});
        dispatch.does("keeper.hospital", "receipts", receipt);
        assert_eq!(held(app, "QN-HOSP", "M03", "available"), (105, 0));
        assert_eq!(held(app, "QN-HOSP", "M02", "available"), (50, 0));
        assert_eq!(held(app, "QN-HOSP", "D03", "pending_inspection"), (6, 0));
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (0, 0));
        let pieces = dispatch.view["receipts"][0]["pieces"].as_array().unwrap().clone();
        let ends: Vec<_> = pieces.iter().map(|p| (&p["fate"], &p["line"])).collect();
        assert_eq!(
            ends,
            [
                (&json!("received"), &json!(1)),
                (&json!("over"), &json!(1)),
                (&json!("over"), &json!(null)),
                (&json!("over"), &json!(null))
            ]
        );
        let conflict = json!({"lines": [], "unexpected": [{"item_code": "M02", "lot_number": "X9",
            "quantity": 1, "expires_on": "2028-01-31"}]});
        dispatch.tries("keeper.hospital", "receipts", conflict).refused(409, "lot_conflict");
    });
}

#[test]
fn a_lot_that_expires_after_its_approval_is_not_shipped_until_it_is_picked_anew() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "OLD", "2026-03-02", 100);
        let fresh = put(app, "QN-DEPOT", "M03", "NEW", "2027-03-02", 100);
        let mut dispatch = Dispatch::requested(app, "M03", 100);
        dispatch.does("commander", "approve", json!({}));
        assert_eq!(dispatch.line()["lots"][0]["lot_number"], "OLD");
        dispatch.does("keeper.depot", "pick", json!({}));
        app.set_time("2026-03-03T02:00:00Z");
        let mut tomorrow = lorry();
        tomorrow["expected_at"] = json!("2026-03-03T05:00:00Z");
        let blocked = dispatch.tries("keeper.depot", "ship", tomorrow.clone());
        assert_eq!(blocked.refused(409, "lot_blocked")["reason"], "expired");
        let other = json!({"lines": [{"line": 1, "lots": [{"lot_id": fresh, "quantity": 100}],
            "reason_code": "expired"}]});
        dispatch.does("keeper.depot", "pick", other);
        dispatch.does("keeper.depot", "ship", tomorrow);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (100, 0));
        assert_eq!(dispatch.line()["lots"][0]["lot_number"], "NEW");
    });
}

#[test]
fn a_substitute_by_rank_may_be_picked_and_nothing_else() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M02", "S1", "2026-12-31", 100);
        let better = put(app, "QN-DEPOT", "M03", "R1", "2026-12-31", 100);
        let wrong = put(app, "QN-DEPOT", "E02", "E1", "2030-12-31", 100);
        let mut dispatch = Dispatch::requested(app, "M02", 80);
        dispatch.does("commander", "approve", json!({}));
        let with = |lot: &str, quantity: i64, reason: serde_json::Value| {
            json!({"lines": [{"line": 1, "lots": [{"lot_id": lot, "quantity": quantity}],
                "reason_code": reason}]})
        };
        let refused = dispatch.tries("keeper.depot", "pick", with(&wrong, 80, json!("other")));
        assert_eq!(refused.pointers(), ["/lines/0/lots/0/lot_id"]);
        // What may stand in for one use may not for another.
        let body = json!({"item_code": "M02", "scene": "isolation", "entries": [],
            "reason": "隔离病区只用外科口罩", "source": "院感科意见"});
        app.post("commander", "/substitution-lists", body).expect(201);
        let mut wards = with(&better, 80, json!("quality"));
        wards["lines"][0]["scene"] = json!("isolation");
        let refused = dispatch.tries("keeper.depot", "pick", wards);
        assert_eq!(refused.pointers(), ["/lines/0/lots/0/lot_id"]);
        let silent = dispatch.tries("keeper.depot", "pick", with(&better, 80, json!(null)));
        assert_eq!(silent.pointers(), ["/lines/0/reason_code"]);
        dispatch.does("keeper.depot", "pick", with(&better, 60, json!("quality")));
        assert_eq!(held(app, "QN-DEPOT", "M02", "available"), (100, 0));
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (100, 60));
        dispatch.does("keeper.depot", "ship", lorry());
        dispatch.does("keeper.hospital", "receipts", json!({}));
        assert_eq!(held(app, "QN-HOSP", "M03", "available"), (60, 0));
        assert_eq!(dispatch.numbers(&["received", "open_remainder"]), [60, 20]);
    });
}

#[test]
fn too_little_stock_answers_the_true_remainder_and_promises_nothing() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 60);
        put(app, "QN-DEPOT", "M03", "GONE", "2026-01-31", 500);
        put_for(app, "QN-DEPOT", "M03", "GIFT", "2026-12-31", 500, Some("QN-TOWN"));
        let dispatch = Dispatch::requested(app, "M03", 100);
        let short = dispatch.tries("commander", "approve", json!({}));
        let problem = short.refused(409, "insufficient_stock");
        assert_eq!((&problem["available"], &problem["requested"]), (&json!(60), &json!(100)));
        let passed: Vec<_> = problem["passed_over"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lot| (lot["lot_number"].clone(), lot["reason"].clone()))
            .collect();
        assert_eq!(
            passed,
            [(json!("GONE"), json!("expired")), (json!("GIFT"), json!("earmarked"))]
        );
        assert_eq!(held(app, "QN-DEPOT", "M03", "available").1, 0);
    });
}

#[test]
fn eight_approvals_at_once_never_promise_a_piece_twice() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 60);
        put(app, "QN-DEPOT", "M03", "A2", "2027-12-31", 40);
        let asked: Vec<Dispatch<'_>> =
            (0..8).map(|_| Dispatch::requested(app, "M03", 30)).collect();
        let statuses: Vec<u16> = std::thread::scope(|threads| {
            let running: Vec<_> = asked
                .iter()
                .map(|one| threads.spawn(|| one.tries("commander", "approve", json!({})).status))
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 5, "{statuses:?}");
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (100, 90));
    });
}

#[test]
fn cancelling_gives_back_what_was_promised() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let mut dispatch = Dispatch::requested(app, "M03", 80);
        dispatch.does("commander", "approve", json!({}));
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (100, 80));
        let silent = dispatch.tries("commander", "cancel", json!({"reason": " "}));
        assert_eq!(silent.pointers(), ["/reason"]);
        dispatch.does("commander", "cancel", json!({"reason": "上级已直接调拨"}));
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (100, 0));
        assert_eq!(dispatch.view["open_remainder"], false);
        dispatch.tries("keeper.depot", "pick", json!({})).refused(409, "wrong_status");
    });
}

#[test]
fn goods_on_the_way_are_redirected_and_arrive_elsewhere() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let mut dispatch = Dispatch::shipped(app, "M03", 100);
        let part = json!({"lines": [{"line": 1, "received": 30}]});
        dispatch.does("keeper.hospital", "receipts", part);
        dispatch.does(
            "commander",
            "redirect",
            json!({"to_store": "QN-CDC", "reason": "医院已满足"}),
        );
        dispatch.tries("keeper.hospital", "receipts", json!({})).refused(403, "store_out_of_scope");
        dispatch.does("keeper.cdc", "receipts", json!({}));
        assert_eq!(held(app, "QN-HOSP", "M03", "available"), (30, 0));
        assert_eq!(held(app, "QN-CDC", "M03", "available"), (70, 0));
        let stores: Vec<_> = dispatch.view["receipts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|receipt| receipt["store_code"].clone())
            .collect();
        assert_eq!(stores, ["QN-HOSP", "QN-CDC"]);
        let known = app.get("keeper.hospital", "/dispatches").expect(200);
        assert_eq!(known["rows"].as_array().unwrap().len(), 1, "who signed keeps seeing it");
    });
}

#[test]
fn a_reversed_receipt_is_on_the_way_again() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let mut dispatch = Dispatch::shipped(app, "M03", 100);
        let wrong = json!({"lines": [{"line": 1, "received": 90, "lost": 10, "over": 3}]});
        dispatch.does("keeper.hospital", "receipts", wrong);
        dispatch.does("keeper.hospital", "close", json!({}));
        let receipt = dispatch.view["receipts"][0]["id"].as_str().unwrap().to_owned();
        let reversal = format!("receipts/{receipt}/reversal");
        let why = json!({"reason_code": "miscounted"});
        dispatch.does("keeper.hospital", &reversal, why.clone());
        assert_eq!(dispatch.view["status"], "shipped");
        assert_eq!(held(app, "QN-HOSP", "M03", "available"), (0, 0));
        assert_eq!(on_the_way(app, "M03"), 100);
        assert_eq!(dispatch.numbers(&["received", "lost", "over"]), [0, 0, 0]);
        dispatch.tries("keeper.hospital", &reversal, why).refused(409, "already_reversed");
        dispatch.does("keeper.hospital", "receipts", json!({}));
        assert_eq!(held(app, "QN-HOSP", "M03", "available"), (100, 0));
    });
}

#[test]
fn what_stayed_open_is_asked_for_again_once() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let mut dispatch = Dispatch::requested(app, "M03", 150);
        let cut = json!({"lines": [{"line": 1, "approved": 100, "reason_code": "other"}]});
        dispatch.does("commander", "approve", cut);
        let path = format!("/dispatches/{}/follow-up", dispatch.id);
        let next = app.post("buyer.hospital", &path, json!({})).expect(201);
        assert_eq!((&next["status"], &next["follows"]), (&json!("requested"), &json!(dispatch.id)));
        assert_eq!(next["lines"][0]["requested"], 50);
        let again = app.post("buyer.hospital", &path, json!({}));
        again.refused(409, "wrong_status");
        let old = app.get("auditor", &format!("/dispatches/{}", dispatch.id)).expect(200);
        assert_eq!(old["lines"][0]["open_remainder"], 0);
        let open = app.get("commander", "/dispatches?open_remainder=true").expect(200);
        let numbers: Vec<_> =
            open["rows"].as_array().unwrap().iter().map(|row| row["number"].clone()).collect();
        assert_eq!(numbers, [next["number"].clone()]);
    });
}

#[test]
fn the_same_shipping_sent_twice_happens_once() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let mut dispatch = Dispatch::requested(app, "M03", 40);
        dispatch.does("commander", "approve", json!({}));
        dispatch.does("keeper.depot", "pick", json!({}));
        let path = format!("/dispatches/{}/ship", dispatch.id);
        let send = || {
            app.storing("POST", "keeper.depot", &path)
                .key("ship-1")
                .if_match(&dispatch.tag)
                .json(lorry())
                .send()
        };
        let (first, second) = (send(), send());
        assert_eq!((first.status, second.status), (200, 200));
        assert_eq!(second.header("idempotency-replayed"), Some("true"));
        assert_eq!(on_the_way(app, "M03"), 40);
    });
}

#[test]
fn packs_and_every_fault_of_a_request_are_understood() {
    TestApp::each(|app| {
        let body = json!({"to_store": "QN-HOSP", "needed_by": "2026-03-05",
            "lines": [{"item_code": "M02", "pack_code": "carton", "packs": 1, "loose": 3}]});
        let dispatch = Dispatch::made(app, "buyer.hospital", body);
        assert_eq!(dispatch.view["number"], "DB-QN-HOSP-2026-000001");
        assert_eq!(dispatch.line()["requested"], 2003);
        assert_eq!(
            dispatch.line()["requested_in_packs"],
            json!({"pack_code": "carton", "packs": 1, "loose": 3})
        );
        let bad = json!({"from_store": "QN-NONE", "to_store": "QN-HOSP", "urgency": "asap",
            "needed_by": "soon", "authority": {"kind": "order"},
            "lines": [{"item_code": "M99", "quantity": 1}, {"item_code": "M02", "quantity": 0},
                {"item_code": "M02", "quantity": 5}]});
        let answer = app.post("buyer.hospital", "/dispatches", bad);
        let mut pointers = answer.pointers();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/authority/issued_by",
                "/authority/number",
                "/from_store",
                "/lines/0/item_code",
                "/lines/1/quantity",
                "/lines/2/item_code",
                "/needed_by",
                "/urgency"
            ]
        );
    });
}

#[test]
fn the_list_filters_and_pages_without_a_gap() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        for quantity in 1..=5 {
            Dispatch::requested(app, "M03", quantity);
        }
        let mut shown = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = app.get("commander", &format!("/dispatches?limit=2{cursor}")).expect(200);
            shown.extend(
                page["rows"].as_array().unwrap().iter().map(|r| r["lines"][0]["requested"].clone()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        shown.sort_by_key(|n| n.as_i64());
        assert_eq!(shown, [1, 2, 3, 4, 5]);
        let count = |query: &str| {
            let page = app.get("commander", &format!("/dispatches?{query}")).expect(200);
            page["rows"].as_array().unwrap().len()
        };
        assert_eq!(count("status=requested,draft&item=M03&to=QN-HOSP"), 5);
        assert_eq!(count("status=approved"), 0);
        assert_eq!(count("number=DB-QN-DEPOT-2026-000003"), 1);
        assert_eq!(count("store=QN-DEPOT&from=QN-HOSP"), 0);
        app.get("commander", "/dispatches?status=sent").refused(422, "validation_failed");
    });
}
