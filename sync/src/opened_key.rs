//! The key that a password has opened before, kept so that the hub's own runs do not derive it again each time.
//!
//! restic's key files ask for scrypt with 128 MiB of memory, which makes guessing a weak password slow. Here it would only
//! make every hourly run heavy: the password has 128 bits of its own, and it lies in the file beside. The kept key counts
//! as long as the same password is given and the key file that it opened still lies at the target, byte for byte, so that
//! a run never succeeds at a place that the password on the recovery sheet would not open.

use crate::{
    own_run::{draw_name, hex},
    store::{Store, fits_name},
};
use ring::digest;
use rustic_core::{FileType, Id, repofile::MasterKey};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Key files that lay at the target when the password opened one of them.
    key_files: Vec<Id>,
    salt: String,
    /// SHA-256 of salt and password, hexadecimal: another password opens nothing.
    proof: String,
    key: MasterKey,
}

/// The kept key of a repository, if the password and what lies at the target are as they were.
pub fn find(cache: &Path, repository: &str, password: &str, store: &dyn Store) -> Option<MasterKey> {
    let kept: Kept = serde_json::from_slice(&fs::read(path_of(cache, repository)).ok()?).ok()?;
    let is_there =
        |id: &Id| store.read(FileType::Key, id).is_ok_and(|content| fits_name(FileType::Key, id, &content));
    let fits = kept.proof == prove(&kept.salt, password)
        && !kept.key_files.is_empty()
        && kept.key_files.iter().all(is_there);
    fits.then_some(kept.key)
}

/// Keeps a key, for the hub's user only. What cannot be kept is derived again the next time.
pub fn keep(cache: &Path, repository: &str, password: &str, store: &dyn Store, key: MasterKey) {
    let write = || -> io::Result<()> {
        let listed = store.list(FileType::Key).map_err(io::Error::other)?;
        let salt = draw_name()?;
        let proof = prove(&salt, password);
        let kept = Kept { key_files: listed.into_iter().map(|(id, _)| id).collect(), salt, proof, key };
        let path = path_of(cache, repository);
        let draft = path.with_extension("draft");
        let _ = fs::remove_file(&draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec(&kept)?)?;
        fs::rename(&draft, &path)
    };
    if let Err(error) = write() {
        tracing::warn!(%error, "the key of the backups could not be kept; each run derives it anew");
    }
}

fn path_of(cache: &Path, repository: &str) -> PathBuf {
    cache.join(format!("opened-{}", repository.get(..16).unwrap_or(repository)))
}

fn prove(salt: &str, password: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(salt.as_bytes());
    context.update(password.as_bytes());
    hex(context.finish().as_ref())
}
