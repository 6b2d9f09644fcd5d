//! Files that are no lists, and files that mean harm: a plain refusal, soon and in little memory.

use std::time::{Duration, Instant};

use dreamseed_roster::{ListFault, read_list};
use dreamseed_wire::people::RosterFaultKind::{self, *};

use crate::books::{book, book_of, book_with, sheet};

fn refused(bytes: &[u8]) -> Option<ListFault> {
    read_list(bytes).err()
}

fn only_fault(bytes: &[u8]) -> Option<RosterFaultKind> {
    let list = read_list(bytes).expect("a list");
    assert!(list.faults.len() == 1 && list.rows.is_empty(), "{:?}", list.faults);
    list.faults.first().map(|fault| fault.kind)
}

#[test]
fn files_that_are_something_else() {
    assert_eq!(refused(b""), Some(ListFault::Empty));
    assert_eq!(refused(b" \r\n\t"), Some(ListFault::Empty));
    assert_eq!(refused("\u{feff}".as_bytes()), Some(ListFault::Empty));
    assert_eq!(refused(&vec![b'a'; 5 * 1024 * 1024 + 1]), Some(ListFault::TooLarge));
    assert_eq!(refused(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some(ListFault::UnknownEncoding));
    assert_eq!(refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Some(ListFault::OldOrProtected));
    assert_eq!(
        refused(&[0xc7, 0xd0, 0xb3, 0xe2, 0xff, 0x2c]),
        Some(ListFault::UnknownEncoding),
        "CP949, cut"
    );
    assert_eq!(only_fault(b"<html><body>not a list</body></html>"), Some(NoHeader));
}

#[test]
fn a_workbook_cut_off_anywhere_is_damaged() {
    let whole = book_of(&[&["학년", "반", "번호", "이름"], &["#5", "#1", "#1", "김민준"]]);
    assert!(read_list(&whole).is_ok_and(|list| list.rows.len() == 1));
    for end in (2..whole.len()).step_by(7) {
        assert_eq!(refused(&whole[..end]), Some(ListFault::Damaged), "cut at {end}");
    }
    assert_eq!(
        refused(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        Some(ListFault::Damaged),
        "an empty archive"
    );
}

#[test]
fn a_million_columns_are_refused_soon() {
    let began = Instant::now();
    let mut text = String::from("학년,반,번호,이름");
    text.push_str(&",x".repeat(1_000_000));
    assert_eq!(only_fault(text.as_bytes()), Some(TooManyColumns));
    assert_eq!(only_fault(",".repeat(1_000_000).as_bytes()), Some(TooManyColumns));
    assert!(
        began.elapsed() < Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 }),
        "{:?}",
        began.elapsed()
    );
    // In a workbook a column is a place, not a length.
    let far = "<row r=\"1\"><c r=\"XFD1\"><v>1</v></c></row>";
    assert_eq!(only_fault(&book(far)), Some(TooManyColumns));
    let corner = "<row r=\"1048576\"><c r=\"A1048576\"><v>1</v></c></row>";
    assert_eq!(only_fault(&book(corner)), Some(NoHeader), "a million lines of nothing above it");
}

#[test]
fn too_many_lines_are_refused() {
    let mut text = String::from("학년,반,번호,이름\n");
    for line in 0..5_001 {
        text.push_str(&format!("5,{},{},김민준\n", line / 900 + 1, line % 900 + 1));
    }
    let list = read_list(text.as_bytes()).expect("a list");
    assert_eq!(list.faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [TooManyRows]);
    text.push_str(&"5,1,1,김민준\n".repeat(1_000));
    assert_eq!(only_fault(text.as_bytes()), Some(TooManyRows));
}

#[test]
fn bombs_do_not_go_off() {
    let spaces = " ".repeat(30 * 1024 * 1024);
    assert_eq!(refused(&book(&spaces)), Some(ListFault::Bomb), "one part of 30 MB");
    let third = sheet(&" ".repeat(15 * 1024 * 1024));
    let parts = ["xl/a.xml", "xl/b.xml", "xl/c.xml"].map(|name| (name, third.as_str()));
    assert_eq!(refused(&book_with(&parts)), Some(ListFault::Bomb), "45 MB in three parts");
    let names: Vec<String> = (0..201).map(|number| format!("xl/{number}.xml")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(refused(&book_with(&many)), Some(ListFault::Bomb), "201 parts");
    // A claim of how many texts follow, for which a reader would reserve memory.
    for claim in ["999999999999999", "1000000000000", "18446744073709551615"] {
        let strings = format!("<sst uniqueCount=\"{claim}\"></sst>");
        assert_eq!(
            refused(&book_with(&[("xl/sharedStrings.xml", &strings)])),
            Some(ListFault::Bomb),
            "{claim}"
        );
    }
    let laughs = format!(
        "<!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\">{}]>{}",
        (0..9)
            .map(|level| format!("<!ENTITY b{level} \"&b{};&b{};\">", level + 1, level + 1))
            .collect::<String>(),
        sheet("<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>&b0;</t></is></c></row>")
    );
    assert!(
        read_list(&book_with(&[("xl/worksheets/sheet1.xml", &laughs)]))
            .is_ok_and(|list| list.rows.is_empty())
            || refused(&book_with(&[("xl/worksheets/sheet1.xml", &laughs)])) == Some(ListFault::Damaged)
    );
    let deep = sheet(&("<row>".repeat(1_000) + &"</row>".repeat(1_000)));
    assert_eq!(only_fault(&book_with(&[("xl/worksheets/sheet1.xml", &deep)])), Some(NoHeader));
}

/// The cells are taken, the macro is a part like any other that nobody opens.
#[test]
fn macros_are_never_run() {
    let data = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>반</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>번호</t></is></c>\
                <c r=\"C1\" t=\"inlineStr\"><is><t>이름</t></is></c></row>\
                <row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>5-1</t></is></c><c r=\"B2\"><v>1</v></c>\
                <c r=\"C2\" t=\"inlineStr\"><is><t>김민준</t></is></c></row>";
    let sheet = sheet(data);
    let book = book_with(&[
        ("xl/worksheets/sheet1.xml", &sheet),
        ("xl/vbaProject.bin", "Sub Auto_Open(): Shell \"calc\": End Sub"),
    ]);
    let list = read_list(&book).expect("a list");
    assert_eq!((list.rows.len(), list.faults.len()), (1, 0));
}
