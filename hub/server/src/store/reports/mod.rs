//! What reports read beside the caches: who tried what, and a pupil's answers for a file.

use dreamseed_wire::{
    answer::{Answer, Grade},
    attempt::GradeSource,
    ids::*,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{StoreError, from_json, from_word, to_time};

/// An answer with the grade that counts, as a line of a file.
#[derive(Debug, Clone)]
pub struct AnswerLine {
    pub problem_version_id: ProblemVersionId,
    pub lesson_id: Option<LessonId>,
    pub skill: String,
    pub day: String,
    pub answer: Answer,
    pub occurred_at: Timestamp,
    pub grade: Grade,
    pub source: GradeSource,
    pub misconception: Option<usize>,
}

/// Pupils of a lesson with the problems that they have tried three times or more and not solved.
pub fn stuck(conn: &Connection, lesson: LessonId) -> Result<Vec<(UserId, ProblemVersionId)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("stuck.sql"))?;
    Ok(query.query_map([lesson], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Who has tried a problem in a lesson, and whether they solved it.
pub fn tried(
    conn: &Connection,
    lesson: LessonId,
    version: ProblemVersionId,
) -> Result<Vec<(UserId, bool)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("tried.sql"))?;
    let rows = query.query_map(params![lesson, version], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A pupil's answers from one day to another, both included, in the order of record.
pub fn answers(
    conn: &Connection,
    pupil: UserId,
    from: &str,
    to: &str,
) -> Result<Vec<AnswerLine>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("answers.sql"))?;
    let mut rows = query.query(params![pupil, from, to])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let (answer, grade): (String, String) = (row.get(4)?, row.get(6)?);
        let misconception: Option<i64> = row.get(8)?;
        lines.push(AnswerLine {
            problem_version_id: row.get(0)?,
            lesson_id: row.get(1)?,
            skill: row.get(2)?,
            day: row.get(3)?,
            answer: from_json(&answer, "answer")?,
            occurred_at: to_time(row.get(5)?),
            grade: from_json(&grade, "grade")?,
            source: from_word(row.get(7)?, "grade source")?,
            misconception: misconception.and_then(|index| usize::try_from(index).ok()),
        });
    }
    Ok(lines)
}
