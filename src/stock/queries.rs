//! Reading the ledger: stock, movements, lots and documents, in scope.

use crate::access::Scope;
use crate::catalogue::Category;
use crate::db::schema::{
    lot, makers_lot, stock_balance, stock_document, stock_movement, transit_balance,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{DispatchId, LotId, MakersLotId, MovementId, ShipmentId, StockDocumentId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, Quantity, RegionCode, StoreCode};
use crate::stock::account::StockState;
use crate::stock::balance::LotBalance;
use crate::stock::document::{DocumentKind, DocumentStatus, StockDocument};
use crate::stock::lot::{Lot, MakersLot};
use crate::stock::movement::{Movement, MovementKind};
use crate::stock::records::{DocumentRow, MakersLotRow, MovementRow, find_lots};
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::BTreeMap;

pub mod at;
pub mod card;
pub mod corrections;
pub mod fresh;
pub mod fulfilment;
pub mod summary;
pub mod unmatched;
pub mod usage;

/// Which stock to look at.
#[derive(Debug, Clone, Default)]
pub struct StockFilter {
    /// In this store.
    pub store: Option<StoreCode>,
    /// Of this item.
    pub item: Option<ItemCode>,
    /// In stores of this region.
    pub region: Option<RegionCode>,
    /// Of items of this category.
    pub category: Option<Category>,
    /// In this state.
    pub state: Option<StockState>,
}

type StockKey = (StoreCode, ItemCode, LotId, StockState);

/// Balances that are not empty, by store, item, lot and state, after a place.
///
/// # Errors
/// When the database fails.
pub fn stock(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &StockFilter,
    after: Option<StockKey>,
    limit: i64,
) -> Result<Vec<LotBalance>, DbError> {
    let places = at::places(conn, scope, filter)?;
    // Stores are named one by one, so that each is a stretch of an index of what is not empty:
    // without statistics SQLite would walk every lot that a store ever held.
    let mut query = stock_balance::table
        .filter(stock_balance::live_until.ge(Instant::LAST))
        .filter(stock_balance::store_code.eq_any(places.stores.unwrap_or_default()))
        .select((
            stock_balance::store_code,
            stock_balance::lot_id,
            stock_balance::state,
            stock_balance::on_hand,
            stock_balance::reserved,
            stock_balance::last_occurred_at,
        ))
        .into_boxed();
    if let Some(items) = places.items {
        query = query.filter(stock_balance::item_code.eq_any(items));
    }
    if let Some(state) = filter.state {
        query = query.filter(stock_balance::state.eq(state));
    }
    if let Some((store, item, lot, state)) = after {
        let beyond =
            stock_balance::store_code.gt(store.clone()).or(stock_balance::store_code
                .eq(store)
                .and(
                    stock_balance::item_code.gt(item.clone()).or(stock_balance::item_code
                        .eq(item)
                        .and(stock_balance::lot_id.gt(lot.clone()).or(
                            stock_balance::lot_id.eq(lot).and(stock_balance::state.gt(state)),
                        ))),
                ));
        query = query.filter(beyond);
    }
    let rows: Vec<(StoreCode, LotId, StockState, Quantity, Quantity, Instant)> = query
        .order((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            stock_balance::state,
        ))
        .limit(limit)
        .load(conn)?;
    let mut ids: Vec<LotId> = rows.iter().map(|row| row.1.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let lots = find_lots(conn, &ids)?;
    let balances = rows.into_iter().filter_map(
        |(store_code, lot_id, state, on_hand, reserved, last_occurred_at)| {
            let lot = lots.get(&lot_id)?.clone();
            Some(LotBalance { store_code, lot, state, on_hand, reserved, last_occurred_at })
        },
    );
    Ok(balances.collect())
}

/// Stock on a lorry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTransit {
    /// The dispatch.
    pub dispatch_id: DispatchId,
    /// The lorry.
    pub shipment_id: ShipmentId,
    /// The lot.
    pub lot_id: LotId,
    /// The item.
    pub item_code: ItemCode,
    /// The sender.
    pub from_store: StoreCode,
    /// The receiver.
    pub to_store: StoreCode,
    /// When it is expected.
    pub expected_at: Instant,
    /// The last day of use, where the lot has one.
    pub expires_on: Option<NaiveDate>,
    /// How much is on the way.
    pub quantity: Quantity,
}

/// Everything on the way of which an end lies in scope, by dispatch, lorry and lot.
///
/// # Errors
/// When the database fails.
pub fn in_transit(
    conn: &mut DbConnection,
    scope: &Scope,
    store: Option<&StoreCode>,
    item_code: Option<&ItemCode>,
    dispatch: Option<&DispatchId>,
) -> Result<Vec<InTransit>, DbError> {
    let mut query = transit_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(transit_balance::live_until.eq(Instant::LAST))
        .select((
            transit_balance::dispatch_id,
            transit_balance::shipment_id,
            transit_balance::lot_id,
            transit_balance::item_code,
            transit_balance::from_store,
            transit_balance::to_store,
            transit_balance::expected_at,
            makers_lot::expires_on,
            transit_balance::on_hand,
        ))
        .into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(
            transit_balance::from_store
                .eq_any(stores.clone())
                .or(transit_balance::to_store.eq_any(stores)),
        );
    }
    if let Some(store) = store {
        query = query
            .filter(transit_balance::from_store.eq(store).or(transit_balance::to_store.eq(store)));
    }
    if let Some(code) = item_code {
        query = query.filter(transit_balance::item_code.eq(code));
    }
    if let Some(dispatch) = dispatch {
        query = query.filter(transit_balance::dispatch_id.eq(dispatch));
    }
    type Row = (
        DispatchId,
        ShipmentId,
        LotId,
        ItemCode,
        StoreCode,
        StoreCode,
        Instant,
        Option<NaiveDate>,
        Quantity,
    );
    let rows: Vec<Row> = query
        .order((
            transit_balance::expected_at,
            transit_balance::dispatch_id,
            transit_balance::shipment_id,
            transit_balance::lot_id,
        ))
        .load(conn)?;
    let to = |row: Row| InTransit {
        dispatch_id: row.0,
        shipment_id: row.1,
        lot_id: row.2,
        item_code: row.3,
        from_store: row.4,
        to_store: row.5,
        expected_at: row.6,
        expires_on: row.7,
        quantity: row.8,
    };
    Ok(rows.into_iter().map(to).collect())
}

/// Which movements to list.
#[derive(Debug, Clone, Default)]
pub struct MovementFilter {
    /// In the chain of this store.
    pub store: Option<StoreCode>,
    /// Of this item.
    pub item: Option<ItemCode>,
    /// Of this lot.
    pub lot: Option<LotId>,
    /// Of this kind.
    pub kind: Option<MovementKind>,
    /// Behind this document.
    pub document_id: Option<String>,
    /// That happened at or after.
    pub from: Option<Instant>,
    /// That happened before.
    pub to: Option<Instant>,
}

/// Movements in the order in which they were recorded, after a place.
///
/// # Errors
/// When the database fails.
pub fn movements(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &MovementFilter,
    after: Option<(Instant, MovementId)>,
    size: PageSize,
) -> Result<Vec<Movement>, DbError> {
    let mut query = stock_movement::table.select(MovementRow::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stock_movement::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(stock_movement::store_code.eq(store));
    }
    if let Some(item) = &filter.item {
        query = query.filter(stock_movement::item_code.eq(item));
    }
    if let Some(lot) = &filter.lot {
        query = query.filter(stock_movement::lot_id.eq(lot));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(stock_movement::kind.eq(kind));
    }
    if let Some(document) = &filter.document_id {
        query = query.filter(stock_movement::document_id.eq(document));
    }
    if let Some(from) = filter.from {
        query = query.filter(stock_movement::occurred_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(stock_movement::occurred_at.lt(to));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            stock_movement::recorded_at
                .gt(at)
                .or(stock_movement::recorded_at.eq(at).and(stock_movement::id.gt(id))),
        );
    }
    let rows: Vec<MovementRow> = query
        .order((stock_movement::recorded_at, stock_movement::id))
        .limit(size.probe())
        .load(conn)?;
    rows.into_iter().map(Movement::try_from).collect()
}

/// The movement of an id.
///
/// # Errors
/// When the database fails.
pub fn movement(conn: &mut DbConnection, id: &MovementId) -> Result<Option<Movement>, DbError> {
    let row: Option<MovementRow> =
        stock_movement::table.find(id).select(MovementRow::as_select()).first(conn).optional()?;
    row.map(Movement::try_from).transpose()
}

/// The movements of a document, in the order of its lines and of recording.
///
/// # Errors
/// When the database fails.
pub fn movements_of(
    conn: &mut DbConnection,
    document_kind: &str,
    document_id: &str,
) -> Result<Vec<Movement>, DbError> {
    let rows: Vec<MovementRow> = stock_movement::table
        .filter(stock_movement::document_kind.eq(document_kind))
        .filter(stock_movement::document_id.eq(document_id))
        .select(MovementRow::as_select())
        .order((stock_movement::recorded_at, stock_movement::line_no, stock_movement::id))
        .load(conn)?;
    rows.into_iter().map(Movement::try_from).collect()
}

/// Movements that take others back, with how much, by the one they take back.
pub type Reversals = BTreeMap<MovementId, Vec<(MovementId, Quantity)>>;

/// The movements that take others back.
///
/// # Errors
/// When the database fails.
pub fn reversals_of(conn: &mut DbConnection, ids: &[MovementId]) -> Result<Reversals, DbError> {
    reversals_as_known(conn, ids, None)
}

/// The same, among those that were on record by `known`.
///
/// # Errors
/// When the database fails.
pub fn reversals_as_known(
    conn: &mut DbConnection,
    ids: &[MovementId],
    known: Option<Instant>,
) -> Result<Reversals, DbError> {
    let known = known.unwrap_or(Instant::LAST);
    let mut found = Reversals::new();
    for ids in ids.chunks(1_000) {
        let rows: Vec<(Option<MovementId>, MovementId, Quantity)> = stock_movement::table
            .filter(stock_movement::reverses.eq_any(ids))
            .filter(stock_movement::recorded_at.le(known))
            .select((stock_movement::reverses, stock_movement::id, stock_movement::quantity))
            .order((stock_movement::recorded_at, stock_movement::id))
            .load(conn)?;
        for (reversed, id, quantity) in rows {
            if let Some(reversed) = reversed {
                found.entry(reversed).or_default().push((id, quantity));
            }
        }
    }
    Ok(found)
}

/// Which documents to list.
#[derive(Debug, Clone, Default)]
pub struct DocumentFilter {
    /// Of this store.
    pub store: Option<StoreCode>,
    /// With this status.
    pub status: Option<DocumentStatus>,
    /// With this number.
    pub number: Option<String>,
    /// That happened at or after.
    pub from: Option<Instant>,
    /// That happened before.
    pub to: Option<Instant>,
}

/// Documents of a kind, newest first, after a place.
///
/// # Errors
/// When the database fails.
pub fn documents(
    conn: &mut DbConnection,
    scope: &Scope,
    kind: DocumentKind,
    filter: &DocumentFilter,
    after: Option<(Instant, StockDocumentId)>,
    size: PageSize,
) -> Result<Vec<StockDocument>, DbError> {
    let mut query = stock_document::table
        .filter(stock_document::kind.eq(kind))
        .select(DocumentRow::as_select())
        .into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stock_document::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(stock_document::store_code.eq(store));
    }
    if let Some(status) = filter.status {
        query = query.filter(stock_document::status.eq(status));
    }
    if let Some(number) = &filter.number {
        query = query.filter(stock_document::number.eq(number));
    }
    if let Some(from) = filter.from {
        query = query.filter(stock_document::occurred_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(stock_document::occurred_at.lt(to));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            stock_document::recorded_at
                .lt(at)
                .or(stock_document::recorded_at.eq(at).and(stock_document::id.lt(id))),
        );
    }
    let rows: Vec<DocumentRow> = query
        .order((stock_document::recorded_at.desc(), stock_document::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    Ok(rows.into_iter().map(StockDocument::from).collect())
}

/// The document of a kind with this id or number, in scope.
///
/// # Errors
/// When the database fails.
pub fn document(
    conn: &mut DbConnection,
    scope: &Scope,
    kind: DocumentKind,
    id_or_number: &str,
) -> Result<Option<StockDocument>, DbError> {
    let mut query =
        stock_document::table
            .filter(stock_document::kind.eq(kind))
            .filter(stock_document::number.eq(id_or_number).or(
                stock_document::id.eq_any(StockDocumentId::try_from(id_or_number.to_owned()).ok()),
            ))
            .select(DocumentRow::as_select())
            .into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stock_document::store_code.eq_any(stores));
    }
    let row: Option<DocumentRow> = query.order(stock_document::id).first(conn).optional()?;
    Ok(row.map(StockDocument::from))
}

/// Which lots to list.
#[derive(Debug, Clone, Default)]
pub struct LotFilter {
    /// Of this item.
    pub item: Option<ItemCode>,
    /// That expire on or before this day.
    pub expires_by: Option<NaiveDate>,
    /// With this number on the label.
    pub lot_number: Option<String>,
    /// Recalled or not.
    pub recalled: Option<bool>,
}

/// Lots of which stock in scope is or was, first expired first, after a place.
///
/// # Errors
/// When the database fails.
pub fn lots(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &LotFilter,
    after: Option<(bool, Option<NaiveDate>, LotId)>,
    size: PageSize,
) -> Result<Vec<Lot>, DbError> {
    let mut query = lot::table.inner_join(makers_lot::table).select(lot::id).into_boxed();
    if let Some(stores) = scope.stores() {
        let seen = stock_balance::table
            .filter(stock_balance::store_code.eq_any(stores))
            .select(stock_balance::lot_id);
        query = query.filter(lot::id.eq_any(seen));
    }
    if let Some(item) = &filter.item {
        query = query.filter(lot::item_code.eq(item));
    }
    if let Some(day) = filter.expires_by {
        query = query.filter(makers_lot::expires_on.le(day));
    }
    if let Some(number) = &filter.lot_number {
        query = query.filter(makers_lot::lot_number.eq(number));
    }
    match filter.recalled {
        Some(true) => query = query.filter(makers_lot::recalled_at.is_not_null()),
        Some(false) => query = query.filter(makers_lot::recalled_at.is_null()),
        None => {}
    }
    query = match after {
        Some((false, Some(day), id)) => query.filter(
            makers_lot::expires_on
                .gt(day)
                .or(makers_lot::expires_on.eq(day).and(lot::id.gt(id)))
                .or(makers_lot::expires_on.is_null()),
        ),
        Some((_, _, id)) => query.filter(makers_lot::expires_on.is_null().and(lot::id.gt(id))),
        None => query,
    };
    let ids: Vec<LotId> = query
        .order((makers_lot::expires_on.is_null(), makers_lot::expires_on, lot::id))
        .limit(size.probe())
        .load(conn)?;
    let mut found = find_lots(conn, &ids)?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The ids of all lots of a maker's lot.
///
/// # Errors
/// When the database fails.
pub fn lots_of_makers_lot(
    conn: &mut DbConnection,
    id: &MakersLotId,
) -> Result<Vec<LotId>, DbError> {
    Ok(lot::table.filter(lot::makers_lot_id.eq(id)).select(lot::id).order(lot::id).load(conn)?)
}

/// The maker's lot of an id.
///
/// # Errors
/// When the database fails.
pub fn makers_lot(conn: &mut DbConnection, id: &MakersLotId) -> Result<Option<MakersLot>, DbError> {
    let row: Option<MakersLotRow> =
        makers_lot::table.find(id).select(MakersLotRow::as_select()).first(conn).optional()?;
    Ok(row.map(MakersLot::from))
}
