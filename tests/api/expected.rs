//! What stores expect from outside: entered, put off, fulfilled by receipts, and what shortfalls
//! make of it.

use crate::planning::{fixed, in_force};
use crate::support::TestApp;
use serde_json::{Value, json};

fn order(quantity: i64, expected_at: &str) -> Value {
    json!({"kind": "order", "store_code": "QN-HOSP", "expected_at": expected_at,
        "supplier": "赣州医药公司", "contract_number": "赣采〔2026〕18号",
        "lines": [{"item_code": "M02", "quantity": quantity, "unit_price": "0.35"}]})
}

fn enter(app: &TestApp, body: Value) -> Value {
    app.post("buyer.hospital", "/expected-receipts", body).expect(201)
}

fn receipt(lot: &str, quantity: i64, expected: &Value) -> Value {
    json!({"store_code": "QN-HOSP", "source": {"kind": "supplier", "name": "赣州医药公司"},
        "expected_receipt": expected,
        "lines": [{"item_code": "M02", "lot_number": lot, "expires_on": "2028-01-01",
            "quantity": quantity, "unit_cost": "1.50"}]})
}

fn shown(app: &TestApp, one: &Value) -> Value {
    let path = format!("/expected-receipts/{}", one["id"].as_str().unwrap());
    app.get("keeper.hospital", &path).expect(200)
}

fn act(app: &TestApp, one: &Value, action: &str, tag: &str, body: Value) -> crate::support::Answer {
    let path = format!("/expected-receipts/{}/{action}", one["id"].as_str().unwrap());
    app.act("buyer.hospital", &path, tag, body)
}

fn row(app: &TestApp, query: &str) -> Value {
    let path = format!("/shortfalls?store=QN-HOSP&item=M02{query}");
    app.get("keeper.hospital", &path).expect(200)["rows"][0].clone()
}

#[test]
fn an_order_is_fulfilled_by_receipts_and_opened_again_by_their_reversal() {
    TestApp::each(|app| {
        let made = enter(app, order(1_000, "2026-03-05T02:00:00Z"));
        assert_eq!(made["status"], "open");
        let by_number = format!("/expected-receipts/{}", made["number"].as_str().unwrap());
        assert_eq!(app.get("keeper.hospital", &by_number).expect(200)["id"], made["id"]);

        let first = app.post("keeper.hospital", "/receipts", receipt("A1", 400, &made["number"]));
        let first = first.expect(201);
        let told = &first["fulfils"]["lines"][0];
        assert_eq!((&told["received"], &told["open"]), (&json!(400), &json!(600)));
        assert_eq!(shown(app, &made)["status"], "partly_received");

        // More may come than was ordered, and the answer says so.
        let second = app.post("keeper.hospital", "/receipts", receipt("A2", 700, &made["id"]));
        let told = second.expect(201)["fulfils"]["lines"][0].clone();
        assert_eq!((&told["open"], &told["over"]), (&json!(0), &json!(100)));
        assert_eq!(shown(app, &made)["status"], "fulfilled");

        let path = format!("/receipts/{}/reversal", first["id"].as_str().unwrap());
        app.post("keeper.hospital", &path, json!({"reason_code": "miscounted"})).expect(201);
        let again = shown(app, &made);
        let line = &again["lines"][0];
        assert_eq!(again["status"], "partly_received");
        assert_eq!(
            (&line["received"], &line["open"], &line["over"]),
            (&json!(700), &json!(300), &json!(0))
        );
    });
}

#[test]
fn it_is_put_off_and_cancelled_with_a_reason_and_its_history_stays() {
    TestApp::each(|app| {
        let made = enter(app, order(1_000, "2026-03-05T02:00:00Z"));
        let later = json!({"expected_at": "2026-03-12T02:00:00Z", "reason": "排产延后"});
        act(app, &made, "reschedule", "\"v9\"", later.clone()).refused(412, "stale_version");
        let moved = act(app, &made, "reschedule", "\"v1\"", later).expect(200);
        assert_eq!(moved["expected_at"], "2026-03-12T02:00:00Z");
        let cancelled =
            act(app, &made, "cancel", "\"v2\"", json!({"reason": "无法供货"})).expect(200);
        assert_eq!(cancelled["status"], "cancelled");
        let kinds: Vec<&str> = cancelled["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["created", "rescheduled", "cancelled"]);
        assert_eq!(cancelled["events"][2]["reason"], "无法供货");
        act(app, &made, "cancel", "\"v3\"", json!({"reason": "再次"})).refused(409, "wrong_status");
        app.post("keeper.hospital", "/receipts", receipt("A1", 10, &made["id"]))
            .refused(409, "wrong_status");
    });
}

#[test]
fn every_fault_of_an_expected_receipt_is_told_at_once() {
    TestApp::each(|app| {
        let body = json!({"kind": "order", "store_code": "QN-HOSP", "supplier": "", "lead_days": 5,
            "lines": [{"item_code": "XX", "quantity": 0, "per_day": 5, "unit_price": "?"}]});
        let refused = app.post("buyer.hospital", "/expected-receipts", body);
        let pointers = refused.pointers();
        for pointer in [
            "/supplier",
            "/expected_at",
            "/lead_days",
            "/lines/0/item_code",
            "/lines/0/per_day",
            "/lines/0/unit_price",
        ] {
            assert!(pointers.contains(&pointer.to_owned()), "{pointer} of {pointers:?}");
        }
        let mut capacity = order(1_000, "2026-03-05T02:00:00Z");
        capacity["kind"] = json!("capacity");
        let refused = app.post("buyer.hospital", "/expected-receipts", capacity);
        assert_eq!(refused.pointers(), ["/lines/0/per_day"]);
        app.post("buyer.nowhere", "/expected-receipts", order(1, "2026-03-05T02:00:00Z"))
            .refused(403, "store_out_of_scope");
        // What nobody ordered fulfils nothing.
        let made = enter(app, order(10, "2026-03-05T02:00:00Z"));
        let mut other = receipt("A1", 5, &made["id"]);
        other["lines"][0]["item_code"] = json!("M03");
        let refused = app.post("keeper.hospital", "/receipts", other);
        assert_eq!(refused.pointers(), ["/expected_receipt"]);
    });
}

#[test]
fn orders_alone_and_in_time_lessen_the_net_shortfall_alone() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 1_000)]));
        enter(app, order(300, "2026-03-05T02:00:00Z"));
        enter(app, order(200, "2026-04-20T02:00:00Z"));
        let mut agreement = order(500, "2026-03-03T02:00:00Z");
        agreement["kind"] = json!("agreement");
        enter(app, agreement);
        let mut capacity = order(900, "2026-03-03T02:00:00Z");
        capacity["kind"] = json!("capacity");
        capacity["lead_days"] = json!(3);
        capacity["lines"][0]["per_day"] = json!(100);
        enter(app, capacity);
        let line = row(app, "");
        for (figure, value) in [
            ("on_hand_shortfall", 1_000),
            ("net_shortfall", 700),
            ("on_order", 500),
            ("orders_arriving", 300),
            ("agreed", 500),
            ("capacity", 900),
        ] {
            assert_eq!(line[figure], json!(value), "{figure}");
        }
        assert!(line["reasons"].as_array().unwrap().contains(&json!("order_not_counted")));
        assert_eq!(row(app, "&horizon_days=60")["net_shortfall"], json!(500));
        let told =
            app.get("keeper.hospital", "/shortfalls/explain?store=QN-HOSP&item=M02").expect(200);
        let verdicts: Vec<(&str, &Value)> = told["expected"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["kind"].as_str().unwrap(), &one["verdict"]))
            .collect();
        assert_eq!(
            verdicts,
            [
                ("agreement", &Value::Null),
                ("capacity", &Value::Null),
                ("order", &json!("counted")),
                ("order", &json!("too_late"))
            ]
        );
        assert_eq!(told["net_worked"], "max(0, 1000 − (0 + 0 + 300)) = 700");
    });
}

#[test]
fn the_past_sees_orders_as_they_stood_then() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 1_000)]));
        let made = enter(app, order(300, "2026-03-05T02:00:00Z"));
        app.set_time("2026-03-03T02:00:00Z");
        act(
            app,
            &made,
            "reschedule",
            "\"v1\"",
            json!({"expected_at": "2026-05-01T02:00:00Z", "reason": "延后"}),
        )
        .expect(200);
        app.set_time("2026-03-04T02:00:00Z");
        let late = enter(app, order(400, "2026-03-06T02:00:00Z"));
        app.post("keeper.hospital", "/receipts", receipt("A1", 150, &late["id"])).expect(201);
        app.set_time("2026-03-05T02:00:00Z");
        act(app, &late, "cancel", "\"v1\"", json!({"reason": "余量取消"})).expect(200);
        app.set_time("2026-03-06T02:00:00Z");
        assert_eq!(row(app, "")["net_shortfall"], json!(850));
        let then = |at: &str| row(app, &format!("&as_of={at}"))["net_shortfall"].clone();
        assert_eq!(then("2026-03-02T20:00:00Z"), json!(700));
        assert_eq!(then("2026-03-03T10:00:00Z"), json!(1_000));
        assert_eq!(then("2026-03-04T10:00:00Z"), json!(600));
        let known = row(app, "&as_of=2026-03-06T01:00:00Z&as_known_at=2026-03-04T10:00:00Z");
        assert_eq!(known["net_shortfall"], json!(600));
    });
}

#[test]
fn expected_receipts_are_listed_by_what_became_of_them() {
    TestApp::each(|app| {
        let past = enter(app, order(10, "2026-03-05T02:00:00Z"));
        app.set_time("2026-03-02T03:00:00Z");
        let done = enter(app, order(20, "2026-03-05T02:00:00Z"));
        app.set_time("2026-03-02T04:00:00Z");
        let dead = enter(app, order(30, "2026-03-30T02:00:00Z"));
        app.post("keeper.hospital", "/receipts", receipt("A1", 20, &done["id"])).expect(201);
        act(app, &dead, "cancel", "\"v1\"", json!({"reason": "取消"})).expect(200);
        app.set_time("2026-03-09T02:00:00Z");
        let ids = |query: &str| -> Vec<Value> {
            let page = app.get("auditor", &format!("/expected-receipts?{query}")).expect(200);
            page["rows"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
        };
        let id = |one: &Value| one["id"].clone();
        assert_eq!(ids("overdue=true"), [id(&past)]);
        assert_eq!(ids("status=open&store=QN-HOSP"), [id(&past)]);
        assert_eq!(ids("status=fulfilled&item=M02"), [id(&done)]);
        assert_eq!(ids("status=cancelled&kind=order"), [id(&dead)]);
        assert_eq!(ids("item=M03"), Vec::<Value>::new());
        let page = app.get("auditor", "/expected-receipts?limit=2").expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = ids(&format!("limit=2&cursor={cursor}"));
        assert_eq!(rest, [id(&past)]);
        assert_eq!(app.get("keeper.town", "/expected-receipts").expect(200)["rows"], json!([]));
    });
}
