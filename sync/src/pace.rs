//! A limit of bytes per second, shared by all threads of a run.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Hands out the time at which the next bytes may go. Bursts are at most a quarter of a second's worth.
#[derive(Debug)]
pub struct Pace {
    bytes_per_s: Option<u64>,
    free_at: Mutex<Option<Instant>>,
}

impl Pace {
    pub fn new(bytes_per_s: Option<u64>) -> Self {
        Self { bytes_per_s: bytes_per_s.filter(|rate| *rate > 0), free_at: Mutex::new(None) }
    }

    /// How long to wait at `now` before `bytes` may go.
    pub fn wait_for(&self, bytes: u64, now: Instant) -> Duration {
        let Some(rate) = self.bytes_per_s else {
            return Duration::ZERO;
        };
        let mut free_at = self.free_at.lock();
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let start = free_at.map_or(now, |free| free.max(earliest));
        *free_at = Some(start + Duration::from_secs_f64(bytes as f64 / rate as f64));
        start.saturating_duration_since(now)
    }

    /// The slowest that a healthy line with this limit can be, in bytes per second.
    pub fn slowest(&self) -> u64 {
        // Four threads may share the limit.
        self.bytes_per_s.map_or(SLOWEST_LINE, |rate| (rate / 4).clamp(1, SLOWEST_LINE))
    }
}

const BURST: Duration = Duration::from_millis(250);
/// Below 16 KiB/s a request counts as hanging.
const SLOWEST_LINE: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_at_the_rate_and_no_faster() {
        let pace = Pace::new(Some(1_000));
        let start = Instant::now();
        assert_eq!(pace.wait_for(500, start), Duration::ZERO);
        assert_eq!(pace.wait_for(500, start), Duration::from_millis(500));
        assert_eq!(pace.wait_for(1, start), Duration::from_secs(1));
    }

    #[test]
    fn silence_is_not_saved_up() {
        let pace = Pace::new(Some(1_000));
        let start = Instant::now();
        assert_eq!(pace.wait_for(100, start), Duration::ZERO);
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.wait_for(250, later), Duration::ZERO);
        assert_eq!(pace.wait_for(1_000, later), Duration::ZERO);
        assert_eq!(pace.wait_for(1, later), Duration::from_secs(1));
    }

    #[test]
    fn no_limit_never_waits() {
        let pace = Pace::new(None);
        assert_eq!(pace.wait_for(u64::MAX, Instant::now()), Duration::ZERO);
    }
}
