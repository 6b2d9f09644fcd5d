//! Tables as CSV that Korean Excel opens: UTF-8 with a byte order mark, since it takes anything else for the old Korean
//! encoding, and lines that end as it ends them.
//!
//! A cell that a spreadsheet would take for a formula gets a leading apostrophe: pupils write the answers, and people the
//! names, that stand in these files.

/// What a file begins with.
pub const MARK: &str = "\u{feff}";
/// Characters with which a cell becomes a formula in one spreadsheet or another.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

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

/// A cell that no spreadsheet computes.
fn make_safe(cell: &str) -> String {
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_computes_nothing_of_it() {
        for formula in ["=1+1", "+82", "-3", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(make_safe(formula), format!("'{formula}"));
        }
        for plain in ["", "3-1", "민지", "'=1", " =1"] {
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
