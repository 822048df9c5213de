//! Reserve plans, response levels and shortfalls over HTTP.

mod bases;
mod beside;
mod capabilities;
mod governed;
mod laws;
mod levels;
mod plans;
mod shortfalls;
mod streams;
mod substitution;
mod vectors;

use crate::support::TestApp;
use serde_json::{Value, json};

/// A line with a fixed quota for a store.
pub fn fixed(store: &str, item: &str, quota: i64) -> Value {
    json!({"store_code": store, "item_code": item, "bases": [{"kind": "fixed", "quantity": quota}]})
}

/// A draft with these lines, by the commander.
pub fn draft(app: &TestApp, lines: Value) -> Value {
    let body = json!({"name": "全南县应急物资储备方案", "number": "RP-QN", "lines": lines});
    app.post("commander", "/reserve-plans", body).expect(201)
}

/// A plan with these lines, approved by the deputy and in force since last year.
pub fn in_force(app: &TestApp, lines: Value) -> Value {
    let id = draft(app, lines)["id"].as_str().unwrap().to_owned();
    let path = format!("/reserve-plans/{id}");
    app.act("commander", &format!("{path}/submit"), "\"v1\"", json!({})).expect(200);
    let approval = json!({"approval_number": "全应急〔2025〕9号", "effective_from": "2025-12-01"});
    app.act("deputy", &format!("{path}/approve"), "\"v2\"", approval).expect(200)
}

/// Declares a level for a region, whatever stands there.
pub fn declare(app: &TestApp, region: &str, level: &str) -> Value {
    app.storing("PUT", "commander", "/response-level")
        .if_match("*")
        .json(declaration(region, level))
        .send()
        .expect(200)
}

/// The body of a declaration.
pub fn declaration(region: &str, level: &str) -> Value {
    json!({"level": level, "region_code": region, "reason": "聚集性疫情",
        "authority": {"kind": "order", "number": "全防指〔2026〕3号", "issued_by": "王主任"}})
}
