//! What holds when the machine does not: the process is killed, the disk fills up or fails, the
//! power goes, PostgreSQL restarts, a commit's answer is lost, the clock jumps.
//!
//! Each test runs the real binary or the real doors of the database, and shows that it would find
//! the loss that it looks for. They run one at a time, because they measure what load does.
//!
//! `CHANGBEI_LONG=1` runs the long forms: 200 kills, 50 restarts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm,
    reason = "a test that stumbles says so with its line number"
)]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod clock;
mod commit;
mod disk_errors;
mod disk_full;
mod journal;
mod kill;
mod load;
mod lossy_disk;
mod power_loss;
mod proxy;
mod restart;
mod service;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by each test while it loads the machine.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The short count in every run of the tests, the long one where it is asked for.
fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("CHANGBEI_LONG").is_some() { long } else { short }
}
