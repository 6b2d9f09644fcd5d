//! What reports read beside the caches: who tried what, and a pupil's answers for a file.

use dreamseed_wire::{
    answer::{Answer, Grade},
    attempt::GradeSource,
    ids::*,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{StoreError, from_json, from_word, list_of_ids, to_time};

/// An answer with the grade that counts, as a line of a file.
#[derive(Debug, Clone)]
pub struct AnswerLine {
    pub hub_seq: i64,
    pub problem_version_id: ProblemVersionId,
    pub lesson_id: Option<LessonId>,
    pub skill: String,
    pub day: String,
    pub answer: Answer,
    pub occurred_at: Timestamp,
    pub grade: Grade,
    pub source: GradeSource,
    pub misconception: Option<usize>,
    /// Seconds by which it reached the hub after the lesson's time was up.
    pub late_by_secs: Option<u32>,
}

/// Pupils at a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PupilCounts {
    pub tried: u32,
    pub solved: u32,
}

/// Pupils of a lesson with the problems that they have tried three times or more and not solved.
pub fn stuck(conn: &Connection, lesson: LessonId) -> Result<Vec<(UserId, ProblemVersionId)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("stuck.sql"))?;
    Ok(query.query_map([lesson], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// How many pupils have tried a problem in any of some lessons of a class, and how many have solved it there; pupils who
/// have left the class count too.
pub fn tried(
    conn: &Connection,
    class: ClassId,
    lessons: impl Iterator<Item = LessonId>,
    version: ProblemVersionId,
) -> Result<PupilCounts, StoreError> {
    let lessons = list_of_ids(lessons.map(|lesson| lesson.0));
    let mut query = conn.prepare_cached(include_str!("tried.sql"))?;
    let count = query.query_row(params![class, lessons, version], |row| {
        Ok(PupilCounts { tried: row.get(0)?, solved: row.get(1)? })
    });
    Ok(count?)
}

/// Up to `limit` of a pupil's answers from one day to another, both included, in the order of record and after a place of
/// it.
pub fn answers(
    conn: &Connection,
    pupil: UserId,
    (from, to): (&str, &str),
    after: i64,
    limit: u32,
) -> Result<Vec<AnswerLine>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("answers.sql"))?;
    let mut rows = query.query(params![pupil, from, to, after, limit])?;
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
            hub_seq: row.get(9)?,
            late_by_secs: row.get(10)?,
        });
    }
    Ok(lines)
}
