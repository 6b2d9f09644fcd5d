//! What can be wrong with a target, in words: what happened, what it means, one next step.

use dreamseed_sync::SyncError;
use dreamseed_wire::{Language, backup::BackupTroubleCode};

/// What an error of a repository means for the school.
pub fn code_of(err: &SyncError) -> BackupTroubleCode {
    match err {
        SyncError::Gone { .. } => BackupTroubleCode::Gone,
        SyncError::Unreachable { .. } => BackupTroubleCode::Unreachable,
        SyncError::ReadOnly { .. } => BackupTroubleCode::ReadOnly,
        SyncError::Full { .. } => BackupTroubleCode::Full,
        SyncError::Refused { .. } => BackupTroubleCode::Refused,
        SyncError::Clock { .. } => BackupTroubleCode::Clock,
        SyncError::WrongPassword { .. } => BackupTroubleCode::WrongPassword,
        // Another disk lies where the school's was.
        SyncError::Swapped { .. } | SyncError::NotEmptyNotOurs { .. } => BackupTroubleCode::OtherSchool,
        SyncError::Damaged { .. } => BackupTroubleCode::Damaged,
        SyncError::TwoRuns { .. }
        | SyncError::NoBackups { .. }
        | SyncError::NoSnapshot { .. }
        | SyncError::RestoreNotEmpty { .. }
        | SyncError::Io { .. } => BackupTroubleCode::Failed,
    }
}

/// What is wrong, and the one next step, in the reader's language.
pub fn describe(code: BackupTroubleCode, language: Language) -> (&'static str, &'static str) {
    match (code, language) {
        (BackupTroubleCode::Gone, Language::Ko) => (
            "저장 위치의 폴더가 없습니다. USB가 빠졌거나 NAS가 연결되지 않은 것 같습니다. 이 위치로는 새 백업이 만들어지지 않습니다.",
            "USB를 다시 꽂거나 NAS를 연결하세요. 다음 차례에 저절로 이어집니다.",
        ),
        (BackupTroubleCode::Gone, Language::En) => (
            "The target's folder is not there: the USB stick is out or the NAS is not mounted. No new backup is made there.",
            "Plug the stick in again or mount the NAS. The next run goes on by itself.",
        ),
        (BackupTroubleCode::Unreachable, Language::Ko) => (
            "저장 위치의 서버가 대답하지 않습니다. 허브는 계속 시도하며, 수업에는 영향이 없습니다.",
            "이 PC의 인터넷 연결과 방화벽(TCP 443)을 확인하세요.",
        ),
        (BackupTroubleCode::Unreachable, Language::En) => (
            "The target's server does not answer. The hub goes on trying, and lessons are not affected.",
            "Check this PC's internet connection and the firewall (TCP 443).",
        ),
        (BackupTroubleCode::ReadOnly, Language::Ko) => (
            "저장 위치에 쓸 수 없습니다. 쓰기 금지이거나, 허브 사용자의 폴더가 아니거나, 클라우드의 키가 읽기만 할 수 있습니다.",
            "폴더라면 쓰기 금지를 풀고 주인을 허브 사용자(dreamseed)로 바꾸세요. 클라우드라면 쓸 수 있는 키로 저장 위치를 다시 추가하세요.",
        ),
        (BackupTroubleCode::ReadOnly, Language::En) => (
            "The target cannot be written: it is write-protected, the folder is not the hub user's, or the cloud's key may only read.",
            "A folder: take away the write protection and make the hub's user (dreamseed) its owner. A cloud: add the target again with a key that may write.",
        ),
        (BackupTroubleCode::Full, Language::Ko) => (
            "저장 위치가 가득 찼습니다. 전에 만든 백업은 그대로 있습니다.",
            "그 디스크에서 다른 파일을 지우거나 더 큰 디스크를 저장 위치로 추가하세요.",
        ),
        (BackupTroubleCode::Full, Language::En) => (
            "The target is full. The backups that are there stay as they are.",
            "Delete other files from that disk, or add a larger disk as a target.",
        ),
        (BackupTroubleCode::Refused, Language::Ko) => (
            "저장 위치가 거절했습니다. 주소, 버킷 이름, 리전, 키 가운데 하나가 맞지 않습니다.",
            "네 가지를 저장소 회사의 화면과 하나씩 맞춰 본 뒤 저장 위치를 지우고 다시 추가하세요.",
        ),
        (BackupTroubleCode::Refused, Language::En) => (
            "The target refuses: its endpoint, bucket name, region or keys are not right.",
            "Compare the four with the page of the storage provider, then remove the target and add it again.",
        ),
        (BackupTroubleCode::WrongPassword, Language::Ko) => (
            "저장 위치에 있는 백업이 이 허브의 비밀번호로 열리지 않습니다. 다른 비밀번호로 만든 백업입니다.",
            "다른 빈 폴더나 다른 접두사(prefix)를 쓰세요. 이 학교의 예전 백업이면 그 복구 안내문으로 되살리세요.",
        ),
        (BackupTroubleCode::WrongPassword, Language::En) => (
            "The backups at the target do not open with this hub's password: they were made with another one.",
            "Use another, empty folder or another prefix. If they are this school's older backups, restore with their recovery sheet.",
        ),
        (BackupTroubleCode::OtherSchool, Language::Ko) => (
            "저장 위치에 다른 학교(다른 허브)의 백업이 있습니다. 섞이지 않도록 아무것도 쓰지 않았습니다.",
            "이 학교의 USB가 맞는지 확인하거나, 다른 빈 폴더나 다른 접두사를 쓰세요.",
        ),
        (BackupTroubleCode::OtherSchool, Language::En) => (
            "The backups at the target are another school's (another hub's). Nothing was written, so that they do not mix.",
            "Check that this is the right stick, or use another, empty folder or another prefix.",
        ),
        (BackupTroubleCode::TwoHubs, Language::Ko) => (
            "이 허브와 같은 이름표를 가진 다른 컴퓨터가 같은 곳에 백업하고 있습니다. 두 곳의 답이 서로 다를 수 있습니다. 백업은 계속하고 아무것도 지우지 않습니다.",
            "두 컴퓨터 가운데 수업에 쓰지 않는 허브를 끄세요.",
        ),
        (BackupTroubleCode::TwoHubs, Language::En) => (
            "Another machine with this hub's identity backs up to the same place; their answers may differ. Backups go on and nothing is removed.",
            "Switch off the one of the two hubs that lessons do not use.",
        ),
        (BackupTroubleCode::Damaged, Language::Ko) => (
            "저장 위치에서 읽은 백업이 원본과 맞지 않습니다. 그 디스크가 상했을 수 있습니다. 상한 부분은 다음 백업 때 다시 보냅니다. 다른 저장 위치의 백업은 그대로 쓸 수 있습니다.",
            "그 디스크를 새것으로 바꾸고, 새 폴더를 저장 위치로 추가하세요.",
        ),
        (BackupTroubleCode::Damaged, Language::En) => (
            "What was read from the target does not fit. Its disk may be failing. The next backup sends the damaged parts again. Backups at other targets can still be used.",
            "Replace that disk and add a new folder as a target.",
        ),
        (BackupTroubleCode::Database, Language::Ko) => (
            "저장 위치가 아니라 허브 자신의 데이터베이스에 맞지 않는 곳이 있습니다. 이 PC의 디스크가 상했을 수 있습니다. 그 값은 최근 백업에서 저절로 되찾습니다. 사본은 계속 보내지만 확인된 백업으로 치지 않고, 전에 만든 백업은 지우지 않습니다.",
            "이 PC에서 `sudo -u dreamseed dreamseed-hub doctor`를 실행하고 복구 안내(docs/recovery.ko.md)를 따르세요.",
        ),
        (BackupTroubleCode::Database, Language::En) => (
            "It is not the target: something in the hub's own database does not fit, and this PC's disk may be failing. The hub brings what is damaged back from the newest backup by itself. Copies are still sent, but do not count as verified, and no earlier backup is removed.",
            "Run `sudo -u dreamseed dreamseed-hub doctor` on this PC and follow docs/recovery.en.md.",
        ),
        (BackupTroubleCode::Clock, Language::Ko) => (
            "이 PC의 시계가 맞지 않거나 크게 바뀌었습니다. 백업은 계속하지만, 허브를 쓰는 날로 이틀 동안 시계가 고르게 갈 때까지 오래된 백업을 지우지 않습니다.",
            "컴퓨터의 날짜와 시각을 확인하세요. 틀리면 맞추세요(timedatectl set-time). 맞으면 허브를 이틀 더 쓰는 동안 저절로 풀립니다.",
        ),
        (BackupTroubleCode::Clock, Language::En) => (
            "This PC's clock cannot be right, or was changed by much. Backups go on, but no old one is removed until the clock has gone on steadily for two days of use.",
            "Check the computer's date and time: set them if they are wrong (timedatectl set-time). If they are right, this passes by itself within two more days of use.",
        ),
        (BackupTroubleCode::Failed, Language::Ko) => (
            "백업이 끝나지 못했습니다. 전에 만든 백업은 그대로 있고, 허브가 다시 시도합니다.",
            "계속되면 `sudo -u dreamseed dreamseed-hub doctor`를 실행하고 로그의 backup 줄을 확인하세요.",
        ),
        (BackupTroubleCode::Failed, Language::En) => (
            "The backup did not get to its end. Earlier backups stay as they are, and the hub tries again.",
            "If it goes on, run `sudo -u dreamseed dreamseed-hub doctor` and look at the lines of `backup` in the log.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cloud has no stick to unlock: the code says nothing of the kind of target, so the words fit both.
    #[test]
    fn what_cannot_be_written_is_said_for_folders_and_clouds() {
        for (language, cloud) in [(Language::Ko, "클라우드"), (Language::En, "cloud")] {
            let (what, step) = describe(BackupTroubleCode::ReadOnly, language);
            assert!(what.contains(cloud) && step.to_lowercase().contains(cloud), "{what} {step}");
        }
    }

    #[test]
    fn every_trouble_is_said_in_both_languages_with_one_step() {
        for code in [
            BackupTroubleCode::Gone,
            BackupTroubleCode::Unreachable,
            BackupTroubleCode::ReadOnly,
            BackupTroubleCode::Full,
            BackupTroubleCode::Refused,
            BackupTroubleCode::WrongPassword,
            BackupTroubleCode::OtherSchool,
            BackupTroubleCode::TwoHubs,
            BackupTroubleCode::Damaged,
            BackupTroubleCode::Database,
            BackupTroubleCode::Clock,
            BackupTroubleCode::Failed,
        ] {
            let ((ko, ko_step), (en, en_step)) = (describe(code, Language::Ko), describe(code, Language::En));
            for text in [ko, ko_step] {
                assert!(text.chars().any(|c| ('가'..='힣').contains(&c)), "{text}");
                assert!(text.ends_with(['.', ')']), "{text}");
            }
            assert!(en.is_ascii() && en_step.is_ascii(), "{en} {en_step}");
        }
    }
}
