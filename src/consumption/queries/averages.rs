//! The average daily consumption of many items and stores.

use crate::consumption::queries::{Cell, Cells, histories};
use crate::consumption::rules::{AverageUse, Window, average_use};
use crate::db::{DbConnection, DbError};
use crate::kernel::Instant;
use crate::kernel::time::BusinessZone;
use std::collections::HashMap;

/// The average daily consumption of every item that the given stores have ever held.
///
/// # Errors
/// When the database fails.
pub fn averages(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
) -> Result<HashMap<Cell, AverageUse>, DbError> {
    averages_as_known(conn, window, zone, cells, None)
}

/// The same from what was on record by `known`, where it is given.
///
/// # Errors
/// When the database fails.
pub fn averages_as_known(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Option<Instant>,
) -> Result<HashMap<Cell, AverageUse>, DbError> {
    let histories = histories(conn, window, zone, cells, known)?;
    Ok(histories.into_iter().map(|(cell, history)| (cell, average_use(window, &history))).collect())
}
