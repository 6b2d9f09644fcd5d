//! How many requests the hub takes from one sign-in, and that nobody is refused for what others at the same address do.

use std::num::NonZeroU32;

use dreamseed_client::Method;
use dreamseed_testkit::{
    HandEngine, Person, TestHub, Wire, fraction_problem, request, rest_of, status_of, sum_problem, within,
};
use dreamseed_wire::{
    attempt::SubmitAnswer,
    feedback::{FeedbackEvent, HintReason},
    ids::UserId,
};

fn per_minute(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).expect("not zero")
}

#[tokio::test]
async fn over_the_limit_one_waits_and_others_go_on() {
    let hub = TestHub::with(|config| config.limits.per_minute = per_minute(3)).await;
    let (pupil, classmate) = (hub.pupil("민지").await, hub.pupil("준호").await);
    for _ in 0..3 {
        pupil.me().await.expect("let in");
    }
    let reply = pupil.request(Method::GET, "/me", "").await;
    assert_eq!(reply.refusal(), (429, "too_many_requests".into()));
    let wait: u32 = reply.header("retry-after").parse().expect("seconds");
    assert!((1..=20).contains(&wait), "{wait}");
    classmate.me().await.expect("somebody else at the same address");
    hub.sign_in(pupil.id).await.me().await.expect("the same pupil on another device");
    hub.stranger().hub_info().await.expect("who is not signed in is not counted");
}

/// One PIN and many sign-ins: help is counted for the person, and requests at three times what one sign-in may send.
#[tokio::test]
async fn many_sign_ins_of_one_pupil_are_counted_together() {
    let engine = HandEngine::new(&["ko", "en"]);
    let hub = TestHub::with_engine(engine.clone(), |config| {
        config.limits.per_minute = per_minute(10);
        config.limits.help_per_minute = per_minute(1);
    })
    .await;
    let given = hub.give(&[fraction_problem(), sum_problem(4)]).await;
    let pupil = hub.pupil("민지").await;
    let first = given.answer("2/5");
    ask(&pupil, &first).await;
    let turn = within("the model is asked", engine.next()).await;
    let elsewhere = hub.sign_in(pupil.id).await;
    let second = given.answer("3/5");
    ask(&elsewhere, &second).await;
    let events = told(&elsewhere, &second).await;
    assert!(
        matches!(events[0], FeedbackEvent::Hint { reason: HintReason::TooMany, .. }),
        "on another device: {events:?}"
    );
    drop(turn);

    let mut passed = 0;
    for _ in 0..5 {
        let device = hub.sign_in(pupil.id).await;
        for _ in 0..10 {
            passed += u32::from(device.request(Method::GET, "/me", "").await.status == 200);
        }
    }
    assert!((20..45).contains(&passed), "{passed} of 50; a little comes back each second");
    hub.pupil("준호").await.me().await.expect("nobody else is held up");
}

#[tokio::test]
async fn what_is_refused_counts_too() {
    let hub = TestHub::with(|config| config.limits.per_minute = per_minute(2)).await;
    let pupil = hub.pupil("민지").await;
    for _ in 0..2 {
        assert_eq!(pupil.request(Method::GET, "/audit", "").await.refusal().0, 403);
    }
    assert_eq!(pupil.request(Method::GET, "/audit", "").await.refusal(), (429, "too_many_requests".into()));
}

/// What a client says of itself changes nothing.
#[tokio::test]
async fn no_header_is_a_way_around() {
    let hub = TestHub::with(|config| config.limits.per_minute = per_minute(1)).await;
    let pupil = hub.pupil("민지").await;
    pupil.me().await.expect("let in");
    let token = pupil.access_token().expect("signed in");
    let bearer = format!("Bearer {token}");
    for name in ["x-forwarded-for", "forwarded", "x-real-ip", "x-request-id", "user-agent", "cookie"] {
        let headers = [("authorization", bearer.as_str()), (name, "10.1.2.3")];
        let (status, ..) =
            hub.stranger().raw(Method::GET, "/api/v1/me", &headers, "").await.expect("a reply");
        assert_eq!(status, 429, "{name}");
    }
}

#[tokio::test]
async fn a_stream_counts_once() {
    let hub = TestHub::with(|config| config.limits.per_minute = per_minute(2)).await;
    let teacher = hub.teacher().await;
    let token = teacher.access_token().expect("signed in");
    let mut wire = Wire::connect(hub.address()).await;
    let class = hub.class;
    wire.send(format!(
        "GET /api/v1/classes/{class}/live/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    ))
    .await;
    assert_eq!(status_of(&wire.head().await), 200);
    teacher.me().await.expect("the second");
    assert_eq!(teacher.request(Method::GET, "/me", "").await.status, 429);
}

async fn ask(pupil: &Person, answer: &SubmitAnswer) {
    pupil.submit_answer(answer).await.expect("kept");
    pupil.ask_help(answer.attempt_id).await.expect("a ticket, whatever the limit");
}

async fn told(pupil: &Person, answer: &SubmitAnswer) -> Vec<FeedbackEvent> {
    let mut stream = pupil.feedback_events(answer.attempt_id, None).await.expect("a stream");
    rest_of(&mut stream).await.into_iter().map(|event| event.data).collect()
}

/// The model is for everybody; the lesson never stops.
#[tokio::test]
async fn over_the_limit_of_help_the_authored_hint_comes_at_once() {
    let engine = HandEngine::new(&["ko", "en"]);
    let hub =
        TestHub::with_engine(engine.clone(), |config| config.limits.help_per_minute = per_minute(1)).await;
    let given = hub.give(&[fraction_problem(), sum_problem(4)]).await;
    let (pupil, classmate) = (hub.pupil("민지").await, hub.pupil("준호").await);
    let first = given.answer("2/5");
    ask(&pupil, &first).await;
    let turn = within("the model is asked", engine.next()).await;

    let second = given.answer("3/5");
    ask(&pupil, &second).await;
    let events = told(&pupil, &second).await;
    let hint = |event: &FeedbackEvent| matches!(event, FeedbackEvent::Hint { reason: HintReason::TooMany, text } if !text.is_empty());
    assert!(events.len() == 2 && hint(&events[0]), "{events:?}");
    assert_eq!(events[1], FeedbackEvent::Done { written_by_ai: false });
    // Asking again for the same answer costs nothing and changes nothing.
    pupil.ask_help(second.attempt_id).await.expect("the same ticket");
    assert_eq!(told(&pupil, &second).await, events);
    let shown = pupil.attempt(second.attempt_id).await.expect("kept").feedback;
    assert!(shown.iter().any(|help| help.hint.is_some() && help.model.is_none()), "{shown:?}");

    let other = given.answer("2/5");
    ask(&classmate, &other).await;
    within("the classmate's turn reaches the model", engine.next()).await;
    drop(turn);
}

/// 09:00 in a computer room: one address, one minute, three who mistype.
#[tokio::test(flavor = "multi_thread")]
async fn thirty_five_pupils_behind_one_address_sign_in_at_nine() {
    let hub = TestHub::with(|config| config.limits.per_minute = per_minute(100)).await;
    let mut pupils: Vec<UserId> = Vec::new();
    for number in 1..=35 {
        pupils.push(hub.add_pupil(hub.class, &format!("학생 {number}")).await);
    }
    hub.set_pin(&pupils, "402817").await;
    let code = hub.code_of(hub.class);
    let mut tasks = tokio::task::JoinSet::new();
    for (index, pupil) in pupils.into_iter().enumerate() {
        let (client, code) = (hub.stranger(), code.clone());
        tasks.spawn(async move {
            client.open_roster(&code).await.expect("the names of the class");
            if index % 12 == 0 {
                let refused = client.sign_in_pupil(&code, pupil, "000000").await;
                assert_eq!(dreamseed_testkit::refusal(refused), (401, "wrong_secret".into()));
            }
            client.sign_in_pupil(&code, pupil, "402817").await.expect("signed in at once");
            client.my_problems().await.expect("at work");
        });
    }
    let mut count = 0;
    while let Some(done) = tasks.join_next().await {
        done.expect("nobody is refused");
        count += 1;
    }
    assert_eq!(count, 35);
    let figures = hub.stranger().metrics(None).await.expect("this machine may");
    for outcome in ["ok", "wrong_secret"] {
        let line = format!("dreamseed_sign_ins_total{{outcome=\"{outcome}\"}}");
        assert!(figures.contains(&line), "{line} is not in {figures}");
    }
}

#[tokio::test]
async fn refusals_are_counted() {
    let hub = TestHub::with(|config| config.limits.per_minute = per_minute(1)).await;
    let pupil = hub.pupil("민지").await;
    let token = pupil.access_token().expect("signed in");
    for status in [200, 429] {
        assert_eq!(request(&pupil, Method::GET, "/api/v1/me", Some(&token), "").await.status, status);
    }
    let figures = hub.stranger().metrics(None).await.expect("this machine may");
    assert!(figures.contains(r#"dreamseed_requests_limited_total{limit="requests"}"#), "{figures}");
}
