//! Allocations over HTTP: from a question to dispatches that are approved.

mod approving;
mod editing;
mod proposing;
mod races;
mod rehearsing;
mod roads;
mod rounds;
mod solving;

use crate::planning::{fixed, in_force};
use crate::support::stock::put;
use crate::support::{Answer, TestApp};
use serde_json::{Value, json};

/// A depot with 1 000 respirators in two lots and a floor of 200, and three stores below their
/// targets: the hospital (600), the CDC (300) and the township (100).
pub fn scarce(app: &TestApp) {
    put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 300);
    put(app, "QN-DEPOT", "M03", "A2", "2027-12-31", 700);
    let mut depot = fixed("QN-DEPOT", "M03", 5_000);
    depot["floor"] = json!(200);
    in_force(
        app,
        json!([
            depot,
            fixed("QN-HOSP", "M03", 600),
            fixed("QN-CDC", "M03", 300),
            fixed("QN-TOWN", "M03", 100),
        ]),
    );
}

/// An allocation in the hands of a test, which always acts on its newest version.
pub struct Proposal<'a> {
    app: &'a TestApp,
    pub id: String,
    pub tag: String,
    pub view: Value,
}

impl<'a> Proposal<'a> {
    /// Made by the commander; must succeed.
    #[track_caller]
    pub fn made(app: &'a TestApp, body: Value) -> Self {
        Self::made_by(app, "commander", body)
    }

    /// Made by a user; must succeed.
    #[track_caller]
    pub fn made_by(app: &'a TestApp, user: &str, body: Value) -> Self {
        let answer = app.post(user, "/allocations", body);
        let tag = answer.header("etag").unwrap_or_default().to_owned();
        let view = answer.expect(201);
        Self { app, id: view["id"].as_str().unwrap().to_owned(), tag, view }
    }

    /// Of respirators, by coverage.
    #[track_caller]
    pub fn of_respirators(app: &'a TestApp) -> Self {
        Self::made(app, json!({"item_code": "M03", "policy": "leximin", "measure": "coverage"}))
    }

    /// Tries an action.
    pub fn tries(&self, user: &str, action: &str, body: Value) -> Answer {
        self.app.act(user, &format!("/allocations/{}/{action}", self.id), &self.tag, body)
    }

    /// Tries to change lines.
    pub fn tries_to_edit(&self, user: &str, body: Value) -> Answer {
        let path = format!("/allocations/{}/lines", self.id);
        self.app.storing("PATCH", user, &path).if_match(&self.tag).json(body).send()
    }

    #[track_caller]
    fn take(&mut self, answer: Answer) -> &Value {
        let tag = answer.header("etag").unwrap_or_default().to_owned();
        self.view = answer.expect(200);
        self.tag = tag;
        &self.view
    }

    /// Does an action, which must succeed.
    #[track_caller]
    pub fn does(&mut self, user: &str, action: &str, body: Value) -> &Value {
        let answer = self.tries(user, action, body);
        self.take(answer)
    }

    /// Changes lines, which must succeed.
    #[track_caller]
    pub fn edits(&mut self, user: &str, body: Value) -> &Value {
        let answer = self.tries_to_edit(user, body);
        self.take(answer)
    }

    /// How it stands now.
    pub fn read(&self) -> Value {
        self.app.get("auditor", &format!("/allocations/{}", self.id)).expect(200)
    }

    /// (from, to, quantity) of its lines that send something.
    pub fn sends(&self) -> Vec<(String, String, i64)> {
        sends(&self.view)
    }
}

/// (from, to, quantity) of the lines of an allocation that send something.
pub fn sends(view: &Value) -> Vec<(String, String, i64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = view["lines"].as_array().unwrap().iter();
    let lines = lines.filter(|line| line["quantity"] != 0);
    lines
        .map(|line| {
            let quantity = line["quantity"].as_i64().unwrap();
            (text(&line["from_store"]), text(&line["to_store"]), quantity)
        })
        .collect()
}

/// A recipient of the first part.
pub fn recipient<'v>(view: &'v Value, store: &str) -> &'v Value {
    let all = view["parts"][0]["recipients"].as_array().unwrap();
    all.iter().find(|one| one["store_code"] == store).unwrap_or(&Value::Null)
}

/// A donor of the first part.
pub fn donor<'v>(view: &'v Value, store: &str) -> &'v Value {
    let all = view["parts"][0]["donors"].as_array().unwrap();
    all.iter().find(|one| one["store_code"] == store).unwrap_or(&Value::Null)
}

/// What has changed: store, fact, of what, before and after.
pub fn facts(changes: &Value) -> Vec<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = changes.as_array().unwrap().iter();
    all.map(|change| {
        let store = text(&change["store_code"]);
        (store, text(&change["what"]), text(&change["before"]), text(&change["after"]))
    })
    .collect()
}

/// A written order.
pub fn order() -> Value {
    json!({"kind": "order", "number": "全指调〔2026〕21号", "issued_by": "钟卫国"})
}

/// Takes stock out of a store.
#[track_caller]
pub fn issue(app: &TestApp, keeper: &str, store: &str, quantity: i64) {
    let body = json!({"store_code": store, "purpose": "consumption",
        "consumer": {"kind": "department", "name": "发热门诊"},
        "lines": [{"item_code": "M03", "quantity": quantity}]});
    app.post(keeper, "/issues", body).expect(201);
}
