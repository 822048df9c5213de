//! Pieces are neither made nor lost: whoever looks, at any moment, sees the same sum.

use crate::dispatch::{Dispatch, lorry};
use crate::support::TestApp;
use crate::support::chance::Chance;
use crate::support::postgres;
use crate::support::stock::put;
use changbei::db::schema::{reservation, stock_balance, stock_movement, transit_balance};
use changbei::db::{DbConnection, DbError};
use changbei::stock::verify::verify;
use changbei::sum_of;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

const STORES: [(&str, &str); 3] =
    [("QN-DEPOT", "keeper.depot"), ("QN-HOSP", "keeper.hospital"), ("QN-TOWN", "keeper.town")];
const IN_EACH: i64 = 200;
const TOTAL: i64 = 3 * IN_EACH;

/// What one reader has seen.
#[derive(Debug, Default)]
struct Seen {
    snapshots: usize,
    with_goods_on_the_way: usize,
}

/// Runs `work` in so many threads, each with chance of its own, while readers look again and again.
fn amid(
    app: &TestApp,
    seed: u64,
    writers: u64,
    work: impl Fn(u64, &mut Chance) + Sync,
    readers: &[&(dyn Fn() -> i64 + Sync)],
) -> Seen {
    let at_work = AtomicUsize::new(usize::try_from(writers).unwrap());
    let seen = std::thread::scope(|threads| {
        for writer in 0..writers {
            let (work, at_work) = (&work, &at_work);
            threads.spawn(move || {
                let _leaves = Leaves(at_work);
                work(writer, &mut Chance::from_seed(seed ^ writer));
            });
        }
        let looking: Vec<_> = readers
            .iter()
            .map(|look| {
                let at_work = &at_work;
                threads.spawn(move || {
                    let mut seen = Seen::default();
                    while at_work.load(Ordering::SeqCst) > 0 {
                        seen.snapshots += 1;
                        seen.with_goods_on_the_way += usize::from(look() > 0);
                    }
                    seen
                })
            })
            .collect();
        looking.into_iter().map(|one| one.join().expect("a reader")).fold(
            Seen::default(),
            |sum, one| Seen {
                snapshots: sum.snapshots + one.snapshots,
                with_goods_on_the_way: sum.with_goods_on_the_way + one.with_goods_on_the_way,
            },
        )
    });
    eprintln!("{}, seed {seed}: {seen:?}", app.database.name);
    seen
}

/// Counts a writer off, even when it has met what it must not meet.
struct Leaves<'a>(&'a AtomicUsize);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Moves some masks from one store to another, in all its steps; where there are not enough free
/// ones, the order is called off.
fn transfer(app: &TestApp, chance: &mut Chance) -> bool {
    let from = chance.below(3) as usize;
    let to = (from + 1 + chance.below(2) as usize) % 3;
    let body = json!({"from_store": STORES[from].0, "to_store": STORES[to].0, "urgency": "routine",
        "reason": "周转", "lines": [{"item_code": "M02", "quantity": chance.between(1, 150)}]});
    let id = Dispatch::made(app, "commander", body).id;
    let goes_on = does(app, &id, "deputy", "approve", json!({})) && !chance.one_in(5);
    if goes_on
        && does(app, &id, STORES[from].1, "pick", json!({}))
        && does(app, &id, STORES[from].1, "ship", lorry())
    {
        assert_eq!(refusal(app, &id, STORES[to].1, "receipts", json!({})), None);
        return true;
    }
    let reason = json!({"reason": "另行安排"});
    assert_eq!(refusal(app, &id, "commander", "cancel", reason), None);
    false
}

/// Whether a step of an order is done.
fn does(app: &TestApp, id: &str, user: &str, action: &str, body: Value) -> bool {
    refusal(app, id, user, action, body).is_none()
}

/// Why a step of an order is not done; a fact may have cut what it was promised in the meantime,
/// which makes another version of it.
fn refusal(app: &TestApp, id: &str, user: &str, action: &str, body: Value) -> Option<Value> {
    loop {
        let answer = Dispatch::again(app, id).tries(user, action, body.clone());
        match answer.status {
            200 => return None,
            409 => return Some(answer.json()),
            _ => drop(answer.refused(412, "stale_version")),
        }
    }
}

/// On hand and on the way, all in all, on the snapshot of a connection; also that nothing is below
/// zero and nothing promised that is not there.
fn sums(conn: &mut DbConnection) -> Result<(i64, i64), DbError> {
    type Row = (String, String, String, i64, i64);
    let balances: Vec<Row> = stock_balance::table
        .select((
            stock_balance::store_code,
            stock_balance::lot_id,
            stock_balance::state,
            stock_balance::on_hand,
            stock_balance::reserved,
        ))
        .load(conn)?;
    let on_the_way: Vec<i64> =
        transit_balance::table.select(transit_balance::on_hand).load(conn)?;
    let promised: Vec<(String, String, i64)> = reservation::table
        .select((reservation::store_code, reservation::lot_id, reservation::quantity))
        .load(conn)?;
    assert!(on_the_way.iter().all(|units| *units >= 0), "{on_the_way:?}");
    let mut by_lot: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (store, lot, units) in promised {
        *by_lot.entry((store, lot)).or_default() += units;
    }
    for (store, lot, state, on_hand, reserved) in &balances {
        assert!((0..=*on_hand).contains(reserved), "{balances:?}");
        if state == "available" {
            let promised = by_lot.remove(&(store.clone(), lot.clone())).unwrap_or_default();
            assert_eq!(*reserved, promised, "{store} {lot}");
        }
    }
    assert!(by_lot.is_empty(), "promised, and in no balance: {by_lot:?}");
    Ok((balances.iter().map(|row| row.3).sum(), on_the_way.iter().sum()))
}

/// What one answer of the service sums to: on hand, and on the way.
fn summed(page: &Value) -> (i64, i64) {
    let rows = page["rows"].as_array().unwrap();
    let sum = |field: &str| rows.iter().map(|row| row[field].as_i64().unwrap()).sum::<i64>();
    assert_eq!(sum("in_transit_in"), sum("in_transit_out"), "{page}");
    (sum("on_hand"), sum("in_transit_in"))
}

#[test]
fn readers_amid_transfers_always_see_the_same_total() {
    TestApp::each(|app| {
        for (store, _) in STORES {
            put(app, store, "M02", &format!("L-{store}"), "2027-01-01", IN_EACH);
        }
        let (seed, _) = Chance::fresh();
        let on_a_snapshot = || {
            let (on_hand, on_the_way) = app.app.read(sums).unwrap();
            assert_eq!(on_hand + on_the_way, TOTAL, "seed {seed}");
            on_the_way
        };
        let by = |group: &'static str| {
            move || {
                let path = format!("/stock?item=M02&limit=1000&group_by={group}");
                let (on_hand, on_the_way) = summed(&app.get("commander", &path).expect(200));
                assert_eq!(on_hand + on_the_way, TOTAL, "by {group}, seed {seed}");
                on_the_way
            }
        };
        let (by_item, by_store) = (by("item"), by("store"));
        let moved = AtomicUsize::new(0);
        let work = |_: u64, chance: &mut Chance| {
            for _ in 0..12 {
                let done = transfer(app, chance);
                moved.fetch_add(usize::from(done), Ordering::SeqCst);
            }
        };
        let seen = amid(app, seed, 4, work, &[&on_a_snapshot, &by_item, &by_store]);
        assert!(moved.load(Ordering::SeqCst) > 5, "too little was moved");
        assert!(seen.with_goods_on_the_way > 5, "{seen:?}: the readers came between the transfers");
        assert_eq!(app.app.read(sums).unwrap(), (TOTAL, 0));
        assert!(app.app.read(verify).unwrap().is_clean());
        no_deadlocks(app);
    });
}

/// The control: who does not read on one snapshot counts a lorry twice that leaves in between.
#[test]
fn a_sum_that_is_not_read_on_one_snapshot_is_wrong_and_is_found_out() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M02", "A", "2027-01-01", 100);
        let on_hand: i64 = app.app.read(sums).unwrap().0;
        Dispatch::shipped(app, "M02", 30);
        let on_the_way: i64 = app.app.read(sums).unwrap().1;
        assert_eq!(on_hand + on_the_way, 130);
    });
}

/// What the movements say is in the county, beside what the balances say.
fn in_and_out(conn: &mut DbConnection) -> Result<i64, DbError> {
    let flow = |side: &str, conn: &mut DbConnection| -> Result<i64, DbError> {
        let sum = stock_movement::table.select(sum_of!(stock_movement::quantity)).into_boxed();
        let sum = match side {
            "in" => sum
                .filter(stock_movement::from_kind.eq("outside"))
                .filter(stock_movement::to_kind.ne("outside")),
            _ => sum
                .filter(stock_movement::to_kind.eq("outside"))
                .filter(stock_movement::from_kind.ne("outside")),
        };
        Ok(sum.get_result::<Option<i64>>(conn)?.unwrap_or(0))
    };
    Ok(flow("in", conn)? - flow("out", conn)?)
}

#[test]
fn what_came_in_is_there_on_the_way_or_went_out_whoever_looks_whenever() {
    TestApp::each(|app| {
        let (seed, _) = Chance::fresh();
        for (store, _) in STORES {
            put(app, store, "M02", &format!("L-{store}"), "2027-01-01", IN_EACH);
        }
        let conserved = || {
            let (on_hand, on_the_way, flow) = app
                .app
                .read(|conn| {
                    let (on_hand, on_the_way) = sums(conn)?;
                    Ok::<_, DbError>((on_hand, on_the_way, in_and_out(conn)?))
                })
                .unwrap();
            assert_eq!(on_hand + on_the_way, flow, "seed {seed}");
            on_the_way
        };
        let verified = || {
            let report = app.app.read(verify).unwrap();
            assert!(report.is_clean(), "seed {seed}: {:?}", report.differences);
            0
        };
        let work = |_: u64, chance: &mut Chance| {
            for _ in 0..25 {
                something(app, chance);
            }
        };
        let seen = amid(app, seed, 6, work, &[&conserved, &conserved, &verified]);
        assert!(seen.with_goods_on_the_way > 0, "{seen:?}");
        conserved();
        verified();
        no_deadlocks(app);
    });
}

/// One of the things that happen in a store.
fn something(app: &TestApp, chance: &mut Chance) {
    let (store, keeper) = *chance.of(&STORES);
    let (units, lot) = (chance.between(1, 60), chance.below(6));
    let line = |quantity: i64, lot: u64| {
        json!({"item_code": "M02", "lot_number": format!("N{lot}"), "quantity": quantity,
               "expires_on": format!("2027-0{}-01", lot + 1)})
    };
    let issue = json!({"store_code": store, "purpose": "consumption",
                       "lines": [{"item_code": "M02", "quantity": units}]});
    let answer = match chance.below(9) {
        0 | 1 => {
            let other = chance.below(6);
            let lines = [line(units, lot), line(units, (lot + 1 + other % 5) % 6)];
            let body = json!({"store_code": store, "source": {"kind": "supplier"}, "lines": lines});
            app.post(keeper, "/receipts", body)
        }
        2 | 3 => app.post(keeper, "/issues", issue),
        4 => {
            let mut fact = issue;
            fact["after_the_fact"] = json!(true);
            fact["slip_number"] = json!(format!("S-{}", chance.bits()));
            app.post(keeper, "/issues", fact)
        }
        5 | 6 => {
            let path = format!("/stock?store={store}&item=M02&limit=1000");
            let page = app.get(keeper, &path).expect(200);
            let rows = page["rows"].as_array().unwrap();
            if rows.is_empty() {
                return;
            }
            let row = chance.of(rows);
            let (lot, state) = (&row["lot_id"], &row["state"]);
            let (path, line) = match chance.below(3) {
                0 => (
                    "/write-offs",
                    json!({"lot_id": lot, "state": state, "quantity": units,
                           "reason_code": "damaged"}),
                ),
                1 => (
                    "/adjustments",
                    json!({"lot_id": lot, "state": state, "reason_code": "miscounted",
                           "quantity_change": if chance.one_in(2) { units } else { -units }}),
                ),
                _ => (
                    "/state-changes",
                    json!({"lot_id": lot, "from_state": state, "quantity": units,
                           "to_state": if *state == "held" { "available" } else { "held" },
                           "reason_code": "ordered"}),
                ),
            };
            app.post(keeper, path, json!({"store_code": store, "lines": [line]}))
        }
        7 => {
            let path = format!("/movements?store={store}&limit=20");
            let page = app.get(keeper, &path).expect(200);
            let rows = page["rows"].as_array().unwrap();
            if rows.is_empty() {
                return;
            }
            let id = chance.of(rows)["id"].as_str().unwrap().to_owned();
            let body = json!({"reason_code": "entered_twice"});
            app.post(keeper, &format!("/movements/{id}/reversals"), body)
        }
        _ => {
            transfer(app, chance);
            return;
        }
    };
    assert!(matches!(answer.status, 201 | 409), "{} {}", answer.status, answer.text);
}

/// Everybody locks in one order, so PostgreSQL never has to break a circle of waits, which it does
/// only after a second, and then by giving up somebody's work.
fn no_deadlocks(app: &TestApp) {
    if app.database.name == "PostgreSQL" {
        assert_eq!(postgres::deadlocks(&app.database.url), 0, "deadlocks");
    }
}
