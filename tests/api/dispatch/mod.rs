//! Dispatches over HTTP, from order to signature.

mod chain;
mod draw_down;
mod night;
mod rights;

use crate::support::{Answer, TestApp};
use serde_json::{Value, json};

/// A dispatch in the hands of a test, which always acts on its newest version.
pub struct Dispatch<'a> {
    app: &'a TestApp,
    pub id: String,
    tag: String,
    pub view: Value,
}

impl<'a> Dispatch<'a> {
    /// Made by a user; must succeed.
    #[track_caller]
    pub fn made(app: &'a TestApp, user: &str, body: Value) -> Self {
        let answer = app.post(user, "/dispatches", body);
        let tag = answer.header("etag").unwrap_or_default().to_owned();
        let view = answer.expect(201);
        Self { app, id: view["id"].as_str().unwrap().to_owned(), tag, view }
    }

    /// As it stands now, read anew.
    #[track_caller]
    pub fn again(app: &'a TestApp, id: &str) -> Self {
        let answer = app.get("auditor", &format!("/dispatches/{id}"));
        let tag = answer.etag();
        let view = answer.expect(200);
        Self { app, id: id.to_owned(), tag, view }
    }

    /// Masks asked for by the hospital from the depot.
    #[track_caller]
    pub fn requested(app: &'a TestApp, item: &str, quantity: i64) -> Self {
        let body = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "urgency": "urgent",
            "reason": "发热门诊", "lines": [{"item_code": item, "quantity": quantity}]});
        Self::made(app, "buyer.hospital", body)
    }

    /// Tries an action.
    pub fn tries(&self, user: &str, action: &str, body: Value) -> Answer {
        self.app.act(user, &format!("/dispatches/{}/{action}", self.id), &self.tag, body)
    }

    /// Does an action, which must succeed.
    #[track_caller]
    pub fn does(&mut self, user: &str, action: &str, body: Value) -> &Value {
        let answer = self.tries(user, action, body);
        let tag = answer.header("etag").unwrap_or_default().to_owned();
        self.view = answer.expect(200);
        self.tag = tag;
        &self.view
    }

    /// Approved whole, picked as promised, and shipped on one lorry.
    #[track_caller]
    pub fn shipped(app: &'a TestApp, item: &str, quantity: i64) -> Self {
        let mut dispatch = Self::requested(app, item, quantity);
        dispatch.does("commander", "approve", json!({}));
        dispatch.does("keeper.depot", "pick", json!({}));
        dispatch.does("keeper.depot", "ship", lorry());
        dispatch
    }

    /// The only line.
    pub fn line(&self) -> &Value {
        &self.view["lines"][0]
    }

    /// Numbers of the only line, by name.
    pub fn numbers(&self, names: &[&str]) -> Vec<i64> {
        names.iter().map(|name| self.line()[name].as_i64().unwrap_or(-1)).collect()
    }
}

/// A lorry that leaves now and arrives in three hours.
pub fn lorry() -> Value {
    json!({"vehicle": "赣B·12345", "driver": "廖建平", "expected_at": "2026-03-02T05:00:00Z"})
}

/// A spoken word that was given half an hour ago.
pub fn spoken() -> Value {
    json!({"kind": "verbal", "issued_by": "钟卫国", "post": "值班长", "phone": "0797-2630000",
        "issued_at": "2026-03-02T01:30:00Z", "heard_by": "曾小兰"})
}
