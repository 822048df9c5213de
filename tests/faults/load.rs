//! Clients that post as fast as they are answered, each with a journal of its own.

use crate::journal::{Intent, Journal};
use crate::service::{Answer, Client};
use crate::support::chance::Chance;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// Some clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    pub answered: Arc<AtomicUsize>,
}

/// The journals of `count` clients in a folder.
pub fn journals(folder: &Path, count: usize) -> Vec<PathBuf> {
    (0..count).map(|client| folder.join(format!("client-{client}.jsonl"))).collect()
}

/// What a client does with an answer that is neither done nor refused.
pub type Judge = fn(&Intent, &Answer);

/// Answers that a healthy service under load gives.
pub fn only_healthy(intent: &Intent, answer: &Answer) {
    panic!("{} {}: {} {}", intent.path, intent.key, answer.status, answer.body);
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
        let answered = Arc::new(AtomicUsize::new(0));
        let clients = journals
            .iter()
            .enumerate()
            .map(|(number, path)| {
                let client = Client::of(base_url);
                let mut journal = Journal::create(path);
                let mut chance = Chance::from_seed(seed ^ ((round as u64) << 32) ^ number as u64);
                let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
                std::thread::spawn(move || {
                    let mut count = 0;
                    while !stop.load(Ordering::SeqCst) {
                        count += 1;
                        let key = format!("r{round}-c{number}-{count}");
                        let intent = intent(&mut chance, key);
                        journal.means(&intent);
                        if send(&client, &mut journal, &intent, judge).is_some() {
                            answered.fetch_add(1, Ordering::SeqCst);
                        } else if !stop.load(Ordering::SeqCst) {
                            // Nobody is there: come back instead of spinning.
                            std::thread::park_timeout(std::time::Duration::from_millis(20));
                        }
                    }
                })
            })
            .collect();
        Self { stop, clients, answered }
    }

    /// Lets every client finish what it has begun.
    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.join().expect("a client met what it must not meet");
        }
        self.answered.load(Ordering::SeqCst)
    }

    /// Tells every client to make no further request.
    pub fn last_orders(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Sends an intent and writes down how it ended; `None` where no answer came.
pub fn send(
    client: &Client,
    journal: &mut Journal,
    intent: &Intent,
    judge: Judge,
) -> Option<Answer> {
    let path = format!("/api/v1{}", intent.path);
    let answer = client.post("keeper.depot", &path, &intent.key, &intent.body)?;
    if answer.is_success() {
        journal.done(&intent.key, &answer.body);
    } else if answer.status == 409 && matches!(answer.code(), "insufficient_stock" | "late_entry") {
        journal.refused(&intent.key);
    } else {
        judge(intent, &answer);
    }
    Some(answer)
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
