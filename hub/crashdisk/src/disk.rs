//! One disk with the files of one database, and the moment at which its power goes.
//!
//! Every write goes through to a real file, so that programs that look at it by themselves see what they would see; beside it
//! the disk remembers what of each file is synced, and the changes since. Names behave as POSIX promises and no better: a
//! file that was made or deleted is so after a cut only if the folder was synced, which SQLite does with the first sync of
//! each new log or journal. When the power goes, the state stands still and every call fails.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
use sqlite_plugin::{
    flags::{LockLevel, ShmLockMode},
    vars,
    vfs::VfsResult,
};

use crate::{
    image::{Change, Fate, survive},
    random::Random,
    sharing::Sharing,
};

/// Bytes of the header at the beginning of a log, which SQLite writes and syncs by itself.
const LOG_HEADER: usize = 32;

/// The disks that are there, for [`find`].
static DISKS: RwLock<Vec<Weak<Disk>>> = RwLock::new(Vec::new());

/// The files of a disk, by their names in its folder.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// See the module.
pub struct Disk {
    folder: PathBuf,
    sync_takes: Duration,
    state: Mutex<State>,
    /// Told when the power goes or a sync fails.
    changed: Condvar,
}

struct State {
    is_off: bool,
    random: Random,
    inodes: Vec<Inode>,
    /// As programs see them.
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    /// Since the folder was last synced; none for a file that was deleted.
    renamed: Vec<(PathBuf, Option<usize>)>,
    sharing: BTreeMap<PathBuf, Sharing>,
    connections: u64,
    /// Calls that change something.
    calls: u64,
    cut_at: Option<u64>,
    /// Syncs until one fails.
    syncs_left: Option<u64>,
    has_failed: bool,
    skips_commits: bool,
}

/// A file, whatever its name.
#[derive(Default)]
struct Inode {
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    /// A new log or journal: its first sync is one of the folder too.
    is_unnamed: bool,
}

/// A file that SQLite has opened.
pub struct OpenFile {
    pub disk: Arc<Disk>,
    pub is_readonly: bool,
    who: u64,
    inode: usize,
    /// In the disk's folder.
    name: PathBuf,
    is_log: bool,
    file: fs::File,
}

/// How a file is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    pub is_readonly: bool,
    pub creates: bool,
    /// The log of a database.
    pub is_log: bool,
    /// The log, or a journal.
    pub syncs_folder: bool,
}

/// The disk on which a path lies.
pub fn find(path: &Path) -> Option<Arc<Disk>> {
    DISKS.read().iter().filter_map(Weak::upgrade).find(|disk| path.starts_with(&disk.folder))
}

impl Disk {
    /// Lays a disk out in a folder, with files that are all synced.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn lay_out(folder: &Path, files: &Files, sync_takes: Duration, seed: u64) -> io::Result<Arc<Self>> {
        fs::create_dir_all(folder)?;
        let mut state = State {
            is_off: false,
            random: Random::new(seed),
            inodes: Vec::new(),
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            renamed: Vec::new(),
            sharing: BTreeMap::new(),
            connections: 0,
            calls: 0,
            cut_at: None,
            syncs_left: None,
            has_failed: false,
            skips_commits: false,
        };
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes)?;
            state.adopt(name, bytes.clone());
        }
        let disk = Arc::new(Disk {
            folder: folder.to_owned(),
            sync_takes,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let mut disks = DISKS.write();
        disks.retain(|disk| disk.strong_count() > 0);
        disks.push(Arc::downgrade(&disk));
        drop(disks);
        Ok(disk)
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The power goes with the so-and-so-many-th call from now that changes something; `None` takes it back.
    pub fn cut_after(&self, calls: Option<u64>) {
        let mut state = self.state.lock();
        state.cut_at = calls.map(|calls| state.calls + calls.max(1));
    }

    /// The so-and-so-many-th sync from now fails, as a disk that has lost a block makes it fail: some of the changes have
    /// reached it, the others are forgotten, and later syncs work and do not bring them back.
    pub fn fail_sync_after(&self, syncs: u64) {
        self.state.lock().syncs_left = Some(syncs.max(1));
    }

    /// From now on the sync at the end of a commit does nothing, and every other sync works: exactly what SQLite leaves out with
    /// `synchronous = NORMAL`.
    pub fn skip_commits(&self) {
        self.state.lock().skips_commits = true;
    }

    /// The power goes now, if it has not gone already.
    pub fn cut(&self) {
        self.state.lock().is_off = true;
        self.changed.notify_all();
    }

    pub fn is_off(&self) -> bool {
        self.state.lock().is_off
    }

    /// Whether a sync has failed.
    pub fn has_failed(&self) -> bool {
        self.state.lock().has_failed
    }

    /// Calls that have changed something.
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Waits until the power has gone; false if it has not within the time.
    pub fn wait_until_off(&self, within: Duration) -> bool {
        self.wait(within, |state| state.is_off)
    }

    /// Waits until a sync has failed; false if none has within the time.
    pub fn wait_until_failed(&self, within: Duration) -> bool {
        self.wait(within, |state| state.has_failed)
    }

    fn wait(&self, within: Duration, is_so: impl Fn(&State) -> bool) -> bool {
        let end = Instant::now() + within;
        let mut state = self.state.lock();
        while !is_so(&state) {
            if self.changed.wait_until(&mut state, end).timed_out() {
                return is_so(&state);
            }
        }
        true
    }

    /// What is left on the disk; cuts the power if that has not happened. Asked twice, chance decides twice.
    pub fn survivors(&self) -> Files {
        self.cut();
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut names = state.synced_names.clone();
        for (name, steps) in state.name_changes() {
            // Those of one name come in their order, those of two names in any.
            let reached = state.random.below(steps.len() + 1);
            match steps[..reached].last() {
                Some(Some(inode)) => drop(names.insert(name, *inode)),
                Some(None) => drop(names.remove(&name)),
                None => {}
            }
        }
        let random = &mut state.random;
        names
            .into_iter()
            .map(|(name, inode)| {
                let Inode { synced, unsynced, .. } = &state.inodes[inode];
                let fate = Fate::draw(random);
                (name, survive(synced, unsynced, fate, random))
            })
            .collect()
    }

    /// Opens a file on the disk.
    pub fn open(self: Arc<Self>, path: &Path, opening: Opening) -> VfsResult<OpenFile> {
        let name = path.strip_prefix(&self.folder).map_err(|_| vars::SQLITE_CANTOPEN)?.to_owned();
        let mut state = self.on(vars::SQLITE_IOERR)?;
        let is_there = path.is_file();
        if !is_there && !opening.creates {
            return Err(vars::SQLITE_CANTOPEN);
        }
        let known = state.names.get(&name).copied().filter(|_| is_there);
        let inode = match known {
            Some(inode) => inode,
            // A program has put it there by itself, and synced it as far as anybody here can know.
            None if is_there => {
                let bytes = fs::read(path).map_err(|_| vars::SQLITE_CANTOPEN)?;
                state.adopt(&name, bytes)
            }
            None => {
                self.step(&mut state, vars::SQLITE_CANTOPEN)?;
                let inode = state.inodes.len();
                state.inodes.push(Inode { is_unnamed: opening.syncs_folder, ..Inode::default() });
                state.names.insert(name.clone(), inode);
                state.renamed.push((name.clone(), Some(inode)));
                inode
            }
        };
        let writes = !opening.is_readonly;
        let file =
            fs::OpenOptions::new().read(true).write(writes).create(writes && opening.creates).open(path);
        let file = file.map_err(|_| vars::SQLITE_CANTOPEN)?;
        state.connections += 1;
        let who = state.connections;
        drop(state);
        let Opening { is_readonly, is_log, .. } = opening;
        Ok(OpenFile { disk: self, is_readonly, who, inode, name, is_log, file })
    }

    /// Deletes a file; its name stays after a cut until the folder is synced, which SQLite does not ask for here.
    pub fn delete(&self, path: &Path) -> VfsResult<()> {
        let mut state = self.on(vars::SQLITE_IOERR_DELETE)?;
        self.step(&mut state, vars::SQLITE_IOERR_DELETE)?;
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Err(vars::SQLITE_IOERR_DELETE_NOENT),
            Err(_) => return Err(vars::SQLITE_IOERR_DELETE),
        }
        let name = path.strip_prefix(&self.folder).map_err(|_| vars::SQLITE_IOERR_DELETE)?;
        if state.names.remove(name).is_some() {
            state.renamed.push((name.to_owned(), None));
        }
        Ok(())
    }

    /// Whether there is a file with something in it.
    pub fn has(&self, path: &Path) -> VfsResult<bool> {
        let _on = self.on(vars::SQLITE_IOERR_ACCESS)?;
        Ok(fs::metadata(path).is_ok_and(|found| found.len() > 0))
    }

    /// The state, if the power is on.
    fn on(&self, error: i32) -> VfsResult<MutexGuard<'_, State>> {
        let state = self.state.lock();
        if state.is_off { Err(error) } else { Ok(state) }
    }

    /// Counts a call that changes something; the one at which the power goes fails.
    fn step(&self, state: &mut State, error: i32) -> VfsResult<()> {
        state.calls += 1;
        if state.cut_at != Some(state.calls) {
            return Ok(());
        }
        state.is_off = true;
        self.changed.notify_all();
        Err(error)
    }
}

impl State {
    /// Takes a file as it is, synced.
    fn adopt(&mut self, name: &Path, synced: Vec<u8>) -> usize {
        let inode = self.inodes.len();
        self.inodes.push(Inode { synced, ..Inode::default() });
        self.names.insert(name.to_owned(), inode);
        self.synced_names.insert(name.to_owned(), inode);
        inode
    }

    fn name_changes(&self) -> BTreeMap<PathBuf, Vec<Option<usize>>> {
        let mut changes: BTreeMap<PathBuf, Vec<Option<usize>>> = BTreeMap::new();
        for (name, inode) in &self.renamed {
            changes.entry(name.clone()).or_default().push(*inode);
        }
        changes
    }

    /// Whether this sync of a log ends a commit, and neither begins a log nor a checkpoint.
    fn is_commit(&self, file: &OpenFile) -> bool {
        let begins_log = matches!(
            self.inodes[file.inode].unsynced.last(),
            Some(Change::Write { offset: 0, bytes }) if bytes.len() == LOG_HEADER
        );
        file.is_log
            && !begins_log
            && !self.sharing.get(&database_of(&file.name)).is_some_and(Sharing::is_checkpointing)
    }
}

impl OpenFile {
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> VfsResult<usize> {
        let _on = self.disk.on(vars::SQLITE_IOERR_READ)?;
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], (offset + filled) as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(vars::SQLITE_IOERR_READ),
            }
        }
        Ok(filled)
    }

    /// Writes; a write at which the power goes is under way like those that were not synced.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> VfsResult<()> {
        let mut state = self.disk.on(vars::SQLITE_IOERR_WRITE)?;
        state.inodes[self.inode].unsynced.push(Change::Write { offset, bytes: bytes.to_vec() });
        self.disk.step(&mut state, vars::SQLITE_IOERR_WRITE)?;
        self.file.write_all_at(bytes, offset as u64).map_err(|_| vars::SQLITE_IOERR_WRITE)
    }

    pub fn truncate(&self, size: usize) -> VfsResult<()> {
        let mut state = self.disk.on(vars::SQLITE_IOERR_TRUNCATE)?;
        state.inodes[self.inode].unsynced.push(Change::Truncate { size });
        self.disk.step(&mut state, vars::SQLITE_IOERR_TRUNCATE)?;
        self.file.set_len(size as u64).map_err(|_| vars::SQLITE_IOERR_TRUNCATE)
    }

    pub fn size(&self) -> VfsResult<usize> {
        let _on = self.disk.on(vars::SQLITE_IOERR_FSTAT)?;
        let found = self.file.metadata().map_err(|_| vars::SQLITE_IOERR_FSTAT)?;
        usize::try_from(found.len()).map_err(|_| vars::SQLITE_IOERR_FSTAT)
    }

    /// Makes what was written before it last; takes its time, and the power may go meanwhile.
    pub fn sync(&self) -> VfsResult<()> {
        let reach = {
            let mut state = self.disk.on(vars::SQLITE_IOERR_FSYNC)?;
            if state.skips_commits && state.is_commit(self) {
                return Ok(());
            }
            self.disk.step(&mut state, vars::SQLITE_IOERR_FSYNC)?;
            if let Some(left) = &mut state.syncs_left {
                *left -= 1;
                if *left == 0 {
                    state.syncs_left = None;
                    return self.fail_sync(&mut state);
                }
            }
            state.inodes[self.inode].unsynced.len()
        };
        std::thread::sleep(self.disk.sync_takes);
        let mut state = self.disk.on(vars::SQLITE_IOERR_FSYNC)?;
        let Inode { synced, unsynced, is_unnamed } = &mut state.inodes[self.inode];
        // Another connection's sync may have come in between.
        for change in unsynced.drain(..reach.min(unsynced.len())) {
            change.apply(synced);
        }
        if std::mem::take(is_unnamed) {
            state.synced_names = state.names.clone();
            state.renamed.clear();
        }
        Ok(())
    }

    fn fail_sync(&self, state: &mut State) -> VfsResult<()> {
        let State { random, inodes, .. } = state;
        let Inode { synced, unsynced, .. } = &mut inodes[self.inode];
        let fate = Fate::draw(random);
        *synced = survive(synced, unsynced, fate, random);
        unsynced.clear();
        state.has_failed = true;
        self.disk.changed.notify_all();
        Err(vars::SQLITE_IOERR_FSYNC)
    }

    pub fn lock(&self, level: LockLevel) -> VfsResult<()> {
        self.share(vars::SQLITE_IOERR_LOCK, |sharing| sharing.lock(self.who, level))
    }

    pub fn unlock(&self, level: LockLevel) {
        self.let_go(|sharing| sharing.unlock(self.who, level));
    }

    pub fn is_reserved(&self) -> VfsResult<bool> {
        self.share(vars::SQLITE_IOERR_CHECKRESERVEDLOCK, |sharing| Ok(sharing.is_reserved()))
    }

    pub fn map_index(
        &self,
        region: usize,
        bytes: usize,
        extend: bool,
    ) -> VfsResult<Option<std::ptr::NonNull<u8>>> {
        self.share(
            vars::SQLITE_IOERR_SHMMAP,
            |sharing| Ok(sharing.map_index(self.who, region, bytes, extend)),
        )
    }

    pub fn lock_index(&self, first: u32, count: u32, mode: ShmLockMode) -> VfsResult<()> {
        let lock = |sharing: &mut Sharing| sharing.lock_index(self.who, first, count, mode);
        match mode {
            ShmLockMode::LockShared | ShmLockMode::LockExclusive => {
                self.share(vars::SQLITE_IOERR_SHMLOCK, lock)
            }
            ShmLockMode::UnlockShared | ShmLockMode::UnlockExclusive => self.let_go(lock),
        }
    }

    pub fn unmap_index(&self) {
        self.let_go(|sharing| sharing.unmap_index(self.who));
    }

    pub fn close(&self) {
        self.let_go(|sharing| sharing.leave(self.who));
    }

    fn share<T>(&self, error: i32, work: impl FnOnce(&mut Sharing) -> VfsResult<T>) -> VfsResult<T> {
        let mut state = self.disk.on(error)?;
        work(state.sharing.entry(self.name.clone()).or_default())
    }

    /// What must work without power too, for a program that ends.
    fn let_go<T>(&self, work: impl FnOnce(&mut Sharing) -> T) -> T {
        let mut state = self.disk.state.lock();
        work(state.sharing.entry(self.name.clone()).or_default())
    }
}

/// The database to which a log belongs.
fn database_of(log: &Path) -> PathBuf {
    let name = log.to_string_lossy();
    PathBuf::from(name.strip_suffix("-wal").unwrap_or(&name))
}
