//! `/classes/{class_id}/live`: the picture of a class and the stream of what changes in it.

use std::time::{Duration, Instant};

use dreamseed_testkit::{
    HandEngine, TestHub, fraction_problem, minutes, next_event, refusal, rest_of, sum_problem,
};
use dreamseed_wire::{
    Language,
    attempt::CellState,
    ids::*,
    live::{ClassLive, LiveCell, LiveEvent},
};

fn cell_of(picture: &ClassLive, pupil: UserId, index: usize) -> &LiveCell {
    let row = picture.pupils.iter().find(|row| row.pupil.pupil_id == pupil).expect("a row");
    &row.cells[index]
}

#[tokio::test]
async fn the_picture_of_a_class() {
    let hub = TestHub::with_engine(HandEngine::new(&["ko"]), |_| {}).await;
    let teacher = hub.teacher().await;
    let empty = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!((empty.lesson_id, empty.pupils.len(), empty.problems.len()), (None, 0, 0));

    let given = hub.give(&[fraction_problem(), sum_problem(4), sum_problem(8)]).await;
    let (pupil, absent) = (hub.pupil("민지").await, hub.add_pupil(hub.class, "서연").await);
    pupil.submit_answer(&given.answer_to(1, "5")).await.expect("kept");
    pupil.submit_answer(&given.answer_to(2, "1")).await.expect("kept");
    let wrong = given.answer("2/5");
    let receipt = pupil.submit_answer(&wrong).await.expect("kept");
    pupil.ask_help(wrong.attempt_id).await.expect("a ticket");

    let picture = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!((picture.lesson_id, picture.title.as_str()), (Some(given.lesson.lesson_id), "오늘의 문제"));
    let titles: Vec<_> = picture.problems.iter().map(|problem| problem.title.as_str()).collect();
    assert_eq!(titles, ["분수의 합", "더하기 4", "더하기 8"]);
    let names: Vec<_> =
        picture.pupils.iter().map(|row| (row.pupil.number, row.pupil.name.as_str(), row.present)).collect();
    assert_eq!(names, [(1, "민지", true), (2, "서연", false)]);
    let states: Vec<_> = picture.pupils[0].cells.iter().map(|cell| (cell.state, cell.tries)).collect();
    assert_eq!(states, [(CellState::Helping, 1), (CellState::Right, 1), (CellState::NotYet, 1)]);
    assert_eq!(cell_of(&picture, pupil.id, 0).last_attempt, Some(wrong.attempt_id));
    assert!(
        picture.pupils[1].cells.iter().all(|cell| cell.state == CellState::NotStarted && cell.tries == 0)
    );
    assert!(picture.last_event > receipt.hub_seq);
    let _ = absent;

    // Who has done nothing for five minutes is not at work.
    hub.clock.advance(minutes(6));
    assert!(!hub.teacher().await.class_live(hub.class).await.expect("a picture").pupils[0].present);

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
        let event = next_event(&mut events).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "after {:?}", begun.elapsed());
        assert_eq!(event.id, receipt.hub_seq.to_string());
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
        let event = next_event(&mut events).await;
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
    let event = next_event(&mut events).await;
    assert_eq!(event.id, live.hub_seq.to_string());

    // From the last id nothing is missing.
    let mut again = teacher.live_events(hub.class, Some(live.hub_seq)).await.expect("a stream");
    let next = third.submit_answer(&given.answer("3")).await.expect("kept");
    assert_eq!(next_event(&mut again).await.id, next.hub_seq.to_string());
    assert!(last.hub_seq < live.hub_seq && live.hub_seq < next.hub_seq);
}

/// After a restore from a backup the record ends before what a watcher has seen.
#[tokio::test]
async fn an_id_from_beyond_the_record_means_fetch_again() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let (pupil, teacher) = (hub.pupil("민지").await, hub.teacher().await);
    let mut events = teacher.live_events(hub.class, Some(1_000_000)).await.expect("a stream");
    assert_eq!(next_event(&mut events).await.data, LiveEvent::Refetch);
    let receipt = pupil.submit_answer(&given.answer("1")).await.expect("kept");
    assert_eq!(next_event(&mut events).await.id, receipt.hub_seq.to_string());
}

#[tokio::test]
async fn a_new_or_closed_lesson_means_fetch_again() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let mut events = teacher.live_events(hub.class, None).await.expect("a stream");
    let given = hub.give(&[fraction_problem()]).await;
    assert_eq!(next_event(&mut events).await.data, LiveEvent::Refetch);
    let picture = teacher.class_live(hub.class).await.expect("a picture");
    assert_eq!(picture.lesson_id, Some(given.lesson.lesson_id), "the new lesson is there already");
    teacher.close_lesson(hub.class, given.lesson.lesson_id).await.expect("closed");
    assert_eq!(next_event(&mut events).await.data, LiveEvent::Refetch);
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
    assert_eq!(next_event(&mut events).await.data, LiveEvent::Presence { pupil_id: pupil, present: true });
    client.sign_out().await.expect("signed out");
    assert_eq!(next_event(&mut events).await.data, LiveEvent::Presence { pupil_id: pupil, present: false });
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
    let mut events = teacher.live_events(hub.class, Some(0)).await.expect("a stream");
    other.submit_answer(&elsewhere.answer("5")).await.expect("kept");
    let receipt = pupil.submit_answer(&given.answer("1")).await.expect("kept");
    assert_eq!(next_event(&mut events).await.id, receipt.hub_seq.to_string());
    assert_eq!(refusal(other_teacher.live_events(hub.class, None).await), (403, "not_allowed".into()));
}

#[tokio::test]
async fn the_stream_ends_with_the_sign_in_and_with_the_hub() {
    let mut hub = TestHub::start().await;
    let (leaving, staying) = (hub.teacher().await, hub.teacher().await);
    let mut ending = leaving.live_events(hub.class, None).await.expect("a stream");
    let mut going_on = staying.live_events(hub.class, None).await.expect("a stream");
    leaving.sign_out().await.expect("signed out");
    assert_eq!(rest_of(&mut ending).await, []);
    let begun = Instant::now();
    hub.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "streams do not hold up a stop: {:?}", begun.elapsed());
    let _ = going_on.next().await;
}
