//! A disk that fails: nothing is acknowledged that is in doubt, and the service ends so that its
//! next start reads what is really there.

use crate::alone;
use crate::journal::{Intent, Memory};
use crate::kill::converge;
use crate::load::{Load, journals, never};
use crate::service::{Answer, Service, program, verify};
use crate::support::chance::Chance;
use crate::support::sqlite_place;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

static IN_DOUBT: AtomicUsize = AtomicUsize::new(0);

/// Those whose commit failed hear that nobody knows; those behind them that the service ends.
fn in_doubt(intent: &Intent, answer: &Answer) -> bool {
    let problem = answer.content_type == "application/problem+json" && answer.retry_after;
    match (answer.status, answer.code()) {
        (503, "outcome_unknown") if problem => {
            IN_DOUBT.fetch_add(1, Ordering::SeqCst);
            false
        }
        (503, "busy" | "storage_failed") if problem => false,
        _ => never(intent, answer),
    }
}

/// Lets calls of the system fail for good, the `from`th of a thread first.
fn fail(calls: &str, from: usize) {
    let _alone = alone();
    let Some(strace) = program("strace") else { return };
    let place = sqlite_place();
    let (seed, _) = Chance::fresh();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = journals(folder.path(), 4);
    IN_DOUBT.store(0, Ordering::SeqCst);
    let mut service = Service::start_with(&place.url, "", |binary| {
        let mut command = Command::new(&strace);
        // The tracer is the grandchild, so that the child is the service.
        command.args(["-D", "-f", "-qq", "-o", "/dev/null"]);
        command.args(["-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:error=EIO:when={from}+")]);
        command.arg(binary);
        command
    });
    let load = Load::start(&service.base_url, &files, 0, seed, in_doubt);
    let ended = service.ended_within(Duration::from_secs(60));
    load.stop();
    let ended = ended.unwrap_or_else(|| panic!("the service went on:\n{}", service.log()));
    assert_eq!(ended.code(), Some(1), "{}", service.log());
    assert!(service.log().contains("the disk failed under a commit"), "{}", service.log());
    let done = Memory::of(&files).done();
    assert!(done > 5, "{done}: the disk failed from the beginning");
    assert!(IN_DOUBT.load(Ordering::SeqCst) > 0, "nobody was told that nobody knows");

    let service = Service::start(&place.url);
    let cut_off = converge(&service.client(), &place.url, &files, &format!("seed {seed}"));
    assert!(cut_off > 0);
    verify(&place.url);
}

#[test]
fn a_failed_flush_ends_the_service_and_loses_nothing() {
    fail("fsync,fdatasync", 25);
}

#[test]
fn a_failed_write_ends_the_service_and_loses_nothing() {
    fail("pwrite64", 800);
}
