//! Lists as schools have them.

use dreamseed_roster::{List, read_list};
use dreamseed_wire::people::RosterFaultKind::{self, *};
use encoding_rs::EUC_KR;
use proptest::prelude::*;

use crate::books::{book, book_of};

fn list(bytes: &[u8]) -> List {
    read_list(bytes).expect("a list")
}

/// The rows as `grade-class-number name`.
fn rows(bytes: &[u8]) -> Vec<String> {
    let list = list(bytes);
    assert_eq!(list.faults, [], "no fault");
    let show =
        |row: &dreamseed_roster::Row| format!("{}-{}-{} {}", row.grade, row.class, row.number, row.name);
    list.rows.iter().map(show).collect()
}

fn faults(bytes: &[u8]) -> Vec<(Option<u32>, RosterFaultKind)> {
    list(bytes).faults.iter().map(|fault| (fault.line, fault.kind)).collect()
}

const LIST: &str = "학년,반,번호,이름\n5,1,1,김민준\n5,1,2,이서연\n5,1,9,김민준\n";

#[test]
fn one_list_in_every_encoding_and_form() {
    let expected = ["5-1-1 김민준", "5-1-2 이서연", "5-1-9 김민준"];
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.into_iter().chain(LIST.encode_utf16().flat_map(bytes)).collect()
    };
    for (name, bytes) in [
        ("UTF-8", LIST.as_bytes().to_vec()),
        ("UTF-8 (BOM)", format!("\u{feff}{LIST}").into_bytes()),
        ("CP949", EUC_KR.encode(LIST).0.into_owned()),
        ("UTF-16", utf16([0xff, 0xfe], u16::to_le_bytes)),
        ("UTF-16", utf16([0xfe, 0xff], u16::to_be_bytes)),
        ("UTF-8", LIST.replace(',', ";").replace('\n', "\r\n").into_bytes()),
        ("UTF-8", LIST.replace(',', "\t").replace('\n', "\r").into_bytes()),
        ("UTF-8", LIST.replace("김민준", "\"김민준\"").into_bytes()),
        (
            "XLSX",
            book_of(&[
                &["학년", "반", "번호", "이름"],
                &["#5", "#1", "#1", "김민준"],
                &["#5.0", "1반", "2번", "이서연"],
                &["5학년", "5-1", "#9", "김민준"],
            ]),
        ),
    ] {
        assert_eq!(list(&bytes).encoding, name);
        assert_eq!(rows(&bytes), expected, "{name}");
    }
}

#[test]
fn titles_blank_lines_totals_and_forms_are_no_pupils() {
    let text = "드림초등학교 2026학년도,,,,\n담임,이수정,,,\n,,,,\n연번,번호,이름,반,비고\n1,1,김민준,5-1,\n2,2,이서연,5-1,전입\n\
                ,,,,\n번호,번호,이름,반,비고\n3,3,박 준,5-1,\n합계,,3명,,\n,4,,5-1,\n,5,,5-1,\n";
    assert_eq!(rows(text.as_bytes()), ["5-1-1 김민준", "5-1-2 이서연", "5-1-3 박준"]);
    let lines: Vec<u32> = list(text.as_bytes()).rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [5, 6, 9]);
}

#[test]
fn the_title_names_the_class_of_a_list_without_columns_for_it() {
    let text = "2026학년도 5학년 햇살반 명렬표\n번호,성명\n1,김민준\n2,이서연\n";
    assert_eq!(rows(text.as_bytes()), ["5-햇살-1 김민준", "5-햇살-2 이서연"]);
    assert_eq!(faults("번호,이름\n1,김민준\n".as_bytes()), [(None, MissingColumn)]);
    assert_eq!(faults("반,이름\n5-1,김민준\n".as_bytes()), [(None, MissingColumn)]);
    assert_eq!(faults("반,번호,이름\n1,1,김민준\n".as_bytes()), [(Some(2), BadGrade)]);
}

#[test]
fn english_headers_and_names() {
    let text = "Name,No.,Class,Grade\nMei Tanaka,1,B,6\nLiam O'Brien,2,Class B,Grade 6\n";
    assert_eq!(rows(text.as_bytes()), ["6-B-1 Mei Tanaka", "6-B-2 Liam O'Brien"]);
}

#[test]
fn merged_cells_hold_for_all_their_lines() {
    let lines = [
        ["학년", "반", "번호", "이름"],
        ["#5", "#1", "#1", "김민준"],
        ["", "", "#2", "이서연"],
        ["", "", "", ""],
        ["", "#2", "#1", "박도윤"],
        ["", "", "#2", "최하은"],
        ["#6", "#1", "#1", "정시우"],
        ["", "", "#2", "강지유"],
    ];
    let expected =
        ["5-1-1 김민준", "5-1-2 이서연", "5-2-1 박도윤", "5-2-2 최하은", "6-1-1 정시우", "6-1-2 강지유"];
    let cells: Vec<&[&str]> = lines.iter().map(<[&str; 4]>::as_slice).collect();
    assert_eq!(rows(&book_of(&cells)), expected);
    let text: String = lines.iter().map(|line| line.join(",").replace('#', "") + "\n").collect();
    assert_eq!(rows(text.as_bytes()), expected);
    // Another grade says nothing of the class, and the first line has nothing above it.
    let faults_of = |lines: &str| faults(format!("학년,반,번호,이름\n{lines}").as_bytes());
    assert_eq!(faults_of("5,1,1,김민준\n6,,2,이서연\n"), [(Some(3), BadClass)]);
    assert_eq!(faults_of(",,1,김민준\n5,1,2,이서연\n"), [(Some(2), BadClass)]);
}

#[test]
fn a_class_that_became_a_date_is_a_fault() {
    let with =
        |class: &str| faults(&book_of(&[&["학년", "반", "번호", "성명"], &["#2", class, "#1", "김민준"]]));
    for date in ["#45413", "#45413.5", "5월 1일", "2-May"] {
        assert_eq!(with(date), [(Some(2), BadClass)], "{date}");
    }
}

#[test]
fn a_school_number_tells_grade_class_and_number_if_nothing_else_does() {
    let book = book_of(&[&["학번", "이름"], &["#20305", "김민준"], &["#21012", "이서연"]]);
    assert_eq!(rows(&book), ["2-3-5 김민준", "2-10-12 이서연"]);
    assert_eq!(rows("연번,학번,번호,이름\n1,20305,1,김민준\n".as_bytes()), ["2-3-5 김민준"]);
    assert_eq!(rows("학번,학년,반,번호,이름\n20305,5,1,2,김민준\n".as_bytes()), ["5-1-2 김민준"]);
    assert_eq!(
        faults("학번,이름\n2305,김민준\n20300,이서연\n".as_bytes()),
        [(Some(2), BadNumber), (Some(3), BadNumber)]
    );
    assert_eq!(faults("학번,이름\n20305,김민준\n20305,이서연\n".as_bytes()), [(Some(3), DuplicateNumber)]);
}

#[test]
fn two_lists_side_by_side_are_not_read_by_half() {
    let text = "5학년 1반 명렬표\n번호,이름,,번호,이름\n1,김민준,,16,이서연\n";
    assert_eq!(faults(text.as_bytes()), [(Some(2), SideBySide)]);
    assert_eq!(list(text.as_bytes()).rows, []);
    // A second name alone is a column like any other.
    assert_eq!(rows("반,번호,이름,Name\n5-1,1,김민준,Kim\n".as_bytes()), ["5-1-1 김민준"]);
}

#[test]
fn the_guard_of_an_export_is_no_part_of_a_name() {
    let text = "학년,반,번호,이름\n5,1,1,'-김공식\n5,1,2,O'Neil\n5,1,3,'김민준\n";
    assert_eq!(rows(text.as_bytes()), ["5-1-1 -김공식", "5-1-2 O'Neil", "5-1-3 '김민준"]);
    assert_eq!(faults("학년,반,번호,이름\n5,1,1,'=1+1\n".as_bytes()), [(Some(2), BadName)]);
}

#[test]
fn each_bad_line_has_its_fault() {
    let with = |line: &str| faults(format!("학년,반,번호,이름\n5,1,1,김민준\n{line}\n").as_bytes());
    for (line, kind) in [
        ("5,1,1,이서연", DuplicateNumber),
        ("5,1반,01,김민준", DuplicateNumber),
        ("오,1,2,이서연", BadGrade),
        ("13,1,2,이서연", BadGrade),
        (",,2,42", BadName),
        ("6,,2,이서연", BadClass),
        ("5,45413,2,이서연", BadClass),
        ("5,6-1,2,이서연", BadClass),
        ("5,2026-05-01,2,이서연", BadClass),
        ("5,1,,이서연", BadNumber),
        ("5,1,0,이서연", BadNumber),
        ("5,1,2.5,이서연", BadNumber),
        ("5,1,2,이\u{200b}서연", BadName),
        ("5,1,2,\u{202e}연서이", BadName),
        ("5,1,2,42", BadName),
        ("5,1,2,<img src=x>", BadName),
        ("5,1,=1+1,이서연", Formula),
        ("5,1,2,=cmd|' /C calc'!A0", Formula),
    ] {
        assert_eq!(with(line), [(Some(3), kind)], "{line}");
    }
    let long = "가".repeat(300);
    assert_eq!(with(&format!("5,1,2,{long}")), [(Some(3), BadName)]);
    assert_eq!(with("5,1,2,\"이서연"), [], "a quote that is never closed ends with the file");
    assert_eq!(faults("학년,반,번호,이름\n".as_bytes()), [(None, NoRows)]);
    assert_eq!(faults("가,나,다\n1,2,3\n".as_bytes()), [(None, NoHeader)]);
    let shown = &list(format!("학년,반,번호,이름\n5,1,2,a\u{202e}{long}\n").as_bytes()).faults[0].value;
    assert!(shown.chars().count() <= 40 && !shown.contains('\u{202e}'), "{shown}");
}

#[test]
fn formulas_give_the_value_that_was_computed() {
    let header = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>반</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>번호</t></is></c>\
                  <c r=\"C1\" t=\"inlineStr\"><is><t>이름</t></is></c></row>";
    let line = |number: &str| {
        book(&format!(
            "{header}<row r=\"2\"><c r=\"A2\" t=\"str\"><f>\"5-\"&amp;1</f><v>5-1</v></c><c r=\"B2\"{number}</c>\
             <c r=\"C2\" t=\"inlineStr\"><is><t>김민준</t></is></c></row>"
        ))
    };
    assert_eq!(rows(&line("><f>3+4</f><v>7</v>")), ["5-1-7 김민준"]);
    assert_eq!(faults(&line("><f>3+4</f>")), [(Some(2), Formula)]);
    assert_eq!(faults(&line(" t=\"e\"><f>1/0</f><v>#DIV/0!</v>")), [(Some(2), Formula)]);
}

proptest! {
    /// A list that is written is read as it was, in any order of columns and with any separator.
    #[test]
    fn what_is_written_is_read(
        people in prop::collection::btree_map((1_u8..=6, 1_u8..=9, 1_u16..=40), "[가-힣]{2,4}", 1..60),
        order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
        separator in prop::sample::select(vec![',', ';', '\t']),
        in_cp949 in any::<bool>(),
    ) {
        let line = |cells: [String; 4]| -> String {
            let ordered: Vec<&str> = order.iter().map(|at| cells[*at].as_str()).collect();
            ordered.join(&separator.to_string()) + "\n"
        };
        let mut text = line(["학년", "반", "번호", "이름"].map(str::to_owned));
        for ((grade, class, number), name) in &people {
            text += &line([grade.to_string(), format!("{class}반"), number.to_string(), name.clone()]);
        }
        let bytes = if in_cp949 { EUC_KR.encode(&text).0.into_owned() } else { text.into_bytes() };
        let expected: Vec<String> =
            people.iter().map(|((grade, class, number), name)| format!("{grade}-{class}-{number} {name}")).collect();
        prop_assert_eq!(rows(&bytes), expected);
    }
}
