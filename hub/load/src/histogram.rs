//! Latencies in buckets whose width grows with the value: 32 to each power of two, so no quantile is off by more
//! than 3.2 %, and recording is one addition.

use std::time::Duration;

/// Buckets to a power of two.
const FINE: u64 = 32;
const FINE_BITS: u32 = FINE.trailing_zeros();
/// Microseconds beyond which all values share the last bucket: a good hour.
const LARGEST: u64 = (1 << 32) - 1;

/// Counts of latencies, in microseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; bucket_of(LARGEST) + 1], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LARGEST).min(LARGEST);
        self.counts[bucket_of(micros)] += 1;
        self.total += 1;
        self.max = self.max.max(micros);
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// How many latencies were recorded.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The longest latency in milliseconds, exact.
    pub fn max_ms(&self) -> f64 {
        self.max as f64 / 1000.0
    }

    /// The latency in milliseconds that the share `q` (0 to 1) of all does not exceed: the upper end of its bucket,
    /// never more than the longest. 0 if nothing was recorded.
    pub fn quantile_ms(&self, q: f64) -> f64 {
        let rank = ((self.total as f64 * q).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return upper_end(bucket).min(self.max) as f64 / 1000.0;
            }
        }
        0.0
    }

    /// The buckets that hold something: their upper ends in milliseconds and their counts.
    pub fn filled(&self) -> impl Iterator<Item = (f64, u32)> + '_ {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (upper_end(bucket) as f64 / 1000.0, *count))
    }
}

/// The first 2 × 32 values have a bucket each; above, 32 share a power of two.
fn bucket_of(micros: u64) -> usize {
    let power = (63 - (micros | FINE).leading_zeros()) - FINE_BITS;
    (u64::from(power) * FINE + (micros >> power)) as usize
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let power = (bucket / FINE).saturating_sub(1);
    ((bucket - power * FINE + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(micros: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for value in micros {
            histogram.record(Duration::from_micros(*value));
        }
        histogram
    }

    #[test]
    fn buckets_follow_each_other() {
        let mut last = None;
        for micros in 0..100_000 {
            let bucket = bucket_of(micros);
            if last != Some(bucket) {
                assert_eq!(bucket, last.map_or(0, |last| last + 1), "at {micros}");
                last = Some(bucket);
            }
            assert!(upper_end(bucket) >= micros, "at {micros}");
        }
    }

    #[test]
    fn small_values_are_exact() {
        let histogram = of(&(1..=60).collect::<Vec<_>>());
        assert_eq!(histogram.quantile_ms(0.5), 0.030);
        assert_eq!(histogram.quantile_ms(1.0), 0.060);
        assert_eq!(histogram.count(), 60);
    }

    #[test]
    fn nothing_recorded() {
        let histogram = Histogram::default();
        assert_eq!((histogram.quantile_ms(0.99), histogram.max_ms(), histogram.count()), (0.0, 0.0, 0));
    }

    #[test]
    fn enormous_latency_is_kept() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_secs(1 << 40));
        assert_eq!(histogram.quantile_ms(0.5), LARGEST as f64 / 1000.0);
    }

    #[test]
    fn added_up() {
        let mut sum = of(&[10, 20]);
        sum.add(&of(&[30, 40_000]));
        assert_eq!((sum.count(), sum.max_ms()), (4, 40.0));
        assert_eq!(sum.filled().map(|(_, count)| count).sum::<u32>(), 4);
    }

    proptest! {
        /// Against sorting: never below the true quantile, never more than 3.2 % above it.
        #[test]
        fn quantiles_are_near(mut values in proptest::collection::vec(0_u64..10_000_000, 1..300), q in 0.01_f64..1.0) {
            let measured = of(&values).quantile_ms(q) * 1000.0;
            values.sort_unstable();
            let rank = ((values.len() as f64 * q).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1] as f64;
            prop_assert!(measured >= exact - 0.5 && measured <= exact * 1.032 + 1.5, "{measured} for {exact}");
        }
    }
}
