//! Where values lie between bottom and top, and which of them are named.

use std::time::Duration;

use super::words;

/// Intervals of an axis of counts, at most.
const INTERVALS: u64 = 4;
/// Between two names on an axis of times there is at least this share of its height.
const APART: f64 = 0.14;

/// A value that is named, and where it lies: 0 is the bottom, 1 the top.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) text: String,
}

/// Counts from 0 on, evenly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    step: u64,
    top: u64,
}

impl Counts {
    /// Reaches up to that value, in steps of 1, 2 or 5 and zeros.
    pub(super) fn up_to(most: u64) -> Self {
        let most = most.max(1);
        let mut step = 1_u64;
        let mut grow = [2, 5, 10].into_iter().cycle();
        let mut unit = 1_u64;
        while most.div_ceil(step) > INTERVALS {
            let factor = grow.next().unwrap_or(10);
            step = unit.saturating_mul(factor);
            if factor == 10 {
                unit = step;
            }
            if step == u64::MAX {
                break;
            }
        }
        Self { step, top: most.div_ceil(step).saturating_mul(step) }
    }

    pub(super) fn place(&self, value: u64) -> f64 {
        fraction(value, self.top)
    }

    pub(super) fn ticks(&self) -> Vec<Tick> {
        let many = self.top / self.step;
        let tick = |number: u64| {
            let value = self.step.saturating_mul(number);
            Tick { at: self.place(value), text: words::short(value) }
        };
        (0..=many).map(tick).collect()
    }
}

/// Times from milliseconds to weeks, by their logarithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Times {
    low_ms: u64,
    high_ms: u64,
}

const S: u64 = 1_000;
const MIN: u64 = 60 * S;
const H: u64 = 60 * MIN;
const D: u64 = 24 * H;

/// What an axis of times may begin and end with, and name.
const ROUND_MS: [u64; 32] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    S,
    2 * S,
    5 * S,
    10 * S,
    30 * S,
    MIN,
    2 * MIN,
    5 * MIN,
    10 * MIN,
    30 * MIN,
    H,
    2 * H,
    6 * H,
    12 * H,
    D,
    2 * D,
    4 * D,
    7 * D,
    14 * D,
    30 * D,
    60 * D,
    120 * D,
    365 * D,
];
/// Those of them that are named first, where there is not room for all.
const ROUNDEST_MS: [u64; 12] = [1, 10, 100, S, 10 * S, MIN, 10 * MIN, H, 6 * H, D, 7 * D, 30 * D];

impl Times {
    /// Reaches from the one to the other, and a little further.
    pub(super) fn between(least: Duration, most: Duration) -> Self {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
        let (least, most) = (ms(least), ms(most.saturating_add(Duration::from_micros(999))));
        let below = ROUND_MS.partition_point(|round| *round <= least).saturating_sub(1);
        let above = ROUND_MS.partition_point(|round| *round < most).min(ROUND_MS.len() - 1);
        // One value alone lies in the middle.
        let (below, above) = match above.saturating_sub(below) {
            0 | 1 => (below.saturating_sub(1), (above + 1).min(ROUND_MS.len() - 1)),
            _ => (below, above),
        };
        let round = |index: usize| ROUND_MS.get(index).copied().unwrap_or(1);
        Self { low_ms: round(below), high_ms: round(above) }
    }

    pub(super) fn place(&self, span: Duration) -> f64 {
        let ms = span.as_secs_f64() * 1000.0;
        self.place_ms(ms.max(1.0))
    }

    #[expect(clippy::cast_precision_loss, reason = "these are weeks at most")]
    fn place_ms(&self, ms: f64) -> f64 {
        let (low, high) = ((self.low_ms as f64).ln(), (self.high_ms as f64).ln());
        ((ms.ln() - low) / (high - low)).clamp(0.0, 1.0)
    }

    pub(super) fn ticks(&self) -> Vec<Tick> {
        let inside = |each: &&u64| (self.low_ms..=self.high_ms).contains(each);
        let roundest = ROUNDEST_MS.iter().filter(inside).count() >= 3;
        let names: &[u64] = if roundest { &ROUNDEST_MS } else { &ROUND_MS };
        let tick = |ms: u64| {
            let span = Duration::from_millis(ms);
            Tick { at: self.place(span), text: words::span_of_time(span) }
        };
        // Bottom and top are named in any case, and between them what there is room for.
        let mut ticks = vec![tick(self.low_ms)];
        for ms in names.iter().filter(inside) {
            let next = tick(*ms);
            let free = |last: &Tick| next.at - last.at >= APART && 1.0 - next.at >= APART;
            if ticks.last().is_some_and(free) {
                ticks.push(next);
            }
        }
        ticks.push(tick(self.high_ms));
        ticks
    }
}

/// The share of a whole.
#[expect(clippy::cast_precision_loss, reason = "no eye sees it")]
pub(super) fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(ticks: Vec<Tick>) -> Vec<String> {
        ticks.into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn counts_are_named_in_round_steps() {
        for (most, expected) in [
            (0, vec!["0", "1"]),
            (1, vec!["0", "1"]),
            (3, vec!["0", "1", "2", "3"]),
            (5, vec!["0", "2", "4", "6"]),
            (61, vec!["0", "20", "40", "60", "80"]),
            (100, vec!["0", "50", "100"]),
            (1_204, vec!["0", "500", "1k", "1.5k"]),
            (1_000_000, vec!["0", "500k", "1M"]),
        ] {
            assert_eq!(texts(Counts::up_to(most).ticks()), expected, "{most}");
        }
    }

    #[test]
    fn times_are_named_in_units_of_people() {
        let ms = Duration::from_millis;
        for (least, most, expected) in [
            (ms(80), ms(80), vec!["20 ms", "50 ms", "100 ms", "200 ms"]),
            (ms(12), ms(900), vec!["10 ms", "100 ms", "1 s"]),
            (ms(3), ms(40_000), vec!["2 ms", "10 ms", "100 ms", "1 s", "10 s", "1 min"]),
            (ms(80), ms(3 * 86_400_000), vec!["50 ms", "1 s", "10 s", "10 min", "6 h", "4 d"]),
            (ms(0), ms(0), vec!["1 ms", "2 ms"]),
        ] {
            assert_eq!(texts(Times::between(least, most).ticks()), expected, "{least:?} {most:?}");
        }
    }

    proptest! {
        #[test]
        fn all_counts_have_a_place(most: u64, share in 0..=100_u64) {
            let axis = Counts::up_to(most);
            let value = u64::try_from(u128::from(most) * u128::from(share) / 100).expect("smaller");
            prop_assert!((0.0..=1.0).contains(&axis.place(value)));
            let ticks = axis.ticks();
            prop_assert!((2..=6).contains(&ticks.len()), "{:?}", ticks);
        }

        #[test]
        fn all_times_have_a_place(a: u64, b: u64, share in 0..=100_u64) {
            let (least, most) = (Duration::from_micros(a.min(b)), Duration::from_micros(a.max(b)));
            let axis = Times::between(least, most);
            let value = least + (most - least) / 100 * u32::try_from(share).expect("small");
            prop_assert!((0.0..=1.0).contains(&axis.place(value)));
            let ticks = axis.ticks();
            prop_assert!((2..=7).contains(&ticks.len()), "{:?}", ticks);
        }
    }
}
