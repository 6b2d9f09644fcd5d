//! Where each pupil stands with each problem of each lesson: the cells of the class grid, a cache of the log.

use dreamseed_wire::{attempt::CellState, ids::*, live::LiveCell, problem::ProblemStanding};
use rusqlite::{Connection, Row, params};

use super::{StoreError, WriteTx};

/// A cell of the grid with the number of its latest change.
#[derive(Debug, Clone)]
pub struct Standing {
    pub pupil_id: UserId,
    pub lesson_id: Option<LessonId>,
    pub problem_version_id: ProblemVersionId,
    pub tries: u32,
    pub solved: bool,
    pub helped: bool,
    pub last_attempt: AttemptId,
    pub last_seq: i64,
}

impl Standing {
    /// The cell as every face shows it.
    pub fn cell(&self) -> LiveCell {
        let state = match (self.solved, self.helped) {
            (true, _) => CellState::Right,
            (false, true) => CellState::Helping,
            // Something was typed, or there would be no row.
            (false, false) => CellState::NotYet,
        };
        LiveCell {
            problem_version_id: self.problem_version_id,
            state,
            tries: self.tries,
            last_attempt: Some(self.last_attempt),
        }
    }

    /// The same for the pupil.
    pub fn for_pupil(&self) -> ProblemStanding {
        ProblemStanding {
            lesson_id: self.lesson_id,
            problem_version_id: self.problem_version_id,
            tries: self.tries,
            solved: self.solved,
        }
    }
}

/// Counts one answer and returns where the pupil stands now. What could not be understood is no try. An answer after
/// help clears the sign that help is awaited.
pub fn count(
    tx: &WriteTx<'_>,
    (pupil, lesson, version): (UserId, Option<LessonId>, ProblemVersionId),
    attempt: AttemptId,
    (is_try, right): (bool, bool),
    seq: i64,
) -> Result<Standing, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("count.sql"))?;
    Ok(query.query_row(params![pupil, key_of(lesson), version, right, attempt, seq, is_try], from_row)?)
}

/// Marks that help was asked for and returns the standing, if the pupil has tried the problem.
pub fn mark_helped(
    tx: &WriteTx<'_>,
    pupil: UserId,
    lesson: Option<LessonId>,
    version: ProblemVersionId,
    seq: i64,
) -> Result<Option<Standing>, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("mark_helped.sql"))?;
    let mut rows = query.query_map(params![pupil, key_of(lesson), version, seq], from_row)?;
    Ok(rows.next().transpose()?)
}

/// Where a pupil stands with everything they have tried.
pub fn of_pupil(conn: &Connection, pupil: UserId) -> Result<Vec<Standing>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil.sql"))?;
    Ok(query.query_map([pupil], from_row)?.collect::<Result<_, _>>()?)
}

/// A pupil and one version in any lesson: how often tried, and whether solved.
pub fn of_version(
    conn: &Connection,
    pupil: UserId,
    version: ProblemVersionId,
) -> Result<Vec<Standing>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_version.sql"))?;
    Ok(query.query_map(params![pupil, version], from_row)?.collect::<Result<_, _>>()?)
}

/// A pupil's cells of a lesson that changed after a number of the record (0 for all).
pub fn of_pupil_in_lesson(
    conn: &Connection,
    pupil: UserId,
    lesson: LessonId,
    since: i64,
) -> Result<Vec<Standing>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil_in_lesson.sql"))?;
    Ok(query.query_map(params![pupil, lesson, since], from_row)?.collect::<Result<_, _>>()?)
}

/// Throws the cache away and folds the log again.
pub fn rebuild(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().execute_batch(include_str!("rebuild.sql"))?;
    Ok(())
}

/// Outside lessons the key is the zero UUID, since a primary key of a WITHOUT ROWID table holds no NULL.
fn key_of(lesson: Option<LessonId>) -> LessonId {
    lesson.unwrap_or(LessonId(uuid::Uuid::nil()))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let lesson: LessonId = row.get(1)?;
    let helped_seq: Option<i64> = row.get(5)?;
    Ok(Standing {
        pupil_id: row.get(0)?,
        lesson_id: (!lesson.0.is_nil()).then_some(lesson),
        problem_version_id: row.get(2)?,
        tries: row.get(3)?,
        solved: row.get(4)?,
        helped: helped_seq.is_some(),
        last_attempt: row.get(6)?,
        last_seq: row.get(7)?,
    })
}
