//! Slows guessing down without ever locking a class out. Only failures count; no address and no school subnet is ever
//! refused for what others at it do, since a whole school may sit behind one.
//!
//! **PINs and passwords** are counted by account and [`Device`]. After 5 wrong tries a device waits 30 s for that account,
//! then twice as long each time, up to 15 minutes: about 100 tries a day. A device on which that person has signed in
//! before is held up by its own failures only. All others share a budget of the account as well, since devices can be
//! pretended: 60 failures, and one more every 5 minutes (12 an hour). When it is spent, known devices, cards and a new
//! PIN still open. So a six-digit PIN is found from devices it was never used on with a chance of 0.035 % on the first day
//! (348 of 10⁶) and 0.029 % each day after; from a device that knows the account, with 0.01 % a day.
//!
//! **Class codes** (40 bits) and **codes of letters** (60 bits) are too long to be found by trying: at 1000 tries a
//! second, one of 40 classes is found after 160 days on average, and then the names of a class stand behind it, not a
//! PIN. A right code always opens. Wrong ones share a budget of 300 a minute for the whole hub, beyond which they are
//! told to wait and the log says so once a minute.
//!
//! **Ids of nobody** cost a whole hash each, so they count against the address, and are refused by themselves only.
//!
//! Everything is in memory and bounded; a restart forgets it, which costs an attacker the time of the restart. Which
//! devices an account knows is not kept here but by the devices themselves, and outlives a restart.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
};

use dreamseed_wire::ids::UserId;
use jiff::Timestamp;
use parking_lot::Mutex;

/// Wrong secrets for one account from one device before the first wait.
const FREE_FAILURES: u32 = 5;
const FIRST_WAIT_SECS: i64 = 30;
const LONGEST_WAIT_SECS: i64 = 15 * 60;
/// Failures are forgotten after this long without another.
const FORGET_SECS: i64 = 24 * 3600;
/// Wrong secrets for one account from all devices on which it has never signed in.
const BUDGET: i64 = 60;
/// Such a failure is forgiven each time this has passed.
const BUDGET_SECS: i64 = 5 * 60;
/// Wrong codes in a minute, of classes and of letters, from anywhere.
const WRONG_CODES_PER_MINUTE: u32 = 300;
const MINUTE_SECS: i64 = 60;
/// Pupil ids that do not exist, from one address in a minute: each costs a whole hash.
const UNKNOWN_PER_MINUTE: u32 = 60;
/// Accounts, devices and addresses that are remembered; the school has fewer.
const REMEMBERED: usize = 16_384;

/// What a secret was tried for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Account {
    Pupil(UserId),
    /// A hash of the normalised login name, known or not: unknown ones must not answer otherwise.
    Login([u8; 32]),
}

impl Account {
    /// The account of a normalised login name.
    pub fn login(name: &str) -> Self {
        Account::Login(*blake3::hash(name.as_bytes()).as_bytes())
    }
}

/// Where a secret was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Tells it from others.
    pub key: [u8; 32],
    /// The account has signed in on it before.
    pub is_known: bool,
}

/// Try again after this many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub u32);

/// Failed tries.
#[derive(Default)]
pub struct Throttle {
    secrets: Mutex<Secrets>,
    codes: Mutex<Minute>,
    unknown: Mutex<HashMap<IpAddr, Minute>>,
}

#[derive(Default)]
struct Secrets {
    devices: HashMap<(Account, [u8; 32]), Failures>,
    budgets: HashMap<Account, Spent>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: i64,
}

/// What is spent of an account's budget.
#[derive(Clone, Copy)]
struct Spent {
    count: i64,
    /// What had been forgiven by then is no longer in `count`.
    since: i64,
}

impl Spent {
    fn forgive(&mut self, now: i64) {
        let forgiven = (now - self.since).max(0) / BUDGET_SECS;
        self.count = (self.count - forgiven).max(0);
        // A part of the time towards the next one is kept; a clock that was set back begins anew.
        let is_past = self.count > 0 && now >= self.since;
        self.since = if is_past { self.since + forgiven * BUDGET_SECS } else { now };
    }

    fn check(&self, now: i64) -> Result<(), Wait> {
        let over = self.count - BUDGET + 1;
        if over <= 0 { Ok(()) } else { Err(wait(over * BUDGET_SECS - (now - self.since))) }
    }
}

/// How often something happened since the start of a minute.
#[derive(Default)]
struct Minute {
    start: i64,
    count: u32,
}

impl Minute {
    /// Begins again once it is over, or if the clock was set back.
    fn turn(&mut self, now: i64) {
        if !(0..MINUTE_SECS).contains(&(now - self.start)) {
            *self = Minute { start: now, count: 0 };
        }
    }

    /// The rest of it, if it has happened so often.
    fn check(&self, most: u32, now: i64) -> Result<(), Wait> {
        if self.count < most { Ok(()) } else { Err(wait(MINUTE_SECS - (now - self.start))) }
    }
}

impl Throttle {
    /// Asks before a secret is checked. The try counts as failed until [`Throttle::succeed`] or
    /// [`Throttle::forgive`]: many at once are no way around the wait.
    pub fn try_account(&self, account: &Account, device: Device, now: Timestamp) -> Result<(), Wait> {
        let now = now.as_second();
        let Secrets { devices, budgets } = &mut *self.secrets.lock();
        make_room(budgets, now, |spent| spent.since, FORGET_SECS);
        let mut spent = budgets.get(account).copied().unwrap_or(Spent { count: 0, since: now });
        spent.forgive(now);
        if !device.is_known {
            // Before the device is remembered: pretended ones are no way to flood the memory.
            spent.check(now)?;
        }
        make_room(devices, now, |failures| failures.last, FORGET_SECS);
        let failures =
            devices.entry((account.clone(), device.key)).or_insert(Failures { count: 0, last: now });
        if now - failures.last >= FORGET_SECS {
            failures.count = 0;
        }
        let passed = (now - failures.last).max(0);
        let left = wait_after(failures.count) - passed;
        if left > 0 {
            return Err(wait(left));
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        if !device.is_known {
            spent.count += 1;
            budgets.insert(account.clone(), spent);
        }
        Ok(())
    }

    /// The secret was right: earlier failures of the device are forgotten. What others have spent of the account's
    /// budget stays spent, or each sign-in would let them guess on.
    pub fn succeed(&self, account: &Account, device: Device) {
        let Secrets { devices, budgets } = &mut *self.secrets.lock();
        devices.remove(&(account.clone(), device.key));
        give_back(budgets, account, device);
    }

    /// The secret could not be checked: the try does not count.
    pub fn forgive(&self, account: &Account, device: Device) {
        let Secrets { devices, budgets } = &mut *self.secrets.lock();
        if let Some(failures) = devices.get_mut(&(account.clone(), device.key)) {
            failures.count = failures.count.saturating_sub(1);
        }
        give_back(budgets, account, device);
    }

    /// The account has a new secret: what was tried for the old one is forgotten, on every device.
    pub fn forget(&self, account: &Account) {
        let Secrets { devices, budgets } = &mut *self.secrets.lock();
        devices.retain(|(found, _), _| found != account);
        budgets.remove(account);
    }

    /// Whether the next try of an account from this device must wait: the moment to note it in the audit log.
    pub fn waits(&self, account: &Account, device: Device, now: Timestamp) -> bool {
        let now = now.as_second();
        let Secrets { devices, budgets } = &mut *self.secrets.lock();
        let is_slowed = devices
            .get(&(account.clone(), device.key))
            .is_some_and(|failures| failures.count >= FREE_FAILURES);
        let is_spent = || budgets.get(account).is_some_and(|spent| spent.check(now).is_err());
        is_slowed || (!device.is_known && is_spent())
    }

    /// Judges a code that was typed, of a class or of a letter. A right one always passes, whatever others do; after too
    /// many wrong ones in a minute the wrong ones are told to wait.
    pub fn try_code(&self, is_right: bool, now: Timestamp) -> Result<(), Wait> {
        if is_right {
            return Ok(());
        }
        let now = now.as_second();
        let mut wrong = self.codes.lock();
        wrong.turn(now);
        wrong.count = wrong.count.saturating_add(1);
        if wrong.count == WRONG_CODES_PER_MINUTE + 1 {
            tracing::warn!(
                "more than {WRONG_CODES_PER_MINUTE} wrong codes in a minute: somebody is trying codes"
            );
        }
        wrong.check(WRONG_CODES_PER_MINUTE + 1, now)
    }

    /// Counts a sign-in as somebody who is not in the class, before it costs a hash. Pupils of the class are never
    /// asked here: whatever others do at their address, they go on.
    pub fn try_unknown(&self, address: IpAddr, now: Timestamp) -> Result<(), Wait> {
        let now = now.as_second();
        let mut unknown = self.unknown.lock();
        make_room(&mut unknown, now, |minute| minute.start, MINUTE_SECS);
        let minute = unknown.entry(network(address)).or_default();
        minute.turn(now);
        minute.check(UNKNOWN_PER_MINUTE, now)?;
        minute.count += 1;
        Ok(())
    }
}

/// Undoes one try.
fn give_back(budgets: &mut HashMap<Account, Spent>, account: &Account, device: Device) {
    if let Some(spent) = budgets.get_mut(account).filter(|_| !device.is_known) {
        spent.count = (spent.count - 1).max(0);
    }
}

fn wait(seconds: i64) -> Wait {
    Wait(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX))
}

/// Seconds to wait after this many failures: 30 from the fifth on, doubling.
fn wait_after(failures: u32) -> i64 {
    match failures.checked_sub(FREE_FAILURES) {
        None => 0,
        Some(doublings) => FIRST_WAIT_SECS.saturating_mul(1 << doublings.min(10)).min(LONGEST_WAIT_SECS),
    }
}

/// A household or a school gets a whole /64 of IPv6: its addresses count as one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// Forgets what is old once the map is full, then the older half: a flood of names cannot fill the memory.
fn make_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>, now: i64, last: impl Fn(&V) -> i64, keep_secs: i64) {
    if map.len() < REMEMBERED {
        return;
    }
    map.retain(|_, value| now - last(value) < keep_secs);
    if map.len() < REMEMBERED {
        return;
    }
    let mut times: Vec<_> = map.values().map(&last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    map.retain(|_, value| last(value) > median);
    // All of one second.
    if map.is_empty() {
        tracing::warn!("a flood of sign-ins: the hub has forgotten earlier failures");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("time")
    }

    fn pupil() -> Account {
        Account::Pupil(UserId::new())
    }

    fn device(number: u8) -> Device {
        Device { key: [number; 32], is_known: false }
    }

    fn known(number: u8) -> Device {
        Device { key: [number; 32], is_known: true }
    }

    /// A device of many.
    fn numbered(number: i64) -> Device {
        Device { key: *blake3::hash(&number.to_le_bytes()).as_bytes(), is_known: false }
    }

    #[test]
    fn the_wait_doubles_up_to_a_quarter_of_an_hour() {
        for device in [device(1), known(1)] {
            let (throttle, account) = (Throttle::default(), pupil());
            for _ in 0..5 {
                assert_eq!(throttle.try_account(&account, device, at(0)), Ok(()));
            }
            assert!(throttle.waits(&account, device, at(0)));
            let mut time = 0;
            for wait in [30, 60, 120, 240, 480, 900, 900, 900] {
                assert_eq!(throttle.try_account(&account, device, at(time)), Err(Wait(wait)));
                let last = time + i64::from(wait) - 1;
                assert_eq!(throttle.try_account(&account, device, at(last)), Err(Wait(1)));
                time += i64::from(wait);
                assert_eq!(throttle.try_account(&account, device, at(time)), Ok(()));
            }
        }
    }

    #[test]
    fn many_tries_at_once_are_no_way_around() {
        let (throttle, account) = (Throttle::default(), pupil());
        let passed = (0..100).filter(|_| throttle.try_account(&account, device(1), at(0)).is_ok()).count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn a_guesser_holds_up_no_other_device_and_no_other_account() {
        let (throttle, account) = (Throttle::default(), pupil());
        for second in 0..50 {
            let _ = throttle.try_account(&account, device(1), at(second));
        }
        assert!(throttle.try_account(&account, device(1), at(50)).is_err());
        assert_eq!(throttle.try_account(&account, device(2), at(50)), Ok(()), "another new device");
        assert_eq!(throttle.try_account(&account, known(3), at(50)), Ok(()));
        assert_eq!(throttle.try_account(&pupil(), device(1), at(50)), Ok(()));
    }

    #[test]
    fn pretended_devices_share_a_budget_that_known_ones_do_not_touch() {
        let (throttle, account) = (Throttle::default(), pupil());
        let mut passed =
            (0..1_000).filter(|n| throttle.try_account(&account, numbered(*n), at(0)).is_ok()).count();
        assert_eq!(passed, 60);
        assert!(throttle.waits(&account, device(1), at(0)) && !throttle.waits(&account, known(1), at(0)));
        assert_eq!(throttle.try_account(&account, device(1), at(0)), Err(Wait(300)));
        assert_eq!(throttle.try_account(&account, device(1), at(299)), Err(Wait(1)));
        assert_eq!(throttle.try_account(&account, known(2), at(0)), Ok(()));
        throttle.succeed(&account, known(2));
        assert!(
            throttle.try_account(&account, device(1), at(0)).is_err(),
            "its sign-in gives nobody more tries"
        );
        // A whole day of it.
        for second in 1..=86_400 {
            passed +=
                usize::from(throttle.try_account(&account, numbered(1_000 + second), at(second)).is_ok());
        }
        assert_eq!(passed, 60 + 288);
        assert!(throttle.try_account(&account, device(1), at(86_400)).is_err());
        throttle.forget(&account);
        assert_eq!(throttle.try_account(&account, device(1), at(86_400)), Ok(()), "a new PIN");
    }

    #[test]
    fn success_forgets_and_a_fault_of_the_hub_does_not_count() {
        let (throttle, account, device) = (Throttle::default(), pupil(), device(1));
        for _ in 0..100 {
            throttle.try_account(&account, device, at(0)).expect("free");
            throttle.succeed(&account, device);
        }
        for _ in 0..5 {
            throttle.try_account(&account, device, at(1)).expect("free again");
        }
        throttle.forgive(&account, device);
        assert_eq!(throttle.try_account(&account, device, at(1)), Ok(()));
        assert!(throttle.try_account(&account, device, at(1)).is_err());
    }

    #[test]
    fn a_right_code_opens_whatever_others_try() {
        let throttle = Throttle::default();
        let passed = (0..1_000).filter(|_| throttle.try_code(false, at(0)).is_ok()).count();
        assert_eq!(passed, 300);
        assert_eq!(throttle.try_code(false, at(10)), Err(Wait(50)));
        assert_eq!(throttle.try_code(true, at(10)), Ok(()));
        assert_eq!(throttle.try_code(false, at(60)), Ok(()));
    }

    #[test]
    fn unknown_pupils_are_counted_by_address_and_minute() {
        let throttle = Throttle::default();
        let [address, elsewhere]: [IpAddr; 2] =
            ["10.0.0.7", "10.0.0.8"].map(|text| text.parse().expect("address"));
        let passed = (0..100).filter(|_| throttle.try_unknown(address, at(0)).is_ok()).count();
        assert_eq!(passed, 60);
        assert_eq!(throttle.try_unknown(address, at(59)), Err(Wait(1)));
        assert_eq!(throttle.try_unknown(elsewhere, at(59)), Ok(()));
        assert_eq!(throttle.try_unknown(address, at(60)), Ok(()));
        assert_eq!(throttle.try_unknown(address, at(-500)), Ok(()), "the clock was set back");
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let at_host = |net, host| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, net, 9, 9, 9, host));
        assert_eq!(network(at_host(1, 1)), network(at_host(1, 2)));
        assert_ne!(network(at_host(1, 1)), network(at_host(2, 1)));
    }

    #[test]
    fn a_flood_of_names_stays_in_bounds() {
        let throttle = Throttle::default();
        for number in 0..REMEMBERED + 10 {
            let account = Account::login(&number.to_string());
            let _ = throttle.try_account(&account, device(1), at(number as i64 / 100));
        }
        let secrets = throttle.secrets.lock();
        assert!(secrets.devices.len() <= REMEMBERED && secrets.budgets.len() <= REMEMBERED);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_for_longer() {
        let (throttle, account) = (Throttle::default(), pupil());
        for _ in 0..5 {
            throttle.try_account(&account, device(1), at(10_000)).expect("free");
        }
        assert_eq!(throttle.try_account(&account, device(1), at(0)), Err(Wait(30)));
        assert_eq!(throttle.try_account(&account, device(2), at(0)), Ok(()));
    }
}
