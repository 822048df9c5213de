//! Plans as governed documents: who sends them back, who talks about them, what holds when.

use super::{draft, fixed, in_force};
use crate::support::TestApp;
use serde_json::{Value, json};

fn path(plan: &Value) -> String {
    format!("/reserve-plans/{}", plan["id"].as_str().unwrap())
}

fn submitted(app: &TestApp, number: &str, quota: i64) -> String {
    let body = json!({"name": "方案", "number": number, "lines": [fixed("QN-HOSP", "M03", quota)]});
    let plan = path(&app.post("commander", "/reserve-plans", body).expect(201));
    app.act("commander", &format!("{plan}/submit"), "\"v1\"", json!({})).expect(200);
    plan
}

#[test]
fn a_submitted_plan_is_sent_back_or_withdrawn_with_a_word_and_its_thread_keeps_all() {
    TestApp::each(|app| {
        let plan = path(&draft(app, json!([fixed("QN-HOSP", "M03", 5000)])));
        let act = |user: &str, action: &str, tag: &str, body: Value| {
            app.act(user, &format!("{plan}/{action}"), tag, body)
        };
        let why = json!({"comment": "定额偏低"});
        act("deputy", "send-back", "\"v1\"", why.clone()).refused(409, "wrong_status");
        act("commander", "submit", "\"v1\"", json!({"comment": "请审"})).expect(200);
        act("commander", "send-back", "\"v2\"", why.clone()).refused(403, "own_document");
        act("deputy", "withdraw", "\"v2\"", why.clone()).refused(403, "forbidden");
        act("deputy", "send-back", "\"v2\"", json!({"comment": " "}))
            .refused(422, "validation_failed");
        let back = act("deputy", "send-back", "\"v2\"", why.clone()).expect(200);
        assert_eq!((&back["status"], &back["submitted_by"]), (&json!("draft"), &json!(null)));
        act("commander", "submit", "\"v3\"", json!({})).expect(200);
        act("commander", "withdraw", "\"v4\"", why).expect(200);

        let comments = format!("{plan}/comments");
        let asked = json!({"text": "床位数以哪年为准？", "line": 1});
        let question = app.post("deputy", &comments, asked).expect(201);
        app.clock.set(app.app.clock.now().plus_minutes(1));
        let answer = json!({"text": "以2025年底为准", "reply_to": question["id"]});
        let answer = app.post("commander", &comments, answer).expect(201);
        assert_eq!(answer["reply_to"], question["id"]);
        let stray = json!({"text": "？", "line": 2});
        assert_eq!(app.post("deputy", &comments, stray).pointers(), ["/line"]);
        app.post("foreign.commander", &comments, json!({"text": "？"})).refused(403, "forbidden");
        let one = format!("{comments}/{}", answer["id"].as_str().unwrap());
        assert_eq!(app.get("keeper.town", &one).expect(200), answer);

        let thread = app.get("auditor", &comments).expect(200);
        let acts: Vec<(&str, &str)> = thread["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["act"].as_str().unwrap(), row["author"].as_str().unwrap()))
            .collect();
        assert_eq!(
            acts,
            [
                ("submitted", "commander"),
                ("sent_back", "deputy"),
                ("submitted", "commander"),
                ("withdrawn", "commander"),
                ("comment", "deputy"),
                ("comment", "commander"),
            ]
        );
        assert_eq!(thread["rows"][1]["text"], "定额偏低");
        let page = app.get("auditor", &format!("{comments}?limit=5")).expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let last = app.get("auditor", &format!("{comments}?cursor={cursor}")).expect(200);
        assert_eq!(last["rows"][0]["id"], answer["id"]);
        // Whoever only talks may still approve.
        act("commander", "submit", "\"v5\"", json!({})).expect(200);
        act("deputy", "approve", "\"v6\"", json!({"approval_number": "1号"})).expect(200);
    });
}

#[test]
fn of_two_plans_approved_at_once_from_the_same_time_one_alone_comes_into_force() {
    TestApp::each(|app| {
        for round in 0..5 {
            let plans = ["甲", "乙"].map(|name| submitted(app, &format!("{name}{round}"), 100));
            let day = format!("2026-02-{:02}", round + 1);
            let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
                let approving = plans.each_ref().map(|plan| {
                    let body = json!({"approval_number": "1号", "effective_from": day});
                    scope.spawn(move || {
                        let answer = app.act("deputy", &format!("{plan}/approve"), "\"v2\"", body);
                        (answer.status, answer.json())
                    })
                });
                approving.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let mut statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 409], "{answers:?}");
            let of = |status: u16| &answers.iter().find(|(own, _)| *own == status).unwrap().1;
            let (won, lost) = (of(200), of(409));
            assert_eq!((&lost["code"], &lost["plan_id"]), (&json!("scope_taken"), &won["id"]));
            let holds =
                app.get("auditor", &format!("/reserve-plans/in-force?region=360729&at={day}"));
            assert_eq!(holds.expect(200)["plan"]["id"], won["id"]);
        }
    });
}

#[test]
fn what_was_in_force_on_a_past_day_and_what_was_known_of_it_then_can_be_asked() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M03", 100)]));
        let ask = |query: &str| {
            app.get("auditor", &format!("/reserve-plans/in-force?region=360729101{query}"))
                .expect(200)
        };
        assert_eq!(ask("")["plan"]["number"], "RP-QN");
        assert_eq!(ask("&at=2025-11-30")["plan"], json!(null));
        assert_eq!(ask("&at=2025-11-30")["until"], "2025-11-30T16:00:00Z");
        assert_eq!(ask("&at=2025-12-01")["plan"]["number"], "RP-QN");
        // Approved today, it was not known on the day from which it holds.
        let then = ask("&at=2025-12-24&known_at=2025-12-24");
        assert_eq!(then["plan"], json!(null));

        let next = submitted(app, "RP-NEXT", 200);
        let later = json!({"approval_number": "2号", "effective_from": "2026-04-01"});
        app.act("deputy", &format!("{next}/approve"), "\"v2\"", later).expect(200);
        assert_eq!(ask("")["until"], "2026-03-31T16:00:00Z");
        assert_eq!(ask("&at=2026-04-01")["plan"]["number"], "RP-NEXT");
        app.get("auditor", "/reserve-plans/in-force").refused(422, "validation_failed");
        let odd = app.get("auditor", "/reserve-plans/in-force?region=360729&at=yesterday");
        assert_eq!(odd.pointers(), ["/at"]);
    });
}

#[test]
fn a_plan_holds_for_its_region_and_the_nearest_one_governs_a_store() {
    TestApp::each(|app| {
        in_force(
            app,
            json!([{"store_kind": "township", "item_code": "M03", "bases": [{"kind": "fixed", "quantity": 100}]},
                   {"store_kind": "county_reserve", "item_code": "M03", "bases": [{"kind": "fixed", "quantity": 900}]}]),
        );
        // Lines by kind say nothing of the neighbour county's depot.
        let neighbour = app.get("foreign.commander", "/shortfalls").expect(200);
        assert_eq!((&neighbour["rows"], &neighbour["plan"]), (&json!([]), &json!(null)));
        let stray = json!({"name": "方案", "region_code": "360729101", "lines": [fixed("QN-HOSP", "M03", 1)]});
        let answer = app.post("commander", "/reserve-plans", stray);
        assert_eq!(answer.pointers(), ["/lines/0/store_code"]);
        app.post("commander", "/reserve-plans", json!({"name": "方案", "region_code": "360722"}))
            .refused(403, "forbidden");

        // The town makes a plan of its own, which governs there and nowhere else.
        let own = json!({"name": "镇方案", "region_code": "360729101",
            "lines": [fixed("QN-TOWN", "M02", 50)]});
        let own = app.post("commander", "/reserve-plans", own).expect(201);
        app.act("commander", &format!("{}/submit", path(&own)), "\"v1\"", json!({})).expect(200);
        let approval = json!({"approval_number": "镇1号", "effective_from": "2025-12-01"});
        app.act("deputy", &format!("{}/approve", path(&own)), "\"v2\"", approval).expect(200);
        let page = app.get("auditor", "/shortfalls").expect(200);
        let cells: Vec<(&str, &str)> = page["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["store_code"].as_str().unwrap(), row["item_code"].as_str().unwrap()))
            .collect();
        assert_eq!(cells, [("QN-DEPOT", "M03"), ("QN-TOWN", "M02")]);
        assert_eq!(page["plan"], json!(null));
        assert_eq!(page["plans"].as_array().unwrap().len(), 2);
        assert_eq!(page["rows"][1]["plan_id"], own["id"]);
        let of_town = app.get("auditor", "/shortfalls?region=360729101").expect(200);
        assert_eq!(of_town["plan"]["id"], own["id"]);
        let next = json!({"copy_from": own["id"], "region_code": "360729"});
        let moved = app.post("commander", "/reserve-plans", next);
        assert_eq!(moved.pointers(), ["/region_code"]);
    });
}

#[test]
fn a_difference_names_each_field_that_changed() {
    TestApp::each(|app| {
        let first = draft(app, json!([fixed("QN-HOSP", "M03", 100), fixed("QN-CDC", "M03", 5)]));
        let mut changed = fixed("QN-HOSP", "M03", 120);
        changed["ceiling"] = json!(500);
        let lines = json!([fixed("QN-TOWN", "M03", 7), changed]);
        let body = json!({"copy_from": first["id"], "lines": lines});
        let second = app.post("commander", "/reserve-plans", body).expect(201);
        let against = format!("{}/diff?against={}", path(&second), first["id"].as_str().unwrap());
        let diff = app.get("auditor", &against).expect(200);
        assert_eq!(diff["added"][0]["store_code"], "QN-TOWN");
        assert_eq!(diff["removed"][0]["store_code"], "QN-CDC");
        assert_eq!(
            diff["changed"][0]["fields"],
            json!([
                {"field": "bases", "before": [{"kind": "fixed", "quantity": 100}],
                    "after": [{"kind": "fixed", "quantity": 120}]},
                {"field": "ceiling", "before": null, "after": 500},
            ])
        );
    });
}

fn import(app: &TestApp, plan: &str, tag: &str, query: &str, csv: &str) -> crate::support::Answer {
    app.storing("POST", "commander", &format!("{plan}/lines/import{query}"))
        .if_match(tag)
        .text(csv, "text/csv")
        .send()
}

#[test]
fn lines_come_from_a_table_all_or_none_and_go_out_as_they_came() {
    TestApp::each(|app| {
        let plan = path(&draft(app, json!([fixed("QN-CDC", "M03", 5)])));
        let csv = "\u{feff}储备点编码,储备点类型,物资编码,依据,定额数量,岗位,天数,下限,I级百分比\n\
                   QN-HOSP,,M03,满负荷,,12*4;18*2,30,100,200\n\
                   QN-HOSP,,M03,固定定额,\"5,000\",,,,\n\
                   ,township,M02,固定定额,70,,,,\n";
        let bad = "store_code,store_kind,item_code,kind,quantity\n\
                   QN-HOSP,,M03,fixed,many\n\
                   QN-NONE,,M99,fixed,5\n\
                   ,township,M02,fixed,70\n";
        let refused = import(app, &plan, "\"v1\"", "", bad).refused(422, "validation_failed");
        let rows: Vec<(u64, &str, &str)> = refused["rejected_rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                assert!(row["zh"].is_string() && row["en"].is_string());
                let text = |field: &str| row[field].as_str().unwrap();
                (row["row"].as_u64().unwrap(), text("column"), text("code"))
            })
            .collect();
        assert_eq!(
            rows,
            [
                (2, "quantity", "invalid_format"),
                (2, "quantity", "required"),
                (3, "item_code", "unknown"),
                (3, "store_code", "unknown"),
            ]
        );
        let tried = import(app, &plan, "\"v1\"", "?dry_run=true", csv).expect(200);
        assert_eq!((&tried["dry_run"], &tried["lines"]), (&json!(true), &json!(2)));
        assert_eq!(tried["changes"]["removed"][0]["store_code"], "QN-CDC");
        assert_eq!(app.get("auditor", &plan).expect(200)["lines"][0]["store_code"], "QN-CDC");

        import(app, &plan, "\"v9\"", "", csv).refused(412, "stale_version");
        let done = import(app, &plan, "\"v1\"", "", csv);
        assert_eq!(done.etag(), "\"v2\"");
        done.expect(200);
        let read = app.get("auditor", &plan).expect(200);
        assert_eq!(read["lines"][0]["bases"][1], json!({"kind": "fixed", "quantity": 5000}));
        let page = app.get("auditor", &format!("{plan}/lines?limit=1")).expect(200);
        assert_eq!(page["rows"][0], read["lines"][0]);

        let out = app.get("auditor", &format!("{plan}/lines/export?headings=zh"));
        assert!(out.header("content-type").unwrap().starts_with("text/csv"));
        let copy =
            path(&app.post("commander", "/reserve-plans", json!({"name": "副本"})).expect(201));
        import(app, &copy, "\"v1\"", "", &out.text).expect(200);
        let strip = |lines: &Value| -> Vec<Value> { lines.as_array().unwrap().clone() };
        let copied = app.get("auditor", &copy).expect(200);
        assert_eq!(strip(&copied["lines"]), strip(&read["lines"]));
        let book = app
            .storing("POST", "commander", &format!("{copy}/lines/import"))
            .if_match("*")
            .text("PK\u{3}\u{4}", "application/octet-stream")
            .send();
        book.refused(415, "unsupported_media_type");
        app.storing("POST", "commander", &format!("{copy}/lines/import"))
            .if_match("*")
            .json(json!({}))
            .send()
            .refused(415, "unsupported_media_type");
    });
}
