//! Who may do what with a dispatch, and from which end.

use super::{Dispatch, lorry};
use crate::support::TestApp;
use crate::support::stock::put;
use serde_json::json;

#[test]
fn a_dispatch_is_known_at_both_its_ends_and_nowhere_else() {
    TestApp::each(|app| {
        let dispatch = Dispatch::requested(app, "M03", 10);
        let path = format!("/dispatches/{}", dispatch.id);
        for user in ["keeper.depot", "keeper.hospital", "buyer.hospital", "commander", "auditor"] {
            app.get(user, &path).expect(200);
        }
        for user in ["keeper.town", "keeper.cdc", "keeper.nowhere", "foreign.commander"] {
            app.get(user, &path).refused(404, "not_found");
            let list = app.get(user, "/dispatches").expect(200);
            assert_eq!(list["rows"], json!([]), "{user}");
        }
        dispatch.tries("foreign.commander", "approve", json!({})).refused(404, "not_found");
    });
}

#[test]
fn the_receiver_requests_and_the_sender_drafts() {
    TestApp::each(|app| {
        let body = |from: &str, to: &str| {
            json!({"from_store": from, "to_store": to,
                "lines": [{"item_code": "M03", "quantity": 10}]})
        };
        let status = |user: &str| {
            Dispatch::made(app, user, body("QN-DEPOT", "QN-HOSP")).view["status"].clone()
        };
        assert_eq!(status("buyer.hospital"), "requested");
        assert_eq!(status("keeper.hospital"), "requested");
        assert_eq!(status("keeper.depot"), "draft");
        assert_eq!(status("commander"), "draft");
        app.post("keeper.town", "/dispatches", body("QN-DEPOT", "QN-HOSP"))
            .refused(403, "store_out_of_scope");
        app.post("auditor", "/dispatches", body("QN-DEPOT", "QN-HOSP")).refused(403, "forbidden");
        app.post("buyer.hospital", "/dispatches", body("QN-HOSP", "QN-TOWN"))
            .refused(403, "store_out_of_scope");
    });
}

#[test]
fn nobody_approves_what_they_made_and_keepers_do_not_approve_by_day() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let body = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP",
            "lines": [{"item_code": "M03", "quantity": 10}]});
        let own = Dispatch::made(app, "commander", body);
        own.tries("commander", "approve", json!({})).refused(403, "own_document");
        own.tries("keeper.depot", "approve", json!({})).refused(403, "forbidden");
        own.tries("duty.depot", "approve", json!({})).refused(409, "authority_required");
        own.tries("deputy", "approve", json!({})).expect(200);
    });
}

#[test]
fn each_end_does_its_own_part() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let mut dispatch = Dispatch::requested(app, "M03", 10);
        dispatch.does("commander", "approve", json!({}));
        dispatch.tries("keeper.hospital", "pick", json!({})).refused(403, "store_out_of_scope");
        dispatch.tries("commander", "pick", json!({})).refused(403, "forbidden");
        dispatch.does("keeper.depot", "pick", json!({}));
        dispatch.tries("keeper.hospital", "ship", lorry()).refused(403, "store_out_of_scope");
        dispatch.does("keeper.depot", "ship", lorry());
        dispatch.tries("keeper.depot", "receipts", json!({})).refused(403, "store_out_of_scope");
        dispatch.tries("buyer.hospital", "receipts", json!({})).refused(403, "forbidden");
        dispatch
            .tries("keeper.hospital", "redirect", json!({"to_store": "QN-CDC"}))
            .refused(403, "forbidden");
        dispatch
            .tries("commander", "redirect", json!({"to_store": "XF-DEPOT"}))
            .refused(403, "store_out_of_scope");
        dispatch.does("keeper.hospital", "receipts", json!({}));
        dispatch.tries("keeper.depot", "close", json!({})).refused(403, "store_out_of_scope");
        dispatch.does("commander", "close", json!({}));
    });
}

#[test]
fn an_action_needs_the_version_that_was_seen() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 100);
        let mut dispatch = Dispatch::requested(app, "M03", 10);
        let path = format!("/dispatches/{}/approve", dispatch.id);
        app.post("commander", &path, json!({})).refused(428, "precondition_required");
        let seen = dispatch.tag.clone();
        dispatch.does("commander", "approve", json!({}));
        let stale = app.act("commander", &path, &seen, json!({}));
        stale.refused(412, "stale_version");
        let unknown = "/dispatches/019c0000-0000-7000-8000-000000000000/approve";
        app.act("commander", unknown, "*", json!({})).refused(404, "not_found");
        app.act("commander", "/dispatches/none/approve", "*", json!({})).refused(404, "not_found");
    });
}
