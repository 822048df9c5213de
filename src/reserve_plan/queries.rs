//! Questions that other capabilities ask of the plan in force and of response levels.

use crate::db::schema::store;
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, ItemCode, RegionCode, StoreCode};
use crate::reserve_plan::level::LevelsInForce;
use crate::reserve_plan::plan::{FloorInForce, StorePlace};
use crate::reserve_plan::records::{self, LevelFilter};
use crate::reserve_plan::rules;
use diesel::prelude::*;

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
    let Some(plan) = records::plan_in_force(conn, at)? else { return Ok(None) };
    let Some(place) = place_of(conn, store)? else { return Ok(None) };
    let lines = records::lines_of(conn, &plan.id, Some(item))?;
    let places = [place];
    let governing = rules::governing_lines(&lines, &places);
    let Some(line) = governing.get(&(store, item)) else { return Ok(None) };
    let [place] = &places;
    let level = levels_in_force(conn, at)?.of(&place.region);
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
    let filter = LevelFilter { effective_by: Some(at), ..LevelFilter::default() };
    // The latest come first, so going backwards lets each region's latest have the last word.
    let declared = records::list_levels(conn, &filter, MANY_LEVELS)?;
    Ok(declared.into_iter().rev().map(|one| (one.region, one.level)).collect())
}

/// The kind and region of a store.
///
/// # Errors
/// When the database fails.
pub fn place_of(
    conn: &mut DbConnection,
    code: &StoreCode,
) -> Result<Option<StorePlace>, DbError> {
    let row: Option<(StoreCode, String, RegionCode)> = store::table
        .filter(store::code.eq(code))
        .select((store::code, store::kind, store::region_code))
        .first(conn)
        .optional()?;
    Ok(row.map(|(code, kind, region)| StorePlace { code, kind, region }))
}
