//! Approval: dispatches with their lots promised, or nothing at all and what has changed.

use super::{Proposal, facts, issue, order, scarce};
use crate::dispatch::spoken;
use crate::support::TestApp;
use crate::support::stock::{held, on_the_way, put};
use serde_json::{Value, json};

#[test]
fn an_approved_proposal_becomes_dispatches_with_its_very_lots_promised() {
    TestApp::each(|app| {
        scarce(app);
        let mut proposal = Proposal::of_respirators(app);
        proposal.tries("commander", "approve", json!({})).refused(403, "own_document");
        proposal.does("deputy", "approve", json!({"note": "按会议纪要"}));
        let view = &proposal.view;
        assert_eq!((&view["status"], &view["decided_by"]), (&json!("approved"), &json!("deputy")));
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1_000, 800));

        let dispatches = view["dispatches"].as_array().unwrap();
        assert_eq!(dispatches.len(), 3);
        for dispatch in dispatches {
            let read =
                app.get("auditor", &format!("/dispatches/{}", dispatch["id"].as_str().unwrap()));
            let read = read.expect(200);
            assert_eq!(read["status"], "approved");
            assert_eq!(read["allocation"]["number"], view["number"]);
            assert_eq!(
                (&read["created_by"], &read["approved_by"]),
                (&json!("commander"), &json!("deputy"))
            );
            let line = view["lines"]
                .as_array()
                .unwrap()
                .iter()
                .find(|line| line["to_store"] == read["to_store"])
                .unwrap();
            let lots = |lots: &Value| -> Vec<(Value, Value)> {
                let all = lots.as_array().unwrap().iter();
                all.map(|lot| (lot["lot_id"].clone(), lot["quantity"].clone())).collect()
            };
            assert_eq!(lots(&read["lines"][0]["lots"]), lots(&line["lots"]));
            assert_eq!(read["lines"][0]["reserved"], line["quantity"]);
        }
        let of_it = app.get("auditor", &format!("/dispatches?allocation={}", proposal.id));
        assert_eq!(of_it.expect(200)["rows"].as_array().unwrap().len(), 3);
        proposal.tries("deputy", "approve", json!({})).refused(409, "wrong_status");
        proposal.tries("deputy", "discard", json!({"reason": "晚了"})).refused(409, "wrong_status");

        // The chain goes on as for any other dispatch.
        let first = dispatches[0]["id"].as_str().unwrap().to_owned();
        let path = |action: &str| format!("/dispatches/{first}/{action}");
        app.act("keeper.depot", &path("pick"), "*", json!({})).expect(200);
        let lorry = json!({"vehicle": "赣B·12345", "driver": "廖建平", "expected_at": "2026-03-02T05:00:00Z"});
        app.act("keeper.depot", &path("ship"), "*", lorry).expect(200);
        assert!(on_the_way(app, "M03") > 0);
    });
}

#[test]
fn what_has_changed_under_the_lines_refuses_the_whole_unless_it_is_accepted() {
    TestApp::each(|app| {
        scarce(app);
        let mut proposal = Proposal::of_respirators(app);
        put(app, "QN-TOWN", "M03", "T1", "2027-01-31", 7);
        let problem =
            proposal.tries("deputy", "approve", json!({})).refused(409, "allocation_stale");
        let town = ("QN-TOWN".to_owned(), "available".to_owned(), "0".to_owned(), "7".to_owned());
        assert_eq!(facts(&problem["changes"]), [town]);
        assert_eq!(problem["changes"][0]["blocks"], false);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1_000, 0));
        assert_eq!(app.get("auditor", "/dispatches").expect(200)["rows"], json!([]));
        let view = proposal.does("deputy", "approve", json!({"accept_changes": true})).clone();
        assert_eq!(view["accepted_changes"], problem["changes"]);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1_000, 800));
    });
}

#[test]
fn a_lot_that_is_gone_or_has_expired_cannot_be_accepted() {
    TestApp::each(|app| {
        scarce(app);
        let proposal = Proposal::of_respirators(app);
        issue(app, "keeper.depot", "QN-DEPOT", 100);
        let accept = json!({"accept_changes": true});
        let problem =
            proposal.tries("deputy", "approve", accept.clone()).refused(409, "allocation_stale");
        let blocking: Vec<&Value> = problem["changes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|change| change["blocks"] == true)
            .collect();
        assert_eq!((&blocking[0]["what"], &blocking[0]["of"]), (&json!("lot"), &json!("A1")));
        assert_eq!((&blocking[0]["before"], &blocking[0]["after"]), (&json!("300"), &json!("200")));

        let other = Proposal::of_respirators(app);
        app.set_time("2027-01-01T02:00:00Z");
        let problem = other.tries("deputy", "approve", accept).refused(409, "allocation_stale");
        let blocking = problem["changes"].as_array().unwrap().iter();
        let gone = blocking.filter(|change| change["blocks"] == true && change["after"] == "0");
        assert_eq!(gone.count(), 1);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available").1, 0);
    });
}

#[test]
fn on_a_spoken_word_the_paper_is_due_and_the_author_needs_emergency_release() {
    TestApp::each(|app| {
        scarce(app);
        let mut proposal = Proposal::of_respirators(app);
        let word = json!({"authority": spoken()});
        proposal.tries("commander", "approve", word.clone()).refused(409, "emergency_limit");
        // 600 and 200 to the others are above the duty keeper's 500 a line.
        proposal.tries("duty.depot", "approve", json!({})).refused(409, "authority_required");
        proposal.does("deputy", "approve", word);
        assert_eq!(proposal.view["paperwork"], "open");
        assert_eq!(proposal.view["paperwork_due_at"], "2026-03-04T02:00:00Z");
        let papers = app.get("auditor", "/paperwork?state=open").expect(200);
        let paper = papers["rows"]
            .as_array()
            .unwrap()
            .iter()
            .find(|paper| paper["document"]["number"] == proposal.view["number"]);
        assert!(paper.is_some(), "{papers}");
    });
}

#[test]
fn a_duty_keeper_approves_within_the_limit_on_a_spoken_word_and_edits_nothing() {
    TestApp::each(|app| {
        scarce(app);
        let body = json!({"item_code": "M03", "policy": "leximin", "measure": "coverage",
            "recipients": ["QN-CDC", "QN-TOWN"]});
        let mut proposal = Proposal::made(app, body);
        let edit = json!({"reason": "x", "lines": [{"line": 1, "quantity": 20}]});
        proposal.tries_to_edit("duty.depot", edit).refused(403, "forbidden");
        proposal.tries("keeper.depot", "approve", json!({})).refused(403, "forbidden");
        proposal.does("duty.depot", "approve", json!({"authority": spoken()}));
        assert_eq!(proposal.view["decided_by"], "duty.depot");
    });
}

#[test]
fn dispatches_are_taken_back_together_before_anything_left() {
    TestApp::each(|app| {
        scarce(app);
        let mut proposal = Proposal::of_respirators(app);
        let undo = json!({"reason": "市级增援已到"});
        proposal.tries("deputy", "cancel-dispatches", undo.clone()).refused(409, "wrong_status");
        proposal.does("deputy", "approve", json!({"authority": order()}));
        proposal.does("commander", "cancel-dispatches", undo.clone());
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1_000, 0));
        let statuses: Vec<&Value> = proposal.view["dispatches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["status"])
            .collect();
        assert_eq!(statuses, ["cancelled"; 3]);
        let told: Vec<&Value> =
            proposal.view["events"].as_array().unwrap().iter().map(|one| &one["what"]).collect();
        assert_eq!(told, ["proposed", "approved", "dispatches_cancelled"]);

        let mut other = Proposal::of_respirators(app);
        other.does("deputy", "approve", json!({}));
        let first = other.view["dispatches"][0]["id"].as_str().unwrap().to_owned();
        app.act("keeper.depot", &format!("/dispatches/{first}/pick"), "*", json!({})).expect(200);
        let lorry = json!({"expected_at": "2026-03-02T05:00:00Z"});
        app.act("keeper.depot", &format!("/dispatches/{first}/ship"), "*", lorry).expect(200);
        let (_, promised) = held(app, "QN-DEPOT", "M03", "available");
        other.tries("deputy", "cancel-dispatches", undo).refused(409, "wrong_status");
        assert_eq!(held(app, "QN-DEPOT", "M03", "available").1, promised);
    });
}

#[test]
fn a_discarded_proposal_keeps_its_reason_and_a_stale_version_decides_nothing() {
    TestApp::each(|app| {
        scarce(app);
        let mut proposal = Proposal::of_respirators(app);
        let path = format!("/allocations/{}/discard", proposal.id);
        let body = json!({"reason": "市里统一调配"});
        app.act("deputy", &path, "\"v9\"", body.clone()).refused(412, "stale_version");
        app.storing("POST", "deputy", &path)
            .json(body.clone())
            .send()
            .refused(428, "precondition_required");
        proposal.does("commander", "discard", body);
        assert_eq!(
            (&proposal.view["status"], &proposal.view["note"]),
            (&json!("discarded"), &json!("市里统一调配"))
        );
        proposal.tries("deputy", "approve", json!({})).refused(409, "wrong_status");
    });
}
