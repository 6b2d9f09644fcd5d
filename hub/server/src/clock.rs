//! Time as a parameter, so that tests can set it.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Where the hub takes the time from.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one owner of the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The school's day at a time: a lesson at 08:00 in Seoul belongs to that day though it is still yesterday in UTC.
pub fn day_of(at: Timestamp, zone: &TimeZone) -> Date {
    at.to_zoned(zone.clone()).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day_in_the_schools_zone() {
        let seoul = TimeZone::get("Asia/Seoul").expect("zone");
        let at: Timestamp = "2026-11-22T23:30:00Z".parse().expect("time");
        assert_eq!(day_of(at, &seoul).to_string(), "2026-11-23");
        assert_eq!(day_of(at, &TimeZone::UTC).to_string(), "2026-11-22");
    }
}
