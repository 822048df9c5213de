//! Checkpoints against those who may write the database: histories rewritten whole, tails cut off,
//! checkpoints forged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that stumbles says so with its line number"
)]

mod support;

use changbei::stock::movement::Movement;
use changbei::stock::queries::movements_of;
use changbei::stock::verify::verify;
use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::{TestApp, TestDatabase, databases};

/// A book with some receipts at the depot, and a folder for keys and checkpoints.
struct Book {
    app: TestApp,
    folder: tempfile::TempDir,
    receipts: Vec<String>,
}

impl Book {
    fn on(database: TestDatabase) -> Self {
        let mut book = Self {
            app: TestApp::on(database),
            folder: tempfile::tempdir().unwrap(),
            receipts: Vec::new(),
        };
        for lot in ["L1", "L2", "L3"] {
            book.receive(lot);
        }
        book
    }

    fn receive(&mut self, lot: &str) {
        let body = json!({"store_code": "QN-DEPOT", "source": {"kind": "supplier"},
            "lines": [{"item_code": "M02", "lot_number": lot, "expires_on": "2028-01-01",
                       "quantity": 10}]});
        let receipt = self.app.post("keeper.depot", "/receipts", body).expect(201);
        self.receipts.push(receipt["id"].as_str().unwrap().to_owned());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary on this book.
    fn changbei(&self, arguments: &[&str]) -> Output {
        let url = &self.app.database.url;
        let url = if url.contains("://") { url.clone() } else { format!("sqlite:{url}") };
        Command::new(env!("CARGO_BIN_EXE_changbei"))
            .args(arguments)
            .args(["--language", "en", "--data-dir"])
            .arg(self.folder.path())
            .env("DATABASE_URL", url)
            .env_remove("CHANGBEI_CONFIG")
            .env_remove("CHANGBEI_CHECKPOINT_KEY")
            .output()
            .unwrap()
    }

    fn checkpoint(&self, name: &str) -> String {
        let path = self.file(name).to_string_lossy().into_owned();
        let output = self.changbei(&["checkpoint", "--out", &path]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    }

    /// The places that differ, as `verify --json` tells them, and whether the exit code agrees.
    fn differences(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.changbei(&[&["verify", "--json"], arguments].concat());
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let places: Vec<String> = report["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|difference| difference["place"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(output.status.code(), Some(i32::from(!places.is_empty())), "{places:?}");
        places
    }

    /// What somebody with every right on the database does.
    fn write_as_owner(&self, statements: &str) {
        let url = &self.app.database.url;
        if self.app.database.name == "SQLite" {
            let mut conn = diesel::SqliteConnection::establish(url).unwrap();
            let triggers = "DROP TRIGGER IF EXISTS stock_movement_no_update; \
                            DROP TRIGGER IF EXISTS stock_movement_no_delete;";
            conn.batch_execute(&format!("PRAGMA busy_timeout = 5000; {triggers} {statements}"))
                .unwrap();
        } else {
            let mut conn = diesel::PgConnection::establish(url).unwrap();
            conn.batch_execute(&format!("SET session_replication_role = replica; {statements}"))
                .unwrap();
        }
    }

    /// The depot's chain from its first link.
    fn chain(&self) -> Vec<Movement> {
        let receipts = self.receipts.clone();
        self.app
            .app
            .read(|conn| {
                let mut chain = Vec::new();
                for receipt in &receipts {
                    chain.extend(movements_of(conn, "receipt", receipt)?);
                }
                Ok::<_, changbei::db::DbError>(chain)
            })
            .unwrap()
    }

    /// Says that somebody else made the first movement, and makes every hash right again.
    fn rewrite_history(&self) {
        let mut statements = String::new();
        let mut previous = String::new();
        let chain = self.chain();
        for mut movement in chain {
            if movement.chain_seq == 1 {
                movement.actor = "nobody".to_owned();
            }
            movement.previous_hash.clone_from(&previous);
            movement.hash = movement.compute_hash();
            statements += &format!(
                "UPDATE stock_movement SET actor = '{}', previous_hash = '{}', hash = '{}' WHERE id = '{}';",
                movement.actor, movement.previous_hash, movement.hash, movement.id
            );
            previous = movement.hash;
        }
        statements +=
            &format!("UPDATE chain_head SET hash = '{previous}' WHERE chain = 'stock/QN-DEPOT';");
        self.write_as_owner(&statements);
    }

    /// Takes the newest movement away, with everything that tells of it.
    fn cut_tail(&self) {
        let chain = self.chain();
        let [.., before, last] = chain.as_slice() else { panic!("too short") };
        let lot = &last.line.lot_id;
        self.write_as_owner(&format!(
            "DELETE FROM stock_movement WHERE id = '{}'; DELETE FROM stock_balance WHERE lot_id = '{lot}'; \
             DELETE FROM stock_closing WHERE lot_id = '{lot}'; \
             UPDATE chain_head SET seq = {}, hash = '{}' WHERE chain = 'stock/QN-DEPOT';",
            last.id, before.chain_seq, before.hash
        ));
    }

    fn is_consistent(&self) -> bool {
        self.app.app.read(verify).unwrap().is_clean()
    }
}

fn each(test: impl Fn(Book)) {
    for database in databases() {
        eprintln!("on {}", database.name);
        test(Book::on(database));
    }
}

#[test]
fn a_book_that_went_on_agrees_with_its_checkpoints_and_the_key_is_its_owners_alone() {
    each(|mut book| {
        let first = book.checkpoint("first.json");
        book.receive("L4");
        let second = book.checkpoint("second.json");
        book.receive("L5");
        for checkpoint in [&first, &second] {
            assert_eq!(book.differences(&["--against", checkpoint]), Vec::<String>::new());
        }
        let key = book.changbei(&["checkpoint", "key"]);
        let public = String::from_utf8(key.stdout).unwrap();
        assert_eq!(public.trim().len(), 64);
        let by_text = ["--against", &first, "--public-key", public.trim()];
        assert_eq!(book.differences(&by_text), Vec::<String>::new());
        let file = book.file("changbei.pub");
        std::fs::write(&file, &public).unwrap();
        let by_file = ["--against", &first, "--public-key", &file.to_string_lossy()];
        assert_eq!(book.differences(&by_file), Vec::<String>::new());
        // An older checkpoint is evidence and is not written over.
        assert_eq!(book.changbei(&["checkpoint", "--out", &first]).status.code(), Some(1));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(book.file("checkpoint.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let said: Value = serde_json::from_str(&std::fs::read_to_string(second).unwrap()).unwrap();
        assert_eq!(said["checkpoint"]["movements"], 4);
    });
}

#[test]
fn a_history_that_was_rewritten_whole_is_found() {
    each(|book| {
        let checkpoint = book.checkpoint("before.json");
        book.rewrite_history();
        assert!(book.is_consistent(), "the forger made every hash right again");
        assert_eq!(book.differences(&[]), Vec::<String>::new());
        assert_eq!(
            book.differences(&["--against", &checkpoint]),
            ["stock/QN-DEPOT against the checkpoint, up to link 3"]
        );
    });
}

#[test]
fn a_tail_that_was_cut_off_is_found() {
    each(|book| {
        let checkpoint = book.checkpoint("before.json");
        book.cut_tail();
        assert!(book.is_consistent(), "the forger left nothing behind");
        assert_eq!(
            book.differences(&["--against", &checkpoint]),
            [
                "stock/QN-DEPOT against the checkpoint",
                "stock/QN-DEPOT against the checkpoint, link 3"
            ]
        );
    });
}

#[test]
fn a_tail_that_grew_again_after_it_was_cut_off_is_found() {
    each(|mut book| {
        let checkpoint = book.checkpoint("before.json");
        book.cut_tail();
        book.receive("L6");
        assert!(book.is_consistent());
        assert_eq!(
            book.differences(&["--against", &checkpoint]),
            ["stock/QN-DEPOT against the checkpoint, up to link 3"]
        );
    });
}

#[test]
fn forged_unsigned_and_foreign_checkpoints_are_found() {
    each(|book| {
        let good = book.checkpoint("good.json");
        let text = std::fs::read_to_string(&good).unwrap();
        book.rewrite_history();
        // The forger's own checkpoint of the forged book, under a key of the forger's.
        let key = book.file("forger.key").to_string_lossy().into_owned();
        let foreign = book.file("foreign.json").to_string_lossy().into_owned();
        let made = book.changbei(&["checkpoint", "--out", &foreign, "--key-file", &key]);
        assert!(made.status.success());
        // The same under the name of the trusted key.
        let honest: Value = serde_json::from_str(&text).unwrap();
        let mut claimed: Value =
            serde_json::from_str(&std::fs::read_to_string(&foreign).unwrap()).unwrap();
        claimed["public_key"] = honest["public_key"].clone();
        claimed["key_id"] = honest["key_id"].clone();
        // The good one with the heads of the forged book.
        let mut edited = honest.clone();
        edited["checkpoint"]["chains"] = claimed["checkpoint"]["chains"].clone();
        let mut unsigned = honest.clone();
        unsigned.as_object_mut().unwrap().remove("signature");
        let write = |name: &str, value: &Value| -> PathBuf {
            let path = book.file(name);
            std::fs::write(&path, value.to_string()).unwrap();
            path
        };
        let forged = [
            PathBuf::from(&foreign),
            write("claimed.json", &claimed),
            write("edited.json", &edited),
            write("unsigned.json", &unsigned),
            write("empty.json", &json!({})),
        ];
        for path in &forged {
            let place = format!("checkpoint {}", Path::new(path).display());
            let text = path.to_string_lossy();
            assert_eq!(book.differences(&["--against", &text]), [place]);
        }
        // Without the forger's help the good one still finds the forgery.
        assert_eq!(book.differences(&["--against", &good]).len(), 1);
    });
}

#[test]
fn a_checkpoint_does_not_depend_on_the_layout_of_its_file() {
    each(|book| {
        let path = book.checkpoint("pretty.json");
        let value: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let dense = book.file("dense.json");
        std::fs::write(&dense, value.to_string()).unwrap();
        let against = ["--against", &dense.to_string_lossy()];
        assert_eq!(book.differences(&against), Vec::<String>::new());
    });
}
