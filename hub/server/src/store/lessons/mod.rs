//! Classes and the lessons held in them.

use dreamseed_wire::{
    class::{AddClass, ClassSettings, HintCeiling, LessonMode},
    ids::*,
};
use jiff::{Timestamp, civil::Date};
use rusqlite::params;

use super::{StoreError, WriteTx, to_word};

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

/// Gives problems to a class.
pub fn open(
    tx: &WriteTx<'_>,
    class: ClassId,
    (title, ceiling): (&str, HintCeiling),
    problems: &[ProblemVersionId],
    by: Option<UserId>,
    now: Timestamp,
) -> Result<LessonId, StoreError> {
    let id = LessonId::new();
    tx.conn().prepare_cached(include_str!("open.sql"))?.execute(params![
        id,
        class,
        title,
        to_word(&LessonMode::Practice),
        to_word(&ceiling),
        by,
        now.as_millisecond()
    ])?;
    let mut add = tx.conn().prepare_cached(include_str!("add_problem.sql"))?;
    for (position, version) in problems.iter().enumerate() {
        add.execute(params![id, position as i64, version])?;
    }
    Ok(id)
}

/// Ends a lesson: its problems leave the pupils' lists, answers still on their way are taken.
pub fn close(tx: &WriteTx<'_>, lesson: LessonId, now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("close.sql"))?.execute(params![lesson, now.as_millisecond()])?;
    Ok(())
}
