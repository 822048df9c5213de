//! Facts over HTTP: what has happened is booked, whatever the book holds, and cleared afterwards.

use crate::dispatch::{Dispatch, lorry};
use crate::support::stock::{held, put, put_for};
use crate::support::{Answer, TestApp};
use changbei::kernel::{Instant, ItemCode, StoreCode};
use changbei::stock::commands::unmatched::{clear_by_count, lock_open};
use changbei::stock::queries::unmatched::open_unmatched_through;
use changbei::stock::{DocumentRef, verify::verify};
use serde_json::{Value, json};

#[track_caller]
fn is_clean(app: &TestApp) {
    let report = app.app.read(verify).unwrap();
    assert!(report.is_clean(), "{:?}", report.differences);
}

/// Masks that the depot handed out before anybody booked it.
fn handed_out(quantity: i64) -> Value {
    json!({"store_code": "QN-DEPOT", "purpose": "consumption", "after_the_fact": true,
        "slip_number": "手工单 0031", "lines": [{"item_code": "M03", "quantity": quantity}]})
}

fn fact(app: &TestApp, quantity: i64) -> Answer {
    app.post("keeper.depot", "/issues", handed_out(quantity))
}

fn unmatched(app: &TestApp) -> Vec<Value> {
    app.get("keeper.depot", "/unmatched").expect(200)["rows"].as_array().unwrap().clone()
}

fn receipt(quantity: i64, came_at: &str) -> Value {
    json!({"store_code": "QN-DEPOT", "occurred_at": came_at,
        "source": {"kind": "donor", "name": "爱心企业"},
        "lines": [{"item_code": "M03", "lot_number": "GIFT", "expires_on": "2027-06-30",
                   "quantity": quantity}]})
}

/// Before the time at which every test begins.
const MORNING: &str = "2026-03-02T00:00:00Z";
const LATER: &str = "2026-03-02T03:00:00Z";

#[test]
fn a_fact_names_its_slip_and_nothing_else_does() {
    TestApp::each(|app| {
        for path in ["/issues", "/receipts", "/write-offs", "/adjustments"] {
            let mut body = match path {
                "/issues" => handed_out(1),
                "/receipts" => receipt(1, MORNING),
                _ => json!({"store_code": "QN-DEPOT", "lines": []}),
            };
            body["after_the_fact"] = json!(true);
            body.as_object_mut().unwrap().remove("slip_number");
            let bare = app.post("keeper.depot", path, body.clone());
            assert!(bare.pointers().contains(&"/slip_number".to_owned()), "{path} {}", bare.text);
            body["after_the_fact"] = json!(false);
            body["slip_number"] = json!("0031");
            let other = app.post("keeper.depot", path, body);
            assert!(other.pointers().contains(&"/slip_number".to_owned()), "{path} {}", other.text);
        }
    });
}

#[test]
fn a_fact_takes_what_the_book_holds_and_posts_the_rest_as_unmatched() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "GOOD", "2027-01-01", 30);
        put(app, "QN-DEPOT", "M03", "OLD", "2026-03-01", 10);
        put_for(app, "QN-DEPOT", "M03", "WARD", "2026-12-31", 5, Some("发热门诊"));
        let issued = fact(app, 100).expect(201);
        assert_eq!(issued["slip_number"], "手工单 0031");
        let line = &issued["lines"][0];
        let lots: Vec<(&str, i64, &Value)> = line["lots"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lot| {
                let number = lot["lot_number"].as_str().unwrap();
                (number, lot["quantity"].as_i64().unwrap(), &lot["although"])
            })
            .collect();
        assert_eq!(
            lots,
            [
                ("GOOD", 30, &Value::Null),
                ("OLD", 10, &json!("expired")),
                ("WARD", 5, &json!("earmarked"))
            ]
        );
        assert_eq!(line["unmatched"], 55);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (0, 0));
        let open = unmatched(app);
        assert_eq!(open.len(), 1);
        assert_eq!(
            (&open[0]["open"], &open[0]["quantity"], &open[0]["purpose"]),
            (&json!(55), &json!(55), &json!("consumption"))
        );
        assert_eq!(open[0]["document"]["number"], issued["number"]);
        let last = issued["movements"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            (&last["from_account"], &last["to_account"], &last["after_the_fact"]),
            (&json!("outside/unmatched"), &json!("outside/consumption"), &json!(true))
        );
        // A stranger sees nothing of it.
        assert_eq!(app.get("keeper.town", "/unmatched").expect(200)["rows"], json!([]));
        let path = format!("/unmatched/{}", open[0]["id"].as_str().unwrap());
        assert_eq!(app.get("auditor", &path).expect(200)["open"], 55);
        app.get("keeper.town", &path).refused(404, "not_found");
        // The same as a request would be refused.
        let mut asked = handed_out(1);
        asked["after_the_fact"] = json!(false);
        asked.as_object_mut().unwrap().remove("slip_number");
        app.post("keeper.depot", "/issues", asked).refused(409, "insufficient_stock");
        is_clean(app);
    });
}

#[test]
fn a_lot_that_the_book_does_not_know_yet_may_be_named_by_a_fact() {
    TestApp::each(|app| {
        let lot = put(app, "QN-DEPOT", "M03", "KNOWN", "2027-01-01", 20);
        let mut body = handed_out(7);
        body["lines"][0]["lot_number"] = json!("NOT-BOOKED");
        app.post("keeper.depot", "/issues", body.clone()).expect(201);
        body["lines"][0]["lot_number"] = json!("KNOWN");
        body["lines"][0]["quantity"] = json!(50);
        app.post("keeper.depot", "/issues", body).expect(201);
        let open = unmatched(app);
        // Whatever the label says, the book holds 20 of the item: they go first.
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!(open[0]["lot_id"], json!(lot));
        assert_eq!(open[0]["open"], 37);
        let mut body = handed_out(2);
        body["lines"][0]["lot_number"] = json!("NOT-BOOKED");
        app.post("keeper.depot", "/issues", body).expect(201);
        assert_eq!(unmatched(app)[1]["named_lot"], "NOT-BOOKED");
        is_clean(app);
    });
}

#[test]
fn a_fact_cuts_the_promise_made_last_and_its_dispatch_says_so() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 100);
        let mut first = Dispatch::requested(app, "M03", 50);
        first.does("commander", "approve", json!({}));
        let mut second = Dispatch::requested(app, "M03", 40);
        second.does("commander", "approve", json!({}));
        let issued = fact(app, 55).expect(201);
        let cuts = &issued["lines"][0]["cuts"];
        assert_eq!(cuts[0]["document_id"], json!(second.id));
        assert_eq!((&cuts[0]["quantity"], &cuts[1]["quantity"]), (&json!(40), &json!(5)));
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (45, 45));

        // The version that its people have seen is no longer the current one.
        first.tries("keeper.depot", "pick", json!({})).refused(412, "stale_version");
        let path = format!("/dispatches/{}", first.id);
        let answer = app.get("keeper.depot", &path);
        let tag = answer.etag();
        let read = answer.expect(200);
        let line = &read["lines"][0];
        assert_eq!(
            (&line["cut"], &line["reserved"], &line["open_remainder"]),
            (&json!(5), &json!(45), &json!(5))
        );
        let told = read["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(told["what"], "promise_cut");
        assert!(told["note"].as_str().unwrap().contains(issued["number"].as_str().unwrap()));
        let open = app.get("auditor", "/dispatches?open_remainder=true").expect(200);
        assert_eq!(open["rows"].as_array().unwrap().len(), 2);

        let alerts = "/reservation-cuts?acknowledged=false";
        let listed = app.get("keeper.depot", alerts).expect(200);
        assert_eq!(listed["rows"].as_array().unwrap().len(), 2);
        assert_eq!(listed["rows"][0]["slip_number"], "手工单 0031");
        assert_eq!(app.get("keeper.town", alerts).expect(200)["rows"], json!([]));
        // Going on with it takes notice.
        app.act("keeper.depot", &format!("{path}/pick"), &tag, json!({})).expect(200);
        let listed = app.get("keeper.depot", alerts).expect(200);
        assert_eq!(listed["rows"].as_array().unwrap().len(), 1);
        assert_eq!(listed["rows"][0]["document_id"], json!(second.id));
        is_clean(app);
    });
}

#[test]
fn floors_do_not_refuse_a_fact_and_its_paperwork_is_due() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 100);
        let plan = json!({"name": "储备方案", "lines": [{"store_code": "QN-DEPOT",
            "item_code": "M03", "floor": 80, "bases": [{"kind": "fixed", "quantity": 90}]}]});
        let drafted = app.post("commander", "/reserve-plans", plan).expect(201);
        let path = format!("/reserve-plans/{}", drafted["id"].as_str().unwrap());
        app.act("commander", &format!("{path}/submit"), "*", json!({})).expect(200);
        let approval = json!({"approval_number": "全指发〔2026〕3号"});
        app.act("deputy", &format!("{path}/approve"), "*", approval).expect(200);
        let issued = fact(app, 50).expect(201);
        let taken = &issued["draw_downs"][0];
        assert_eq!((&taken["quantity"], &taken["floor"]), (&json!(30), &json!(80)));
        assert_eq!(taken["authority"]["kind"], "unstated");
        let papers = app.get("auditor", "/paperwork?state=open").expect(200);
        assert_eq!(papers["rows"][0]["document"]["number"], issued["number"]);
        // Nobody can name such a word himself.
        let mut body = handed_out(1);
        body["authority"] = json!({"kind": "unstated", "issued_by": "x"});
        let named = app.post("keeper.depot", "/issues", body);
        assert_eq!(named.pointers(), ["/authority/kind"]);
    });
}

#[test]
fn a_receipt_that_came_before_the_fact_clears_it_and_a_later_one_only_where_it_says_so() {
    TestApp::each(|app| {
        let issued = fact(app, 60).expect(201);
        // It came after the fact: it cannot have been handed out by it.
        app.set_time("2026-03-02T04:00:00Z");
        app.post("keeper.depot", "/receipts", receipt(10, LATER)).expect(201);
        assert_eq!(unmatched(app)[0]["open"], 60);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (10, 0));
        // It came before: part of what was handed out comes to light.
        let mut early = receipt(25, MORNING);
        early["lines"][0]["lot_number"] = json!("EARLY");
        let booked = app.post("keeper.depot", "/receipts", early).expect(201);
        assert_eq!(booked["cleared"][0]["quantity"], 25);
        let fact = unmatched(app)[0].clone();
        assert_eq!((&fact["open"], &fact["cleared"]), (&json!(35), &json!(25)));
        assert_eq!(fact["clearings"][0]["by"]["number"], booked["number"]);
        assert_eq!(fact["clearings"][0]["how"], "receipt");
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (10, 0));
        // One that names it clears it, whenever it came.
        let mut named = receipt(50, LATER);
        named["lines"][0]["lot_number"] = json!("NAMED");
        named["clears"] = json!([fact["id"]]);
        app.post("keeper.depot", "/receipts", named.clone()).expect(201);
        assert_eq!(unmatched(app).len(), 0);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (25, 0));
        let again = app.post("keeper.depot", "/receipts", named);
        assert_eq!(again.pointers(), ["/clears/0"], "nothing of it is open");
        // The receipt's goods were used, and the refusal names the issue.
        let path = format!("/receipts/{}/reversal", booked["id"].as_str().unwrap());
        let refused = app.post("keeper.depot", &path, json!({"reason_code": "wrong_item"}));
        let problem = refused.refused(409, "insufficient_stock");
        assert_eq!(problem["used_by"][0]["number"], issued["number"]);
        is_clean(app);
    });
}

#[test]
fn a_fact_is_set_by_hand_against_stock_that_a_receipt_had_brought() {
    TestApp::each(|app| {
        fact(app, 60).expect(201);
        app.set_time("2026-03-02T04:00:00Z");
        app.post("keeper.depot", "/receipts", receipt(40, LATER)).expect(201);
        let id = unmatched(app)[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/unmatched/{id}/matches");
        let too_much = app.post("keeper.depot", &path, json!({"quantity": 61}));
        assert_eq!(too_much.pointers(), ["/quantity"]);
        app.post("keeper.depot", &path, json!({})).refused(409, "insufficient_stock");
        let matched = app.post("keeper.depot", &path, json!({"quantity": 40})).expect(201);
        assert_eq!((&matched["open"], &matched["cleared"]), (&json!(20), &json!(40)));
        app.post("keeper.town", &path, json!({})).refused(404, "not_found");
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (0, 0));
        is_clean(app);
    });
}

#[test]
fn a_count_takes_an_open_fact_upon_itself_and_then_it_cannot_be_reversed() {
    TestApp::each(|app| {
        let issued = fact(app, 60).expect(201);
        let day = changbei::kernel::time::parse_date("2026-03-02").unwrap();
        let open = app.app.read(move |conn| open_unmatched_through(conn, None, day)).unwrap();
        assert_eq!((open.0, open.1.units()), (1, 60));
        let keeper = crate::support::county::actor(changbei::access::Role::Keeper);
        let permission = changbei::access::Permission::PostAdjustments;
        let call = changbei::command::Call::internal(keeper, permission, "count");
        changbei::command::run(&app.app, call, move |tx| {
            let by = DocumentRef {
                kind: "stocktake".to_owned(),
                id: "1".to_owned(),
                number: "PD-QN-DEPOT-2026-000001".to_owned(),
            };
            let store = StoreCode::new("QN-DEPOT").unwrap();
            let items = [ItemCode::new("M03").unwrap()].into_iter();
            let at = Instant::parse("2026-03-02T02:00:00Z").unwrap();
            let open = lock_open(tx, &store, items)?;
            let cleared = clear_by_count(tx, &store, open.iter(), at, &by)?;
            assert_eq!(cleared.len(), 1);
            let subject = changbei::command::Subject {
                kind: "stocktake",
                id: "1".to_owned(),
                store: Some(store),
            };
            Ok(changbei::command::Done::ok(subject, &"counted"))
        })
        .expect("a count");
        assert_eq!(unmatched(app).len(), 0);
        let open = app.app.read(move |conn| open_unmatched_through(conn, None, day)).unwrap();
        assert_eq!((open.0, open.1.units()), (0, 0));
        let path = format!("/issues/{}/reversal", issued["id"].as_str().unwrap());
        let refused = app.post("keeper.depot", &path, json!({"reason_code": "entered_twice"}));
        let problem = refused.refused(409, "in_use");
        assert_eq!(problem["document_number"], "PD-QN-DEPOT-2026-000001");
        is_clean(app);
    });
}

#[test]
fn a_reversal_takes_the_open_part_of_a_fact_first_and_brings_cleared_goods_back() {
    TestApp::each(|app| {
        let issued = fact(app, 60).expect(201);
        app.post("keeper.depot", "/receipts", receipt(25, MORNING)).expect(201);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (0, 0));
        let path = format!("/issues/{}/reversal", issued["id"].as_str().unwrap());
        let part = |quantity: i64| {
            let line = json!([{"line": 1, "quantity": quantity}]);
            app.post("keeper.depot", &path, json!({"reason_code": "miscounted", "lines": line}))
        };
        part(30).expect(201);
        assert_eq!(unmatched(app)[0]["open"], 5);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (0, 0));
        part(15).expect(201);
        assert_eq!(unmatched(app).len(), 0);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (10, 0), "ten had been cleared");
        assert_eq!(part(16).refused(409, "already_reversed")["left"], 15);
        app.post("keeper.depot", &path, json!({"reason_code": "entered_twice"})).expect(201);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (25, 0));
        part(1).refused(409, "already_reversed");
        is_clean(app);
    });
}

#[test]
fn a_document_is_reversed_line_by_line_and_never_beyond_what_was_posted() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2026-12-31", 30);
        put(app, "QN-DEPOT", "M03", "B", "2027-12-31", 30);
        put(app, "QN-DEPOT", "M02", "C", "2027-12-31", 30);
        let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption", "lines": [
            {"item_code": "M03", "quantity": 40}, {"item_code": "M02", "quantity": 20}]});
        let issued = app.post("keeper.depot", "/issues", body).expect(201);
        let path = format!("/issues/{}/reversal", issued["id"].as_str().unwrap());
        let lines = |lines: Value| {
            let body = json!({"reason_code": "miscounted", "lines": lines});
            app.post("keeper.depot", &path, body)
        };
        let faulty = json!([{"line": 3}, {"line": 1, "quantity": 0}, {"line": 1}]);
        let faults = lines(faulty);
        assert_eq!(faults.pointers(), ["/lines/0/line", "/lines/1/quantity", "/lines/2/line"]);
        let back = lines(json!([{"line": 1, "quantity": 15}])).expect(201);
        // The lot taken last goes back first.
        let units: Vec<i64> = back["movements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["quantity"].as_i64().unwrap())
            .collect();
        assert_eq!(units, [10, 5]);
        assert_eq!(
            lines(json!([{"line": 1, "quantity": 26}])).refused(409, "already_reversed")["left"],
            25
        );
        lines(json!([{"line": 2}])).expect(201);
        app.post("keeper.depot", &path, json!({"reason_code": "other"})).expect(201);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (60, 0));
        assert_eq!(held(app, "QN-DEPOT", "M02", "available"), (30, 0));
        is_clean(app);
    });
}

#[test]
fn open_facts_make_a_shortfall_doubtful() {
    TestApp::each(|app| {
        let plan = json!({"name": "储备方案", "lines": [{"store_code": "QN-DEPOT",
            "item_code": "M03", "bases": [{"kind": "fixed", "quantity": 90}]}]});
        let drafted = app.post("commander", "/reserve-plans", plan).expect(201);
        let path = format!("/reserve-plans/{}", drafted["id"].as_str().unwrap());
        app.act("commander", &format!("{path}/submit"), "*", json!({})).expect(200);
        let approval = json!({"approval_number": "全指发〔2026〕3号"});
        app.act("deputy", &format!("{path}/approve"), "*", approval).expect(200);
        let is_doubtful = |moment: &str| {
            let path = format!("/shortfalls?store=QN-DEPOT{moment}");
            let row = app.get("commander", &path).expect(200)["rows"][0].clone();
            row["reasons"].to_string().contains("unmatched_facts")
        };
        assert!(!is_doubtful(""));
        app.set_time("2026-03-02T02:10:00Z");
        let path = fact(app, 5).expect(201)["id"].as_str().unwrap().to_owned();
        assert!(is_doubtful(""));
        app.set_time("2026-03-02T02:20:00Z");
        app.post("keeper.depot", "/receipts", receipt(25, MORNING)).expect(201);
        assert!(!is_doubtful(""));
        app.set_time("2026-03-02T02:30:00Z");
        let back = json!({"reason_code": "entered_twice"});
        app.post("keeper.depot", &format!("/issues/{path}/reversal"), back).expect(201);
        // Whoever asks about a time is told what was doubtful then, as far as it was known then.
        app.set_time(LATER);
        for (at, as_known, by_now) in [
            ("2026-03-02T02:05:00Z", false, false),
            ("2026-03-02T02:15:00Z", true, false),
            ("2026-03-02T02:25:00Z", false, false),
            ("2026-03-02T02:35:00Z", false, false),
        ] {
            assert_eq!(is_doubtful(&format!("&as_known_at={at}")), as_known, "as known at {at}");
            assert_eq!(is_doubtful(&format!("&as_of={at}")), by_now, "as of {at}");
        }
    });
}

#[test]
fn a_dispatch_of_which_facts_left_nothing_is_picked_anew_or_called_off() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 100);
        let mut picked = Dispatch::requested(app, "M03", 60);
        picked.does("commander", "approve", json!({}));
        picked.does("keeper.depot", "pick", json!({}));
        let mut approved = Dispatch::requested(app, "M03", 40);
        approved.does("commander", "approve", json!({}));
        fact(app, 100).expect(201);
        let again = |one: &Dispatch| Dispatch::again(app, &one.id);
        again(&approved)
            .tries("keeper.depot", "pick", json!({}))
            .refused(409, "insufficient_stock");
        again(&picked).tries("keeper.depot", "ship", lorry()).refused(409, "insufficient_stock");
        again(&approved).does("commander", "cancel", json!({"reason": "另行安排"}));
        let lot = put(app, "QN-DEPOT", "M03", "B", "2027-01-01", 60);
        let anew = json!({"lines": [{"line": 1, "lots": [{"lot_id": lot, "quantity": 60}],
                                     "reason_code": "other"}]});
        again(&picked).does("keeper.depot", "pick", anew);
        again(&picked).does("keeper.depot", "ship", lorry());
        is_clean(app);
    });
}

#[test]
fn write_offs_and_adjustments_that_have_happened_cut_promises_too() {
    TestApp::each(|app| {
        let lot = put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 50);
        let mut dispatch = Dispatch::requested(app, "M03", 45);
        dispatch.does("commander", "approve", json!({}));
        let line = |quantity: i64| json!([{"lot_id": lot, "quantity": quantity, "reason_code": "damaged"}]);
        let burnt = json!({"store_code": "QN-DEPOT", "after_the_fact": true, "slip_number": "报-7",
            "lines": line(15)});
        let done = app.post("keeper.depot", "/write-offs", burnt).expect(201);
        assert_eq!(done["status"], "posted");
        assert_eq!(done["cuts"][0]["quantity"], 10);
        let missing = json!({"store_code": "QN-DEPOT", "after_the_fact": true,
            "slip_number": "盘-3", "lines": [{"lot_id": lot, "quantity_change": -40,
            "reason_code": "lost"}]});
        let done = app.post("keeper.depot", "/adjustments", missing).expect(201);
        assert_eq!(done["cuts"][0]["quantity"], 35);
        let open = unmatched(app);
        assert_eq!(
            (&open[0]["open"], &open[0]["purpose"]),
            (&json!(5), &json!("count_difference"))
        );
        is_clean(app);
        // A large one waits for its approval and is no less a fact then.
        put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 100);
        let large = json!({"store_code": "QN-DEPOT", "after_the_fact": true, "slip_number": "报-8",
            "lines": line(120)});
        let draft = app.post("keeper.depot", "/write-offs", large).expect(201);
        assert_eq!(draft["status"], "draft");
        let path = format!("/write-offs/{}/approve", draft["id"].as_str().unwrap());
        let posted = app.act("commander", &path, "*", json!({})).expect(200);
        let units: Vec<i64> = posted["movements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["quantity"].as_i64().unwrap())
            .collect();
        assert_eq!(units, [100, 20]);
        is_clean(app);
    });
}

#[test]
fn goods_that_a_lorry_brought_clear_facts_and_a_lorry_that_has_left_is_not_refused() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2026-03-03", 100);
        let mut dispatch = Dispatch::requested(app, "M03", 50);
        dispatch.does("commander", "approve", json!({}));
        dispatch.does("keeper.depot", "pick", json!({}));
        // The lot has expired since, but the lorry had left in time.
        app.set_time("2026-03-05T02:00:00Z");
        let mut left = lorry();
        left["expected_at"] = json!("2026-03-05T05:00:00Z");
        dispatch.tries("keeper.depot", "ship", left.clone()).refused(409, "lot_blocked");
        left["after_the_fact"] = json!(true);
        left["slip_number"] = json!("出车单 12");
        dispatch.does("keeper.depot", "ship", left);
        let used = json!({"store_code": "QN-HOSP", "purpose": "consumption",
            "after_the_fact": true, "slip_number": "病区 4", "occurred_at": "2026-03-05T02:00:00Z",
            "lines": [{"item_code": "M03", "quantity": 20}]});
        app.post("keeper.hospital", "/issues", used).expect(201);
        let rows = app.get("keeper.hospital", "/unmatched").expect(200)["rows"].clone();
        let signing = json!({"after_the_fact": true, "slip_number": "收 9",
            "clears": [rows[0]["id"]]});
        dispatch.does("keeper.hospital", "receipts", signing);
        let rows = app.get("keeper.hospital", "/unmatched").expect(200)["rows"].clone();
        assert_eq!(rows, json!([]));
        assert_eq!(held(app, "QN-HOSP", "M03", "available"), (30, 0));
        let dispatched = app.get("auditor", "/movements?kind=dispatch_out").expect(200);
        assert_eq!(dispatched["rows"][0]["slip_number"], "出车单 12");
        is_clean(app);
    });
}

#[test]
fn two_facts_at_once_take_each_piece_once() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 50);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| fact(app, 20).expect(201));
            }
        });
        let open: i64 = unmatched(app).iter().map(|row| row["open"].as_i64().unwrap()).sum();
        assert_eq!(open, 30);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (0, 0));
        is_clean(app);
    });
}

#[test]
fn a_fact_against_the_approval_of_a_dispatch_never_promises_what_is_gone() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 100);
        let orders: Vec<Dispatch> = (0..4).map(|_| Dispatch::requested(app, "M03", 20)).collect();
        std::thread::scope(|threads| {
            for order in &orders {
                threads.spawn(move || {
                    let answer = order.tries("commander", "approve", json!({}));
                    assert!([200, 409].contains(&answer.status), "{}", answer.text);
                });
            }
            for _ in 0..3 {
                threads.spawn(|| fact(app, 30).expect(201));
            }
        });
        let (on_hand, reserved) = held(app, "QN-DEPOT", "M03", "available");
        assert_eq!((on_hand, unmatched(app).len()), (10, 0));
        assert!(reserved <= on_hand);
        is_clean(app);
    });
}

#[test]
fn a_fact_that_is_booked_late_takes_only_what_was_there_then_and_can_be_spared_since() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 100);
        app.set_time("2026-03-04T02:00:00Z");
        put(app, "QN-DEPOT", "M03", "LATER", "2026-12-31", 500);
        let used = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
            "lines": [{"item_code": "M03", "quantity": 60, "lot_number": "A"}]});
        app.post("keeper.depot", "/issues", used).expect(201);
        let mut late = handed_out(70);
        late["occurred_at"] = json!("2026-03-03T02:00:00Z");
        let issued = app.post("keeper.depot", "/issues", late).expect(201);
        let line = &issued["lines"][0];
        assert_eq!(line["lots"][0]["lot_number"], "A");
        assert_eq!((&line["lots"][0]["quantity"], &line["unmatched"]), (&json!(40), &json!(30)));
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (500, 0));
        is_clean(app);
    });
}

#[test]
fn a_signing_whose_goods_were_used_is_not_reversed_and_the_issue_is_named() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A", "2027-01-01", 100);
        let mut dispatch = Dispatch::shipped(app, "M03", 50);
        dispatch.does("keeper.hospital", "receipts", json!({}));
        let used = json!({"store_code": "QN-HOSP", "purpose": "consumption",
            "lines": [{"item_code": "M03", "quantity": 20}]});
        let issued = app.post("keeper.hospital", "/issues", used).expect(201);
        let receipt = dispatch.view["receipts"][0]["id"].as_str().unwrap().to_owned();
        let action = format!("receipts/{receipt}/reversal");
        let refused = dispatch.tries("keeper.hospital", &action, json!({"reason_code": "other"}));
        let problem = refused.refused(409, "insufficient_stock");
        assert_eq!(problem["used_by"][0]["number"], issued["number"]);
        let movement = issued["movements"][0]["id"].as_str().unwrap();
        let path = format!("/movements/{movement}/reversals");
        app.post("keeper.hospital", &path, json!({"reason_code": "other"})).expect(201);
        dispatch.does("keeper.hospital", &action, json!({"reason_code": "other"}));
        is_clean(app);
    });
}

#[test]
fn a_period_closes_only_when_no_fact_of_it_is_unmatched() {
    TestApp::each(|app| {
        app.set_time("2026-03-03T02:00:00Z");
        let mut used = handed_out(60);
        used["occurred_at"] = json!("2026-03-02T02:00:00Z");
        app.post("keeper.depot", "/issues", used).expect(201);
        let close = |user: &str, scope: Value, day: &str| {
            let mut body = scope;
            body["through_day"] = json!(day);
            app.post(user, "/periods/close", body)
        };
        let depot = || json!({"store_code": "QN-DEPOT"});
        let county = || json!({"region_code": "360729"});
        // Of the day before nothing is open, and another store is not its business.
        close("keeper.depot", depot(), "2026-03-01").expect(201);
        let hospital = json!({"store_code": "QN-HOSP"});
        close("keeper.hospital", hospital, "2026-03-02").expect(201);
        for (user, scope) in [("keeper.depot", depot()), ("commander", county())] {
            let refused = close(user, scope, "2026-03-02").refused(409, "unmatched_open");
            let open = json!([{"store_code": "QN-DEPOT", "facts": 1, "quantity": 60}]);
            assert_eq!(refused["unmatched"], open);
        }
        let came = |lot: &str, quantity: i64| {
            let mut late = receipt(quantity, "2026-03-02T01:00:00Z");
            late["lines"][0]["lot_number"] = json!(lot);
            app.post("keeper.depot", "/receipts", late).expect(201);
        };
        came("LATE", 45);
        let refused = close("keeper.depot", depot(), "2026-03-02").refused(409, "unmatched_open");
        assert_eq!(refused["unmatched"][0]["quantity"], 15);
        came("LATER", 20);
        close("keeper.depot", depot(), "2026-03-02").expect(201);
        close("commander", county(), "2026-03-02").expect(201);
        is_clean(app);
    });
}
