//! Backups of the hub, made so that they can be trusted: a copy of the database ([`snapshot`]) is checked ([`verify`]), sent
//! to each target by a process of its own ([`job`]), and read back from there. [`schedule`] says when; [`state`] tells people.
//!
//! Nothing here is on the way of an answer: the job's process has the lowest priority, reads the database beside the hub, and
//! may be killed at any time.

pub mod admin;
pub mod clock;
pub mod console;
pub mod files;
pub mod instance;
pub mod job;
pub mod manifest;
mod mending;
pub mod password;
pub mod restore;
pub mod schedule;
pub mod sheet;
pub mod snapshot;
pub mod state;
pub mod targets;
pub mod trouble;
pub mod unseen;
pub mod upkeep;
pub mod verify;

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::store::StoreError;

pub use schedule::{BackupDesk, Which, start_now};

/// Why a copy of the hub cannot be made or sent.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "백업할 사본을 만들 공간이 부족합니다: {needs} MB가 필요하고 {free} MB가 비어 있습니다. 디스크를 비우세요. 수업은 그대로 됩니다.\n\
         There is no room for the copy that is backed up: it needs {needs} MB, and {free} MB are free. Free space on the disk; \
         lessons go on."
    )]
    NoRoom { needs: u64, free: u64 },
    #[error("{} cannot be used for the backup; check the disk and the owner of the folder", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the database cannot be copied for the backup")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Targets(#[from] Box<targets::TargetError>),
    #[error("the copy that was made for the backup does not fit what it was made of: {0}")]
    Unfit(verify::Unfit),
    #[error(
        "저장 위치 '{name}'이(가) 없습니다. 백업 화면에서 이름을 확인하세요.\n\
         There is no target '{name}'. See its name on the page of backups."
    )]
    UnknownTarget { name: String },
    #[error(
        "백업할 저장 위치가 없습니다. 백업 화면에서 다른 디스크의 폴더나 클라우드를 추가하세요.\n\
         There is no target to back up to. Add a folder on another disk, or a cloud, on the page of backups."
    )]
    NoTarget,
}

impl BackupError {
    /// For `map_err` behind an operation on a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| BackupError::Io { path: path.to_owned(), source }
    }
}
