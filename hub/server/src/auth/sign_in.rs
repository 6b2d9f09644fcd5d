//! Signing in, going on and signing out.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use dreamseed_wire::{
    account::{Me, Role, SignIn, SignedIn},
    hub::{NoticeCode, ProblemCode},
    ids::{LessonId, SessionId, UserId},
    lesson::LessonState,
};
use jiff::Timestamp;

use super::{
    Auth, AuthError, By, add, check_connection,
    device::Mark,
    drop_sessions, paper,
    refresh::Rotation,
    secrets::{Checked, SecretKind},
    sessions::{EndReason, LiveSession},
    throttle::{Account, Device},
    too_many_tries,
};
use crate::{
    api::{
        extract::{Caller, Peer},
        problem::ApiError,
    },
    hub::Ctx,
    live,
    school::{Lesson, School},
    store::{
        Store, StoreError, WriteTx, notices, rosters, sessions, sessions::SessionRow, sign_in_cards, users,
    },
};

/// Sessions that a pupil has at once; the oldest ends for the next. A pupil works on one device or two.
const PUPIL_SESSIONS: usize = 5;
/// Characters of a browser's own name that are kept.
const AGENT_MAX: usize = 80;

/// A session that was begun or goes on.
pub struct Opened {
    pub signed_in: SignedIn,
    /// For browsers.
    pub cookie: Option<RefreshCookie>,
}

/// What goes into the browser's cookie.
pub struct RefreshCookie {
    pub token: String,
    /// Absent for pupils: the cookie ends with the browser.
    pub max_age: Option<Duration>,
}

/// How a refresh token came, and so how its successor goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Cookie,
    Body,
}

/// Tokens that were made without a sign-in, for load runs.
pub struct Minted {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub access_token: String,
    pub refresh_token: String,
    pub expires_at: Timestamp,
}

/// Signs somebody in on the device with this mark, which then says so.
///
/// # Errors
/// The same for an unknown name and a wrong secret, after the same time.
pub async fn sign_in(
    ctx: &Ctx,
    request: SignIn,
    peer: Peer,
    agent: &str,
    mark: &mut Mark,
) -> Result<Opened, ApiError> {
    let marks = &ctx.auth.marks;
    match request {
        SignIn::Pupil { class_code, pupil_id, pin, native } => {
            let now = ctx.clock.now();
            let school = ctx.school.get();
            let class = match ctx.auth.class_for_code(&school, &class_code, now) {
                Ok(class) => class.class_id,
                Err(err) if err.code == ProblemCode::NotFound => return Err(wrong_secret()),
                Err(err) => return Err(err),
            };
            let is_known = school.class_of(pupil_id).is_some_and(|found| found.class_id == class)
                && school.people.get(&pupil_id).is_some_and(|person| !person.archived);
            drop(school);
            if !is_known {
                // The hash of an unknown id is for nothing but its time. Who has the class code may see the ids of
                // its pupils anyway, so that a refusal here tells nothing new.
                ctx.auth.throttle.try_unknown(peer.0.ip(), now).map_err(too_many_tries)?;
            }
            let find = async || {
                let stored = ctx.store.read(move |conn| users::secret(conn, pupil_id)).await?;
                // A pupil without a PIN is refused like a wrong PIN, after the same time.
                let stored = stored.filter(|stored| is_known && stored != rosters::NO_SECRET);
                Ok(stored.map(|stored| (pupil_id, stored)))
            };
            let account = Account::Pupil(pupil_id);
            let device = marks.device(mark, &account);
            let proven = prove(ctx, (&account, device), SecretKind::Pin, &pin, find, peer).await?;
            let opened = open(ctx, proven, native, agent, peer).await?;
            marks.add(mark, &account);
            Ok(opened)
        }
        SignIn::Card { card, native } => {
            let now = ctx.clock.now();
            let hash = paper::hash_of(&card);
            let found = ctx.store.read(move |conn| sign_in_cards::find(conn, &hash)).await?;
            let school = ctx.school.get();
            // Who has left the classes has nothing to sign in to.
            let known = found.filter(|pupil| school.class_of(*pupil).is_some());
            drop(school);
            let Some(pupil) = known else {
                // 120 bits are not found by trying; this keeps the database from being asked without end.
                ctx.auth.throttle.try_unknown(peer.0.ip(), now).map_err(too_many_tries)?;
                return Err(wrong_card());
            };
            let find = move |conn: &crate::store::ReadConn| match sign_in_cards::find(conn, &hash)? {
                // Replaced this moment: the secret that the sign-in is bound to is the new one's.
                Some(owner) if owner == pupil => users::secret(conn, pupil),
                Some(_) | None => Ok(None),
            };
            let stored = ctx.store.read(find).await?.ok_or_else(wrong_card)?;
            let opened =
                open(ctx, Proven { user: pupil, stored, rehashed: None }, native, agent, peer).await?;
            marks.add(mark, &Account::Pupil(pupil));
            Ok(opened)
        }
        SignIn::Password { login_name, password, native } => {
            // Before anything else: the answer must not depend on whether the name exists.
            check_connection(Role::Admin, peer)?;
            let login_name = super::accounts::normalise_login_name(&login_name);
            let account = Account::login(&login_name);
            let find = async || {
                let found = ctx.store.read(move |conn| users::find_login(conn, &login_name)).await?;
                // Whose secret was taken away after a leak is refused like a wrong one, after the same time.
                Ok(found.filter(|(_, stored)| stored != rosters::NO_SECRET))
            };
            let device = marks.device(mark, &account);
            let proven = prove(ctx, (&account, device), SecretKind::Password, &password, find, peer).await?;
            let opened = open(ctx, proven, native, agent, peer).await?;
            marks.add(mark, &account);
            Ok(opened)
        }
    }
}

/// Begins a session for somebody whose identity is beyond doubt, such as the admin who was just made.
pub async fn open_session(
    ctx: &Ctx,
    user: UserId,
    native: bool,
    agent: &str,
    peer: Peer,
) -> Result<Opened, ApiError> {
    let stored = ctx.store.read(move |conn| users::secret(conn, user)).await?.ok_or_else(wrong_secret)?;
    open(ctx, Proven { user, stored, rehashed: None }, native, agent, peer).await
}

/// A new access token for a refresh token, which is used up by it.
///
/// # Errors
/// [`ProblemCode::SignInNeeded`] if the session has ended; it ends here and now if the token was used up before.
pub async fn refresh(ctx: &Ctx, token: String, carrier: Carrier, peer: Peer) -> Result<Opened, ApiError> {
    let now = ctx.clock.now();
    let school = ctx.school.get();
    let (live, tokens) = (Arc::clone(&ctx.auth.sessions), ctx.auth.refresh_tokens.clone());
    let (by, people) = (By::stranger(peer), Arc::clone(&school));
    let outcome = ctx
        .store
        .write(move |mut tx| match tokens.rotate(&mut tx, &token, now)? {
            Rotation::Unknown => Err(ApiError::sign_in_needed()),
            Rotation::Reused { session } => {
                end_stolen(tx, &by, session, live.find(session).map(|session| session.user_id), now)?;
                Ok(Refreshed::Stolen { session })
            }
            // Refusals below undo the rotation.
            Rotation::Next { session, token } => {
                let user =
                    live.find(session).map(|session| session.user_id).ok_or_else(ApiError::sign_in_needed)?;
                let person = people.people.get(&user).filter(|person| !person.archived);
                let person = person.ok_or_else(ApiError::sign_in_needed)?;
                let session = live.get(session, person.role, now).ok_or_else(ApiError::sign_in_needed)?;
                check_connection(person.role, peer)?;
                if session.native != (carrier == Carrier::Body) {
                    return Err(ApiError::sign_in_needed());
                }
                let until = match person.role {
                    // A pupil's session is not made longer by working.
                    Role::Student => session.expires_at(),
                    Role::Parent | Role::Teacher | Role::Admin => add(now, live.lifetime(person.role)),
                };
                sessions::extend(tx, session.id, now, until)?;
                Ok(Refreshed::Next { session, token, until })
            }
        })
        .await?;
    match outcome {
        Refreshed::Stolen { session } => {
            tracing::warn!(%session, "a refresh token came twice; its session was ended");
            drop_sessions(ctx, &[session]);
            Err(ApiError::sign_in_needed())
        }
        Refreshed::Next { session, token, until } => {
            session.extend(now, until);
            reply(&ctx.auth, &school, &session, token, now)
        }
    }
}

/// Ends one's own session.
pub async fn sign_out(ctx: &Ctx, caller: &Caller, peer: Peer) -> Result<(), ApiError> {
    end_own(ctx, caller, caller.session_id, EndReason::SignedOut, "sign out", peer).await
}

/// Ends one of one's own sessions.
///
/// # Errors
/// Not found if it is somebody else's or has ended.
pub async fn revoke(ctx: &Ctx, caller: &Caller, session: SessionId, peer: Peer) -> Result<(), ApiError> {
    let is_own = ctx.auth.sessions.find(session).is_some_and(|session| session.user_id == caller.user_id);
    if !is_own {
        return Err(ApiError::not_found("That session"));
    }
    end_own(ctx, caller, session, EndReason::Revoked, "revoke session", peer).await
}

/// Who is signed in.
pub fn me(school: &School, user_id: UserId, session_id: SessionId) -> Option<Me> {
    let person = school.people.get(&user_id)?;
    Some(Me {
        user_id,
        session_id,
        role: person.role,
        name: person.name.clone(),
        language: person.language,
        must_change_password: person.must_change,
        class: school.my_class(user_id),
    })
}

impl Auth {
    /// Begins native sessions without sign-ins, all in one write, for the hub's own command line: whoever can run it
    /// can read the keys anyway.
    pub async fn mint(
        &self,
        store: &Store,
        school: &School,
        users: &[UserId],
        now: Timestamp,
    ) -> Result<Vec<Minted>, AuthError> {
        let mut rows = Vec::with_capacity(users.len());
        for user in users {
            let person =
                school.people.get(user).filter(|person| !person.archived).ok_or(AuthError::UnknownUser)?;
            let until = add(now, self.sessions.lifetime(person.role));
            rows.push((new_session(*user, None, (true, "minted"), now, until), super::keys::random_bytes()?));
        }
        let (tokens, kept) = (self.refresh_tokens.clone(), rows.clone());
        let refresh_tokens = store
            .write(move |mut tx| {
                By::console().audit(tx, now, "mint sessions", None, &kept.len().to_string())?;
                let begin = |(row, random): &(SessionRow, [u8; 32])| {
                    sessions::add(tx, row)?;
                    tokens.begin(&mut tx, row.id, random, now)
                };
                kept.iter().map(begin).collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        let mut minted = Vec::with_capacity(rows.len());
        for ((row, _), refresh_token) in rows.into_iter().zip(refresh_tokens) {
            let session = self.sessions.begin(row);
            let person = school.people.get(&session.user_id).ok_or(AuthError::UnknownUser)?;
            let (access_token, expires_at) = self.sign_access_token(school, person, &session, now)?;
            minted.push(Minted {
                user_id: session.user_id,
                session_id: session.id,
                access_token,
                refresh_token,
                expires_at,
            });
        }
        Ok(minted)
    }
}

enum Refreshed {
    Next { session: Arc<LiveSession>, token: String, until: Timestamp },
    Stolen { session: SessionId },
}

/// Somebody whose secret was right.
struct Proven {
    user: UserId,
    /// The hash that it was checked against.
    stored: String,
    rehashed: Option<String>,
}

/// Checks a secret against the throttle and the stored hash.
async fn prove(
    ctx: &Ctx,
    (account, device): (&Account, Device),
    kind: SecretKind,
    secret: &str,
    find: impl AsyncFnOnce() -> Result<Option<(UserId, String)>, StoreError>,
    peer: Peer,
) -> Result<Proven, ApiError> {
    let now = ctx.clock.now();
    let throttle = &ctx.auth.throttle;
    throttle.try_account(account, device, now).map_err(too_many_tries)?;
    let checked: Result<_, ApiError> = async {
        let found = find().await?;
        let stored = found.as_ref().map(|(_, stored)| stored.clone());
        Ok((found, ctx.auth.secrets.check(kind, secret, stored).await?))
    }
    .await;
    match checked {
        Err(err) => {
            throttle.forgive(account, device);
            Err(err)
        }
        Ok((Some((user, stored)), Checked { is_right: true, rehashed })) => {
            throttle.succeed(account, device);
            Ok(Proven { user, stored, rehashed })
        }
        Ok((found, _)) => {
            if throttle.waits(account, device, now) {
                let (by, subject) = (By::stranger(peer), found.map(|(user, _)| user));
                ctx.store.write(move |tx| by.audit(tx, now, "delay sign-in", subject, "")).await?;
            }
            Err(wrong_secret())
        }
    }
}

/// Keeps the session and its first token in one write.
async fn open(ctx: &Ctx, proven: Proven, native: bool, agent: &str, peer: Peer) -> Result<Opened, ApiError> {
    let now = ctx.clock.now();
    let school = ctx.school.get();
    let user = proven.user;
    let person = school.people.get(&user).filter(|person| !person.archived).ok_or_else(wrong_secret)?;
    check_connection(person.role, peer)?;
    let until = add(now, ctx.auth.sessions.lifetime(person.role));
    let row = new_session(user, open_lesson(&school, user), (native, agent), now, until);
    let random = super::keys::random_bytes().map_err(ApiError::internal)?;
    let (tokens, live, id) = (ctx.auth.refresh_tokens.clone(), Arc::clone(&ctx.auth.sessions), row.id);
    let is_pupil = person.role == Role::Student;
    let by = By { actor: Some(user), ..By::stranger(peer) };
    let kept = ctx
        .store
        .write(move |mut tx| {
            // The secret may have been reset while it was checked.
            if users::secret(tx.conn(), user)?.as_ref() != Some(&proven.stored) {
                return Err(wrong_secret());
            }
            if let Some(rehashed) = &proven.rehashed {
                users::rehash(tx, user, &proven.stored, rehashed)?;
            }
            sessions::add(tx, &row)?;
            let token = tokens.begin(&mut tx, row.id, &random, now)?;
            by.audit(tx, now, "sign in", Some(user), &row.id.to_string())?;
            let over = if is_pupil { live.oldest_beyond(user, PUPIL_SESSIONS - 1, now) } else { Vec::new() };
            for id in &over {
                sessions::end(tx, *id, now, EndReason::TooMany.word())?;
            }
            Ok((live.begin(row), token, over))
        })
        .await;
    let (session, token, over) = kept.inspect_err(|_| {
        // The commit may have failed after all.
        ctx.auth.sessions.end(&[id]);
    })?;
    drop_sessions(ctx, &over);
    live::has_come(ctx, user);
    reply(&ctx.auth, &school, &session, token, now)
}

/// Tokens and person, as they go to the client.
fn reply(
    auth: &Auth,
    school: &School,
    session: &LiveSession,
    token: String,
    now: Timestamp,
) -> Result<Opened, ApiError> {
    let person = school.people.get(&session.user_id).ok_or_else(ApiError::sign_in_needed)?;
    let (access_token, expires_at) =
        auth.sign_access_token(school, person, session, now).map_err(ApiError::internal)?;
    let me = me(school, session.user_id, session.id).ok_or_else(ApiError::sign_in_needed)?;
    let (refresh_token, cookie) = if session.native {
        (Some(token), None)
    } else {
        let max_age = (person.role != Role::Student).then(|| auth.sessions.lifetime(person.role));
        (None, Some(RefreshCookie { token, max_age }))
    };
    Ok(Opened { signed_in: SignedIn { access_token, expires_at, refresh_token, me }, cookie })
}

async fn end_own(
    ctx: &Ctx,
    caller: &Caller,
    session: SessionId,
    reason: EndReason,
    action: &'static str,
    peer: Peer,
) -> Result<(), ApiError> {
    let (now, by, user) = (ctx.clock.now(), By::caller(caller, peer), caller.user_id);
    ctx.store
        .write(move |tx| {
            if sessions::end(tx, session, now, reason.word())? {
                by.audit(tx, now, action, Some(user), &session.to_string())?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    drop_sessions(ctx, &[session]);
    Ok(())
}

fn end_stolen(
    tx: &WriteTx<'_>,
    by: &By,
    session: SessionId,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sessions::end(tx, session, now, EndReason::TokenReuse.word())?;
    by.audit(tx, now, "end session: token reused", user, &session.to_string())?;
    notices::raise(
        tx,
        NoticeCode::TokenReuse,
        &serde_json::json!({ "user_id": user, "session_id": session }),
        now,
    )
}

fn new_session(
    user_id: UserId,
    lesson_id: Option<LessonId>,
    (native, agent): (bool, &str),
    now: Timestamp,
    expires_at: Timestamp,
) -> SessionRow {
    SessionRow {
        id: SessionId::new(),
        user_id,
        device_id: None,
        lesson_id,
        native,
        agent: agent.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect(),
        created_at: now,
        last_seen_at: now,
        expires_at,
    }
}

/// The newest open lesson of a pupil: the session is for it.
fn open_lesson(school: &School, user: UserId) -> Option<LessonId> {
    let open = |lesson: &&Lesson| lesson.timing.state == LessonState::Open;
    school.lessons_for(user).find(open).map(|lesson| lesson.lesson_id)
}

fn wrong_card() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        ProblemCode::WrongSecret,
        "This card does not open anything any more.",
    )
    .hint("Sign in with the PIN, or ask the teacher for a new card.")
}

fn wrong_secret() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        ProblemCode::WrongSecret,
        "The name and the PIN or password do not match.",
    )
    .hint("Try again slowly; a teacher can give a new PIN, an admin a new password.")
}
