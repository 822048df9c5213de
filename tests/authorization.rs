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
use changbei::alert::commands::watching::catch_up;
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
    ("lots.correct", &[Commander]),
    ("reserve_plans.read", EVERYBODY),
    ("reserve_plans.write", &[Commander]),
    ("reserve_plans.approve", &[Commander]),
    ("response_level.declare", &[Commander]),
    ("shortfalls.read", EVERYBODY),
    ("capabilities.write", &[Commander, Admin]),
    ("substitution_lists.write", &[Commander, Admin]),
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
    ("periods.close", &[Keeper, Commander]),
    ("periods.reopen", &[Commander, Admin]),
    ("clock.accept", &[Commander, Admin]),
    ("batches.send", &[Keeper, Procurement, Commander]),
    ("allocations.read", EVERYBODY),
    ("allocations.propose", &[Commander]),
    ("allocations.decide", &[Commander]),
    ("routes.write", &[Commander]),
    ("stocktakes.run", &[Keeper]),
    ("stocktakes.reopen", &[Keeper, Commander]),
    ("stocktakes.approve", &[Commander]),
    ("allocations.solve", EVERYBODY),
    ("stock_reports.send", &[Keeper]),
    ("stock_reports.schedule", &[Commander]),
    ("daily_use.set", &[Commander]),
    ("alerts.read", EVERYBODY),
    ("alerts.acknowledge", &[Keeper, Commander]),
    ("webhooks.manage", &[Commander, Admin]),
    ("expected_receipts.read", EVERYBODY),
    ("expected_receipts.write", &[Procurement, Commander]),
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

/// The documents of the hospital that requests are about, by what they are called in paths.
struct Documents(BTreeMap<&'static str, String>);

impl Documents {
    fn make(app: &TestApp) -> Self {
        let mut made = Self(BTreeMap::new());
        made.stock(app);
        made.capability(app);
        made.plan(app);
        made.dispatch_that_came(app);
        made.dispatch_on_a_spoken_word(app);
        let period = json!({"store_code": "QN-HOSP", "through_day": "2026-01-31"});
        let period = app.post("keeper.hospital", "/periods/close", period).expect(201);
        made.keep("period", &period["id"]);
        made.allocation(app);
        made.stocktake(app);
        made.fact(app);
        made.report(app);
        made.alert(app);
        made.expected(app);
        made
    }

    fn expected(&mut self, app: &TestApp) {
        let made = app.post("buyer.hospital", "/expected-receipts", awaited()).expect(201);
        self.keep("expected", &made["id"]);
    }

    fn keep(&mut self, name: &'static str, id: &Value) {
        self.0.insert(name, id.as_str().expect(name).to_owned());
    }

    fn id(&self, name: &str) -> &str {
        &self.0[name]
    }

    fn stock(&mut self, app: &TestApp) {
        for (store, item, lot, quantity) in [
            ("QN-DEPOT", "M03", "D1", 1_000),
            ("QN-HOSP", "M03", "H1", 1_000),
            ("QN-HOSP", "M02", "A1", 100_000),
        ] {
            let keeper = if store == "QN-HOSP" { "keeper.hospital" } else { "keeper.depot" };
            let body = json!({"store_code": store, "source": {"kind": "supplier", "name": "医药公司"},
                "lines": [{"item_code": item, "lot_number": lot, "expires_on": "2028-01-01",
                           "quantity": quantity}]});
            self.keep("receipt", &app.post(keeper, "/receipts", body).expect(201)["id"]);
        }
        let lots = app.get("keeper.hospital", "/lots?item=M02").expect(200);
        self.keep("lot", &lots["rows"][0]["id"]);
        self.keep("makers_lot", &lots["rows"][0]["makers_lot"]["id"]);
        let movements = app.get("keeper.hospital", "/movements?item=M02").expect(200);
        self.keep("movement", &movements["rows"][0]["id"]);
        for (name, path, mut line) in [
            (
                "adjustment",
                "/adjustments",
                json!({"quantity_change": -3, "reason_code": "miscounted"}),
            ),
            (
                "state_change",
                "/state-changes",
                json!({"from_state": "available", "to_state": "held",
                "quantity": 5, "reason_code": "quality"}),
            ),
            ("write_off", "/write-offs", json!({"quantity": 50_000, "reason_code": "damaged"})),
        ] {
            line["lot_id"] = json!(self.id("lot"));
            let body = json!({"store_code": "QN-HOSP", "lines": [line]});
            self.keep(name, &app.post("keeper.hospital", path, body).expect(201)["id"]);
        }
        self.keep("issue", &app.post("keeper.hospital", "/issues", issue()).expect(201)["id"]);
    }

    /// A plan in force that keeps a floor of 1 200 respirators at the hospital.
    fn capability(&mut self, app: &TestApp) {
        let body = json!({"code": "PCR", "name_zh": "核酸检测", "name_en": "PCR tests", "unit": "人份",
            "components": [{"name_zh": "试剂", "name_en": "kit", "item_codes": ["T01"], "uses": 1, "serves": 1}]});
        app.post("commander", "/capabilities", body).expect(201);
        self.keep("capability", &json!("PCR"));
        let lists = app.get("auditor", "/substitution-lists?item=M02").expect(200);
        self.keep("substitution_list", &lists["rows"][0]["id"]);
    }

    fn plan(&mut self, app: &TestApp) {
        let plan = app.post("commander", "/reserve-plans", plan()).expect(201);
        self.keep("plan", &plan["id"]);
        let act = |user, action: &str, body| {
            let path = format!("/reserve-plans/{}/{action}", plan["id"].as_str().unwrap());
            app.act(user, &path, "*", body).expect(200);
        };
        act("commander", "submit", json!({}));
        act("deputy", "approve", json!({"approval_number": "1号", "effective_from": "2026-03-01"}));
    }

    fn dispatch_that_came(&mut self, app: &TestApp) {
        let asked = app.post("buyer.hospital", "/dispatches", dispatch("QN-DEPOT", "QN-HOSP"));
        self.keep("dispatch_in", &asked.expect(201)["id"]);
        let act = |user, action: &str, body| {
            let path = format!("/dispatches/{}/{action}", self.id("dispatch_in"));
            app.act(user, &path, "*", body).expect(200)
        };
        act("commander", "approve", json!({}));
        act("keeper.depot", "pick", json!({}));
        act("keeper.depot", "ship", lorry());
        let came = act("keeper.hospital", "receipts", json!({}));
        self.keep("dispatch_receipt", &came["receipts"][0]["id"]);
    }

    /// Ordered by telephone, and below the floor: its paper is due, and its stock to be replaced.
    fn dispatch_on_a_spoken_word(&mut self, app: &TestApp) {
        let mut body = dispatch("QN-HOSP", "QN-CDC");
        body["authority"] = json!({"kind": "verbal", "issued_by": "钟卫国", "post": "值班长",
            "phone": "0797-2630000", "issued_at": "2026-03-02T01:30:00Z", "heard_by": "曾小兰"});
        let made = app.post("duty.hospital", "/dispatches", body).expect(201);
        self.keep("dispatch_out", &made["id"]);
        let path = format!("/dispatches/{}/approve", self.id("dispatch_out"));
        app.act("deputy", &path, "*", json!({})).expect(200);
        let papers = app.get("keeper.hospital", "/paperwork").expect(200);
        self.keep("paperwork", &papers["rows"][0]["id"]);
        let taken = app.get("keeper.hospital", "/draw-downs").expect(200);
        self.keep("draw_down", &taken["rows"][0]["id"]);
    }

    /// What the hospital handed out before it was booked: the book did not hold some of it, and
    /// some was promised to the dispatch.
    fn fact(&mut self, app: &TestApp) {
        let body = json!({"store_code": "QN-HOSP", "purpose": "consumption",
            "after_the_fact": true, "slip_number": "0031",
            "lines": [{"item_code": "E02", "quantity": 3}, {"item_code": "M03", "quantity": 1_001}]});
        app.post("keeper.hospital", "/issues", body).expect(201);
        let open = app.get("keeper.hospital", "/unmatched").expect(200);
        self.keep("unmatched", &open["rows"][0]["id"]);
    }

    /// What the watch saw at the hospital, and two webhooks that are told of the county's alerts.
    fn alert(&mut self, app: &TestApp) {
        catch_up(&app.app, "test").expect("the watch looks");
        let open = app.get("keeper.hospital", "/alerts?kind=shortage").expect(200);
        self.keep("alert", &open["rows"][0]["id"]);
        for name in ["webhook", "gone_webhook"] {
            let made = app.post("commander", "/webhooks", webhook()).expect(201);
            self.keep(name, &made["id"]);
        }
        let test = app.post("commander", &self.path("/webhooks/{webhook}/test"), json!({}));
        self.keep("delivery", &test.expect(201)["id"]);
    }

    /// A proposal that looks at the hospital, and a road to it.
    fn allocation(&mut self, app: &TestApp) {
        let proposed = app.post("commander", "/allocations", allocation()).expect(201);
        self.keep("allocation", &proposed["id"]);
        let put = app.storing("PUT", "commander", "/routes").if_match("*").json(routes());
        put.send().expect(200);
    }

    /// A nil report takes nothing from the other documents.
    fn report(&mut self, app: &TestApp) {
        let body = json!({"store_code": "QN-HOSP", "business_day": "2026-03-01", "nil": true});
        let told = app.post("keeper.hospital", "/stock-reports", body).expect(201);
        self.keep("report", &told["id"]);
        let set = app.post("commander", "/daily-uses", daily_use()).expect(201);
        self.keep("daily_use", &set["id"]);
    }

    /// Of equipment, of which there is none: it takes nothing from the other documents.
    fn stocktake(&mut self, app: &TestApp) {
        let body = json!({"store_code": "QN-HOSP", "category": "equipment"});
        let begun = app.post("keeper.hospital", "/stocktakes", body).expect(201);
        self.keep("stocktake", &begun["id"]);
        let body = json!({"witnessed_by": "见证人",
            "counts": [{"item_code": "E02", "lot_number": "E1", "no_expiry": true, "quantity": 1}]});
        app.post("keeper.hospital", &self.path("/stocktakes/{stocktake}/counts"), body).expect(201);
        let posted = app.post(
            "keeper.hospital",
            "/stocktakes",
            json!({"store_code": "QN-HOSP", "items": ["D03"]}),
        );
        self.keep("posted_stocktake", &posted.expect(201)["id"]);
        let line =
            json!({"item_code": "D03", "lot_number": "D1", "no_expiry": true, "quantity": 2});
        let act = |action: &str, body: Value| {
            let path = self.path(&format!("/stocktakes/{{posted_stocktake}}{action}"));
            app.act("keeper.hospital", &path, "*", body)
        };
        act("/counts", json!({"witnessed_by": "见证人", "counts": [line]})).expect(201);
        act("/reasons", json!({"lines": [{"line": 1, "reason_code": "found"}]})).expect(200);
        act("/post", json!({})).expect(200);
    }

    /// A path whose `{name}` is replaced by that document's id.
    fn path(&self, template: &str) -> String {
        self.0
            .iter()
            .fold(template.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
    }
}

fn daily_use() -> Value {
    json!({"store_code": "QN-HOSP", "item_code": "M02", "units": 5, "through_day": "2026-03-31",
           "reason": "新开发热门诊"})
}

fn awaited() -> Value {
    json!({"kind": "order", "store_code": "QN-HOSP", "expected_at": "2026-04-02T02:00:00Z",
        "supplier": "医药公司", "lines": [{"item_code": "M03", "quantity": 10}]})
}

fn issue() -> Value {
    json!({"store_code": "QN-HOSP", "purpose": "consumption",
           "consumer": {"kind": "department", "name": "发热门诊"},
           "lines": [{"item_code": "M02", "quantity": 10}]})
}

fn plan() -> Value {
    json!({"name": "储备方案", "lines": [{"store_code": "QN-HOSP", "item_code": "M03",
           "floor": 1_200, "bases": [{"kind": "fixed", "quantity": 1_000}]}]})
}

fn dispatch(from: &str, to: &str) -> Value {
    json!({"from_store": from, "to_store": to, "urgency": "urgent", "reason": "发热门诊",
           "lines": [{"item_code": "M03", "quantity": 450}]})
}

fn allocation() -> Value {
    json!({"item_code": "M03", "measure": "coverage", "policy": "leximin",
           "donors": ["QN-DEPOT"], "recipients": ["QN-HOSP"]})
}

fn webhook() -> Value {
    json!({"url": "https://example.org/hook", "name": "信息平台", "region_code": "360729"})
}

fn routes() -> Value {
    json!({"routes": [{"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "distance_m": 2_300}]})
}

fn lorry() -> Value {
    json!({"vehicle": "赣B·12345", "driver": "廖建平", "expected_at": "2026-03-02T05:00:00Z"})
}

fn matrix(documents: &Documents) -> Vec<Row> {
    let row = |operation, permission, reach, path: &str, body| Row {
        operation,
        permission,
        reach,
        path: documents.path(path),
        body,
    };
    let none = || Value::Null;
    let reversal = || json!({"reason_code": "entered_twice"});
    let at_hospital = |line: Value| {
        let mut line = line;
        line["lot_id"] = json!(documents.id("lot"));
        json!({"store_code": "QN-HOSP", "lines": [line]})
    };
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
        row("list_issues", "stock.read", FiltersRows, "/issues", none()),
        row("get_issue", "stock.read", HidesDocument, "/issues/{issue}", none()),
        row("post_issue", "issues.post", NamesStore, "/issues", issue()),
        row(
            "reverse_issue",
            "reversals.post",
            HidesDocument,
            "/issues/{issue}/reversal",
            reversal(),
        ),
        row("list_reserve_plans", "reserve_plans.read", Anywhere, "/reserve-plans", none()),
        row("get_reserve_plan", "reserve_plans.read", Anywhere, "/reserve-plans/{plan}", none()),
        row(
            "diff_reserve_plan",
            "reserve_plans.read",
            Anywhere,
            "/reserve-plans/{plan}/diff?against={plan}",
            none(),
        ),
        row("draft_reserve_plan", "reserve_plans.write", NamesStore, "/reserve-plans", plan()),
        row(
            "edit_reserve_plan",
            "reserve_plans.write",
            NamesStore,
            "/reserve-plans/{plan}",
            json!({}),
        ),
        row(
            "submit_reserve_plan",
            "reserve_plans.write",
            NamesStore,
            "/reserve-plans/{plan}/submit",
            json!({}),
        ),
        row(
            "approve_reserve_plan",
            "reserve_plans.approve",
            NamesStore,
            "/reserve-plans/{plan}/approve",
            json!({"approval_number": "2号"}),
        ),
        row(
            "get_reserve_plan_in_force",
            "reserve_plans.read",
            Anywhere,
            "/reserve-plans/in-force?region=360729",
            none(),
        ),
        row(
            "list_reserve_plan_lines",
            "reserve_plans.read",
            Anywhere,
            "/reserve-plans/{plan}/lines",
            none(),
        ),
        row(
            "export_reserve_plan_lines",
            "reserve_plans.read",
            Anywhere,
            "/reserve-plans/{plan}/lines/export",
            none(),
        ),
        row(
            "import_reserve_plan_lines",
            "reserve_plans.write",
            Anywhere,
            "/reserve-plans/{plan}/lines/import",
            none(),
        ),
        row(
            "withdraw_reserve_plan",
            "reserve_plans.write",
            NamesStore,
            "/reserve-plans/{plan}/withdraw",
            json!({"comment": "?"}),
        ),
        row(
            "send_back_reserve_plan",
            "reserve_plans.approve",
            NamesStore,
            "/reserve-plans/{plan}/send-back",
            json!({"comment": "?"}),
        ),
        row(
            "list_reserve_plan_comments",
            "reserve_plans.read",
            Anywhere,
            "/reserve-plans/{plan}/comments",
            none(),
        ),
        row(
            "comment_on_reserve_plan",
            "reserve_plans.write",
            NamesStore,
            "/reserve-plans/{plan}/comments",
            json!({"text": "?"}),
        ),
        row(
            "get_reserve_plan_comment",
            "reserve_plans.read",
            Anywhere,
            "/reserve-plans/{plan}/comments/{plan}",
            none(),
        ),
        row("list_planning_norms", "reserve_plans.read", Anywhere, "/planning-norms", none()),
        row(
            "get_response_level_history",
            "reserve_plans.read",
            Anywhere,
            "/response-level/history?region=360729",
            none(),
        ),
        row(
            "preview_response_level",
            "shortfalls.read",
            FiltersRows,
            "/response-level/preview?region=360729&level=II",
            none(),
        ),
        row(
            "get_response_level",
            "reserve_plans.read",
            Anywhere,
            "/response-level?region=360729",
            none(),
        ),
        row("list_response_levels", "reserve_plans.read", Anywhere, "/response-levels", none()),
        row(
            "declare_response_level",
            "response_level.declare",
            NamesStore,
            "/response-level",
            json!({"level": "III", "region_code": "360729", "reason": "疫情",
                   "authority": {"kind": "order", "number": "3号", "issued_by": "王主任"}}),
        ),
        row("list_shortfalls", "shortfalls.read", FiltersRows, "/shortfalls", none()),
        row(
            "total_shortfalls",
            "shortfalls.read",
            FiltersRows,
            "/shortfalls/totals?by=store",
            none(),
        ),
        row(
            "explain_shortfall",
            "shortfalls.read",
            HidesDocument,
            "/shortfalls/explain?store=QN-HOSP&item=M03",
            none(),
        ),
        row("list_projections", "shortfalls.read", FiltersRows, "/projections", none()),
        row(
            "project_demand",
            "shortfalls.read",
            NamesStore,
            "/projections",
            json!({"demand": [{"store_code": "QN-HOSP", "item_code": "M03", "daily": [1], "then": "zero"}]}),
        ),
        row(
            "explain_projection",
            "shortfalls.read",
            HidesDocument,
            "/projections/explain?store=QN-HOSP&item=M03",
            none(),
        ),
        row("send_batch", "batches.send", Anywhere, "/batches", json!({"commands": [{}]})),
        row("list_substitution_lists", "items.read", Anywhere, "/substitution-lists", none()),
        row(
            "get_substitution_list",
            "items.read",
            Anywhere,
            "/substitution-lists/{substitution_list}",
            none(),
        ),
        row(
            "create_substitution_list",
            "substitution_lists.write",
            Anywhere,
            "/substitution-lists",
            json!({"item_code": "?", "reason": "?", "source": "?", "entries": []}),
        ),
        row("list_capabilities", "items.read", Anywhere, "/capabilities", none()),
        row("get_capability", "items.read", Anywhere, "/capabilities/PCR", none()),
        row(
            "create_capability",
            "capabilities.write",
            Anywhere,
            "/capabilities",
            json!({"code": "?"}),
        ),
        row("change_capability", "capabilities.write", Anywhere, "/capabilities/PCR", json!({})),
        row(
            "get_capability_figure",
            "stock.read",
            FiltersRows,
            "/capabilities/PCR/figure?store=QN-HOSP",
            none(),
        ),
        row("list_dispatches", "dispatches.read", FiltersRows, "/dispatches", none()),
        row("get_dispatch", "dispatches.read", HidesDocument, "/dispatches/{dispatch_in}", none()),
        row(
            "create_dispatch",
            "dispatches.create",
            NamesStore,
            "/dispatches",
            dispatch("QN-DEPOT", "QN-HOSP"),
        ),
        row(
            "approve_dispatch",
            "dispatches.approve",
            HidesDocument,
            "/dispatches/{dispatch_in}/approve",
            json!({}),
        ),
        row(
            "pick_dispatch",
            "dispatches.ship",
            HidesDocument,
            "/dispatches/{dispatch_out}/pick",
            json!({}),
        ),
        row(
            "ship_dispatch",
            "dispatches.ship",
            HidesDocument,
            "/dispatches/{dispatch_out}/ship",
            lorry(),
        ),
        row(
            "receive_dispatch",
            "dispatches.receive",
            HidesDocument,
            "/dispatches/{dispatch_in}/receipts",
            json!({}),
        ),
        row(
            "reverse_dispatch_receipt",
            "dispatches.receive",
            HidesDocument,
            "/dispatches/{dispatch_in}/receipts/{dispatch_receipt}/reversal",
            reversal(),
        ),
        row(
            "redirect_dispatch",
            "dispatches.redirect",
            HidesDocument,
            "/dispatches/{dispatch_in}/redirect",
            json!({"to_store": "QN-TOWN"}),
        ),
        row(
            "close_dispatch",
            "dispatches.close",
            HidesDocument,
            "/dispatches/{dispatch_in}/close",
            json!({}),
        ),
        row(
            "cancel_dispatch",
            "dispatches.cancel",
            HidesDocument,
            "/dispatches/{dispatch_out}/cancel",
            json!({"reason": "重复"}),
        ),
        row(
            "confirm_dispatch",
            "paperwork.confirm",
            HidesDocument,
            "/dispatches/{dispatch_out}/confirm",
            json!({}),
        ),
        row(
            "object_to_dispatch",
            "paperwork.confirm",
            HidesDocument,
            "/dispatches/{dispatch_out}/object",
            json!({"note": "没有记录"}),
        ),
        row(
            "follow_up_dispatch",
            "dispatches.create",
            HidesDocument,
            "/dispatches/{dispatch_in}/follow-up",
            json!({}),
        ),
        row("list_allocations", "allocations.read", FiltersRows, "/allocations", none()),
        row(
            "get_allocation",
            "allocations.read",
            HidesDocument,
            "/allocations/{allocation}",
            none(),
        ),
        row(
            "recompute_allocation",
            "allocations.read",
            HidesDocument,
            "/allocations/{allocation}/recompute",
            none(),
        ),
        row("propose_allocation", "allocations.propose", NamesStore, "/allocations", allocation()),
        row(
            "compare_allocations",
            "allocations.propose",
            NamesStore,
            "/allocations/compare",
            allocation(),
        ),
        row(
            "edit_allocation",
            "allocations.decide",
            HidesDocument,
            "/allocations/{allocation}/lines",
            json!({"reason": "封控", "lines": [{"line": 1, "quantity": 0}]}),
        ),
        row(
            "approve_allocation",
            "allocations.decide",
            HidesDocument,
            "/allocations/{allocation}/approve",
            json!({}),
        ),
        row(
            "discard_allocation",
            "allocations.decide",
            HidesDocument,
            "/allocations/{allocation}/discard",
            json!({"reason": "误报"}),
        ),
        row(
            "cancel_allocation_dispatches",
            "allocations.decide",
            HidesDocument,
            "/allocations/{allocation}/cancel-dispatches",
            json!({"reason": "误报"}),
        ),
        row("list_routes", "allocations.read", FiltersRows, "/routes", none()),
        row("put_routes", "routes.write", NamesStore, "/routes", routes()),
        row("list_paperwork", "paperwork.read", FiltersRows, "/paperwork", none()),
        row("get_paperwork", "paperwork.read", HidesDocument, "/paperwork/{paperwork}", none()),
        row(
            "confirm_paperwork",
            "paperwork.confirm",
            HidesDocument,
            "/paperwork/{paperwork}/confirm",
            json!({}),
        ),
        row(
            "object_to_paperwork",
            "paperwork.confirm",
            HidesDocument,
            "/paperwork/{paperwork}/object",
            json!({"note": "没有记录"}),
        ),
        row(
            "list_expected_receipts",
            "expected_receipts.read",
            FiltersRows,
            "/expected-receipts",
            none(),
        ),
        row(
            "get_expected_receipt",
            "expected_receipts.read",
            HidesDocument,
            "/expected-receipts/{expected}",
            none(),
        ),
        row(
            "create_expected_receipt",
            "expected_receipts.write",
            NamesStore,
            "/expected-receipts",
            awaited(),
        ),
        row(
            "reschedule_expected_receipt",
            "expected_receipts.write",
            HidesDocument,
            "/expected-receipts/{expected}/reschedule",
            json!({"expected_at": "2026-04-20T02:00:00Z", "reason": "延后"}),
        ),
        row(
            "cancel_expected_receipt",
            "expected_receipts.write",
            HidesDocument,
            "/expected-receipts/{expected}/cancel",
            json!({"reason": "取消"}),
        ),
        row("list_draw_downs", "paperwork.read", FiltersRows, "/draw-downs", none()),
        row("get_draw_down", "paperwork.read", HidesDocument, "/draw-downs/{draw_down}", none()),
        row(
            "close_draw_down",
            "paperwork.confirm",
            HidesDocument,
            "/draw-downs/{draw_down}/close",
            json!({"note": "已补"}),
        ),
        row(
            "solve_allocation",
            "allocations.solve",
            Anywhere,
            "/allocations/solve",
            json!({"pack": 1, "donors": [], "recipients": []}),
        ),
        row("list_reason_codes", "items.read", Anywhere, "/reason-codes", none()),
        row("list_stock", "stock.read", FiltersRows, "/stock", none()),
        row("list_lots", "stock.read", FiltersRows, "/lots", none()),
        row("trace_lot", "stock.read", HidesDocument, "/lots/{lot}/trace", none()),
        row("get_makers_lot", "stock.read", Anywhere, "/makers-lots/{makers_lot}", none()),
        row(
            "recall_makers_lot",
            "lots.recall",
            Anywhere,
            "/makers-lots/{makers_lot}/recall",
            json!({"reason": "召回公告 2026-17"}),
        ),
        row(
            "get_stock_card",
            "stock.read",
            HidesDocument,
            "/stock/card?store=QN-HOSP&item=M02",
            none(),
        ),
        row("get_stock_summary", "stock.read", FiltersRows, "/stock/summary", none()),
        row("get_stock_by_days_left", "stock.read", FiltersRows, "/stock/days-left", none()),
        row("list_periods", "stores.read", Anywhere, "/periods", none()),
        row("get_period", "stores.read", Anywhere, "/periods/{period}", none()),
        row(
            "close_period",
            "periods.close",
            NamesStore,
            "/periods/close",
            json!({"store_code": "QN-HOSP", "through_day": "2026-01-31"}),
        ),
        row(
            "reopen_period",
            "periods.reopen",
            HidesDocument,
            "/periods/{period}/reopen",
            json!({"reason": "漏记"}),
        ),
        row("get_clock", "self.read", Anywhere, "/clock", none()),
        row("accept_clock", "clock.accept", Anywhere, "/clock/accept", json!({"reason": "已核对"})),
        row("list_movements", "stock.read", FiltersRows, "/movements", none()),
        row(
            "reverse_movement",
            "reversals.post",
            HidesDocument,
            "/movements/{movement}/reversals",
            json!({"reason_code": "entered_twice", "quantity": 1}),
        ),
        row("list_receipts", "stock.read", FiltersRows, "/receipts", none()),
        row("get_receipt", "stock.read", HidesDocument, "/receipts/{receipt}", none()),
        row(
            "post_receipt",
            "receipts.post",
            NamesStore,
            "/receipts",
            json!({"store_code": "QN-HOSP", "source": {"kind": "supplier"},
                   "lines": [{"item_code": "M02", "lot_number": "A2", "expires_on": "2028-01-01",
                              "quantity": 10}]}),
        ),
        row(
            "settle_receipt_cost",
            "receipts.post",
            HidesDocument,
            "/receipts/{receipt}/cost",
            json!({"lines": [{"line": 1, "unit_cost": "0.92"}]}),
        ),
        row(
            "reverse_receipt",
            "reversals.post",
            HidesDocument,
            "/receipts/{receipt}/reversal",
            reversal(),
        ),
        row("list_adjustments", "stock.read", FiltersRows, "/adjustments", none()),
        row("get_adjustment", "stock.read", HidesDocument, "/adjustments/{adjustment}", none()),
        row(
            "post_adjustment",
            "adjustments.post",
            NamesStore,
            "/adjustments",
            at_hospital(json!({"quantity_change": -1, "reason_code": "miscounted"})),
        ),
        row(
            "reverse_adjustment",
            "reversals.post",
            HidesDocument,
            "/adjustments/{adjustment}/reversal",
            reversal(),
        ),
        row("list_state_changes", "stock.read", FiltersRows, "/state-changes", none()),
        row(
            "get_state_change",
            "stock.read",
            HidesDocument,
            "/state-changes/{state_change}",
            none(),
        ),
        row(
            "post_state_change",
            "state_changes.post",
            NamesStore,
            "/state-changes",
            at_hospital(json!({"from_state": "available", "to_state": "held", "quantity": 1,
                               "reason_code": "quality"})),
        ),
        row(
            "reverse_state_change",
            "reversals.post",
            HidesDocument,
            "/state-changes/{state_change}/reversal",
            reversal(),
        ),
        row("list_write_offs", "stock.read", FiltersRows, "/write-offs", none()),
        row("get_write_off", "stock.read", HidesDocument, "/write-offs/{write_off}", none()),
        row(
            "post_write_off",
            "write_offs.post",
            NamesStore,
            "/write-offs",
            at_hospital(json!({"quantity": 1, "reason_code": "damaged"})),
        ),
        row(
            "approve_write_off",
            "write_offs.approve",
            HidesDocument,
            "/write-offs/{write_off}/approve",
            json!({}),
        ),
        row(
            "cancel_write_off",
            "write_offs.approve",
            HidesDocument,
            "/write-offs/{write_off}/cancel",
            json!({}),
        ),
        row(
            "reverse_write_off",
            "reversals.post",
            HidesDocument,
            "/write-offs/{write_off}/reversal",
            reversal(),
        ),
        row("list_unmatched", "stock.read", FiltersRows, "/unmatched", none()),
        row("get_unmatched", "stock.read", HidesDocument, "/unmatched/{unmatched}", none()),
        row(
            "match_unmatched",
            "adjustments.post",
            HidesDocument,
            "/unmatched/{unmatched}/matches",
            json!({"quantity": 1}),
        ),
        row("list_reservation_cuts", "stock.read", FiltersRows, "/reservation-cuts", none()),
        row(
            "correct_makers_lot",
            "lots.correct",
            Anywhere,
            "/makers-lots/{makers_lot}/correction",
            json!({"lot_number": "A9", "reason_code": "wrong_lot"}),
        ),
        row(
            "set_makers_lot_expiry",
            "lots.correct",
            Anywhere,
            "/makers-lots/{makers_lot}/expiry",
            json!({"expires_on": "2028-02-01", "because": "typing_error",
                   "reason_code": "wrong_lot"}),
        ),
        row(
            "begin_stocktake",
            "stocktakes.run",
            NamesStore,
            "/stocktakes",
            json!({"store_code": "QN-HOSP"}),
        ),
        row("list_stocktakes", "stock.read", FiltersRows, "/stocktakes", none()),
        row("get_stocktake", "stock.read", HidesDocument, "/stocktakes/{stocktake}", none()),
        row(
            "get_stocktake_sheet",
            "stock.read",
            HidesDocument,
            "/stocktakes/{stocktake}/sheet",
            none(),
        ),
        row(
            "enter_stocktake_counts",
            "stocktakes.run",
            HidesDocument,
            "/stocktakes/{stocktake}/counts",
            json!({"witnessed_by": "见证人", "counts": [{"line": 999, "quantity": 1}]}),
        ),
        row(
            "list_stocktake_counts",
            "stock.read",
            HidesDocument,
            "/stocktakes/{stocktake}/counts",
            none(),
        ),
        row(
            "list_stocktake_variances",
            "stock.read",
            HidesDocument,
            "/stocktakes/{stocktake}/variances",
            none(),
        ),
        row(
            "explain_stocktake",
            "stocktakes.run",
            HidesDocument,
            "/stocktakes/{stocktake}/reasons",
            json!({"lines": [{"line": 1, "reason_code": "lost"}]}),
        ),
        row(
            "submit_stocktake",
            "stocktakes.run",
            HidesDocument,
            "/stocktakes/{stocktake}/submit",
            json!({}),
        ),
        row(
            "reopen_stocktake",
            "stocktakes.reopen",
            HidesDocument,
            "/stocktakes/{stocktake}/reopen",
            json!({"reason": "请复盘"}),
        ),
        row(
            "approve_stocktake",
            "stocktakes.approve",
            HidesDocument,
            "/stocktakes/{stocktake}/approve",
            json!({}),
        ),
        row(
            "post_stocktake",
            "stocktakes.run",
            HidesDocument,
            "/stocktakes/{stocktake}/post",
            json!({}),
        ),
        row(
            "cancel_stocktake",
            "stocktakes.run",
            HidesDocument,
            "/stocktakes/{stocktake}/cancel",
            json!({"reason": "重复"}),
        ),
        row("list_stocktake_accuracy", "stock.read", FiltersRows, "/stocktakes/accuracy", none()),
        row("list_due_counts", "stock.read", FiltersRows, "/stocktakes/due", none()),
        row(
            "send_stock_report",
            "stock_reports.send",
            NamesStore,
            "/stock-reports",
            json!({"store_code": "QN-HOSP", "business_day": "2026-03-01", "nil": true,
                   "reason": "重报"}),
        ),
        row("list_stock_reports", "stock.read", FiltersRows, "/stock-reports", none()),
        row("get_stock_report", "stock.read", HidesDocument, "/stock-reports/{report}", none()),
        row(
            "get_report_board",
            "stock.read",
            FiltersRows,
            "/stock-reports/board?store=QN-HOSP&all=true",
            none(),
        ),
        row(
            "list_silent_stock",
            "stock.read",
            FiltersRows,
            "/stock-reports/silent?store=QN-HOSP&hours=0",
            none(),
        ),
        row(
            "get_report_schedule",
            "stores.read",
            Anywhere,
            "/stores/QN-HOSP/report-schedule",
            none(),
        ),
        row(
            "set_report_schedule",
            "stock_reports.schedule",
            NamesStore,
            "/stores/QN-HOSP/report-schedule",
            json!({"due_hour": 17}),
        ),
        row("set_daily_use", "daily_use.set", NamesStore, "/daily-uses", daily_use()),
        row("list_daily_uses", "stock.read", FiltersRows, "/daily-uses", none()),
        row("get_daily_use", "stock.read", HidesDocument, "/daily-uses/{daily_use}", none()),
        row(
            "end_daily_use",
            "daily_use.set",
            HidesDocument,
            "/daily-uses/{daily_use}/end",
            json!({"reason": "门诊已关闭"}),
        ),
        row("list_alerts", "alerts.read", FiltersRows, "/alerts?store=QN-HOSP", none()),
        row("stream_alerts", "alerts.read", Anywhere, "/alerts/stream?follow=false", none()),
        row("get_alert", "alerts.read", HidesDocument, "/alerts/{alert}", none()),
        row(
            "acknowledge_alert",
            "alerts.acknowledge",
            HidesDocument,
            "/alerts/{alert}/acknowledge",
            json!({"note": "已知"}),
        ),
        row("list_webhooks", "webhooks.manage", FiltersRows, "/webhooks", none()),
        row("create_webhook", "webhooks.manage", NamesStore, "/webhooks", webhook()),
        row("get_webhook", "webhooks.manage", HidesDocument, "/webhooks/{webhook}", none()),
        row("change_webhook", "webhooks.manage", HidesDocument, "/webhooks/{webhook}", json!({})),
        row(
            "remove_webhook",
            "webhooks.manage",
            HidesDocument,
            "/webhooks/{gone_webhook}",
            json!({}),
        ),
        row(
            "rotate_webhook_secret",
            "webhooks.manage",
            HidesDocument,
            "/webhooks/{webhook}/rotate-secret",
            json!({}),
        ),
        row(
            "test_webhook",
            "webhooks.manage",
            HidesDocument,
            "/webhooks/{webhook}/test",
            json!({}),
        ),
        row(
            "list_webhook_deliveries",
            "webhooks.manage",
            HidesDocument,
            "/webhooks/{webhook}/deliveries",
            none(),
        ),
        row(
            "redeliver_webhook_delivery",
            "webhooks.manage",
            HidesDocument,
            "/webhooks/{webhook}/deliveries/{delivery}/redeliver",
            json!({}),
        ),
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
