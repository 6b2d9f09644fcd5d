//! How often each answer was given in a lesson, by what the grade says that counts: a cache of the log, for the difficult
//! problems of a report.

use dreamseed_wire::{
    answer::{Answer, Grade},
    ids::*,
};
use rusqlite::{Connection, params};

use super::{StoreError, WriteTx, from_json, key_of, list_of_ids, to_json};

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
    take_off(tx, lesson, version, &text, before)?;
    count(tx, lesson, version, answer, after)
}

/// Takes an answer off that is removed from the log.
pub fn take_off(
    tx: &WriteTx<'_>,
    lesson: Option<LessonId>,
    version: ProblemVersionId,
    answer: &str,
    grade: &Grade,
) -> Result<(), StoreError> {
    let gone = params![key_of(lesson), version, answer, outcome(grade)];
    tx.conn().prepare_cached(include_str!("take_off.sql"))?.execute(gone)?;
    tx.conn().prepare_cached(include_str!("forget_none.sql"))?.execute(gone)?;
    Ok(())
}

/// How the problems of some lessons went, each over all of them.
pub fn of_lessons(conn: &Connection, lessons: &[LessonId]) -> Result<Vec<ProblemTries>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_lessons.sql"))?;
    let lessons = list_of_ids(lessons.iter().map(|lesson| lesson.0));
    let rows = query.query_map([lessons], |row| {
        Ok(ProblemTries { problem_version_id: row.get(0)?, right: row.get(1)?, wrong: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The wrong answers to some problems over some lessons, and how often each was given; in no particular order.
pub fn wrong(
    conn: &Connection,
    lessons: &[LessonId],
    versions: &[ProblemVersionId],
) -> Result<Vec<(ProblemVersionId, Answer, u32)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("wrong.sql"))?;
    let lists = params![
        list_of_ids(lessons.iter().map(|lesson| lesson.0)),
        list_of_ids(versions.iter().map(|version| version.0))
    ];
    let rows =
        query.query_map(lists, |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, u32>(2)?)))?;
    rows.map(|row| {
        let (version, answer, count) = row?;
        Ok((version, from_json(&answer, "answer")?, count))
    })
    .collect()
}

/// Throws the cache away and counts the log again.
pub fn rebuild(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().execute_batch(include_str!("rebuild.sql"))?;
    Ok(())
}

fn outcome(grade: &Grade) -> &'static str {
    match grade {
        Grade::Right | Grade::RightButForm { .. } => "right",
        Grade::Wrong => "wrong",
        Grade::NotUnderstood { .. } => "not_understood",
    }
}
