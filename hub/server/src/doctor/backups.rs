//! Backups: whether there are any, whether they are fresh, and whether they were read back.

use dreamseed_wire::{Language, backup::BackupTroubleCode};
use jiff::{SignedDuration, Timestamp};

use super::{Finding, fail, ok, warn};
use crate::{
    backup::{schedule, state::Kept, trouble},
    store::backup_targets::TargetRow,
};

const CHECK: &str = "backups";
/// A backup that has not been read back for so long is a hope.
const UNREAD: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Judges how backups stand. `targets` are the names with whether each is a folder, absent if their file cannot be read;
/// `kept` is what the database knows, absent if there is none.
pub fn judge_backups(targets: Option<&[(String, bool)]>, kept: Option<&Kept>, now: Timestamp) -> Finding {
    let Some(targets) = targets else {
        return fail(
            CHECK,
            "저장 위치 파일을 읽을 수 없어서 백업이 되지 않습니다.",
            "The file of targets cannot be read, so no backup is made.",
            "데이터 폴더의 backup/targets.toml을 고치거나, 치우고 저장 위치를 다시 추가하세요.",
            "Mend backup/targets.toml in the data folder, or move it away and add the targets again.",
        );
    };
    if targets.is_empty() {
        return warn(
            CHECK,
            "백업이 없습니다. 이 컴퓨터의 디스크가 고장 나면 학생들의 기록이 모두 사라집니다.",
            "There is no backup: if this machine's disk fails, all of the pupils' work is lost.",
            "관리 화면의 백업에서 다른 디스크의 폴더나 클라우드를 저장 위치로 추가하세요.",
            "Add a folder on another disk, or a cloud, on the admin's page of backups.",
        );
    }
    let none = Kept::default();
    let kept = kept.unwrap_or(&none);
    let row = |name: &str| kept.rows.iter().find(|row| row.name == name);
    for (name, is_folder) in targets {
        let Some(row) = row(name) else { continue };
        if let Some(finding) = judge_target(name, *is_folder, row, now) {
            return finding;
        }
    }
    if let Some((name, _)) =
        targets.iter().find(|(name, _)| row(name).is_none_or(|row| row.last_backup_at.is_none()))
    {
        return warn(
            CHECK,
            format!("저장 위치 '{name}'에 아직 백업이 없습니다."),
            format!("There is no backup at the target '{name}' yet."),
            "허브를 켜 두세요. 몇 분 안에 저절로 시작합니다.",
            "Leave the hub on: it begins by itself within minutes.",
        );
    }
    judge_whole(targets, kept, now)
}

/// What is wrong with a target, if anything is.
fn judge_target(name: &str, is_folder: bool, row: &TargetRow, now: Timestamp) -> Option<Finding> {
    let is_late = schedule::is_late(now, is_folder, row);
    if let Some((code, _)) = row.trouble {
        let (ko, next_ko) = trouble::describe(code, Language::Ko);
        let (en, next_en) = trouble::describe(code, Language::En);
        let (ko, en) = (format!("저장 위치 '{name}': {ko}"), format!("Target '{name}': {en}"));
        // Damage does not pass, whether it is the backup's or the hub's own.
        let is_damage = matches!(code, BackupTroubleCode::Damaged | BackupTroubleCode::Database);
        let is_bad = is_damage || (is_late && schedule::is_stopping(code));
        let say = if is_bad { fail } else { warn };
        return Some(say(CHECK, ko, en, next_ko.to_owned(), next_en.to_owned()));
    }
    (is_late && row.last_backup_at.is_some()).then(|| {
        fail(
            CHECK,
            format!("저장 위치 '{name}'의 마지막 백업이 너무 오래되었습니다."),
            format!("The last backup at the target '{name}' is too old."),
            "백업 화면에서 '지금 백업'을 누르세요.",
            "Press 'Back up now' on the page of backups.",
        )
    })
}

/// All targets are well: is one of them elsewhere, was it read back, and can it be opened when this machine is gone?
fn judge_whole(targets: &[(String, bool)], kept: &Kept, now: Timestamp) -> Finding {
    let rows = || kept.rows.iter().filter(|row| targets.iter().any(|(name, _)| *name == row.name));
    if !rows().any(|row| row.other_device) {
        return warn(
            CHECK,
            "데이터와 다른 디스크에 있다고 확인되는 백업이 없습니다. 이 컴퓨터의 디스크가 고장 나면 백업도 함께 사라질 수 있습니다.",
            "No backup lies on what can be told to be another disk than the data's: if that disk fails, they may be lost with it.",
            "다른 디스크나 USB, NAS의 폴더나 클라우드를 저장 위치로 추가하세요.",
            "Add a folder on another disk, a USB stick or a NAS, or a cloud.",
        );
    }
    let read = rows().filter(|row| row.other_device).filter_map(|row| row.last_restored_at).max();
    if read.is_none_or(|at| now.duration_since(at) > UNREAD) {
        return warn(
            CHECK,
            "백업을 사흘 넘게 되살려 확인하지 못했습니다.",
            "No backup has been restored and checked for more than three days.",
            "백업 화면에서 저장 위치의 '확인'을 누르세요.",
            "Press 'Check' at a target on the page of backups.",
        );
    }
    if kept.sheet.is_none_or(|sheet| sheet.kept_at.is_none()) {
        return warn(
            CHECK,
            "백업은 온전하지만 복구 안내문을 보관하지 않았습니다. 안내문 없이는 다른 컴퓨터에서 되살릴 수 없습니다.",
            "The backups are whole, but the recovery sheet was not put away: without it no other machine can restore them.",
            "백업 화면에서 복구 안내문을 인쇄해 금고에 두세요.",
            "Print the recovery sheet from the page of backups and put it into a safe.",
        );
    }
    let (count, seconds) =
        (targets.len(), rows().filter_map(|row| row.restore_ms).max().unwrap_or_default() / 1_000);
    ok(
        CHECK,
        format!("백업이 {count}곳에 있고, 되살려 확인했습니다(가장 오래 걸린 곳 {seconds}초)."),
        format!(
            "Backups lie in {count} place(s) and were restored and checked (the slowest in {seconds} s)."
        ),
    )
}

#[cfg(test)]
mod tests {
    use dreamseed_wire::house::DoctorLevel::{Fail, Ok as Fine, Warn};

    use super::*;
    use crate::store::backup_targets::Sheet;

    #[test]
    fn what_is_wrong_with_backups_is_told() {
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().expect("a time");
        let ago = |hours: i64| Some(now - SignedDuration::from_hours(hours));
        let targets = [("usb".to_owned(), true)];
        let row = TargetRow {
            name: "usb".into(),
            other_device: true,
            last_try_at: ago(1),
            last_backup_at: ago(1),
            last_restored_at: ago(1),
            restore_ms: Some(2_500),
            ..TargetRow::default()
        };
        let sheet = Some(Sheet { made_at: now, kept_at: Some(now) });
        let judge = |change: &dyn Fn(&mut Kept)| {
            let mut kept = Kept { rows: vec![row.clone()], verified: None, sheet };
            change(&mut kept);
            judge_backups(Some(&targets), Some(&kept), now)
        };
        let trouble = |code| Some((code, now));
        assert_eq!(judge(&|_| ()).level, Fine);
        assert_eq!(judge_backups(Some(&[]), None, now).level, Warn);
        assert_eq!(judge_backups(None, None, now).level, Fail);
        assert_eq!(judge_backups(Some(&targets), None, now).level, Warn, "not yet");
        let gone = judge(&|kept| kept.rows[0].trouble = trouble(BackupTroubleCode::Gone));
        assert_eq!(gone.level, Warn, "an hour without the stick");
        assert!(gone.text.ko.contains("usb") && gone.next_step.is_some());
        let long_gone = judge(&|kept| {
            kept.rows[0].trouble = trouble(BackupTroubleCode::Gone);
            kept.rows[0].last_backup_at = ago(30);
        });
        assert_eq!(long_gone.level, Fail);
        for damage in [BackupTroubleCode::Damaged, BackupTroubleCode::Database] {
            assert_eq!(judge(&|kept| kept.rows[0].trouble = trouble(damage)).level, Fail, "{damage:?}");
        }
        assert_eq!(judge(&|kept| kept.rows[0].last_backup_at = ago(30)).level, Fail);
        // The same disk, or a file system of which nobody can say where it lies.
        let unsure = judge(&|kept| kept.rows[0].other_device = false).text;
        assert!(
            unsure.en.contains("can be told to be another disk") && unsure.ko.contains("확인되는"),
            "{unsure:?}"
        );
        assert!(judge(&|kept| kept.rows[0].last_restored_at = ago(80)).text.en.contains("three days"));
        assert!(judge(&|kept| kept.sheet = None).text.en.contains("sheet"));
    }
}
