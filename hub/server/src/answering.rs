//! Takes an answer: grades it by code, writes what follows from it, and tells the class. Read top to bottom, it is
//! the product.

use dreamseed_grading::GradeError;
use dreamseed_wire::{
    answer::Grade,
    attempt::{AttemptReceipt, AttemptView, GradeSource, NextSteps, ReleasedSolution, SubmitAnswer},
    delivery::Receipt,
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
        audit::{self, AuditEntry},
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
/// After its record was put back the hub takes for this long what was given to an exam before that, however long ago the exam
/// ended: it may have had the answer, and devices bring it as soon as they find the hub again.
const RESTORE_WAITS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// For this long after its record was put back the hub takes answers to lessons that it has lost without asking whether they
/// were given: the devices of a school are back from a holiday by then. A device may claim any time for an answer, so that
/// this must end.
const LOST_LESSONS_WAIT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 14);

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
    /// Whether the answer that is there is the same one cannot be known; whoever has it keeps it.
    #[error("the answer of this id in the record is damaged")]
    Damaged,
    #[error("the problem's key is broken")]
    BrokenKey(#[from] GradeError),
    #[error("the answer could not be kept")]
    Store(#[from] StoreError),
}

/// Grades one answer and records everything that follows from it. The reply is sent when the answer is on the disk;
/// the model is never waited for.
pub async fn submit(ctx: &Ctx, pupil: UserId, body: SubmitAnswer) -> Result<AttemptReceipt, AnsweringError> {
    check_identity(&body)?;
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let problem = find_version(&school, &body)?;
    check_given(ctx, &school, pupil, &body, now).await?;
    let grade = grade_now(&school, problem, &body)?;
    let graded = prepare(&school, pupil, problem, body, grade, now)?;
    let outcome = outcome_name(&graded.grade);
    let recorded = ctx.store.write(move |tx| record(tx, &graded)).await?;
    follow_up(ctx, &recorded, outcome);
    Ok(recorded.receipt)
}

/// What a device adds to an answer that it has kept and delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    pub device_id: DeviceId,
    pub device_seq: i64,
    /// When it was given, by what the device's clocks say together.
    pub given_at: Timestamp,
    /// When the record was put back to an earlier state, if it ever was: it may lack lessons and sittings of before.
    pub put_back_at: Option<Timestamp>,
}

/// Checks and grades an answer that a device delivers, by the rules of [`submit`]; nothing is written yet. True if its
/// lesson was lost with the record that a restored hub does not have: then the answer is taken without it.
pub async fn grade_delivered(
    ctx: &Ctx,
    school: &School,
    pupil: UserId,
    body: SubmitAnswer,
    delivery: Delivery,
    now: Timestamp,
) -> Result<(GradedAnswer, bool), AnsweringError> {
    let as_sent = body.clone();
    let is_unknown = |lesson: LessonId| school.lessons.get(&lesson).is_none();
    let has_lost_lesson = body.lesson_id.is_some_and(is_unknown);
    // Given after the record was put back, it cannot have been lost by that.
    let lost_at = delivery.put_back_at.filter(|put_back_at| delivery.given_at <= *put_back_at);
    if has_lost_lesson && lost_at.is_none() {
        // Lessons are never removed: it may be one whose loss has not been noticed yet, so the device keeps the answer.
        return Err(AnsweringError::UnknownProblem);
    }
    let body = SubmitAnswer {
        lesson_id: body.lesson_id.filter(|_| !has_lost_lesson),
        occurred_at: Some(delivery.given_at),
        device_id: Some(delivery.device_id),
        device_seq: Some(delivery.device_seq),
        ..body
    };
    check_identity(&body)?;
    let problem = find_version(school, &body)?;
    if !(has_lost_lesson && is_taken_on_trust(school, problem, lost_at, now)) {
        check_given(ctx, school, pupil, &body, now).await?;
    }
    let grade = grade_now(school, problem, &body)?;
    let mut graded = prepare(school, pupil, problem, body, grade, now)?;
    graded.attempt.body_hash = hash_body(&as_sent)?;
    graded.as_sent = as_sent;
    graded.delivery = Some(delivery);
    // Nobody is told a grade by a delivery; whoever asks for it later is counted then.
    graded.reveals.clear();
    Ok((graded, has_lost_lesson))
}

/// Whether an answer whose lesson was lost is taken though nobody knows any more that it was given: for some time, and never
/// while an exam of anybody holds its problem, since the pupil could tell the grade to who sits there. The device keeps
/// what is not taken, and brings it again after the exam.
fn is_taken_on_trust(
    school: &School,
    problem: &ProblemVersion,
    lost_at: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let is_same = |version: &ProblemVersionId| {
        school.versions.get(version).is_some_and(|held| held.problem_id == problem.problem_id)
    };
    lost_at.is_some_and(|lost_at| now.duration_since(lost_at) <= LOST_LESSONS_WAIT)
        && !school
            .lessons
            .values()
            .any(|lesson| lesson.is_running_exam(now) && lesson.problems.iter().any(is_same))
}

/// What follows once an answer is on the disk.
pub fn follow_up(ctx: &Ctx, recorded: &Recorded, outcome: &'static str) {
    if recorded.wants_help {
        ctx.feedback.wake();
    }
    crate::telemetry::count_answer(outcome);
}

/// An answer with all that is known before it is written.
pub struct GradedAnswer {
    /// What makes it the same answer when it comes again.
    as_sent: SubmitAnswer,
    /// If it was a device that brought it, and not its pupil.
    delivery: Option<Delivery>,
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

impl GradedAnswer {
    /// Whose it is.
    pub fn pupil(&self) -> UserId {
        self.attempt.pupil_id
    }

    /// Its outcome as the figures name it.
    pub fn outcome(&self) -> &'static str {
        outcome_name(&self.grade)
    }
}

/// What became of an answer, once its group is on the disk.
pub struct Recorded {
    pub receipt: AttemptReceipt,
    /// It was not there before.
    pub is_new: bool,
    /// Help is pending.
    pub wants_help: bool,
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
    let as_sent = body.clone();
    let body_hash = hash_body(&as_sent)?;
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
        as_sent,
        delivery: None,
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

/// Writes the answer, its grade, the caches and the pending help in one transaction.
/// The same answer sent again gets its first receipt; another body under the same id is refused.
pub fn record(tx: &WriteTx<'_>, graded: &GradedAnswer) -> Result<Recorded, AnsweringError> {
    let attempt = &graded.attempt;
    for exam in &graded.reveals {
        sittings::show(tx, *exam, attempt.pupil_id, attempt.received_at)?;
    }
    if let Some(earlier) = attempts::get(tx.conn(), attempt.id)? {
        if !is_same_answer(&earlier, attempt.pupil_id, &graded.as_sent)? {
            return Err(match attempts::is_whole(tx.conn(), earlier.hub_seq)? {
                true => AnsweringError::OtherAnswer,
                false => AnsweringError::Damaged,
            });
        }
        let receipt = repeat_receipt(tx, graded, &earlier)?;
        return Ok(Recorded { receipt, is_new: false, wants_help: false });
    }
    let device_seq = free_number(tx, graded)?;
    let sitting = match sitting_of(tx, graded)? {
        None => begin_lost_sitting(tx, graded)?,
        begun => begun,
    };
    let attempt = &NewAttempt { device_seq, ..in_sitting(graded, sitting.as_ref()) };
    let late_by_secs = admit(tx, attempt, graded, sitting.as_ref())?;
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
        is_second_try: is_second_try(tx, attempt, sitting.as_ref())?,
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
    let place = (tx.epoch(), tx.receipt(tx.epoch(), seq)?);
    let receipt = receipt(graded, place, &graded.grade, (tries, solution), helped);
    Ok(Recorded { receipt, is_new: true, wants_help: helped })
}

/// The device's number for the answer, if it has not used it for another one. Two machines made from one image count
/// alike: what they deliver is kept all the same, without its number.
fn free_number(tx: &WriteTx<'_>, graded: &GradedAnswer) -> Result<Option<i64>, AnsweringError> {
    let (Some(device), Some(number)) = (graded.attempt.device_id, graded.attempt.device_seq) else {
        return Ok(None);
    };
    match attempts::is_device_number_used(tx.conn(), device, number)? {
        false => Ok(Some(number)),
        true if graded.delivery.is_some() => Ok(None),
        true => Err(AnsweringError::DeviceNumberUsed),
    }
}

/// Whether an answer of the log is this one, sent again: by the same pupil, with the same body, from whatever device.
pub fn is_same_answer(
    earlier: &attempts::StoredAttempt,
    pupil: UserId,
    body: &SubmitAnswer,
) -> Result<bool, StoreError> {
    if earlier.pupil_id != pupil {
        return Ok(false);
    }
    if earlier.body_hash == hash_body(body)? {
        return Ok(true);
    }
    // Hubs before this one hashed the device's fields too.
    let device = (earlier.device_id, earlier.device_seq);
    let with_device = SubmitAnswer { device_id: device.0, device_seq: device.1, ..body.clone() };
    Ok(device.0.is_some() && earlier.body_hash == hash_canonical(&with_device)?)
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

/// Whether the pupil was shown the grade of an earlier answer to this problem of the exam, which was opened again since.
fn is_second_try(
    tx: &WriteTx<'_>,
    attempt: &NewAttempt,
    sitting: Option<&StoredSitting>,
) -> Result<bool, StoreError> {
    match (attempt.lesson_id, sitting.and_then(|sitting| sitting.shown_at)) {
        (Some(lesson), Some(shown_at)) if attempt.received_at > shown_at => {
            let place = (attempt.pupil_id, lesson, attempt.problem_version_id);
            attempts::has_answered_by(tx.conn(), place, shown_at)
        }
        _ => Ok(false),
    }
}

/// Whether the lesson takes the answer, as it stands in the database now; if it came late, by how many seconds.
fn admit(
    tx: &WriteTx<'_>,
    attempt: &NewAttempt,
    graded: &GradedAnswer,
    sitting: Option<&StoredSitting>,
) -> Result<Option<u32>, AnsweringError> {
    let Some(lesson) = attempt.lesson_id else { return Ok(None) };
    let timing = lessons::timing(tx.conn(), lesson)?.ok_or(AnsweringError::OtherLesson)?;
    let (given_at, now) = (attempt.occurred_at, attempt.received_at);
    let refusal = match timing::admit(graded.mode, &timing, sitting, given_at, now) {
        Ok(late_by_secs) => return Ok(late_by_secs),
        Err(refusal) => refusal,
    };
    let is_shown = sitting.is_none_or(|sitting| sitting.shown_at.is_some());
    let waited = lost_before(graded).map(|put_back_at| now.duration_since(put_back_at));
    if refusal == Refusal::TooLate && !is_shown && waited.is_some_and(|waited| waited <= RESTORE_WAITS) {
        let late = timing.ended_at(now).map_or(0, |end| now.duration_since(end).as_secs());
        return Ok(Some(u32::try_from(late).unwrap_or(u32::MAX)));
    }
    Err(AnsweringError::Refused(refusal))
}

/// When the record was put back, if a device brings an answer that was given before: the hub may have had it, and may have
/// lost with it what it belonged to.
fn lost_before(graded: &GradedAnswer) -> Option<Timestamp> {
    let put_back_at = graded.delivery.and_then(|delivery| delivery.put_back_at);
    put_back_at.filter(|put_back_at| graded.attempt.occurred_at < *put_back_at)
}

/// Begins the sitting of an exam once more if the hub lost it when its record was put back: with the first answer that a device
/// brings of it. If the lesson does not take the answer, the sitting is undone with it.
fn begin_lost_sitting(tx: &WriteTx<'_>, graded: &GradedAnswer) -> Result<Option<StoredSitting>, StoreError> {
    let attempt = &graded.attempt;
    let (LessonMode::Exam, Some(lesson), Some(_)) = (graded.mode, attempt.lesson_id, lost_before(graded))
    else {
        return Ok(None);
    };
    // The order of its problems was chance, and is chance again: the random end of the answer's id.
    let (_, chance) = attempt.id.0.as_u64_pair();
    sittings::begin(tx, lesson, attempt.pupil_id, chance.cast_signed(), attempt.occurred_at)?;
    let detail = lesson.to_string();
    let deed = AuditEntry::by(attempt.pupil_id, "begin exam", &detail, attempt.received_at);
    audit::add(tx, &deed.about(attempt.pupil_id))?;
    let sitting = sittings::get(tx.conn(), lesson, attempt.pupil_id)?;
    if let (Some(class_id), Some(sitting)) = (graded.class_id, sitting) {
        tx.publish(Committed::Sitting { class_id, lesson_id: lesson, sitting });
    }
    Ok(sitting)
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
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    crate::sittings::show_grades(ctx, pupil).await?;
    let view = view(ctx, id).await?;
    let withheld = is_withheld(&school, pupil, view.problem_version_id, now);
    // Why a key was corrected is for the record; the pupil has been told kindly.
    let told = view.graded_by == GradeSource::Teacher && !withheld;
    let grade_reason = view.grade_reason.filter(|_| told);
    let feedback = if withheld { Vec::new() } else { view.feedback };
    Ok(AttemptView {
        grade: view.grade.filter(|_| !withheld),
        graded_by: told_source(view.graded_by, withheld),
        grade_reason,
        misconception: None,
        feedback,
        ..view
    })
}

/// Who graded an answer, as its pupil is told: that a grade was changed tells what it was, while an exam keeps it.
pub fn told_source(graded_by: GradeSource, withheld: bool) -> GradeSource {
    if withheld { GradeSource::Code } else { graded_by }
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

/// The version the pupil saw, not the newest one: an answer may come from an offline device days later.
fn find_version<'a>(school: &'a School, body: &SubmitAnswer) -> Result<&'a ProblemVersion, AnsweringError> {
    let version = school.versions.get(&body.problem_version_id);
    version.map(std::sync::Arc::as_ref).ok_or(AnsweringError::UnknownProblem)
}

/// The key may have been corrected since the pupil saw the problem.
fn grade_now(school: &School, problem: &ProblemVersion, body: &SubmitAnswer) -> Result<Grade, GradeError> {
    dreamseed_grading::grade_draft(school.graded_by(problem).1, &body.answer)
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

/// What makes an answer the same when it comes again: all of it but which device brings it, since one that was begun in a
/// browser may be delivered by a device.
fn hash_body(body: &SubmitAnswer) -> Result<[u8; 32], StoreError> {
    hash_canonical(&SubmitAnswer { device_id: None, device_seq: None, ..body.clone() })
}

/// BLAKE3 of the body in its canonical form: the wire type written again, so that spelling of the JSON does not matter.
fn hash_canonical(body: &SubmitAnswer) -> Result<[u8; 32], StoreError> {
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
    let place = (earlier.epoch, tx.receipt(earlier.epoch, earlier.hub_seq)?);
    Ok(receipt(graded, place, &grade.grade, (tries, solution), helped))
}

fn receipt(
    graded: &GradedAnswer,
    (epoch, proof): (i64, Receipt),
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
        hub_seq: proof.hub_seq,
        receipt: proof,
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
    fn an_answer_is_the_same_whichever_device_brings_it() {
        let sent = SubmitAnswer {
            attempt_id: AttemptId::new(),
            problem_version_id: ProblemVersionId::new(),
            lesson_id: None,
            answer: dreamseed_wire::answer::Answer::Number { text: "5/6".into() },
            occurred_at: None,
            device_id: Some(DeviceId::new()),
            device_seq: Some(7),
        };
        let now: Timestamp = "2026-11-23T09:00:00Z".parse().expect("time");
        let stored = |body_hash: [u8; 32]| attempts::StoredAttempt {
            hub_seq: 1,
            epoch: 1,
            id: sent.attempt_id,
            pupil_id: UserId(uuid::Uuid::from_u128(1)),
            problem_version_id: sent.problem_version_id,
            lesson_id: None,
            device_id: sent.device_id,
            device_seq: sent.device_seq,
            body_hash: body_hash.to_vec(),
            answer: Some(sent.answer.clone()),
            received_at: now,
        };
        let pupil = UserId(uuid::Uuid::from_u128(1));
        let bare = SubmitAnswer { device_id: None, device_seq: None, ..sent.clone() };
        let elsewhere =
            SubmitAnswer { device_id: Some(DeviceId::new()), device_seq: Some(1), ..sent.clone() };
        let other = SubmitAnswer { occurred_at: Some(now), ..sent.clone() };
        // As hubs before this one hashed it, and as this one does.
        for hash in [hash_canonical(&sent).expect("hashed"), hash_body(&sent).expect("hashed")] {
            for body in [&sent, &bare, &elsewhere] {
                assert!(is_same_answer(&stored(hash), pupil, body).expect("compared"), "{body:?}");
            }
            assert!(!is_same_answer(&stored(hash), pupil, &other).expect("compared"));
            assert!(!is_same_answer(&stored(hash), UserId::new(), &sent).expect("compared"));
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
