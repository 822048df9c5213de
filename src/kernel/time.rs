//! Time: instants in UTC, civil business days in the county's zone, and the injected clock.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A point in time in microseconds since 1970-01-01T00:00:00Z.
///
/// PostgreSQL keeps microseconds and SQLite would keep nanoseconds, so the cut is made here, and
/// both databases store one BIGINT that sorts and compares alike (decision in ARCHITECTURE.md).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::BigInt)]
#[serde(try_from = "String", into = "String")]
pub struct Instant(i64);

/// A text that is no instant with an offset, or a number out of range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 instant with an offset: {0}")]
pub struct NotAnInstant(pub String);

/// 2000-01-01T00:00:00Z: nothing that the service records is older.
const EARLIEST_MICROS: i64 = 946_684_800_000_000;
/// 2200-01-01T00:00:00Z.
const LATEST_MICROS: i64 = 7_258_118_400_000_000;

impl Instant {
    /// The first instant of the year 2000.
    pub const FIRST: Self = Self(EARLIEST_MICROS);
    /// The last instant of the year 2199.
    pub const LAST: Self = Self(LATEST_MICROS - 1);

    /// The instant of a number of microseconds since 1970 UTC.
    ///
    /// # Errors
    /// Before the year 2000 or after 2199.
    pub fn from_micros(micros: i64) -> Result<Self, NotAnInstant> {
        if (EARLIEST_MICROS..LATEST_MICROS).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(NotAnInstant(micros.to_string()))
        }
    }

    /// Microseconds since 1970 UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 text; a value without an offset is refused, finer parts are cut off.
    ///
    /// # Errors
    /// When the text has another shape or lies outside the years 2000 to 2199.
    pub fn parse(text: &str) -> Result<Self, NotAnInstant> {
        let parsed = DateTime::parse_from_rfc3339(text)
            .map_err(|_unreadable: chrono::ParseError| NotAnInstant(text.to_owned()))?;
        Self::from_micros(parsed.timestamp_micros()).map_err(|_range| NotAnInstant(text.to_owned()))
    }

    /// As chrono's UTC time.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// Later by `delta` (or earlier, when negative), held inside the years 2000 to 2199.
    #[must_use]
    pub fn plus(self, delta: TimeDelta) -> Self {
        let micros = self.0.saturating_add(delta.num_microseconds().unwrap_or(i64::MAX));
        Self(micros.clamp(EARLIEST_MICROS, LATEST_MICROS - 1))
    }

    /// Later by `days` times 24 hours.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        self.plus(TimeDelta::try_days(days).unwrap_or_default())
    }

    /// Later by `hours`.
    #[must_use]
    pub fn plus_hours(self, hours: i64) -> Self {
        self.plus(TimeDelta::try_hours(hours).unwrap_or_default())
    }

    /// Later by `minutes`.
    #[must_use]
    pub fn plus_minutes(self, minutes: i64) -> Self {
        self.plus(TimeDelta::try_minutes(minutes).unwrap_or_default())
    }

    /// The next microsecond.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(crate) const fn as_column(&self) -> &i64 {
        &self.0
    }

    pub(crate) fn from_column(micros: i64) -> Result<Self, NotAnInstant> {
        Self::from_micros(micros)
    }
}

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl TryFrom<String> for Instant {
    type Error = NotAnInstant;
    fn try_from(text: String) -> Result<Self, NotAnInstant> {
        Self::parse(&text)
    }
}

impl From<Instant> for String {
    fn from(instant: Instant) -> String {
        instant.to_string()
    }
}

impl utoipa::PartialSchema for Instant {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::DateTime,
            )))
            .description(Some("RFC 3339 with an offset; answers are in UTC."))
            .examples([serde_json::json!("2026-01-15T02:30:00Z")])
            .into()
    }
}

impl utoipa::ToSchema for Instant {}

crate::integer_column!(Instant);

/// Where the service learns the time; injected, so that tests and demonstrations can set it.
pub trait Clock: Send + Sync {
    /// The current instant, cut to microseconds.
    fn now(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine for the time"
    )]
    fn now(&self) -> Instant {
        Instant(Utc::now().timestamp_micros().clamp(EARLIEST_MICROS, LATEST_MICROS - 1))
    }
}

/// A clock that stands where it is set, for tests and for writing history.
#[derive(Debug)]
pub struct SetClock(std::sync::atomic::AtomicI64);

impl SetClock {
    /// A clock that shows `instant`.
    pub const fn at(instant: Instant) -> Self {
        Self(std::sync::atomic::AtomicI64::new(instant.0))
    }

    /// Sets it to another instant.
    pub fn set(&self, instant: Instant) {
        self.0.store(instant.0, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

/// The zone in which the county's calendar days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusinessZone(chrono_tz::Tz);

impl Default for BusinessZone {
    fn default() -> Self {
        Self(chrono_tz::Asia::Shanghai)
    }
}

impl BusinessZone {
    /// The zone of an IANA name such as `Asia/Shanghai`.
    ///
    /// # Errors
    /// The name, when no such zone is known.
    pub fn named(name: &str) -> Result<Self, String> {
        name.parse().map(Self).map_err(|_unknown: chrono_tz::ParseError| name.to_owned())
    }

    /// The calendar day on which an instant falls.
    pub fn day_of(self, instant: Instant) -> NaiveDate {
        instant.to_utc().with_timezone(&self.0).date_naive()
    }

    /// The first instant of a calendar day; where midnight is skipped, the first that exists.
    pub fn start_of(self, day: NaiveDate) -> Instant {
        use chrono::TimeZone;
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        let first = (0..=180)
            .find_map(|minutes| {
                let local = midnight.checked_add_signed(TimeDelta::try_minutes(minutes)?)?;
                self.0.from_local_datetime(&local).earliest()
            })
            .map_or_else(|| midnight.and_utc().timestamp_micros(), |t| t.timestamp_micros());
        Instant(first.clamp(EARLIEST_MICROS, LATEST_MICROS - 1))
    }
}

/// The day `days` later (or earlier), held inside chrono's calendar.
pub fn plus_days(day: NaiveDate, days: i64) -> NaiveDate {
    TimeDelta::try_days(days).and_then(|delta| day.checked_add_signed(delta)).unwrap_or(day)
}

/// Reads a civil date written `YYYY-MM-DD` in the years 2000 to 2199.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    use chrono::Datelike;
    if text.len() != 10 {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|day| (2000..2200).contains(&day.year()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_without_an_offset_is_refused_and_finer_parts_are_cut() {
        assert!(Instant::parse("2026-01-15T02:30:00").is_err());
        let cut = Instant::parse("2026-01-15T10:30:00.123456789+08:00").unwrap();
        assert_eq!(cut.to_string(), "2026-01-15T02:30:00.123456Z");
        assert!(Instant::parse("1999-12-31T23:59:59Z").is_err());
    }

    #[test]
    fn a_business_day_begins_at_midnight_in_the_county() {
        let zone = BusinessZone::default();
        let late = Instant::parse("2026-02-28T16:00:00Z").unwrap();
        assert_eq!(zone.day_of(late), parse_date("2026-03-01").unwrap());
        assert_eq!(zone.start_of(parse_date("2026-03-01").unwrap()), late);
    }

    #[test]
    fn dates_have_one_spelling() {
        assert!(parse_date("2024-02-29").is_some());
        for text in ["2023-02-29", "2024-2-29", "20240229", "1999-01-01"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
