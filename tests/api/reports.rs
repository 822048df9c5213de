//! Stock reports over HTTP: what stores tell they hold, and the consumption estimated from it.

use crate::planning::in_force;
use crate::support::stock::{held, put};
use crate::support::workbook::{XLSX, records, sheets};
use crate::support::{Answer, TestApp};
use changbei::stock::verify::verify;
use serde_json::{Value, json};

/// The township tells its consumption by reports from now on.
fn by_report(app: &TestApp) {
    let store = app.get("commander", "/stores/QN-TOWN");
    let tag = store.etag();
    app.storing("PATCH", "commander", "/stores/QN-TOWN")
        .if_match(&tag)
        .json(json!({"consumption_by": "report"}))
        .send()
        .expect(200);
}

fn body(day: &str, as_of: &str, lines: &[(&str, i64)]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(item, on_hand)| json!({"item_code": item, "on_hand": on_hand}))
        .collect();
    json!({"store_code": "QN-TOWN", "business_day": day, "as_of": as_of, "lines": lines})
}

fn send(app: &TestApp, body: Value) -> Answer {
    app.post("keeper.town", "/stock-reports", body)
}

fn correct(app: &TestApp, mut body: Value) -> Value {
    body["reason"] = json!("点错");
    send(app, body).expect(201)
}

#[track_caller]
fn is_clean(app: &TestApp) {
    let report = app.app.read(verify).unwrap();
    assert!(report.is_clean(), "{:?}", report.differences);
}

fn on_hand(app: &TestApp) -> i64 {
    held(app, "QN-TOWN", "M02", "available").0
}

/// The evening of the day on which every test begins, and those after it.
const EVENING: &str = "2026-03-02T10:00:00Z";
const TUESDAY: &str = "2026-03-03T10:00:00Z";
const WEDNESDAY: &str = "2026-03-04T10:00:00Z";

#[test]
fn what_a_report_does_not_find_is_posted_as_estimated_consumption() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "SOON", "2026-06-30", 60);
        put(app, "QN-TOWN", "M02", "LATE", "2027-06-30", 40);
        app.set_time(EVENING);
        let told = send(app, body("2026-03-02", EVENING, &[("M02", 30)])).expect(201);
        assert_eq!(told["version"], 1);
        assert_eq!(told["timeliness"], "on_time");
        let line = &told["lines"][0];
        assert_eq!((&line["book"], &line["decrease"]), (&json!(100), &json!(70)));
        assert_eq!((&line["estimated"], &line["increase"]), (&json!(70), &json!(0)));
        assert_eq!(line["remarks"], json!([]));
        // First expired first, at the business time of the report.
        let movements = told["movements"].as_array().unwrap();
        let taken: Vec<i64> =
            movements.iter().map(|one| one["quantity"].as_i64().unwrap()).collect();
        assert_eq!(taken, [60, 10]);
        assert!(movements.iter().all(|one| one["occurred_at"] == EVENING
            && one["to_account"] == "outside/consumption"
            && one["document"]["kind"] == "stock_report"));
        assert_eq!(on_hand(app), 30);
        // It reads back by its id and its number.
        for name in [&told["id"], &told["number"]] {
            let path = format!("/stock-reports/{}", name.as_str().unwrap());
            assert_eq!(app.get("keeper.town", &path).expect(200), told);
        }
        let rows =
            app.get("commander", "/stock-reports?store=QN-TOWN&from=2026-03-02&to=2026-03-02");
        let rows = rows.expect(200)["rows"].clone();
        assert_eq!(
            (rows[0]["id"].clone(), rows[0]["differences"].clone()),
            (told["id"].clone(), json!(1))
        );
        is_clean(app);
    });
}

#[test]
fn a_corrected_report_posts_the_difference_and_never_doubles() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(EVENING);
        let first = body("2026-03-02", EVENING, &[("M02", 30)]);
        send(app, first.clone()).expect(201);
        // Told again it must say why.
        let again = send(app, first.clone());
        assert_eq!(again.pointers(), ["/reason"]);
        let mut same = first.clone();
        same["reason"] = json!("网络中断后重发");
        let sent = || {
            app.storing("POST", "keeper.town", "/stock-reports")
                .key("resent")
                .json(same.clone())
                .send()
                .expect(201)
        };
        assert_eq!((sent(), on_hand(app)), (sent(), 30));
        let estimated = |told: &Value| told["lines"][0]["estimated"].as_i64().unwrap();
        for (at, told) in [(3, 45), (4, 20), (5, 100), (6, 0), (7, 60)] {
            let answer = correct(app, body("2026-03-02", EVENING, &[("M02", told)]));
            assert_eq!(answer["version"], at);
            assert_eq!((estimated(&answer), on_hand(app)), (100 - told, told));
            assert_eq!(answer["lines"][0]["book"], 100);
        }
        // At another time of the day it is the same report.
        let noon = correct(app, body("2026-03-02", "2026-03-02T04:00:00Z", &[("M02", 70)]));
        assert_eq!((estimated(&noon), on_hand(app)), (30, 70));
        // What a version leaves out is no statement, so nothing stands for it.
        put(app, "QN-TOWN", "M03", "B", "2026-06-30", 5);
        let other = correct(app, body("2026-03-02", EVENING, &[("M03", 4)]));
        assert_eq!((on_hand(app), held(app, "QN-TOWN", "M03", "available").0), (100, 4));
        let versions = other["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 9);
        assert_eq!(versions[1]["changes"], json!([]));
        assert_eq!(
            versions[8]["changes"],
            json!([
                {"item_code": "M02", "on_hand_before": 70, "on_hand": null, "used_before": null, "used": null},
                {"item_code": "M03", "on_hand_before": null, "on_hand": 4, "used_before": null, "used": null},
            ])
        );
        assert_eq!(versions[8]["reason"], "点错");
        // Every version can be read.
        let path = format!("/stock-reports/{}?version=3", other["number"].as_str().unwrap());
        let third = app.get("keeper.town", &path).expect(200);
        assert_eq!(
            (&third["shown_version"], &third["lines"][0]["on_hand"]),
            (&json!(3), &json!(45))
        );
        let path = path.replace("=3", "=10");
        assert_eq!(app.get("keeper.town", &path).pointers(), ["/version"]);
        is_clean(app);
    });
}

#[test]
fn an_increase_is_shown_and_never_posted_as_a_receipt() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(EVENING);
        let told = send(app, body("2026-03-02", EVENING, &[("M02", 120)])).expect(201);
        let line = &told["lines"][0];
        assert_eq!((&line["increase"], &line["estimated"]), (&json!(20), &json!(0)));
        assert_eq!(line["remarks"], json!(["unexplained_increase"]));
        assert_eq!((on_hand(app), &told["movements"]), (100, &json!([])));
        // The receipt that was missing explains it.
        app.post(
            "keeper.town",
            "/receipts",
            json!({"store_code": "QN-TOWN", "occurred_at": "2026-03-02T08:00:00Z",
                "source": {"kind": "donor"},
                "lines": [{"item_code": "M02", "lot_number": "GIFT", "expires_on": "2027-01-01", "quantity": 50}]}),
        )
        .expect(201);
        let path = format!("/stock-reports/{}", told["id"].as_str().unwrap());
        let line = app.get("keeper.town", &path).expect(200)["lines"][0].clone();
        assert_eq!((&line["book"], &line["book_when_told"]), (&json!(150), &json!(100)));
        assert_eq!((&line["increase"], &line["decrease"]), (&json!(0), &json!(30)));
        // Of what the receipt brought beyond what was told, the next report makes use.
        app.set_time(TUESDAY);
        let next = send(app, body("2026-03-03", TUESDAY, &[("M02", 115)])).expect(201);
        assert_eq!((&next["lines"][0]["estimated"], on_hand(app)), (&json!(5), 115));
        let line = app.get("keeper.town", &path).expect(200)["lines"][0].clone();
        assert_eq!(line["estimated"], 30);
        is_clean(app);
    });
}

#[test]
fn a_store_that_books_its_issues_is_only_compared() {
    TestApp::each(|app| {
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        put(app, "QN-TOWN", "M03", "B", "2026-06-30", 10);
        app.set_time(EVENING);
        let told = send(app, body("2026-03-02", EVENING, &[("M02", 30), ("M03", 10)])).expect(201);
        let line = &told["lines"][0];
        assert_eq!((&line["decrease"], &line["estimated"]), (&json!(70), &json!(0)));
        assert_eq!(line["remarks"], json!(["unexplained_decrease"]));
        assert_eq!(told["lines"][1]["remarks"], json!([]));
        assert_eq!((on_hand(app), &told["differences"]), (100, &json!(1)));
        app.set_time(TUESDAY);
        let equal = send(app, body("2026-03-03", TUESDAY, &[("M02", 100)])).expect(201);
        // The store says itself that 70 came from nowhere.
        assert_eq!(equal["lines"][0]["remarks"], json!(["negative_use"]));
        assert_eq!(equal["lines"][0]["derived_use"], Value::Null);
        let ids = |query: &str| {
            let rows = app.get("commander", &format!("/stock-reports?{query}")).expect(200)["rows"]
                .clone();
            rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids("differs=true"), [told["id"].clone()]);
        assert_eq!(ids("differs=false"), [equal["id"].clone()]);
        assert_eq!(ids("region=360729101"), [equal["id"].clone(), told["id"].clone()]);
        assert_eq!(ids("region=360722"), Vec::<Value>::new());
        assert_eq!(ids("nil=true"), Vec::<Value>::new());
        assert_eq!(ids("late=false&to=2026-03-02"), [told["id"].clone()]);
        let page = app.get("commander", "/stock-reports?limit=1").expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        assert_eq!(ids(&format!("limit=1&cursor={cursor}")), [told["id"].clone()]);
    });
}

#[test]
fn what_is_told_to_be_used_is_held_against_what_the_balances_say() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(EVENING);
        send(app, body("2026-03-02", EVENING, &[("M02", 90)])).expect(201);
        // A receipt between the two is added back, an issue that is booked is use all the same.
        app.set_time(TUESDAY);
        put(app, "QN-TOWN", "M02", "B", "2026-07-31", 50);
        app.post(
            "keeper.town",
            "/issues",
            json!({"store_code": "QN-TOWN", "purpose": "consumption", "lines": [{"item_code": "M02", "quantity": 4}]}),
        )
        .expect(201);
        app.set_time(WEDNESDAY);
        let mut report = body("2026-03-04", WEDNESDAY, &[("M02", 120)]);
        report["lines"][0]["used"] = json!(25);
        let line = send(app, report).expect(201)["lines"][0].clone();
        assert_eq!(
            line["previous"],
            json!({"business_day": "2026-03-02", "on_hand": 90, "came": 50})
        );
        assert_eq!((&line["derived_use"], &line["derived_per_day"]), (&json!(20), &json!("10")));
        assert_eq!((&line["used_difference"], &line["estimated"]), (&json!(5), &json!(16)));
        assert_eq!(line["remarks"], json!(["used_differs"]));
        is_clean(app);
    });
}

#[test]
fn what_is_entered_late_explains_what_had_to_be_estimated() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(EVENING);
        let monday = send(app, body("2026-03-02", EVENING, &[("M02", 30)])).expect(201);
        app.set_time(TUESDAY);
        // Aid that left on Monday is no consumption.
        app.post(
            "keeper.town",
            "/issues",
            json!({"store_code": "QN-TOWN", "purpose": "aid_out", "occurred_at": "2026-03-02T05:00:00Z",
                "lines": [{"item_code": "M02", "quantity": 10}]}),
        )
        .expect(201);
        let tuesday = send(app, body("2026-03-03", TUESDAY, &[("M02", 30)])).expect(201);
        assert_eq!(tuesday["lines"][0]["estimated"], 0);
        let path = format!("/stock-reports/{}", monday["id"].as_str().unwrap());
        let line = app.get("keeper.town", &path).expect(200)["lines"][0].clone();
        assert_eq!((&line["book"], &line["estimated"]), (&json!(90), &json!(60)));
        assert_eq!(on_hand(app), 30);
        is_clean(app);
    });
}

#[test]
fn a_report_that_comes_after_a_later_one_shares_the_decrease_with_it() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(TUESDAY);
        let tuesday = send(app, body("2026-03-03", TUESDAY, &[("M02", 40)])).expect(201);
        assert_eq!(tuesday["lines"][0]["estimated"], 60);
        let of_tuesday = || {
            let path = format!("/stock-reports/{}", tuesday["id"].as_str().unwrap());
            app.get("keeper.town", &path).expect(200)["lines"][0].clone()
        };
        let monday = send(app, body("2026-03-02", EVENING, &[("M02", 70)])).expect(201);
        assert_eq!(
            (&monday["lines"][0]["estimated"], &monday["timeliness"]),
            (&json!(30), &json!("late"))
        );
        assert_eq!((of_tuesday()["estimated"].clone(), on_hand(app)), (json!(30), 40));
        // More was used by Monday than the whole: Tuesday tells more than there can be.
        let monday = correct(app, body("2026-03-02", EVENING, &[("M02", 30)]));
        assert_eq!((&monday["lines"][0]["estimated"], on_hand(app)), (&json!(70), 30));
        let line = of_tuesday();
        assert_eq!((&line["estimated"], &line["increase"]), (&json!(0), &json!(10)));
        let monday = correct(app, body("2026-03-02", EVENING, &[("M02", 95)]));
        assert_eq!((&monday["lines"][0]["estimated"], on_hand(app)), (&json!(5), 40));
        assert_eq!(of_tuesday()["estimated"], 55);
        is_clean(app);
    });
}

#[test]
fn a_nil_report_is_a_statement_and_a_blank_is_no_zero() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        put(app, "QN-TOWN", "M03", "B", "2026-06-30", 7);
        app.set_time(EVENING);
        let nil = json!({"store_code": "QN-TOWN", "business_day": "2026-03-02", "nil": true});
        let told = send(app, nil).expect(201);
        assert_eq!((&told["nil"], &told["as_of"]), (&json!("unchanged"), &json!(EVENING)));
        assert_eq!((&told["lines"], on_hand(app)), (&json!([]), 100));
        app.set_time(TUESDAY);
        let none = json!({"store_code": "QN-TOWN", "business_day": "2026-03-03", "nil": true, "nil_as": "nothing_held"});
        let told = send(app, none).expect(201);
        let lines = told["lines"].as_array().unwrap();
        let estimated: Vec<i64> =
            lines.iter().map(|line| line["estimated"].as_i64().unwrap()).collect();
        assert_eq!((estimated, on_hand(app)), (vec![100, 7], 0));
        let blank = json!({
            "store_code": "QN-TOWN", "business_day": "2026-03-09", "as_of": "2026-03-03T25:00:00Z", "nil_as": "gone",
            "lines": [{"item_code": "M02"}, {"item_code": "M03", "on_hand": -1, "used": -2},
                {"item_code": "X99", "on_hand": 1}, {"item_code": "D03", "on_hand": 1}, {"item_code": "D03", "on_hand": 2}],
        });
        let mut pointers = send(app, blank).pointers();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/business_day",
                "/lines/0/on_hand",
                "/lines/1/on_hand",
                "/lines/1/used",
                "/lines/2/item_code",
                "/lines/4/item_code",
                "/nil_as",
                "/nil_as",
            ]
        );
        let empty = json!({"store_code": "QN-TOWN", "business_day": "2026-03-02", "as_of": TUESDAY, "lines": []});
        assert_eq!(send(app, empty).pointers(), ["/as_of", "/lines"]);
        let both = json!({"store_code": "QN-TOWN", "business_day": "2026-03-01", "nil": true, "reason": "x",
            "lines": [{"item_code": "M02", "on_hand": 1}]});
        assert_eq!(send(app, both).pointers(), ["/lines", "/reason"]);
        is_clean(app);
    });
}

#[test]
fn a_store_has_an_hour_of_its_own_by_which_its_reports_are_due() {
    TestApp::each(|app| {
        let usual = app.get("keeper.town", "/stores/QN-TOWN/report-schedule");
        let tag = usual.etag();
        let usual = usual.expect(200);
        assert_eq!((&usual["due_hour"], &usual["holds"]), (&Value::Null, &json!(20)));
        let set = |user: &str, tag: &str, hour: Value| {
            app.storing("PUT", user, "/stores/QN-TOWN/report-schedule")
                .if_match(tag)
                .json(json!({"due_hour": hour}))
                .send()
        };
        assert_eq!(set("commander", &tag, json!(73)).pointers(), ["/due_hour"]);
        set("keeper.town", &tag, json!(17)).refused(403, "forbidden");
        let changed = set("commander", &tag, json!(17));
        assert_eq!(changed.clone().expect(200)["holds"], 17);
        set("commander", &tag, json!(18)).refused(412, "stale_version");
        // 18:00 in the county is late for 17:00.
        app.set_time(EVENING);
        let told =
            send(app, json!({"store_code": "QN-TOWN", "business_day": "2026-03-02", "nil": true}));
        let told = told.expect(201);
        assert_eq!(
            (&told["due_at"], &told["timeliness"]),
            (&json!("2026-03-02T09:00:00Z"), &json!("late"))
        );
        set("commander", &changed.etag(), Value::Null).expect(200);
        let path = format!("/stock-reports/{}", told["id"].as_str().unwrap());
        assert_eq!(app.get("keeper.town", &path).expect(200)["timeliness"], "late");
        app.get("keeper.town", "/stores/NOWHERE/report-schedule").refused(404, "not_found");
    });
}

#[test]
fn reports_stay_in_their_scope_and_their_estimates_are_corrected_through_them() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(EVENING);
        let report = body("2026-03-02", EVENING, &[("M02", 30)]);
        app.post("keeper.depot", "/stock-reports", report.clone())
            .refused(403, "store_out_of_scope");
        app.post("commander", "/stock-reports", report.clone()).refused(403, "forbidden");
        let told = send(app, report).expect(201);
        let path = format!("/stock-reports/{}", told["id"].as_str().unwrap());
        app.get("keeper.depot", &path).refused(404, "not_found");
        assert_eq!(app.get("keeper.depot", "/stock-reports").expect(200)["rows"], json!([]));
        let movement = told["movements"][0]["id"].as_str().unwrap();
        let reversal = json!({"reason_code": "miscounted"});
        app.post("keeper.town", &format!("/movements/{movement}/reversals"), reversal)
            .refused(409, "wrong_status");
    });
}

#[test]
fn a_store_without_a_network_sends_its_reports_in_a_batch_later() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(WEDNESDAY);
        let command = |key: &str, body: Value| json!({"client_id": key, "idempotency_key": key, "command": "send_stock_report", "body": body});
        let commands = json!({"commands": [
            command("offline-1", body("2026-03-02", EVENING, &[("M02", 80)])),
            command("offline-2", body("2026-03-03", TUESDAY, &[("M02", 50)])),
        ]});
        for _ in 0..2 {
            let answer = app.ask("keeper.town", "/batches", commands.clone()).expect(200);
            let results = answer["results"].as_array().unwrap();
            assert!(results.iter().all(|result| result["status"] == 201), "{answer}");
            assert_eq!(on_hand(app), 50);
        }
        is_clean(app);
    });
}

#[test]
fn two_reports_of_a_day_at_once_count_once() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(EVENING);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let sending: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| send(app, body("2026-03-02", EVENING, &[("M02", 30)])).status)
                })
                .collect();
            sending.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [201, 422].contains(status)), "{statuses:?}");
        assert_eq!(on_hand(app), 30);
        is_clean(app);
    });
}

#[test]
fn the_board_shows_who_told_in_time_late_nil_or_not_at_all() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2026-06-30", 100);
        app.set_time(EVENING);
        send(app, body("2026-03-02", EVENING, &[("M02", 90)])).expect(201);
        app.set_time("2026-03-04T01:00:00Z");
        send(app, json!({"store_code": "QN-TOWN", "business_day": "2026-03-03", "nil": true}))
            .expect(201);
        app.set_time("2026-03-05T01:00:00Z");
        let board =
            |query: &str| app.get("commander", &format!("/stock-reports/board{query}")).expect(200);
        let week = board("?from=2026-02-20&to=2026-03-05");
        let expected = json!({"due": 4, "on_time": 1, "late": 1, "missing": 1, "open": 1, "nil": 1,
            "on_time_rate": "1/3", "late_rate": "1/3", "missing_rate": "1/3", "nil_rate": "1/3"});
        assert_eq!(week["compliance"], expected);
        assert_eq!((&week["stores"], &week["silent_stores"]), (&json!(1), &json!(0)));
        assert_eq!(week["rows"][0]["compliance"], expected);
        assert_eq!(week["rows"][0]["last_day"]["timeliness"], "due");
        assert_eq!(week["oldest_heard_at"], week["rows"][0]["last_told_at"]);
        let of_day = |day: &str| board(&format!("?day={day}"))["rows"][0]["last_day"].clone();
        assert_eq!(of_day("2026-03-02")["timeliness"], "on_time");
        assert_eq!(of_day("2026-03-03")["timeliness"], "late");
        assert_eq!(of_day("2026-03-03")["nil"], "unchanged");
        assert_eq!(of_day("2026-03-04")["timeliness"], "missing");
        // All stores of the region, each due on the day; page by page the same figures.
        let all = board("?day=2026-03-04&all=true&region=360729&limit=3");
        assert_eq!((&all["stores"], &all["compliance"]["missing"]), (&json!(4), &json!(4)));
        let cursor = all["next_cursor"].as_str().unwrap();
        let rest =
            board(&format!("?day=2026-03-04&all=true&region=360729&limit=3&cursor={cursor}"));
        assert_eq!(
            (&rest["compliance"], rest["rows"].as_array().unwrap().len()),
            (&all["compliance"], 1)
        );
        let wrong = app.get("commander", "/stock-reports/board?day=2026-03-09&from=x&region=zz");
        assert_eq!(wrong.pointers(), ["/region", "/from", "/day"]);
        let csv = app
            .request("GET", "/api/v1/stock-reports/board?day=2026-03-02")
            .by("commander")
            .header("accept", "text/csv")
            .header("accept-language", "en")
            .send();
        assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
        let lines: Vec<&str> = csv.text.lines().collect();
        let heading = "store_code,region_code,kind,business_day,timeliness";
        assert!(lines[0].contains(heading), "{}", lines[0]);
        let town = "QN-TOWN,360729101,township,2026-03-02,on_time,";
        assert!(lines[1].starts_with(town), "{}", lines[1]);
        assert_eq!(lines.len(), 2);
    });
}

#[test]
fn a_silent_store_is_shown_and_its_stock_estimated_apart() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2027-06-30", 100);
        app.set_time(TUESDAY);
        send(app, body("2026-03-03", TUESDAY, &[("M02", 88)])).expect(201);
        app.set_time(WEDNESDAY);
        assert_eq!(
            app.get("commander", "/stock-reports/silent?store=QN-TOWN").expect(200)["rows"],
            json!([])
        );
        // Four days later: 12 were used on two observed days of seven, in all.
        app.set_time("2026-03-09T02:00:00Z");
        let board = app.get("commander", "/stock-reports/board").expect(200);
        assert_eq!(
            (&board["silent_stores"], &board["rows"][0]["silent"]),
            (&json!(1), &json!(true))
        );
        let rows =
            app.get("commander", "/stock-reports/silent?store=QN-TOWN").expect(200)["rows"].clone();
        assert_eq!(
            rows,
            json!([{"store_code": "QN-TOWN", "item_code": "M02", "last_heard_at": TUESDAY,
                "last_known": 88, "adc": "12/7", "estimated": 77}])
        );
        // No sum knows of the estimate.
        assert_eq!(on_hand(app), 88);
    });
}

/// A plan by which the township needs ten days of masks.
fn ten_days_of_cover(app: &TestApp) {
    let bases = json!([{"kind": "days_of_cover", "days": 10}]);
    in_force(app, json!([{"store_code": "QN-TOWN", "item_code": "M02", "bases": bases}]));
}

fn shortfall(app: &TestApp, query: &str) -> Value {
    let path = format!("/shortfalls?store=QN-TOWN&item=M02{query}");
    app.get("commander", &path).expect(200)["rows"][0].clone()
}

#[test]
fn a_township_that_only_reports_has_an_average_that_says_it_is_estimated() {
    TestApp::each(|app| {
        by_report(app);
        ten_days_of_cover(app);
        put(app, "QN-TOWN", "M02", "A", "2027-06-30", 200);
        app.set_time(EVENING);
        send(app, body("2026-03-02", EVENING, &[("M02", 188)])).expect(201);
        app.set_time(TUESDAY);
        send(app, body("2026-03-03", TUESDAY, &[("M02", 170)])).expect(201);
        app.set_time(WEDNESDAY);
        let row = shortfall(app, "");
        assert_eq!((&row["adc"], &row["adc_method"]), (&json!("15"), &json!("estimated")));
        assert_eq!((&row["target"], &row["available"]), (&json!(150), &json!(170)));
        assert_eq!(row["adc_through"], Value::Null);
        // An issue that is booked beside the reports makes it a mixed figure.
        let issue = json!({"store_code": "QN-TOWN", "purpose": "consumption", "occurred_at": TUESDAY,
            "lines": [{"item_code": "M02", "quantity": 4}]});
        app.post("keeper.town", "/issues", issue).expect(201);
        let row = shortfall(app, "");
        assert_eq!((&row["adc"], &row["adc_method"]), (&json!("17"), &json!("mixed")));
        let explained =
            app.get("commander", "/shortfalls/explain?store=QN-TOWN&item=M02").expect(200);
        let consumption = &explained["consumption"];
        assert_eq!((&consumption["used"], &consumption["estimated"]), (&json!(34), &json!(30)));
        // A correction is counted on the day of the report, not on that of its discovery.
        correct(app, body("2026-03-02", EVENING, &[("M02", 198)]));
        app.set_time("2026-03-05T01:00:00Z");
        let row = shortfall(app, &format!("&as_of={WEDNESDAY}"));
        assert_eq!(row["adc_method"], "mixed");
        is_clean(app);
    });
}

#[test]
fn a_daily_use_set_by_hand_beats_the_average_until_its_last_day() {
    TestApp::each(|app| {
        ten_days_of_cover(app);
        put(app, "QN-TOWN", "M02", "A", "2027-06-30", 200);
        app.set_time(EVENING);
        let issue = |quantity: i64| {
            let body = json!({"store_code": "QN-TOWN", "purpose": "consumption",
                "lines": [{"item_code": "M02", "quantity": quantity}]});
            app.post("keeper.town", "/issues", body).expect(201);
        };
        issue(10);
        app.set_time(TUESDAY);
        assert_eq!(shortfall(app, "")["adc"], "10");
        let set = json!({"store_code": "QN-TOWN", "item_code": "M02", "units": 61, "days": 2,
            "through_day": "2026-03-05", "reason": "新开发热门诊", "sample": "两日实际领用"});
        app.post("keeper.town", "/daily-uses", set.clone()).refused(403, "forbidden");
        app.post("foreign.commander", "/daily-uses", set.clone())
            .refused(403, "store_out_of_scope");
        let made = app.post("commander", "/daily-uses", set.clone()).expect(201);
        assert_eq!((&made["per_day"], &made["author"]), (&json!("61/2"), &json!("commander")));
        let path = format!("/daily-uses/{}", made["id"].as_str().unwrap());
        assert_eq!(app.get("keeper.town", &path).expect(200), made);
        let row = shortfall(app, "");
        assert_eq!((&row["adc"], &row["adc_method"]), (&json!("61/2"), &json!("manual")));
        assert_eq!((&row["target"], &row["adc_through"]), (&json!(305), &json!("2026-03-05")));
        let explained =
            app.get("commander", "/shortfalls/explain?store=QN-TOWN&item=M02").expect(200);
        let consumption = &explained["consumption"];
        assert_eq!((&consumption["computed"], &consumption["by_hand"]), (&json!("10"), &made));
        // Before it was set it did not hold, and it was not known either.
        assert_eq!(shortfall(app, &format!("&as_of={EVENING}"))["adc_method"], "unknown");
        app.set_time(WEDNESDAY);
        let then = shortfall(app, "&as_of=2026-03-03T09:59:59Z");
        assert_eq!((&then["adc"], &then["adc_method"]), (&json!("10"), &json!("issues")));
        let then = shortfall(app, &format!("&as_of={TUESDAY}"));
        assert_eq!(then["adc"], "61/2");
        // Another takes its place, also in what is known of today.
        let mut other = set.clone();
        other["units"] = json!(40);
        let second = app.post("commander", "/daily-uses", other).expect(201);
        assert_eq!(shortfall(app, "")["adc"], "20");
        let first = app.get("commander", &path).expect(200);
        assert_eq!((&first["ended_by"], &first["end_reason"]), (&json!("commander"), &Value::Null));
        let listed = |query: &str| {
            let path = format!("/daily-uses?store=QN-TOWN&item=M02{query}");
            let rows = app.get("commander", &path).expect(200)["rows"].clone();
            rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(listed(""), [second["id"].clone(), first["id"].clone()]);
        assert_eq!(listed("&in_force=true"), [second["id"].clone()]);
        // After its last day the ledger counts again: 10 on one of three days.
        app.set_time("2026-03-05T15:59:59Z");
        assert_eq!(shortfall(app, "")["adc_method"], "manual");
        app.set_time("2026-03-05T16:00:00Z");
        let row = shortfall(app, "");
        assert_eq!((&row["adc"], &row["adc_method"]), (&json!("5/2"), &json!("issues")));
        assert_eq!(listed("&in_force=true"), Vec::<Value>::new());
    });
}

#[test]
fn a_daily_use_is_ended_with_a_reason_and_its_faults_are_told_at_once() {
    TestApp::each(|app| {
        ten_days_of_cover(app);
        let wrong = json!({"store_code": "NOWHERE", "item_code": "X99", "units": -1, "days": 0,
            "through_day": "2026-03-01", "reason": ""});
        let pointers = app.post("commander", "/daily-uses", wrong).pointers();
        // A store that nobody knows lies in no scope.
        assert!(pointers.is_empty());
        let wrong = json!({"store_code": "QN-TOWN", "item_code": "X99", "units": -1, "days": 0,
            "through_day": "2026-03-01", "reason": ""});
        let pointers = app.post("commander", "/daily-uses", wrong).pointers();
        assert_eq!(pointers, ["/item_code", "/units", "/days", "/through_day", "/reason"]);
        // An item that the store never held has a use all the same.
        let set = json!({"store_code": "QN-TOWN", "item_code": "M02", "units": 3,
            "through_day": "2026-03-31", "reason": "新设点"});
        let made = app.post("commander", "/daily-uses", set).expect(201);
        assert_eq!(
            (&shortfall(app, "")["adc"], &shortfall(app, "")["target"]),
            (&json!("3"), &json!(30))
        );
        let path = format!("/daily-uses/{}/end", made["id"].as_str().unwrap());
        app.act("commander", &path, "\"v2\"", json!({"reason": "撤点"}))
            .refused(412, "stale_version");
        let blank = app.act("commander", &path, "\"v1\"", json!({"reason": " "}));
        assert_eq!(blank.pointers(), ["/reason"]);
        let ended = app.act("commander", &path, "\"v1\"", json!({"reason": "撤点"})).expect(200);
        assert_eq!(ended["end_reason"], "撤点");
        app.act("commander", &path, "*", json!({"reason": "撤点"})).refused(409, "wrong_status");
        assert_eq!(shortfall(app, "")["adc"], Value::Null);
    });
}

#[test]
fn figures_say_how_many_of_their_stores_were_heard_of() {
    TestApp::each(|app| {
        by_report(app);
        ten_days_of_cover(app);
        put(app, "QN-TOWN", "M02", "A", "2027-06-30", 100);
        app.set_time(TUESDAY);
        send(app, body("2026-03-03", TUESDAY, &[("M02", 88)])).expect(201);
        let freshness = |query: &str| {
            let path = format!("/shortfalls?totals=true&region=360729{query}");
            app.get("commander", &path).expect(200)["freshness"].clone()
        };
        let now = freshness("");
        assert_eq!(
            now,
            json!({"stores": 4, "heard": 1, "silent": 3, "never": 3, "oldest_report_at": TUESDAY})
        );
        // A nil report is a word, though nothing moved.
        app.set_time("2026-03-09T02:00:00Z");
        assert_eq!(freshness("")["heard"], 0);
        let row = shortfall(app, "&estimate=true");
        assert_eq!((&row["available"], &row["estimated_available"]), (&json!(88), &json!(77)));
        assert_eq!(shortfall(app, "")["estimated_available"], Value::Null);
        let totals = app.get("commander", "/shortfalls?totals=true&estimate=true").expect(200);
        let plain = app.get("commander", "/shortfalls?totals=true").expect(200);
        assert_eq!(totals["totals"], plain["totals"]);
        send(app, json!({"store_code": "QN-TOWN", "business_day": "2026-03-08", "nil": true}))
            .expect(201);
        assert_eq!(freshness("")["heard"], 1);
        let row = shortfall(app, "&estimate=true");
        assert_eq!(row["estimated_available"], Value::Null);
        assert_eq!(row["last_report_at"], "2026-03-08T15:59:59.999999Z");
        // What was told later was not known before.
        let then = freshness("&as_of=2026-03-09T01:00:00Z&as_known_at=2026-03-09T01:00:00Z");
        assert_eq!(then["heard"], 0);
    });
}

#[test]
fn the_board_as_a_workbook_reads_back_as_its_rows() {
    TestApp::each(|app| {
        by_report(app);
        put(app, "QN-TOWN", "M02", "A", "2027-06-30", 100);
        app.set_time(TUESDAY);
        send(app, body("2026-03-03", TUESDAY, &[("M02", 88)])).expect(201);
        let query = "?day=2026-03-03&all=true";
        let page = app.get("commander", &format!("/stock-reports/board{query}")).expect(200);
        let asking = app.request("GET", &format!("/api/v1/stock-reports/board{query}"));
        let asking = asking.by("commander").header("accept-language", "en");
        let told = records(&sheets(&asking.header("accept", XLSX).send())[0].1);
        let rows = page["rows"].as_array().unwrap();
        assert_eq!(told.len(), rows.len());
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        for (told, row) in told.iter().zip(rows) {
            let (day, compliance) = (&row["last_day"], &row["compliance"]);
            for (heading, told) in told {
                let value = match heading.as_str() {
                    "business_day" | "timeliness" | "nil" | "report_number" | "version" => {
                        &day[heading]
                    }
                    "due" | "on_time" | "late" | "missing" | "open" => &compliance[heading],
                    "nil_reports" => &compliance["nil"],
                    other => &row[other],
                };
                assert_eq!(*told, text(value), "{heading}");
            }
        }
        assert!(told.iter().any(|row| row["timeliness"] == "on_time" && row["silent"] == "false"));
    });
}

#[test]
fn every_county_figure_says_how_fresh_it_is() {
    TestApp::each(|app| {
        by_report(app);
        ten_days_of_cover(app);
        let pcr = json!({"code": "PCR", "name_zh": "核酸检测", "name_en": "PCR tests", "unit": "人份",
            "components": [{"name_zh": "试剂", "name_en": "kit", "item_codes": ["T01"], "uses": 1, "serves": 1}]});
        app.post("commander", "/capabilities", pcr).expect(201);
        put(app, "QN-TOWN", "M02", "A", "2027-06-30", 100);
        let heard = json!({"stores": 4, "heard": 1, "silent": 3, "never": 3,
            "oldest_report_at": "2026-03-02T02:00:00Z"});
        for path in [
            "/shortfalls?totals=true",
            "/shortfalls/totals?by=region",
            "/response-level/preview?level=II&totals=true",
            "/stock?group_by=item",
            "/stock/summary?group_by=region",
            "/capabilities/PCR/figure",
            "/projections?totals=true",
        ] {
            let page = app.get("commander", path).expect(200);
            assert_eq!(page["freshness"], heard, "{path}");
        }
        // A page without totals speaks of its own stores, and rows of one store need no such word.
        let page = app.get("commander", "/shortfalls?store=QN-TOWN").expect(200);
        assert_eq!(
            (&page["freshness"]["stores"], &page["freshness"]["heard"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(app.get("commander", "/stock").expect(200)["freshness"], Value::Null);
        let csv = app.request("GET", "/api/v1/stock/summary").by("commander");
        let csv = csv.header("accept", "text/csv").header("accept-language", "en").send().text;
        assert!(
            csv.lines().next().unwrap().ends_with("stores,stores_heard,oldest_report_at"),
            "{csv}"
        );
        assert!(csv.lines().nth(1).unwrap().ends_with(",4,1,2026-03-02T02:00:00Z"), "{csv}");
    });
}
