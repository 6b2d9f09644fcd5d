//! Puts a hub back from a backup: on an empty machine, to a chosen night, or into a folder for looking only.
//!
//! The walk: [`restore`] opens all targets at once and chooses a snapshot among all of theirs, fetches it into `restoring`
//! inside the data folder, checks every row of it ([`super::verify`]), puts the ledgers of every target on top, and makes
//! everything durable there. Only then [`placing`] moves what lay in the data folder aside and the new files in, by a list
//! on the disk that is worked off to its end after any cut. So the folder holds the old state or the new one, never half of
//! each.

mod ledgers;
pub mod placing;

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use dreamseed_sync::{Progress, Repository, SnapshotInfo, SyncError};
use dreamseed_wire::{
    Language,
    backup::{BackupTroubleCode, EpochReason},
    ids::HubId,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    files,
    manifest::{DATABASE, Manifest},
    password::{self, Password, PasswordError},
    targets::{self, Target, TargetError, Targets},
    trouble,
    verify::{self, Unfit},
};
use crate::{
    doctor::disk_space,
    store::{self, StoreError, hub_meta::RestoredMarker},
};

/// Snapshots that are tried one by one from the newest on; of older ones the newest of each day.
const TRIED_EACH: usize = 3;
/// Before the number of the epoch in a snapshot's tags.
pub const EPOCH_NUMBER: &str = "epoch-number/";
/// The file of targets in a snapshot.
const SENT_TARGETS: &str = "config/targets.toml";
/// Where a snapshot is fetched to, in the folder in which a restore prepares.
const CHOSEN: &str = "snapshot";
/// Before the last number of the record in a snapshot's tags.
const PLACE: &str = "seq/";
/// How long a cloud is waited for when a folder has a backup of the last [`FRESH`]: what one request may take.
const CLOUD_WAIT: Duration = Duration::from_secs(30);
/// How long any target is waited for, such as a NAS whose mount hangs.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// How old a folder's newest backup may be for a cloud not to be waited for any longer.
const FRESH: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// Snapshots of the same end of the record that were made within this belong to one run: the folder's is the faster one.
const SAME_RUN: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);
/// What must stay free beside what is restored: 64 MB.
const MARGIN: u64 = 64_000_000;

/// What to restore, and where to.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    /// All that are known: whichever the school comes from, the ledgers of each are put on top.
    pub targets: Vec<Target>,
    /// Of all targets.
    pub password: Password,
    /// The school comes from the target of this name, whatever others have.
    pub only: Option<String>,
    pub which: Which,
    pub into: Destination,
    /// In which days are counted.
    pub zone: TimeZone,
    pub now: Timestamp,
}

/// Which snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one that is whole and whose record has come furthest, at whichever target.
    Newest,
    /// The same of those that were made on this day.
    Day(Date),
    /// By the beginning of its id.
    Snapshot(String),
}

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A data folder in which no school is; with `replace`, what is there is moved aside.
    Data { folder: PathBuf, replace: bool },
    /// A folder for looking, in which no hub will work.
    Look(PathBuf),
}

/// A step as it goes.
#[derive(Debug, Clone, Copy)]
pub enum RestoreStep<'a> {
    Opening,
    /// This target cannot be read; others are.
    PassedOver {
        target: &'a Target,
        err: &'a RestoreError,
    },
    /// From this target.
    Chosen(&'a Target),
    /// Bytes.
    Fetching {
        done: u64,
        total: Option<u64>,
    },
    Checking,
    /// The snapshot is not whole: an older one is taken.
    GoingBack,
    Placing,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// Name of the target.
    pub from: String,
    pub snapshot: String,
    pub hub_id: HubId,
    pub school: String,
    pub taken_at: Timestamp,
    /// The epoch of the snapshot; the hub begins a further one at its next start.
    pub epoch: i64,
    pub max_hub_seq: i64,
    pub answers: u64,
    /// Newer snapshots that were not whole.
    pub passed_over: u32,
    /// The ledgers of this time are on top, if newer than the snapshot.
    pub ledgers_at: Option<Timestamp>,
    /// Names of the targets whose ledgers could not be read: what was erased, withdrawn or revoked and is told only there
    /// may have come back.
    #[serde(default)]
    pub ledgers_unseen: Vec<String>,
    /// Where what lay in the data folder was put, below it.
    pub aside: Option<String>,
    /// The settings of the lost machine lie beside, under [`placing::SETTINGS`].
    pub has_settings: bool,
    pub seconds: f64,
}

/// The snapshots of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    pub day: Date,
    /// Its newest.
    pub newest: SnapshotInfo,
    pub snapshots: u32,
}

/// Why nothing was restored. The data folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    Target {
        name: String,
        #[source]
        source: SyncError,
    },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoSnapshots { name: String },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoSuchDay { day: Date, nearest: Vec<Date> },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoSuchSnapshot { id: String },
    /// The one that was asked for.
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NotWhole {
        taken_at: Timestamp,
        #[source]
        source: Unfit,
    },
    /// None of all that were tried.
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoneWhole {
        tried: u32,
        #[source]
        source: Box<RestoreError>,
    },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    Newer {
        #[source]
        source: Unfit,
    },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    InUse { folder: PathBuf },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NotEmpty { folder: PathBuf },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NothingAside { folder: PathBuf },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    AsideNotWhole {
        folder: PathBuf,
        #[source]
        source: Unfit,
    },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoRoom { needs: u64, free: u64 },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Targets(#[from] TargetError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// The days of which a target has snapshots, newest first.
///
/// # Errors
/// A target that cannot be read.
pub fn list_nights(
    target: &Target,
    password: &Password,
    cache: &Path,
    zone: &TimeZone,
) -> Result<Vec<Night>, RestoreError> {
    let (_, snapshots) = open(target, password, cache)?;
    let whole = whole(&snapshots);
    if whole.is_empty() {
        return Err(RestoreError::NoSnapshots { name: target.name.clone() });
    }
    Ok(by_day(&whole, zone))
}

/// Restores by a plan. Blocks; about a minute for each gigabyte from a folder.
///
/// For a data folder: takes its lock, so that no hub works with it; a restore that was cut off while files were moved is
/// brought to its end instead, and that one's [`Restored`] is returned.
///
/// # Errors
/// What is wrong, with one next step; the data folder is as it was.
pub fn restore(plan: &RestorePlan, progress: &dyn Fn(RestoreStep<'_>)) -> Result<Restored, RestoreError> {
    match &plan.into {
        Destination::Data { folder, replace } => {
            files::make_folder(folder).map_err(io_at(folder))?;
            let _lock = lock(folder)?;
            let done = match placing::finish(folder).map_err(io_at(folder))? {
                Some(done) => done,
                None if !replace && placing::holds_school(folder) => {
                    return Err(RestoreError::NotEmpty { folder: folder.clone() });
                }
                None => restore_into(folder, plan, progress)?,
            };
            files::give_to_owner(folder, folder).map_err(io_at(folder))?;
            Ok(done)
        }
        Destination::Look(folder) => look(folder, plan, progress),
    }
}

/// For a hub whose database is damaged: restores the newest snapshot that is whole from all of this school's own targets;
/// none if there is no target or no snapshot that is whole. The new epoch begins with the reason `reason`. Blocks.
///
/// The newest is the one of this run of the hub whose epoch, then whose end of the record, then whose time is the last. All
/// targets are asked at once: a cloud that does not answer is waited for by its own time-outs, and by no more than
/// [`CLOUD_WAIT`] if a folder has a backup of the last [`FRESH`].
///
/// The caller holds the folder's lock. Nothing is moved before a snapshot lies here that is whole; then what there was goes into
/// a folder `damaged-…` by the same list by which the new state comes in ([`placing`]), and a cut is brought to its end by
/// [`finish_cut_off`].
///
/// # Errors
/// Targets or password that cannot be read, or a disk here that cannot be written: what is wrong at a target is logged, and
/// the next one is tried.
pub fn restore_newest_verified(
    data: &Path,
    reason: EpochReason,
    now: Timestamp,
) -> Result<Option<Restored>, RestoreError> {
    let Some(password) = password::read(data)? else { return Ok(None) };
    let targets = Targets::load(data)?.list;
    let fresh = Some((now, CLOUD_WAIT));
    let mut there = There::default();
    there.open_all(targets, &password, &files::cache(data), fresh);
    for (target, err) in &there.failed {
        warn_of(&target.name, err);
    }
    let work = data.join(placing::WORK);
    clear(&work)?;
    files::make_folder(&work).map_err(io_at(&work))?;
    let prepared = prepare_newest(data, &work, there, &password, (reason, fresh));
    let done = prepared.and_then(|prepared| {
        prepared
            .map(|done| placing::place(data, done, placing::EVIDENCE, now).map_err(io_at(data)))
            .transpose()
    });
    if !matches!(done, Ok(Some(_))) && !placing::is_cut_off(data) {
        clear(&work)?;
    }
    done
}

/// Takes the last restore back: what lies in the newest folder `before-restore-…` of the data folder takes its place again,
/// with every line of both states' ledgers; what is there now goes aside in turn. Blocks.
///
/// # Errors
/// Nothing lies aside, or it is not whole; the data folder is as it was.
pub fn undo(
    data: &Path,
    now: Timestamp,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<Restored, RestoreError> {
    let _lock = lock(data)?;
    let done = match placing::finish(data).map_err(io_at(data))? {
        Some(done) => done,
        None => {
            let aside = placing::newest_aside(data)
                .ok_or_else(|| RestoreError::NothingAside { folder: data.to_owned() })?;
            let work = data.join(placing::WORK);
            clear(&work)?;
            let done = prepare_undo(data, &aside, &work, progress).and_then(|done| {
                progress(RestoreStep::Placing);
                placing::place(data, done, placing::ASIDE, now).map_err(io_at(data))
            });
            if done.is_err() && !placing::is_cut_off(data) {
                clear(&work)?;
            }
            done?
        }
    };
    files::give_to_owner(data, data).map_err(io_at(data))?;
    Ok(done)
}

/// Brings a restore to its end that was cut off while files were moved; for whoever opens a data folder, before the database
/// is. Nothing happens where none was.
///
/// # Errors
/// Another process works with the folder, or the disk cannot be written.
pub fn finish_cut_off(data: &Path) -> Result<Option<Restored>, RestoreError> {
    if !placing::is_cut_off(data) {
        return Ok(None);
    }
    let _lock = lock(data)?;
    let done = placing::finish(data).map_err(io_at(data))?;
    if done.is_some() {
        tracing::warn!("a restore had been cut off; it has been brought to its end");
    }
    Ok(done)
}

impl RestoreError {
    /// What is wrong, and the one next step.
    pub fn describe(&self, language: Language) -> String {
        let ko = language == Language::Ko;
        match self {
            RestoreError::Target { source: SyncError::WrongPassword { .. }, .. } => pick(
                ko,
                "이 낱말로는 그곳의 백업이 열리지 않습니다. 복구 안내문이 이 학교의 것인지, 가장 새것인지 확인하세요.",
                "These words do not open the backups there. Check that the recovery sheet is this school's and the newest one.",
            ),
            RestoreError::Target { name, source } => {
                let (text, next) = describe_for_restore(trouble::code_of(source), language);
                format!("'{name}': {text} {next}")
            }
            RestoreError::NoSnapshots { name } if ko => {
                format!("'{name}'에 백업이 하나도 없습니다. 복구 안내문의 다른 저장 위치로 해 보세요.")
            }
            RestoreError::NoSnapshots { name } => {
                format!("There is no backup at '{name}'. Try another target of the recovery sheet.")
            }
            RestoreError::NoSuchDay { day, nearest } if ko => {
                format!(
                    "{day}에 만든 백업이 없습니다. 가까운 날: {}. 그 가운데 하나를 --night으로 주세요.",
                    list(nearest)
                )
            }
            RestoreError::NoSuchDay { day, nearest } => {
                format!(
                    "There is no backup of {day}. Days near it: {}. Give one of them with --night.",
                    list(nearest)
                )
            }
            RestoreError::NoSuchSnapshot { id } if ko => {
                format!(
                    "{id}(으)로 시작하는 백업이 없거나 둘 이상입니다. `backup list`에서 번호를 확인하세요."
                )
            }
            RestoreError::NoSuchSnapshot { id } => {
                format!("No backup, or more than one, begins with {id}. See the ids with `backup list`.")
            }
            RestoreError::NotWhole { taken_at, .. } if ko => format!(
                "{taken_at}의 백업은 온전하지 않아서 쓰지 않았습니다. 다른 날이나 다른 저장 위치로 되살리세요."
            ),
            RestoreError::NotWhole { taken_at, .. } => format!(
                "The backup of {taken_at} is not whole and was not used. Restore another day, or from another target."
            ),
            RestoreError::NoneWhole { tried, .. } if ko => format!(
                "백업 {tried}개를 시험했지만 온전한 것이 없습니다. 복구 안내문의 다른 저장 위치로 되살리세요."
            ),
            RestoreError::NoneWhole { tried, .. } => {
                format!(
                    "None of the {tried} backups that were tried is whole. Restore from another target of the recovery sheet."
                )
            }
            RestoreError::Newer { .. } => pick(
                ko,
                "이 백업은 더 새로운 프로그램이 만들었습니다. 복구 안내문의 버전이나 더 새로운 패키지를 설치한 뒤 다시 하세요.",
                "This backup was made by a newer program. Install the package of the version on the recovery sheet or a newer one, then run this again.",
            ),
            RestoreError::InUse { folder } if ko => format!(
                "허브가 {}에서 일하고 있습니다. `sudo systemctl stop dreamseed-hub`로 멈춘 뒤 다시 하세요.",
                folder.display()
            ),
            RestoreError::InUse { folder } => format!(
                "A hub works with {}. Stop it with `sudo systemctl stop dreamseed-hub`, then run this again.",
                folder.display()
            ),
            RestoreError::NotEmpty { folder } if ko => format!(
                "{}에 이미 학교가 있습니다. 그것을 옆으로 옮기고 되살리려면 --replace를 붙이고, 보기만 하려면 --look 폴더를 쓰세요.",
                folder.display()
            ),
            RestoreError::NotEmpty { folder } => format!(
                "There is a school in {} already. Add --replace to move it aside and restore, or --look FOLDER to look only.",
                folder.display()
            ),
            RestoreError::NothingAside { folder } if ko => format!(
                "{}에 before-restore- 폴더가 없어서 되돌릴 것이 없습니다. 다른 날의 백업을 --night으로 되살리세요.",
                folder.display()
            ),
            RestoreError::NothingAside { folder } => format!(
                "There is no folder before-restore- in {}, so nothing can be taken back. Restore another day with --night.",
                folder.display()
            ),
            RestoreError::AsideNotWhole { folder, .. } if ko => format!(
                "{}에 있는 데이터베이스는 온전하지 않아서 쓰지 않았습니다. 백업에서 되살리세요.",
                folder.display()
            ),
            RestoreError::AsideNotWhole { folder, .. } => format!(
                "The database in {} is not whole and was not used. Restore a backup.",
                folder.display()
            ),
            RestoreError::NoRoom { needs, free } if ko => {
                format!(
                    "공간이 부족합니다: {needs} MB가 필요하고 {free} MB가 비어 있습니다. 디스크를 비운 뒤 다시 하세요."
                )
            }
            RestoreError::NoRoom { needs, free } => {
                format!(
                    "There is not enough room: {needs} MB are needed, {free} MB are free. Free space, then run this again."
                )
            }
            RestoreError::Io { path, .. } if ko => {
                format!(
                    "{}을(를) 쓸 수 없습니다. 폴더의 주인과 디스크를 확인한 뒤 다시 하세요.",
                    path.display()
                )
            }
            RestoreError::Io { path, .. } => {
                format!(
                    "{} cannot be used. Check the owner of the folder and the disk, then run this again.",
                    path.display()
                )
            }
            RestoreError::Store(err) => err.to_string(),
            RestoreError::Targets(err) => err.to_string(),
            RestoreError::Password(err) => err.to_string(),
        }
    }
}

fn restore_into(
    data: &Path,
    plan: &RestorePlan,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<Restored, RestoreError> {
    let work = data.join(placing::WORK);
    // Left by one that was cut off before anything was moved.
    clear(&work)?;
    files::make_folder(&work).map_err(io_at(&work))?;
    let done = prepare(data, &work, plan, progress);
    let done = done.and_then(|done| {
        progress(RestoreStep::Placing);
        placing::place(data, done, placing::ASIDE, plan.now).map_err(io_at(data))
    });
    if done.is_err() && !placing::is_cut_off(data) {
        clear(&work)?;
    }
    done
}

/// Everything that goes into the data folder, whole and durable, in `work`.
fn prepare(
    data: &Path,
    work: &Path,
    plan: &RestorePlan,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<Restored, RestoreError> {
    let begun = Instant::now();
    let cache = work.join("cache");
    let mut there = open_by(plan, &cache, progress)?;
    let found = fetch_whole(&there, plan, super::instance::read(data), &work.join(CHOSEN), progress)?;
    let extras = find_more_targets(Some(data), &work.join(CHOSEN), &plan.password);
    there.open_all(extras, &plan.password, &cache, None);
    let mut done = complete(data, work, &plan.password, found, &there, EpochReason::Restore)?;
    done.seconds = begun.elapsed().as_secs_f64();
    Ok(done)
}

/// Opens the targets of a plan; an error if there is none that the school can come from.
fn open_by(
    plan: &RestorePlan,
    cache: &Path,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<There, RestoreError> {
    progress(RestoreStep::Opening);
    let mut there = There::default();
    there.open_all(plan.targets.clone(), &plan.password, cache, None);
    if !there.opened.iter().any(|one| plan.may_come_from(&one.target))
        && let Some(at) = there.failed.iter().position(|(target, _)| plan.may_come_from(target))
    {
        let (_, err) = there.failed.remove(at);
        there.tell_failed(progress);
        return Err(err);
    }
    there.tell_failed(progress);
    Ok(there)
}

/// What else belongs to a snapshot that lies in `work` and is whole: the ledgers of all targets, and the marker of the epoch
/// that begins.
fn complete(
    data: &Path,
    work: &Path,
    password: &Password,
    found: Found,
    there: &There,
    reason: EpochReason,
) -> Result<Restored, RestoreError> {
    let chosen = work.join(CHOSEN);
    let is_same_hub = placing::hub_in(data).is_none_or(|hub| hub == found.manifest.hub_id);
    let beside = is_same_hub.then_some(data);
    let mut done = there.put_ledgers_on_top(found, (&chosen, work), beside)?;
    let new = work.join(placing::NEW);
    arrange(&chosen, &new, data, password).map_err(io_at(&new))?;
    let highest = there.opened.iter().filter_map(|one| highest_epoch(&one.snapshots)).max();
    let highest_epoch = highest.unwrap_or_default().max(done.epoch);
    let marker = RestoredMarker { reason, highest_epoch, snapshot_at: Some(done.taken_at) };
    marker.leave(&new).map_err(io_at(&new))?;
    done.has_settings = new.join(placing::SETTINGS).exists();
    placing::make_durable(&new).map_err(io_at(&new))?;
    Ok(done)
}

/// The targets that this machine knows, or else the snapshot in `chosen`: their ledgers count too, though nobody named them.
fn find_more_targets(data: Option<&Path>, chosen: &Path, password: &Password) -> Vec<Target> {
    // On the same machine its own file of targets is newer than any backup of it.
    if let Some(data) = data
        && is_own_password(data, password)
        && targets::file_of(data).exists()
    {
        return Targets::load(data).map(|own| own.list).unwrap_or_default();
    }
    let text = fs::read_to_string(chosen.join(SENT_TARGETS)).unwrap_or_default();
    Targets::read(&text).map(|sent| sent.list).unwrap_or_default()
}

fn is_own_password(data: &Path, password: &Password) -> bool {
    password::read(data).is_ok_and(|own| own.as_ref() == Some(password))
}

/// All targets that are known.
#[derive(Default)]
struct There {
    opened: Vec<Opened>,
    failed: Vec<(Target, RestoreError)>,
}

/// A target that answers.
struct Opened {
    target: Target,
    repository: Repository,
    snapshots: Vec<SnapshotInfo>,
}

impl There {
    /// Opens at once all targets that were not asked yet. A thread that is not waited for any longer ends by its own time-outs.
    /// With `fresh`, a time and a wait, no longer than that wait if a folder has a backup of the last [`FRESH`] before it.
    fn open_all(
        &mut self,
        targets: Vec<Target>,
        password: &Password,
        cache: &Path,
        fresh: Option<(Timestamp, Duration)>,
    ) {
        let (tell, told) = mpsc::channel();
        let mut waiting: Vec<Target> = Vec::new();
        for target in targets {
            let is_open = self.opened.iter().any(|one| one.target.place == target.place);
            if is_open || waiting.contains(&target) || self.failed.iter().any(|(one, _)| *one == target) {
                continue;
            }
            // Only its keys are others now.
            self.failed.retain(|(one, _)| one.place != target.place);
            let (tell, password, asked) = (tell.clone(), password.clone(), target.clone());
            let own_cache = cache.to_owned();
            let ask = move || {
                let there = open(&asked, &password, &own_cache);
                // Nobody waits for it any more.
                let _ = tell.send((asked, there));
            };
            match thread::Builder::new().name("backup-target".into()).spawn(ask) {
                Ok(_) => waiting.push(target),
                Err(source) => {
                    self.failed.push((target, RestoreError::Io { path: cache.to_owned(), source }));
                }
            }
        }
        drop(tell);
        let begun = Instant::now();
        while !waiting.is_empty() {
            let has_fresh =
                |now| self.opened.iter().any(|one| one.target.is_folder() && has_fresh(&one.snapshots, now));
            let wait = match fresh {
                Some((now, wait)) if has_fresh(now) => wait,
                Some(_) | None => LONGEST_WAIT,
            };
            let Ok((target, answer)) = told.recv_timeout(wait.saturating_sub(begun.elapsed())) else { break };
            waiting.retain(|one| *one != target);
            match answer {
                Ok((repository, snapshots)) => self.opened.push(Opened { target, repository, snapshots }),
                Err(err) => self.failed.push((target, err)),
            }
        }
        // What does not answer is not waited for any longer.
        for target in waiting {
            let source = SyncError::Unreachable { location: target.name.clone(), detail: "no answer".into() };
            let err = RestoreError::Target { name: target.name.clone(), source };
            self.failed.push((target, err));
        }
    }

    fn tell_failed(&self, progress: &dyn Fn(RestoreStep<'_>)) {
        for (target, err) in &self.failed {
            progress(RestoreStep::PassedOver { target, err });
        }
    }

    /// Describes what was found, with the ledgers of every target brought into its folder `chosen`, and those of the data folder
    /// `beside`.
    fn put_ledgers_on_top(
        &self,
        found: Found,
        (chosen, work): (&Path, &Path),
        beside: Option<&Path>,
    ) -> Result<Restored, RestoreError> {
        let sources: Vec<_> = self
            .opened
            .iter()
            .map(|one| (one.target.name.as_str(), &one.repository, one.snapshots.as_slice()))
            .collect();
        let top = ledgers::put_on_top(&sources, &found.info, (chosen, work), beside).map_err(io_at(work))?;
        let mut done = found.describe();
        done.ledgers_at = top.newer_at;
        done.ledgers_unseen = self.failed.iter().map(|(target, _)| target.name.clone()).collect();
        done.ledgers_unseen.extend(top.unread);
        if !done.ledgers_unseen.is_empty() {
            tracing::warn!(
                targets = ?done.ledgers_unseen,
                "these targets could not be read; erasures, withdrawn consents and revoked devices that only they tell of have not been applied again"
            );
        }
        Ok(done)
    }

    /// What the targets have that `may` be taken, as [`rank`] takes it.
    fn offers(&self, may: impl Fn(&Opened) -> bool) -> Vec<(bool, Vec<&SnapshotInfo>)> {
        let list = |one| if may(one) { whole(&one.snapshots) } else { Vec::new() };
        self.opened.iter().map(|one| (one.target.is_folder(), list(one))).collect()
    }
}

fn has_fresh(snapshots: &[SnapshotInfo], now: Timestamp) -> bool {
    whole(snapshots).iter().any(|snapshot| now.duration_since(snapshot.time).abs() < FRESH)
}

fn warn_of(target: &str, err: &RestoreError) {
    let cause = std::error::Error::source(err).map(ToString::to_string).unwrap_or_default();
    tracing::warn!(target, error = err.describe(Language::En), cause, "nothing could be restored from there");
}

/// Prepares the newest snapshot of all targets that is whole; none if there is none.
fn prepare_newest(
    data: &Path,
    work: &Path,
    mut there: There,
    password: &Password,
    (reason, fresh): (EpochReason, Option<(Timestamp, Duration)>),
) -> Result<Option<Restored>, RestoreError> {
    let begun = Instant::now();
    let mut passed_over = 0;
    let mut useless = BTreeSet::new();
    let mut found = None;
    for (at, info) in rank(&there.offers(|_| true), super::instance::read(data)) {
        let Some(one) = there.opened.get(at) else { continue };
        if useless.contains(&one.target.name) {
            continue;
        }
        match fetch(&one.repository, &one.target.name, info, &work.join(CHOSEN), &|_| {}) {
            Ok(manifest) => {
                let from = one.target.name.clone();
                found = Some(Found { from, info: info.clone(), manifest, passed_over });
                break;
            }
            Err(err @ (RestoreError::Io { .. } | RestoreError::NoRoom { .. })) => return Err(err),
            Err(err) => {
                warn_of(&one.target.name, &err);
                passed_over += 1;
                if !is_damage(&err) {
                    // What keeps one snapshot from being fetched there keeps the others too.
                    useless.insert(one.target.name.clone());
                }
            }
        }
    }
    let Some(found) = found else { return Ok(None) };
    let extras = find_more_targets(Some(data), &work.join(CHOSEN), password);
    there.open_all(extras, password, &files::cache(data), fresh);
    let mut done = complete(data, work, password, found, &there, reason)?;
    done.seconds = begun.elapsed().as_secs_f64();
    Ok(Some(done))
}

/// The snapshots of all targets in the order in which they are tried, each with the place of its target among `offers`, which say
/// whether it is a folder. Those of `own`, this run of the hub, come first; then the highest epoch, the furthest end of the
/// record, the last time. Of each target its first ones and the first of each day.
fn rank<'a>(
    offers: &[(bool, Vec<&'a SnapshotInfo>)],
    own: Option<uuid::Uuid>,
) -> Vec<(usize, &'a SnapshotInfo)> {
    let own = own.map(|id| format!("instance/{id}"));
    let place = |snapshot: &SnapshotInfo| {
        let is_own = own.as_ref().is_some_and(|tag| snapshot.tags.contains(tag));
        (is_own, number_after(EPOCH_NUMBER, snapshot), number_after(PLACE, snapshot))
    };
    let mut ranked: Vec<(usize, &SnapshotInfo)> = Vec::new();
    for (at, (_, snapshots)) in offers.iter().enumerate() {
        let mut list = snapshots.clone();
        list.sort_by_key(|snapshot| Reverse((place(snapshot), snapshot.time)));
        let mut days = BTreeSet::new();
        for (number, snapshot) in list.into_iter().enumerate() {
            if days.insert(day_of(snapshot, &TimeZone::UTC)) || number < TRIED_EACH {
                ranked.push((at, snapshot));
            }
        }
    }
    ranked.sort_by_key(|(_, snapshot)| Reverse((place(snapshot), snapshot.time)));
    let is_folder = |at: usize| offers.get(at).is_some_and(|(is_folder, _)| *is_folder);
    if let Some((_, newest)) = ranked.first().copied() {
        let nearer = ranked.iter().position(|(at, snapshot)| {
            is_folder(*at)
                && place(snapshot) == place(newest)
                && newest.time.duration_since(snapshot.time) < SAME_RUN
        });
        if let Some(found) = nearer
            && let Some(upto) = ranked.get_mut(..=found)
        {
            upto.rotate_right(1);
        }
    }
    ranked
}

fn number_after(prefix: &str, snapshot: &SnapshotInfo) -> i64 {
    snapshot.tags.iter().find_map(|tag| tag.strip_prefix(prefix)?.parse().ok()).unwrap_or_default()
}

/// Copies what lies aside: until the new state is in its place, the old one stays where it is.
fn prepare_undo(
    data: &Path,
    aside: &Path,
    work: &Path,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<Restored, RestoreError> {
    let begun = Instant::now();
    let new = work.join(placing::NEW);
    progress(RestoreStep::Fetching { done: 0, total: None });
    placing::copy_record(aside, &new).map_err(io_at(&new))?;
    let database = store::database_path(&new);
    let not_whole = |source| RestoreError::AsideNotWhole { folder: aside.to_owned(), source };
    // What its log holds goes into the database itself.
    store::fold_and_read_schema(&database).map_err(|err| not_whole(err.into()))?;
    placing::drop_beside_database(&new).map_err(io_at(&new))?;
    progress(RestoreStep::Checking);
    let facts = verify::check_copy(&database).map_err(not_whole)?;
    ledgers::unite(&new, data).map_err(io_at(&new))?;
    let there = placing::epoch_in(data).unwrap_or_default();
    let marker = RestoredMarker {
        reason: EpochReason::Restore,
        highest_epoch: facts.epoch.max(there),
        snapshot_at: None,
    };
    marker.leave(&new).map_err(io_at(&new))?;
    placing::make_durable(&new).map_err(io_at(&new))?;
    let changed = fs::metadata(aside.join(DATABASE)).and_then(|file| file.modified()).ok();
    Ok(Restored {
        from: aside.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned(),
        snapshot: String::new(),
        hub_id: facts.hub_id,
        school: facts.school,
        taken_at: changed.and_then(|at| at.try_into().ok()).unwrap_or_default(),
        epoch: facts.epoch,
        max_hub_seq: facts.max_hub_seq,
        answers: facts.tables.get("attempts").copied().unwrap_or_default(),
        passed_over: 0,
        ledgers_at: None,
        ledgers_unseen: Vec::new(),
        aside: None,
        has_settings: false,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn look(
    folder: &Path,
    plan: &RestorePlan,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<Restored, RestoreError> {
    files::make_folder(folder).map_err(io_at(folder))?;
    if fs::read_dir(folder).map_err(io_at(folder))?.next().is_some() {
        return Err(RestoreError::NotEmpty { folder: folder.to_owned() });
    }
    let begun = Instant::now();
    let work = folder.join(placing::WORK);
    let looked = (|| {
        let (cache, chosen) = (work.join("cache"), work.join(CHOSEN));
        let mut there = open_by(plan, &cache, progress)?;
        let found = fetch_whole(&there, plan, None, &chosen, progress)?;
        there.open_all(find_more_targets(None, &chosen, &plan.password), &plan.password, &cache, None);
        let mut done = there.put_ledgers_on_top(found, (&chosen, &work), None)?;
        for entry in fs::read_dir(&chosen).map_err(io_at(&chosen))?.flatten() {
            fs::rename(entry.path(), folder.join(entry.file_name())).map_err(io_at(folder))?;
        }
        done.has_settings = folder.join("config/hub.toml").exists();
        done.seconds = begun.elapsed().as_secs_f64();
        Ok(done)
    })();
    clear(&work)?;
    if looked.is_err() {
        // It was empty before; who made it does not matter.
        let _ = fs::remove_dir(folder);
    }
    looked
}

/// A snapshot that is whole.
struct Found {
    /// Name of its target.
    from: String,
    info: SnapshotInfo,
    manifest: Manifest,
    passed_over: u32,
}

impl Found {
    fn describe(self) -> Restored {
        Restored {
            from: self.from,
            snapshot: self.info.id,
            hub_id: self.manifest.hub_id,
            taken_at: self.manifest.taken_at,
            epoch: self.manifest.epoch,
            max_hub_seq: self.manifest.max_hub_seq,
            answers: self.manifest.answers(),
            school: self.manifest.school,
            passed_over: self.passed_over,
            ledgers_at: None,
            ledgers_unseen: Vec::new(),
            aside: None,
            has_settings: false,
            seconds: 0.0,
        }
    }
}

fn open(
    target: &Target,
    password: &Password,
    cache: &Path,
) -> Result<(Repository, Vec<SnapshotInfo>), RestoreError> {
    let failed = |source: SyncError| {
        let name = target.name.clone();
        if matches!(source, SyncError::NoBackups { .. }) {
            return RestoreError::NoSnapshots { name };
        }
        RestoreError::Target { name, source }
    };
    let repository = target.open(password, cache).map_err(failed)?;
    let snapshots = repository.snapshots().map_err(failed)?;
    if snapshots.is_empty() {
        return Err(RestoreError::NoSnapshots { name: target.name.clone() });
    }
    Ok((repository, snapshots))
}

/// Fetches the snapshot of a plan into `into` and checks it; unless it was asked for by its id, goes back until one is whole.
fn fetch_whole(
    there: &There,
    plan: &RestorePlan,
    own: Option<uuid::Uuid>,
    into: &Path,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<Found, RestoreError> {
    let offers = there.offers(|one| plan.may_come_from(&one.target));
    let candidates = candidates(&offers, plan, own)?;
    let mut passed_over = 0;
    let mut useless = BTreeSet::new();
    let mut first = None;
    let mut last = None;
    for (at, info) in candidates {
        let Some(one) = there.opened.get(at).filter(|_| !useless.contains(&at)) else { continue };
        if last.replace(at) != Some(at) {
            progress(RestoreStep::Chosen(&one.target));
        }
        match fetch(&one.repository, &one.target.name, info, into, progress) {
            Ok(manifest) => {
                return Ok(Found {
                    from: one.target.name.clone(),
                    info: info.clone(),
                    manifest,
                    passed_over,
                });
            }
            Err(err) if is_damage(&err) => {
                let cause = std::error::Error::source(&err).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(taken_at = %info.time, cause, "a backup is not whole; an older one is tried");
                passed_over += 1;
                first.get_or_insert(err);
                progress(RestoreStep::GoingBack);
            }
            Err(err @ RestoreError::Target { .. }) => {
                // What keeps one snapshot from being fetched there keeps the others too.
                progress(RestoreStep::PassedOver { target: &one.target, err: &err });
                useless.insert(at);
                first.get_or_insert(err);
            }
            Err(err) => return Err(err),
        }
    }
    match first {
        Some(source) if passed_over > 1 => {
            Err(RestoreError::NoneWhole { tried: passed_over, source: Box::new(source) })
        }
        Some(err) => Err(err),
        None => Err(RestoreError::NoSnapshots { name: plan.name_targets() }),
    }
}

fn fetch(
    repository: &Repository,
    name: &str,
    info: &SnapshotInfo,
    into: &Path,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<Manifest, RestoreError> {
    clear(into)?;
    files::make_folder(into).map_err(io_at(into))?;
    if let Some(space) = disk_space(into)
        && space.free_bytes < info.bytes + MARGIN
    {
        let (needs, free) = ((info.bytes + MARGIN) / 1_000_000, space.free_bytes / 1_000_000);
        return Err(RestoreError::NoRoom { needs, free });
    }
    let tell = |step: Progress| progress(RestoreStep::Fetching { done: step.done, total: step.total });
    repository
        .restore(&info.id, into, &tell)
        .map_err(|source| RestoreError::Target { name: name.to_owned(), source })?;
    progress(RestoreStep::Checking);
    match verify::verify(into) {
        Ok(verified) => Ok(verified.manifest),
        Err(source @ (Unfit::NewerForm { .. } | Unfit::NewerSchema { .. })) => {
            Err(RestoreError::Newer { source })
        }
        Err(source) => Err(RestoreError::NotWhole { taken_at: info.time, source }),
    }
}

/// Whether an older snapshot may be whole where this one is not.
fn is_damage(err: &RestoreError) -> bool {
    let is_damaged_there =
        |source: &SyncError| matches!(trouble::code_of(source), BackupTroubleCode::Damaged);
    match err {
        RestoreError::NotWhole { .. } => true,
        RestoreError::Target { source, .. } => is_damaged_there(source),
        RestoreError::NoSnapshots { .. }
        | RestoreError::NoSuchDay { .. }
        | RestoreError::NoSuchSnapshot { .. }
        | RestoreError::NoneWhole { .. }
        | RestoreError::Newer { .. }
        | RestoreError::InUse { .. }
        | RestoreError::NotEmpty { .. }
        | RestoreError::NothingAside { .. }
        | RestoreError::AsideNotWhole { .. }
        | RestoreError::NoRoom { .. }
        | RestoreError::Io { .. }
        | RestoreError::Store(_)
        | RestoreError::Targets(_)
        | RestoreError::Password(_) => false,
    }
}

/// Snapshots of the whole hub, newest first; those of ledgers alone left out.
fn whole(snapshots: &[SnapshotInfo]) -> Vec<&SnapshotInfo> {
    let is_unfit = |snapshot: &SnapshotInfo| snapshot.tags.iter().any(|tag| tag == super::job::UNFIT);
    let is_whole = |snapshot: &&SnapshotInfo| !ledgers::is_ledger(snapshot) && !is_unfit(snapshot);
    let mut whole: Vec<_> = snapshots.iter().filter(is_whole).collect();
    whole.sort_by_key(|snapshot| Reverse(snapshot.time));
    whole
}

impl RestorePlan {
    fn may_come_from(&self, target: &Target) -> bool {
        self.only.as_ref().is_none_or(|name| target.name == *name)
    }

    fn name_targets(&self) -> String {
        let names = self.targets.iter().filter(|target| self.may_come_from(target));
        names.map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// What a plan may take of all targets' snapshots, in the order in which it is tried: that of [`rank`].
fn candidates<'a>(
    offers: &[(bool, Vec<&'a SnapshotInfo>)],
    plan: &RestorePlan,
    own: Option<uuid::Uuid>,
) -> Result<Vec<(usize, &'a SnapshotInfo)>, RestoreError> {
    let only = |may: &dyn Fn(&SnapshotInfo) -> bool| {
        let of_one = |(is_folder, list): &(bool, Vec<&'a SnapshotInfo>)| {
            (*is_folder, list.iter().copied().filter(|snapshot| may(snapshot)).collect::<Vec<_>>())
        };
        rank(&offers.iter().map(of_one).collect::<Vec<_>>(), own)
    };
    match &plan.which {
        Which::Newest => Ok(rank(offers, own)),
        Which::Day(day) => {
            let found = only(&|snapshot| day_of(snapshot, &plan.zone) == *day);
            if found.is_empty() {
                let all = offers.iter().flat_map(|(_, list)| list);
                let days = all.map(|snapshot| day_of(snapshot, &plan.zone)).collect();
                return Err(RestoreError::NoSuchDay { day: *day, nearest: nearest_days(&days, *day) });
            }
            Ok(found)
        }
        Which::Snapshot(id) => {
            let found = only(&|snapshot| !id.is_empty() && snapshot.id.starts_with(id.as_str()));
            // A place that was copied to another one has the same.
            let ids: BTreeSet<&str> = found.iter().map(|(_, snapshot)| snapshot.id.as_str()).collect();
            if ids.len() != 1 {
                return Err(RestoreError::NoSuchSnapshot { id: id.clone() });
            }
            Ok(found)
        }
    }
}

fn by_day(newest_first: &[&SnapshotInfo], zone: &TimeZone) -> Vec<Night> {
    let mut nights: Vec<Night> = Vec::new();
    for snapshot in newest_first {
        let day = day_of(snapshot, zone);
        match nights.last_mut() {
            Some(night) if night.day == day => night.snapshots += 1,
            Some(_) | None => nights.push(Night { day, newest: (*snapshot).clone(), snapshots: 1 }),
        }
    }
    nights
}

fn day_of(snapshot: &SnapshotInfo, zone: &TimeZone) -> Date {
    snapshot.time.to_zoned(zone.clone()).date()
}

/// The last day before and the first after one without a snapshot, and the newest.
fn nearest_days(days: &BTreeSet<Date>, day: Date) -> Vec<Date> {
    let before = days.range(..day).next_back().copied();
    let after = days.range(day..).next().copied();
    let near: BTreeSet<Date> = before.into_iter().chain(after).chain(days.last().copied()).collect();
    near.into_iter().collect()
}

/// The highest number of an epoch that any snapshot there bears.
fn highest_epoch(snapshots: &[SnapshotInfo]) -> Option<i64> {
    let tags = snapshots.iter().flat_map(|snapshot| &snapshot.tags);
    tags.filter_map(|tag| tag.strip_prefix(EPOCH_NUMBER)?.parse().ok()).max()
}

/// Brings the files of a snapshot to their places in a data folder, below `new`.
fn arrange(chosen: &Path, new: &Path, data: &Path, password: &Password) -> io::Result<()> {
    files::make_folder(new)?;
    for name in [DATABASE, "keys", "images", "ledgers"] {
        rename_if_there(&chosen.join(name), &new.join(name))?;
    }
    rename_if_there(&chosen.join("config/hub.toml"), &new.join(placing::SETTINGS))?;
    rename_if_there(&chosen.join("config/catalogue.lock"), &new.join("catalogue.lock"))?;
    // On the same machine its own file of targets is newer than any backup of it.
    let is_own = is_own_password(data, password);
    if !is_own || !targets::file_of(data).exists() {
        rename_if_there(&chosen.join(SENT_TARGETS), &targets::file_of(new))?;
    }
    if !is_own {
        password::write(new, password).map_err(io::Error::other)?;
    }
    Ok(())
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        files::make_folder(folder)?;
    }
    match fs::rename(from, to) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn clear(folder: &Path) -> Result<(), RestoreError> {
    match fs::remove_dir_all(folder) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(io_at(folder)(err)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn lock(data: &Path) -> Result<fs::File, RestoreError> {
    store::lock_folder(&store::database_path(data)).map_err(|err| {
        if matches!(err, StoreError::InUse) {
            return RestoreError::InUse { folder: data.to_owned() };
        }
        err.into()
    })
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> RestoreError + '_ {
    |source| RestoreError::Io { path: path.to_owned(), source }
}

/// For somebody who wants to get backups out of a place, not into it.
fn describe_for_restore(code: BackupTroubleCode, language: Language) -> (&'static str, &'static str) {
    match (code, language) {
        (BackupTroubleCode::Gone, Language::Ko) => (
            "그곳에 백업이 없습니다. USB가 빠졌거나 NAS가 연결되지 않았거나 경로가 다릅니다.",
            "디스크를 연결하고 복구 안내문의 경로와 같은지 확인한 뒤 다시 하세요.",
        ),
        (BackupTroubleCode::Gone, Language::En) => (
            "No backup is there: the stick is out, the NAS is not mounted, or the path is another one.",
            "Connect the disk, compare the path with the recovery sheet, then run this again.",
        ),
        (BackupTroubleCode::Unreachable, Language::Ko) => (
            "그곳의 서버가 대답하지 않습니다.",
            "이 PC의 인터넷 연결을 확인하거나, 복구 안내문의 다른 저장 위치로 되살리세요.",
        ),
        (BackupTroubleCode::Unreachable, Language::En) => (
            "The server there does not answer.",
            "Check this PC's internet connection, or restore from another target of the recovery sheet.",
        ),
        (BackupTroubleCode::Refused | BackupTroubleCode::ReadOnly, Language::Ko) => (
            "그곳이 읽기를 거절했습니다.",
            "주소, 버킷, 키를 복구 안내문과 하나씩 맞춰 보고, 폴더라면 읽을 권한을 확인하세요.",
        ),
        (BackupTroubleCode::Refused | BackupTroubleCode::ReadOnly, Language::En) => (
            "The place refuses to be read.",
            "Compare endpoint, bucket and keys with the recovery sheet; for a folder, check who may read it.",
        ),
        (BackupTroubleCode::Full, Language::Ko) => {
            ("디스크가 가득 찼습니다.", "이 PC의 디스크를 비운 뒤 다시 하세요.")
        }
        (BackupTroubleCode::Full, Language::En) => {
            ("The disk is full.", "Free space on this PC, then run this again.")
        }
        (BackupTroubleCode::Damaged | BackupTroubleCode::Database, Language::Ko) => (
            "그곳의 백업이 상했습니다.",
            "그곳은 그대로 두고, 다른 날(--night)이나 다른 저장 위치로 되살리세요.",
        ),
        (BackupTroubleCode::Damaged | BackupTroubleCode::Database, Language::En) => (
            "The backups there are damaged.",
            "Leave them as they are, and restore another day (--night) or from another target.",
        ),
        (BackupTroubleCode::Clock, Language::Ko) => (
            "이 PC의 시계가 틀려서 그곳이 거절했습니다.",
            "`sudo timedatectl set-time`으로 시각을 맞춘 뒤 다시 하세요.",
        ),
        (BackupTroubleCode::Clock, Language::En) => (
            "The place refuses because this PC's clock is wrong.",
            "Set the time with `sudo timedatectl set-time`, then run this again.",
        ),
        (BackupTroubleCode::OtherSchool, Language::Ko) => {
            ("그곳에 드림시드의 백업이 아닌 것이 있습니다.", "복구 안내문의 경로와 하나씩 맞춰 보세요.")
        }
        (BackupTroubleCode::OtherSchool, Language::En) => {
            ("What lies there is no backup of DreamSeed.", "Compare the path with the recovery sheet.")
        }
        (BackupTroubleCode::WrongPassword | BackupTroubleCode::TwoHubs | BackupTroubleCode::Failed, _) => {
            trouble::describe(code, language)
        }
    }
}

fn pick(ko: bool, korean: &str, english: &str) -> String {
    if ko { korean.to_owned() } else { english.to_owned() }
}

fn list(days: &[Date]) -> String {
    days.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_all_targets_is_tried_first() {
        let ours = uuid::Uuid::now_v7();
        let made = |id: &str, by: uuid::Uuid, epoch: i64, seq: i64, minutes: i64| SnapshotInfo {
            id: id.into(),
            time: Timestamp::from_second(1_800_000_000 + minutes * 60).expect("a time"),
            host: String::new(),
            tags: vec![format!("instance/{by}"), format!("{EPOCH_NUMBER}{epoch}"), format!("{PLACE}{seq}")],
            files: 1,
            bytes: 1,
            bytes_sent: 1,
        };
        let other = uuid::Uuid::now_v7();
        let first = |usb: &[SnapshotInfo], cloud: &[SnapshotInfo]| {
            let ranked = rank(&[(true, whole(usb)), (false, whole(cloud))], Some(ours));
            ranked.iter().map(|(_, snapshot)| snapshot.id.clone()).collect::<Vec<_>>()
        };
        let june = made("june", ours, 1, 500, 0);
        let night = made("night", ours, 1, 9_000, 200_000);
        assert_eq!(first(std::slice::from_ref(&june), std::slice::from_ref(&night)), ["night", "june"]);
        let hour = made("hour", ours, 1, 9_000, 199_990);
        assert_eq!(
            first(std::slice::from_ref(&hour), std::slice::from_ref(&night)),
            ["hour", "night"],
            "one run"
        );
        let day = made("day", ours, 1, 9_000, 198_000);
        assert_eq!(first(&[day], std::slice::from_ref(&night)), ["night", "day"], "people may have changed");
        let astray = made("astray", ours, 1, 8_000, 40_000_000);
        assert_eq!(first(&[astray], std::slice::from_ref(&night)), ["night", "astray"], "by a wrong clock");
        let clone = made("clone", other, 1, 9_999, 200_100);
        assert_eq!(first(&[clone], std::slice::from_ref(&night)), ["night", "clone"], "another machine's");
        let after = made("after", ours, 2, 10, 199_000);
        assert_eq!(first(&[after], std::slice::from_ref(&night)), ["after", "night"], "a later epoch");
    }
}
