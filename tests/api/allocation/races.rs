//! Two at once: nothing is promised twice, and who comes second is told what has changed.

use super::{Proposal, scarce};
use crate::support::stock::held;
use crate::support::{Answer, TestApp};
use serde_json::{Value, json};

/// Sends two requests at the same time.
fn at_once<'a>(
    one: impl FnOnce() -> Answer + Send + 'a,
    other: impl FnOnce() -> Answer + Send + 'a,
) -> (Answer, Answer) {
    let gate = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            gate.wait();
            one()
        });
        let second = scope.spawn(|| {
            gate.wait();
            other()
        });
        (first.join().unwrap(), second.join().unwrap())
    })
}

#[test]
fn of_two_commanders_who_approve_overlapping_proposals_one_is_told_what_changed() {
    TestApp::each(|app| {
        scarce(app);
        for accept in [false, true] {
            let by_commander = Proposal::of_respirators(app);
            let by_deputy = Proposal::made_by(
                app,
                "deputy",
                json!({"item_code": "M03", "policy": "proportional", "measure": "need"}),
            );
            let body = json!({"accept_changes": accept});
            let (one, other) = at_once(
                || by_commander.tries("deputy", "approve", body.clone()),
                || by_deputy.tries("commander", "approve", body.clone()),
            );
            let mut statuses = [one.status, other.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 409], "{}\n{}", one.text, other.text);
            let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
            let problem = lost.refused(409, "allocation_stale");
            let changes = problem["changes"].as_array().unwrap();
            let depot = changes
                .iter()
                .find(|change| change["store_code"] == "QN-DEPOT" && change["what"] == "available");
            assert_eq!(depot.unwrap()["after"], "200", "{problem}");
            assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1_000, 800));
            let view = won.json();
            let id = view["id"].as_str().unwrap();
            let undo = format!("/allocations/{id}/cancel-dispatches");
            app.act("deputy", &undo, "*", json!({"reason": "重来"})).expect(200);
        }
    });
}

#[test]
fn the_same_proposal_is_approved_once_however_often_it_is_sent_at_once() {
    TestApp::each(|app| {
        scarce(app);
        let proposal = Proposal::of_respirators(app);
        let (one, other) = at_once(
            || proposal.tries("deputy", "approve", json!({})),
            || proposal.tries("deputy", "approve", json!({})),
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{}\n{}", one.text, other.text);
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1_000, 800));
        let dispatches = app.get("auditor", "/dispatches").expect(200);
        assert_eq!(dispatches["rows"].as_array().unwrap().len(), 3);
    });
}

#[test]
fn an_issue_at_the_same_time_never_leaves_a_lot_promised_that_is_not_there() {
    TestApp::each(|app| {
        scarce(app);
        // An issue of a whole pack: what the other wants is then never there any more.
        for _ in 0..4 {
            let proposal = Proposal::of_respirators(app);
            let issue = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
                "consumer": {"kind": "department", "name": "发热门诊"},
                "lines": [{"item_code": "M03", "quantity": 20}]});
            let (approved, issued) = at_once(
                || proposal.tries("deputy", "approve", json!({"accept_changes": true})),
                || app.post("keeper.depot", "/issues", issue),
            );
            let (on_hand, reserved) = held(app, "QN-DEPOT", "M03", "available");
            assert!(reserved <= on_hand);
            // Whoever came second was refused: the issue by the floor, or the approval by the lot.
            match (approved.status, issued.status) {
                (200, 409) => {
                    let view: Value = approved.json();
                    let undo =
                        format!("/allocations/{}/cancel-dispatches", view["id"].as_str().unwrap());
                    app.act("deputy", &undo, "*", json!({"reason": "重来"})).expect(200);
                }
                (409, 201) => assert_eq!(approved.json()["code"], "allocation_stale"),
                other => panic!("{other:?}: {} {}", approved.text, issued.text),
            }
        }
    });
}
