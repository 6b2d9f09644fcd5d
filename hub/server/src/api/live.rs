//! `/classes/{class_id}/live`: the class as it works.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use dreamseed_wire::{
    ids::ClassId,
    live::{ClassLive, LiveEvent},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    event_stream::{self, StreamEnd},
    extract::{Caller, Path},
    problem::ApiError,
};
use crate::{
    hub::Ctx,
    live::{self, EventId, Frame, NoEventId},
    store::StoreError,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(get_class_live)).routes(routes!(watch_class))
}

/// The class now: pupils × problems of the newest open lesson.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/live", operation_id = "get_class_live", tag = "live",
    params(("class_id" = ClassId, Path)), responses((status = 200, body = ClassLive))
)]
async fn get_class_live(
    State(ctx): State<Arc<Ctx>>,
    Path(id): Path<ClassId>,
) -> Result<Json<ClassLive>, ApiError> {
    Ok(Json(live::picture(&ctx, id).await?.ok_or_else(|| ApiError::not_found("That class"))?))
}

/// What changes in the class, as server-sent events of `LiveEvent`, with a beat every second; goes on after
/// `Last-Event-ID`.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/live/events", operation_id = "watch_class", tag = "live",
    params(
        ("class_id" = ClassId, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event, or after a picture's `last_event`; from now on if absent"),
    ),
    responses((status = 200, content_type = "text/event-stream", body = LiveEvent))
)]
async fn watch_class(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<ClassId>,
    headers: HeaderMap,
) -> Response {
    let since = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default().trim());
    // Before the log is read, so that nothing falls between the two.
    let frames = ctx.live.watch_class(id, caller.session_id);
    let (first, seen) = catch_up(&ctx, id, since).await.unwrap_or_else(|err| {
        tracing::error!(error = %err, "the events that a watcher missed could not be read");
        (vec![Frame::of(None, &LiveEvent::Refetch)], i64::MIN)
    });
    event_stream::follow(first, seen, frames, StreamEnd::of(&ctx, &caller))
}

/// What a watcher missed since an event, and the number of the record up to which that is.
async fn catch_up(ctx: &Ctx, class: ClassId, since: Option<&str>) -> Result<(Vec<Frame>, i64), StoreError> {
    let standings = live::standings_now(ctx, class).await?;
    let Some(since) = since.filter(|since| !since.is_empty()) else { return Ok((Vec::new(), i64::MIN)) };
    let missed = match since.parse::<EventId>() {
        Ok(since) => live::missed(ctx, class, since).await?.map(|missed| (since, missed)),
        Err(NoEventId) => None,
    };
    let Some((since, missed)) = missed else {
        return Ok((vec![Frame::of(None, &LiveEvent::Refetch)], i64::MIN));
    };
    let seen = missed.last().map_or(since.seq, |(id, _)| since.seq.max(id.seq));
    // What happens to a lesson is not in the log: it is told as it stands.
    let lesson = live::shown_lesson_event(ctx, class);
    let lesson = lesson.iter().map(|event| Frame::of(None, event));
    let cells = missed.iter().map(|(id, event)| Frame::of(Some(*id), event));
    Ok((lesson.chain(cells).chain(standings.iter().map(|event| Frame::of(None, event))).collect(), seen))
}
