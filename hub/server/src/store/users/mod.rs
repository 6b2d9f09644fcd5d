//! Accounts and their secrets.

use dreamseed_wire::{Language, account::Role, ids::UserId};
use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx, to_word};

/// An account to be made.
pub struct NewUser {
    pub role: Role,
    /// Normalised; absent for pupils and for them only.
    pub login_name: Option<String>,
    pub name: String,
    pub language: Language,
    /// PHC string of the PIN or password.
    pub secret: String,
    /// The secret was given by somebody else and must be changed.
    pub must_change: bool,
}

/// Makes an account.
///
/// # Errors
/// [`StoreError::Taken`] if the login name is in use.
pub fn add(tx: &WriteTx<'_>, new: &NewUser, now: Timestamp) -> Result<UserId, StoreError> {
    let id = UserId::new();
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        id,
        to_word(&new.role),
        new.login_name,
        new.name,
        new.language.code(),
        new.secret,
        new.must_change,
        now.as_millisecond()
    ])?;
    Ok(id)
}

/// The PHC string of an account that is not archived.
pub fn secret(conn: &Connection, user: UserId) -> Result<Option<String>, StoreError> {
    Ok(conn.prepare_cached(include_str!("secret.sql"))?.query_row([user], |row| row.get(0)).optional()?)
}

/// The account with a normalised login name, and its PHC string.
pub fn find_login(conn: &Connection, login_name: &str) -> Result<Option<(UserId, String)>, StoreError> {
    Ok(conn
        .prepare_cached(include_str!("find_login.sql"))?
        .query_row([login_name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// Whether any account was ever made; closed ones count.
pub fn has_any(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(include_str!("has_any.sql"))?.query_row([], |row| row.get(0))?)
}

/// Whether anybody can administer this hub.
pub fn has_admin(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(include_str!("has_admin.sql"))?.query_row([], |row| row.get(0))?)
}

/// Whether somebody else than this user can administer this hub.
pub fn has_other_admin(conn: &Connection, user: UserId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(include_str!("has_other_admin.sql"))?.query_row([user], |row| row.get(0))?)
}

/// Replaces a secret and raises the token version, which ends every access token of the account.
pub fn change_secret(
    tx: &WriteTx<'_>,
    user: UserId,
    secret: &str,
    must_change: bool,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("change_secret.sql"))?.execute(params![
        user,
        secret,
        must_change
    ])?;
    Ok(())
}

/// Makes every secret one that nothing matches.
pub fn void_secrets(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("void_secrets.sql"))?.execute([])?;
    Ok(())
}

/// The admins with their login names.
pub fn admins(conn: &Connection) -> Result<Vec<(UserId, String)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("admins.sql"))?;
    Ok(query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Keeps the same secret under newer hash parameters, unless it was changed meanwhile.
pub fn rehash(tx: &WriteTx<'_>, user: UserId, old: &str, new: &str) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("rehash.sql"))?.execute(params![user, old, new])?;
    Ok(())
}

/// Closes an account: it leaves its classes today and keeps its record. False if it was closed already.
pub fn archive(tx: &WriteTx<'_>, user: UserId, now: Timestamp, today: Date) -> Result<bool, StoreError> {
    let closed = tx
        .conn()
        .prepare_cached(include_str!("archive.sql"))?
        .execute(params![user, now.as_millisecond()])?;
    let day = today.to_string();
    tx.conn().prepare_cached(include_str!("end_enrolments.sql"))?.execute(params![user, day])?;
    tx.conn().prepare_cached(include_str!("end_teaching.sql"))?.execute(params![user, day])?;
    Ok(closed > 0)
}
