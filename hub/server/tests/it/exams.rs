//! Exams: one sitting, no help, no grades until the end, answers safe against a lost connection.

use std::io::Read;

use dreamseed_client::Method;
use dreamseed_hub::{
    clock::Clock,
    permissions::{RULES, Scope},
};
use dreamseed_testkit::{
    Given, Person, TestHub, exam, fraction_problem, minutes, next_event, practice, refusal, rest_of,
    sum_problem,
};
use dreamseed_wire::{
    Language,
    answer::Grade,
    attempt::{CellState, GradeSource, NextSteps, SubmitAnswer},
    authoring::AnswerKey,
    class::ClassSettings,
    ids::*,
    lesson::{HintCeiling, LessonState, NoteKind, OpenForPupil, OpenedKind, SendNote},
    live::{LiveEvent, PupilState},
    people::{ApplyRollover, MovePupil, PlanRollover, RolloverClass},
    privacy::ErasePupil,
    problem::LessonProblems,
    regrade::{ApplyRegrade, CorrectKey, OverrideGrade},
};
use jiff::SignedDuration;

/// An exam of 40 minutes: n + 1 for n = 0 to 5, so that the right answer to problem n is n + 1.
async fn exam_of_six(hub: &TestHub, teacher: &Person) -> Given {
    let mut problems = Vec::new();
    for n in 0..6 {
        problems.push(teacher.add_problem(&sum_problem(n)).await.expect("a problem"));
    }
    let ids = problems.iter().map(|problem| problem.problem_id).collect();
    Given {
        lesson: teacher.open_lesson(hub.class, &exam("시험", ids, 40)).await.expect("opened"), problems
    }
}

fn order(lesson: &LessonProblems) -> Vec<ProblemVersionId> {
    lesson.problems.iter().map(|problem| problem.problem_version_id).collect()
}

fn at(answer: SubmitAnswer, hub: &TestHub) -> SubmitAnswer {
    SubmitAnswer { occurred_at: Some(hub.clock.now()), ..answer }
}

#[tokio::test]
async fn an_exam_from_begin_to_end_with_the_line_cut_in_the_middle() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    let settings = ClassSettings { auto_feedback: true, solution_after_tries: Some(1) };
    teacher.change_class_settings(hub.class, &settings).await.expect("set");
    let pupil = hub.pupil("민지").await;

    // Before it begins, nothing of it is shown.
    let listed = pupil.my_problems().await.expect("the list").lessons.remove(0);
    assert_eq!((listed.sitting.is_none(), listed.problem_count, listed.problems.len()), (true, 6, 0));
    let view = pupil.problem_version(given.version(), Language::Ko).await;
    assert_eq!(refusal(view), (403, "not_allowed".into()));
    assert_eq!(refusal(pupil.submit_answer(&given.answer("1")).await), (409, "exam_running".into()));
    assert_eq!(refusal(pupil.hand_in(id).await), (409, "exam_running".into()));

    let begun = pupil.begin_sitting(id).await.expect("begun");
    assert_eq!(begun.problems.len(), 6);
    pupil.problem_version(given.version(), Language::Ko).await.expect("the problem");

    // Answers are kept without a grade, help or solution.
    let wrong = given.answer_to(0, "9");
    let receipt = pupil.submit_answer(&wrong).await.expect("kept");
    let nothing = NextSteps { try_again: false, help: false, solution: false };
    assert_eq!((receipt.grade.clone(), receipt.next, receipt.feedback_url.clone()), (None, nothing, None));
    assert_eq!(pupil.submit_answer(&wrong).await.expect("the same receipt"), receipt);
    let right = given.answer_to(1, "2");
    assert_eq!(pupil.submit_answer(&right).await.expect("kept").grade, None);
    for attempt in [wrong.attempt_id, right.attempt_id] {
        assert_eq!(refusal(pupil.ask_help(attempt).await), (403, "exam_running".into()));
        assert_eq!(refusal(pupil.release_solution(attempt).await), (403, "exam_running".into()));
        let seen = pupil.attempt(attempt).await.expect("one's own answer");
        assert_eq!((seen.grade, seen.misconception, seen.feedback.len()), (None, None, 0));
        assert!(teacher.attempt(attempt).await.expect("the teacher sees it").grade.is_some());
    }
    let standing = pupil.my_standing().await.expect("standing").problems;
    assert!(standing.len() == 2 && standing.iter().all(|row| row.solved.is_none()), "{standing:?}");
    assert_eq!(refusal(pupil.my_progress().await), (403, "exam_running".into()));
    let open =
        OpenForPupil { problem_version_id: given.version(), what: OpenedKind::Solution, lesson_id: Some(id) };
    let opened = teacher.open_for_pupil(hub.class, pupil.id, &open).await;
    assert_eq!(refusal(opened), (409, "exam_running".into()), "not even the teacher helps");
    // Outside the lesson there is no way round it.
    let around = SubmitAnswer { lesson_id: None, ..given.answer_to(2, "3") };
    assert_eq!(refusal(pupil.submit_answer(&around).await), (404, "unknown_problem".into()));

    // The line is cut; the pupil goes on, corrects an answer, and comes back after the end.
    let mut offline = Vec::new();
    for (problem, text) in [(0, "8"), (0, "1"), (2, "3"), (3, "7")] {
        hub.clock.advance(minutes(5));
        offline.push(at(given.answer_to(problem, text), &hub));
    }
    hub.clock.advance(minutes(30));
    let (teacher, pupil) = (hub.teacher().await, hub.sign_in(pupil.id).await);
    let after_the_end = at(given.answer_to(4, "5"), &hub);
    assert_eq!(refusal(pupil.submit_answer(&after_the_end).await), (409, "lesson_closed".into()));
    // The newest first: the order of arrival does not matter.
    for answer in offline.iter().rev() {
        let receipt = pupil.submit_answer(answer).await.expect("given before the end");
        assert_eq!(receipt.grade, None, "nobody is told whether a late answer is right before all is in");
        assert_eq!(teacher.attempt(answer.attempt_id).await.expect("seen").late_by_secs, Some(10 * 60));
    }

    // Everything can be seen now, and the latest answer of each problem counts.
    assert_eq!(pupil.attempt(wrong.attempt_id).await.expect("seen").grade, Some(Grade::Wrong));
    pupil.my_progress().await.expect("progress");
    let solved: Vec<_> = {
        let rows = pupil.my_standing().await.expect("standing").problems;
        given
            .problems
            .iter()
            .map(|problem| {
                let mut rows = rows.iter();
                rows.find(|row| row.problem_version_id == problem.problem_version_id)
                    .and_then(|row| row.solved)
            })
            .collect()
    };
    assert_eq!(solved, [Some(true), Some(true), Some(true), Some(false), None, None]);
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    let cells: Vec<_> = picture.pupils[0].cells.iter().map(|cell| (cell.state, cell.tries)).collect();
    assert_eq!(cells[0], (CellState::Right, 3));
    assert_eq!(picture.pupils[0].cells[0].last_attempt, Some(offline[1].attempt_id));
    let listed = pupil.my_problems().await.expect("the list").lessons.remove(0);
    assert_eq!((listed.state, listed.problems.len()), (LessonState::Closed, 6), "it stays for a day");
    assert_eq!(order(&listed), order(&begun));
    hub.clock.advance(minutes(24 * 60));
    assert_eq!(hub.sign_in(pupil.id).await.my_problems().await.expect("the list").lessons, []);
}

/// In an exam the answer that was given last counts, not the best one.
#[tokio::test]
async fn the_last_answer_counts_even_if_an_earlier_one_was_right() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let pupil = hub.pupil("민지").await;
    pupil.begin_sitting(given.lesson.lesson_id).await.expect("begun");
    for text in ["1", "2"] {
        hub.clock.advance(minutes(1));
        pupil.submit_answer(&given.answer(text)).await.expect("kept");
    }
    teacher.close_lesson(hub.class, given.lesson.lesson_id).await.expect("closed");
    assert_eq!(pupil.my_standing().await.expect("standing").problems[0].solved, Some(false));
}

#[tokio::test]
async fn everyone_has_an_order_of_their_own_and_every_device_the_same() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    let (pupil, other) = (hub.pupil("민지").await, hub.pupil("서연").await);
    let tablet = hub.sign_in(pupil.id).await;
    // Both devices of one pupil at the same moment.
    let (on_pc, on_tablet) = tokio::join!(pupil.begin_sitting(id), tablet.begin_sitting(id));
    let (on_pc, on_tablet) = (on_pc.expect("begun"), on_tablet.expect("begun"));
    assert_eq!(on_pc, on_tablet);
    let mut orders = vec![order(&on_pc), order(&other.begin_sitting(id).await.expect("begun"))];
    // Two of 720 orders are alike once in 720 times; five pupils are not all alike.
    for n in 0..3 {
        let late = hub.pupil(&format!("늦은 {n}")).await;
        orders.push(order(&late.begin_sitting(id).await.expect("a late joiner begins like the others")));
    }
    assert!(orders.iter().any(|order| *order != orders[0]));
    for order in &orders {
        let mut sorted = order.clone();
        sorted.sort();
        let mut all: Vec<_> = given.problems.iter().map(|problem| problem.problem_version_id).collect();
        all.sort();
        assert_eq!(sorted, all);
    }

    // What is answered on one device stands on the other, also after it has been away.
    pupil.submit_answer(&given.answer("1")).await.expect("kept");
    hub.clock.advance(minutes(10));
    let returned = hub.sign_in(pupil.id).await;
    let listed = returned.my_problems().await.expect("the list").lessons.remove(0);
    assert_eq!((order(&listed), listed.sitting), (orders[0].clone(), on_pc.sitting));
    assert_eq!(returned.my_standing().await.expect("standing").problems[0].tries, 1);

    // Handed in on one device is handed in on all, and binds: a claim from before it is only a claim.
    let cut_off = at(given.answer_to(1, "2"), &hub);
    hub.clock.advance(minutes(1));
    let handed_in = returned.hand_in(id).await.expect("handed in");
    assert!(handed_in.sitting.as_ref().is_some_and(|sitting| sitting.handed_in_at.is_some()));
    assert_eq!(returned.hand_in(id).await.expect("once more").sitting, handed_in.sitting);
    assert_eq!(returned.begin_sitting(id).await.expect("no second sitting").sitting, handed_in.sitting);
    hub.clock.advance(minutes(1));
    let after = returned.submit_answer(&given.answer_to(2, "3")).await;
    assert_eq!(refusal(after), (409, "exam_running".into()));
    assert_eq!(refusal(returned.submit_answer(&cut_off).await), (409, "exam_running".into()));
    assert_eq!(returned.my_standing().await.expect("standing").problems.len(), 1);
    assert_eq!(refusal(returned.my_progress().await), (403, "exam_running".into()), "it is not over for all");
}

#[tokio::test]
async fn a_paused_or_closed_exam_is_not_begun() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    let pupil = hub.pupil("민지").await;
    teacher.pause_lesson(hub.class, id).await.expect("paused");
    assert_eq!(refusal(pupil.begin_sitting(id).await), (409, "lesson_paused".into()));
    teacher.resume_lesson(hub.class, id).await.expect("resumed");
    hub.clock.advance(SignedDuration::from_mins(40).unsigned_abs());
    let pupil = hub.sign_in(pupil.id).await;
    assert_eq!(refusal(pupil.begin_sitting(id).await), (409, "lesson_closed".into()));
    let listed = pupil.my_problems().await.expect("the list").lessons.remove(0);
    assert_eq!((listed.sitting, listed.problems.len()), (None, 6), "who missed it may see it afterwards");
    let practice = hub.give(&[fraction_problem()]).await;
    let wrong_kind = pupil.begin_sitting(practice.lesson.lesson_id).await;
    assert_eq!(refusal(wrong_kind), (422, "bad_field".into()));
    assert_eq!(refusal(pupil.begin_sitting(LessonId::new()).await), (404, "not_found".into()));
}

/// After the end nobody can send a claim from before it until it is right.
#[tokio::test]
async fn what_comes_late_counts_until_the_grades_have_been_shown() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    let names = ["답안", "표", "연습", "진도", "오래"];
    let mut pupils = Vec::new();
    for name in names {
        pupils.push(hub.pupil(name).await);
        pupils[pupils.len() - 1].begin_sitting(id).await.expect("begun");
    }
    hub.clock.advance(minutes(5));
    let first = at(given.answer_to(0, "9"), &hub);
    for pupil in &pupils[..4] {
        let own = SubmitAnswer { attempt_id: AttemptId::new(), ..first.clone() };
        pupil.submit_answer(&own).await.expect("in time");
    }
    let late = |problem, text: &str| SubmitAnswer {
        occurred_at: first.occurred_at,
        ..given.answer_to(problem, text)
    };
    hub.clock.advance(minutes(1));
    teacher.close_lesson(hub.class, id).await.expect("closed");
    for (pupil, name) in pupils.iter().zip(names).take(4) {
        let kept = late(1, "3");
        let receipt = pupil.submit_answer(&kept).await.expect("given before the end");
        assert_eq!((receipt.grade, receipt.next.solution), (None, false), "{name}");
        match name {
            "답안" => drop(pupil.attempt(kept.attempt_id).await.expect("one's own answer")),
            "표" => drop(pupil.my_standing().await.expect("standing")),
            "연습" => {
                let practised =
                    SubmitAnswer { lesson_id: None, occurred_at: None, ..given.answer_to(1, "2") };
                let receipt = pupil.submit_answer(&practised).await.expect("practice");
                assert_eq!(receipt.grade, Some(Grade::Right));
            }
            _ => drop(pupil.my_progress().await.expect("progress")),
        }
        assert_eq!(
            refusal(pupil.submit_answer(&late(1, "2")).await),
            (409, "lesson_closed".into()),
            "{name}"
        );
        pupil.submit_answer(&kept).await.expect("what was kept stays kept");
    }
    hub.clock.advance(minutes(24 * 60 + 1));
    let back = hub.sign_in(pupils[4].id).await;
    assert_eq!(
        refusal(back.submit_answer(&late(1, "2")).await),
        (409, "lesson_closed".into()),
        "a day is over"
    );
}

/// A pupil beside a parent, or with the file from the school, reads there which answers were wrong.
#[tokio::test]
async fn what_a_family_was_shown_ends_late_answers_too() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    let ways = ["progress", "export", "the school's export"];
    let mut families = Vec::new();
    for way in ways {
        let pupil = hub.pupil(way).await;
        let parent = hub.parent(&format!("{way} 어머니"), &[pupil.id]).await;
        pupil.begin_sitting(id).await.expect("begun");
        families.push((way, pupil, parent));
    }
    hub.clock.advance(minutes(1));
    let early = at(given.answer_to(0, "9"), &hub);
    let late = |text: &str| SubmitAnswer { occurred_at: early.occurred_at, ..given.answer_to(1, text) };
    for (_, pupil, parent) in &families {
        let own = SubmitAnswer { attempt_id: AttemptId::new(), ..early.clone() };
        pupil.submit_answer(&own).await.expect("in time");
        // While it runs nothing is told, so nothing ends.
        parent.export_pupil(pupil.id, "보호자의 요청").await.expect("a file");
    }
    hub.clock.advance(minutes(1));
    teacher.close_lesson(hub.class, id).await.expect("closed");
    let admin = hub.admin().await;
    for (way, pupil, parent) in &families {
        teacher.pupil_progress(pupil.id).await.expect("its teacher sees it");
        pupil.submit_answer(&late("3")).await.expect("nobody at home has seen anything");
        match *way {
            "progress" => drop(parent.pupil_progress(pupil.id).await.expect("progress")),
            "export" => drop(parent.export_pupil(pupil.id, "보호자의 요청").await.expect("a file")),
            _ => drop(admin.export_pupil(pupil.id, "보호자의 요청").await.expect("a file")),
        }
        assert_eq!(refusal(pupil.submit_answer(&late("2")).await), (409, "lesson_closed".into()), "{way}");
    }
}

/// A solution, a step or a changed grade tells the pupil what was right as soon as the note is on the screen, read or not.
#[tokio::test]
async fn what_a_note_told_ends_late_answers_too() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let (id, version) = (given.lesson.lesson_id, given.problems[0].problem_version_id);
    let ways = ["solution", "corrected key", "decided", "a word"];
    let mut pupils = Vec::new();
    for way in ways {
        let pupil = hub.pupil(way).await;
        pupil.begin_sitting(id).await.expect("begun");
        pupils.push(pupil);
    }
    hub.clock.advance(minutes(1));
    // The key is corrected to 5 below: for the second pupil only that changes something.
    let early = at(given.answer_to(0, "9"), &hub);
    let mut answers = Vec::new();
    for (pupil, text) in pupils.iter().zip(["9", "5", "9", "9"]) {
        let own = SubmitAnswer {
            attempt_id: AttemptId::new(),
            answer: dreamseed_testkit::number(text),
            ..early.clone()
        };
        pupil.submit_answer(&own).await.expect("in time");
        answers.push(own.attempt_id);
    }
    hub.clock.advance(minutes(1));
    teacher.close_lesson(hub.class, id).await.expect("closed");
    hub.clock.advance(minutes(1));
    for ((way, pupil), answer) in ways.iter().zip(&pupils).zip(&answers) {
        let late = |text: &str| SubmitAnswer { occurred_at: early.occurred_at, ..given.answer_to(1, text) };
        pupil.submit_answer(&late("3")).await.expect("nothing has been told yet");
        match *way {
            "solution" => {
                let what = OpenedKind::Solution;
                let open = OpenForPupil { problem_version_id: version, what, lesson_id: Some(id) };
                teacher.open_for_pupil(hub.class, pupil.id, &open).await.expect("opened");
            }
            "corrected key" => {
                let problem = given.problems[0].problem_id;
                let AnswerKey::Number { tolerance, units, unit_required, lowest_terms, form, .. } =
                    sum_problem(0).key
                else {
                    panic!("a number")
                };
                let value = "5".to_owned();
                let key = AnswerKey::Number { value, tolerance, units, unit_required, lowest_terms, form };
                let correction = CorrectKey { key, check: None };
                let digest = teacher.preview_regrade(problem, &correction).await.expect("a preview").digest;
                let apply = ApplyRegrade { correction, digest, reason: "오타".into() };
                teacher.apply_regrade(problem, &apply).await.expect("corrected");
            }
            "decided" => {
                let decision = OverrideGrade { right: true, reason: "설명이 옳음".into() };
                teacher.override_grade(*answer, &decision).await.expect("decided");
            }
            _ => {
                let word = SendNote {
                    text: "수고했어요".into(),
                    lesson_id: Some(id),
                    problem_version_id: Some(version),
                };
                teacher.send_note(hub.class, pupil.id, &word).await.expect("sent");
                pupil.submit_answer(&late("4")).await.expect("a word tells no grade");
                continue;
            }
        }
        assert_eq!(refusal(pupil.submit_answer(&late("2")).await), (409, "lesson_closed".into()), "{way}");
    }
}

/// Whoever has seen the grades gets no second try by an exam that is opened again; who has seen nothing goes on as before.
#[tokio::test]
async fn an_exam_that_is_opened_again_gives_no_second_try() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    assert_eq!(given.lesson.grades_seen, 0);
    let (saw, waited) = (hub.pupil("민지").await, hub.pupil("서연").await);
    for pupil in [&saw, &waited] {
        pupil.begin_sitting(id).await.expect("begun");
        pupil.submit_answer(&given.answer_to(0, "9")).await.expect("kept");
    }
    hub.clock.advance(minutes(1));
    teacher.close_lesson(hub.class, id).await.expect("closed");
    // Long after late answers are taken, too.
    hub.clock.advance(minutes(25 * 60));
    let (teacher, saw, waited) =
        (hub.teacher().await, hub.sign_in(saw.id).await, hub.sign_in(waited.id).await);
    let shown = saw.my_standing().await.expect("grades");
    assert_eq!(shown.problems[0].solved, Some(false));
    let listed = teacher.class_detail(hub.class).await.expect("the class").lessons.remove(0);
    assert_eq!((listed.lesson_id, listed.grades_seen), (id, 1));
    hub.clock.advance(minutes(1));
    assert_eq!(teacher.reopen_lesson(hub.class, id).await.expect("open again").grades_seen, 1);

    hub.clock.advance(minutes(1));
    for pupil in [&saw, &waited] {
        pupil.submit_answer(&given.answer_to(0, "1")).await.expect("kept");
        // Not answered before: there was no grade to see.
        pupil.submit_answer(&given.answer_to(1, "9")).await.expect("kept");
        pupil.submit_answer(&given.answer_to(1, "2")).await.expect("kept");
    }
    let cells = |standings: Vec<dreamseed_hub::store::standings::Standing>| {
        let of_problem = |index: usize| {
            let version = given.problems[index].problem_version_id;
            let cell = standings.iter().find(|cell| cell.problem_version_id == version).expect("a cell");
            (cell.tries, cell.solved, cell.last_attempt)
        };
        [of_problem(0), of_problem(1)]
    };
    for (pupil, first) in [(saw.id, false), (waited.id, true)] {
        let read = move |conn: &dreamseed_hub::store::ReadConn| {
            dreamseed_hub::store::standings::of_pupil_in_lesson(conn, pupil, id)
        };
        let counted = cells(hub.ctx().store.read(read).await.expect("cells"));
        assert_eq!(counted.map(|cell| (cell.0, cell.1)), [(2, first), (2, true)]);
        hub.write(|tx| dreamseed_hub::store::standings::rebuild(tx.conn())).await;
        let folded = cells(hub.ctx().store.read(read).await.expect("cells"));
        assert_eq!(folded, counted, "a rebuild gives the same");
    }
}

/// That somebody changed a grade says that it was another one.
#[tokio::test]
async fn who_graded_is_kept_while_the_grade_is() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let pupil = hub.pupil("민지").await;
    let parent = hub.parent("어머니", &[pupil.id]).await;
    pupil.begin_sitting(given.lesson.lesson_id).await.expect("begun");
    let answer = given.answer("9");
    pupil.submit_answer(&answer).await.expect("kept");
    let decision = OverrideGrade { right: true, reason: "설명이 옳음".into() };
    let decided = teacher.override_grade(answer.attempt_id, &decision).await.expect("decided");
    assert_eq!(decided.graded_by, GradeSource::Teacher);
    let seen = pupil.attempt(answer.attempt_id).await.expect("one's own answer");
    assert_eq!((seen.grade, seen.graded_by, seen.grade_reason), (None, GradeSource::Code, None));
    let admin = hub.admin().await;
    for by in [&parent, &admin] {
        let file = by.export_pupil(pupil.id, "보호자의 요청").await.expect("a file");
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file)).expect("a zip file");
        for (name, words) in [
            ("answers.json", ["\"teacher\"", "설명이"]),
            ("answers.csv", ["교사", "설명이"]),
            ("record.csv", ["override grade", "regrade"]),
        ] {
            let mut text = String::new();
            archive.by_name(name).expect("there").read_to_string(&mut text).expect("text");
            assert!(words.iter().all(|word| !text.contains(word)), "{name}: {text}");
        }
    }
    teacher.close_lesson(hub.class, given.lesson.lesson_id).await.expect("closed");
    let seen = pupil.attempt(answer.attempt_id).await.expect("one's own answer");
    assert_eq!((seen.grade, seen.graded_by), (Some(Grade::Right), GradeSource::Teacher));
    let file = parent.export_pupil(pupil.id, "보호자의 요청").await.expect("a file");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file)).expect("a zip file");
    let mut record = String::new();
    archive.by_name("record.csv").expect("there").read_to_string(&mut record).expect("text");
    assert!(record.contains("override grade"), "after the exam it is told: {record}");
}

/// Last week's practice holds an older version of a problem of the exam.
#[tokio::test]
async fn an_exam_keeps_every_version_of_its_problems() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let practised = hub.give(&[fraction_problem()]).await;
    teacher.close_lesson(hub.class, practised.lesson.lesson_id).await.expect("closed");
    let problem = practised.problems[0].problem_id;
    let mut reworded = fraction_problem();
    reworded.title = sum_problem(1).title;
    let newer = teacher.change_problem(problem, &reworded).await.expect("a new version");
    assert_ne!(newer.problem_version_id, practised.version());
    let pupil = hub.pupil("민지").await;
    let before = SubmitAnswer { lesson_id: None, ..practised.answer("2/5") };
    assert_eq!(pupil.submit_answer(&before).await.expect("kept").grade, Some(Grade::Wrong));
    pupil.ask_help(before.attempt_id).await.expect("help");
    let held = teacher.open_lesson(hub.class, &exam("시험", vec![problem], 20)).await.expect("opened");
    let read = pupil.feedback_events(before.attempt_id, None).await;
    assert_eq!(refusal(read.map(drop)), (403, "exam_running".into()), "nor what it was told before");
    let older = SubmitAnswer { lesson_id: None, ..practised.answer("5/6") };
    assert_eq!(pupil.submit_answer(&older).await.expect("kept").grade, None);
    assert_eq!(refusal(pupil.ask_help(before.attempt_id).await), (403, "exam_running".into()));
    assert_eq!(refusal(pupil.release_solution(older.attempt_id).await), (403, "exam_running".into()));
    assert_eq!(pupil.attempt(before.attempt_id).await.expect("seen").grade, None);
    assert_eq!(pupil.my_standing().await.expect("standing").problems[0].solved, None);
    teacher.close_lesson(hub.class, held.lesson_id).await.expect("closed");
    assert_eq!(pupil.attempt(older.attempt_id).await.expect("seen").grade, Some(Grade::Right));
}

/// What the pupil may not see during an exam, nobody tells at home.
#[tokio::test]
async fn parents_see_progress_no_earlier_than_the_pupil() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let pupil = hub.pupil("민지").await;
    let parent = hub.parent("어머니", &[pupil.id]).await;
    let id = given.lesson.lesson_id;
    // Before it is begun an answer to its problems through practice would show in the figures.
    for step in ["open", "begun", "handed in", "paused"] {
        match step {
            "begun" => drop(pupil.begin_sitting(id).await.expect("begun")),
            "handed in" => drop(pupil.hand_in(id).await.expect("handed in")),
            "paused" => drop(teacher.pause_lesson(hub.class, id).await.expect("paused")),
            _ => {}
        }
        assert_eq!(refusal(parent.pupil_progress(pupil.id).await), (403, "exam_running".into()), "{step}");
        assert_eq!(refusal(pupil.my_progress().await), (403, "exam_running".into()), "{step}");
        teacher.pupil_progress(pupil.id).await.expect("its teacher sees it");
    }
    teacher.close_lesson(hub.class, given.lesson.lesson_id).await.expect("closed");
    parent.pupil_progress(pupil.id).await.expect("progress");
}

/// Everything that a pupil was shown of a problem last week is kept while an exam holds it, on every route.
#[tokio::test]
async fn an_exam_keeps_what_was_opened_before_it() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let answer = given.answer("2/5");
    pupil.submit_answer(&answer).await.expect("kept");
    pupil.ask_help(answer.attempt_id).await.expect("help");
    let help = rest_of(&mut pupil.feedback_events(answer.attempt_id, None).await.expect("a stream")).await;
    assert!(!help.is_empty());
    for what in [OpenedKind::Step, OpenedKind::Solution] {
        let open = OpenForPupil { problem_version_id: given.version(), what, lesson_id: None };
        teacher.open_for_pupil(hub.class, pupil.id, &open).await.expect("opened");
    }
    let about =
        SendNote { text: "잘 보세요".into(), lesson_id: None, problem_version_id: Some(given.version()) };
    teacher.send_note(hub.class, pupil.id, &about).await.expect("sent");
    let told = pupil.my_notes().await.expect("notes");
    assert_eq!(told.len(), 3);
    teacher.close_lesson(hub.class, given.lesson.lesson_id).await.expect("closed");

    let held = exam("시험", vec![given.problems[0].problem_id], 20);
    let held = teacher.open_lesson(hub.class, &held).await.expect("opened");
    let draft = fraction_problem();
    let mut secrets: Vec<_> = draft.hints.iter().map(|hint| hint.get(Language::Ko).to_owned()).collect();
    secrets.push(draft.solution.get(Language::Ko).replace('\\', "\\\\"));
    secrets.push("\"outcome\"".to_owned());
    for step in ["open", "begun", "handed in"] {
        match step {
            "begun" => drop(pupil.begin_sitting(held.lesson_id).await.expect("begun")),
            "handed in" => drop(pupil.hand_in(held.lesson_id).await.expect("handed in")),
            _ => {}
        }
        let routes = RULES.iter().filter(|rule| rule.method == Method::GET && !rule.stranger);
        let routes = routes.filter(|rule| !matches!(rule.student, Scope::No) && rule.path != "/me/events");
        let mut walked = 0;
        for rule in routes {
            let path = rule.path.replace("{attempt_id}", &answer.attempt_id.to_string());
            let path = path.replace("{problem_version_id}", &given.version().to_string());
            let path = path.replace("{user_id}", &pupil.id.to_string());
            assert!(!path.contains('{'), "{path}");
            let reply = pupil.request(Method::GET, &path, "").await;
            for secret in &secrets {
                assert!(!reply.text().contains(secret.as_str()), "{step}: {path} tells {secret}");
            }
            walked += 1;
        }
        assert!(walked > 5);
        let refused = (403, "exam_running".to_owned());
        let stream = pupil.feedback_events(answer.attempt_id, None).await;
        assert_eq!(refusal(stream.map(drop)), refused, "{step}");
        assert_eq!(refusal(pupil.ask_help(answer.attempt_id).await), refused, "{step}");
        assert_eq!(refusal(pupil.release_solution(answer.attempt_id).await), refused, "{step}");
        let kinds: Vec<_> = pupil.my_notes().await.expect("notes").iter().map(|note| note.kind).collect();
        assert_eq!(kinds, [NoteKind::Note], "{step}: what the teacher writes is not kept");
        teacher.feedback_events(answer.attempt_id, None).await.expect("its teacher reads it");
    }

    teacher.close_lesson(hub.class, held.lesson_id).await.expect("closed");
    assert_eq!(pupil.my_notes().await.expect("notes"), told);
    pupil.release_solution(answer.attempt_id).await.expect("open");
    pupil.feedback_events(answer.attempt_id, None).await.expect("a stream");
}

/// A device whose clock is behind, or says so, answers no earlier than its exam began.
#[tokio::test]
async fn nothing_is_answered_before_the_sitting_began() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    let pupil = hub.pupil("민지").await;
    let early = hub.clock.now();
    hub.clock.advance(minutes(2));
    let begun_at = pupil.begin_sitting(id).await.expect("begun").sitting.expect("a sitting").begun_at;
    // The right answer claims to be the earlier one, and both are of the moment of the beginning: the order of arrival counts.
    for (text, days) in [("9", 0), ("1", 3)] {
        let claim = early - SignedDuration::from_hours(24 * days);
        let answer = SubmitAnswer { occurred_at: Some(claim), ..given.answer(text) };
        assert_eq!(pupil.submit_answer(&answer).await.expect("kept").grade, None);
    }
    let cell = teacher.class_live(hub.class).await.expect("a picture").pupils[0].cells[0].clone();
    assert_eq!((cell.tries, cell.last_at), (2, Some(begun_at)));
    teacher.close_lesson(hub.class, id).await.expect("closed");
    assert_eq!(pupil.my_standing().await.expect("standing").problems[0].solved, Some(true));
    let days = pupil.my_progress().await.expect("progress").days;
    assert_eq!(days.len(), 1, "{days:?}");
}

#[tokio::test]
async fn nobody_is_taken_out_of_an_exam() {
    let hub = TestHub::start().await;
    let (teacher, admin) = (hub.teacher().await, hub.admin().await);
    let other = hub.add_class("5학년 2반", Language::Ko, teacher.id).await;
    let problem = teacher.add_problem(&sum_problem(0)).await.expect("a problem").problem_id;
    let list = "학년,반,번호,이름\n5,1,1,김민지\n5,1,2,이서연\n".to_owned();
    let import = async |list: String| {
        let shown = admin.preview_roster("5학년.csv", Some(2026), list.clone()).await.expect("a preview");
        admin.import_roster("5학년.csv", Some(2026), &shown.digest, true, list).await
    };
    let change = import(list).await.expect("imported").change_id;
    let pupil = hub.ctx().school.get().classes[&hub.class].pupils[0].1;
    let held = teacher.open_lesson(hub.class, &exam("시험", vec![problem], 40)).await.expect("opened");
    let practised = practice("연습", vec![problem], HintCeiling::Nudge);
    let practised = teacher.open_lesson(other, &practised).await.expect("opened");
    hub.sign_in(pupil).await.begin_sitting(held.lesson_id).await.expect("begun");
    let running = (409, "exam_running".to_owned());
    for class_id in [Some(other), None] {
        let wish = MovePupil { class_id, number: None, from_day: None };
        assert_eq!(refusal(admin.move_pupil(pupil, &wish).await), running);
    }
    assert_eq!(refusal(admin.archive_user(pupil).await), running);
    let gone = ErasePupil { name: "김민지".into(), reason: "보호자의 요청".into() };
    assert_eq!(refusal(admin.erase_pupil(pupil, &gone).await), running);
    let number = MovePupil { class_id: Some(hub.class), number: Some(9), from_day: None };
    admin.move_pupil(pupil, &number).await.expect("another number moves nobody");
    let back = MovePupil { number: Some(1), ..number };
    admin.move_pupil(pupil, &back).await.expect("and back");
    let moved = "학년,반,번호,이름\n5,2,1,김민지\n5,1,2,이서연\n";
    assert_eq!(refusal(import(moved.into()).await), running);
    assert_eq!(refusal(import("학년,반,번호,이름\n5,1,2,이서연\n".into()).await), running);
    // The class of the exam is not named in the plan: it goes up all the same.
    let plan = PlanRollover { to_year: 2027, classes: vec![RolloverClass { class_id: other, to: None }] };
    let digest = admin.preview_rollover(&plan).await.expect("a preview").digest;
    let asked = ApplyRollover { plan, digest };
    assert_eq!(refusal(admin.apply_rollover(&asked).await), running);
    let _ = change;

    teacher.close_lesson(hub.class, held.lesson_id).await.expect("closed");
    let made = admin.apply_rollover(&asked).await.expect("a new year");
    let state = || hub.ctx().school.get().lessons[&practised.lesson_id].timing.state;
    assert_eq!(state(), LessonState::Closed);
    admin.undo_roster_change(made.change_id).await.expect("undone");
    assert_eq!(state(), LessonState::Closed, "it stays closed");
}

/// A problem that is practised at the same time tells nothing about the exam either.
#[tokio::test]
async fn practice_beside_an_exam_gives_its_problems_no_grades() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let held = exam("시험", vec![given.problems[0].problem_id], 20);
    let held = teacher.open_lesson(hub.class, &held).await.expect("opened");
    let answer = given.answer("2/5");
    let receipt = pupil.submit_answer(&answer).await.expect("kept");
    assert_eq!((receipt.grade, receipt.next.help), (None, false));
    assert_eq!(refusal(pupil.ask_help(answer.attempt_id).await), (403, "exam_running".into()));
    teacher.close_lesson(hub.class, held.lesson_id).await.expect("closed");
    assert_eq!(pupil.submit_answer(&answer).await.expect("known").grade, Some(Grade::Wrong));
    pupil.ask_help(answer.attempt_id).await.expect("help");
}

#[tokio::test]
async fn the_teacher_sees_who_begins_and_hands_in() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = exam_of_six(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    let pupil = hub.pupil("민지").await;
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!(picture.pupils[0].standing.state, PupilState::NotStarted);
    let mut events = teacher.live_events(hub.class, Some(picture.last_event)).await.expect("a stream");
    let mut state = async || loop {
        if let LiveEvent::Pupil { pupil_id, standing, .. } = next_event(&mut events).await.data {
            assert_eq!(pupil_id, pupil.id);
            break standing;
        }
    };
    assert_eq!(state().await.state, PupilState::NotStarted, "as it is after the picture");
    pupil.begin_sitting(id).await.expect("begun");
    assert_eq!(state().await.state, PupilState::Working);
    pupil.hand_in(id).await.expect("handed in");
    let done = state().await;
    assert_eq!((done.state, done.handed_in_at), (PupilState::Done, Some(hub.clock.now())));
}
