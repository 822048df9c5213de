//! The rows that have been imported; nothing updates or deletes them.

use crate::db::schema::import_row;
use crate::db::{DbConnection, DbError};
use crate::exchange::kind::ImportKind;
use crate::kernel::Instant;
use diesel::prelude::*;
use std::collections::HashMap;

/// A row that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = import_row)]
pub struct ImportedRow {
    /// What tells the row from every other.
    pub fingerprint: String,
    /// SHA-256 of all that the row says.
    pub content_hash: String,
    /// What the row is.
    pub kind: ImportKind,
    /// SHA-256 of the file.
    pub file_hash: String,
    /// The line of the file.
    pub line: i64,
    /// The kind of document that it made, as the audit trail calls it.
    pub document_kind: String,
    /// The document's id or code.
    pub document_id: String,
    /// The user's name.
    pub imported_by: String,
    /// When it was imported.
    pub imported_at: Instant,
}

/// Rows asked for or written at once; PostgreSQL allows 65 535 parameters and a row has nine.
const CHUNK: usize = 1_000;

/// Which of the fingerprints were imported: the content hash and the document of each.
///
/// # Errors
/// When the database fails.
pub fn find(
    conn: &mut DbConnection,
    fingerprints: &[String],
) -> Result<HashMap<String, (String, String)>, DbError> {
    let mut found = HashMap::new();
    for chunk in fingerprints.chunks(CHUNK) {
        let rows: Vec<(String, String, String)> = import_row::table
            .filter(import_row::fingerprint.eq_any(chunk))
            .select((import_row::fingerprint, import_row::content_hash, import_row::document_id))
            .load(conn)?;
        found.extend(rows.into_iter().map(|(print, hash, document)| (print, (hash, document))));
    }
    Ok(found)
}

/// Keeps rows that were imported.
///
/// # Errors
/// When the database fails; another import may have been first with one of the rows.
pub fn insert(conn: &mut DbConnection, rows: &[ImportedRow]) -> Result<(), DbError> {
    match conn {
        DbConnection::Postgres(conn) => {
            for chunk in rows.chunks(CHUNK) {
                diesel::insert_into(import_row::table).values(chunk).execute(conn)?;
            }
        }
        // Diesel turns several rows into a transaction of its own here, which cannot nest.
        DbConnection::Sqlite(conn) => {
            for row in rows {
                diesel::insert_into(import_row::table).values(row).execute(conn)?;
            }
        }
    }
    Ok(())
}
