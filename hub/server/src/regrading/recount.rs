//! Writes corrected grades and brings every cache up to them, in the same transaction.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use dreamseed_wire::{answer::Grade, attempt::GradeSource, ids::*};
use jiff::Timestamp;

use crate::store::{
    StoreError, WriteTx, answer_counts,
    grades::{self, GradedRow, NewGrade},
    masteries, skill_days,
    standings::{self, Standing},
};

/// One answer that is graded otherwise.
#[derive(Debug, Clone)]
pub struct Change {
    pub row: GradedRow,
    pub after: Grade,
    pub source: GradeSource,
    pub misconception: Option<usize>,
    pub key_version: ProblemVersionId,
}

/// Who corrects, when and why.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    pub by: UserId,
    pub reason: Option<&'a str>,
    pub now: Timestamp,
}

/// What a correction did.
#[derive(Debug, Default)]
pub struct Recounted {
    /// Answer, the grade that counted and the one that counts, by their places in the record.
    pub revisions: Vec<(i64, i64, i64)>,
    pub cells: Vec<Moved>,
}

/// Where a pupil stands with a problem of a lesson.
#[derive(Debug)]
pub struct Moved {
    /// Whether it counted as solved before.
    pub was_solved: bool,
    pub standing: Standing,
}

/// Adds a revision for each change, and recounts what follows from it. Mastery is marked to be folded again by the next
/// reader, so that a correction for a whole school does not hold up the answers of its classes.
pub fn write(tx: &WriteTx<'_>, changes: &[Change], stamp: &Stamp<'_>) -> Result<Recounted, StoreError> {
    let mut done = Recounted::default();
    let mut solved: BTreeMap<Place, bool> = BTreeMap::new();
    let mut days: BTreeSet<(UserId, &str, &str)> = BTreeSet::new();
    for change in changes {
        let row = &change.row;
        let place = (row.pupil_id, row.lesson_id, row.problem_version_id);
        if let Entry::Vacant(vacant) = solved.entry(place) {
            let before = standings::get(tx.conn(), place)?;
            vacant.insert(before.is_some_and(|standing| standing.solved));
        }
        days.insert((row.pupil_id, &row.skill, &row.day));
        done.revisions.push((row.attempt_seq, row.grade.hub_seq, add_revision(tx, change, stamp)?));
        let grades = (&row.grade.grade, &change.after);
        answer_counts::recount(tx, row.lesson_id, row.problem_version_id, &row.answer, grades)?;
    }
    for (pupil, skill, day) in days {
        skill_days::sum_day(tx, pupil, skill, day)?;
        masteries::mark_dirty(tx, pupil, skill, day)?;
    }
    refold_standings(tx, solved.keys())?;
    for (place, was_solved) in solved {
        if let Some(standing) = standings::get(tx.conn(), place)? {
            done.cells.push(Moved { was_solved, standing });
        }
    }
    Ok(done)
}

type Place = (UserId, Option<LessonId>, ProblemVersionId);

fn add_revision(tx: &WriteTx<'_>, change: &Change, stamp: &Stamp<'_>) -> Result<i64, StoreError> {
    grades::add(
        tx,
        &NewGrade {
            attempt_seq: change.row.attempt_seq,
            revision: change.row.grade.revision + 1,
            source: change.source,
            grade: &change.after,
            misconception: change.misconception,
            key_version_id: change.key_version,
            by_user: Some(stamp.by),
            reason: stamp.reason,
            now: stamp.now,
        },
    )
}

/// Once for each version if a key was corrected, since one fold of everybody costs as much as a few of one pupil.
fn refold_standings<'a>(tx: &WriteTx<'_>, places: impl Iterator<Item = &'a Place>) -> Result<(), StoreError> {
    let mut pupils: BTreeMap<ProblemVersionId, BTreeSet<UserId>> = BTreeMap::new();
    for (pupil, _, version) in places {
        pupils.entry(*version).or_default().insert(*pupil);
    }
    for (version, pupils) in pupils {
        match (pupils.first(), pupils.len()) {
            (Some(only), 1) => drop(standings::refold(tx, *only, version)?),
            _ => standings::refold_version(tx, version)?,
        }
    }
    Ok(())
}
