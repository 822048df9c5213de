//! Rounds: the same again as stock arrives, with what was given counted in.

use super::{Proposal, donor, recipient, scarce};
use crate::support::TestApp;
use crate::support::stock::put;
use serde_json::json;

#[test]
fn what_earlier_rounds_promised_or_sent_counts_as_stock_of_the_recipients() {
    TestApp::each(|app| {
        scarce(app);
        let mut first = Proposal::made(
            app,
            json!({"item_code": "M03", "policy": "leximin", "measure": "coverage",
                "keep_back_percent": 50, "reason": "第一批"}),
        );
        first.does("deputy", "approve", json!({}));
        let given: i64 = first.sends().iter().map(|(_, _, quantity)| quantity).sum();
        assert_eq!(given, 400);
        let mut hospital = first.view["dispatches"].as_array().unwrap().iter();
        let hospital = hospital.find(|one| one["to_store"] == "QN-HOSP").unwrap();
        let id = hospital["id"].as_str().unwrap();
        app.act("keeper.depot", &format!("/dispatches/{id}/pick"), "*", json!({})).expect(200);
        let lorry = json!({"expected_at": "2026-03-02T05:00:00Z"});
        app.act("keeper.depot", &format!("/dispatches/{id}/ship"), "*", lorry).expect(200);

        put(app, "QN-DEPOT", "M03", "A3", "2028-12-31", 1_000);
        let second = Proposal::made(app, json!({"follows": first.id, "keep_back_percent": 0}));
        assert_eq!((&second.view["round"], &second.view["follows"]), (&json!(2), &json!(first.id)));
        assert_eq!(second.view["policy"], "leximin");
        let was = |store: &str| recipient(&first.view, store)["quantity"].clone();
        let now = recipient(&second.view, "QN-HOSP");
        assert_eq!((&now["arriving"], &now["promised"]), (&was("QN-HOSP"), &json!(0)));
        let now = recipient(&second.view, "QN-CDC");
        assert_eq!((&now["arriving"], &now["promised"]), (&json!(0), &was("QN-CDC")));
        // 400 of 1 000 are given; now there is enough to bring everyone to the target.
        let more: i64 = second.sends().iter().map(|(_, _, quantity)| quantity).sum();
        assert_eq!(given + more, 1_000);
        assert_eq!(donor(&second.view, "QN-DEPOT")["available"], 1_600);
        let listed = app.get("auditor", &format!("/allocations?follows={}", first.id)).expect(200);
        assert_eq!(listed["rows"][0]["id"], second.view["id"]);
        let third = Proposal::made(app, json!({"follows": second.id, "policy": "proportional"}));
        assert_eq!(
            (&third.view["round"], &third.view["policy"]),
            (&json!(3), &json!("proportional"))
        );
    });
}
