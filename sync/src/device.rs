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
/// counts, since it does not survive the power cut that damages a disk. Where the system does not show the disks (ZFS,
/// overlays and others that it knows by a name only) nothing counts: two file systems may lie on one disk. A loop device lies
/// where its file lies; one whose file was unlinked, which nobody does but who wants a small disk for an exercise, is a
/// disk of its own.
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
    let system = System { sys: Path::new("/sys"), mounts: &mounts };
    Ok(match (data, folder) {
        (Some(data), Some(folder)) => are_apart(data, folder, &|mount| system.disks_of(mount)),
        (_, _) => false,
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

fn are_apart(data: &Mount, folder: &Mount, disks: &dyn Fn(&Mount) -> Option<BTreeSet<String>>) -> bool {
    if data.device == folder.device || IN_MEMORY.contains(&folder.kind.as_str()) {
        return false;
    }
    match (server_of(data), server_of(folder)) {
        (Some(data), Some(folder)) => data != folder,
        // Between this machine and another one, as far as names tell.
        (Some(server), None) => !is_here(server) && disks(folder).is_some(),
        (None, Some(server)) => !is_here(server),
        (None, None) => {
            disks(data).zip(disks(folder)).is_some_and(|(data, folder)| data.is_disjoint(&folder))
        }
    }
}

const IN_MEMORY: [&str; 3] = ["tmpfs", "ramfs", "devtmpfs"];
/// Kinds whose disks are in another machine, as mountinfo names them.
const OF_NETWORK: [&str; 10] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "afs",
    "ceph",
    "fuse.ceph-fuse",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.sshfs",
];

/// The server of a network file system: `nas` of `nas:/school`, `//nas/school` and `teacher@nas:backup`. Two names of one
/// server look like two.
fn server_of(mount: &Mount) -> Option<&str> {
    if !OF_NETWORK.contains(&mount.kind.as_str()) {
        return None;
    }
    let source = mount.source.trim_start_matches('/');
    let source = source.split_once('@').map_or(source, |(_, host)| host);
    let end = match source.strip_prefix('[') {
        Some(address) => address.find(']').map(|end| end + 2),
        None => source.find([':', '/']),
    };
    Some(end.and_then(|end| source.get(..end)).unwrap_or(source))
}

/// A server that this machine is itself.
fn is_here(server: &str) -> bool {
    server == "localhost" || server.starts_with("127.") || server == "[::1]"
}

/// What tells which disks lie below what.
struct System<'a> {
    sys: &'a Path,
    mounts: &'a [Mount],
}

impl System<'_> {
    /// The names of the disks below a file system; none if not all of them can be told.
    fn disks_of(&self, mount: &Mount) -> Option<BTreeSet<String>> {
        let by_number = self.sys.join("dev/block").join(&mount.device);
        // btrfs and others have numbers of their own; their source names the block device.
        let by_source = fs::metadata(&mount.source).map(|seen| {
            let (major, minor) = (rustix::fs::major(seen.rdev()), rustix::fs::minor(seen.rdev()));
            self.sys.join("dev/block").join(format!("{major}:{minor}"))
        });
        let block = fs::canonicalize(by_number).or_else(|_| fs::canonicalize(by_source?)).ok()?;
        let mut disks = BTreeSet::new();
        self.collect_disks(&block, &mut disks)?;
        Some(disks)
    }

    /// Follows partitions to their disk, mapped devices (LVM, RAID, encryption) to what they are made of, and loop devices to
    /// the disk of their file.
    fn collect_disks(&self, block: &Path, disks: &mut BTreeSet<String>) -> Option<()> {
        if block.join("partition").exists() {
            return self.collect_disks(block.parent()?, disks);
        }
        if let Ok(file) = fs::read_to_string(block.join("loop/backing_file"))
            && !file.trim_end().ends_with(" (deleted)")
        {
            let file = fs::canonicalize(file.trim_end_matches('\n')).ok()?;
            disks.extend(self.disks_of(mount_of(self.mounts, &file)?)?);
            return Some(());
        }
        let below: Vec<PathBuf> = fs::read_dir(block.join("slaves"))
            .map(|entries| entries.filter_map(|entry| fs::canonicalize(entry.ok()?.path()).ok()).collect())
            .unwrap_or_default();
        if below.is_empty() {
            disks.insert(block.file_name()?.to_string_lossy().into_owned());
        }
        below.iter().try_for_each(|block| self.collect_disks(block, disks))
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
46 22 0:71 / /tank/data rw - zfs tank/data rw
47 22 0:72 / /tank/backup rw - zfs tank/backup rw
48 22 0:73 / /in/container rw - overlay overlay rw
49 22 0:74 / /mnt/nas2 rw - nfs4 nas:/other rw
50 22 0:75 / /mnt/share rw - cifs //backup.school/share rw
51 22 0:76 / /mnt/own rw - nfs4 127.0.0.1:/export rw
";

    fn disks(mount: &Mount) -> Option<BTreeSet<String>> {
        let disk = mount.source.strip_prefix("/dev/").map(|name| name[..3].to_owned());
        Some(disk.into_iter().collect()).filter(|disks: &BTreeSet<String>| !disks.is_empty())
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
    fn what_cannot_be_told_does_not_count() {
        check("/tank/data", "/tank/backup", false); // two file systems of one pool
        check("/tank/data", "/mnt/second", false); // whose disk may be in the pool
        check("/in/container", "/media/usb stick", false);
        check("/var/lib/dreamseed", "/tank/backup", false);
        check("/tank/data", "/mnt/nas/dreamseed", true);
        check("/mnt/nas/dreamseed", "/mnt/nas2", false); // two exports of one server
        check("/mnt/nas/dreamseed", "/mnt/share", true);
        check("/mnt/nas/dreamseed", "/media/usb stick", true);
        check("/mnt/nas/dreamseed", "/tank/backup", false);
        check("/var/lib/dreamseed", "/mnt/own", false); // exported by this machine
    }

    #[test]
    fn the_server_of_a_share_is_read() {
        for (kind, source, server) in [
            ("nfs4", "nas:/school", Some("nas")),
            ("nfs", "[fe80::1]:/school", Some("[fe80::1]")),
            ("cifs", "//nas.school/a b", Some("nas.school")),
            ("fuse.sshfs", "teacher@nas:backup", Some("nas")),
            ("ext4", "/dev/sda1", None),
        ] {
            let mount = Mount {
                device: "0:1".into(),
                point: "/mnt".into(),
                kind: kind.to_owned(),
                source: source.to_owned(),
            };
            assert_eq!(server_of(&mount), server, "{source}");
        }
    }

    /// A system with the disks `sda` and `sdb`, a mapped device over a partition of `sda`, and a loop device.
    #[test]
    fn a_loop_device_lies_where_its_file_lies() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("a folder");
        let sys = root.join("sys");
        for device in ["sda/sda1", "sdb", "dm-0/slaves", "loop0/loop"] {
            fs::create_dir_all(sys.join("devices").join(device)).expect("a device");
        }
        fs::create_dir_all(sys.join("dev/block")).expect("numbers");
        let link = |to: &str, at: &str| {
            std::os::unix::fs::symlink(sys.join("devices").join(to), sys.join(at)).expect("a link");
        };
        for (number, device) in [("8:1", "sda/sda1"), ("8:16", "sdb"), ("254:0", "dm-0"), ("7:0", "loop0")] {
            link(device, &format!("dev/block/{number}"));
        }
        link("sda/sda1", "devices/dm-0/slaves/sda1");
        fs::write(sys.join("devices/sda/sda1/partition"), "1\n").expect("a partition");
        let (data, stick) = (root.join("data"), root.join("stick"));
        for folder in [&data, &stick] {
            fs::create_dir(folder).expect("a folder");
            fs::write(folder.join("backup.img"), "").expect("an image");
        }
        let mount = |device: &str, point: &Path, kind: &str| Mount {
            device: device.to_owned(),
            point: point.to_owned(),
            kind: kind.to_owned(),
            source: "none".to_owned(),
        };
        let mounts = [
            mount("254:0", &data, "ext4"),
            mount("8:16", &stick, "ext4"),
            mount("7:0", &root.join("loop"), "ext4"),
            mount("0:80", &root.join("sys"), "sysfs"),
        ];
        let system = System { sys: &sys, mounts: &mounts };
        let disks = |mount: usize| {
            system.disks_of(&mounts[mount]).map(|disks| disks.into_iter().collect::<Vec<_>>().join(" "))
        };
        assert_eq!((disks(0).as_deref(), disks(1).as_deref(), disks(3)), (Some("sda"), Some("sdb"), None));
        let gone = format!("{} (deleted)", data.join("backup.img").display());
        for (file, lies_on, apart) in [
            (data.join("backup.img"), Some("sda"), false),
            (stick.join("backup.img"), Some("sdb"), true),
            (sys.join("devices/sda/sda1/partition"), None, false),
            (root.join("in another container.img"), None, false),
            (gone.into(), Some("loop0"), true),
        ] {
            fs::write(sys.join("devices/loop0/loop/backing_file"), format!("{}\n", file.display()))
                .expect("a backing file");
            assert_eq!(disks(2).as_deref(), lies_on, "{file:?}");
            let found = are_apart(&mounts[0], &mounts[2], &|mount| system.disks_of(mount));
            assert_eq!(found, apart, "{file:?}");
        }
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
