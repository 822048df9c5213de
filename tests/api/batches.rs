//! Batches: many commands in one request, each with its own answer.

use crate::support::TestApp;
use serde_json::{Value, json};

/// A command of a batch, whose key is its name.
fn command(client_id: &str, word: &str, body: Value) -> Value {
    json!({"client_id": client_id, "idempotency_key": format!("k-{client_id}"),
           "command": word, "body": body})
}

fn with(mut command: Value, name: &str, value: Value) -> Value {
    command[name] = value;
    command
}

fn receipt(store: &str, lot: &str, quantity: i64) -> Value {
    json!({"store_code": store, "source": {"kind": "supplier"},
           "lines": [{"item_code": "M02", "lot_number": lot, "expires_on": "2028-01-01",
                      "quantity": quantity}]})
}

fn issue(store: &str, lot: &str, quantity: i64) -> Value {
    json!({"store_code": store, "purpose": "consumption",
           "lines": [{"item_code": "M02", "lot_number": lot, "quantity": quantity}]})
}

fn send(app: &TestApp, user: &str, commands: &[Value]) -> Vec<Value> {
    // Without an Idempotency-Key: the commands have their own.
    let answer = app
        .request("POST", "/api/v1/batches")
        .by(user)
        .header("accept-language", "en")
        .json(json!({ "commands": commands }))
        .send()
        .expect(200);
    answer["results"].as_array().unwrap().clone()
}

fn outcomes(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["outcome"].as_str().unwrap()).collect()
}

fn on_hand(app: &TestApp, store: &str, item: &str) -> i64 {
    let stock = app.get("auditor", &format!("/stock?store={store}&item={item}")).expect(200);
    stock["rows"].as_array().unwrap().iter().filter_map(|row| row["on_hand"].as_i64()).sum()
}

#[test]
fn every_command_is_answered_and_a_refused_one_does_not_stop_the_others() {
    TestApp::each(|app| {
        let results = send(
            app,
            "keeper.town",
            &[
                command("a", "post_receipt", receipt("QN-TOWN", "L1", 100)),
                command("b", "post_issue", issue("QN-TOWN", "L1", 400)),
                command("c", "post_issue", issue("QN-TOWN", "L1", 30)),
                command("d", "post_receipt", receipt("QN-DEPOT", "L1", 5)),
                command("e", "approve_dispatch", json!({})),
                with(command("f", "approve_write_off", json!({})), "target", json!("x")),
                command("g", "post_anything", json!({})),
                command("h", "post_receipt", json!({"store_code": "QN-TOWN", "lines": 7})),
                command("a", "post_receipt", receipt("QN-TOWN", "L1", 1)),
                json!({"client_id": "i", "command": "post_receipt", "body": {}}),
                json!("no command at all"),
                with(
                    command("j", "reverse_issue", json!({"reason_code": "entered_twice"})),
                    "target_client_id",
                    json!("c"),
                ),
                with(
                    command("l", "reverse_issue", json!({"reason_code": "entered_twice"})),
                    "target_client_id",
                    json!("b"),
                ),
            ],
        );
        let told: Vec<(Option<&str>, &str, Option<&str>)> = results
            .iter()
            .map(|result| {
                (
                    result["client_id"].as_str(),
                    result["outcome"].as_str().unwrap(),
                    result["problem"]["code"].as_str(),
                )
            })
            .collect();
        let expected = [
            (Some("a"), "applied", None),
            (Some("b"), "refused", Some("insufficient_stock")),
            (Some("c"), "applied", None),
            (Some("d"), "refused", Some("store_out_of_scope")),
            (Some("e"), "refused", Some("validation_failed")),
            (Some("f"), "refused", Some("forbidden")),
            (Some("g"), "refused", Some("validation_failed")),
            (Some("h"), "refused", Some("malformed_request")),
            (Some("a"), "refused", Some("validation_failed")),
            (Some("i"), "refused", Some("malformed_request")),
            (None, "refused", Some("malformed_request")),
            (Some("j"), "applied", None),
            (Some("l"), "refused", Some("validation_failed")),
        ];
        assert_eq!(told, expected);
        assert_eq!(results[1]["problem"]["available"], 100);
        assert_eq!(results[1]["problem"]["instance"], "/api/v1/issues");
        assert_eq!(results[7]["problem"]["errors"][0]["pointer"], "/lines");
        assert_eq!(on_hand(app, "QN-TOWN", "M02"), 100);
        assert_eq!(on_hand(app, "QN-DEPOT", "M02"), 0);
        // What stands there now is what single requests would have made.
        let location = results[0]["location"].as_str().unwrap().trim_start_matches("/api/v1");
        let read = app.get("keeper.town", location).expect(200);
        assert_eq!(read["number"], results[0]["document"]["number"]);
    });
}

#[test]
fn a_batch_sent_again_changes_nothing_and_answers_the_same() {
    TestApp::each(|app| {
        let commands: Vec<Value> = (0..1_000)
            .map(|at| {
                let body = receipt("QN-TOWN", &format!("L{}", at % 7), 1 + at % 3);
                command(&format!("r{at}"), "post_receipt", body)
            })
            .collect();
        let first = send(app, "keeper.town", &commands);
        let total = on_hand(app, "QN-TOWN", "M02");
        assert!(outcomes(&first).iter().all(|outcome| *outcome == "applied"));
        let again = send(app, "keeper.town", &commands);
        assert!(outcomes(&again).iter().all(|outcome| *outcome == "duplicate"));
        for (one, other) in first.iter().zip(&again) {
            assert_eq!(one["document"], other["document"]);
        }
        assert_eq!(on_hand(app, "QN-TOWN", "M02"), total);
        let report = app.app.read(changbei::stock::verify::verify).unwrap();
        assert!(report.is_clean(), "{:?}", report.differences);
    });
}

#[test]
fn a_key_has_one_effect_whether_it_is_sent_alone_or_in_a_batch() {
    TestApp::each(|app| {
        let body = receipt("QN-TOWN", "L1", 10);
        let alone = |key: &str, body: &Value| {
            app.storing("POST", "keeper.town", "/receipts").key(key).json(body.clone()).send()
        };
        let first = alone("k-1", &body).expect(201);
        let results = send(
            app,
            "keeper.town",
            &[
                command("1", "post_receipt", body.clone()),
                command("2", "post_receipt", body.clone()),
                with(command("3", "post_receipt", body.clone()), "idempotency_key", json!("k-2")),
                with(
                    command("4", "post_receipt", receipt("QN-TOWN", "L1", 11)),
                    "idempotency_key",
                    json!("k-2"),
                ),
            ],
        );
        assert_eq!(outcomes(&results), ["duplicate", "applied", "duplicate", "refused"]);
        assert_eq!(results[0]["document"]["id"], first["id"]);
        assert_eq!(results[3]["problem"]["code"], "idempotency_key_reused");
        let replay = alone("k-2", &body);
        assert_eq!(replay.header("idempotency-replayed"), Some("true"));
        assert_eq!(replay.expect(201)["id"], results[1]["document"]["id"]);
        assert_eq!(on_hand(app, "QN-TOWN", "M02"), 20);
    });
}

#[test]
fn the_same_batch_sent_by_many_at_once_has_one_effect() {
    TestApp::each(|app| {
        let commands: Vec<Value> = (0..60)
            .map(|at| command(&format!("s{at}"), "post_receipt", receipt("QN-TOWN", "L1", 1)))
            .collect();
        let all: Vec<Vec<Value>> = std::thread::scope(|scope| {
            let senders: Vec<_> =
                (0..4).map(|_| scope.spawn(|| send(app, "keeper.town", &commands))).collect();
            senders.into_iter().map(|sender| sender.join().unwrap()).collect()
        });
        for at in 0..commands.len() {
            let applied = all.iter().filter(|results| results[at]["outcome"] == "applied").count();
            assert_eq!(applied, 1, "command {at}");
        }
        assert_eq!(on_hand(app, "QN-TOWN", "M02"), 60);
    });
}

#[test]
fn a_dispatch_goes_all_its_way_by_lot_numbers_alone() {
    TestApp::each(|app| {
        let sent = send(
            app,
            "keeper.depot",
            &[
                command("in", "post_receipt", receipt("QN-DEPOT", "D1", 300)),
                command("in2", "post_receipt", receipt("QN-DEPOT", "D2", 300)),
                command(
                    "ask",
                    "create_dispatch",
                    json!({"from_store": "QN-DEPOT",
                    "to_store": "QN-TOWN",
                    "lines": [{"item_code": "M02", "quantity": 200, "lot_number": "D1"}]}),
                ),
            ],
        );
        assert_eq!(outcomes(&sent), ["applied"; 3], "{sent:?}");
        let number = sent[2]["document"]["number"].clone();
        let on = |command: Value, tag: &str| {
            with(with(command, "target", number.clone()), "if_match", json!(tag))
        };
        let granted =
            send(app, "commander", &[on(command("yes", "approve_dispatch", json!({})), "\"v1\"")]);
        assert_eq!(outcomes(&granted), ["applied"], "{granted:?}");
        let stale = send(
            app,
            "commander",
            &[on(command("no", "cancel_dispatch", json!({"reason": "x"})), "\"v1\"")],
        );
        assert_eq!(stale[0]["problem"]["code"], "stale_version");
        let gone = send(
            app,
            "keeper.depot",
            &[
                on(
                    command(
                        "pick",
                        "pick_dispatch",
                        json!({"lines": [{"line": 1,
                        "lots": [{"lot_number": "D2", "quantity": 150}, {"lot_number": "D1", "quantity": 50}],
                        "reason_code": "other"}]}),
                    ),
                    "\"v2\"",
                ),
                on(
                    command(
                        "ship",
                        "ship_dispatch",
                        json!({"expected_at": "2026-03-03T00:00:00Z",
                        "lines": [{"line": 1, "lots": [{"lot_number": "D2", "quantity": 150}]}],
                        "last": true}),
                    ),
                    "*",
                ),
            ],
        );
        assert_eq!(outcomes(&gone), ["applied"; 2], "{gone:?}");
        let came = send(
            app,
            "keeper.town",
            &[
                on(
                    command(
                        "sign?",
                        "receive_dispatch",
                        json!({"received_by": "王",
                        "lines": [{"line": 1, "lot_number": "D1", "received": 150}]}),
                    ),
                    "*",
                ),
                on(
                    command(
                        "sign",
                        "receive_dispatch",
                        json!({"received_by": "王",
                        "lines": [{"line": 1, "lot_number": "D2", "received": 140, "lost": 10,
                                   "reason_code": "lost_in_transit"}]}),
                    ),
                    "*",
                ),
                on(command("close", "close_dispatch", json!({})), "*"),
            ],
        );
        assert_eq!(outcomes(&came), ["refused", "applied", "applied"], "{came:?}");
        assert_eq!(came[0]["problem"]["errors"][0]["pointer"], "/lines/0/lot_number");
        assert_eq!(came[2]["document"]["status"], "closed");
        assert_eq!(on_hand(app, "QN-TOWN", "M02"), 140);
    });
}

#[test]
fn corrections_name_lots_by_number_and_are_told_the_candidates_where_that_is_not_enough() {
    TestApp::each(|app| {
        let from = |name: &str, store: &str| {
            let mut body = receipt(store, "L1", 100);
            body["source"]["name"] = json!(name);
            body
        };
        app.post("keeper.town", "/receipts", from("甲", "QN-TOWN")).expect(201);
        // Another provenance, so another lot of the same maker's lot; it lies at the depot.
        app.post("keeper.depot", "/receipts", from("乙", "QN-DEPOT")).expect(201);
        let numbered =
            |name: &str| json!({"item_code": "M02", "lot_number": "L1", "reason_code": name});
        let mut adjusted = numbered("miscounted");
        adjusted["quantity_change"] = json!(-3);
        let mut written_off = numbered("damaged");
        written_off["quantity"] = json!(2);
        let mut held = written_off.clone();
        held["from_state"] = json!("available");
        held["to_state"] = json!("held");
        let town = |line: &Value| json!({"store_code": "QN-TOWN", "lines": [line]});
        app.post("keeper.town", "/adjustments", town(&adjusted)).expect(201);
        app.post("keeper.town", "/write-offs", town(&written_off)).expect(201);
        app.post("keeper.town", "/state-changes", town(&held)).expect(201);
        assert_eq!(on_hand(app, "QN-TOWN", "M02"), 95);
        app.post("keeper.town", "/receipts", from("乙", "QN-TOWN")).expect(201);
        let refused = app.post("keeper.town", "/adjustments", town(&adjusted));
        let problem = refused.clone().refused(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/lines/0/lot_number"]);
        assert_eq!(problem["errors"][0]["code"], "ambiguous");
        let names: Vec<&str> = problem["candidates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|candidate| candidate["source_name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["甲", "乙"]);
        // One of them by id.
        adjusted.as_object_mut().unwrap().remove("lot_number");
        adjusted["lot_id"] = problem["candidates"][1]["lot_id"].clone();
        app.post("keeper.town", "/adjustments", town(&adjusted)).expect(201);
        for (line, pointer) in [
            (json!({"quantity_change": 1, "reason_code": "found"}), "/lines/0/lot_id"),
            (
                json!({"quantity_change": 1, "reason_code": "found", "lot_number": "L1"}),
                "/lines/0/item_code",
            ),
            (
                json!({"quantity_change": 1, "reason_code": "found", "item_code": "M02", "lot_number": "L9"}),
                "/lines/0/lot_number",
            ),
        ] {
            assert_eq!(app.post("keeper.town", "/adjustments", town(&line)).pointers(), [pointer]);
        }
    });
}

#[test]
fn maker_s_lots_are_recalled_and_corrected_in_a_batch_by_what_their_labels_say() {
    TestApp::each(|app| {
        for lot in ["L1", "L2", "L3"] {
            app.post("keeper.town", "/receipts", receipt("QN-TOWN", lot, 10)).expect(201);
        }
        let on = |name: &str, word: &str, target: &str, body: Value| {
            let command = with(command(name, word, body), "target", json!(target));
            with(command, "if_match", json!("*"))
        };
        let commands = [
            on("a", "recall_makers_lot", "M02:L1", json!({"reason": "召回"})),
            on(
                "b",
                "set_makers_lot_expiry",
                "M02:L2",
                json!({"expires_on": "2027-12-01", "because": "typing_error",
                       "reason_code": "wrong_lot"}),
            ),
            on(
                "c",
                "correct_makers_lot",
                "M02:L3",
                json!({"lot_number": "L4", "reason_code": "wrong_lot"}),
            ),
            on("d", "recall_makers_lot", "M02:L9", json!({"reason": "召回"})),
        ];
        let results = send(app, "commander", &commands);
        assert_eq!(outcomes(&results), ["applied", "applied", "applied", "refused"], "{results:?}");
        assert_eq!(outcomes(&send(app, "commander", &commands))[..3], ["duplicate"; 3]);
        let stock = app.get("auditor", "/stock?store=QN-TOWN&item=M02").expect(200);
        let row = |lot: &str| {
            let rows = stock["rows"].as_array().unwrap();
            rows.iter().find(|row| row["lot_number"] == lot).cloned().unwrap_or_default()
        };
        assert_eq!(row("L1")["blocked_because"], "recalled");
        assert_eq!(row("L2")["expires_on"], "2027-12-01");
        assert_eq!((&row("L3"), &row("L4")["on_hand"]), (&Value::Null, &json!(10)));

        // A fact that the book could not cover is matched by hand.
        let mut fact = issue("QN-TOWN", "L4", 15);
        fact["after_the_fact"] = json!(true);
        fact["slip_number"] = json!("0031");
        let issued = send(app, "keeper.town", &[command("e", "post_issue", fact)]);
        assert_eq!(outcomes(&issued), ["applied"]);
        let open = app.get("keeper.town", "/unmatched?open=true").expect(200)["rows"][0].clone();
        let id = open["id"].as_str().unwrap();
        let matching = with(command("f", "match_unmatched", json!({})), "target", json!(id));
        let matched = send(app, "keeper.town", &[matching]);
        assert_eq!(outcomes(&matched), ["applied"], "{matched:?}");
        let left = app.get("keeper.town", "/unmatched?open=true").expect(200);
        assert_eq!(left["rows"], json!([]));
    });
}

#[test]
fn a_batch_as_a_whole_is_refused_only_for_what_concerns_the_whole() {
    TestApp::each(|app| {
        let post = |user: &str, body: Value| app.post(user, "/batches", body);
        post("auditor", json!({"commands": []})).refused(403, "forbidden");
        post("keeper.town", json!({"commands": []})).refused(422, "validation_failed");
        post("keeper.town", json!({"orders": []})).refused(400, "malformed_request");
        let many: Vec<Value> = (0..1_001).map(|_| json!({})).collect();
        post("keeper.town", json!({"commands": many})).refused(422, "validation_failed");
        let trail = app.get("auditor", "/audit?outcome=refused").expect(200);
        assert_eq!(trail["rows"].as_array().unwrap().len(), 4);
        // A batch may be larger than a single request.
        let note = "x".repeat(1_000);
        let commands: Vec<Value> = (0..900)
            .map(|at| {
                let mut body = receipt("QN-TOWN", "L1", 1);
                body["note"] = json!(note);
                body["lines"][0]["donor"] = json!("y".repeat(100));
                command(&format!("n{at}"), "post_receipt", body)
            })
            .collect();
        assert!(json!(commands).to_string().len() > 1 << 20);
        assert_eq!(outcomes(&send(app, "keeper.town", &commands)), ["applied"; 900]);
    });
}

#[test]
fn every_refused_command_of_a_batch_is_on_the_audit_trail() {
    TestApp::each(|app| {
        send(
            app,
            "keeper.town",
            &[
                command("a", "post_issue", issue("QN-TOWN", "L1", 1)),
                command("b", "post_receipt", receipt("QN-TOWN", "L1", 1)),
                command("c", "approve_dispatch", json!({})),
            ],
        );
        let rows = app.get("auditor", "/audit?actor=keeper.town").expect(200)["rows"].clone();
        let told: Vec<(&str, &str)> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["action"].as_str().unwrap(), row["outcome"].as_str().unwrap()))
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.contains(&("issues.post", "refused")));
        assert!(told.contains(&("receipts.post", "done")));
        assert!(told.contains(&("batches.send", "refused")));
    });
}
