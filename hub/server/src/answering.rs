//! Takes an answer: grades it by code, writes what follows from it, and tells the class. Read top to bottom, it is
//! the product.

use dreamseed_grading::GradeError;
use dreamseed_wire::{
    answer::Grade,
    attempt::{AttemptReceipt, AttemptView, GradeSource, NextSteps, ReleasedSolution, SubmitAnswer},
    class::HintCeiling,
    ids::*,
    live::LiveEvent,
};
use jiff::Timestamp;

use crate::{
    clock::day_of,
    hub::Ctx,
    school::{ProblemVersion, School},
    store::{
        Committed, ReadConn, StoreError, WriteTx,
        attempts::{self, NewAttempt},
        feedback,
        grades::{self, NewGrade},
        releases, skill_days,
        standings::{self, Standing},
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
    check_given(&school, pupil, &body)?;
    let grade = dreamseed_grading::grade_draft(&problem.draft, &body.answer)?;
    let now = ctx.clock.now();
    let graded = prepare(&school, pupil, problem, body, grade, now)?;

    let (receipt, wake) = ctx.store.write(move |tx| record(tx, &graded)).await?;
    if wake {
        ctx.feedback.wake();
    }
    metrics::counter!("dreamseed_answers_total", "outcome" => outcome_name(&receipt.grade)).increment(1);
    Ok(receipt)
}

/// An answer with all that is known before it is written.
pub struct GradedAnswer {
    attempt: NewAttempt,
    grade: Grade,
    misconception: Option<usize>,
    class_id: Option<ClassId>,
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
    let ceiling = body
        .lesson_id
        .and_then(|id| school.lessons.get(&id))
        .map_or(HintCeiling::WorkedStep, |lesson| lesson.hint_ceiling);
    let misconception =
        dreamseed_grading::find_misconception(&problem.draft.common_wrong, &problem.draft.key, &body.answer)
            .and_then(|found| {
                problem.draft.common_wrong.iter().position(|common| std::ptr::eq(common, found))
            });
    let occurred_at = believe(body.occurred_at, now);
    Ok(GradedAnswer {
        attempt: NewAttempt {
            id: body.attempt_id,
            pupil_id: pupil,
            problem_version_id: body.problem_version_id,
            lesson_id: body.lesson_id,
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
        misconception,
        class_id: class.map(|class| class.class_id),
        help_allowed: ceiling != HintCeiling::None,
        auto_feedback: class.is_some_and(|class| class.settings.auto_feedback),
        solution_after_tries: class.and_then(|class| class.settings.solution_after_tries),
        language: school.working_language(pupil),
    })
}

/// Writes the answer, its grade, the caches and the pending help in one transaction; true if help was asked for.
/// The same answer sent again gets its first receipt; another body under the same id is refused.
pub fn record(tx: &WriteTx<'_>, graded: &GradedAnswer) -> Result<(AttemptReceipt, bool), AnsweringError> {
    let attempt = &graded.attempt;
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
    let seq = attempts::add(tx, attempt)?;
    grades::add(
        tx,
        &NewGrade {
            attempt_seq: seq,
            revision: 1,
            source: GradeSource::Code,
            grade: &graded.grade,
            misconception: graded.misconception,
            key_version_id: attempt.problem_version_id,
            by_user: None,
            reason: None,
            now: attempt.received_at,
        },
    )?;
    let right = graded.grade.is_right();
    let is_try = !matches!(graded.grade, Grade::NotUnderstood { .. });
    if is_try {
        skill_days::count(tx, attempt.pupil_id, &attempt.skill, &attempt.day.to_string(), right, seq)?;
    }
    let place = (attempt.pupil_id, attempt.lesson_id, attempt.problem_version_id);
    let mut standing = standings::count(tx, place, attempt.id, (is_try, right), seq)?;
    let helped = graded.auto_feedback && graded.help_allowed && matches!(graded.grade, Grade::Wrong);
    if helped {
        let (_, feedback_seq) = feedback::add_pending(tx, seq, 1, graded.language, attempt.received_at)?;
        if let Some(marked) = standings::mark_helped(tx, place.0, place.1, place.2, feedback_seq)? {
            standing = marked;
        }
    }
    publish_cell(tx, graded.class_id, &standing, attempt.received_at);
    Ok((receipt(graded, (tx.epoch(), seq), &graded.grade, standing.tries, helped), helped))
}

/// Tells the class's watchers where a pupil stands now, once it is on the disk.
pub fn publish_cell(tx: &WriteTx<'_>, class: Option<ClassId>, standing: &Standing, at: Timestamp) {
    let Some(class_id) = class else { return };
    tx.publish(Committed {
        class_id,
        seq: Some(standing.last_seq),
        event: LiveEvent::Cell {
            pupil_id: standing.pupil_id,
            lesson_id: standing.lesson_id,
            cell: standing.cell(),
            at,
        },
    });
}

/// An attempt with its grade and transcript.
pub async fn view(ctx: &Ctx, id: AttemptId) -> Result<AttemptView, AnsweringError> {
    let school = ctx.school.get();
    ctx.store
        .read(move |conn| {
            let attempt = attempts::get(conn, id)?.ok_or(AnsweringError::UnknownAttempt)?;
            Ok(view_of(conn, &school, attempt)?)
        })
        .await
}

/// An attempt from the log as its pupil and their teachers see it.
pub fn view_of(
    conn: &ReadConn,
    school: &School,
    attempt: attempts::StoredAttempt,
) -> Result<AttemptView, StoreError> {
    let grade =
        grades::latest(conn, attempt.hub_seq)?.ok_or(StoreError::BadValue { what: "grade of an attempt" })?;
    let language = school.working_language(attempt.pupil_id);
    let title =
        school.versions.get(&attempt.problem_version_id).map(|version| version.draft.title.get(language));
    Ok(AttemptView {
        attempt_id: attempt.id,
        pupil_id: attempt.pupil_id,
        problem_version_id: attempt.problem_version_id,
        problem_title: title.unwrap_or_default().to_owned(),
        lesson_id: attempt.lesson_id,
        hub_seq: attempt.hub_seq,
        answer: attempt.answer,
        grade: grade.grade,
        graded_by: grade.source,
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
    let after = school.class_of(pupil).and_then(|class| class.settings.solution_after_tries);
    let now = ctx.clock.now();
    ctx.store
        .write(move |tx| {
            let standing = standings::of_version(tx.conn(), pupil, version)?;
            // The right value in another form is not the end: the last step is still the pupil's.
            let solved = grades::latest(tx.conn(), seq)?.is_some_and(|latest| latest.grade == Grade::Right);
            let tries = standing.iter().map(|standing| standing.tries).sum();
            if !solution_allowed(solved, tries, after) {
                return Err(AnsweringError::NotReleased);
            }
            Ok(releases::add_solution(tx, pupil, version, now)?)
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

fn check_given(school: &School, pupil: UserId, body: &SubmitAnswer) -> Result<(), AnsweringError> {
    let Some(lesson_id) = body.lesson_id else {
        return if school.is_given(pupil, body.problem_version_id) {
            Ok(())
        } else {
            Err(AnsweringError::UnknownProblem)
        };
    };
    // A closed lesson still takes answers: this one may have been given before it closed and come late.
    let lesson = school.lessons.get(&lesson_id).ok_or(AnsweringError::OtherLesson)?;
    let mine = school.class_of(pupil).is_some_and(|class| class.class_id == lesson.class_id);
    if mine && lesson.problems.contains(&body.problem_version_id) {
        Ok(())
    } else {
        Err(AnsweringError::OtherLesson)
    }
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
    Ok(receipt(graded, (earlier.epoch, earlier.hub_seq), &grade.grade, tries, helped))
}

fn receipt(
    graded: &GradedAnswer,
    (epoch, hub_seq): (i64, i64),
    grade: &Grade,
    tries: u32,
    helped: bool,
) -> AttemptReceipt {
    let right = *grade == Grade::Right;
    AttemptReceipt {
        attempt_id: graded.attempt.id,
        epoch,
        hub_seq,
        grade: grade.clone(),
        tries,
        next: NextSteps {
            try_again: !right,
            help: !right && graded.help_allowed,
            solution: solution_allowed(right, tries, graded.solution_after_tries),
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
