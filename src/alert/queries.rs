//! What the watch reads: which stores may have changed, and what is wrong at them.

use crate::alert::rules::shortage;
use crate::alert::state::{
    AlertDocument, AlertFacts, AlertKind, AlertPlan, AlertStatus, State, Subject,
};
use crate::authority::paperwork::PaperworkStatus;
use crate::config::Settings;
use crate::db::schema::{
    alert_watched_store, audit_entry, chain_head, lot, makers_lot, paperwork, reservation_cut,
    stock_balance, store, transit_balance,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::hash::FieldHasher;
use crate::kernel::id::{DispatchId, LotId, PaperworkId, ReservationCutId};
use crate::kernel::time::plus_days;
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::reserve_plan::{queries as plans, records as plan_records};
use crate::shortfall::queries::{Line, Question, shortfalls};
use crate::shortfall::rules::Reason;
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What holds for all stores at once, in one word: when it changes, every store is looked at again.
///
/// # Errors
/// When the database fails.
pub fn world(
    conn: &mut DbConnection,
    settings: &Settings,
    now: Instant,
) -> Result<String, DbError> {
    let mut hasher = FieldHasher::new()
        .number(settings.horizon_days)
        .number(settings.stale_hours)
        .number(settings.consumption_window_days)
        .number(settings.expiry_warning_days);
    for plan in plan_records::plans_in_force(conn, now, None)?.iter() {
        hasher = hasher.field(plan.region.as_str()).field(plan.id.as_str());
    }
    let levels = plans::levels_in_force(conn, now)?;
    Ok(hasher.field(format!("{levels:?}")).finish())
}

/// What somebody may do to the whole county without any store's figures changing by it.
const OF_NO_CONCERN: [&str; 12] = [
    "users.manage",
    "batches.send",
    "capabilities.write",
    "reserve_plans.write",
    "reserve_plans.approve",
    "response_level.declare",
    "paperwork.confirm",
    "clock.accept",
    "allocations.propose",
    "routes.write",
    "alerts.acknowledge",
    "webhooks.manage",
];

/// The newest link of the county's audit trail, and whether anything since `seen` may concern every
/// store: a recall, a correction, a change of the catalogue or of a store. What is not known to be
/// of no concern is of concern; plans and levels count when they take force, by [`world`].
///
/// # Errors
/// When the database fails.
pub fn county_since(conn: &mut DbConnection, seen: i64) -> Result<(i64, bool), DbError> {
    let chain = crate::audit::entry::chain_of(None);
    let newest: Option<i64> =
        chain_head::table.find(&chain).select(chain_head::seq).first(conn).optional()?;
    let newest = newest.unwrap_or(0);
    if newest <= seen {
        return Ok((seen, false));
    }
    let concerning: Option<i64> = audit_entry::table
        .filter(audit_entry::chain.eq(&chain))
        .filter(audit_entry::chain_seq.gt(seen))
        .filter(audit_entry::outcome.eq(crate::audit::Outcome::Done))
        .filter(audit_entry::action.ne_all(OF_NO_CONCERN))
        .select(audit_entry::chain_seq)
        .order(audit_entry::chain_seq)
        .first(conn)
        .optional()?;
    Ok((newest, concerning.is_some()))
}

/// A store that is to be looked at, and how long its chains are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The store.
    pub store: StoreCode,
    /// Links of its two chains.
    pub links: i64,
}

/// The stores that may have changed since they were looked at, in the order of their codes; at most
/// `limit`.
///
/// # Errors
/// When the database fails.
pub fn due_stores(
    conn: &mut DbConnection,
    generation: i64,
    now: Instant,
    limit: usize,
) -> Result<Vec<Due>, DbError> {
    let links = links(conn)?;
    let watched: Vec<(StoreCode, i64, i64, Instant, Instant)> = alert_watched_store::table
        .select((
            alert_watched_store::store_code,
            alert_watched_store::links,
            alert_watched_store::generation,
            alert_watched_store::looked_at,
            alert_watched_store::due_at,
        ))
        .load(conn)?;
    let watched: BTreeMap<StoreCode, (i64, i64, Instant, Instant)> =
        watched.into_iter().map(|(code, a, b, c, d)| (code, (a, b, c, d))).collect();
    let fell_due = fell_due(conn, now)?;
    let stores: Vec<StoreCode> = store::table.select(store::code).order(store::code).load(conn)?;
    let due = stores.into_iter().filter_map(|code| {
        let links = links.get(code.as_str()).copied().unwrap_or(0);
        let is_due = match watched.get(&code) {
            None => true,
            Some((seen, under, looked_at, due_at)) => {
                *seen != links
                    || *under != generation
                    || *due_at <= now
                    || fell_due.get(&code).is_some_and(|at| at > looked_at)
            }
        };
        is_due.then_some(Due { store: code, links })
    });
    Ok(due.take(limit).collect())
}

/// The links of each store's two chains, ledger and audit, added up: every command adds one.
fn links(conn: &mut DbConnection) -> Result<BTreeMap<String, i64>, DbError> {
    let heads: Vec<(String, i64)> =
        chain_head::table.select((chain_head::chain, chain_head::seq)).load(conn)?;
    let mut links: BTreeMap<String, i64> = BTreeMap::new();
    for (chain, seq) in heads {
        let store = chain.strip_prefix("stock/").or_else(|| chain.strip_prefix("audit/store/"));
        if let Some(store) = store {
            *links.entry(store.to_owned()).or_default() += seq;
        }
    }
    Ok(links)
}

/// When something last fell due at each store by time alone: goods on the way, papers.
fn fell_due(
    conn: &mut DbConnection,
    now: Instant,
) -> Result<BTreeMap<StoreCode, Instant>, DbError> {
    use diesel::dsl::max;
    let expected: Vec<(StoreCode, Option<Instant>)> = transit_balance::table
        .filter(transit_balance::on_hand.gt(Quantity::ZERO))
        .filter(transit_balance::expected_at.lt(now))
        .group_by(transit_balance::to_store)
        .select((transit_balance::to_store, max(transit_balance::expected_at)))
        .load(conn)?;
    let papers: Vec<(Option<StoreCode>, Option<Instant>)> = paperwork::table
        .filter(paperwork::status.eq(PaperworkStatus::Open))
        .filter(paperwork::due_at.lt(now))
        .group_by(paperwork::store_code)
        .select((paperwork::store_code, max(paperwork::due_at)))
        .load(conn)?;
    let papers = papers.into_iter().filter_map(|(store, at)| store.map(|store| (store, at)));
    let mut latest: BTreeMap<StoreCode, Instant> = BTreeMap::new();
    for (store, at) in expected.into_iter().chain(papers) {
        let Some(at) = at else { continue };
        latest.entry(store).and_modify(|known| *known = (*known).max(at)).or_insert(at);
    }
    Ok(latest)
}

/// What was found at some stores.
#[derive(Debug, Default)]
pub struct Found {
    /// What is wrong at them.
    pub states: Vec<State>,
    /// When time alone may change something at a store, where it is before the next business day.
    pub next: BTreeMap<StoreCode, Instant>,
}

/// Looks at some stores.
///
/// # Errors
/// When the database fails.
pub fn look(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    settings: &Settings,
    now: Instant,
) -> Result<Found, DbError> {
    let mut found = Found::default();
    let question = Question { scope: Some(stores.to_vec()), ..Question::default() };
    let lines = shortfalls(conn, &question, settings, now)?.lines;
    found.states.extend(lines.iter().filter_map(state_of_line));
    silences(&lines, settings, now, &mut found);
    found.states.extend(expiries(conn, stores, settings, now)?);
    found.states.extend(late_goods(conn, stores, now)?);
    found.states.extend(late_papers(conn, stores, now)?);
    found.states.extend(cuts(conn, stores)?);
    Ok(found)
}

/// What a line of the plan in force is about, and the figures behind its status.
fn state_of_line(line: &Line) -> Option<State> {
    let status = shortage(line.figures.status)?;
    let subject = Subject {
        item: Some(line.item.clone()),
        ..Subject::of_store(AlertKind::Shortage, line.store.clone())
    };
    let facts = AlertFacts {
        target: line.target.as_ref().ok().map(|target| target.quantity),
        floor: line.plan_line.line.floor_at(line.level),
        available: Some(line.available),
        arriving: Some(line.arriving),
        level: Some(line.level),
        plan: Some(AlertPlan {
            id: line.plan_line.plan_id.to_string(),
            line_no: line.plan_line.line_no,
        }),
        ..AlertFacts::default()
    };
    Some(State { subject, status, facts })
}

/// Stores of which a plan speaks and that have told nothing for too long, or will have.
fn silences(lines: &[Line], settings: &Settings, now: Instant, found: &mut Found) {
    let mut seen: BTreeSet<&StoreCode> = BTreeSet::new();
    for line in lines {
        if !seen.insert(&line.store) {
            continue;
        }
        if line.reasons.contains(&Reason::StaleFigures) {
            found.states.push(State {
                subject: Subject::of_store(AlertKind::Silence, line.store.clone()),
                status: AlertStatus::Silent,
                facts: AlertFacts { last_report_at: line.last_report_at, ..AlertFacts::default() },
            });
        } else if let Some(last) = line.last_report_at {
            // The instant after which the figures are stale.
            let stale = last.plus_hours(settings.stale_hours).next();
            if stale > now {
                found.next.insert(line.store.clone(), stale);
            }
        }
    }
}

type ExpiryRow = (StoreCode, ItemCode, LotId, String, Option<NaiveDate>, Quantity);

/// Lots that expire soon or have expired, and are there.
fn expiries(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    settings: &Settings,
    now: Instant,
) -> Result<Vec<State>, DbError> {
    let today = settings.zone.day_of(now);
    let rows: Vec<ExpiryRow> = stock_balance::table
        .inner_join(lot::table.inner_join(makers_lot::table))
        .filter(stock_balance::store_code.eq_any(stores))
        .filter(stock_balance::on_hand.gt(Quantity::ZERO))
        .filter(makers_lot::expires_on.le(plus_days(today, settings.expiry_warning_days)))
        .select((
            stock_balance::store_code,
            stock_balance::item_code,
            stock_balance::lot_id,
            makers_lot::lot_number,
            makers_lot::expires_on,
            stock_balance::on_hand,
        ))
        .order((stock_balance::store_code, stock_balance::lot_id))
        .load(conn)?;
    // A lot has a balance for each state that some of it is in.
    let of_one_lot = |one: &ExpiryRow, next: &ExpiryRow| (&one.0, &one.2) == (&next.0, &next.2);
    let state = |balances: &[ExpiryRow]| {
        let (store, item, lot, lot_number, expires_on, _) = balances.first()?.clone();
        let expired = expires_on.is_some_and(|last| last < today);
        let quantity = Some(Quantity::total(balances.iter().map(|balance| balance.5)));
        let lot = Some(lot);
        let subject =
            Subject { item: Some(item), lot, ..Subject::of_store(AlertKind::Expiry, store) };
        let status = if expired { AlertStatus::Expired } else { AlertStatus::NearExpiry };
        let lot_number = Some(lot_number);
        let facts = AlertFacts { lot_number, expires_on, quantity, ..AlertFacts::default() };
        Some(State { subject, status, facts })
    };
    Ok(rows.chunk_by(of_one_lot).filter_map(state).collect())
}

/// Goods on the way to these stores for longer than expected, by dispatch.
fn late_goods(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    now: Instant,
) -> Result<Vec<State>, DbError> {
    use diesel::dsl::min;
    let rows: Vec<(StoreCode, DispatchId, Option<Instant>)> = transit_balance::table
        .filter(transit_balance::to_store.eq_any(stores))
        .filter(transit_balance::on_hand.gt(Quantity::ZERO))
        .filter(transit_balance::expected_at.lt(now))
        .group_by((transit_balance::to_store, transit_balance::dispatch_id))
        .select((
            transit_balance::to_store,
            transit_balance::dispatch_id,
            min(transit_balance::expected_at),
        ))
        .load(conn)?;
    let state = |(store, dispatch, due_at): (StoreCode, DispatchId, Option<Instant>)| {
        let document = AlertDocument { kind: "dispatch".to_owned(), id: dispatch.into() };
        of_document(AlertKind::Transit, AlertStatus::Overdue, store, document, due_at)
    };
    Ok(rows.into_iter().map(state).collect())
}

/// Papers of these stores that are overdue.
fn late_papers(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    now: Instant,
) -> Result<Vec<State>, DbError> {
    let rows: Vec<(Option<StoreCode>, PaperworkId, Instant)> = paperwork::table
        .filter(paperwork::store_code.eq_any(stores))
        .filter(paperwork::status.eq(PaperworkStatus::Open))
        .filter(paperwork::due_at.lt(now))
        .select((paperwork::store_code, paperwork::id, paperwork::due_at))
        .load(conn)?;
    let state = |(store, id, due_at): (Option<StoreCode>, PaperworkId, Instant)| {
        let document = AlertDocument { kind: "paperwork".to_owned(), id: id.into() };
        let (kind, status) = (AlertKind::Paperwork, AlertStatus::Overdue);
        store.map(|store| of_document(kind, status, store, document, Some(due_at)))
    };
    Ok(rows.into_iter().filter_map(state).collect())
}

/// Promises of these stores that a fact cut and nobody has taken note of.
fn cuts(conn: &mut DbConnection, stores: &[StoreCode]) -> Result<Vec<State>, DbError> {
    let rows: Vec<(StoreCode, ReservationCutId, ItemCode, Quantity, Instant)> =
        reservation_cut::table
            .filter(reservation_cut::store_code.eq_any(stores))
            .filter(reservation_cut::acknowledged_at.is_null())
            .select((
                reservation_cut::store_code,
                reservation_cut::id,
                reservation_cut::item_code,
                reservation_cut::quantity,
                reservation_cut::cut_at,
            ))
            .load(conn)?;
    let state = |(store, id, item, quantity, at)| {
        let document =
            AlertDocument { kind: "reservation_cut".to_owned(), id: ReservationCutId::into(id) };
        let (kind, status) = (AlertKind::ReservationCut, AlertStatus::Cut);
        let mut state = of_document(kind, status, store, document, Some(at));
        state.subject.item = Some(item);
        state.facts.quantity = Some(quantity);
        state
    };
    Ok(rows.into_iter().map(state).collect())
}

fn of_document(
    kind: AlertKind,
    status: AlertStatus,
    store: StoreCode,
    document: AlertDocument,
    due_at: Option<Instant>,
) -> State {
    let subject = Subject { document: Some(document), ..Subject::of_store(kind, store) };
    State { subject, status, facts: AlertFacts { due_at, ..AlertFacts::default() } }
}
