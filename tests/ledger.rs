//! Laws of the ledger over random commands, and proof against tampering.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm,
    reason = "a test that stumbles says so with its line number"
)]

mod support;

use changbei::stock::verify::{Report, verify};
use diesel::connection::SimpleConnection;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use support::{TestApp, databases};

/// One random command at the depot.
#[derive(Debug, Clone)]
enum Step {
    Receive { lot: u8, units: i64 },
    Issue { units: i64 },
    Adjust { lot: u8, change: i64 },
    Hold { lot: u8, units: i64 },
    WriteOff { lot: u8, units: i64 },
    Reverse { nth: usize, units: Option<i64> },
}

fn step() -> impl Strategy<Value = Step> {
    let lot = 0_u8..4;
    prop_oneof![
        3 => (lot.clone(), 1_i64..50).prop_map(|(lot, units)| Step::Receive { lot, units }),
        3 => (1_i64..40).prop_map(|units| Step::Issue { units }),
        1 => (lot.clone(), -20_i64..20).prop_map(|(lot, change)| Step::Adjust { lot, change }),
        1 => (lot.clone(), 1_i64..30).prop_map(|(lot, units)| Step::Hold { lot, units }),
        1 => (lot, 1_i64..30).prop_map(|(lot, units)| Step::WriteOff { lot, units }),
        2 => (0_usize..30, proptest::option::of(1_i64..30)).prop_map(|(nth, units)| Step::Reverse { nth, units }),
    ]
}

/// What the depot should hold: by lot, available and held.
#[derive(Debug, Default)]
struct Model {
    available: [i64; 4],
    held: [i64; 4],
}

impl Model {
    fn total(&self) -> i64 {
        self.available.iter().chain(&self.held).sum()
    }
}

/// The lots by their expiry: lot 0 expires first.
fn line(lot: u8, units: i64) -> Value {
    json!({"item_code": "M02", "lot_number": format!("L{lot}"), "expires_on": format!("2027-0{}-01", lot + 1), "quantity": units})
}

fn report(app: &TestApp) -> Report {
    app.app.read(verify).unwrap()
}

#[test]
fn after_any_commands_the_book_agrees_with_a_model_and_with_itself() {
    for database in databases() {
        let app = TestApp::on(database);
        let mut runner =
            TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&proptest::collection::vec(step(), 1..25), |steps| {
            run_steps(&app, &steps);
            Ok(())
        });
        outcome.unwrap();
        let report = report(&app);
        assert!(report.is_clean(), "{:?}", report.differences);
        assert!(report.movements > 100);
    }
}

/// Runs the commands and a model side by side, then empties the depot through its own commands.
fn run_steps(app: &TestApp, steps: &[Step]) {
    let mut model = Model::default();
    let mut ids: [Option<String>; 4] = Default::default();
    let mut issues: Vec<(String, usize, i64)> = Vec::new();
    for step in steps {
        match step {
            Step::Receive { lot, units } => {
                let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"}, "lines": [line(*lot, *units)]});
                let receipt = app.post("keeper.depot", "/receipts", body).expect(201);
                let at = usize::from(*lot);
                ids[at] = Some(receipt["lines"][0]["lot_id"].as_str().unwrap().to_owned());
                model.available[at] += units;
            }
            Step::Issue { units } => {
                let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption", "lines": [{"item_code": "M02", "quantity": units}]});
                let answer = app.post("keeper.depot", "/issues", body);
                let free: i64 = model.available.iter().sum();
                if *units > free {
                    assert_eq!(answer.refused(409, "insufficient_stock")["available"], free);
                    continue;
                }
                let issued = answer.expect(201);
                let mut left = *units;
                let mut expected = Vec::new();
                for (at, stock) in model.available.iter_mut().enumerate() {
                    let taken = left.min(*stock);
                    *stock -= taken;
                    left -= taken;
                    if taken > 0 {
                        expected.push((at, taken));
                    }
                }
                let movements = issued["movements"].as_array().unwrap();
                assert_eq!(movements.len(), expected.len(), "first expired, first out");
                for (movement, (at, taken)) in movements.iter().zip(expected) {
                    assert_eq!(
                        (&movement["quantity"], movement["lot_id"].as_str()),
                        (&json!(taken), ids[at].as_deref())
                    );
                    issues.push((movement["id"].as_str().unwrap().to_owned(), at, taken));
                }
            }
            Step::Adjust { lot, change } => {
                let at = usize::from(*lot);
                let Some(id) = &ids[at] else { continue };
                let body = json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": id, "quantity_change": change, "reason_code": "miscounted"}]});
                let answer = app.post("keeper.depot", "/adjustments", body);
                match *change {
                    0 => drop(answer.refused(422, "validation_failed")),
                    change if model.available[at] + change < 0 => {
                        drop(answer.refused(409, "insufficient_stock"))
                    }
                    change => {
                        answer.expect(201);
                        model.available[at] += change;
                    }
                }
            }
            Step::Hold { lot, units } => {
                let at = usize::from(*lot);
                let Some(id) = &ids[at] else { continue };
                let body = json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": id, "from_state": "available", "to_state": "held", "quantity": units, "reason_code": "quality"}]});
                let answer = app.post("keeper.depot", "/state-changes", body);
                if *units > model.available[at] {
                    answer.refused(409, "insufficient_stock");
                } else {
                    answer.expect(201);
                    model.available[at] -= units;
                    model.held[at] += units;
                }
            }
            Step::WriteOff { lot, units } => {
                let at = usize::from(*lot);
                let Some(id) = &ids[at] else { continue };
                let body = json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": id, "state": "held", "quantity": units, "reason_code": "damaged"}]});
                let answer = app.post("keeper.depot", "/write-offs", body);
                if *units > model.held[at] {
                    answer.refused(409, "insufficient_stock");
                } else {
                    answer.expect(201);
                    model.held[at] -= units;
                }
            }
            Step::Reverse { nth, units } => {
                let Some((id, at, left)) = issues.get_mut(*nth) else { continue };
                let path = format!("/movements/{id}/reversals");
                let answer = app.post(
                    "keeper.depot",
                    &path,
                    json!({"quantity": units, "reason_code": "entered_twice"}),
                );
                let taken = units.unwrap_or(*left);
                if taken == 0 || taken > *left {
                    answer.refused(409, "already_reversed");
                } else {
                    answer.expect(201);
                    *left -= taken;
                    model.available[*at] += taken;
                }
            }
        }
        let stock =
            app.get("keeper.depot", "/stock?store=QN-DEPOT&item=M02&group_by=store").expect(200);
        let row = &stock["rows"][0];
        assert_eq!(row["on_hand"].as_i64().unwrap_or(0), model.total());
        assert_eq!(row["available"].as_i64().unwrap_or(0), model.available.iter().sum::<i64>());
    }
    for (at, id) in ids.iter().enumerate() {
        let Some(id) = id else { continue };
        for (state, units) in [("available", model.available[at]), ("held", model.held[at])] {
            if units > 0 {
                let body = json!({"store_code": "QN-DEPOT", "lines": [{"lot_id": id, "state": state, "quantity_change": -units, "reason_code": "other"}]});
                app.post("keeper.depot", "/adjustments", body).expect(201);
            }
        }
    }
}

/// Damage done behind the service's back, past the triggers that refuse it.
fn tampered(name: &str, sqlite: &str, postgres: &str) -> Vec<String> {
    let mut found = Vec::new();
    for database in databases() {
        let is_sqlite = database.name == "SQLite";
        let url = database.url.clone();
        let app = TestApp::on(database);
        for (lot, units) in [(0, 10), (1, 20), (2, 30)] {
            let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"}, "lines": [line(lot, units)]});
            app.post("keeper.depot", "/receipts", body).expect(201);
        }
        assert!(report(&app).is_clean());
        use diesel::Connection;
        if is_sqlite {
            let mut conn = diesel::SqliteConnection::establish(&url).unwrap();
            let triggers = "DROP TRIGGER stock_movement_no_update; DROP TRIGGER stock_movement_no_delete; \
                            DROP TRIGGER audit_entry_no_update; DROP TRIGGER audit_entry_no_delete;";
            conn.batch_execute(&format!("PRAGMA busy_timeout = 5000; {triggers} {sqlite}"))
                .unwrap();
        } else {
            let mut conn = diesel::PgConnection::establish(&url).unwrap();
            conn.batch_execute(&format!("SET session_replication_role = replica; {postgres}"))
                .unwrap();
        }
        let report = report(&app);
        assert!(!report.is_clean(), "{name} was not found");
        found.extend(report.differences.into_iter().map(|difference| difference.place));
    }
    found
}

#[test]
fn a_changed_quantity_is_found_with_its_place() {
    let change =
        "UPDATE stock_movement SET quantity = 11 WHERE store_code = 'QN-DEPOT' AND chain_seq = 1;";
    let places = tampered("a changed quantity", change, change);
    assert!(places.contains(&"stock/QN-DEPOT link 1".to_owned()), "{places:?}");
    assert!(places.iter().any(|place| place.starts_with("balance QN-DEPOT")), "{places:?}");
}

#[test]
fn a_missing_movement_is_found() {
    let change = "DELETE FROM stock_movement WHERE store_code = 'QN-DEPOT' AND chain_seq = 2;";
    let places = tampered("a missing movement", change, change);
    assert!(places.contains(&"stock/QN-DEPOT link 3".to_owned()), "{places:?}");
}

#[test]
fn a_swapped_pair_is_found() {
    let change = "UPDATE stock_movement SET chain_seq = 99 WHERE store_code = 'QN-DEPOT' AND chain_seq = 1; \
                  UPDATE stock_movement SET chain_seq = 1 WHERE store_code = 'QN-DEPOT' AND chain_seq = 2; \
                  UPDATE stock_movement SET chain_seq = 2 WHERE store_code = 'QN-DEPOT' AND chain_seq = 99;";
    let places = tampered("a swapped pair", change, change);
    assert!(places.contains(&"stock/QN-DEPOT link 1".to_owned()), "{places:?}");
}

#[test]
fn a_cut_tail_is_found() {
    let change = "DELETE FROM stock_movement WHERE store_code = 'QN-DEPOT' AND chain_seq = 3;";
    let places = tampered("a cut tail", change, change);
    assert!(places.contains(&"stock/QN-DEPOT".to_owned()), "{places:?}");
}

#[test]
fn a_changed_balance_and_a_changed_audit_entry_are_found() {
    let change = "UPDATE stock_balance SET on_hand = on_hand + 1 WHERE on_hand = 10;";
    let places = tampered("a changed balance", change, change);
    assert!(places.iter().any(|place| place.starts_with("balance QN-DEPOT")), "{places:?}");
    let change =
        "UPDATE audit_entry SET actor = 'nobody' WHERE store_code = 'QN-DEPOT' AND chain_seq = 2;";
    let places = tampered("a changed audit entry", change, change);
    assert!(places.contains(&"audit/store/QN-DEPOT link 2".to_owned()), "{places:?}");
}

#[test]
fn a_part_that_is_given_up_leaves_nothing_behind_and_the_rest_stands() {
    use changbei::db::savepoint::in_savepoint;
    use changbei::db::{DbConnection, DbError};
    use changbei::kernel::StoreCode;
    use changbei::stock::records::next_number;
    TestApp::each(|app| {
        let count = |give_up: bool| {
            let numbers = app.app.db.write(move |conn| {
                let depot = StoreCode::new("QN-DEPOT").expect("a code");
                let next = |conn: &mut DbConnection| next_number(conn, &depot, "ZZ", 2026);
                let first = next(conn)?;
                // What it has written goes with it, the number that it took among it.
                let _ = in_savepoint(conn, |conn| {
                    let taken = next(conn)?;
                    if give_up { Err(DbError::Busy(taken.to_string())) } else { Ok(taken) }
                });
                let last = in_savepoint(conn, next)?;
                Ok::<_, DbError>((first, last))
            });
            numbers.expect("the rest is written")
        };
        assert_eq!(count(true), (1, 2));
        assert_eq!(count(false), (3, 5));
        assert_eq!(count(true), (6, 7));
        let refused = app.app.db.write(|conn| {
            let depot = StoreCode::new("QN-DEPOT").expect("a code");
            next_number(conn, &depot, "ZZ", 2026)?;
            Err::<(), _>(DbError::Busy("the whole is given up".to_owned()))
        });
        assert!(refused.is_err());
        assert_eq!(count(false), (8, 10));
    });
}
