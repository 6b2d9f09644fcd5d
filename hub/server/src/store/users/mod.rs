//! Accounts and their secrets.

use dreamseed_wire::{Language, account::Role, ids::UserId};
use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, OptionalExtension, params, types::ValueRef};

use super::{StoreError, WriteTx, from_word, to_word};

/// No two roles are as near to each other as twice this.
const ROLE_BITS: u32 = 2;

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

/// An account as it lies in the table, also if it cannot be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Nothing if the word is none of the roles.
    pub role: Option<Role>,
    /// Pupils have none, and they alone.
    pub has_login_name: bool,
    /// What is no text in it is shown as such (U+FFFD).
    pub name: String,
    pub language: Language,
    pub archived: bool,
    pub has_pin: bool,
}

/// An account that was not erased, straight from the table: the school in memory leaves out what cannot be read.
pub fn find(conn: &Connection, user: UserId) -> Result<Option<Account>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("find.sql"))?;
    let mut rows = query.query([user])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let text = |column| Ok::<_, rusqlite::Error>(lossy_text(row.get_ref(column)?));
    Ok(Some(Account {
        role: from_word(text(0)?, "role").ok(),
        has_login_name: row.get(1)?,
        name: text(2)?,
        language: from_word(text(3)?, "language").unwrap_or_default(),
        archived: row.get(4)?,
        has_pin: row.get(5)?,
    }))
}

/// Gives an account whose role cannot be read its role back: the only one that is [`ROLE_BITS`] or fewer flipped bits away
/// from the bytes that are there. Nothing if there is nothing to mend, or no such role.
pub fn mend_role(tx: &WriteTx<'_>, user: UserId) -> Result<Option<Role>, StoreError> {
    const ROLES: [Role; 4] = [Role::Student, Role::Parent, Role::Teacher, Role::Admin];
    let mut query = tx.conn().prepare_cached(include_str!("role.sql"))?;
    let bytes: Option<Vec<u8>> = query.query_row([user], |row| row.get(0)).optional()?;
    let Some(bytes) = bytes else { return Ok(None) };
    let is_near = |role: &Role| is_near(to_word(role).as_bytes(), &bytes);
    let Some(role) = ROLES.into_iter().find(is_near).filter(|role| to_word(role).as_bytes() != bytes) else {
        return Ok(None);
    };
    tx.conn().prepare_cached(include_str!("set_role.sql"))?.execute(params![user, to_word(&role)])?;
    Ok(Some(role))
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

/// A text; bytes that are none are shown as such (U+FFFD).
pub(super) fn lossy_text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
    }
}

fn is_near(word: &[u8], bytes: &[u8]) -> bool {
    let flipped = word.iter().zip(bytes).map(|(one, other)| (one ^ other).count_ones()).sum::<u32>();
    word.len() == bytes.len() && flipped <= ROLE_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_most_of_its_bits() {
        for (bytes, word, near) in [
            (&b"admin"[..], "admin", true),
            (b"Admin", "admin", true),
            (b"a\xe4min", "admin", true),
            (b"adm", "admin", false),
            (b"zzzzz", "admin", false),
            (b"student", "teacher", false),
        ] {
            assert_eq!(is_near(word.as_bytes(), bytes), near, "{bytes:?}");
        }
    }
}
