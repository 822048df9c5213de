//! From when something holds, and which time is asked about, as clients say it.

use crate::kernel::time::{BusinessZone, parse_date, plus_days};
use crate::kernel::{FaultCode, Faults, Instant};
use chrono::{NaiveDate, TimeDelta};

/// From when something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starting {
    /// From an instant.
    Instant(Instant),
    /// From the first instant of a business day.
    Day(NaiveDate),
    /// From the moment it is done.
    Now,
}

impl Starting {
    /// The instant.
    pub fn instant(self, now: Instant, zone: BusinessZone) -> Instant {
        match self {
            Self::Instant(instant) => instant,
            Self::Day(day) => zone.start_of(day),
            Self::Now => now,
        }
    }
}

/// Reads an instant with an offset, or a date; `None` when absent or at fault.
pub fn starting(text: Option<&str>, pointer: &str, faults: &mut Faults) -> Option<Starting> {
    let text = text?;
    if let Some(day) = parse_date(text) {
        return Some(Starting::Day(day));
    }
    let instant = Instant::parse(text).map_err(|_unreadable| FaultCode::NotAnInstant);
    faults.keep(pointer, instant).map(Starting::Instant)
}

/// A time that is asked about: an instant with an offset, or a date for the end of that day.
pub fn moment(
    text: Option<&str>,
    pointer: &str,
    zone: BusinessZone,
    faults: &mut Faults,
) -> Option<Instant> {
    Some(match starting(text, pointer, faults)? {
        Starting::Instant(at) => at,
        Starting::Day(day) => zone.start_of(plus_days(day, 1)).plus(TimeDelta::microseconds(-1)),
        Starting::Now => return None,
    })
}
