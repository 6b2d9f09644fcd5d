//! What a hub must withstand: each piece of nonsense gets a clear refusal with a next step, and the hub goes on.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use dreamseed_client::{Hub as Client, Method};
use dreamseed_hub::{clock::Clock, config::Config, hub::Hub};
use dreamseed_models::scripted::{Script, ScriptedEngine};
use dreamseed_testkit::{
    MockClock, Person, RawReply, TestHub, Wire, config_in, fraction_problem, minutes, number, refusal,
    request, status_of, submission, within,
};
use dreamseed_wire::{Language, answer::Grade, hub::NoticeCode, ids::*};
use serde_json::{Value, json};

async fn send(person: &Person, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> RawReply {
    let bearer = format!("Bearer {}", person.access_token().expect("signed in"));
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(content_type.map(|kind| ("content-type", kind)));
    let (status, headers, body) =
        person.raw(Method::POST, "/api/v1/attempts", &headers, body.into()).await.expect("a reply");
    RawReply { status, headers, body }
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let good = serde_json::to_value(given.answer("2/5")).expect("JSON");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good.clone();
        change(&mut body);
        body.to_string().into_bytes()
    };
    let json = Some("application/json");
    let cases = [
        ("nothing", json, vec![], 400, "bad_body"),
        ("half", json, good.to_string().into_bytes()[..40].to_vec(), 400, "bad_body"),
        ("two", json, format!("{good}{good}").into_bytes(), 400, "bad_body"),
        ("not UTF-8", json, b"{\"attempt_id\":\"\xff\xfe\"}".to_vec(), 400, "bad_body"),
        ("a list", json, b"[]".to_vec(), 422, "bad_body"),
        ("null", json, b"null".to_vec(), 422, "bad_body"),
        ("deep", json, "[".repeat(60_000).into_bytes(), 422, "bad_body"),
        ("deep within", json, format!("{{\"answer\":{}", "[".repeat(60_000)).into_bytes(), 422, "bad_body"),
        ("an unknown field", json, with(&|body| body["score"] = json!(100)), 422, "bad_body"),
        (
            "an unknown field within",
            json,
            with(&|body| body["answer"]["grade"] = json!("right")),
            422,
            "bad_body",
        ),
        ("an unknown kind", json, with(&|body| body["answer"]["kind"] = json!("essay")), 422, "bad_body"),
        ("a number for a text", json, with(&|body| body["answer"]["text"] = json!(5)), 422, "bad_body"),
        ("no id", json, with(&|body| body["attempt_id"] = json!("1")), 422, "bad_body"),
        ("a time of its own", json, with(&|body| body["occurred_at"] = json!("gestern")), 422, "bad_body"),
        (
            "a year of its own",
            json,
            with(&|body| body["occurred_at"] = json!("99999-01-01T00:00:00Z")),
            422,
            "bad_body",
        ),
        ("a number that is none", json, with(&|body| body["device_seq"] = json!(1e99)), 422, "bad_body"),
        ("another type", Some("text/plain"), good.to_string().into_bytes(), 415, "bad_body"),
        ("a form", Some("application/x-www-form-urlencoded"), b"a=b".to_vec(), 415, "bad_body"),
        ("no type", None, good.to_string().into_bytes(), 415, "bad_body"),
    ];
    for (what, content_type, body, status, code) in cases {
        let reply = send(&pupil, content_type, body).await;
        assert_eq!(reply.refusal(), (status, code.to_owned()), "{what}");
    }
    assert_eq!(pupil.my_standing().await.expect("standing").problems, [], "nothing of it was kept");
    assert_eq!(send(&pupil, Some("application/json; charset=utf-8"), good.to_string()).await.status, 201);
}

#[tokio::test]
async fn bodies_that_are_far_too_large() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let token = pupil.access_token().expect("signed in");
    // Said to be 5 MB; the hub has read enough after 64 KB.
    let mut wire = Wire::connect(hub.address()).await;
    let head = format!(
        "POST /api/v1/attempts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 5000000\r\n\r\n"
    );
    wire.send(head).await;
    wire.send(" ".repeat(80_000)).await;
    assert_eq!(status_of(&wire.head().await), 413);
    // A stream that never says how long it is.
    let mut wire = Wire::connect(hub.address()).await;
    let head = format!(
        "POST /api/v1/attempts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n13880\r\n"
    );
    wire.send(head).await;
    wire.send(" ".repeat(80_000)).await;
    assert_eq!(status_of(&wire.head().await), 413);
    let reply = send(&pupil, Some("application/json"), format!("\"{}\"", "가".repeat(25_000))).await;
    assert_eq!(reply.refusal(), (413, "too_large".into()));
    // The whole 5 MB: the hub may hang up before it has them all.
    let whole = pupil.raw(Method::POST, "/api/v1/attempts", &[], vec![b' '; 5_000_000]).await;
    assert!(whole.is_err() || whole.is_ok_and(|(status, _, _)| status.is_client_error()));
    let teacher = hub.teacher().await;
    let mut draft = fraction_problem();
    draft.statement.ko = Some("가".repeat(60_000));
    let fault = refusal(teacher.add_problem(&draft).await);
    assert_eq!(fault, (422, "bad_field".into()), "drafts may be larger, within bounds");
    draft.statement.ko = Some("가".repeat(200_000));
    assert_eq!(refusal(teacher.add_problem(&draft).await), (413, "too_large".into()));
    pupil.submit_answer(&given.answer("2/5")).await.expect("the hub goes on");
}

#[tokio::test]
async fn answers_of_every_sort_are_graded_or_not_understood() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    for text in [
        "",
        " ",
        "\u{0}",
        "5\u{0}/6",
        "1/0",
        "0/0",
        "1e999",
        "-1e999",
        "1e-999",
        "NaN",
        "inf",
        "--5",
        "5//6",
        "5/6/7",
        "\u{202e}6/5",
        "\u{200f}5/6",
        "\u{feff}",
        "💥",
        "𝟓/𝟔",
        "一百",
        "½½",
        "\u{301}",
        "٥/٦",
        "'; DROP TABLE attempts; --",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "../../etc/passwd",
        &"9".repeat(200),
        &"9".repeat(60_000),
        &"가".repeat(20_000),
        &"1/".repeat(10_000),
        &format!("{}/{}", "9".repeat(90), "7".repeat(90)),
    ] {
        let answer = given.answer(text);
        let receipt =
            pupil.submit_answer(&answer).await.unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        let is_right = matches!(receipt.grade, Some(Grade::Right | Grade::RightButForm { .. }));
        assert!(!is_right || text == "𝟓/𝟔" || text.contains("5/6") || text == "٥/٦", "{text:?}: {receipt:?}");
        let kept = pupil.attempt(answer.attempt_id).await.expect("kept");
        assert_eq!(kept.answer, Some(number(text)), "kept as it was typed");
    }
    let teacher = hub.teacher().await;
    assert_eq!(teacher.pupil_page(hub.class, pupil.id).await.expect("the page").attempts.len(), 32);
}

#[tokio::test]
async fn names_that_hide_something() {
    let hub = TestHub::start().await;
    let (admin, teacher) = (hub.admin().await, hub.teacher().await);
    let class = hub.class;
    let problem = teacher.problems().await.expect("problems")[0].problem_id;
    let bad = [
        "",
        "   ",
        "a\u{0}b",
        "a\nb",
        "\u{202e}nimda",
        "a\u{2066}b",
        "a\u{200b}b",
        &"가".repeat(200),
        &"a".repeat(5_000),
    ];
    for (n, name) in bad.iter().enumerate() {
        let requests = [
            (&teacher, "/classes".to_owned(), json!({ "name": name, "grade": 5, "school_year": 2026 })),
            (&teacher, format!("/classes/{class}/pupils"), json!({ "name": name, "number": n + 1 })),
            (
                &teacher,
                format!("/classes/{class}/lessons"),
                json!({ "title": name, "problem_ids": [problem], "whom": { "kind": "class" } }),
            ),
            (
                &admin,
                "/users".to_owned(),
                json!({ "role": "teacher", "login_name": format!("teacher{n}"), "name": name }),
            ),
            (&admin, "/users".to_owned(), json!({ "role": "teacher", "login_name": name, "name": "이선생" })),
        ];
        for (who, path, body) in requests {
            let reply = who.request(Method::POST, &path, &body.to_string()).await;
            assert_eq!(reply.refusal(), (422, "bad_field".into()), "{path} {body}");
        }
        let mut draft = fraction_problem();
        draft.title.ko = Some((*name).to_owned());
        // A title is Markdown: it may hold a line's end or a zero-width space, but not be empty, long, or turn round.
        if !name.contains(['\u{200b}', '\n']) {
            assert_eq!(
                refusal(teacher.add_problem(&draft).await),
                (422, "bad_field".into()),
                "title {name:?}"
            );
        }
    }
    let detail = teacher.class_detail(class).await.expect("the class");
    assert!(detail.pupils_list.is_empty() && detail.lessons.is_empty());
}

#[tokio::test]
async fn ids_and_addresses_that_are_none() {
    let hub = TestHub::start().await;
    let (admin, pupil) = (hub.admin().await, hub.pupil("민지").await);
    let long = "a".repeat(3_000);
    for id in [
        "1",
        "undefined",
        "00000000-0000-0000-0000-00000000000g",
        "%00",
        "%E2%80%AE",
        "..%2f..",
        "'--",
        &long,
    ] {
        for path in
            ["/attempts/ID", "/pupils/ID/progress", "/classes/ID", "/problems/ID", "/problem-versions/ID"]
        {
            let reply = admin.request(Method::GET, &path.replace("ID", id), "").await;
            assert_eq!(reply.refusal(), (404, "not_found".into()), "{path} {id}");
        }
    }
    let nil = "00000000-0000-0000-0000-000000000000";
    for path in [
        "/attempts/ID",
        "/pupils/ID/progress",
        "/classes/ID",
        "/classes/ID/live",
        "/problems/ID",
        "/problem-versions/ID",
    ] {
        assert_eq!(admin.request(Method::GET, &path.replace("ID", nil), "").await.refusal().0, 404, "{path}");
    }
    for (method, path, status, code) in [
        (Method::GET, "/api/v1/nothing", 404, "not_found"),
        (Method::GET, "/api/v2/me", 404, "not_found"),
        (Method::GET, "/api/v1/me/", 404, "not_found"),
        (Method::GET, "/api/v1//me", 404, "not_found"),
        (Method::POST, "/api/v1/nothing", 404, "not_found"),
        (Method::POST, "/api/v1/me", 405, "method_not_allowed"),
        (Method::PATCH, "/api/v1/me/password", 405, "method_not_allowed"),
        (Method::OPTIONS, "/api/v1/me", 405, "method_not_allowed"),
        (Method::TRACE, "/api/v1/me", 405, "method_not_allowed"),
        (Method::DELETE, "/", 405, "method_not_allowed"),
        (Method::GET, "/api/v1/users?role=king", 400, "bad_request"),
        (Method::GET, "/api/v1/users?rolle=admin", 400, "bad_request"),
        (Method::GET, "/api/v1/skills?lang=xx", 400, "bad_request"),
        (Method::GET, "/api/v1/notices?lang=%00", 400, "bad_request"),
    ] {
        let token = admin.access_token();
        let reply = request(&admin, method.clone(), path, token.as_deref(), "").await;
        assert_eq!(reply.refusal(), (status, code.to_owned()), "{method} {path}");
    }
    assert_eq!(pupil.request(Method::HEAD, "/me", "").await.body.len(), 0);
}

#[tokio::test]
async fn hosts_under_which_the_hub_is_not_known() {
    let hub = TestHub::start().await;
    let stranger = hub.stranger();
    let port = hub.address().port();
    for path in ["/api/v1/hub", "/", "/livez", "/metrics"] {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "dreamseed", ""] {
            let (status, headers, body) =
                stranger.raw(Method::GET, path, &[("host", host)], "").await.expect("a reply");
            let reply = RawReply { status, headers, body };
            assert_eq!(reply.refusal(), (421, "wrong_host".into()), "{path} {host}");
        }
    }
    for host in ["localhost", "dreamseed.local", &format!("127.0.0.1:{port}"), "192.168.0.5:7420", "[::1]"] {
        let (status, ..) =
            stranger.raw(Method::GET, "/api/v1/hub", &[("host", host)], "").await.expect("a reply");
        assert_eq!(status, 200, "{host}");
    }
}

#[tokio::test]
async fn tokens_that_are_not_ones_own() {
    let hub = TestHub::start().await;
    let elsewhere = TestHub::start().await;
    let teacher = hub.teacher().await;
    let good = teacher.access_token().expect("signed in");
    let parts: Vec<&str> = good.split('.').collect();
    let [head, claims, signature] = parts[..] else { panic!("not a token: {good}") };
    let none = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0";
    let mut last = signature.to_owned();
    let flipped = if last.starts_with('A') { 'B' } else { 'A' };
    last.replace_range(0..1, &flipped.to_string());
    let admin = hub.admin().await.access_token().expect("signed in");
    let admins_claims = admin.split('.').nth(1).expect("claims");
    let forged = [
        String::new(),
        "x".into(),
        "..".into(),
        format!("{head}.{claims}"),
        format!("{head}.{claims}."),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}.{claims}.{last}"),
        format!("{head}.{admins_claims}.{signature}"),
        format!("{good}x"),
        format!("{good}.x"),
        "é".into(),
        "a".repeat(10_000),
        elsewhere.teacher().await.access_token().expect("signed in"),
    ];
    for token in &forged {
        let bearer = format!("Bearer {token}");
        let sent = hub.stranger().raw(Method::GET, "/api/v1/me", &[("authorization", &bearer)], "").await;
        let (status, headers, body) = sent.expect("a reply");
        let reply = RawReply { status, headers, body };
        assert_eq!(reply.refusal(), (401, "sign_in_needed".into()), "{token}");
    }
    for value in [format!("Basic {good}"), good.clone(), format!("bearer{good}")] {
        let sent = hub.stranger().raw(Method::GET, "/api/v1/me", &[("authorization", &value)], "").await;
        assert_eq!(sent.expect("a reply").0, 401, "{value}");
    }
    assert!(teacher.me().await.is_ok());
    hub.clock.advance(minutes(15) - Duration::from_secs(1));
    assert!(teacher.me().await.is_ok());
    hub.clock.advance(Duration::from_secs(1));
    assert_eq!(refusal(teacher.me().await), (401, "sign_in_needed".into()), "expired");
}

#[tokio::test]
async fn connections_that_speak_something_else() {
    let hub = TestHub::with(|config| config.http.header_timeout_secs = 1).await;
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(100_000));
    let many_headers =
        format!("GET /livez HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-A: b\r\n".repeat(1_000));
    let long_header =
        format!("GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: {}\r\n\r\n", "a".repeat(600_000));
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\r\n\r\n\r\n".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /livez HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /api/v1/roster HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"
            .to_vec(),
        b"POST /api/v1/roster HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
            .to_vec(),
        long_line.into_bytes(),
        many_headers.into_bytes(),
        long_header.into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let mut wire = Wire::connect(hub.address()).await;
        wire.send_anyway(&bytes).await;
        wire.close_writing().await;
        let reply = wire.rest().await;
        let status = status_of(&reply);
        assert!(status == 0 || (400..500).contains(&status), "{shown:?}: {reply}");
        assert!(hub.stranger().is_alive().await, "after {shown:?}");
    }
}

#[tokio::test]
async fn headers_that_drip_in_do_not_hold_a_connection() {
    let hub = TestHub::with(|config| config.http.header_timeout_secs = 1).await;
    let begun = std::time::Instant::now();
    let mut idle = Wire::connect(hub.address()).await;
    let mut slow = Wire::connect(hub.address()).await;
    slow.send("GET /livez HTTP/1.1\r\nHost: loc").await;
    let rest = slow.rest().await;
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
    idle.send_anyway(b"").await;
    let _ = idle.rest().await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(6), "{took:?}");
    assert!(hub.stranger().is_alive().await);
}

#[tokio::test]
async fn a_clock_that_was_set_back() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let before = pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    assert!(hub.admin().await.notices(Language::Ko).await.expect("notices").is_empty());
    hub.stop().await;
    hub.clock.set_back(Duration::from_secs(26 * 3600));
    hub.start_again().await;
    let notices = hub.admin().await.notices(Language::En).await.expect("notices");
    assert_eq!(notices.iter().map(|notice| notice.code).collect::<Vec<_>>(), [NoticeCode::ClockSetBack]);
    assert!(notices[0].text.contains("clock was set back") && !notices[0].next_step.is_empty());
    let korean = hub.admin().await.notices(Language::Ko).await.expect("notices");
    assert!(korean[0].text.contains("시계가 뒤로"));
    // Answers are kept in the order of their numbers all the same.
    let pupil = hub.sign_in(pupil.id).await;
    let after = pupil.submit_answer(&given.answer("5/6")).await.expect("kept");
    assert!(after.hub_seq > before.hub_seq);
    let days: Vec<_> =
        pupil.my_progress().await.expect("progress").days.into_iter().map(|day| day.day).collect();
    assert_eq!(days, ["2026-11-22", "2026-11-23"]);
}

/// Two writers would give two answers one number.
#[tokio::test]
async fn a_data_folder_that_another_hub_works_with() {
    let hub = TestHub::start().await;
    let first = dreamseed_hub::store::hub_meta::FirstStart {
        now: "2026-11-23T00:00:00Z".parse().expect("time"),
        time_zone: "Asia/Seoul".into(),
    };
    let second = dreamseed_hub::store::Store::open(&hub.database(), &first, |_| {});
    assert!(matches!(second.err(), Some(dreamseed_hub::store::StoreError::InUse)));
    assert!(hub.pupil("민지").await.my_standing().await.is_ok(), "the first goes on");
}

#[tokio::test]
async fn a_port_that_is_in_use() {
    let hub = TestHub::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config_in(folder.path());
    config.http.port = hub.address().port();
    let said = start_error(config).await;
    let port = hub.address().port().to_string();
    for part in [port.as_str(), "--port", "열 수 없어요", "cannot be opened"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn data_folders_that_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("written");
    let in_a_file = Config { data: file.join("data"), ..config_in(folder.path()) };
    let said = start_error(in_a_file).await;
    assert!(said.contains("cannot be used") && said.contains("쓸 수 없어요"), "{said}");

    let mut broken_key = TestHub::start().await;
    broken_key.stop().await;
    std::fs::write(broken_key.data().join("keys/pepper.key"), "half").expect("written");
    let said = start_error(Config { data: broken_key.data().to_owned(), ..config_in(folder.path()) }).await;
    assert!(said.contains("pepper.key") && said.contains("backup"), "{said}");

    let Some(disk) = Disk::mount(&folder.path().join("disk"), "4m") else { return };
    disk.remount("ro");
    let said = start_error(Config { data: disk.path().join("data"), ..config_in(folder.path()) }).await;
    assert!(said.contains("cannot be used") && said.contains("쓸 수 없어요"), "{said}");
    // The folder is there, but its disk has become read-only since.
    disk.remount("rw");
    let copy = disk.path().join("data");
    std::fs::create_dir(&copy).expect("a folder");
    std::fs::copy(broken_key.database(), copy.join("hub.db")).expect("copied");
    disk.remount("ro");
    let said = start_error(Config { data: copy, ..config_in(folder.path()) }).await;
    assert!(said.contains("cannot be") && said.contains("없어요"), "{said}");
}

/// A disk of its own fills up: reading goes on, writing says so, and it heals by itself.
#[tokio::test]
async fn a_disk_that_is_full() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(&folder.path().join("disk"), "24m") else { return };
    let hub = TestHub::with(|config| config.data = disk.path().join("data")).await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let kept = given.answer("2/5");
    let receipt = pupil.submit_answer(&kept).await.expect("kept");

    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let mut acknowledged = vec![receipt];
    let lost = loop {
        let answer = given.answer("1/5");
        match pupil.submit_answer(&answer).await {
            Ok(receipt) => acknowledged.push(receipt),
            Err(error) => {
                let problem = error.problem().unwrap_or_else(|| panic!("{error:?}")).clone();
                assert_eq!(problem.status, 507, "{problem:?}");
                break answer;
            }
        }
        assert!(acknowledged.len() < 5_000, "the disk does not fill up");
    };
    let body = serde_json::to_string(&lost).expect("JSON");
    assert_eq!(pupil.request(Method::POST, "/attempts", &body).await.refusal(), (507, "disk_full".into()));
    // Several at once, so that they share a commit.
    let several = (0..8).map(|_| {
        let (pupil, answer) = (pupil.client.clone(), given.answer("3/5"));
        tokio::spawn(async move { refusal(pupil.submit_answer(&answer).await) })
    });
    for refused in several.collect::<Vec<_>>() {
        assert_eq!(refused.await.expect("no panic"), (507, "disk_full".into()));
    }
    assert_eq!(pupil.attempt(kept.attempt_id).await.expect("reading goes on").grade, Some(Grade::Wrong));
    assert_eq!(pupil.my_problems().await.expect("reading goes on").lessons.len(), 1);
    assert!(hub.stranger().is_ready().await || hub.stranger().is_alive().await);

    std::fs::remove_file(&ballast).expect("space is freed");
    let after = pupil.submit_answer(&lost).await.expect("it heals by itself");
    assert!(after.hub_seq > acknowledged.last().expect("one").hub_seq);
    for receipt in &acknowledged {
        assert_eq!(pupil.attempt(receipt.attempt_id).await.expect("kept").hub_seq, receipt.hub_seq);
    }
}

pub fn fill(file: &Path) {
    use std::io::Write;
    let mut ballast = std::fs::File::create(file).expect("a file");
    for size in [64 * 1024, 4096, 512] {
        let piece = vec![0_u8; size];
        while ballast.write_all(&piece).is_ok() {}
    }
}

async fn start_error(config: Config) -> String {
    let engine = Arc::new(ScriptedEngine::new(Script::default()));
    let clock: Arc<dyn Clock> = Arc::new(MockClock::default());
    let started = within("a refusal to start", Hub::start(config, clock, engine)).await;
    format!("{:#}", started.err().expect("it must not start"))
}

/// A small disk, mounted for one test. Who may not mount must say so, or the test would pass without having looked.
pub struct Disk(std::path::PathBuf);

impl Disk {
    pub fn mount(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).ok()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path);
        let is_mounted = mount.output().is_ok_and(|done| done.status.success());
        #[expect(
            clippy::disallowed_methods,
            reason = "a wish of who runs the tests, not a setting of the hub"
        )]
        let may_skip = std::env::var("DREAMSEED_NO_MOUNT").is_ok();
        assert!(
            is_mounted || may_skip,
            "this test mounts a disk: run it as root, or set DREAMSEED_NO_MOUNT to leave it out"
        );
        is_mounted.then(|| Disk(path.to_owned()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).output();
        assert!(done.is_ok_and(|done| done.status.success()), "remount {how}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the hub may still be closing its files.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test]
async fn a_version_that_nobody_knows_is_not_found() {
    let hub = TestHub::start().await;
    let pupil = hub.pupil("민지").await;
    let answer = submission(ProblemVersionId::new(), None, number("1"));
    assert_eq!(refusal(pupil.submit_answer(&answer).await), (404, "unknown_problem".into()));
    let nowhere = Client::new("http://127.0.0.1:1").expect("an address");
    assert!(!nowhere.is_alive().await);
}

/// An admin may name any pupil of any class, so the table of rights says nothing about them.
#[tokio::test]
async fn pupils_who_are_not_in_the_class_get_no_notes() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let (_, other_class) = hub.other_teacher("이선생", "5학년 2반", Language::Ko).await;
    let (admin, pupil) = (hub.admin().await, hub.pupil_in(other_class, "지우").await);
    let nobody = UserId::new();
    for user in [nobody, pupil.id, admin.id] {
        let note = json!({ "text": "잘했어요" }).to_string();
        let opening = json!({ "problem_version_id": given.version(), "what": "step" }).to_string();
        for (what, body) in [("notes", note), ("open", opening)] {
            let path = format!("/classes/{}/pupils/{user}/{what}", hub.class);
            let reply = admin.request(Method::POST, &path, &body).await;
            assert_eq!(reply.refusal(), (404, "not_found".into()), "{path}");
        }
    }
}

/// Only a file may be as long as a list; what is said in JSON may not.
#[tokio::test]
async fn texts_of_a_plan_or_a_reason_are_bounded_like_any_other() {
    let hub = TestHub::start().await;
    hub.give(&[fraction_problem()]).await;
    let (admin, teacher) = (hub.admin().await, hub.teacher().await);
    let problem = teacher.problems().await.expect("problems")[0].problem_id;
    let long = "가".repeat(100_000);
    let plan = json!({ "to_year": 2027, "classes": [
        { "class_id": hub.class, "to": { "grade": 6, "class_name": long } }
    ] });
    let key = json!({ "kind": "number", "value": "1" });
    for (path, body) in [
        ("/rollovers/preview".to_owned(), plan),
        (format!("/problems/{problem}/regrades/preview"), json!({ "key": key, "check": long })),
        (format!("/classes/{}/exports", hub.class), json!({ "what": "roster", "reason": long })),
    ] {
        let reply = admin.request(Method::POST, &path, &body.to_string()).await;
        assert_eq!(reply.refusal(), (413, "too_large".into()), "{path}");
    }
}
