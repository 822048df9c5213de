//! Lines found by what they speak of.

use super::LineRow;
use crate::db::schema::reserve_plan_line;
use crate::db::{DbConnection, DbError};
use crate::kernel::id::ReservePlanId;
use crate::kernel::{ItemCode, RegionCode, StoreCode};
use crate::reserve_plan::plan::{LineScope, StoredLine};
use diesel::prelude::*;

/// Values in one list of a statement: SQLite binds at most 32 766.
const SCOPES_AT_ONCE: usize = 10_000;

/// The lines of a version that speak of one of these scopes: those of stores first, then those of
/// kinds, then those of regions; all of them, or those of some items.
///
/// Each scope is one step of an index, whatever else the version says.
///
/// # Errors
/// When the database fails.
pub fn lines_of_scopes(
    conn: &mut DbConnection,
    plan: &ReservePlanId,
    scopes: &[LineScope],
    items: Option<&[ItemCode]>,
) -> Result<Vec<StoredLine>, DbError> {
    let (mut stores, mut kinds, mut regions) = (Vec::new(), Vec::new(), Vec::new());
    for scope in scopes {
        match scope {
            LineScope::Store(store) => stores.push(store),
            LineScope::StoreKind(kind) => kinds.push(kind),
            LineScope::Region(region) => regions.push(region),
        }
    }
    let mut rows = Vec::new();
    for stores in stores.chunks(SCOPES_AT_ONCE) {
        rows.extend(of_stores(conn, plan, stores, items)?);
    }
    for kinds in kinds.chunks(SCOPES_AT_ONCE) {
        rows.extend(of_kinds(conn, plan, kinds, items)?);
    }
    for regions in regions.chunks(SCOPES_AT_ONCE) {
        rows.extend(of_regions(conn, plan, regions, items)?);
    }
    rows.into_iter().map(LineRow::into_line).collect()
}

fn of_stores(
    conn: &mut DbConnection,
    plan: &ReservePlanId,
    stores: &[&StoreCode],
    items: Option<&[ItemCode]>,
) -> Result<Vec<LineRow>, DbError> {
    use reserve_plan_line::{item_code, plan_id, store_code};
    let mut query =
        reserve_plan_line::table.filter(plan_id.eq(plan)).select(LineRow::as_select()).into_boxed();
    query = match stores {
        [one] => query.filter(store_code.eq(one)),
        several => query.filter(store_code.eq_any(several.iter().copied())),
    };
    if let Some(items) = items {
        query = among!(query, item_code, items);
    }
    Ok(query.order((store_code, item_code)).load(conn)?)
}

fn of_kinds(
    conn: &mut DbConnection,
    plan: &ReservePlanId,
    kinds: &[&String],
    items: Option<&[ItemCode]>,
) -> Result<Vec<LineRow>, DbError> {
    use reserve_plan_line::{item_code, plan_id, store_kind};
    let mut query =
        reserve_plan_line::table.filter(plan_id.eq(plan)).select(LineRow::as_select()).into_boxed();
    query = match kinds {
        [one] => query.filter(store_kind.eq(one)),
        several => query.filter(store_kind.eq_any(several.iter().copied())),
    };
    if let Some(items) = items {
        query = among!(query, item_code, items);
    }
    Ok(query.order((store_kind, item_code)).load(conn)?)
}

fn of_regions(
    conn: &mut DbConnection,
    plan: &ReservePlanId,
    regions: &[&RegionCode],
    items: Option<&[ItemCode]>,
) -> Result<Vec<LineRow>, DbError> {
    use reserve_plan_line::{item_code, plan_id, region_code};
    let mut query = reserve_plan_line::table
        .filter(plan_id.eq(plan))
        .filter(region_code.eq_any(regions.iter().copied()))
        .select(LineRow::as_select())
        .into_boxed();
    if let Some(items) = items {
        query = among!(query, item_code, items);
    }
    Ok(query.order((region_code, item_code)).load(conn)?)
}
