//! The recovery sheet: one page of paper from which an empty machine becomes this school's hub again.
//!
//! Its QR code is JSON, in ASCII so that every scanner reads it: the words, the hub's id, and the targets with the keys that
//! may only read. [`read`] takes that text back, wherever in a file it stands.

use std::path::Path;

use dreamseed_wire::{Language, backup::BackupPlace, ids::HubId};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    password::{self, Password, PasswordError, WordsError},
    targets::{Target, TargetError, Targets},
};
use crate::printing::{
    PrintError,
    recovery::{self, RecoverySheet, SheetTarget},
};

/// The form of the code that this hub writes.
const FORM: u32 = 1;
/// Bytes of a code that a phone still reads from paper.
const CODE_MAX: usize = 1_100;
/// Longest text in which a code is looked for.
const TEXT_MAX: usize = 64 << 10;

/// Whose sheet it is.
#[derive(Debug, Clone)]
pub struct Whose {
    pub hub_id: HubId,
    pub school: String,
    pub zone: TimeZone,
    pub now: Timestamp,
}

/// What was read from a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadSheet {
    pub hub_id: HubId,
    pub password: Password,
    /// Folders before clouds. The keys of a cloud are those for reading, or absent.
    pub targets: Vec<Target>,
}

/// Why there is no sheet.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// A sheet without a target leads nowhere.
    #[error("there is no target yet")]
    NoTargets,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Targets(#[from] TargetError),
    #[error(transparent)]
    Print(#[from] PrintError),
}

/// Why a text is not a sheet's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnreadableSheet {
    NoCode,
    /// Of a newer hub.
    Newer,
    Words(WordsError),
    NoTargets,
}

/// The code as it stands in the QR.
#[derive(Serialize, Deserialize)]
struct Code {
    /// The form.
    dreamseed_sheet: u32,
    hub: HubId,
    words: String,
    targets: Vec<CodeTarget>,
}

#[derive(Clone, Serialize, Deserialize)]
struct CodeTarget {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s3: Option<CodeBucket>,
}

#[derive(Clone, Serialize, Deserialize)]
struct CodeBucket {
    endpoint: String,
    region: String,
    bucket: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    prefix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// The sheet of a data folder as PDF.
///
/// # Errors
/// No target yet, or files that cannot be read.
pub fn print(data: &Path, whose: &Whose) -> Result<Vec<u8>, SheetError> {
    let (password, targets) = read_secrets(data)?;
    let (code, left_out) = encode(whose.hub_id, &password, &targets, CODE_MAX);
    let content = RecoverySheet {
        school: whose.school.clone(),
        hub_id: whose.hub_id.to_string(),
        made_on: whose.now.to_zoned(whose.zone.clone()).date().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        words: password.words().map(str::to_owned).collect(),
        targets: targets.iter().map(describe).collect(),
        code,
        left_out,
    };
    Ok(recovery::print(&content)?)
}

/// The text of the code alone, with all targets: for a store of passwords.
///
/// # Errors
/// As [`print()`].
pub fn code(data: &Path, whose: &Whose) -> Result<String, SheetError> {
    let (password, targets) = read_secrets(data)?;
    Ok(encode(whose.hub_id, &password, &targets, usize::MAX).0)
}

/// What the code of a sheet says; `text` may hold more, such as the lines that an app for scanning adds.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(text: &str) -> Result<ReadSheet, UnreadableSheet> {
    let text = text.get(..TEXT_MAX).unwrap_or(text);
    let starts = text.match_indices('{').map(|(at, _)| at);
    let code = starts
        .filter_map(|start| {
            let mut values =
                serde_json::Deserializer::from_str(&text[start..]).into_iter::<serde_json::Value>();
            values.next()?.ok()
        })
        .find(|value| value.get("dreamseed_sheet").is_some())
        .ok_or(UnreadableSheet::NoCode)?;
    if code
        .get("dreamseed_sheet")
        .and_then(serde_json::Value::as_u64)
        .is_some_and(|form| form > u64::from(FORM))
    {
        return Err(UnreadableSheet::Newer);
    }
    let code: Code = serde_json::from_value(code).map_err(|_| UnreadableSheet::NoCode)?;
    let password = password::parse_words(&code.words).map_err(UnreadableSheet::Words)?;
    let mut targets: Vec<Target> = code.targets.into_iter().filter_map(CodeTarget::into_target).collect();
    if targets.is_empty() {
        return Err(UnreadableSheet::NoTargets);
    }
    targets.sort_by_key(|target| !target.is_folder());
    Ok(ReadSheet { hub_id: code.hub, password, targets })
}

impl UnreadableSheet {
    /// What is wrong, and the next step.
    pub fn describe(&self, language: Language) -> String {
        match (self, language) {
            (UnreadableSheet::NoCode, Language::Ko) => {
                "이 파일에서 복구 안내문의 글자를 찾지 못했습니다. QR을 다시 읽거나, --folder 또는 --s3와 --words로 직접 적으세요.".into()
            }
            (UnreadableSheet::NoCode, Language::En) => {
                "The text of a recovery sheet was not found in this file. Scan the QR code again, or type it with --folder or --s3 and --words.".into()
            }
            (UnreadableSheet::Newer, Language::Ko) => {
                "더 새로운 드림시드의 복구 안내문입니다. 안내문에 적힌 버전을 설치한 뒤 다시 하세요.".into()
            }
            (UnreadableSheet::Newer, Language::En) => {
                "The sheet is of a newer DreamSeed. Install the version that stands on it, then run this again.".into()
            }
            (UnreadableSheet::Words(err), language) => err.describe(language),
            (UnreadableSheet::NoTargets, Language::Ko) => {
                "이 글자에는 저장 위치가 없습니다. 종이에 적힌 저장 위치를 --folder 또는 --s3로 적으세요.".into()
            }
            (UnreadableSheet::NoTargets, Language::En) => {
                "This text names no target. Type the one on the paper with --folder or --s3.".into()
            }
        }
    }
}

impl std::fmt::Display for UnreadableSheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.describe(Language::Ko), self.describe(Language::En))
    }
}

impl std::error::Error for UnreadableSheet {}

fn read_secrets(data: &Path) -> Result<(Password, Vec<Target>), SheetError> {
    let targets = Targets::load(data)?.list;
    if targets.is_empty() {
        return Err(SheetError::NoTargets);
    }
    Ok((password::make(data)?, targets))
}

/// The code with as many targets as fit, and the names of the others.
fn encode(hub: HubId, password: &Password, targets: &[Target], longest: usize) -> (String, Vec<String>) {
    let mut code =
        Code { dreamseed_sheet: FORM, hub, words: password.as_str().to_owned(), targets: Vec::new() };
    let (mut text, mut left_out) = (in_ascii(&code), Vec::new());
    for target in targets {
        code.targets.push(CodeTarget::of(target));
        let longer = in_ascii(&code);
        if longer.len() > longest {
            code.targets.pop();
            left_out.push(target.name.clone());
        } else {
            text = longer;
        }
    }
    (text, left_out)
}

/// JSON in which everything beyond ASCII is escaped.
fn in_ascii(code: &Code) -> String {
    let text = serde_json::to_string(code).unwrap_or_default();
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let mut units = [0; 2];
            ascii.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    ascii
}

impl CodeTarget {
    fn of(target: &Target) -> Self {
        let (folder, s3) = match &target.place {
            BackupPlace::Folder { path } => (Some(path.clone()), None),
            BackupPlace::S3 { endpoint, region, bucket, prefix } => (
                None,
                Some(CodeBucket {
                    endpoint: endpoint.clone(),
                    region: region.clone(),
                    bucket: bucket.clone(),
                    prefix: prefix.clone(),
                    key: target.read_key_id.clone(),
                    secret: target.read_secret.clone(),
                }),
            ),
        };
        CodeTarget { name: target.name.clone(), folder, s3 }
    }

    fn into_target(self) -> Option<Target> {
        let (place, key, secret) = match (self.folder, self.s3) {
            (Some(path), _) => (BackupPlace::Folder { path }, None, None),
            (None, Some(s3)) => {
                let CodeBucket { endpoint, region, bucket, prefix, key, secret } = s3;
                (BackupPlace::S3 { endpoint, region, bucket, prefix }, key, secret)
            }
            (None, None) => return None,
        };
        Some(Target {
            name: self.name,
            access_key_id: key,
            secret_access_key: secret,
            read_key_id: None,
            read_secret: None,
            place,
        })
    }
}

fn describe(target: &Target) -> SheetTarget {
    let (lines, note) = match &target.place {
        BackupPlace::Folder { path } => (
            vec![("폴더 folder", path.clone())],
            Some((
                "이 폴더가 있는 디스크나 NAS를 새 컴퓨터에 연결하세요. 경로가 달라지면 --folder로 새 경로를 적습니다.",
                "Connect the disk or NAS with this folder to the new computer. If its path is another then, give it with --folder.",
            )),
        ),
        BackupPlace::S3 { endpoint, region, bucket, prefix } => {
            let mut lines = vec![
                ("주소 endpoint", endpoint.clone()),
                ("리전 region", region.clone()),
                ("버킷 bucket", bucket.clone()),
                ("접두사 prefix", if prefix.is_empty() { "-".to_owned() } else { prefix.clone() }),
            ];
            let keys = target.read_key_id.clone().zip(target.read_secret.clone());
            let has_keys = keys.is_some();
            if let Some((id, secret)) = keys {
                lines.push(("읽기 키 key id", id));
                lines.push(("비밀 키 secret", secret));
            }
            let where_to_find = (
                "키는 여기에 없습니다: 저장소 회사의 관리 화면에 학교 계정으로 들어가 이 버킷의 읽기 전용 키를 만들고 --key-id와 --secret으로 적으세요.",
                "The key is not here: sign in to the storage provider with the school's account, make a read-only key for this bucket, and give it with --key-id and --secret.",
            );
            (lines, (!has_keys).then_some(where_to_find))
        }
    };
    SheetTarget { name: target.name.clone(), lines, note }
}
