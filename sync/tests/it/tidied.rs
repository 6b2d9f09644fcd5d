//! What a tidy run removes from a real repository, and what it leaves when the clock is wrong.

use crate::support::{Bench, files_below, new, noise, read_tree};
use dreamseed_sync::{ClockTrust, Keep, LEDGER_TAG, ReadData, Repository, Skipped, SnapshotInfo};
use jiff::{SignedDuration, Timestamp};

const NOW: &str = "2026-09-30T18:15:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn clock(now: &str, last_good: &str) -> ClockTrust {
    ClockTrust { now: at(now), last_good: at(last_good) }
}

/// A small night each day before now, the oldest first.
fn nights(bench: &Bench, repository: &Repository, count: i64) -> Vec<SnapshotInfo> {
    let night = |n: i64| {
        bench.put("hub.db", &noise(n.unsigned_abs(), 200_000));
        let time = at(NOW) - SignedDuration::from_hours(24 * n);
        repository.back_up(&bench.source(), &new(&time.to_string()), &|_| {}).expect("backed up")
    };
    (0..count).rev().map(night).collect()
}

#[test]
fn old_nights_go_and_their_data_a_day_later() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let nights = nights(&bench, &repository, 12);
    let keep = Keep { days: 3, at_least: 2, ledgers: 1 };
    let bytes = || -> u64 {
        files_below(&bench.place().join("data")).iter().map(|path| path.metadata().expect("seen").len()).sum()
    };
    let before = bytes();
    let tidied = repository.tidy(&keep, clock(NOW, NOW)).expect("tidied");
    assert_eq!((tidied.forgotten, tidied.pruned, tidied.skipped), (8, 0, None));
    let left = repository.snapshots().expect("a list");
    assert_eq!(
        left.iter().map(|snapshot| &snapshot.id).collect::<Vec<_>>(),
        nights[8..].iter().map(|n| &n.id).collect::<Vec<_>>()
    );
    // Marked, not removed: a second hub or a restore that goes on may still need it.
    assert!(bytes() >= before);
    repository.check(ReadData::All).expect("sound");
    bench.check_restores(&repository, &nights[11].id, &read_tree(&bench.source()));
    assert_eq!(repository.tidy(&keep, clock(NOW, NOW)).expect("tidied").forgotten, 0);
}

#[test]
fn ledgers_are_kept_by_number() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    for minute in 0..4 {
        let mut ledger = new(&format!("2026-09-30T10:0{minute}:00Z"));
        ledger.tags.push(LEDGER_TAG.to_owned());
        repository.back_up(&bench.source().join("ledgers"), &ledger, &|_| {}).expect("backed up");
    }
    let night = bench.back_up(&repository).expect("backed up");
    let keep = Keep { days: 30, at_least: 7, ledgers: 2 };
    assert_eq!(repository.tidy(&keep, clock(NOW, NOW)).expect("tidied").forgotten, 2);
    let left = repository.snapshots().expect("a list");
    assert_eq!(left.len(), 3);
    assert_eq!(left[2].id, night.id);
}

#[test]
fn a_night_at_1970_is_the_newest_all_the_same_and_nothing_goes() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    nights(&bench, &repository, 4);
    let lost = repository.back_up(&bench.source(), &new("1970-01-01T00:00:10Z"), &|_| {}).expect("backed up");
    assert_eq!(lost.time, at("2026-09-30T18:15:01Z"), "a second after the newest");
    assert_eq!(repository.snapshots().expect("a list").last().expect("five").id, lost.id);
    let keep = Keep { days: 1, at_least: 1, ledgers: 1 };
    for now in ["1970-01-01T00:01:00Z", "2099-01-01T00:00:00Z"] {
        let tidied = repository.tidy(&keep, clock(now, NOW)).expect("tidied");
        assert_eq!(tidied.skipped, Some(Skipped::ClockJumped));
        assert_eq!(repository.snapshots().expect("a list").len(), 5);
    }
}

#[test]
fn a_night_at_2099_finds_its_place_again_and_nothing_is_lost() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    nights(&bench, &repository, 4);
    bench.put("hub.db", b"written while the clock stood at 2099");
    let far = repository.back_up(&bench.source(), &new("2099-01-01T00:00:00Z"), &|_| {}).expect("backed up");
    assert_eq!(far.time, at("2099-01-01T00:00:00Z"));
    let keep = Keep { days: 30, at_least: 1, ledgers: 1 };
    let tidied = repository.tidy(&keep, clock(NOW, NOW)).expect("tidied");
    assert_eq!((tidied.forgotten, tidied.skipped), (0, Some(Skipped::SnapshotFromFuture)));
    let list = repository.snapshots().expect("a list");
    assert_eq!(list.len(), 5);
    assert_eq!(list[4].time, at("2026-09-30T18:15:01Z"));
    bench.check_restores(&repository, &list[4].id, &read_tree(&bench.source()));
    let later = "2026-10-01T18:15:00Z";
    assert_eq!(repository.tidy(&keep, clock(later, later)).expect("tidied").skipped, None);
}
