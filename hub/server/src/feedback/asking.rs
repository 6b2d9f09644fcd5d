//! A pupil asks for help with an answer: a turn joins the queue, the class sees it, the worker is woken.

use std::sync::Arc;

use axum::http::StatusCode;
use dreamseed_wire::{
    answer::Grade,
    feedback::{FeedbackState, HelpTicket, HintReason},
    hub::ProblemCode,
    ids::AttemptId,
    lesson::HintCeiling,
};
use jiff::Timestamp;

use crate::{
    answering::{AnsweringError, feedback_url, is_withheld, publish_cell},
    api::{extract::Caller, problem::ApiError},
    hub::Ctx,
    school::School,
    sittings,
    store::{
        StoreError, WriteTx,
        feedback::{self as turns, HelpAttempt, ShownHint, TurnEnd},
        standings,
    },
    telemetry,
};

use super::hints;

/// Asks for help with an attempt. Asking again while help is on its way or has come gives the same ticket; asking
/// after a turn that gave nothing opens a new one. A pupil who asks too often gets the authored hint at once: the model is
/// for everybody, and a lesson never stops.
///
/// # Errors
/// The attempt is unknown, is right already, its lesson gives no help, or an exam is running.
pub async fn ask(ctx: &Ctx, asker: &Caller, attempt_id: AttemptId) -> Result<HelpTicket, ApiError> {
    let found = ctx.store.read(move |conn| turns::find_attempt(conn, attempt_id)).await?;
    let attempt = found.ok_or_else(|| ApiError::not_found("That answer"))?;
    let school = ctx.school.get();
    let now = ctx.clock.now();
    // First of all: whether an answer is right is not told in an exam either.
    if is_withheld(&school, attempt.pupil_id, attempt.problem_version_id, now) {
        return Err(AnsweringError::ExamRunning.into());
    }
    // That it is not right tells something too.
    sittings::show_grades(ctx, attempt.pupil_id).await?;
    check_released(&school, &attempt)?;
    let language = school.working_language(attempt.pupil_id);
    let class = school.class_of(attempt.pupil_id).map(|class| class.class_id);

    let (limits, asker, people) = (ctx.limits.clone(), *asker, Arc::clone(&school));
    let (feedback_id, is_new) = ctx
        .store
        .write(move |tx| {
            let latest = turns::latest(tx.conn(), attempt.attempt_id)?;
            if let Some(latest) = latest.as_ref().filter(|turn| is_help(turn.help.state)) {
                return Ok::<_, StoreError>((latest.help.feedback_id, false));
            }
            let turn = latest.map_or(1, |latest| latest.turn + 1);
            let (id, seq) = turns::add_pending(tx, attempt.seq, turn, language, now)?;
            let place = (attempt.pupil_id, attempt.lesson_id, attempt.problem_version_id);
            if let Some(standing) = standings::mark_helped(tx, place, seq, now)? {
                publish_cell(tx, class, &standing, now);
            }
            if limits.check_help(&asker).is_err() {
                give_hint(tx, &people, seq, now)?;
                return Ok((id, false));
            }
            Ok((id, true))
        })
        .await?;
    if is_new {
        ctx.feedback.wake();
    }
    Ok(HelpTicket { feedback_id, url: feedback_url(attempt_id) })
}

/// Ends a turn that was just opened with the authored hint; with nothing if its author wrote none.
fn give_hint(tx: &WriteTx<'_>, school: &School, seq: i64, now: Timestamp) -> Result<(), StoreError> {
    let Some(task) = turns::load_task(tx.conn(), seq)? else { return Ok(()) };
    let version = school.versions.get(&task.attempt.problem_version_id);
    let ceiling = ceiling_of(school, &task.attempt);
    let hint = version.and_then(|version| hints::choose(version, task.number, ceiling, task.language));
    let hint = hint.map(|hint| ShownHint { text: hint.text, level: hint.level, reason: HintReason::TooMany });
    let state = if hint.is_some() { FeedbackState::Done } else { FeedbackState::Failed };
    telemetry::count_limited("help");
    telemetry::count_turn("limit", None);
    turns::start(tx, seq)?;
    turns::finish(tx, seq, &TurnEnd { state, hint, ai_text: None, model: None, usage: None }, now)
}

/// Keeps the pupil's verdict on the newest help for an attempt.
///
/// # Errors
/// There is no help that has come.
pub async fn rate(ctx: &Ctx, attempt_id: AttemptId, helpful: bool) -> Result<(), ApiError> {
    ctx.store
        .write(move |tx| {
            let latest = turns::latest(tx.conn(), attempt_id)?;
            let done = latest.filter(|turn| turn.help.state == FeedbackState::Done);
            let turn = done.ok_or_else(|| ApiError::not_found("Help for that answer"))?;
            Ok(turns::rate(tx, turn.seq, helpful)?)
        })
        .await
}

/// How far help may go for an answer.
pub fn ceiling_of(school: &School, attempt: &HelpAttempt) -> HintCeiling {
    school.help_ceiling(attempt.pupil_id, attempt.lesson_id, attempt.problem_version_id)
}

fn check_released(school: &School, attempt: &HelpAttempt) -> Result<(), ApiError> {
    let refuse = |detail: &str| Err(ApiError::new(StatusCode::FORBIDDEN, ProblemCode::NotReleased, detail));
    match attempt.grade {
        Grade::Right => {
            return refuse("This answer is right already.")
                .map_err(|err| err.hint("Go on to the next problem."));
        }
        Grade::RightButForm { .. } | Grade::Wrong | Grade::NotUnderstood { .. } => {}
    }
    if ceiling_of(school, attempt) == HintCeiling::None {
        return refuse("This lesson is solved without help.")
            .map_err(|err| err.hint("Try again, or ask your teacher."));
    }
    Ok(())
}

/// A turn that helps or is about to; the others gave nothing and may be tried again.
fn is_help(state: FeedbackState) -> bool {
    match state {
        FeedbackState::Pending | FeedbackState::Running | FeedbackState::Done => true,
        FeedbackState::Expired | FeedbackState::Failed => false,
    }
}
