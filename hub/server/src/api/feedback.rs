//! Help for an attempt: asking for it, reading it as it is written, saying whether it helped.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use dreamseed_wire::{
    account::Role,
    feedback::{FeedbackEvent, FeedbackFailure, HelpTicket, RateFeedback},
    hub::Problem,
    ids::AttemptId,
};
use futures_util::stream::{Stream, unfold};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    event_stream::{Ended, StreamEnd, unbuffered},
    extract::{Body, Caller, Path},
    problem::ApiError,
};
use crate::{
    answering::{self, AnsweringError},
    feedback::{
        self,
        stream::{Listener, NumberedEvent},
    },
    hub::Ctx,
};

/// Proxies and browsers give a silent stream up after a while.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(ask_help))
        .routes(routes!(follow_feedback))
        .routes(routes!(rate_feedback))
}

/// Ask for help with an answer. Asking again gives the same ticket.
#[utoipa::path(
    post,
    path = "/api/v1/attempts/{attempt_id}/help",
    operation_id = "ask_help",
    tag = "attempts",
    params(("attempt_id" = AttemptId, Path)),
    responses(
        (status = 202, description = "Help is on its way", body = HelpTicket),
        (status = 403, description = "The lesson gives no help, or the answer is right", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Unknown attempt", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn ask_help(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(attempt_id): Path<AttemptId>,
) -> Result<Response, ApiError> {
    let ticket = feedback::ask(&ctx, &caller, attempt_id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(ticket)).into_response())
}

/// Help as it is written, as server-sent events. Ids count from 1; places in line have none.
#[utoipa::path(
    get,
    path = "/api/v1/attempts/{attempt_id}/feedback",
    operation_id = "follow_feedback",
    tag = "attempts",
    params(
        ("attempt_id" = AttemptId, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event; from the first if it is no number"),
    ),
    responses(
        (status = 200, description = "Events until the help ends", body = FeedbackEvent, content_type = "text/event-stream"),
        (status = 403, description = "An exam with this problem is running", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No help was asked for", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn follow_feedback(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(attempt_id): Path<AttemptId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let is_kept_back = exam_question(&ctx, &caller, attempt_id).await?;
    if is_kept_back() {
        return Err(AnsweringError::ExamRunning.into());
    }
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    let in_engine = ctx.engine.status().borrow().waiting;
    let listener = ctx.feedback.subscribe(&ctx.store, attempt_id, seen, in_engine).await?;
    let listener = listener.ok_or_else(|| ApiError::not_found("Help for that answer"))?;
    let reading = Reading { listener, end: StreamEnd::of(&ctx, &caller), is_kept_back, is_over: false };
    let stream = Sse::new(reading.events()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("alive"));
    Ok(unbuffered(stream.into_response()))
}

/// Say whether the newest help for an answer helped.
#[utoipa::path(
    put,
    path = "/api/v1/attempts/{attempt_id}/feedback/rating",
    operation_id = "rate_feedback",
    tag = "attempts",
    params(("attempt_id" = AttemptId, Path)),
    request_body = RateFeedback,
    responses(
        (status = 204, description = "Kept"),
        (status = 404, description = "There is no help to rate", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn rate_feedback(
    State(ctx): State<Arc<Ctx>>,
    Path(attempt_id): Path<AttemptId>,
    Body(rating): Body<RateFeedback>,
) -> Result<StatusCode, ApiError> {
    feedback::rate(&ctx, attempt_id, rating.helpful).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks whether an exam that is running keeps the help of an answer from its reader.
type ExamQuestion = Box<dyn Fn() -> bool + Send + Sync>;

/// Staff read everything; a pupil reads no help with a problem of an exam, even if it came before the exam began.
async fn exam_question(ctx: &Arc<Ctx>, caller: &Caller, id: AttemptId) -> Result<ExamQuestion, ApiError> {
    match caller.role {
        Role::Student => {}
        Role::Parent | Role::Teacher | Role::Admin => return Ok(Box::new(|| false)),
    }
    let version = answering::version_of(ctx, id).await?;
    let (ctx, pupil) = (Arc::clone(ctx), caller.user_id);
    Ok(Box::new(move || answering::is_withheld(&ctx.school.get(), pupil, version, ctx.clock.now())))
}

/// One reader's stream and what may end it.
struct Reading {
    listener: Listener,
    end: StreamEnd,
    /// An exam may begin while the help is written.
    is_kept_back: ExamQuestion,
    is_over: bool,
}

impl Reading {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
        unfold(self, |mut reading| async move {
            let event = reading.next().await?;
            Some((Ok(as_sse(&event)), reading))
        })
    }

    async fn next(&mut self) -> Option<NumberedEvent> {
        if self.is_over {
            return None;
        }
        tokio::select! {
            biased;
            ended = self.end.reached() => {
                self.is_over = true;
                let failed = FeedbackEvent::Failed { reason: FeedbackFailure::SignedOut };
                (ended == Ended::SignedOut).then_some(NumberedEvent { id: None, event: failed })
            }
            event = self.listener.next() => {
                self.is_over = (self.is_kept_back)();
                event.filter(|_| !self.is_over)
            }
        }
    }
}

fn as_sse(event: &NumberedEvent) -> Event {
    let data = serde_json::to_string(&event.event).unwrap_or_default();
    let sse = Event::default().data(data);
    match event.id {
        Some(id) => sse.id(id.to_string()),
        None => sse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feedback::stream::HelpLog;
    use dreamseed_wire::feedback::HintReason;
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    fn reading(log: &Arc<HelpLog>) -> Reading {
        Reading {
            listener: log.listen(0),
            end: StreamEnd {
                token_ends: Instant::now() + Duration::from_secs(900),
                session_ends: CancellationToken::new(),
                stopping: CancellationToken::new(),
            },
            is_kept_back: Box::new(|| false),
            is_over: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_the_sign_in_and_says_so() {
        let log = Arc::new(HelpLog::default());
        log.show_hint("힌트", HintReason::ModelIsLate);
        let mut signed_out = reading(&log);
        assert_eq!(signed_out.next().await.and_then(|event| event.id), Some(1));
        signed_out.end.session_ends.cancel();
        let last = signed_out.next().await.expect("a last event");
        assert_eq!(last.event, FeedbackEvent::Failed { reason: FeedbackFailure::SignedOut });
        assert_eq!((last.id, signed_out.next().await), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_an_exam_begins_to_keep_it() {
        let log = Arc::new(HelpLog::default());
        log.show_hint("힌트", HintReason::ModelIsLate);
        let mut kept_back = Reading { is_kept_back: Box::new(|| true), ..reading(&log) };
        assert_eq!((kept_back.next().await, kept_back.next().await), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_the_token_and_with_the_hub() {
        let log = Arc::new(HelpLog::default());
        let began = Instant::now();
        assert_eq!(reading(&log).next().await, None);
        assert_eq!(began.elapsed(), Duration::from_secs(900));
        let stopping = reading(&log);
        stopping.end.stopping.cancel();
        let mut stopping = stopping;
        assert_eq!(stopping.next().await, None);
    }
}
