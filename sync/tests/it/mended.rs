//! Bits that fell on the target's disk: the next run sends again what was lost, and what is sound stays.

use crate::support::{Bench, files_below, new, noise, read_tree, restic};
use dreamseed_sync::{ClockTrust, Keep, ReadData, Repository, SnapshotInfo, SyncError};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Flips a bit so many thousandths of the way through a file.
fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).expect("a file");
    let place = (bytes.len() * at / 1_000).min(bytes.len() - 1);
    bytes[place] ^= 0x10;
    fs::write(file, bytes).expect("written");
}

/// Files below a folder of the place that were not there before.
fn new_files(bench: &Bench, folder: &str, before: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = files_below(&bench.place().join(folder));
    found.retain(|path| !before.contains(path));
    found
}

fn restores(bench: &Bench, repository: &Repository, snapshot: &SnapshotInfo) -> bool {
    let into = bench.path(&format!("of {}", &snapshot.id[..8]));
    let restored = repository.restore(&snapshot.id, &into, &|_| {});
    let _ = fs::remove_dir_all(into);
    restored.is_ok()
}

#[track_caller]
fn check_by_restic(bench: &Bench) {
    let place = bench.place().to_string_lossy().into_owned();
    let Some(checked) = restic(&place, &["check", "--read-data", "--no-lock"]) else { return };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// Breaks a file of the place, lets `find` find it, and backs up: then all is whole.
#[track_caller]
fn check_heals(pick: fn(&Bench) -> PathBuf, at: usize, find: fn(&Repository, &str) -> Result<(), SyncError>) {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let first = bench.back_up(&repository).expect("backed up");
    flip(&pick(&bench), at);
    let found = find(&repository, &first.id);
    assert!(matches!(found, Err(SyncError::Damaged { .. })), "{found:?}");
    let second = bench.back_up(&repository).expect("backed up");
    let whole = read_tree(&bench.source());
    bench.check_restores(&repository, &second.id, &whole);
    bench.check_restores(&repository, &first.id, &whole);
    repository.check(ReadData::All).expect("sound");
    check_by_restic(&bench);
    let notes =
        || files_below(&bench.cache()).into_iter().filter(|path| path.to_string_lossy().contains("damaged-"));
    assert_eq!(notes().count(), 0, "it was seen to");
    let third = bench.back_up(&repository).expect("backed up");
    assert!(third.bytes_sent < 100_000, "nothing is sent twice: {third:?}");
}

fn data_pack(bench: &Bench) -> PathBuf {
    files_below(&bench.place().join("data")).swap_remove(0)
}

/// The only pack with trees is the smallest.
fn tree_pack(bench: &Bench) -> PathBuf {
    files_below(&bench.place().join("data")).pop().expect("a pack")
}

#[test]
fn what_a_check_found_damaged_is_sent_again() {
    check_heals(data_pack, 333, |repository, _| repository.check(ReadData::All));
}

#[test]
fn what_a_restore_found_damaged_is_sent_again() {
    check_heals(data_pack, 333, |repository, id| {
        let bench = Bench::new();
        let restored = repository.restore(id, &bench.path("back"), &|_| {});
        assert!(matches!(restored, Err(SyncError::Damaged { .. })), "{restored:?}");
        repository.check_snapshot(id)
    });
}

#[test]
fn a_tree_and_a_list_of_parts_that_are_damaged_come_again() {
    check_heals(tree_pack, 100, Repository::check_snapshot);
    check_heals(data_pack, 1_000, |repository, _| repository.check(ReadData::All));
}

#[test]
fn a_pack_that_was_cut_off_keeps_its_sound_parts() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let first = bench.back_up(&repository).expect("backed up");
    let whole = read_tree(&bench.source());
    let pack = data_pack(&bench);
    let content = fs::read(&pack).expect("a pack");
    // Only the list of its parts is gone.
    fs::write(&pack, &content[..content.len() - 5]).expect("written");
    repository.check(ReadData::None).expect_err("its size");
    bench.put("hub.db", b"nothing of what was there");
    let second = bench.back_up(&repository).expect("backed up");
    bench.check_restores(&repository, &first.id, &whole);
    bench.check_restores(&repository, &second.id, &read_tree(&bench.source()));
    check_by_restic(&bench);
}

#[test]
fn a_damaged_index_is_made_anew() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let first = bench.back_up(&repository).expect("backed up");
    for index in files_below(&bench.place().join("index")) {
        flip(&index, 500);
    }
    let second = bench.back_up(&repository).expect("backed up");
    for snapshot in [&first, &second] {
        bench.check_restores(&repository, &snapshot.id, &read_tree(&bench.source()));
    }
    check_by_restic(&bench);
}

#[test]
fn a_damaged_file_of_a_snapshot_stands_in_no_other_ones_way() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let first = bench.back_up(&repository).expect("backed up");
    bench.put("hub.db", b"the second night");
    let second = bench.back_up(&repository).expect("backed up");
    flip(&bench.place().join("snapshots").join(&first.id), 500);
    let repository = bench.open(&bench.target());
    let ids = || {
        repository.snapshots().expect("a list").into_iter().map(|snapshot| snapshot.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(), [second.id.as_str()]);
    bench.check_restores(&repository, &second.id, &read_tree(&bench.source()));
    let third = bench.back_up(&repository).expect("backed up");
    assert_eq!(ids(), [second.id.as_str(), third.id.as_str()]);
    assert_eq!(files_below(&bench.place().join("snapshots")).len(), 2);
    let now = third.time;
    let tidied = repository.tidy(&Keep::default(), ClockTrust { now, last_good: now }).expect("tidied");
    assert_eq!(tidied.skipped, None);
    check_by_restic(&bench);
}

#[test]
fn snapshots_that_need_only_sound_parts_of_a_damaged_pack_stay_whole_and_tidying_goes_on() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    for entry in fs::read_dir(bench.source()).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
    }
    let (one, two) = (noise(11, 200_000), noise(12, 200_000));
    let back_up = |day: u32, files: &[(&str, &[u8])]| {
        for name in ["one", "two", "other"] {
            let _ = fs::remove_file(bench.source().join(name));
        }
        files.iter().for_each(|(name, content)| bench.put(name, content));
        let new = new(&format!("2026-08-{day:02}T18:15:00Z"));
        repository.back_up(&bench.source(), &new, &|_| {}).expect("backed up")
    };
    let both = back_up(1, &[("one", &one), ("two", &two)]);
    let pack = data_pack(&bench);
    let [first, second] = [back_up(2, &[("one", &one)]), back_up(3, &[("two", &two)])];
    // In the middle of the part that comes first in the pack.
    flip(&pack, 50);
    repository.check(ReadData::All).expect_err("damaged");
    let before = files_below(&bench.place().join("data"));
    let newest = back_up(4, &[("other", b"what nobody had before")]);
    assert!(!pack.exists(), "the damaged pack went");
    assert!(new_files(&bench, "data", &before).len() >= 2, "what was sound in it has a new one");
    assert!(restores(&bench, &repository, &newest));
    let whole = [&first, &second].map(|snapshot| restores(&bench, &repository, snapshot));
    assert_eq!(whole.iter().filter(|whole| **whole).count(), 1, "the part was of one of the two: {whole:?}");
    assert!(!restores(&bench, &repository, &both));
    assert_eq!(repository.snapshots().expect("a list").len(), 4, "all are listed");

    let at = |text: &str| text.parse().expect("a time");
    let clock = |now: &str| ClockTrust { now: at(now), last_good: at(now) };
    let keep = Keep { days: 30, at_least: 1, ledgers: 1 };
    let tidied = repository.tidy(&keep, clock("2026-09-01T00:00:00Z")).expect("not stopped by what lacks");
    assert_eq!((tidied.forgotten, tidied.pruned), (1, 0));
    // The one that lacks a part has grown old.
    let tidied = repository.tidy(&keep, clock("2026-09-20T00:00:00Z")).expect("tidied");
    assert_eq!(tidied.forgotten, 2);
    assert!(restores(&bench, &repository, &newest));
    repository.check(ReadData::All).expect("sound");
    check_by_restic(&bench);
}

#[test]
fn a_pack_that_reads_right_again_is_left_alone() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    bench.back_up(&repository).expect("backed up");
    let pack = data_pack(&bench);
    let whole = fs::read(&pack).expect("a pack");
    flip(&pack, 333);
    repository.check(ReadData::All).expect_err("damaged");
    fs::write(&pack, &whole).expect("written");
    let before = files_below(&bench.place().join("data"));
    bench.back_up(&repository).expect("backed up");
    assert!(pack.exists() && before.iter().all(|path| path.exists()));
}
