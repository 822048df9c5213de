//! What the framework refuses before any operation sees it, told like every other refusal.

use crate::support::{Answer, TestApp};
use serde_json::json;

/// Everything that the framework or the toolkit refuses by itself: status, code, request.
const REFUSED: &[(u16, &str, &str, &str)] = &[
    (404, "not_found", "GET", "/nowhere"),
    (404, "not_found", "POST", "/nowhere"),
    (404, "not_found", "GET", "/api/v1"),
    (404, "not_found", "GET", "/api/v1/items/"),
    (404, "not_found", "GET", "/api/v1/items/M02/nothing"),
    (404, "not_found", "GET", "/problems/nothing"),
    (405, "method_not_allowed", "PUT", "/api/v1/items"),
    (405, "method_not_allowed", "DELETE", "/api/v1/items/M02"),
    (405, "method_not_allowed", "POST", "/healthz"),
    (400, "malformed_query", "GET", "/api/v1/items?limit=many"),
    (400, "malformed_query", "GET", "/api/v1/items?limit=1&limit=2"),
    (400, "malformed_query", "GET", "/api/v1/items?colour=red"),
    (400, "malformed_query", "GET", "/api/v1/items?active=perhaps"),
];

fn ask(app: &TestApp, method: &'static str, path: &str, language: &str) -> Answer {
    app.request(method, path).by("admin").header("accept-language", language).send()
}

#[test]
fn every_refusal_of_the_framework_is_a_problem_document_in_both_languages() {
    TestApp::each(|app| {
        for (status, code, method, path) in REFUSED {
            let mut titles = Vec::new();
            for (language, tag) in [("zh-CN,zh;q=0.9", "zh-CN"), ("en-GB", "en")] {
                let answer = ask(app, method, path, language);
                assert_eq!(answer.header("content-language"), Some(tag), "{method} {path}");
                let id = answer.header("x-request-id").unwrap().to_owned();
                let problem = answer.refused(*status, code);
                assert_eq!(problem["status"], *status, "{method} {path}");
                assert_eq!(problem["type"], format!("/problems/{code}"));
                assert_eq!(problem["request_id"], id);
                assert_eq!(problem["instance"], path.split('?').next().unwrap());
                titles.push(problem["title"].as_str().unwrap().to_owned());
            }
            assert!(!titles[0].is_ascii() && titles[1].is_ascii(), "{titles:?}");
        }
    });
}

#[test]
fn a_method_that_is_not_allowed_is_told_those_that_are() {
    TestApp::each(|app| {
        let answer = ask(app, "PUT", "/api/v1/items", "en");
        let allowed = answer.header("allow").unwrap_or_default();
        assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    });
}

#[test]
fn a_query_names_the_parameter_that_is_wrong() {
    TestApp::each(|app| {
        let unknown = ask(app, "GET", "/api/v1/items?colour=red", "en");
        assert_eq!(unknown.pointers(), ["/colour"]);
        for (query, pointer) in
            [("limit=0", "/limit"), ("limit=-1", "/limit"), ("cursor=mine", "/cursor")]
        {
            let answer = ask(app, "GET", &format!("/api/v1/items?{query}"), "en");
            answer.clone().refused(422, "validation_failed");
            assert_eq!(answer.pointers(), [pointer]);
        }
        let all = ask(app, "GET", "/api/v1/items?limit=0&cursor=mine&category=toys", "en");
        assert_eq!(all.pointers(), ["/limit", "/cursor", "/category"]);
    });
}

#[test]
fn a_page_is_capped_at_a_thousand_rows() {
    TestApp::each(|app| {
        let page = ask(app, "GET", "/api/v1/items?limit=1000000", "en").expect(200);
        assert!(page["rows"].as_array().unwrap().len() > 1);
    });
}

#[test]
fn a_body_of_the_wrong_shape_is_told_where() {
    TestApp::each(|app| {
        let send = |body: &str| {
            app.storing("POST", "commander", "/store-kinds").text(body, "application/json").send()
        };
        for (body, pointers) in [
            ("", vec![]),
            ("[]", vec![]),
            ("\"text\"", vec![]),
            ("{\"code\": \"school\"", vec![]),
            ("{\"code\": 7, \"name_zh\": \"校\", \"name_en\": \"x\"}", vec!["/code"]),
            (
                "{\"code\": \"a\", \"name_zh\": \"校\", \"name_en\": \"x\", \"colour\": 1}",
                vec!["/colour"],
            ),
        ] {
            let answer = send(body);
            answer.clone().refused(400, "malformed_request");
            if !pointers.is_empty() {
                assert_eq!(answer.pointers(), pointers, "{body}");
            }
        }
    });
}

#[test]
fn nothing_that_a_client_can_spell_is_a_failure_of_the_service() {
    // PostgreSQL keeps no NUL in a text, and both databases must say so in our words.
    let paths = [
        "/api/v1/items?q=%00",
        "/api/v1/items/%00",
        "/api/v1/items/%ff",
        "/api/v1/items?q=%ff",
        "/api/v1/items?q=%25_%5C",
        "/api/v1/stores?kind=%00",
        "/api/v1/stores?q=%00&kind=a",
        "/api/v1/stores/%F0%9F%98%B7",
        "/api/v1/regions?parent=%00",
        "/api/v1/users/%00",
        "/api/v1/users/%00/tokens",
        "/api/v1/audit?actor=%00",
        "/api/v1/audit?object_kind=%00&object_id=%00",
        "/api/v1/items?limit=9223372036854775808",
        "/api/v1/items?cursor=%00",
        // The JSON of a key that is a NUL, in the hexadecimal of a cursor.
        "/api/v1/items?cursor=225c753030303022",
        "/problems/%00",
    ];
    TestApp::each(|app| {
        for path in paths {
            let answer = ask(app, "GET", path, "en");
            assert!(answer.status < 500, "{path}: {}", answer.text);
        }
        for (path, body) in [
            ("/store-kinds", json!({"code": "a\u{0}", "name_zh": "校\u{0}", "name_en": "x"})),
            ("/regions", json!({"code": "\u{0}", "name_zh": "\u{0}", "name_en": "\u{0}"})),
            ("/users", json!({"name": "a\u{0}", "display_name": "\u{0}", "role": "keeper"})),
        ] {
            let answer = app.post("admin", path, body);
            assert!(answer.status < 500, "{path}: {}", answer.text);
        }
    });
}
