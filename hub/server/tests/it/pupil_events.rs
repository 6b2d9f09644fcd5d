//! `/me/events`: what happens to a pupil's own screen, pushed.

use std::time::{Duration, Instant};

use dreamseed_client::EventStream;
use dreamseed_testkit::{TestHub, fraction_problem, minutes, next_event, rest_of, until};
use dreamseed_wire::{
    Language,
    lesson::{PupilEvent, SendNote},
};

/// The next event that is no beat.
async fn next(events: &mut EventStream<PupilEvent>) -> PupilEvent {
    loop {
        let event = next_event(events).await.data;
        if !matches!(event, PupilEvent::Beat { .. }) {
            return event;
        }
    }
}

fn note(text: &str) -> SendNote {
    SendNote { text: text.into(), lesson_id: None, problem_version_id: None }
}

#[tokio::test]
async fn lessons_first_then_what_happens_in_its_order() {
    let hub = TestHub::start().await;
    let (teacher, pupil) = (hub.teacher().await, hub.pupil("민지").await);
    let mut events = pupil.pupil_events().await.expect("a stream");
    assert_eq!(next_event(&mut events).await.data, PupilEvent::Lessons, "the very first");
    let given = hub.give(&[fraction_problem()]).await;
    assert_eq!(next(&mut events).await, PupilEvent::Lessons);
    assert_eq!(pupil.my_problems().await.expect("the list").lessons.len(), 1, "it can be fetched already");
    let id = given.lesson.lesson_id;
    teacher.pause_lesson(hub.class, id).await.expect("paused");
    teacher.send_note(hub.class, pupil.id, &note("하나")).await.expect("sent");
    teacher.send_note(hub.class, pupil.id, &note("둘")).await.expect("sent");
    teacher.close_lesson(hub.class, id).await.expect("closed");
    assert_eq!(next(&mut events).await, PupilEvent::Lessons);
    let text = |event| if let PupilEvent::Note { note } = event { note.text } else { String::new() };
    assert_eq!(text(next(&mut events).await), "하나");
    assert_eq!(text(next(&mut events).await), "둘");
    assert_eq!(next(&mut events).await, PupilEvent::Lessons);

    // After a break it begins anew, and the list holds what was missed.
    drop(events);
    teacher.send_note(hub.class, pupil.id, &note("셋")).await.expect("sent");
    let mut events = pupil.pupil_events().await.expect("a stream");
    assert_eq!(next_event(&mut events).await.data, PupilEvent::Lessons);
    let texts: Vec<_> = pupil.my_notes().await.expect("notes").into_iter().map(|note| note.text).collect();
    assert_eq!(texts[0], "셋");
    assert_eq!(texts.len(), 3);
}

#[tokio::test]
async fn a_beat_comes_every_second() {
    let hub = TestHub::start().await;
    let pupil = hub.pupil("민지").await;
    let mut events = pupil.pupil_events().await.expect("a stream");
    assert_eq!(next_event(&mut events).await.data, PupilEvent::Lessons);
    let mut last = None;
    for _ in 0..3 {
        let event = next_event(&mut events).await.data;
        assert!(matches!(event, PupilEvent::Beat { .. }), "{event:?}");
        // The first may come at once; a client waits for three seconds before it calls the line dead.
        if let Some(before) = last.replace(Instant::now()) {
            assert!(before.elapsed() < Duration::from_secs(3));
        }
    }
}

#[tokio::test]
async fn a_pupil_hears_of_nobody_else() {
    let hub = TestHub::start().await;
    let (other_teacher, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let (teacher, pupil, friend) = (hub.teacher().await, hub.pupil("민지").await, hub.pupil("서연").await);
    let mut events = pupil.pupil_events().await.expect("a stream");
    assert_eq!(next(&mut events).await, PupilEvent::Lessons);
    hub.give_to(&other_teacher, other_class, &[fraction_problem()]).await;
    teacher.send_note(hub.class, friend.id, &note("친구에게")).await.expect("sent");
    teacher.send_note(hub.class, pupil.id, &note("나에게")).await.expect("sent");
    let PupilEvent::Note { note } = next(&mut events).await else { panic!("a note") };
    assert_eq!(note.text, "나에게");
}

#[tokio::test]
async fn both_devices_of_a_pupil_are_told_and_gone_ones_are_forgotten() {
    let hub = TestHub::start().await;
    let (teacher, pupil) = (hub.teacher().await, hub.pupil("민지").await);
    let tablet = hub.sign_in(pupil.id).await;
    let mut on_pc = pupil.pupil_events().await.expect("a stream");
    let mut on_tablet = tablet.pupil_events().await.expect("a stream");
    for events in [&mut on_pc, &mut on_tablet] {
        assert_eq!(next(events).await, PupilEvent::Lessons);
    }
    teacher.send_note(hub.class, pupil.id, &note("안녕")).await.expect("sent");
    for events in [&mut on_pc, &mut on_tablet] {
        assert!(matches!(next(events).await, PupilEvent::Note { .. }));
    }
    assert_eq!(hub.ctx().live.readers(), (0, 2));
    tablet.sign_out().await.expect("signed out");
    let rest = rest_of(&mut on_tablet).await;
    assert!(rest.iter().all(|event| matches!(event.data, PupilEvent::Beat { .. })), "{rest:?}");
    drop(on_pc);
    until("nobody is told any more", async || hub.ctx().live.readers() == (0, 0)).await;
}

#[tokio::test]
async fn time_that_is_up_is_told() {
    let hub = TestHub::start().await;
    let (teacher, pupil) = (hub.teacher().await, hub.add_pupil(hub.class, "민지").await);
    let given = hub.give(&[fraction_problem()]).await;
    let id = given.problems[0].problem_id;
    teacher.open_lesson(hub.class, &dreamseed_testkit::exam("시험", vec![id], 14)).await.expect("opened");
    let pupil = hub.sign_in(pupil).await;
    let mut events = pupil.pupil_events().await.expect("a stream");
    assert_eq!(next(&mut events).await, PupilEvent::Lessons);
    hub.clock.advance(minutes(14));
    assert_eq!(next(&mut events).await, PupilEvent::Lessons);
    let states: Vec<_> =
        pupil.my_problems().await.expect("the list").lessons.into_iter().map(|lesson| lesson.state).collect();
    assert_eq!(states.len(), 2);
}
