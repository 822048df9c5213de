//! What a client remembers by itself: every intent before it is sent, and every answer after.
//!
//! Each line is on the disk before the next step is taken, so that the journal may be believed
//! whatever is killed. The checks read the files, not the memory of the threads.

use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A posting that a client means to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    pub key: String,
    pub path: String,
    pub body: Value,
}

/// How an intent stands, as its client knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// No answer came, or one that says that nobody knows.
    Open,
    /// It was done, and this is what the service said of it.
    Done(Value),
    /// It was refused for what the world is like, so it left nothing behind.
    Refused,
}

/// The file of one client.
pub struct Journal(File);

impl Journal {
    pub fn create(path: &Path) -> Self {
        Self(File::options().create(true).append(true).open(path).expect("a journal"))
    }

    fn write(&mut self, line: &Value) {
        self.0.write_all(format!("{line}\n").as_bytes()).expect("the journal is written");
        self.0.sync_data().expect("the journal is on the disk");
    }

    /// Before it is sent.
    pub fn means(&mut self, intent: &Intent) {
        self.write(&json!({"key": intent.key, "path": intent.path, "body": intent.body}));
    }

    /// After the service said that it is done.
    pub fn done(&mut self, key: &str, answer: &Value) {
        self.write(&json!({"key": key, "done": answer}));
    }

    /// After the service said no.
    pub fn refused(&mut self, key: &str) {
        self.write(&json!({"key": key, "refused": true}));
    }
}

/// All that the journals of some clients say, in the order in which it was meant.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    pub intents: Vec<(Intent, Standing)>,
}

impl Memory {
    pub fn of(journals: &[PathBuf]) -> Self {
        let mut memory = Self::default();
        for path in journals {
            let mut at = std::collections::HashMap::new();
            for line in std::fs::read_to_string(path).expect("a journal").lines() {
                let line: Value = serde_json::from_str(line).expect("a whole line");
                let key = line["key"].as_str().expect("a key").to_owned();
                if let Some(path) = line["path"].as_str() {
                    at.insert(key.clone(), memory.intents.len());
                    let intent = Intent { key, path: path.to_owned(), body: line["body"].clone() };
                    memory.intents.push((intent, Standing::Open));
                } else {
                    memory.intents[at[&key]].1 = match line.get("done") {
                        Some(answer) => Standing::Done(answer.clone()),
                        None => Standing::Refused,
                    };
                }
            }
        }
        memory
    }

    pub fn open(&self) -> impl Iterator<Item = &Intent> {
        self.intents
            .iter()
            .filter(|(_, standing)| *standing == Standing::Open)
            .map(|(intent, _)| intent)
    }

    pub fn done(&self) -> usize {
        self.intents.iter().filter(|(_, one)| matches!(one, Standing::Done(_))).count()
    }
}
