//! A small disk of its own: an ext4 file system in a file, mounted for as long as a drill needs it.

use anyhow::{Context, Result, bail, ensure};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};

/// A mounted disk. Its file is unlinked as soon as it is mounted: it goes with the mount, and to the hub it is a disk of its
/// own and not a file on the disk of its data. Dropping it unmounts it.
#[derive(Debug)]
pub struct LoopDisk {
    at: PathBuf,
}

impl LoopDisk {
    /// Makes a disk of so many megabytes (10⁶ bytes) and mounts it below `folder`. `None` if whoever runs the drill has
    /// said that this user may not mount.
    ///
    /// # Errors
    /// The user may not mount and has not said so.
    pub fn mount(folder: &Path, name: &str, megabytes: u64, may_mount: bool) -> Result<Option<Self>> {
        if !may_mount {
            return Ok(None);
        }
        let (image, at) = (folder.join(format!("{name}.img")), folder.join(name));
        std::fs::create_dir(&at)?;
        File::create_new(&image)?.set_len(megabytes * 1_000_000)?;
        // No room is kept for root: the disk is to be full for everybody at once.
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))
            .context("making a file system of its own: install e2fsprogs")?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&at))
            .context("this drill mounts a disk: run it as root, or set DREAMSEED_NO_MOUNT to leave it out")?;
        std::fs::remove_file(&image)?;
        Ok(Some(Self { at }))
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // Lazily: a process that was killed may still hold a file.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let Ok(done) = command.output() else { bail!("{} cannot be started", program.display()) };
    ensure!(done.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&done.stderr).trim());
    Ok(())
}
