//! The contract: `openapi/changbei.json` is what the routes serve, and says everything a client needs.
//!
//! `UPDATE=1 cargo test --test openapi` writes the file anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that stumbles says so with its line number"
)]

mod contract;
mod source;

use changbei::access::{Permission, Role};
use changbei::batch::words::WORDS;
use contract::{Operation, document, operations, served_text};
use serde_json::Value;
use std::collections::BTreeSet;

/// Panics with every breach, so that all can be mended at once.
fn none(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n{}", breaches.join("\n"));
}

/// The operations that break a rule, with what is wrong.
fn breaches(wrong: impl Fn(&Operation) -> Option<String>) -> Vec<String> {
    operations(&document())
        .iter()
        .filter_map(|operation| wrong(operation).map(|what| format!("{operation}: {what}")))
        .collect()
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = source::root().join("openapi/changbei.json");
    let served = served_text();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "openapi/changbei.json is not what the routes serve; first difference at line {}. \
         `UPDATE=1 cargo test --test openapi` writes it anew.",
        1 + committed.lines().zip(served.lines()).take_while(|(a, b)| a == b).count()
    );
}

#[test]
fn the_document_is_openapi_3_1_of_this_version() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    for server in document["servers"].as_array().into_iter().flatten() {
        let url = server["url"].as_str().unwrap();
        assert!(!url.starts_with("http"), "the document names an outside address: {url}");
    }
}

#[test]
fn every_operation_says_what_it_does() {
    let wrong = breaches(|operation| {
        let text = |member: &str| operation.body[member].as_str().unwrap_or_default().trim();
        if text("summary").is_empty() || text("summary").len() > 100 {
            return Some(format!("summary `{}`", text("summary")));
        }
        if text("description").is_empty() {
            return Some("no description".to_owned());
        }
        operation.body["tags"][0].as_str().is_none().then(|| "no tag".to_owned())
    });
    none("operations that do not explain themselves", &wrong);
}

#[test]
fn operation_ids_are_verbs_with_their_resource_and_occur_once() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for operation in operations(&document()) {
        let id = operation.id.clone();
        let snake = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !snake || !id.contains('_') || !seen.insert(id) {
            wrong.push(operation.to_string());
        }
    }
    none("operation ids", &wrong);
}

#[test]
fn every_operation_names_a_permission_that_exists() {
    let known: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    let wrong = breaches(|operation| match operation.permission() {
        None if operation.is_public() => None,
        Some(name) if !operation.is_public() && known.contains(&name) => None,
        other => Some(format!("x-permission {other:?}")),
    });
    none("permissions", &wrong);
}

#[test]
fn every_permission_is_needed_by_some_operation() {
    let operations = operations(&document());
    let used: BTreeSet<&str> = operations.iter().filter_map(Operation::permission).collect();
    let idle: Vec<String> = Permission::ALL
        .iter()
        .map(|permission| permission.as_str())
        .filter(|name| !used.contains(name))
        .map(str::to_owned)
        .collect();
    none("permissions that open nothing", &idle);
}

#[test]
fn every_protected_operation_takes_a_bearer_token() {
    let document = document();
    let whole = !document["security"].is_null();
    let wrong = breaches(|operation| {
        let own = &operation.body["security"];
        let asks_nothing = |all: &Vec<Value>| all.iter().all(|one| *one == serde_json::json!({}));
        let open = own.as_array().map_or(!whole, asks_nothing);
        (open != operation.is_public()).then(|| format!("security {own}"))
    });
    none("security", &wrong);
}

#[test]
fn every_storing_operation_takes_an_idempotency_key() {
    let wrong = breaches(|operation| {
        let key = operation.parameter("header", "Idempotency-Key");
        if !operation.stores() {
            return key.map(|_| "a reading operation takes an Idempotency-Key".to_owned());
        }
        match key {
            None => Some("no Idempotency-Key".to_owned()),
            // A batch has a key in each of its commands.
            Some(key)
                if key["required"] != Value::Bool(operation.body["x-keys-inside"].is_null()) =>
            {
                Some("Idempotency-Key is not required".to_owned())
            }
            Some(_) => None,
        }
    });
    none("idempotency keys", &wrong);
}

#[test]
fn every_command_of_a_batch_is_an_operation_with_its_path_and_permission() {
    let operations = operations(&document());
    for word in WORDS {
        let operation = operations.iter().find(|operation| operation.id == word.word);
        let operation = operation.unwrap_or_else(|| panic!("no operation {}", word.word));
        assert_eq!((operation.method.as_str(), operation.stores()), ("post", true));
        assert_eq!(operation.path, format!("/api/v1{}", word.path), "{}", word.word);
        assert_eq!(operation.permission(), Some(word.permission.as_str()), "{}", word.word);
    }
}

#[test]
fn what_can_be_stale_takes_if_match_and_says_both_refusals() {
    let wrong = breaches(|operation| {
        let takes = operation.parameter("header", "If-Match").is_some();
        let says = operation.answers().contains("412") && operation.answers().contains("428");
        (takes != says).then(|| format!("takes If-Match: {takes}, says 412 and 428: {says}"))
    });
    none("preconditions", &wrong);
}

#[test]
fn every_operation_says_its_refusals_as_problem_documents() {
    let document = document();
    let wrong = breaches(|operation| {
        if operation.is_public() {
            return None;
        }
        let answers = operation.answers();
        let mut needed = vec!["401", "403", "503"];
        if operation.stores() {
            needed.extend(["400", "422"]);
        }
        if operation.path.contains('{') {
            needed.push("404");
        }
        if operation.has_query() {
            needed.push("400");
        }
        let missing: Vec<&str> =
            needed.into_iter().filter(|status| !answers.contains(*status)).collect();
        if !missing.is_empty() {
            return Some(format!("does not say {missing:?}"));
        }
        let not_problems: Vec<&String> = answers
            .iter()
            .filter(|status| status.as_str() >= "400")
            .filter(|status| {
                let answer =
                    contract::resolved(&document, &operation.body["responses"][status.as_str()]);
                answer["content"]["application/problem+json"]["schema"].is_null()
            })
            .collect();
        (!not_problems.is_empty()).then(|| format!("{not_problems:?} are no problem documents"))
    });
    none("errors", &wrong);
}

/// Whether a schema shows by examples how a value of it looks, down to every required field.
fn shows(document: &Value, schema: &Value) -> bool {
    let schema = contract::resolved(document, schema);
    let shown = ["example", "examples", "enum", "default"].iter().any(|key| !schema[key].is_null());
    let parts = |members: &Value| {
        members.as_array().is_some_and(|all| all.iter().any(|one| shows(document, one)))
    };
    let required = || schema["required"].as_array().into_iter().flatten();
    shown
        || parts(&schema["oneOf"])
        || parts(&schema["allOf"])
        || schema["type"] == "boolean"
        || (!schema["items"].is_null() && shows(document, &schema["items"]))
        || (schema["type"] == "object"
            && required()
                .all(|name| shows(document, &schema["properties"][name.as_str().unwrap()])))
}

#[test]
fn every_body_that_is_sent_shows_how_it_looks() {
    let document = document();
    let wrong = breaches(|operation| {
        let body = contract::resolved(&document, &operation.body["requestBody"]);
        let media = &body["content"]["application/json"];
        let shown = media.is_null()
            || !media["example"].is_null()
            || !media["examples"].is_null()
            || shows(&document, &media["schema"]);
        (!shown).then(|| "a required field has no example".to_owned())
    });
    none("examples", &wrong);
}

#[test]
fn every_list_is_paged_and_capped() {
    let document = document();
    let wrong = breaches(|operation| {
        let answer = contract::resolved(&document, &operation.body["responses"]["200"]);
        let schema =
            contract::resolved(&document, &answer["content"]["application/json"]["schema"]);
        let is_page = !schema["properties"]["next_cursor"].is_null();
        if operation.method != "get" || !is_page {
            return None;
        }
        let missing: Vec<&str> = ["limit", "cursor"]
            .into_iter()
            .filter(|name| operation.parameter("query", name).is_none())
            .collect();
        (!missing.is_empty()).then(|| format!("does not take {missing:?}"))
    });
    none("lists", &wrong);
}

/// The names under which the types of a source file stand in the document.
fn schema_names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    // What stands above a type: its comments and attributes, and the macro that makes it.
    let mut above = String::new();
    for line in source.lines().map(str::trim) {
        let declared = ["pub struct ", "pub enum "].iter().find_map(|kind| line.strip_prefix(kind));
        if let Some(rest) = declared {
            let own = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            let renamed =
                above.split("schema(as = ").nth(1).and_then(|rest| rest.split(')').next());
            if above.contains("ToSchema") || above.contains("word_enum!") {
                names.push(renamed.unwrap_or(own).to_owned());
            }
        }
        if line.is_empty() || declared.is_some() || line.ends_with('}') || line.ends_with(';') {
            above.clear();
        } else {
            above.push_str(line);
        }
    }
    names
}

#[test]
fn no_two_types_take_the_same_name_in_the_document() {
    // The generator keeps one of them without a word, and documents the other wrongly.
    let mut owners: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for file in source::files("src", &[".rs"]) {
        for name in schema_names(&file.text) {
            owners.entry(name).or_default().push(file.path.clone());
        }
    }
    assert!(owners.len() > 50, "the types were not found");
    let shared: Vec<String> = owners
        .iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(name, files)| format!("{name}: {files:?}"))
        .collect();
    none("names shared by several types; `#[schema(as = …)]` tells them apart", &shared);
}

#[test]
fn words_stand_in_the_document_as_they_are_written_in_json() {
    let words: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    assert_eq!(document()["components"]["schemas"]["Role"]["enum"], serde_json::json!(words));
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = document();
    let mut dangling = BTreeSet::new();
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(to)) = members.get("$ref")
                    && document.pointer(to.trim_start_matches('#')).is_none()
                {
                    dangling.insert(to.clone());
                }
                waiting.extend(members.values());
            }
            Value::Array(elements) => waiting.extend(elements),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    assert!(dangling.is_empty(), "{dangling:?}");
}
