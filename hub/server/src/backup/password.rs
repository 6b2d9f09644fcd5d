//! The repositories' password: twelve English words that a person can read from paper and type (BIP-39, 128 bits and a
//! checksum). One for all targets of a school, kept in `backup/password` of the data folder and on the recovery sheet.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bip39::{Language as WordList, Mnemonic};
use dreamseed_wire::Language;
use unicode_normalization::UnicodeNormalization;

use super::files;

/// Words of a password.
pub const WORDS: usize = 12;
/// 128 bits; the checksum is the twelfth word's last four.
const ENTROPY: usize = 16;
/// Longest text that is read as words.
const TEXT_MAX: usize = 2_000;
const FILE: &str = "password";

/// The words, in lower case, with one space between; never in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a text is not a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WordsError {
    /// Not twelve.
    Count { found: usize },
    /// Counted from 1; `meant` is the word of the list that begins with the same four letters.
    NotInList { place: usize, word: String, meant: Option<&'static str> },
    /// All words are of the list, but not these together: one is another, or two are swapped.
    Checksum,
}

/// Why the file of the password cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error(
        "백업 비밀번호 파일 {0}을(를) 쓸 수 없습니다. 폴더의 주인과 디스크를 확인하세요.\n\
         The file of the backups' password, {0}, cannot be used. Check the owner of the folder and the disk.",
        file.display()
    )]
    Io {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "백업 비밀번호 파일 {0}에 열두 낱말이 들어 있지 않습니다. 복구 안내문의 낱말을 이 파일에 적으세요.\n\
         The file of the backups' password, {0}, does not hold twelve words. Write those of the recovery sheet into it.",
        file.display()
    )]
    Malformed { file: PathBuf },
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

impl Password {
    /// What opens a repository.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The words in their order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The password of a data folder, made if there is none.
///
/// # Errors
/// A file that cannot be written, or that holds something else: it is never replaced, for backups hang on it.
pub fn make(data: &Path) -> Result<Password, PasswordError> {
    if let Some(password) = read(data)? {
        return Ok(password);
    }
    let file = file_of(data);
    let lock = file.with_extension("lock");
    // Two first targets at once must agree, or the repository of one never opens again.
    let _alone = files::lock(&lock).map_err(|source| PasswordError::Io { file: lock.clone(), source })?;
    if let Some(password) = read(data)? {
        return Ok(password);
    }
    let mut entropy = [0; ENTROPY];
    getrandom::fill(&mut entropy)?;
    let words = Mnemonic::from_entropy_in(WordList::English, &entropy)
        .map_err(|_| PasswordError::Malformed { file: file.clone() })?;
    let password = Password(words.to_string());
    write(data, &password)?;
    tracing::info!(file = %file.display(), "made the password of the backups; it belongs on the recovery sheet");
    Ok(password)
}

/// The password of a data folder, if there is one.
///
/// # Errors
/// As [`make`].
pub fn read(data: &Path) -> Result<Option<Password>, PasswordError> {
    let file = file_of(data);
    match fs::read(&file) {
        Ok(bytes) => {
            let words = std::str::from_utf8(&bytes).ok().and_then(|text| parse_words(text).ok());
            words.map(Some).ok_or(PasswordError::Malformed { file })
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PasswordError::Io { file, source }),
    }
}

/// Keeps a password: that of the backup from which a data folder was restored.
///
/// # Errors
/// A file that cannot be written.
pub fn write(data: &Path, password: &Password) -> Result<(), PasswordError> {
    let text = format!("{}\n", password.as_str());
    files::write_secret(&file_of(data), text.as_bytes())
        .map_err(|source| PasswordError::Io { file: file_of(data), source })
}

/// Reads words as people type and paste them: any spacing and case, full-width letters, numbered lists.
///
/// # Errors
/// What is wrong with them, with the place of the first word that is not in the list.
pub fn parse_words(text: &str) -> Result<Password, WordsError> {
    let text: String = text.chars().take(TEXT_MAX).nfkc().flat_map(char::to_lowercase).collect();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    // Of a wrong word we can say more than of a wrong count, which a word in two pieces changes too.
    for (at, word) in words.iter().enumerate() {
        if WordList::English.find_word(word).is_none() {
            let meant = nearest(word);
            return Err(WordsError::NotInList { place: at + 1, word: (*word).to_owned(), meant });
        }
    }
    if words.len() != WORDS {
        return Err(WordsError::Count { found: words.len() });
    }
    match Mnemonic::parse_in_normalized(WordList::English, &words.join(" ")) {
        Ok(_) => Ok(Password(words.join(" "))),
        Err(_) => Err(WordsError::Checksum),
    }
}

impl WordsError {
    /// What is wrong, and the next step.
    pub fn describe(&self, language: Language) -> String {
        match (self, language) {
            (WordsError::Count { found }, Language::Ko) => {
                format!("낱말이 {found}개입니다. 복구 안내문의 낱말 {WORDS}개를 모두 차례대로 적으세요.")
            }
            (WordsError::Count { found }, Language::En) => {
                format!("There are {found} words. Give all {WORDS} of the recovery sheet, in their order.")
            }
            (WordsError::NotInList { place, word, meant }, Language::Ko) => {
                let meant = meant.map(|meant| format!(" \"{meant}\"일 수 있습니다.")).unwrap_or_default();
                format!(
                    "{place}번째 낱말 \"{word}\"은(는) 낱말표에 없습니다.{meant} 복구 안내문의 {place}번을 다시 보세요."
                )
            }
            (WordsError::NotInList { place, word, meant }, Language::En) => {
                let meant = meant.map(|meant| format!(" It may be \"{meant}\".")).unwrap_or_default();
                format!(
                    "Word {place}, \"{word}\", is not in the list of words.{meant} Look at number {place} of the recovery sheet again."
                )
            }
            (WordsError::Checksum, Language::Ko) => {
                "낱말은 모두 낱말표에 있지만 서로 맞지 않습니다. 하나가 다른 낱말이거나 차례가 바뀌었습니다. 복구 안내문과 하나씩 맞춰 보세요.".into()
            }
            (WordsError::Checksum, Language::En) => {
                "Every word is in the list, but they do not fit together: one is another word, or two are swapped. Compare them with the recovery sheet one by one.".into()
            }
        }
    }
}

impl std::fmt::Display for WordsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.describe(Language::Ko), self.describe(Language::En))
    }
}

impl std::error::Error for WordsError {}

pub fn file_of(data: &Path) -> PathBuf {
    files::folder(data).join(FILE)
}

/// Four letters settle a word of the list.
fn nearest(word: &str) -> Option<&'static str> {
    let start = word.get(..4)?;
    WordList::English.words_by_prefix_iter(start).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

    #[test]
    fn two_first_targets_agree_on_the_password() {
        let data = tempfile::tempdir().expect("a folder");
        let made = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| make(data.path()))).collect();
            let all: Vec<_> =
                all.into_iter().map(|one| one.join().expect("no panic").expect("made")).collect();
            all
        });
        let kept = read(data.path()).expect("read");
        assert!(made.into_iter().all(|one| Some(one) == kept));
    }

    #[test]
    fn words_are_read_as_people_type_them() {
        let listed: String =
            GOOD.split(' ').enumerate().map(|(at, word)| format!("{}. {word}\n", at + 1)).collect();
        for text in [
            GOOD.to_owned(),
            GOOD.to_uppercase(),
            GOOD.replace(' ', "   "),
            GOOD.replace(' ', "\r\n"),
            GOOD.replace(' ', ", "),
            GOOD.replace(' ', "-"),
            format!("  {GOOD}\n"),
            listed.clone(),
            listed.replace(". ", ") "),
            GOOD.replace("legal", "ｌｅｇａｌ"),
        ] {
            assert_eq!(parse_words(&text).map(|words| words.0), Ok(GOOD.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_words_is_said() {
        let wrong = |text: &str| parse_words(text).expect_err("wrong");
        assert_eq!(wrong(""), WordsError::Count { found: 0 });
        assert_eq!(wrong("legal winner"), WordsError::Count { found: 2 });
        assert_eq!(wrong(&format!("{GOOD} legal")), WordsError::Count { found: 13 });
        assert_eq!(
            wrong(&GOOD.replace("sausage", "sausages")),
            WordsError::NotInList { place: 6, word: "sausages".into(), meant: Some("sausage") }
        );
        assert_eq!(
            wrong("비밀번호 하나"),
            WordsError::NotInList { place: 1, word: "비밀번호".nfkc().collect(), meant: None }
        );
        assert_eq!(wrong(&GOOD.replace("winner thank", "thank winner")), WordsError::Checksum);
        let said = wrong(&GOOD.replace("yellow", "yellows")).to_string();
        assert!(said.contains("12번째") && said.contains("Word 12") && said.contains("yellow"), "{said}");
    }

    #[test]
    fn it_is_made_once_and_never_replaced() {
        let data = tempfile::tempdir().expect("a folder");
        assert_eq!(read(data.path()).expect("none"), None);
        let made = make(data.path()).expect("made");
        assert_eq!(made.words().count(), WORDS);
        assert_eq!(make(data.path()).expect("read"), made);
        assert_eq!(read(data.path()).expect("read"), Some(made.clone()));
        assert_eq!(format!("{made:?}"), "Password(…)");
        let file = file_of(data.path());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));
        }
        fs::write(&file, "half of").expect("written");
        assert!(matches!(make(data.path()), Err(PasswordError::Malformed { .. })));
        assert_eq!(fs::read_to_string(&file).expect("there"), "half of");
    }
}
