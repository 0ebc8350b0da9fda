//! How long a stage takes, in memory that does not grow.

use std::time::Duration;

/// Each bucket is this much wider than the one before: quantiles are right to about 4 %.
const GROWTH: f64 = 1.08;
const FIRST_BUCKET: f64 = 1e-6;
const BUCKETS: usize = 320;

/// A histogram of durations from a microsecond to many hours, on a logarithmic scale.
#[derive(Clone, Debug)]
pub struct Timing {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    total: Duration,
    longest: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            buckets: Box::new([0; BUCKETS]),
            count: 0,
            total: Duration::ZERO,
            longest: Duration::ZERO,
        }
    }
}

impl Timing {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let position = (duration.as_secs_f64() / FIRST_BUCKET).max(1.0).log(GROWTH);
        self.buckets[(position as usize).min(BUCKETS - 1)] += 1;
        self.count += 1;
        self.total = self.total.saturating_add(duration);
        self.longest = self.longest.max(duration);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All durations together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The longest duration.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The duration that a part `q` (0..1) of all stays below; zero when nothing was counted.
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = (q.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket;
            if seen >= rank {
                let middle = FIRST_BUCKET * GROWTH.powf(index as f64 + 0.5);
                return Duration::from_secs_f64(middle).min(self.longest);
            }
        }
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_bucket() {
        let mut timing = Timing::default();
        for ms in 1..=1000 {
            timing.record(Duration::from_millis(ms));
        }
        for (q, wanted) in [(0.5, 0.5), (0.99, 0.99), (1.0, 1.0)] {
            let found = timing.quantile(q).as_secs_f64();
            assert!((found / wanted - 1.0).abs() < 0.08, "{q}: {found}");
        }
        assert_eq!(timing.longest(), Duration::from_secs(1));
        assert_eq!(timing.total(), Duration::from_millis(500_500));
    }

    #[test]
    fn nothing_counted_is_zero() {
        assert_eq!(Timing::default().quantile(0.5), Duration::ZERO);
    }
}
