//! A folder as the place: what comes back, what is new, what is gone.

use crate::support::{Bench, Disk, PASSWORD, files_below, folder_target, new, noise, quick, read_tree};
use dreamseed_sync::{Password, ReadData, Repository, SyncError, try_target};
use std::{cell::RefCell, fs};

#[test]
fn what_is_backed_up_comes_back_exactly() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    assert_eq!(repository.snapshots().expect("a list"), vec![]);
    let before = read_tree(&bench.source());
    let first = bench.back_up(&repository).expect("backed up");
    assert!(first.bytes_sent > 3_000_000, "{first:?}");

    let mut database = noise(1, 3_000_000);
    database.splice(1_500_000..1_500_000, *b"a row more");
    bench.put("hub.db", &database);
    fs::remove_file(bench.source().join("ledgers/erasures.jsonl")).expect("removed");
    let after = read_tree(&bench.source());
    let second = bench.back_up(&repository).expect("backed up again");
    assert!(second.bytes_sent < 400_000, "only what is new was sent: {second:?}");

    let listed = repository.snapshots().expect("a list");
    assert_eq!(listed.iter().map(|snapshot| &snapshot.id).collect::<Vec<_>>(), [&first.id, &second.id]);
    assert_eq!(listed[0].host, new("2026-01-01T00:00:00Z").host);
    assert_eq!(listed[0].tags, ["epoch/1", "instance/0198c0de"]);
    assert_eq!((listed[0].files, listed[0].bytes), (first.files, first.bytes));
    bench.check_restores(&repository, &first.id, &before);
    bench.check_restores(&repository, &second.id, &after);
    repository.check(ReadData::All).expect("sound");
    repository.check(ReadData::Subset(20.0)).expect("sound");
}

#[test]
fn a_run_tells_how_far_it_is() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let told = RefCell::new(Vec::new());
    let done = repository
        .back_up(&bench.source(), &new("2026-09-30T18:15:00Z"), &|step| told.borrow_mut().push(step));
    let last = told.borrow().last().copied().expect("told at the end at least");
    assert_eq!(
        (last.done, last.total),
        (done.as_ref().expect("backed up").bytes, Some(done.expect("it").bytes))
    );
    assert!(last.moved > 3_000_000);
}

#[test]
fn the_kept_key_opens_what_its_password_opens_and_nothing_else() {
    let bench = Bench::new();
    let id = bench.open(&bench.target()).id();
    let open = |password: &str| {
        let password = Password::new(password);
        Repository::open(&bench.target(), &quick(), &password, &bench.cache(), Some(&id)).map(drop)
    };
    let kept =
        || files_below(&bench.cache()).into_iter().find(|path| path.to_string_lossy().contains("opened-"));
    fs::remove_file(bench.cache().join(kept().expect("kept since it was made"))).expect("removed");
    open(PASSWORD).expect("by the password");
    let file = kept().expect("the key was kept");
    let text = fs::read_to_string(bench.cache().join(&file)).expect("readable");
    assert!(!text.contains(PASSWORD), "the password itself is not in it");
    open(PASSWORD).expect("by the kept key");
    assert!(matches!(open("zoo zoo zoo"), Err(SyncError::WrongPassword { .. })));
    // A place whose own key files are gone or damaged is one that the recovery sheet would not open.
    let key_files = bench.place().join("keys");
    for found in fs::read_dir(&key_files).expect("keys") {
        fs::write(found.expect("a file").path(), b"{}").expect("overwritten");
    }
    open(PASSWORD).expect_err("no key file that the password opens");
}

#[test]
fn only_an_empty_place_becomes_a_repository() {
    let bench = Bench::new();
    for name in ["lost+found", ".Trash-1000"] {
        fs::create_dir(bench.place().join(name)).expect("a folder");
    }
    bench.open(&bench.target());

    let others = bench.path("others");
    fs::create_dir(&others).expect("a folder");
    fs::write(others.join("thesis.hwp"), b"years of work").expect("a file");
    let refused = bench.open_or_init(&folder_target(&others));
    assert!(matches!(refused, Err(SyncError::NotEmptyNotOurs { .. })), "{refused:?}");
    assert_eq!(read_tree(&others).len(), 1, "nothing was written");

    let missing = bench.open_or_init(&folder_target(&bench.path("missing")));
    assert!(matches!(missing, Err(SyncError::Gone { .. })), "{missing:?}");
    assert!(!bench.path("missing").exists(), "no mount point is made up");
}

#[test]
fn a_making_that_was_cut_off_is_begun_anew() {
    let bench = Bench::new();
    bench.open(&bench.target());
    // Keys are written first, the config last.
    fs::remove_file(bench.place().join("config")).expect("removed");
    let repository = bench.open(&bench.target());
    let snapshot = bench.back_up(&repository).expect("backed up");
    bench.check_restores(&bench.open(&bench.target()), &snapshot.id, &read_tree(&bench.source()));
    assert_eq!(fs::read_dir(bench.place().join("keys")).expect("a folder").count(), 1);
}

#[test]
fn a_disk_that_is_not_mounted_is_gone_and_never_new() {
    let bench = Bench::new();
    let id = bench.open(&bench.target()).id();
    let open = |place: &str, expected: &str| {
        let target = folder_target(&bench.path(place));
        let password = Password::new(PASSWORD);
        Repository::open_or_init(&target, &quick(), &password, &bench.cache(), Some(expected))
            .map(|found| found.id())
    };
    assert_eq!(open("place", &id).expect("there"), id);
    fs::create_dir(bench.path("mount point")).expect("a folder");
    assert!(matches!(open("mount point", &id), Err(SyncError::Gone { .. })));
    assert_eq!(read_tree(&bench.path("mount point")).len(), 0, "nothing was written below the mount");
    let swapped = open("place", "another");
    assert!(matches!(&swapped, Err(SyncError::Swapped { found, .. }) if *found == id), "{swapped:?}");
}

#[test]
fn a_repository_without_its_config_is_damaged_and_never_made_anew() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    bench.back_up(&repository).expect("backed up");
    fs::remove_file(bench.place().join("config")).expect("removed");
    let before = read_tree(&bench.place());
    let headless = bench.open_or_init(&bench.target());
    assert!(matches!(headless, Err(SyncError::Damaged { .. })), "{headless:?}");
    assert!(read_tree(&bench.place()) == before, "nothing was touched");
}

#[test]
fn a_wrong_password_is_told_from_damage_and_from_no_backups() {
    let bench = Bench::new();
    let open = |password: &str| {
        Repository::open(&bench.target(), &quick(), &Password::new(password), &bench.cache(), None)
            .map(|_| ())
    };
    assert!(matches!(open(PASSWORD), Err(SyncError::NoBackups { .. })));
    bench.open(&bench.target());
    open(PASSWORD).expect("the right one");
    assert!(matches!(open("zoo zoo zoo"), Err(SyncError::WrongPassword { .. })));
    let config = bench.place().join("config");
    let mut bytes = fs::read(&config).expect("a config");
    bytes[40] ^= 1;
    fs::write(&config, bytes).expect("written");
    assert!(matches!(open(PASSWORD), Err(SyncError::Damaged { .. })), "{:?}", open(PASSWORD));
}

#[test]
fn one_flipped_byte_is_found_by_a_check_and_by_a_restore() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let snapshot = bench.back_up(&repository).expect("backed up");
    let pack = files_below(&bench.place().join("data")).swap_remove(0);
    let whole = fs::read(&pack).expect("a pack");
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 0x10;
    fs::write(&pack, &flipped).expect("written");
    repository.check(ReadData::None).expect("the structure is sound");
    let found = repository.check(ReadData::All);
    assert!(matches!(&found, Err(SyncError::Damaged { detail, .. }) if detail.contains("pack")), "{found:?}");
    let restored = repository.restore(&snapshot.id, &bench.path("back"), &|_| {});
    assert!(matches!(restored, Err(SyncError::Damaged { .. })), "{restored:?}");

    fs::write(&pack, &whole[..whole.len() - 1]).expect("written");
    assert!(matches!(repository.check(ReadData::None), Err(SyncError::Damaged { .. })), "a byte too short");
    fs::remove_file(&pack).expect("removed");
    assert!(matches!(repository.check(ReadData::None), Err(SyncError::Damaged { .. })), "a file missing");
    let restored = repository.restore(&snapshot.id, &bench.path("back again"), &|_| {});
    assert!(
        matches!(&restored, Err(SyncError::Damaged { detail, .. }) if detail.contains("missing")),
        "{restored:?}"
    );

    // The next run sends again what is missing, and all is well with the new snapshot.
    let healed = bench.back_up(&repository).expect("backed up");
    bench.check_restores(&repository, &healed.id, &read_tree(&bench.source()));
}

#[test]
fn a_restore_goes_into_an_empty_folder_only() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let snapshot = bench.back_up(&repository).expect("backed up");
    let restored = repository.restore(&snapshot.id, &bench.source(), &|_| {});
    assert!(matches!(restored, Err(SyncError::RestoreNotEmpty { .. })), "{restored:?}");
    let unknown = "0".repeat(64);
    let restored = repository.restore(&unknown, &bench.path("back"), &|_| {});
    assert!(matches!(restored, Err(SyncError::NoSnapshot { .. })), "{restored:?}");
}

#[test]
fn a_second_run_to_the_same_place_is_refused_while_the_first_goes_on() {
    let bench = Bench::new();
    let first = bench.open(&bench.target());
    let second = bench.open(&bench.target());
    let met = RefCell::new(None);
    let step = |_| {
        met.borrow_mut().get_or_insert_with(|| bench.back_up(&second).map(|_| ()));
    };
    first.back_up(&bench.source(), &new("2026-09-30T18:15:00Z"), &step).expect("the first goes on");
    assert!(matches!(met.take(), Some(Err(SyncError::TwoRuns { .. }))));
    bench.back_up(&second).expect("after it there is room");
}

#[test]
fn drafts_of_killed_runs_are_swept_and_those_of_others_are_not() {
    let bench = Bench::new();
    let repository = bench.open(&bench.target());
    let writer = fs::read_to_string(bench.cache().join("writer")).expect("a name");
    let tmp = bench.place().join("tmp");
    fs::write(tmp.join(format!("{writer}-7")), b"half").expect("a draft");
    fs::write(tmp.join("0123456789abcdef-7"), b"half").expect("another hub's");
    bench.back_up(&repository).expect("backed up");
    let left: Vec<_> = files_below(&tmp);
    assert_eq!(left, [tmp.join("0123456789abcdef-7")]);
}

#[test]
fn a_place_is_tried_without_leaving_a_trace() {
    let bench = Bench::new();
    try_target(&bench.target(), &quick()).expect("usable");
    assert_eq!(read_tree(&bench.place()).len(), 0);
    let missing = try_target(&folder_target(&bench.path("missing")), &quick());
    assert!(matches!(missing, Err(SyncError::Gone { .. })), "{missing:?}");
}

#[test]
fn a_full_disk_and_a_write_protected_one_are_named_and_keep_what_they_have() {
    let bench = Bench::new();
    let Some(disk) = Disk::mount(&bench.path("disk"), "6m") else {
        return;
    };
    let target = folder_target(&bench.path("disk"));
    let repository = bench.open(&target);
    let before = read_tree(&bench.source());
    let first = bench.back_up(&repository).expect("backed up");
    bench.put("more.db", &noise(9, 8_000_000));
    let full = bench.back_up(&repository);
    assert!(matches!(full, Err(SyncError::Full { .. })), "{full:?}");
    bench.check_restores(&repository, &first.id, &before);

    disk.remount("ro");
    for denied in [bench.back_up(&repository).map(|_| ()), try_target(&target, &quick())] {
        assert!(matches!(denied, Err(SyncError::ReadOnly { .. })), "{denied:?}");
    }
    bench.check_restores(&repository, &first.id, &before);

    disk.remount("rw,size=40m");
    bench.back_up(&repository).expect("room again");
    repository.check(ReadData::All).expect("sound");
}

#[test]
fn a_disk_pulled_out_during_a_run_is_gone_and_nothing_lands_below_it() {
    let bench = Bench::new();
    let Some(disk) = Disk::mount(&bench.path("disk"), "40m") else {
        return;
    };
    let repository = bench.open(&folder_target(&bench.path("disk")));
    disk.unmount();
    let gone = bench.back_up(&repository);
    assert!(matches!(gone, Err(SyncError::Gone { .. })), "{gone:?}");
    assert_eq!(read_tree(&bench.path("disk")).len(), 0);
}

#[test]
fn a_restore_to_a_disk_that_is_too_small_is_refused_before_it_begins() {
    let bench = Bench::new();
    let Some(_disk) = Disk::mount(&bench.path("disk"), "1m") else {
        return;
    };
    let repository = bench.open(&bench.target());
    let snapshot = bench.back_up(&repository).expect("backed up");
    let full = repository.restore(&snapshot.id, &bench.path("disk"), &|_| {});
    assert!(matches!(full, Err(SyncError::Full { .. })), "{full:?}");
    assert_eq!(read_tree(&bench.path("disk")).len(), 0);
}
