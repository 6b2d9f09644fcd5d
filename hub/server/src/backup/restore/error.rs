//! Why nothing was restored, in words for who wants to get a school out of its backups.

use std::{io, path::PathBuf};

use dreamseed_sync::SyncError;
use dreamseed_wire::{Language, backup::BackupTroubleCode};
use jiff::{Timestamp, civil::Date};

use super::choosing::Line;
use crate::{
    backup::{password::PasswordError, targets::TargetError, trouble, verify::Unfit},
    store::StoreError,
};

/// A time as people at the console read it.
const MINUTE: &str = "%Y-%m-%d %H:%M";
/// Characters of an id that are shown; enough to choose by.
const ID_SHOWN: usize = 10;

/// Why nothing was restored. The data folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    Target {
        name: String,
        #[source]
        source: SyncError,
    },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoSnapshots { name: String },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoSuchDay { day: Date, nearest: Vec<Date> },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoSuchSnapshot { id: String },
    /// Machines that went on from one state, each without the other's answers; newest first.
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    TwoLines { lines: Vec<Line> },
    /// The one that was asked for.
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NotWhole {
        taken_at: Timestamp,
        #[source]
        source: Unfit,
    },
    /// None of all that were tried.
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoneWhole {
        tried: u32,
        #[source]
        source: Box<RestoreError>,
    },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    Newer {
        #[source]
        source: Unfit,
    },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    InUse { folder: PathBuf },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NotEmpty { folder: PathBuf },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NothingAside { folder: PathBuf },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    AsideNotWhole {
        folder: PathBuf,
        #[source]
        source: Unfit,
    },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    NoRoom { needs: u64, free: u64 },
    #[error("{}\n{}", self.describe(Language::Ko), self.describe(Language::En))]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Targets(#[from] TargetError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl RestoreError {
    /// What is wrong, and the one next step.
    pub fn describe(&self, language: Language) -> String {
        let ko = language == Language::Ko;
        match self {
            RestoreError::Target { source: SyncError::WrongPassword { .. }, .. } => pick(
                ko,
                "이 낱말로는 그곳의 백업이 열리지 않습니다. 복구 안내문이 이 학교의 것인지, 가장 새것인지 확인하세요.",
                "These words do not open the backups there. Check that the recovery sheet is this school's and the newest one.",
            ),
            RestoreError::Target { name, source } => {
                let (text, next) = describe_for_restore(trouble::code_of(source), language);
                format!("'{name}': {text} {next}")
            }
            RestoreError::NoSnapshots { name } if ko => {
                format!("'{name}'에 백업이 하나도 없습니다. 복구 안내문의 다른 저장 위치로 해 보세요.")
            }
            RestoreError::NoSnapshots { name } => {
                format!("There is no backup at '{name}'. Try another target of the recovery sheet.")
            }
            RestoreError::NoSuchDay { day, nearest } if ko => {
                format!(
                    "{day}에 만든 백업이 없습니다. 가까운 날: {}. 그 가운데 하나를 --night으로 주세요.",
                    list(nearest)
                )
            }
            RestoreError::NoSuchDay { day, nearest } => {
                format!(
                    "There is no backup of {day}. Days near it: {}. Give one of them with --night.",
                    list(nearest)
                )
            }
            RestoreError::NoSuchSnapshot { id } if ko => {
                format!(
                    "{id}(으)로 시작하는 백업이 없거나 둘 이상입니다. `backup list`에서 번호를 확인하세요."
                )
            }
            RestoreError::NoSuchSnapshot { id } => {
                format!("No backup, or more than one, begins with {id}. See the ids with `backup list`.")
            }
            RestoreError::TwoLines { lines } if ko => format!(
                "서로 다른 컴퓨터가 같은 학교로 이어서 일하며 따로 백업했습니다. 한쪽의 답이 다른 쪽에는 없어서 저절로 고르지 않았습니다. \
                 아무것도 바꾸지 않았습니다. 수업에 쓰던 컴퓨터의 것을 골라, 쓰던 명령에 그 줄의 --snapshot을 붙여 다시 하세요(--night은 빼고):\n{}",
                list_lines(lines, |line| format!(
                    "{} · 기록 {}번까지 · 구간 {}",
                    line.at.strftime(MINUTE),
                    line.hub_seq,
                    line.epoch
                ))
            ),
            RestoreError::TwoLines { lines } => format!(
                "Different machines went on with this school and backed up, each without the other's answers, so none was chosen. \
                 Nothing was changed. Choose that of the machine lessons were held with: run the same command again with the \
                 --snapshot of its line (and without --night):\n{}",
                list_lines(lines, |line| format!(
                    "{} \u{b7} record up to no. {} \u{b7} epoch {}",
                    line.at.strftime(MINUTE),
                    line.hub_seq,
                    line.epoch
                ))
            ),
            RestoreError::NotWhole { taken_at, .. } if ko => format!(
                "{taken_at}의 백업은 온전하지 않아서 쓰지 않았습니다. 다른 날이나 다른 저장 위치로 되살리세요."
            ),
            RestoreError::NotWhole { taken_at, .. } => format!(
                "The backup of {taken_at} is not whole and was not used. Restore another day, or from another target."
            ),
            RestoreError::NoneWhole { tried, .. } if ko => format!(
                "백업 {tried}개를 시험했지만 온전한 것이 없습니다. 복구 안내문의 다른 저장 위치로 되살리세요."
            ),
            RestoreError::NoneWhole { tried, .. } => {
                format!(
                    "None of the {tried} backups that were tried is whole. Restore from another target of the recovery sheet."
                )
            }
            RestoreError::Newer { .. } => pick(
                ko,
                "이 백업은 더 새로운 프로그램이 만들었습니다. 복구 안내문의 버전이나 더 새로운 패키지를 설치한 뒤 다시 하세요.",
                "This backup was made by a newer program. Install the package of the version on the recovery sheet or a newer one, then run this again.",
            ),
            RestoreError::InUse { folder } if ko => format!(
                "허브가 {}에서 일하고 있습니다. `sudo systemctl stop dreamseed-hub`로 멈춘 뒤 다시 하세요.",
                folder.display()
            ),
            RestoreError::InUse { folder } => format!(
                "A hub works with {}. Stop it with `sudo systemctl stop dreamseed-hub`, then run this again.",
                folder.display()
            ),
            RestoreError::NotEmpty { folder } if ko => format!(
                "{}에 이미 학교가 있습니다. 그것을 옆으로 옮기고 되살리려면 --replace를 붙이고, 보기만 하려면 --look 폴더를 쓰세요.",
                folder.display()
            ),
            RestoreError::NotEmpty { folder } => format!(
                "There is a school in {} already. Add --replace to move it aside and restore, or --look FOLDER to look only.",
                folder.display()
            ),
            RestoreError::NothingAside { folder } if ko => format!(
                "{}에 before-restore- 폴더가 없어서 되돌릴 것이 없습니다. 다른 날의 백업을 --night으로 되살리세요.",
                folder.display()
            ),
            RestoreError::NothingAside { folder } => format!(
                "There is no folder before-restore- in {}, so nothing can be taken back. Restore another day with --night.",
                folder.display()
            ),
            RestoreError::AsideNotWhole { folder, .. } if ko => format!(
                "{}에 있는 데이터베이스는 온전하지 않아서 쓰지 않았습니다. 백업에서 되살리세요.",
                folder.display()
            ),
            RestoreError::AsideNotWhole { folder, .. } => format!(
                "The database in {} is not whole and was not used. Restore a backup.",
                folder.display()
            ),
            RestoreError::NoRoom { needs, free } if ko => {
                format!(
                    "공간이 부족합니다: {needs} MB가 필요하고 {free} MB가 비어 있습니다. 디스크를 비운 뒤 다시 하세요."
                )
            }
            RestoreError::NoRoom { needs, free } => {
                format!(
                    "There is not enough room: {needs} MB are needed, {free} MB are free. Free space, then run this again."
                )
            }
            RestoreError::Io { path, .. } if ko => {
                format!(
                    "{}을(를) 쓸 수 없습니다. 폴더의 주인과 디스크를 확인한 뒤 다시 하세요.",
                    path.display()
                )
            }
            RestoreError::Io { path, .. } => {
                format!(
                    "{} cannot be used. Check the owner of the folder and the disk, then run this again.",
                    path.display()
                )
            }
            RestoreError::Store(err) => err.to_string(),
            RestoreError::Targets(err) => err.to_string(),
            RestoreError::Password(err) => err.to_string(),
        }
    }
}

/// Whether an older snapshot may be whole where this one is not.
pub(super) fn is_damage(err: &RestoreError) -> bool {
    let is_damaged_there =
        |source: &SyncError| matches!(trouble::code_of(source), BackupTroubleCode::Damaged);
    match err {
        RestoreError::NotWhole { .. } => true,
        RestoreError::Target { source, .. } => is_damaged_there(source),
        RestoreError::NoSnapshots { .. }
        | RestoreError::NoSuchDay { .. }
        | RestoreError::NoSuchSnapshot { .. }
        | RestoreError::TwoLines { .. }
        | RestoreError::NoneWhole { .. }
        | RestoreError::Newer { .. }
        | RestoreError::InUse { .. }
        | RestoreError::NotEmpty { .. }
        | RestoreError::NothingAside { .. }
        | RestoreError::AsideNotWhole { .. }
        | RestoreError::NoRoom { .. }
        | RestoreError::Io { .. }
        | RestoreError::Store(_)
        | RestoreError::Targets(_)
        | RestoreError::Password(_) => false,
    }
}

/// For somebody who wants to get backups out of a place, not into it.
fn describe_for_restore(code: BackupTroubleCode, language: Language) -> (&'static str, &'static str) {
    match (code, language) {
        (BackupTroubleCode::Gone, Language::Ko) => (
            "그곳에 백업이 없습니다. USB가 빠졌거나 NAS가 연결되지 않았거나 경로가 다릅니다.",
            "디스크를 연결하고 복구 안내문의 경로와 같은지 확인한 뒤 다시 하세요.",
        ),
        (BackupTroubleCode::Gone, Language::En) => (
            "No backup is there: the stick is out, the NAS is not mounted, or the path is another one.",
            "Connect the disk, compare the path with the recovery sheet, then run this again.",
        ),
        (BackupTroubleCode::Unreachable, Language::Ko) => (
            "그곳의 서버가 대답하지 않습니다.",
            "이 PC의 인터넷 연결을 확인하거나, 복구 안내문의 다른 저장 위치로 되살리세요.",
        ),
        (BackupTroubleCode::Unreachable, Language::En) => (
            "The server there does not answer.",
            "Check this PC's internet connection, or restore from another target of the recovery sheet.",
        ),
        (BackupTroubleCode::Refused | BackupTroubleCode::ReadOnly, Language::Ko) => (
            "그곳이 읽기를 거절했습니다.",
            "주소, 버킷, 키를 복구 안내문과 하나씩 맞춰 보고, 폴더라면 읽을 권한을 확인하세요.",
        ),
        (BackupTroubleCode::Refused | BackupTroubleCode::ReadOnly, Language::En) => (
            "The place refuses to be read.",
            "Compare endpoint, bucket and keys with the recovery sheet; for a folder, check who may read it.",
        ),
        (BackupTroubleCode::Full, Language::Ko) => {
            ("디스크가 가득 찼습니다.", "이 PC의 디스크를 비운 뒤 다시 하세요.")
        }
        (BackupTroubleCode::Full, Language::En) => {
            ("The disk is full.", "Free space on this PC, then run this again.")
        }
        (BackupTroubleCode::Damaged | BackupTroubleCode::Database, Language::Ko) => (
            "그곳의 백업이 상했습니다.",
            "그곳은 그대로 두고, 다른 날(--night)이나 다른 저장 위치로 되살리세요.",
        ),
        (BackupTroubleCode::Damaged | BackupTroubleCode::Database, Language::En) => (
            "The backups there are damaged.",
            "Leave them as they are, and restore another day (--night) or from another target.",
        ),
        (BackupTroubleCode::Clock, Language::Ko) => (
            "이 PC의 시계가 틀려서 그곳이 거절했습니다.",
            "`sudo timedatectl set-time`으로 시각을 맞춘 뒤 다시 하세요.",
        ),
        (BackupTroubleCode::Clock, Language::En) => (
            "The place refuses because this PC's clock is wrong.",
            "Set the time with `sudo timedatectl set-time`, then run this again.",
        ),
        (BackupTroubleCode::OtherSchool, Language::Ko) => {
            ("그곳에 드림시드의 백업이 아닌 것이 있습니다.", "복구 안내문의 경로와 하나씩 맞춰 보세요.")
        }
        (BackupTroubleCode::OtherSchool, Language::En) => {
            ("What lies there is no backup of DreamSeed.", "Compare the path with the recovery sheet.")
        }
        (BackupTroubleCode::WrongPassword | BackupTroubleCode::TwoHubs | BackupTroubleCode::Failed, _) => {
            trouble::describe(code, language)
        }
    }
}

fn pick(ko: bool, korean: &str, english: &str) -> String {
    if ko { korean.to_owned() } else { english.to_owned() }
}

fn list_lines(lines: &[Line], describe: impl Fn(&Line) -> String) -> String {
    let told = lines.iter().map(|line| {
        let id = line.snapshot.get(..ID_SHOWN).unwrap_or(&line.snapshot);
        format!("  {}\n    --snapshot {id}", describe(line))
    });
    told.collect::<Vec<_>>().join("\n")
}

fn list(days: &[Date]) -> String {
    days.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
