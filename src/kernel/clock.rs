//! A watch on the clock: one that has jumped is not believed until someone accepts it.

use crate::kernel::{Clock, Code, Instant, Refusal};
use std::sync::{Mutex, PoisonError};

/// A jump of the clock that is believed, in microseconds: an hour.
const BELIEVED_MICROS: i64 = 3_600_000_000;

/// What is wrong with a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockFault {
    /// It has run ahead of the machine's steady count by this many microseconds.
    Ahead(i64),
    /// What is on record lies this many microseconds ahead of it.
    Behind(i64),
}

impl ClockFault {
    /// The refusal of what would be recorded by that clock.
    pub fn refusal(self, shown: Instant) -> Refusal {
        let (zh, en, micros) = match self {
            Self::Ahead(micros) => ("时钟突然快了", "the clock has jumped ahead by", micros),
            Self::Behind(micros) => {
                ("时钟落后于已有记录", "the clock lies behind the records by", micros)
            }
        };
        let minutes = micros / 60_000_000;
        Refusal::new(
            Code::ClockJumped,
            format!("{zh} {minutes} 分钟（现显示 {shown}）；核对后由有权者接受，方可继续记账"),
            format!(
                "{en} {minutes} minutes and shows {shown}: nothing is recorded until it is accepted"
            ),
        )
        .with("shown", shown.to_string())
        .with("minutes", minutes)
    }
}

#[derive(Debug, Default)]
struct Watched {
    /// Wall time less the steady count, when the clock was last believed.
    offset: Option<i64>,
    /// The newest record, where the clock lay far behind it when the watch began.
    newest_record: Option<Instant>,
}

/// The watch; one for each running service.
#[derive(Debug, Default)]
pub struct ClockWatch(Mutex<Watched>);

impl ClockWatch {
    /// Begins to watch, told the newest record and the newest one at which a clock was accepted.
    pub fn begin(&self, clock: &dyn Clock, newest_record: Instant, accepted: Option<Instant>) {
        let ahead = newest_record.micros() - clock.now().micros();
        let known =
            accepted.is_some_and(|head| newest_record.micros() - head.micros() <= BELIEVED_MICROS);
        let mut watched = self.lock();
        watched.offset = Some(offset(clock));
        watched.newest_record = (ahead > BELIEVED_MICROS && !known).then_some(newest_record);
    }

    /// What is wrong with the clock; `None` where it is believed.
    pub fn fault(&self, clock: &dyn Clock) -> Option<ClockFault> {
        let mut watched = self.lock();
        let now = offset(clock);
        let jump = now - *watched.offset.get_or_insert(now);
        if jump > BELIEVED_MICROS {
            return Some(ClockFault::Ahead(jump));
        }
        let behind = watched.newest_record.map(|head| head.micros() - clock.now().micros());
        behind.filter(|micros| *micros > BELIEVED_MICROS).map(ClockFault::Behind)
    }

    /// Requires the clock to be believed.
    ///
    /// # Errors
    /// `clock_jumped` where it is not.
    pub fn check(&self, clock: &dyn Clock) -> Result<(), Refusal> {
        self.fault(clock).map_or(Ok(()), |fault| Err(fault.refusal(clock.now())))
    }

    /// Believes the clock as it is.
    pub fn accept(&self, clock: &dyn Clock) {
        let mut watched = self.lock();
        watched.offset = Some(offset(clock));
        watched.newest_record = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn offset(clock: &dyn Clock) -> i64 {
    clock.now().micros() - clock.steady_micros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::SetClock;

    #[test]
    fn a_clock_that_jumps_is_not_believed_until_it_is_accepted_and_one_that_runs_is() {
        let clock = SetClock::at(Instant::parse("2026-03-01T00:00:00Z").unwrap());
        let watch = ClockWatch::default();
        assert_eq!(watch.fault(&clock), None);
        clock.set(clock.now().plus_days(40));
        assert_eq!(watch.fault(&clock), None, "time that passes is no jump");
        clock.jump_to(clock.now().plus_minutes(59));
        assert_eq!(watch.fault(&clock), None);
        clock.jump_to(clock.now().plus_minutes(2));
        assert_eq!(watch.fault(&clock), Some(ClockFault::Ahead(61 * 60_000_000)), "they add up");
        clock.jump_to(clock.now().plus_minutes(-60));
        assert_eq!(watch.fault(&clock), None, "a clock that is put right is believed");
        clock.jump_to(clock.now().plus_days(1));
        watch.accept(&clock);
        assert_eq!(watch.fault(&clock), None);
    }

    #[test]
    fn a_clock_behind_the_records_is_not_believed_at_the_start() {
        let now = Instant::parse("2026-03-01T00:00:00Z").unwrap();
        let clock = SetClock::at(now);
        let watch = ClockWatch::default();
        watch.begin(&clock, now.plus_minutes(60), None);
        assert_eq!(watch.fault(&clock), None);
        watch.begin(&clock, now.plus_minutes(61), None);
        assert_eq!(watch.fault(&clock), Some(ClockFault::Behind(61 * 60_000_000)));
        clock.set(now.plus_minutes(1));
        assert_eq!(watch.fault(&clock), None, "until it has caught up");
        watch.begin(&clock, now.plus_days(3), Some(now.plus_days(3)));
        assert_eq!(watch.fault(&clock), None, "it was accepted before the restart");
    }
}
