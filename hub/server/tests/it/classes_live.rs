//! `/classes/{class_id}/live`: the picture of a class and the stream of what changes in it.

use std::time::{Duration, Instant};

use dreamseed_client::{EventStream, StreamEvent};
use dreamseed_hub::live::EventId;
use dreamseed_testkit::{
    HandEngine, TestHub, fraction_problem, minutes, next_event, number, practice, refusal, rest_of,
    submission, sum_problem, until,
};
use dreamseed_wire::{
    Language,
    attempt::{AttemptReceipt, CellState},
    class::SetGroup,
    ids::*,
    lesson::{HintCeiling, LessonFor, LessonState, OpenLesson},
    live::{ClassLive, LiveCell, LiveEvent, OpenLessonNow, PupilStanding, PupilState, StuckReason},
};

/// Of an event before the first, in the first stretch of the record.
fn beginning() -> Option<String> {
    Some("1-0".to_owned())
}

fn id_of(receipt: &AttemptReceipt) -> String {
    format!("{}-{}", receipt.epoch, receipt.hub_seq)
}

/// The next event that tells of cells or of the picture as a whole: no beat, and not how the lesson stands or a pupil fares.
async fn next_change(events: &mut EventStream<LiveEvent>) -> StreamEvent<LiveEvent> {
    loop {
        let event = next_event(events).await;
        if !matches!(event.data, LiveEvent::Beat { .. } | LiveEvent::Lesson { .. } | LiveEvent::Pupil { .. })
        {
            break event;
        }
    }
}

/// How a pupil fares, once that is told.
async fn next_standing(events: &mut EventStream<LiveEvent>, pupil: UserId) -> PupilStanding {
    loop {
        match next_event(events).await.data {
            LiveEvent::Pupil { pupil_id, standing, .. } if pupil_id == pupil => break standing,
            LiveEvent::Cell { .. }
            | LiveEvent::Pupil { .. }
            | LiveEvent::Lesson { .. }
            | LiveEvent::OpenLessons { .. }
            | LiveEvent::Refetch
            | LiveEvent::Beat { .. } => {}
        }
    }
}

fn cell_of(picture: &ClassLive, pupil: UserId, index: usize) -> &LiveCell {
    let row = picture.pupils.iter().find(|row| row.pupil.pupil_id == pupil).expect("a row");
    &row.cells[index]
}

#[tokio::test]
async fn the_picture_of_a_class() {
    let hub = TestHub::with_engine(HandEngine::new(&["ko"]), |_| {}).await;
    let teacher = hub.teacher().await;
    let empty = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!((empty.lesson, empty.pupils.len(), empty.problems.len()), (None, 0, 0));

    let given = hub.give(&[fraction_problem(), sum_problem(4), sum_problem(8)]).await;
    let (pupil, absent) = (hub.pupil("민지").await, hub.add_pupil(hub.class, "서연").await);
    pupil.submit_answer(&given.answer_to(1, "5")).await.expect("kept");
    pupil.submit_answer(&given.answer_to(2, "1")).await.expect("kept");
    let wrong = given.answer("2/5");
    let receipt = pupil.submit_answer(&wrong).await.expect("kept");
    pupil.ask_help(wrong.attempt_id).await.expect("a ticket");

    let picture = teacher.class_live(hub.class).await.expect("a picture");
    let shown = picture.lesson.as_ref().expect("a lesson");
    assert_eq!((shown.lesson_id, shown.title.as_str()), (given.lesson.lesson_id, "오늘의 문제"));
    let titles: Vec<_> = picture.problems.iter().map(|problem| problem.title.as_str()).collect();
    assert_eq!(titles, ["분수의 합", "더하기 4", "더하기 8"]);
    let names: Vec<_> = picture
        .pupils
        .iter()
        .map(|row| (row.pupil.number, row.pupil.name.as_str(), row.standing.present))
        .collect();
    assert_eq!(names, [(1, "민지", true), (2, "서연", false)]);
    let states: Vec<_> = picture.pupils[0].cells.iter().map(|cell| (cell.state, cell.tries)).collect();
    assert_eq!(states, [(CellState::Helping, 1), (CellState::Right, 1), (CellState::NotYet, 1)]);
    assert_eq!(cell_of(&picture, pupil.id, 0).last_attempt, Some(wrong.attempt_id));
    assert!(
        picture.pupils[1].cells.iter().all(|cell| cell.state == CellState::NotStarted && cell.tries == 0)
    );
    let last: EventId = picture.last_event.parse().expect("an id");
    assert!(last.epoch == receipt.epoch && last.seq > receipt.hub_seq);
    let _ = absent;

    // Who has done nothing for two minutes is away, and signed in all the same.
    hub.clock.advance(minutes(6));
    let away = hub.teacher().await.class_live(hub.class).await.expect("a picture").pupils[0].standing.clone();
    assert_eq!((away.state, away.present, away.since.is_some()), (PupilState::Away, true, true));

    // Another try takes the sign of help away; solving stays.
    let pupil = hub.sign_in(pupil.id).await;
    pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    pupil.submit_answer(&given.answer("1/6")).await.expect("kept");
    let picture = hub.teacher().await.class_live(hub.class).await.expect("a picture");
    assert_eq!(
        (cell_of(&picture, pupil.id, 0).state, cell_of(&picture, pupil.id, 0).tries),
        (CellState::Right, 3)
    );
}

#[tokio::test]
async fn an_answer_is_on_the_teachers_screen_within_a_second() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let (pupil, teacher) = (hub.pupil("민지").await, hub.teacher().await);
    let mut events = teacher.live_events(hub.class, None).await.expect("a stream");
    for n in 0..3_u32 {
        let begun = Instant::now();
        let receipt = pupil.submit_answer(&given.answer(&n.to_string())).await.expect("kept");
        let event = next_change(&mut events).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "after {:?}", begun.elapsed());
        assert_eq!(event.id, id_of(&receipt));
        let LiveEvent::Cell { pupil_id, lesson_id, cell, .. } = event.data else { panic!("{event:?}") };
        assert_eq!((pupil_id, lesson_id), (pupil.id, Some(given.lesson.lesson_id)));
        assert_eq!(
            (cell.tries, cell.state, cell.last_attempt),
            (n + 1, CellState::NotYet, Some(receipt.attempt_id))
        );
    }
}

/// The picture and the events after it give the picture of later, with nothing lost and nothing twice.
#[tokio::test]
async fn after_a_break_exactly_the_missed_cells_come() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem(), sum_problem(4)]).await;
    let (first, second, third) = (hub.pupil("하나").await, hub.pupil("두리").await, hub.pupil("세찬").await);
    let teacher = hub.teacher().await;
    first.submit_answer(&given.answer("1")).await.expect("kept");
    second.submit_answer(&given.answer("1")).await.expect("kept");
    let picture = teacher.class_live(hub.class).await.expect("a picture");

    // Nobody watches.
    first.submit_answer(&given.answer("2")).await.expect("kept");
    third.submit_answer(&given.answer_to(1, "5")).await.expect("kept");
    let last = first.submit_answer(&given.answer("5/6")).await.expect("kept");

    let mut events = teacher.live_events(hub.class, Some(picture.last_event)).await.expect("a stream");
    let mut missed = Vec::new();
    for _ in 0..2 {
        let event = next_change(&mut events).await;
        let LiveEvent::Cell { pupil_id, cell, .. } = event.data else { panic!("{event:?}") };
        missed.push((pupil_id, cell.problem_version_id, cell.state, cell.tries));
    }
    let expected = [
        (third.id, given.problems[1].problem_version_id, CellState::Right, 1),
        (first.id, given.version(), CellState::Right, 3),
    ];
    assert_eq!(missed, expected, "oldest first, each cell once, as it stands now");
    // What happens now follows at once.
    let live = second.submit_answer(&given.answer("5/6")).await.expect("kept");
    let event = next_change(&mut events).await;
    assert_eq!(event.id, id_of(&live));

    // From the last id nothing is missing.
    let mut again = teacher.live_events(hub.class, Some(id_of(&live))).await.expect("a stream");
    let next = third.submit_answer(&given.answer("3")).await.expect("kept");
    assert_eq!(next_change(&mut again).await.id, id_of(&next));
    assert!(last.hub_seq < live.hub_seq && live.hub_seq < next.hub_seq);
}

/// A pause or more time is not in the record: who comes back is told first how the lesson stands.
#[tokio::test]
async fn after_a_break_the_lesson_comes_first() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&sum_problem(4)).await.expect("a problem");
    let lesson = OpenLesson {
        minutes: Some(20),
        ..practice("수업", vec![problem.problem_id], HintCeiling::Concept)
    };
    let opened = teacher.open_lesson(hub.class, &lesson).await.expect("opened");
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    let before = picture.lesson.expect("a lesson");
    teacher.extend_lesson(hub.class, opened.lesson_id, 5).await.expect("extended");
    teacher.pause_lesson(hub.class, opened.lesson_id).await.expect("paused");
    let mut events = teacher.live_events(hub.class, Some(picture.last_event)).await.expect("a stream");
    let first = next_event(&mut events).await.data;
    let LiveEvent::Lesson { lesson } = first else { panic!("{first:?}") };
    assert_eq!((lesson.lesson_id, lesson.state), (opened.lesson_id, LessonState::Paused));
    let moved = lesson.ends_at.expect("an end").duration_since(before.ends_at.expect("an end"));
    assert_eq!(moved.as_mins(), 5);
    // Who begins anew has the picture already.
    let mut anew = teacher.live_events(hub.class, None).await.expect("a stream");
    assert!(!matches!(next_event(&mut anew).await.data, LiveEvent::Lesson { .. }));
}

/// After a restore from a backup the record ends before what a watcher has seen.
#[tokio::test]
async fn an_id_from_beyond_the_record_means_fetch_again() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let (pupil, teacher) = (hub.pupil("민지").await, hub.teacher().await);
    let mut events = teacher.live_events(hub.class, Some("1-1000000".into())).await.expect("a stream");
    assert_eq!(next_change(&mut events).await.data, LiveEvent::Refetch);
    let receipt = pupil.submit_answer(&given.answer("1")).await.expect("kept");
    assert_eq!(next_change(&mut events).await.id, id_of(&receipt));
}

/// Numbers are given again after a restore: an id says of which stretch it is.
#[tokio::test]
async fn an_id_of_another_stretch_of_the_record_means_fetch_again() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let (pupil, teacher) = (hub.pupil("민지").await, hub.teacher().await);
    let receipt = pupil.submit_answer(&given.answer("1")).await.expect("kept");
    for (id, first) in [
        (format!("{}-{}", receipt.epoch + 1, receipt.hub_seq - 1), "refetch"),
        (format!("{}", receipt.hub_seq - 1), "refetch"),
        (format!("{}-{}", receipt.epoch, receipt.hub_seq - 1), "cell"),
    ] {
        let mut events = teacher.live_events(hub.class, Some(id.clone())).await.expect("a stream");
        let seen = match next_change(&mut events).await.data {
            LiveEvent::Refetch => "refetch",
            LiveEvent::Cell { .. } => "cell",
            other @ (LiveEvent::Pupil { .. }
            | LiveEvent::Lesson { .. }
            | LiveEvent::OpenLessons { .. }
            | LiveEvent::Beat { .. }) => panic!("{id}: {other:?}"),
        };
        assert_eq!(seen, first, "{id}");
    }
}

/// A page that opens streams without end takes nothing from others.
#[tokio::test]
async fn a_sign_in_holds_four_streams_of_a_kind() {
    let hub = TestHub::start().await;
    let (teacher, colleague, pupil) = (hub.teacher().await, hub.teacher().await, hub.pupil("민지").await);
    let mut other = colleague.live_events(hub.class, None).await.expect("a stream");
    let (mut classes, mut screens) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        classes.push(teacher.live_events(hub.class, None).await.expect("a stream"));
        screens.push(pupil.pupil_events().await.expect("a stream"));
    }
    assert_eq!(hub.ctx().live.readers(), (5, 4));
    for ended in classes.iter_mut().take(2) {
        rest_of(ended).await;
    }
    for ended in screens.iter_mut().take(2) {
        rest_of(ended).await;
    }
    for stream in classes.iter_mut().skip(2).chain([&mut other]) {
        while !matches!(next_event(stream).await.data, LiveEvent::Beat { .. }) {}
    }
}

/// What is told of several open lessons, once it is.
async fn next_open_lessons(events: &mut EventStream<LiveEvent>) -> Vec<OpenLessonNow> {
    loop {
        if let LiveEvent::OpenLessons { open_lessons } = next_event(events).await.data {
            break open_lessons;
        }
    }
}

/// Titles, and the names of who needs the teacher there.
fn in_need(open: &[OpenLessonNow]) -> Vec<(&str, Vec<&str>)> {
    open.iter()
        .map(|one| {
            let names = one.attention.iter().map(|one| one.pupil.name.as_str()).collect();
            (one.lesson.title.as_str(), names)
        })
        .collect()
}

/// Two groups with a lesson each: whoever looks at one of them learns of the pupil who is stuck in the other.
#[tokio::test]
async fn each_of_several_open_lessons_can_be_looked_at() {
    let hub = TestHub::start().await;
    let (here, there) = (hub.pupil("민지").await, hub.pupil("서연").await);
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&fraction_problem()).await.expect("a problem");
    let group = SetGroup { name: "가 모둠".into(), pupil_ids: vec![here.id] };
    teacher.add_group(hub.class, &group).await.expect("a group");
    let lesson_for = |title: &str, pupil: UserId| OpenLesson {
        minutes: Some(20),
        whom: LessonFor::Pupils { pupil_ids: vec![pupil] },
        ..practice(title, vec![problem.problem_id], HintCeiling::Concept)
    };
    let first = teacher.open_lesson(hub.class, &lesson_for("가", here.id)).await.expect("opened").lesson_id;
    let second = teacher.open_lesson(hub.class, &lesson_for("나", there.id)).await.expect("opened").lesson_id;

    let shown = |picture: &ClassLive| {
        let names = picture.pupils.iter().map(|row| row.pupil.name.clone()).collect::<Vec<_>>();
        (picture.lesson.as_ref().map(|lesson| lesson.lesson_id), names)
    };
    let newest = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!(shown(&newest), (Some(second), vec!["서연".to_owned()]));
    let chosen = teacher.class_live_of(hub.class, first).await.expect("a picture");
    assert_eq!(shown(&chosen), (Some(first), vec!["민지".to_owned()]));
    assert_eq!(chosen.open_lessons, newest.open_lessons, "every face is told the same");
    assert_eq!(in_need(&newest.open_lessons), [("나", vec![]), ("가", vec![])], "newest first");
    let facts: Vec<_> = newest.open_lessons.iter().map(|one| (one.pupils, one.group.as_deref())).collect();
    assert_eq!(facts, [(1, None), (1, Some("가 모둠"))]);
    let nowhere = teacher.class_live_of(hub.class, LessonId::new()).await;
    assert_eq!(refusal(nowhere).0, 404);

    // One looks at the second lesson; a pupil of the first is stuck.
    let mut events =
        teacher.live_events_of(hub.class, second, Some(newest.last_event.clone())).await.expect("a stream");
    for text in ["1", "2", "3"] {
        let answer = submission(problem.problem_version_id, Some(first), number(text));
        here.submit_answer(&answer).await.expect("kept");
    }
    let stuck = loop {
        let open = next_open_lessons(&mut events).await;
        if in_need(&open) == [("나", vec![]), ("가", vec!["민지"])] {
            break open;
        }
    };
    assert_eq!(stuck[1].attention[0].standing.stuck, [StuckReason::WrongInRow { times: 3 }]);
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!(in_need(&picture.open_lessons), in_need(&stuck), "a picture tells what the stream told");
    // Who comes back after a break is told at once.
    let mut again =
        teacher.live_events_of(hub.class, second, Some(picture.last_event)).await.expect("a stream");
    assert_eq!(in_need(&next_open_lessons(&mut again).await), in_need(&stuck));

    // The first lesson is steered while the second is looked at.
    teacher.pause_lesson(hub.class, first).await.expect("paused");
    let paused = loop {
        if let LiveEvent::Lesson { lesson } = next_event(&mut again).await.data
            && lesson.lesson_id == first
        {
            break lesson;
        }
    };
    assert_eq!(paused.state, LessonState::Paused);
    let open = next_open_lessons(&mut again).await;
    assert_eq!(
        open.iter().map(|one| one.lesson.state).collect::<Vec<_>>(),
        [LessonState::Open, LessonState::Paused]
    );

    // It is over: it can still be looked at, and opened again; the other is the only one.
    teacher.close_lesson(hub.class, first).await.expect("closed");
    let picture = teacher.class_live_of(hub.class, first).await.expect("a picture");
    assert_eq!(shown(&picture).0, Some(first));
    assert_eq!(picture.lesson.expect("a lesson").state, LessonState::Closed);
    assert_eq!(in_need(&picture.open_lessons), [("나", vec![])]);
    teacher.reopen_lesson(hub.class, first).await.expect("opened again");
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!(picture.open_lessons.len(), 2);
}

/// A pupil counts where they worked last, or where they were called since: what was left unsolved calls for nobody.
#[tokio::test]
async fn a_pupil_needs_the_teacher_in_one_lesson_only() {
    let hub = TestHub::start().await;
    let first = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    for text in ["1", "2", "3"] {
        pupil.submit_answer(&first.answer(text)).await.expect("kept");
    }
    hub.clock.advance(minutes(1));
    hub.give(&[sum_problem(4)]).await;
    let teacher = hub.teacher().await;
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!(picture.open_lessons.iter().map(|one| one.attention.len()).collect::<Vec<_>>(), [0, 0]);
    hub.clock.advance(minutes(1));
    let pupil = hub.sign_in(pupil.id).await;
    pupil.submit_answer(&first.answer("4")).await.expect("kept");
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!(picture.open_lessons.iter().map(|one| one.attention.len()).collect::<Vec<_>>(), [0, 1]);
    // Away for long is told once, not in each lesson.
    hub.clock.advance(minutes(6));
    let picture = hub.teacher().await.class_live(hub.class).await.expect("a picture");
    let away: Vec<_> = picture.open_lessons.iter().flat_map(|one| &one.attention).collect();
    assert_eq!(away.iter().map(|one| one.standing.state).collect::<Vec<_>>(), [PupilState::Away]);
}

#[tokio::test]
async fn a_new_or_closed_lesson_means_fetch_again() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let mut events = teacher.live_events(hub.class, None).await.expect("a stream");
    let given = hub.give(&[fraction_problem()]).await;
    assert_eq!(next_change(&mut events).await.data, LiveEvent::Refetch);
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    let shown = picture.lesson.map(|lesson| lesson.lesson_id);
    assert_eq!(shown, Some(given.lesson.lesson_id), "the new lesson is there already");
    teacher.close_lesson(hub.class, given.lesson.lesson_id).await.expect("closed");
    assert_eq!(next_change(&mut events).await.data, LiveEvent::Refetch);
}

#[tokio::test]
async fn who_comes_and_goes_is_seen() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], "481526").await;
    let mut events = teacher.live_events(hub.class, None).await.expect("a stream");
    let client = hub.stranger();
    client.sign_in_pupil(&hub.code_of(hub.class), pupil, "481526").await.expect("signed in");
    // Without a lesson there is no row to tell of: the picture is fetched again.
    assert_eq!(next_change(&mut events).await.data, LiveEvent::Refetch);
    let row = &teacher.class_live(hub.class).await.expect("a picture").pupils[0];
    assert!(row.standing.present);

    hub.give(&[fraction_problem()]).await;
    let mut events = teacher.live_events(hub.class, beginning()).await.expect("a stream");
    assert_eq!(next_standing(&mut events, pupil).await.state, PupilState::NotStarted);
    client.sign_out().await.expect("signed out");
    let gone = next_standing(&mut events, pupil).await;
    assert_eq!((gone.state, gone.present), (PupilState::Away, false));
    client.sign_in_pupil(&hub.code_of(hub.class), pupil, "481526").await.expect("signed in");
    assert_eq!(next_standing(&mut events, pupil).await.state, PupilState::NotStarted);
}

/// The rule has its own table of tests; here it meets answers, help and the clock.
#[tokio::test]
async fn who_is_stuck_and_why() {
    let hub = TestHub::with_engine(HandEngine::new(&["ko"]), |_| {}).await;
    let given = hub.give(&[fraction_problem(), sum_problem(4)]).await;
    let (teacher, pupil) = (hub.teacher().await, hub.pupil("민지").await);
    let mut events = teacher.live_events(hub.class, beginning()).await.expect("a stream");
    assert_eq!(next_standing(&mut events, pupil.id).await.state, PupilState::NotStarted);
    let wrong = given.answer("2/5");
    pupil.submit_answer(&wrong).await.expect("kept");
    let working = next_standing(&mut events, pupil.id).await;
    assert_eq!((working.state, working.problem_version_id), (PupilState::Working, Some(given.version())));
    pupil.ask_help(wrong.attempt_id).await.expect("a ticket");
    assert_eq!(next_standing(&mut events, pupil.id).await.state, PupilState::Asking);
    let begun = Instant::now();
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    let stuck = next_standing(&mut events, pupil.id).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "with the answer, not with the next beat");
    let same =
        StuckReason::SameMistake { misconception: "분자끼리, 분모끼리 더해요.".into(), times: 2 };
    assert_eq!((stuck.state, stuck.stuck), (PupilState::Stuck, vec![same]));
    pupil.submit_answer(&given.answer("1/5")).await.expect("kept");
    let stuck = next_standing(&mut events, pupil.id).await.stuck;
    assert_eq!(stuck, [StuckReason::WrongInRow { times: 3 }]);
    pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    assert_eq!(next_standing(&mut events, pupil.id).await.state, PupilState::Working);

    // The open page says that the pupil is there; nothing is solved for five minutes.
    let _page = pupil.pupil_events().await.expect("a stream");
    pupil.submit_answer(&given.answer_to(1, "9")).await.expect("kept");
    assert_eq!(next_standing(&mut events, pupil.id).await.state, PupilState::Working);
    hub.clock.advance(minutes(5));
    let stuck = next_standing(&mut events, pupil.id).await;
    assert_eq!(stuck.stuck, [StuckReason::LongOnOne { minutes: 5 }]);
    let picture = hub.teacher().await.class_live(hub.class).await.expect("a picture");
    assert_eq!(picture.pupils[0].standing, stuck, "every face shows the same");
    let right = hub.sign_in(pupil.id).await;
    right.submit_answer(&given.answer_to(1, "5")).await.expect("kept");
    assert_eq!(next_standing(&mut events, pupil.id).await.state, PupilState::Done);
}

#[tokio::test]
async fn a_page_that_falls_silent_is_away_after_two_minutes() {
    let hub = TestHub::start().await;
    hub.give(&[fraction_problem()]).await;
    let (teacher, pupil) = (hub.teacher().await, hub.pupil("민지").await);
    let page = pupil.pupil_events().await.expect("a stream");
    let mut events = teacher.live_events(hub.class, beginning()).await.expect("a stream");
    assert_eq!(next_standing(&mut events, pupil.id).await.state, PupilState::NotStarted);
    drop(page);
    until("the page is gone", async || hub.ctx().live.readers().1 == 0).await;
    hub.clock.advance(minutes(2));
    assert_eq!(next_standing(&mut events, pupil.id).await.state, PupilState::Away);
    let _page = pupil.pupil_events().await.expect("a stream");
    assert_eq!(next_standing(&mut events, pupil.id).await.state, PupilState::NotStarted);
}

#[tokio::test]
async fn a_beat_comes_every_second() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let mut events = teacher.live_events(hub.class, None).await.expect("a stream");
    for _ in 0..2 {
        assert!(matches!(next_event(&mut events).await.data, LiveEvent::Beat { .. }));
    }
}

#[tokio::test]
async fn a_class_hears_of_itself_only() {
    let hub = TestHub::start().await;
    let (other_teacher, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let (given, elsewhere) = (
        hub.give(&[fraction_problem()]).await,
        hub.give_to(&other_teacher, other_class, &[sum_problem(4)]).await,
    );
    let (pupil, other) = (hub.pupil("민지").await, hub.pupil_in(other_class, "준호").await);
    let teacher = hub.teacher().await;
    let mut events = teacher.live_events(hub.class, beginning()).await.expect("a stream");
    other.submit_answer(&elsewhere.answer("5")).await.expect("kept");
    let receipt = pupil.submit_answer(&given.answer("1")).await.expect("kept");
    assert_eq!(next_change(&mut events).await.id, id_of(&receipt));
    assert_eq!(refusal(other_teacher.live_events(hub.class, None).await), (403, "not_allowed".into()));
}

#[tokio::test]
async fn the_stream_ends_with_the_sign_in_and_with_the_hub() {
    let mut hub = TestHub::start().await;
    let (leaving, staying) = (hub.teacher().await, hub.teacher().await);
    let mut ending = leaving.live_events(hub.class, None).await.expect("a stream");
    let mut going_on = staying.live_events(hub.class, None).await.expect("a stream");
    leaving.sign_out().await.expect("signed out");
    let rest = rest_of(&mut ending).await;
    assert!(rest.iter().all(|event| matches!(event.data, LiveEvent::Beat { .. })), "{rest:?}");
    let begun = Instant::now();
    hub.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "streams do not hold up a stop: {:?}", begun.elapsed());
    while let Some(Ok(event)) = going_on.next().await {
        assert!(matches!(event.data, LiveEvent::Beat { .. }), "{event:?}");
    }
}

/// Who no longer teaches a class sees nothing more of it, though the sign-in goes on.
#[tokio::test]
async fn a_teacher_who_is_removed_is_cut_off() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let pupil = hub.pupil("민지").await;
    let (other, _) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    teacher.add_teacher(hub.class, other.id).await.expect("added");
    let mut removed = other.live_events(hub.class, None).await.expect("a stream");
    let mut stays = teacher.live_events(hub.class, None).await.expect("a stream");
    drop(next_event(&mut removed).await);
    teacher.remove_teacher(hub.class, other.id).await.expect("removed");
    pupil.submit_answer(&given.answer("5")).await.expect("kept");
    let seen = rest_of(&mut removed).await;
    let told = |event: &LiveEvent| matches!(event, LiveEvent::Cell { .. });
    assert!(!seen.iter().any(|event| told(&event.data)), "{seen:?}");
    assert!(told(&next_change(&mut stays).await.data), "who still teaches it sees the answer");
    assert_eq!(refusal(other.live_events(hub.class, None).await.map(drop)), (403, "not_allowed".into()));

    // Nothing happens any more in a class that is put away; its teacher may look at it all the same.
    teacher.archive_class(hub.class).await.expect("archived");
    rest_of(&mut stays).await;
    let mut again = teacher.live_events(hub.class, None).await.expect("a stream");
    next_event(&mut again).await;
}
