//! Items over HTTP.

use crate::support::TestApp;
use serde_json::json;

#[test]
fn an_item_is_created_read_changed_and_listed() {
    TestApp::each(|app| {
        let body = json!({"code": "P01", "name_zh": "防护服", "name_en": "Coverall", "category": "ppe",
            "base_unit": "套", "packs": [{"code": "carton", "name_zh": "箱", "name_en": "carton", "units": 50}]});
        let created = app.post("admin", "/items", body);
        assert_eq!(created.header("location"), Some("/api/v1/items/P01"));
        let tag = created.etag();
        assert_eq!(created.expect(201)["packs"][0]["units"], 50);
        let patch = json!({"standard": "GB 19082", "gtins": ["6901234567892"]});
        let taken = app.storing("PATCH", "admin", "/items/P01").if_match(&tag).json(patch).send();
        assert_eq!(taken.pointers(), ["/gtins/0"], "another item has this number");
        let patch = json!({"standard": "GB 19082"});
        let changed =
            app.storing("PATCH", "admin", "/items/P01").if_match(&tag).json(patch.clone()).send();
        assert_eq!(changed.expect(200)["standard"], "GB 19082");
        app.storing("PATCH", "admin", "/items/P01")
            .if_match(&tag)
            .json(patch.clone())
            .send()
            .refused(412, "stale_version");
        app.storing("PATCH", "admin", "/items/P01")
            .json(patch)
            .send()
            .refused(428, "precondition_required");
        let found = app.get("keeper.town", "/items?q=%E9%98%B2%E6%8A%A4").expect(200);
        let codes: Vec<&str> =
            found["rows"].as_array().unwrap().iter().map(|i| i["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["M03", "P01"]);
        app.get("keeper.town", "/items/NONE").refused(404, "not_found");
    });
}

#[test]
fn every_fault_of_an_item_is_named_at_once() {
    TestApp::each(|app| {
        let body = json!({"code": "P 1", "name_zh": " ", "name_en": "x", "category": "food", "base_unit": "套",
            "packs": [{"code": "box", "name_zh": "盒", "name_en": "box", "units": 0}],
            "gtins": ["123"], "substitutes": [{"item_code": "M02", "rank": 0}]});
        let answer = app.post("admin", "/items", body);
        let expected =
            ["/code", "/name_zh", "/category", "/packs/0/units", "/gtins/0", "/substitutes/0/rank"];
        assert_eq!(answer.pointers(), expected);
        answer.refused(422, "validation_failed");
        let unknown = app.post("admin", "/items", json!({"code": "P1", "colour": "red"}));
        assert_eq!(unknown.pointers(), ["/colour"]);
        unknown.refused(400, "malformed_request");
    });
}

#[test]
fn a_list_pages_stably_to_its_end() {
    TestApp::each(|app| {
        let mut seen = Vec::new();
        let mut path = "/items?limit=2".to_owned();
        loop {
            let page = app.get("auditor", &path).expect(200);
            seen.extend(
                page["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|i| i["code"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/items?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, ["D03", "E02", "M02", "M03", "T01"]);
        let made_up = app.get("auditor", "/items?cursor=zz&limit=0");
        assert_eq!(made_up.pointers(), ["/limit", "/cursor"]);
        let unknown = app.get("auditor", "/items?colour=red");
        assert_eq!(unknown.pointers(), ["/colour"]);
        unknown.refused(400, "malformed_query");
    });
}
