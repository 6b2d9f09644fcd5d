//! Takes an answer: grades it by code, writes what follows from it, and tells the class. Read top to bottom, it is
//! the product.

use dreamseed_grading::GradeError;
use dreamseed_wire::{
    answer::Grade,
    attempt::{AttemptReceipt, AttemptView, GradeSource, NextSteps, ReleasedSolution, SubmitAnswer},
    ids::*,
    lesson::{HintCeiling, LessonMode},
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    clock::day_of,
    hub::Ctx,
    lessons::timing::{self, Refusal},
    school::{ProblemVersion, School},
    store::{
        Committed, ReadConn, StoreError, WriteTx, answer_counts,
        attempts::{self, NewAttempt},
        feedback,
        grades::{self, NewGrade},
        late_answers, lessons, masteries, releases, rosters,
        sittings::{self, StoredSitting},
        skill_days,
        standings::{self, CountedAnswer, Standing},
    },
};

/// How far a device's clock may lie ahead before its claim is not believed.
const CLOCK_SLACK: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// How late an answer may come and still count on the day it was made.
const LATEST: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 366);

/// Why an answer is not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnsweringError {
    /// Also for problems that were never given to the pupil: no oracle for ids.
    #[error("the problem is not known or not given to this pupil")]
    UnknownProblem,
    #[error("the attempt id has been used for another answer")]
    OtherAnswer,
    #[error("{field} cannot be: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error("the device has used this number for another answer")]
    DeviceNumberUsed,
    #[error("the lesson is not this pupil's or does not hold the problem")]
    OtherLesson,
    /// The lesson does not take the answer; nothing is stored.
    #[error("the lesson does not take the answer")]
    Refused(Refusal),
    #[error("an exam keeps its grades and gives no help")]
    ExamRunning,
    #[error("the attempt is not known")]
    UnknownAttempt,
    #[error("the solution is not released")]
    NotReleased,
    #[error("the problem's key is broken")]
    BrokenKey(#[from] GradeError),
    #[error("the answer could not be kept")]
    Store(#[from] StoreError),
}

/// Grades one answer and records everything that follows from it. The reply is sent when the answer is on the disk;
/// the model is never waited for.
pub async fn submit(ctx: &Ctx, pupil: UserId, body: SubmitAnswer) -> Result<AttemptReceipt, AnsweringError> {
    check_identity(&body)?;
    let school = ctx.school.get();
    // The version the pupil saw, not the newest one: an answer may come from an offline device days later.
    let problem = school.versions.get(&body.problem_version_id).ok_or(AnsweringError::UnknownProblem)?;
    let now = ctx.clock.now();
    check_given(ctx, &school, pupil, &body, now).await?;
    // Its key may have been corrected since the pupil saw it.
    let grade = dreamseed_grading::grade_draft(school.graded_by(problem).1, &body.answer)?;
    let outcome = outcome_name(&grade);
    let graded = prepare(&school, pupil, problem, body, grade, now)?;

    let (receipt, wake) = ctx.store.write(move |tx| record(tx, &graded)).await?;
    if wake {
        ctx.feedback.wake();
    }
    crate::telemetry::count_answer(outcome);
    Ok(receipt)
}

/// An answer with all that is known before it is written.
pub struct GradedAnswer {
    attempt: NewAttempt,
    grade: Grade,
    /// Whose key has graded it: the version's own, or a corrected one.
    key_version_id: ProblemVersionId,
    problem_id: ProblemId,
    time_zone: TimeZone,
    misconception: Option<usize>,
    /// The class whose watchers see it: the pupil's, if the lesson is of it.
    class_id: Option<ClassId>,
    mode: LessonMode,
    /// An exam keeps the grade, and there is no next step.
    withheld: bool,
    /// Exams that have ended, of whose problem this grade tells the pupil something.
    reveals: Vec<LessonId>,
    help_allowed: bool,
    auto_feedback: bool,
    solution_after_tries: Option<u8>,
    language: dreamseed_wire::Language,
}

/// Puts together what [`record`] writes; pure.
pub fn prepare(
    school: &School,
    pupil: UserId,
    problem: &ProblemVersion,
    body: SubmitAnswer,
    grade: Grade,
    now: Timestamp,
) -> Result<GradedAnswer, AnsweringError> {
    let body_hash = hash_body(&body)?;
    let class = school.class_of(pupil);
    let version = body.problem_version_id;
    let lesson = school.lesson_of_answer(pupil, version, body.lesson_id, now);
    let lesson_id = body.lesson_id.or(lesson.map(|lesson| lesson.lesson_id));
    let mode = lesson.map(|lesson| lesson.mode).unwrap_or_default();
    let ceiling = school.help_ceiling(pupil, lesson_id, version);
    // Answers that reach an exam after its end get no grade either: it is shown when everything is.
    let withheld = mode == LessonMode::Exam || is_withheld(school, pupil, version, now);
    let reveals = if withheld {
        Vec::new()
    } else {
        school.ended_exams_with(pupil, version, now).map(|exam| exam.lesson_id).collect()
    };
    let misconception = dreamseed_grading::find_misconception(
        &problem.draft.common_wrong,
        &school.graded_by(problem).1.key,
        &body.answer,
    )
    .filter(|_| !grade.is_right())
    .and_then(|found| problem.draft.common_wrong.iter().position(|common| std::ptr::eq(common, found)));
    let occurred_at = believe(body.occurred_at, now);
    Ok(GradedAnswer {
        attempt: NewAttempt {
            id: body.attempt_id,
            pupil_id: pupil,
            problem_version_id: version,
            lesson_id,
            skill: problem.skill.clone(),
            device_id: body.device_id,
            device_seq: body.device_seq,
            body_hash,
            answer: body.answer,
            occurred_at,
            received_at: now,
            day: day_of(occurred_at, &school.hub.time_zone),
        },
        grade,
        key_version_id: school.graded_by(problem).0,
        problem_id: problem.problem_id,
        time_zone: school.hub.time_zone.clone(),
        misconception,
        class_id: class
            .map(|class| class.class_id)
            .filter(|class| lesson.is_none_or(|lesson| lesson.class_id == *class)),
        mode,
        withheld,
        reveals,
        help_allowed: ceiling != HintCeiling::None && mode == LessonMode::Practice && !withheld,
        auto_feedback: class.is_some_and(|class| class.settings.auto_feedback),
        solution_after_tries: class.and_then(|class| class.settings.solution_after_tries),
        language: school.working_language(pupil),
    })
}

/// Writes the answer, its grade, the caches and the pending help in one transaction; true if help was asked for.
/// The same answer sent again gets its first receipt; another body under the same id is refused.
pub fn record(tx: &WriteTx<'_>, graded: &GradedAnswer) -> Result<(AttemptReceipt, bool), AnsweringError> {
    let attempt = &graded.attempt;
    for exam in &graded.reveals {
        sittings::show(tx, *exam, attempt.pupil_id, attempt.received_at)?;
    }
    if let Some(earlier) = attempts::get(tx.conn(), attempt.id)? {
        if earlier.pupil_id != attempt.pupil_id || earlier.body_hash != attempt.body_hash {
            return Err(AnsweringError::OtherAnswer);
        }
        return Ok((repeat_receipt(tx, graded, &earlier)?, false));
    }
    if let (Some(device), Some(number)) = (attempt.device_id, attempt.device_seq)
        && attempts::is_device_number_used(tx.conn(), device, number)?
    {
        return Err(AnsweringError::DeviceNumberUsed);
    }
    let sitting = sitting_of(tx, graded)?;
    let attempt = &in_sitting(graded, sitting.as_ref());
    let late_by_secs = admit(tx, attempt, graded.mode, sitting.as_ref())?;
    let seq = attempts::add(tx, attempt)?;
    if let Some(seconds) = late_by_secs {
        late_answers::add(tx, seq, seconds)?;
    }
    grades::add(
        tx,
        &NewGrade {
            attempt_seq: seq,
            revision: 1,
            source: GradeSource::Code,
            grade: &graded.grade,
            misconception: graded.misconception,
            key_version_id: graded.key_version_id,
            by_user: None,
            reason: None,
            now: attempt.received_at,
        },
    )?;
    let right = graded.grade.is_right();
    let is_try = !matches!(graded.grade, Grade::NotUnderstood { .. });
    answer_counts::count(tx, attempt.lesson_id, attempt.problem_version_id, &attempt.answer, &graded.grade)?;
    if is_try {
        let (pupil, skill, day) = (attempt.pupil_id, &attempt.skill, attempt.day.to_string());
        let is_first = masteries::count(tx, pupil, skill, &day, graded.problem_id, (right, seq))?;
        skill_days::count(tx, pupil, skill, &day, (right, is_first), seq)?;
    }
    let place = (attempt.pupil_id, attempt.lesson_id, attempt.problem_version_id);
    let counted = CountedAnswer {
        attempt: attempt.id,
        seq,
        is_try,
        is_right: right,
        misconception: graded.misconception,
        given_at: attempt.occurred_at,
        is_exam: graded.mode == LessonMode::Exam,
    };
    let mut standing = standings::count(tx, place, &counted)?;
    let helped = graded.auto_feedback && graded.help_allowed && matches!(graded.grade, Grade::Wrong);
    if helped {
        let (_, feedback_seq) = feedback::add_pending(tx, seq, 1, graded.language, attempt.received_at)?;
        if let Some(marked) = standings::mark_helped(tx, place, feedback_seq, attempt.received_at)? {
            standing = marked;
        }
    }
    publish_cell(tx, graded.class_id, &standing, attempt.received_at);
    let (tries, solution) = (standing.tries, releases::has_solution(tx.conn(), place.0, place.2)?);
    Ok((receipt(graded, (tx.epoch(), seq), &graded.grade, (tries, solution), helped), helped))
}

/// The pupil's sitting, if the answer is to an exam that has been begun.
fn sitting_of(tx: &WriteTx<'_>, graded: &GradedAnswer) -> Result<Option<StoredSitting>, StoreError> {
    match (graded.mode, graded.attempt.lesson_id) {
        (LessonMode::Exam, Some(lesson)) => sittings::get(tx.conn(), lesson, graded.attempt.pupil_id),
        (LessonMode::Exam, None) | (LessonMode::Practice, _) => Ok(None),
    }
}

/// The answer as it is kept: nothing was answered before the sitting began, whatever a device's clock says.
fn in_sitting(graded: &GradedAnswer, sitting: Option<&StoredSitting>) -> NewAttempt {
    let attempt = graded.attempt.clone();
    match sitting {
        Some(sitting) if attempt.occurred_at < sitting.begun_at => NewAttempt {
            occurred_at: sitting.begun_at,
            day: day_of(sitting.begun_at, &graded.time_zone),
            ..attempt
        },
        Some(_) | None => attempt,
    }
}

/// Whether the lesson takes the answer, as it stands in the database now; if it came late, by how many seconds.
fn admit(
    tx: &WriteTx<'_>,
    attempt: &NewAttempt,
    mode: LessonMode,
    sitting: Option<&StoredSitting>,
) -> Result<Option<u32>, AnsweringError> {
    let Some(lesson) = attempt.lesson_id else { return Ok(None) };
    let timing = lessons::timing(tx.conn(), lesson)?.ok_or(AnsweringError::OtherLesson)?;
    timing::admit(mode, &timing, sitting, attempt.occurred_at, attempt.received_at)
        .map_err(AnsweringError::Refused)
}

/// Tells the class's watchers where a pupil stands now, once it is on the disk.
pub fn publish_cell(tx: &WriteTx<'_>, class: Option<ClassId>, standing: &Standing, at: Timestamp) {
    let Some(class_id) = class else { return };
    tx.publish(Committed::Standing { class_id, epoch: tx.epoch(), standing: Box::new(standing.clone()), at });
}

/// An attempt with its grade and transcript, as its teachers see it.
pub async fn view(ctx: &Ctx, id: AttemptId) -> Result<AttemptView, AnsweringError> {
    let school = ctx.school.get();
    ctx.store
        .read(move |conn| {
            let attempt = attempts::get(conn, id)?.ok_or(AnsweringError::UnknownAttempt)?;
            Ok(view_of(conn, &school, attempt)?)
        })
        .await
}

/// An attempt as its own pupil sees it: without what is for staff, and without its grade while an exam keeps it.
pub async fn own_view(ctx: &Ctx, pupil: UserId, id: AttemptId) -> Result<AttemptView, AnsweringError> {
    crate::sittings::show_grades(ctx, pupil).await?;
    let view = view(ctx, id).await?;
    let withheld = is_withheld(&ctx.school.get(), pupil, view.problem_version_id, ctx.clock.now());
    // Why a key was corrected is for the record; the pupil has been told kindly.
    let told = view.graded_by == GradeSource::Teacher && !withheld;
    let grade_reason = view.grade_reason.filter(|_| told);
    let feedback = if withheld { Vec::new() } else { view.feedback };
    Ok(AttemptView {
        grade: view.grade.filter(|_| !withheld),
        grade_reason,
        misconception: None,
        feedback,
        ..view
    })
}

/// An attempt from the log as its teachers see it.
pub fn view_of(
    conn: &ReadConn,
    school: &School,
    attempt: attempts::StoredAttempt,
) -> Result<AttemptView, StoreError> {
    let grade =
        grades::latest(conn, attempt.hub_seq)?.ok_or(StoreError::BadValue { what: "grade of an attempt" })?;
    let language = school.working_language(attempt.pupil_id);
    let version = school.versions.get(&attempt.problem_version_id);
    let title = version.map(|version| version.draft.title.get(language));
    let misconception = version.zip(grade.misconception).and_then(|(version, index)| {
        Some(version.draft.common_wrong.get(index)?.misconception.get(language))
    });
    Ok(AttemptView {
        attempt_id: attempt.id,
        pupil_id: attempt.pupil_id,
        problem_version_id: attempt.problem_version_id,
        problem_title: title.unwrap_or_default().to_owned(),
        lesson_id: attempt.lesson_id,
        hub_seq: attempt.hub_seq,
        answer: attempt.answer,
        grade: Some(grade.grade),
        graded_by: grade.source,
        grade_reason: grade.reason,
        misconception: misconception.map(str::to_owned),
        late_by_secs: late_answers::get(conn, attempt.hub_seq)?,
        received_at: attempt.received_at,
        feedback: feedback::transcript(conn, attempt.hub_seq)?,
    })
}

/// Releases the worked solution of an attempt's problem, if the teacher's setting or the pupil's work allows it.
pub async fn release_solution(
    ctx: &Ctx,
    pupil: UserId,
    id: AttemptId,
) -> Result<ReleasedSolution, AnsweringError> {
    let school = ctx.school.get();
    let attempt =
        ctx.store.read(move |conn| attempts::get(conn, id)).await?.ok_or(AnsweringError::UnknownAttempt)?;
    let (version, seq) = (attempt.problem_version_id, attempt.hub_seq);
    let problem = school.versions.get(&version).ok_or(AnsweringError::UnknownProblem)?;
    let now = ctx.clock.now();
    if is_withheld(&school, pupil, version, now) {
        return Err(AnsweringError::ExamRunning);
    }
    crate::sittings::show_grades(ctx, pupil).await?;
    let after = school.class_of(pupil).and_then(|class| class.settings.solution_after_tries);
    ctx.store
        .write(move |tx| {
            let standing = standings::of_version(tx.conn(), pupil, version)?;
            // The right value in another form is not the end: the last step is still the pupil's.
            let solved = grades::latest(tx.conn(), seq)?.is_some_and(|latest| latest.grade == Grade::Right);
            let tries = standing.iter().map(|standing| standing.tries).sum();
            let is_open = releases::has_solution(tx.conn(), pupil, version)?;
            if !is_open && !solution_allowed(solved, tries, after) {
                return Err(AnsweringError::NotReleased);
            }
            Ok(releases::add_solution(tx, pupil, version, None, now)?)
        })
        .await?;
    Ok(ReleasedSolution { solution: problem.draft.solution.get(school.working_language(pupil)).to_owned() })
}

/// The ids that a client gives its answer for ever.
fn check_identity(body: &SubmitAnswer) -> Result<(), AnsweringError> {
    if body.attempt_id.0.get_version_num() != 7 {
        return Err(AnsweringError::BadField { field: "attempt_id", why: "a UUID of version 7" });
    }
    match (body.device_id, body.device_seq) {
        (None, None) => Ok(()),
        (Some(_), Some(number)) if number >= 0 => Ok(()),
        (Some(_), Some(_)) => Err(AnsweringError::BadField { field: "device_seq", why: "0 or more" }),
        (Some(_), None) | (None, Some(_)) => Err(AnsweringError::BadField {
            field: "device_seq",
            why: "comes with device_id, and device_id with it",
        }),
    }
}

/// Refuses what was never given to the pupil: neither in the class of today nor in the one of the day on which it was
/// answered, since a pupil may be moved while the answer waits on a device.
async fn check_given(
    ctx: &Ctx,
    school: &School,
    pupil: UserId,
    body: &SubmitAnswer,
    now: Timestamp,
) -> Result<(), AnsweringError> {
    let is_given = |class: ClassId| is_given_in(school, class, pupil, body, now);
    if school.class_of(pupil).is_some_and(|class| is_given(class.class_id)) {
        return Ok(());
    }
    let day = day_of(believe(body.occurred_at, now), &school.hub.time_zone);
    // The day of a move counts for the new class; the lesson may have been before the move.
    let day_before = day.yesterday().unwrap_or(day).to_string();
    let day = day.to_string();
    let times = ctx.store.read(move |conn| rosters::enrolments(conn, pupil)).await?;
    // Days in ISO 8601 sort as text.
    let mut that_day = times.iter().filter(|time| {
        time.from_day <= day && time.to_day.as_ref().is_none_or(|last_day| day_before <= *last_day)
    });
    if that_day.any(|time| is_given(time.class_id)) {
        return Ok(());
    }
    Err(match body.lesson_id {
        Some(_) => AnsweringError::OtherLesson,
        None => AnsweringError::UnknownProblem,
    })
}

/// Whether the pupil was given the problem in the lesson that the answer names; else in any lesson of the class but an exam
/// that is running. Whether the lesson takes it depends on when it was given, and is decided when it is written.
fn is_given_in(school: &School, class: ClassId, pupil: UserId, body: &SubmitAnswer, now: Timestamp) -> bool {
    let lessons = school.classes.get(&class).map(|class| class.lessons.as_slice()).unwrap_or_default();
    lessons.iter().filter_map(|id| school.lessons.get(id)).any(|lesson| {
        let is_meant = match body.lesson_id {
            Some(named) => lesson.lesson_id == named,
            None => !lesson.is_running_exam(now),
        };
        is_meant && lesson.is_for(pupil) && lesson.problems.contains(&body.problem_version_id)
    })
}

/// The version that an answer is to.
pub async fn version_of(ctx: &Ctx, id: AttemptId) -> Result<ProblemVersionId, AnsweringError> {
    let attempt = ctx.store.read(move |conn| attempts::get(conn, id)).await?;
    attempt.map(|attempt| attempt.problem_version_id).ok_or(AnsweringError::UnknownAttempt)
}

/// Whether an exam that is running for the pupil keeps everything that would tell about this version.
pub fn is_withheld(school: &School, pupil: UserId, version: ProblemVersionId, now: Timestamp) -> bool {
    school.exam_with(pupil, version, now).is_some()
}

/// The device's claim if it is plausible, else the hub's own time.
fn believe(claim: Option<Timestamp>, now: Timestamp) -> Timestamp {
    match claim {
        Some(claim) if claim <= now + CLOCK_SLACK && claim >= now - LATEST => claim.min(now),
        Some(_) | None => now,
    }
}

/// BLAKE3 of the body in its canonical form: the wire type written again, so that spelling of the JSON does not matter.
fn hash_body(body: &SubmitAnswer) -> Result<[u8; 32], StoreError> {
    let canonical = serde_json::to_vec(body).map_err(|_| StoreError::BadValue { what: "answer" })?;
    Ok(*blake3::hash(&canonical).as_bytes())
}

fn repeat_receipt(
    tx: &WriteTx<'_>,
    graded: &GradedAnswer,
    earlier: &attempts::StoredAttempt,
) -> Result<AttemptReceipt, StoreError> {
    let grade = grades::latest(tx.conn(), earlier.hub_seq)?
        .ok_or(StoreError::BadValue { what: "grade of an attempt" })?;
    // As it was then: later tries do not change an earlier receipt.
    let tries = attempts::count_tries(tx.conn(), earlier)?;
    let helped = !feedback::transcript(tx.conn(), earlier.hub_seq)?.is_empty();
    let solution = releases::has_solution(tx.conn(), earlier.pupil_id, earlier.problem_version_id)?;
    Ok(receipt(graded, (earlier.epoch, earlier.hub_seq), &grade.grade, (tries, solution), helped))
}

fn receipt(
    graded: &GradedAnswer,
    (epoch, hub_seq): (i64, i64),
    grade: &Grade,
    (tries, solution_open): (u32, bool),
    helped: bool,
) -> AttemptReceipt {
    let right = *grade == Grade::Right;
    let shown = !graded.withheld;
    let solution = solution_open || solution_allowed(right, tries, graded.solution_after_tries);
    AttemptReceipt {
        attempt_id: graded.attempt.id,
        epoch,
        hub_seq,
        grade: shown.then(|| grade.clone()),
        tries,
        next: NextSteps {
            try_again: shown && !right,
            help: shown && !right && graded.help_allowed,
            solution: shown && solution,
        },
        feedback_url: helped.then(|| feedback_url(graded.attempt.id)),
    }
}

/// Where the help of an attempt streams from.
pub fn feedback_url(id: AttemptId) -> String {
    format!("/api/v1/attempts/{id}/feedback")
}

/// A pupil who has solved the problem may read how; others after as many tries as the teacher has set.
fn solution_allowed(solved: bool, tries: u32, after: Option<u8>) -> bool {
    solved || after.is_some_and(|after| tries >= u32::from(after))
}

fn outcome_name(grade: &Grade) -> &'static str {
    match grade {
        Grade::Right => "right",
        Grade::RightButForm { .. } => "right_but_form",
        Grade::Wrong => "wrong",
        Grade::NotUnderstood { .. } => "not_understood",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_of_the_future_or_the_far_past_is_not_believed() {
        let now: Timestamp = "2026-11-23T09:00:00Z".parse().expect("time");
        let hours = |h: i64| now + jiff::SignedDuration::from_hours(h);
        for (claim, believed) in [
            (None, now),
            (Some(hours(-3)), hours(-3)),
            (Some(now + jiff::SignedDuration::from_secs(60)), now),
            (Some(hours(2)), now),
            (Some(hours(-24 * 400)), now),
        ] {
            assert_eq!(believe(claim, now), believed, "{claim:?}");
        }
    }

    #[test]
    fn the_solution_opens_when_solved_or_after_the_set_number_of_tries() {
        for (solved, tries, after, open) in [
            (true, 1, None, true),
            (false, 9, None, false),
            (false, 2, Some(3), false),
            (false, 3, Some(3), true),
        ] {
            assert_eq!(solution_allowed(solved, tries, after), open);
        }
    }
}
