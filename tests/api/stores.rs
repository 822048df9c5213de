//! Regions, kinds of store and stores over HTTP.

use crate::support::TestApp;
use serde_json::json;

#[test]
fn a_commander_adds_a_temporary_store_in_the_own_region_only() {
    TestApp::each(|app| {
        let kind =
            json!({"code": "isolation_site", "name_zh": "隔离点", "name_en": "Isolation site"});
        app.post("commander", "/store-kinds", kind.clone()).expect(201);
        app.post("commander", "/store-kinds", kind).refused(409, "already_exists");
        let store = |region: &str| {
            json!({"code": "QN-ISO-1", "name_zh": "第一隔离点", "name_en": "Isolation site 1",
                "kind": "isolation_site", "region_code": region, "supplied_by": "QN-DEPOT",
                "latitude": "24.742400", "longitude": "114.53"})
        };
        app.post("commander", "/stores", store("360722")).refused(403, "forbidden");
        let made = app.post("commander", "/stores", store("360729101")).expect(201);
        assert_eq!(
            (&made["latitude"], &made["longitude"]),
            (&json!("24.742400"), &json!("114.530000"))
        );
        let in_county =
            app.get("keeper.town", "/stores?region=360729&kind=isolation_site").expect(200);
        assert_eq!(in_county["rows"].as_array().unwrap().len(), 1);
        app.post("keeper.depot", "/stores", store("360729101")).refused(403, "forbidden");
    });
}

#[test]
fn a_store_names_a_known_kind_region_and_supplier() {
    TestApp::each(|app| {
        let body = json!({"code": "QN-X", "name_zh": "某", "name_en": "X", "kind": "palace",
            "region_code": "360799", "supplied_by": "QN-NONE"});
        let answer = app.post("admin", "/stores", body);
        assert_eq!(answer.pointers(), ["/kind", "/region_code", "/supplied_by"]);
        answer.refused(422, "validation_failed");
    });
}

#[test]
fn a_store_is_changed_under_its_version() {
    TestApp::each(|app| {
        let tag = app.get("admin", "/stores/QN-CDC").etag();
        let patch = json!({"duty_phone": null, "priority_class": 1});
        let changed =
            app.storing("PATCH", "commander", "/stores/QN-CDC").if_match(&tag).json(patch).send();
        assert_eq!(changed.etag(), "\"v2\"");
        let changed = changed.expect(200);
        assert_eq!((&changed["duty_phone"], &changed["priority_class"]), (&json!(null), &json!(1)));
        let regions = app.get("auditor", "/regions?parent=360729").expect(200);
        assert_eq!(regions["rows"][0]["code"], "360729101");
    });
}
