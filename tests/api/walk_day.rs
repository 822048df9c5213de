//! The main job, end to end: from stock over shortfall and cut request to the signature, with one
//! truth at every step.

use crate::planning::{fixed, in_force};
use crate::support::TestApp;
use changbei::db::DbError;
use changbei::stock::verify::{Report, verify};
use serde_json::{Value, json};

/// Walks every chain and rebuilds every balance; nothing may differ.
#[track_caller]
pub fn assert_verified(app: &TestApp) {
    let report = app.app.read(|conn| -> Result<Report, DbError> { verify(conn) }).expect("verify");
    assert!(report.is_clean(), "{:?}", report.differences);
}

/// One item at one store, as `GET /stock` shows it: on hand, reserved, available, in and out.
#[track_caller]
pub fn stock(app: &TestApp, store: &str, item: &str) -> [i64; 5] {
    let path = format!("/stock?store={store}&item={item}&group_by=store");
    let rows = app.get("auditor", &path).expect(200)["rows"].clone();
    let row = rows.as_array().unwrap().iter().find(|row| row["store_code"] == store);
    ["on_hand", "reserved", "available", "in_transit_in", "in_transit_out"]
        .map(|name| row.map_or(0, |row| row[name].as_i64().unwrap()))
}

fn hospital(app: &TestApp) -> Value {
    app.get("commander", "/shortfalls?store=QN-HOSP&item=M02").expect(200)
}

/// On-hand shortfall, net shortfall and what is on its way to the hospital.
#[track_caller]
fn shortfall(app: &TestApp) -> [i64; 3] {
    let row = hospital(app)["rows"][0].clone();
    ["on_hand_shortfall", "net_shortfall", "in_transit_in"].map(|name| row[name].as_i64().unwrap())
}

fn act(app: &TestApp, user: &str, id: &str, action: &str, body: Value) -> Value {
    let tag = app.get(user, &format!("/dispatches/{id}")).etag();
    app.act(user, &format!("/dispatches/{id}/{action}"), &tag, body).expect(200)
}

#[test]
fn from_stock_over_a_cut_request_to_the_signature_every_figure_agrees() {
    TestApp::each(|app| {
        let plan = in_force(app, json!([fixed("QN-HOSP", "M02", 600)]));

        // 1 000 masks reach the depot, in boxes and in pieces, in two lots.
        let receipt = json!({"store_code": "QN-DEPOT",
            "source": {"kind": "supplier", "name": "赣南医药", "document_number": "S-1"},
            "inspected_by": "曾小兰", "lines": [
                {"item_code": "M02", "lot_number": "A1", "maker": "甲厂",
                 "expires_on": "2027-06-30", "pack_code": "box", "packs": 6, "loose": 3},
                {"item_code": "M02", "lot_number": "B1", "maker": "乙厂",
                 "expires_on": "2028-06-30", "quantity": 697}]});
        app.post("keeper.depot", "/receipts", receipt).expect(201);
        assert_eq!(stock(app, "QN-DEPOT", "M02"), [1000, 0, 1000, 0, 0]);

        // A township uses some of its own.
        let own = json!({"store_code": "QN-TOWN", "source": {"kind": "donor", "name": "商会"},
            "lines": [{"item_code": "M02", "lot_number": "C1", "maker": "甲厂",
                "expires_on": "2027-01-31", "quantity": 100}]});
        app.post("keeper.town", "/receipts", own).expect(201);
        let issue = json!({"store_code": "QN-TOWN", "purpose": "consumption",
            "consumer": {"kind": "ward", "name": "发热门诊", "received_by": "王护士"},
            "lines": [{"item_code": "M02", "quantity": 40}]});
        app.post("keeper.town", "/issues", issue).expect(201);
        assert_eq!(stock(app, "QN-TOWN", "M02"), [60, 0, 60, 0, 0]);

        // The hospital's shortfall names the plan version that it is computed from.
        let seen = hospital(app);
        assert_eq!((&seen["plan"]["id"], &seen["plan"]["version"]), (&plan["id"], &json!(1)));
        assert_eq!(shortfall(app), [600, 600, 0]);

        // It asks for 500, and 350 are granted.
        let request = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "urgency": "urgent",
            "reason": "缺口 600", "needed_by": "2026-03-04",
            "lines": [{"item_code": "M02", "quantity": 500}]});
        let made = app.post("buyer.hospital", "/dispatches", request).expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        let cut = json!({"lines": [{"line": 1, "approved": 350, "reason_code": "scarce"}]});
        act(app, "commander", &id, "approve", cut);
        assert_eq!(stock(app, "QN-DEPOT", "M02"), [1000, 350, 650, 0, 0]);
        assert_eq!(shortfall(app), [600, 600, 0], "a promise is not yet on its way");

        // Shipped, it shows at both ends and in the net shortfall, because it arrives in time.
        act(app, "keeper.depot", &id, "pick", json!({}));
        let lorry = json!({"vehicle": "赣B·12345", "expected_at": "2026-03-02T05:00:00Z"});
        act(app, "keeper.depot", &id, "ship", lorry);
        assert_eq!(stock(app, "QN-DEPOT", "M02"), [650, 0, 650, 0, 350]);
        assert_eq!(stock(app, "QN-HOSP", "M02"), [0, 0, 0, 350, 0]);
        assert_eq!(shortfall(app), [600, 250, 350]);

        // 40 of the 350 never come: 303 of the first lot, 47 of the second were on the lorry.
        app.set_time("2026-03-02T05:10:00Z");
        let sent = app.get("keeper.hospital", &format!("/dispatches/{id}")).expect(200);
        let lots = sent["lines"][0]["lots"].as_array().unwrap().clone();
        let carried: Vec<_> = lots.iter().map(|l| (&l["lot_number"], &l["quantity"])).collect();
        assert_eq!(carried, [(&json!("A1"), &json!(303)), (&json!("B1"), &json!(47))]);
        let signed = json!({"received_by": "陈玉梅", "lines": [
            {"line": 1, "lot_id": lots[0]["lot_id"], "received": 263, "lost": 40,
             "reason_code": "lost_in_transit", "note": "一箱落水"},
            {"line": 1, "lot_id": lots[1]["lot_id"], "received": 47}]});
        act(app, "keeper.hospital", &id, "receipts", signed);
        let closed = act(app, "keeper.hospital", &id, "close", json!({}));

        // Stock, transit, shortfall and the open remainder agree to the piece.
        assert_eq!(stock(app, "QN-DEPOT", "M02"), [650, 0, 650, 0, 0]);
        assert_eq!(stock(app, "QN-HOSP", "M02"), [310, 0, 310, 0, 0]);
        assert_eq!(shortfall(app), [290, 290, 0]);
        assert_eq!((&closed["status"], &closed["in_transit"]), (&json!("closed"), &json!(0)));
        let line = &closed["lines"][0];
        let numbers = ["requested", "approved", "picked", "shipped", "received", "lost"]
            .map(|name| line[name].as_i64().unwrap());
        assert_eq!(numbers, [500, 350, 350, 350, 310, 40]);
        assert_eq!(line["open_remainder"], 190, "150 were cut and 40 lost");

        movements_agree(app, &id);
        audit_agrees(app, &id);
        assert_verified(app);
    });
}

/// The ledger tells the same story: out of the depot, into the hospital, and lost.
fn movements_agree(app: &TestApp, id: &str) {
    let page = app.get("auditor", &format!("/movements?document={id}")).expect(200);
    let mut told: Vec<(String, String, i64)> = page["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let word = |name: &str| row[name].as_str().unwrap().to_owned();
            (word("kind"), word("store_code"), row["quantity"].as_i64().unwrap())
        })
        .collect();
    told.sort();
    let expected = [
        ("dispatch_in", "QN-HOSP", 47),
        ("dispatch_in", "QN-HOSP", 263),
        ("dispatch_out", "QN-DEPOT", 47),
        ("dispatch_out", "QN-DEPOT", 303),
        ("transit_loss", "QN-HOSP", 40),
    ]
    .map(|(kind, store, quantity)| (kind.to_owned(), store.to_owned(), quantity));
    assert_eq!(told, expected);
}

/// So does the audit trail: who did what, in which order.
fn audit_agrees(app: &TestApp, id: &str) {
    let path = format!("/audit?object_kind=dispatch&object_id={id}");
    let page = app.get("auditor", &path).expect(200);
    let mut told: Vec<(String, String, String)> = page["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let word = |name: &str| row[name].as_str().unwrap().to_owned();
            (word("recorded_at"), word("actor"), word("action"))
        })
        .collect();
    told.sort();
    let mut done: Vec<(&str, &str)> =
        told.iter().map(|(_, actor, action)| (actor.as_str(), action.as_str())).collect();
    done.sort_unstable();
    assert_eq!(
        done,
        [
            ("buyer.hospital", "dispatches.create"),
            ("commander", "dispatches.approve"),
            ("keeper.depot", "dispatches.ship"),
            ("keeper.depot", "dispatches.ship"),
            ("keeper.hospital", "dispatches.close"),
            ("keeper.hospital", "dispatches.receive"),
        ]
    );
}
