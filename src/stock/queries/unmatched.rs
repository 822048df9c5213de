//! Reading facts that the book could not cover.

use crate::access::Scope;
use crate::db::schema::{stock_movement, store, unmatched_clearing, unmatched_fact};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{MovementId, UnmatchedId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, Moment, Quantity, RegionCode, StoreCode};
use crate::stock::records::unmatched::{ClearingRow, FactRow};
use crate::stock::unmatched::{Clearing, UnmatchedFact};
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Ids that one statement names at most.
const ASKED_AT_ONCE: usize = 1_000;

/// Which facts to list.
#[derive(Debug, Clone, Default)]
pub struct UnmatchedFilter {
    /// At this store.
    pub store: Option<StoreCode>,
    /// At stores of this region.
    pub region: Option<RegionCode>,
    /// Of this item.
    pub item: Option<ItemCode>,
    /// On this slip.
    pub slip_number: Option<String>,
    /// Still open, or cleared.
    pub open: Option<bool>,
    /// That happened at or after.
    pub from: Option<Instant>,
    /// That happened before.
    pub to: Option<Instant>,
}

/// Facts at stores in scope, the oldest in front, after one.
///
/// # Errors
/// When the database fails.
pub fn facts(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &UnmatchedFilter,
    after: Option<(Instant, UnmatchedId)>,
    size: PageSize,
) -> Result<Vec<UnmatchedFact>, DbError> {
    let mut query =
        unmatched_fact::table.inner_join(store::table).select(FactRow::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(unmatched_fact::store_code.eq_any(stores));
    }
    if let Some(code) = &filter.store {
        query = query.filter(unmatched_fact::store_code.eq(code));
    }
    if let Some(region) = &filter.region {
        // A region code has only digits, so nothing in it needs escaping.
        query = query.filter(store::region_code.like(format!("{region}%")));
    }
    if let Some(item) = &filter.item {
        query = query.filter(unmatched_fact::item_code.eq(item));
    }
    if let Some(slip) = &filter.slip_number {
        query = query.filter(unmatched_fact::slip_number.eq(slip));
    }
    match filter.open {
        Some(true) => query = query.filter(unmatched_fact::still_open.gt(Quantity::ZERO)),
        Some(false) => query = query.filter(unmatched_fact::still_open.eq(Quantity::ZERO)),
        None => {}
    }
    if let Some(from) = filter.from {
        query = query.filter(unmatched_fact::occurred_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(unmatched_fact::occurred_at.lt(to));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            unmatched_fact::occurred_at
                .gt(at)
                .or(unmatched_fact::occurred_at.eq(at).and(unmatched_fact::id.gt(id))),
        );
    }
    let rows: Vec<FactRow> = query
        .order((unmatched_fact::occurred_at, unmatched_fact::id))
        .limit(size.probe())
        .load(conn)?;
    Ok(rows.into_iter().map(UnmatchedFact::from).collect())
}

/// The fact of an id, in scope.
///
/// # Errors
/// When the database fails.
pub fn fact(
    conn: &mut DbConnection,
    scope: &Scope,
    id: &UnmatchedId,
) -> Result<Option<UnmatchedFact>, DbError> {
    let row: Option<FactRow> =
        unmatched_fact::table.find(id).select(FactRow::as_select()).first(conn).optional()?;
    Ok(row.map(UnmatchedFact::from).filter(|fact| scope.contains(&fact.store_code)))
}

/// What cleared some facts, by fact, in the order of recording; what was taken back is among it.
///
/// # Errors
/// When the database fails.
pub fn clearings_of(
    conn: &mut DbConnection,
    facts: &[UnmatchedId],
) -> Result<BTreeMap<UnmatchedId, Vec<Clearing>>, DbError> {
    let mut found: BTreeMap<UnmatchedId, Vec<Clearing>> = BTreeMap::new();
    for facts in facts.chunks(1_000) {
        let rows: Vec<ClearingRow> = unmatched_clearing::table
            .filter(unmatched_clearing::unmatched_id.eq_any(facts))
            .select(ClearingRow::as_select())
            .order((unmatched_clearing::recorded_at, unmatched_clearing::movement_id))
            .load(conn)?;
        for clearing in rows.into_iter().map(Clearing::from) {
            found.entry(clearing.unmatched_id.clone()).or_default().push(clearing);
        }
    }
    Ok(found)
}

/// The facts at a store that a document cleared, with how much of each, the oldest in front.
///
/// # Errors
/// When the database fails.
pub fn cleared_by(
    conn: &mut DbConnection,
    store: &StoreCode,
    by_kind: &str,
    by_id: &str,
) -> Result<Vec<(UnmatchedFact, Quantity)>, DbError> {
    let rows: Vec<(FactRow, Quantity)> = unmatched_clearing::table
        .inner_join(
            unmatched_fact::table.on(unmatched_clearing::unmatched_id.eq(unmatched_fact::id)),
        )
        .filter(unmatched_fact::store_code.eq(store))
        .filter(unmatched_clearing::by_kind.eq(by_kind))
        .filter(unmatched_clearing::by_id.eq(by_id))
        .select((FactRow::as_select(), unmatched_clearing::quantity))
        .order((unmatched_fact::occurred_at, unmatched_fact::id, unmatched_clearing::movement_id))
        .load(conn)?;
    Ok(rows.into_iter().map(|(fact, quantity)| (fact.into(), quantity)).collect())
}

/// How many facts through a business day are still open, and how much of them: both must be zero
/// before the period up to that day closes.
///
/// Of one store where one is named, else of all.
///
/// # Errors
/// When the database fails.
pub fn open_unmatched_through(
    conn: &mut DbConnection,
    store: Option<&StoreCode>,
    last_day: NaiveDate,
) -> Result<(u64, Quantity), DbError> {
    let mut query = unmatched_fact::table
        .filter(unmatched_fact::still_open.gt(Quantity::ZERO))
        .filter(unmatched_fact::business_day.le(last_day))
        .select(unmatched_fact::still_open)
        .into_boxed();
    if let Some(store) = store {
        query = query.filter(unmatched_fact::store_code.eq(store));
    }
    let open: Vec<Quantity> = query.order(unmatched_fact::id).load(conn)?;
    Ok((u64::try_from(open.len()).unwrap_or(u64::MAX), Quantity::total(open)))
}

/// Where facts were open at a moment: the figures of these stores and items are doubtful.
///
/// # Errors
/// When the database fails.
pub fn cells_with_open_facts(
    conn: &mut DbConnection,
    moment: &Moment,
    stores: Option<&[StoreCode]>,
    items: Option<&[ItemCode]>,
) -> Result<BTreeSet<(StoreCode, ItemCode)>, DbError> {
    let mut query = unmatched_fact::table
        .select((
            unmatched_fact::id,
            unmatched_fact::movement_id,
            unmatched_fact::quantity,
            unmatched_fact::store_code,
            unmatched_fact::item_code,
        ))
        .into_boxed();
    query = if moment.is_now {
        query.filter(unmatched_fact::still_open.gt(Quantity::ZERO))
    } else {
        query
            .filter(unmatched_fact::occurred_at.le(moment.as_of))
            .filter(unmatched_fact::recorded_at.le(moment.as_known_at))
    };
    if let Some(stores) = stores {
        query = among!(query, unmatched_fact::store_code, stores);
    }
    if let Some(items) = items {
        query = among!(query, unmatched_fact::item_code, items);
    }
    type Row = (UnmatchedId, MovementId, Quantity, StoreCode, ItemCode);
    let facts: Vec<Row> = query.order(unmatched_fact::id).load(conn)?;
    let cleared = if moment.is_now { BTreeMap::new() } else { cleared_at(conn, moment, &facts)? };
    let cell = |(id, _, quantity, store, item): Row| {
        (cleared.get(&id).is_none_or(|cleared| *cleared < quantity.units()))
            .then_some((store, item))
    };
    Ok(facts.into_iter().filter_map(cell).collect())
}

/// How much of some facts was cleared or taken back at a moment of the past.
fn cleared_at(
    conn: &mut DbConnection,
    moment: &Moment,
    facts: &[(UnmatchedId, MovementId, Quantity, StoreCode, ItemCode)],
) -> Result<BTreeMap<UnmatchedId, i64>, DbError> {
    let mut cleared: BTreeMap<UnmatchedId, i64> = BTreeMap::new();
    // A clearing counts for its fact, and its reversal against it; that of the fact itself for it.
    let mut counts: BTreeMap<MovementId, (UnmatchedId, i64)> = BTreeMap::new();
    for facts in facts.chunks(ASKED_AT_ONCE) {
        let ids: Vec<&UnmatchedId> = facts.iter().map(|(id, ..)| id).collect();
        let rows: Vec<(UnmatchedId, MovementId, Quantity)> = unmatched_clearing::table
            .inner_join(
                stock_movement::table.on(unmatched_clearing::movement_id.eq(stock_movement::id)),
            )
            .filter(unmatched_clearing::unmatched_id.eq_any(ids))
            .filter(stock_movement::occurred_at.le(moment.as_of))
            .filter(stock_movement::recorded_at.le(moment.as_known_at))
            .select((
                unmatched_clearing::unmatched_id,
                unmatched_clearing::movement_id,
                unmatched_clearing::quantity,
            ))
            .load(conn)?;
        for (fact, movement, quantity) in rows {
            *cleared.entry(fact.clone()).or_default() += quantity.units();
            counts.insert(movement, (fact, -1));
        }
        counts.extend(facts.iter().map(|(id, movement, ..)| (movement.clone(), (id.clone(), 1))));
    }
    let movements: Vec<&MovementId> = counts.keys().collect();
    for movements in movements.chunks(ASKED_AT_ONCE) {
        let rows: Vec<(Option<MovementId>, Quantity)> = stock_movement::table
            .filter(stock_movement::reverses.eq_any(movements.iter().copied()))
            .filter(stock_movement::occurred_at.le(moment.as_of))
            .filter(stock_movement::recorded_at.le(moment.as_known_at))
            .select((stock_movement::reverses, stock_movement::quantity))
            .load(conn)?;
        for (reversed, quantity) in rows {
            if let Some((fact, sign)) = reversed.and_then(|reversed| counts.get(&reversed)) {
                let taken_back = sign * quantity.units();
                *cleared.entry(fact.clone()).or_default() += taken_back;
            }
        }
    }
    Ok(cleared)
}
