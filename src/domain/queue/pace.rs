//! The rate limit: starts of attempts are spaced evenly, without a burst.

use crate::domain::time::Timestamp;

/// When the next attempt may start, in microseconds since the epoch, so that more than one may start
/// within a millisecond.
#[derive(Debug, Default)]
pub(super) struct Pace {
    next_at_us: i64,
}

impl Pace {
    /// Whether an attempt may start in this millisecond.
    pub(super) fn permits(&self, now: Timestamp) -> bool {
        self.next_at_us < (now.as_millis() + 1) * 1000
    }

    /// An attempt starts.
    pub(super) fn start(&mut self, now: Timestamp, a_second: Option<u32>) {
        if let Some(rate) = a_second {
            let gap_us = 1_000_000 / i64::from(rate.max(1));
            self.next_at_us = self.next_at_us.max(now.as_millis() * 1000) + gap_us;
        }
    }

    /// When the next attempt may start.
    pub(super) fn next_at(&self) -> Timestamp {
        Timestamp::from_millis(self.next_at_us / 1000)
    }

    /// The clock was set back: no gap is longer than the rate says.
    pub(super) fn clamp(&mut self, now: Timestamp, a_second: Option<u32>) {
        let gap_us = 1_000_000 / i64::from(a_second.unwrap_or(1).max(1));
        self.next_at_us = self.next_at_us.min(now.as_millis() * 1000 + gap_us);
    }
}
