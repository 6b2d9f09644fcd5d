//! The data folder: who may read it, how much room it has, how fast it keeps, and on what it lies.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use super::{Finding, Machine, fail, ok, warn};
use crate::{
    auth::keys::{self, KeyError},
    config::{Config, DiskConfig},
    disk,
};

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What this user may still write.
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// A commit waits for one of these.
const SLOW_SYNC: Duration = Duration::from_millis(60);
const VERY_SLOW_SYNC: Duration = Duration::from_millis(300);
const SYNCS: usize = 7;
/// The name of the data folder's line.
const FOLDER: &str = "data";

/// Room on the disk of a folder; nothing where the system does not tell.
pub fn disk_space(folder: &Path) -> Option<DiskSpace> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(DiskSpace {
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// The fault that no folder is there: a line for each check would call a school well that this is not.
pub fn find_missing_folder(data: &Path) -> Option<Finding> {
    let is_missing = std::fs::metadata(data).is_err_and(|err| err.kind() == io::ErrorKind::NotFound);
    let shown = data.display();
    is_missing.then(|| {
        fail(
            FOLDER,
            format!("여기에는 허브의 데이터가 없습니다: {shown}."),
            format!("There is no data of a hub here: {shown}."),
            "학교의 데이터 폴더를 --data로, 또는 설정 파일을 --config로 알려 주세요. 아직 한 번도 시작하지 않았다면 처음 시작할 때 만들어집니다.",
            "Name the school's data folder with --data, or the settings file with --config. If the hub was never started, the first start makes the folder.",
        )
    })
}

/// The data folder itself.
pub fn check_folder(data: &Path) -> Finding {
    const CHECK: &str = FOLDER;
    let shown = data.display();
    let folder = match std::fs::metadata(data).and_then(|folder| probe(data).map(|()| folder)) {
        Ok(folder) => folder,
        Err(err) => {
            return fail(
                CHECK,
                format!("데이터 폴더 {shown}에 쓸 수 없습니다({err}). 새 답을 저장할 수 없습니다."),
                format!("The data folder {shown} cannot be written ({err}): no new answer can be kept."),
                "허브를 실행하는 사용자가 이 폴더의 소유자인지, 디스크가 읽기 전용이 아닌지 확인하세요. 설치된 허브라면 그 사용자로 점검하세요: sudo -u dreamseed dreamseed-hub doctor",
                "See that the hub's user owns the folder and that the disk is not read-only. Examine an installed hub as its user: sudo -u dreamseed dreamseed-hub doctor",
            );
        }
    };
    let open = open_to_others(data, &folder);
    if open.is_empty() {
        return ok(
            CHECK,
            format!("데이터 폴더 {shown}은(는) 허브의 사용자만 읽을 수 있습니다."),
            format!("Only the hub's user can read the data folder {shown}."),
        );
    }
    let list = open.join(", ");
    fail(
        CHECK,
        format!("이 컴퓨터의 다른 사용자가 학생 자료를 읽을 수 있습니다: {list}."),
        format!("Other users of this machine can read the pupils' data: {list}."),
        format!("이렇게 고치세요: chmod -R go-rwx '{shown}'"),
        format!("Correct it: chmod -R go-rwx '{shown}'"),
    )
}

/// Whether a file can be made in the folder.
fn probe(data: &Path) -> io::Result<()> {
    let path = data.join(".doctor");
    File::create(&path)?;
    std::fs::remove_file(path)
}

/// Names of what others may read: the folder itself, and keys in it. A closed folder closes what is in it.
fn open_to_others(data: &Path, folder: &std::fs::Metadata) -> Vec<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let is_open = |meta: &std::fs::Metadata| meta.permissions().mode() & 0o077 != 0;
        let mut open = Vec::new();
        if is_open(folder) {
            open.push(data.display().to_string());
        }
        let keys = std::fs::read_dir(data.join("keys")).into_iter().flatten().flatten();
        open.extend(
            keys.filter(|key| key.metadata().is_ok_and(|meta| is_open(&meta)))
                .map(|key| format!("keys/{}", key.file_name().to_string_lossy())),
        );
        open.sort();
        open
    }
    #[cfg(not(unix))]
    {
        let _ = (data, folder);
        Vec::new()
    }
}

/// The key that checks PINs and passwords; without it the hub does not start once there are accounts. `has_users` is
/// absent where the database cannot say.
pub fn check_keys(data: &Path, has_users: Option<bool>) -> Finding {
    const CHECK: &str = "keys";
    if let Some(damaged) = keys::find_damaged(data) {
        let (ko, en) = match &damaged {
            KeyError::Malformed { file } => {
                (format!("{} 손상", file.display()), format!("{} is damaged", file.display()))
            }
            KeyError::Io { .. } | KeyError::PepperMissing { .. } | KeyError::Random(_) => {
                (damaged.to_string(), damaged.to_string())
            }
        };
        return fail(
            CHECK,
            format!("열쇠 파일을 쓸 수 없습니다: {ko}. 허브가 다음에 시작되지 않아 수업을 열 수 없습니다."),
            format!(
                "A key file cannot be used: {en}. The hub will not start again, so no lesson can be held."
            ),
            "백업에서 그 파일을 keys 폴더에 되돌리세요. access_token.key와 refresh_token.key는 `sudo -u dreamseed dreamseed-hub keys rotate sign-in`으로 새로 만들 수도 있습니다. 그러면 모두 다시 로그인합니다.",
            "Restore that file into the folder keys from a backup. access_token.key and refresh_token.key can also be made anew with `sudo -u dreamseed dreamseed-hub keys rotate sign-in`; then everybody signs in again.",
        );
    }
    let (what_ko, what_en) = match keys::check_pepper(data, has_users != Some(false)) {
        Ok(()) if has_users == Some(false) => {
            return ok(
                CHECK,
                "아직 계정이 없습니다. 열쇠 파일은 처음 시작할 때 만들어집니다.",
                "There are no accounts yet; the first start makes the key files.",
            );
        }
        Ok(()) => {
            return ok(
                CHECK,
                "PIN을 확인하는 열쇠 파일 keys/pepper.key가 있습니다.",
                "The key file keys/pepper.key, which checks the PINs, is there.",
            );
        }
        Err(KeyError::PepperMissing { .. }) => ("없습니다".to_owned(), "is missing".to_owned()),
        Err(KeyError::Malformed { .. }) => {
            ("손상되었습니다".to_owned(), "is damaged: it does not hold 64 hexadecimal digits".to_owned())
        }
        Err(KeyError::Io { source, .. }) => {
            (format!("읽히지 않습니다({source})"), format!("cannot be read ({source})"))
        }
        Err(KeyError::Random(err)) => (format!("쓸 수 없습니다({err})"), format!("cannot be used ({err})")),
    };
    fail(
        CHECK,
        format!(
            "PIN을 확인하는 열쇠 파일 keys/pepper.key가 {what_ko}. 허브가 다음에 시작되지 않아 수업을 열 수 없습니다."
        ),
        format!(
            "The key file keys/pepper.key, which checks the PINs, {what_en}. The hub will not start again, so no lesson can be held."
        ),
        "백업에서 keys/pepper.key를 데이터 폴더에 되돌리세요. 백업이 없으면 `sudo -u dreamseed dreamseed-hub keys rotate secrets`로 새 열쇠를 만들고 모두에게 새 PIN을 주세요.",
        "Restore keys/pepper.key into the data folder from a backup. Without a backup, make a new one with `sudo -u dreamseed dreamseed-hub keys rotate secrets` and give everybody new PINs.",
    )
}

/// The disk under the data folder.
pub fn check_disk(machine: &Machine, config: &Config) -> Finding {
    let at = existing(&config.data);
    let kind = machine.read("proc/mounts").and_then(|mounts| kind_of(&mounts, &at));
    judge_disk(&config.disk, disk_space(&at), kind.as_deref(), sync_time(&at).ok())
}

/// The folder, or the nearest one above it that exists.
fn existing(folder: &Path) -> std::path::PathBuf {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let found = whole.ancestors().find(|place| place.is_dir()).unwrap_or(Path::new("/"));
    found.canonicalize().unwrap_or_else(|_| found.to_owned())
}

/// The file system of the longest mount point above a path.
fn kind_of(mounts: &str, path: &Path) -> Option<String> {
    let lines = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
        Some((place.replace("\\040", " "), kind.to_owned()))
    });
    lines
        .filter(|(place, _)| path.starts_with(place))
        .max_by_key(|(place, _)| place.len())
        .map(|(_, kind)| kind)
}

/// The median of a few writes of one page that are waited for.
fn sync_time(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(".doctor-sync");
    let measured = (|| {
        let mut file = File::create(&path)?;
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let begun = Instant::now();
            file.write_all(&[0x5a; 4096])?;
            file.sync_all()?;
            times.push(begun.elapsed());
        }
        times.sort();
        Ok(times[SYNCS / 2])
    })();
    let _ = std::fs::remove_file(path);
    measured
}

/// What room, kind and speed mean for a lesson, by the limits at which the hub itself stops taking things.
pub fn judge_disk(
    limits: &DiskConfig,
    space: Option<DiskSpace>,
    kind: Option<&str>,
    sync: Option<Duration>,
) -> Finding {
    const CHECK: &str = "disk";
    if let Some(kind @ ("nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "9p" | "afs" | "ceph" | "fuse.sshfs")) =
        kind
    {
        return fail(
            CHECK,
            format!(
                "데이터 폴더가 네트워크 드라이브({kind})에 있습니다. 여기서는 데이터베이스가 손상될 수 있습니다."
            ),
            format!("The data folder lies on a network drive ({kind}), where the database can be damaged."),
            "허브를 멈추고 데이터 폴더를 이 컴퓨터의 디스크로 옮긴 뒤 --data로 알려 주세요.",
            "Stop the hub, move the folder to a disk of this machine, and name it with --data.",
        );
    }
    let Some(space) = space else {
        return warn(
            CHECK,
            "디스크의 남은 공간을 알 수 없습니다.",
            "The free space of the disk cannot be told.",
            "공간이 5 GB 넘게 남아 있는지 직접 확인하세요.",
            "See yourself that more than 5 GB are free.",
        );
    };
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    let (free, total) = (gigabytes(space.free_bytes), gigabytes(space.total_bytes));
    let percent = space.free_bytes.saturating_mul(100).checked_div(space.total_bytes).unwrap_or(0);
    let (free_ko, free_en) = (
        format!("디스크에 {total:.1} GB 중 {free:.1} GB({percent} %)가 남아 있습니다"),
        format!("{free:.1} GB of {total:.1} GB ({percent} %) are free"),
    );
    let (uploads, writes) =
        (disk::bytes(limits.uploads, space.total_bytes), disk::bytes(limits.writes, space.total_bytes));
    if space.free_bytes < writes.max(200_000_000) || space.total_bytes == 0 {
        return fail(
            CHECK,
            format!("{free_ko}. 곧 새 답을 저장할 수 없게 됩니다."),
            format!("{free_en}; soon no new answer can be kept."),
            "지금 필요 없는 파일을 지우거나 더 큰 디스크로 옮기세요.",
            "Delete what is not needed now, or move to a larger disk.",
        );
    }
    if let Some(sync) = sync.filter(|sync| *sync >= VERY_SLOW_SYNC) {
        return fail(
            CHECK,
            format!(
                "디스크가 한 번 저장하는 데 {} ms가 걸립니다. 반 전체가 답을 내면 오래 기다립니다.",
                sync.as_millis()
            ),
            format!(
                "The disk takes {} ms to keep a write: a class that answers at once will wait.",
                sync.as_millis()
            ),
            "데이터 폴더를 SSD로 옮기세요. USB 메모리와 SD 카드는 너무 느립니다.",
            "Move the data folder to an SSD; USB sticks and SD cards are too slow.",
        );
    }
    if space.free_bytes < uploads.max(1_000_000_000) {
        let limit = gigabytes(writes);
        return warn(
            CHECK,
            format!("{free_ko}. 파일 올리기를 받지 않습니다."),
            format!("{free_en}; files are not taken any more."),
            format!(
                "이번 주 안에 공간을 비우세요. {limit:.1} GB 아래로 내려가면 새 답을 저장할 수 없습니다."
            ),
            format!("Free some space this week; below {limit:.1} GB no new answer can be kept."),
        );
    }
    if let Some(kind @ ("tmpfs" | "ramfs")) = kind {
        return warn(
            CHECK,
            format!("데이터 폴더가 메모리({kind})에 있습니다. 컴퓨터를 끄면 모두 사라집니다."),
            format!("The data folder lies in memory ({kind}): all is lost when the machine is turned off."),
            "디스크에 있는 폴더를 --data로 알려 주세요.",
            "Name a folder on a disk with --data.",
        );
    }
    if let Some(sync) = sync.filter(|sync| *sync >= SLOW_SYNC) {
        return warn(
            CHECK,
            format!("{free_ko}. 한 번 저장하는 데 {} ms가 걸려 느린 편입니다.", sync.as_millis()),
            format!("{free_en}; a write takes {} ms to be kept, which is slow.", sync.as_millis()),
            "수업이 느리면 데이터 폴더를 SSD로 옮기세요.",
            "If lessons feel slow, move the data folder to an SSD.",
        );
    }
    let speed = sync.map(|sync| sync.as_millis()).unwrap_or_default();
    ok(
        CHECK,
        format!("{free_ko}. 한 번 저장하는 데 {speed} ms가 걸립니다."),
        format!("{free_en}; a write takes {speed} ms to be kept."),
    )
}

/// Memory that programs can still have.
pub fn check_memory(machine: &Machine) -> Finding {
    const CHECK: &str = "memory";
    let info = machine.read("proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let Some(kibibytes) = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()) else {
        return warn(
            CHECK,
            "남은 메모리를 알 수 없습니다.",
            "The free memory cannot be told.",
            "메모리가 1 GB 넘게 남아 있는지 직접 확인하세요.",
            "See yourself that more than 1 GB is free.",
        );
    };
    let megabytes = kibibytes * 1024 / 1_000_000;
    let (ko, en) =
        (format!("메모리가 {megabytes} MB 남아 있습니다."), format!("{megabytes} MB of memory are free."));
    let next_ko = "다른 프로그램을 닫거나 더 작은 AI 모델을 쓰세요.";
    let next_en = "Close other programs, or use a smaller AI model.";
    match megabytes {
        0..300 => fail(
            CHECK,
            format!("{ko} 허브가 멈출 수 있습니다."),
            format!("{en} The hub may be ended by the system."),
            next_ko,
            next_en,
        ),
        300..1_000 => warn(CHECK, ko, en, next_ko, next_en),
        1_000.. => ok(CHECK, ko, en),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::house::DoctorLevel::{self, Fail, Ok as Fine, Warn};

    const GB: u64 = 1_000_000_000;

    fn limits() -> DiskConfig {
        Config::default().disk
    }

    fn level(free: u64, kind: &str, sync_ms: u64) -> DoctorLevel {
        let space = DiskSpace { free_bytes: free, total_bytes: 100 * GB };
        judge_disk(&limits(), Some(space), Some(kind), Some(Duration::from_millis(sync_ms))).level
    }

    #[test]
    fn a_disk_is_judged_by_room_kind_and_speed() {
        assert_eq!(level(50 * GB, "ext4", 5), Fine);
        // Of 100 GB: uploads stop at 5, writes at half of one.
        assert_eq!(level(6 * GB, "ext4", 5), Fine);
        assert_eq!(level(4 * GB, "ext4", 5), Warn);
        assert_eq!(level(GB / 3, "ext4", 5), Fail);
        assert_eq!(level(50 * GB, "nfs4", 5), Fail);
        assert_eq!(level(50 * GB, "cifs", 5), Fail);
        assert_eq!(level(50 * GB, "tmpfs", 0), Warn);
        assert_eq!(level(50 * GB, "ext4", 100), Warn);
        assert_eq!(level(50 * GB, "vfat", 500), Fail);
        assert_eq!(judge_disk(&limits(), None, None, None).level, Warn);
        let empty = DiskSpace { free_bytes: 0, total_bytes: 0 };
        assert_eq!(judge_disk(&limits(), Some(empty), None, None).level, Fail);
    }

    #[test]
    fn the_longest_mount_point_counts() {
        let mounts =
            "/dev/sda1 / ext4 rw 0 0\nnas:/x /srv nfs4 rw 0 0\n/dev/sdb1 /srv/my\\040disk xfs rw 0 0\n";
        for (path, kind) in
            [("/srv/my disk/data", "xfs"), ("/srv/data", "nfs4"), ("/srvx", "ext4"), ("/", "ext4")]
        {
            assert_eq!(kind_of(mounts, Path::new(path)).as_deref(), Some(kind), "{path}");
        }
        assert_eq!(kind_of("nonsense", Path::new("/")), None);
    }

    #[test]
    fn memory_is_read_from_the_machine() {
        let root = tempfile::tempdir().expect("a folder");
        let machine = Machine::at(root.path(), |_, _| None);
        assert_eq!(check_memory(&machine).level, Warn);
        std::fs::create_dir(root.path().join("proc")).expect("made");
        for (kibibytes, level) in [(8_000_000, Fine), (600_000, Warn), (100_000, Fail)] {
            let info = format!("MemTotal: 9000000 kB\nMemAvailable: {kibibytes} kB\n");
            std::fs::write(root.path().join("proc/meminfo"), info).expect("written");
            assert_eq!(check_memory(&machine).level, level);
        }
    }

    #[test]
    fn a_lost_or_damaged_pepper_is_a_fault_once_there_are_accounts() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(check_keys(root.path(), Some(false)).level, Fine);
        let lost = check_keys(root.path(), Some(true));
        assert!(lost.level == Fail && lost.text.en.contains("keys/pepper.key"), "{lost:?}");
        assert!(lost.next_step.is_some_and(|next| next.ko.contains("백업") && next.en.contains("backup")));
        assert!(!root.path().join("keys").exists(), "the doctor makes nothing");
        std::fs::create_dir(root.path().join("keys")).expect("made");
        let pepper = root.path().join("keys/pepper.key");
        for (text, level) in
            [("x".to_owned(), Fail), (String::new(), Fail), (format!("{}\n", "0a".repeat(32)), Fine)]
        {
            std::fs::write(&pepper, text).expect("written");
            assert_eq!(check_keys(root.path(), Some(true)).level, level);
            assert_eq!(check_keys(root.path(), None).level, level, "also when the database cannot say");
        }
        std::fs::write(root.path().join("keys/access_token.key"), "").expect("written");
        let damaged = check_keys(root.path(), Some(true));
        assert!(damaged.level == Fail && damaged.text.en.contains("access_token.key"), "{damaged:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_read_is_a_fault() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().expect("a folder");
        let data = root.path().join("data");
        assert!(find_missing_folder(&data).is_some_and(|found| found.level == Fail));
        assert_eq!(check_folder(&data).level, Fail, "not there");
        std::fs::create_dir_all(data.join("keys")).expect("made");
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
        };
        assert_eq!(find_missing_folder(&data), None);
        set(&data, 0o755);
        let found = check_folder(&data);
        assert!(found.level == Fail && found.next_step.is_some_and(|next| next.en.contains("chmod")));
        set(&data, 0o700);
        assert_eq!(check_folder(&data).level, Fine);
        std::fs::write(data.join("keys/access.key"), "x").expect("written");
        set(&data.join("keys/access.key"), 0o644);
        let found = check_folder(&data);
        assert!(found.level == Fail && found.text.en.contains("keys/access.key"));
    }
}
