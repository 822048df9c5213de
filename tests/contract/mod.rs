//! The OpenAPI document, generated from the routes that serve.
#![allow(dead_code, reason = "each test binary that includes this uses a part of it")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// The document as text, byte for byte as it is committed.
pub fn served_text() -> String {
    changbei::server::openapi::openapi_json().unwrap()
}

/// The document as JSON.
pub fn document() -> Value {
    serde_json::from_str(&served_text()).unwrap()
}

/// One operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `get`, `post` …
    pub method: String,
    /// E.g. `/api/v1/items/{code}`.
    pub path: String,
    /// Its operation id.
    pub id: String,
    /// What the document says of it.
    pub body: Value,
    /// Parameters that hold for every operation of its path.
    pub shared_parameters: Value,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method.to_uppercase(), self.path, self.id)
    }
}

/// Every operation, by path and method.
pub fn operations(document: &Value) -> Vec<Operation> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, body) in item.as_object().unwrap() {
            if METHODS.contains(&method.as_str()) {
                operations.push(Operation {
                    method: method.clone(),
                    path: path.clone(),
                    id: body["operationId"].as_str().unwrap_or_default().to_owned(),
                    body: body.clone(),
                    shared_parameters: item["parameters"].clone(),
                });
            }
        }
    }
    assert!(operations.len() > 10, "the document was not read");
    operations
}

/// A value of the document, or what its `$ref` leads to.
pub fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap_or(&Value::Null),
        None => value,
    }
}

impl Operation {
    /// Whether it is open to callers without a token: health, metrics and the document itself.
    pub fn is_public(&self) -> bool {
        !self.path.starts_with("/api/")
    }

    /// The permission that the document says it needs.
    pub fn permission(&self) -> Option<&str> {
        self.body["x-permission"].as_str()
    }

    /// Whether it stores something.
    ///
    /// A solver that is only asked is a POST that stores nothing; it says so.
    pub fn stores(&self) -> bool {
        self.method != "get" && self.body["x-stores"] != Value::Bool(false)
    }

    /// The statuses that it may answer.
    pub fn answers(&self) -> BTreeSet<String> {
        self.body["responses"].as_object().unwrap().keys().cloned().collect()
    }

    /// A parameter of the operation or of its path.
    pub fn parameter(&self, place: &str, name: &str) -> Option<&Value> {
        let all = [&self.body["parameters"], &self.shared_parameters];
        all.into_iter().filter_map(Value::as_array).flatten().find(|parameter| {
            parameter["in"] == place
                && parameter["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name))
        })
    }

    /// Whether it takes parameters in the query.
    pub fn has_query(&self) -> bool {
        self.body["parameters"]
            .as_array()
            .is_some_and(|all| all.iter().any(|parameter| parameter["in"] == "query"))
    }
}
