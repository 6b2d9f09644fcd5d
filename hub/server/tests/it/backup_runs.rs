//! Backups run by their own process: on another disk, on the same one, killed, in trouble, beside another hub.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use dreamseed_hub::{
    auth::By,
    backup::{
        self, Which, files, instance,
        job::{Job, JobTarget},
        manifest::Manifest,
        password,
        restore::{self, Destination, RestorePlan},
        schedule, snapshot, state,
        targets::{self, Target, Targets},
        verify,
    },
    config::Config,
    store::{backup_targets, hub_meta},
};
use dreamseed_testkit::{Given, Person, TestHub, fraction_problem, minutes, until_within};
use dreamseed_wire::{
    Language,
    backup::{BackupHealth, BackupPlace, BackupState, BackupTroubleCode, LostChangeKind},
    hub::NoticeCode,
};

const GARAGE_KEY: &str = "GK0123456789abcdef01234567";
const GARAGE_SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Key derivation, a copy, a restore, on a busy machine.
const RUN: Duration = Duration::from_secs(150);

/// A small disk of its own: a file with a file system in it, mounted. Memory would not count as another device, nor would a
/// file on the disk of the data: so it is unlinked.
struct LoopDisk(PathBuf);

impl LoopDisk {
    fn mount(folder: &Path, name: &str, megabytes: u64) -> Option<Self> {
        let (image, point) = (folder.join(format!("{name}.img")), folder.join(name));
        std::fs::create_dir_all(&point).expect("a folder");
        std::fs::File::create(&image).expect("a file").set_len(megabytes << 20).expect("its size");
        let run = |program: &str, args: &[&str]| {
            Command::new(program).args(args).output().is_ok_and(|done| done.status.success())
        };
        let (image, at) = (image.to_str().expect("text"), point.to_str().expect("text"));
        // As installed, not as a login finds it.
        let is_mounted = run("/sbin/mkfs.ext4", &["-q", "-F", "-m", "0", image])
            && run("mount", &["-o", "loop", image, at]);
        #[expect(
            clippy::disallowed_methods,
            reason = "a wish of who runs the tests, not a setting of the hub"
        )]
        let may_skip = std::env::var("DREAMSEED_NO_MOUNT").is_ok();
        assert!(
            is_mounted || may_skip,
            "this test mounts a disk: run it as root, or set DREAMSEED_NO_MOUNT to leave it out"
        );
        std::fs::remove_file(image).expect("an image");
        is_mounted.then_some(LoopDisk(point))
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).output();
        assert!(done.is_ok_and(|done| done.status.success()), "remount {how}");
    }

    fn unmount(&self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn own_process(config: &mut Config) {
    config.backup.program = Some(env!("CARGO_BIN_EXE_dreamseed-hub").into());
}

async fn start() -> TestHub {
    TestHub::with(own_process).await
}

/// Writes the file of targets as it is after they were added.
fn set_targets(hub: &TestHub, places: &[(&str, BackupPlace)]) {
    password::make(hub.data()).expect("a password");
    let target = |(name, place): &(&str, BackupPlace)| Target {
        name: (*name).to_owned(),
        access_key_id: Some(GARAGE_KEY.into()),
        secret_access_key: Some(GARAGE_SECRET.into()),
        read_key_id: None,
        read_secret: None,
        place: place.clone(),
    };
    Targets { list: places.iter().map(target).collect() }.save(hub.data()).expect("saved");
}

fn folder_at(path: &Path) -> BackupPlace {
    BackupPlace::Folder { path: path.to_str().expect("text").to_owned() }
}

/// Backs up to all targets and waits until each has come out of it.
async fn run_all(hub: &TestHub) -> BackupState {
    hub.clock.advance(Duration::from_secs(1));
    let now = dreamseed_hub::clock::Clock::now(&*hub.clock);
    backup::start_now(hub.ctx(), &By::console(), Which::All).await.expect("started");
    let count = Targets::load(hub.data()).expect("targets").list.len();
    wait_for("the end of the backup", async || {
        let rows = hub.ctx().store.read(backup_targets::list).await.expect("rows");
        rows.iter().filter(|row| row.last_try_at == Some(now)).count() == count
    })
    .await;
    state::view(hub.ctx(), Language::Ko).await.expect("the state")
}

/// Backs up to one target and waits for its end.
async fn run_one(hub: &TestHub, name: &'static str) {
    hub.clock.advance(Duration::from_secs(1));
    let now = dreamseed_hub::clock::Clock::now(&*hub.clock);
    backup::start_now(hub.ctx(), &By::console(), Which::Target(name.into())).await.expect("started");
    wait_for("the end of the backup", async || {
        let row = hub.ctx().store.read(move |conn| backup_targets::get(conn, name)).await.expect("read");
        row.is_some_and(|row| row.last_try_at == Some(now))
    })
    .await;
}

async fn wait_for(what: &str, is_so: impl AsyncFnMut() -> bool) {
    until_within(RUN, what, is_so).await;
}

async fn answer(pupil: &Person, given: &Given, count: usize) {
    for _ in 0..count {
        pupil.submit_answer(&given.answer("2/5")).await.expect("an answer is taken at any time");
    }
}

async fn last_seq(hub: &TestHub) -> i64 {
    hub.ctx().store.read(hub_meta::last_seq).await.expect("a number")
}

async fn has_notice(hub: &TestHub, code: NoticeCode) -> bool {
    let admin = hub.admin().await;
    admin.notices(Language::Ko).await.expect("notices").iter().any(|notice| notice.code == code)
}

fn trouble_of(state: &BackupState, name: &str) -> Option<BackupTroubleCode> {
    let target = state.targets.iter().find(|target| target.name == name).expect("the target");
    target.trouble.as_ref().map(|trouble| {
        assert!(!trouble.text.is_empty() && !trouble.next_step.is_empty());
        trouble.code
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_on_another_disk_is_read_back_and_counts() {
    let places = tempfile::tempdir().expect("a folder");
    let Some(disk) = LoopDisk::mount(places.path(), "usb", 64) else { return };
    let hub = start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    answer(&pupil, &given, 20).await;
    let same = places.path().join("same");
    std::fs::create_dir_all(&same).expect("a folder");
    set_targets(&hub, &[("usb", folder_at(&disk.0)), ("same", folder_at(&same))]);

    let seq = last_seq(&hub).await;
    let state = run_all(&hub).await;
    for target in &state.targets {
        assert_eq!((target.health, &target.trouble), (BackupHealth::Ok, &None), "{target:?}");
        assert!(target.last_restored_at.is_some() && target.snapshots == 1, "{target:?}");
        assert_eq!(target.other_device, target.name == "usb");
    }
    let verified = state.verified.expect("read back from another device");
    assert_eq!(verified.hub_seq, seq);
    assert_eq!(state.epochs.first().map(|epoch| epoch.epoch_id), Some(verified.epoch_id));
    assert!(!schedule::scratch_folder(hub.config()).join("folders").exists(), "nothing is left");
    wait_for("the notice of the sheet", async || has_notice(&hub, NoticeCode::SheetMissing).await).await;

    // An hour later by itself, while pupils answer.
    hub.clock.advance(minutes(61));
    let pupil = hub.sign_in(pupil.id).await;
    hub.ctx().backup.wake();
    let mut sent = 0;
    wait_for("the next backup", async || {
        answer(&pupil, &given, 1).await;
        sent += 1;
        let row = hub.ctx().store.read(|conn| backup_targets::get(conn, "usb")).await.expect("read");
        row.and_then(|row| row.verified).is_some_and(|place| place.hub_seq > seq)
    })
    .await;
    assert!(sent > 1, "the lesson went on");
    let admin = hub.admin().await;
    let report = admin.examine_hub(Language::En).await.expect("a report");
    let line = report.findings.iter().find(|line| line.check == "backups").expect("the line");
    assert!(line.text.contains("sheet"), "{line:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_on_the_same_disk_never_counts() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = start().await;
    set_targets(&hub, &[("same", folder_at(place.path()))]);
    let state = run_all(&hub).await;
    assert_eq!(state.targets[0].health, BackupHealth::Ok);
    assert!(state.targets[0].last_restored_at.is_some() && !state.targets[0].other_device);
    assert_eq!((state.verified, state.verified_at), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_disk_is_said_and_heals() {
    let places = tempfile::tempdir().expect("a folder");
    let Some(disk) = LoopDisk::mount(places.path(), "usb", 32) else { return };
    let Some(tiny) = LoopDisk::mount(places.path(), "tiny", 2) else { return };
    let hub = start().await;
    let fill = |left: u64| {
        let mut stuff = std::fs::File::create(tiny.0.join(".stuff")).expect("a file");
        let free = dreamseed_hub::doctor::disk_space(&tiny.0).expect("a disk").free_bytes;
        stuff
            .write_all(&vec![1; usize::try_from(free.saturating_sub(left)).expect("small")])
            .expect("written");
        stuff.sync_all().expect("kept");
    };
    fill(60_000);
    set_targets(&hub, &[("usb", folder_at(&disk.0)), ("tiny", folder_at(&tiny.0))]);
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "tiny"), Some(BackupTroubleCode::Full));
    assert_eq!(trouble_of(&state, "usb"), None, "one target's trouble is its own");

    disk.remount("ro");
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "usb"), Some(BackupTroubleCode::ReadOnly));
    disk.remount("rw");
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), None, "it heals by itself");

    // Pulled out: the empty folder below it is not taken for a new place.
    disk.unmount();
    let state = run_all(&hub).await;
    let code = trouble_of(&state, "usb");
    assert!(matches!(code, Some(BackupTroubleCode::Gone | BackupTroubleCode::OtherSchool)), "{code:?}");
    assert_eq!(std::fs::read_dir(&disk.0).expect("the folder").count(), 0, "nothing was written into it");
    std::fs::remove_dir(&disk.0).expect("removed");
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), Some(BackupTroubleCode::Gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_rotted_at_a_target_is_sent_again() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = start().await;
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), None);
    let folders = std::fs::read_dir(place.path().join("data")).expect("packs").flatten();
    let packs = folders.flat_map(|folder| std::fs::read_dir(folder.path()).expect("packs").flatten());
    let size = |pack: &std::fs::DirEntry| pack.metadata().map_or(0, |seen| seen.len());
    let pack = packs.max_by_key(size).expect("a pack").path();
    let mut bytes = std::fs::read(&pack).expect("read");
    // No part of it is sound.
    bytes.iter_mut().step_by(500).for_each(|byte| *byte ^= 1);
    std::fs::write(&pack, bytes).expect("written");
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), Some(BackupTroubleCode::Damaged));
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "usb"), None, "what lay in the pack was sent again");
    assert_eq!(state.targets[0].health, BackupHealth::Ok);
    assert!(!pack.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_schools_backups_are_left_alone() {
    let place = tempfile::tempdir().expect("a folder");
    let (hub, other) = (start().await, start().await);
    set_targets(&other, &[("usb", folder_at(place.path()))]);
    assert_eq!(trouble_of(&run_all(&other).await, "usb"), None);
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), Some(BackupTroubleCode::WrongPassword));
    // Even with the same words.
    let words = password::read(other.data()).expect("read").expect("words");
    password::write(hub.data(), &words).expect("written");
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), Some(BackupTroubleCode::OtherSchool));
    assert_eq!(run_all(&other).await.targets[0].snapshots, 2, "theirs go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hub_with_this_identity_is_told() {
    let place = tempfile::tempdir().expect("a folder");
    let mut hub = start().await;
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), None);
    hub.stop().await;
    // The machine is copied, and the copy is given a run of its own.
    let twin = tempfile::tempdir().expect("a folder");
    copy_folder(hub.data(), twin.path());
    instance::make_new(twin.path()).expect("a number");
    run_process(&job_of(twin.path(), "usb", hub.clock.as_ref())).expect("runs to its end");
    hub.start_again().await;
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "usb"), Some(BackupTroubleCode::TwoHubs));
    assert_eq!(state.targets[0].snapshots, 3, "we go on backing up");
    assert_eq!(state.targets[0].health, BackupHealth::Ok);
    wait_for("the notice", async || has_notice(&hub, NoticeCode::TwoHubs).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_leaves_all_in_order() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    answer(&pupil, &given, 30).await;
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    let begun = Instant::now();
    let job = job_of(hub.data(), "usb", hub.clock.as_ref());
    run_process(&job).expect("runs to its end");
    let whole = begun.elapsed();
    const KILLS: u32 = 10;
    for kill in 0..KILLS {
        answer(&pupil, &given, 1).await;
        let mut child = spawn(&job_of(hub.data(), "usb", hub.clock.as_ref()));
        std::thread::sleep(whole * kill / KILLS);
        child.kill().expect("killed");
        child.wait().expect("gone");
    }
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "usb"), None);
    assert!(state.targets[0].last_restored_at.is_some());
    let target = Targets::load(hub.data()).expect("targets").list.remove(0);
    let words = password::read(hub.data()).expect("read").expect("words");
    let repository = target.open(&words, &files::cache(hub.data())).expect("opened");
    repository.check(dreamseed_sync::ReadData::All).expect("whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_without_internet_is_a_notice_and_nothing_more() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let cloud = BackupPlace::S3 {
        endpoint: "http://127.0.0.1:1".into(),
        region: "garage".into(),
        bucket: "school".into(),
        prefix: String::new(),
    };
    set_targets(&hub, &[("usb", folder_at(place.path())), ("cloud", cloud)]);
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "cloud"), Some(BackupTroubleCode::Unreachable));
    let since = state.targets[1].trouble.as_ref().expect("trouble").since;
    hub.clock.advance(minutes(30 * 24 * 60));
    let pupil = hub.sign_in(pupil.id).await;
    answer(&pupil, &given, 3).await;
    let state = run_all(&hub).await;
    // A month in which the hub did not look is a clock that jumped, for all it knows.
    let code = trouble_of(&state, "usb");
    assert!(matches!(code, None | Some(BackupTroubleCode::Clock)), "the folder goes on: {code:?}");
    let cloud = &state.targets[1];
    assert_eq!(cloud.health, BackupHealth::Failing);
    assert_eq!(cloud.trouble.as_ref().map(|trouble| trouble.since), Some(since), "since the first day");
    wait_for("the notice", async || has_notice(&hub, NoticeCode::BackupFailing).await).await;
    // The school gives the cloud up.
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    hub.ctx().backup.wake();
    wait_for("the end of the notice", async || !has_notice(&hub, NoticeCode::BackupFailing).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_removes_nothing() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = TestHub::with(|config| {
        own_process(config);
        config.backup.at_least = 2;
    })
    .await;
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    for _ in 0..3 {
        assert_eq!(trouble_of(&run_all(&hub).await, "usb"), None);
    }
    hub.clock.set("2027-10-01T00:00:00Z");
    hub.ctx().backup.wake();
    let there = async || {
        let row = hub.ctx().store.read(|conn| backup_targets::get(conn, "usb")).await.expect("read");
        row.expect("a row")
    };
    wait_for("the nightly run", async || there().await.snapshots == 4).await;
    let row = there().await;
    assert_eq!(row.trouble.map(|(code, _)| code), Some(BackupTroubleCode::Clock));
    assert_eq!(row.tidied_at, None);
    hub.clock.set("2026-11-23T06:00:00Z");
    hub.ctx().backup.wake();
    wait_for("the run after the clock was set right", async || there().await.snapshots == 5).await;
    assert!(there().await.last_backup_at.is_some_and(|at| at.to_string().starts_with("2026")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_fit_stops_no_backup_and_counts_for_none() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = start().await;
    let given = hub.give(&[fraction_problem()]).await;
    answer(&hub.pupil("민지").await, &given, 5).await;
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    let sound = run_all(&hub).await;
    assert_eq!((trouble_of(&sound, "usb"), sound.targets[0].snapshots), (None, 1));
    let change = |from: &str, to: &str| {
        let conn = rusqlite::Connection::open(hub.data().join("hub.db")).expect("opened");
        let sql = "UPDATE attempts SET answer = replace(answer, ?1, ?2) WHERE hub_seq = (SELECT max(hub_seq) FROM attempts)";
        conn.execute_batch("DROP TRIGGER IF EXISTS attempts_are_kept_as_written").expect("no trigger");
        assert_eq!(conn.execute(sql, [from, to]).expect("changed"), 1);
    };
    change("5", "6");
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "usb"), Some(BackupTroubleCode::Database));
    assert_eq!(state.targets[0].last_backup_at, sound.targets[0].last_backup_at, "no backup");
    assert_eq!(state.verified, sound.verified);
    wait_for("the notice", async || has_notice(&hub, NoticeCode::BackupFailing).await).await;
    let target = Targets::load(hub.data()).expect("targets").list.remove(0);
    let words = password::read(hub.data()).expect("read").expect("words");
    let there =
        target.open(&words, &files::cache(hub.data())).and_then(|there| there.snapshots()).expect("a list");
    let unfit = there.iter().filter(|one| one.tags.iter().any(|tag| tag == backup::job::FAULTY)).count();
    assert_eq!((there.len(), unfit), (2, 1), "the copy was sent all the same");
    change("6", "5");
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "usb"), None, "it heals by itself");
    assert!(state.targets[0].last_backup_at > sound.targets[0].last_backup_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_replaced_under_its_name_is_another_one() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = start().await;
    let usb = place.path().join("usb");
    std::fs::create_dir(&usb).expect("a folder");
    set_targets(&hub, &[("usb", folder_at(&usb))]);
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), None);
    // At the console, beside the hub: another stick at the same place, with the same name.
    let target = Targets::load(hub.data()).expect("targets").list.remove(0);
    assert!(targets::remove(hub.data(), "usb").expect("removed"));
    std::fs::remove_dir_all(&usb).expect("removed");
    std::fs::create_dir(&usb).expect("a folder");
    targets::keep(hub.data(), &target).expect("kept");
    let state = run_all(&hub).await;
    assert_eq!((trouble_of(&state, "usb"), state.targets[0].snapshots), (None, 1), "a new repository");
    assert_eq!(targets::changed(hub.data()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_put_back_is_known_by_its_own_backups() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = start().await;
    let given = hub.give(&[fraction_problem()]).await;
    answer(&hub.pupil("민지").await, &given, 3).await;
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    let first = run_all(&hub).await;
    // What this run of the hub has sent, and has not any more.
    let target = Targets::load(hub.data()).expect("targets").list.remove(0);
    let words = password::read(hub.data()).expect("read").expect("words");
    let repository = target.open(&words, &files::cache(hub.data())).expect("opened");
    let mut newest = repository.snapshots().expect("a list").remove(0);
    newest.tags.retain(|tag| !tag.starts_with("seq/"));
    newest.tags.push(format!("seq/{}", last_seq(&hub).await + 5));
    let stuff = tempfile::tempdir().expect("a folder");
    std::fs::write(stuff.path().join("x"), "x").expect("written");
    let new = dreamseed_sync::NewSnapshot { host: newest.host, tags: newest.tags, time: newest.time };
    repository.back_up(stuff.path(), &new, &|_| ()).expect("sent");
    drop(repository);
    let state = run_all(&hub).await;
    let epoch = state.epochs.first().expect("an epoch");
    assert_eq!(epoch.reason, dreamseed_wire::backup::EpochReason::Rollback);
    assert_eq!(epoch.parent, first.epochs.first().map(|epoch| epoch.epoch));
    let state = run_all(&hub).await;
    assert_eq!(state.epochs.len(), first.epochs.len() + 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_changed_is_not_taken() {
    let hub = start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    answer(&pupil, &given, 5).await;
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("copy");
    let meta = snapshot::Meta {
        instance_id: instance::read_or_make(hub.data()).expect("a number"),
        taken_at: dreamseed_hub::clock::Clock::now(&*hub.clock),
        config_file: None,
    };
    let made = snapshot::make(hub.data(), &folder, &meta).expect("made");
    assert!(made.files.iter().any(|file| file.path == "keys/pepper.key"), "{:?}", made.files);
    assert!(made.files.iter().all(|file| !file.path.contains("password")), "the words are on paper");
    let verified = verify::verify(&folder).expect("whole");
    assert_eq!((verified.answers, &verified.manifest), (5, &made));
    assert_eq!(Manifest::read(&folder).expect("read"), made);

    let database = folder.join("hub.db");
    let whole = std::fs::read(&database).expect("read");
    for place in [whole.len() / 3, whole.len() / 2, whole.len() - 100] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&database, bytes).expect("written");
        verify::verify(&folder).expect_err("a flipped bit");
    }
    std::fs::write(&database, &whole).expect("written");
    verify::verify(&folder).expect("whole again");
    // A database that fits its own sum but not the rest of the manifest.
    let mut other = made.clone();
    other.max_hub_seq += 1;
    other.write(&folder).expect("written");
    verify::verify(&folder).expect_err("another end of the record");
    made.write(&folder).expect("written");
    std::fs::remove_file(folder.join("keys/pepper.key")).expect("removed");
    verify::verify(&folder).expect_err("a missing key");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_ledgers_go_within_minutes() {
    let place = tempfile::tempdir().expect("a folder");
    let hub = start().await;
    set_targets(&hub, &[("usb", folder_at(place.path()))]);
    assert_eq!(trouble_of(&run_all(&hub).await, "usb"), None);
    let ledgers = hub.data().join("ledgers");
    std::fs::create_dir_all(&ledgers).expect("a folder");
    std::fs::write(ledgers.join("test.jsonl"), "{}\n").expect("written");
    hub.clock.advance(minutes(3));
    hub.ctx().backup.wake();
    let now = snapshot::sum_ledgers(hub.data());
    wait_for("the ledgers", async || {
        let row = hub.ctx().store.read(|conn| backup_targets::get(conn, "usb")).await.expect("read");
        row.is_some_and(|row| row.ledgers_sum == now)
    })
    .await;
    let target = Targets::load(hub.data()).expect("targets").list.remove(0);
    let words = password::read(hub.data()).expect("read").expect("words");
    let repository = target.open(&words, &files::cache(hub.data())).expect("opened");
    let there = repository.snapshots().expect("a list");
    let has_tag = |tag: &str| there.iter().filter(|one| one.tags.iter().any(|own| own == tag)).count();
    assert_eq!((there.len(), has_tag(dreamseed_sync::LEDGER_TAG)), (2, 1), "{there:?}");
    let state = state::view(hub.ctx(), Language::Ko).await.expect("the state");
    assert_eq!(state.targets[0].snapshots, 1, "a small one is no backup");
}

/// Restored by a person, or by the hub itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_tells_that_a_restore_could_not_read_is_applied_when_it_comes_back() {
    for is_by_itself in [false, true] {
        let places = tempfile::tempdir().expect("a folder");
        let [near, far, away] = ["near", "far", "away"].map(|name| places.path().join(name));
        for place in [&near, &far] {
            std::fs::create_dir(place).expect("made");
        }
        let mut hub = start().await;
        set_targets(&hub, &[("near", folder_at(&near)), ("far", folder_at(&far))]);
        let pupil = hub.pupil("민지").await;
        run_all(&hub).await;
        let erase = dreamseed_wire::privacy::ErasePupil { reason: "전학".into(), name: "민지".into() };
        hub.admin().await.erase_pupil(pupil.id, &erase).await.expect("erased");
        run_one(&hub, "far").await;
        let words = password::read(hub.data()).expect("read").expect("words");
        let targets = Targets::load(hub.data()).expect("targets").list;
        hub.stop().await;

        std::fs::rename(&far, &away).expect("pulled out");
        for entry in std::fs::read_dir(hub.data()).expect("there").flatten() {
            let name = entry.file_name().into_string().expect("a name");
            let path = entry.path();
            if is_by_itself && ["keys", "backup", "instance"].contains(&name.as_str()) {
                continue;
            }
            let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
        if !is_by_itself {
            let plan = RestorePlan {
                targets,
                password: words,
                only: None,
                which: restore::Which::Newest,
                into: Destination::Data { folder: hub.data().to_owned(), replace: false },
                zone: jiff::tz::TimeZone::UTC,
                now: "2026-11-23T00:00:00Z".parse().expect("a time"),
            };
            let done = tokio::task::spawn_blocking(move || restore::restore(&plan, &|_| {}));
            let done = done.await.expect("no panic").expect("restored");
            assert_eq!(done.ledgers_unseen, ["far"]);
        }
        hub.start_again().await;
        let back = hub.sign_in(pupil.id).await;
        assert_eq!(back.me().await.expect("there again").name, "민지");
        let admin = hub.admin().await;
        wait_for("the notice", async || has_notice(&hub, NoticeCode::LedgersUnseen).await).await;
        let told = admin.since_restore().await.expect("a list");
        assert_eq!((told.ledgers_unseen, told.changes.len()), (vec!["far".to_owned()], 0));

        // A run that does not reach it changes nothing.
        run_all(&hub).await;
        assert_eq!(admin.since_restore().await.expect("a list").ledgers_unseen, ["far"]);
        std::fs::remove_dir_all(&far).ok();
        std::fs::rename(&away, &far).expect("connected");
        run_one(&hub, "far").await;
        wait_for("its ledgers", async || {
            admin.since_restore().await.expect("a list").ledgers_unseen.is_empty()
        })
        .await;
        wait_for("the end of the notice", async || !has_notice(&hub, NoticeCode::LedgersUnseen).await).await;
        let told = admin.since_restore().await.expect("a list");
        assert!(told.changes.iter().any(|change| change.kind == LostChangeKind::Erased), "{told:?}");
        assert!(hub.ctx().school.get().roster_entry(pupil.id).is_none_or(|entry| entry.name != "민지"));
        assert!(back.me().await.is_err(), "signed out");
        let ledger = std::fs::read_to_string(hub.data().join("ledgers/erasures.jsonl")).expect("a ledger");
        assert!(ledger.contains(&pupil.id.to_string()), "{ledger}");
        hub.restart().await;
        assert!(!has_notice(&hub, NoticeCode::LedgersUnseen).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_counts_and_is_read_back() {
    let started = tokio::task::spawn_blocking(Garage::start);
    let Some(garage) = started.await.expect("no panic") else { return };
    let hub = start().await;
    let given = hub.give(&[fraction_problem()]).await;
    answer(&hub.pupil("민지").await, &given, 5).await;
    let cloud = BackupPlace::S3 {
        endpoint: format!("http://{}", garage.address),
        region: "garage".into(),
        bucket: "dreamseed".into(),
        prefix: "school".into(),
    };
    set_targets(&hub, &[("cloud", cloud)]);
    let state = run_all(&hub).await;
    assert_eq!(trouble_of(&state, "cloud"), None);
    assert!(state.targets[0].other_device && state.targets[0].last_restored_at.is_some());
    assert_eq!(state.verified.map(|place| place.hub_seq), Some(last_seq(&hub).await));
}

/// A real S3 server, for one test.
struct Garage {
    process: std::process::Child,
    address: std::net::SocketAddr,
    _home: tempfile::TempDir,
}

impl Garage {
    fn start() -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a wish of who runs the tests, not a setting of the hub"
        )]
        if std::env::var("DREAMSEED_NO_GARAGE").is_ok() {
            return None;
        }
        let home = tempfile::tempdir().expect("a folder");
        let free = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("its address")
        };
        let (address, rpc) = (free(), free());
        let settings = format!(
            "metadata_dir = \"{home}/meta\"\ndata_dir = \"{home}/data\"\ndb_engine = \"sqlite\"\n\
             replication_factor = 1\nrpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\n\
             rpc_secret = \"{GARAGE_SECRET}\"\n[s3_api]\ns3_region = \"garage\"\napi_bind_addr = \"{address}\"\n",
            home = home.path().display()
        );
        let file = home.path().join("garage.toml");
        files::write_secret(&file, settings.as_bytes()).expect("written");
        let own = std::env::home_dir().unwrap_or_default();
        let built = own.join(".cache/dreamseed/tools/garage-2.5.0/bin/garage");
        let program = std::env::var_os("DREAMSEED_GARAGE").map_or(built, PathBuf::from);
        let process = Command::new(program)
            .arg("-c")
            .arg(&file)
            .args(["server", "--single-node", "--default-bucket"])
            .env("GARAGE_DEFAULT_ACCESS_KEY", GARAGE_KEY)
            .env("GARAGE_DEFAULT_SECRET_KEY", GARAGE_SECRET)
            .env("GARAGE_DEFAULT_BUCKET", "dreamseed")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("no Garage ({error}): `./x test` brings it; set DREAMSEED_NO_GARAGE to leave this test out")
            });
        let place = dreamseed_sync::Place::S3(dreamseed_sync::S3Place {
            endpoint: format!("http://{address}"),
            region: "garage".into(),
            bucket: "dreamseed".into(),
            prefix: String::new(),
            access_key_id: GARAGE_KEY.into(),
            secret_access_key: dreamseed_sync::Secret::new(GARAGE_SECRET),
            allow_http: false,
        });
        let target = dreamseed_sync::Target { name: "cloud".into(), place };
        let end = Instant::now() + RUN;
        // The server has no way to tell that it is ready but to answer.
        while dreamseed_sync::try_target(&target, &dreamseed_sync::Limits::default()).is_err() {
            assert!(Instant::now() < end, "Garage does not answer");
        }
        Some(Garage { process, address, _home: home })
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn job_of(data: &Path, target: &str, clock: &impl dreamseed_hub::clock::Clock) -> Job {
    Job {
        data: data.to_owned(),
        scratch: files::folder(data).join("scratch/by-hand"),
        config_file: None,
        instance_id: instance::read_or_make(data).expect("a number"),
        now: clock.now(),
        believed_at: clock.now(),
        upload_kib_per_s: 0,
        keep_days: 30,
        at_least: 7,
        targets: vec![JobTarget {
            name: target.into(),
            back_up: true,
            read_back: true,
            tidy: true,
            ..JobTarget::default()
        }],
    }
}

fn spawn(job: &Job) -> std::process::Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dreamseed-hub"))
        .arg("backup-job")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut line = serde_json::to_vec(job).expect("JSON");
    line.push(b'\n');
    // Kept open by the child's handle: its end would end the process.
    child.stdin.as_mut().expect("a pipe").write_all(&line).expect("written");
    child
}

/// Runs a job to its end; what it said.
fn run_process(job: &Job) -> Result<String, String> {
    let mut child = spawn(job);
    let input = child.stdin.take();
    let done = child.wait_with_output().expect("ended");
    drop(input);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() { Ok(said) } else { Err(said) }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            copy_folder(&entry.path(), &target);
        } else {
            // What the hub still takes away as it ends, such as the database's log.
            let _ = std::fs::copy(entry.path(), &target);
        }
    }
}
