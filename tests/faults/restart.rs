//! PostgreSQL crashes and starts again under load: clients are told to come back, and once it is
//! there again their work goes on, each posting once.

use crate::journal::Memory;
use crate::kill::converge;
use crate::load::{Load, asks_again, journals};
use crate::service::{Service, verify};
use crate::support::chance::Chance;
use crate::support::postgres::Cluster;
use crate::{alone, rounds};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
/// A machine with nothing else to do answers within two seconds of the database; the figure that the
/// test prints says how long it took here. This bound is for one that has much else to do.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_restarted_postgres_costs_a_wait_and_no_posting() {
    let _alone = alone();
    let Some(cluster) = Cluster::own() else { return };
    let url = cluster.county();
    let (seed, mut chance) = Chance::fresh();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = journals(folder.path(), CLIENTS);
    let service = Service::start(&url);
    let load = Load::start(&service.base_url, &files, 0, seed, asks_again);
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
        "{restarts} restarts, {done} acknowledged, {cut_off} sent again; first success after at most {} ms",
        slowest.as_millis()
    );
}

/// Waits until `count` more intents are settled.
fn wait_for_answers(load: &Load, count: usize, time: Duration, told: &str) {
    let (started, before) = (Instant::now(), load.settled.load(Ordering::SeqCst));
    while load.settled.load(Ordering::SeqCst) < before + count {
        assert!(started.elapsed() < time, "{told}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
