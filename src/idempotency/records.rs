//! The kept answers.

use crate::db::schema::idempotency_key as kept;
use crate::db::{DbConnection, DbError};
use crate::idempotency::{KeptAnswer, KeyedRequest};
use crate::kernel::Instant;
use crate::kernel::id::UserId;
use crate::{on_each_backend, steady, steady_write};
use diesel::prelude::*;

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
/// On SQLite there is one writer, so a key that is not there is ours without a row that says so;
/// it is written once, with its answer.
///
/// # Errors
/// [`DbError::Busy`] when the wait ends without an answer.
pub fn claim(
    conn: &mut DbConnection,
    user: &UserId,
    request: &KeyedRequest,
    now: Instant,
) -> Result<Claim, DbError> {
    if let DbConnection::Postgres(conn) = conn {
        let row = (
            kept::user_id.eq(user),
            kept::key.eq(&request.key),
            kept::fingerprint.eq(&request.fingerprint),
            kept::status.eq(0),
            kept::body.eq(""),
            kept::recorded_at.eq(now),
        );
        let inserted =
            diesel::insert_into(kept::table).values(row).on_conflict_do_nothing().execute(conn)?;
        if inserted == 1 {
            return Ok(Claim::Fresh);
        }
    }
    type Row = (String, i64, String, Option<String>, Option<String>);
    let query = kept::table.find((user, &request.key)).select((
        kept::fingerprint,
        kept::status,
        kept::body,
        kept::etag,
        kept::location,
    ));
    let known = on_each_backend!(conn, |c| steady!(query).get_result::<Row>(c)).optional()?;
    Ok(match known {
        None => Claim::Fresh,
        Some((fingerprint, ..)) if fingerprint != request.fingerprint => Claim::Reused,
        Some((_, status, body, etag, location)) => {
            let status = u16::try_from(status).unwrap_or(500);
            Claim::Answered(KeptAnswer { status, body, etag, location })
        }
    })
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
    let said = (
        kept::status.eq(i64::from(answer.status)),
        kept::body.eq(&answer.body),
        kept::etag.eq(&answer.etag),
        kept::location.eq(&answer.location),
    );
    match conn {
        DbConnection::Postgres(conn) => {
            let update = diesel::update(kept::table.find((user, &request.key))).set(said);
            steady_write!(update).run(conn)?;
        }
        DbConnection::Sqlite(conn) => {
            let row = (
                kept::user_id.eq(user),
                kept::key.eq(&request.key),
                kept::fingerprint.eq(&request.fingerprint),
                kept::recorded_at.eq(now),
                said,
            );
            steady_write!(diesel::insert_into(kept::table).values(row)).run(conn)?;
        }
    }
    Ok(())
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
