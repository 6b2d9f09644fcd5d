//! Consents, a pupil's own file, and erasure: nothing is left of the pupil in any file of the hub.

use std::{collections::BTreeMap, io::Read, path::Path};

use dreamseed_client::Method;
use dreamseed_testkit::{
    Given, Person, TestHub, exam, fraction_problem, refusal, rest_of, submission, word_problem,
};
use dreamseed_wire::{
    answer::Answer,
    feedback::{FeedbackEvent, HintReason},
    ids::UserId,
    lesson::SendNote,
    privacy::{ErasePupil, RecordConsent},
};

/// Names and words that stand nowhere else.
const NAME: &str = "남궁여우비";
const ANSWER: &str = "무지개꽃사슴";
const NOTE: &str = "반짝이는쪽지";
const REASON: &str = "보호자의 요청, 공문 12호";

fn consent(scope: &str, method: &str) -> RecordConsent {
    RecordConsent { scope: scope.into(), method: method.into(), text_version: "2026-11".into() }
}

fn erasure(name: &str, reason: &str) -> ErasePupil {
    ErasePupil { reason: reason.into(), name: name.into() }
}

/// The events of help with a wrong answer.
async fn help(pupil: &Person, given: &Given) -> Vec<FeedbackEvent> {
    let answer = given.answer("2/5");
    pupil.submit_answer(&answer).await.expect("kept");
    pupil.ask_help(answer.attempt_id).await.expect("a ticket");
    let mut stream = pupil.feedback_events(answer.attempt_id, None).await.expect("help");
    rest_of(&mut stream).await.into_iter().map(|event| event.data).collect()
}

fn is_by_hint(events: &[FeedbackEvent]) -> bool {
    let hint =
        |event: &FeedbackEvent| matches!(event, FeedbackEvent::Hint { reason: HintReason::NoConsent, .. });
    let end = events.last() == Some(&FeedbackEvent::Done { written_by_ai: false });
    end && events.iter().any(hint) && !events.iter().any(|event| matches!(event, FeedbackEvent::Token { .. }))
}

#[tokio::test]
async fn consents_are_a_ledger() {
    let hub = TestHub::start().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    let other = hub.add_pupil(hub.class, "준호").await;
    let parent = hub.parent("민지 어머니", &[pupil]).await;
    let (teacher, admin) = (hub.teacher().await, hub.admin().await);
    let own = parent.record_consent(pupil, &consent("ai_tutor", "online")).await.expect("kept");
    assert_eq!((own.guardian.as_deref(), own.withdrawn_at), (Some("민지 어머니"), None));
    teacher.record_consent(pupil, &consent("account", "paper")).await.expect("kept");
    for (who, bad) in [
        (&parent, consent("ai_tutor", "paper")),
        (&teacher, consent("everything", "paper")),
        (&teacher, consent("account", "fax")),
        (&admin, RecordConsent { text_version: " ".into(), ..consent("account", "sms") }),
    ] {
        assert_eq!(refusal(who.record_consent(pupil, &bad).await), (422, "bad_field".into()), "{bad:?}");
    }
    assert_eq!(refusal(parent.record_consent(other, &consent("account", "online")).await).0, 403);

    let not_theirs = parent.withdraw_consent(other, own.consent_id).await;
    assert_eq!(refusal(not_theirs), (403, "not_allowed".into()));
    assert_eq!(refusal(admin.withdraw_consent(other, own.consent_id).await), (404, "not_found".into()));
    for _ in 0..2 {
        parent.withdraw_consent(pupil, own.consent_id).await.expect("withdrawn");
    }
    let listed = teacher.consents(pupil).await.expect("the ledger");
    assert_eq!(listed.len(), 2, "the row stays");
    assert!(listed.iter().any(|row| row.consent_id == own.consent_id && row.withdrawn_at.is_some()));
    let deeds = admin.audit(&format!("?subject={pupil}")).await.expect("the log").entries;
    let deeds: Vec<_> = deeds.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(deeds.iter().filter(|deed| **deed == "record consent").count(), 2, "{deeds:?}");
    assert!(deeds.contains(&"withdraw consent"));
}

#[tokio::test]
async fn without_a_consent_that_is_needed_the_hint_comes() {
    let hub = TestHub::with(|config| config.privacy.ai_needs_consent = true).await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let events = help(&pupil, &given).await;
    assert!(is_by_hint(&events), "{events:?}");
    let admin = hub.admin().await;
    admin.record_consent(pupil.id, &consent("ai_tutor", "paper")).await.expect("kept");
    let events = help(&pupil, &given).await;
    assert_eq!(events.last(), Some(&FeedbackEvent::Done { written_by_ai: true }), "{events:?}");
}

#[tokio::test]
async fn a_consent_that_was_withdrawn_counts_where_none_is_needed_too() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let parent = hub.parent("민지 어머니", &[pupil.id]).await;
    let events = help(&pupil, &given).await;
    assert_eq!(events.last(), Some(&FeedbackEvent::Done { written_by_ai: true }));
    let given_one = parent.record_consent(pupil.id, &consent("ai_tutor", "online")).await.expect("kept");
    parent.withdraw_consent(pupil.id, given_one.consent_id).await.expect("withdrawn");
    let events = help(&pupil, &given).await;
    assert!(is_by_hint(&events), "{events:?}");
}

fn unpack(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip file");
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("a file");
        let name = file.name().expect("a name").into_owned();
        let mut text = String::new();
        file.read_to_string(&mut text).expect("text");
        files.insert(name, text);
    }
    files
}

/// A pupil with something of everything, a sibling and a parent.
struct Family {
    given: Given,
    pupil: Person,
    parent: Person,
}

async fn family(hub: &TestHub) -> Family {
    let given = hub.give(&[fraction_problem(), word_problem()]).await;
    let pupil = hub.pupil(NAME).await;
    let parent = hub.parent(&format!("{NAME} 어머니"), &[pupil.id]).await;
    help(&pupil, &given).await;
    for text in [ANSWER, "=1+1"] {
        let text = Answer::ShortText { text: text.into() };
        let word = submission(given.problems[1].problem_version_id, Some(given.lesson.lesson_id), text);
        pupil.submit_answer(&word).await.expect("kept");
    }
    let note = SendNote { text: NOTE.into(), lesson_id: None, problem_version_id: None };
    hub.teacher().await.send_note(hub.class, pupil.id, &note).await.expect("a note");
    parent.record_consent(pupil.id, &consent("ai_tutor", "online")).await.expect("kept");
    Family { given, pupil, parent }
}

#[tokio::test]
async fn a_pupils_file_holds_all_and_nothing_of_others() {
    let hub = TestHub::start().await;
    let Family { given, pupil, parent } = family(&hub).await;
    hub.parent("다른 보호자", &[pupil.id]).await;
    let classmate = hub.pupil("서연").await;
    classmate.submit_answer(&given.answer("3/7")).await.expect("kept");
    assert_eq!(refusal(parent.export_pupil(pupil.id, " ").await), (422, "reason_needed".into()));
    let named = format!("{NAME} 전학");
    assert_eq!(refusal(parent.export_pupil(pupil.id, &named).await), (422, "bad_field".into()));
    assert_eq!(refusal(parent.export_pupil(classmate.id, REASON).await), (403, "not_allowed".into()));

    let files = unpack(&parent.export_pupil(pupil.id, REASON).await.expect("a file"));
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    let expected = [
        "README.txt",
        "account.json",
        "answers.csv",
        "answers.json",
        "consents.csv",
        "enrolments.csv",
        "exams.csv",
        "help.csv",
        "notes.csv",
        "progress.json",
        "record.csv",
        "sign-ins.csv",
    ];
    assert_eq!(names, expected);
    for (name, text) in &files {
        assert_eq!(text.starts_with('\u{feff}'), !name.ends_with(".json"), "{name}");
        for others in ["서연", "3/7", "다른 보호자", "김선생", "분자끼리"] {
            assert!(!text.contains(others), "{name}: {others}");
        }
    }
    assert!(files["account.json"].contains(NAME));
    assert!(files["answers.csv"].contains(ANSWER) && files["answers.csv"].contains(",'=1+1,"));
    assert!(files["answers.csv"].contains("틀림 wrong"));
    assert!(files["notes.csv"].contains(NOTE));
    assert!(files["consents.csv"].contains("ai_tutor,online,'2026-11,"));
    assert!(files["enrolments.csv"].contains("2026,5학년 1반,1,"));
    assert!(files["help.csv"].contains("분수의 합"));
    assert!(files["record.csv"].contains("export pupil"));
    assert!(files["README.txt"].contains("드림시드") && files["README.txt"].contains("pupil"));

    let staff = unpack(&hub.admin().await.export_pupil(pupil.id, REASON).await.expect("a file"));
    assert!(staff["answers.json"].contains("분자끼리"), "an admin gets what staff see");
}

#[tokio::test]
async fn a_pupils_file_keeps_what_an_exam_keeps() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&fraction_problem()).await.expect("a problem");
    let held =
        teacher.open_lesson(hub.class, &exam("시험", vec![problem.problem_id], 30)).await.expect("held");
    let pupil = hub.pupil("민지").await;
    let parent = hub.parent("민지 어머니", &[pupil.id]).await;
    pupil.begin_sitting(held.lesson_id).await.expect("begun");
    let given = Given { problems: vec![problem], lesson: held };
    pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    let files = unpack(&parent.export_pupil(pupil.id, REASON).await.expect("a file"));
    assert!(!files["answers.csv"].contains("맞음"), "{}", files["answers.csv"]);
    assert!(files["answers.json"].contains("\"grade\": null"));
    assert!(files["progress.json"].contains("\"skills\": []"), "{}", files["progress.json"]);
}

/// Every file of the data folder in which one of the texts stands, as UTF-8 or with JSON's escapes.
fn find_in_files(folder: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(find_in_files(&path, texts));
            continue;
        }
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            // The high mark is written aside and renamed while the hub works.
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => continue,
            Err(err) => panic!("{}: {err}", path.display()),
        };
        for text in texts {
            if bytes.windows(text.len()).any(|piece| piece == text.as_bytes()) {
                found.push(format!("{}: {text}", path.display()));
            }
        }
    }
    found
}

async fn import_with(hub: &TestHub, name: &str) {
    let admin = hub.admin().await;
    let list = format!("학년,반,번호,이름\n5,1,1,{name}\n5,1,2,서연\n");
    let file = format!("{name}.csv");
    let preview = admin.preview_roster(&file, Some(2026), list.clone()).await.expect("a preview");
    admin.import_roster(&file, Some(2026), &preview.digest, false, list).await.expect("imported");
}

#[tokio::test]
async fn nothing_is_left_of_who_is_erased() {
    let mut hub = TestHub::start().await;
    let Family { given, pupil, parent } = family(&hub).await;
    import_with(&hub, NAME).await;
    // A correction of the name, so that the record of changes has known it too.
    import_with(&hub, "남궁여우").await;
    import_with(&hub, NAME).await;
    assert!(!find_in_files(hub.data(), &[NAME]).is_empty());
    let admin = hub.admin().await;
    assert_eq!(refusal(admin.erase_pupil(pupil.id, &erasure(NAME, "")).await), (422, "reason_needed".into()));
    assert_eq!(
        refusal(admin.erase_pupil(pupil.id, &erasure("서연", REASON)).await),
        (422, "bad_field".into())
    );
    let named = erasure(NAME, &format!("{NAME}의 요청"));
    assert_eq!(refusal(admin.erase_pupil(pupil.id, &named).await), (422, "bad_field".into()));
    assert_eq!(refusal(hub.teacher().await.erase_pupil(pupil.id, &erasure(NAME, REASON)).await).0, 403);
    assert!(pupil.my_progress().await.is_ok(), "nothing has happened yet");

    let erased = admin.erase_pupil(pupil.id, &erasure(NAME, REASON)).await.expect("erased");
    assert_eq!((erased.pupil_id, erased.answers), (pupil.id, 3));
    assert!(erased.in_backups_days > 0);
    assert_eq!(find_in_files(hub.data(), &[NAME, "남궁여우", ANSWER, NOTE]), Vec::<String>::new());

    for gone in [&pupil, &parent] {
        let reply = gone.request(Method::GET, "/me", "").await;
        assert_eq!(reply.status, 401, "the sign-in has ended");
    }
    assert_eq!(refusal(admin.erase_pupil(pupil.id, &erasure(NAME, REASON)).await), (404, "not_found".into()));
    let roster = admin.class_detail(hub.class).await.expect("the class");
    assert_eq!(roster.pupils_list.iter().map(|pupil| pupil.name.as_str()).collect::<Vec<_>>(), ["서연"]);
    let users = admin.users(None).await.expect("the people");
    assert!(users.iter().all(|user| user.user_id != pupil.id && user.user_id != parent.id));
    // The record is whole: the chain, what is said of the deed, and the caches.
    let page = admin.audit(&format!("?subject={}", pupil.id)).await.expect("the log");
    assert_eq!(page.broken_at, None);
    assert_eq!(page.entries[0].action, "erase pupil");
    assert!(admin.roster_changes().await.is_ok());

    // Over a restart, and through the night's work, which writes the file anew.
    hub.restart().await;
    hub.teacher().await.close_lesson(hub.class, given.lesson.lesson_id).await.expect("closed");
    hub.admin().await.run_retention().await.expect("a run");
    let check = |conn: &dreamseed_hub::store::ReadConn| {
        let broken: i64 =
            conn.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
        let unpurged: i64 =
            conn.query_row("SELECT count(*) FROM erasures WHERE purged_at IS NULL", [], |row| row.get(0))?;
        let whole: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        Ok::<_, dreamseed_hub::store::StoreError>((broken, unpurged, whole))
    };
    assert_eq!(hub.ctx().store.read(check).await.expect("checked"), (0, 0, "ok".into()));
    hub.stop().await;
    assert_eq!(find_in_files(hub.data(), &[NAME, ANSWER, NOTE]), Vec::<String>::new());
}

#[tokio::test]
async fn a_parent_of_another_child_stays_and_is_not_called_after_the_erased_one() {
    let hub = TestHub::start().await;
    let (pupil, sibling) = (hub.add_pupil(hub.class, NAME).await, hub.add_pupil(hub.class, "준호").await);
    let parent = hub.parent(&format!("{NAME} 아버지"), &[pupil, sibling]).await;
    hub.admin().await.erase_pupil(pupil, &erasure(NAME, REASON)).await.expect("erased");
    let children = parent.my_children().await.expect("still signed in");
    assert_eq!(children.iter().map(|child| child.pupil_id).collect::<Vec<UserId>>(), [sibling]);
    assert_eq!(parent.me().await.expect("me").name, "학부모");
    assert_eq!(find_in_files(hub.data(), &[NAME]), Vec::<String>::new());
}

/// As SQLite leaves copies of rows behind when it moves them from page to page: overwriting what is removed does not reach them.
fn leave_in_unused_bytes(database: &Path, text: &str) {
    let conn = dreamseed_hub::store::ReadConn::open(database).expect("opened");
    let rows = format!(
        "PRAGMA secure_delete = OFF; CREATE TABLE moved (name TEXT) STRICT;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO moved SELECT '{text}' FROM n; DROP TABLE moved; PRAGMA wal_checkpoint (TRUNCATE);"
    );
    conn.execute_batch(&rows).expect("left");
}

#[tokio::test]
async fn who_comes_back_with_a_backup_is_erased_again() {
    let mut hub = TestHub::start().await;
    let Family { pupil, .. } = family(&hub).await;
    hub.stop().await;
    let backup = hub.data().join("../backup.db");
    std::fs::copy(hub.database(), &backup).expect("a backup");
    leave_in_unused_bytes(&backup, NAME);
    hub.start_again().await;
    hub.admin().await.erase_pupil(pupil.id, &erasure(NAME, REASON)).await.expect("erased");
    hub.stop().await;
    std::fs::copy(&backup, hub.database()).expect("restored");
    assert!(!find_in_files(hub.data(), &[NAME]).is_empty());
    hub.start_again().await;
    assert_eq!(find_in_files(hub.data(), &[NAME, ANSWER, NOTE]), Vec::<String>::new());
    let page = hub.admin().await.audit(&format!("?subject={}", pupil.id)).await.expect("the log");
    assert_eq!(page.entries[0].action, "erase pupil again");
    hub.restart().await;
    let later = hub.admin().await.audit(&format!("?subject={}", pupil.id)).await.expect("the log");
    assert_eq!(later.entries.len(), page.entries.len(), "once is enough");
}
