//! What the stores hold of a capability's parts: a fixed number of queries, however many stores.

use crate::capability::definition::Capability;
use crate::capability::rules::{Possible, possible};
use crate::config::Settings;
use crate::consumption::queries::Cells;
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, ItemCode, Moment, Quantity, StoreCode};
use crate::shortfall::holding::hold;
use crate::shortfall::queries::held::{last_reports, portions_at};
use crate::shortfall::queries::{Question, stores_asked};
use crate::stock::freshness::{Freshness, stale_before};
use std::collections::BTreeMap;

/// How often one store can do it.
#[derive(Debug, Clone)]
pub struct StoreFigure {
    /// The store.
    pub store: StoreCode,
    /// With what it holds.
    pub figure: Possible,
    /// Business time of its newest movement.
    pub last_report_at: Option<Instant>,
    /// Whether that is longer ago than the setting allows.
    pub stale: bool,
}

/// How often the stores can do it, each alone and all together.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The times of the figures.
    pub moment: Moment,
    /// With what all hold, as if it lay in one place.
    pub together: Possible,
    /// Each store, by code.
    pub stores: Vec<StoreFigure>,
    /// How many of them were heard of lately.
    pub fresh: Freshness,
}

/// How often the stores of a question can do something with what they held at a moment.
///
/// Of the question, scope, store, kind and region count.
///
/// # Errors
/// When the database fails.
pub fn figure(
    conn: &mut DbConnection,
    of: &Capability,
    question: &Question,
    settings: &Settings,
    moment: Moment,
) -> Result<Answer, DbError> {
    let stores: Vec<StoreCode> =
        stores_asked(conn, question)?.into_iter().map(|place| place.code).collect();
    let today = settings.zone.day_of(moment.as_of);
    let mut there: BTreeMap<(StoreCode, ItemCode), Quantity> = BTreeMap::new();
    let mut of_all: BTreeMap<&ItemCode, Quantity> = BTreeMap::new();
    for item in of.items() {
        let cells = Cells { stores: Some(stores.clone()), items: Some(vec![item.clone()]) };
        for (cell, portions) in portions_at(conn, settings.zone, &moment, &cells)? {
            let available = hold(&portions, today).available;
            let sum = of_all.entry(item).or_insert(Quantity::ZERO);
            *sum = sum.plus_capped(available);
            there.insert(cell, available);
        }
    }
    let seen = last_reports(conn, &moment, &Cells { stores: Some(stores.clone()), items: None })?;
    let stale_before = stale_before(&moment, settings.stale_hours);
    let fresh = Freshness::of(stores.iter().map(|store| seen.get(store).copied()), stale_before);
    let together = possible(of, |item| of_all.get(item).copied().unwrap_or(Quantity::ZERO));
    let figure_of = |store: StoreCode| {
        let figure = possible(of, |item| {
            there.get(&(store.clone(), item.clone())).copied().unwrap_or(Quantity::ZERO)
        });
        let last_report_at = seen.get(&store).copied();
        let stale = last_report_at.is_none_or(|at| at < stale_before);
        StoreFigure { store, figure, last_report_at, stale }
    };
    Ok(Answer { moment, together, stores: stores.into_iter().map(figure_of).collect(), fresh })
}
