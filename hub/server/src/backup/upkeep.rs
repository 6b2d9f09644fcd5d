//! What restores and repairs leave behind in the data folder is evidence for a while: it holds names and answers, and goes like
//! the backups themselves do, so that what was erased ends there too.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};

use super::restore::placing;

/// For how long it stays, as the backups do.
pub const KEPT: SignedDuration = SignedDuration::from_hours(45 * 24);
/// Folders of the data folder, with the time in their names.
const DATED: [&str; 2] = ["damaged-", "before-restore-"];
/// Folders of the scratch place that a run which was killed may leave.
const SCRATCH: [&str; 3] = ["folders", "clouds", "console"];

/// Removes folders `damaged-…` and `before-restore-…` of the data folder and what runs have left in `scratch`, if they are older
/// than [`KEPT`]; how many. Only for a clock that is believed. Blocks.
///
/// # Errors
/// The data folder cannot be read; a folder that cannot be removed is left, and logged.
pub fn remove_old(data: &Path, scratch: &Path, now: Timestamp) -> io::Result<u32> {
    if placing::is_cut_off(data) {
        // Its list names them.
        return Ok(0);
    }
    let is_old = |at: Timestamp| now.duration_since(at) > KEPT;
    let mut old = Vec::new();
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name();
        let at = name.to_str().and_then(time_in_name);
        if entry.file_type()?.is_dir() && at.is_some_and(is_old) {
            old.push(entry.path());
        }
    }
    let left = SCRATCH.map(|name| scratch.join(name)).into_iter().chain([data.join(placing::WORK)]);
    old.extend(left.filter(|folder| changed_at(folder).is_some_and(is_old)));
    Ok(old.iter().map(|folder| u32::from(remove(folder))).sum())
}

/// Such as in `damaged-20261123T090000Z`.
fn time_in_name(name: &str) -> Option<Timestamp> {
    let rest = DATED.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let written = rest.get(..16)?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", written).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

fn changed_at(folder: &Path) -> Option<Timestamp> {
    let found = fs::symlink_metadata(folder).ok()?;
    let changed = found.modified().ok()?;
    found.is_dir().then(|| Timestamp::try_from(changed).ok())?
}

fn remove(folder: &PathBuf) -> bool {
    match fs::remove_dir_all(folder) {
        Ok(()) => {
            tracing::info!(folder = %folder.display(), "removed what was set aside long ago");
            true
        }
        Err(err) => {
            tracing::warn!(folder = %folder.display(), error = %err, "what was set aside long ago cannot be removed");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_goes_after_45_days_and_nothing_else_does() {
        let data = tempfile::tempdir().expect("a folder");
        let scratch = data.path().join("backup/scratch");
        let names = [
            "damaged-20261001T000000Z",
            "before-restore-20261001T000000Z-2",
            "damaged-20261101T000000Z",
            "damaged-by-hand",
            "keys",
            "backup/scratch/folders",
            "backup/scratch/of-somebody-else",
        ];
        for name in names {
            fs::create_dir_all(data.path().join(name)).expect("made");
            fs::write(data.path().join(name).join("hub.db"), "x").expect("written");
        }
        fs::write(data.path().join("damaged-20260101T000000Z"), "a file").expect("written");
        let there = || names.map(|name| data.path().join(name).exists());
        // Scratch was changed just now, by the machine's clock.
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().expect("a time");
        let made = changed_at(&scratch.join("folders")).expect("a time");
        assert_eq!(remove_old(data.path(), &scratch, now.min(made)).expect("read"), 2);
        assert_eq!(there(), [false, false, true, true, true, true, true]);
        let later = now.max(made) + KEPT + SignedDuration::from_hours(24);
        assert_eq!(remove_old(data.path(), &scratch, later).expect("read"), 2);
        assert_eq!(there(), [false, false, false, true, true, false, true]);
        assert!(data.path().join("damaged-20260101T000000Z").exists(), "no folder of ours");
    }
}
