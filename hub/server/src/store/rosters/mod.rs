//! The school's lists as an import and a change of the year see them, and the changes that they make.

use std::collections::HashMap;

use dreamseed_wire::{Language, account::Role, ids::*};
use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{StoreError, WriteTx, from_word, users};

/// The secret of a pupil without a PIN: no hash, so that nothing matches it.
pub const NO_SECRET: &str = "!";

/// A class, archived ones too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRow {
    pub id: ClassId,
    pub name: String,
    pub grade: u8,
    pub school_year: u16,
    pub archived: bool,
    /// Who teaches it today.
    pub teachers: Vec<UserId>,
}

/// A pupil and where they stand, or stood last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PupilRow {
    pub id: UserId,
    pub name: String,
    pub archived: bool,
    /// The class and number of today.
    pub place: Option<(ClassId, u16)>,
    /// The class of the latest enrolment.
    pub last_class: Option<ClassId>,
}

/// A time in a class, as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EnrolmentRow {
    pub pupil_id: UserId,
    pub class_id: ClassId,
    pub school_year: u16,
    pub number: u16,
    pub from_day: String,
    pub to_day: Option<String>,
}

/// All classes, by id.
pub fn classes(conn: &Connection) -> Result<Vec<ClassRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("classes.sql"))?;
    let rows = query.query_map([], |row| {
        Ok(ClassRow {
            id: row.get(0)?,
            name: row.get(1)?,
            grade: row.get(2)?,
            school_year: row.get(3)?,
            archived: row.get(4)?,
            teachers: Vec::new(),
        })
    })?;
    let mut classes = rows.collect::<Result<Vec<_>, _>>()?;
    let mut query = conn.prepare_cached(include_str!("teachers.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let class: ClassId = row.get(0)?;
        if let Ok(at) = classes.binary_search_by_key(&class, |class| class.id) {
            classes[at].teachers.push(row.get(1)?);
        }
    }
    Ok(classes)
}

/// In which language each class works.
pub fn class_languages(conn: &Connection) -> Result<HashMap<ClassId, Language>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("class_languages.sql"))?;
    let mut rows = query.query([])?;
    let mut languages = HashMap::new();
    while let Some(row) = rows.next()? {
        languages.insert(row.get(0)?, from_word(row.get(1)?, "language")?);
    }
    Ok(languages)
}

/// All pupils, by id.
pub fn pupils(conn: &Connection) -> Result<Vec<PupilRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("pupils.sql"))?;
    let mut rows = query.query([])?;
    let mut pupils: Vec<PupilRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let (class, number): (Option<ClassId>, Option<u16>) = (row.get(3)?, row.get(4)?);
        let is_open: bool = row.get(5)?;
        let pupil = PupilRow {
            id: row.get(0)?,
            name: row.get(1)?,
            archived: row.get(2)?,
            place: class.zip(number).filter(|_| is_open),
            last_class: class,
        };
        match pupils.last_mut() {
            // Two that began on one day: the open one comes last and counts.
            Some(last) if last.id == pupil.id => *last = pupil,
            Some(_) | None => pupils.push(pupil),
        }
    }
    Ok(pupils)
}

/// All times in classes of a pupil, the earliest first.
pub fn enrolments(conn: &Connection, pupil: UserId) -> Result<Vec<EnrolmentRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("enrolments.sql"))?;
    let rows = query.query_map([pupil], |row| {
        Ok(EnrolmentRow {
            pupil_id: pupil,
            class_id: row.get(0)?,
            school_year: row.get(1)?,
            number: row.get(2)?,
            from_day: row.get(3)?,
            to_day: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ends a pupil's time in their class with the day before `from`; a time that would end before it began is taken out.
pub fn leave(tx: &WriteTx<'_>, pupil: UserId, from: Date) -> Result<(), StoreError> {
    let last_day = from.yesterday().unwrap_or(from);
    tx.conn().prepare_cached(include_str!("forget_time.sql"))?.execute(params![pupil, from.to_string()])?;
    tx.conn().prepare_cached(include_str!("leave.sql"))?.execute(params![pupil, last_day.to_string()])?;
    Ok(())
}

/// Ends a pupil's time in their class without another, with the day before `from`; a time that began on that day keeps
/// it, so that it is known where the pupil was.
pub fn leave_school(tx: &WriteTx<'_>, pupil: UserId, from: Date) -> Result<(), StoreError> {
    let last_day = from.yesterday().unwrap_or(from).to_string();
    tx.conn().prepare_cached(include_str!("leave_school.sql"))?.execute(params![pupil, last_day])?;
    Ok(())
}

/// Puts a pupil into a class from a day on; a time there that began on that day goes on.
///
/// # Errors
/// [`StoreError::Taken`] if the number is taken in the class.
pub fn join(
    tx: &WriteTx<'_>,
    pupil: UserId,
    (class, school_year, number): (ClassId, u16, u16),
    from: Date,
) -> Result<(), StoreError> {
    let day = from.to_string();
    tx.conn().prepare_cached(include_str!("join.sql"))?.execute(params![
        pupil,
        class,
        school_year,
        number,
        day
    ])?;
    Ok(())
}

/// Puts a time in a class back as it stood.
///
/// # Errors
/// [`StoreError::Taken`] if somebody else has the number meanwhile.
pub fn put_back(tx: &WriteTx<'_>, row: &EnrolmentRow) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("put_back.sql"))?.execute(params![
        row.pupil_id,
        row.class_id,
        row.school_year,
        row.number,
        row.from_day,
        row.to_day
    ])?;
    Ok(())
}

/// Takes out all times in classes of a pupil, to put back what stood before.
pub fn take_out(tx: &WriteTx<'_>, pupil: UserId) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("take_out.sql"))?.execute([pupil])?;
    Ok(())
}

/// Makes a pupil without a PIN.
pub fn add_pupil(
    tx: &WriteTx<'_>,
    name: &str,
    language: Language,
    now: Timestamp,
) -> Result<UserId, StoreError> {
    let pupil = users::NewUser {
        role: Role::Student,
        login_name: None,
        name: name.to_owned(),
        language,
        secret: NO_SECRET.to_owned(),
        must_change: false,
    };
    users::add(tx, &pupil, now)
}

/// Changes a name.
pub fn rename(tx: &WriteTx<'_>, pupil: UserId, name: &str) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("rename.sql"))?.execute(params![pupil, name])?;
    Ok(())
}

/// Opens a closed account, or closes it as of a time.
pub fn set_archived(tx: &WriteTx<'_>, pupil: UserId, at: Option<i64>) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("set_archived.sql"))?.execute(params![pupil, at])?;
    Ok(())
}

/// Takes a class out of use, or back into it.
pub fn set_class_archived(tx: &WriteTx<'_>, class: ClassId, at: Option<Timestamp>) -> Result<(), StoreError> {
    let at = at.map(Timestamp::as_millisecond);
    tx.conn().prepare_cached(include_str!("set_class_archived.sql"))?.execute(params![class, at])?;
    Ok(())
}

/// When an account was closed, in Unix milliseconds; absent while it is open or if it is gone.
pub fn archived_at(conn: &Connection, pupil: UserId) -> Result<Option<i64>, StoreError> {
    let found = conn.prepare_cached(include_str!("archived_at.sql"))?.query_row([pupil], |row| row.get(0));
    Ok(found.optional()?.flatten())
}

/// The name of an account, if there is one.
pub fn name(conn: &Connection, pupil: UserId) -> Result<Option<String>, StoreError> {
    Ok(conn.prepare_cached(include_str!("name.sql"))?.query_row([pupil], |row| row.get(0)).optional()?)
}

/// Deletes a pupil who has left no trace; false if something refers to them.
pub fn delete_pupil(tx: &WriteTx<'_>, pupil: UserId) -> Result<bool, StoreError> {
    deleted(tx.conn().prepare_cached(include_str!("delete_pupil.sql"))?.execute([pupil]))
}

/// Deletes a class in which nothing has happened, with the teacher who came with it; false if something refers to it.
pub fn delete_class(tx: &WriteTx<'_>, class: ClassId, teacher: Option<UserId>) -> Result<bool, StoreError> {
    if let Some(teacher) = teacher {
        tx.conn().prepare_cached(include_str!("forget_teacher.sql"))?.execute(params![class, teacher])?;
    }
    deleted(tx.conn().prepare_cached(include_str!("delete_class.sql"))?.execute([class]))
}

/// Whether a pupil without a PIN has got one, or anything else that an undo would take away.
pub fn pupil_is_in_use(conn: &Connection, pupil: UserId) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(include_str!("pupil_is_in_use.sql"))?.query_row([pupil], |row| row.get(0))?)
}

/// Whether a class has lessons, groups or teachers beyond `teacher`.
pub fn class_is_in_use(
    conn: &Connection,
    class: ClassId,
    teacher: Option<UserId>,
) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached(include_str!("class_is_in_use.sql"))?;
    Ok(query.query_row(params![class, teacher], |row| row.get(0))?)
}

/// The pupils of a class today with their numbers.
pub fn numbers(conn: &Connection, class: ClassId) -> Result<Vec<(u16, UserId)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("numbers.sql"))?;
    let rows = query.query_map([class], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who teaches a class today.
pub fn teachers(conn: &Connection, class: ClassId) -> Result<Vec<UserId>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("teachers_of_class.sql"))?;
    let rows = query.query_map([class], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lets a teacher teach a class from a day on; a time that began on that day goes on.
pub fn add_teacher(tx: &WriteTx<'_>, class: ClassId, teacher: UserId, from: Date) -> Result<(), StoreError> {
    let day = from.to_string();
    tx.conn().prepare_cached(include_str!("add_teacher.sql"))?.execute(params![class, teacher, day])?;
    Ok(())
}

/// Ends a teacher's time with a class; the day is the last.
pub fn remove_teacher(
    tx: &WriteTx<'_>,
    class: ClassId,
    teacher: UserId,
    day: Date,
) -> Result<(), StoreError> {
    let day = day.to_string();
    tx.conn().prepare_cached(include_str!("remove_teacher.sql"))?.execute(params![class, teacher, day])?;
    Ok(())
}

fn deleted(done: rusqlite::Result<usize>) -> Result<bool, StoreError> {
    match done {
        Ok(rows) => Ok(rows == 1),
        Err(err)
            if err
                .sqlite_error()
                .is_some_and(|inner| inner.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) =>
        {
            Ok(false)
        }
        Err(err) => Err(err.into()),
    }
}
