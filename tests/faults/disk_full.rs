//! A full disk: writes are refused, reads and the service go on, and room is all that it takes.

use crate::alone;
use crate::journal::Intent;
use crate::kill::converge;
use crate::load::{Load, journals, never};
use crate::service::{Answer, Client, Service, missing, verify};
use crate::support::chance::Chance;
use crate::support::copy_sqlite;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A small disk in memory, unmounted when it is dropped.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    /// `None` where it cannot be mounted, which is said loudly and is a failure in CI.
    fn of(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let size = format!("size={mib}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "changbei-test"])
            .arg(folder.path())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        missing("a tmpfs cannot be mounted (only root can)");
        None
    }

    fn grow(&self, mib: u32) {
        let size = format!("remount,size={mib}m");
        let grown = Command::new("mount").args(["-o", &size]).arg(self.0.path()).status();
        assert!(grown.expect("mount runs").success());
    }

    fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.0.path()).expect("the disk tells");
        disk.f_bavail * disk.f_frsize
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a service that is being killed may hold it a moment longer.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// While the disk is full, 507 is the right answer.
fn storage_is_full(intent: &Intent, answer: &Answer) -> bool {
    if answer.status != 507 {
        return never(intent, answer);
    }
    assert_eq!(answer.code(), "storage_full", "{}", answer.body);
    assert_eq!(answer.content_type, "application/problem+json");
    REFUSED.fetch_add(1, Ordering::SeqCst);
    true
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(90), "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Fills a disk on which the service is told to keep so much free.
fn fill(keep_free_mib: u32) {
    let _alone = alone();
    let Some(disk) = Tmpfs::of(6 + keep_free_mib) else { return };
    let url = copy_sqlite(disk.0.path()).to_string_lossy().into_owned();
    let settings = format!("keep_free_mib = {keep_free_mib}");
    let mut service = Service::start_with(&url, &settings, |binary| Command::new(binary));
    let client = service.client();
    assert_eq!(readiness(&client), 200);

    let (seed, _) = Chance::fresh();
    let journals_at = tempfile::tempdir().expect("a temporary folder");
    let files = journals(journals_at.path(), 4);
    REFUSED.store(0, Ordering::SeqCst);
    let load = Load::start(&service.base_url, &files, 0, seed, storage_is_full);
    wait_until("the disk fills up", || REFUSED.load(Ordering::SeqCst) >= 20);
    let filled = load.settled.load(Ordering::SeqCst);
    assert!(filled > 20, "{filled}: the disk was full from the beginning");
    let keep_free = u64::from(keep_free_mib) << 20;
    assert!(disk.free() + (1 << 20) > keep_free, "{} bytes are free", disk.free());

    // Reading goes on, and whoever asks is told that the service cannot work.
    let stock = client.get("keeper.depot", "/api/v1/stock?store=QN-DEPOT").expect("an answer");
    assert_eq!(stock.status, 200, "{}", stock.body);
    assert!(!stock.body["rows"].as_array().expect("rows").is_empty());
    assert_eq!(readiness(&client), 507);
    assert_eq!(client.get("auditor", "/healthz").expect("an answer").status, 200);

    // With room again it works, and nobody had to start it anew.
    let before = load.settled.load(Ordering::SeqCst);
    disk.grow(200);
    wait_until("writing goes on", || load.settled.load(Ordering::SeqCst) > before + 20);
    assert_eq!(readiness(&client), 200);
    load.stop();
    assert!(service.ended_within(Duration::ZERO).is_none(), "the service ended");
    converge(&client, &url, &files, &format!("seed {seed}, {keep_free_mib} MiB kept free"));
    verify(&url);
    service.kill();
    drop_files(disk.0.path());
}

fn readiness(client: &Client) -> u16 {
    client.get("auditor", "/readyz").expect("an answer").status
}

/// The memory is wanted back at once.
fn drop_files(folder: &Path) {
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = std::fs::remove_file(file.path());
    }
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    fill(0);
}

#[test]
fn the_last_megabytes_are_kept_free() {
    fill(8);
}
