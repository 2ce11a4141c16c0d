//! When the next attempt is due: exponential backoff with keyed jitter, and what a receiver asked for.

use std::time::Duration;

use super::time::Timestamp;

/// The retry schedule of one destination.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The delay after the first failure.
    pub base: Duration,
    /// What each further delay is multiplied by; at least 1.
    pub factor: f64,
    /// No delay is longer, nor any wait that a receiver asks for.
    pub cap: Duration,
    /// How long after the alert an attempt may still fail without the delivery being dead.
    pub horizon: Duration,
    /// The share of each delay that is jittered, from 0 to 1; the rest is fixed.
    pub jitter: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(2),
            factor: 3.0,
            cap: Duration::from_hours(1),
            horizon: Duration::from_hours(72),
            jitter: 0.5,
        }
    }
}

/// Parts of a schedule that an integration sets for itself.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[expect(missing_docs, reason = "each is the field of the same name in Schedule")]
pub struct RetryOverrides {
    pub base: Option<Duration>,
    pub factor: Option<f64>,
    pub cap: Option<Duration>,
    pub horizon: Option<Duration>,
    pub jitter: Option<f64>,
}

impl Schedule {
    /// This schedule with an integration's own numbers on top.
    pub fn with(&self, own: &RetryOverrides) -> Self {
        Self {
            base: own.base.unwrap_or(self.base),
            factor: own.factor.unwrap_or(self.factor),
            cap: own.cap.unwrap_or(self.cap),
            horizon: own.horizon.unwrap_or(self.horizon),
            jitter: own.jitter.unwrap_or(self.jitter),
        }
    }

    /// The delay after the `failures`-th failure in a row (1 is the first). `key` fixes the jitter: the
    /// same key and count give the same delay, on any machine, after any restart.
    pub fn delay(&self, failures: u32, key: i64) -> Duration {
        let cap = self.cap.as_secs_f64();
        let mut delay = self.base.as_secs_f64().min(cap);
        // 64 steps of any factor above 1 that matters are past every cap: the loop is bounded.
        for _ in 1..failures.min(64) {
            delay = (delay * self.factor.max(1.0)).min(cap);
        }
        let jitter = self.jitter.clamp(0.0, 1.0);
        let jittered = delay * (1.0 - jitter) + delay * jitter * unit(key, failures);
        // A double holds no millisecond of a cap of ages.
        Duration::from_millis((jittered.clamp(0.0, cap) * 1000.0) as u64).min(self.cap)
    }
}

/// A number in [0, 1) made of a key and a count by SplitMix64's finalizer (Steele, Lea and Flood, 2014).
pub(super) fn unit(key: i64, count: u32) -> f64 {
    let mut x = key.cast_unsigned() ^ (u64::from(count) << 40).wrapping_add(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2 {
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
    }
    // 53 bits fill a double's mantissa exactly.
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

/// What a `Retry-After` header asks for (RFC 9110, section 10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// So much later.
    Delay(Duration),
    /// Not before then.
    At(Timestamp),
}

impl RetryAfter {
    /// Reads the values of all `Retry-After` headers of a response. What can't be read is ignored; a
    /// delay of more digits than a count of seconds can have is a very long one.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        values.into_iter().filter_map(Self::parse_one).max_by_key(|each| match each {
            // Two forms in one response are compared as if it came at the epoch: any date is longer.
            Self::Delay(delay) => Timestamp::from_millis(0).plus(*delay),
            Self::At(at) => *at,
        })
    }

    fn parse_one(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let seconds = text.parse().unwrap_or(u64::MAX);
            return Some(Self::Delay(Duration::from_secs(seconds)));
        }
        // The crate reads the three forms of RFC 9110, section 5.6.7, and years from 1970 to 9999.
        let date = httpdate::parse_http_date(text).ok()?;
        let since = date.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
        Some(Self::At(Timestamp::from_millis(0).plus(since)))
    }

    /// The time asked for, seen from `now`: never earlier than `now`, never later than `cap` after it.
    pub fn not_before(self, now: Timestamp, cap: Duration) -> Timestamp {
        let asked = match self {
            Self::Delay(delay) => now.plus(delay),
            Self::At(at) => at,
        };
        asked.clamp(now, now.plus(cap))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Duration> {
        prop_oneof![Just(Duration::ZERO), (0..u64::MAX).prop_map(Duration::from_millis)]
    }

    proptest! {
        /// Matrix B1: however often it failed and whatever is configured, a delay is never longer than
        /// the cap, nor than the schedule without jitter, and the same again for the same delivery.
        #[test]
        fn b1_delays_stay_below_the_schedule(
            failures in prop_oneof![1..100_u32, any::<u32>()],
            key in any::<i64>(),
            base in spans(),
            cap in spans(),
            factor in prop_oneof![1.0..10.0, any::<f64>()],
            jitter in prop_oneof![0.0..1.0, any::<f64>()],
        ) {
            let horizon = Duration::from_hours(72);
            let schedule = Schedule { base, factor, cap, horizon, jitter };
            let delay = schedule.delay(failures, key);
            prop_assert!(delay <= cap);
            let full = Schedule { jitter: 0.0, ..schedule }.delay(failures, key);
            prop_assert!(delay <= full, "{delay:?} of {full:?}");
            prop_assert_eq!(delay, schedule.delay(failures, key));
        }

        /// Matrix B1: the delays themselves: base times factor to the number of failures before, up to the
        /// cap; jitter takes away its share of them at the most.
        #[test]
        fn b1_delays_grow_as_they_are_told(failures in 1..40_u32, key in any::<i64>()) {
            let schedule = Schedule::default();
            let grown = 2.0 * 3.0_f64.powi(failures.cast_signed() - 1);
            let full = grown.min(3600.0);
            let delay = schedule.delay(failures, key).as_secs_f64();
            prop_assert!(delay <= full && delay >= full * 0.5 - 0.001, "{delay} of {full}");
        }

        /// Matrix B2: whatever a receiver asks for, it is later only, and never beyond the cap.
        #[test]
        fn b2_a_receiver_is_heard_up_to_the_cap(
            values in proptest::collection::vec(
                prop_oneof![
                    "[0-9]{1,400}".prop_map(String::into_bytes),
                    "-[0-9]{1,9}|1e300|inf|NaN|0x10| 5 |".prop_map(String::into_bytes),
                    proptest::collection::vec(any::<u8>(), 0..40),
                    (0..4_000_000_000_u64).prop_map(|at| {
                        let at = std::time::UNIX_EPOCH + Duration::from_secs(at);
                        httpdate::fmt_http_date(at).into_bytes()
                    }),
                ],
                0..3,
            ),
            now in 0..4_000_000_000_000_i64,
            cap in 0..10_000_000_u64,
        ) {
            let (now, cap) = (Timestamp::from_millis(now), Duration::from_millis(cap));
            if let Some(asked) = RetryAfter::parse(values.iter().map(Vec::as_slice)) {
                let at = asked.not_before(now, cap);
                prop_assert!(at >= now && at <= now.plus(cap));
            }
        }
    }
}
