//! The first admin: made once, with a code that stands on the hub's own console, by somebody at its machine.

use axum::http::StatusCode;
use dreamseed_wire::{
    account::{Role, SetUpHub},
    hub::ProblemCode,
};
use parking_lot::Mutex;

use super::{
    By,
    accounts::{check_login_name, check_text},
    check_connection, secrets,
    secrets::SecretKind,
    sign_in::{self, Opened},
};
use crate::{
    api::{extract::Peer, problem::ApiError},
    hub::Ctx,
    school::School,
    store::{hub_meta, users, users::NewUser},
};

/// What the console says of a school whose admin's account cannot be read.
pub const NO_ADMIN_ON_CONSOLE: &str = "\
관리자 계정을 읽을 수 없습니다. 학생과 교사는 수업을 계속할 수 있습니다.
허브를 멈추고 이 PC에서 실행하세요: sudo -u dreamseed dreamseed-hub password 로그인이름
그래도 안 되면 docs/recovery.ko.md의 순서대로 백업에서 되살리세요.
The account of the admin cannot be read. Pupils and teachers can go on with their lessons.
Stop the hub and run on this PC: sudo -u dreamseed dreamseed-hub password LOGIN-NAME
If that does not help, restore a backup as docs/recovery.en.md says.";
const NO_ADMIN_HINT: &str = "허브를 멈추고 허브 PC에서 `sudo -u dreamseed dreamseed-hub password 로그인이름`을 실행하거나 \
     docs/recovery.ko.md의 순서대로 백업에서 되살리세요. \
     Stop the hub and run `sudo -u dreamseed dreamseed-hub password LOGIN-NAME` on its PC, or restore a backup as \
     docs/recovery.en.md says.";

/// Wrong codes before the set-up closes until the next start.
const TRIES: u32 = 10;
const SCHOOL_NAME_MAX: usize = 80;

/// The code of this start; it is nowhere but in memory and on the console.
pub struct SetupCode {
    state: Mutex<State>,
}

struct State {
    /// Eight digits.
    code: Option<String>,
    tries_left: u32,
}

impl SetupCode {
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)?;
        // 64 bits over 100,000,000: no code is likelier by more than a billionth.
        let code = format!("{:08}", u64::from_le_bytes(bytes) % 100_000_000);
        Ok(SetupCode { state: Mutex::new(State { code: Some(code), tries_left: TRIES }) })
    }

    /// `1234-5678`.
    pub(super) fn shown(&self) -> Option<String> {
        let state = self.state.lock();
        let (first, second) = state.code.as_deref()?.split_at(4);
        Some(format!("{first}-{second}"))
    }

    /// Compares a typed code; spaces and dashes do not matter.
    fn check(&self, typed: &str) -> Result<(), ApiError> {
        let digits = secrets::normalise(&typed.chars().take(64).collect::<String>());
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        let mut state = self.state.lock();
        let Some(code) = &state.code else { return Err(closed()) };
        // Equal hashes instead of equal texts: the time tells nothing of the code.
        if blake3::hash(code.as_bytes()) == blake3::hash(digits.as_bytes()) {
            return Ok(());
        }
        state.tries_left = state.tries_left.saturating_sub(1);
        if state.tries_left == 0 {
            state.code = None;
            tracing::warn!("the set-up code was wrong too often; restart the hub for a new one");
            return Err(closed());
        }
        Err(ApiError::new(StatusCode::UNAUTHORIZED, ProblemCode::WrongSecret, "The set-up code is wrong.")
            .hint("It stands in the window or log of the hub; each start makes a new one."))
    }

    fn close(&self) {
        self.state.lock().code = None;
    }
}

/// Makes the first admin, names the school and signs the admin in.
pub async fn set_up(ctx: &Ctx, new: SetUpHub, peer: Peer, agent: &str) -> Result<Opened, ApiError> {
    check_connection(Role::Admin, peer)?;
    if let Some(refusal) = refusal(&ctx.school.get()) {
        return Err(refusal);
    }
    ctx.auth.setup.check(&new.code)?;
    let school_name = check_text("school_name", &new.school_name, SCHOOL_NAME_MAX)?;
    let name = check_text("name", &new.name, super::accounts::NAME_MAX)?;
    let login_name = check_login_name(&new.login_name)?;
    secrets::check_password(&new.password, &login_name)?;
    let secret = ctx.auth.secrets.hash(SecretKind::Password, &new.password).await?;
    let (now, language, by) = (ctx.clock.now(), new.language, By::stranger(peer));
    let user = ctx
        .store
        .write(move |tx| {
            if users::has_any(tx.conn())? {
                return Err(done());
            }
            hub_meta::set_school_name(tx, &school_name)?;
            let admin = NewUser {
                role: Role::Admin,
                login_name: Some(login_name),
                name,
                language,
                secret,
                must_change: false,
            };
            let user = users::add(tx, &admin, now)?;
            by.audit(tx, now, "set up hub", Some(user), "")?;
            Ok(user)
        })
        .await?;
    ctx.auth.setup.close();
    ctx.school.reload(&ctx.store).await?;
    sign_in::open_session(ctx, user, false, agent, peer).await
}

/// Why a hub that has accounts is not set up again, also when nobody of them can look after it: whoever did that would take
/// the school over.
fn refusal(school: &School) -> Option<ApiError> {
    match (school.has_accounts, school.has_admin()) {
        (false, _) => None,
        (true, true) => Some(done()),
        (true, false) => Some(
            ApiError::new(
                StatusCode::FORBIDDEN,
                ProblemCode::NotAllowed,
                "이 허브에는 이미 학교가 있지만 관리자 계정을 읽을 수 없습니다. This hub holds a school already, but the account of its admin cannot be read.",
            )
            .hint(NO_ADMIN_HINT),
        ),
    }
}

fn done() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, ProblemCode::NotAllowed, "This hub has been set up already.")
        .hint("Sign in as its admin.")
}

fn closed() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        ProblemCode::TooManyTries,
        "The set-up is closed until the hub is restarted.",
    )
    .hint("Restart the hub and use the new code that it prints.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_taken_however_it_is_typed() {
        let setup = SetupCode::new().expect("code");
        let shown = setup.shown().expect("shown");
        assert_eq!(shown.len(), 9);
        let wide: String = shown
            .chars()
            .map(|c| c.to_digit(10).and_then(|digit| char::from_u32(0xff10 + digit)).unwrap_or(c))
            .collect();
        for typed in [shown.clone(), shown.replace('-', " "), shown.replace('-', ""), wide] {
            assert!(setup.check(&typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn ten_wrong_codes_close_it() {
        let setup = SetupCode::new().expect("code");
        let right = setup.shown().expect("shown");
        for _ in 0..9 {
            assert_eq!(setup.check("x").map_err(|err| err.code), Err(ProblemCode::WrongSecret));
        }
        assert_eq!(setup.check("x").map_err(|err| err.code), Err(ProblemCode::TooManyTries));
        assert!(setup.check(&right).is_err());
        assert_eq!(setup.shown(), None);
    }
}
