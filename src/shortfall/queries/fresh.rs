//! How fresh the figures of many stores are.

use super::held::last_reports;
use super::{Question, stores_asked};
use crate::config::Settings;
use crate::consumption::queries::Cells;
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, Moment, StoreCode};
use chrono::TimeDelta;

/// How many of some stores were heard of lately, by a movement or a stock report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The stores asked about.
    pub stores: i64,
    /// Of these, how many were heard of within the hours that the setting allows.
    pub heard: i64,
    /// Of the others, how many were never heard of.
    pub never: i64,
    /// When that was last heard of which was silent longest, of those that ever were.
    pub oldest: Option<Instant>,
}

/// How many of the stores of a question were heard of lately. Of the question scope, store, kind,
/// region and moment count.
///
/// # Errors
/// When the database fails.
pub fn freshness(
    conn: &mut DbConnection,
    question: &Question,
    settings: &Settings,
    now: Instant,
) -> Result<Freshness, DbError> {
    let moment = question.moment.unwrap_or_else(|| Moment::now(now, now));
    let stores: Vec<StoreCode> =
        stores_asked(conn, question)?.into_iter().map(|place| place.code).collect();
    let cells = Cells { stores: Some(stores), items: None };
    let heard = last_reports(conn, &moment, &cells)?;
    let silent = TimeDelta::try_hours(settings.stale_hours).unwrap_or_default();
    let stale_before = moment.as_of.plus(-silent);
    let mut sum = Freshness::default();
    for store in cells.stores.iter().flatten() {
        let last = heard.get(store).copied();
        sum.stores += 1;
        sum.heard += i64::from(last.is_some_and(|at| at >= stale_before));
        sum.never += i64::from(last.is_none());
        sum.oldest = match (sum.oldest, last) {
            (Some(oldest), Some(last)) => Some(oldest.min(last)),
            (oldest, last) => oldest.or(last),
        };
    }
    Ok(sum)
}
