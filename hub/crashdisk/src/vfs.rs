//! SQLite's way to the [`crate::disk`]: a virtual file system of its own, by the `sqlite-plugin` crate.

use std::{borrow::Cow, ffi::CString, path::Path, ptr::NonNull, sync::OnceLock};

use sqlite_plugin::{
    flags::{AccessFlags, CreateMode, LockLevel, OpenKind, OpenMode, OpenOpts, ShmLockMode},
    vars,
    vfs::{RegisterOpts, Vfs, VfsHandle, VfsResult, register_static},
};

use crate::disk::{self, OpenFile, Opening};

/// Makes the crash disk SQLite's own file system for this process. Only paths on a [`disk::Disk`] that was laid out can be
/// opened after it.
///
/// # Errors
/// SQLite's code, if it takes no file system.
pub fn install() -> VfsResult<()> {
    static INSTALLED: OnceLock<VfsResult<()>> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let name = CString::new("crashdisk").map_err(|_| vars::SQLITE_INTERNAL)?;
        register_static(name, CrashFiles, RegisterOpts { make_default: true }).map(drop)
    })
}

struct CrashFiles;

enum Handle {
    OnDisk(OpenFile),
    /// A temporary file, which nobody expects to outlive its process.
    Scratch(Vec<u8>),
}

impl VfsHandle for Handle {
    fn readonly(&self) -> bool {
        match self {
            Handle::OnDisk(file) => file.is_readonly,
            Handle::Scratch(_) => false,
        }
    }

    fn in_memory(&self) -> bool {
        false
    }
}

impl Vfs for CrashFiles {
    type Handle = Handle;

    fn canonical_path<'a>(&self, path: Cow<'a, str>) -> VfsResult<Cow<'a, str>> {
        if Path::new(path.as_ref()).is_absolute() { Ok(path) } else { Err(vars::SQLITE_CANTOPEN) }
    }

    fn open(&self, path: Option<&str>, opts: OpenOpts) -> VfsResult<Handle> {
        let Some(path) = path.map(Path::new) else { return Ok(Handle::Scratch(Vec::new())) };
        if opts.delete_on_close() {
            return Ok(Handle::Scratch(Vec::new()));
        }
        let kind = opts.kind();
        let opening = Opening {
            is_readonly: opts.mode().is_readonly(),
            creates: match opts.mode() {
                OpenMode::ReadWrite { create: CreateMode::Create | CreateMode::MustCreate } => true,
                OpenMode::ReadWrite { create: CreateMode::None } | OpenMode::ReadOnly => false,
            },
            is_log: kind == OpenKind::Wal,
            syncs_folder: matches!(kind, OpenKind::Wal | OpenKind::MainJournal | OpenKind::SuperJournal),
        };
        let disk = disk::find(path).ok_or(vars::SQLITE_CANTOPEN)?;
        disk.open(path, opening).map(Handle::OnDisk)
    }

    fn delete(&self, path: &str) -> VfsResult<()> {
        disk::find(Path::new(path)).ok_or(vars::SQLITE_IOERR_DELETE)?.delete(Path::new(path))
    }

    fn access(&self, path: &str, _: AccessFlags) -> VfsResult<bool> {
        disk::find(Path::new(path)).map_or(Ok(false), |disk| disk.has(Path::new(path)))
    }

    fn file_size(&self, handle: &mut Handle) -> VfsResult<usize> {
        match handle {
            Handle::OnDisk(file) => file.size(),
            Handle::Scratch(bytes) => Ok(bytes.len()),
        }
    }

    fn truncate(&self, handle: &mut Handle, size: usize) -> VfsResult<()> {
        match handle {
            Handle::OnDisk(file) => file.truncate(size),
            Handle::Scratch(bytes) => {
                bytes.resize(size, 0);
                Ok(())
            }
        }
    }

    fn write(&self, handle: &mut Handle, offset: usize, data: &[u8]) -> VfsResult<usize> {
        match handle {
            Handle::OnDisk(file) => file.write(offset, data)?,
            Handle::Scratch(bytes) => {
                let end = offset + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[offset..end].copy_from_slice(data);
            }
        }
        Ok(data.len())
    }

    fn read(&self, handle: &mut Handle, offset: usize, data: &mut [u8]) -> VfsResult<usize> {
        match handle {
            Handle::OnDisk(file) => file.read(offset, data),
            Handle::Scratch(bytes) => {
                let there = bytes.get(offset..).unwrap_or_default();
                let count = there.len().min(data.len());
                data[..count].copy_from_slice(&there[..count]);
                Ok(count)
            }
        }
    }

    fn lock(&self, handle: &mut Handle, level: LockLevel) -> VfsResult<()> {
        match handle {
            Handle::OnDisk(file) => file.lock(level),
            Handle::Scratch(_) => Ok(()),
        }
    }

    fn unlock(&self, handle: &mut Handle, level: LockLevel) -> VfsResult<()> {
        if let Handle::OnDisk(file) = handle {
            file.unlock(level);
        }
        Ok(())
    }

    fn check_reserved_lock(&self, handle: &mut Handle) -> VfsResult<bool> {
        match handle {
            Handle::OnDisk(file) => file.is_reserved(),
            Handle::Scratch(_) => Ok(false),
        }
    }

    fn sync(&self, handle: &mut Handle) -> VfsResult<()> {
        match handle {
            Handle::OnDisk(file) => file.sync(),
            Handle::Scratch(_) => Ok(()),
        }
    }

    fn close(&self, handle: Handle) -> VfsResult<()> {
        if let Handle::OnDisk(file) = &handle {
            file.close();
        }
        Ok(())
    }

    /// As SQLite's own on Linux: bytes that a write does not touch stay as they are, and nothing else is promised. The plugin's
    /// default promises atomic writes in order.
    fn device_characteristics(&self, _: &mut Handle) -> VfsResult<i32> {
        Ok(vars::SQLITE_IOCAP_POWERSAFE_OVERWRITE)
    }

    fn shm_map(
        &self,
        handle: &mut Handle,
        region_idx: usize,
        region_size: usize,
        extend: bool,
    ) -> VfsResult<Option<NonNull<u8>>> {
        on_disk(handle)?.map_index(region_idx, region_size, extend)
    }

    fn shm_lock(&self, handle: &mut Handle, offset: u32, count: u32, mode: ShmLockMode) -> VfsResult<()> {
        on_disk(handle)?.lock_index(offset, count, mode)
    }

    /// The index is memory of this process: SQLite's own fence is enough between its threads.
    fn shm_barrier(&self, _: &mut Handle) {
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    }

    fn shm_unmap(&self, handle: &mut Handle, _delete: bool) -> VfsResult<()> {
        on_disk(handle)?.unmap_index();
        Ok(())
    }
}

fn on_disk(handle: &Handle) -> VfsResult<&OpenFile> {
    match handle {
        Handle::OnDisk(file) => Ok(file),
        Handle::Scratch(_) => Err(vars::SQLITE_IOERR),
    }
}
