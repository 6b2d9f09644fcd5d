//! Which snapshots go, and when none may.
//!
//! The clock of a school's PC can stand at 1970 after its battery has died, or at 2099 by a slip. So nothing is removed
//! unless the clock is near the last time that was known to be right, and a number of snapshots stays whatever it says.

use crate::SnapshotInfo;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The tag of small snapshots that hold ledgers only; they are counted apart.
pub const LEDGER_TAG: &str = "ledger";

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// Nothing older than so many days, for what was erased shall end in the backups too. Of the last two days every
    /// snapshot is kept, of the others the newest of each (UTC).
    pub days: u32,
    /// Never fewer than this, whatever their age.
    pub at_least: u32,
    /// So many snapshots that carry [`LEDGER_TAG`], the newest.
    pub ledgers: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { days: 30, at_least: 7, ledgers: 10 }
    }
}

/// What the hub knows about its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockTrust {
    pub now: Timestamp,
    /// The last time at which the clock was known to be right.
    pub last_good: Timestamp,
}

/// What a tidy run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tidied {
    /// Snapshots removed.
    pub forgotten: u32,
    /// Files of data removed by this run. What a snapshot alone needed goes a day after it at the earliest.
    pub pruned: u32,
    /// Nothing was removed, and why.
    pub skipped: Option<Skipped>,
}

/// Why nothing was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// More than 48 hours lie between the clock and the last time that was right.
    ClockJumped,
    /// A snapshot lies in the clock's future. Those more than 48 hours ahead got their place in time again, in their
    /// order, so that the next run goes on; the others wait until the clock has passed them.
    SnapshotFromFuture,
}

/// The ids of the snapshots that may go.
pub fn choose(snapshots: &[SnapshotInfo], keep: &Keep, clock: ClockTrust) -> Result<Vec<String>, Skipped> {
    if !is_trusted(clock) {
        return Err(Skipped::ClockJumped);
    }
    if snapshots
        .iter()
        .any(|snapshot| snapshot.time > clock.now.saturating_add(SLACK).unwrap_or(Timestamp::MAX))
    {
        return Err(Skipped::SnapshotFromFuture);
    }
    let (mut ledgers, mut states): (Vec<_>, Vec<_>) =
        snapshots.iter().partition(|snapshot| snapshot.tags.iter().any(|tag| tag == LEDGER_TAG));
    newest_first(&mut ledgers);
    newest_first(&mut states);
    let kept_days = i64::from(keep.days);
    let mut days = BTreeSet::new();
    let old_states = states.iter().enumerate().filter(|(place, snapshot)| {
        let age = clock.now.duration_since(snapshot.time);
        let first_of_its_day = days.insert(TimeZone::UTC.to_datetime(snapshot.time).date());
        let young =
            age <= ALL_KEPT_FOR || (first_of_its_day && age <= SignedDuration::from_hours(24 * kept_days));
        *place >= keep.at_least as usize && !young
    });
    let old_ledgers = ledgers.iter().skip(keep.ledgers as usize);
    Ok(old_states
        .map(|(_, snapshot)| snapshot)
        .chain(old_ledgers)
        .map(|snapshot| snapshot.id.clone())
        .collect())
}

/// Whether the clock may be believed.
pub fn is_trusted(clock: ClockTrust) -> bool {
    clock.now.duration_since(clock.last_good).abs() <= PLAUSIBLE
}

/// New times for snapshots far in the future, in their order after the newest plausible one. Empty when there are none,
/// or when it is the clock that is wrong.
pub fn put_back_in_time(snapshots: &[SnapshotInfo], clock: ClockTrust) -> Vec<(String, Timestamp)> {
    let Ok(horizon) = clock.now.checked_add(PLAUSIBLE) else {
        return Vec::new();
    };
    if !is_trusted(clock) {
        return Vec::new();
    }
    let mut last = snapshots.iter().map(|snapshot| snapshot.time).filter(|time| *time <= horizon).max();
    let mut astray: Vec<_> = snapshots.iter().filter(|snapshot| snapshot.time > horizon).collect();
    astray.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    // They were taken before now, and after the newest plausible one: a second apart, close to it.
    let place = |snapshot: &&SnapshotInfo| {
        let time = last.map_or(clock.last_good, next_after);
        last = Some(time);
        (snapshot.id.clone(), time)
    };
    astray.iter().map(place).collect()
}

/// The time of a new snapshot: the clock's, but never before what is there.
pub fn time_of_new(clock: Timestamp, newest: Option<Timestamp>) -> Timestamp {
    newest.map_or(clock, |newest| clock.max(next_after(newest)))
}

fn next_after(time: Timestamp) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(1)).unwrap_or(time)
}

fn newest_first(snapshots: &mut [&SnapshotInfo]) {
    snapshots.sort_by(|a, b| (b.time, &b.id).cmp(&(a.time, &a.id)));
}

const PLAUSIBLE: SignedDuration = SignedDuration::from_hours(48);
const ALL_KEPT_FOR: SignedDuration = SignedDuration::from_hours(48);
/// Snapshots of one second follow each other by a second each, and so run ahead of the clock a little.
const SLACK: SignedDuration = SignedDuration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: &str = "2026-09-30T18:15:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn clock(now: &str) -> ClockTrust {
        ClockTrust { now: at(now), last_good: at(now) }
    }

    fn snapshot(time: Timestamp, tags: &[&str]) -> SnapshotInfo {
        SnapshotInfo {
            id: time.to_string(),
            time,
            host: "hub".into(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            files: 1,
            bytes: 1,
            bytes_sent: 1,
        }
    }

    /// One each `hours` back from now.
    fn every(hours: i64, count: i64) -> Vec<SnapshotInfo> {
        (0..count).map(|n| snapshot(at(NOW) - SignedDuration::from_hours(hours * n), &[])).collect()
    }

    #[test]
    fn thirty_days_stay_one_each_and_all_of_the_last_two() {
        let nightly = every(24, 60);
        assert_eq!(choose(&nightly, &Keep::default(), clock(NOW)).expect("tidied").len(), 60 - 31);
        let hourly = every(1, 24 * 40);
        let gone = choose(&hourly, &Keep::default(), clock(NOW)).expect("tidied").len();
        // 49 within 48 hours, and the newest of each of the 28 or 29 days before.
        assert!((49 + 28..=49 + 30).contains(&(hourly.len() - gone)), "{}", hourly.len() - gone);
    }

    #[test]
    fn seven_stay_however_old() {
        let old: Vec<_> = every(24, 40).into_iter().skip(35).collect();
        assert_eq!(choose(&old, &Keep::default(), clock(NOW)), Ok(vec![]));
        let older: Vec<_> = every(24, 60).into_iter().skip(35).collect();
        assert_eq!(choose(&older, &Keep::default(), clock(NOW)).expect("tidied").len(), older.len() - 7);
    }

    #[test]
    fn ledgers_are_counted_apart() {
        let mut all = every(24, 10);
        all.extend((0..25).map(|n| snapshot(at(NOW) - SignedDuration::from_mins(n), &["x", LEDGER_TAG])));
        assert_eq!(choose(&all, &Keep::default(), clock(NOW)).expect("tidied").len(), 15);
    }

    #[test]
    fn a_clock_at_1970_or_2099_removes_nothing() {
        let snapshots = every(24, 60);
        for now in ["1970-01-01T00:00:10Z", "2099-01-01T00:00:00Z"] {
            let clock = ClockTrust { now: at(now), last_good: at(NOW) };
            assert_eq!(choose(&snapshots, &Keep::default(), clock), Err(Skipped::ClockJumped), "{now}");
            assert_eq!(put_back_in_time(&snapshots, clock), vec![]);
        }
    }

    #[test]
    fn a_snapshot_from_2099_removes_nothing_and_finds_its_place_again() {
        let mut snapshots = every(24, 60);
        snapshots.push(snapshot(at("2099-01-01T00:00:00Z"), &[]));
        snapshots.push(snapshot(at("2099-01-01T00:00:01Z"), &[]));
        assert_eq!(choose(&snapshots, &Keep::default(), clock(NOW)), Err(Skipped::SnapshotFromFuture));
        let moved = put_back_in_time(&snapshots, clock(NOW));
        let times: Vec<_> = moved.iter().map(|(_, time)| *time).collect();
        assert_eq!(times, [at("2026-09-30T18:15:01Z"), at("2026-09-30T18:15:02Z")]);
        assert_eq!(moved[0].0, "2099-01-01T00:00:00Z");
    }

    #[test]
    fn a_new_snapshot_is_never_older_than_the_newest() {
        let newest = at(NOW);
        assert_eq!(time_of_new(at("1970-01-01T00:00:10Z"), Some(newest)), at("2026-09-30T18:15:01Z"));
        assert_eq!(time_of_new(at("2026-10-01T18:15:00Z"), Some(newest)), at("2026-10-01T18:15:00Z"));
        assert_eq!(time_of_new(newest, None), newest);
    }

    proptest! {
        #[test]
        fn whatever_the_times_enough_stay_and_the_newest_is_among_them(
            // A snapshot's id here is its time: no two are of one.
            offsets in prop::collection::btree_set(-60i64 * 24 * 400..60, 0..80),
            at_least in 1u32..12,
            days in 0u32..40,
        ) {
            let snapshots: Vec<_> = offsets
                .iter()
                .map(|minutes| snapshot(at(NOW) + SignedDuration::from_mins(*minutes), &[]))
                .collect();
            let keep = Keep { days, at_least, ledgers: 3 };
            if let Ok(gone) = choose(&snapshots, &keep, clock(NOW)) {
                let stay = snapshots.iter().filter(|snapshot| !gone.contains(&snapshot.id)).count();
                prop_assert!(stay >= snapshots.len().min(at_least as usize));
                let newest = snapshots.iter().max_by_key(|snapshot| snapshot.time);
                prop_assert!(newest.is_none_or(|newest| !gone.contains(&newest.id)));
            }
        }
    }
}
