//! The places for backups, in `backup/targets.toml` of the data folder: a file and not a table, since it holds secrets and
//! must be there when the database is not.
//!
//! The walk of a new one: [`add`] checks what was typed, tries the place with the school's password, and only then keeps it.
//! What lies at a place is never removed by [`remove`].

use std::{
    fs::{self, File},
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use dreamseed_sync::{self as sync, Limits, Repository, SyncError};
use dreamseed_wire::{
    Language,
    backup::{AddBackupTarget, BackupPlace, BackupTroubleCode},
    ids::HubId,
};
use serde::{Deserialize, Serialize};

use super::{
    files,
    password::{self, Password, PasswordError},
    trouble,
};

/// Characters of a target's name.
pub const NAME_MAX: usize = 30;
/// Targets of a school.
pub const TARGETS_MAX: usize = 10;
/// How long the other side may keep silent while somebody waits for a new target to be tried.
const PATIENCE: Duration = Duration::from_secs(5);
/// Characters of each part of a place.
const PART_MAX: usize = 300;
const FILE: &str = "targets.toml";
const LOCK: &str = "targets.lock";
/// Empty files with the names of targets that were added or removed.
const CHANGED: &str = "changed";

/// A place for backups, with what opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// `a-z 0-9 -`, up to [`NAME_MAX`].
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<String>,
    /// A key that may only read, for the recovery sheet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_secret: Option<String>,
    pub place: BackupPlace,
}

/// All places of a school, in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    #[serde(default, rename = "target")]
    pub list: Vec<Target>,
}

/// Why a target cannot be kept, or the file of targets not be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("'{field}' 칸이 맞지 않습니다. 고쳐서 다시 하세요.\n{field}: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error(
        "이 이름의 저장 위치가 이미 있습니다. 다른 이름을 주세요.\nA target of this name is there already. Give another name."
    )]
    Taken,
    #[error(
        "저장 위치가 이미 {TARGETS_MAX}개입니다. 쓰지 않는 것을 지우세요.\n\
         There are {TARGETS_MAX} targets already. Remove one that is not used any more."
    )]
    TooMany,
    /// It was tried, and this came of it.
    #[error("{}\n{}", say(*code, Language::Ko), say(*code, Language::En))]
    Trouble {
        code: BackupTroubleCode,
        /// For the log.
        cause: String,
    },
    #[error(
        "저장 위치 파일 {0}을(를) 쓸 수 없습니다. 폴더의 주인과 디스크를 확인하세요.\n\
         The file of targets, {0}, cannot be used. Check the owner of the folder and the disk.",
        file.display()
    )]
    Io {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "저장 위치 파일 {0}을(를) 읽을 수 없습니다. 그 줄을 고치거나, 파일을 치우고 저장 위치를 다시 추가하세요.\n\
         The file of targets, {0}, cannot be read. Mend the line, or move the file away and add the targets again.",
        file.display()
    )]
    Malformed {
        file: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl Targets {
    /// The targets of a data folder; none if there is no file.
    ///
    /// # Errors
    /// A file that cannot be read, or that somebody has broken.
    pub fn load(data: &Path) -> Result<Self, TargetError> {
        let file = file_of(data);
        match fs::read_to_string(&file) {
            Ok(text) => Self::read(&text).map_err(|source| TargetError::Malformed { file, source }),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Targets::default()),
            Err(source) => Err(TargetError::Io { file, source }),
        }
    }

    /// The targets in a text of the file.
    ///
    /// # Errors
    /// Another form.
    pub fn read(text: &str) -> Result<Self, Box<toml::de::Error>> {
        toml::from_str(text).map_err(|mut err| {
            // Its excerpt of the file could show a secret.
            err.set_input(None);
            Box::new(err)
        })
    }

    /// Writes the file, 0600, whole or not at all.
    ///
    /// # Errors
    /// A disk that cannot be written.
    pub fn save(&self, data: &Path) -> Result<(), TargetError> {
        let file = file_of(data);
        let io = |source| TargetError::Io { file: file.clone(), source };
        let text = toml::to_string_pretty(self).map_err(|err| io(io::Error::other(err)))?;
        files::write_secret(&file, text.as_bytes()).map_err(io)
    }

    /// The target of a name.
    pub fn get(&self, name: &str) -> Option<&Target> {
        self.list.iter().find(|target| target.name == name)
    }
}

impl Target {
    /// As the crate of repositories takes it.
    pub fn to_sync(&self) -> sync::Target {
        let place = match &self.place {
            BackupPlace::Folder { path } => sync::Place::Folder(path.into()),
            BackupPlace::S3 { endpoint, region, bucket, prefix } => sync::Place::S3(sync::S3Place {
                endpoint: endpoint.clone(),
                region: region.clone(),
                bucket: bucket.clone(),
                prefix: prefix.clone(),
                access_key_id: self.access_key_id.clone().unwrap_or_default(),
                secret_access_key: sync::Secret::new(self.secret_access_key.clone().unwrap_or_default()),
                allow_http: is_in_own_network(endpoint),
            }),
        };
        sync::Target { name: self.name.clone(), place }
    }

    /// Whether it is a folder of this machine or its network, which is read before a cloud.
    pub fn is_folder(&self) -> bool {
        matches!(self.place, BackupPlace::Folder { .. })
    }

    /// Opens the backups that are there.
    ///
    /// # Errors
    /// A place that cannot be reached, or another password.
    pub fn open(&self, password: &Password, cache: &Path) -> Result<Repository, SyncError> {
        let password = sync::Password::new(password.as_str());
        Repository::open(&self.to_sync(), &Limits::default(), &password, cache, None)
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are for nobody's log.
        f.debug_struct("Target").field("name", &self.name).field("place", &self.place).finish_non_exhaustive()
    }
}

/// Keeps a new target after it was tried. Makes the school's password with the first target. Blocks; for S3 up to a minute.
///
/// # Errors
/// What was typed wrong, or what is wrong with the place; nothing is kept then.
pub fn add(data: &Path, hub: HubId, wanted: AddBackupTarget) -> Result<Target, TargetError> {
    let target = check(data, wanted)?;
    try_out(data, &target, hub)?;
    keep(data, &target)?;
    Ok(target)
}

/// What was typed, as a target that may be tried.
///
/// # Errors
/// A field that cannot be, a name or place that is taken.
pub fn check(data: &Path, wanted: AddBackupTarget) -> Result<Target, TargetError> {
    let target = read_wanted(data, wanted)?;
    check_room(&Targets::load(data)?, &target)?;
    Ok(target)
}

/// Tries a target: it can be reached and written, and holds this hub's backups or none. Blocks.
///
/// # Errors
/// What is wrong with the place.
pub fn try_out(data: &Path, target: &Target, hub: HubId) -> Result<(), TargetError> {
    let failed = |err: SyncError| {
        if matches!(err, SyncError::NotEmptyNotOurs { .. }) {
            let why = "other files lie there; give an empty folder or another prefix";
            return TargetError::BadField { field: "place", why };
        }
        TargetError::Trouble { code: trouble::code_of(&err), cause: err.to_string() }
    };
    let password = password::make(data)?;
    let (place, limits) = (target.to_sync(), Limits { request_timeout: PATIENCE, ..Limits::default() });
    sync::try_target(&place, &limits).map_err(failed)?;
    let words = sync::Password::new(password.as_str());
    let found = Repository::open_or_init(&place, &limits, &words, &files::cache(data), None)
        .and_then(|repository| repository.snapshots())
        .map_err(failed)?;
    let own = hub.to_string();
    match found.iter().find(|snapshot| snapshot.host != own) {
        None => Ok(()),
        Some(other) => Err(TargetError::Trouble {
            code: BackupTroubleCode::OtherSchool,
            cause: format!("snapshots of {} lie there", other.host),
        }),
    }
}

/// Keeps a target that was tried.
///
/// # Errors
/// Another one of its name or place came first; a file that cannot be written.
pub fn keep(data: &Path, target: &Target) -> Result<(), TargetError> {
    let _lock = lock(data)?;
    let mut targets = Targets::load(data)?;
    check_room(&targets, target)?;
    mark_changed(data, &target.name)?;
    targets.list.push(target.clone());
    targets.save(data)
}

/// Forgets a target; what lies there stays. Whether there was one.
///
/// # Errors
/// A file that cannot be used.
pub fn remove(data: &Path, name: &str) -> Result<bool, TargetError> {
    let _lock = lock(data)?;
    let mut targets = Targets::load(data)?;
    let before = targets.list.len();
    targets.list.retain(|target| target.name != name);
    if targets.list.len() == before {
        return Ok(false);
    }
    mark_changed(data, name)?;
    targets.save(data)?;
    Ok(true)
}

/// The targets that were added or removed, by the hub or at the console, since [`forget_changed`]: what the database holds under
/// such a name is of another place.
pub fn changed(data: &Path) -> Vec<String> {
    let marks = fs::read_dir(files::folder(data).join(CHANGED)).into_iter().flatten().flatten();
    marks.filter_map(|mark| mark.file_name().into_string().ok()).filter(|name| !name.contains('.')).collect()
}

/// The database has forgotten these.
///
/// # Errors
/// A mark that cannot be removed.
pub fn forget_changed(data: &Path, names: &[String]) -> io::Result<()> {
    for name in names {
        match fs::remove_file(files::folder(data).join(CHANGED).join(name)) {
            Ok(()) => {}
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// The console cannot write the database beside a hub.
fn mark_changed(data: &Path, name: &str) -> Result<(), TargetError> {
    let file = files::folder(data).join(CHANGED).join(name);
    files::write_secret(&file, b"").map_err(|source| TargetError::Io { file, source })
}

/// Where the targets of a data folder are kept.
pub fn file_of(data: &Path) -> PathBuf {
    files::folder(data).join(FILE)
}

fn read_wanted(data: &Path, wanted: AddBackupTarget) -> Result<Target, TargetError> {
    let bad = |field, why| TargetError::BadField { field, why };
    let name = wanted.name.trim().to_owned();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(is_plain) || name.starts_with('-') {
        return Err(bad("name", "a-z, 0-9 and -, up to 30, such as usb or cloud-1"));
    }
    let place = match wanted.place {
        BackupPlace::Folder { path } => BackupPlace::Folder { path: read_folder(data, path.trim())? },
        BackupPlace::S3 { endpoint, region, bucket, prefix } => BackupPlace::S3 {
            endpoint: read_endpoint(endpoint.trim())?,
            region: read_part("region", &region)?,
            bucket: read_bucket(bucket.trim())?,
            prefix: read_prefix(prefix.trim().trim_matches('/'))?,
        },
    };
    let key = |field, text: Option<String>| {
        let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        match text {
            Some(text) => read_part(field, &text).map(Some),
            None => Ok(None),
        }
    };
    let target = Target {
        name,
        access_key_id: key("access_key_id", wanted.access_key_id)?,
        secret_access_key: key("secret_access_key", wanted.secret_access_key)?,
        read_key_id: key("read_key_id", wanted.read_key_id)?,
        read_secret: key("read_secret", wanted.read_secret)?,
        place,
    };
    if !target.is_folder() && target.access_key_id.is_none() {
        return Err(bad("access_key_id", "the storage provider gives one for the bucket"));
    }
    if !target.is_folder() && target.secret_access_key.is_none() {
        return Err(bad("secret_access_key", "the storage provider shows it once, when the key is made"));
    }
    if target.read_key_id.is_some() != target.read_secret.is_some() {
        return Err(bad("read_secret", "a key for reading has an id and a secret"));
    }
    Ok(target)
}

fn read_folder(data: &Path, path: &str) -> Result<String, TargetError> {
    let bad = |why| Err(TargetError::BadField { field: "place.path", why });
    if path.chars().count() > PART_MAX || path.chars().any(char::is_control) {
        return bad("at most 300 characters");
    }
    let folder = Path::new(path);
    if !folder.is_absolute() {
        return bad("the whole path, such as /mnt/usb/dreamseed");
    }
    let Ok(found) = folder.canonicalize() else {
        return bad("this folder is not there; mount the disk and make the folder first");
    };
    if !found.is_dir() {
        return bad("this is a file; give a folder");
    }
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    if found.starts_with(&data) || data.starts_with(&found) {
        return bad("this folder shares its place with the hub's data; give one on another disk");
    }
    Ok(path.to_owned())
}

fn read_endpoint(text: &str) -> Result<String, TargetError> {
    let bad = |why| Err(TargetError::BadField { field: "place.endpoint", why });
    let is_web = |uri: &http::Uri| matches!(uri.scheme_str(), Some("https" | "http"));
    let whole = text.trim_end_matches('/');
    match whole.parse::<http::Uri>() {
        Ok(uri) if is_web(&uri) && uri.query().is_none() && !whole.contains('@') => {}
        Ok(_) | Err(_) => return bad("an address such as https://s3.example.com"),
    }
    if whole.len() > PART_MAX {
        return bad("at most 300 characters");
    }
    if whole.starts_with("http:") && !is_in_own_network(whole) {
        return bad("https, but for a server in the school's own network");
    }
    Ok(whole.to_owned())
}

/// Whether the host is this machine's or a private network's: such a server has rarely a certificate.
fn is_in_own_network(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => {
            host == "localhost" || host.ends_with(".local") || (!host.is_empty() && !host.contains('.'))
        }
    }
}

fn read_bucket(text: &str) -> Result<String, TargetError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if (3..=63).contains(&text.len()) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(TargetError::BadField { field: "place.bucket", why: "3 to 63 of a-z, 0-9, - and ." })
}

fn read_prefix(text: &str) -> Result<String, TargetError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let has_dots = text.split('/').any(|part| matches!(part, "." | ".."));
    if text.len() <= PART_MAX && text.chars().all(is_plain) && !has_dots && !text.contains("//") {
        return Ok(text.to_owned());
    }
    Err(TargetError::BadField { field: "place.prefix", why: "letters, digits, -, _, . and / between" })
}

fn read_part(field: &'static str, text: &str) -> Result<String, TargetError> {
    let text = text.trim();
    if text.is_empty() || text.len() > PART_MAX || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(TargetError::BadField { field, why: "letters, digits and signs without spaces" });
    }
    Ok(text.to_owned())
}

fn check_room(targets: &Targets, new: &Target) -> Result<(), TargetError> {
    if targets.get(&new.name).is_some() {
        return Err(TargetError::Taken);
    }
    if targets.list.iter().any(|target| target.place == new.place) {
        return Err(TargetError::BadField { field: "place", why: "another target has this place" });
    }
    if targets.list.len() >= TARGETS_MAX { Err(TargetError::TooMany) } else { Ok(()) }
}

/// One change of the file at a time, also between the hub and its command line.
fn lock(data: &Path) -> Result<File, TargetError> {
    let file = files::folder(data).join(LOCK);
    files::lock(&file).map_err(|source| TargetError::Io { file, source })
}

fn say(code: BackupTroubleCode, language: Language) -> String {
    let (text, next) = trouble::describe(code, language);
    format!("{text} {next}")
}
