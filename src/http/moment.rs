//! `as_of` and `as_known_at` of a question.

use crate::app::App;
use crate::chain::records::{newest_record, unsettled_since};
use crate::db::{DbConnection, DbError};
use crate::kernel::{Bilingual, FaultCode, Faults, Instant, Moment};

/// The times that a question names; none is the present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AskedMoment {
    as_of: Option<Instant>,
    as_known_at: Option<Instant>,
}

impl AskedMoment {
    /// Reads both times.
    ///
    /// Faults: no instants; in the future; an `as_known_at` so young that a command still at work
    /// could add to what was known.
    pub fn parse(
        app: &App,
        as_of: Option<&str>,
        as_known_at: Option<&str>,
        faults: &mut Faults,
    ) -> Self {
        let now = app.clock.now();
        let mut instant = |pointer: &str, text: Option<&str>| {
            let at = Instant::parse(text?).map_err(|_shape| FaultCode::NotAnInstant);
            faults.keep(
                pointer,
                at.and_then(|at| if at > now { Err(FaultCode::InFuture) } else { Ok(at) }),
            )
        };
        let as_of = instant("/as_of", as_of);
        let as_known_at = instant("/as_known_at", as_known_at);
        let seconds = app.settings.command_seconds.saturating_mul(2);
        let settled = now.plus_seconds(-seconds);
        if as_known_at.is_some_and(|known| known > settled) {
            let message = Bilingual::new(
                format!("须早于 {seconds} 秒前：进行中的操作还可能补充"),
                format!("must lie {seconds} seconds back: what is at work may still add to it"),
            );
            faults.add_saying("/as_known_at", FaultCode::OutOfRange, message);
        }
        Self { as_of, as_known_at }
    }

    /// The moment that is meant, on the snapshot of a read.
    ///
    /// # Errors
    /// [`DbError::Busy`] while a whole file is being written that may still add to what was known
    /// then; when the database fails.
    pub fn settle(self, conn: &mut DbConnection, app: &App) -> Result<Moment, DbError> {
        // The first query fixes the snapshot: asked for afterwards, the time lies behind
        // everything that the snapshot holds.
        let newest = newest_record(conn)?;
        let now = app.clock.now();
        if let Some(known) = self.as_known_at
            && unsettled_since(conn, now)?.is_some_and(|begun| known >= begun)
        {
            return Err(DbError::Busy("a file is being written that began before then".to_owned()));
        }
        Ok(match (self.as_of, self.as_known_at) {
            (None, None) => Moment::now(now, newest),
            (Some(as_of), None) => Moment::as_of(as_of, now.max(newest)),
            (as_of, Some(known)) => Moment::as_known_at(as_of.unwrap_or(known), known),
        })
    }
}
