//! The newest ledgers on top of an older state: what was erased, consented to or revoked since must not come back with it.
//!
//! Ledgers only grow, so the right one of several is the one that has every line of all of them.

use std::{
    collections::{BTreeMap, HashSet},
    fs, io,
    path::Path,
};

use dreamseed_sync::{LEDGER_TAG, Repository, SnapshotInfo};
use jiff::Timestamp;

use super::super::files;

const FOLDER: &str = "ledgers";
/// Before the number of a run of the hub in a snapshot's tags.
const RUN: &str = "instance/";
/// Snapshots of a run whose ledgers are tried, from the newest on.
const TRIED: usize = 5;
/// Where erasures stood before there was a folder of ledgers, and under which name a snapshot keeps them.
const OLD: [&str; 2] = ["erasures.jsonl", "erasures-old.jsonl"];
const ERASURES: &str = "erasures.jsonl";

/// Whether a snapshot holds ledgers and nothing else.
pub fn is_ledger(snapshot: &SnapshotInfo) -> bool {
    snapshot.tags.iter().any(|tag| tag == LEDGER_TAG)
}

/// What came on top.
pub struct OnTop {
    /// The time of the newest ledgers, if they are newer than the snapshot.
    pub newer_at: Option<Timestamp>,
    /// Names of the targets whose newest ledgers cannot be read.
    pub unread: Vec<String>,
}

/// Brings into the ledgers of the snapshot folder `chosen`, which holds `info`, every line of the newest ledgers of every
/// target, given with its name, and of those that lie in the data folder `beside`.
///
/// A target may be the only one that was told, or the only one that can be reached, so none is enough. The newest ledgers of a
/// target lie in a snapshot of their own or in a whole one, whichever was made last; and in that of each run of the hub that
/// wrote there, since a run begins with what its restore could see. A target from which they cannot be read is told by its name:
/// the lesson does not wait for it.
///
/// # Errors
/// A disk here that cannot be written.
pub fn put_on_top(
    targets: &[(&str, &Repository, &[SnapshotInfo])],
    info: &SnapshotInfo,
    (chosen, work): (&Path, &Path),
    beside: Option<&Path>,
) -> io::Result<OnTop> {
    let mut top = OnTop { newer_at: None, unread: Vec::new() };
    let mut ledgers = Ledgers::default();
    ledgers.read(&chosen.join(FOLDER))?;
    let fetched = work.join("newer-ledgers");
    for (name, repository, snapshots) in targets {
        for newest_first in by_run(snapshots, &info.host) {
            let found = fetch_newest(repository, &newest_first, Some(&info.id), &fetched)?;
            if let Some(time) = found.at {
                ledgers.read(&fetched)?;
                top.newer_at = top.newer_at.max(Some(time).filter(|time| *time > info.time));
            }
            if !found.is_newest && !top.unread.iter().any(|unread| unread == name) {
                top.unread.push((*name).to_owned());
            }
        }
    }
    if let Some(data) = beside {
        ledgers.read(&data.join(FOLDER))?;
        ledgers.read_file(ERASURES, &data.join(ERASURES))?;
    }
    ledgers.write(&chosen.join(FOLDER))?;
    Ok(top)
}

/// Writes into the new folder `into` every line of the newest ledgers of each run of the hub `host` at a target; whether all of
/// them could be read.
///
/// # Errors
/// A disk here that cannot be written.
pub fn gather(
    repository: &Repository,
    snapshots: &[SnapshotInfo],
    host: &str,
    into: &Path,
) -> io::Result<bool> {
    let mut ledgers = Ledgers::default();
    let fetched = into.with_extension("fetched");
    let mut is_all = true;
    for newest_first in by_run(snapshots, host) {
        let found = fetch_newest(repository, &newest_first, None, &fetched)?;
        if found.at.is_some() {
            ledgers.read(&fetched)?;
        }
        is_all &= found.is_newest;
    }
    remove(&fetched)?;
    ledgers.write(into)?;
    Ok(is_all)
}

/// The snapshots of the hub `host`, newest first, of each run of it.
fn by_run<'a>(snapshots: &'a [SnapshotInfo], host: &str) -> Vec<Vec<&'a SnapshotInfo>> {
    let mut runs: BTreeMap<Option<&str>, Vec<&SnapshotInfo>> = BTreeMap::new();
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.host == host) {
        let run = snapshot.tags.iter().find(|tag| tag.starts_with(RUN));
        runs.entry(run.map(String::as_str)).or_default().push(snapshot);
    }
    let mut runs: Vec<_> = runs.into_values().collect();
    for run in &mut runs {
        run.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.time));
    }
    runs
}

/// What came of fetching ledgers.
struct Fetched {
    /// Of when they are; none if they are those of the chosen snapshot, or cannot be read.
    at: Option<Timestamp>,
    is_newest: bool,
}

/// Fetches the newest of these ledgers into `into`. Where they cannot be read, older ones are fetched: better than none, but only
/// the newest have every line.
fn fetch_newest(
    repository: &Repository,
    newest_first: &[&SnapshotInfo],
    chosen: Option<&str>,
    into: &Path,
) -> io::Result<Fetched> {
    let mut is_newest = true;
    for snapshot in newest_first.iter().take(TRIED) {
        if chosen == Some(snapshot.id.as_str()) {
            return Ok(Fetched { at: None, is_newest });
        }
        remove(into)?;
        match repository.restore_folder(&snapshot.id, FOLDER, into, &|_| {}) {
            Ok(_) => return Ok(Fetched { at: Some(snapshot.time), is_newest }),
            Err(err) => tracing::warn!(error = %err, "newer ledgers cannot be read; older ones are tried"),
        }
        is_newest = false;
    }
    Ok(Fetched { at: None, is_newest })
}

/// Brings every line of the ledgers in the data folder `other` into those of `data`.
///
/// # Errors
/// A disk that cannot be read or written.
pub fn unite(data: &Path, other: &Path) -> io::Result<()> {
    let mut ledgers = Ledgers::default();
    for folder in [data, other] {
        ledgers.read(&folder.join(FOLDER))?;
        ledgers.read_file(ERASURES, &folder.join(ERASURES))?;
    }
    ledgers.write(&data.join(FOLDER))
}

/// Ledgers by the name of their file, each line once.
#[derive(Default)]
struct Ledgers {
    lines: BTreeMap<String, Vec<String>>,
    seen: HashSet<(String, String)>,
}

impl Ledgers {
    fn read(&mut self, folder: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(err) => return Err(err),
        };
        for entry in entries {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if path.is_file() && name.ends_with(".jsonl") {
                let name = if OLD.contains(&name) { ERASURES } else { name };
                self.read_file(name, &path)?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, name: &str, path: &Path) -> io::Result<()> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(err) => return Err(err),
        };
        let text = String::from_utf8_lossy(&bytes);
        // A line that was cut off while it was written was never acknowledged.
        let whole = text.lines().filter(|line| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok());
        for line in whole {
            if self.seen.insert((name.to_owned(), line.to_owned())) {
                self.lines.entry(name.to_owned()).or_default().push(line.to_owned());
            }
        }
        Ok(())
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        remove(folder)?;
        for (name, lines) in &self.lines {
            let mut text = lines.join("\n");
            text.push('\n');
            files::write_secret(&folder.join(name), text.as_bytes())?;
        }
        Ok(())
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_whole_line_of_all_of_them_is_there_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (older, newer, into) =
            (folder.path().join("older"), folder.path().join("newer"), folder.path().join("into"));
        let write = |folder: &Path, name: &str, text: &str| {
            fs::create_dir_all(folder).expect("made");
            fs::write(folder.join(name), text).expect("written");
        };
        write(&older, "consents.jsonl", "{\"a\":1}\n{\"a\":2}\n");
        write(&newer, "consents.jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":");
        write(&older, "erasures-old.jsonl", "{\"e\":1}\n");
        write(&newer, "erasures.jsonl", "{\"e\":1}\n{\"e\":2}\n");
        write(&newer, "notes.txt", "not a ledger");
        let mut ledgers = Ledgers::default();
        ledgers.read(&newer).expect("read");
        ledgers.read(&older).expect("read");
        ledgers.read(&folder.path().join("none")).expect("nothing there");
        ledgers.write(&into).expect("written");
        let read = |name: &str| fs::read_to_string(into.join(name)).expect("there");
        assert_eq!(read("consents.jsonl"), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
        assert_eq!(read("erasures.jsonl"), "{\"e\":1}\n{\"e\":2}\n");
        assert!(!into.join("notes.txt").exists());
    }
}
