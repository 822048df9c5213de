//! Loss of power under load, on SQLite: what was acknowledged is there when the light is on again.

use crate::check::Book;
use crate::journal::{Intent, Memory, Standing};
use crate::lossy_disk::{Crash, crash_after, url_of};
use crate::service::integrity;
use crate::support::chance::Chance;
use crate::support::county::actor;
use crate::support::{clock_at, copy_sqlite};
use crate::{alone, rounds};
use changbei::access::{Permission, Role};
use changbei::app::App;
use changbei::command::{Call, run};
use changbei::config::Settings;
use changbei::db::{Db, DbOptions};
use changbei::kernel::time::SetClock;
use changbei::stock::commands::post_receipt;
use changbei::stock::verify::verify;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CLIENTS: usize = 4;

fn app(url: &str) -> App {
    let db = Db::open(url, &DbOptions { connections: 2, ..DbOptions::default() });
    let clock = SetClock::at(clock_at(crate::support::NOW));
    App::new(db.expect("the database opens"), Arc::new(clock), Settings::default())
}

/// Posts under load, cuts the power at random moments, and looks at what could be left each time.
/// Answers every breach, and how many changes were at risk over all crashes.
fn lose_power(weakened: bool, crashes: usize, seed: u64) -> (Vec<String>, usize) {
    let mut chance = Chance::from_seed(seed);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let app = app(&url_of(&copy_sqlite(folder.path()), weakened));
    let (stop, memory) = (AtomicBool::new(false), Arc::new(Mutex::new(Memory::default())));
    let moments: Vec<(Crash, Memory)> = std::thread::scope(|threads| {
        let (app, stop, memory) = (&app, &stop, &memory);
        for client in 0..CLIENTS {
            let mut chance = Chance::from_seed(seed ^ client as u64);
            threads.spawn(move || {
                for count in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    post(app, memory, format!("c{client}-{count}"), &mut chance);
                }
            });
        }
        let moments = (0..crashes)
            .map(|_| {
                let changes = 1 + chance.below(400) as usize;
                let crashed = crash_after(changes, memory);
                crashed.recv_timeout(Duration::from_secs(60)).expect("the load goes on")
            })
            .collect();
        stop.store(true, Ordering::SeqCst);
        moments
    });
    let meant = memory.lock().expect("nobody failed").intents.clone();
    let at_risk = moments.iter().map(|(crash, _)| crash.at_risk()).sum();
    let breaches = moments
        .iter()
        .enumerate()
        .flat_map(|(at, (crash, known))| {
            // What was meant later may be there too: it was under way.
            let mut memory = known.clone();
            for (intent, _) in meant.iter().skip(memory.intents.len()) {
                memory.intents.push((intent.clone(), Standing::Open));
            }
            let found = after(crash, &memory, &mut chance);
            found.into_iter().map(move |breach| format!("seed {seed}, crash {at}: {breach}"))
        })
        .collect();
    (breaches, at_risk)
}

/// One receipt: remembered before it is posted, and again when it is done.
fn post(app: &App, memory: &Mutex<Memory>, key: String, chance: &mut Chance) {
    let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"}, "note": key,
        "lines": [{"item_code": "M02", "lot_number": format!("P{}", chance.below(4)),
                   "no_expiry": true, "quantity": chance.between(1, 40)}]});
    let intent = Intent { key, path: "/receipts".to_owned(), body: body.clone() };
    let at = {
        let mut memory = memory.lock().expect("nobody failed");
        memory.intents.push((intent, Standing::Open));
        memory.intents.len() - 1
    };
    let call = Call::internal(actor(Role::Keeper), Permission::PostReceipts, "power");
    let request = serde_json::from_value(body).expect("a receipt");
    let done = run(app, call, move |tx| post_receipt(tx, &request)).expect("it is posted");
    let answer: Value = serde_json::from_str(&done.answer.body).expect("JSON");
    memory.lock().expect("nobody failed").intents[at].1 = Standing::Done(answer);
}

/// Opens what a crash could have left, three times over, and says what is wrong with it.
fn after(crash: &Crash, memory: &Memory, chance: &mut Chance) -> Vec<String> {
    let mut breaches = Vec::new();
    for _ in 0..3 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        crash.leave(folder.path(), chance);
        let url = folder.path().join("changbei.db").to_string_lossy().into_owned();
        breaches.extend(Book::read(&url).breaches(memory));
        breaches.extend(proof(folder.path()));
        breaches.extend(integrity(&url).into_iter().filter(|found| found != "ok"));
    }
    breaches
}

/// The differences that the book finds in itself.
fn proof(folder: &Path) -> Vec<String> {
    let url = folder.join("changbei.db").to_string_lossy().into_owned();
    let report = app(&url).read(verify).expect("the book can be read");
    report.differences.iter().map(|difference| difference.place.clone()).collect()
}

#[test]
fn what_was_acknowledged_survives_a_loss_of_power() {
    let _alone = alone();
    let (seed, _) = Chance::fresh();
    let crashes = rounds(20, 200);
    let (breaches, at_risk) = lose_power(false, crashes, seed);
    assert_eq!(breaches, [""; 0]);
    assert!(at_risk > crashes, "{at_risk}: too little was under way at the crashes");

    // The same with `synchronous = NORMAL` loses what it acknowledged, and this test finds it.
    let (breaches, _) = lose_power(true, 5, seed);
    let lost = breaches.iter().filter(|breach| breach.contains("acknowledged and is lost"));
    assert!(lost.count() > 0, "NORMAL was not told from FULL: {breaches:?}");
}
