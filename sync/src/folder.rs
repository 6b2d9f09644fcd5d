//! A repository in a folder: second disk, USB stick, NAS.
//!
//! A file is written under `tmp/`, flushed to the disk and renamed to its name; then its folder is flushed. A kill at
//! any point leaves a file under `tmp/` at most. The folder's device and inode are compared before every change: when
//! the disk is unmounted during a run, the mount point below it must not be filled in its stead.

use crate::{
    Limits, SyncError,
    pace::Pace,
    store::{Contents, Store, path_of},
};
use bytes::Bytes;
use rustic_core::{ALL_FILE_TYPES, FileType, Id};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// The files of a repository below a folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    location: String,
    /// Device and inode of the root.
    identity: (u64, u64),
    /// Tells the half-written files of this machine from those of others.
    writer: String,
    count: AtomicU64,
    upload: Pace,
    download: Pace,
}

impl Folder {
    /// `writer` is the same for all runs of one hub, and no other's.
    pub fn open(root: &Path, limits: &Limits, writer: &str) -> Result<Self, SyncError> {
        let location = root.display().to_string();
        let seen = fs::metadata(root).map_err(|error| SyncError::from_io(&location, "look", &error))?;
        if !seen.is_dir() {
            return Err(SyncError::Gone { location });
        }
        Ok(Self {
            root: root.to_owned(),
            location,
            identity: (seen.dev(), seen.ino()),
            writer: writer.to_owned(),
            count: AtomicU64::new(0),
            upload: Pace::new(limits.upload_bytes_per_s),
            download: Pace::new(limits.download_bytes_per_s),
        })
    }

    /// Fails when the disk that was there at the start is there no longer.
    fn check_still_there(&self) -> Result<(), SyncError> {
        let seen = fs::metadata(&self.root).map_err(self.fault("look"))?;
        if (seen.dev(), seen.ino()) != self.identity {
            return Err(SyncError::Gone { location: self.location.clone() });
        }
        Ok(())
    }

    fn write_whole(&self, path: &Path, content: &[Bytes]) -> io::Result<()> {
        let tmp = self.root.join(TMP);
        make_folder(&tmp)?;
        let draft = tmp.join(format!("{}-{}", self.writer, self.count.fetch_add(1, Ordering::Relaxed)));
        let written = self.write_draft(&draft, content).and_then(|()| fs::rename(&draft, path));
        if let Err(error) = written {
            // What is left is swept by the next run; the error that matters is the first.
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        path.parent().map_or(Ok(()), flush_folder)
    }

    fn write_draft(&self, draft: &Path, content: &[Bytes]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
        for piece in content {
            std::thread::sleep(self.upload.wait_for(piece.len() as u64, Instant::now()));
            file.write_all(piece)?;
        }
        file.sync_all()
    }

    fn path(&self, kind: FileType, id: &Id) -> PathBuf {
        self.root.join(path_of(kind, id))
    }

    fn fault(&self, what: &'static str) -> impl Fn(io::Error) -> SyncError {
        move |error| SyncError::from_io(&self.location, what, &error)
    }

    /// A file of the repository that is missing is damage; a folder that is missing is a disk that is gone.
    fn read_fault(&self, path: &Path, error: &io::Error) -> SyncError {
        if error.kind() != io::ErrorKind::NotFound || self.check_still_there().is_err() {
            return SyncError::from_io(&self.location, "read", error);
        }
        let name = path.strip_prefix(&self.root).unwrap_or(path).display();
        SyncError::Damaged { location: self.location.clone(), detail: format!("{name} is missing") }
    }
}

impl Store for Folder {
    fn location(&self) -> &str {
        &self.location
    }

    fn contents(&self) -> Result<Contents, SyncError> {
        self.check_still_there()?;
        if self.root.join("config").is_file() {
            return Ok(Contents::Repository);
        }
        for entry in fs::read_dir(&self.root).map_err(self.fault("list"))? {
            let name = entry.map_err(self.fault("list"))?.file_name();
            let name = name.to_string_lossy();
            let of_the_disk = name.starts_with('.') || OF_THE_DISK.contains(&&*name);
            if !of_the_disk && !OURS.contains(&&*name) {
                return Ok(Contents::Other);
            }
        }
        let count = |kind| self.list(kind).map(|files| files.len());
        let data = count(FileType::Pack)? + count(FileType::Snapshot)? + count(FileType::Index)?;
        Ok(match (data, count(FileType::Key)?) {
            (0, 0) => Contents::Empty,
            (0, _) => Contents::HalfMade,
            (_, _) => Contents::Headless,
        })
    }

    fn prepare(&self) -> Result<(), SyncError> {
        self.check_still_there()?;
        let make = || {
            for kind in ALL_FILE_TYPES {
                make_folder(&self.root.join(kind.dirname()))?;
            }
            // Stock restic wants to see it.
            make_folder(&self.root.join("locks"))?;
            flush_folder(&self.root)
        };
        make().map_err(self.fault("prepare"))
    }

    fn list(&self, kind: FileType) -> Result<Vec<(Id, u32)>, SyncError> {
        self.check_still_there()?;
        let mut found = Vec::new();
        match kind {
            FileType::Config => match fs::metadata(self.root.join("config")) {
                Ok(seen) => found.push((Id::default(), size_of(&seen))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.fault("list")(error)),
            },
            FileType::Pack => {
                for folder in entries(&self.root.join("data")).map_err(self.fault("list"))? {
                    if folder.file_type().map_err(self.fault("list"))?.is_dir() {
                        list_ids(&folder.path(), &mut found).map_err(self.fault("list"))?;
                    }
                }
            }
            FileType::Key | FileType::Snapshot | FileType::Index => {
                list_ids(&self.root.join(kind.dirname()), &mut found).map_err(self.fault("list"))?;
            }
        }
        Ok(found)
    }

    fn read(&self, kind: FileType, id: &Id) -> Result<Bytes, SyncError> {
        let path = self.path(kind, id);
        let content = fs::read(&path).map_err(|error| self.read_fault(&path, &error))?;
        std::thread::sleep(self.download.wait_for(content.len() as u64, Instant::now()));
        Ok(content.into())
    }

    fn read_part(&self, kind: FileType, id: &Id, offset: u32, length: u32) -> Result<Bytes, SyncError> {
        let path = self.path(kind, id);
        let mut content = vec![0; length as usize];
        let read = File::open(&path).and_then(|file| file.read_exact_at(&mut content, offset.into()));
        match read {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(SyncError::Damaged {
                    location: self.location.clone(),
                    detail: format!("{} is too short", path_of(kind, id)),
                });
            }
            Err(error) => return Err(self.read_fault(&path, &error)),
        }
        std::thread::sleep(self.download.wait_for(length.into(), Instant::now()));
        Ok(content.into())
    }

    fn write(&self, kind: FileType, id: &Id, content: &[Bytes]) -> Result<(), SyncError> {
        self.check_still_there()?;
        let path = self.path(kind, id);
        let write = || {
            path.parent().map_or(Ok(()), make_folder)?;
            self.write_whole(&path, content)
        };
        write().map_err(self.fault("write"))
    }

    fn remove(&self, kind: FileType, id: &Id) -> Result<(), SyncError> {
        self.check_still_there()?;
        match fs::remove_file(self.path(kind, id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.fault("remove")(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn try_out(&self) -> Result<(), SyncError> {
        self.check_still_there()?;
        let path = self.root.join(format!(".dreamseed-probe-{}", self.writer));
        let content = format!("DreamSeed probe {}", self.writer).into_bytes();
        let read_back = (|| {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(&content)?;
            file.sync_all()?;
            let mut back = Vec::new();
            File::open(&path)?.read_to_end(&mut back)?;
            Ok(back)
        })();
        let removed = fs::remove_file(&path);
        if read_back.map_err(self.fault("write"))? != content {
            return Err(SyncError::Damaged {
                location: self.location.clone(),
                detail: "a file read back differs from what was written".to_owned(),
            });
        }
        removed.map_err(self.fault("remove"))
    }

    fn sweep(&self) -> Result<(), SyncError> {
        self.check_still_there()?;
        let sweep = || {
            let tmp = self.root.join(TMP);
            let drafts = entries(&tmp)?;
            if drafts.is_empty() {
                return Ok(());
            }
            // Ages are told by the target's own clock.
            let probe = tmp.join(format!("{}-now", self.writer));
            let now = File::create(&probe)?.metadata()?.modified()?;
            for draft in drafts {
                let ours = draft.file_name().to_string_lossy().starts_with(&self.writer);
                let old = || {
                    let written = draft.metadata().and_then(|seen| seen.modified());
                    written.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > FORGOTTEN_DRAFT))
                };
                if ours || old() {
                    fs::remove_file(draft.path())?;
                }
            }
            fs::remove_file(&probe)
        };
        match sweep() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.fault("sweep")(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

const TMP: &str = "tmp";
const OURS: [&str; 6] = ["data", "index", "keys", "snapshots", "locks", TMP];
/// What systems put on disks by themselves, besides hidden entries.
const OF_THE_DISK: [&str; 4] = ["lost+found", "System Volume Information", "$RECYCLE.BIN", "@eaDir"];
/// Drafts of another machine: a restored hub sweeps those of the dead one, but not those of a living second hub.
const FORGOTTEN_DRAFT: Duration = Duration::from_secs(7 * 24 * 3600);

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => Ok(()),
        Ok(()) => path.parent().map_or(Ok(()), flush_folder),
    }
}

fn flush_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // CIFS and some FUSE file systems cannot flush a folder; their servers order renames.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        other => other,
    }
}

fn entries(path: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(path) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn list_ids(path: &Path, found: &mut Vec<(Id, u32)>) -> io::Result<()> {
    for entry in entries(path)? {
        let Ok(id) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        match entry.metadata() {
            Ok(seen) => found.push((id, size_of(&seen))),
            // Removed between listing and looking.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn size_of(seen: &fs::Metadata) -> u32 {
    u32::try_from(seen.len()).unwrap_or(u32::MAX)
}
