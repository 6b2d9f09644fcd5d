//! Backups at one target: a repository in restic's format, driven by rustic.
//!
//! rustic packs, encrypts, finds again and prunes; what stands here is what it leaves open: when a place is new and
//! when it is gone, that a file which could not be read is an error, that a restore which fails says why, and when
//! nothing may be removed. No cache of the repository is kept: what is read comes from the target, as it would on the
//! day of need.

use crate::{
    Limits, Password, Place, SyncError, Target,
    bucket::Bucket,
    folder::Folder,
    gauge::Gauge,
    mending::{self, Mended},
    opened_key,
    own_run::{OwnRun, random_name, writer_name},
    retention::{self, ClockTrust, Keep, Skipped, Tidied},
    store::{Contents, Line, Store},
};
use jiff::{Timestamp, tz::TimeZone};
use rustic_core::{
    BackupOptions, CheckOptions, CheckResults, ConfigOptions, Credentials, ErrorKind, FileType, KeyOptions,
    LocalDestination, LsOptions, OpenStatus, PathList, PruneOptions, ReadSubsetOption, RepairIndexOptions,
    RepositoryBackends, RepositoryOptions, RestoreOptions, RusticError, RusticResult, SnapshotOptions,
    repofile::{SnapshotFile, SnapshotId},
};
use serde::{Deserialize, Serialize};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// Writes a small file to the place, reads it back and removes it.
pub fn try_target(target: &Target, limits: &Limits) -> Result<(), SyncError> {
    open_store(target, limits, &random_name()?)?.try_out()
}

/// Backups at one target. Cheap to keep open for a run, not meant to be kept between runs.
pub struct Repository {
    line: Line,
    gauge: Gauge,
    cache: PathBuf,
    inner: rustic_core::Repository<OpenStatus>,
    /// Files of snapshots were met that cannot be read.
    has_unfit_snapshots: AtomicBool,
}

impl fmt::Debug for Repository {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The inner one holds the key.
        out.debug_struct("Repository")
            .field("location", &self.line.store().location())
            .finish_non_exhaustive()
    }
}

/// What a new snapshot says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSnapshot {
    pub host: String,
    /// Without commas.
    pub tags: Vec<String>,
    /// The clock's time. The snapshot's is later if one there is not older: a second after the newest.
    pub time: Timestamp,
}

/// A snapshot at a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// 64 hexadecimal digits.
    pub id: String,
    pub time: Timestamp,
    pub host: String,
    pub tags: Vec<String>,
    /// Files that were backed up.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From [`Repository::back_up`] all bytes that the run wrote to the target; from a list those of its data.
    pub bytes_sent: u64,
}

/// A run as it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes read from the folder, or written into it.
    pub done: u64,
    pub total: Option<u64>,
    /// Bytes that crossed the line so far, both ways.
    pub moved: u64,
}

/// What a restore wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    pub bytes: u64,
    pub files: u64,
}

/// How much of the data a check reads, besides the structure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadData {
    None,
    /// So many per cent of the bytes, chosen at random each time.
    Subset(f64),
    All,
}

impl Repository {
    /// Opens the repository, or makes one if the place is empty. `expected` is the [`Repository::id`] that was seen
    /// there before: a place without it is gone or swapped, never new. `cache` is a folder of this hub's own.
    pub fn open_or_init(
        target: &Target,
        limits: &Limits,
        password: &Password,
        cache: &Path,
        expected: Option<&str>,
    ) -> Result<Self, SyncError> {
        let store = open_store(target, limits, &writer_name(cache)?)?;
        match store.contents()? {
            Contents::Repository => Self::open_at(store, password, cache, expected),
            Contents::Empty | Contents::HalfMade if expected.is_none() => {
                Self::init_at(store, password, cache)
            }
            Contents::Headless => Err(is_headless(&*store)),
            Contents::Empty | Contents::HalfMade | Contents::Other => Err(is_missing(&*store, expected)),
        }
    }

    /// Opens the repository.
    pub fn open(
        target: &Target,
        limits: &Limits,
        password: &Password,
        cache: &Path,
        expected: Option<&str>,
    ) -> Result<Self, SyncError> {
        let store = open_store(target, limits, &writer_name(cache)?)?;
        match store.contents()? {
            Contents::Repository => Self::open_at(store, password, cache, expected),
            Contents::Empty | Contents::HalfMade if expected.is_none() => {
                Err(SyncError::NoBackups { location: store.location().to_owned() })
            }
            Contents::Headless => Err(is_headless(&*store)),
            Contents::Empty | Contents::HalfMade | Contents::Other => Err(is_missing(&*store, expected)),
        }
    }

    /// The repository's own id, 64 hexadecimal digits; it never changes.
    pub fn id(&self) -> String {
        self.inner.config().id.to_hex().to_string()
    }

    /// Backs the folder up. What a killed run has sent already is not sent again. A file that cannot be read, or
    /// changes meanwhile, fails the run and leaves no snapshot.
    pub fn back_up(
        &self,
        folder: &Path,
        new: &NewSnapshot,
        progress: &dyn Fn(Progress),
    ) -> Result<SnapshotInfo, SyncError> {
        let _run = self.begin_run()?;
        self.line.store().sweep()?;
        let before = self.line.crossed().sent;
        let whole =
            tally(folder).map_err(|error| SyncError::here(format!("read {}", folder.display()), &error))?;
        let newest = self.snapshots()?.last().map(|snapshot| snapshot.time);
        let time = retention::time_of_new(new.time, newest);
        self.mend_index()?;
        let snapshot = self.watch(progress, || {
            let source = PathList::from_iter([folder]).sanitize().map_err(|error| {
                RusticError::with_source(ErrorKind::InputOutput, "the folder cannot be found", error)
            })?;
            let mut options = BackupOptions::default().as_path(PathBuf::from(ROOT));
            // Every byte is read: times and inodes do not prove that a file is the same.
            options.parent_opts = options.parent_opts.force(true);
            self.reopen()?.to_indexed_ids()?.backup(&options, &source, label(new, time)?)
        })?;
        let info = describe(&snapshot);
        if (info.files, info.bytes) != (whole.files, whole.bytes) {
            self.watch(&|_| {}, || self.inner.delete_snapshots(&[snapshot.id]))?;
            return Err(SyncError::Io {
                what: format!("read {}", folder.display()),
                detail: format!("{} of {} bytes could be read", info.bytes, whole.bytes),
            });
        }
        Ok(SnapshotInfo { bytes_sent: self.line.crossed().sent - before, ..info })
    }

    /// All snapshots whose files can be read, oldest first.
    pub fn snapshots(&self) -> Result<Vec<SnapshotInfo>, SyncError> {
        Ok(self.snapshot_files()?.iter().map(describe).collect())
    }

    /// Writes the tree of a snapshot into an empty folder, which is made if need be. Nothing is forced to the disk: who keeps
    /// it does that, and what is only looked at would make a lesson's commits wait.
    /// Owners are not restored: they may be others on this machine. On an error the folder holds a part.
    pub fn restore(&self, id: &str, into: &Path, progress: &dyn Fn(Progress)) -> Result<Restored, SyncError> {
        self.restore_below(id, ROOT, into, progress)
    }

    /// The same for one folder of a snapshot, by its path from the snapshot's top; an error if there is none.
    pub fn restore_folder(
        &self,
        id: &str,
        folder: &str,
        into: &Path,
        progress: &dyn Fn(Progress),
    ) -> Result<Restored, SyncError> {
        self.restore_below(id, &format!("{ROOT}/{folder}"), into, progress)
    }

    fn restore_below(
        &self,
        id: &str,
        top: &str,
        into: &Path,
        progress: &dyn Fn(Progress),
    ) -> Result<Restored, SyncError> {
        let here = |error: io::Error| SyncError::here(format!("write to {}", into.display()), &error);
        fs::create_dir_all(into).map_err(here)?;
        if fs::read_dir(into).map_err(here)?.next().is_some() {
            return Err(SyncError::RestoreNotEmpty { path: into.display().to_string() });
        }
        let snapshots = self.snapshot_files()?;
        let snapshot = snapshots.iter().find(|snapshot| *snapshot.id.to_hex() == *id);
        let snapshot = snapshot.ok_or_else(|| self.no_snapshot(id))?;
        // Of a part nothing is known before its tree is read.
        let bytes = if top == ROOT { describe(snapshot).bytes } else { 0 };
        let free = rustix::fs::statvfs(into).map_err(|error| here(error.into()))?;
        if free.f_bavail.saturating_mul(free.f_frsize) < bytes {
            return Err(SyncError::Full { location: into.display().to_string() });
        }
        let expected = self.watch(progress, || self.restore_tree(snapshot, top, into))?;
        let restored = tally(into).map_err(here)?;
        if (restored.files, restored.bytes) != (expected.files, expected.bytes) {
            return Err(self.damaged(format!("{} of {} bytes came back", restored.bytes, expected.bytes)));
        }
        Ok(restored)
    }

    /// Removes snapshots that are too old, and data that no snapshot has needed for a day. Removes nothing while the
    /// clock cannot be believed.
    pub fn tidy(&self, keep: &Keep, clock: ClockTrust) -> Result<Tidied, SyncError> {
        let _run = self.begin_run()?;
        let before = self.line.crossed().removed_packs;
        let snapshots = self.snapshots()?;
        let gone = match retention::choose(&snapshots, keep, clock) {
            Ok(gone) => gone,
            Err(skipped) => {
                if skipped == Skipped::SnapshotFromFuture {
                    self.put_back_in_time(&retention::put_back_in_time(&snapshots, clock))?;
                }
                return Ok(Tidied { forgotten: 0, pruned: 0, skipped: Some(skipped) });
            }
        };
        self.watch(&|_| {}, || self.inner.delete_snapshots(&read_ids(&gone)?))?;
        let pruned = self.watch(&|_| {}, || {
            let options = PruneOptions::default();
            let plan = self.inner.prune_plan(&options)?;
            self.inner.prune(&options, plan)
        });
        if let Err(fault) = pruned {
            // rustic prunes nothing while a snapshot lacks parts that a damaged pack has lost. They go with the snapshot, by
            // its age; until then the data of others stays too.
            if matches!(fault, SyncError::Io { .. }) && self.lacks_parts()? {
                tracing::warn!(
                    "data of removed backups stays while a damaged one is among those that are kept"
                );
            } else {
                return Err(fault);
            }
        }
        Ok(Tidied {
            forgotten: u32::try_from(gone.len()).unwrap_or(u32::MAX),
            pruned: u32::try_from(self.line.crossed().removed_packs - before).unwrap_or(u32::MAX),
            skipped: None,
        })
    }

    /// Checks the structure, and as much of the data as asked. Packs that are damaged are noted: the next backup sends what they
    /// held again, as far as the folder still has it.
    pub fn check(&self, read_data: ReadData) -> Result<(), SyncError> {
        self.check_by(read_data, |options| self.inner.check(options))
    }

    /// The same for all that one snapshot needs: one that could not be restored.
    pub fn check_snapshot(&self, id: &str) -> Result<(), SyncError> {
        let snapshots = self.snapshot_files()?;
        let snapshot = snapshots.iter().find(|snapshot| *snapshot.id.to_hex() == *id);
        let tree = snapshot.ok_or_else(|| self.no_snapshot(id))?.tree;
        self.check_by(ReadData::All, |options| self.inner.check_with_trees(options, vec![tree]))
    }

    fn check_by(
        &self,
        read_data: ReadData,
        check: impl FnOnce(CheckOptions) -> RusticResult<CheckResults> + Send,
    ) -> Result<(), SyncError> {
        let options = match read_data {
            ReadData::None => CheckOptions::default(),
            ReadData::Subset(percent) => CheckOptions::default()
                .read_data(true)
                .read_data_subset(ReadSubsetOption::Percentage(percent.clamp(0.0, 100.0))),
            ReadData::All => CheckOptions::default().read_data(true),
        };
        let results = self.watch(&|_| {}, || check(options))?;
        // A check that found damage has succeeded as far as rustic is concerned.
        let Err(error) = results.is_ok() else { return Ok(()) };
        let fault = self.line.take_fault();
        let findings: Vec<String> = results.0.iter().map(|(_, finding)| finding.to_string()).collect();
        let fault =
            fault.unwrap_or_else(|| self.damaged(in_short(findings.first().unwrap_or(&error.display_log()))));
        if matches!(fault, SyncError::Damaged { .. }) {
            let suspects = self.watch(&|_| {}, || mending::name_suspects(&self.inner, &findings))?;
            mending::note(&self.cache, &self.id(), &suspects)
                .map_err(|error| SyncError::here("note damaged packs", &error))?;
        }
        Err(fault)
    }

    /// Takes damaged packs away that a check has noted, and makes the index fit what lies there: packs of a killed run are on
    /// the target, but in no index.
    fn mend_index(&self) -> Result<(), SyncError> {
        if self.has_unfit_snapshots.load(Ordering::Relaxed) {
            self.watch(&|_| {}, || mending::drop_unfit(&self.line, FileType::Snapshot))?;
            self.has_unfit_snapshots.store(false, Ordering::Relaxed);
        }
        let here = |error: io::Error| SyncError::here("use the notes of damaged packs", &error);
        let suspects = mending::noted(&self.cache, &self.id()).map_err(here)?;
        let repair = || self.inner.repair_index(&RepairIndexOptions::default(), false);
        // Before the index is repaired, which forgets all parts of a pack that is cut off.
        let mend = || {
            let mended = if suspects.is_empty() {
                Mended::default()
            } else {
                mending::mend(&self.line, &self.inner, &suspects)?
            };
            repair().map(|()| mended)
        };
        let mended = match self.watch(&|_| {}, mend) {
            Ok(mended) => mended,
            Err(fault) => {
                // The index itself may be what is damaged.
                if self.watch(&|_| {}, || mending::drop_unfit(&self.line, FileType::Index))? == 0 {
                    return Err(fault);
                }
                self.watch(&|_| {}, || repair().and_then(|()| mend()))?
            }
        };
        if !suspects.is_empty() {
            tracing::warn!(
                packs = mended.packs,
                lost = mended.lost,
                "damaged packs of the backups were taken away"
            );
            mending::forget(&self.cache, &self.id()).map_err(here)?;
        }
        Ok(())
    }

    /// Whether a snapshot needs what is in no index.
    fn lacks_parts(&self) -> Result<bool, SyncError> {
        let results = self.watch(&|_| {}, || self.inner.check(CheckOptions::default()))?;
        Ok(results.0.iter().any(|(_, finding)| {
            let finding = finding.to_string();
            finding.contains("missing in index") || finding.starts_with("error checking trees")
        }))
    }

    fn no_snapshot(&self, id: &str) -> SyncError {
        SyncError::NoSnapshot { location: self.line.store().location().to_owned(), id: id.to_owned() }
    }

    fn open_at(
        store: Arc<dyn Store>,
        password: &Password,
        cache: &Path,
        expected: Option<&str>,
    ) -> Result<Self, SyncError> {
        let (line, gauge) = (Line::new(store), Gauge::default());
        let inner = Self::unlock(&line, &gauge, password, cache, expected)?;
        let has_unfit_snapshots = AtomicBool::new(false);
        let repository = Self { line, gauge, cache: cache.to_owned(), inner, has_unfit_snapshots };
        let found = repository.id();
        match expected {
            Some(expected) if expected != found => Err(SyncError::Swapped {
                location: repository.line.store().location().to_owned(),
                expected: expected.to_owned(),
                found,
            }),
            Some(_) | None => Ok(repository),
        }
    }

    /// With the key that this password has opened before, if this is the hub's own repository; else with the password.
    fn unlock(
        line: &Line,
        gauge: &Gauge,
        password: &Password,
        cache: &Path,
        expected: Option<&str>,
    ) -> Result<rustic_core::Repository<OpenStatus>, SyncError> {
        let kept = expected.and_then(|id| opened_key::find(cache, id, password.reveal(), line.store()));
        if let Some(key) = kept
            && let Ok(inner) = connect(line, gauge).and_then(|new| new.open(&Credentials::Masterkey(key)))
        {
            return Ok(inner);
        }
        // What the quick way met is met again, and told, by this one.
        let _ = line.take_fault();
        let opened = connect(line, gauge).and_then(|new| new.open(&Credentials::password(password.reveal())));
        let inner = opened.map_err(|error| to_fault(line, &error))?;
        let found = inner.config().id.to_hex().to_string();
        // Only found again for a repository that is expected, which this one may become.
        if expected.is_none_or(|id| id == found) {
            opened_key::keep(cache, &found, password.reveal(), line.store(), inner.key());
        }
        Ok(inner)
    }

    fn init_at(store: Arc<dyn Store>, password: &Password, cache: &Path) -> Result<Self, SyncError> {
        let _run = OwnRun::begin(cache, store.location())?;
        store.sweep()?;
        // Keys without a repository: they open nothing, and would be tried before the new one.
        for (id, _) in store.list(FileType::Key)? {
            store.remove(FileType::Key, &id)?;
        }
        let (line, gauge) = (Line::new(store), Gauge::default());
        let made = connect(&line, &gauge).and_then(|new| {
            let credentials = Credentials::password(password.reveal());
            new.init(&credentials, &KeyOptions::default(), &shape())
        });
        let inner = made.map_err(|error| to_fault(&line, &error))?;
        let id = inner.config().id.to_hex().to_string();
        opened_key::keep(cache, &id, password.reveal(), line.store(), inner.key());
        let has_unfit_snapshots = AtomicBool::new(false);
        Ok(Self { line, gauge, cache: cache.to_owned(), inner, has_unfit_snapshots })
    }

    fn begin_run(&self) -> Result<OwnRun, SyncError> {
        OwnRun::begin(&self.cache, self.line.store().location())
    }

    /// Again and without the slow key derivation: rustic's steps use a repository up.
    fn reopen(&self) -> RusticResult<rustic_core::Repository<OpenStatus>> {
        connect(&self.line, &self.gauge)?.open(&Credentials::Masterkey(self.inner.key()))
    }

    fn snapshot_files(&self) -> Result<Vec<SnapshotFile>, SyncError> {
        let mut files = match self.watch(&|_| {}, || self.inner.get_all_snapshots()) {
            // The others can be used all the same.
            Err(SyncError::Damaged { .. }) => {
                self.has_unfit_snapshots.store(true, Ordering::Relaxed);
                tracing::warn!("the file of a snapshot is damaged; it is passed over");
                self.watch(&|_| {}, || {
                    let fit = mending::sort_names(&self.line, FileType::Snapshot)?.fit;
                    let ids = fit.into_iter().map(SnapshotId::from).collect();
                    let read = self.inner.stream_files_list::<SnapshotFile>(ids)?;
                    read.map(|file| file.map(|(id, file)| SnapshotFile { id, ..file })).collect()
                })?
            }
            other => other?,
        };
        files.sort_by_cached_key(|file| (file.time.timestamp(), file.id));
        Ok(files)
    }

    fn restore_tree(&self, snapshot: &SnapshotFile, top: &str, into: &Path) -> RusticResult<Restored> {
        let indexed = self.reopen()?.to_indexed()?;
        let root = indexed.node_from_snapshot_and_path(snapshot, top)?;
        let tree = indexed.ls(&root, &LsOptions::default())?;
        let options = RestoreOptions::default().no_ownership(true);
        let destination = LocalDestination::new(&into.to_string_lossy(), true, false)?;
        let plan = indexed.prepare_restore(&options, tree.clone(), &destination, false)?;
        indexed.restore(plan, &options, tree.clone(), &destination)?;
        let mut expected = Restored { bytes: 0, files: 0 };
        for entry in tree {
            let (_, node) = entry?;
            if node.is_file() {
                expected.bytes += node.meta.size;
                expected.files += 1;
            }
        }
        Ok(expected)
    }

    /// The new one is written before the old one goes: a kill between leaves both.
    fn put_back_in_time(&self, moves: &[(String, Timestamp)]) -> Result<(), SyncError> {
        let files = self.snapshot_files()?;
        for (id, time) in moves {
            let Some(file) = files.iter().find(|file| *file.id.to_hex() == **id) else {
                continue;
            };
            let moved = SnapshotFile { time: time.to_zoned(TimeZone::UTC), ..file.clone() };
            self.watch(&|_| {}, || {
                self.inner.save_snapshots(vec![moved])?;
                self.inner.delete_snapshots(&[file.id])
            })?;
        }
        Ok(())
    }

    /// Runs rustic in a thread of its own: the caller's tells how far it is, and a panic of rustic's (its restore
    /// unwraps what it reads) becomes an error.
    fn watch<T: Send>(
        &self,
        progress: &dyn Fn(Progress),
        work: impl FnOnce() -> RusticResult<T> + Send,
    ) -> Result<T, SyncError> {
        self.line.take_fault();
        self.gauge.reset();
        let start = self.line.crossed();
        let tell = || {
            let (done, total) = self.gauge.read();
            let now = self.line.crossed();
            progress(Progress { done, total, moved: now.sent + now.received - start.sent - start.received });
        };
        thread::scope(|scope| {
            let (running, ended) = mpsc::channel::<()>();
            let worker = scope.spawn(move || {
                let _running = running;
                work()
            });
            while ended.recv_timeout(TELL_EVERY) == Err(RecvTimeoutError::Timeout) {
                tell();
            }
            let result = worker.join();
            tell();
            match result {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(error)) => Err(to_fault(&self.line, &error)),
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().map(String::as_str).unwrap_or_default();
                    Err(self.line.take_fault().unwrap_or_else(|| self.damaged(in_short(text))))
                }
            }
        })
    }

    fn damaged(&self, detail: String) -> SyncError {
        SyncError::Damaged { location: self.line.store().location().to_owned(), detail }
    }
}

/// Where the folder stands inside a snapshot, whatever its path was.
const ROOT: &str = "/dreamseed";
const TELL_EVERY: Duration = Duration::from_millis(250);

fn open_store(target: &Target, limits: &Limits, writer: &str) -> Result<Arc<dyn Store>, SyncError> {
    Ok(match &target.place {
        Place::Folder(folder) => Arc::new(Folder::open(folder, limits, writer)?),
        Place::S3(place) => Arc::new(Bucket::open(place, limits, writer)?),
    })
}

fn is_missing(store: &dyn Store, expected: Option<&str>) -> SyncError {
    let location = store.location().to_owned();
    match expected {
        Some(_) => SyncError::Gone { location },
        None => SyncError::NotEmptyNotOurs { location },
    }
}

fn is_headless(store: &dyn Store) -> SyncError {
    SyncError::Damaged { location: store.location().to_owned(), detail: "config is missing".to_owned() }
}

fn connect(line: &Line, gauge: &Gauge) -> RusticResult<rustic_core::Repository<()>> {
    let backends = RepositoryBackends::new(Arc::new(line.clone()), None);
    let options = RepositoryOptions::default().no_cache(true);
    rustic_core::Repository::new_with_progress(&options, &backends, gauge.clone())
}

/// How a new repository cuts and packs. Chunks of 64 KiB find more of a database again, whose pages have changed here
/// and there, than the usual 1 MiB (a night's new bytes less by a quarter; smaller ones compress worse than they find),
/// and packs of 2 MiB keep memory small: twenty are in hand at a time when restoring.
fn shape() -> ConfigOptions {
    let mut options = ConfigOptions::default();
    options.set_chunk_size = "64KiB".parse().ok();
    options.set_chunk_min_size = "16KiB".parse().ok();
    options.set_chunk_max_size = "256KiB".parse().ok();
    options.set_datapack_size = "2MiB".parse().ok();
    options.set_datapack_growfactor = Some(0);
    options.set_treepack_size = "4MiB".parse().ok();
    options.set_treepack_growfactor = Some(0);
    options
}

fn label(new: &NewSnapshot, time: Timestamp) -> RusticResult<SnapshotFile> {
    let mut options = SnapshotOptions::default()
        .host(new.host.clone())
        .command("dreamseed".to_owned())
        .time(time.to_zoned(TimeZone::UTC));
    for tag in &new.tags {
        options = options.add_tags(tag)?;
    }
    options.to_snapshot()
}

fn describe(file: &SnapshotFile) -> SnapshotInfo {
    let summary = file.summary.as_ref();
    SnapshotInfo {
        id: file.id.to_hex().to_string(),
        time: file.time.timestamp(),
        host: file.hostname.clone(),
        tags: file.tags.iter().cloned().collect(),
        files: summary.map_or(0, |summary| summary.total_files_processed),
        bytes: summary.map_or(0, |summary| summary.total_bytes_processed),
        bytes_sent: summary.map_or(0, |summary| summary.data_added_packed),
    }
}

fn read_ids(ids: &[String]) -> RusticResult<Vec<SnapshotId>> {
    ids.iter().map(|id| Ok(SnapshotId::from(id.parse::<rustic_core::Id>()?))).collect()
}

/// The fault that the line has seen tells more than what rustic made of it.
fn to_fault(line: &Line, error: &RusticError) -> SyncError {
    if let Some(fault) = line.take_fault() {
        return fault;
    }
    let location = line.store().location().to_owned();
    if error.is_incorrect_password() {
        return SyncError::WrongPassword { location };
    }
    let detail = in_short(&error.display_log());
    let is_unreadable = [ErrorKind::Cryptography, ErrorKind::Verification]
        .iter()
        // The kind has no other way out than the text.
        .any(|kind| detail.contains(&format!("(kind: related to {kind}")));
    if is_unreadable {
        return SyncError::Damaged { location, detail };
    }
    SyncError::Io { what: format!("use the backups at {location}"), detail }
}

/// rustic's texts go on for pages, traces included.
fn in_short(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// Files below a folder and their bytes; links are not followed.
fn tally(folder: &Path) -> io::Result<Restored> {
    let mut sum = Restored { bytes: 0, files: 0 };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let seen = entry.metadata()?;
            if seen.is_dir() {
                folders.push(entry.path());
            } else if seen.is_file() {
                sum.bytes += seen.len();
                sum.files += 1;
            }
        }
    }
    Ok(sum)
}
