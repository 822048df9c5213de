//! Two times: what was where as of a time, as known at another; periods; clocks; cards and summaries.

use crate::dispatch::{Dispatch, lorry};
use crate::planning::{fixed, in_force};
use crate::support::{TestApp, databases};
use changbei::consumption::queries::averages::{averages, averages_as_known};
use changbei::consumption::queries::{Cell, Cells};
use changbei::consumption::rules::{AverageUse, Window};
use changbei::db::DbError;
use changbei::kernel::{Clock, Instant, Moment};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

const DEPOT: &str = "keeper.depot";

fn is_clean(app: &TestApp) {
    let report = app.app.read(changbei::stock::verify::verify).unwrap();
    assert!(report.is_clean(), "{:?}", report.differences);
}

/// Lets `minutes` pass.
fn pass(app: &TestApp, minutes: i64) {
    app.clock.set(app.clock.now().plus_minutes(minutes));
}

fn ago(app: &TestApp, minutes: i64) -> String {
    app.clock.now().plus_minutes(-minutes).to_string()
}

/// One command of a random day.
#[derive(Debug, Clone)]
enum Step {
    Receive { lot: u8, units: i64, ago: i64 },
    Issue { units: i64, ago: i64 },
    Adjust { lot: u8, change: i64, ago: i64 },
    Hold { lot: u8, units: i64, ago: i64 },
    Send { units: i64, late: i64, arrives: bool },
    Reverse { nth: usize },
    Wait { minutes: i64 },
    Fact { units: i64, ago: i64 },
    Correct { lot: u8 },
}

/// Some minutes, hours or days back; most things are entered at once.
fn ago_of_an_entry() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0_i64), 1 => 1_i64..50, 1 => 60_i64..6_000]
}

fn step() -> impl Strategy<Value = Step> {
    let ago = ago_of_an_entry;
    prop_oneof![
        3 => (0_u8..3, 1_i64..200, ago()).prop_map(|(lot, units, ago)| Step::Receive { lot, units, ago }),
        3 => (1_i64..120, ago()).prop_map(|(units, ago)| Step::Issue { units, ago }),
        2 => (0_u8..3, -60_i64..60, ago()).prop_map(|(lot, change, ago)| Step::Adjust { lot, change, ago }),
        1 => (0_u8..3, 1_i64..40, ago()).prop_map(|(lot, units, ago)| Step::Hold { lot, units, ago }),
        1 => (1_i64..40, 0_i64..30, any::<bool>()).prop_map(|(units, late, arrives)| Step::Send { units, late, arrives }),
        1 => (0_usize..20).prop_map(|nth| Step::Reverse { nth }),
        1 => (100_i64..3_000).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 8..24)
}

/// The same with what left unbooked, and with labels that are put right.
fn steps_with_facts() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => step(),
        2 => (1_i64..300, ago_of_an_entry()).prop_map(|(units, ago)| Step::Fact { units, ago }),
        1 => (0_u8..3).prop_map(|lot| Step::Correct { lot }),
    ];
    proptest::collection::vec(step, 8..24)
}

fn lot_line(lot: u8) -> Value {
    let (number, cost) = [("A", "0.85"), ("B", "0.0325"), ("C", "12")][usize::from(lot)];
    json!({"item_code": "M02", "lot_number": number, "maker": "稳健", "unit_cost": cost,
           "expires_on": "2027-06-30"})
}

/// What the test knows of the depot's available stock of one lot: when, in which order, how much.
type Entries = BTreeMap<String, Vec<(Instant, usize, i64)>>;

/// The ids of the depot's lots by their number, as the book has them.
fn lots(app: &TestApp) -> BTreeMap<String, String> {
    let rows = app.get("auditor", "/lots?item=M02&limit=100").expect(200);
    let rows = rows["rows"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|lot| (text(&lot["makers_lot"]["lot_number"]), text(&lot["id"]))).collect()
}

/// Every movement of the county, oldest record first.
fn movements(app: &TestApp) -> Vec<Value> {
    let rows = app.get("auditor", "/movements?limit=1000").expect(200);
    rows["rows"].as_array().unwrap().clone()
}

fn instant(value: &Value) -> Instant {
    Instant::parse(value.as_str().unwrap()).unwrap()
}

/// The depot's available stock of each lot, movement by movement.
fn entries(movements: &[Value]) -> Entries {
    let mut entries = Entries::new();
    for (at, movement) in movements.iter().enumerate() {
        let units = movement["quantity"].as_i64().unwrap();
        for (account, change) in [("from_account", -units), ("to_account", units)] {
            if movement[account] == "store/QN-DEPOT/available" {
                let lot = movement["lot_id"].as_str().unwrap().to_owned();
                let when = instant(&movement["occurred_at"]);
                entries.entry(lot).or_default().push((when, at, change));
            }
        }
    }
    entries
}

/// Whether a lot's balance stays when `units` leave it at `when`, entered last: replayed one by one.
fn stays(entries: &Entries, lot: &str, when: Instant, units: i64) -> bool {
    let mut all = entries.get(lot).cloned().unwrap_or_default();
    all.push((when, usize::MAX, -units));
    all.sort_unstable();
    let mut balance = 0;
    all.into_iter().all(|(_, _, change)| {
        balance += change;
        balance >= 0
    })
}

fn run(app: &TestApp, step: &Step) {
    match step {
        Step::Receive { lot, units, ago: back } => {
            let mut line = lot_line(*lot);
            line["quantity"] = json!(units);
            let body = json!({"store_code": "QN-DEPOT", "occurred_at": ago(app, *back),
                "source": {"kind": "supplier"}, "lines": [line]});
            app.post(DEPOT, "/receipts", body).expect(201);
        }
        Step::Issue { units, ago: back } => {
            let body = json!({"store_code": "QN-DEPOT", "occurred_at": ago(app, *back), "purpose": "consumption",
                "lines": [{"item_code": "M02", "quantity": units}]});
            let answer = app.post(DEPOT, "/issues", body);
            assert!(answer.status == 201 || answer.status == 409, "{}", answer.text);
        }
        Step::Adjust { lot, change, ago: back } => {
            let number = lot_line(*lot)["lot_number"].as_str().unwrap().to_owned();
            let Some(id) = lots(app).get(&number).cloned() else { return };
            let when = app.clock.now().plus_minutes(-back);
            let entries = entries(&movements(app));
            let path = "/stock?store=QN-DEPOT&item=M02&state=available&limit=1000";
            let held = app.get(DEPOT, path).expect(200);
            let row =
                held["rows"].as_array().unwrap().iter().find(|row| row["lot_id"] == id.as_str());
            let free = row.map_or(0, |row| {
                row["on_hand"].as_i64().unwrap() - row["reserved"].as_i64().unwrap()
            });
            let body = json!({"store_code": "QN-DEPOT", "occurred_at": when.to_string(),
                "lines": [{"lot_id": id, "quantity_change": change, "reason_code": "miscounted"}]});
            let answer = app.post(DEPOT, "/adjustments", body);
            match *change {
                0 => drop(answer.refused(422, "validation_failed")),
                change if free + change < 0 => drop(answer.refused(409, "insufficient_stock")),
                change if change < 0 && !stays(&entries, &id, when, -change) => {
                    let problem = answer.refused(409, "late_entry");
                    let most = problem["most"].as_i64().unwrap();
                    assert!(stays(&entries, &id, when, most), "{problem}");
                    assert!(!stays(&entries, &id, when, most + 1), "{problem}");
                }
                _ => drop(answer.expect(201)),
            }
        }
        Step::Hold { lot, units, ago: back } => {
            let number = lot_line(*lot)["lot_number"].as_str().unwrap().to_owned();
            let Some(id) = lots(app).get(&number).cloned() else { return };
            let body = json!({"store_code": "QN-DEPOT", "occurred_at": ago(app, *back),
                "lines": [{"lot_id": id, "from_state": "available", "to_state": "held",
                           "quantity": units, "reason_code": "quality"}]});
            let answer = app.post(DEPOT, "/state-changes", body);
            assert!(answer.status == 201 || answer.status == 409, "{}", answer.text);
        }
        Step::Send { units, late, arrives } => {
            let mut dispatch = Dispatch::requested(app, "M02", *units);
            if dispatch.tries("commander", "approve", json!({})).status != 200 {
                return;
            }
            dispatch = Dispatch::again(app, &dispatch.id);
            pass(app, 3);
            dispatch.does(DEPOT, "pick", json!({}));
            pass(app, 3);
            let mut truck = lorry();
            truck["occurred_at"] = json!(ago(app, *late));
            truck["expected_at"] = json!(app.clock.now().plus_hours(5).to_string());
            if dispatch.tries(DEPOT, "ship", truck).status != 200 {
                return;
            }
            pass(app, 3);
            if *arrives {
                Dispatch::again(app, &dispatch.id).tries("keeper.hospital", "receipts", json!({}));
            }
        }
        Step::Reverse { nth } => {
            let all = movements(app);
            let Some(movement) = all.get(*nth) else { return };
            let path = format!("/movements/{}/reversals", movement["id"].as_str().unwrap());
            app.post(DEPOT, &path, json!({"reason_code": "entered_twice"}));
        }
        Step::Wait { minutes } => pass(app, *minutes),
        Step::Fact { units, ago: back } => {
            let body = json!({"store_code": "QN-DEPOT", "occurred_at": ago(app, *back), "purpose": "consumption",
                "after_the_fact": true, "slip_number": "手工单 0031",
                "lines": [{"item_code": "M02", "quantity": units}]});
            app.post(DEPOT, "/issues", body).expect(201);
        }
        // They were respirators, unless something of the lot is unmatched.
        Step::Correct { lot } => {
            let number = lot_line(*lot)["lot_number"].clone();
            let rows = app.get("auditor", "/lots?item=M02&limit=100").expect(200)["rows"].clone();
            let same = |lot: &&Value| lot["makers_lot"]["lot_number"] == number;
            let Some(lot) = rows.as_array().unwrap().iter().find(same) else { return };
            let path = format!("/makers-lots/{}", lot["makers_lot"]["id"].as_str().unwrap());
            let body = json!({"item_code": "M03", "reason_code": "wrong_item"});
            let answer = app.act("commander", &format!("{path}/correction"), "*", body);
            assert!(answer.status == 200 || answer.status == 409, "{}", answer.text);
        }
    }
}

/// What users see, with the path by which they asked.
fn look(app: &TestApp, seen: &mut Vec<(&'static str, Value, String)>) {
    for path in [
        "/stock?limit=1000&group_by=lot",
        "/stock?limit=1000&group_by=store",
        "/stock?limit=1000&group_by=item",
        "/stock/card?store=QN-DEPOT&item=M02&limit=1000",
        "/stock/summary?group_by=owner",
        "/shortfalls?totals=true",
        "/shortfalls/explain?store=QN-DEPOT&item=M02",
    ] {
        let answer = app.get("auditor", path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        seen.push((path, answer.json(), answer.text));
    }
}

fn every_case(test: impl Fn(&TestApp, &[Step])) {
    every_case_of(&steps(), test);
}

fn every_case_of(steps: &impl Strategy<Value = Vec<Step>>, test: impl Fn(&TestApp, &[Step])) {
    for database in ["SQLite", "PostgreSQL"] {
        let config = ProptestConfig {
            cases: 6,
            max_shrink_iters: 40,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let outcome = TestRunner::new(config).run(steps, |steps| {
            let Some(fresh) = databases().into_iter().find(|one| one.name == database) else {
                return Ok(());
            };
            let app = TestApp::on(fresh);
            test(&app, &steps);
            Ok(())
        });
        outcome.unwrap();
    }
}

#[test]
fn what_was_answered_once_is_answered_again_byte_for_byte() {
    every_case(|app, steps| {
        in_force(app, json!([fixed("QN-DEPOT", "M02", 500), fixed("QN-HOSP", "M02", 100)]));
        let mut seen = Vec::new();
        for step in steps {
            run(app, step);
            pass(app, 2);
            look(app, &mut seen);
            pass(app, 2);
        }
        pass(app, 10);
        for (path, answer, text) in &seen {
            let (as_of, known) =
                (answer["as_of"].as_str().unwrap(), answer["as_known_at"].as_str().unwrap());
            let joint = if path.contains('?') { '&' } else { '?' };
            let again =
                app.get("auditor", &format!("{path}{joint}as_of={as_of}&as_known_at={known}"));
            assert_eq!(again.text, *text, "{path}");
        }
        is_clean(app);
    });
}

/// Base units by store, lot and state, of movements that happened by an instant.
fn recomputed(movements: &[Value], at: Instant) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for movement in movements.iter().filter(|one| instant(&one["occurred_at"]) <= at) {
        let units = movement["quantity"].as_i64().unwrap();
        for (account, change) in [("from_account", -units), ("to_account", units)] {
            let account = movement[account].as_str().unwrap();
            if let Some(place) = account.strip_prefix("store/") {
                let lot = movement["lot_id"].as_str().unwrap();
                *sums.entry(format!("{place}/{lot}")).or_insert(0) += change;
            }
        }
    }
    sums.retain(|_, units| *units != 0);
    sums
}

fn stock_as_of(app: &TestApp, at: Instant) -> BTreeMap<String, i64> {
    let stock = app.get("auditor", &format!("/stock?limit=1000&as_of={at}")).expect(200);
    let rows = stock["rows"].as_array().unwrap().clone();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| {
            let place =
                [text(row, "store_code"), text(row, "state"), text(row, "lot_id")].join("/");
            let parts =
                ["reserved", "blocked", "available"].map(|name| row[name].as_i64().unwrap());
            assert_eq!(row["on_hand"].as_i64().unwrap(), parts.iter().sum::<i64>(), "{row}");
            (place, row["on_hand"].as_i64().unwrap())
        })
        .collect()
}

#[test]
fn stock_as_of_any_time_is_what_the_movements_up_to_it_add_up_to() {
    every_case(|app, steps| {
        for step in steps {
            run(app, step);
            pass(app, 7);
        }
        let all = movements(app);
        for movement in &all {
            let at = instant(&movement["occurred_at"]);
            for at in [at.previous(), at, at.plus_minutes(31)] {
                if at <= app.clock.now() {
                    assert_eq!(stock_as_of(app, at), recomputed(&all, at), "as of {at}");
                }
            }
        }
        is_clean(app);
    });
}

#[test]
fn averages_from_closings_are_those_that_the_movements_tell() {
    every_case_of(&steps_with_facts(), |app, steps| {
        for step in steps {
            run(app, step);
            pass(app, 700);
        }
        let zone = app.app.settings.zone;
        let now = app.clock.now();
        app.app
            .read::<_, DbError>(|conn| {
                for (days, ago) in [(60, 0), (60, 2_000), (3, 0), (3, 4_000), (1, 1_000)] {
                    let today = zone.day_of(now.plus_minutes(-ago));
                    let window = Window::before(today, days);
                    let cells = Cells::default();
                    let closings = averages(conn, window, zone, &cells)?;
                    let everything = Moment::as_known_at(Instant::LAST, Instant::LAST);
                    let movements = averages_as_known(conn, window, zone, &cells, &everything)?;
                    let seen = |all: &HashMap<Cell, AverageUse>| -> BTreeMap<Cell, AverageUse> {
                        let known = all.iter().filter(|(_, one)| one.observed_days > 0);
                        known.map(|(cell, one)| (cell.clone(), *one)).collect()
                    };
                    assert_eq!(seen(&closings), seen(&movements), "{days} days to {today}");
                }
                Ok(())
            })
            .unwrap();
    });
}

/// A sum of money in ten-thousandths.
fn money(value: &Value) -> i64 {
    changbei::kernel::Money::parse(value.as_str().unwrap()).unwrap().ten_thousandths()
}

#[test]
fn card_and_summary_add_up_for_any_period() {
    every_case_of(&steps_with_facts(), |app, steps| {
        let begun = app.clock.now().plus_minutes(-7_000);
        for step in steps {
            run(app, step);
            pass(app, 7);
        }
        let mut cuts: Vec<Instant> =
            movements(app).iter().map(|one| instant(&one["occurred_at"])).collect();
        cuts.extend([begun, app.clock.now()]);
        cuts.sort_unstable();
        let mut last_closing: BTreeMap<String, (Value, Value)> = BTreeMap::new();
        for pair in cuts.windows(2).step_by(2) {
            let (from, to) = (pair[0], pair[1]);
            let period = format!("from={from}&to={to}");
            let card = app
                .get(DEPOT, &format!("/stock/card?store=QN-DEPOT&item=M02&limit=1000&{period}"))
                .expect(200);
            let mut balance = card["opening"].as_i64().unwrap();
            for row in card["rows"].as_array().unwrap() {
                balance += row["change"].as_i64().unwrap();
                assert_eq!(row["balance"], balance);
            }
            assert_eq!(card["closing"], balance, "{period}");
        }
        for cut in cuts.iter().step_by(3) {
            for (from, to) in [(begun, *cut), (*cut, app.clock.now())] {
                let path = format!("/stock/summary?from={from}&to={to}");
                let summary = app.get("auditor", &path).expect(200);
                for row in summary["rows"].as_array().unwrap() {
                    let sum = |name: &str| row[name]["quantity"].as_i64().unwrap();
                    let value = |name: &str| money(&row[name]["value"]);
                    assert_eq!(
                        sum("opening") + sum("total_in") - sum("total_out"),
                        sum("closing"),
                        "{path}: {row}"
                    );
                    assert_eq!(
                        value("opening") + value("total_in") - value("total_out"),
                        value("closing"),
                        "{path}: {row}"
                    );
                    let of = |side: &str| -> i64 {
                        row[side]
                            .as_array()
                            .unwrap()
                            .iter()
                            .map(|one| one["quantity"].as_i64().unwrap())
                            .sum()
                    };
                    assert_eq!((of("in"), of("out")), (sum("total_in"), sum("total_out")));
                    let key = format!("{} {}", row["group"], row["item_code"]);
                    let (opening, closing) = (row["opening"].clone(), row["closing"].clone());
                    if from == *cut
                        && let Some((at, before)) = last_closing.get(&key)
                        && at == &json!(cut.to_string())
                    {
                        assert_eq!(before, &opening, "{path}");
                    }
                    last_closing.insert(key, (json!(to.to_string()), closing));
                }
            }
        }
    });
}

fn masks(app: &TestApp, units: i64, at: &str) -> crate::support::Answer {
    let mut line = lot_line(0);
    line["quantity"] = json!(units);
    let body = json!({"store_code": "QN-DEPOT", "occurred_at": at, "source": {"kind": "supplier"}, "lines": [line]});
    app.post(DEPOT, "/receipts", body)
}

#[test]
fn a_time_that_lies_ahead_or_too_near_is_refused() {
    TestApp::each(|app| {
        for (query, pointer) in [
            ("as_of=2026-03-02T02:00:01Z", "/as_of"),
            ("as_of=2026-03-02", "/as_of"),
            ("as_known_at=2026-03-02T01:59:01Z", "/as_known_at"),
        ] {
            for path in
                ["/stock", "/stock/summary", "/shortfalls", "/stock/card?store=QN-DEPOT&item=M02"]
            {
                let joint = if path.contains('?') { '&' } else { '?' };
                let answer = app.get("auditor", &format!("{path}{joint}{query}"));
                assert_eq!((answer.status, answer.pointers()), (422, vec![pointer.to_owned()]));
            }
        }
        app.get("auditor", "/stock?as_known_at=2026-03-02T01:59:00Z").expect(200);
    });
}

#[test]
fn a_closed_period_refuses_until_a_higher_role_reopens_it() {
    TestApp::each(|app| {
        let close = |user: &str, body: Value| app.post(user, "/periods/close", body);
        close(DEPOT, json!({"store_code": "QN-DEPOT", "through_day": "2026-03-02"}))
            .refused(422, "validation_failed");
        close(DEPOT, json!({"store_code": "QN-HOSP", "through_day": "2026-02-28"}))
            .refused(403, "store_out_of_scope");
        close(DEPOT, json!({"region_code": "360729", "through_day": "2026-02-28"}))
            .refused(403, "forbidden");
        close(
            "commander",
            json!({"store_code": "QN-DEPOT", "region_code": "360729", "through_day": "2026-02-28"}),
        )
        .refused(422, "validation_failed");
        masks(app, 10, "2026-02-28T15:00:00Z").expect(201);
        let period = close(DEPOT, json!({"store_code": "QN-DEPOT", "through_day": "2026-02-28"}))
            .expect(201);
        let problem = masks(app, 10, "2026-02-28T15:59:59Z").refused(409, "period_closed");
        assert_eq!(
            (&problem["closed_through"], &problem["period_id"]),
            (&json!("2026-02-28"), &period["id"])
        );
        masks(app, 10, "2026-02-28T16:00:00Z").expect(201);
        let reopen = format!("/periods/{}/reopen", period["id"].as_str().unwrap());
        app.act(DEPOT, &reopen, "\"v1\"", json!({"reason": "漏记"})).refused(403, "forbidden");
        app.act("foreign.commander", &reopen, "\"v1\"", json!({"reason": "漏记"}))
            .refused(404, "not_found");
        app.act("commander", &reopen, "\"v1\"", json!({"reason": " "}))
            .refused(422, "validation_failed");
        let opened =
            app.act("commander", &reopen, "\"v1\"", json!({"reason": "漏记两箱"})).expect(200);
        assert_eq!(
            (&opened["status"], &opened["reopen_reason"]),
            (&json!("reopened"), &json!("漏记两箱"))
        );
        app.act("commander", &reopen, "\"v2\"", json!({"reason": "再开"}))
            .refused(409, "wrong_status");
        masks(app, 10, "2026-02-28T15:59:59Z").expect(201);
        // A region's period binds every store in it, and only a still higher role reopens it.
        let region =
            close("commander", json!({"region_code": "360729", "through_day": "2026-03-01"}))
                .expect(201);
        masks(app, 10, "2026-03-01T01:00:00Z").refused(409, "period_closed");
        let reopen = format!("/periods/{}/reopen", region["id"].as_str().unwrap());
        app.act("deputy", &reopen, "\"v1\"", json!({"reason": "漏记"})).refused(403, "forbidden");
        app.act("admin", &reopen, "\"v1\"", json!({"reason": "漏记"})).expect(200);
        masks(app, 10, "2026-03-01T01:00:00Z").expect(201);
        let listed = app.get("auditor", "/periods?store=QN-DEPOT").expect(200);
        assert_eq!(listed["rows"].as_array().unwrap().len(), 2, "history is kept");
        let shown =
            app.get("auditor", &format!("/periods/{}", region["id"].as_str().unwrap())).expect(200);
        assert_eq!(shown["reopened_by"], "admin");
        is_clean(app);
    });
}

#[test]
fn each_role_posts_only_as_far_back_as_its_setting_says() {
    TestApp::each(|app| {
        masks(app, 10, "2025-11-30T02:00:00Z").expect(201);
        let problem = masks(app, 10, "2025-11-29T02:00:00Z").refused(409, "too_far_back");
        assert_eq!(problem["earliest"], "2025-11-30");
    });
}

#[test]
fn a_clock_that_jumped_ahead_records_nothing_until_it_is_accepted() {
    TestApp::each(|app| {
        masks(app, 10, "2026-03-02T01:00:00Z").expect(201);
        app.request("GET", "/readyz").send().expect(200);
        app.clock.jump_to(app.clock.now().plus_minutes(61));
        let problem = masks(app, 10, "2026-03-02T01:00:00Z").refused(503, "clock_jumped");
        assert_eq!(problem["minutes"], 61);
        app.request("GET", "/readyz").send().refused(503, "clock_jumped");
        app.get(DEPOT, "/stock").expect(200);
        assert_eq!(app.get(DEPOT, "/clock").expect(200)["believed"], false);
        app.post(DEPOT, "/clock/accept", json!({"reason": "已核对"})).refused(403, "forbidden");
        app.post("commander", "/clock/accept", json!({"reason": ""}))
            .refused(422, "validation_failed");
        app.post("commander", "/clock/accept", json!({"reason": "已按电话报时核对"})).expect(201);
        masks(app, 10, "2026-03-02T01:00:00Z").expect(201);
        app.request("GET", "/readyz").send().expect(200);
        let clock = app.get(DEPOT, "/clock").expect(200);
        assert_eq!(
            (&clock["believed"], &clock["acceptances"][0]["accepted_by"]),
            (&json!(true), &json!("commander"))
        );
        is_clean(app);
    });
}

#[test]
fn a_clock_behind_the_records_at_the_start_records_nothing_until_it_is_accepted() {
    for database in databases() {
        let app = TestApp::on(database);
        masks(&app, 10, "2026-03-02T01:00:00Z").expect(201);
        app.clock.jump_to(app.clock.now().plus_minutes(-120));
        app.restart();
        masks(&app, 10, "2026-03-01T01:00:00Z").refused(503, "clock_jumped");
        app.post("admin", "/clock/accept", json!({"reason": "时钟曾快两小时"})).expect(201);
        masks(&app, 10, "2026-03-01T01:00:00Z").expect(201);
        app.restart();
        masks(&app, 10, "2026-03-01T01:00:00Z").expect(201);
        is_clean(&app);
    }
}

#[test]
fn card_summary_movements_and_stock_come_as_tables_too() {
    TestApp::each(|app| {
        masks(app, 10, "2026-03-02T01:00:00Z").expect(201);
        let issue = json!({"store_code": "QN-DEPOT", "purpose": "consumption", "note": "门诊",
            "lines": [{"item_code": "M02", "quantity": 4}]});
        app.post(DEPOT, "/issues", issue).expect(201);
        let table = |path: &str, accept: &str| {
            app.request("GET", &format!("/api/v1{path}"))
                .by(DEPOT)
                .header("accept-language", "en")
                .header("accept", accept)
                .send()
        };
        for (path, columns, row) in [
            (
                "/stock/card?store=QN-DEPOT&item=M02",
                "occurred_at,recorded_at,kind,",
                ",-4,6,keeper.depot,",
            ),
            ("/movements", "id,kind,store_code,", ",issue,QN-DEPOT,M02,"),
            ("/stock", "store_code,item_code,lot_id,", ",6,0,0,6,0,0"),
            ("/stock/summary", "group,item_code,opening,opening_value,", "QN-DEPOT,M02,0,0.00,"),
        ] {
            let csv = table(path, "text/csv");
            assert_eq!(csv.status, 200, "{path}: {}", csv.text);
            assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
            let text = csv.text.strip_prefix('\u{feff}').expect("a byte order mark");
            assert!(text.starts_with(columns), "{path}: {text}");
            assert!(text.contains(row), "{path}: {text}");
        }
        let csv = table("/stock/summary", "text/csv").text;
        let columns: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        for account in ["unmatched", "reclassification"] {
            for column in [format!("in_{account}"), format!("out_{account}")] {
                assert!(columns.contains(&column.as_str()), "{column}: {columns:?}");
            }
        }
        let page = app.get(DEPOT, "/stock/card?store=QN-DEPOT&item=M02&limit=1").expect(200);
        assert_eq!(
            (&page["opening"], &page["closing"], &page["rows"][0]["balance"]),
            (&json!(0), &json!(6), &json!(10))
        );
        let next = page["next_cursor"].as_str().unwrap();
        let page = app
            .get(DEPOT, &format!("/stock/card?store=QN-DEPOT&item=M02&limit=1&cursor={next}"))
            .expect(200);
        assert_eq!((&page["rows"][0]["balance"], &page["next_cursor"]), (&json!(6), &Value::Null));
    });
}
