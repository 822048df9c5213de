//! The demonstration's tokens, and the mark by which its county is known again.
//!
//! Every token of the demonstration is labelled with its date, seed and clock, so the administrator's
//! token tells what a database holds. Tokens are made last: data without the mark is either someone
//! else's or half made.

use crate::access::Permission;
use crate::access::records::{list_users, stores_of, tokens_of, user_by_name};
use crate::access::token::{NoRandomness, Token};
use crate::app::App;
use crate::command::{Call, CommandError, within};
use crate::db::DbError;
use crate::demo::county::{ADMIN, users};
use crate::demo::scribe::{broken, founder};
use crate::kernel::page::PageSize;
use crate::kernel::time::parse_date;
use crate::users::commands::create_token;
use crate::users::requests::TokenRequest;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the demonstration in a database was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The day after the last day of history.
    pub today: NaiveDate,
    /// The seed of its chance.
    pub seed: u64,
    /// Whole days by which its clock is ahead of the machine's.
    pub days_ahead: i64,
}

impl Mark {
    fn label(self) -> String {
        format!("demo {} {} {}", self.today, self.seed, self.days_ahead)
    }

    fn read(label: &str) -> Option<Self> {
        let mut words = label.strip_prefix("demo ")?.split(' ');
        let mark = Self {
            today: parse_date(words.next()?)?,
            seed: words.next()?.parse().ok()?,
            days_ahead: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(mark)
    }
}

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A demonstration.
    Demonstration(Mark),
    /// Something else, or a demonstration that was never finished.
    OtherData,
}

/// Looks at what a database holds.
///
/// # Errors
/// When the database fails.
pub fn find(app: &App) -> Result<Found, DbError> {
    app.read(|conn| {
        if list_users(conn, None, None, PageSize::DEFAULT)?.is_empty() {
            return Ok(Found::Nothing);
        }
        let Some(admin) = user_by_name(conn, ADMIN)? else { return Ok(Found::OtherData) };
        let tokens = tokens_of(conn, &admin.id)?;
        let mark = tokens.iter().find_map(|token| Mark::read(&token.label));
        Ok(mark.map_or(Found::OtherData, Found::Demonstration))
    })
}

/// What `tokens.json` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenFile {
    /// Where the service answers.
    pub base_url: String,
    /// Everyone, with a token.
    pub users: Vec<UserToken>,
}

/// A user of the demonstration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserToken {
    /// The user's name.
    pub name: String,
    /// The user's role.
    pub role: String,
    /// Own stores.
    pub stores: Vec<String>,
    /// The bearer token.
    pub token: String,
}

/// Makes a token for every user of the demonstration, all of them or none.
///
/// # Errors
/// When the database fails or the machine gives no random bytes.
pub fn make_tokens(app: &App, mark: Mark) -> Result<Vec<UserToken>, CommandError> {
    let secrets: Vec<(String, Token)> = users()
        .into_iter()
        .map(|user| Token::generate().map(|secret| (user.name, secret)))
        .collect::<Result<_, NoRandomness>>()
        .map_err(|error| broken(&error))?;
    let (secrets, settings, now) = (Arc::new(secrets), app.settings.clone(), app.clock.now());
    app.db.write(move |conn| {
        let request = TokenRequest { label: mark.label(), valid_days: None };
        let mut made = Vec::with_capacity(secrets.len());
        for (name, secret) in secrets.iter() {
            let call = Call::internal(founder(), Permission::ManageUsers, "demo");
            within(conn, &settings, now, &call, |tx| create_token(tx, name, &request, secret))?;
            let user = user_by_name(conn, name)?.ok_or_else(|| broken(name))?;
            let stores = stores_of(conn, &user.id)?;
            made.push(UserToken {
                name: name.clone(),
                role: user.role.as_str().to_owned(),
                stores: stores.iter().map(|store| store.as_str().to_owned()).collect(),
                token: secret.reveal().to_owned(),
            });
        }
        Ok::<_, CommandError>(made)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_other_labels_are_not_marks() {
        let today = parse_date("2026-03-02").unwrap();
        let mark = Mark { today, seed: 7, days_ahead: -266 };
        assert_eq!(Mark::read(&mark.label()), Some(mark));
        for other in ["phone", "demo", "demo 2026-03-02 7", "demo 2026-03-02 7 0 more"] {
            assert_eq!(Mark::read(other), None, "{other}");
        }
    }
}
