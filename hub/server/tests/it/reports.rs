//! `/classes/{class_id}/report` and a pupil's report: what a class and a pupil have come to.

use dreamseed_testkit::{
    Given, Person, TestHub, choice_problem, fraction_problem, refusal, submission, sum_problem,
};
use dreamseed_wire::{
    Language,
    answer::Answer,
    attempt::SubmitAnswer,
    ids::UserId,
    progress::MasteryLevel,
    regrade::OverrideGrade,
    report::{ClassReport, NeedReason},
};
use jiff::SignedDuration;

const ALL: (Option<&str>, Option<&str>) = (Some("2026-01-01"), None);

async fn report(teacher: &Person, hub: &TestHub) -> ClassReport {
    teacher.class_report(hub.class, ALL, Language::Ko).await.expect("a report")
}

/// An answer of some days ago, as a device brings it later.
fn days_ago(hub: &TestHub, mut answer: SubmitAnswer, days: i64) -> SubmitAnswer {
    use dreamseed_hub::clock::Clock;
    answer.occurred_at = Some(hub.clock.now() - SignedDuration::from_hours(24 * days));
    answer
}

#[tokio::test]
async fn the_heat_map_says_what_progress_says() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let mut other_skill = sum_problem(9);
    other_skill.skill = "decimal-mul-div".into();
    let given = hub.give(&[sum_problem(1), sum_problem(2), sum_problem(3), other_skill]).await;
    let (pupil, idle) = (hub.pupil("민지").await, hub.add_pupil(hub.class, "서연").await);
    for (index, text) in [(0, "2"), (1, "3"), (2, "4"), (2, "9"), (3, "9"), (3, "?")] {
        pupil.submit_answer(&given.answer_to(index, text)).await.expect("kept");
    }
    let report = report(&teacher, &hub).await;
    assert_eq!((report.class_name.as_str(), report.answers), ("5학년 1반", 5));
    let skills: Vec<_> = report.skills.iter().map(|skill| skill.skill.as_str()).collect();
    assert_eq!(skills.len(), 2);
    assert!(report.skills.iter().all(|skill| skill.name != skill.skill), "skills have names");
    assert_eq!(report.pupils.len(), 2);
    let (row, empty) = (&report.pupils[0], &report.pupils[1]);
    assert_eq!((row.answers, row.last_day.as_deref()), (5, Some("2026-11-23")));
    let progress = pupil.my_progress().await.expect("progress");
    for skill in &progress.skills {
        let column = skills.iter().position(|id| *id == skill.skill).expect("a column");
        let cell = row.cells[column].expect("a cell");
        assert_eq!(cell.mastery.to_bits(), skill.mastery.to_bits());
        assert_eq!((cell.level, cell.attempts, cell.right), (skill.level, skill.attempts, skill.right));
    }
    assert!(row.cells.iter().flatten().any(|cell| cell.level == MasteryLevel::Secure));
    assert_eq!((empty.pupil.pupil_id, &*empty.cells, &empty.last_day), (idle, &[None, None][..], &None));
}

#[tokio::test]
async fn difficult_problems_stand_with_the_wrong_answers_as_people_read_them() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(1), fraction_problem(), choice_problem()]).await;
    let (first, second) = (hub.pupil("민지").await, hub.pupil("서연").await);
    let choose = |id: &str| {
        let version = given.problems[2].problem_version_id;
        submission(version, Some(given.lesson.lesson_id), Answer::SingleChoice { choice: id.into() })
    };
    for pupil in [&first, &second] {
        pupil.submit_answer(&given.answer_to(0, "2")).await.expect("kept");
        pupil.submit_answer(&given.answer_to(1, "2/5")).await.expect("kept");
        pupil.submit_answer(&choose("b")).await.expect("kept");
    }
    first.submit_answer(&given.answer_to(1, "1/6")).await.expect("kept");
    first.submit_answer(&given.answer_to(1, "5/6")).await.expect("kept");
    first.submit_answer(&choose("c")).await.expect("kept");

    let problems = report(&teacher, &hub).await.problems;
    let titles: Vec<_> = problems.iter().map(|problem| problem.title.as_str()).collect();
    assert_eq!(titles, ["분수의 합", "가장 큰 수"], "who was never wrong at it does not find it hard");
    let hard = &problems[0];
    assert_eq!((hard.pupils_tried, hard.pupils_solved, hard.tries), (2, 1, 4));
    assert_eq!((hard.wrong_answers[0].answer.as_str(), hard.wrong_answers[0].count), ("2/5", 2));
    assert_eq!(hard.wrong_answers[0].misconception.as_deref(), Some("분자끼리, 분모끼리 더해요."));
    assert_eq!(hard.wrong_answers[1].misconception, None);
    let wrong = &problems[1].wrong_answers;
    assert_eq!(
        wrong.iter().map(|wrong| (wrong.answer.as_str(), wrong.count)).collect::<Vec<_>>(),
        [("19", 1)]
    );

    // A corrected grade is in it at once.
    let attempt = first.submit_answer(&given.answer_to(0, "1000")).await.expect("kept").attempt_id;
    assert_eq!(report(&teacher, &hub).await.problems.len(), 3);
    let right = OverrideGrade { right: true, reason: "말로 바르게 답함".into() };
    teacher.override_grade(attempt, &right).await.expect("decided");
    let after = report(&teacher, &hub).await;
    assert_eq!(after.problems.len(), 2);
    assert_eq!(after.pupils[0].cells[0].map(|cell| (cell.attempts, cell.right)), Some((7, 4)));
}

#[tokio::test]
async fn who_needs_help_and_why() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&(1..=8).map(sum_problem).collect::<Vec<_>>()).await;
    let (stuck, falling, gone, fine) =
        (hub.pupil("하나").await, hub.pupil("두리").await, hub.pupil("세찬").await, hub.pupil("네오").await);
    let never = hub.add_pupil(hub.class, "다솜").await;
    let right = |index: usize| (index + 2).to_string();
    let send = async |pupil: &Person, index: usize, text: &str, days: i64| {
        let answer = days_ago(&hub, given.answer_to(index, text), days);
        pupil.submit_answer(&answer).await.expect("kept");
    };
    for _ in 0..3 {
        send(&stuck, 4, "1000", 0).await;
    }
    for index in 0..8 {
        for days in [14, 15] {
            send(&falling, index, &right(index), days).await;
        }
        send(&falling, index, if index < 4 { "1000" } else { "" }.to_owned().as_str(), 1).await;
        if index >= 4 {
            send(&falling, index, "1000", 1).await;
        }
    }
    send(&gone, 0, &right(0), 20).await;
    for days in 0..3 {
        send(&fine, 0, &right(0), days).await;
    }

    let needs = report(&teacher, &hub).await.needs_help;
    let of = |pupil: UserId| {
        needs.iter().find(|needs| needs.pupil.pupil_id == pupil).map(|needs| needs.reasons.clone())
    };
    assert_eq!(needs[0].pupil.pupil_id, stuck.id, "the most urgent first");
    let Some([NeedReason::Stuck { problems, skill_name, .. }]) = of(stuck.id)
        .as_deref()
        .map(|reasons| <&[NeedReason; 1]>::try_from(reasons).expect("one reason").clone())
    else {
        panic!("{needs:?}")
    };
    assert_eq!((problems, skill_name.is_empty()), (1, false));
    assert_eq!(of(falling.id), Some(vec![NeedReason::Falling { before: 1.0, now: 0.0 }]));
    assert_eq!(of(gone.id), Some(vec![NeedReason::NotUsed { days: Some(20) }]));
    assert_eq!(of(never), Some(vec![NeedReason::NotUsed { days: None }]));
    assert_eq!(of(fine.id), None);
}

#[tokio::test]
async fn a_report_is_of_its_days() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given: Given = hub.give(&[sum_problem(1)]).await;
    let pupil = hub.pupil("민지").await;
    pupil.submit_answer(&days_ago(&hub, given.answer("9"), 40)).await.expect("kept");
    pupil.submit_answer(&given.answer("2")).await.expect("kept");
    let whole = report(&teacher, &hub).await;
    assert_eq!((whole.answers, whole.from.as_str(), whole.to.as_str()), (2, "2026-01-01", "2026-11-23"));
    let usual = teacher.class_report(hub.class, (None, None), Language::En).await.expect("a report");
    assert_eq!((usual.answers, usual.from.as_str()), (1, "2026-10-27"));
    let before =
        teacher.class_report(hub.class, (Some("2026-01-01"), Some("2026-11-22")), Language::Ko).await;
    let before = before.expect("a report");
    assert_eq!((before.answers, before.problems.len()), (1, 0), "the lesson was held later");
    assert_eq!(before.pupils[0].cells, whole.pupils[0].cells, "the heat map is of all time");
    for days in [(Some("2026-11-24"), None), (Some("gestern"), None), (None, Some("2026-13-01"))] {
        let refused = refusal(teacher.class_report(hub.class, days, Language::Ko).await);
        assert_eq!(refused, (422, "bad_field".into()), "{days:?}");
    }
}

#[tokio::test]
async fn a_pupil_over_weeks() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(1), sum_problem(2)]).await;
    let pupil = hub.pupil("민지").await;
    // 2026-11-23 is a Monday; the older answers come later.
    for (index, text, days) in [(0, "2", 0), (1, "3", 3), (0, "7", 10)] {
        pupil.submit_answer(&days_ago(&hub, given.answer_to(index, text), days)).await.expect("kept");
    }
    let report = teacher.pupil_report(hub.class, pupil.id, Language::En).await.expect("a report");
    assert_eq!(report.pupil.name, "민지");
    let weeks: Vec<_> =
        report.skills[0].weeks.iter().map(|week| (week.week.as_str(), week.attempts, week.right)).collect();
    assert_eq!(weeks, [("2026-11-09", 1, 0), ("2026-11-16", 1, 1), ("2026-11-23", 1, 1)]);
    let now = pupil.my_progress().await.expect("progress").skills[0].mastery;
    assert_eq!(report.skills[0].weeks[2].mastery.to_bits(), now.to_bits());
    let stranger = hub.admin().await.pupil_report(hub.class, UserId::new(), Language::En).await;
    assert_eq!(refusal(stranger), (404, "not_found".into()));
}
