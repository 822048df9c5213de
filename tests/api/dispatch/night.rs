//! At two in the morning: a spoken order, its limit, and the paper that follows.

use super::{Dispatch, lorry, spoken};
use crate::support::TestApp;
use crate::support::stock::{held, put};
use serde_json::{Value, json};

fn tonight(quantity: i64) -> Value {
    json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "urgency": "emergency",
        "authority": spoken(), "lines": [{"item_code": "M03", "quantity": quantity}]})
}

fn listed(app: &TestApp, query: &str) -> usize {
    let dispatches = app.get("auditor", &format!("/dispatches?paperwork={query}")).expect(200);
    let papers = app.get("auditor", &format!("/paperwork?state={query}")).expect(200);
    let (dispatches, papers) =
        (dispatches["rows"].as_array().unwrap().len(), papers["rows"].as_array().unwrap().len());
    assert_eq!(dispatches, papers);
    papers
}

#[test]
fn a_duty_keeper_drafts_and_approves_on_a_spoken_word_and_another_confirms_it() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 1000);
        let mut dispatch = Dispatch::made(app, "duty.depot", tonight(400));
        dispatch.does("duty.depot", "approve", json!({}));
        dispatch.does("duty.depot", "pick", json!({}));
        dispatch.does("duty.depot", "ship", lorry());
        assert_eq!(dispatch.view["paperwork_due_at"], "2026-03-04T02:00:00Z");
        assert_eq!(dispatch.view["paperwork"], "open");
        assert_eq!((listed(app, "open"), listed(app, "overdue")), (1, 0));

        app.set_time("2026-03-04T02:00:00Z");
        assert_eq!((listed(app, "open"), listed(app, "overdue")), (1, 0));
        app.set_time("2026-03-04T02:00:01Z");
        assert_eq!((listed(app, "open"), listed(app, "overdue")), (1, 1));

        dispatch.tries("duty.depot", "confirm", json!({})).refused(403, "forbidden");
        dispatch.does("commander", "confirm", json!({"number": "全指补5号"}));
        assert_eq!(dispatch.view["paperwork"], "confirmed");
        assert_eq!((listed(app, "open"), listed(app, "overdue")), (0, 0));
        dispatch.tries("deputy", "confirm", json!({})).refused(409, "wrong_status");
        let silent = dispatch.tries("deputy", "object", json!({}));
        assert_eq!(silent.pointers(), ["/note"]);
        dispatch.does("deputy", "object", json!({"note": "值班记录中没有这次通话"}));
        assert_eq!(dispatch.view["paperwork"], "objected");
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (600, 0));
    });
}

#[test]
fn a_spoken_word_moves_no_more_than_the_limit() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 1000);
        let dispatch = Dispatch::made(app, "duty.depot", tonight(501));
        let refused = dispatch.tries("duty.depot", "approve", json!({}));
        let problem = refused.refused(409, "emergency_limit");
        assert_eq!((&problem["limit"], &problem["line"]), (&json!(500), &json!(1)));
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1000, 0));
        let cut = json!({"lines": [{"line": 1, "approved": 500, "reason_code": "other"}]});
        dispatch.tries("duty.depot", "approve", cut).expect(200);
    });
}

#[test]
fn whoever_acted_on_the_word_does_not_vouch_for_it() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 1000);
        let mut dispatch = Dispatch::made(app, "duty.depot", tonight(100));
        dispatch.does("commander", "approve", json!({}));
        dispatch.tries("commander", "confirm", json!({})).refused(403, "own_document");
        let papers = app.get("commander", "/paperwork").expect(200);
        let id = papers["rows"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(papers["rows"][0]["involved"], json!(["duty.depot", "commander"]));
        let path = format!("/paperwork/{id}");
        let tag = app.get("deputy", &path).etag();
        let confirm = format!("{path}/confirm");
        app.act("commander", &confirm, &tag, json!({})).refused(403, "own_document");
        let confirmed = app.act("deputy", &confirm, &tag, json!({})).expect(200);
        assert_eq!(confirmed["state"], "confirmed");
        app.get("keeper.town", &path).refused(404, "not_found");
    });
}

#[test]
fn the_paper_of_a_cancelled_draft_is_no_longer_due() {
    TestApp::each(|app| {
        let mut dispatch = Dispatch::made(app, "duty.depot", tonight(100));
        assert_eq!(listed(app, "open"), 1);
        dispatch.does("commander", "cancel", json!({"reason": "误报"}));
        assert_eq!(listed(app, "open"), 0);
        assert_eq!(dispatch.view["paperwork"], "void");
    });
}

#[test]
fn a_sender_that_is_decided_late_sees_the_paper_too() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 1000);
        let body = json!({"to_store": "QN-HOSP", "authority": spoken(),
            "lines": [{"item_code": "M03", "quantity": 10}]});
        let mut dispatch = Dispatch::made(app, "buyer.hospital", body);
        let seen =
            |user: &str| app.get(user, "/paperwork").expect(200)["rows"].as_array().unwrap().len();
        assert_eq!((seen("keeper.hospital"), seen("keeper.depot")), (1, 0));
        dispatch.does("commander", "approve", json!({"from_store": "QN-DEPOT"}));
        assert_eq!((seen("keeper.hospital"), seen("keeper.depot")), (1, 1));
    });
}

#[test]
fn a_written_order_makes_no_paper_due() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 1000);
        let body = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP",
            "authority": {"kind": "order", "number": "18号", "issued_by": "钟卫国"},
            "lines": [{"item_code": "M03", "quantity": 10}]});
        let dispatch = Dispatch::made(app, "duty.depot", body);
        dispatch.tries("duty.depot", "approve", json!({})).refused(403, "own_document");
        let approved = dispatch.tries("commander", "approve", json!({})).expect(200);
        assert_eq!(approved["paperwork_due_at"], json!(null));
        assert_eq!(listed(app, "open"), 0);
    });
}
