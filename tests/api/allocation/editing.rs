//! Editing lines: a reason, totals checked again, proposal and decision both kept.

use super::{Proposal, order, recipient, scarce};
use crate::support::TestApp;
use crate::support::stock::held;
use serde_json::{Value, json};

fn line_to<'v>(view: &'v Value, store: &str) -> &'v Value {
    view["lines"].as_array().unwrap().iter().find(|line| line["to_store"] == store).unwrap()
}

#[test]
fn an_edited_line_needs_a_reason_and_stands_beside_what_was_proposed() {
    TestApp::each(|app| {
        scarce(app);
        let mut proposal = Proposal::of_respirators(app);
        let town = line_to(&proposal.view, "QN-TOWN").clone();
        let (line, proposed) = (town["line"].clone(), town["quantity"].clone());
        let without = json!({"reason": " ", "lines": [{"line": line, "quantity": 40}]});
        proposal.tries_to_edit("deputy", without).refused(422, "validation_failed");
        let edit =
            json!({"reason": "封控，三日内无法领取", "lines": [{"line": line, "quantity": 40}]});
        proposal.edits("deputy", edit);
        let town = line_to(&proposal.view, "QN-TOWN");
        assert_eq!((&town["quantity"], &town["proposed"]["quantity"]), (&json!(40), &proposed));
        assert_eq!(
            (&town["edited"]["by"], &town["edited"]["reason"]),
            (&json!("deputy"), &json!("封控，三日内无法领取"))
        );
        assert_eq!(recipient(&proposal.view, "QN-TOWN")["coverage_after"], "2/5");
        assert_eq!(recipient(&proposal.view, "QN-TOWN")["proposed_quantity"], proposed);
        assert_eq!(proposal.view["authors"], json!(["commander", "deputy"]));
        // Neither who made it nor who edited it may approve it.
        for user in ["commander", "deputy"] {
            proposal.tries(user, "approve", json!({})).refused(403, "own_document");
        }
    });
}

#[test]
fn nobody_gives_more_than_there_is_and_a_floor_is_crossed_only_on_a_word() {
    TestApp::each(|app| {
        scarce(app);
        let mut proposal = Proposal::made_by(
            app,
            "deputy",
            json!({"item_code": "M03", "policy": "leximin", "measure": "coverage"}),
        );
        let line = line_to(&proposal.view, "QN-TOWN")["line"].clone();
        let edit = |quantity: i64| json!({"reason": "疫点", "lines": [{"line": line, "quantity": quantity}]});
        let problem =
            proposal.tries_to_edit("deputy", edit(600)).refused(409, "insufficient_stock");
        assert_eq!(problem["store_code"], "QN-DEPOT");
        let problem = proposal.tries_to_edit("deputy", edit(200)).refused(409, "floor_crossed");
        assert_eq!((&problem["floor"], &problem["store_code"]), (&json!(200), &json!("QN-DEPOT")));

        let mut on_a_word = edit(200);
        on_a_word["authority"] = order();
        proposal.edits("deputy", on_a_word);
        proposal.does("commander", "approve", json!({}));
        let sent: i64 = proposal.sends().iter().map(|(_, _, quantity)| quantity).sum();
        assert!(sent > 800, "{sent}");
        assert_eq!(held(app, "QN-DEPOT", "M03", "available"), (1_000, sent));
        let taken = app.get("auditor", "/draw-downs?store=QN-DEPOT").expect(200);
        let below: i64 = taken["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["quantity"].as_i64().unwrap())
            .sum();
        assert_eq!(below, sent - 800);
        proposal.does("deputy", "cancel-dispatches", json!({"reason": "误判"}));
        let released = app.get("auditor", "/draw-downs?status=released").expect(200);
        assert_eq!(
            released["rows"].as_array().unwrap().len(),
            taken["rows"].as_array().unwrap().len()
        );
    });
}

#[test]
fn lines_are_added_between_stores_of_the_proposal_and_struck() {
    TestApp::each(|app| {
        scarce(app);
        let body = json!({"item_code": "M03", "policy": "strict_priority", "measure": "need",
            "recipients": ["QN-CDC", "QN-HOSP", "QN-TOWN"]});
        let mut proposal = Proposal::made(app, body);
        let to = |view: &Value, store: &str| {
            view["lines"].as_array().unwrap().iter().any(|line| line["to_store"] == store)
        };
        assert!(!to(&proposal.view, "QN-TOWN"), "{}", proposal.view["lines"]);
        let cdc = line_to(&proposal.view, "QN-CDC")["line"].clone();
        let new = |store: &str, quantity: i64| {
            json!({"item_code": "M03", "from_store": "QN-DEPOT",
            "to_store": store, "quantity": quantity})
        };
        let edit =
            json!({"reason": "均衡", "lines": [{"line": cdc, "quantity": 0}, new("QN-TOWN", 100)]});
        proposal.edits("deputy", edit);
        let town = line_to(&proposal.view, "QN-TOWN");
        assert_eq!((&town["quantity"], &town["proposed"]["quantity"]), (&json!(100), &json!(0)));
        let unknown =
            json!({"reason": "x", "lines": [new("XF-DEPOT", 1), {"line": 99, "quantity": 1}]});
        let answer = proposal.tries_to_edit("deputy", unknown);
        assert_eq!(answer.pointers(), ["/lines/0/to_store", "/lines/1/line"]);
        let sends = proposal.sends();
        assert!(!sends.iter().any(|(_, to, _)| to == "QN-CDC"), "{sends:?}");
    });
}
