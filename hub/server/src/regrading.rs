//! Corrects grades: a wrong key for everybody who answered, or one grade by a teacher's own decision.
//!
//! The walk of a key: [`preview`] grades every answer again under the corrected key and lists what would change;
//! [`apply`] does the same inside its transaction, goes on only if the outcome is the one that was previewed, and adds
//! revisions, never overwriting. From then on the corrected key grades ([`keys`]), so that later answers to a version
//! with the wrong key need no correction. [`undo`] takes the correction away and grades under the key that counts then.
//! A grade that a teacher decided stays, whatever happens to keys.

pub mod keys;
pub mod notes;
mod recount;

use std::{collections::BTreeSet, sync::Arc};

use dreamseed_grading::{DraftFault, GradeError};
use dreamseed_wire::{
    Language,
    account::Role,
    answer::Grade,
    attempt::{AttemptView, GradeSource},
    authoring::ProblemDraft,
    ids::*,
    lesson::{LessonMode, NoteKind, PupilEvent},
    regrade::{ApplyRegrade, CorrectKey, OverrideGrade, RegradeChange, RegradePreview, RegradeView},
};
use jiff::Timestamp;

use self::{
    keys::Correction,
    notes::{Corrected, Named, Outcome},
    recount::{Change, Moved, Recounted, Stamp},
};
use crate::{
    answering::{self, AnsweringError},
    api::extract::Caller,
    audit_log::{self, BadReason},
    hub::Ctx,
    pupil_notes,
    school::{ProblemVersion, School},
    store::{
        Committed, ReadConn, StoreError, WriteTx,
        audit::{self, AuditEntry},
        grades, hub_meta, problems,
        pupil_notes::StoredNote,
        regrades::{self, StoredRegrade},
    },
};

/// Why a grade cannot be corrected.
#[derive(Debug, thiserror::Error)]
pub enum RegradingError {
    #[error("the problem is not known")]
    UnknownProblem,
    #[error("the correction is not known")]
    UnknownRegrade,
    #[error("the attempt is not known")]
    UnknownAttempt,
    #[error(transparent)]
    Reason(#[from] BadReason),
    #[error("the outcome is no longer the one that was previewed")]
    Changed,
    #[error("somebody else made the correction")]
    NotYours,
    #[error("the problem with this key has a fault")]
    Fault(#[from] DraftFault),
    #[error("the problem's key is broken")]
    BrokenKey(#[from] GradeError),
    #[error("the answer cannot be shown")]
    Answering(#[from] AnsweringError),
    #[error("the correction could not be kept")]
    Store(#[from] StoreError),
}

/// Who would be graded otherwise under a corrected key.
pub async fn preview(
    ctx: &Ctx,
    caller: &Caller,
    problem: ProblemId,
    correction: CorrectKey,
) -> Result<RegradePreview, RegradingError> {
    let (school, caller) = (ctx.school.get(), *caller);
    ctx.store
        .read(move |conn| {
            let corrected = CorrectedProblem::of(&school, problem, &correction)?;
            let plan = corrected.plan(conn, corrected.stand_in())?;
            Ok(show(&plan, corrected.newest, &school, &caller))
        })
        .await
}

/// Corrects a key as it was previewed, and every grade that follows from it.
pub async fn apply(
    ctx: &Ctx,
    caller: &Caller,
    problem: ProblemId,
    body: ApplyRegrade,
) -> Result<RegradeView, RegradingError> {
    let reason = audit_log::check_reason(&body.reason)?;
    let (school, by, now) = (ctx.school.get(), caller.user_id, ctx.clock.now());
    let (regrade, last_seq) = ctx
        .store
        .write(move |tx| {
            let corrected = CorrectedProblem::of(&school, problem, &body.correction)?;
            if problems::newest(tx, problem)? != Some(corrected.newest.problem_version_id) {
                return Err(RegradingError::Changed);
            }
            let (key_version, key_is_new) =
                problems::add_version(tx, problem, &corrected.draft, Some(by), now)?;
            let version = corrected.as_version(key_version, key_is_new);
            let plan = corrected.plan(tx.conn(), (version, key_is_new))?;
            if plan.digest(corrected.newest) != body.digest {
                return Err(RegradingError::Changed);
            }
            let regrade = regrades::add(tx, problem, (key_version, key_is_new), &reason, by, now)?;
            let detail = regrade.to_string();
            audit::add_with_reason(tx, &AuditEntry::by(by, "correct key", &detail, now), &reason)?;
            let stamp = Stamp { by, reason: Some(&reason), now };
            write_plan(tx, &school, &plan, regrade, &stamp)?;
            Ok((regrade, hub_meta::last_seq(tx.conn())?))
        })
        .await?;
    settle(ctx, problem, regrade, by, last_seq).await?;
    view(ctx, regrade).await
}

/// The corrections of a problem, newest first.
pub async fn list(ctx: &Ctx, problem: ProblemId) -> Result<Vec<RegradeView>, RegradingError> {
    let school = ctx.school.get();
    if !school.problems.contains_key(&problem) {
        return Err(RegradingError::UnknownProblem);
    }
    let stored = ctx.store.read(move |conn| regrades::of_problem(conn, problem)).await?;
    Ok(stored.into_iter().map(|stored| view_of(&school, stored)).collect())
}

/// Takes a correction back: what counted before counts again, except where a teacher has decided since. Undoing twice
/// changes nothing more.
pub async fn undo(ctx: &Ctx, caller: &Caller, regrade: RegradeId) -> Result<RegradeView, RegradingError> {
    let stored = ctx.store.read(move |conn| regrades::get(conn, regrade)).await?;
    let stored = stored.ok_or(RegradingError::UnknownRegrade)?;
    if caller.role != Role::Admin && stored.by_user != Some(caller.user_id) {
        return Err(RegradingError::NotYours);
    }
    let (school, by, now, problem) = (ctx.school.get(), caller.user_id, ctx.clock.now(), stored.problem_id);
    let last_seq = ctx
        .store
        .write(move |tx| {
            let stored = regrades::get(tx.conn(), regrade)?.ok_or(RegradingError::UnknownRegrade)?;
            if stored.undone_at.is_some() {
                return Ok(None);
            }
            regrades::undo(tx, regrade, by, now)?;
            let versions = school.versions_of(problem);
            let corrections = regrades::corrections(tx.conn(), problem)?;
            let plan = Plan::make(tx.conn(), &versions, &corrections, 0)?;
            // Lessons of tomorrow take the newest version: its key must be the one that counts.
            if let Some(draft) = restored_draft(&versions, &corrections) {
                if problems::newest(tx, problem)? != versions.last().map(|newest| newest.problem_version_id) {
                    return Err(RegradingError::Changed);
                }
                let (restored, _) = problems::add_version(tx, problem, draft, Some(by), now)?;
                regrades::set_restored(tx, regrade, restored)?;
            }
            audit::add(tx, &AuditEntry::by(by, "undo correction of key", &regrade.to_string(), now))?;
            let stamp = Stamp { by, reason: None, now };
            write_plan(tx, &school, &plan, regrade, &stamp)?;
            Ok(Some(hub_meta::last_seq(tx.conn())?))
        })
        .await?;
    if let Some(last_seq) = last_seq {
        settle(ctx, problem, regrade, by, last_seq).await?;
    }
    view(ctx, regrade).await
}

/// Grades again what an earlier correction did not reach because the hub was stopped right after it; at each start, before
/// anybody is served. A problem that cannot be graded stays as it is and is told in the log.
pub async fn settle_all(ctx: &Ctx) {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    for problem in school.corrections.keys().copied() {
        let school = Arc::clone(&school);
        let settled = ctx.store.write(move |tx| {
            let last = regrades::of_problem(tx.conn(), problem)?.into_iter().next();
            let Some((regrade, by)) = last.and_then(|last| Some((last.id, last.by_user?))) else {
                return Ok(0);
            };
            settle_problem(tx, &school, problem, 0, regrade, &Stamp { by, reason: None, now })
        });
        match settled.await {
            Ok(0) => {}
            Ok(changed) => {
                tracing::info!(changed, problem.id = %problem, "ended a correction that was cut short");
            }
            Err(error) => {
                let error: RegradingError = error;
                tracing::error!(%error, problem.id = %problem, "a correction that was cut short cannot be ended");
            }
        }
    }
}

/// A teacher's own grade for one answer, which no correction of a key changes.
pub async fn override_grade(
    ctx: &Ctx,
    caller: &Caller,
    attempt: AttemptId,
    body: OverrideGrade,
) -> Result<AttemptView, RegradingError> {
    let reason = audit_log::check_reason(&body.reason)?;
    let (school, by, now) = (ctx.school.get(), caller.user_id, ctx.clock.now());
    ctx.store
        .write(move |tx| {
            let row = grades::of_attempt(tx.conn(), attempt)?.ok_or(RegradingError::UnknownAttempt)?;
            let after = if body.right { Grade::Right } else { Grade::Wrong };
            let is_same = row.grade.grade == after && row.grade.reason.as_deref() == Some(&*reason);
            if row.grade.source == GradeSource::Teacher && is_same {
                return Ok(());
            }
            let version = known_version(&school, row.problem_version_id)?;
            let key_version = row.grade.key_version_id;
            let misconception = find_misconception(version, school.graded_by(version).1, &row.answer, &after);
            let change = Change { after, source: GradeSource::Teacher, misconception, key_version, row };
            let detail = attempt.to_string();
            let deed = AuditEntry::by(by, "override grade", &detail, now).about(change.row.pupil_id);
            audit::add_with_reason(tx, &deed, &reason)?;
            let stamp = Stamp { by, reason: Some(&reason), now };
            decide(tx, &school, change, &stamp)
        })
        .await?;
    Ok(answering::view(ctx, attempt).await?)
}

/// Takes a teacher's own grade back: the key that counts now grades again. Without one nothing changes.
pub async fn take_back(
    ctx: &Ctx,
    caller: &Caller,
    attempt: AttemptId,
) -> Result<AttemptView, RegradingError> {
    let (school, by, now) = (ctx.school.get(), caller.user_id, ctx.clock.now());
    ctx.store
        .write(move |tx| {
            let row = grades::of_attempt(tx.conn(), attempt)?.ok_or(RegradingError::UnknownAttempt)?;
            if row.grade.source != GradeSource::Teacher {
                return Ok(());
            }
            let version = known_version(&school, row.problem_version_id)?;
            let (key_version, draft) = school.graded_by(version);
            let after = dreamseed_grading::grade_draft(draft, &row.answer)?;
            let misconception = find_misconception(version, draft, &row.answer, &after);
            let source = source_of(version, key_version);
            let change = Change { after, source, misconception, key_version, row };
            audit::add(
                tx,
                &AuditEntry::by(by, "take grade back", &attempt.to_string(), now).about(change.row.pupil_id),
            )?;
            let stamp = Stamp { by, reason: None, now };
            decide(tx, &school, change, &stamp)
        })
        .await?;
    Ok(answering::view(ctx, attempt).await?)
}

/// A problem with the key that somebody holds for right.
struct CorrectedProblem<'a> {
    versions: Vec<&'a ProblemVersion>,
    newest: &'a ProblemVersion,
    /// The newest version with the corrected key.
    draft: ProblemDraft,
}

impl<'a> CorrectedProblem<'a> {
    fn of(
        school: &'a School,
        problem: ProblemId,
        correction: &CorrectKey,
    ) -> Result<CorrectedProblem<'a>, RegradingError> {
        let head = school.problems.get(&problem).ok_or(RegradingError::UnknownProblem)?;
        let newest = known_version(school, head.newest)?;
        let draft = correct_draft(&newest.draft, correction)?;
        Ok(CorrectedProblem { versions: school.versions_of(problem), newest, draft })
    }

    /// The version that would be made, under an id that stands for its own.
    fn stand_in(&self) -> (ProblemVersion, bool) {
        let is_new = self.draft != self.newest.draft;
        let id = if is_new { ProblemVersionId::new() } else { self.newest.problem_version_id };
        (self.as_version(id, is_new), is_new)
    }

    fn as_version(&self, id: ProblemVersionId, is_new: bool) -> ProblemVersion {
        ProblemVersion {
            problem_id: self.newest.problem_id,
            problem_version_id: id,
            version: self.newest.version + u32::from(is_new),
            skill: self.draft.skill.clone(),
            draft: self.draft.clone(),
        }
    }

    /// With the corrections of the record, not those in memory: another one may have been made this moment.
    fn plan(
        &self,
        conn: &ReadConn,
        (version, key_is_new): (ProblemVersion, bool),
    ) -> Result<Plan, RegradingError> {
        let mut corrections = regrades::corrections(conn, self.newest.problem_id)?;
        corrections.push(Correction {
            key_version: version.problem_version_id,
            key_is_new,
            undone: false,
            restored: None,
        });
        let mut versions = self.versions.clone();
        if key_is_new {
            versions.push(&version);
        }
        Plan::make(conn, &versions, &corrections, 0)
    }
}

/// What a change of keys means for the answers of the log.
struct Plan {
    answers: u32,
    kept_by_teacher: u32,
    changes: Vec<Change>,
}

impl Plan {
    /// Grades again what another key has graded than the one that counts; answers after a place of the record only.
    fn make(
        conn: &ReadConn,
        versions: &[&ProblemVersion],
        corrections: &[Correction],
        since: i64,
    ) -> Result<Plan, RegradingError> {
        let resolved = keys::resolve(versions, corrections);
        let mut plan = Plan { answers: 0, kept_by_teacher: 0, changes: Vec::new() };
        for version in versions {
            let (key_version, draft) = match resolved.get(&version.problem_version_id) {
                Some((key_version, draft)) => (*key_version, draft.as_ref()),
                None => (version.problem_version_id, &version.draft),
            };
            for row in grades::of_version(conn, version.problem_version_id, since)? {
                plan.answers += 1;
                if row.grade.source == GradeSource::Teacher {
                    plan.kept_by_teacher += 1;
                    continue;
                }
                if row.grade.key_version_id == key_version {
                    continue;
                }
                let after = dreamseed_grading::grade_draft(draft, &row.answer)?;
                if after != row.grade.grade {
                    let misconception = find_misconception(version, draft, &row.answer, &after);
                    let source = source_of(version, key_version);
                    plan.changes.push(Change { row, after, source, misconception, key_version });
                }
            }
        }
        plan.changes.sort_by_key(|change| change.row.attempt_seq);
        Ok(plan)
    }

    /// BLAKE3 over what would change: which version is corrected, and each answer with the grade before and after.
    fn digest(&self, newest: &ProblemVersion) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(newest.problem_version_id.0.as_bytes());
        for change in &self.changes {
            hasher.update(change.row.attempt_id.0.as_bytes());
            for grade in [&change.row.grade.grade, &change.after] {
                let grade = serde_json::to_vec(grade).unwrap_or_default();
                hasher.update(&(grade.len() as u64).to_le_bytes());
                hasher.update(&grade);
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// A draft with another key. The author's check goes with the old key unless it gives the new one too, and listed wrong
/// answers that are right now are taken out.
fn correct_draft(newest: &ProblemDraft, correction: &CorrectKey) -> Result<ProblemDraft, RegradingError> {
    let mut draft = ProblemDraft { key: correction.key.clone(), ..newest.clone() };
    draft.common_wrong.retain(|common| {
        dreamseed_grading::grade(&draft.key, &common.answer).is_ok_and(|grade| !grade.is_right())
    });
    if let Some(check) = &correction.check {
        draft.check = Some(check.clone());
    } else if draft.check.is_some() && dreamseed_grading::validate(&draft).is_err() {
        draft.check = None;
    }
    dreamseed_grading::validate(&draft)?;
    Ok(draft)
}

/// What the newest version must become if another key counts for it.
fn restored_draft<'a>(
    versions: &[&'a ProblemVersion],
    corrections: &[Correction],
) -> Option<&'a ProblemDraft> {
    let newest = versions.last()?;
    let resolved = keys::resolve(versions, corrections);
    let (counting, _) = resolved.get(&newest.problem_version_id)?;
    versions.iter().find(|version| version.problem_version_id == *counting).map(|version| &version.draft)
}

fn show(plan: &Plan, newest: &ProblemVersion, school: &School, caller: &Caller) -> RegradePreview {
    let language = language_of(school, caller);
    let mut elsewhere = 0;
    let mut changes = Vec::new();
    for change in &plan.changes {
        let pupil = change.row.pupil_id;
        let is_seen = caller.role == Role::Admin || school.teaches_pupil(caller.user_id, pupil);
        let Some(entry) = school.roster_entry(pupil).filter(|_| is_seen) else {
            elsewhere += 1;
            continue;
        };
        let version = school.versions.get(&change.row.problem_version_id).map_or(newest, |version| version);
        changes.push(RegradeChange {
            attempt_id: change.row.attempt_id,
            pupil: entry,
            class_name: school.class_of(pupil).map(|class| class.name.clone()),
            answer: dreamseed_grading::describe(&version.draft.question, &change.row.answer, language),
            before: change.row.grade.grade.clone(),
            after: change.after.clone(),
        });
    }
    // Stable: answers of one pupil stay in the order of record.
    changes.sort_by(|a, b| (&a.class_name, a.pupil.number).cmp(&(&b.class_name, b.pupil.number)));
    RegradePreview {
        answers: plan.answers,
        changes,
        elsewhere,
        kept_by_teacher: plan.kept_by_teacher,
        digest: plan.digest(newest),
    }
}

fn write_plan(
    tx: &WriteTx<'_>,
    school: &School,
    plan: &Plan,
    regrade: RegradeId,
    stamp: &Stamp<'_>,
) -> Result<(), RegradingError> {
    let done = recount::write(tx, &plan.changes, stamp)?;
    for (attempt, before, after) in &done.revisions {
        regrades::add_change(tx, regrade, *attempt, (*before, *after))?;
    }
    let pupils: BTreeSet<_> = plan.changes.iter().map(|change| change.row.pupil_id).collect();
    let detail = regrade.to_string();
    for pupil in pupils {
        audit::add(tx, &AuditEntry::by(stamp.by, "regrade", &detail, stamp.now).about(pupil))?;
    }
    Ok(tell_all(tx, school, &done, Corrected::Key, None, stamp.now)?)
}

/// Writes a teacher's decision about one answer.
fn decide(
    tx: &WriteTx<'_>,
    school: &School,
    change: Change,
    stamp: &Stamp<'_>,
) -> Result<(), RegradingError> {
    let is_changed = change.row.grade.grade != change.after;
    let mut done = recount::write(tx, &[change], stamp)?;
    if !is_changed {
        // Only the reason is another one: nothing to tell the pupil.
        done.cells.clear();
    }
    Ok(tell_all(tx, school, &done, Corrected::ByTeacher, Some(stamp.by), stamp.now)?)
}

/// Shows the classes' watchers the cells that changed, and tells each pupil, unless an exam keeps its grades.
fn tell_all(
    tx: &WriteTx<'_>,
    school: &School,
    done: &Recounted,
    corrected: Corrected,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut told = BTreeSet::new();
    for Moved { was_solved, standing } in &done.cells {
        let (pupil, version) = (standing.pupil_id, standing.problem_version_id);
        answering::publish_cell(tx, school.class_of(pupil).map(|class| class.class_id), standing, now);
        if answering::is_withheld(school, pupil, version, now) {
            continue;
        }
        let language = school.working_language(pupil);
        let title = school.versions.get(&version).map(|found| found.draft.title.get(language));
        // In an exam each pupil has an order of their own.
        let lesson = standing.lesson_id.and_then(|id| school.lessons.get(&id));
        let place = lesson
            .filter(|lesson| lesson.mode == LessonMode::Practice)
            .and_then(|lesson| lesson.problems.iter().position(|found| *found == version));
        let named = place.map_or(Named::Title(title.unwrap_or_default()), |place| Named::Number(place + 1));
        let note = StoredNote {
            id: NoteId::new(),
            kind: NoteKind::Regraded,
            lesson_id: standing.lesson_id,
            problem_version_id: Some(version),
            text: notes::tell(corrected, Outcome::of(*was_solved, standing.solved), named, language),
            by_user: by,
            created_at: now,
            seen: false,
        };
        pupil_notes::tell(tx, school, pupil, note)?;
        told.insert(pupil);
    }
    for pupil_id in told {
        tx.publish(Committed::Pupil { pupil_id, event: PupilEvent::Lessons });
    }
    Ok(())
}

/// After a change of keys: the school in memory grades by it, and what was graded by the old one meanwhile follows. Should
/// the hub stop before, [`settle_all`] does it at the next start, and the plan of a further correction holds it too.
async fn settle(
    ctx: &Ctx,
    problem: ProblemId,
    regrade: RegradeId,
    by: UserId,
    since: i64,
) -> Result<(), RegradingError> {
    ctx.school.reload(&ctx.store).await?;
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    ctx.store
        .write(move |tx| {
            let stamp = Stamp { by, reason: None, now };
            settle_problem(tx, &school, problem, since, regrade, &stamp).map(drop)
        })
        .await
}

/// Grades the answers after a place of the record that another key has graded than the one that counts; how many changed.
fn settle_problem(
    tx: &WriteTx<'_>,
    school: &School,
    problem: ProblemId,
    since: i64,
    regrade: RegradeId,
    stamp: &Stamp<'_>,
) -> Result<usize, RegradingError> {
    let corrections = regrades::corrections(tx.conn(), problem)?;
    let plan = Plan::make(tx.conn(), &school.versions_of(problem), &corrections, since)?;
    if !plan.changes.is_empty() {
        write_plan(tx, school, &plan, regrade, stamp)?;
    }
    Ok(plan.changes.len())
}

async fn view(ctx: &Ctx, regrade: RegradeId) -> Result<RegradeView, RegradingError> {
    let stored = ctx.store.read(move |conn| regrades::get(conn, regrade)).await?;
    Ok(view_of(&ctx.school.get(), stored.ok_or(RegradingError::UnknownRegrade)?))
}

fn view_of(school: &School, stored: StoredRegrade) -> RegradeView {
    RegradeView {
        regrade_id: stored.id,
        problem_id: stored.problem_id,
        key_version_id: stored.key_version_id,
        reason: stored.reason,
        by: stored.by_user.and_then(|by| school.people.get(&by)).map(|person| person.name.clone()),
        changed: stored.changed,
        created_at: stored.created_at,
        undone_at: stored.undone_at,
    }
}

fn known_version(school: &School, id: ProblemVersionId) -> Result<&ProblemVersion, RegradingError> {
    school.versions.get(&id).map(|version| &**version).ok_or(RegradingError::UnknownProblem)
}

fn source_of(version: &ProblemVersion, key_version: ProblemVersionId) -> GradeSource {
    if key_version == version.problem_version_id { GradeSource::Code } else { GradeSource::Regrade }
}

/// Index into the version's own common wrong answers.
fn find_misconception(
    version: &ProblemVersion,
    graded_by: &ProblemDraft,
    answer: &dreamseed_wire::answer::Answer,
    grade: &Grade,
) -> Option<usize> {
    if grade.is_right() {
        return None;
    }
    let common = &version.draft.common_wrong;
    let found = dreamseed_grading::find_misconception(common, &graded_by.key, answer)?;
    common.iter().position(|listed| std::ptr::eq(listed, found))
}

fn language_of(school: &School, caller: &Caller) -> Language {
    school.people.get(&caller.user_id).map(|person| person.language).unwrap_or_default()
}
