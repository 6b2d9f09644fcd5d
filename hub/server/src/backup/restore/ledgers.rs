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
/// Newer snapshots whose ledgers are tried.
const TRIED: usize = 5;
/// Where erasures stood before there was a folder of ledgers, and under which name a snapshot keeps them.
const OLD: [&str; 2] = ["erasures.jsonl", "erasures-old.jsonl"];
const ERASURES: &str = "erasures.jsonl";

/// Whether a snapshot holds ledgers and nothing else.
pub fn is_ledger(snapshot: &SnapshotInfo) -> bool {
    snapshot.tags.iter().any(|tag| tag == LEDGER_TAG)
}

/// Brings into the ledgers of the snapshot folder `chosen` every line of the newest ledgers in the repository, and of those
/// that lie in the data folder `beside`. The time of the repository's, if they are newer than the snapshot.
///
/// The newest ledgers lie in a snapshot of their own or in a whole one, whichever was made last. A repository from which they
/// cannot be read gives none: the lesson does not wait for them.
///
/// # Errors
/// A disk here that cannot be written.
pub fn put_on_top(
    repository: &Repository,
    snapshots: &[SnapshotInfo],
    info: &SnapshotInfo,
    (chosen, work): (&Path, &Path),
    beside: Option<&Path>,
) -> io::Result<Option<Timestamp>> {
    let mut newer: Vec<&SnapshotInfo> = snapshots.iter().filter(|other| other.time > info.time).collect();
    newer.sort_by_key(|other| std::cmp::Reverse(other.time));
    let fetched = work.join("newer-ledgers");
    let mut found = None;
    for other in newer.into_iter().take(TRIED) {
        remove(&fetched)?;
        match repository.restore_folder(&other.id, FOLDER, &fetched, &|_| {}) {
            Ok(_) => {
                found = Some(other.time);
                break;
            }
            Err(err) => tracing::warn!(error = %err, "newer ledgers cannot be read; older ones are tried"),
        }
    }
    let mut ledgers = Ledgers::default();
    ledgers.read(&chosen.join(FOLDER))?;
    if found.is_some() {
        ledgers.read(&fetched)?;
    }
    if let Some(data) = beside {
        ledgers.read(&data.join(FOLDER))?;
        ledgers.read_file(ERASURES, &data.join(ERASURES))?;
    }
    ledgers.write(&chosen.join(FOLDER))?;
    Ok(found)
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
