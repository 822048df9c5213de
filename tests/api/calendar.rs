//! Days are those of the county's zone, at the ends of months and years and on leap days as well.

use crate::support::TestApp;
use crate::support::stock::put;
use changbei::db::DbError;
use changbei::db::schema::stock_movement;
use chrono::NaiveDate;
use diesel::prelude::*;
use serde_json::{Value, json};

/// The last day of use, the last microsecond of that day in the county, and the first of the next.
const LAST_DAYS: [(&str, &str, &str); 8] = [
    ("2026-04-30", "2026-04-30T15:59:59.999999Z", "2026-04-30T16:00:00Z"),
    ("2026-12-31", "2026-12-31T15:59:59.999999Z", "2026-12-31T16:00:00Z"),
    ("2027-01-01", "2027-01-01T15:59:59.999999Z", "2027-01-01T16:00:00Z"),
    ("2027-02-28", "2027-02-28T15:59:59.999999Z", "2027-02-28T16:00:00Z"),
    ("2028-02-28", "2028-02-28T15:59:59.999999Z", "2028-02-28T16:00:00Z"),
    ("2028-02-29", "2028-02-29T15:59:59.999999Z", "2028-02-29T16:00:00Z"),
    ("2028-03-01", "2028-03-01T15:59:59.999999Z", "2028-03-01T16:00:00Z"),
    ("2100-02-28", "2100-02-28T15:59:59.999999Z", "2100-02-28T16:00:00Z"),
];

/// The business day of what was recorded last.
fn newest_day(app: &TestApp) -> String {
    app.app
        .read(|conn| {
            let days = stock_movement::table.select(stock_movement::business_day);
            let day: NaiveDate = days.order(stock_movement::recorded_at.desc()).first(conn)?;
            Ok::<_, DbError>(day.to_string())
        })
        .unwrap()
}

fn one_mask_of(app: &TestApp, lot: &str) -> crate::support::Answer {
    let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
                      "lines": [{"item_code": "M02", "quantity": 1, "lot_id": lot}]});
    app.post("keeper.depot", "/issues", body)
}

#[test]
fn a_lot_may_be_used_through_its_last_day_in_the_county_and_not_a_microsecond_longer() {
    TestApp::each(|app| {
        for (day, last, too_late) in LAST_DAYS {
            let lot = put(app, "QN-DEPOT", "M02", day, day, 10);
            let blocked = || {
                let page = app.get("keeper.depot", "/stock?store=QN-DEPOT&item=M02").expect(200);
                let rows = page["rows"].as_array().unwrap().clone();
                let row = rows.into_iter().find(|row| row["lot_id"] == *lot).unwrap();
                (row["blocked_because"].clone(), row["available"].clone())
            };
            app.set_time(last);
            one_mask_of(app, &lot).expect(201);
            assert_eq!(newest_day(app), day);
            assert_eq!(blocked(), (Value::Null, json!(9)), "{day}");
            app.set_time(too_late);
            let problem = one_mask_of(app, &lot).refused(409, "lot_blocked");
            assert!(problem.to_string().contains("expired"), "{problem}");
            assert_eq!(blocked(), (json!("expired"), json!(0)), "{day}");
        }
    });
}

#[test]
fn what_happens_around_midnight_belongs_to_its_day_month_and_year() {
    TestApp::each(|app| {
        let receive = |quantity: i64| {
            let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"},
                "lines": [{"item_code": "M02", "lot_number": "L", "expires_on": "2031-01-01",
                           "quantity": quantity}]});
            app.post("keeper.depot", "/receipts", body).expect(201)
        };
        let month = |from: &str, to: &str| {
            let path = format!("/stock/summary?store=QN-DEPOT&item=M02&from={from}&to={to}");
            let summary = app.get("auditor", &path).expect(200);
            let row = &summary["rows"][0];
            ["opening", "total_in", "closing"].map(|name| row[name]["quantity"].as_i64().unwrap())
        };
        let mut before = 0;
        for (last_day, last, first_day, first, ends) in [
            (
                "2026-04-30",
                "2026-04-30T15:59:59.999999Z",
                "2026-05-01",
                "2026-04-30T16:00:00Z",
                [("2026-04-01", "2026-04-30"), ("2026-05-01", "2026-05-31")],
            ),
            (
                "2026-12-31",
                "2026-12-31T15:59:59.999999Z",
                "2027-01-01",
                "2026-12-31T16:00:00Z",
                [("2026-12-01", "2026-12-31"), ("2027-01-01", "2027-01-31")],
            ),
            (
                "2027-02-28",
                "2027-02-28T15:59:59.999999Z",
                "2027-03-01",
                "2027-02-28T16:00:00Z",
                [("2027-02-01", "2027-02-28"), ("2027-03-01", "2027-03-31")],
            ),
            (
                "2028-02-29",
                "2028-02-29T15:59:59.999999Z",
                "2028-03-01",
                "2028-02-29T16:00:00Z",
                [("2028-02-01", "2028-02-29"), ("2028-03-01", "2028-03-31")],
            ),
        ] {
            app.set_time(last);
            for (at, day, units) in [(last, last_day, 3), (first, first_day, 5)] {
                app.set_time(at);
                let receipt = receive(units);
                assert_eq!(newest_day(app), day);
                // A document's number is of the year in the county.
                let number = receipt["number"].as_str().unwrap();
                assert!(number.starts_with(&format!("RK-QN-DEPOT-{}-", &day[..4])), "{number}");
            }
            app.set_time(&format!("{first_day}T12:00:00Z"));
            let [(from, to), (next_from, _)] = ends;
            assert_eq!(month(from, to), [before, 3, before + 3], "{from} to {to}");
            assert_eq!(month(next_from, first_day), [before + 3, 5, before + 8], "{next_from}");
            let at = |instant: &str| {
                let path = format!("/stock?store=QN-DEPOT&item=M02&as_of={instant}");
                app.get("auditor", &path).expect(200)["rows"][0]["on_hand"].as_i64().unwrap()
            };
            assert_eq!((at(last), at(first)), (before + 3, before + 8));
            before += 8;
        }
        assert!(app.app.read(changbei::stock::verify::verify).unwrap().is_clean());
    });
}

/// The zone of the machine plays no part, and neither does a day that is still yesterday in UTC.
#[test]
fn a_period_closes_with_the_county_s_day() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M02", "L", "2031-01-01", 100);
        app.set_time("2028-02-29T15:59:59Z");
        let close = || {
            let body = json!({"store_code": "QN-DEPOT", "through_day": "2028-02-29"});
            app.post("commander", "/periods/close", body)
        };
        assert_eq!(close().status, 422, "the day is not over in the county");
        app.set_time("2028-02-29T16:00:00Z");
        close().expect(201);
        let receive = |at: &str| {
            let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"},
                "occurred_at": at,
                "lines": [{"item_code": "M02", "lot_number": "L2", "expires_on": "2031-01-01",
                           "quantity": 1}]});
            app.post("keeper.depot", "/receipts", body)
        };
        app.set_time("2028-02-29T18:00:00Z");
        receive("2028-02-29T15:59:59.999999Z").refused(409, "period_closed");
        receive("2028-02-29T16:00:00Z").expect(201);
    });
}
