//! What each pupil's answers say of each skill: the fold of `grading::mastery`, kept so that an answer in order is one
//! step. An answer of an earlier day or a corrected grade makes the row dirty, and whoever reads it folds the log again.

use dreamseed_grading::mastery::{self, Evidence, Running, SkillState};
use dreamseed_wire::ids::*;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, grades};

/// A pupil and a skill.
#[derive(Debug, Clone, PartialEq)]
pub struct Mastery {
    pub skill: String,
    pub state: SkillState,
    /// The latest day with an answer that could be read, `YYYY-MM-DD`.
    pub last_day: String,
}

/// Goes on with one answer that could be read; whether it was the first to its problem on its day.
pub fn count(
    tx: &WriteTx<'_>,
    pupil: UserId,
    skill: &str,
    day: &str,
    problem: ProblemId,
    (right, seq): (bool, i64),
) -> Result<bool, StoreError> {
    let row = tx
        .conn()
        .prepare_cached(include_str!("get.sql"))?
        .query_row(params![pupil, skill], |row| Ok(from_row(row)))
        .optional()?
        .transpose()?;
    let mut running = match row {
        None => Running::default(),
        Some(row) if row.dirty => return is_first_of_day(tx, pupil, skill, day, problem, seq),
        Some(row) => row.running,
    };
    match running.take(&day.to_owned(), problem, right) {
        Some(is_first) => {
            put(tx, pupil, skill, &running)?;
            Ok(is_first)
        }
        None => {
            mark_dirty(tx, pupil, skill, day)?;
            is_first_of_day(tx, pupil, skill, day, problem, seq)
        }
    }
}

/// The fold of a skill no longer fits the log.
pub fn mark_dirty(tx: &WriteTx<'_>, pupil: UserId, skill: &str, day: &str) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("mark_dirty.sql"))?.execute(params![pupil, skill, day])?;
    Ok(())
}

/// A pupil's skills, by id; dirty ones are folded from the log.
pub fn of_pupil(conn: &Connection, pupil: UserId) -> Result<Vec<Mastery>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil.sql"))?;
    let rows = query.query_map([pupil], |row| Ok(from_row(row)))?;
    let mut masteries = Vec::new();
    for row in rows {
        let row = row??;
        let running = if row.dirty {
            mastery::run(grades::evidence_of_skill(conn, pupil, &row.skill)?)
        } else {
            row.running
        };
        // Nothing is left of a skill whose only answers turned out to be unreadable.
        if let Some(last_day) = running.day {
            masteries.push(Mastery { skill: row.skill, state: running.state, last_day });
        }
    }
    Ok(masteries)
}

/// Whether rows of these pupils wait to be folded again.
pub fn any_dirty(conn: &Connection, pupils: &[UserId]) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached(include_str!("dirty_of_pupil.sql"))?;
    for pupil in pupils {
        if query.exists([pupil])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Folds again what is dirty, so that the next reader need not.
pub fn clean(tx: &WriteTx<'_>, pupils: &[UserId]) -> Result<(), StoreError> {
    for pupil in pupils {
        let skills: Vec<String> = {
            let mut query = tx.conn().prepare_cached(include_str!("dirty_of_pupil.sql"))?;
            query.query_map([pupil], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for skill in skills {
            let running = mastery::run(grades::evidence_of_skill(tx.conn(), *pupil, &skill)?);
            put(tx, *pupil, &skill, &running)?;
        }
    }
    Ok(())
}

/// Throws the cache away and folds the log again.
pub fn rebuild(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("forget_all.sql"))?.execute([])?;
    for pupil in grades::pupils(tx.conn())? {
        let mut by_skill = std::collections::BTreeMap::<String, Vec<Evidence>>::new();
        for (skill, evidence) in grades::evidence(tx.conn(), pupil)? {
            by_skill.entry(skill).or_default().push(evidence);
        }
        for (skill, evidence) in by_skill {
            put(tx, pupil, &skill, &mastery::run(evidence))?;
        }
    }
    Ok(())
}

/// From the log: rows of the pupil's skill on that day only.
fn is_first_of_day(
    tx: &WriteTx<'_>,
    pupil: UserId,
    skill: &str,
    day: &str,
    problem: ProblemId,
    seq: i64,
) -> Result<bool, StoreError> {
    Ok(!grades::is_answered_before(tx.conn(), (pupil, skill, day), problem, seq)?)
}

fn put(tx: &WriteTx<'_>, pupil: UserId, skill: &str, running: &Running) -> Result<(), StoreError> {
    let Some(day) = &running.day else {
        tx.conn().prepare_cached(include_str!("forget.sql"))?.execute(params![pupil, skill])?;
        return Ok(());
    };
    let state = &running.state;
    let seen: Vec<u8> = running.seen.iter().flat_map(|problem| problem.0.into_bytes()).collect();
    tx.conn().prepare_cached(include_str!("put.sql"))?.execute(params![
        pupil,
        skill,
        state.mastery,
        state.attempts,
        state.right,
        state.evidence,
        day,
        seen
    ])?;
    Ok(())
}

struct KeptFold {
    skill: String,
    running: Running,
    dirty: bool,
}

fn from_row(row: &Row<'_>) -> Result<KeptFold, StoreError> {
    let seen: Vec<u8> = row.get(6)?;
    let seen = seen
        .chunks(16)
        .map(|bytes| uuid::Uuid::from_slice(bytes).map(ProblemId))
        .collect::<Result<_, _>>()
        .map_err(|_| StoreError::BadValue { what: "problems of a day" })?;
    let state =
        SkillState { mastery: row.get(1)?, attempts: row.get(2)?, right: row.get(3)?, evidence: row.get(4)? };
    Ok(KeptFold {
        skill: row.get(0)?,
        running: Running { state, day: Some(row.get(5)?), seen },
        dirty: row.get(7)?,
    })
}
