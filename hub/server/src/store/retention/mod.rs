//! What is kept how long, and the removal of what is past its time, a few rows at once.
//!
//! Answers go with their grades and their help, and the caches are folded again from what stays: a rebuild gives the same.

use std::collections::BTreeSet;

use dreamseed_wire::{answer::Grade, ids::*};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{
    StoreError, WriteTx, answer_counts, from_json, from_word, hub_meta, masteries, skill_days, standings,
    to_time, to_word,
};

/// What the table of retention names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionKind {
    /// Texts that the model wrote.
    AiText,
    Audit,
    /// Answers with their grades and their help; sittings of exams and solutions that were shown go by the same days.
    Answers,
    /// Sign-ins, counted from their end.
    Sessions,
    /// Notices, counted from when they were dismissed.
    Notices,
    /// Notes to pupils.
    Notes,
    /// Codes on letters to parents, counted from their use or their end.
    ParentCodes,
    RosterChanges,
}

impl RetentionKind {
    /// In the order in which they are carried out.
    pub const ALL: [RetentionKind; 8] = [
        RetentionKind::AiText,
        RetentionKind::Answers,
        RetentionKind::Notes,
        RetentionKind::Sessions,
        RetentionKind::ParentCodes,
        RetentionKind::RosterChanges,
        RetentionKind::Notices,
        RetentionKind::Audit,
    ];

    /// As it stands in the table and in paths.
    pub fn word(self) -> String {
        to_word(&self)
    }

    /// The kind of a word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Days that each kind is kept.
pub fn periods(conn: &Connection) -> Result<Vec<(RetentionKind, u32)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("periods.sql"))?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (word, days) = row?;
        Ok((from_word(word, "kind of retention")?, days))
    })
    .collect()
}

/// Changes how long a kind is kept.
pub fn set_period(tx: &WriteTx<'_>, kind: RetentionKind, days: u32) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("set_period.sql"))?.execute(params![kind.word(), days])?;
    Ok(())
}

/// Rows of a kind from before a time, and when its oldest one is from.
pub fn due(
    conn: &Connection,
    kind: RetentionKind,
    before: Timestamp,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let sql = match kind {
        RetentionKind::AiText => include_str!("due_ai_text.sql"),
        RetentionKind::Audit => include_str!("due_audit.sql"),
        RetentionKind::Answers => include_str!("due_answers.sql"),
        RetentionKind::Sessions => include_str!("due_sessions.sql"),
        RetentionKind::Notices => include_str!("due_notices.sql"),
        RetentionKind::Notes => include_str!("due_notes.sql"),
        RetentionKind::ParentCodes => include_str!("due_parent_codes.sql"),
        RetentionKind::RosterChanges => include_str!("due_roster_changes.sql"),
    };
    let (count, oldest): (i64, Option<i64>) = conn
        .prepare_cached(sql)?
        .query_row([before.as_millisecond()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((count.unsigned_abs(), oldest.map(to_time)))
}

/// Removes up to `limit` rows of a kind from before a time; gives how many. Answers go by [`remove_answers`].
pub fn remove(
    tx: &WriteTx<'_>,
    kind: RetentionKind,
    before: Timestamp,
    limit: u32,
) -> Result<usize, StoreError> {
    let sql = match kind {
        RetentionKind::AiText => include_str!("remove_ai_text.sql"),
        RetentionKind::Audit => return remove_audit(tx, before, limit),
        RetentionKind::Answers => return remove_traces(tx, before, limit),
        RetentionKind::Sessions => include_str!("remove_sessions.sql"),
        RetentionKind::Notices => include_str!("remove_notices.sql"),
        RetentionKind::Notes => include_str!("remove_notes.sql"),
        RetentionKind::ParentCodes => include_str!("remove_parent_codes.sql"),
        RetentionKind::RosterChanges => include_str!("remove_roster_changes.sql"),
    };
    Ok(tx.conn().prepare_cached(sql)?.execute(params![before.as_millisecond(), limit])?)
}

/// The numbers of the next `limit` answers from before a time, after a number, by pupil and problem. Looks through the
/// whole log, so it is for a reader.
pub fn find_answers(
    conn: &Connection,
    before: Timestamp,
    after: i64,
    limit: u32,
) -> Result<Vec<i64>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("find_answers.sql"))?;
    let rows = query.query_map(params![before.as_millisecond(), after, limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes answers with their grades and their help and folds the caches again; gives whose they were. Their masteries
/// are dirty then.
pub fn remove_answers(tx: &WriteTx<'_>, seqs: &[i64]) -> Result<BTreeSet<UserId>, StoreError> {
    let mut cells = BTreeSet::new();
    let mut days = BTreeSet::new();
    for seq in seqs {
        let Some(gone) = remove_answer(tx, *seq)? else { continue };
        cells.insert((gone.pupil_id, gone.problem_version_id));
        days.insert((gone.pupil_id, gone.skill, gone.day));
    }
    for (pupil, version) in &cells {
        standings::refold(tx, *pupil, *version)?;
    }
    for (pupil, skill, day) in &days {
        skill_days::sum_day(tx, *pupil, skill, day)?;
        masteries::mark_dirty(tx, *pupil, skill, day)?;
    }
    Ok(cells.into_iter().map(|(pupil, _)| pupil).collect())
}

/// An answer that has been removed, by what the caches know of it.
pub struct RemovedAnswer {
    pub pupil_id: UserId,
    pub problem_version_id: ProblemVersionId,
    pub skill: String,
    pub day: String,
}

/// Removes one answer with its grades and its help, and takes it off the counts of answers. What a disk has damaged goes too;
/// it is not in the counts any more by what it says.
pub fn remove_answer(tx: &WriteTx<'_>, seq: i64) -> Result<Option<RemovedAnswer>, StoreError> {
    hub_meta::keep_position(tx)?;
    let found = tx
        .conn()
        .prepare_cached(include_str!("answer.sql"))?
        .query_row([seq], |row| {
            let text = |column| {
                let bytes = row.get_ref(column)?.as_bytes_or_null().unwrap_or_default().unwrap_or_default();
                Ok::<_, rusqlite::Error>(String::from_utf8_lossy(bytes).into_owned())
            };
            let gone = RemovedAnswer {
                pupil_id: row.get(0)?,
                problem_version_id: row.get(1)?,
                skill: text(3)?,
                day: text(4)?,
            };
            Ok((gone, row.get::<_, Option<LessonId>>(2)?, text(5)?, text(6)?))
        })
        .optional()?;
    let Some((gone, lesson, answer, grade)) = found else { return Ok(None) };
    if let Ok(grade) = from_json::<Grade>(&grade, "grade") {
        answer_counts::take_off(tx, lesson, gone.problem_version_id, &answer, &grade)?;
    }
    tx.conn().prepare_cached(include_str!("remove_feedback.sql"))?.execute([seq])?;
    tx.conn().prepare_cached(include_str!("remove_grades.sql"))?.execute([seq])?;
    tx.conn().prepare_cached(include_str!("remove_answer.sql"))?.execute([seq])?;
    Ok(Some(gone))
}

/// What answers leave elsewhere: solutions and steps that were shown, sittings of closed exams.
fn remove_traces(tx: &WriteTx<'_>, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
    let row = params![before.as_millisecond(), limit];
    let releases = tx.conn().prepare_cached(include_str!("remove_releases.sql"))?.execute(row)?;
    Ok(releases + tx.conn().prepare_cached(include_str!("remove_sittings.sql"))?.execute(row)?)
}

/// Removes the beginning of the audit log, and anchors its chain at the last row that went.
fn remove_audit(tx: &WriteTx<'_>, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("oldest_audit.sql"))?;
    let rows = query.query_map([limit], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, [u8; 32]>(2)?))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    // From the front only: a clock that was set back must not tear a hole into the chain.
    let Some((seq, _, hash)) = rows.iter().take_while(|(_, at, _)| *at < before.as_millisecond()).last()
    else {
        return Ok(0);
    };
    tx.conn().prepare_cached(include_str!("set_anchor.sql"))?.execute(params![seq, hash])?;
    Ok(tx.conn().prepare_cached(include_str!("remove_audit.sql"))?.execute([seq])?)
}

/// Versions of problems from before a time to which nothing refers: neither answers nor lessons, grades or corrections.
pub fn unused_versions(
    conn: &Connection,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<ProblemVersionId>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("unused_versions.sql"))?;
    let rows = query.query_map(params![before.as_millisecond(), limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes a version with its figure, and its problem if that was the last one. SQLite looks through all grades for
/// references first: not for the hours of lessons.
pub fn remove_version(tx: &WriteTx<'_>, id: ProblemVersionId) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("remove_version.sql"))?.execute([id])?;
    tx.conn().prepare_cached(include_str!("remove_empty_problems.sql"))?.execute([])?;
    Ok(())
}

/// Keeps the report of a run, and forgets those from before a time.
pub fn add_run(
    tx: &WriteTx<'_>,
    (started, ended): (Timestamp, Timestamp),
    report: &str,
    forget_before: Timestamp,
) -> Result<(), StoreError> {
    let id = uuid::Uuid::now_v7();
    let row = params![id.as_bytes().as_slice(), started.as_millisecond(), ended.as_millisecond(), report];
    tx.conn().prepare_cached(include_str!("add_run.sql"))?.execute(row)?;
    tx.conn().prepare_cached(include_str!("remove_runs.sql"))?.execute([forget_before.as_millisecond()])?;
    Ok(())
}

/// When the last run began.
pub fn last_run(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = conn.query_row(include_str!("last_run.sql"), [], |row| row.get(0))?;
    Ok(at.map(to_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_their_kinds() {
        for kind in RetentionKind::ALL {
            assert_eq!(RetentionKind::read(&kind.word()), Some(kind));
        }
        assert_eq!(RetentionKind::read("users"), None);
    }
}
