//! PostgreSQL crashes and starts again under load: clients are told to come back, and once it is
//! there again their work goes on, each posting once.

use crate::journal::{Intent, Memory};
use crate::kill::converge;
use crate::load::{Load, asks_again, journals};
use crate::service::{Answer, Service, verify};
use crate::support::chance::Chance;
use crate::support::postgres::{self, Cluster};
use crate::support::{TestApp, open};
use crate::{alone, rounds};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
/// How soon after the database somebody must succeed.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_restarted_postgres_costs_a_wait_and_no_posting() {
    let _alone = alone();
    let Some(cluster) = Cluster::own() else { return };
    let url = cluster.county();
    let (seed, mut chance) = Chance::fresh();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = journals(folder.path(), CLIENTS);
    let service = Service::start(&url);
    let load = Load::start(&service.base_url, &files, 0, seed, asks_again_counted);
    let mut slowest = Duration::ZERO;
    let restarts = rounds(10, 50);
    for restart in 0..restarts {
        wait_for_answers(&load, 1, Duration::from_secs(30), "before the crash");
        std::thread::park_timeout(Duration::from_millis(chance.below(1_000)));
        cluster.crash_and_restart();
        let up = Instant::now();
        let told = format!("seed {seed}, restart {restart}: no success {SOON:?} after it was up");
        wait_for_answers(&load, 1, SOON, &told);
        slowest = slowest.max(up.elapsed());
    }
    load.stop();
    let cut_off = converge(&service.client(), &url, &files, &format!("seed {seed}"));
    verify(&url);
    let done = Memory::of(&files).done();
    assert!(done > restarts * 2, "{done}: too little was under way");
    eprintln!(
        "{restarts} restarts, {done} acknowledged, {} told to ask again, {cut_off} sent again at the \
         end; first success after at most {} ms",
        TOLD_TO_WAIT.load(Ordering::SeqCst),
        slowest.as_millis()
    );
}

static TOLD_TO_WAIT: AtomicUsize = AtomicUsize::new(0);

fn asks_again_counted(intent: &Intent, answer: &Answer) -> bool {
    TOLD_TO_WAIT.fetch_add(1, Ordering::SeqCst);
    asks_again(intent, answer)
}

/// Sessions that worked a moment ago and have died since are replaced before anybody hears of it.
#[test]
fn sessions_that_died_between_two_requests_cost_nobody_an_answer() {
    let _alone = alone();
    let Some(url) = postgres::fresh() else { return };
    let app = TestApp::on(open("PostgreSQL", url.clone(), None));
    for round in 0..10 {
        // All sessions have been used within the last second, and are believed to live.
        std::thread::scope(|threads| {
            for _ in 0..16 {
                threads.spawn(|| app.get("keeper.depot", "/stock").expect(200));
            }
        });
        postgres::end_sessions(&url);
        std::thread::scope(|threads| {
            for client in 0..8 {
                let app = &app;
                threads.spawn(move || {
                    app.get("keeper.depot", "/stock").expect(200);
                    let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"},
                        "lines": [{"item_code": "M02", "lot_number": "K", "quantity": 1,
                                   "expires_on": "2030-01-01"}]});
                    let key = format!("{round}-{client}");
                    app.storing("POST", "keeper.depot", "/receipts")
                        .key(&key)
                        .json(body)
                        .send()
                        .expect(201);
                });
            }
        });
    }
}

/// Waits until `count` more intents are settled.
fn wait_for_answers(load: &Load, count: usize, time: Duration, told: &str) {
    let (started, before) = (Instant::now(), load.settled.load(Ordering::SeqCst));
    while load.settled.load(Ordering::SeqCst) < before + count {
        assert!(started.elapsed() < time, "{told}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
