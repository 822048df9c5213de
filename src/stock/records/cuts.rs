//! Promises in the order in which they were made, and those that facts cut.

use crate::access::Scope;
use crate::db::schema::{reservation, reservation_cut};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{LotId, ReservationCutId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::stock::facts::Promise;
use crate::stock::movement::DocumentRef;
use crate::stock::records::Reservation;
use crate::stock::unmatched::ReservationCut;
use diesel::prelude::*;
use std::collections::BTreeMap;

/// What a store has promised of some items; their balances are to be locked before.
///
/// # Errors
/// When the database fails.
pub fn promises_of(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: &[ItemCode],
) -> Result<Vec<(ItemCode, Promise)>, DbError> {
    let rows: Vec<(Reservation, Instant)> = reservation::table
        .filter(reservation::store_code.eq(store))
        .filter(reservation::item_code.eq_any(items))
        .select((Reservation::as_select(), reservation::promised_at))
        .order((
            reservation::document_kind,
            reservation::document_id,
            reservation::line_no,
            reservation::lot_id,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(row, promised_at)| {
            let promise = Promise {
                document_kind: row.document_kind,
                document_id: row.document_id,
                line_no: row.line_no,
                lot_id: row.lot_id,
                quantity: row.quantity,
                promised_at,
            };
            (row.item_code, promise)
        })
        .collect())
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = reservation_cut, treat_none_as_default_value = false)]
struct CutRow {
    id: ReservationCutId,
    document_kind: String,
    document_id: String,
    line_no: i64,
    store_code: StoreCode,
    lot_id: LotId,
    item_code: ItemCode,
    quantity: Quantity,
    by_kind: String,
    by_id: String,
    by_number: String,
    slip_number: String,
    cut_at: Instant,
    actor: String,
    acknowledged_at: Option<Instant>,
    acknowledged_by: Option<String>,
}

impl From<CutRow> for ReservationCut {
    fn from(row: CutRow) -> Self {
        Self {
            id: row.id,
            document_kind: row.document_kind,
            document_id: row.document_id,
            line_no: row.line_no,
            store_code: row.store_code,
            lot_id: row.lot_id,
            item_code: row.item_code,
            quantity: row.quantity,
            by: DocumentRef { kind: row.by_kind, id: row.by_id, number: row.by_number },
            slip_number: row.slip_number,
            cut_at: row.cut_at,
            actor: row.actor,
            acknowledged_at: row.acknowledged_at,
            acknowledged_by: row.acknowledged_by,
        }
    }
}

/// Keeps that a promise was cut.
///
/// # Errors
/// When the database fails.
pub fn insert_cut(conn: &mut DbConnection, cut: &ReservationCut) -> Result<(), DbError> {
    let cut = cut.clone();
    let row = CutRow {
        id: cut.id,
        document_kind: cut.document_kind,
        document_id: cut.document_id,
        line_no: cut.line_no,
        store_code: cut.store_code,
        lot_id: cut.lot_id,
        item_code: cut.item_code,
        quantity: cut.quantity,
        by_kind: cut.by.kind,
        by_id: cut.by.id,
        by_number: cut.by.number,
        slip_number: cut.slip_number,
        cut_at: cut.cut_at,
        actor: cut.actor,
        acknowledged_at: cut.acknowledged_at,
        acknowledged_by: cut.acknowledged_by,
    };
    diesel::insert_into(reservation_cut::table).values(row).execute(conn)?;
    Ok(())
}

/// What facts cut of the promises to some documents of a kind, in the order of cutting.
///
/// # Errors
/// When the database fails.
pub fn cuts_of(
    conn: &mut DbConnection,
    document_kind: &str,
    document_ids: &[&str],
) -> Result<BTreeMap<String, Vec<ReservationCut>>, DbError> {
    let rows: Vec<CutRow> = reservation_cut::table
        .filter(reservation_cut::document_kind.eq(document_kind))
        .filter(reservation_cut::document_id.eq_any(document_ids))
        .select(CutRow::as_select())
        .order((reservation_cut::cut_at, reservation_cut::id))
        .load(conn)?;
    let mut cuts: BTreeMap<String, Vec<ReservationCut>> = BTreeMap::new();
    for row in rows {
        cuts.entry(row.document_id.clone()).or_default().push(row.into());
    }
    Ok(cuts)
}

/// What a document cut at a moment, in the order of documents.
///
/// # Errors
/// When the database fails.
pub fn cuts_by(
    conn: &mut DbConnection,
    by_kind: &str,
    by_id: &str,
    cut_at: Instant,
) -> Result<Vec<ReservationCut>, DbError> {
    let rows: Vec<CutRow> = reservation_cut::table
        .filter(reservation_cut::cut_at.eq(cut_at))
        .filter(reservation_cut::by_kind.eq(by_kind))
        .filter(reservation_cut::by_id.eq(by_id))
        .select(CutRow::as_select())
        .order((reservation_cut::document_id, reservation_cut::line_no, reservation_cut::id))
        .load(conn)?;
    Ok(rows.into_iter().map(ReservationCut::from).collect())
}

/// Keeps that somebody went on with a document knowing of its cuts.
///
/// # Errors
/// When the database fails.
pub fn acknowledge(
    conn: &mut DbConnection,
    cuts: &[ReservationCut],
    by: &str,
    at: Instant,
) -> Result<(), DbError> {
    let ids: Vec<&ReservationCutId> = cuts.iter().map(|cut| &cut.id).collect();
    diesel::update(reservation_cut::table.filter(reservation_cut::id.eq_any(ids)))
        .set((
            reservation_cut::acknowledged_at.eq(Some(at)),
            reservation_cut::acknowledged_by.eq(Some(by)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Which cuts to list.
#[derive(Debug, Clone, Default)]
pub struct CutFilter {
    /// At this store.
    pub store: Option<StoreCode>,
    /// Of this item.
    pub item: Option<ItemCode>,
    /// Lost by the document of this id.
    pub document_id: Option<String>,
    /// Whether somebody went on with the document since.
    pub acknowledged: Option<bool>,
}

/// Cuts at stores in scope, the newest in front, after one.
///
/// # Errors
/// When the database fails.
pub fn cuts(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &CutFilter,
    after: Option<(Instant, ReservationCutId)>,
    size: PageSize,
) -> Result<Vec<ReservationCut>, DbError> {
    let mut query = reservation_cut::table.select(CutRow::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(reservation_cut::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(reservation_cut::store_code.eq(store));
    }
    if let Some(item) = &filter.item {
        query = query.filter(reservation_cut::item_code.eq(item));
    }
    if let Some(document) = &filter.document_id {
        query = query.filter(reservation_cut::document_id.eq(document));
    }
    match filter.acknowledged {
        Some(true) => query = query.filter(reservation_cut::acknowledged_at.is_not_null()),
        Some(false) => query = query.filter(reservation_cut::acknowledged_at.is_null()),
        None => {}
    }
    if let Some((at, id)) = after {
        query = query.filter(
            reservation_cut::cut_at
                .lt(at)
                .or(reservation_cut::cut_at.eq(at).and(reservation_cut::id.lt(id))),
        );
    }
    let rows: Vec<CutRow> = query
        .order((reservation_cut::cut_at.desc(), reservation_cut::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    Ok(rows.into_iter().map(ReservationCut::from).collect())
}
