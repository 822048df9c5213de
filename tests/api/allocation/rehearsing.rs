//! Rehearsals: the same on suppositions, touching nothing and marked everywhere.

use super::{Proposal, donor, recipient, scarce};
use crate::support::TestApp;
use crate::support::stock::held;
use serde_json::json;

#[test]
fn a_rehearsal_is_worked_out_on_suppositions_and_can_never_be_carried_out() {
    TestApp::each(|app| {
        scarce(app);
        let body = json!({"item_code": "M03", "policy": "leximin", "rehearsal": true,
            "what_if": {"response_level": "I",
                "stock": [{"store_code": "QN-DEPOT", "item_code": "M03", "available": 100_000}],
                "daily_use": [{"store_code": "QN-HOSP", "item_code": "M03", "daily_use": 200}]}});
        let mut rehearsal = Proposal::made(app, body);
        let view = &rehearsal.view;
        assert_eq!(view["number"], "YL-QN-DEPOT-2026-000001");
        assert_eq!(view["rehearsal"], true);
        assert_eq!(donor(view, "QN-DEPOT")["available"], 100_000);
        let hospital = recipient(view, "QN-HOSP");
        assert_eq!(
            (&hospital["daily_use"], &hospital["response_level"]),
            (&json!("200"), &json!("I"))
        );
        assert_eq!(hospital["quantity"], 600);
        assert_eq!(view["lines"][0]["lots"][0]["lot_id"], json!(null));
        rehearsal.tries("deputy", "approve", json!({})).refused(409, "rehearsal_only");
        let edit = json!({"reason": "x", "lines": [{"line": 1, "quantity": 20}]});
        rehearsal.tries_to_edit("deputy", edit).refused(409, "rehearsal_only");
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1_000, 0));
        assert_eq!(rehearsal.read()["status"], "proposed");
        let only = app.get("auditor", "/allocations?rehearsal=true").expect(200);
        assert_eq!(only["rows"].as_array().unwrap().len(), 1);
        let real = app.get("auditor", "/allocations?rehearsal=false").expect(200);
        assert_eq!(real["rows"], json!([]));
        // A proposal of the real world is numbered by itself.
        assert_eq!(Proposal::of_respirators(app).view["number"], "FP-QN-DEPOT-2026-000001");
        rehearsal.does("commander", "discard", json!({"reason": "演练结束"}));
    });
}

#[test]
fn suppositions_that_make_no_sense_are_refused() {
    TestApp::each(|app| {
        let body = json!({"item_code": "M03", "rehearsal": true, "what_if": {
            "response_level": "V", "use_percent": -1,
            "stock": [{"store_code": "QN-DEPOT", "item_code": "M02", "available": -5}],
            "daily_use": [{"store_code": "?", "item_code": "M03", "daily_use": 1}]}});
        let answer = app.post("commander", "/allocations", body);
        let mut pointers = answer.pointers();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/what_if/daily_use/0/store_code",
                "/what_if/response_level",
                "/what_if/stock",
                "/what_if/stock/0/available",
                "/what_if/use_percent"
            ]
        );
    });
}
