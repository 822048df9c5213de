//! Stocktakes over HTTP: blind counts in rounds, what moved meanwhile, approval, marks, accuracy.

use crate::dispatch::Dispatch;
use crate::support::stock::held;
use crate::support::{Answer, TestApp, databases};
use changbei::config::Settings;
use changbei::kernel::{Instant, Money, Quantity};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};

const DEPOT: &str = "keeper.depot";

/// Receives masks of a lot at the depot now; the lot's id.
fn receive(app: &TestApp, lot: &str, quantity: i64) -> String {
    let line = json!({"item_code": "M02", "lot_number": lot, "maker": "稳健",
        "expires_on": "2027-01-01", "quantity": quantity, "unit_cost": "0.50"});
    let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"}, "lines": [line]});
    let receipt = app.post(DEPOT, "/receipts", body).expect(201);
    receipt["lines"][0]["lot_id"].as_str().unwrap().to_owned()
}

fn issue(app: &TestApp, lot: &str, quantity: i64) -> Answer {
    let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
        "lines": [{"item_code": "M02", "quantity": quantity, "lot_id": lot}]});
    app.post(DEPOT, "/issues", body)
}

fn begin(app: &TestApp, more: Value) -> Value {
    let mut body = json!({"store_code": "QN-DEPOT"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(DEPOT, "/stocktakes", body).expect(201)
}

fn path(stocktake: &Value, action: &str) -> String {
    format!("/stocktakes/{}{action}", stocktake["id"].as_str().unwrap())
}

fn count(app: &TestApp, stocktake: &Value, round: i64, by: &str, counts: Value) -> Answer {
    let body =
        json!({"round": round, "counted_by": by, "witnessed_by": "见证人", "counts": counts});
    app.post(DEPOT, &path(stocktake, "/counts"), body)
}

fn act(app: &TestApp, user: &str, stocktake: &Value, action: &str, body: Value) -> Answer {
    app.act(user, &path(stocktake, action), "*", body)
}

fn post(app: &TestApp, stocktake: &Value) -> Answer {
    act(app, DEPOT, stocktake, "/post", json!({}))
}

fn explain(app: &TestApp, stocktake: &Value, line: i64, reason: &str) {
    let body = json!({"lines": [{"line": line, "reason_code": reason}]});
    act(app, DEPOT, stocktake, "/reasons", body).expect(200);
}

fn variances(app: &TestApp, stocktake: &Value) -> Vec<Value> {
    let read = app.get(DEPOT, &path(stocktake, "/variances?limit=1000")).expect(200);
    read["rows"].as_array().unwrap().clone()
}

fn on_hand(app: &TestApp, lot: &str) -> i64 {
    let rows = app.get(DEPOT, "/stock?store=QN-DEPOT&group_by=lot").expect(200);
    let of_lot = rows["rows"].as_array().unwrap().iter().filter(|row| row["lot_id"] == lot);
    of_lot.map(|row| row["on_hand"].as_i64().unwrap()).sum()
}

fn is_clean(app: &TestApp) {
    let report = app.app.read(changbei::stock::verify::verify).unwrap();
    assert!(report.is_clean(), "{:?}", report.differences);
}

#[test]
fn a_blind_count_in_two_rounds_is_decided_by_a_third_person() {
    TestApp::each(|app| {
        let (a, b) = (receive(app, "A", 100), receive(app, "B", 50));
        let taken = begin(app, json!({"rounds": 2, "category": "ppe"}));
        assert_eq!(
            (&taken["number"], &taken["status"]),
            (&json!("PD-QN-DEPOT-2026-000001"), &json!("open"))
        );
        assert_eq!(
            taken["progress"],
            json!({"lines": 2, "counted": 0, "waiting": 0, "not_counted": 2, "share": "0"})
        );
        assert!(taken["figures"].is_null() && taken["needs_approval"].is_null());
        let sheet = app.get(DEPOT, &path(&taken, "/sheet")).expect(200);
        let row = &sheet["rows"][0];
        assert_eq!(
            (&row["line"], &row["lot_number"], &row["name_zh"]),
            (&json!(1), &json!("A"), &json!("医用外科口罩"))
        );
        assert!(row["book"].is_null(), "a blind sheet tells no book");

        count(
            app,
            &taken,
            1,
            "曾小兰",
            json!([{"line": 1, "pack_code": "box", "packs": 2, "loose": 0},
                                              {"line": 2, "quantity": 48}]),
        )
        .expect(201);
        let hidden = &variances(app, &taken)[1];
        assert!(
            hidden["frozen"].is_null() && hidden["counted"].is_null() && hidden["book"].is_null()
        );
        let kept = app.get(DEPOT, &path(&taken, "/counts")).expect(200);
        assert_eq!(
            (&kept["rows"][1]["hidden"], &kept["rows"][1]["quantity"]),
            (&json!(true), &Value::Null)
        );

        let same = count(app, &taken, 2, "曾小兰", json!([{"line": 1, "quantity": 100}]));
        assert_eq!(same.pointers(), ["/counted_by"], "the second count is another's");
        let second = count(
            app,
            &taken,
            2,
            "廖建平",
            json!([{"line": 1, "quantity": 100}, {"line": 2, "quantity": 47}]),
        )
        .expect(201);
        assert_eq!(
            (&second["counts"][0]["waits_for"], &second["counts"][1]["waits_for"]),
            (&Value::Null, &json!(3))
        );
        let refused = post(app, &taken).refused(409, "count_incomplete");
        assert_eq!(refused["waiting"], json!([2]));

        let unneeded = count(app, &taken, 3, "钟卫国", json!([{"line": 1, "quantity": 99}]));
        assert_eq!(unneeded.pointers(), ["/round"], "rounds one and two agree");
        let again = count(app, &taken, 3, " 廖建平", json!([{"line": 2, "quantity": 47}]));
        assert_eq!(again.pointers(), ["/counted_by"]);
        count(app, &taken, 3, "钟卫国", json!([{"line": 2, "quantity": 47}])).expect(201);
        let row = variances(app, &taken)[1].clone();
        assert_eq!(
            (&row["counted"], &row["book"], &row["difference"], &row["value"], &row["round"]),
            (&json!(47), &json!(50), &json!(-3), &json!("-1.50"), &json!(3))
        );

        let refused = post(app, &taken).refused(409, "count_incomplete");
        assert_eq!(refused["without_reason"], json!([2]));
        explain(app, &taken, 2, "lost");
        let posted = post(app, &taken).expect(200);
        assert_eq!((&posted["status"], &posted["ended_by"]), (&json!("posted"), &json!(DEPOT)));
        assert_eq!((on_hand(app, &a), on_hand(app, &b)), (100, 47));
        let moved = app.get(DEPOT, "/movements?kind=count").expect(200)["rows"].clone();
        assert_eq!(moved.as_array().unwrap().len(), 1);
        assert_eq!(
            (
                &moved[0]["to_account"],
                &moved[0]["reason_code"],
                &moved[0]["quantity"],
                &moved[0]["document"]["number"]
            ),
            (&json!("outside/count_difference"), &json!("lost"), &json!(3), &taken["number"])
        );
        is_clean(app);
    });
}

#[test]
fn movements_made_while_counting_are_named_and_do_not_distort_the_difference() {
    TestApp::each(|app| {
        let (a, b) = (receive(app, "A", 100), receive(app, "B", 80));
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({"blind": false}));
        assert_eq!(app.get(DEPOT, &path(&taken, "/sheet")).expect(200)["rows"][0]["book"], 100);
        app.set_time("2026-03-02T04:00:00Z");
        issue(app, &a, 30).expect(201);
        receive(app, "B", 20);
        app.set_time("2026-03-02T05:00:00Z");
        count(
            app,
            &taken,
            1,
            "曾小兰",
            json!([{"line": 1, "quantity": 71}, {"line": 2, "quantity": 100}]),
        )
        .expect(201);
        app.set_time("2026-03-02T06:00:00Z");
        issue(app, &a, 40).expect(201);
        issue(app, &b, 100).expect(201);
        // Found out now, and true since before the sheet was made.
        let late = json!({"store_code": "QN-DEPOT", "occurred_at": "2026-03-02T02:30:00Z",
            "source": {"kind": "donor"}, "lines": [{"item_code": "M02", "lot_number": "LATE", "maker": "稳健",
            "expires_on": "2028-01-01", "quantity": 7}]});
        app.post(DEPOT, "/receipts", late).expect(201);
        let late_a = json!({"store_code": "QN-DEPOT", "occurred_at": "2026-03-02T02:30:00Z",
            "source": {"kind": "supplier"}, "lines": [{"item_code": "M02", "lot_number": "A", "maker": "稳健",
            "expires_on": "2027-01-01", "quantity": 1, "unit_cost": "0.50"}]});
        app.post(DEPOT, "/receipts", late_a).expect(201);
        let rows = variances(app, &taken);
        let told: Vec<(&str, i64)> = rows[0]["movements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| (m["timing"].as_str().unwrap(), m["quantity_change"].as_i64().unwrap()))
            .collect();
        assert_eq!(told, [("entered_late", 1), ("before_count", -30), ("after_count", -40)]);
        assert_eq!(
            (&rows[0]["frozen"], &rows[0]["book"], &rows[0]["difference"]),
            (&json!(100), &json!(71), &json!(0))
        );
        assert_eq!((&rows[1]["book"], &rows[1]["difference"]), (&json!(100), &json!(0)));
        app.set_time("2026-03-02T07:00:00Z");
        let posted = post(app, &taken).expect(200);
        assert_eq!(posted["figures"]["line_accuracy"], "1");
        assert_eq!((on_hand(app, &a), on_hand(app, &b)), (31, 0), "later issues stand");
        is_clean(app);
    });
}

#[test]
fn goods_that_the_book_does_not_know_are_found_and_taken_up() {
    TestApp::each(|app| {
        receive(app, "A", 100);
        let taken = begin(app, json!({}));
        let found = |more: Value| {
            let mut body = json!({"item_code": "M02", "lot_number": "X7", "quantity": 20});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 100}, body]))
        };
        assert_eq!(found(json!({})).pointers(), ["/counts/1/expires_on"]);
        let kept =
            found(json!({"maker": "振德", "expires_on": "2027-05-31", "state": "quarantined"}))
                .expect(201);
        assert_eq!(kept["counts"][1]["line"], 2);
        let row = variances(app, &taken)[1].clone();
        assert_eq!(
            (
                &row["added"],
                &row["lot_id"],
                &row["lot_number"],
                &row["expires_on"],
                &row["difference"]
            ),
            (&json!(true), &Value::Null, &json!("X7"), &json!("2027-05-31"), &json!(20))
        );
        explain(app, &taken, 2, "found");
        post(app, &taken).expect(200);
        let row = variances(app, &taken)[1].clone();
        let lot = row["lot_id"].as_str().unwrap();
        let stock =
            app.get(DEPOT, "/stock?store=QN-DEPOT&state=quarantined").expect(200)["rows"].clone();
        assert_eq!((&stock[0]["lot_id"], &stock[0]["on_hand"]), (&json!(lot), &json!(20)));
        is_clean(app);
    });
}

#[test]
fn goods_counted_before_their_receipt_was_entered_are_not_taken_up_twice() {
    TestApp::each(|app| {
        let taken = begin(app, json!({}));
        assert_eq!(taken["progress"]["lines"], 0);
        count(
            app,
            &taken,
            1,
            "曾小兰",
            json!([{"item_code": "M02", "lot_number": "NEW", "maker": "稳健",
            "expires_on": "2027-01-01", "quantity": 20}]),
        )
        .expect(201);
        let lot = receive(app, "NEW", 20);
        let row = variances(app, &taken)[0].clone();
        assert_eq!((&row["lot_id"], &row["difference"]), (&json!(lot), &json!(0)));
        assert_eq!(post(app, &taken).expect(200)["figures"]["lines_exact"], 1);
        assert_eq!(on_hand(app, &lot), 20);
        // The county's book knows the label: another expiry on it is a contradiction.
        let wrong = json!([{"item_code": "M02", "lot_number": "NEW", "expires_on": "2027-02-01", "quantity": 1}]);
        let other =
            app.post("keeper.town", "/stocktakes", json!({"store_code": "QN-TOWN"})).expect(201);
        let body = json!({"witnessed_by": "见证人", "counts": wrong});
        app.post("keeper.town", &path(&other, "/counts"), body).refused(409, "lot_conflict");
        is_clean(app);
    });
}

#[test]
fn not_counted_is_not_zero() {
    TestApp::each(|app| {
        let (a, b) = (receive(app, "A", 10), receive(app, "B", 5));
        let taken = begin(app, json!({}));
        let nothing = act(app, DEPOT, &taken, "/post", json!({"not_counted": "keep"}));
        nothing.refused(409, "count_incomplete");
        let blank = count(app, &taken, 1, "曾小兰", json!([{"line": 1}]));
        assert_eq!(blank.pointers(), ["/counts/0/quantity"]);
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 0}])).expect(201);
        explain(app, &taken, 1, "lost");
        let refused = post(app, &taken).refused(409, "count_incomplete");
        assert_eq!(refused["not_counted"], json!([2]));
        let posted = act(app, DEPOT, &taken, "/post", json!({"not_counted": "keep"})).expect(200);
        assert_eq!(
            (&posted["not_counted"], &posted["figures"]["lines_not_counted"]),
            (&json!("keep"), &json!(1))
        );
        assert_eq!((on_hand(app, &a), on_hand(app, &b)), (0, 5));
        let due =
            app.get(DEPOT, "/stocktakes/due?store=QN-DEPOT&days=1").expect(200)["rows"].clone();
        assert_eq!(due.as_array().unwrap().len(), 1, "what is not counted bears no mark");
        assert_eq!(due[0]["lot_id"], b);
    });
}

#[test]
fn a_count_sent_again_changes_nothing_and_a_slip_is_superseded() {
    TestApp::each(|app| {
        receive(app, "A", 100);
        let taken = begin(app, json!({"blind": false}));
        let at = "2026-03-02T02:00:00Z";
        let send = |line: Value| {
            let body = json!({"counted_at": at, "counted_by": "曾小兰", "witnessed_by": "见证人", "counts": [line]});
            app.post(DEPOT, &path(&taken, "/counts"), body)
        };
        let first = send(json!({"line": 1, "quantity": 1000}));
        let tag = first.etag();
        let first = first.expect(201)["counts"][0].clone();
        let again = send(json!({"line": 1, "quantity": 1000}));
        assert_eq!(again.etag(), tag);
        let again = again.expect(201)["counts"][0].clone();
        assert_eq!((&again["id"], &again["outcome"]), (&first["id"], &json!("duplicate")));
        let problem = send(json!({"line": 1, "quantity": 100}));
        assert_eq!(problem.pointers(), ["/counts/0"]);
        assert_eq!(problem.refused(409, "already_counted")["count_id"], first["id"]);
        let no_reason = send(json!({"line": 1, "quantity": 100, "supersedes": first["id"]}));
        assert_eq!(no_reason.pointers(), ["/counts/0/reason"]);
        let slip =
            json!({"line": 1, "quantity": 100, "supersedes": first["id"], "reason": "多打一个零"});
        let corrected = send(slip.clone()).expect(201)["counts"][0].clone();
        assert_eq!(send(slip).expect(201)["counts"][0]["outcome"], "duplicate");
        let kept = app.get("auditor", &path(&taken, "/counts")).expect(200)["rows"].clone();
        let quantities: Vec<i64> =
            kept.as_array().unwrap().iter().map(|row| row["quantity"].as_i64().unwrap()).collect();
        assert_eq!(quantities, [1000, 100], "both entries are kept");
        let read = app.get(DEPOT, &path(&taken, "")).expect(200);
        assert_eq!(read["progress"]["counted"], 1);
        let away = json!({"line": 1, "withdrawn": true, "supersedes": corrected["id"], "reason": "数错货架"});
        send(away).expect(201);
        assert_eq!(app.get(DEPOT, &path(&taken, "")).expect(200)["progress"]["not_counted"], 1);
    });
}

#[test]
fn every_fault_of_counts_is_named_at_once() {
    TestApp::each(|app| {
        receive(app, "A", 100);
        let taken = begin(app, json!({"items": ["M02"]}));
        let body = json!({"round": 4, "counted_at": "2026-03-02T01:00:00Z", "counted_by": "李", "witnessed_by": " ", "counts": [
            {"line": 9, "quantity": 1},
            {"lot_id": "none", "quantity": 1},
            {"item_code": "M02", "lot_number": "N", "expires_on": "soon", "quantity": 1},
            {"line": 1, "lot_id": "x", "quantity": 1},
            {"line": 1, "pack_code": "crate", "packs": 1},
            {"quantity": 1},
            {"line": 1, "state": "lost", "quantity": 1},
        ]});
        let answer = app.post(DEPOT, &path(&taken, "/counts"), body);
        let mut pointers = answer.pointers();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/counted_at",
                "/counts/0/line",
                "/counts/1/lot_id",
                "/counts/2/expires_on",
                "/counts/3/line",
                "/counts/4/pack_code",
                "/counts/5/line",
                "/counts/6/state",
                "/round",
                "/witnessed_by"
            ]
        );
        answer.refused(422, "validation_failed");
        let foreign = count(
            app,
            &taken,
            1,
            "李",
            json!([{"item_code": "D03", "lot_number": "N", "no_expiry": true, "quantity": 1}]),
        );
        assert_eq!(foreign.pointers(), ["/counts"], "only what is counted here");
        let alone = count(app, &taken, 1, "见证人", json!([{"line": 1, "quantity": 1}]));
        assert_eq!(alone.pointers(), ["/witnessed_by"], "two different people");
        for (body, pointer) in [
            (json!({"category": "ppe", "items": ["M02"]}), "/items"),
            (json!({"items": ["M02", "M02", "NONE"]}), "/items/1"),
            (json!({"rounds": 3}), "/rounds"),
            (json!({"frozen_at": "2026-03-02T02:00:01Z"}), "/frozen_at"),
            (json!({"frozen_at": "last year"}), "/frozen_at"),
        ] {
            let mut body = body;
            body["store_code"] = json!("QN-DEPOT");
            let answer = app.post(DEPOT, "/stocktakes", body);
            assert!(answer.pointers().contains(&pointer.to_owned()), "{}", answer.text);
        }
        // What could never be posted need not be counted: 92 days back, and no more.
        let at =
            |day: &str| json!({"store_code": "QN-DEPOT", "frozen_at": format!("{day}T04:00:00Z")});
        let early = app.post(DEPOT, "/stocktakes", at("2025-11-29")).refused(409, "too_far_back");
        assert_eq!(early["earliest"], "2025-11-30");
        app.post(DEPOT, "/stocktakes", at("2025-11-30")).expect(201);
    });
}

#[test]
fn differences_above_the_limit_are_approved_by_someone_who_took_no_part() {
    TestApp::each(|app| {
        let a = receive(app, "A", 1_000);
        let taken = begin(app, json!({}));
        let body = json!({"counted_by": "deputy", "witnessed_by": "见证人", "counts": [{"line": 1, "quantity": 899}]});
        app.post(DEPOT, &path(&taken, "/counts"), body).expect(201);
        explain(app, &taken, 1, "miscounted");
        let refused = post(app, &taken).refused(409, "approval_required");
        assert_eq!(
            (&refused["units"], &refused["value"], &refused["limit_units"]),
            (&json!(101), &json!("50.50"), &json!(100))
        );
        act(app, "commander", &taken, "/approve", json!({})).refused(409, "wrong_status");
        let submitted = act(app, DEPOT, &taken, "/submit", json!({})).expect(200);
        assert_eq!(
            (&submitted["status"], &submitted["needs_approval"]),
            (&json!("submitted"), &json!(true))
        );
        count(app, &taken, 2, "x", json!([{"line": 1, "quantity": 899}]))
            .refused(409, "wrong_status");
        act(app, DEPOT, &taken, "/approve", json!({})).refused(403, "forbidden");
        act(app, "deputy", &taken, "/approve", json!({})).refused(403, "own_document");
        act(app, "foreign.commander", &taken, "/approve", json!({})).refused(404, "not_found");
        let tag = app.get("commander", &path(&taken, "")).etag();
        app.act("commander", &path(&taken, "/approve"), "\"v1\"", json!({}))
            .refused(412, "stale_version");
        let approved = app
            .act("commander", &path(&taken, "/approve"), &tag, json!({"note": "同意"}))
            .expect(200);
        assert_eq!(
            (&approved["status"], &approved["approved_by"]),
            (&json!("approved"), &json!("commander"))
        );
        // The book moves under the approval: what was approved is no longer what would be posted.
        let late = json!({"store_code": "QN-DEPOT", "occurred_at": "2026-03-02T01:00:00Z",
            "source": {"kind": "supplier"}, "lines": [{"item_code": "M02", "lot_number": "A", "maker": "稳健",
            "expires_on": "2027-01-01", "quantity": 50, "unit_cost": "0.50"}]});
        app.post(DEPOT, "/receipts", late).expect(201);
        let refused = post(app, &taken).refused(409, "approval_required");
        assert_eq!(refused["changed"], json!([1]));
        act(app, "commander", &taken, "/approve", json!({})).expect(200);
        post(app, &taken).expect(200);
        assert_eq!(on_hand(app, &a), 899);
        is_clean(app);
    });
}

#[test]
fn a_stocktake_is_sent_back_counted_again_or_given_up() {
    TestApp::each(|app| {
        receive(app, "A", 10);
        let taken = begin(app, json!({}));
        let sent = count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 9}])).expect(201);
        explain(app, &taken, 1, "lost");
        act(app, DEPOT, &taken, "/submit", json!({})).expect(200);
        let no_reason = act(app, "commander", &taken, "/reopen", json!({"reason": " "}));
        assert_eq!(no_reason.pointers(), ["/reason"]);
        let open =
            act(app, "commander", &taken, "/reopen", json!({"reason": "请复盘"})).expect(200);
        assert_eq!(
            (&open["status"], &open["submitted_by"], &open["decision_note"]),
            (&json!("open"), &Value::Null, &json!("请复盘"))
        );
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 10, "supersedes": sent["counts"][0]["id"], "reason": "漏数"}])).expect(201);
        act(app, DEPOT, &taken, "/cancel", json!({"reason": "重复建单"})).expect(200);
        for action in ["/submit", "/post"] {
            act(app, DEPOT, &taken, action, json!({})).refused(409, "wrong_status");
        }
        let listed = app.get("auditor", "/stocktakes?store=QN-DEPOT&status=cancelled").expect(200);
        assert_eq!(listed["rows"][0]["id"], taken["id"]);
        let number = taken["number"].as_str().unwrap();
        assert_eq!(
            app.get("auditor", &format!("/stocktakes/{number}")).expect(200)["id"],
            taken["id"]
        );
        app.get("keeper.town", &path(&taken, "")).refused(404, "not_found");
        app.post("keeper.town", "/stocktakes", json!({"store_code": "QN-DEPOT"}))
            .refused(403, "store_out_of_scope");
    });
}

#[test]
fn a_movement_that_a_later_count_absorbed_is_not_reversed() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        let issued = issue(app, &a, 10).expect(201);
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 90}])).expect(201);
        post(app, &taken).expect(200);
        assert_eq!(
            app.get(DEPOT, "/movements?kind=count").expect(200)["rows"],
            json!([]),
            "nothing differed"
        );
        app.set_time("2026-03-02T04:00:00Z");
        let reason = || json!({"reason_code": "entered_twice"});
        let movement =
            format!("/movements/{}/reversals", issued["movements"][0]["id"].as_str().unwrap());
        let refused = app.post(DEPOT, &movement, reason()).refused(409, "absorbed_by_count");
        assert_eq!(refused["stocktake_number"], taken["number"]);
        let whole = format!("/issues/{}/reversal", issued["id"].as_str().unwrap());
        app.post(DEPOT, &whole, reason()).refused(409, "absorbed_by_count");
        let after = issue(app, &a, 5).expect(201);
        let later = format!("/issues/{}/reversal", after["id"].as_str().unwrap());
        app.post(DEPOT, &later, reason()).expect(201);
        assert_eq!(on_hand(app, &a), 90);
        is_clean(app);
    });
}

#[test]
fn what_a_count_found_is_not_reversed_but_counted_again() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        let taken = begin(app, json!({"items": ["M02"]}));
        count(app, &taken, 1, "曾小兰", json!([{"lot_id": a, "quantity": 90}])).expect(201);
        explain(app, &taken, 1, "lost");
        post(app, &taken).expect(200);
        let moved = app.get(DEPOT, "/movements?kind=count").expect(200)["rows"][0].clone();
        let back = format!("/movements/{}/reversals", moved["id"].as_str().unwrap());
        app.post(DEPOT, &back, json!({"reason_code": "other"})).refused(409, "wrong_status");
        app.set_time("2026-03-02T03:00:00Z");
        let again = begin(app, json!({}));
        count(app, &again, 1, "曾小兰", json!([{"line": 1, "quantity": 100}])).expect(201);
        explain(app, &again, 1, "found");
        post(app, &again).expect(200);
        assert_eq!(on_hand(app, &a), 100);
    });
}

#[test]
fn a_count_that_a_later_one_overtook_is_not_posted() {
    TestApp::each(|app| {
        receive(app, "A", 100);
        let (early, late) = (begin(app, json!({})), begin(app, json!({})));
        app.set_time("2026-03-02T03:00:00Z");
        count(app, &early, 1, "曾小兰", json!([{"line": 1, "quantity": 100}])).expect(201);
        app.set_time("2026-03-02T04:00:00Z");
        count(app, &late, 1, "廖建平", json!([{"line": 1, "quantity": 100}])).expect(201);
        post(app, &late).expect(200);
        let refused = post(app, &early).refused(409, "absorbed_by_count");
        assert_eq!((&refused["line"], &refused["stocktake_number"]), (&json!(1), &late["number"]));
    });
}

#[test]
fn a_count_cuts_what_dispatches_were_promised_and_is_not_there_the_latest_first() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        let mut first = Dispatch::requested(app, "M02", 50);
        first.does("commander", "approve", json!({}));
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 60}])).expect(201);
        explain(app, &taken, 1, "damaged");
        app.set_time("2026-03-02T04:00:00Z");
        let mut second = Dispatch::requested(app, "M02", 45);
        second.does("commander", "approve", json!({}));
        app.set_time("2026-03-02T05:00:00Z");
        let lost = json!([{"document_kind": "dispatch", "document_id": second.id, "line": 1,
            "lot_id": a, "quantity": 35}]);
        assert_eq!(variances(app, &taken)[0]["would_cut"], lost, "told before it is done");
        let posted = post(app, &taken).expect(200);
        assert_eq!(posted["cuts"], lost);
        assert_eq!(variances(app, &taken)[0]["would_cut"], json!([]));
        assert_eq!(app.get(DEPOT, &path(&taken, "")).expect(200)["cuts"], lost);
        assert_eq!(held(app, "QN-DEPOT", "M02", "available"), (60, 60));

        let cuts =
            app.get(DEPOT, "/reservation-cuts?acknowledged=false").expect(200)["rows"].clone();
        assert_eq!(cuts.as_array().unwrap().len(), 1);
        assert_eq!(
            (&cuts[0]["document_id"], &cuts[0]["quantity"], &cuts[0]["by"]["number"]),
            (&json!(second.id), &json!(35), &taken["number"])
        );
        second.tries(DEPOT, "pick", json!({})).refused(412, "stale_version");
        let mut second = Dispatch::again(app, &second.id);
        let line = &second.view["lines"][0];
        assert_eq!(
            (&line["cut"], &line["reserved"], &line["open_remainder"]),
            (&json!(35), &json!(10), &json!(35))
        );
        let told = second.view["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(told["what"], "promise_cut");
        // What is left of both goes on.
        first.does(DEPOT, "pick", json!({}));
        second.does(DEPOT, "pick", json!({}));
        is_clean(app);
    });
}

/// Masks that left before anybody booked it.
fn handed_out(app: &TestApp, quantity: i64) -> Value {
    let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption", "after_the_fact": true,
        "slip_number": "手工单 0031", "lines": [{"item_code": "M02", "quantity": quantity}]});
    app.post(DEPOT, "/issues", body).expect(201)
}

fn unmatched(app: &TestApp) -> Vec<i64> {
    let rows = app.get(DEPOT, "/unmatched?open=true").expect(200)["rows"].clone();
    rows.as_array().unwrap().iter().map(|row| row["open"].as_i64().unwrap()).collect()
}

#[test]
fn a_count_of_all_that_lies_there_clears_what_had_left_unmatched_before_it() {
    TestApp::each(|app| {
        receive(app, "A", 100);
        let issued = handed_out(app, 110);
        app.set_time("2026-03-02T03:00:00Z");
        let (b, c) = (receive(app, "B", 30), receive(app, "C", 20));
        // Who counts a part of it does not know where the rest is.
        let part = begin(app, json!({}));
        count(app, &part, 1, "曾小兰", json!([{"line": 1, "quantity": 30}])).expect(201);
        let posted = act(app, DEPOT, &part, "/post", json!({"not_counted": "keep"})).expect(200);
        assert_eq!((&posted["cleared"], unmatched(app)), (&json!([]), vec![10]));

        app.set_time("2026-03-02T04:00:00Z");
        let whole = begin(app, json!({}));
        let counts = json!([{"line": 1, "quantity": 33}, {"line": 2, "quantity": 20}]);
        count(app, &whole, 1, "廖建平", counts).expect(201);
        explain(app, &whole, 1, "found");
        // What leaves after the count is not in it.
        app.set_time("2026-03-02T05:00:00Z");
        let later = handed_out(app, 60);
        assert_eq!((unmatched(app), on_hand(app, &b), on_hand(app, &c)), (vec![10, 10], 0, 0));
        app.set_time("2026-03-02T06:00:00Z");
        let posted = post(app, &whole).expect(200);
        let cleared = posted["cleared"].as_array().unwrap();
        assert_eq!(cleared.len(), 1);
        assert_eq!(
            (&cleared[0]["document_number"], &cleared[0]["quantity"]),
            (&issued["number"], &json!(10))
        );
        assert_eq!(app.get(DEPOT, &path(&whole, "")).expect(200)["cleared"], posted["cleared"]);
        assert_eq!((unmatched(app), on_hand(app, &b), on_hand(app, &c)), (vec![10], 3, 0));
        let fact = format!("/unmatched/{}", cleared[0]["unmatched_id"].as_str().unwrap());
        let clearing = app.get(DEPOT, &fact).expect(200)["clearings"][0].clone();
        assert_eq!(
            (&clearing["how"], &clearing["by"]["number"], &clearing["quantity"]),
            (&json!("count"), &whole["number"], &json!(10))
        );
        let open = app.get(DEPOT, "/unmatched?open=true").expect(200)["rows"][0].clone();
        assert_eq!(open["document"]["number"], later["number"]);
        is_clean(app);
    });
}

#[test]
fn an_item_that_facts_took_wholly_is_counted_too() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        handed_out(app, 110);
        assert_eq!((unmatched(app), on_hand(app, &a)), (vec![10], 0));
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({}));
        let sheet = app.get(DEPOT, &path(&taken, "/sheet")).expect(200);
        let rows = sheet["rows"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0]["item_code"]), (1, &json!("M02")));
        count(app, &taken, 1, "廖建平", json!([{"line": 1, "quantity": 0}])).expect(201);
        let posted = post(app, &taken).expect(200);
        assert_eq!(posted["cleared"][0]["quantity"], 10);
        assert_eq!(unmatched(app), [0; 0]);
        is_clean(app);
        // With nothing open any more there is nothing to be counted.
        app.set_time("2026-03-02T04:00:00Z");
        let again = begin(app, json!({}));
        let sheet = app.get(DEPOT, &path(&again, "/sheet")).expect(200);
        assert_eq!(sheet["rows"], json!([]));
    });
}

#[test]
fn accuracy_is_told_as_exact_fractions_by_stocktake_and_store() {
    TestApp::each(|app| {
        for (lot, units) in [("A", 100), ("B", 50), ("C", 10)] {
            receive(app, lot, units);
        }
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 97}, {"line": 2, "quantity": 50}, {"line": 3, "quantity": 14}])).expect(201);
        explain(app, &taken, 1, "lost");
        explain(app, &taken, 3, "found");
        post(app, &taken).expect(200);
        app.set_time("2026-03-03T03:00:00Z");
        let again = begin(app, json!({}));
        count(app, &again, 1, "廖建平", json!([{"line": 1, "quantity": 97}, {"line": 2, "quantity": 50}, {"line": 3, "quantity": 14}])).expect(201);
        post(app, &again).expect(200);
        let told = app.get("auditor", "/stocktakes/accuracy?store=QN-DEPOT&limit=1").expect(200);
        assert_eq!(told["stocktakes"], 2);
        assert_eq!(
            (&told["rows"][0]["number"], &told["rows"][0]["line_accuracy"]),
            (&again["number"], &json!("1"))
        );
        let totals = &told["totals"];
        assert_eq!(
            (
                &totals["line_accuracy"],
                &totals["absolute_units"],
                &totals["net_units"],
                &totals["absolute_value"],
                &totals["net_value"]
            ),
            (&json!("2/3"), &json!(7), &json!(1), &json!("3.50"), &json!("0.50"))
        );
        let next = told["next_cursor"].as_str().unwrap();
        let older = app
            .get("auditor", &format!("/stocktakes/accuracy?store=QN-DEPOT&cursor={next}"))
            .expect(200);
        let row = &older["rows"][0];
        assert_eq!(
            (&row["line_accuracy"], &row["unit_accuracy"], &row["counters"]),
            (&json!("1/3"), &json!("153/160"), &json!(["曾小兰"]))
        );
        assert_eq!(older["by_store"][0]["line_accuracy"], "2/3");
        assert_eq!(app.get("keeper.town", "/stocktakes/accuracy").expect(200)["stocktakes"], 0);
    });
}

#[test]
fn what_was_not_counted_for_some_days_is_due() {
    TestApp::each(|app| {
        receive(app, "A", 100);
        let due = |days: i64| {
            let path = format!("/stocktakes/due?store=QN-DEPOT&category=ppe&days={days}");
            app.get(DEPOT, &path).expect(200)["rows"].as_array().unwrap().clone()
        };
        assert_eq!(due(30)[0]["days"], Value::Null, "never counted");
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 100}])).expect(201);
        post(app, &taken).expect(200);
        assert!(due(30).is_empty());
        app.set_time("2026-04-02T02:00:00Z");
        let row = due(30)[0].clone();
        assert_eq!(
            (&row["days"], &row["last_stocktake"], &row["lot_number"]),
            (&json!(31), &taken["number"], &json!("A"))
        );
        assert!(due(31).is_empty());
    });
}

#[test]
fn posting_a_stocktake_while_stock_is_issued_leaves_both_true() {
    for database in databases() {
        let settings = Settings { stocktake_units: Quantity::MAX, ..Settings::default() };
        let app = TestApp::with_settings(database, settings);
        let a = receive(&app, "A", 1_000);
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(&app, json!({}));
        count(&app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 1_007}])).expect(201);
        explain(&app, &taken, 1, "found");
        app.set_time("2026-03-02T04:00:00Z");
        let issued: i64 = std::thread::scope(|threads| {
            let running: Vec<_> = (0..16)
                .map(|_| threads.spawn(|| if issue(&app, &a, 5).status == 201 { 5 } else { 0 }))
                .collect();
            post(&app, &taken).expect(200);
            running.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!(on_hand(&app, &a), 1_007 - issued);
        let row = variances(&app, &taken)[0].clone();
        assert_eq!((&row["book"], &row["difference"]), (&json!(1_000), &json!(7)));
        is_clean(&app);
    }
}

#[test]
fn a_stocktake_is_posted_once_however_often_it_is_sent() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 99}])).expect(201);
        explain(app, &taken, 1, "lost");
        let path = format!("/api/v1{}", path(&taken, "/post"));
        let send = || {
            app.request("POST", &path)
                .by(DEPOT)
                .key("post-once")
                .if_match("*")
                .json(json!({}))
                .send()
        };
        let statuses: Vec<u16> = std::thread::scope(|threads| {
            let running: Vec<_> = (0..8).map(|_| threads.spawn(send)).collect();
            running.into_iter().map(|one| one.join().unwrap().status).collect()
        });
        assert_eq!(statuses, [200; 8]);
        post(app, &taken).refused(409, "wrong_status");
        assert_eq!(on_hand(app, &a), 99);
    });
}

/// What the ledger's movements add up to for available stock of a lot, up to a business time.
fn book_as_of(app: &TestApp, lot: &str, moment: Instant) -> i64 {
    let read = app.get(DEPOT, &format!("/movements?lot={lot}&limit=1000")).expect(200);
    let here = "store/QN-DEPOT/available";
    let change = |movement: &Value| {
        let units = movement["quantity"].as_i64().unwrap();
        let sign =
            i64::from(movement["to_account"] == here) - i64::from(movement["from_account"] == here);
        sign * units
    };
    let at = |movement: &Value| Instant::parse(movement["occurred_at"].as_str().unwrap()).unwrap();
    let rows = read["rows"].as_array().unwrap();
    rows.iter().filter(|movement| at(movement) <= moment).map(change).sum()
}

/// What happens around a stocktake: at which minute it is entered, how long before it happened,
/// to which of two lots, and how many pieces more or fewer.
type Happening = (i64, i64, usize, i64);

/// Runs one stocktake of two fresh lots amid happenings; whether it could be posted.
fn count_amid(
    app: &TestApp,
    case: i64,
    mut happenings: Vec<Happening>,
    counts: [(i64, i64); 2],
) -> bool {
    const FREEZE: i64 = 60;
    let day = Instant::parse("2026-03-03T00:00:00Z").unwrap().plus_days(case);
    let minute = |minute: i64| day.plus_minutes(minute);
    let set = |at: i64| app.set_time(&minute(at).to_string());
    set(0);
    let lots = [receive(app, &format!("L{case}A"), 60), receive(app, &format!("L{case}B"), 30)];
    happenings.sort();
    let afterwards = happenings.split_off(happenings.len() * 2 / 3);
    let (before, meanwhile): (Vec<_>, Vec<_>) =
        happenings.into_iter().partition(|(at, ..)| *at <= FREEZE);
    let happen = |(at, ago, lot, units): Happening| {
        set(at);
        let occurred_at = minute((at - ago).max(0)).to_string();
        let body = json!({"store_code": "QN-DEPOT", "occurred_at": occurred_at,
            "lines": [{"lot_id": lots[lot], "quantity_change": units, "reason_code": "other"}]});
        let status = app.post(DEPOT, "/adjustments", body).status;
        assert!(matches!(status, 201 | 409 | 422), "{status}");
    };
    before.into_iter().for_each(happen);
    set(FREEZE);
    let taken = begin(app, json!({"blind": false, "items": ["M02"]}));
    meanwhile.into_iter().for_each(happen);
    set(200);
    for (lot, (at, units)) in lots.iter().zip(counts) {
        let body = json!({"counted_at": minute(at).to_string(), "witnessed_by": "见证人",
            "counts": [{"lot_id": lot, "quantity": units}]});
        app.post(DEPOT, &path(&taken, "/counts"), body).expect(201);
    }
    let rows = variances(app, &taken);
    let mut told = 0;
    for row in rows.iter().filter(|row| row["status"] == "decided") {
        let movements = row["movements"].as_array().unwrap();
        let known = movements.iter().filter(|m| m["timing"] != "after_count");
        let sum: i64 = known.map(|m| m["quantity_change"].as_i64().unwrap()).sum();
        assert_eq!(row["frozen"].as_i64().unwrap() + sum, row["book"].as_i64().unwrap(), "{row}");
        told += 1;
        explain(app, &taken, row["line"].as_i64().unwrap(), "miscounted");
    }
    assert_eq!(told, 2);
    let kept = lots.each_ref().map(|lot| on_hand(app, lot));
    let answer = act(app, DEPOT, &taken, "/post", json!({"not_counted": "keep"}));
    if answer.status == 409 {
        answer.refused(409, "late_entry");
        assert_eq!(lots.each_ref().map(|lot| on_hand(app, lot)), kept);
        return false;
    }
    answer.expect(200);
    let is_counted = || {
        for (lot, (at, units)) in lots.iter().zip(counts) {
            assert_eq!(
                book_as_of(app, lot, minute(at)),
                units,
                "the book of the moment is the count"
            );
        }
    };
    is_counted();
    // What is entered after the posting does not change it either, however long ago it was.
    for (at, ago, lot, units) in afterwards {
        happen((200 + at / 20, 200 * i64::from(ago % 2 == 0) + ago, lot, units));
    }
    is_counted();
    true
}

#[test]
fn the_book_of_the_moment_is_the_count_whatever_happened_in_between() {
    let happening = (1_i64..199, 0_i64..90, 0_usize..2, -25_i64..25);
    let counted = || (60_i64..200, 0_i64..90);
    for database in databases() {
        let settings = Settings {
            stocktake_units: Quantity::MAX,
            stocktake_value: Money::parse("99999999").unwrap(),
            ..Settings::default()
        };
        let app = TestApp::with_settings(database, settings);
        let (cases, posted) = (AtomicI64::new(0), AtomicI64::new(0));
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let input = (proptest::collection::vec(happening.clone(), 0..14), counted(), counted());
        let outcome = TestRunner::new(config).run(&input, |(happenings, first, second)| {
            let case = cases.fetch_add(1, Ordering::SeqCst);
            if count_amid(&app, case, happenings, [first, second]) {
                posted.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        });
        outcome.unwrap();
        assert!(posted.load(Ordering::SeqCst) >= 12, "most stocktakes could be posted");
        is_clean(&app);
    }
}

#[test]
fn a_shortage_is_posted_at_its_time_and_a_later_issue_stands() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 60}])).expect(201);
        explain(app, &taken, 1, "lost");
        app.set_time("2026-03-02T04:00:00Z");
        let issued = issue(app, &a, 50).expect(201);
        post(app, &taken).expect(200);
        assert_eq!(on_hand(app, &a), 10);
        let moved = app.get(DEPOT, "/movements?kind=count").expect(200)["rows"][0].clone();
        assert_eq!(
            (&moved["occurred_at"], &moved["quantity"]),
            (&json!("2026-03-02T03:00:00Z"), &json!(40))
        );
        let again = begin(app, json!({"frozen_at": "2026-03-02T03:30:00Z"}));
        let sheet = app.get(DEPOT, &path(&again, "/variances")).expect(200);
        assert!(sheet["rows"][0]["frozen"].is_null(), "blind");
        let told = begin(app, json!({"frozen_at": "2026-03-02T03:30:00Z", "blind": false}));
        let row = variances(app, &told)[0].clone();
        assert_eq!(
            (&row["frozen"], &row["movements"][0]["document"]["number"]),
            (&json!(60), &issued["number"])
        );
        is_clean(app);
    });
}

#[test]
fn a_count_that_the_later_book_cannot_bear_is_refused_with_the_reason() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 30}])).expect(201);
        explain(app, &taken, 1, "lost");
        app.set_time("2026-03-02T04:00:00Z");
        issue(app, &a, 50).expect(201);
        app.set_time("2026-03-02T05:00:00Z");
        receive(app, "A", 500);
        let refused = post(app, &taken).refused(409, "late_entry");
        assert_eq!(
            (&refused["line"], &refused["below_zero_by"], &refused["counted"]),
            (&json!(1), &json!(20), &json!(30))
        );
        assert_eq!(on_hand(app, &a), 550);
    });
}

#[test]
fn a_sheet_is_printed_as_csv() {
    TestApp::each(|app| {
        receive(app, "=A", 100);
        let taken = begin(app, json!({"blind": false}));
        let sheet = format!("/api/v1{}", path(&taken, "/sheet"));
        let answer = app.request("GET", &sheet).by(DEPOT).header("accept", "text/csv").send();
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
        let lines: Vec<&str> = answer.text.trim_start_matches('\u{feff}').lines().collect();
        assert!(lines[0].starts_with("stocktake,line,item_code,name,lot_number"), "{}", lines[0]);
        assert_eq!(
            lines[1],
            "PD-QN-DEPOT-2026-000001,1,M02,医用外科口罩,'=A,稳健,2027-01-01,available,,,只,1,100,,,,"
        );
    });
}

#[test]
fn what_is_entered_after_a_count_and_happened_before_it_only_explains_the_difference() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 90}])).expect(201);
        explain(app, &taken, 1, "lost");
        post(app, &taken).expect(200);
        app.set_time("2026-03-02T05:00:00Z");
        issue(app, &a, 60).expect(201);
        // The slip of an issue turns up: nothing was lost, it had been handed out.
        let late = json!({"store_code": "QN-DEPOT", "occurred_at": "2026-03-02T02:30:00Z", "purpose": "consumption",
            "lines": [{"item_code": "M02", "quantity": 10, "lot_id": a}]});
        let late = app.post(DEPOT, "/issues", late).expect(201);
        assert_eq!(
            on_hand(app, &a),
            30,
            "what lies there is what was counted, less what left since"
        );
        let moment = |text: &str| Instant::parse(text).unwrap();
        assert_eq!(book_as_of(app, &a, moment("2026-03-02T03:00:00Z")), 90);
        assert_eq!(book_as_of(app, &a, moment("2026-03-02T02:59:00Z")), 90);
        let counts = app.get(DEPOT, "/movements?kind=count").expect(200)["rows"].clone();
        let net: Vec<(&str, i64)> = counts
            .as_array()
            .unwrap()
            .iter()
            .map(|m| (m["from_account"].as_str().unwrap(), m["quantity"].as_i64().unwrap()))
            .collect();
        assert_eq!(net, [("store/QN-DEPOT/available", 10), ("outside/count_difference", 10)]);
        let back = format!("/issues/{}/reversal", late["id"].as_str().unwrap());
        app.post(DEPOT, &back, json!({"reason_code": "entered_twice"}))
            .refused(409, "absorbed_by_count");
        // A delivery of then turns up: it was among what was counted.
        let came = json!({"store_code": "QN-DEPOT", "occurred_at": "2026-03-02T02:40:00Z",
            "source": {"kind": "supplier"}, "lines": [{"item_code": "M02", "lot_number": "A", "maker": "稳健",
            "expires_on": "2027-01-01", "quantity": 40, "unit_cost": "0.50"}]});
        app.post(DEPOT, "/receipts", came).expect(201);
        assert_eq!(on_hand(app, &a), 30);
        assert_eq!(book_as_of(app, &a, moment("2026-03-02T03:00:00Z")), 90);
        let row = variances(app, &taken)[0].clone();
        assert_eq!(
            (&row["book"], &row["difference"], &row["movements"]),
            (&json!(100), &json!(-10), &json!([]))
        );
        is_clean(app);
    });
}

#[test]
fn a_store_without_network_sends_its_stocktake_in_one_batch() {
    TestApp::each(|app| {
        receive(app, "A", 10);
        let counts = json!({"witnessed_by": "见证人", "counts": [{"item_code": "M02", "lot_number": "A", "quantity": 9}]});
        let batch = json!({"commands": [
            {"client_id": "s", "idempotency_key": "s-1", "command": "begin_stocktake", "body": {"store_code": "QN-DEPOT"}},
            {"client_id": "c", "idempotency_key": "s-2", "command": "enter_stocktake_counts", "target_client_id": "s", "body": counts},
            {"client_id": "r", "idempotency_key": "s-3", "command": "explain_stocktake", "target_client_id": "s", "if_match": "*",
             "body": {"lines": [{"line": 1, "reason_code": "lost"}]}},
            {"client_id": "p", "idempotency_key": "s-4", "command": "post_stocktake", "target_client_id": "s", "if_match": "*", "body": {}},
        ]});
        let send = || app.post(DEPOT, "/batches", batch.clone()).expect(200)["results"].clone();
        let outcomes = |results: &Value| -> Vec<String> {
            results
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["outcome"].as_str().unwrap().to_owned())
                .collect()
        };
        let first = send();
        assert_eq!(outcomes(&first), ["applied"; 4], "{first}");
        assert_eq!(outcomes(&send()), ["duplicate"; 4]);
        is_clean(app);
    });
}

#[test]
fn an_issue_of_before_a_count_takes_what_was_there_then_however_little_is_left_now() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 90}])).expect(201);
        explain(app, &taken, 1, "lost");
        post(app, &taken).expect(200);
        app.set_time("2026-03-02T05:00:00Z");
        issue(app, &a, 85).expect(201);
        let order = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP",
            "lines": [{"item_code": "M02", "quantity": 5}]});
        let order = app.post(DEPOT, "/dispatches", order).expect(201);
        let path = format!("/dispatches/{}/approve", order["id"].as_str().unwrap());
        app.act("commander", &path, "*", json!({})).expect(200);
        let late = |minute: &str, units: i64, fact: bool| {
            let mut body = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
                "occurred_at": format!("2026-03-02T02:{minute}:00Z"),
                "lines": [{"item_code": "M02", "quantity": units}]});
            if fact {
                body["after_the_fact"] = true.into();
                body["slip_number"] = "0031".into();
            }
            app.post(DEPOT, "/issues", body)
        };
        // Nothing is free, and most has gone; but of what the book held then, 90 could go.
        late("30", 60, false).expect(201);
        late("31", 31, false).refused(409, "insufficient_stock");
        let fact = late("32", 20, true).expect(201)["lines"][0].clone();
        assert_eq!((&fact["unmatched"], &fact["cuts"]), (&Value::Null, &Value::Null), "{fact}");
        issue(app, &a, 1).refused(409, "insufficient_stock");
        assert_eq!(
            on_hand(app, &a),
            5,
            "what lies there is what was counted, less what left since"
        );
        let moment = |text: &str| Instant::parse(text).unwrap();
        assert_eq!(book_as_of(app, &a, moment("2026-03-02T03:00:00Z")), 90);
        assert_eq!(book_as_of(app, &a, moment("2026-03-02T02:59:00Z")), 20);
        is_clean(app);
    });
}

#[test]
fn what_happens_after_a_count_is_dated_after_it_even_where_the_clock_was_set_back() {
    TestApp::each(|app| {
        let a = receive(app, "A", 100);
        app.set_time("2026-03-02T03:00:00Z");
        // A count that moves nothing leaves no movement that a later one could stand after.
        let taken = begin(app, json!({}));
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 100}])).expect(201);
        post(app, &taken).expect(200);
        let counted = Instant::parse("2026-03-02T03:00:00Z").unwrap();
        issue(app, &a, 10).expect(201);
        assert_eq!(book_as_of(app, &a, counted), 100, "in the same instant");
        app.set_time("2026-03-02T02:55:00Z");
        issue(app, &a, 10).expect(201);
        assert_eq!(book_as_of(app, &a, counted), 100, "a clock that was set back");
        assert_eq!(on_hand(app, &a), 80);
        // What is said to have happened then did, and the count answers.
        let late = json!({"store_code": "QN-DEPOT", "occurred_at": "2026-03-02T02:40:00Z", "purpose": "consumption",
            "lines": [{"item_code": "M02", "quantity": 5}]});
        app.post(DEPOT, "/issues", late).expect(201);
        assert_eq!((book_as_of(app, &a, counted), on_hand(app, &a)), (100, 80));
        is_clean(app);
    });
}

#[test]
fn a_receipt_of_before_a_count_does_not_clear_what_left_unmatched_after_it() {
    TestApp::each(|app| {
        receive(app, "A", 10);
        app.set_time("2026-03-02T03:00:00Z");
        let taken = begin(app, json!({}));
        // Twenty more lie there, whose receipt nobody has entered yet.
        count(app, &taken, 1, "曾小兰", json!([{"line": 1, "quantity": 30}])).expect(201);
        explain(app, &taken, 1, "found");
        post(app, &taken).expect(200);
        app.set_time("2026-03-02T05:00:00Z");
        handed_out(app, 35);
        assert_eq!(unmatched(app), [5]);
        let came = |quantity: i64, hour: i64| {
            json!({"store_code": "QN-DEPOT",
            "occurred_at": format!("2026-03-02T0{hour}:40:00Z"), "source": {"kind": "supplier"},
            "lines": [{"item_code": "M02", "lot_number": "A", "maker": "稳健",
                "expires_on": "2027-01-01", "quantity": quantity, "unit_cost": "0.50"}]})
        };
        let late = app.post(DEPOT, "/receipts", came(20, 2)).expect(201);
        assert_eq!(late["cleared"], Value::Null, "they are among the thirty counted");
        assert_eq!(unmatched(app), [5]);
        let late = app.post(DEPOT, "/receipts", came(8, 4)).expect(201);
        assert_eq!(late["cleared"][0]["quantity"], 5);
        assert_eq!(unmatched(app), [0_i64; 0]);
        is_clean(app);
    });
}
