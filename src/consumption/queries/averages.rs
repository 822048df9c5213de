//! The average daily consumption of many items and stores.

use crate::consumption::queries::{Cell, Cells, histories};
use crate::consumption::records::holding;
use crate::consumption::rules::{AverageUse, ByHand, UseHistory, Window, average_use};
use crate::db::{DbConnection, DbError};
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, Moment};
use std::collections::HashMap;

/// The average daily consumption of every item that the given stores have ever held, or for which
/// somebody set one by hand, as it stands now.
///
/// # Errors
/// When the database fails.
pub fn averages(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
) -> Result<HashMap<Cell, AverageUse>, DbError> {
    worked_out(conn, window, zone, cells, None, Instant::LAST)
}

/// The same as it stood at a moment: from what was on record, with what was set by hand by then.
///
/// # Errors
/// When the database fails.
pub fn averages_as_known(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    moment: &Moment,
) -> Result<HashMap<Cell, AverageUse>, DbError> {
    let set_by = if moment.is_now { Instant::LAST } else { moment.horizon() };
    worked_out(conn, window, zone, cells, moment.known(), set_by)
}

fn worked_out(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Option<Instant>,
    set_by: Instant,
) -> Result<HashMap<Cell, AverageUse>, DbError> {
    let histories = histories(conn, window, zone, cells, known)?;
    let mut averages: HashMap<Cell, AverageUse> = histories
        .into_iter()
        .map(|(cell, history)| (cell, average_use(window, &history)))
        .collect();
    let (stores, items) = (cells.stores.as_deref(), cells.items.as_deref());
    // The newest comes last and has the last word.
    for set in holding(conn, stores, items, window.today(), set_by)? {
        let by_hand = ByHand { per_day: set.per_day, through_day: set.through_day };
        let average = averages
            .entry((set.store_code, set.item_code))
            .or_insert_with(|| average_use(window, &UseHistory::default()));
        *average = average.set_by_hand(by_hand);
    }
    Ok(averages)
}
