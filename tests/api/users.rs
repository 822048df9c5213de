//! Users, tokens and the audit trail over HTTP.

use crate::support::TestApp;
use serde_json::json;

#[test]
fn a_new_user_acts_with_a_token_until_it_is_revoked() {
    TestApp::each(|app| {
        let body = json!({"name": "keeper.new", "display_name": "新库管", "role": "keeper", "stores": ["QN-TOWN"]});
        app.post("admin", "/users", body.clone()).expect(201);
        app.post("admin", "/users", body).refused(409, "already_exists");
        let request = app.storing("POST", "admin", "/users/keeper.new/tokens").key("token-1");
        let made = request.json(json!({"label": "phone"})).send().expect(201);
        let again = app.storing("POST", "admin", "/users/keeper.new/tokens").key("token-1");
        let again = again.json(json!({"label": "phone"})).send().expect(201);
        assert_eq!(
            (&again["id"], &again["token"]),
            (&made["id"], &json!("")),
            "a secret is shown once"
        );
        let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
        let me =
            app.request("GET", "/api/v1/me").header("authorization", &bearer).send().expect(200);
        assert_eq!(me["stores"], json!(["QN-TOWN"]));
        let path = format!("/users/keeper.new/tokens/{}", made["id"].as_str().unwrap());
        app.storing("DELETE", "admin", &path).send().expect(200);
        app.request("GET", "/api/v1/me")
            .header("authorization", &bearer)
            .send()
            .refused(401, "unauthenticated");
    });
}

#[test]
fn a_scope_goes_with_its_role() {
    TestApp::each(|app| {
        let body = json!({"name": "c", "display_name": "指挥", "role": "commander", "stores": ["QN-TOWN"]});
        assert_eq!(app.post("admin", "/users", body).pointers(), ["/stores", "/region_code"]);
        let body =
            json!({"name": "k", "display_name": "库管", "role": "keeper", "stores": ["NONE"]});
        assert_eq!(app.post("admin", "/users", body).pointers(), ["/stores/0"]);
    });
}

#[test]
fn what_is_done_and_what_is_refused_both_stand_on_the_audit_trail() {
    TestApp::each(|app| {
        let kind = json!({"code": "school", "name_zh": "学校", "name_en": "School"});
        app.post("keeper.town", "/store-kinds", kind.clone()).refused(403, "forbidden");
        app.post("commander", "/store-kinds", kind).expect(201);
        let refused = app.get("auditor", "/audit?outcome=refused").expect(200);
        assert_eq!(refused["rows"][0]["actor"], "keeper.town");
        assert_eq!(refused["rows"][0]["code"], "forbidden");
        let done = app.get("auditor", "/audit?object_kind=store_kind&object_id=school").expect(200);
        assert_eq!(done["rows"][0]["detail"]["asked"]["name_en"], "School");
        assert_eq!(done["rows"].as_array().unwrap().len(), 1);
        app.get("keeper.town", "/audit").refused(403, "forbidden");
    });
}
