//! Exchanges the record in a data folder: what lies there goes aside, what was prepared in [`WORK`] comes in.
//!
//! Several files cannot be renamed at once, so a list of the moves is written first, durably. From then on the restore is
//! decided, and [`finish`] works the list off from wherever it stopped; a hub does so before it opens the database.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use dreamseed_wire::ids::HubId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{super::files, Restored};
use crate::{
    demo,
    store::{self, ReadConn, hub_meta, inspection, users},
};

/// Where a restore prepares, in the data folder: renaming within one disk is one step.
pub const WORK: &str = "restoring";
/// What comes in, in [`WORK`].
pub const NEW: &str = "new";
/// The settings of the lost machine, for a person to look at: where they belong is that machine's affair.
pub const SETTINGS: &str = "hub.toml.from-backup";
/// Before the time in the name of the folder in which the old state lies.
pub const ASIDE: &str = "before-restore-";
/// The same for a state whose database was damaged: evidence, which no restore is taken back to.
pub const EVIDENCE: &str = "damaged-";
/// What follows in the names of such folders; they sort by it.
pub const STAMP: &str = "%Y%m%dT%H%M%SZ";
/// Tells the next start that an earlier state was put back.
const MARKER: &str = "restored";
/// The list of moves.
const LIST: &str = "restoring.json";
/// What makes a school out of a data folder. The side file of the highest place stays: it tells how far the record had come.
const RECORD: [&str; 13] = [
    "hub.db",
    "hub.db-wal",
    "hub.db-shm",
    "hub.db-journal",
    "keys",
    "ledgers",
    "images",
    "erasures.jsonl",
    "instance",
    "catalogue.lock",
    MARKER,
    SETTINGS,
    demo::ACCOUNTS_FILE,
];

/// The moves that are still to be made.
#[derive(Debug, Serialize, Deserialize)]
struct Moves {
    stage: Stage,
    /// Below the data folder.
    aside: String,
    /// Paths in the data folder that go aside.
    out: Vec<String>,
    /// Paths in [`NEW`] that come in.
    come: Vec<String>,
    done: Restored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The old state goes aside.
    Out,
    /// The new one comes in.
    Come,
}

/// Puts what is prepared in its place; what was there lies in a folder then whose name begins with `aside`: [`ASIDE`] or
/// [`EVIDENCE`].
///
/// # Errors
/// A disk that cannot be written: then nothing was moved, or [`finish`] goes on later.
pub fn place(data: &Path, mut done: Restored, aside: &str, now: Timestamp) -> io::Result<Restored> {
    let come = list_new(&data.join(WORK).join(NEW))?;
    let replaced = come.iter().map(String::as_str).filter(|path| !RECORD.contains(path));
    // The accounts of a demo school stay with it, and with no other.
    let is_other_hub = hub_in(data).is_some_and(|hub| hub != done.hub_id);
    let out: Vec<String> = RECORD
        .into_iter()
        .chain(replaced)
        .filter(|path| *path != demo::ACCOUNTS_FILE || is_other_hub)
        .filter(|path| data.join(path).exists())
        .map(str::to_owned)
        .collect();
    let aside = free_name(data, &format!("{aside}{}", now.strftime(STAMP)));
    done.aside = (!out.is_empty()).then(|| aside.clone());
    write_list(data, &Moves { stage: Stage::Out, aside, out, come, done })?;
    finish(data)?.ok_or_else(|| io::Error::other("the list of moves is gone"))
}

/// Works the list of moves off, if there is one.
///
/// # Errors
/// A disk that cannot be written; it can be called again.
pub fn finish(data: &Path) -> io::Result<Option<Restored>> {
    finish_with(data, &mut || Ok(()))
}

/// Whether moves are still to be made.
pub fn is_cut_off(data: &Path) -> bool {
    data.join(LIST).exists()
}

/// Whether somebody's school is in a data folder, or something that cannot be read as a hub's database. A hub that was only
/// started, in which nobody has an account, is none.
pub fn holds_school(data: &Path) -> bool {
    let database = store::database_path(data);
    let has_users = |conn: ReadConn| users::has_any(&conn);
    database.exists() && inspection::open_for_reading(&database).and_then(has_users).unwrap_or(true)
}

/// Whose database lies in a data folder, if one can be read.
pub fn hub_in(data: &Path) -> Option<HubId> {
    inspection::hub_id(&store::database_path(data)).ok()
}

/// The number of the epoch in a data folder, if its database can be read.
pub fn epoch_in(data: &Path) -> Option<i64> {
    let conn = inspection::open_for_reading(&store::database_path(data)).ok()?;
    hub_meta::epoch(&conn).ok()
}

/// Where the last restore put what was there before.
pub fn newest_aside(data: &Path) -> Option<PathBuf> {
    let names = fs::read_dir(data).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let is_aside = |name: &String| name.starts_with(ASIDE) && data.join(name).join("hub.db").is_file();
    names.filter(is_aside).max().map(|name| data.join(name))
}

/// Copies what makes a school from one folder into the new one `to`, but for the number of the run that wrote it.
pub fn copy_record(from: &Path, to: &Path) -> io::Result<()> {
    files::make_folder(to)?;
    let kept = RECORD
        .into_iter()
        .chain(["backup"])
        .filter(|name| !["instance", "hub.db-shm", MARKER].contains(name));
    kept.filter(|name| from.join(name).exists())
        .try_for_each(|name| copy_all(&from.join(name), &to.join(name)))
}

/// Removes what SQLite and the lock left beside a database that was folded.
pub fn drop_beside_database(folder: &Path) -> io::Result<()> {
    ["hub.db-wal", "hub.db-shm", "hub.lock"].into_iter().try_for_each(|name| {
        match fs::remove_file(folder.join(name)) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    })
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    files::make_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Makes all files of a folder durable, and their names.
pub fn make_durable(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            make_durable(&path)?;
        } else {
            fs::File::open(&path)?.sync_all()?;
        }
    }
    files::sync_folder(folder)
}

/// `step` is called before each move, so that a test can cut there.
fn finish_with(data: &Path, step: &mut dyn FnMut() -> io::Result<()>) -> io::Result<Option<Restored>> {
    let Some(mut moves) = read_list(data)? else { return Ok(None) };
    let aside = data.join(&moves.aside);
    if moves.stage == Stage::Out {
        for path in &moves.out {
            move_aside(data, &aside, path, step)?;
        }
        step()?;
        moves.stage = Stage::Come;
        write_list(data, &moves)?;
    }
    let new = data.join(WORK).join(NEW);
    for path in &moves.come {
        let from = new.join(path);
        if !from.exists() {
            continue;
        }
        // Whoever made something here meanwhile did not know of the restore.
        move_aside(data, &aside, path, step)?;
        if path == "hub.db" {
            for of_it in ["hub.db-wal", "hub.db-shm", "hub.db-journal"] {
                move_aside(data, &aside, of_it, step)?;
            }
        }
        let to = data.join(path);
        if let Some(folder) = to.parent() {
            files::make_folder(folder)?;
        }
        step()?;
        fs::rename(&from, &to)?;
        sync_parent(&to)?;
    }
    step()?;
    files::sync_folder(data)?;
    fs::remove_file(data.join(LIST))?;
    files::sync_folder(data)?;
    // Nothing of worth is in it any more.
    let _ = fs::remove_dir_all(data.join(WORK));
    Ok(Some(moves.done))
}

fn move_aside(
    data: &Path,
    aside: &Path,
    path: &str,
    step: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let from = data.join(path);
    if !from.exists() {
        return Ok(());
    }
    let mut to = aside.join(path);
    if to.exists() {
        let folder = to.parent().unwrap_or(aside).to_owned();
        let name = to.file_name().and_then(|name| name.to_str()).unwrap_or("file").to_owned();
        to = folder.join(free_name(&folder, &name));
    }
    files::make_folder(to.parent().unwrap_or(aside))?;
    step()?;
    fs::rename(&from, &to)?;
    sync_parent(&to)?;
    sync_parent(&from)
}

/// A name that nothing in the folder has.
fn free_name(folder: &Path, name: &str) -> String {
    let mut free = name.to_owned();
    let mut number = 2;
    while folder.join(&free).exists() {
        free = format!("{name}-{number}");
        number += 1;
    }
    free
}

/// What lies in the new folder: folders whole, but for `backup`, whose files come one by one.
fn list_new(new: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(new)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if entry.path() == files::folder(new) {
            for inner in fs::read_dir(entry.path())? {
                if let Some(file) = inner?.file_name().to_str() {
                    paths.push(format!("{name}/{file}"));
                }
            }
        } else {
            paths.push(name);
        }
    }
    // The mark before the database: no start may see the one without the other.
    paths.sort_by_key(|path| path == "hub.db");
    Ok(paths)
}

fn write_list(data: &Path, moves: &Moves) -> io::Result<()> {
    files::write_secret(&data.join(LIST), &serde_json::to_vec(moves)?)
}

fn read_list(data: &Path) -> io::Result<Option<Moves>> {
    match fs::read(data.join(LIST)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map(PathBuf::from).map_or(Ok(()), |folder| files::sync_folder(&folder))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn after_a_cut_at_any_move_the_same_command_ends_it() {
        let mut cuts = 0;
        loop {
            let data = tempfile::tempdir().expect("a folder");
            prepare(data.path());
            let mut left = cuts;
            let mut cut = || {
                left -= 1;
                if left < 0 { Err(io::Error::other("cut")) } else { Ok(()) }
            };
            let first = place_with(data.path(), &mut cut);
            let is_whole = first.is_ok();
            if !is_whole {
                // A hub that knows nothing of restores made an empty database meanwhile.
                if !data.path().join("hub.db").exists() {
                    fs::write(data.path().join("hub.db"), "made meanwhile").expect("written");
                    if !data.path().join("hub.db-wal").exists() {
                        fs::write(data.path().join("hub.db-wal"), "made meanwhile").expect("written");
                    }
                }
                let done = finish(data.path()).expect("ended").expect("it had been cut");
                assert_eq!(done.school, "씨앗초등학교");
            }
            check(data.path());
            assert!(finish(data.path()).expect("nothing").is_none());
            if is_whole {
                break;
            }
            cuts += 1;
        }
        assert!(cuts > 10, "{cuts} moves");
    }

    #[test]
    fn nothing_goes_aside_from_an_empty_folder() {
        let data = tempfile::tempdir().expect("a folder");
        let new = data.path().join(WORK).join(NEW);
        fs::create_dir_all(&new).expect("made");
        fs::write(new.join("hub.db"), "new").expect("written");
        let done = place(data.path(), restored(), ASIDE, Timestamp::UNIX_EPOCH).expect("placed");
        assert_eq!(done.aside, None);
        let names: Vec<_> =
            fs::read_dir(data.path()).expect("there").flatten().map(|file| file.file_name()).collect();
        assert_eq!(names, ["hub.db"]);
    }

    #[test]
    fn evidence_never_replaces_earlier_evidence_and_no_restore_is_taken_back_to_it() {
        let data = tempfile::tempdir().expect("a folder");
        fs::write(data.path().join("hub.db"), "damaged").expect("written");
        let mut kept = Vec::new();
        for _ in 0..2 {
            let new = data.path().join(WORK).join(NEW);
            fs::create_dir_all(&new).expect("made");
            fs::write(new.join("hub.db"), "restored").expect("written");
            let done = place(data.path(), restored(), EVIDENCE, Timestamp::UNIX_EPOCH).expect("placed");
            let aside = data.path().join(done.aside.expect("something lay there"));
            kept.push(fs::read_to_string(aside.join("hub.db")).expect("kept"));
        }
        assert_eq!(kept, ["damaged", "restored"]);
        assert!(data.path().join("damaged-19700101T000000Z").exists());
        assert_eq!(newest_aside(data.path()), None);
    }

    #[test]
    fn a_database_that_cannot_be_read_counts_as_a_school() {
        let data = tempfile::tempdir().expect("a folder");
        assert!(!holds_school(data.path()));
        fs::write(data.path().join("hub.db"), "no database").expect("written");
        assert!(holds_school(data.path()));
    }

    /// Old: database with its log, keys, a mark of an earlier restore. New: database, keys, ledgers, targets.
    fn prepare(data: &Path) {
        let new = data.join(WORK).join(NEW);
        for folder in [
            data.join("keys"),
            data.join("backup"),
            data.join("models"),
            new.join("keys"),
            new.join("ledgers"),
            new.join("backup"),
        ] {
            fs::create_dir_all(folder).expect("made");
        }
        for (path, text) in [
            ("hub.db", "old"),
            ("hub.db-wal", "old"),
            ("keys/pepper.key", "old"),
            ("backup/targets.toml", "old"),
            ("backup/cache", "kept"),
            ("models/small.gguf", "kept"),
            ("high-mark", "kept"),
            ("instance", "old"),
        ] {
            fs::write(data.join(path), text).expect("written");
        }
        for path in ["hub.db", "keys/pepper.key", "ledgers/erasures.jsonl", "backup/targets.toml", MARKER] {
            fs::write(new.join(path), "new").expect("written");
        }
    }

    fn check(data: &Path) {
        let files = read_all(data, "");
        let aside = "before-restore-19700101T000000Z";
        let text = |path: &str| files.get(path).map(String::as_str);
        for (path, expected) in [
            ("hub.db", "new"),
            ("keys/pepper.key", "new"),
            ("ledgers/erasures.jsonl", "new"),
            ("backup/targets.toml", "new"),
            ("restored", "new"),
            ("models/small.gguf", "kept"),
            ("backup/cache", "kept"),
            ("high-mark", "kept"),
        ] {
            assert_eq!(text(path), Some(expected), "{path}");
        }
        for path in ["hub.db", "hub.db-wal", "keys/pepper.key", "backup/targets.toml", "instance"] {
            assert_eq!(text(&format!("{aside}/{path}")), Some("old"), "{path} is kept");
        }
        assert_eq!((text("hub.db-wal"), text("instance")), (None, None));
        assert!(!data.join(WORK).exists() && !data.join(LIST).exists());
    }

    fn read_all(folder: &Path, under: &str) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder.join(under)).expect("a folder").flatten() {
            let name = entry.file_name().into_string().expect("a name");
            let path = if under.is_empty() { name } else { format!("{under}/{name}") };
            if entry.path().is_dir() {
                files.extend(read_all(folder, &path));
            } else {
                files.insert(path, fs::read_to_string(entry.path()).expect("read"));
            }
        }
        files
    }

    fn place_with(data: &Path, cut: &mut dyn FnMut() -> io::Result<()>) -> io::Result<Option<Restored>> {
        let come = list_new(&data.join(WORK).join(NEW))?;
        let out = ["hub.db", "hub.db-wal", "keys", "instance", "backup/targets.toml"].map(str::to_owned);
        let aside = "before-restore-19700101T000000Z".to_owned();
        write_list(data, &Moves { stage: Stage::Out, aside, out: out.into(), come, done: restored() })?;
        finish_with(data, cut)
    }

    fn restored() -> Restored {
        Restored {
            from: "usb".into(),
            snapshot: "ab".into(),
            hub_id: HubId::default(),
            school: "씨앗초등학교".into(),
            taken_at: Timestamp::UNIX_EPOCH,
            epoch: 1,
            max_hub_seq: 9,
            answers: 9,
            passed_over: 0,
            has_faults: false,
            ledgers_at: None,
            ledgers_unseen: Vec::new(),
            aside: None,
            has_settings: false,
            seconds: 0.1,
        }
    }
}
