//! The same question gets the same answer from SQLite and from PostgreSQL: one test for each trap
//! that `ARCHITECTURE.md` names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that stumbles says so with its line number, and speaks SQL where it must"
)]

mod catalogue_of_databases;
mod source;
mod support;

use catalogue_of_databases::lines;
use changbei::alert::commands::watching::catch_up;
use changbei::db::schema::{audit_entry, item, item_pack, stock_movement};
use changbei::db::{Backend, Db, DbConnection, DbError};
use changbei::kernel::{Instant, Quantity};
use changbei::sum_of;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use support::stock::put;
use support::{TestApp, databases};

fn write<T: Send + 'static>(
    db: &Db,
    body: impl Fn(&mut DbConnection) -> Result<T, Error> + Send + 'static,
) -> Result<T, DbError> {
    db.write(move |conn| Ok(body(conn)?))
}

fn read<T>(db: &Db, body: impl FnOnce(&mut DbConnection) -> Result<T, Error>) -> T {
    let result: Result<T, DbError> = db.read(|conn| Ok(body(conn)?));
    result.unwrap()
}

/// The items that a test adds to the small county's.
#[diesel::dsl::auto_type]
fn ours() -> _ {
    item::table.filter(item::name_en.eq("trap"))
}

fn add_item(db: &Db, code: &'static str, shelf_life: Option<i64>) -> Result<usize, DbError> {
    write(db, move |conn| {
        diesel::insert_into(item::table)
            .values((
                item::code.eq(code),
                item::name_zh.eq("口罩"),
                item::name_en.eq("trap"),
                item::search_text.eq(code),
                item::category.eq("ppe"),
                item::base_unit.eq("只"),
                item::storage.eq("ambient"),
                item::shelf_life_months.eq(shelf_life),
                item::near_expiry_days.eq(90),
                item::active.eq(true),
                item::version.eq(1),
                item::created_at.eq(1_700_000_000_123_456_i64),
            ))
            .execute(conn)
    })
}

#[test]
fn what_is_unknown_comes_last() {
    for database in databases() {
        for (code, months) in [("A", None), ("B", Some(24)), ("C", Some(12)), ("D", None)] {
            add_item(&database.db, code, months).unwrap();
        }
        let order: Vec<String> = read(&database.db, |conn| {
            ours()
                .select(item::code)
                .order((item::shelf_life_months.is_null(), item::shelf_life_months, item::code))
                .load(conn)
        });
        assert_eq!(order, ["C", "B", "A", "D"], "{:?}", database.db.backend());
    }
}

#[test]
fn codes_sort_by_their_bytes() {
    for database in databases() {
        for code in ["a", "B", "A-1", "A1", "A_1", "b", "Z9", "10", "9"] {
            add_item(&database.db, code, None).unwrap();
        }
        let order: Vec<String> =
            read(&database.db, |conn| ours().select(item::code).order(item::code).load(conn));
        let mut sorted = order.clone();
        sorted.sort();
        assert_eq!(order, sorted, "{:?}", database.db.backend());
    }
}

#[test]
fn an_instant_comes_back_to_the_microsecond() {
    let instant = Instant::parse("2026-01-15T02:30:00.123456789Z").unwrap();
    for database in databases() {
        add_item(&database.db, "A", None).unwrap();
        write(&database.db, move |conn| {
            diesel::update(ours()).set(item::created_at.eq(instant)).execute(conn)
        })
        .unwrap();
        let back: Instant = read(&database.db, |conn| ours().select(item::created_at).first(conn));
        assert_eq!(back, instant);
    }
}

#[test]
fn sums_are_whole_and_a_sum_of_nothing_is_absent() {
    for database in databases() {
        add_item(&database.db, "A", None).unwrap();
        let none: Option<i64> = read(&database.db, |conn| {
            item_pack::table
                .filter(item_pack::item_code.eq("A"))
                .select(sum_of!(item_pack::units))
                .first(conn)
        });
        assert_eq!(none, None);
        for (code, units) in [("box", 9_007_199_254_740_991_i64), ("case", 1), ("pallet", 2)] {
            write(&database.db, move |conn| {
                diesel::insert_into(item_pack::table)
                    .values((
                        item_pack::item_code.eq("A"),
                        item_pack::code.eq(code),
                        item_pack::name_zh.eq("盒"),
                        item_pack::name_en.eq(code),
                        item_pack::units.eq(units),
                    ))
                    .execute(conn)
            })
            .unwrap();
        }
        let sum: Option<i64> = read(&database.db, |conn| {
            item_pack::table
                .filter(item_pack::item_code.eq("A"))
                .select(sum_of!(item_pack::units))
                .first(conn)
        });
        assert_eq!(sum, Some(9_007_199_254_740_994), "{:?}", database.db.backend());
    }
}

#[test]
fn a_number_that_does_not_fit_is_an_error_and_never_a_float() {
    for database in databases() {
        add_item(&database.db, "A", None).unwrap();
        let overflow = write(&database.db, |conn| {
            diesel::update(ours())
                .set(item::near_expiry_days.eq(item::near_expiry_days + i64::MAX))
                .execute(conn)
        });
        assert!(overflow.is_err(), "{:?}", database.db.backend());
        let days: i64 =
            read(&database.db, |conn| ours().select(item::near_expiry_days).first(conn));
        assert_eq!(days, 90);
    }
}

#[test]
fn a_quantity_below_zero_cannot_be_read_from_a_row() {
    for database in databases() {
        add_item(&database.db, "A", None).unwrap();
        write(&database.db, |conn| {
            diesel::update(ours()).set(item::created_at.eq(-1_i64)).execute(conn)
        })
        .unwrap();
        let read: Result<Quantity, DbError> =
            database.db.read(|conn| Ok(ours().select(item::created_at).first(conn)?));
        assert!(read.is_err(), "{:?}", database.db.backend());
    }
}

#[test]
fn a_broken_constraint_has_the_same_kind() {
    let kind_of = |outcome: Result<usize, DbError>| match outcome {
        Err(DbError::Query(Error::DatabaseError(kind, _))) => format!("{kind:?}"),
        other => panic!("{other:?}"),
    };
    for database in databases() {
        add_item(&database.db, "A", None).unwrap();
        let again = add_item(&database.db, "A", None);
        assert_eq!(kind_of(again), format!("{:?}", DatabaseErrorKind::UniqueViolation));
        let negative = add_item(&database.db, "B", Some(-1));
        assert_eq!(kind_of(negative), format!("{:?}", DatabaseErrorKind::CheckViolation));
        let orphan = write(&database.db, |conn| {
            diesel::insert_into(item_pack::table)
                .values((
                    item_pack::item_code.eq("NONE"),
                    item_pack::code.eq("box"),
                    item_pack::name_zh.eq("盒"),
                    item_pack::name_en.eq("box"),
                    item_pack::units.eq(50),
                ))
                .execute(conn)
        });
        assert_eq!(kind_of(orphan), format!("{:?}", DatabaseErrorKind::ForeignKeyViolation));
    }
}

#[test]
fn a_failed_write_leaves_nothing() {
    for database in databases() {
        let refused = write(&database.db, |conn| {
            diesel::insert_into(item::table)
                .values((
                    item::code.eq("A"),
                    item::name_zh.eq("口罩"),
                    item::name_en.eq("trap"),
                    item::search_text.eq("a"),
                    item::category.eq("ppe"),
                    item::base_unit.eq("只"),
                    item::storage.eq("ambient"),
                    item::near_expiry_days.eq(90),
                    item::active.eq(true),
                    item::version.eq(1),
                    item::created_at.eq(0),
                ))
                .execute(conn)?;
            Err::<(), Error>(Error::NotFound)
        });
        assert!(refused.is_err());
        let count: i64 = read(&database.db, |conn| ours().count().get_result(conn));
        assert_eq!(count, 0, "{:?}", database.db.backend());
    }
}

#[test]
fn a_reading_connection_cannot_write() {
    for database in databases() {
        let refused: Result<usize, DbError> =
            database.db.read(|conn| Ok(diesel::delete(item::table).execute(conn)?));
        assert!(refused.is_err(), "{:?}", database.db.backend());
    }
}

#[test]
fn sqlite_is_durable_and_checks_keys_on_every_connection() {
    let asked = "SELECT 'journal_mode ' || journal_mode AS line FROM pragma_journal_mode \
        UNION ALL SELECT 'synchronous ' || synchronous FROM pragma_synchronous \
        UNION ALL SELECT 'foreign_keys ' || foreign_keys FROM pragma_foreign_keys \
        UNION ALL SELECT 'recursive_triggers ' || recursive_triggers FROM pragma_recursive_triggers \
        UNION ALL SELECT 'trusted_schema ' || trusted_schema FROM pragma_trusted_schema";
    for database in databases() {
        if database.db.backend() == Backend::Sqlite {
            let expected = [
                "foreign_keys 1",
                "journal_mode wal",
                "recursive_triggers 1",
                "synchronous 2",
                "trusted_schema 0",
            ];
            for _ in 0..4 {
                assert_eq!(lines(&database.db, asked), expected);
            }
        }
    }
}

fn add_audit_entry(db: &Db, id: &'static str) -> Result<usize, DbError> {
    write(db, move |conn| {
        diesel::insert_into(audit_entry::table)
            .values((
                audit_entry::id.eq(id),
                audit_entry::chain.eq("trap"),
                audit_entry::chain_seq.eq(1),
                audit_entry::recorded_at.eq(1_700_000_000_123_456_i64),
                audit_entry::actor.eq("li"),
                audit_entry::role.eq("keeper"),
                audit_entry::action.eq("receipts.post"),
                audit_entry::outcome.eq("done"),
                audit_entry::request_id.eq("trap"),
                audit_entry::detail.eq("{}"),
                audit_entry::previous_hash.eq(""),
                audit_entry::hash.eq("h"),
            ))
            .execute(conn)
    })
}

/// What nobody may do to a table that only grows, by any program on either database.
fn changes_to(table: &str, column: &str, backend: Backend) -> Vec<String> {
    let mut statements = vec![
        format!("UPDATE {table} SET {column} = 'changed'"),
        format!("UPDATE {table} SET {column} = {column}"),
        format!("DELETE FROM {table}"),
    ];
    statements.push(match backend {
        // To replace is to delete and to insert, which only recursive triggers see.
        Backend::Sqlite => format!("REPLACE INTO {table} SELECT * FROM {table}"),
        Backend::Postgres => format!("TRUNCATE {table} CASCADE"),
    });
    statements
}

fn assert_append_only(db: &Db, table: &str, column: &str) {
    for sql in changes_to(table, column, db.backend()) {
        let statement = sql.clone();
        let outcome = write(db, move |conn| conn.batch_execute(&statement));
        let reason = outcome.expect_err(&sql).to_string();
        assert!(reason.contains("append-only"), "{:?} {sql}: {reason}", db.backend());
    }
}

#[test]
fn an_audit_entry_cannot_be_changed_or_deleted_by_anyone() {
    for database in databases() {
        let db = &database.db;
        add_audit_entry(db, "one").unwrap();
        assert_append_only(db, "audit_entry", "actor");
        let ours = audit_entry::table.filter(audit_entry::request_id.eq("trap"));
        let actors: Vec<String> = read(db, |conn| ours.select(audit_entry::actor).load(conn));
        assert_eq!(actors, ["li"], "{:?}", db.backend());
    }
}

#[test]
fn a_movement_cannot_be_changed_or_deleted_by_anyone() {
    TestApp::each(|app| {
        put(app, "QN-DEPOT", "M03", "A1", "2026-12-31", 10);
        assert_append_only(&app.app.db, "stock_movement", "note");
        let quantities: Vec<i64> = read(&app.app.db, |conn| {
            stock_movement::table.select(stock_movement::quantity).load(conn)
        });
        assert_eq!(quantities, [10]);
    });
}

#[test]
fn searching_finds_the_same_whatever_the_case_the_width_or_the_wildcards() {
    TestApp::each(|app| {
        let found = |query: &str| -> Vec<String> {
            let page = app.get("auditor", &format!("/items?q={query}")).expect(200);
            let rows = page["rows"].as_array().unwrap().clone();
            rows.iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect()
        };
        // m02, full-width Ｍ０２, "surgical MASK", 75%, a bare %, _, and a backslash.
        assert_eq!(found("m02"), ["M02"]);
        assert_eq!(found("%EF%BC%AD%EF%BC%90%EF%BC%92"), ["M02"]);
        assert_eq!(found("surgical%20MASK"), ["M02"]);
        assert_eq!(found("75%25"), ["D03"]);
        assert_eq!(found("%25"), ["D03"]);
        assert_eq!(found("_"), Vec::<String>::new());
        assert_eq!(found("%5C"), Vec::<String>::new());
    });
}

#[test]
fn raw_sql_stays_in_the_database_floor() {
    // SQLite numbers `$2 - $1` by first appearance, PostgreSQL by the number.
    let mut breaches = Vec::new();
    for file in source::files("src", &[".rs"]) {
        if file.path.starts_with("src/db/") {
            continue;
        }
        for (number, line) in source::code_only(&file.text).lines().enumerate() {
            if line.contains("sql_query") || line.contains("batch_execute") {
                breaches.push(format!("{}:{} {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn an_event_of_an_alert_cannot_be_changed_or_deleted_by_anyone() {
    TestApp::each(|app| {
        put(app, "QN-HOSP", "M03", "L1", "2026-03-20", 10);
        catch_up(&app.app, "test").unwrap();
        let before = app.get("auditor", "/alerts").expect(200);
        assert_append_only(&app.app.db, "alert_event", "note");
        assert_eq!(app.get("auditor", "/alerts").expect(200), before);
    });
}
