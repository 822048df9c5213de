//! Stock below its floor is reserve: taking it needs a word and is recorded.

use super::{Dispatch, lorry, spoken};
use crate::support::TestApp;
use crate::support::stock::{held, put};
use serde_json::{Value, json};

/// A plan in force that keeps a floor of 600 respirators and 50 surgical masks at the depot.
fn keep_floors(app: &TestApp) {
    let line = |item: &str, floor: i64| {
        json!({"store_code": "QN-DEPOT", "item_code": item, "floor": floor,
            "bases": [{"kind": "fixed", "quantity": 1000}]})
    };
    let body = json!({"name": "储备方案", "number": "RP-1",
        "lines": [line("M03", 600), line("M02", 50)]});
    let made = app.post("commander", "/reserve-plans", body);
    let tag = made.etag();
    let id = made.expect(201)["id"].as_str().unwrap().to_owned();
    let submitted = app.act("commander", &format!("/reserve-plans/{id}/submit"), &tag, json!({}));
    let tag = submitted.etag();
    submitted.expect(200);
    let approval = json!({"approval_number": "1号", "effective_from": "2026-03-01"});
    app.act("deputy", &format!("/reserve-plans/{id}/approve"), &tag, approval).expect(200);
}

fn order() -> Value {
    json!({"kind": "order", "number": "全指调〔2026〕18号", "issued_by": "钟卫国"})
}

fn recorded(app: &TestApp, query: &str) -> Vec<Value> {
    let page = app.get("auditor", &format!("/draw-downs?{query}")).expect(200);
    page["rows"].as_array().unwrap().clone()
}

#[test]
fn a_floor_is_crossed_only_as_a_recorded_draw_down() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 1000);
        keep_floors(app);
        let mut dispatch = Dispatch::requested(app, "M03", 500);
        let refused = dispatch.tries("commander", "approve", json!({}));
        let problem = refused.refused(409, "floor_crossed");
        assert_eq!(
            (&problem["floor"], &problem["available_after"], &problem["below_floor"]),
            (&json!(600), &json!(500), &json!(100))
        );
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1000, 0));
        let to_the_floor = json!({"lines": [{"line": 1, "approved": 400, "reason_code": "other"}]});
        dispatch.tries("commander", "approve", to_the_floor).expect(200);
        assert_eq!(recorded(app, ""), [] as [Value; 0]);

        dispatch = Dispatch::requested(app, "M03", 70);
        dispatch.does("commander", "approve", json!({"authority": order()}));
        let taken = recorded(app, "status=open&store=QN-DEPOT&item=M03");
        assert_eq!(taken.len(), 1);
        assert_eq!(
            (&taken[0]["quantity"], &taken[0]["floor"], &taken[0]["replenish_by"]),
            (&json!(70), &json!(600), &json!("2026-04-01"))
        );
        assert_eq!(taken[0]["document"]["number"], dispatch.view["number"]);
        assert_eq!(taken[0]["plan"]["version"], 1);
        assert_eq!(taken[0]["authority"]["number"], order()["number"]);
    });
}

#[test]
fn at_night_the_reserve_is_taken_on_a_spoken_word_and_both_lists_show_it() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 700);
        keep_floors(app);
        let body = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP",
            "authority": spoken(), "lines": [{"item_code": "M03", "quantity": 300}]});
        let mut dispatch = Dispatch::made(app, "duty.depot", body);
        dispatch.does("duty.depot", "approve", json!({}));
        let taken = recorded(app, "overdue=false");
        assert_eq!((&taken[0]["quantity"], &taken[0]["overdue"]), (&json!(200), &json!(false)));
        assert_eq!(dispatch.view["paperwork"], "open");
        app.set_time("2026-04-02T02:00:00Z");
        assert_eq!(recorded(app, "overdue=true").len(), 1);
    });
}

#[test]
fn what_does_not_leave_the_store_is_given_back_to_the_reserve() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 700);
        keep_floors(app);
        let mut dispatch = Dispatch::requested(app, "M03", 300);
        dispatch.does("commander", "approve", json!({"authority": order()}));
        dispatch.does("keeper.depot", "pick", json!({}));
        assert_eq!(recorded(app, "")[0]["quantity"], 200);
        let mut half = lorry();
        half["lines"] = json!([{"line": 1, "quantity": 150}]);
        half["last"] = json!(true);
        dispatch.does("keeper.depot", "ship", half);
        let taken = recorded(app, "");
        assert_eq!((&taken[0]["quantity"], &taken[0]["status"]), (&json!(50), &json!("open")));

        let mut other = Dispatch::requested(app, "M03", 10);
        other.does("commander", "approve", json!({"authority": order()}));
        other.does("commander", "cancel", json!({"reason": "误报"}));
        assert_eq!(recorded(app, "status=released").len(), 1);
    });
}

#[test]
fn a_draw_down_is_closed_when_the_stock_is_at_its_floor_again() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 700);
        keep_floors(app);
        let mut dispatch = Dispatch::requested(app, "M03", 300);
        dispatch.does("commander", "approve", json!({"authority": order()}));
        let id = recorded(app, "")[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/draw-downs/{id}");
        let tag = app.get("commander", &path).etag();
        let close = format!("{path}/close");
        app.act("commander", &close, &tag, json!({})).refused(409, "floor_crossed");
        app.act("keeper.depot", &close, &tag, json!({})).refused(403, "forbidden");
        app.get("keeper.hospital", &path).refused(404, "not_found");
        put(app, "QN-DEPOT", "M03", "A2", "2027-12-31", 200);
        let closed = app.act("commander", &close, &tag, json!({})).expect(200);
        assert_eq!(
            (&closed["status"], &closed["closed_by"]),
            (&json!("replenished"), &json!("commander"))
        );
    });
}

#[test]
fn a_substitute_does_not_slip_below_its_own_floor() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M02", "S1", "2026-12-31", 1000);
        let better = put(app, "QN-DEPOT", "M03", "R1", "2026-12-31", 620);
        keep_floors(app);
        let mut dispatch = Dispatch::requested(app, "M02", 80);
        dispatch.does("commander", "approve", json!({}));
        let pick = |quantity: i64| {
            json!({"lines": [{"line": 1, "reason_code": "quality",
                "lots": [{"lot_id": better, "quantity": quantity}]}]})
        };
        dispatch.tries("keeper.depot", "pick", pick(80)).refused(409, "floor_crossed");
        dispatch.does("keeper.depot", "pick", pick(20));
    });
}
