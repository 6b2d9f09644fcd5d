//! Folders to back up, places to back up to, and how trees are compared.

mod disk;
mod garage;
mod proxy;
mod restic;

pub use disk::Disk;
pub use garage::{BUCKET, Garage, KEY_ID, SECRET, free_address};
pub use proxy::{Fault, Proxy, Request};
pub use restic::restic;

use dreamseed_sync::{Limits, NewSnapshot, Password, Place, Repository, SnapshotInfo, SyncError, Target};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

pub const PASSWORD: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// A folder to back up, a folder that may be the place, and a folder for the hub's own notes.
pub struct Bench {
    home: TempDir,
}

impl Bench {
    /// With a small tree of everything that a snapshot folder may hold.
    pub fn new() -> Self {
        let bench = Self { home: TempDir::new().expect("a folder") };
        for folder in ["source/keys/old", "source/ledgers", "source/empty", "place"] {
            fs::create_dir_all(bench.home.path().join(folder)).expect("a folder");
        }
        bench.put("hub.db", &noise(1, 3_000_000));
        bench.put("keys/receipt.key", &noise(2, 32));
        bench.put("keys/old/.hidden", b"hidden");
        bench.put("ledgers/erasures.jsonl", b"");
        bench.put("그림 1.png", &noise(3, 70_000));
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(bench.source().join("keys/receipt.key"), mode).expect("a mode");
        bench
    }

    pub fn source(&self) -> PathBuf {
        self.home.path().join("source")
    }

    pub fn place(&self) -> PathBuf {
        self.home.path().join("place")
    }

    pub fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    /// A path below the bench that nothing uses.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.source().join(name), content).expect("a file");
    }

    pub fn target(&self) -> Target {
        folder_target(&self.place())
    }

    pub fn open_or_init(&self, target: &Target) -> Result<Repository, SyncError> {
        Repository::open_or_init(target, &quick(), &Password::new(PASSWORD), &self.cache(), None)
    }

    pub fn open(&self, target: &Target) -> Repository {
        self.open_or_init(target).expect("the repository opens")
    }

    pub fn back_up(&self, repository: &Repository) -> Result<SnapshotInfo, SyncError> {
        repository.back_up(&self.source(), &new("2026-09-30T18:15:00Z"), &|_| {})
    }

    /// Restores a snapshot and compares it with a tree.
    pub fn check_restores(&self, repository: &Repository, id: &str, expected: &Tree) {
        let into = TempDir::new_in(self.home.path()).expect("a folder");
        let restored = repository.restore(id, into.path(), &|_| {}).expect("restored");
        let found = read_tree(into.path());
        assert!(found == *expected, "restored {:?}, expected {:?}", names(&found), names(expected));
        let files: Vec<_> = expected.values().filter_map(|entry| entry.content.as_ref()).collect();
        assert_eq!(restored.files, files.len() as u64);
        assert_eq!(restored.bytes, files.iter().map(|content| content.len() as u64).sum::<u64>());
    }
}

pub fn folder_target(path: &Path) -> Target {
    Target { name: "usb".into(), place: Place::Folder(path.to_owned()) }
}

/// Limits under which a dead place is found dead before a test runs out of time.
pub fn quick() -> Limits {
    Limits { request_timeout: Duration::from_secs(3), ..Limits::default() }
}

pub fn new(time: &str) -> NewSnapshot {
    NewSnapshot {
        host: "0198c0de-0000-7000-8000-000000000001".into(),
        tags: vec!["instance/0198c0de".into(), "epoch/1".into()],
        time: time.parse().expect("a time"),
    }
}

/// What stands in a folder, by path.
pub type Tree = BTreeMap<PathBuf, Entry>;

#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// None for a folder.
    pub content: Option<Vec<u8>>,
    pub mode: u32,
}

pub fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let seen = fs::symlink_metadata(&path).expect("seen");
            let content = (!seen.is_dir()).then(|| fs::read(&path).expect("a file"));
            if seen.is_dir() {
                folders.push(path.clone());
            }
            let name = path.strip_prefix(root).expect("below").to_owned();
            tree.insert(name, Entry { content, mode: seen.permissions().mode() });
        }
    }
    tree
}

fn names(tree: &Tree) -> Vec<(&PathBuf, Option<usize>)> {
    tree.iter().map(|(name, entry)| (name, entry.content.as_ref().map(Vec::len))).collect()
}

/// Files below a folder, largest first.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let tree = read_tree(folder);
    let mut files: Vec<_> = tree
        .iter()
        .filter_map(|(name, entry)| Some((entry.content.as_ref()?.len(), folder.join(name))))
        .collect();
    files.sort();
    files.into_iter().rev().map(|(_, path)| path).collect()
}

/// Bytes that no program compresses, the same for the same seed (xorshift64*, Vigna 2016).
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A wish of whoever runs the tests.
pub fn wish(name: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "a wish of who runs the tests, not a setting of the hub")]
    let value = std::env::var(name);
    value.ok().map(OsString::from)
}
