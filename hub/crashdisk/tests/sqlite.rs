//! SQLite alone on the disk: hundreds of cuts at its own pace, of which the drill with a whole hub makes fewer.

use std::{path::Path, time::Duration};

use dreamseed_crashdisk::{
    disk::{Disk, Files},
    install,
    random::Random,
};
use rusqlite::Connection;

/// Commits between two checkpoints.
const CHECKPOINT_EVERY: i64 = 10;

/// What a run of writes came to.
struct Run {
    /// Numbers whose commit returned.
    committed: Vec<i64>,
    /// Whether one of them was begun after a sync had failed.
    went_on: bool,
    /// Calls that changed something on the disk.
    calls: u64,
    left: Files,
}

fn open(folder: &Path, synchronous: &str) -> rusqlite::Result<Connection> {
    let conn = Connection::open(folder.join("a.db"))?;
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0;
         CREATE TABLE IF NOT EXISTS numbers (number INTEGER PRIMARY KEY, filler BLOB NOT NULL);",
    ))?;
    Ok(conn)
}

/// Writes numbers on a disk with these files, until something fails.
fn write(files: &Files, seed: u64, synchronous: &str, prepare: impl FnOnce(&Disk, &mut Random)) -> Run {
    install().expect("the disk can be installed");
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::lay_out(folder.path(), files, Duration::ZERO, seed).expect("a disk");
    let mut random = Random::new(!seed);
    prepare(&disk, &mut random);
    let mut run = Run { committed: Vec::new(), went_on: false, calls: 0, left: Files::new() };
    if let Ok(conn) = open(folder.path(), synchronous) {
        // As the hub's writer: the first error of whatever kind is the last thing that it does.
        let _ = write_numbers(&conn, &disk, &mut random, &mut run);
        run.calls = disk.calls();
        disk.cut();
    }
    run.left = disk.survivors();
    run
}

fn write_numbers(conn: &Connection, disk: &Disk, random: &mut Random, run: &mut Run) -> rusqlite::Result<()> {
    let last: i64 = conn.query_row("SELECT coalesce(max(number), 0) FROM numbers", [], |row| row.get(0))?;
    for number in last + 1..last + 200 {
        let failed_before = disk.has_failed();
        let size = i64::try_from(random.below(6000)).expect("small");
        conn.execute("INSERT INTO numbers VALUES (?1, randomblob(?2))", [number, size])?;
        run.went_on |= failed_before;
        run.committed.push(number);
        if number % CHECKPOINT_EVERY == 0 {
            conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        }
    }
    Ok(())
}

/// The numbers that are there, in a database that must be whole.
fn read(files: &Files, seed: u64) -> Vec<i64> {
    let folder = tempfile::tempdir().expect("a folder");
    let _disk = Disk::lay_out(folder.path(), files, Duration::ZERO, seed).expect("a disk");
    let conn = open(folder.path(), "FULL").expect("it opens");
    let said: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it is checked");
    assert_eq!(said, "ok", "seed {seed}");
    let mut all = conn.prepare("SELECT number FROM numbers ORDER BY number").expect("a query");
    all.query_map([], |row| row.get(0)).expect("numbers").collect::<Result<_, _>>().expect("numbers")
}

fn lost(run: &Run, seed: u64) -> usize {
    let found = read(&run.left, seed);
    run.committed.iter().filter(|number| found.binary_search(number).is_err()).count()
}

#[test]
fn what_was_committed_is_there_after_every_cut() {
    let mut files = Files::new();
    let mut committed = 0;
    for seed in 0..400 {
        // From the making of the file on, each time on what the last cut has left.
        if seed % 20 == 0 {
            files = Files::new();
        }
        let run =
            write(&files, seed, "FULL", |disk, random| disk.cut_after(Some(1 + random.below(400) as u64)));
        assert_eq!(lost(&run, seed), 0, "seed {seed}");
        committed += run.committed.len();
        files = run.left;
    }
    assert!(committed > 5_000, "only {committed} commits");
}

#[test]
fn without_the_sync_of_each_commit_commits_are_lost_and_the_file_is_whole() {
    let mut all_lost = 0;
    for seed in 0..60 {
        let run = write(&Files::new(), seed, "FULL", |disk, random| {
            disk.skip_commits();
            disk.cut_after(Some(100 + random.below(400) as u64));
        });
        all_lost += lost(&run, seed);
    }
    assert!(all_lost > 0, "a control that loses nothing controls nothing");
}

/// The control of the drill is worth something because it is exactly what another setting would do.
#[test]
fn leaving_out_the_sync_of_each_commit_is_what_normal_does() {
    for seed in 0..5 {
        let normal = write(&Files::new(), seed, "NORMAL", |_, _| {});
        let skipped = write(&Files::new(), seed, "FULL", |disk, _| disk.skip_commits());
        let full = write(&Files::new(), seed, "FULL", |_, _| {});
        assert_eq!(skipped.calls, normal.calls);
        assert!(full.calls >= normal.calls + 150, "{} {}", full.calls, normal.calls);
    }
}

#[test]
fn nothing_is_committed_at_a_failed_sync() {
    for seed in 0..60 {
        let run = write(&Files::new(), seed, "FULL", |disk, random| {
            disk.fail_sync_after(5 + random.below(60) as u64);
        });
        assert_eq!((run.went_on, lost(&run, seed)), (false, 0), "seed {seed}");
    }
}

#[test]
fn without_power_nothing_works() {
    install().expect("the disk can be installed");
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::lay_out(folder.path(), &Files::new(), Duration::ZERO, 1).expect("a disk");
    let conn = open(folder.path(), "FULL").expect("it opens");
    disk.cut();
    assert!(conn.execute("INSERT INTO numbers VALUES (1, x'')", []).is_err());
    assert!(open(folder.path(), "FULL").is_err());
    let off = disk.survivors();
    drop(conn);
    assert_eq!(disk.survivors().len(), off.len(), "closing has changed nothing");
}
