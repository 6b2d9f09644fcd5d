//! Small workbooks, written part by part.

use std::io::{Cursor, Write};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A workbook with one sheet.
pub fn book(sheet_data: &str) -> Vec<u8> {
    book_with(&[("xl/worksheets/sheet1.xml", &sheet(sheet_data))])
}

/// A workbook whose first sheet has these lines; each cell is a text, `#` before it makes a number.
pub fn book_of(lines: &[&[&str]]) -> Vec<u8> {
    let mut data = String::new();
    for (at, line) in lines.iter().enumerate() {
        data.push_str(&format!("<row r=\"{}\">", at + 1));
        for (column, text) in line.iter().enumerate() {
            let place = format!("{}{}", char::from(b'A' + column as u8), at + 1);
            match text.strip_prefix('#') {
                Some(number) => data.push_str(&format!("<c r=\"{place}\"><v>{number}</v></c>")),
                None if text.is_empty() => {}
                None => {
                    data.push_str(&format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"));
                }
            }
        }
        data.push_str("</row>");
    }
    book(&data)
}

/// A workbook with further or other parts.
pub fn book_with(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let fixed = FIXED.iter().filter(|(name, _)| parts.iter().all(|(other, _)| other != name));
    for (name, content) in fixed.chain(parts) {
        archive.start_file(*name, options).expect("a part");
        archive.write_all(content.as_bytes()).expect("written");
    }
    archive.finish().expect("an archive").into_inner()
}

/// The sheet around its data.
pub fn sheet(data: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">\
         <sheetData>{data}</sheetData></worksheet>"
    )
}

const FIXED: &[(&str, &str)] = &[
    (
        "[Content_Types].xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>",
    ),
    (
        "_rels/.rels",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/>\
         </Relationships>",
    ),
    (
        "xl/workbook.xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
         xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>\
         <sheet name=\"명렬표\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
    ),
    (
        "xl/_rels/workbook.xml.rels",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
         </Relationships>",
    ),
    ("xl/worksheets/sheet1.xml", "<worksheet><sheetData/></worksheet>"),
];
