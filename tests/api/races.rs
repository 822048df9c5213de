//! Many at once: nothing is given twice, and keys in flight wait their turn.

use crate::support::stock::put;
use crate::support::{TestApp, county, open_with, postgres};
use changbei::access::records::actor_by_token;
use changbei::access::token;
use changbei::db::schema::stock_balance;
use changbei::db::{DbError, DbOptions};
use changbei::idempotency::KeyedRequest;
use changbei::idempotency::records::{Claim, claim};
use changbei::stock::verify::verify;
use diesel::prelude::*;
use serde_json::json;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

const ITEMS: [&str; 3] = ["M02", "D03", "E02"];

#[test]
fn orders_of_three_items_in_opposite_order_neither_block_nor_overdraw() {
    TestApp::each(|app| {
        for item in ITEMS {
            put(app, "QN-DEPOT", item, "A", "2027-01-01", 20);
            put(app, "QN-DEPOT", item, "B", "2027-02-01", 10);
        }
        let issued: i64 = std::thread::scope(|threads| {
            let running: Vec<_> = (0..16)
                .map(|client| {
                    threads.spawn(move || {
                        let mut lines: Vec<_> = ITEMS
                            .iter()
                            .map(|item| json!({"item_code": item, "quantity": 1}))
                            .collect();
                        if client % 2 == 1 {
                            lines.reverse();
                        }
                        let mut got = 0;
                        for _ in 0..4 {
                            let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption",
                                              "lines": lines});
                            let answer = app.post("keeper.depot", "/issues", body);
                            if answer.status == 201 {
                                got += 1;
                            } else {
                                let left = answer.refused(409, "insufficient_stock");
                                assert_eq!(left["available"], 0, "the true remainder");
                            }
                        }
                        got
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(issued, 30, "as many as there was stock for, and no more");
        let left: i64 = app
            .app
            .read(|conn| {
                let rows: Vec<i64> =
                    stock_balance::table.select(stock_balance::on_hand).load(conn)?;
                Ok::<_, DbError>(rows.iter().sum())
            })
            .unwrap();
        assert_eq!(left, 0);
        assert!(app.app.read(verify).unwrap().is_clean());
    });
}

/// The control: who reads first and writes afterwards gives more than there is, and the count that
/// the races are held against tells.
#[test]
fn reading_first_and_writing_afterwards_gives_more_than_there_is() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M02", "A", "2027-01-01", 100);
        let all_have_read = Barrier::new(4);
        let taken = AtomicI64::new(0);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    let free: i64 = app
                        .app
                        .read(|conn| {
                            let row = stock_balance::table.select(stock_balance::on_hand);
                            Ok::<_, DbError>(row.first(conn)?)
                        })
                        .unwrap();
                    all_have_read.wait();
                    if free >= 70 {
                        let left = free - 70;
                        let write = app.app.db.write(move |conn| {
                            let set = stock_balance::on_hand.eq(left);
                            diesel::update(stock_balance::table).set(set).execute(conn)?;
                            Ok::<_, DbError>(())
                        });
                        write.unwrap();
                        taken.fetch_add(70, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(taken.load(Ordering::SeqCst) > 100, "the naive way was not caught");
        assert!(!app.app.read(verify).unwrap().is_clean());
    });
}

/// On PostgreSQL a key can be in flight in another session; SQLite's writer runs one at a time.
#[test]
fn a_key_in_flight_is_told_to_wait_and_free_again_when_its_transaction_is_given_up() {
    let Some(url) = postgres::fresh() else { return };
    let options = DbOptions { patience: Duration::from_millis(100), ..DbOptions::default() };
    let app = TestApp::on(open_with("PostgreSQL", url, None, &options));
    let kind = json!({"code": "school", "name_zh": "学校", "name_en": "School"});
    let send =
        || app.storing("POST", "commander", "/store-kinds").key("k").json(kind.clone()).send();
    let (locked, is_locked) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    std::thread::scope(|threads| {
        let app = &app;
        threads.spawn(move || {
            let released = std::sync::Mutex::new(released);
            let now = app.app.clock.now();
            let given_up = app.app.db.write(move |conn| {
                let token = token::hash(&county::token("commander"));
                let commander = actor_by_token(conn, &token, now)?.expect("the commander");
                let request = KeyedRequest { key: "k".to_owned(), fingerprint: "f".to_owned() };
                let claimed = claim(conn, &commander.user_id, &request)?;
                assert!(matches!(claimed, Claim::Fresh));
                locked.send(()).unwrap();
                let _ = released.lock().unwrap().recv();
                Err::<(), DbError>(DbError::Stopping)
            });
            assert!(given_up.is_err());
        });
        is_locked.recv().unwrap();
        let answer = send();
        assert_eq!(answer.header("retry-after"), Some("1"));
        answer.refused(409, "idempotency_in_progress");
        release.send(()).unwrap();
    });
    let first = send();
    assert_eq!(first.header("idempotency-replayed"), None, "what was refused was not kept");
    assert_eq!(send().expect(201), first.expect(201));
}
