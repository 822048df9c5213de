//! The same work at two in the morning on a spoken order: the paperwork list is right at each step.

use crate::planning::in_force;
use crate::support::TestApp;
use crate::walk_day::{assert_verified, stock};
use serde_json::{Value, json};

/// How many dispatches, and how many papers, are listed as open and as overdue.
#[track_caller]
fn paperwork(app: &TestApp) -> [usize; 2] {
    ["open", "overdue"].map(|word| {
        let count =
            |path: String| app.get("auditor", &path).expect(200)["rows"].as_array().unwrap().len();
        let papers = count(format!("/paperwork?state={word}"));
        assert_eq!(papers, count(format!("/dispatches?paperwork={word}")), "{word}");
        papers
    })
}

#[test]
fn at_night_on_a_spoken_order_the_paperwork_list_is_right_at_each_step() {
    TestApp::each(|app| {
        app.set_time("2026-03-02T18:00:00Z");
        in_force(
            app,
            json!([{"store_code": "QN-DEPOT", "item_code": "M03", "floor": 800,
                "bases": [{"kind": "fixed", "quantity": 1500}]}]),
        );
        let receipt = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"},
            "lines": [{"item_code": "M03", "lot_number": "N1", "expires_on": "2028-01-31",
                "pack_code": "box", "packs": 50}]});
        app.post("keeper.depot", "/receipts", receipt).expect(201);
        assert_eq!(paperwork(app), [0, 0]);

        // The duty keeper takes the call down and acts on it, alone, into the reserve.
        let spoken = json!({"kind": "verbal", "issued_by": "钟卫国", "post": "指挥部值班长",
            "phone": "0797-2630000", "issued_at": "2026-03-02T17:55:00Z", "heard_by": "曾小兰"});
        let draft = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP",
            "urgency": "emergency", "reason": "夜间收治", "authority": spoken,
            "lines": [{"item_code": "M03", "quantity": 400}]});
        let made = app.post("duty.depot", "/dispatches", draft).expect(201);
        assert_eq!(made["status"], "draft");
        let id = made["id"].as_str().unwrap().to_owned();
        let act = |user: &str, action: &str, body: Value| {
            let tag = app.get(user, &format!("/dispatches/{id}")).etag();
            app.act(user, &format!("/dispatches/{id}/{action}"), &tag, body)
        };
        assert_eq!(paperwork(app), [1, 0], "from the first word on it is visible");
        act("keeper.depot", "approve", json!({})).refused(403, "forbidden");
        let approved = act("duty.depot", "approve", json!({})).expect(200);
        assert_eq!(approved["paperwork_due_at"], "2026-03-04T18:00:00Z");
        act("duty.depot", "pick", json!({})).expect(200);
        let lorry = json!({"driver": "廖建平", "expected_at": "2026-03-02T19:00:00Z"});
        act("duty.depot", "ship", lorry).expect(200);
        assert_eq!(paperwork(app), [1, 0], "one word is one paper, whatever is done on it");

        // 200 of the 400 came from below the floor, with a day to replenish them by.
        let taken = app.get("auditor", "/draw-downs?status=open").expect(200);
        let row = &taken["rows"][0];
        assert_eq!(
            (&row["quantity"], &row["floor"], &row["replenish_by"], &row["authority"]["kind"]),
            (&json!(200), &json!(800), &json!("2026-04-02"), &json!("verbal"))
        );

        app.set_time("2026-03-02T19:05:00Z");
        act("keeper.hospital", "receipts", json!({"received_by": "陈玉梅"})).expect(200);
        act("keeper.hospital", "close", json!({})).expect(200);
        assert_eq!(stock(app, "QN-DEPOT", "M03"), [600, 0, 600, 0, 0]);
        assert_eq!(stock(app, "QN-HOSP", "M03"), [400, 0, 400, 0, 0]);
        assert_eq!(paperwork(app), [1, 0], "a closed dispatch still owes its paper");

        // Two days later it is late, and neither the keeper nor a foreigner can settle it.
        app.set_time("2026-03-04T18:00:01Z");
        assert_eq!(paperwork(app), [1, 1]);
        let late = app.get("commander", &format!("/dispatches/{id}")).expect(200);
        assert_eq!(late["paperwork"], "overdue");
        act("duty.depot", "confirm", json!({})).refused(403, "forbidden");
        let foreign = format!("/dispatches/{id}/confirm");
        app.act("foreign.commander", &foreign, "*", json!({})).refused(404, "not_found");
        let confirmed = act("commander", "confirm", json!({"number": "全指补〔2026〕5号"}));
        let confirmed = confirmed.expect(200);
        assert_eq!(confirmed["paperwork"], "confirmed");
        assert_eq!(paperwork(app), [0, 0]);
        let told: Vec<_> = confirmed["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["what"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            told,
            ["draft", "approved", "picked", "shipped", "received", "closed", "paperwork_confirmed"]
        );
        assert_verified(app);
    });
}
