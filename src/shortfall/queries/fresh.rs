//! How fresh the figures of many stores are.

use super::{Question, stores_asked};
use crate::config::Settings;
use crate::db::{DbConnection, DbError};
use crate::kernel::{Instant, Moment, StoreCode};
use crate::stock::freshness::Freshness;
use crate::stock::queries::fresh;

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
    fresh::freshness(conn, &stores, settings, &moment)
}
