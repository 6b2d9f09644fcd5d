//! Makes the folder that is backed up: a copy of the database by `VACUUM INTO`, never its live file, and beside it keys,
//! ledgers, settings and images, with a manifest. What lies in it is what a restore needs, but for the repository's password.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    BackupError, files,
    manifest::{DATABASE, FORMAT, FileEntry, Manifest},
    verify,
};
use crate::{
    doctor::disk_space,
    store::{database_path, snapshots},
};

/// Folders of the data folder that go along whole, if they are there.
const FOLDERS: [&str; 3] = ["keys", "ledgers", "images"];
/// Single files that go along, with where they lie in the snapshot.
const FILES: [(&str, &str); 4] = [
    ("erasures.jsonl", "ledgers/erasures-old.jsonl"),
    ("hub.toml", "config/hub.toml"),
    ("backup/targets.toml", "config/targets.toml"),
    ("catalogue.lock", "config/catalogue.lock"),
];
/// What stays free beside the copy, so that the backup never is what fills the disk: 64 MB.
pub(super) const MARGIN: u64 = 64_000_000;

/// What the manifest says and the database does not.
#[derive(Debug, Clone)]
pub struct Meta {
    pub instance_id: Uuid,
    pub taken_at: Timestamp,
    /// The settings file that the hub was started with, if it lies outside of the data folder.
    pub config_file: Option<PathBuf>,
}

/// Makes a snapshot of the data folder `data` in the new folder `into`, checked. A hub may be working with the data; it is
/// not held up but for reading. What does not fit in the data is no reason to have no copy of the rest: the manifest says it.
/// Blocks.
///
/// Nothing is forced to the disk: the folder is read from here at once and is worth nothing after a power cut, while a forced
/// write of the whole copy would make the commits of a lesson wait for it.
///
/// # Errors
/// No room for the copy, which is looked at first; a disk that fails; a database that cannot be copied any more.
pub fn make(data: &Path, into: &Path, meta: &Meta) -> Result<Manifest, BackupError> {
    let database = database_path(data);
    check_room(&database, into)?;
    files::make_folder(into).map_err(BackupError::io(into))?;
    let copy = into.join(DATABASE);
    snapshots::copy(&database, &copy)?;
    let (facts, fault) = examine(&copy)?;
    let (faults, unfit) = match fault {
        Some(fault) if fault.is_of_row() => (Some(fault.to_string()), None),
        Some(fault) => (None, Some(fault.to_string())),
        None => (None, None),
    };

    let mut paths = vec![DATABASE.to_owned()];
    for folder in FOLDERS {
        copy_folder(&data.join(folder), into, folder, &mut paths)?;
    }
    for (from, to) in FILES {
        copy_file(&data.join(from), into, to, &mut paths)?;
    }
    if let Some(settings) = &meta.config_file {
        copy_file(settings, into, "config/hub.toml", &mut paths)?;
    }
    paths.sort();
    paths.dedup();
    let entries =
        paths.iter().map(|path| FileEntry::of(into, path).map_err(BackupError::io(&into.join(path))));
    let hex = |bytes: [u8; 32]| blake3::Hash::from_bytes(bytes).to_hex().to_string();
    let manifest = Manifest {
        format: FORMAT,
        hub_id: facts.hub_id,
        school: facts.school,
        instance_id: meta.instance_id,
        epoch: facts.epoch,
        epoch_id: facts.epoch_id,
        max_hub_seq: facts.max_hub_seq,
        schema: facts.schema,
        audit_head: hex(facts.audit_head),
        tables: facts.tables,
        rows_digest: hex(facts.rows_digest),
        taken_at: meta.taken_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        files: entries.collect::<Result<_, _>>()?,
        faults,
        unfit,
    };
    manifest.write(into)?;
    Ok(manifest)
}

/// What a copy holds, and what does not fit in it. Indexes are copied with what a disk did to them: in the copy they are made
/// anew from their tables, and the hub's own look at its database finds and mends its own.
fn examine(copy: &Path) -> Result<(snapshots::Facts, Option<verify::Unfit>), BackupError> {
    let (facts, fault) = verify::examine(copy).map_err(BackupError::Unfit)?;
    if !matches!(fault, Some(verify::Unfit::Index(_))) {
        return Ok((facts, fault));
    }
    snapshots::remake_indexes(copy)?;
    verify::examine(copy).map_err(BackupError::Unfit)
}

/// Copies the ledgers alone into the new folder `into`; false if there is none.
///
/// # Errors
/// A disk that fails.
pub fn make_ledgers(data: &Path, into: &Path) -> Result<bool, BackupError> {
    files::make_folder(into).map_err(BackupError::io(into))?;
    let mut paths = Vec::new();
    copy_folder(&data.join("ledgers"), into, "ledgers", &mut paths)?;
    let (from, to) = ("erasures.jsonl", "ledgers/erasures-old.jsonl");
    copy_file(&data.join(from), into, to, &mut paths)?;
    Ok(!paths.is_empty())
}

/// What the ledgers hold now, as one sum; nothing if there is none.
pub fn sum_ledgers(data: &Path) -> Option<[u8; 32]> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(data.join("ledgers")).into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.push(data.join("erasures.jsonl"));
    files.sort();
    let mut hasher = blake3::Hasher::new();
    let mut is_any = false;
    for file in files {
        let Ok(bytes) = fs::read(&file) else { continue };
        is_any = true;
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    }
    is_any.then(|| *hasher.finalize().as_bytes())
}

fn check_room(database: &Path, into: &Path) -> Result<(), BackupError> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let needs = size(database) + size(&database.with_extension("db-wal")) + MARGIN;
    let above = into.ancestors().find(|folder| folder.is_dir()).unwrap_or(into);
    match disk_space(above) {
        Some(space) if space.free_bytes < needs => {
            Err(BackupError::NoRoom { needs: needs / 1_000_000, free: space.free_bytes / 1_000_000 })
        }
        Some(_) | None => Ok(()),
    }
}

/// Files of a folder and of those below it; links and what is no file are left out.
fn copy_folder(from: &Path, into: &Path, name: &str, paths: &mut Vec<String>) -> Result<(), BackupError> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(BackupError::io(from)(err)),
    };
    for entry in entries {
        let entry = entry.map_err(BackupError::io(from))?;
        let kind = entry.file_type().map_err(BackupError::io(&entry.path()))?;
        let Some(file) = entry.file_name().to_str().map(str::to_owned) else { continue };
        // A file that is being written lies aside under this name.
        if file.ends_with(".new") {
            continue;
        }
        let to = format!("{name}/{file}");
        if kind.is_dir() {
            copy_folder(&entry.path(), into, &to, paths)?;
        } else if kind.is_file() {
            copy_file(&entry.path(), into, &to, paths)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, into: &Path, to: &str, paths: &mut Vec<String>) -> Result<(), BackupError> {
    let target = into.join(to);
    if let Some(folder) = target.parent() {
        files::make_folder(folder).map_err(BackupError::io(folder))?;
    }
    match fs::copy(from, &target) {
        Ok(_) => {}
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(BackupError::io(from)(err)),
    }
    paths.push(to.to_owned());
    Ok(())
}
