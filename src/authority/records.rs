//! Paperwork, as rows.

use crate::access::Scope;
use crate::authority::paperwork::{DocumentRef, Paperwork, PaperworkStatus};
use crate::authority::word::Authority;
use crate::db::schema::paperwork;
use crate::db::{DbConnection, DbError};
use crate::kernel::id::PaperworkId;
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, StoreCode};
use crate::load_locked;
use diesel::prelude::*;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = paperwork, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: PaperworkId,
    document_kind: String,
    document_id: String,
    document_number: Option<String>,
    store_code: Option<StoreCode>,
    other_store_code: Option<StoreCode>,
    authority: String,
    acted_by: String,
    involved: String,
    acted_at: Instant,
    due_at: Instant,
    status: PaperworkStatus,
    decided_by: Option<String>,
    decided_at: Option<Instant>,
    paper_number: Option<String>,
    note: Option<String>,
    version: i64,
}

impl From<&Paperwork> for Row {
    fn from(paperwork: &Paperwork) -> Self {
        let document = paperwork.document.clone();
        Self {
            id: paperwork.id.clone(),
            document_kind: document.kind,
            document_id: document.id,
            document_number: document.number,
            store_code: document.store,
            other_store_code: document.other_store,
            authority: paperwork.authority.to_json(),
            acted_by: paperwork.acted_by.clone(),
            involved: serde_json::json!(paperwork.involved).to_string(),
            acted_at: paperwork.acted_at,
            due_at: paperwork.due_at,
            status: paperwork.status,
            decided_by: paperwork.decided_by.clone(),
            decided_at: paperwork.decided_at,
            paper_number: paperwork.paper_number.clone(),
            note: paperwork.note.clone(),
            version: paperwork.version,
        }
    }
}

impl TryFrom<Row> for Paperwork {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id,
            document: DocumentRef {
                kind: row.document_kind,
                id: row.document_id,
                number: row.document_number,
                store: row.store_code,
                other_store: row.other_store_code,
            },
            authority: read_authority(&row.authority)?,
            acted_by: row.acted_by,
            involved: serde_json::from_str(&row.involved).map_err(unreadable)?,
            acted_at: row.acted_at,
            due_at: row.due_at,
            status: row.status,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            paper_number: row.paper_number,
            note: row.note,
            version: row.version,
        })
    }
}

fn unreadable(error: serde_json::Error) -> DbError {
    DbError::Query(diesel::result::Error::DeserializationError(Box::new(error)))
}

/// Reads an authority that was kept as JSON.
///
/// # Errors
/// When it is none of ours, which only a damaged row could cause.
pub fn read_authority(json: &str) -> Result<Authority, DbError> {
    serde_json::from_str(json).map_err(unreadable)
}

/// Stores new paperwork.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, paperwork: &Paperwork) -> Result<(), DbError> {
    diesel::insert_into(paperwork::table).values(Row::from(paperwork)).execute(conn)?;
    Ok(())
}

/// Stores changed paperwork.
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, paperwork: &Paperwork) -> Result<(), DbError> {
    diesel::update(paperwork::table.find(&paperwork.id)).set(Row::from(paperwork)).execute(conn)?;
    Ok(())
}

/// The paperwork of an id, locked for a change.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, id: &PaperworkId) -> Result<Option<Paperwork>, DbError> {
    let mut rows: Vec<Row> =
        load_locked!(conn, paperwork::table.find(id).select(Row::as_select()), Row)?;
    rows.pop().map(Paperwork::try_from).transpose()
}

/// The paperwork of an id.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, id: &PaperworkId) -> Result<Option<Paperwork>, DbError> {
    let row: Option<Row> =
        paperwork::table.find(id).select(Row::as_select()).first(conn).optional()?;
    row.map(Paperwork::try_from).transpose()
}

/// The paperwork of a document, oldest first; a document has no more than a few.
///
/// # Errors
/// When the database fails.
pub fn of_document(
    conn: &mut DbConnection,
    kind: &str,
    document_id: &str,
) -> Result<Vec<Paperwork>, DbError> {
    let rows: Vec<Row> = paperwork::table
        .filter(paperwork::document_kind.eq(kind))
        .filter(paperwork::document_id.eq(document_id))
        .select(Row::as_select())
        .order((paperwork::acted_at, paperwork::id))
        .limit(PageSize::MAX)
        .load(conn)?;
    rows.into_iter().map(Paperwork::try_from).collect()
}

/// Which paperwork to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this status.
    pub status: Option<PaperworkStatus>,
    /// Due before this.
    pub due_before: Option<Instant>,
    /// Of this kind of document.
    pub document_kind: Option<String>,
    /// Of this store, at either end.
    pub store: Option<StoreCode>,
}

/// Paperwork in scope that is due first in front, after one.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<(Instant, PaperworkId)>,
    size: PageSize,
) -> Result<Vec<Paperwork>, DbError> {
    let mut query = paperwork::table.select(Row::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(
            paperwork::store_code
                .eq_any(stores.clone())
                .or(paperwork::other_store_code.eq_any(stores)),
        );
    }
    if let Some(status) = filter.status {
        query = query.filter(paperwork::status.eq(status));
    }
    if let Some(due_before) = filter.due_before {
        query = query.filter(paperwork::due_at.lt(due_before));
    }
    if let Some(kind) = &filter.document_kind {
        query = query.filter(paperwork::document_kind.eq(kind));
    }
    if let Some(store) = &filter.store {
        query =
            query.filter(paperwork::store_code.eq(store).or(paperwork::other_store_code.eq(store)));
    }
    if let Some((due_at, id)) = after {
        query = query.filter(
            paperwork::due_at.gt(due_at).or(paperwork::due_at.eq(due_at).and(paperwork::id.gt(id))),
        );
    }
    let rows: Vec<Row> =
        query.order((paperwork::due_at, paperwork::id)).limit(size.probe()).load(conn)?;
    rows.into_iter().map(Paperwork::try_from).collect()
}

/// The paperwork of many documents of a kind, oldest first.
///
/// # Errors
/// When the database fails.
pub fn of_documents(
    conn: &mut DbConnection,
    kind: &str,
    document_ids: &[String],
) -> Result<Vec<Paperwork>, DbError> {
    let rows: Vec<Row> = paperwork::table
        .filter(paperwork::document_kind.eq(kind))
        .filter(paperwork::document_id.eq_any(document_ids))
        .select(Row::as_select())
        .order((paperwork::acted_at, paperwork::id))
        .load(conn)?;
    rows.into_iter().map(Paperwork::try_from).collect()
}
