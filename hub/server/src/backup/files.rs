//! Small files of `data/backup`: written whole or not at all, readable by the hub's user only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Where backups keep their password, targets and state that is not in the database.
pub fn folder(data: &Path) -> PathBuf {
    data.join("backup")
}

/// What is remembered of repositories between runs; may be removed at any time.
pub fn cache(data: &Path) -> PathBuf {
    folder(data).join("cache")
}

/// Makes a folder with its parents, 0700.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file, 0600: aside, made durable, then renamed.
pub fn write_secret(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let aside = file.with_extension("new");
    match fs::remove_file(&aside) {
        // Left by a write that was cut off.
        Ok(()) => {}
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(&aside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&aside, file)?;
    sync_folder(folder)
}

/// Holds a file of `data/backup` against everybody else who does, in this process or another, until it is dropped. Blocks.
pub fn lock(file: &Path) -> io::Result<File> {
    if let Some(folder) = file.parent() {
        make_folder(folder)?;
    }
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(file)?;
    lock.lock()?;
    Ok(lock)
}

/// Gives what lies in `folder` to whom the data folder `data` belongs: an administrator's command may have made it, and the hub
/// runs as its own user.
#[cfg(unix)]
pub fn give_to_owner(data: &Path, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, lchown};
    fn give(path: &Path, (user, group): (u32, u32)) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        if found.uid() != user {
            lchown(path, Some(user), Some(group))?;
        }
        if found.is_dir() {
            for entry in fs::read_dir(path)? {
                give(&entry?.path(), (user, group))?;
            }
        }
        Ok(())
    }
    if !data.exists() {
        return Ok(());
    }
    let owner = fs::metadata(data)?;
    if owner.uid() == 0 || !rustix::process::geteuid().is_root() || !folder.exists() {
        return Ok(());
    }
    give(folder, (owner.uid(), owner.gid()))
}

/// There are no such owners here.
#[cfg(not(unix))]
pub fn give_to_owner(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the names in a folder durable.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be opened here; their names are durable with the file.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
