//! A clock that jumps back and ahead by days under load: what is recorded stays in order.

use crate::journal::{Intent, Memory};
use crate::kill::converge;
use crate::load::{Load, asks_again, journals};
use crate::service::{Answer, Service, missing, verify};
use crate::support::chance::Chance;
use crate::support::{Place, postgres_place, sqlite_place};
use crate::{alone, rounds};
use changbei::db::schema::{audit_entry, stock_movement};
use changbei::db::{Db, DbError, DbOptions};
use diesel::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Where Debian keeps the library that lies about the time.
fn faketime() -> Option<PathBuf> {
    let found = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .iter()
        .map(|kind| PathBuf::from(format!("/usr/lib/{kind}/faketime/libfaketimeMT.so.1")))
        .find(|path| path.exists());
    if found.is_none() {
        missing("libfaketime is not installed");
    }
    found
}

fn set(file: &Path, offset: &str) {
    // In one step, so that nobody reads half of it.
    let new = file.with_extension("new");
    std::fs::write(&new, offset).expect("the offset is written");
    std::fs::rename(new, file).expect("the offset is set");
}

/// A clock that went ahead by more than an hour is believed once a commander has said so.
fn accept(service: &Service, nth: usize) {
    let body = json!({"reason": "compared with another"});
    let key = format!("clock-{nth}");
    let answer = service.client().post("commander", "/api/v1/clock/accept", &key, &body);
    assert_eq!(answer.expect("an answer").status, 201);
}

/// Until then nothing is recorded, and a client asks again.
fn asks_again_of_a_clock(intent: &Intent, answer: &Answer) -> bool {
    answer.code() == "clock_jumped" || asks_again(intent, answer)
}

#[test]
fn what_is_recorded_stays_in_order_on_sqlite_when_the_clock_jumps() {
    jump(&sqlite_place());
}

#[test]
fn what_is_recorded_stays_in_order_on_postgres_when_the_clock_jumps() {
    if let Some(place) = postgres_place() {
        jump(&place);
    }
}

fn jump(place: &Place) {
    let _alone = alone();
    let Some(library) = faketime() else { return };
    let (seed, _) = Chance::fresh();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (offset, files) = (folder.path().join("offset"), journals(folder.path(), 4));
    set(&offset, "+0");
    let service = Service::start_with(&place.url, "", |binary| {
        let mut command = Command::new(binary);
        command
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", &offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    });
    let load = Load::start(&service.base_url, &files, 0, seed, asks_again_of_a_clock);
    let jumps = ["-1d", "+0", "-40d", "+0", "+50m", "-1h", "+3d"].repeat(rounds(1, 10));
    for (nth, back_and_forth) in jumps.into_iter().enumerate() {
        set(&offset, back_and_forth);
        accept(&service, nth);
        let (started, before) = (Instant::now(), load.settled.load(Ordering::SeqCst));
        while load.settled.load(Ordering::SeqCst) < before + 20 {
            let told = format!("no answers {back_and_forth}, seed {seed}");
            assert!(started.elapsed() < Duration::from_secs(60), "{told}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
    load.stop();
    set(&offset, "+0");
    accept(&service, usize::MAX);
    converge(&service.client(), &place.url, &files, &format!("seed {seed}"));
    verify(&place.url);
    assert!(Memory::of(&files).done() > 20);
    let (movements, entries) = recorded(&place.url);
    assert!(movements.len() > 20 && entries.len() > 20);
    in_order(&movements);
    in_order(&entries);
}

/// Chain, place in it, and the time recorded.
type Recorded = Vec<(String, i64, i64)>;

fn recorded(url: &str) -> (Recorded, Recorded) {
    let options = DbOptions { connections: 1, ..DbOptions::default() };
    let db = Db::open(url, &options).expect("the database opens");
    db.read(|conn| {
        let movements = stock_movement::table
            .select((
                stock_movement::store_code,
                stock_movement::chain_seq,
                stock_movement::recorded_at,
            ))
            .order((stock_movement::store_code, stock_movement::chain_seq))
            .load(conn)?;
        let entries = audit_entry::table
            .select((audit_entry::chain, audit_entry::chain_seq, audit_entry::recorded_at))
            .order((audit_entry::chain, audit_entry::chain_seq))
            .load(conn)?;
        Ok::<_, DbError>((movements, entries))
    })
    .expect("the book can be read")
}

/// Within a chain, what comes later was recorded later.
fn in_order(recorded: &Recorded) {
    for pair in recorded.windows(2) {
        let ((chain, seq, at), (other, next, then)) = (&pair[0], &pair[1]);
        assert!(chain != other || (seq + 1 == *next && at < then), "{pair:?}");
    }
}
