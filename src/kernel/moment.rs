//! The two times of a question: what it is about, and what was known when.

use crate::kernel::Instant;

/// The business time that a question is about, and the recorded time up to which the book is read
/// for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What happened later does not count.
    pub as_of: Instant,
    /// What was recorded later is not known. Where everything recorded counts, the newest time
    /// that is on record, so that the same question can be asked again.
    pub as_known_at: Instant,
    /// Whether everything recorded counts.
    pub knows_all: bool,
    /// Whether it is the present: what the balances say as they stand.
    pub is_now: bool,
}

impl Moment {
    /// The present, with everything that is on record.
    pub fn now(now: Instant, newest_record: Instant) -> Self {
        Self { as_of: now, as_known_at: now.max(newest_record), knows_all: true, is_now: true }
    }

    /// A time of the past, with everything that is on record by now.
    pub const fn as_of(as_of: Instant, newest_record: Instant) -> Self {
        Self { as_of, as_known_at: newest_record, knows_all: true, is_now: false }
    }

    /// A time of the past, with what was on record at another.
    pub const fn as_known_at(as_of: Instant, as_known_at: Instant) -> Self {
        Self { as_of, as_known_at, knows_all: false, is_now: false }
    }

    /// The recorded time that limits what is known, if any does.
    pub fn known(&self) -> Option<Instant> {
        (!self.knows_all).then_some(self.as_known_at)
    }

    /// The earlier of the two times: what was over by then, in business and on record, is past.
    pub fn horizon(&self) -> Instant {
        self.known().map_or(self.as_of, |known| known.min(self.as_of))
    }
}
