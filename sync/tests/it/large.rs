//! A large school: memory, time and new bytes. `cargo nextest run --release -p dreamseed-sync --run-ignored only large`

use crate::support::{Bench, new, noise, quick};
use dreamseed_sync::{Password, Repository};
use std::{fs, io::Write as _, os::unix::fs::FileExt as _};

const GIB: u64 = 1 << 30;
const PAGE: usize = 4096;

#[test]
#[ignore = "writes 3 GB; measured in a release build"]
fn a_gigabyte_stays_within_150_mib_of_memory() {
    let bench = Bench::new();
    let database = bench.source().join("hub.db");
    let mut file = fs::File::create(&database).expect("a file");
    for part in 0..GIB / (1 << 20) {
        file.write_all(&noise(part + 1, 1 << 20)).expect("written");
    }
    drop(file);
    let password = Password::new(crate::support::PASSWORD);
    let repository = Repository::open_or_init(&bench.target(), &quick(), &password, &bench.cache(), None);
    let repository = repository.expect("opens");
    let first =
        repository.back_up(&bench.source(), &new("2026-09-30T18:15:00Z"), &|_| {}).expect("backed up");
    let peak = peak_mib();

    // 1.5 % of the pages, here and there, in 128 places.
    let file = fs::OpenOptions::new().write(true).open(&database).expect("a file");
    let pages = GIB / PAGE as u64;
    for place in 0..128 {
        let run = pages * 15 / 1000 / 128;
        let at = pages / 128 * place * PAGE as u64;
        file.write_all_at(&noise(place + 5_000, PAGE * run as usize), at).expect("written");
    }
    let second =
        repository.back_up(&bench.source(), &new("2026-10-01T18:15:00Z"), &|_| {}).expect("backed up");
    assert!(peak <= 150, "{peak} MiB of memory");
    assert!(second.bytes_sent < first.bytes_sent / 20, "{second:?}");
}

/// Most memory that this process ever held, from proc_pid_status(5).
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}
