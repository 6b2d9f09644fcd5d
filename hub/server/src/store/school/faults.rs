//! What cannot be read as it was written, counted by kind: values are personal data and are never told.

use std::collections::BTreeMap;

use rusqlite::{Row, Rows, types::ValueRef};
use serde::de::DeserializeOwned;

use crate::store::{StoreError, from_word};

/// What was met so far.
#[derive(Debug, Default)]
pub struct Faults {
    found: BTreeMap<&'static str, u32>,
}

impl Faults {
    /// Each kind with how often.
    pub fn found(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.found.iter().map(|(what, count)| (*what, *count))
    }

    pub fn count(&mut self, what: &'static str) {
        *self.found.entry(what).or_default() += 1;
    }

    /// A text; bytes that are none are shown as such (U+FFFD).
    pub fn text(&mut self, row: &Row<'_>, column: usize, what: &'static str) -> rusqlite::Result<String> {
        Ok(match row.get_ref(column)? {
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => {
                    self.count(what);
                    String::from_utf8_lossy(bytes).into_owned()
                }
            },
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => {
                self.count(what);
                String::new()
            }
        })
    }

    /// One of a few words, or what stands in for one that is none of them.
    pub fn word_or<T: DeserializeOwned>(
        &mut self,
        row: &Row<'_>,
        column: usize,
        what: &'static str,
        instead: T,
    ) -> Result<T, StoreError> {
        let word = self.text(row, column, what)?;
        Ok(from_word(word, what).unwrap_or_else(|_| {
            self.count(what);
            instead
        }))
    }

    /// All rows of a list but those of which a value cannot be understood: these are counted and told in the log. One of them is
    /// no reason for a hub not to start.
    ///
    /// # Errors
    /// As [`Faults::keep`].
    pub fn list<T>(
        what: &'static str,
        mut rows: Rows<'_>,
        mut read: impl FnMut(&mut Faults, &Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut faults = Faults::default();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let made = read(&mut faults, row);
            found.extend(faults.keep(what, made)?);
        }
        for (what, count) in faults.found() {
            tracing::error!(
                what,
                count,
                "rows cannot be read as they were written; the hub goes on with the others"
            );
        }
        Ok(found)
    }

    /// What was made of a row; nothing if a value in it cannot be understood.
    ///
    /// # Errors
    /// What is no matter of this row: a disk that fails, a damaged file.
    pub fn keep<T>(
        &mut self,
        what: &'static str,
        read: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(err) if is_of_value(&err) => {
                self.count(what);
                Ok(None)
            }
            Err(err) => Err(err),
        }
    }
}

/// Whether an error tells what one row holds, and not that the disk fails or the file is damaged.
pub(in crate::store) fn is_of_value(err: &StoreError) -> bool {
    match err {
        StoreError::BadValue { .. } => true,
        // A value of another type or form, such as a text that is none, or an id of the wrong length.
        StoreError::Sqlite(err) => err.sqlite_error().is_none(),
        StoreError::Newer { .. }
        | StoreError::Foreign
        | StoreError::InUse
        | StoreError::DiskFull
        | StoreError::ReadOnly(_)
        | StoreError::Damaged(_)
        | StoreError::DiskFails(_)
        | StoreError::Closed
        | StoreError::Busy
        | StoreError::Taken(_)
        | StoreError::Io(_)
        | StoreError::Key(_) => false,
    }
}
