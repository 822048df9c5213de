//! The watch over HTTP: what changes for the worse is recorded once, listed, and taken note of.

mod stream;
mod webhooks;

use crate::planning::{declare, fixed, in_force};
use crate::support::{TestApp, stock};
use changbei::alert::commands::watching::{Looked, catch_up, look};
use serde_json::{Value, json};

/// Lets the watch look until nothing is left to look at; the number of events recorded.
fn watch(app: &TestApp) -> usize {
    catch_up(&app.app, "test").expect("the database answers")
}

/// Alerts that a user sees.
fn alerts(app: &TestApp, user: &str, query: &str) -> Vec<Value> {
    let page = app.get(user, &format!("/alerts?limit=1000&{query}")).expect(200);
    page["rows"].as_array().expect("rows").clone()
}

/// One alert with its history.
fn alert(app: &TestApp, id: &Value) -> Value {
    app.get("auditor", &format!("/alerts/{}", id.as_str().unwrap())).expect(200)
}

/// What happened to an alert.
fn transitions(app: &TestApp, id: &Value) -> Vec<String> {
    let events = alert(app, id)["events"].as_array().unwrap().clone();
    events.iter().map(|event| event["transition"].as_str().unwrap().to_owned()).collect()
}

/// A plan that wants 100 respirators at the hospital and keeps a floor of 40; 120 are there.
fn hospital(app: &TestApp) {
    let mut line = fixed("QN-HOSP", "M03", 100);
    line["floor"] = json!(40);
    in_force(app, json!([line]));
    stock::put(app, "QN-HOSP", "M03", "L1", "2027-12-31", 120);
}

/// The time of the service's clock.
fn now(app: &TestApp) -> String {
    app.app.clock.now().to_string()
}

/// Issues respirators of the hospital to a ward.
fn issue(app: &TestApp, units: i64) -> Value {
    let body = json!({"store_code": "QN-HOSP", "occurred_at": now(app),
        "purpose": "consumption", "consumer": {"kind": "ward", "name": "感染科"},
        "authority": {"kind": "order", "number": "1号", "issued_by": "王主任"},
        "lines": [{"item_code": "M03", "quantity": units}]});
    app.post("keeper.hospital", "/issues", body).expect(201)
}

#[test]
fn an_issue_that_makes_a_store_short_raises_an_alert_that_is_listed() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        assert_eq!(alerts(app, "commander", "kind=shortage"), Vec::<Value>::new());
        issue(app, 30);
        assert_eq!(watch(app), 1);
        let found = alerts(app, "commander", "kind=shortage");
        assert_eq!(found.len(), 1);
        let one = &found[0];
        assert_eq!(one["status"], "short");
        assert_eq!(one["severity"], "notice");
        assert_eq!((&one["store_code"], &one["item_code"]), (&json!("QN-HOSP"), &json!("M03")));
        assert_eq!(one["facts"]["target"], 100);
        assert_eq!(one["facts"]["available"], 90);
        assert_eq!(one["first_seen_at"], "2026-03-02T02:00:00Z");
        assert_eq!(one["cleared_at"], Value::Null);
        assert_eq!(watch(app), 0, "what is recorded is not recorded again");
        assert_eq!(look(&app.app, "test").unwrap(), Looked::Nothing);
    });
}

#[test]
fn a_shortage_escalates_eases_clears_and_comes_back_as_another_occurrence() {
    TestApp::each(|app| {
        hospital(app);
        issue(app, 30);
        watch(app);
        let first = alerts(app, "commander", "kind=shortage")[0]["id"].clone();
        for (units, status, severity, transition) in
            [(60, "below_floor", "warning", "escalated"), (30, "out", "critical", "escalated")]
        {
            issue(app, units);
            watch(app);
            let one = alert(app, &first);
            assert_eq!((&one["status"], &one["severity"]), (&json!(status), &json!(severity)));
            assert_eq!(transitions(app, &first).last().unwrap(), transition);
        }
        stock::put(app, "QN-HOSP", "M03", "L2", "2027-12-31", 50);
        watch(app);
        assert_eq!(alert(app, &first)["status"], "short");
        app.set_time("2026-03-02T03:00:00Z");
        stock::put(app, "QN-HOSP", "M03", "L3", "2027-12-31", 50);
        watch(app);
        let over = alert(app, &first);
        assert_eq!(over["cleared_at"], "2026-03-02T03:00:00Z");
        assert_eq!(
            transitions(app, &first),
            ["opened", "escalated", "escalated", "eased", "cleared"]
        );
        assert_eq!(alerts(app, "commander", "kind=shortage&state=open").len(), 0);

        issue(app, 1);
        watch(app);
        let open = alerts(app, "commander", "kind=shortage&state=open");
        assert_eq!(open.len(), 1);
        assert_eq!(open[0]["occurrence"], 2);
        assert_eq!(open[0]["previous_id"], first);
        assert_eq!(open[0]["first_seen_at"], "2026-03-02T03:00:00Z");
        assert_eq!(alerts(app, "commander", "kind=shortage&state=cleared").len(), 1);
    });
}

#[test]
fn somebody_takes_note_of_an_alert_once_and_anew_when_it_becomes_graver() {
    TestApp::each(|app| {
        hospital(app);
        issue(app, 30);
        watch(app);
        let id = alerts(app, "commander", "kind=shortage")[0]["id"].clone();
        let path = format!("/alerts/{}/acknowledge", id.as_str().unwrap());
        let note = || json!({"note": "下午补货"});
        app.post("commander", &path, note()).refused(428, "precondition_required");
        app.act("commander", &path, "\"v9\"", note()).refused(412, "stale_version");
        app.act("auditor", &path, "\"v1\"", note()).refused(403, "forbidden");
        app.act("keeper.town", &path, "\"v1\"", note()).refused(404, "not_found");
        let empty = app.act("commander", &path, "\"v1\"", json!({"note": " "}));
        assert_eq!(empty.pointers(), ["/note"]);
        app.set_time("2026-03-02T02:30:00Z");
        let taken = app.act("keeper.hospital", &path, "\"v1\"", note()).expect(200);
        let expected =
            json!({"at": "2026-03-02T02:30:00Z", "by": "keeper.hospital", "note": "下午补货"});
        assert_eq!(taken["acknowledgement"], expected);
        app.act("commander", &path, "*", note()).refused(409, "wrong_status");
        assert_eq!(alerts(app, "commander", "kind=shortage&acknowledged=true").len(), 1);
        assert_eq!(alerts(app, "commander", "kind=shortage&acknowledged=false").len(), 0);
        let events = alert(app, &id)["events"].clone();
        assert_eq!(
            (&events[1]["actor"], &events[1]["note"]),
            (&json!("keeper.hospital"), &json!("下午补货"))
        );

        issue(app, 60);
        watch(app);
        let graver = alert(app, &id);
        assert_eq!(
            (&graver["status"], &graver["acknowledgement"]),
            (&json!("below_floor"), &Value::Null)
        );
        app.act("commander", &path, "*", note()).expect(200);
        assert_eq!(transitions(app, &id), ["opened", "acknowledged", "escalated", "acknowledged"]);

        stock::put(app, "QN-HOSP", "M03", "L2", "2027-12-31", 500);
        watch(app);
        app.act("commander", &path, "*", note()).refused(409, "wrong_status");
    });
}

#[test]
fn a_repeated_acknowledgement_with_its_key_takes_effect_once() {
    TestApp::each(|app| {
        hospital(app);
        issue(app, 30);
        watch(app);
        let id = alerts(app, "commander", "kind=shortage")[0]["id"].clone();
        let path = format!("/api/v1/alerts/{}/acknowledge", id.as_str().unwrap());
        let send = || {
            let request = app.request("POST", &path).by("commander").key("once").if_match("\"v1\"");
            request.json(json!({"note": "已知"})).send()
        };
        let first = send();
        let again = send();
        assert_eq!((first.status, again.status), (200, 200));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(first.text, again.text);
        assert_eq!(transitions(app, &id), ["opened", "acknowledged"]);
    });
}

#[test]
fn alerts_are_filtered_and_seen_within_the_scope_only() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M03", 100), fixed("QN-TOWN", "M02", 50)]));
        stock::put(app, "QN-HOSP", "M03", "L1", "2026-03-20", 10);
        stock::put(app, "QN-HOSP", "D03", "L2", "2026-02-20", 10);
        stock::put(app, "QN-TOWN", "D03", "L3", "2027-12-31", 1);
        watch(app);
        let named = |user: &str, query: &str| -> Vec<String> {
            let mut found: Vec<String> = alerts(app, user, query)
                .iter()
                .map(|one| {
                    let text = |field: &str| one[field].as_str().unwrap_or("-").to_owned();
                    format!("{} {} {}", text("store_code"), text("item_code"), text("status"))
                })
                .collect();
            found.sort();
            found
        };
        let all = [
            "QN-HOSP D03 expired",
            "QN-HOSP M03 near_expiry",
            "QN-HOSP M03 short",
            "QN-TOWN M02 out",
        ];
        assert_eq!(named("auditor", ""), all);
        assert_eq!(named("commander", ""), all);
        assert_eq!(named("keeper.hospital", ""), all[..3]);
        assert_eq!(named("keeper.town", ""), all[3..]);
        assert_eq!(named("foreign.commander", ""), [""; 0]);
        assert_eq!(named("auditor", "region=360729101"), all[3..]);
        assert_eq!(named("auditor", "region=360729"), all);
        assert_eq!(named("auditor", "store=QN-TOWN"), all[3..]);
        assert_eq!(named("auditor", "item=D03"), all[..1]);
        assert_eq!(named("auditor", "kind=expiry"), all[..2]);
        assert_eq!(named("auditor", "status=near_expiry"), all[1..2]);
        assert_eq!(named("auditor", "severity=warning"), [all[0], all[3]]);
        assert_eq!(named("auditor", "severity=critical"), all[3..]);
        assert_eq!(named("auditor", "to=2026-03-02T02:00:00Z"), [""; 0]);
        assert_eq!(named("auditor", "from=2026-03-02T02:00:00Z&to=2026-03-02T02:00:01Z"), all);
        let odd = app.get("auditor", "/alerts?kind=x&status=x&severity=x&state=x&from=x&limit=0");
        let expected = ["/limit", "/kind", "/status", "/severity", "/state", "/from"];
        assert_eq!(odd.pointers(), expected);
        app.get("auditor", "/alerts?colour=red").refused(400, "malformed_query");

        let hidden = alerts(app, "auditor", "store=QN-TOWN")[0]["id"].clone();
        let path = format!("/alerts/{}", hidden.as_str().unwrap());
        app.get("keeper.hospital", &path).refused(404, "not_found");
        app.get("auditor", "/alerts/none").refused(404, "not_found");

        let mut paged = Vec::new();
        let mut path = "/alerts?limit=1".to_owned();
        loop {
            let page = app.get("auditor", &path).expect(200);
            paged.extend(page["rows"].as_array().unwrap().clone());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/alerts?limit=1&cursor={cursor}");
        }
        assert_eq!(paged, alerts(app, "auditor", ""));
    });
}

#[test]
fn a_higher_level_raises_alerts_at_every_store_and_its_end_clears_them() {
    TestApp::each(|app| {
        let line = |store: &str| {
            let mut line = fixed(store, "M03", 100);
            line["level_percent"] = json!({"I": 300});
            line
        };
        in_force(app, json!([line("QN-HOSP"), line("QN-TOWN")]));
        stock::put(app, "QN-HOSP", "M03", "L1", "2027-12-31", 120);
        stock::put(app, "QN-TOWN", "M03", "L1", "2027-12-31", 400);
        watch(app);
        assert_eq!(alerts(app, "auditor", "kind=shortage").len(), 0);
        declare(app, "360729", "I");
        assert_eq!(watch(app), 1);
        let open = alerts(app, "auditor", "kind=shortage&state=open");
        assert_eq!(
            (&open[0]["store_code"], &open[0]["facts"]["target"]),
            (&json!("QN-HOSP"), &json!(300))
        );
        assert_eq!(open[0]["facts"]["level"], "I");
        declare(app, "360729", "normal");
        assert_eq!(watch(app), 1);
        assert_eq!(alerts(app, "auditor", "kind=shortage&state=open").len(), 0);
    });
}

#[test]
fn what_time_alone_brings_is_seen_when_it_comes_and_not_before() {
    TestApp::each(|app| {
        hospital(app);
        stock::put(app, "QN-HOSP", "D03", "L9", "2026-06-01", 7);
        watch(app);
        assert_eq!(alerts(app, "auditor", "").len(), 0);
        // The setting is 72 hours, and the newest movement was at 02:00.
        app.set_time("2026-03-02T16:30:00Z");
        watch(app);
        let near = alerts(app, "auditor", "");
        assert_eq!(near.len(), 1, "the next business day has begun: 90 days are left");
        assert_eq!(
            (&near[0]["status"], &near[0]["facts"]["expires_on"]),
            (&json!("near_expiry"), &json!("2026-06-01"))
        );
        assert_eq!(near[0]["facts"]["quantity"], 7);
        app.set_time("2026-03-05T02:00:00Z");
        watch(app);
        assert_eq!(alerts(app, "auditor", "kind=silence").len(), 0);
        app.set_time("2026-03-05T02:00:01Z");
        watch(app);
        let silent = alerts(app, "auditor", "kind=silence");
        assert_eq!(silent.len(), 1);
        assert_eq!(silent[0]["facts"]["last_report_at"], "2026-03-02T02:00:00Z");
        assert_eq!(
            (&silent[0]["store_code"], &silent[0]["item_code"]),
            (&json!("QN-HOSP"), &Value::Null)
        );
        stock::put(app, "QN-HOSP", "M03", "L4", "2027-12-31", 1);
        watch(app);
        assert_eq!(alerts(app, "auditor", "kind=silence&state=open").len(), 0);
        app.set_time("2026-06-01T16:00:00Z");
        watch(app);
        let expired = alert(app, &near[0]["id"]);
        assert_eq!((&expired["status"], &expired["occurrence"]), (&json!("expired"), &json!(1)));
        assert_eq!(transitions(app, &near[0]["id"]), ["opened", "escalated"]);
    });
}

#[test]
fn two_watchmen_record_each_change_once() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        issue(app, 30);
        // Nobody has been heard of for a minute, so all four set out.
        app.set_time("2026-03-02T02:02:00Z");
        let done: usize = std::thread::scope(|threads| {
            let watchmen: Vec<_> = (0..4)
                .map(|number| {
                    let app = app.app.clone();
                    threads.spawn(move || catch_up(&app, &format!("watchman {number}")).unwrap())
                })
                .collect();
            watchmen.into_iter().map(|watchman| watchman.join().unwrap()).sum()
        });
        assert_eq!(done, 1);
        let found = alerts(app, "auditor", "kind=shortage");
        assert_eq!(found.len(), 1);
        assert_eq!(transitions(app, &found[0]["id"]), ["opened"]);
    });
}

#[test]
fn another_watches_once_the_first_has_not_been_heard_of_for_a_minute() {
    TestApp::each(|app| {
        hospital(app);
        watch(app);
        issue(app, 30);
        assert_eq!(look(&app.app, "another").unwrap(), Looked::Another);
        app.set_time("2026-03-02T02:01:01Z");
        assert_eq!(catch_up(&app.app, "another").unwrap(), 1);
    });
}

#[test]
fn late_goods_late_papers_and_cut_promises_are_seen() {
    TestApp::each(|app| {
        stock::put(app, "QN-DEPOT", "M03", "L1", "2027-12-31", 1_000);
        let body = json!({"from_store": "QN-DEPOT", "to_store": "QN-HOSP", "reason": "发热门诊",
            "lines": [{"item_code": "M03", "quantity": 100}],
            "authority": {"kind": "verbal", "issued_by": "钟卫国", "post": "值班长",
                "phone": "0797-2630000", "issued_at": "2026-03-02T01:30:00Z", "heard_by": "曾小兰"}});
        let made = app.post("duty.depot", "/dispatches", body).expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        let act = |user, action: &str, body| {
            app.act(user, &format!("/dispatches/{id}/{action}"), "*", body).expect(200)
        };
        act("deputy", "approve", json!({}));
        act("keeper.depot", "pick", json!({}));
        act(
            "keeper.depot",
            "ship",
            json!({"vehicle": "赣B·12345", "driver": "廖建平", "expected_at": "2026-03-02T05:00:00Z"}),
        );
        watch(app);
        assert_eq!(alerts(app, "auditor", "").len(), 0);
        app.set_time("2026-03-02T05:00:01Z");
        watch(app);
        let late = alerts(app, "keeper.hospital", "kind=transit");
        assert_eq!(late.len(), 1);
        assert_eq!(late[0]["document"], json!({"kind": "dispatch", "id": id}));
        assert_eq!(late[0]["facts"]["due_at"], "2026-03-02T05:00:00Z");
        act("keeper.hospital", "receipts", json!({}));
        watch(app);
        assert_eq!(alerts(app, "auditor", "kind=transit&state=open").len(), 0);
        app.set_time("2026-03-04T02:00:01Z");
        watch(app);
        let papers = alerts(app, "auditor", "kind=paperwork");
        assert_eq!(papers.len(), 1, "the paper was due within 48 hours");
        assert_eq!(
            (&papers[0]["store_code"], &papers[0]["status"]),
            (&json!("QN-DEPOT"), &json!("overdue"))
        );
    });
}
