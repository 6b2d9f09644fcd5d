//! `/users`: the admin's list of people, and `/users/{user_id}/secret` for teachers.

use dreamseed_client::Method;
use dreamseed_testkit::{TestHub, refusal};
use dreamseed_wire::{
    Language,
    account::{AddUser, Role},
    class::AddPupil,
    ids::*,
};

fn person(role: Role, login_name: &str, children: Vec<UserId>) -> AddUser {
    AddUser {
        role, login_name: login_name.into(), name: "새 사람".into(), language: Language::Ko, children
    }
}

#[tokio::test]
async fn people_are_made_and_listed() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    let parent = admin.add_user(&person(Role::Parent, "parent.min", vec![pupil])).await.expect("made");
    let teacher = admin.add_user(&person(Role::Teacher, "teacher.lee", vec![])).await.expect("made");
    assert_ne!(parent.secret, teacher.secret);
    assert!(parent.secret.len() >= 20, "{}", parent.secret);

    let all = admin.users(None).await.expect("the list");
    assert_eq!(all.len(), 5);
    let find = |id: UserId| all.iter().find(|user| user.user_id == id).expect("listed");
    assert_eq!(
        (find(parent.user_id).login_name.as_deref(), &find(parent.user_id).children[..]),
        (Some("parent.min"), &["민지".to_owned()][..])
    );
    assert_eq!((&find(pupil).login_name, &find(pupil).classes[..]), (&None, &["5학년 1반".to_owned()][..]));
    let teachers = admin.users(Some(Role::Teacher)).await.expect("the list");
    assert!(teachers.len() == 2 && teachers.iter().all(|user| user.role == Role::Teacher));

    let signed_in = hub.stranger().sign_in_password("parent.min", &parent.secret).await.expect("signed in");
    assert!(signed_in.me.must_change_password);
}

#[tokio::test]
async fn what_cannot_be_made() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    admin.add_user(&person(Role::Teacher, "Lee.Teacher", vec![])).await.expect("made");
    for (new, expected) in [
        (person(Role::Teacher, "lee.teacher", vec![]), (409, "taken")),
        (person(Role::Teacher, "ｌee.teacher", vec![]), (409, "taken")),
        (person(Role::Student, "pupil.one", vec![]), (422, "bad_field")),
        (person(Role::Teacher, "ab", vec![]), (422, "bad_field")),
        (person(Role::Teacher, "a b c", vec![]), (422, "bad_field")),
        (person(Role::Teacher, "teacher.two", vec![pupil]), (422, "bad_field")),
        (person(Role::Parent, "parent.two", vec![UserId::new()]), (422, "bad_field")),
        (person(Role::Parent, "parent.two", vec![admin.id]), (422, "bad_field")),
    ] {
        let (status, code) = refusal(admin.add_user(&new).await);
        assert_eq!((status, code.as_str()), expected, "{new:?}");
    }
    assert_eq!(admin.users(None).await.expect("the list").len(), 4, "nothing half-made");
}

#[tokio::test]
async fn an_account_is_closed_for_good() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let pupil = hub.pupil("민지").await;
    admin.archive_user(pupil.id).await.expect("archived");
    assert_eq!(refusal(pupil.me().await), (401, "sign_in_needed".into()));
    let detail = hub.teacher().await.class_detail(hub.class).await.expect("the class");
    assert!(detail.pupils_list.is_empty(), "{detail:?}");
    let listed = admin.users(Some(Role::Student)).await.expect("the list");
    assert!(listed[0].archived && listed[0].classes.is_empty(), "{listed:?}");
    assert_eq!(refusal(admin.archive_user(pupil.id).await), (404, "not_found".into()));
    assert_eq!(refusal(admin.archive_user(UserId::new()).await), (404, "not_found".into()));
    // The number is free again.
    let new = AddPupil { number: 1, name: "서연".into(), pin: None };
    admin.add_pupil(hub.class, &new).await.expect("made");
    // Somebody must be left who can look after the hub.
    assert_eq!(refusal(admin.archive_user(admin.id).await), (409, "not_allowed".into()));
    let second = admin.add_user(&person(Role::Admin, "admin.two", vec![])).await.expect("made");
    admin.archive_user(second.user_id).await.expect("archived");
    assert!(admin.me().await.is_ok());
}

#[tokio::test]
async fn a_new_secret_ends_the_sessions_and_works_at_once() {
    let hub = TestHub::start().await;
    let (pupil, teacher) = (hub.pupil("민지").await, hub.teacher().await);
    let new = teacher.reset_secret(pupil.id).await.expect("a new PIN");
    assert!(new.secret.len() == 6 && new.secret.bytes().all(|c| c.is_ascii_digit()), "{new:?}");
    assert_eq!(refusal(pupil.me().await), (401, "sign_in_needed".into()));
    let client = hub.stranger();
    client.sign_in_pupil(&hub.code_of(hub.class), pupil.id, &new.secret).await.expect("signed in");
    assert_eq!(refusal(teacher.reset_secret(teacher.id).await), (403, "not_allowed".into()));
    let admin = hub.admin().await;
    let made = admin.reset_secret(teacher.id).await.expect("a new password");
    assert!(made.secret.contains('-'));
    assert_eq!(refusal(admin.reset_secret(UserId::new()).await), (404, "not_found".into()));
}

#[tokio::test]
async fn an_admin_signs_somebody_out_everywhere() {
    let hub = TestHub::start().await;
    let pupil = hub.pupil("민지").await;
    let again = hub.sign_in(pupil.id).await;
    let admin = hub.admin().await;
    admin.end_user_sessions(pupil.id).await.expect("ended");
    for person in [&pupil, &again] {
        assert_eq!(refusal(person.me().await), (401, "sign_in_needed".into()));
    }
    assert!(hub.sign_in(pupil.id).await.me().await.is_ok(), "the account itself is open");
    assert_eq!(refusal(admin.end_user_sessions(UserId::new()).await), (404, "not_found".into()));
}

/// No secret and no hash is in any list.
#[tokio::test]
async fn lists_hold_no_secrets() {
    let hub = TestHub::start().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], "481526").await;
    let admin = hub.admin().await;
    for path in ["/users", &format!("/classes/{}", hub.class), "/me", "/me/sessions"] {
        let reply = admin.request(Method::GET, path, "").await;
        for word in ["argon2", "secret", "481526", "token"] {
            assert!(!reply.text().contains(word), "{word} is in {path}: {}", reply.text());
        }
    }
}
