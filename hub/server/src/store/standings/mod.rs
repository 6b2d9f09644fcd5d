//! Where each pupil stands with each problem of each lesson: the cells of the class grid, a cache of the log.

use dreamseed_wire::{attempt::CellState, ids::*, live::LiveCell, problem::ProblemStanding};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, key_of, to_time};

/// A cell of the grid with the number of its latest change.
#[derive(Debug, Clone)]
pub struct Standing {
    pub pupil_id: UserId,
    pub lesson_id: Option<LessonId>,
    pub problem_version_id: ProblemVersionId,
    pub tries: u32,
    /// In an exam: by the latest answer before its grades were seen, if there is one; else: once solved, always solved.
    pub solved: bool,
    /// The answer that was given last; in an exam the one that counts.
    pub last_attempt: AttemptId,
    pub last_seq: i64,
    /// When the first and the latest answer were given.
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// When the first right answer was given.
    pub solved_at: Option<Timestamp>,
    /// Wrong tries since the last right one, as they arrived.
    pub wrong_in_row: u32,
    /// Index into the version's common wrong answers, of the latest try to arrive.
    pub misconception: Option<usize>,
    pub misconception_in_row: u32,
    /// How often help was asked for.
    pub helps: u32,
    /// When help was asked for that no answer has followed yet.
    pub helped_at: Option<Timestamp>,
}

/// One answer on its way into a cell.
#[derive(Debug, Clone, Copy)]
pub struct CountedAnswer {
    pub attempt: AttemptId,
    pub seq: i64,
    /// What could not be understood is no try.
    pub is_try: bool,
    pub is_right: bool,
    pub misconception: Option<usize>,
    pub given_at: Timestamp,
    /// In an exam the answer that was given last counts, whenever it arrives.
    pub is_exam: bool,
    /// In an exam that was opened again: the pupil had answered this problem before seeing the grades, and that counts.
    pub is_second_try: bool,
}

impl Standing {
    /// The cell as every face shows it.
    pub fn cell(&self) -> LiveCell {
        let state = match (self.solved, self.helped_at) {
            (true, _) => CellState::Right,
            (false, Some(_)) => CellState::Helping,
            // Something was typed, or there would be no row.
            (false, None) => CellState::NotYet,
        };
        LiveCell {
            problem_version_id: self.problem_version_id,
            state,
            tries: self.tries,
            last_attempt: Some(self.last_attempt),
            last_at: Some(self.last_at),
        }
    }

    /// The same for the pupil; `withheld` while an exam keeps its grades.
    pub fn for_pupil(&self, withheld: bool) -> ProblemStanding {
        ProblemStanding {
            lesson_id: self.lesson_id,
            problem_version_id: self.problem_version_id,
            tries: self.tries,
            solved: (!withheld).then_some(self.solved),
        }
    }
}

/// Counts one answer and returns where the pupil stands now. An answer after help clears the sign that help is awaited.
pub fn count(
    tx: &WriteTx<'_>,
    (pupil, lesson, version): (UserId, Option<LessonId>, ProblemVersionId),
    answer: &CountedAnswer,
) -> Result<Standing, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("count.sql"))?;
    let row = params![
        pupil,
        key_of(lesson),
        version,
        answer.is_try,
        answer.is_right,
        answer.attempt,
        answer.seq,
        answer.given_at.as_millisecond(),
        answer.misconception.map(|index| index as i64),
        answer.is_exam,
        answer.is_second_try,
    ];
    Ok(query.query_row(row, from_row)?)
}

/// Marks that help was asked for and returns the standing, if the pupil has tried the problem.
pub fn mark_helped(
    tx: &WriteTx<'_>,
    (pupil, lesson, version): (UserId, Option<LessonId>, ProblemVersionId),
    seq: i64,
    at: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("mark_helped.sql"))?;
    let row = params![pupil, key_of(lesson), version, seq, at.as_millisecond()];
    let mut rows = query.query_map(row, from_row)?;
    Ok(rows.next().transpose()?)
}

/// Where a pupil stands with everything they have tried.
pub fn of_pupil(conn: &Connection, pupil: UserId) -> Result<Vec<Standing>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil.sql"))?;
    Ok(query.query_map([pupil], from_row)?.collect::<Result<_, _>>()?)
}

/// Where a pupil stands with a problem of a lesson, if they have tried it.
pub fn get(
    conn: &Connection,
    (pupil, lesson, version): (UserId, Option<LessonId>, ProblemVersionId),
) -> Result<Option<Standing>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("get.sql"))?;
    Ok(query.query_row(params![pupil, key_of(lesson), version], from_row).optional()?)
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

/// A pupil's cells of a lesson.
pub fn of_pupil_in_lesson(
    conn: &Connection,
    pupil: UserId,
    lesson: LessonId,
) -> Result<Vec<Standing>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil_in_lesson.sql"))?;
    Ok(query.query_map(params![pupil, lesson], from_row)?.collect::<Result<_, _>>()?)
}

/// A pupil's cells that changed after a number of the record.
pub fn of_pupil_since(conn: &Connection, pupil: UserId, since: i64) -> Result<Vec<Standing>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil_since.sql"))?;
    Ok(query.query_map(params![pupil, since], from_row)?.collect::<Result<_, _>>()?)
}

/// Throws the cache away and folds the log again.
pub fn rebuild(conn: &Connection) -> Result<(), StoreError> {
    let (first, last) = (uuid::Uuid::nil(), uuid::Uuid::max());
    fold(conn, (UserId(first), UserId(last)), (ProblemVersionId(first), ProblemVersionId(last)))
}

/// Folds the log again for one pupil and one version, after a grade was changed, and returns where the pupil stands with
/// it in each lesson.
pub fn refold(
    tx: &WriteTx<'_>,
    pupil: UserId,
    version: ProblemVersionId,
) -> Result<Vec<Standing>, StoreError> {
    fold(tx.conn(), (pupil, pupil), (version, version))?;
    of_version(tx.conn(), pupil, version)
}

/// The same for everybody who has tried a version.
pub fn refold_version(tx: &WriteTx<'_>, version: ProblemVersionId) -> Result<(), StoreError> {
    fold(tx.conn(), (UserId(uuid::Uuid::nil()), UserId(uuid::Uuid::max())), (version, version))
}

/// Folds the log for a range of pupils and versions, ends included.
fn fold(
    conn: &Connection,
    pupils: (UserId, UserId),
    versions: (ProblemVersionId, ProblemVersionId),
) -> Result<(), StoreError> {
    let range = params![pupils.0, pupils.1, versions.0, versions.1];
    conn.prepare_cached(include_str!("forget.sql"))?.execute(range)?;
    conn.prepare_cached(include_str!("fold.sql"))?.execute(range)?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let lesson: LessonId = row.get(1)?;
    let misconception: Option<u32> = row.get(12)?;
    let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(to_time));
    Ok(Standing {
        pupil_id: row.get(0)?,
        lesson_id: (!lesson.0.is_nil()).then_some(lesson),
        problem_version_id: row.get(2)?,
        tries: row.get(3)?,
        solved: row.get(4)?,
        last_attempt: row.get(6)?,
        last_seq: row.get(7)?,
        first_at: to_time(row.get(8)?),
        last_at: to_time(row.get(9)?),
        solved_at: time(10)?,
        wrong_in_row: row.get(11)?,
        misconception: misconception.map(|index| index as usize),
        misconception_in_row: row.get(13)?,
        helps: row.get(14)?,
        helped_at: time(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_is_folded_without_reading_the_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hub.db");
        let mut conn = Connection::open(&path).expect("a database");
        super::super::migrations::run(&mut conn).expect("the schema");
        for (query, index) in [
            (include_str!("forget.sql"), "standings_version (problem_version_id>"),
            (include_str!("fold.sql"), "attempts_version (problem_version_id>"),
        ] {
            let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {query}")).expect("a query");
            let nobody = [UserId(uuid::Uuid::nil()); 4];
            let steps: Vec<String> = plan
                .query_map(rusqlite::params_from_iter(nobody), |row| row.get(3))
                .expect("a plan")
                .collect::<Result<_, _>>()
                .expect("its steps");
            assert!(steps.iter().any(|step| step.contains(index)), "{steps:#?}");
            let whole = ["SCAN attempts", "SCAN standings", "SCAN grades", "SCAN feedback"];
            assert!(!steps.iter().any(|step| whole.iter().any(|scan| step.starts_with(scan))), "{steps:#?}");
        }
    }
}
