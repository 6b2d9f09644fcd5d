//! Tables as CSV that Korean Excel opens: UTF-8 with a byte order mark, since it takes anything else for the old Korean
//! encoding, and lines that end as it ends them.
//!
//! A cell that a spreadsheet would take for a formula gets a leading apostrophe: pupils write the answers, and people the
//! names, that stand in these files. So does one that it would silently turn into something else: `4/16` into a day in April,
//! `3:2` into a time, `0012` into 12, a long row of digits into `1.23E+15`. Days as ISO 8601 writes them and times of day
//! stay as they are: they mean what it takes them for.

/// What a file begins with.
pub const MARK: &str = "\u{feff}";
/// Characters with which a cell becomes a formula in one spreadsheet or another.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Digits of the longest number that is shown as it was written.
const LONGEST_NUMBER: usize = 11;
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Rows of cells, the header first.
pub type Table = Vec<Vec<String>>;

/// A whole file.
pub fn write(table: &Table) -> Result<Vec<u8>, csv::Error> {
    Ok([MARK.as_bytes(), &write_rows(table)?].concat())
}

/// Some rows of a file that is written piece by piece; the [`MARK`] goes before the first.
pub fn write_rows<R: AsRef<[String]>>(rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, csv::Error> {
    let mut bytes = Vec::new();
    {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(&mut bytes);
        for row in rows {
            writer.write_record(row.as_ref().iter().map(|cell| make_safe(cell)))?;
        }
        writer.flush()?;
    }
    Ok(bytes)
}

/// A cell that no spreadsheet computes or turns into something else.
fn make_safe(cell: &str) -> String {
    if cell.starts_with(FORMULA) || is_turned(cell.trim()) { format!("'{cell}") } else { cell.to_owned() }
}

/// Whether a spreadsheet, of Korean or English, shows something else than was written.
fn is_turned(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    if !first.is_ascii_digit() {
        return names_month(text);
    }
    is_long_or_padded(text) || is_date_or_time(text) || is_exponent(text) || names_month(text)
}

/// Numbers that lose zeros or digits: `007`, `0.50`, 12 digits (shown as a power of ten) and more.
fn is_long_or_padded(text: &str) -> bool {
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let all_digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if !all_digits(whole) || !rest.is_none_or(all_digits) {
        return false;
    }
    let is_padded = whole.len() > 1 && whole.starts_with('0');
    let ends_in_zero = rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('0'));
    is_padded || ends_in_zero || text.len() > LONGEST_NUMBER
}

/// Two or three numbers with `/`, `-`, `:` or `.` between them, also after a whole number: `4/16`, `1-2-3`, `3:2`, `1 4/16`.
fn is_date_or_time(text: &str) -> bool {
    let text = match text.split_once(' ') {
        Some((whole, fraction)) if is_number(whole, 9) && !fraction.starts_with('/') => fraction,
        Some(_) | None => text,
    };
    ['/', '-', ':', '.'].into_iter().any(|between| {
        let parts: Vec<&str> = text.split(between).map(str::trim).collect();
        let is_plain = match (between, &parts[..]) {
            // A day, a time of day, and a decimal number.
            ('-', [year, month, day]) => (year.len(), month.len(), day.len()) == (4, 2, 2),
            (':', [hour, minute]) => (hour.len(), minute.len()) == (2, 2),
            ('.', [_, _]) => true,
            _ => false,
        };
        matches!(parts.len(), 2 | 3) && !is_plain && parts.iter().all(|part| is_number(part, 4))
    })
}

/// `1e5`, `2.5E-3`.
fn is_exponent(text: &str) -> bool {
    text.split_once(['e', 'E']).is_some_and(|(number, power)| {
        let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
        is_number(digits, 4) && number.split('.').all(|part| is_number(part, LONGEST_NUMBER))
    })
}

/// `3월 1일`, `May 5`, `5-May`, `SEP2`: the name of a month with numbers about it.
fn names_month(text: &str) -> bool {
    let word: String = text.chars().filter(|c| c.is_alphabetic()).collect();
    let is_rest =
        |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '/' | '.' | ',') || c.is_alphabetic();
    if !text.chars().any(|c| c.is_ascii_digit()) || !text.chars().all(is_rest) {
        return false;
    }
    let word = word.to_ascii_lowercase();
    matches!(word.as_str(), "월" | "년월" | "월일" | "년월일")
        || MONTHS.iter().any(|month| word == *month || word == month[..3])
        || word == "sept"
}

fn is_number(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_computes_nothing_of_it() {
        for formula in ["=1+1", "+82", "-3", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(make_safe(formula), format!("'{formula}"));
        }
        for plain in ["", "민지", "'=1", " =1"] {
            assert_eq!(make_safe(plain), plain);
        }
    }

    #[test]
    fn a_spreadsheet_makes_no_day_time_or_other_number_of_it() {
        for answer in [
            "4/16",
            "2/5",
            "12/100",
            "3-1",
            "1-2-3",
            "1/2/3",
            "2026/3/1",
            " 4/16",
            "4 / 16",
            "1 4/16",
            "3:2",
            "1:2:3",
            "1.2.3",
            "007",
            "0.50",
            "3.",
            "123456789012",
            "0.1234567890123",
            "1e5",
            "2.5E-3",
            "3월 1일",
            "5월",
            "2026년 3월",
            "May 5",
            "5-may",
            "SEPT2",
            "MAR1",
        ] {
            assert_eq!(make_safe(answer), format!("'{answer}"));
        }
        for plain in [
            "0",
            "7",
            "100",
            "0.5",
            "3.14",
            "12345678901",
            "50%",
            "2026-11-23",
            "09:30",
            "2026-11-23T01:02:03Z",
            "17/x",
            "5시 30분",
            "3월의 꽃",
            "5 cm",
            "x/2",
            "4학년 1반",
            "maybe 5",
            "2+3",
            "a, c",
            "1234/56789",
            "0198f3c2-1111-7000-8000-123456789012",
        ] {
            assert_eq!(make_safe(plain), plain);
        }
    }

    #[test]
    fn quotes_commas_and_lines_stay_in_their_cells() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let table = vec![row(&["이름", "답"]), row(&["a,b", "x\"y\nz"]), row(&["=a,b", "say\r\n"])];
        let bytes = write(&table).expect("a file");
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            "\u{feff}이름,답\r\n\"a,b\",\"x\"\"y\nz\"\r\n\"'=a,b\",\"say\r\n\"\r\n"
        );
    }
}
