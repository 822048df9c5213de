//! The average daily consumption of many items and stores, kept while nothing has changed.
//!
//! Averages look at whole days before today, so for a store they change only when its chain of
//! movements grows, a lot is corrected or recalled, or a day ends. The newest hash of the chain
//! stands for all movements before it, so an average kept under it can never be stale, whichever
//! database it came from.

use crate::consumption::queries::{self, Cell, Cells};
use crate::consumption::rules::{AverageUse, Window, average_use};
use crate::db::{DbConnection, DbError};
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, ItemCode, StoreCode};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Everything that the averages of a store depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Basis {
    newest_movement: Option<String>,
    lot_changes: (i64, i64),
    window: Window,
    zone: BusinessZone,
}

type OfStore = Arc<BTreeMap<ItemCode, AverageUse>>;

/// The newest averages of each store; a county has tens of stores, so there is no need to forget.
static KEPT: LazyLock<Mutex<HashMap<StoreCode, (Basis, OfStore)>>> = LazyLock::new(Mutex::default);

/// The average daily consumption of every item that the given stores have ever held.
///
/// # Errors
/// When the database fails.
pub fn averages(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
) -> Result<BTreeMap<Cell, AverageUse>, DbError> {
    if cells.item.is_some() {
        return work_out(conn, window, zone, cells, None);
    }
    let lot_changes = queries::lot_changes(conn)?;
    let mut found: BTreeMap<Cell, AverageUse> = BTreeMap::new();
    let mut changed: HashMap<StoreCode, Basis> = HashMap::new();
    for (store, newest_movement) in queries::newest_movements(conn, cells)? {
        let basis = Basis { newest_movement, lot_changes, window, zone };
        match kept(&store, &basis) {
            Some(of_store) => found.extend(
                of_store.iter().map(|(item, average)| ((store.clone(), item.clone()), *average)),
            ),
            None => {
                changed.insert(store, basis);
            }
        }
    }
    if !changed.is_empty() {
        let cells = Cells { stores: Some(changed.keys().cloned().collect()), item: None };
        let fresh = work_out(conn, window, zone, &cells, None)?;
        keep(changed, &fresh);
        found.extend(fresh);
    }
    Ok(found)
}

/// The averages of a window in the past, from what was on record by `known`; nothing is kept.
///
/// # Errors
/// When the database fails.
pub fn averages_as_known(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Option<Instant>,
) -> Result<BTreeMap<Cell, AverageUse>, DbError> {
    work_out(conn, window, zone, cells, known)
}

fn work_out(
    conn: &mut DbConnection,
    window: Window,
    zone: BusinessZone,
    cells: &Cells,
    known: Option<Instant>,
) -> Result<BTreeMap<Cell, AverageUse>, DbError> {
    let histories = queries::histories(conn, window, zone, cells, known)?;
    Ok(histories.into_iter().map(|(cell, history)| (cell, average_use(window, &history))).collect())
}

fn kept(store: &StoreCode, basis: &Basis) -> Option<OfStore> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.get(store).filter(|(of, _)| of == basis).map(|(_, averages)| Arc::clone(averages))
}

fn keep(changed: HashMap<StoreCode, Basis>, fresh: &BTreeMap<Cell, AverageUse>) {
    let mut by_store: HashMap<&StoreCode, BTreeMap<ItemCode, AverageUse>> = HashMap::new();
    for ((store, item), average) in fresh {
        by_store.entry(store).or_default().insert(item.clone(), *average);
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    for (store, basis) in changed {
        let of_store = Arc::new(by_store.remove(&store).unwrap_or_default());
        kept.insert(store, (basis, of_store));
    }
}
