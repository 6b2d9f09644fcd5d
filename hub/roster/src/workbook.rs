//! Workbooks (XLSX): first measured without trust, then read cell by cell.
//!
//! Macros are never run: only cells are asked for, and the project of a macro is a file in the archive like any other.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};
use dreamseed_wire::people::RosterFaultKind;

use crate::{
    ListFault, MAX_COLUMNS, MAX_ROWS,
    table::{Cell, Sheet, Table},
};

const MAX_ENTRIES: usize = 200;
const MAX_ENTRY: u64 = 20 * 1024 * 1024;
const MAX_UNPACKED: u64 = 40 * 1024 * 1024;
/// Unpacked by packed size, for entries of more than a megabyte. Sheets of a class list reach 30; deflate can 1032.
const MAX_RATIO: u64 = 100;
const RATIO_FROM: u64 = 1024 * 1024;
/// A workbook of fewer than a million different texts.
const MAX_STRINGS_DIGITS: usize = 6;
/// Sheets that are looked at.
const MAX_SHEETS: usize = 20;
/// Cells of a sheet, the empty ones with a border included.
const MAX_CELLS: usize = 400_000;

/// The visible sheets.
pub fn read_sheets(bytes: &[u8]) -> Result<Vec<Sheet>, ListFault> {
    measure(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| ListFault::Damaged)?;
    let names: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .take(MAX_SHEETS)
        .collect();
    names.iter().map(|name| read_sheet(&mut book, name)).collect()
}

/// Unpacks everything to nowhere: what the archive says about its own sizes may be a lie.
fn measure(bytes: &[u8]) -> Result<(), ListFault> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| ListFault::Damaged)?;
    if archive.len() > MAX_ENTRIES {
        return Err(ListFault::Bomb);
    }
    let mut total = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| ListFault::Damaged)?;
        let packed = entry.compressed_size().max(1);
        let mut allowed = MAX_ENTRY.min(MAX_UNPACKED - total);
        allowed = allowed.min(packed.saturating_mul(MAX_RATIO).max(RATIO_FROM));
        if entry.size() > allowed {
            return Err(ListFault::Bomb);
        }
        // The file in which calamine looks for strings, by a fixed name.
        let name = entry.name().map_err(|_| ListFault::Damaged)?;
        let holds_strings = name.to_ascii_lowercase().ends_with("sharedstrings.xml");
        let mut content = entry.by_ref().take(allowed + 1);
        let unpacked = if holds_strings {
            let mut strings = Vec::new();
            let read = content.read_to_end(&mut strings).map(|read| read as u64);
            check_strings(&strings)?;
            read
        } else {
            std::io::copy(&mut content, &mut std::io::sink())
        };
        let unpacked = unpacked.map_err(|_| ListFault::Damaged)?;
        if unpacked > allowed {
            return Err(ListFault::Bomb);
        }
        total += unpacked;
    }
    Ok(())
}

/// calamine reserves memory for as many strings as the file claims to have: a claim of a million million would end
/// the process. The claim is looked for in the bytes, so the bytes must be of an encoding that contains ASCII.
fn check_strings(xml: &[u8]) -> Result<(), ListFault> {
    const CLAIM: &[u8] = b"uniqueCount";
    if xml.contains(&0) {
        return Err(ListFault::Damaged);
    }
    let mut rest = xml;
    while let Some(at) = rest.windows(CLAIM.len()).position(|window| window == CLAIM) {
        rest = &rest[at + CLAIM.len()..];
        let digits = rest
            .iter()
            .skip_while(|byte| {
                matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'=' | b'"' | b'\'' | b'+' | b'0')
            })
            .take_while(|byte| byte.is_ascii_digit());
        if digits.count() > MAX_STRINGS_DIGITS {
            return Err(ListFault::Bomb);
        }
    }
    Ok(())
}

/// Cells one by one: a sheet whose only cell is the last of a million lines must not become a table of that size.
fn read_sheet(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Sheet, ListFault> {
    let mut cells = book.worksheet_cells_reader(name).map_err(|_| ListFault::Damaged)?;
    let mut lines: BTreeMap<u32, BTreeMap<usize, Cell>> = BTreeMap::new();
    let mut seen = 0_usize;
    while let Some(record) = cells.next_cell_with_formula_metadata().map_err(|_| ListFault::Damaged)? {
        seen += 1;
        if seen > MAX_CELLS {
            return Ok(Err(RosterFaultKind::TooManyRows));
        }
        let (row, column) = record.pos;
        let cell = read_cell(&record.value, record.formula.is_some());
        if cell == Cell::Empty {
            continue;
        }
        if column as usize >= MAX_COLUMNS {
            return Ok(Err(RosterFaultKind::TooManyColumns));
        }
        lines.entry(row).or_default().insert(column as usize, cell);
        // Twice what a table takes: it decides, this bounds the memory.
        if lines.len() > 2 * MAX_ROWS {
            return Ok(Err(RosterFaultKind::TooManyRows));
        }
    }
    let mut table = Table::default();
    for (row, columns) in lines {
        let width = columns.last_key_value().map_or(0, |(column, _)| column + 1);
        let mut line = vec![Cell::Empty; width];
        for (column, cell) in columns {
            line[column] = cell;
        }
        if let Err(fault) = table.push(row.saturating_add(1), line) {
            return Ok(Err(fault));
        }
    }
    Ok(Ok(table))
}

fn read_cell(value: &DataRef<'_>, is_formula: bool) -> Cell {
    match value {
        DataRef::Empty if is_formula => Cell::Formula,
        DataRef::Empty => Cell::Empty,
        DataRef::Error(_) => Cell::Formula,
        DataRef::Int(number) => Cell::Text(number.to_string()),
        // Every number of a workbook is a float; whole ones are shown without a fraction.
        DataRef::Float(number) => Cell::Text(number.to_string()),
        DataRef::Bool(value) => Cell::Text(value.to_string()),
        DataRef::String(text) => Cell::text(text),
        DataRef::SharedString(text) => Cell::text(text),
        // `5-1` typed into a spreadsheet becomes the first of May; what was meant cannot be known.
        DataRef::DateTime(date) => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            Cell::Text(format!("{year}-{month:02}-{day:02}"))
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::text(text),
    }
}
