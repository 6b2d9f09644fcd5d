//! The high mark: how far the record has come, in a small file beside the database and, if the school wants it, on another
//! disk. A database that is behind its mark has been put back, or has lost what was acknowledged.
//!
//! SQLite cannot see that: a log with one flipped byte ends before it, and everything after is gone without a word. The
//! mark is written anew at most once a second, after the numbers it names are durable, and exactly at a clean stop. So it
//! is never ahead of what was acknowledged; what was acknowledged in the last second before a kill is proved by receipts
//! alone.
//!
//! The other disk may be a share whose server has gone, and reading or writing there may never come back. So that is done on
//! threads of its own, and nobody waits longer than two seconds for them: neither a start, nor the mark beside the database,
//! nor a stop.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};

use dreamseed_wire::{
    delivery::RecordPlace,
    ids::{EpochId, HubId},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    hub::Ctx,
    receipts::Receipts,
    store::{
        Store, StoreError,
        hub_meta::{self, Record},
    },
};

/// Its name in the data folder.
const FILE: &str = "high-mark";
/// How often it is written at most.
const PAUSE: Duration = Duration::from_secs(1);
/// How long anybody waits for another folder.
const OUTSIDE_LIMIT: Duration = Duration::from_secs(2);
/// Bytes; a longer file is not ours.
const FILE_MAX: u64 = 1_000;

/// How far a record had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighMark {
    pub hub_id: HubId,
    pub epoch_id: EpochId,
    pub epoch: i64,
    pub hub_seq: i64,
    /// The hub's own proof, as on a receipt.
    mac: String,
}

impl HighMark {
    /// The mark for a record as it stands.
    pub fn of(record: &Record, receipts: &Receipts) -> Self {
        let (place, epoch) = (record.place(), record.current.number);
        HighMark {
            hub_id: receipts.hub_id(),
            epoch_id: place.epoch_id,
            epoch,
            hub_seq: place.hub_seq,
            mac: receipts.seal_mark(place, epoch),
        }
    }

    /// The place it names.
    pub fn place(&self) -> RecordPlace {
        RecordPlace { epoch_id: self.epoch_id, hub_seq: self.hub_seq }
    }

    /// Whether this hub has written it.
    pub fn is_of(&self, receipts: &Receipts) -> bool {
        let is_ours =
            self.hub_id == receipts.hub_id() && receipts.is_our_mark(self.place(), self.epoch, &self.mac);
        if !is_ours {
            tracing::warn!(
                "a high mark beside the database was not written by this hub with its present key; it is passed over"
            );
        }
        is_ours
    }

    /// The mark in a file; none if there is no such file or nothing whole in it.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(file: &Path) -> io::Result<Option<Self>> {
        let length = match fs::metadata(file) {
            Ok(found) => found.len(),
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(err),
        };
        if length > FILE_MAX {
            return Ok(None);
        }
        Ok(serde_json::from_slice(&fs::read(file)?).ok())
    }

    /// Writes it whole or not at all: aside, made durable, then renamed.
    fn write(&self, file: &Path) -> io::Result<()> {
        let aside = file.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut new = options.open(&aside)?;
        writeln!(new, "{}", serde_json::to_string(self)?)?;
        new.sync_data()?;
        fs::rename(&aside, file)?;
        match file.parent() {
            #[cfg(unix)]
            Some(folder) => File::open(folder)?.sync_all(),
            #[cfg(not(unix))]
            Some(_) => Ok(()),
            None => Ok(()),
        }
    }
}

/// The folders besides the data folder in which the school wants the mark.
pub fn other_folders(config: &Config) -> Vec<PathBuf> {
    config.backup.high_mark.iter().cloned().collect()
}

/// The marks that lie beside a database and in other folders; whether they are this hub's, [`HighMark::is_of`] says. A folder
/// that does not reply in two seconds is passed over.
pub fn find_all(data: &Path, others: &[PathBuf], hub_id: HubId) -> Vec<HighMark> {
    let own = data.join(FILE);
    let outside = outside_files(others, hub_id).map(|file| (read_outside(&file), file));
    std::iter::once((HighMark::read(&own), own))
        .chain(outside)
        .filter_map(|(found, file)| match found {
            Ok(found) => found,
            Err(err) => {
                tracing::warn!(file = %file.display(), error = %err, "a high mark cannot be read");
                None
            }
        })
        .collect()
}

/// The mark that lies in the data folder, whosever it is.
pub fn find_own(data: &Path) -> Option<HighMark> {
    HighMark::read(&data.join(FILE)).ok().flatten()
}

/// The files of the mark, and what has been said about them.
pub struct HighMarkFiles {
    own: PathBuf,
    outside: Vec<Arc<OutsideFile>>,
    has_warned: AtomicBool,
}

impl HighMarkFiles {
    /// Writes the mark for the first time of this start, so that there is one before anything is acknowledged.
    ///
    /// # Errors
    /// A data folder that cannot be written; another folder may be away.
    pub async fn begin(store: &Store, config: &Config, now: jiff::Timestamp) -> Result<Self, StoreError> {
        let marks = Self::at(&config.data, &other_folders(config), store.receipts().hub_id());
        marks.write(&HighMark::of(&store.record(), store.receipts()))?;
        if !store.read(hub_meta::is_marked).await? {
            store.write(move |tx| hub_meta::note_mark(tx, now)).await?;
        }
        Ok(marks)
    }

    /// Writes the mark of the record as it stands; blocks. Errors are said, once in a row.
    pub fn keep(&self, store: &Store) {
        match self.write(&HighMark::of(&store.record(), store.receipts())) {
            Ok(()) => {}
            Err(err) => self.warn(&err),
        }
    }

    fn at(data: &Path, others: &[PathBuf], hub_id: HubId) -> Self {
        let outside = outside_files(others, hub_id)
            .map(|file| Arc::new(OutsideFile { file, state: Mutex::default() }))
            .collect();
        HighMarkFiles { own: data.join(FILE), outside, has_warned: AtomicBool::new(false) }
    }

    fn write(&self, mark: &HighMark) -> io::Result<()> {
        mark.write(&self.own)?;
        let mut is_whole = true;
        for outside in &self.outside {
            if let Err(err) = outside.write(mark.clone()) {
                // A stick that was pulled out, a share that is away: the mark beside the database is still there.
                self.warn(&err);
                is_whole = false;
            }
        }
        if is_whole {
            self.has_warned.store(false, Relaxed);
        }
        Ok(())
    }

    fn warn(&self, err: &io::Error) {
        if !self.has_warned.swap(true, Relaxed) {
            tracing::warn!(error = %err, "the high mark of the record cannot be written; it is tried again");
        }
    }
}

/// The mark in another folder, written by one thread at a time.
struct OutsideFile {
    file: PathBuf,
    state: Mutex<OutsideState>,
}

#[derive(Default)]
struct OutsideState {
    /// What is to be written next.
    wanted: Option<HighMark>,
    /// A thread is at it, and will take what is wanted before it ends.
    is_writing: bool,
}

impl OutsideFile {
    /// Writes the mark, and waits for [`OUTSIDE_LIMIT`]; not at all while an earlier one has not come back.
    fn write(self: &Arc<Self>, mark: HighMark) -> io::Result<()> {
        {
            let mut state = self.state.lock();
            state.wanted = Some(mark);
            if state.is_writing {
                return Err(no_reply());
            }
            state.is_writing = true;
        }
        let of = Arc::clone(self);
        within_limit(move || of.write_wanted()).unwrap_or_else(|err| {
            if err.kind() != io::ErrorKind::TimedOut {
                // No thread could be started.
                self.state.lock().is_writing = false;
            }
            Err(err)
        })
    }

    /// Writes what is wanted until nothing is.
    fn write_wanted(&self) -> io::Result<()> {
        let mut last = Ok(());
        loop {
            let wanted = {
                let mut state = self.state.lock();
                state.is_writing = state.wanted.is_some();
                state.wanted.take()
            };
            match wanted {
                Some(mark) => last = mark.write(&self.file),
                None => return last,
            }
        }
    }
}

/// The mark in a file of another folder.
fn read_outside(file: &Path) -> io::Result<Option<HighMark>> {
    let file = file.to_owned();
    within_limit(move || HighMark::read(&file)).unwrap_or_else(Err)
}

/// What some work on a thread of its own gives, if it comes back within [`OUTSIDE_LIMIT`]; else the thread is left to itself.
fn within_limit<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, waiting) = mpsc::sync_channel(1);
    thread::Builder::new().name("outside-mark".into()).spawn(move || {
        // Whoever asked may have gone.
        let _ = done.send(work());
    })?;
    waiting.recv_timeout(OUTSIDE_LIMIT).map_err(|_| no_reply())
}

fn no_reply() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the folder does not reply")
}

/// Writes the mark after the record has grown, at most once a second, until the hub stops.
pub async fn keep_until_stopped(ctx: Arc<Ctx>) {
    let mut record = ctx.store.watch_record();
    loop {
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            changed = record.changed() => if changed.is_err() { return },
        }
        let of = Arc::clone(&ctx);
        // A panic in it would be the writer's of files: the next second tries again.
        let _ = tokio::task::spawn_blocking(move || of.high_mark.keep(&of.store)).await;
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn outside_files(others: &[PathBuf], hub_id: HubId) -> impl Iterator<Item = PathBuf> {
    // Another folder may hold marks of several hubs.
    others.iter().map(move |folder| folder.join(format!("dreamseed-{FILE}-{hub_id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(receipts: &Receipts, hub_seq: i64) -> HighMark {
        let place = RecordPlace { epoch_id: EpochId(uuid::Uuid::from_u128(9)), hub_seq };
        let mac = receipts.seal_mark(place, 2);
        HighMark { hub_id: receipts.hub_id(), epoch_id: place.epoch_id, epoch: 2, hub_seq, mac }
    }

    #[test]
    fn a_mark_is_read_as_it_is_written_and_nothing_else_is_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, receipts) = (folder.path().join(FILE), Receipts::with_key([1; 32], HubId::new()));
        assert_eq!(HighMark::read(&file).expect("no file"), None);
        let written = mark(&receipts, 7);
        written.write(&file).expect("written");
        let found = HighMark::read(&file).expect("read").expect("a mark");
        assert_eq!(found, written);
        assert!(found.is_of(&receipts));
        assert!(!found.is_of(&Receipts::with_key([2; 32], receipts.hub_id())), "another key");
        assert!(!HighMark { hub_seq: 8, ..found.clone() }.is_of(&receipts), "another number");
        assert!(!HighMark { epoch: 3, ..found }.is_of(&receipts), "another epoch");
        let whole = fs::read(&file).expect("read");
        for torn in [&b""[..], &whole[..whole.len() / 2], &vec![b' '; 5_000]] {
            fs::write(&file, torn).expect("torn");
            assert_eq!(HighMark::read(&file).expect("read"), None);
        }
    }

    #[test]
    fn a_write_that_was_cut_off_leaves_the_mark_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, receipts) = (folder.path().join(FILE), Receipts::with_key([1; 32], HubId::new()));
        mark(&receipts, 7).write(&file).expect("written");
        fs::write(file.with_extension("new"), b"{\"hub_id\":").expect("cut off");
        assert_eq!(HighMark::read(&file).expect("read").map(|mark| mark.hub_seq), Some(7));
        mark(&receipts, 8).write(&file).expect("written");
        assert_eq!(HighMark::read(&file).expect("read").map(|mark| mark.hub_seq), Some(8));
    }

    #[test]
    fn marks_of_several_hubs_lie_in_one_folder() {
        let (data, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let others = vec![other.path().to_owned(), other.path().join("pulled out")];
        for hub in [HubId::new(), HubId::new()] {
            let receipts = Receipts::with_key([3; 32], hub);
            let marks = HighMarkFiles::at(data.path(), &others, hub);
            marks.write(&mark(&receipts, 5)).expect("the folder that is away does not matter");
            assert!(marks.has_warned.load(Relaxed));
            assert_eq!(find_all(data.path(), &others, hub).len(), 2);
        }
        assert_eq!(fs::read_dir(other.path()).expect("a folder").count(), 2);
    }

    /// A pipe that nobody reads or writes is to a program what a share is whose server has gone.
    #[cfg(unix)]
    #[test]
    fn a_folder_that_does_not_reply_holds_nobody_up() {
        let (data, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (receipts, others) = (Receipts::with_key([3; 32], HubId::new()), vec![other.path().to_owned()]);
        let hub = receipts.hub_id();
        let file = outside_files(&others, hub).next().expect("a file");
        let pipe = |at: &Path| {
            let made = std::process::Command::new("mkfifo").arg(at).status();
            assert!(made.is_ok_and(|made| made.success()));
        };
        pipe(&file);
        pipe(&file.with_extension("new"));
        let begun = std::time::Instant::now();
        assert_eq!(find_all(data.path(), &others, hub), []);
        let marks = HighMarkFiles::at(data.path(), &others, hub);
        marks.write(&mark(&receipts, 5)).expect("beside the database");
        assert!(begun.elapsed() < 4 * OUTSIDE_LIMIT, "{:?}", begun.elapsed());
        let begun = std::time::Instant::now();
        for hub_seq in 6..30 {
            marks.write(&mark(&receipts, hub_seq)).expect("beside the database");
        }
        assert!(begun.elapsed() < OUTSIDE_LIMIT, "it is waited for once: {:?}", begun.elapsed());
        assert_eq!(find_own(data.path()).map(|mark| mark.hub_seq), Some(29));
        // The server is there again: the thread goes on, and the newest mark follows by itself.
        let aside = file.with_extension("new");
        fs::rename(&aside, other.path().join("pipe")).expect("renamed");
        drop(OpenOptions::new().read(true).open(other.path().join("pipe")).expect("opened"));
        let until = std::time::Instant::now() + Duration::from_secs(20);
        let is_newest = || {
            let found = fs::metadata(&file).is_ok_and(|found| found.is_file());
            found && find_all(data.path(), &others, hub).iter().filter(|mark| mark.hub_seq == 29).count() == 2
        };
        while !is_newest() {
            assert!(std::time::Instant::now() < until, "the newest mark");
            thread::yield_now();
        }
    }
}
