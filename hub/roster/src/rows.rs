//! The lines below the header as pupils, and what is wrong with those that are none.

use std::collections::HashSet;

use dreamseed_wire::people::{RosterFault, RosterFaultKind};

use crate::{
    MAX_CELL, MAX_FAULTS, MAX_ROWS, Row,
    cells::{class_key, fold, is_unfit, read_class, read_grade, read_name, read_number},
    header::{self, Columns, Header},
    table::{Cell, Line, Sheet, Table},
};

/// Characters of a value in a fault.
const SHOWN: usize = 40;

/// Words of a line that sums up.
const TOTALS: &[&str] =
    &["합계", "소계", "총계", "총원", "총인원", "인원", "재적", "계", "total", "sum", "subtotal"];

/// The pupils of the first sheet that has a header.
pub fn read_sheets(sheets: &[Sheet]) -> (Vec<Row>, Vec<RosterFault>) {
    let whole = |kind| (Vec::new(), vec![fault(None, kind, "")]);
    let found = sheets.iter().filter_map(|sheet| sheet.as_ref().ok()).find_map(|table| {
        let header = header::find(table)?;
        Some((table, header))
    });
    if let Some((table, header)) = found {
        return read_table(table, &header);
    }
    // A sheet that is too large says more than the lack of a header in another.
    whole(sheets.iter().find_map(|sheet| sheet.as_ref().err().copied()).unwrap_or(RosterFaultKind::NoHeader))
}

fn read_table(table: &Table, header: &Header) -> (Vec<Row>, Vec<RosterFault>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let columns = &header.columns;
    let missing =
        [("번호", columns.number.is_none()), ("반", columns.class.is_none() && header.title.is_none())];
    for (column, _) in missing.iter().filter(|(_, is_missing)| *is_missing) {
        faults.push(fault(None, RosterFaultKind::MissingColumn, column));
    }
    if !faults.is_empty() {
        return (rows, faults);
    }
    let lines = &table.lines[header.at + 1..];
    // Empty places at the end of a form, with numbers but without names.
    let name = |line: &Line| columns.name.is_some_and(|column| *line.cell(column) != Cell::Empty);
    let end = lines.iter().rposition(name).map_or(0, |last| last + 1);
    let mut places = HashSet::new();
    for line in &lines[..end] {
        if is_blank(line, columns) || is_total(line, columns) || header::is_repeated(line, columns) {
            continue;
        }
        if rows.len() >= MAX_ROWS {
            faults.push(fault(Some(line.number), RosterFaultKind::TooManyRows, ""));
            break;
        }
        match read_line(line, header) {
            Ok(row) => {
                if places.insert((row.grade, class_key(row.grade, &row.class), row.number)) {
                    rows.push(row);
                } else {
                    let number = row.number.to_string();
                    faults.push(fault(Some(line.number), RosterFaultKind::DuplicateNumber, &number));
                }
            }
            Err((kind, value)) => faults.push(fault(Some(line.number), kind, &value)),
        }
        if faults.len() >= MAX_FAULTS {
            break;
        }
    }
    if rows.is_empty() && faults.is_empty() {
        faults.push(fault(None, RosterFaultKind::NoRows, ""));
    }
    (rows, faults)
}

fn read_line(line: &Line, header: &Header) -> Result<Row, (RosterFaultKind, String)> {
    use RosterFaultKind::{BadClass, BadGrade, BadName, BadNumber, MissingColumn};
    let columns = &header.columns;
    let text = |column: Option<usize>, kind| match column.map(|column| line.cell(column)) {
        None | Some(Cell::Empty) => Ok(""),
        Some(Cell::Formula) => Err((RosterFaultKind::Formula, String::new())),
        Some(Cell::Text(text)) if text.chars().count() > MAX_CELL => Err((kind, text.clone())),
        Some(Cell::Text(text)) => Ok(text.as_str()),
    };
    let class_text = text(columns.class, BadClass)?;
    let (own_grade, class) = match (columns.class, &header.title) {
        (Some(_), _) => read_class(class_text).ok_or((BadClass, class_text.to_owned()))?,
        (None, Some((grade, class))) => (Some(*grade), class.clone()),
        (None, None) => return Err((MissingColumn, String::new())),
    };
    let grade_text = text(columns.grade, BadGrade)?;
    let grade = match (columns.grade, own_grade) {
        (Some(_), own) => {
            let grade = read_grade(grade_text).ok_or((BadGrade, grade_text.to_owned()))?;
            if own.is_some_and(|own| own != grade) {
                return Err((BadClass, class_text.to_owned()));
            }
            grade
        }
        (None, Some(own)) => own,
        (None, None) => match &header.title {
            Some((grade, _)) => *grade,
            None => return Err((BadGrade, class_text.to_owned())),
        },
    };
    let number_text = text(columns.number, BadNumber)?;
    let number = read_number(number_text).ok_or((BadNumber, number_text.to_owned()))?;
    let name_text = text(columns.name, BadName)?;
    let name = read_name(name_text).ok_or((BadName, name_text.to_owned()))?;
    Ok(Row { line: line.number, grade, class, number, name })
}

/// Neither number nor name: a form's empty line, whatever stands in its other columns.
fn is_blank(line: &Line, columns: &Columns) -> bool {
    [columns.number, columns.name].iter().flatten().all(|column| *line.cell(*column) == Cell::Empty)
}

/// A line that sums up: one of its cells says so, and it has no number of a pupil.
fn is_total(line: &Line, columns: &Columns) -> bool {
    let number = columns.number.and_then(|column| line.cell(column).as_text()).and_then(read_number);
    number.is_none()
        && line.cells.iter().filter_map(Cell::as_text).any(|text| {
            let word: String = fold(text).chars().filter(|c| c.is_alphabetic()).collect();
            TOTALS.contains(&word.as_str()) || TOTALS.contains(&word.trim_end_matches('명'))
        })
}

fn fault(line: Option<u32>, kind: RosterFaultKind, value: &str) -> RosterFault {
    let value = value.chars().take(SHOWN).map(|c| if is_unfit(c) { '\u{fffd}' } else { c }).collect();
    RosterFault { line, kind, value }
}
