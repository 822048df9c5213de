//! What holds for every operation: tokens, keys, languages, and the framework's own errors.

use crate::support::TestApp;
use changbei::server::housekeeping::forget_old_answers;
use serde_json::json;

fn school() -> serde_json::Value {
    json!({"code": "school", "name_zh": "学校", "name_en": "School"})
}

#[test]
fn a_repeated_request_gets_the_first_answer_and_no_second_effect() {
    TestApp::each(|app| {
        let send =
            |body| app.storing("POST", "commander", "/store-kinds").key("k1").json(body).send();
        let first = send(school());
        let second = send(school());
        assert_eq!((first.status, second.status), (201, 201));
        assert_eq!(first.text, second.text);
        assert_eq!(first.header("idempotency-replayed"), None);
        assert_eq!(second.header("idempotency-replayed"), Some("true"));
        let other = json!({"code": "camp", "name_zh": "营地", "name_en": "Camp"});
        send(other.clone()).refused(422, "idempotency_key_reused");
        let others_key = app.storing("POST", "deputy", "/store-kinds").key("k1").json(other).send();
        others_key.expect(201);
    });
}

#[test]
fn the_same_request_ten_times_at_once_happens_once() {
    TestApp::each(|app| {
        let answers: Vec<_> = std::thread::scope(|threads| {
            let send =
                || app.storing("POST", "commander", "/store-kinds").key("k1").json(school()).send();
            let running: Vec<_> = (0..10).map(|_| threads.spawn(send)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(
            answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text)
        );
        let replayed =
            answers.iter().filter(|a| a.header("idempotency-replayed").is_some()).count();
        assert_eq!(replayed, 9);
        let trail = app.get("auditor", "/audit?object_kind=store_kind").expect(200);
        assert_eq!(trail["rows"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_refusal_is_not_kept_because_the_facts_may_change() {
    TestApp::each(|app| {
        let store = json!({"code": "QN-S1", "name_zh": "学校", "name_en": "School", "kind": "school", "region_code": "360729"});
        let send =
            || app.storing("POST", "commander", "/stores").key("k1").json(store.clone()).send();
        send().refused(422, "validation_failed");
        app.post("commander", "/store-kinds", school()).expect(201);
        send().expect(201);
    });
}

#[test]
fn an_answer_is_kept_for_as_long_as_the_setting_says_and_then_forgotten() {
    TestApp::each(|app| {
        let send =
            || app.storing("POST", "commander", "/store-kinds").key("k1").json(school()).send();
        send().expect(201);
        app.set_time("2026-03-16T01:59:59Z");
        assert_eq!(forget_old_answers(&app.app).unwrap(), 0);
        assert_eq!(send().header("idempotency-replayed"), Some("true"));
        app.set_time("2026-03-16T02:00:01Z");
        assert_eq!(forget_old_answers(&app.app).unwrap(), 1);
        send().refused(409, "already_exists");
    });
}

#[test]
fn problems_speak_the_callers_language_and_name_the_request() {
    TestApp::each(|app| {
        let ask = |language| {
            app.request("GET", "/api/v1/items/NONE")
                .by("auditor")
                .header("accept-language", language)
                .send()
        };
        let zh = ask("zh-CN");
        assert_eq!(zh.header("content-language"), Some("zh-CN"));
        let id = zh.header("x-request-id").unwrap().to_owned();
        let zh = zh.refused(404, "not_found");
        assert_eq!(zh["detail"], "未找到物资：NONE");
        assert_eq!(zh["request_id"], id);
        assert_eq!(zh["type"], "/problems/not_found");
        assert_eq!(ask("en").refused(404, "not_found")["detail"], "No such item: NONE");
        let kind = app.request("GET", "/problems/not_found").send().expect(200);
        assert_eq!(kind["status"], 404);
    });
}

#[test]
fn the_frameworks_own_errors_are_problem_documents_too() {
    TestApp::each(|app| {
        app.request("GET", "/nowhere").send().refused(404, "not_found");
        app.request("GET", "/api/v1/nowhere").send().refused(404, "not_found");
        app.request("PUT", "/api/v1/items").send().refused(405, "method_not_allowed");
        app.request("GET", "/api/v1/items").send().refused(401, "unauthenticated");
        let storing = || app.storing("POST", "admin", "/items");
        storing().text("{", "application/json").send().refused(400, "malformed_request");
        storing().text("{} {}", "application/json").send().refused(400, "malformed_request");
        storing()
            .text("code=1", "application/x-www-form-urlencoded")
            .send()
            .refused(415, "unsupported_media_type");
        let large = format!("\"{}\"", "x".repeat(1 << 20));
        storing().text(&large, "application/json").send().refused(413, "payload_too_large");
        let no_key = app.request("POST", "/api/v1/items").by("admin").json(json!({})).send();
        no_key.refused(400, "idempotency_key_missing");
    });
}

#[test]
fn the_service_says_that_it_is_alive_and_ready_and_what_it_measured() {
    TestApp::each(|app| {
        assert_eq!(app.request("GET", "/healthz").send().expect(200)["status"], "ok");
        assert_eq!(app.request("GET", "/readyz").send().expect(200)["status"], "ok");
        app.get("auditor", "/items").expect(200);
        let metrics = app.request("GET", "/metrics").send();
        assert!(metrics.text.contains("http_requests_total"), "{}", metrics.text);
        assert!(metrics.text.contains("/api/v1/items"));
        let document = app.request("GET", "/openapi.json").send().expect(200);
        assert_eq!(document["openapi"], "3.1.0");
        let page = app.request("GET", "/docs/").send();
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("https://"), "no outside address");
    });
}
