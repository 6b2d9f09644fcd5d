//! What a snapshot folder says of itself: `manifest.json` beside the database, keys, ledgers and settings.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use dreamseed_wire::{
    delivery::RecordPlace,
    ids::{EpochId, HubId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::BackupError;

/// The form of the folder that this hub writes.
pub const FORMAT: u32 = 1;
/// Its name in the folder.
pub const FILE: &str = "manifest.json";
/// Where the database lies in the folder.
pub const DATABASE: &str = "hub.db";
/// Longest manifest that is read: a few hundred files.
const BYTES_MAX: u64 = 4 << 20;

/// What a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub hub_id: HubId,
    pub school: String,
    /// Which run of the hub made it; see [`super::instance`].
    pub instance_id: Uuid,
    pub epoch: i64,
    pub epoch_id: EpochId,
    /// The highest place of the record that was given, whether its row is still there or was erased.
    pub max_hub_seq: i64,
    /// `user_version` of the database.
    pub schema: u32,
    /// Hash of the newest row of the audit log, hexadecimal.
    pub audit_head: String,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// BLAKE3 over the row hashes of all answers in the order of record, hexadecimal.
    pub rows_digest: String,
    pub taken_at: Timestamp,
    /// Version of the hub.
    pub program: String,
    pub files: Vec<FileEntry>,
    /// The first of the rows that were damaged in the hub's own database when the copy was made. It is restored if there is no
    /// newer one, and the hub mends them then from one that is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<String>,
    /// The structure of the hub's own database was damaged when the copy was made. Such a copy is sent, but is no backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
}

/// One file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// From the folder, with `/` between.
    pub path: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub blake3: String,
}

impl Manifest {
    /// Reads that of a folder.
    ///
    /// # Errors
    /// No such file, or none that can be understood.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut text = String::new();
        fs::File::open(folder.join(FILE))?.take(BYTES_MAX).read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes it.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let file = folder.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|err| BackupError::io(&file)(err.into()))?;
        fs::write(&file, &text).map_err(BackupError::io(&file))
    }

    /// Up to where it holds the record.
    pub fn place(&self) -> RecordPlace {
        RecordPlace { epoch_id: self.epoch_id, hub_seq: self.max_hub_seq }
    }

    /// Answers that it holds.
    pub fn answers(&self) -> u64 {
        self.tables.get("attempts").copied().unwrap_or_default()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl FileEntry {
    /// Reads a file of a folder and sums it.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(folder: &Path, path: &str) -> io::Result<Self> {
        let (bytes, sum) = sum_file(&folder.join(path))?;
        Ok(FileEntry { path: path.to_owned(), bytes, blake3: sum })
    }

    /// Where it lies, unless its path leads out of the folder.
    pub fn inside(&self, folder: &Path) -> Option<PathBuf> {
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\\');
        self.path.split('/').all(is_plain).then(|| folder.join(&self.path))
    }
}

/// Bytes of a file and their BLAKE3, read in pieces.
fn sum_file(path: &Path) -> io::Result<(u64, String)> {
    let mut hasher = blake3::Hasher::new();
    let mut file = fs::File::open(path)?;
    let mut piece = vec![0; 128 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((bytes, hasher.finalize().to_hex().to_string()));
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leads_out_of_the_folder() {
        let entry = |path: &str| {
            FileEntry { path: path.into(), bytes: 0, blake3: String::new() }.inside(Path::new("/s"))
        };
        assert_eq!(entry("keys/pepper.key"), Some("/s/keys/pepper.key".into()));
        for path in ["", "/etc/passwd", "../hub.db", "keys/../../x", "keys//x", "./x", "a\\..\\b"] {
            assert_eq!(entry(path), None, "{path}");
        }
    }
}
