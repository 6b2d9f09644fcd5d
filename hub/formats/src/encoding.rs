//! The text of a file: by its mark, by what an XML file says of itself, else UTF-8 if it is valid, else CP949 if it is valid.
//!
//! Programs on Korean Windows still save CP949. It is what `encoding_rs` calls EUC-KR: the Encoding Standard's EUC-KR is Windows
//! code page 949.

use dreamseed_wire::exchange::ProblemFormat;
use encoding_rs::{EUC_KR, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::remark::FileFault;

/// The XML declaration stands within so many bytes.
const DECLARATION: usize = 256;
/// Names of CP949 that the Encoding Standard does not know, in small letters.
const CP949_NAMES: [&str; 5] = ["cp949", "ms949", "uhc", "x-windows-949", "ks_c_5601"];

/// Reads a file as text.
///
/// # Errors
/// [`FileFault::OtherEncoding`] if the file is not what it says it is, [`FileFault::UnknownEncoding`] if it is no text that is
/// known here.
pub(crate) fn decode(format: ProblemFormat, file: &[u8]) -> Result<String, FileFault> {
    let text = match find_mark(file) {
        Some((encoding, rest)) => whole(encoding, rest).ok_or(FileFault::UnknownEncoding)?,
        None => match find_declared(format, file) {
            Some(declared) => {
                let encoding = find_encoding(&declared);
                encoding.and_then(|found| whole(found, file)).ok_or(FileFault::OtherEncoding(declared))?
            }
            None => whole(UTF_8, file).or_else(|| whole(EUC_KR, file)).ok_or(FileFault::UnknownEncoding)?,
        },
    };
    // A picture or a program is no text, even where its bytes happen to be valid.
    if text.contains('\0') { Err(FileFault::UnknownEncoding) } else { Ok(text) }
}

/// The encoding that the first bytes tell, and what follows a mark. XML in UTF-16 is known without one: it begins with `<`.
fn find_mark(file: &[u8]) -> Option<(&'static Encoding, &[u8])> {
    if let Some((encoding, length)) = Encoding::for_bom(file) {
        return Some((encoding, file.get(length..).unwrap_or_default()));
    }
    match file {
        [b'<', 0, ..] => Some((UTF_16LE, file)),
        [0, b'<', ..] => Some((UTF_16BE, file)),
        _ => None,
    }
}

/// What the XML declaration says, in small letters.
fn find_declared(format: ProblemFormat, file: &[u8]) -> Option<String> {
    if format != ProblemFormat::MoodleXml {
        return None;
    }
    let start = file.trim_ascii_start().strip_prefix(b"<?xml")?;
    let start: String = start.iter().take(DECLARATION).map(|byte| char::from(*byte)).collect();
    let (_, said) = start.split_once("?>")?.0.split_once("encoding")?;
    let said = said.trim_start().strip_prefix('=')?.trim_start();
    let quote = said.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = said.get(1..)?.split(quote).next()?;
    Some(name.trim().chars().take(40).collect::<String>().to_ascii_lowercase())
}

fn find_encoding(declared: &str) -> Option<&'static Encoding> {
    if CP949_NAMES.contains(&declared) {
        return Some(EUC_KR);
    }
    // What could be read so far as one byte a letter is no UTF-16, whatever it says.
    Encoding::for_label_no_replacement(declared.as_bytes())
        .filter(|encoding| *encoding != UTF_16LE && *encoding != UTF_16BE)
}

fn whole(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIZ: &str = "<quiz>똠방각하의 수</quiz>";

    fn cp949(text: &str) -> Vec<u8> {
        EUC_KR.encode(text).0.into_owned()
    }

    fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn xml(file: &[u8]) -> Result<String, FileFault> {
        decode(ProblemFormat::MoodleXml, file)
    }

    #[test]
    fn a_file_is_read_in_the_encoding_that_it_says() {
        for name in ["euc-kr", "EUC-KR", "ks_c_5601-1987", "ks_c_5601", "cp949", "windows-949"] {
            let text = format!("<?xml version=\"1.0\" encoding=\"{name}\"?>\n{QUIZ}");
            assert_eq!(xml(&cp949(&text)).as_deref(), Ok(&*text), "{name}");
        }
        let single = format!("<?xml version='1.0' encoding = 'EUC-KR' standalone='yes'?>{QUIZ}");
        assert_eq!(xml(&cp949(&single)).as_deref(), Ok(&*single));
        let marked = format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{QUIZ}");
        for file in [
            utf16(&format!("\u{feff}{marked}"), u16::to_le_bytes),
            utf16(&format!("\u{feff}{marked}"), u16::to_be_bytes),
            utf16(&marked, u16::to_le_bytes),
            utf16(&marked, u16::to_be_bytes),
        ] {
            assert_eq!(xml(&file).as_deref(), Ok(&*marked));
        }
        // The mark is what the bytes are, whatever somebody wrote.
        assert_eq!(xml(format!("\u{feff}{single}").as_bytes()).as_deref(), Ok(&*single));
    }

    #[test]
    fn a_file_that_says_nothing_is_utf_8_or_cp949() {
        for format in [ProblemFormat::Gift, ProblemFormat::MoodleXml] {
            assert_eq!(decode(format, QUIZ.as_bytes()).as_deref(), Ok(QUIZ));
            assert_eq!(decode(format, &cp949(QUIZ)).as_deref(), Ok(QUIZ));
            assert_eq!(decode(format, b"\xff\xff{T}"), Err(FileFault::UnknownEncoding));
            assert_eq!(decode(format, b"\x89PNG\r\n\x1a\n\0\0"), Err(FileFault::UnknownEncoding));
            assert_eq!(decode(format, b"\xef\xbb\xbf\xff"), Err(FileFault::UnknownEncoding), "the mark lies");
        }
        // In GIFT such a line is a question.
        let line = cp949("<?xml encoding=\"utf-8\"?> 똠방 {T}");
        assert!(decode(ProblemFormat::Gift, &line).is_ok_and(|text| text.contains("똠방")));
    }

    #[test]
    fn a_file_that_is_not_what_it_says_is_refused_with_the_name() {
        for name in ["utf-8", "utf-16", "klingon"] {
            let text = format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{QUIZ}");
            let said = FileFault::OtherEncoding(name.into());
            assert_eq!(xml(&cp949(&text)), Err(said), "{name}");
        }
    }
}
