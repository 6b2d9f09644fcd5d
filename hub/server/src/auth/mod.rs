//! Who somebody is: secrets, sign-ins, tokens and accounts.
//!
//! The walk of a sign-in: [`device`] tells where it comes from, [`sign_in`] asks [`throttle`], [`secrets`] checks the secret, one write keeps the session
//! with its first [`refresh`] token, [`sessions`] holds it in memory, and [`access_token`] signs what each request then
//! shows. [`Auth::verify`] checks a request without touching the disk. What a person may do is not decided here but in
//! [`crate::permissions`].

pub mod access_token;
pub mod accounts;
pub mod device;
pub mod keys;
pub mod paper;
pub mod refresh;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod sign_in;
pub mod throttle;
#[cfg(test)]
mod walk_tests;

use std::{collections::HashMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::http::StatusCode;
use dreamseed_wire::{
    account::Role,
    hub::ProblemCode,
    ids::{SessionId, UserId},
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use self::{
    access_token::AccessTokens,
    device::Marks,
    keys::{KeyError, Keys},
    refresh::RefreshTokens,
    secrets::{SecretError, Secrets},
    sessions::{LiveSession, LiveSessions},
    setup::SetupCode,
    throttle::{Throttle, Wait},
};
use crate::{
    api::{
        extract::{Caller, Peer},
        problem::ApiError,
    },
    config::SignInConfig,
    hub::Ctx,
    live,
    school::{Class, Person, School},
    store::{
        Store, StoreError, WriteTx,
        audit::{self, AuditEntry},
        users,
    },
};

/// Why the hub cannot sign anybody in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("the sessions cannot be read")]
    Store(#[from] StoreError),
    #[error("secrets cannot be hashed")]
    Secrets(#[from] SecretError),
    #[error("access tokens cannot be signed")]
    AccessTokens(#[from] jsonwebtoken::errors::Error),
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
    #[error("there is no such user")]
    UnknownUser,
}

/// Everything about sign-ins that requests share.
pub struct Auth {
    access_tokens: AccessTokens,
    refresh_tokens: RefreshTokens,
    secrets: Secrets,
    throttle: Throttle,
    marks: Marks,
    sessions: Arc<LiveSessions>,
    setup: SetupCode,
    metrics_token: String,
    access_lifetime: Duration,
}

impl Auth {
    /// Reads or makes the keys of the data folder and reads the sessions that go on.
    ///
    /// # Errors
    /// A key file or the database that cannot be used, or a pepper that is lost while there are accounts; see the
    /// sentence of the cause.
    pub async fn open(
        data: &Path,
        store: &Store,
        config: &SignInConfig,
        now: Timestamp,
    ) -> Result<Self, AuthError> {
        let has_users = store.read(users::has_any).await?;
        let keys = Keys::open(data, has_users)?;
        Ok(Auth {
            access_tokens: AccessTokens::new(&keys.access_token)?,
            refresh_tokens: RefreshTokens::new(&keys.refresh_token),
            secrets: Secrets::new(keys.pepper, config.parallel_hashes)?,
            throttle: Throttle::default(),
            // Whoever may know the refresh tokens' key has no need of marks.
            marks: Marks::new(&keys.refresh_token),
            sessions: Arc::new(LiveSessions::load(store, config, now).await?),
            setup: SetupCode::new()?,
            metrics_token: keys.metrics_token,
            access_lifetime: Duration::from_secs(config.access_minutes * 60),
        })
    }

    /// Who shows this access token. Touches the session: a pupil who works is not idle.
    ///
    /// # Errors
    /// [`ProblemCode::SignInNeeded`], whatever is wrong with the token; the reason is in the log.
    pub fn verify(&self, school: &School, token: &str, now: Timestamp) -> Result<Caller, ApiError> {
        let refused = |why: &dyn std::fmt::Display| {
            tracing::debug!(%why, "an access token was refused");
            ApiError::sign_in_needed()
        };
        let claims = self.access_tokens.read(school.hub.hub_id, token, now).map_err(|err| refused(&err))?;
        let person = school.people.get(&claims.sub).ok_or_else(|| refused(&"no such user"))?;
        if person.archived || person.role != claims.role || person.token_version != claims.tv {
            return Err(refused(&"the account has changed since"));
        }
        let session = self
            .sessions
            .get(claims.sid, person.role, now)
            .filter(|session| session.user_id == claims.sub && session.device_id == claims.dev)
            .ok_or_else(|| refused(&"the session has ended"))?;
        session.see(now);
        let expires_at = Timestamp::from_second(claims.exp).map_err(|err| refused(&err))?;
        Ok(Caller { user_id: claims.sub, session_id: claims.sid, role: person.role, expires_at })
    }

    /// Cancelled when the session ends, so that its streams end; already cancelled if it has.
    pub fn watch_end(&self, session: SessionId) -> CancellationToken {
        self.sessions.ended(session)
    }

    /// The marks by which devices are told apart.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The live sessions.
    pub fn sessions(&self) -> &LiveSessions {
        &self.sessions
    }

    /// Hashes and checks secrets.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// When each user with a session that can be used was last heard of.
    pub fn heard_of(&self, school: &School, now: Timestamp) -> HashMap<UserId, Timestamp> {
        self.sessions.heard_of(school, now)
    }

    /// The one-time code with which the first admin is made, as it is printed on the hub's own console; none once it
    /// is used or was guessed at too often.
    pub fn setup_code(&self) -> Option<String> {
        self.setup.shown()
    }

    /// Whether this is the token with which `/metrics` may be read from another machine.
    pub fn is_metrics_token(&self, token: &str) -> bool {
        // Equal hashes instead of equal texts: the time tells nothing of the token.
        blake3::hash(token.as_bytes()) == blake3::hash(self.metrics_token.as_bytes())
    }

    /// The class that a typed code opens.
    ///
    /// # Errors
    /// Not found; or [`ProblemCode::TooManyTries`] after many wrong codes, for a wrong one only.
    pub fn class_for_code<'a>(
        &self,
        school: &'a School,
        code: &str,
        now: Timestamp,
    ) -> Result<&'a Class, ApiError> {
        let class = if code.len() <= 64 { school.class_by_code(code) } else { None };
        self.throttle.try_code(class.is_some(), now).map_err(too_many_tries)?;
        class.ok_or_else(|| {
            ApiError::not_found("A class with this code")
                .hint("Look at the code again, or ask the teacher for it.")
        })
    }

    /// Forgets the wrong PINs of a pupil who has a new one.
    pub(crate) fn forget_failures(&self, pupil: UserId) {
        self.throttle.forget(&throttle::Account::Pupil(pupil));
    }

    /// Judges a code from a parent's letter; `pupil` is whose it is, if anybody's.
    ///
    /// # Errors
    /// Wrong; or [`ProblemCode::TooManyTries`] after many wrong codes, for a wrong one only.
    pub(crate) fn check_paper_code(&self, pupil: Option<UserId>, now: Timestamp) -> Result<UserId, ApiError> {
        self.throttle.try_code(pupil.is_some(), now).map_err(too_many_tries)?;
        pupil.ok_or_else(|| {
            ApiError::new(
                StatusCode::NOT_FOUND,
                ProblemCode::WrongSecret,
                "This code does not open anything: it is mistyped, used or past its time.",
            )
            .hint("Compare it with the letter, or ask the school for a new one.")
        })
    }

    /// An access token of a session, and when it ends.
    fn sign_access_token(
        &self,
        school: &School,
        person: &Person,
        session: &LiveSession,
        now: Timestamp,
    ) -> Result<(String, Timestamp), jsonwebtoken::errors::Error> {
        let until = add(now, self.access_lifetime).min(session.expires_at());
        // Whole seconds, as the token says.
        let until = Timestamp::from_second(until.as_second()).unwrap_or(until);
        let claims = access_token::claims(
            school.hub.hub_id,
            (session.user_id, person.role, person.token_version),
            (session.id, session.device_id),
            now,
            until,
        );
        Ok((self.access_tokens.sign(&claims)?, until))
    }
}

/// Who does something, for the audit log.
#[derive(Debug, Clone)]
pub struct By {
    pub actor: Option<UserId>,
    /// An address, or `console`.
    pub origin: String,
}

impl By {
    /// Somebody who is signed in.
    pub fn caller(caller: &Caller, peer: Peer) -> Self {
        By { actor: Some(caller.user_id), origin: address(peer.0) }
    }

    /// Somebody who is not signed in yet.
    pub fn stranger(peer: Peer) -> Self {
        By { actor: None, origin: address(peer.0) }
    }

    /// The hub's own command line.
    pub fn console() -> Self {
        By { actor: None, origin: "console".to_owned() }
    }

    /// Writes a row of the audit log with the reason that somebody typed.
    pub fn audit_with_reason(
        &self,
        tx: &WriteTx<'_>,
        now: Timestamp,
        action: &str,
        subject: Option<UserId>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let (actor, origin) = (self.actor, Some(self.origin.as_str()));
        audit::add_with_reason(
            tx,
            &AuditEntry { at: now, actor, origin, action, subject, detail: "" },
            reason,
        )
    }

    /// Writes a row of the audit log. `detail` holds ids and numbers, never names.
    pub fn audit(
        &self,
        tx: &WriteTx<'_>,
        now: Timestamp,
        action: &str,
        subject: Option<UserId>,
        detail: &str,
    ) -> Result<(), StoreError> {
        audit::add(
            tx,
            &AuditEntry { at: now, actor: self.actor, origin: Some(&self.origin), action, subject, detail },
        )
    }
}

/// Refuses staff and parents over a connection that others can read: anything but this machine, until there is TLS.
///
/// # Errors
/// [`ProblemCode::PlainHttp`] with the reason.
pub fn check_connection(role: Role, peer: Peer) -> Result<(), ApiError> {
    if role == Role::Student || is_private(peer) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        ProblemCode::PlainHttp,
        "This connection is not encrypted: others on the network could read the password and what it protects. \
         Only pupils can sign in over it.",
    )
    .hint("Sign in on the machine on which the hub runs."))
}

/// Whether nobody on the network can read along.
pub fn is_private(peer: Peer) -> bool {
    peer.0.ip().to_canonical().is_loopback()
}

/// Takes sessions out of the memory whose end is in the database, and tells teachers who has left.
pub(crate) fn drop_sessions(ctx: &Ctx, ids: &[SessionId]) {
    for user in ctx.auth.sessions.end(ids) {
        live::has_gone(ctx, user);
    }
}

fn too_many_tries(Wait(seconds): Wait) -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        ProblemCode::TooManyTries,
        format!("That was wrong too many times. It can be tried again in {seconds} seconds."),
    )
    .hint("Wait that long; a teacher can give a pupil a new PIN at once.")
    .retry_after(seconds)
}

fn address(peer: SocketAddr) -> String {
    peer.ip().to_canonical().to_string()
}

/// A time later by a duration; the end of time if there is none.
fn add(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_and_parents_sign_in_on_the_hubs_machine_only() {
        let peer = |text: &str| Peer(text.parse().expect("address"));
        for near in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            for role in [Role::Student, Role::Parent, Role::Teacher, Role::Admin] {
                assert!(check_connection(role, peer(near)).is_ok(), "{near}");
            }
        }
        for far in ["192.168.0.9:1", "10.1.2.3:1", "[fe80::1]:1", "[::ffff:192.168.0.9]:1", "0.0.0.0:1"] {
            assert!(check_connection(Role::Student, peer(far)).is_ok(), "{far}");
            for role in [Role::Parent, Role::Teacher, Role::Admin] {
                let refused = check_connection(role, peer(far)).map_err(|err| err.code);
                assert_eq!(refused, Err(ProblemCode::PlainHttp), "{far}");
            }
        }
    }
}
