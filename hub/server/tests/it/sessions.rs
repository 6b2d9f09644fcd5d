//! `/setup`, `/roster`, `/sessions`, `/me/sessions`, `/me/password`: signing in, going on, signing out.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
};

use dreamseed_client::{Hub as Client, Method};
use dreamseed_hub::{
    api::extract::Peer,
    auth::check_connection,
    hub::Hub,
    permissions::{BEFORE_OWN_PASSWORD, RULES},
};
use dreamseed_testkit::{RawReply, TestHub, minutes, refusal, request};
use dreamseed_wire::{
    Language,
    account::{AddUser, Role, SetUpHub, SignedIn},
    hub::NoticeCode,
    ids::*,
};
use serde_json::json;

const PIN: &str = "481526";
const PASSWORD: &str = "haneul-bada-namu-7";

fn wrong_secret() -> (u16, String) {
    (401, "wrong_secret".into())
}

fn sign_in_needed() -> (u16, String) {
    (401, "sign_in_needed".into())
}

#[tokio::test]
async fn the_first_admin_is_made_with_the_code_of_the_console() {
    let hub = TestHub::bare().await;
    let stranger = hub.stranger();
    assert!(stranger.hub_info().await.expect("known to anyone").needs_setup);
    let code = hub.ctx().auth.setup_code().expect("a code");
    let new = SetUpHub {
        code: "0000-0000".into(),
        school_name: "새싹초등학교".into(),
        login_name: "Admin.Kim".into(),
        name: "김관리".into(),
        password: PASSWORD.into(),
        language: Language::Ko,
    };
    assert_eq!(refusal(stranger.set_up_hub(&new).await), wrong_secret());
    let weak = SetUpHub { code: code.clone(), password: "password1234".into(), ..new.clone() };
    assert_eq!(refusal(stranger.set_up_hub(&weak).await), (422, "weak_password".into()));

    let right = SetUpHub { code, ..new };
    let body = serde_json::to_string(&right).expect("JSON");
    let reply = request(&stranger, Method::POST, "/api/v1/setup", None, &body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(flags(&reply), ["HttpOnly", "SameSite=Strict", "Path=/api/v1/sessions", "Max-Age=2592000"]);
    let signed_in: SignedIn = serde_json::from_slice(&reply.body).expect("a sign-in");
    assert_eq!((signed_in.me.role, signed_in.refresh_token), (Role::Admin, None));
    let admin = stranger.with_token(signed_in.access_token);
    assert_eq!(admin.me().await.expect("signed in").name, "김관리");

    let info = stranger.hub_info().await.expect("known to anyone");
    assert_eq!((info.needs_setup, info.school_name.as_str()), (false, "새싹초등학교"));
    assert_eq!(hub.ctx().auth.setup_code(), None);
    assert_eq!(refusal(stranger.set_up_hub(&right).await), (403, "not_allowed".into()));
    // NFKC and case do not matter in the name.
    let again = stranger.sign_in_password("ａdmin.kim", PASSWORD).await.expect("signed in");
    assert!(again.refresh_token.is_some() && !again.me.must_change_password);
}

#[tokio::test]
async fn a_pupil_signs_in_by_class_code_and_pin() {
    let hub = TestHub::start().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], PIN).await;
    let code = hub.code_of(hub.class);
    let stranger = hub.stranger();
    for spelling in [code.clone(), code.to_lowercase(), format!("{} - {}", &code[..4], &code[4..])] {
        let roster = stranger.open_roster(&spelling).await.expect("opened");
        assert_eq!((roster.class_id, roster.pupils.len()), (hub.class, 1));
        assert_eq!((roster.pupils[0].pupil_id, roster.pupils[0].name.as_str()), (pupil, "민지"));
    }
    assert_eq!(refusal(stranger.open_roster("AAAA-AAAA").await), (404, "not_found".into()));

    // As a browser: the refresh token is in the cookie and nowhere else, and the cookie ends with the browser.
    let body = json!({ "kind": "pupil", "class_code": code, "pupil_id": pupil, "pin": PIN }).to_string();
    let reply = request(&stranger, Method::POST, "/api/v1/sessions", None, &body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(flags(&reply), ["HttpOnly", "SameSite=Strict", "Path=/api/v1/sessions"]);
    assert_eq!(reply.header("cache-control"), "no-store");
    assert!(reply.json().get("refresh_token").is_none());
    let signed_in: SignedIn = serde_json::from_slice(&reply.body).expect("a sign-in");
    let class = signed_in.me.class.expect("a class");
    assert_eq!((class.class_id, class.number, class.language), (hub.class, 1, Language::Ko));

    // The cookie goes on; what came by cookie does not go on by body.
    let cookie = cookie_of(&reply);
    let by_body = refresh_by_body(&stranger, &cookie).await;
    assert_eq!(by_body.refusal(), sign_in_needed());
    let next = refresh_by_cookie(&stranger, &cookie).await;
    assert_eq!(next.status, 200, "{next:?}");
    assert_eq!(flags(&next), ["HttpOnly", "SameSite=Strict", "Path=/api/v1/sessions"]);
    assert_ne!(cookie_of(&next), cookie);
}

#[tokio::test]
async fn a_wrong_pin_a_wrong_class_and_an_unknown_pupil_look_the_same() {
    let hub = TestHub::start().await;
    let (_, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], PIN).await;
    let (code, other_code) = (hub.code_of(hub.class), hub.code_of(other_class));
    let stranger = hub.stranger();
    let mut seen = Vec::new();
    for (code, pupil, pin) in [
        (code.as_str(), pupil, "481527"),
        (code.as_str(), pupil, ""),
        (other_code.as_str(), pupil, PIN),
        (code.as_str(), UserId::new(), PIN),
        ("ZZZZ-ZZZZ", pupil, PIN),
    ] {
        let error = stranger.sign_in_pupil(code, pupil, pin).await.expect_err("refused");
        let problem = error.problem().expect("a problem");
        seen.push((problem.status, problem.code, problem.detail.clone()));
    }
    assert!(seen.iter().all(|refusal| *refusal == seen[0]), "{seen:?}");
    stranger.sign_in_pupil(&code, pupil, "４８１５２６").await.expect("full-width digits are digits");
    hub.admin().await.archive_user(pupil).await.expect("archived");
    assert_eq!(refusal(stranger.sign_in_pupil(&code, pupil, PIN).await), wrong_secret());
}

#[tokio::test]
async fn staff_names_cannot_be_found_out() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    hub.set_password(teacher.id, PASSWORD).await;
    let stranger = hub.stranger();
    let known = refusal(stranger.sign_in_password(&hub.login_of(teacher.id), "haneul-bada-namu-8").await);
    assert_eq!(known, refusal(stranger.sign_in_password("nobody", PASSWORD).await));
    assert_eq!(known, wrong_secret());
    let signed_in = stranger.sign_in_password(&hub.login_of(teacher.id), PASSWORD).await.expect("signed in");
    assert_eq!(signed_in.me.role, Role::Teacher);
}

#[tokio::test]
async fn wrong_pins_make_that_pupil_wait_and_nobody_else() {
    let hub = TestHub::start().await;
    let (pupil, classmate) = (hub.add_pupil(hub.class, "민지").await, hub.add_pupil(hub.class, "서연").await);
    hub.set_pin(&[pupil, classmate], PIN).await;
    let code = hub.code_of(hub.class);
    let stranger = hub.stranger();
    // A program that shows no mark of its device.
    let sign_in = async |pin: &str| {
        let body = json!({ "kind": "pupil", "class_code": code, "pupil_id": pupil, "pin": pin }).to_string();
        request(&stranger, Method::POST, "/api/v1/sessions", None, &body).await
    };
    for _ in 0..5 {
        assert_eq!(sign_in("111222").await.refusal(), wrong_secret());
    }
    let reply = sign_in(PIN).await;
    assert_eq!(reply.refusal(), (429, "too_many_tries".into()), "even with the right PIN");
    assert_eq!(reply.header("retry-after"), "30");
    stranger.sign_in_pupil(&code, classmate, PIN).await.expect("classmates go on");
    hub.clock.advance(std::time::Duration::from_secs(30));
    assert_eq!(sign_in(PIN).await.status, 201, "after the wait");

    // A new PIN from the teacher works at once.
    for _ in 0..5 {
        let _ = stranger.sign_in_pupil(&code, classmate, "111222").await;
    }
    let new = hub.teacher().await.reset_secret(classmate).await.expect("a new PIN").secret;
    stranger.sign_in_pupil(&code, classmate, &new).await.expect("the new PIN");
}

/// Ids of no pupil cost a hash each; past the limit they are refused without one, and the class still gets in.
#[tokio::test]
async fn unknown_pupils_are_refused_unhashed_and_the_class_goes_on() {
    let hub = TestHub::with(|config| config.sign_in.parallel_hashes = 4).await;
    let mut pupils = Vec::new();
    for n in 0..5 {
        pupils.push(hub.add_pupil(hub.class, &format!("학생 {n}")).await);
    }
    hub.set_pin(&pupils, PIN).await;
    let code = hub.code_of(hub.class);
    let stranger = hub.stranger();
    let tries = (0..70).map(|_| {
        let (hub, code) = (hub.stranger(), code.clone());
        tokio::spawn(async move { refusal(hub.sign_in_pupil(&code, UserId::new(), PIN).await) })
    });
    let mut hashed = 0;
    for task in tries.collect::<Vec<_>>() {
        let seen = task.await.expect("no panic");
        hashed += usize::from(seen == wrong_secret());
        assert!(seen == wrong_secret() || seen == (429, "too_many_tries".into()), "{seen:?}");
    }
    assert_eq!(hashed, 60);
    for pupil in &pupils {
        assert_eq!(refusal(stranger.sign_in_pupil(&code, *pupil, "111222").await), wrong_secret());
        stranger.sign_in_pupil(&code, *pupil, PIN).await.expect("pupils of the class go on");
    }
    hub.clock.advance(minutes(1));
    assert_eq!(refusal(stranger.sign_in_pupil(&code, UserId::new(), PIN).await), wrong_secret());
}

/// A whole class signs in within a minute from behind one address, and some mistype.
#[tokio::test]
async fn thirty_five_pupils_from_one_address_all_get_in() {
    let hub = TestHub::with(|config| config.sign_in.parallel_hashes = 4).await;
    let mut pupils = Vec::new();
    for n in 0..35 {
        pupils.push(hub.add_pupil(hub.class, &format!("학생 {n}")).await);
    }
    hub.set_pin(&pupils, PIN).await;
    let code = hub.code_of(hub.class);
    let mut tasks = Vec::new();
    for (n, pupil) in pupils.into_iter().enumerate() {
        let (hub, code) = (hub.stranger(), code.clone());
        tasks.push(tokio::spawn(async move {
            if n % 7 == 0 {
                assert_eq!(refusal(hub.sign_in_pupil(&code, pupil, "111222").await), wrong_secret());
            }
            hub.sign_in_pupil(&code, pupil, PIN).await.expect("signed in");
            hub.me().await.expect("who am I").name
        }));
    }
    let mut names = Vec::new();
    for task in tasks {
        names.push(task.await.expect("no panic"));
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 35);
}

/// Wrong codes are slowed beyond the hub's budget; a right one opens whatever others have tried, from any address.
#[tokio::test]
async fn wrong_class_codes_hold_up_no_right_one() {
    let hub = TestHub::start().await;
    let code = hub.code_of(hub.class);
    let stranger = hub.stranger();
    for n in 0..300 {
        let seen = refusal(stranger.open_roster(&format!("AAAA-A{n:03}")).await);
        assert_eq!(seen, (404, "not_found".into()), "{n}");
    }
    assert_eq!(refusal(stranger.open_roster("AAAA-AAAA").await), (429, "too_many_tries".into()));
    stranger.open_roster(&code).await.expect("never opened here before");
    hub.clock.advance(minutes(1));
    assert_eq!(refusal(stranger.open_roster("AAAA-AAAA").await).0, 404, "after a minute");
}

/// Somebody tries codes at the school's address; then a class signs in there, each pupil mistyping three times.
#[tokio::test(flavor = "multi_thread")]
async fn a_class_signs_in_beside_somebody_who_tries_codes() {
    let hub = TestHub::with(|config| config.sign_in.parallel_hashes = 4).await;
    let mut pupils = Vec::new();
    for n in 0..35 {
        pupils.push(hub.add_pupil(hub.class, &format!("학생 {n}")).await);
    }
    hub.set_pin(&pupils, PIN).await;
    let (code, guesser) = (hub.code_of(hub.class), hub.stranger());
    for n in 0..100 {
        assert_eq!(refusal(guesser.open_roster(&format!("AAAA-A{n:03}")).await).0, 404);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for pupil in pupils {
        let (hub, code) = (hub.stranger(), code.clone());
        tasks.spawn(async move {
            hub.open_roster(&code).await.expect("the names of the class");
            for _ in 0..3 {
                assert_eq!(refusal(hub.sign_in_pupil(&code, pupil, "111222").await), wrong_secret());
            }
            hub.sign_in_pupil(&code, pupil, PIN).await.expect("signed in");
        });
    }
    assert_eq!(tasks.join_all().await.len(), 35);
}

/// A sign-in as a browser that shows its mark; what it is told and the mark it keeps then.
async fn sign_in_marked(
    hub: &TestHub,
    pupil: UserId,
    pin: &str,
    mark: Option<&str>,
) -> (u16, Option<String>) {
    let body =
        json!({ "kind": "pupil", "class_code": hub.code_of(hub.class), "pupil_id": pupil, "pin": pin });
    let cookie = mark.map(|mark| format!("ds_refresh=x; ds_device={mark}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(cookie.as_deref().map(|cookie| ("cookie", cookie)));
    let reply = hub.stranger().raw(Method::POST, "/api/v1/sessions", &headers, body.to_string()).await;
    let (status, headers, _) = reply.expect("a reply");
    let kept =
        headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).find_map(|value| {
            let (mark, rules) = value.strip_prefix("ds_device=")?.split_once("; ")?;
            assert_eq!(rules, "HttpOnly; SameSite=Strict; Path=/api/v1/sessions; Max-Age=34560000");
            Some(mark.to_owned())
        });
    (status.as_u16(), kept.or_else(|| mark.map(str::to_owned)))
}

#[tokio::test]
async fn a_classmates_guesses_do_not_hold_up_the_pupil() {
    let mut hub = TestHub::start().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], PIN).await;
    let (status, own) = sign_in_marked(&hub, pupil, PIN, None).await;
    assert_eq!(status, 201);
    let own = own.expect("a mark");

    // A classmate's browser: five tries, then it waits, the right PIN or not.
    let (status, mark) = sign_in_marked(&hub, pupil, "111222", None).await;
    let (mut seen, mut mark) = (vec![status], mark);
    for _ in 0..49 {
        let (status, next) = sign_in_marked(&hub, pupil, "111222", mark.as_deref()).await;
        seen.push(status);
        mark = next;
    }
    assert_eq!(
        seen.iter().filter(|status| **status == 401).count(),
        6,
        "one before it had its mark: {seen:?}"
    );
    assert_eq!(sign_in_marked(&hub, pupil, PIN, mark.as_deref()).await.0, 429);
    assert_eq!(sign_in_marked(&hub, pupil, PIN, Some(&own)).await.0, 201, "the pupil's own device");

    // Any number of pretended devices spend the budget of the account, not the pupil's device.
    let mut spent = 0;
    loop {
        let mut forged = None;
        let mut status = 401;
        for _ in 0..5 {
            (status, forged) = sign_in_marked(&hub, pupil, "111222", forged.as_deref()).await;
            spent += u32::from(status == 401);
        }
        if status == 429 || spent > 100 {
            break;
        }
    }
    assert!(spent <= 60, "{spent}");
    assert_eq!(sign_in_marked(&hub, pupil, PIN, Some(&own)).await.0, 201);
    hub.restart().await;
    assert_eq!(sign_in_marked(&hub, pupil, PIN, Some(&own)).await, (201, Some(own)), "known after a restart");
}

#[tokio::test]
async fn a_pupil_has_five_sessions_and_the_oldest_ends() {
    let hub = TestHub::start().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], PIN).await;
    let code = hub.code_of(hub.class);
    let mut devices = Vec::new();
    for _ in 0..7 {
        let client = hub.stranger();
        client.sign_in_pupil(&code, pupil, PIN).await.expect("signed in");
        let token = client.access_token().expect("a token");
        // Not the client that signed in: it would try to go on by its refresh token.
        devices.push(hub.stranger().with_token(token));
        hub.clock.advance(std::time::Duration::from_secs(1));
    }
    for (number, device) in devices.iter().enumerate() {
        let seen = device.me().await;
        assert_eq!(seen.is_ok(), number >= 2, "{number}: {seen:?}");
    }
    assert_eq!(devices[6].my_sessions().await.expect("sessions").len(), 5);
}

/// All at once is no way around.
#[tokio::test(flavor = "multi_thread")]
async fn thirty_sign_ins_at_once_leave_five_sessions() {
    let hub = TestHub::with(|config| config.sign_in.parallel_hashes = 4).await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], PIN).await;
    let code = hub.code_of(hub.class);
    let before = hub.ctx().auth.sessions().count();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (client, code) = (hub.stranger(), code.clone());
        tasks.spawn(async move { client.sign_in_pupil(&code, pupil, PIN).await.is_ok() });
    }
    let opened = tasks.join_all().await.into_iter().filter(|opened| *opened).count();
    assert!(opened >= 5, "{opened}");
    assert_eq!(hub.ctx().auth.sessions().count() - before, 5);
}

#[tokio::test]
async fn a_lost_reply_gives_the_same_successor_and_a_stolen_token_ends_the_session() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let stranger = hub.stranger();
    let first = &teacher.refresh_token;
    let second = token_of(&refresh_by_body(&stranger, first).await);
    hub.clock.advance(std::time::Duration::from_secs(59));
    assert_eq!(token_of(&refresh_by_body(&stranger, first).await), second, "the reply was lost");
    let third = refresh_by_body(&stranger, &second).await;
    let access = third.json()["access_token"].as_str().expect("a token").to_owned();
    let third = token_of(&third);
    assert!(stranger.with_token(&access).me().await.is_ok());
    assert!(hub.admin().await.notices(Language::Ko).await.expect("notices").is_empty());

    // The successor has been used: whoever shows the first one now is somebody else.
    assert_eq!(refresh_by_body(&stranger, first).await.refusal(), sign_in_needed());
    assert_eq!(refusal(stranger.with_token(&access).me().await), sign_in_needed());
    assert_eq!(refresh_by_body(&stranger, &third).await.refusal(), sign_in_needed(), "for both");
    let notices = hub.admin().await.notices(Language::Ko).await.expect("notices");
    assert_eq!(notices.iter().map(|notice| notice.code).collect::<Vec<_>>(), [NoticeCode::TokenReuse]);
    assert!(hub.teacher().await.me().await.is_ok(), "other sessions of the same person go on");
}

#[tokio::test]
async fn the_grace_for_a_lost_reply_is_a_minute() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let stranger = hub.stranger();
    let second = token_of(&refresh_by_body(&stranger, &teacher.refresh_token).await);
    hub.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(refresh_by_body(&stranger, &teacher.refresh_token).await.refusal(), sign_in_needed());
    assert_eq!(refresh_by_body(&stranger, &second).await.refusal(), sign_in_needed());
    for unknown in ["", "00", &"0".repeat(64), &"z".repeat(64), &"0".repeat(20_000)] {
        assert_eq!(refresh_by_body(&stranger, unknown).await.refusal(), sign_in_needed());
    }
}

#[tokio::test]
async fn a_native_client_goes_on_by_itself() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    hub.set_password(teacher.id, PASSWORD).await;
    let client = hub.stranger();
    client.sign_in_password(&hub.login_of(teacher.id), PASSWORD).await.expect("signed in");
    let before = client.access_token();
    hub.clock.advance(minutes(20));
    assert_eq!(client.me().await.expect("refreshed on the way").user_id, teacher.id);
    assert_ne!(client.access_token(), before);
}

#[tokio::test]
async fn a_pupil_is_signed_out_after_fifteen_idle_minutes() {
    let hub = TestHub::start().await;
    let (pupil, teacher) = (hub.pupil("민지").await, hub.teacher().await);
    hub.clock.advance(minutes(14));
    pupil.me().await.expect("still there");
    hub.clock.advance(minutes(14));
    // The access token is over, the session is not.
    assert_eq!(refusal(pupil.me().await), sign_in_needed());
    let stranger = hub.stranger();
    let next = token_of(&refresh_by_body(&stranger, &pupil.refresh_token).await);
    hub.clock.advance(minutes(16));
    assert_eq!(refresh_by_body(&stranger, &next).await.refusal(), sign_in_needed(), "idle");
    refresh_by_body(&stranger, &teacher.refresh_token).await.json()["access_token"]
        .as_str()
        .expect("staff go on");
}

#[tokio::test]
async fn a_pupil_is_signed_out_after_twelve_hours_of_work() {
    let hub = TestHub::start().await;
    let pupil = hub.pupil("민지").await;
    let stranger = hub.stranger();
    let (mut token, mut hours) = (pupil.refresh_token.clone(), 0.0);
    loop {
        hub.clock.advance(minutes(12));
        let reply = refresh_by_body(&stranger, &token).await;
        if reply.status != 200 {
            break;
        }
        hours += 0.2;
        token = token_of(&reply);
    }
    assert!((11.7..12.01).contains(&hours), "{hours}");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let hub = TestHub::start().await;
    let (here, elsewhere) = (hub.teacher().await, hub.teacher().await);
    hub.set_password(here.id, PASSWORD).await;
    // A new secret raised the token version: both go on with their refresh tokens only.
    assert_eq!(refusal(here.me().await), sign_in_needed());
    let stranger = hub.stranger();
    let (mine, others) = (
        refresh_by_body(&stranger, &here.refresh_token).await,
        refresh_by_body(&stranger, &elsewhere.refresh_token).await,
    );
    let client = stranger.with_token(mine.json()["access_token"].as_str().expect("a token"));
    let wrong = refusal(client.change_password("not-the-password", "another-long-one-9").await);
    assert_eq!(wrong, (403, "wrong_secret".into()));
    let weak = refusal(client.change_password(PASSWORD, "aaaaaaaaaaaa").await);
    assert_eq!(weak, (422, "weak_password".into()));
    client.change_password(PASSWORD, "another-long-one-9").await.expect("changed");
    assert_eq!(refresh_by_body(&stranger, &token_of(&others)).await.refusal(), sign_in_needed());
    let again = refresh_by_body(&stranger, &token_of(&mine)).await;
    assert_eq!(again.status, 200, "this session goes on: {again:?}");
    let login = hub.login_of(here.id);
    assert_eq!(refusal(stranger.sign_in_password(&login, PASSWORD).await), wrong_secret());
    stranger.sign_in_password(&login, "another-long-one-9").await.expect("the new one");
}

#[tokio::test]
async fn a_first_password_must_be_changed() {
    let hub = TestHub::start().await;
    let new = AddUser {
        role: Role::Teacher,
        login_name: "lee.teacher".into(),
        name: "이선생".into(),
        language: Language::En,
        children: vec![],
    };
    let made = hub.admin().await.add_user(&new).await.expect("made");
    let client = hub.stranger();
    let me = client.sign_in_password("lee.teacher", &made.secret).await.expect("signed in").me;
    assert!(me.must_change_password);
    client.change_password(&made.secret, PASSWORD).await.expect("changed");
    assert!(!client.me().await.expect("refreshed on the way").must_change_password);
}

/// The interface asks for it, and the hub insists: a first password opens nothing but its own change.
#[tokio::test]
async fn a_given_password_opens_nothing_until_it_is_changed() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    for role in [Role::Parent, Role::Teacher, Role::Admin] {
        let login_name = format!("new.{role:?}").to_lowercase();
        let new = AddUser {
            role,
            login_name: login_name.clone(),
            name: "이름".into(),
            language: Language::Ko,
            children: vec![],
        };
        let made = admin.add_user(&new).await.expect("made");
        let client = hub.stranger();
        let me = client.sign_in_password(&login_name, &made.secret).await.expect("signed in").me;
        let token = client.access_token();
        for rule in RULES.iter().filter(|rule| !rule.stranger) {
            let is_open = BEFORE_OWN_PASSWORD.contains(&(rule.method.clone(), rule.path));
            if is_open && rule.method == Method::DELETE {
                continue;
            }
            let path = rule.path.split('/').map(|part| match part.starts_with('{') {
                true => me.user_id.to_string(),
                false => part.to_owned(),
            });
            let path = path.collect::<Vec<_>>().join("/");
            let body = if matches!(rule.method, Method::GET | Method::DELETE) { "" } else { "{}" };
            let reply = request(&client, rule.method.clone(), &path, token.as_deref(), body).await;
            let refused = reply.status == 403 && reply.text().contains("own password");
            assert_eq!(refused, !is_open, "{} {} by {role:?}: {reply:?}", rule.method, rule.path);
            assert!(!refused || reply.refusal() == (403, "not_allowed".into()));
        }
        client.change_password(&made.secret, PASSWORD).await.expect("changed");
        assert!(client.skills(Language::Ko).await.is_ok(), "now everything of the role is open");
        client.sign_out().await.expect("signed out");
    }
}

#[tokio::test]
async fn a_lost_pepper_stops_the_start_with_one_next_step() {
    let mut hub = TestHub::start().await;
    let (engine, clock) = (Arc::clone(&hub.ctx().engine), Arc::clone(&hub.ctx().clock));
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], PIN).await;
    hub.stop().await;
    let pepper = hub.data().join("keys/pepper.key");
    let kept = std::fs::read(&pepper).expect("the key");
    std::fs::remove_file(&pepper).expect("removed");
    let start = async || Hub::start(hub.config().clone(), Arc::clone(&clock), Arc::clone(&engine)).await;
    let refused = start().await.err().expect("refused");
    // As the program prints it.
    let said = format!("{refused:#}");
    assert!(said.contains("백업에서 keys/pepper.key") && said.contains("Restore keys/pepper.key"), "{said}");
    assert!(!pepper.exists(), "none is made");
    std::fs::write(&pepper, kept).expect("restored");

    // All of them: each is named, and nothing is made or begun before they are back.
    let (keys, aside) = (hub.data().join("keys"), hub.data().join("aside"));
    std::fs::rename(&keys, &aside).expect("lost");
    let said = format!("{:#}", start().await.err().expect("refused"));
    for key in ["pepper.key", "receipt.key", "device.key", "access_token.key", "refresh_token.key"] {
        assert!(said.contains(&format!("keys/{key}")), "{key}: {said}");
        assert!(!keys.join(key).exists(), "none is made");
    }
    std::fs::remove_dir(&keys).ok();
    std::fs::rename(&aside, &keys).expect("restored");
    hub.start_again().await;
    assert_eq!(hub.ctx().store.record().current.number, 1, "the record was not put back");
    hub.stranger().sign_in_pupil(&hub.code_of(hub.class), pupil, PIN).await.expect("the old PIN");
}

#[tokio::test]
async fn the_cookie_alone_goes_on_and_forms_do_not() {
    let hub = TestHub::start().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], PIN).await;
    let stranger = hub.stranger();
    let body =
        json!({ "kind": "pupil", "class_code": hub.code_of(hub.class), "pupil_id": pupil, "pin": PIN });
    let reply = request(&stranger, Method::POST, "/api/v1/sessions", None, &body.to_string()).await;
    let mut token = cookie_of(&reply);
    for (kind, body, status) in [
        (Some("application/x-www-form-urlencoded"), "", 415),
        (Some("application/x-www-form-urlencoded"), "a=b", 415),
        (Some("text/plain"), "{}", 415),
        (Some("multipart/form-data; boundary=x"), "--x--", 415),
        (None, "{}", 415),
        (None, "a=b", 415),
        (Some("application/json"), "a=b", 400),
        (Some("application/json"), "7", 422),
        (None, "", 200),
        (Some("application/json"), "", 200),
        (Some("application/json"), "{}", 200),
    ] {
        let reply = refresh_with(&stranger, &token, kind, body).await;
        assert_eq!(reply.status, status, "{kind:?} {body:?}: {reply:?}");
        if status == 200 {
            assert_eq!(flags(&reply), ["HttpOnly", "SameSite=Strict", "Path=/api/v1/sessions"]);
            token = cookie_of(&reply);
        }
    }
    let without = request(&stranger, Method::POST, "/api/v1/sessions/refresh", None, "").await;
    assert_eq!(without.refusal(), sign_in_needed());
}

#[tokio::test]
async fn one_sees_and_ends_ones_own_sessions() {
    let hub = TestHub::start().await;
    let (first, second) = (hub.teacher().await, hub.teacher().await);
    let pupil = hub.pupil("민지").await;
    let sessions = first.my_sessions().await.expect("sessions");
    assert_eq!(sessions.len(), 2);
    let current: Vec<_> = sessions.iter().filter(|session| session.current).collect();
    assert_eq!(current.iter().map(|session| session.session_id).collect::<Vec<_>>(), [first.session]);
    assert_eq!(refusal(first.end_my_session(pupil.session).await), (404, "not_found".into()));
    assert_eq!(refusal(first.end_my_session(SessionId::new()).await), (404, "not_found".into()));
    first.end_my_session(second.session).await.expect("ended");
    assert_eq!(refusal(second.me().await), sign_in_needed());

    let reply = first.request(Method::DELETE, "/sessions/current", "").await;
    assert_eq!(reply.status, 204);
    assert!(reply.header("set-cookie").ends_with("Max-Age=0"), "{reply:?}");
    assert_eq!(refusal(first.me().await), sign_in_needed());
    assert_eq!(refresh_by_body(&hub.stranger(), &first.refresh_token).await.refusal(), sign_in_needed());
    assert!(pupil.me().await.is_ok());
}

#[tokio::test]
async fn sessions_outlive_a_restart() {
    let mut hub = TestHub::start().await;
    let (pupil, teacher) = (hub.pupil("민지").await, hub.teacher().await);
    teacher.sign_out().await.expect("signed out");
    let ended = teacher.refresh_token.clone();
    hub.restart().await;
    assert_eq!(pupil.me().await.expect("still signed in").name, "민지");
    assert_eq!(refresh_by_body(&hub.stranger(), &pupil.refresh_token).await.status, 200);
    assert_eq!(refresh_by_body(&hub.stranger(), &ended).await.refusal(), sign_in_needed());
}

#[tokio::test]
async fn over_the_network_only_pupils_sign_in() {
    let far = Peer("192.168.0.9:50000".parse().expect("an address"));
    assert!(check_connection(Role::Student, far).is_ok());
    assert_eq!(check_connection(Role::Admin, far).expect_err("refused").status, 403);

    // On the machine's own network address, if it has one.
    let Some(address) = network_address() else { return };
    let hub = TestHub::with(|config| config.http.lan = true).await;
    let teacher = hub.teacher().await;
    hub.set_password(teacher.id, PASSWORD).await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], PIN).await;
    let over_lan = Client::new(&format!("http://{}", SocketAddr::new(address, hub.address().port())))
        .expect("an address");
    assert!(!over_lan.hub_info().await.expect("known to anyone").staff_sign_in);
    let login = hub.login_of(teacher.id);
    for (login, password) in [(login.as_str(), PASSWORD), (login.as_str(), "wrong"), ("nobody", PASSWORD)] {
        assert_eq!(refusal(over_lan.sign_in_password(login, password).await), (403, "plain_http".into()));
    }
    over_lan.sign_in_pupil(&hub.code_of(hub.class), pupil, PIN).await.expect("pupils may");
    assert_eq!(
        refresh_by_body(&over_lan, &hub.teacher().await.refresh_token).await.refusal().1,
        "plain_http"
    );

    // Figures of the hub need the token of its file from there.
    assert_eq!(refusal(over_lan.metrics(None).await).0, 403);
    let token = std::fs::read_to_string(hub.data().join("keys/metrics.token")).expect("the token's file");
    assert!(over_lan.metrics(Some(token.trim())).await.expect("figures").contains("dreamseed_"));
    assert_eq!(refusal(over_lan.metrics(Some("wrong")).await).0, 403);
}

#[cfg(unix)]
#[tokio::test]
async fn files_with_keys_are_for_the_hub_only() {
    use std::os::unix::fs::PermissionsExt;
    let hub = TestHub::start().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(hub.data()), 0o700);
    let keys = hub.data().join("keys");
    assert_eq!(mode(&keys), 0o700);
    let files: Vec<_> =
        std::fs::read_dir(&keys).expect("keys").map(|file| file.expect("a file").path()).collect();
    assert_eq!(files.len(), 6, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing; the system only chooses the way there.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

async fn refresh_by_body(hub: &Client, token: &str) -> RawReply {
    let body = json!({ "refresh_token": token }).to_string();
    request(hub, Method::POST, "/api/v1/sessions/refresh", None, &body).await
}

async fn refresh_by_cookie(hub: &Client, token: &str) -> RawReply {
    refresh_with(hub, token, Some("application/json"), "{}").await
}

async fn refresh_with(hub: &Client, token: &str, content_type: Option<&str>, body: &'static str) -> RawReply {
    let cookie = format!("theme=dark; ds_refresh={token}");
    let mut headers = vec![("cookie", cookie.as_str())];
    headers.extend(content_type.map(|kind| ("content-type", kind)));
    let (status, headers, body) =
        hub.raw(Method::POST, "/api/v1/sessions/refresh", &headers, body).await.expect("a reply");
    RawReply { status, headers, body }
}

fn token_of(reply: &RawReply) -> String {
    reply.json()["refresh_token"].as_str().unwrap_or_else(|| panic!("no token: {reply:?}")).to_owned()
}

fn cookie_of(reply: &RawReply) -> String {
    let value = reply.header("set-cookie").split(';').next().unwrap_or_default();
    value.strip_prefix("ds_refresh=").unwrap_or_else(|| panic!("no cookie: {reply:?}")).to_owned()
}

/// What stands after the cookie's value.
fn flags(reply: &RawReply) -> Vec<&str> {
    reply.header("set-cookie").split("; ").skip(1).collect()
}
