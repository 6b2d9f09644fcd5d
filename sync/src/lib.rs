//! Encrypted backups of folders: to a folder on another disk or to a bucket, in restic's format.
//!
//! [`try_target`] says whether a place can be used. [`Repository`] backs a folder up, lists and restores snapshots,
//! removes old ones and checks what is there. Everything blocks; call it from a thread of its own, never from an
//! async worker. What the folders hold is the caller's affair: this crate knows no schools and no databases.

mod bucket;
mod device;
mod error;
mod folder;
mod gauge;
mod mending;
mod opened_key;
mod own_run;
mod pace;
mod repository;
mod retention;
mod store;
mod target;

pub use device::is_other_device;
pub use error::SyncError;
pub use repository::{NewSnapshot, Progress, ReadData, Repository, Restored, SnapshotInfo, try_target};
pub use retention::{ClockTrust, Keep, LEDGER_TAG, Skipped, Tidied};
pub use target::{Limits, Password, Place, S3Place, Secret, Target};
