//! A small disk, mounted for one test.

use super::wish;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

pub struct Disk(PathBuf);

impl Disk {
    /// None when this user may not mount and has said that this is known.
    pub fn mount(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a folder");
        let options = format!("size={size},mode=0700");
        let is_mounted = run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path));
        assert!(
            is_mounted || wish("DREAMSEED_NO_MOUNT").is_some(),
            "this test mounts a disk: run it as root, or set DREAMSEED_NO_MOUNT to leave it out"
        );
        is_mounted.then(|| Self(path.to_owned()))
    }

    pub fn remount(&self, how: &str) {
        assert!(
            run(Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0)),
            "remount {how}"
        );
    }

    pub fn unmount(self) {}
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a file may still be open.
        run(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|done| done.status.success())
}
