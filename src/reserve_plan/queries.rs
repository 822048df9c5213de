//! Questions that other capabilities ask of the plan in force and of response levels.

pub mod governing;

use crate::db::schema::{item, region, store, store_kind};
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, ItemCode, RegionCode, StoreCode};
use crate::load_locked;
use crate::reserve_plan::level::{Declaration, LevelsInForce};
use crate::reserve_plan::plan::{FloorInForce, StorePlace};
use crate::reserve_plan::records::scoped::lines_of_scopes;
use crate::reserve_plan::records::{self, LevelFilter};
use crate::reserve_plan::rules;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// More declarations than a county makes in a lifetime.
const MANY_LEVELS: i64 = 10_000;

/// The floor of an item at a store as the plan in force at `at` has it.
///
/// `None` when no plan is in force, the plan does not speak of the item there, or gives no floor.
///
/// # Errors
/// When the database fails.
pub fn floor_of(
    conn: &mut DbConnection,
    store: &StoreCode,
    item: &ItemCode,
    at: Instant,
) -> Result<Option<FloorInForce>, DbError> {
    let Some(place) = place_of(conn, store)? else { return Ok(None) };
    let regions = place.region.with_ancestors();
    let plans = records::plans_in_force_over(conn, Some(&regions), at, None)?;
    let Some(plan) = plans.of(&place.region) else { return Ok(None) };
    let lines = lines_of_scopes(conn, &plan.id, &place.scopes(), Some(std::slice::from_ref(item)))?;
    let places = [place];
    let governing = rules::governing_lines(&lines, &places);
    let Some(line) = governing.get(&(store, item)) else { return Ok(None) };
    let [place] = &places;
    let level = levels_over(conn, Some(regions), at, None)?.of(&place.region);
    Ok(line.line.floor_at(level).map(|quantity| FloorInForce {
        quantity,
        plan_id: plan.id.clone(),
        plan_version: plan.version,
        level,
    }))
}

/// The level that each region has declared for itself, as it stands at `at`.
///
/// # Errors
/// When the database fails.
pub fn levels_in_force(conn: &mut DbConnection, at: Instant) -> Result<LevelsInForce, DbError> {
    levels_as_known(conn, at, None)
}

/// The level that each region has declared for itself, as it stands at `at`; with `known_at` by
/// what had been recorded at that time.
///
/// # Errors
/// When the database fails.
pub fn levels_as_known(
    conn: &mut DbConnection,
    at: Instant,
    known_at: Option<Instant>,
) -> Result<LevelsInForce, DbError> {
    levels_over(conn, None, at, known_at)
}

/// The same, of some regions only: to know what holds in a region, those above it too.
///
/// # Errors
/// When the database fails.
pub fn levels_over(
    conn: &mut DbConnection,
    regions: Option<Vec<RegionCode>>,
    at: Instant,
    known_at: Option<Instant>,
) -> Result<LevelsInForce, DbError> {
    let filter = LevelFilter {
        regions,
        effective_by: Some(at),
        recorded_by: known_at,
        ..LevelFilter::default()
    };
    // The latest come first, so going backwards lets each region's latest have the last word.
    let declared = records::list_levels(conn, &filter, MANY_LEVELS)?;
    Ok(declared.into_iter().rev().map(|one| (one.region, one.level)).collect())
}

/// Every declaration that ever mattered to a region: its own and those of the regions above it.
///
/// # Errors
/// When the database fails.
pub fn declarations_over(
    conn: &mut DbConnection,
    region: &RegionCode,
    known_at: Option<Instant>,
) -> Result<Vec<Declaration>, DbError> {
    let filter = LevelFilter {
        regions: Some(region.with_ancestors()),
        recorded_by: known_at,
        ..LevelFilter::default()
    };
    records::list_levels(conn, &filter, MANY_LEVELS)
}

/// The kind and region of a store.
///
/// # Errors
/// When the database fails.
pub fn place_of(conn: &mut DbConnection, code: &StoreCode) -> Result<Option<StorePlace>, DbError> {
    let row: Option<(StoreCode, String, RegionCode)> = store::table
        .filter(store::code.eq(code))
        .select((store::code, store::kind, store::region_code))
        .first(conn)
        .optional()?;
    Ok(row.map(|(code, kind, region)| StorePlace { code, kind, region }))
}

/// The codes that lines of a plan may name.
#[derive(Debug)]
pub struct KnownNames {
    /// Every item, with whether it is in use.
    pub items: BTreeMap<ItemCode, bool>,
    /// Every store, with the region it lies in.
    pub stores: BTreeMap<StoreCode, RegionCode>,
    /// Every kind of store.
    pub kinds: BTreeSet<String>,
    /// Every region.
    pub regions: BTreeSet<RegionCode>,
}

/// The codes that lines of a plan may name; few enough in a county to be read at once.
///
/// # Errors
/// When the database fails.
pub fn known_names(conn: &mut DbConnection) -> Result<KnownNames, DbError> {
    let items: Vec<(ItemCode, bool)> = item::table.select((item::code, item::active)).load(conn)?;
    let stores: Vec<(StoreCode, RegionCode)> =
        store::table.select((store::code, store::region_code)).load(conn)?;
    let kinds: Vec<String> = store_kind::table.select(store_kind::code).load(conn)?;
    let regions: Vec<RegionCode> = region::table.select(region::code).load(conn)?;
    Ok(KnownNames {
        items: items.into_iter().collect(),
        stores: stores.into_iter().collect(),
        kinds: kinds.into_iter().collect(),
        regions: regions.into_iter().collect(),
    })
}

/// Whether a region exists.
///
/// # Errors
/// When the database fails.
pub fn region_exists(conn: &mut DbConnection, code: &RegionCode) -> Result<bool, DbError> {
    let found: Option<RegionCode> =
        region::table.filter(region::code.eq(code)).select(region::code).first(conn).optional()?;
    Ok(found.is_some())
}

/// The Chinese name of an item; `None` when there is no such item.
///
/// # Errors
/// When the database fails.
pub fn name_of_item(conn: &mut DbConnection, code: &ItemCode) -> Result<Option<String>, DbError> {
    Ok(item::table.filter(item::code.eq(code)).select(item::name_zh).first(conn).optional()?)
}

/// Whether a region exists; holds it until the transaction ends, so that declarations and
/// approvals for it follow one another.
///
/// # Errors
/// When the database fails.
pub fn lock_region(conn: &mut DbConnection, code: &RegionCode) -> Result<bool, DbError> {
    let rows = load_locked!(
        conn,
        region::table.filter(region::code.eq(code)).select(region::code),
        RegionCode
    )?;
    Ok(!rows.is_empty())
}

/// The store at the head of a region's supply: the first that no other store supplies.
///
/// # Errors
/// When the database fails.
pub fn head_store(
    conn: &mut DbConnection,
    code: &RegionCode,
) -> Result<Option<StoreCode>, DbError> {
    Ok(store::table
        .filter(store::active.eq(true))
        // A region code has only digits, so nothing in it needs escaping.
        .filter(store::region_code.like(format!("{code}%")))
        .order((store::supplied_by.is_not_null(), store::code))
        .select(store::code)
        .first(conn)
        .optional()?)
}
