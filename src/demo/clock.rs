//! The time in a demonstration whose today is not the machine's.

use crate::kernel::time::SystemClock;
use crate::kernel::{Clock, Instant};

/// The machine's clock, some whole days ahead or behind: the time of day is the real one, and time
/// goes on as it does outside.
#[derive(Debug, Clone, Copy)]
pub struct ShiftedClock {
    days: i64,
}

impl ShiftedClock {
    /// A clock `days` ahead of the machine's, or behind when negative.
    pub const fn by_days(days: i64) -> Self {
        Self { days }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Instant {
        SystemClock.now().plus_days(self.days)
    }

    fn steady_micros(&self) -> i64 {
        SystemClock.steady_micros()
    }
}
