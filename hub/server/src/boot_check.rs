//! Looks at the database before it is served, and puts a verified copy in the place of one that is damaged.
//!
//! The walk: a restore that was cut off is brought to its end; SQLite's own check looks at the structure of the file, and the
//! last answers are compared with their hashes. Whole: the hub opens it, and there the high mark tells whether anything that
//! was acknowledged is missing. Damaged: the files go into a folder `damaged-…` as evidence, the newest verified backup comes
//! in their place, folders before clouds, and the record goes on in a new epoch. Without any copy nothing is changed and the
//! hub says what to do, except where the structure is whole and single answers do not fit: those it serves and reports, since
//! a lesson is worth more than one bit.
//!
//! SQLite's check of a gigabyte takes about three seconds when the file is in the memory and as long as the disk needs to read
//! it when it is not. What is not done within [`BUDGET`] goes on beside the lesson on a connection that only reads; damage that
//! is found then ends the hub with a note in the folder, and the next start looks to the end and repairs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dreamseed_wire::backup::EpochReason;
use jiff::Timestamp;

use crate::{
    auth::keys,
    backup::restore::{self, RestoreError},
    high_mark,
    hub::Ctx,
    store::{
        self, StoreError,
        inspection::{self, Structure},
    },
};

/// How long a start waits for SQLite's check: well below what a service manager waits for a start.
pub const BUDGET: Duration = Duration::from_secs(20);
/// Left by a hub that has found damage while it served.
const NOTE: &str = "damage-found";
/// What makes up the database.
const FILES: [&str; 4] = ["hub.db", "hub.db-wal", "hub.db-shm", "hub.db-journal"];
/// What a service manager is asked for while a backup is fetched: a gigabyte from a slow line.
const RESTORE_TIME: u32 = 3_600_000_000;

/// What is wrong with a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// There is none, where one was.
    Missing,
    /// The beginning of the file is not a database's.
    NoDatabase,
    /// As SQLite says it.
    Structure(String),
    /// Answers that do not fit their hashes, by their numbers.
    Answers(Vec<i64>),
}

impl Damage {
    /// The file can be served all the same.
    fn is_bearable(&self) -> bool {
        matches!(self, Damage::Answers(_))
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Damage::Missing => f.write_str("hub.db is missing"),
            Damage::NoDatabase => f.write_str("hub.db does not begin as a database does"),
            Damage::Structure(said) => write!(f, "SQLite: {said}"),
            Damage::Answers(numbers) => write!(
                f,
                "{} answers do not fit their hashes, the first is {}",
                numbers.len(),
                numbers.first().copied().unwrap_or_default()
            ),
        }
    }
}

/// What was found and done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// There is nothing to check yet.
    Fresh,
    Whole,
    /// As far as it was looked at within the budget; [`check_beside`] has to go on.
    SoFar,
    /// Single answers are damaged and there is no copy.
    Bearable(Damage),
    /// A verified copy is in its place.
    Replaced(Damage),
}

/// Why the hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error(
        "데이터베이스가 손상되었는데({damage}), 되살릴 수 있는 백업을 찾지 못했습니다. 아무것도 바꾸지 않았습니다. \
         백업이 있는 USB나 NAS를 연결하고 다시 시작하거나, 복구 안내문으로 되살리세요: docs/recovery.md\n\
         The database is damaged ({damage}) and no backup was found that could be restored. Nothing was changed. \
         Connect the stick or NAS with the backups and start again, or restore with the recovery sheet: docs/recovery.md"
    )]
    NoCopy {
        damage: Damage,
        #[source]
        source: Option<Box<RestoreError>>,
    },
    #[error(
        "중간에 끊긴 되살리기를 끝내지 못했습니다. 디스크를 확인하고 다시 시작하세요: docs/recovery.md\n\
         A restore that was cut off could not be brought to its end. Check the disk, then start again: docs/recovery.md"
    )]
    CutOff(#[source] Box<RestoreError>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "데이터 폴더에 쓸 수 없어 손상된 데이터베이스를 옮기지 못했습니다. 디스크를 확인하세요: docs/recovery.md\n\
         The data folder cannot be written, so the damaged database could not be put aside. Check the disk: docs/recovery.md"
    )]
    Io(#[from] io::Error),
}

/// Brings the data folder into a state that can be served. Blocks.
///
/// # Errors
/// Another hub works there; a database that is damaged, with no copy of it anywhere; a disk that cannot be written.
pub fn make_ready(data: &Path, budget: Duration, now: Timestamp) -> Result<Ready, BootError> {
    restore::finish_cut_off(data).map_err(|err| BootError::CutOff(Box::new(err)))?;
    let path = store::database_path(data);
    let _lock = store::lock_folder(&path)?;
    let is_noted = data.join(NOTE).exists();
    let looked = look(&path, is_known(data), Some(budget).filter(|_| !is_noted))?;
    let ready = match looked {
        Looked::Fresh => Ready::Fresh,
        Looked::Whole => Ready::Whole,
        Looked::SoFar => Ready::SoFar,
        Looked::Damaged(damage) => replace(data, damage, now)?,
    };
    if is_noted {
        fs::remove_file(data.join(NOTE))?;
    }
    Ok(ready)
}

/// Whether a school's data folder has lost its database: the hub does not begin an empty school over it.
pub fn has_lost_database(data: &Path) -> bool {
    is_known(data) && !store::database_path(data).exists()
}

/// Whether a hub has worked here: the pepper is made after the database, so one without the other is a loss.
fn is_known(data: &Path) -> bool {
    high_mark::find_own(data).is_some() || keys::has_pepper(data)
}

/// Goes on checking beside the lesson what a start has not done within its budget. Returns if the database is damaged: then
/// the hub must end, and its next start repairs.
pub async fn check_beside(ctx: Arc<Ctx>) {
    let data = ctx.config.data.clone();
    let checked = tokio::task::spawn_blocking(move || {
        let mut conn = inspection::open_for_reading(&store::database_path(&data))?;
        let structure = inspection::check_structure(&mut conn, None)?;
        if let Structure::Damaged(said) = &structure {
            tracing::error!(
                said,
                "the database is damaged; the hub ends, and its next start puts a verified copy in its place"
            );
            fs::write(data.join(NOTE), said)?;
        }
        Ok::<_, StoreError>(structure)
    });
    match checked.await {
        Ok(Ok(Structure::Damaged(_))) => return,
        Ok(Ok(Structure::Whole | Structure::Unfinished)) => {
            tracing::info!("the rest of the database has been checked and is whole");
        }
        Ok(Err(err)) if err.is_fatal() => {
            tracing::error!(error = %err, "the database cannot be read to its end; the hub ends, and its next start looks again");
            return;
        }
        Ok(Err(err)) => tracing::warn!(error = %err, "the rest of the database could not be checked"),
        Err(err) => tracing::warn!(error = %err, "the rest of the database could not be checked"),
    }
    ctx.stopping.cancelled().await;
}

#[derive(Debug, PartialEq, Eq)]
enum Looked {
    Fresh,
    Whole,
    SoFar,
    Damaged(Damage),
}

/// Looks at a database, changing nothing. What else keeps it from being opened is for whoever opens it to say.
fn look(path: &Path, is_known: bool, budget: Option<Duration>) -> Result<Looked, StoreError> {
    if !path.exists() {
        return Ok(if is_known { Looked::Damaged(Damage::Missing) } else { Looked::Fresh });
    }
    match look_into(path, is_known, budget) {
        Err(StoreError::Damaged(err)) => Ok(Looked::Damaged(Damage::Structure(err.to_string()))),
        Err(StoreError::DiskFails(err)) => Ok(Looked::Damaged(Damage::Structure(err.to_string()))),
        // A hub has worked here: what lies in its database's place is what is left of it.
        Err(StoreError::Foreign) if is_known => Ok(Looked::Damaged(Damage::NoDatabase)),
        Err(StoreError::Foreign | StoreError::ReadOnly(_)) => Ok(Looked::Whole),
        looked => looked,
    }
}

fn look_into(path: &Path, is_known: bool, budget: Option<Duration>) -> Result<Looked, StoreError> {
    if fs::metadata(path)?.len() == 0 && inspection::is_empty(path)? {
        return Ok(if is_known { Looked::Damaged(Damage::Missing) } else { Looked::Fresh });
    }
    let mut conn = inspection::open_for_reading(path)?;
    if !inspection::is_of_known_schema(&conn)? {
        // A newer hub's, which the opening refuses.
        return Ok(Looked::Whole);
    }
    let is_done = match inspection::check_structure(&mut conn, budget)? {
        Structure::Damaged(said) => return Ok(Looked::Damaged(Damage::Structure(said))),
        Structure::Whole => true,
        Structure::Unfinished => false,
    };
    let bad = inspection::find_bad_answers(&conn)?;
    Ok(match (bad.is_empty(), is_done) {
        (false, _) => Looked::Damaged(Damage::Answers(bad)),
        (true, true) => Looked::Whole,
        (true, false) => Looked::SoFar,
    })
}

/// Puts a verified copy in the place of a damaged database.
fn replace(data: &Path, damage: Damage, now: Timestamp) -> Result<Ready, BootError> {
    tracing::error!(%damage, "the database is damaged; the newest verified backup is looked for");
    if let Err(err) = sd_notify::notify(&[sd_notify::NotifyState::ExtendTimeoutUsec(RESTORE_TIME)]) {
        tracing::warn!(error = %err, "systemd could not be told that this start takes long");
    }
    let evidence = put_aside(data, now)?;
    let restored = restore::restore_newest_verified(data, EpochReason::Damage, now);
    let source = match restored {
        Ok(Some(restored)) => {
            tracing::warn!(
                from = restored.from,
                snapshot = restored.snapshot,
                taken_at = %restored.taken_at,
                answers = restored.answers,
                evidence = %evidence.display(),
                "the database was damaged and has been replaced by a verified backup"
            );
            return Ok(Ready::Replaced(damage));
        }
        Ok(None) => None,
        Err(err) => Some(Box::new(err)),
    };
    put_back(data, &evidence)?;
    if damage.is_bearable() {
        tracing::error!(%damage, "there is no backup that could be restored; the hub serves what it has");
        return Ok(Ready::Bearable(damage));
    }
    Err(BootError::NoCopy { damage, source })
}

/// Moves the files of the database into a folder of their own, which says when.
fn put_aside(data: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let name = format!("damaged-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let folder = (1..)
        .map(|number| data.join(if number == 1 { name.clone() } else { format!("{name}-{number}") }))
        .find(|folder| !folder.exists())
        .unwrap_or_else(|| data.join(&name));
    fs::create_dir(&folder)?;
    for file in FILES {
        rename_if_there(&data.join(file), &folder.join(file))?;
    }
    sync_folder(data)?;
    Ok(folder)
}

fn put_back(data: &Path, evidence: &Path) -> io::Result<()> {
    for file in FILES {
        rename_if_there(&evidence.join(file), &data.join(file))?;
    }
    fs::remove_dir(evidence)?;
    sync_folder(data)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, hub_meta::FirstStart};

    fn now() -> Timestamp {
        "2026-11-23T00:00:00Z".parse().expect("a time")
    }

    /// A data folder whose database is whole and closed.
    async fn school() -> tempfile::TempDir {
        let data = tempfile::tempdir().expect("a folder");
        let first = FirstStart { now: now(), time_zone: "Asia/Seoul".into() };
        let store = Store::open(&store::database_path(data.path()), &first, |_| {}).expect("made");
        store.close().await;
        data
    }

    fn looked(data: &Path, is_known: bool) -> Looked {
        look(&store::database_path(data), is_known, Some(BUDGET)).expect("looked at")
    }

    #[tokio::test]
    async fn what_is_whole_is_let_through() {
        let data = school().await;
        assert_eq!(looked(data.path(), true), Looked::Whole);
        assert_eq!(make_ready(data.path(), BUDGET, now()).expect("ready"), Ready::Whole);
        let empty = tempfile::tempdir().expect("a folder");
        assert_eq!(make_ready(empty.path(), BUDGET, now()).expect("ready"), Ready::Fresh);
        fs::write(empty.path().join("hub.db"), "").expect("written");
        assert_eq!(make_ready(empty.path(), BUDGET, now()).expect("ready"), Ready::Fresh);
    }

    #[tokio::test]
    async fn a_check_that_takes_too_long_is_left_for_later() {
        let data = school().await;
        let path = store::database_path(data.path());
        assert_eq!(look(&path, true, Some(Duration::ZERO)).expect("looked at"), Looked::SoFar);
    }

    #[tokio::test]
    async fn damage_is_found() {
        let data = school().await;
        let path = store::database_path(data.path());
        let whole = fs::read(&path).expect("read");
        let is_damaged = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            matches!(looked(data.path(), true), Looked::Damaged(_))
        };
        assert!(!is_damaged(&whole));
        assert!(is_damaged(&whole[..whole.len() / 2]), "cut off");
        assert!(is_damaged(&[]), "emptied");
        for at in [0, 16, 68, 100] {
            let mut header = whole.clone();
            header[at..at + 4].fill(0xa5);
            assert!(is_damaged(&header), "{at}");
        }
        for page in 1..whole.len() / 4096 {
            let mut garbage = whole.clone();
            garbage[page * 4096..(page + 1) * 4096].fill(0x5a);
            // Pages that are in no use hold nothing.
            let is_found = is_damaged(&garbage);
            assert!(is_found || page == 1, "page {}", page + 1);
        }
        fs::remove_file(&path).expect("removed");
        assert_eq!(looked(data.path(), true), Looked::Damaged(Damage::Missing));
        assert_eq!(looked(data.path(), false), Looked::Fresh, "never started here");
    }

    #[tokio::test]
    async fn without_a_copy_nothing_is_changed_and_the_words_say_what_to_do() {
        let data = school().await;
        let path = store::database_path(data.path());
        let mut damaged = fs::read(&path).expect("read");
        let middle = damaged.len() / 4096 / 2 * 4096;
        damaged[middle..middle + 8192].fill(0x5a);
        fs::write(&path, &damaged).expect("written");
        let refused = make_ready(data.path(), BUDGET, now()).expect_err("refused");
        let said = refused.to_string();
        assert!(
            said.contains("손상") && said.contains("damaged") && said.contains("docs/recovery.md"),
            "{said}"
        );
        assert_eq!(fs::read(&path).expect("there"), damaged);
        let names: Vec<_> =
            fs::read_dir(data.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().starts_with("damaged-")), "{names:?}");
    }

    #[test]
    fn evidence_never_replaces_earlier_evidence() {
        let data = tempfile::tempdir().expect("a folder");
        for content in ["one", "two"] {
            fs::write(data.path().join("hub.db"), content).expect("written");
            let folder = put_aside(data.path(), now()).expect("put aside");
            assert_eq!(fs::read_to_string(folder.join("hub.db")).expect("kept"), content);
        }
        fs::write(data.path().join("hub.db"), "three").expect("written");
        let folder = put_aside(data.path(), now()).expect("put aside");
        put_back(data.path(), &folder).expect("put back");
        assert_eq!(fs::read_to_string(data.path().join("hub.db")).expect("there"), "three");
    }
}
