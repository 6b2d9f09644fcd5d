//! New keys after a leak, as docs/secrets tells to make them: what ends, what stays.

use dreamseed_hub::{
    clock::Clock,
    key_rotation::{Rotated, reset_password, rotate},
};
use dreamseed_testkit::{TestHub, refusal};
use dreamseed_wire::Language;

const PIN: &str = "481526";
const PASSWORD: &str = "haneul-bada-namu-7";

#[tokio::test]
async fn a_running_hub_is_not_rotated_under_its_feet() {
    let hub = TestHub::start().await;
    for what in [Rotated::SignIn, Rotated::Metrics, Rotated::Secrets] {
        let refused =
            rotate(hub.config(), what, hub.clock.now()).await.expect_err("a hub is running").to_string();
        assert!(refused.contains("systemctl stop") && refused.contains("켜져"), "{refused}");
    }
}

#[tokio::test]
async fn new_sign_in_keys_end_every_session_and_no_secret() {
    let mut hub = TestHub::start().await;
    let pupil = hub.pupil("한별").await;
    hub.set_pin(&[pupil.id], PIN).await;
    let code = hub.code_of(hub.class);
    hub.stop().await;
    rotate(hub.config(), Rotated::SignIn, hub.clock.now()).await.expect("rotated");
    hub.start_again().await;
    assert_eq!(refusal(pupil.me().await), (401, "sign_in_needed".into()));
    hub.stranger().sign_in_pupil(&code, pupil.id, PIN).await.expect("the PIN is the same");
}

#[tokio::test]
async fn a_new_metrics_token_ends_the_old_one_only() {
    let mut hub = TestHub::start().await;
    let token =
        |hub: &TestHub| std::fs::read_to_string(hub.data().join("keys/metrics.token")).expect("a token");
    let old = token(&hub).trim().to_owned();
    let teacher = hub.teacher().await;
    hub.stop().await;
    rotate(hub.config(), Rotated::Metrics, hub.clock.now()).await.expect("rotated");
    hub.start_again().await;
    let new = token(&hub).trim().to_owned();
    assert_ne!(old, new);
    assert!(!hub.ctx().auth.is_metrics_token(&old) && hub.ctx().auth.is_metrics_token(&new));
    teacher.me().await.expect("sessions go on");
}

#[tokio::test]
async fn new_secrets_leave_nobody_but_the_admins_a_password() {
    let mut hub = TestHub::start().await;
    let (pupil, teacher, admin) = (hub.pupil("한별").await, hub.teacher().await, hub.admin().await);
    hub.set_pin(&[pupil.id], PIN).await;
    for user in [teacher.id, admin.id] {
        hub.set_password(user, PASSWORD).await;
    }
    let (code, teacher_login, admin_login) =
        (hub.code_of(hub.class), hub.login_of(teacher.id), hub.login_of(admin.id));
    let (other, _) = hub.other_teacher("이수진", "6학년 2반", Language::Ko).await;
    hub.set_password(other.id, PASSWORD).await;
    let other_login = hub.login_of(other.id);
    hub.stop().await;
    let told = rotate(hub.config(), Rotated::Secrets, hub.clock.now()).await.expect("rotated");
    let first = told.iter().find(|first| first.login_name == admin_login).expect("the admin's").clone();
    let again = reset_password(hub.config(), &teacher_login, hub.clock.now()).await.expect("set");
    assert!(reset_password(hub.config(), "nobody.at.all", hub.clock.now()).await.is_err());
    hub.start_again().await;

    let stranger = hub.stranger();
    let wrong = (401, "wrong_secret".to_owned());
    assert_eq!(refusal(stranger.sign_in_pupil(&code, pupil.id, PIN).await), wrong);
    assert_eq!(refusal(stranger.sign_in_password(&teacher_login, PASSWORD).await), wrong);
    assert_eq!(refusal(stranger.sign_in_password(&admin_login, PASSWORD).await), wrong);
    // Who was given nothing yet is refused like anybody with a wrong password.
    assert_eq!(refusal(stranger.sign_in_password(&other_login, PASSWORD).await), wrong);
    for (login, password) in [(&admin_login, &first.password), (&teacher_login, &again.password)] {
        let me = hub.stranger().sign_in_password(login, password).await.expect("the first password").me;
        assert!(me.must_change_password, "{login} must choose an own one");
    }
}
