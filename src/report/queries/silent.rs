//! What stores hold by estimate that have not been heard of for a while.

use crate::access::Scope;
use crate::consumption::queries::averages::averages;
use crate::consumption::queries::{Cell, Cells};
use crate::consumption::rules::{AverageUse, Window};
use crate::db::{DbConnection, DbError};
use crate::kernel::{BusinessZone, Instant, ItemCode, Quantity, StoreCode};
use crate::report::board::estimated_stock;
use crate::report::queries::board::BoardStore;
use crate::stock::queries::{StockFilter, stock};
use std::collections::BTreeMap;

/// An item at a silent store.
#[derive(Debug, Clone)]
pub struct SilentStock {
    /// The store.
    pub store: StoreCode,
    /// The item.
    pub item: ItemCode,
    /// When the store was last heard of; `None` where it never was.
    pub last_heard_at: Option<Instant>,
    /// What it could use then, as the book has it.
    pub last_known: Quantity,
    /// What it uses a day, where that is known.
    pub consumption: Option<AverageUse>,
    /// The estimate; `None` where the use is not known.
    pub estimated: Option<Quantity>,
}

/// What the silent stores hold by estimate, by store and item, after a place; `most` rows at least,
/// where there are so many, and whole stores.
///
/// # Errors
/// When the database fails.
pub fn silent_stock(
    conn: &mut DbConnection,
    zone: BusinessZone,
    window: Window,
    silent: &[BoardStore],
    after: Option<&Cell>,
    most: usize,
) -> Result<Vec<SilentStock>, DbError> {
    let today = window.today();
    let mut rows = Vec::new();
    for store in silent {
        let code = &store.reporter.store;
        if after.is_some_and(|(last, _)| code < last) {
            continue;
        }
        if rows.len() >= most {
            break;
        }
        let filter = StockFilter { store: Some(code.clone()), ..StockFilter::default() };
        let mut held: BTreeMap<ItemCode, Quantity> = BTreeMap::new();
        for balance in stock(conn, &Scope::All, &filter, None, i64::MAX)? {
            let available = balance.available(today);
            let sum = held.entry(balance.lot.makers_lot.item_code).or_insert(Quantity::ZERO);
            *sum = sum.plus_capped(available);
        }
        let cells = Cells { stores: Some(vec![code.clone()]), items: None };
        let uses = averages(conn, window, zone, &cells)?;
        let last_heard_at = store.last_heard_at();
        for (item, last_known) in held {
            let cell = (code.clone(), item);
            if after.is_some_and(|last| cell <= *last) {
                continue;
            }
            let consumption = uses.get(&cell).copied();
            let heard_on = last_heard_at.map(|at| zone.day_of(at));
            let estimated = heard_on.and_then(|heard| {
                let adc = consumption.and_then(|consumption| consumption.adc);
                estimated_stock(last_known, adc, heard, today)
            });
            let (store, item) = cell;
            rows.push(SilentStock {
                store,
                item,
                last_heard_at,
                last_known,
                consumption,
                estimated,
            });
        }
    }
    Ok(rows)
}
