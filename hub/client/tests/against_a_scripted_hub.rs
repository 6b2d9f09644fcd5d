//! The client against replies written out byte by byte, one connection a request.

use dreamseed_client::{ClientError, Hub, Method};
use dreamseed_wire::{
    feedback::FeedbackEvent,
    hub::ProblemCode,
    ids::{AttemptId, SessionId, UserId},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// Serves the replies in order and gives back the requests.
async fn script(replies: Vec<String>) -> (Hub, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let hub = Hub::new(&format!("http://{}", listener.local_addr().expect("bound"))).expect("an address");
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for reply in replies {
            let (mut socket, _) = listener.accept().await.expect("a client");
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            loop {
                let n = socket.read(&mut piece).await.expect("a request");
                request.extend_from_slice(&piece[..n]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
                if body.len() >= length.parse().expect("a length") {
                    requests.push(text);
                    break;
                }
            }
            socket.write_all(reply.as_bytes()).await.expect("a client that reads");
        }
        requests
    });
    (hub, served)
}

fn reply(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn signed_in(access: &str, refresh: &str) -> String {
    let (user, session) = (UserId::new(), SessionId::new());
    reply(
        "201 Created",
        "application/json",
        &format!(
            r#"{{"access_token":"{access}","expires_at":"2026-03-02T00:00:00Z","refresh_token":"{refresh}","me":{}}}"#,
            me_json(user, session)
        ),
    )
}

fn me_json(user: UserId, session: SessionId) -> String {
    format!(
        r#"{{"user_id":"{user}","session_id":"{session}","role":"student","name":"가","language":"ko","must_change_password":false,"class":null}}"#
    )
}

fn problem(status: &str, code: &str) -> String {
    let number = &status[..3];
    reply(
        status,
        "application/problem+json",
        &format!(
            r#"{{"type":"urn:dreamseed:problem:{code}","title":"t","status":{number},"detail":"d","code":"{code}"}}"#
        ),
    )
}

#[tokio::test]
async fn expired_access_is_refreshed_once_and_the_call_sent_again() {
    let me = me_json(UserId::new(), SessionId::new());
    let (hub, served) = script(vec![
        signed_in("old", "r1"),
        problem("401 Unauthorized", "sign_in_needed"),
        signed_in("new", "r2"),
        reply("200 OK", "application/json", &me),
    ])
    .await;
    hub.sign_in_pupil("K7RM-2QXW", UserId::new(), "1234").await.expect("signed in");
    assert_eq!(hub.me().await.expect("me").name, "가");
    let requests = served.await.expect("served");
    assert!(requests[0].contains(r#""native":true"#));
    assert!(requests[1].contains("authorization: Bearer old"));
    assert!(
        requests[2].starts_with("POST /api/v1/sessions/refresh")
            && requests[2].ends_with(r#"{"refresh_token":"r1"}"#)
    );
    assert!(requests[3].starts_with("GET /api/v1/me ") && requests[3].contains("authorization: Bearer new"));
    assert_eq!(hub.refresh_token().as_deref(), Some("r2"));
    assert_eq!(hub.stranger().access_token(), None);
}

#[tokio::test]
async fn a_refused_refresh_leaves_the_first_refusal() {
    let (hub, served) = script(vec![
        signed_in("old", "r1"),
        problem("401 Unauthorized", "sign_in_needed"),
        problem("401 Unauthorized", "wrong_secret"),
    ])
    .await;
    hub.sign_in_password("kim", "a long password").await.expect("signed in");
    let error = hub.classes().await.expect_err("the session is over");
    assert_eq!((error.code(), error.status()), (Some(ProblemCode::SignInNeeded), Some(401)));
    served.await.expect("served");
}

#[tokio::test]
async fn refusals_without_a_problem_and_wrong_json_are_told_apart() {
    let (hub, _served) = script(vec![
        reply("502 Bad Gateway", "text/html", "<h1>proxy</h1>"),
        reply("200 OK", "application/json", "{}"),
    ])
    .await;
    let refused = hub.me().await.expect_err("refused");
    assert!(matches!(refused, ClientError::Unexpected { status: 502, .. }), "{refused:?}");
    let unreadable = hub.me().await.expect_err("unreadable");
    assert!(matches!(unreadable, ClientError::Decode(_)), "{unreadable:?}");
    assert!(matches!(Hub::new("ftp://x"), Err(ClientError::Address(_))));
}

#[tokio::test]
async fn a_silent_hub_is_a_transport_error_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let hub = Hub::new(&format!("http://{}", listener.local_addr().expect("bound"))).expect("an address");
    let error = hub.with_time_limit(Duration::from_millis(50)).me().await.expect_err("nobody answers");
    assert!(matches!(error, ClientError::Transport(_)), "{error:?}");
}

#[tokio::test]
async fn a_cut_stream_goes_on_after_its_last_event() {
    let event =
        |id: u32, text: &str| format!("id: {id}\ndata: {{\"event\":\"token\",\"text\":\"{text}\"}}\n\n");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let (hub, served) = script(vec![
        format!("{head}: hello\n\n{}{}data: {{\"event\":", event(1, "분모를"), event(2, " 보세요")),
        format!("{head}{}id: 4\ndata: {{\"event\":\"done\",\"written_by_ai\":true}}\n\n", event(3, ".")),
    ])
    .await;
    let mut stream = hub.with_token("t").feedback_events(AttemptId::new(), None).await.expect("a stream");
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        if let FeedbackEvent::Token { text: more } = event.expect("an event").data {
            text.push_str(&more);
        }
    }
    assert_eq!((text.as_str(), stream.last_event_id()), ("분모를 보세요", "2"));
    stream.resume().await.expect("resumed");
    let rest = stream.collect_all().await.expect("the rest");
    assert_eq!(rest.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!(rest[1].data, FeedbackEvent::Done { written_by_ai: true });
    let requests = served.await.expect("served");
    assert!(!requests[0].contains("last-event-id"));
    assert!(requests[1].contains("last-event-id: 2"));
}

#[tokio::test]
async fn raw_sends_what_it_is_given() {
    let (hub, served) = script(vec![problem("400 Bad Request", "bad_body")]).await;
    let (status, headers, body) = hub
        .with_token("unused")
        .raw(Method::POST, "/api/v1/attempts", &[("host", "evil.example")], "{")
        .await
        .expect("a reply");
    assert_eq!(status, 400);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert!(body.starts_with(b"{"));
    let requests = served.await.expect("served");
    assert!(requests[0].contains("host: evil.example") && !requests[0].contains("authorization"));
}
