//! Dispatches with their lines, lorries, signings, steps and events, as rows.

use crate::access::Scope;
use crate::authority::PaperworkStatus;
use crate::authority::records::read_authority;
use crate::db::schema::{
    allocation, allocation_dispatch, dispatch, dispatch_event, dispatch_line, dispatch_load,
    dispatch_piece, dispatch_receipt, dispatch_shipment, dispatch_step, lot, makers_lot, paperwork,
    reservation, reservation_cut,
};
use crate::db::{DbConnection, DbError};
use crate::dispatch::order::{DispatchStatus, Fate, Line, Load, LotQuantity, Order, Step, Urgency};
use crate::dispatch::papers::{Event, LineStep, Shipment, SignedPiece, Signing};
use crate::kernel::id::{
    AllocationId, DispatchId, DispatchReceiptId, LotId, MovementId, ShipmentId,
};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, LotNumber, Quantity, StoreCode};
use crate::{load_locked, on_each_backend};
use chrono::NaiveDate;
use diesel::dsl::{count_star, exists, max, not};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// What reservations and paperwork call a dispatch.
pub const DOCUMENT_KIND: &str = "dispatch";

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = dispatch, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: DispatchId,
    number: String,
    status: DispatchStatus,
    from_store: Option<StoreCode>,
    to_store: StoreCode,
    needed_by: Option<String>,
    urgency: Urgency,
    reason: Option<String>,
    order_number: Option<String>,
    authority: Option<String>,
    note: Option<String>,
    follows: Option<DispatchId>,
    created_by: String,
    created_at: Instant,
    approved_by: Option<String>,
    approved_at: Option<Instant>,
    expected_at: Option<Instant>,
    open_remainder: bool,
    version: i64,
}

impl From<&Order> for Row {
    fn from(order: &Order) -> Self {
        Self {
            id: order.id.clone(),
            number: order.number.clone(),
            status: order.status,
            from_store: order.from_store.clone(),
            to_store: order.to_store.clone(),
            needed_by: order.needed_by.clone(),
            urgency: order.urgency,
            reason: order.reason.clone(),
            order_number: order.order_number.clone(),
            authority: order.authority.as_ref().map(|authority| authority.to_json()),
            note: order.note.clone(),
            follows: order.follows.clone(),
            created_by: order.created_by.clone(),
            created_at: order.created_at,
            approved_by: order.approved_by.clone(),
            approved_at: order.approved_at,
            expected_at: order.expected_at,
            open_remainder: order.has_open_remainder(),
            version: order.version,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dispatch_line, treat_none_as_default_value = false)]
struct LineRow {
    dispatch_id: DispatchId,
    line_no: i64,
    item_code: ItemCode,
    lot_id: Option<LotId>,
    requested: Quantity,
    approved: Option<Quantity>,
    picked: Option<Quantity>,
    carried_over: Quantity,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dispatch_load)]
struct LoadRow {
    shipment_id: ShipmentId,
    line_no: i64,
    lot_id: LotId,
    dispatch_id: DispatchId,
    item_code: ItemCode,
    shipped: Quantity,
    received: Quantity,
    damaged: Quantity,
    lost: Quantity,
    returned: Quantity,
    surplus: Quantity,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dispatch_shipment, treat_none_as_default_value = false)]
struct ShipmentRow {
    id: ShipmentId,
    dispatch_id: DispatchId,
    seq: i64,
    occurred_at: Instant,
    recorded_at: Instant,
    shipped_by: String,
    carrier: Option<String>,
    vehicle: Option<String>,
    driver: Option<String>,
    phone: Option<String>,
    expected_at: Instant,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dispatch_receipt, treat_none_as_default_value = false)]
struct ReceiptRow {
    id: DispatchReceiptId,
    dispatch_id: DispatchId,
    seq: i64,
    store_code: StoreCode,
    occurred_at: Instant,
    recorded_at: Instant,
    received_by: Option<String>,
    signed_by: String,
    note: Option<String>,
    reversed_at: Option<Instant>,
    reversed_by: Option<String>,
    reversal_reason: Option<String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dispatch_piece, treat_none_as_default_value = false)]
struct PieceRow {
    receipt_id: DispatchReceiptId,
    seq: i64,
    dispatch_id: DispatchId,
    line_no: Option<i64>,
    shipment_id: Option<ShipmentId>,
    lot_id: LotId,
    item_code: ItemCode,
    fate: Fate,
    quantity: Quantity,
    movement_id: MovementId,
    reason_code: Option<String>,
    note: Option<String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dispatch_step, treat_none_as_default_value = false)]
struct StepRow {
    dispatch_id: DispatchId,
    seq: i64,
    line_no: i64,
    step: Step,
    quantity: i64,
    actor: String,
    at: Instant,
    reason_code: Option<String>,
    note: Option<String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = dispatch_event, treat_none_as_default_value = false)]
struct EventRow {
    dispatch_id: DispatchId,
    seq: i64,
    at: Instant,
    actor: String,
    what: String,
    note: Option<String>,
}

/// Stores a new dispatch.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, order: &Order) -> Result<(), DbError> {
    diesel::insert_into(dispatch::table).values(Row::from(order)).execute(conn)?;
    let lines: Vec<LineRow> = order
        .lines
        .iter()
        .map(|line| LineRow {
            dispatch_id: order.id.clone(),
            line_no: line.line,
            item_code: line.item_code.clone(),
            lot_id: line.lot_id.clone(),
            requested: line.requested,
            approved: line.approved,
            picked: line.picked,
            carried_over: line.carried_over,
        })
        .collect();
    on_each_backend!(conn, |c| diesel::insert_into(dispatch_line::table)
        .values(&lines)
        .execute(c))?;
    Ok(())
}

/// Stores what an action changed: the head, the numbers of the lines and what became of loads.
///
/// What is promised belongs to the ledger's reservations; new lorries come with
/// [`insert_shipment`].
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, before: &Order, after: &Order) -> Result<(), DbError> {
    diesel::update(dispatch::table.find(&after.id)).set(Row::from(after)).execute(conn)?;
    for line in &after.lines {
        let old = before.line(line.line);
        let numbers = |line: &Line| (line.approved, line.picked, line.carried_over);
        if old.map(numbers) != Some(numbers(line)) {
            diesel::update(dispatch_line::table.find((&after.id, line.line)))
                .set((
                    dispatch_line::approved.eq(line.approved),
                    dispatch_line::picked.eq(line.picked),
                    dispatch_line::carried_over.eq(line.carried_over),
                ))
                .execute(conn)?;
        }
        for load in &line.loads {
            let known = old.and_then(|old| {
                old.loads.iter().find(|other| {
                    other.shipment_id == load.shipment_id && other.lot_id == load.lot_id
                })
            });
            match known {
                Some(known) if known == load => {}
                Some(_) => update_load(conn, line.line, load)?,
                None => insert_load(conn, &after.id, line.line, load)?,
            }
        }
    }
    Ok(())
}

fn insert_load(
    conn: &mut DbConnection,
    dispatch_id: &DispatchId,
    line_no: i64,
    load: &Load,
) -> Result<(), DbError> {
    let row = LoadRow {
        shipment_id: load.shipment_id.clone(),
        line_no,
        lot_id: load.lot_id.clone(),
        dispatch_id: dispatch_id.clone(),
        item_code: load.item_code.clone(),
        shipped: load.shipped,
        received: load.received,
        damaged: load.damaged,
        lost: load.lost,
        returned: load.returned,
        surplus: load.over,
    };
    diesel::insert_into(dispatch_load::table).values(row).execute(conn)?;
    Ok(())
}

fn update_load(conn: &mut DbConnection, line_no: i64, load: &Load) -> Result<(), DbError> {
    diesel::update(dispatch_load::table.find((&load.shipment_id, line_no, &load.lot_id)))
        .set((
            dispatch_load::received.eq(load.received),
            dispatch_load::damaged.eq(load.damaged),
            dispatch_load::lost.eq(load.lost),
            dispatch_load::returned.eq(load.returned),
            dispatch_load::surplus.eq(load.over),
        ))
        .execute(conn)?;
    Ok(())
}

/// The dispatches on their way that ask for one of these very lots.
///
/// # Errors
/// When the database fails.
pub fn asking_for(conn: &mut DbConnection, lots: &[LotId]) -> Result<Vec<DispatchId>, DbError> {
    let done = [DispatchStatus::Received, DispatchStatus::Closed, DispatchStatus::Cancelled];
    Ok(dispatch_line::table
        .inner_join(dispatch::table)
        .filter(dispatch_line::lot_id.eq_any(lots))
        .filter(dispatch::status.ne_all(done))
        .select(dispatch_line::dispatch_id)
        .distinct()
        .order(dispatch_line::dispatch_id)
        .load(conn)?)
}

/// Stores that lots of a dispatch stand under another label now: what its lorries still carry, and
/// the very lots that it asks for. What has arrived stays as it was signed for.
///
/// # Errors
/// When the database fails.
pub fn relabel(
    conn: &mut DbConnection,
    order: &Order,
    went_to: &BTreeMap<LotId, (LotId, ItemCode)>,
) -> Result<(), DbError> {
    for line in &order.lines {
        if let Some((new, _)) = line.lot_id.as_ref().and_then(|lot| went_to.get(lot)) {
            diesel::update(dispatch_line::table.find((&order.id, line.line)))
                .set(dispatch_line::lot_id.eq(Some(new)))
                .execute(conn)?;
        }
        for load in &line.loads {
            let on_the_way = load.in_transit();
            let Some((lot_id, item_code)) = went_to.get(&load.lot_id) else { continue };
            if on_the_way.is_zero() {
                continue;
            }
            let old = (&load.shipment_id, line.line, &load.lot_id);
            let ended = load.shipped.minus_or_zero(on_the_way);
            // What came over the papers stays with what ended, or goes with the rest.
            let over = if ended.is_zero() { load.over } else { Quantity::ZERO };
            if ended.is_zero() {
                diesel::delete(dispatch_load::table.find(old)).execute(conn)?;
            } else {
                diesel::update(dispatch_load::table.find(old))
                    .set(dispatch_load::shipped.eq(ended))
                    .execute(conn)?;
            }
            let new = (&load.shipment_id, line.line, lot_id);
            let added = diesel::update(dispatch_load::table.find(new))
                .set((
                    dispatch_load::shipped.eq(dispatch_load::shipped + on_the_way.units()),
                    dispatch_load::surplus.eq(dispatch_load::surplus + over.units()),
                ))
                .execute(conn)?;
            if added == 0 {
                let relabelled = Load {
                    lot_id: lot_id.clone(),
                    item_code: item_code.clone(),
                    shipped: on_the_way,
                    received: Quantity::ZERO,
                    damaged: Quantity::ZERO,
                    lost: Quantity::ZERO,
                    returned: Quantity::ZERO,
                    over,
                    ..load.clone()
                };
                insert_load(conn, &order.id, line.line, &relabelled)?;
            }
        }
    }
    diesel::update(dispatch::table.find(&order.id))
        .set(dispatch::version.eq(dispatch::version + 1))
        .execute(conn)?;
    Ok(())
}

/// Stores a lorry; its loads come with [`update`].
///
/// # Errors
/// When the database fails.
pub fn insert_shipment(
    conn: &mut DbConnection,
    dispatch_id: &DispatchId,
    shipment: &Shipment,
) -> Result<(), DbError> {
    let shipment = shipment.clone();
    let row = ShipmentRow {
        id: shipment.id,
        dispatch_id: dispatch_id.clone(),
        seq: shipment.seq,
        occurred_at: shipment.occurred_at,
        recorded_at: shipment.recorded_at,
        shipped_by: shipment.shipped_by,
        carrier: shipment.carrier,
        vehicle: shipment.vehicle,
        driver: shipment.driver,
        phone: shipment.phone,
        expected_at: shipment.expected_at,
    };
    diesel::insert_into(dispatch_shipment::table).values(row).execute(conn)?;
    Ok(())
}

/// The lorries of a dispatch, the first in front.
///
/// # Errors
/// When the database fails.
pub fn shipments_of(conn: &mut DbConnection, id: &DispatchId) -> Result<Vec<Shipment>, DbError> {
    let rows: Vec<ShipmentRow> = dispatch_shipment::table
        .filter(dispatch_shipment::dispatch_id.eq(id))
        .select(ShipmentRow::as_select())
        .order((dispatch_shipment::seq, dispatch_shipment::id))
        .limit(PageSize::MAX)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Shipment {
            id: row.id,
            seq: row.seq,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            shipped_by: row.shipped_by,
            carrier: row.carrier,
            vehicle: row.vehicle,
            driver: row.driver,
            phone: row.phone,
            expected_at: row.expected_at,
        })
        .collect())
}

/// Stores a signing with its pieces.
///
/// # Errors
/// When the database fails.
pub fn insert_signing(
    conn: &mut DbConnection,
    dispatch_id: &DispatchId,
    signing: &Signing,
) -> Result<(), DbError> {
    let row = ReceiptRow {
        id: signing.id.clone(),
        dispatch_id: dispatch_id.clone(),
        seq: signing.seq,
        store_code: signing.store_code.clone(),
        occurred_at: signing.occurred_at,
        recorded_at: signing.recorded_at,
        received_by: signing.received_by.clone(),
        signed_by: signing.signed_by.clone(),
        note: signing.note.clone(),
        reversed_at: signing.reversed_at,
        reversed_by: signing.reversed_by.clone(),
        reversal_reason: signing.reversal_reason.clone(),
    };
    diesel::insert_into(dispatch_receipt::table).values(row).execute(conn)?;
    let pieces: Vec<PieceRow> = signing
        .pieces
        .iter()
        .zip(1..)
        .map(|(piece, seq)| PieceRow {
            receipt_id: signing.id.clone(),
            seq,
            dispatch_id: dispatch_id.clone(),
            line_no: piece.papers.as_ref().map(|(line, _)| *line),
            shipment_id: piece.papers.as_ref().map(|(_, shipment)| shipment.clone()),
            lot_id: piece.lot_id.clone(),
            item_code: piece.item_code.clone(),
            fate: piece.fate,
            quantity: piece.quantity,
            movement_id: piece.movement_id.clone(),
            reason_code: piece.reason_code.clone(),
            note: piece.note.clone(),
        })
        .collect();
    on_each_backend!(conn, |c| diesel::insert_into(dispatch_piece::table)
        .values(&pieces)
        .execute(c))?;
    Ok(())
}

/// Marks a signing as reversed.
///
/// # Errors
/// When the database fails.
pub fn reverse_signing(conn: &mut DbConnection, signing: &Signing) -> Result<(), DbError> {
    diesel::update(dispatch_receipt::table.find(&signing.id))
        .set((
            dispatch_receipt::reversed_at.eq(signing.reversed_at),
            dispatch_receipt::reversed_by.eq(&signing.reversed_by),
            dispatch_receipt::reversal_reason.eq(&signing.reversal_reason),
        ))
        .execute(conn)?;
    Ok(())
}

/// The signings of a dispatch with their pieces, the first in front.
///
/// # Errors
/// When the database fails.
pub fn signings_of(conn: &mut DbConnection, id: &DispatchId) -> Result<Vec<Signing>, DbError> {
    let rows: Vec<ReceiptRow> = dispatch_receipt::table
        .filter(dispatch_receipt::dispatch_id.eq(id))
        .select(ReceiptRow::as_select())
        .order((dispatch_receipt::seq, dispatch_receipt::id))
        .limit(PageSize::MAX)
        .load(conn)?;
    let pieces: Vec<PieceRow> = dispatch_piece::table
        .filter(dispatch_piece::dispatch_id.eq(id))
        .select(PieceRow::as_select())
        .order((dispatch_piece::receipt_id, dispatch_piece::seq))
        .load(conn)?;
    let mut by_signing: BTreeMap<DispatchReceiptId, Vec<SignedPiece>> = BTreeMap::new();
    for row in pieces {
        by_signing.entry(row.receipt_id).or_default().push(SignedPiece {
            papers: row.line_no.zip(row.shipment_id),
            lot_id: row.lot_id,
            item_code: row.item_code,
            fate: row.fate,
            quantity: row.quantity,
            movement_id: row.movement_id,
            reason_code: row.reason_code,
            note: row.note,
        });
    }
    Ok(rows
        .into_iter()
        .map(|row| Signing {
            pieces: by_signing.remove(&row.id).unwrap_or_default(),
            id: row.id,
            seq: row.seq,
            store_code: row.store_code,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            received_by: row.received_by,
            signed_by: row.signed_by,
            note: row.note,
            reversed_at: row.reversed_at,
            reversed_by: row.reversed_by,
            reversal_reason: row.reversal_reason,
        })
        .collect())
}

/// Adds to the story of a dispatch: who changed which numbers, and what happened.
///
/// The dispatch is locked, so nobody else takes the next numbers.
///
/// # Errors
/// When the database fails.
pub fn tell(
    conn: &mut DbConnection,
    id: &DispatchId,
    steps: &[LineStep],
    event: &Event,
) -> Result<(), DbError> {
    let last: Option<i64> = dispatch_step::table
        .filter(dispatch_step::dispatch_id.eq(id))
        .select(max(dispatch_step::seq))
        .first(conn)?;
    let rows: Vec<StepRow> = steps
        .iter()
        .zip(last.unwrap_or(0) + 1..)
        .map(|(step, seq)| StepRow {
            dispatch_id: id.clone(),
            seq,
            line_no: step.line,
            step: step.step,
            quantity: step.quantity,
            actor: step.actor.clone(),
            at: step.at,
            reason_code: step.reason_code.clone(),
            note: step.note.clone(),
        })
        .collect();
    if !rows.is_empty() {
        on_each_backend!(conn, |c| diesel::insert_into(dispatch_step::table)
            .values(&rows)
            .execute(c))?;
    }
    let last: Option<i64> = dispatch_event::table
        .filter(dispatch_event::dispatch_id.eq(id))
        .select(max(dispatch_event::seq))
        .first(conn)?;
    let row = EventRow {
        dispatch_id: id.clone(),
        seq: last.unwrap_or(0) + 1,
        at: event.at,
        actor: event.actor.clone(),
        what: event.what.clone(),
        note: event.note.clone(),
    };
    diesel::insert_into(dispatch_event::table).values(row).execute(conn)?;
    Ok(())
}

/// What happened to a dispatch, in order.
///
/// # Errors
/// When the database fails.
pub fn events_of(conn: &mut DbConnection, id: &DispatchId) -> Result<Vec<Event>, DbError> {
    let rows: Vec<EventRow> = dispatch_event::table
        .filter(dispatch_event::dispatch_id.eq(id))
        .select(EventRow::as_select())
        .order(dispatch_event::seq)
        .limit(PageSize::MAX)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Event { at: row.at, actor: row.actor, what: row.what, note: row.note })
        .collect())
}

/// Who changed which numbers of these dispatches, in order.
///
/// # Errors
/// When the database fails.
pub fn steps_of(
    conn: &mut DbConnection,
    ids: &[DispatchId],
) -> Result<BTreeMap<DispatchId, Vec<LineStep>>, DbError> {
    let rows: Vec<StepRow> = dispatch_step::table
        .filter(dispatch_step::dispatch_id.eq_any(ids))
        .select(StepRow::as_select())
        .order((dispatch_step::dispatch_id, dispatch_step::seq))
        .load(conn)?;
    let mut steps: BTreeMap<DispatchId, Vec<LineStep>> = BTreeMap::new();
    for row in rows {
        steps.entry(row.dispatch_id).or_default().push(LineStep {
            line: row.line_no,
            step: row.step,
            quantity: row.quantity,
            actor: row.actor,
            at: row.at,
            reason_code: row.reason_code,
            note: row.note,
        });
    }
    Ok(steps)
}

/// The dispatch of an id, locked for a change.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, id: &DispatchId) -> Result<Option<Order>, DbError> {
    let rows: Vec<Row> =
        load_locked!(conn, dispatch::table.find(id).select(Row::as_select()), Row)?;
    Ok(complete(conn, rows)?.pop())
}

/// The dispatch of an id or a number.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, id_or_number: &str) -> Result<Option<Order>, DbError> {
    let rows: Vec<Row> = dispatch::table
        .filter(dispatch::id.eq(id_or_number).or(dispatch::number.eq(id_or_number)))
        .select(Row::as_select())
        .order(dispatch::id)
        .limit(1)
        .load(conn)?;
    Ok(complete(conn, rows)?.pop())
}

/// The id of the dispatch of an id or a number.
///
/// # Errors
/// When the database fails.
pub fn id_of(conn: &mut DbConnection, id_or_number: &str) -> Result<Option<DispatchId>, DbError> {
    Ok(dispatch::table
        .filter(dispatch::id.eq(id_or_number).or(dispatch::number.eq(id_or_number)))
        .select(dispatch::id)
        .order(dispatch::id)
        .first(conn)
        .optional()?)
}

/// Which stores have signed for goods of a dispatch, which keep seeing it after a redirection.
///
/// # Errors
/// When the database fails.
pub fn signed_stores(conn: &mut DbConnection, id: &DispatchId) -> Result<Vec<StoreCode>, DbError> {
    Ok(dispatch_receipt::table
        .filter(dispatch_receipt::dispatch_id.eq(id))
        .select(dispatch_receipt::store_code)
        .distinct()
        .order(dispatch_receipt::store_code)
        .load(conn)?)
}

/// Which dispatches to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// From this store.
    pub from: Option<StoreCode>,
    /// To this store.
    pub to: Option<StoreCode>,
    /// From or to this store.
    pub store: Option<StoreCode>,
    /// Of one of these statuses.
    pub statuses: Vec<DispatchStatus>,
    /// With a line of this item.
    pub item: Option<ItemCode>,
    /// Of this number.
    pub number: Option<String>,
    /// This pressing.
    pub urgency: Option<Urgency>,
    /// Whether something asked for is still open.
    pub open_remainder: Option<bool>,
    /// With paperwork that is still open and due before this instant.
    pub paperwork_due_before: Option<Instant>,
    /// Decided by this allocation.
    pub allocation: Option<AllocationId>,
}

/// Dispatches in scope, the newest in front, after one.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<(Instant, DispatchId)>,
    size: PageSize,
) -> Result<Vec<Order>, DbError> {
    let mut query = dispatch::table.select(Row::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        let signed = dispatch_receipt::table
            .filter(dispatch_receipt::dispatch_id.eq(dispatch::id))
            .filter(dispatch_receipt::store_code.eq_any(stores.clone()));
        query = query.filter(
            dispatch::to_store
                .eq_any(stores.clone())
                .nullable()
                .or(dispatch::from_store.eq_any(stores))
                .or(exists(signed)),
        );
    }
    if let Some(from) = &filter.from {
        query = query.filter(dispatch::from_store.eq(from));
    }
    if let Some(to) = &filter.to {
        query = query.filter(dispatch::to_store.eq(to));
    }
    if let Some(store) = &filter.store {
        query = query
            .filter(dispatch::to_store.eq(store).nullable().or(dispatch::from_store.eq(store)));
    }
    if !filter.statuses.is_empty() {
        query = query.filter(dispatch::status.eq_any(&filter.statuses));
    }
    if let Some(item) = &filter.item {
        let lines = dispatch_line::table
            .filter(dispatch_line::dispatch_id.eq(dispatch::id))
            .filter(dispatch_line::item_code.eq(item));
        query = query.filter(exists(lines));
    }
    if let Some(number) = &filter.number {
        query = query.filter(dispatch::number.eq(number));
    }
    if let Some(urgency) = filter.urgency {
        query = query.filter(dispatch::urgency.eq(urgency));
    }
    if let Some(open) = filter.open_remainder {
        // What a fact cut is open again, although nobody has gone on with the dispatch since.
        let cut = reservation_cut::table
            .filter(reservation_cut::document_kind.eq(DOCUMENT_KIND))
            .filter(reservation_cut::document_id.eq(dispatch::id))
            .filter(reservation_cut::acknowledged_at.is_null());
        query = if open {
            query.filter(dispatch::open_remainder.eq(true).or(exists(cut)))
        } else {
            query.filter(dispatch::open_remainder.eq(false)).filter(not(exists(cut)))
        };
    }
    if let Some(due_before) = filter.paperwork_due_before {
        let due = paperwork::table
            .filter(paperwork::document_kind.eq(DOCUMENT_KIND))
            .filter(paperwork::document_id.eq(dispatch::id))
            .filter(paperwork::status.eq(PaperworkStatus::Open))
            .filter(paperwork::due_at.lt(due_before));
        query = query.filter(exists(due));
    }
    if let Some(id) = &filter.allocation {
        let decided = allocation_dispatch::table
            .filter(allocation_dispatch::dispatch_id.eq(dispatch::id))
            .filter(allocation_dispatch::allocation_id.eq(id));
        query = query.filter(exists(decided));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            dispatch::created_at.lt(at).or(dispatch::created_at.eq(at).and(dispatch::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((dispatch::created_at.desc(), dispatch::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    complete(conn, rows)
}

/// Fills the heads of dispatches with their lines, loads and promises, three queries for all.
fn complete(conn: &mut DbConnection, rows: Vec<Row>) -> Result<Vec<Order>, DbError> {
    let ids: Vec<DispatchId> = rows.iter().map(|row| row.id.clone()).collect();
    let mut promised = promised_to(conn, &ids)?;
    let cuts = unread_cuts(conn, &ids)?;
    let mut loaded = loads_of(conn, &ids)?;
    let mut lines: BTreeMap<DispatchId, Vec<Line>> = BTreeMap::new();
    let line_rows: Vec<LineRow> = dispatch_line::table
        .filter(dispatch_line::dispatch_id.eq_any(&ids))
        .select(LineRow::as_select())
        .order((dispatch_line::dispatch_id, dispatch_line::line_no))
        .load(conn)?;
    for row in line_rows {
        let key = (row.dispatch_id.clone(), row.line_no);
        lines.entry(row.dispatch_id).or_default().push(Line {
            line: row.line_no,
            item_code: row.item_code,
            lot_id: row.lot_id,
            requested: row.requested,
            approved: row.approved,
            picked: row.picked,
            carried_over: row.carried_over,
            reserved: promised.remove(&key).unwrap_or_default(),
            loads: loaded.remove(&key).unwrap_or_default(),
        });
    }
    rows.into_iter()
        .map(|row| {
            let unread = cuts.get(row.id.as_str()).copied().unwrap_or(0);
            Ok(Order {
                lines: lines.remove(&row.id).unwrap_or_default(),
                authority: row.authority.as_deref().map(read_authority).transpose()?,
                id: row.id,
                number: row.number,
                status: row.status,
                from_store: row.from_store,
                to_store: row.to_store,
                needed_by: row.needed_by,
                urgency: row.urgency,
                reason: row.reason,
                order_number: row.order_number,
                note: row.note,
                follows: row.follows,
                created_by: row.created_by,
                created_at: row.created_at,
                approved_by: row.approved_by,
                approved_at: row.approved_at,
                expected_at: row.expected_at,
                version: row.version.saturating_add(unread),
            })
        })
        .collect()
}

/// How many cuts of their promises nobody has taken notice of: each makes another version of its
/// dispatch, so that nobody ships or picks in the belief that the promise still stands.
fn unread_cuts(
    conn: &mut DbConnection,
    ids: &[DispatchId],
) -> Result<BTreeMap<String, i64>, DbError> {
    let texts: Vec<&str> = ids.iter().map(DispatchId::as_str).collect();
    let counts: Vec<(String, i64)> = reservation_cut::table
        .filter(reservation_cut::document_kind.eq(DOCUMENT_KIND))
        .filter(reservation_cut::document_id.eq_any(texts))
        .filter(reservation_cut::acknowledged_at.is_null())
        .group_by(reservation_cut::document_id)
        .select((reservation_cut::document_id, count_star()))
        .order(reservation_cut::document_id)
        .load(conn)?;
    Ok(counts.into_iter().collect())
}

type ByLine<T> = BTreeMap<(DispatchId, i64), Vec<T>>;

/// What the ledger holds for the lines of dispatches, lots that expire first in front.
fn promised_to(
    conn: &mut DbConnection,
    ids: &[DispatchId],
) -> Result<ByLine<LotQuantity>, DbError> {
    let texts: Vec<&str> = ids.iter().map(DispatchId::as_str).collect();
    let rows: Vec<(DispatchId, i64, LotId, ItemCode, Quantity)> = reservation::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(reservation::document_kind.eq(DOCUMENT_KIND))
        .filter(reservation::document_id.eq_any(texts))
        .order((
            makers_lot::expires_on.is_null(),
            makers_lot::expires_on,
            reservation::document_id,
            reservation::line_no,
            reservation::lot_id,
        ))
        .select((
            reservation::document_id,
            reservation::line_no,
            reservation::lot_id,
            reservation::item_code,
            reservation::quantity,
        ))
        .load(conn)?;
    let mut promised: ByLine<LotQuantity> = BTreeMap::new();
    for (id, line, lot_id, item_code, quantity) in rows {
        let lots = promised.entry((id, line)).or_default();
        lots.push(LotQuantity { lot_id, item_code, quantity });
    }
    Ok(promised)
}

fn loads_of(conn: &mut DbConnection, ids: &[DispatchId]) -> Result<ByLine<Load>, DbError> {
    let rows: Vec<(LoadRow, i64)> = dispatch_load::table
        .inner_join(dispatch_shipment::table)
        .filter(dispatch_load::dispatch_id.eq_any(ids))
        .order((
            dispatch_load::dispatch_id,
            dispatch_shipment::seq,
            dispatch_load::line_no,
            dispatch_load::lot_id,
        ))
        .select((LoadRow::as_select(), dispatch_shipment::seq))
        .load(conn)?;
    let mut loaded: ByLine<Load> = BTreeMap::new();
    for (row, _) in rows {
        loaded.entry((row.dispatch_id, row.line_no)).or_default().push(Load {
            shipment_id: row.shipment_id,
            lot_id: row.lot_id,
            item_code: row.item_code,
            shipped: row.shipped,
            received: row.received,
            damaged: row.damaged,
            lost: row.lost,
            returned: row.returned,
            over: row.surplus,
        });
    }
    Ok(loaded)
}

/// The allocations that decided these dispatches, with their numbers.
///
/// # Errors
/// When the database fails.
pub fn allocations_of(
    conn: &mut DbConnection,
    ids: &[DispatchId],
) -> Result<BTreeMap<DispatchId, (AllocationId, String)>, DbError> {
    let rows: Vec<(DispatchId, AllocationId, String)> = allocation_dispatch::table
        .inner_join(allocation::table)
        .filter(allocation_dispatch::dispatch_id.eq_any(ids))
        .order(allocation_dispatch::dispatch_id)
        .select((allocation_dispatch::dispatch_id, allocation::id, allocation::number))
        .load(conn)?;
    Ok(rows.into_iter().map(|(dispatch, id, number)| (dispatch, (id, number))).collect())
}

/// What the label of a lot says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotLabel {
    /// The lot's item.
    pub item_code: ItemCode,
    /// The maker's lot number.
    pub lot_number: LotNumber,
    /// The maker.
    pub maker: String,
    /// The last day on which it may be used.
    pub expires_on: Option<NaiveDate>,
}

/// What the labels of lots say; unknown lots are left out.
///
/// # Errors
/// When the database fails.
pub fn labels_of(
    conn: &mut DbConnection,
    lots: &[LotId],
) -> Result<BTreeMap<LotId, LotLabel>, DbError> {
    let rows: Vec<(LotId, ItemCode, LotNumber, String, Option<NaiveDate>)> = lot::table
        .inner_join(makers_lot::table)
        .filter(lot::id.eq_any(lots))
        .order(lot::id)
        .select((
            lot::id,
            lot::item_code,
            makers_lot::lot_number,
            makers_lot::maker,
            makers_lot::expires_on,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, item_code, lot_number, maker, expires_on)| {
            (id, LotLabel { item_code, lot_number, maker, expires_on })
        })
        .collect())
}
