//! `/livez`, `/readyz`, `/metrics` and the pages: for whoever watches over the hub.

use std::time::{Duration, Instant};

use dreamseed_client::Method;
use dreamseed_hub::live::EventId;
use dreamseed_testkit::{TestHub, fraction_problem, request};

#[tokio::test]
async fn probes() {
    let mut hub = TestHub::start().await;
    let stranger = hub.stranger();
    assert!(stranger.is_alive().await && stranger.is_ready().await);
    assert_eq!(request(&stranger, Method::GET, "/readyz", None, "").await.text(), "ready\n");
    hub.stop().await;
    assert!(!stranger.is_alive().await);
    hub.start_again().await;
    assert!(stranger.is_ready().await);
}

/// Figures of the hub, never of a person.
#[tokio::test]
async fn figures_hold_no_personal_data() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("남궁민지").await;
    let answer = given.answer("2/5");
    pupil.submit_answer(&answer).await.expect("kept");
    pupil.ask_help(answer.attempt_id).await.expect("a ticket");
    let figures = hub.stranger().metrics(None).await.expect("this machine may");
    for name in [
        "dreamseed_answers_total",
        "dreamseed_http_requests_total",
        "dreamseed_engine_ready",
        "dreamseed_feedback_open",
    ] {
        assert!(figures.contains(name), "{name} is not in {figures}");
    }
    let ids = [
        pupil.id.to_string(),
        hub.class.to_string(),
        answer.attempt_id.to_string(),
        given.version().to_string(),
    ];
    for secret in ["남궁", "김선생", "5학년", "2/5"].into_iter().map(str::to_owned).chain(ids) {
        assert!(!figures.contains(&secret), "{secret} is in {figures}");
    }
    // A label has few values: routes are patterns, and no value is an id.
    let mut values = std::collections::BTreeSet::new();
    for line in figures.lines().filter(|line| !line.starts_with('#')) {
        values.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    let routes = dreamseed_hub::permissions::RULES.len();
    assert!(values.len() < routes + 100, "{values:?}: a label has too many values");
    for value in values.iter().filter(|value| value.starts_with("/api/")) {
        assert!(
            dreamseed_hub::permissions::RULES.iter().any(|rule| rule.path == value),
            "{value} is no route"
        );
    }
}

#[tokio::test]
async fn every_reply_carries_its_id_and_keeps_browsers_in_check() {
    let hub = TestHub::start().await;
    let stranger = hub.stranger();
    let mut ids = Vec::new();
    for path in ["/api/v1/hub", "/api/v1/me", "/livez", "/", "/api/v1/nothing"] {
        let reply = request(&stranger, Method::GET, path, None, "").await;
        let policy = reply.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("script-src 'self' 'unsafe"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "", "no other site reads the hub");
        if path.starts_with("/api") {
            assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        }
        ids.push(reply.header("x-request-id").to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn a_stop_is_quick_and_a_start_is_quicker() {
    let mut hub = TestHub::start().await;
    let pupil = hub.pupil("민지").await;
    pupil.me().await.expect("a connection that stays open");
    let begun = Instant::now();
    hub.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "stopped after {:?}", begun.elapsed());
    hub.start_again().await;
    pupil.me().await.expect("back");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_stop_under_load() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let mut tasks = Vec::new();
    for n in 0..4 {
        let pupil = hub.pupil(&format!("학생 {n}")).await;
        let answers: Vec<_> = (0..400).map(|n| given.answer(&n.to_string())).collect();
        tasks.push(tokio::spawn(async move {
            let mut kept = Vec::new();
            for answer in answers {
                match pupil.submit_answer(&answer).await {
                    Ok(receipt) => kept.push(receipt),
                    Err(_) => break,
                }
            }
            (pupil, kept)
        }));
    }
    let teacher = hub.teacher().await;
    dreamseed_testkit::until("answers come in", async || {
        let picture = teacher.class_live(hub.class).await;
        let last = picture.ok().and_then(|picture| picture.last_event.parse::<EventId>().ok());
        last.is_some_and(|last| last.seq > 60)
    })
    .await;
    hub.stop().await;
    hub.start_again().await;
    let mut count = 0;
    for task in tasks {
        let (pupil, kept) = task.await.expect("no panic");
        count += kept.len();
        for receipt in kept {
            assert_eq!(pupil.attempt(receipt.attempt_id).await.expect("kept").hub_seq, receipt.hub_seq);
        }
    }
    assert!(count > 20, "{count}");
}
