//! The only place that writes the ledger: posting, promising, lots and documents.
//!
//! Locks are taken in one order everywhere: document, balances by (store, lot, state), number
//! counter, chain head.

use crate::access::Scope;
use crate::chain::Head;
use crate::chain::records::{lock_head, store_head};
use crate::command::CommandError;
use crate::db::held::{self, HeldRow};
use crate::db::memory::{self, Remembered};
use crate::db::schema::{
    lot, makers_lot, number_counter, stock_balance, stock_document, stock_movement,
    transit_balance, transit_redirect,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{DispatchId, LotId, MakersLotId, MovementId, ShipmentId, StockDocumentId};
use crate::kernel::{
    BusinessZone, Code, Instant, ItemCode, LotNumber, Money, Quantity, Refusal, StoreCode,
};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::balance::LotBalance;
use crate::stock::count_mark::CountAnswer;
use crate::stock::document::{DocumentKind, DocumentStatus, StockDocument, format_number};
use crate::stock::lot::{Expiry, Lot, MakersLot, Provenance};
use crate::stock::movement::{DocumentRef, Movement, MovementKind, NewMovement, chain_of};
use crate::stock::posting::{
    BalanceFacts, BalanceKey, Balances, LaterMovement, Room, TransitKey, When, keys_of,
};
use crate::{insert_rows, load_locked, on_each_backend, steady};
use chrono::{Datelike, NaiveDate};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

mod closings;
mod counts;
pub mod periods;
mod promises;

pub use counts::{count_marks, lock_chain, lock_for, mark_counted, refuse_absorbed};
pub use promises::{Reservation, release, release_all, reservations_of, reserve};

pub mod corrections;
pub mod cuts;
pub mod foresight;
pub mod fulfilment;
pub mod unmatched;

/// Rows of one multi-row insert: 29 columns each, below SQLite's limit of 32 766 values.
const INSERT_CHUNK: usize = 500;

// ---- lots -----------------------------------------------------------------------------------

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = makers_lot, treat_none_as_default_value = false)]
pub(super) struct MakersLotRow {
    id: MakersLotId,
    item_code: ItemCode,
    lot_number: LotNumber,
    maker: String,
    is_house_number: bool,
    manufactured_on: Option<NaiveDate>,
    expiry: String,
    expires_on: Option<NaiveDate>,
    recalled_at: Option<Instant>,
    recall_reason: Option<String>,
    version: i64,
    created_at: Instant,
}

impl From<MakersLotRow> for MakersLot {
    fn from(row: MakersLotRow) -> Self {
        Self {
            id: row.id,
            item_code: row.item_code,
            lot_number: row.lot_number,
            maker: row.maker,
            is_house_number: row.is_house_number,
            manufactured_on: row.manufactured_on,
            // A CHECK keeps kind and date together, so nothing else can be stored.
            expiry: Expiry::from_columns(&row.expiry, row.expires_on).unwrap_or(Expiry::Unknown),
            recalled_at: row.recalled_at,
            recall_reason: row.recall_reason,
            version: row.version,
            created_at: row.created_at,
        }
    }
}

impl From<&MakersLot> for MakersLotRow {
    fn from(lot: &MakersLot) -> Self {
        Self {
            id: lot.id.clone(),
            item_code: lot.item_code.clone(),
            lot_number: lot.lot_number.clone(),
            maker: lot.maker.clone(),
            is_house_number: lot.is_house_number,
            manufactured_on: lot.manufactured_on,
            expiry: lot.expiry.kind().to_owned(),
            expires_on: lot.expiry.date(),
            recalled_at: lot.recalled_at,
            recall_reason: lot.recall_reason.clone(),
            version: lot.version,
            created_at: lot.created_at,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = lot, treat_none_as_default_value = false)]
struct LotRow {
    id: LotId,
    makers_lot_id: MakersLotId,
    item_code: ItemCode,
    provenance_key: String,
    owner_code: Option<String>,
    source_kind: Outside,
    source_name: Option<String>,
    fund_source: Option<String>,
    donor: Option<String>,
    earmarked_for: Option<String>,
    unit_cost: Option<Money>,
    cost_is_estimated: bool,
    pack_units: Quantity,
    created_at: Instant,
}

fn to_lot((row, makers): (LotRow, MakersLotRow)) -> Lot {
    Lot {
        id: row.id,
        makers_lot: makers.into(),
        provenance: Provenance {
            owner_code: row.owner_code,
            source_kind: row.source_kind,
            source_name: row.source_name,
            fund_source: row.fund_source,
            donor: row.donor,
            earmarked_for: row.earmarked_for,
            unit_cost: row.unit_cost,
            cost_is_estimated: row.cost_is_estimated,
            pack_units: row.pack_units,
        },
    }
}

/// The maker's lot of an item, number and maker, locked.
///
/// # Errors
/// When the database fails.
pub fn lock_makers_lot_named(
    conn: &mut DbConnection,
    item_code: &ItemCode,
    lot_number: &LotNumber,
    maker: &str,
) -> Result<Option<MakersLot>, DbError> {
    let rows = load_locked!(
        conn,
        makers_lot::table
            .filter(makers_lot::item_code.eq(item_code))
            .filter(makers_lot::lot_number.eq(lot_number))
            .filter(makers_lot::maker.eq(maker))
            .select(MakersLotRow::as_select()),
        MakersLotRow
    )?;
    Ok(rows.into_iter().next().map(MakersLot::from))
}

/// The maker's lot of an id, locked.
///
/// # Errors
/// When the database fails.
pub fn lock_makers_lot(
    conn: &mut DbConnection,
    id: &MakersLotId,
) -> Result<Option<MakersLot>, DbError> {
    let rows = load_locked!(
        conn,
        makers_lot::table.find(id).select(MakersLotRow::as_select()),
        MakersLotRow
    )?;
    Ok(rows.into_iter().next().map(MakersLot::from))
}

/// The lot that a receipt means, with its maker's lot locked, where the book knows both: the usual
/// case, in one question.
///
/// # Errors
/// When the database fails.
pub fn lock_known_lot(
    conn: &mut DbConnection,
    item_code: &ItemCode,
    lot_number: &LotNumber,
    maker: &str,
    provenance_key: &str,
) -> Result<Option<(MakersLot, LotId)>, DbError> {
    if let Some(foreseen) = foresight::lot_foreseen(item_code, lot_number, maker, provenance_key) {
        return Ok(Some(foreseen));
    }
    let rows: Vec<(MakersLotRow, LotId)> = load_locked!(
        conn,
        makers_lot::table
            .inner_join(lot::table)
            .filter(makers_lot::item_code.eq(item_code))
            .filter(makers_lot::lot_number.eq(lot_number))
            .filter(makers_lot::maker.eq(maker))
            .filter(lot::provenance_key.eq(provenance_key))
            .select((MakersLotRow::as_select(), lot::id)),
        (MakersLotRow, LotId)
    )?;
    Ok(rows.into_iter().next().map(|(makers, lot)| (makers.into(), lot)))
}

/// Stores a new maker's lot; one that another writer stored first stays as it is.
///
/// # Errors
/// When the database fails.
pub fn insert_makers_lot(conn: &mut DbConnection, new: &MakersLot) -> Result<(), DbError> {
    on_each_backend!(conn, |c| diesel::insert_into(makers_lot::table)
        .values(MakersLotRow::from(new))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Stores that a maker's lot is recalled.
///
/// # Errors
/// When the database fails.
pub fn store_recall(conn: &mut DbConnection, recalled: &MakersLot) -> Result<(), DbError> {
    diesel::update(makers_lot::table.find(&recalled.id))
        .set((
            makers_lot::recalled_at.eq(recalled.recalled_at),
            makers_lot::recall_reason.eq(&recalled.recall_reason),
            makers_lot::version.eq(recalled.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// The lot of a maker's lot and provenance, made where the book does not know it yet.
///
/// # Errors
/// When the database fails.
pub fn find_or_insert_lot(
    conn: &mut DbConnection,
    makers: &MakersLot,
    provenance: &Provenance,
    document: &str,
    now: Instant,
) -> Result<LotId, DbError> {
    let key = provenance.key(document);
    let find = |conn: &mut DbConnection| -> Result<Option<LotId>, DbError> {
        Ok(lot::table
            .filter(lot::makers_lot_id.eq(&makers.id))
            .filter(lot::provenance_key.eq(&key))
            .select(lot::id)
            .first(conn)
            .optional()?)
    };
    if let Some(id) = find(conn)? {
        return Ok(id);
    }
    let row = LotRow {
        id: LotId::generate(),
        makers_lot_id: makers.id.clone(),
        item_code: makers.item_code.clone(),
        provenance_key: key.clone(),
        owner_code: provenance.owner_code.clone(),
        source_kind: provenance.source_kind,
        source_name: provenance.source_name.clone(),
        fund_source: provenance.fund_source.clone(),
        donor: provenance.donor.clone(),
        earmarked_for: provenance.earmarked_for.clone(),
        unit_cost: provenance.unit_cost,
        cost_is_estimated: provenance.cost_is_estimated,
        pack_units: provenance.pack_units,
        created_at: now,
    };
    on_each_backend!(conn, |c| diesel::insert_into(lot::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    find(conn)?.ok_or(DbError::Query(diesel::result::Error::NotFound))
}

/// Settles the estimated cost of a lot.
///
/// # Errors
/// When the database fails.
pub fn settle_cost(conn: &mut DbConnection, id: &LotId, cost: Money) -> Result<(), DbError> {
    diesel::update(lot::table.find(id))
        .set((lot::unit_cost.eq(Some(cost)), lot::cost_is_estimated.eq(false)))
        .execute(conn)?;
    Ok(())
}

/// The lots of these ids that exist.
///
/// # Errors
/// When the database fails.
pub fn find_lots(conn: &mut DbConnection, ids: &[LotId]) -> Result<BTreeMap<LotId, Lot>, DbError> {
    let mut found = BTreeMap::new();
    for ids in ids.chunks(INSERT_CHUNK) {
        let rows: Vec<(LotRow, MakersLotRow)> = lot::table
            .inner_join(makers_lot::table)
            .filter(lot::id.eq_any(ids))
            .select((LotRow::as_select(), MakersLotRow::as_select()))
            .order(lot::id)
            .load(conn)?;
        found.extend(rows.into_iter().map(to_lot).map(|lot| (lot.id.clone(), lot)));
    }
    Ok(found)
}

/// Lots of an item by the number on their label, whoever made them.
///
/// # Errors
/// When the database fails.
pub fn lots_numbered(
    conn: &mut DbConnection,
    item_code: &ItemCode,
    lot_number: &LotNumber,
) -> Result<Vec<Lot>, DbError> {
    let rows: Vec<(LotRow, MakersLotRow)> = lot::table
        .inner_join(makers_lot::table)
        .filter(makers_lot::item_code.eq(item_code))
        .filter(makers_lot::lot_number.eq(lot_number))
        .select((LotRow::as_select(), MakersLotRow::as_select()))
        .order(lot::id)
        .limit(1_000)
        .load(conn)?;
    Ok(rows.into_iter().map(to_lot).collect())
}

/// Those of some lots of which a store holds any, in whatever state.
///
/// # Errors
/// When the database fails.
pub fn lots_held(
    conn: &mut DbConnection,
    store: &StoreCode,
    lots: &[LotId],
) -> Result<Vec<LotId>, DbError> {
    Ok(stock_balance::table
        .filter(stock_balance::store_code.eq(store))
        .filter(stock_balance::lot_id.eq_any(lots))
        .filter(stock_balance::on_hand.gt(Quantity::ZERO))
        .select(stock_balance::lot_id)
        .distinct()
        .order(stock_balance::lot_id)
        .load(conn)?)
}

// ---- balances -------------------------------------------------------------------------------

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_balance, treat_none_as_default_value = false)]
struct BalanceRow {
    store_code: StoreCode,
    lot_id: LotId,
    state: StockState,
    item_code: ItemCode,
    on_hand: Quantity,
    reserved: Quantity,
    last_occurred_at: Instant,
    last_day: NaiveDate,
    live_until: Instant,
}

impl BalanceRow {
    /// What a balance has become by what was recorded at `recorded_at`.
    fn of(key: &BalanceKey, facts: &BalanceFacts, recorded_at: Instant) -> Self {
        Self {
            store_code: key.store_code.clone(),
            lot_id: key.lot_id.clone(),
            state: key.state,
            item_code: facts.item_code.clone(),
            on_hand: facts.on_hand,
            reserved: facts.reserved,
            last_occurred_at: facts.last_occurred_at,
            last_day: facts.last_day,
            live_until: live_until(facts.on_hand, facts.last_occurred_at, recorded_at),
        }
    }

    fn key(&self) -> BalanceKey {
        BalanceKey {
            store_code: self.store_code.clone(),
            lot_id: self.lot_id.clone(),
            state: self.state,
        }
    }
}

/// Until when a balance may differ from zero, by business time or by the time of its records:
/// for ever while something is there.
fn live_until(on_hand: Quantity, last_occurred_at: Instant, recorded_at: Instant) -> Instant {
    if on_hand.is_zero() { last_occurred_at.max(recorded_at) } else { Instant::LAST }
}

/// Everything that a store holds of some items, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock_item_balances(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: &[ItemCode],
) -> Result<Vec<LotBalance>, DbError> {
    lock_item_balances_since(conn, store, items, Instant::LAST)
}

/// The same with what has fallen empty since a time, so that an outflow of then finds it.
///
/// # Errors
/// When the database fails.
pub fn lock_item_balances_since(
    conn: &mut DbConnection,
    store: &StoreCode,
    items: &[ItemCode],
    since: Instant,
) -> Result<Vec<LotBalance>, DbError> {
    let rows = load_locked!(
        conn,
        stock_balance::table
            .filter(stock_balance::store_code.eq_any([store]))
            .filter(stock_balance::item_code.eq_any(items))
            .filter(stock_balance::live_until.ge(since))
            .select(BalanceRow::as_select())
            .order((stock_balance::store_code, stock_balance::lot_id, stock_balance::state)),
        BalanceRow
    )?;
    with_lots(conn, rows)
}

/// Everything that stores in scope hold of a maker's lot.
///
/// # Errors
/// When the database fails.
pub fn balances_of_makers_lot(
    conn: &mut DbConnection,
    scope: &Scope,
    makers: &MakersLotId,
) -> Result<Vec<LotBalance>, DbError> {
    let lots: Vec<LotId> = lot::table
        .filter(lot::makers_lot_id.eq(makers))
        .select(lot::id)
        .order(lot::id)
        .load(conn)?;
    let mut query = stock_balance::table
        .filter(stock_balance::lot_id.eq_any(lots))
        .filter(stock_balance::on_hand.gt(Quantity::ZERO))
        .select(BalanceRow::as_select())
        .into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stock_balance::store_code.eq_any(stores));
    }
    let rows: Vec<BalanceRow> = query
        .order((stock_balance::store_code, stock_balance::lot_id, stock_balance::state))
        .load(conn)?;
    with_lots(conn, rows)
}

fn with_lots(conn: &mut DbConnection, rows: Vec<BalanceRow>) -> Result<Vec<LotBalance>, DbError> {
    let mut ids: Vec<LotId> = rows.iter().map(|row| row.lot_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let lots = find_lots(conn, &ids)?;
    let balances = rows.into_iter().filter_map(|row| {
        Some(LotBalance {
            lot: lots.get(&row.lot_id)?.clone(),
            store_code: row.store_code,
            state: row.state,
            on_hand: row.on_hand,
            reserved: row.reserved,
            last_occurred_at: row.last_occurred_at,
        })
    });
    Ok(balances.collect())
}

/// Locks the balances that some movements touch, and gives those that exist.
fn lock_balances(
    conn: &mut DbConnection,
    keys: &[BalanceKey],
    transit_keys: &[TransitKey],
) -> Result<Balances, DbError> {
    let mut balances = Balances::default();
    for row in lock_store_balances(conn, keys)? {
        let facts = BalanceFacts {
            item_code: row.item_code.clone(),
            on_hand: row.on_hand,
            reserved: row.reserved,
            last_occurred_at: row.last_occurred_at,
            last_day: row.last_day,
        };
        balances.stores.insert(row.key(), facts);
    }
    for keys in transit_keys.chunks(INSERT_CHUNK) {
        let (shipments, lots) = columns(keys.iter().map(|key| (&key.shipment_id, &key.lot_id)));
        let rows: Vec<(DispatchId, ShipmentId, LotId, Quantity)> = load_locked!(
            conn,
            transit_balance::table
                .filter(transit_balance::shipment_id.eq_any(shipments))
                .filter(transit_balance::lot_id.eq_any(lots))
                .select((
                    transit_balance::dispatch_id,
                    transit_balance::shipment_id,
                    transit_balance::lot_id,
                    transit_balance::on_hand,
                ))
                .order((
                    transit_balance::dispatch_id,
                    transit_balance::shipment_id,
                    transit_balance::lot_id,
                )),
            (DispatchId, ShipmentId, LotId, Quantity)
        )?;
        for (dispatch_id, shipment_id, lot_id, on_hand) in rows {
            balances.transit.insert(TransitKey { dispatch_id, shipment_id, lot_id }, on_hand);
        }
    }
    Ok(balances)
}

fn lock_store_balances(
    conn: &mut DbConnection,
    keys: &[BalanceKey],
) -> Result<Vec<BalanceRow>, DbError> {
    let mut rows = Vec::with_capacity(keys.len());
    let mut asked = Vec::new();
    for key in keys {
        let known = held::find(key, BalanceRow::clone);
        match known.or_else(|| foresight::balance_foreseen(key)) {
            Some(row) => rows.push(row),
            None => asked.push(key),
        }
    }
    if conn.asks_one_by_one(asked.len()) {
        for key in asked {
            let id = (&key.store_code, &key.lot_id, key.state);
            rows.extend(load_locked!(
                conn,
                stock_balance::table.find(id).select(BalanceRow::as_select()),
                BalanceRow
            )?);
        }
        return Ok(rows);
    }
    for keys in asked.chunks(INSERT_CHUNK) {
        let (stores, lots) = columns(keys.iter().map(|key| (&key.store_code, &key.lot_id)));
        rows.extend(load_locked!(
            conn,
            stock_balance::table
                .filter(stock_balance::store_code.eq_any(stores))
                .filter(stock_balance::lot_id.eq_any(lots))
                .select(BalanceRow::as_select())
                .order((stock_balance::store_code, stock_balance::lot_id, stock_balance::state)),
            BalanceRow
        )?);
    }
    Ok(rows)
}

fn columns<'a, A: Ord + 'a, B: Ord + 'a>(
    pairs: impl Iterator<Item = (&'a A, &'a B)>,
) -> (Vec<&'a A>, Vec<&'a B>) {
    let (mut left, mut right): (Vec<&A>, Vec<&B>) = pairs.unzip();
    left.sort_unstable();
    left.dedup();
    right.sort_unstable();
    right.dedup();
    (left, right)
}

/// On PostgreSQL, makes sure that every balance has a row to lock, so that two first receipts
/// cannot miss each other. On SQLite there is one writer, and the row is made with its content.
fn ensure_rows(
    conn: &mut DbConnection,
    keys: &[BalanceKey],
    lines: &[NewMovement],
    when: &When,
) -> Result<(), DbError> {
    let DbConnection::Postgres(conn) = conn else { return Ok(()) };
    let items: BTreeMap<&LotId, &ItemCode> =
        lines.iter().map(|line| (&line.lot_id, &line.item_code)).collect();
    let row = |key: &BalanceKey| {
        let facts = BalanceFacts {
            item_code: (*items.get(&key.lot_id)?).clone(),
            on_hand: Quantity::ZERO,
            reserved: Quantity::ZERO,
            last_occurred_at: when.occurred_at,
            last_day: when.day(),
        };
        Some(BalanceRow::of(key, &facts, when.now))
    };
    let mut rows = keys.iter().filter_map(row).peekable();
    while rows.peek().is_some() {
        let chunk: Vec<BalanceRow> = rows.by_ref().take(INSERT_CHUNK).collect();
        diesel::insert_into(stock_balance::table)
            .values(chunk)
            .on_conflict_do_nothing()
            .execute(conn)?;
    }
    Ok(())
}

/// How far the balances of some late outflows can follow, from the movements that stand on them
/// after `occurred_at`: each walked in the order of the card.
fn rooms(
    conn: &mut DbConnection,
    late: BTreeSet<(BalanceKey, ItemCode)>,
    balances: &Balances,
    occurred_at: Instant,
) -> Result<BTreeMap<BalanceKey, Room>, DbError> {
    use stock_movement::{
        business_day, from_kind, from_state, id, item_code, lot_id, quantity, recorded_at,
        store_code, to_kind, to_state,
    };
    type Row = (NaiveDate, Quantity, String, Option<StockState>, String, Option<StockState>);
    let mut rooms = BTreeMap::new();
    for (key, item) in late {
        let rows: Vec<Row> = stock_movement::table
            .filter(store_code.eq(&key.store_code))
            .filter(item_code.eq(&item))
            .filter(stock_movement::occurred_at.gt(occurred_at))
            .filter(lot_id.eq(&key.lot_id))
            .select((business_day, quantity, from_kind, from_state, to_kind, to_state))
            .order((stock_movement::occurred_at, recorded_at, id))
            .load(conn)?;
        let later: Vec<LaterMovement> = rows
            .into_iter()
            .map(|(day, moved, from, taken_in, to, given_in)| {
                let took = from == "store" && taken_in == Some(key.state);
                let gave = to == "store" && given_in == Some(key.state);
                let units = moved.units();
                let change = if gave { units } else { 0 } - if took { units } else { 0 };
                LaterMovement { day, change }
            })
            .collect();
        let on_hand = balances.stores.get(&key).map_or(Quantity::ZERO, |facts| facts.on_hand);
        rooms.insert(key, Room::of(on_hand, &later));
    }
    Ok(rooms)
}

// ---- posting --------------------------------------------------------------------------------

/// How the document behind a posting gets its number.
#[derive(Debug, Clone)]
pub enum Numbering {
    /// It has one.
    Given(String),
    /// The next of this store and prefix.
    Next {
        /// The store that gives it.
        store: StoreCode,
        /// The letters with which it begins.
        prefix: &'static str,
    },
}

/// Where goods that go onto a lorry are bound.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The sender.
    pub from_store: StoreCode,
    /// The receiver.
    pub to_store: StoreCode,
    /// When they are expected.
    pub expected_at: Instant,
}

/// Movements that are posted together.
#[derive(Debug, Clone)]
pub struct Posting {
    /// E.g. `receipt`, `dispatch`.
    pub document_kind: String,
    /// The document's id.
    pub document_id: String,
    /// How it gets its number.
    pub numbering: Numbering,
    /// Business time.
    pub occurred_at: Instant,
    /// The slip of a fact that had happened before it was booked.
    pub slip_number: Option<String>,
    /// Whether it is such a fact.
    pub after_the_fact: bool,
    /// Who posts.
    pub actor: String,
    /// Where goods that go onto a lorry are bound.
    pub bound: Option<Bound>,
    /// The movements.
    pub lines: Vec<NewMovement>,
}

/// What was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The document's number.
    pub number: String,
    /// The movements, in the order of their lines.
    pub movements: Vec<Movement>,
}

/// Posts movements: locks their balances, applies them, numbers the document, and appends the
/// movements to the chains of their stores. What was counted after a late entry answers to it, so
/// that the book of the count's moment stays; the answers are not among the movements given back.
///
/// # Errors
/// `insufficient_stock`, `late_entry`, `period_closed`; failures of the database.
pub fn post(
    conn: &mut DbConnection,
    zone: BusinessZone,
    now: Instant,
    posting: Posting,
) -> Result<Posted, CommandError> {
    let when = When::at(posting.occurred_at, now, zone);
    let answers = counts::answers_of_counts(conn, &posting, &when)?;
    if answers.is_empty() {
        return post_alone(conn, posting, when);
    }
    let at = |moment| When::at(moment, now, zone);
    let (mut given, mut taken) = (Vec::new(), Vec::new());
    for CountAnswer { mark, given: gives, taken: takes } in answers {
        given.extend(counts::answer_as_posting(&mark, gives, &posting));
        taken.extend(counts::answer_as_posting(&mark, takes, &posting));
    }
    for answer in given {
        let when = at(answer.occurred_at);
        post_alone(conn, answer, when)?;
    }
    let posted = post_alone(conn, posting, when)?;
    for answer in taken {
        let when = at(answer.occurred_at);
        post_alone(conn, answer, when)?;
    }
    Ok(posted)
}

/// Posts movements as they are told, whatever was counted since.
fn post_alone(
    conn: &mut DbConnection,
    posting: Posting,
    when: When,
) -> Result<Posted, CommandError> {
    let (now, zone) = (when.now, when.zone);
    let (keys, transit_keys) = keys_of(&posting.lines)?;
    let mut before = lock_balances(conn, &keys, &transit_keys)?;
    if matches!(conn, DbConnection::Postgres(_))
        && keys.iter().any(|key| !before.stores.contains_key(key))
    {
        ensure_rows(conn, &keys, &posting.lines, &when)?;
        before = lock_balances(conn, &keys, &transit_keys)?;
    }
    let when = before.turn_of(when, &posting.lines);
    let mut after = before.clone();
    let late = before.entered_late(&posting.lines, when.occurred_at);
    if !late.is_empty() {
        memory::settle(conn)?;
        after.room = rooms(conn, late, &before, when.occurred_at)?;
    }
    after.apply(&posting.lines, &when)?;
    let number = match &posting.numbering {
        Numbering::Given(number) => number.clone(),
        Numbering::Next { store, prefix } => {
            let year = i64::from(zone.day_of(now).year());
            format_number(prefix, store, year, next_number(conn, store, prefix, year)?)
        }
    };
    let heads = lock_heads(conn, &posting.lines)?;
    // A period is closed under the same locks, so none can close between here and the commit.
    if when.day() < zone.day_of(now) {
        periods::require_open(conn, heads.keys(), when.day())?;
    }
    let (items, bound) = (item_of_lots(&posting.lines), posting.bound.clone());
    let movements = append(conn, &when, posting, &number, heads)?;
    let recorded_at = movements.iter().map(|movement| movement.recorded_at).max().unwrap_or(now);
    closings::store_changed(conn, &before, &after, &when, recorded_at)?;
    store_transit(conn, bound.as_ref(), &items, &before, &after, &when, recorded_at)?;
    Ok(Posted { number, movements })
}

fn item_of_lots(lines: &[NewMovement]) -> BTreeMap<LotId, ItemCode> {
    lines.iter().map(|line| (line.lot_id.clone(), line.item_code.clone())).collect()
}

fn store_transit(
    conn: &mut DbConnection,
    bound: Option<&Bound>,
    items: &BTreeMap<LotId, ItemCode>,
    before: &Balances,
    after: &Balances,
    when: &When,
    recorded_at: Instant,
) -> Result<(), CommandError> {
    let mut loaded = Vec::new();
    for (key, on_hand) in &after.transit {
        let live_until = live_until(*on_hand, when.occurred_at, recorded_at);
        match before.transit.get(key) {
            Some(old) if old == on_hand => {}
            Some(_) => {
                let id = (&key.dispatch_id, &key.shipment_id, &key.lot_id);
                diesel::update(transit_balance::table.find(id))
                    .set((
                        transit_balance::on_hand.eq(on_hand),
                        transit_balance::live_until.eq(live_until),
                    ))
                    .execute(conn)?;
            }
            None => {
                // Only a caller inside the service can forget where goods are bound.
                let bound = bound.ok_or_else(|| Refusal::plain(Code::Internal))?;
                let item = items.get(&key.lot_id).ok_or_else(|| Refusal::plain(Code::Internal))?;
                loaded.push((
                    transit_balance::dispatch_id.eq(key.dispatch_id.clone()),
                    transit_balance::shipment_id.eq(key.shipment_id.clone()),
                    transit_balance::lot_id.eq(key.lot_id.clone()),
                    transit_balance::item_code.eq(item.clone()),
                    transit_balance::from_store.eq(bound.from_store.clone()),
                    transit_balance::to_store.eq(bound.to_store.clone()),
                    transit_balance::expected_at.eq(bound.expected_at),
                    transit_balance::on_hand.eq(*on_hand),
                    transit_balance::loaded_at.eq(when.occurred_at),
                    transit_balance::live_until.eq(live_until),
                ));
            }
        }
    }
    if !loaded.is_empty() {
        on_each_backend!(conn, |c| diesel::insert_into(transit_balance::table)
            .values(loaded)
            .execute(c))?;
    }
    Ok(())
}

/// The counters that a transaction holds locked, each with its last number and whether that has still
/// to be written.
#[derive(Debug, Default)]
struct Counters(BTreeMap<CounterKey, (i64, bool)>);

type CounterKey = (StoreCode, String, i64);

#[derive(Insertable)]
#[diesel(table_name = number_counter, treat_none_as_default_value = false)]
struct CounterRow {
    store_code: StoreCode,
    kind: String,
    year: i64,
    last: i64,
}

impl Remembered for Counters {
    fn write_out(&mut self, conn: &mut DbConnection) -> Result<(), DbError> {
        let is_new = |(_, (_, is_new)): &(&CounterKey, &mut (i64, bool))| *is_new;
        let rows: Vec<CounterRow> = self
            .0
            .iter_mut()
            .filter(is_new)
            .map(|((store_code, kind, year), (last, is_new))| {
                *is_new = false;
                CounterRow {
                    store_code: store_code.clone(),
                    kind: kind.clone(),
                    year: *year,
                    last: *last,
                }
            })
            .collect();
        insert_rows!(conn, number_counter, rows, on (store_code, kind, year) set (last));
        Ok(())
    }
}

/// The next running number of a store and prefix in a year; never given twice.
///
/// # Errors
/// When the database fails.
pub fn next_number(
    conn: &mut DbConnection,
    store: &StoreCode,
    prefix: &str,
    year: i64,
) -> Result<i64, DbError> {
    let key = (store.clone(), prefix.to_owned(), year);
    let next = memory::change(|counters: &mut Counters| {
        let (last, is_new) = counters.0.get_mut(&key)?;
        (*last, *is_new) = (*last + 1, true);
        Some(*last)
    });
    if let Some(next) = next.flatten() {
        return Ok(next);
    }
    let first = (
        number_counter::store_code.eq(store),
        number_counter::kind.eq(prefix),
        number_counter::year.eq(year),
        number_counter::last.eq(1),
    );
    // One statement, whether it is the first of the year or not.
    let next = on_each_backend!(conn, |c| steady!(
        diesel::insert_into(number_counter::table)
            .values(first)
            .on_conflict((number_counter::store_code, number_counter::kind, number_counter::year))
            .do_update()
            .set(number_counter::last.eq(number_counter::last + 1))
            .returning(number_counter::last)
    )
    .get_result(c))?;
    memory::recall(|counters: &mut Counters| counters.0.insert(key, (next, false)));
    Ok(next)
}

/// Locks the chains of the stores that some movements stand in, in the order of their codes.
fn lock_heads(
    conn: &mut DbConnection,
    lines: &[NewMovement],
) -> Result<BTreeMap<StoreCode, Head>, DbError> {
    let stores: BTreeSet<StoreCode> = lines.iter().map(|line| line.store_code.clone()).collect();
    lock_chains(conn, &stores.into_iter().collect::<Vec<StoreCode>>())
}

/// Locks the chains of some stores, which are given in the order of their codes.
fn lock_chains(
    conn: &mut DbConnection,
    stores: &[StoreCode],
) -> Result<BTreeMap<StoreCode, Head>, DbError> {
    let mut heads = BTreeMap::new();
    for store in stores {
        heads.insert(store.clone(), lock_head(conn, &chain_of(store))?);
    }
    Ok(heads)
}

fn append(
    conn: &mut DbConnection,
    when: &When,
    posting: Posting,
    number: &str,
    mut heads: BTreeMap<StoreCode, Head>,
) -> Result<Vec<Movement>, DbError> {
    let document = DocumentRef {
        kind: posting.document_kind,
        id: posting.document_id,
        number: number.to_owned(),
    };
    let business_day = when.day();
    let mut movements = Vec::with_capacity(posting.lines.len());
    for line in posting.lines {
        let Some(head) = heads.remove(&line.store_code) else { continue };
        let recorded_at = head.next_recorded_at(when.now);
        let mut movement = Movement {
            id: MovementId::generate(),
            chain_seq: head.seq + 1,
            document: document.clone(),
            after_the_fact: posting.after_the_fact,
            slip_number: posting.slip_number.clone(),
            occurred_at: when.occurred_at,
            business_day,
            recorded_at,
            actor: posting.actor.clone(),
            previous_hash: head.hash.clone(),
            hash: String::new(),
            line,
        };
        movement.hash = movement.compute_hash();
        let store = movement.line.store_code.clone();
        heads.insert(store, head.extended(movement.hash.clone(), recorded_at));
        movements.push(movement);
    }
    let rows: Vec<MovementRow> = movements.iter().map(MovementRow::from).collect();
    held::write(conn, rows)?;
    for head in heads.into_values() {
        store_head(conn, head)?;
    }
    Ok(movements)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_movement, treat_none_as_default_value = false)]
pub(super) struct MovementRow {
    id: MovementId,
    kind: MovementKind,
    store_code: StoreCode,
    chain_seq: i64,
    item_code: ItemCode,
    lot_id: LotId,
    quantity: Quantity,
    from_kind: String,
    from_name: String,
    from_state: Option<StockState>,
    to_kind: String,
    to_name: String,
    to_state: Option<StockState>,
    shipment_id: Option<ShipmentId>,
    document_kind: String,
    document_id: String,
    document_number: String,
    line_no: i64,
    reason_code: Option<String>,
    note: Option<String>,
    reverses: Option<MovementId>,
    after_the_fact: bool,
    slip_number: Option<String>,
    occurred_at: Instant,
    business_day: NaiveDate,
    recorded_at: Instant,
    actor: String,
    previous_hash: String,
    hash: String,
}

impl HeldRow for MovementRow {
    type Key = MovementId;

    fn key(&self) -> MovementId {
        self.id.clone()
    }

    fn write(conn: &mut DbConnection, rows: Vec<Self>) -> Result<(), DbError> {
        insert_rows!(conn, stock_movement, rows);
        Ok(())
    }
}

impl From<&Movement> for MovementRow {
    fn from(movement: &Movement) -> Self {
        let line = &movement.line;
        Self {
            id: movement.id.clone(),
            kind: line.kind,
            store_code: line.store_code.clone(),
            chain_seq: movement.chain_seq,
            item_code: line.item_code.clone(),
            lot_id: line.lot_id.clone(),
            quantity: line.quantity,
            from_kind: line.from.kind().to_owned(),
            from_name: line.from.name().to_owned(),
            from_state: line.from.state(),
            to_kind: line.to.kind().to_owned(),
            to_name: line.to.name().to_owned(),
            to_state: line.to.state(),
            shipment_id: line.shipment_id.clone(),
            document_kind: movement.document.kind.clone(),
            document_id: movement.document.id.clone(),
            document_number: movement.document.number.clone(),
            line_no: line.line_no,
            reason_code: line.reason_code.clone(),
            note: line.note.clone(),
            reverses: line.reverses.clone(),
            after_the_fact: movement.after_the_fact,
            slip_number: movement.slip_number.clone(),
            occurred_at: movement.occurred_at,
            business_day: movement.business_day,
            recorded_at: movement.recorded_at,
            actor: movement.actor.clone(),
            previous_hash: movement.previous_hash.clone(),
            hash: movement.hash.clone(),
        }
    }
}

impl TryFrom<MovementRow> for Movement {
    type Error = DbError;

    /// # Errors
    /// When an account was written by someone else than this service.
    fn try_from(row: MovementRow) -> Result<Self, DbError> {
        let account = |kind: &str, name: &str, state| {
            Account::from_columns(kind, name, state).ok_or_else(|| {
                let text =
                    format!("movement {} has an account that cannot be: {kind}/{name}", row.id);
                DbError::Query(diesel::result::Error::DeserializationError(text.into()))
            })
        };
        let from = account(&row.from_kind, &row.from_name, row.from_state)?;
        let to = account(&row.to_kind, &row.to_name, row.to_state)?;
        Ok(Self {
            id: row.id,
            chain_seq: row.chain_seq,
            line: NewMovement {
                kind: row.kind,
                store_code: row.store_code,
                item_code: row.item_code,
                lot_id: row.lot_id,
                quantity: row.quantity,
                from,
                to,
                shipment_id: row.shipment_id,
                line_no: row.line_no,
                reason_code: row.reason_code,
                note: row.note,
                reverses: row.reverses,
            },
            document: DocumentRef {
                kind: row.document_kind,
                id: row.document_id,
                number: row.document_number,
            },
            after_the_fact: row.after_the_fact,
            slip_number: row.slip_number,
            occurred_at: row.occurred_at,
            business_day: row.business_day,
            recorded_at: row.recorded_at,
            actor: row.actor,
            previous_hash: row.previous_hash,
            hash: row.hash,
        })
    }
}

// ---- transit --------------------------------------------------------------------------------

/// Sends what is still on a dispatch's lorries to another store, and remembers where it was bound.
///
/// # Errors
/// When the database fails.
pub fn redirect_transit(
    conn: &mut DbConnection,
    now: Instant,
    dispatch: &DispatchId,
    to_store: &StoreCode,
) -> Result<(), DbError> {
    use transit_balance::{dispatch_id, lot_id, on_hand, shipment_id};
    let rows: Vec<(ShipmentId, LotId, StoreCode)> = transit_balance::table
        .filter(dispatch_id.eq(dispatch))
        .filter(on_hand.gt(Quantity::ZERO))
        .filter(transit_balance::to_store.ne(to_store))
        .select((shipment_id, lot_id, transit_balance::to_store))
        .order((shipment_id, lot_id))
        .load(conn)?;
    if rows.is_empty() {
        return Ok(());
    }
    let history: Vec<_> = rows
        .into_iter()
        .map(|(shipment, lot, previous)| {
            (
                transit_redirect::dispatch_id.eq(dispatch),
                transit_redirect::shipment_id.eq(shipment),
                transit_redirect::lot_id.eq(lot),
                transit_redirect::redirected_at.eq(now),
                transit_redirect::previous_to_store.eq(previous),
            )
        })
        .collect();
    // Of two at the same instant the first tells where the goods were bound before.
    on_each_backend!(conn, |c| diesel::insert_into(transit_redirect::table)
        .values(history)
        .on_conflict_do_nothing()
        .execute(c))?;
    diesel::update(
        transit_balance::table.filter(dispatch_id.eq(dispatch)).filter(on_hand.gt(Quantity::ZERO)),
    )
    .set(transit_balance::to_store.eq(to_store))
    .execute(conn)?;
    Ok(())
}

// ---- documents ------------------------------------------------------------------------------

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_document, treat_none_as_default_value = false)]
pub(super) struct DocumentRow {
    id: StockDocumentId,
    kind: DocumentKind,
    number: String,
    store_code: StoreCode,
    status: DocumentStatus,
    occurred_at: Instant,
    recorded_at: Instant,
    created_by: String,
    approved_by: Option<String>,
    approved_at: Option<Instant>,
    detail: String,
    version: i64,
}

impl From<DocumentRow> for StockDocument {
    fn from(row: DocumentRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            number: row.number,
            store_code: row.store_code,
            status: row.status,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            created_by: row.created_by,
            approved_by: row.approved_by,
            approved_at: row.approved_at,
            detail: row.detail,
            version: row.version,
        }
    }
}

/// Stores a new document.
///
/// # Errors
/// When the database fails.
pub fn insert_document(conn: &mut DbConnection, document: &StockDocument) -> Result<(), DbError> {
    let new = document.clone();
    let row = DocumentRow {
        id: new.id,
        kind: new.kind,
        number: new.number,
        store_code: new.store_code,
        status: new.status,
        occurred_at: new.occurred_at,
        recorded_at: new.recorded_at,
        created_by: new.created_by,
        approved_by: new.approved_by,
        approved_at: new.approved_at,
        detail: new.detail,
        version: new.version,
    };
    held::write(conn, vec![row])
}

impl HeldRow for DocumentRow {
    type Key = StockDocumentId;

    fn key(&self) -> StockDocumentId {
        self.id.clone()
    }

    fn write(conn: &mut DbConnection, rows: Vec<Self>) -> Result<(), DbError> {
        insert_rows!(conn, stock_document, rows);
        Ok(())
    }
}

/// Stores the new status of a document and who approved it.
///
/// # Errors
/// When the database fails.
pub fn update_document(conn: &mut DbConnection, document: &StockDocument) -> Result<(), DbError> {
    memory::settle(conn)?;
    diesel::update(stock_document::table.find(&document.id))
        .set((
            stock_document::status.eq(document.status),
            stock_document::approved_by.eq(&document.approved_by),
            stock_document::approved_at.eq(document.approved_at),
            stock_document::detail.eq(&document.detail),
            stock_document::version.eq(document.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// The document of an id, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock_document(
    conn: &mut DbConnection,
    id: &StockDocumentId,
) -> Result<Option<StockDocument>, DbError> {
    let rows = load_locked!(
        conn,
        stock_document::table.find(id).select(DocumentRow::as_select()),
        DocumentRow
    )?;
    Ok(rows.into_iter().next().map(StockDocument::from))
}
