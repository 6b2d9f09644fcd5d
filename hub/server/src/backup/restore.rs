//! Puts a hub back from a backup: on an empty machine, to a chosen night, or into a folder for looking only.
//!
//! The walk: [`restore`] opens all targets at once and chooses a snapshot among all of theirs, fetches it into `restoring`
//! inside the data folder, checks every row of it ([`super::verify`]), puts the ledgers of every target on top, and makes
//! everything durable there. Only then [`placing`] moves what lay in the data folder aside and the new files in, by a list
//! on the disk that is worked off to its end after any cut. So the folder holds the old state or the new one, never half of
//! each.

mod choosing;
mod error;
mod ledgers;
mod opening;
pub mod placing;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use dreamseed_sync::{Progress, Repository, SnapshotInfo};
use dreamseed_wire::{Language, backup::EpochReason, ids::HubId};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

pub use self::{
    choosing::{EPOCH_NUMBER, Line},
    error::RestoreError,
};
use self::{
    choosing::{by_day, candidates, highest_epoch, is_faulty, other_lines, rank, whole},
    error::is_damage,
    opening::{There, find_more_targets, is_own_password, open, open_by},
};
use super::{
    files,
    manifest::{DATABASE, Manifest},
    password::{self, Password},
    targets::{self, Target, Targets},
    unseen,
    verify::{self, Unfit},
};
use crate::{
    doctor::disk_space,
    store::{self, StoreError, hub_meta::RestoredMarker},
};

/// The file of targets in a snapshot.
const SENT_TARGETS: &str = "config/targets.toml";
/// Where a snapshot is fetched to, in the folder in which a restore prepares.
pub const CHOSEN: &str = "snapshot";
/// Where ledgers alone are fetched to.
pub const LEDGERS: &str = "ledgers";
/// How long a cloud is waited for when a folder has a backup of the last [`opening::FRESH`]: what one request may take.
const CLOUD_WAIT: Duration = Duration::from_secs(30);
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
    /// Rows of it were damaged when it was made; the hub mends them from an older snapshot once it runs.
    #[serde(default)]
    pub has_faults: bool,
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
/// [`CLOUD_WAIT`] if a folder has a backup of the last [`opening::FRESH`].
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
    let fresh = Some((now, CLOUD_WAIT));
    let there = open_known(data, &password, &files::cache(data), fresh)?;
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

/// Fetches the newest snapshot of all targets in which no row is damaged into the folder `into`, which is made, to read in it; nothing of the
/// hub's changes. `false` if there is none. Blocks.
///
/// # Errors
/// As [`restore_newest_verified`].
pub fn fetch_newest_verified(data: &Path, into: &Path, now: Timestamp) -> Result<bool, RestoreError> {
    let Some(password) = password::read(data)? else { return Ok(false) };
    // Its own: backups that run now have the other one.
    let cache = into.join("cache");
    let there = open_known(data, &password, &cache, Some((now, CLOUD_WAIT)))?;
    let may = |snapshot: &SnapshotInfo| !is_faulty(snapshot);
    Ok(fetch_newest(&there, super::instance::read(data), &into.join(CHOSEN), &may)?.is_some())
}

/// Fetches every line of the ledgers that lie at the target `name` into the new folder `work`/[`LEDGERS`]; whether all of them
/// could be read, or nothing if there is no such target any more. Nothing of the hub's changes. Blocks.
///
/// # Errors
/// The target cannot be read, or the disk here not be written.
pub fn fetch_ledgers(data: &Path, name: &str, hub: HubId, work: &Path) -> Result<Option<bool>, RestoreError> {
    let Some(password) = password::read(data)? else { return Ok(None) };
    let targets = Targets::load(data)?;
    let Some(target) = targets.get(name) else { return Ok(None) };
    clear(work)?;
    files::make_folder(work).map_err(io_at(work))?;
    // Its own: backups that run now have the other one.
    let (repository, snapshots) = open(target, &password, &work.join("cache"))?;
    let is_all = ledgers::gather(&repository, &snapshots, &hub.to_string(), &work.join(LEDGERS));
    is_all.map(Some).map_err(io_at(work))
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
    let read = there.opened.iter().map(|one| one.target.name.as_str());
    unseen::note(&new, beside, read, &done.ledgers_unseen).map_err(io_at(&new))?;
    let highest = there.opened.iter().filter_map(|one| highest_epoch(&one.snapshots)).max();
    let highest_epoch = highest.unwrap_or_default().max(done.epoch);
    let marker = RestoredMarker { reason, highest_epoch, snapshot_at: Some(done.taken_at) };
    marker.leave(&new).map_err(io_at(&new))?;
    done.has_settings = new.join(placing::SETTINGS).exists();
    placing::make_durable(&new).map_err(io_at(&new))?;
    Ok(done)
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
    let found = fetch_newest(&there, super::instance::read(data), &work.join(CHOSEN), &|_| true)?;
    let Some(found) = found else { return Ok(None) };
    let extras = find_more_targets(Some(data), &work.join(CHOSEN), password);
    there.open_all(extras, password, &files::cache(data), fresh);
    let mut done = complete(data, work, password, found, &there, reason)?;
    done.seconds = begun.elapsed().as_secs_f64();
    Ok(Some(done))
}

/// Opens the targets that this machine knows; what is wrong at one is logged.
fn open_known(
    data: &Path,
    password: &Password,
    cache: &Path,
    fresh: Option<(Timestamp, Duration)>,
) -> Result<There, RestoreError> {
    let mut there = There::default();
    there.open_all(Targets::load(data)?.list, password, cache, fresh);
    for (target, err) in &there.failed {
        warn_of(&target.name, err);
    }
    Ok(there)
}

/// Fetches the newest snapshot that is whole and `may` be taken into `into`; none if there is none.
fn fetch_newest(
    there: &There,
    own: Option<uuid::Uuid>,
    into: &Path,
    may: &dyn Fn(&SnapshotInfo) -> bool,
) -> Result<Option<Found>, RestoreError> {
    let mut passed_over = 0;
    let mut useless = BTreeSet::new();
    let offers = there.offers(|_| true);
    let ranked = rank(&offers, own);
    if let Some((_, first)) = ranked.first() {
        for other in other_lines(&offers, first, |_| true) {
            tracing::warn!(
                taken = first.id,
                taken_at = %first.time,
                other = other.id,
                other_at = %other.time,
                "another machine went on with this school and backed up: its answers are in another backup only"
            );
        }
    }
    for (at, info) in ranked {
        let Some(one) = there.opened.get(at).filter(|_| may(info)) else { continue };
        if useless.contains(&one.target.name) {
            continue;
        }
        match fetch(&one.repository, &one.target.name, info, into, &|_| {}) {
            Ok(manifest) => {
                let from = one.target.name.clone();
                return Ok(Some(Found { from, info: info.clone(), manifest, passed_over }));
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
    Ok(None)
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
        has_faults: false,
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
            has_faults: self.manifest.faults.is_some(),
            ledgers_at: None,
            ledgers_unseen: Vec::new(),
            aside: None,
            has_settings: false,
            seconds: 0.0,
        }
    }
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

impl RestorePlan {
    fn may_come_from(&self, target: &Target) -> bool {
        self.only.as_ref().is_none_or(|name| target.name == *name)
    }

    fn name_targets(&self) -> String {
        let names = self.targets.iter().filter(|target| self.may_come_from(target));
        names.map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ")
    }
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
