//! SIGKILL under load: what was acknowledged is kept, exactly once, and nothing else is there.

use crate::check::Book;
use crate::journal::{Journal, Memory, Standing};
use crate::load::{Load, journals, never, settle};
use crate::service::{Client, Service, verify};
use crate::support::chance::Chance;
use crate::support::{Place, postgres_place, sqlite_place};
use crate::{alone, rounds};
use std::path::PathBuf;
use std::time::Duration;

const CLIENTS: usize = 8;

#[test]
fn what_was_acknowledged_survives_kill_9_on_sqlite() {
    kill_again_and_again(&sqlite_place());
}

#[test]
fn what_was_acknowledged_survives_kill_9_on_postgres() {
    if let Some(place) = postgres_place() {
        kill_again_and_again(&place);
    }
}

fn kill_again_and_again(place: &Place) {
    let _alone = alone();
    let (seed, mut chance) = Chance::fresh();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = journals(folder.path(), CLIENTS);
    let mut service = Service::start(&place.url);
    let rounds = rounds(20, 200);
    let mut unanswered = 0;
    for round in 0..rounds {
        let load = Load::start(&service.base_url, &files, round, seed, never);
        std::thread::park_timeout(Duration::from_millis(20 + chance.below(1_981)));
        load.last_orders();
        service.kill();
        load.stop();
        wait_for_sessions_to_end(place);
        service = Service::start(&place.url);
        let told = format!("{}, seed {seed}, round {round}", place.name);
        verify(&place.url);
        unanswered += converge(&service.client(), &place.url, &files, &told);
    }
    let memory = Memory::of(&files);
    assert!(unanswered > rounds / 2, "{unanswered}: the kills hit too few requests");
    assert!(memory.done() > rounds, "{}: too little was under way", memory.done());
    eprintln!(
        "{}: {rounds} kills, {} acknowledged, {unanswered} cut off",
        place.name,
        memory.done()
    );
    losses_are_found(&Book::read(&place.url), &memory);
}

/// Checks a book against what its clients remember, then sends what had no answer again, by the same
/// keys: each is done now, once, and the answer tells truly whether it had been done before. Answers
/// how many those were.
pub fn converge(client: &Client, url: &str, files: &[PathBuf], told: &str) -> usize {
    let before = Book::read(url);
    let memory = Memory::of(files);
    assert_eq!(before.breaches(&memory), [""; 0], "{told}");
    let mut count = 0;
    for (file, number) in files.iter().zip(0..) {
        let mut journal = Journal::create(file);
        let own = format!("-c{number}-");
        for intent in memory.open().filter(|intent| intent.key.contains(&own)) {
            count += 1;
            let path = format!("/api/v1{}", intent.path);
            let answer = client.post("keeper.depot", &path, &intent.key, &intent.body);
            let answer = answer.expect("an answer");
            settle(&mut journal, intent, &answer, never);
            let was_there = before.documents.contains_key(&intent.key);
            if answer.is_success() {
                assert_eq!(answer.replayed, was_there, "{told}, {}", intent.key);
            } else {
                assert!(!was_there, "{told}, {}: refused though it was done", intent.key);
            }
        }
    }
    let memory = Memory::of(files);
    assert_eq!(memory.open().count(), 0, "{told}");
    assert_eq!(Book::read(url).breaches(&memory), [""; 0], "{told}, sent again");
    read_back(client, &memory);
    count
}

/// The newest acknowledged documents, read over the API, are what their answers were.
fn read_back(client: &Client, memory: &Memory) {
    for (intent, standing) in memory.intents.iter().rev().take(20) {
        let Standing::Done(answer) = standing else { continue };
        let id = answer["id"].as_str().expect("an id");
        let path = format!("/api/v1{}/{id}", intent.path);
        let read = client.get("keeper.depot", &path).expect("an answer");
        assert_eq!(read.body, *answer);
    }
}

/// The server's side of a killed service ends a little later than the service.
fn wait_for_sessions_to_end(place: &Place) {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    if place.name != "PostgreSQL" {
        return;
    }
    let mut conn = diesel::PgConnection::establish(&place.url).expect("the server answers");
    let others = "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = \
                  current_database() AND pid <> pg_backend_pid()) THEN RAISE 'busy'; END IF; END $$";
    for _ in 0..500 {
        if conn.batch_execute(others).is_ok() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("sessions of the killed service are still there");
}

/// The check itself finds what it looks for: a loss, a double, a stranger, and another body.
fn losses_are_found(book: &Book, memory: &Memory) {
    assert_eq!(book.breaches(memory), [""; 0]);
    let done = |standing: &Standing| matches!(standing, Standing::Done(_));
    let (intent, _) = memory.intents.iter().find(|(_, one)| done(one)).expect("one");
    let found = |change: &dyn Fn(&mut Book)| {
        let mut changed = book.clone();
        change(&mut changed);
        assert!(!changed.breaches(memory).is_empty());
    };
    found(&|book| drop(book.documents.remove(&intent.key)));
    found(&|book| {
        let twice = book.documents.get_mut(&intent.key).expect("it is there");
        twice.push(twice[0].clone());
    });
    found(&|book| {
        let one = book.documents[&intent.key].clone();
        book.documents.insert("nobody".to_owned(), one);
    });
    found(&|book| {
        let one = &mut book.documents.get_mut(&intent.key).expect("it is there")[0];
        one.detail["lines"][0]["lot_number"] = "another".into();
        one.detail["lines"][0]["item_code"] = "another".into();
    });
    found(&|book| book.on_hand += 1);
}
