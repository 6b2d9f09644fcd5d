//! Which column holds what: the line that names the columns, in Korean or English, in any order.

use crate::{
    cells::{fold, read_class},
    table::{Cell, Line, Table},
};

/// Lines in which the header is looked for.
const SEARCHED: usize = 10;

/// Where the columns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns {
    pub grade: Option<usize>,
    pub class: Option<usize>,
    pub number: Option<usize>,
    pub name: Option<usize>,
    /// 학번, five digits that say grade, class and number.
    pub school_number: Option<usize>,
    /// Name and number are named twice: two lists stand side by side.
    pub is_twofold: bool,
}

/// A header with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Index of its line in the table.
    pub at: usize,
    pub columns: Columns,
    /// The class in a title above it: `5학년 1반 명렬표`.
    pub title: Option<(u8, String)>,
}

/// The line with the most column names among the first lines: a name and at least one more.
pub fn find(table: &Table) -> Option<Header> {
    let (mut best, mut best_at) = (Columns::default(), 0);
    for (at, line) in table.lines.iter().take(SEARCHED).enumerate() {
        let columns = read(line);
        if columns.name.is_some() && columns.count() > best.count() {
            (best, best_at) = (columns, at);
        }
    }
    if best.count() < 2 {
        return None;
    }
    let above = table.lines[..best_at].iter().flat_map(|line| &line.cells);
    let title = above.filter_map(|cell| cell.as_text()).find_map(read_title);
    Some(Header { at: best_at, columns: best, title })
}

/// Whether a line names the columns again, as lists of many pages do.
pub fn is_repeated(line: &Line, columns: &Columns) -> bool {
    let again = read(line);
    again.count() >= 2 && again.name == columns.name
}

impl Columns {
    fn count(&self) -> usize {
        [self.grade, self.class, self.number, self.name, self.school_number].iter().flatten().count()
    }
}

fn read(line: &Line) -> Columns {
    let columns = name_columns(line.cells.iter().enumerate());
    let last = name_columns(line.cells.iter().enumerate().rev());
    let is_twofold = columns.name != last.name
        && (columns.number != last.number || columns.school_number != last.school_number);
    Columns { is_twofold, ..columns }
}

/// Of columns with one meaning the one that comes first.
fn name_columns<'a>(cells: impl Iterator<Item = (usize, &'a Cell)>) -> Columns {
    let mut columns = Columns::default();
    for (at, cell) in cells {
        let Some(text) = cell.as_text() else { continue };
        let word: String = fold(text).chars().filter(|c| c.is_alphanumeric()).collect();
        let place = match word.as_str() {
            "학년" | "grade" | "year" | "schoolgrade" => &mut columns.grade,
            "반" | "학급" | "학반" | "반명" | "학급명" | "반이름" | "class" | "classname" | "classroom"
            | "homeroom" => &mut columns.class,
            "번호" | "출석번호" | "학생번호" | "번" | "no" | "number" | "studentno" | "studentnumber" => {
                &mut columns.number
            }
            "이름" | "성명" | "학생명" | "학생이름" | "학생성명" | "name" | "studentname" | "fullname"
            | "pupil" | "student" => &mut columns.name,
            "학번" => &mut columns.school_number,
            _ => continue,
        };
        place.get_or_insert(at);
    }
    columns
}

/// `2026학년도 5학년 1반 명렬표` → (5, `1`).
fn read_title(text: &str) -> Option<(u8, String)> {
    let text = fold(text);
    // `2026학년도` is a year.
    let text = text.rsplit("학년도").next().unwrap_or_default();
    let (before, after) = text.split_once("학년")?;
    let digits = before.chars().rev().take_while(char::is_ascii_digit).count();
    let grade = &before[before.len() - digits..];
    let (class, _) = after.split_once('반')?;
    let (grade, class) = read_class(&format!("{grade}학년{class}반"))?;
    Some((grade?, class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[&str]) -> Table {
        let mut table = Table::default();
        for (at, line) in lines.iter().enumerate() {
            table.push(at as u32 + 1, line.split('|').map(Cell::text).collect()).expect("a line");
        }
        table
    }

    fn found(lines: &[&str]) -> Option<(usize, [Option<usize>; 4])> {
        let header = find(&table(lines))?;
        let Columns { grade, class, number, name, .. } = header.columns;
        Some((header.at, [grade, class, number, name]))
    }

    #[test]
    fn names_of_columns_in_any_order_and_language() {
        let all = |order: [usize; 4]| Some((0, order.map(Some)));
        assert_eq!(found(&["학년|반|번호|이름"]), all([0, 1, 2, 3]));
        assert_eq!(found(&["성 명|번 호|반|학　년"]), all([3, 2, 1, 0]));
        assert_eq!(found(&["Name|No.|CLASS|Grade"]), all([3, 2, 1, 0]));
        assert_eq!(found(&["ｎａｍｅ|(번호)|반*|학년"]), all([3, 2, 1, 0]));
        assert_eq!(found(&["연번|학급|출석번호|학생명|비고"]), Some((0, [None, Some(1), Some(2), Some(3)])));
        assert_eq!(
            found(&["드림초등학교|||", "학년 반 명렬표", "학년|반|번호|이름"]),
            Some((2, [0, 1, 2, 3].map(Some)))
        );
        assert_eq!(found(&["5|1|1|김민준"]), None);
        assert_eq!(found(&["이름"]), None);
        let mut late = vec!["제목"; 10];
        late.push("학년|반|번호|이름");
        assert_eq!(found(&late), None, "past the tenth line");
    }

    #[test]
    fn the_title_may_name_the_class() {
        let title = |text| find(&table(&[text, "번호|이름"])).and_then(|header| header.title);
        assert_eq!(title("2026학년도 5학년 1반 명렬표"), Some((5, "1".into())));
        assert_eq!(title("6학년 햇살반"), Some((6, "햇살".into())));
        assert_eq!(title("학급 명렬표"), None);
        assert_eq!(title("2026학년도 학생 명단"), None);
    }
}
