//! When stores were last heard of.

use crate::config::Settings;
use crate::db::schema::{stock_balance, stock_report, stock_report_version, store};
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, Moment, StoreCode};
use crate::stock::freshness::{Freshness, stale_before};
use crate::stock::queries::at::last_movements_at;
use diesel::prelude::*;
use std::collections::HashMap;

/// How many of some stores were heard of lately; those that are closed count for nothing.
///
/// # Errors
/// When the database fails.
pub fn freshness(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    settings: &Settings,
    moment: &Moment,
) -> Result<Freshness, DbError> {
    let mut open = store::table.filter(store::active.eq(true)).select(store::code).into_boxed();
    open = among!(open, store::code, stores);
    let open: Vec<StoreCode> = open.order(store::code).load(conn)?;
    let heard = last_heard_of(conn, moment, Some(&open))?;
    let last = open.iter().map(|store| heard.get(store).copied());
    Ok(Freshness::of(last, stale_before(moment, settings.stale_hours)))
}

/// When each store was last heard of: the business time of its newest movement, of whatever item, or
/// of its newest stock report; of some stores, or of all.
///
/// # Errors
/// When the database fails.
pub fn last_heard_of(
    conn: &mut DbConnection,
    moment: &Moment,
    stores: Option<&[StoreCode]>,
) -> Result<HashMap<StoreCode, Instant>, DbError> {
    let mut heard = last_moved_at(conn, moment, stores)?;
    for (store, told) in last_told_at(conn, moment, stores)? {
        let last = heard.entry(store).or_insert(told);
        *last = told.max(*last);
    }
    Ok(heard)
}

/// The business time of each store's newest movement.
///
/// # Errors
/// When the database fails.
pub fn last_moved_at(
    conn: &mut DbConnection,
    moment: &Moment,
    stores: Option<&[StoreCode]>,
) -> Result<HashMap<StoreCode, Instant>, DbError> {
    if !moment.is_now {
        let then = last_movements_at(conn, moment, stores)?;
        return Ok(then.into_iter().collect());
    }
    let mut query = stock_balance::table
        .group_by(stock_balance::store_code)
        .select((stock_balance::store_code, diesel::dsl::max(stock_balance::last_occurred_at)))
        .into_boxed();
    if let Some(stores) = stores {
        query = among!(query, stock_balance::store_code, stores);
    }
    let rows: Vec<(StoreCode, Option<Instant>)> = query.load(conn)?;
    Ok(rows.into_iter().filter_map(|(store, at)| Some((store, at?))).collect())
}

/// The business time of what each store told last, as it stood at a moment.
///
/// # Errors
/// When the database fails.
pub fn last_told_at(
    conn: &mut DbConnection,
    moment: &Moment,
    stores: Option<&[StoreCode]>,
) -> Result<HashMap<StoreCode, Instant>, DbError> {
    if moment.is_now {
        return told_by_now(conn, moment.as_of, stores);
    }
    let known = moment.known().unwrap_or(Instant::LAST);
    let mut query = stock_report::table
        .inner_join(stock_report_version::table)
        .filter(stock_report_version::as_of.le(moment.as_of))
        .filter(stock_report_version::recorded_at.le(known))
        .group_by(stock_report::store_code)
        .select((stock_report::store_code, diesel::dsl::max(stock_report_version::as_of)))
        .into_boxed();
    if let Some(stores) = stores {
        query = among!(query, stock_report::store_code, stores);
    }
    let rows: Vec<(StoreCode, Option<Instant>)> = query.load(conn)?;
    Ok(rows.into_iter().filter_map(|(store, at)| Some((store, at?))).collect())
}

/// For each store one step of an index, however much was told over the years: a report carries the
/// time of its newest version.
fn told_by_now(
    conn: &mut DbConnection,
    now: Instant,
    stores: Option<&[StoreCode]>,
) -> Result<HashMap<StoreCode, Instant>, DbError> {
    let newest = stock_report::table
        .filter(stock_report::store_code.eq(store::code))
        .filter(stock_report::as_of.le(now))
        .order(stock_report::as_of.desc())
        .select(stock_report::as_of)
        .limit(1)
        .single_value();
    let mut query = store::table.select((store::code, newest)).into_boxed();
    if let Some(stores) = stores {
        query = among!(query, store::code, stores);
    }
    let rows: Vec<(StoreCode, Option<Instant>)> = query.load(conn)?;
    Ok(rows.into_iter().filter_map(|(store, at)| Some((store, at?))).collect())
}
