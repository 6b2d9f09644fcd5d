//! The files of a repository at a target, and the seam between them and rustic.
//!
//! A [`Store`] knows files by kind and id and nothing of what they hold. [`Line`] makes a store into rustic's backend:
//! it counts what crosses, checks every whole file against its name (the SHA-256 of its bytes) and remembers the first
//! fault, because rustic turns it into a text on its way up.

use crate::SyncError;
use bytes::Bytes;
use parking_lot::Mutex;
use ring::digest;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Files of one repository. The id of the config file is always the zero id.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// For messages: a path or an address, without keys.
    fn location(&self) -> &str;
    /// What stands there, seen from outside.
    fn contents(&self) -> Result<Contents, SyncError>;
    /// Makes what a new repository needs before its first file.
    fn prepare(&self) -> Result<(), SyncError>;
    fn list(&self, kind: FileType) -> Result<Vec<(Id, u32)>, SyncError>;
    fn read(&self, kind: FileType, id: &Id) -> Result<Bytes, SyncError>;
    fn read_part(&self, kind: FileType, id: &Id, offset: u32, length: u32) -> Result<Bytes, SyncError>;
    /// Whole or not at all, also when the process is killed or the line cut.
    fn write(&self, kind: FileType, id: &Id, content: &[Bytes]) -> Result<(), SyncError>;
    /// A file that is not there is removed already.
    fn remove(&self, kind: FileType, id: &Id) -> Result<(), SyncError>;
    /// Writes a small file beside the repository, reads it back and removes it.
    fn try_out(&self) -> Result<(), SyncError>;
    /// Removes half-written files of killed runs. Only the one run that writes may call it.
    fn sweep(&self) -> Result<(), SyncError>;
}

/// What stands at a place, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    Empty,
    Repository,
    /// Keys and nothing else: a repository whose making was cut off. Nothing is lost by starting anew.
    HalfMade,
    /// Data of a repository, but not its config: nothing opens it.
    Headless,
    Other,
}

/// The path of a file below the repository's root, in restic's layout.
pub fn path_of(kind: FileType, id: &Id) -> String {
    let name = id.to_hex();
    match kind {
        FileType::Config => "config".to_owned(),
        FileType::Pack => format!("data/{}/{}", &name[..2], &*name),
        FileType::Key | FileType::Snapshot | FileType::Index => format!("{}/{}", kind.dirname(), &*name),
    }
}

/// Whether the bytes are those that the name promises. Config files have no name to check.
pub fn fits_name(kind: FileType, id: &Id, content: &[u8]) -> bool {
    kind == FileType::Config || digest::digest(&digest::SHA256, content).as_ref() == id_bytes(id)
}

/// The 32 bytes of an id, which rustic shows as digits only.
pub fn id_bytes(id: &Id) -> Vec<u8> {
    let hex = id.to_hex();
    hex.as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// A store as rustic sees it.
#[derive(Debug, Clone)]
pub struct Line {
    store: Arc<dyn Store>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: AtomicU64,
    received: AtomicU64,
    removed_packs: AtomicU64,
    fault: Mutex<Option<SyncError>>,
}

/// What crossed the line so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Crossed {
    pub sent: u64,
    pub received: u64,
    pub removed_packs: u64,
}

impl Line {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, state: Arc::default() }
    }

    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub fn crossed(&self) -> Crossed {
        Crossed {
            sent: self.state.sent.load(Ordering::Relaxed),
            received: self.state.received.load(Ordering::Relaxed),
            removed_packs: self.state.removed_packs.load(Ordering::Relaxed),
        }
    }

    /// The first fault since it was last taken.
    pub fn take_fault(&self) -> Option<SyncError> {
        self.state.fault.lock().take()
    }

    /// The names of all files of a kind.
    pub fn names(&self, kind: FileType) -> RusticResult<BTreeSet<Id>> {
        Ok(self.settle(self.store.list(kind))?.into_iter().map(|(id, _)| id).collect())
    }

    /// A whole file, also one that does not hold what its name says.
    pub fn read_as_it_is(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let content = self.settle(self.store.read(kind, id))?;
        self.state.received.fetch_add(content.len() as u64, Ordering::Relaxed);
        Ok(content)
    }

    fn settle<T>(&self, result: Result<T, SyncError>) -> RusticResult<T> {
        result.map_err(|fault| {
            let text = fault.to_string();
            self.state.fault.lock().get_or_insert(fault);
            RusticError::new(ErrorKind::Backend, text)
        })
    }

    fn read_checked(&self, kind: FileType, id: &Id) -> Result<Bytes, SyncError> {
        let content = self.store.read(kind, id)?;
        if !fits_name(kind, id, &content) {
            return Err(SyncError::Damaged {
                location: self.store.location().to_owned(),
                detail: format!("{} does not hold what its name says", path_of(kind, id)),
            });
        }
        Ok(content)
    }
}

impl ReadBackend for Line {
    fn location(&self) -> String {
        self.store.location().to_owned()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.settle(self.store.list(kind))
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let content = self.settle(self.read_checked(kind, id))?;
        self.state.received.fetch_add(content.len() as u64, Ordering::Relaxed);
        Ok(content)
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let content = self.settle(self.store.read_part(kind, id, offset, length))?;
        self.state.received.fetch_add(content.len() as u64, Ordering::Relaxed);
        Ok(content)
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        path_of(kind, id)
    }
}

impl WriteBackend for Line {
    fn create(&self) -> RusticResult<()> {
        self.settle(self.store.prepare())
    }

    fn write_bytes(&self, kind: FileType, id: &Id, _: bool, content: BytesList) -> RusticResult<()> {
        self.settle(self.store.write(kind, id, content.slice()))?;
        self.state.sent.fetch_add(content.size() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn remove(&self, kind: FileType, id: &Id, _: bool) -> RusticResult<()> {
        self.settle(self.store.remove(kind, id))?;
        if kind == FileType::Pack {
            self.state.removed_packs.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id {
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse().expect("an id")
    }

    #[test]
    fn files_stand_where_restic_looks_for_them() {
        let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(path_of(FileType::Config, &id()), "config");
        assert_eq!(path_of(FileType::Pack, &id()), format!("data/ba/{name}"));
        assert_eq!(path_of(FileType::Key, &id()), format!("keys/{name}"));
        assert_eq!(path_of(FileType::Snapshot, &id()), format!("snapshots/{name}"));
        assert_eq!(path_of(FileType::Index, &id()), format!("index/{name}"));
    }

    #[test]
    fn a_file_fits_its_name_only_whole() {
        // SHA-256 of "abc", FIPS 180-4, example B.1
        assert!(fits_name(FileType::Pack, &id(), b"abc"));
        assert!(!fits_name(FileType::Pack, &id(), b"ab"));
        assert!(!fits_name(FileType::Pack, &id(), b""));
        assert!(fits_name(FileType::Config, &Id::default(), b"anything"));
    }
}
