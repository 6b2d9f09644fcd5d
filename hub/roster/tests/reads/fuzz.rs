//! Whatever the bytes, the answer is a list or a refusal: no panic, no memory without a bound, and what is taken keeps
//! the promises of the types. Files in `tests/hostile` are tried first, then mutations and chance.

use std::{path::Path, time::Duration};

use dreamseed_roster::{MAX_FAULTS, MAX_ROWS, class_key, read_list};

use crate::books::{book, book_with};

/// Of each target in a run of the tests; `cargo bolero` runs for as long as it is told.
const MOMENT: Duration = Duration::from_millis(1_500);

fn check(bytes: &[u8]) {
    let Ok(list) = read_list(bytes) else { return };
    assert!(list.rows.len() <= MAX_ROWS && list.faults.len() <= MAX_FAULTS + 1);
    assert!(!list.rows.is_empty() || !list.faults.is_empty(), "a list without anything says why");
    let mut places = std::collections::HashSet::new();
    for row in &list.rows {
        assert!((1..=12).contains(&row.grade) && (1..=999).contains(&row.number) && row.line > 0);
        assert!((1..=40).contains(&row.name.chars().count()) && !row.name.contains(char::is_control));
        let key = class_key(row.grade, &row.class);
        assert_eq!(key, class_key(row.grade, &format!("{}학년 {}반", row.grade, row.class)), "{}", row.class);
        assert!(places.insert((row.grade, key, row.number)));
    }
}

#[test]
fn any_bytes() {
    bolero::check!().with_test_time(MOMENT).for_each(check);
}

#[test]
fn any_text_below_a_header() {
    bolero::check!().with_test_time(MOMENT).with_type::<String>().for_each(|text| {
        check(format!("학년,반,번호,이름\n{text}").as_bytes());
        check(format!("{text}\n반\t번호\t이름\n5-1\t1\t{text}").as_bytes());
    });
}

#[test]
fn any_sheet_and_any_strings() {
    bolero::check!().with_test_time(MOMENT).with_type::<String>().for_each(|xml| {
        check(&book(xml));
        check(&book_with(&[
            ("xl/worksheets/sheet1.xml", xml),
            ("xl/sharedStrings.xml", xml),
            ("xl/styles.xml", xml),
        ]));
    });
}

#[test]
fn hostile_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        check(&bytes);
        // Each file once more with every byte changed in turn.
        for at in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            check(&changed);
            check(&bytes[..at]);
        }
        tried += 1;
    }
    assert!(tried >= 6, "{tried} files");
}
