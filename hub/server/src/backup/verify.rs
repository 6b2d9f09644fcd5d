//! Whether a snapshot folder is whole: every file fits its sum, the database is sound, every answer fits its row hash, and all
//! of it is what the manifest says.

use std::{io, path::Path, time::Instant};

use super::manifest::{DATABASE, FORMAT, FileEntry, Manifest};
use crate::store::{StoreError, migrations, snapshots};

/// A folder that is whole.
#[derive(Debug, Clone)]
pub struct Verified {
    pub manifest: Manifest,
    /// Answers whose row hash was computed again.
    pub answers: u64,
    /// How long it took.
    pub seconds: f64,
    /// Rows of it that were damaged in the hub's own database when it was made, as its manifest says; all else is whole.
    pub faults: Option<String>,
}

/// Why a folder is not taken for a backup.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("it holds no manifest that can be read")]
    NoManifest(#[source] io::Error),
    #[error("it is of a newer hub (form {found}, this one knows {FORMAT}); use that hub's program")]
    NewerForm { found: u32 },
    #[error(
        "it is of a newer hub (schema {found}, this one knows {}); use that hub's program",
        migrations::CURRENT
    )]
    NewerSchema { found: u32 },
    #[error("the file {path} is missing or cannot be read")]
    Missing {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("the file {path} does not fit its sum")]
    Sum { path: String },
    #[error("the manifest names a file outside of the folder")]
    Outside,
    #[error("the database cannot be read")]
    Database(#[from] StoreError),
    #[error("the database is damaged: {0}")]
    Damaged(String),
    #[error("the hub's own database was damaged when this copy was made: {0}")]
    Source(String),
    #[error("an index is damaged: {0}")]
    Index(String),
    #[error("{0}")]
    Row(String),
    #[error("answer {hub_seq} does not fit its hash")]
    Answer { hub_seq: i64 },
    #[error("the database does not hold what the manifest says: {what}")]
    Other { what: &'static str },
}

impl Unfit {
    /// Whether single rows do not fit, and all else does.
    pub fn is_of_row(&self) -> bool {
        matches!(self, Unfit::Row(_) | Unfit::Answer { .. })
    }
}

/// Checks a snapshot folder. Reads all of it: about a second for each 200 MB. Blocks.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify(folder: &Path) -> Result<Verified, Unfit> {
    let begun = Instant::now();
    let manifest = Manifest::read(folder).map_err(Unfit::NoManifest)?;
    if manifest.format > FORMAT {
        return Err(Unfit::NewerForm { found: manifest.format });
    }
    if manifest.schema > migrations::CURRENT {
        return Err(Unfit::NewerSchema { found: manifest.schema });
    }
    if let Some(what) = &manifest.unfit {
        return Err(Unfit::Source(what.clone()));
    }
    for file in &manifest.files {
        check_file(folder, file)?;
    }
    if !manifest.files.iter().any(|file| file.path == DATABASE) {
        return Err(Unfit::Other { what: "the database is not among its files" });
    }
    let answers = check_database(&folder.join(DATABASE), &manifest)?;
    let (faults, seconds) = (manifest.faults.clone(), begun.elapsed().as_secs_f64());
    Ok(Verified { manifest, answers, seconds, faults })
}

/// Checks a database that lies by itself: soundness and every row hash.
///
/// # Errors
/// The first thing that does not fit.
pub fn check_copy(database: &Path) -> Result<snapshots::Facts, Unfit> {
    let (facts, fault) = examine(database)?;
    fault.map_or(Ok(facts), Err)
}

/// As [`check_copy`], for a copy that may hold rows that were damaged in the hub's own database already: what it holds, and the
/// first thing that does not fit.
///
/// # Errors
/// It cannot be read.
pub fn examine(database: &Path) -> Result<(snapshots::Facts, Option<Unfit>), Unfit> {
    let conn = snapshots::open(database)?;
    let fault = snapshots::find_fault(&conn)?.map(|fault| match fault {
        snapshots::Fault::Structure(what) => Unfit::Damaged(what),
        snapshots::Fault::Index(what) => Unfit::Index(what),
        snapshots::Fault::Row(what) => Unfit::Row(what),
        snapshots::Fault::Answer(hub_seq) => Unfit::Answer { hub_seq },
    });
    Ok((snapshots::facts(&conn)?, fault))
}

fn check_file(folder: &Path, file: &FileEntry) -> Result<(), Unfit> {
    let path = &file.path;
    if file.inside(folder).is_none() {
        return Err(Unfit::Outside);
    }
    let found =
        FileEntry::of(folder, path).map_err(|source| Unfit::Missing { path: path.clone(), source })?;
    if found == *file { Ok(()) } else { Err(Unfit::Sum { path: path.clone() }) }
}

fn check_database(database: &Path, manifest: &Manifest) -> Result<u64, Unfit> {
    let (facts, fault) = examine(database)?;
    match (fault, &manifest.faults) {
        (None, _) => {}
        // Rows that were so before: their file fits its sum.
        (Some(fault), Some(known)) if fault.is_of_row() && fault.to_string() == *known => {}
        (Some(fault), _) => return Err(fault),
    }
    let hex = |bytes: &[u8; 32]| blake3::Hash::from_bytes(*bytes).to_hex().to_string();
    let differs = [
        ("another hub", facts.hub_id != manifest.hub_id),
        ("another epoch", (facts.epoch, facts.epoch_id) != (manifest.epoch, manifest.epoch_id)),
        ("another end of the record", facts.max_hub_seq != manifest.max_hub_seq),
        ("another schema", facts.schema != manifest.schema),
        ("another end of the audit log", hex(&facts.audit_head) != manifest.audit_head),
        ("other numbers of rows", facts.tables != manifest.tables),
        ("other answers", hex(&facts.rows_digest) != manifest.rows_digest),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((what, _)) => Err(Unfit::Other { what }),
        None => Ok(manifest.answers()),
    }
}
