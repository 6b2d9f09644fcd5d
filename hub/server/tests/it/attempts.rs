//! `/attempts`: an answer in, its grade out, and what is kept of it.

use dreamseed_client::Method;
use dreamseed_hub::clock::Clock;
use dreamseed_testkit::{
    TestHub, choice_problem, cloze_problem, fraction_problem, matching_problem, minutes,
    multiple_choice_problem, number, numbered_events, ordering_problem, pair, practice, refusal, submission,
    sum_problem, true_false_problem, word_problem,
};
use dreamseed_wire::{
    Language,
    answer::{Answer, FormFault, GapAnswer, Grade, Unreadable},
    attempt::{GradeSource, SubmitAnswer},
    authoring::{AnswerKey, NumberForm, ProblemDraft},
    class::ClassSettings,
    ids::*,
    lesson::HintCeiling,
    live::LiveEvent,
    people::MovePupil,
    progress::DayProgress,
};

#[tokio::test]
async fn the_walk_of_an_answer() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem(), sum_problem(4)]).await;
    let pupil = hub.pupil("민지").await;

    let lessons = pupil.my_problems().await.expect("the list").lessons;
    assert_eq!(lessons.len(), 1);
    assert_eq!(lessons[0].lesson_id, given.lesson.lesson_id);
    assert_eq!(lessons[0].problems.len(), 2);
    assert_eq!(lessons[0].problems[0].title, "분수의 합");
    let seen = pupil.problem_version(given.version(), Language::Ko).await.expect("given");
    assert!(seen.statement.contains("얼마예요"));

    let wrong = given.answer("2/5");
    let receipt = pupil.submit_answer(&wrong).await.expect("kept");
    assert_eq!(
        (receipt.attempt_id, &receipt.grade, receipt.tries),
        (wrong.attempt_id, &Some(Grade::Wrong), 1)
    );
    assert!(receipt.next.try_again && receipt.next.help && !receipt.next.solution);
    assert_eq!(receipt.feedback_url, None);

    let unreduced = pupil.submit_answer(&given.answer("10/12")).await.expect("kept");
    assert_eq!(unreduced.grade, Some(Grade::RightButForm { what: FormFault::LowestTerms }));
    // The last step is still the pupil's: the solution stays closed.
    assert!(unreduced.next.try_again && unreduced.next.help && !unreduced.next.solution);
    assert_eq!(refusal(pupil.release_solution(unreduced.attempt_id).await), (403, "not_released".into()));
    let right = pupil.submit_answer(&given.answer(" ５/６ ")).await.expect("kept");
    assert_eq!((&right.grade, right.tries), (&Some(Grade::Right), 3));
    assert!(!right.next.try_again && !right.next.help && right.next.solution);

    let standing = pupil.my_standing().await.expect("standing").problems;
    assert_eq!(standing.len(), 1);
    assert_eq!((standing[0].tries, standing[0].solved), (3, Some(true)));

    let view = pupil.attempt(wrong.attempt_id).await.expect("one's own");
    assert_eq!(
        (view.answer, view.grade, view.graded_by),
        (Some(number("2/5")), Some(Grade::Wrong), GradeSource::Code)
    );
    assert_eq!((view.pupil_id, view.hub_seq), (pupil.id, receipt.hub_seq));
    assert_eq!(view.problem_title, "분수의 합");

    let progress = pupil.my_progress().await.expect("progress");
    assert_eq!(progress.days, [DayProgress { day: "2026-11-23".into(), attempts: 3, right: 2 }]);
    assert_eq!((progress.skills[0].attempts, progress.skills[0].right), (3, 2));
}

/// Wrong, right, right in value only, unreadable: for each kind, as pupils write.
#[tokio::test]
async fn every_kind_is_graded() {
    let of = |value: &str, change: fn(&mut AnswerKey)| {
        let mut key = AnswerKey::Number {
            value: value.into(),
            tolerance: None,
            units: vec![],
            unit_required: false,
            lowest_terms: false,
            form: None,
        };
        change(&mut key);
        ProblemDraft { key, check: None, common_wrong: vec![], hints: vec![], ..fraction_problem() }
    };
    let plain = |_: &mut AnswerKey| {};
    let mixed = of("2 1/2", |key| {
        if let AnswerKey::Number { form, .. } = key {
            *form = Some(NumberForm::Mixed);
        }
    });
    let near = of("3.14", |key| {
        if let AnswerKey::Number { tolerance, .. } = key {
            *tolerance = Some("0.005".into());
        }
    });
    let length = of("12", |key| {
        if let AnswerKey::Number { units, unit_required, .. } = key {
            (*units, *unit_required) = (vec!["cm".into()], true);
        }
    });
    let single = |choice: &str| Answer::SingleChoice { choice: choice.into() };
    let many =
        |choices: &[&str]| Answer::MultipleChoice { choices: choices.iter().map(|&c| c.into()).collect() };
    let word = |text: &str| Answer::ShortText { text: text.into() };
    let ordered = |ids: &[&str]| Answer::Ordering { order: ids.iter().map(|&id| id.into()).collect() };
    let matched = |pairs: &[(&str, &str)]| Answer::Matching {
        pairs: pairs.iter().map(|(left, right)| pair(left, right)).collect(),
    };
    let filled = |gaps: &[(&str, &str)]| Answer::Cloze {
        gaps: gaps.iter().map(|&(gap, text)| GapAnswer { gap: gap.into(), text: text.into() }).collect(),
    };
    let unread = |why| Grade::NotUnderstood { why };
    let form = |what| Grade::RightButForm { what };
    let cases: Vec<(ProblemDraft, Vec<(Answer, Grade)>)> = vec![
        (
            of("1234", plain),
            vec![
                (number("1,234"), Grade::Right),
                (number("１２３４"), Grade::Right),
                (number("1234.5"), Grade::Wrong),
                (number(""), unread(Unreadable::Empty)),
                (number("1/0"), unread(Unreadable::ZeroDenominator)),
                (number("12,34"), unread(Unreadable::Comma)),
                (number("사과"), unread(Unreadable::NotANumber)),
                (single("a"), unread(Unreadable::OtherKind)),
            ],
        ),
        (
            mixed,
            vec![
                (number("2와 1/2"), Grade::Right),
                (number("2 1/2"), Grade::Right),
                (number("5/2"), form(FormFault::Mixed)),
                (number("2.5"), form(FormFault::Mixed)),
                (number("2,5"), unread(Unreadable::Comma)),
            ],
        ),
        (near, vec![(number("3.141"), Grade::Right), (number("3.15"), Grade::Wrong)]),
        (
            length,
            vec![
                (number("12cm"), Grade::Right),
                (number("12"), form(FormFault::Unit)),
                (number("13 cm"), Grade::Wrong),
            ],
        ),
        (
            choice_problem(),
            vec![
                (single("b"), Grade::Right),
                (single("a"), Grade::Wrong),
                (single("z"), unread(Unreadable::UnknownChoice)),
                (single(""), unread(Unreadable::Empty)),
            ],
        ),
        (
            multiple_choice_problem(),
            vec![
                (many(&["b", "a"]), Grade::Right),
                (many(&["a"]), Grade::Wrong),
                (many(&["a", "z"]), unread(Unreadable::UnknownChoice)),
                (many(&[]), unread(Unreadable::Empty)),
            ],
        ),
        (
            word_problem(),
            vec![
                (word("정 사각형"), Grade::Right),
                (word("SQUARE"), Grade::Right),
                (word("원"), Grade::Wrong),
                (word(" "), unread(Unreadable::Empty)),
            ],
        ),
        (
            true_false_problem(),
            vec![
                (Answer::TrueFalse { value: true }, Grade::Right),
                (Answer::TrueFalse { value: false }, Grade::Wrong),
                (word("참"), unread(Unreadable::OtherKind)),
            ],
        ),
        (
            ordering_problem(),
            vec![
                (ordered(&["c", "a", "b"]), Grade::Right),
                (ordered(&["b", "a", "c"]), Grade::Wrong),
                (ordered(&["c", "a"]), unread(Unreadable::Incomplete)),
                (ordered(&["c", "a", "z"]), unread(Unreadable::UnknownChoice)),
            ],
        ),
        (
            matching_problem(),
            vec![
                (matched(&[("b", "t"), ("a", "s")]), Grade::Right),
                (matched(&[("a", "s"), ("b", "s")]), Grade::Wrong),
                (matched(&[("a", "s"), ("b", "u")]), Grade::Wrong),
                (matched(&[("a", "s")]), unread(Unreadable::Incomplete)),
                (matched(&[("a", "s"), ("b", "z")]), unread(Unreadable::UnknownChoice)),
            ],
        ),
        (
            cloze_problem(),
            vec![
                (filled(&[("n", "８"), ("w", "짝 수")]), Grade::Right),
                (filled(&[("w", "EVEN"), ("n", "16/2")]), Grade::Right),
                (filled(&[("n", "8"), ("w", "홀수")]), Grade::Wrong),
                (filled(&[("n", "8"), ("w", "")]), unread(Unreadable::Incomplete)),
                (filled(&[("n", "3,50"), ("w", "홀수")]), unread(Unreadable::Comma)),
            ],
        ),
    ];
    let hub = TestHub::start().await;
    let drafts: Vec<_> = cases.iter().map(|(draft, _)| draft.clone()).collect();
    let given = hub.give(&drafts).await;
    let pupil = hub.pupil("민지").await;
    let mut wrong = Vec::new();
    for ((_, answers), problem) in cases.iter().zip(&given.problems) {
        for (answer, grade) in answers {
            let body = submission(problem.problem_version_id, Some(given.lesson.lesson_id), answer.clone());
            let seen = pupil.submit_answer(&body).await.expect("every answer is kept").grade;
            if seen.as_ref() != Some(grade) {
                wrong.push(format!("{answer:?}: {seen:?}, not {grade:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_same_answer_again_gets_its_first_receipt() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let first = given.answer("2/5");
    let receipt = pupil.submit_answer(&first).await.expect("kept");
    assert_eq!(pupil.submit_answer(&first).await.expect("again"), receipt);
    pupil.submit_answer(&given.answer("1/5")).await.expect("kept");
    assert_eq!(pupil.submit_answer(&first).await.expect("late again"), receipt);
    // However the JSON is spelt.
    let spelt = format!(
        r#"{{ "answer": {{"text":"2/5","kind":"number"}}, "lesson_id":"{}", "problem_version_id":"{}",
             "attempt_id":"{}", "occurred_at":null }}"#,
        given.lesson.lesson_id, first.problem_version_id, first.attempt_id
    );
    let again = pupil.request(Method::POST, "/attempts", &spelt).await;
    assert_eq!(again.json(), serde_json::to_value(&receipt).expect("JSON"));
    let progress = pupil.my_progress().await.expect("progress");
    assert_eq!(progress.days[0].attempts, 2, "counted once each");
    let teacher = hub.teacher().await;
    assert_eq!(teacher.pupil_page(hub.class, pupil.id).await.expect("page").attempts.len(), 2);
}

#[tokio::test]
async fn many_copies_at_once_are_one_answer() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let answer = given.answer("2/5");
    let copies: Vec<_> = (0..16)
        .map(|_| {
            let (pupil, answer) = (pupil.client.clone(), answer.clone());
            tokio::spawn(async move { pupil.submit_answer(&answer).await.expect("kept") })
        })
        .collect();
    let mut receipts = Vec::new();
    for copy in copies {
        receipts.push(copy.await.expect("no panic"));
    }
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "{receipts:?}");
    assert_eq!(pupil.my_progress().await.expect("progress").days[0].attempts, 1);
}

#[tokio::test]
async fn an_id_is_of_one_answer_by_one_pupil() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem(), sum_problem(4)]).await;
    let (pupil, classmate) = (hub.pupil("민지").await, hub.pupil("서연").await);
    let first = given.answer("2/5");
    pupil.submit_answer(&first).await.expect("kept");
    let other_answer = (422, "other_answer".to_owned());
    let changes = [
        SubmitAnswer { answer: number("5/6"), ..first.clone() },
        SubmitAnswer { lesson_id: None, ..first.clone() },
        SubmitAnswer { problem_version_id: given.problems[1].problem_version_id, ..first.clone() },
        SubmitAnswer { occurred_at: Some("2026-11-22T00:00:00Z".parse().expect("time")), ..first.clone() },
    ];
    for changed in changes {
        assert_eq!(refusal(pupil.submit_answer(&changed).await), other_answer, "{changed:?}");
    }
    // To a classmate the id says nothing but that it is taken.
    assert_eq!(refusal(classmate.submit_answer(&first).await), other_answer);
    assert_eq!(pupil.my_standing().await.expect("standing").problems[0].tries, 1);
}

#[tokio::test]
async fn a_devices_number_is_used_once() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let mut first = given.answer("2/5");
    (first.device_id, first.device_seq) = (Some(DeviceId::new()), Some(7));
    pupil.submit_answer(&first).await.expect("kept");
    let second = SubmitAnswer { attempt_id: AttemptId::new(), ..first.clone() };
    let odd = [
        second.clone(),
        SubmitAnswer { device_seq: Some(-5), ..second.clone() },
        SubmitAnswer { device_seq: None, ..second.clone() },
        SubmitAnswer { device_id: None, ..second.clone() },
        SubmitAnswer {
            attempt_id: "00000000-0000-0000-0000-000000000000".parse().expect("nil"),
            device_seq: Some(8),
            ..second
        },
    ];
    for odd in odd {
        assert_eq!(refusal(pupil.submit_answer(&odd).await), (422, "bad_field".into()), "{odd:?}");
    }
    pupil.submit_answer(&first).await.expect("the same one again");
}

#[tokio::test]
async fn the_version_that_was_seen_is_graded() {
    let hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let pupil = hub.pupil("민지").await;
    let teacher = hub.teacher().await;
    let changed =
        teacher.change_problem(given.problems[0].problem_id, &sum_problem(7)).await.expect("changed");
    assert_eq!(changed.version, 2);
    assert_ne!(changed.problem_version_id, given.version());
    assert_eq!(pupil.submit_answer(&given.answer("5")).await.expect("kept").grade, Some(Grade::Right));
    assert_eq!(pupil.submit_answer(&given.answer("8")).await.expect("kept").grade, Some(Grade::Wrong));
    // The new wording has not been given to anybody.
    let ahead = submission(changed.problem_version_id, Some(given.lesson.lesson_id), number("8"));
    assert_eq!(refusal(pupil.submit_answer(&ahead).await).0, 422);
    teacher.archive_problem(given.problems[0].problem_id).await.expect("archived");
    assert_eq!(pupil.submit_answer(&given.answer("5")).await.expect("kept").grade, Some(Grade::Right));
}

/// 00:00 in Seoul is 15:00 of the day before in UTC.
#[tokio::test]
async fn a_late_answer_counts_on_its_day_in_the_schools_zone() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    for (claim, day) in [
        ("2026-11-20T14:59:59Z", "2026-11-20"),
        ("2026-11-20T15:00:00Z", "2026-11-21"),
        ("2026-11-22T14:59:59.999Z", "2026-11-22"),
        ("2026-11-22T15:00:00Z", "2026-11-23"),
        // Not believed: more than a year old, or of the future.
        ("2025-01-01T00:00:00Z", "2026-11-23"),
        ("2026-11-24T00:00:00Z", "2026-11-23"),
    ] {
        let before = pupil.my_progress().await.expect("progress").days;
        let mut answer = given.answer("2/5");
        answer.occurred_at = Some(claim.parse().expect("time"));
        pupil.submit_answer(&answer).await.expect("kept");
        let after = pupil.my_progress().await.expect("progress").days;
        let count = |days: &[DayProgress]| {
            days.iter().find(|found| found.day == day).map_or(0, |found| found.attempts)
        };
        assert_eq!(count(&after), count(&before) + 1, "{claim}: {after:?}");
        assert!(after.is_sorted_by(|a, b| a.day < b.day), "oldest first: {after:?}");
    }
    // The hub's own clock passes midnight in Seoul.
    hub.clock.set("2026-11-23T15:00:00Z");
    let pupil = hub.sign_in(pupil.id).await;
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    assert_eq!(pupil.my_progress().await.expect("progress").days.last().expect("a day").day, "2026-11-24");
}

/// Unknown and not given look the same: ids cannot be tried out.
#[tokio::test]
async fn only_what_was_given_can_be_answered() {
    let hub = TestHub::start().await;
    let (other_teacher, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let given = hub.give(&[fraction_problem()]).await;
    let elsewhere = hub.give_to(&other_teacher, other_class, &[sum_problem(9)]).await;
    let pupil = hub.pupil("민지").await;
    let unknown = (404, "unknown_problem".to_owned());
    for version in [ProblemVersionId::new(), elsewhere.version()] {
        assert_eq!(refusal(pupil.submit_answer(&submission(version, None, number("1"))).await), unknown);
    }
    let bad_lesson = (422, "bad_field".to_owned());
    for lesson in [LessonId::new(), elsewhere.lesson.lesson_id] {
        let answer = submission(given.version(), Some(lesson), number("1"));
        assert_eq!(refusal(pupil.submit_answer(&answer).await), bad_lesson);
    }
    let refused = refusal(pupil.problem_version(elsewhere.version(), Language::Ko).await);
    assert_eq!(refused, refusal(pupil.problem_version(ProblemVersionId::new(), Language::Ko).await));
    pupil
        .submit_answer(&submission(given.version(), None, number("5/6")))
        .await
        .expect("practice outside the lesson");
}

/// A pupil was moved while an answer waited on a device.
#[tokio::test]
async fn an_answer_from_before_a_move_is_taken() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let teacher = hub.teacher().await;
    let other = hub.add_class("다른 반", Language::Ko, teacher.id).await;
    let pupil = hub.pupil("민지").await;
    hub.clock.advance(minutes(24 * 60));
    let before = hub.clock.now();
    let waiting = || SubmitAnswer { occurred_at: Some(before), ..given.answer("5/6") };
    hub.clock.advance(minutes(60));
    let wish = MovePupil { class_id: Some(other), number: None, from_day: None };
    hub.admin().await.move_pupil(pupil.id, &wish).await.expect("moved");
    let pupil = hub.sign_in(pupil.id).await;
    for answer in [waiting(), SubmitAnswer { lesson_id: None, ..waiting() }] {
        let receipt = pupil.submit_answer(&answer).await.expect("given before the move");
        assert_eq!(receipt.grade, Some(Grade::Right));
        assert_eq!(pupil.submit_answer(&answer).await.expect("known"), receipt);
    }
    // Weeks later it still counts; what is answered then is not of the former class.
    hub.clock.advance(minutes(14 * 24 * 60));
    let pupil = hub.sign_in(pupil.id).await;
    pupil.submit_answer(&waiting()).await.expect("given before the move");
    assert_eq!(refusal(pupil.submit_answer(&given.answer("5/6")).await), (422, "bad_field".into()));
    let stranger = hub.pupil_in(other, "서연").await;
    assert_eq!(refusal(stranger.submit_answer(&waiting()).await), (422, "bad_field".into()));
}

#[tokio::test]
async fn a_closed_lesson_still_takes_what_was_given_before() {
    use dreamseed_hub::clock::Clock;
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let teacher = hub.teacher().await;
    let mut before = given.answer("5/6");
    before.occurred_at = Some(hub.clock.now());
    hub.clock.advance(minutes(1));
    teacher.close_lesson(hub.class, given.lesson.lesson_id).await.expect("closed");
    assert_eq!(pupil.my_problems().await.expect("the list").lessons, []);
    assert_eq!(pupil.submit_answer(&before).await.expect("kept").grade, Some(Grade::Right));
    let after = pupil.submit_answer(&given.answer("5/6")).await;
    assert_eq!(refusal(after), (409, "lesson_closed".into()));
}

#[tokio::test]
async fn what_is_not_understood_is_held_against_nobody() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let teacher = hub.teacher().await;
    let settings = ClassSettings { auto_feedback: true, solution_after_tries: Some(2) };
    teacher.change_class_settings(hub.class, &settings).await.expect("set");
    for text in ["", "1/0", "3,50", "1e999", "사과"] {
        let receipt = pupil.submit_answer(&given.answer(text)).await.expect("kept");
        assert!(matches!(receipt.grade, Some(Grade::NotUnderstood { .. })), "{text}: {receipt:?}");
        assert!(
            receipt.next.try_again && !receipt.next.solution,
            "typing anything opens no solution: {receipt:?}"
        );
        assert_eq!(receipt.feedback_url, None, "help comes by itself after wrong answers only");
        assert_eq!(refusal(pupil.release_solution(receipt.attempt_id).await), (403, "not_released".into()));
    }
    let progress = pupil.my_progress().await.expect("progress");
    assert!(progress.days.is_empty() && progress.skills.is_empty(), "{progress:?}");
}

#[tokio::test]
async fn numbers_of_the_record_grow_and_are_never_shared() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupils = [hub.pupil("민지").await, hub.pupil("서연").await, hub.pupil("준호").await];
    let mut tasks = Vec::new();
    for pupil in &pupils {
        let answers: Vec<_> = (0..10).map(|n| given.answer(&n.to_string())).collect();
        let pupil = pupil.client.clone();
        tasks.push(tokio::spawn(async move {
            let mut seqs = Vec::new();
            for answer in answers {
                seqs.push(pupil.submit_answer(&answer).await.expect("kept").hub_seq);
            }
            seqs
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        let seqs = task.await.expect("no panic");
        assert!(seqs.is_sorted_by(|a, b| a < b), "each pupil's own grow: {seqs:?}");
        all.extend(seqs);
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!((all.len(), count), (30, 30));
}

#[tokio::test]
async fn numbers_go_on_after_a_restart() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let answer = given.answer("2/5");
    let before = pupil.submit_answer(&answer).await.expect("kept");
    hub.restart().await;
    assert_eq!(pupil.submit_answer(&answer).await.expect("again"), before);
    let after = pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    assert!(after.hub_seq > before.hub_seq && after.epoch == before.epoch);
    assert_eq!(after.tries, 2);
}

/// Teachers see the grade no later than the pupil.
#[tokio::test]
async fn the_live_event_is_out_before_the_reply() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let mut news = hub.ctx().live.watch_class(hub.class, SessionId::new());
    for n in 0..5_u32 {
        let receipt = pupil.submit_answer(&given.answer(&n.to_string())).await.expect("kept");
        let [(seq, LiveEvent::Cell { pupil_id, cell, .. })] = &numbered_events(&mut news)[..] else {
            panic!("published before the reply was received")
        };
        assert_eq!(*seq, receipt.hub_seq);
        assert_eq!((*pupil_id, cell.tries, cell.last_attempt), (pupil.id, n + 1, Some(receipt.attempt_id)));
    }
}

#[tokio::test]
async fn the_solution_opens_after_the_teachers_number_of_tries_or_ones_own_success() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let (pupil, classmate) = (hub.pupil("민지").await, hub.pupil("서연").await);
    let not_released = (403, "not_released".to_owned());
    let first = given.answer("1");
    assert!(!pupil.submit_answer(&first).await.expect("kept").next.solution);
    for n in 2..6 {
        let receipt = pupil.submit_answer(&given.answer(&n.to_string())).await.expect("kept");
        assert!(!receipt.next.solution, "never, while the teacher has set no number");
    }
    assert_eq!(refusal(pupil.release_solution(first.attempt_id).await), not_released);
    let teacher = hub.teacher().await;
    let settings = ClassSettings { auto_feedback: false, solution_after_tries: Some(2) };
    teacher.change_class_settings(hub.class, &settings).await.expect("set");
    assert!(pupil.release_solution(first.attempt_id).await.expect("open now").solution.contains("통분"));

    let once = given.answer("1");
    assert!(!classmate.submit_answer(&once).await.expect("kept").next.solution);
    assert_eq!(refusal(classmate.release_solution(once.attempt_id).await), not_released);
    let right = given.answer("5/6");
    assert!(classmate.submit_answer(&right).await.expect("kept").next.solution);
    assert!(classmate.release_solution(right.attempt_id).await.is_ok());
}

#[tokio::test]
async fn a_lesson_without_help_offers_none() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&fraction_problem()).await.expect("a problem");
    let lesson = practice("스스로 풀기", vec![problem.problem_id], HintCeiling::None);
    let lesson = teacher.open_lesson(hub.class, &lesson).await.expect("a lesson");
    let settings = ClassSettings { auto_feedback: true, solution_after_tries: None };
    teacher.change_class_settings(hub.class, &settings).await.expect("set");
    let pupil = hub.pupil("민지").await;
    let answer = submission(problem.problem_version_id, Some(lesson.lesson_id), number("2/5"));
    let receipt = pupil.submit_answer(&answer).await.expect("kept");
    assert!(!receipt.next.help && receipt.feedback_url.is_none());
    assert_eq!(refusal(pupil.ask_help(answer.attempt_id).await), (403, "not_released".into()));
}

#[tokio::test]
async fn an_answer_is_taken_from_a_pupil_who_was_away_for_ten_minutes() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    hub.clock.advance(minutes(10));
    pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
}
