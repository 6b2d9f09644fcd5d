//! Classes and the lessons held in them.

use dreamseed_wire::{
    class::{AddClass, ClassSettings},
    ids::*,
    lesson::{HintCeiling, LessonMode},
};
use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, from_word, to_time, to_word};
use crate::lessons::timing::Timing;

/// Makes a class with its sign-in code.
///
/// # Errors
/// [`StoreError::Taken`] if the code is in use; make another one.
pub fn add_class(
    tx: &WriteTx<'_>,
    new: &AddClass,
    code: &str,
    now: Timestamp,
) -> Result<ClassId, StoreError> {
    let id = ClassId::new();
    tx.conn().prepare_cached(include_str!("add_class.sql"))?.execute(params![
        id,
        new.name,
        new.grade,
        new.school_year,
        new.language.code(),
        code,
        now.as_millisecond()
    ])?;
    Ok(id)
}

/// Lets a teacher teach a class from a day on.
pub fn add_teacher(tx: &WriteTx<'_>, class: ClassId, teacher: UserId, from: Date) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add_teacher.sql"))?.execute(params![
        class,
        teacher,
        from.to_string()
    ])?;
    Ok(())
}

/// Puts a pupil into a class from a day on.
///
/// # Errors
/// [`StoreError::Taken`] if the number is taken in the class.
pub fn enrol(
    tx: &WriteTx<'_>,
    class: ClassId,
    pupil: UserId,
    number: u16,
    school_year: u16,
    from: Date,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("enrol.sql"))?.execute(params![
        pupil,
        class,
        school_year,
        number,
        from.to_string()
    ])?;
    Ok(())
}

/// Links a parent with a child.
pub fn add_guardian(
    tx: &WriteTx<'_>,
    parent: UserId,
    pupil: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add_guardian.sql"))?.execute(params![
        parent,
        pupil,
        now.as_millisecond()
    ])?;
    Ok(())
}

/// Changes what the teacher has decided for a class.
pub fn set_class_settings(
    tx: &WriteTx<'_>,
    class: ClassId,
    settings: ClassSettings,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("set_class_settings.sql"))?.execute(params![
        class,
        settings.auto_feedback,
        settings.solution_after_tries
    ])?;
    Ok(())
}

/// Takes a class out of use; what was done in it stays.
pub fn archive_class(tx: &WriteTx<'_>, class: ClassId, now: Timestamp) -> Result<(), StoreError> {
    tx.conn()
        .prepare_cached(include_str!("archive_class.sql"))?
        .execute(params![class, now.as_millisecond()])?;
    Ok(())
}

/// A lesson about to be held.
pub struct NewLesson<'a> {
    pub class_id: ClassId,
    pub title: &'a str,
    pub mode: LessonMode,
    pub hint_ceiling: HintCeiling,
    pub problems: &'a [ProblemVersionId],
    /// For whom; the whole class if empty.
    pub pupils: &'a [UserId],
    pub ends_at: Option<Timestamp>,
    pub by: Option<UserId>,
    pub now: Timestamp,
}

/// Gives problems to a class, to practise without a limit.
pub fn open(
    tx: &WriteTx<'_>,
    class_id: ClassId,
    (title, hint_ceiling): (&str, HintCeiling),
    problems: &[ProblemVersionId],
    by: Option<UserId>,
    now: Timestamp,
) -> Result<LessonId, StoreError> {
    let mode = LessonMode::Practice;
    hold(
        tx,
        &NewLesson { class_id, title, mode, hint_ceiling, problems, pupils: &[], ends_at: None, by, now },
    )
}

/// Gives problems to a class or some of it.
pub fn hold(tx: &WriteTx<'_>, new: &NewLesson<'_>) -> Result<LessonId, StoreError> {
    let id = LessonId::new();
    tx.conn().prepare_cached(include_str!("hold.sql"))?.execute(params![
        id,
        new.class_id,
        new.title,
        to_word(&new.mode),
        to_word(&new.hint_ceiling),
        new.by,
        new.now.as_millisecond(),
        new.ends_at.map(Timestamp::as_millisecond),
    ])?;
    let mut add = tx.conn().prepare_cached(include_str!("add_problem.sql"))?;
    for (position, version) in new.problems.iter().enumerate() {
        add.execute(params![id, position as i64, version])?;
    }
    let mut add = tx.conn().prepare_cached(include_str!("add_pupil.sql"))?;
    for pupil in new.pupils {
        add.execute(params![id, pupil])?;
    }
    Ok(id)
}

/// Whether lessons can be held in a class: it is known and not archived.
pub fn is_in_use(conn: &Connection, class: ClassId) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached(include_str!("is_in_use.sql"))?;
    Ok(query.query_row([class], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// The lessons of a class that nobody has closed; the time of some may be up.
pub fn open_in(conn: &Connection, class: ClassId) -> Result<Vec<(LessonId, LessonMode, Timing)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("open_in.sql"))?;
    let mut rows = query.query([class])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push((row.get(0)?, from_word(row.get(1)?, "lesson mode")?, read_timing(row, 2)?));
    }
    Ok(open)
}

/// How a lesson stands in time.
pub fn timing(conn: &Connection, lesson: LessonId) -> Result<Option<Timing>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("timing.sql"))?;
    query.query_row([lesson], |row| Ok(read_timing(row, 0))).optional()?.transpose()
}

/// Keeps how a lesson stands in time.
pub fn set_timing(tx: &WriteTx<'_>, lesson: LessonId, timing: &Timing) -> Result<(), StoreError> {
    let millis = |time: Option<Timestamp>| time.map(Timestamp::as_millisecond);
    tx.conn().prepare_cached(include_str!("set_timing.sql"))?.execute(params![
        lesson,
        to_word(&timing.state),
        millis(timing.ends_at),
        millis(timing.paused_at),
        millis(timing.resumed_at),
        millis(timing.closed_at),
    ])?;
    Ok(())
}

/// Ends a lesson: its problems leave the pupils' lists.
pub fn close(tx: &WriteTx<'_>, lesson: LessonId, now: Timestamp) -> Result<(), StoreError> {
    match timing(tx.conn(), lesson)? {
        Some(timing) => set_timing(tx, lesson, &timing.close(now)),
        None => Ok(()),
    }
}

/// Reads state, opened_at, ends_at, paused_at, resumed_at and closed_at, from this column on.
pub(super) fn read_timing(row: &Row<'_>, first: usize) -> Result<Timing, StoreError> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(to_time));
    Ok(Timing {
        state: from_word(row.get(first)?, "lesson state")?,
        opened_at: to_time(row.get(first + 1)?),
        ends_at: time(first + 2)?,
        paused_at: time(first + 3)?,
        resumed_at: time(first + 4)?,
        closed_at: time(first + 5)?,
    })
}
