//! Slows guessing down without ever locking a class out: only failures count, and they count against the account
//! that was tried, not against the address, since a whole school may sit behind one. What no pupil does, such as
//! trying codes and ids that do not exist, counts against the address and is refused by itself only.
//!
//! Everything is in memory and bounded; a restart forgets it, which costs an attacker the time of the restart.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
};

use dreamseed_wire::ids::{ClassId, UserId};
use jiff::Timestamp;
use parking_lot::Mutex;

/// Wrong secrets for one account before the first wait.
const FREE_FAILURES: u32 = 5;
const FIRST_WAIT_SECS: i64 = 30;
const LONGEST_WAIT_SECS: i64 = 15 * 60;
/// Failures are forgotten after this long without another.
const FORGET_SECS: i64 = 24 * 3600;
/// Wrong class codes from one address in a minute.
const CODES_PER_MINUTE: u32 = 20;
const MINUTE_SECS: i64 = 60;
/// Pupil ids that do not exist, from one address in a minute: each costs a whole hash.
const UNKNOWN_PER_MINUTE: u32 = 60;
/// A right code makes its class known to an address for this long.
const KNOWN_SECS: i64 = 24 * 3600;
/// Accounts and addresses that are remembered; the school has fewer.
const REMEMBERED: usize = 16_384;
/// Classes that are remembered for an address.
const CLASSES_REMEMBERED: usize = 1024;

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

/// Try again after this many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub u32);

/// Failed tries.
#[derive(Default)]
pub struct Throttle {
    accounts: Mutex<HashMap<Account, Failures>>,
    addresses: Mutex<HashMap<IpAddr, Codes>>,
    unknown: Mutex<HashMap<IpAddr, Minute>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: i64,
}

#[derive(Default)]
struct Codes {
    wrong: Minute,
    known: HashSet<ClassId>,
    last_known: i64,
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
        if self.count < most {
            return Ok(());
        }
        Err(Wait(u32::try_from(MINUTE_SECS - (now - self.start)).unwrap_or(1)))
    }
}

impl Throttle {
    /// Asks before a secret is checked. The try counts as failed until [`Throttle::succeed`] or
    /// [`Throttle::forgive`]: many at once are no way around the wait.
    pub fn try_account(&self, account: &Account, now: Timestamp) -> Result<(), Wait> {
        let now = now.as_second();
        let mut accounts = self.accounts.lock();
        make_room(&mut accounts, now, |failures| failures.last, FORGET_SECS);
        let failures = accounts.entry(account.clone()).or_insert(Failures { count: 0, last: now });
        if now - failures.last >= FORGET_SECS {
            failures.count = 0;
        }
        let passed = (now - failures.last).max(0);
        let wait = wait_after(failures.count);
        if passed < wait {
            return Err(Wait(u32::try_from(wait - passed).unwrap_or(u32::MAX)));
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        Ok(())
    }

    /// The secret was right: earlier failures are forgotten.
    pub fn succeed(&self, account: &Account) {
        self.accounts.lock().remove(account);
    }

    /// The secret could not be checked: the try does not count.
    pub fn forgive(&self, account: &Account) {
        if let Some(failures) = self.accounts.lock().get_mut(account) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    /// Whether the next try of an account must wait: the moment to note it in the audit log.
    pub fn waits(&self, account: &Account) -> bool {
        self.accounts.lock().get(account).is_some_and(|failures| failures.count >= FREE_FAILURES)
    }

    /// Judges a class code that was typed at an address; `class` is what it opens, if anything.
    ///
    /// After too many wrong codes in a minute nothing new opens, so that codes cannot be found by trying; a class that
    /// was opened from this address before opens all the same.
    pub fn try_code(&self, address: IpAddr, class: Option<ClassId>, now: Timestamp) -> Result<(), Wait> {
        let now = now.as_second();
        let mut addresses = self.addresses.lock();
        make_room(&mut addresses, now, |codes| codes.wrong.start.max(codes.last_known), KNOWN_SECS);
        let codes = addresses.entry(network(address)).or_default();
        codes.wrong.turn(now);
        if now - codes.last_known >= KNOWN_SECS {
            codes.known.clear();
        }
        if class.is_some_and(|class| codes.known.contains(&class)) {
            codes.last_known = now;
            return Ok(());
        }
        codes.wrong.check(CODES_PER_MINUTE, now)?;
        match class {
            Some(class) => {
                if codes.known.len() < CLASSES_REMEMBERED {
                    codes.known.insert(class);
                }
                codes.last_known = now;
            }
            None => codes.wrong.count += 1,
        }
        Ok(())
    }

    /// Judges a code from a letter that was typed at an address: after too many wrong ones in a minute none is taken,
    /// so that codes cannot be found by trying. They count together with class codes.
    pub fn try_paper(&self, address: IpAddr, is_right: bool, now: Timestamp) -> Result<(), Wait> {
        let now = now.as_second();
        let mut addresses = self.addresses.lock();
        make_room(&mut addresses, now, |codes| codes.wrong.start.max(codes.last_known), KNOWN_SECS);
        let codes = addresses.entry(network(address)).or_default();
        codes.wrong.turn(now);
        codes.wrong.check(CODES_PER_MINUTE, now)?;
        if !is_right {
            codes.wrong.count += 1;
        }
        Ok(())
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

/// Seconds to wait after this many failures: 30 from the fifth on, doubling.
fn wait_after(failures: u32) -> i64 {
    match failures.checked_sub(FREE_FAILURES) {
        None => 0,
        Some(doublings) => FIRST_WAIT_SECS.saturating_mul(1 << doublings.min(10)).min(LONGEST_WAIT_SECS),
    }
}

/// A household or a school gets a whole /64 of IPv6: its addresses count as one.
fn network(address: IpAddr) -> IpAddr {
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

    #[test]
    fn the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let (throttle, account) = (Throttle::default(), pupil());
        for _ in 0..5 {
            assert_eq!(throttle.try_account(&account, at(0)), Ok(()));
        }
        assert!(throttle.waits(&account));
        let mut time = 0;
        for wait in [30, 60, 120, 240, 480, 900, 900, 900] {
            assert_eq!(throttle.try_account(&account, at(time)), Err(Wait(wait)));
            assert_eq!(throttle.try_account(&account, at(time + i64::from(wait) - 1)), Err(Wait(1)));
            time += i64::from(wait);
            assert_eq!(throttle.try_account(&account, at(time)), Ok(()));
        }
    }

    #[test]
    fn many_tries_at_once_are_no_way_around() {
        let (throttle, account) = (Throttle::default(), pupil());
        let passed = (0..100).filter(|_| throttle.try_account(&account, at(0)).is_ok()).count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn success_forgets_and_a_fault_of_the_hub_does_not_count() {
        let (throttle, account) = (Throttle::default(), pupil());
        for _ in 0..4 {
            throttle.try_account(&account, at(0)).expect("free");
        }
        throttle.succeed(&account);
        for _ in 0..5 {
            throttle.try_account(&account, at(1)).expect("free again");
        }
        throttle.forgive(&account);
        assert_eq!(throttle.try_account(&account, at(1)), Ok(()));
        assert!(throttle.try_account(&account, at(1)).is_err());
    }

    #[test]
    fn a_class_behind_one_address_is_never_refused() {
        let throttle = Throttle::default();
        let address: IpAddr = "10.0.0.7".parse().expect("address");
        let class = ClassId::new();
        for _ in 0..35 {
            assert_eq!(throttle.try_code(address, Some(class), at(0)), Ok(()));
            assert_eq!(throttle.try_account(&pupil(), at(0)), Ok(()));
        }
        // Somebody beside them guesses; the class goes on.
        for _ in 0..100 {
            let _ = throttle.try_code(address, None, at(1));
        }
        assert_eq!(throttle.try_code(address, Some(class), at(1)), Ok(()));
    }

    #[test]
    fn codes_cannot_be_found_by_trying() {
        let throttle = Throttle::default();
        let address: IpAddr = "10.0.0.7".parse().expect("address");
        for _ in 0..20 {
            assert_eq!(throttle.try_code(address, None, at(0)), Ok(()));
        }
        assert_eq!(throttle.try_code(address, None, at(10)), Err(Wait(50)));
        assert_eq!(throttle.try_code(address, Some(ClassId::new()), at(10)), Err(Wait(50)));
        let elsewhere = "10.0.0.8".parse().expect("address");
        assert_eq!(throttle.try_code(elsewhere, Some(ClassId::new()), at(10)), Ok(()));
        assert_eq!(throttle.try_code(address, Some(ClassId::new()), at(60)), Ok(()));
    }

    #[test]
    fn codes_of_letters_cannot_be_found_by_trying() {
        let throttle = Throttle::default();
        let [address, elsewhere]: [IpAddr; 2] =
            ["10.0.0.7", "10.0.0.8"].map(|text| text.parse().expect("address"));
        let passed = (0..100).filter(|_| throttle.try_paper(address, false, at(0)).is_ok()).count();
        assert_eq!(passed, 20);
        assert_eq!(throttle.try_paper(address, true, at(10)), Err(Wait(50)));
        assert_eq!(throttle.try_paper(elsewhere, true, at(10)), Ok(()));
        assert_eq!(throttle.try_paper(address, true, at(60)), Ok(()));
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
        let throttle = Throttle::default();
        for host in 0..20_u16 {
            let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host));
            assert_eq!(throttle.try_code(address, None, at(0)), Ok(()));
        }
        let another = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9));
        assert!(throttle.try_code(another, None, at(0)).is_err());
    }

    #[test]
    fn a_flood_of_names_stays_in_bounds() {
        let throttle = Throttle::default();
        for number in 0..REMEMBERED + 10 {
            let _ = throttle.try_account(&Account::login(&number.to_string()), at(number as i64 / 100));
        }
        assert!(throttle.accounts.lock().len() <= REMEMBERED);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_for_longer() {
        let (throttle, account) = (Throttle::default(), pupil());
        for _ in 0..5 {
            throttle.try_account(&account, at(10_000)).expect("free");
        }
        assert_eq!(throttle.try_account(&account, at(0)), Err(Wait(30)));
    }
}
