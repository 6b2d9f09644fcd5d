//! Grades: append-only revisions of an answer's grade; the highest counts.

use dreamseed_grading::mastery::Evidence;
use dreamseed_wire::{answer::Grade, attempt::GradeSource, ids::*};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx, from_json, from_word, to_json, to_word};

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
    pub grade: Grade,
    pub source: GradeSource,
    pub misconception: Option<usize>,
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
    let row: Option<(String, String, Option<i64>)> =
        query.query_row([attempt_seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    row.map(|(grade, source, misconception)| {
        Ok(StoredGrade {
            grade: from_json(&grade, "grade")?,
            source: from_word(source, "grade source")?,
            misconception: misconception.and_then(|index| usize::try_from(index).ok()),
        })
    })
    .transpose()
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
