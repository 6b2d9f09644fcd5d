//! Text files: which encoding, which separator.

use dreamseed_wire::people::RosterFaultKind;
use encoding_rs::{EUC_KR, UTF_16BE, UTF_16LE};

use crate::{
    ListFault, header,
    table::{Cell, Sheet, Table},
};

/// Fields of a line before it is no list; spreadsheets have no more columns than that.
const FIELDS: usize = 16_384;

/// The text and the name of its encoding: by its mark, else UTF-8 if it is valid, else CP949 if it is valid.
///
/// CP949 is what `encoding_rs` calls EUC-KR: the Encoding Standard's EUC-KR is Windows code page 949.
pub fn decode(bytes: &[u8]) -> Result<(&'static str, String), ListFault> {
    let unknown = ListFault::UnknownEncoding;
    let (name, text) = if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        ("UTF-8 (BOM)", std::str::from_utf8(rest).map_err(|_| unknown)?.to_owned())
    } else if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        ("UTF-16", whole(UTF_16LE, rest)?)
    } else if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        ("UTF-16", whole(UTF_16BE, rest)?)
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        ("UTF-8", text.to_owned())
    } else {
        ("CP949", whole(EUC_KR, bytes)?)
    };
    // A picture or a program is not a list, even where its bytes happen to be valid.
    if text.contains('\0') {
        return Err(unknown);
    }
    if text.trim().is_empty() {
        return Err(ListFault::Empty);
    }
    // One kind of line end, and one after each line, so that lines can be counted.
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok((name, text))
}

fn whole(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> Result<String, ListFault> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(std::borrow::Cow::into_owned).ok_or(ListFault::UnknownEncoding)
}

/// The text as a table, separated by whatever makes a header line of one of its first lines: comma, semicolon or tab.
pub fn read_tables(text: &str) -> Vec<Sheet> {
    let read = |separator| read_table(text, separator);
    let has_header = |sheet: &Sheet| sheet.as_ref().is_ok_and(|table| header::find(table).is_some());
    let mut first = None;
    for separator in [b',', b';', b'\t'] {
        let sheet = read(separator);
        // A file with too many columns is that, whatever else it is.
        if has_header(&sheet) || sheet == Err(RosterFaultKind::TooManyColumns) {
            return vec![sheet];
        }
        first.get_or_insert(sheet);
    }
    first.into_iter().collect()
}

fn read_table(text: &str, separator: u8) -> Sheet {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let (mut table, mut record, mut broken_lines) = (Table::default(), csv::StringRecord::new(), 0_u64);
    // The text was valid before it was cut at ASCII characters, so that no record fails.
    while let Ok(true) = reader.read_record(&mut record) {
        // A spreadsheet shows a record with line breaks inside as one line.
        let breaks = record.as_slice().bytes().filter(|byte| *byte == b'\n').count() as u64;
        let line = reader.position().line().saturating_sub(1 + breaks + broken_lines).max(1);
        broken_lines += breaks;
        if record.len() > FIELDS {
            return Err(RosterFaultKind::TooManyColumns);
        }
        table.push(u32::try_from(line).unwrap_or(u32::MAX), record.iter().map(read_cell).collect())?;
    }
    Ok(table)
}

/// A field. `="007"` is how programs write a text that a spreadsheet must not read as a number; any other formula is
/// nobody's value.
fn read_cell(field: &str) -> Cell {
    let field = field.trim();
    match field.strip_prefix('=') {
        None => Cell::text(field),
        Some(formula) => match formula.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(text) if !text.contains('"') => Cell::text(text),
            Some(_) | None => Cell::Formula,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_by_mark_and_validity() {
        let (cp949, _, _) = EUC_KR.encode("학년,반,번호,이름\n5,1,1,김똠방\n");
        let utf16: Vec<u8> =
            [0xfe_u8, 0xff].into_iter().chain("학년".encode_utf16().flat_map(u16::to_be_bytes)).collect();
        let names = |bytes: &[u8]| decode(bytes).map(|(name, _)| name);
        assert_eq!(names("학년".as_bytes()), Ok("UTF-8"));
        assert_eq!(names("\u{feff}학년".as_bytes()), Ok("UTF-8 (BOM)"));
        assert_eq!(names(&utf16), Ok("UTF-16"));
        assert_eq!(decode(&cp949).map(|(name, text)| (name, text.contains("김똠방"))), Ok(("CP949", true)));
        assert_eq!(names(b"\x89PNG\r\n\x1a\n\0\0"), Err(ListFault::UnknownEncoding));
        assert_eq!(names(b"\xff\xfe\x00\xd8"), Err(ListFault::UnknownEncoding), "half a pair");
        assert_eq!(names(b"\xef\xbb\xbf\xff"), Err(ListFault::UnknownEncoding), "the mark lies");
        assert_eq!(names(&[0xff, 0xff, 0xff]), Err(ListFault::UnknownEncoding));
    }

    #[test]
    fn lines_are_counted_as_a_spreadsheet_does() {
        let text = "제목\n\n이름,번호\n\"두\n줄\",1\n\n김,2\n이,3\n";
        let table = read_table(text, b',').expect("a table");
        let numbers: Vec<_> = table.lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 3, 4, 6, 7]);
    }

    #[test]
    fn a_formula_is_no_value_but_a_quoted_text_is() {
        assert_eq!(read_cell("=\"007\""), Cell::Text("007".into()));
        for formula in ["=1+1", "=cmd|' /C calc'!A0", "=", "=\"a\"&\"b\""] {
            assert_eq!(read_cell(formula), Cell::Formula, "{formula}");
        }
        assert_eq!(read_cell("  "), Cell::Empty);
    }
}
