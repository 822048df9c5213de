//! Clients that post as fast as they are answered, each with a journal of its own.

use crate::journal::{Intent, Journal};
use crate::service::{Answer, Client};
use crate::support::chance::Chance;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, park_timeout};
use std::time::Duration;

/// Some clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    /// How many intents are done or refused.
    pub settled: Arc<AtomicUsize>,
}

/// The journals of `count` clients in a folder.
pub fn journals(folder: &Path, count: usize) -> Vec<PathBuf> {
    (0..count).map(|client| folder.join(format!("client-{client}.jsonl"))).collect()
}

/// What a client makes of an answer that is neither done nor refused: whether it asks again, by the
/// same key. Panics over an answer that it must not be given.
pub type Judge = fn(&Intent, &Answer) -> bool;

/// A healthy service under load gives no such answer.
pub fn never(intent: &Intent, answer: &Answer) -> bool {
    panic!("{} {}: {} {}", intent.path, intent.key, answer.status, answer.body);
}

/// A service whose database comes and goes says so, and when to ask again.
pub fn asks_again(intent: &Intent, answer: &Answer) -> bool {
    let wait = answer.retry_after && answer.content_type == "application/problem+json";
    match (answer.status, answer.code()) {
        (503, "busy" | "outcome_unknown") | (409, "idempotency_in_progress") if wait => true,
        _ => never(intent, answer),
    }
}

impl Load {
    /// Starts one client for each journal; `round` keeps their keys apart.
    pub fn start(
        base_url: &str,
        journals: &[PathBuf],
        round: usize,
        seed: u64,
        judge: Judge,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let settled = Arc::new(AtomicUsize::new(0));
        let clients = journals
            .iter()
            .enumerate()
            .map(|(number, path)| {
                let client = Client::of(base_url);
                let journal = Journal::create(path);
                let chance = Chance::from_seed(seed ^ ((round as u64) << 32) ^ number as u64);
                let (stop, settled) = (Arc::clone(&stop), Arc::clone(&settled));
                let name = format!("r{round}-c{number}");
                std::thread::spawn(move || {
                    work(&client, journal, chance, &name, judge, &stop, &settled);
                })
            })
            .collect();
        Self { stop, clients, settled }
    }

    /// Lets every client finish what it has begun.
    pub fn stop(self) {
        self.last_orders();
        for client in self.clients {
            client.join().expect("a client met what it must not meet");
        }
    }

    /// Tells every client to make no further request.
    pub fn last_orders(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// One client: means, sends, and writes down, until it is told to stop.
fn work(
    client: &Client,
    mut journal: Journal,
    mut chance: Chance,
    name: &str,
    judge: Judge,
    stop: &AtomicBool,
    settled: &AtomicUsize,
) {
    let mut count = 0;
    while !stop.load(Ordering::SeqCst) {
        count += 1;
        let intent = intent(&mut chance, format!("{name}-{count}"));
        journal.means(&intent);
        while !stop.load(Ordering::SeqCst) {
            match send(client, &mut journal, &intent, judge) {
                Sent::Settled => {
                    settled.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                // A little later, instead of spinning.
                Sent::AskAgain => park_timeout(Duration::from_millis(50)),
                Sent::GaveUp => break,
                Sent::Unanswered => {
                    park_timeout(Duration::from_millis(20));
                    break;
                }
            }
        }
    }
}

/// How sending ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Done or refused, and written down.
    Settled,
    /// Neither, and to be sent again.
    AskAgain,
    /// Neither, and not sent again for now.
    GaveUp,
    /// No answer came.
    Unanswered,
}

/// Sends an intent and writes down how it ended.
fn send(client: &Client, journal: &mut Journal, intent: &Intent, judge: Judge) -> Sent {
    let path = format!("/api/v1{}", intent.path);
    match client.post("keeper.depot", &path, &intent.key, &intent.body) {
        None => Sent::Unanswered,
        Some(answer) => settle(journal, intent, &answer, judge),
    }
}

/// Writes an answer down.
pub fn settle(journal: &mut Journal, intent: &Intent, answer: &Answer, judge: Judge) -> Sent {
    if answer.is_success() {
        journal.done(&intent.key, &answer.body);
    } else if answer.status == 409 && answer.code() == "insufficient_stock" {
        journal.refused(&intent.key);
    } else {
        return if judge(intent, answer) { Sent::AskAgain } else { Sent::GaveUp };
    }
    Sent::Settled
}

/// A receipt or an issue of a few masks; its note is its key, by which the book knows it again.
fn intent(chance: &mut Chance, key: String) -> Intent {
    let units = chance.between(1, 40);
    if chance.below(5) < 3 {
        let lines: Vec<_> = (0..chance.between(1, 3))
            .map(|line| {
                let lot = chance.below(4);
                json!({"item_code": "M02", "lot_number": format!("K{lot}"),
                       "expires_on": format!("2030-0{}-01", lot + 1), "quantity": units + line})
            })
            .collect();
        let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"},
                          "note": key, "lines": lines});
        return Intent { key, path: "/receipts".to_owned(), body };
    }
    let body = json!({"store_code": "QN-DEPOT", "purpose": "consumption", "note": key,
                      "lines": [{"item_code": "M02", "quantity": units}]});
    Intent { key, path: "/issues".to_owned(), body }
}
