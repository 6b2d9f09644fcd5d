//! The clock and the database: whether what is written stays right.

use std::path::Path;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Finding, Machine, fail, ok, warn};
use crate::{
    boot_check,
    store::{StoreError, inspection::Inspection, snapshots::Fault},
};

/// Name of the line on the database.
const DATABASE: &str = "database";

/// A clock that lies further back than this has been set back, not corrected.
const SET_BACK: SignedDuration = SignedDuration::from_mins(5);
/// Before this hub was made, and long after it: no real time.
const YEARS: std::ops::RangeInclusive<i16> = 2026..=2099;
/// The log is folded in at 4 MiB; much more means that a reader has kept it open.
const LONG_WAL: u64 = 256 * 1024 * 1024;

/// The machine's clock. A school without internet is fine: its clock is only never told the time.
pub fn check_clock(machine: &Machine, now: Timestamp, last_seen: Option<Timestamp>, zone: &str) -> Finding {
    const CHECK: &str = "clock";
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let shown = now.to_zoned(zone);
    let shows = shown.strftime("%Y-%m-%d %H:%M").to_string();
    if !YEARS.contains(&shown.year()) {
        return fail(
            CHECK,
            format!("시계가 {shows}을(를) 가리킵니다. 답의 날짜가 모두 틀리게 됩니다."),
            format!("The clock shows {shows}: every answer gets a wrong date."),
            "컴퓨터의 날짜와 시각을 맞추세요. 켤 때마다 틀리면 메인보드의 전지를 바꾸세요.",
            "Set the date and time; if they are wrong at each start, the mainboard's battery is empty.",
        );
    }
    if last_seen.is_some_and(|seen| now < seen - SET_BACK) {
        return fail(
            CHECK,
            format!("시계가 뒤로 갔습니다({shows}). 답은 순서대로 저장되지만 날짜가 틀립니다."),
            format!(
                "The clock was set back (it shows {shows}). Answers stay in order, but their dates are wrong."
            ),
            "컴퓨터의 날짜와 시각을 맞춘 뒤 허브를 다시 시작하세요.",
            "Set the date and time, then restart the hub.",
        );
    }
    let synchronised = machine.has("run/systemd/timesync/synchronized")
        || machine
            .run("chronyc", &["tracking"])
            .is_some_and(|said| said.contains("Leap status     : Normal"));
    if synchronised {
        ok(
            CHECK,
            format!("시계가 네트워크로 맞춰져 있습니다({shows})."),
            format!("The clock is set by the network and shows {shows}."),
        )
    } else {
        ok(
            CHECK,
            format!(
                "시계가 {shows}을(를) 가리킵니다. 인터넷으로 맞춰지지 않으니 한 학기에 한 번 확인하면 됩니다."
            ),
            format!("The clock shows {shows}. It is not set by the internet: compare it once a term."),
        )
    }
}

/// The database file: whole, of this schema, its log short. `seen` is absent before the first start.
pub fn judge_database(data: &Path, seen: Option<&Result<Inspection, StoreError>>, wal_bytes: u64) -> Finding {
    let seen = match seen {
        None if boot_check::has_lost_database(data) => {
            return fail(
                DATABASE,
                "데이터베이스 hub.db가 없습니다. 그러나 이 폴더에는 학교의 열쇠가 있습니다. 허브는 빈 학교로 시작하지 않습니다.",
                "The database hub.db is missing, though a school's keys are in the folder. The hub will not begin an empty school over it.",
                "디스크가 제대로 연결되었는지 보고, 백업에서 되살리세요: sudo -u dreamseed dreamseed-hub backup restore",
                "See that the right disk is mounted, then restore a backup: sudo -u dreamseed dreamseed-hub backup restore",
            );
        }
        None => {
            return ok(
                DATABASE,
                "아직 데이터베이스가 없습니다. 처음 시작할 때 만들어집니다.",
                "There is no database yet; the first start makes it.",
            );
        }
        Some(Ok(seen)) => seen,
        Some(Err(StoreError::Newer { found, known })) => {
            return fail(
                DATABASE,
                format!("데이터베이스가 더 새로운 허브의 것입니다(구조 {found}, 이 허브는 {known}까지)."),
                format!("The database is of a newer hub (schema {found}; this one knows {known})."),
                "그 버전의 허브로 여세요. 데이터는 바뀌지 않았습니다.",
                "Open it with that version; nothing was changed.",
            );
        }
        Some(Err(StoreError::Foreign)) => {
            return fail(
                DATABASE,
                "hub.db가 드림시드의 데이터베이스가 아닙니다.",
                "hub.db is not a DreamSeed database.",
                "--data로 올바른 폴더를 주거나, 백업에서 되살리세요.",
                "Name the right folder with --data, or restore a backup.",
            );
        }
        Some(Err(StoreError::Damaged(_))) => {
            return judge_damage("파일을 읽을 수 없습니다", "the file cannot be read");
        }
        Some(Err(StoreError::DiskFails(_))) => {
            return fail(
                DATABASE,
                "디스크가 데이터베이스를 읽어 주지 않습니다. 디스크가 고장 나고 있을 수 있습니다.",
                "The disk does not give the database back: it may be failing.",
                "케이블과 디스크를 확인하고, 디스크를 바꾸어야 하면 docs/recovery.md 3번을 따르세요. 백업은 그대로 있습니다.",
                "Check the cable and the disk; to change the disk, follow docs/recovery.md, section 3. The backups are untouched.",
            );
        }
        Some(Err(err)) => {
            tracing::debug!(error = ?err, "the database could not be looked at");
            return fail(
                DATABASE,
                "데이터베이스를 열 수 없습니다.",
                "The database cannot be opened.",
                "데이터 폴더의 주인이 허브의 사용자인지, 디스크가 읽히는지 확인하세요. 설치된 허브는 그 사용자로 점검합니다: sudo -u dreamseed dreamseed-hub doctor",
                "See that the data folder is owned by the hub's user and that the disk can be read. An installed hub is examined as its user: sudo -u dreamseed dreamseed-hub doctor",
            );
        }
    };
    if let Some(fault) = &seen.fault {
        return judge_fault(fault);
    }
    if wal_bytes > LONG_WAL {
        let megabytes = wal_bytes / 1_000_000;
        return warn(
            DATABASE,
            format!("데이터베이스의 로그가 {megabytes} MB로 깁니다. 느려질 수 있습니다."),
            format!("The database's log is long ({megabytes} MB), which makes it slow."),
            "수업이 없을 때 허브를 다시 시작하세요. 그때 합쳐집니다.",
            "Restart the hub when there is no lesson; that folds it in.",
        );
    }
    ok(
        DATABASE,
        format!("데이터베이스가 온전합니다(구조 {}).", seen.schema),
        format!("The database is whole (schema {}).", seen.schema),
    )
}

/// Something that does not fit in a database that can be opened.
fn judge_fault(fault: &Fault) -> Finding {
    // Single rows are no reason to go back to an older copy, which would give up everything that came after it.
    let row = |ko: String, en: String| {
        fail(
            DATABASE,
            format!(
                "{ko} 디스크가 상했을 수 있습니다. 허브는 있는 것 모두로 수업을 계속하고, 그 값만 최근 백업에서 되찾습니다."
            ),
            format!(
                "{en} The disk may be failing. The hub teaches on with all that is there, and brings just that value back from the newest backup."
            ),
            "수업은 그대로 하세요. 한 시간 뒤에도 이대로면 백업이 있는 USB나 NAS를 연결하고 허브를 다시 시작하세요. 이번 주 안에 디스크를 검사하고 새것으로 바꾸세요(docs/recovery.md 3번).",
            "Teach on. If this still stands in an hour, connect the stick or NAS with the backups and start the hub again. Check the disk and change it this week by docs/recovery.md, section 3.",
        )
    };
    match fault {
        Fault::Structure(said) => {
            // SQLite's words name pages and trees, which say nothing to a school.
            tracing::debug!(sqlite = said, "the structure of the database is damaged");
            judge_damage("파일의 일부를 읽을 수 없습니다", "parts of the file cannot be read")
        }
        Fault::Index(said) => {
            tracing::debug!(sqlite = said, "an index of the database is damaged");
            fail(
                DATABASE,
                "데이터베이스의 찾아보기가 본문과 맞지 않습니다. 답이 목록에서 빠져 보일 수 있습니다. 잃은 것은 없습니다.",
                "An index of the database does not fit its table: answers may be missing from lists. Nothing is lost.",
                "허브를 다시 시작하세요. 켠 뒤 저절로 새로 만듭니다. 이번 주 안에 디스크를 검사하세요(docs/recovery.md 3번).",
                "Start the hub again: it makes the index anew by itself. Check the disk this week (docs/recovery.md, section 3).",
            )
        }
        Fault::Row(what) => {
            row(format!("읽을 수 없는 줄이 있습니다({what})."), format!("A row cannot be read ({what})."))
        }
        Fault::Answer(seq) => row(
            format!("{seq}번 답이 기록과 맞지 않습니다."),
            format!("Answer {seq} does not fit its record."),
        ),
    }
}

fn judge_damage(ko: &str, en: &str) -> Finding {
    fail(
        DATABASE,
        format!("데이터베이스가 손상되었습니다: {ko}."),
        format!("The database is damaged: {en}."),
        "백업이 있는 USB나 NAS를 연결하고 허브를 다시 시작하세요(sudo systemctl restart dreamseed-hub). 켤 때 저절로 가장 새것인 확인된 백업으로 바뀌고, 손상된 파일은 옆에 남습니다(docs/recovery.md).",
        "Connect the stick or NAS with the backups and restart the hub (sudo systemctl restart dreamseed-hub): it puts the newest verified backup in place by itself and keeps the damaged files aside (docs/recovery.md).",
    )
}

/// The audit log's chain, as far as the database can be read.
pub fn judge_audit(seen: Option<&Result<Inspection, StoreError>>) -> Finding {
    const CHECK: &str = "audit";
    let broken_at = match seen {
        Some(Err(_)) => {
            return warn(
                CHECK,
                "데이터베이스를 읽을 수 없어 감사 기록을 살펴보지 못했습니다.",
                "The audit log could not be looked at, since the database cannot be read.",
                "먼저 데이터베이스를 고치세요.",
                "See to the database first.",
            );
        }
        Some(Ok(seen)) => seen.audit_broken_at,
        None => {
            return ok(
                CHECK,
                "데이터베이스가 없어 감사 기록을 살펴보지 않았습니다.",
                "There is no database, so the audit log was not looked at.",
            );
        }
    };
    match broken_at {
        None => ok(CHECK, "감사 기록이 서로 이어집니다.", "The audit log fits its chain."),
        Some(seq) => fail(
            CHECK,
            format!(
                "감사 기록이 {seq}번에서 끊어졌습니다. 누군가 데이터베이스를 직접 고쳤거나 디스크가 손상되었습니다."
            ),
            format!(
                "The audit log breaks at row {seq}: somebody changed the database, or the disk is damaged."
            ),
            "hub.db를 복사해 두고, 백업의 감사 기록과 비교하세요.",
            "Put a copy of hub.db aside and compare it with the audit log of a backup.",
        ),
    }
}

/// The log beside the database.
pub fn wal_bytes(database: &Path) -> u64 {
    std::fs::metadata(database.with_extension("db-wal")).map_or(0, |meta| meta.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::house::DoctorLevel::{Fail, Ok as Fine, Warn};

    fn at(time: &str) -> Timestamp {
        time.parse().expect("a time")
    }

    #[test]
    fn a_clock_that_cannot_be_or_was_set_back_is_a_fault() {
        let root = tempfile::tempdir().expect("a folder");
        let machine = Machine::at(root.path(), |_, _| None);
        let check =
            |now: &str, seen: Option<&str>| check_clock(&machine, at(now), seen.map(at), "Asia/Seoul");
        assert_eq!(check("1970-01-02T00:00:00Z", None).level, Fail);
        assert_eq!(check("2026-11-23T00:00:00Z", Some("2026-11-24T00:00:00Z")).level, Fail);
        assert_eq!(check("2026-11-23T00:00:00Z", Some("2026-11-23T00:04:00Z")).level, Fine, "a correction");
        let offline = check("2026-11-23T00:00:00Z", None);
        assert!(offline.level == Fine && offline.text.en.contains("2026-11-23 09:00"), "{offline:?}");
        std::fs::create_dir_all(root.path().join("run/systemd/timesync")).expect("made");
        std::fs::write(root.path().join("run/systemd/timesync/synchronized"), "").expect("written");
        assert!(check("2026-11-23T00:00:00Z", None).text.en.contains("set by the network"));
    }

    #[test]
    fn what_is_wrong_with_a_database_is_told() {
        let whole = Inspection {
            schema: 5,
            fault: None,
            audit_broken_at: None,
            has_users: true,
            last_seen: Timestamp::UNIX_EPOCH,
            backups: Default::default(),
        };
        let empty = tempfile::tempdir().expect("a folder");
        let judge =
            |seen: Option<&Result<Inspection, StoreError>>, wal| judge_database(empty.path(), seen, wal);
        let level = |seen: Inspection, wal| judge(Some(&Ok(seen)), wal).level;
        assert_eq!(level(whole.clone(), 0), Fine);
        assert_eq!(level(whole.clone(), 300 << 20), Warn);
        let said = "*** in database main ***\nTree 5 page 9: btreeInitPage() returns error code 11";
        let damaged =
            judge(Some(&Ok(Inspection { fault: Some(Fault::Structure(said.into())), ..whole.clone() })), 0);
        assert_eq!(damaged.level, Fail);
        for text in [&damaged.text.ko, &damaged.text.en] {
            assert!(!text.contains("Tree") && !text.contains("***") && !text.contains('\n'), "{text}");
        }
        assert!(damaged.next_step.is_some_and(|next| next.ko.contains("백업") && next.en.contains("backup")));
        for fault in [Fault::Row("problems that cannot be read".into()), Fault::Index("row 3".into())] {
            assert_eq!(level(Inspection { fault: Some(fault), ..whole.clone() }, 0), Fail);
        }
        let bad_answer = judge(Some(&Ok(Inspection { fault: Some(Fault::Answer(7)), ..whole.clone() })), 0);
        assert_eq!(bad_answer.level, Fail);
        let next = bad_answer.next_step.expect("a step");
        assert!(next.en.contains("Teach on") && !next.en.contains("restore"), "the record stays: {next:?}");
        assert!(bad_answer.text.ko.contains("수업을 계속") && !next.ko.contains("되살리"), "{next:?}");
        assert_eq!(judge(None, 0).level, Fine);
        std::fs::create_dir(empty.path().join("keys")).expect("made");
        std::fs::write(empty.path().join("keys/pepper.key"), "").expect("written");
        assert_eq!(judge(None, 0).level, Fail, "a school's folder without its database");
        let refused = StoreError::Io(std::io::ErrorKind::PermissionDenied.into());
        for err in
            [StoreError::Newer { found: 9, known: 5 }, StoreError::Foreign, StoreError::Closed, refused]
        {
            let words = err.to_string();
            let found = judge(Some(&Err(err)), 0);
            assert!(found.level == Fail && !found.text.ko.contains(&words), "{found:?}");
        }
        let broken = Inspection { audit_broken_at: Some(3), ..whole.clone() };
        assert_eq!(judge_audit(Some(&Ok(broken))).level, Fail);
        assert_eq!((judge_audit(None).level, judge_audit(Some(&Ok(whole))).level), (Fine, Fine));
        let unseen = judge_audit(None).text;
        assert!(
            unseen.ko.contains("살펴보지 않았습니다") && unseen.en.contains("not looked at"),
            "nothing was"
        );
        assert_eq!(
            judge_audit(Some(&Err(StoreError::Foreign))).level,
            Warn,
            "nothing is said of what was not read"
        );
    }
}
