//! What can go wrong with a backup, sorted by what the school can do about it.

use rustix::io::Errno;
use std::io::{self, ErrorKind};

/// Why a run did not succeed. Nothing that was backed up before is touched by a failing run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    #[error("{location} is not there; plug the disk in or mount it, the next run finds it by itself")]
    Gone { location: String },
    #[error(
        "{location} does not answer ({detail}); check the network, the next run goes on where this one stopped"
    )]
    Unreachable { location: String, detail: String },
    #[error("{location} cannot be written to; remove the write protection or choose another key or place")]
    ReadOnly { location: String },
    #[error("{location} is full; make room there or add a larger place")]
    Full { location: String },
    #[error("{location} refused the request ({detail}); check endpoint, bucket and keys")]
    Refused { location: String, detail: String },
    #[error("{location} refused the request because this machine's clock is wrong; set the clock")]
    Clock { location: String },
    #[error("the backups at {location} have another password; use the recovery sheet that belongs to them")]
    WrongPassword { location: String },
    #[error("{location} holds something else than backups of DreamSeed; choose an empty folder or prefix")]
    NotEmptyNotOurs { location: String },
    #[error(
        "{location} holds another set of backups ({found}) than before ({expected}); was a disk swapped?"
    )]
    Swapped { location: String, expected: String, found: String },
    #[error(
        "backups at {location} are damaged ({detail}); the next backup sends what it can again, add a second place"
    )]
    Damaged { location: String, detail: String },
    #[error("another backup to {location} is running; wait until it has ended")]
    TwoRuns { location: String },
    #[error("there are no backups at {location}; check the folder, or bucket and prefix")]
    NoBackups { location: String },
    #[error("no snapshot {id} at {location}; list the snapshots and choose one")]
    NoSnapshot { location: String, id: String },
    #[error("{path} is not empty; choose an empty folder to restore into")]
    RestoreNotEmpty { path: String },
    #[error("{what}: {detail}")]
    Io { what: String, detail: String },
}

impl SyncError {
    /// What an operating system's error means at a target.
    pub(crate) fn from_io(location: &str, what: &str, error: &io::Error) -> Self {
        let location = location.to_owned();
        let kind = error.kind();
        let number = error.raw_os_error().map(Errno::from_raw_os_error);
        if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            return Self::Full { location };
        }
        if matches!(kind, ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) {
            return Self::ReadOnly { location };
        }
        if kind == ErrorKind::TimedOut {
            return Self::Unreachable { location, detail: error.to_string() };
        }
        // A stick pulled out while it was written to, a NAS that has left.
        let has_left = matches!(
            kind,
            ErrorKind::NotFound
                | ErrorKind::NotADirectory
                | ErrorKind::StaleNetworkFileHandle
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::NotConnected
        ) || matches!(number, Some(Errno::IO | Errno::NODEV | Errno::NXIO | Errno::HOSTDOWN));
        if has_left {
            return Self::Gone { location };
        }
        Self::Io { what: format!("{what} at {location}"), detail: error.to_string() }
    }

    /// An error on this machine, away from any target.
    pub(crate) fn here(what: impl Into<String>, error: &io::Error) -> Self {
        Self::Io { what: what.into(), detail: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(errno: Errno, is_named: fn(&SyncError) -> bool) {
        let error =
            SyncError::from_io("/mnt/usb", "write", &io::Error::from_raw_os_error(errno.raw_os_error()));
        assert!(is_named(&error), "{errno:?}: {error:?}");
    }

    #[test]
    fn errors_of_the_system_are_named_by_what_can_be_done() {
        check(Errno::NOSPC, |error| matches!(error, SyncError::Full { .. }));
        check(Errno::DQUOT, |error| matches!(error, SyncError::Full { .. }));
        check(Errno::ROFS, |error| matches!(error, SyncError::ReadOnly { .. }));
        check(Errno::ACCESS, |error| matches!(error, SyncError::ReadOnly { .. }));
        check(Errno::NOENT, |error| matches!(error, SyncError::Gone { .. }));
        check(Errno::IO, |error| matches!(error, SyncError::Gone { .. }));
        check(Errno::NODEV, |error| matches!(error, SyncError::Gone { .. }));
        check(Errno::STALE, |error| matches!(error, SyncError::Gone { .. }));
        check(Errno::NOTCONN, |error| matches!(error, SyncError::Gone { .. }));
        check(Errno::TIMEDOUT, |error| matches!(error, SyncError::Unreachable { .. }));
        check(Errno::NAMETOOLONG, |error| matches!(error, SyncError::Io { .. }));
    }
}
