//! Whether a book holds what its clients were told, and nothing else.

use crate::journal::{Memory, Standing};
use changbei::db::schema::{stock_balance, stock_document, stock_movement};
use changbei::db::{Db, DbError, DbOptions};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// A document as the book keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: String,
    pub kind: String,
    pub detail: Value,
    pub movements: i64,
}

/// Every document of a book, by the note that its client put on it, and what the balances sum to.
#[derive(Debug, Clone, Default)]
pub struct Book {
    pub documents: BTreeMap<String, Vec<Kept>>,
    pub on_hand: i64,
}

impl Book {
    /// Reads a book on one snapshot.
    pub fn read(url: &str) -> Self {
        let options = DbOptions { connections: 1, ..DbOptions::default() };
        let db = Db::open(url, &options).expect("the database opens");
        db.read(|conn| {
            let mut book = Self::default();
            let mut movements: BTreeMap<String, i64> = BTreeMap::new();
            for id in
                stock_movement::table.select(stock_movement::document_id).load::<String>(conn)?
            {
                *movements.entry(id).or_default() += 1;
            }
            let rows: Vec<(String, String, String)> = stock_document::table
                .select((stock_document::id, stock_document::kind, stock_document::detail))
                .load(conn)?;
            for (id, kind, detail) in rows {
                let detail: Value = serde_json::from_str(&detail).expect("a detail");
                let note = detail["note"].as_str().unwrap_or_default().to_owned();
                let movements = movements.remove(&id).unwrap_or_default();
                book.documents.entry(note).or_default().push(Kept { id, kind, detail, movements });
            }
            let balances: Vec<i64> =
                stock_balance::table.select(stock_balance::on_hand).load(conn)?;
            book.on_hand = balances.iter().sum();
            Ok::<_, DbError>(book)
        })
        .expect("the book can be read")
    }

    /// Everything that is not as the clients were told; empty where all is well.
    pub fn breaches(&self, memory: &Memory) -> Vec<String> {
        let mut breaches = Vec::new();
        let mut sum = 0;
        let mut meant = std::collections::BTreeSet::new();
        for (intent, standing) in &memory.intents {
            let key = &intent.key;
            meant.insert(key.as_str());
            let kept = self.documents.get(key).map_or(&[][..], Vec::as_slice);
            if kept.len() > 1 {
                breaches.push(format!("{key} took effect {} times", kept.len()));
            }
            match standing {
                Standing::Open => {}
                Standing::Refused if kept.is_empty() => {}
                Standing::Refused => breaches.push(format!("{key} was refused and is there")),
                Standing::Done(_) if kept.is_empty() => {
                    breaches.push(format!("{key} was acknowledged and is lost"));
                }
                Standing::Done(answer) => {
                    breaches.extend(kept.iter().filter_map(|one| differs(key, one, answer)));
                }
            }
            for one in kept {
                let units = units(&intent.body);
                sum += if one.kind == "receipt" { units } else { -units };
                let lines = one.detail["lines"].as_array().expect("lines");
                let asked: i64 = lines.iter().filter_map(|l| l["quantity"].as_i64()).sum();
                if asked != units || one.movements == 0 {
                    breaches.push(format!("{key} is there with other lines: {}", one.detail));
                }
            }
        }
        for (note, kept) in &self.documents {
            if !meant.contains(note.as_str()) {
                breaches.push(format!("{} is there and nobody meant it: {note}", kept[0].id));
            }
        }
        if sum != self.on_hand {
            breaches.push(format!("the documents sum to {sum}, the balances to {}", self.on_hand));
        }
        breaches
    }
}

/// How a document differs from the answer in which it was acknowledged.
fn differs(key: &str, kept: &Kept, answer: &Value) -> Option<String> {
    let detail = kept.detail.as_object().expect("an object");
    let same = answer["id"] == kept.id.as_str()
        && detail.iter().all(|(field, value)| answer[field] == *value)
        && answer["movements"].as_array().map(Vec::len) == usize::try_from(kept.movements).ok();
    (!same).then(|| format!("{key} was acknowledged otherwise: {answer} / {}", kept.detail))
}

fn units(body: &Value) -> i64 {
    body["lines"].as_array().expect("lines").iter().filter_map(|l| l["quantity"].as_i64()).sum()
}
