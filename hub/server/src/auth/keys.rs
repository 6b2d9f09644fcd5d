//! The hub's own secrets: one file each under `data/keys`, made on the first start and readable by the hub's user only.
//!
//! They are random and never in the database, so that a stolen copy of the database alone signs nobody in and lets
//! nobody guess PINs.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Longest text a key file may have; a longer one is not ours.
const FILE_MAX: u64 = 256;

const ACCESS_FILE: &str = "access_token.key";
const REFRESH_FILE: &str = "refresh_token.key";
const PEPPER_FILE: &str = "pepper.key";
const RECEIPT_FILE: &str = "receipt.key";
const DEVICE_FILE: &str = "device.key";

/// What can be wrong with the key files.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {} cannot be used; check that the hub's user owns it and its folder", file.display())]
    Io {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A half or foreign file is never replaced by itself: a new pepper would make every PIN useless.
    #[error(
        "열쇠 파일 {0}이(가) 손상되어(16진수 64자가 아님) 허브를 시작하지 않았어요. 백업에서 이 파일을 되돌린 뒤 다시 시작해 주세요.\n\
         The key file {0} is damaged (it does not hold 64 hexadecimal digits), so the hub has not started. Restore it from a \
         backup, then start again.",
        file.display()
    )]
    Malformed { file: PathBuf },
    /// The hub has accounts whose PINs only this pepper can check: a new one would refuse every pupil without a word.
    #[error(
        "PIN을 확인하는 열쇠 파일 {0}이(가) 없어요. 새로 만들면 모든 학생의 PIN이 맞지 않게 되어 허브를 시작하지 않았어요. \
         백업에서 {missing}을(를) 이 자리에 되돌린 뒤 다시 시작해 주세요.\n\
         The key file {0}, which checks the pupils' PINs, is missing. With a new one no PIN would be right, so the hub has not \
         started. Restore {missing} from the backup to this place, then start again.",
        file.display()
    )]
    PepperMissing {
        file: PathBuf,
        /// All keys that are not there: whoever brings one back brings them all.
        missing: String,
    },
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

/// The keys of a hub.
pub struct Keys {
    /// Signs access tokens.
    pub access_token: [u8; 32],
    /// Goes into the hash of each PIN: six digits alone could be guessed from a stolen database in minutes.
    pub pepper: [u8; 32],
    /// Derives a refresh token's successor.
    pub refresh_token: [u8; 32],
    /// What a collector sends to read `/metrics` from another machine.
    pub metrics_token: String,
}

impl Keys {
    /// Reads the keys of a data folder and makes those that are missing; `has_users` says whether the hub has accounts.
    ///
    /// # Errors
    /// A file that cannot be used; and [`KeyError::PepperMissing`] once there are accounts, before anything is made.
    pub fn open(data: &Path, has_users: bool) -> Result<Self, KeyError> {
        let folder = keys_folder(data);
        make_folder(&folder).map_err(|source| KeyError::Io { file: folder.clone(), source })?;
        let pepper_file = folder.join(PEPPER_FILE);
        let pepper = match find_key(&pepper_file)? {
            Some(pepper) => pepper,
            None if has_users => return Err(pepper_missing(data)),
            None => make_key(&pepper_file)?,
        };
        Ok(Keys {
            access_token: open_session_key(&folder.join(ACCESS_FILE), has_users)?,
            pepper,
            refresh_token: open_session_key(&folder.join(REFRESH_FILE), has_users)?,
            metrics_token: to_hex(&open_key(&metrics_token_file(data))?),
        })
    }
}

/// A key whose loss costs the sessions and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKey {
    Access,
    Refresh,
}

/// A key with which the hub proves its own word to itself, for as long as the hub lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofKey {
    /// Of receipts and high marks.
    Receipt,
    /// Of devices' certificates and deposits.
    Device,
}

/// Reads such a key, or makes it; true if it is new.
pub fn open_proof_key(data: &Path, key: ProofKey) -> Result<([u8; 32], bool), KeyError> {
    let folder = keys_folder(data);
    make_folder(&folder).map_err(|source| KeyError::Io { file: folder.clone(), source })?;
    let file = folder.join(match key {
        ProofKey::Receipt => RECEIPT_FILE,
        ProofKey::Device => DEVICE_FILE,
    });
    match find_key(&file)? {
        Some(key) => Ok((key, false)),
        None => Ok((make_key(&file)?, true)),
    }
}

/// Replaces a key that signs tokens; what the old one has signed is worth nothing from the next start on.
pub fn renew_session_key(data: &Path, key: SessionKey) -> Result<(), KeyError> {
    let name = match key {
        SessionKey::Access => ACCESS_FILE,
        SessionKey::Refresh => REFRESH_FILE,
    };
    make_key(&keys_folder(data).join(name)).map(drop)
}

/// Replaces the token of the metrics collector.
pub fn renew_metrics_token(data: &Path) -> Result<(), KeyError> {
    make_key(&metrics_token_file(data)).map(drop)
}

/// Replaces the pepper: no PIN and no password is right any more until it is set anew.
pub fn renew_pepper(data: &Path) -> Result<[u8; 32], KeyError> {
    make_key(&keys_folder(data).join(PEPPER_FILE))
}

/// Whether the pepper of a data folder can be used; makes and changes nothing.
///
/// # Errors
/// What [`Keys::open`] would say of it.
pub fn check_pepper(data: &Path, has_users: bool) -> Result<(), KeyError> {
    let file = keys_folder(data).join(PEPPER_FILE);
    match fs::read(&file) {
        Ok(bytes) => match std::str::from_utf8(&bytes).ok().and_then(|text| from_hex(text.trim())) {
            Some(_) => Ok(()),
            None => Err(KeyError::Malformed { file }),
        },
        Err(err) if err.kind() == io::ErrorKind::NotFound && has_users => Err(pepper_missing(data)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(KeyError::Io { file, source }),
    }
}

/// Whether a pepper lies in the folder, usable or not.
pub fn has_pepper(data: &Path) -> bool {
    keys_folder(data).join(PEPPER_FILE).exists()
}

/// The first key file beside the pepper that is there and cannot be used; the hub would not start with it.
pub fn find_damaged(data: &Path) -> Option<KeyError> {
    let folder = keys_folder(data);
    let names = [ACCESS_FILE, REFRESH_FILE, RECEIPT_FILE, DEVICE_FILE];
    let files = names.map(|name| folder.join(name)).into_iter().chain([metrics_token_file(data)]);
    files.filter_map(|file| find_key(&file).err()).next()
}

/// Where the keys of a data folder are.
pub fn keys_folder(data: &Path) -> PathBuf {
    data.join("keys")
}

/// The file a metrics collector reads its bearer token from.
pub fn metrics_token_file(data: &Path) -> PathBuf {
    keys_folder(data).join("metrics.token")
}

/// 32 bytes from the system's random numbers.
pub fn random_bytes() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// 32 bytes from 64 lower-case hexadecimal digits, and from nothing else.
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// A key that signs tokens: a new one costs the sessions and nothing else.
fn open_session_key(file: &Path, has_users: bool) -> Result<[u8; 32], KeyError> {
    if let Some(key) = find_key(file)? {
        return Ok(key);
    }
    if has_users {
        tracing::warn!(file = %file.display(), "a key file was missing and is made anew: everyone has to sign in again");
    }
    make_key(file)
}

fn open_key(file: &Path) -> Result<[u8; 32], KeyError> {
    find_key(file)?.map_or_else(|| make_key(file), Ok)
}

/// The key of a file; none if there is no such file.
fn find_key(file: &Path) -> Result<Option<[u8; 32]>, KeyError> {
    match read_key(file) {
        Ok(text) => {
            from_hex(text.trim()).map(Some).ok_or_else(|| KeyError::Malformed { file: file.to_owned() })
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyError::Io { file: file.to_owned(), source }),
    }
}

fn pepper_missing(data: &Path) -> KeyError {
    let folder = keys_folder(data);
    let names = [PEPPER_FILE, RECEIPT_FILE, DEVICE_FILE, ACCESS_FILE, REFRESH_FILE];
    let missing = names.iter().filter(|name| !folder.join(name).exists());
    let missing = missing.map(|name| format!("keys/{name}")).collect::<Vec<_>>().join(", ");
    KeyError::PepperMissing { file: folder.join(PEPPER_FILE), missing }
}

fn make_key(file: &Path) -> Result<[u8; 32], KeyError> {
    let key = random_bytes()?;
    write_key(file, &key).map_err(|source| KeyError::Io { file: file.to_owned(), source })?;
    tracing::info!(file = %file.display(), "made a new key file; it belongs in the backup");
    Ok(key)
}

fn read_key(file: &Path) -> io::Result<String> {
    let key = File::open(file)?;
    tighten(file, &key, 0o600)?;
    let mut text = String::new();
    match key.take(FILE_MAX).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        // Not text: said as malformed.
        Err(err) if err.kind() == io::ErrorKind::InvalidData => Ok(String::new()),
        Err(err) => Err(err),
    }
}

/// Whole or not at all: written aside, made durable, then renamed.
fn write_key(file: &Path, key: &[u8; 32]) -> io::Result<()> {
    let aside = file.with_extension("new");
    match fs::remove_file(&aside) {
        // Left by a start that was cut off.
        Ok(()) => {}
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(&aside)?;
    writeln!(new, "{}", to_hex(key))?;
    new.sync_all()?;
    fs::rename(&aside, file)?;
    match file.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    #[cfg(unix)]
    tighten(folder, &File::open(folder)?, 0o700)?;
    Ok(())
}

/// Takes rights from everyone but the owner, and says so: somebody may have read the key before.
#[cfg(unix)]
fn tighten(path: &Path, opened: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let found = opened.metadata()?.permissions().mode() & 0o777;
    if found & 0o077 != 0 {
        opened.set_permissions(fs::Permissions::from_mode(mode))?;
        tracing::warn!(
            path = %path.display(),
            found = %format_args!("{found:o}"),
            now = %format_args!("{mode:o}"),
            "others could read the hub's keys; this has been taken away"
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn tighten(_: &Path, _: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_read_again() {
        let data = tempfile::tempdir().expect("folder");
        let first = Keys::open(data.path(), false).expect("made");
        let second = Keys::open(data.path(), false).expect("read");
        assert_eq!(first.access_token, second.access_token);
        assert_eq!(first.pepper, second.pepper);
        assert_eq!(first.refresh_token, second.refresh_token);
        assert_eq!(first.metrics_token, second.metrics_token);
        assert_ne!(first.access_token, first.pepper);
        let token = fs::read_to_string(metrics_token_file(data.path())).expect("file");
        assert_eq!(token.trim(), first.metrics_token);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_hubs_user_may_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().expect("folder");
        let keys = Keys::open(data.path(), false).expect("made");
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode(&keys_folder(data.path())), 0o700);
        let pepper = keys_folder(data.path()).join("pepper.key");
        for entry in fs::read_dir(keys_folder(data.path())).expect("folder") {
            assert_eq!(mode(&entry.expect("entry").path()), 0o600);
        }
        fs::set_permissions(&pepper, fs::Permissions::from_mode(0o644)).expect("loosened");
        assert_eq!(Keys::open(data.path(), false).expect("read").pepper, keys.pepper);
        assert_eq!(mode(&pepper), 0o600);
    }

    #[test]
    fn a_damaged_key_is_refused_and_left_alone() {
        let data = tempfile::tempdir().expect("folder");
        drop(Keys::open(data.path(), false).expect("made"));
        let file = keys_folder(data.path()).join("access_token.key");
        for damaged in ["", "abc", &"g".repeat(64), &"ab".repeat(33)] {
            fs::write(&file, damaged).expect("written");
            assert!(matches!(Keys::open(data.path(), false), Err(KeyError::Malformed { .. })), "{damaged}");
            assert_eq!(fs::read_to_string(&file).expect("read"), damaged);
        }
        fs::write(&file, [0xff; 64]).expect("written");
        assert!(matches!(Keys::open(data.path(), false), Err(KeyError::Malformed { .. })));
    }
    #[test]
    fn a_lost_pepper_is_not_made_anew_once_there_are_accounts() {
        let data = tempfile::tempdir().expect("folder");
        let folder = keys_folder(data.path());
        let first = Keys::open(data.path(), false).expect("made");
        for lost in ["access_token.key", "refresh_token.key"] {
            fs::remove_file(folder.join(lost)).expect("removed");
        }
        let second = Keys::open(data.path(), true).expect("only the sessions end");
        assert_eq!(first.pepper, second.pepper);
        assert_ne!(first.access_token, second.access_token);
        assert_ne!(first.refresh_token, second.refresh_token);

        for lost in ["pepper.key", "access_token.key"] {
            fs::remove_file(folder.join(lost)).expect("removed");
        }
        let refused = Keys::open(data.path(), true).err().expect("refused");
        assert!(matches!(refused, KeyError::PepperMissing { .. }), "{refused}");
        let said = refused.to_string();
        assert!(
            said.contains("백업에서 keys/pepper.key") && said.contains("Restore keys/pepper.key"),
            "{said}"
        );
        assert!(!folder.join("pepper.key").exists() && !folder.join("access_token.key").exists());
    }
}
