//! Locks on names for which no row stands yet; PostgreSQL only, because SQLite has one writer.

use diesel::pg::PgConnection;
use diesel::sql_types::{Array, Text};
use diesel::{QueryResult, RunQueryDsl};

/// Waits for the locks of some names, which are held until the transaction ends. They are taken in the
/// order given.
///
/// What others wrote while they held a lock is seen only by a statement after this one.
///
/// # Errors
/// When the database fails, or when the wait takes too long.
pub fn lock_names(conn: &mut PgConnection, names: &[String]) -> QueryResult<()> {
    let locks = diesel::dsl::sql::<diesel::sql_types::BigInt>(
        "count(pg_advisory_xact_lock(hashtextextended(name, 0))) FROM unnest(",
    )
    .bind::<Array<Text>, _>(names)
    .sql(") AS name");
    crate::steady!(diesel::select(locks)).get_result::<i64>(conn).map(drop)
}
