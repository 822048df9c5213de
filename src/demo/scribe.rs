//! The hand that writes history: every act goes through the command of the API, at its own time.

use crate::access::records::actor_by_name;
use crate::access::{Actor, Permission, Role, Scope};
use crate::command::{Call, CommandError, Done, Tx, asking, within};
use crate::config::Settings;
use crate::db::DbConnection;
use crate::demo::county::users;
use crate::kernel::id::UserId;
use crate::kernel::{Code, Instant, Refusal};
use chrono::{NaiveDate, TimeDelta};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// The users of the demonstration, as those who act.
pub(super) type Actors = BTreeMap<String, Actor>;

/// Finds everyone who acts.
///
/// # Errors
/// When the database fails.
pub(super) fn actors(conn: &mut DbConnection) -> Result<Actors, CommandError> {
    let mut actors = Actors::new();
    for user in users() {
        if let Some(actor) = actor_by_name(conn, &user.name)? {
            actors.insert(user.name, actor);
        }
    }
    Ok(actors)
}

/// Whoever sets the service up, before there is any user.
pub(super) fn founder() -> Actor {
    Actor {
        user_id: UserId::generate(),
        name: "demo".to_owned(),
        role: Role::Admin,
        scope: Scope::All,
        region: None,
        emergency_release_limit: None,
    }
}

/// Writes the acts of one day, inside one transaction.
pub(super) struct Scribe<'a> {
    /// The transaction.
    pub conn: &'a mut DbConnection,
    settings: &'a Settings,
    actors: &'a Actors,
    day: NaiveDate,
    now: Instant,
}

impl<'a> Scribe<'a> {
    /// A scribe at the beginning of a day.
    pub(super) fn new(
        conn: &'a mut DbConnection,
        settings: &'a Settings,
        actors: &'a Actors,
        day: NaiveDate,
    ) -> Self {
        Self { conn, settings, actors, day, now: settings.zone.start_of(day) }
    }

    /// What the county decided.
    pub(super) const fn settings(&self) -> &Settings {
        self.settings
    }

    /// The day.
    pub(super) const fn day(&self) -> NaiveDate {
        self.day
    }

    /// The instant of a time of a day, on the county's clocks.
    pub(super) fn instant(&self, day: NaiveDate, hour: i64, minute: i64) -> Instant {
        self.settings.zone.start_of(day).plus_minutes(hour * 60 + minute)
    }

    /// Lets the day go on to a time; it never goes back.
    pub(super) fn at(&mut self, hour: i64, minute: i64) {
        self.now = self.now.max(self.instant(self.day, hour, minute));
    }

    /// Lets a user send a request to a command, and gives its answer.
    ///
    /// # Errors
    /// When the command refuses, which the model is there to prevent; failures of the database.
    pub(super) fn act<R: DeserializeOwned>(
        &mut self,
        user: &str,
        permission: Permission,
        asked: Value,
        command: impl Fn(&mut Tx<'_>, &R) -> Result<Done, CommandError>,
    ) -> Result<Value, CommandError> {
        let actor = self.actors.get(user).cloned().ok_or_else(|| broken(user))?;
        self.act_as(actor, permission, asked, command)
    }

    /// The same on behalf of someone who is no user of the demonstration.
    ///
    /// # Errors
    /// As [`Scribe::act`].
    pub(super) fn act_as<R: DeserializeOwned>(
        &mut self,
        actor: Actor,
        permission: Permission,
        asked: Value,
        command: impl Fn(&mut Tx<'_>, &R) -> Result<Done, CommandError>,
    ) -> Result<Value, CommandError> {
        let request: R = serde_json::from_value(asked.clone()).map_err(|error| broken(&error))?;
        self.now = self.now.plus(TimeDelta::seconds(20));
        let call = Call { asked: asking(&asked), ..Call::internal(actor, permission, "demo") };
        let done = within(self.conn, self.settings, self.now, &call, |tx| command(tx, &request))
            .inspect_err(|error| {
                tracing::error!(day = %self.day, who = call.actor.name, asked = %call.asked, ?error,
                                "the demonstration was refused");
            })?;
        serde_json::from_str(&done.answer.body).map_err(|error| broken(&error))
    }
}

/// A fault of the demonstration itself, which its tests would have found.
pub(super) fn broken(what: &(impl std::fmt::Display + ?Sized)) -> CommandError {
    Refusal::new(
        Code::Internal,
        format!("演示数据有误：{what}"),
        format!("The demonstration is broken: {what}"),
    )
    .into()
}
