//! Grades: append-only revisions of an answer's grade; the highest counts.

use dreamseed_grading::mastery::Evidence;
use dreamseed_wire::{
    answer::{Answer, Grade},
    attempt::GradeSource,
    ids::*,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, from_json, from_word, school::faults::is_of_value, to_json, to_word};

/// A grade about to be written.
pub struct NewGrade<'a> {
    pub attempt_seq: i64,
    pub revision: i64,
    pub source: GradeSource,
    pub grade: &'a Grade,
    /// Index into the version's common wrong answers.
    pub misconception: Option<usize>,
    pub key_version_id: ProblemVersionId,
    pub by_user: Option<UserId>,
    pub reason: Option<&'a str>,
    pub now: Timestamp,
}

/// The grade that counts.
#[derive(Debug, Clone)]
pub struct StoredGrade {
    /// Its own place in the record.
    pub hub_seq: i64,
    pub revision: i64,
    pub grade: Grade,
    pub source: GradeSource,
    pub misconception: Option<usize>,
    /// Whose key has graded it.
    pub key_version_id: ProblemVersionId,
    pub reason: Option<String>,
}

/// An answer of the log with the grade that counts, as corrections need it.
#[derive(Debug, Clone)]
pub struct GradedRow {
    pub attempt_seq: i64,
    pub attempt_id: AttemptId,
    pub pupil_id: UserId,
    pub problem_version_id: ProblemVersionId,
    pub lesson_id: Option<LessonId>,
    pub skill: String,
    pub day: String,
    pub answer: Answer,
    pub grade: StoredGrade,
}

/// Adds a revision.
pub fn add(tx: &WriteTx<'_>, new: &NewGrade<'_>) -> Result<i64, StoreError> {
    let hub_seq = tx.take_seq();
    let is_evidence = !matches!(new.grade, Grade::NotUnderstood { .. });
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        hub_seq,
        new.attempt_seq,
        new.revision,
        to_word(&new.source),
        to_json(new.grade, "grade")?,
        new.grade.is_right(),
        is_evidence,
        new.misconception.map(|index| index as i64),
        new.key_version_id,
        new.by_user,
        new.reason,
        new.now.as_millisecond(),
    ])?;
    Ok(hub_seq)
}

/// The grade of an answer that counts now.
pub fn latest(conn: &Connection, attempt_seq: i64) -> Result<Option<StoredGrade>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("latest.sql"))?;
    query.query_row([attempt_seq], |row| Ok(grade_from(row, 0))).optional()?.transpose()
}

/// One answer with its grade.
pub fn of_attempt(conn: &Connection, id: AttemptId) -> Result<Option<GradedRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_attempt.sql"))?;
    query.query_row([id], |row| Ok(graded_from(row))).optional()?.transpose()
}

/// Every answer to a version after a number of the record (0 for all) with its grade, in the order of record. One that a disk
/// has damaged cannot be graded again: it is left out, and keeps the grade that it has.
pub fn of_version(
    conn: &Connection,
    version: ProblemVersionId,
    since: i64,
) -> Result<Vec<GradedRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_version.sql"))?;
    let mut rows = query.query(params![version, since])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match graded_from(row) {
            Ok(graded) => found.push(graded),
            Err(err) if is_of_value(&err) => {
                tracing::error!("an answer of the record cannot be read; it is not graded again");
            }
            Err(err) => return Err(err),
        }
    }
    Ok(found)
}

/// What the fold of mastery needs: a pupil's graded answers, by skill, in no particular order.
pub fn evidence(conn: &Connection, pupil: UserId) -> Result<Vec<(String, Evidence)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("evidence.sql"))?;
    let rows = query.query_map([pupil], |row| {
        Ok((
            row.get::<_, String>(0)?,
            Evidence { day: row.get(1)?, hub_seq: row.get(2)?, problem: row.get(3)?, right: row.get(4)? },
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The same for one skill, in the order of record.
pub fn evidence_of_skill(conn: &Connection, pupil: UserId, skill: &str) -> Result<Vec<Evidence>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("evidence_of_skill.sql"))?;
    let rows = query.query_map(params![pupil, skill], |row| {
        Ok(Evidence { day: row.get(0)?, hub_seq: row.get(1)?, problem: row.get(2)?, right: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a pupil has given an answer that could be read to a problem on a day, before a place of the record.
pub fn is_answered_before(
    conn: &Connection,
    (pupil, skill, day): (UserId, &str, &str),
    problem: ProblemId,
    seq: i64,
) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached(include_str!("is_answered_before.sql"))?;
    Ok(query.exists(params![pupil, skill, day, problem, seq])?)
}

/// Everybody who has answered anything.
pub fn pupils(conn: &Connection) -> Result<Vec<UserId>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("pupils.sql"))?;
    Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn graded_from(row: &Row<'_>) -> Result<GradedRow, StoreError> {
    let answer: String = row.get(7)?;
    Ok(GradedRow {
        attempt_seq: row.get(0)?,
        attempt_id: row.get(1)?,
        pupil_id: row.get(2)?,
        problem_version_id: row.get(3)?,
        lesson_id: row.get(4)?,
        skill: row.get(5)?,
        day: row.get(6)?,
        answer: from_json(&answer, "answer")?,
        grade: grade_from(row, 8)?,
    })
}

/// A grade whose columns begin at `at`.
fn grade_from(row: &Row<'_>, at: usize) -> Result<StoredGrade, StoreError> {
    let grade: String = row.get(at + 2)?;
    let misconception: Option<i64> = row.get(at + 4)?;
    Ok(StoredGrade {
        hub_seq: row.get(at)?,
        revision: row.get(at + 1)?,
        grade: from_json(&grade, "grade")?,
        source: from_word(row.get(at + 3)?, "grade source")?,
        misconception: misconception.and_then(|index| usize::try_from(index).ok()),
        key_version_id: row.get(at + 5)?,
        reason: row.get(at + 6)?,
    })
}
