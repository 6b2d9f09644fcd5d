//! Looks at the database before it is served, and puts a verified copy in the place of one that is damaged.
//!
//! The walk: a restore that was cut off is brought to its end; SQLite's own check looks at the structure of the file, and the
//! last answers are compared with their hashes. Whole: the hub opens it, and there the high mark tells whether anything that
//! was acknowledged is missing. The structure damaged, or the file gone: it is looked at once more after a moment, since a
//! cable may have slipped; then the newest backup of all targets is fetched and verified, and only when it lies here whole the
//! files are exchanged by a durable list of moves ([`restore::placing`]), the damaged ones into a folder `damaged-…` as
//! evidence. The record goes on in a new epoch. Without any copy nothing is changed and the hub says what to do.
//!
//! Where the structure is whole and single answers do not fit their hashes, or single rows of the school cannot be read, the hub
//! serves what is there and says so: an older copy would give up everything that came after it for one bit. Beside the lesson
//! just these values are then brought back from the newest backup ([`crate::backup::schedule::BackupDesk::mend`]).
//!
//! A database is not replaced again and again: where a copy did not lead to a hub that stays up, a person must look.
//!
//! A disk that is full, may not be written, or fails for another reason than reading is told as that, not as damage.
//!
//! SQLite's check of a gigabyte takes about three seconds when the file is in the memory and as long as the disk needs to read
//! it when it is not. What is not done within [`BUDGET`] goes on beside the lesson on a connection that only reads; damage that
//! is found then ends the hub with a note in the folder, and the next start looks to the end and repairs.

use std::{fs, io, path::Path, sync::Arc, thread, time::Duration};

use dreamseed_wire::{Language, backup::EpochReason};
use jiff::{SignedDuration, Timestamp};

use crate::{
    auth::keys,
    backup::{
        instance, password,
        restore::{self, RestoreError, placing},
    },
    doctor::disk_space,
    high_mark,
    hub::Ctx,
    ledgers,
    store::{
        self, StoreError,
        inspection::{self, Structure},
        school,
    },
};

/// How long a start waits for SQLite's check: well below what a service manager waits for a start.
pub const BUDGET: Duration = Duration::from_secs(20);
/// Left by a hub that has found damage while it served.
const NOTE: &str = "damage-found";
/// After which a database that seems damaged is looked at once more: a disk that was reset answers again by then.
const PAUSE: Duration = Duration::from_secs(2);
/// Below this a disk counts as full: SQLite cannot make the index of its log.
const NO_ROOM: u64 = 1_000_000;
/// So many replacements within so long, and a person must look.
const REPLACED_MOST: usize = 3;
const OF_LATE: SignedDuration = SignedDuration::from_hours(1);
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
    /// Rows of the school that cannot be read as they were written, each kind with how many.
    Rows(Vec<(&'static str, u32)>),
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
            Damage::Rows(kinds) => {
                let told = kinds.iter().map(|(what, count)| format!("{what}: {count}"));
                write!(f, "rows that cannot be read: {}", told.collect::<Vec<_>>().join(", "))
            }
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
    /// Single answers are damaged; what is there is served.
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
        "데이터베이스가 한 시간 안에 세 번 백업으로 바뀌었는데 다시 손상되었습니다({damage}). 더는 바꾸지 않습니다. 디스크가 고장 나고 \
         있을 수 있으니 다른 디스크에 복구 안내문으로 되살리세요: docs/recovery.md\n\
         The database was replaced by a backup three times within the hour and is damaged again ({damage}). It is not replaced once \
         more. The disk may be failing: restore to another one with the recovery sheet: docs/recovery.md"
    )]
    InVain { damage: Damage },
    #[error(
        "중간에 끊긴 되살리기를 끝내지 못했습니다. 디스크를 확인하고 다시 시작하세요: docs/recovery.md\n\
         A restore that was cut off could not be brought to its end. Check the disk, then start again: docs/recovery.md"
    )]
    CutOff(#[source] Box<RestoreError>),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There may be a copy, but this disk does not take it.
    #[error(
        "데이터베이스가 손상되었는데({damage}), 백업을 이 디스크에 되살리지 못했습니다. 손상된 파일은 그대로 두었습니다. {}\n\
         The database is damaged ({damage}), and a backup could not be restored onto this disk. The damaged files were left as they are. {}",
        source.describe(Language::Ko), source.describe(Language::En)
    )]
    NotPlaced {
        damage: Damage,
        #[source]
        source: Box<RestoreError>,
    },
    #[error(
        "데이터 폴더에 쓸 수 없습니다. 폴더의 권한과 디스크를 확인하세요: docs/recovery.md\n\
         The data folder cannot be written. Check its permissions and the disk: docs/recovery.md"
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
    let budget = Some(budget).filter(|_| !is_noted);
    let looked = look_again(PAUSE, &mut |is_second| {
        look(&path, is_known(data), budget.filter(|_| !is_second)).map_err(|err| tell_cause(err, data))
    })?;
    let ready = match looked {
        Looked::Fresh => Ready::Fresh,
        Looked::Whole => Ready::Whole,
        Looked::SoFar => Ready::SoFar,
        Looked::Damaged(damage @ (Damage::Answers(_) | Damage::Rows(_))) => {
            tracing::error!(%damage, "single rows are damaged; the hub serves what is there");
            Ready::Bearable(damage)
        }
        Looked::Damaged(damage) if is_replaced_in_vain(data, now)? => {
            return Err(BootError::InVain { damage });
        }
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

/// Whether a hub has worked here: all of these are made after the database, so one of them without it is a loss. What is left of
/// a folder may be the password of the backups alone, and an empty school begun there would be backed up over the lost one's.
fn is_known(data: &Path) -> bool {
    high_mark::find_own(data).is_some()
        || keys::has_pepper(data)
        || instance::read(data).is_some()
        || password::file_of(data).exists()
        || ledgers::has_any(data)
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

/// Looks, and once more after `pause` if the disk failed or the structure seems damaged: what passes is no damage. The second
/// look is told that it is one.
fn look_again(
    pause: Duration,
    look: &mut dyn FnMut(bool) -> Result<Looked, StoreError>,
) -> Result<Looked, StoreError> {
    match look(false) {
        Ok(Looked::Damaged(Damage::Structure(said))) => {
            tracing::warn!(said, "the database seems damaged; it is looked at once more");
        }
        Ok(Looked::Damaged(Damage::NoDatabase)) => {
            tracing::warn!("the database cannot be known as one; it is looked at once more");
        }
        Err(StoreError::DiskFails(err)) => {
            tracing::warn!(error = %err, "the disk failed; the database is looked at once more");
        }
        looked => return looked,
    }
    thread::sleep(pause);
    look(true)
}

/// Looks at a database, changing nothing. What else keeps it from being opened is for whoever opens it to say.
fn look(path: &Path, is_known: bool, budget: Option<Duration>) -> Result<Looked, StoreError> {
    if !path.exists() {
        return Ok(if is_known { Looked::Damaged(Damage::Missing) } else { Looked::Fresh });
    }
    judge(look_into(path, is_known, budget), is_known)
}

/// What an error while looking says of the file.
fn judge(looked: Result<Looked, StoreError>, is_known: bool) -> Result<Looked, StoreError> {
    match looked {
        Err(StoreError::Damaged(err)) => Ok(Looked::Damaged(Damage::Structure(err.to_string()))),
        Err(StoreError::DiskFails(err)) if inspection::is_unreadable(&err) => {
            Ok(Looked::Damaged(Damage::Structure(err.to_string())))
        }
        // A hub has worked here: what lies in its database's place is what is left of it.
        Err(StoreError::Foreign) if is_known => Ok(Looked::Damaged(Damage::NoDatabase)),
        Err(StoreError::Foreign | StoreError::ReadOnly(_)) => Ok(Looked::Whole),
        looked => looked,
    }
}

/// SQLite calls a full disk a failing one where it cannot make the index of its log.
fn tell_cause(err: StoreError, data: &Path) -> StoreError {
    let is_full = || disk_space(data).is_some_and(|space| space.free_bytes < NO_ROOM);
    if matches!(err, StoreError::DiskFails(_)) && is_full() { StoreError::DiskFull } else { err }
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
    if !bad.is_empty() {
        return Ok(Looked::Damaged(Damage::Answers(bad)));
    }
    let rows = school::find_unreadable(&conn)?;
    if !rows.is_empty() {
        return Ok(Looked::Damaged(Damage::Rows(rows)));
    }
    Ok(if is_done { Looked::Whole } else { Looked::SoFar })
}

/// Whether damaged databases were replaced so often of late that once more would only fill the disk.
fn is_replaced_in_vain(data: &Path, now: Timestamp) -> io::Result<bool> {
    let since = now.saturating_sub(OF_LATE).map_err(io::Error::other)?;
    let since = format!("{}{}", placing::EVIDENCE, since.strftime(placing::STAMP));
    let is_of_late = |name: &str| name.starts_with(placing::EVIDENCE) && *name >= *since;
    let names = fs::read_dir(data)?.flatten().map(|entry| entry.file_name());
    Ok(names.filter(|name| name.to_str().is_some_and(is_of_late)).count() >= REPLACED_MOST)
}

/// Puts a verified copy in the place of a database whose structure is damaged, or which is gone. Nothing is moved before the copy
/// lies here whole.
fn replace(data: &Path, damage: Damage, now: Timestamp) -> Result<Ready, BootError> {
    tracing::error!(%damage, "the database is damaged; the newest verified backup is looked for");
    if let Err(err) = sd_notify::notify(&[sd_notify::NotifyState::ExtendTimeoutUsec(RESTORE_TIME)]) {
        tracing::warn!(error = %err, "systemd could not be told that this start takes long");
    }
    match restore::restore_newest_verified(data, EpochReason::Damage, now) {
        Ok(Some(restored)) => {
            tracing::warn!(
                from = restored.from,
                snapshot = restored.snapshot,
                taken_at = %restored.taken_at,
                answers = restored.answers,
                evidence = restored.aside,
                "the database was damaged and has been replaced by a verified backup"
            );
            Ok(Ready::Replaced(damage))
        }
        Ok(None) => Err(BootError::NoCopy { damage, source: None }),
        // The exchange is decided: the next start goes on with it.
        Err(err) if placing::is_cut_off(data) => Err(BootError::CutOff(Box::new(err))),
        Err(err @ (RestoreError::Io { .. } | RestoreError::NoRoom { .. })) => {
            Err(BootError::NotPlaced { damage, source: Box::new(err) })
        }
        Err(err) => Err(BootError::NoCopy { damage, source: Some(Box::new(err)) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, hub_meta::FirstStart};

    // Extended codes of SQLite: https://www.sqlite.org/rescode.html
    const CORRUPT: i32 = 11;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    const IOERR_READ: i32 = 266;
    const IOERR_SHORT_READ: i32 = 522;
    const IOERR_FSYNC: i32 = 1_034;
    const IOERR_LOCK: i32 = 3_850;
    const IOERR_SHMSIZE: i32 = 4_874;

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

    #[test]
    fn no_school_is_begun_where_anything_of_one_is_left() {
        for (left, text, is_lost) in [
            ("backup/password", "twelve words", true),
            ("instance", "01890a5d-ac96-774b-bcce-b302099a8057\n", true),
            ("ledgers/erasures.jsonl", "{}\n", true),
            ("ledgers/security.jsonl", "{}\n", true),
            ("erasures.jsonl", "{}\n", true),
            ("keys/pepper.key", "00", true),
            // What other programs and commands make, also on an empty machine.
            ("ledgers/erasures.jsonl", "", false),
            ("backup/cache/x", "x", false),
            ("hub.toml", "port = 1", false),
            ("models/small.gguf", "x", false),
        ] {
            let data = tempfile::tempdir().expect("a folder");
            let file = data.path().join(left);
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(&file, text).expect("written");
            assert_eq!(has_lost_database(data.path()), is_lost, "{left}");
            let ready = make_ready(data.path(), BUDGET, now());
            assert_eq!(matches!(ready, Ok(Ready::Fresh)), !is_lost, "{left}: {ready:?}");
            assert!(!store::database_path(data.path()).exists(), "{left}");
        }
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
    fn what_passes_is_no_damage_and_what_stays_is() {
        let fails = || Err(inspection::failure(IOERR_READ));
        let broken = || Ok(Looked::Damaged(Damage::Structure("Tree 5: error code=266".into())));
        let answers = || Ok(Looked::Damaged(Damage::Answers(vec![3])));
        type Look = fn() -> Result<Looked, StoreError>;
        let cases: [(Look, Look, bool, usize); 4] = [
            (fails, || Ok(Looked::Whole), true, 2),
            (broken, || Ok(Looked::Whole), true, 2),
            (broken, broken, false, 2),
            (answers, || Ok(Looked::Whole), false, 1),
        ];
        for (first, second, is_whole, expected) in cases {
            let mut looks = 0;
            let looked = look_again(Duration::ZERO, &mut |is_second| {
                looks += 1;
                if is_second { second() } else { first() }
            });
            assert_eq!(looked.is_ok_and(|looked| looked == Looked::Whole), is_whole);
            assert_eq!(looks, expected);
        }
    }

    #[test]
    fn a_disk_that_cannot_be_read_is_damage_and_any_other_failure_is_told_as_such() {
        for code in [IOERR_READ, IOERR_SHORT_READ, CORRUPT] {
            let judged = judge(Err(inspection::failure(code)), true);
            assert!(matches!(judged, Ok(Looked::Damaged(Damage::Structure(_)))), "{code}: {judged:?}");
        }
        for code in [IOERR_SHMSIZE, IOERR_FSYNC, IOERR_LOCK] {
            let judged = judge(Err(inspection::failure(code)), true);
            assert!(matches!(judged, Err(StoreError::DiskFails(_))), "{code}: {judged:?}");
        }
        assert!(matches!(judge(Err(inspection::failure(FULL)), true), Err(StoreError::DiskFull)));
        // The opening says it.
        assert!(matches!(judge(Err(inspection::failure(CANTOPEN)), true), Ok(Looked::Whole)));
    }
}
