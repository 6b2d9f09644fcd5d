//! Single rows whose bits have flipped on the disk, with no backup to bring them back: what is damaged is said to be, nothing
//! else stops working, and nobody takes over what cannot be read.

use std::io::Read;

use dreamseed_hub::{
    clock::Clock,
    key_rotation::reset_password,
    store::{problems, school},
};
use dreamseed_testkit::{Given, Person, TestHub, exam, minutes, number, refusal, submission, sum_problem};
use dreamseed_wire::{
    Language,
    account::SetUpHub,
    answer::Grade,
    attempt::SubmitAnswer,
    authoring::AnswerKey,
    ids::{AttemptId, ProblemVersionId, UserId},
    privacy::ErasePupil,
    regrade::{ApplyRegrade, CorrectKey},
};
use rusqlite::Connection;

use crate::devices::{TestDevice, copy_of, put_back, words};

const PASSWORD: &str = "haneul-bada-namu-7";
const REASON: &str = "보호자의 요청, 공문 12호";

/// What keeps rows as they were written, put aside for a change.
const KEEPERS: [&str; 2] = ["attempts_are_kept_as_written", "versions_are_kept_as_written"];

/// Changes one row of a hub that is stopped, as a disk would.
fn flip(hub: &TestHub, change: &str) {
    let conn = Connection::open(hub.database()).expect("opened");
    conn.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF").expect("set");
    let keepers = KEEPERS.map(|name| {
        let found = conn.query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0));
        let sql: String = found.expect("a trigger");
        conn.execute_batch(&format!("DROP TRIGGER {name}")).expect("put aside");
        sql
    });
    assert_eq!(conn.execute(change, []).expect(change), 1, "{change}");
    keepers.iter().for_each(|sql| conn.execute_batch(sql).expect("back again"));
}

async fn restart_with(hub: &mut TestHub, change: &str) {
    hub.stop().await;
    flip(hub, change);
    hub.start_again().await;
}

async fn faults(hub: &TestHub) -> Vec<(&'static str, u32)> {
    hub.ctx().store.read(school::find_unreadable).await.expect("read")
}

fn blob(id: uuid::Uuid) -> String {
    format!("x'{}'", id.simple())
}

/// The words of a file in a pupil's zip.
fn file_of(zip: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).expect("a zip file");
    let mut text = String::new();
    archive.by_name(name).expect(name).read_to_string(&mut text).expect("text");
    text
}

/// Lists beside the school that a start reads: what cannot be read of them is left out, and all else is there.
#[tokio::test]
async fn a_start_gets_over_a_damaged_row_of_any_list() {
    let mut hub = TestHub::start().await;
    let pupil = hub.pupil("한별").await;
    let _device = TestDevice::on(&hub, &hub.admin().await).await;
    hub.stop().await;
    flip(&hub, "UPDATE devices SET name = CAST(x'41b342' AS TEXT)");
    flip(&hub, "UPDATE security_ledger SET entry = '{x' WHERE id = (SELECT min(id) FROM security_ledger)");
    flip(&hub, "UPDATE epochs SET reason = 'firsu'");
    for list in [
        "INSERT INTO consents (id, pupil_id, scope, method, text_version, given_at) \
         SELECT randomblob(16), id, CAST(x'b3' AS TEXT), 'paper', '1', 0 FROM users WHERE role = 'student'",
        "INSERT INTO erasures (id, pupil_id, reason, erased_at) SELECT x'01', randomblob(16), '', 0",
        "INSERT INTO api_keys (id, name, hash, per_minute, made_by, created_at) \
         SELECT randomblob(16), CAST(x'b3' AS TEXT), randomblob(32), 60, id, 0 FROM users WHERE role = 'admin'",
    ] {
        flip(&hub, list);
    }
    hub.start_again().await;
    let pupil = hub.sign_in(pupil.id).await;
    pupil.my_problems().await.expect("the lesson goes on");
    assert_eq!(hub.admin().await.api_keys().await.expect("a list").len(), 1);
}

#[tokio::test]
async fn a_school_whose_admin_cannot_be_read_is_not_set_up_again() {
    let mut hub = TestHub::start().await;
    let admin = hub.admin().await.id;
    let login = hub.login_of(admin);
    restart_with(&mut hub, "UPDATE users SET role = 'adm)n' WHERE role = 'admin'").await;
    let before = hub.stranger().hub_info().await.expect("known to anyone");
    assert!(!before.needs_setup);
    let new = SetUpHub {
        code: hub.ctx().auth.setup_code().expect("a code in memory"),
        school_name: "빼앗은초등학교".into(),
        login_name: "thief".into(),
        name: "도둑".into(),
        password: PASSWORD.into(),
        language: Language::Ko,
    };
    let refused = hub.stranger().set_up_hub(&new).await.expect_err("refused").to_string();
    assert!(
        refused.contains("관리자 계정을 읽을 수 없습니다") && refused.contains("cannot be read"),
        "{refused}"
    );
    let after = hub.stranger().hub_info().await.expect("known to anyone");
    assert_eq!(after.school_name, before.school_name);
    // The way out of the words: the account has its role again, and a first password.
    hub.stop().await;
    let first = reset_password(hub.config(), &login, hub.clock.now()).await.expect("reset");
    hub.start_again().await;
    let signed_in = hub.stranger().sign_in_password(&login, &first.password).await.expect("signed in");
    assert_eq!(signed_in.me.user_id, admin);
    assert_eq!(refusal(hub.stranger().set_up_hub(&new).await), (403, "not_allowed".into()));
}

/// Damage to an answer: whether what it says can still be read, and what becomes of it when it is sent again, by its pupil and
/// by a device.
const ANSWERS: [(&str, bool, Result<(), u16>, &str); 3] = [
    ("answer = CAST(x'fb' || substr(CAST(answer AS BLOB), 2) AS TEXT)", false, Ok(()), "duplicate"),
    ("answer = replace(answer, '\"', '''')", false, Ok(()), "duplicate"),
    ("body_hash = x'00'", true, Err(503), "busy"),
];

#[tokio::test]
async fn a_damaged_answer_stands_in_the_way_of_nothing_else() {
    for (damage, is_readable, sent_again, delivered_again) in ANSWERS {
        let mut hub = TestHub::start().await;
        let given = hub.give(&[sum_problem(1), sum_problem(2)]).await;
        let pupil = hub.pupil("한별").await;
        let device = TestDevice::on(&hub, &pupil).await;
        let deposit = device.deposit(&pupil).await;
        let (kept, whole) = (given.answer("7"), given.answer_to(1, "3"));
        for answer in [&kept, &whole] {
            pupil.submit_answer(answer).await.expect("taken");
        }
        let change = format!("UPDATE attempts SET {damage} WHERE id = {}", blob(kept.attempt_id.0));
        restart_with(&mut hub, &change).await;

        let teacher = hub.teacher().await;
        let page = teacher.pupil_page(hub.class, pupil.id).await.expect(damage);
        assert_eq!(page.attempts.len(), 2, "{damage}");
        let shown =
            page.attempts.iter().find(|shown| shown.attempt_id == kept.attempt_id).expect("in the list");
        assert_eq!((shown.answer.is_some(), &shown.grade), (is_readable, &Some(Grade::Wrong)), "{damage}");
        for who in [&teacher, &pupil] {
            let seen = who.attempt(kept.attempt_id).await.expect(damage);
            assert_eq!((seen.answer.is_some(), seen.hub_seq), (is_readable, shown.hub_seq), "{damage}");
        }
        let zip = hub.admin().await.export_pupil(pupil.id, REASON).await.expect(damage);
        assert_eq!(file_of(&zip, "answers.csv").contains("손상되어 읽을 수 없음"), !is_readable, "{damage}");

        let again = pupil.submit_answer(&kept).await;
        match sent_again {
            Ok(()) => assert_eq!(again.expect(damage).hub_seq, shown.hub_seq),
            Err(status) => assert_eq!(refusal(again).0, status, "{damage}"),
        }
        let new = given.answer_to(1, "5");
        let batch = [&kept, &new, &whole].map(|answer| device.keep(&hub, &deposit, 1, answer));
        assert_eq!(
            words(&device.deliver(&hub, &batch).await),
            [delivered_again, "stored", "duplicate"],
            "{damage}"
        );

        // A key is corrected, and the pupil is erased, with the damaged row there.
        let corrected = correct(&teacher, &given, "8").await;
        assert_eq!(refusal_or_grade(&teacher, kept.attempt_id).await, Some(Grade::Wrong), "{corrected:?}");
        let erasure = ErasePupil { reason: REASON.into(), name: "한별".into() };
        let erased = hub.admin().await.erase_pupil(pupil.id, &erasure).await.expect(damage);
        assert_eq!((erased.answers, rows_of(&hub, pupil.id)), (3, 0), "{damage}");
    }
}

async fn refusal_or_grade(person: &Person, id: AttemptId) -> Option<Grade> {
    person.attempt(id).await.expect("shown").grade
}

/// Gives the first problem another key; the version that has it.
async fn correct(teacher: &Person, given: &Given, value: &str) -> ProblemVersionId {
    let problem = given.problems[0].problem_id;
    let key = AnswerKey::Number {
        value: value.into(),
        tolerance: None,
        units: vec![],
        unit_required: false,
        lowest_terms: false,
        form: None,
    };
    let correction = CorrectKey { key, check: None };
    let preview = teacher.preview_regrade(problem, &correction).await.expect("a preview");
    let regrade = ApplyRegrade { correction, digest: preview.digest, reason: "정답이 틀렸음".into() };
    teacher.apply_regrade(problem, &regrade).await.expect("corrected");
    teacher.problem(problem).await.expect("a problem").problem_version_id
}

/// Answers in the record itself, whatever the indexes say.
fn rows_of(hub: &TestHub, pupil: UserId) -> i64 {
    let conn = Connection::open(hub.database()).expect("opened");
    let count = "SELECT count(*) FROM attempts NOT INDEXED WHERE pupil_id = ?1";
    conn.query_row(count, [pupil.0.as_bytes().as_slice()], |row| row.get(0)).expect("counted")
}

/// One other digit in a key makes every right answer of a class a wrong one: such a key grades nothing.
#[tokio::test]
async fn a_key_with_a_flipped_digit_grades_nobody() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1), sum_problem(2)]).await;
    let pupil = hub.pupil("한별").await;
    let version = blob(given.version().0);
    let to = |from: &str, to: &str| {
        format!(
            "UPDATE problem_versions SET draft = replace(draft, '\"value\":\"{from}\"', '\"value\":\"{to}\"') WHERE id = {version}"
        )
    };
    restart_with(&mut hub, &to("2", "3")).await;
    assert_eq!(faults(&hub).await, [("problems", 1)]);
    assert_eq!(refusal(pupil.submit_answer(&given.answer("2")).await), (404, "unknown_problem".into()));
    let other = pupil.submit_answer(&given.answer_to(1, "3")).await.expect("taken");
    assert_eq!(other.grade, Some(Grade::Right), "the rest of the lesson goes on");
    restart_with(&mut hub, &to("3", "2")).await;
    assert_eq!(faults(&hub).await, []);
    let right = pupil.submit_answer(&given.answer("2")).await.expect("taken");
    assert_eq!(right.grade, Some(Grade::Right));

    // The skill beside the draft: the draft is whole and has it too.
    restart_with(&mut hub, &format!("UPDATE problem_versions SET skill = 'x' WHERE id = {version}")).await;
    assert_eq!(faults(&hub).await, [("skills of problems", 1)]);
    let listed = hub.teacher().await.problem(given.problems[0].problem_id).await.expect("there");
    assert_eq!(listed.draft.skill, sum_problem(1).skill);
}

/// A corrected key that cannot be read any more does not let the wrong one count again.
#[tokio::test]
async fn a_damaged_correction_brings_no_wrong_key_back() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1)]).await;
    let (pupil, teacher) = (hub.pupil("한별").await, hub.teacher().await);
    let answer = given.answer("8");
    assert_eq!(pupil.submit_answer(&answer).await.expect("taken").grade, Some(Grade::Wrong));
    let corrected = correct(&teacher, &given, "8").await;
    assert_eq!(refusal_or_grade(&teacher, answer.attempt_id).await, Some(Grade::Right));
    restart_with(
        &mut hub,
        &format!(
            "UPDATE problem_versions SET draft = replace(draft, '8', '9') WHERE id = {}",
            blob(corrected.0)
        ),
    )
    .await;
    let teacher = hub.teacher().await;
    assert_eq!(
        refusal_or_grade(&teacher, answer.attempt_id).await,
        Some(Grade::Right),
        "graded by what was known"
    );
    assert_eq!(refusal(pupil.submit_answer(&given.answer("8")).await), (404, "unknown_problem".into()));
}

/// The hub has the content of its starter problems with it.
#[tokio::test]
async fn a_damaged_starter_problem_comes_back_at_the_next_start() {
    let mut hub = TestHub::start().await;
    let before = hub.teacher().await.problems().await.expect("the list");
    let number = before.iter().find(|listing| listing.question_kind == "number").expect("one with a number");
    let version = number.problem_version_id;
    let whole = hub.teacher().await.problem(number.problem_id).await.expect("a problem");
    for damage in [
        "draft = replace(draft, '\"value\":\"', '\"value\":\"1')",
        "draft = CAST(substr(CAST(draft AS BLOB), 1, 40) || x'fbfbfb' AS TEXT)",
        "content_hash = zeroblob(32)",
        "skill = 'x'",
    ] {
        restart_with(
            &mut hub,
            &format!("UPDATE problem_versions SET {damage} WHERE id = {}", blob(version.0)),
        )
        .await;
        assert_eq!(faults(&hub).await, [], "{damage}");
        let teacher = hub.teacher().await;
        assert_eq!(teacher.problems().await.expect("the list"), before, "{damage}");
        assert_eq!(teacher.problem(number.problem_id).await.expect("a problem"), whole, "{damage}");
    }
    hub.stop().await;
    let conn = Connection::open(hub.database()).expect("opened");
    let refused = conn.execute("UPDATE problem_versions SET skill = 'x'", []).expect_err("kept as written");
    assert!(refused.to_string().contains("immutable"), "{refused}");
}

/// Nobody tries until it is right after a restore, also in an exam that ended long before.
#[tokio::test]
async fn grades_of_an_old_exam_that_were_looked_at_end_the_waiting_after_a_restore() {
    let mut hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let mut problems = Vec::new();
    for n in 1..3 {
        problems.push(teacher.add_problem(&sum_problem(n)).await.expect("a problem"));
    }
    let ids = problems.iter().map(|problem| problem.problem_id).collect();
    let lesson = teacher.open_lesson(hub.class, &exam("시험", ids, 40)).await.expect("opened");
    let pupil = hub.pupil("민지").await;
    let device = TestDevice::on(&hub, &pupil).await;
    let deposit = device.deposit(&pupil).await;
    pupil.begin_sitting(lesson.lesson_id).await.expect("begun");
    hub.clock.advance(minutes(10));
    let answer = |index: usize, text: &str| -> SubmitAnswer {
        submission(problems[index].problem_version_id, Some(lesson.lesson_id), number(text))
    };
    let (first, second, third) = (answer(0, "2"), answer(1, "4"), answer(1, "3"));
    let items = [&first, &second, &third].map(|answer| device.keep(&hub, &deposit, 1, answer));
    hub.clock.advance(minutes(60 * 24 * 3));
    let before = copy_of(&mut hub).await;
    put_back(&mut hub, &before).await;
    hub.clock.advance(minutes(5));
    assert_eq!(words(&device.deliver(&hub, &items[..2]).await), ["stored", "stored"]);
    let pupil = hub.sign_in(pupil.id).await;
    let looked = pupil.attempt(second.attempt_id).await.expect("shown");
    assert_eq!(looked.grade, Some(Grade::Wrong));
    assert_eq!(words(&device.deliver(&hub, &items[2..]).await), ["exam_over"]);
}

/// What a family may ask of the school does not end with the account's row.
#[tokio::test]
async fn a_pupil_whose_account_cannot_be_read_is_exported_and_erased() {
    for (damage, name, wrong) in [
        ("role = 'studenu'", "한별".to_owned(), "서연"),
        ("role = CAST(x'f3' || 'tudent' AS TEXT)", "한별".to_owned(), "서연"),
        ("role = 'x', name = CAST(x'edff' AS TEXT)", String::new(), "한별"),
    ] {
        let mut hub = TestHub::start().await;
        let given = hub.give(&[sum_problem(1)]).await;
        let pupil = hub.pupil("한별").await;
        let staff = hub.other_teacher("이선생", "5-2", Language::Ko).await.0.id;
        pupil.submit_answer(&given.answer("2")).await.expect("taken");
        hub.stop().await;
        flip(&hub, &format!("UPDATE users SET {damage} WHERE id = {}", blob(pupil.id.0)));
        flip(&hub, &format!("UPDATE users SET role = 'tfacher' WHERE id = {}", blob(staff.0)));
        hub.start_again().await;
        assert!(faults(&hub).await.iter().any(|(what, _)| *what == "accounts"), "{damage}");
        let admin = hub.admin().await;
        let zip = admin.export_pupil(pupil.id, REASON).await.expect(damage);
        assert!(file_of(&zip, "answers.csv").contains("더하기 1"), "{damage}");
        let name = if name.is_empty() { pupil.id.to_string() } else { name };
        let erasure = |name: &str| ErasePupil { reason: REASON.into(), name: name.into() };
        assert_eq!(refusal(admin.erase_pupil(pupil.id, &erasure(wrong)).await).0, 422, "{damage}");
        assert_eq!(admin.erase_pupil(pupil.id, &erasure(&name)).await.expect(damage).answers, 1);
        assert_eq!(rows_of(&hub, pupil.id), 0, "{damage}");
        assert_eq!(refusal(admin.export_pupil(pupil.id, REASON).await).0, 404, "{damage}");
        assert_eq!(refusal(admin.erase_pupil(staff, &erasure("이선생")).await).0, 404, "no pupil");
    }
}

/// An index that knows less than its table must not keep back what is to be erased, nor stop the hub.
#[tokio::test]
async fn an_erasure_finds_what_a_damaged_index_has_lost() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1), sum_problem(2)]).await;
    let pupil = hub.pupil("한별").await;
    let other = hub.pupil("서연").await;
    for answer in [given.answer("2"), given.answer("3"), given.answer_to(1, "3")] {
        pupil.submit_answer(&answer).await.expect("taken");
    }
    let kept = other.submit_answer(&given.answer("2")).await.expect("taken");
    for (index, columns, others) in [
        ("attempts_pupil", "(pupil_id, skill, day)", "(problem_version_id, skill, day)"),
        ("attempts_version", "(problem_version_id, pupil_id)", "(pupil_id, problem_version_id)"),
    ] {
        make_index_lie(&mut hub, index, (columns, others)).await;
    }
    let erasure = ErasePupil { reason: REASON.into(), name: "한별".into() };
    let erased = hub.admin().await.erase_pupil(pupil.id, &erasure).await.expect("erased");
    assert_eq!((erased.answers, rows_of(&hub, pupil.id), rows_of(&hub, other.id)), (3, 0, 1));
    other.attempt(kept.attempt_id).await.expect("others keep theirs");
    hub.stop().await;
    let conn = Connection::open(hub.database()).expect("opened");
    let said: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(said, "ok");
    let left = "SELECT count(*) FROM grades NOT INDEXED WHERE attempt_seq NOT IN (SELECT hub_seq FROM attempts NOT INDEXED)";
    assert_eq!(conn.query_row(left, [], |row| row.get::<_, i64>(0)).expect("counted"), 0);
}

/// Gives an index as many entries as its table has rows, and all of them wrong ones, which no quick check sees: it is filled
/// while it is told to be over other columns.
async fn make_index_lie(hub: &mut TestHub, index: &str, (columns, others): (&str, &str)) {
    hub.stop().await;
    let open = || Connection::open(hub.database()).expect("opened");
    let tell = |conn: &Connection, from: &str, to: &str| {
        conn.pragma_update(None, "writable_schema", true).expect("set");
        let change =
            "UPDATE sqlite_schema SET sql = replace(sql, ?2, ?3) WHERE name = ?1 AND sql LIKE '%' || ?2";
        assert_eq!(conn.execute(change, [index, from, to]).expect("changed"), 1, "{index}");
    };
    let check = |pragma: &str| -> String {
        open().query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).expect("checked")
    };
    tell(&open(), columns, others);
    let conn = open();
    conn.execute_batch(&format!("REINDEX {index}")).expect("filled");
    tell(&conn, others, columns);
    drop(conn);
    let said = check("integrity_check");
    assert!(said.contains("missing from index"), "{index}: {said}");
    assert_eq!(check("quick_check"), "ok", "{index}");
    hub.start_again().await;
}

/// Reading the whole library compares each draft with its hash; that must cost next to nothing at a start.
#[tokio::test]
async fn a_library_of_two_thousand_problems_is_compared_quickly() {
    let hub = TestHub::start().await;
    let now = hub.ctx().started_at;
    hub.write(move |tx| {
        for n in 0..2_000 {
            let problem = problems::add(tx, "school", None, now)?;
            problems::add_version(tx, problem, &sum_problem(n), None, now)?;
        }
        Ok(())
    })
    .await;
    let started = std::time::Instant::now();
    assert_eq!(faults(&hub).await, []);
    let took = started.elapsed();
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}
