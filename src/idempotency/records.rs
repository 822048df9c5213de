//! The kept answers.

use crate::db::held::{self, HeldRow};
use crate::db::memory::{self, Remembered};
use crate::db::named_lock::lock_names;
use crate::db::schema::idempotency_key as kept;
use crate::db::{DbConnection, DbError};
use crate::idempotency::{KeptAnswer, KeyedRequest};
use crate::kernel::Instant;
use crate::kernel::id::UserId;
use crate::{insert_rows, steady};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// What is known of a key.
#[derive(Debug)]
pub enum Claim {
    /// Nobody used it; it is now ours until the transaction ends.
    Fresh,
    /// The same request was answered so.
    Answered(KeptAnswer),
    /// It was used for another request.
    Reused,
}

/// Claims a key. While another transaction holds it, PostgreSQL waits and SQLite queues.
///
/// The key is written once, with its answer. On SQLite there is one writer, so a key that is not there
/// is ours without a row that says so; on PostgreSQL a lock on its hash says so until the transaction
/// ends.
///
/// # Errors
/// [`DbError::Busy`] when the wait ends without an answer.
pub fn claim(
    conn: &mut DbConnection,
    user: &UserId,
    request: &KeyedRequest,
) -> Result<Claim, DbError> {
    let id = (user.clone(), request.key.clone());
    let known = match held::find(&id, Row::clone) {
        Some(row) => Some(row),
        None => known(conn, &id)?,
    };
    Ok(match known {
        None => Claim::Fresh,
        Some(row) if row.fingerprint != request.fingerprint => Claim::Reused,
        Some(Row { status, body, etag, location, .. }) => {
            let status = u16::try_from(status).unwrap_or(500);
            Claim::Answered(KeptAnswer { status, body, etag, location })
        }
    })
}

fn known(conn: &mut DbConnection, id: &(UserId, String)) -> Result<Option<Row>, DbError> {
    if let Some(known) = memory::recall(|foreseen: &mut Foreseen| foreseen.0.remove(id)).flatten() {
        return Ok(known);
    }
    let (user, key) = id;
    let query = || kept::table.find((user, key));
    Ok(match conn {
        DbConnection::Postgres(conn) => {
            lock_names(conn, &[locked(id)])?;
            steady!(query().select(Row::as_select())).get_result(conn).optional()?
        }
        DbConnection::Sqlite(conn) => {
            steady!(query().select(Row::as_select())).get_result(conn).optional()?
        }
    })
}

/// What is locked for a key.
fn locked((user, key): &(UserId, String)) -> String {
    format!("{user} {key}")
}

/// Keys that were claimed before the commands that carry them: each with what is kept under it.
#[derive(Default)]
struct Foreseen(BTreeMap<(UserId, String), Option<Row>>);

impl Remembered for Foreseen {}

/// Claims the keys of some requests in one go, in which each is then claimed; on SQLite it changes
/// nothing.
///
/// # Errors
/// As [`claim`].
pub fn foresee(
    conn: &mut DbConnection,
    user: &UserId,
    requests: &[&KeyedRequest],
) -> Result<(), DbError> {
    let DbConnection::Postgres(conn) = conn else { return Ok(()) };
    let mut ids: Vec<(UserId, String)> =
        requests.iter().map(|request| (user.clone(), request.key.clone())).collect();
    ids.sort_unstable();
    ids.dedup();
    let locks: Vec<String> = ids.iter().map(locked).collect();
    lock_names(conn, &locks)?;
    let keys: Vec<&String> = ids.iter().map(|(_, key)| key).collect();
    let query = kept::table.filter(kept::user_id.eq(user)).filter(kept::key.eq_any(keys));
    let rows: Vec<Row> = steady!(query.select(Row::as_select())).load(conn)?;
    memory::recall(|foreseen: &mut Foreseen| {
        foreseen.0 = ids.into_iter().map(|id| (id, None)).collect();
        foreseen.0.extend(rows.into_iter().map(|row| (row.key(), Some(row))));
    });
    Ok(())
}

/// Keeps the answer under the key that was claimed.
///
/// # Errors
/// When the database fails.
pub fn keep(
    conn: &mut DbConnection,
    user: &UserId,
    request: &KeyedRequest,
    answer: &KeptAnswer,
    now: Instant,
) -> Result<(), DbError> {
    let row = Row {
        user_id: user.clone(),
        key: request.key.clone(),
        fingerprint: request.fingerprint.clone(),
        status: i64::from(answer.status),
        body: answer.body.clone(),
        etag: answer.etag.clone(),
        location: answer.location.clone(),
        recorded_at: now,
    };
    held::write(conn, vec![row])
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = kept, treat_none_as_default_value = false)]
struct Row {
    user_id: UserId,
    key: String,
    fingerprint: String,
    status: i64,
    body: String,
    etag: Option<String>,
    location: Option<String>,
    recorded_at: Instant,
}

impl HeldRow for Row {
    type Key = (UserId, String);

    fn key(&self) -> (UserId, String) {
        (self.user_id.clone(), self.key.clone())
    }

    fn write(conn: &mut DbConnection, rows: Vec<Self>) -> Result<(), DbError> {
        insert_rows!(conn, kept, rows);
        Ok(())
    }
}

/// Forgets up to `most` answers that were kept before an instant, oldest first; how many it were.
///
/// # Errors
/// When the database fails.
pub fn forget(conn: &mut DbConnection, before: Instant, most: i64) -> Result<usize, DbError> {
    let old: Vec<(UserId, String)> = kept::table
        .filter(kept::recorded_at.lt(before))
        .select((kept::user_id, kept::key))
        .order((kept::recorded_at, kept::user_id, kept::key))
        .limit(most)
        .load(conn)?;
    for (user, key) in &old {
        diesel::delete(kept::table.find((user, key))).execute(conn)?;
    }
    Ok(old.len())
}
