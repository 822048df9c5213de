//! Corrections of maker's lots over HTTP: a wrong label is put right everywhere at once.

use crate::dispatch::{Dispatch, lorry};
use crate::support::TestApp;
use crate::support::stock::{held, on_the_way};
use changbei::stock::verify::verify;
use serde_json::{Value, json};

#[track_caller]
fn is_clean(app: &TestApp) {
    let report = app.app.read(verify).unwrap();
    assert!(report.is_clean(), "{:?}", report.differences);
}

#[track_caller]
fn receive(app: &TestApp, keeper: &str, store: &str, item: &str, lot: &str, units: i64) -> Value {
    let body = json!({"store_code": store, "source": {"kind": "donor", "name": "海外捐赠"},
        "lines": [{"item_code": item, "lot_number": lot, "maker": "国外厂", "donor": "校友会",
                   "expires_on": "2027-11-30", "quantity": units, "unit_cost": "4.50"}]});
    app.post(keeper, "/receipts", body).expect(201)
}

fn makers_lot(receipt: &Value) -> String {
    receipt["lines"][0]["makers_lot_id"].as_str().unwrap().to_owned()
}

/// On 31 January 2020 the Red Cross of Hubei corrected "N95 36 000" to "KN95 36 000": the pieces
/// were there, but they were of another grade. By then they lay in stores, some were promised, and
/// some were on a lorry.
#[test]
fn thirty_six_thousand_n95_become_kn95_in_all_stores_and_on_the_lorries() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", "M03", "20200131", 30_000);
        receive(app, "keeper.hospital", "QN-HOSP", "M03", "20200131", 6_000);
        let mut on_lorry = Dispatch::requested(app, "M03", 4_000);
        on_lorry.does("commander", "approve", json!({}));
        on_lorry.does("keeper.depot", "pick", json!({}));
        let mut first = lorry();
        first["lines"] = json!([{"line": 1, "quantity": 2_500}]);
        on_lorry.does("keeper.depot", "ship", first);
        on_lorry.does(
            "keeper.hospital",
            "receipts",
            json!({"lines": [{"line": 1, "received": 500}]}),
        );
        assert_eq!(on_lorry.numbers(&["reserved", "in_transit", "received"]), [1_500, 2_000, 500]);

        let path = format!("/makers-lots/{}", makers_lot(&receipt));
        let correction = format!("{path}/correction");
        let tag = app.get("commander", &path).etag();
        let body = json!({"item_code": "M02", "reason_code": "wrong_item",
            "note": "N95 36000 更正为 KN95 36000"});
        app.act("keeper.depot", &correction, &tag, body.clone()).refused(403, "forbidden");
        let done = app.act("commander", &correction, &tag, body.clone()).expect(200);
        assert_eq!(done["event"]["number"], "PG-COUNTY-2026-000001");
        assert_eq!(done["makers_lot"]["item_code"], "M02");
        app.act("commander", &correction, &tag, body).refused(412, "stale_version");

        // Not a piece of the wrong item is left, and every piece of the right one is there.
        for (store, units, kept) in [("QN-DEPOT", 27_500, 1_500), ("QN-HOSP", 6_500, 0)] {
            assert_eq!(held(app, store, "M03", "available"), (0, 0));
            assert_eq!(held(app, store, "M02", "available"), (units, kept));
        }
        assert_eq!((on_the_way(app, "M03"), on_the_way(app, "M02")), (0, 2_000));
        is_clean(app);

        // The lot keeps its provenance, and its story is told from both ends.
        let lots = app.get("auditor", "/lots?item=M02").expect(200)["rows"].clone();
        assert_eq!(
            (&lots[0]["donor"], &lots[0]["unit_cost"], &lots[0]["makers_lot"]["lot_number"]),
            (&json!("校友会"), &json!("4.50"), &json!("20200131"))
        );
        let old = receipt["lines"][0]["lot_id"].as_str().unwrap();
        let trace = app.get("auditor", &format!("/lots/{old}/trace")).expect(200);
        assert_eq!(trace["went_to"], json!([lots[0]["id"]]));
        assert_eq!(trace["corrections"][0]["before"]["item_code"], "M03");
        let new = lots[0]["id"].as_str().unwrap();
        let trace = app.get("auditor", &format!("/lots/{new}/trace")).expect(200);
        assert_eq!(trace["corrections"][0]["after"]["item_code"], "M02");
        let kinds: Vec<&str> = trace["movements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["reclassification"; 3]);

        // The receipt cannot be reversed any more, and the refusal names the correction.
        let reversal = format!("/receipts/{}/reversal", receipt["id"].as_str().unwrap());
        let refused = app.post("keeper.depot", &reversal, json!({"reason_code": "wrong_item"}));
        let problem = refused.refused(409, "insufficient_stock");
        assert_eq!(problem["used_by"][0]["number"], "PG-COUNTY-2026-000001");

        // The dispatch goes on with what it carries, under the right label.
        let answer = app.get("keeper.depot", &format!("/dispatches/{}", on_lorry.id));
        let tag = answer.etag();
        let read = answer.expect(200);
        assert_eq!(read["events"].as_array().unwrap().last().unwrap()["what"], "lots_corrected");
        let act = |user: &str, action: &str, tag: &str, body: Value| {
            let path = format!("/dispatches/{}/{action}", on_lorry.id);
            let answer = app.act(user, &path, tag, body);
            (answer.etag(), answer.expect(200))
        };
        let (tag, _) = act("keeper.depot", "ship", &tag, lorry());
        // Both lots of the line are on the books of the lorries, so the one that comes is named.
        let body = json!({"lines": [{"line": 1, "lot_id": new, "received": 3_500}]});
        let (_, done) = act("keeper.hospital", "receipts", &tag, body);
        assert_eq!(done["status"], "received");
        assert_eq!(held(app, "QN-HOSP", "M02", "available"), (10_000, 0));
        assert_eq!(held(app, "QN-DEPOT", "M02", "available"), (26_000, 0));
        is_clean(app);
    });
}

#[test]
fn a_correction_into_a_label_that_the_book_knows_makes_them_one_unless_the_dates_contradict() {
    TestApp::each(|app| {
        let wrong = receive(app, "keeper.depot", "QN-DEPOT", "M03", "A1O", 100);
        receive(app, "keeper.hospital", "QN-HOSP", "M03", "A10", 50);
        let other = json!({"store_code": "QN-HOSP", "source": {"kind": "donor"},
            "lines": [{"item_code": "M03", "lot_number": "A11", "maker": "国外厂",
                       "expires_on": "2027-12-31", "quantity": 5}]});
        app.post("keeper.hospital", "/receipts", other).expect(201);
        let path = format!("/makers-lots/{}/correction", makers_lot(&wrong));
        let correct = |right: Value| {
            let mut body = json!({"reason_code": "wrong_lot"});
            for (name, value) in right.as_object().unwrap() {
                body[name] = value.clone();
            }
            app.act("commander", &path, "*", body)
        };
        let problem = correct(json!({"lot_number": "A11"})).refused(409, "lot_conflict");
        assert_eq!(problem["expires_on"], "2027-12-31");
        let unit = correct(json!({"item_code": "D03"}));
        assert_eq!(unit.pointers(), ["/item_code"], "bottles are no pieces");
        let unknown = correct(json!({"item_code": "NONE"}));
        assert_eq!(unknown.pointers(), ["/item_code"]);
        correct(json!({})).refused(422, "validation_failed");
        let done = correct(json!({"lot_number": "A10"})).expect(200);
        let stores: Vec<(&str, i64)> = done["stock"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["store_code"].as_str().unwrap(), row["on_hand"].as_i64().unwrap()))
            .collect();
        assert_eq!(stores, [("QN-DEPOT", 100), ("QN-HOSP", 50)]);
        let lots = app.get("auditor", "/lots?item=M03&lot_number=A10").expect(200);
        assert_eq!(lots["rows"].as_array().unwrap().len(), 1, "the same provenance is one lot");
        is_clean(app);
    });
}

#[test]
fn a_correction_lifts_no_recall() {
    TestApp::each(|app| {
        let wrong = receive(app, "keeper.depot", "QN-DEPOT", "M03", "BAD", 100);
        let path = format!("/makers-lots/{}", makers_lot(&wrong));
        app.act("commander", &format!("{path}/recall"), "*", json!({"reason": "召回"})).expect(200);
        let body = json!({"lot_number": "B4D", "reason_code": "wrong_lot"});
        let done = app.act("commander", &format!("{path}/correction"), "*", body).expect(200);
        assert_eq!(done["makers_lot"]["recall_reason"], "召回");
        is_clean(app);
    });
}

#[test]
fn an_extension_needs_an_authority_and_what_the_book_said_before_stays_answerable() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", "M03", "A", 100);
        let path = format!("/makers-lots/{}", makers_lot(&receipt));
        let expiry = format!("{path}/expiry");
        app.set_time("2026-03-02T03:00:00Z");
        let mut body = json!({"expires_on": "2028-05-31", "because": "extended",
            "reason_code": "other"});
        app.act("commander", &expiry, "*", body.clone()).refused(409, "authority_required");
        app.act("keeper.depot", &expiry, "*", body.clone()).refused(403, "forbidden");
        body["authority"] =
            json!({"kind": "order", "number": "赣药监〔2026〕12号", "issued_by": "省药监局"});
        let done = app.act("commander", &expiry, "*", body).expect(200);
        assert_eq!(done["event"]["kind"], "expiry_extended");
        assert_eq!(done["event"]["authority"]["number"], "赣药监〔2026〕12号");
        let row = app.get("keeper.depot", "/stock?item=M03").expect(200)["rows"][0].clone();
        assert_eq!(row["expires_on"], "2028-05-31");
        // A typing error needs nobody's word, and may shorten it.
        app.set_time("2026-03-02T04:00:00Z");
        let typed = json!({"expires_on": "2027-10-31", "because": "typing_error",
            "reason_code": "wrong_lot"});
        app.act("commander", &expiry, "*", typed).expect(200);
        for (at, expires_on) in [
            ("2026-03-02T02:30:00Z", "2027-11-30"),
            ("2026-03-02T03:30:00Z", "2028-05-31"),
            ("2026-03-02T04:30:00Z", "2027-10-31"),
        ] {
            let read = app.get("auditor", &format!("{path}?as_known_at={at}")).expect(200);
            assert_eq!(read["label"]["expires_on"], expires_on, "as known at {at}");
        }
        // So does what the stock was known to be.
        app.set_time("2026-03-02T05:00:00Z");
        for (at, expires_on) in [
            ("2026-03-02T02:30:00Z", "2027-11-30"),
            ("2026-03-02T03:30:00Z", "2028-05-31"),
            ("2026-03-02T04:30:00Z", "2027-10-31"),
        ] {
            let stock = format!("/stock?item=M03&as_known_at={at}");
            let read = app.get("auditor", &stock).expect(200);
            assert_eq!(read["rows"][0]["expires_on"], expires_on, "as known at {at}");
        }
        let read = app.get("auditor", &path).expect(200);
        assert_eq!(read["corrections"].as_array().unwrap().len(), 2);
        let same = json!({"expires_on": "2027-10-31", "because": "typing_error",
            "reason_code": "wrong_lot"});
        assert_eq!(app.act("commander", &expiry, "*", same).pointers(), ["/expires_on"]);
        is_clean(app);
    });
}

#[test]
fn an_item_is_not_corrected_while_facts_are_open_on_it() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", "M03", "A", 10);
        let fact = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
            "after_the_fact": true, "slip_number": "0031",
            "lines": [{"item_code": "M03", "quantity": 15, "lot_number": "A"}]});
        let issued = app.post("keeper.depot", "/issues", fact).expect(201);
        let path = format!("/makers-lots/{}/correction", makers_lot(&receipt));
        let body = json!({"item_code": "M02", "reason_code": "wrong_item"});
        let problem = app.act("commander", &path, "*", body).refused(409, "in_use");
        assert_eq!(problem["documents"], json!([issued["number"]]));
        let number = json!({"lot_number": "B", "reason_code": "wrong_lot"});
        app.act("commander", &path, "*", number).expect(200);
        is_clean(app);
    });
}

#[test]
fn corrections_race_with_issues_and_approvals_and_lose_no_piece() {
    TestApp::each(|app| {
        let receipt = receive(app, "keeper.depot", "QN-DEPOT", "M03", "A", 1_000);
        let orders: Vec<Dispatch> = (0..3).map(|_| Dispatch::requested(app, "M03", 50)).collect();
        let path = format!("/makers-lots/{}/correction", makers_lot(&receipt));
        let issue = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
            "lines": [{"item_code": "M03", "quantity": 10}]});
        std::thread::scope(|threads| {
            for order in &orders {
                threads.spawn(move || {
                    let answer = order.tries("commander", "approve", json!({}));
                    assert!([200, 409].contains(&answer.status), "{}", answer.text);
                });
            }
            for _ in 0..3 {
                let issue = issue.clone();
                threads.spawn(move || {
                    let answer = app.post("keeper.depot", "/issues", issue);
                    assert!([201, 409].contains(&answer.status), "{}", answer.text);
                });
            }
            let body = json!({"lot_number": "B", "reason_code": "wrong_lot"});
            let path = &path;
            threads.spawn(move || app.act("commander", path, "*", body).expect(200));
        });
        is_clean(app);
        let lots = app.get("auditor", "/stock?store=QN-DEPOT&item=M03").expect(200);
        let numbers: Vec<&Value> =
            lots["rows"].as_array().unwrap().iter().map(|row| &row["lot_number"]).collect();
        assert_eq!(numbers, ["B"]);
    });
}

#[test]
fn a_cost_that_was_settled_changes_only_with_a_reason_and_follows_its_lot() {
    TestApp::each(|app| {
        let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier", "name": "药企"},
            "lines": [{"item_code": "M03", "lot_number": "A", "expires_on": "2027-11-30",
                       "quantity": 10, "unit_cost": "4.00", "cost_is_estimated": true}]});
        let receipt = app.post("keeper.depot", "/receipts", body).expect(201);
        let right = json!({"lot_number": "B", "reason_code": "wrong_lot"});
        let path = format!("/makers-lots/{}/correction", makers_lot(&receipt));
        app.act("commander", &path, "*", right).expect(200);
        let path = format!("/receipts/{}/cost", receipt["id"].as_str().unwrap());
        let settle = |cost: &str, reason: Option<&str>| {
            let lines = json!([{"line": 1, "unit_cost": cost}]);
            let body = json!({"lines": lines, "reason_code": reason, "note": "发票 03417729"});
            app.act("keeper.depot", &path, "*", body)
        };
        settle("4.20", None).expect(200);
        settle("4.30", None).refused(409, "wrong_status");
        settle("4.30", Some("miscounted")).expect(200);
        let twice =
            json!({"lines": [{"line": 1, "unit_cost": "1"}, {"line": 1, "unit_cost": "1"}]});
        assert_eq!(app.act("keeper.depot", &path, "*", twice).pointers(), ["/lines/1/line"]);
        let lots = app.get("auditor", "/lots?item=M03&lot_number=B").expect(200);
        let lot = &lots["rows"][0];
        assert_eq!((&lot["unit_cost"], &lot["cost_is_estimated"]), (&json!("4.30"), &json!(false)));
        let trace = format!("/lots/{}/trace", lot["id"].as_str().unwrap());
        let history = app.get("auditor", &trace).expect(200)["cost_history"].clone();
        let costs: Vec<(&Value, &Value)> = history
            .as_array()
            .unwrap()
            .iter()
            .map(|event| (&event["old_cost"], &event["new_cost"]))
            .collect();
        assert_eq!(costs, [(&json!("4.00"), &json!("4.20")), (&json!("4.20"), &json!("4.30"))]);
        assert_eq!(history[1]["reason_code"], "miscounted");
    });
}
