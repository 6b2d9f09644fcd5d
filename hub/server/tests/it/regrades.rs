//! `/problems/{problem_id}/regrades`, `/regrades/{regrade_id}/undo` and `/attempts/{attempt_id}/grade`: grades are
//! corrected, shown, told and taken back, and nothing of them is ever overwritten.

use dreamseed_hub::store::grades;
use dreamseed_testkit::{
    Given, Person, TestHub, choice_problem, fraction_problem, minutes, next_event, refusal, submission,
    sum_problem,
};
use dreamseed_wire::{
    Language,
    answer::{Answer, Grade},
    attempt::{CellState, GradeSource},
    authoring::AnswerKey,
    ids::*,
    lesson::{HintCeiling, LessonFor, LessonMode, NoteKind, OpenLesson, PupilNote},
    live::LiveEvent,
    regrade::{ApplyRegrade, CorrectKey, OverrideGrade, RegradePreview, RegradeView},
};

fn key(value: &str) -> CorrectKey {
    CorrectKey {
        key: AnswerKey::Number {
            value: value.into(),
            tolerance: None,
            units: vec![],
            unit_required: false,
            lowest_terms: false,
            form: None,
        },
        check: None,
    }
}

fn confirm(correction: &CorrectKey, preview: &RegradePreview) -> ApplyRegrade {
    ApplyRegrade {
        correction: correction.clone(),
        digest: preview.digest.clone(),
        reason: "정답을 잘못 적었음".into(),
    }
}

async fn correct(teacher: &Person, given: &Given, value: &str) -> RegradeView {
    let problem = given.problems[0].problem_id;
    let preview = teacher.preview_regrade(problem, &key(value)).await.expect("a preview");
    teacher.apply_regrade(problem, &confirm(&key(value), &preview)).await.expect("corrected")
}

async fn grade(person: &Person, attempt: AttemptId) -> (Grade, GradeSource) {
    let view = person.attempt(attempt).await.expect("an attempt");
    (view.grade.expect("a grade"), view.graded_by)
}

async fn answer(pupil: &Person, given: &Given, text: &str) -> AttemptId {
    let answer = given.answer(text);
    pupil.submit_answer(&answer).await.expect("kept");
    answer.attempt_id
}

async fn notes(pupil: &Person) -> Vec<PupilNote> {
    serde_json::from_value(pupil.fetch("/me/notes").await).expect("notes")
}

#[tokio::test]
async fn a_wrong_key_is_corrected_as_previewed_and_everybody_is_told_kindly() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let problem = given.problems[0].problem_id;
    let (lucky, unlucky, wrong) = (hub.pupil("민지").await, hub.pupil("서연").await, hub.pupil("준호").await);
    let (to_right, to_wrong, same) = (
        answer(&lucky, &given, "6").await,
        answer(&unlucky, &given, "5").await,
        answer(&wrong, &given, "9").await,
    );

    let preview = teacher.preview_regrade(problem, &key("6")).await.expect("a preview");
    assert_eq!((preview.answers, preview.elsewhere, preview.kept_by_teacher), (3, 0, 0));
    let changes: Vec<_> = preview
        .changes
        .iter()
        .map(|change| (change.pupil.name.as_str(), change.answer.as_str(), &change.before, &change.after))
        .collect();
    assert_eq!(
        changes,
        [("민지", "6", &Grade::Wrong, &Grade::Right), ("서연", "5", &Grade::Right, &Grade::Wrong)]
    );
    assert_eq!(preview.changes[0].class_name.as_deref(), Some("5학년 1반"));
    assert_eq!(
        grade(&teacher, to_right).await,
        (Grade::Wrong, GradeSource::Code),
        "a preview changes nothing"
    );

    let mut watching = teacher.live_events(hub.class, None).await.expect("a stream");
    let view = teacher.apply_regrade(problem, &confirm(&key("6"), &preview)).await.expect("corrected");
    assert_eq!((view.changed, view.undone_at, view.by.as_deref()), (2, None, Some("김선생")));
    let mut seen = 0;
    while seen < 2 {
        if let LiveEvent::Cell { pupil_id, cell, .. } = next_event(&mut watching).await.data {
            let expected = if pupil_id == lucky.id { CellState::Right } else { CellState::NotYet };
            assert_eq!(cell.state, expected);
            seen += 1;
        }
    }

    assert_eq!(grade(&lucky, to_right).await, (Grade::Right, GradeSource::Regrade));
    assert_eq!(grade(&unlucky, to_wrong).await, (Grade::Wrong, GradeSource::Regrade));
    assert_eq!(grade(&wrong, same).await, (Grade::Wrong, GradeSource::Code));
    let told = notes(&lucky).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].kind, told[0].text.as_str()),
        (NoteKind::Regraded, "정답을 다시 살펴봤어요. 1번 답이 맞았어요.")
    );
    assert_eq!(told[0].from, None);
    assert!(notes(&unlucky).await[0].text.contains("‘아직이에요’로 바뀌었어요"));
    assert_eq!(notes(&wrong).await, []);
    // Why is for staff; the pupil was told in words of the hub's own.
    assert_eq!(
        teacher.attempt(to_right).await.expect("a view").grade_reason.as_deref(),
        Some("정답을 잘못 적었음")
    );
    assert_eq!(lucky.attempt(to_right).await.expect("a view").grade_reason, None);
    assert_eq!(lucky.my_standing().await.expect("standing").problems[0].solved, Some(true));

    // The corrected key is the problem's now, and grades who still sees the old version.
    let editing = teacher.problem(problem).await.expect("a problem");
    assert_eq!((editing.problem_version_id, editing.version), (view.key_version_id, 2));
    assert!(matches!(&editing.draft.key, AnswerKey::Number { value, .. } if value == "6"));
    let late = answer(&wrong, &given, "6").await;
    assert_eq!(grade(&wrong, late).await, (Grade::Right, GradeSource::Code));
    assert_eq!(teacher.regrades(problem).await.expect("a list").len(), 1);
}

#[tokio::test]
async fn a_correction_that_was_cut_short_is_ended_at_the_next_start() {
    let mut hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let pupil = hub.pupil("민지").await;
    let attempt = answer(&pupil, &given, "6").await;
    correct(&teacher, &given, "6").await;
    assert_eq!(grade(&teacher, attempt).await, (Grade::Right, GradeSource::Regrade));
    hub.stop().await;
    // As if the answer had been graded by the old key while the correction was written.
    let conn = rusqlite::Connection::open(hub.database()).expect("a database");
    conn.execute_batch("DELETE FROM regrade_changes; DELETE FROM grades WHERE revision > 1")
        .expect("cut short");
    conn.close().expect("closed");
    hub.start_again().await;
    let teacher = hub.teacher().await;
    assert_eq!(grade(&teacher, attempt).await, (Grade::Right, GradeSource::Regrade));
    let revisions = hub
        .ctx()
        .store
        .read(move |conn| grades::of_attempt(conn, attempt))
        .await
        .expect("readable")
        .expect("an answer");
    hub.restart().await;
    let again = hub.ctx().store.read(move |conn| grades::of_attempt(conn, attempt)).await.expect("readable");
    assert_eq!(again.expect("an answer").grade.revision, revisions.grade.revision, "nothing is left to do");
}

#[tokio::test]
async fn undoing_gives_back_what_counted_and_keeps_what_a_teacher_decided_since() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let problem = given.problems[0].problem_id;
    let (first, second, late) = (hub.pupil("민지").await, hub.pupil("서연").await, hub.pupil("준호").await);
    let (kept, back) = (answer(&first, &given, "6").await, answer(&second, &given, "6").await);
    let regrade = correct(&teacher, &given, "6").await;
    let meanwhile = answer(&late, &given, "6").await;
    let decision = OverrideGrade { right: true, reason: "설명이 옳음".into() };
    teacher.override_grade(kept, &decision).await.expect("decided");

    let undone = teacher.undo_regrade(regrade.regrade_id).await.expect("undone");
    assert!(undone.undone_at.is_some());
    assert_eq!(grade(&teacher, kept).await, (Grade::Right, GradeSource::Teacher));
    assert_eq!(grade(&teacher, back).await, (Grade::Wrong, GradeSource::Code));
    assert_eq!(
        grade(&teacher, meanwhile).await,
        (Grade::Wrong, GradeSource::Code),
        "given under the undone key"
    );
    assert_eq!(answer_grade(&late, &given, "5").await, Grade::Right);
    let editing = teacher.problem(problem).await.expect("a problem");
    assert!(matches!(&editing.draft.key, AnswerKey::Number { value, .. } if value == "5"));

    let notes_before = notes(&second).await.len();
    let again = teacher.undo_regrade(regrade.regrade_id).await.expect("undone");
    assert_eq!(again, undone);
    assert_eq!(notes(&second).await.len(), notes_before);
    // And it can be corrected again.
    correct(&teacher, &given, "6").await;
    assert_eq!(grade(&teacher, back).await, (Grade::Right, GradeSource::Regrade));
}

async fn answer_grade(pupil: &Person, given: &Given, text: &str) -> Grade {
    pupil.submit_answer(&given.answer(text)).await.expect("kept").grade.expect("a grade")
}

#[tokio::test]
async fn a_preview_that_no_longer_holds_is_refused() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let problem = given.problems[0].problem_id;
    let pupil = hub.pupil("민지").await;
    answer(&pupil, &given, "6").await;
    let preview = teacher.preview_regrade(problem, &key("6")).await.expect("a preview");
    // Answers that stay as they are do not matter.
    answer(&pupil, &given, "9").await;
    assert_eq!(teacher.preview_regrade(problem, &key("6")).await.expect("a preview").digest, preview.digest);
    answer(&pupil, &given, "5").await;
    let refused = refusal(teacher.apply_regrade(problem, &confirm(&key("6"), &preview)).await);
    assert_eq!(refused, (409, "changed".into()));
    let other = teacher.preview_regrade(problem, &key("7")).await.expect("a preview");
    assert_eq!(
        refusal(teacher.apply_regrade(problem, &confirm(&key("6"), &other)).await),
        (409, "changed".into())
    );
    assert_eq!(teacher.problem(problem).await.expect("a problem").version, 1, "nothing is left of it");
    assert_eq!(teacher.regrades(problem).await.expect("a list"), []);
}

#[tokio::test]
async fn names_of_other_teachers_pupils_are_not_shown_and_only_ones_own_correction_is_undone() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let problem = given.problems[0].problem_id;
    let (other, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let lesson = OpenLesson {
        title: "오늘".into(),
        problem_ids: vec![problem],
        mode: LessonMode::Practice,
        hint_ceiling: HintCeiling::Concept,
        whom: LessonFor::Class,
        minutes: None,
    };
    let lesson = other.open_lesson(other_class, &lesson).await.expect("a lesson");
    let (mine, theirs) = (hub.pupil("민지").await, hub.pupil_in(other_class, "준호").await);
    answer(&mine, &given, "6").await;
    let version = given.problems[0].problem_version_id;
    let elsewhere = submission(version, Some(lesson.lesson_id), Answer::Number { text: "6".into() });
    theirs.submit_answer(&elsewhere).await.expect("kept");

    let preview = teacher.preview_regrade(problem, &key("6")).await.expect("a preview");
    assert_eq!((preview.changes.len(), preview.elsewhere), (1, 1));
    assert_eq!(preview.changes[0].pupil.name, "민지");
    let full = hub.admin().await.preview_regrade(problem, &key("6")).await.expect("a preview");
    assert_eq!((full.changes.len(), full.elsewhere, &full.digest), (2, 0, &preview.digest));
    let regrade = correct(&teacher, &given, "6").await;
    assert_eq!(regrade.changed, 2);
    assert_eq!(notes(&theirs).await.len(), 1);
    assert_eq!(refusal(other.undo_regrade(regrade.regrade_id).await), (403, "not_allowed".into()));
    assert!(hub.admin().await.undo_regrade(regrade.regrade_id).await.is_ok());
    assert_eq!(refusal(teacher.undo_regrade(RegradeId::new()).await), (404, "not_found".into()));
}

#[tokio::test]
async fn a_key_must_fit_the_problem_and_a_reason_be_given() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[fraction_problem(), choice_problem()]).await;
    let (fraction, choice) = (given.problems[0].problem_id, given.problems[1].problem_id);
    let bad = CorrectKey { key: AnswerKey::SingleChoice { choice: "z".into() }, check: None };
    for problem in [fraction, choice] {
        assert_eq!(refusal(teacher.preview_regrade(problem, &bad).await), (422, "bad_field".into()));
    }
    let unchecked = CorrectKey { check: Some("1/2 + 1/4".into()), ..key("5/6") };
    assert_eq!(refusal(teacher.preview_regrade(fraction, &unchecked).await), (422, "bad_field".into()));
    // A listed wrong answer that is right now is taken out of the list.
    let preview = teacher.preview_regrade(fraction, &key("2/5")).await.expect("a preview");
    let mut confirmed = confirm(&key("2/5"), &preview);
    for reason in ["  ", &"가".repeat(301)] {
        confirmed.reason = reason.into();
        let refused = refusal(teacher.apply_regrade(fraction, &confirmed).await);
        assert_eq!(refused, (422, "reason_needed".into()));
    }
    confirmed.reason = "가".repeat(300);
    teacher.apply_regrade(fraction, &confirmed).await.expect("corrected");
    let draft = teacher.problem(fraction).await.expect("a problem").draft;
    assert_eq!((draft.common_wrong.len(), draft.check), (0, None));
    assert_eq!(
        refusal(teacher.preview_regrade(ProblemId::new(), &key("1")).await),
        (404, "not_found".into())
    );
}

#[tokio::test]
async fn one_grade_is_decided_by_a_teacher_and_taken_back() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4), sum_problem(7)]).await;
    let pupil = hub.pupil("민지").await;
    let answer = given.answer_to(1, "일곱 더하기 하나");
    pupil.submit_answer(&answer).await.expect("kept");
    let id = answer.attempt_id;
    assert!(matches!(grade(&teacher, id).await.0, Grade::NotUnderstood { .. }));
    let no_reason = OverrideGrade { right: true, reason: " ".into() };
    assert_eq!(refusal(teacher.override_grade(id, &no_reason).await), (422, "reason_needed".into()));

    let decision = OverrideGrade { right: true, reason: "말로 바르게 풀었음".into() };
    let view = teacher.override_grade(id, &decision).await.expect("decided");
    assert_eq!((view.grade, view.graded_by), (Some(Grade::Right), GradeSource::Teacher));
    assert_eq!(view.grade_reason.as_deref(), Some("말로 바르게 풀었음"));
    let mine = pupil.attempt(id).await.expect("a view");
    assert_eq!(
        (mine.graded_by, mine.grade_reason.as_deref()),
        (GradeSource::Teacher, Some("말로 바르게 풀었음"))
    );
    let told = notes(&pupil).await;
    assert_eq!(told[0].text, "선생님이 2번 답을 다시 살펴봤어요. 맞았어요.");
    assert_eq!(told[0].from.as_deref(), Some("김선생"));
    let progress = pupil.my_progress().await.expect("progress");
    assert_eq!((progress.skills[0].attempts, progress.skills[0].right), (1, 1));
    assert_eq!(pupil.my_standing().await.expect("standing").problems[0].tries, 1);

    // The same again is the same.
    teacher.override_grade(id, &decision).await.expect("decided");
    assert_eq!(notes(&pupil).await.len(), 1);
    let view = teacher.take_grade_back(id).await.expect("taken back");
    assert!(matches!(view.grade, Some(Grade::NotUnderstood { .. })));
    assert_eq!((view.graded_by, view.grade_reason), (GradeSource::Code, None));
    assert_eq!(pupil.my_progress().await.expect("progress").skills, []);
    assert_eq!(notes(&pupil).await.len(), 2);
    teacher.take_grade_back(id).await.expect("nothing to take back");
    assert_eq!(notes(&pupil).await.len(), 2);
}

#[tokio::test]
async fn taking_a_grade_back_grades_by_the_key_that_counts_now() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let pupil = hub.pupil("민지").await;
    let id = answer(&pupil, &given, "6").await;
    let decision = OverrideGrade { right: false, reason: "풀이가 없음".into() };
    teacher.override_grade(id, &decision).await.expect("decided");
    let preview = teacher.preview_regrade(given.problems[0].problem_id, &key("6")).await.expect("a preview");
    assert_eq!((preview.changes.len(), preview.kept_by_teacher), (0, 1));
    correct(&teacher, &given, "6").await;
    assert_eq!(grade(&teacher, id).await, (Grade::Wrong, GradeSource::Teacher));
    teacher.take_grade_back(id).await.expect("taken back");
    assert_eq!(grade(&teacher, id).await, (Grade::Right, GradeSource::Regrade));
}

#[tokio::test]
async fn an_exam_keeps_its_grades_also_when_its_key_is_corrected() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let pupil = hub.pupil("민지").await;
    let problem = teacher.add_problem(&sum_problem(4)).await.expect("a problem");
    let exam = OpenLesson {
        title: "단원 시험".into(),
        problem_ids: vec![problem.problem_id],
        mode: LessonMode::Exam,
        hint_ceiling: HintCeiling::None,
        whom: LessonFor::Class,
        minutes: Some(40),
    };
    let exam = teacher.open_lesson(hub.class, &exam).await.expect("an exam");
    let path = format!("/me/lessons/{}/sitting", exam.lesson_id);
    let begun = pupil.request(dreamseed_client::Method::POST, &path, "").await;
    assert!(begun.status.is_success(), "{begun:?}");
    hub.clock.advance(minutes(1));
    let answer =
        submission(problem.problem_version_id, Some(exam.lesson_id), Answer::Number { text: "6".into() });
    pupil.submit_answer(&answer).await.expect("kept");
    let preview = teacher.preview_regrade(problem.problem_id, &key("6")).await.expect("a preview");
    teacher.apply_regrade(problem.problem_id, &confirm(&key("6"), &preview)).await.expect("corrected");
    assert_eq!(notes(&pupil).await, []);
    assert_eq!(pupil.attempt(answer.attempt_id).await.expect("a view").grade, None);
    teacher.close_lesson(hub.class, exam.lesson_id).await.expect("closed");
    assert_eq!(grade(&pupil, answer.attempt_id).await, (Grade::Right, GradeSource::Regrade));
}

#[tokio::test]
async fn every_pupil_whose_grade_changed_stands_in_the_audit_log() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let (first, second) = (hub.pupil("민지").await, hub.pupil("서연").await);
    answer(&first, &given, "6").await;
    answer(&first, &given, "5").await;
    answer(&second, &given, "6").await;
    correct(&teacher, &given, "6").await;
    let subjects = hub
        .ctx()
        .store
        .read(|conn| {
            let mut query =
                conn.prepare("SELECT subject FROM audit WHERE action = 'regrade' ORDER BY seq")?;
            let rows = query.query_map([], |row| row.get::<_, UserId>(0))?.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, dreamseed_hub::store::StoreError>(rows)
        })
        .await
        .expect("rows");
    assert_eq!(subjects, [first.id, second.id]);
}
