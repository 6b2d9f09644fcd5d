//! A hub that finds its database damaged puts a verified backup in its place, keeps the evidence, and goes on in a new epoch; it
//! serves one in which single answers are damaged; one whose disk fails acknowledges nothing more and ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use dreamseed_client::Hub as Client;
use dreamseed_hub::{
    backup::{
        job::{self, Event, Job, JobTarget},
        snapshot,
        targets::{self, Target, Targets},
    },
    demo::{ACCOUNTS_FILE, DemoAccounts},
    hub::Hub,
};
use dreamseed_models::scripted::{Script, ScriptedEngine};
use dreamseed_testkit::{Given, Person, TestHub, sum_problem, until, within};
use dreamseed_wire::{
    Language,
    answer::Answer,
    attempt::SubmitAnswer,
    backup::{BackupPlace, EpochReason},
    hub::NoticeCode,
    ids::{AttemptId, HubId},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const PAGE: usize = 4096;

/// Adds a folder as a target, if it is none yet, and backs the running hub up to it.
async fn back_up(hub: &TestHub, name: &'static str, folder: &Path) {
    assert_eq!(try_back_up(hub, name, folder).await, Vec::<String>::new());
}

/// As [`back_up`]; what was in the way.
async fn try_back_up(hub: &TestHub, name: &'static str, folder: &Path) -> Vec<String> {
    let (data, hub_id) = (hub.data().to_owned(), hub.ctx().receipts.hub_id());
    let (now, scratch, folder) = (hub.ctx().started_at, data.join("backup/scratch"), folder.to_owned());
    let done = tokio::task::spawn_blocking(move || {
        if !Targets::load(&data).expect("targets").list.iter().any(|target| target.name == name) {
            add_target(&data, hub_id, name, &folder);
        }
        let job = Job {
            data,
            scratch,
            config_file: None,
            instance_id: uuid::Uuid::now_v7(),
            now,
            believed_at: now,
            upload_kib_per_s: 0,
            keep_days: 30,
            at_least: 7,
            targets: vec![JobTarget { name: name.into(), back_up: true, ..JobTarget::default() }],
        };
        let trouble = parking_lot::Mutex::new(Vec::new());
        job::run(&job, &|event| match event {
            Event::Target(outcome) => trouble.lock().extend(outcome.cause.clone()),
            Event::Failed { cause, .. } => trouble.lock().push(cause.clone()),
            Event::Progress(_) | Event::Copied { .. } => {}
        });
        trouble.into_inner()
    });
    done.await.expect("no panic")
}

fn add_target(data: &Path, hub_id: HubId, name: &str, folder: &Path) {
    let wanted = serde_json::json!({ "name": name, "place": { "kind": "folder", "path": folder } });
    targets::add(data, hub_id, serde_json::from_value(wanted).expect("a target")).expect("kept");
}

struct School {
    hub: TestHub,
    given: Given,
    pupil: Person,
}

impl School {
    async fn start() -> Self {
        let hub = TestHub::start().await;
        let pupil = hub.pupil("한별").await;
        let given = hub.give(&[sum_problem(1)]).await;
        School { hub, given, pupil }
    }

    async fn answer(&mut self) -> AttemptId {
        let receipt = self.pupil.submit_answer(&self.given.answer("1")).await.expect("taken");
        receipt.attempt_id
    }

    async fn has(&self, id: AttemptId) -> bool {
        self.pupil.attempt(id).await.is_ok()
    }

    fn folders(&self, prefix: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.hub.data()).expect("the data folder");
        let mut found: Vec<_> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
            .collect();
        found.sort();
        found
    }

    fn pupil_name(&self) -> Option<String> {
        self.hub.ctx().school.get().roster_entry(self.pupil.id).map(|entry| entry.name)
    }

    /// Why a copy of the database is no sound backup.
    fn snapshot_fault(&self) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let meta = snapshot::Meta {
            instance_id: uuid::Uuid::now_v7(),
            taken_at: "2026-11-23T00:00:00Z".parse().expect("a time"),
            config_file: None,
        };
        let made = snapshot::make(self.hub.data(), &folder.path().join("copy"), &meta).expect("made");
        made.unfit.or(made.faults)
    }

    /// Whether the admin is told of damaged rows, and that they were mended.
    async fn told_of_damage(&self) -> Option<bool> {
        let notices = self.hub.admin().await.notices(Language::En).await.expect("notices");
        let told = notices.iter().find(|notice| notice.code == NoticeCode::RecordDamaged);
        told.map(|notice| notice.text.contains("brought back"))
    }

    async fn wait_until_mended(&self) {
        until("the mending", async || self.told_of_damage().await == Some(true)).await;
    }

    /// What starts it, and what it says if it does not.
    async fn try_start(&self) -> Result<Hub, String> {
        let engine = Arc::new(ScriptedEngine::new(Script::default()));
        let started = Hub::start(self.hub.config().clone(), self.hub.clock.clone(), engine).await;
        started.map_err(|err| format!("{err:#}"))
    }
}

/// Changes the last answer in its row, as bits that flip on a disk would.
fn damage_an_answer(database: &Path, change: &str) {
    let conn = rusqlite::Connection::open(database).expect("opened");
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; DROP TRIGGER attempts_are_kept_as_written; \
         UPDATE attempts SET {change} WHERE hub_seq = (SELECT max(hub_seq) FROM attempts); \
         CREATE TRIGGER attempts_are_kept_as_written BEFORE UPDATE ON attempts BEGIN SELECT RAISE(ABORT, 'attempts are append-only'); END;",
    ))
    .expect("changed");
}

/// Another digit; and a set top bit, which is no UTF-8 any more and so cannot be read as text.
const FLIPS: [&str; 3] = [
    "answer = replace(answer, '1', '3')",
    "answer = CAST(x'fb' || substr(CAST(answer AS BLOB), 2) AS TEXT)",
    "day = CAST(x'b2' || substr(CAST(day AS BLOB), 2) AS TEXT)",
];

fn garble(path: &Path) {
    let mut file = fs::read(path).expect("read");
    let middle = file.len() / PAGE / 2 * PAGE;
    file[middle..middle + 3 * PAGE].fill(0x5a);
    fs::write(path, file).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_replaced_by_the_newest_verified_backup() {
    let mut school = School::start().await;
    let kept = school.answer().await;
    let usb = tempfile::tempdir().expect("a folder");
    back_up(&school.hub, "usb", usb.path()).await;
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("garbage in a page", garble),
        ("cut off", |path| {
            let file = fs::read(path).expect("read");
            fs::write(path, &file[..file.len() / 2]).expect("written");
        }),
        ("a damaged header", |path| {
            let mut file = fs::read(path).expect("read");
            file[..24].fill(0);
            fs::write(path, file).expect("written");
        }),
        ("emptied", |path| fs::write(path, "").expect("written")),
        ("deleted", |path| fs::remove_file(path).expect("deleted")),
        ("text in its place", |path| fs::write(path, "not a database\n".repeat(1_000)).expect("written")),
    ];
    for (round, (what, damage)) in damages.into_iter().enumerate() {
        let lost = school.answer().await;
        assert!(school.has(lost).await);
        school.hub.stop().await;
        let path = school.hub.database();
        damage(&path);
        let damaged = fs::read(&path).ok();
        school.hub.start_again().await;
        school.pupil = school.hub.sign_in(school.pupil.id).await;
        assert!(school.has(kept).await, "{what}: what was backed up is there");
        assert!(!school.has(lost).await, "{what}: what came after comes again from the devices");
        let record = school.hub.ctx().store.record();
        assert_eq!(record.current.reason, EpochReason::Damage, "{what}");
        assert_eq!(
            record.current.number,
            i64::try_from(round).expect("few") + 2,
            "{what}: never given before"
        );
        let evidence = school.folders("damaged-").pop().expect("a folder");
        assert_eq!(fs::read(evidence.join("hub.db")).ok(), damaged, "{what}: the evidence is as it was");
        let admin = school.hub.admin().await;
        let notices = admin.notices(Language::Ko).await.expect("notices");
        let told = notices.iter().find(|notice| notice.code == NoticeCode::DatabaseReplaced);
        let told = told.unwrap_or_else(|| panic!("{what}: a notice")).next_step.clone();
        assert!(told.contains("기록은 2번까지 있습니다"), "{what}: {told}");
        assert_eq!(told.contains("손상되기 전에는 4번까지"), round == 0, "{what}: {told}");
        // The next folder of evidence has another name, and the disk does not seem to fail all the time.
        school.hub.clock.advance(Duration::from_mins(30));
        school.pupil = school.hub.sign_in(school.pupil.id).await;
    }
    for _ in 0..2 {
        school.hub.clock.advance(Duration::from_secs(60));
        school.hub.stop().await;
        garble(&school.hub.database());
        school.hub.start_again().await;
    }
    school.hub.stop().await;
    garble(&school.hub.database());
    let before = school.folders("damaged-");
    let said = school.try_start().await.err().expect("once more would only fill the disk");
    assert!(said.contains("three times within the hour") && said.contains("docs/recovery.md"), "{said}");
    assert_eq!(school.folders("damaged-"), before);
}

/// As a flipped bit in the head of a record makes it: a text that is a blob now, in a table that takes no blobs there.
const NOT_OF_ITS_KIND: &str = "PRAGMA writable_schema = ON; \
     UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'grades'; \
     PRAGMA writable_schema = RESET; DROP TRIGGER grades_are_kept_as_written; \
     UPDATE grades SET grade = CAST(grade AS BLOB) WHERE rowid = (SELECT min(rowid) FROM grades); \
     PRAGMA writable_schema = ON; \
     UPDATE sqlite_schema SET sql = rtrim(sql, ' ;' || char(10)) || ' STRICT' WHERE name = 'grades'; \
     PRAGMA writable_schema = RESET; \
     CREATE TRIGGER grades_are_kept_as_written BEFORE UPDATE ON grades BEGIN SELECT RAISE(ABORT, 'grades are append-only'); END";

/// What SQLite's check does not look at: bytes that are no text, and words that mean nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_no_reason_to_go_back() {
    let flips = [
        "UPDATE users SET name = CAST(x'41b342' AS TEXT) WHERE role = 'student'",
        "UPDATE users SET language = 'kg' WHERE role = 'student'",
        "UPDATE classes SET name = CAST(x'41b342' AS TEXT)",
        "UPDATE classes SET language = CAST(x'ff' AS TEXT)",
        "UPDATE lessons SET title = CAST(x'b3' AS TEXT)",
        "UPDATE hub SET school_name = CAST(x'b3' AS TEXT)",
        "UPDATE hub SET time_zone = 'Asia/Seoum'",
        NOT_OF_ITS_KIND,
        "DROP TRIGGER versions_are_kept_as_written; \
         UPDATE problem_versions SET draft = CAST(substr(CAST(draft AS BLOB), 1, 40) || x'fbfbfb' AS TEXT) \
         WHERE id = (SELECT min(id) FROM problem_versions)",
    ];
    for flip in flips.chunks(5).map(|some| some.join("; ")) {
        let mut school = School::start().await;
        let usb = tempfile::tempdir().expect("a folder");
        school.answer().await;
        back_up(&school.hub, "usb", usb.path()).await;
        let kept = school.answer().await;
        school.hub.stop().await;
        let conn = rusqlite::Connection::open(school.hub.database()).expect("opened");
        conn.execute_batch(&format!("PRAGMA ignore_check_constraints = ON; {flip}")).expect(&flip);
        drop(conn);
        // A copy of it is no sound backup.
        assert!(school.snapshot_fault().is_some(), "{flip}");
        // The backup cannot be reached yet.
        let aside = usb.path().with_extension("aside");
        fs::rename(usb.path(), &aside).expect("taken out");
        school.hub.start_again().await;
        assert!(school.folders("damaged-").is_empty(), "{flip}");
        school.pupil = school.hub.sign_in(school.pupil.id).await;
        assert!(school.has(kept).await, "{flip}: what came after the copy is there");
        let new = school.answer().await;
        assert!(school.has(new).await, "{flip}: the lesson goes on");
        assert_eq!(school.told_of_damage().await, Some(false), "{flip}");
        school.hub.stop().await;
        fs::rename(&aside, usb.path()).expect("plugged in");

        // Only what cannot be read is taken from it.
        school.hub.start_again().await;
        school.wait_until_mended().await;
        assert_eq!(school.snapshot_fault(), None, "{flip}");
        assert_eq!(school.pupil_name().as_deref(), Some("한별"), "{flip}");
        school.pupil = school.hub.sign_in(school.pupil.id).await;
        assert!(school.has(kept).await && school.has(new).await, "{flip}: what came after the copy stays");
        let last = school.answer().await;
        assert!(school.has(last).await, "{flip}: the lesson goes on");
    }
}

/// What was acknowledged comes back from the backup, also when its bits flip; of what was changed since nothing goes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_answer_comes_back_from_the_backup() {
    let more =
        ["id = CAST(x'00' || substr(id, 2) AS BLOB)", "row_hash = zeroblob(32)", "pupil_id = zeroblob(16)"];
    for flip in FLIPS.into_iter().chain(more) {
        let mut school = School::start().await;
        let usb = tempfile::tempdir().expect("a folder");
        let early = school.answer().await;
        let kept = school.answer().await;
        back_up(&school.hub, "usb", usb.path()).await;
        school.hub.stop().await;
        let conn = rusqlite::Connection::open(school.hub.database()).expect("opened");
        conn.execute("UPDATE users SET name = '새별' WHERE role = 'student'", []).expect("renamed");
        drop(conn);
        damage_an_answer(&school.hub.database(), flip);
        school.hub.start_again().await;
        school.wait_until_mended().await;
        assert_eq!(school.snapshot_fault(), None, "{flip}");
        school.pupil = school.hub.sign_in(school.pupil.id).await;
        assert!(school.has(kept).await && school.has(early).await, "{flip}");
        assert_eq!(school.pupil_name().as_deref(), Some("새별"), "{flip}");
        let conn = rusqlite::Connection::open(school.hub.database()).expect("opened");
        let change = conn.execute("UPDATE attempts SET answer = '' WHERE hub_seq = 1", []);
        assert!(change.is_err(), "{flip}: answers stay as written");
    }
}

/// A row that was damaged before it was backed up is no reason to go back to a copy without later answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_with_a_damaged_row_brings_back_all_answers_and_the_row() {
    let mut school = School::start().await;
    let usb = tempfile::tempdir().expect("a folder");
    let mut kept = vec![school.answer().await];
    back_up(&school.hub, "usb", usb.path()).await;
    kept.push(school.answer().await);
    school.hub.stop().await;
    let conn = rusqlite::Connection::open(school.hub.database()).expect("opened");
    conn.execute("UPDATE users SET name = CAST(x'41b342' AS TEXT) WHERE role = 'student'", [])
        .expect("flipped");
    drop(conn);
    let aside = usb.path().with_extension("aside");
    fs::rename(usb.path(), &aside).expect("taken out");
    school.hub.start_again().await;
    until("the look at the database", async || school.told_of_damage().await == Some(false)).await;
    school.pupil = school.hub.sign_in(school.pupil.id).await;
    kept.push(school.answer().await);
    fs::rename(&aside, usb.path()).expect("plugged in");
    let told = try_back_up(&school.hub, "usb", usb.path()).await;
    assert!(told.iter().any(|cause| cause.contains("does not fit")), "{told:?}");
    school.hub.stop().await;

    garble(&school.hub.database());
    school.hub.start_again().await;
    assert_eq!(school.hub.ctx().store.record().current.reason, EpochReason::Damage);
    school.wait_until_mended().await;
    assert_eq!(school.pupil_name().as_deref(), Some("한별"));
    assert_eq!(school.snapshot_fault(), None);
    school.pupil = school.hub.sign_in(school.pupil.id).await;
    for id in kept {
        assert!(school.has(id).await, "{id}");
    }
}

/// An index that does not fit hides rows that are there.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_made_anew() {
    let mut school = School::start().await;
    let kept = school.answer().await;
    school.hub.stop().await;
    let path = school.hub.database();
    let open = || rusqlite::Connection::open(&path).expect("opened");
    let conn = open();
    conn.execute_batch("PRAGMA writable_schema = ON").expect("set");
    let (page, sql): (i64, String) = conn
        .query_row("SELECT rootpage, sql FROM sqlite_schema WHERE name = 'lessons_class'", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("the index");
    conn.execute("DELETE FROM sqlite_schema WHERE name = 'lessons_class'", []).expect("hidden");
    drop(conn);
    open().execute("UPDATE lessons SET opened_at = opened_at + 1", []).expect("behind its back");
    let conn = open();
    conn.execute_batch("PRAGMA writable_schema = ON").expect("set");
    conn.execute(
        "INSERT INTO sqlite_schema VALUES ('index', 'lessons_class', 'lessons', ?1, ?2)",
        (page, sql),
    )
    .expect("back");
    drop(conn);
    let said = || {
        open().pragma_query_value(None, "integrity_check", |row| row.get::<_, String>(0)).expect("an answer")
    };
    assert!(said().contains("index lessons_class"), "{}", said());
    assert_eq!(school.snapshot_fault(), None, "in a copy it is made anew");
    school.hub.start_again().await;
    school.wait_until_mended().await;
    assert_eq!(said(), "ok");
    school.pupil = school.hub.sign_in(school.pupil.id).await;
    assert!(school.has(kept).await);
}

#[tokio::test]
async fn without_a_copy_the_hub_says_what_to_do_and_changes_nothing() {
    let mut school = School::start().await;
    school.answer().await;
    school.hub.stop().await;
    let path = school.hub.database();
    garble(&path);
    let damaged = fs::read(&path).expect("read");
    let said = school.try_start().await.err().expect("refused");
    assert!(said.contains("복구 안내문") && said.contains("recovery sheet"), "{said}");
    assert!(said.contains("docs/recovery.md"), "{said}");
    assert_eq!(fs::read(&path).expect("there"), damaged);
    assert!(school.folders("damaged-").is_empty());

    fs::remove_file(&path).expect("deleted");
    let said = school.try_start().await.err().expect("no new school in its place");
    assert!(said.contains("hub.db is missing") && !path.exists(), "{said}");
}

/// One bit of one answer is no reason to send a class home, nor to go back to an older state.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_with_a_damaged_answer_serves_all_that_is_there() {
    for (flip, has_copy) in FLIPS.into_iter().flat_map(|flip| [(flip, false), (flip, true)]) {
        let mut school = School::start().await;
        let usb = tempfile::tempdir().expect("a folder");
        if has_copy {
            back_up(&school.hub, "usb", usb.path()).await;
        }
        let kept = school.answer().await;
        school.answer().await;
        school.hub.stop().await;
        damage_an_answer(&school.hub.database(), flip);
        for _ in 0..2 {
            school.hub.start_again().await;
            assert_eq!(school.hub.ctx().store.record().current.reason, EpochReason::First, "{flip}");
            assert!(school.folders("damaged-").is_empty(), "{flip}");
            school.pupil = school.hub.sign_in(school.pupil.id).await;
            assert!(school.has(kept).await, "{flip}: what came after the copy is there");
            let new = school.answer().await;
            assert!(school.has(new).await, "{flip}: the lesson goes on");
            let notices = school.hub.admin().await.notices(Language::Ko).await.expect("notices");
            let told = notices.iter().filter(|notice| notice.code == NoticeCode::RecordDamaged);
            assert_eq!(told.count(), 1, "{flip}");
            school.hub.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_moved_before_a_verified_copy_is_there() {
    let mut school = School::start().await;
    let kept = school.answer().await;
    let place = tempfile::tempdir().expect("a folder");
    let usb = place.path().join("usb");
    fs::create_dir(&usb).expect("made");
    back_up(&school.hub, "usb", &usb).await;
    school.hub.stop().await;
    let path = school.hub.database();
    garble(&path);
    let damaged = fs::read(&path).expect("read");
    let names = |school: &School| {
        let mut names: Vec<_> = school.folders("").into_iter().collect();
        names.retain(|path| !path.ends_with("hub.db-shm") && !path.ends_with("hub.db-wal"));
        names
    };
    let before = names(&school);

    // The stick is out.
    fs::rename(&usb, place.path().join("out")).expect("moved");
    let said = school.try_start().await.err().expect("refused");
    assert!(said.contains("no backup was found"), "{said}");
    assert_eq!(fs::read(&path).ok().as_ref(), Some(&damaged));
    assert_eq!(names(&school), before);

    // Every copy there is damaged too.
    fs::rename(place.path().join("out"), &usb).expect("moved");
    let packs = packs_in(&usb.join("data"));
    let whole: Vec<_> = packs.iter().map(|pack| fs::read(pack).expect("read")).collect();
    for pack in &packs {
        write_over(pack, b"no pack");
    }
    let said = school.try_start().await.err().expect("refused");
    assert!(said.contains("no backup was found"), "{said}");
    assert_eq!(fs::read(&path).ok().as_ref(), Some(&damaged));
    assert_eq!(names(&school), before);

    for (pack, bytes) in packs.iter().zip(&whole) {
        write_over(pack, bytes);
    }
    school.hub.start_again().await;
    school.pupil = school.hub.sign_in(school.pupil.id).await;
    assert!(school.has(kept).await);
    let evidence = school.folders("damaged-").pop().expect("a folder");
    assert_eq!(fs::read(evidence.join("hub.db")).ok(), Some(damaged));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_all_targets_is_restored_though_one_does_not_answer() {
    let mut school = School::start().await;
    let (drawer, usb) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let older = school.answer().await;
    back_up(&school.hub, "drawer", drawer.path()).await;
    let newer = school.answer().await;
    back_up(&school.hub, "usb", usb.path()).await;
    let lost = school.answer().await;
    school.hub.stop().await;
    let mut targets = Targets::load(school.hub.data()).expect("targets");
    let place = serde_json::json!({
        "kind": "s3", "endpoint": "http://127.0.0.1:1", "region": "here", "bucket": "school", "prefix": "",
    });
    let place: BackupPlace = serde_json::from_value(place).expect("a place");
    let keys = (Some("a".to_owned()), Some("b".to_owned()));
    let first = targets.list.first().expect("a target").clone();
    targets.list.insert(
        0,
        Target { name: "cloud".into(), place, access_key_id: keys.0, secret_access_key: keys.1, ..first },
    );
    targets.save(school.hub.data()).expect("kept");
    garble(&school.hub.database());
    within("the start", school.hub.start_again()).await;
    school.pupil = school.hub.sign_in(school.pupil.id).await;
    assert!(school.has(older).await && school.has(newer).await);
    assert!(!school.has(lost).await);
}

fn packs_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { packs_in(&path) } else { vec![path] }).collect()
}

/// The backup makes its files such that nobody changes them by mistake.
fn write_over(file: &Path, bytes: &[u8]) {
    fs::remove_file(file).expect("removed");
    fs::write(file, bytes).expect("written");
}

/// The hub's own binary on a demo school.
struct Process {
    child: Child,
    client: Client,
}

impl Process {
    /// Starts it; no file that it writes may grow beyond `blocks` of 512 bytes, if given.
    async fn start(data: &Path, blocks: Option<u64>) -> Self {
        let limit = blocks.map_or_else(String::new, |blocks| format!("ulimit -f {blocks} && "));
        // A signal would kill it; a disk that fails says EFBIG or EIO instead.
        let script = format!("trap '' XFSZ; {limit}exec \"$@\"");
        let mut child = Command::new("sh")
            .args([
                "-c",
                &script,
                "sh",
                env!("CARGO_BIN_EXE_dreamseed-hub"),
                "serve",
                "--port",
                "0",
                "--no-engine",
            ])
            .arg("--data")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the hub's binary");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = within("the start", async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, address)) = line.split_once("listening on ") {
                    return address.to_owned();
                }
            }
            panic!("the hub ended before it listened")
        });
        let address = address.await;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Process { child, client: Client::new(&address).expect("an address") }
    }

    async fn sign_in(&self, accounts: &DemoAccounts) -> Client {
        let (class, client) = (&accounts.classes[0], self.client.stranger());
        let pupil = &class.pupils[0];
        client.sign_in_pupil(&class.class_code, pupil.pupil_id, &pupil.pin).await.expect("in");
        client
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_ends_the_hub_and_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let made = Command::new(env!("CARGO_BIN_EXE_dreamseed-hub"))
        .args(["demo", "--pupils", "5", "--data"])
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(made.await.expect("the hub's binary").success());
    let accounts = fs::read(data.join(ACCOUNTS_FILE)).expect("the accounts");
    let accounts: DemoAccounts = serde_json::from_slice(&accounts).expect("accounts");
    let database = data.join("hub.db");
    let before = fs::read(&database).expect("the database");

    // The log is folded into the database at 4 MiB; it fails at one.
    let mut process = Process::start(&data, Some(2_048)).await;
    let client = process.sign_in(&accounts).await;
    let problems = client.my_problems().await.expect("problems");
    let lesson = problems.lessons.first().expect("a lesson");
    let mut acknowledged = Vec::new();
    for number in 0..2_000 {
        let answer = SubmitAnswer {
            attempt_id: AttemptId::new(),
            problem_version_id: lesson.problems[0].problem_version_id,
            lesson_id: Some(lesson.lesson_id),
            answer: Answer::Number { text: number.to_string() },
            occurred_at: None,
            device_id: None,
            device_seq: None,
        };
        match client.submit_answer(&answer).await {
            Ok(receipt) => acknowledged.push(receipt),
            Err(_) => break,
        }
    }
    assert!((10..1_999).contains(&acknowledged.len()), "{} were acknowledged", acknowledged.len());
    let ended = within("the end of the hub", process.child.wait()).await.expect("an end");
    assert_eq!(ended.code(), Some(70), "so that the service manager starts it again");
    assert_eq!(
        fs::read(&database).expect("the database"),
        before,
        "not folded in by a process that cannot trust the disk"
    );
    assert!(fs::metadata(data.join("hub.db-wal")).expect("the log").len() > 500_000);

    let process = Process::start(&data, None).await;
    let client = process.sign_in(&accounts).await;
    let record = client.record().await.expect("the record");
    let last = acknowledged.last().expect("some");
    assert_eq!(record.epoch_id, last.receipt.epoch_id, "nothing was lost, so no epoch begins");
    for receipt in &acknowledged {
        let kept = client.attempt(receipt.attempt_id).await.expect("an acknowledged answer is there");
        assert_eq!(kept.hub_seq, receipt.hub_seq);
    }
}
