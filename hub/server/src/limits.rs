//! How many requests a minute: counted for each sign-in and for each person over all of their sign-ins, never for an
//! address, since a whole school may sit behind one, and never by what a client says of itself. Many sessions of one
//! person together may send three times what one may; help is counted for the person only.
//!
//! The generic cell rate algorithm: a full minute's worth may come at once, then one more each time a minute's share has
//! passed. Time is the machine's monotonic clock: setting the date changes nothing. A stream counts once, when it is
//! opened. Who is not signed in is not counted here: [`crate::auth::throttle`] counts failed sign-ins.

use std::{num::NonZeroU32, sync::Arc};

use axum::http::StatusCode;
use dreamseed_wire::{
    delivery::BATCH_MAX,
    hub::ProblemCode,
    ids::{DeviceId, SessionId, UserId},
};
use governor::{
    InsufficientCapacity, NotUntil, Quota, RateLimiter,
    clock::{Clock, MonotonicClock, Reference},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};

use crate::{
    api::{extract::Caller, problem::ApiError},
    api_keys::LiveKey,
    config::LimitsConfig,
    hub::Ctx,
    telemetry,
};

/// A person works on one device or two; more are a program.
const DEVICES: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);
/// New answers that a device may deliver at once, for each request that it may send in a minute: with the settings as they
/// come, 10,000 that it has kept for long.
const KEPT_AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
/// And this many a minute from then on, for each of these requests: 200, more than a class on one machine can give.
const KEPT_A_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
/// Whatever the settings say, a full batch fits.
const KEPT_LEAST: NonZeroU32 = NonZeroU32::MIN.saturating_add(BATCH_MAX as u32 - 1);

type Each<Who, C> = RateLimiter<Who, HashMapStateStore<Who>, C, NoOpMiddleware<<C as Clock>::Instant>>;
type One<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Try again after this many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub u32);

/// The limits of people.
#[derive(Clone)]
pub struct Limits<C: Clock + Clone = MonotonicClock> {
    sessions: Arc<Each<SessionId, C>>,
    people: Arc<Each<UserId, C>>,
    help: Arc<Each<UserId, C>>,
    devices: Arc<Each<DeviceId, C>>,
    delivered: Arc<Each<DeviceId, C>>,
    clock: C,
}

impl Limits {
    /// Limits by the machine's monotonic clock.
    pub fn new(config: &LimitsConfig) -> Self {
        Self::with_clock(config, MonotonicClock)
    }
}

impl<C: Clock + Clone> Limits<C> {
    fn with_clock(config: &LimitsConfig, clock: C) -> Self {
        let of_person = |per_minute: NonZeroU32| {
            Arc::new(RateLimiter::hashmap_with_clock(Quota::per_minute(per_minute), clock.clone()))
        };
        let of_session = Quota::per_minute(config.per_minute);
        let delivered = Quota::per_minute(config.per_minute.saturating_mul(KEPT_A_MINUTE))
            .allow_burst(config.per_minute.saturating_mul(KEPT_AT_ONCE).max(KEPT_LEAST));
        Limits {
            sessions: Arc::new(RateLimiter::hashmap_with_clock(of_session, clock.clone())),
            people: of_person(config.per_minute.saturating_mul(DEVICES)),
            help: of_person(config.help_per_minute),
            devices: Arc::new(RateLimiter::hashmap_with_clock(of_session, clock.clone())),
            delivered: Arc::new(RateLimiter::hashmap_with_clock(delivered, clock.clone())),
            clock,
        }
    }

    /// Counts a request, for the sign-in first: what it refuses takes nothing from the person's other devices.
    pub fn check_request(&self, caller: &Caller) -> Result<(), Wait> {
        self.sessions.check_key(&caller.session_id).map_err(|until| wait(&until, &self.clock))?;
        self.people.check_key(&caller.user_id).map_err(|until| wait(&until, &self.clock))
    }

    /// Counts a turn of help that the model would write.
    pub fn check_help(&self, caller: &Caller) -> Result<(), Wait> {
        self.help.check_key(&caller.user_id).map_err(|until| wait(&until, &self.clock))
    }

    /// Counts a request that a device has signed: as many as one sign-in may send.
    pub fn check_device(&self, device: DeviceId) -> Result<(), Wait> {
        self.devices.check_key(&device).map_err(|until| wait(&until, &self.clock))
    }

    /// Counts the answers of a batch that the hub did not have, all or none of them. What a device has kept through a long
    /// outage drains in minutes; a device that brings new ones without an end fills no disk, and no other device waits.
    pub fn check_delivered(&self, device: DeviceId, new: usize) -> Result<(), Wait> {
        let Some(count) = u32::try_from(new).ok().and_then(NonZeroU32::new) else { return Ok(()) };
        match self.delivered.check_key_n(&device, count) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => Err(wait(&until, &self.clock)),
            // More than may ever come at once: a batch is never that large.
            Err(InsufficientCapacity(_)) => Err(Wait(60)),
        }
    }

    /// Forgets who has been quiet for so long that nothing is known of them, so that the memory follows the sign-ins of
    /// the last minute. Run it about once a minute.
    pub fn forget_quiet(&self) {
        self.sessions.retain_recent();
        self.sessions.shrink_to_fit();
        for people in [&self.people, &self.help] {
            people.retain_recent();
            people.shrink_to_fit();
        }
        for devices in [&self.devices, &self.delivered] {
            devices.retain_recent();
            devices.shrink_to_fit();
        }
    }
}

/// The limit of one program's key.
pub struct KeyLimit<C: Clock = MonotonicClock> {
    one: One<C>,
    clock: C,
}

impl KeyLimit {
    /// So many requests a minute; 0 counts as 1.
    pub fn per_minute(count: u32) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        KeyLimit { one: RateLimiter::direct_with_clock(quota, MonotonicClock), clock: MonotonicClock }
    }
}

impl<C: Clock> KeyLimit<C> {
    /// Counts a request.
    pub fn check(&self) -> Result<(), Wait> {
        self.one.check().map_err(|until| wait(&until, &self.clock))
    }
}

/// Counts a request of somebody who is signed in, and refuses it over the limit.
pub fn count_request(ctx: &Ctx, caller: &Caller) -> Result<(), ApiError> {
    ctx.limits.check_request(caller).map_err(|wait| refuse(wait, "requests"))
}

/// The same for a device that has signed the request.
pub fn count_device(ctx: &Ctx, device: DeviceId) -> Result<(), ApiError> {
    ctx.limits.check_device(device).map_err(|wait| refuse(wait, "requests"))
}

/// The same for a program's key.
pub fn count_key(key: &LiveKey) -> Result<(), ApiError> {
    key.limit.check().map_err(|wait| refuse(wait, "api_key"))
}

/// The refusal that a client over its limit gets.
pub fn refuse(Wait(seconds): Wait, limit: &'static str) -> ApiError {
    telemetry::count_limited(limit);
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        ProblemCode::TooManyRequests,
        format!("More requests came from this sign-in than the hub takes in a minute; it takes the next one in {seconds} s."),
    )
    .hint("Wait a moment, then try again; nothing that was sent before is lost.")
    .retry_after(seconds)
}

/// Whole seconds, at least one, so that whoever waits them is let in.
fn wait<C: Clock>(until: &NotUntil<C::Instant>, clock: &C) -> Wait
where
    C::Instant: Reference,
{
    let left = until.wait_time_from(clock.now());
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Wait(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use dreamseed_wire::account::Role;
    use governor::clock::FakeRelativeClock;
    use std::time::Duration;

    fn limits() -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        // Away from zero, where a limiter that has seen nothing looks like one that has.
        clock.advance(Duration::from_secs(600));
        (Limits::with_clock(&Config::default().limits, clock.clone()), clock)
    }

    fn caller() -> Caller {
        Caller {
            user_id: UserId::new(),
            session_id: SessionId::new(),
            role: Role::Student,
            expires_at: jiff::Timestamp::MAX,
        }
    }

    #[test]
    fn the_hundred_and_first_request_waits_and_others_do_not() {
        let (limits, clock) = limits();
        let (busy, quiet) = (caller(), caller());
        assert!((0..100).all(|_| limits.check_request(&busy).is_ok()));
        assert_eq!(limits.check_request(&busy), Err(Wait(1)));
        assert_eq!(limits.check_request(&quiet), Ok(()));
        let same_person = Caller { session_id: SessionId::new(), ..busy };
        assert_eq!(limits.check_request(&same_person), Ok(()), "another device of the same person");
        clock.advance(Duration::from_secs(1));
        assert_eq!(limits.check_request(&busy), Ok(()), "the wait that was told is enough");
        assert_eq!(limits.check_request(&busy), Err(Wait(1)));
        clock.advance(Duration::from_secs(60));
        assert_eq!((0..200).filter(|_| limits.check_request(&busy).is_ok()).count(), 100);
    }

    #[test]
    fn many_sign_ins_of_one_person_are_counted_together() {
        let (limits, clock) = limits();
        let pupil = caller();
        let all: Vec<_> = (0..30).map(|_| Caller { session_id: SessionId::new(), ..pupil }).collect();
        let count = |check: &dyn Fn(&Caller) -> bool| {
            (0..100).flat_map(|_| &all).filter(|caller| check(caller)).count()
        };
        assert_eq!(count(&|caller| limits.check_request(caller).is_ok()), 300);
        assert_eq!(count(&|caller| limits.check_help(caller).is_ok()), 10);
        assert_eq!(limits.check_request(&caller()), Ok(()), "nobody else is held up");
        clock.advance(Duration::from_secs(1));
        assert_eq!(limits.check_request(&all[0]), Ok(()));
    }

    #[test]
    fn help_has_a_limit_of_its_own() {
        let (limits, clock) = limits();
        let pupil = caller();
        assert!((0..10).all(|_| limits.check_help(&pupil).is_ok()));
        assert_eq!(limits.check_help(&pupil), Err(Wait(6)));
        assert_eq!(limits.check_request(&pupil), Ok(()));
        clock.advance(Duration::from_secs(6));
        assert_eq!(limits.check_help(&pupil), Ok(()));
    }

    #[test]
    fn a_device_is_counted_by_itself() {
        let (limits, clock) = limits();
        let (full, other) = (DeviceId::new(), DeviceId::new());
        assert!((0..100).all(|_| limits.check_device(full).is_ok()));
        assert_eq!(limits.check_device(full), Err(Wait(1)));
        assert_eq!(limits.check_device(other), Ok(()));
        clock.advance(Duration::from_secs(1));
        assert_eq!(limits.check_device(full), Ok(()));
    }

    #[test]
    fn what_a_device_has_kept_drains_at_once_and_new_answers_without_an_end_do_not() {
        let (limits, clock) = limits();
        let (full, other) = (DeviceId::new(), DeviceId::new());
        assert!((0..50).all(|_| limits.check_delivered(full, BATCH_MAX).is_ok()), "10,000 that were kept");
        let Err(Wait(seconds)) = limits.check_delivered(full, BATCH_MAX) else { panic!("a limit") };
        assert!((50..=60).contains(&seconds), "{seconds}");
        assert_eq!(limits.check_delivered(full, 0), Ok(()), "what is there already costs nothing");
        assert_eq!(limits.check_delivered(other, BATCH_MAX), Ok(()), "no other device waits");
        clock.advance(Duration::from_secs(seconds.into()));
        assert_eq!(limits.check_delivered(full, BATCH_MAX), Ok(()), "the wait that was told is enough");
        let mut passed = 0;
        for _ in 0..600 {
            clock.advance(Duration::from_secs(1));
            passed += usize::from(limits.check_delivered(full, BATCH_MAX).is_ok()) * BATCH_MAX;
        }
        assert!((1_800..=2_200).contains(&passed), "{passed} in ten minutes");
        clock.advance(Duration::from_secs(3_600));
        limits.forget_quiet();
        assert_eq!(limits.delivered.len(), 0);
    }

    #[test]
    fn a_full_batch_fits_whatever_the_settings_say() {
        let config = LimitsConfig { per_minute: NonZeroU32::MIN, ..Config::default().limits };
        let limits = Limits::with_clock(&config, FakeRelativeClock::default());
        assert_eq!(limits.check_delivered(DeviceId::new(), BATCH_MAX), Ok(()));
    }

    #[test]
    fn a_steady_rate_is_let_through_to_the_percent() {
        let (limits, clock) = limits();
        let pupil = caller();
        let mut passed = 0;
        // Ten minutes at twice the rate.
        for _ in 0..2_000 {
            passed += u32::from(limits.check_request(&pupil).is_ok());
            clock.advance(Duration::from_millis(300));
        }
        assert!((1_090..=1_110).contains(&passed), "{passed}: 100 at once and 100 a minute");
    }

    #[test]
    fn the_memory_follows_the_last_minute() {
        let (limits, clock) = limits();
        for _ in 0..5_000 {
            limits.check_request(&caller()).expect("new");
        }
        clock.advance(Duration::from_secs(61));
        let here = caller();
        limits.check_request(&here).expect("new");
        limits.forget_quiet();
        assert_eq!((limits.sessions.len(), limits.people.len()), (1, 1));
    }
}
