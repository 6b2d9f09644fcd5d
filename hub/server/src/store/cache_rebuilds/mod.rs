//! Caches that a migration has left to be folded anew from the log, once, before anybody reads them.

use rusqlite::Connection;

use super::{StoreError, standings};

/// Folds what is marked, in one transaction, and takes the marks away.
pub fn run(conn: &Connection) -> Result<(), StoreError> {
    let tx = conn.unchecked_transaction()?;
    for name in list(&tx)? {
        match name.as_str() {
            "standings" => standings::rebuild(&tx)?,
            _ => return Err(StoreError::BadValue { what: "name of a cache" }),
        }
        tx.execute(include_str!("forget.sql"), [&name])?;
    }
    Ok(tx.commit()?)
}

fn list(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let mut query = conn.prepare(include_str!("list.sql"))?;
    Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}
