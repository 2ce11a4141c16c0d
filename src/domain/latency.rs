//! How long things took, counted under a fixed list of bounds: small enough for a row a minute, and
//! sums of rows are as good as one count over all of it.
//!
//! What is read out of it lies in the bucket in which the true value lies. Neighbouring bounds differ by
//! no more than a factor of 1.7 from 3 ms on, so that it is wrong by less than that; below 3 ms it is
//! wrong by less than 1 ms. Past the last bound, which is longer than any schedule goes on, the bound
//! itself is told.

use std::time::Duration;

/// Upper ends of the buckets in milliseconds, each belonging to its bucket: from a neighbour in the same
/// rack to past the longest horizon of a retry schedule. They are the preferred numbers of the series E6.
/// Rows on disk hold a count for each in this order: the list is changed with a step of the schema.
pub const BOUNDS_MS: [u64; 57] = [
    1,
    2,
    3,
    5,
    7,
    10,
    15,
    22,
    33,
    47,
    68,
    100,
    150,
    220,
    330,
    470,
    680,
    1_000,
    1_500,
    2_200,
    3_300,
    4_700,
    6_800,
    10_000,
    15_000,
    22_000,
    33_000,
    47_000,
    68_000,
    100_000,
    150_000,
    220_000,
    330_000,
    470_000,
    680_000,
    1_000_000,
    1_500_000,
    2_200_000,
    3_300_000,
    4_700_000,
    6_800_000,
    10_000_000,
    15_000_000,
    22_000_000,
    33_000_000,
    47_000_000,
    68_000_000,
    100_000_000,
    150_000_000,
    220_000_000,
    330_000_000,
    470_000_000,
    680_000_000,
    1_000_000_000,
    1_500_000_000,
    2_200_000_000,
    3_300_000_000,
];

/// Buckets: one for each bound, and one for what took longer than the last.
pub const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// The bucket that a time belongs to, from 0.
pub fn bucket(took: Duration) -> usize {
    let took_ms = took.as_millis();
    BOUNDS_MS.partition_point(|bound| u128::from(*bound) < took_ms)
}

/// How many took how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram([u64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Histogram {
    /// From the counts of the buckets, in their order.
    pub const fn from_counts(counts: [u64; BUCKETS]) -> Self {
        Self(counts)
    }

    /// The counts of the buckets, in their order.
    pub const fn counts(&self) -> &[u64; BUCKETS] {
        &self.0
    }

    /// One more took so long.
    pub fn observe(&mut self, took: Duration) {
        if let Some(count) = self.0.get_mut(bucket(took)) {
            *count = count.saturating_add(1);
        }
    }

    /// What was counted elsewhere, too.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The time within which that share of them, in thousandths, was done: 500 is the median. Within its
    /// bucket it is taken to rise evenly. Nothing where nothing was counted.
    pub fn quantile(&self, thousandths: u32) -> Option<Duration> {
        let total = u128::from(self.total());
        if total == 0 {
            return None;
        }
        let share = u128::from(thousandths.min(1000));
        let rank = (total * share).div_ceil(1000).max(1);
        let mut before = 0_u128;
        let mut lower = 0;
        for (index, count) in self.0.iter().enumerate() {
            let count = u128::from(*count);
            // Of what took longer than the last bound no more is known.
            let Some(&upper) = BOUNDS_MS.get(index) else { break };
            if before + count >= rank {
                let into = u128::from(upper - lower) * (rank - before) / count;
                let took_ms = u128::from(lower) + into.max(1);
                return Some(Duration::from_millis(u64::try_from(took_ms).unwrap_or(u64::MAX)));
            }
            before += count;
            lower = upper;
        }
        Some(Duration::from_millis(lower))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn of(took_ms: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for took_ms in took_ms {
            histogram.observe(MS(*took_ms));
        }
        histogram
    }

    #[test]
    fn the_bounds_rise_by_what_is_promised() {
        let mut before = 0;
        for bound in BOUNDS_MS {
            assert!(bound > before);
            assert!(before < 3 || bound * 10 <= before * 17, "{before} to {bound}");
            before = bound;
        }
        let longest = super::super::limits::RETRY_SPAN.as_millis();
        assert!(u128::from(before) > longest, "the longest horizon fits");
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(MS(1)), 0);
        assert_eq!(bucket(MS(2)), 1);
        assert_eq!(bucket(MS(1_000)), bucket(MS(681)));
        assert_eq!(bucket(MS(1_001)), bucket(MS(1_500)));
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_told() {
        assert_eq!(Histogram::default().quantile(500), None);
        assert_eq!(of(&[0]).quantile(500), Some(MS(1)));
        let many = of(&[&[80; 98][..], &[4_000; 2]].concat());
        assert_eq!(many.total(), 100);
        // The 50th of 98 in the bucket from 68 ms to 100 ms, and the first of 2 in that to 4.7 s.
        assert_eq!(many.quantile(500), Some(MS(68 + 32 * 50 / 98)));
        assert_eq!(many.quantile(990), Some(MS(4_000)));
        assert_eq!(many.quantile(1000), Some(MS(4_700)));
        assert_eq!(many.quantile(0), many.quantile(1));
        let endless = of(&[u64::MAX]);
        assert_eq!(endless.quantile(990), Some(MS(3_300_000_000)), "the last bound");
    }

    #[test]
    fn sums_never_overflow() {
        let mut most = Histogram::from_counts([u64::MAX; BUCKETS]);
        most.add(&most.clone());
        most.observe(MS(5));
        assert_eq!(most.total(), u64::MAX);
        assert!(most.quantile(1000).is_some());
    }

    proptest! {
        /// Any quantile lies in the bucket of the true one, however the times are spread over rows.
        #[test]
        fn quantiles_keep_their_promise(
            mut took_ms in prop::collection::vec(prop_oneof![0..50_u64, 0..5_000_u64, 0..3_300_000_000_u64], 1..200),
            split in 0..200_usize,
            thousandths in 0..=1000_u32,
        ) {
            let (one, other) = took_ms.split_at(split.min(took_ms.len()));
            let mut sum = of(one);
            sum.add(&of(other));
            took_ms.sort_unstable();
            let rank = (took_ms.len() * thousandths as usize).div_ceil(1000).max(1);
            let truth = MS(took_ms[rank - 1]);
            let told = sum.quantile(thousandths).expect("something was counted");
            prop_assert_eq!(bucket(told), bucket(truth), "{:?} for {:?}", told, truth);
        }

        #[test]
        fn quantiles_rise(took_ms in prop::collection::vec(0..10_000_000_u64, 1..100), a in 0..=1000_u32, b in 0..=1000_u32) {
            let histogram = of(&took_ms);
            prop_assert!(histogram.quantile(a.min(b)) <= histogram.quantile(a.max(b)));
        }
    }
}
