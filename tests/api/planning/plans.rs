//! Versions of a plan, from draft to approval.

use super::{draft, fixed, in_force};
use crate::support::TestApp;
use serde_json::json;

#[test]
fn a_plan_goes_from_draft_to_force_by_two_people() {
    TestApp::each(|app| {
        let plan = draft(app, json!([fixed("QN-HOSP", "M03", 5000)]));
        assert_eq!((&plan["version"], &plan["status"]), (&json!(1), &json!("draft")));
        assert_eq!(plan["created_by"], "commander");
        let path = format!("/reserve-plans/{}", plan["id"].as_str().unwrap());
        let (submit, approve) = (format!("{path}/submit"), format!("{path}/approve"));
        let approval =
            json!({"approval_number": "7号", "effective_from": "2026-03-02T10:00:00+08:00"});

        app.act("deputy", &approve, "\"v1\"", approval.clone()).refused(409, "wrong_status");
        let submitted = app.act("commander", &submit, "\"v1\"", json!({})).expect(200);
        assert_eq!(
            (&submitted["status"], &submitted["submitted_by"]),
            (&json!("submitted"), &json!("commander"))
        );
        app.act("commander", &approve, "\"v2\"", approval.clone()).refused(403, "own_document");
        app.act("keeper.depot", &approve, "\"v2\"", approval.clone()).refused(403, "forbidden");
        let approved = app.act("deputy", &approve, "\"v2\"", approval).expect(200);
        assert_eq!(approved["effective_from"], "2026-03-02T02:00:00Z");
        assert_eq!(
            (&approved["in_force"], &approved["approval_number"]),
            (&json!(true), &json!("7号"))
        );

        // It can be read by everybody, and changed by nobody.
        let read = app.get("keeper.town", &path);
        assert_eq!(read.etag(), "\"v3\"");
        assert_eq!(read.expect(200), approved);
        app.storing("PATCH", "commander", &path)
            .if_match("\"v3\"")
            .json(json!({"name": "x"}))
            .send()
            .refused(409, "wrong_status");
    });
}

#[test]
fn a_draft_is_edited_under_its_version_and_its_editor_may_not_approve_it() {
    TestApp::each(|app| {
        let plan = draft(app, json!([]));
        let path = format!("/reserve-plans/{}", plan["id"].as_str().unwrap());
        let patch = json!({"lines": [fixed("QN-HOSP", "M03", 10), fixed("QN-CDC", "M03", 20)]});
        let edit = |tag: &str| {
            app.storing("PATCH", "deputy", &path).if_match(tag).json(patch.clone()).send()
        };
        app.storing("PATCH", "deputy", &path)
            .json(patch.clone())
            .send()
            .refused(428, "precondition_required");
        let submit = format!("{path}/submit");
        app.act("commander", &submit, "\"v1\"", json!({})).refused(409, "wrong_status");
        let edited = edit("\"v1\"");
        assert_eq!(edited.etag(), "\"v2\"");
        assert_eq!(
            edited.expect(200)["lines"][1]["bases"],
            json!([{"kind": "fixed", "quantity": 20}])
        );
        edit("\"v1\"").refused(412, "stale_version");
        app.act("commander", &submit, "\"v2\"", json!({})).expect(200);
        app.act("deputy", &format!("{path}/approve"), "\"v3\"", json!({"approval_number": "1"}))
            .refused(403, "own_document");
    });
}

#[test]
fn a_plan_names_only_what_exists_and_each_thing_once() {
    TestApp::each(|app| {
        let lines = json!([
            fixed("QN-HOSP", "M03", 1),
            fixed("QN-NONE", "M99", 1),
            fixed("QN-HOSP", "M03", 2),
            {"store_kind": "palace", "item_code": "M03", "bases": [{"kind": "fixed", "quantity": 1}]},
            {"region_code": "99", "item_code": "M03", "bases": [{"kind": "days_of_cover", "days": 30}]},
        ]);
        let body = json!({"name": "方案", "lines": lines});
        let answer = app.post("commander", "/reserve-plans", body);
        assert_eq!(
            answer.pointers(),
            [
                "/lines/1/item_code",
                "/lines/1/store_code",
                "/lines/3/store_kind",
                "/lines/4/region_code",
                "/lines/2"
            ]
        );
        answer.refused(422, "validation_failed");
        let foreign = json!({"name": "方案", "lines": [fixed("XF-DEPOT", "M03", 1)]});
        app.post("commander", "/reserve-plans", foreign).refused(403, "store_out_of_scope");
        let keeper = json!({"name": "方案", "lines": []});
        app.post("keeper.depot", "/reserve-plans", keeper).refused(403, "forbidden");
    });
}

#[test]
fn the_approved_version_with_the_latest_effect_is_in_force() {
    TestApp::each(|app| {
        let first = in_force(app, json!([fixed("QN-HOSP", "M03", 100)]));
        let copy = json!({"copy_from": first["id"]});
        let second = app.post("commander", "/reserve-plans", copy).expect(201);
        assert_eq!((&second["number"], &second["version"]), (&json!("RP-QN"), &json!(2)));
        assert_eq!(second["lines"], first["lines"]);
        let path = format!("/reserve-plans/{}", second["id"].as_str().unwrap());
        app.act("commander", &format!("{path}/submit"), "\"v1\"", json!({})).expect(200);
        let later = json!({"approval_number": "2", "effective_from": "2026-03-03"});
        let approved = app.act("deputy", &format!("{path}/approve"), "\"v2\"", later).expect(200);
        assert_eq!(approved["in_force"], false);
        let diff = app.get("auditor", &format!("{path}/diff")).expect(200);
        assert_eq!((&diff["before"]["version"], &diff["after"]["version"]), (&json!(1), &json!(2)));
        assert_eq!((&diff["added"], &diff["changed"]), (&json!([]), &json!([])));
        let plan_of = || app.get("auditor", "/shortfalls").expect(200)["plan"]["version"].clone();
        assert_eq!(plan_of(), 1);
        app.set_time("2026-03-02T15:59:59Z");
        assert_eq!(plan_of(), 1);
        app.set_time("2026-03-02T16:00:00Z");
        assert_eq!(plan_of(), 2);
    });
}

#[test]
fn plans_are_listed_newest_first_and_page_by_page() {
    TestApp::each(|app| {
        for name in ["甲", "乙", "丙"] {
            app.post("commander", "/reserve-plans", json!({"name": name})).expect(201);
            app.clock.set(app.app.clock.now().plus_minutes(1));
        }
        let first = app.get("auditor", "/reserve-plans?limit=2&status=draft").expect(200);
        let names = |page: &serde_json::Value| -> Vec<String> {
            let rows = page["rows"].as_array().unwrap();
            rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&first), ["丙", "乙"]);
        assert_eq!(first["rows"][0]["number"], "RP-2026-003");
        let cursor = first["next_cursor"].as_str().unwrap();
        let next = app.get("auditor", &format!("/reserve-plans?limit=2&cursor={cursor}"));
        let next = next.expect(200);
        assert_eq!(names(&next), ["甲"]);
        assert_eq!(next["next_cursor"], json!(null));
        app.get("auditor", "/reserve-plans?status=secret").refused(422, "validation_failed");
        app.get("auditor", "/reserve-plans/nothing").refused(404, "not_found");
    });
}
