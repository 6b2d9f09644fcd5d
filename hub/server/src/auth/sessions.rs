//! Live sessions in memory: each request is checked against them without a query.
//!
//! A session is ended in the database first and here right after the commit. The time of the latest request is kept
//! here and written once a minute by [`keep`].

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use dreamseed_wire::{
    account::{Role, SessionView},
    ids::{DeviceId, LessonId, SessionId, UserId},
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::{
    config::SignInConfig,
    hub::Ctx,
    school::School,
    store::{
        Store, StoreError, WriteTx,
        sessions::{self as rows, SessionRow},
        to_time,
    },
};

/// After a lesson pupils look at their grades, and a device that was cut off sends what it kept.
const AFTER_LESSON: SignedDuration = SignedDuration::from_mins(15);
/// How often the times of the latest requests are written.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Times in one write.
const SEEN_AT_ONCE: usize = 256;
/// A pupil's session ends at the latest after this, so that a forgotten tablet is not signed in the next day.
const PUPIL_HOURS: u64 = 12;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    SignedOut,
    /// From the list of one's own sessions.
    Revoked,
    /// By an admin.
    EndedByAdmin,
    PasswordChanged,
    SecretReset,
    Archived,
    Idle,
    Expired,
    /// It was for a lesson, and the class has no open lesson any more.
    LessonClosed,
    /// A refresh token came twice: somebody else may have it.
    TokenReuse,
    /// The pupil has signed in on more devices than anybody works on.
    TooMany,
}

impl EndReason {
    /// As it stands in the database.
    pub fn word(self) -> &'static str {
        match self {
            EndReason::SignedOut => "signed_out",
            EndReason::Revoked => "revoked",
            EndReason::EndedByAdmin => "ended_by_admin",
            EndReason::PasswordChanged => "password_changed",
            EndReason::SecretReset => "secret_reset",
            EndReason::Archived => "archived",
            EndReason::Idle => "idle",
            EndReason::Expired => "expired",
            EndReason::LessonClosed => "lesson_closed",
            EndReason::TokenReuse => "token_reuse",
            EndReason::TooMany => "too_many",
        }
    }
}

/// A session that has not ended.
pub struct LiveSession {
    pub id: SessionId,
    pub user_id: UserId,
    pub device_id: Option<DeviceId>,
    pub lesson_id: Option<LessonId>,
    pub native: bool,
    pub agent: String,
    pub created_at: Timestamp,
    /// Unix milliseconds of the latest request.
    last_seen: AtomicI64,
    /// The latest request that the database knows.
    kept_seen: AtomicI64,
    expires: AtomicI64,
    end: CancellationToken,
}

impl LiveSession {
    fn new(row: SessionRow) -> Self {
        LiveSession {
            id: row.id,
            user_id: row.user_id,
            device_id: row.device_id,
            lesson_id: row.lesson_id,
            native: row.native,
            agent: row.agent,
            created_at: row.created_at,
            last_seen: AtomicI64::new(row.last_seen_at.as_millisecond()),
            kept_seen: AtomicI64::new(row.last_seen_at.as_millisecond()),
            expires: AtomicI64::new(row.expires_at.as_millisecond()),
            end: CancellationToken::new(),
        }
    }

    /// The latest request.
    pub fn last_seen_at(&self) -> Timestamp {
        to_time(self.last_seen.load(Relaxed))
    }

    /// When it ends if nothing extends it.
    pub fn expires_at(&self) -> Timestamp {
        to_time(self.expires.load(Relaxed))
    }

    /// Notes a request.
    pub fn see(&self, now: Timestamp) {
        self.last_seen.store(now.as_millisecond(), Relaxed);
    }

    /// Notes a refresh that the database has kept.
    pub(super) fn extend(&self, now: Timestamp, until: Timestamp) {
        self.see(now);
        self.kept_seen.store(now.as_millisecond(), Relaxed);
        self.expires.store(until.as_millisecond(), Relaxed);
    }
}

/// All live sessions.
pub struct LiveSessions {
    all: RwLock<HashMap<SessionId, Arc<LiveSession>>>,
    pupil_idle_ms: i64,
    pupil_max: Duration,
    refresh: Duration,
}

impl LiveSessions {
    /// Reads the sessions that had not ended when the hub stopped and whose time has not passed since.
    pub async fn load(store: &Store, config: &SignInConfig, now: Timestamp) -> Result<Self, StoreError> {
        let expired = EndReason::Expired.word();
        store.write(move |tx| rows::end_expired(tx, now, expired)).await?;
        let found = store.read(rows::live).await?;
        let all = found.into_iter().map(|row| (row.id, Arc::new(LiveSession::new(row)))).collect();
        Ok(LiveSessions { all: RwLock::new(all), ..Self::empty(config) })
    }

    pub(super) fn empty(config: &SignInConfig) -> Self {
        LiveSessions {
            all: RwLock::default(),
            pupil_idle_ms: (config.pupil_idle_minutes * 60_000).cast_signed(),
            pupil_max: Duration::from_secs(PUPIL_HOURS * 3600),
            refresh: Duration::from_secs(config.refresh_days * 86_400),
        }
    }

    /// Until when a session of this role lasts that is begun or refreshed now.
    pub(super) fn lifetime(&self, role: Role) -> Duration {
        match role {
            Role::Student => self.pupil_max,
            Role::Parent | Role::Teacher | Role::Admin => self.refresh,
        }
    }

    /// A session that can be used now: not ended, not expired and, for pupils, not idle too long.
    pub fn get(&self, id: SessionId, role: Role, now: Timestamp) -> Option<Arc<LiveSession>> {
        let session = self.all.read().get(&id).cloned()?;
        (self.overdue(&session, role, now).is_none() && !session.end.is_cancelled()).then_some(session)
    }

    /// A session whatever its age, to learn whose it is.
    pub(super) fn find(&self, id: SessionId) -> Option<Arc<LiveSession>> {
        self.all.read().get(&id).cloned()
    }

    /// Cancelled when the session ends, so that its streams end; already cancelled if it is not live.
    pub fn ended(&self, id: SessionId) -> CancellationToken {
        self.all.read().get(&id).map_or_else(cancelled, |session| session.end.clone())
    }

    /// A user's own sessions, the latest first.
    pub fn of_user(&self, user: UserId, role: Role, current: SessionId, now: Timestamp) -> Vec<SessionView> {
        let all = self.all.read();
        let mut views: Vec<_> = all
            .values()
            .filter(|session| session.user_id == user && self.overdue(session, role, now).is_none())
            .map(|session| SessionView {
                session_id: session.id,
                current: session.id == current,
                agent: session.agent.clone(),
                created_at: session.created_at,
                last_seen_at: session.last_seen_at(),
            })
            .collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.last_seen_at));
        views
    }

    /// The oldest sessions of a pupil beyond so many that can still be used.
    pub(super) fn oldest_beyond(&self, pupil: UserId, most: usize, now: Timestamp) -> Vec<SessionId> {
        let all = self.all.read();
        let usable = |session: &&Arc<LiveSession>| {
            session.user_id == pupil && self.overdue(session, Role::Student, now).is_none()
        };
        let mut own: Vec<_> =
            all.values().filter(usable).map(|session| (session.created_at, session.id)).collect();
        own.sort_unstable();
        own.truncate(own.len().saturating_sub(most));
        own.into_iter().map(|(_, id)| id).collect()
    }

    /// How many sessions are live.
    pub fn count(&self) -> usize {
        self.all.read().len()
    }

    /// Adds a session; call it while the database is being told, so that no end of it can come first.
    pub(super) fn begin(&self, row: SessionRow) -> Arc<LiveSession> {
        let session = Arc::new(LiveSession::new(row));
        self.all.write().insert(session.id, Arc::clone(&session));
        session
    }

    /// Takes sessions out whose end the database has kept; their streams end. Returns the users who have no other.
    pub(super) fn end(&self, ids: &[SessionId]) -> Vec<UserId> {
        let mut all = self.all.write();
        let mut users = HashSet::new();
        for id in ids {
            if let Some(session) = all.remove(id) {
                session.end.cancel();
                users.insert(session.user_id);
            }
        }
        if !users.is_empty() {
            for session in all.values() {
                users.remove(&session.user_id);
            }
        }
        users.into_iter().collect()
    }

    /// The latest request of each user with a session that can be used.
    pub(super) fn heard_of(&self, school: &School, now: Timestamp) -> HashMap<UserId, Timestamp> {
        let all = self.all.read();
        let mut heard: HashMap<UserId, Timestamp> = HashMap::with_capacity(all.len());
        for session in all.values() {
            let Some(person) = school.people.get(&session.user_id) else { continue };
            if self.overdue(session, person.role, now).is_none() {
                let at = session.last_seen_at();
                heard.entry(session.user_id).and_modify(|latest| *latest = at.max(*latest)).or_insert(at);
            }
        }
        heard
    }

    fn overdue(&self, session: &LiveSession, role: Role, now: Timestamp) -> Option<EndReason> {
        let now = now.as_millisecond();
        if session.expires.load(Relaxed) <= now {
            return Some(EndReason::Expired);
        }
        let idle = now - session.last_seen.load(Relaxed) > self.pupil_idle_ms;
        (role == Role::Student && idle).then_some(EndReason::Idle)
    }

    fn all_overdue(&self, school: &School, now: Timestamp) -> Vec<(SessionId, EndReason)> {
        let all = self.all.read();
        all.values()
            .filter_map(|session| {
                let role = school.people.get(&session.user_id)?.role;
                let over = || is_lesson_over(session, school, now).then_some(EndReason::LessonClosed);
                self.overdue(session, role, now).or_else(over).map(|reason| (session.id, reason))
            })
            .collect()
    }

    fn unkept(&self) -> Vec<(Arc<LiveSession>, i64)> {
        let all = self.all.read();
        all.values()
            .filter_map(|session| {
                let seen = session.last_seen.load(Relaxed);
                (seen != session.kept_seen.load(Relaxed)).then(|| (Arc::clone(session), seen))
            })
            .collect()
    }
}

/// Writes the times of the latest requests, and ends sessions that are idle, past their time or past their lesson.
/// Those of a closed lesson end here and not with the lesson, so that answers on their way still come in.
///
/// Call it at the stop too, so that a restart does not make pupils look idle.
pub async fn keep(ctx: &Ctx) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let sessions = ctx.auth.sessions();
    let seen = sessions.unkept();
    let overdue = sessions.all_overdue(&ctx.school.get(), now);
    // In pieces, so that answers need not wait for a whole school's times.
    for piece in seen.chunks(SEEN_AT_ONCE) {
        let rows: Vec<_> = piece.iter().map(|(session, at)| (session.id, to_time(*at))).collect();
        let write = move |tx: &WriteTx<'_>| rows.iter().try_for_each(|(id, at)| rows::see(tx, *id, *at));
        ctx.store.write(write).await?;
        for (session, at) in piece {
            session.kept_seen.store(*at, Relaxed);
        }
    }
    if overdue.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = overdue.iter().map(|(id, _)| *id).collect();
    ctx.store
        .write(move |tx| {
            for (id, reason) in overdue {
                rows::end(tx, id, now, reason.word())?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    super::drop_sessions(ctx, &ids);
    Ok(())
}

/// Keeps the sessions in order until the hub stops: [`keep`] each minute, old ones forgotten once a day.
pub async fn keep_until_stopped(ctx: Arc<Ctx>) {
    let mut forgotten: Option<Timestamp> = None;
    loop {
        let stop = tokio::time::timeout(KEEP_EVERY, ctx.stopping.cancelled()).await.is_ok();
        if let Err(err) = keep(&ctx).await {
            tracing::warn!(error = %err, "the sessions could not be written");
        }
        if stop {
            return;
        }
        let now = ctx.clock.now();
        let due = forgotten.is_none_or(|at| now.as_second() - at.as_second() >= 86_400);
        if due {
            match ctx.store.write(move |tx| rows::forget_old(tx, now)).await {
                Ok(_) => forgotten = Some(now),
                Err(err) => tracing::warn!(error = %err, "old sessions could not be deleted"),
            }
        }
    }
}

fn is_lesson_over(session: &LiveSession, school: &School, now: Timestamp) -> bool {
    let is_open = |id: &LessonId| {
        let ended = school.lessons.get(id).map(|lesson| lesson.timing.ended_at(now));
        ended.is_some_and(|ended| ended.is_none_or(|ended| now < ended + AFTER_LESSON))
    };
    let has_open = || school.class_of(session.user_id).is_some_and(|class| class.lessons.iter().any(is_open));
    session.lesson_id.is_some() && !has_open()
}

fn cancelled() -> CancellationToken {
    let token = CancellationToken::new();
    token.cancel();
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> LiveSessions {
        LiveSessions::empty(&SignInConfig {
            access_minutes: 15,
            pupil_idle_minutes: 15,
            refresh_days: 30,
            parallel_hashes: 1,
        })
    }

    fn row(at: Timestamp, minutes: i64) -> SessionRow {
        SessionRow {
            id: SessionId::new(),
            user_id: UserId::new(),
            device_id: None,
            lesson_id: None,
            native: false,
            agent: "test".into(),
            created_at: at,
            last_seen_at: at,
            expires_at: later(at, minutes),
        }
    }

    fn later(at: Timestamp, minutes: i64) -> Timestamp {
        to_time(at.as_millisecond() + minutes * 60_000)
    }

    fn start() -> Timestamp {
        "2026-11-23T00:00:00Z".parse().expect("time")
    }

    #[test]
    fn a_pupils_session_ends_after_idle_minutes_and_a_request_keeps_it() {
        let (sessions, at) = (sessions(), start());
        let id = sessions.begin(row(at, 600)).id;
        assert!(sessions.get(id, Role::Student, later(at, 15)).is_some());
        assert!(sessions.get(id, Role::Student, later(at, 16)).is_none());
        assert!(sessions.get(id, Role::Teacher, later(at, 16)).is_some(), "staff have no idle end");
        sessions.find(id).expect("session").see(later(at, 10));
        assert!(sessions.get(id, Role::Student, later(at, 25)).is_some());
    }

    #[test]
    fn nothing_outlives_its_time() {
        let (sessions, at) = (sessions(), start());
        let session = sessions.begin(row(at, 30));
        assert!(sessions.get(session.id, Role::Admin, later(at, 29)).is_some());
        assert!(sessions.get(session.id, Role::Admin, later(at, 30)).is_none());
        session.extend(later(at, 29), later(at, 60));
        assert!(sessions.get(session.id, Role::Admin, later(at, 30)).is_some());
    }

    #[test]
    fn an_end_is_heard_and_final() {
        let (sessions, at) = (sessions(), start());
        let id = sessions.begin(row(at, 30)).id;
        let ended = sessions.ended(id);
        assert!(!ended.is_cancelled());
        sessions.end(&[id]);
        assert!(ended.is_cancelled());
        assert!(sessions.get(id, Role::Admin, at).is_none());
        assert!(sessions.ended(id).is_cancelled(), "who listens late hears it at once");
    }

    #[test]
    fn the_oldest_of_too_many_sessions_are_named() {
        let (sessions, at) = (sessions(), start());
        let pupil = UserId::new();
        let ids: Vec<_> = (0..7)
            .map(|minute| sessions.begin(SessionRow { user_id: pupil, ..row(later(at, minute), 600) }).id)
            .collect();
        sessions.begin(row(at, 600));
        let now = later(at, 7);
        assert_eq!(sessions.oldest_beyond(pupil, 5, now), ids[..2]);
        assert!(sessions.oldest_beyond(pupil, 7, now).is_empty());
        assert!(
            sessions.oldest_beyond(pupil, 5, later(at, 18)).is_empty(),
            "those that have idled out do not count"
        );
    }

    #[test]
    fn one_sees_ones_own_sessions_only() {
        let (sessions, at) = (sessions(), start());
        let mine = sessions.begin(row(at, 30));
        sessions.begin(row(at, 30));
        let views = sessions.of_user(mine.user_id, Role::Parent, mine.id, at);
        assert_eq!(views.len(), 1);
        assert!(views[0].current);
    }
}
