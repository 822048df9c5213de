//! How often something can be done with what is held.

use crate::support::TestApp;
use serde_json::{Value, json};

/// Ten pooled samples share a test portion, and a respirator lasts its wearer twenty.
fn pcr() -> Value {
    json!({"code": "PCR", "name_zh": "核酸检测", "name_en": "PCR tests", "unit": "人份", "components": [
        {"name_zh": "试剂", "name_en": "test portions", "item_codes": ["T01"], "uses": 1, "serves": 10},
        {"name_zh": "口罩", "name_en": "masks", "item_codes": ["M03", "M02"], "uses": 1, "serves": 20},
    ]})
}

fn receive(app: &TestApp, keeper: &str, store: &str, item: &str, quantity: i64, more: Value) {
    let mut line = json!({"item_code": item, "lot_number": format!("{store}-{item}"),
                          "expires_on": "2026-12-31", "quantity": quantity});
    line.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let body = json!({"store_code": store, "source": {"kind": "supplier"}, "lines": [line]});
    app.post(keeper, "/receipts", body).expect(201);
}

#[test]
fn the_part_that_binds_is_named_for_each_store_and_for_the_county() {
    TestApp::each(|app| {
        app.post("commander", "/capabilities", pcr()).expect(201);
        receive(app, "keeper.cdc", "QN-CDC", "T01", 90, json!({}));
        receive(app, "keeper.cdc", "QN-CDC", "M03", 10, json!({}));
        receive(app, "keeper.hospital", "QN-HOSP", "T01", 5, json!({}));
        receive(app, "keeper.hospital", "QN-HOSP", "M02", 50, json!({}));
        // What is quarantined can serve nobody.
        receive(app, "keeper.hospital", "QN-HOSP", "M03", 900, json!({"state": "quarantined"}));
        let figure = app.get("commander", "/capabilities/PCR/figure?region=360729").expect(200);
        // Together 95 portions serve 950 and 60 masks serve 1 200; alone the CDC lacks masks.
        assert_eq!(figure["together"]["possible"], 950);
        assert_eq!(figure["together"]["binding"]["name_en"], "test portions");
        assert_eq!(figure["alone"], 200 + 50);
        let of = |store: &str| {
            let rows = figure["rows"].as_array().unwrap().clone();
            rows.into_iter().find(|row| row["store_code"] == store).unwrap()
        };
        assert_eq!(
            (of("QN-CDC")["possible"].as_i64(), of("QN-HOSP")["possible"].as_i64()),
            (Some(200), Some(50))
        );
        assert_eq!(of("QN-CDC")["binding"]["line"], 2);
        assert_eq!(of("QN-HOSP")["components"][1]["available"], 50);
        assert_eq!(of("QN-TOWN")["possible"], 0);
        // Two stores hold something, two have never moved anything.
        assert_eq!((&figure["stores"], &figure["stale_stores"]), (&json!(4), &json!(2)));
        let own = app.get("keeper.cdc", "/capabilities/PCR/figure").expect(200);
        assert_eq!((&own["together"]["possible"], &own["stores"]), (&json!(200), &json!(1)));
    });
}

#[test]
fn a_capability_is_refused_with_every_fault_and_changed_by_version() {
    TestApp::each(|app| {
        let mut wrong = pcr();
        wrong["code"] = json!("P C R");
        wrong["components"][0]["uses"] = json!(0);
        wrong["components"][1]["item_codes"] = json!(["M03", "M03"]);
        let refused = app.post("admin", "/capabilities", wrong);
        assert_eq!(
            refused.pointers(),
            ["/code", "/components/0/uses", "/components/1/item_codes/1"]
        );
        let mut unknown = pcr();
        unknown["components"][0]["item_codes"] = json!(["NONE"]);
        let refused = app.post("admin", "/capabilities", unknown);
        assert_eq!(refused.pointers(), ["/components/0/item_codes"]);
        app.post("admin", "/capabilities", pcr()).expect(201);
        app.post("admin", "/capabilities", pcr()).refused(409, "already_exists");
        app.post("keeper.cdc", "/capabilities", pcr()).refused(403, "forbidden");
        let known = app.get("keeper.cdc", "/capabilities/PCR");
        let change = json!({"components": [{"name_zh": "试剂", "name_en": "kits", "item_codes": ["T01"], "uses": 2, "serves": 3}]});
        let patch = |tag: &str| {
            app.storing("PATCH", "admin", "/capabilities/PCR")
                .if_match(tag)
                .json(change.clone())
                .send()
        };
        let changed = patch(&known.etag());
        assert_eq!(changed.clone().expect(200)["components"].as_array().unwrap().len(), 1);
        patch("\"v1\"").refused(412, "stale_version");
        assert_eq!(
            app.get("auditor", "/capabilities?active=true").expect(200)["rows"][0]["code"],
            "PCR"
        );
        app.get("auditor", "/capabilities/NONE/figure").refused(404, "not_found");
    });
}
