//! Facts that the book could not cover, and what clears them.

use crate::db::memory::{self, Remembered};
use crate::db::schema::{unmatched_clearing, unmatched_fact};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{LotId, MakersLotId, MovementId, UnmatchedId};
use crate::kernel::{Instant, ItemCode, LotNumber, Quantity, StoreCode};
use crate::stock::account::Outside;
use crate::stock::lot::{Expiry, MakersLot, Provenance};
use crate::stock::movement::DocumentRef;
use crate::stock::records::{find_or_insert_lot, insert_makers_lot, lock_makers_lot_named};
use crate::stock::unmatched::{Clearing, HowCleared, UnmatchedFact};
use crate::{load_locked, steady};
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::BTreeSet;

/// The number of the lot that carries what nobody can name.
const HOUSE_LOT: &str = "UNMATCHED";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = unmatched_fact, treat_none_as_default_value = false)]
pub(in crate::stock) struct FactRow {
    id: UnmatchedId,
    store_code: StoreCode,
    item_code: ItemCode,
    lot_id: LotId,
    named_lot: Option<String>,
    quantity: Quantity,
    still_open: Quantity,
    purpose: Outside,
    movement_id: MovementId,
    document_kind: String,
    document_id: String,
    document_number: String,
    line_no: i64,
    slip_number: String,
    occurred_at: Instant,
    business_day: NaiveDate,
    recorded_at: Instant,
    actor: String,
    version: i64,
}

impl From<FactRow> for UnmatchedFact {
    fn from(row: FactRow) -> Self {
        Self {
            id: row.id,
            store_code: row.store_code,
            item_code: row.item_code,
            lot_id: row.lot_id,
            named_lot: row.named_lot,
            quantity: row.quantity,
            open: row.still_open,
            purpose: row.purpose,
            movement_id: row.movement_id,
            document: DocumentRef {
                kind: row.document_kind,
                id: row.document_id,
                number: row.document_number,
            },
            line_no: row.line_no,
            slip_number: row.slip_number,
            occurred_at: row.occurred_at,
            business_day: row.business_day,
            recorded_at: row.recorded_at,
            actor: row.actor,
            version: row.version,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = unmatched_clearing)]
pub(in crate::stock) struct ClearingRow {
    movement_id: MovementId,
    unmatched_id: UnmatchedId,
    how: HowCleared,
    by_kind: String,
    by_id: String,
    by_number: String,
    quantity: Quantity,
    recorded_at: Instant,
    actor: String,
}

impl From<ClearingRow> for Clearing {
    fn from(row: ClearingRow) -> Self {
        Self {
            movement_id: row.movement_id,
            unmatched_id: row.unmatched_id,
            how: row.how,
            by: DocumentRef { kind: row.by_kind, id: row.by_id, number: row.by_number },
            quantity: row.quantity,
            recorded_at: row.recorded_at,
            actor: row.actor,
        }
    }
}

/// The house lot of an item, which carries what the book does not hold and nobody can name.
///
/// No piece of it ever lies in a store: it only stands between *unmatched* and a purpose.
///
/// # Errors
/// When the database fails.
pub fn house_lot(
    conn: &mut DbConnection,
    item_code: &ItemCode,
    now: Instant,
) -> Result<LotId, DbError> {
    let impossible = || DbError::Query(diesel::result::Error::NotFound);
    let lot_number = LotNumber::new(HOUSE_LOT).map_err(|_never| impossible())?;
    let new = MakersLot {
        id: MakersLotId::generate(),
        item_code: item_code.clone(),
        lot_number: lot_number.clone(),
        maker: String::new(),
        is_house_number: true,
        manufactured_on: None,
        expiry: Expiry::Unknown,
        recalled_at: None,
        recall_reason: None,
        version: 1,
        created_at: now,
    };
    insert_makers_lot(conn, &new)?;
    let makers = lock_makers_lot_named(conn, item_code, &lot_number, "")?.ok_or_else(impossible)?;
    let provenance = Provenance {
        owner_code: None,
        source_kind: Outside::Unmatched,
        source_name: None,
        fund_source: None,
        donor: None,
        earmarked_for: None,
        unit_cost: None,
        cost_is_estimated: false,
        pack_units: Quantity::new(1).map_err(|_never| impossible())?,
    };
    find_or_insert_lot(conn, &makers, &provenance, HOUSE_LOT, now)
}

/// Keeps a fact that the book could not cover.
///
/// # Errors
/// When the database fails.
pub fn insert_fact(conn: &mut DbConnection, fact: &UnmatchedFact) -> Result<(), DbError> {
    let fact = fact.clone();
    let row = FactRow {
        id: fact.id,
        store_code: fact.store_code,
        item_code: fact.item_code,
        lot_id: fact.lot_id,
        named_lot: fact.named_lot,
        quantity: fact.quantity,
        still_open: fact.open,
        purpose: fact.purpose,
        movement_id: fact.movement_id,
        document_kind: fact.document.kind,
        document_id: fact.document.id,
        document_number: fact.document.number,
        line_no: fact.line_no,
        slip_number: fact.slip_number,
        occurred_at: fact.occurred_at,
        business_day: fact.business_day,
        recorded_at: fact.recorded_at,
        actor: fact.actor,
        version: fact.version,
    };
    memory::forget::<StoresWithout>();
    diesel::insert_into(unmatched_fact::table).values(row).execute(conn)?;
    Ok(())
}

/// Stores of which a transaction of SQLite knows that no fact is open there.
#[derive(Debug, Default)]
struct StoresWithout(BTreeSet<StoreCode>);

impl Remembered for StoresWithout {}

/// Whether no fact is open at a store, which is the rule; asked for once in a transaction. On
/// PostgreSQL others may open one meanwhile, so nothing is said there.
fn is_known_without(conn: &mut DbConnection, store: &StoreCode) -> Result<bool, DbError> {
    let DbConnection::Sqlite(conn) = conn else { return Ok(false) };
    if memory::recall(|known: &mut StoresWithout| known.0.contains(store)) == Some(true) {
        return Ok(true);
    }
    let open = unmatched_fact::table
        .filter(unmatched_fact::store_code.eq(store))
        .filter(unmatched_fact::still_open.gt(Quantity::ZERO));
    let is_open: bool = steady!(diesel::select(diesel::dsl::exists(open))).get_result(conn)?;
    if !is_open {
        memory::recall(|known: &mut StoresWithout| known.0.insert(store.clone()));
    }
    Ok(!is_open)
}

/// The open facts of some items at a store, the oldest in front, locked.
///
/// They are locked before the balances, like the documents that they belong to.
///
/// # Errors
/// When the database fails.
pub fn lock_open(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: &[ItemCode],
) -> Result<Vec<UnmatchedFact>, DbError> {
    if is_known_without(conn, store)? {
        return Ok(Vec::new());
    }
    let rows: Vec<FactRow> = load_locked!(
        conn,
        unmatched_fact::table
            .filter(unmatched_fact::store_code.eq(store))
            .filter(unmatched_fact::item_code.eq_any(items))
            .filter(unmatched_fact::still_open.gt(Quantity::ZERO))
            .select(FactRow::as_select())
            .order(unmatched_fact::id),
        FactRow
    )?;
    let mut facts: Vec<UnmatchedFact> = rows.into_iter().map(UnmatchedFact::from).collect();
    facts.sort_by(|a, b| a.occurred_at.cmp(&b.occurred_at).then_with(|| a.id.cmp(&b.id)));
    Ok(facts)
}

/// The open facts that some lots carry, locked.
///
/// # Errors
/// When the database fails.
pub fn open_on(conn: &mut DbConnection, lots: &[LotId]) -> Result<Vec<UnmatchedFact>, DbError> {
    let rows: Vec<FactRow> = load_locked!(
        conn,
        unmatched_fact::table
            .filter(unmatched_fact::lot_id.eq_any(lots))
            .filter(unmatched_fact::still_open.gt(Quantity::ZERO))
            .select(FactRow::as_select())
            .order(unmatched_fact::id),
        FactRow
    )?;
    Ok(rows.into_iter().map(UnmatchedFact::from).collect())
}

/// The fact of an id, locked.
///
/// # Errors
/// When the database fails.
pub fn lock_fact(
    conn: &mut DbConnection,
    id: &UnmatchedId,
) -> Result<Option<UnmatchedFact>, DbError> {
    let rows: Vec<FactRow> =
        load_locked!(conn, unmatched_fact::table.find(id).select(FactRow::as_select()), FactRow)?;
    Ok(rows.into_iter().next().map(UnmatchedFact::from))
}

/// The facts that these movements made or cleared, locked, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub fn lock_touched(
    conn: &mut DbConnection,
    movements: &[MovementId],
) -> Result<Vec<UnmatchedFact>, DbError> {
    let cleared: Vec<UnmatchedId> = unmatched_clearing::table
        .filter(unmatched_clearing::movement_id.eq_any(movements))
        .select(unmatched_clearing::unmatched_id)
        .load(conn)?;
    let rows: Vec<FactRow> = load_locked!(
        conn,
        unmatched_fact::table
            .filter(
                unmatched_fact::movement_id
                    .eq_any(movements)
                    .or(unmatched_fact::id.eq_any(&cleared))
            )
            .select(FactRow::as_select())
            .order(unmatched_fact::id),
        FactRow
    )?;
    Ok(rows.into_iter().map(UnmatchedFact::from).collect())
}

/// Stores what is open of a fact.
///
/// # Errors
/// When the database fails.
pub fn store_open(conn: &mut DbConnection, fact: &UnmatchedFact) -> Result<(), DbError> {
    memory::forget::<StoresWithout>();
    diesel::update(unmatched_fact::table.find(&fact.id))
        .set((
            unmatched_fact::still_open.eq(fact.open),
            unmatched_fact::version.eq(unmatched_fact::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Keeps which movement cleared a fact.
///
/// # Errors
/// When the database fails.
pub fn insert_clearing(conn: &mut DbConnection, clearing: &Clearing) -> Result<(), DbError> {
    let clearing = clearing.clone();
    let row = ClearingRow {
        movement_id: clearing.movement_id,
        unmatched_id: clearing.unmatched_id,
        how: clearing.how,
        by_kind: clearing.by.kind,
        by_id: clearing.by.id,
        by_number: clearing.by.number,
        quantity: clearing.quantity,
        recorded_at: clearing.recorded_at,
        actor: clearing.actor,
    };
    diesel::insert_into(unmatched_clearing::table).values(row).execute(conn)?;
    Ok(())
}
