//! A run that is killed at any point leaves a repository that is sound, and the next run succeeds.

use crate::support::{Bench, Garage, Tree, new, noise, quick, read_tree, restic, wish};
use dreamseed_sync::{ClockTrust, Keep, Password, ReadData, Repository, Target};
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Instant,
};

#[test]
fn a_killed_run_leaves_a_folder_sound() {
    let bench = Bench::new();
    kill_at_many_points(&bench, &bench.target());
    let Some(checked) = restic(&bench.place().to_string_lossy(), &["check", "--read-data", "--no-lock"])
    else {
        return;
    };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_killed_run_leaves_a_bucket_sound() {
    let Some(garage) = Garage::start() else {
        return;
    };
    kill_at_many_points(&Bench::new(), &garage.target(""));
}

/// Six points, spread over a run; as many as a drill asks for.
fn kill_at_many_points(bench: &Bench, target: &Target) {
    let points =
        wish("DREAMSEED_KILLS").map_or(6u32, |text| text.to_string_lossy().parse().expect("a number"));
    let repository = bench.open(target);
    bench.put("hub.db", &noise(100, 12_000_000));
    let start = Instant::now();
    let status = run(bench, target).wait().expect("a run");
    assert!(status.success(), "the run itself works");
    let whole_run = start.elapsed();
    let mut last_sound: Tree = read_tree(&bench.source());
    for point in 0..points {
        // Each run has new bytes to send, so that it is somewhere in the middle when it is killed.
        bench.put("hub.db", &noise(200 + u64::from(point), 12_000_000));
        let before = repository.snapshots().expect("a list");
        let mut child = run(bench, target);
        thread::sleep(whole_run.mul_f64(f64::from(point + 1) / f64::from(points + 1)));
        child.kill().expect("killed");
        child.wait().expect("ended");

        repository.check(ReadData::None).unwrap_or_else(|error| panic!("point {point}: {error}"));
        let after = repository.snapshots().expect("a list");
        let newest = after.last().expect("one at least");
        if before.last().is_none_or(|before| before.id != newest.id) {
            // The kill came after the end of the backup.
            last_sound = read_tree(&bench.source());
        }
        bench.check_restores(&repository, &newest.id, &last_sound);
    }
    assert!(run(bench, target).wait().expect("a run").success(), "the next run succeeds");
    repository.check(ReadData::All).expect("sound");
    let list = repository.snapshots().expect("a list");
    bench.check_restores(&repository, &list.last().expect("one").id, &read_tree(&bench.source()));
    let drafts = bench.place().join("tmp");
    assert!(!drafts.exists() || read_tree(&drafts).is_empty(), "drafts are swept");
}

/// This program again, as the child that is killed.
fn run(bench: &Bench, target: &Target) -> Child {
    let job = serde_json::json!({ "target": target, "source": bench.source(), "cache": bench.cache() });
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "killed::child", "--ignored", "--nocapture"])
        .env("DREAMSEED_TEST_JOB", job.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

#[derive(serde::Deserialize)]
struct Job {
    target: Target,
    source: PathBuf,
    cache: PathBuf,
}

#[test]
#[ignore = "the child of the tests above"]
fn child() {
    let Some(job) = wish("DREAMSEED_TEST_JOB") else {
        return;
    };
    let job: Job = serde_json::from_str(&job.to_string_lossy()).expect("a job");
    let password = Password::new(crate::support::PASSWORD);
    let repository = Repository::open(&job.target, &quick(), &password, &job.cache, None).expect("opens");
    repository.back_up(&job.source, &new("2026-09-30T18:15:00Z"), &|_| {}).expect("backed up");
    // Later by months: all snapshots but two are old, and there is something to remove in each run.
    let now = "2026-12-30T18:15:00Z".parse().expect("a time");
    let keep = Keep { days: 30, at_least: 2, ledgers: 1 };
    repository.tidy(&keep, ClockTrust { now, last_good: now }).expect("tidied");
}
