//! The device's clocks: one that people set, and one that nobody sets.

use dreamseed_wire::delivery::ClockReading;
use jiff::Timestamp;
use uuid::Uuid;

/// Where the outbox takes the time from.
pub trait Clock: Send + Sync + 'static {
    /// Both clocks now.
    fn reading(&self) -> ClockReading;
}

/// The machine's clocks.
///
/// The monotonic one must go on while the machine sleeps: else an answer given before the lid was closed would seem to
/// have been given just before it was opened again, and after the end of the lesson.
pub struct MachineClock {
    boot_id: Uuid,
    #[cfg(not(unix))]
    started: std::time::Instant,
}

impl MachineClock {
    /// The clocks of this machine, since its start as far as the system tells which start that is.
    pub fn new() -> Self {
        // Linux names each start; elsewhere each start of the program counts as one, which only tells less.
        let told = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Self {
            boot_id: told.and_then(|text| text.trim().parse().ok()).unwrap_or_else(Uuid::now_v7),
            // It counts sleep on Windows.
            #[cfg(not(unix))]
            started: std::time::Instant::now(),
        }
    }

    #[cfg(unix)]
    fn monotonic_ms(&self) -> u64 {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const COUNTS_SLEEP: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const COUNTS_SLEEP: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(COUNTS_SLEEP);
        let millis = i128::from(now.tv_sec) * 1_000 + i128::from(now.tv_nsec) / 1_000_000;
        u64::try_from(millis).unwrap_or(0)
    }

    #[cfg(not(unix))]
    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for MachineClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "the one owner of the device's clock")]
    fn reading(&self) -> ClockReading {
        ClockReading { wall: Timestamp::now(), monotonic_ms: self.monotonic_ms(), boot_id: self.boot_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_of_one_start_go_forward() {
        let (one, other) = (MachineClock::new().reading(), MachineClock::new().reading());
        assert!(one.monotonic_ms <= other.monotonic_ms);
        #[cfg(target_os = "linux")]
        assert_eq!(one.boot_id, other.boot_id);
    }
}
