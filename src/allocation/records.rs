//! Proposals with their lines, events and dispatches, and the table of routes, as rows.

use crate::access::Scope;
use crate::allocation::changes::Change;
use crate::allocation::inputs::Inputs;
use crate::allocation::outcome::{LotShare, Outcome};
use crate::allocation::problem::Measure;
use crate::allocation::proposal::{Allocation, AllocationStatus, Edit, Event, Line};
use crate::allocation::route::Route;
use crate::authority::records::read_authority;
use crate::db::schema::{
    allocation, allocation_dispatch, allocation_event, allocation_line, allocation_scope, route,
    route_table,
};
use crate::db::{DbConnection, DbError};
use crate::dispatch::order::Urgency;
use crate::kernel::id::{AllocationId, DispatchId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::{load_locked, on_each_backend};
use diesel::dsl::{exists, max};
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// What paperwork and the audit trail call an allocation.
pub const DOCUMENT_KIND: &str = "allocation";

/// Rows of one multi-row insert: 13 columns at most, below SQLite's limit of 32 766 values.
const INSERT_CHUNK: usize = 1_000;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = allocation, treat_none_as_default_value = false)]
struct Row {
    id: AllocationId,
    number: String,
    status: AllocationStatus,
    rehearsal: bool,
    policy: String,
    measure: Measure,
    urgency: Urgency,
    needed_by: Option<String>,
    reason: Option<String>,
    inputs: String,
    input_hash: String,
    outcome: String,
    follows: Option<AllocationId>,
    round_no: i64,
    created_by: String,
    created_at: Instant,
    authors: String,
    decided_by: Option<String>,
    decided_at: Option<Instant>,
    authority: Option<String>,
    accepted: Option<String>,
    note: Option<String>,
    version: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = allocation_line, treat_none_as_default_value = false)]
struct LineRow {
    allocation_id: AllocationId,
    line_no: i64,
    part_no: i64,
    item_code: ItemCode,
    from_store: StoreCode,
    to_store: StoreCode,
    proposed: Quantity,
    proposed_lots: String,
    decided: Quantity,
    decided_lots: String,
    reason: Option<String>,
    edited_by: Option<String>,
    edited_at: Option<Instant>,
}

#[derive(Insertable)]
#[diesel(table_name = allocation_scope, treat_none_as_default_value = false)]
struct ScopeRow {
    allocation_id: AllocationId,
    store_code: StoreCode,
    item_code: ItemCode,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = allocation_event, treat_none_as_default_value = false)]
struct EventRow {
    allocation_id: AllocationId,
    seq: i64,
    at: Instant,
    actor: String,
    what: String,
    note: Option<String>,
}

fn to_json(value: &impl Serialize) -> String {
    // Lists of plain structs and strings always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

/// What the service wrote itself and cannot read back is a damaged book, not a refusal.
fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, DbError> {
    serde_json::from_str(json).map_err(|error| {
        DbError::Query(diesel::result::Error::DeserializationError(Box::new(error)))
    })
}

impl From<&Allocation> for Row {
    fn from(one: &Allocation) -> Self {
        let terms = &one.inputs.terms;
        Self {
            id: one.id.clone(),
            number: one.number.clone(),
            status: one.status,
            rehearsal: one.rehearsal,
            policy: terms.policy.clone(),
            measure: terms.measure,
            urgency: terms.urgency,
            needed_by: terms.needed_by.clone(),
            reason: one.reason.clone(),
            inputs: one.inputs.to_json(),
            input_hash: one.input_hash.clone(),
            outcome: one.outcome.to_json(),
            follows: one.follows.clone(),
            round_no: one.round,
            created_by: one.created_by.clone(),
            created_at: one.created_at,
            authors: to_json(&one.authors),
            decided_by: one.decided_by.clone(),
            decided_at: one.decided_at,
            authority: one.authority.as_ref().map(|authority| authority.to_json()),
            accepted: (!one.accepted.is_empty()).then(|| to_json(&one.accepted)),
            note: one.note.clone(),
            version: one.version,
        }
    }
}

fn line_row(id: &AllocationId, line: &Line) -> LineRow {
    LineRow {
        allocation_id: id.clone(),
        line_no: line.line,
        part_no: line.part,
        item_code: line.item_code.clone(),
        from_store: line.from.clone(),
        to_store: line.to.clone(),
        proposed: line.proposed,
        proposed_lots: to_json(&line.proposed_lots),
        decided: line.decided,
        decided_lots: to_json(&line.decided_lots),
        reason: line.edit.as_ref().map(|edit| edit.reason.clone()),
        edited_by: line.edit.as_ref().map(|edit| edit.by.clone()),
        edited_at: line.edit.as_ref().map(|edit| edit.at),
    }
}

fn to_line(row: LineRow) -> Result<Line, DbError> {
    let edit = row.reason.zip(row.edited_by).zip(row.edited_at);
    Ok(Line {
        line: row.line_no,
        part: row.part_no,
        item_code: row.item_code,
        from: row.from_store,
        to: row.to_store,
        proposed: row.proposed,
        proposed_lots: from_json::<Vec<LotShare>>(&row.proposed_lots)?,
        decided: row.decided,
        decided_lots: from_json::<Vec<LotShare>>(&row.decided_lots)?,
        edit: edit.map(|((reason, by), at)| Edit { reason, by, at }),
    })
}

/// Stores a new proposal with its lines and the stores that it looked at.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, one: &Allocation) -> Result<(), DbError> {
    diesel::insert_into(allocation::table).values(Row::from(one)).execute(conn)?;
    insert_lines(conn, &one.id, &one.lines)?;
    let cells: Vec<ScopeRow> = one
        .cells()
        .into_iter()
        .map(|(store_code, item_code)| ScopeRow {
            allocation_id: one.id.clone(),
            store_code,
            item_code,
        })
        .collect();
    for chunk in cells.chunks(INSERT_CHUNK) {
        on_each_backend!(conn, |c| diesel::insert_into(allocation_scope::table)
            .values(chunk)
            .execute(c))?;
    }
    Ok(())
}

fn insert_lines(conn: &mut DbConnection, id: &AllocationId, lines: &[Line]) -> Result<(), DbError> {
    let rows: Vec<LineRow> = lines.iter().map(|line| line_row(id, line)).collect();
    for chunk in rows.chunks(INSERT_CHUNK) {
        on_each_backend!(conn, |c| diesel::insert_into(allocation_line::table)
            .values(chunk)
            .execute(c))?;
    }
    Ok(())
}

/// Stores what a decision changed: the head, edited lines and new ones. Inputs and outcome stay.
///
/// # Errors
/// When the database fails.
pub fn update(
    conn: &mut DbConnection,
    before: &Allocation,
    after: &Allocation,
) -> Result<(), DbError> {
    diesel::update(allocation::table.find(&after.id))
        .set((
            allocation::status.eq(after.status),
            allocation::authors.eq(to_json(&after.authors)),
            allocation::decided_by.eq(&after.decided_by),
            allocation::decided_at.eq(after.decided_at),
            allocation::authority.eq(after.authority.as_ref().map(|word| word.to_json())),
            allocation::accepted.eq((!after.accepted.is_empty()).then(|| to_json(&after.accepted))),
            allocation::note.eq(&after.note),
            allocation::version.eq(after.version),
        ))
        .execute(conn)?;
    for line in &after.lines {
        match before.lines.iter().find(|old| old.line == line.line) {
            Some(old) if old == line => {}
            Some(_) => {
                let row = line_row(&after.id, line);
                diesel::update(allocation_line::table.find((&after.id, line.line)))
                    .set((
                        allocation_line::decided.eq(row.decided),
                        allocation_line::decided_lots.eq(row.decided_lots),
                        allocation_line::reason.eq(row.reason),
                        allocation_line::edited_by.eq(row.edited_by),
                        allocation_line::edited_at.eq(row.edited_at),
                    ))
                    .execute(conn)?;
            }
            None => insert_lines(conn, &after.id, std::slice::from_ref(line))?,
        }
    }
    Ok(())
}

/// Links dispatches to the allocation that they come from.
///
/// # Errors
/// When the database fails.
pub fn link(
    conn: &mut DbConnection,
    id: &AllocationId,
    dispatches: &[DispatchId],
) -> Result<(), DbError> {
    for dispatch in dispatches {
        diesel::insert_into(allocation_dispatch::table)
            .values((
                allocation_dispatch::dispatch_id.eq(dispatch),
                allocation_dispatch::allocation_id.eq(id),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Adds to the story of an allocation, which is locked or new.
///
/// # Errors
/// When the database fails.
pub fn tell(conn: &mut DbConnection, id: &AllocationId, event: &Event) -> Result<(), DbError> {
    let last: Option<i64> = allocation_event::table
        .filter(allocation_event::allocation_id.eq(id))
        .select(max(allocation_event::seq))
        .first(conn)?;
    let row = EventRow {
        allocation_id: id.clone(),
        seq: last.unwrap_or(0) + 1,
        at: event.at,
        actor: event.actor.clone(),
        what: event.what.clone(),
        note: event.note.clone(),
    };
    diesel::insert_into(allocation_event::table).values(row).execute(conn)?;
    Ok(())
}

/// What happened to an allocation, in order.
///
/// # Errors
/// When the database fails.
pub fn events_of(conn: &mut DbConnection, id: &AllocationId) -> Result<Vec<Event>, DbError> {
    let rows: Vec<EventRow> = allocation_event::table
        .filter(allocation_event::allocation_id.eq(id))
        .select(EventRow::as_select())
        .order(allocation_event::seq)
        .limit(PageSize::MAX)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Event { at: row.at, actor: row.actor, what: row.what, note: row.note })
        .collect())
}

/// The allocation of an id, locked for a change.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, id: &AllocationId) -> Result<Option<Allocation>, DbError> {
    let rows: Vec<Row> =
        load_locked!(conn, allocation::table.find(id).select(Row::as_select()), Row)?;
    Ok(complete(conn, rows)?.pop())
}

/// The allocation of an id or a number.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, id_or_number: &str) -> Result<Option<Allocation>, DbError> {
    let rows: Vec<Row> = allocation::table
        .filter(allocation::id.eq(id_or_number).or(allocation::number.eq(id_or_number)))
        .select(Row::as_select())
        .order(allocation::id)
        .limit(1)
        .load(conn)?;
    Ok(complete(conn, rows)?.pop())
}

/// Whether an allocation looked at a store in scope.
///
/// # Errors
/// When the database fails.
pub fn is_visible(
    conn: &mut DbConnection,
    scope: &Scope,
    id: &AllocationId,
) -> Result<bool, DbError> {
    let Some(stores) = scope.stores() else { return Ok(true) };
    let looked_at = allocation_scope::table
        .filter(allocation_scope::allocation_id.eq(id))
        .filter(allocation_scope::store_code.eq_any(stores));
    Ok(diesel::select(exists(looked_at)).get_result(conn)?)
}

/// Which allocations to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// That looked at this item.
    pub item: Option<ItemCode>,
    /// That looked at this store.
    pub store: Option<StoreCode>,
    /// With a line from this store.
    pub from: Option<StoreCode>,
    /// With a line to this store.
    pub to: Option<StoreCode>,
    /// Of one of these statuses.
    pub statuses: Vec<AllocationStatus>,
    /// Made by this user.
    pub created_by: Option<String>,
    /// Made at or after.
    pub created_from: Option<Instant>,
    /// Made before.
    pub created_to: Option<Instant>,
    /// Rehearsals alone, or none.
    pub rehearsal: Option<bool>,
    /// Of this number.
    pub number: Option<String>,
    /// That repeat this one.
    pub follows: Option<AllocationId>,
}

/// Allocations in scope, the newest in front, after one.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<(Instant, AllocationId)>,
    size: PageSize,
) -> Result<Vec<Allocation>, DbError> {
    let looked_at =
        || allocation_scope::table.filter(allocation_scope::allocation_id.eq(allocation::id));
    let moves = || allocation_line::table.filter(allocation_line::allocation_id.eq(allocation::id));
    let mut query = allocation::table.select(Row::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query =
            query.filter(exists(looked_at().filter(allocation_scope::store_code.eq_any(stores))));
    }
    if let Some(item) = &filter.item {
        query = query.filter(exists(looked_at().filter(allocation_scope::item_code.eq(item))));
    }
    if let Some(store) = &filter.store {
        query = query.filter(exists(looked_at().filter(allocation_scope::store_code.eq(store))));
    }
    if let Some(from) = &filter.from {
        query = query.filter(exists(moves().filter(allocation_line::from_store.eq(from))));
    }
    if let Some(to) = &filter.to {
        query = query.filter(exists(moves().filter(allocation_line::to_store.eq(to))));
    }
    if !filter.statuses.is_empty() {
        query = query.filter(allocation::status.eq_any(&filter.statuses));
    }
    if let Some(user) = &filter.created_by {
        query = query.filter(allocation::created_by.eq(user));
    }
    if let Some(from) = filter.created_from {
        query = query.filter(allocation::created_at.ge(from));
    }
    if let Some(to) = filter.created_to {
        query = query.filter(allocation::created_at.lt(to));
    }
    if let Some(rehearsal) = filter.rehearsal {
        query = query.filter(allocation::rehearsal.eq(rehearsal));
    }
    if let Some(number) = &filter.number {
        query = query.filter(allocation::number.eq(number));
    }
    if let Some(follows) = &filter.follows {
        query = query.filter(allocation::follows.eq(follows));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            allocation::created_at
                .lt(at)
                .or(allocation::created_at.eq(at).and(allocation::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((allocation::created_at.desc(), allocation::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    complete(conn, rows)
}

/// Fills the heads of allocations with their lines and dispatches, two queries for all.
fn complete(conn: &mut DbConnection, rows: Vec<Row>) -> Result<Vec<Allocation>, DbError> {
    let ids: Vec<AllocationId> = rows.iter().map(|row| row.id.clone()).collect();
    let mut lines: BTreeMap<AllocationId, Vec<Line>> = BTreeMap::new();
    let line_rows: Vec<LineRow> = allocation_line::table
        .filter(allocation_line::allocation_id.eq_any(&ids))
        .select(LineRow::as_select())
        .order((allocation_line::allocation_id, allocation_line::line_no))
        .load(conn)?;
    for row in line_rows {
        lines.entry(row.allocation_id.clone()).or_default().push(to_line(row)?);
    }
    let mut dispatches: BTreeMap<AllocationId, Vec<DispatchId>> = BTreeMap::new();
    let links: Vec<(AllocationId, DispatchId)> = allocation_dispatch::table
        .filter(allocation_dispatch::allocation_id.eq_any(&ids))
        .select((allocation_dispatch::allocation_id, allocation_dispatch::dispatch_id))
        .order((allocation_dispatch::allocation_id, allocation_dispatch::dispatch_id))
        .load(conn)?;
    for (id, dispatch) in links {
        dispatches.entry(id).or_default().push(dispatch);
    }
    rows.into_iter()
        .map(|row| {
            Ok(Allocation {
                inputs: from_json::<Inputs>(&row.inputs)?,
                outcome: from_json::<Outcome>(&row.outcome)?,
                authors: from_json::<Vec<String>>(&row.authors)?,
                authority: row.authority.as_deref().map(read_authority).transpose()?,
                accepted: row
                    .accepted
                    .as_deref()
                    .map(from_json::<Vec<Change>>)
                    .transpose()?
                    .unwrap_or_default(),
                lines: lines.remove(&row.id).unwrap_or_default(),
                dispatches: dispatches.remove(&row.id).unwrap_or_default(),
                id: row.id,
                number: row.number,
                status: row.status,
                rehearsal: row.rehearsal,
                reason: row.reason,
                input_hash: row.input_hash,
                follows: row.follows,
                round: row.round_no,
                created_by: row.created_by,
                created_at: row.created_at,
                decided_by: row.decided_by,
                decided_at: row.decided_at,
                note: row.note,
                version: row.version,
            })
        })
        .collect()
}

// ---- routes ---------------------------------------------------------------------------------

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = route, treat_none_as_default_value = false)]
struct RouteRow {
    from_store: StoreCode,
    to_store: StoreCode,
    cost: Option<i64>,
    distance_m: Option<i64>,
    travel_minutes: Option<i64>,
    cold_chain: bool,
    closed: bool,
    reason: Option<String>,
}

impl From<RouteRow> for Route {
    fn from(row: RouteRow) -> Self {
        Self {
            from: row.from_store,
            to: row.to_store,
            cost: row.cost,
            distance_m: row.distance_m,
            travel_minutes: row.travel_minutes,
            cold_chain: row.cold_chain,
            closed: row.closed,
            reason: row.reason,
        }
    }
}

/// Which routes to list.
#[derive(Debug, Clone, Default)]
pub struct RouteFilter {
    /// From this store.
    pub from: Option<StoreCode>,
    /// To this store.
    pub to: Option<StoreCode>,
    /// Closed ones alone, or none.
    pub closed: Option<bool>,
}

/// Routes with an end in `scope`, by sender and receiver, after one.
///
/// # Errors
/// When the database fails.
pub fn list_routes(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &RouteFilter,
    after: Option<(StoreCode, StoreCode)>,
    limit: i64,
) -> Result<Vec<Route>, DbError> {
    let mut query = route::table.select(RouteRow::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query
            .filter(route::from_store.eq_any(stores.clone()).or(route::to_store.eq_any(stores)));
    }
    if let Some(from) = &filter.from {
        query = query.filter(route::from_store.eq(from));
    }
    if let Some(to) = &filter.to {
        query = query.filter(route::to_store.eq(to));
    }
    if let Some(closed) = filter.closed {
        query = query.filter(route::closed.eq(closed));
    }
    if let Some((from, to)) = after {
        query = query.filter(
            route::from_store
                .gt(from.clone())
                .or(route::from_store.eq(from).and(route::to_store.gt(to))),
        );
    }
    let rows: Vec<RouteRow> =
        query.order((route::from_store, route::to_store)).limit(limit).load(conn)?;
    Ok(rows.into_iter().map(Route::from).collect())
}

/// The version of the table of routes.
///
/// # Errors
/// When the database fails.
pub fn routes_version(conn: &mut DbConnection) -> Result<i64, DbError> {
    Ok(route_table::table.find(1).select(route_table::version).first(conn)?)
}

/// The version of the table of routes, locked for a change.
///
/// # Errors
/// When the database fails.
pub fn lock_routes(conn: &mut DbConnection) -> Result<i64, DbError> {
    let rows: Vec<i64> =
        load_locked!(conn, route_table::table.find(1).select(route_table::version), i64)?;
    rows.into_iter().next().ok_or(DbError::Query(diesel::result::Error::NotFound))
}

/// Puts these routes in the place of all that have both ends in `scope`.
///
/// # Errors
/// When the database fails.
pub fn replace_routes(
    conn: &mut DbConnection,
    scope: &Scope,
    routes: &[Route],
    version: i64,
    by: &str,
    at: Instant,
) -> Result<(), DbError> {
    match scope.stores() {
        None => {
            diesel::delete(route::table).execute(conn)?;
        }
        Some(stores) => {
            diesel::delete(
                route::table
                    .filter(route::from_store.eq_any(stores.clone()))
                    .filter(route::to_store.eq_any(stores)),
            )
            .execute(conn)?;
        }
    }
    let rows: Vec<RouteRow> = routes
        .iter()
        .map(|one| RouteRow {
            from_store: one.from.clone(),
            to_store: one.to.clone(),
            cost: one.cost,
            distance_m: one.distance_m,
            travel_minutes: one.travel_minutes,
            cold_chain: one.cold_chain,
            closed: one.closed,
            reason: one.reason.clone(),
        })
        .collect();
    for chunk in rows.chunks(INSERT_CHUNK) {
        on_each_backend!(conn, |c| diesel::insert_into(route::table).values(chunk).execute(c))?;
    }
    diesel::update(route_table::table.find(1))
        .set((
            route_table::version.eq(version),
            route_table::changed_by.eq(by),
            route_table::changed_at.eq(at),
        ))
        .execute(conn)?;
    Ok(())
}
