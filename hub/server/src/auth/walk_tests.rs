//! Sign-ins from end to end on a real database, with a clock that the test sets.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::SeqCst},
};

use axum::http::StatusCode;
use dreamseed_models::scripted::{Script, ScriptedEngine};
use dreamseed_wire::{
    Language,
    account::{AddUser, ChangePassword, NewSecret, Role, SetUpHub, SignIn},
    class::{AddClass, AddPupil},
    hub::{NoticeCode, ProblemCode},
    ids::{ClassId, UserId},
    lesson::HintCeiling,
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{
    By, accounts,
    device::Mark,
    sessions,
    setup::set_up,
    sign_in::{self, Carrier, Opened},
};
use crate::{
    api::{
        extract::{Caller, Peer},
        problem::ApiError,
    },
    clock::Clock,
    config::{Config, EngineChoice},
    hub::{Ctx, Hub},
    store::{audit, lessons, notices},
    teaching,
};

const PASSWORD: &str = "맑은 하늘 아래 자전거";
const PIN: &str = "402817";

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(SeqCst)).expect("time")
    }
}

struct School {
    hub: Hub,
    clock: Arc<SetClock>,
    folder: TempDir,
    admin: Caller,
    class: ClassId,
    code: String,
    pupil: UserId,
}

impl School {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = Arc::new(SetClock(AtomicI64::new(1_800_000_000_000)));
        let hub = start(&folder, &clock).await;
        let ctx = &hub.ctx;
        let new = SetUpHub {
            code: ctx.auth.setup_code().expect("code"),
            school_name: "새싹초".into(),
            login_name: "Admin".into(),
            name: "관리자".into(),
            password: PASSWORD.into(),
            language: Language::Ko,
        };
        let opened = set_up(ctx, new, near(), "test").await.expect("set up");
        let admin = caller(ctx, &opened);
        let teacher = add_user(ctx, &admin, Role::Teacher, "teacher").await.user_id;
        let class = AddClass {
            name: "5-1".into(),
            grade: 5,
            school_year: 2026,
            language: Language::Ko,
            teachers: vec![teacher],
        };
        let class = teaching::add_class(ctx, &admin, class).await.expect("class").class_id;
        let code = ctx.school.get().classes[&class].code.clone();
        let mut school = School { hub, clock, folder, admin, class, code, pupil: UserId::new() };
        school.pupil = school.add_pupil(1).await;
        school
    }

    fn ctx(&self) -> &Ctx {
        &self.hub.ctx
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn wait(&self, minutes: i64) {
        self.clock.0.fetch_add(minutes * 60_000, SeqCst);
    }

    async fn add_pupil(&self, number: u16) -> UserId {
        let new = AddPupil { number, name: format!("학생{number}"), pin: Some(PIN.into()) };
        accounts::add_pupil(self.ctx(), By::console(), self.class, new).await.expect("pupil").user_id
    }

    async fn sign_in(&self, pupil_id: UserId, pin: &str, peer: Peer) -> Result<Opened, ApiError> {
        let request =
            SignIn::Pupil { class_code: self.code.clone(), pupil_id, pin: pin.into(), native: true };
        sign_in::sign_in(self.ctx(), request, peer, "test", &mut self.unmarked(peer)).await
    }

    async fn staff(&self, login_name: &str, password: &str, peer: Peer) -> Result<Opened, ApiError> {
        let request =
            SignIn::Password { login_name: login_name.into(), password: password.into(), native: false };
        sign_in::sign_in(self.ctx(), request, peer, "test", &mut self.unmarked(peer)).await
    }

    fn unmarked(&self, peer: Peer) -> Mark {
        self.ctx().auth.marks().read(None, peer.0.ip(), "test").expect("random numbers")
    }

    async fn refresh(&self, token: &str) -> Result<Opened, ApiError> {
        sign_in::refresh(self.ctx(), token.into(), Carrier::Body, far()).await
    }

    fn verify(&self, token: &str) -> Result<Caller, ApiError> {
        self.ctx().auth.verify(&self.ctx().school.get(), token, self.now())
    }

    async fn audited(&self, action: &'static str) -> bool {
        let found: Option<i64> = self.ctx().store.read(audit::find_break).await.expect("audit");
        assert_eq!(found, None, "the audit log is whole");
        self.ctx().store.read(move |conn| audit::has_action(conn, action)).await.expect("audit")
    }

    async fn close(self) {
        self.hub.stop().await;
    }
}

async fn start(folder: &TempDir, clock: &Arc<SetClock>) -> Hub {
    let data = folder.path().join("data");
    let mut config = Config { data, models: folder.path().join("models"), ..Config::default() };
    config.http.port = 0;
    config.tutor.engine = EngineChoice::Scripted;
    let engine = Arc::new(ScriptedEngine::new(Script::default()));
    Hub::start(config, Arc::clone(clock) as Arc<dyn Clock>, engine).await.expect("hub")
}

async fn add_user(ctx: &Ctx, admin: &Caller, role: Role, login_name: &str) -> NewSecret {
    let new = AddUser {
        role,
        login_name: login_name.into(),
        name: login_name.into(),
        language: Language::Ko,
        children: Vec::new(),
    };
    accounts::add_user(ctx, By::caller(admin, near()), new).await.expect("user")
}

fn caller(ctx: &Ctx, opened: &Opened) -> Caller {
    ctx.auth.verify(&ctx.school.get(), &opened.signed_in.access_token, ctx.clock.now()).expect("verified")
}

fn near() -> Peer {
    Peer("127.0.0.1:5000".parse().expect("address"))
}

fn far() -> Peer {
    Peer("192.168.0.9:5000".parse().expect("address"))
}

fn token_of(opened: &Opened) -> String {
    opened.signed_in.refresh_token.clone().expect("native")
}

fn code<T>(result: Result<T, ApiError>) -> Option<ProblemCode> {
    result.err().map(|err| err.code)
}

#[tokio::test]
async fn the_hub_is_set_up_once_and_on_its_own_machine() {
    let school = School::open().await;
    assert!(school.audited("set up hub").await);
    assert_eq!(school.ctx().auth.setup_code(), None);
    let again = || SetUpHub {
        code: "1234-5678".into(),
        school_name: "x".into(),
        login_name: "second".into(),
        name: "x".into(),
        password: PASSWORD.into(),
        language: Language::En,
    };
    assert_eq!(code(set_up(school.ctx(), again(), near(), "").await), Some(ProblemCode::NotAllowed));
    assert_eq!(code(set_up(school.ctx(), again(), far(), "").await), Some(ProblemCode::PlainHttp));
    assert_eq!(school.ctx().school.get().hub.school_name, "새싹초");
    assert!(school.staff("  ADMIN ", PASSWORD, near()).await.is_ok());
    school.close().await;
}

#[tokio::test]
async fn only_pupils_sign_in_over_the_network() {
    let school = School::open().await;
    assert_eq!(code(school.staff("admin", PASSWORD, far()).await), Some(ProblemCode::PlainHttp));
    assert_eq!(code(school.staff("nobody", PASSWORD, far()).await), Some(ProblemCode::PlainHttp));
    let opened = school.sign_in(school.pupil, PIN, far()).await.expect("pupil");
    let me = &opened.signed_in.me;
    assert_eq!((me.role, me.name.as_str()), (Role::Student, "학생1"));
    assert_eq!(me.class.as_ref().map(|class| class.number), Some(1));
    let cookie = school.staff("admin", PASSWORD, near()).await.expect("admin").cookie.expect("cookie");
    let over_lan = sign_in::refresh(school.ctx(), cookie.token.clone(), Carrier::Cookie, far()).await;
    assert_eq!(code(over_lan), Some(ProblemCode::PlainHttp));
    // The refusal has not used the token up, and a stolen cookie does not work as a native token.
    assert_eq!(code(school.refresh(&cookie.token).await), Some(ProblemCode::PlainHttp));
    let in_body = sign_in::refresh(school.ctx(), cookie.token.clone(), Carrier::Body, near()).await;
    assert_eq!(code(in_body), Some(ProblemCode::SignInNeeded));
    let opened =
        sign_in::refresh(school.ctx(), cookie.token, Carrier::Cookie, near()).await.expect("refreshed");
    assert!(opened.signed_in.refresh_token.is_none() && opened.cookie.is_some());
    school.close().await;
}

#[tokio::test]
async fn wrong_secrets_and_unknown_names_look_alike() {
    let school = School::open().await;
    let outcomes = [
        code(school.sign_in(school.pupil, "111112", near()).await),
        code(school.sign_in(UserId::new(), PIN, near()).await),
        code(school.sign_in(school.admin.user_id, PASSWORD, near()).await),
        code(school.staff("admin", "wrong", near()).await),
        code(school.staff("nobody", PASSWORD, near()).await),
        code(school.staff(&"x".repeat(1 << 20), &"x".repeat(1 << 20), near()).await),
    ];
    assert_eq!(outcomes, [Some(ProblemCode::WrongSecret); 6]);
    school.close().await;
}

#[tokio::test]
async fn guessing_is_slowed_down_and_a_new_pin_works_at_once() {
    let school = School::open().await;
    for _ in 0..5 {
        assert_eq!(code(school.sign_in(school.pupil, "111112", far()).await), Some(ProblemCode::WrongSecret));
    }
    let refused = school.sign_in(school.pupil, PIN, far()).await.err().expect("waits");
    assert_eq!((refused.status, refused.retry_after), (StatusCode::TOO_MANY_REQUESTS, Some(30)));
    assert!(school.audited("delay sign-in").await);
    let neighbour = school.add_pupil(2).await;
    assert!(
        school.sign_in(neighbour, PIN, far()).await.is_ok(),
        "the neighbour at the same address is not held up"
    );
    let by = By::caller(&school.admin, near());
    let new = accounts::reset_secret(school.ctx(), by, school.pupil).await.expect("new PIN");
    assert_eq!(code(school.sign_in(school.pupil, PIN, far()).await), Some(ProblemCode::WrongSecret));
    assert!(school.sign_in(school.pupil, &new.secret, far()).await.is_ok());
    school.close().await;
}

#[tokio::test]
async fn a_class_signs_in_at_once() {
    let school = School::open().await;
    let mut pupils = vec![school.pupil];
    for number in 2..=35 {
        pupils.push(school.add_pupil(number).await);
    }
    let begun = std::time::Instant::now();
    let all = pupils.iter().map(|pupil| school.sign_in(*pupil, PIN, far()));
    let all = futures_util::future::join_all(all).await;
    eprintln_time("35 sign-ins", begun);
    assert_eq!(all.iter().filter(|opened| opened.is_ok()).count(), 35);
    school.close().await;
}

#[expect(clippy::print_stderr, reason = "a figure for who runs the test with --nocapture")]
fn eprintln_time(what: &str, begun: std::time::Instant) {
    eprintln!("{what}: {} ms", begun.elapsed().as_millis());
}

#[tokio::test]
async fn a_session_ends_for_each_reason_and_its_streams_hear_it() {
    let school = School::open().await;
    let ctx = school.ctx();
    let by = || By::caller(&school.admin, near());
    let open = async || {
        let opened = school.sign_in(school.pupil, PIN, near()).await.expect("signed in");
        let token = opened.signed_in.access_token.clone();
        let caller = school.verify(&token).expect("verified");
        (caller, token, token_of(&opened), ctx.auth.watch_end(caller.session_id))
    };
    let (caller, token, refresh, end) = open().await;
    sign_in::sign_out(ctx, &caller, near()).await.expect("signed out");
    assert!(end.is_cancelled() && school.verify(&token).is_err());
    assert_eq!(code(school.refresh(&refresh).await), Some(ProblemCode::SignInNeeded));

    let (mine, _, _, _) = open().await;
    let (other, token, _, end) = open().await;
    let listed = ctx.auth.sessions().of_user(mine.user_id, mine.role, mine.session_id, school.now());
    assert_eq!(listed.len(), 2);
    let foreign = sign_in::revoke(ctx, &mine, school.admin.session_id, near()).await;
    assert_eq!(code(foreign), Some(ProblemCode::NotFound));
    sign_in::revoke(ctx, &mine, other.session_id, near()).await.expect("revoked");
    assert!(end.is_cancelled() && school.verify(&token).is_err());

    let (_, token, refresh, end) = open().await;
    accounts::end_sessions(ctx, by(), school.pupil).await.expect("ended");
    assert!(end.is_cancelled() && school.verify(&token).is_err() && school.refresh(&refresh).await.is_err());

    let (_, token, refresh, end) = open().await;
    school.wait(10);
    assert!(school.verify(&token).is_ok(), "a request keeps it");
    school.wait(16);
    assert!(school.verify(&token).is_err() && school.refresh(&refresh).await.is_err());
    sessions::keep(ctx).await.expect("kept");
    assert!(end.is_cancelled(), "idle");

    let (_, token, _, end) = open().await;
    accounts::archive_user(ctx, by(), school.pupil).await.expect("archived");
    assert!(end.is_cancelled() && school.verify(&token).is_err());
    assert_eq!(code(school.sign_in(school.pupil, PIN, near()).await), Some(ProblemCode::WrongSecret));
    let again = school.add_pupil(1).await;
    assert!(school.sign_in(again, PIN, near()).await.is_ok(), "the number is free again");
    let last = accounts::archive_user(ctx, by(), school.admin.user_id).await;
    assert_eq!(code(last), Some(ProblemCode::NotAllowed));
    for action in ["sign in", "sign out", "revoke session", "end sessions", "archive user"] {
        assert!(school.audited(action).await, "{action}");
    }
    school.close().await;
}

#[tokio::test]
async fn a_lesson_takes_its_sessions_along_when_no_other_is_open() {
    let school = School::open().await;
    let ctx = school.ctx();
    let (class, now) = (school.class, school.now());
    let give = async || {
        let open = move |tx: &crate::store::WriteTx<'_>| {
            lessons::open(tx, class, ("분수", HintCeiling::Concept), &[], None, now)
        };
        let lesson = ctx.store.write(open).await.expect("lesson");
        ctx.school.reload(&ctx.store).await.expect("reloaded");
        lesson
    };
    let take = async |lesson, at| {
        ctx.store.write(move |tx| lessons::close(tx, lesson, at)).await.expect("closed");
        ctx.school.reload(&ctx.store).await.expect("reloaded");
        sessions::keep(ctx).await.expect("kept");
    };
    let first = give().await;
    let opened = school.sign_in(school.pupil, PIN, near()).await.expect("signed in");
    let token = opened.signed_in.access_token;
    let end = ctx.auth.watch_end(opened.signed_in.me.session_id);
    let second = give().await;
    let long_ago = now - jiff::SignedDuration::from_mins(16);
    take(first, long_ago).await;
    assert!(school.verify(&token).is_ok(), "the next lesson is open");
    take(second, now).await;
    assert!(
        school.verify(&token).is_ok(),
        "it has only just ended: grades are looked at, late answers come in"
    );
    school.wait(10);
    school.verify(&token).expect("at work, and so not idle");
    school.wait(6);
    sessions::keep(ctx).await.expect("kept");
    assert!(end.is_cancelled());
    let outside = school.sign_in(school.pupil, PIN, near()).await.expect("signed in").signed_in.access_token;
    sessions::keep(ctx).await.expect("kept");
    assert!(school.verify(&outside).is_ok(), "practice between lessons");
    school.close().await;
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_the_session() {
    let school = School::open().await;
    let opened = school.sign_in(school.pupil, PIN, near()).await.expect("signed in");
    let first = token_of(&opened);
    let session = opened.signed_in.me.session_id;
    let second = token_of(&school.refresh(&first).await.expect("rotated"));
    assert_ne!(first, second);
    assert_eq!(token_of(&school.refresh(&first).await.expect("once more")), second, "a lost reply");
    let third = school.refresh(&second).await.expect("rotated");
    let end = school.ctx().auth.watch_end(session);
    assert_eq!(code(school.refresh(&first).await), Some(ProblemCode::SignInNeeded));
    assert!(end.is_cancelled());
    assert!(school.verify(&third.signed_in.access_token).is_err());
    assert!(school.refresh(&token_of(&third)).await.is_err(), "nobody goes on");
    let open = school.ctx().store.read(notices::open).await.expect("notices");
    assert!(open.iter().any(|notice| notice.code == NoticeCode::TokenReuse));
    assert!(school.audited("end session: token reused").await);
    school.close().await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_every_old_token() {
    let school = School::open().await;
    let ctx = school.ctx();
    let first = add_user(ctx, &school.admin, Role::Parent, "parent").await.secret;
    let here = school.staff("parent", &first, near()).await.expect("signed in");
    assert!(here.signed_in.me.must_change_password);
    let there = school.staff("parent", &first, near()).await.expect("signed in");
    let me = caller(ctx, &here);
    let change = |current: &str, new: &str| ChangePassword { current: current.into(), new: new.into() };
    for (current, new, expected) in [
        ("wrong", PASSWORD, ProblemCode::WrongSecret),
        (first.as_str(), "short", ProblemCode::WeakPassword),
        (first.as_str(), first.as_str(), ProblemCode::BadField),
    ] {
        let refused = accounts::change_password(ctx, &me, change(current, new), near()).await;
        assert_eq!(code(refused), Some(expected));
    }
    accounts::change_password(ctx, &me, change(&first, PASSWORD), near()).await.expect("changed");
    assert!(school.verify(&here.signed_in.access_token).is_err(), "the token version has gone up");
    assert!(school.verify(&there.signed_in.access_token).is_err());
    let there = there.cookie.expect("cookie").token;
    assert!(sign_in::refresh(ctx, there, Carrier::Cookie, near()).await.is_err());
    let token = here.cookie.expect("cookie").token;
    let here = sign_in::refresh(ctx, token, Carrier::Cookie, near()).await.expect("goes on");
    assert!(!here.signed_in.me.must_change_password);
    assert!(school.verify(&here.signed_in.access_token).is_ok());
    assert_eq!(code(school.staff("parent", &first, near()).await), Some(ProblemCode::WrongSecret));
    assert!(school.staff("parent", PASSWORD, near()).await.is_ok());
    school.close().await;
}

#[tokio::test]
async fn sessions_outlive_a_restart_unless_their_time_has_passed() {
    let school = School::open().await;
    let pupil = school.sign_in(school.pupil, PIN, near()).await.expect("signed in");
    let minted = {
        let (ctx, people) = (school.ctx(), school.ctx().school.get());
        ctx.auth.mint(&ctx.store, &people, &[school.pupil], school.now()).await.expect("minted")
    };
    school.wait(10);
    school.verify(&minted[0].access_token).expect("verified");
    let School { hub, clock, folder, .. } = school;
    hub.stop().await;
    clock.0.fetch_add(4 * 60_000, SeqCst);
    let hub = start(&folder, &clock).await;
    let verify = |token: &str| {
        hub.ctx.auth.verify(&hub.ctx.school.get(), token, clock.now()).map(|caller| caller.user_id)
    };
    assert!(verify(&minted[0].access_token).is_ok(), "the time of the latest request was kept");
    assert!(verify(&pupil.signed_in.access_token).is_ok());
    clock.0.fetch_add(13 * 3_600_000, SeqCst);
    assert!(verify(&minted[0].access_token).is_err());
    hub.stop().await;
    let hub = start(&folder, &clock).await;
    assert_eq!(hub.ctx.auth.sessions().count(), 1, "the admin's");
    hub.stop().await;
}

#[tokio::test]
async fn names_and_numbers_are_given_once() {
    let school = School::open().await;
    let ctx = school.ctx();
    let by = || By::caller(&school.admin, near());
    let pupil = |number, name: &str, pin: Option<&str>| AddPupil {
        number,
        name: name.into(),
        pin: pin.map(Into::into),
    };
    for (new, expected) in [
        (pupil(1, "둘", None), ProblemCode::Taken),
        (pupil(0, "둘", None), ProblemCode::BadField),
        (pupil(1000, "둘", None), ProblemCode::BadField),
        (pupil(2, " ", None), ProblemCode::BadField),
        (pupil(2, "둘\u{202e}", None), ProblemCode::BadField),
        (pupil(2, "둘", Some("123456")), ProblemCode::WeakPassword),
        (pupil(2, "둘", Some("12")), ProblemCode::WeakPassword),
    ] {
        assert_eq!(code(accounts::add_pupil(ctx, by(), school.class, new).await), Some(expected));
    }
    let elsewhere = accounts::add_pupil(ctx, by(), ClassId::new(), pupil(2, "둘", None)).await;
    assert_eq!(code(elsewhere), Some(ProblemCode::NotFound));
    let user = |role, login_name: &str, children| AddUser {
        role,
        login_name: login_name.into(),
        name: "이름".into(),
        language: Language::Ko,
        children,
    };
    for (new, expected) in [
        (user(Role::Teacher, "ＴＥＡＣＨＥＲ", vec![]), ProblemCode::Taken),
        (user(Role::Student, "pupil", vec![]), ProblemCode::BadField),
        (user(Role::Teacher, "t", vec![]), ProblemCode::BadField),
        (user(Role::Teacher, "teacher2", vec![school.pupil]), ProblemCode::BadField),
        (user(Role::Parent, "parent", vec![school.admin.user_id]), ProblemCode::BadField),
    ] {
        assert_eq!(code(accounts::add_user(ctx, by(), new).await), Some(expected));
    }
    accounts::add_user(ctx, by(), user(Role::Parent, "parent", vec![school.pupil])).await.expect("parent");
    let parents = accounts::list_users(&ctx.school.get(), Some(Role::Parent));
    assert_eq!(parents.len(), 1);
    assert_eq!(parents[0].children, ["학생1"]);
    school.close().await;
}
