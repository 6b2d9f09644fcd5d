//! The lines below the header as pupils, and what is wrong with those that are none.
//!
//! A pupil whose grade or class is left empty has that of the line above, as lists with merged cells mean it: a merged
//! cell has its value in its first line only, in a workbook and in the CSV that is saved of it. A class holds within
//! its grade only.

use std::collections::HashSet;

use dreamseed_wire::people::{RosterFault, RosterFaultKind};

use crate::{
    MAX_CELL, MAX_FAULTS, MAX_ROWS, Row,
    cells::{class_key, fold, is_unfit, read_class, read_grade, read_name, read_number, read_school_number},
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
    let columns = &header.columns;
    if columns.is_twofold {
        let line = table.lines.get(header.at).map(|line| line.number);
        return (Vec::new(), vec![fault(line, RosterFaultKind::SideBySide, "")]);
    }
    let is_placed = columns.number.is_some() && (columns.class.is_some() || header.title.is_some());
    if let (false, Some(_)) = (is_placed, columns.school_number) {
        let columns = Columns { number: columns.school_number, grade: None, class: None, ..*columns };
        return read_lines(table, header.at, &Places { columns, title: None, is_school_number: true });
    }
    let missing =
        [("번호", columns.number.is_none()), ("반", columns.class.is_none() && header.title.is_none())];
    let missing = missing.iter().filter(|(_, is_missing)| *is_missing);
    let faults: Vec<RosterFault> =
        missing.map(|(column, _)| fault(None, RosterFaultKind::MissingColumn, column)).collect();
    if !faults.is_empty() {
        return (Vec::new(), faults);
    }
    let title = header.title.as_ref();
    read_lines(table, header.at, &Places { columns: *columns, title, is_school_number: false })
}

/// Where grade, class and number of a line stand.
struct Places<'a> {
    columns: Columns,
    title: Option<&'a (u8, String)>,
    /// The column of the number holds grade, class and number in five digits.
    is_school_number: bool,
}

fn read_lines(table: &Table, header_at: usize, held: &Places<'_>) -> (Vec<Row>, Vec<RosterFault>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let columns = &held.columns;
    let lines = &table.lines[header_at + 1..];
    // Empty places at the end of a form, with numbers but without names.
    let name = |line: &Line| columns.name.is_some_and(|column| *line.cell(column) != Cell::Empty);
    let end = lines.iter().rposition(name).map_or(0, |last| last + 1);
    let (mut places, mut above) = (HashSet::new(), Above::default());
    for line in &lines[..end] {
        if is_blank(line, columns) || is_total(line, columns) || header::is_repeated(line, columns) {
            continue;
        }
        if rows.len() >= MAX_ROWS {
            faults.push(fault(Some(line.number), RosterFaultKind::TooManyRows, ""));
            break;
        }
        let read = if held.is_school_number {
            read_numbered_line(line, columns)
        } else {
            above.carry(line, columns);
            read_line(line, held, &above)
        };
        match read {
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

/// The grade and the class that hold for lines which leave them empty.
#[derive(Default)]
struct Above<'a> {
    grade: Option<&'a Cell>,
    class: Option<&'a Cell>,
}

impl<'a> Above<'a> {
    fn carry(&mut self, line: &'a Line, columns: &Columns) {
        let filled = |column: Option<usize>| {
            column.map(|column| line.cell(column)).filter(|cell| **cell != Cell::Empty)
        };
        let (grade, class) = (filled(columns.grade), filled(columns.class));
        if grade.is_some() && grade != self.grade {
            self.class = None;
        }
        self.grade = grade.or(self.grade);
        self.class = class.or(self.class);
    }
}

fn read_line(line: &Line, held: &Places<'_>, above: &Above<'_>) -> Result<Row, (RosterFaultKind, String)> {
    use RosterFaultKind::{BadClass, BadGrade, BadNumber, MissingColumn};
    let columns = &held.columns;
    let class_text = read_text(above.class, BadClass)?;
    let (own_grade, class) = match (columns.class, held.title) {
        (Some(_), _) => read_class(class_text).ok_or((BadClass, class_text.to_owned()))?,
        (None, Some((grade, class))) => (Some(*grade), class.clone()),
        (None, None) => return Err((MissingColumn, String::new())),
    };
    let grade_text = read_text(above.grade, BadGrade)?;
    let grade = match (columns.grade, own_grade) {
        (Some(_), own) => {
            let grade = read_grade(grade_text).ok_or((BadGrade, grade_text.to_owned()))?;
            if own.is_some_and(|own| own != grade) {
                return Err((BadClass, class_text.to_owned()));
            }
            grade
        }
        (None, Some(own)) => own,
        (None, None) => match held.title {
            Some((grade, _)) => *grade,
            None => return Err((BadGrade, class_text.to_owned())),
        },
    };
    let number_text = read_text(columns.number.map(|column| line.cell(column)), BadNumber)?;
    let number = read_number(number_text).ok_or((BadNumber, number_text.to_owned()))?;
    let name = read_named(line, columns)?;
    Ok(Row { line: line.number, grade, class, number, name })
}

fn read_numbered_line(line: &Line, columns: &Columns) -> Result<Row, (RosterFaultKind, String)> {
    let bad = RosterFaultKind::BadNumber;
    let text = read_text(columns.number.map(|column| line.cell(column)), bad)?;
    let (grade, class, number) = read_school_number(text).ok_or((bad, text.to_owned()))?;
    let name = read_named(line, columns)?;
    Ok(Row { line: line.number, grade, class, number, name })
}

fn read_named(line: &Line, columns: &Columns) -> Result<String, (RosterFaultKind, String)> {
    let text = read_text(columns.name.map(|column| line.cell(column)), RosterFaultKind::BadName)?;
    read_name(text).ok_or((RosterFaultKind::BadName, text.to_owned()))
}

/// The text of a cell, empty if there is none; `kind` is what a text that is too long is.
fn read_text(cell: Option<&Cell>, kind: RosterFaultKind) -> Result<&str, (RosterFaultKind, String)> {
    match cell {
        None | Some(Cell::Empty) => Ok(""),
        Some(Cell::Formula) => Err((RosterFaultKind::Formula, String::new())),
        Some(Cell::Text(text)) if text.chars().count() > MAX_CELL => Err((kind, text.clone())),
        Some(Cell::Text(text)) => Ok(text.as_str()),
    }
}

/// Neither number nor name: a form's empty line, whatever stands in its other columns.
fn is_blank(line: &Line, columns: &Columns) -> bool {
    [columns.number, columns.name].iter().flatten().all(|column| *line.cell(*column) == Cell::Empty)
}

/// A line that sums up: one of its cells says so, and it has no number of a pupil.
fn is_total(line: &Line, columns: &Columns) -> bool {
    let text = columns.number.and_then(|column| line.cell(column).as_text());
    let is_numbered =
        text.is_some_and(|text| read_number(text).is_some() || read_school_number(text).is_some());
    !is_numbered
        && line.cells.iter().filter_map(Cell::as_text).any(|text| {
            let word: String = fold(text).chars().filter(|c| c.is_alphabetic()).collect();
            TOTALS.contains(&word.as_str()) || TOTALS.contains(&word.trim_end_matches('명'))
        })
}

fn fault(line: Option<u32>, kind: RosterFaultKind, value: &str) -> RosterFault {
    let value = value.chars().take(SHOWN).map(|c| if is_unfit(c) { '\u{fffd}' } else { c }).collect();
    RosterFault { line, kind, value }
}
