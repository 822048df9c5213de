//! Hash chains: each link carries the hash of the one before it, so that a changed bit, a missing
//! row or a swapped pair shows.

pub mod records;

use crate::kernel::Instant;

/// The newest link of a chain, locked until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The chain's name.
    pub chain: String,
    /// The number of links.
    pub seq: i64,
    /// The hash of the newest link; empty before the first.
    pub hash: String,
    /// When the newest link was recorded.
    pub recorded_at: Instant,
}

impl Head {
    /// When the next link is recorded: now, but never at or before the newest one.
    pub fn next_recorded_at(&self, now: Instant) -> Instant {
        now.max(self.recorded_at.next())
    }

    /// The chain with one more link.
    #[must_use]
    pub fn extended(self, hash: String, recorded_at: Instant) -> Self {
        Self { seq: self.seq + 1, hash, recorded_at, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_time_never_goes_back_even_when_the_clock_does() {
        let at = |text| Instant::parse(text).unwrap();
        let head = Head {
            chain: "x".to_owned(),
            seq: 1,
            hash: String::new(),
            recorded_at: at("2026-01-01T00:00:00Z"),
        };
        assert_eq!(
            head.next_recorded_at(at("2025-12-31T00:00:00Z")),
            at("2026-01-01T00:00:00.000001Z")
        );
        assert_eq!(head.next_recorded_at(at("2026-01-02T00:00:00Z")), at("2026-01-02T00:00:00Z"));
    }
}
