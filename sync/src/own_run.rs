//! One run at a time, and how this machine's runs know each other.

use crate::SyncError;
use ring::{
    digest,
    rand::{SecureRandom as _, SystemRandom},
};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// As long as it lives no other run of this machine writes to the same place. The system frees it when a run is killed.
#[derive(Debug)]
pub struct OwnRun {
    _lock: File,
}

impl OwnRun {
    pub fn begin(cache: &Path, location: &str) -> Result<Self, SyncError> {
        let name = hex(&digest::digest(&digest::SHA256, location.as_bytes()).as_ref()[..8]);
        let path = cache.join(format!("run-{name}"));
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(|error| SyncError::here(format!("open {}", path.display()), &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(SyncError::TwoRuns { location: location.to_owned() }),
            Err(TryLockError::Error(error)) => {
                Err(SyncError::here(format!("lock {}", path.display()), &error))
            }
        }
    }
}

/// A random name for the runs of this machine, made when it is first asked for. It marks half-written files, so that
/// the next run may remove those of a killed one.
pub fn writer_name(cache: &Path) -> Result<String, SyncError> {
    let make = || {
        fs::create_dir_all(cache)?;
        let path = cache.join("writer");
        match fs::read_to_string(&path) {
            Ok(name) if name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                return Ok(name);
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let name = draw_name()?;
        let draft = cache.join(format!("writer-{name}"));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?
            .write_all(name.as_bytes())?;
        fs::rename(&draft, &path)?;
        Ok(name)
    };
    make().map_err(|error| SyncError::here(format!("use {}", cache.display()), &error))
}

/// A name that no other run has.
pub fn random_name() -> Result<String, SyncError> {
    draw_name().map_err(|error| SyncError::here("draw a name", &error))
}

/// Sixteen random hexadecimal digits.
pub fn draw_name() -> io::Result<String> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(hex(&bytes))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_waits_for_the_first() {
        let cache = tempfile::tempdir().expect("a folder");
        let first = OwnRun::begin(cache.path(), "/mnt/usb").expect("free");
        assert!(matches!(OwnRun::begin(cache.path(), "/mnt/usb"), Err(SyncError::TwoRuns { .. })));
        OwnRun::begin(cache.path(), "/mnt/nas").expect("another place is free");
        drop(first);
        OwnRun::begin(cache.path(), "/mnt/usb").expect("free again");
    }

    #[test]
    fn the_name_of_this_machines_runs_stays() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = cache.path().join("backup");
        let name = writer_name(&folder).expect("made");
        assert_eq!(writer_name(&folder).expect("read"), name);
        assert_eq!(name.len(), 16);
    }
}
