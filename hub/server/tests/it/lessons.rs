//! `/classes/{class_id}/lessons`: holding a lesson; `/groups`; notes and opened steps.

use std::sync::Arc;

use dreamseed_hub::{clock::Clock, school::SchoolView};
use dreamseed_testkit::{
    Given, Person, TestHub, exam, fraction_problem, minutes, next_event, number, practice, refusal,
    submission, sum_problem, until,
};
use dreamseed_wire::{
    Language,
    class::SetGroup,
    ids::*,
    lesson::{
        HintCeiling, LessonFor, LessonMode, LessonState, LessonView, NoteKind, OpenForPupil, OpenLesson,
        OpenedKind, PupilEvent, SendNote,
    },
    live::LiveEvent,
};
use jiff::SignedDuration;
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};

/// A lesson of 40 minutes with two problems.
async fn lesson_of_40(hub: &TestHub, teacher: &Person) -> Given {
    let problems = vec![
        teacher.add_problem(&fraction_problem()).await.expect("a problem"),
        teacher.add_problem(&sum_problem(4)).await.expect("a problem"),
    ];
    let ids = problems.iter().map(|problem| problem.problem_id).collect();
    let lesson = OpenLesson { minutes: Some(40), ..practice("분수", ids, HintCeiling::WorkedStep) };
    Given { lesson: teacher.open_lesson(hub.class, &lesson).await.expect("opened"), problems }
}

/// Minutes from the beginning of the mock clock's day to a lesson's end.
fn end_minute(view: &LessonView) -> i64 {
    let start: jiff::Timestamp = "2026-11-23T00:00:00Z".parse().expect("time");
    view.ends_at.expect("a limit").duration_since(start).as_mins()
}

async fn refused(pupil: &Person, answer: &dreamseed_wire::attempt::SubmitAnswer) -> (u16, String) {
    refusal(pupil.submit_answer(answer).await)
}

#[tokio::test]
async fn a_pause_stops_the_clock_and_time_can_be_added() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = lesson_of_40(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    assert_eq!((given.lesson.state, end_minute(&given.lesson)), (LessonState::Open, 40));

    hub.clock.advance(minutes(10));
    let teacher = hub.teacher().await;
    let paused = teacher.pause_lesson(hub.class, id).await.expect("paused");
    assert_eq!((paused.state, end_minute(&paused)), (LessonState::Paused, 40));
    hub.clock.advance(minutes(5));
    let again = teacher.pause_lesson(hub.class, id).await.expect("still paused");
    assert_eq!((again.state, end_minute(&again)), (LessonState::Paused, 45), "when it would end by now");
    let extended = teacher.extend_lesson(hub.class, id, 20).await.expect("extended");
    assert_eq!((extended.state, end_minute(&extended)), (LessonState::Paused, 65));
    let resumed = teacher.resume_lesson(hub.class, id).await.expect("resumed");
    assert_eq!((resumed.state, end_minute(&resumed)), (LessonState::Open, 65));
    let shorter = teacher.extend_lesson(hub.class, id, -60).await.expect("shortened");
    assert_eq!(end_minute(&shorter), 15, "the end never moves before now");
    let closed = |view: &LessonView| view.state == LessonState::Closed;
    assert!(closed(&shorter), "time is up");
    assert_eq!(refusal(teacher.extend_lesson(hub.class, id, 5).await), (409, "lesson_closed".into()));
    assert_eq!(refusal(teacher.pause_lesson(hub.class, id).await), (409, "lesson_closed".into()));

    let reopened = teacher.reopen_lesson(hub.class, id).await.expect("reopened");
    assert_eq!((reopened.state, end_minute(&reopened)), (LessonState::Open, 25), "ten minutes more");
    let detail = teacher.class_detail(hub.class).await.expect("the class");
    assert_eq!(detail.lessons, [reopened]);
}

#[tokio::test]
async fn what_cannot_be_a_lesson() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&fraction_problem()).await.expect("a problem").problem_id;
    let elsewhere = hub.add_class("다른 반", Language::Ko, teacher.id).await;
    let stranger = hub.add_pupil(elsewhere, "남").await;
    let plain = practice("수업", vec![problem], HintCeiling::Concept);
    for wrong in [
        OpenLesson { title: " ".into(), ..plain.clone() },
        OpenLesson { problem_ids: vec![], ..plain.clone() },
        OpenLesson { problem_ids: vec![ProblemId::new()], ..plain.clone() },
        OpenLesson { minutes: Some(0), ..plain.clone() },
        OpenLesson { minutes: Some(301), ..plain.clone() },
        OpenLesson { whom: LessonFor::Pupils { pupil_ids: vec![stranger] }, ..plain.clone() },
        OpenLesson { whom: LessonFor::Pupils { pupil_ids: vec![] }, ..plain.clone() },
        OpenLesson { mode: LessonMode::Exam, ..plain.clone() },
    ] {
        let code = refusal(teacher.open_lesson(hub.class, &wrong).await);
        assert_eq!(code, (422, "bad_field".into()), "{wrong:?}");
    }
    let endless = teacher.open_lesson(hub.class, &plain).await.expect("opened");
    for wrong in [0, 121, -61, 5] {
        let extended = teacher.extend_lesson(hub.class, endless.lesson_id, wrong).await;
        assert_eq!(refusal(extended), (422, "bad_field".into()), "{wrong}");
    }
    let not_here = teacher.pause_lesson(elsewhere, endless.lesson_id).await;
    assert_eq!(refusal(not_here), (404, "not_found".into()), "another class's lesson");
    let held = teacher.open_lesson(hub.class, &exam("시험", vec![problem], 20)).await.expect("opened");
    assert_eq!(held.hint_ceiling, HintCeiling::None, "an exam has no help, whatever was sent");
}

/// The table of answers by state of the lesson is tested where the rule is; this is the way in.
#[tokio::test]
async fn an_answer_counts_by_when_it_was_given() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = lesson_of_40(&hub, &teacher).await;
    let id = given.lesson.lesson_id;
    let begun = hub.clock.now();
    let at = |minute: i64| Some(begun + SignedDuration::from_mins(minute));
    let answer_given = |minute| {
        let mut answer = given.answer("2/5");
        answer.occurred_at = at(minute);
        answer
    };

    hub.clock.advance(minutes(10));
    let (teacher, pupil) = (hub.teacher().await, hub.pupil("민지").await);
    teacher.pause_lesson(hub.class, id).await.expect("paused");
    hub.clock.advance(minutes(2));
    assert_eq!(refused(&pupil, &answer_given(11)).await, (409, "lesson_paused".into()));
    assert_eq!(refused(&pupil, &given.answer("2/5")).await, (409, "lesson_paused".into()), "given now");
    pupil.submit_answer(&answer_given(9)).await.expect("it was on its way when the pause began");
    teacher.resume_lesson(hub.class, id).await.expect("resumed");
    let typed_in_the_pause = answer_given(11);
    pupil.submit_answer(&typed_in_the_pause).await.expect("sent when the lesson goes on");

    teacher.close_lesson(hub.class, id).await.expect("closed");
    hub.clock.advance(minutes(3));
    let (late, too_late) = (answer_given(8), answer_given(13));
    let receipt = pupil.submit_answer(&late).await.expect("given before the end");
    assert_eq!(refused(&pupil, &too_late).await, (409, "lesson_closed".into()));
    assert_eq!(refusal(pupil.attempt(too_late.attempt_id).await).0, 403, "nothing is stored");
    assert_eq!(pupil.submit_answer(&late).await.expect("the first receipt"), receipt);
    let seen = teacher.attempt(late.attempt_id).await.expect("the attempt");
    assert_eq!(seen.late_by_secs, Some(180));
    assert_eq!(seen.misconception.as_deref(), Some("분자끼리, 분모끼리 더해요."));
    assert_eq!(
        pupil.attempt(late.attempt_id).await.expect("their own").misconception,
        None,
        "for staff only"
    );
    assert_eq!(teacher.attempt(typed_in_the_pause.attempt_id).await.expect("kept").late_by_secs, None);
    // What was kept is receipted again though the lesson is over.
    let repeated = pupil.submit_answer(&typed_in_the_pause).await.expect("known");
    assert_eq!(repeated.attempt_id, typed_in_the_pause.attempt_id);
}

#[tokio::test]
async fn time_that_is_up_closes_a_lesson_also_while_the_hub_is_off() {
    let mut hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (first, second) = (lesson_of_40(&hub, &teacher).await, lesson_of_40(&hub, &teacher).await);
    teacher.extend_lesson(hub.class, second.lesson.lesson_id, 60).await.expect("extended");
    let pupil = hub.add_pupil(hub.class, "민지").await;
    let lists =
        async |hub: &TestHub| hub.sign_in(pupil).await.my_problems().await.expect("the list").lessons.len();
    assert_eq!(lists(&hub).await, 2);

    hub.clock.advance(minutes(41));
    let state = |hub: &TestHub, id| {
        let school = hub.ctx().school.get();
        (school.lessons[&id].timing.state, school.lessons[&id].timing.closed_at)
    };
    let ended = first.lesson.ends_at;
    until("the first lesson is closed", async || {
        state(&hub, first.lesson.lesson_id) == (LessonState::Closed, ended)
    })
    .await;
    assert_eq!(lists(&hub).await, 1);

    hub.stop().await;
    hub.clock.advance(minutes(60 * 15));
    hub.start_again().await;
    until("the second lesson is closed", async || {
        let (state, closed_at) = state(&hub, second.lesson.lesson_id);
        state == LessonState::Closed && closed_at.is_some_and(|at| at < hub.clock.now())
    })
    .await;
    assert_eq!(lists(&hub).await, 0);
}

/// The hub of a school in Berlin, in the night in which an hour comes twice, and over midnight in Seoul.
#[tokio::test]
async fn forty_minutes_are_forty_minutes_in_every_night() {
    for (zone, begin) in [("Europe/Berlin", "2026-10-25T00:40:00Z"), ("Asia/Seoul", "2026-11-23T14:40:00Z")] {
        let hub = TestHub::with(|config| config.time_zone = zone.into()).await;
        hub.clock.set(begin);
        let teacher = hub.teacher().await;
        let given = lesson_of_40(&hub, &teacher).await;
        let id = given.lesson.lesson_id;
        hub.clock.advance(minutes(39));
        let pupil = hub.pupil("민지").await;
        pupil.submit_answer(&given.answer("5/6")).await.expect("in time");
        let state = || hub.ctx().school.get().lessons[&id].timing.state;
        assert_eq!(state(), LessonState::Open, "{zone}");
        hub.clock.advance(minutes(1));
        assert_eq!(refused(&pupil, &given.answer("1")).await, (409, "lesson_closed".into()), "{zone}");
        until("the lesson is closed", async || state() == LessonState::Closed).await;
        let view = hub.ctx().school.get().lessons[&id].timing.closed_at;
        assert_eq!(view, given.lesson.ends_at, "{zone}");
    }
}

#[tokio::test]
async fn a_lesson_for_some_pupils_is_for_them_only() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (mine, other) = (hub.pupil("민지").await, hub.pupil("서연").await);
    let problem = teacher.add_problem(&fraction_problem()).await.expect("a problem");
    let lesson = OpenLesson {
        whom: LessonFor::Pupils { pupil_ids: vec![mine.id] },
        ..practice("보충", vec![problem.problem_id], HintCeiling::Nudge)
    };
    let lesson = teacher.open_lesson(hub.class, &lesson).await.expect("opened");
    assert_eq!(lesson.whom, LessonFor::Pupils { pupil_ids: vec![mine.id] });
    assert_eq!(mine.my_problems().await.expect("the list").lessons.len(), 1);
    assert_eq!(other.my_problems().await.expect("the list").lessons, []);
    let answer = |text| submission(problem.problem_version_id, Some(lesson.lesson_id), number(text));
    mine.submit_answer(&answer("5/6")).await.expect("kept");
    assert_eq!(refused(&other, &answer("5/6")).await, (422, "bad_field".into()));
    let seen = other.problem_version(problem.problem_version_id, Language::Ko).await;
    assert_eq!(refusal(seen), (403, "not_allowed".into()));
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    let rows: Vec<_> = picture.pupils.iter().map(|row| row.pupil.pupil_id).collect();
    assert_eq!(rows, [mine.id], "the grid shows whom the lesson is for");
    // Two lessons at once are fine.
    let both = practice("모두", vec![problem.problem_id], HintCeiling::Nudge);
    teacher.open_lesson(hub.class, &both).await.expect("opened");
    assert_eq!(mine.my_problems().await.expect("the list").lessons.len(), 2);
    assert_eq!(other.my_problems().await.expect("the list").lessons.len(), 1);
}

#[tokio::test]
async fn groups_of_a_class() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (first, second) = (hub.add_pupil(hub.class, "하나").await, hub.add_pupil(hub.class, "두리").await);
    let group = |name: &str, pupil_ids| SetGroup { name: name.into(), pupil_ids };
    let made =
        teacher.add_group(hub.class, &group(" 보충반 ", vec![second, first, second])).await.expect("made");
    assert_eq!((made.name.as_str(), made.pupil_ids.len()), ("보충반", 2));
    let same_name = teacher.add_group(hub.class, &group("보충반", vec![])).await;
    assert_eq!(refusal(same_name), (409, "taken".into()));
    for wrong in [group("", vec![]), group("x", vec![UserId::new()])] {
        assert_eq!(refusal(teacher.add_group(hub.class, &wrong).await), (422, "bad_field".into()));
    }
    let changed = teacher.change_group(hub.class, made.group_id, &group("심화반", vec![first])).await;
    let changed = changed.expect("changed");
    assert_eq!(teacher.class_detail(hub.class).await.expect("the class").groups, [changed]);
    let unknown = teacher.change_group(hub.class, GroupId::new(), &group("x", vec![])).await;
    assert_eq!(refusal(unknown), (404, "not_found".into()));
    teacher.remove_group(hub.class, made.group_id).await.expect("removed");
    assert_eq!(teacher.class_detail(hub.class).await.expect("the class").groups, []);
}

#[tokio::test]
async fn who_leaves_the_class_leaves_its_groups() {
    let hub = TestHub::start().await;
    let (teacher, admin) = (hub.teacher().await, hub.admin().await);
    let (stays, goes) = (hub.add_pupil(hub.class, "민지").await, hub.add_pupil(hub.class, "서연").await);
    let other = hub.add_class("다른 반", Language::Ko, teacher.id).await;
    let group = SetGroup { name: "보충반".into(), pupil_ids: vec![stays, goes] };
    let made = teacher.add_group(hub.class, &group).await.expect("made");
    let wish = dreamseed_wire::people::MovePupil { class_id: Some(other), number: None, from_day: None };
    admin.move_pupil(goes, &wish).await.expect("moved");
    let groups = teacher.class_detail(hub.class).await.expect("the class").groups;
    assert_eq!(groups[0].pupil_ids, [stays]);
    let pupil_ids = groups[0].pupil_ids.clone();
    let problem = teacher.add_problem(&fraction_problem()).await.expect("a problem").problem_id;
    let lesson = OpenLesson {
        whom: LessonFor::Pupils { pupil_ids },
        ..practice("보충", vec![problem], HintCeiling::Concept)
    };
    teacher.open_lesson(hub.class, &lesson).await.expect("it can be given to the group as it is");
    teacher.remove_group(hub.class, made.group_id).await.expect("removed");
}

/// What teachers of two classes do, and time that passes.
#[derive(Debug, Clone)]
enum Deed {
    Open { class: usize, is_exam: bool, minutes: Option<u16>, for_one: bool },
    Pause(Index),
    Resume(Index),
    Extend(Index, i16),
    Close(Index),
    Reopen(Index),
    AddGroup { class: usize },
    ChangeGroup(Index),
    RemoveGroup(Index),
    Wait { minutes: u64 },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (class, index) = (0..2_usize, any::<Index>);
    let open = (class.clone(), any::<bool>(), prop::option::of(1_u16..60), any::<bool>());
    let deed = prop_oneof![
        4 => open.prop_map(|(class, is_exam, minutes, for_one)| Deed::Open { class, is_exam, minutes, for_one }),
        2 => index().prop_map(Deed::Pause),
        2 => index().prop_map(Deed::Resume),
        2 => (index(), -60_i16..60).prop_map(|(lesson, by)| Deed::Extend(lesson, by)),
        2 => index().prop_map(Deed::Close),
        2 => index().prop_map(Deed::Reopen),
        1 => class.prop_map(|class| Deed::AddGroup { class }),
        1 => index().prop_map(Deed::ChangeGroup),
        1 => index().prop_map(Deed::RemoveGroup),
        3 => (0..30_u64).prop_map(|minutes| Deed::Wait { minutes }),
    ];
    prop::collection::vec(deed, 1..24)
}

/// While classes work only what has changed is read again: after each change that is the school as a whole reading gives
/// it, and it shares everybody and all problems with the picture before.
#[test]
fn the_school_after_a_change_is_the_school_read_anew() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let hub = runtime.block_on(TestHub::start());
    let (classes, pupils, problem) = runtime.block_on(async {
        let teacher = hub.teacher().await;
        let classes = [hub.class, hub.add_class("다른 반", Language::Ko, teacher.id).await];
        let pupils = [hub.add_pupil(classes[0], "민지").await, hub.add_pupil(classes[1], "서연").await];
        (classes, pupils, teacher.add_problem(&fraction_problem()).await.expect("a problem").problem_id)
    });
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&deeds(), |deeds| {
        runtime.block_on(async {
            let (mut lessons, mut groups) = (Vec::new(), Vec::new());
            for deed in deeds {
                let before = hub.ctx().school.get();
                let teacher = hub.teacher().await;
                match deed {
                    Deed::Open { class, is_exam, minutes, for_one } => {
                        let whom = if for_one {
                            LessonFor::Pupils { pupil_ids: vec![pupils[class]] }
                        } else {
                            LessonFor::Class
                        };
                        let plain = if is_exam {
                            exam("시험", vec![problem], minutes.unwrap_or(20))
                        } else {
                            OpenLesson { minutes, ..practice("수업", vec![problem], HintCeiling::Concept) }
                        };
                        let lesson = OpenLesson { whom, ..plain };
                        let view = teacher.open_lesson(classes[class], &lesson).await.expect("opened");
                        lessons.push((classes[class], view.lesson_id));
                    }
                    // Some of it is refused, as when the lesson is over: then nothing has changed.
                    Deed::Pause(at) if !lessons.is_empty() => {
                        let (class, lesson) = at.get(&lessons);
                        drop(teacher.pause_lesson(*class, *lesson).await);
                    }
                    Deed::Resume(at) if !lessons.is_empty() => {
                        let (class, lesson) = at.get(&lessons);
                        drop(teacher.resume_lesson(*class, *lesson).await);
                    }
                    Deed::Extend(at, by) if !lessons.is_empty() => {
                        let (class, lesson) = at.get(&lessons);
                        drop(teacher.extend_lesson(*class, *lesson, by).await);
                    }
                    Deed::Close(at) if !lessons.is_empty() => {
                        let (class, lesson) = at.get(&lessons);
                        drop(teacher.close_lesson(*class, *lesson).await);
                    }
                    Deed::Reopen(at) if !lessons.is_empty() => {
                        let (class, lesson) = at.get(&lessons);
                        drop(teacher.reopen_lesson(*class, *lesson).await);
                    }
                    Deed::AddGroup { class } => {
                        let name = GroupId::new().to_string();
                        let group = SetGroup { name, pupil_ids: vec![pupils[class]] };
                        let made = teacher.add_group(classes[class], &group).await.expect("made");
                        groups.push((classes[class], made.group_id));
                    }
                    Deed::ChangeGroup(at) if !groups.is_empty() => {
                        let (class, group) = at.get(&groups);
                        let empty = SetGroup { name: GroupId::new().to_string(), pupil_ids: vec![] };
                        teacher.change_group(*class, *group, &empty).await.expect("changed");
                    }
                    Deed::RemoveGroup(at) if !groups.is_empty() => {
                        let (class, group) = groups.swap_remove(at.index(groups.len()));
                        teacher.remove_group(class, group).await.expect("removed");
                    }
                    Deed::Wait { minutes: some } => {
                        hub.clock.advance(minutes(some));
                        dreamseed_hub::lessons::close_due(hub.ctx()).await.expect("closed");
                    }
                    Deed::Pause(_)
                    | Deed::Resume(_)
                    | Deed::Extend(..)
                    | Deed::Close(_)
                    | Deed::Reopen(_)
                    | Deed::ChangeGroup(_)
                    | Deed::RemoveGroup(_) => {}
                }
                let now = hub.ctx().school.get();
                let anew = SchoolView::load(&hub.ctx().store).await.expect("the school").get();
                prop_assert!(*now == *anew, "the school is not as the database has it");
                prop_assert!(Arc::ptr_eq(&now.people, &before.people));
                prop_assert!(Arc::ptr_eq(&now.versions, &before.versions));
            }
            Ok(())
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[tokio::test]
async fn leaving_the_lesson_out_leads_round_nothing() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&fraction_problem()).await.expect("a problem");
    let generous = practice("지난주", vec![problem.problem_id], HintCeiling::WorkedStep);
    let generous = teacher.open_lesson(hub.class, &generous).await.expect("opened");
    teacher.close_lesson(hub.class, generous.lesson_id).await.expect("closed");
    let strict = practice("오늘", vec![problem.problem_id], HintCeiling::None);
    let strict = teacher.open_lesson(hub.class, &strict).await.expect("opened");
    let pupil = hub.pupil("민지").await;
    let around = || submission(problem.problem_version_id, None, number("2/5"));
    let no_help = (403, "not_released".to_owned());

    let answer = around();
    let receipt = pupil.submit_answer(&answer).await.expect("kept");
    assert!(!receipt.next.help);
    assert_eq!(refusal(pupil.ask_help(answer.attempt_id).await), no_help);
    let kept = pupil.attempt(answer.attempt_id).await.expect("seen");
    assert_eq!(kept.lesson_id, Some(strict.lesson_id), "it belongs to the lesson that holds the problem");
    assert_eq!(pupil.submit_answer(&answer).await.expect("the same receipt"), receipt);

    teacher.pause_lesson(hub.class, strict.lesson_id).await.expect("paused");
    assert_eq!(refused(&pupil, &around()).await, (409, "lesson_paused".into()));
    teacher.resume_lesson(hub.class, strict.lesson_id).await.expect("resumed");

    // When all of them are over, practice goes on as strictly as the strictest.
    teacher.close_lesson(hub.class, strict.lesson_id).await.expect("closed");
    let answer = around();
    assert!(!pupil.submit_answer(&answer).await.expect("kept").next.help);
    assert_eq!(pupil.attempt(answer.attempt_id).await.expect("seen").lesson_id, None);
    assert_eq!(refusal(pupil.ask_help(answer.attempt_id).await), no_help);
}

#[tokio::test]
async fn a_class_is_archived_with_its_lessons_but_not_in_an_exam() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let problem = given.problems[0].problem_id;
    let held = teacher.open_lesson(hub.class, &exam("시험", vec![problem], 20)).await.expect("opened");
    assert_eq!(refusal(teacher.archive_class(hub.class).await), (409, "exam_running".into()));
    pupil.begin_sitting(held.lesson_id).await.expect("begun: nothing has changed");
    teacher.close_lesson(hub.class, held.lesson_id).await.expect("closed");
    let mut events = pupil.pupil_events().await.expect("a stream");
    assert_eq!(next_event(&mut events).await.data, PupilEvent::Lessons);
    teacher.archive_class(hub.class).await.expect("archived");
    while next_event(&mut events).await.data != PupilEvent::Lessons {}
    assert_eq!(teacher.classes().await.expect("classes"), []);
    assert_eq!(pupil.my_problems().await.expect("the list").lessons, []);
    assert_eq!(refused(&pupil, &given.answer("5/6")).await, (409, "lesson_closed".into()));
    let closed = hub.ctx().school.get();
    assert!(closed.lessons.values().all(|lesson| lesson.timing.state == LessonState::Closed));
}

#[tokio::test]
async fn what_a_teacher_tells_is_on_the_screen_at_once() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let (teacher, pupil, other) = (hub.teacher().await, hub.pupil("민지").await, hub.pupil("서연").await);
    let mut events = pupil.pupil_events().await.expect("a stream");
    assert_eq!(next_event(&mut events).await.data, PupilEvent::Lessons);
    let note = SendNote {
        text: " 분모를 다시 보세요.\n잘하고 있어요. ".into(),
        lesson_id: Some(given.lesson.lesson_id),
        problem_version_id: Some(given.version()),
    };
    let sent = teacher.send_note(hub.class, pupil.id, &note).await.expect("sent");
    let told = loop {
        if let PupilEvent::Note { note } = next_event(&mut events).await.data {
            break note;
        }
    };
    assert_eq!(told, sent);
    assert_eq!((told.text.as_str(), told.kind), ("분모를 다시 보세요.\n잘하고 있어요.", NoteKind::Note));
    assert_eq!((told.from.as_deref(), told.problem_title.as_deref()), (Some("김선생"), Some("분수의 합")));
    assert_eq!(pupil.my_notes().await.expect("notes"), std::slice::from_ref(&told));
    assert_eq!(refusal(other.see_note(told.note_id).await), (404, "not_found".into()), "not theirs");
    pupil.see_note(told.note_id).await.expect("seen");
    pupil.see_note(told.note_id).await.expect("seen again");
    assert!(pupil.my_notes().await.expect("notes")[0].seen);
    assert_eq!(other.my_notes().await.expect("notes"), []);
    for text in ["", " \n ", &"가".repeat(501), "a\u{202e}b", "a\u{7}b"] {
        let wrong = SendNote { text: text.into(), lesson_id: None, problem_version_id: None };
        assert_eq!(refusal(teacher.send_note(hub.class, pupil.id, &wrong).await), (422, "bad_field".into()));
    }
}

#[tokio::test]
async fn a_teacher_opens_step_by_step_and_then_the_solution() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let (teacher, pupil) = (hub.teacher().await, hub.pupil("민지").await);
    let wrong = given.answer("2/5");
    let receipt = pupil.submit_answer(&wrong).await.expect("kept");
    assert!(!receipt.next.solution);
    assert_eq!(refusal(pupil.release_solution(wrong.attempt_id).await), (403, "not_released".into()));
    let open = |what| OpenForPupil { problem_version_id: given.version(), what, lesson_id: None };
    for hint in fraction_problem().hints {
        let told =
            teacher.open_for_pupil(hub.class, pupil.id, &open(OpenedKind::Step)).await.expect("opened");
        assert_eq!((Some(told.text), told.kind), (hint.ko, NoteKind::Step));
    }
    let no_more = teacher.open_for_pupil(hub.class, pupil.id, &open(OpenedKind::Step)).await;
    assert_eq!(refusal(no_more), (422, "bad_field".into()));
    let told =
        teacher.open_for_pupil(hub.class, pupil.id, &open(OpenedKind::Solution)).await.expect("opened");
    let released = pupil.release_solution(wrong.attempt_id).await.expect("the teacher has opened it");
    assert_eq!(released.solution, told.text);
    let next = pupil.submit_answer(&given.answer("1/5")).await.expect("kept").next;
    assert!(next.solution && next.try_again);
    assert_eq!(pupil.my_notes().await.expect("notes").len(), 4);
    let elsewhere = OpenForPupil { problem_version_id: ProblemVersionId::new(), ..open(OpenedKind::Step) };
    let refused = teacher.open_for_pupil(hub.class, pupil.id, &elsewhere).await;
    assert_eq!(refusal(refused), (422, "bad_field".into()));
}

#[tokio::test]
async fn teachers_see_a_pause_in_the_live_view() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = lesson_of_40(&hub, &teacher).await;
    let mut events = teacher.live_events(hub.class, None).await.expect("a stream");
    teacher.pause_lesson(hub.class, given.lesson.lesson_id).await.expect("paused");
    let lesson = loop {
        if let LiveEvent::Lesson { lesson } = next_event(&mut events).await.data {
            break lesson;
        }
    };
    assert_eq!((lesson.lesson_id, lesson.state), (given.lesson.lesson_id, LessonState::Paused));
}
