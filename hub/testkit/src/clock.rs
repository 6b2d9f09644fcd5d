//! A clock that stands still until a test moves it.

use std::{
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::Duration,
};

use dreamseed_hub::clock::Clock;
use jiff::Timestamp;

/// Begins at 09:00 of Monday, 23 November 2026, in Seoul.
pub struct MockClock {
    millis: AtomicI64,
}

impl Default for MockClock {
    fn default() -> Self {
        let clock = MockClock { millis: AtomicI64::new(0) };
        clock.set("2026-11-23T00:00:00Z");
        clock
    }
}

impl MockClock {
    /// Sets the time, given as RFC 3339.
    pub fn set(&self, time: &str) {
        let time: Timestamp = time.parse().expect("a time as RFC 3339");
        self.millis.store(time.as_millisecond(), SeqCst);
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.millis.fetch_add(i64::try_from(by.as_millis()).expect("a short time"), SeqCst);
    }

    /// Sets the clock back.
    pub fn set_back(&self, by: Duration) {
        self.millis.fetch_sub(i64::try_from(by.as_millis()).expect("a short time"), SeqCst);
    }
}

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.millis.load(SeqCst)).expect("a time in range")
    }
}

/// So many minutes.
pub fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}
