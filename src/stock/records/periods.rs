//! Periods that were closed, and perhaps reopened.

use crate::command::CommandError;
use crate::db::DbConnection;
use crate::db::schema::{stock_period, store};
use crate::kernel::id::PeriodId;
use crate::kernel::{RegionCode, StoreCode};
use crate::stock::period::{PeriodScope, PeriodStatus, closed_for};
use chrono::NaiveDate;
use diesel::prelude::*;

/// Requires that no closed period of some stores holds a business day.
///
/// # Errors
/// `period_closed` with the period; failures of the database.
pub(super) fn require_open<'a>(
    conn: &mut DbConnection,
    stores: impl Iterator<Item = &'a StoreCode>,
    day: NaiveDate,
) -> Result<(), CommandError> {
    let closed: Vec<(PeriodId, Option<StoreCode>, Option<RegionCode>, NaiveDate)> =
        stock_period::table
            .filter(stock_period::status.eq(PeriodStatus::Closed))
            .filter(stock_period::through_day.ge(day))
            .select((
                stock_period::id,
                stock_period::store_code,
                stock_period::region_code,
                stock_period::through_day,
            ))
            .order((stock_period::through_day, stock_period::id))
            .load(conn)?;
    if closed.is_empty() {
        return Ok(());
    }
    let stores: Vec<&StoreCode> = stores.collect();
    let places: Vec<(StoreCode, RegionCode)> = store::table
        .filter(store::code.eq_any(stores))
        .select((store::code, store::region_code))
        .order(store::code)
        .load(conn)?;
    for (id, store, region, through) in closed {
        let Some(scope) = PeriodScope::from_columns(store, region) else { continue };
        if let Some((store, _)) = places.iter().find(|(code, at)| scope.covers(code, at)) {
            return Err(closed_for(store, day, &id, through).into());
        }
    }
    Ok(())
}
