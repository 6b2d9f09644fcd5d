//! Where the rows of a table lie in the file of an SQLite database, so that a drill can damage exactly them
//! (<https://www.sqlite.org/fileformat2.html>, sections 1.3, 1.5, 1.6 and 2.1).

use anyhow::{Context, Result, ensure};
use std::{collections::BTreeSet, ops::Range};

/// The file of a database whose log is folded in.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseFile<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// Of a page, without what extensions reserve.
    usable: usize,
}

const HEADER: usize = 100;
const TABLE_INTERIOR: u8 = 5;
const TABLE_LEAF: u8 = 13;
/// Of tables without row numbers, which are kept as indexes are.
const INDEX_INTERIOR: u8 = 2;
const INDEX_LEAF: u8 = 10;

impl<'a> DatabaseFile<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// Not a database.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        ensure!(bytes.starts_with(b"SQLite format 3\0") && bytes.len() > HEADER, "not a database of SQLite");
        let page_size = match number(bytes, 16, 2)? {
            1 => 65_536,
            size => size,
        };
        Ok(Self { bytes, page_size, usable: page_size - usize::from(bytes[20]) })
    }

    /// Where each page lies that holds something: all but those on the list of free ones.
    pub fn used_pages(&self) -> Result<Vec<Range<usize>>> {
        let mut free = BTreeSet::new();
        let mut trunk = number(self.bytes, 32, 4)?;
        while trunk != 0 && free.insert(trunk) {
            let at = (trunk - 1) * self.page_size;
            for leaf in 0..number(self.bytes, at + 4, 4)? {
                free.insert(number(self.bytes, at + 8 + 4 * leaf, 4)?);
            }
            trunk = number(self.bytes, at, 4)?;
        }
        let pages = 1..=self.bytes.len() / self.page_size;
        let used = pages.filter(|page| !free.contains(page));
        Ok(used.map(|page| (page - 1) * self.page_size..page * self.page_size).collect())
    }

    /// Where the row of each cell of a table lies: its length, number and values, as far as they stand on its page.
    pub fn cells_of(&self, table: &str) -> Result<Vec<Range<usize>>> {
        let mut root = None;
        for cell in self.cells_below(1)? {
            let values = self.values_of(cell)?;
            let text = |at: usize| values.get(at).map(|range| &self.bytes[range.clone()]);
            if text(0) == Some(b"table") && text(1) == Some(table.as_bytes()) {
                let place = values.get(3).context("the root of a table")?;
                root = Some(number(self.bytes, place.start, place.len())?);
            }
        }
        self.cells_below(root.with_context(|| format!("there is no table {table}"))?)
    }

    fn cells_below(&self, page: usize) -> Result<Vec<Range<usize>>> {
        let begin = (page - 1) * self.page_size;
        let header = if page == 1 { begin + HEADER } else { begin };
        let kind = *self.bytes.get(header).context("a page beyond the end")?;
        let cells = number(self.bytes, header + 3, 2)?;
        let is_interior = kind == TABLE_INTERIOR || kind == INDEX_INTERIOR;
        let pointers = header + if is_interior { 12 } else { 8 };
        let mut found = Vec::new();
        for cell in 0..cells {
            let at = begin + number(self.bytes, pointers + 2 * cell, 2)?;
            match kind {
                TABLE_INTERIOR => found.extend(self.cells_below(number(self.bytes, at, 4)?)?),
                TABLE_LEAF => {
                    let (payload, after) = self.varint(at)?;
                    let (_, after) = self.varint(after)?;
                    found.push(at..after + self.local(payload, self.usable - 35));
                }
                INDEX_INTERIOR | INDEX_LEAF => {
                    if kind == INDEX_INTERIOR {
                        found.extend(self.cells_below(number(self.bytes, at, 4)?)?);
                    }
                    let begin = if kind == INDEX_INTERIOR { at + 4 } else { at };
                    let (payload, after) = self.varint(begin)?;
                    found.push(begin..after + self.local(payload, (self.usable - 12) * 64 / 255 - 23));
                }
                other => anyhow::bail!("page {page} of kind {other} in a table"),
            }
        }
        if is_interior {
            found.extend(self.cells_below(number(self.bytes, header + 8, 4)?)?);
        }
        Ok(found)
    }

    /// How much of a payload stands on the page of its cell, where `most` may.
    fn local(&self, payload: usize, most: usize) -> usize {
        let least = (self.usable - 12) * 32 / 255 - 23;
        if payload <= most {
            return payload;
        }
        let fitting = least + (payload - least) % (self.usable - 4);
        if fitting <= most { fitting } else { least }
    }

    /// Where the values of a row lie that is whole on its page.
    fn values_of(&self, cell: Range<usize>) -> Result<Vec<Range<usize>>> {
        let (_, after) = self.varint(cell.start)?;
        let (_, header) = self.varint(after)?;
        let (length, mut at) = self.varint(header)?;
        let mut value = header + length;
        let mut values = Vec::new();
        while at < header + length {
            let (kind, after) = self.varint(at)?;
            let bytes = match kind {
                0 | 8 | 9 => 0,
                1..=4 => kind,
                5 => 6,
                6 | 7 => 8,
                kind => (kind - 12) / 2,
            };
            // What goes on elsewhere is no name and no root.
            values.push(value..(value + bytes).min(cell.end));
            value = (value + bytes).min(cell.end);
            at = after;
        }
        Ok(values)
    }

    /// A number of up to nine bytes, and where it ends.
    fn varint(&self, at: usize) -> Result<(usize, usize)> {
        let mut value = 0;
        for (count, byte) in self.bytes.get(at..).context("beyond the end")?.iter().take(9).enumerate() {
            if count == 8 {
                return Ok((value << 8 | usize::from(*byte), at + 9));
            }
            value = value << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok((value, at + count + 1));
            }
        }
        anyhow::bail!("a number beyond the end")
    }
}

/// An unsigned number, its highest byte first.
fn number(bytes: &[u8], at: usize, length: usize) -> Result<usize> {
    let found = bytes.get(at..at + length).context("beyond the end of the file")?;
    Ok(found.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One page: the schema with the table `t`; a second page with its only row, rowid 7 and the text `hello`.
    fn file() -> Vec<u8> {
        let mut file = vec![0; 1024];
        file[..16].copy_from_slice(b"SQLite format 3\0");
        file[16..18].copy_from_slice(&512_u16.to_be_bytes());
        let schema: &[u8] = b"\x06\x17\x0f\x0f\x01\x00tablett\x02";
        let cell = [&[schema.len() as u8, 1][..], schema].concat();
        let at = 512 - cell.len();
        file[at..512].copy_from_slice(&cell);
        file[100] = TABLE_LEAF;
        file[104] = 1;
        file[108..110].copy_from_slice(&(at as u16).to_be_bytes());
        let row = b"\x07\x07\x02\x17hello";
        let at = 1024 - row.len();
        file[at..].copy_from_slice(row);
        file[512] = TABLE_LEAF;
        file[516] = 1;
        file[520..522].copy_from_slice(&((at - 512) as u16).to_be_bytes());
        file
    }

    #[test]
    fn rows_are_found_in_the_file() {
        let file = file();
        let database = DatabaseFile::read(&file).expect("a database");
        let cells = database.cells_of("t").expect("a table");
        assert_eq!(cells.first(), Some(&(1024 - 9..1024)));
        assert!(database.cells_of("u").is_err());
        assert_eq!(database.used_pages().expect("pages"), [0..512, 512..1024]);
    }

    #[test]
    fn free_pages_hold_nothing() {
        let mut file = file();
        file.resize(2048, 0);
        file[35] = 3;
        file[1024 + 7] = 1;
        file[1024 + 11] = 4;
        let database = DatabaseFile::read(&file).expect("a database");
        assert_eq!(database.used_pages().expect("pages").len(), 2);
    }
}
