//! The ledger over HTTP: receipts, issues, write-offs, corrections, recalls, and their proof.

use crate::support::{Answer, TestApp};
use serde_json::{Value, json};

/// Receives `quantity` of an item in a lot at a store by its keeper; gives the receipt.
fn receive(app: &TestApp, keeper: &str, store: &str, line: Value) -> Value {
    let body = json!({"store_code": store, "source": {"kind": "supplier", "name": "赣州医药"}, "lines": [line]});
    app.post(keeper, "/receipts", body).expect(201)
}

fn masks(lot: &str, expires_on: &str, quantity: i64) -> Value {
    json!({"item_code": "M02", "lot_number": lot, "maker": "稳健", "expires_on": expires_on, "quantity": quantity})
}

fn issue(app: &TestApp, quantity: i64) -> Answer {
    let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
        "lines": [{"item_code": "M02", "quantity": quantity}]});
    app.post("keeper.depot", "/issues", body)
}

fn depot_row(app: &TestApp) -> Value {
    app.get("keeper.depot", "/stock?store=QN-DEPOT&item=M02&group_by=store").expect(200)["rows"][0]
        .clone()
}

fn is_clean(app: &TestApp) {
    let report = app.app.read(changbei::stock::verify::verify).unwrap();
    assert!(report.is_clean(), "{:?}", report.differences);
}

#[test]
fn boxes_and_pieces_are_received_and_first_expired_is_issued_first() {
    TestApp::each(|app| {
        let line = json!({"item_code": "M02", "lot_number": "B", "expires_on": "2027-06-30", "pack_code": "box", "packs": 19, "loose": 50});
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", line);
        assert_eq!(receipt["number"], "RK-QN-DEPOT-2026-000001");
        assert_eq!(receipt["lines"][0]["quantity"], 1000);
        receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2026-12-31", 30));
        let issued = issue(app, 50).expect(201);
        let lots = issued["lines"][0]["lots"].as_array().unwrap().clone();
        let taken: Vec<(&str, i64)> = lots
            .iter()
            .map(|lot| (lot["lot_number"].as_str().unwrap(), lot["quantity"].as_i64().unwrap()))
            .collect();
        assert_eq!(taken, [("A", 30), ("B", 20)]);
        let row = depot_row(app);
        assert_eq!((&row["on_hand"], &row["available"]), (&json!(980), &json!(980)));
        assert_eq!(
            row["available_in_packs"],
            json!({"pack_code": "carton", "packs": 0, "loose": 980})
        );
        let id = issued["id"].as_str().unwrap();
        let by_number = app
            .get("auditor", &format!("/issues/{}", issued["number"].as_str().unwrap()))
            .expect(200);
        assert_eq!(by_number["id"], id);
        app.get("keeper.town", &format!("/issues/{id}")).refused(404, "not_found");
        is_clean(app);
    });
}

#[test]
fn issuing_too_much_answers_409_with_the_true_remainder_and_changes_nothing() {
    TestApp::each(|app| {
        receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2026-12-31", 30));
        receive(app, "keeper.depot", "QN-DEPOT", masks("OLD", "2026-03-01", 500));
        let problem = issue(app, 31).refused(409, "insufficient_stock");
        assert_eq!((&problem["available"], &problem["requested"]), (&json!(30), &json!(31)));
        assert_eq!(problem["passed_over"][0]["reason"], "expired");
        assert_eq!(depot_row(app)["on_hand"], 530);
        issue(app, 30).expect(201);
    });
}

#[test]
fn a_lot_may_be_used_through_its_expiry_date() {
    TestApp::each(|app| {
        receive(app, "keeper.depot", "QN-DEPOT", masks("LAST", "2026-03-02", 10));
        app.set_time("2026-03-02T15:59:00Z");
        issue(app, 5).expect(201);
        app.set_time("2026-03-02T16:00:00Z");
        issue(app, 5).refused(409, "insufficient_stock");
    });
}

#[test]
fn every_fault_of_a_receipt_is_named_at_once() {
    TestApp::each(|app| {
        let body = json!({"store_code": "QN-DEPOT", "occurred_at": "2026-03-02T10:00:00", "source": {"kind": "theft"}, "lines": [
            {"item_code": "NONE", "lot_number": "A", "expires_on": "2027-01-01", "quantity": 1},
            {"item_code": "M02", "lot_number": "A", "quantity": 0},
            {"item_code": "M02", "lot_number": "A", "expires_on": "2027-13-01", "no_expiry": true, "pack_code": "crate", "packs": 1},
            {"item_code": "M02", "lot_number": "A", "expires_on": "2027-01-01", "quantity": 5, "delivered": 7, "rejected": 1, "unit_cost": "1.23456"},
        ]});
        let answer = app.post("keeper.depot", "/receipts", body);
        let mut pointers = answer.pointers();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/lines/0/item_code",
                "/lines/1/expires_on",
                "/lines/1/quantity",
                "/lines/2/expires_on",
                "/lines/2/expires_on",
                "/lines/2/pack_code",
                "/lines/3/delivered",
                "/lines/3/reject_reason",
                "/lines/3/unit_cost",
                "/occurred_at",
                "/source/kind",
            ]
        );
        answer.refused(422, "validation_failed");
        let foreign = json!({"store_code": "QN-HOSP", "source": {"kind": "supplier"}, "lines": [masks("A", "2027-01-01", 1)]});
        app.post("keeper.depot", "/receipts", foreign).refused(403, "store_out_of_scope");
    });
}

#[test]
fn business_time_may_run_ten_minutes_ahead_and_no_more() {
    TestApp::each(|app| {
        let at = |time: &str| {
            json!({"store_code": "QN-DEPOT", "occurred_at": time, "source": {"kind": "opening"},
            "lines": [masks("A", "2027-01-01", 1)]})
        };
        app.post("keeper.depot", "/receipts", at("2026-03-02T10:10:00+08:00")).expect(201);
        let ahead = app.post("keeper.depot", "/receipts", at("2026-03-02T02:10:00.000001Z"));
        assert_eq!(ahead.pointers(), ["/occurred_at"]);
    });
}

#[test]
fn a_late_outflow_is_refused_only_where_a_balance_would_fall_below_zero() {
    TestApp::each(|app| {
        let at = |kind: &str, time: &str, units: i64| {
            let lines = match kind {
                "receipts" => json!([masks("A", "2027-01-01", units)]),
                _ => json!([{"item_code": "M02", "quantity": units}]),
            };
            let mut body = json!({"store_code": "QN-DEPOT", "occurred_at": time, "lines": lines});
            if kind == "receipts" {
                body["source"] = json!({"kind": "supplier"});
            } else {
                body["purpose"] = json!("consumption");
            }
            app.post("keeper.depot", &format!("/{kind}"), body)
        };
        at("receipts", "2026-02-20T02:00:00Z", 100).expect(201);
        at("issues", "2026-02-25T02:00:00Z", 60).expect(201);
        at("receipts", "2026-02-25T03:00:00Z", 500).expect(201);
        // Between the issue and the receipt of the 25th the store held 40.
        let problem = at("issues", "2026-02-22T02:00:00Z", 41).refused(409, "late_entry");
        assert_eq!(
            (&problem["day"], &problem["missing"], &problem["most"]),
            (&json!("2026-02-25"), &json!(1), &json!(40))
        );
        // Nothing was there before the first receipt.
        let problem = at("issues", "2026-02-19T02:00:00Z", 7).refused(409, "late_entry");
        assert_eq!(
            (&problem["day"], &problem["missing"], &problem["most"]),
            (&json!("2026-02-19"), &json!(7), &json!(0))
        );
        at("issues", "2026-02-22T02:00:00Z", 40).expect(201);
        at("issues", "2026-02-25T02:30:00Z", 1).refused(409, "late_entry");
        at("issues", "2026-02-25T03:00:00Z", 500).expect(201);
        assert_eq!(depot_row(app)["on_hand"], Value::Null, "all of it has left");
        is_clean(app);
    });
}

#[test]
fn a_lot_number_that_the_book_knows_otherwise_is_a_conflict() {
    TestApp::each(|app| {
        receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2027-01-01", 100));
        let body = json!({"store_code": "QN-HOSP", "source": {"kind": "donor"}, "lines": [masks("A", "2027-02-01", 1)]});
        let problem = app.post("keeper.hospital", "/receipts", body).refused(409, "lot_conflict");
        assert_eq!(problem["expires_on"], "2027-01-01");
        let same = masks("A", "2027-01-01", 50);
        let receipt = receive(app, "keeper.hospital", "QN-HOSP", same);
        let lots = app.get("auditor", "/lots?item=M02&lot_number=A").expect(200);
        assert_eq!(
            lots["rows"].as_array().unwrap().len(),
            1,
            "the same provenance is the same lot"
        );
        assert_eq!(lots["rows"][0]["id"], receipt["lines"][0]["lot_id"]);
    });
}

#[test]
fn an_unknown_expiry_waits_for_inspection_and_a_bare_label_gets_a_house_number() {
    TestApp::each(|app| {
        let line = json!({"item_code": "M02", "expiry_unknown": true, "quantity": 40, "delivered": 45, "rejected": 5, "reject_reason": "湿损"});
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", line);
        let line = &receipt["lines"][0];
        assert_eq!(
            (&line["lot_number"], &line["state"]),
            (&json!("QN-DEPOT-2600001"), &json!("pending_inspection"))
        );
        issue(app, 1).refused(409, "insufficient_stock");
        let row = depot_row(app);
        assert_eq!(
            (&row["on_hand"], &row["blocked"], &row["available"]),
            (&json!(40), &json!(40), &json!(0))
        );
        let free = json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": line["lot_id"], "from_state": "pending_inspection",
            "to_state": "available", "quantity": 40, "reason_code": "inspected"}]});
        app.post("keeper.depot", "/state-changes", free).refused(409, "lot_blocked");
    });
}

#[test]
fn a_scanned_label_fills_item_lot_and_expiry() {
    TestApp::each(|app| {
        let line = json!({"gs1": "]d20106901234567892172801311026A\u{1d}211", "quantity": 10});
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", line);
        let line = &receipt["lines"][0];
        assert_eq!(
            (&line["item_code"], &line["lot_number"], &line["expires_on"]),
            (&json!("M02"), &json!("26A"), &json!("2028-01-31"))
        );
    });
}

#[test]
fn stock_for_others_and_for_a_purpose_is_passed_over_unless_it_is_for_them() {
    TestApp::each(|app| {
        let mut gift = masks("GIFT", "2026-06-01", 100);
        gift["earmarked_for"] = json!("发热门诊");
        gift["donor"] = json!("爱心企业");
        receive(app, "keeper.depot", "QN-DEPOT", gift);
        let mut owned = masks("CITY", "2026-07-01", 100);
        owned["owner_code"] = json!("GZ-CITY");
        receive(app, "keeper.depot", "QN-DEPOT", owned);
        receive(app, "keeper.depot", "QN-DEPOT", masks("OWN", "2027-01-01", 100));
        let issued = issue(app, 10).expect(201);
        let passed: Vec<&str> = issued["lines"][0]["passed_over"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["reason"].as_str().unwrap())
            .collect();
        assert_eq!(passed, ["earmarked", "owned_by_others"]);
        assert_eq!(issued["lines"][0]["lots"][0]["lot_number"], "OWN");
        let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
            "lines": [{"item_code": "M02", "quantity": 10, "earmarked_for": "发热门诊"}]});
        let issued = app.post("keeper.depot", "/issues", body).expect(201);
        assert_eq!(issued["lines"][0]["lots"][0]["lot_number"], "GIFT");
    });
}

#[test]
fn a_small_write_off_is_posted_at_once_and_a_large_one_waits_for_another() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", masks("OLD", "2026-03-01", 1000));
        let lot = receipt["lines"][0]["lot_id"].clone();
        let body = |units: i64| json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": lot, "quantity": units, "reason_code": "expired"}]});
        assert_eq!(
            app.post("keeper.depot", "/write-offs", body(100)).expect(201)["status"],
            "posted"
        );
        let large = app.post("keeper.depot", "/write-offs", body(101));
        let tag = large.etag();
        let large = large.expect(201);
        assert_eq!(
            (&large["status"], large["movements"].as_array().unwrap().len()),
            (&json!("draft"), 0)
        );
        assert_eq!(depot_row(app)["on_hand"], 900);
        let path = format!("/write-offs/{}/approve", large["id"].as_str().unwrap());
        app.act("keeper.depot", &path, &tag, json!({})).refused(403, "forbidden");
        app.storing("POST", "commander", &path)
            .json(json!({}))
            .send()
            .refused(428, "precondition_required");
        let posted = app.act("commander", &path, &tag, json!({"note": "同意"})).expect(200);
        assert_eq!(
            (&posted["status"], &posted["approved_by"]),
            (&json!("posted"), &json!("commander"))
        );
        app.act("deputy", &path, "*", json!({})).refused(409, "wrong_status");
        assert_eq!(depot_row(app)["on_hand"], 799);
        let unknown = json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": "x", "quantity": 1, "reason_code": "boredom"}]});
        assert_eq!(
            app.post("keeper.depot", "/write-offs", unknown).pointers(),
            ["/lines/0/lot_id", "/lines/0/reason_code"]
        );
        is_clean(app);
    });
}

#[test]
fn an_adjustment_brings_the_book_to_what_is_there() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2027-01-01", 100));
        let lot = receipt["lines"][0]["lot_id"].clone();
        let change = |by: i64| json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": lot, "quantity_change": by, "reason_code": "miscounted"}]});
        app.post("keeper.depot", "/adjustments", change(7)).expect(201);
        app.post("keeper.depot", "/adjustments", change(-10)).expect(201);
        assert_eq!(depot_row(app)["on_hand"], 97);
        let problem = app
            .post("keeper.depot", "/adjustments", change(-98))
            .refused(409, "insufficient_stock");
        assert_eq!(problem["available"], 97);
        assert_eq!(
            app.post("keeper.depot", "/adjustments", change(0)).pointers(),
            ["/lines/0/quantity_change"]
        );
        is_clean(app);
    });
}

#[test]
fn held_stock_is_blocked_until_it_is_released() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2027-01-01", 100));
        let lot = receipt["lines"][0]["lot_id"].clone();
        let change = |from: &str, to: &str| json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": lot, "from_state": from, "to_state": to, "quantity": 60, "reason_code": "quality"}]});
        app.post("keeper.depot", "/state-changes", change("available", "held")).expect(201);
        let row = depot_row(app);
        assert_eq!(
            (&row["on_hand"], &row["blocked"], &row["available"]),
            (&json!(100), &json!(60), &json!(40))
        );
        let problem = issue(app, 41).refused(409, "insufficient_stock");
        assert_eq!(problem["available"], 40);
        app.post("keeper.depot", "/state-changes", change("held", "available")).expect(201);
        issue(app, 100).expect(201);
        is_clean(app);
    });
}

#[test]
fn a_reversal_restores_and_never_takes_back_more_than_was_posted() {
    TestApp::each(|app| {
        receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2027-01-01", 100));
        let issued = issue(app, 60).expect(201);
        let movement = issued["movements"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/movements/{movement}/reversals");
        let back = |units: Option<i64>| {
            app.post(
                "keeper.depot",
                &path,
                json!({"quantity": units, "reason_code": "entered_twice"}),
            )
        };
        back(Some(20)).expect(201);
        let problem = back(Some(41)).refused(409, "already_reversed");
        assert_eq!(problem["left"], 40);
        back(None).expect(201);
        back(None).refused(409, "already_reversed");
        assert_eq!(depot_row(app)["on_hand"], 100);
        let read = app
            .get("keeper.depot", &format!("/issues/{}", issued["id"].as_str().unwrap()))
            .expect(200);
        assert_eq!(read["movements"][0]["reversed"], 60);
        assert_eq!(read["movements"][0]["reversed_by"].as_array().unwrap().len(), 2);
        app.post("keeper.town", &path, json!({"reason_code": "other"})).refused(404, "not_found");
        is_clean(app);
    });
}

#[test]
fn a_receipt_is_reversed_whole_unless_its_goods_have_gone_on() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2027-01-01", 100));
        let path = format!("/receipts/{}/reversal", receipt["id"].as_str().unwrap());
        let reverse = || app.post("keeper.depot", &path, json!({"reason_code": "wrong_item"}));
        let issued = issue(app, 1).expect(201);
        reverse().refused(409, "insufficient_stock");
        let back = format!("/issues/{}/reversal", issued["id"].as_str().unwrap());
        app.post("keeper.depot", &back, json!({"reason_code": "entered_twice"})).expect(201);
        reverse().expect(201);
        reverse().refused(409, "already_reversed");
        assert_eq!(app.get("keeper.depot", "/stock?store=QN-DEPOT").expect(200)["rows"], json!([]));
        is_clean(app);
    });
}

#[test]
fn a_recall_blocks_a_makers_lot_in_all_stores_at_once() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", masks("BAD", "2027-01-01", 100));
        receive(app, "keeper.hospital", "QN-HOSP", masks("BAD", "2027-01-01", 30));
        let makers_lot = receipt["lines"][0]["makers_lot_id"].as_str().unwrap();
        let path = format!("/makers-lots/{makers_lot}");
        let tag = app.get("commander", &path).etag();
        let recall = format!("{path}/recall");
        app.act("keeper.depot", &recall, &tag, json!({"reason": "x"})).refused(403, "forbidden");
        let told =
            app.act("commander", &recall, &tag, json!({"reason": "国家药监局召回"})).expect(200);
        let stores: Vec<&str> = told["stock"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["store_code"].as_str().unwrap())
            .collect();
        assert_eq!(stores, ["QN-DEPOT", "QN-HOSP"]);
        issue(app, 1).refused(409, "insufficient_stock");
        let row = app.get("keeper.hospital", "/stock?item=M02").expect(200)["rows"][0].clone();
        assert_eq!((&row["blocked_because"], &row["available"]), (&json!("recalled"), &json!(0)));
        app.act("commander", &recall, "*", json!({"reason": "again"})).refused(409, "wrong_status");
        let trace = app
            .get("keeper.hospital", &format!("/lots/{}/trace", row["lot_id"].as_str().unwrap()))
            .expect(200);
        assert_eq!(
            trace["movements"].as_array().unwrap().len(),
            1,
            "only the own store's movements"
        );
    });
}

#[test]
fn an_estimated_cost_is_settled_once() {
    TestApp::each(|app| {
        let mut line = masks("A", "2027-01-01", 100);
        line["unit_cost"] = json!("0.80");
        line["cost_is_estimated"] = json!(true);
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", line);
        let path = format!("/receipts/{}/cost", receipt["id"].as_str().unwrap());
        let settle = || {
            app.act(
                "keeper.depot",
                &path,
                "*",
                json!({"lines": [{"line": 1, "unit_cost": "0.9250"}]}),
            )
        };
        assert_eq!(settle().expect(200)["lots"][0]["unit_cost"], "0.925");
        settle().refused(409, "wrong_status");
        let wrong =
            app.act("keeper.depot", &path, "*", json!({"lines": [{"line": 2, "unit_cost": "-1"}]}));
        assert_eq!(wrong.pointers(), ["/lines/0/line", "/lines/0/unit_cost"]);
    });
}

#[test]
fn sixty_four_clients_racing_for_a_hundred_pieces_never_get_more() {
    TestApp::each(|app| {
        receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2027-01-01", 60));
        receive(app, "keeper.depot", "QN-DEPOT", masks("B", "2027-02-01", 40));
        let taken: i64 = std::thread::scope(|threads| {
            let running: Vec<_> = (0..64)
                .map(|client| {
                    threads.spawn(move || {
                        let units = [1, 3, 7][client % 3];
                        let mut got = 0;
                        for _ in 0..4 {
                            let answer = issue(app, units);
                            match answer.status {
                                201 => got += units,
                                _ => {
                                    let problem = answer.refused(409, "insufficient_stock");
                                    let left = problem["available"].as_i64().unwrap();
                                    assert!((0..units).contains(&left), "the true remainder");
                                }
                            }
                        }
                        got
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let left = depot_row(app)["on_hand"].as_i64().unwrap_or(0);
        assert_eq!(taken + left, 100);
        assert_eq!(left, 0, "single pieces were asked for until nothing was left");
        is_clean(app);
    });
}

#[test]
fn the_same_receipt_sent_ten_times_at_once_is_received_once() {
    TestApp::each(|app| {
        let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"},
            "lines": [masks("A", "2027-01-01", 100)]});
        let send = || {
            app.storing("POST", "keeper.depot", "/receipts").key("once").json(body.clone()).send()
        };
        let answers: Vec<Answer> = std::thread::scope(|threads| {
            let running: Vec<_> = (0..10).map(|_| threads.spawn(send)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|one| one.status == 201 && one.text == answers[0].text));
        assert_eq!(send().header("idempotency-replayed"), Some("true"));
        assert_eq!(depot_row(app)["on_hand"], 100);
        is_clean(app);
    });
}

#[test]
fn eight_first_receipts_of_one_lot_at_once_all_count() {
    TestApp::each(|app| {
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    receive(app, "keeper.depot", "QN-DEPOT", masks("A", "2027-01-01", 5))
                });
            }
        });
        assert_eq!(depot_row(app)["on_hand"], 40);
        let receipts = app.get("keeper.depot", "/receipts?limit=100").expect(200);
        let mut numbers: Vec<String> = receipts["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["number"].as_str().unwrap().to_owned())
            .collect();
        numbers.sort();
        let expected: Vec<String> = (1..=8).map(|n| format!("RK-QN-DEPOT-2026-{n:06}")).collect();
        assert_eq!(numbers, expected);
        is_clean(app);
    });
}

#[test]
fn stock_and_movements_page_stably_and_stay_in_scope() {
    TestApp::each(|app| {
        for (lot, units) in [("A", 1), ("B", 2), ("C", 3)] {
            receive(app, "keeper.depot", "QN-DEPOT", masks(lot, "2027-01-01", units));
            receive(app, "keeper.hospital", "QN-HOSP", masks(lot, "2027-01-01", units * 10));
        }
        for list in ["/stock?", "/movements?", "/lots?", "/receipts?"] {
            let whole = app.get("auditor", list).expect(200)["rows"].clone();
            let mut paged = Vec::new();
            let mut path = format!("{list}limit=1");
            loop {
                let page = app.get("auditor", &path).expect(200);
                paged.extend(page["rows"].as_array().unwrap().iter().cloned());
                match page["next_cursor"].as_str() {
                    Some(cursor) => path = format!("{list}limit=1&cursor={cursor}"),
                    None => break,
                }
            }
            assert_eq!(json!(paged), whole, "{list}");
        }
        let own = app.get("keeper.hospital", "/movements").expect(200);
        assert!(own["rows"].as_array().unwrap().iter().all(|row| row["store_code"] == "QN-HOSP"));
        assert_eq!(
            app.get("keeper.hospital", "/stock?store=QN-DEPOT").expect(200)["rows"],
            json!([])
        );
        let by_item = app.get("auditor", "/stock?group_by=item").expect(200);
        assert_eq!(by_item["rows"][0]["on_hand"], 66);
        assert_eq!(app.get("foreign.commander", "/stock").expect(200)["rows"], json!([]));
    });
}
