//! What stands beside a shortfall and never in it: substitutes, stock set apart, and what to order.

use super::{fixed, in_force};
use crate::support::TestApp;
use serde_json::{Value, json};

fn receive(app: &TestApp, item: &str, lot: &str, units: i64, more: Value) {
    let mut line = json!({"item_code": item, "lot_number": lot, "expires_on": "2027-06-30",
        "quantity": units, "unit_cost": "1.50"});
    for (field, value) in more.as_object().unwrap() {
        line[field] = value.clone();
    }
    let body = json!({"store_code": "QN-HOSP", "lines": [line],
        "source": {"kind": "supplier", "name": "江西某医疗器械公司"}});
    app.post("keeper.hospital", "/receipts", body).expect(201);
}

fn rows(app: &TestApp, query: &str) -> Vec<Value> {
    let page = app.get("keeper.hospital", &format!("/shortfalls?{query}")).expect(200);
    page["rows"].as_array().unwrap().clone()
}

#[test]
fn a_substitute_covers_from_its_surplus_beside_the_shortfall_and_one_way_only() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 1_000), fixed("QN-HOSP", "M03", 200)]));
        receive(app, "M02", "A1", 900, json!({}));
        receive(app, "M03", "B1", 260, json!({}));
        // Whether all lines are asked for or one, the answer is the same.
        for query in ["store=QN-HOSP", "store=QN-HOSP&item=M02", "category=ppe&limit=1", "limit=1"]
        {
            let masks = rows(app, query)[0].clone();
            assert_eq!(masks["item_code"], "M02");
            assert_eq!(masks["net_shortfall"], json!(100));
            let lent = &masks["substitutes"][0];
            let figures = ["surplus_available", "would_cover", "would_take"];
            assert_eq!(
                figures.map(|name| lent[name].clone()),
                [60, 60, 60].map(|n| json!(n)),
                "{query}"
            );
            assert_eq!(
                (&lent["item_code"], &masks["substitutes"][1]),
                (&json!("M03"), &Value::Null)
            );
            assert_eq!(masks["shortfall_after_substitution"], json!(40));
        }
        let respirators = rows(app, "item=M03")[0].clone();
        assert_eq!(respirators["substitutes"], json!([]));
        assert_eq!(respirators["shortfall_after_substitution"], Value::Null);
    });
}

#[test]
fn what_the_plan_does_not_speak_of_may_stand_in_wholly_and_what_is_short_not_at_all() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 1_000), fixed("QN-CDC", "M03", 9)]));
        receive(app, "M03", "B1", 260, json!({}));
        let masks = rows(app, "store=QN-HOSP&item=M02")[0].clone();
        assert_eq!(masks["substitutes"][0]["would_cover"], json!(260));
    });
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 1_000), fixed("QN-HOSP", "M03", 300)]));
        receive(app, "M03", "B1", 260, json!({}));
        let masks = rows(app, "store=QN-HOSP&item=M02")[0].clone();
        assert_eq!(masks["substitutes"][0]["surplus_available"], json!(0));
        assert_eq!(masks["shortfall_after_substitution"], json!(1_000));
    });
}

#[test]
fn stock_set_apart_is_told_by_reason() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 1_000)]));
        receive(app, "M02", "A1", 50, json!({"state": "pending_inspection"}));
        receive(app, "M02", "A2", 40, json!({"owner_code": "红十字会"}));
        receive(app, "M02", "A3", 30, json!({"earmarked_for": "集中隔离点"}));
        receive(app, "M02", "A4", 7, json!({}));
        let masks = rows(app, "store=QN-HOSP&item=M02")[0].clone();
        assert_eq!(masks["available"], json!(77));
        let apart = |reason: &str, quantity: i64, counts: bool| json!({"reason": reason, "quantity": quantity, "counts_as_available": counts});
        assert_eq!(
            masks["set_apart"],
            json!([
                apart("pending_inspection", 50, false),
                apart("owned_by_others", 40, true),
                apart("earmarked", 30, true)
            ])
        );
    });
}

#[test]
fn a_band_and_an_order_in_whole_packs_come_with_their_cost() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M02", 1_000)]));
        let line = |app: &TestApp| rows(app, "store=QN-HOSP&item=M02")[0].clone();
        assert_eq!(line(app)["band"], "stock_out");
        receive(app, "M02", "A1", 310, json!({}));
        let short = line(app);
        assert_eq!(short["band"], "reorder");
        let order = &short["suggested_order"];
        assert_eq!((&order["lacking"], &order["pack_code"]), (&json!(690), &json!("box")));
        assert_eq!((&order["packs"], &order["quantity"]), (&json!(14), &json!(700)));
        assert!(order["cost"].as_str().unwrap().starts_with("1050"));
        // What is ordered already, however late, is not ordered again.
        let body = json!({"kind": "order", "store_code": "QN-HOSP", "supplier": "赣州医药公司",
            "expected_at": "2026-06-01T02:00:00Z", "lines": [{"item_code": "M02", "quantity": 690}]});
        app.post("buyer.hospital", "/expected-receipts", body).expect(201);
        let ordered = line(app);
        assert_eq!((&ordered["band"], &ordered["status"]), (&json!("in_stock"), &json!("short")));
        assert_eq!(ordered["suggested_order"], Value::Null);
        assert_eq!(ordered["net_shortfall"], json!(690));
    });
}
