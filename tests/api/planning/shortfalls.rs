//! What stores lack, from real postings.

use super::{declare, fixed, in_force};
use crate::support::TestApp;
use changbei::command::CommandError;
use changbei::db::schema::transit_balance;
use changbei::kernel::id::{DispatchId, LotId, MovementId, ShipmentId, StockDocumentId};
use changbei::kernel::{Instant, ItemCode, Quantity, StoreCode};
use changbei::stock::account::{Account, Outside, StockState};
use changbei::stock::movement::{MovementKind, NewMovement};
use changbei::stock::records::{self, Numbering, Posting};
use diesel::prelude::*;
use serde_json::{Value, json};

/// Receives a lot; gives its id.
fn receive(app: &TestApp, user: &str, item: &str, lot: &str, units: i64, day: &str) -> String {
    let body = receipt(item, lot, units, day, json!("2027-06-30"));
    posted(app, user, body)
}

fn receipt(item: &str, lot: &str, units: i64, day: &str, expires_on: Value) -> Value {
    json!({"occurred_at": format!("{day}T09:00:00+08:00"),
        "source": {"kind": "supplier", "name": "江西某医疗器械公司"},
        "lines": [{"item_code": item, "lot_number": lot, "maker": "某厂", "expires_on": expires_on,
            "quantity": units, "unit_cost": "1.50"}]})
}

fn posted(app: &TestApp, user: &str, mut body: Value) -> String {
    body["store_code"] = json!(store_of(user));
    let receipt = app.post(user, "/receipts", body).expect(201);
    receipt["lines"][0]["lot_id"].as_str().expect("a lot").to_owned()
}

/// Takes stock of a lot out of the hospital, as a posted document does; gives the movement.
fn take(app: &TestApp, lot: &str, units: i64, to: Outside, day: &str) -> MovementId {
    let store = StoreCode::new("QN-HOSP").unwrap();
    let from = Account::Store(store, StockState::Available);
    post(app, lot, units, from, Account::Outside(to), day, None)
}

/// Takes a movement to consumption back at the time of the service's clock.
fn take_back(app: &TestApp, lot: &str, units: i64, reverses: MovementId) {
    let store = StoreCode::new("QN-HOSP").unwrap();
    let to = Account::Store(store, StockState::Available);
    let from = Account::Outside(Outside::Consumption);
    post(app, lot, units, from, to, "2026-03-02", Some(reverses));
}

fn post(
    app: &TestApp,
    lot: &str,
    units: i64,
    from: Account,
    to: Account,
    day: &str,
    reverses: Option<MovementId>,
) -> MovementId {
    let line = NewMovement {
        kind: if reverses.is_some() { MovementKind::Reversal } else { MovementKind::Issue },
        store_code: StoreCode::new("QN-HOSP").unwrap(),
        item_code: ItemCode::new("M03").unwrap(),
        lot_id: LotId::try_from(lot.to_owned()).unwrap(),
        quantity: Quantity::new(units).unwrap(),
        from,
        to,
        shipment_id: None,
        line_no: 1,
        reason_code: None,
        note: None,
        reverses,
    };
    let posting = Posting {
        document_kind: "issue".to_owned(),
        document_id: StockDocumentId::generate().to_string(),
        numbering: Numbering::Given("CK-TEST".to_owned()),
        occurred_at: Instant::parse(&format!("{day}T10:00:00+08:00")).unwrap(),
        slip_number: None,
        after_the_fact: false,
        actor: "keeper.hospital".to_owned(),
        bound: None,
        lines: vec![line],
    };
    let (zone, now) = (app.app.settings.zone, app.app.clock.now());
    let posted = app
        .app
        .db
        .write::<_, CommandError>(move |conn| records::post(conn, zone, now, posting.clone()))
        .unwrap();
    posted.movements[0].id.clone()
}

fn store_of(user: &str) -> &'static str {
    match user {
        "keeper.hospital" => "QN-HOSP",
        "keeper.town" => "QN-TOWN",
        "keeper.cdc" => "QN-CDC",
        _ => "QN-DEPOT",
    }
}

fn rows(app: &TestApp, query: &str) -> Vec<Value> {
    let page = app.get("commander", &format!("/shortfalls{query}")).expect(200);
    page["rows"].as_array().unwrap().clone()
}

fn row(app: &TestApp, store: &str, item: &str) -> Value {
    let rows = rows(app, &format!("?store={store}&item={item}"));
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

/// Puts goods on the way to the hospital, as shipping a dispatch does.
fn on_the_way(app: &TestApp, lot: &str, item: &str, units: i64, expected_at: &str) {
    let (lot, item) = (lot.to_owned(), item.to_owned());
    let at = Instant::parse(expected_at).unwrap();
    app.app
        .db
        .write::<_, changbei::db::DbError>(move |conn| {
            diesel::insert_into(transit_balance::table)
                .values((
                    transit_balance::dispatch_id.eq(DispatchId::generate()),
                    transit_balance::shipment_id.eq(ShipmentId::generate()),
                    transit_balance::lot_id.eq(&lot),
                    transit_balance::item_code.eq(&item),
                    transit_balance::from_store.eq("QN-DEPOT"),
                    transit_balance::to_store.eq("QN-HOSP"),
                    transit_balance::expected_at.eq(at),
                    transit_balance::on_hand.eq(units),
                ))
                .execute(conn)?;
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_shortfall_names_its_plan_and_its_exact_figures() {
    TestApp::each(|app| {
        let mut line = fixed("QN-HOSP", "M03", 1121);
        line["floor"] = json!(400);
        line["ceiling"] = json!(3000);
        let plan = in_force(app, json!([line]));
        receive(app, "keeper.hospital", "M03", "A1", 310, "2026-02-20");
        let page = app.get("keeper.hospital", "/shortfalls").expect(200);
        assert_eq!(
            page["plan"],
            json!({"id": plan["id"], "name": plan["name"], "number": "RP-QN", "version": 1})
        );
        assert_eq!(
            (&page["level"], &page["as_of"]),
            (&json!("normal"), &json!("2026-03-02T02:00:00Z"))
        );
        let row = &page["rows"][0];
        for (field, value) in [
            ("target", json!(1121)),
            ("floor", json!(400)),
            ("ceiling", json!(3000)),
            ("available", json!(310)),
            ("in_transit_in", json!(0)),
            ("on_hand_shortfall", json!(811)),
            ("net_shortfall", json!(811)),
            ("surplus", json!(0)),
            ("coverage", json!("310/1121")),
            ("coverage_percent", json!(27)),
            ("adc", json!("0")),
            ("days_of_cover", json!(null)),
            ("stockout_on", json!(null)),
            ("cost", json!("1216.50")),
            ("status", json!("below_floor")),
            ("last_report_at", json!("2026-02-20T01:00:00Z")),
        ] {
            assert_eq!(row[field], value, "{field}");
        }
        assert_eq!(row["reasons"], json!(["stale_figures"]));
        assert_eq!(page["totals"], json!(null));
    });
}

#[test]
fn days_of_cover_rest_on_what_the_ledger_says_was_used() {
    TestApp::each(|app| {
        let bases =
            json!([{"kind": "days_of_cover", "days": 30}, {"kind": "fixed", "quantity": 100}]);
        in_force(app, json!([{"store_kind": "hospital", "item_code": "M03", "bases": bases}]));
        let lot = receive(app, "keeper.hospital", "M03", "A1", 5000, "2025-12-15");
        take(app, &lot, 1000, Outside::Consumption, "2026-01-10");
        take(app, &lot, 830, Outside::Consumption, "2026-03-01");
        let found = row(app, "QN-HOSP", "M03");
        assert_eq!((&found["adc"], &found["target"]), (&json!("61/2"), &json!(915)));
        assert_eq!((&found["available"], &found["surplus"]), (&json!(3170), &json!(2255)));
        assert_eq!(found["days_of_cover"], "6340/61");
        // 3170 / 30.5 = 103.9 days from 2 March.
        assert_eq!(
            (&found["stockout_on"], &found["status"]),
            (&json!("2026-06-13"), &json!("met"))
        );

        // A drill and aid are no consumption; what is used today waits for tomorrow.
        take(app, &lot, 100, Outside::Drill, "2026-03-01");
        take(app, &lot, 100, Outside::AidOut, "2026-03-01");
        take(app, &lot, 600, Outside::Consumption, "2026-03-02");
        assert_eq!(row(app, "QN-HOSP", "M03")["adc"], "61/2");
        app.set_time("2026-03-03T02:00:00Z");
        // 830 + 600 + 1000 over the sixty days before 3 March.
        assert_eq!(row(app, "QN-HOSP", "M03")["adc"], "81/2");
    });
}

#[test]
fn an_unknown_consumption_is_not_computable_and_never_covered() {
    TestApp::each(|app| {
        let days = json!([{"kind": "days_of_cover", "days": 30}]);
        in_force(
            app,
            json!([
                {"store_code": "QN-TOWN", "item_code": "M03", "bases": days},
                fixed("QN-HOSP", "M03", 100),
                fixed("QN-CDC", "M03", 100),
            ]),
        );
        receive(app, "keeper.hospital", "M03", "A1", 500, "2026-03-01");
        receive(app, "keeper.cdc", "M03", "A1", 50, "2026-03-01");
        let page = app.get("commander", "/shortfalls?totals=true&limit=1").expect(200);
        assert_eq!(
            page["totals"],
            json!({"lines": 3, "met": 1, "met_rate": "1/3", "weighted_coverage": "3/4",
                "by_status": {"not_computable": 1, "out": 0, "below_floor": 0, "short": 1, "met": 1},
                "worst": {"store_code": "QN-CDC", "item_code": "M03"}, "worst_coverage": "1/2",
                "cost": "75.00", "without_price": 0, "stale_lines": 1,
                "stale_stores": ["QN-TOWN"]})
        );
        let unknown = row(app, "QN-TOWN", "M03");
        assert_eq!(unknown["status"], "not_computable");
        for field in ["target", "on_hand_shortfall", "net_shortfall", "surplus", "coverage", "adc"]
        {
            assert_eq!(unknown[field], json!(null), "{field}");
        }
        assert_eq!(unknown["reasons"], json!(["consumption_unknown", "stale_figures"]));
        let explained =
            app.get("commander", "/shortfalls/explain?store=QN-TOWN&item=M03").expect(200);
        assert_eq!(explained["worked"], "ceil(? × 30 × 100 / 100) = ?");
        assert_eq!(explained["not_computable"]["zh"], "缺少消耗数据");
    });
}

#[test]
fn stock_that_must_not_be_used_covers_nothing() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M03", 100)]));
        receive(app, "keeper.hospital", "M03", "GOOD", 40, "2026-02-28");
        let expired = receipt("M03", "OLD", 30, "2026-02-20", json!("2026-03-01"));
        posted(app, "keeper.hospital", expired);
        let last_day = receipt("M03", "TODAY", 5, "2026-02-21", json!("2026-03-02"));
        posted(app, "keeper.hospital", last_day);
        let mut waiting = receipt("M03", "WAIT", 20, "2026-02-22", json!("2027-01-01"));
        waiting["lines"][0]["state"] = json!("pending_inspection");
        posted(app, "keeper.hospital", waiting);

        let found = row(app, "QN-HOSP", "M03");
        assert_eq!(
            (&found["on_hand"], &found["blocked"], &found["available"]),
            (&json!(95), &json!(50), &json!(45))
        );
        assert_eq!(found["on_hand_shortfall"], 55);
        assert_eq!(found["reasons"], json!(["blocked_stock"]));

        let explained =
            app.get("keeper.hospital", "/shortfalls/explain?store=QN-HOSP&item=M03").expect(200);
        let lots = |list: &str, field: &str| -> Vec<(String, Value)> {
            let lots = explained[list].as_array().unwrap();
            lots.iter()
                .map(|lot| (lot["lot_number"].as_str().unwrap().to_owned(), lot[field].clone()))
                .collect()
        };
        assert_eq!(
            lots("lots_counted", "quantity"),
            [("TODAY".to_owned(), json!(5)), ("GOOD".to_owned(), json!(40))]
        );
        assert_eq!(
            lots("lots_left_out", "reason"),
            [
                ("OLD".to_owned(), json!("expired")),
                ("WAIT".to_owned(), json!("pending_inspection"))
            ]
        );
        assert_eq!(explained["worked"], "ceil(100 × 100 / 100) = 100");
        assert_eq!(explained["result"], found);
    });
}

#[test]
fn goods_on_the_way_count_when_they_arrive_in_time_and_in_date() {
    TestApp::each(|app| {
        in_force(app, json!([fixed("QN-HOSP", "M03", 1121)]));
        receive(app, "keeper.hospital", "M03", "A1", 310, "2026-03-01");
        let lot = receive(app, "keeper.depot", "M03", "B1", 1000, "2026-03-01");
        let short_lived = receipt("M03", "B2", 100, "2026-03-01", json!("2026-03-04"));
        let short_lived = posted(app, "keeper.depot", short_lived);
        on_the_way(app, &lot, "M03", 200, "2026-03-09T15:59:59Z");
        on_the_way(app, &lot, "M03", 300, "2026-03-09T16:00:00Z");
        on_the_way(app, &short_lived, "M03", 60, "2026-03-05T02:00:00Z");

        let found = row(app, "QN-HOSP", "M03");
        assert_eq!((&found["in_transit_in"], &found["arriving"]), (&json!(560), &json!(200)));
        assert_eq!(
            (&found["on_hand_shortfall"], &found["net_shortfall"]),
            (&json!(811), &json!(611))
        );
        assert_eq!(found["reasons"], json!(["transit_not_counted"]));
        let longer = &rows(app, "?store=QN-HOSP&horizon_days=8")[0];
        assert_eq!(longer["net_shortfall"], 311);
        let explained =
            app.get("commander", "/shortfalls/explain?store=QN-HOSP&item=M03").expect(200);
        let verdicts: Vec<&Value> = explained["in_transit"]
            .as_array()
            .unwrap()
            .iter()
            .map(|goods| &goods["verdict"])
            .collect();
        assert_eq!(verdicts, ["expired_on_arrival", "counted", "too_late"]);
        assert_eq!(explained["horizon_end"], "2026-03-09");
    });
}

#[test]
fn a_graver_level_raises_the_target_from_the_nearest_region_down() {
    TestApp::each(|app| {
        let everywhere = json!({"region_code": "360729", "item_code": "M03",
            "bases": [{"kind": "fixed", "quantity": 1121}],
            "level_percent": {"III": 130, "I": 200}, "floor": 100, "floor_percent": {"I": 150}});
        let town = fixed("QN-TOWN", "M03", 7);
        in_force(app, json!([everywhere, town]));
        declare(app, "360729", "III");
        assert_eq!(row(app, "QN-HOSP", "M03")["target"], 1458);
        declare(app, "360729", "I");
        let found = row(app, "QN-HOSP", "M03");
        assert_eq!(
            (&found["target"], &found["floor"], &found["level"]),
            (&json!(2242), &json!(150), &json!("I"))
        );
        // The store's own line wins, and the town has a level of its own.
        declare(app, "360729101", "normal");
        let town = row(app, "QN-TOWN", "M03");
        assert_eq!((&town["target"], &town["level"]), (&json!(7), &json!("normal")));
        let page = app.get("auditor", "/shortfalls").expect(200);
        assert_eq!(page["level"], "I");
        let explained =
            app.get("auditor", "/shortfalls/explain?store=QN-HOSP&item=M03").expect(200);
        assert_eq!(explained["level_from_region"], "360729");
        assert_eq!(explained["worked"], "max(ceil(1121 × 200 / 100), 150) = 2242");
        assert_eq!(explained["target"]["at_level"], "2242");
    });
}

#[test]
fn everybody_sees_the_own_stores_only() {
    TestApp::each(|app| {
        let lines = ["hospital", "cdc", "township", "county_reserve"].map(|kind| {
            json!({"store_kind": kind, "item_code": "M03", "bases": [{"kind": "fixed", "quantity": 9}]})
        });
        in_force(app, json!(lines));
        let stores = |user: &str| -> Vec<String> {
            let page = app.get(user, "/shortfalls?totals=true").expect(200);
            let rows = page["rows"].as_array().unwrap();
            assert_eq!(page["totals"]["lines"], rows.len());
            rows.iter().map(|row| row["store_code"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(stores("keeper.town"), ["QN-TOWN"]);
        assert_eq!(stores("commander"), ["QN-CDC", "QN-DEPOT", "QN-HOSP", "QN-TOWN"]);
        // The plan is one county's; the neighbour has none in force.
        assert!(stores("foreign.commander").is_empty());
        assert_eq!(stores("auditor").len(), 4);
        assert!(stores("keeper.nowhere").is_empty());
        let foreign = "/shortfalls/explain?store=QN-HOSP&item=M03";
        app.get("keeper.town", foreign).refused(404, "not_found");
        app.get("buyer.hospital", foreign).expect(200);
        app.get("auditor", "/shortfalls/explain?store=QN-HOSP&item=D03").refused(404, "not_found");
    });
}

#[test]
fn shortfalls_filter_and_page_without_losing_or_repeating_a_line() {
    TestApp::each(|app| {
        let line = |kind: &str, item: &str| json!({"store_kind": kind, "item_code": item, "bases": [{"kind": "fixed", "quantity": 10}]});
        let lines: Vec<Value> = ["hospital", "cdc", "township", "county_reserve"]
            .iter()
            .flat_map(|kind| ["D03", "M02", "M03"].map(|item| line(kind, item)))
            .collect();
        in_force(app, json!(lines));
        receive(app, "keeper.cdc", "M02", "A1", 10, "2026-03-01");
        let all = rows(app, "");
        assert_eq!(all.len(), 12);
        for extra in ["", "&totals=true"] {
            let mut seen = Vec::new();
            let mut cursor = String::new();
            loop {
                let path = format!("/shortfalls?limit=5{extra}{cursor}");
                let page = app.get("commander", &path).expect(200);
                if !extra.is_empty() {
                    assert_eq!(page["totals"]["lines"], 12);
                }
                seen.extend(page["rows"].as_array().unwrap().iter().cloned());
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, all);
        }
        assert_eq!(rows(app, "?category=disinfectant").len(), 4);
        assert_eq!(rows(app, "?kind=hospital&item=M03").len(), 1);
        assert_eq!(rows(app, "?region=360729101").len(), 3);
        assert_eq!(rows(app, "?status=met").len(), 1);
        assert_eq!(rows(app, "?status=out&limit=1000").len(), 11);
        let wrong =
            app.get("commander", "/shortfalls?status=poor&category=toys&horizon_days=-1&cursor=zz");
        assert_eq!(wrong.pointers(), ["/cursor", "/category", "/status", "/horizon_days"]);
        app.get("commander", "/shortfalls?colour=red").refused(400, "malformed_query");
    });
}

#[test]
fn without_a_plan_in_force_there_is_nothing_to_lack() {
    TestApp::each(|app| {
        let page = app.get("commander", "/shortfalls?totals=true").expect(200);
        assert_eq!((&page["plan"], &page["rows"]), (&json!(null), &json!([])));
        assert_eq!(page["totals"]["met_rate"], json!(null));
        app.get("commander", "/shortfalls/explain?store=QN-HOSP&item=M03")
            .refused(404, "not_found");
    });
}

#[test]
fn a_correction_of_yesterday_changes_the_average_at_once() {
    TestApp::each(|app| {
        let days = json!([{"kind": "days_of_cover", "days": 10}]);
        in_force(app, json!([{"store_code": "QN-HOSP", "item_code": "M03", "bases": days}]));
        let lot = receive(app, "keeper.hospital", "M03", "A1", 5000, "2025-12-15");
        let first = take(app, &lot, 600, Outside::Consumption, "2026-02-20");
        let adc = || {
            let rows = rows(app, "");
            rows[0]["adc"].clone()
        };
        assert_eq!(adc(), "10");
        take(app, &lot, 300, Outside::Consumption, "2026-03-01");
        assert_eq!(adc(), "15");
        // A reversal takes the use back from the day on which it was wrong.
        take_back(app, &lot, 600, first);
        assert_eq!(adc(), "5");
        let one = row(app, "QN-HOSP", "M03");
        assert_eq!(one["adc"], "5");
    });
}
