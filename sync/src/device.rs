//! Whether a backup would survive the disk that it backs up.
//!
//! Device numbers alone do not say it: a bind mount has the same number under another path, a subvolume another number
//! on the same disk, a second partition too. So both places are followed down to the disks below them.

use crate::Place;
use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Whether losing the disk of `data` leaves `place` alive. A bucket always counts. A folder counts when its file system
/// is another one, on other disks as far as the system shows them; a network file system counts. Memory (tmpfs) never
/// counts, since it does not survive the power cut that damages a disk. A loop device is taken for a disk of its own.
pub fn is_other_device(data: &Path, place: &Place) -> io::Result<bool> {
    let folder = match place {
        Place::S3(_) => return Ok(true),
        Place::Folder(folder) => folder,
    };
    if fs::metadata(data)?.dev() == fs::metadata(folder)?.dev() {
        return Ok(false);
    }
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else {
        // Other systems than Linux: the numbers are all there is.
        return Ok(true);
    };
    let mounts = read_mounts(&mounts);
    let data = mount_of(&mounts, &fs::canonicalize(data)?);
    let folder = mount_of(&mounts, &fs::canonicalize(folder)?);
    Ok(match (data, folder) {
        (Some(data), Some(folder)) => are_apart(data, folder, &disks_of),
        (_, _) => true,
    })
}

/// A line of `/proc/self/mountinfo`, see proc_pid_mountinfo(5).
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// `major:minor` of the file system, the same for all subvolumes of it.
    device: String,
    point: PathBuf,
    kind: String,
    source: String,
}

fn read_mounts(text: &str) -> Vec<Mount> {
    text.lines().filter_map(read_mount).collect()
}

fn read_mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ');
    let device = before.nth(2)?.to_owned();
    let point = unescape(before.nth(1)?);
    let mut after = after.split(' ');
    Some(Mount {
        device,
        point: point.into(),
        kind: after.next()?.to_owned(),
        source: unescape(after.next()?),
    })
}

/// Spaces, tabs, line ends and backslashes are written as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

/// The mount in which a canonical path lies: the longest point, and of those the one mounted last.
fn mount_of<'m>(mounts: &'m [Mount], path: &Path) -> Option<&'m Mount> {
    let above = mounts.iter().filter(|mount| path.starts_with(&mount.point));
    above.max_by_key(|mount| mount.point.as_os_str().len())
}

fn are_apart(data: &Mount, folder: &Mount, disks: &dyn Fn(&Mount) -> BTreeSet<String>) -> bool {
    if data.device == folder.device || IN_MEMORY.contains(&folder.kind.as_str()) {
        return false;
    }
    disks(data).is_disjoint(&disks(folder))
}

const IN_MEMORY: [&str; 3] = ["tmpfs", "ramfs", "devtmpfs"];

/// The names of the disks below a file system; none for a network's.
fn disks_of(mount: &Mount) -> BTreeSet<String> {
    let mut disks = BTreeSet::new();
    let by_number = Path::new("/sys/dev/block").join(&mount.device);
    // btrfs and others have numbers of their own; their source names the block device.
    let by_source = fs::metadata(&mount.source).map(|seen| {
        let (major, minor) = (rustix::fs::major(seen.rdev()), rustix::fs::minor(seen.rdev()));
        Path::new("/sys/dev/block").join(format!("{major}:{minor}"))
    });
    let block = fs::canonicalize(by_number).or_else(|_| fs::canonicalize(by_source?));
    if let Ok(block) = block {
        collect_disks(&block, &mut disks);
    }
    disks
}

/// Follows partitions to their disk, and mapped devices (LVM, RAID, encryption) to what they are made of.
fn collect_disks(block: &Path, disks: &mut BTreeSet<String>) {
    if block.join("partition").exists() {
        if let Some(disk) = block.parent() {
            collect_disks(disk, disks);
        }
        return;
    }
    let below: Vec<PathBuf> = fs::read_dir(block.join("slaves"))
        .map(|entries| entries.filter_map(|entry| fs::canonicalize(entry.ok()?.path()).ok()).collect())
        .unwrap_or_default();
    if below.is_empty() {
        disks.extend(block.file_name().map(|name| name.to_string_lossy().into_owned()));
    }
    for block in below {
        collect_disks(&block, disks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{S3Place, Secret};

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:26 / /run rw,nosuid - tmpfs tmpfs rw
40 22 8:17 / /media/usb\\040stick rw - vfat /dev/sdb1 rw
41 22 0:50 /@ /srv rw - btrfs /dev/sdc2 rw,subvol=/@
42 22 0:50 /@backup /srv/backup rw - btrfs /dev/sdc2 rw,subvol=/@backup
43 22 8:33 / /mnt/second rw - ext4 /dev/sdc1 rw
44 22 0:61 / /mnt/nas rw - nfs4 nas:/school rw
45 22 8:49 / /mnt/second rw - ext4 /dev/sdd1 rw
";

    fn disks(mount: &Mount) -> BTreeSet<String> {
        let disk = mount.source.strip_prefix("/dev/").map(|name| name[..3].to_owned());
        disk.into_iter().collect()
    }

    #[track_caller]
    fn check(data: &str, folder: &str, apart: bool) {
        let mounts = read_mounts(TABLE);
        let find = |path: &str| mount_of(&mounts, Path::new(path)).expect("a mount");
        assert_eq!(are_apart(find(data), find(folder), &disks), apart, "{data} and {folder}");
    }

    #[test]
    fn only_another_disk_counts() {
        check("/var/lib/dreamseed", "/opt/backup", false); // the same file system
        check("/var/lib/dreamseed", "/media/usb stick", true);
        check("/var/lib/dreamseed", "/mnt/nas/dreamseed", true);
        check("/var/lib/dreamseed", "/run/backup", false); // memory
        check("/srv/dreamseed", "/srv/backup", false); // two subvolumes of one disk
        check("/srv/dreamseed", "/mnt/second", true); // the later mount covers sdc1
    }

    #[test]
    fn a_second_partition_of_the_same_disk_does_not_count() {
        let mounts = read_mounts(TABLE);
        let on = |source: &str| mounts.iter().find(|mount| mount.source == source).expect("a mount");
        assert!(!are_apart(on("/dev/sdc2"), on("/dev/sdc1"), &disks));
    }

    #[test]
    fn a_folder_beside_the_data_does_not_count_and_a_bucket_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let beside = Place::Folder(folder.path().to_owned());
        assert!(!is_other_device(folder.path(), &beside).expect("both are there"));
        let bucket = Place::S3(S3Place {
            endpoint: "http://127.0.0.1:1".into(),
            region: "garage".into(),
            bucket: "school".into(),
            prefix: String::new(),
            access_key_id: "GK1".into(),
            secret_access_key: Secret::new("secret"),
            allow_http: false,
        });
        assert!(is_other_device(folder.path(), &bucket).expect("a bucket"));
        assert!(is_other_device(folder.path(), &Place::Folder("/not/there".into())).is_err());
    }
}
