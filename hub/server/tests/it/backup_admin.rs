//! `/backup` and the restore at the console: targets, the recovery sheet, and a school that comes back from it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use dreamseed_client::{ClientError, Method};
use dreamseed_hub::{
    backup::{
        files, instance,
        job::{self, Event, Job, JobTarget},
        password::{self, Password},
        restore::{self, Destination, RestoreError, RestorePlan, Restored, Which, placing},
        sheet::{self, Whose},
        targets::{self, Target, TargetError, Targets},
    },
    store::{self, Store, hub_meta, inspection, snapshots},
};
use dreamseed_testkit::{TestHub, fraction_problem, request};
use dreamseed_wire::{
    Language,
    backup::{AddBackupTarget, BackupPlace, BackupTroubleCode, EpochReason},
    hub::{NoticeCode, Problem, ProblemCode},
    ids::HubId,
};
use jiff::{Timestamp, tz::TimeZone};

fn folder_target(name: &str, path: &Path) -> AddBackupTarget {
    AddBackupTarget {
        name: name.into(),
        place: BackupPlace::Folder { path: path.display().to_string() },
        access_key_id: None,
        secret_access_key: None,
        read_key_id: None,
        read_secret: None,
    }
}

fn s3_target(endpoint: &str) -> AddBackupTarget {
    AddBackupTarget {
        name: "cloud".into(),
        place: BackupPlace::S3 {
            endpoint: endpoint.into(),
            region: "garage".into(),
            bucket: "school-1".into(),
            prefix: "hub/a".into(),
        },
        access_key_id: Some("GK31c2f218a2e44f485b94239e".into()),
        secret_access_key: Some("wholly-secret".into()),
        read_key_id: Some("GKread".into()),
        read_secret: Some("only-for-reading".into()),
    }
}

#[tokio::test]
async fn targets_are_added_after_they_were_tried_and_forgotten_again() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    assert_eq!(admin.backup(Language::Ko).await.expect("a state").targets, []);
    let empty = refused_by(admin.run_backup().await);
    assert_eq!(empty.code, ProblemCode::NotFound);

    let place = tempfile::tempdir().expect("a folder");
    let added =
        admin.add_backup_target(&folder_target("usb", place.path()), Language::Ko).await.expect("added");
    assert_eq!(added.targets.len(), 1);
    assert!(!added.sheet_kept);
    assert!(place.path().join("config").exists(), "a repository is there");
    let file = targets::file_of(hub.data());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    }

    let again = refused_by(admin.add_backup_target(&folder_target("usb", place.path()), Language::Ko).await);
    assert_eq!(again.code, ProblemCode::Taken);
    let same_place =
        refused_by(admin.add_backup_target(&folder_target("usb-2", place.path()), Language::Ko).await);
    assert_eq!(same_place.code, ProblemCode::BadField);

    admin.remove_backup_target("usb").await.expect("forgotten");
    assert!(place.path().join("config").exists(), "what lies there stays");
    assert_eq!(refused_by(admin.remove_backup_target("usb").await).code, ProblemCode::NotFound);
    // The same repository is this hub's own: it may come back.
    admin.add_backup_target(&folder_target("usb", place.path()), Language::En).await.expect("added again");
    let deeds = admin.audit("").await.expect("a log").entries;
    let of = |action: &str| deeds.iter().filter(|row| row.action == action).count();
    assert_eq!((of("add backup target"), of("remove backup target")), (2, 1));
}

#[tokio::test]
async fn what_cannot_be_a_target_is_refused_with_words() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let place = tempfile::tempdir().expect("a folder");
    let other_files = tempfile::tempdir().expect("a folder");
    fs::write(other_files.path().join("holiday.jpg"), "a picture").expect("written");
    let inside = hub.data().join("mine");
    fs::create_dir(&inside).expect("made");
    let with = |change: fn(&mut AddBackupTarget)| {
        let mut target = s3_target("https://127.0.0.1:1");
        change(&mut target);
        target
    };
    for (target, field) in [
        (folder_target("", place.path()), "name"),
        (folder_target("USB", place.path()), "name"),
        (folder_target("-usb", place.path()), "name"),
        (folder_target(&"u".repeat(31), place.path()), "name"),
        (folder_target("usb", Path::new("backups")), "place.path"),
        (folder_target("usb", &place.path().join("not-there")), "place.path"),
        (folder_target("usb", &other_files.path().join("holiday.jpg")), "place.path"),
        (folder_target("usb", &inside), "place.path"),
        (folder_target("usb", Path::new("/")), "place.path"),
        (folder_target("usb", other_files.path()), "place"),
        (s3_target("ftp://example.com"), "place.endpoint"),
        (s3_target("http://s3.example.com"), "place.endpoint"),
        (s3_target("https://key:secret@s3.example.com"), "place.endpoint"),
        (s3_target("s3.example.com"), "place.endpoint"),
        (with(|target| target.access_key_id = None), "access_key_id"),
        (with(|target| target.secret_access_key = Some("  ".into())), "secret_access_key"),
        (with(|target| target.read_secret = None), "read_secret"),
        (with(|target| target.access_key_id = Some("a b".into())), "access_key_id"),
    ] {
        let refused = refused_by(admin.add_backup_target(&target, Language::Ko).await);
        assert_eq!(refused.code, ProblemCode::BadField, "{field}");
        assert!(refused.detail.starts_with(&format!("{field}:")), "{field}: {}", refused.detail);
        assert!(refused.hint.is_some());
    }
    // Nobody listens there.
    for (language, word) in [(Language::Ko, "대답하지"), (Language::En, "does not answer")] {
        let refused = refused_by(admin.add_backup_target(&s3_target("https://127.0.0.1:1"), language).await);
        assert!(refused.detail.contains(word), "{}", refused.detail);
        assert!(!refused.detail.contains("wholly-secret"));
    }
    for body in ["", "[]", "{}", r#"{"name":"usb","place":{"kind":"tape"}}"#, r#"{"name":1}"#] {
        let token = admin.access_token();
        let reply =
            request(&hub.stranger(), Method::POST, "/api/v1/backup/targets", token.as_deref(), body).await;
        assert!(reply.status.is_client_error(), "{body}: {}", reply.status);
    }
    assert_eq!(Targets::load(hub.data()).expect("read"), Targets::default(), "nothing was kept");
}

#[tokio::test]
async fn another_schools_backups_are_left_alone() {
    let place = tempfile::tempdir().expect("a folder");
    let other = TestHub::start().await;
    let (made, words) = back_up(&other, place.path(), 1).await;
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let refused =
        refused_by(admin.add_backup_target(&folder_target("usb", place.path()), Language::Ko).await);
    assert!(refused.detail.contains("비밀번호"), "{}", refused.detail);
    // With the words of the other school too, as after a copied data folder.
    password::write(hub.data(), &words).expect("written");
    let refused =
        refused_by(admin.add_backup_target(&folder_target("usb", place.path()), Language::En).await);
    assert!(refused.detail.contains("another school"), "{}", refused.detail);
    assert_eq!(Targets::load(hub.data()).expect("read").list.len(), 0);
    assert_eq!(made, 1);
}

#[tokio::test]
async fn the_sheet_is_printed_with_a_reason_and_put_away() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    assert_eq!(
        refused_by(admin.print_recovery_sheet("처음 설치").await).code,
        ProblemCode::BadField,
        "no target yet"
    );
    assert_eq!(refused_by(admin.keep_recovery_sheet().await).code, ProblemCode::NotFound);
    let place = tempfile::tempdir().expect("a folder");
    admin.add_backup_target(&folder_target("usb", place.path()), Language::Ko).await.expect("added");
    assert_eq!(refused_by(admin.print_recovery_sheet(" ").await).code, ProblemCode::ReasonNeeded);
    assert_eq!(refused_by(admin.print_recovery_sheet(&"가".repeat(301)).await).code, ProblemCode::BadField);
    assert_eq!(refused_by(admin.keep_recovery_sheet().await).code, ProblemCode::NotFound);

    let pdf = admin.print_recovery_sheet("처음 설치").await.expect("a sheet");
    assert!(pdf.starts_with(b"%PDF"), "{} bytes", pdf.len());
    assert!(!admin.backup(Language::Ko).await.expect("a state").sheet_kept);
    admin.keep_recovery_sheet().await.expect("kept");
    assert!(admin.backup(Language::Ko).await.expect("a state").sheet_kept);
    let is_open = |notices: &[dreamseed_wire::hub::Notice]| {
        notices.iter().any(|notice| notice.code == NoticeCode::SheetMissing)
    };
    assert!(!is_open(&admin.notices(Language::Ko).await.expect("notices")));

    // A further target is not on the paper that was put away.
    let second = tempfile::tempdir().expect("a folder");
    admin.add_backup_target(&folder_target("nas", second.path()), Language::Ko).await.expect("added");
    assert!(!admin.backup(Language::Ko).await.expect("a state").sheet_kept);
    let words = password::read(hub.data()).expect("read").expect("made");
    let deeds = admin.audit("").await.expect("a log").entries;
    assert_eq!(deeds.iter().filter(|row| row.action == "print recovery sheet").count(), 1);
    let told = format!("{deeds:?}");
    assert!(words.words().all(|word| !told.contains(&format!(" {word} "))), "no words in the log");
}

#[tokio::test]
async fn a_school_comes_back_from_the_sheet_alone() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    let place = tempfile::tempdir().expect("a folder");
    let admin = hub.admin().await;
    admin.add_backup_target(&folder_target("usb", place.path()), Language::Ko).await.expect("added");
    run_job(&hub, "usb").await;
    let text = code_of_sheet(&hub);
    pupil.submit_answer(&given.answer("1/7")).await.expect("kept, and lost with the disk");
    hub.stop().await;
    let models = hub.data().join("models");

    // The disk is gone: nothing but the sheet is left.
    for entry in fs::read_dir(hub.data()).expect("there").flatten() {
        let path = entry.path();
        if path == models {
            continue;
        }
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
    }
    let read = sheet::read(&format!("Scanned:\n{text}\n-- \nsent from a phone")).expect("a sheet");
    assert_eq!(read.targets.len(), 1);
    let done = restore_to(hub.data(), &read.targets[0], &read.password, Which::Newest, false)
        .await
        .expect("restored");
    assert_eq!((done.answers, done.epoch, done.aside), (2, 1, None));
    hub.start_again().await;
    let admin = hub.admin().await;
    let state = admin.backup(Language::Ko).await.expect("a state");
    assert_eq!(state.targets.len(), 1, "the targets are back too");
    assert_eq!(state.epochs[0].reason, EpochReason::Restore);
    assert_eq!((state.epochs[0].epoch, state.epochs[0].from_seq), (2, done.max_hub_seq + 1));
    assert_eq!(password::read(hub.data()).expect("read"), Some(read.password));
    let notices = admin.notices(Language::Ko).await.expect("notices");
    assert!(notices.iter().any(|notice| notice.code == NoticeCode::RecordPutBack));
    admin.since_restore().await.expect("a list");
}

#[tokio::test]
async fn what_is_there_is_moved_aside_and_never_overwritten() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    let place = tempfile::tempdir().expect("a folder");
    let (_, words) = back_up(&hub, place.path(), 1).await;
    pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    let target = Targets::load(hub.data()).expect("read").list.remove(0);

    let in_use =
        restore_to(hub.data(), &target, &words, Which::Newest, true).await.expect_err("the hub runs");
    assert!(matches!(in_use, RestoreError::InUse { .. }), "{in_use}");
    hub.stop().await;
    let not_empty =
        restore_to(hub.data(), &target, &words, Which::Newest, false).await.expect_err("a school");
    assert!(matches!(not_empty, RestoreError::NotEmpty { .. }), "{not_empty}");
    assert!(not_empty.to_string().contains("--replace"));

    let done = restore_to(hub.data(), &target, &words, Which::Newest, true).await.expect("restored");
    let aside = hub.data().join(done.aside.expect("moved"));
    assert!(aside.join("hub.db").exists() && aside.join("keys").exists());
    assert_eq!(count_answers(&aside.join("hub.db")), 2, "what came after the backup is not gone");
    assert_eq!(count_answers(&hub.database()), 1);
    assert!(!hub.data().join(placing::WORK).exists());
    hub.start_again().await;
    hub.admin().await.backup(Language::En).await.expect("it serves");
    hub.stop().await;

    // The wrong night: back to what was there.
    let data = hub.data().to_owned();
    let now = "2026-11-23T08:00:00+09:00".parse().expect("a time");
    let undone = blocking(move || restore::undo(&data, now, &|_| {})).await.expect("taken back");
    assert_eq!(undone.answers, 2);
    hub.start_again().await;
    let state = hub.admin().await.backup(Language::En).await.expect("a state");
    assert_eq!(
        (state.epochs[0].epoch, state.epochs[0].from_seq),
        (3, undone.max_hub_seq + 1),
        "numbers of epochs are never given twice"
    );
    assert_eq!(count_answers(&hub.database()), 2);
}

#[tokio::test]
async fn a_copy_for_looking_begins_nothing() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    hub.pupil("민지").await.submit_answer(&given.answer("2/5")).await.expect("kept");
    let place = tempfile::tempdir().expect("a folder");
    let (_, words) = back_up(&hub, place.path(), 1).await;
    let target = Targets::load(hub.data()).expect("read").list.remove(0);
    let above = tempfile::tempdir().expect("a folder");
    let look = above.path().join("look");
    let plan = plan(&target, &words, Which::Newest, Destination::Look(look.clone()));
    let done =
        blocking(move || restore::restore(&plan, &|_| {})).await.expect("restored beside a working hub");
    assert_eq!(done.answers, 1);
    assert_eq!(count_answers(&look.join("hub.db")), 1);
    assert!(!look.join("restored").exists() && !look.join(placing::WORK).exists());
    let again = self::plan(&target, &words, Which::Newest, Destination::Look(look));
    let full = blocking(move || restore::restore(&again, &|_| {})).await.expect_err("it is not empty");
    assert!(matches!(full, RestoreError::NotEmpty { .. }));
}

#[tokio::test]
async fn what_cannot_be_restored_is_said_and_nothing_is_touched() {
    let hub = TestHub::start().await;
    let place = tempfile::tempdir().expect("a folder");
    let (_, words) = back_up(&hub, place.path(), 1).await;
    let target = Targets::load(hub.data()).expect("read").list.remove(0);
    let into = tempfile::tempdir().expect("a folder");
    let other =
        password::parse_words("legal winner thank year wave sausage worth useful legal winner thank yellow")
            .expect("words");
    let gone = Target { place: BackupPlace::Folder { path: "/nowhere/at/all".into() }, ..target.clone() };
    let cloud = Target {
        place: s3_target("http://127.0.0.1:1").place,
        access_key_id: Some("a".into()),
        secret_access_key: Some("b".into()),
        ..target.clone()
    };
    for (target, words, which, said) in [
        (&target, &other, Which::Newest, "이 낱말로는"),
        (&gone, &words, Which::Newest, "백업이 없습니다"),
        (&cloud, &words, Which::Newest, "대답하지 않습니다"),
        (&target, &words, Which::Day(jiff::civil::date(2019, 3, 2)), "가까운 날: 2026-"),
        (&target, &words, Which::Snapshot("zz".into()), "zz"),
        (&target, &words, Which::Snapshot(String::new()), "backup list"),
    ] {
        let err = restore_to(into.path(), target, words, which, false).await.expect_err(said);
        let text = err.to_string();
        assert!(text.contains(said) && text.contains('\n'), "{text}");
        let left: Vec<_> =
            fs::read_dir(into.path()).expect("there").flatten().map(|file| file.file_name()).collect();
        assert!(left.iter().all(|name| name == "hub.lock"), "{left:?}");
    }
}

#[tokio::test]
async fn a_damaged_backup_is_passed_over_and_a_damaged_hub_mends_itself() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    let place = tempfile::tempdir().expect("a folder");
    let (_, words) = back_up(&hub, place.path(), 1).await;
    let before = packs(place.path());
    pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    run_job(&hub, "usb").await;
    // A byte of what only the newer backup needs.
    for pack in packs(place.path()).into_iter().filter(|pack| !before.contains(pack)) {
        let mut bytes = fs::read(&pack).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&pack, fs::Permissions::from_mode(0o600)).expect("set");
        }
        fs::write(&pack, bytes).expect("written");
    }
    hub.stop().await;
    let target = Targets::load(hub.data()).expect("read").list.remove(0);
    let into = tempfile::tempdir().expect("a folder");
    let done = restore_to(into.path(), &target, &words, Which::Newest, false).await.expect("the older one");
    assert_eq!((done.answers, done.passed_over), (1, 1));

    let aside = hub.data().join("damaged-test");
    fs::create_dir(&aside).expect("made");
    fs::rename(hub.database(), aside.join("hub.db")).expect("moved");
    let data = hub.data().to_owned();
    let mended =
        blocking(move || restore::restore_newest_verified(&data, EpochReason::Damage, Timestamp::UNIX_EPOCH));
    let mended = mended.await.expect("no fault here").expect("a backup that is whole");
    assert_eq!((mended.answers, mended.from.as_str()), (1, "usb"));
    hub.start_again().await;
    let state = hub.admin().await.backup(Language::En).await.expect("a state");
    assert_eq!(state.epochs[0].reason, EpochReason::Damage);
}

#[tokio::test]
async fn an_older_night_gets_the_newest_ledgers() {
    let hub = TestHub::start().await;
    let place = tempfile::tempdir().expect("a folder");
    let (_, words) = back_up(&hub, place.path(), 1).await;
    let target = Targets::load(hub.data()).expect("read").list.remove(0);
    let older = newest_id(&hub, &target, &words).await;
    let pupil = hub.pupil("민지").await;
    let erase = dreamseed_wire::privacy::ErasePupil { reason: "전학".into(), name: "민지".into() };
    hub.admin().await.erase_pupil(pupil.id, &erase).await.expect("erased");
    run_job(&hub, "usb").await;
    let into = tempfile::tempdir().expect("a folder");
    let which = Which::Snapshot(older);
    let done = restore_to(into.path(), &target, &words, which, false).await.expect("restored");
    assert!(done.ledgers_at.is_some_and(|at| at > done.taken_at));
    let ledger = fs::read_to_string(into.path().join("ledgers/erasures.jsonl")).expect("a ledger");
    assert!(ledger.contains(&pupil.id.to_string()), "{ledger}");
}

#[tokio::test]
async fn of_all_targets_the_record_that_came_furthest_is_taken() {
    // Its name; targets with times by a clock that may be wrong, before each one answer; what is asked for; answers.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let cases: [Case<'_>; 3] = [
        ("a year ahead", &[("a", "2027-11-23T09:00:00+09:00"), ("b", "2026-11-23T09:00:00+09:00")], &[], "2"),
        (
            "the newest of the day",
            &[
                ("a", "2026-11-23T03:00:00+09:00"),
                ("b", "2026-11-23T09:00:00+09:00"),
                ("a", "2026-11-24T03:00:00+09:00"),
            ],
            &["--night", "2026-11-23"],
            "2",
        ),
        (
            "one by its name",
            &[("a", "2026-11-23T03:00:00+09:00"), ("b", "2026-11-23T09:00:00+09:00")],
            &["--target", "a"],
            "1",
        ),
    ];
    for (name, backups, args, answers) in cases {
        let hub = TestHub::start().await;
        let given = hub.give(&[fraction_problem()]).await;
        let pupil = hub.pupil("민지").await;
        let places = tempfile::tempdir().expect("a folder");
        add_targets(&hub, places.path(), &["a", "b"]).await;
        for (target, now) in backups {
            pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
            run_job_at(&hub, target, now.parse().expect("a time")).await;
        }
        let sheet = places.path().join("sheet.txt");
        fs::write(&sheet, code_of_sheet(&hub)).expect("written");
        let into = places.path().join("new");
        let said = restore_at_console(&into, &sheet, args).await;
        assert!(said.contains(&format!("answers {answers} ·")), "{name}: {said}");
    }
}

#[tokio::test]
async fn between_machines_that_both_went_on_a_person_chooses() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    let places = tempfile::tempdir().expect("a folder");
    add_targets(&hub, places.path(), &["a", "b"]).await;
    let at = |hour: i8| {
        let time = jiff::civil::date(2026, 11, 23).at(hour, 0, 0, 0).in_tz("Asia/Seoul");
        time.expect("a time").timestamp()
    };
    for target in ["a", "b"] {
        run_job_at(&hub, target, at(3)).await;
    }
    let sheet = places.path().join("sheet.txt");
    fs::write(&sheet, code_of_sheet(&hub)).expect("written");

    // A practice with the sheet, on a laptop that backs up once.
    let laptop = places.path().join("laptop");
    restore_at_console(&laptop, &sheet, &[]).await;
    let first = hub_meta::FirstStart { now: at(7), time_zone: "Asia/Seoul".into() };
    Store::open(&store::database_path(&laptop), &first, |_| {}).expect("its next epoch").close().await;
    assert_eq!(run_job_in(&laptop, "a", at(8)).await, []);
    let silent = places.path().join("silent");
    assert!(restore_at_console(&silent, &sheet, &[]).await.contains("08:00"), "the hub may be gone since");

    // The hub goes on.
    pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    pupil.submit_answer(&given.answer("1/6")).await.expect("kept");
    for target in ["a", "b"] {
        let _ = run_job_in(hub.data(), target, at(9)).await;
    }
    let nope = ["--sheet", sheet.to_str().expect("text"), "--target", "nope"];
    let (is_fine, _, told) = try_at_console(&places.path().join("nope"), &nope).await;
    assert!(
        !is_fine && told.contains("여기에 있는 이름: a, b") && told.contains("names here: a, b"),
        "{told}"
    );
    let mut id = String::new();
    for args in [&[][..], &["--night", "2026-11-23"]] {
        let into = places.path().join("new");
        let sheet = sheet.to_str().expect("text");
        let (is_fine, _, told) = try_at_console(&into, &[&["--sheet", sheet], args].concat()).await;
        assert!(!is_fine && !into.join("hub.db").exists(), "{told}");
        for words in ["저절로 고르지 않았습니다", "none was chosen", "2026-11-23 09:00", "2026-11-23 08:00"]
        {
            assert!(told.contains(words), "{words}: {told}");
        }
        let ids: Vec<&str> =
            told.split("--snapshot ").skip(1).filter_map(|rest| rest.lines().next()).collect();
        let ids: Vec<&str> = ids.into_iter().filter(|id| id.len() == 10).collect();
        assert_eq!(ids.len(), 4, "{told}");
        id = ids[0].to_owned();
    }
    let said = restore_at_console(&places.path().join("by-id"), &sheet, &["--snapshot", &id]).await;
    assert!(said.contains("answers 3 ·"), "{said}");

    // Its own machine needs no choice.
    let words = password::read(hub.data()).expect("read").expect("made");
    let target = Targets::load(hub.data()).expect("read").list.remove(0);
    hub.stop().await;
    let done = restore_to(hub.data(), &target, &words, Which::Newest, true).await.expect("restored");
    assert_eq!(done.answers, 3);
}

#[tokio::test]
async fn what_any_target_tells_of_erasures_is_applied_again() {
    // What is asked for, whether the target is gone that alone tells of the erasure, whether that is said.
    for (name, args, is_sheet, is_gone) in [
        ("from the one that lacks it", &["--target", "stale"][..], true, false),
        ("by a path", &[][..], false, false),
        ("by a sheet, with the other one gone", &[][..], true, true),
    ] {
        let mut hub = TestHub::start().await;
        let given = hub.give(&[fraction_problem()]).await;
        let pupil = hub.pupil("민지").await;
        pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
        let places = tempfile::tempdir().expect("a folder");
        add_targets(&hub, places.path(), &["stale", "newer"]).await;
        run_job(&hub, "stale").await;
        let erase = dreamseed_wire::privacy::ErasePupil { reason: "전학".into(), name: "민지".into() };
        hub.admin().await.erase_pupil(pupil.id, &erase).await.expect("erased");
        run_job(&hub, "newer").await;
        let words = password::read(hub.data()).expect("read").expect("made");
        let sheet = places.path().join("sheet.txt");
        fs::write(&sheet, code_of_sheet(&hub)).expect("written");
        hub.stop().await;
        if is_gone {
            fs::remove_dir_all(places.path().join("newer")).expect("gone");
        }
        let stale = places.path().join("stale");
        let by_path = ["--folder", stale.to_str().expect("text"), "--words", words.as_str()];
        let into = places.path().join("new");
        let said = if is_sheet {
            restore_at_console(&into, &sheet, args).await
        } else {
            run_at_console(&into, &by_path).await
        };
        assert!(said.contains("answers 1 ·"), "{name}: {said}");
        assert_eq!(said.contains("not been applied again"), is_gone, "{name}: {said}");
        assert_eq!(said.contains("could not be read: newer."), is_gone, "{name}: {said}");
        let ledger = fs::read_to_string(into.join("ledgers/erasures.jsonl")).unwrap_or_default();
        assert_eq!(ledger.contains(&pupil.id.to_string()), !is_gone, "{name}: {ledger}");
    }
}

#[tokio::test]
async fn a_hub_without_targets_has_nothing_to_mend_itself_with() {
    let hub = TestHub::start().await;
    let data = hub.data().to_owned();
    let mended =
        blocking(move || restore::restore_newest_verified(&data, EpochReason::Damage, Timestamp::UNIX_EPOCH));
    assert_eq!(mended.await.expect("no fault"), None);
}

#[test]
fn the_code_of_a_sheet_is_read_back_and_others_are_not() {
    let data = tempfile::tempdir().expect("a folder");
    let hub = HubId::new();
    let whose = whose(hub);
    assert!(matches!(sheet::print(data.path(), &whose), Err(sheet::SheetError::NoTargets)));
    let words = password::make(data.path()).expect("made");
    let target = |name: &str, place: BackupPlace, key: Option<&str>| Target {
        name: name.into(),
        access_key_id: key.map(|_| "GK-write".into()),
        secret_access_key: key.map(|_| "write-secret".into()),
        read_key_id: key.map(str::to_owned),
        read_secret: key.map(|_| "read-secret".into()),
        place,
    };
    let list = vec![
        target("cloud", s3_target("https://s3.example.com").place, Some("GK-read")),
        target("usb", BackupPlace::Folder { path: "/mnt/우리 디스크/dreamseed".into() }, None),
    ];
    Targets { list: list.clone() }.save(data.path()).expect("saved");
    assert_eq!(Targets::load(data.path()).expect("read").list, list);
    let code = sheet::code(data.path(), &whose).expect("a code");
    assert!(code.is_ascii() && !code.contains("write-secret"), "{code}");
    let read = sheet::read(&code).expect("read");
    assert_eq!((read.hub_id, &read.password), (hub, &words));
    assert_eq!(read.targets[0].name, "usb", "a folder is tried first");
    assert_eq!(read.targets[1].access_key_id.as_deref(), Some("GK-read"));
    assert_eq!(read.targets[0].place, list[1].place);
    for broken in ["", "{", "{}", "no code here", &code[..code.len() - 9], r#"{"dreamseed_sheet":1}"#] {
        assert_eq!(sheet::read(broken).expect_err("no sheet"), sheet::UnreadableSheet::NoCode, "{broken}");
    }
    let newer = code.replace("\"dreamseed_sheet\":1", "\"dreamseed_sheet\":2");
    assert_eq!(sheet::read(&newer).expect_err("newer"), sheet::UnreadableSheet::Newer);
    let other_words = code.replace(words.as_str(), "abandon abandon");
    assert!(matches!(sheet::read(&other_words), Err(sheet::UnreadableSheet::Words(_))));
    let pdf = sheet::print(data.path(), &whose).expect("a sheet");
    assert!(pdf.starts_with(b"%PDF"));
}

#[test]
fn a_file_of_targets_that_somebody_broke_is_named_and_left_alone() {
    let data = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(files::folder(data.path())).expect("made");
    let file = targets::file_of(data.path());
    fs::write(&file, "[[target]]\nsecret_access_key = \"top-secret\nname = 1").expect("written");
    let err = Targets::load(data.path()).expect_err("broken");
    let told = format!("{err} {err:?}");
    assert!(told.contains("targets.toml") && !told.contains("top-secret"), "{told}");
    assert!(matches!(err, TargetError::Malformed { .. }));
    let added = targets::add(data.path(), HubId::new(), folder_target("usb", data.path()));
    assert!(added.is_err());
    assert!(fs::read_to_string(&file).expect("there").contains("name = 1"));
}

/// One target `usb` at `place`, and `times` backups there.
async fn back_up(hub: &TestHub, place: &Path, times: u32) -> (u32, Password) {
    let (data, id) = (hub.data().to_owned(), hub.ctx().school.get().hub.hub_id);
    let wanted = folder_target("usb", place);
    blocking(move || targets::add(&data, id, wanted)).await.expect("added");
    for _ in 0..times {
        run_job(hub, "usb").await;
    }
    (times, password::read(hub.data()).expect("read").expect("made"))
}

/// What is damaged is said in words; the library that panics at it is not heard.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_how_much_it_has_read_and_what_is_damaged() {
    let hub = TestHub::start().await;
    let places = tempfile::tempdir().expect("a folder");
    add_targets(&hub, places.path(), &["usb"]).await;
    run_job(&hub, "usb").await;
    let part = check_at_console(hub.data(), &[]).await;
    let words = ["5 %를 읽었고", "5 % of the data files"];
    assert!(part.0 && words.iter().all(|words| part.1.contains(words)), "{part:?}");
    let all = check_at_console(hub.data(), &["--all"]).await;
    assert!(all.0 && all.1.contains("전부 읽었고") && !all.1.contains("5 %"), "{all:?}");

    // The largest holds what files hold; at the others, which hold folders, the library does not panic.
    let packs = files_below(&places.path().join("usb/data"));
    let pack = packs.iter().max_by_key(|pack| fs::metadata(pack).map_or(0, |meta| meta.len()));
    let pack = pack.expect("a pack");
    let mut bytes = fs::read(pack).expect("read");
    let middle = bytes.len() / 2;
    bytes.iter_mut().take(middle).for_each(|byte| *byte ^= 0x55);
    // A repository's files are read-only.
    fs::remove_file(pack).expect("removed");
    fs::write(pack, bytes).expect("written");
    let (is_fine, said, log) = check_at_console(hub.data(), &["--all"]).await;
    assert!(!is_fine && said.contains("원본과 맞지 않습니다"), "{said}");
    assert!(!format!("{said}{log}").contains("panicked"), "{said}{log}");
}

/// `backup check`: whether all was well, what it said and what it logged.
async fn check_at_console(data: &Path, args: &[&str]) -> (bool, String, String) {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_dreamseed-hub"));
    program.arg("--data").arg(data).args(["backup", "check"]).args(args);
    let done = blocking(move || program.output()).await.expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.success(), text(&done.stdout), text(&done.stderr))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Targets of these names in folders below `places`.
async fn add_targets(hub: &TestHub, places: &Path, names: &[&str]) {
    for name in names {
        let (data, id) = (hub.data().to_owned(), hub.ctx().school.get().hub.hub_id);
        let place = places.join(name);
        fs::create_dir(&place).expect("made");
        let wanted = folder_target(name, &place);
        blocking(move || targets::add(&data, id, wanted)).await.expect("added");
    }
}

/// `backup restore` with a sheet on a machine whose data folder is `data`; what it said.
async fn restore_at_console(data: &Path, sheet: &Path, args: &[&str]) -> String {
    let sheet = sheet.to_str().expect("text");
    run_at_console(data, &[&["--sheet", sheet], args].concat()).await
}

async fn run_at_console(data: &Path, args: &[&str]) -> String {
    let (is_fine, said, log) = try_at_console(data, args).await;
    assert!(is_fine, "{said}{log}");
    said
}

/// The same: whether it restored, what it said and what was wrong.
async fn try_at_console(data: &Path, args: &[&str]) -> (bool, String, String) {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_dreamseed-hub"));
    program.arg("--data").arg(data).args(["backup", "restore"]).args(args);
    let done = blocking(move || program.output()).await.expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.success(), text(&done.stdout), text(&done.stderr))
}

/// The job of a backup, in this process.
async fn run_job(hub: &TestHub, target: &str) {
    run_job_at(hub, target, hub.ctx().clock.now()).await;
}

/// The same while the clock shows `now`.
async fn run_job_at(hub: &TestHub, target: &str, now: Timestamp) {
    assert_eq!(run_job_in(hub.data(), target, now).await, []);
}

/// The same for any data folder; what met trouble.
async fn run_job_in(data: &Path, target: &str, now: Timestamp) -> Vec<(BackupTroubleCode, Option<String>)> {
    let data = data.to_owned();
    let job = Job {
        scratch: files::folder(&data).join("scratch/test"),
        config_file: None,
        instance_id: instance::read_or_make(&data).expect("an instance"),
        now,
        believed_at: now,
        upload_kib_per_s: 0,
        keep_days: 30,
        at_least: 7,
        targets: vec![JobTarget {
            name: target.to_owned(),
            back_up: true,
            read_back: true,
            ..JobTarget::default()
        }],
        data,
    };
    let troubles = parking_lot::Mutex::new(Vec::<(BackupTroubleCode, Option<String>)>::new());
    blocking(move || {
        job::run(&job, &|event| match event {
            Event::Target(outcome) => {
                if let Some(code) = outcome.trouble {
                    troubles.lock().push((code, outcome.cause.clone()));
                }
            }
            Event::Failed { trouble, cause } => troubles.lock().push((*trouble, Some(cause.clone()))),
            Event::Progress(_) | Event::Copied { .. } => {}
        });
        troubles.into_inner()
    })
    .await
}

async fn restore_to(
    folder: &Path,
    target: &Target,
    words: &Password,
    which: Which,
    replace: bool,
) -> Result<Restored, RestoreError> {
    let into = Destination::Data { folder: folder.to_owned(), replace };
    let plan = plan(target, words, which, into);
    blocking(move || restore::restore(&plan, &|_| {})).await
}

/// The id of the newest backup.
async fn newest_id(hub: &TestHub, target: &Target, words: &Password) -> String {
    let (target, words, cache) = (target.clone(), words.clone(), files::cache(hub.data()));
    let nights = blocking(move || restore::list_nights(&target, &words, &cache, &TimeZone::UTC)).await;
    nights.expect("a list").remove(0).newest.id
}

fn plan(target: &Target, words: &Password, which: Which, into: Destination) -> RestorePlan {
    RestorePlan {
        targets: vec![target.clone()],
        password: words.clone(),
        only: None,
        which,
        into,
        zone: TimeZone::get("Asia/Seoul").expect("a zone"),
        now: "2026-11-23T07:30:00+09:00".parse().expect("a time"),
    }
}

fn whose(hub_id: HubId) -> Whose {
    Whose {
        hub_id,
        school: "씨앗초등학교".into(),
        zone: TimeZone::get("Asia/Seoul").expect("a zone"),
        now: "2026-11-23T07:30:00+09:00".parse().expect("a time"),
    }
}

fn code_of_sheet(hub: &TestHub) -> String {
    let whose = whose(hub.ctx().school.get().hub.hub_id);
    sheet::code(hub.data(), &whose).expect("a code")
}

fn count_answers(database: &Path) -> u64 {
    let conn = inspection::open_for_reading(database).expect("opened");
    snapshots::facts(&conn).expect("facts").tables["attempts"]
}

fn packs(place: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(place.join("data")).expect("a repository").flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    files.map(|file| file.path()).collect()
}

fn refused_by<T: std::fmt::Debug>(reply: Result<T, ClientError>) -> Problem {
    let err = reply.expect_err("refused");
    err.problem().cloned().expect("with a reason")
}

/// What speaks to targets blocks, in a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it ended")
}
