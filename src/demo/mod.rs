//! The demonstration county: Quannan 全南县 with ninety days of history, from one date and one seed.
//!
//! Everything is written through the commands that the API uses, so what holds for users' data holds
//! for it too, and `verify` finds nothing. Equal date and seed give equal stock, numbers and
//! figures; ids and tokens differ.
//!
//! When the date is today, the service goes on with the machine's clock. With another date its clock
//! is the machine's shifted by whole days, so that the day after the history is always "today" when
//! the demonstration is made; the shift is kept with the data and holds when it is opened again.

mod clock;
mod county;
mod history;
mod incidents;
mod items;
mod lots;
mod model;
mod plan;
mod scribe;
mod setup;
mod tokens;

pub use clock::ShiftedClock;
pub use tokens::{Found, Mark, TokenFile, UserToken, find, make_tokens};

use crate::app::App;
use crate::command::CommandError;
use crate::demo::history::History;
use crate::demo::model::DAYS;
use crate::demo::scribe::broken;
use chrono::NaiveDate;
use serde_json::Value;

/// Writes the county and its history up to the day before `today` into an empty database.
///
/// # Errors
/// When the database fails.
pub fn seed(app: &App, today: NaiveDate, seed: u64) -> Result<(), CommandError> {
    let settings = app.settings.clone();
    let mut history =
        app.db.write(move |conn| History::before(today, seed).founded(conn, &settings))?;
    for at in 0..DAYS {
        let settings = app.settings.clone();
        history = app.db.write(move |conn| history.clone().after_day(conn, &settings, at))?;
    }
    Ok(())
}

/// The id that an answer carries.
fn id_of(answer: &Value) -> Result<String, CommandError> {
    let id = answer.get("id").and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| broken("an answer without an id"))
}

/// An id of a kind.
fn parsed<I: TryFrom<String>>(id: &str) -> Result<I, CommandError> {
    I::try_from(id.to_owned()).map_err(|_shape| broken(id))
}
