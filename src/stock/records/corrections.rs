//! Corrections of maker's lots: events, labels, the lots to which stock goes, and its promises.

use crate::command::CommandError;
use crate::db::schema::{
    lot, lot_cost_event, makers_lot, makers_lot_event, reservation, stock_balance, transit_balance,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::hash::FieldHasher;
use crate::kernel::id::{
    CostEventId, DispatchId, LotId, MakersLotEventId, MakersLotId, ShipmentId, StockDocumentId,
};
use crate::kernel::{Instant, ItemCode, Money, Quantity, StoreCode};
use crate::stock::balance::LotBalance;
use crate::stock::label::{CostEvent, Label, LabelChange, LabelEvent};
use crate::stock::lot::{Lot, MakersLot};
use crate::stock::posting::When;
use crate::stock::reason::ReasonCode;
use crate::stock::records::{BalanceRow, LotRow, Reservation, release, reserve, with_lots};
use crate::{load_locked, on_each_backend};
use diesel::dsl::max;
use diesel::prelude::*;
use std::collections::BTreeMap;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = makers_lot_event, treat_none_as_default_value = false)]
pub(in crate::stock) struct LabelEventRow {
    id: MakersLotEventId,
    makers_lot_id: MakersLotId,
    seq: i64,
    kind: LabelChange,
    number: String,
    recorded_at: Instant,
    actor: String,
    reason_code: ReasonCode,
    note: Option<String>,
    authority: Option<String>,
    label_before: String,
    label_after: String,
    corrected_to: Option<MakersLotId>,
}

impl TryFrom<LabelEventRow> for LabelEvent {
    type Error = DbError;

    /// # Errors
    /// When a label or an authority was written by someone else than this service.
    fn try_from(row: LabelEventRow) -> Result<Self, DbError> {
        let unreadable = || {
            let text = format!("event {} of a maker's lot has a label that cannot be", row.id);
            DbError::Query(diesel::result::Error::DeserializationError(text.into()))
        };
        Ok(Self {
            before: Label::from_json(&row.label_before).ok_or_else(unreadable)?,
            after: Label::from_json(&row.label_after).ok_or_else(unreadable)?,
            authority: row
                .authority
                .as_deref()
                .map(crate::authority::records::read_authority)
                .transpose()?,
            id: row.id,
            makers_lot_id: row.makers_lot_id,
            seq: row.seq,
            kind: row.kind,
            number: row.number,
            recorded_at: row.recorded_at,
            actor: row.actor,
            reason: row.reason_code,
            note: row.note,
            corrected_to: row.corrected_to,
        })
    }
}

/// Keeps a correction; the maker's lot is locked, so nobody else takes its number.
///
/// # Errors
/// When the database fails.
pub fn insert_event(conn: &mut DbConnection, event: &LabelEvent) -> Result<(), DbError> {
    let event = event.clone();
    let row = LabelEventRow {
        id: event.id,
        makers_lot_id: event.makers_lot_id,
        seq: event.seq,
        kind: event.kind,
        number: event.number,
        recorded_at: event.recorded_at,
        actor: event.actor,
        reason_code: event.reason,
        note: event.note,
        authority: event.authority.map(|authority| authority.to_json()),
        label_before: event.before.to_json(),
        label_after: event.after.to_json(),
        corrected_to: event.corrected_to,
    };
    diesel::insert_into(makers_lot_event::table).values(row).execute(conn)?;
    Ok(())
}

/// The place of the next correction of a maker's lot, from 1.
///
/// # Errors
/// When the database fails.
pub fn next_event_seq(conn: &mut DbConnection, id: &MakersLotId) -> Result<i64, DbError> {
    let last: Option<i64> = makers_lot_event::table
        .filter(makers_lot_event::makers_lot_id.eq(id))
        .select(max(makers_lot_event::seq))
        .first(conn)?;
    Ok(last.unwrap_or(0).saturating_add(1))
}

/// Stores the dates and the version of a maker's lot.
///
/// # Errors
/// When the database fails.
pub fn store_label(conn: &mut DbConnection, corrected: &MakersLot) -> Result<(), DbError> {
    diesel::update(makers_lot::table.find(&corrected.id))
        .set((
            makers_lot::manufactured_on.eq(corrected.manufactured_on),
            makers_lot::expiry.eq(corrected.expiry.kind()),
            makers_lot::expires_on.eq(corrected.expiry.date()),
            makers_lot::version.eq(corrected.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// Everything that stores hold of some lots, locked.
///
/// # Errors
/// When the database fails.
pub fn lock_lots(conn: &mut DbConnection, lots: &[LotId]) -> Result<Vec<LotBalance>, DbError> {
    let rows = load_locked!(
        conn,
        stock_balance::table
            .filter(stock_balance::lot_id.eq_any(lots))
            .select(BalanceRow::as_select())
            .order((stock_balance::store_code, stock_balance::lot_id, stock_balance::state)),
        BalanceRow
    )?;
    let mut balances = with_lots(conn, rows)?;
    balances.retain(|balance| !balance.on_hand.is_zero());
    Ok(balances)
}

/// What one lorry carries of one lot.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = transit_balance)]
pub struct OnLorry {
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
    /// How much.
    pub on_hand: Quantity,
}

/// Everything that lorries carry of some lots, locked.
///
/// # Errors
/// When the database fails.
pub fn lock_on_lorries(conn: &mut DbConnection, lots: &[LotId]) -> Result<Vec<OnLorry>, DbError> {
    let mut rows = load_locked!(
        conn,
        transit_balance::table
            .filter(transit_balance::lot_id.eq_any(lots))
            .select(OnLorry::as_select())
            .order((
                transit_balance::dispatch_id,
                transit_balance::shipment_id,
                transit_balance::lot_id,
            )),
        OnLorry
    )?;
    rows.retain(|row: &OnLorry| !row.on_hand.is_zero());
    Ok(rows)
}

/// The lot of another maker's lot that has the same provenance, made where the book does not know
/// it yet.
///
/// Where the book knows one of the same provenance whose cost was settled otherwise, another is
/// made, so that no cost changes.
///
/// # Errors
/// When the database fails.
pub fn successor(
    conn: &mut DbConnection,
    of: &Lot,
    makers: &MakersLot,
    now: Instant,
) -> Result<LotId, DbError> {
    let old: LotRow = lot::table.find(&of.id).select(LotRow::as_select()).first(conn)?;
    let mut key = old.provenance_key.clone();
    loop {
        let known: Option<LotRow> = lot::table
            .filter(lot::makers_lot_id.eq(&makers.id))
            .filter(lot::provenance_key.eq(&key))
            .select(LotRow::as_select())
            .first(conn)
            .optional()?;
        match known {
            Some(known)
                if known.unit_cost == old.unit_cost
                    && known.cost_is_estimated == old.cost_is_estimated =>
            {
                return Ok(known.id);
            }
            Some(_) => key = FieldHasher::new().field(&key).field(of.id.as_str()).finish(),
            None => break,
        }
    }
    let row = LotRow {
        id: LotId::generate(),
        makers_lot_id: makers.id.clone(),
        item_code: makers.item_code.clone(),
        provenance_key: key.clone(),
        created_at: now,
        ..old
    };
    on_each_backend!(conn, |c| diesel::insert_into(lot::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(lot::table
        .filter(lot::makers_lot_id.eq(&makers.id))
        .filter(lot::provenance_key.eq(&key))
        .select(lot::id)
        .first(conn)?)
}

/// Lifts every promise off some lots, whose balances are locked.
///
/// # Errors
/// Failures of the database.
pub fn lift_promises(
    conn: &mut DbConnection,
    when: &When,
    lots: &[LotId],
) -> Result<Vec<Reservation>, CommandError> {
    let lifted: Vec<Reservation> = reservation::table
        .filter(reservation::lot_id.eq_any(lots))
        .select(Reservation::as_select())
        .order((
            reservation::document_kind,
            reservation::document_id,
            reservation::line_no,
            reservation::store_code,
            reservation::lot_id,
        ))
        .load(conn)?;
    release(conn, when, &lifted)?;
    Ok(lifted)
}

/// Lays lifted promises on the lots to which their stock went. They count as made now, because a
/// promise of the new lot cannot be older than the lot.
///
/// # Errors
/// Failures of the database.
pub fn lay_promises(
    conn: &mut DbConnection,
    when: &When,
    lifted: Vec<Reservation>,
    went_to: &BTreeMap<LotId, (LotId, ItemCode)>,
) -> Result<(), CommandError> {
    let moved: Vec<Reservation> = lifted
        .into_iter()
        .filter_map(|promise| {
            let (lot_id, item_code) = went_to.get(&promise.lot_id).cloned()?;
            Some(Reservation { lot_id, item_code, ..promise })
        })
        .collect();
    reserve(conn, when, &moved)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = lot_cost_event, treat_none_as_default_value = false)]
pub(in crate::stock) struct CostEventRow {
    id: CostEventId,
    lot_id: LotId,
    seq: i64,
    old_cost: Option<Money>,
    was_estimated: bool,
    new_cost: Money,
    document_id: StockDocumentId,
    line_no: i64,
    reason_code: Option<ReasonCode>,
    note: Option<String>,
    recorded_at: Instant,
    actor: String,
}

impl From<CostEventRow> for CostEvent {
    fn from(row: CostEventRow) -> Self {
        Self {
            lot_id: row.lot_id,
            old_cost: row.old_cost,
            was_estimated: row.was_estimated,
            new_cost: row.new_cost,
            document_id: row.document_id,
            line_no: row.line_no,
            reason: row.reason_code,
            note: row.note,
            recorded_at: row.recorded_at,
            actor: row.actor,
        }
    }
}

/// Keeps what a lot was said to cost before.
///
/// # Errors
/// When the database fails.
pub fn insert_cost_event(conn: &mut DbConnection, event: &CostEvent) -> Result<(), DbError> {
    let last: Option<i64> = lot_cost_event::table
        .filter(lot_cost_event::lot_id.eq(&event.lot_id))
        .select(max(lot_cost_event::seq))
        .first(conn)?;
    let event = event.clone();
    let row = CostEventRow {
        id: CostEventId::generate(),
        lot_id: event.lot_id,
        seq: last.unwrap_or(0).saturating_add(1),
        old_cost: event.old_cost,
        was_estimated: event.was_estimated,
        new_cost: event.new_cost,
        document_id: event.document_id,
        line_no: event.line_no,
        reason_code: event.reason,
        note: event.note,
        recorded_at: event.recorded_at,
        actor: event.actor,
    };
    diesel::insert_into(lot_cost_event::table).values(row).execute(conn)?;
    Ok(())
}
