//! The high mark: how far the record has come, in a small file beside the database and, if the school wants it, on another
//! disk. A database that is behind its mark has been put back, or has lost what was acknowledged.
//!
//! SQLite cannot see that: a log with one flipped byte ends before it, and everything after is gone without a word. The
//! mark is written anew at most once a second, after the numbers it names are durable, and exactly at a clean stop. So it
//! is never ahead of what was acknowledged; what was acknowledged in the last second before a kill is proved by receipts
//! alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use dreamseed_wire::{
    delivery::RecordPlace,
    ids::{EpochId, HubId},
};
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

/// The marks that lie beside a database and in other folders; whether they are this hub's, [`HighMark::is_of`] says.
pub fn find_all(data: &Path, others: &[PathBuf], hub_id: HubId) -> Vec<HighMark> {
    files(data, others, hub_id)
        .into_iter()
        .filter_map(|file| match HighMark::read(&file) {
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
    files: Vec<PathBuf>,
    has_warned: AtomicBool,
}

impl HighMarkFiles {
    /// Writes the mark for the first time of this start, so that there is one before anything is acknowledged.
    ///
    /// # Errors
    /// A data folder that cannot be written; another folder may be away.
    pub async fn begin(store: &Store, config: &Config, now: jiff::Timestamp) -> Result<Self, StoreError> {
        let files = files(&config.data, &other_folders(config), store.receipts().hub_id());
        let marks = HighMarkFiles { files, has_warned: AtomicBool::new(false) };
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

    fn write(&self, mark: &HighMark) -> io::Result<()> {
        let mut is_first = true;
        for file in &self.files {
            let written = mark.write(file);
            if is_first {
                written?;
            } else if let Err(err) = written {
                // A stick that was pulled out, a share that is away: the mark beside the database is still there.
                self.warn(&err);
                return Ok(());
            }
            is_first = false;
        }
        self.has_warned.store(false, Relaxed);
        Ok(())
    }

    fn warn(&self, err: &io::Error) {
        if !self.has_warned.swap(true, Relaxed) {
            tracing::warn!(error = %err, "the high mark of the record cannot be written; it is tried again");
        }
    }
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

fn files(data: &Path, others: &[PathBuf], hub_id: HubId) -> Vec<PathBuf> {
    // Another folder may hold marks of several hubs.
    let other = others.iter().map(|folder| folder.join(format!("dreamseed-{FILE}-{hub_id}")));
    std::iter::once(data.join(FILE)).chain(other).collect()
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
            let marks =
                HighMarkFiles { files: files(data.path(), &others, hub), has_warned: AtomicBool::new(false) };
            marks.write(&mark(&receipts, 5)).expect("the folder that is away does not matter");
            assert!(marks.has_warned.load(Relaxed));
            assert_eq!(find_all(data.path(), &others, hub).len(), 2);
        }
        assert_eq!(fs::read_dir(other.path()).expect("a folder").count(), 2);
    }
}
