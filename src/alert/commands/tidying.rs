//! Forgetting events that nobody needs any more.
//!
//! An alert stays, with when it was first seen and cleared and what its last figures were; what goes
//! is each single change of it and the tellings of those changes, once it has been cleared for as long
//! as the setting says. What is not told yet stays until it is, or is given up. The newest number that
//! went is remembered, so that whoever resumes from before it is told that something may be missing.

use crate::alert::records::{self, Watch, webhooks as outbox};
use crate::app::App;
use crate::db::{DbConnection, DbError};
use crate::kernel::Instant;

/// Events and tellings forgotten in one transaction: few, so that nobody waits behind the broom.
pub const AT_ONCE: i64 = 500;

/// Forgets every event and every telling that was kept for longer than the setting says; how many they
/// were.
///
/// # Errors
/// When the database fails; what was forgotten before stays so.
pub fn forget_old_events(app: &App) -> Result<usize, DbError> {
    let before = app.clock.now().plus_hours(-24 * app.settings.alert_days);
    let mut forgotten = 0;
    loop {
        let gone = app.db.write(move |conn| forget(conn, before))?;
        forgotten += gone;
        if gone == 0 {
            return Ok(forgotten);
        }
    }
}

/// Forgets a few; how many.
fn forget(conn: &mut DbConnection, before: Instant) -> Result<usize, DbError> {
    let told = outbox::forget(conn, before, AT_ONCE)?;
    let old = records::events_to_forget(conn, before, AT_ONCE)?;
    let Some(newest) = old.last().copied() else { return Ok(told) };
    let watch = records::lock_watch(conn)?;
    records::delete_events(conn, &old)?;
    let forgotten_seq = watch.forgotten_seq.max(newest);
    records::store_watch(conn, &Watch { forgotten_seq, ..watch })?;
    Ok(told + old.len())
}
