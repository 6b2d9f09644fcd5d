//! How often each answer was given in a lesson, by what the grade says that counts: a cache of the log, for the difficult
//! problems of a report.

use dreamseed_wire::{
    answer::{Answer, Grade},
    ids::*,
};
use rusqlite::{Connection, params};

use super::{StoreError, WriteTx, from_json, to_json};

/// Answers to a problem in a lesson that could be read.
#[derive(Debug, Clone, Copy)]
pub struct ProblemTries {
    pub problem_version_id: ProblemVersionId,
    pub right: u32,
    pub wrong: u32,
}

/// Counts one answer.
pub fn count(
    tx: &WriteTx<'_>,
    lesson: Option<LessonId>,
    version: ProblemVersionId,
    answer: &Answer,
    grade: &Grade,
) -> Result<(), StoreError> {
    let answer = to_json(answer, "answer")?;
    let mut query = tx.conn().prepare_cached(include_str!("count.sql"))?;
    query.execute(params![key_of(lesson), version, answer, outcome(grade)])?;
    Ok(())
}

/// Counts an answer under another outcome, after its grade has been corrected.
pub fn recount(
    tx: &WriteTx<'_>,
    lesson: Option<LessonId>,
    version: ProblemVersionId,
    answer: &Answer,
    (before, after): (&Grade, &Grade),
) -> Result<(), StoreError> {
    if outcome(before) == outcome(after) {
        return Ok(());
    }
    let text = to_json(answer, "answer")?;
    let gone = params![key_of(lesson), version, text, outcome(before)];
    tx.conn().prepare_cached(include_str!("take_off.sql"))?.execute(gone)?;
    tx.conn().prepare_cached(include_str!("forget_none.sql"))?.execute(gone)?;
    count(tx, lesson, version, answer, after)
}

/// How the problems of a lesson went.
pub fn of_lesson(conn: &Connection, lesson: LessonId) -> Result<Vec<ProblemTries>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_lesson.sql"))?;
    let rows = query.query_map([lesson], |row| {
        Ok(ProblemTries { problem_version_id: row.get(0)?, right: row.get(1)?, wrong: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The wrong answers to a problem of a lesson, in no particular order.
pub fn wrong(
    conn: &Connection,
    lesson: LessonId,
    version: ProblemVersionId,
) -> Result<Vec<(Answer, u32)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("wrong.sql"))?;
    let rows = query
        .query_map(params![lesson, version], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)))?;
    rows.map(|row| {
        let (answer, count) = row?;
        Ok((from_json(&answer, "answer")?, count))
    })
    .collect()
}

/// Throws the cache away and counts the log again.
pub fn rebuild(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().execute_batch(include_str!("rebuild.sql"))?;
    Ok(())
}

/// Outside lessons the key is the zero UUID, since a primary key of a WITHOUT ROWID table holds no NULL.
fn key_of(lesson: Option<LessonId>) -> LessonId {
    lesson.unwrap_or(LessonId(uuid::Uuid::nil()))
}

fn outcome(grade: &Grade) -> &'static str {
    match grade {
        Grade::Right | Grade::RightButForm { .. } => "right",
        Grade::Wrong => "wrong",
        Grade::NotUnderstood { .. } => "not_understood",
    }
}
