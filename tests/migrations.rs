//! Every migration can be taken back, and leaves nothing behind.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test asks the catalogues of both databases in their own words"
)]

mod catalogue_of_databases;
mod support;

use catalogue_of_databases::everything;
use support::databases;

#[test]
fn up_down_and_up_again_leaves_the_same_schema() {
    for database in databases() {
        let db = &database.db;
        let first = everything(db);
        assert!(first.len() > 20, "the catalogue was not read: {first:?}");
        let taken_back = db.unmigrate().unwrap();
        assert_eq!(everything(db), Vec::<String>::new(), "{:?} after down", db.backend());
        assert!(!db.is_current().unwrap());
        let run = db.migrate().unwrap();
        assert_eq!(everything(db), first, "{:?} after down and up", db.backend());
        assert_eq!(run.len(), taken_back.len());
        assert!(db.is_current().unwrap());
    }
}

#[test]
fn migrating_twice_does_nothing_the_second_time() {
    for database in databases() {
        assert_eq!(database.db.migrate().unwrap(), Vec::<String>::new());
    }
}
