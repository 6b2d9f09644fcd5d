//! Reads a class list as Korean schools keep it into rows: grade, class, number, name.
//!
//! The walk: [`read_list`] looks at the bytes, [`text`] or [`workbook`] make a [`table`] of cells of them, [`header`]
//! finds the line that names the columns, [`rows`] reads what stands below it. Nothing is guessed: a line that cannot be
//! read becomes a fault with its number, and the file is not trusted in size, depth or encoding.
//!
//! Fuzzing: `tests/reads/fuzz.rs` runs each target for a moment with every test run, over the files of `tests/hostile` and
//! mutations of them. To run one for an hour: `cargo install cargo-bolero`, then
//! `cargo bolero test -p dreamseed-roster --test reads fuzz::any_bytes --rustc-bootstrap -T 1h`.

pub mod cells;
mod header;
mod rows;
mod spelling;
mod table;
mod text;
mod workbook;

use dreamseed_wire::people::RosterFault;

pub use cells::{class_key, read_class};
pub use spelling::is_spelling_of;

/// Bytes of a file.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;
/// Lines with pupils; a large Korean school has 2,000.
pub const MAX_ROWS: usize = 5_000;
/// Columns with something in them.
pub const MAX_COLUMNS: usize = 64;
/// Characters of a cell that is read; more is a fault of the line.
pub const MAX_CELL: usize = 200;
/// Faults that are reported; more help nobody.
pub const MAX_FAULTS: usize = 200;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// `UTF-8`, `UTF-8 (BOM)`, `UTF-16`, `CP949` or `XLSX`.
    pub encoding: &'static str,
    /// In the order of the file; no two claim the same number of a class.
    pub rows: Vec<Row>,
    pub faults: Vec<RosterFault>,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Counted from 1 as a spreadsheet shows it.
    pub line: u32,
    /// 1 to 12.
    pub grade: u8,
    /// The class without its grade and without 반: `1`, `햇살`, `A`. Compare classes by [`class_key`].
    pub class: String,
    /// 1 to 999.
    pub number: u16,
    /// NFC, without marks that cannot be seen.
    pub name: String,
}

/// Why a file cannot be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    #[error("the file is empty")]
    Empty,
    #[error("the file is larger than 5 MB")]
    TooLarge,
    #[error("the file is neither a workbook (XLSX) nor text that can be read (UTF-8, UTF-16, CP949)")]
    UnknownEncoding,
    #[error("the file is an old workbook (XLS) or is protected by a password")]
    OldOrProtected,
    #[error("the workbook is cut off or damaged")]
    Damaged,
    #[error("the workbook unpacks to far more than a class list can be")]
    Bomb,
}

/// Reads a list. What kind of file it is follows from its bytes; names are renamed.
///
/// # Errors
/// A file that cannot be read at all; what is wrong with single lines is in [`List::faults`].
pub fn read_list(bytes: &[u8]) -> Result<List, ListFault> {
    if bytes.len() > MAX_BYTES {
        return Err(ListFault::TooLarge);
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ListFault::Empty);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(ListFault::OldOrProtected);
    }
    let (encoding, sheets) = if bytes.starts_with(b"PK") {
        ("XLSX", workbook::read_sheets(bytes)?)
    } else {
        let (encoding, text) = text::decode(bytes)?;
        (encoding, text::read_tables(&text))
    };
    let (rows, faults) = rows::read_sheets(&sheets);
    Ok(List { encoding, rows, faults })
}
