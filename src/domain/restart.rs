//! What a supervisor does about an actor that died: a new start with backoff, or, when it dies too
//! often, a long pause.

use std::collections::VecDeque;
use std::time::Duration;

use super::limits;
use super::schedule::{Schedule, unit};
use super::time::Timestamp;

/// The deaths of one actor that still count.
#[derive(Debug, Default)]
pub struct Deaths(VecDeque<Timestamp>);

/// What to do about a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Start it again after this.
    After(Duration),
    /// It dies too often: leave it parked for this long.
    Park(Duration),
}

impl Deaths {
    /// Whether it died in the time that counts.
    pub fn are_recent(&self, now: Timestamp) -> bool {
        self.0.back().is_some_and(|at| now.since(*at) < limits::INTENSITY_SPAN)
    }

    /// It died. `key` fixes the jitter.
    pub fn record(&mut self, now: Timestamp, key: i64) -> Restart {
        // A clock that was set back must not make old deaths look new.
        let counts = |at: &Timestamp| *at <= now && now.since(*at) < limits::INTENSITY_SPAN;
        self.0.retain(counts);
        self.0.push_back(now);
        if self.0.len() >= limits::INTENSITY {
            self.0.clear();
            return Restart::Park(limits::PARKED_FOR);
        }
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        Restart::After(BACKOFF.delay(count, key))
    }
}

/// How long a destination waits at a start of the service, when so many of them have deliveries
/// waiting: spread evenly by `key`, and not at all for one that is alone.
pub fn herd_delay(key: i64, destinations: usize) -> Duration {
    let others = u32::try_from(destinations.saturating_sub(1)).unwrap_or(u32::MAX);
    let spread = limits::HERD_GAP.saturating_mul(others).min(limits::HERD_SPREAD);
    Duration::from_millis((spread.as_millis() as f64 * unit(key, 0)) as u64)
}

const BACKOFF: Schedule = Schedule {
    base: Duration::from_millis(100),
    factor: 2.0,
    cap: Duration::from_secs(10),
    horizon: Duration::ZERO,
    jitter: 0.5,
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Matrix E2: five deaths within a minute park it; slower ones never do.
    #[test]
    fn e2_five_deaths_in_a_minute_park() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let mut deaths = Deaths::default();
        for second in 0..4 {
            let Restart::After(wait) = deaths.record(at(second), 7) else { panic!("parked early") };
            let full = Duration::from_millis(100 << second);
            assert!(wait <= full && wait >= full / 2, "{wait:?}");
        }
        assert_eq!(deaths.record(at(59), 7), Restart::Park(limits::PARKED_FOR));
        let mut slow = Deaths::default();
        for minute in 0..100 {
            assert!(matches!(slow.record(at(minute * 60), 7), Restart::After(_)));
        }
    }
}
