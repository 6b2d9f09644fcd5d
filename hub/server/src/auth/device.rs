//! Which device a sign-in comes from, so that nobody's wrong tries hold up another device.
//!
//! The walk: a browser gets a mark of its own in a cookie with the first answer of `POST /sessions`, right or wrong. A
//! sign-in that works writes a seal for its account into the mark. When the browser comes back, the seal tells that
//! this person has signed in there before. Mark and seals are keyed hashes: nobody can make one, they say nothing to
//! who reads them, and the hub keeps no list of devices. A program without cookies is told apart by its address and
//! the name it gives itself, which is weak: it separates honest clients and stops nobody who lies. What stops those is
//! the budget of the account, see [`super::throttle`].

use std::net::IpAddr;

use super::{
    keys::to_hex,
    throttle::{Account, Device, network},
};

/// Seals in one mark; of more people on one device the oldest is forgotten.
const SEALS: usize = 40;
const ID_DIGITS: usize = 32;
const SEAL_DIGITS: usize = 16;

/// What a device carries: its name and the accounts that have signed in on it.
#[derive(Debug, Clone)]
pub struct Mark {
    id: String,
    /// The latest last.
    seals: Vec<String>,
    /// The device showed it; a new one has only just been made.
    is_shown: bool,
    is_changed: bool,
    /// For a device that shows no mark: its network and what it calls itself.
    place: [u8; 32],
}

/// Makes and reads marks.
pub struct Marks {
    key: [u8; 32],
}

impl Marks {
    /// Marks under a key of this hub; another hub's are not taken.
    pub fn new(secret: &[u8; 32]) -> Self {
        Marks { key: blake3::derive_key("DreamSeed device marks 2026-11", secret) }
    }

    /// The mark that a device shows, or a new one for a device that shows none or a forged one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn read(&self, shown: Option<&str>, address: IpAddr, agent: &str) -> Result<Mark, getrandom::Error> {
        let mut place = blake3::Hasher::new();
        place.update(network(address).to_string().as_bytes()).update(b"\n").update(agent.as_bytes());
        let place = *place.finalize().as_bytes();
        if let Some((id, seals)) = shown.and_then(|shown| self.parse(shown)) {
            return Ok(Mark { id, seals, is_shown: true, is_changed: false, place });
        }
        let mut bytes = [0; ID_DIGITS / 2];
        getrandom::fill(&mut bytes)?;
        Ok(Mark { id: to_hex(&bytes), seals: Vec::new(), is_shown: false, is_changed: true, place })
    }

    /// The device as the throttle counts it for this account.
    pub fn device(&self, mark: &Mark, account: &Account) -> Device {
        if !mark.is_shown {
            return Device { key: mark.place, is_known: false };
        }
        let seal = self.seal(&mark.id, account);
        let is_known = mark.seals.iter().any(|found| is_equal(found, &seal));
        Device { key: *blake3::hash(mark.id.as_bytes()).as_bytes(), is_known }
    }

    /// Notes that this account has signed in on the device.
    pub fn add(&self, mark: &mut Mark, account: &Account) {
        let seal = self.seal(&mark.id, account);
        if mark.seals.last() == Some(&seal) {
            return;
        }
        mark.seals.retain(|found| *found != seal);
        mark.seals.push(seal);
        mark.seals.drain(..mark.seals.len().saturating_sub(SEALS));
        mark.is_changed = true;
    }

    /// What the device is to keep, if it differs from what it showed.
    pub fn write(&self, mark: &Mark) -> Option<String> {
        mark.is_changed.then(|| format!("{}.{}.{}", mark.id, self.proof(&mark.id), mark.seals.concat()))
    }

    fn parse(&self, shown: &str) -> Option<(String, Vec<String>)> {
        let mut parts = shown.splitn(3, '.');
        let (id, proof, seals) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = id.len() == ID_DIGITS
            && seals.len() <= SEALS * SEAL_DIGITS
            && seals.len().is_multiple_of(SEAL_DIGITS)
            && seals.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_whole || !is_equal(proof, &self.proof(id)) {
            return None;
        }
        let seals = seals.as_bytes().chunks(SEAL_DIGITS);
        Some((id.to_owned(), seals.map(|seal| String::from_utf8_lossy(seal).into_owned()).collect()))
    }

    fn proof(&self, id: &str) -> String {
        self.digits(&[b"mark", id.as_bytes()], ID_DIGITS)
    }

    fn seal(&self, id: &str, account: &Account) -> String {
        match account {
            Account::Pupil(user) => self.digits(&[b"pupil", id.as_bytes(), user.0.as_bytes()], SEAL_DIGITS),
            Account::Login(name) => self.digits(&[b"login", id.as_bytes(), name], SEAL_DIGITS),
        }
    }

    fn digits(&self, parts: &[&[u8]], count: usize) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            hasher.update(&[u8::try_from(part.len()).unwrap_or(u8::MAX)]).update(part);
        }
        let mut digits = to_hex(hasher.finalize().as_bytes());
        digits.truncate(count);
        digits
    }
}

/// Equal hashes instead of equal texts: the time tells nothing of the right one.
fn is_equal(one: &str, other: &str) -> bool {
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::ids::UserId;

    const AGENT: &str = "Browser/1";

    fn here() -> IpAddr {
        "10.0.0.7".parse().expect("address")
    }

    fn read(marks: &Marks, shown: Option<&str>) -> Mark {
        marks.read(shown, here(), AGENT).expect("random numbers")
    }

    #[test]
    fn a_device_is_known_to_whom_it_has_let_in_and_to_nobody_else() {
        let marks = Marks::new(&[7; 32]);
        let (pupil, other) = (Account::Pupil(UserId::new()), Account::Pupil(UserId::new()));
        let mut first = read(&marks, None);
        assert!(!marks.device(&first, &pupil).is_known);
        marks.add(&mut first, &pupil);
        let kept = marks.write(&first).expect("new");
        let back = read(&marks, Some(&kept));
        assert!(marks.device(&back, &pupil).is_known && !marks.device(&back, &other).is_known);
        assert_eq!(marks.write(&back), None, "nothing has changed");
        assert_eq!(marks.device(&back, &pupil).key, marks.device(&back, &other).key);
        assert_ne!(marks.device(&back, &pupil).key, marks.device(&read(&marks, None), &pupil).key);
    }

    #[test]
    fn forged_and_foreign_marks_are_none() {
        let marks = Marks::new(&[7; 32]);
        let pupil = Account::Pupil(UserId::new());
        let mut mark = read(&marks, None);
        marks.add(&mut mark, &pupil);
        let kept = marks.write(&mark).expect("new");
        let (head, seal) = kept.rsplit_once('.').expect("parts");
        let swapped = format!("{}{}", if kept.starts_with('0') { '1' } else { '0' }, &kept[1..]);
        for forged in
            ["", ".", "..", "x.y.z", &swapped, &format!("{head}.é{seal}"), &format!("{head}.{seal}0")]
        {
            assert!(!read(&marks, Some(forged)).is_shown, "{forged}");
        }
        assert!(!Marks::new(&[8; 32]).read(Some(&kept), here(), AGENT).expect("random numbers").is_shown);
        // A seal of another device opens nothing here.
        let other = marks.write(&read(&marks, None)).expect("new");
        let borrowed = read(&marks, Some(&format!("{other}{seal}")));
        assert!(borrowed.is_shown && !marks.device(&borrowed, &pupil).is_known);
    }

    #[test]
    fn the_oldest_seal_makes_room_and_a_mark_fits_a_cookie() {
        let marks = Marks::new(&[7; 32]);
        let accounts: Vec<_> = (0..SEALS + 5).map(|_| Account::Pupil(UserId::new())).collect();
        let mut mark = read(&marks, None);
        for account in &accounts {
            marks.add(&mut mark, account);
        }
        let kept = marks.write(&mark).expect("new");
        assert!(kept.len() < 1_000, "{}", kept.len());
        let back = read(&marks, Some(&kept));
        let known: Vec<_> = accounts.iter().map(|account| marks.device(&back, account).is_known).collect();
        assert!(known[..5].iter().all(|known| !known) && known[5..].iter().all(|known| *known));
    }

    #[test]
    fn without_a_mark_address_and_agent_tell_devices_apart() {
        let marks = Marks::new(&[7; 32]);
        let pupil = Account::Pupil(UserId::new());
        let key = |address: &str, agent: &str| {
            let mark = marks.read(None, address.parse().expect("address"), agent).expect("random numbers");
            marks.device(&mark, &pupil).key
        };
        assert_eq!(key("10.0.0.7", "a"), key("::ffff:10.0.0.7", "a"));
        assert_ne!(key("10.0.0.7", "a"), key("10.0.0.7", "b"));
        assert_ne!(key("10.0.0.7", "a"), key("10.0.0.8", "a"));
    }
}
