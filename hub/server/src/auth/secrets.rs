//! Passwords and PINs: what is allowed, how they are hashed, and new ones.
//!
//! Argon2id with the parameters stored beside each hash (PHC string), so that they can be raised later: an old hash
//! is still verified and replaced at the next sign-in. Hashes run off the async threads, a few at a time; their
//! memory is shared by a burst of sign-ins and given back when it is over.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use axum::http::StatusCode;
use dreamseed_wire::{account::Role, hub::ProblemCode};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use super::keys::random_bytes;
use crate::api::problem::ApiError;

/// Memory in KiB and passes. Staff: 46 MiB in one pass; pupils: 19 MiB in two, the least that OWASP accepts, plus the
/// pepper.
const PASSWORD_COST: (u32, u32) = (46 * 1024, 1);
const PIN_COST: (u32, u32) = (19 * 1024, 2);
/// Blocks of 1 KiB reserved at once. Above 32 MiB the allocator maps memory of its own for it, which goes back to
/// the system as a whole; smaller pieces would stay in the process after the morning's sign-ins.
const RESERVED_BLOCKS: usize = 46 * 1024;
/// Hashes that may wait for their turn, about ten seconds of work; past it sign-ins are told that the hub is busy.
const WAITING_MAX: usize = 512;
const PASSWORD_MIN_CHARS: usize = 12;
const PASSWORD_MAX_CHARS: usize = 256;
/// Raw input that is not even normalised.
const INPUT_MAX_BYTES: usize = 4096;
const OUTPUT_BYTES: usize = 32;

/// Passwords of at least twelve characters that everybody tries first, lower-case, without spaces and marks.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789012345",
    "1234567890qwerty",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop1234",
    "qwerty123456",
    "qwerty1234567",
    "qwertyqwerty",
    "qwertyasdfzxcv",
    "qwertyuiopasdf",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "asdfghjkl123",
    "zxcvbnm12345",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "adminadmin12",
    "adminadmin123",
    "administrator",
    "administrator1",
    "admin1234567",
    "admin12345678",
    "changeme1234",
    "changeme12345",
    "letmein12345",
    "letmein123456",
    "welcome12345",
    "welcome123456",
    "iloveyou1234",
    "iloveyou12345",
    "dreamseed1234",
    "dreamseed12345",
    "dreamseedhub",
    "dreamseedadmin",
    "teacher12345",
    "teacher123456",
    "teacherteacher",
    "school123456",
    "school1234567",
    "abcdefghijkl",
    "abcdefghijklm",
    "abcd12345678",
    "abc123456789",
    "a1b2c3d4e5f6",
    "aa1234567890",
    "q1w2e3r4t5y6",
    "dkssudgktpdy",
    "tkfkdgody123",
    "rkskekfk1234",
    "대한민국대한민국대한민국",
    "correcthorsebatterystaple",
];

/// What kind of secret an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// Six digits, with the pepper.
    Pin,
    Password,
}

impl SecretKind {
    /// Pupils have PINs, everyone else a password.
    pub fn of(role: Role) -> Self {
        match role {
            Role::Student => SecretKind::Pin,
            Role::Parent | Role::Teacher | Role::Admin => SecretKind::Password,
        }
    }

    fn params(self) -> Result<Params, SecretError> {
        let (memory, passes) = match self {
            SecretKind::Pin => PIN_COST,
            SecretKind::Password => PASSWORD_COST,
        };
        Params::new(memory, passes, 1, Some(OUTPUT_BYTES)).map_err(|_| SecretError::Hash)
    }
}

/// What can go wrong with hashing; a wrong secret is not among it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("too many sign-ins are waiting")]
    Busy,
    #[error("the system gives no random numbers")]
    Random,
    #[error("a stored hash cannot be read")]
    Stored,
    #[error("hashing failed")]
    Hash,
}

impl From<getrandom::Error> for SecretError {
    fn from(_: getrandom::Error) -> Self {
        SecretError::Random
    }
}

impl From<SecretError> for ApiError {
    fn from(err: SecretError) -> Self {
        match err {
            SecretError::Busy => ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ProblemCode::Busy,
                "Very many people are signing in at once.",
            )
            .hint("Wait a few seconds and try again.")
            .retry_after(5),
            SecretError::Random | SecretError::Stored | SecretError::Hash => ApiError::internal(err),
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub is_right: bool,
    /// Store this in place of the old hash: the parameters have been raised since it was made.
    pub rehashed: Option<String>,
}

/// Hashes and checks secrets.
#[derive(Clone)]
pub struct Secrets {
    inner: Arc<Inner>,
}

struct Inner {
    pepper: [u8; 32],
    turns: Arc<Semaphore>,
    /// Hashes that run or wait.
    under_way: AtomicUsize,
    /// Lent to the running hashes, dropped after the last.
    memory: Mutex<Vec<Vec<Block>>>,
    /// Hashes of nothing, checked for accounts that do not exist so that they take as long.
    dummy_pin: String,
    dummy_password: String,
}

impl Secrets {
    /// `parallel` hashes at once, at least one.
    pub fn new(pepper: [u8; 32], parallel: usize) -> Result<Self, SecretError> {
        Ok(Secrets {
            inner: Arc::new(Inner {
                pepper,
                turns: Arc::new(Semaphore::new(parallel.clamp(1, 64))),
                under_way: AtomicUsize::new(0),
                memory: Mutex::default(),
                dummy_pin: dummy(SecretKind::Pin)?,
                dummy_password: dummy(SecretKind::Password)?,
            }),
        })
    }

    /// Hashes a secret that has passed [`check_pin`] or [`check_password`].
    pub async fn hash(&self, kind: SecretKind, secret: &str) -> Result<String, SecretError> {
        let secret = normalise(secret);
        self.run(move |inner| inner.hash(kind, &secret)).await
    }

    /// Compares a secret with a stored hash; without one the answer is no, after the same time.
    pub async fn check(
        &self,
        kind: SecretKind,
        secret: &str,
        stored: Option<String>,
    ) -> Result<Checked, SecretError> {
        // Cut, not refused: a refusal would answer faster.
        let secret = if secret.len() > INPUT_MAX_BYTES { String::new() } else { normalise(secret) };
        self.run(move |inner| inner.check(kind, &secret, stored.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        let under_way = UnderWay::begin(Arc::clone(&self.inner))?;
        let turn = Arc::clone(&self.inner.turns).acquire_owned().await.map_err(|_| SecretError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&under_way.inner);
            drop(turn);
            drop(under_way);
            result
        });
        done.await.unwrap_or(Err(SecretError::Hash))
    }
}

struct UnderWay {
    inner: Arc<Inner>,
}

impl UnderWay {
    fn begin(inner: Arc<Inner>) -> Result<Self, SecretError> {
        let waiting = inner.under_way.fetch_add(1, SeqCst);
        let under_way = UnderWay { inner };
        if waiting < WAITING_MAX { Ok(under_way) } else { Err(SecretError::Busy) }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.inner.under_way.fetch_sub(1, SeqCst) == 1 {
            self.inner.memory.lock().clear();
        }
    }
}

impl Inner {
    fn hash(&self, kind: SecretKind, secret: &str) -> Result<String, SecretError> {
        let params = kind.params()?;
        let random = random_bytes()?;
        let salt = Salt::new(&random[..Salt::RECOMMENDED_LENGTH]).map_err(|_| SecretError::Hash)?;
        let output = self.compute(kind, secret, Algorithm::Argon2id, Version::V0x13, &params, &salt)?;
        phc(&params, salt, output)
    }

    fn check(&self, kind: SecretKind, secret: &str, stored: Option<&str>) -> Result<Checked, SecretError> {
        let dummy = match kind {
            SecretKind::Pin => &self.dummy_pin,
            SecretKind::Password => &self.dummy_password,
        };
        let hash = PasswordHash::new(stored.unwrap_or(dummy)).map_err(|_| SecretError::Stored)?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| SecretError::Stored)?;
        let version =
            hash.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(|_| SecretError::Stored)?;
        let params = Params::try_from(&hash).map_err(|_| SecretError::Stored)?;
        let (salt, expected) = hash.salt.zip(hash.hash).ok_or(SecretError::Stored)?;
        let found = self.compute(kind, secret, algorithm, version, &params, &salt)?;
        // `Output` compares in constant time.
        let is_right = found == expected && stored.is_some();
        let wanted = kind.params()?;
        let is_current = algorithm == Algorithm::Argon2id
            && version == Version::V0x13
            && (params.m_cost(), params.t_cost(), params.p_cost())
                == (wanted.m_cost(), wanted.t_cost(), wanted.p_cost());
        let rehashed = if is_right && !is_current { Some(self.hash(kind, secret)?) } else { None };
        Ok(Checked { is_right, rehashed })
    }

    fn compute(
        &self,
        kind: SecretKind,
        secret: &str,
        algorithm: Algorithm,
        version: Version,
        params: &Params,
        salt: &Salt,
    ) -> Result<Output, SecretError> {
        let argon2 = match kind {
            SecretKind::Pin => Argon2::new_with_secret(&self.pepper, algorithm, version, params.clone())
                .map_err(|_| SecretError::Hash)?,
            SecretKind::Password => Argon2::new(algorithm, version, params.clone()),
        };
        let mut output = vec![0; params.output_len().unwrap_or(OUTPUT_BYTES)];
        let mut memory = self.memory.lock().pop().unwrap_or_default();
        let blocks = params.block_count();
        if memory.len() < blocks {
            if memory.capacity() < blocks {
                memory = Vec::with_capacity(blocks.max(RESERVED_BLOCKS));
            }
            memory.resize(blocks, Block::new());
        }
        let result = argon2.hash_password_into_with_memory(
            secret.as_bytes(),
            salt,
            &mut output,
            &mut memory[..blocks],
        );
        self.memory.lock().push(memory);
        result.map_err(|_| SecretError::Hash)?;
        Output::new(&output).map_err(|_| SecretError::Hash)
    }
}

/// Whether a PIN may be chosen.
///
/// # Errors
/// [`ProblemCode::WeakPassword`] with the reason.
pub fn check_pin(pin: &str) -> Result<(), ApiError> {
    let digits: Vec<u8> = if pin.len() > INPUT_MAX_BYTES { Vec::new() } else { normalise(pin).into_bytes() };
    if digits.len() != 6 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(weak("A PIN has six digits."));
    }
    if is_easy_pin(&digits) {
        return Err(weak("This PIN is easy to guess: its digits repeat or count up or down."));
    }
    Ok(())
}

/// Whether a password may be chosen by somebody with this login name.
///
/// # Errors
/// [`ProblemCode::WeakPassword`] with the reason.
pub fn check_password(password: &str, login_name: &str) -> Result<(), ApiError> {
    if password.len() > INPUT_MAX_BYTES {
        return Err(weak("A password has at most 256 characters."));
    }
    let password = normalise(password);
    let length = password.chars().count();
    if length < PASSWORD_MIN_CHARS {
        return Err(weak("A password has at least 12 characters; a short sentence is easy to remember."));
    }
    if length > PASSWORD_MAX_CHARS {
        return Err(weak("A password has at most 256 characters."));
    }
    let plain: String =
        password.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let login: String =
        login_name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let without_login = if login.is_empty() { plain.clone() } else { plain.replace(&login, "") };
    if without_login.chars().count() < 6 {
        return Err(weak("The password is little more than the login name."));
    }
    let mut different: Vec<char> = password.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < 5 || COMMON.contains(&plain.as_str()) {
        return Err(weak("This password is among those that are tried first."));
    }
    Ok(())
}

/// A random PIN that is not easy to guess.
pub fn make_pin() -> Result<String, SecretError> {
    loop {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes)?;
        let number = u32::from_le_bytes(bytes);
        // So that each PIN is as likely as the next.
        if number < u32::MAX - u32::MAX % 1_000_000 {
            let pin = format!("{:06}", number % 1_000_000);
            if !is_easy_pin(pin.as_bytes()) {
                return Ok(pin);
            }
        }
    }
}

/// A random first password that can be read out over the telephone: `bako-timu-lera-soni-dupa`, 62 bits.
pub fn make_first_password() -> Result<String, SecretError> {
    // Ten syllables of 4 bits of consonant and 2.25 bits of vowel.
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 8] = b"aeiouaei";
    let random = random_bytes()?;
    let mut password = String::with_capacity(32);
    for (place, byte) in random.iter().take(10).enumerate() {
        if place > 0 && place % 2 == 0 {
            password.push('-');
        }
        password.push(char::from(CONSONANTS[usize::from(byte >> 4)]));
        password.push(char::from(VOWELS[usize::from(byte & 7)]));
    }
    Ok(password)
}

/// NFKC, so that the same characters typed on another keyboard are the same secret.
pub fn normalise(secret: &str) -> String {
    secret.nfkc().collect()
}

fn is_easy_pin(digits: &[u8]) -> bool {
    let steps = |by: i16| digits.windows(2).all(|pair| i16::from(pair[1]) - i16::from(pair[0]) == by);
    let repeats = |period: usize| digits.iter().zip(digits.iter().skip(period)).all(|(a, b)| a == b);
    steps(1) || steps(-1) || repeats(1) || repeats(2) || repeats(3)
}

fn weak(why: &str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemCode::WeakPassword, why)
        .hint("Choose another one.")
}

fn dummy(kind: SecretKind) -> Result<String, SecretError> {
    let (salt, output) = (random_bytes()?, random_bytes()?);
    let salt = Salt::new(&salt[..Salt::RECOMMENDED_LENGTH]).map_err(|_| SecretError::Hash)?;
    phc(&kind.params()?, salt, Output::new(&output).map_err(|_| SecretError::Hash)?)
}

fn phc(params: &Params, salt: Salt, output: Output) -> Result<String, SecretError> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|_| SecretError::Hash)?,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        Secrets::new([5; 32], 2).expect("secrets")
    }

    #[tokio::test]
    async fn a_secret_is_right_for_its_own_hash_only() {
        let secrets = secrets();
        for (kind, right, wrong) in [
            (SecretKind::Pin, "402817", "402818"),
            (SecretKind::Password, "맑은 하늘 아래 자전거", "맑은 하늘 아래 자전차"),
        ] {
            let stored = secrets.hash(kind, right).await.expect("hash");
            assert!(stored.starts_with("$argon2id$v=19$m="), "{stored}");
            assert!(!stored.contains(right));
            let check =
                async |secret| secrets.check(kind, secret, Some(stored.clone())).await.expect("checked");
            assert_eq!(check(right).await, Checked { is_right: true, rehashed: None });
            assert!(!check(wrong).await.is_right);
            assert!(!check("").await.is_right);
            assert!(!secrets.check(kind, right, None).await.expect("checked").is_right);
        }
    }

    #[tokio::test]
    async fn the_same_characters_are_the_same_secret() {
        let secrets = secrets();
        let stored = secrets.hash(SecretKind::Pin, "402817").await.expect("hash");
        assert!(
            secrets.check(SecretKind::Pin, "４０２８１７", Some(stored)).await.expect("checked").is_right
        );
        let stored = secrets.hash(SecretKind::Password, "가나다라 마바사").await.expect("hash");
        // The same syllables as single letters, as some systems send them.
        let apart: String = "가나다라 마바사".nfd().collect();
        assert!(secrets.check(SecretKind::Password, &apart, Some(stored)).await.expect("checked").is_right);
    }

    #[tokio::test]
    async fn a_pin_needs_its_hubs_pepper() {
        let stored = secrets().hash(SecretKind::Pin, "402817").await.expect("hash");
        let other = Secrets::new([6; 32], 1).expect("secrets");
        assert!(!other.check(SecretKind::Pin, "402817", Some(stored)).await.expect("checked").is_right);
    }

    #[tokio::test]
    async fn older_parameters_are_verified_and_replaced() {
        let secrets = secrets();
        let older = Params::new(8 * 1024, 1, 1, Some(32)).expect("params");
        let salt = Salt::new(&[9; 16]).expect("salt");
        let output = secrets
            .inner
            .compute(SecretKind::Password, "old password", Algorithm::Argon2id, Version::V0x13, &older, &salt)
            .expect("output");
        let stored = phc(&older, salt, output).expect("phc");
        let checked =
            secrets.check(SecretKind::Password, "old password", Some(stored.clone())).await.expect("checked");
        assert!(checked.is_right);
        let replaced = checked.rehashed.expect("replaced");
        assert!(replaced.contains("m=47104,t=1"), "{replaced}");
        assert!(
            secrets
                .check(SecretKind::Password, "old password", Some(replaced))
                .await
                .expect("checked")
                .is_right
        );
        assert_eq!(
            secrets.check(SecretKind::Password, "wrong", Some(stored)).await.expect("checked"),
            Checked { is_right: false, rehashed: None }
        );
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_and_not_a_sign_in() {
        let stored = Some("$argon2id$v=19$m=1,t=1".to_owned());
        assert_eq!(secrets().check(SecretKind::Pin, "402817", stored).await, Err(SecretError::Stored));
    }

    #[tokio::test]
    async fn a_burst_gives_its_memory_back() {
        let secrets = secrets();
        let checks = (0..8).map(|_| secrets.check(SecretKind::Pin, "402817", None));
        for checked in futures_util::future::join_all(checks).await {
            assert!(!checked.expect("checked").is_right);
        }
        assert!(secrets.inner.memory.lock().is_empty());
        assert_eq!(secrets.inner.under_way.load(SeqCst), 0);
    }

    #[test]
    fn pins_are_six_digits_that_are_not_easy() {
        for good in ["402817", "900125", "４０２８１７"] {
            assert!(check_pin(good).is_ok(), "{good}");
        }
        let bad = [
            "", "1", "40281", "4028170", "40281a", "000000", "777777", "123456", "654321", "012345",
            "121212", "123123", "-12345", "402 17",
        ];
        for bad in bad {
            assert_eq!(check_pin(bad).map_err(|err| err.code), Err(ProblemCode::WeakPassword), "{bad}");
        }
        assert!(check_pin(&"1".repeat(1 << 22)).is_err());
    }

    #[test]
    fn passwords_are_long_and_not_common() {
        for good in ["맑은 하늘 아래 자전거", "correct zebra 41 lamp", "bako-timu-lera-soni-dupa"] {
            assert!(check_password(good, "kim").is_ok(), "{good}");
        }
        let bad = [
            "",
            "short",
            "password1234",
            "Password-1234",
            "aaaaaaaaaaaa",
            "abababababab",
            "1q2w3e4r5t6y",
            "kim.minsu.teacher1",
            "kimminsuteacher",
        ];
        for bad in bad {
            let found = check_password(bad, "kim.minsu.teacher").map_err(|err| err.code);
            assert_eq!(found, Err(ProblemCode::WeakPassword), "{bad}");
        }
        assert!(check_password(&"길".repeat(300), "kim").is_err());
        assert!(check_password(&"x".repeat(1 << 22), "kim").is_err());
    }

    #[test]
    fn made_secrets_keep_the_rules() {
        let mut pins = std::collections::HashSet::new();
        for _ in 0..500 {
            let pin = make_pin().expect("pin");
            assert!(check_pin(&pin).is_ok(), "{pin}");
            pins.insert(pin);
            let password = make_first_password().expect("password");
            assert!(check_password(&password, "kim").is_ok(), "{password}");
        }
        assert!(pins.len() > 490);
    }
}
