//! A COMMIT whose answer is lost: the service says that it does not know, and the repeat tells.

use crate::alone;
use crate::proxy::{Cut, Proxy};
use crate::support::{TestApp, open, postgres, stock};
use serde_json::{Value, json};

/// The county on PostgreSQL, behind a wire that can be cut.
fn behind_a_wire() -> Option<(TestApp, Proxy)> {
    let url = postgres::fresh()?;
    let (user, place) = url.split_once('@').expect("a user");
    let (server, database) = place.split_once('/').expect("a database");
    let proxy = Proxy::to(server.parse().expect("an address"));
    let url = format!("{user}@{}/{database}", proxy.address);
    Some((TestApp::on(open("PostgreSQL", url, None)), proxy))
}

fn receipt(note: &str) -> Value {
    json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"}, "note": note,
           "lines": [{"item_code": "M02", "lot_number": note, "expires_on": "2030-01-01",
                      "quantity": 30}]})
}

#[test]
fn a_commit_without_answer_is_an_unknown_outcome_and_the_repeat_tells_the_truth() {
    let _alone = alone();
    let Some((app, proxy)) = behind_a_wire() else { return };
    for (cut, was_done, note) in
        [(Cut::AfterCommit, true, "AFTER"), (Cut::BeforeCommit, false, "BEFORE")]
    {
        for round in 0..5 {
            let note = format!("{note}-{round}");
            let send = || {
                app.storing("POST", "keeper.depot", "/receipts")
                    .key(&note)
                    .json(receipt(&note))
                    .send()
            };
            proxy.cut_next(cut);
            let answer = send();
            assert!(proxy.has_cut(), "{cut:?}: nothing was cut");
            assert_eq!(answer.header("retry-after"), Some("1"));
            let problem = answer.refused(503, "outcome_unknown");
            assert!(problem["detail"].as_str().unwrap().contains("same key"), "{problem}");

            let repeated = send();
            let replayed = repeated.header("idempotency-replayed") == Some("true");
            assert_eq!(replayed, was_done, "{cut:?} {note}: {}", repeated.text);
            let receipt = repeated.expect(201);
            let path = format!("/receipts/{}", receipt["id"].as_str().unwrap());
            assert_eq!(app.get("keeper.depot", &path).expect(200), receipt);
            assert_eq!(send().expect(201), receipt);
        }
    }
    let (on_hand, _) = stock::held(&app, "QN-DEPOT", "M02", "available");
    assert_eq!(on_hand, 10 * 30, "each receipt took effect once");
}

#[test]
fn a_refusal_whose_audit_entry_is_in_doubt_stays_a_refusal() {
    let _alone = alone();
    let Some((app, proxy)) = behind_a_wire() else { return };
    let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
                      "lines": [{"item_code": "M02", "quantity": 1}]});
    let send =
        || app.storing("POST", "keeper.depot", "/issues").key("one").json(body.clone()).send();
    proxy.cut_next(Cut::AfterCommit);
    send().refused(503, "outcome_unknown");
    assert!(proxy.has_cut());
    send().refused(409, "insufficient_stock");
}
