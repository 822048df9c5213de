//! Who may call what, and where: the matrix is data, and the test walks the OpenAPI document over it.
//!
//! An operation that the matrix does not name fails the test, so no operation is ever added without
//! its line here. Every request is about one store, the People's Hospital, and is sent by users of
//! every role for whom that store is their own, another's, or one of none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that stumbles says so with its line number"
)]

mod contract;
mod support;

use changbei::access::{Permission, Role};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::TestApp;

use Role::{Admin, Auditor, Commander, Keeper, Procurement};

const EVERYBODY: &[Role] = &[Keeper, Procurement, Commander, Auditor, Admin];

/// The table "Who may" of the API, permission by permission.
const WHO_MAY: &[(&str, &[Role])] = &[
    ("self.read", EVERYBODY),
    ("items.read", EVERYBODY),
    ("items.write", &[Admin]),
    ("stores.read", EVERYBODY),
    ("stores.write", &[Commander, Admin]),
    ("users.manage", &[Admin]),
    ("audit.read", &[Auditor, Admin]),
    ("stock.read", EVERYBODY),
    ("receipts.post", &[Keeper]),
    ("issues.post", &[Keeper]),
    ("write_offs.post", &[Keeper]),
    ("write_offs.approve", &[Commander]),
    ("adjustments.post", &[Keeper]),
    ("state_changes.post", &[Keeper]),
    ("reversals.post", &[Keeper]),
    ("lots.recall", &[Commander]),
    ("reserve_plans.read", EVERYBODY),
    ("reserve_plans.write", &[Commander]),
    ("reserve_plans.approve", &[Commander]),
    ("response_level.declare", &[Commander]),
    ("shortfalls.read", EVERYBODY),
    ("dispatches.read", EVERYBODY),
    ("dispatches.create", &[Keeper, Procurement, Commander]),
    ("dispatches.approve", &[Commander]),
    ("dispatches.ship", &[Keeper]),
    ("dispatches.receive", &[Keeper]),
    ("dispatches.redirect", &[Commander]),
    ("dispatches.cancel", &[Commander]),
    ("dispatches.close", &[Keeper, Commander]),
    ("paperwork.read", EVERYBODY),
    ("paperwork.confirm", &[Commander]),
];

/// The users who try everything: name, role, and whether the hospital is in their scope.
const CALLERS: &[(&str, Role, bool)] = &[
    ("keeper.hospital", Keeper, true),
    ("keeper.town", Keeper, false),
    ("keeper.nowhere", Keeper, false),
    ("buyer.hospital", Procurement, true),
    ("buyer.nowhere", Procurement, false),
    ("commander", Commander, true),
    ("foreign.commander", Commander, false),
    ("auditor", Auditor, true),
    ("admin", Admin, true),
];

/// What an operation does for a caller with the permission to whom the hospital is foreign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "documents follow with the ledger")]
enum Reach {
    /// The same as for everybody: it concerns no store.
    Anywhere,
    /// 403: the request names a store outside the scope.
    NamesStore,
    /// 404: the document lies outside the scope, and its existence is not told.
    HidesDocument,
    /// 200 without a row, where others see rows.
    FiltersRows,
}

use Reach::{Anywhere, FiltersRows, HidesDocument, NamesStore};

/// One operation, the permission it needs, its reach, and a request about the hospital.
struct Row {
    operation: &'static str,
    permission: &'static str,
    reach: Reach,
    path: String,
    body: Value,
}

/// What an answer tells of authorization; whatever came after it (409, 412, 422 …) is `Reached`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Reached,
    ReachedNothing,
    Unauthenticated,
    Forbidden,
    Hidden,
}

/// Actions send a version that is never current, so that they reach the document and change nothing.
const STALE: &str = "\"v999\"";

/// The documents of the hospital that requests are about.
struct Documents {}

impl Documents {
    fn make(_app: &TestApp) -> Self {
        Self {}
    }
}

fn matrix(_documents: &Documents) -> Vec<Row> {
    let row = |operation, permission, reach, path: &str, body| Row {
        operation,
        permission,
        reach,
        path: path.to_owned(),
        body,
    };
    let none = || Value::Null;
    vec![
        row("get_me", "self.read", Anywhere, "/me", none()),
        row("list_items", "items.read", Anywhere, "/items", none()),
        row("get_item", "items.read", Anywhere, "/items/M02", none()),
        row("create_item", "items.write", Anywhere, "/items", json!({"code": "?"})),
        row("change_item", "items.write", Anywhere, "/items/M02", json!({})),
        row("list_regions", "stores.read", Anywhere, "/regions", none()),
        row("list_store_kinds", "stores.read", Anywhere, "/store-kinds", none()),
        row("list_stores", "stores.read", Anywhere, "/stores", none()),
        row("get_store", "stores.read", Anywhere, "/stores/QN-HOSP", none()),
        row(
            "create_region",
            "stores.write",
            NamesStore,
            "/regions",
            json!({"code": "360729102", "name_zh": "陂头镇", "name_en": "Pitou Town"}),
        ),
        row("create_store_kind", "stores.write", Anywhere, "/store-kinds", json!({"code": "?"})),
        row(
            "create_store",
            "stores.write",
            NamesStore,
            "/stores",
            json!({"code": "QN-HOSP", "name_zh": "医院", "name_en": "Hospital", "kind": "hospital",
                   "region_code": "360729"}),
        ),
        row("change_store", "stores.write", NamesStore, "/stores/QN-HOSP", json!({})),
        row("list_users", "users.manage", Anywhere, "/users", none()),
        row("create_user", "users.manage", Anywhere, "/users", json!({"name": "?"})),
        row("get_user", "users.manage", Anywhere, "/users/auditor", none()),
        row("change_user", "users.manage", Anywhere, "/users/auditor", json!({})),
        row("list_tokens", "users.manage", Anywhere, "/users/auditor/tokens", none()),
        row(
            "create_token",
            "users.manage",
            Anywhere,
            "/users/auditor/tokens",
            json!({"label": ""}),
        ),
        row("revoke_token", "users.manage", Anywhere, "/users/auditor/tokens/none", none()),
        row("list_audit_entries", "audit.read", Anywhere, "/audit", none()),
    ]
}

fn roles_with(permission: &str) -> &'static [Role] {
    WHO_MAY.iter().find(|(name, _)| *name == permission).expect(permission).1
}

fn expected(row: &Row, role: Role, in_scope: bool) -> Verdict {
    if !roles_with(row.permission).contains(&role) {
        return Verdict::Forbidden;
    }
    match row.reach {
        Anywhere => Verdict::Reached,
        _ if in_scope => Verdict::Reached,
        NamesStore => Verdict::Forbidden,
        HidesDocument => Verdict::Hidden,
        FiltersRows => Verdict::ReachedNothing,
    }
}

fn ask(app: &TestApp, method: &'static str, row: &Row, user: Option<&str>) -> (Verdict, String) {
    let mut request = match user {
        Some(user) => app.storing(method, user, &row.path),
        None => app.request(method, &format!("/api/v1{}", row.path)),
    };
    if method != "GET" {
        request = request.if_match(STALE);
    }
    if !row.body.is_null() {
        request = request.json(row.body.clone());
    }
    let answer = request.send();
    let rows = answer.json()["rows"].as_array().map(Vec::len);
    let verdict = match answer.status {
        401 => Verdict::Unauthenticated,
        403 => Verdict::Forbidden,
        // What a path names in vain is reached, unless it is a document's own store that hides it.
        404 if row.reach == Anywhere => Verdict::Reached,
        404 => Verdict::Hidden,
        200 if row.reach == FiltersRows && rows == Some(0) => Verdict::ReachedNothing,
        _ => Verdict::Reached,
    };
    (verdict, format!("{} {}", answer.status, answer.text))
}

fn method_of(operation: &contract::Operation) -> &'static str {
    match operation.method.as_str() {
        "get" => "GET",
        "post" => "POST",
        "put" => "PUT",
        "patch" => "PATCH",
        "delete" => "DELETE",
        other => panic!("{other}"),
    }
}

#[test]
fn every_role_has_the_permissions_of_the_table_and_no_other() {
    let named: BTreeSet<&str> = WHO_MAY.iter().map(|(name, _)| *name).collect();
    let known: BTreeSet<&str> = Permission::ALL.iter().map(|p| p.as_str()).collect();
    assert_eq!(named, known);
    for permission in Permission::ALL {
        for role in EVERYBODY {
            let may = roles_with(permission.as_str()).contains(role);
            assert_eq!(role.has(*permission), may, "{role} {permission}");
        }
    }
}

#[test]
fn every_operation_stands_in_the_matrix_with_its_permission() {
    TestApp::each(|app| {
        let rows = matrix(&Documents::make(app));
        let named: BTreeMap<&str, &str> =
            rows.iter().map(|row| (row.operation, row.permission)).collect();
        assert_eq!(named.len(), rows.len(), "an operation stands in the matrix twice");
        let document = contract::document();
        let served = contract::operations(&document);
        let served: BTreeMap<&str, &str> = served
            .iter()
            .filter(|operation| !operation.is_public())
            .map(|operation| (operation.id.as_str(), operation.permission().unwrap_or("none")))
            .collect();
        assert_eq!(served, named, "left: the document; right: the matrix");
    });
}

#[test]
fn every_role_reaches_what_it_may_and_nothing_else() {
    TestApp::each(|app| {
        let rows = matrix(&Documents::make(app));
        let document = contract::document();
        let mut wrong = Vec::new();
        for operation in contract::operations(&document) {
            let Some(row) = rows.iter().find(|row| row.operation == operation.id) else { continue };
            let method = method_of(&operation);
            let (verdict, _) = ask(app, method, row, None);
            if verdict != Verdict::Unauthenticated {
                wrong.push(format!("{operation} without a token: {verdict:?}"));
            }
            for (user, role, in_scope) in CALLERS {
                let expected = expected(row, *role, *in_scope);
                let (verdict, answer) = ask(app, method, row, Some(user));
                if verdict != expected {
                    wrong.push(format!(
                        "{operation} by {user}: expected {expected:?}, got {verdict:?}: {answer}"
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    });
}

#[test]
fn a_token_that_is_not_known_opens_nothing() {
    TestApp::each(|app| {
        for header in ["Bearer cb_unknown", "Bearer ", "Basic YTpi", "cb_test_admin"] {
            let answer = app.request("GET", "/api/v1/me").header("authorization", header).send();
            let problem = answer.clone().refused(401, "unauthenticated");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"), "{problem}");
        }
    });
}
