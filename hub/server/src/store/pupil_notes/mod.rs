//! What a pupil is told by people: notes, opened steps and solutions, corrected grades.

use dreamseed_wire::{ids::*, lesson::NoteKind};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, from_word, to_time, to_word};

/// A note as it is kept.
#[derive(Debug, Clone)]
pub struct StoredNote {
    pub id: NoteId,
    pub kind: NoteKind,
    pub lesson_id: Option<LessonId>,
    pub problem_version_id: Option<ProblemVersionId>,
    pub text: String,
    /// None if the hub itself speaks.
    pub by_user: Option<UserId>,
    pub created_at: Timestamp,
    pub seen: bool,
}

/// Keeps a note for a pupil.
pub fn add(tx: &WriteTx<'_>, pupil: UserId, note: &StoredNote) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        note.id,
        pupil,
        to_word(&note.kind),
        note.lesson_id,
        note.problem_version_id,
        note.text,
        note.by_user,
        note.created_at.as_millisecond()
    ])?;
    Ok(())
}

/// A pupil's notes, newest first.
pub fn of_pupil(conn: &Connection, pupil: UserId, limit: u32) -> Result<Vec<StoredNote>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil.sql"))?;
    let rows = query.query_map(params![pupil, limit], |row| Ok(from_row(row)))?;
    rows.map(|row| row?).collect()
}

/// What a note is about: the problem, and the lesson.
pub type About = (Option<ProblemVersionId>, Option<LessonId>);

/// The problem and the lesson that a note is about.
pub fn place(conn: &Connection, note: NoteId) -> Result<Option<About>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("place.sql"))?;
    Ok(query.query_row([note], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Marks a pupil's own note as seen; false if there is no such note.
pub fn see(tx: &WriteTx<'_>, note: NoteId, pupil: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let row = params![note, pupil, now.as_millisecond()];
    Ok(tx.conn().prepare_cached(include_str!("see.sql"))?.execute(row)? > 0)
}

fn from_row(row: &Row<'_>) -> Result<StoredNote, StoreError> {
    Ok(StoredNote {
        id: row.get(0)?,
        kind: from_word(row.get(1)?, "note kind")?,
        lesson_id: row.get(2)?,
        problem_version_id: row.get(3)?,
        text: row.get(4)?,
        by_user: row.get(5)?,
        created_at: to_time(row.get(6)?),
        seen: row.get(7)?,
    })
}
